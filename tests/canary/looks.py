"""Everybody looks at everything: each page, file and answer that there is, by each who may read it, with what he has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.routing import Route

from market.access.rows import Who
from market.access.table import TABLE
from market.app import all_routes
from tests.canary.buyers import ByPage

if TYPE_CHECKING:
    from escrow.facts import Case
    from tests.canary.buyers import Buyer
    from tests.canary.scene import Scene

_LEFT_OUT = {"sign_in_link", "healthz", "readyz", "lot_log", "api.lot_log", "lot_proof", "api.lot_proof", "photo"}
"""A key to a door, and what says nothing of anybody's money."""
MONEY = re.compile(
    r"wallet|deal|deposit|phone|receipt|account|notices|metrics|operator/(money|cases|claims|chargebacks|payouts)|cases"
)
"""The paths where money is, for a short look."""
_PART = re.compile(r"{(\w+)(?::(\w+))?}")
MORE = (
    "/wallet?format=csv", "/wallet/recorder?format=csv", "/wallet/recorder?kind=card", "/deals?role=seller", "/operator/audit",
    "/no-such-page",
)  # fmt: skip


async def everybody(scene: Scene, party: int, case: Case, buyer: Buyer, *, only: re.Pattern[str] | None = None) -> None:
    """The buyer and the seller of a deal, the operator, the programs of both, and somebody who is not signed in."""
    page = buyer if isinstance(buyer, ByPage) else await ByPage.of(scene, party)
    for name, path in paths(await ids_of(scene, party, case), only):
        match TABLE[name].who:
            case Who.OPERATOR:
                await scene.operator.get(path)
            case Who.MEMBER:
                await page.get(path)
                if path.startswith("/api/v1"):
                    await scene.program.ask("GET", path.removeprefix("/api/v1"))
                else:
                    await scene.seller.get(path)
                if TABLE[name].operator_too:
                    await scene.operator.get(path)
            case _:
                scene.journal.keep("a visitor", await scene.http.get(path))
    for path in MORE:
        for browser in (page, scene.seller, scene.operator):
            await browser.get(path)


async def ids_of(scene: Scene, party: int, case: Case) -> dict[str, str]:
    """What a buyer has, as the parts of paths name it."""
    async with scene.pool.acquire() as conn:
        ids = {
            "case_id": case.id,
            "lot_id": int(case.subject.partition(":")[2]),
            "request_id": await conn.fetchval("select max(id) from market.phone_request where party_id = $1", party),
            "deposit_id": await conn.fetchval("select max(id) from escrow.deposit where party_id = $1", party),
            "payment_id": await conn.fetchval("select id from escrow.card_payment where party_id = $1 limit 1", party),
        }
    return {part: str(value) for part, value in ids.items() if value is not None}


def paths(ids: dict[str, str], only: re.Pattern[str] | None = None) -> list[tuple[str, str]]:
    """Every route that is only read, by name, with these ids; an id that nothing is known of is 1. With `only`, those whose
    path it finds.
    """

    def part(match: re.Match[str]) -> str:
        return ids.get(match[1], "1")

    return [
        (route.name, _PART.sub(part, route.path))
        for route in all_routes()
        if isinstance(route, Route)
        and "GET" in (route.methods or ())
        and route.name not in _LEFT_OUT
        and (only is None or only.search(route.path))
    ]
