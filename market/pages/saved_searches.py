"""The searches that a party has saved: keep one, be told or not, let it go."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market.house import house_of
from market.pages.trading import wrong_lines
from market.problems import ProblemError
from market.rendering import flash, render
from market.trading import saved_searches, store
from market.trading.filter_reading import read_filters
from market.trading.saved_searches import SearchRefusal

if TYPE_CHECKING:
    from market.trading.filter_reading import ReadFilters
    from migrations.database import Connection


async def searches(request: Request) -> Response:
    """The party's own searches, and the form's press that saves one."""
    house, party_id = house_of(request), request.user.id
    if request.method == "GET":
        async with house.pool.acquire() as conn:
            return await _list(request, conn)
    async with request.form(max_files=0, max_fields=4) as form:
        query, name = str(form.get("query", ""))[:2000], str(form.get("name", ""))
    async with house.pool.acquire() as conn, conn.transaction():
        categories = await store.categories(conn)
        read = read_filters(parse_qsl(query), categories, house.node_time.now())
        if read.wrong:
            return await _list(request, conn, read)
        done = await saved_searches.save(
            conn, party_id=party_id, name=name, filters=read.filters, alerts=True, now=house.node_time.now()
        )
    return _seen(request, done, "trading.search_saved")


async def _list(request: Request, conn: Connection, refused: ReadFilters | None = None) -> Response:
    """The party's searches. `refused`: one that was not saved, with the filters of it that are in order."""
    mine = await saved_searches.searches_of(conn, request.user.party_id)
    categories = await store.categories(conn)
    wrong = {
        one.id: wrong_lines(request, read_filters(parse_qsl(one.query), categories).wrong, categories) for one in mine
    }
    context = {
        "searches": mine,
        "wrong_of": {number: lines for number, lines in wrong.items() if lines},
        "refused": wrong_lines(request, refused.wrong, categories) if refused is not None else [],
        "kept_query": refused.filters.query(with_order=False) if refused is not None else "",
    }
    return render(request, "trading/searches.html", context, status=422 if refused is not None else 200)


async def change_search(request: Request) -> Response:
    """Be told of new posts or not, or let the search go."""
    house, search_id = house_of(request), int(request.path_params["saved_search_id"])
    async with request.form(max_files=0, max_fields=2) as form:
        act = str(form.get("act", ""))
    async with house.pool.acquire() as conn, conn.transaction():
        if act == "forget":
            gone = await saved_searches.forget(conn, search_id=search_id, party_id=request.user.id)
            return _seen(request, gone, "trading.search_forgotten")
        done = await saved_searches.set_alerts(
            conn, search_id=search_id, party_id=request.user.id, alerts=act == "alerts_on"
        )
    return _seen(request, done, "trading.search_changed")


def _seen(request: Request, done: object, said: str) -> Response:
    if isinstance(done, SearchRefusal):
        raise ProblemError(done)
    response = RedirectResponse(str(request.app.url_path_for("market_searches")), status_code=303)
    flash(response, said)
    return response


routes = [
    Route("/market/searches", searches, methods=["GET", "POST"], name="market_searches"),
    Route("/market/searches/{saved_search_id:int}", change_search, methods=["POST"], name="market_search_change"),
]
