"""What a trade on a board moves, in the transaction that makes it: both posts, the published prices, a contract to sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from market import notices
from market.contracting import desk as contracting
from market.contracting.facts import Contract, Origin, OriginKind, Unsound
from market.contracting.terms import Delivery, Goods, TradeTerms
from market.currencies import EXPONENTS, money_text
from market.matching import store
from market.matching.board_facts import Board, OrderState, StoredFill, StoredOrder
from market.matching.facts import Side, Trade
from market.trading import posts, prints
from market.trading import store as trading_store
from market.trading.particulars import particulars

if TYPE_CHECKING:
    from market.config import Config
    from market.trading.facts import Category, Post
    from migrations.database import Connection


class UnkeptError(Exception):
    """A post could not give what its order promised, or the terms can't be signed: nothing of this was written."""


async def settle(
    conn: Connection,
    board: Board,
    clearing: int | None,
    trades: Sequence[Trade],
    by_seq: Mapping[int, StoredOrder],
    now: datetime,
    config: Config,
) -> list[StoredFill]:
    """Write the trades and all that follows from them; raises UnkeptError if a post can't keep its order."""
    if not trades:
        return []
    ids = {seq: by_seq[seq].id for trade in trades for seq in (trade.supply, trade.demand)}
    involved = {order_id: by_seq[seq] for seq, order_id in ids.items()}
    locked = await posts.lock_many(conn, [order.post_id for order in involved.values()])
    fills = await store.insert_fills(conn, board.id, clearing, trades, ids, now)
    category = await trading_store.category(conn, board.category)
    assert category is not None, "a board's category is never deleted"
    for fill in fills:
        supply, demand = involved[fill.supply_id], involved[fill.demand_id]
        await _deal(conn, board, fill, (supply, demand), locked[supply.post_id], category, now, config)
    for post_id in await store.posts_of_filled(conn, list(involved)):
        await posts.off_board(conn, post_id)
    await _tell(conn, board, clearing, fills, involved, now)
    return fills


async def _deal(
    conn: Connection,
    board: Board,
    fill: StoredFill,
    sides: tuple[StoredOrder, StoredOrder],
    goods: Post,
    category: Category,
    now: datetime,
    config: Config,
) -> None:
    supply, demand = sides
    for order in sides:
        if not await posts.take(conn, order.post_id, fill.units, now):
            raise UnkeptError(f"post {order.post_id} can't give {fill.units} for order {order.id}")
    await prints.record(
        conn,
        source="match",
        ref=fill.id,
        category=board.category,
        term=board.term,
        currency=board.currency,
        price_minor=fill.price_minor,
        quantity=fill.units,
        now=now,
    )
    words = particulars(goods.attributes, category)
    terms = terms_of(board, fill, supply.party_id, demand.party_id, goods, words, now)
    drawn = await contracting.draw_up(conn, Origin(OriginKind.MATCH, fill.id), terms, now, config)
    if isinstance(drawn, Unsound):
        raise UnkeptError(f"fill of orders {supply.id} and {demand.id} makes no sound contract: {drawn.flaws}")


def terms_of(
    board: Board,
    fill: StoredFill,
    seller_id: int,
    buyer_id: int,
    goods: Post,
    words: tuple[str, str],
    now: datetime,
) -> TradeTerms:
    """The board's standard terms, with the goods as the seller's post describes them."""
    first, last = board.window(now)
    line = Goods(
        n=1,
        category=board.category,
        title_en=board.name_en,
        title_zh=board.name_zh,
        attributes=dict(goods.attributes),
        particulars_en=words[0],
        particulars_zh=words[1],
        quantity=fill.units,
        unit=board.unit,
        unit_price_minor=fill.price_minor,
    )
    return TradeTerms(
        seller_id=seller_id,
        buyer_id=buyer_id,
        currency=board.currency,
        currency_exponent=EXPONENTS[board.currency],
        goods=(line,),
        delivery=Delivery(
            term=board.term, country=board.country, place=board.place, from_date=first, to_date=last, partial=False
        ),
    )


async def _tell(
    conn: Connection,
    board: Board,
    clearing: int | None,
    fills: Sequence[StoredFill],
    involved: Mapping[int, StoredOrder],
    now: datetime,
) -> None:
    """One notice an order: how many units, and at what price on the average."""
    sums: dict[int, list[int]] = {}
    for fill in fills:
        for order_id in (fill.supply_id, fill.demand_id):
            total = sums.setdefault(order_id, [0, 0])
            total[0] += fill.units
            total[1] += fill.units * fill.price_minor
    link = f"/boards/{board.id}" if clearing is None else f"/boards/{board.id}/clearings/{clearing}"
    for order_id, (units, worth) in sums.items():
        order = involved[order_id]
        kind = "board_sold" if order.side is Side.SUPPLY else "board_bought"
        params: dict[str, str | int] = {
            "board": board.id,
            "units": f"{units:,}",
            "price": money_text(worth // units, board.currency),
        }
        await notices.notify(conn, [order.party_id], kind, params, link, now)


async def end(conn: Connection, order_ids: Sequence[int], state: OrderState, now: datetime) -> int:
    """End live orders unfilled as far as they are; their posts are free again. How many there were."""
    ended = await store.end_orders(conn, order_ids, state, now)
    for post_id in sorted(ended):
        await posts.off_board(conn, post_id)
    return len(ended)


async def on_contract_ended(conn: Connection, contract: Contract, now: datetime) -> None:
    """A contract that a match made has lapsed or was declined: what it took of both posts is open again, and the trade
    counts no more in the published prices.
    """
    if contract.origin.kind is not OriginKind.MATCH:
        return
    found = await store.posts_of_fill(conn, contract.origin.ref)
    if found is not None:
        supply_post, demand_post, units = found
        for post_id in sorted((supply_post, demand_post)):
            await posts.give_back(conn, post_id, units, now)
        await prints.strike(conn, source="match", ref=contract.origin.ref, now=now)
