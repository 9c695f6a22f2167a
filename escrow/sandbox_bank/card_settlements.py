"""The bank's daily settlement of card payments: one file a day (or more, if asked), and the money on the centre's accounts.

A file is lines of comma-separated values: `H` the header, `L` one a movement, `S` the sum of a currency, `T` the number of
lines. docs/gateway.md shows one.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from escrow.sandbox_bank import accounts, numbers
from escrow.sandbox_bank.accounts import CURRENCIES
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("escrow.sandbox_bank", "cards")
_accounts = load_queries("escrow.sandbox_bank")

CLEARING_HOLDER, CLEARING_NUMBER = "Card clearing", "EX0000000001"
MOST_FILES = 20


class Sum(Struct, frozen=True, kw_only=True):
    currency: str
    lines: int
    net_minor: int


class Settlement(Struct, frozen=True, kw_only=True):
    id: str
    day: date
    lines: int
    sums: tuple[Sum, ...]


async def cut_past_days(conn: Connection, now: datetime) -> None:
    """Make the files of the days that are over."""
    today = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    for row in await conn.fetch(_queries.unsettled_days, today):
        await cut(conn, row["day"], now)


async def cut(conn: Connection, day: date, now: datetime) -> str | None:
    """A file of all that is unsettled up to the end of `day` (or to now), and the transfer to the centre; its id, or None
    when there is nothing. A currency in which the centre would have to pay more than it has waits for a later file.
    """
    async with conn.transaction():
        await conn.execute(_queries.lock_settlement)
        end = min(datetime.combine(day, time(), UTC) + timedelta(days=1), now)
        left_out = await _currencies_that_wait(conn, end)
        rows = await conn.fetch(_queries.unsettled, end, left_out)
        if not rows:
            return None
        n = await conn.fetchval(_queries.next_settlement_of_day, day)
        file_id = f"CARDS-{day:%Y%m%d}-{n}"
        sums = _sums(rows)
        body = _file(file_id, day, rows, sums)
        await conn.execute(_queries.insert_settlement, file_id, day, n, now, len(rows), msgspec.to_builtins(sums), body)
        for query, kind, key in (
            (_queries.settle_payments, "capture", "payment_id"),
            (_queries.settle_taken, "chargeback", "chargeback_id"),
            (_queries.settle_given, "chargeback_won", "chargeback_id"),
        ):
            await conn.execute(query, file_id, [row[key] for row in rows if row["kind"] == kind])
        for each in sums:
            await _pay(conn, file_id, each, now)
        return file_id


async def files_after(conn: Connection, after: str | None) -> list[Settlement]:
    rows = await conn.fetch(_queries.settlements_after, after, MOST_FILES)
    return [msgspec.convert(dict(row), Settlement) for row in rows]


async def file_body(conn: Connection, name: str) -> tuple[str, str] | None:
    """A file's id and text, by its id or as the last of a day."""
    try:
        day = date.fromisoformat(name)
    except ValueError:
        day = None
    row = await conn.fetchrow(_queries.settlement, None if day else name, day)
    return None if row is None else (row["id"], row["body"])


async def latest(conn: Connection) -> list[Settlement]:
    return [msgspec.convert(dict(row), Settlement) for row in await conn.fetch(_queries.latest_settlements)]


async def _currencies_that_wait(conn: Connection, end: datetime) -> list[str]:
    waiting = []
    for each in _sums(await conn.fetch(_queries.unsettled, end, [])):
        centre = await conn.fetchrow(_accounts.centre_account, each.currency)
        if centre is None or centre["balance_minor"] + each.net_minor < 0:
            waiting.append(each.currency)
    return waiting


def _sums(rows: list[Record]) -> list[Sum]:
    by_currency: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        by_currency[row["currency"]].append(row["amount_minor"])
    return [
        Sum(currency=currency, lines=len(amounts), net_minor=sum(amounts))
        for currency, amounts in sorted(by_currency.items())
    ]


def _file(file_id: str, day: date, rows: list[Record], sums: list[Sum]) -> str:
    lines = [f"H,1,{file_id},{day.isoformat()},{numbers.BANK_NAME}"]
    for n, row in enumerate(rows, start=1):
        at = row["at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        lines.append(f"L,{n},{row['kind']},{row['payment_id']},{row['currency']},{row['amount_minor']},{at}")
    lines += [f"S,{each.currency},{each.lines},{each.net_minor}" for each in sums]
    return "\n".join([*lines, f"T,{len(rows)}", ""])


async def _pay(conn: Connection, file_id: str, each: Sum, now: datetime) -> None:
    """What a file comes to in one currency moves between clearing and the centre; the house knows it by the file."""
    assert each.currency in CURRENCIES, "a card pays in a currency of the bank"
    if each.net_minor == 0:
        return
    centre = numbers.CENTRE_ACCOUNTS[each.currency]
    ends = ((CLEARING_NUMBER, CLEARING_HOLDER), (centre, numbers.CENTRE_HOLDER))
    (from_number, from_holder), (to_number, to_holder) = ends if each.net_minor > 0 else reversed(ends)
    transfer_id = accounts.new_transfer_id()
    await conn.execute(
        _accounts.insert_transfer,
        transfer_id,
        from_number,
        from_holder,
        to_number,
        to_holder,
        each.currency,
        abs(each.net_minor),
        file_id,
        f"cards:{file_id}:{each.currency}",
        now,
    )
    await conn.execute(_accounts.move, centre, transfer_id, each.net_minor)
