"""The contracts of what boards have traded, drawn up after the trades from rows that say which are due. Each function is a
part of its caller's transaction.

a fill makes no sound contract    its quantity is given back to both posts, operators and both parties are told
a fill can't be drawn now         it is tried again later, ever less often; operators are told once

Neither keeps another waiting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from msgspec import to_builtins

from auction.store import CONNECTION_LOST
from market import live_topics, notices
from market.contracting import desk as contracting
from market.contracting.facts import Origin, OriginKind, Unsound
from market.desk_notices import tell_operators
from market.matching import settling, store
from market.matching.board_terms import terms_of
from market.trading import store as trading_store

if TYPE_CHECKING:
    from market.config import Config
    from market.contracting.terms import TradeTerms
    from market.matching.board_facts import Board
    from market.matching.store import DueFill
    from market.trading.facts import Category
    from migrations.database import Connection

LONGEST_WAIT_SECONDS = 600
TOLD_AT_TRY = 4
MOST_FLAWS_TOLD = 5
FEW = 50

_log = structlog.get_logger("gavelhouse")


async def draw_some(conn: Connection, now: datetime, config: Config, limit: int, *, oldest: bool) -> int:
    """Draw up contracts that are due, at most so many; how many were looked at."""
    due = await store.claim_fills(conn, now, limit, oldest=oldest)
    if not due:
        return 0
    boards = await store.boards_by_id(conn, {one.board_id for one in due})
    try:
        async with conn.transaction():
            await _draw(conn, due, boards, now, config)
    except CONNECTION_LOST:
        raise
    except Exception as error:
        _log.warning("contracts of fills are drawn one by one", fills=len(due), error=repr(error))
        for one in due:
            await _draw_alone(conn, one, boards, now, config)
    return len(due)


async def _draw_alone(
    conn: Connection, one: DueFill, boards: Mapping[int, Board], now: datetime, config: Config
) -> None:
    try:
        async with conn.transaction():
            await _draw(conn, [one], boards, now, config)
    except CONNECTION_LOST:
        raise
    except Exception as error:
        _log.error("a fill's contract could not be drawn up", fill=one.fill_id, tries=one.tries + 1, error=repr(error))
        wait = timedelta(seconds=min(2**one.tries, LONGEST_WAIT_SECONDS))
        await store.fill_not_drawn(conn, one.fill_id, now + wait)
        if one.tries + 1 == TOLD_AT_TRY:
            parties, link = (one.seller_id, one.buyer_id), f"/boards/{one.board_id}"
            told = {"board": one.board_id, "fill": one.fill_id}
            await tell_operators(conn, parties, "desk_fill_not_drawn", told, link, now)


async def _draw(
    conn: Connection, due: Sequence[DueFill], boards: Mapping[int, Board], now: datetime, config: Config
) -> None:
    codes = {board.category for board in boards.values()}
    categories = {each.code: each for each in await trading_store.categories(conn) if each.code in codes}
    asked = {Origin(OriginKind.MATCH, one.fill_id): one for one in due}
    terms = [(origin, _terms(one, boards[one.board_id], categories)) for origin, one in asked.items()]
    drawn = await contracting.draw_up_many(conn, terms, now, config)
    for origin, made in drawn.items():
        if isinstance(made, Unsound):
            await _give_back(conn, asked[origin], made, now)
    for board_id in await store.fills_drawn(conn, [one.fill_id for one in due], FEW):
        # No new version of its book, only something to look at; of a large match only its last contracts are told.
        await live_topics.announce(conn, f"board:{board_id}", 0)


def _terms(one: DueFill, board: Board, categories: Mapping[str, Category]) -> TradeTerms:
    return terms_of(
        board,
        categories[board.category],
        one.goods,
        units=one.units,
        price_minor=one.price_minor,
        seller_id=one.seller_id,
        buyer_id=one.buyer_id,
        at=one.at,
    )


async def _give_back(conn: Connection, one: DueFill, made: Unsound, now: datetime) -> None:
    """As when a contract lapses unsigned, and whoever can put it right is told what is wrong."""
    await settling.give_back(conn, one.fill_id, now)
    await store.insert_given_back(conn, one.fill_id, to_builtins(made.flaws), now)
    parties, link = [one.seller_id, one.buyer_id], f"/boards/{one.board_id}"
    told: dict[str, str | int] = {"board": one.board_id, "fill": one.fill_id, "units": f"{one.units:,}"}
    await notices.notify(conn, parties, "board_given_back", told, link, now)
    flaws = ", ".join(f"{flaw.path}: {flaw.reason.value}" for flaw in made.flaws[:MOST_FLAWS_TOLD])
    await tell_operators(conn, parties, "desk_fill_given_back", {**told, "flaws": flaws}, link, now)
