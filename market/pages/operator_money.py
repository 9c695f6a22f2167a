"""The operator's money at a glance: where it all is, whether the books agree, what waits; and the cases with their files."""

from __future__ import annotations

from datetime import timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from escrow import books, day_close, statements
from market import audit, batches, deals_store, money_desk
from market.charts import line_chart, shares
from market.csv_cells import csv_text
from market.currencies import EXPONENTS, decimal_text
from market.deals import STATES, TONES, deal_view
from market.house import house_of
from market.pages.desk_forms import (
    bounds,
    csv_download,
    page_asked,
    pages_of,
    texts,
    wants_csv,
)
from market.rendering import language_of, render

CHART_DAYS = 30


async def operator_money(request: Request) -> Response:
    """What waits, cash in escrow over time, ageing, the two checks, cases by state, and the trial balance."""
    house = house_of(request)
    now = house.node_time.now()
    async with house.pool.acquire() as conn:
        money = await money_desk.overview(conn, now)
        held = await books.escrow_over_time(conn, now, CHART_DAYS)
        ages = await books.ageing(conn, now)
        context = {
            "overview": money,
            "now": now,
            "releases": await books.to_release(conn, None, 1, 0),
            "claims": await books.claims_by_deadline(conn, None, 1, 0),
            "waiting": await batches.batches(conn, "waiting", 10, 0),
            "reconciled": await statements.reconciliation(conn),
            "last_close": await day_close.last_close(conn),
            "charts": [
                (currency, points, line_chart([(one.day, one.held_minor) for one in points]))
                for currency, points in held.items()
            ],
            "chart_days": CHART_DAYS,
            "ageing": _ageing(ages),
            "yesterday": (now - timedelta(days=1)).date(),
        }
    return render(request, "operator_money/money.html", context)


def _ageing(rows: list[books.AgeRow]) -> list[tuple[str, list[tuple[str, list[tuple[int, int, float]]]]]]:
    """For each kind of thing and currency the four buckets: count, sum and the length of the bar."""
    grouped: dict[str, dict[str, list[tuple[int, int]]]] = {}
    for row in rows:
        buckets = grouped.setdefault(row.what, {}).setdefault(row.currency, [(0, 0)] * books.BUCKETS)
        buckets[row.bucket] = (row.count, row.amount_minor)
    return [
        (what, [(currency, _with_bars(buckets)) for currency, buckets in one.items()]) for what, one in grouped.items()
    ]


def _with_bars(buckets: list[tuple[int, int]]) -> list[tuple[int, int, float]]:
    bars = shares([minor for _, minor in buckets])
    return [(count, minor, bar) for (count, minor), bar in zip(buckets, bars, strict=True)]


async def operator_cases(request: Request) -> Response:
    """Every case, by state; `format=csv` gives all that match."""
    house, lang = house_of(request), language_of(request)
    state = request.query_params.get("state", "")
    state = state if state in STATES else ""
    page, as_csv = page_asked(request), wants_csv(request)
    limit, offset = bounds(request)
    async with house.pool.acquire() as conn:
        rows, total = await deals_store.deals_of_house(
            conn,
            state=state or None,
            limit=limit,
            offset=offset,
        )
    text = texts(request)
    if as_csv:
        header = [text(f"deal.column_{name}") for name in ("deal", "lot", "sum", "state", "deadline", "opened")]
        lines = [
            (
                row.case_id,
                row.title(lang),
                f"{decimal_text(row.hammer_minor, EXPONENTS[row.currency])} {row.currency}",
                text(f"deal.state.{row.state}"),
                row.due_at.isoformat() if row.due_at else "",
                row.created_at.isoformat(),
            )
            for row in rows
        ]
        return csv_download(csv_text(header, lines), "cases.csv")
    context = {
        "rows": rows,
        "tones": TONES,
        "state": state,
        "state_options": [("", text("deal.any")), *((one, text(f"deal.state.{one}")) for one in STATES)],
        "page": page,
        "pages": pages_of(total),
    }
    return render(request, "operator_money/cases.html", context)


async def operator_case(request: Request) -> Response:
    """The full file of a case: what both parties see, every posting, every act."""
    house, case_id = house_of(request), request.path_params["case_id"]
    async with house.pool.acquire() as conn:
        view = await deal_view(conn, house.escrow, case_id, request.user, house.node_time.now())
        if view is None:
            raise HTTPException(404)
        context = {
            "view": view,
            "deal": view.deal,
            "postings": await money_desk.postings_of_case(conn, case_id),
            "acts": await audit.entries_of(conn, f"case:{case_id}"),
        }
    return render(request, "operator_money/case.html", context)


routes = [
    Route("/operator/money", operator_money, name="operator_money"),
    Route("/operator/cases", operator_cases, name="operator_cases"),
    Route("/operator/cases/{case_id:int}", operator_case, name="operator_case"),
]
