"""What a match moves, in the transaction that makes it: the fills, both posts, the published prices, one notice an order.
All of it goes in statements of many rows each, so few that it is soon done and each so short that the node's other work
does not wait for it. The contracts follow from the rows (`fill_contracts`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

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
    ids = {seq: by_seq[seq].id for trade in trades for seq in (trade.supply, trade.demand)}
    involved = {order_id: by_seq[seq] for seq, order_id in ids.items()}
    sums: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for part in _parts(trades):
        fills = await store.insert_fills(conn, board.id, clearing, part, ids, now)
        _add(sums, fills)
        await _print(conn, board, fills, now)
    await _take(conn, involved, {order_id: units for order_id, (units, _) in sums.items()}, now)
    for told in _parts(list(sums.items())):
        await notices.notify_each(conn, list(_told(board, clearing, told, involved)), now)


def _parts(whole: Sequence[_T]) -> Iterable[Sequence[_T]]:
    return (whole[at : at + AT_ONCE] for at in range(0, len(whole), AT_ONCE))


def _add(sums: dict[int, tuple[int, int]], fills: Sequence[StoredFill]) -> None:
    """To what each order traded and what it comes to."""
    for fill in fills:
        worth = fill.units * fill.price_minor
        for order_id in (fill.supply_id, fill.demand_id):
            before = sums[order_id]
            sums[order_id] = (before[0] + fill.units, before[1] + worth)


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


async def _take(conn: Connection, involved: Mapping[int, StoredOrder], units: Mapping[int, int], now: datetime) -> None:
    """From every post at once, in the order of their numbers; those whose order is filled leave the board."""
    taken: dict[int, int] = defaultdict(int)
    for order_id, traded in units.items():
        taken[involved[order_id].post_id] += traded
    leaving: set[int] = set()
    for orders in _parts(list(involved)):
        leaving |= set(await store.posts_of_filled(conn, orders))
    for post_ids in _parts(sorted(taken)):
        wanted = {post_id: taken[post_id] for post_id in post_ids}
        if unkept := await posts.take_many(conn, wanted, now, leaving):
            raise UnkeptError(f"posts that can't give what their orders promised: {sorted(unkept)[:10]}")


def _told(
    board: Board,
    clearing: int | None,
    sums: Sequence[tuple[int, tuple[int, int]]],
    involved: Mapping[int, StoredOrder],
) -> Iterable[notices.Told]:
    """One notice an order: how many units, and at what price on the average."""
    link = f"/boards/{board.id}" if clearing is None else f"/boards/{board.id}/clearings/{clearing}"
    prices: dict[int, str] = {}
    for order_id, (units, worth) in sums:
        order, average = involved[order_id], worth // units
        if average not in prices:
            prices[average] = money_text(average, board.currency)
        yield notices.Told(
            party_id=order.party_id,
            kind="board_sold" if order.side is Side.SUPPLY else "board_bought",
            params={"board": board.id, "units": f"{units:,}", "price": prices[average]},
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
