"""A deal without a lot, on every page and answer of the house that shows deals, for its parties and for operators."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

from escrow.facts import State
from market.cashier_clock import CashierClock
from market.contracting import desk, identity, records, signing
from market.contracting.facts import Contract, ContractState, Origin, OriginKind
from market.contracting.pki_store import Certificate
from market.contracting.records import SignatureRecord
from market.contracting.terms import Delivery, Formality, FormalityKind, Goods, TradeTerms
from market.documents import ubl
from market.documents.drawing import references
from market.documents.records import Agency, DespatchAdvice, Item, Party
from market.documents.store import Format
from tests.contracting.people import request_of
from tests.documents.companies import company
from tests.door.house_server import Server, run_server
from tests.wallet.test_cheques import given

if TYPE_CHECKING:
    from migrations.database import Address, Connection


@pytest.fixture(scope="module")
async def server(module_database: Address, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A house whose carrier is out of reach."""
    folder, carrier = tmp_path_factory.mktemp("house"), "http://127.0.0.1:9"
    async for running in run_server(
        module_database,
        folder,
        carrier_url=carrier,
        carrier_secret="whsec_" + "bm90IGEgc2VjcmV0LCBqdXN0IHRlc3RzLCBubyBtb3JlISE=",
    ):
        yield running


async def drawn_up(server: Server, conn: Connection, ref: int, *formalities: Formality) -> Contract:
    """A contract of two lines that may be shipped one by one."""
    now = server.house.node_time.now()
    line = {"category": "green_tea", "quantity": 10, "unit": "KGM", "unit_price_minor": 1_000}
    terms = TradeTerms(
        seller_id=await server.party(),
        buyer_id=await server.party(),
        currency="CNY",
        currency_exponent=2,
        goods=(
            Goods(n=1, title_en="Green tea", title_zh="绿茶", **line),  # type: ignore[arg-type]
            Goods(n=2, title_en="Black tea", title_zh="", **line),  # type: ignore[arg-type]
        ),
        delivery=Delivery(
            term="DAP",
            country="CN",
            place="杭州",
            from_date=now.date(),
            to_date=(now + timedelta(days=9)).date(),
            partial=True,
        ),
        formalities=formalities,
    )
    made = await desk.draw_up(conn, Origin(OriginKind.MATCH, ref), terms, now, server.house.config)
    assert isinstance(made, Contract), made
    return made


async def signed(server: Server, conn: Connection, contract: Contract) -> Contract:
    """By both, each with a key of his own."""
    house, now = server.house.contracting, server.house.node_time.now()
    for party in (contract.seller_id, contract.buyer_id):
        key = Ed25519PrivateKey.generate()
        made = await identity.certify(conn, house.authority, house.origin, party, request_of(key), "program", now)
        assert isinstance(made, Certificate)
        record = signing.record_for(contract, party, made.serial, now)
        assert isinstance(record, SignatureRecord)
        raw = records.canonical(record)
        done = await signing.add_signature(
            conn, house, contract.id, party, raw, key.sign(records.signed_bytes(raw)), now
        )
        assert isinstance(done, Contract), done
        contract = done
    return contract


async def test_a_deal_without_a_lot_is_read_paid_shipped_and_claimed_as_any_other(server: Server) -> None:
    house = server.house
    async with house.pool.acquire() as conn, conn.transaction():
        contract = await signed(server, conn, await drawn_up(server, conn, 1))
    case_id = contract.case_id
    assert case_id is not None
    operator = await server.cookie(await server.party(operator=True))
    people = {
        "buyer": await server.cookie(contract.buyer_id),
        "seller": await server.cookie(contract.seller_id),
        "operator": operator,
    }
    for_all = [
        f"/deals/{case_id}",
        "/deals",
        "/notices",
        f"/contracts/{contract.id}",
        f"/contracts/{contract.id}/paper",
    ]
    more = {
        "buyer": ["/wallet", "/wallet/recorder", "/my/bids", f"/deals/{case_id}/checkout", "/contracts?format=csv"],
        "seller": ["/wallet", "/wallet/recorder", "/sell", "/contracts"],
        "operator": [f"/operator/cases/{case_id}", "/operator/cases", "/operator/money/reports", "/operator/offices"],
    }

    async def read(who: str, *further: str) -> None:
        for path in (*for_all, *more[who], *further):
            for lang in ("zh", "en"):
                page = await server.client.get(path, headers={**people[who], "accept-language": lang})
                assert page.status_code == 200, f"{who} {path}: {page.status_code} {page.text[:300]}"

    for who in people:
        await read(who)
    async with house.pool.acquire() as conn:
        await given(conn, contract.buyer_id, 50_000)
        async with conn.transaction():
            await house.escrow.settlement.pay_from_wallet(conn, case_id, contract.buyer_id, house.node_time.now())
            part = await house.escrow.settlement.ship_lines(
                conn, case_id, contract.seller_id, [2], "SF", "SF1", house.node_time.now()
            )
    assert not isinstance(part, str)
    for_all.append(f"/deals/{part.id}")
    more["buyer"][3] = f"/deals/{case_id}/e-receipt"
    program = await server.bearer(contract.buyer_id)
    claim = {"reason": "damaged", "statement": "Wet", "amount_minor": "500"}
    claimed = await server.client.post(
        f"/api/v1/deals/{part.id}/claim", json=claim, headers={**program, "idempotency-key": "claim-1"}
    )
    assert claimed.status_code in (200, 201), claimed.text
    for who in people:
        await read(who, *((f"/operator/claims/{part.id}", "/operator/claims") if who == "operator" else ()))
    shape = (await server.client.get(f"/api/v1/deals/{case_id}", headers=program)).json()
    assert (shape["lot_id"], shape["contract_id"], shape["quantity"]) == (None, contract.id, 1)
    listed = (await server.client.get("/api/v1/contracts", headers=program)).json()
    assert [one["id"] for one in listed["items"]] == [contract.id]


async def test_a_paper_that_is_missing_keeps_the_goods_back_at_every_door(server: Server) -> None:
    house, now = server.house, server.house.node_time.now()
    inspection = Formality(kind=FormalityKind.INSPECTION, duty_of="seller")
    async with house.pool.acquire() as conn, conn.transaction():
        contract = await signed(server, conn, await drawn_up(server, conn, 3, inspection))
        assert contract.case_id is not None
        await given(conn, contract.buyer_id, 50_000)
        await house.escrow.settlement.pay_from_wallet(conn, contract.case_id, contract.buyer_id, now)
    seller = await company(server, code="MILL", agency=Agency.HOUSE, form=Format.EDIFACT, party_id=contract.seller_id)
    deal, api = f"/deals/{contract.case_id}", {**seller.bearer, "idempotency-key": f"ship-{contract.id}"}
    handed = {"carrier": "SF", "tracking_number": "SF1"}
    address = {"name": "Mill", "lines": "1 Road", "city": "Ningbo", "country": "CN"}
    booking = {"carrier": "sandbox", "packages": 1, "weight_grams": 900, "collect_from": address}
    for path, body in (("shipment", handed), ("shipment", {**handed, "lines": [1]}), ("consignments", booking)):
        headers = {**api, "idempotency-key": f"{path}-{len(body)}"}
        answer = await server.client.post(f"/api/v1{deal}/{path}", headers=headers, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "formalities_missing"), path
    browser = await server.cookie(contract.seller_id)
    page = await server.client.post(f"{deal}/ship", headers=browser, data={**handed, "line": ["1", "2"]})
    assert page.status_code == 422 and "papers before shipping that are not accepted" in page.text
    advice = DespatchAdvice(
        number="DA1",
        issued_at=now.replace(second=0, microsecond=0),
        shipped_at=now.replace(second=0, microsecond=0),
        buyer=Party(code=f"P{contract.buyer_id}"),
        seller=seller.party,
        references=references(deal=str(contract.case_id)),
        items=(
            Item(n=1, title_en="Green tea", title_zh="绿茶", quantity=10, unit="KGM"),
            Item(n=2, title_en="Black tea", quantity=10, unit="KGM"),
        ),
        tracking_number="SF1",
        carrier_name="SF",
    )
    for sent in (seller.interchange(advice), ubl.write(structs.replace(advice, number="DA2"))):
        said = (await seller.post(sent, "/api/v1/edi")).json()
        assert not said["accepted"] and "papers" in said["flaws"][0]["sentence"], said
    async with house.pool.acquire() as conn:
        case = await house.escrow.settlement.case_by_id(conn, contract.case_id)
    assert case is not None and case.state is State.FUNDED
    paper = {**api, "idempotency-key": f"paper-{contract.id}", "content-type": "application/pdf"}
    pdf = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
    handed_in = await server.client.post(f"/api/v1/contracts/{contract.id}/papers/1", headers=paper, content=pdf)
    assert handed_in.status_code == 201, handed_in.text
    told = await server.client.get("/notices", headers=await server.cookie(contract.buyer_id))
    assert f"Inspection certificate handed in for contract {contract.id}" in told.text


async def test_the_clock_ends_what_nobody_signed_and_a_hammers_contract_never(server: Server) -> None:
    house = server.house
    async with house.pool.acquire() as conn, conn.transaction():
        contract = await drawn_up(server, conn, 2)
        await conn.execute("update market.contract set sign_by = drawn_at - interval '1 s' where id = $1", contract.id)
    await CashierClock(house).end_due()
    async with house.pool.acquire() as conn:
        after = await desk.certain(conn, contract.id)
    assert after.state is ContractState.LAPSED
