"""Canaries through every flow of a real house: put into wallets, declined for every reason, paid with for deals, deposits, the
wallet and small change, confirmed on a phone, taken back by the bank, taken out and put in again, mistyped.

A wallet holds twelve cards, and each has its part; every other wallet is used by pages, the others by a program.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime

from escrow.facts import Case
from escrow.vault_facts import MOST_CARDS
from market import applications, one_time_codes
from market.application_facts import Application
from tests.canary import looks
from tests.canary.buyers import Buyer, ByPage, ByProgram
from tests.canary.numbers import Canary
from tests.canary.scene import Scene
from tests.sell import stall

DECLINED = ("unknown", "poor", "stolen")
"""How the bank knows the first cards of a wallet; all others are rich."""
FAULTS = ("decline", "partial", "duplicate_answer", "garbage", "drop_connection")
"""What the switch does to the payment of one card of each wallet, in turn."""
(BY_FAULT, PAYS, TAKEN_BACK, DEPOSIT, WALLET, CHANGE, PHONE, PUT_IN_AGAIN, MISTYPED) = range(3, MOST_CARDS)
LOOKED_AT = 25
"""Each so many wallets everybody looks at everything, and once more at the end."""
PATIENCE_SECONDS = 120


async def play(
    scene: Scene,
    cards: list[Canary],
    phrases: list[str],
    tell: Callable[[str], object] = str,
    *,
    at_once: int = 4,
    only: re.Pattern[str] | None = None,
) -> None:
    """All cards, a dozen a wallet, so many wallets at once. With `only`, no other pages are looked at."""
    assert len(cards) == len(phrases) * MOST_CARDS
    await scene.issue([(card, _kind(number % MOST_CARDS)) for number, card in enumerate(cards)])
    wallets = [cards[at : at + MOST_CARDS] for at in range(0, len(cards), MOST_CARDS)]
    waiting, done = iter(list(enumerate(zip(wallets, phrases, strict=True)))), itertools.count(1)

    async def one_after_another() -> None:
        for number, (dozen, phrase) in waiting:
            await one_wallet(scene, number, dozen, phrase, only)
            tell(f"{next(done)} of {len(wallets)} wallets")

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one_after_another())


def _kind(place: int) -> str:
    return DECLINED[place] if place < len(DECLINED) else "rich"


async def one_wallet(
    scene: Scene, number: int, dozen: list[Canary], phrase: str, only: re.Pattern[str] | None = None
) -> None:
    """The life of one wallet: a new buyer, his cards, and all that he does with them."""
    now, count = datetime.now(UTC), scene.journal.count
    async with scene.pool.acquire() as conn:
        party = await stall.party(conn, now=now)
    deals = [await scene.deal(party) for _ in range(3)]
    buyer: Buyer = await (ByPage if number % 2 == 0 else ByProgram).of(scene, party)
    await buyer.open(phrase)
    await _put_in(scene, buyer, dozen)
    ids = await buyer.cards()
    assert len(ids) == MOST_CARDS
    for place in range(len(DECLINED)):
        count("a card is declined", await buyer.pay_deal(deals[0].id, ids[place]))
    await _switch(scene, FAULTS[number % len(FAULTS)])
    await buyer.pay_deal(deals[0].id, ids[BY_FAULT])
    count("a second card pays the deal", await _until_paid(scene, buyer, deals[0], ids[PAYS]))
    count("a deposit", await _persist(lambda: _deposit(scene, buyer, ids[DEPOSIT])))
    count("the wallet is topped up", await _persist(lambda: buyer.top_up(ids[WALLET], "wallet")))
    count("small change is topped up", await _persist(lambda: buyer.top_up(ids[CHANGE], "change")))
    code = await _phone_code(scene, party)
    count("confirmed on the phone", await buyer.pay_by_phone(deals[1].id, ids[PHONE], code))
    await _until_paid(scene, buyer, deals[2], ids[TAKEN_BACK])
    count("the bank takes it back", await _taken_back(scene, deals[2], won=number % 4 < 2))
    await buyer.remove(ids[PUT_IN_AGAIN])
    count("taken out and put in again", await buyer.add(dozen[PUT_IN_AGAIN]) or "paid")
    (again,) = set(await buyer.cards()) - set(ids)
    await _persist(lambda: buyer.top_up(again, "wallet"))
    await _persist(lambda: buyer.top_up(ids[MISTYPED], "wallet"))
    if number % LOOKED_AT == 0:
        await looks.everybody(scene, party, deals[0], buyer, only=only)
    await buyer.leave(phrase, phrase[::-1])


async def _put_in(scene: Scene, buyer: Buyer, dozen: list[Canary]) -> None:
    """One by one; the last is refused first, for all that can be wrong with a card."""
    for card in dozen[:MISTYPED]:
        assert await buyer.add(card) == ""
    mistyped = dozen[MISTYPED]
    for typed in ({"expiry_year": "2020"}, {"holder": ""}, {"label": mistyped.number}, {"number": mistyped.number[1:]}):
        scene.journal.count("mistyped", await buyer.add(mistyped, **typed) or "taken")
    assert await buyer.add(mistyped) == ""
    scene.journal.count("put in twice", await buyer.add(dozen[0]) or "taken")


async def _deposit(scene: Scene, buyer: Buyer, card_id: str) -> str:
    """A deposit for the hall's lot, asked for when it is first needed."""
    now, desk = datetime.now(UTC), scene.hall.desk
    async with scene.pool.acquire() as conn:
        applied = await applications.apply(conn, lot_id=scene.hall.lot_id, party_id=buyer.party, now=now)
        if isinstance(applied, Application):
            await applications.confirm(conn, desk, application_id=applied.id, operator_id=scene.hall.operator, now=now)
        stands = await applications.application_state(conn, desk, scene.hall.lot_id, buyer.party)
    assert stands is not None and stands.deposit_id is not None
    return await buyer.pay_deposit(stands.deposit_id, card_id)


async def _phone_code(scene: Scene, party: int) -> str:
    """Codes switched on by the code of the step before; the code of now."""
    now = datetime.now(UTC)
    async with scene.pool.acquire() as conn, conn.transaction():
        secret = await one_time_codes.begin(conn, party, scene.secret_key, now)
        assert secret is not None
        before = one_time_codes.code_at(secret, now.timestamp() - one_time_codes.STEP_SECONDS)
        assert await one_time_codes.use(conn, party, scene.secret_key, before, now, enrolling=True)
    return one_time_codes.code_at(secret, now.timestamp())


async def _taken_back(scene: Scene, case: Case, *, won: bool) -> str:
    """The buyer disputes it at his bank; the bank tells the house, hears its answer, and decides."""
    payment_id = await _value(scene, "select id from escrow.card_payment where target_id = $1 and state = 'captured'"
                              " and purpose = 'case' and acknowledged_at is not null", case.id)  # fmt: skip
    opened = await scene.bank.post("/api/chargebacks", json={"payment_id": payment_id, "reason": "fraud"})
    assert opened.is_success, opened.text
    chargeback_id = await _value(scene, "select id from escrow.chargeback where payment_reference = $1", payment_id)
    page = f"/operator/chargebacks/{chargeback_id}"
    answered = await scene.operator.post(f"{page}/answer", {"answer": "The goods were sent."})
    assert answered.status_code == 303, answered.text
    await scene.operator.get(page)
    told = "select chargeback_id from escrow.chargeback_answer where chargeback_id = $1 and told_at is not null"
    await _value(scene, told, chargeback_id)
    decision = await scene.bank.post(f"/api/chargebacks/{opened.json()['id']}/decide", json={"won": won})
    assert decision.is_success, decision.text
    decided = "select state from escrow.chargeback where payment_reference = $1 and state <> 'open'"
    return str(await _value(scene, decided, payment_id))


async def _value(scene: Scene, query: str, argument: object) -> object:
    """What a query gives once it gives anything."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async with scene.pool.acquire() as conn:
                found: object = await conn.fetchval(query, argument)
            if found is not None:
                return found
            await asyncio.sleep(0.05)


async def _until_paid(scene: Scene, buyer: Buyer, case: Case, card_id: str) -> str:
    """Pressed until it stays paid: a fault that was meant for another wallet may have met this payment."""

    async def press() -> str:
        said = await buyer.pay_deal(case.id, card_id)
        state = "select 'paid' from escrow.escrow_case where id = $1 and state <> 'awaiting_payment'"
        async with scene.pool.acquire() as conn:
            return await conn.fetchval(state, case.id) or said

    return await _persist(press)


async def _persist(press: Callable[[], object]) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            said = await press()  # type: ignore[misc]
            if said == "paid":
                return "paid"
            await asyncio.sleep(0.2)


async def _switch(scene: Scene, fault: str) -> None:
    switched = await scene.bank.post("/api/faults", json={"fault": fault, "times": 1, "applies_to": "authorise"})
    assert switched.is_success, switched.text
