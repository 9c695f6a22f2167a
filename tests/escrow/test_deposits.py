"""Deposits: asked, paid in or frozen from the wallet, held once, freed together when the lot closes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from escrow import books, ledger
from escrow.facts import DepositState, Leg, QuarantineReason, Refusal, State
from escrow.ledger import Account, Operation
from tests.escrow.trade import BUYER, NOW, STRANGER, Heard, case_in, held_deposit, incoming

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from escrow.desk import EscrowDesk
    from escrow.facts import Deposit
    from migrations.database import Connection


@pytest.fixture
def conn(tx: Connection) -> Connection:
    return tx


async def asked(desk: EscrowDesk, conn: Connection, party_id: int = BUYER, subject: str = "lot:1") -> Deposit:
    return await desk.deposits.request_deposit(
        conn, subject=subject, party_id=party_id, amount_minor=5_000, currency="CNY", now=NOW
    )


async def test_money_with_the_reference_and_the_exact_sum_holds_the_deposit_and_tells_the_market(
    conn: Connection,
) -> None:
    heard = Heard()
    desk = heard.desk()
    deposit = await asked(desk, conn)
    assert deposit.reference.startswith("GH-D-") and len(deposit.reference) == 11
    assert await asked(desk, conn) == deposit, "asking again gives the running one"
    await desk.inbox.receive(conn, incoming(f"deposit {deposit.reference.lower()}!", 5_000), NOW)
    (held,) = heard.deposits
    assert held.state is DepositState.HELD and held.id == deposit.id
    assert await ledger.balance(conn, f"deposit:{deposit.id}", "CNY") == 5_000
    lines = await desk.wallet.statement(conn, BUYER, "CNY")
    assert sorted(line.amount_minor for line in lines) == [-5_000, 5_000], "through the wallet, as bank to B to D"


async def test_a_deposit_is_frozen_from_the_wallet_only_if_it_holds_enough(conn: Connection) -> None:
    heard = Heard()
    desk = heard.desk()
    await held_deposit(desk, conn, 5_000, subject="lot:8")
    await desk.deposits.free_deposits(conn, "lot:8", None, NOW)
    first, second = await asked(desk, conn), await asked(desk, conn, subject="lot:2")
    held = await desk.deposits.freeze_from_wallet(conn, first.id, NOW)
    assert not isinstance(held, Refusal) and held.state is DepositState.HELD and heard.deposits[-1] == held
    assert await desk.deposits.freeze_from_wallet(conn, first.id, NOW) is Refusal.DEPOSIT_NOT_AWAITED
    assert await desk.deposits.freeze_from_wallet(conn, second.id, NOW) is Refusal.INSUFFICIENT_BALANCE
    assert await desk.deposits.freeze_from_wallet(conn, 999_999, NOW) is Refusal.UNKNOWN_DEPOSIT
    assert await books.faults(conn) == []


async def test_the_close_frees_the_losers_keeps_the_winner_and_lets_requests_lapse(conn: Connection) -> None:
    desk = Heard().desk()
    for party in (21, 22, BUYER):
        await held_deposit(desk, conn, 5_000, party_id=party)
    unpaid = await asked(desk, conn, STRANGER)
    assert await desk.deposits.free_deposits(conn, "lot:1", None, NOW, except_parties=[BUYER]) == 2
    states = [(await desk.deposits.deposit_of(conn, "lot:1", party)) for party in (21, 22, BUYER, STRANGER)]
    assert [deposit.state for deposit in states if deposit] == ["freed", "freed", "held", "lapsed"]
    assert await desk.wallet.balance(conn, 21, "CNY") == 5_000
    assert await desk.deposits.free_deposits(conn, "lot:1", [21, 22], NOW) == 0, "a second time changes nothing"
    late = await desk.inbox.receive(conn, incoming(unpaid.reference, 5_000), NOW)
    assert late.reason is QuarantineReason.LATE
    assert await books.faults(conn) == []


async def many_held(conn: Connection, subject: str, parties: range) -> None:
    """Held deposits of many parties, put there in a few statements (one by one takes longer than the test itself)."""
    ids = [await conn.fetchval("select nextval('escrow.deposit_id_seq')") for _ in parties]
    paths = [f"deposit:{deposit}" for deposit in ids]
    wanted = [Account(path=path, currency="CNY", owner_id=party) for path, party in zip(paths, parties, strict=True)]
    wallets = [Account(path=f"wallet:{party}", currency="CNY", owner_id=party) for party in parties]
    accounts = await ledger.open_accounts(conn, [*wanted, *wallets, Account(path="bank", currency="CNY")])
    legs = (Leg(debit="bank", credit=path, currency="CNY", amount_minor=5_000) for path in paths)
    paid = [Operation(kind="paid", subject=leg.credit, actor="test", legs=(leg,)) for leg in legs]
    assert {each.result for each in await ledger.post_many(conn, paid, NOW)} == {"posted"}
    await conn.executemany(
        "insert into escrow.deposit (id, subject, party_id, currency, amount_minor, reference, account, requested_at, "
        "state, held_version, held_at) values ($1, $2, $3, 'CNY', 5000, $4, $5, $6, 'held', 1, $6)",
        [
            (deposit, subject, party, f"GH-D-{deposit}", accounts[path, "CNY"], NOW)
            for deposit, party, path in zip(ids, parties, paths, strict=True)
        ],
    )


async def test_a_thousand_losers_are_freed_in_as_few_statements_as_ten(conn: Connection) -> None:
    desk = Heard().desk()
    await many_held(conn, "lot:0", range(100, 102))
    await desk.deposits.free_deposits(conn, "lot:0", None, NOW)  # the connection learns its types here
    await many_held(conn, "lot:1", range(100, 110))
    await many_held(conn, "lot:2", range(100, 1_100))
    statements: list[str] = []
    with conn.query_logger(lambda query: statements.append(query.query)):
        for subject, losers in (("lot:1", 10), ("lot:2", 1_000)):
            assert await desk.deposits.free_deposits(conn, subject, None, NOW) == losers
        await asyncio.sleep(0)  # the last statement is logged on the loop's next turn
    assert len(statements) == 6 and statements[:3] == statements[3:], [each[:60] for each in statements]
    assert await books.faults(conn) == []


async def test_two_freezes_of_the_same_wallet_money_at_once_hold_one_deposit(pool: Pool[Record]) -> None:
    desk = Heard().desk()
    async with pool.acquire() as conn, conn.transaction():
        await held_deposit(desk, conn, 5_000, subject="lot:8")
        await desk.deposits.free_deposits(conn, "lot:8", None, NOW)
        wanted = [await asked(desk, conn, subject=f"lot:{lot}") for lot in (1, 2, 3)]

    async def freeze(deposit: Deposit) -> object:
        async with pool.acquire() as conn, conn.transaction():
            return await desk.deposits.freeze_from_wallet(conn, deposit.id, NOW)

    answers = await asyncio.gather(*(freeze(deposit) for deposit in wanted))
    assert answers.count(Refusal.INSUFFICIENT_BALANCE) == 2
    async with pool.acquire() as conn:
        assert await books.faults(conn) == []


async def test_if_the_market_refuses_the_news_the_deposit_is_not_held(pool: Pool[Record]) -> None:
    from escrow.desk import EscrowDesk
    from escrow.hooks import Hooks

    async def fail(*_: object) -> None:
        raise RuntimeError("the market can't admit him")

    desk = EscrowDesk(Hooks(on_deposit_held=fail))
    async with pool.acquire() as conn, conn.transaction():
        deposit = await asked(desk, conn)
    with pytest.raises(RuntimeError):
        async with pool.acquire() as conn, conn.transaction():
            await desk.inbox.receive(conn, incoming(deposit.reference, 5_000, bank_id="BT-1"), NOW)
    async with pool.acquire() as conn:
        assert await ledger.balance(conn, f"deposit:{deposit.id}", "CNY") == 0
        assert await conn.fetchval("select count(*) from escrow.bank_notice") == 0, "the bank will tell it again"


async def test_a_held_deposit_cannot_be_written_off_by_hand(conn: Connection) -> None:
    desk = Heard().desk()
    case = await case_in(desk, conn, State.AWAITING_PAYMENT)
    with pytest.raises(asyncpg.CheckViolationError) as caught:
        async with conn.transaction():
            await conn.execute("update escrow.deposit set state = 'freed' where id = $1", case.deposit_id)
    assert caught.value.constraint_name == "deposit_ended_is_sealed"
    with pytest.raises(asyncpg.ForeignKeyViolationError) as forged:
        async with conn.transaction():
            await conn.execute(
                "update escrow.deposit set state = 'freed', sealed_version = 1 where id = $1", case.deposit_id
            )
    assert forged.value.constraint_name == "deposit_ended_empty"
