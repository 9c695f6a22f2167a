"""What the house refuses, and says where and why; that nothing of it is half done; and that nothing is done twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from market.documents import partners, store, ubl
from market.documents.collecting import Collector
from market.documents.drawing import references
from market.documents.edifact_reader import read
from market.documents.flaws import Code
from market.documents.folders import Folders
from market.documents.records import (
    Agency,
    Control,
    DespatchAdvice,
    Invoice,
    Kind,
    Order,
    OrderResponse,
    Party,
    Quotation,
    ReceiptAdvice,
    RemittanceAdvice,
    RequestForQuotation,
    Verdict,
)
from market.documents.sending import Outbox
from market.documents.store import Format
from market.documents.webhooks import Courier, UnreachableError, is_public, url_fault
from tests.deal.traded import pays
from tests.documents.companies import Company, agree, answer_of, company
from tests.documents.test_purchase import PRICE, TOTAL, item_of, like, request_for
from tests.negotiation.talks import post_of_tea

if TYPE_CHECKING:
    from pathlib import Path

    from tests.door.house_server import Server


class Trade:
    """A buyer and a seller who fetch EDIFACT, and how far they have come."""

    def __init__(self, server: Server, buyer: Company, seller: Company, post: Any) -> None:
        self.server, self.buyer, self.seller, self.post = server, buyer, seller, post
        self.until = server.house.node_time.now().replace(second=0, microsecond=0) + timedelta(hours=3)

    async def talks(self) -> int:
        async with self.server.house.pool.acquire() as conn:
            found: int = await conn.fetchval("select count(*) from market.negotiation where post_id = $1", self.post.id)
        return found

    async def offered(self, number: str) -> tuple[RequestForQuotation, Quotation]:
        """Asked, and offered under this number."""
        asked = structs.replace(request_for(self.post, self.buyer, self.seller.party), number=f"R{number}")
        await self.buyer.says(asked)
        got = await self.seller.fetch(Kind.REQOTE)
        assert isinstance(got, RequestForQuotation)
        line = structs.replace(got.lines[0], unit_price_minor=PRICE)
        values = {"number": number, "lines": (line,), "valid_until": self.until, "note": ""}
        await self.seller.says(like(got, Quotation, **values, references=references(request=f"R{number}")))
        offer = await self.buyer.fetch(Kind.QUOTES)
        assert isinstance(offer, Quotation)
        return got, offer

    async def bound(self, number: str) -> tuple[Order, int]:
        """Ordered and confirmed: the order, and the number of the case."""
        _, offer = await self.offered(number)
        await self.buyer.says(like(offer, Order, number=f"O{number}", references=references(offer=number)))
        order = await self.seller.fetch(Kind.ORDERS)
        assert isinstance(order, Order)
        answer = like(order, OrderResponse, number=f"A{number}", references=references(order=f"O{number}"))
        await self.seller.says(structs.replace(answer, verdict=Verdict.ACCEPTED))
        confirmed = await self.buyer.fetch(Kind.ORDRSP)
        assert isinstance(confirmed, OrderResponse)
        return order, int(next(each.number for each in confirmed.references if each.kind == "deal"))


_numbers = iter(range(1, 100))


async def trade(server: Server, *, agreed: bool = True) -> Trade:
    n = next(_numbers)
    buyer = await company(server, code=f"BUY{n}", agency=Agency.HOUSE, form=Format.EDIFACT)
    seller = await company(server, code=f"SELL{n}", agency=Agency.HOUSE, form=Format.EDIFACT)
    if agreed:
        await agree(server, buyer.id, seller.id)
    return Trade(server, buyer, seller, await post_of_tea(server, seller.id))


def fault(answer: Control) -> tuple[int, int, int, int]:
    """(code, segment, element, component) of the one fault in the one message."""
    assert not answer.accepted
    (place,) = answer.messages[0].faults
    return place.code, place.segment, place.element, place.component


async def test_what_is_wrong_is_named_and_nothing_happens(server: Server) -> None:
    on = await trade(server)
    asked = request_for(on.post, on.buyer, on.seller.party)
    good = on.buyer.interchange(asked, reference="W1").decode("iso-8859-1")
    spoilt = {
        "UNT+": ("UNT+9", Code.COUNT_WRONG),
        "UNZ+1+W1": ("UNZ+1+W9", Code.REFERENCES_DIFFER),
        f"UNB+UNOC:3+{on.buyer.party.code}": ("UNB+UNOC:3+SOMEBODY", Code.UNKNOWN_SENDER),
        "+GAVELHOUSE:": ("+SOMEBODY:", Code.NOT_THE_RECIPIENT),
        f"RFF+PL:{on.post.id}": ("RFF+PL:1", Code.REFERENCES_DIFFER),
        f"NAD+SU+{on.seller.party.code}": ("NAD+SU+NOBODY", Code.INVALID_VALUE),
        f"NAD+BY+{on.buyer.party.code}": (f"NAD+BY+P{on.seller.id}", Code.INVALID_VALUE),
        "QTY+21:100:KGM": ("QTY+21:100:TNE", Code.INVALID_VALUE),
        "CUX+2:CNY": ("CUX+2:EUR", Code.INVALID_VALUE),
        "LIN+1": ("LIN+2", Code.INVALID_VALUE),
        "CNT+2:1": ("CNT+2:2", Code.COUNT_WRONG),
    }
    for n, (old, (new, code)) in enumerate(spoilt.items()):
        assert old in good, old
        text = good.replace(old, new, 1)
        text = text.replace("W1", f"V{n}")
        answer = await on.buyer.post(text.encode("iso-8859-1"))
        assert answer.headers["document-accepted"] == "false", old
        control = answer_of(answer.content)
        places = [place.code for message in control.messages for place in message.faults]
        assert code in (control.code, *places), (old, control)
    assert await on.talks() == 0
    kept = (await server.client.get("/api/v1/exchanges", headers=on.buyer.bearer)).json()
    assert kept["total"] == len(spoilt) and all(not each["accepted"] and each["flaws"] for each in kept["items"])
    assert "{" not in str([each["flaws"][0]["sentence"] for each in kept["items"]])


async def test_of_two_messages_one_is_wrong_and_neither_counts(server: Server) -> None:
    on = await trade(server)
    asked = request_for(on.post, on.buyer, on.seller.party)
    wrong = structs.replace(asked, number="RFQ-2", references=references(post="1"))
    both = on.buyer.interchange(asked, wrong).replace(b"\n", b"\r\n")
    control = answer_of((await on.buyer.post(b"\xef\xbb\xbf" + both)).content)
    assert not control.accepted and [each.accepted for each in control.messages] == [False, False]
    assert [(each.reference, len(each.faults)) for each in control.messages] == [("1", 0), ("2", 1)]
    assert await on.talks() == 0
    async with server.house.pool.acquire() as conn:
        assert await store.waiting(conn, on.seller.id, 10) == []


async def test_what_is_sent_again_has_the_same_answer_and_no_effect(server: Server) -> None:
    on = await trade(server)
    asked = request_for(on.post, on.buyer, on.seller.party)
    body = on.buyer.interchange(asked, reference="AGAIN")
    first, again = await asyncio.gather(on.buyer.post(body), on.buyer.post(body))
    assert first.content == again.content and answer_of(first.content).accepted
    assert await on.talks() == 1
    other = on.buyer.interchange(structs.replace(asked, number="RFQ-3"), reference="AGAIN")
    control = answer_of((await on.buyer.post(other)).content)
    assert not control.accepted and (control.code, control.tag, control.element) == (Code.DUPLICATE, "UNB", 5)
    assert (await on.buyer.post(body)).content == first.content, "what stood under the reference still does"
    # In words, where a program asks for them.
    said = (await on.buyer.post(body, "/api/v1/edi")).json()
    assert said["accepted"] and said["again"]
    unreadable = await on.buyer.post(b"hello")
    assert unreadable.status_code == 422 and unreadable.json()["flaws"][0]["why"] == "cut_off"


async def test_an_order_must_be_the_offer(server: Server) -> None:
    on = await trade(server)
    _, offer = await on.offered("Q1")
    order = like(offer, Order, number="O1", references=references(offer="Q1"))
    more = structs.replace(order.lines[0], quantity=101)
    assert fault(await on.buyer.send(structs.replace(order, lines=(more,))))[0] == Code.INVALID_VALUE
    dearer = structs.replace(order.lines[0], unit_price_minor=PRICE - 1)
    control = await on.buyer.send(structs.replace(order, lines=(dearer,)))
    message = read(on.buyer.interchange(order)).messages[0]
    code, segment, element, component = fault(control)
    assert message.segments[segment - 2].tag == "PRI" and (code, element, component) == (Code.INVALID_VALUE, 1, 2)
    later = structs.replace(order.delivery, to_date=order.delivery.to_date + timedelta(days=1))
    assert fault(await on.buyer.send(structs.replace(order, delivery=later)))[0] == Code.INVALID_VALUE
    assert (
        fault(await on.buyer.send(structs.replace(order, references=references(offer="Q9"))))[0]
        == Code.REFERENCES_DIFFER
    )
    assert fault(await on.seller.send(order))[0] == Code.NO_AGREEMENT, "a seller does not order"
    await on.buyer.says(order)
    # Twice under another reference: the negotiation is over, and says so.
    assert fault(await on.buyer.send(structs.replace(order, number="O2")))[0] == Code.UNSPECIFIED


async def test_without_an_agreement_nothing_is_signed_by_a_message(server: Server) -> None:
    on = await trade(server, agreed=False)
    _, offer = await on.offered("QN")
    await on.buyer.says(like(offer, Order, number="ON", references=references(offer="QN")))
    order = await on.seller.fetch(Kind.ORDERS)
    assert isinstance(order, Order)
    answer = like(order, OrderResponse, number="AN", references=references(order="ON"), verdict=Verdict.ACCEPTED)
    assert fault(await on.seller.send(answer))[0] == Code.NO_AGREEMENT
    async with server.house.pool.acquire() as conn:
        rows = await conn.fetch("select state from market.contract where seller_id = $1", on.seller.id)
        assert [row["state"] for row in rows] == ["awaiting_signatures"]
        assert (
            await conn.fetchval("select count(*) from market.contract_signature where party_id = $1", on.buyer.id) == 0
        )
    declined = structs.replace(answer, verdict=Verdict.REJECTED, note="Sold out")
    await on.seller.says(declined)
    async with server.house.pool.acquire() as conn:
        state = await conn.fetchval("select state from market.contract where seller_id = $1", on.seller.id)
    assert state == "cancelled"


async def test_goods_receipt_and_sums_are_the_deals(server: Server) -> None:
    on = await trade(server)
    order, case_id = await on.bound("QD")
    house = server.house
    way = {
        "issued_at": on.until,
        "buyer": order.buyer,
        "seller": order.seller,
        "references": references(deal=str(case_id)),
    }
    items = tuple(item_of(each) for each in order.lines)
    sent = DespatchAdvice(number="L1", **way, shipped_at=on.until, carrier_name="SF", tracking_number="X1", items=items)
    assert fault(await on.seller.send(sent))[0] == Code.UNSPECIFIED, "it is not paid yet"
    async with house.pool.acquire() as conn:
        case = await house.escrow.settlement.case_by_id(conn, case_id)
        assert case is not None
        await pays(conn, house.escrow, case.reference, TOTAL, house.node_time.now())
    fewer = structs.replace(sent, items=(structs.replace(items[0], quantity=99),))
    assert fault(await on.seller.send(fewer))[0] == Code.INVALID_VALUE
    assert fault(await on.buyer.send(sent))[0] == Code.NO_AGREEMENT, "a buyer does not ship"
    await on.seller.says(sent)
    invoice = Invoice(
        number="OWN-1", **way, currency="CNY", exponent=2, lines=tuple(structs.replace(each, attributes={}) for each in order.lines)
    )  # fmt: skip
    await on.seller.says(invoice)
    too_much = structs.replace(invoice, number="OWN-2", lines=(structs.replace(invoice.lines[0], quantity=101),))
    assert fault(await on.seller.send(too_much))[0] == Code.INVALID_VALUE
    got = ReceiptAdvice(number="W1", **way, received_at=on.until, items=items)
    broken = structs.replace(got, items=(structs.replace(items[0], rejected=1),))
    assert fault(await on.buyer.send(broken))[0] == Code.INVALID_VALUE
    assert fault(await on.seller.send(got))[0] == Code.NO_AGREEMENT, "a seller does not pay himself"
    paid = RemittanceAdvice(
        number="P1", **way, payer=order.buyer, currency="CNY", exponent=2, paid_on=on.until.date(),
        invoice_number="OWN-1", invoiced_minor=TOTAL - 1, remitted_minor=TOTAL - 1,
    )  # fmt: skip
    assert fault(await on.buyer.send(paid))[0] == Code.INVALID_VALUE
    async with house.pool.acquire() as conn:
        case = await house.escrow.settlement.case_by_id(conn, case_id)
        assert case is not None and case.state == "shipped"
    await on.buyer.says(got)
    async with house.pool.acquire() as conn:
        case = await house.escrow.settlement.case_by_id(conn, case_id)
        assert case is not None and case.state == "released"


async def test_only_the_recipient_answers_and_only_once(server: Server) -> None:
    on = await trade(server)
    await on.buyer.says(request_for(on.post, on.buyer, on.seller.party))
    waiting = (await server.client.get("/api/v1/edi/waiting", headers=on.seller.bearer)).json()
    path = f"/api/v1/edi/waiting/{waiting[0]['id']}"
    assert (await server.client.post(path, headers=on.buyer.bearer)).status_code == 404
    stranger = await company(server, code="STRANGER", agency=Agency.HOUSE, form=Format.EDIFACT)
    for way in ("", "/edifact", "/ubl"):
        answer = await server.client.get(f"/api/v1/documents/{waiting[0]['id']}{way}", headers=stranger.bearer)
        assert answer.status_code == 404
    body = (await server.client.post(path, headers=on.seller.bearer)).content
    envelope = read(body).envelope
    assert envelope is not None
    control = Control(
        number="1", issued_at=on.until, reference=envelope.reference, sender="GAVELHOUSE", recipient="STRANGER", accepted=True
    )  # fmt: skip
    other = (await stranger.post(stranger.interchange(control), "/api/v1/edi")).json()
    assert not other["accepted"] and other["flaws"][0]["why"] == "reference_unknown"
    await on.seller.acknowledge(envelope, accepted=False)
    await on.seller.acknowledge(envelope, accepted=True)
    async with server.house.pool.acquire() as conn:
        row = await store.document(conn, waiting[0]["id"])
    assert row is not None and row["delivery_state"] == "rejected", "the first word counts"


async def test_a_document_of_ubl_is_refused_in_words(server: Server) -> None:
    on = await trade(server)
    asked = structs.replace(request_for(on.post, on.buyer, Party(code="NOBODY")), number="UX")
    answer = await on.buyer.post(ubl.write(asked))
    control = ubl.read(answer.content)
    assert isinstance(control, Control) and not control.accepted and "SellerSupplierParty" in control.why[0]
    assert "not known" in control.why[0]


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://edi.example.com/in", None),
        ("http://edi.example.com/in", "https_only"),
        ("ftp://edi.example.com", "https_only"),
        ("https://", "malformed"),
        ("https://a:b@example.com", "malformed"),
        ("https://example.com/#x", "malformed"),
        ("https://exämple.com", "malformed"),
        ("https://example.com:99999", "malformed"),
        ("https://example.com/" + "a" * 500, "malformed"),
        ("https://[::1", "malformed"),
    ],
)
def test_an_address_is_judged(url: str, fault: str | None) -> None:
    assert url_fault(url, may_be_private=False) == fault


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "[fd00::1]", "0.0.0.0", "[64:ff9b::a00:1]", "[2002:7f00:1::]"],
)  # fmt: skip
async def test_no_private_address_is_connected_to(host: str, server: Server) -> None:
    courier = Courier(may_be_private=False)
    partner = store.Partner(
        party_id=1,
        code="P1",
        agency=Agency.HOUSE,
        format=Format.UBL,
        channel=store.Channel.WEBHOOK,
        url=f"https://{host}:{server.port}/in",
        generation=1,
        changed_at=server.house.node_time.now(),
    )
    try:
        with pytest.raises(UnreachableError, match="private address"):
            await courier.post(partner, "whsec_AAAA", "m", b"x", partner.changed_at)
    finally:
        await courier.close()


def test_public_addresses_are_told_from_others() -> None:
    from ipaddress import ip_address

    public = {"8.8.8.8", "2606:4700::1111"}
    others = {
        "100.64.0.1",
        "224.0.0.1",
        "192.168.1.1",
        "fec0::1",
        "fe80::1",
        "2001:db8::1",
        "ff02::1",
        "::ffff:10.0.0.1",
    }
    assert {each for each in public | others if is_public(ip_address(each))} == public


async def test_codes_are_ones_own(server: Server) -> None:
    one, other = await server.party(), await server.party()
    config, now = server.house.config, server.house.node_time.now()
    cases = [
        ("P999", Agency.HOUSE, "", partners.PartnerRefusal.CODE_RESERVED),
        ("A3F2A", Agency.HOUSE, "", partners.PartnerRefusal.CODE_RESERVED),
        ("gavelhouse", Agency.HOUSE, "", partners.PartnerRefusal.CODE_RESERVED),
        ("4012345000001", Agency.GLN, "", partners.PartnerRefusal.GLN_WRONG),
        ("MÜNCHEN", Agency.HOUSE, "", partners.PartnerRefusal.CODE_MALFORMED),
        ("MUC", Agency.HOUSE, "nowhere", partners.PartnerRefusal.URL_NOT_HTTPS),
        ("MUC", Agency.HOUSE, "", None),
    ]
    async with server.house.pool.acquire() as conn:
        for code, agency, url, expected in cases:
            channel = store.Channel.WEBHOOK if url else store.Channel.QUEUE
            wish = partners.Wish(code=code, agency=agency, format=Format.UBL, channel=channel, url=url)
            done = await partners.save(conn, config, one, wish, now)
            assert done == expected or (expected is None and isinstance(done, store.Partner)), (code, done)
        wish = partners.Wish(code="MUC", agency=Agency.HOUSE, format=Format.UBL, channel=store.Channel.QUEUE)
        assert await partners.save(conn, config, other, wish, now) is partners.PartnerRefusal.CODE_TAKEN
        assert await partners.consent(conn, one, one, True, now) is partners.PartnerRefusal.OWN_PARTY
        assert await partners.consent(conn, one, 10**9, True, now) is partners.PartnerRefusal.NO_SUCH_PARTY


async def test_a_folder_is_a_door_like_the_other(server: Server, tmp_path: Path) -> None:
    on, house = await trade(server), server.house
    wish = partners.Wish(
        code=on.buyer.party.code, agency=Agency.HOUSE, format=Format.EDIFACT, channel=store.Channel.FOLDER
    )
    folders, now = Folders(tmp_path), house.node_time.now()
    collector = Collector(house.pool, house.node_time.now, folders, house.documents.desk)
    async with house.pool.acquire() as conn:
        assert isinstance(await partners.save(conn, house.config, on.buyer.id, wish, now), store.Partner)
        off = replace(house.config, partner_folders="off")
        assert await partners.save(conn, off, on.buyer.id, wish, now) is partners.PartnerRefusal.FOLDERS_OFF
    home = tmp_path / str(on.buyer.id)
    assert await collector.look() == 0
    body = on.buyer.interchange(request_for(on.post, on.buyer, on.seller.party), reference="FOLDER1")
    posted = await on.buyer.post(body)
    (home / "in" / "ask.edi").write_bytes(body[:-20])
    assert await collector.look() == 0 and await collector.look() == 1
    (home / "in" / "ask.edi").write_bytes(body[:40])
    assert await collector.look() == 0, "seen for the first time"
    with (home / "in" / "ask.edi").open("ab") as file:
        file.write(body[40:])
    assert await collector.look() == 0, "it has grown"
    (home / "in" / "hello.txt").write_bytes(b"hello")
    assert await collector.look() == 1 and await collector.look() == 1
    answers = [each.read_bytes() for each in (home / "out").iterdir()]
    assert posted.content in answers, "what was posted before has the same answer"
    (broken,) = [answer_of(each) for each in answers if each != posted.content]
    assert not broken.accepted and fault(broken)[0] == Code.MISSING, "it breaks off, and is no second of its reference"
    refused = sorted(each.name for each in (home / "in" / "refused").iterdir())
    assert refused == ["ask.edi", "hello.txt", "hello.txt.txt"]
    assert [each.read_bytes() for each in (home / "in" / "done").iterdir()] == [body] and await on.talks() == 1
    # The offer waits for the buyer's program, and goes into the folder.
    asked = await on.seller.fetch(Kind.REQOTE)
    assert isinstance(asked, RequestForQuotation)
    line = structs.replace(asked.lines[0], unit_price_minor=PRICE)
    values = {"number": "QF", "lines": (line,), "valid_until": on.until, "note": ""}
    await on.seller.says(like(asked, Quotation, **values, references=references(request="RFQ-1")))
    outbox = Outbox(house.pool, house.node_time.now, Courier(may_be_private=False), folders, house.documents.desk, "k")
    while await outbox.send_one():
        pass
    async with house.pool.acquire() as conn, asyncio.timeout(20):
        query = "select state, reference from market.document_delivery join market.document on id = document_id where party_id = $1"
        while (row := await conn.fetchrow(query, on.buyer.id))["state"] != "sent":
            await conn.execute("select pg_sleep(0.05)")
    assert house.config.partner_folder is not None
    written = [
        root / str(on.buyer.id) / "out" / f"{row['reference']}.edi" for root in (tmp_path, house.config.partner_folder)
    ]
    (one,) = [each for each in written if each.exists()]
    envelope = read(one.read_bytes()).envelope
    assert envelope is not None and envelope.recipient == on.buyer.party.code
    # Whatever went wrong before it could be said: after days it is not tried any more.
    async with house.pool.acquire() as conn, asyncio.timeout(20):
        again = "update market.document_delivery set state = 'queued', attempts = 9, try_at = $2, queued_at = $3 where party_id = $1"
        await conn.execute(again, on.buyer.id, now, now - timedelta(days=5))
        await outbox.send_one()
        while (row := await conn.fetchrow(query, on.buyer.id))["state"] != "given_up":
            await conn.execute("select pg_sleep(0.05)")


async def test_a_partner_whose_folder_is_amiss_stops_no_other(server: Server, tmp_path: Path) -> None:
    on, house = await trade(server), server.house
    folders, now = Folders(tmp_path), house.node_time.now()
    for each in (on.buyer, on.seller):
        wish = partners.Wish(
            code=each.party.code, agency=Agency.HOUSE, format=Format.EDIFACT, channel=store.Channel.FOLDER
        )
        async with house.pool.acquire() as conn:
            assert isinstance(await partners.save(conn, house.config, each.id, wish, now), store.Partner)
    collector = Collector(house.pool, house.node_time.now, folders, house.documents.desk)
    assert on.buyer.id < on.seller.id and await collector.look() == 0
    for each in (on.buyer, on.seller):
        (tmp_path / str(each.id) / "in" / "hello.edi").write_bytes(b"hello")
    (tmp_path / str(on.buyer.id) / "in" / "refused").write_bytes(b"where a folder should be")
    assert await collector.look() == 0 and await collector.look() == 1
    assert (tmp_path / str(on.seller.id) / "in" / "refused" / "hello.edi").exists()


async def test_a_wrong_document_of_ubl_is_answered_and_its_name_is_its_own(server: Server) -> None:
    on = await trade(server)
    asked = request_for(on.post, on.buyer, Party(code="NOBODY"))
    for n, end in enumerate(("1", "2")):
        one = structs.replace(asked, number=f"COMPANY-2026-ORDER-REQUEST-00000{end}")
        said = (await on.buyer.post(ubl.write(one), "/api/v1/edi")).json()
        assert said["flaws"][0]["why"] == "party_unknown", (n, said)
    largest = structs.replace(asked.lines[0], quantity=999_999_999_999_999)
    priced = (
        b'<cbc:LineExtensionAmount currencyID="CNY">1</cbc:LineExtensionAmount><cac:Price>'
        b'<cbc:PriceAmount currencyID="CNY">999999999999999999</cbc:PriceAmount></cac:Price><cac:Item>'
    )
    spoilt = ubl.write(structs.replace(asked, number="HUGE", lines=(largest,))).replace(b"<cac:Item>", priced)
    answer = ubl.read((await on.buyer.post(spoilt)).content)
    assert isinstance(answer, Control) and not answer.accepted and "LineExtensionAmount" in answer.why[0]
    chinese = structs.replace(asked, number="询价-1")
    said = (await on.buyer.post(ubl.write(chinese), "/api/v1/edi")).json()
    assert not said["accepted"] and said["flaws"][0]["why"] == "character" and said["flaws"][0]["place"].endswith("/ID")


async def test_two_sellers_may_use_one_number(server: Server) -> None:
    one, other = await trade(server), await trade(server)
    other.buyer = one.buyer
    await agree(server, one.buyer.id, other.seller.id)
    _, first = await one.offered("SAME")
    asked = structs.replace(request_for(other.post, one.buyer, other.seller.party), number="RSAME2")
    await one.buyer.says(asked)
    got = await other.seller.fetch(Kind.REQOTE)
    assert isinstance(got, RequestForQuotation)
    line = structs.replace(got.lines[0], unit_price_minor=PRICE)
    values = {"number": "SAME", "lines": (line,), "valid_until": other.until, "note": ""}
    await other.seller.says(like(got, Quotation, **values, references=references(request="RSAME2")))
    await one.buyer.says(like(first, Order, number="OSAME", references=references(offer="SAME")))
    order = await one.seller.fetch(Kind.ORDERS)
    assert isinstance(order, Order) and order.number == "OSAME"


async def test_a_despatch_names_what_it_sends(server: Server) -> None:
    on = await trade(server)
    delivery = structs.replace(request_for(on.post, on.buyer, on.seller.party).delivery, partial=True)  # type: ignore[type-var]
    asked = structs.replace(request_for(on.post, on.buyer, on.seller.party), number="RP", delivery=delivery)
    few = (structs.replace(asked.lines[0], quantity=40),)
    await on.buyer.says(structs.replace(asked, lines=few))
    got = await on.seller.fetch(Kind.REQOTE)
    assert isinstance(got, RequestForQuotation)
    priced = (structs.replace(got.lines[0], unit_price_minor=PRICE),)
    values = {"number": "QP", "lines": priced, "valid_until": on.until, "note": ""}
    await on.seller.says(like(got, Quotation, **values, references=references(request="RP")))
    offer = await on.buyer.fetch(Kind.QUOTES)
    await on.buyer.says(like(offer, Order, number="OP", references=references(offer="QP")))
    order = await on.seller.fetch(Kind.ORDERS)
    assert isinstance(order, Order)
    yes = like(order, OrderResponse, number="AP", references=references(order="OP"), verdict=Verdict.ACCEPTED)
    await on.seller.says(yes)
    item = item_of(order.lines[0])
    way = {"issued_at": on.until, "buyer": order.buyer, "seller": order.seller, "references": references(order="OP")}
    for n, items in enumerate(((), (structs.replace(item, quantity=0),))):
        sent = DespatchAdvice(
            number=f"LP{n}", **way, shipped_at=on.until, carrier_name="SF", tracking_number="X", items=items
        )
        assert fault(await on.seller.send(sent))[0] == Code.INVALID_VALUE


async def test_a_character_that_no_text_has_is_named_wherever_it_stands(server: Server) -> None:
    on = await trade(server)
    asked = request_for(on.post, on.buyer, on.seller.party)
    for n, (old, new) in enumerate(
        (("UNT+", "UNT+\0"), ("REQOTE:D", "REQ\0TE:D"), ("UNZ+1", "UNZ+\0"), ("UNH+1", "UNH+\0"))
    ):
        text = on.buyer.interchange(asked, reference=f"NUL{n}").decode("iso-8859-1").replace(old, new, 1)
        control = answer_of((await on.buyer.post(text.encode("iso-8859-1"))).content)
        assert not control.accepted, old


async def test_a_test_is_judged_and_nothing_of_it_is_done(server: Server) -> None:
    on = await trade(server)
    real = on.buyer.interchange(request_for(on.post, on.buyer, on.seller.party), reference="TRY")
    head = real.decode("iso-8859-1").split("\n")[1]
    tried = real.replace(head.encode(), head.removesuffix("'").encode() + b"++++++1'")
    said = (await on.buyer.post(tried, "/api/v1/edi")).json()
    assert said["accepted"] and said["test"] and await on.talks() == 0
    envelope = read(said["answer"].encode("iso-8859-1")).envelope
    assert envelope is not None and envelope.is_test and answer_of(said["answer"].encode("iso-8859-1")).accepted
    wrong = (await on.buyer.post(tried.replace(b"QTY+21:100", b"QTY+21:999999"), "/api/v1/edi")).json()
    assert not wrong["accepted"] and wrong["test"]
    assert (await on.buyer.post(real, "/api/v1/edi")).json()["accepted"] and await on.talks() == 1
