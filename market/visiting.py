"""Whose request it is: sets `request.user` from a bearer token, else from the session cookie, else a visitor."""

from __future__ import annotations

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from market import sessions, tokens
from market.house import house_of
from market.problems import Problem, problem
from market.viewer import Viewer

# Served to anyone alike, so nobody is looked up for them.
IMPERSONAL = ("/assets/", "/healthz", "/readyz", "/webhooks/")


class Visiting:
    """A bearer token that is not good is refused: it never falls back to a cookie or to a visitor."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"].startswith(IMPERSONAL):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        viewer = await viewer_of(connection)
        if viewer is not None:
            scope["user"] = viewer
            scope["state"]["unread_notices"] = viewer.unread_notices
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(4401)
        else:
            response = problem(Request(scope), Problem.BAD_TOKEN)
            response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            await response(scope, receive, send)


async def viewer_of(connection: HTTPConnection) -> Viewer | None:
    """Who is behind the connection; None when it brings a bearer token that is not good."""
    house = house_of(connection)
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        async with house.pool.acquire() as conn:
            return await tokens.viewer_of(conn, token.strip(), house.node_time.now())
    cookie = connection.cookies.get(sessions.COOKIE)
    if not cookie:
        return connection.user if isinstance(connection.user, Viewer) else Viewer()
    async with house.pool.acquire() as conn:
        found = await sessions.viewer_of(conn, cookie, house.node_time.now())
    return found or connection.user
