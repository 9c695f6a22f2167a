"""What carriers tell and people type, when it comes late, early, twice, or is not what it should be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx2
import msgspec
import pytest
from standardwebhooks import Webhook

from escrow.facts import Action
from market.delivery.carriers import BadReportError, Booked
from market.delivery.clock import DeliveryClock
from market.delivery.facts import ConsignmentState, EventKind, state_after
from market.delivery.sandbox_carrier.book import Book, Order
from market.delivery.sandbox_client import SandboxCarrier
from tests.delivery.conftest import SECRET
from tests.delivery.test_delivery import HOME, SHED, Sold, sold, states

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.door.house_server import Server

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
ORDER = Order(
    booking_id=str(uuid4()), packages=1, weight_grams=1, description="tea", collect_from=SHED, deliver_to=HOME
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
        {"tracking_number": "S1", "note": "\x00"},
    ],
    ids=["no number", "empty number", "long number", "year 1", "year 9999", "zero byte"],
)
async def test_a_report_that_could_not_be_stored_is_no_report(told: dict[str, Any]):
    carrier = SandboxCarrier("http://127.0.0.1:9", SECRET)
    carrier.read_report(*signed(tracking_number="S1"))
    with pytest.raises(BadReportError):
        carrier.read_report(*signed(**told))
    await carrier.close()


def test_goods_under_way_are_neither_refused_nor_called_off():
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
        assert (await server.client.delete(one, headers=deal.seller)).status_code == 200
    assert await tells(server, deal, kind="collected", tracking_number="S-late") == 200
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


async def test_a_seller_is_told_that_the_carrier_has_goods_of_a_deal_that_ended_meanwhile(
    server: Server, carrier_url: str
):
    deal = await sold(server, carrier_url)
    await deal.goes_to(deal.buyer)
    await deal.books(deal.seller)
    house, case = server.house, await deal.case()
    async with house.pool.acquire() as conn, conn.transaction():
        await house.escrow.settlement.cancel(conn, deal.case_id, case.seller_id, "broken", house.node_time.now())
    assert (await deal.case()).state in ("cancelled", "refunded")
    for kind in ("collected", "in_transit"):
        assert await tells(server, deal, kind=kind, tracking_number="S-gone") == 200
    assert (await deal.read(deal.seller))["consignee"] is None
    async with house.pool.acquire() as conn:
        told = await conn.fetch("select party_id from market.notice where kind = 'delivery_not_shipped'")
    assert [row["party_id"] for row in told] == [case.seller_id]
