"""Pages: Jinja templates with the catalogue, money, times, the viewer and one flash message. Knows no route's business.

`render` is what a page calls; `flash` leaves a sentence for the page after a redirect; `language_of` chooses the language.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import jinja2
import msgspec
from babel.dates import format_date, format_datetime, format_time
from markupsafe import Markup, escape
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, NoMatchFound

from .assets import Assets
from .catalogue import Catalogue, Language
from .currencies import EXPONENTS, money_text
from .kept_templates import KeptTemplates

TEMPLATES = Path(__file__).parent / "templates"
FLASH_COOKIE = "gavelhouse_flash"
LANGUAGE_COOKIE = "gavelhouse_lang"
FLASH_SECONDS = 60
FlashKind = Literal["done", "note", "problem"]

_flash_key = secrets.token_bytes(32)


class Form(msgspec.Struct):
    """What a person typed and what is wrong with it: field name → text, field name → sentence. `""` is the whole form."""

    values: dict[str, str] = {}
    errors: dict[str, str] = {}


class Flash(msgspec.Struct, frozen=True):
    """One sentence for the next page."""

    key: str
    params: dict[str, str]
    kind: FlashKind
    expires_at: datetime


def use_flash_key(key: bytes) -> None:
    """Sign flash cookies with `key`, so that every node and the next start can read them. Called once by the app."""
    global _flash_key  # noqa: PLW0603 -- one key for the whole process, as there is one cookie
    _flash_key = hashlib.sha256(b"gavelhouse flash\0" + key).digest()


def make_environment(catalogue: Catalogue, assets: Assets) -> jinja2.Environment:
    """The one Jinja environment: everything is escaped, and an unknown name is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        bytecode_cache=KeptTemplates(TEMPLATES, __file__),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["catalogue"] = catalogue
    environment.globals["asset"] = assets.url
    environment.globals["preload"] = assets.preload
    environment.globals["exponents"] = EXPONENTS
    environment.globals["wire_time"] = wire_time
    environment.filters["script_json"] = script_json
    environment.filters["paragraphs"] = visible
    return environment


def render(
    request: Request, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> HTMLResponse:
    """The page `template` for whoever asks, in their language, with the waiting flash message (which it takes away)."""
    environment: jinja2.Environment = request.app.state.house.templates
    lang = language_of(request)
    waiting = _read_flash(request)
    html = environment.get_template(template).render({**page_context(request, lang, waiting), **(context or {})})
    response = HTMLResponse(html, status_code=status)
    response.headers["Content-Language"] = "zh-CN" if lang == "zh" else "en"
    response.headers.setdefault("Cache-Control", "private, no-store")
    response.headers.add_vary_header("Accept-Language, Cookie")
    if waiting is not None:
        response.delete_cookie(FLASH_COOKIE, httponly=True, samesite="lax")
    if request.query_params.get("lang") in ("zh", "en"):
        response.set_cookie(LANGUAGE_COOKIE, lang, max_age=31_536_000, httponly=True, samesite="lax")
    return response


def page_context(request: Request, lang: Language, waiting: Flash | None = None) -> dict[str, Any]:
    """The names every template may use."""
    environment: jinja2.Environment = request.app.state.house.templates
    catalogue = environment.globals["catalogue"]
    assert isinstance(catalogue, Catalogue)

    def t(key: str, **params: object) -> str:
        return catalogue.text(key, lang, **params)

    return {
        "request": request,
        "viewer": request.user,
        "lang": lang,
        "html_lang": "zh-CN" if lang == "zh" else "en",
        "t": t,
        "money": money_markup,
        "price": lambda minor, currency: money_markup(minor, currency, trim=True),
        "when": lambda at, style="minute": when_markup(at, lang, style),
        "duration": lambda seconds: duration_text(t, seconds),
        "phrases": lambda phrases, currency: [phrase_text(t, lang, phrase, currency) for phrase in phrases],
        "server_at": wire_time(request.app.state.house.node_time.now()),
        "flash": waiting,
        "unread_notices": getattr(request.state, "unread_notices", 0),
        "csp_nonce": getattr(request.state, "csp_nonce", ""),
        "link": _link_to(request),
        "with_query": _with_query(request),
        "choices": lambda values, prefix: [(value, t(prefix + value)) for value in values],
        "area_texts": lambda *areas: catalogue.area(lang, *areas),
    }


def flash(response: Response, key: str, *, kind: FlashKind = "done", **params: object) -> None:
    """Leave the sentence `key` for the next page that is rendered. Lives a minute, signed."""
    until = datetime.fromtimestamp(int(datetime.now(UTC).timestamp()) + FLASH_SECONDS, UTC)
    body = msgspec.json.encode(Flash(key, {k: str(v) for k, v in params.items()}, kind, until))
    signature = hmac.digest(_flash_key, body, "sha256")
    value = base64.urlsafe_b64encode(signature + body).decode()
    response.set_cookie(FLASH_COOKIE, value, max_age=FLASH_SECONDS, httponly=True, samesite="lax")


def _read_flash(request: Request) -> Flash | None:
    raw = request.cookies.get(FLASH_COOKIE)
    if raw is None:
        return None
    try:
        whole = base64.urlsafe_b64decode(raw)
        if not hmac.compare_digest(whole[:32], hmac.digest(_flash_key, whole[32:], "sha256")):
            return None
        message = msgspec.json.decode(whole[32:], type=Flash)
    except (ValueError, msgspec.DecodeError):
        return None
    return message if message.expires_at > datetime.now(UTC) else None


def language_of(connection: HTTPConnection) -> Language:
    """`?lang=`, else the language last switched to, else the party's own, else the browser's wish, else English."""
    for wish in (connection.query_params.get("lang"), connection.cookies.get(LANGUAGE_COOKIE)):
        if wish in ("zh", "en"):
            return "zh" if wish == "zh" else "en"
    viewer = connection.scope.get("user")
    if viewer is not None and getattr(viewer, "party_id", None) is not None and viewer.language in ("zh", "en"):
        return "zh" if viewer.language == "zh" else "en"
    return _accepted(connection.headers.get("accept-language", ""))


def _accepted(header: str) -> Language:
    best: tuple[float, Language] = (0.0, "en")
    for part in header.lower().split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            continue
        language: Language | None = "zh" if tag[:2] == "zh" else "en" if tag[:2] == "en" else None
        if language is not None and quality > best[0]:
            best = (quality, language)
    return best[1]


def money_markup(minor: int, currency: str, *, trim: bool = False) -> Markup:
    """An amount as `<data>` with its currency and its minor units, for people and for scripts."""
    return Markup('<data class="money" value="{} {}">{}</data>').format(
        currency, minor, money_text(minor, currency, trim=trim)
    )


def when_markup(at: datetime, lang: Language, style: str = "minute") -> Markup:
    """A `<time>` in UTC with the zone named; the page's script rewrites it in the viewer's own zone.

    `style`: `day`, `minute`, `second` (all with the date), `clock` (time of day with seconds).
    """
    locale = "zh_CN" if lang == "zh" else "en_GB"
    at = at.astimezone(UTC)
    if style == "day":
        text = format_date(at, "medium", locale=locale)
    elif style == "clock":
        text = format_time(at, "HH:mm:ss", locale=locale)
    else:
        clock = "HH:mm:ss" if style == "second" else "HH:mm"
        text = f"{format_date(at, 'medium', locale=locale)} {format_datetime(at, clock, locale=locale)} UTC"
    return Markup('<time datetime="{}" data-style="{}">{}</time>').format(wire_time(at), style, text)


def wire_time(at: datetime) -> str:
    """RFC 3339 in UTC to the millisecond, as the browser reads it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def duration_text(t: Callable[..., str], seconds: int) -> str:
    """A length of time in at most two units: `2 min`, `1 h 30 min`, `3 days`."""
    days, rest = divmod(int(seconds), 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, secs = divmod(rest, 60)
    parts = [
        t(f"duration.{unit}" + ("_one" if count == 1 else "_other"), count=count)
        for unit, count in (("day", days), ("hour", hours), ("minute", minutes), ("second", secs))
        if count
    ]
    return t("duration.join", first=parts[0], second=parts[1]) if len(parts) > 1 else (parts or [t("duration.zero")])[0]


def phrase_text(t: Callable[..., str], lang: Language, phrase: Any, currency: str) -> str:
    """A phrase of rules (key and params) as a sentence: ("money", minor), ("duration", seconds) and times are worded."""

    def worded(value: object) -> object:
        if isinstance(value, tuple) and value[0] == "money":
            return money_markup(value[1], currency, trim=True)
        if isinstance(value, tuple) and value[0] == "duration":
            return duration_text(t, value[1])
        if isinstance(value, tuple) and value[0] == "words":
            return value[2 if lang == "zh" else 1]
        return when_markup(value, lang) if isinstance(value, datetime) else value

    return t(phrase.key, **{name: worded(value) for name, value in phrase.params.items()})


def plain_phrase_text(t: Callable[..., str], lang: Language, phrase: Any, currency: str) -> str:
    """The same sentence for programs: no markup, sums with the currency's code, times in RFC 3339 and UTC."""

    def worded(value: object) -> object:
        if isinstance(value, tuple) and value[0] == "money":
            return money_text(value[1], currency, trim=True, coded=True)
        if isinstance(value, tuple) and value[0] == "duration":
            return duration_text(t, value[1])
        if isinstance(value, tuple) and value[0] == "words":
            return value[2 if lang == "zh" else 1]
        if isinstance(value, datetime):
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return value

    return t(phrase.key, **{name: worded(value) for name, value in phrase.params.items()})


def script_json(value: object) -> Markup:
    """JSON that may stand inside `<script type="application/json">`: no `<`, `>` or `&` as such."""
    text = msgspec.json.encode(value).decode()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _link_to(request: Request) -> Callable[..., str | None]:
    named = _routes_by_name(request.app)

    def link(name: str, **params: object) -> str | None:
        try:
            return str(named[name].url_path_for(name, **params))
        except (KeyError, NoMatchFound):
            return None

    return link


def _routes_by_name(app: Any) -> Mapping[str, BaseRoute]:
    """To ask hundreds of routes in turn, as the router does, takes as long as the rest of the page; a name is one route's."""
    if not hasattr(app.state, "routes_by_name"):
        app.state.routes_by_name = {getattr(route, "name", ""): route for route in app.routes}
    named: Mapping[str, BaseRoute] = app.state.routes_by_name
    return named


def _with_query(request: Request) -> Callable[..., str]:
    def with_query(**changes: object) -> str:
        """This page's address with some query parameters changed; None takes one away."""
        kept: Iterable[tuple[str, str]] = ((k, v) for k, v in request.query_params.multi_items() if k not in changes)
        added = ((k, str(v)) for k, v in changes.items() if v is not None)
        query = urlencode([*kept, *added])
        return f"{request.url.path}?{query}" if query else request.url.path

    return with_query


def visible(text: str) -> Markup:
    """Plain text of several paragraphs as HTML: blank lines part paragraphs, single line ends stay."""
    paragraphs = [part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    return Markup("").join(
        Markup("<p>{}</p>").format(Markup("<br>").join(map(escape, p.split("\n")))) for p in paragraphs
    )
