"""The net under every handler: a bug is logged with the request's reference and answered 500, never with its text."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from market.metrics import Metrics
from market.problems import Problem, problem

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
        except Exception:
            state = scope.get("state", {})
            self._metrics.crashes.inc()
            log.exception("crash", route=state.get("route_name"), reference=state.get("request_id"))
            if started:
                raise
            await problem(Request(scope), Problem.INTERNAL)(scope, receive, send)
