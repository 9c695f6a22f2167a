"""The cashier by program, with vault and bank as they are: cards, cheques, small change, codes of a phone, and the records."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from escrow.dual_signature import is_cheque_signed, judge_order
from market import one_time_codes
from tests.checkout.cash_desk import GOOD, POOR, SECOND, CashDesk

if TYPE_CHECKING:
    from escrow.facts import Case
    from tests.checkout.cash_desk import Program

PAYMENT, TOP_UP = "0123456789abcdef" * 2, "fedcba9876543210" * 2


async def test_a_card_is_declined_and_another_pays_and_the_seller_sees_only_the_order(cash_desk: CashDesk) -> None:
    case = await cash_desk.deal()
    buyer, seller = await cash_desk.program(case.buyer_id), await cash_desk.program(case.seller_id)
    poor, good = await buyer.open_wallet(POOR, GOOD)
    path = f"/deals/{case.id}/card-payments"
    declined = await buyer.ok("POST", path, handle=buyer.handle, card_id=poor)
    assert (declined["outcome"], declined["reason"]) == ("declined", "insufficient_funds")
    deal = await buyer.ok("GET", f"/deals/{case.id}")
    assert deal["state"] == "awaiting_payment" and deal["clock_action"] == "default"
    assert (await seller.ask("POST", path, handle="x", card_id=good)).status_code == 404
    top_up = {"handle": buyer.handle, "card_id": good, "amount_minor": 1, "currency": "CNY"}
    assert (await seller.ask("POST", "/wallet/top-ups", **top_up)).json()["code"] == "card_absent"
    elsewhere = await cash_desk.program(case.buyer_id)
    stolen = await elsewhere.ask("POST", "/wallet/top-ups", **top_up)
    assert stolen.json()["code"] == "wallet_locked", "a handle is good in its own session alone"

    paid = await buyer.ok("POST", path, handle=buyer.handle, card_id=good, payment_id=PAYMENT)
    assert (paid["outcome"], paid["amount_minor"]) == ("paid", str(case.due_minor))
    assert await buyer.ok("POST", path, handle=buyer.handle, card_id=good, payment_id=PAYMENT) == paid
    again = await buyer.ask("POST", path, handle=buyer.handle, card_id=good)
    assert again.json()["code"] in ("not_awaited", "wrong_sum"), again.text

    mine = await buyer.ok("GET", f"/deals/{case.id}/e-receipt")
    theirs = await seller.ok("GET", f"/deals/{case.id}/e-receipt")
    assert (mine["brand"], mine["last4"], mine["means"]) == ("visa", "1111", "gateway")
    assert (theirs["brand"], theirs["last4"], theirs["signature_checked"]) == (None, None, True)
    order = judge_order(
        theirs["order"].encode(),
        payment_digest=bytes.fromhex(theirs["payment_digest"]),
        signature=bytes.fromhex(theirs["signature"]),
        public_key=bytes.fromhex(theirs["public_key"]),
    )
    assert getattr(order, "amount_minor", None) == str(case.due_minor)
    assert len(await buyer.ok("GET", "/wallet/card-payments")) == 2
    assert (await seller.ask("GET", f"/wallet/card-payments/{PAYMENT}")).status_code == 404
    await buyer.ok("POST", "/wallet/vault/locking", handle=buyer.handle)
    locked = await buyer.ask("POST", "/wallet/top-ups", **top_up)
    assert locked.json()["code"] == "wallet_locked"


async def test_top_up_cheque_and_small_change_stand_in_the_records_and_the_statement(cash_desk: CashDesk) -> None:
    case = await cash_desk.deal(deposit_minor=0)
    one, other = await cash_desk.program(case.buyer_id), await cash_desk.program(case.seller_id)
    (card,) = await one.open_wallet(SECOND)
    topped = await one.ok(
        "POST", "/wallet/top-ups", handle=one.handle, card_id=card, amount_minor=100_000, currency="CNY"
    )
    assert topped["outcome"] == "paid"
    small = {"handle": one.handle, "card_id": card, "currency": "EUR", "into": "change", "payment_id": TOP_UP}
    first = await one.ok("POST", "/wallet/top-ups", **small, amount_minor=50_000)
    assert await one.ok("POST", "/wallet/top-ups", **small, amount_minor=50_000) == first, "the purse is full by it"
    other_sum = await one.ask("POST", "/wallet/top-ups", **small, amount_minor=49_999)
    assert other_sum.json()["code"] == "payment_id_used", "another sum is another payment"
    over = await one.ask(
        "POST", "/wallet/top-ups", handle=one.handle, card_id=card, amount_minor=50_001, currency="CNY", into="change"
    )
    assert over.json()["code"] == "over_change_cap"
    purse = await one.ok("POST", "/wallet/change/top-ups", amount_minor=20_000, currency="CNY")
    assert purse["held_minor"] == "20000"
    wish = {"amount_minor": 30_000, "currency": "CNY", "memo": "=1+1", "days": 7}
    cheque = await one.ok(
        "POST", "/wallet/cheques", handle=one.handle, payee=await cash_desk.email(case.seller_id), **wish
    )
    signature, key = bytes.fromhex(cheque["signature"]), bytes.fromhex(cheque["public_key"])
    assert is_cheque_signed(cheque["record"].encode(), signature, key)
    assert not is_cheque_signed(cheque["record"].replace("30000", "90000").encode(), signature, key)
    assert (await one.ask("POST", f"/wallet/cheques/{cheque['id']}/presentation")).json()["code"] == "not_the_payee"
    presented = await other.ok("POST", f"/wallet/cheques/{cheque['id']}/presentation")
    assert presented["state"] == "presented"

    cheques = await one.ok("GET", "/wallet/records?kind=cheque&counterparty=seller")
    assert [(each["direction"], each["target"]) for each in cheques["items"]] == [
        ("out", "wallet"),
        ("moved", "cheque"),
    ]
    cards = await one.ok("GET", "/wallet/records?kind=card&least_minor=100000&most_minor=100000")
    assert [(each["source"], each["direction"]) for each in cards["items"]] == [("gateway", "in")]
    assert (await one.ok("GET", "/wallet/records?last_day=2020-01-01"))["total"] == 0
    month = f"{datetime.now(UTC):%Y-%m}"
    assert {"month": month, "currency": "CNY"} in await one.ok("GET", "/wallet/statements")
    statement = await one.ok("GET", f"/wallet/statements/{month}?currency=CNY")
    closing = {each["account"]: int(each["closing_minor"]) for each in statement["accounts"]}
    assert closing == {"wallet": 50_000, "change": 20_000}
    for each in statement["accounts"]:
        assert int(each["opening_minor"]) + int(each["in_minor"]) - int(each["out_minor"]) == int(each["closing_minor"])


async def test_a_deposit_is_paid_by_card_and_admits(cash_desk: CashDesk) -> None:
    deposit_id, bidder = await cash_desk.deposit()
    program, stranger = await cash_desk.program(bidder), await cash_desk.program(bidder - 1)
    (card,) = await program.open_wallet(GOOD)
    path = f"/deposits/{deposit_id}/card-payments"
    assert (await stranger.ask("POST", path, handle="x", card_id=card)).status_code == 404
    paid = await program.ok("POST", path, handle=program.handle, card_id=card)
    assert (paid["outcome"], paid["purpose"], paid["subject_id"]) == ("paid", "deposit", deposit_id)
    wallet = await program.ok("GET", "/wallet")
    assert [each["id"] for each in wallet["deposits"]] == [deposit_id]
    again = await program.ask("POST", path, handle=program.handle, card_id=card)
    assert again.json()["code"] == "not_awaited"


async def test_a_code_of_the_phone_confirms_once_and_a_wrong_one_never(cash_desk: CashDesk) -> None:
    case = await cash_desk.deal()
    payer = await cash_desk.program(case.buyer_id)
    path = f"/deals/{case.id}/phone-requests"
    await cash_desk.rich(case.buyer_id, case.due_minor)
    assert (await payer.ask("POST", path)).json()["code"] == "no_second_device"
    code = await enrolled(cash_desk, case)
    half = await payer.ask("POST", path, card_id=1)
    assert half.json()["code"] == "malformed", "a card without its wallet is no wish to pay in e-cash"
    at_once = await asyncio.gather(*(payer.ask("POST", path) for _ in range(4)))
    assert sorted(each.status_code for each in at_once) == [201, 409, 409, 409]
    (asked,) = [each.json() for each in at_once if each.is_success]
    assert (asked["state"], asked["amount_minor"], asked["means"]) == ("requested", str(case.due_minor), "wallet")
    assert (await payer.ask("POST", path)).json()["code"] == "phone_busy"
    confirmation = f"/phone-requests/{asked['id']}/confirmation"
    wrong = await payer.ask("POST", confirmation, code="000000" if code != "000000" else "000001")
    assert (wrong.status_code, wrong.json()["code"]) == (403, "proof_wrong")
    stranger = await cash_desk.program(case.seller_id)
    assert (await stranger.ask("POST", confirmation, code=code)).status_code == 404
    assert (await stranger.ask("POST", f"/phone-requests/{asked['id']}/refusal")).status_code == 404
    done = await payer.ok("POST", confirmation, code=code)
    assert (done["state"], done["method"]) == ("captured", "code")
    assert (await payer.ask("POST", confirmation, code=code)).json()["code"] == "request_ended"
    assert (await payer.ask("POST", path)).json()["code"] == "not_awaited", "what is paid waits for no phone"
    receipt = await payer.ok("GET", f"/deals/{case.id}/e-receipt")
    assert (receipt["means"], receipt["number"]) == ("wallet", f"GH-R-{case.id:06d}")
    await expect_spent(cash_desk, case, payer, code)


async def enrolled(cash_desk: CashDesk, case: Case) -> str:
    """Codes switched on by the code of the step before; the code of now."""
    server_key = (cash_desk.house.folder / "secrets" / "secret_key").read_text(encoding="utf-8").strip()
    now = datetime.now(UTC)
    async with cash_desk.pool.acquire() as conn, conn.transaction():
        secret = await one_time_codes.begin(conn, case.buyer_id, server_key, now)
        assert secret is not None and one_time_codes.secret_text(secret).replace(" ", "") in (
            one_time_codes.provisioning_uri(secret, "a@example.org", "House")
        )
        before = one_time_codes.code_at(secret, now.timestamp() - one_time_codes.STEP_SECONDS)
        assert await one_time_codes.use(conn, case.buyer_id, server_key, before, now, enrolling=True)
    return one_time_codes.code_at(secret, now.timestamp())


async def expect_spent(cash_desk: CashDesk, case: Case, payer: Program, code: str) -> None:
    """The same code is no good for another payment, even within its half minute."""
    server_key = (cash_desk.house.folder / "secrets" / "secret_key").read_text(encoding="utf-8").strip()
    async with cash_desk.pool.acquire() as conn, conn.transaction():
        assert not await one_time_codes.use(conn, payer.party, server_key, code, datetime.now(UTC))
