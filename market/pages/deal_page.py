"""How one deal is shown: the page that buyer, seller and operators read, whatever they came to do there.

Every form about a deal ends here when it is refused, with what was typed and why it was not done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from escrow.deadlines import days_off_while_shipping
from escrow.facts import Case, Refusal, Role, Timers
from market import case_files, topic_news
from market.bank_details import bank_details
from market.confirmation import rate_text
from market.contracting.wording import day_text, percent_text
from market.currencies import money_text
from market.deals import TONES, DealView, TimelineRow, deal_view
from market.delivery import damages, tracking
from market.house import House, house_of
from market.parties import party_by_id
from market.refusals import MarketRefusal
from market.rendering import Form, flash, language_of, money_markup, render
from market.step_up import step_up
from market.trades import MOST_LINES

if TYPE_CHECKING:
    from starlette.requests import Request

    from market.catalogue import Language
    from market.delivery.lateness import Lateness
    from migrations.database import Connection

Act = Callable[["Connection", House, int], Awaitable[Case | Refusal]]


async def show(request: Request, form: Form, status: int = 200) -> Response:
    """The deal's page, with a form as it was typed and what is wrong with it."""
    house, lang = house_of(request), language_of(request)
    async with house.pool.acquire() as conn:
        version, view = await versioned(request, conn)
        viewer = await party_by_id(conn, request.user.id)
        file = await case_files.case_file(conn, view.case.id)
        parcels = await tracking.tracked(conn, house.delivery.carriers, view.case.id)
        late = await damages.late_delivery(conn, view.case, house.node_time.now())
    context = {
        "view": view,
        "version": version,
        # A password manager fills in the passphrase of whoever is named beside it.
        "email": viewer.email if viewer is not None else "",
        "deal": view.deal,
        "form": form,
        "payment": bank_details(house, view.case.currency, view.case.due_minor, view.case.reference),
        "sums": sums_of(texts(request), view),
        "parties": _parties(texts(request), view),
        "timeline": sorted(
            [*timeline_of(texts(request), view), *parcel_rows(texts(request), parcels)], key=lambda row: row["at"]
        ),
        "late": late and late_words(texts(request), late, view.case.currency, lang),
        "file": file,
        "may_add": case_files.may_add(view.case),
        "lang": lang,
        "tones": TONES,
        "clocks": clocks(view.case.timers),
        "days_off": days_off_while_shipping(view.case),
        "most_lines": MOST_LINES,
    }
    return render(request, "deal/deal.html", context, status=status)


async def perform(request: Request, act: Act, done: str, form: Form) -> Response:
    """One act in one transaction. Refused or badly typed: the same page with the reasons, and nothing changed."""
    if form.errors:
        return await show(request, form, status=422)
    house, case_id = house_of(request), request.path_params["case_id"]
    async with house.pool.acquire() as conn, conn.transaction():
        outcome = await act(conn, house, case_id)
    if isinstance(outcome, Refusal):
        form.errors[""] = texts(request)(f"escrow_refusal.{outcome.value}")
        return await show(request, form, status=422)
    response = RedirectResponse(request.url_for("deal", case_id=case_id).path, 303)
    flash(response, done)
    return response


async def step_up_fault(request: Request, passphrase: str) -> str | None:
    """The key of what is wrong with the passphrase; None when it is right."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        refused = await step_up(house, conn, request.user.id, passphrase)
    if refused is MarketRefusal.PASSPHRASE_WRONG:
        return "deal.confirm.wrong_passphrase"
    return None if refused is None else f"market_refusal.{refused.value}"


async def typed(request: Request, *names: str) -> Form:
    """These fields of the form that was sent."""
    sent = await request.form()
    return Form(values={name: str(sent.get(name, "")) for name in names})


async def view_of(request: Request, conn: Connection) -> DealView:
    """The deal in the path for whoever asks; 404 when there is none for him."""
    house = house_of(request)
    view = await deal_view(conn, house.escrow, request.path_params["case_id"], request.user, house.node_time.now())
    if view is None:
        raise HTTPException(404)
    return view


async def versioned(request: Request, conn: Connection) -> tuple[str, DealView]:
    """The deal, with what changes whenever the deal or its goods move."""
    goods = await topic_news.deal_version(conn, request.path_params["case_id"])
    view = await view_of(request, conn)
    return f"{view.version}-g{goods}", view


def clocks(timers: Timers) -> dict[str, int]:
    """The lengths of time that the forms of a claim speak of, in seconds."""
    return {"answer": timers.answer_seconds, "return_ship": timers.return_ship_seconds}


def sums_of(text: Callable[..., str], view: DealView) -> list[tuple[str, Any]]:
    """The sums of a deal, each with its name; the buyer is not shown what the seller pays the house."""

    def money(minor: int) -> Any:
        return money_markup(minor, case.currency)

    case, deal = view.case, view.deal
    rows: list[tuple[str, Any]] = []
    if deal.units is not None:
        left = sum(line.part_id is None for line in case.lines)
        quantity = left if case.parent_id or case.split_minor else deal.units[0]
        units = text("deal.sums.units_value", quantity=quantity, price=money(deal.units[1]))
        rows = [(text("deal.sums.units"), units)]
    whole = "deal.sums.hammer" if deal.lot_id is not None else "deal.sums.price"
    rows.append((text(whole if case.parent_id is None else "deal.sums.part"), money(case.price_minor)))
    if case.split_minor:
        rows.append((text("deal.sums.own"), money(case.own_minor)))
    if case.parent_id is None and deal.lot_id is not None:
        rows.append((text(f"deal.sums.deposit_{view.deposit_is}"), money(case.deposit_minor)))
    if case.state == "awaiting_payment":
        rows.append((text("deal.sums.due"), money(case.due_minor)))
    rows.append((text("deal.sums.held"), money(view.held_minor)))
    if case.undisputed_minor:
        rows.append((text("deal.sums.undisputed"), money(case.undisputed_minor)))
    if case.refunded_minor:
        rows.append((text("deal.sums.refunded"), money(case.refunded_minor)))
    if view.role is not Role.BUYER and not case.refunded_minor:
        commission = text("deal.sums.commission", rate=rate_text(case.commission_bp))
        rows.append((commission, money(case.own_commission_minor)))
        if case.own_fees_minor:
            rows.append((text("deal.sums.fees"), money(case.own_fees_minor)))
        rows.append((text("deal.sums.seller_receives"), money(case.proceeds_minor)))
    return rows


def late_words(text: Callable[..., str], late: Lateness, currency: str, lang: Language) -> dict[str, str]:
    """A late delivery in words, and the sum that the contract gives for it."""
    total = money_text(late.damages_minor, currency)
    said = text(
        "delivery.late.so_far" if late.delivered_on is None else "delivery.late.delivered",
        due=day_text(late.counts_from, lang),
        day=day_text(late.delivered_on or late.counts_from, lang),
        days=late.days,
        rate=percent_text(late.rate_bp),
        cap=percent_text(late.cap_bp),
        price=money_text(late.price_minor, currency),
        sum=total,
    )
    return {"said": said, "sum": total}


def _parties(text: Callable[..., str], view: DealView) -> list[tuple[str, str]]:
    terms = view.deal.terms
    return [(text("deal.role.seller"), terms.seller_name), (text("deal.role.buyer"), terms.buyer_name)]


def timeline_of(text: Callable[..., str], view: DealView) -> list[dict[str, Any]]:
    """What was done by whom, as the timeline shows it."""
    rows = []
    for row in sorted((*view.timeline, *view.papers), key=lambda row: row.at):
        who = text(f"deal.role.{row.actor}")
        said = [text("deal.timeline.by", who=f"{who} · {row.name}" if row.name else who)]
        if row.carrier and row.tracking_number:
            said.append(text("deal.event_shipment", carrier=row.carrier, tracking_number=row.tracking_number))
        if row.lines:
            said.append(text("deal.event_lines", lines=", ".join(map(str, row.lines))))
        if row.amount_minor is not None:
            said.append(text("deal.event_sum", sum=money_text(row.amount_minor, view.case.currency)))
        if row.division is not None:
            sums = (money_text(minor, view.case.currency) for minor in row.division)
            said.append(text("deal.event_division", **dict(zip(("buyer", "seller", "house"), sums, strict=True))))
        if row.reason:
            said.append(row.reason)
        rows.append(
            {
                "title": _happened(text, view, row),
                "at": row.at,
                "text": " · ".join(said),
                "icon": _ICONS[row.action],
            }
        )
    return rows


def _happened(text: Callable[..., str], view: DealView, row: TimelineRow) -> str:
    if row.formality is not None:
        return text(f"deal.event.{row.action}", formality=text(f"terms_formality.{row.formality}"))
    otherwise = view.deal.lot_id is None and row.action in ("open", "pay")
    return text(f"deal.event.{row.action}_contract" if otherwise else f"deal.event.{row.action}")


def parcel_rows(text: Callable[..., str], parcels: list[tracking.Tracked]) -> list[dict[str, Any]]:
    """What carriers reported, as the timeline shows it."""
    return [
        {
            "title": text(f"tracking.{row.kind.value}"),
            "at": row.at,
            "text": " · ".join(said for said in (row.carrier, row.tracking_number, row.place, row.note) if said),
            "icon": PARCEL_ICONS.get(row.kind.value, "truck"),
        }
        for row in parcels
    ]


PARCEL_ICONS = {
    "confirmed": "check",
    "delivered": "package-check",
    "returned": "rotate-ccw",
    "refused": "circle-x",
    "lost": "circle-x",
    "cancelled": "x",
}
_ICONS = {
    "amended": "file-pen",
    "formality_appointed": "user-check",
    "formality_handed_in": "file-up",
    "formality_accepted": "file-check",
    "formality_refused": "file-x",
    "open": "gavel",
    "pay": "banknote",
    "default": "circle-x",
    "cancel": "circle-x",
    "ship": "truck",
    "postpone": "timer-reset",
    "receive": "package-check",
    "extend_inspection": "timer-reset",
    "release": "badge-check",
    "settle": "landmark",
    "split": "package",
    "reinstate": "rotate-ccw",
    "claim": "triangle-alert",
    "release_undisputed": "banknote",
    "accept_claim": "handshake",
    "offer": "hand",
    "accept_offer": "handshake",
    "withdraw_claim": "x",
    "ask_return": "package",
    "contest": "scale",
    "escalate": "scale",
    "default_judgement": "timer",
    "return_ship": "truck",
    "confirm_return": "package-check",
    "lapse_return": "timer",
    "propose_ruling": "scale",
    "rule": "gavel",
    "overdue": "timer",
    "hard_stop": "timer",
    "appeal": "rotate-ccw",
    "enforce": "gavel",
}


def texts(request: Request) -> Callable[..., str]:
    """The catalogue in the viewer's language."""
    house, lang = house_of(request), language_of(request)

    def text(key: str, **params: object) -> str:
        return house.catalogue.text(key, lang, **params)

    return text
