"""Five hundred connections that mean harm or nothing, and one bidder: the short form of `make flood`."""

from __future__ import annotations

import pytest

from auction import desk, store
from auction.facts import StepBand
from benchmarks.flood import attack
from market import open_files, tokens
from tests.auction.house import a_lot
from tests.door.house_server import ImpatientProtocol, Server


async def test_the_house_goes_on_under_five_hundred_connections(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_files.raise_limit()
    # House and flood share one loop here; half a second would be too short for a head on a busy machine.
    monkeypatch.setattr(ImpatientProtocol, "head_seconds", 2.0)
    await server.party()  # the lot is number one's, who may not bid on it
    bidder = await server.party()
    async with server.house.pool.acquire() as conn, conn.transaction():
        now = await store.database_time(conn)
        lot = a_lot(start_price_minor=100, steps=(StepBand(increment_minor=100),))
        await desk.open_lot(conn, lot, now)
        await desk.admit(conn, lot_id=1, party_id=bidder, now=now)
        token = await tokens.create_token(conn, bidder, "bidder", now)
    assert isinstance(token, str)
    bound = server.house.live.limits.sockets_per_address
    figures = await attack(server.port, 1, token, connections=450, greedy=bound + 20, seconds=4.0)
    assert figures["greedy_taken"] == bound and figures["greedy_refused"] == 20
    assert figures["watching"] == 150 and figures["watching_refused"] == 0
    # Who sends no head, or dribbles one, is gone by the end.
    assert figures["silent_left"] == figures["trickling_left"] == 0
    assert figures["bids"] >= 4 and figures["ack_p50_ms"] < 2000
    assert (await server.client.get("/readyz")).status_code == 200


def test_the_bound_of_open_files_is_raised_and_keeps_some_back() -> None:
    most = open_files.raise_limit()
    assert open_files.raise_limit() == most
    assert open_files.most_connections() == most - open_files.KEPT_BACK
