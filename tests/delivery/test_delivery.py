"""A paid deal goes by the centre's carrier: booked once, shipped when collected, inspected once delivered and signed for."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx2

from market.delivery import store
from market.delivery.clock import DeliveryClock
from market.delivery.facts import EventKind, Report
from tests.auction.house import until
from tests.deal.traded import case_of, fall, pays, stage

if TYPE_CHECKING:
    from httpx2 import Response

    from escrow.facts import Case
    from tests.door.house_server import Server

_keys = itertools.count(1)
HOME = {"name": "Anna Müller", "lines": "Elbchaussee 7", "city": "Hamburg", "postcode": "22765", "country": "DE"}
SHED = {"name": "Old Clocks", "lines": "8 Dock Road", "city": "Ningbo", "country": "CN"}


@dataclass(frozen=True, kw_only=True)
class Sold:
    server: Server
    case_id: int
    buyer: dict[str, str]
    seller: dict[str, str]
    stranger: dict[str, str]
    carrier: str

    @property
    def at(self) -> str:
        return f"/api/v1/deals/{self.case_id}"

    async def goes_to(self, who: dict[str, str], to: dict[str, str] = HOME) -> Response:
        return await self.server.client.put(f"{self.at}/consignee", headers=who, json=to)

    async def books(self, who: dict[str, str], key: str = "", **changes: Any) -> Response:
        headers = {**who, "idempotency-key": key or f"parcel-{next(_keys)}"}
        body = {"carrier": "SANDBOX", "packages": 2, "weight_grams": 3500, "collect_from": SHED, **changes}
        return await self.server.client.post(f"{self.at}/consignments", headers=headers, json=body)

    async def read(self, who: dict[str, str] | None = None) -> dict[str, Any]:
        answer = await self.server.client.get(f"{self.at}/delivery", headers=who or self.buyer)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def case(self) -> Case:
        async with self.server.house.pool.acquire() as conn:
            found = await self.server.house.escrow.settlement.case_by_id(conn, self.case_id)
        assert found is not None
        return found

    async def booking_id(self) -> UUID:
        async with self.server.house.pool.acquire() as conn:
            found: UUID = await conn.fetchval(
                "select booking_id from market.consignment where case_id = $1 order by id desc", self.case_id
            )
        return found

    async def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The delivery once this holds of it."""

        async def there() -> bool:
            return holds(await self.read())

        await until(there)
        return await self.read()

    async def courier(self, move: str, **form: str) -> int:
        """What a courier presses on the carrier's own page."""
        async with httpx2.AsyncClient(base_url=self.carrier, trust_env=False) as client:
            return (await client.post(f"/parcels/{await self.booking_id()}/{move}", data=form)).status_code


async def sold(server: Server, carrier: str, *, paid: bool = True) -> Sold:
    """A deal of two new parties, paid unless said otherwise."""
    house = server.house
    buyer, seller, stranger = [await server.party() for _ in range(3)]
    now = house.node_time.now()
    async with house.pool.acquire() as conn:
        on = await stage(conn, desk=house.escrow, bidders=1, given=[buyer], seller=seller, now=now)
        await fall(conn, on, closed_at=now)
        case = await case_of(conn, on)
        if paid:
            await pays(conn, house.escrow, case.reference, case.due_minor, now)
    return Sold(
        server=server,
        case_id=case.id,
        buyer=await server.bearer(buyer),
        seller=await server.bearer(seller),
        stranger=await server.bearer(stranger),
        carrier=carrier,
    )


def states(found: dict[str, Any]) -> list[str]:
    return [one["state"] for one in found["consignments"]]


async def test_a_parcel_is_booked_collected_delivered_and_signed_for_and_the_deal_follows(
    server: Server, carrier_url: str
):
    deal = await sold(server, carrier_url)
    assert (await deal.goes_to(deal.buyer)).status_code == 200
    assert (await deal.books(deal.seller)).status_code == 201
    confirmed = await deal.until(lambda found: states(found) == ["confirmed"])
    assert (await deal.case()).state == "funded", "booked is not shipped: the goods are still with the seller"
    number = confirmed["consignments"][0]["tracking_number"]
    assert await deal.courier("collected") == 303
    await deal.until(lambda found: states(found) == ["collected"])
    case = await deal.case()
    assert (case.state, case.carrier, case.tracking_number) == ("shipped", "Sandbox Express", number)
    assert await deal.courier("in_transit") == 303
    assert await deal.courier("out_for_delivery") == 303
    assert await deal.courier("attempted") == 303
    assert await deal.courier("delivered", received_by="A. Müller") == 303
    delivered = (await deal.until(lambda found: states(found) == ["delivered"]))["consignments"][0]
    assert (await deal.case()).state == "inspecting"
    assert delivered["received_by"] == "A. Müller"
    assert [event["kind"] for event in delivered["events"]] == [
        "confirmed",
        "collected",
        "in_transit",
        "out_for_delivery",
        "attempted",
        "delivered",
    ]
    slip = await server.client.get(f"{deal.at}/consignments/{delivered['id']}/proof", headers=deal.seller)
    assert slip.content[:4] == b"RIFF"


async def test_a_seller_who_presses_twice_and_two_clocks_at_once_make_one_parcel(server: Server, carrier_url: str):
    deal = await sold(server, carrier_url)
    await deal.goes_to(deal.buyer)
    again = await asyncio.gather(deal.books(deal.seller, "one"), deal.books(deal.seller, "one"))
    assert {answer.status_code for answer in again} == {201}
    assert (await deal.books(deal.seller)).json()["code"] == "lines_booked"
    clock = DeliveryClock(server.house.pool, server.house.delivery, server.house.node_time.now)
    await asyncio.gather(clock.tell_carriers(), clock.tell_carriers())
    found = await deal.until(lambda found: states(found) == ["confirmed"])
    carrier = server.house.delivery.carriers.get("sandbox")
    assert carrier is not None
    async with server.house.pool.acquire() as conn:
        one = await store.consignment(conn, found["consignments"][0]["id"])
    assert one is not None
    assert (await carrier.book(one)) == (await carrier.book(one)), "asked again the carrier answers the same"


async def test_reports_count_once_in_any_order_and_a_delivery_that_overtakes_the_collection_ships_first(
    server: Server, carrier_url: str
):
    deal = await sold(server, carrier_url)
    await deal.goes_to(deal.buyer)
    await deal.books(deal.seller)
    await deal.until(lambda found: states(found) == ["confirmed"])
    house, booking_id, now = server.house, await deal.booking_id(), server.house.node_time.now()

    async def tells(carrier_id: str, kind: EventKind, **told: Any) -> None:
        report = Report(carrier_id=carrier_id, booking_id=booking_id, kind=kind, at=now, **told)
        async with house.pool.acquire() as conn, conn.transaction():
            await house.delivery.receive(conn, "sandbox", report, now)

    await asyncio.gather(*(tells("d-1", EventKind.DELIVERED, received_by="B. Li", proof=b"slip") for _ in range(3)))
    await tells("c-1", EventKind.COLLECTED)
    await tells("l-1", EventKind.LOST)
    found = (await deal.read())["consignments"][0]
    assert (found["state"], found["received_by"]) == ("delivered", "B. Li")
    case = await deal.case()
    assert case.state == "inspecting"
    async with house.pool.acquire() as conn:
        assert await conn.fetchval("select count(*) from escrow.case_event where case_id = $1", deal.case_id) == 4


async def test_nobody_but_the_two_sees_an_address_and_the_seller_only_once_it_is_paid(server: Server, carrier_url: str):
    deal = await sold(server, carrier_url, paid=False)
    await deal.goes_to(deal.buyer)
    assert (await deal.goes_to(deal.seller)).status_code == 403
    assert (await server.client.get(f"{deal.at}/delivery", headers=deal.stranger)).status_code == 404
    assert (await deal.read(deal.seller))["consignee"] is None
    assert (await deal.read(deal.buyer))["consignee"]["city"] == "Hamburg"
    assert (await deal.books(deal.seller)).json()["code"] == "not_to_be_shipped"
    async with server.house.pool.acquire() as conn:
        case = await deal.case()
        await pays(conn, server.house.escrow, case.reference, case.due_minor, server.house.node_time.now())
    assert (await deal.read(deal.seller))["consignee"]["city"] == "Hamburg"
    assert (await deal.books(deal.buyer)).json()["code"] == "not_to_be_shipped"
    assert (await deal.books(deal.seller, carrier="pigeon")).json()["code"] == "no_such_carrier"
    assert (await deal.books(deal.seller, lines=[7])).json()["code"] == "no_such_line"


async def test_a_booking_is_called_off_until_the_carrier_has_the_goods_and_one_it_refuses_is_told(
    server: Server, carrier_url: str
):
    deal = await sold(server, carrier_url)
    assert (await deal.books(deal.seller)).json()["code"] == "consignee_missing"
    await deal.goes_to(deal.buyer)
    await deal.books(deal.seller, weight_grams=40_000_000)
    refused = await deal.until(lambda found: states(found) == ["refused"])
    assert refused["consignments"][0]["reason"] == "more than 30 t"
    await deal.books(deal.seller)
    found = await deal.until(lambda found: states(found)[-1:] == ["confirmed"])
    assert (await deal.goes_to(deal.buyer, SHED)).json()["code"] == "consignee_fixed"
    one = f"{deal.at}/consignments/{found['consignments'][1]['id']}"
    assert (await server.client.delete(one, headers=deal.buyer)).status_code == 403
    assert (await server.client.delete(one, headers=deal.seller)).status_code == 202
    await deal.until(lambda found: states(found)[-1:] == ["cancelled"])
    await deal.books(deal.seller)
    found = await deal.until(lambda found: states(found)[-1:] == ["confirmed"])
    assert await deal.courier("collected") == 303
    one = f"{deal.at}/consignments/{found['consignments'][2]['id']}"
    await deal.until(lambda found: states(found)[-1:] == ["collected"])
    assert (await server.client.delete(one, headers=deal.seller)).json()["code"] == "already_collected"


async def test_a_report_that_is_not_signed_or_speaks_of_no_booking_changes_nothing(server: Server, carrier_url: str):
    at = f"{server.origin}/webhooks/carriers"
    async with httpx2.AsyncClient(trust_env=False) as client:
        assert (await client.post(f"{at}/sandbox", content=b"{}")).status_code == 401
        assert (await client.post(f"{at}/pigeon", content=b"{}")).status_code == 404
    report = Report(carrier_id="x", booking_id=uuid4(), kind=EventKind.COLLECTED, at=server.house.node_time.now())
    async with server.house.pool.acquire() as conn:
        assert await server.house.delivery.receive(conn, "sandbox", report, report.at) is None
