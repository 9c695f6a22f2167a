"""The search of the market among 100,000 posts: by the house's index of character pairs, and by ILIKE over the same rows.

`python -m benchmarks.post_search [--json]`. Both find the first page of twenty, newest first, of what has
all the words in it; in the same run on the same database, each question several times, the median counts. What both find
is compared, too: an index that is fast and misses posts is worth nothing.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from benchmarks.report import arguments, tell
from market.trading import search, store
from market.trading.filters import PostFilters
from migrations.database import Role, connect
from migrations.embedded_postgres import EmbeddedPostgres, create_database
from migrations.runner import migrate

if TYPE_CHECKING:
    from market.trading.facts import Category
    from migrations.database import Address, Connection

POSTS, GOAL_MS, TRIES = 100_000, 20.0, 15
QUESTIONS = (
    PostFilters(q="热轧卷板"),
    PostFilters(q="明前龙井"),
    PostFilters(q="钢 天津"),
    PostFilters(q="茶"),
    PostFilters(q="organic tea hangzhou"),
    PostFilters(q="不存在的货物"),
    PostFilters(),
    PostFilters(side="supply", category="agriculture", country="CN", sort="lapsing"),
    PostFilters(category="hot_rolled_coil", attributes={"grade": "ss400"}, currency="CNY", sort="price"),
)

FILL = """
insert into market.post (id, party_id, side, category, title_zh, title_en, description_zh, attributes, words, quantity,
  price_minor, currency, country, place, delivery_from, delivery_to, term, valid_until, posted_at, updated_at, moved_at,
  shown_at, listed_at)
select 1000000000 + n, 1, (array['supply', 'demand'])[1 + n % 2], kind.code,
       (array['现货', '急购', '长期供应', '清仓'])[1 + n % 4] || kind.name_zh || (array['一批', '大量', '优质', '新货'])[1 + n / 7 % 4] || n,
       (array['Spot ', 'Wanted: ', 'Long-term supply of ', 'Clearance '])[1 + n % 4] || lower(kind.name_en) || ' no. ' || n,
       (array['产地直发，质量保证，可验货。', '要求提供质检报告，款到发货。', '明前龙井与碧螺春同批到货。', '长期合作，价格面议。'])[1 + n / 11 % 4] || md5(n::text),
       jsonb_build_object('grade', kind.attributes -> 0 -> 'choices' -> (n / 3 % 2) ->> 'code'),
       kind.name_en || ' ' || kind.name_zh || case when n % 9 = 0 then ' Organic 有机' else '' end,
       10 + n % 1000, case when n % 5 > 0 then 100000 + n * 37 % 900000 end, (array['CNY', 'USD'])[1 + n / 2 % 2],
       (array['CN', 'CN', 'CN', 'DE', 'VN'])[1 + n / 5 % 5], (array['天津', '上海', 'Hangzhou', 'Hamburg', '宁波'])[1 + n / 5 % 5],
       date '2026-12-01' + n % 60, date '2027-02-01' + n % 30, (array['FOB', 'CIF', 'EXW'])[1 + n % 3],
       $1::timestamptz + make_interval(hours => 1 + n % 500), $1, $1, $1, $1 - make_interval(hours => n % 700),
       date_trunc('hour', $1 - make_interval(hours => n % 700))
from generate_series(1, $2::integer) as n
join (select category.*, row_number() over (order by position) - 1 as place, count(*) over () as kinds
      from market.category where parent is not null) as kind on kind.place = n % kind.kinds
"""
ILIKE = """
select id from market.post
where state = 'open' and taken < quantity and valid_until > $1 and shown_at <= $1
  and not exists (select from unnest($2::text[]) as word where search_text not ilike '%' || word || '%')
order by listed_at desc, id limit 21
"""


async def _took_ms(ask: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """The median, and the best: what is left of it on a machine that has nothing else to do."""
    took = []
    for _ in range(TRIES):
        began = time.perf_counter()
        await ask()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), min(took)


async def _measure(address: Address, posts: int, as_json: bool) -> None:
    await create_database(address)
    owner = await connect(address, Role.OWNER)
    await migrate(owner)
    now = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    await owner.execute(
        "insert into market.party (email, display_name, passphrase_phc, created_at) values ('a@b.example', 'A', null, $1)",
        now,
    )
    began = time.perf_counter()
    await owner.execute(FILL, now, posts)
    filled = time.perf_counter() - began
    await owner.execute("vacuum analyze market.post")
    await owner.close()
    conn = await connect(address, Role.APP)
    size = await conn.fetchval("select pg_indexes_size('market.post')")
    tell({"posts": posts, "written_per_second": posts / filled, "indexes_mib": size / 2**20}, as_json=as_json)
    categories = await store.categories(conn)
    slowest = 0.0
    for filters in QUESTIONS:
        slowest = max(slowest, await _one(conn, filters, categories, now, as_json))
    tell({"slowest_ms": slowest, "goal": f"at most {GOAL_MS:.0f} ms"}, as_json=as_json)
    await conn.close()


async def _one(
    conn: Connection, filters: PostFilters, categories: list[Category], now: datetime, as_json: bool
) -> float:
    async def ours() -> search.Found:
        return await search.find(conn, filters, categories, now)

    mine, best = await _took_ms(ours)
    found = await ours()
    words = filters.wanted(categories).get("words", [])
    row: dict[str, Any] = {
        "asked": unquote(filters.query()) or "everything",
        "found": f"{found.total}{'+' if found.more else ''}",
    }
    row |= {"ms": mine, "best_ms": best}
    if words:
        theirs, _ = await _took_ms(lambda: conn.fetch(ILIKE, now, words))
        same = [row["id"] for row in await conn.fetch(ILIKE, now, words)][:20] == [row.id for row in found.rows]
        assert same, f"{filters.q}: not the same posts"
        row |= {"ilike_ms": theirs, "ilike_to_ours": theirs / mine}
    tell(row, as_json=as_json)
    return mine


def main() -> None:
    given = arguments(__doc__ or "")
    with tempfile.TemporaryDirectory(prefix="gavelhouse-bench-") as folder, EmbeddedPostgres(Path(folder)) as postgres:
        asyncio.run(_measure(postgres.address, POSTS, given.json))


if __name__ == "__main__":
    main()
