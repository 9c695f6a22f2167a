"""Sealed lots in a real house: the ceremony, what the database holds before the opening, the opening, its crashes."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Sequence
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest
from playwright.async_api import Browser, expect

import hatch_build
from auction import sealing
from auction.facts import Outcome, Refusal
from auction.secret_sharing import Share, combine
from market import limits, openings
from market.listing_facts import Listing, ListingRefusal
from market.openings import OfficerKey, OpeningRefusal, Released
from market.refusals import MarketRefusal
from migrations.database import Role, connect
from tests.door.house_server import run_server
from tests.formats.sealed_journey import (
    TEXTS,
    give_share,
    make_key,
    open_now,
    press,
    read_receipt,
    seal,
    to_the_deal,
    wait_for_words,
    write_lot,
)
from tests.formats.sealed_stage import Stage, phrase_of
from tests.front.saleroom import Saleroom
from tests.journey.looking import faults_of

if TYPE_CHECKING:
    from migrations.database import Address

Dump = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
async def stage(module_database: Address, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    hatch_build.build(Saleroom.root)
    async for server in run_server(module_database, tmp_path_factory.mktemp("house")):
        yield await Stage.set(server)


@pytest.fixture
async def saleroom(stage: Stage, browser: Browser) -> AsyncIterator[Saleroom]:
    room = Saleroom(stage.server, browser, stage.seller, stage.operator, stage.bidders)
    yield room
    # The browser itself says of a form that was refused that it was.
    assert [message for message in await room.get_up() if "422" not in message] == []
    await room.close()


async def dump(address: Address) -> Dump:
    """Every row of every table, as whoever steals the database has it."""
    conn = await connect(address, Role.OWNER)
    try:
        tables = await conn.fetch(
            "select format('%I.%I', schemaname, tablename) as name from pg_tables"
            " where schemaname in ('auction', 'escrow', 'market', 'bank', 'public')"
        )
        return {
            row["name"]: [dict(each) for each in await conn.fetch(f"select * from {row['name']}")] for row in tables
        }
    finally:
        await conn.close()


@cache
def unwrapped(key: OfficerKey, passphrase: str) -> bytes | None:
    """What a passphrase makes of an officer's key: slow, so each pair is tried once."""
    return sealing.unwrap(key.wrapped, passphrase, openings._officer_context(key.party_id, key.public_key))


def amounts_read(stolen: Dump, lot_id: int, passphrases: Sequence[str]) -> list[int]:
    """What a thief of the database reads of a lot's bids who knows these passphrases too: every way there is, tried."""
    made = next(row for row in stolen["market.sealing"] if row["lot_id"] == lot_id)
    keys = {row["id"]: row for row in stolen["market.officer_key"]}
    known = [Share(row["number"], row["value"]) for row in stolen["market.released_share"] if row["value"]]
    tried = [made["public_key"][1:33], made["reserve_nonce"]]
    for row in stolen["market.sealing_share"]:
        key = msgspec.convert(keys[row["key_id"]], OfficerKey)
        for passphrase in passphrases if row["lot_id"] == lot_id else ():
            private = unwrapped(key, passphrase)
            if private is not None:
                context = openings._share_context(lot_id, row["number"], made["public_key"])
                pair = sealing.KeyPair(key.public_key, private)
                known.append(Share(row["number"], sealing.unseal(pair, row["sealed_share"], context)))
                tried.append(private)
    tried += [combine(chosen) for size in range(1, len(known) + 1) for chosen in itertools.combinations(known, size)]
    paddles = {row["party_id"]: row["paddle"] for row in stolen["auction.admission"] if row["lot_id"] == lot_id}
    found = []
    for event in stolen["auction.event"]:
        if event["lot_id"] != lot_id or event["kind"] != "bid":
            continue
        detail, paddle = msgspec.json.decode(event["body"])["detail"], paddles[event["party_id"]]
        for scalar in tried:
            key_pair = sealing.key_of_scalar(scalar)
            if key_pair is None:
                continue
            key_pair = sealing.KeyPair(made["public_key"], scalar)
            sent = {"ciphertext": detail["ciphertext"], "commitment": detail["commitment"]}
            said = sealing.open_bid(key_pair, lot=lot_id, paddle=paddle, **sent)
            if isinstance(said, sealing.OpenedBid):
                found.append(said.amount_minor)
    return found


async def test_before_the_opening_the_whole_database_and_k_minus_1_passphrases_tell_no_sum(
    stage: Stage, module_database: Address
) -> None:
    """Invariant 19. The same thief with k passphrases reads everything, so the attempt is a real one."""
    lot_id = await stage.lot()
    sums = [15_237_411, 16_348_522]
    for party, amount in zip(stage.bidders, sums, strict=False):
        assert (await stage.bid(lot_id, party, amount)).refusal is None
    stolen = await dump(module_database)
    assert amounts_read(stolen, lot_id, [phrase_of(0), phrase_of(1)]) == sums
    for number in range(3):
        assert amounts_read(stolen, lot_id, [phrase_of(number)]) == []
    everything = repr(stolen)
    assert not [amount for amount in sums if str(amount) in everything or f"{amount:x}" in everything]
    assert not [number for number in range(3) if phrase_of(number) in everything]


async def test_the_database_itself_refuses_a_share_before_the_end(stage: Stage) -> None:
    """Also when the lot was brought to its opening early by whoever writes the tables as the server does."""
    lot_id = await stage.lot()
    pool = stage.server.house.pool
    async with pool.acquire() as conn:
        assert await stage.release(conn, lot_id, 0) is OpeningRefusal.OPENING_NOT_YET
        give = "insert into market.released_share values ($1, 1, '\\x00', now())"
        with pytest.raises(asyncpg.CheckViolationError, match="no share is released before"):
            await conn.execute(give, lot_id)
        with pytest.raises(asyncpg.CheckViolationError, match="no share is released before"):
            async with conn.transaction():
                early = "update auction.standing set version = version + 1, phase = $2, ends_at = $3 where lot_id = $1"
                now = stage.server.house.node_time.now()
                await conn.execute(early, lot_id, "decided", now)
                await conn.execute(early, lot_id, "opening", now)
                await conn.execute(give, lot_id)


async def test_two_of_three_open_the_bids_and_the_lot_closes(stage: Stage) -> None:
    """Wrong, early, twice and foreign hands are refused; a crash with the last share loses nothing and gives nothing."""
    ann, bob, cat = stage.bidders
    lot_id = await stage.lot(ends_in=1.0)
    for party, amount in ((ann, 1_600_000), (bob, 1_700_000), (cat, 1_800_000), (ann, 1_550_000), (cat, None)):
        assert (await stage.bid(lot_id, party, amount)).refusal is None
    await stage.until_opening(lot_id)
    assert (await stage.bid(lot_id, cat, 9_000_000)).refusal is Refusal.CLOSED
    pool = stage.server.house.pool
    async with pool.acquire() as conn:
        assert await stage.release(conn, lot_id, 0, "not what I chose then") is OpeningRefusal.OPENING_PASSPHRASE_WRONG
        given = await stage.release(conn, lot_id, 0)
        assert given == Released(released=1, threshold=2, opened=False)
        assert await stage.release(conn, lot_id, 0) is OpeningRefusal.SHARE_GIVEN_ALREADY
        with pytest.raises(ConnectionAbortedError):
            async with conn.transaction():
                assert isinstance(await stage.release(conn, lot_id, 2), Released)
                raise ConnectionAbortedError
    held = await stage.state(lot_id)
    assert (held.phase, held.detail["unsealed"]) == ("opening", None)  # type: ignore[index]
    async with pool.acquire() as conn, conn.transaction():
        assert await stage.release(conn, lot_id, 2) == Released(released=2, threshold=2, opened=True)
    await stage.server.house.bidding.refresh(lot_id)
    closed = await stage.until_closed(lot_id)
    assert (closed.outcome, closed.price_minor) == (Outcome.SOLD, "1550000")
    assert closed.leader == stage.paddles[lot_id, bob]
    assert closed.detail is not None
    assert (closed.detail["price_from"], closed.detail["unsealed"]["reserve_minor"]) == ("second", "1510000")
    async with pool.acquire() as conn:
        kept = await conn.fetch("select value from market.released_share where lot_id = $1", lot_id)
        assert [row["value"] for row in kept] == [None, None]
        assert await conn.fetchval("select count(*) from market.deal where lot_id = $1", lot_id) == 1
        assert await stage.release(conn, lot_id, 1) is OpeningRefusal.OPENING_NOT_YET


async def test_a_share_that_somebody_changed_is_found_and_another_officer_makes_up_for_it(
    stage: Stage, module_database: Address
) -> None:
    lot_id = await stage.lot(ends_in=0.8)
    assert (await stage.bid(lot_id, stage.bidders[0], 2_000_000)).refusal is None
    await stage.until_opening(lot_id)
    pool = stage.server.house.pool
    async with pool.acquire() as conn:
        assert isinstance(await stage.release(conn, lot_id, 0), Released)
        owner = await connect(module_database, Role.OWNER)
        await owner.execute("alter table market.released_share disable trigger share_waits")
        await owner.execute("update market.released_share set value = sha256(value) where lot_id = $1", lot_id)
        await owner.execute("alter table market.released_share enable trigger share_waits")
        await owner.close()
        second = await stage.release(conn, lot_id, 1)
        assert second == Released(released=2, threshold=2, opened=False, disagree=True)
        third = await stage.release(conn, lot_id, 2)
        assert third == Released(released=3, threshold=2, opened=True)
    await stage.server.house.bidding.refresh(lot_id)
    assert (await stage.until_closed(lot_id)).price_minor == "1510000"


async def test_a_lot_without_bids_needs_no_officer(stage: Stage) -> None:
    lot_id = await stage.lot(ends_in=0.5)
    closed = await stage.until_closed(lot_id)
    assert (closed.outcome, closed.bids, closed.detail["unsealed"]) == (Outcome.UNSOLD, 0, None)  # type: ignore[index]


async def test_the_ceremony_comes_before_the_approval_and_fits_what_the_seller_asks(stage: Stage) -> None:
    async with stage.server.house.pool.acquire() as conn, conn.transaction():
        listing = await stage.to_approve(conn)
        assert await stage.approve(conn, listing) is ListingRefusal.SEALING_KEY_MISSING
        one, two, three = stage.officers
        for wrong in ([one, two], [one, two, two], [one, two, stage.bidders[0]], [one, two, stage.operator]):
            assert await stage.ceremony(conn, listing.id, wrong) is OpeningRefusal.OFFICERS_TO_CHOOSE
        assert await stage.ceremony(conn, 10**9) is OpeningRefusal.NO_SUCH_SEALED_LOT
        first, second = await stage.ceremony(conn, listing.id), await stage.ceremony(conn, listing.id)
        assert isinstance(first, openings.Sealing) and isinstance(second, openings.Sealing)
        assert first.public_key != second.public_key
        await conn.execute("update market.listing set options = $2 where id = $1", listing.id, {"threshold": 3})
        assert await stage.approve(conn, listing) is ListingRefusal.SEALING_KEY_MISSING
        await conn.execute("update market.listing set options = $2 where id = $1", listing.id, {})
        assert isinstance(await stage.approve(conn, listing), Listing)
        assert await stage.ceremony(conn, listing.id) is OpeningRefusal.CEREMONY_NOT_NOW
        told = await conn.fetch("select party_id from market.notice where kind = 'opening_share' order by id")
        assert [row["party_id"] for row in told][-3:] == [one, two, three]
        terms = await conn.fetchval("select terms from auction.lot where id = $1", listing.id)
        rule = msgspec.json.decode(terms)["rule"]
        assert rule["public_key"] == sealing.encoded(second.public_key)
        nonce = second.reserve_nonce.hex()
        assert rule["reserve_commitment"] == sealing.reserve_commitment_of(listing.id, 1_510_000, nonce)
    for change in (
        "delete from market.sealing where lot_id = $1",
        "delete from market.sealing_share where lot_id = $1",
    ):
        with pytest.raises(asyncpg.CheckViolationError, match="its key ceremony is over"):
            await stage.server.house.pool.execute(change, listing.id)


async def test_an_opening_passphrase_is_long_new_and_replaceable(stage: Stage) -> None:
    """Shares of lots that are open stay under the former one; guesses are counted."""
    house = stage.server.house
    officer = await stage.server.party(operator=True, phrase="the one for signing in, each day")
    async with house.pool.acquire() as conn:
        assert await stage.enrol(conn, officer, "short") is MarketRefusal.PASSPHRASE_TOO_SHORT
        same = await stage.enrol(conn, officer, "the one for signing in, each day")
        assert same is OpeningRefusal.OPENING_PASSPHRASE_SAME
        made = await stage.enrol(conn, officer, phrase_of(8))
        assert isinstance(made, OfficerKey) and isinstance(await openings.private_of(house, made, phrase_of(8)), bytes)
        again = await stage.enrol(conn, officer, phrase_of(9))
        assert isinstance(again, OfficerKey) and again.public_key != made.public_key
        house.buckets._full_at.clear()
        assert await openings.private_of(house, again, "a guess") is OpeningRefusal.OPENING_PASSPHRASE_WRONG
        for _ in range(limits.PASSPHRASE.burst - 1):
            assert house.buckets.take(limits.PASSPHRASE, f"opening {officer}", monotonic()) == 0
        assert await openings.private_of(house, again, phrase_of(9)) is MarketRefusal.TOO_MANY_TRIES
        house.buckets._full_at.clear()


async def test_too_few_officers_the_operator_voids_and_no_bid_is_ever_read(stage: Stage) -> None:
    lot_id = await stage.lot(ends_in=0.5)
    assert (await stage.bid(lot_id, stage.bidders[0], 2_000_000)).refusal is None
    await stage.until_opening(lot_id)
    answer = await stage.server.client.post(
        f"/api/v1/lots/{lot_id}/void",
        json={"reason": "Two officers have lost their passphrases."},
        headers={**await stage.server.bearer(stage.operator), "idempotency-key": "void-it"},
    )
    assert answer.status_code == 200, answer.text
    state = answer.json()
    assert (state["outcome"], state["detail"]["unsealed"]) == ("void", None)


async def test_programs_seal_hold_the_ceremony_and_open_too(stage: Stage) -> None:
    """By the API alone; nothing that is stored of a request is a quick hash of a passphrase."""
    server, house = stage.server, stage.server.house
    client, operator = server.client, await server.bearer(stage.operator)
    async with house.pool.acquire() as conn, conn.transaction():
        listing = await stage.to_approve(conn)
    able = (await client.get(f"/api/v1/officers?lot={listing.id}", headers=operator)).json()["items"]
    assert {one["id"] for one in able} >= set(stage.officers)
    key = f"/api/v1/openings/{listing.id}/key"
    made = await client.post(key, json={"officers": stage.officers}, headers=operator)
    assert made.status_code == 200 and [one["given_at"] for one in made.json()["holders"]] == [None] * 3
    listed = (await client.get("/api/v1/openings", headers=operator)).json()["items"]
    assert next(one for one in listed if one["lot"] == listing.id)["stage"] == "approval"

    lot_id = await stage.lot(ends_in=1.0)
    bidder = stage.bidders[0]
    public_key = (await client.get(f"/api/v1/lots/{lot_id}")).json()["now"]["detail"]["public_key"]
    sealed_bid = sealing.seal_bid(public_key, lot=lot_id, paddle=stage.paddles[lot_id, bidder], amount_minor=2_000_000)
    headers = {**await server.bearer(bidder), "idempotency-key": "6f1f44d2-5a0b-4d5e-9d5f-0a1b2c3d4e5f"}
    details = {"ciphertext": sealed_bid.ciphertext, "commitment": sealed_bid.commitment}
    for wrong, code in (({"amount": "2000000"}, "sum_in_clear"), ({"details": {"sum": 1}}, "malformed_details")):
        other = {**headers, "idempotency-key": f"6f1f44d2-5a0b-4d5e-9d5f-0000000000{len(code)}"}
        refused = await client.post(f"/api/v1/lots/{lot_id}/bids", json=wrong, headers=other)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    taken = await client.post(f"/api/v1/lots/{lot_id}/bids", json={"details": details}, headers=headers)
    assert (taken.status_code, taken.json()["price_minor"]) == (200, None)
    other_paddle = await server.bearer(stage.bidders[1]) | {"idempotency-key": "6f1f44d2-5a0b-4d5e-9d5f-0a1b2c3d4e60"}
    taken = await client.post(f"/api/v1/lots/{lot_id}/bids", json={"details": details}, headers=other_paddle)
    assert taken.status_code == 200, "that it was sealed under another paddle is found at the opening"
    release = f"/api/v1/openings/{lot_id}/release"
    early = await client.post(
        release, json={"opening_passphrase": phrase_of(0)}, headers=await server.bearer(stage.officers[0])
    )
    assert (early.status_code, early.json()["code"]) == (409, "opening_not_yet")
    await stage.until_opening(lot_id)
    looked = await client.get(f"/operator/openings/{lot_id}", headers=await server.cookie(stage.operator))
    assert looked.status_code == 200, "whoever keeps no share of the key looks on"
    for number, opened in ((0, False), (1, True)):
        token = await server.bearer(stage.officers[number])
        given = await client.post(release, json={"opening_passphrase": phrase_of(number)}, headers=token)
        assert given.json() == {"given": number + 1, "threshold": 2, "opened": opened, "disagree": False}
    closed = await stage.until_closed(lot_id)
    assert closed.price_minor == "1510000" and closed.detail is not None
    assert len(closed.detail["unsealed"]["voids"]) == 1
    page = await client.get(f"/lots/{lot_id}")
    assert page.status_code == 200, "a void bid of no sum is listed, too"


async def test_from_the_sellers_form_to_the_deal_by_hand(saleroom: Saleroom, stage: Stage) -> None:
    """Sealed in two browsers, opened by two of three officers, in both languages."""
    lot_id = await write_lot(saleroom)
    await make_key(saleroom, stage, lot_id)
    await open_now(stage, lot_id)
    ann, bob = await asyncio.gather(
        saleroom.live_lot(lot_id, stage.bidders[0], "zh"), saleroom.live_lot(lot_id, stage.bidders[1], "en")
    )
    await ann.page.locator("#sealed-sum").fill("9,999")
    await ann.page.locator("sealed-panel .bid-submit").click()
    await expect(ann.page.locator("#sealed-problem")).to_be_visible()
    await seal(ann, "18,000")
    await seal(bob, "20,000")
    await bob.page.locator("[data-withdraw]").click()
    await bob.page.locator("sealed-panel [data-agree]").click()
    await wait_for_words(bob.page, "sealed.withdrawn", "en")
    await seal(bob, "16,500")
    await seal(ann, "17,250")
    async with ann.page.expect_download() as saved:
        await press(ann.page, "sealed.receipt")
    receipt = read_receipt(await (await saved.value).path())
    said = receipt["lot"], receipt["paddle"], int(receipt["amount_minor"]), receipt["nonce"]
    assert receipt["commitment"] == sealing.commitment_of(*said)
    assert "17,250" not in await bob.page.content() and "1725000" not in await bob.page.content()
    assert (await stage.state(lot_id)).seq == 1

    await stage.until_opening(lot_id)
    await expect(bob.page.locator("sealed-clock")).to_contain_text(TEXTS.text("sealed.phase_opening", "en"))
    first = await give_share(saleroom, stage.officers[1], lot_id, phrase_of(1), "zh")
    await wait_for_words(first, "opening.you_gave")
    await wait_for_words(first, "opening.progress", given=1, threshold=2)
    second = await give_share(saleroom, saleroom.operator, lot_id, phrase_of(7), "en")
    await wait_for_words(second, "sealed.opened", "en")

    for look in (ann, bob):
        await expect(look.page.locator(".price-figure")).to_have_text("¥16,500")
        await expect(look.page.locator("sealed-bids tbody tr")).to_have_count(2)
    await wait_for_words(ann.page, "sealed.why_second", price="¥16,500")
    await expect(ann.page.locator("sealed-bids tbody tr.own")).to_contain_text("¥17,250")
    assert await faults_of(ann.page, (360,)) == []
    await to_the_deal(ann.page)
    await expect(ann.page).to_have_url(re.compile(r"/deals/\d+$"))
