"""Money that came and fits nothing: put aside in a suspense account of its own with the reason, shown to an operator,
and applied by him or sent back to where it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from escrow import ledger, payments_store, rules, store
from escrow.deposits import Deposits
from escrow.facts import (
    Action,
    BankAccount,
    BankNotice,
    Case,
    Deposit,
    DepositState,
    Leg,
    Outcome,
    Payout,
    PayoutPurpose,
    PayoutState,
    Quarantined,
    QuarantineReason,
    QuarantineState,
    Received,
    Refusal,
    Role,
    State,
)
from escrow.hooks import Hooks
from escrow.ledger import Account, Operation
from escrow.payouts import Payouts, Source
from escrow.references import find_reference
from escrow.rules import BANK, Request
from escrow.settlement import Actor, Settlement

if TYPE_CHECKING:
    from migrations.database import Connection


@dataclass(frozen=True, slots=True)
class Quarantine:
    hooks: Hooks
    deposits: Deposits
    settlement: Settlement
    payouts: Payouts

    async def put_aside(
        self,
        conn: Connection,
        notice: BankNotice,
        reason: QuarantineReason,
        now: datetime,
        *,
        case_id: int | None = None,
        deposit_id: int | None = None,
    ) -> Received:
        """The money goes from the bank to suspense, named by what its reference named, if anything."""
        item = Quarantined(
            id=await payments_store.new_item_id(conn),
            bank_id=notice.bank_id,
            reason=reason,
            currency=notice.currency,
            amount_minor=notice.amount_minor,
            reference=notice.reference,
            sender_holder=notice.sender_holder,
            sender_number=notice.sender_number,
            booked_at=notice.booked_at,
            received_at=now,
            state=QuarantineState.OPEN,
            case_id=case_id,
            deposit_id=deposit_id,
        )
        account = None
        if reason is not QuarantineReason.UNKNOWN_CURRENCY:
            account = await self._suspense(conn, item)
            arrived = _leg(item, BANK, suspense(item.id), item.amount_minor)
            await self._post(conn, item, "quarantined", f"bank:{notice.bank_id}", (arrived,), now)
        await payments_store.insert_item(conn, item, account)
        await self.hooks.on_quarantined(conn, item, now)
        return Received(outcome=Outcome.QUARANTINED, reason=reason, item_id=item.id)

    async def items(
        self, conn: Connection, state: QuarantineState | None = QuarantineState.OPEN, limit: int = 200
    ) -> list[Quarantined]:
        """Quarantined money in one state or all, oldest first."""
        return await payments_store.items(conn, state, limit)

    async def waiting_for_case(self, conn: Connection, case: Case) -> list[Quarantined]:
        """Transfers that came with the case's own reference and wait for an operator, oldest first."""
        items = await payments_store.open_items_of_case(conn, case.id)
        return [item for item in items if find_reference(item.reference) == case.reference]

    async def dry_run(
        self,
        conn: Connection,
        item_id: int,
        now: datetime,
        *,
        case_id: int | None = None,
        deposit_id: int | None = None,
        wallet_of: int | None = None,
    ) -> tuple[Leg, ...] | Refusal:
        """What applying the item to exactly one of these would post; nothing is posted."""
        item = await payments_store.item_by_id(conn, item_id)
        refusal = _undecidable(item)
        if item is None or refusal is not None:
            return refusal or Refusal.UNKNOWN_ITEM
        if case_id is not None:
            return _for_case(item, await store.case_by_id(conn, case_id), now)
        if deposit_id is not None:
            return _for_deposit(item, await store.deposit_by_id(conn, deposit_id))
        assert wallet_of is not None, "money is applied to a case, a deposit or a wallet"
        return (_leg(item, suspense(item.id), rules.wallet(wallet_of), item.amount_minor),)

    async def apply_quarantined(
        self,
        conn: Connection,
        item_id: int,
        *,
        operator_id: int,
        note: str,
        now: datetime,
        case_id: int | None = None,
        deposit_id: int | None = None,
        wallet_of: int | None = None,
    ) -> Quarantined | Refusal:
        """An operator says what the money is for: a waiting case (what is over goes to the buyer's wallet), a waiting
        deposit (likewise), a sale that ended by default and is carried out after all, or a party's wallet. Refuses when it
        is less than what is due.
        """
        if not note.strip():
            return Refusal.REASON_MISSING
        if deposit_id is not None:
            named = await store.deposit_by_id(conn, deposit_id)
            if named is None:
                return Refusal.UNKNOWN_DEPOSIT
            await self.hooks.lock_subject(conn, named.subject)
            await store.lock_deposit(conn, deposit_id)
        if case_id is not None:
            case = await store.case_by_id(conn, case_id)
            if case is None:
                return Refusal.UNKNOWN_CASE
            # What brings a sale back must see whether the goods were offered or put up again meanwhile.
            await self.hooks.lock_subject(conn, case.subject)
            await store.lock_case(conn, case_id)
        await payments_store.lock_item(conn, item_id)
        legs = await self.dry_run(conn, item_id, now, case_id=case_id, deposit_id=deposit_id, wallet_of=wallet_of)
        if isinstance(legs, Refusal):
            return legs
        if operator_id == await _gains(conn, case_id, deposit_id, wallet_of):
            return Refusal.OWN_MONEY
        item = await payments_store.item_by_id(conn, item_id)
        assert item is not None, "the dry run has just read it"
        if case_id is not None:
            refusal = await self._apply_to_case(conn, item, case_id, operator_id, note, now)
            if refusal is not None:
                return refusal
        elif deposit_id is not None:
            await self._apply_to_deposit(conn, item, deposit_id, legs, operator_id, now)
        else:
            await self._apply_to_wallet(conn, item, legs, wallet_of, operator_id, now)
        seal = await self._seal(conn, item)
        applied = _decided(item, QuarantineState.APPLIED, operator_id, note, now)
        await payments_store.save_item(conn, applied, seal)
        return applied

    async def return_quarantined(
        self, conn: Connection, item_id: int, operator_id: int, note: str, now: datetime
    ) -> Payout | Refusal:
        """Send the money back to the account that it came from, by the next payout file."""
        item = await payments_store.lock_item(conn, item_id)
        refusal = _undecidable(item)
        if item is None or refusal is not None:
            return refusal or Refusal.UNKNOWN_ITEM
        if not note.strip():
            return Refusal.REASON_MISSING
        if not _has_letters(item.sender_number) or not _has_letters(item.sender_holder):
            return Refusal.NO_SENDER_ACCOUNT
        sender = BankAccount(party_id=0, holder=item.sender_holder, number=item.sender_number)
        source = Source(path=suspense(item.id), purpose=PayoutPurpose.RETURN, quarantine_id=item.id)
        payout = await self.payouts.queue(conn, source, item.currency, item.amount_minor, now, payee=sender)
        if isinstance(payout, Payout):
            returning = _decided(item, QuarantineState.RETURNING, operator_id, note, now)
            await payments_store.save_item(conn, returning, None)
        return payout

    async def return_ended(self, conn: Connection, payout: Payout, now: datetime) -> None:
        """A payout that took quarantined money back has arrived (the item is done) or came back (it is open again)."""
        if payout.quarantine_id is None:
            return
        item = await payments_store.lock_item(conn, payout.quarantine_id)
        assert item is not None, "a payout's item exists by foreign key"
        if payout.state is PayoutState.SETTLED:
            done = msgspec.structs.replace(item, state=QuarantineState.RETURNED)
            await payments_store.save_item(conn, done, await self._seal(conn, item))
        else:
            again = msgspec.structs.replace(item, state=QuarantineState.OPEN)
            await payments_store.save_item(conn, again, None)
            await self.hooks.on_quarantined(conn, again, now)

    async def _apply_to_case(
        self, conn: Connection, item: Quarantined, case_id: int, operator_id: int, note: str, now: datetime
    ) -> Refusal | None:
        case = await store.lock_case(conn, case_id)
        assert case is not None, "the dry run has just read it"
        actor, source = Actor(role=Role.OPERATOR, party_id=operator_id), suspense(item.id)
        if case.state is State.DEFAULTED:
            paid = await self.settlement.reinstate(conn, case_id, operator_id, source, item.amount_minor, note, now)
        else:
            paid = await self.settlement.pay(conn, case, actor, source, item.amount_minor, now, reason=note)
        return paid if isinstance(paid, Refusal) else None

    async def _apply_to_deposit(
        self,
        conn: Connection,
        item: Quarantined,
        deposit_id: int,
        legs: tuple[Leg, ...],
        operator_id: int,
        now: datetime,
    ) -> None:
        deposit = await store.lock_deposit(conn, deposit_id)
        assert deposit is not None, "the dry run has just read it"
        actor = f"operator:{operator_id}"
        await self.deposits.hold_from(conn, deposit, suspense(item.id), actor, now)
        if rest := legs[2:]:
            await self._post(conn, item, "excess_applied", actor, rest, now)

    async def _apply_to_wallet(
        self,
        conn: Connection,
        item: Quarantined,
        legs: tuple[Leg, ...],
        party_id: int | None,
        operator_id: int,
        now: datetime,
    ) -> None:
        assert party_id is not None, "money is applied to a case, a deposit or a wallet"
        wallet = Account(path=rules.wallet(party_id), currency=item.currency, owner_id=party_id)
        await ledger.open_accounts(conn, [wallet])
        await self._post(conn, item, "applied_to_wallet", f"operator:{operator_id}", legs, now)

    async def _post(
        self, conn: Connection, item: Quarantined, kind: str, actor: str, legs: tuple[Leg, ...], now: datetime
    ) -> None:
        await ledger.post(conn, Operation(kind=kind, subject=suspense(item.id), actor=actor, legs=legs), now)

    async def _suspense(self, conn: Connection, item: Quarantined) -> int:
        path = suspense(item.id)
        return (await ledger.open_accounts(conn, [Account(path=path, currency=item.currency)]))[path, item.currency]

    async def _seal(self, conn: Connection, item: Quarantined) -> int:
        account = await self._suspense(conn, item)
        return (await ledger.seal(conn, [account]))[account]


def _has_letters(text: str) -> bool:
    """Whether anything of the text can be written into a payout file."""
    return any(sign.isalnum() for sign in text)


def suspense(item_id: int) -> str:
    return f"suspense:{item_id}"


async def _gains(conn: Connection, case_id: int | None, deposit_id: int | None, wallet_of: int | None) -> int | None:
    """Whose debt is paid, or whose wallet is filled, when money is applied to one of these."""
    if case_id is not None:
        case = await store.case_by_id(conn, case_id)
        return case.buyer_id if case else None
    if deposit_id is not None:
        deposit = await store.deposit_by_id(conn, deposit_id)
        return deposit.party_id if deposit else None
    return wallet_of


def _leg(item: Quarantined, debit: str, credit: str, amount_minor: int) -> Leg:
    return Leg(debit=debit, credit=credit, currency=item.currency, amount_minor=amount_minor)


def _decided(item: Quarantined, state: QuarantineState, operator_id: int, note: str, now: datetime) -> Quarantined:
    return msgspec.structs.replace(item, state=state, decided_by=operator_id, decided_at=now, note=note.strip())


def _undecidable(item: Quarantined | None) -> Refusal | None:
    if item is None:
        return Refusal.UNKNOWN_ITEM
    if item.state is not QuarantineState.OPEN:
        return Refusal.ITEM_DECIDED
    if item.reason is QuarantineReason.UNKNOWN_CURRENCY:
        return Refusal.UNKNOWN_CURRENCY
    return None


def _for_case(item: Quarantined, case: Case | None, now: datetime) -> tuple[Leg, ...] | Refusal:
    if case is None:
        return Refusal.UNKNOWN_CASE
    if case.currency != item.currency:
        return Refusal.OTHER_CURRENCY
    request = Request(
        action=Action.PAY,
        role=Role.OPERATOR,
        now=now,
        source=suspense(item.id),
        received_minor=item.amount_minor,
    )
    if case.state is State.DEFAULTED:
        return Refusal.BELOW_DUE if item.amount_minor < case.due_minor else rules.reinstatement(case, request)
    step = rules.judge(case, request)
    return step if isinstance(step, Refusal) else step.legs


def _for_deposit(item: Quarantined, deposit: Deposit | None) -> tuple[Leg, ...] | Refusal:
    """Into the wallet, from there into the deposit; a third leg takes what is over to the wallet."""
    if deposit is None:
        return Refusal.UNKNOWN_DEPOSIT
    if deposit.state is not DepositState.REQUESTED:
        return Refusal.DEPOSIT_NOT_AWAITED
    if deposit.currency != item.currency:
        return Refusal.OTHER_CURRENCY
    if item.amount_minor < deposit.amount_minor:
        return Refusal.BELOW_DUE
    wallet = rules.wallet(deposit.party_id)
    over = item.amount_minor - deposit.amount_minor
    legs = (
        _leg(item, suspense(item.id), wallet, deposit.amount_minor),
        _leg(item, wallet, rules.deposit_account(deposit.id), deposit.amount_minor),
    )
    return (*legs, _leg(item, suspense(item.id), wallet, over)) if over else legs
