"""Transfers that the bank takes back after it had booked them (冲正): whatever they had paid is undone, once, and the money
goes back to the bank. Told by the bank itself, or taken in by an operator from a statement.

what the transfer had become          the money comes from
still in suspense                     suspense: the item is closed as reversed
a deal's price, a deposit, a wallet   whom a chargeback of the same would take it from (escrow/chargeback_parts.py)
sent back to its sender already       nobody here: not posted, the bank must be asked
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from escrow import claims_store, ledger, payments_store, rules, store
from escrow.chargeback_parts import Taken, share_of_transfer
from escrow.chargebacks import Chargebacks
from escrow.facts import (
    TRANSFER_PREFIX,
    BankNotice,
    Leg,
    Outcome,
    Quarantined,
    QuarantineReason,
    QuarantineState,
    Received,
)
from escrow.hooks import Hooks
from escrow.ledger import Account, Operation
from escrow.quarantine import suspense
from escrow.references import find_reference

if TYPE_CHECKING:
    from migrations.database import Connection

_IGNORED = Received(outcome=Outcome.IGNORED)


@dataclass(frozen=True, slots=True)
class Reversals:
    hooks: Hooks
    chargebacks: Chargebacks

    async def reversed(self, conn: Connection, notice: BankNotice, now: datetime) -> Received:
        """Undo the transfer that the notice names by the bank's own id. One that we know of no such transfer for, of
        another sum, or that is undone already, is only noted.
        """
        named = msgspec.structs.replace(notice, reference=f"{TRANSFER_PREFIX}{notice.reference}")
        await self.lock(conn, notice.reference)
        paid = await payments_store.transfer_to_reverse(conn, notice.reference)
        if paid is None or (paid.currency, paid.amount_minor) != (notice.currency, notice.amount_minor):
            return _IGNORED
        stored = await payments_store.notice(conn, notice.reference)
        assert stored is not None, "it was just read"
        if stored.outcome is Outcome.QUARANTINED:
            assert stored.item_id is not None, "a quarantined notice has its item"
            return await self._of_item(conn, stored.item_id, named, now)
        reference = find_reference(paid.reference)
        assert reference is not None, "what paid something by itself named it"
        if stored.outcome is Outcome.CASE_FUNDED:
            case = await store.lock_case_by_reference(conn, reference)
            taken = await share_of_transfer(conn, self.hooks, named, case_id=case.id if case else None)
        else:
            deposit = await store.deposit_by_reference(conn, reference)
            assert deposit is not None, "the deposit that a transfer paid stays"
            taken = await share_of_transfer(conn, self.hooks, named, deposit_id=deposit.id)
        return await self._take_back(conn, named, taken, now)

    async def lock(self, conn: Connection, transfer_id: str) -> None:
        """From here to the end of the transaction nobody else takes in this transfer, or its reversal."""
        await claims_store.lock_payment_reference(conn, f"{TRANSFER_PREFIX}{transfer_id}")

    async def told_early(self, conn: Connection, transfer: BankNotice, now: datetime) -> None:
        """The bank's messages may overtake each other: a reversal told before its transfer counts once that has come."""
        early = await payments_store.reversal_told_early(conn, transfer)
        if early is not None:
            done = await self.reversed(conn, early, now)
            await payments_store.set_notice_outcome(conn, early.bank_id, done.outcome)

    async def _of_item(self, conn: Connection, item_id: int, named: BankNotice, now: datetime) -> Received:
        item = await payments_store.lock_item(conn, item_id)
        assert item is not None, "an item is never deleted"
        if item.state is QuarantineState.APPLIED:
            return await self._take_back(conn, named, await self._where_applied(conn, item, named), now)
        if item.state is not QuarantineState.OPEN:
            return _IGNORED
        sealed = None
        if item.reason is not QuarantineReason.UNKNOWN_CURRENCY:
            path = suspense(item.id)
            leg = Leg(debit=path, credit=rules.BANK, currency=item.currency, amount_minor=item.amount_minor)
            await ledger.post(conn, Operation(kind="reversed", subject=path, actor="bank", legs=(leg,)), now)
            opened = await ledger.open_accounts(conn, [Account(path=path, currency=item.currency)])
            account = opened[path, item.currency]
            sealed = (await ledger.seal(conn, [account]))[account]
        ended = msgspec.structs.replace(item, state=QuarantineState.REVERSED, decided_at=now)
        await payments_store.save_item(conn, ended, sealed)
        return Received(outcome=Outcome.TRANSFER_REVERSED)

    async def _where_applied(self, conn: Connection, item: Quarantined, named: BankNotice) -> Taken | None:
        """What an operator had applied the item to, as the book says."""
        to = {
            kind: int(number)
            for kind, _, number in (
                path.partition(":") for path in await payments_store.credited_from(conn, suspense(item.id))
            )
            if number
        }
        if "escrow" in to:
            return await share_of_transfer(conn, self.hooks, named, case_id=to["escrow"])
        if "deposit" in to:
            return await share_of_transfer(conn, self.hooks, named, deposit_id=to["deposit"])
        return await share_of_transfer(conn, self.hooks, named, party_id=to["wallet"])

    async def _take_back(self, conn: Connection, named: BankNotice, taken: Taken | None, now: datetime) -> Received:
        if taken is None:
            return _IGNORED
        await self.chargebacks.transfer_taken_back(conn, named, taken, now)
        return Received(outcome=Outcome.TRANSFER_REVERSED)
