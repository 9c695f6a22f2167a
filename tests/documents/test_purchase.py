"""A whole purchase by documents alone, between a company that fetches EDIFACT and one that takes UBL by webhook; and what
the house does with documents that are wrong, late, or sent twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec import structs

from market import sign_in_links
from market.documents import store
from market.documents.drawing import references
from market.documents.records import (
    Agency,
    DespatchAdvice,
    Invoice,
    Kind,
    Order,
    OrderResponse,
    Party,
    Quotation,
    ReceiptAdvice,
    ReferenceKind,
    RemittanceAdvice,
    RequestForQuotation,
    Verdict,
)
from market.documents.store import Format
from market.documents.webhooks import secret_of
from tests.deal.traded import pays
from tests.documents import directory_d96a
from tests.documents.companies import Company, Mailroom, agree, company, mailroom
from tests.journey.looking import faults_of
from tests.negotiation.talks import post_of_tea

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from market.trading.facts import Post
    from tests.door.house_server import Server

PRICE, QUANTITY = 80_00, 100
TOTAL = PRICE * QUANTITY


async def two_companies(server: Server, room: Mailroom) -> tuple[Company, Company]:
    """The seller fetches EDIFACT under a GLN, the buyer has a webhook for UBL."""
    seller = await company(server, code="4012345000009", agency=Agency.GLN, form=Format.EDIFACT)
    buyer = await company(server, code="BUYCO", agency=Agency.HOUSE, form=Format.UBL, url=room.url)
    async with server.house.pool.acquire() as conn:
        partner = await store.partner(conn, buyer.id)
    assert partner is not None
    room.known(secret_of(server.house.config.secret_key, partner))
    return seller, buyer


def request_for(post: Post, buyer: Company, seller: Party) -> RequestForQuotation:
    """What the buyer's system asks."""
    from market.contracting.terms import Delivery
    from market.documents.drawing import place_of
    from market.documents.records import Line

    place = place_of(
        Delivery(term="FOB", country="CN", place="Ningbo", from_date=post.delivery_from, to_date=post.delivery_to)
    )
    return RequestForQuotation(
        number="RFQ-1",
        issued_at=post.posted_at.replace(second=0, microsecond=0),
        buyer=buyer.party,
        seller=seller,
        references=references(post=str(post.id)),
        currency="CNY",
        exponent=2,
        lines=(Line(n=1, title_en="Green tea", quantity=QUANTITY, unit="KGM"),),
        delivery=place,
    )


def like(record: Any, kind: type, **values: Any) -> Any:
    """A document of another kind that says the same, as a system answers one document with the next."""
    shared = {name: getattr(record, name) for name in record.__struct_fields__ if name in kind.__struct_fields__}
    return kind(**{**shared, **values})


async def in_book(server: Server, case_id: int) -> dict[str, int]:
    """Everything that moved for a case, by account: what came in less what went out."""
    async with server.house.pool.acquire() as conn:
        rows = await conn.fetch(
            "select a.path, sum(case when t.credit = a.id then t.amount else -t.amount end)::bigint as minor"
            " from escrow.op o join escrow.transfer t on t.op = o.id join escrow.account a on a.id in (t.debit, t.credit)"
            " where o.subject = $1 group by a.path",
            f"case:{case_id}",
        )
    return {row["path"]: row["minor"] for row in rows}


async def test_a_purchase_is_run_by_documents_alone(server: Server, browser: Browser) -> None:
    async with mailroom() as room:
        seller, buyer = await two_companies(server, room)
        await agree(server, seller.id, buyer.id)
        post = await post_of_tea(server, seller.id, anonymous=True)

        # The buyer knows the anonymous post's party by its alias alone.
        alias = server.house.documents.desk.tools.alias(post.id)
        hidden = Party(code=f"A{alias}", name=f"Party {alias}")
        await buyer.says(request_for(post, buyer, hidden))
        asked = await seller.fetch(Kind.REQOTE)
        assert (
            isinstance(asked, RequestForQuotation) and asked.number == "RFQ-1" and asked.lines[0].quantity == QUANTITY
        )
        assert asked.seller == hidden and asked.buyer.code == "BUYCO"

        until = server.house.node_time.now().replace(second=0, microsecond=0) + timedelta(hours=3)
        line = structs.replace(asked.lines[0], unit_price_minor=PRICE)
        offer = like(
            asked,
            Quotation,
            number="QU-77",
            lines=(line,),
            valid_until=until,
            references=references(request="RFQ-1"),
            seller=seller.party,
            note="",
        )
        await seller.says(offer)
        offered = await room.next(Kind.QUOTES)
        assert isinstance(offered, Quotation) and offered.number == "QU-77" and offered.total_minor == TOTAL
        assert offered.seller == hidden, "the offer of an anonymous post names nobody yet"

        order = like(offered, Order, number="PO-4711", references=references(offer="QU-77"), note="")
        await buyer.says(order)
        ordered = await seller.fetch(Kind.ORDERS)
        assert isinstance(ordered, Order) and ordered.number == "PO-4711" and ordered.total_minor == TOTAL
        assert ordered.seller.code == seller.party.code

        contract = ordered.reference(ReferenceKind.CONTRACT)
        answer = like(
            ordered,
            OrderResponse,
            number="OR-9",
            references=references(order="PO-4711", contract=contract),
            verdict=Verdict.ACCEPTED,
        )
        await seller.says(answer)
        confirmed = await room.next(Kind.ORDRSP)
        assert isinstance(confirmed, OrderResponse) and confirmed.reference(ReferenceKind.ORDER) == "PO-4711"
        case_id = int(confirmed.reference(ReferenceKind.DEAL))

        house = server.house
        async with house.pool.acquire() as conn, conn.transaction():
            case = await house.escrow.settlement.case_by_id(conn, case_id)
            assert case is not None and case.price_minor == TOTAL
            kinds = await conn.fetch(
                "select role, kind from market.contract_signature where contract_id = $1", int(contract[1:])
            )
            assert {(row["role"], row["kind"]) for row in kinds} == {("buyer", "agreement"), ("seller", "agreement")}
            await pays(conn, house.escrow, case.reference, TOTAL, house.node_time.now())

        sent = DespatchAdvice(
            number="LS-1",
            issued_at=until,
            buyer=ordered.buyer,
            seller=seller.party,
            references=references(order="PO-4711", contract=contract),
            shipped_at=until,
            carrier_name="SF Express",
            tracking_number="SF1234567890",
            items=tuple(item_of(each) for each in ordered.lines),
        )
        await seller.says(sent)
        despatched = await room.next(Kind.DESADV)
        assert isinstance(despatched, DespatchAdvice) and despatched.tracking_number == "SF1234567890"
        invoiced = await room.next(Kind.INVOIC)
        assert isinstance(invoiced, Invoice)
        held = (await in_book(server, case_id))[f"escrow:{case_id}"]
        assert invoiced.total_minor == invoiced.prepaid_minor == held == TOTAL and invoiced.due_minor == 0

        got = ReceiptAdvice(
            number="WE-1",
            issued_at=until,
            buyer=buyer.party,
            seller=invoiced.seller,
            references=references(deal=str(case_id)),
            received_at=until,
            items=despatched.items,
        )
        await buyer.says(got)
        received = await seller.fetch(Kind.RECADV)
        assert isinstance(received, ReceiptAdvice) and received.number == "WE-1"
        paid = await seller.fetch(Kind.REMADV)
        assert isinstance(paid, RemittanceAdvice)
        async with house.pool.acquire() as conn:
            posted = await store.paid_out_by(conn, case_id, "release", await _at(conn, case_id))
        assert paid.remitted_minor == posted[f"payable:{seller.id}"]
        kept = {each.reason: each.amount_minor for each in paid.deductions}
        assert kept == {name: minor for name, minor in posted.items() if not name.startswith("payable")}
        assert paid.invoiced_minor == sum(posted.values()) == TOTAL == paid.remitted_minor + sum(kept.values())

        listed = (await server.client.get(f"/api/v1/deals/{case_id}/documents", headers=buyer.bearer)).json()
        assert [each["kind"] for each in listed] == [
            "reqote", "quotes", "orders", "ordrsp", "desadv", "invoic", "recadv", "remadv",
        ]  # fmt: skip
        # An answer in the POST is written right after it: the last of them is awaited by its own row.
        async with house.pool.acquire() as conn:
            states = {row["kind"]: row["state"] for row in await conn.fetch(
                "select kind, state from market.document join market.document_delivery on document_id = id"
                " where recipient_id = $1", seller.id)}  # fmt: skip
        assert set(states.values()) == {"acknowledged"}
        assert len(room.ids) == len(set(room.ids)) == 4
        await pages_are_readable(browser, server, seller, case_id)


async def pages_are_readable(browser: Browser, server: Server, seller: Company, case_id: int) -> None:
    """The deal's documents, two of them in full, all of the party's, and its system's page: in both languages, to axe."""
    refused = await seller.post(seller.interchange(reference="NOTHING"))
    assert refused.headers["document-accepted"] == "false"
    listed = (await server.client.get(f"/api/v1/deals/{case_id}/documents", headers=seller.bearer)).json()
    numbers = {each["kind"]: each["id"] for each in listed}
    paths = {
        f"/deals/{case_id}/documents": "zh",
        f"/documents/{numbers['invoic']}": "en",
        f"/documents/{numbers['remadv']}": "zh",
        "/documents": "en",
        "/partners": "zh",
    }
    context = await browser.new_context()
    async with server.house.pool.acquire() as conn:
        way_in = await sign_in_links.create_link(conn, seller.id, server.house.node_time.now())
    assert (await context.request.get(server.origin + way_in)).ok
    page = await context.new_page()
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type in ("error", "warning") else None)
    for path, lang in paths.items():
        await page.goto(f"{server.origin}{path}?lang={lang}")
        assert page.url.partition("?")[0] == f"{server.origin}{path}"
        assert await faults_of(page) == [], path
    assert errors == []
    await page.goto(f"{server.origin}/documents/{numbers['invoic']}")
    async with page.expect_download() as waiting:
        await page.locator("a[href$='.edi']").click()
    assert directory_d96a.faults((await (await waiting.value).path()).read_bytes()) == []
    await context.close()


async def _at(conn: Any, case_id: int) -> Any:
    return await conn.fetchval("select at from escrow.case_event where case_id = $1 and action = 'release'", case_id)


def item_of(line: Any) -> Any:
    from market.documents.records import Item

    return Item(n=line.n, title_en=line.title_en, quantity=line.quantity, unit=line.unit)
