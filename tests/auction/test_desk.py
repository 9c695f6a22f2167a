"""Acts of the desk: each one transaction, each an event of the chained log, and what the database itself refuses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from auction import desk, store
from auction.facts import DeskRefusal, Outcome, Refusal, Standing
from tests.auction.house import ANN, BOB, Hammers, Node, a_lot, ends_in, log_of, open_lot, open_node

if TYPE_CHECKING:
    from migrations.database import Pool


@pytest.fixture
async def node(pool: Pool) -> AsyncIterator[Node]:
    async with open_node(pool) as node:
        yield node


async def act(node: Node, name: str, *args: Any) -> Any:
    """One act of the desk on lot 1, committed, and told to the node."""
    async with node.pool.acquire() as conn, conn.transaction():
        outcome = await getattr(desk, name)(conn, 1, *args)
    await node.bidding.refresh(1)
    return outcome


async def kinds(node: Node) -> list[str]:
    return [json.loads(row.body)["kind"] for row in await log_of(node.pool, 1)]


async def test_paddles_are_unique_random_and_kept(node: Node) -> None:
    paddles = await open_lot(node.pool, a_lot(), *range(100, 180))
    assert len(set(paddles.values())) == 80 and all(100 <= paddle <= 999 for paddle in paddles.values())
    async with node.pool.acquire() as conn, conn.transaction():
        now = node.node_time.now()
        assert await desk.remove_admission(conn, lot_id=1, party_id=100, now=now)
        assert await desk.admit(conn, lot_id=1, party_id=100, now=now) == paddles[100]
    other = await open_lot(node.pool, a_lot(2), *range(100, 180))
    assert other != paddles


async def test_a_removed_bidder_may_bid_no_more_and_his_bid_stands(node: Node) -> None:
    await open_lot(node.pool, a_lot(), ANN, BOB)
    await node.bid(1, ANN, 1_000_000)
    async with node.pool.acquire() as conn, conn.transaction():
        await desk.remove_admission(conn, lot_id=1, party_id=ANN, now=node.node_time.now())
    assert (await node.bid(1, BOB, 1_010_000)).seq == 3
    assert (await node.bid(1, ANN, 1_020_000)).refusal is Refusal.NOT_ADMITTED


async def test_pause_resume_extend_and_void_are_events_in_one_chain(node: Node) -> None:
    await open_lot(node.pool, a_lot(**ends_in(60)), ANN)
    now = node.node_time.now()
    paused = await act(node, "pause", now)
    assert (await node.bid(1, ANN, 1_000_000)).refusal is Refusal.PAUSED
    resumed = await act(node, "resume", now + timedelta(seconds=5))
    assert resumed.ends_at == paused.ends_at + timedelta(seconds=5)
    extended = await act(node, "extend", resumed.ends_at + timedelta(seconds=9), node.node_time.now())
    assert (await node.bid(1, ANN, 1_000_000)).refusal is None
    voided = await act(node, "void", node.node_time.now(), node.hammers)
    assert isinstance(extended, Standing) and voided.outcome is Outcome.VOID
    assert await kinds(node) == ["opened", "paused", "resumed", "extended", "bid", "voided"]
    (hammer,) = node.hammers.calls
    assert (hammer.outcome, hammer.winner_id, hammer.price_minor, hammer.admitted_ids) == (
        Outcome.VOID,
        None,
        None,
        (ANN,),
    )


async def test_a_refused_act_writes_nothing(node: Node) -> None:
    await open_lot(node.pool, a_lot(**ends_in(60)), ANN)
    now = node.node_time.now()
    assert await act(node, "resume", now) is DeskRefusal.NOT_PAUSED
    assert await act(node, "extend", now, now) is DeskRefusal.END_NOT_LATER
    assert await act(node, "lower_reserve", 1_000_000, now) is DeskRefusal.NO_RESERVE
    assert await kinds(node) == ["opened"]


async def test_an_act_on_a_lot_that_is_not_there_is_a_mistake_of_the_caller(node: Node) -> None:
    with pytest.raises(desk.UnknownLotError):
        await act(node, "pause", node.node_time.now())


async def test_a_lowered_reserve_makes_the_price_jump_and_tells_nothing_else(node: Node) -> None:
    await open_lot(node.pool, a_lot(reserve_minor=5_000_000, **ends_in(60)), ANN)
    await node.bid(1, ANN, 2_000_000, is_maximum=True)
    now = node.node_time.now()
    await act(node, "lower_reserve", 3_000_000, now)
    assert await kinds(node) == ["opened", "bid"]
    await act(node, "lower_reserve", 1_500_000, now)
    body = json.loads((await log_of(node.pool, 1))[-1].body)
    assert (body["kind"], body["price_minor"], body["reserve"]) == ("reserve", "1500000", "met")


async def test_an_act_after_the_timed_phase_logs_the_phase_first(node: Node) -> None:
    lot = a_lot(starts_at=ends_in(-10)["starts_at"], timed_seconds=60, extension_seconds=3600)
    async with node.pool.acquire() as conn, conn.transaction():
        await desk.open_lot(conn, lot, node.node_time.now())
        await desk.pause(conn, 1, node.node_time.now())
    rows = [json.loads(row.body) for row in await log_of(node.pool, 1)]
    assert [row["kind"] for row in rows] == ["opened", "phase", "paused"]


async def test_a_void_whose_hammer_fails_is_rolled_back(node: Node) -> None:
    await open_lot(node.pool, a_lot(**ends_in(60)), ANN)
    with pytest.raises(RuntimeError):
        await act(node, "void", node.node_time.now(), Hammers(failures=1))
    assert await kinds(node) == ["opened"] and (await node.bid(1, ANN, 1_000_000)).refusal is None


async def test_a_paused_lot_does_not_close(node: Node) -> None:
    await open_lot(node.pool, a_lot(**ends_in(60)), ANN)
    await act(node, "pause", node.node_time.now())
    assert len(node.bidding.closings) == 0
    resumed = await act(node, "resume", node.node_time.now())
    assert len(node.bidding.closings) == 1 and resumed.paused_at is None


# What the database refuses, whoever asks


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("update auction.event set at = now()", "event_append_only"),
        ("delete from auction.event", "event_append_only"),
        ("truncate auction.event", "event_append_only"),
        ("update auction.bid set amount_minor = 1", "bid_append_only"),
        ("delete from auction.standing", "standing_append_only"),
        ("update auction.lot set currency = 'USD'", "lot_fixed_but_a_lower_reserve"),
        ("update auction.lot set reserve_minor = 9000000", "lot_fixed_but_a_lower_reserve"),
        ("update auction.standing set price_minor = 5 where lot_id = 1", "standing_version_by_one"),
        (
            "update auction.standing set version = version + 1, seq = seq + 1 where lot_id = 1",
            "standing_agrees_with_log",
        ),
        (
            "update auction.standing set version = version + 1, ends_at = ends_at - interval '1 s' where lot_id = 1",
            "standing_end_never_back",
        ),
        (
            "update auction.standing set version = version + 1, price_minor = price_minor - 1",
            "standing_price_never_falls",
        ),
        ("update auction.standing set version = version + 1, seq = seq - 1", "standing_seq_never_back"),
        ("update auction.standing set version = version + 1, price_moves = 'down'", "standing_seq_never_back"),
        (
            "update auction.standing set version = version + 1, retraction_count = retraction_count - 1",
            "standing_retraction_count_never_back",
        ),
        (
            "update auction.standing set version = version + 1, price_minor = null, leader_id = null,"
            " leader_maximum_minor = null, bid_count = 0",
            "standing_price_never_falls",
        ),
        ("update auction.standing set version = version + 1, outcome = 'sold'", "standing_outcome_iff_closed"),
        (
            "update auction.standing set version = version + 1, leader_maximum_minor = 1",
            "standing_maximum_covers_price",
        ),
        ("update auction.standing set version = version + 1, leader_id = 99", "standing_agrees_with_log"),
        ("update auction.standing set version = version + 1, leader_id = null", "standing_price_and_leader_together"),
        (
            "insert into auction.event select lot_id, seq + 2, kind, at, party_id, body, hash from auction.event",
            "event_continues_the_log",
        ),
        (
            "insert into auction.event select lot_id, 3, kind, at, party_id, body, hash from auction.event where seq = 2",
            "event_continues_the_log",
        ),
        (
            "insert into auction.event select lot_id, 0, kind, at, party_id, body, hash from auction.event where seq = 2",
            "event_seq_from_one",
        ),
        ("insert into auction.bid select * from auction.bid", "bid_pk"),
        (
            "insert into auction.admission select lot_id, 99, paddle, now() from auction.admission",
            "admission_paddle_unique",
        ),
    ],
)
async def test_a_wrong_book_is_refused_by_name(node: Node, owner_pool: Pool, statement: str, constraint: str) -> None:
    await open_lot(node.pool, a_lot(reserve_minor=8_000_000), ANN)
    await node.bid(1, ANN, 1_000_000)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await owner_pool.execute(statement)
    assert refused.value.constraint_name == constraint  # type: ignore[attr-defined]  # set by asyncpg from the wire


async def test_a_closed_lot_is_final_in_the_database(node: Node, owner_pool: Pool) -> None:
    await open_lot(node.pool, a_lot(**ends_in(60)), ANN)
    await act(node, "void", node.node_time.now(), node.hammers)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await owner_pool.execute("update auction.standing set version = version + 1")
    assert refused.value.constraint_name == "standing_closed_is_final"  # type: ignore[attr-defined]  # as above


async def test_the_server_may_not_rewrite_or_delete(pool: Pool) -> None:
    for statement in (
        "update auction.event set at = now()",
        "delete from auction.bid",
        "truncate auction.event",
        "delete from auction.admission",
        "update auction.lot set seller_id = 1",
        "alter table auction.event disable trigger all",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)


async def test_every_named_query_can_be_prepared_by_the_server(pool: Pool) -> None:
    async with pool.acquire() as conn:
        for _, statement in store.queries:
            await conn.prepare(statement)


async def test_own_positions_show_a_maximum_to_its_owner_alone(node: Node) -> None:
    paddles = await open_lot(node.pool, a_lot(), ANN, BOB)
    await node.bid(1, ANN, 2_000_000, is_maximum=True)
    async with node.pool.acquire() as conn:
        anns, bobs = await store.own_position(conn, 1, ANN), await store.own_position(conn, 1, BOB)
        assert await store.positions_of(conn, ANN) == [anns]
        state = await store.lot_view(conn, 1)
    assert anns == store.Position(lot_id=1, paddle=paddles[ANN], admitted=True, leading=True, maximum_minor=2_000_000)
    assert bobs is not None and bobs.maximum_minor is None
    assert state is not None and state.price_minor == "1000000" and state.leader == paddles[ANN]
