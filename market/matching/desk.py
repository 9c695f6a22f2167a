"""The desk of the boards: orders enter, change and leave, a call auction clears. Each function is one transaction of the
caller's, and holds the board's row from its first line to the end, so that two nodes never match one book at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from market import live_topics
from market.matching import proof, settling, store
from market.matching.board_facts import (
    MOST_ORDERS,
    Board,
    BoardRefusal,
    BoardState,
    OrderState,
    StoredClearing,
    StoredOrder,
    unfit,
    unfit_limit,
)
from market.matching.continuous import Book
from market.matching.facts import MOST_CONDITIONAL, Mode, Side, Trade
from market.matching.store import NewOrder
from market.trading import posts
from market.trading.facts import Post, PostRefusal

if TYPE_CHECKING:
    from auction.signing import Signer
    from market.config import Config
    from migrations.database import Connection

Refused = BoardRefusal | PostRefusal
Answer = StoredOrder | BoardRefusal | PostRefusal


class Enter(Struct, frozen=True, kw_only=True):
    """A party's post is to stand on the board with its price and what is open of it."""

    post_id: int
    party_id: int


class Withdraw(Struct, frozen=True, kw_only=True):
    """What is left of an order is taken off the board."""

    order_id: int
    party_id: int


class Change(Struct, frozen=True, kw_only=True):
    """Another limit, or another quantity of what is left. Fewer units at the same limit keep the place in time."""

    order_id: int
    party_id: int
    price_minor: int
    quantity: int


Act = Enter | Withdraw | Change


class Shelf:
    """A continuous board's book as a node remembers it; good as long as the board's version is this one."""

    def __init__(self, version: int, orders: Sequence[StoredOrder]) -> None:
        self.version = version
        self.book = Book()
        self.by_seq = {one.seq: one for one in orders}
        for one in orders:
            self.book.wait(one.order)


async def act(
    conn: Connection,
    board_id: int,
    acts: Sequence[Act],
    now: datetime,
    config: Config,
    shelf: Shelf | None = None,
    *,
    looking_at_posts: bool = False,
) -> tuple[list[Answer], Shelf | None]:
    """Do acts in their order, all of them in this transaction: an answer to each, and the book as it is afterwards.

    `looking_at_posts`: orders whose posts can't keep them leave first. Raises `settling.UnkeptError` where one was missed.
    """
    board = await store.lock_board(conn, board_id)
    if board is None:
        return [BoardRefusal.NO_SUCH_BOARD] * len(acts), None
    stale = await store.due_orders(conn, board.id, now)
    if looking_at_posts:
        stale += await store.unsound_orders(conn, board.id, now)
    if stale:
        await settling.end(conn, stale, OrderState.LAPSED, now)
    if board.mode is Mode.CALL:
        shelf = None
    elif shelf is None or stale or shelf.version != board.version:
        shelf = Shelf(board.version, await store.live_orders(conn, board.id))
    batch = _Batch(conn, board, now, shelf)
    await batch.prepare(acts)
    judged = [await batch.do(one) for one in acts]
    answers = await batch.write(judged, config)
    if batch.version != board.version:
        await tell(conn, board, batch.version)
    return answers, shelf


async def tell(conn: Connection, board: Board, version: int) -> None:
    """Whoever watches the board hears that it has changed."""
    await live_topics.announce(conn, f"board:{board.id}", version)


class _Batch:
    """Acts on one board: judged in turn, written together."""

    def __init__(self, conn: Connection, board: Board, now: datetime, shelf: Shelf | None) -> None:
        self._conn, self._board, self._now, self._shelf = conn, board, now, shelf
        self._new: dict[int, NewOrder] = {}
        self._trades: list[Trade] = []
        self._gone: list[int] = []
        self._changed = False
        self._posts: dict[int, Post] = {}
        self._places = 0
        self._live = self._conditional = 0
        self._sides: set[tuple[int, Side]] = set()
        self.version = board.version

    async def prepare(self, acts: Sequence[Act]) -> None:
        entries = [one for one in acts if isinstance(one, Enter)]
        parties = [one.party_id for one in entries]
        if entries:
            self._posts = await posts.lock_many(self._conn, [one.post_id for one in entries])
            self._sides = await store.sides_of_parties(self._conn, self._board.id, parties)
            self._live, self._conditional = await store.counts(self._conn, self._board.id)

    async def do(self, one: Act) -> int | Answer:
        """The seq of an order that entered, or the answer."""
        if isinstance(one, Enter):
            return self._enter(one)
        order = await store.order(self._conn, one.order_id)
        if order is None or order.party_id != one.party_id or order.board_id != self._board.id:
            return BoardRefusal.NO_SUCH_ORDER
        if order.state is not OrderState.OPEN or self._rest(order) == 0 or order.id in self._gone:
            return BoardRefusal.ORDER_ENDED
        return self._withdraw(order) if isinstance(one, Withdraw) else await self._change(order, one)

    def _enter(self, one: Enter) -> int | Refused:
        post = self._posts.get(one.post_id)
        refused = posts.fit_for_board(post, one.party_id, self._now)
        if refused is not None or post is None:
            return refused or PostRefusal.NO_SUCH_POST
        side = Side(post.side.value)
        refusal = unfit(self._board, post, self._now) or self._crowded(one.party_id, side, post.smallest_take)
        if refusal is not None:
            return refusal
        self._posts[post.id] = replace(post, on_board=True)
        assert post.price_minor is not None, "a post without a price is unfit"
        order = NewOrder(
            seq=self._next_place(),
            post_id=post.id,
            party_id=one.party_id,
            side=side,
            price_minor=post.price_minor,
            quantity=post.open_quantity,
            minimum=post.smallest_take,
            entered_at=self._now,
            good_until=post.valid_until,
        )
        self._new[order.seq] = order
        self._sides.add((one.party_id, side))
        self._live += 1
        self._conditional += order.minimum > 1
        if self._shelf is not None:
            self._shelf.by_seq[order.seq] = _as_stored(self._board.id, order)
            self._trades += self._shelf.book.enter(self._shelf.by_seq[order.seq].order)
        return order.seq

    def _crowded(self, party_id: int, side: Side, minimum: int) -> BoardRefusal | None:
        if (party_id, side.other) in self._sides:
            return BoardRefusal.OWN_COUNTER_ORDER
        if self._live >= MOST_ORDERS:
            return BoardRefusal.BOARD_FULL
        return BoardRefusal.TOO_MANY_CONDITIONAL if minimum > 1 and self._conditional >= MOST_CONDITIONAL else None

    def _withdraw(self, order: StoredOrder) -> StoredOrder:
        if self._shelf is not None:
            self._shelf.book.withdraw(order.seq)
        self._gone.append(order.id)
        return order

    async def _change(self, order: StoredOrder, wanted: Change) -> Answer:
        """A new limit or quantity in the row at once, so that what follows in this batch meets it."""
        if self._board.state is BoardState.HALTED:
            return BoardRefusal.BOARD_HALTED
        rest = self._rest(order)
        if (wanted.price_minor, wanted.quantity) == (order.price_minor, rest):
            return BoardRefusal.NOTHING_CHANGED
        post = await posts.own(self._conn, order.post_id, order.party_id)
        refusal = unfit_limit(self._board, wanted.price_minor, wanted.quantity)
        if refusal is not None:
            return refusal
        traded = order.rest - rest
        if post is None or not 0 < wanted.quantity <= post.open_quantity - traded:
            return BoardRefusal.QUANTITY_TOO_LARGE
        keeps = wanted.price_minor == order.price_minor and wanted.quantity <= rest
        seq = order.seq if keeps else self._next_place()
        quantity = order.filled + traded + wanted.quantity
        # As the post says, and not as the order stood: one that was made smaller and grows again takes all or none as before.
        minimum = min(post.smallest_take, wanted.quantity)
        if minimum > 1 and order.minimum == 1 and await self._is_full_of_conditional():
            return BoardRefusal.TOO_MANY_CONDITIONAL
        self._changed = True
        changed = await store.change_order(self._conn, order.id, wanted.price_minor, quantity, minimum, seq)
        if self._shelf is not None:
            matched = replace(changed, filled=order.filled + traded)
            found = self._shelf.book.replace(order.seq, matched.order)
            self._shelf.by_seq[seq] = changed
            self._trades += found[1] if found else []
        return changed

    async def _is_full_of_conditional(self) -> bool:
        entered = sum(one.minimum > 1 for one in self._new.values())
        return (await store.counts(self._conn, self._board.id))[1] + entered >= MOST_CONDITIONAL

    def _rest(self, order: StoredOrder) -> int:
        return order.rest if self._shelf is None else self._shelf.book.rest_of(order.seq)

    def _next_place(self) -> int:
        self._places += 1
        return self._board.last_seq + self._places

    async def write(self, answers: Sequence[int | Answer], config: Config) -> list[Answer]:
        """Save what was judged; the answers with the orders as they stand after it."""
        conn, board = self._conn, self._board
        ids: dict[int, int] = {}
        if self._new:
            await posts.put_many_on_board(conn, [one.post_id for one in self._new.values()])
            ids = await store.insert_orders(conn, board.id, list(self._new.values()))
        by_seq = {} if self._shelf is None else self._shelf.by_seq
        for seq, order_id in ids.items():
            if seq in by_seq:
                by_seq[seq] = replace(by_seq[seq], id=order_id)
        await settling.settle(conn, board, None, self._trades, by_seq, self._now, config)
        if self._gone:
            await settling.end(conn, self._gone, OrderState.WITHDRAWN, self._now)
        if self._new or self._gone or self._changed:
            self.version = await store.touch_board(conn, board.id, self._places)
        if self._shelf is not None:
            self._keep(self._shelf)
        return await self._answered(answers, ids)

    def _keep(self, shelf: Shelf) -> None:
        """The shelf as it is once this commits: what is filled or gone is forgotten."""
        shelf.by_seq = {seq: one for seq, one in shelf.by_seq.items() if shelf.book.rest_of(seq)}
        shelf.version = self.version

    async def _answered(self, answers: Sequence[int | Answer], ids: dict[int, int]) -> list[Answer]:
        """Each refusal, or the order as it stands now."""
        numbers = [
            one.id if isinstance(one, StoredOrder) else ids[one]
            for one in answers
            if not isinstance(one, BoardRefusal | PostRefusal)
        ]
        found = await store.orders(self._conn, numbers) if numbers else {}
        standing = iter(numbers)
        return [one if isinstance(one, BoardRefusal | PostRefusal) else found[next(standing)] for one in answers]


def _as_stored(board_id: int, order: NewOrder) -> StoredOrder:
    return StoredOrder(
        id=0,
        board_id=board_id,
        seq=order.seq,
        post_id=order.post_id,
        party_id=order.party_id,
        side=order.side,
        price_minor=order.price_minor,
        quantity=order.quantity,
        minimum=order.minimum,
        filled=0,
        state=OrderState.OPEN,
        entered_at=order.entered_at,
        good_until=order.good_until,
        ended_at=None,
    )


async def clear_board(
    conn: Connection, board_id: int, now: datetime, config: Config, signer: Signer
) -> StoredClearing | None:
    """Clear a call board whose time has come, and set its next time; None where nothing stood on it, or it is not due."""
    board = await store.lock_board(conn, board_id)
    if board is None or board.next_at is None or board.state is BoardState.HALTED or board.next_at > now:
        return None
    stale = await store.unsound_orders(conn, board.id, now)
    if stale:
        await settling.end(conn, stale, OrderState.LAPSED, now)
    orders = await store.live_orders(conn, board.id)
    if not orders:
        version = await store.schedule(conn, board.id, board.after(now), None, board.last_clearing)
        await tell(conn, board, version)
        return None
    # In a thread: a large book takes long enough for the node's other work to wait.
    pairs, kept = await asyncio.to_thread(proof.cleared, board, orders, now, config.secret_key, signer)
    await store.insert_clearing(conn, kept)
    await settling.settle(conn, board, kept.n, pairs, {one.seq: one for one in orders}, now, config)
    version = await store.schedule(conn, board.id, board.after(now), kept.price_minor, kept.n)
    await tell(conn, board, version)
    return kept


async def lapse(conn: Connection, board_id: int, now: datetime) -> None:
    """End the orders of a board whose validity is over."""
    board = await store.lock_board(conn, board_id)
    stale = await store.due_orders(conn, board_id, now) if board is not None else []
    if board is not None and stale:
        await settling.end(conn, stale, OrderState.LAPSED, now)
        await tell(conn, board, await store.touch_board(conn, board_id))
