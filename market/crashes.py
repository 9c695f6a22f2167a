"""The net under every handler: a bug is logged with the request's reference and answered 500, never with its text; a database
that is gone or coming, or that gave one of two transactions up for the other, is no bug: whoever asked is told to ask again.
"""

from __future__ import annotations

import asyncpg
import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auction.store import CONNECTION_LOST
from market.metrics import Metrics
from market.problems import Problem, problem

RETRY_SECONDS = "1"
log = structlog.get_logger("gavelhouse")


class Crashes:
    """Outside the door, inside the headers and the measuring."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception as error:
            state = scope.get("state", {})
            if is_worth_asking_again(error) and not started:
                log.error("the database did not do it", route=state.get("route_name"), error=type(error).__name__)
                response = problem(Request(scope), Problem.BUSY)
                response.headers["Retry-After"] = RETRY_SECONDS
                await response(scope, receive, send)
                return
            self._metrics.crashes.inc()
            log.exception("crash", route=state.get("route_name"), reference=state.get("request_id"))
            if started:
                raise
            await problem(Request(scope), Problem.INTERNAL)(scope, receive, send)


def is_worth_asking_again(error: Exception) -> bool:
    """Whether this says that the database is gone, going or coming, or has undone the whole for another's sake. Of what
    asyncpg says of its own use, only that its connection has ended: the rest would be a bug.
    """
    if isinstance(error, asyncpg.InterfaceError):
        return any(word in str(error) for word in ("closed", "released"))
    return isinstance(error, (*CONNECTION_LOST, asyncpg.DeadlockDetectedError))
