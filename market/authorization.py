"""The guard that holds every route, of HTTP and of sockets, to its row of the table (`market.access`).

A route without a row does not start. A handler still reads and writes only the viewer's own rows; the table is
the first lock, not the only one. Path parameters name what they carry: `{lot_id:int}`, `{case_id:int}`,
`{session_id:int}`, `{token_id:int}`, `{notice_id:int}`, `{offer_id:int}`: the guard looks up whose it is and answers 404 for another's.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from market import card_guard, limits
from market.access.rows import FORM_BYTES, Row, Who, Whose
from market.access.table import TABLE
from market.door import BODY_SECONDS, SAFE_METHODS, bounded
from market.house import house_of
from market.http_protocol import BEGAN_AT
from market.problems import Problem, ProblemError, wants_json
from market.viewer import Viewer
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_log = structlog.get_logger("gavelhouse")
_QUERIES = load_queries("market", "ownership")
UPLOAD_SECONDS = 60.0
LARGEST_ID = 2**63 - 1


class RouteWithoutRow(Exception):
    """A route that nobody decided about; the server does not start with it."""


def guarded(routes: Sequence[BaseRoute]) -> list[BaseRoute]:
    """The same routes, each behind its row of the table. Raises RouteWithoutRow, and ValueError for a name used twice."""
    behind: list[BaseRoute] = []
    names: set[str] = set()
    for route in routes:
        assert isinstance(route, Route | WebSocketRoute | Mount), f"{route} is no kind of route that the table knows"
        name = route.name or ""
        if name not in TABLE:
            raise RouteWithoutRow(f"{route.path} is named {name!r}, which has no row in market/access")
        if name in names:
            raise ValueError(f"two routes are named {name!r}")
        names.add(name)
        # A copy: the areas' lists are theirs, and two apps in one process must not be guarded twice.
        kept = copy.copy(route)
        kept.app = Guard(route.app, name, TABLE[name])
        if isinstance(kept, Route | WebSocketRoute):
            # A number of thousands of digits is no id, and not even Python reads it.
            kept.path_regex = _of_short_numbers(kept.path_regex)
        behind.append(kept)
    return behind


@cache
def _of_short_numbers(path: re.Pattern[str]) -> re.Pattern[str]:
    """Compiled once in a process: there are some hundred."""
    short = path.pattern.replace("[0-9]+", "[0-9]{1,19}")
    return path if short == path.pattern else re.compile(short)


class Guard:
    """One route's row, enforced: who, then whose, then how often and how much."""

    def __init__(self, app: ASGIApp, name: str, row: Row) -> None:
        self._app = app
        self.name = name
        self.row = row

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        scope.setdefault("state", {})["route_name"] = self.name
        if self._asks_to_sign_in(connection):
            path = scope["path"] + (f"?{connection.url.query}" if connection.url.query else "")
            await RedirectResponse(f"/sign-in?next={quote(path)}", 303)(scope, receive, send)
            return
        self._check_who(connection.user)
        if any(isinstance(value, int) and value > LARGEST_ID for value in connection.path_params.values()):
            raise ProblemError(Problem.NOT_FOUND)
        await self._check_whose(connection)
        if scope["type"] == "http":
            self._check_rate(connection)
            receive = bounded(
                receive,
                declared=connection.headers.get("content-length"),
                most=self.row.body_bytes,
                seconds=UPLOAD_SECONDS if self.row.body_bytes > FORM_BYTES else BODY_SECONDS,
                since=scope["state"].get(BEGAN_AT),
            )
            receive = await self._without_card(connection, receive)
        await self._app(scope, receive, send)

    async def _without_card(self, connection: HTTPConnection, receive: Receive) -> Receive:
        """Uploads and the bank's own notices are not looked into."""
        media_type = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
        if (
            connection.scope["method"] in SAFE_METHODS
            or media_type not in card_guard.MEDIA_TYPES
            or self.row.who is Who.WEBHOOK
            or self.row.body_bytes != FORM_BYTES
        ):
            return receive
        looked = await card_guard.body_without_card(receive, media_type, card_guard.meant_by(self.name))
        if looked is None:
            raise ProblemError(Problem.CARD_NUMBER)
        return looked

    def _asks_to_sign_in(self, connection: HTTPConnection) -> bool:
        """A visitor who follows a link to a member's page is led there by way of signing in."""
        needs_party = self.row.who in (Who.MEMBER, Who.OPERATOR)
        reads_page = connection.scope["type"] == "http" and connection.scope["method"] in ("GET", "HEAD")
        return needs_party and reads_page and not connection.user.is_signed_in and not wants_json(connection)

    def _check_who(self, viewer: Viewer) -> None:
        if self.row.who in (Who.VISITOR, Who.WEBHOOK):
            return
        if not viewer.is_signed_in:
            raise ProblemError(Problem.SIGN_IN_REQUIRED, headers={"WWW-Authenticate": "Bearer"})
        if self.row.who is Who.OPERATOR and not viewer.is_operator:
            _log.info("access_refused", route=self.name, party=viewer.party_id)
            raise ProblemError(Problem.FORBIDDEN)

    async def _check_whose(self, connection: HTTPConnection) -> None:
        if self.row.whose in (Whose.ANY, Whose.OWN):
            return
        viewer: Viewer = connection.user
        if self.row.operator_too and viewer.is_operator:
            return
        house = house_of(connection)
        async with house.pool.acquire() as conn:
            if viewer.id not in await owners(conn, self.row.whose, connection.path_params[self.row.whose.value]):
                _log.info("access_refused", route=self.name, party=viewer.party_id)
                raise ProblemError(Problem.NOT_FOUND)

    def _check_rate(self, connection: HTTPConnection) -> None:
        if self.row.rate is None or connection.scope["method"] in ("GET", "HEAD"):
            return
        address = limits.address_key(connection.client.host if connection.client else "")
        wait = house_of(connection).buckets.take(self.row.rate, address, monotonic())
        if wait > 0:
            raise ProblemError(Problem.TOO_MANY_REQUESTS, headers={"Retry-After": str(int(wait) + 1)})


_OWNERS = {
    Whose.OWN_LOT: _QUERIES.lot_owners,
    Whose.OWN_DEAL: _QUERIES.deal_owners,
    Whose.OWN_SESSION: _QUERIES.session_owners,
    Whose.OWN_TOKEN: _QUERIES.token_owners,
    Whose.OWN_NOTICE: _QUERIES.notice_owners,
    Whose.OWN_OFFER: _QUERIES.offer_owners,
    Whose.OWN_CHEQUE: _QUERIES.cheque_owners,
    Whose.OWN_DEPOSIT: _QUERIES.deposit_owners,
    Whose.OWN_REQUEST: _QUERIES.phone_request_owners,
    Whose.OWN_NEGOTIATION: _QUERIES.negotiation_owners,
    Whose.OWN_DOCUMENT: _QUERIES.document_owners,
    Whose.OWN_CONTRACT: _QUERIES.contract_owners,
}


async def owners(conn: Connection, whose: Whose, thing_id: int) -> Sequence[int]:
    """The ids of the parties whose thing it is; none when there is no such thing."""
    if not 0 < thing_id < 2**63:
        return ()
    found: Sequence[int] | None = await conn.fetchval(_OWNERS[whose], thing_id)
    return found or ()
