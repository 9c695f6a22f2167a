"""The auditor: at the end, when everything is quiet, what the house's rows say, what the bank's rows say, and what was answered to
the traders must be one and the same, to the last unit.
"""

from __future__ import annotations

import asyncpg

from escrow import books, ledger
from tests.torture.money_traders import Acknowledged

WAITING = """
select (select count(*) from escrow.escrow_case where state not in ('settled')) as cases,
  (select count(*) from escrow.card_payment where try_at is not null) as payments,
  (select count(*) from escrow.payout where state <> 'settled') as payouts,
  (select count(*) from market.phone_request where state in ('requested', 'confirmed')) as requests,
  (select count(*) from escrow.deposit where state <> 'held') as deposits,
  (select count(*) from escrow.book_waiting) as entries,
  (select count(*) from bank.outbox where delivered_at is null) as notices,
  (select count(*) from bank.card_payment where state = 'authorised') as holds"""


async def still_waiting(owner: asyncpg.Connection[asyncpg.Record]) -> dict[str, int]:
    """What is not over yet; empty when everything is."""
    row = await owner.fetchrow(WAITING)
    assert row is not None
    return {name: count for name, count in row.items() if count}


async def books_agree(owner: asyncpg.Connection[asyncpg.Record], told: Acknowledged) -> dict[str, int]:
    """Raises AssertionError where they differ; the figures for whoever reads them. The card day is settled."""
    assert await books.faults(owner) == []
    assert all(row.debit_minor == row.credit_minor for row in await _by_currency(owner)), "postings sum to zero"
    assert await owner.fetch("select * from escrow.quarantine") == [], "nothing came twice or too late"
    assert await owner.fetch("select * from escrow.card_difference") == []
    cards = await _cards(owner, told)
    deals = await _deals(owner, told)
    payouts = await _payouts(owner, told)
    await _wallets(owner, told)
    centre = await owner.fetchval(
        "select sum(balance_minor)::bigint from bank.account where is_centre and currency = 'CNY'"
    )
    assert (await ledger.balance(owner, "gateway", "CNY"), await ledger.balance(owner, "bank", "CNY")) == (0, -centre)
    return {"deals": deals, "card payments": cards, "payouts": payouts, "at the bank, minor units": centre}


async def _by_currency(owner: asyncpg.Connection[asyncpg.Record]) -> list[books.TrialRow]:
    sums: dict[str, tuple[int, int]] = {}
    for row in await books.trial_balance(owner):
        debit, credit = sums.get(row.currency, (0, 0))
        sums[row.currency] = (debit + row.debit_minor, credit + row.credit_minor)
    return [
        books.TrialRow(kind="all", currency=currency, debit_minor=debit, credit_minor=credit)
        for currency, (debit, credit) in sums.items()
    ]


async def _cards(owner: asyncpg.Connection[asyncpg.Record], told: Acknowledged) -> int:
    """The bank took exactly what the house says it took, each once; and what was answered was taken."""
    ours = {
        row["id"]: row["amount_minor"]
        for row in await owner.fetch("select id, amount_minor from escrow.card_payment where state = 'captured'")
    }
    theirs = {
        row["id"]: row["amount_minor"]
        for row in await owner.fetch("select id, amount_minor from bank.card_payment where state = 'captured'")
    }
    assert ours == theirs, {id_: (ours.get(id_), theirs.get(id_)) for id_ in ours.keys() ^ theirs.keys()}
    assert told.charged.items() <= ours.items(), "an acknowledged charge is lost"
    for party, amount, tried in told.topped_up:
        assert [ours[id_] for id_ in tried if id_ in ours] == [amount], f"party {party} wished for one top-up"
    refused = await owner.fetch("select id, refused_code from escrow.card_payment where refused_code is not null")
    assert not refused, f"the bank was asked for what it can't do: {refused}"
    spent = await owner.fetchval("select coalesce(sum(opened_minor - available_minor), 0)::bigint from bank.card_balance where currency = 'CNY'")  # fmt: skip
    assert spent == sum(ours.values()), "the customers' cards bear what was taken, and nothing else"
    return len(ours)


async def _deals(owner: asyncpg.Connection[asyncpg.Record], told: Acknowledged) -> int:
    """Each deal has its price by one means, was released once, and was acknowledged; none is lost."""
    rows = await owner.fetch(
        """select c.id, c.state, c.price_minor,
             (select count(*) from escrow.card_payment p where p.purpose = 'case' and p.target_id = c.id and p.state = 'captured') as by_card,
             (select count(*) from escrow.case_event e where e.case_id = c.id and e.action = 'pay') as paid,
             (select count(*) from escrow.case_event e where e.case_id = c.id and e.action = 'release') as released,
             (select count(*) from escrow.payout p where p.case_id = c.id and p.purpose = 'sale') as payouts
           from escrow.escrow_case c"""
    )
    for row in rows:
        is_by_card = told.paid.get(row["id"]) in ("card", "phone")
        assert (row["state"], row["paid"], row["released"], row["payouts"], row["by_card"]) == ("settled", 1, 1, 1, is_by_card), dict(row)  # fmt: skip
    assert {row["id"] for row in rows} == told.paid.keys() == told.released
    return len(rows)


async def _payouts(owner: asyncpg.Connection[asyncpg.Record], told: Acknowledged) -> int:
    """The bank has paid each once; a withdrawal was wished for, made and paid as often."""
    paid = {
        row["reference"]: (row["times"], row["sum_minor"])
        for row in await owner.fetch(
            "select reference, count(*) as times, sum(amount_minor)::bigint as sum_minor from bank.transfer"
            " where request_key like 'payout:%' group by reference"
        )
    }
    rows = await owner.fetch("select id, party_id, purpose, end_to_end_id, amount_minor, state from escrow.payout")
    assert paid == {row["end_to_end_id"]: (1, row["amount_minor"]) for row in rows}
    made = {row["id"]: (row["party_id"], row["amount_minor"]) for row in rows if row["purpose"] == "withdrawal"}
    assert made == told.withdrawn, "each withdrawal that was wished for was made once"
    return len(rows)


async def _wallets(owner: asyncpg.Connection[asyncpg.Record], told: Acknowledged) -> None:
    """What was put in is what went out: every top-up was spent or withdrawn."""
    for party in {party for party, _, _ in told.topped_up}:
        assert await ledger.balance(owner, f"wallet:{party}", "CNY") == 0
