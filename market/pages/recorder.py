"""The transaction recorder and the monthly statements: to read, to query, as CSV, and to print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from market.csv_cells import csv_text
from market.currencies import EXPONENTS, AmountProblem, decimal_text, parse_amount
from market.house import house_of
from market.pages.desk_forms import number
from market.pages.wallet import days_of, movement_key
from market.recorder import (
    Direction,
    MonthStatement,
    Record,
    RecordKind,
    Search,
    month_statement,
    months_of,
    records_of,
)
from market.rendering import Form, language_of, render

PAGE_SIZE = 50
FILTERS = ("from", "until", "kind", "direction", "currency", "who", "least", "most")


async def wallet_recorder(request: Request) -> Response:
    """The viewer's transactions by date, kind, direction, counterparty and amount; `format=csv` gives all that match. What
    can't be read is said, and nothing is listed that was not asked for.
    """
    house, lang = house_of(request), language_of(request)
    chosen = {name: request.query_params.get(name, "").strip()[:100] for name in FILTERS}
    text, form = _texts(request), Form(values=chosen)
    search = search_of(chosen, form, text)
    async with house.pool.acquire() as conn:
        records = [] if form.errors else await records_of(conn, request.user.id, search)
        currencies = sorted({each.currency for each in await months_of(conn, request.user.id)})
    if request.query_params.get("format") == "csv" and not form.errors:
        return _csv(text, lang, records)
    whole = request.query_params.get("format") == "print"
    page = min(number(request.query_params.get("page", "")) or 1, 1_000_000)
    start = (page - 1) * PAGE_SIZE
    shown = records if whole else records[start : start + PAGE_SIZE]
    context = {
        "rows": [(each, act_text(text, each.act)) for each in shown],
        "chosen": chosen,
        "filter": form,
        "filtered": any(chosen.values()),
        "kind_options": _options(text, "record_kind", RecordKind),
        "direction_options": _options(text, "record_direction", Direction),
        "currency_options": [("", text("wallet.any")), *((each, each) for each in currencies)],
        "page": page,
        "pages": 1 if whole else max(1, -(-len(records) // PAGE_SIZE)),
        "whole": whole,
        "total": len(records),
        "now": house.node_time.now(),
    }
    return render(request, "wallet/recorder.html", context, status=422 if form.errors else 200)


async def wallet_statements(request: Request) -> Response:
    """The months in which anything moved."""
    async with house_of(request).pool.acquire() as conn:
        months = await months_of(conn, request.user.id)
    return render(request, "wallet/statements.html", {"months": months})


async def wallet_statement(request: Request) -> Response:
    """One month in one currency: opening, movements, closing."""
    house, lang, text = house_of(request), language_of(request), _texts(request)
    currency = request.query_params.get("currency", "CNY")
    month = month_of(request.path_params["month"])
    if month is None or currency not in EXPONENTS:
        raise HTTPException(404)
    async with house.pool.acquire() as conn:
        statement = await month_statement(conn, request.user.id, month, currency)
    if request.query_params.get("format") == "csv":
        return _statement_csv(text, lang, statement)
    context = {
        "statement": statement,
        "first_day": month,
        "lines": [(each, act_text(text, each.act)) for each in statement.lines],
        "now": house.node_time.now(),
    }
    return render(request, "wallet/statement.html", context)


def search_of(chosen: dict[str, str], form: Form, text: Callable[..., str]) -> Search:
    """The search as typed; what can't be read, or finds nothing ever, goes into the form as an error."""
    currency = chosen["currency"] if chosen["currency"] in EXPONENTS else None
    for name, allowed in (("kind", set(RecordKind)), ("direction", set(Direction)), ("currency", set(EXPONENTS))):
        if chosen[name] and chosen[name] not in allowed:
            form.errors[name] = text("recorder.no_such_choice", typed=chosen[name])
    amounts = {name: _amount(chosen[name], currency, name, form, text) for name in ("least", "most")}
    first_day, last_day = days_of(chosen, form, text)
    return Search(
        first_day=first_day,
        last_day=last_day,
        kind=RecordKind(chosen["kind"]) if chosen["kind"] in set(RecordKind) else None,
        direction=Direction(chosen["direction"]) if chosen["direction"] in set(Direction) else None,
        currency=currency,
        counterparty=chosen["who"],
        least_minor=amounts["least"],
        most_minor=amounts["most"],
    )


def month_of(text: str) -> date | None:
    """`2026-11` as its first day."""
    month = _day(f"{text}-01") if len(text) == 7 else None
    return month if month is not None and 2000 <= month.year < 2200 else None


def act_text(text: Callable[..., str], act: str) -> str:
    """The ledger's word for an act in the reader's language."""
    key = movement_key(act)
    said = text(key)
    return text("movement.other") if said == key else said


def _texts(request: Request) -> Callable[..., str]:
    house, lang = house_of(request), language_of(request)

    def text(key: str, **params: Any) -> str:
        return house.catalogue.text(key, lang, **params) if key in house.catalogue else key

    return text


def _csv(text: Callable[..., str], lang: str, records: list[Record]) -> Response:
    names = ("number", "at", "act", "about", "who", "direction", "source", "target", "currency", "amount")
    lines = [
        (
            each.number,
            each.at.isoformat(),
            act_text(text, each.act),
            each.title(lang),
            each.counterparty or "",
            text(f"record_direction.{each.direction}"),
            text(f"means_kind.{each.source}"),
            text(f"means_kind.{each.target}"),
            each.currency,
            decimal_text(each.amount_minor, EXPONENTS[each.currency]),
        )
        for each in records
    ]
    return _as_csv([text(f"recorder.csv_{name}") for name in names], lines, "transactions.csv")


def _statement_csv(text: Callable[..., str], lang: str, statement: MonthStatement) -> Response:
    def sum_of(minor: int) -> str:
        return decimal_text(minor, EXPONENTS[statement.currency]).replace("-", "−")

    lines: list[tuple[str, ...]] = []
    for account in statement.accounts:
        said = text(f"means_kind.{account.account}")
        lines.append(("", said, text("statement.opening"), "", "", sum_of(account.opening_minor)))
        lines += [
            (
                each.at.isoformat(),
                said,
                act_text(text, each.act),
                each.title(lang),
                sum_of(each.amount_minor),
                sum_of(each.balance_minor),
            )
            for each in statement.lines
            if each.account == account.account
        ]
        lines.append(("", said, text("statement.closing"), "", "", sum_of(account.closing_minor)))
    header = [text(f"statement.csv_{name}") for name in ("at", "account", "act", "about", "amount", "balance")]
    return _as_csv(header, lines, f"statement-{statement.month}-{statement.currency}.csv")


def _as_csv(header: list[str], lines: Sequence[tuple[str, ...]], name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(csv_text(header, lines), media_type="text/csv; charset=utf-8", headers=headers)


def _options(text: Callable[..., str], prefix: str, kinds: Any) -> list[tuple[str, str]]:
    return [("", text("wallet.any")), *((each.value, text(f"{prefix}.{each.value}")) for each in kinds)]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _amount(typed: str, currency: str | None, name: str, form: Form, text: Callable[..., str]) -> int | None:
    amount = parse_amount(typed, EXPONENTS[currency or "CNY"], allow_zero=True) if typed else None
    if isinstance(amount, AmountProblem):
        form.errors[name] = text(f"amount_problem.{amount.value}")
        return None
    return amount


routes = [
    Route("/wallet/recorder", wallet_recorder, name="wallet_recorder"),
    Route("/wallet/statements", wallet_statements, name="wallet_statements"),
    Route("/wallet/statements/{month}", wallet_statement, name="wallet_statement"),
]
