"""The deal pages: the list of a party's deals, and the one timeline that both parties of a deal read and act on.

Each form is one act of the escrow in one transaction. Who may open a deal is the authorization table's row
(`{case_id}` must be the viewer's); what he may do there is the escrow's rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from escrow import rules
from escrow.facts import Case, Refusal
from market import deals_store
from market.csv_cells import csv_text
from market.currencies import money_text
from market.deals import STATES, TONES
from market.house import House, house_of
from market.money_acts import Act, Wish, held_now
from market.pages.deal_page import perform, show, step_up_fault, texts, typed, versioned, view_of
from market.pages.operator_batches import submit_single
from market.rendering import Form, language_of, render
from market.to_do import to_do_of

if TYPE_CHECKING:
    from market.deals_store import DealRow
    from migrations.database import Connection

PAGE_SIZE = 25
MOST_IN_CSV = 10_000
LONGEST = 80


async def deals(request: Request) -> Response:
    """The viewer's deals with their filters in the address; `format=csv` gives all that match."""
    house, lang = house_of(request), language_of(request)
    role = _chosen(request, "role", ("buyer", "seller"))
    state = _chosen(request, "state", STATES)
    page = _page_number(request)
    as_csv = request.query_params.get("format") == "csv"
    limit, offset = (MOST_IN_CSV, 0) if as_csv else (PAGE_SIZE, (page - 1) * PAGE_SIZE)
    async with house.pool.acquire() as conn:
        rows, total = await deals_store.deals_of_party(
            conn, request.user.id, role=role, state=state, limit=limit, offset=offset
        )
        to_do = await to_do_of(conn, request.user.id, house.node_time.now(), side=role)
    if as_csv:
        return _csv(house, lang, rows)
    return render(
        request,
        "deal/list.html",
        {
            "rows": rows,
            "to_do": to_do,
            "tones": TONES,
            "filters": {"role": role, "state": state},
            "filtered": role is not None or state is not None,
            "role_options": _options(house, lang, "deal.role", ("buyer", "seller")),
            "state_options": _options(house, lang, "deal.state", STATES),
            "page": page,
            "pages": max(1, -(-total // PAGE_SIZE)),
        },
    )


async def deal(request: Request) -> Response:
    """One deal."""
    return await show(request, Form())


async def deal_state(request: Request) -> Response:
    """The version of the deal alone, which the page asks for now and then."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        version, _ = await versioned(request, conn)
    return JSONResponse({"version": version}, headers={"Cache-Control": "no-store"})


async def deal_pay(request: Request) -> Response:
    """Pay what is due out of the wallet."""

    async def pay(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        return await house.escrow.settlement.pay_from_wallet(conn, case_id, request.user.id, house.node_time.now())

    return await perform(request, pay, "deal.flash.paid", Form())


async def deal_ship(request: Request) -> Response:
    """The seller names carrier and tracking number, and which lines of the sale he ships now."""
    form = await typed(request, "carrier", "tracking_number")
    lines = await _lines(request, form)
    carrier, number = (" ".join(form.values[name].split()) for name in ("carrier", "tracking_number"))
    text = texts(request)
    if not 1 <= len(carrier) <= LONGEST:
        form.errors["carrier"] = text("deal.ship.carrier_missing")
    if not 1 <= len(number) <= LONGEST:
        form.errors["tracking_number"] = text("deal.ship.tracking_missing")

    async def ship(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        now, settlement = house.node_time.now(), house.escrow.settlement
        if lines:
            return await settlement.ship_lines(conn, case_id, request.user.id, lines, carrier, number, now)
        return await settlement.ship(conn, case_id, request.user.id, carrier, number, now)

    return await perform(request, ship, "deal.flash.shipped", form)


async def _lines(request: Request, form: Form) -> list[int]:
    """The lines that are ticked; none where the sale has no lines to choose among, or all that are left are shipped."""
    async with house_of(request).pool.acquire() as conn:
        view = await view_of(request, conn)
    left = [n for n, _, _ in view.open_lines]
    ticked = [n for n in left if str(n) in (await request.form()).getlist("line")]
    form.values["line"] = ",".join(map(str, ticked))
    if left and not ticked:
        form.errors["line"] = texts(request)("deal.ship.lines_missing")
    return [] if ticked == left else ticked


async def deal_received(request: Request) -> Response:
    """The buyer has the goods; the inspection begins."""

    async def receive(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        return await house.escrow.settlement.receive(conn, case_id, request.user.id, house.node_time.now())

    return await perform(request, receive, "deal.flash.received", Form())


async def deal_confirm(request: Request) -> Response:
    """The buyer confirms with his passphrase: the one act here that can't be undone by anybody."""
    text = texts(request)
    form = await typed(request, "understood", "passphrase")
    passphrase = form.values.pop("passphrase")
    if form.values["understood"] != "1":
        form.errors["understood"] = text("deal.confirm.not_understood")
    elif (wrong := await step_up_fault(request, passphrase)) is not None:
        form.errors["passphrase"] = text(wrong)

    async def confirm(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        return await house.escrow.settlement.confirm_receipt(conn, case_id, request.user.id, house.node_time.now())

    return await perform(request, confirm, "deal.flash.released", form)


async def deal_extend(request: Request) -> Response:
    """The buyer takes the one extension of the inspection."""

    async def extend(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        return await house.escrow.settlement.extend_inspection(conn, case_id, request.user.id, house.node_time.now())

    return await perform(request, extend, "deal.flash.extended", Form())


async def deal_cancel(request: Request) -> Response:
    """Cancel where the escrow's table allows it; the box says that it was meant. Of money that is held an operator
    disposes as at his desk, from the limit on with a second one.
    """
    form = await typed(request, "cancel", "reason")
    if form.values["cancel"] != "1":
        form.errors["cancel"] = texts(request)("deal.cancel.not_understood")
    reason = form.values["reason"].strip()[:500]

    house, case_id = house_of(request), request.path_params["case_id"]
    async with house.pool.acquire() as conn:
        case = await house.escrow.settlement.case_by_id(conn, case_id)
    as_operator = case is not None and rules.role_of(case, request.user.id) is None and request.user.is_operator
    if as_operator and case is not None and case.held_minor > 0 and not form.errors:
        wish = Wish(act=Act.CASE_REFUND, subject_id=case_id)
        where = request.url_for("deal", case_id=case_id).path
        return await submit_single(request, wish, reason, form, show, where, "deal.flash.cancelled")

    async def cancel(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        if as_operator and await held_now(conn, case_id):
            return Refusal.NOT_IN_THIS_STATE  # paid a moment ago: the page shows it now
        return await house.escrow.settlement.cancel(
            conn, case_id, request.user.id, reason, house.node_time.now(), as_operator=as_operator
        )

    return await perform(request, cancel, "deal.flash.cancelled", form)


def _csv(house: House, lang: str, rows: list[DealRow]) -> Response:
    def text(key: str) -> str:
        return house.catalogue.text(key, lang)

    header = [text(f"deal.column_{name}") for name in ("deal", "lot", "role", "sum", "state", "deadline", "opened")]
    lines = [
        (
            row.case_id,
            row.title(lang),
            text(f"deal.role.{row.role}"),
            money_text(row.hammer_minor, row.currency),
            text(f"deal.state.{row.state}"),
            row.due_at.isoformat() if row.due_at else "",
            row.created_at.isoformat(),
        )
        for row in rows
    ]
    headers = {"Content-Disposition": 'attachment; filename="deals.csv"', "Cache-Control": "private, no-store"}
    return Response(csv_text(header, lines), media_type="text/csv; charset=utf-8", headers=headers)


def _options(house: House, lang: str, prefix: str, values: tuple[str, ...]) -> list[tuple[str, str]]:
    text = house.catalogue.text
    return [("", text("deal.any", lang)), *((value, text(f"{prefix}.{value}", lang)) for value in values)]


def _chosen(request: Request, name: str, allowed: tuple[str, ...]) -> str | None:
    value = request.query_params.get(name, "")
    return value if value in allowed else None


def _page_number(request: Request) -> int:
    text = request.query_params.get("page", "1")
    return min(max(int(text), 1), 100_000) if text.isascii() and text.isdigit() and len(text) < 9 else 1


routes = [
    Route("/deals", deals, name="deals"),
    Route("/deals/{case_id:int}", deal, name="deal"),
    Route("/deals/{case_id:int}/state", deal_state, name="deal_state"),
    Route("/deals/{case_id:int}/pay", deal_pay, name="deal_pay", methods=["POST"]),
    Route("/deals/{case_id:int}/ship", deal_ship, name="deal_ship", methods=["POST"]),
    Route("/deals/{case_id:int}/received", deal_received, name="deal_received", methods=["POST"]),
    Route("/deals/{case_id:int}/confirm", deal_confirm, name="deal_confirm", methods=["POST"]),
    Route("/deals/{case_id:int}/extend", deal_extend, name="deal_extend", methods=["POST"]),
    Route("/deals/{case_id:int}/cancel", deal_cancel, name="deal_cancel", methods=["POST"]),
]
