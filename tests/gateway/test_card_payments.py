"""A card payment through real sockets and a real Postgres: each answer and each fault of the bank with what comes of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from escrow import ledger
from escrow.card_facts import (
    EDGES,
    CardOutcome,
    CardPayment,
    CardPurpose,
    CardReason,
    CardRefusal,
    CardState,
    CardTarget,
)
from escrow.facts import State
from tests.escrow.trade import BUYER, SELLER
from tests.gateway.cards import CHANGE_CAP_MINOR, GOOD, OTHER, POOR, PUBLIC_KEY, UNION, Bank, Till, now, refused

if TYPE_CHECKING:
    from migrations.database import Pool

CAPTURED, DECLINED, REVERSED = CardState.CAPTURED, CardState.DECLINED, CardState.REVERSED


async def test_the_listed_steps_are_the_databases(till_pool: Pool) -> None:
    async with till_pool.acquire() as conn:
        rows = await conn.fetch("select from_state, to_state from escrow.card_edge")
    assert {(row["from_state"], row["to_state"]) for row in rows} == EDGES


@pytest.mark.parametrize("pan", [GOOD, OTHER, UNION])
async def test_a_card_pays_a_deal(till: Till, bank: Bank, pan: str) -> None:
    case = await till.open_case()
    paid = await till.pay(case, pan)
    assert (paid.state, paid.outcome, paid.reason) == (CAPTURED, CardOutcome.PAID, None)
    assert (await till.case(case)).state is State.FUNDED
    told = await till.until(paid, CAPTURED, told=True)
    at_the_bank = await bank.payment(paid.id)
    assert at_the_bank is not None
    assert (at_the_bank["state"], at_the_bank["approved_minor"]) == ("captured", "10000")
    assert at_the_bank["authorisation_code"] == told.authorisation_code


@pytest.mark.parametrize(
    ("pan", "how", "reason"),
    [
        ("4000000000000002", {}, CardReason.DO_NOT_HONOUR),
        ("4111111111111112", {}, CardReason.INVALID_CARD),
        ("4000000000009979", {}, CardReason.STOLEN_CARD),
        (POOR, {}, CardReason.INSUFFICIENT_FUNDS),
        ("4000000000000069", {"expiry": "2024-12"}, CardReason.EXPIRED_CARD),
        (GOOD, {"expiry": "2031-11"}, CardReason.EXPIRED_CARD),
        ("4000000000000341", {}, CardReason.OVER_LIMIT),
        (GOOD, {"told_minor": 10_001}, CardReason.SECURITY_VIOLATION),
    ],
    ids=["05", "14", "43", "51", "54", "54_wrong", "61", "63"],
)
async def test_a_declined_card_leaves_the_deal_as_it_was(
    till: Till, bank: Bank, pan: str, how: dict[str, Any], reason: CardReason
) -> None:
    case = await till.open_case(10_001)
    declined = await till.pay(case, pan, **{**how, **({"told_minor": 9} if "told_minor" in how else {})})
    assert (declined.state, declined.reason, declined.outcome) == (DECLINED, reason, CardOutcome.DECLINED)
    after = await till.case(case)
    assert (after.state, after.clock_due_at) == (State.AWAITING_PAYMENT, case.clock_due_at)
    assert (await till.pay(case, OTHER)).state is CAPTURED, "another card goes on at once"


# fault of the bank → how it is switched on, what the buyer hears, what becomes of it, what the bank holds at the end
FAULTS: dict[str, tuple[dict[str, Any], CardOutcome, CardState, CardReason | None, str | None]] = {
    "lost_once": ({"fault": "lost", "times": 1}, CardOutcome.PAID, CAPTURED, None, "captured"),
    "no_answer_once": ({"fault": "no_answer", "times": 1}, CardOutcome.PAID, CAPTURED, None, "captured"),
    "no_answer": (
        {"fault": "no_answer", "times": 2}, CardOutcome.NOT_CHARGED, REVERSED, CardReason.NO_ANSWER, "reversed",
    ),
    "lost": ({"fault": "lost", "times": 2}, CardOutcome.NOT_CHARGED, REVERSED, CardReason.NO_ANSWER, "reversed"),
    "late_answer": (
        {"fault": "late_answer", "times": 2, "delay_ms": 1000},
        CardOutcome.NOT_CHARGED, REVERSED, CardReason.NO_ANSWER, "reversed",
    ),
    "drop_connection": ({"fault": "drop_connection", "times": 1}, CardOutcome.PAID, CAPTURED, None, "captured"),
    "garbage": ({"fault": "garbage", "times": 1}, CardOutcome.PAID, CAPTURED, None, "captured"),
    "garbage_twice": (
        {"fault": "garbage", "times": 2}, CardOutcome.NOT_CHARGED, REVERSED, CardReason.NO_ANSWER, "reversed",
    ),
    "duplicate_answer": ({"fault": "duplicate_answer", "times": 1}, CardOutcome.PAID, CAPTURED, None, "captured"),
    "slow": ({"fault": "slow", "times": 1, "delay_ms": 100}, CardOutcome.PAID, CAPTURED, None, "captured"),
    "undecided": ({"fault": "undecided", "times": 2}, CardOutcome.PENDING, CAPTURED, None, "captured"),
    "partial": (
        {"fault": "partial", "times": 1}, CardOutcome.DECLINED, REVERSED, CardReason.PARTLY_APPROVED, "reversed",
    ),
    **{
        f"decline_{code}": (
            {"fault": "decline", "times": 1, "code": code}, CardOutcome.DECLINED, DECLINED, reason, "declined",
        )
        for code, reason in {
            "91": CardReason.ISSUER_UNAVAILABLE,
            "ZZ": CardReason.DECLINED,
        }.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("name", list(FAULTS))
async def test_each_fault_of_the_bank_ends_well(till: Till, hasty: Till, bank: Bank, name: str) -> None:
    how, outcome, end, reason, at_the_bank = FAULTS[name]
    case = await till.open_case()
    await bank.fault(**{"applies_to": "authorise", **how})
    paid = await hasty.pay(case)
    assert paid.outcome is outcome
    if outcome in (CardOutcome.NOT_CHARGED, CardOutcome.DECLINED):
        again = await till.pay(case, OTHER)
        assert again.outcome is CardOutcome.PAID, "the buyer goes on at once, whatever the bank still has to say"
    ended = await till.until(paid, end, told=end is not DECLINED)
    assert (ended.reason, ended.partial_minor) == (reason, 5_000 if name == "partial" else None)
    known = await bank.payment(paid.id)
    assert (known and known["state"]) == at_the_bank
    assert (await till.case(case)).state is State.FUNDED
    assert (await bank.get("/api/card-payments"))["faults"] == []


@pytest.mark.parametrize("message", ["capture", "reverse"])
async def test_what_the_bank_must_know_is_told_until_it_acknowledges(hasty: Till, bank: Bank, message: str) -> None:
    case = await hasty.open_case()
    for fault in ("no_answer", "drop_connection", "garbage", "lost"):
        await bank.fault(fault, applies_to=message)
    if message == "reverse":
        await bank.fault("partial")
    paid = await hasty.pay(case)
    ended = await hasty.until(paid, CAPTURED if message == "capture" else REVERSED, told=True)
    known = await bank.payment(paid.id)
    assert known is not None and known["state"] == ended.state


async def test_a_bank_that_is_not_there_declines_at_once_and_nothing_is_reversed(till_pool: Pool, bank: Bank) -> None:
    from dataclasses import replace

    from tests.gateway.cards import open_till
    from tests.ports import free_port

    async with open_till(till_pool, replace(bank, switch_port=free_port())) as till:
        case = await till.open_case()
        paid = await till.pay(case)
        assert (paid.state, paid.reason) == (DECLINED, CardReason.BANK_UNREACHABLE)
        assert paid.outcome is CardOutcome.DECLINED and await bank.payment(paid.id) is None


async def test_a_deal_paid_another_way_meanwhile_is_not_paid_twice(till: Till, bank: Bank) -> None:
    case = await till.open_case()
    await bank.fault("slow", applies_to="authorise", delay_ms=150)
    paying = asyncio.create_task(till.pay(case))
    async with asyncio.timeout(5):
        while not await _running(till, case.id):  # noqa: ASYNC110 -- a row that another task writes
            await asyncio.sleep(0.002)
    async with till.pool.acquire() as conn, conn.transaction():
        locked = await till.desk.settlement.case_by_id(conn, case.id)
        assert locked is not None
        from escrow.settlement import BANK

        await till.desk.settlement.pay(conn, locked, BANK, "bank", 10_000, now())
    paid = await paying
    assert (paid.reason, paid.outcome) == (CardReason.NOT_AWAITED, CardOutcome.NOT_CHARGED)
    await till.until(paid, REVERSED, told=True)
    known = await bank.payment(paid.id)
    assert known is not None and known["state"] == "reversed"


async def _running(till: Till, case_id: int) -> bool:
    async with till.pool.acquire() as conn:
        running = await till.cards.running(conn, CardTarget(CardPurpose.CASE, case_id))
    return running is not None and running.state is CardState.AUTHORISING


async def test_fifty_cards_at_once_on_one_deal_capture_once(till: Till, bank: Bank) -> None:
    case = await till.open_case()
    target = CardTarget(CardPurpose.CASE, case.id)
    answers = await asyncio.gather(
        *(till.cards.pay(target, BUYER, till.prepared(target, 10_000), now()) for _ in range(50))
    )
    paid = [each for each in answers if isinstance(each, CardPayment) and each.state is CAPTURED]
    rest = [each for each in answers if each not in paid]
    assert len(paid) == 1
    assert set(rest) <= {CardRefusal.PAYMENT_RUNNING, CardRefusal.NOT_AWAITED}
    async with till.pool.acquire() as conn:
        assert await ledger.balance(conn, f"escrow:{case.id}", "CNY") == 10_000


async def test_many_payments_are_in_flight_on_one_connection(till: Till, bank: Bank) -> None:
    cases = [await till.open_case(100 + n) for n in range(40)]
    await bank.fault("slow", times=40, applies_to="authorise", delay_ms=100)
    async with asyncio.timeout(3):
        paid = await asyncio.gather(*(till.pay(case) for case in cases))
    assert {each.state for each in paid} == {CAPTURED}
    assert [each.amount_minor for each in paid] == [case.due_minor for case in cases]


async def test_a_deposit_a_wallet_and_small_change_are_paid_by_card(till: Till) -> None:
    async with till.pool.acquire() as conn, conn.transaction():
        deposit = await till.desk.deposits.request_deposit(
            conn, subject="lot:card", party_id=BUYER, amount_minor=3_000, currency="CNY", now=now()
        )
    for target in (
        CardTarget(CardPurpose.DEPOSIT, deposit.id),
        CardTarget(CardPurpose.WALLET, BUYER),
        CardTarget(CardPurpose.CHANGE, BUYER),
    ):
        paid = await till.cards.pay(target, BUYER, till.prepared(target, 3_000), now())
        assert isinstance(paid, CardPayment) and paid.state is CAPTURED
    async with till.pool.acquire() as conn:
        for path in (f"deposit:{deposit.id}", f"wallet:{BUYER}", f"change:{BUYER}"):
            assert await ledger.balance(conn, path, "CNY") == 3_000
        mine = await till.cards.payments_of(conn, BUYER, limit=3)
    assert [each.target.purpose for each in mine] == ["change", "wallet", "deposit"]


async def test_top_ups_at_once_never_lift_small_change_over_its_cap(till: Till) -> None:
    """All are begun under the cap; what the bank approves beyond it is let go again."""
    target, party = CardTarget(CardPurpose.CHANGE, SELLER), SELLER
    asked = [till.prepared(target, 20_000, currency="EUR") for _ in range(4)]
    done = await asyncio.gather(*(till.cards.pay(target, party, each, now()) for each in asked))
    outcomes = sorted(str(one.outcome) if isinstance(one, CardPayment) else str(one) for one in done)
    assert outcomes.count("paid") == 2 and set(outcomes) <= {"paid", "not_charged", "wrong_sum"}
    async with till.pool.acquire() as conn:
        assert await ledger.balance(conn, str(target), "EUR") == 40_000 < CHANGE_CAP_MINOR
    over = await till.cards.pay(target, party, till.prepared(target, 10_001, currency="EUR"), now())
    assert over is CardRefusal.WRONG_SUM
    exact = await till.cards.pay(target, party, till.prepared(target, 10_000, currency="EUR"), now())
    assert isinstance(exact, CardPayment) and exact.state is CAPTURED, "exactly the cap is not over it"


def _order_of_another(till: Till, target: CardTarget) -> Any:
    from msgspec.structs import replace

    return replace(till.prepared(target, 10_000), order=till.prepared(target, 9_000).order)


@pytest.mark.parametrize("refusal", [
    CardRefusal.BAD_ORDER, CardRefusal.BAD_SIGNATURE, CardRefusal.ORDER_DIFFERS, CardRefusal.AMOUNT_TOO_LARGE,
    CardRefusal.UNKNOWN_SUBJECT, CardRefusal.NOT_YOURS, CardRefusal.NOT_AWAITED, CardRefusal.WRONG_SUM,
])  # fmt: skip
async def test_what_is_refused_before_the_bank_is_asked(till: Till, refusal: CardRefusal) -> None:
    from msgspec.structs import replace

    case = await till.open_case()
    target, party, prepared, key = CardTarget(CardPurpose.CASE, case.id), BUYER, None, PUBLIC_KEY
    match refusal:
        case CardRefusal.BAD_ORDER:
            prepared = replace(till.prepared(target, 10_000), order=b"{}")
        case CardRefusal.BAD_SIGNATURE:
            prepared = _order_of_another(till, target)
        case CardRefusal.ORDER_DIFFERS:
            prepared = till.prepared(CardTarget(CardPurpose.CASE, case.id + 1), 10_000)
        case CardRefusal.AMOUNT_TOO_LARGE:
            prepared = till.prepared(target, 10**12)
        case CardRefusal.UNKNOWN_SUBJECT:
            target = CardTarget(CardPurpose.CASE, 10**9)
        case CardRefusal.NOT_YOURS:
            party = SELLER
        case CardRefusal.NOT_AWAITED:
            await till.pay(case)
        case CardRefusal.WRONG_SUM:
            prepared = till.prepared(target, 9_999)
    asked = prepared or till.prepared(target, 10_000)
    answer = await till.cards.pay(target, party, asked, now(), wallet_key=key)
    assert refused(answer) is refusal
    async with till.pool.acquire() as conn:
        assert await till.cards.payment(conn, asked.payment_id) is None, "refused leaves no row"


async def test_another_wallets_key_and_a_used_payment_id_are_refused(till: Till) -> None:
    case, other = await till.open_case(), await till.open_case()
    target = CardTarget(CardPurpose.CASE, case.id)
    first = till.prepared(target, 10_000)
    assert refused(await till.cards.pay(target, BUYER, first, now(), wallet_key=bytes(32))) is CardRefusal.BAD_SIGNATURE
    assert isinstance(await till.cards.pay(target, BUYER, first, now()), CardPayment)
    again = CardTarget(CardPurpose.CASE, other.id)
    used = till.prepared(again, 10_000, payment_id=first.payment_id)
    assert refused(await till.cards.pay(again, BUYER, used, now())) is CardRefusal.PAYMENT_ID_USED
