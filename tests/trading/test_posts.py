"""Posts on a real database: who may change them and when, what is taken of them, the search and the searches that are told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
from msgspec.structs import replace

from market import notices
from market.live_topics import instant_version
from market.trading import posts, saved_searches, search, store
from market.trading.category_desk import CategoryRefusal, add, change
from market.trading.facts import AttributeType, Category, Kind, Post, PostRefusal, PostState, Side
from market.trading.filter_reading import filters_from_query
from market.trading.filters import PostFilters, Range
from market.trading.public import alias
from migrations.database import Role, connect, create_pool
from migrations.queries import load_queries
from migrations.runner import migrations
from tests.trading.market import COIL, NOW, party, posted

if TYPE_CHECKING:
    from migrations.database import Address, Connection

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def conn(module_database: Address) -> AsyncIterator[Connection]:
    """One test's transaction in the file's database: nothing of it stays."""
    conn = await connect(module_database, Role.APP)
    around = conn.transaction()
    await around.start()
    try:
        yield conn
    finally:
        await around.rollback()
        await conn.close()


async def edited(conn: Connection, post: Post, version: int | None = None, **changes: Any) -> Post | PostRefusal:
    return await posts.edit(
        conn,
        post_id=post.id,
        party_id=post.party_id,
        version=version or post.version,
        content=replace(COIL, **changes),
        valid_days=None,
        categories=await store.categories(conn),
        now=NOW + MINUTE,
    )


async def found(conn: Connection, now: Any = NOW, **filters: Any) -> set[int]:
    rows = await search.all_found(conn, PostFilters(**filters), await store.categories(conn), now, 100)
    return {row.id for row in rows}


async def test_a_post_is_changed_by_its_party_alone_over_the_version_that_it_read(conn: Connection) -> None:
    owner, other = await party(conn, "Owner"), await party(conn, "Other")
    post = await posted(conn, owner)
    assert await edited(conn, post, quantity=500, version=7) is PostRefusal.STALE_VERSION
    changed = await edited(conn, post, quantity=500)
    assert isinstance(changed, Post) and (changed.version, changed.quantity) == (2, 500)
    ((version, content, _),) = await store.versions_of(conn, post.id)
    assert version == 1 and content == COIL
    assert await posts.withdraw(conn, post_id=post.id, party_id=other, now=NOW) is PostRefusal.NO_SUCH_POST
    stolen = replace(changed, party_id=other)
    assert await edited(conn, stolen) is PostRefusal.NO_SUCH_POST


async def test_while_an_order_of_it_stands_on_a_board_a_post_stays_as_it_is(conn: Connection) -> None:
    post = await posted(conn, await party(conn, "Owner"))
    held = await posts.put_on_board(conn, post.id, post.party_id, NOW)
    assert isinstance(held, Post)
    assert await posts.put_on_board(conn, post.id, post.party_id, NOW) is PostRefusal.POST_ON_A_BOARD
    assert await edited(conn, post) is PostRefusal.POST_ON_A_BOARD
    assert await posts.withdraw(conn, post_id=post.id, party_id=post.party_id, now=NOW) is PostRefusal.POST_ON_A_BOARD
    assert await posts.take(conn, post.id, 100, NOW)
    await posts.off_board(conn, post.id)
    assert await edited(conn, post, quantity=99) is PostRefusal.BELOW_TAKEN
    gone = await posts.withdraw(conn, post_id=post.id, party_id=post.party_id, now=NOW)
    assert isinstance(gone, Post) and (gone.standing(NOW), gone.taken) == ("withdrawn", 100)
    assert await edited(conn, post) is PostRefusal.POST_GONE


async def test_a_post_lapses_at_its_instant_for_readers_and_by_the_clock_in_the_row(conn: Connection) -> None:
    post = await posted(conn, await party(conn, "Owner"), days=1)
    end = post.valid_until
    assert (end.minute, end.second, end.microsecond) == (0, 0, 0) and end > NOW + timedelta(days=1)
    assert post.standing(end - MINUTE) == "open" and post.standing(end) == "lapsed"
    assert await found(conn, end - MINUTE) == {post.id} and await found(conn, end) == set()
    assert not await posts.take(conn, post.id, 1, end)
    assert await posts.lapse_due(conn, end - MINUTE) == 0 and await posts.lapse_due(conn, end) == 1
    lapsed = await posts.post_by_id(conn, post.id)
    assert lapsed is not None and lapsed.state is PostState.LAPSED and await posts.lapse_due(conn, end) == 0


async def test_a_barred_party_posts_nothing_new(conn: Connection) -> None:
    barred = await party(conn, "Barred")
    await conn.execute("update market.party set barred_at = $2, barred_reason = 'x' where id = $1", barred, NOW)
    categories = await store.categories(conn)
    done = await posts.create(conn, party_id=barred, content=COIL, valid_days=1, categories=categories, now=NOW)
    assert done is PostRefusal.POST_BARRED


async def test_of_many_who_take_at_once_never_more_is_had_than_there_is(module_database: Address) -> None:
    pool = await create_pool(module_database, Role.APP, min_size=8, max_size=8)
    async with pool.acquire() as conn:
        post = await posted(conn, await party(conn, "Contested"), quantity=10)

    async def taker() -> int:
        async with pool.acquire() as own, own.transaction():
            return 3 if await posts.take(own, post.id, 3, NOW) else 0

    assert sum(await asyncio.gather(*(taker() for _ in range(8)))) == 9
    async with pool.acquire() as conn:
        left = await posts.post_by_id(conn, post.id)
        assert left is not None and left.open_quantity == 1
        assert await posts.give_back(conn, post.id, 3, NOW) and not await posts.give_back(conn, post.id, 7, NOW)
        await conn.execute("update market.post set state = 'withdrawn', ended_at = $2 where id = $1", post.id, NOW)
    await pool.close()


# The search


async def test_the_search_finds_what_holds_every_word_and_nothing_else(conn: Connection) -> None:
    """Against the plain meaning: each word, folded, somewhere in the post's own words."""
    dice = random.Random(7)
    owner = await party(conn, "Owner")
    chinese, western = (
        "热轧卷板冷钢现货供应天津上海",
        ["steel", "Stainless", "S355J2", "tea's", "a_b", "100%", "c++", "Q"],
    )
    mine: dict[int, str] = {}
    for _ in range(40):
        title = "".join(dice.choices(chinese, k=dice.randrange(1, 6))) + " " + " ".join(dice.sample(western, 2))
        post = await posted(conn, owner, title_zh=title, title_en="", description_zh="", place="Ａ")
        mine[post.id] = await conn.fetchval("select search_text from market.post where id = $1", post.id)
    words = [
        "热轧",
        "钢",
        "卷板冷",
        "stain",
        "TEEL",
        "s355",
        "5j2",
        "'s",
        "_",
        "0%",
        "c++",
        "q",
        "ａ",
        "热轧 tea",
        "st ss",
    ]
    for word in words:
        folded = word.replace("ａ", "a").lower().split()
        wanted = {number for number, text in mine.items() if all(each in text for each in folded)}
        assert await found(conn, q=word) == wanted, word
        few = await conn.fetch(
            "select fits from market.fitting_posts($1, $2, 'newest', 100, 0, true) as fits", {"words": folded}, NOW
        )
        assert {row["fits"] for row in few} == wanted, word


async def test_traditional_and_simplified_characters_find_each_other(conn: Connection) -> None:
    owner = await party(conn, "Owner")
    plain = await posted(conn, owner, title_zh="热轧钢卷")
    other = await posted(conn, owner, title_zh="熱軋鋼捲", description_zh="臺灣廠", place="高雄")
    for word in ("热轧钢卷", "熱軋鋼捲", "熱轧鋼", "钢"):
        assert await found(conn, q=word) == {plain.id, other.id}, word
    assert await found(conn, q="台湾") == await found(conn, q="臺灣") == {other.id}


async def test_posts_from_before_are_found_by_the_characters_that_searches_ask_for_now(conn: Connection) -> None:
    other = await posted(conn, await party(conn, "Before"), title_zh="舊軋鋼捲", description_zh="臺灣廠", place="高雄")
    await conn.execute("update market.post set words = 'Steel' where id = $1", other.id)
    assert await found(conn, q="舊軋鋼捲") == set()
    (migration,) = [one.sql for one in migrations() if one.number == 36]
    await conn.execute(migration[migration.index("with said as") :])
    for word in ("舊軋鋼捲", "旧轧钢卷", "台湾", "steel"):
        assert other.id in await found(conn, q=word), word


async def test_each_filter_finds_its_own_and_leaves_the_others(conn: Connection) -> None:
    owner = await party(conn, "Owner")
    plain = await posted(conn, owner)
    wanted = await posted(
        conn, owner, side=Side.DEMAND, category="green_tea", quantity=50, price_minor=9_900, currency="USD",
        country="DE", place="Hamburg", term="CIF", delivery_from=date(2027, 1, 5), delivery_to=date(2027, 1, 9),
        attributes={"grade": "special", "season_year": 2026, "organic": True},
    )  # fmt: skip
    ask = await posted(conn, owner, price_minor=None, attributes={"grade": "ss400"})
    both, tea = {plain.id, ask.id}, {wanted.id}
    rows: list[tuple[dict[str, Any], set[int]]] = [
        ({}, both | tea),
        ({"side": "demand"}, tea),
        ({"category": "green_tea"}, tea),
        ({"category": "agriculture"}, tea),
        ({"category": "metals"}, both),
        ({"category": "textiles_paper"}, set()),
        ({"category": "green_tea", "attributes": {"organic": True, "grade": "special"}}, tea),
        ({"category": "hot_rolled_coil", "attributes": {"grade": "ss400"}}, {ask.id}),
        ({"ranges": (Range(code="season_year", least=2025),)}, tea),
        ({"ranges": (Range(code="width", least=1500, most=1500),)}, {plain.id}),
        ({"ranges": (Range(code="grade", least=1),)}, set()),
        ({"currency": "CNY"}, both),
        ({"currency": "CNY", "price_from": 345_000}, {plain.id}),
        ({"currency": "USD", "price_to": 9_899}, set()),
        ({"priced": True}, {plain.id} | tea),
        ({"quantity_from": 51}, both),
        ({"country": "DE"}, tea),
        ({"term": "CIF"}, tea),
        ({"delivery_from": date(2026, 12, 21)}, tea),
        ({"delivery_to": date(2027, 1, 4)}, both),
    ]
    for filters, ids in rows:
        assert await found(conn, **filters) == ids, filters
        again = filters_from_query(dict(parse_qsl(PostFilters(**filters).query())), await store.categories(conn))
        if "category" in filters or "ranges" not in filters:
            assert again == PostFilters(**filters)


async def test_pages_follow_each_other_in_each_order(conn: Connection) -> None:
    owner = await party(conn, "Owner")
    for number in range(7):
        await posted(conn, owner, price_minor=None if number == 3 else 1_000 * ((number * 3) % 7 + 1))
    categories = await store.categories(conn)
    for sort, key in (("price", lambda row: row.price_minor), ("price_down", lambda row: -row.price_minor)):
        rows = []
        for page in (1, 2, 3):
            part = await search.find(conn, PostFilters(sort=sort, page=page), categories, NOW, page_size=3)
            assert (part.pages, part.total) == (2, 6)
            rows += part.rows
        assert [key(row) for row in rows] == sorted(key(row) for row in rows) and len(rows) == 6


# Who asked for anonymity


async def test_nothing_that_is_published_leads_from_an_anonymous_post_to_its_party(conn: Connection) -> None:
    owner = await party(conn, "Very Shy Metals")
    hidden = await posted(conn, owner, anonymous=True, latitude=31_000_000, longitude=121_000_000)
    named = await posted(conn, owner, now=NOW + MINUTE)
    second = await posted(conn, owner, now=NOW + 2 * MINUTE, anonymous=True)
    later = NOW + timedelta(hours=2)
    shown = {
        row.id: row for row in await search.all_found(conn, PostFilters(), await store.categories(conn), later, 10)
    }
    assert (shown[hidden.id].party_name, shown[named.id].party_name) == (None, "Very Shy Metals")
    assert shown[hidden.id].latitude is None and shown[hidden.id].longitude is None
    assert not hasattr(shown[hidden.id], "party_id")
    # Not by the instant, not by an order of numbers, not by coming together with one that bears the name.
    assert all(row.listed_at.minute == row.valid_until.minute == 0 for row in shown.values())
    assert abs(hidden.id - named.id) > 1 and hidden.shown_at == NOW and named.shown_at == NOW + MINUTE
    assert 5 * MINUTE <= second.shown_at - second.posted_at <= 60 * MINUTE
    assert await found(conn, second.posted_at + 4 * MINUTE) == {hidden.id, named.id}
    assert await found(conn, q="very shy") == set() and await found(conn, later, named=True) == {named.id}
    assert alias("key", hidden.id) != alias("key", second.id) != alias("another key", second.id)


# Saved searches


async def test_who_saved_a_search_is_told_once_and_at_most_once_a_minute(conn: Connection) -> None:
    owner, buyer = await party(conn, "Seller"), await party(conn, "Buyer")
    filters = PostFilters(q="卷板", side="supply", category="metals")
    saved = await saved_searches.save(conn, party_id=buyer, name="板", filters=filters, alerts=True, now=NOW)
    await saved_searches.save(conn, party_id=owner, name="mine", filters=filters, alerts=True, now=NOW)
    assert isinstance(saved, saved_searches.SavedSearch)

    async def tick(at: Any) -> list[tuple[str, Any]]:
        await saved_searches.ask_searches(conn, at)
        await saved_searches.tell_parties(conn, at)
        assert await notices.notices_of(conn, owner) == []
        return [(each.kind, each.params["count"]) for each in await notices.notices_of(conn, buyer)]

    await posted(conn, owner)
    await posted(conn, owner, side=Side.DEMAND)
    assert await tick(NOW) == [("search_found_one", 1)]
    assert await tick(NOW) == [("search_found_one", 1)]
    await posted(conn, owner, now=NOW + MINUTE / 2)
    await posted(conn, owner, now=NOW + MINUTE / 2)
    assert len(await tick(NOW + MINUTE / 2)) == 1
    assert (await tick(NOW + MINUTE))[0] == ("search_found_other", 2)
    newest = (await notices.notices_of(conn, buyer))[0]
    assert dict(parse_qsl(newest.link.partition("?")[2])) == {"q": "卷板", "side": "supply", "category": "metals"}
    await saved_searches.set_alerts(conn, search_id=saved.id, party_id=buyer, alerts=False)
    await posted(conn, owner, now=NOW + 3 * MINUTE)
    assert len(await tick(NOW + 3 * MINUTE)) == 2
    assert await saved_searches.forget(conn, search_id=saved.id, party_id=owner) is not None
    assert await saved_searches.forget(conn, search_id=saved.id, party_id=buyer) is None


async def test_nobody_is_told_of_an_anonymous_post_before_the_public_sees_it(conn: Connection) -> None:
    owner, buyer = await party(conn, "Seller"), await party(conn, "Buyer")
    await saved_searches.save(conn, party_id=buyer, name="all", filters=PostFilters(), alerts=True, now=NOW)
    await posted(conn, owner)
    hidden = await posted(conn, owner, now=NOW + MINUTE, anonymous=True)
    await saved_searches.ask_searches(conn, NOW)
    assert await conn.fetchval("select count(*) from market.search_hit") == 1
    assert await _version(conn) == instant_version(NOW)
    assert (await saved_searches.ask_searches(conn, hidden.shown_at)).appeared_in == ["hot_rolled_coil"]
    assert await conn.fetchval("select count(*) from market.search_hit") == 2


async def _version(conn: Connection) -> int:
    """What a watcher is told of the market of coils, as of the test's own day."""
    asked = load_queries("market", "live_topics").market_version.replace("now()", f"timestamptz '{NOW.isoformat()}'")
    return int(await conn.fetchval(asked, "hot_rolled_coil"))


# The catalogue of goods


async def test_what_posts_are_written_with_is_never_taken_away(conn: Connection) -> None:
    operator = await party(conn, "Operator")
    await posted(conn, await party(conn, "Owner"))
    coil = next(each for each in await store.categories(conn) if each.code == "hot_rolled_coil")
    rows: list[tuple[Category, CategoryRefusal]] = [
        (replace(coil, attributes=coil.attributes[1:]), CategoryRefusal.CATEGORY_ATTRIBUTE_GONE),
        (replace(coil, unit="KGM"), CategoryRefusal.CATEGORY_UNIT_FIXED),
        (replace(coil, name_zh=""), CategoryRefusal.CATEGORY_NAME_MISSING),
        (replace(coil, unit="XXX"), CategoryRefusal.CATEGORY_UNIT_UNKNOWN),
        (replace(coil, attributes=coil.attributes * 2), CategoryRefusal.CATEGORY_ATTRIBUTE_BAD),
        (replace(coil, code="nothing_such"), CategoryRefusal.NO_SUCH_CATEGORY),
    ]
    for wanted, refusal in rows:
        assert await change(conn, wanted, coil.version, operator, NOW) is refusal
    assert await change(conn, coil, 9, operator, NOW) is CategoryRefusal.STALE_VERSION
    more = AttributeType(code="coating", kind=Kind.TEXT, name_en="Coating", name_zh="涂层")
    changed = await change(conn, replace(coil, attributes=(*coil.attributes, more)), 1, operator, NOW)
    assert isinstance(changed, Category) and changed.version == 2 and changed.attribute("coating") == more
    fresh = Category(code="zinc_ingot", parent="metals", position=9, name_en="Zinc", name_zh="锌锭", unit="TNE")
    assert isinstance(await add(conn, fresh, operator, NOW), Category)
    assert await add(conn, fresh, operator, NOW) is CategoryRefusal.CATEGORY_EXISTS
    acts = await conn.fetch("select act from market.audit where actor_id = $1 order by id", operator)
    assert [row["act"] for row in acts] == ["category.changed", "category.added"]
