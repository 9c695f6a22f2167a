"""The API of delivery: where to, bookings with carriers, tracking, proofs; and every consignment for operators."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs
from starlette.responses import Response

from escrow import rules
from escrow.facts import Case, Role
from market import deals_store
from market.api.case_files import Sha256
from market.api.operations import Call, granted, operation
from market.api.shapes import Currency, Listed, MinorOut, PageNumber, PageSize, said
from market.delivery import damages, store
from market.delivery.desk import Booking
from market.delivery.facts import (
    MOST_GRAMS,
    MOST_PACKAGES,
    SELLER_READS_ADDRESS,
    Address,
    Consignment,
    ConsignmentState,
    EventKind,
    TrackingEvent,
    address_of,
)
from market.delivery.lateness import Lateness
from market.pages.delivery import proof_response
from market.problems import Problem, ProblemError


class AddressShape(Struct, kw_only=True, forbid_unknown_fields=True):
    """`lines` is street and house, as on a label."""

    name: Annotated[str, Meta(min_length=1, max_length=120)]
    lines: Annotated[str, Meta(min_length=1, max_length=400)]
    city: Annotated[str, Meta(min_length=1, max_length=120)]
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    postcode: Annotated[str, Meta(max_length=20)] = ""
    phone: Annotated[str, Meta(max_length=40)] = ""


class CarrierShape(Struct, kw_only=True):
    code: str
    name: str


class CarriersShape(Struct, kw_only=True):
    items: list[CarrierShape]


class BookingIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """Without `lines`: all that is left of the sale. `carrier`: a code of `GET /carriers`, in capitals or not."""

    carrier: Annotated[str, Meta(max_length=40)]
    packages: Annotated[int, Meta(ge=1, le=MOST_PACKAGES)]
    weight_grams: Annotated[int, Meta(ge=1, le=MOST_GRAMS)]
    collect_from: AddressShape
    description: Annotated[str, Meta(max_length=200)] = ""
    lines: Annotated[list[Annotated[int, Meta(ge=1, le=50)]], Meta(max_length=50)] = []


class EventOut(Struct, kw_only=True):
    kind: EventKind
    at: datetime
    received_at: datetime
    place: str
    note: str


class ConsignmentOut(Struct, kw_only=True):
    """`shipped_case_id` is the deal, or the part of it, that went out with this. `call_off_for`: whether the seller wants it
    called off, or the deal no longer waits for the goods.
    """

    id: int
    case_id: int
    shipped_case_id: int | None
    carrier: str
    state: ConsignmentState
    tracking_number: str | None
    lines: list[int]
    packages: int
    weight_grams: int
    description: str
    collect_from: AddressShape
    deliver_to: AddressShape
    reason: str | None
    received_by: str | None
    proof_sha256: Sha256 | None
    booked_at: datetime
    moved_at: datetime
    call_off_at: datetime | None
    call_off_for: Literal["seller", "deal"] | None
    call_off_refused_at: datetime | None
    events: list[EventOut]


class LateOut(Struct, kw_only=True):
    """A delivery that is late by its contract: `damages_minor` is `price_minor` times `rate_bp` for each day after
    `counts_from` (the last day agreed on, or the day of a later payment), at most `cap_bp`, rounded down. Without
    `delivered_on` it is what it comes to today. Nothing is paid by itself: the buyer claims it.
    """

    due_on: date
    counts_from: date
    delivered_on: date | None
    days: int
    rate_bp: int
    cap_bp: int
    currency: Currency
    price_minor: MinorOut
    damages_minor: MinorOut


class DeliveryOut(Struct, kw_only=True):
    """The seller reads where to once the buyer has paid, and not when the money has gone back. `late` while the house holds
    the money of a delivery for whose lateness damages are agreed on.
    """

    case_id: int
    consignee: AddressShape | None
    consignments: list[ConsignmentOut]
    late: LateOut | None


class ConsignmentsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Without a state: all that are under way. `astray`: only what a carrier has, or has delivered, of deals that are over."""

    state: ConsignmentState | None = None
    astray: bool = False
    page: PageNumber = 1
    page_size: PageSize = 50


@operation("GET", "/carriers", tag="delivery")
async def carriers(call: Call) -> CarriersShape:
    """The carriers that the house works with."""
    return CarriersShape(items=[CarrierShape(code=one.code, name=one.name) for one in call.house.delivery.carriers])


@operation("GET", "/deals/{case_id:int}/delivery", tag="delivery")
async def delivery(call: Call, case_id: int) -> DeliveryOut:
    """Where the goods of a deal go, and where they are."""
    return await _shown(call, await _case(call, case_id))


@operation("PUT", "/deals/{case_id:int}/consignee", tag="delivery")
async def set_consignee(call: Call, case_id: int, body: AddressShape) -> DeliveryOut:
    """The buyer says where the goods go; fixed once something is booked to go there."""
    case = await _case(call, case_id)
    if case.buyer_id != call.viewer.id:
        raise ProblemError(Problem.FORBIDDEN)
    granted(await call.house.delivery.set_consignee(call.conn, case_id, _address(body), call.now))
    return await _shown(call, case)


@operation("POST", "/deals/{case_id:int}/consignments", tag="delivery", status=201)
async def book_carrier(call: Call, case_id: int, body: BookingIn) -> DeliveryOut:
    """The seller books a carrier for a paid deal or some lines of it. The first report of the goods in the carrier's hands
    ships them.
    """
    case = await _case(call, case_id)
    collect_from = _address(body.collect_from)
    if collect_from is None:
        raise ProblemError(Problem.MALFORMED, fault="collect_from")
    booking = Booking(
        carrier=body.carrier.lower(),
        lines=tuple(sorted(set(body.lines))),
        packages=body.packages,
        weight_grams=body.weight_grams,
        description=said(body.description),
        collect_from=collect_from,
    )
    granted(await call.house.delivery.consign(call.conn, case_id, call.viewer.id, booking, call.now))
    return await _shown(call, case)


@operation("DELETE", "/deals/{case_id:int}/consignments/{consignment_id:int}", tag="delivery", status=202)
async def call_off_carrier(call: Call, case_id: int, consignment_id: int) -> DeliveryOut:
    """The seller calls a booking off, unless the carrier has the goods. The carrier is asked until it answers; then the
    consignment is cancelled, or `call_off_refused_at` says that the goods were collected already.
    """
    case = await _case(call, case_id)
    found = await _consignment(call, case, consignment_id)
    if case.seller_id != call.viewer.id:
        raise ProblemError(Problem.FORBIDDEN)
    granted(await call.house.delivery.call_off(call.conn, found.id, call.now))
    return await _shown(call, case)


@operation(
    "GET",
    "/deals/{case_id:int}/consignments/{consignment_id:int}/proof",
    tag="delivery",
    returns_media="application/octet-stream",
)
async def delivery_proof(call: Call, case_id: int, consignment_id: int) -> Response:
    """The slip that the receiver signed, as the carrier sent it."""
    found = await _consignment(call, await _case(call, case_id), consignment_id)
    proof = await store.proof(call.conn, found.id)
    if proof is None:
        raise ProblemError(Problem.NOT_FOUND)
    response = proof_response(proof)
    response.headers["Content-Type"] = "application/octet-stream"
    return response


@operation("GET", "/consignments", tag="delivery")
async def consignments(call: Call, query: ConsignmentsQuery) -> Listed[ConsignmentOut]:
    """Every consignment under way, or all in one state: what is astray first, then those that have not moved for longest."""
    rows, total = await store.consignments_of_house(
        call.conn,
        state="astray" if query.astray else query.state.value if query.state else None,
        limit=query.page_size,
        offset=(query.page - 1) * query.page_size,
    )
    events = await store.events_of(call.conn, [one.id for one, _ in rows])
    items = [_out(one, events[one.id], one.reason) for one, _ in rows]
    return Listed(items=items, page=query.page, pages=max(1, -(-total // query.page_size)), total=total)


async def _case(call: Call, case_id: int) -> Case:
    case = await call.house.escrow.settlement.case_by_id(call.conn, case_id)
    if case is None:
        raise ProblemError(Problem.NOT_FOUND)
    return case


async def _consignment(call: Call, case: Case, consignment_id: int) -> Consignment:
    found = await store.consignment(call.conn, consignment_id)
    root_id = await deals_store.root_of_case(call.conn, case.id)
    if found is None or not {found.case_id, found.shipped_case_id} & {case.id, root_id}:
        raise ProblemError(Problem.NOT_FOUND)
    return found


async def _shown(call: Call, case: Case) -> DeliveryOut:
    root_id = await deals_store.root_of_case(call.conn, case.id)
    found = await store.consignments_of_case(call.conn, case.id)
    events = await store.events_of(call.conn, [one.id for one in found])
    to = await store.consignee(call.conn, root_id)
    hidden = rules.role_of(case, call.viewer.id) is Role.SELLER and case.state not in SELLER_READS_ADDRESS
    return DeliveryOut(
        case_id=case.id,
        consignee=None if to is None or hidden else AddressShape(**structs.asdict(to)),
        consignments=[_out(one, events[one.id], one.told_reason) for one in found],
        late=_late(await damages.late_delivery(call.conn, case, call.now), case.currency),
    )


def _late(late: Lateness | None, currency: str) -> LateOut | None:
    if late is None:
        return None
    sums = {"price_minor": str(late.price_minor), "damages_minor": str(late.damages_minor)}
    return LateOut(currency=currency, **{**structs.asdict(late), **sums})


def _out(one: Consignment, events: list[TrackingEvent], reason: str | None) -> ConsignmentOut:
    return ConsignmentOut(
        id=one.id,
        case_id=one.case_id,
        shipped_case_id=one.shipped_case_id,
        carrier=one.carrier,
        state=one.state,
        tracking_number=one.tracking_number,
        lines=list(one.lines),
        packages=one.packages,
        weight_grams=one.weight_grams,
        description=one.description,
        collect_from=AddressShape(**structs.asdict(one.collect_from)),
        deliver_to=AddressShape(**structs.asdict(one.deliver_to)),
        reason=reason,
        received_by=one.received_by,
        proof_sha256=None if one.proof_sha256 is None else one.proof_sha256.hex(),
        booked_at=one.booked_at,
        moved_at=one.moved_at,
        call_off_at=one.call_off_at,
        call_off_for=one.call_off_for,
        call_off_refused_at=one.call_off_refused_at,
        events=[
            EventOut(kind=each.kind, at=each.at, received_at=each.received_at, place=each.place, note=each.note)
            for each in events
        ],
    )


def _address(given: AddressShape) -> Address | None:
    return address_of({name: said(value) for name, value in structs.asdict(given).items()})
