"""What a match moves, in the transaction that makes it: the fills, both posts, the published prices, one notice an order.
All of it goes in statements of many rows each, so few that it is soon done and each so short that the node's other work
does not wait for it. The contracts follow from the rows (`fill_contracts`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from market import notices
from market.contracting.facts import Contract, OriginKind
from market.currencies import money_text
from market.matching import store
from market.matching.board_facts import Board, OrderState, StoredFill, StoredOrder
from market.matching.facts import Side, Trade
from market.trading import posts, prints

if TYPE_CHECKING:
    from migrations.database import Connection


AT_ONCE = 2_000
"""Rows of one statement: encoding more would hold up the event loop."""
_T = TypeVar("_T")


class UnkeptError(Exception):
    """Posts could not give what their orders promised: nothing of this was written."""


async def settle(
    conn: Connection,
    board: Board,
    clearing: int | None,
    trades: Sequence[Trade],
    by_seq: Mapping[int, StoredOrder],
    now: datetime,
) -> None:
    """Write the trades and all that follows from them; raises UnkeptError if a post can't keep its order."""
    traded: dict[int, _Traded] = {}
    for part in _parts(trades):
        ids = {seq: by_seq[seq].id for trade in part for seq in (trade.supply, trade.demand)}
        for seq, order_id in ids.items():
            traded.setdefault(order_id, _Traded(by_seq[seq]))
        fills = await store.insert_fills(conn, board.id, clearing, part, ids, now)
        for fill in fills:
            traded[fill.supply_id].add(fill)
            traded[fill.demand_id].add(fill)
        await _print(conn, board, fills, now)
    by_post = sorted(traded.values(), key=lambda one: one.order.post_id)
    for sides in _parts(by_post):
        await _take(conn, sides, now)
    for sides in _parts(by_post):
        await notices.notify_each(conn, list(_told(board, clearing, sides)), now)


class _Traded(Struct):
    """What an order traded: the units, and what they come to."""

    order: StoredOrder
    units: int = 0
    worth: int = 0

    def add(self, fill: StoredFill) -> None:
        self.units += fill.units
        self.worth += fill.units * fill.price_minor


def _parts(whole: Sequence[_T]) -> Iterable[Sequence[_T]]:
    return (whole[at : at + AT_ONCE] for at in range(0, len(whole), AT_ONCE))


async def _print(conn: Connection, board: Board, fills: Sequence[StoredFill], now: datetime) -> None:
    await prints.record_many(
        conn,
        source="match",
        category=board.category,
        term=board.term,
        currency=board.currency,
        trades=[prints.Trade(ref=one.id, price_minor=one.price_minor, quantity=one.units) for one in fills],
        now=now,
    )


async def _take(conn: Connection, sides: Sequence[_Traded], now: datetime) -> None:
    """From their posts, which come in the order of their numbers; those whose order is filled leave the board."""
    leaving = frozenset(await store.posts_of_filled(conn, [one.order.id for one in sides]))
    wanted: dict[int, int] = defaultdict(int)
    for one in sides:
        wanted[one.order.post_id] += one.units
    if unkept := await posts.take_many(conn, wanted, now, leaving):
        raise UnkeptError(f"posts that can't give what their orders promised: {sorted(unkept)[:10]}")


def _told(board: Board, clearing: int | None, sides: Sequence[_Traded]) -> Iterable[notices.Told]:
    """One notice an order: how many units, and at what price on the average."""
    link = f"/boards/{board.id}" if clearing is None else f"/boards/{board.id}/clearings/{clearing}"
    prices: dict[int, str] = {}
    for one in sides:
        average = one.worth // one.units
        if average not in prices:
            prices[average] = money_text(average, board.currency)
        yield notices.Told(
            party_id=one.order.party_id,
            kind="board_sold" if one.order.side is Side.SUPPLY else "board_bought",
            params={"board": board.id, "units": f"{one.units:,}", "price": prices[average]},
            link=link,
        )


async def end(conn: Connection, order_ids: Sequence[int], state: OrderState, now: datetime) -> int:
    """End live orders unfilled as far as they are; their posts are free again. How many there were."""
    count = 0
    for part in _parts(sorted(order_ids)):
        ended = await store.end_orders(conn, part, state, now)
        await posts.off_boards(conn, ended)
        count += len(ended)
    return count


async def on_contract_ended(conn: Connection, contract: Contract, now: datetime) -> None:
    """A contract that a match made has lapsed or was declined: what it took is given back."""
    if contract.origin.kind is OriginKind.MATCH:
        await give_back(conn, contract.origin.ref, now)


async def give_back(conn: Connection, fill_id: int, now: datetime) -> None:
    """What a fill took of both posts is open again, and the trade counts no more in the published prices."""
    found = await store.posts_of_fill(conn, fill_id)
    if found is not None:
        supply_post, demand_post, units = found
        for post_id in sorted((supply_post, demand_post)):
            await posts.give_back(conn, post_id, units, now)
        await prints.strike(conn, source="match", ref=fill_id, now=now)
