"""Boards, orders, clearings and fills in and out of the database: one typed function a query, and no decisions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, convert

from market.matching.board_facts import (
    Board,
    BoardRules,
    BoardState,
    ClearingLine,
    OrderState,
    StoredClearing,
    StoredFill,
    StoredOrder,
)
from market.matching.facts import Side, Trade
from market.trading.facts import Value
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("market", "boards")
_LARGEST_COUNT = 2**31 - 1
READ_AT_ONCE = 2_000


class NewOrder(Struct, frozen=True, kw_only=True):
    """What is written of an order that enters."""

    seq: int
    post_id: int
    party_id: int
    side: Side
    price_minor: int
    quantity: int
    minimum: int
    entered_at: datetime
    good_until: datetime


async def insert_board(
    conn: Connection, rules: BoardRules, next_at: datetime | None, made_by: int, now: datetime
) -> int:
    """A new board; its number."""
    board_id: int = await conn.fetchval(
        _queries.insert_board,
        rules.category,
        rules.term,
        rules.currency,
        rules.country,
        rules.place,
        rules.attributes,
        rules.lead_days,
        rules.window_days,
        rules.mode,
        rules.tick_minor,
        rules.rationing,
        rules.k_permille,
        rules.reference_minor,
        rules.period_seconds,
        next_at,
        made_by,
        now,
    )
    return board_id


async def boards(conn: Connection) -> list[Board]:
    """Every board, by category."""
    return [convert(dict(row), Board) for row in await conn.fetch(_queries.boards, None)]


async def board(conn: Connection, board_id: int) -> Board | None:
    """One, as a page shows it."""
    row = await conn.fetchrow(_queries.boards, board_id)
    return None if row is None else convert(dict(row), Board)


async def lock_board(conn: Connection, board_id: int) -> Board | None:
    """One, held until the transaction ends."""
    row = await conn.fetchrow(_queries.lock_board, board_id)
    return None if row is None else convert(dict(row), Board)


async def lock_board_now(conn: Connection, board_id: int) -> Board | None:
    """The same, or None where another holds it."""
    row = await conn.fetchrow(_queries.lock_board_now, board_id)
    return None if row is None else convert(dict(row), Board)


async def claim_due(conn: Connection, now: datetime, but_not: Sequence[int] = ()) -> int | None:
    """The board that is to clear next, held; None if there is none, or others are at it."""
    board_id: int | None = await conn.fetchval(_queries.claim_due, now, list(but_not))
    return board_id


async def wait_at_most(conn: Connection, seconds: float) -> None:
    """Till the end of the transaction nothing that others hold is waited for longer; 0: without end."""
    await conn.execute(_queries.wait_at_most, f"{seconds * 1000:.0f}ms")


async def next_due(conn: Connection, but_not: Sequence[int] = ()) -> datetime | None:
    """When the next board clears."""
    at: datetime | None = await conn.fetchval(_queries.next_due, list(but_not))
    return at


async def touch_board(conn: Connection, board_id: int, places: int = 0) -> int:
    """Tell that the book has changed; the new version."""
    version: int = await conn.fetchval(_queries.touch_board, board_id, places)
    return version


async def schedule(
    conn: Connection, board_id: int, next_at: datetime, reference_minor: int | None, last_clearing: int
) -> int:
    """After a clearing; the new version."""
    version: int = await conn.fetchval(_queries.schedule, board_id, next_at, reference_minor, last_clearing)
    return version


async def set_state(conn: Connection, board_id: int, state: BoardState, reason: str, next_at: datetime | None) -> int:
    """Halt or open; the new version."""
    version: int = await conn.fetchval(_queries.set_state, board_id, state, reason, next_at)
    return version


async def insert_orders(conn: Connection, board_id: int, orders: Sequence[NewOrder]) -> dict[int, int]:
    """Write orders; the number of each by its seq."""
    rows = await conn.fetch(
        _queries.insert_orders,
        board_id,
        [one.seq for one in orders],
        [one.post_id for one in orders],
        [one.party_id for one in orders],
        [one.side for one in orders],
        [one.price_minor for one in orders],
        [one.quantity for one in orders],
        [one.minimum for one in orders],
        [one.entered_at for one in orders],
        [one.good_until for one in orders],
    )
    return {row["seq"]: row["id"] for row in rows}


async def orders(conn: Connection, order_ids: Sequence[int]) -> dict[int, StoredOrder]:
    """These orders by their numbers."""
    rows = await conn.fetch(_queries.orders_by_id, list(order_ids))
    return {row["id"]: convert(dict(row), StoredOrder) for row in rows}


async def live_orders(conn: Connection, board_id: int) -> AsyncIterator[list[StoredOrder]]:
    """What stands on a board in order of time, part by part, so that the event loop turns in between."""
    last = 0
    while True:
        rows = await conn.fetch(_queries.live_orders, board_id, last, READ_AT_ONCE)
        if not rows:
            return
        last = rows[-1]["seq"]
        yield [convert(dict(row), StoredOrder) for row in rows]


async def unsound_orders(conn: Connection, board_id: int, now: datetime) -> list[int]:
    """Live orders that their posts can't keep any more."""
    return [row["id"] for row in await conn.fetch(_queries.unsound_orders, board_id, now)]


async def due_orders(conn: Connection, board_id: int, now: datetime) -> list[int]:
    """Live orders whose validity is over."""
    return [row["id"] for row in await conn.fetch(_queries.due_orders, board_id, now)]


async def boards_with_due_orders(conn: Connection, now: datetime) -> list[int]:
    """Boards that have such orders."""
    return [row["board_id"] for row in await conn.fetch(_queries.boards_with_due_orders, now)]


async def sides_of_parties(conn: Connection, board_id: int, party_ids: Sequence[int]) -> set[tuple[int, Side]]:
    """On which sides these parties stand."""
    rows = await conn.fetch(_queries.sides_of_parties, board_id, list(party_ids))
    return {(row["party_id"], Side(row["side"])) for row in rows}


async def count_live(conn: Connection, board_id: int) -> int:
    """Live orders of a board."""
    return int(await conn.fetchval(_queries.count_live, board_id))


async def count_conditional(conn: Connection, board_id: int) -> int:
    """Those among them with a minimum."""
    return int(await conn.fetchval(_queries.count_conditional, board_id))


async def end_orders(conn: Connection, order_ids: Sequence[int], state: OrderState, now: datetime) -> list[int]:
    """End live orders; the posts that they stood for."""
    return [row["post_id"] for row in await conn.fetch(_queries.end_orders, list(order_ids), state, now)]


async def change_orders(conn: Connection, changed: Sequence[StoredOrder]) -> None:
    """Other limits and quantities, each at its place in time."""
    await conn.execute(
        _queries.change_orders,
        [one.id for one in changed],
        [one.price_minor for one in changed],
        [one.quantity for one in changed],
        [one.minimum for one in changed],
        [one.seq for one in changed],
    )


async def insert_fills(
    conn: Connection, board_id: int, clearing: int | None, trades: Sequence[Trade], ids: dict[int, int], now: datetime
) -> list[StoredFill]:
    """Write what was traded, in its order; `ids` are the orders' numbers by their seq."""
    rows = await conn.fetch(
        _queries.insert_fills,
        board_id,
        clearing,
        [ids[trade.supply] for trade in trades],
        [ids[trade.demand] for trade in trades],
        [trade.units for trade in trades],
        [trade.price_minor for trade in trades],
        now,
    )
    return [convert(dict(row), StoredFill) for row in rows]


async def posts_of_filled(conn: Connection, order_ids: Sequence[int]) -> list[int]:
    """The posts of those of the orders that are filled, in their order."""
    return [row["post_id"] for row in await conn.fetch(_queries.posts_of_filled, list(order_ids))]


async def insert_clearing(conn: Connection, clearing: StoredClearing) -> None:
    """Write a clearing with its proof."""
    await conn.execute(
        _queries.insert_clearing,
        clearing.board_id,
        clearing.n,
        clearing.at,
        clearing.price_minor,
        clearing.volume,
        clearing.orders,
        clearing.proof,
        clearing.sha256,
    )


async def clearing(conn: Connection, board_id: int, n: int) -> StoredClearing | None:
    """One clearing."""
    row = await conn.fetchrow(_queries.clearing, board_id, n) if n <= _LARGEST_COUNT else None
    return None if row is None else convert(dict(row), StoredClearing)


async def clearings(
    conn: Connection, board_id: int, *, before_n: int | None = None, limit: int = 20
) -> list[ClearingLine]:
    """A board's clearings, the newest first."""
    rows = await conn.fetch(_queries.clearings, board_id, before_n, limit)
    return [convert(dict(row), ClearingLine) for row in rows]


async def orders_of(
    conn: Connection, party_id: int, board_id: int | None = None, *, before_id: int | None = None, limit: int = 50
) -> list[StoredOrder]:
    """A party's orders, the newest first."""
    rows = await conn.fetch(_queries.orders_of, party_id, board_id, before_id, limit)
    return [convert(dict(row), StoredOrder) for row in rows]


class DueFill(Struct, frozen=True, kw_only=True):
    """A fill whose contract is to be drawn up; `goods` is what the seller's post said of them when it was matched."""

    fill_id: int
    tries: int
    goods: dict[str, Value]
    board_id: int
    units: int
    price_minor: int
    at: datetime
    seller_id: int
    buyer_id: int


class OwnFill(Struct, frozen=True, kw_only=True):
    """What a party has traded. Without a contract it is being drawn up, unless the quantity was given back."""

    id: int
    side: Side
    order_id: int
    units: int
    price_minor: int
    at: datetime
    clearing: int | None
    contract_id: int | None
    is_given_back: bool


async def fills_of_party(
    conn: Connection,
    party_id: int,
    board_id: int,
    *,
    clearing: int | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[OwnFill]:
    """A party's trades on a board, the newest first."""
    rows = await conn.fetch(_queries.fills_of_party, party_id, board_id, clearing, before_id, limit)
    return [convert(dict(row), OwnFill) for row in rows]


async def boards_by_id(conn: Connection, board_ids: Collection[int]) -> dict[int, Board]:
    """These boards as they are now."""
    return {row["id"]: convert(dict(row), Board) for row in await conn.fetch(_queries.boards_by_id, list(board_ids))}


async def claim_fills(conn: Connection, now: datetime, limit: int, *, oldest: bool) -> list[DueFill]:
    """Fills whose contracts are due, held until the transaction ends; none that another node holds. `oldest` first, or the
    first of each match.
    """
    claim = _queries.claim_oldest_fills if oldest else _queries.claim_first_fills
    held = [row["fill_id"] for row in await conn.fetch(claim, now, limit)]
    return [convert(dict(row), DueFill) for row in await conn.fetch(_queries.due_fills, held)] if held else []


async def fills_drawn(conn: Connection, fill_ids: Sequence[int], few: int) -> list[int]:
    """They are due no more; the boards that wait for no more than a few others."""
    return [row["board_id"] for row in await conn.fetch(_queries.fills_drawn, list(fill_ids), few)]


async def fill_not_drawn(conn: Connection, fill_id: int, try_at: datetime) -> None:
    """Its contract is tried again at that time."""
    await conn.execute(_queries.fill_not_drawn, fill_id, try_at)


async def next_try(conn: Connection) -> datetime | None:
    """When a contract that could not be drawn is tried again."""
    at: datetime | None = await conn.fetchval(_queries.next_try)
    return at


async def insert_given_back(conn: Connection, fill_id: int, flaws: Sequence[Mapping[str, str]], now: datetime) -> None:
    """No sound contract could be made of the fill."""
    await conn.execute(_queries.insert_given_back, fill_id, now, list(flaws))


async def posts_of_fill(conn: Connection, fill_id: int) -> tuple[int, int, int] | None:
    """The posts of supply and demand that a fill took from, and how much."""
    row = await conn.fetchrow(_queries.posts_of_fill, fill_id)
    return None if row is None else (row["supply_post"], row["demand_post"], row["units"])


async def posts_for_board(conn: Connection, board_id: int, party_id: int, now: datetime) -> list[int]:
    """A party's posts that might stand on a board."""
    return [row["id"] for row in await conn.fetch(_queries.posts_for_board, board_id, party_id, now)]
