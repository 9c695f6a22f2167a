"""The schedule of fees: every version, what is in force now, a change proposed by one operator and confirmed by another."""

from __future__ import annotations

import re
from decimal import Decimal

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market import fees
from market.currencies import EXPONENTS, AmountProblem, parse_amount
from market.fees import FeeRefusal, Market, Proposal, Version
from market.house import house_of
from market.pages.desk_forms import asked, day_of, start_of, texts, typed
from market.problems import sentence_key
from market.rendering import Form, flash, render

_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{0,9})?")


async def operator_fees(request: Request) -> Response:
    """What is in force, and every version."""
    return await _page(request, Form())


async def _page(request: Request, form: Form, status: int = 200) -> Response:
    house, text = house_of(request), texts(request)
    market = asked(request, "market", tuple(Market))
    now = house.node_time.now()
    async with house.pool.acquire() as conn:
        rows = await fees.versions(conn, Market(market) if market else None)
        standing = [(one, await fees.in_force(conn, one, "CNY", now, house.config.commission_bp)) for one in Market]
    defaults = {"market": market or Market.AUCTION.value, "transaction": "0", "valid_from": now.date().isoformat()}
    context = {
        "rows": rows,
        "standing": standing,
        "form": Form(values={**defaults, **form.values}, errors=form.errors),
        "market": market,
        "market_options": [("", text("deal.any")), *((one.value, text(f"fees.market.{one.value}")) for one in Market)],
        "markets": [(one.value, text(f"fees.market.{one.value}")) for one in Market],
        "currencies": [("", text("fees.all_currencies")), *((code, code) for code in EXPONENTS)],
        "now": now,
    }
    return render(request, "operator_money/fees.html", context, status=status)


async def operator_fees_propose(request: Request) -> Response:
    """A new version, for another operator to confirm."""
    names = ("market", "currency", "commission", "transaction", "service", "valid_from", "reason")
    house, form = house_of(request), await typed(request, *names)
    wanted = _read(request, form)
    if wanted is None:
        return await _page(request, form, 422)
    async with house.pool.acquire() as conn, conn.transaction():
        done = await fees.propose(conn, wanted, request.user.id, house.node_time.now())
    if isinstance(done, FeeRefusal):
        form.errors[_FIELD_OF.get(done, "")] = texts(request)(sentence_key(done))
        return await _page(request, form, 422)
    return _see(request, "fees.flash_proposed")


_FIELD_OF = {
    FeeRefusal.RATES_TOO_HIGH: "commission",
    FeeRefusal.SERVICE_NEEDS_A_CURRENCY: "currency",
    FeeRefusal.SERVICE_TOO_HIGH: "service",
    FeeRefusal.REASON_MISSING: "reason",
}


def _read(request: Request, form: Form) -> Proposal | None:
    text, values = texts(request), form.values
    rates = {name: _basis_points(values[name]) for name in ("commission", "transaction")}
    for name, rate in rates.items():
        if rate is None:
            form.errors[name] = text("fees.bad_rate")
    valid_from = day_of(values["valid_from"])
    if valid_from is None:
        form.errors["valid_from"] = text("desk.day_missing")
    currency = values["currency"] if values["currency"] in EXPONENTS else None
    service = 0
    if values["service"].strip():
        given = parse_amount(values["service"], EXPONENTS[currency or "CNY"], allow_zero=True)
        if isinstance(given, AmountProblem):
            form.errors["service"] = text(f"amount_problem.{given.value}")
        else:
            service = given
    if values["market"] not in set(Market):
        form.errors["market"] = text("fees.bad_market")
    if form.errors or valid_from is None or rates["commission"] is None or rates["transaction"] is None:
        return None
    return Proposal(
        market=Market(values["market"]),
        currency=currency,
        commission_bp=rates["commission"],
        transaction_bp=rates["transaction"],
        service_minor=service,
        valid_from=start_of(valid_from),
        reason=values["reason"][:1000],
    )


def _basis_points(typed_rate: str) -> int | None:
    """`8`, `7.25` or `7.25 %` as basis points; None for anything that is not exact in them."""
    plain = typed_rate.strip().rstrip("%％").strip()
    if not _PERCENT.fullmatch(plain):
        return None
    rate = Decimal(plain) * 100
    return int(rate) if rate == rate.to_integral_value() and rate <= 10_000 else None


async def operator_fees_confirm(request: Request) -> Response:
    """Another operator agrees."""
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        done = await fees.confirm(conn, request.path_params["version_id"], request.user.id, house.node_time.now())
    return await _decided(request, done, "fees.flash_confirmed")


async def operator_fees_withdraw(request: Request) -> Response:
    """A version that waits is given up."""
    house, form = house_of(request), await typed(request, "reason")
    async with house.pool.acquire() as conn, conn.transaction():
        done = await fees.withdraw(
            conn,
            request.path_params["version_id"],
            request.user.id,
            form.values["reason"][:1000],
            house.node_time.now(),
        )
    return await _decided(request, done, "fees.flash_withdrawn")


async def _decided(request: Request, done: Version | FeeRefusal, key: str) -> Response:
    if done is FeeRefusal.NO_SUCH_VERSION:
        raise HTTPException(404)
    if isinstance(done, FeeRefusal):
        return await _page(request, Form(errors={"": texts(request)(sentence_key(done))}), 422)
    return _see(request, key)


def _see(request: Request, key: str) -> Response:
    response = RedirectResponse(str(request.app.url_path_for("operator_fees")), 303)
    flash(response, key)
    return response


routes = [
    Route("/operator/money/fees", operator_fees, name="operator_fees"),
    Route("/operator/money/fees/propose", operator_fees_propose, name="operator_fees_propose", methods=["POST"]),
    Route(
        "/operator/money/fees/{version_id:int}/confirm",
        operator_fees_confirm,
        name="operator_fees_confirm",
        methods=["POST"],
    ),
    Route(
        "/operator/money/fees/{version_id:int}/withdraw",
        operator_fees_withdraw,
        name="operator_fees_withdraw",
        methods=["POST"],
    ),
]
