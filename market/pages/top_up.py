"""Paying a deposit at the cash desk, topping up wallet and small change, and what became of such a card payment."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from escrow.card_facts import CardPayment, CardPurpose, is_payment_id
from escrow.facts import Deposit, DepositState
from escrow.vault_facts import VaultRefusal
from market import applications, wallet_sessions
from market.application_facts import Application, ApplicationRefusal
from market.card_orders import CardOrder, Wanted, card_order, pay_by_card
from market.checkout import change_of, lot_of_deposit, wanted_of_deposit, wanted_of_top_up
from market.currencies import EXPONENTS, AmountProblem, amounts_text, money_text, parse_amount
from market.house import house_of
from market.pages.desk_forms import is_number, no_such_currency
from market.pages.vault_forms import vault_context, words
from market.problems import sentence
from market.rendering import Form, flash, language_of, render


async def deposit_checkout(request: Request) -> Response:
    """The desk of one deposit that is asked for."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        deposit = await house.escrow.deposits.deposit_by_id(conn, request.path_params["deposit_id"])
        lot = await lot_of_deposit(conn, request.path_params["deposit_id"])
    if deposit is None or lot is None:
        raise HTTPException(404)
    if deposit.state is not DepositState.REQUESTED:
        return RedirectResponse(f"/lots/{lot[0]}", 303)
    form = Form()
    async with house.pool.acquire() as conn, conn.transaction():
        owed = await applications.owed_still(conn, request.user.id, house.node_time.now())
    if owed:
        form.errors[""] = sentence(request, ApplicationRefusal.OWES_THE_HOUSE, {"sums": amounts_text(owed.items())})
    elif request.method == "POST":
        done = await _pay_deposit(request, deposit, lot[0])
        if isinstance(done, CardPayment):
            return RedirectResponse(f"/wallet/card-payments/{done.id}", 303)
        if isinstance(done, Deposit | Application):
            return RedirectResponse(f"/lots/{lot[0]}", 303)
        form.errors[""] = sentence(request, done) if done else words(request, "checkout.choose")
    async with house.pool.acquire() as conn:
        wallet_minor = await house.escrow.wallet.balance(conn, request.user.id, deposit.currency)
        change_minor = await change_of(house).balance(conn, request.user.id, deposit.currency)
    context = {
        **await vault_context(request),
        "deposit": deposit,
        "lot_id": lot[0],
        "title": (lot[2] or lot[1]) if language_of(request) == "zh" else (lot[1] or lot[2]),
        "wallet_minor": wallet_minor,
        "change_minor": change_minor,
        "form": form,
        "owes": bool(owed),
        "next": request.url.path,
    }
    refused = form.errors and request.method == "POST"
    return render(request, "checkout/deposit.html", context, status=422 if refused else 200)


async def _pay_deposit(request: Request, deposit: Deposit, lot_id: int) -> Any:
    house, payer = house_of(request), request.user.id
    means = str((await request.form()).get("means", ""))[:40]
    if means.startswith("card:"):
        return await _by_card(request, means, wanted_of_deposit(house, deposit))
    async with house.pool.acquire() as conn, conn.transaction():
        if means == "wallet":
            return await applications.freeze_from_wallet(
                conn, house.escrow, lot_id=lot_id, party_id=payer, now=house.node_time.now()
            )
        if means == "change":
            return await change_of(house).pay_deposit(conn, deposit.id, payer, house.node_time.now())
    return None


async def wallet_top_up(request: Request) -> Response:
    """Put money into the wallet by card, or into the small change by card or from the wallet."""
    if request.method != "POST":
        into = "change" if request.query_params.get("into") == "change" else "wallet"
        return await _show(request, Form(values={"into": into}))
    typed = await request.form()
    form = Form(values={name: str(typed.get(name, ""))[:60] for name in ("amount", "currency", "into", "means")})
    wanted = _wanted(request, form)
    if wanted is None:
        return await _show(request, form, status=422)
    house, now = house_of(request), house_of(request).node_time.now()
    is_change = wanted.target.purpose is CardPurpose.CHANGE
    if form.values["means"] == "wallet" and is_change:
        async with house.pool.acquire() as conn, conn.transaction():
            done: Any = await change_of(house).top_up(conn, request.user.id, wanted.amount_minor, wanted.currency, now)
        if isinstance(done, int):
            return _moved("change.topped_up", wanted)
    else:
        done = await _over_cap(request, wanted) or await _by_card(request, form.values["means"], wanted)
        if isinstance(done, CardPayment):
            return RedirectResponse(f"/wallet/card-payments/{done.id}", 303)
    form.errors[""] = sentence(request, done) if done else words(request, "checkout.choose")
    return await _show(request, form, status=422)


async def wallet_take_out(request: Request) -> Response:
    """Small change back into the wallet."""
    typed = await request.form()
    values = {name: str(typed.get(name, ""))[:60] for name in ("amount", "currency")}
    form = Form(values={**values, "into": "wallet", "means": ""})
    wanted = _wanted(request, form)
    if wanted is None:
        return await _show(request, form, status=422)
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        done = await change_of(house).take_out(
            conn, request.user.id, wanted.amount_minor, wanted.currency, house.node_time.now()
        )
    if isinstance(done, int):
        return _moved("change.taken_out", wanted)
    form.errors[""] = sentence(request, done)
    return await _show(request, form, status=422)


async def card_payment(request: Request) -> Response:
    """What became of a card payment: paid, with a receipt to print; declined, with the reason; or on its way."""
    payment, order = await _payment(request)
    context: dict[str, Any] = {"payment": payment, "order": order, "retry": await _retry(request, payment)}
    return render(request, "checkout/card_payment.html", context)


async def card_payment_state(request: Request) -> Response:
    """Its version alone, which the page asks for now and then."""
    payment, _ = await _payment(request)
    return JSONResponse({"version": f"{payment.state}"}, headers={"Cache-Control": "no-store"})


async def _payment(request: Request) -> tuple[CardPayment, CardOrder]:
    house, payment_id = house_of(request), request.path_params["payment_id"]
    if not is_payment_id(payment_id):
        raise HTTPException(404)
    async with house.pool.acquire() as conn:
        payment = await house.card_payments.payment(conn, payment_id)
        order = await card_order(conn, payment_id)
    if payment is None or order is None or payment.party_id != request.user.id:
        raise HTTPException(404)
    return payment, order


async def _retry(request: Request, payment: CardPayment) -> str:
    match payment.target.purpose:
        case CardPurpose.CASE:
            return f"/deals/{payment.target.id}/checkout"
        case CardPurpose.DEPOSIT:
            return f"/deposits/{payment.target.id}/checkout"
        case _:
            return f"/wallet/top-up?into={payment.target.purpose}"


async def _by_card(request: Request, means: str, wanted: Wanted) -> CardPayment | StrEnum | None:
    house, handle = house_of(request), wallet_sessions.handle_of(request)
    kind, _, number = means.partition(":")
    if kind != "card" or not is_number(number):
        return None
    if handle is None:
        return VaultRefusal.WALLET_LOCKED
    return await pay_by_card(house, handle, int(number), wanted, house.node_time.now())


async def _over_cap(request: Request, wanted: Wanted) -> StrEnum | None:
    if wanted.target.purpose is not CardPurpose.CHANGE:
        return None
    house = house_of(request)
    async with house.pool.acquire() as conn:
        return await change_of(house).refuses(conn, request.user.id, wanted.amount_minor, wanted.currency)


def _wanted(request: Request, form: Form) -> Wanted | None:
    house, values = house_of(request), form.values
    if values["currency"] not in EXPONENTS:
        form.errors["currency"] = no_such_currency(request, values["currency"])
        return None
    amount = parse_amount(values["amount"], EXPONENTS[values["currency"]])
    if isinstance(amount, AmountProblem):
        form.errors["amount"] = words(request, f"amount_problem.{amount.value}")
        return None
    purpose = CardPurpose.CHANGE if values["into"] == "change" else CardPurpose.WALLET
    return wanted_of_top_up(house, purpose, request.user.id, values["currency"], amount)


async def _show(request: Request, form: Form, status: int = 200) -> Response:
    house, party_id = house_of(request), request.user.id
    async with house.pool.acquire() as conn:
        wallets = await house.escrow.wallet.balances(conn, party_id)
        purses = await change_of(house).balances(conn, party_id)
    form.values.setdefault("currency", next(iter(wallets), "CNY"))
    context = {
        **await vault_context(request),
        "form": form,
        "next": f"/wallet/top-up?into={form.values['into']}",
        "wallets": wallets,
        "purses": purses,
        "cap_minor": house.config.change_cap_minor,
        "currency_options": [(code, code) for code in EXPONENTS],
        "purse_options": [(code, code) for code, held in purses.items() if held > 0],
    }
    return render(request, "checkout/top_up.html", context, status=status)


def _moved(key: str, wanted: Wanted) -> RedirectResponse:
    response = RedirectResponse("/wallet", 303)
    flash(response, key, sum=money_text(wanted.amount_minor, wanted.currency))
    return response


routes = [
    Route("/deposits/{deposit_id:int}/checkout", deposit_checkout, name="deposit_checkout", methods=["GET", "POST"]),
    Route("/wallet/top-up", wallet_top_up, name="wallet_top_up", methods=["GET", "POST"]),
    Route("/wallet/change/take-out", wallet_take_out, name="wallet_take_out", methods=["POST"]),
    Route("/wallet/card-payments/{payment_id}", card_payment, name="card_payment"),
    Route("/wallet/card-payments/{payment_id}/state", card_payment_state, name="card_payment_state"),
]
