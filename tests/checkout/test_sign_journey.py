"""A contract from its drawing up to the seller's "ship": each side signs in one step, whatever state his wallet is in; the
buyer pays, the goods wait for a paper, and the bundle is checked without the house. And what the pages look like on the way.
"""

from __future__ import annotations

import itertools
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from playwright.async_api import expect

from market.config import Config
from market.contracting import desk, verifier
from market.contracting.facts import Contract, Origin, OriginKind
from market.contracting.terms import Delivery, Formality, FormalityKind, Goods, TradeTerms
from tests.checkout.cash_desk import PASSPHRASE, CashDesk, Words
from tests.journey.looking import faults_of
from tests.sell.stall import party

if TYPE_CHECKING:
    from playwright.async_api import Page

SHOTS = os.environ.get("GAVELHOUSE_SHOTS", "")
_numbers = itertools.count(1)


async def drawn_up(cash_desk: CashDesk) -> Contract:
    """A contract for twenty tons, which wants an inspection before the goods are shipped."""
    now = datetime.now(UTC)
    async with cash_desk.pool.acquire() as conn, conn.transaction():
        seller, buyer = await party(conn, now=now), await party(conn, now=now)
        goods = Goods(
            n=1,
            category="cold_rolled_coil",
            title_en="Cold rolled coil SPCC 1.0 mm",
            title_zh="冷轧卷 SPCC 1.0 mm",
            attributes={"grade": "SPCC"},
            quantity=20,
            unit="TNE",
            unit_price_minor=412_500,
        )
        delivery = Delivery(
            term="CIP",
            country="CN",
            place="Ningbo",
            from_date=now.date(),
            to_date=(now + timedelta(days=20)).date(),
        )
        terms = TradeTerms(
            seller_id=seller,
            buyer_id=buyer,
            currency="CNY",
            currency_exponent=2,
            goods=(goods,),
            delivery=delivery,
            formalities=(Formality(kind=FormalityKind.INSPECTION, duty_of="seller", note="CCIC"),),
        )
        made = await desk.draw_up(conn, Origin(OriginKind.DOCUMENTS, 900 + next(_numbers)), terms, now, Config())
    assert isinstance(made, Contract), made
    return made


async def shot(page: Page, name: str) -> None:
    """For the eye, where somebody wants to look."""
    if SHOTS:
        for width in (1280, 360):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)


async def test_both_sign_the_buyer_pays_and_the_goods_wait_for_a_paper(cash_desk: CashDesk) -> None:
    contract = await drawn_up(cash_desk)
    zh, en, here = Words("zh"), Words("en"), f"{cash_desk.origin}/contracts/{contract.id}"

    # The seller has no wallet yet: opening it, the certificate and the signature are one press.
    seller = await cash_desk.page(contract.seller_id, "zh", 360)
    await seller.goto(here)
    assert await faults_of(seller, judged={(360, "light")}) == []
    await shot(seller, "contract-zh-360-sign")
    await seller.locator("#f-consent").check()
    await seller.fill("#new-passphrase", PASSPHRASE)
    await seller.fill("#new-passphrase-again", PASSPHRASE)
    await seller.get_by_role("button", name=zh("contract.sign_open_submit")).click()
    await expect(seller.locator(".notice.done")).to_contain_text(zh("contract.flash.signed"))
    await expect(seller.locator("#now + .lead")).to_contain_text("等待")

    # The buyer has one, and it is locked: his passphrase unlocks it and signs.
    program = await cash_desk.program(contract.buyer_id)
    await program.open_wallet()
    buyer = await cash_desk.page(contract.buyer_id, "en")
    await buyer.goto(here)
    posted: list[str] = []
    buyer.on("request", lambda request: posted.append(request.post_data or ""))
    await buyer.fill("#sign-passphrase", PASSPHRASE)
    await buyer.get_by_role("button", name=en("contract.sign_unlock_submit")).click()
    await expect(buyer.locator("#e-consent")).to_contain_text(en("contract.sign_consent_missing"))
    await buyer.locator("#f-consent").check()
    await buyer.fill("#sign-passphrase", PASSPHRASE)
    await buyer.get_by_role("button", name=en("contract.sign_unlock_submit")).click()
    await expect(buyer.locator(".notice.done")).to_contain_text(en("contract.flash.in_force"))
    assert not any(PASSPHRASE in each for each in posted), "the passphrase leaves the browser sealed alone"
    assert await faults_of(buyer, judged={(1280, "dark")}) == []
    await shot(buyer, "contract-en-1280-in-force")

    deal = await _paid_and_waiting(cash_desk, contract, buyer, seller)
    await _paper_handed_in_and_accepted(contract, buyer, seller, here)
    await seller.goto(deal)
    await expect(seller.get_by_role("button", name=zh("deal.ship.submit"))).to_be_visible()
    await shot(seller, "deal-zh-360-ship")
    await _looked_at(buyer, here, cash_desk.origin)
    await _checked_without_the_house(cash_desk, contract)


async def _paid_and_waiting(cash_desk: CashDesk, contract: Contract, buyer: Page, seller: Page) -> str:
    en, zh = Words("en"), Words("zh")
    await cash_desk.rich(contract.buyer_id, contract.terms.price_minor)
    await buyer.get_by_role("link", name=en("contract.to_deal")).click()
    deal = buyer.url
    await buyer.locator("summary", has_text=en("deal.pay.wallet_heading")).click()
    await buyer.locator(".deal-more[open] form button").click()
    await expect(buyer.locator("#now + .lead")).to_contain_text(en("deal.next.papers.buyer"))
    assert await faults_of(buyer, judged={(360, "dark")}) == []
    await shot(buyer, "deal-en-waiting")
    await seller.goto(deal)
    await expect(seller.locator(".deal-missing")).to_contain_text(zh("terms_formality.inspection"))
    await expect(seller.get_by_role("button", name=zh("deal.ship.submit"))).to_have_count(0)
    shipped = await seller.request.post(
        f"{deal}/ship", form={"carrier": "SF", "tracking_number": "1"}, headers={"origin": deal.split("/deals")[0]}
    )
    assert shipped.status == 422 and zh("escrow_refusal.formalities_missing") in await shipped.text()
    return deal


async def _paper_handed_in_and_accepted(contract: Contract, buyer: Page, seller: Page, here: str) -> None:
    zh, en = Words("zh"), Words("en")
    await seller.goto(here)
    report = {"name": "检验报告.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 report\n%%EOF\n"}
    await seller.set_input_files("#f-files_1", [report])  # type: ignore[list-item]
    await seller.get_by_role("button", name=zh("papers.hand_in")).click()
    await expect(seller.locator("#formality-1")).to_contain_text("检验报告.pdf")
    await buyer.goto(here)
    assert await faults_of(buyer, judged={(360, "light")}) == []
    await shot(buyer, "contract-en-360-judge")
    await buyer.get_by_role("button", name=en("papers.accept")).click()
    await expect(buyer.locator("#formality-1 .badge")).to_have_text(en("formality_state.accepted"))


async def _looked_at(buyer: Page, here: str, origin: str) -> None:
    for name, address in (
        ("paper", f"{here}/paper"),
        ("amend", f"{here}/amend"),
        ("identity", f"{origin}/identity"),
        ("contracts", f"{origin}/contracts"),
    ):
        answer = await buyer.goto(address)
        assert answer is not None and answer.ok, name
        assert await faults_of(buyer, judged={(1280, "light")}) == [], name
        await shot(buyer, f"{name}-en")
    await buyer.goto(f"{here}/amend")
    await buyer.fill("#f-place", "Shanghai")
    await buyer.get_by_role("button", name=Words("en")("contract.amend_submit")).click()
    await expect(buyer.locator("[aria-labelledby=changes] ins")).to_contain_text("Shanghai")
    assert await faults_of(buyer, judged={(1280, "dark")}) == []
    await shot(buyer, "amendment-en")


async def _checked_without_the_house(cash_desk: CashDesk, contract: Contract) -> None:
    program = await cash_desk.program(contract.buyer_id)
    bundle = await program.ask("GET", f"/contracts/{contract.id}/bundle")
    assert bundle.is_success
    authority = await program.client.get("/pki/ca.pem")
    crl = x509.load_der_x509_crl((await program.client.get("/pki/crl.der")).content)
    assert crl.is_signature_valid(x509.load_pem_x509_certificate(authority.content).public_key())  # type: ignore[arg-type]
    read = await program.ok("GET", f"/contracts/{contract.id}")
    line, deal = read["formalities"][0], await program.ok("GET", f"/deals/{read['case_id']}")
    assert (line["handed_in_by"], line["judged_by"], line["is_late"]) == (contract.seller_id, contract.buyer_id, False)
    told = [(event["action"], event["actor"], event["formality"]) for event in deal["contract_events"]]
    assert told[-1] == ("formality_accepted", "buyer", "inspection") and told[0][0] == "formality_handed_in"
    found = verifier.verify(bundle.content, None, authority.content)  # type: ignore[no-untyped-call]
    assert found["version in force"] == 1 and found["state"] == "in_force"


async def test_a_program_signs_with_a_key_of_its_own(cash_desk: CashDesk) -> None:
    contract = await drawn_up(cash_desk)
    seller, key = await cash_desk.program(contract.seller_id), Ed25519PrivateKey.generate()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    made = await seller.ok("POST", "/identity/certificates", request=request.public_bytes(Encoding.PEM).decode())
    asked = f"/contracts/{contract.id}/signature_records"
    record = await seller.ok("POST", asked, certificate=made["serial"])
    wrong = await seller.ask(
        "POST", f"/contracts/{contract.id}/signatures", record=record["record"], signature="0" * 128
    )
    assert wrong.status_code == 422 and wrong.json()["code"] == "contract_signature_wrong"
    signature = key.sign(record["to_sign"].encode()).hex()
    signed = await seller.ok(
        "POST", f"/contracts/{contract.id}/signatures", record=record["record"], signature=signature
    )
    assert [each["role"] for each in signed["versions"][0]["signatures"]] == ["seller"]

    buyer = await cash_desk.program(contract.buyer_id)
    await buyer.open_wallet()
    done = await buyer.ok("POST", f"/contracts/{contract.id}/wallet_signatures", handle=buyer.handle, version=1)
    assert done["state"] == "in_force" and done["case_id"]
    shown = await buyer.ok("GET", f"/deals/{done['case_id']}")
    assert (shown["lot_id"], shown["contract_id"], shown["missing_formalities"]) == (None, contract.id, ["inspection"])
    revoked = await seller.ok("POST", f"/identity/certificates/{made['serial']}/revocation", reason="key_compromise")
    assert revoked["state"] == "revoked"
    for program, refused in ((seller, "certificate_revoked"), (buyer, "certificate_others")):
        assert (await program.ask("POST", asked, certificate=made["serial"])).json()["code"] == refused
    crl = x509.load_der_x509_crl((await seller.client.get("/pki/crl.der")).content)
    assert crl.get_revoked_certificate_by_serial_number(int(made["serial"], 16)) is not None
