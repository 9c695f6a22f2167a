"""The sealed book in and out of the database: one typed function a query (escrow/queries/sealed_book.sql)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec import Struct

from escrow.book_log import Line, Recorded
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow", "sealed_book")
NEWEST = 2**63 - 1

Place = tuple[int, int]


class Entry(Struct, frozen=True, kw_only=True):
    """One entry of the log as it is stored."""

    n: int
    op: UUID
    salt: bytes
    leaf: bytes
    previous_hash: bytes
    hash: bytes


class Head(Struct, frozen=True, kw_only=True):
    """A signed head: the root over the first `size` entries, and the statement as it was signed, in JSON."""

    size: int
    at: datetime
    root: bytes
    head: bytes
    statement: str


class OwnOperation(Struct, frozen=True, kw_only=True):
    """One act in the book that concerns a party; `seq` orders them."""

    op: UUID
    kind: str
    subject: str
    at: datetime
    seq: int


async def take_turn(conn: Connection) -> bool:
    """Whether this transaction may append; False while another node does."""
    return bool(await conn.fetchval(_queries.take_turn))


async def waiting(conn: Connection, limit: int) -> list[UUID]:
    """Committed operations that have no entry yet, in order."""
    return [row["op"] for row in await conn.fetch(_queries.waiting, limit)]


async def waiting_count(conn: Connection) -> int:
    """How many operations have no entry yet."""
    return int(await conn.fetchval(_queries.waiting_count))


async def recorded(conn: Connection, ops: Sequence[UUID]) -> list[Recorded]:
    """These operations with their lines, in the order of their postings."""
    rows = await conn.fetch(_queries.recorded, list(ops))
    return [
        Recorded(
            op=op,
            kind=lines[0]["kind"],
            subject=lines[0]["subject"],
            at=lines[0]["at"],
            lines=tuple(
                Line(
                    n=row["n"],
                    debit=row["debit"],
                    credit=row["credit"],
                    currency=row["currency"],
                    amount_minor=row["amount_minor"],
                    owners=tuple(row["owners"]),
                    buyer_id=row["buyer_id"],
                    seller_id=row["seller_id"],
                )
                for row in lines
            ),
        )
        for op, group in groupby(rows, key=lambda row: row["op"])
        for lines in [list(group)]
    ]


async def last_entry(conn: Connection) -> tuple[int, bytes]:
    """How many entries there are, and the hash of the last; (0, b"") of an empty log."""
    row = await conn.fetchrow(_queries.last_entry)
    return (0, b"") if row is None else (row["n"] + 1, row["hash"])


async def append(conn: Connection, entries: Sequence[Entry], nodes: Sequence[tuple[Place, bytes]]) -> None:
    """Append entries with the inner nodes that they complete."""
    columns = zip(*((e.n, e.op, e.salt, e.leaf, e.previous_hash, e.hash) for e in entries), strict=True)
    await conn.execute(_queries.insert_entries, *map(list, columns))
    inner = [(level, place, value) for (level, place), value in nodes if level]
    if inner:
        await conn.execute(_queries.insert_nodes, *map(list, zip(*inner, strict=True)))


async def nodes(conn: Connection, places: Iterable[Place]) -> dict[Place, bytes]:
    """The hashes of these nodes of the tree."""
    asked = list(places)
    rows = await conn.fetch(_queries.nodes, [level for level, _ in asked], [place for _, place in asked])
    return {(row["level"], row["place"]): row["hash"] for row in rows}


async def keep_head(conn: Connection, head: Head) -> None:
    """Store what has been signed."""
    await conn.execute(_queries.insert_head, head.size, head.at, head.root, head.head, head.statement)


async def newest_head(conn: Connection) -> Head | None:
    """The last signed head; None of a book in which nothing stands."""
    row = await conn.fetchrow(_queries.newest_head)
    return None if row is None else Head(**row)


async def heads(conn: Connection, before: int, limit: int) -> list[Head]:
    """Signed heads of fewer than `before` entries, the newest first."""
    return [Head(**row) for row in await conn.fetch(_queries.heads, before, limit)]


async def entry_of(conn: Connection, op: UUID) -> tuple[int, bytes] | None:
    """Number and salt of an operation's entry; None while it has none."""
    row = await conn.fetchrow(_queries.entry_of, op)
    return None if row is None else (row["n"], row["salt"])


async def operations_of(
    conn: Connection, party_id: int, before: int, subject: str | None, limit: int
) -> list[OwnOperation]:
    """What concerns a party, the newest first, before `seq`; of one subject only, if named."""
    rows = await conn.fetch(_queries.operations_of, party_id, before, subject, limit)
    return [OwnOperation(**row) for row in rows]
