"""Two boards for steel coil of the same rules, many parties, and posts that fit them: supply and demand in turns."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from market.config import Config
from market.matching import making
from market.matching.board_facts import Board, BoardRules
from market.matching.facts import Mode
from migrations.database import Role, connect
from migrations.runner import migrate

if TYPE_CHECKING:
    from migrations.database import Address, Connection

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
CONFIG = Config()
MIDDLE_MINOR = 400_000

Spread = Callable[[random.Random, bool], int]
"""How far a limit lies above the middle, of a supply or not."""


async def prepared(
    address: Address, mode: Mode, *, parties: int, posts: int, spread: Spread
) -> tuple[Board, Board, list[tuple[int, int]]]:
    """The boards, and each post with its party."""
    conn = await connect(address, Role.OWNER)
    await migrate(conn)
    rows = await conn.fetch(
        "insert into market.party (email, display_name, language, roles, created_at)"
        " select 'p' || n || '@example.org', 'Party ' || n, 'en', '{member}', $2 from generate_series(1, $1) n returning id",
        parties,
        NOW,
    )
    ids = [row["id"] for row in rows]
    rules = BoardRules(
        category="hot_rolled_coil",
        term="FOB",
        currency="CNY",
        country="CN",
        place="Shanghai",
        lead_days=5,
        window_days=20,
        mode=mode,
        tick_minor=1,
        period_seconds=600 if mode is Mode.CALL else None,
    )
    one, other = [await making.open_board(conn, rules, ids[0], "to measure", NOW) for _ in range(2)]
    assert isinstance(one, Board) and isinstance(other, Board)
    made = await _posted(conn, ids, posts, spread)
    await conn.execute("vacuum analyze")
    await conn.close()
    return one, other, made


async def _posted(conn: Connection, parties: list[int], count: int, spread: Spread) -> list[tuple[int, int]]:
    dice = random.Random(3)
    supplies = [n % 2 == 1 for n in range(count)]
    rows = await conn.fetch(
        "insert into market.post (party_id, side, category, title_en, quantity, price_minor, currency, country, place,"
        " delivery_from, delivery_to, term, valid_until, posted_at, updated_at, shown_at, listed_at, moved_at)"
        " select p, s, 'hot_rolled_coil', 'Coil', q, l, 'CNY', 'CN', 'Baoshan', $5, $6, 'FOB', $7, $8, $8, $8,"
        " date_trunc('hour', $8::timestamptz), $8 from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])"
        " with ordinality as u (p, s, l, q, n) order by n returning id, party_id",
        [dice.choice(parties[supply::2]) for supply in supplies],
        ["supply" if supply else "demand" for supply in supplies],
        [MIDDLE_MINOR + spread(dice, supply) for supply in supplies],
        [dice.randrange(1, 100) for _ in supplies],
        date(2026, 11, 20),
        date(2026, 12, 31),
        NOW + timedelta(days=30),
        NOW,
    )
    return [(row["id"], row["party_id"]) for row in rows]
