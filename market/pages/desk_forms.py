"""What the pages of the settlement desk share: reading filters and boxes, and sending files. Knows no money."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time

from starlette.requests import Request
from starlette.responses import Response

from market.currencies import EXPONENTS
from market.house import house_of
from market.rendering import Form, language_of

PAGE_SIZE = 50
MOST_CSV_ROWS = 10_000
MOST_PAGE = 100_000


def texts(request: Request) -> Callable[..., str]:
    """The catalogue in the viewer's language."""
    catalogue, lang = house_of(request).catalogue, language_of(request)

    def text(key: str, **params: object) -> str:
        return catalogue.text(key, lang, **params)

    return text


def number(text: str) -> int | None:
    """A positive whole number as people type it, else None."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 and int(text) > 0 else None


def no_such_currency(request: Request, code: str) -> str:
    """That the house keeps no money in this currency, and in which it does."""
    return texts(request)("market_refusal.currency_not_taken", currency=code[:12] or "–", taken=", ".join(EXPONENTS))


def is_number(text: str) -> bool:
    """Whether it is a whole number of ASCII digits that a row may have as its id."""
    return text.isascii() and text.isdigit() and len(text) < 19


def asked(request: Request, name: str, allowed: tuple[str, ...], otherwise: str = "") -> str:
    """A filter of the address, if it is one of those allowed."""
    value = request.query_params.get(name, otherwise)
    return value if value in allowed else otherwise


def currency_asked(request: Request) -> str:
    """The currency that is filtered by; empty for all."""
    return asked(request, "currency", tuple(EXPONENTS))


def page_asked(request: Request) -> int:
    return min(number(request.query_params.get("page", "1")) or 1, MOST_PAGE)


def wants_csv(request: Request) -> bool:
    return request.query_params.get("format") == "csv"


def bounds(request: Request) -> tuple[int, int]:
    """Limit and offset of the page that is asked for, or of a whole CSV file."""
    return (MOST_CSV_ROWS, 0) if wants_csv(request) else (PAGE_SIZE, (page_asked(request) - 1) * PAGE_SIZE)


def pages_of(total: int) -> int:
    return max(1, -(-total // PAGE_SIZE))


def currency_options(request: Request) -> list[tuple[str, str]]:
    return [("", texts(request)("deal.any")), *((code, code) for code in EXPONENTS)]


def day_of(text: str) -> date | None:
    """A day as `2026-03-02`, else None."""
    try:
        return date.fromisoformat(text.strip()) if len(text.strip()) == 10 else None
    except ValueError:
        return None


def start_of(day: date) -> datetime:
    """The first instant of a day in UTC."""
    return datetime.combine(day, time(), UTC)


def reason_of(request: Request, form: Form, name: str = "reason") -> str:
    """Why it is done; an error of the form when nothing is said."""
    reason = form.values.get(name, "").replace("\x00", "").strip()[:1000]
    if not reason:
        form.errors[name] = texts(request)("money.reason_missing")
    return reason


async def typed(request: Request, *names: str) -> Form:
    """The named boxes of the posted form."""
    async with request.form(max_files=0, max_fields=500) as form:
        return Form(values={name: str(form.get(name, "")).replace("\x00", "") for name in names})


def download(body: str | bytes, media_type: str, name: str, *, inline: bool = False) -> Response:
    """A file that only its asker may keep."""
    safe = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_.") else "_" for sign in name)
    kind = "inline" if inline else "attachment"
    headers = {"Content-Disposition": f'{kind}; filename="{safe}"', "Cache-Control": "private, no-store"}
    return Response(body, media_type=media_type, headers=headers)


def csv_download(body: str, name: str) -> Response:
    return download(body, "text/csv; charset=utf-8", name)
