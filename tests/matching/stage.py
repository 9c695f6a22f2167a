"""A board and parties with posts, written straight into the database of a test."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from auction.signing import Signer
from market.config import Config
from market.matching import making
from market.matching.board_facts import Board, BoardRules
from market.matching.facts import Mode
from market.trading import store as trading_store
from market.trading.facts import Post, PostContent, Side

if TYPE_CHECKING:
    from migrations.database import Connection

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
CONFIG = Config()
SIGNER = Signer.derived("a test's house")
_numbers = count(1)


async def new_party(conn: Connection) -> int:
    n = next(_numbers)
    found: int = await conn.fetchval(
        "insert into market.party (email, display_name, language, roles, created_at)"
        " values ($1, $2, 'en', '{member}', $3) returning id",
        f"trader{n}@example.org",
        f"Trader {n}",
        NOW,
    )
    return found


async def new_board(conn: Connection, mode: Mode = Mode.CALL, **changes: Any) -> Board:
    operator = await new_party(conn)
    values: dict[str, Any] = {
        "category": "hot_rolled_coil",
        "term": "FOB",
        "currency": "CNY",
        "country": "CN",
        "place": "Shanghai",
        "attributes": {"grade": "q235b"},
        "lead_days": 5,
        "window_days": 20,
        "mode": mode,
        "tick_minor": 100,
        "period_seconds": 600 if mode is Mode.CALL else None,
        **changes,
    }
    made = await making.open_board(conn, BoardRules(**values), operator, "as the market asked", NOW)
    assert isinstance(made, Board), made
    return made


async def new_post(
    conn: Connection, party_id: int, side: Side, price_minor: int | None, quantity: int, **changes: Any
) -> Post:
    values: dict[str, Any] = {
        "side": side,
        "category": "hot_rolled_coil",
        "title_en": "Coil",
        "attributes": {"grade": "q235b"},
        "quantity": quantity,
        "price_minor": price_minor,
        "currency": "CNY",
        "country": "CN",
        "place": "Baoshan",
        "delivery_from": date(2026, 11, 25),
        "delivery_to": date(2026, 12, 31),
        "term": "FOB",
        **changes,
    }
    valid_until, shown_at = values.pop("valid_until", NOW + timedelta(days=30)), values.pop("shown_at", NOW)
    return await trading_store.insert_post(conn, party_id, PostContent(**values), "", valid_until, shown_at, NOW)


async def post_of_new_party(conn: Connection, side: Side, price_minor: int, quantity: int, **changes: Any) -> Post:
    return await new_post(conn, await new_party(conn), side, price_minor, quantity, **changes)
