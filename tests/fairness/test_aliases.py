"""Nothing public links an alias across lots, and no answer tells a secret: runs that differ in one thing only are compared."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from auction import store
from auction.formats import format_of
from auction.formats.sealed import SealedRule
from auction.formats.uniform import UniformRule
from auction.heads import Heads
from migrations.database import Address, Role, create_pool
from tests.auction.house import Client, House, a_lot, open_lot, serve
from tests.fairness.lots import ALL, ANN, BOB, CAT
from tests.fairness.played import SIGNER, Played, Stage, stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from migrations.database import Pool

LOTS = range(2_000, 2_060)


@pytest.fixture(scope="module")
async def own_pool(module_database: Address) -> AsyncIterator[Pool]:
    pool = await create_pool(module_database, Role.APP, min_size=1)
    yield pool
    await pool.close()


async def test_paddles_tell_nothing_of_a_party_or_of_the_order_of_admission(own_pool: Pool) -> None:
    """60 lots with the same four parties in the same order. The bounds are such that chance breaks one in 10⁷ runs."""
    found = [list((await open_lot(own_pool, a_lot(lot), *ALL)).values()) for lot in LOTS]
    firsts = [sorted(paddles).index(paddles[0]) for paddles in found]
    assert all(2 <= firsts.count(rank) <= 36 for rank in range(4))
    for party in range(4):
        numbers = [paddles[party] for paddles in found]
        assert len(set(numbers)) >= 45 and len({after - before for before, after in pairwise(numbers)}) >= 45
        assert 350 <= sum(numbers) / len(numbers) <= 750
        rises = sum(after > before for before, after in pairwise(numbers))
        assert 12 <= rises <= 48
    # Whoever comes before whom says nothing: each of the pairs stands either way about as often.
    for one in range(4):
        for other in range(one):
            assert 10 <= sum(paddles[one] < paddles[other] for paddles in found) <= 50


async def test_no_public_file_names_a_party(played: dict[str, list[Played]]) -> None:
    parties = [str(party) for party in (*ALL,)]
    for lots in played.values():
        for one in lots:
            public = [one.data.decode(), *(json.dumps(receipt) for receipt in one.receipts)]
            assert not [party for text in public for party in parties if party in text]
            own = {receipt["paddle"] for receipt in one.receipts}
            assert own <= set(one.paddles.values())
            # A receipt names no other paddle than its bidder's.
            assert all(len(re.findall(r'"paddle"', json.dumps(receipt))) == 1 for receipt in one.receipts)


async def test_nothing_a_stranger_sees_names_a_party(own_pool: Pool) -> None:
    async with serve(own_pool) as house, house.connect() as stranger, house.connect(BOB) as rival:
        heads = Heads(house.bidding, SIGNER)
        for lot, order in ((2_100, ALL), (2_101, ALL[::-1])):
            await open_lot(own_pool, a_lot(lot), *ALL)
            shown: list[Any] = [await stranger.subscribe(lot), await rival.subscribe(lot)]
            for count, party in enumerate(order):
                async with house.connect(party) as client:
                    assert (await client.bid(lot, 1_000_000 + 10_000 * count))["type"] == "accepted"
            await heads.sign_changed()
            shown += [await stranger.until("state", bids=4), await stranger.log(lot), *stranger.kept, *rival.kept]
            room = await house.bidding.room(lot)
            assert room is not None
            shown.append(heads.fresh(room))
            assert not [party for party in (*ALL,) if str(party) in json.dumps(shown)]


# Pairs of runs that differ in a secret alone


Told = list[dict[str, Any]]
_CHANCE = {
    "id",
    "hash",
    "head",
    "at",
    "server_at",
    "ends_at",
    "starts_at",
    "lot",
    "paddle",
    "leader",
    "s",
    "r",
    "epoch",
}


def form_of(value: Any) -> Any:
    """What is said without what chance or time decides: those are kept by the length of what stands there."""
    if isinstance(value, dict):
        return {
            name: (type(part).__name__, name in ("hash", "head", "id") and len(str(part)))
            if name in _CHANCE
            else form_of(part)
            for name, part in value.items()
        }
    return [form_of(part) for part in value] if isinstance(value, list) else value


async def a_maximum(client: Client, lot_id: int, amount: int) -> dict[str, Any]:
    """The answer to a maximum."""
    bid_id = uuid4()
    await client.send("bid", id=bid_id, lot=lot_id, maximum=str(amount))
    return await client.answer(bid_id)


def frames(client: Client) -> list[Any]:
    """What the client was sent unasked. News of an admission, which may come after it has subscribed, is told anew."""
    return [form_of(message) for message in client.kept if message["type"] != "subscribed"]


async def seen(
    house: House, own_pool: Pool, lot_id: int, secret: dict[str, Any], play: Callable[[House, int], Awaitable[Told]]
) -> tuple[list[Any], list[Any], Told]:
    """What a bidder, a stranger and the one who bids are sent in a run with this secret."""
    await open_lot(own_pool, a_lot(lot_id, reserve_minor=secret.get("reserve")), *ALL)
    async with house.connect() as stranger, house.connect(BOB) as rival:
        await stranger.subscribe(lot_id)
        await rival.subscribe(lot_id)
        if "maximum" in secret:
            async with house.connect(ANN) as first:
                assert (await a_maximum(first, lot_id, secret["maximum"]))["type"] == "accepted"
        told = await play(house, lot_id)
        # A ping after it all: whatever was to come has come.
        for client in (stranger, rival):
            await client.until("state", bids=len(told) + ("maximum" in secret))
            await client.send("ping", c=1)
            await client.until("pong")
        return frames(stranger), frames(rival), [form_of(message) for message in told]


async def _one_bid(house: House, lot_id: int) -> Told:
    async with house.connect(CAT) as client:
        return [await client.bid(lot_id, 1_050_000)]


@pytest.mark.parametrize(
    ("lot", "one", "other"),
    [
        (2_200, {"reserve": 2_000_000}, {"reserve": 9_000_000}),
        (2_210, {"maximum": 1_500_000}, {"maximum": 1_900_000}),
        (2_220, {"maximum": 1_500_000, "reserve": 2_000_000}, {"maximum": 1_600_000, "reserve": 9_000_000}),
    ],
    ids=["reserve", "maximum", "both"],
)
async def test_a_secret_that_the_rule_does_not_let_show_shows_in_nothing(
    own_pool: Pool, lot: int, one: dict[str, Any], other: dict[str, Any]
) -> None:
    async with serve(own_pool) as house:
        first = await seen(house, own_pool, lot, one, _one_bid)
        second = await seen(house, own_pool, lot + 1, other, _one_bid)
    assert first == second


async def test_a_silent_raise_is_answered_like_any_bid_and_sends_nobody_a_frame(own_pool: Pool) -> None:
    await open_lot(own_pool, a_lot(2_300), *ALL)
    async with serve(own_pool) as house, house.connect() as stranger, house.connect(ANN) as leader:
        await stranger.subscribe(2_300)
        first = await a_maximum(leader, 2_300, 1_500_000)
        await stranger.until("state", bids=1)
        raised = await a_maximum(leader, 2_300, 1_600_000)
        await stranger.send("ping", c=1)
        await stranger.until("pong")
        assert stranger.kept == []
        assert form_of(raised) == {**form_of(first), "maximum_minor": "1600000"}
        assert len(await stranger.log(2_300)) == 2


async def _hidden(house: House, own_pool: Pool, rule: SealedRule | UniformRule, *, others: bool) -> tuple[Any, ...]:
    """What one bidder and a stranger are told of a lot that hides its bids, with other bids on it or none."""
    here: Stage = await stage(house.node, Heads(house.bidding, SIGNER), rule, ALL)
    if others:
        await here.stands(BOB, 130, 1, quantity=3)
        await here.stands(CAT, 150, 2, quantity=4)
    await here.stands(ANN, 120, 3, quantity=2)
    here.bids = here.bids[-1:]
    refused = await here.bid(ANN, 90, 4, quantity=2)
    async with house.connect() as stranger, house.connect(ANN) as own:
        shown = [
            await stranger.subscribe(here.lot.id),
            await own.subscribe(here.lot.id),
            await stranger.log(here.lot.id),
        ]
    async with own_pool.acquire() as conn:
        receipts = await here.receipts(conn)
        room = (await store.rooms(conn, [here.lot.id]))[here.lot.id]
    assert all("hash" not in receipt and "seq" not in receipt for receipt in receipts)
    return (
        form_of(shown),
        [{**form_of(one), "bid": 0, "key": 0, "signature": 0} for one in receipts],
        refused.told_seq,
        format_of(room.lot).public_mark(room.lot, room.standing),
    )


async def test_nothing_tells_whether_others_have_bid_where_bids_are_hidden(own_pool: Pool) -> None:
    rule = UniformRule(start_price_minor=100, quantity=10, step_minor=5, timed_seconds=60)
    async with serve(own_pool) as house:
        alone = await _hidden(house, own_pool, rule, others=False)
        among = await _hidden(house, own_pool, rule, others=True)
    assert alone == among
