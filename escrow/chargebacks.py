"""Card payments that a payer's bank takes back: set aside at once, given to the bank when lost, given back when won.

What the house has already given back to the payer comes from him, out of his wallet, his small change and as his debt for the
rest; nobody is paid twice. What a payment had brought into a deal beyond that comes from what the seller has coming, from his
reserve, and as his debt. What was paid, and so whose it is, is found in escrow/chargeback_parts.py.

A case that still holds the price goes on: what is refunded of it later goes to the seller instead of paying the buyer
twice (escrow/postings.py, `withheld`), and what the seller gets repays his debt first (escrow/moves.py, `pay_out`).
A part is paid by its parent's payment, so what is taken back counts for the parent and all its parts together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from escrow import claims_store, debts, ledger, payments_store, rules, store
from escrow.chargeback_parts import Taken, share
from escrow.deposits import Deposits
from escrow.facts import (
    BankNotice,
    Case,
    Chargeback,
    ChargebackAnswer,
    ChargebackState,
    DepositState,
    Leg,
    NoticeKind,
    Outcome,
    PayoutPurpose,
    Received,
    Refusal,
)
from escrow.hooks import Hooks
from escrow.ledger import Account, Operation
from escrow.moves import HOUSE, Moves, accounts_to_open

if TYPE_CHECKING:
    from migrations.database import Connection

LONGEST_ANSWER = 2000


@dataclass(frozen=True, slots=True)
class Chargebacks:
    hooks: Hooks
    moves: Moves
    deposits: Deposits

    async def opened(self, conn: Connection, notice: BankNotice, now: datetime) -> Received:
        """The bank takes a payment back. One that we know of no payment for, or is taken back already, is only noted."""
        await claims_store.lock_payment_reference(conn, notice.reference)
        taken = await share(conn, self.hooks, notice)
        if taken is None or await claims_store.lock_open_chargeback(conn, notice.reference) is not None:
            return Received(outcome=Outcome.IGNORED)
        await self._open(conn, notice, taken, now)
        early = await payments_store.end_told_early(conn, notice)
        if early is not None:
            end = await self.ended(conn, early, now)
            await payments_store.set_notice_outcome(conn, early.bank_id, end.outcome)
        return Received(outcome=Outcome.CHARGEBACK_OPENED)

    async def transfer_taken_back(self, conn: Connection, notice: BankNotice, taken: Taken, now: datetime) -> None:
        """The bank has taken a transfer back: what it had paid comes from whom a chargeback would take it, and goes to the
        bank at once. Nothing is answered, nothing won.
        """
        chargeback = await self._open(conn, notice, taken, now)
        legs = _legs(chargeback.currency, (_path(chargeback), rules.BANK, chargeback.amount_minor))
        await self._post(conn, chargeback, f"transfer_reversed_{chargeback.id}", legs, now)
        await self._end(conn, taken.case, chargeback, ChargebackState.LOST, now)

    async def _open(self, conn: Connection, notice: BankNotice, taken: Taken, now: datetime) -> Chargeback:
        chargeback, twice = await self._set_aside(conn, notice, taken, now)
        account = await self._account(conn, chargeback)
        await self._post(conn, chargeback, f"chargeback_{chargeback.id}", _set_aside_legs(chargeback, taken), now)
        if taken.falls is not None:
            await self.deposits.end(conn, taken.falls, DepositState.TAKEN_BACK, now)
        await claims_store.insert_chargeback(conn, chargeback, account)
        if taken.case is not None:
            await self._count(conn, taken.case, taken.sale_minor, twice)
        await self.hooks.on_chargeback(conn, taken.case, chargeback, now)
        if taken.falls is not None:
            fallen = msgspec.structs.replace(taken.falls, state=DepositState.TAKEN_BACK, ended_at=now)
            await self.hooks.on_deposit_taken_back(conn, fallen, now)
        return chargeback

    async def _set_aside(
        self, conn: Connection, notice: BankNotice, taken: Taken, now: datetime
    ) -> tuple[Chargeback, int]:
        """Whence the sum comes, with everything locked that it comes from; and what of a deal's part its buyer had back."""
        case, twice, reserves = taken.case, 0, []
        if case is not None:
            had_back = max(await claims_store.refunded_of_sale(conn, case.id) - case.withheld_minor, 0)
            twice = min(had_back, taken.sale_minor)
            reserves = await claims_store.lock_reserves(conn, case.seller_id, case.currency)  # as one is freed
        payer = taken.payer_id
        named = [(rules.wallet(payer), payer), (debts.change_account(payer), payer)]
        if case is not None:
            named.append((rules.payable(case.seller_id), case.seller_id))
        lies = await debts.lock_balances(conn, named, taken.currency)
        fallen = taken.payer_minor if taken.falls is not None else 0
        his = taken.payer_minor - fallen + twice
        wallet = min(lies[rules.wallet(payer)], his)
        change = min(lies[debts.change_account(payer)], his - wallet)
        payable, kept = 0, 0
        if case is not None:
            payable = min(lies[rules.payable(case.seller_id)], taken.sale_minor - twice)
            kept = await claims_store.take_from_reserves(conn, reserves, taken.sale_minor - twice - payable)
        chargeback = Chargeback(
            id=await claims_store.new_chargeback_id(conn),
            case_id=case.id if case is not None else None,
            bank_id=notice.bank_id,
            payment_reference=notice.reference,
            party_id=case.seller_id if case is not None else payer,
            currency=taken.currency,
            amount_minor=taken.amount_minor,
            reason=notice.reason or "unknown",
            state=ChargebackState.OPEN,
            purpose=taken.purpose,
            payer_id=payer,
            deposit_id=taken.deposit_id,
            payer_minor=taken.payer_minor,
            from_payable_minor=payable,
            from_reserve_minor=kept,
            from_receivable_minor=taken.sale_minor - twice - payable - kept,
            from_deposit_minor=fallen,
            from_buyer_wallet_minor=wallet,
            from_buyer_change_minor=change,
            from_buyer_owed_minor=his - wallet - change,
            opened_at=now,
        )
        return chargeback, twice

    async def ended(self, conn: Connection, notice: BankNotice, now: datetime) -> Received:
        """The bank says who was right. The same end told twice, or of an unknown chargeback, changes nothing; one that is
        told before the beginning counts when that comes.
        """
        await claims_store.lock_payment_reference(conn, notice.reference)
        case_id = await claims_store.running_case(conn, notice.reference)
        case = None if case_id is None else await store.lock_case(conn, case_id)
        running = await claims_store.lock_open_chargeback(conn, notice.reference)
        told = (notice.currency, notice.amount_minor)
        if running is None or told != (running.currency, running.amount_minor):
            return Received(outcome=Outcome.IGNORED)
        if notice.kind is NoticeKind.CHARGEBACK_LOST:
            legs = _legs(running.currency, (_path(running), rules.GATEWAY, running.amount_minor))
            await self._post(conn, running, f"chargeback_lost_{running.id}", legs, now)
            return await self._end(conn, case, running, ChargebackState.LOST, now)
        return await self._won(conn, case, running, now)

    async def _won(self, conn: Connection, case: Case | None, running: Chargeback, now: datetime) -> Received:
        """What concerned no deal is the payer's again; so is what was withheld of refunds for this chargeback, or taken back
        of them. What was for lost ones is not; the rest is the seller's. Of either what he still owes is repaid first.
        """
        refund_minor = 0
        if case is not None:
            lost_minor = case.charged_back_minor - running.sale_minor
            refund_minor = min(max(case.withheld_minor - lost_minor, 0), running.sale_minor)
        payer = _payer(running, case)
        path, to_payer = _path(running), running.payer_minor + refund_minor
        to_seller = running.amount_minor - to_payer
        owed = rules.receivable(payer)
        still_owed = await ledger.lock_owed(conn, owed, running.currency) if running.from_buyer_owed_minor else 0
        forgiven = min(to_payer, running.from_buyer_owed_minor, still_owed)
        legs = _legs(
            running.currency,
            (path, owed, forgiven),
            (path, rules.wallet(payer), to_payer - forgiven),
            (path, rules.payable(running.party_id), to_seller),
        )
        await self._post(conn, running, f"chargeback_won_{running.id}", legs, now)
        if case is not None:
            await self._count(conn, case, -running.sale_minor, -refund_minor)
        received = await self._end(conn, case, running, ChargebackState.WON, now)
        if case is not None and to_seller:
            await self.moves.pay_out(conn, case, PayoutPurpose.CHARGEBACK, to_seller, path, now)
        return received

    async def _end(
        self, conn: Connection, case: Case | None, running: Chargeback, state: ChargebackState, now: datetime
    ) -> Received:
        account = await self._account(conn, running)
        version = (await ledger.seal(conn, [account]))[account]
        await claims_store.end_chargeback(conn, running.id, state, version, now)
        ended = msgspec.structs.replace(running, state=state, ended_at=now)
        await self.hooks.on_chargeback(conn, case, ended, now)
        won = state is ChargebackState.WON
        return Received(outcome=Outcome.CHARGEBACK_WON if won else Outcome.CHARGEBACK_LOST)

    async def answer(
        self, conn: Connection, chargeback_id: int, text: str, operator_id: int, now: datetime
    ) -> ChargebackAnswer | Refusal:
        """The house's answer to the bank, once. It is told by the clock of the cards, as often as the bank needs."""
        text = text.strip()
        running = await claims_store.lock_chargeback(conn, chargeback_id)
        if running is None:
            return Refusal.UNKNOWN_CHARGEBACK
        if not text:
            return Refusal.STATEMENT_MISSING
        if len(text) > LONGEST_ANSWER:
            return Refusal.ANSWER_TOO_LONG
        if operator_id in (running.party_id, running.payer_id):
            return Refusal.OWN_MONEY
        before = await claims_store.answer_of(conn, chargeback_id)
        if before is not None:
            return before if before.text == text else Refusal.ALREADY_ANSWERED
        if running.state is not ChargebackState.OPEN:
            return Refusal.CHARGEBACK_IS_DECIDED
        await claims_store.insert_answer(conn, chargeback_id, text, operator_id, now)
        written = await claims_store.answer_of(conn, chargeback_id)
        assert written is not None, "it was just written"
        return written

    async def of_case(self, conn: Connection, case_id: int) -> list[Chargeback]:
        return await claims_store.chargebacks_of_case(conn, case_id)

    async def of_payer(self, conn: Connection, party_id: int) -> list[Chargeback]:
        """Those that concern the party's own money, latest first."""
        return await claims_store.chargebacks_of_payer(conn, party_id)

    async def owed(self, conn: Connection, party_id: int, currency: str) -> int:
        """What the party owes the house."""
        return await debts.owed(conn, party_id, currency)

    async def free_reserve(self, conn: Connection, due: claims_store.Reserve, now: datetime) -> None:
        """What chargebacks have left of a reserve, whose row the caller has locked, goes out."""
        case = await store.case_by_id(conn, due.case_id)
        assert case is not None, "a reserve's case exists by foreign key"
        if due.left_minor:
            legs = _legs(case.currency, (rules.reserve(due.party_id), rules.payable(due.party_id), due.left_minor))
            await self.moves.post(conn, case, "reserve_freed", HOUSE, legs, now)
        await claims_store.end_reserve(conn, due.case_id, now)
        if due.left_minor:
            subject = f"case:{case.id}"
            await self.moves.pay_out(conn, case, PayoutPurpose.RESERVE, due.left_minor, subject, now)

    async def _post(
        self, conn: Connection, chargeback: Chargeback, kind: str, legs: tuple[Leg, ...], now: datetime
    ) -> None:
        """Under the case's name where there is one, else under that of the card payment or transfer."""
        case_id, paid_by = chargeback.case_id, chargeback.payment_reference
        named = paid_by if chargeback.is_transfer else f"card:{paid_by}"
        subject = named if case_id is None else f"case:{case_id}"
        await ledger.open_accounts(conn, accounts_to_open(legs))
        await ledger.post(conn, Operation(kind=kind, subject=subject, actor="bank", legs=legs), now)

    async def _count(self, conn: Connection, case: Case, charged_back_minor: int, withheld_minor: int) -> None:
        await store.count_charged_back(
            conn, case.id, case.charged_back_minor + charged_back_minor, case.withheld_minor + withheld_minor
        )

    async def _account(self, conn: Connection, chargeback: Chargeback) -> int:
        path = _path(chargeback)
        opened = await ledger.open_accounts(conn, [Account(path=path, currency=chargeback.currency)])
        return opened[path, chargeback.currency]


def _set_aside_legs(one: Chargeback, taken: Taken) -> tuple[Leg, ...]:
    """Everything that the sum is taken from; of a deposit that falls the rest is the payer's."""
    path, payer, fallen = _path(one), taken.payer_id, taken.falls
    left_minor = fallen.amount_minor - one.from_deposit_minor if fallen is not None else 0
    return _legs(
        one.currency,
        (rules.deposit_account(one.deposit_id), path, one.from_deposit_minor),
        (rules.deposit_account(one.deposit_id), rules.wallet(payer), left_minor),
        (rules.wallet(payer), path, one.from_buyer_wallet_minor),
        (debts.change_account(payer), path, one.from_buyer_change_minor),
        (rules.receivable(payer), path, one.from_buyer_owed_minor),
        (rules.payable(one.party_id), path, one.from_payable_minor),
        (rules.reserve(one.party_id), path, one.from_reserve_minor),
        (rules.receivable(one.party_id), path, one.from_receivable_minor),
    )


def _legs(currency: str, *moves: tuple[str, str, int]) -> tuple[Leg, ...]:
    return tuple(
        Leg(debit=debit, credit=credit, currency=currency, amount_minor=amount)
        for debit, credit, amount in moves
        if amount > 0
    )


def _path(chargeback: Chargeback) -> str:
    return rules.chargeback_account(chargeback.id)


def _payer(running: Chargeback, case: Case | None) -> int:
    """Whoever paid; chargebacks of older versions name him only by their deal."""
    payer = running.payer_id if case is None else case.buyer_id
    assert payer is not None, "a chargeback of no deal names its payer, by constraint"
    return payer
