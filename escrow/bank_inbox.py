"""What the bank tells: each notice once by its id, matched to a deposit, a case or a payout, or put into quarantine.

What happens to money in quarantine afterwards stands in escrow/quarantine.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from escrow import ledger, payments_store, rules, store
from escrow.chargebacks import Chargebacks
from escrow.deposits import Deposits
from escrow.facts import (
    BankNotice,
    Case,
    Deposit,
    NoticeKind,
    Outcome,
    Payout,
    PayoutState,
    QuarantineReason,
    Received,
)
from escrow.hooks import Hooks
from escrow.ledger import Account
from escrow.payouts import Payouts
from escrow.quarantine import Quarantine
from escrow.references import find_reference
from escrow.reversals import Reversals
from escrow.rules import BANK
from escrow.settlement import BANK as BANK_ACTOR
from escrow.settlement import Settlement

if TYPE_CHECKING:
    from migrations.database import Connection


class NoticeConflictError(Exception):
    """The bank contradicts itself (an id again with other content) or the book (another sum than the payout's): nothing was
    done, and somebody must ask the bank.
    """


@dataclass(frozen=True, slots=True)
class Inbox:
    hooks: Hooks
    deposits: Deposits
    settlement: Settlement
    payouts: Payouts
    quarantine: Quarantine
    chargebacks: Chargebacks
    reversals: Reversals

    async def receive(self, conn: Connection, notice: BankNotice, now: datetime) -> Received:
        """Take one notice in; the same one again changes nothing. Raises NoticeConflictError."""
        digest = sha256(msgspec.json.encode(notice, order="deterministic")).digest()
        if not await payments_store.insert_notice(conn, notice, digest, now):
            return await self._received_before(conn, notice, digest)
        if notice.kind is NoticeKind.TRANSFER_RECEIVED:
            await self.reversals.lock(conn, notice.bank_id)
            received = await self._transfer(conn, notice, now)
        elif notice.kind is NoticeKind.TRANSFER_REVERSED:
            received = await self.reversals.reversed(conn, notice, now)
        elif notice.kind is NoticeKind.CHARGEBACK:
            received = await self.chargebacks.opened(conn, notice, now)
        elif notice.kind in (NoticeKind.CHARGEBACK_WON, NoticeKind.CHARGEBACK_LOST):
            received = await self.chargebacks.ended(conn, notice, now)
        else:
            received = await self._payout(conn, notice, now)
        await payments_store.set_notice_outcome(conn, notice.bank_id, received.outcome)
        if notice.kind is NoticeKind.TRANSFER_RECEIVED:
            await self.reversals.told_early(conn, notice, now)
        return received

    async def _received_before(self, conn: Connection, notice: BankNotice, digest: bytes) -> Received:
        stored = await payments_store.notice(conn, notice.bank_id)
        if stored is None or stored.sha256 != digest:
            raise NoticeConflictError(f"the bank's id {notice.bank_id} stands with other content")
        return Received(outcome=stored.outcome, again=True, reason=stored.reason, item_id=stored.item_id)

    async def _payout(self, conn: Connection, notice: BankNotice, now: datetime) -> Received:
        payout = await payments_store.lock_payout_by_end_to_end_id(conn, notice.reference)
        if payout is None:
            return Received(outcome=Outcome.IGNORED)
        if (notice.currency, notice.amount_minor) != (payout.currency, payout.amount_minor):
            raise NoticeConflictError(f"{notice.kind} of {notice.reference} names another sum than the payout")
        if payout.state is PayoutState.SETTLED and notice.kind is NoticeKind.PAYOUT_RETURNED:
            return await self._came_back_late(conn, notice, payout, now)
        if payout.state not in (PayoutState.QUEUED, PayoutState.SENT):
            return Received(outcome=Outcome.IGNORED)
        if notice.kind is NoticeKind.PAYOUT_SETTLED:
            settled = await self.payouts.finish(conn, payout, now)
            await self.settlement.payout_settled(conn, settled, now)
            await self.quarantine.return_ended(conn, settled, now)
            return Received(outcome=Outcome.PAYOUT_SETTLED)
        returned = await self.payouts.finish(conn, payout, now, returned=notice.reason or "unknown")
        await self.quarantine.return_ended(conn, returned, now)
        return Received(outcome=Outcome.PAYOUT_RETURNED)

    async def _came_back_late(self, conn: Connection, notice: BankNotice, payout: Payout, now: datetime) -> Received:
        """The bank had said settled, so the money has left the book: it comes in anew, once, and waits for an operator."""
        if await payments_store.was_returned_before(conn, notice):
            return Received(outcome=Outcome.IGNORED)
        from_payee = msgspec.structs.replace(
            notice, sender_holder=payout.holder or "", sender_number=payout.number or ""
        )
        return await self.quarantine.put_aside(conn, from_payee, QuarantineReason.LATE, now, case_id=payout.case_id)

    async def _transfer(self, conn: Connection, notice: BankNotice, now: datetime) -> Received:
        if not await payments_store.currency_is_known(conn, notice.currency):
            return await self._in_unknown_currency(conn, notice, now)
        await ledger.open_accounts(conn, [Account(path=BANK, currency=notice.currency)])
        reference = find_reference(notice.reference)
        if reference is None:
            return await self.quarantine.put_aside(conn, notice, QuarantineReason.UNKNOWN_REFERENCE, now)
        named = await store.deposit_by_reference(conn, reference)
        if named is not None:
            return await self._for_deposit(conn, notice, named, now)
        case = await store.lock_case_by_reference(conn, reference)
        if case is not None:
            return await self._for_case(conn, notice, case, now)
        return await self.quarantine.put_aside(conn, notice, QuarantineReason.UNKNOWN_REFERENCE, now)

    async def _in_unknown_currency(self, conn: Connection, notice: BankNotice, now: datetime) -> Received:
        """The book does not keep it, so nothing is posted; but whom its reference names is told, and the operator sees it."""
        reference = find_reference(notice.reference)
        deposit = await store.deposit_by_reference(conn, reference) if reference else None
        case = await store.lock_case_by_reference(conn, reference) if reference and deposit is None else None
        return await self.quarantine.put_aside(
            conn,
            notice,
            QuarantineReason.UNKNOWN_CURRENCY,
            now,
            case_id=case.id if case else None,
            deposit_id=deposit.id if deposit else None,
        )

    async def _for_deposit(self, conn: Connection, notice: BankNotice, named: Deposit, now: datetime) -> Received:
        await self.hooks.lock_subject(conn, named.subject)
        deposit = await store.lock_deposit(conn, named.id)
        assert deposit is not None, "deposits are never deleted"
        misfit = rules.misfit_of_deposit(deposit, notice)
        if misfit is not None:
            return await self.quarantine.put_aside(conn, notice, misfit, now, deposit_id=deposit.id)
        await self.deposits.hold_from(conn, deposit, BANK, f"bank:{notice.bank_id}", now)
        return Received(outcome=Outcome.DEPOSIT_HELD)

    async def _for_case(self, conn: Connection, notice: BankNotice, case: Case, now: datetime) -> Received:
        misfit = rules.misfit_of_case(case, notice)
        if misfit is not None:
            return await self.quarantine.put_aside(conn, notice, misfit, now, case_id=case.id)
        paid = await self.settlement.pay(conn, case, BANK_ACTOR, BANK, notice.amount_minor, now)
        assert isinstance(paid, Case), "a payment that fits a waiting case pays it"
        return Received(outcome=Outcome.CASE_FUNDED)
