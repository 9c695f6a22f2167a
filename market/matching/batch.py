"""Acts on one board that are judged in turn and written together, and the book of a continuous board as a node remembers it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from market.contracting import desk as contracting
from market.matching import settling, store
from market.matching.acts import Act, Answer, Change, Enter, Refused, Withdraw
from market.matching.board_facts import (
    MOST_ORDERS,
    Board,
    BoardRefusal,
    BoardState,
    OrderState,
    StoredOrder,
    unfit,
    unfit_limit,
)
from market.matching.board_terms import unsound_board, unsound_post
from market.matching.continuous import Book
from market.matching.facts import MOST_CONDITIONAL, Side, Trade
from market.matching.store import NewOrder
from market.trading import posts
from market.trading import store as trading_store
from market.trading.facts import Category, Post, PostRefusal

if TYPE_CHECKING:
    from migrations.database import Connection


class Shelf:
    """A continuous board's book as a node remembers it; good as long as the board's version is this one."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.book = Book()
        self.by_seq: dict[int, StoredOrder] = {}

    @classmethod
    async def read(cls, conn: Connection, board: Board) -> Shelf:
        """The book as it stands; the caller holds the board."""
        shelf = cls(board.version)
        async for part in store.live_orders(conn, board.id):
            for one in part:
                shelf.by_seq[one.seq] = one
                shelf.book.wait(one.order)
        return shelf


class Batch:
    """`prepare`, `do` each act, `write`, once each."""

    def __init__(self, conn: Connection, board: Board, now: datetime, shelf: Shelf | None) -> None:
        self._conn, self._board, self._now, self._shelf = conn, board, now, shelf
        self._new: dict[int, NewOrder] = {}
        self._orders: dict[int, StoredOrder] = {}
        self._changed: dict[int, StoredOrder] = {}
        self._trades: list[Trade] = []
        self._gone: list[int] = []
        self._left_places: list[int] = []
        self._posts: dict[int, Post] = {}
        self._names: dict[int, str] = {}
        self._category: Category | None = None
        self._unsound_board: BoardRefusal | None = None
        self._found: dict[tuple[object, ...], BoardRefusal | None] = {}
        """What was found of posts that say the same: programs enter many of them."""
        self._places = 0
        self._live = self._conditional = 0
        self._sides: set[tuple[int, Side]] = set()
        self.version = board.version

    async def prepare(self, acts: Sequence[Act]) -> None:
        """Read all that the acts are judged by, in a fixed number of statements; posts are locked."""
        conn, board = self._conn, self._board
        entries = [one for one in acts if isinstance(one, Enter)]
        others = [one.order_id for one in acts if not isinstance(one, Enter)]
        changing = {one.order_id for one in acts if isinstance(one, Change)}
        self._orders = await store.orders(conn, others) if others else {}
        own = [one.post_id for one in self._orders.values() if one.id in changing and one.board_id == board.id]
        if entries or own:
            self._posts = await posts.lock_many(conn, [*(one.post_id for one in entries), *own])
            self._conditional = await store.count_conditional(conn, board.id)
        if entries:
            # No two orders have ever had one place, so a young board need not be counted.
            is_young = board.last_seq + len(acts) < MOST_ORDERS
            self._live = board.last_seq if is_young else await store.count_live(conn, board.id)
            parties = [one.party_id for one in entries]
            self._sides = await store.sides_of_parties(conn, board.id, parties)
            self._names = await contracting.party_names(conn, parties)
            self._category = await trading_store.category(conn, board.category)
            assert self._category is not None, "a board's category is never deleted"
            if unsound_board(board, self._category, self._now):
                self._unsound_board = BoardRefusal.TERMS_UNSOUND

    def do(self, one: Act) -> int | Answer:
        """The seq of an order that entered, or the answer."""
        if isinstance(one, Enter):
            return self._enter(one)
        order = self._changed.get(one.order_id) or self._orders.get(one.order_id)
        if order is None or order.party_id != one.party_id or order.board_id != self._board.id:
            return BoardRefusal.NO_SUCH_ORDER
        if order.state is not OrderState.OPEN or self._rest(order) == 0 or order.id in self._gone:
            return BoardRefusal.ORDER_ENDED
        return self._withdraw(order) if isinstance(one, Withdraw) else self._change(order, one)

    def _enter(self, one: Enter) -> int | Refused:
        post = self._posts.get(one.post_id)
        refused = posts.fit_for_board(post, one.party_id, self._now)
        if refused is not None or post is None:
            return refused or PostRefusal.NO_SUCH_POST
        refusal = unfit(self._board, post, self._now) or self._unsound(post) or self._crowded(post)
        if refusal is not None:
            return refusal
        self._posts[post.id] = replace(post, on_board=True)
        order = self._new_order(post)
        self._new[order.seq] = order
        self._sides.add((post.party_id, order.side))
        self._live += 1
        self._conditional += order.minimum > 1
        if self._shelf is not None:
            self._shelf.by_seq[order.seq] = _as_stored(self._board.id, order)
            self._trades += self._shelf.book.enter(self._shelf.by_seq[order.seq].order)
        return order.seq

    def _unsound(self, post: Post) -> BoardRefusal | None:
        """Said to whoever could be matched only into a contract that can't be signed."""
        assert self._category is not None, "it was read for the first that enters"
        name = self._names[post.party_id]
        said = (post.side, name, *sorted(post.attributes.items()))
        if said not in self._found:
            self._found[said] = unsound_post(self._board, self._category, post, name, self._now)
        return self._unsound_board or self._found[said]

    def _crowded(self, post: Post) -> BoardRefusal | None:
        if (post.party_id, Side(post.side.value).other) in self._sides:
            return BoardRefusal.OWN_COUNTER_ORDER
        if self._live >= MOST_ORDERS:
            return BoardRefusal.BOARD_FULL
        full = post.smallest_take > 1 and self._conditional >= MOST_CONDITIONAL
        return BoardRefusal.TOO_MANY_CONDITIONAL if full else None

    def _new_order(self, post: Post) -> NewOrder:
        assert post.price_minor is not None, "a post without a price is unfit"
        return NewOrder(
            seq=self._next_place(),
            post_id=post.id,
            party_id=post.party_id,
            side=Side(post.side.value),
            price_minor=post.price_minor,
            quantity=post.open_quantity,
            minimum=post.smallest_take,
            entered_at=self._now,
            good_until=post.valid_until,
        )

    def _withdraw(self, order: StoredOrder) -> StoredOrder:
        if self._shelf is not None:
            self._shelf.book.withdraw(order.seq)
        self._gone.append(order.id)
        self._left_places.append(order.seq)
        return order

    def _change(self, order: StoredOrder, wanted: Change) -> Answer:
        """A new limit or quantity, which what follows in this batch meets."""
        if self._board.state is BoardState.HALTED:
            return BoardRefusal.BOARD_HALTED
        rest = self._rest(order)
        if (wanted.price_minor, wanted.quantity) == (order.price_minor, rest):
            return BoardRefusal.NOTHING_CHANGED
        post = self._posts.get(order.post_id)
        refusal = unfit_limit(self._board, wanted.price_minor, wanted.quantity)
        if refusal is not None:
            return refusal
        traded = order.rest - rest
        if post is None or not 0 < wanted.quantity <= post.open_quantity - traded:
            return BoardRefusal.QUANTITY_TOO_LARGE
        # As the post says, and not as the order stood: one that was made smaller and grows again takes all or none as before.
        minimum = min(post.smallest_take, wanted.quantity)
        if minimum > 1 and order.minimum == 1 and self._conditional >= MOST_CONDITIONAL:
            return BoardRefusal.TOO_MANY_CONDITIONAL
        self._conditional += (minimum > 1) - (order.minimum > 1)
        keeps = wanted.price_minor == order.price_minor and wanted.quantity <= rest
        seq = order.seq if keeps else self._next_place()
        quantity = order.filled + traded + wanted.quantity
        changed = replace(order, price_minor=wanted.price_minor, quantity=quantity, minimum=minimum, seq=seq)
        self._changed[order.id] = changed
        self._left_places.append(order.seq)
        if self._shelf is not None:
            matched = replace(changed, filled=order.filled + traded)
            found = self._shelf.book.replace(order.seq, matched.order)
            self._shelf.by_seq[seq] = changed
            self._trades += found[1] if found else []
        return changed

    def _rest(self, order: StoredOrder) -> int:
        return order.rest if self._shelf is None else self._shelf.book.rest_of(order.seq)

    def _next_place(self) -> int:
        self._places += 1
        return self._board.last_seq + self._places

    async def write(self, answers: Sequence[int | Answer]) -> list[Answer]:
        """Save what was judged; the answers with the orders as they stand after it."""
        conn, board = self._conn, self._board
        ids: dict[int, int] = {}
        if self._new:
            await posts.put_many_on_board(conn, [one.post_id for one in self._new.values()])
            ids = await store.insert_orders(conn, board.id, list(self._new.values()))
        if self._changed:
            await store.change_orders(conn, list(self._changed.values()))
        by_seq = {} if self._shelf is None else self._shelf.by_seq
        for seq, order_id in ids.items():
            if seq in by_seq:
                by_seq[seq] = replace(by_seq[seq], id=order_id)
        await settling.settle(conn, board, None, self._trades, by_seq, self._now)
        if self._gone:
            await settling.end(conn, self._gone, OrderState.WITHDRAWN, self._now)
        if self._new or self._gone or self._changed:
            self.version = await store.touch_board(conn, board.id, self._places)
        if self._shelf is not None:
            self._keep(self._shelf)
        return await self._answered(answers, ids)

    def _keep(self, shelf: Shelf) -> None:
        """The shelf as it is once this commits: what is filled or gone is forgotten."""
        for seq in {*(each for one in self._trades for each in (one.supply, one.demand)), *self._left_places}:
            if not shelf.book.rest_of(seq):
                shelf.by_seq.pop(seq, None)
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
