"""Posts to try with: a whole one, changed in a word, and the short way to put it on the market."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from market.trading import posts, store
from market.trading.facts import Post, PostContent, Side

if TYPE_CHECKING:
    from migrations.database import Connection

NOW = datetime(2026, 11, 22, 8, 30, 15, 123456, tzinfo=UTC)
COIL = PostContent(
    side=Side.SUPPLY,
    category="hot_rolled_coil",
    title_zh="现货供应热轧卷板",
    title_en="Hot-rolled coil from stock",
    attributes={"grade": "q235b", "width": 1500},
    quantity=300,
    price_minor=345_000,
    currency="CNY",
    country="CN",
    place="天津",
    delivery_from=date(2026, 12, 1),
    delivery_to=date(2026, 12, 20),
    term="FOB",
)


async def party(conn: Connection, name: str) -> int:
    """A member of this name."""
    number: int = await conn.fetchval(
        "insert into market.party (email, display_name, created_at) values ($1, $2, $3) returning id",
        f"{name.replace(' ', '.')}@example.org",
        name,
        NOW,
    )
    return number


async def posted(conn: Connection, party_id: int, now: datetime = NOW, days: int = 30, **changes: Any) -> Post:
    """A post of the party on the market."""
    categories = await store.categories(conn)
    content = replace(COIL, **changes)
    done = await posts.create(conn, party_id=party_id, content=content, valid_days=days, categories=categories, now=now)
    assert isinstance(done, Post), done
    return done
