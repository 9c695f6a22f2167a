"""The bank's switch as any house would meet it, by messages alone: once for ever by payment id, and never more than a card has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from escrow import iso8583
from escrow.card_facts import Advice, Authorise, CardPurpose, CardTarget, new_payment_id
from escrow.dual_signature import PreparedPayment
from escrow.gateway import iso8583 as words
from escrow.gateway.switch_link import SwitchLink
from escrow.iso8583 import Message
from tests.gateway.cards import GOOD, SECRET, Bank, now, prepared

TARGET = CardTarget(CardPurpose.CASE, 1)


@pytest.fixture(scope="module")
async def link(bank: Bank) -> AsyncIterator[SwitchLink]:
    link = SwitchLink("127.0.0.1", bank.switch_port, SECRET, answer_seconds=10, connect_seconds=5)
    running = asyncio.create_task(link.run())
    yield link
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


class House:
    """Speaks to the switch without any state of its own."""

    def __init__(self, bank: Bank, link: SwitchLink) -> None:
        self.bank, self.link = bank, link

    def payment(self, amount_minor: int = 500, pan: str = GOOD, **changed: Any) -> PreparedPayment:
        return prepared(self.bank.point, TARGET, amount_minor, pan, **changed)

    async def authorise(self, payment: PreparedPayment, amount_minor: int = 500, currency: str = "CNY") -> Message:
        asked = Authorise(
            payment_id=payment.payment_id, currency=currency, amount_minor=amount_minor, envelope=payment.envelope,
            order_digest=payment.order_digest, signature=payment.signature, public_key=payment.public_key, at=now(),
        )  # fmt: skip
        return await self.link.ask(words.authorisation(asked))

    async def tell(self, kind: str, payment_id: str, amount_minor: int = 500) -> str:
        advice = Advice(payment_id=payment_id, currency="CNY", amount_minor=amount_minor, at=now(), began_at=now())
        message = words.capture(advice) if kind == "capture" else words.reversal(advice)
        return (await self.link.ask(message)).text(39)

    async def state(self, payment_id: str) -> str | None:
        found = await self.bank.payment(payment_id)
        return found and found["state"]

    async def faults(self) -> list[str]:
        return list((await self.bank.get("/api/card-payments"))["faults"])


@pytest.fixture
def house(bank: Bank, link: SwitchLink) -> House:
    return House(bank, link)


async def test_the_same_request_has_the_same_answer_for_ever(house: House) -> None:
    payment = house.payment()
    answers = await asyncio.gather(*(house.authorise(payment) for _ in range(8)))
    told = {(each.text(39), each.text(38), each.text(4)) for each in answers}
    assert len(told) == 1 and next(iter(told))[0] == "00"
    poor = house.payment(20_000, "5555555555554444")
    assert {(await house.authorise(poor, 20_000)).text(39) for _ in range(3)} == {"51"}


async def test_a_payment_id_with_other_content_is_no_repeat(house: House) -> None:
    first = house.payment()
    assert (await house.authorise(first)).text(39) == "00"
    other = house.payment(payment_id=first.payment_id)
    assert (await house.authorise(other)).text(39) == "94"
    assert await house.state(first.payment_id) == "authorised"


async def test_a_payment_half_is_good_for_one_payment(house: House) -> None:
    first = house.payment(nonce="ab" * 32)
    assert (await house.authorise(first)).text(39) == "00"
    again = house.payment(nonce="ab" * 32)
    assert (await house.authorise(again)).text(39) == "94"


async def test_who_changes_anything_on_the_way_is_refused(house: House) -> None:
    from msgspec.structs import replace

    other = house.payment()
    for changed in (
        replace(house.payment(), order_digest=other.order_digest),
        replace(house.payment(), signature=other.signature),
        replace(house.payment(), public_key=bytes(32)),
        replace(house.payment(), envelope=other.envelope),
        replace(house.payment(), payment_id=new_payment_id()),
    ):
        assert (await house.authorise(changed)).text(39) == "63"
    assert (await house.authorise(house.payment(), 501)).text(39) == "63"
    assert (await house.authorise(house.payment(), currency="USD")).text(39) == "63"


async def test_a_reversal_that_overtakes_its_request_stands(house: House) -> None:
    payment = house.payment()
    assert await house.tell("reverse", payment.payment_id) == "00"
    assert (await house.authorise(payment)).text(39) == "12"
    assert await house.tell("reverse", payment.payment_id) == "00"
    assert await house.state(payment.payment_id) == "reversed" and await house.faults() == []


async def test_captured_once_and_reversed_never_after(house: House) -> None:
    payment = house.payment()
    assert await house.tell("capture", payment.payment_id) == "25"
    await house.authorise(payment)
    assert await house.tell("capture", payment.payment_id, 501) == "13"
    assert {await house.tell("capture", payment.payment_id) for _ in range(3)} == {"00"}
    assert await house.tell("reverse", payment.payment_id) == "12"
    reversed_one = house.payment()
    await house.authorise(reversed_one)
    assert {await house.tell("reverse", reversed_one.payment_id) for _ in range(3)} == {"00"}
    assert await house.tell("capture", reversed_one.payment_id) == "12"
    assert (await house.authorise(reversed_one)).text(39) == "12", "what was let go is not held again"
    assert await house.faults() == []


async def test_of_a_card_no_more_is_held_than_it_has(house: House) -> None:
    issued = await house.bank.post("/api/cards", holder="Wang", expiry="2030-01", currency="CNY", balance_minor="10000")
    payments = [house.payment(300, issued["number"], expiry="2030-01") for _ in range(50)]
    codes = [(await each).text(39) for each in [asyncio.create_task(house.authorise(p, 300)) for p in payments]]
    assert (codes.count("00"), codes.count("51")) == (33, 17)
    held = [payment for payment, code in zip(payments, codes, strict=True) if code == "00"]
    for payment in held[:3]:
        await house.tell("reverse", payment.payment_id)
    card = next(each for each in (await house.bank.get("/api/cards"))["cards"] if each["id"] == issued["id"])
    assert card["balances"] == {"CNY": "1000"} and "number" not in card
    assert await house.faults() == []


async def test_who_has_not_the_key_is_not_heard(bank: Bank) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", bank.switch_port)
    message = Message(iso8583.NETWORK, {7: "1122030405", 11: "000001", 70: iso8583.SIGN_ON})
    writer.write(iso8583.frame(iso8583.encode(message, iso8583.key_of("another secret"))))
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_a_message_without_what_it_needs_is_answered_30(link: SwitchLink) -> None:
    for elements in ({4: "000000000500"}, {4: "000000000500", 48: new_payment_id(), 49: "999", 127: bytes(200)}):
        assert (await link.ask(Message(iso8583.AUTHORISE, dict(elements)))).text(39) == "30"
