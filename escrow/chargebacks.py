"""Card payments that a buyer's bank takes back: set aside at once, given to the bank when lost, given back when won.

What the house has already given back to the buyer comes from him, out of his wallet and as his debt for the rest; nobody is
paid twice. Anything more comes from what the seller has coming, from his reserve, and as his debt.

A case that still holds the price goes on: what is refunded of it later goes to the seller instead of paying the buyer
twice (escrow/postings.py, `withheld`), and what the seller gets repays his debt first (escrow/moves.py, `pay_out`).
A part is paid by its parent's payment, so what is taken back counts for the parent and all its parts together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from escrow import claims_store, ledger, payments_store, postings, rules, store
from escrow.facts import (
    BankNotice,
    Case,
    Chargeback,
    ChargebackState,
    NoticeKind,
    Outcome,
    PayoutPurpose,
    Received,
)
from escrow.hooks import Hooks
from escrow.ledger import Account
from escrow.moves import BANK, HOUSE, Moves

if TYPE_CHECKING:
    from migrations.database import Connection


@dataclass(frozen=True, slots=True)
class Chargebacks:
    hooks: Hooks
    moves: Moves

    async def opened(self, conn: Connection, notice: BankNotice, now: datetime) -> Received:
        """The bank takes a payment back. One that paid no case, or is taken back already, is only noted."""
        case = await self._case_of(conn, notice)
        if case is None or case.charged_back_minor + notice.amount_minor > case.price_minor:
            return Received(outcome=Outcome.IGNORED)
        if await claims_store.lock_open_chargeback(conn, notice.reference) is not None:
            return Received(outcome=Outcome.IGNORED)
        buyer, seller, amount = case.buyer_id, case.seller_id, notice.amount_minor
        had_back = max(await claims_store.refunded_of_sale(conn, case.id) - case.withheld_minor, 0)
        twice = min(had_back, amount)
        reserves = await claims_store.lock_reserves(conn, seller, case.currency)  # in the order in which one is freed
        lies = await self._lock_balances(conn, case)
        wallet, payable = min(lies[rules.wallet(buyer)], twice), min(lies[rules.payable(seller)], amount - twice)
        kept = await claims_store.take_from_reserves(conn, reserves, amount - twice - payable)
        chargeback = Chargeback(
            id=await claims_store.new_chargeback_id(conn),
            case_id=case.id,
            bank_id=notice.bank_id,
            payment_reference=notice.reference,
            party_id=seller,
            currency=case.currency,
            amount_minor=amount,
            reason=notice.reason or "unknown",
            state=ChargebackState.OPEN,
            from_payable_minor=payable,
            from_reserve_minor=kept,
            from_receivable_minor=amount - twice - payable - kept,
            from_buyer_wallet_minor=wallet,
            from_buyer_owed_minor=twice - wallet,
            opened_at=now,
        )
        account = await self._account(conn, chargeback)
        path = rules.chargeback_account(chargeback.id)
        legs = postings.legs(
            case,
            (rules.wallet(buyer), path, wallet),
            (rules.receivable(buyer), path, chargeback.from_buyer_owed_minor),
            (rules.payable(seller), path, payable),
            (rules.reserve(seller), path, kept),
            (rules.receivable(seller), path, chargeback.from_receivable_minor),
        )
        await self.moves.post(conn, case, f"chargeback_{chargeback.id}", BANK, legs, now)
        await claims_store.insert_chargeback(conn, chargeback, account)
        await self._count(conn, case, amount, twice)
        await self.hooks.on_chargeback(conn, case, chargeback, now)
        early = await payments_store.end_told_early(conn, notice)
        if early is not None:
            end = await self.ended(conn, early, now)
            await payments_store.set_notice_outcome(conn, early.bank_id, end.outcome)
        return Received(outcome=Outcome.CHARGEBACK_OPENED)

    async def ended(self, conn: Connection, notice: BankNotice, now: datetime) -> Received:
        """The bank says who was right. The same end told twice, or of an unknown chargeback, changes nothing; one that is
        told before the beginning counts when that comes.
        """
        case = await self._case_of(conn, notice)
        running = await claims_store.lock_open_chargeback(conn, notice.reference)
        if case is None or running is None or running.amount_minor != notice.amount_minor:
            return Received(outcome=Outcome.IGNORED)
        if notice.kind is NoticeKind.CHARGEBACK_LOST:
            legs = postings.legs(case, (rules.chargeback_account(running.id), rules.GATEWAY, running.amount_minor))
            await self.moves.post(conn, case, f"chargeback_lost_{running.id}", BANK, legs, now)
            return await self._end(conn, case, running, ChargebackState.LOST, now)
        return await self._won(conn, case, running, now)

    async def _won(self, conn: Connection, case: Case, running: Chargeback, now: datetime) -> Received:
        """What was withheld of refunds for this chargeback, or taken back of them, is the buyer's after all, what was for
        lost ones is not; the rest is the seller's. Of either what he still owes is repaid first.
        """
        lost_minor = case.charged_back_minor - running.amount_minor
        to_buyer = min(max(case.withheld_minor - lost_minor, 0), running.amount_minor)
        path = rules.chargeback_account(running.id)
        to_seller = running.amount_minor - to_buyer
        owed = rules.receivable(case.buyer_id)
        still_owed = await ledger.lock_owed(conn, owed, case.currency) if running.from_buyer_owed_minor else 0
        forgiven = min(to_buyer, running.from_buyer_owed_minor, still_owed)
        legs = postings.legs(
            case,
            (path, owed, forgiven),
            (path, rules.wallet(case.buyer_id), to_buyer - forgiven),
            (path, rules.payable(case.seller_id), to_seller),
        )
        await self.moves.post(conn, case, f"chargeback_won_{running.id}", BANK, legs, now)
        await self._count(conn, case, -running.amount_minor, -to_buyer)
        received = await self._end(conn, case, running, ChargebackState.WON, now)
        if to_seller:
            await self.moves.pay_out(conn, case, PayoutPurpose.CHARGEBACK, to_seller, path, now)
        return received

    async def _end(
        self, conn: Connection, case: Case, running: Chargeback, state: ChargebackState, now: datetime
    ) -> Received:
        account = await self._account(conn, running)
        version = (await ledger.seal(conn, [account]))[account]
        await claims_store.end_chargeback(conn, running.id, state, version, now)
        ended = msgspec.structs.replace(running, state=state, ended_at=now)
        await self.hooks.on_chargeback(conn, case, ended, now)
        won = state is ChargebackState.WON
        return Received(outcome=Outcome.CHARGEBACK_WON if won else Outcome.CHARGEBACK_LOST)

    async def of_case(self, conn: Connection, case_id: int) -> list[Chargeback]:
        return await claims_store.chargebacks_of_case(conn, case_id)

    async def owed(self, conn: Connection, party_id: int, currency: str) -> int:
        """What the party owes the house."""
        return max(-await ledger.balance(conn, rules.receivable(party_id), currency), 0)

    async def free_reserve(self, conn: Connection, due: claims_store.Reserve, now: datetime) -> None:
        """What chargebacks have left of a reserve, whose row the caller has locked, goes out."""
        case = await store.case_by_id(conn, due.case_id)
        assert case is not None, "a reserve's case exists by foreign key"
        if due.left_minor:
            legs = postings.legs(case, (rules.reserve(due.party_id), rules.payable(due.party_id), due.left_minor))
            await self.moves.post(conn, case, "reserve_freed", HOUSE, legs, now)
        await claims_store.end_reserve(conn, due.case_id, now)
        if due.left_minor:
            subject = f"case:{case.id}"
            await self.moves.pay_out(conn, case, PayoutPurpose.RESERVE, due.left_minor, subject, now)

    async def _case_of(self, conn: Connection, notice: BankNotice) -> Case | None:
        case_id = await claims_store.case_of_payment(conn, notice.reference)
        case = None if case_id is None else await store.lock_case(conn, case_id)
        fits = case is not None and case.currency == notice.currency and notice.amount_minor <= case.price_minor
        return case if fits else None

    async def _lock_balances(self, conn: Connection, case: Case) -> dict[str, int]:
        """What lies in the buyer's wallet and at the seller's payable, both locked in the order of all postings."""
        named = [(rules.wallet(case.buyer_id), case.buyer_id), (rules.payable(case.seller_id), case.seller_id)]
        opened = await ledger.open_accounts(
            conn, [Account(path=path, currency=case.currency, owner_id=owner) for path, owner in named]
        )
        paths = [path for path, _ in sorted(opened, key=lambda account: opened[account])]
        return {path: await ledger.lock_balance(conn, path, case.currency) for path in paths}

    async def _count(self, conn: Connection, case: Case, charged_back_minor: int, withheld_minor: int) -> None:
        await store.count_charged_back(
            conn, case.id, case.charged_back_minor + charged_back_minor, case.withheld_minor + withheld_minor
        )

    async def _account(self, conn: Connection, chargeback: Chargeback) -> int:
        path = rules.chargeback_account(chargeback.id)
        opened = await ledger.open_accounts(conn, [Account(path=path, currency=chargeback.currency)])
        return opened[path, chargeback.currency]
