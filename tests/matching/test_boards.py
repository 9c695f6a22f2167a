"""Boards against a real database: what may stand there, what a trade moves, and that nothing is filled twice."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from market.contracting import desk as contracting
from market.contracting.facts import Contract
from market.matching import desk, fill_contracts, making, settling, store
from market.matching.acts import Act, Answer, Change, Enter, Withdraw
from market.matching.board_facts import Board, BoardRefusal, BoardState, OrderState, StoredOrder
from market.matching.clock import BoardClock
from market.matching.commits import BoardCommits
from market.matching.facts import Mode
from market.matching.finding import partners_of
from market.matching.partners import PartKind
from market.trading import posts
from market.trading.facts import Post, PostRefusal, Side
from migrations.database import Role, create_pool
from tests.matching.stage import CONFIG, NOW, SIGNER, new_board, new_party, new_post, post_of_new_party

if TYPE_CHECKING:
    from migrations.database import Address, Connection, Pool

SUPPLY, DEMAND = Side.SUPPLY, Side.DEMAND


@pytest.fixture(scope="module")
async def house_pool(module_database: Address):  # type: ignore[no-untyped-def]
    pool = await create_pool(module_database, Role.APP, min_size=1)
    yield pool
    await pool.close()


@pytest.fixture
async def conn(house_pool: Pool):  # type: ignore[no-untyped-def]
    async with house_pool.acquire() as connection:
        yield connection


async def act(conn: Connection, board: Board, *acts: Act) -> list[Answer]:
    async with conn.transaction():
        answers, _ = await desk.act(conn, board.id, acts, NOW)
    return answers


async def enter(conn: Connection, board: Board, post: Post) -> StoredOrder:
    (answer,) = await act(conn, board, Enter(post_id=post.id, party_id=post.party_id))
    assert isinstance(answer, StoredOrder), answer
    return answer


async def draw(conn: Connection, now: datetime = NOW) -> None:
    """What the clock of the contracts does in one turn."""
    async with conn.transaction():
        await fill_contracts.draw_some(conn, now, CONFIG, 100, oldest=True)


async def only_contract(conn: Connection, party_id: int) -> Contract:
    await draw(conn)
    contract_id = await conn.fetchval("select id from market.contract where $1 in (seller_id, buyer_id)", party_id)
    found = await contracting.contract(conn, contract_id)
    assert found is not None
    return found


async def test_a_call_auction_clears_once_draws_contracts_and_takes_from_both_posts(conn: Connection) -> None:
    board = await new_board(conn)
    seller = await post_of_new_party(conn, SUPPLY, 400_000, 70, delivery_to=NOW.date() + timedelta(days=9))
    buyers = [await post_of_new_party(conn, DEMAND, 410_000, 50), await post_of_new_party(conn, DEMAND, 405_000, 40)]
    for post in (seller, *buyers):
        await enter(conn, board, post)
    assert board.next_at is not None
    async with conn.transaction():
        assert await desk.clear_board(conn, board.id, NOW, CONFIG, SIGNER) is None, "not due yet"
        cleared = await desk.clear_board(conn, board.id, board.next_at, CONFIG, SIGNER)
        assert await desk.clear_board(conn, board.id, board.next_at, CONFIG, SIGNER) is None, "only once"
    assert cleared is not None
    assert (cleared.n, cleared.volume, cleared.price_minor) == (1, 70, 405_000)
    mine = await store.orders_of(conn, buyers[1].party_id)
    assert [(one.filled, one.state) for one in mine] == [(20, OrderState.OPEN)]
    contract = await only_contract(conn, buyers[1].party_id)
    assert (contract.seller_id, contract.terms.price_minor) == (seller.party_id, 20 * 405_000)
    assert (contract.terms.delivery.place, contract.terms.delivery.term) == ("Shanghai", "FOB")
    left = [await posts.post_by_id(conn, post.id) for post in (seller, *buyers)]
    assert [(post.taken, post.on_board) for post in left if post] == [(70, False), (50, False), (20, True)]
    after = await store.board(conn, board.id)
    assert after is not None and after.reference_minor == 405_000
    assert after.next_at == board.next_at + timedelta(seconds=600)


async def test_a_match_whose_contract_ends_gives_both_posts_their_quantity_back(conn: Connection) -> None:
    board = await new_board(conn, Mode.CONTINUOUS)
    seller, buyer = [await post_of_new_party(conn, side, 400_000, 30) for side in (SUPPLY, DEMAND)]
    await enter(conn, board, seller)
    await enter(conn, board, buyer)
    async with conn.transaction():
        await settling.on_contract_ended(conn, await only_contract(conn, seller.party_id), NOW)
    left = [await posts.post_by_id(conn, post.id) for post in (seller, buyer)]
    assert [post.taken for post in left if post] == [0, 0]


async def test_a_continuous_board_trades_at_once_at_the_earlier_limit(conn: Connection) -> None:
    board = await new_board(conn, Mode.CONTINUOUS)
    first = await enter(conn, board, await post_of_new_party(conn, SUPPLY, 400_000, 30))
    second = await enter(conn, board, await post_of_new_party(conn, SUPPLY, 400_000, 30))
    buyer = await enter(conn, board, await post_of_new_party(conn, DEMAND, 420_000, 45))
    assert (buyer.state, buyer.filled) == (OrderState.FILLED, 45)
    standing = await store.orders(conn, [first.id, second.id])
    assert [standing[one.id].filled for one in (first, second)] == [30, 15]
    assert {fill.price_minor for fill in await store.fills_of_party(conn, buyer.party_id, board.id)} == {400_000}


REFUSED = {
    "price": ({"price_minor": None}, BoardRefusal.POST_WITHOUT_PRICE),
    "goods": ({"category": "copper_cathode", "attributes": {"grade": "grade_a"}}, BoardRefusal.OTHER_GOODS),
    "term": ({"term": "CIF"}, BoardRefusal.OTHER_TERM),
    "currency": ({"currency": "USD"}, BoardRefusal.OTHER_CURRENCY),
    "place": ({"country": "JP"}, BoardRefusal.OTHER_PLACE),
    "attributes": ({"attributes": {"grade": "ss400"}}, BoardRefusal.OTHER_ATTRIBUTES),
    "dates": ({"delivery_to": NOW.date() + timedelta(days=4)}, BoardRefusal.OTHER_DATES),
    "tick": ({"price_minor": 400_050}, BoardRefusal.OFF_TICK),
    "secrecy": ({"shown_at": NOW + timedelta(minutes=9), "anonymous": True}, PostRefusal.POST_NOT_LISTED_YET),
    "validity": ({"valid_until": NOW - timedelta(seconds=1)}, PostRefusal.POST_GONE),
}


async def test_each_post_that_does_not_fit_the_board_is_told_why(conn: Connection) -> None:
    board, party = await new_board(conn), await new_party(conn)
    for name, (changes, refusal) in REFUSED.items():
        values = {"price_minor": 400_000, **changes}
        if "delivery_to" in values:
            values["delivery_from"] = NOW.date()
        post = await new_post(conn, party, SUPPLY, quantity=10, **values)
        assert await act(conn, board, Enter(post_id=post.id, party_id=party)) == [refusal], name
    other = await post_of_new_party(conn, SUPPLY, 400_000, 10)
    assert await act(conn, board, Enter(post_id=other.id, party_id=party)) == [PostRefusal.NO_SUCH_POST]


async def test_a_post_stands_once_and_a_party_on_one_side_only(conn: Connection) -> None:
    board = await new_board(conn)
    post = await post_of_new_party(conn, SUPPLY, 400_000, 10)
    await enter(conn, board, post)
    again = Enter(post_id=post.id, party_id=post.party_id)
    assert await act(conn, board, again) == [PostRefusal.POST_ON_A_BOARD]
    counter = await new_post(conn, post.party_id, DEMAND, 410_000, 10)
    answers = await act(conn, board, Enter(post_id=counter.id, party_id=post.party_id))
    assert answers == [BoardRefusal.OWN_COUNTER_ORDER]


async def test_a_halted_board_takes_and_clears_nothing_but_lets_orders_leave(conn: Connection) -> None:
    board, operator = await new_board(conn), await new_party(conn)
    order = await enter(conn, board, await post_of_new_party(conn, SUPPLY, 400_000, 10))
    assert board.next_at is not None
    async with conn.transaction():
        refused = await making.set_state(conn, board.id, BoardState.HALTED, operator, " ", NOW)
        assert refused is BoardRefusal.REASON_MISSING
        await making.set_state(conn, board.id, BoardState.HALTED, operator, "rumours", NOW)
        assert await desk.clear_board(conn, board.id, board.next_at, CONFIG, SIGNER) is None
    other = await post_of_new_party(conn, DEMAND, 400_000, 10)
    assert await act(conn, board, Enter(post_id=other.id, party_id=other.party_id)) == [BoardRefusal.BOARD_HALTED]
    (left,) = await act(conn, board, Withdraw(order_id=order.id, party_id=order.party_id))
    assert isinstance(left, StoredOrder) and left.state is OrderState.WITHDRAWN
    freed = await posts.post_by_id(conn, order.post_id)
    assert freed is not None and not freed.on_board
    acts = await conn.fetch("select act, reason from market.audit where subject = $1 order by id", f"board:{board.id}")
    assert [tuple(row) for row in acts] == [("board.made", "as the market asked"), ("board.halted", "rumours")]


async def test_an_order_changes_keeps_its_place_for_less_and_leaves_but_only_its_own_partys(conn: Connection) -> None:
    board = await new_board(conn, Mode.CONTINUOUS)
    order = await enter(conn, board, await post_of_new_party(conn, SUPPLY, 400_000, 30))
    rival = await enter(conn, board, await post_of_new_party(conn, SUPPLY, 400_000, 30))

    def change(price: int, quantity: int, party_id: int = order.party_id) -> Change:
        return Change(order_id=order.id, party_id=party_id, price_minor=price, quantity=quantity)

    less, same, foreign, much, odd, worse = await act(
        conn,
        board,
        change(400_000, 20),
        change(400_000, 20),
        change(400_000, 10, rival.party_id),
        change(400_000, 31),
        change(400_001, 10),
        change(390_000, 25),
    )
    assert isinstance(less, StoredOrder) and isinstance(worse, StoredOrder)
    assert (same, foreign) == (BoardRefusal.NOTHING_CHANGED, BoardRefusal.NO_SUCH_ORDER)
    assert (much, odd) == (BoardRefusal.QUANTITY_TOO_LARGE, BoardRefusal.OFF_TICK)
    assert worse.seq > rival.seq and worse.quantity == 25
    buyer = await enter(conn, board, await post_of_new_party(conn, DEMAND, 400_000, 25))
    assert {fill.price_minor for fill in await store.fills_of_party(conn, buyer.party_id, board.id)} == {390_000}
    gone = Withdraw(order_id=order.id, party_id=order.party_id)
    assert await act(conn, board, gone) == [BoardRefusal.ORDER_ENDED]


async def test_an_order_that_was_made_smaller_and_grows_again_keeps_to_what_its_post_says(conn: Connection) -> None:
    board = await new_board(conn, Mode.CONTINUOUS)
    whole = await enter(conn, board, await post_of_new_party(conn, SUPPLY, 400_000, 30, all_or_none=True))
    lots = await enter(conn, board, await post_of_new_party(conn, SUPPLY, 500_000, 30, minimum=10))

    def change(order: StoredOrder, quantity: int) -> Change:
        return Change(order_id=order.id, party_id=order.party_id, price_minor=order.price_minor, quantity=quantity)

    small, grown = await act(conn, board, change(whole, 12), change(whole, 30))
    assert isinstance(small, StoredOrder) and isinstance(grown, StoredOrder)
    assert (grown.quantity, grown.minimum) == (30, 30)
    _, grown = await act(conn, board, change(lots, 1), change(lots, 25))
    assert isinstance(grown, StoredOrder) and grown.minimum == 10
    await enter(conn, board, await post_of_new_party(conn, DEMAND, 400_000, 20))
    assert await store.fills_of_party(conn, whole.party_id, board.id) == []


async def test_orders_end_with_the_validity_of_their_posts(conn: Connection, house_pool: Pool) -> None:
    board = await new_board(conn, Mode.CONTINUOUS)
    soon = NOW + timedelta(minutes=1)
    order = await enter(conn, board, await post_of_new_party(conn, SUPPLY, 400_000, 30, valid_until=soon))
    await BoardClock(house_pool, lambda: soon, CONFIG, SIGNER).lapse()
    ended = (await store.orders(conn, [order.id]))[order.id]
    assert ended.state is OrderState.LAPSED


async def test_the_database_lets_no_fill_pass_a_quantity_a_limit_or_a_dead_order(conn: Connection) -> None:
    board = await new_board(conn)
    sold = await enter(conn, board, await post_of_new_party(conn, SUPPLY, 400_000, 10))
    bought = await enter(conn, board, await post_of_new_party(conn, DEMAND, 410_000, 20))
    write = "insert into market.fill (board_id, supply_id, demand_id, units, price_minor, at) values ($1, $2, $3, $4, $5, $6)"
    for legs, units, price, name in (
        ((sold.id, bought.id), 11, 400_000, "board_order_filled_within_quantity"),
        ((sold.id, bought.id), 5, 399_999, "fill_within_limits"),
        ((sold.id, bought.id), 5, 410_001, "fill_within_limits"),
        ((bought.id, sold.id), 5, 400_000, "fill_within_limits"),
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await conn.execute(write, board.id, *legs, units, price, NOW)
        assert refused.value.constraint_name == name
    await act(conn, board, Withdraw(order_id=sold.id, party_id=sold.party_id))
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await conn.execute(write, board.id, sold.id, bought.id, 5, 400_000, NOW)
    assert refused.value.constraint_name == "fill_of_live_orders"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute("update market.board_order set filled = 0 where id = $1", sold.id)
    with pytest.raises(asyncpg.CheckViolationError, match="not its fills"):
        await conn.execute(
            "insert into market.clearing values ($1, 1, $2, 400000, 5, 2, '{}', sha256('{}'))", board.id, NOW
        )


async def test_two_nodes_at_one_continuous_board_fill_nothing_beyond_what_there_is(
    conn: Connection, module_database: Address
) -> None:
    """Invariant 18: forty parties on two nodes at once, each node with a book of its own that the other makes stale."""
    board = await new_board(conn, Mode.CONTINUOUS)
    waiting = [
        await post_of_new_party(conn, (SUPPLY, DEMAND)[n % 2], 400_000 + 100 * (n % 3), 10 + n % 7, minimum=1 + n % 4)
        for n in range(40)
    ]
    pools = [await create_pool(module_database, Role.APP, min_size=1) for _ in range(2)]
    nodes = [BoardCommits(pool, lambda: NOW) for pool in pools]
    entries = [Enter(post_id=post.id, party_id=post.party_id) for post in waiting]
    answers = await asyncio.gather(*(nodes[n % 2].do(board.id, one) for n, one in enumerate(entries)))
    assert all(isinstance(one, StoredOrder) for one in answers), answers
    rows = await conn.fetch(
        "select o.side, o.quantity, o.filled, p.taken, p.quantity as posted,"
        " (select coalesce(sum(units), 0) from market.fill f where o.id in (f.supply_id, f.demand_id)) as fills"
        " from market.board_order o join market.post p on p.id = o.post_id where o.board_id = $1",
        board.id,
    )
    assert len(rows) == 40
    assert all(row["fills"] == row["filled"] == row["taken"] <= row["quantity"] == row["posted"] for row in rows)
    sums = {side: sum(row["filled"] for row in rows if row["side"] == side) for side in ("supply", "demand")}
    assert sums["supply"] == sums["demand"] > 0
    seqs = [one.seq async for part in store.live_orders(conn, board.id) for one in part]
    assert len(seqs) == len(set(seqs))
    for pool in pools:
        await pool.close()


async def test_two_clocks_at_once_clear_each_session_once(conn: Connection, module_database: Address) -> None:
    boards = [await new_board(conn) for _ in range(3)]
    for board in boards:
        for side in (SUPPLY, DEMAND):
            await enter(conn, board, await post_of_new_party(conn, side, 400_000, 25))
    pools = [await create_pool(module_database, Role.APP, min_size=1) for _ in range(2)]
    due = NOW + timedelta(seconds=600)
    await asyncio.gather(*(BoardClock(pool, lambda: due, CONFIG, SIGNER).clear_due() for pool in pools * 3))
    for board in boards:
        assert [(one.n, one.volume) for one in await store.clearings(conn, board.id)] == [(1, 25)]
    for pool in pools:
        await pool.close()


async def test_a_board_that_fails_keeps_no_other_waiting_and_is_tried_again(conn: Connection, house_pool: Pool) -> None:
    broken, sound = await new_board(conn), await new_board(conn)
    for board in (broken, sound):
        for side in (SUPPLY, DEMAND):
            await enter(conn, board, await post_of_new_party(conn, side, 400_000, 25))
    # A clearing that stands already where the next one is to be written.
    await conn.execute("update market.board set last_clearing = -1 where id = $1", broken.id)
    later = [NOW + timedelta(seconds=600)]
    clock = BoardClock(house_pool, lambda: later[0], CONFIG, SIGNER)
    await clock.clear_due()
    assert len(await store.clearings(conn, sound.id)) == 1
    assert await store.clearings(conn, broken.id) == []
    await conn.execute("update market.board set last_clearing = 0 where id = $1", broken.id)
    await clock.clear_due()
    assert await store.clearings(conn, broken.id) == [], "it rests for a moment"
    later[0] += timedelta(seconds=2)
    await clock.clear_due()
    assert len(await store.clearings(conn, broken.id)) == 1


async def test_of_an_anonymous_party_no_name_and_no_more_than_a_region_counts_among_partners(conn: Connection) -> None:
    here, elsewhere_in_the_region = (31_230_000, 121_470_000), (34_900_000, 120_100_000)
    goods: dict[str, Any] = {"category": "copper_cathode", "attributes": {}}
    own = await post_of_new_party(conn, DEMAND, 777_700, 10, latitude=here[0], longitude=here[1], **goods)
    posts_of = [
        await post_of_new_party(
            conn, SUPPLY, 777_700, 10, anonymous=anonymous, latitude=latitude, longitude=longitude, **goods
        )
        for anonymous, (latitude, longitude) in ((False, here), (True, here), (True, elsewhere_in_the_region))
    ]
    found = {partner.post_id: partner for partner, _ in await partners_of(conn, own, NOW)}
    named, *hidden = ([p for p in found[post.id].parts if p.kind is PartKind.DISTANCE] for post in posts_of)
    assert [dict(part.figures) for part in named] == [{"km": 0, "step_km": 50}]
    assert hidden[0] == hidden[1] and dict(hidden[0][0].figures) == {"km": 0, "step_km": 500}
    assert own.id not in found


async def test_an_act_on_a_board_that_is_being_cleared_is_told_so_and_does_not_wait_on(
    conn: Connection, house_pool: Pool
) -> None:
    board, post = await new_board(conn), await post_of_new_party(conn, SUPPLY, 400_000, 10)
    commits, wanted = BoardCommits(house_pool, lambda: NOW), Enter(post_id=post.id, party_id=post.party_id)
    async with conn.transaction():
        await store.lock_board(conn, board.id)
        assert await commits.do(board.id, wanted) is BoardRefusal.BOARD_BUSY
        async with house_pool.acquire() as other, other.transaction():
            assert await commits.do_within(other, board.id, [wanted]) == [BoardRefusal.BOARD_BUSY]
    (answer,) = await act(conn, board, wanted)
    assert isinstance(answer, StoredOrder)
