"""How one deal is shown: the page that buyer, seller and operators read, whatever they came to do there.

Every form about a deal ends here when it is refused, with what was typed and why it was not done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from escrow.facts import Role
from market import case_files
from market.bank_details import bank_details
from market.confirmation import rate_text
from market.deals import DealView, deal_view
from market.house import house_of
from market.parties import party_by_id
from market.rendering import Form, language_of, money_markup, render

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from migrations.database import Connection


async def show(request: Request, form: Form, status: int = 200) -> Response:
    """The deal's page, with a form as it was typed and what is wrong with it."""
    house, lang = house_of(request), language_of(request)
    async with house.pool.acquire() as conn:
        view = await view_of(request, conn)
        viewer = await party_by_id(conn, request.user.id)
        file = await case_files.case_file(conn, view.case.id)
    context = {
        "view": view,
        # A password manager fills in the passphrase of whoever is named beside it.
        "email": viewer.email if viewer is not None else "",
        "deal": view.deal,
        "form": form,
        "payment": bank_details(house, view.case.currency, view.case.due_minor, view.case.reference),
        "sums": _sums(texts(request), view),
        "parties": _parties(texts(request), view),
        "timeline": _timeline(texts(request), view),
        "file": file,
        "may_add": case_files.may_add(view.case),
        "lang": lang,
    }
    return render(request, "deal/deal.html", context, status=status)


async def view_of(request: Request, conn: Connection) -> DealView:
    """The deal in the path for whoever asks; 404 when there is none for him."""
    house = house_of(request)
    view = await deal_view(conn, house.escrow, request.path_params["case_id"], request.user, house.node_time.now())
    if view is None:
        raise HTTPException(404)
    return view


def _sums(text: Callable[..., str], view: DealView) -> list[tuple[str, Any]]:
    def money(minor: int) -> Any:
        return money_markup(minor, case.currency)

    case, terms = view.case, view.deal.terms
    rows: list[tuple[str, Any]] = []
    if isinstance(terms.quantity, int) and isinstance(terms.unit_price_minor, int):
        units = text("deal.sums.units_value", quantity=terms.quantity, price=money(terms.unit_price_minor))
        rows = [(text("deal.sums.units"), units)]
    rows += [
        (text("deal.sums.hammer"), money(case.price_minor)),
        (text(f"deal.sums.deposit_{view.deposit_is}"), money(case.deposit_minor)),
    ]
    if case.state == "awaiting_payment":
        rows.append((text("deal.sums.due"), money(case.due_minor)))
    rows.append((text("deal.sums.held"), money(view.held_minor)))
    if view.role is not Role.BUYER:
        rows.append((text("deal.sums.commission", rate=rate_text(case.commission_bp)), money(case.commission_minor)))
        rows.append((text("deal.sums.seller_receives"), money(case.proceeds_minor)))
    return rows


def _parties(text: Callable[..., str], view: DealView) -> list[tuple[str, str]]:
    terms = view.deal.terms
    return [(text("deal.role.seller"), terms.seller_name), (text("deal.role.buyer"), terms.buyer_name)]


def _timeline(text: Callable[..., str], view: DealView) -> list[dict[str, Any]]:
    rows = []
    for row in view.timeline:
        who = text(f"deal.role.{row.actor}")
        said = [text("deal.timeline.by", who=f"{who} · {row.name}" if row.name else who)]
        if row.carrier and row.tracking_number:
            said.append(text("deal.event_shipment", carrier=row.carrier, tracking_number=row.tracking_number))
        if row.reason:
            said.append(row.reason)
        rows.append(
            {
                "title": text(f"deal.event.{row.action}"),
                "at": row.at,
                "text": " · ".join(said),
                "icon": _ICONS[row.action],
            }
        )
    return rows


_ICONS = {
    "open": "gavel",
    "pay": "banknote",
    "default": "circle-x",
    "cancel": "circle-x",
    "ship": "truck",
    "receive": "package-check",
    "extend_inspection": "timer-reset",
    "release": "badge-check",
    "settle": "landmark",
}


def texts(request: Request) -> Callable[..., str]:
    """The catalogue in the viewer's language."""
    house, lang = house_of(request), language_of(request)

    def text(key: str, **params: object) -> str:
        return house.catalogue.text(key, lang, **params)

    return text
