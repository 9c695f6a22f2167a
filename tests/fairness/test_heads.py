"""Heads are signed while a lot is open and at its close, whatever dies in between, and every node signs one history."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest
from asyncpg import CheckViolationError

from auction import proofs_store, store
from auction.bidding import Bidding
from auction.facts import EnglishRule, StepBand
from auction.heads import EVERY_SECONDS, Heads
from auction.proofs_store import SignedHead
from auction.signing import Signer, is_signed
from auction.verifier import verify
from migrations.database import Address, Role, create_pool
from tests.auction.house import ANN, BOB, Node, open_node, until
from tests.fairness.played import SIGNER, Stage, stage

if TYPE_CHECKING:
    from migrations.database import Pool

RULE = EnglishRule(start_price_minor=100, steps=(StepBand(increment_minor=10),), timed_seconds=60)


@pytest.fixture(scope="module")
async def shared_pool(module_database: Address) -> AsyncIterator[Pool]:
    pool = await create_pool(module_database, Role.APP, min_size=1)
    yield pool
    await pool.close()


@pytest.fixture
async def node(shared_pool: Pool) -> AsyncIterator[Node]:
    async with open_node(shared_pool) as node:
        yield node


async def heads_of(pool: Pool, lot_id: int) -> list[dict[str, Any]]:
    async with pool.acquire() as conn:
        return [json.loads(one) for one in await proofs_store.signed_heads(conn, lot_id)]


async def hashes_of(pool: Pool, lot_id: int) -> dict[int, str]:
    async with pool.acquire() as conn:
        return {row.seq: row.hash.hex() for row in await store.events(conn, lot_id, 0, 1_000)}


async def test_a_running_house_signs_each_change_within_a_second_and_the_close(node: Node) -> None:
    heads = Heads(node.bidding, SIGNER)
    here = await stage(node, heads, RULE, (ANN, BOB))
    running = asyncio.create_task(heads.run())
    try:
        for count, party in enumerate((ANN, BOB), 1):
            answer = await here.stands(party, 100 * count, count)

            slowest, changed = 0.0, perf_counter()

            async def is_signed_now(seq: int = answer.seq) -> bool:
                nonlocal slowest
                looked = perf_counter()
                found = any(head["seq"] == seq for head in await heads_of(node.pool, here.lot.id))
                slowest = max(slowest, perf_counter() - looked)
                return found

            await until(is_signed_now)
            # A second, and what the machine takes to sign, to write it and to look: it is slow at all of them alike.
            assert perf_counter() - changed < EVERY_SECONDS + 0.5 + 20 * slowest
    finally:
        running.cancel()
    played = await here.close()
    signed, hashes = await heads_of(node.pool, here.lot.id), await hashes_of(node.pool, here.lot.id)
    assert [head["seq"] for head in signed] == [2, 3, 4]
    assert all(is_signed("head", head, SIGNER.public_hex) and hashes[head["seq"]] == head["head"] for head in signed)
    assert [("root" in head) for head in signed] == [False, False, True]
    assert verify(played.data, SIGNER.public_hex, played.receipts)["events"] == 4


async def test_a_maximum_that_is_raised_in_secret_shows_in_no_head(node: Node) -> None:
    """Neither a second signature of the same head nor one made sooner than a second after the last tells of it."""
    heads = Heads(node.bidding, SIGNER)
    here = await stage(node, heads, RULE, (ANN, BOB))
    await here.stands(ANN, 100, 1)
    await heads.sign_changed()
    room = await node.bidding.room(here.lot.id)
    assert room is not None
    signed, told = await heads_of(node.pool, here.lot.id), heads.fresh(room)
    await here.stands(ANN, 500, 2, maximum=True)
    assert heads.fresh(room) == told
    await heads.sign_changed()
    assert await heads_of(node.pool, here.lot.id) == signed


async def test_what_a_crash_left_unsigned_is_signed_at_the_next_start(node: Node) -> None:
    here = await _closed_but_unsigned(node)
    with pytest.raises(ValueError, match="not signed yet"):
        async with node.pool.acquire() as conn:
            verify(await here.log(conn))
    # The node that closed the lot was killed before it signed; another starts.
    async with open_node(node.pool) as next_node:
        running = asyncio.create_task(Heads(next_node.bidding, SIGNER).run())

        async def is_final() -> bool:
            async with node.pool.acquire() as conn:
                return await proofs_store.final_head(conn, here.lot.id) is not None

        await until(is_final)
        running.cancel()
    async with node.pool.acquire() as conn:
        assert verify(await here.log(conn), SIGNER.public_hex)["outcome"] == "sold"


async def test_a_lot_that_a_dead_node_closed_is_signed_by_one_that_runs_on(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auction.heads.LOOK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr("auction.heads.EVERY_SECONDS", 0.05)
    survivor = asyncio.create_task(Heads(node.bidding, SIGNER).run())
    here = await _closed_but_unsigned(node)

    async def is_final() -> bool:
        async with node.pool.acquire() as conn:
            return await proofs_store.final_head(conn, here.lot.id) is not None

    await until(is_final)
    survivor.cancel()


async def _closed_but_unsigned(node: Node) -> Stage:
    """A lot whose closing node dies before its signing."""
    dying = Heads(Bidding(node.pool, node.node_time, node.hub, node.hammers), SIGNER)
    here = await stage(node, dying, RULE, (ANN, BOB))
    await here.stands(ANN, 100, 1)
    await here.close()
    return here


async def test_two_nodes_sign_one_history(node: Node) -> None:
    async with open_node(node.pool) as other:
        first, second = Heads(node.bidding, SIGNER), Heads(other.bidding, SIGNER)
        here = await stage(node, first, RULE, (ANN, BOB))
        await here.stands(ANN, 100, 1)
        await other.bidding.refresh(here.lot.id)
        await asyncio.gather(first.sign_changed(), second.sign_changed())
        await here.close()
        await other.bidding.refresh(here.lot.id)
        await asyncio.gather(first.sign_closed(), second.sign_closed())
    signed = await heads_of(node.pool, here.lot.id)
    assert [head["seq"] for head in signed if "root" in head] == [3]
    async with node.pool.acquire() as conn:
        verify(await here.log(conn), SIGNER.public_hex)


async def test_the_database_refuses_a_second_history(node: Node) -> None:
    here = await stage(node, Heads(node.bidding, SIGNER), RULE, (ANN, BOB))
    forged = SignedHead(here.lot.id, 1, node.node_time.now(), bytes(32), None, "{}")
    async with node.pool.acquire() as conn:
        with pytest.raises(CheckViolationError):
            await proofs_store.keep_heads(conn, [forged])


async def test_a_log_of_two_keys_is_genuine_after_the_house_has_changed_its_key(node: Node) -> None:
    old = Signer("33" * 32)
    here = await stage(node, Heads(node.bidding, old), RULE, (ANN, BOB))
    await here.stands(ANN, 100, 1)
    await here.heads.sign_changed()
    here.heads = Heads(node.bidding, SIGNER)
    played = await here.close()
    assert verify(played.data, SIGNER.public_hex)["keys"] == sorted([old.public_hex, SIGNER.public_hex])


async def test_two_statements_are_never_taken_for_each_other(node: Node) -> None:
    signed = SIGNER.sign("head", {"lot": 1})
    assert is_signed("head", signed, SIGNER.public_hex)
    assert not is_signed("receipt", signed, SIGNER.public_hex)
    assert not is_signed("head", {**signed, "lot": 2}, SIGNER.public_hex)
