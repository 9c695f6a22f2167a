"""The door: what every request must satisfy before anyone asks who it is or what it wants.

Known host, same site for whatever changes something, a body of bounded size and time. The head's limits are in
`market.http_protocol`; whose request it is, in `market.visiting`; who may pass where, in `market.access` and `market.authorization`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from secrets import token_hex
from time import monotonic
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from market.problems import Problem, ProblemError, problem
from market.rendering import language_of
from market.viewer import Viewer

BODY_SECONDS = 10.0
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class Door:
    """Refuses unknown hosts and cross-site requests. `hosts` are host names without port, lower case."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["request_id"] = token_hex(8)
        scope["user"] = Viewer()
        connection = HTTPConnection(scope)
        scope["user"] = Viewer(language=language_of(connection))
        refusal = self.refusal(connection)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(4403)
        else:
            await problem(Request(scope), refusal)(scope, receive, send)

    def refusal(self, connection: HTTPConnection) -> Problem | None:
        """Why the request is not let in; None when it is."""
        hosts = connection.headers.getlist("host")
        if len(hosts) != 1 or _host_name(hosts[0]) not in self._hosts:
            return Problem.UNKNOWN_HOST
        if connection.scope["type"] == "websocket":
            return None if _socket_is_ours(connection, hosts[0]) else Problem.CROSS_SITE
        if connection.scope["method"] not in METHODS:
            return Problem.METHOD_NOT_ALLOWED
        if connection.scope["method"] in SAFE_METHODS or _needs_no_origin(connection):
            return None
        return None if _same_site(connection, hosts[0]) else Problem.CROSS_SITE


def _host_name(host: str) -> str:
    """`Example.com:8000` → `example.com`; an IPv6 literal keeps its brackets."""
    name = host.lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0]


def _same_site(connection: HTTPConnection, host: str) -> bool:
    """The browser says so itself (Sec-Fetch-Site); an older one is known by an Origin that is this host."""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = connection.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() == host.lower()


def _needs_no_origin(connection: HTTPConnection) -> bool:
    """A bearer token or a signature is not sent by a browser of itself, so no other site can borrow it. Nor is there
    anything to borrow in a call of the API without a cookie: its answers set none.

    Cookies are not looked at when a bearer token is there (`market.visiting`).
    """
    path: str = connection.scope["path"]
    if path.startswith("/api/") and "cookie" not in connection.headers:
        return True
    return _has_bearer(connection) or path.startswith("/webhooks/")


def _socket_is_ours(connection: HTTPConnection, host: str) -> bool:
    """A socket carries the cookie whoever opens it, so its Origin must be exactly this host."""
    origin = connection.headers.get("origin")
    if origin is None:
        return _has_bearer(connection)
    parts = urlsplit(origin)
    secure = connection.scope.get("scheme") in ("wss", "https")
    schemes = ("https",) if secure else ("http", "https")
    return parts.scheme in schemes and parts.netloc.lower() == host.lower()


def _has_bearer(connection: HTTPConnection) -> bool:
    return connection.headers.get("authorization", "").lower().startswith("bearer ")


def bounded(
    receive: Receive, *, declared: str | None, most: int, seconds: float = BODY_SECONDS, since: float | None = None
) -> Receive:
    """`receive` that raises ProblemError once the body is larger than `most` bytes or is not all here `seconds` after
    the request began (`since`, on the monotonic clock; None: now).

    Refuses at once what declares itself too large, before a byte of it is read.
    """
    if declared is not None and (not declared.isascii() or not declared.isdigit()):
        raise ProblemError(Problem.MALFORMED)
    if declared is not None and (len(declared) > 15 or int(declared) > most):
        raise _closing(Problem.TOO_LARGE)
    deadline = (monotonic() if since is None else since) + seconds
    taken = 0
    complete = False

    async def receive_bounded() -> Message:
        nonlocal taken, complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout(max(deadline - monotonic(), 0)):
                message = await receive()
        except TimeoutError:
            raise _closing(Problem.TOO_SLOW) from None
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            complete = not message.get("more_body", False)
        if taken > most:
            raise _closing(Problem.TOO_LARGE)
        return message

    return receive_bounded


def _closing(code: Problem) -> ProblemError:
    # The rest of the body is still on its way: the connection takes no other request, and ends once the client has had
    # the time to read why (`market.http_protocol`).
    return ProblemError(code, headers={"Connection": "close"})
