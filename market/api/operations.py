"""One operation of the API: its route, its shapes and its door, all read from one annotated function.

`@operation("POST", "/deals/{case_id:int}/shipment", tag="deals")` over a function makes the route, decodes query and
body into the structs that its parameters name, opens the transaction, and encodes what it returns. `market.openapi`
documents the same objects, so the document can't differ from the door. Knows no area's business.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from market.house import House, house_of
from market.idempotency import idempotent
from market.problems import Problem, ProblemError
from market.rendering import language_of

if TYPE_CHECKING:
    from market.catalogue import Language
    from market.viewer import Viewer
    from migrations.database import Connection

PREFIX = "/api/v1"
JSON = "application/json"
LARGEST_ID = 2**63 - 1
_PATH_PARAMETER = re.compile(r"\{(\w+):(\w+)\}")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to an operation. `conn` is in a transaction for everything but GET."""

    request: Request
    conn: Connection
    now: datetime

    @property
    def viewer(self) -> Viewer:
        user: Viewer = self.request.user
        return user

    @property
    def house(self) -> House:
        return house_of(self.request)

    @property
    def lang(self) -> Language:
        return language_of(self.request)

    def afterwards(self, act: Callable[[], Awaitable[object]]) -> None:
        """Do this once the transaction has been committed."""
        if not hasattr(self.request.state, "afterwards"):
            self.request.state.afterwards = []
        self.request.state.afterwards.append(act)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What the router, the document and the page of the API know of one operation."""

    name: str
    method: str
    path: str
    tag: str
    handler: Callable[..., Awaitable[Any]] = field(repr=False)
    body: Any = None
    query: Any = None
    answer: Any = None
    status: int = 200
    keyed: bool = False
    """Wants an Idempotency-Key: the operation has one effect however often it is sent."""
    body_media_types: tuple[str, ...] = (JSON,)
    returns_media: str = JSON
    raw: bool = False
    """The handler takes the request alone: it reads its own body and needs no connection."""

    @property
    def route_name(self) -> str:
        return f"api.{self.name}"

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """Name and converter of each parameter in the path."""
        return tuple(_PATH_PARAMETER.findall(self.path))

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return PREFIX + _PATH_PARAMETER.sub(r"{\1}", self.path)


OPERATIONS: dict[str, Operation] = {}
"""Every operation by its name, in the order of definition."""


def operation(
    method: str,
    path: str,
    *,
    tag: str,
    status: int = 200,
    keyed: bool | None = None,
    body_media_types: tuple[str, ...] = (JSON,),
    returns_media: str = JSON,
    raw: tuple[Any, Any] | None = None,
) -> Callable[[Callable[..., Awaitable[T]]], Callable[..., Awaitable[T]]]:
    """Register the decorated function. POSTs want an Idempotency-Key unless `keyed` says otherwise.

    `raw` names the body's and the answer's struct of a handler that takes the request alone and answers by itself.
    """

    def register(handler: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
        hints = get_type_hints(handler, include_extras=True)
        if raw is not None:
            hints = {"body": raw[0], "return": raw[1]}
        answer = hints["return"]
        OPERATIONS[handler.__name__] = Operation(
            name=handler.__name__,
            method=method,
            path=path,
            tag=tag,
            handler=handler,
            body=hints.get("body"),
            query=hints.get("query"),
            answer=None if answer is type(None) else answer,
            status=204 if answer is type(None) else status,
            keyed=method == "POST" if keyed is None else keyed,
            body_media_types=body_media_types,
            returns_media=returns_media,
            raw=raw is not None,
        )
        return handler

    return register


def granted(value: Any) -> Any:
    """The value itself, or the problem that a refusal means. Refusals are enum members, results never are."""
    if isinstance(value, StrEnum):
        raise ProblemError(value)
    return value


def routes_of(module: str) -> list[Route]:
    """The routes of the operations that `module` defines."""
    return [_route(one) for one in OPERATIONS.values() if one.handler.__module__ == module]


def _route(one: Operation) -> Route:
    endpoint: Any = one.handler if one.raw else _keyed(one) if one.keyed else _plain(one)
    return Route(PREFIX + one.path, endpoint, methods=[one.method], name=one.route_name)


def _keyed(one: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request, conn: Connection) -> Response:
        return await _answer(one, request, conn)

    once = idempotent(endpoint)

    async def and_afterwards(request: Request) -> Response:
        response = await once(request)
        await _run_afterwards(request)
        return response

    return and_afterwards


async def _run_afterwards(request: Request) -> None:
    for act in getattr(request.state, "afterwards", ()):
        await act()


def _plain(one: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        async with house_of(request).pool.acquire() as conn:
            if one.method == "GET":
                return await _answer(one, request, conn)
            async with conn.transaction():
                response = await _answer(one, request, conn)
        await _run_afterwards(request)
        return response

    return endpoint


async def _answer(one: Operation, request: Request, conn: Connection) -> Response:
    given = {**_path_values(one, request), **await _shapes(one, request)}
    call = Call(request=request, conn=conn, now=house_of(request).node_time.now())
    result = await one.handler(call, **given)
    if isinstance(result, Response):
        return result
    if one.answer is None:
        return Response(status_code=204)
    return Response(msgspec.json.encode(result), one.status, media_type=JSON)


def _path_values(one: Operation, request: Request) -> dict[str, Any]:
    values = {name: request.path_params[name] for name, _ in one.parameters}
    if any(isinstance(value, int) and value > LARGEST_ID for value in values.values()):
        raise ProblemError(Problem.NOT_FOUND)
    return {name: value for name, value in values.items() if name in inspect.signature(one.handler).parameters}


async def _shapes(one: Operation, request: Request) -> dict[str, Any]:
    shapes: dict[str, Any] = {}
    try:
        if one.query is not None:
            shapes["query"] = msgspec.convert(_single(request), one.query, strict=False)
        if one.body is not None and one.body is not bytes:
            _check_media_type(one, request)
            shapes["body"] = msgspec.json.decode(await request.body(), type=one.body)
        elif one.body is bytes:
            _check_media_type(one, request)
            shapes["body"] = await request.body()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProblemError(Problem.MALFORMED, fault=str(error)) from error
    return shapes


def _check_media_type(one: Operation, request: Request) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in one.body_media_types:
        raise ProblemError(Problem.UNSUPPORTED_MEDIA)


def _single(request: Request) -> dict[str, str]:
    """The query as one value a name. A name given twice is refused: which of the two was meant?"""
    items = request.query_params.multi_items()
    values = dict(items)
    if len(values) != len(items):
        raise ProblemError(Problem.MALFORMED, fault="a query parameter is given twice")
    return values
