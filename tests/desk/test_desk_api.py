"""The settlement desk by program: two operators, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from httpx2 import Response

from escrow.facts import BankNotice
from tests.deal.traded import case_of, fall, pays, stage
from tests.desk.bank_papers import Line, statement
from tests.door.house_server import Server, run_server
from tests.sell.stall import incoming

if TYPE_CHECKING:
    from migrations.database import Address

LIMIT = 100_000_000


@pytest.fixture(scope="module")
async def server(module_database: Address, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A whole house."""
    async for running in run_server(module_database, tmp_path_factory.mktemp("house")):
        yield running


@dataclass
class Program:
    """Somebody with a token."""

    server: Server
    party: int
    headers: dict[str, str]
    number: int = 0

    @classmethod
    async def of(cls, server: Server, *, operator: bool = True) -> Program:
        party = await server.party(operator=operator)
        return cls(server, party, await server.bearer(party))

    async def get(self, path: str) -> Response:
        return await self.server.client.get(f"{self.server.origin}/api/v1{path}", headers=self.headers)

    async def post(self, path: str, body: Any = None, **more: Any) -> Response:
        self.number += 1
        headers = {**self.headers, "idempotency-key": f"{self.party}-{self.number}", **more.pop("headers", {})}
        sent = more or ({"json": body} if body is not None else {})
        return await self.server.client.post(f"{self.server.origin}/api/v1{path}", headers=headers, **sent)

    async def strange(self, amount_minor: int) -> tuple[int, BankNotice]:
        """Money that fits nothing: its item, and what the bank told."""
        house = self.server.house
        now = house.node_time.now()
        notice = msgspec.structs.replace(incoming("no reference", amount_minor), booked_at=now)
        async with house.pool.acquire() as conn, conn.transaction():
            got = await house.escrow.inbox.receive(conn, notice, now)
        assert got.item_id is not None
        return got.item_id, notice


def to_wallet(item: int, party: int) -> dict[str, Any]:
    return {"act": "quarantine_apply", "id": item, "into": "wallet", "into_id": party}


async def test_a_large_batch_waits_for_another_operator_and_counts_once(server: Server) -> None:
    ann, bob, tom, eve = [await Program.of(server) for _ in range(4)]
    item, _ = await ann.strange(LIMIT)
    acts = [to_wallet(item, eve.party)]
    seen = (await ann.post("/money/batches/preview", {"acts": acts})).json()
    assert seen["needs_second"] and seen["can_be_done"]
    (posting,) = seen["lines"][0]["postings"]
    assert (posting["credit"], posting["credit_before_minor"], posting["credit_after_minor"]) == (
        f"wallet:{eve.party}", "0", str(LIMIT),
    )  # fmt: skip
    alone = await ann.post(f"/money/quarantine/{item}/apply", {"target": "wallet", "id": eve.party, "reason": "his"})
    assert (alone.status_code, alone.json()["code"]) == (409, "batch_needs_second")
    made = await ann.post("/money/batches", {"acts": acts, "reason": "his"})
    assert (made.status_code, made.json()["state"]) == (201, "waiting")
    batch = f"/money/batches/{made.json()['id']}"
    own = await ann.post(f"{batch}/confirm")
    assert (own.status_code, own.json()["code"]) == (403, "batch_same_person")
    gaining = await eve.post(f"{batch}/confirm")
    assert (gaining.status_code, gaining.json()["code"]) == (403, "own_money")
    answers = await asyncio.gather(bob.post(f"{batch}/confirm"), tom.post(f"{batch}/confirm"))
    assert sorted(one.status_code for one in answers) == [200, 409]
    assert (await bob.get(batch)).json()["batch"]["state"] == "done"
    wrong = await ann.post("/money/batches", {"acts": [{"act": "quarantine_return", "id": item, "into": "wallet", "into_id": 1}], "reason": "x"})  # fmt: skip
    assert wrong.json()["code"] == "batch_into_missing"
    gone = await ann.post("/money/batches", {"acts": [{"act": "quarantine_return", "id": item}], "reason": "x"})
    assert (gone.json()["code"], gone.json()["act_number"]) == ("item_decided", 1)


async def test_a_deal_is_refunded_from_its_own_page_by_no_fewer_people_than_at_the_desk(server: Server) -> None:
    ann, eve = [await Program.of(server) for _ in range(2)]
    item, _ = await ann.strange(LIMIT - 1)
    small = await ann.post(f"/money/quarantine/{item}/apply", {"target": "wallet", "id": eve.party, "reason": "hers"})
    assert small.status_code == 200
    house = server.house
    async with house.pool.acquire() as conn:
        now = house.node_time.now()
        sold = await stage(conn, bidders=2, desk=house.escrow, now=now)
        await fall(conn, sold, closed_at=now, struck_at=now)
        case = await case_of(conn, sold)
        await pays(conn, house.escrow, case.reference, case.due_minor, now)
    refund = (f"/deals/{case.id}/cancellation", {"reason": "both ask for it"})
    more = await ann.post(*refund)
    assert (more.status_code, more.json()["code"]) == (409, "batch_needs_second")
    done = await eve.post(*refund)
    assert (done.status_code, done.json()["state"]) == (200, "cancelled")


async def test_a_statement_is_taken_matched_and_the_day_closed(server: Server) -> None:
    ann = await Program.of(server)
    now, account = server.house.node_time.now(), server.house.centre.accounts["USD"]
    notice = msgspec.structs.replace(incoming("a cup", 700, "USD"), booked_at=now)
    async with server.house.pool.acquire() as conn, conn.transaction():
        await server.house.escrow.inbox.receive(conn, notice, now)
    lines = [
        Line(bank_id=notice.bank_id, minor=700, at=now, reference="a cup"),
        Line(bank_id="X-1", minor=-30, at=now, reference="charge"),
    ]
    xml = {"content-type": "application/xml"}
    wrong = statement(now.date(), lines, account=account, currency="USD", closing=1)
    refused = await ann.post("/money/statements", content=wrong, headers=xml)
    assert (refused.status_code, refused.json()["code"]) == (422, "statement_balances_disagree")
    assert "700" not in refused.json()["title"] and "670" in refused.json()["detail"]
    body = statement(now.date(), lines, account=account, currency="USD")
    taken = (await ann.post("/money/statements", content=body, headers=xml)).json()["items"]
    again = (await ann.post("/money/statements", content=body, headers=xml)).json()["items"]
    assert [(one["fresh"], one["again"]) for one in (*taken, *again)] == [(2, False), (0, True)]
    (entry,) = (await ann.get("/money/entries?state=open&currency=USD")).json()["items"]
    unsaid = await ann.post(f"/money/entries/{entry['id']}", {"act": "explain"})
    assert unsaid.json()["code"] == "note_missing"
    said = await ann.post(f"/money/entries/{entry['id']}", {"act": "explain", "note": "monthly charge"})
    assert said.json()["state"] == "explained"
    (dollars,) = [one for one in (await ann.get("/money/reconciliation")).json()["items"] if one["currency"] == "USD"]
    assert (dollars["book_minor"], dollars["closing_minor"], dollars["unexplained_minor"]) == ("700", "670", "0")
    day = now.date().isoformat()
    early = await ann.post("/money/days", {"day": (now + timedelta(days=1)).date().isoformat()})
    assert early.json()["code"] == "day_not_begun"
    closed = await ann.post("/money/days", {"day": day, "reason": "statements in other currencies come tomorrow"})
    assert closed.status_code == 201 and (await ann.get(f"/money/days/{day}")).json() == closed.json()
    twice = await ann.post("/money/days", {"day": day, "reason": "again"})
    assert (twice.status_code, twice.json()["code"]) == (409, "day_closed")


async def test_fees_change_by_two_operators_and_are_public(server: Server) -> None:
    ann, bob = await Program.of(server), await Program.of(server)
    visitor = await server.client.get(f"{server.origin}/api/v1/fees?currency=JPY")
    assert {one["commission_bp"] for one in visitor.json()["items"]} == {800}
    wish = {
        "market": "auction", "currency": "JPY", "commission_bp": 500, "transaction_bp": 50, "service_minor": "1000",
        "valid_from": "2026-01-01T00:00:00Z", "reason": "spring",
    }  # fmt: skip
    high = await ann.post("/money/fees", {**wish, "commission_bp": 4990, "transaction_bp": 10})
    assert high.json()["code"] == "fees_too_high"
    made = await ann.post("/money/fees", wish)
    assert made.status_code == 201 and made.json()["in_force_from"] is None
    path = f"/money/fees/{made.json()['id']}"
    assert (await ann.post(f"{path}/confirm")).status_code == 403
    confirmed = (await bob.post(f"{path}/confirm")).json()
    assert confirmed["in_force_from"] > "2026-01-02"  # never before it was confirmed
    assert (await bob.post(f"{path}/withdraw", {"reason": "no"})).status_code == 409
    shown = (await server.client.get(f"{server.origin}/api/v1/fees?currency=JPY")).json()["items"]
    assert {(one["market"], one["commission_bp"], one["service_minor"]) for one in shown} == {
        ("auction", 500, "1000"),
        ("reverse", 800, "0"),
        ("trading", 800, "0"),
    }


async def test_queue_journal_and_income_are_paged_and_filtered(server: Server) -> None:
    ann = await Program.of(server)
    item, _ = await ann.strange(4_321)
    queue = (await ann.get("/money/queue?what=quarantine&sort=sum&page_size=100")).json()
    assert [one["id"] for one in queue["items"] if one["amount_minor"] == "4321"] == [item]
    assert (await ann.get("/money/queue?older_than_days=3")).json()["total"] == 0
    day = server.house.node_time.now().date().isoformat()
    empty = (await ann.get(f"/money/journal?since={day}&until={day}")).json()
    assert empty == {"items": [], "next": None}  # all of it is younger than a minute
    assert (await ann.get(f"/money/journal?since={day}&until=2001-01-01")).status_code == 400
    assert (await ann.get(f"/money/earned?since={day}&until={day}")).json() == {"items": []}


@pytest.mark.parametrize(
    "path",
    [
        "/money/queue",
        "/money/batches",
        "/money/entries",
        "/money/reconciliation",
        "/money/fees",
        "/money/days/2026-01-01",
    ],
)
async def test_a_member_sees_nothing_of_the_desk(server: Server, path: str) -> None:
    member = await Program.of(server, operator=False)
    assert (await member.get(path)).status_code == 403
