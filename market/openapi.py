"""OpenAPI 3.1 of `/api/v1` and AsyncAPI 3 of the socket, built from the structs and routes that serve them.

Pure: two plain dicts, and the routes that serve them. What is not an operation is not documented, and the other way.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, get_args

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auction import messages
from auction.public import PublicState
from market.access.rows import Who
from market.access.table import TABLE
from market.api.operations import JSON, OPERATIONS, Operation
from market.api.shapes import Problem
from market.catalogue import Catalogue

REF = "#/components/schemas/{name}"
PROBLEM_JSON = "application/problem+json"
FROM_CLIENT: tuple[type, ...] = get_args(messages.ClientMessage)
TO_CLIENT: tuple[type, ...] = (
    PublicState,
    messages.Subscribed,
    messages.OwnPlace,
    messages.Pong,
    messages.BidAccepted,
    messages.BidRefused,
    messages.BidUnknown,
    messages.HistoryRows,
    messages.Watching,
    messages.News,
    messages.Error,
)


def _version() -> str:
    try:
        return version("gavelhouse")
    except PackageNotFoundError:
        return "0"


@cache
def openapi_document() -> dict[str, Any]:
    """The whole document. The areas must have been imported (`market.api.routes` does)."""
    from market import api

    api.routes()
    catalogue = Catalogue.load()
    operations = list(OPERATIONS.values())
    types = [one.answer for one in operations if one.answer is not None and one.returns_media == JSON]
    types += [one.body for one in operations if one.body not in (None, bytes)]
    queries = [one.query for one in operations if one.query is not None]
    schemas, components = msgspec.json.schema_components([*types, *queries, Problem], ref_template=REF)
    by_type = dict(zip([repr(each) for each in [*types, *queries, Problem]], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.template, {})[one.method.lower()] = _operation(one, by_type, components, catalogue)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": catalogue.text("api.title", "en"),
            "version": _version(),
            "description": catalogue.text("api.lead", "en"),
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in operations)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(
    one: Operation, schemas: dict[str, Any], components: dict[str, Any], catalogue: Catalogue
) -> dict[str, Any]:
    summary = catalogue.text(f"api_operation.{one.name}", "en")
    who = TABLE[one.route_name].who
    documented: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.tag],
        "summary": summary,
        "parameters": [*_path_parameters(one), *_query_parameters(one, schemas, components), *_headers(one)],
        "responses": _responses(one, schemas),
    }
    if who is Who.VISITOR:
        documented["security"] = [{}, {"token": []}]
    if one.body is bytes:
        binary = {"schema": {"type": "string", "format": "binary"}}
        documented["requestBody"] = {"required": True, "content": dict.fromkeys(one.body_media_types, binary)}
    elif one.body is not None:
        documented["requestBody"] = {"required": True, "content": {JSON: {"schema": schemas[repr(one.body)]}}}
    return documented


def _path_parameters(one: Operation) -> list[dict[str, Any]]:
    kinds = {
        "int": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
        "uuid": {"type": "string", "format": "uuid"},
        "str": {"type": "string", "minLength": 1},
    }
    return [{"name": name, "in": "path", "required": True, "schema": kinds[kind]} for name, kind in one.parameters]


def _query_parameters(one: Operation, schemas: dict[str, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    if one.query is None:
        return []
    schema = schemas[repr(one.query)]
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    required = set(schema.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _from_text(shape)}
        for name, shape in schema["properties"].items()
    ]


def _from_text(shape: dict[str, Any]) -> dict[str, Any]:
    """A query can leave a parameter away; it has no way to say null."""
    if "anyOf" not in shape:
        return shape
    kept = [each for each in shape["anyOf"] if each.get("type") != "null"]
    rest = {name: value for name, value in shape.items() if name not in ("anyOf", "default")}
    return {**rest, **kept[0]} if len(kept) == 1 else {**rest, "anyOf": kept}


def _headers(one: Operation) -> list[dict[str, Any]]:
    if not one.keyed:
        return []
    schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9._:-]+$"}
    return [{"name": "Idempotency-Key", "in": "header", "required": True, "schema": schema}]


def _responses(one: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "done"}
    if one.answer is not None:
        schema = schemas[repr(one.answer)] if one.returns_media == JSON else {"type": "string"}
        good["content"] = {one.returns_media: {"schema": schema}}
    problem = {"description": "refused", "content": {PROBLEM_JSON: {"schema": REF_TO_PROBLEM}}}
    return {str(one.status): good, "4XX": problem, "503": problem}


REF_TO_PROBLEM = {"$ref": REF.format(name="Problem")}


@cache
def asyncapi_document() -> dict[str, Any]:
    """The socket: what a client may send and what it may get, each message by its struct in `auction.live`."""
    catalogue = Catalogue.load()
    sent, got = list(FROM_CLIENT), list(TO_CLIENT)
    schemas, components = msgspec.json.schema_components([*sent, *got], ref_template=REF, schema_hook=_raw)
    named = dict(zip([each.__name__ for each in [*sent, *got]], schemas, strict=True))
    described = {name: {"payload": schema, "contentType": JSON} for name, schema in named.items()}

    def refs(structs: list[type], where: str) -> list[dict[str, str]]:
        return [{"$ref": f"{where}/{struct.__name__}"} for struct in structs]

    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": catalogue.text("api.socket_title", "en"),
            "version": _version(),
            "description": catalogue.text("api.socket_lead", "en"),
        },
        "defaultContentType": JSON,
        "servers": {"house": {"host": "localhost", "protocol": "wss", "description": "subprotocol gavelhouse.v1"}},
        "channels": {
            "live": {
                "address": "/live",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in described},
                "bindings": {"ws": {"method": "GET"}},
            }
        },
        "operations": {
            "send": {
                "action": "receive",
                "channel": {"$ref": "#/channels/live"},
                "messages": refs(sent, "#/channels/live/messages"),
            },
            "get": {
                "action": "send",
                "channel": {"$ref": "#/channels/live"},
                "messages": refs(got, "#/channels/live/messages"),
            },
        },
        "components": {"messages": described, "schemas": components},
    }


def _raw(kind: type) -> dict[str, Any]:
    """Rows of the log are passed on as they were hashed: a JSON object each."""
    if kind is msgspec.Raw:
        return {"type": "object"}
    raise NotImplementedError(kind)


async def openapi_json(request: Request) -> Response:
    """The document, as it is served."""
    return _json(openapi_document())


async def asyncapi_json(request: Request) -> Response:
    """The socket's document, as it is served."""
    return _json(asyncapi_document())


def _json(document: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(document), media_type=JSON, headers={"Cache-Control": "public, max-age=300"})


routes = [
    Route("/openapi.json", openapi_json, name="openapi"),
    Route("/asyncapi.json", asyncapi_json, name="asyncapi"),
]
