"""The documents of the API: every route is in, nothing else is, and both languages read it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.routing import Route

from market import api
from market.access.table import TABLE
from market.api.operations import OPERATIONS, PREFIX
from market.catalogue import Catalogue
from market.openapi import asyncapi_document, openapi_document

if TYPE_CHECKING:
    from tests.door.house_server import Server


def test_every_route_of_the_api_is_documented_and_nothing_else() -> None:
    served = {
        (re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path), method)
        for route in api.routes()
        if isinstance(route, Route) and route.path.startswith(PREFIX)
        for method in (route.methods or set()) - {"HEAD"}
    }
    documented = {(path, method.upper()) for path, item in openapi_document()["paths"].items() for method in item}
    assert served == documented


def test_every_operation_has_a_row_and_a_sentence() -> None:
    api.routes()
    catalogue = Catalogue.load()
    for one in OPERATIONS.values():
        assert one.route_name in TABLE
        assert f"api_operation.{one.name}" in catalogue
        assert f"api_area.{one.tag}" in catalogue


def test_no_two_shapes_have_one_name() -> None:
    # A name that is taken twice comes with its module before it.
    assert not [name for name in openapi_document()["components"]["schemas"] if "market_" in name or "auction_" in name]


def test_every_reference_in_the_documents_leads_somewhere() -> None:
    for document in (openapi_document(), asyncapi_document()):
        for reference in _references(document):
            place = document
            for part in reference.removeprefix("#/").split("/"):
                assert part in place, reference
                place = place[part]


def _references(part: object) -> list[str]:
    if isinstance(part, dict):
        here = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return here + [each for value in part.values() for each in _references(value)]
    if isinstance(part, list):
        return [each for value in part for each in _references(value)]
    return []


def test_no_amount_of_money_is_a_json_float() -> None:
    for name, shape in openapi_document()["components"]["schemas"].items():
        for field, kind in shape.get("properties", {}).items():
            assert '"number"' not in repr(kind), (name, field)
            if field.endswith("_minor"):
                kinds = [each.get("type") for each in kind.get("anyOf", [kind])]
                assert set(kinds) <= {"string", "integer", "null"}, (name, field)


async def test_the_documents_and_the_page_are_served(server: Server) -> None:
    document = (await server.client.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    assert (await server.client.get("/asyncapi.json")).json()["asyncapi"] == "3.0.0"
    for lang, words in (("en", "Confirm and pay the seller"), ("zh", "确认收货并付款给卖方")):
        page = await server.client.get(f"/api?lang={lang}", headers={"accept": "text/html"})
        assert page.status_code == 200, page.text
        assert words in page.text
