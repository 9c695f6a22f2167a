"""The wallet page: what the centre holds for the viewer, every movement of it, and the way out to his bank account."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow import debts
from escrow.facts import Refusal
from market.checkout import change_of
from market.csv_cells import csv_text
from market.currencies import EXPONENTS, AmountProblem, decimal_text, money_text, parse_amount
from market.house import House, house_of
from market.pages.desk_forms import no_such_currency, number
from market.rendering import Form, flash, language_of, render
from market.wallets import Movement, WalletView, wallet_view

PAGE_SIZE = 50


async def wallet(request: Request) -> Response:
    """Balances, deposits, statement, payouts. `format=csv` gives the whole filtered statement."""
    return await _show(request, Form())


async def wallet_withdraw(request: Request) -> Response:
    """Send a free sum to the viewer's own bank account."""
    house, lang = house_of(request), language_of(request)
    typed = await request.form()
    form = Form(values={name: str(typed.get(name, "")) for name in ("amount", "currency")})
    currency = form.values["currency"]
    if currency not in EXPONENTS:
        form.errors["currency"] = no_such_currency(request, currency)
        return await _show(request, form, status=422)
    amount = parse_amount(form.values["amount"], EXPONENTS[currency])
    if isinstance(amount, AmountProblem):
        form.errors["amount"] = house.catalogue.text(f"amount_problem.{amount.value}", lang)
        return await _show(request, form, status=422)
    async with house.pool.acquire() as conn, conn.transaction():
        payout = await house.escrow.wallet.withdraw(conn, request.user.id, amount, currency, house.node_time.now())
    if payout is Refusal.DEBT_FIRST:
        async with house.pool.acquire() as conn:
            owed_minor = await debts.owed(conn, request.user.id, currency)
        form.errors["amount"] = house.catalogue.text("wallet.owes_refused", lang, sum=money_text(owed_minor, currency))
        return await _show(request, form, status=422)
    if isinstance(payout, Refusal):
        form.errors["amount"] = house.catalogue.text(f"escrow_refusal.{payout.value}", lang)
        return await _show(request, form, status=422)
    response = RedirectResponse("/wallet", 303)
    flash(response, "wallet.withdrawn", sum=money_text(amount, currency))
    return response


async def _show(request: Request, form: Form, status: int = 200) -> Response:
    house, lang = house_of(request), language_of(request)
    query = request.query_params
    chosen = {name: query.get(name, "") for name in ("currency", "from", "until")}
    filter_form = Form(values=chosen)
    first_day, last_day = days_of(chosen, filter_form, lambda key, **params: house.catalogue.text(key, lang, **params))
    async with house.pool.acquire() as conn:
        view = await wallet_view(
            conn,
            house.escrow,
            request.user.id,
            currency=chosen["currency"] or None,
            first_day=first_day,
            last_day=last_day,
        )
        purses = await change_of(house).balances(conn, request.user.id)
    if filter_form.errors:  # Nothing is listed that was not asked for.
        view, status = msgspec.structs.replace(view, movements=()), 422
    elif query.get("format") == "csv":
        return _csv(house, lang, view)
    page = min(number(query.get("page", "")) or 1, 1_000_000)
    start = (page - 1) * PAGE_SIZE
    context = {
        "wallet": view,
        "form": form,
        "filter": filter_form,
        "chosen": chosen,
        "filtered": any(chosen.values()),
        "currency_options": [("", house.catalogue.text("wallet.any", lang)), *((c, c) for c in view.currencies)],
        "withdraw_options": [(b.currency, b.currency) for b in view.balances if b.free_minor > 0],
        "rows": [(row, movement_text(house, lang, row)) for row in view.movements[start : start + PAGE_SIZE]],
        "purses": purses,
        "page": page,
        "pages": max(1, -(-len(view.movements) // PAGE_SIZE)),
    }
    return render(request, "wallet/wallet.html", context, status=status)


def movement_text(house: House, lang: str, movement: Movement) -> str:
    """What a movement was, with the lot or the number of what it was about."""
    subject, _, number = movement.subject.partition(":")
    text: Callable[..., str] = house.catalogue.text
    paid_in = movement.kind == "deposit_held" and movement.amount_minor > 0
    kind = movement_key(movement.kind)
    said = text("movement.paid_in" if paid_in else kind if kind in house.catalogue else "movement.other", lang)
    if title := movement.title(lang):
        return text("movement_of", lang, what=said, about=title)
    about = f"movement_about.{subject}"
    return (
        text("movement_of", lang, what=said, about=text(about, lang, id=number)) if about in house.catalogue else said
    )


def movement_key(kind: str) -> str:
    """The sentence of an act: one that carries its number, as `chargeback_won_12`, is said without it."""
    return "movement." + re.sub("_[0-9]+$", "", kind)


def _csv(house: House, lang: str, view: WalletView) -> Response:
    names = ("at", "what", "account", "currency", "amount", "balance")
    header = [house.catalogue.text(f"wallet.csv_{name}", lang) for name in names]
    lines = [
        (
            row.at.isoformat(),
            movement_text(house, lang, row),
            house.catalogue.text(f"wallet.account.{row.account}", lang),
            row.currency,
            _signed(row.amount_minor, row.currency),
            _signed(row.balance_minor, row.currency),
        )
        for row in view.movements
    ]
    headers = {"Content-Disposition": 'attachment; filename="statement.csv"', "Cache-Control": "private, no-store"}
    return Response(csv_text(header, lines), media_type="text/csv; charset=utf-8", headers=headers)


def _signed(minor: int, currency: str) -> str:
    # A typographic minus: a leading "-" in a cell is guarded as the beginning of a formula.
    return decimal_text(minor, EXPONENTS[currency]).replace("-", "−")


def days_of(chosen: Mapping[str, str], form: Form, text: Callable[..., str]) -> tuple[date | None, date | None]:
    """The days `from` and `until` of a filter; what is no day, or ends before it begins, goes into the form as an error."""
    days: dict[str, date | None] = {}
    for name in ("from", "until"):
        try:
            days[name] = date.fromisoformat(chosen[name]) if chosen[name] else None
        except ValueError:
            days[name] = None
            form.errors[name] = text("wallet.no_such_day", typed=chosen[name][:40])
    first, last = days["from"], days["until"]
    if first is not None and last is not None and first > last:
        form.errors["until"] = text("wallet.ends_before", first=first.isoformat(), last=last.isoformat())
    return first, last


routes = [
    Route("/wallet", wallet, name="wallet"),
    Route("/wallet/withdraw", wallet_withdraw, name="wallet_withdraw", methods=["POST"]),
]
