"""The close of a day and its paper, what the house has earned, and the journal for the accountants."""

from __future__ import annotations

from datetime import timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from escrow import day_close
from escrow.day_close import DayClose
from market import day_book, parties, reports
from market.csv_cells import csv_text
from market.currencies import EXPONENTS, decimal_text
from market.fees import Market
from market.house import house_of
from market.pages.desk_forms import (
    asked,
    bounds,
    csv_download,
    day_of,
    download,
    number,
    page_asked,
    pages_of,
    start_of,
    texts,
    typed,
    wants_csv,
)
from market.rendering import Form, flash, render

REPORT_DAYS = 92


async def operator_days(request: Request) -> Response:
    """Closed days, and what a close now would say."""
    return await _days(request, Form())


async def _days(request: Request, form: Form, status: int = 200) -> Response:
    house, (limit, offset) = house_of(request), bounds(request)
    now = house.node_time.now()
    today = now.date()
    async with house.pool.acquire() as conn:
        rows = await day_close.closes(conn, limit, offset)
        figures = await day_close.figures(conn, day_of(form.values.get("day", "")) or today, request.user.id, "", now)
    if "day" not in form.values:
        form.values["day"] = today.isoformat()
    context = {
        "rows": rows,
        "figures": figures,
        "form": form,
        "closed_today": bool(rows) and rows[0].day >= today,
        "page": page_asked(request),
        "pages": pages_of(rows[0].total if rows else 0),
    }
    return render(request, "operator_money/days.html", context, status=status)


async def operator_day_close(request: Request) -> Response:
    """Freeze the day's figures."""
    house, form = house_of(request), await typed(request, "day", "reason")
    day, text = day_of(form.values["day"]), texts(request)
    if day is None:
        form.errors["day"] = text("desk.day_missing")
        return await _days(request, form, 422)
    async with house.pool.acquire() as conn, conn.transaction():
        done = await day_book.close(
            conn,
            house.heads.signer,
            day,
            request.user.id,
            form.values["reason"][:1000],
            house.node_time.now(),
        )
    if not isinstance(done, DayClose):
        name = "reason" if done is day_close.CloseRefusal.FAULTS_NEED_A_REASON else "day"
        form.errors[name] = text(f"escrow_refusal.{done.value}")
        return await _days(request, form, 422)
    response = RedirectResponse(str(request.app.url_path_for("operator_day", day=day.isoformat())), 303)
    flash(response, "desk.flash_day_closed")
    return response


async def operator_day(request: Request) -> Response:
    """One closed day, to read, to print, or (`format=json`) to keep with its signature."""
    house, day = house_of(request), day_of(request.path_params["day"])
    async with house.pool.acquire() as conn:
        closed = None if day is None else await day_close.close_of(conn, day)
        if closed is None:
            raise HTTPException(404)
        if request.query_params.get("format") == "json":
            return download(closed.body, "application/json", f"day-{closed.day}.json")
        operator = await parties.party_by_id(conn, closed.figures.closed_by)
        context = {
            "closed": closed,
            "figures": closed.figures,
            "checked": await day_book.checked(conn, closed, house.heads.signer),
            "operator_name": operator.display_name if operator else str(closed.figures.closed_by),
        }
    return render(request, "operator_money/day.html", context)


async def operator_reports(request: Request) -> Response:
    """Commission and fees by market, month and seller; and where to fetch the journal."""
    house, text, query = house_of(request), texts(request), request.query_params
    today = house.node_time.now().date()
    since = day_of(query.get("since", "")) or (today - timedelta(days=REPORT_DAYS)).replace(day=1)
    until = day_of(query.get("until", "")) or today
    market, seller_id = asked(request, "market", tuple(Market)), number(query.get("seller", ""))
    async with house.pool.acquire() as conn:
        rows = await reports.earned(
            conn,
            start_of(since),
            start_of(until) + timedelta(days=1),
            market=Market(market) if market else None,
            seller_id=seller_id,
        )
    if wants_csv(request):
        return csv_download(_csv(request, rows), "fees.csv")
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.currency] = sums.get(row.currency, 0) + row.sum_minor
    context = {
        "rows": rows,
        "sums": sums,
        "since": since,
        "until": until,
        "market": market,
        "market_options": [("", text("deal.any")), *((one.value, text(f"fees.market.{one.value}")) for one in Market)],
        "seller": seller_id or "",
    }
    return render(request, "operator_money/reports.html", context)


def _csv(request: Request, rows: list[reports.Earned]) -> str:
    text = texts(request)
    names = ("month", "market", "seller_id", "seller", "deals", "commission", "fees", "forfeits", "sum", "currency")
    lines = [
        (
            row.month,
            text(f"fees.market.{row.market.value}") if row.market else text("fees.market.other"),
            row.seller_id,
            row.seller_name,
            row.deals,
            *(
                decimal_text(minor, EXPONENTS[row.currency])
                for minor in (row.commission_minor, row.fees_minor, row.forfeits_minor, row.sum_minor)
            ),
            row.currency,
        )
        for row in rows
    ]
    return csv_text([text(f"fees.column_{name}") for name in names], lines)


async def operator_journal(request: Request) -> Response:
    """Every posting between two days as CSV, sent while it is read."""
    house, query = house_of(request), request.query_params
    since, until = day_of(query.get("since", "")), day_of(query.get("until", ""))
    if since is None or until is None or until < since:
        raise HTTPException(400)
    pages = reports.journal_csv(house.pool, start_of(since), start_of(until) + timedelta(days=1), house.node_time.now())
    headers = {
        "Content-Disposition": f'attachment; filename="journal-{since}-{until}.csv"',
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(pages, media_type="text/csv; charset=utf-8", headers=headers)


routes = [
    Route("/operator/money/days", operator_days, name="operator_days"),
    Route("/operator/money/days/close", operator_day_close, name="operator_day_close", methods=["POST"]),
    Route("/operator/money/days/{day}", operator_day, name="operator_day"),
    Route("/operator/money/reports", operator_reports, name="operator_reports"),
    Route("/operator/money/journal.csv", operator_journal, name="operator_journal"),
]
