"""The contracts of what boards have traded: each fill makes one, whoever draws and whenever they are killed, or is given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest

from market import live_topics
from market.contracting import desk as contracting
from market.contracting.facts import Contract, ContractHooks
from market.live_topics import Announcement
from market.matching import desk, fill_contracts, making, store
from market.matching.acts import Answer, Enter
from market.matching.board_facts import Board, BoardRefusal, BoardRules
from market.matching.contract_clock import ContractClock
from market.matching.facts import Mode
from market.trading import posts
from market.trading.facts import Post, Side
from migrations.database import Role, connect, create_pool
from tests.matching.stage import CONFIG, NOW, new_board, new_party, new_post, post_of_new_party

if TYPE_CHECKING:
    from datetime import datetime

    from migrations.database import Address, Connection, Pool

SUPPLY, DEMAND = Side.SUPPLY, Side.DEMAND
LATER = NOW + timedelta(hours=1)


@pytest.fixture(scope="module")
async def pool(module_database: Address) -> AsyncIterator[Pool]:
    opened = await create_pool(module_database, Role.APP, min_size=1, max_size=6)
    yield opened
    await opened.close()


@pytest.fixture
async def conn(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.acquire() as connection:
        yield connection


async def entered(conn: Connection, board: Board, *offered: Post) -> list[Answer]:
    async with conn.transaction():
        acts = [Enter(post_id=post.id, party_id=post.party_id) for post in offered]
        answers, _ = await desk.act(conn, board.id, acts, NOW)
    return answers


async def traded(conn: Connection, buyers: int) -> tuple[Board, Post, list[Post]]:
    """A board on which one seller has sold to so many buyers, and nothing has been drawn up."""
    board = await new_board(conn, Mode.CONTINUOUS)
    seller = await post_of_new_party(conn, SUPPLY, 400_000, 10 * buyers)
    bought = [await post_of_new_party(conn, DEMAND, 400_000, 10) for _ in range(buyers)]
    await entered(conn, board, seller, *bought)
    return board, seller, bought


async def contracts_of(conn: Connection, party_id: int) -> list[Contract]:
    rows = await conn.fetch("select id from market.contract where $1 in (seller_id, buyer_id) order by id", party_id)
    found = [await contracting.contract(conn, row["id"]) for row in rows]
    return [one for one in found if one is not None]


async def drawn(conn: Connection, now: datetime = LATER, *, oldest: bool = True) -> int:
    async with conn.transaction():
        return await fill_contracts.draw_some(conn, now, CONFIG, 100, oldest=oldest)


async def test_a_clock_that_starts_after_a_kill_draws_what_the_dead_one_left(
    conn: Connection, pool: Pool, module_database: Address
) -> None:
    board, seller, _ = await traded(conn, 3)
    fills = await store.fills_of_party(conn, seller.party_id, board.id)
    assert [(one.units, one.contract_id, one.is_given_back) for one in fills] == [(10, None, False)] * 3
    # The one before dies with its transaction open, just before its commit.
    dead = await connect(module_database, Role.APP)
    await dead.transaction().start()
    assert await fill_contracts.draw_some(dead, NOW, CONFIG, 2, oldest=True) == 2
    dead.terminate()
    news: asyncio.Queue[str] = asyncio.Queue()
    listening = await connect(module_database, Role.APP)
    await listening.add_listener(live_topics.CHANNEL, lambda *heard: news.put_nowait(heard[-1]))
    clock = asyncio.create_task(ContractClock(pool, lambda: LATER, CONFIG).run())
    async with asyncio.timeout(20):
        await shown_again(news, board)
        made = await contracts_of(conn, seller.party_id)
        # It goes on at once when something is traded on any node.
        board, other, _ = await traded(conn, 1)
        await shown_again(news, board)
    clock.cancel()
    await asyncio.wait([clock])
    await listening.close()
    assert len(await contracts_of(conn, other.party_id)) == 1
    assert sorted(one.origin.ref for one in made) == sorted(one.id for one in fills)
    assert {one.sign_by for one in made} == {LATER + timedelta(hours=72)}, "from when they were drawn"
    assert {one.terms.delivery.from_date for one in made} == {NOW.date() + timedelta(days=5)}, "from the trade"


async def shown_again(news: asyncio.Queue[str], board: Board) -> None:
    """Until whoever looks at the board is told that its contracts are there."""
    while msgspec.json.decode(await news.get(), type=Announcement) != Announcement(f"board:{board.id}", 0):
        pass


async def test_two_clocks_at_once_draw_each_contract_once(conn: Connection, pool: Pool) -> None:
    board, seller, bought = await traded(conn, 45)
    async with pool.acquire() as one, pool.acquire() as other, pool.acquire() as third:
        clocks = [ContractClock(pool, lambda: LATER, CONFIG) for _ in range(3)]
        await asyncio.gather(*(c.draw_due(on) for c, on in zip(clocks, (one, other, third), strict=True)))
    fills = await store.fills_of_party(conn, seller.party_id, board.id)
    made = await contracts_of(conn, seller.party_id)
    assert len(fills) == len(made) == 45
    assert {one.buyer_id for one in made} == {post.party_id for post in bought}
    told = "select count(*) from market.notice where party_id = $1 and kind = 'contract_drawn_up'"
    assert await conn.fetchval(told, seller.party_id) == 45
    assert await conn.fetchval("select count(*) from market.fill_to_draw where board_id = $1", board.id) == 0


async def test_the_goods_are_those_that_were_matched_whatever_the_post_says_meanwhile(conn: Connection) -> None:
    _, seller, _ = await traded(conn, 1)
    await conn.execute("""update market.post set attributes = '{"grade": "ss400"}' where id = $1""", seller.id)
    await drawn(conn)
    (made,) = await contracts_of(conn, seller.party_id)
    assert made.terms.goods[0].attributes == {"grade": "q235b"}


async def test_a_fill_that_makes_no_sound_contract_is_given_back_and_holds_up_no_other(conn: Connection) -> None:
    board, seller, (buyer,) = await traded(conn, 1)
    _, other, _ = await traded(conn, 1)
    operator = await new_party(conn)
    await conn.execute("update market.party set roles = '{member,operator}' where id = $1", operator)
    # As only older data can have it: nobody can type such a name today.
    await conn.execute("update market.party set display_name = E'Tr\\u200bader' where id = $1", buyer.party_id)
    assert await drawn(conn) == 2
    assert len(await contracts_of(conn, other.party_id)) == 1
    assert await contracts_of(conn, seller.party_id) == []
    left = [await posts.post_by_id(conn, post.id) for post in (seller, buyer)]
    assert [(post.taken, post.on_board) for post in left if post] == [(0, False), (0, False)]
    (fill,) = await store.fills_of_party(conn, buyer.party_id, board.id)
    assert (fill.contract_id, fill.is_given_back) == (None, True)
    assert await conn.fetchval("select struck_at from market.trade_print where ref = $1", fill.id) == LATER
    said = {
        row["party_id"]: row for row in await conn.fetch("select * from market.notice where kind like '%given_back'")
    }
    assert said.keys() >= {operator, seller.party_id, buyer.party_id}
    assert said[operator]["params"]["flaws"] == "buyer_name: text_malformed"
    assert await drawn(conn) == 0


async def test_one_that_can_not_be_drawn_now_waits_and_the_others_do_not(conn: Connection) -> None:
    _, seller, _ = await traded(conn, 1)
    _, other, _ = await traded(conn, 1)
    operator = await new_party(conn)
    await conn.execute("update market.party set roles = '{member,operator}' where id = $1", operator)

    async def fails(_: Connection, contracts: Sequence[Contract], __: datetime) -> None:
        if seller.party_id in {one.seller_id for one in contracts}:
            raise RuntimeError("a fault of the house")

    before = contracting.hooks()
    contracting.use_hooks(ContractHooks(on_drawn_up=fails))
    now = LATER
    try:
        for _ in range(4):
            await drawn(conn, now)
            now += timedelta(seconds=10)
    finally:
        contracting.use_hooks(before)
    assert len(await contracts_of(conn, other.party_id)) == 1
    assert await contracts_of(conn, seller.party_id) == []
    told = "select count(*) from market.notice where party_id = $1 and kind = 'desk_fill_not_drawn'"
    assert await conn.fetchval(told, operator) == 1
    # However often it has failed, it waits no longer than so, and the clock lives.
    await conn.execute("update market.fill_to_draw set tries = 50")
    contracting.use_hooks(ContractHooks(on_drawn_up=fails))
    await drawn(conn, now)
    contracting.use_hooks(before)
    assert await store.next_try(conn) == now + timedelta(seconds=fill_contracts.LONGEST_WAIT_SECONDS)
    now += timedelta(seconds=fill_contracts.LONGEST_WAIT_SECONDS)
    await drawn(conn, now)
    assert len(await contracts_of(conn, seller.party_id)) == 1


async def test_the_first_of_a_small_match_comes_before_the_last_of_a_large_one(conn: Connection) -> None:
    large, _, _ = await traded(conn, 9)
    small, _, _ = await traded(conn, 1)
    async with conn.transaction():
        first = await store.claim_fills(conn, LATER, 2, oldest=False)
    assert [one.board_id for one in first] == [large.id, small.id]
    async with conn.transaction():
        assert {one.board_id for one in await store.claim_fills(conn, LATER, 2, oldest=True)} == {large.id}
    await drawn(conn)


async def test_the_database_keeps_a_fill_due_until_it_has_its_contract(conn: Connection) -> None:
    board, _, _ = await traded(conn, 1)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await conn.execute("delete from market.fill_to_draw where board_id = $1", board.id)
    assert refused.value.constraint_name == "fill_is_drawn_or_given_back"
    for forbidden in (
        "insert into market.fill_to_draw values (1, 1, 1, '{}')",
        "update market.fill_to_draw set goods = '{}'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(forbidden)
    await drawn(conn)


UNSEEN = "Shang\u200bhai"


async def test_what_no_contract_could_say_is_refused_when_it_is_said(conn: Connection) -> None:
    board, operator = await new_board(conn), await new_party(conn)
    rules = {name: getattr(board, name) for name in BoardRules.__struct_fields__}
    for place in (UNSEEN, "Qu\u0065\u0301bec"):
        made = await making.open_board(conn, BoardRules(**{**rules, "place": place}), operator, "to try", NOW)
        assert made is BoardRefusal.PLACE_UNSOUND
    assert (
        await refusal(conn, board, attributes={"grade": "q235b", "brand": "Bao\u200bsteel"})
        is BoardRefusal.POST_UNSOUND
    )
    assert await refusal(conn, board, attributes={"grade": "q235b", "brand": "x" * 201}) is BoardRefusal.POST_UNSOUND
    assert await refusal(conn, board, named="Tr\u202eader") is BoardRefusal.NAME_UNSOUND
    assert await refusal(conn, board, side=DEMAND, named="Tr\u202eader") is BoardRefusal.NAME_UNSOUND
    older = await made_before(conn)
    assert await refusal(conn, older) is BoardRefusal.TERMS_UNSOUND


async def made_before(conn: Connection) -> Board:
    """A board of a time when its place was not looked at."""
    good = await new_board(conn)
    rules = {name: getattr(good, name) for name in BoardRules.__struct_fields__}
    board_id = await store.insert_board(conn, BoardRules(**{**rules, "place": UNSEEN}), good.next_at, good.made_by, NOW)
    found = await store.board(conn, board_id)
    assert found is not None
    return found


async def refusal(
    conn: Connection, board: Board, *, side: Side = SUPPLY, named: str | None = None, **changes: Any
) -> Answer:
    party = await new_party(conn)
    if named is not None:
        await conn.execute("update market.party set display_name = $2 where id = $1", party, named)
    (answer,) = await entered(conn, board, await new_post(conn, party, side, 400_000, 10, **changes))
    return answer
