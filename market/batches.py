"""Batches of acts on money: chosen together, shown posting by posting, done all or none, by two operators above the limit.

What counts against the limit is a batch's sum in one currency, together with what the same operator has decided alone in
the last day: a large sum is no smaller for being cut into pieces. Knows no page and no wire.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from escrow.facts import Refusal
from market import audit, money_acts
from market.dry_run import Preview, rehearse
from market.money_acts import Act, Wish
from migrations.queries import load_queries

if TYPE_CHECKING:
    from escrow.desk import EscrowDesk
    from migrations.database import Connection

_queries = load_queries("market", "batches")
MOST_ITEMS = 100
ALONE_WITHIN = timedelta(days=1)


class BatchRefusal(StrEnum):
    """In the order in which a batch is judged; sentences are `market_refusal.<value>`."""

    EMPTY = "batch_empty"
    TOO_MANY = "batch_too_many"
    TWICE = "batch_twice"
    REASON_MISSING = "batch_reason_missing"
    INTO_MISSING = "batch_into_missing"
    NO_SUCH_BATCH = "no_such_batch"
    NOT_WAITING = "batch_not_waiting"
    SAME_PERSON = "batch_same_person"
    NEEDS_SECOND = "batch_needs_second"
    NOTHING_HELD = "batch_nothing_held"


@dataclass(frozen=True, slots=True)
class ItemRefused:
    """One act of the batch can't be done, and so none is: which, and why."""

    n: int
    wish: Wish
    refusal: StrEnum


class Line(Struct, frozen=True, kw_only=True):
    """One act of a batch, what it is about, and what it would post; or why it can't be done."""

    wish: Wish
    currency: str
    amount_minor: int
    postings: tuple[Preview, ...] = ()
    refusal: StrEnum | None = None


class Previewed(Struct, frozen=True, kw_only=True):
    """A whole batch before it is done. `at_stake` counts what its operator has decided alone within a day."""

    lines: tuple[Line, ...]
    sums: dict[str, int]
    at_stake: dict[str, int]
    needs_second: bool

    @property
    def can_be_done(self) -> bool:
        return all(line.refusal is None for line in self.lines)


class Batch(Struct, frozen=True, kw_only=True):
    """A batch as it stands: waiting, done, or withdrawn."""

    id: int
    asked_by: int
    asked_by_name: str
    asked_at: datetime
    reason: str
    at_stake: dict[str, int]
    needs_second: bool
    state: str
    confirmed_by: int | None
    confirmed_by_name: str | None
    ended_by: int | None
    ended_at: datetime | None
    items: int
    total: int


class _Undo(Exception):
    def __init__(self, refused: ItemRefused) -> None:
        super().__init__()
        self.refused = refused


async def preview(
    conn: Connection, desk: EscrowDesk, wishes: Sequence[Wish], operator_id: int, above_minor: int, now: datetime
) -> Previewed | BatchRefusal:
    """What the batch would post, each act after the one before; nothing stays. The caller is in a transaction."""
    if (refusal := _malformed(wishes)) is not None:
        return refusal
    lines: list[Line] = []

    async def all_of_them() -> None:
        for wish in wishes:
            lines.append(await _line(conn, desk, wish, operator_id, now))
            if lines[-1].refusal is None:  # The next act is judged as of after this one.
                await money_acts.do(conn, desk, wish, _REHEARSED, operator_id, now)

    await rehearse(conn, all_of_them, now)
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        sums[line.currency] += line.amount_minor
    stake = await _with_done_alone(conn, sums, operator_id, now)
    return Previewed(
        lines=tuple(lines), sums=dict(sums), at_stake=stake, needs_second=max(stake.values()) >= above_minor
    )


_REHEARSED = "preview"


async def _line(conn: Connection, desk: EscrowDesk, wish: Wish, operator_id: int, now: datetime) -> Line:
    worth = await money_acts.worth(conn, wish)
    if isinstance(worth, StrEnum):
        return Line(wish=wish, currency="", amount_minor=0, refusal=worth)
    currency, amount_minor = worth
    if amount_minor <= 0:
        return Line(wish=wish, currency=currency, amount_minor=0, refusal=BatchRefusal.NOTHING_HELD)
    answer, postings = await rehearse(conn, lambda: money_acts.do(conn, desk, wish, _REHEARSED, operator_id, now), now)
    refusal = answer if isinstance(answer, StrEnum) else None
    return Line(wish=wish, currency=currency, amount_minor=amount_minor, postings=postings, refusal=refusal)


async def submit(
    conn: Connection,
    desk: EscrowDesk,
    wishes: Sequence[Wish],
    reason: str,
    operator_id: int,
    above_minor: int,
    now: datetime,
) -> Batch | BatchRefusal | ItemRefused:
    """Do the batch, or, at the limit and above, leave it for another operator to confirm. All acts or none."""
    reason = reason.strip()
    if (refusal := _malformed(wishes)) is not None:
        return refusal
    if not reason:
        return BatchRefusal.REASON_MISSING
    await conn.fetchval(_queries.lock_operator, operator_id)
    seen = await preview(conn, desk, wishes, operator_id, above_minor, now)
    assert isinstance(seen, Previewed), "what is malformed was refused before"
    for n, line in enumerate(seen.lines, start=1):
        if line.refusal is not None:
            return ItemRefused(n, line.wish, line.refusal)
    if not seen.needs_second and (refused := await _do_all(conn, desk, wishes, reason, operator_id, now)) is not None:
        return refused
    batch_id = await _insert(conn, seen, reason, operator_id, now)
    act = "money_batch.asked" if seen.needs_second else "money_batch.done"
    await audit.record(conn, operator_id, act, f"money_batch:{batch_id}", reason, {"sums": seen.sums}, now)
    return await _again(conn, batch_id)


async def confirm(
    conn: Connection, desk: EscrowDesk, batch_id: int, operator_id: int, now: datetime
) -> Batch | BatchRefusal | ItemRefused:
    """The second operator agrees: the batch is done now, judged anew. Of two who confirm at once one does it."""
    waiting = await _lock(conn, batch_id)
    if isinstance(waiting, BatchRefusal):
        return waiting
    if waiting.asked_by == operator_id:
        return BatchRefusal.SAME_PERSON
    wishes = [line.wish for line in await lines_of(conn, batch_id)]
    seen = await preview(conn, desk, wishes, operator_id, 0, now)
    assert isinstance(seen, Previewed), "what is malformed never became a batch"
    for n, line in enumerate(seen.lines, start=1):
        if line.refusal is Refusal.OWN_MONEY:  # no more his to decide as the second than as the first
            return ItemRefused(n, line.wish, line.refusal)
    refused = await _do_all(conn, desk, wishes, waiting.reason, waiting.asked_by, now)
    if refused is not None:
        return refused
    await conn.execute(_queries.end_batch, batch_id, "done", operator_id, operator_id, now)
    await audit.record(
        conn, operator_id, "money_batch.confirmed", f"money_batch:{batch_id}", waiting.reason, waiting.at_stake, now
    )
    return await _again(conn, batch_id)


async def withdraw(
    conn: Connection, batch_id: int, operator_id: int, reason: str, now: datetime
) -> Batch | BatchRefusal:
    """Nothing of a waiting batch is done: whoever asked takes it back, or another operator turns it down."""
    waiting = await _lock(conn, batch_id)
    if isinstance(waiting, BatchRefusal):
        return waiting
    if not reason.strip():
        return BatchRefusal.REASON_MISSING
    await conn.execute(_queries.end_batch, batch_id, "withdrawn", None, operator_id, now)
    await audit.record(conn, operator_id, "money_batch.withdrawn", f"money_batch:{batch_id}", reason.strip(), {}, now)
    return await _again(conn, batch_id)


async def batch_by_id(conn: Connection, batch_id: int) -> Batch | None:
    row = await conn.fetchrow(_queries.batch_by_id, batch_id)
    return None if row is None else msgspec.convert(dict(row), Batch)


async def batches(conn: Connection, state: str | None, limit: int, offset: int) -> list[Batch]:
    """Waiting ones first, then newest first."""
    return [msgspec.convert(dict(row), Batch) for row in await conn.fetch(_queries.batch_page, state, limit, offset)]


async def lines_of(conn: Connection, batch_id: int) -> list[Line]:
    """What a batch does or did, without its postings."""
    return [
        Line(
            wish=Wish(
                act=Act(row["act"]), subject_id=row["subject_id"], into_kind=row["into_kind"], into_id=row["into_id"]
            ),
            currency=row["currency"],
            amount_minor=row["amount_minor"],
        )
        for row in await conn.fetch(_queries.items_of, batch_id)
    ]


def _malformed(wishes: Sequence[Wish]) -> BatchRefusal | None:
    if not wishes:
        return BatchRefusal.EMPTY
    if len(wishes) > MOST_ITEMS:
        return BatchRefusal.TOO_MANY
    if len({(money_acts.SUBJECT_OF[wish.act], wish.subject_id) for wish in wishes}) < len(wishes):
        return BatchRefusal.TWICE
    return None


async def _do_all(
    conn: Connection, desk: EscrowDesk, wishes: Sequence[Wish], reason: str, operator_id: int, now: datetime
) -> ItemRefused | None:
    try:
        async with conn.transaction():
            for n, wish in enumerate(wishes, start=1):
                answer = await money_acts.do(conn, desk, wish, reason, operator_id, now)
                if isinstance(answer, StrEnum):
                    raise _Undo(ItemRefused(n, wish, answer))
    except _Undo as undone:
        return undone.refused
    return None


async def _with_done_alone(conn: Connection, sums: dict[str, int], operator_id: int, now: datetime) -> dict[str, int]:
    alone = {
        row["currency"]: row["amount_minor"]
        for row in await conn.fetch(_queries.done_alone, operator_id, now - ALONE_WITHIN)
    }
    return {currency: minor + alone.get(currency, 0) for currency, minor in sums.items()}


async def _insert(conn: Connection, seen: Previewed, reason: str, operator_id: int, now: datetime) -> int:
    state = "waiting" if seen.needs_second else "done"
    ended: tuple[Any, Any] = (None, None) if seen.needs_second else (operator_id, now)
    batch_id: int = await conn.fetchval(
        _queries.insert_batch, operator_id, now, reason, seen.at_stake, seen.needs_second, state, *ended
    )
    lines = seen.lines
    await conn.execute(
        _queries.insert_items,
        batch_id,
        list(range(1, len(lines) + 1)),
        [line.wish.act for line in lines],
        [line.wish.subject_id for line in lines],
        [line.wish.into_kind for line in lines],
        [line.wish.into_id for line in lines],
        [line.currency for line in lines],
        [line.amount_minor for line in lines],
    )
    return batch_id


async def _lock(conn: Connection, batch_id: int) -> Batch | BatchRefusal:
    row = await conn.fetchrow(_queries.lock_batch, batch_id)
    if row is None:
        return BatchRefusal.NO_SUCH_BATCH
    return await _again(conn, batch_id) if row["state"] == "waiting" else BatchRefusal.NOT_WAITING


async def _again(conn: Connection, batch_id: int) -> Batch:
    batch = await batch_by_id(conn, batch_id)
    assert batch is not None, "it was written or locked a moment ago"
    return batch
