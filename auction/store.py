"""Every question the auction asks of the database, one typed function for each named query.

Functions take the connection first, so that a caller can put several into one transaction with its own. Knows tables
and rows; knows no rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
from msgspec import Struct
from msgspec.structs import astuple, replace

from auction.batch import Answer, BidKey, Judged, Room, key_of
from auction.budgets import Budget, BudgetKey, Purse, taken_while_hidden
from auction.chain import Event, decode_body, lot_of, terms_of
from auction.facts import Bid, Logged, Lot, Outcome, Phase, Refusal, RetractionReason, Standing
from auction.formats import format_of
from auction.formats.english_retraction import Placed
from auction.public import PublicState, public_state
from auction.public import own_detail as detail_for
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record
    from asyncpg.prepared_stmt import PreparedStatement

    from auction.books import Books
    from migrations.database import Connection

queries = load_queries("auction")

CONNECTION_LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
"""What asyncpg raises when the database is gone, going or coming: whether a statement took effect is not known."""

NEWS_CHANNEL = "auction_news"

_PHASES = {phase.value: phase for phase in Phase}
_OUTCOMES: dict[str | None, Outcome | None] = {None: None, **{outcome.value: outcome for outcome in Outcome}}


class Position(Struct, frozen=True, kw_only=True):
    """One party's own place on one lot. For its own eyes."""

    lot_id: int
    paddle: int
    admitted: bool
    leading: bool
    maximum_minor: int | None
    priority_rank: int | None = None


class OwnBid(Struct, frozen=True, kw_only=True):
    """One of a party's own requests to bid."""

    client_bid_id: UUID
    stamped_at: datetime
    amount_minor: int
    is_maximum: bool
    refusal: Refusal | None
    seq: int
    leading: bool


class LogRow(Struct, frozen=True):
    """One public event: its exact canonical bytes and its hash."""

    seq: int
    body: bytes
    hash: bytes


# Lots and standings


async def insert_lot(conn: Connection, lot: Lot, now: datetime) -> None:
    """The lot's fixed facts. Raises UniqueViolationError if it is open already."""
    await conn.execute(
        queries.insert_lot,
        lot.id,
        lot.seller_id,
        lot.currency,
        lot.starts_at,
        lot.deposit_minor,
        lot.reserve_minor,
        terms_of(lot),
        now,
    )
    if lot.sale_id is not None:
        await conn.execute(queries.insert_sale_lot, lot.id, lot.sale_id)


async def insert_standing(conn: Connection, lot: Lot, standing: Standing) -> None:
    """The first standing of a lot; its event 'opened' must be in the log."""
    await conn.execute(
        queries.insert_standing,
        lot.id,
        standing.version,
        standing.seq,
        standing.head,
        standing.phase,
        standing.ends_at,
        format_of(lot).price_moves(lot),
    )


async def append_event(conn: Connection, event: Event) -> None:
    """One event at the end of the log."""
    await conn.execute(queries.append_event, *astuple(event))


async def save_standing(conn: Connection, lot_id: int, standing: Standing) -> None:
    """The standing of a lot that this transaction has locked; its version must be one on."""
    written = await conn.execute(
        queries.save_standing,
        lot_id,
        standing.version,
        standing.seq,
        standing.head,
        standing.phase,
        standing.ends_at,
        standing.price_minor,
        standing.leader_id,
        standing.leader_maximum_minor,
        standing.reserve_met,
        standing.bid_count,
        standing.extension_count,
        standing.paused_at,
        standing.outcome,
        standing.closed_at,
        standing.retraction_count,
    )
    assert written == "UPDATE 1", f"lot {lot_id} was not locked"


async def lower_reserve(conn: Connection, lot_id: int, reserve_minor: int) -> None:
    """The lot's secret reserve, lowered."""
    await conn.execute(queries.lower_reserve, lot_id, reserve_minor)


async def rooms(
    conn: Connection, lot_ids: Iterable[int], *, lock: bool = False, books: Books | None = None
) -> dict[int, Room]:
    """What there is to know of these lots; with `lock`, each standing is locked, in key order. Unknown lots are left out.

    A log is only read for a book that is not in `books`; not to be given by a transaction that has itself moved a lot.
    """
    ids = sorted(lot_ids)
    found: dict[int, Room] = {}
    for row in await conn.fetch(queries.lock_lots if lock else queries.lots, ids):
        lot = lot_of(row["terms"], row["seller_id"], row["reserve_minor"])
        found[lot.id] = Room(lot=lot, standing=_standing(row), paddles={}, admitted=set())
    for row in await conn.fetch(queries.admissions, ids):
        room = found[row["lot_id"]]
        room.paddles[row["party_id"]] = row["paddle"]
        if row["admitted"]:
            room.admitted.add(row["party_id"])
        if row["priority_rank"] is not None:
            room.ranks[row["party_id"]] = row["priority_rank"]
        if row["sale_id"] is not None:
            room.sale_of[row["party_id"]] = row["sale_id"]
    for room in found.values():
        if format_of(room.lot).needs_log(room.lot):
            await _give_book(conn, room, books)
    return found


async def _give_book(conn: Connection, room: Room, books: Books | None) -> None:
    """The book of a lot whose format has one: as it is known at this version, else made from the log."""
    lot, standing = room.lot, room.standing
    known = None if books is None else books.at(lot.id, standing.version)
    if known is not None:
        room.standing = replace(standing, book=known)
        return
    # What another node has committed since the standing was read belongs to a later version.
    log = [Logged(*row) for row in await conn.fetch(queries.log_until, lot.id, standing.seq)]
    room.standing = format_of(lot).fold(lot, standing, log)
    if books is not None:
        books.keep(lot.id, room.standing)


async def lock_room(conn: Connection, lot_id: int) -> Room | None:
    """One lot with its standing locked until the transaction ends."""
    return (await rooms(conn, [lot_id], lock=True)).get(lot_id)


async def lock_versions(conn: Connection, lot_ids: Sequence[int]) -> dict[int, int]:
    """Lock these standings in key order; the version each now has."""
    return {row["lot_id"]: row["version"] for row in await conn.fetch(queries.lock_standings, lot_ids)}


async def versions(conn: Connection, lot_ids: Sequence[int]) -> dict[int, int]:
    """The version that each of these standings has now."""
    return {row["lot_id"]: row["version"] for row in await conn.fetch(queries.versions, lot_ids)}


async def open_ends(conn: Connection) -> list[tuple[int, datetime]]:
    """(lot, end of its running phase) for every open lot whose clock runs."""
    return [(row["lot_id"], row["ends_at"]) for row in await conn.fetch(queries.open_ends)]


async def due_by(conn: Connection, now: datetime) -> list[int]:
    """Open lots, in key order, whose running phase ends before one extension after `now` is over."""
    return [row["lot_id"] for row in await conn.fetch(queries.due_by, now)]


def _standing(row: Record) -> Standing:
    return Standing(
        version=row["version"],
        seq=row["seq"],
        head=row["head"],
        phase=_PHASES[row["phase"]],
        ends_at=row["ends_at"],
        price_minor=row["price_minor"],
        leader_id=row["leader_id"],
        leader_maximum_minor=row["leader_maximum_minor"],
        reserve_met=row["reserve_met"],
        bid_count=row["bid_count"],
        extension_count=row["extension_count"],
        paused_at=row["paused_at"],
        outcome=_OUTCOMES[row["outcome"]],
        closed_at=row["closed_at"],
        retraction_count=row["retraction_count"],
    )


# The batch


async def prepare_batch(conn: Connection) -> PreparedStatement[Record]:
    """The batch's statement, on a connection kept for it: planned once, and always by index and hashed lookup, since the
    first plan is made while the tables are empty and must still be right when they are not.
    """
    for setting in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"):
        await conn.execute(f"set {setting} = off")
    await conn.execute("set plan_cache_mode = force_generic_plan")
    return await conn.prepare(queries.commit_batch)


async def commit_batch(statement: PreparedStatement[Record], batch: Sequence[Judged]) -> set[int]:
    """Write a batch in one statement; the lots that were held. A lot is held whole or left alone whole.

    Raises UniqueViolationError, and nothing is written, if one of the requests was decided before.
    """
    lots: list[tuple[object, ...]] = []
    bids: list[tuple[object, ...]] = []
    phases: list[tuple[object, ...]] = []
    for judged in batch:
        lots.append(_lot_row(judged))
        bids += [
            (
                answer.party_id,
                answer.client_bid_id,
                answer.lot_id,
                answer.at,
                answer.amount_minor,
                answer.is_maximum,
                answer.refusal,
                answer.lowest_minor,
                answer.seq,
                answer.leading,
                answer.details,
                None if own is None else own.body,
                None if own is None else own.hash,
            )
            for answer, own in zip(judged.answers, judged.own_events, strict=True)
        ]
        phases += map(astuple, judged.phases)
    return {row[0] for row in await statement.fetch(lots, bids, phases)}


def _lot_row(judged: Judged) -> tuple[object, ...]:
    room, after = judged.room, judged.standing
    return (
        room.lot.id,
        room.standing.version,
        after is not room.standing,
        after.seq,
        after.head,
        after.phase,
        after.ends_at,
        after.price_minor,
        after.leader_id,
        after.leader_maximum_minor,
        after.reserve_met,
        after.bid_count,
        after.extension_count,
    )


async def first_answers(conn: Connection, keys: Sequence[BidKey]) -> dict[BidKey, Answer]:
    """What these requests were answered the first time; those never decided are left out."""
    parties, ids = [party_id for party_id, _ in keys], [UUID(int=number) for _, number in keys]
    answers = map(_answer, await conn.fetch(queries.first_answers, parties, ids))
    return {key_of(answer): answer for answer in answers}


def _answer(row: Record) -> Answer:
    refused = row["refusal"] is not None
    body = None if refused else decode_body(row["body"])
    return Answer(
        party_id=row["party_id"],
        client_bid_id=row["client_bid_id"],
        lot_id=row["lot_id"],
        amount_minor=row["amount_minor"],
        is_maximum=row["is_maximum"],
        at=row["stamped_at"],
        seq=row["seq"],
        refusal=Refusal(row["refusal"]) if refused else None,
        lowest_minor=row["lowest_minor"],
        leading=row["leading"],
        price_minor=None if body is None or body.price_minor is None else int(body.price_minor),
        ends_at=None if body is None else body.ends_at,
        hash=None if body is None else row["hash"],
        details=row["details"],
        shown_seq=row["shown_seq"],
    )


async def bid_by_client_id(conn: Connection, party_id: int, client_bid_id: UUID) -> Answer | None:
    """What this request was answered; None if it was never decided."""
    key = party_id, client_bid_id.int
    return (await first_answers(conn, [key])).get(key)


async def terms(conn: Connection, lot_id: int) -> bytes | None:
    """The canonical terms that the chain of the lot's log begins from."""
    found: bytes | None = await conn.fetchval(queries.terms, lot_id)
    return found


# Admissions


async def paddle_of(conn: Connection, lot_id: int, party_id: int) -> int | None:
    """The paddle the party holds on the lot, removed or not; None if it was never admitted."""
    row = await conn.fetchrow(queries.admission, lot_id, party_id)
    return None if row is None else row["paddle"]


async def taken_paddles(conn: Connection, lot_id: int) -> set[int]:
    """The paddles that are given out on a lot."""
    return {row["paddle"] for row in await conn.fetch(queries.taken_paddles, lot_id)}


async def insert_admission(conn: Connection, lot_id: int, party_id: int, paddle: int, now: datetime) -> int:
    """Admit the party; the paddle it now holds (its old one, if it was admitted before)."""
    held: int = await conn.fetchval(queries.insert_admission, lot_id, party_id, paddle, now)
    return held


async def remove_admission(conn: Connection, lot_id: int, party_id: int, now: datetime) -> bool:
    """Take the admission back; whether there was one."""
    return await conn.execute(queries.remove_admission, lot_id, party_id, now) == "UPDATE 1"


async def tell_of_admission(conn: Connection, lot_id: int, party_id: int) -> None:
    """Let every node hear, at the commit, that the party's admission has changed."""
    await conn.execute(queries.tell_of_admission, lot_id, party_id)


async def tell_of_moves(conn: Connection, versions: Mapping[int, int], node: str) -> None:
    """Let every other node hear to which version each of these lots has been brought."""
    await conn.execute(queries.tell_of_moves, list(versions), list(versions.values()), node)


async def touch_standing(conn: Connection, lot_id: int) -> None:
    """One version on, so that every node reads the lot anew."""
    await conn.execute(queries.touch_standing, lot_id)


async def admitted_ids(conn: Connection, lot_id: int) -> tuple[int, ...]:
    """Everybody ever admitted to the lot, in order."""
    return tuple(row["party_id"] for row in await conn.fetch(queries.admitted_ids, lot_id))


# Budgets


async def lock_purses(conn: Connection, keys: Iterable[BudgetKey]) -> dict[BudgetKey, Purse]:
    """The budgets of these parties for these sales, locked in key order until the transaction ends, with what each of the
    sale's lots would cost them as it stands.
    """
    return await _purses(conn, keys, queries.lock_budgets)


async def _purses(conn: Connection, keys: Iterable[BudgetKey], budgets: str) -> dict[BudgetKey, Purse]:
    wanted = sorted(set(keys))
    sales, parties = [sale_id for sale_id, _ in wanted], [party_id for _, party_id in wanted]
    purses = {
        (row["sale_id"], row["party_id"]): Purse(Budget(most_lots=row["most_lots"], most_minor=row["most_minor"]), {})
        for row in await conn.fetch(budgets, sales, parties)
    }
    for row in await conn.fetch(queries.taken_lots, sales, parties):
        purse = purses.get((row["sale_id"], row["party_id"]))
        if purse is not None:
            purse.taken[row["lot_id"]] = row["amount_minor"]
    # Read after the budgets are locked: whatever another node has committed for this party is among it.
    hidden = await conn.fetch(queries.own_hidden_bids, sales, parties)
    for (sale_id, party_id, lot_id), rows in groupby(
        hidden, key=lambda row: (row["sale_id"], row["party_id"], row["lot_id"])
    ):
        own = list(rows)
        lot = lot_of(own[0]["terms"], own[0]["seller_id"], own[0]["reserve_minor"])
        log = [Logged(row["seq"], row["kind"], row["at"], party_id, row["body"]) for row in own]
        amount, purse = taken_while_hidden(lot, party_id, log), purses.get((sale_id, party_id))
        if amount is not None and purse is not None:
            purse.taken[lot_id] = amount
    return purses


async def set_budget(conn: Connection, sale_id: int, party_id: int, budget: Budget, now: datetime) -> None:
    """What the party sets itself for the sale from now on; every node reads the sale's lots anew."""
    await conn.execute(queries.set_budget, sale_id, party_id, budget.most_lots, budget.most_minor, now)
    await conn.execute(queries.touch_sale, sale_id)


async def purse_of(conn: Connection, sale_id: int, party_id: int) -> Purse | None:
    """The party's budget for a sale with what is taken of it now; None if it has set none."""
    return (await _purses(conn, [(sale_id, party_id)], queries.budgets)).get((sale_id, party_id))


# What pages and the API read


async def lot_view(conn: Connection, lot_id: int, books: Books | None = None) -> PublicState | None:
    """The public state of one lot as the database has it."""
    return (await lot_views(conn, [lot_id], books)).get(lot_id)


async def lot_views(conn: Connection, lot_ids: Sequence[int], books: Books | None = None) -> dict[int, PublicState]:
    """The public states of these lots, stamped with the database's clock; unknown lots are left out."""
    timeline, now = await conn.fetchrow(queries.timeline) or (0, None)
    assert now is not None
    return {
        lot_id: public_state(room.lot, room.standing, room.paddles, timeline, now)
        for lot_id, room in (await rooms(conn, lot_ids, books=books)).items()
    }


async def events(conn: Connection, lot_id: int, after_seq: int = 0, limit: int = 100) -> list[LogRow]:
    """The public log after a seq, in order; where bids are hidden until the close, only its first event until then."""
    return [LogRow(*row) for row in await conn.fetch(queries.events_after, lot_id, after_seq, limit)]


async def events_before(conn: Connection, lot_id: int, before_seq: int, limit: int = 100) -> list[LogRow]:
    """The public log before a seq, in order; the same holds."""
    return [LogRow(*row) for row in reversed(await conn.fetch(queries.events_before, lot_id, before_seq, limit))]


async def own_position(conn: Connection, lot_id: int, party_id: int) -> Position | None:
    """The party's own paddle, and its maximum if it leads; None if it was never admitted."""
    row = await conn.fetchrow(queries.position, lot_id, party_id)
    return None if row is None else Position(**row)


async def own_detail(
    conn: Connection, lot_id: int, party_id: int, now: datetime, books: Books | None = None
) -> dict[str, Any] | None:
    """What the lot's format has to say to this party alone."""
    room = (await rooms(conn, [lot_id], books=books)).get(lot_id)
    return None if room is None else detail_for(room.lot, room.standing, room.paddles, room.admitted, party_id, now)


async def positions_of(conn: Connection, party_id: int) -> list[Position]:
    """The party's place on every lot it was admitted to."""
    return [Position(**row) for row in await conn.fetch(queries.positions_of, party_id)]


async def bids_of(conn: Connection, lot_id: int, party_id: int, limit: int = 100) -> list[OwnBid]:
    """The party's own requests to bid on a lot, newest first, refused ones included."""
    return [
        OwnBid(**{**row, "refusal": None if row["refusal"] is None else Refusal(row["refusal"])})
        for row in await conn.fetch(queries.bids_of, party_id, lot_id, limit)
    ]


# Bids taken back, and rights of priority


async def bids_that_stand(conn: Connection, lot_id: int) -> list[Placed]:
    """Every accepted bid on an English lot that was not taken back, in the order of acceptance."""
    return [
        Placed(
            bid=Bid(
                lot_id=lot_id,
                party_id=row["party_id"],
                client_bid_id=row["client_bid_id"],
                amount_minor=row["amount_minor"],
                is_maximum=row["is_maximum"],
                stamped_at=row["stamped_at"],
            ),
            seq=row["seq"],
            is_public=row["is_public"],
            rank=row["priority_rank"],
        )
        for row in await conn.fetch(queries.bids_that_stand, lot_id)
    ]


async def count_retractions(conn: Connection, lot_id: int, party_id: int) -> int:
    """How often the party has taken a bid back on the lot."""
    return int(await conn.fetchval(queries.count_retractions, lot_id, party_id))


async def insert_retractions(
    conn: Connection, lot_id: int, taken_back: Sequence[Placed], named: UUID, reason: RetractionReason, now: datetime
) -> None:
    """The bid that was named and those that went with it stand no more."""
    rows = [
        (bid.party_id, bid.client_bid_id, lot_id, reason.value, now, None if bid.client_bid_id == named else named)
        for bid in (one.bid for one in taken_back)
    ]
    await conn.executemany(queries.insert_retraction, sorted(rows, key=lambda row: row[5] is not None))


async def retracted_of(conn: Connection, lot_id: int, party_id: int) -> set[UUID]:
    """Which of the party's bids on the lot were taken back."""
    return {row["client_bid_id"] for row in await conn.fetch(queries.retracted_of, lot_id, party_id)}


async def set_priority_rank(conn: Connection, lot_id: int, party_id: int, rank: int | None) -> bool:
    """The party's confirmed right of priority; whether it is admitted, so that it can have one."""
    return await conn.execute(queries.set_priority_rank, lot_id, party_id, rank) == "UPDATE 1"


async def priority_rank(conn: Connection, lot_id: int, party_id: int) -> int | None:
    """The party's confirmed right of priority on the lot; None if it has none."""
    rank: int | None = await conn.fetchval(queries.priority_rank, lot_id, party_id)
    return rank


# The sign of life


async def beat(conn: Connection, now: datetime, silence: timedelta) -> bool:
    """Leave a sign of life; False, and none is left, if there has been none for longer than `silence`."""
    return await conn.execute(queries.beat, now, silence) == "UPDATE 1"


async def lock_heartbeat(conn: Connection) -> datetime | None:
    """The last sign of life of any node, locked; None if no node has run yet."""
    beaten_at: datetime | None = await conn.fetchval(queries.lock_heartbeat)
    return beaten_at


async def set_heartbeat(conn: Connection, now: datetime) -> None:
    """A sign of life after a silence."""
    await conn.execute(queries.set_heartbeat, now)


async def epoch(conn: Connection) -> int:
    """The timeline of the database."""
    timeline: int = await conn.fetchval(queries.timeline)
    return timeline


async def database_time(conn: Connection) -> datetime:
    """The database's clock."""
    moment: datetime = await conn.fetchval(queries.database_time)
    return moment
