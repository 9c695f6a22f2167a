"""The transaction recorder: what a party paid, received and set aside, to whom, by which means and when.

Every record is one transfer of the ledger, so the list can't say anything that the book does not. Knows no page.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow import cashier_store
from migrations.queries import load_queries

if TYPE_CHECKING:
    from escrow.cashier_store import StatementMonth, TransferRecord
    from migrations.database import Connection

_queries = load_queries("market", "wallets")
MOST_RECORDS = 10_000
_EVER, _NEVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class Direction(StrEnum):
    """IN and OUT of what is the party's; MOVED from one purse of his to another."""

    IN = "in"
    OUT = "out"
    MOVED = "moved"


class RecordKind(StrEnum):
    PURCHASE = "purchase"
    SALE = "sale"
    REFUND = "refund"
    DEPOSIT = "deposit"
    CHEQUE = "cheque"
    CHANGE = "change"
    CARD = "card"
    PAYOUT = "payout"
    OTHER = "other"


class Record(Struct, frozen=True, kw_only=True):
    """One line. `source` and `target` are kinds of account; `act` is the ledger's word for what was done."""

    number: str
    at: datetime
    kind: RecordKind
    act: str
    subject: str
    direction: Direction
    source: str
    target: str
    currency: str
    amount_minor: int
    counterparty: str | None
    case_id: int | None
    title_en: str = ""
    title_zh: str = ""

    def title(self, lang: str) -> str:
        """What it was about, if it was about a lot, a cheque, a card or a payout."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


class Search(Struct, frozen=True, kw_only=True):
    """What to show. Days are UTC and both included; amounts are minor units of whatever currency it is."""

    first_day: date | None = None
    last_day: date | None = None
    kind: RecordKind | None = None
    direction: Direction | None = None
    currency: str | None = None
    counterparty: str = ""
    least_minor: int | None = None
    most_minor: int | None = None

    def finds(self, record: Record) -> bool:
        """Whether a record (of the right days and currency) is asked for."""
        wanted = self.counterparty.casefold()
        said = f"{record.counterparty or ''} {record.title_en} {record.title_zh}".casefold()
        return (
            (self.kind is None or record.kind is self.kind)
            and (self.direction is None or record.direction is self.direction)
            and (not wanted or wanted in said)
            and (self.least_minor is None or record.amount_minor >= self.least_minor)
            and (self.most_minor is None or record.amount_minor <= self.most_minor)
        )


class MonthLine(Struct, frozen=True, kw_only=True):
    """A movement of a month with the balance of its account after it."""

    at: datetime
    act: str
    subject: str
    account: str
    amount_minor: int
    balance_minor: int
    title_en: str = ""
    title_zh: str = ""

    def title(self, lang: str) -> str:
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


class AccountMonth(Struct, frozen=True, kw_only=True):
    """One account in one month: opening + in - out = closing."""

    account: str
    opening_minor: int
    in_minor: int
    out_minor: int
    closing_minor: int


class MonthStatement(Struct, frozen=True, kw_only=True):
    month: str
    currency: str
    accounts: tuple[AccountMonth, ...]
    lines: tuple[MonthLine, ...]


async def records_of(conn: Connection, party_id: int, search: Search) -> list[Record]:
    """The party's records that the search finds, latest first."""
    since, until = span(search.first_day, search.last_day)
    found = await cashier_store.records(conn, party_id, since, until, search.currency, MOST_RECORDS)
    names = await _names(conn, party_id)
    records = [_record(each, names.get(each.subject, _NAMELESS)) for each in found]
    return [each for each in records if search.finds(each)]


async def months_of(conn: Connection, party_id: int) -> list[StatementMonth]:
    """The months that there are statements of."""
    return await cashier_store.months_of(conn, party_id)


async def month_statement(conn: Connection, party_id: int, month: date, currency: str) -> MonthStatement:
    """The month that begins on this day, in one currency."""
    since = datetime.combine(month, time(), UTC)
    until = datetime.combine(_next_month(month), time(), UTC)
    opening = await cashier_store.balances_before(conn, party_id, currency, since)
    moved = await cashier_store.movements_between(conn, party_id, currency, since, until)
    names = await _names(conn, party_id)
    running = dict(opening)
    lines = []
    for each in moved:
        running[each.account] = running.get(each.account, 0) + each.amount_minor
        name = names.get(each.subject, _NAMELESS)
        lines.append(
            MonthLine(
                at=each.at,
                act=each.kind,
                subject=each.subject,
                account=each.account,
                amount_minor=each.amount_minor,
                balance_minor=running[each.account],
                title_en=name.title_en,
                title_zh=name.title_zh,
            )
        )
    accounts = tuple(
        AccountMonth(
            account=account,
            opening_minor=opening.get(account, 0),
            in_minor=sum(each.amount_minor for each in moved if each.account == account and each.amount_minor > 0),
            out_minor=-sum(each.amount_minor for each in moved if each.account == account and each.amount_minor < 0),
            closing_minor=running[account],
        )
        for account in sorted(running, key=("wallet", "change", "payable").index)
    )
    return MonthStatement(month=f"{month:%Y-%m}", currency=currency, accounts=accounts, lines=tuple(lines))


def span(first_day: date | None, last_day: date | None) -> tuple[datetime, datetime]:
    """The moments between which those days lie."""
    since = datetime.combine(first_day, time(), UTC) if first_day else _EVER
    until = datetime.combine(last_day + timedelta(days=1), time(), UTC) if last_day and last_day.year < 2200 else _NEVER
    return since, until


def _next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


class _Name(Struct, frozen=True, kw_only=True):
    title_en: str = ""
    title_zh: str = ""
    counterparty: str | None = None
    case_id: int | None = None


_NAMELESS = _Name()


async def _names(conn: Connection, party_id: int) -> dict[str, _Name]:
    return {
        row["subject"]: _Name(
            title_en=row["title_en"] or "",
            title_zh=row["title_zh"] or "",
            counterparty=row["counterparty"],
            case_id=row["case_id"],
        )
        for row in await conn.fetch(_queries.names_of_records, party_id)
    }


def _record(found: TransferRecord, name: _Name) -> Record:
    source, target = found.from_path.partition(":")[0], found.to_path.partition(":")[0]
    return Record(
        number=f"{found.op.hex[:10].upper()}-{found.n}",
        at=found.at,
        kind=_kind(found, source, target),
        act=found.kind,
        subject=found.subject,
        direction=_direction(found),
        source=source,
        target=target,
        currency=found.currency,
        amount_minor=found.amount_minor,
        counterparty=name.counterparty,
        case_id=name.case_id,
        title_en=name.title_en,
        title_zh=name.title_zh,
    )


def _direction(found: TransferRecord) -> Direction:
    if found.is_from_me and found.is_to_me:
        return Direction.MOVED
    # What pays a purchase out of bank or card never lay in an account of the party's, and is his payment all the same.
    return Direction.IN if found.is_to_me else Direction.OUT


def _kind(found: TransferRecord, source: str, target: str) -> RecordKind:
    subject = found.subject.partition(":")[0]
    if subject == "case" and target == "escrow":
        return RecordKind.PURCHASE
    if subject == "case" and source == "escrow":
        return RecordKind.SALE if target == "payable" else RecordKind.REFUND
    if subject == "card":
        return RecordKind.CARD
    return _BY_SUBJECT.get(subject, RecordKind.OTHER)


_BY_SUBJECT = {
    "deposit": RecordKind.DEPOSIT,
    "cheque": RecordKind.CHEQUE,
    "change_move": RecordKind.CHANGE,
    "payout": RecordKind.PAYOUT,
}
