"""Above the limit an operator alone, however often he presses, moves nothing; two who ask for the same do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market.second_person import Awaited, Wish, agreed
from tests.door.house_server import Server
from tests.sell.test_pages import get, on_show, post, saved_draft

if TYPE_CHECKING:
    from httpx2 import Response

DEAR, LATE = 200_000_000, "2099-01-01T00:00"


async def act(server: Server, who: int, lot_id: int, name: str, **more: str) -> Response:
    fields = {f"{name}_reason": "the seller asks", "confirmed": "1", **more}
    return await post(server, who, f"/operator/lots/{lot_id}/act/{name}", fields)


async def outcome(server: Server, lot_id: int) -> tuple[str | None, bool]:
    async with server.house.pool.acquire() as conn:
        row = await conn.fetchrow("select outcome, paused_at from auction.standing where lot_id = $1", lot_id)
    assert row is not None
    return row["outcome"], row["paused_at"] is not None


async def test_a_dear_lot_is_voided_by_two_and_not_by_one(server: Server) -> None:
    seller = await server.party()
    first, second = await server.party(operator=True), await server.party(operator=True)
    lot_id = await on_show(server, seller, first, start_price_minor=DEAR, reserve_minor=None)
    for _ in range(2):
        assert (await act(server, first, lot_id, "void")).status_code == 303
        assert await outcome(server, lot_id) == (None, False)
    seen = await get(server, second, f"/operator/lots/{lot_id}")
    assert "Waits for a second operator" in seen.text and "the seller asks" in seen.text
    assert "Waits for a second operator" in (await get(server, second, "/operator")).text
    assert (await act(server, second, lot_id, "pause")).status_code == 303
    assert await outcome(server, lot_id) == (None, False), "another act is no yes to this one"
    assert (await act(server, second, lot_id, "void")).status_code == 303
    assert (await outcome(server, lot_id))[0] == "void"


async def test_two_have_to_mean_the_same_end(server: Server) -> None:
    seller = await server.party()
    first, second = await server.party(operator=True), await server.party(operator=True)
    lot_id = await on_show(server, seller, first, start_price_minor=DEAR, reserve_minor=None)
    ends = "select ends_at from auction.standing where lot_id = $1"
    async with server.house.pool.acquire() as conn:
        before = await conn.fetchval(ends, lot_id)
        await act(server, first, lot_id, "extend", ends_at=LATE)
        await act(server, second, lot_id, "extend", ends_at="2098-01-01T00:00")
        assert await conn.fetchval(ends, lot_id) == before
        await act(server, second, lot_id, "extend", ends_at=LATE)
        assert await conn.fetchval(ends, lot_id) > before


async def test_the_api_says_that_nothing_has_changed_yet_and_a_cheap_lot_needs_no_second(server: Server) -> None:
    seller, operator = await server.party(), await server.party(operator=True)
    dear = await on_show(server, seller, operator, start_price_minor=DEAR, reserve_minor=None)
    cheap = await on_show(server, seller, operator)
    token = await server.bearer(operator)
    answers = {}
    for lot_id in (dear, cheap):
        headers = {**token, "Idempotency-Key": f"pause-{lot_id}"}
        answers[lot_id] = await server.client.post(
            f"/api/v1/lots/{lot_id}/pause", json={"reason": "a fault"}, headers=headers
        )
    assert (answers[dear].status_code, answers[dear].json()["type"]) == (200, "awaits_second")
    assert answers[cheap].json()["paused_at"]
    assert await outcome(server, dear) == (None, False)


async def test_of_many_units_all_together_are_at_stake(server: Server) -> None:
    seller, operator = await server.party(), await server.party(operator=True)
    lot_id = await saved_draft(server, seller)
    many = "update market.listing set format = 'uniform', options = '{\"quantity\": 1000}', start_price_minor = 5000 where id = $1"
    wish = Wish(lot_id=lot_id, act="void", ends_at=None, reason="a fault", operator_id=operator)
    async with server.house.pool.acquire() as conn, conn.transaction():
        await conn.execute(many, lot_id)
        now = server.house.node_time.now()
        assert await agreed(conn, wish, 5_000_001, now) is None
        assert isinstance(await agreed(conn, wish, 5_000_000, now), Awaited)
