"""Small change: a purse of a party's own with a cap, which pays deals and deposits within the cap without unlocking.

Each function runs in the caller's transaction. What lies in the purse is as safe as the account's sign-in, no more:
therefore the cap.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from escrow import cashier_store, debts, ledger, rules, store
from escrow.cashier_facts import CashierRefusal
from escrow.debts import change_account
from escrow.deposits import Deposits
from escrow.facts import LARGEST_AMOUNT_MINOR, Case, Deposit, DepositState, Leg, Refusal, Role, State
from escrow.ledger import Account, Operation
from escrow.settlement import Actor, Settlement
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow", "ledger")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallChange:
    """`cap_minor` is the most that a purse may hold in one currency, and so the most that it can pay."""

    settlement: Settlement
    deposits: Deposits
    cap_minor: int

    async def balances(self, conn: Connection, party_id: int) -> dict[str, int]:
        """The purse in each currency that it was ever opened in."""
        rows = await conn.fetch(_queries.wallet_balances, party_id, "change")
        return {row["currency"]: row["balance_minor"] for row in rows}

    async def balance(self, conn: Connection, party_id: int, currency: str) -> int:
        return await ledger.balance(conn, change_account(party_id), currency)

    async def refuses(self, conn: Connection, party_id: int, amount_minor: int, currency: str) -> CashierRefusal | None:
        """Whether so much more would lift the purse over its cap: asked before a card pays into it."""
        held = await self.balance(conn, party_id, currency)
        return CashierRefusal.OVER_CHANGE_CAP if held + amount_minor > self.cap_minor else None

    async def top_up(
        self, conn: Connection, party_id: int, amount_minor: int, currency: str, now: datetime
    ) -> int | Refusal | CashierRefusal:
        """From the wallet into the purse; the purse's balance. Refuses what would lift it over the cap."""
        if not 0 < amount_minor <= LARGEST_AMOUNT_MINOR:
            return Refusal.BAD_AMOUNT
        await ledger.open_accounts(conn, _both(party_id, currency))
        try:
            async with conn.transaction():
                # The posting locks the purse, so what it holds is asked afterwards: two top-ups at once can't pass together.
                held = await self._move(conn, "top_up", party_id, amount_minor, currency, now)
                if isinstance(held, int) and held > self.cap_minor:
                    raise _OverCapError
        except _OverCapError:
            return CashierRefusal.OVER_CHANGE_CAP
        return held

    async def take_out(
        self, conn: Connection, party_id: int, amount_minor: int, currency: str, now: datetime
    ) -> int | Refusal | CashierRefusal:
        """From the purse back into the wallet; the purse's balance."""
        if not 0 < amount_minor <= LARGEST_AMOUNT_MINOR:
            return Refusal.BAD_AMOUNT
        await ledger.open_accounts(conn, _both(party_id, currency))
        return await self._move(conn, "take_out", party_id, amount_minor, currency, now)

    async def pay_case(
        self, conn: Connection, case_id: int, actor_id: int, now: datetime
    ) -> Case | Refusal | CashierRefusal:
        """The buyer pays the due sum of a deal out of the purse."""
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        if case.buyer_id != actor_id:
            return Refusal.NOT_YOURS
        if await debts.repay(conn, actor_id, case.currency, now):
            return Refusal.DEBT_FIRST
        path = change_account(actor_id)
        waits = case.state is State.AWAITING_PAYMENT
        if waits and await ledger.balance(conn, path, case.currency) < case.due_minor:
            return CashierRefusal.NOT_ENOUGH_CHANGE
        buyer = Actor(role=Role.BUYER, party_id=actor_id)
        try:
            async with conn.transaction():
                return await self.settlement.pay(conn, case, buyer, path, case.due_minor, now)
        except ledger.PostingRefusedError as error:
            if error.constraint != ledger.OVERDRAWN:
                raise
            return CashierRefusal.NOT_ENOUGH_CHANGE

    async def pay_deposit(
        self, conn: Connection, deposit_id: int, actor_id: int, now: datetime
    ) -> Deposit | Refusal | CashierRefusal:
        """Pay a deposit that is asked for out of the purse."""
        asked = await store.deposit_by_id(conn, deposit_id)
        if asked is None or asked.party_id != actor_id:
            return Refusal.UNKNOWN_DEPOSIT
        await self.deposits.hooks.lock_subject(conn, asked.subject)
        deposit = await store.lock_deposit(conn, deposit_id)
        if deposit is None or deposit.state is not DepositState.REQUESTED:
            return Refusal.DEPOSIT_NOT_AWAITED
        if await debts.repay(conn, actor_id, deposit.currency, now):
            return Refusal.DEBT_FIRST
        path = change_account(actor_id)
        if await ledger.balance(conn, path, deposit.currency) < deposit.amount_minor:
            return CashierRefusal.NOT_ENOUGH_CHANGE
        return await self.deposits.hold_from(conn, deposit, path, f"party:{actor_id}", now)

    async def _move(
        self, conn: Connection, kind: str, party_id: int, amount_minor: int, currency: str, now: datetime
    ) -> int | Refusal | CashierRefusal:
        source, target = rules.wallet(party_id), change_account(party_id)
        if kind == "take_out":
            source, target = target, source
        if await debts.repay(conn, party_id, currency, now):
            return Refusal.DEBT_FIRST
        move_id = await cashier_store.insert_change_move(conn, party_id, kind, currency, amount_minor, now)
        leg = Leg(debit=source, credit=target, currency=currency, amount_minor=amount_minor)
        operation = Operation(
            kind=f"change_{kind}", subject=f"change_move:{move_id}", actor=f"party:{party_id}", legs=(leg,)
        )
        (posted,) = await ledger.post_many(conn, [operation], now)
        if posted.refused_by == ledger.OVERDRAWN:
            return Refusal.INSUFFICIENT_BALANCE if kind == "top_up" else CashierRefusal.NOT_ENOUGH_CHANGE
        if posted.result != "posted":
            raise ledger.PostingRefusedError(posted.refused_by or posted.result, operation)
        return await self.balance(conn, party_id, currency)


class _OverCapError(Exception):
    """What was put into the purse is taken back with its savepoint."""


def _both(party_id: int, currency: str) -> list[Account]:
    return [
        Account(path=path, currency=currency, owner_id=party_id)
        for path in (rules.wallet(party_id), change_account(party_id))
    ]
