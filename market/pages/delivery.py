"""Delivery in the browser: where to, with whom, and where the goods are; the same page for buyer, seller and operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow.facts import Refusal, Role, State
from market import deals_store, topic_news
from market.contracting.terms import TradeTerms
from market.delivery import store
from market.delivery.desk import Booking, free_lines, is_bound
from market.delivery.facts import (
    SELLER_READS_ADDRESS,
    Address,
    Consignment,
    ConsignmentState,
    DeliveryRefusal,
    TrackingEvent,
    address_of,
)
from market.house import House, house_of
from market.pages.deal_page import PARCEL_ICONS, texts, view_of
from market.problems import sentence
from market.rendering import Form, flash, render

if TYPE_CHECKING:
    from market.deals import DealView
    from migrations.database import Connection

PAGE_SIZE = 50
ADDRESS_FIELDS = ("name", "lines", "city", "postcode", "country", "phone")
_FIELD_OF = {
    DeliveryRefusal.PACKAGES_WRONG: "packages",
    DeliveryRefusal.WEIGHT_WRONG: "kilograms",
    DeliveryRefusal.NO_SUCH_LINE: "line",
    DeliveryRefusal.LINES_BOOKED: "line",
}
TONES = {
    ConsignmentState.DELIVERED: "leading",
    ConsignmentState.LOST: "seal",
    ConsignmentState.RETURNED: "seal",
    ConsignmentState.REFUSED: "seal",
    ConsignmentState.CANCELLED: "plain",
}


class Shown(Struct, frozen=True):
    """A consignment with its reports, the newest first."""

    consignment: Consignment
    carrier_name: str
    tone: str
    events: list[TrackingEvent]


async def delivery(request: Request) -> Response:
    """The page."""
    return await _show(request, Form())


async def delivery_consignee(request: Request) -> Response:
    """The buyer says where the goods go."""
    form = await _typed(request, "to")
    house, case_id = house_of(request), int(request.path_params["case_id"])
    async with house.pool.acquire() as conn, conn.transaction():
        view = await view_of(request, conn)
        if view.role is not Role.BUYER:
            raise HTTPException(404)
        to = address_of({name: form.values[f"to_{name}"] for name in ADDRESS_FIELDS})
        done = await house.delivery.set_consignee(conn, case_id, to, house.node_time.now())
    if isinstance(done, DeliveryRefusal):
        form.errors[""] = sentence(request, done)
        return await _show(request, form, 422)
    return _back(request, "delivery.flash.consignee")


async def delivery_book(request: Request) -> Response:
    """The seller books a carrier."""
    form = await _typed(request, "from")
    house, case_id, text = house_of(request), int(request.path_params["case_id"]), texts(request)
    sent = await request.form()
    lines = tuple(sorted({int(n) for n in sent.getlist("line") if isinstance(n, str) and n.isdecimal() and len(n) < 4}))
    form.values["line"] = ",".join(map(str, lines))
    packages, grams = _whole(form.values["packages"]), _grams(form.values["kilograms"])
    collect_from = address_of({name: form.values[f"from_{name}"] for name in ADDRESS_FIELDS})
    if packages is None:
        form.errors["packages"] = text("market_refusal.packages_wrong")
    if grams is None:
        form.errors["kilograms"] = text("market_refusal.weight_wrong")
    if collect_from is None:
        form.errors["from_name"] = text("market_refusal.address_incomplete")
    if form.errors or packages is None or grams is None or collect_from is None:
        return await _show(request, form, 422)
    booking = Booking(
        carrier=form.values["carrier"],
        lines=lines,
        packages=packages,
        weight_grams=grams,
        description=form.values["description"].replace("\x00", ""),
        collect_from=collect_from,
    )
    async with house.pool.acquire() as conn, conn.transaction():
        done = await house.delivery.consign(conn, case_id, request.user.id, booking, house.node_time.now())
    if isinstance(done, Consignment):
        return _back(request, "delivery.flash.booked")
    field = _FIELD_OF.get(done, "") if isinstance(done, DeliveryRefusal) else ""
    form.errors[field] = sentence(request, done)
    return await _show(request, form, 422)


async def delivery_call_off(request: Request) -> Response:
    """The seller wants a booking called off: written here, asked of the carrier by the clock."""
    house, consignment_id = house_of(request), int(request.path_params["consignment_id"])
    async with house.pool.acquire() as conn, conn.transaction():
        view = await view_of(request, conn)
        found = await _own(conn, view, consignment_id)
        done: Consignment | DeliveryRefusal = DeliveryRefusal.NO_SUCH_CONSIGNMENT
        if view.role is Role.SELLER:
            done = await house.delivery.call_off(conn, found.id, house.node_time.now())
    if isinstance(done, DeliveryRefusal):
        form = Form()
        form.errors[""] = sentence(request, done)
        return await _show(request, form, 422)
    return _back(request, "delivery.flash.called_off")


async def delivery_proof(request: Request) -> Response:
    """The slip that the receiver signed."""
    async with house_of(request).pool.acquire() as conn:
        view = await view_of(request, conn)
        found = await _own(conn, view, int(request.path_params["consignment_id"]))
        proof = await store.proof(conn, found.id)
    if proof is None:
        raise HTTPException(404)
    return proof_response(proof)


def proof_response(proof: bytes) -> Response:
    """A picture is looked at; anything else that a carrier sends is only saved."""
    is_webp = proof[:4] == b"RIFF" and proof[8:12] == b"WEBP"
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": "inline" if is_webp else 'attachment; filename="proof"',
    }
    return Response(proof, media_type="image/webp" if is_webp else "application/octet-stream", headers=headers)


async def operator_consignments(request: Request) -> Response:
    """Every consignment under way, or all in one state, those that have not moved for longest first."""
    house, text = house_of(request), texts(request)
    state = request.query_params.get("state")
    state = state if state in {*ConsignmentState, "astray"} else None
    given = request.query_params.get("page", "")
    page = max(int(given), 1) if given.isdecimal() and len(given) < 5 else 1
    async with house.pool.acquire() as conn:
        rows, total = await store.consignments_of_house(
            conn, state=state, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE
        )
    context = {
        "rows": [(_row(house, one, []), is_astray) for one, is_astray in rows],
        "state": state or "",
        "not_shipped": set(Refusal),
        "state_options": [("", text("delivery.under_way")), ("astray", text("delivery.astray"))]
        + [(one.value, text(f"consignment_state.{one.value}")) for one in ConsignmentState],
        "page": page,
        "pages": max(1, -(-total // PAGE_SIZE)),
    }
    return render(request, "delivery/operator.html", context)


async def consignments_of(conn: Connection, house: House, case_id: int) -> list[Shown]:
    """What was booked for a deal, with its reports."""
    found = await store.consignments_of_case(conn, case_id)
    events = await store.events_of(conn, [one.id for one in found])
    return [_row(house, one, events[one.id][::-1]) for one in found]


def _row(house: House, one: Consignment, events: list[TrackingEvent]) -> Shown:
    return Shown(one, house.delivery.carriers.name_of(one.carrier), TONES.get(one.state, "outbid"), events)


async def _show(request: Request, form: Form, status: int = 200) -> Response:
    house = house_of(request)
    async with house.pool.acquire() as conn:
        version = await topic_news.deal_version(conn, int(request.path_params["case_id"]))
        view = await view_of(request, conn)
        root_id = await deals_store.root_of_case(conn, view.case.id)
        to = await store.consignee(conn, root_id)
        shown = await consignments_of(conn, house, view.case.id)
        is_fixed = is_bound(await store.consignments_of_case(conn, root_id))
    free = free_lines(view.case, [one.consignment for one in shown])
    seen = form.values
    terms = view.deal.terms
    country = terms.delivery.country if isinstance(terms, TradeTerms) else "CN"
    form.values = {"to_country": country, "from_country": "CN", **_values("to", to), **seen}
    context = {
        "view": view,
        "version": version,
        "deal": view.deal,
        "form": form,
        "to": to,
        "to_shown": to if view.role is not Role.SELLER or view.case.state in SELLER_READS_ADDRESS else None,
        "shown": shown,
        "icons": PARCEL_ICONS,
        "is_fixed": is_fixed,
        "can_book": view.role is Role.SELLER
        and view.case.state is State.FUNDED
        and free is not None
        and len(house.delivery.carriers) > 0,
        "free_lines": [line for line in view.open_lines if line[0] in (free or ())],
        "carrier_options": [(one.code, one.name) for one in house.delivery.carriers],
    }
    return render(request, "delivery/delivery.html", context, status=status)


async def _own(conn: Connection, view: DealView, consignment_id: int) -> Consignment:
    """The consignment, if it is one of this deal."""
    found = await store.consignment(conn, consignment_id)
    root_id = await deals_store.root_of_case(conn, view.case.id)
    if found is None or not {found.case_id, found.shipped_case_id} & {view.case.id, root_id}:
        raise HTTPException(404)
    return found


async def _typed(request: Request, beginning: str) -> Form:
    sent = await request.form()
    names = [*(f"{beginning}_{name}" for name in ADDRESS_FIELDS), "carrier", "packages", "kilograms", "description"]
    return Form(values={name: str(sent.get(name, "")) for name in names})


def _values(beginning: str, address: Address | None) -> dict[str, str]:
    return {} if address is None else {f"{beginning}_{name}": getattr(address, name) for name in ADDRESS_FIELDS}


def _whole(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() and len(text) < 6 else None


def _grams(text: str) -> int | None:
    """Kilograms as people type them, in grams exactly; None for what is none or finer than a gram."""
    whole, _, part = text.strip().replace(",", "").partition(".")
    if not (whole + part).isdecimal() or len(part) > 3 or len(whole) > 9:
        return None
    return int((whole or "0") + part.ljust(3, "0"))


def _back(request: Request, done: str) -> Response:
    response = RedirectResponse(request.url_for("delivery", case_id=request.path_params["case_id"]).path, 303)
    flash(response, done)
    return response


_AT = "/deals/{case_id:int}/delivery"

routes = [
    Route(_AT, delivery, name="delivery"),
    Route(f"{_AT}/consignee", delivery_consignee, name="delivery_consignee", methods=["POST"]),
    Route(f"{_AT}/booking", delivery_book, name="delivery_book", methods=["POST"]),
    Route(f"{_AT}/{{consignment_id:int}}/call-off", delivery_call_off, name="delivery_call_off", methods=["POST"]),
    Route(f"{_AT}/{{consignment_id:int}}/proof", delivery_proof, name="delivery_proof"),
    Route("/operator/consignments", operator_consignments, name="operator_consignments"),
]
