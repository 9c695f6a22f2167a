"""Edges of the desk and the recorder: what can't be had or read says so, and what the page has the API has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.deal.traded import case_of, fall, pays, stage
from tests.desk.bank_papers import Line, statement
from tests.desk.test_desk_api import Program
from tests.door.house_server import Server, run_server

if TYPE_CHECKING:
    from migrations.database import Address


@pytest.fixture(scope="module")
async def server(module_database: Address, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A whole house."""
    async for running in run_server(module_database, tmp_path_factory.mktemp("house")):
        yield running


async def test_days_that_cannot_be_fetched_are_named(server: Server) -> None:
    ann = await Program.of(server)
    today = server.house.node_time.now().date()
    for day, until, code in (
        ("9999-12-31", None, "day_to_come"),
        (str(today + timedelta(days=1)), None, "day_to_come"),
        (str(today), str(today - timedelta(days=1)), "too_many_days"),
        ("0001-01-01", str(today), "too_many_days"),
    ):
        asked = {"day": day, "currency": "CNY"} | ({"until": until} if until else {})
        refused = await ann.post("/money/statements/fetch", asked)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    cookie = await server.cookie(ann.party)
    page = await server.client.post(
        f"{server.origin}/operator/money/statements/fetch",
        headers=cookie,
        data={"day": "9999-12-31", "currency": "CNY", "until": ""},
    )
    assert page.status_code == 422 and f"latest statement is that of {today}" in page.text


async def test_a_statement_over_a_gap_names_the_days_and_offers_them(server: Server) -> None:
    ann = await Program.of(server)
    account, now = server.house.centre.accounts["CNY"], server.house.node_time.now()
    day, old = now.date() - timedelta(days=1), now.date() - timedelta(days=5)
    line = Line(bank_id="GAP-1", minor=700, at=now - timedelta(days=1))
    xml = {"content-type": "application/xml"}
    taken = await ann.post(
        "/money/statements", content=statement(day, [line], opening=50, account=account), headers=xml
    )
    assert taken.status_code == 200, taken.text
    late = statement(old, [], opening=7, account=account)
    refused = (await ann.post("/money/statements", content=late, headers=xml)).json()
    assert (refused["code"], refused["missing_from"], refused["missing_until"]) == (
        "statement_days_missing", str(old + timedelta(days=1)), str(day - timedelta(days=1)))  # fmt: skip
    page = await server.client.post(
        f"{server.origin}/operator/money/statements/upload",
        headers=await server.cookie(ann.party),
        files={"file": ("late.xml", late, "application/xml")},
    )
    assert page.status_code == 422 and "Fetch the missing days" in page.text
    assert f'name="day" value="{old}"' in page.text and f'name="until" value="{day - timedelta(days=1)}"' in page.text


async def test_payout_files_are_listed_and_fetched_by_operators_alone(server: Server) -> None:
    ann, eve = await Program.of(server), await Program.of(server, operator=False)
    house, now = server.house, server.house.node_time.now()
    async with house.pool.acquire() as conn:
        on = await stage(conn, bidders=1, desk=house.escrow, now=now)
        await fall(conn, on, closed_at=now, struck_at=now)
        case = await case_of(conn, on)
        await pays(conn, house.escrow, case.reference, case.due_minor, now)
        async with conn.transaction():
            await house.escrow.wallet.register_bank_account(conn, on.seller, "Li Na", "622202000011112222", now)
            await house.escrow.settlement.ship(conn, case.id, on.seller, "SF", "1", now)
            await house.escrow.settlement.receive(conn, case.id, on.winner, now)
            await house.escrow.settlement.confirm_receipt(conn, case.id, on.winner, now)
            await house.escrow.payouts.build_batch(conn, house.centre, now)
    (file,) = (await ann.get("/money/payout-files")).json()["items"]
    assert (file["payouts"], file["currency"]) == (1, "CNY")
    fetched = await ann.get(f"/money/payout-files/{file['id']}")
    assert fetched.headers["content-type"] == "application/xml" and file["message_id"] in fetched.text
    assert (await ann.get("/money/payout-files/99999")).status_code == 404
    for path in ("/money/payout-files", f"/money/payout-files/{file['id']}", "/money/differences"):
        assert (await eve.get(path)).status_code == 403


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/wallet/recorder?from=yesterday", "is no day"),
        ("/wallet/recorder?from=2026-05-02&until=2026-05-01&format=csv", "comes before the first"),
        ("/wallet/recorder?least=much", "amount"),
        ("/wallet/recorder?kind=theft", "Choose from the list"),
        ("/wallet?until=2026-02-31", "is no day"),
    ],
    ids=["no day", "backwards", "no sum", "no kind", "wallet"],
)
async def test_a_filter_that_cannot_be_read_says_so_and_lists_nothing(server: Server, path: str, says: str) -> None:
    member = await server.party()
    answer = await server.client.get(f"{server.origin}{path}", headers=await server.cookie(member))
    assert answer.status_code == 422 and says in answer.text
    month = await server.client.get(f"{server.origin}/wallet/statements/9999-12", headers=await server.cookie(member))
    assert month.status_code == 404
