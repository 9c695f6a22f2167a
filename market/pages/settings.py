"""Settings: name and language, passphrase, bank account for payouts, API tokens, sessions.

What could take money or the account elsewhere (passphrase, bank account, token) asks for the passphrase again,
valid for that one act.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow.facts import BankAccount, Refusal
from market import audit, fraud_links, parties, passphrases, sessions, step_up, tokens
from market.fraud_facts import TraitKind, TraitSource
from market.house import house_of
from market.pages.account import form_of
from market.problems import sentence
from market.refusals import MarketRefusal
from market.rendering import LANGUAGE_COOKIE, Form, flash, render

if TYPE_CHECKING:
    from migrations.database import Connection


async def account(request: Request) -> Response:
    """All settings on one page."""
    return await settings_page(request, Form())


async def settings_page(request: Request, form: Form, *, status: int = 200, new_token: str | None = None) -> Response:
    """The page, with what was typed and what is wrong with it; a new token is shown this one time."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        party = await parties.party_by_id(conn, request.user.id)
        assert party is not None, "a session's party is there"
        context = {
            "party": party,
            "has_passphrase": await parties.has_passphrase(conn, party.id),
            "bank_account": await house.escrow.wallet.bank_account(conn, party.id),
            "tokens": await tokens.tokens_of(conn, party.id),
            "sessions": await sessions.sessions_of(conn, party.id, house.node_time.now()),
            "new_token": new_token,
            "shortest": passphrases.SHORTEST,
        }
    values = {"display_name": party.display_name, "language": party.language, **form.values}
    context["form"] = Form(values=values, errors=form.errors)
    return render(request, "account/settings.html", context, status=status)


async def profile(request: Request) -> Response:
    """A new name and language."""
    form = await form_of(request)
    house = house_of(request)
    name, language = form.values.get("display_name", ""), form.values.get("language", "")
    async with house.pool.acquire() as conn, conn.transaction():
        refused = await parties.change_profile(conn, request.user.id, display_name=name, language=language)
    if refused is not None:
        field = "language" if refused is MarketRefusal.LANGUAGE_UNKNOWN else "display_name"
        form.errors[field] = sentence(request, refused)
        return await settings_page(request, form, status=422)
    response = _back("account.saved")
    # The language switched to on a page would otherwise still win over the one just chosen.
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=31_536_000, httponly=True, samesite="lax")
    return response


async def passphrase(request: Request) -> Response:
    """A new passphrase. Every other session ends, this one gets a new token, and the sockets close."""
    form = await form_of(request)
    house = house_of(request)
    chosen = form.values.get("new_passphrase", "")
    async with house.pool.acquire() as conn:
        party = await parties.party_by_id(conn, request.user.id)
        assert party is not None, "a session's party is there"
        first_one = not await parties.has_passphrase(conn, party.id)
        await _step_up(request, conn, form, "current_passphrase", waived=first_one)
    refused = passphrases.refusal(chosen, email=party.email, display_name=party.display_name)
    if refused is not None:
        form.errors["new_passphrase"] = sentence(request, refused)
    if form.errors:
        return await settings_page(request, form, status=422)
    phc = await house.passphrases.hash(chosen)
    response = _back("account.passphrase_changed")
    async with house.pool.acquire() as conn, conn.transaction():
        now = house.node_time.now()
        await parties.change_passphrase(conn, party.id, phc, now)
        await sessions.end_all(conn, party.id, but=None, now=now)
        if request.user.session_id is not None:
            agent, address = request.headers.get("user-agent", ""), request.client.host if request.client else ""
            token = await sessions.sign_in(conn, party.id, now, user_agent=agent, address=address, how="change")
            sessions.set_cookie(response, token)
    house.close_party(party.id)
    return response


async def bank_account(request: Request) -> Response:
    """Where payouts go; a payout that waits for an account is queued."""
    form = await form_of(request)
    house = house_of(request)
    holder, number = form.values.get("holder", ""), form.values.get("number", "")
    async with house.pool.acquire() as conn, conn.transaction():
        await _step_up(request, conn, form, "bank_passphrase")
        if not form.errors:
            now = house.node_time.now()
            stored = await house.escrow.wallet.register_bank_account(conn, request.user.id, holder, number, now)
            if isinstance(stored, BankAccount):
                subject, detail = f"party:{request.user.id}", {"last_four": stored.number[-4:]}
                await audit.record(conn, request.user.id, "bank_account.changed", subject, None, detail, now)
                await fraud_links.seen(
                    conn, request.user.id, TraitKind.BANK_ACCOUNT, stored.number, TraitSource.PAYOUT_ACCOUNT, now
                )
            else:
                field = "holder" if stored is Refusal.BAD_ACCOUNT_HOLDER else "number"
                form.errors[field] = sentence(request, stored)
    if form.errors:
        return await settings_page(request, form, status=422)
    return _back("account.bank_account_saved")


async def token_create(request: Request) -> Response:
    """A new API token, shown in this one answer and never again."""
    form = await form_of(request)
    house = house_of(request)
    created: str | MarketRefusal | None = None
    async with house.pool.acquire() as conn, conn.transaction():
        await _step_up(request, conn, form, "token_passphrase")
        if not form.errors:
            name = form.values.get("token_name", "")
            created = await tokens.create_token(conn, request.user.id, name, house.node_time.now())
    if isinstance(created, MarketRefusal):
        form.errors["token_name"] = sentence(request, created)
    if form.errors:
        return await settings_page(request, form, status=422)
    return await settings_page(request, Form(), new_token=created)


async def token_revoke(request: Request) -> Response:
    """The token opens nothing from now on, and its sockets close."""
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        await tokens.revoke(conn, request.path_params["token_id"], request.user.id, house.node_time.now())
    house.close_party(request.user.id)
    return _back("account.token_revoked")


async def session_end(request: Request) -> Response:
    """Sign out somewhere else, or here."""
    house = house_of(request)
    session_id = request.path_params["session_id"]
    async with house.pool.acquire() as conn, conn.transaction():
        await sessions.end(conn, session_id, request.user.id, house.node_time.now())
    house.close_party(request.user.id)
    return _back("account.session_ended")


async def _step_up(request: Request, conn: Connection, form: Form, field: str, *, waived: bool = False) -> None:
    """Puts an error on `field` unless it holds the party's passphrase."""
    if waived:
        return
    house = house_of(request)
    refused = await step_up.step_up(house, conn, request.user.id, form.values.get(field, ""))
    if refused is not None:
        form.errors[field] = sentence(request, refused)


def _back(key: str) -> Response:
    response = RedirectResponse("/account", 303)
    flash(response, key)
    return response


routes = [
    Route("/account", account, name="account"),
    Route("/account/profile", profile, name="account_profile", methods=["POST"]),
    Route("/account/passphrase", passphrase, name="account_passphrase", methods=["POST"]),
    Route("/account/bank-account", bank_account, name="account_bank_account", methods=["POST"]),
    Route("/account/tokens", token_create, name="account_token_create", methods=["POST"]),
    Route("/account/tokens/{token_id:int}/revoke", token_revoke, name="account_token_revoke", methods=["POST"]),
    Route("/account/sessions/{session_id:int}/end", session_end, name="account_session_end", methods=["POST"]),
]
