"""Schemathesis reads `/openapi.json` and knocks with what it makes up: no crash, and every answer as documented.

Bounded: a few examples an operation. Operations that others' tests need for themselves (tokens, registration) are in.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

if TYPE_CHECKING:
    from tests.door.house_server import Server

EXAMPLES = 2


def no_crash(ctx: Any, response: Any, case: Any) -> None:
    """No bug shows. 503 is an answer: no vault runs here, and the house says so."""
    assert response.status_code < 500 or response.status_code == 503, response.text


CHECKS = [no_crash, status_code_conformance, content_type_conformance, response_schema_conformance]
SECONDS = 40.0


def _knock(origin: str, headers: dict[str, str], document: dict[str, Any]) -> list[str]:
    """Every operation with a few made-up requests; what was wrong."""
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=origin)
    found: list[str] = []
    for result in schema.get_all_operations():
        one = result.ok()
        wrong = _try(one, headers)
        if wrong:
            found.append(f"{one.method.upper()} {one.path}: {wrong}")
    return found


def _try(one: Any, headers: dict[str, str]) -> str:
    settings = hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @settings
    @hypothesis.given(case=one.as_strategy())
    def knock(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=40)

    try:
        knock()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


async def test_no_made_up_request_crashes_the_house_or_gets_an_undocumented_answer(server: Server) -> None:
    document = (await server.client.get("/openapi.json")).json()
    party = await server.party(operator=True)
    headers = await server.bearer(party)
    # A revoked token would end the run: the one operation that takes the tester's own ground away.
    del document["paths"]["/api/v1/tokens/{token_id}"]
    found = await asyncio.wait_for(asyncio.to_thread(_knock, server.origin, headers, document), SECONDS * 3)
    assert found == []
