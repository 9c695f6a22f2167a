"""The desk of the boards: orders enter, change and leave, a call auction clears. Each function is one transaction of the
caller's, and holds the board's row from its first line to the end, so that two nodes never match one book at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING

from asyncpg import LockNotAvailableError

from market import live_topics
from market.matching import proof, settling, store
from market.matching.acts import Act, Answer
from market.matching.batch import Batch, Shelf
from market.matching.board_facts import Board, BoardRefusal, BoardState, OrderState, StoredClearing
from market.matching.facts import Mode

if TYPE_CHECKING:
    from auction.signing import Signer
    from market.config import Config
    from migrations.database import Connection


LONGEST_TURN_SECONDS = 0.005
LONGEST_WAIT_SECONDS = 1.5
"""For a board that is being cleared; who waits keeps a connection from others."""


class BoardBusyError(Exception):
    """The board is held for longer than an act waits: nothing was done."""


async def act(
    conn: Connection,
    board_id: int,
    acts: Sequence[Act],
    now: datetime,
    shelf: Shelf | None = None,
    *,
    looking_at_posts: bool = False,
) -> tuple[list[Answer], Shelf | None]:
    """Do acts in their order, all of them in this transaction: an answer to each, and the book as it is afterwards.

    `looking_at_posts`: orders whose posts can't keep them leave first. Raises `settling.UnkeptError` where one was missed,
    and BoardBusyError.
    """
    board = await store.lock_board_now(conn, board_id) or await _waited_for(conn, board_id)
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
        shelf = await Shelf.read(conn, board)
    batch = Batch(conn, board, now, shelf)
    await batch.prepare(acts)
    answers = await batch.write(await _judged(batch, acts))
    if batch.version != board.version:
        await tell(conn, board, batch.version)
    return answers, shelf


async def _waited_for(conn: Connection, board_id: int) -> Board | None:
    try:
        async with conn.transaction():
            await store.wait_at_most(conn, LONGEST_WAIT_SECONDS)
            board = await store.lock_board(conn, board_id)
            await store.wait_at_most(conn, 0)
            return board
    except LockNotAvailableError as error:
        raise BoardBusyError(f"board {board_id} is held by another") from error


async def _judged(batch: Batch, acts: Sequence[Act]) -> list[int | Answer]:
    """Each act in its turn; the event loop turns in between, however long the book and many the acts."""
    judged: list[int | Answer] = []
    turned_at = perf_counter()
    for one in acts:
        judged.append(batch.do(one))
        if perf_counter() - turned_at > LONGEST_TURN_SECONDS:
            await asyncio.sleep(0)
            turned_at = perf_counter()
    return judged


async def tell(conn: Connection, board: Board, version: int) -> None:
    """Whoever watches the board hears that it has changed."""
    await live_topics.announce(conn, f"board:{board.id}", version)


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
    orders = [one async for part in store.live_orders(conn, board.id) for one in part]
    if not orders:
        version = await store.schedule(conn, board.id, board.after(now), None, board.last_clearing)
        await tell(conn, board, version)
        return None
    # In a thread: a large book takes long enough for the node's other work to wait.
    pairs, kept = await asyncio.to_thread(proof.cleared, board, orders, now, config.secret_key, signer)
    await store.insert_clearing(conn, kept)
    await settling.settle(conn, board, kept.n, pairs, {one.seq: one for one in orders}, now)
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
