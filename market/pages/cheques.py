"""E-cheques: write one, see those written and received, present or revoke."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow import cashier_store
from escrow.cashier_facts import Cheque, ChequeDraft
from escrow.vault_facts import VaultRefusal
from market import parties, wallet_sessions
from market.checkout import cheques_of, signed_and_written
from market.currencies import EXPONENTS, AmountProblem, parse_amount
from market.house import House, house_of
from market.pages.desk_forms import no_such_currency, number
from market.pages.vault_forms import vault_context, words
from market.problems import sentence
from market.refusals import MarketRefusal
from market.rendering import Form, flash, render
from market.wallets import names_of

if TYPE_CHECKING:
    from migrations.database import Connection

DAYS = (7, 30, 90, 180)


async def wallet_cheques(request: Request) -> Response:
    """The list with the form; a posted form writes a cheque."""
    if request.method != "POST":
        return await _show_list(request, Form(values={"days": "30"}))
    form = await _typed(request)
    draft = await _draft(request, form)
    if draft is None:
        return await _show_list(request, form, status=422)
    house, handle = house_of(request), wallet_sessions.handle_of(request)
    assert handle is not None, "a draft is made under an unlocked wallet only"
    written = await signed_and_written(house, handle, draft, house.node_time.now())
    if not isinstance(written, Cheque):
        form.errors[""] = sentence(request, written)
        return await _show_list(request, form, status=422)
    response = RedirectResponse(f"/wallet/cheques/{written.id}", 303)
    flash(response, "cheque.was_written", number=written.number)
    return response


async def cheque(request: Request) -> Response:
    """One cheque, to look at and to print."""
    return await _show_one(request, Form())


async def cheque_present(request: Request) -> Response:
    """The payee has its sum in his wallet."""

    async def present(conn: Connection, house: House, cheque_id: int) -> Any:
        return await cheques_of(house).present(conn, cheque_id, request.user.id, house.node_time.now())

    return await _end(request, present, "cheque.was_presented")


async def cheque_revoke(request: Request) -> Response:
    """The writer has his money back."""

    async def revoke(conn: Connection, house: House, cheque_id: int) -> Any:
        return await cheques_of(house).revoke(conn, cheque_id, request.user.id, house.node_time.now())

    return await _end(request, revoke, "cheque.was_revoked")


async def _end(request: Request, act: Callable[[Connection, House, int], Awaitable[Any]], done: str) -> Response:
    house, cheque_id = house_of(request), request.path_params["cheque_id"]
    async with house.pool.acquire() as conn, conn.transaction():
        ended = await act(conn, house, cheque_id)
    if not isinstance(ended, Cheque):
        return await _show_one(request, Form(errors={"": sentence(request, ended)}), status=422)
    response = RedirectResponse(f"/wallet/cheques/{cheque_id}", 303)
    flash(response, done)
    return response


async def _typed(request: Request) -> Form:
    typed = await request.form()
    names = ("payee", "amount", "currency", "memo", "days")
    return Form(values={name: str(typed.get(name, "")).strip() for name in names})


async def _draft(request: Request, form: Form) -> ChequeDraft | None:
    """The cheque as typed; None, and the form's errors, when it can't be."""
    house, values = house_of(request), form.values
    if wallet_sessions.handle_of(request) is None:
        form.errors[""] = sentence(request, VaultRefusal.WALLET_LOCKED)
    amount: int | AmountProblem = AmountProblem.EMPTY
    if values["currency"] not in EXPONENTS:
        form.errors["currency"] = no_such_currency(request, values["currency"])
    else:
        amount = parse_amount(values["amount"], EXPONENTS[values["currency"]])
        if isinstance(amount, AmountProblem):
            form.errors["amount"] = words(request, f"amount_problem.{amount.value}")
    email = parties.plain_email(values["payee"])
    async with house.pool.acquire() as conn, conn.transaction():
        payee = None if isinstance(email, MarketRefusal) else await parties.party_by_email(conn, email)
        if payee is None:
            form.errors["payee"] = words(request, "cheque.no_such_payee")
        if form.errors or payee is None or isinstance(amount, AmountProblem):
            return None
        draft = await cheques_of(house).draft(
            conn,
            writer_id=request.user.id,
            payee_id=payee.id,
            case_id=None,
            currency=values["currency"],
            amount_minor=amount,
            memo=values["memo"],
            days=min(number(values["days"]) or 0, 1000),
            now=house.node_time.now(),
        )
    if isinstance(draft, ChequeDraft):
        return draft
    form.errors[""] = sentence(request, draft)
    return None


async def _show_list(request: Request, form: Form, status: int = 200) -> Response:
    house, party_id = house_of(request), request.user.id
    async with house.pool.acquire() as conn:
        cheques = await cashier_store.cheques_of(conn, party_id)
        balances = await house.escrow.wallet.balances(conn, party_id)
        names = await _names(conn, cheques)
    context = {
        **await vault_context(request),
        "form": form,
        "next": "/wallet/cheques",
        "received": [each for each in cheques if each.payee_id == party_id],
        "written": [each for each in cheques if each.writer_id == party_id],
        "names": names,
        "currency_options": [(code, code) for code, held in balances.items() if held > 0],
        "free": balances,
        "day_options": [(str(each), words(request, "cheque.days", count=each)) for each in DAYS],
    }
    return render(request, "wallet/cheques.html", context, status=status)


async def _show_one(request: Request, form: Form, status: int = 200) -> Response:
    house = house_of(request)
    async with house.pool.acquire() as conn:
        found = await cashier_store.cheque_by_id(conn, request.path_params["cheque_id"])
        if found is None:
            raise HTTPException(404)
        names = await _names(conn, [found])
    context = {"cheque": found, "names": names, "form": form, "party_id": request.user.id}
    return render(request, "wallet/cheque.html", context, status=status)


async def _names(conn: Connection, cheques: list[Cheque]) -> dict[int, str]:
    ids = {each for cheque in cheques for each in (cheque.writer_id, cheque.payee_id) if each is not None}
    return await names_of(conn, sorted(ids))


routes = [
    Route("/wallet/cheques", wallet_cheques, name="wallet_cheques", methods=["GET", "POST"]),
    Route("/wallet/cheques/{cheque_id:int}", cheque, name="cheque"),
    Route("/wallet/cheques/{cheque_id:int}/present", cheque_present, name="cheque_present", methods=["POST"]),
    Route("/wallet/cheques/{cheque_id:int}/revoke", cheque_revoke, name="cheque_revoke", methods=["POST"]),
]
