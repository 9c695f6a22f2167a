"""The operator's page against shill bidding: links to decide, the shill score, who bids with whom, and the bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market import fraud_bars, shill_records
from market.fraud_facts import FraudRefusal, LinkState
from market.house import house_of
from market.problems import Problem, ProblemError, sentence
from market.rendering import Form, flash, language_of, render
from market.shill_score import THRESHOLD, Suspicion, Trait

if TYPE_CHECKING:
    from starlette.requests import Request

LARGEST_ID = 2**63 - 1
PAGE_SIZE = 25


async def fraud(request: Request) -> Response:
    """What there is to decide and to look at."""
    return await _page(request, Form())


async def decide(request: Request) -> Response:
    """Bar by a link, or clear it."""
    house, link_id = house_of(request), int(request.path_params["link_id"])
    async with request.form(max_files=0, max_fields=8) as form:
        wanted, reason = str(form.get("act", "")), str(form.get("reason", "")).replace("\0", "")
    if wanted not in ("bar", "clear"):
        raise ProblemError(Problem.UNPROCESSABLE)
    async with house.pool.acquire() as conn, conn.transaction():
        done = await fraud_bars.decide(
            conn,
            link_id=link_id,
            bars=wanted == "bar",
            operator_id=request.user.id,
            reason=reason,
            now=house.node_time.now(),
        )
    if done is FraudRefusal.NO_SUCH_LINK:
        raise ProblemError(done)
    if isinstance(done, FraudRefusal):
        field = f"reason-{link_id}" if done is FraudRefusal.REASON_MISSING else ""
        return await _page(request, Form(errors={field: sentence(request, done)}))
    return _back(request, "fraud.done_bar" if wanted == "bar" else "fraud.done_clear")


async def bar(request: Request) -> Response:
    """Keep a bidder from one seller's lots."""
    house = house_of(request)
    async with request.form(max_files=0, max_fields=8) as form:
        typed = {name: str(form.get(name, "")).replace("\0", "") for name in ("bidder", "seller", "reason")}
    if not all(_is_id(typed[name]) for name in ("bidder", "seller")):
        raise ProblemError(FraudRefusal.UNKNOWN_PARTY)
    bidder_id, seller_id = int(typed["bidder"]), int(typed["seller"])
    async with house.pool.acquire() as conn, conn.transaction():
        done = await fraud_bars.bar_from_seller(
            conn,
            seller_id=seller_id,
            bidder_id=bidder_id,
            operator_id=request.user.id,
            reason=typed["reason"],
            now=house.node_time.now(),
        )
    if isinstance(done, FraudRefusal):
        field = f"bar-{bidder_id}-{seller_id}" if done is FraudRefusal.REASON_MISSING else ""
        return await _page(request, Form(errors={field: sentence(request, done)}))
    return _back(request, "fraud.done_bar")


async def _page(request: Request, form: Form) -> Response:
    house = house_of(request)
    shown = request.query_params.get("state", LinkState.FLAGGED.value)
    state = LinkState(shown) if shown in set(LinkState) else None
    asked = request.query_params.get("page", "")
    page = max(1, min(int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1, 100_000))
    async with house.pool.acquire() as conn:
        links, total = await fraud_bars.links_page(conn, state, PAGE_SIZE, (page - 1) * PAGE_SIZE)
        found = await shill_records.suspected(conn, house.node_time.now())
    context = {
        "links": links,
        "states": [each.value for each in LinkState],
        "state": state.value if state else "all",
        "page": page,
        "pages": max(1, -(-total // PAGE_SIZE), page),
        "found": found,
        "suspects": [(each, _reasons(request, each)) for each in found.suspicions],
        "threshold": THRESHOLD,
        "form": form,
    }
    return render(request, "operator/fraud.html", context, status=422 if form.errors else 200)


def _reasons(request: Request, found: Suspicion) -> list[str]:
    """Why, in words, the gravest first."""
    text, lang = house_of(request).catalogue.text, language_of(request)
    figures = {"lots": found.lots, "seller_lots": found.seller_lots, "wins": found.wins}
    said = []
    for trait, value in found.reasons:
        more = figures if trait in (Trait.SELLER_SHARE, Trait.NEVER_WINS) else {}
        said.append(text(f"shill.trait_{trait.value}", lang, percent=round(100 * value), **more))
    return said


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= LARGEST_ID


def _back(request: Request, said: str) -> Response:
    response = RedirectResponse(str(request.app.url_path_for("operator_fraud")), 303)
    flash(response, said)
    return response


routes = [
    Route("/operator/fraud", fraud, name="operator_fraud"),
    Route("/operator/fraud/links/{link_id:int}", decide, methods=["POST"], name="operator_fraud_decide"),
    Route("/operator/fraud/bars", bar, methods=["POST"], name="operator_fraud_bar"),
]
