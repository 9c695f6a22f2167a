"""The queues of the settlement desk: what is about to be released, claims by deadline, and money that is stuck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from escrow import books
from market.csv_cells import csv_text
from market.currencies import EXPONENTS, decimal_text
from market.house import house_of
from market.pages.desk_forms import (
    asked,
    bounds,
    csv_download,
    currency_asked,
    currency_options,
    page_asked,
    pages_of,
    texts,
    wants_csv,
)
from market.rendering import render

QUEUES = ("stuck", "release", "claims")
AGES = ("0", "1", "7", "30")
SORTS = ("age", "sum")


async def operator_queue(request: Request) -> Response:
    """One queue with its filters; `format=csv` gives all that match."""
    house, text = house_of(request), texts(request)
    queue, currency = asked(request, "queue", QUEUES, "stuck"), currency_asked(request)
    what, older = asked(request, "what", books.STUCK), asked(request, "older", AGES, "0")
    sort, (limit, offset), now = asked(request, "sort", SORTS, "age"), bounds(request), house.node_time.now()
    rows: Sequence[Any]
    async with house.pool.acquire() as conn:
        if queue == "release":
            rows = await books.to_release(conn, currency or None, limit, offset)
        elif queue == "claims":
            rows = await books.claims_by_deadline(conn, currency or None, limit, offset)
        else:
            rows = await books.stuck_money(
                conn,
                now,
                what=what or None,
                currency=currency or None,
                older_than_days=int(older),
                by_sum=sort == "sum",
                limit=limit,
                offset=offset,
            )
    if wants_csv(request):
        return csv_download(_csv(request, queue, rows), f"{queue}.csv")
    context = {
        "queue": queue,
        "queues": QUEUES,
        "rows": rows,
        "now": now,
        "currency": currency,
        "currency_options": currency_options(request),
        "what": what,
        "what_options": [("", text("deal.any")), *((one, text(f"stuck.{one}")) for one in books.STUCK)],
        "older": older,
        "older_options": [(one, text(f"desk.older_{one}")) for one in AGES],
        "sort": sort,
        "sort_options": [(one, text(f"desk.sort_{one}")) for one in SORTS],
        "page": page_asked(request),
        "pages": pages_of(rows[0].total if rows else 0),
    }
    return render(request, "operator_money/queue.html", context)


def _csv(request: Request, queue: str, rows: Sequence[Any]) -> str:
    text = texts(request)
    if queue == "stuck":
        header = ["stuck_what", "item", "stuck_since", "stuck_sum", "currency", "item_reason"]
        lines: list[Sequence[object]] = [
            (
                text(f"stuck.{row.what}"),
                row.id,
                row.since.isoformat(),
                _decimal(row, row.amount_minor),
                row.currency,
                row.why,
            )
            for row in rows
        ]
    elif queue == "release":
        header = ["case", "held", "currency", "due"]
        lines = [(row.id, _decimal(row, row.held_minor), row.currency, row.due_at.isoformat()) for row in rows]
    else:
        header = ["case", "held", "claimed", "currency", "state", "due"]
        lines = [
            (
                row.id,
                _decimal(row, row.held_minor),
                _decimal(row, row.amount_minor),
                row.currency,
                text(f"deal.state.{row.state}"),
                row.due_at.isoformat(),
            )
            for row in rows
        ]
    return csv_text([text(f"money.{name}") for name in header], lines)


def _decimal(row: Any, minor: int) -> str:
    return decimal_text(minor, EXPONENTS.get(row.currency, 2))


routes = [Route("/operator/money/queue", operator_queue, name="operator_queue")]
