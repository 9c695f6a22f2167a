"""What carriers tell and people type, when it comes late, early, twice, or is not what it should be."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx2
import msgspec
import pytest
from standardwebhooks import Webhook

from escrow.facts import Action
from market.delivery.carriers import BadReportError, Booked, CarrierError
from market.delivery.clock import DeliveryClock
from market.delivery.desk import Booking
from market.delivery.facts import Address, Consignment, ConsignmentState, EventKind, Report, state_after
from market.delivery.sandbox_carrier.book import Book, Order
from market.delivery.sandbox_client import SandboxCarrier
from market.delivery.store import NumberTakenError
from tests.contracting.test_deal_pages import drawn_up
from tests.contracting.test_deal_pages import signed as signed_by_both
from tests.deal.traded import pays
from tests.delivery.conftest import SECRET
from tests.delivery.test_damages import late_deal
from tests.delivery.test_delivery import HOME, SHED, Sold, sold, states

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.door.house_server import Server

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
ORDER = Order(
    booking_id=str(uuid4()), packages=1, weight_grams=1, description="tea", collect_from=SHED, deliver_to=HOME
)

BOOKED = Consignment(
    id=1,
    case_id=1,
    shipped_case_id=None,
    booking_id=uuid4(),
    carrier="sandbox",
    booked_by=1,
    lines=(),
    packages=1,
    weight_grams=1,
    description="tea",
    collect_from=Address(**SHED),
    deliver_to=Address(**HOME),
    state=ConsignmentState.BOOKED,
    tracking_number=None,
    reason=None,
    received_by=None,
    proof_sha256=None,
    booked_at=NOW,
    moved_at=NOW,
    tries=1,
    call_off_at=None,
    call_off_for=None,
    call_off_refused_at=None,
)


def signed(**told: Any) -> tuple[Mapping[str, str], bytes]:
    """A report as the carrier sends it."""
    now = datetime.now(UTC)
    body = msgspec.json.encode({"id": uuid4().hex, "booking_id": uuid4(), "kind": "collected", "at": now, **told})
    return {
        "webhook-id": "one",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("one", now, body.decode()),
    }, body


async def tells(server: Server, deal: Sold, **told: Any) -> int:
    headers, body = signed(booking_id=await deal.booking_id(), **told)
    async with httpx2.AsyncClient(trust_env=False) as client:
        return (
            await client.post(f"{server.origin}/webhooks/carriers/sandbox", content=body, headers=headers)
        ).status_code


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"tracking_number": ""},
        {"tracking_number": "x" * 81},
        {"tracking_number": "S1", "at": "0001-01-01T00:00:00+14:00"},
        {"tracking_number": "S1", "at": "9999-12-31T23:00:00-14:00"},
        {"tracking_number": "S1", "at": "2100-01-01T00:00:00Z"},
        {"tracking_number": "S1", "kind": "eaten"},
        {"tracking_number": "S\u202e1"},
        {"tracking_number": "S1", "id": "\x00"},
    ],
    ids=[
        "no number",
        "empty number",
        "long number",
        "year 1",
        "year 9999",
        "not yet",
        "unknown",
        "a number that reads backwards",
        "zero byte",
    ],
)
async def test_a_report_that_could_not_be_stored_is_no_report(told: dict[str, Any]):
    carrier = SandboxCarrier("http://127.0.0.1:9", SECRET)
    assert carrier.read_report(*signed(tracking_number="S1", note="\x00w\u202et")).note == "wt"
    with pytest.raises(BadReportError):
        carrier.read_report(*signed(**told))
    await carrier.close()


def test_goods_under_way_are_neither_refused_nor_called_off():
    assert state_after(ConsignmentState.CONFIRMED, EventKind.ATTEMPTED) is ConsignmentState.COLLECTED
    for late in (EventKind.REFUSED, EventKind.CANCELLED):
        assert state_after(ConsignmentState.COLLECTED, late) is ConsignmentState.COLLECTED
        assert state_after(ConsignmentState.BOOKED, late).value == late.value


def test_a_booking_that_is_called_off_before_it_comes_is_never_taken_and_the_book_outlives_its_process(tmp_path: Path):
    book = Book(tmp_path / "book.db")
    assert book.cancel(ORDER.booking_id, NOW)
    assert book.take(ORDER, NOW) is None
    other = msgspec.structs.replace(ORDER, booking_id=str(uuid4()))
    taken = book.take(other, NOW)
    assert taken is not None
    book.move(other.booking_id, "collected", NOW)
    book.close()
    again = Book(tmp_path / "book.db")
    assert again.take(ORDER, NOW) is None
    assert again.take(other, NOW) == again.parcel(other.booking_id)
    assert (again.waiting(), again.parcels()[0].state) == (1, "collected")
    again.close()


async def test_a_booking_that_was_called_off_ships_nothing_whenever_the_carrier_answers_or_collects(
    server: Server, carrier_url: str
):
    deal = await sold(server, carrier_url)
    await deal.goes_to(deal.buyer)
    await deal.books(deal.seller, weight_grams=1_234_567)
    found = (await deal.until(lambda found: states(found) == ["confirmed"]))["consignments"][0]
    one = f"{deal.at}/consignments/{found['id']}"
    for _ in range(2):
        assert (await server.client.delete(one, headers=deal.seller)).status_code == 202
    await deal.until(lambda found: states(found) == ["cancelled"])
    for kind in ("collected", "in_transit"):
        assert await tells(server, deal, kind=kind, tracking_number="S-late") == 200
    assert await told(server, deal, "delivery_not_shipped") == [(await deal.case()).seller_id]
    clock = DeliveryClock(server.house.pool, server.house.delivery, server.house.node_time.now)
    assert await clock.tell_carriers() == 0
    async with server.house.pool.acquire() as conn, conn.transaction():
        after = await server.house.delivery.answered(conn, found["id"], Booked("S-late"), NOW)
    assert after is not None and after.kilograms == "1,234.567"
    assert (states(await deal.read()), (await deal.case()).state) == (["cancelled"], "funded")


async def test_a_seller_who_was_never_paid_never_reads_where_the_buyer_lives(server: Server, carrier_url: str):
    deal = await sold(server, carrier_url, paid=False)
    await deal.goes_to(deal.buyer)
    house, far = server.house, NOW + timedelta(days=900)
    async with house.pool.acquire() as conn, conn.transaction():
        ended = await house.escrow.settlement.time_out(conn, deal.case_id, Action.DEFAULT, far)
    assert getattr(ended, "state", ended) == "defaulted"
    assert (await deal.read(deal.seller))["consignee"] is None
    assert (await deal.read(deal.buyer))["consignee"]["city"] == "Hamburg"


async def test_zero_bytes_and_endless_numbers_in_the_pages_break_nothing(server: Server, carrier_url: str):
    deal = await sold(server, carrier_url)
    case = await deal.case()
    buyer, seller = await server.cookie(case.buyer_id), await server.cookie(case.seller_id)
    at = f"/deals/{deal.case_id}/delivery"
    typed = {f"to_{name}": f"{said}\x00" for name, said in HOME.items()}
    assert (await server.client.post(f"{at}/consignee", headers=buyer, data=typed)).status_code == 303
    typed = {f"from_{name}": f"{said}\x00" for name, said in SHED.items()}
    parcel = {"carrier": "sandbox", "packages": "１", "kilograms": "0.5", "description": "tea"}
    assert (await server.client.post(f"{at}/booking", headers=seller, data={**typed, **parcel})).status_code == 303
    operator = await server.cookie(await server.party(operator=True))
    for page in ("9" * 5000, "²", "０", "0"):
        answer = await server.client.get(f"/operator/consignments?page={page}", headers=operator)
        assert answer.status_code == 200, page


async def ends(server: Server, deal: Sold) -> None:
    house, case = server.house, await deal.case()
    async with house.pool.acquire() as conn, conn.transaction():
        await house.escrow.settlement.cancel(conn, deal.case_id, case.seller_id, "broken", house.node_time.now())


async def told(server: Server, deal: Sold, kind: str) -> list[int]:
    """Who has had this notice of the deal's delivery."""
    async with server.house.pool.acquire() as conn:
        rows = await conn.fetch(
            "select party_id from market.notice where kind = $1 and params->>'deal' = $2 order by 1",
            kind,
            str(deal.case_id),
        )
    return [row["party_id"] for row in rows]


async def test_a_deal_that_ends_has_its_carrier_called_off_and_both_are_told(server: Server, carrier_url: str):
    deal = await sold(server, carrier_url)
    await deal.goes_to(deal.buyer)
    await deal.books(deal.seller)
    await deal.until(lambda found: states(found) == ["confirmed"])
    await ends(server, deal)
    found = (await deal.until(lambda found: states(found) == ["cancelled"]))["consignments"][0]
    assert (found["call_off_for"], found["events"][-1]["kind"]) == ("deal", "cancelled")
    case = await deal.case()
    assert await told(server, deal, "delivery_ended") == sorted([case.buyer_id, case.seller_id])
    assert await deal.courier("collected") == 409, "the carrier knows"


@pytest.mark.parametrize("reported", [True, False], ids=["it was reported", "it was not"])
async def test_goods_that_the_carrier_has_of_a_deal_that_ended_are_shown_to_the_parties_and_the_operators(
    server: Server, carrier_url: str, reported: bool
):
    operator = await server.bearer(await server.party(operator=True))
    deal = await sold(server, carrier_url)
    await deal.goes_to(deal.buyer)
    await deal.books(deal.seller)
    found = (await deal.until(lambda found: states(found) == ["confirmed"]))["consignments"][0]
    house, case = server.house, await deal.case()
    async with house.pool.acquire() as conn, conn.transaction():
        now = house.node_time.now()
        await house.escrow.settlement.cancel(conn, deal.case_id, case.seller_id, "broken", now)
        await house.delivery.call_off_ended(conn, now, 20)
        if not reported:
            await house.delivery.called_off(conn, found["id"], False, now)
        else:
            await conn.execute("update market.consignment set ask_again_at = $2 where id = $1", found["id"], LATER)
    for kind in ("collected", "in_transit"):
        assert await tells(server, deal, kind=kind, tracking_number=found["tracking_number"]) == 200
    assert (await deal.read(deal.seller))["consignee"] is None
    assert await told(server, deal, "delivery_astray") == sorted([case.buyer_id, case.seller_id])
    assert len(await told(server, deal, "desk_delivery_astray")) > 0
    listed = (await server.client.get("/api/v1/consignments?astray=true", headers=operator)).json()["items"]
    assert deal.case_id in [one["case_id"] for one in listed]


async def test_a_parcel_that_its_seller_typed_in_by_hand_is_the_same_parcel(server: Server, carrier_url: str):
    deal = await sold(server, carrier_url)
    await deal.goes_to(deal.buyer)
    await deal.books(deal.seller)
    found = (await deal.until(lambda found: states(found) == ["confirmed"]))["consignments"][0]
    house, case = server.house, await deal.case()
    number, now = found["tracking_number"], house.node_time.now()
    async with house.pool.acquire() as conn, conn.transaction():
        await house.escrow.settlement.ship(conn, deal.case_id, case.seller_id, "Sandbox", number, now)
        await house.delivery.call_off_ended(conn, now, 20)
    assert await tells(server, deal, kind="delivered", tracking_number=number, received_by="A. Li") == 200
    found = (await deal.read())["consignments"][0]
    assert (found["state"], found["shipped_case_id"], found["call_off_at"]) == ("delivered", deal.case_id, None)
    assert (await deal.case()).state == "inspecting"


async def test_what_goes_in_two_parcels_is_shipped_delivered_and_inspected_in_two_parts(
    server: Server, carrier_url: str
):
    house = server.house
    async with house.pool.acquire() as conn, conn.transaction():
        contract = await signed_by_both(server, conn, await drawn_up(server, conn, 902))
        assert contract.case_id is not None
        case = await house.escrow.settlement.case_by_id(conn, contract.case_id)
        assert case is not None
        await pays(conn, house.escrow, case.reference, case.due_minor, house.node_time.now())
    deal = Sold(
        server=server,
        case_id=case.id,
        buyer=await server.bearer(case.buyer_id),
        seller=await server.bearer(case.seller_id),
        stranger={},
        carrier=carrier_url,
    )
    await deal.goes_to(deal.buyer)
    assert (await deal.books(deal.seller, lines=[1])).status_code == 201
    assert (await deal.books(deal.seller, lines=[1, 2])).json()["code"] == "lines_booked"
    assert (await deal.books(deal.seller)).json()["consignments"][1]["lines"] == [2], (
        "all that is left is what is not booked"
    )
    assert (await deal.books(deal.seller)).json()["code"] == "lines_booked"
    for _ in range(2):
        assert await tells(server, deal, kind="delivered", tracking_number="S-two", received_by="Li") == 200
    first = (await deal.read())["consignments"]
    assert [one["state"] for one in first][1] == "delivered"
    async with house.pool.acquire() as conn:
        booking_id = await conn.fetchval("select booking_id from market.consignment where id = $1", first[0]["id"])
    headers, body = signed(booking_id=booking_id, kind="delivered", tracking_number="S-one", received_by="Li")
    async with httpx2.AsyncClient(trust_env=False) as client:
        assert (
            await client.post(f"{server.origin}/webhooks/carriers/sandbox", content=body, headers=headers)
        ).is_success
    both = (await deal.read())["consignments"]
    parts = [one["shipped_case_id"] for one in both]
    assert parts[0] == deal.case_id and parts[1] not in (None, deal.case_id), "the last of them is the deal itself"
    async with house.pool.acquire() as conn:
        rows = [await house.escrow.settlement.case_by_id(conn, part) for part in parts]
    assert [(row and row.state, row and row.own_minor) for row in rows] == [("inspecting", 10_000)] * 2


async def test_a_number_that_another_parcel_has_is_refused(server: Server, carrier_url: str):
    house, now = server.house, server.house.node_time.now()
    parcel = Booking(carrier="sandbox", packages=1, weight_grams=1, description="", collect_from=Address(**SHED))
    for expected in (None, NumberTakenError):
        deal = await sold(server, carrier_url)
        await deal.goes_to(deal.buyer)
        seller_id = (await deal.case()).seller_id
        async with house.pool.acquire() as conn:
            with pytest.raises(expected) if expected else nullcontext():
                async with conn.transaction():
                    made = await house.delivery.consign(conn, deal.case_id, seller_id, parcel, now)
                    assert isinstance(made, Consignment)
                    report = Report(
                        carrier_id="one",
                        booking_id=made.booking_id,
                        kind=EventKind.CONFIRMED,
                        at=now,
                        tracking_number="S-twice",
                    )
                    await house.delivery.receive(conn, "sandbox", report, now)


ANSWERS = {
    "an error": b"HTTP/1.1 500 Oh\r\ncontent-length: 3\r\n\r\nno\x00",
    "no JSON": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno",
    "a long number": b'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"tracking_number": "' + b"x" * 81 + b'"}',
    "no end": b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * 100_000,
    "nothing": b"",
}


@pytest.mark.parametrize("said", ANSWERS.values(), ids=ANSWERS)
async def test_a_carrier_that_answers_nonsense_is_asked_again(said: bytes):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as stub:
        carrier = SandboxCarrier(f"http://127.0.0.1:{stub.sockets[0].getsockname()[1]}", SECRET)
        with pytest.raises(CarrierError) as raised:
            await carrier.book(BOOKED)
        await carrier.close()
    assert "\x00" not in str(raised.value)


async def test_a_late_delivery_shows_its_agreed_sum_and_the_claim_begins_with_it(server: Server):
    async with server.house.pool.acquire() as conn, conn.transaction():
        case_id, buyer_id, seller_id = await late_deal(conn, server.house.node_time.now())
    buyer, seller = await server.cookie(buyer_id), await server.cookie(seller_id)
    api = {**await server.bearer(buyer_id), "idempotency-key": "late"}
    late = (await server.client.get(f"/api/v1/deals/{case_id}/delivery", headers=api)).json()["late"]
    assert (late["days"], late["price_minor"], late["damages_minor"]) == (1, "8250000", "24750")
    claim = f"/deals/{case_id}/claim?reason=late_delivery"
    shown = (await server.client.get(f"/deals/{case_id}", headers=buyer)).text
    assert claim not in shown and "¥247.50" in shown, (
        "nobody settles for a day's damages while the goods may never come"
    )
    house, now = server.house, server.house.node_time.now()
    async with house.pool.acquire() as conn, conn.transaction():
        await house.escrow.settlement.ship(conn, case_id, seller_id, "SF", "SF1", now)
        await house.escrow.settlement.delivered(conn, case_id, "SF SF1: Li", now)
    shown = (await server.client.get(f"/deals/{case_id}", headers=buyer)).text
    assert claim in shown and "¥247.50" in shown
    assert claim not in (await server.client.get(f"/deals/{case_id}", headers=seller)).text
    form = (await server.client.get(claim, headers=buyer)).text
    assert 'value="247.50"' in form and '<option value="late_delivery" selected>' in form
    body = {"amount_minor": late["damages_minor"], "reason": "late_delivery", "statement": "A day late."}
    made = await server.client.post(f"/api/v1/deals/{case_id}/claim", headers=api, json=body)
    assert made.status_code == 201, made.text
    assert (made.json()["reason"], made.json()["amount_minor"]) == ("late_delivery", "24750")
