"""The payer's phone: payments that wait for his word, and the devices that give it."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import segno
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from market import (
    audit,
    deals_store,
    limits,
    one_time_codes,
    parties,
    passkeys,
    phone_confirmations,
    phone_store,
    step_up,
)
from market.house import house_of
from market.pages.vault_forms import words
from market.passkeys import Place
from market.phone_store import Method, PhoneMeans, PhoneRequest, PhoneState
from market.problems import sentence
from market.refusals import MarketRefusal
from market.rendering import Form, flash, render

if TYPE_CHECKING:
    from migrations.database import Connection


async def phone(request: Request) -> Response:
    """What waits for the viewer's word, and what was decided."""
    async with house_of(request).pool.acquire() as conn:
        requests = await phone_store.requests_of(conn, request.user.id)
        context = {
            "waiting": [each for each in requests if each.state is PhoneState.REQUESTED],
            "decided": [each for each in requests if each.state is not PhoneState.REQUESTED],
            "passkeys": await passkeys.passkeys_of(conn, request.user.id),
            "has_codes": await one_time_codes.is_enrolled(conn, request.user.id),
        }
    return render(request, "phone/list.html", context)


async def phone_request(request: Request) -> Response:
    """One payment: sum, payee, lot and means in large, and yes or no."""
    return await _show(request, Form())


async def phone_request_state(request: Request) -> Response:
    """Its version alone, which the page asks for now and then."""
    asked = await _asked(request)
    return JSONResponse({"version": asked.state.value}, headers={"Cache-Control": "no-store"})


async def phone_confirm(request: Request) -> Response:
    """Yes, proved by a passkey over exactly this payment, or by a code of the phone."""
    house, party_id = house_of(request), request.user.id
    typed = await request.form()
    credential, code = str(typed.get("credential", "")), str(typed.get("code", ""))[:20]
    if house.buckets.take(limits.PHONE_PROOF, f"party {party_id}", monotonic()) > 0:
        return await _show(request, Form(errors={"": sentence(request, MarketRefusal.TOO_MANY_TRIES)}), status=429)
    place, now = place_of(request), house.node_time.now()

    async def prove(conn: Connection, asked: PhoneRequest) -> bool:
        if credential:
            return await passkeys.confirms(conn, place, asked, credential, now)
        return await one_time_codes.use(conn, party_id, house.config.secret_key, code, now)

    method = Method.PASSKEY if credential else Method.CODE
    done = await phone_confirmations.answer(house, request.path_params["request_id"], party_id, method, prove, now)
    if isinstance(done, PhoneRequest):
        house.buckets.give_back(limits.PHONE_PROOF, f"party {party_id}")
        return RedirectResponse(request.url_for("phone_request", request_id=done.id).path, 303)
    field = "" if credential else "code"
    return await _show(request, Form(errors={field: sentence(request, done)}), status=422)


async def phone_refuse(request: Request) -> Response:
    """No: nothing is paid."""
    house = house_of(request)
    done = await phone_confirmations.deny(
        house, request.path_params["request_id"], request.user.id, house.node_time.now()
    )
    if not isinstance(done, PhoneRequest):
        return await _show(request, Form(errors={"": sentence(request, done)}), status=422)
    return RedirectResponse(request.url_for("phone_request", request_id=done.id).path, 303)


async def phone_devices(request: Request) -> Response:
    """Passkeys and codes that confirm payments: those there are, and how to add one."""
    return await _devices(request, Form())


async def phone_passkey_add(request: Request) -> Response:
    """A new passkey, after the account's passphrase."""
    house, typed = house_of(request), await request.form()
    wrong = await _step_up(request, str(typed.get("passphrase", "")))
    if wrong is not None:
        return await _devices(request, Form(errors={"passphrase": sentence(request, wrong)}), status=422)
    now, viewer = house.node_time.now(), request.user
    challenges = passkeys.registration_challenges(house.config.secret_key, f"{viewer.id}|{viewer.session_id}", now)
    async with house.pool.acquire() as conn, conn.transaction():
        known = await passkeys.passkeys_of(conn, viewer.id)
        kept = len(known) < passkeys.MOST_PASSKEYS and await passkeys.register(
            conn, place_of(request), viewer.id, str(typed.get("name", ""))[:100], str(typed.get("credential", "")), challenges, now
        )  # fmt: skip
        if kept:
            await audit.record(conn, viewer.id, "phone.passkey_added", f"party:{viewer.id}", None, {}, now)
    if not kept:
        return await _devices(request, Form(errors={"": words(request, "phone.passkey_not_kept")}), status=422)
    return _to_devices("phone.passkey_kept")


async def phone_passkey_remove(request: Request) -> Response:
    """This passkey confirms nothing any more."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        removed = await passkeys.remove(conn, request.user.id, request.path_params["passkey_id"], house.node_time.now())
    if not removed:
        raise HTTPException(404)
    return _to_devices("phone.passkey_removed")


async def phone_codes(request: Request) -> Response:
    """The first code switches codes on; asked for with the account's passphrase."""
    house, typed, party_id = house_of(request), await request.form(), request.user.id
    wrong = await _step_up(request, str(typed.get("passphrase", "")))
    if wrong is not None:
        return await _devices(request, Form(errors={"code_passphrase": sentence(request, wrong)}), status=422)
    now = house.node_time.now()
    async with house.pool.acquire() as conn, conn.transaction():
        on = await one_time_codes.use(
            conn, party_id, house.config.secret_key, str(typed.get("code", ""))[:20], now, enrolling=True
        )
        if on:
            await audit.record(conn, party_id, "phone.codes_on", f"party:{party_id}", None, {}, now)
    if not on:
        form = Form(errors={"code": sentence(request, phone_confirmations.PhoneRefusal.PROOF_WRONG)})
        return await _devices(request, form, status=422)
    return _to_devices("phone.codes_on")


async def phone_codes_off(request: Request) -> Response:
    """Codes confirm nothing any more."""
    house, party_id = house_of(request), request.user.id
    async with house.pool.acquire() as conn, conn.transaction():
        await one_time_codes.remove(conn, party_id)
        await audit.record(conn, party_id, "phone.codes_off", f"party:{party_id}", None, {}, house.node_time.now())
    return _to_devices("phone.codes_removed")


def place_of(request: Request) -> Place:
    """Where this browser stands; the door has seen that the host is one of ours."""
    return Place(
        host=request.url.hostname or "",
        netloc=request.headers.get("host", ""),
        name=words(request, "site.name"),
    )


async def _step_up(request: Request, passphrase: str) -> MarketRefusal | None:
    house = house_of(request)
    async with house.pool.acquire() as conn:
        if not await parties.has_passphrase(conn, request.user.id):
            return None
        return await step_up.step_up(house, conn, request.user.id, passphrase)


async def _asked(request: Request) -> PhoneRequest:
    async with house_of(request).pool.acquire() as conn:
        asked = await phone_store.request_by_id(conn, request.path_params["request_id"])
    if asked is None:
        raise HTTPException(404)
    return asked


async def _show(request: Request, form: Form, status: int = 200) -> Response:
    house = house_of(request)
    asked = await _asked(request)
    async with house.pool.acquire() as conn:
        if asked.state is PhoneState.REQUESTED:
            await phone_store.seen(conn, asked.id, house.node_time.now())
        known = await passkeys.passkeys_of(conn, request.user.id)
        context = {
            "asked": asked,
            "means": means_text(request, asked),
            "deal": await deals_store.deal_of_case(conn, asked.case_id),
            "has_codes": await one_time_codes.is_enrolled(conn, request.user.id),
            "options": passkeys.confirmation(place_of(request), asked, known) if known else "",
            "form": form,
        }
    return render(request, "phone/request.html", context, status=status)


async def _devices(request: Request, form: Form, status: int = 200) -> Response:
    house, viewer = house_of(request), request.user
    now = house.node_time.now()
    challenge = passkeys.registration_challenges(house.config.secret_key, f"{viewer.id}|{viewer.session_id}", now)[0]
    async with house.pool.acquire() as conn:
        party = await parties.party_by_id(conn, viewer.id)
        assert party is not None, "a session's party is there"
        known = await passkeys.passkeys_of(conn, viewer.id)
        secret = await one_time_codes.begin(conn, viewer.id, house.config.secret_key, now)
        has_passphrase = await parties.has_passphrase(conn, viewer.id)
    uri = one_time_codes.provisioning_uri(secret, party.email, words(request, "site.name")) if secret else ""
    context = {
        "passkeys": known,
        "options": passkeys.registration(
            place_of(request), party.id, party.email, party.display_name, known, challenge
        ),
        "has_codes": secret is None,
        "secret": one_time_codes.secret_text(secret) if secret else "",
        "uri": uri,
        "qr": qr_code(uri) if uri else "",
        "email": party.email,
        "has_passphrase": has_passphrase,
        "form": form,
    }
    return render(request, "phone/devices.html", context, status=status)


def means_text(request: Request, asked: PhoneRequest) -> str:
    """What pays, in the viewer's words: the wallet, or brand and last four figures of the card."""
    if asked.means is PhoneMeans.WALLET:
        return words(request, "means_kind.wallet")
    brand, _, figures = asked.means_label.partition(" ")
    return f"{words(request, f'card_brand.{brand}')} {figures}"


def qr_code(text: str) -> Markup:
    """A QR code as inline SVG: paths and attributes only, which the strict policy lets through."""
    return Markup(
        segno.make(text, micro=False).svg_inline(scale=5, border=4, dark="#1b1f24", light="#ffffff", omitsize=True)
    )


def _to_devices(key: str) -> RedirectResponse:
    response = RedirectResponse("/phone/devices", 303)
    flash(response, key)
    return response


routes = [
    Route("/phone", phone, name="phone"),
    Route("/phone/devices", phone_devices, name="phone_devices"),
    Route("/phone/devices/passkeys", phone_passkey_add, name="phone_passkey_add", methods=["POST"]),
    Route(
        "/phone/devices/passkeys/{passkey_id:int}/remove",
        phone_passkey_remove,
        name="phone_passkey_remove",
        methods=["POST"],
    ),
    Route("/phone/devices/codes", phone_codes, name="phone_codes", methods=["POST"]),
    Route("/phone/devices/codes/off", phone_codes_off, name="phone_codes_off", methods=["POST"]),
    Route("/phone/{request_id:int}", phone_request, name="phone_request"),
    Route("/phone/{request_id:int}/state", phone_request_state, name="phone_request_state"),
    Route("/phone/{request_id:int}/confirm", phone_confirm, name="phone_confirm", methods=["POST"]),
    Route("/phone/{request_id:int}/refuse", phone_refuse, name="phone_refuse", methods=["POST"]),
]
