"""What a party owes the house (`receivable`, below zero), and how it is repaid out of what is his.

A debt is repaid before its party spends: whatever leaves his wallet or small change first leaves it to the house. What only
lies there is taken by the clock. Locks: the debt, then wallet and small change, before any posting.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow import ledger, rules
from escrow.facts import Leg
from escrow.ledger import Account, Operation
from escrow.store import read
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow", "ledger")
LARGEST_SWEEP = 100


class Debtor(Struct, frozen=True, kw_only=True):
    """Who owes in one currency, and has something there that repays it."""

    party_id: int
    currency: str


def change_account(party_id: int) -> str:
    return f"change:{party_id}"


async def owed(conn: Connection, party_id: int, currency: str) -> int:
    """What the party owes the house."""
    return max(-await ledger.balance(conn, rules.receivable(party_id), currency), 0)


async def owed_by(conn: Connection, party_id: int) -> dict[str, int]:
    """What the party owes, by currency."""
    rows = await conn.fetch(_queries.wallet_balances, party_id, "receivable")
    return {row["currency"]: -row["balance_minor"] for row in rows if row["balance_minor"] < 0}


async def lock_purses(conn: Connection, party_id: int, currency: str) -> dict[str, int]:
    """What lies in the party's wallet and small change, nobody else posting to either until this transaction ends."""
    return await lock_balances(
        conn, [(rules.wallet(party_id), party_id), (change_account(party_id), party_id)], currency
    )


async def lock_balances(conn: Connection, named: list[tuple[str, int]], currency: str) -> dict[str, int]:
    """The balances of parties' accounts, opened if need be and locked in the order of all postings."""
    opened = await ledger.open_accounts(
        conn, [Account(path=path, currency=currency, owner_id=owner) for path, owner in named]
    )
    paths = [path for path, _ in sorted(opened, key=lambda account: opened[account])]
    return {path: await ledger.lock_balance(conn, path, currency) for path in paths}


async def repay(conn: Connection, party_id: int, currency: str, now: datetime) -> int:
    """Repay what can be out of wallet and small change; what is still owed."""
    if not await owed(conn, party_id, currency):
        return 0
    path = rules.receivable(party_id)
    still_owed = await ledger.lock_owed(conn, path, currency)
    lies = await lock_purses(conn, party_id, currency)
    legs: list[Leg] = []
    for purse in (rules.wallet(party_id), change_account(party_id)):
        part = min(lies[purse], still_owed - sum(leg.amount_minor for leg in legs))
        if part:
            legs.append(Leg(debit=purse, credit=path, currency=currency, amount_minor=part))
    if legs:
        number = await _number(conn, party_id, currency)
        subject = f"debt:{party_id}/{currency}/{number}"
        await ledger.post(conn, Operation(kind="debt_repaid", subject=subject, actor="house", legs=tuple(legs)), now)
    return still_owed - sum(leg.amount_minor for leg in legs)


async def debtors_with_money(conn: Connection) -> list[Debtor]:
    """Who owes while something lies in his wallet or small change."""
    return [read(row, Debtor) for row in await conn.fetch(_queries.debtors_with_money, LARGEST_SWEEP)]


async def _number(conn: Connection, party_id: int, currency: str) -> int:
    """How many movements the locked purses have seen: each repayment moves one of them, so none has another's number."""
    opened = await ledger.open_accounts(
        conn,
        [
            Account(path=path, currency=currency, owner_id=party_id)
            for path in (rules.wallet(party_id), change_account(party_id))
        ],
    )
    return sum([await ledger.tip(conn, account) for account in opened.values()])
