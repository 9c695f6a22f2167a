"""What the house has told the viewer, newest first; opening one marks it as read and goes on to what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market import notices
from market.catalogue import Language
from market.house import house_of
from market.problems import Problem, ProblemError
from market.rendering import language_of, money_markup, render, when_markup


async def notices_page(request: Request) -> Response:
    """A page of notices, older ones by `?before=`."""
    house = house_of(request)
    before = request.query_params.get("before", "")
    before_id = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    async with house.pool.acquire() as conn:
        found = await notices.notices_of(conn, request.user.id, before_id=before_id)
    lang = language_of(request)
    rows = [{"notice": notice, "text": text_of(request, notice, lang)} for notice in found]
    older = found[-1].id if len(found) == notices.PAGE_SIZE else None
    return render(request, "account/notices.html", {"rows": rows, "older": older, "first_page": before_id is None})


def text_of(request: Request, notice: notices.Notice, lang: Language) -> str:
    """The notice's sentence in `lang`."""
    text, words = house_of(request).catalogue.text, worded(notice.params, lang)
    for kind in ("lot", "contract"):
        if kind in notice.params:
            subject = text(f"notice_subject.{kind}", lang, id=notice.params[kind])
            words |= {"subject": subject, "subject_first": subject[:1].upper() + subject[1:]}
    words |= {
        name: text(f"{area}.{notice.params[name]}", lang) for name, area in _CODES.items() if name in notice.params
    }
    return text(f"notice.{notice.kind}", lang, **words)


_CODES = {"formality": "terms_formality", "office": "office"}
"""What a notice names by its code, and where its words stand."""


def worded(params: Mapping[str, str | int], lang: Language) -> dict[str, object]:
    """`x_en` and `x_zh` give `x`; `x_minor` gives `x` in the currency of `currency`; times are shown as times."""
    words: dict[str, object] = dict(params)
    for name, value in params.items():
        if name.endswith(f"_{lang}"):
            words[name.removesuffix(f"_{lang}")] = value
        elif name.endswith("_minor") and "currency" in params:
            words[name.removesuffix("_minor")] = money_markup(int(value), str(params["currency"]))
        elif name.endswith(("due", "_at")) and isinstance(value, str):
            words[name] = _when(value, lang)
    return words


def _when(value: str, lang: Language) -> Markup | str:
    try:
        return when_markup(datetime.fromisoformat(value), lang)
    except ValueError:
        return value


async def open_notice(request: Request) -> Response:
    """Mark it as read and go where it points."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        notice_id, now = request.path_params["notice_id"], house.node_time.now()
        link = await notices.read(conn, notice_id, request.user.id, now)
    if link is None:
        raise ProblemError(Problem.NOT_FOUND)
    return RedirectResponse(link, 303)


async def read_all(request: Request) -> Response:
    """Mark everything as read."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        await notices.read_all(conn, request.user.id, house.node_time.now())
    return RedirectResponse("/notices", 303)


routes = [
    Route("/notices", notices_page, name="notices"),
    Route("/notices/read", read_all, name="notices_read", methods=["POST"]),
    Route("/notices/{notice_id:int}", open_notice, name="notice_open"),
]
