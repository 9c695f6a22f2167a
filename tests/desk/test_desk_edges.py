"""Edges of the desk and the recorder: what can't be had or read says so, and what the page has the API has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.deal.traded import case_of, fall, pays, stage
from tests.desk.bank_papers import Line, statement
from tests.desk.test_desk_api import Program
from tests.door.house_server import Server, run_server
from tests.sell.stall import incoming

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


async def test_a_reversed_booking_is_posted_on_the_page_and_by_program_once(server: Server) -> None:
    ann, house = await Program.of(server), server.house
    account, now = house.centre.accounts["JPY"], house.node_time.now()
    came = [msgspec.structs.replace(incoming("unknown", 900, "JPY"), booked_at=now - timedelta(hours=1)) for _ in "ab"]
    async with house.pool.acquire() as conn, conn.transaction():
        for notice in came:
            await house.escrow.inbox.receive(conn, notice, now)
    lines = [Line(bank_id=one.bank_id, minor=900, at=now, reverses=None) for one in came]
    undo = [
        Line(bank_id="JR-1", minor=-900, at=now, reverses=came[0].bank_id),
        Line(bank_id="JR-2", minor=-900, at=now, reverses=""),
    ]
    day = statement(now.date(), [*lines, *undo], account=account, currency="JPY", exponent=0)
    taken = await ann.post("/money/statements", content=day, headers={"content-type": "application/xml"})
    assert taken.status_code == 200, taken.text
    listed = (await ann.get("/money/entries?state=open&currency=JPY")).json()["items"]
    first, second = (one for one in listed if one["is_reversal"])
    assert next((one["id"], one["surely"]) for one in first["originals"]) == (came[0].bank_id, True)
    assert not any(one["surely"] for one in second["originals"]) and len(second["originals"]) == 2
    cookie = await server.cookie(ann.party)
    for lang, words in (("zh", "被冲正的原记录"), ("en", "What it undoes")):
        page = await server.client.get(
            f"{server.origin}/operator/money/entries?currency=JPY&lang={lang}", headers=cookie
        )
        assert words in page.text and came[0].bank_id in page.text
    form = {"act": "reverse", "row": f"notice:{came[0].bank_id}", "note": "the bank's letter"}
    where = f"{server.origin}/operator/money/entries/{first['id']}"
    assert (await server.client.post(where, headers=cookie, data=form)).status_code == 303
    wish = {"act": "reverse", "kind": "notice", "row": came[0].bank_id, "note": "the same again"}
    twice = await ann.post(f"/money/entries/{second['id']}", wish)
    assert twice.json()["code"] == "no_such_original", "it is undone already"
    done = (await ann.post(f"/money/entries/{second['id']}", {**wish, "row": came[1].bank_id})).json()
    assert (done["state"], done["matched_kind"], done["matched_id"]) == ("matched", "reversal", "JR-2")
    (yen,) = [one for one in (await ann.get("/money/reconciliation")).json()["items"] if one["currency"] == "JPY"]
    assert (yen["book_minor"], yen["unexplained_minor"]) == ("0", "0")
