"""Fees: what the seller saw when he submitted is what the contract says and the ledger takes, whatever changes later."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow import books, ledger
from escrow.facts import Fees
from market import deals_store, fees, reports
from market.catalogue import Catalogue
from market.confirmation import confirmation
from market.fees import FeeRefusal, Market, Proposal, Version
from tests.deal.traded import PRICE, case_of, fall, pays, stage
from tests.sell.stall import DAY, HOUR, NOW, party

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from migrations.database import Connection

BEFORE = NOW - DAY


def wanted(**changes: object) -> Proposal:
    fields: dict[str, object] = {
        "market": Market.AUCTION, "currency": "CNY", "commission_bp": 650, "transaction_bp": 50,
        "service_minor": 1_000, "valid_from": BEFORE, "reason": "spring",
    }  # fmt: skip
    return Proposal(**{**fields, **changes})  # type: ignore[arg-type]


async def put_in_force(conn: Connection, ann: int, bob: int, proposal: Proposal, now: object = BEFORE) -> Version:
    async with conn.transaction():
        made = await fees.propose(conn, proposal, ann, now)  # type: ignore[arg-type]
        assert isinstance(made, Version) and made.is_waiting
        assert await fees.confirm(conn, made.id, ann, now) is FeeRefusal.SAME_PERSON  # type: ignore[arg-type]
        done = await fees.confirm(conn, made.id, bob, now)  # type: ignore[arg-type]
    assert isinstance(done, Version)
    return done


async def test_the_contract_says_what_the_seller_saw_and_the_ledger_takes_it(conn: Connection) -> None:
    ann, bob = await party(conn, operator=True), await party(conn, operator=True)
    await put_in_force(conn, ann, bob, wanted())
    on = await stage(conn, bidders=2)  # submitted at NOW
    await put_in_force(conn, ann, bob, wanted(commission_bp=4_000, valid_from=NOW), NOW + timedelta(minutes=1))
    await fall(conn, on)
    deal, case = await deals_store.deal_of_lot(conn, on.lot_id), await case_of(conn, on)
    assert deal is not None and deal.terms.fees == Fees(commission_bp=650, transaction_bp=50, service_minor=1_000)
    paper = confirmation(
        deal.terms, case_id=case.id, contract_sha256=deal.terms_sha256, code="X", catalogue=Catalogue.load()
    )
    shown = {clause.name: clause.value.en for clause in paper.clauses}
    assert shown["transaction_fee"].endswith("CNY 61.73") and shown["service_fee"] == "CNY 10.00"
    assert shown["proceeds"] == "CNY 11,470.84" and shown["buyer_fees"] == "None"

    later = NOW + 3 * HOUR
    await pays(conn, on.desk, case.reference, case.due_minor, later)
    async with conn.transaction():
        await on.desk.settlement.ship(conn, case.id, on.seller, "SF", "1", later)
        await on.desk.settlement.receive(conn, case.id, on.winner, later)
        await on.desk.settlement.confirm_receipt(conn, case.id, on.winner, later)
    assert await ledger.balance(conn, "commission", "CNY") == 80_243
    assert await ledger.balance(conn, "fees", "CNY") == 6_173 + 1_000
    (payout,) = await on.desk.payouts.payouts(conn)
    assert payout.amount_minor == PRICE - 80_243 - 7_173 == 1_147_084 and await books.faults(conn) == []
    (earned,) = await reports.earned(conn, NOW, NOW + DAY)
    assert (earned.market, earned.month, earned.seller_id, earned.sum_minor) == (
        Market.AUCTION,
        "2026-03",
        on.seller,
        87_416,
    )
    assert await reports.earned(conn, NOW, NOW + DAY, market=Market.REVERSE) == []


async def test_a_version_for_a_currency_counts_before_one_for_all(conn: Connection) -> None:
    ann, bob = await party(conn, operator=True), await party(conn, operator=True)
    assert await fees.in_force(conn, Market.AUCTION, "CNY", NOW, 800) == Fees(commission_bp=800)
    await put_in_force(conn, ann, bob, wanted(currency=None, service_minor=0, commission_bp=300), NOW)
    await put_in_force(conn, ann, bob, wanted(currency="JPY", commission_bp=200, service_minor=50), NOW)
    found = [(await fees.in_force(conn, Market.AUCTION, code, NOW, 800)).commission_bp for code in ("CNY", "JPY")]
    assert found == [300, 200]
    assert (await fees.in_force(conn, Market.AUCTION, "CNY", NOW - HOUR, 800)).commission_bp == 800
    assert (await fees.in_force(conn, Market.REVERSE, "CNY", NOW, 800)).commission_bp == 800


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"commission_bp": 4_950, "transaction_bp": 50}, FeeRefusal.RATES_TOO_HIGH),
        ({"currency": None}, FeeRefusal.SERVICE_NEEDS_A_CURRENCY),
        ({"service_minor": 10**16}, FeeRefusal.SERVICE_TOO_HIGH),
        ({"reason": " "}, FeeRefusal.REASON_MISSING),
    ],
    ids=lambda value: value.value if isinstance(value, FeeRefusal) else None,
)
def test_what_is_no_schedule_is_refused(changes: dict[str, object], refusal: FeeRefusal) -> None:
    assert fees.judge(wanted(**changes)) is refusal


async def test_the_database_refuses_what_the_page_would(conn: Connection) -> None:
    ann = await party(conn, operator=True)
    made = await fees.propose(conn, wanted(), ann, NOW)
    assert isinstance(made, Version)
    for change, constraint in (
        ("confirmed_by = proposed_by, confirmed_at = now()", "fee_schedule_confirmed_by_another"),
        ("confirmed_at = now()", "fee_schedule_confirmed_together"),
    ):
        with pytest.raises(asyncpg.CheckViolationError, match=constraint):
            await conn.execute(f"update market.fee_schedule set {change} where id = $1", made.id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute("update market.fee_schedule set commission_bp = 1")


@given(price=st.integers(1, 10**15), commission=st.integers(0, 4_999), service=st.integers(0, 10**15), data=st.data())
def test_fees_never_take_more_than_half_and_always_add_up(
    price: int, commission: int, service: int, data: st.DataObject
) -> None:
    transaction = data.draw(st.integers(0, 4_999 - commission))
    sums = fees.sums_of(Fees(commission_bp=commission, transaction_bp=transaction, service_minor=service), price)
    taken = sums.commission_minor + sums.transaction_minor + sums.service_minor
    assert taken + sums.proceeds_minor == price and min(sums.transaction_minor, sums.service_minor) >= 0
    assert sums.commission_minor == (price * commission + 5_000) // 10_000 and taken <= max(
        price // 2, sums.commission_minor
    )


async def test_the_journal_is_sent_page_by_page_with_ids_that_stay(pool: Pool[Record]) -> None:
    async with pool.acquire() as conn:
        on = await stage(conn, bidders=3)
        later = NOW + HOUR
        whole = await reports.journal(conn, NOW, NOW + DAY, 0, 1_000, later)
        pieces, after = [], 0
        while page := await reports.journal(conn, NOW, NOW + DAY, after, 2, later):
            pieces += page
            after = page[-1].seq
        assert pieces == whole and len({row.id for row in whole}) == len(whole) == 6, on
        assert await reports.journal(conn, NOW, NOW + DAY, 0, 9, NOW + timedelta(seconds=30)) == []
    text = "".join([piece async for piece in reports.journal_csv(pool, NOW, NOW + DAY, later)])
    assert len(text.strip().splitlines()) == 7 and whole[0].id in text
