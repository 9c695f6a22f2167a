"""An operator finds every page of his by links from the control room."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from starlette.routing import Route

from market.app import all_routes
from market.authorization import TABLE, Who

if TYPE_CHECKING:
    from tests.door.house_server import Server


async def test_every_operators_page_is_reached_by_links_from_the_control_room(server: Server) -> None:
    wanted = {
        route.path
        for route in all_routes()
        if isinstance(route, Route)
        and "GET" in (route.methods or ())
        and "{" not in route.path
        and not route.path.endswith(".csv")
        and TABLE[route.name].who is Who.OPERATOR
        and route.path.startswith("/operator")
    }
    headers = await server.cookie(await server.party(operator=True))
    met, waiting = {"/operator"}, ["/operator"]
    while waiting:
        page = await server.client.get(waiting.pop(), headers=headers)
        for link in re.findall(r'href="(/operator[^"#?]*)', unescape(page.text)):
            if link not in met:
                met.add(link)
                waiting.append(link)
    assert sorted(wanted - met) == ["/operator/money/batches/new"], (
        "where one comes from a queue that has something to choose"
    )
