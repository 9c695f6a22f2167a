"""A party's wallet as it reads it: balances per currency, frozen deposits with their lots, movements, payouts.

Figures are the ledger's; this file only brings them together with the names of lots.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow import debts
from escrow.facts import BankAccount, Chargeback, Deposit, DepositState, Payout
from market.applications import lot_of
from migrations.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncpg import Record

    from escrow.desk import EscrowDesk
    from migrations.database import Connection

_queries = load_queries("market", "wallets")
MOST_MOVEMENTS = 10_000


class Balance(Struct, frozen=True, kw_only=True):
    """What the centre holds for a party in one currency. `earned_minor` are sales that are not yet on their way,
    `owed_minor` is what the party owes the house.
    """

    currency: str
    free_minor: int
    frozen_minor: int
    earned_minor: int
    owed_minor: int = 0


class FrozenDeposit(Struct, frozen=True, kw_only=True):
    """A held deposit and the lot that it is for."""

    deposit: Deposit
    lot_id: int | None
    title_en: str
    title_zh: str

    def title(self, lang: str) -> str:
        """The lot's title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


class Movement(Struct, frozen=True, kw_only=True):
    """One line of the statement. `amount_minor` is above zero for money that came in; `account` is wallet or payable."""

    at: datetime
    kind: str
    account: str
    subject: str
    currency: str
    amount_minor: int
    balance_minor: int
    title_en: str = ""
    title_zh: str = ""

    def title(self, lang: str) -> str:
        """The title of the lot that it was about, if it was about one."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


class WalletView(Struct, frozen=True, kw_only=True):
    """The whole page."""

    balances: tuple[Balance, ...]
    deposits: tuple[FrozenDeposit, ...]
    movements: tuple[Movement, ...]
    payouts: tuple[Payout, ...]
    bank_account: BankAccount | None
    chargebacks: tuple[Chargeback, ...] = ()
    """Card payments into what is the party's own that his bank takes back."""

    @property
    def currencies(self) -> tuple[str, ...]:
        return tuple(balance.currency for balance in self.balances)


async def wallet_view(
    conn: Connection,
    desk: EscrowDesk,
    party_id: int,
    *,
    currency: str | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
) -> WalletView:
    """The party's wallet; the movements may be narrowed to a currency and to days (UTC, both included)."""
    held = [each for each in await desk.deposits.deposits_of(conn, party_id) if each.state is DepositState.HELD]
    balances = await balances_of(conn, desk, party_id, held)
    names = {row["subject"]: row for row in await conn.fetch(_queries.names_of_subjects, party_id)}
    movements: list[Movement] = []
    for balance in balances:
        if currency in (None, balance.currency):
            movements += await movements_of(conn, desk, party_id, balance.currency, names)
    chosen = [
        each
        for each in movements
        if (first_day is None or each.at.date() >= first_day) and (last_day is None or each.at.date() <= last_day)
    ]
    return WalletView(
        balances=balances,
        deposits=await _with_lots(conn, held),
        movements=tuple(sorted(chosen, key=lambda each: each.at, reverse=True)),
        payouts=tuple(await desk.payouts.payouts_of(conn, party_id)),
        bank_account=await desk.wallet.bank_account(conn, party_id),
        chargebacks=tuple(await desk.chargebacks.of_payer(conn, party_id)),
    )


async def balances_of(conn: Connection, desk: EscrowDesk, party_id: int, held: list[Deposit]) -> tuple[Balance, ...]:
    """One balance for each currency in which the party has ever had anything."""
    free = await desk.wallet.balances(conn, party_id)
    owed = await debts.owed_by(conn, party_id)
    currencies = sorted({*free, *owed, *(each.currency for each in held), *await _earning_currencies(conn, party_id)})
    return tuple(
        [
            Balance(
                currency=currency,
                free_minor=free.get(currency, 0),
                frozen_minor=sum(each.amount_minor for each in held if each.currency == currency),
                earned_minor=await desk.wallet.payable(conn, party_id, currency),
                owed_minor=owed.get(currency, 0),
            )
            for currency in currencies
        ]
    )


async def movements_of(
    conn: Connection, desk: EscrowDesk, party_id: int, currency: str, names: Mapping[str, Record]
) -> list[Movement]:
    """Every movement of the party's wallet in one currency, newest first."""
    lines = await desk.wallet.statement(conn, party_id, currency, limit=MOST_MOVEMENTS)
    return [
        Movement(
            at=line.at,
            kind=line.kind,
            account=line.account,
            subject=line.subject,
            currency=currency,
            amount_minor=line.amount_minor,
            balance_minor=line.balance_minor,
            title_en=names[line.subject]["title_en"] if line.subject in names else "",
            title_zh=names[line.subject]["title_zh"] if line.subject in names else "",
        )
        for line in lines
    ]


async def names_of(conn: Connection, party_ids: list[int]) -> dict[int, str]:
    """The names that these parties show to others."""
    return {row["id"]: row["display_name"] for row in await conn.fetch(_queries.names_of_parties, party_ids)}


async def _earning_currencies(conn: Connection, party_id: int) -> list[str]:
    return [row["currency"] for row in await conn.fetch(_queries.currencies_of_seller, party_id)]


async def _with_lots(conn: Connection, held: list[Deposit]) -> tuple[FrozenDeposit, ...]:
    lots = {each.id: lot_of(each.subject) for each in held}
    wanted = [lot for lot in lots.values() if lot is not None]
    titles = {row["id"]: row for row in await conn.fetch(_queries.titles_of_lots, wanted)}
    return tuple(
        FrozenDeposit(
            deposit=each,
            lot_id=lot,
            title_en=titles[lot]["title_en"] if lot in titles else "",
            title_zh=titles[lot]["title_zh"] if lot in titles else "",
        )
        for each in held
        for lot in [lots[each.id]]
    )
