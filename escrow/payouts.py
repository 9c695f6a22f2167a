"""Payouts: money leaves for a bank account by a file, and is settled or comes back when the bank says so.

A payout's money lies in a transit account of its own from the moment it is queued, so it can neither be paid twice nor
spent meanwhile. Sending is the clock's work (escrow/clock.py); a batch has one message id for ever.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from escrow import ledger, payments_store
from escrow.facts import BankAccount, Leg, Payout, PayoutPurpose, PayoutState, Refusal
from escrow.hooks import Hooks
from escrow.ledger import Account, Operation
from escrow.pain001 import payout_file
from escrow.references import Purpose, new_reference
from escrow.rules import BANK

if TYPE_CHECKING:
    from migrations.database import Connection

LARGEST_BATCH = 500
_LONGEST_WAIT_SECONDS = 300
_CLAIM_SECONDS = 60
"""For how long a claimed batch belongs to its sender; longer than sending may take (bank_client.TIMEOUT_SECONDS)."""


class Centre(Struct, frozen=True, kw_only=True):
    """The house at its bank: the holder's name and one account number for each currency."""

    holder: str
    accounts: Mapping[str, str]


class Source(Struct, frozen=True, kw_only=True):
    """Whose money goes out and from which account; a case or a quarantined item stands behind it, or a withdrawal."""

    path: str
    purpose: PayoutPurpose
    party_id: int | None = None
    case_id: int | None = None
    quarantine_id: int | None = None


@dataclass(frozen=True, slots=True)
class Payouts:
    """The life of payouts; each function runs inside the caller's transaction."""

    hooks: Hooks

    async def queue(
        self,
        conn: Connection,
        source: Source,
        currency: str,
        amount_minor: int,
        now: datetime,
        *,
        payee: BankAccount | None = None,
    ) -> Payout | Refusal:
        """Move the money into transit and queue it for the next file. Without a payee it goes to the party's registered
        account, or waits until the party registers one. Refuses only when the source holds less.
        """
        if payee is None and source.party_id is not None:
            payee = await payments_store.bank_account(conn, source.party_id)
        payout = Payout(
            id=await payments_store.new_payout_id(conn),
            party_id=source.party_id,
            purpose=source.purpose,
            source=source.path,
            currency=currency,
            amount_minor=amount_minor,
            case_id=source.case_id,
            quarantine_id=source.quarantine_id,
            state=PayoutState.QUEUED if payee else PayoutState.WAITING_ACCOUNT,
            end_to_end_id=new_reference(Purpose.PAYOUT),
            holder=payee.holder if payee else None,
            number=payee.number if payee else None,
            queued_at=now,
        )
        account = await self._transit(conn, payout)
        operation = _operation(payout, "payout_queued", source.path, transit(payout.id))
        (posted,) = await ledger.post_many(conn, [operation], now)
        if posted.refused_by == ledger.OVERDRAWN:
            return Refusal.INSUFFICIENT_BALANCE
        if posted.result != "posted":
            raise ledger.PostingRefusedError(posted.refused_by or posted.result, operation)
        await payments_store.insert_payout(conn, payout, account)
        await self.hooks.on_payout_changed(conn, payout, now)
        return payout

    async def payee_known(self, conn: Connection, payee: BankAccount, now: datetime) -> None:
        """A party registered an account: what waited for it goes, and what the bank gave back of sales goes again."""
        await self.give_known_payees(conn, now)
        for returned in await payments_store.lock_returned_payouts(conn, payee.party_id):
            source = Source(
                path=returned.source,
                purpose=returned.purpose,
                party_id=returned.party_id,
                case_id=returned.case_id,
            )
            again = await self.queue(conn, source, returned.currency, returned.amount_minor, now, payee=payee)
            assert isinstance(again, Payout), "what came back to a payable account is still there"
            await payments_store.replace_payout(conn, returned.id, again.id)

    async def give_known_payees(self, conn: Connection, now: datetime) -> None:
        """Queue the payouts that waited for an account which is registered now."""
        for waiting, payee in await payments_store.lock_payouts_with_payee_now(conn):
            await payments_store.give_payee(conn, waiting.id, payee)
            queued = msgspec.structs.replace(
                waiting, state=PayoutState.QUEUED, holder=payee.holder, number=payee.number
            )
            await self.hooks.on_payout_changed(conn, queued, now)

    async def build_batch(self, conn: Connection, centre: Centre, now: datetime) -> bool:
        """Put queued payouts of one currency into a file for the bank; False when none is queued."""
        payouts = await payments_store.lock_queued_payouts(conn, LARGEST_BATCH)
        if not payouts:
            return False
        currency = payouts[0].currency
        exponents = await payments_store.currency_exponents(conn)
        message_id = f"GH{now:%Y%m%d}{secrets.token_hex(8).upper()}"
        body = payout_file(
            message_id=message_id,
            debtor=centre.holder,
            debtor_account=centre.accounts[currency],
            exponent=exponents[currency],
            payouts=payouts,
            now=now,
        )
        await payments_store.insert_batch(conn, message_id, currency, body, [each.id for each in payouts], now)
        return True

    async def claim_batch(self, conn: Connection, now: datetime) -> payments_store.Batch | None:
        """A batch that this process shall send now; should it die, another may claim it a minute later."""
        return await payments_store.claim_unsent_batch(conn, now, now + timedelta(seconds=_CLAIM_SECONDS))

    async def batch_sent(self, conn: Connection, batch: payments_store.Batch, now: datetime) -> None:
        """The bank has accepted the file."""
        for payout in await payments_store.batch_sent(conn, batch.id, now):
            await self.hooks.on_payout_changed(conn, payout, now)

    async def batch_failed(self, conn: Connection, batch: payments_store.Batch, error: str, now: datetime) -> datetime:
        """The bank could not be reached or refused the file: try again, ever more seldom, up to every five minutes."""
        try_at = now + timedelta(seconds=min(2 ** min(batch.attempts, 10), _LONGEST_WAIT_SECONDS))
        await payments_store.postpone_batch(conn, batch.id, try_at, error)
        return try_at

    async def finish(self, conn: Connection, payout: Payout, now: datetime, *, returned: str | None = None) -> Payout:
        """The bank executed the payout, or returned it for the reason given. The caller has locked it."""
        target = BANK if returned is None else payout.source
        kind = "payout_settled" if returned is None else "payout_returned"
        await ledger.open_accounts(conn, [Account(path=BANK, currency=payout.currency)])  # all may have come by card
        await ledger.post(conn, _operation(payout, kind, transit(payout.id), target), now)
        account = await self._transit(conn, payout)
        seals = await ledger.seal(conn, [account])
        state = PayoutState.SETTLED if returned is None else PayoutState.RETURNED
        await payments_store.end_payout(conn, payout.id, state, returned, seals[account], now)
        ended = msgspec.structs.replace(payout, state=state, ended_at=now, return_reason=returned)
        await self.hooks.on_payout_changed(conn, ended, now)
        return ended

    async def hold(
        self, conn: Connection, payout_id: int, operator_id: int, reason: str, now: datetime
    ) -> Payout | Refusal:
        """An operator holds a payout back, with a reason; it goes into no file until it is released."""
        if not reason.strip():
            return Refusal.REASON_MISSING
        if await payments_store.lock_payout(conn, payout_id) is None:
            return Refusal.UNKNOWN_PAYOUT
        held = await payments_store.hold_payout(conn, payout_id, operator_id, reason.strip(), now)
        return held or Refusal.PAYOUT_HAS_GONE

    async def release(self, conn: Connection, payout_id: int) -> Payout | Refusal:
        """What was held back goes with the next file."""
        if await payments_store.lock_payout(conn, payout_id) is None:
            return Refusal.UNKNOWN_PAYOUT
        return await payments_store.release_payout(conn, payout_id) or Refusal.PAYOUT_NOT_HELD

    async def send_again(self, conn: Connection, payout_id: int, now: datetime) -> Payout | Refusal:
        """What the bank gave back goes out anew, to the account that the party has registered now."""
        returned = await payments_store.lock_payout(conn, payout_id)
        if returned is None:
            return Refusal.UNKNOWN_PAYOUT
        if returned.state is not PayoutState.RETURNED or returned.party_id is None or returned.replaced_by is not None:
            return Refusal.PAYOUT_NOT_RETURNED
        if await payments_store.bank_account(conn, returned.party_id) is None:
            return Refusal.NO_BANK_ACCOUNT
        source = Source(
            path=returned.source, purpose=returned.purpose, party_id=returned.party_id, case_id=returned.case_id
        )
        again = await self.queue(conn, source, returned.currency, returned.amount_minor, now)
        if isinstance(again, Payout):
            await payments_store.replace_payout(conn, returned.id, again.id)
        return again

    async def payouts(self, conn: Connection, state: PayoutState | None = None, limit: int = 200) -> list[Payout]:
        """Payouts in one state or all, latest first."""
        return await payments_store.payouts(conn, state, limit)

    async def payouts_of(self, conn: Connection, party_id: int, limit: int = 200) -> list[Payout]:
        return await payments_store.payouts_of_party(conn, party_id, limit)

    async def payout_of_case(self, conn: Connection, case_id: int) -> Payout | None:
        """The latest payout of a case; an earlier one may have come back."""
        return await payments_store.payout_of_case(conn, case_id)

    async def _transit(self, conn: Connection, payout: Payout) -> int:
        path = transit(payout.id)
        accounts = await ledger.open_accounts(conn, [Account(path=path, currency=payout.currency)])
        return accounts[path, payout.currency]


def transit(payout_id: int) -> str:
    return f"transit:{payout_id}"


def _operation(payout: Payout, kind: str, debit: str, credit: str) -> Operation:
    leg = Leg(debit=debit, credit=credit, currency=payout.currency, amount_minor=payout.amount_minor)
    return Operation(kind=kind, subject=f"payout:{payout.id}", actor=f"for {payout.source}", legs=(leg,))
