"""Registering, signing in and out. A wrong passphrase and no such account are answered alike, after the same work."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market import fraud_links, parties, passphrases, sessions, sign_in_links, step_up
from market.house import house_of
from market.problems import sentence, status_of
from market.refusals import MarketRefusal
from market.rendering import Form, flash, language_of, render

FIELD_OF = {
    MarketRefusal.EMAIL_MALFORMED: "email",
    MarketRefusal.EMAIL_TAKEN: "email",
    MarketRefusal.DISPLAY_NAME_MALFORMED: "display_name",
    MarketRefusal.LANGUAGE_UNKNOWN: "language",
    MarketRefusal.PASSPHRASE_TOO_SHORT: "passphrase",
    MarketRefusal.PASSPHRASE_TOO_LONG: "passphrase",
    MarketRefusal.PASSPHRASE_COMMON: "passphrase",
}
LONGEST_NEXT = 2000


async def register(request: Request) -> Response:
    """A form; then a new member, signed in."""
    if request.method != "POST":
        start = Form(values={"language": language_of(request), "next": safe_next(request.query_params.get("next"))})
        return render(request, "account/register.html", {"form": start})
    form = await form_of(request)
    party_id = await _registered(request, form)
    if isinstance(party_id, MarketRefusal):
        form.errors[FIELD_OF[party_id]] = sentence(request, party_id)
        return render(request, "account/register.html", {"form": form}, status=422)
    response = await signed_in(request, party_id, safe_next(form.values.get("next")), how="registration")
    flash(response, "account.welcome", name=form.values["display_name"].strip())
    return response


async def _registered(request: Request, form: Form) -> int | MarketRefusal:
    house = house_of(request)
    email, name = form.values.get("email", ""), form.values.get("display_name", "")
    passphrase = form.values.get("passphrase", "")
    refused = _first_refusal(parties.plain_email(email), parties.plain_name(name))
    refused = refused or passphrases.refusal(passphrase, email=email, display_name=name)
    if refused is not None:
        return refused
    # Hashed before the address is looked up: a taken one takes as long as a free one.
    phc = await house.passphrases.hash(passphrase)
    async with house.pool.acquire() as conn, conn.transaction():
        return await parties.register(
            conn,
            email=email,
            display_name=name,
            language=form.values.get("language", ""),
            passphrase_phc=phc,
            now=house.node_time.now(),
        )


def _first_refusal(*judged: str | MarketRefusal) -> MarketRefusal | None:
    return next((verdict for verdict in judged if isinstance(verdict, MarketRefusal)), None)


async def sign_in(request: Request) -> Response:
    """A form; then a session."""
    if request.method != "POST":
        onward = safe_next(request.query_params.get("next"))
        if request.user.is_signed_in:
            return RedirectResponse(onward, 303)
        return render(request, "account/sign_in.html", {"form": Form(values={"next": onward})})
    form = await form_of(request)
    house = house_of(request)
    async with house.pool.acquire() as conn:
        email, passphrase = form.values.get("email", ""), form.values.get("passphrase", "")
        party_id = await step_up.prove(house, conn, email, passphrase)
    if isinstance(party_id, MarketRefusal):
        form.errors[""] = sentence(request, party_id)
        return render(request, "account/sign_in.html", {"form": form}, status=status_of(party_id))
    return await signed_in(request, party_id, safe_next(form.values.get("next")), how="passphrase")


async def sign_in_link(request: Request) -> Response:
    """One use of a one-time link. A HEAD or a prefetch spends nothing."""
    onward = safe_next(request.query_params.get("next"))
    if request.method == "HEAD" or "prefetch" in request.headers.get("sec-purpose", ""):
        return Response(status_code=204)
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        party_id = await sign_in_links.spend(conn, request.path_params["token"], house.node_time.now())
    if party_id is None:
        form = Form(values={"next": onward})
        form.errors[""] = sentence(request, MarketRefusal.SIGN_IN_LINK_SPENT)
        return render(request, "account/sign_in.html", {"form": form}, status=422)
    response = await signed_in(request, party_id, onward, how="link")
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


async def sign_out(request: Request) -> Response:
    """The session ends; so do the party's sockets."""
    house = house_of(request)
    if request.user.session_id is not None:
        async with house.pool.acquire() as conn, conn.transaction():
            await sessions.end(conn, request.user.session_id, request.user.id, house.node_time.now())
        house.close_party(request.user.id)
    response = RedirectResponse("/", 303)
    sessions.clear_cookie(response)
    response.headers["Clear-Site-Data"] = '"storage"'
    flash(response, "account.signed_out")
    return response


async def signed_in(request: Request, party_id: int, onward: str, *, how: str) -> Response:
    """A redirect to `onward` with the cookie of a new session; the one that the browser brought ends."""
    house = house_of(request)
    response = RedirectResponse(onward, 303)
    device = fraud_links.remember_device(response, fraud_links.device_of(request))
    async with house.pool.acquire() as conn, conn.transaction():
        token = await sessions.sign_in(
            conn,
            party_id,
            house.node_time.now(),
            replaces=request.cookies.get(sessions.COOKIE),
            user_agent=request.headers.get("user-agent", ""),
            address=request.client.host if request.client else "",
            device=device,
            how=how,
        )
    sessions.set_cookie(response, token)
    return response


async def form_of(request: Request) -> Form:
    """What was typed: text fields only, NULs taken out. The macros never show a passphrase again."""
    async with request.form(max_files=0, max_fields=50) as fields:
        values = {name: value.replace("\0", "") for name, value in fields.items() if isinstance(value, str)}
    return Form(values=values)


def safe_next(wanted: str | None) -> str:
    """A path of this house to go on to; anything else becomes the calendar."""
    if not wanted or len(wanted) > LONGEST_NEXT or not wanted.isprintable() or "\\" in wanted:
        return "/"
    if not wanted.startswith("/") or wanted.startswith("//"):
        return "/"
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or parts.path.startswith(("/sign-out", "/sign-in")):
        return "/"
    return wanted


routes = [
    Route("/register", register, name="register", methods=["GET", "POST"]),
    Route("/sign-in", sign_in, name="sign_in", methods=["GET", "POST"]),
    Route("/sign-in/link/{token}", sign_in_link, name="sign_in_link"),
    Route("/sign-out", sign_out, name="sign_out", methods=["POST"]),
]
