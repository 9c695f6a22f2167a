"""A sale of many lots: made, filled and opened by its operator, all or none; the bidder's budget and watch list by HTTP."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from msgspec.structs import replace

from auction.facts import Bid
from market import listings, sales
from market.listing_facts import ListingRefusal
from market.local_time import to_local
from market.sales import NotOpened, Sale, SaleRefusal
from tests.door.house_server import Server
from tests.sell.open_sales import SALE, open_now
from tests.sell.stall import HOUR, NOW, WHOLE, changed, party, submitted
from tests.sell.test_pages import get, post, saved_draft, submit

if TYPE_CHECKING:
    from migrations.database import Connection


async def a_sale(conn: Connection, lots: int = 3, **changes: object) -> tuple[Sale, list[int], int]:
    """A sale that is not open, its listings in order, and the operator."""
    seller, operator = await party(conn), await party(conn, operator=True)
    sale = await sales.create(conn, operator_id=operator, content=replace(SALE, **changes), now=NOW)
    assert isinstance(sale, Sale)
    ids = [(await submitted(conn, seller)).id for _ in range(lots)]
    for number, listing_id in enumerate(ids, 1):
        put = await sales.put_in(conn, sale_id=sale.id, listing_id=listing_id, operator_id=operator, now=NOW)
        assert put == number
    return sale, ids, operator


async def order_of(conn: Connection, sale: Sale) -> list[tuple[int, int | None]]:
    return [(one.id, one.lot_number) for one in await sales.lots_of(conn, sale.id)]


async def ends_of(conn: Connection, ids: list[int]) -> list[object]:
    rows = await conn.fetch("select lot_id, ends_at from auction.standing where lot_id = any($1::bigint[])", ids)
    ends = {row["lot_id"]: row["ends_at"] for row in rows}
    return [ends[lot_id] for lot_id in ids]


async def test_lots_keep_their_order_and_close_ranks(conn: Connection) -> None:
    sale, (first, second, third), operator = await a_sale(conn)
    assert await sales.reorder(conn, sale_id=sale.id, listing_id=third, earlier=True) is None
    assert await sales.reorder(conn, sale_id=sale.id, listing_id=first, earlier=True) is None
    assert await order_of(conn, sale) == [(first, 1), (third, 2), (second, 3)]
    assert await sales.take_out(conn, sale_id=sale.id, listing_id=first, operator_id=operator, now=NOW) is None
    assert await order_of(conn, sale) == [(third, 1), (second, 2)]
    place = await sales.place_of(conn, second)
    assert place is not None and (place.number, place.previous_id, place.next_id) == (2, third, None)


@pytest.mark.parametrize("stagger_seconds", [0, 90])
async def test_the_lots_end_together_or_exactly_so_long_after_each_other(
    conn: Connection, stagger_seconds: int
) -> None:
    sale, ids, operator = await a_sale(conn, stagger_seconds=stagger_seconds)
    seller = (await listings.listing_by_id(conn, ids[0])).seller_id  # type: ignore[union-attr]
    # A seller who takes his lot back leaves no gap in the clock.
    await listings.take_back(conn, listing_id=ids.pop(1), seller_id=seller, now=NOW)
    opened = await sales.open_sale(conn, sale_id=sale.id, operator_id=operator, now=NOW)
    assert isinstance(opened, list)
    assert [one.starts_at for one in opened] == [SALE.starts_at] * 2
    assert await ends_of(conn, ids) == [SALE.first_end_at, SALE.first_end_at + timedelta(seconds=stagger_seconds)]
    assert await conn.fetchval("select count(*) from auction.sale_lot where sale_id = $1", sale.id) == 2


async def test_all_lots_open_or_none(conn: Connection) -> None:
    sale, ids, operator = await a_sale(conn)
    await conn.execute("update market.listing set cap_at = starts_at where id = $1", ids[1])
    point = conn.transaction()
    await point.start()
    kept = await sales.open_sale(conn, sale_id=sale.id, operator_id=operator, now=NOW)
    await point.rollback()
    assert kept == NotOpened(ids[1], ListingRefusal.RULE_HAS_ERRORS)
    assert await conn.fetchval("select count(*) from auction.lot where id = any($1::bigint[])", ids) == 0
    await sales.take_out(conn, sale_id=sale.id, listing_id=ids[1], operator_id=operator, now=NOW)
    assert isinstance(await sales.open_sale(conn, sale_id=sale.id, operator_id=operator, now=NOW), list)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"title_zh": "", "title_en": ""}, SaleRefusal.SALE_TITLE_MISSING),
        ({"first_end_at": SALE.starts_at}, SaleRefusal.SALE_ENDS_BEFORE_START),
        ({"starts_at": NOW}, SaleRefusal.SALE_START_IN_PAST),
        ({"first_end_at": SALE.starts_at + timedelta(days=367)}, SaleRefusal.SALE_OUT_OF_RANGE),
    ],
    ids=lambda value: value.value if isinstance(value, SaleRefusal) else "",
)
async def test_a_sale_that_makes_no_sense_is_refused(
    conn: Connection, changes: dict[str, object], refusal: SaleRefusal
) -> None:
    operator = await party(conn, operator=True)
    content = replace(SALE, **changes)
    assert await sales.create(conn, operator_id=operator, content=content, now=NOW) is refusal


async def test_what_may_not_be_put_in_or_opened_is_refused_by_its_own_name(conn: Connection) -> None:
    sale, ids, operator = await a_sale(conn, lots=1)
    other = await sales.create(conn, operator_id=operator, content=replace(SALE, currency="USD"), now=NOW)
    assert isinstance(other, Sale)
    seller = await party(conn)
    draft = await listings.create_draft(conn, seller_id=seller, content=WHOLE, now=NOW)
    dollars = (await submitted(conn, seller, changed(currency="USD"))).id

    async def put(sale_id: int, listing_id: int) -> int | SaleRefusal:
        return await sales.put_in(conn, sale_id=sale_id, listing_id=listing_id, operator_id=operator, now=NOW)

    async def opened(sale_id: int) -> object:
        return await sales.open_sale(conn, sale_id=sale_id, operator_id=operator, now=NOW)

    assert await put(987_654, ids[0]) is SaleRefusal.NO_SUCH_SALE
    assert await put(sale.id, 987_654) is SaleRefusal.NO_SUCH_LISTING
    assert await put(sale.id, draft.id) is SaleRefusal.NOT_SUBMITTED
    assert await put(sale.id, dollars) is SaleRefusal.OTHER_CURRENCY
    assert await put(sale.id, ids[0]) is SaleRefusal.IN_ANOTHER_SALE
    assert await opened(other.id) is SaleRefusal.SALE_IS_EMPTY
    alone = await listings.approve(conn, listing_id=ids[0], operator_id=operator, now=NOW)
    assert alone is ListingRefusal.OPENS_WITH_ITS_SALE
    assert isinstance(await opened(sale.id), list)
    assert await opened(sale.id) is SaleRefusal.SALE_IS_OPEN
    assert await put(sale.id, dollars) is SaleRefusal.SALE_IS_OPEN


async def test_an_operator_makes_fills_and_opens_a_sale_by_forms(server: Server) -> None:
    seller, operator = await server.party(), await server.party(operator=True)
    starts_at = (server.house.node_time.now() + timedelta(hours=2)).replace(second=0, microsecond=0)
    zone = "Asia/Shanghai"
    form = {
        "title_en": "Autumn sale",
        "currency": "CNY",
        "zone": zone,
        "starts_at": to_local(starts_at, zone),
        "first_end_at": to_local(starts_at + HOUR, zone),
        "stagger": "60",
        "act": "save",
    }
    wrong = await post(server, operator, "/operator/sales", {**form, "stagger": "soon", "first_end_at": ""})
    assert wrong.status_code == 422 and 'id="e-stagger"' in wrong.text and 'id="e-first_end_at"' in wrong.text
    back = await post(server, operator, "/operator/sales", {**form, "first_end_at": form["starts_at"]})
    assert back.status_code == 422 and 'id="e-first_end_at"' in back.text
    made = await post(server, operator, "/operator/sales", form)
    assert made.status_code == 303, made.text
    desk_path = made.headers["location"]
    number = int(desk_path.rpartition("/")[2])
    ids = []
    for _ in range(3):
        lot_id = await saved_draft(server, seller)
        await submit(server, seller, lot_id)
        ids.append(lot_id)
        put = await post(server, operator, desk_path, {"act": "put_in", "listing": str(lot_id)})
        assert put.status_code == 303, put.text
    assert (await post(server, operator, desk_path, {"act": "earlier", "listing": str(ids[2])})).status_code == 303
    assert "Lot 2 of the sale Autumn sale" in (await get(server, seller, f"/sell/lots/{ids[2]}")).text
    assert (await get(server, seller, f"/sales/{number}")).status_code == 404
    assert "not open" in (await get(server, operator, f"/sales/{number}")).text

    async with server.house.pool.acquire() as conn:
        await conn.execute("update market.listing set cap_at = starts_at where id = $1", ids[1])
    shut = await post(server, operator, desk_path, {"act": "open"})
    assert shut.status_code == 422 and "Lot 3, Blue and white meiping vase" in shut.text
    assert (await get(server, None, f"/lots/{ids[0]}")).status_code == 404, "none was opened"
    async with server.house.pool.acquire() as conn:
        await conn.execute("update market.listing set cap_at = null where id = $1", ids[1])
    assert (await post(server, operator, desk_path, {"act": "open"})).status_code == 303

    room = await get(server, None, f"/sales/{number}")
    cards = [int(one) for one in re.findall(r'<lot-card lot="(\d+)"', room.text)]
    assert room.status_code == 200 and cards == [ids[0], ids[2], ids[1]]
    assert "Autumn sale" in (await get(server, None, "/sales")).text
    lot = await get(server, None, f"/lots/{ids[2]}")
    assert "Lot 2 of Autumn sale" in lot.text
    assert f'rel="prev" href="/lots/{ids[0]}"' in lot.text and f'rel="next" href="/lots/{ids[1]}"' in lot.text
    async with server.house.pool.acquire() as conn:
        ends = [starts_at + HOUR + timedelta(minutes=place) for place in range(3)]
        assert await ends_of(conn, cards) == ends


async def test_a_budget_set_on_the_page_is_kept_to_and_the_api_tells_it(server: Server) -> None:
    bidder = await server.party()
    number, lots = await open_now(server, bidders=[bidder])
    path, house = f"/sales/{number}/budget", server.house
    wrong = await post(server, bidder, path, {"most_lots": "two", "most_sum": "1.234"})
    assert wrong.status_code == 422 and 'id="e-most_lots"' in wrong.text and 'id="e-most_sum"' in wrong.text
    assert (await post(server, bidder, path, {"most_lots": "1", "most_sum": "15,000"})).status_code == 303

    async def bid(lot_id: int, amount_minor: int) -> str | None:
        answer = await house.bidding.submit(
            Bid(
                lot_id=lot_id,
                party_id=bidder,
                client_bid_id=uuid4(),
                amount_minor=amount_minor,
                is_maximum=True,
                stamped_at=house.node_time.now(),
            )
        )
        return answer.refusal

    assert await bid(lots[0], 1_600_000) == "budget_of_sum"
    assert await bid(lots[0], 1_500_000) is None
    assert await bid(lots[1], 1_000_000) == "budget_of_lots"
    figures = (await get(server, bidder, f"{path}.json")).json()
    assert figures == {
        "is_set": True,
        "most_lots": 1,
        "most_minor": "1500000",
        "lots": 1,
        "taken_minor": "1500000",
        "sealed": 0,
    }
    token = await server.bearer(bidder)
    raised = await server.client.put(f"/api/v1{path}", json={"most_lots": 2}, headers=token)
    assert raised.json() == {"most_lots": 2, "most_minor": None, "lots": 1, "taken_minor": "1500000", "sealed": 0}
    assert await bid(lots[1], 1_000_000) is None
    assert (await server.client.get(f"/api/v1/sales/{number}", headers=token)).json()["lots"] == 2


async def test_a_watch_list_is_its_owners_alone(server: Server) -> None:
    member, other, (_, lots) = await server.party(), await server.party(), await open_now(server)
    for back, to in ((f"/lots/{lots[0]}", f"/lots/{lots[0]}"), ("https://elsewhere.example/", "/")):
        answer = await post(server, member, f"/lots/{lots[0]}/watch", {"watch": "1", "back": back})
        assert (answer.status_code, answer.headers["location"]) == (303, to)
    assert f'<lot-card lot="{lots[0]}"' in (await get(server, member, "/watching")).text
    assert "lot-card" not in (await get(server, other, "/watching")).text
    token = await server.bearer(member)
    assert (await server.client.get("/api/v1/watching", headers=token)).json() == {"lots": [lots[0]]}
    assert (await post(server, member, f"/lots/{lots[0]}/watch", {"watch": "0"})).status_code == 303
    assert (await server.client.get("/api/v1/watching", headers=token)).json() == {"lots": []}
    assert (await post(server, member, "/lots/987654/watch", {"watch": "1"})).status_code == 404
