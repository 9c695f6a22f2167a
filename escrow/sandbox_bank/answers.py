"""How the bank answers: pages in two languages, JSON, problems (RFC 9457), and the guard before every request."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jinja2
import msgspec
from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from escrow.sandbox_bank import texts
from escrow.sandbox_bank.accounts import BankRefusalError
from escrow.sandbox_bank.numbers import BANK_NAME

HERE = Path(__file__).parent
_TEMPLATES = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True)
_LANGUAGE_COOKIE = "bank_lang"
LARGEST_BODY = 2 * 1024 * 1024
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


async def guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Bounded bodies, no requests from other sites' pages, strict headers on every answer, refusals as problems."""
    if int(request.headers.get("content-length") or 0) > LARGEST_BODY:
        return problem(413, "malformed")
    if request.method == "POST" and not _same_site(request):
        return problem(403, "other_site")
    response = await call_next(request)
    response.headers.update(SECURITY_HEADERS)
    chosen = request.query_params.get("lang")
    if chosen in texts.LANGUAGES:
        response.set_cookie(_LANGUAGE_COOKIE, chosen, max_age=31_536_000, httponly=True, samesite="lax")
    return response


async def on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, BankRefusalError)
    return problem(422, error.code)


async def on_malformed(request: Request, error: Exception) -> Response:
    return problem(400, "malformed", detail=str(error))


def _same_site(request: Request) -> bool:
    """A browser says where a form came from; programs say nothing."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _language(request: Request) -> str:
    for asked in (request.query_params.get("lang"), request.cookies.get(_LANGUAGE_COOKIE)):
        if asked in texts.LANGUAGES:
            return asked
    return "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"


def page(request: Request, template: str, *, status: int = 200, **facts: Any) -> Response:
    lang = _language(request)

    def t(key: str, **params: object) -> str:
        return texts.text(key, lang, **params)

    html = _TEMPLATES.get_template(template).render(t=t, lang=lang, money=texts.money, bank_name=BANK_NAME, **facts)
    return HTMLResponse(html, status_code=status)


def minor(amount: str | int) -> int:
    if isinstance(amount, str) and not (amount.isascii() and amount.isdecimal() and len(amount) <= 18):
        raise BankRefusalError("bad_amount")
    return int(amount)


def as_json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")


def problem(status: int, code: str, detail: str | None = None) -> Response:
    body = {"type": "about:blank", "status": status, "code": code, "title": texts.text(f"refusal.{code}", "en")}
    if detail:
        body["detail"] = detail
    return Response(msgspec.json.encode(body), status_code=status, media_type="application/problem+json")
