"""Numbers and times at the ends of what a program can write: a plain answer, never a fault of the house."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from tests.door.house_server import Server


@pytest.mark.parametrize("number", [2**63, 2**70, 10**18, "9" * 5000], ids=["2^63", "2^70", "10^18", "5000 digits"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/lots/{}"),
        ("GET", "/lots/{}/confirmation"),
        ("GET", "/api/v1/lots/{}"),
        ("POST", "/api/v1/lots/{}/bids"),
        ("POST", "/api/v1/lots/{}/application"),
        ("GET", "/api/v1/deals/{}"),
    ],
)
async def test_a_number_that_is_no_id_finds_nothing(server: Server, number: object, method: str, path: str) -> None:
    headers = {**await server.bearer(await server.party()), "idempotency-key": str(uuid4())}
    body: dict[str, Any] = {"json": {"amount": "100"}} if path.endswith("bids") else {}
    answer = await server.client.request(method, server.origin + path.format(number), headers=headers, **body)
    assert answer.status_code == 404, answer.text[:300]


@pytest.mark.parametrize("at", ["9999-12-31T23:00:00-14:00", "9999-12-31T23:00:00Z", "0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("path", ["/api/v1/lots", "/api/v1/lots/check"])
async def test_a_time_at_the_end_of_the_calendar_is_refused(server: Server, path: str, at: str) -> None:
    headers = {**await server.bearer(await server.party()), "idempotency-key": str(uuid4())}
    for name in ("starts_at", "cap_at"):
        draft = {"currency": "CNY", "timed_seconds": 86_400, name: at}
        answer = await server.client.post(server.origin + path, headers=headers, json=draft)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), answer.text[:300]
        headers["idempotency-key"] = str(uuid4())


async def test_a_draft_with_caps_of_both_kinds_is_refused_and_its_check_says_why(server: Server) -> None:
    draft = {"currency": "CNY", "timed_seconds": 60, "extension_seconds": 10, "cap_extensions": 3}
    draft["cap_at"] = "2100-01-01T00:00:00Z"
    headers = {**await server.bearer(await server.party()), "idempotency-key": str(uuid4())}
    answer = await server.client.post(server.origin + "/api/v1/lots", headers=headers, json=draft)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), answer.text[:300]
    assert "cap_at" in answer.json()["fault"]
    checked = await server.client.post(server.origin + "/api/v1/lots/check", headers=headers, json=draft)
    assert "two_caps" in {found["code"] for found in checked.json()["findings"]}
