"""What the posting functions promise: replays, batches, reversals, seals; and that nothing can be slipped under them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escrow import books, ledger
from escrow.facts import Leg
from escrow.ledger import Account, Operation, PostingRefusedError
from migrations.database import Address, Role, connect

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from migrations.database import Connection

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def move(subject: str, debit: str, credit: str, amount: int, currency: str = "CNY") -> Operation:
    leg = Leg(debit=debit, credit=credit, currency=currency, amount_minor=amount)
    return Operation(kind="test", subject=subject, actor="test", legs=(leg,))


@pytest.fixture
async def book(pool: Pool[Record]) -> dict[str, int]:
    """The bank, commission and wallets; wallet:1 holds 1,000."""
    async with pool.acquire() as conn:
        return await filled(conn)


async def filled(conn: Connection) -> dict[str, int]:
    house = [Account(path=path, currency=currency) for path in ("bank", "commission") for currency in ("CNY", "USD")]
    wallets = [
        Account(path=f"wallet:{owner}", currency=currency, owner_id=owner)
        for owner in (1, 2, 3)
        for currency in ("CNY", "USD")
    ]
    accounts = await ledger.open_accounts(conn, house + wallets)
    await ledger.post(conn, move("paid in", "bank", "wallet:1", 1_000), NOW)
    return {f"{path} {currency}": account for (path, currency), account in accounts.items()}


async def test_a_replay_changes_nothing_and_other_content_is_a_conflict(conn: Connection, book: dict[str, int]) -> None:
    assert await ledger.post(conn, move("once", "wallet:1", "wallet:2", 10), NOW)
    assert not await ledger.post(conn, move("once", "wallet:1", "wallet:2", 10), NOW)
    with pytest.raises(PostingRefusedError) as caught:
        await ledger.post(conn, move("once", "wallet:1", "wallet:2", 11), NOW)
    assert caught.value.constraint == "op_same_content"
    assert await ledger.balance(conn, "wallet:2", "CNY") == 10


async def test_in_a_batch_each_operation_has_its_own_result(conn: Connection, book: dict[str, int]) -> None:
    first = move("a", "wallet:1", "wallet:2", 600)
    batch = [first, move("b", "wallet:1", "wallet:2", 600), move("c", "wallet:2", "wallet:1", 100), first]
    results = [(each.result, each.refused_by) for each in await ledger.post_many(conn, batch, NOW)]
    assert results == [("posted", None), ("refused", "balance_not_below_zero"), ("posted", None), ("replayed", None)]
    assert await ledger.balance(conn, "wallet:1", "CNY") == 500


async def test_a_reversal_swaps_the_row_it_names_once_and_never_exceeds_it(
    conn: Connection, book: dict[str, int]
) -> None:
    sale = move("sale", "wallet:1", "wallet:2", 300)
    await ledger.post(conn, sale, NOW)

    def reversal(subject: str, debit: str, credit: str, amount: int) -> Operation:
        leg = Leg(
            debit=debit,
            credit=credit,
            currency="CNY",
            amount_minor=amount,
            reverses_op=str(sale.id),
            reverses_n=1,
        )
        return Operation(kind="reversal", subject=subject, actor="test", legs=(leg,))

    batch = [
        reversal("too much", "wallet:2", "wallet:1", 301),
        reversal("same way", "wallet:1", "wallet:2", 300),
        reversal("elsewhere", "wallet:2", "bank", 300),
        reversal("right", "wallet:2", "wallet:1", 200),
        reversal("again", "wallet:2", "wallet:1", 100),
    ]
    results = [each.refused_by for each in await ledger.post_many(conn, batch, NOW)]
    assert results == [
        "transfer_reversal_within",
        "transfer_reversal_swaps_sides",
        "transfer_reversal_swaps_sides",
        None,
        "transfer_reversed_once",
    ]


async def test_a_sealed_account_takes_no_posting_and_one_with_money_cannot_be_sealed(
    conn: Connection, book: dict[str, int]
) -> None:
    await ledger.seal(conn, [book["wallet:2 CNY"]])
    (posted,) = await ledger.post_many(conn, [move("late", "wallet:1", "wallet:2", 1)], NOW)
    assert posted.refused_by == "balance_chain"
    with pytest.raises(asyncpg.CheckViolationError) as caught:
        await ledger.seal(conn, [book["wallet:1 CNY"]])
    assert caught.value.constraint_name == "balance_seal_is_empty"


async def test_a_temporary_table_cannot_stand_in_for_the_book(conn: Connection, book: dict[str, int]) -> None:
    try:
        await conn.execute("create temporary table account (id bigint)")
    except asyncpg.InsufficientPrivilegeError:
        return
    await conn.execute("set search_path = pg_temp, escrow")
    assert await ledger.post(conn, move("shadowed", "wallet:1", "wallet:2", 10), NOW)
    await conn.execute("reset search_path")
    assert await ledger.balance(conn, "wallet:2", "CNY") == 10


# Random postings against an auditor who keeps a plain dictionary.

PATHS = ("bank", "commission", "wallet:1", "wallet:2", "wallet:3")
legs = st.tuples(st.sampled_from(PATHS), st.sampled_from(PATHS), st.sampled_from(("CNY", "USD")), st.integers(-5, 900))
operations = st.lists(st.lists(legs, min_size=1, max_size=3), min_size=1, max_size=12)


class Auditor:
    """An independent book: it knows the rule in words, and nothing of the database."""

    def __init__(self) -> None:
        self.balances = {(path, currency): 0 for path in PATHS for currency in ("CNY", "USD")}
        self.balances["wallet:1", "CNY"], self.balances["bank", "CNY"] = 1_000, -1_000

    def judge(self, lines: list[tuple[str, str, str, int]]) -> bool:
        after = dict(self.balances)
        for debit, credit, currency, amount in lines:
            if debit == credit or amount <= 0:
                return False
            after[debit, currency] -= amount
            after[credit, currency] += amount
            if debit.startswith("wallet") and after[debit, currency] < 0:
                return False
        self.balances = after
        return True


@pytest.fixture
async def module_conn(module_database: Address) -> AsyncIterator[Connection]:
    """A connection for examples that roll back what they did."""
    conn = await connect(module_database, Role.APP)
    yield conn
    await conn.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(operations, min_size=1, max_size=3))
async def test_random_postings_stand_exactly_as_an_auditor_says(
    module_conn: Connection, rounds: list[list[list[tuple[str, str, str, int]]]]
) -> None:
    transaction = module_conn.transaction()
    await transaction.start()
    try:
        await filled(module_conn)
        auditor = Auditor()
        for number, batch in enumerate(rounds):
            asked = [
                Operation(
                    kind="random",
                    subject=f"{number}:{place}",
                    actor="test",
                    legs=tuple(
                        Leg(debit=debit, credit=credit, currency=currency, amount_minor=amount)
                        for debit, credit, currency, amount in lines
                    ),
                )
                for place, lines in enumerate(batch)
            ]
            posted = await ledger.post_many(module_conn, asked, NOW)
            assert [each.result == "posted" for each in posted] == [auditor.judge(lines) for lines in batch]
        for (path, currency), balance in auditor.balances.items():
            assert await ledger.balance(module_conn, path, currency) == balance
        assert await books.faults(module_conn) == []
        await module_conn.execute("set constraints all immediate")
    finally:
        await transaction.rollback()


async def test_concurrent_postings_in_any_order_of_accounts_neither_deadlock_nor_lose(
    pool: Pool[Record], book: dict[str, int]
) -> None:
    async with pool.acquire() as conn:
        await ledger.post(conn, move("more", "bank", "wallet:2", 1_000), NOW)
        await ledger.post(conn, move("even more", "bank", "wallet:3", 1_000), NOW)
    chance = random.Random(7)
    wallets = ("wallet:1", "wallet:2", "wallet:3")

    async def trader(name: int) -> None:
        for turn in range(15):
            debit, credit = chance.sample(wallets, 2)
            batch = [
                move(f"{name}:{turn}:a", debit, credit, chance.randint(1, 400)),
                move(f"{name}:{turn}:b", credit, "commission", chance.randint(1, 60)),
            ]
            async with pool.acquire() as conn, conn.transaction():
                results = await ledger.post_many(conn, batch, NOW)
                assert {each.refused_by for each in results} <= {None, ledger.OVERDRAWN}

    await asyncio.gather(*(trader(name) for name in range(8)))
    async with pool.acquire() as conn:
        assert await books.faults(conn) == []
        held = [await ledger.balance(conn, path, "CNY") for path in (*wallets, "commission", "bank")]
    assert min(held[:3]) >= 0 and sum(held) == 0 and held[4] == -3_000


async def test_a_roll_up_loses_nothing_of_a_transaction_that_commits_late(
    pool: Pool[Record], book: dict[str, int]
) -> None:
    async with pool.acquire() as late, pool.acquire() as other:
        transaction = late.transaction()
        await transaction.start()
        await ledger.post(late, move("late", "bank", "wallet:2", 50), NOW)
        await ledger.post(other, move("early", "bank", "wallet:3", 7), NOW)
        await ledger.roll_up(other)
        assert await ledger.balance(other, "bank", "CNY") == -1_007
        await transaction.commit()
        assert await ledger.balance(other, "bank", "CNY") == -1_057
        await ledger.roll_up(other)
        await ledger.post(other, move("last", "bank", "wallet:3", 3), NOW)
        assert await ledger.balance(other, "bank", "CNY") == -1_060


async def test_the_same_operation_sent_by_many_at_once_counts_once(pool: Pool[Record], book: dict[str, int]) -> None:
    async def send() -> bool:
        async with pool.acquire() as conn:
            return await ledger.post(conn, move("once for all", "wallet:1", "wallet:2", 400), NOW)

    assert sum(await asyncio.gather(*(send() for _ in range(8)))) == 1
    async with pool.acquire() as conn:
        assert await ledger.balance(conn, "wallet:1", "CNY") == 600
