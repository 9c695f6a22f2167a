"""The page that reads the API's document to people: areas, operations, parameters, shapes, from `/openapi.json` itself."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from market.api.operations import OPERATIONS
from market.openapi import openapi_document
from market.rendering import render


async def api_docs(request: Request) -> Response:
    """Every operation by area, complete from the server."""
    document = openapi_document()
    areas: dict[str, list[dict[str, object]]] = {}
    for one in OPERATIONS.values():
        described = document["paths"][one.template][one.method.lower()]
        areas.setdefault(one.tag, []).append({"operation": one, "described": described})
    context = {"areas": areas, "schemas": document["components"]["schemas"]}
    return render(request, "api/docs.html", context)


routes = [Route("/api", api_docs, name="api_docs")]
