"""Documents of auction deals: made outside of the close, once, for parties who have set nothing up; each equals the book."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from auction.facts import Award
from escrow import books
from escrow.desk import EscrowDesk
from escrow.facts import Action, Case, CaseEvent
from escrow.hooks import Hooks
from market import applications, trades
from market.documents import papers, partners, steps, store
from market.documents.records import (
    Agency,
    DespatchAdvice,
    Invoice,
    Order,
    OrderResponse,
    Record,
    RemittanceAdvice,
    kind_of,
    read_record,
)
from market.documents.store import Channel, Format
from tests.contracting.people import CONFIG
from tests.deal.traded import DEPOSIT, PRICE, Stage, case_of, fall, house_desk, pays, stage
from tests.documents import directory_d96a
from tests.documents.test_ubl import faults_by_schema
from tests.sell.stall import HOUR, NOW

if TYPE_CHECKING:
    from asyncpg import Connection, Pool

MADE = steps.DocumentSteps("GAVELHOUSE", lambda post_id: "0000")
AT = NOW + 2 * HOUR


async def hooked(conn: Connection, case: Case, event: CaseEvent) -> None:
    await trades.on_case_changed(conn, case, event)
    await MADE.on_case_changed(conn, case, event)


def desk() -> EscrowDesk:
    """The escrow as the house wires it, with the documents' hook."""
    return EscrowDesk(
        Hooks(
            on_deposit_held=applications.on_deposit_held,
            on_case_changed=hooked,
            lock_subject=applications.lock_subject,
        )
    )


async def documents(conn: Connection, case_id: int) -> list[Record]:
    """The deal's documents as its page lists them; each is right by the directory and by the schema."""
    found = []
    for each in await store.documents_of_deal(conn, case_id):
        row = await store.document(conn, each.id)
        assert row is not None
        record = read_record(row["record"])
        assert directory_d96a.faults(row["edifact"]) == [] and faults_by_schema(kind_of(record), row["xml"]) == []
        found.append(record)
    return found


def kinds(made: list[Record]) -> list[str]:
    return [kind_of(each).value for each in made]


async def made(conn: Connection, now: datetime = AT) -> int:
    """The clock comes by."""
    async with conn.transaction():
        return await papers.make_due(conn, MADE.house, now)


async def carried_out(conn: Connection, on: Stage, case: Case) -> None:
    """Paid, shipped, received and confirmed, an hour for each."""
    await pays(conn, on.desk, case.reference, case.due_minor, AT + HOUR)
    settlement = on.desk.settlement
    async with conn.transaction():
        assert isinstance(await settlement.ship(conn, case.id, case.seller_id, "SF", "SF1", AT + 2 * HOUR), Case)
        assert isinstance(await settlement.receive(conn, case.id, case.buyer_id, AT + 3 * HOUR), Case)
        assert isinstance(await settlement.confirm_receipt(conn, case.id, case.buyer_id, AT + 4 * HOUR), Case)


async def equals_the_book(conn: Connection, said: list[Record], case: Case) -> None:
    """Invariant 25 of one case that went its whole way: what was invoiced lay in escrow, what was remitted was paid."""
    (invoice,) = [each for each in said if isinstance(each, Invoice) and each.number == f"I{case.id}"]
    (paid,) = [each for each in said if isinstance(each, RemittanceAdvice) and each.invoice_number == f"I{case.id}"]
    in_book = await conn.fetchval(
        "select sum(t.amount)::bigint from escrow.transfer t join escrow.account a on a.id = t.credit where a.path = $1",
        f"escrow:{case.id}",
    )
    assert invoice.total_minor == invoice.prepaid_minor == paid.invoiced_minor == in_book and not invoice.due_minor
    posted = await store.paid_out_by(conn, case.id, Action.RELEASE.value, AT + 4 * HOUR)
    assert paid.remitted_minor == posted[f"payable:{case.seller_id}"] and sum(posted.values()) == in_book
    assert sum(each.amount_minor for each in paid.deductions) == in_book - paid.remitted_minor


async def test_a_hammers_deal_has_all_its_papers_and_nobody_has_set_anything_up(conn: Connection) -> None:
    on = await stage(conn, bidders=1, desk=desk())
    await fall(conn, on)
    case = await case_of(conn, on)
    assert await documents(conn, case.id) == [], "nothing is made in the transaction of the close"
    assert await made(conn) == 1 and await made(conn) == 0
    ordered, answer = await documents(conn, case.id)
    assert isinstance(ordered, Order) and isinstance(answer, OrderResponse) and ordered.total_minor == PRICE
    assert ordered.issued_at == AT.replace(second=0, microsecond=0) and ordered.pay_within_hours == 48
    assert case.deposit_minor == DEPOSIT > 0, "the deposit is a part of what lies in escrow, and of the total"
    await carried_out(conn, on, case)
    said = await documents(conn, case.id)
    assert kinds(said) == ["orders", "ordrsp", "desadv", "invoic", "recadv", "remadv"]
    assert {each.number for each in said[:2]} == {ref.number for ref in said[3].references if ref.kind == "order"}
    await equals_the_book(conn, said, case)
    assert await books.faults(conn) == [] and await conn.fetchval("select count(*) from market.document_delivery") == 0


async def test_units_that_several_buyers_won_are_ordered_invoiced_and_sent_by_part(conn: Connection) -> None:
    on = await stage(conn, bidders=2, desk=desk())
    first, second = on.bidders
    awards = tuple(
        Award(party_id=party, paddle=on.paddles[party], quantity=units, total_minor=units * 40_000)
        for party, units in ((first, 2), (second, 9))
    )
    fallen = replace(on.hammer(), winner_id=None, winner_paddle=None, price_minor=None, awards=awards, format="uniform")
    async with conn.transaction():
        await trades.hammer_handler(trades.TradeTerms(), on.desk)(conn, fallen)
    assert await made(conn) == 2
    case_id = await conn.fetchval("select case_id from market.deal where buyer_id = $1", second)
    settlement = on.desk.settlement
    case = await settlement.case_by_id(conn, case_id)
    assert case is not None
    await pays(conn, on.desk, case.reference, case.due_minor, AT + HOUR)
    async with conn.transaction():
        part = await settlement.ship_lines(conn, case_id, on.seller, [1, 2, 3], "SF", "A1", AT + HOUR)
        assert isinstance(part, Case)
        assert isinstance(await settlement.ship(conn, case_id, on.seller, "SF", "A2", AT + HOUR), Case)
    said = await documents(conn, part.id)
    assert kinds(said) == ["orders", "ordrsp", "desadv", "invoic", "desadv", "invoic"]
    assert [
        (each.lines[0].quantity, each.total_minor, each.prepaid_minor) for each in said if isinstance(each, Invoice)
    ] == [
        (3, 120_000, 120_000),
        (6, 240_000, 240_000),
    ]
    assert isinstance(said[0], Order) and (said[0].lines[0].quantity, said[0].total_minor) == (9, 360_000)
    assert [each.items[0].quantity for each in said if isinstance(each, DespatchAdvice)] == [3, 6]


async def test_a_supplier_who_won_a_purchase_sells_and_his_bond_is_no_part_of_the_sum(conn: Connection) -> None:
    on = await stage(conn, bidders=1, desk=desk())
    async with conn.transaction():
        await trades.hammer_handler(trades.TradeTerms(), on.desk)(conn, replace(on.hammer(), format="reverse"))
    await made(conn)
    case = await case_of(conn, on)
    assert (case.seller_id, case.buyer_id, case.deposit_minor) == (on.winner, on.seller, 0)
    ordered = (await documents(conn, case.id))[0]
    assert isinstance(ordered, Order) and (ordered.buyer.code, ordered.seller.code) == (
        f"P{on.seller}",
        f"P{on.winner}",
    )
    await carried_out(conn, on, case)
    await equals_the_book(conn, await documents(conn, case.id), case)


async def test_deals_from_before_have_what_can_be_told_and_it_is_sent_to_nobody(conn: Connection) -> None:
    """One that went its whole way, one that was never paid; the seller has a system by now."""
    ended, unpaid = [await stage(conn, bidders=1, desk=house_desk()) for _ in range(2)]
    for on in (ended, unpaid):
        await fall(conn, on)
    case, other = await case_of(conn, ended), await case_of(conn, unpaid)
    await carried_out(conn, ended, case)
    await conn.execute("delete from market.document_due")
    await conn.execute("insert into market.document_due (case_id, sends) select case_id, false from market.deal")
    wish = partners.Wish(code="OLD", agency=Agency.HOUSE, format=Format.EDIFACT, channel=Channel.QUEUE)
    saved = await partners.save(conn, CONFIG, ended.seller, wish, NOW)
    assert isinstance(saved, store.Partner)
    assert await made(conn, AT + timedelta(days=30)) == 2
    said = await documents(conn, case.id)
    assert kinds(said) == ["orders", "ordrsp", "desadv", "invoic", "recadv", "remadv"]
    assert [each.issued_at for each in said] == sorted(each.issued_at for each in said)
    assert said[2].issued_at == (AT + 2 * HOUR).replace(second=0, microsecond=0), "dated when it was shipped"
    await equals_the_book(conn, said, case)
    assert kinds(await documents(conn, other.id)) == ["orders", "ordrsp"]
    assert await conn.fetchval("select count(*) from market.document_delivery") == 0


async def test_who_is_killed_or_is_not_alone_makes_each_document_once(pool: Pool, conn: Connection) -> None:
    on = [await stage(conn, bidders=1, desk=desk()) for _ in range(3)]
    for each in on:
        await fall(conn, each)
    clocks = [papers.PapersClock(pool, lambda: AT, MADE.house) for _ in range(3)]
    held = pool.acquire()
    async with held as other:
        dying = other.transaction()
        await dying.start()
        assert await papers.make_due(other, MADE.house, AT) == 3
        assert [await each.make_due() for each in clocks] == [0, 0, 0], "what another makes is passed over"
        await dying.rollback()  # as when it is killed
    case = await case_of(conn, on[0])
    await asyncio.gather(
        *(each.make_due() for each in clocks),
        papers.make_at_need(conn, MADE.house, case.id, AT),
    )
    counted: list[Any] = await conn.fetch("select step, kind, count(*) from market.document group by 1, 2")
    assert len(counted) == 6 and {row["count"] for row in counted} == {1}
    assert await conn.fetchval("select count(*) from market.document_due") == 0


async def test_a_deal_that_can_not_be_told_holds_up_no_other(conn: Connection, owner_pool: Pool) -> None:
    broken, fine = [await stage(conn, bidders=1, desk=desk()) for _ in range(2)]
    await fall(conn, broken)
    case = await case_of(conn, broken)
    # Nothing in the house can write such terms: here they are spoilt behind its back.
    async with owner_pool.acquire() as owner, owner.transaction():
        await owner.execute("alter table market.deal disable trigger user")
        spoilt = "update market.deal set terms = '{}', terms_sha256 = sha256('{}') where case_id = $1"
        await owner.execute(spoilt, case.id)
        await owner.execute("alter table market.deal enable trigger user")
    await fall(conn, fine)
    assert await made(conn) == 2
    assert kinds(await documents(conn, (await case_of(conn, fine)).id)) == ["orders", "ordrsp"]
    await papers.make_at_need(conn, MADE.house, case.id, AT)
    assert await documents(conn, case.id) == [], "its page shows what there is"
    assert await made(conn) == 0 and await made(conn, AT + HOUR) == 1, "it is tried again later"
