"""Each illegal write to the book, tried as the server's role and as the owner: the database refuses it, by name."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import asyncpg
import pytest

from escrow import ledger
from escrow.facts import Leg
from escrow.ledger import Account, Operation, PostingRefusedError
from migrations.database import Address, Role, connect

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from migrations.database import Connection

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TABLES = ("currency", "account", "op", "transfer", "balance")


def move(subject: str, debit: str, credit: str, amount: int, currency: str = "CNY") -> Operation:
    leg = Leg(debit=debit, credit=credit, currency=currency, amount_minor=amount)
    return Operation(kind="test", subject=subject, actor="test", legs=(leg,))


@pytest.fixture
def database(module_database: Address) -> Address:
    """One database for the whole file: nothing that is tried here leaves a trace."""
    return module_database


@pytest.fixture
async def book(pool: Pool[Record]) -> dict[str, int]:
    """Two wallets and the bank; wallet:1 holds 1,000."""
    async with pool.acquire() as conn:
        accounts = await ledger.open_accounts(
            conn,
            [
                Account(path="bank", currency="CNY"),
                Account(path="commission", currency="CNY"),
                Account(path="wallet:1", currency="CNY", owner_id=1),
                Account(path="wallet:2", currency="CNY", owner_id=2),
                Account(path="wallet:1", currency="USD", owner_id=1),
            ],
        )
        await ledger.post(conn, move("paid in", "bank", "wallet:1", 1_000), NOW)
    return {f"{path} {currency}": account for (path, currency), account in accounts.items()}


async def refused(owner: Pool[Record], *statements: str, arguments: tuple[object, ...] = ()) -> str:
    """The constraint that refuses these statements at the latest when they are committed."""
    async with owner.acquire() as conn:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as caught:
            async with conn.transaction():
                for statement in statements[:-1]:
                    await conn.execute(statement)
                await conn.execute(statements[-1], *arguments)
    return str(caught.value.constraint_name)


async def begun(owner: Pool[Record]) -> UUID:
    """An operation without any transfer yet."""
    op = uuid4()
    async with owner.acquire() as conn:
        await conn.execute("insert into escrow.op values ($1, 'attack', 'x', $2, 'mallory', now())", op, bytes(32))
    return op


TRANSFER = (
    "insert into escrow.transfer (op, n, debit, credit, currency, debit_mode, credit_mode, amount) "
    "values ($1, $2, $3, $4, $5, $6, $7, $8)"
)
BALANCE = (
    "insert into escrow.balance (account, version, op, n, amount, delta, previous, balance) "
    "values ($1, $2, $3, $4, $5, $6, $7, $8)"
)


# What the functions offer.


async def test_taking_more_than_there_is_is_refused(conn: Connection, book: dict[str, int]) -> None:
    with pytest.raises(PostingRefusedError) as caught:
        await ledger.post(conn, move("greed", "wallet:1", "wallet:2", 1_001), NOW)
    assert caught.value.constraint == "balance_not_below_zero"
    assert await ledger.balance(conn, "wallet:1", "CNY") == 1_000


@pytest.mark.parametrize(
    ("debit", "credit", "currency", "amount", "constraint"),
    [
        ("wallet:1", "wallet:2", "CNY", 0, "transfer_amount"),
        ("wallet:1", "wallet:2", "CNY", -5, "transfer_amount"),
        ("bank", "wallet:2", "CNY", 1_000_000_000_000_001, "transfer_amount"),
        ("wallet:1", "wallet:1", "CNY", 5, "transfer_two_sides"),
        ("wallet:1", "wallet:2", "USD", 5, "transfer_account_known"),
        ("wallet:1", "wallet:9", "CNY", 5, "transfer_account_known"),
        ("wallet:1", "wallet:2", "XXX", 5, "transfer_account_known"),
    ],
)
async def test_a_malformed_posting_is_refused_by_name(
    conn: Connection, book: dict[str, int], debit: str, credit: str, currency: str, amount: int, constraint: str
) -> None:
    (posted,) = await ledger.post_many(conn, [move("bad", debit, credit, amount, currency)], NOW)
    assert (posted.result, posted.refused_by) == ("refused", constraint)


async def test_of_many_overdraws_at_once_one_is_posted(pool: Pool[Record], book: dict[str, int]) -> None:
    async with pool.acquire() as conn:
        await ledger.open_accounts(conn, [Account(path="wallet:77", currency="CNY", owner_id=77)])
        await ledger.post(conn, move("paid in for 77", "bank", "wallet:77", 1_000), NOW)

    async def take(n: int) -> str:
        async with pool.acquire() as conn, conn.transaction():
            (posted,) = await ledger.post_many(conn, [move(f"take {n}", "wallet:77", "wallet:2", 700)], NOW)
            return posted.refused_by or posted.result

    outcomes = sorted(await asyncio.gather(*(take(n) for n in range(8))))
    assert outcomes == ["balance_not_below_zero"] * 7 + ["posted"]
    async with pool.acquire() as conn:
        assert await ledger.balance(conn, "wallet:77", "CNY") == 300


# What the owner could write by hand.


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "act", ["update escrow.{0} set {1} = {1}", "delete from escrow.{0}", "truncate escrow.{0} cascade"]
)
async def test_no_row_of_the_book_is_ever_changed_even_by_the_owner(
    owner_pool: Pool[Record], book: dict[str, int], table: str, act: str
) -> None:
    column = {"currency": "exponent", "account": "path", "op": "actor", "transfer": "amount", "balance": "balance"}
    constraint = await refused(owner_pool, act.format(table, column[table]))
    assert constraint.endswith("_is_immutable")


async def test_even_a_replica_session_of_the_owner_cannot_edit(owner_pool: Pool[Record], book: dict[str, int]) -> None:
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.IntegrityConstraintViolationError)):
        async with owner_pool.acquire() as conn, conn.transaction():
            await conn.execute("set local session_replication_role = replica")  # refused unless a superuser
            await conn.execute("update escrow.balance set balance = 9")


async def test_a_transfer_without_its_balance_rows_is_refused_at_commit(
    owner_pool: Pool[Record], book: dict[str, int]
) -> None:
    row = (await begun(owner_pool), 1, book["wallet:1 CNY"], book["wallet:2 CNY"], "CNY", "C", "C", 10)
    assert await refused(owner_pool, TRANSFER, arguments=row) in ("transfer_debit_balance", "transfer_credit_balance")


async def test_a_chained_account_cannot_pose_as_a_hot_one(owner_pool: Pool[Record], book: dict[str, int]) -> None:
    row = (await begun(owner_pool), 1, book["wallet:1 CNY"], book["bank CNY"], "CNY", "H", "H", 10)
    assert await refused(owner_pool, TRANSFER, arguments=row) == "transfer_debit_account"


async def test_a_transfer_between_currencies_is_refused(owner_pool: Pool[Record], book: dict[str, int]) -> None:
    row = (await begun(owner_pool), 1, book["wallet:1 CNY"], book["wallet:1 USD"], "CNY", "C", "C", 10)
    assert await refused(owner_pool, TRANSFER, arguments=row) == "transfer_credit_account"


async def test_a_transfer_of_no_operation_is_refused(owner_pool: Pool[Record], book: dict[str, int]) -> None:
    row = (uuid4(), 1, book["bank CNY"], book["commission CNY"], "CNY", "H", "H", 10)
    assert await refused(owner_pool, TRANSFER, arguments=row) == "transfer_op"


@pytest.mark.parametrize(
    ("version", "amount", "delta", "previous", "balance", "constraint"),
    [
        (2, 500, 500, 1_000, 1_500, "balance_credit_of_transfer"),  # money from nothing: no transfer stands behind it
        (3, 500, 500, 1_000, 1_500, "balance_chain"),  # a version is skipped
        (2, 500, 500, 2_000, 2_500, "balance_chain"),  # the balance before is forged
        (2, 500, 500, 1_000, 1_501, "balance_arithmetic"),
        (2, 500, 400, 1_000, 1_400, "balance_delta"),
        (1, 500, 500, 0, 500, "balance_pk"),  # the past is written again
        (2, 2_000, -2_000, 1_000, -1_000, "balance_not_below_zero"),
        (2, -500, -500, 1_000, 500, "balance_open_row"),
        (0, 500, 500, 0, 500, "balance_version"),
    ],
)
async def test_a_forged_balance_row_is_refused(
    owner_pool: Pool[Record],
    book: dict[str, int],
    version: int,
    amount: int,
    delta: int,
    previous: int,
    balance: int,
    constraint: str,
) -> None:
    row = (book["wallet:1 CNY"], version, await begun(owner_pool), 1, amount, delta, previous, balance)
    assert await refused(owner_pool, BALANCE, arguments=row) == constraint


async def test_a_first_balance_begins_at_nothing(owner_pool: Pool[Record], book: dict[str, int]) -> None:
    row = (book["wallet:1 USD"], 1, await begun(owner_pool), 1, 5, 5, 100, 105)
    assert await refused(owner_pool, BALANCE, arguments=row) == "balance_begins_at_zero"


async def test_one_transfer_counts_once_on_an_account(owner_pool: Pool[Record], book: dict[str, int]) -> None:
    async with owner_pool.acquire() as conn:
        op = await conn.fetchval("select op from escrow.balance where account = $1", book["wallet:1 CNY"])
    row = (book["wallet:1 CNY"], 2, op, 1, 1_000, 1_000, 1_000, 2_000)
    assert await refused(owner_pool, BALANCE, arguments=row) == "balance_of_transfer"


async def test_a_credit_cannot_be_written_as_a_debit(owner_pool: Pool[Record], book: dict[str, int]) -> None:
    async with owner_pool.acquire() as conn:
        op = await conn.fetchval("select op from escrow.balance where account = $1", book["wallet:1 CNY"])
    row = (book["wallet:1 USD"], 1, op, 1, 1_000, 1_000, 0, 1_000)
    assert await refused(owner_pool, BALANCE, arguments=row) == "balance_credit_of_transfer"


async def test_a_wallet_cannot_be_opened_without_its_owner_or_as_another_kind(
    owner_pool: Pool[Record], book: dict[str, int]
) -> None:
    insert = "insert into escrow.account (path, currency, kind, owner_id) values ($1, $2, $3, $4)"
    assert await refused(owner_pool, insert, arguments=("wallet:3", "CNY", "wallet", None)) == "account_owner"
    assert await refused(owner_pool, insert, arguments=("wallet:3", "CNY", "wallet", 4)) == "account_path"
    assert await refused(owner_pool, insert, arguments=("wallet:3", "CNY", "bank", None)) == "account_path"
    assert await refused(owner_pool, insert, arguments=("magic", "CNY", "magic", None)) == "account_kind"
    assert await refused(owner_pool, insert, arguments=("wallet:3", "XXX", "wallet", 3)) == "account_currency"
    assert await refused(owner_pool, insert, arguments=("wallet:1", "CNY", "wallet", 1)) == "account_path_once"


# What the server's login may not even try.


@pytest.mark.parametrize("table", [*TABLES, "rollup", "case_event", "edge"])
async def test_the_server_cannot_change_delete_or_truncate(conn: Connection, book: dict[str, int], table: str) -> None:
    for act in (
        f"delete from escrow.{table}",
        f"truncate escrow.{table}",
        f"insert into escrow.{table} default values",
    ):
        if (table, act[:6]) == ("case_event", "insert"):
            continue
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(act)


@pytest.mark.parametrize(
    "statement",
    [
        "update escrow.balance set balance = 1",
        "update escrow.transfer set amount = 1",
        "update escrow.account set owner_id = 1",
        "update escrow.escrow_case set price_minor = 1",
        "update escrow.escrow_case set seller_id = 1",
        "update escrow.deposit set amount_minor = 1",
        "update escrow.payout set amount_minor = 1",
        "update escrow.payout set source = 'wallet:1'",
        "update escrow.case_event set reason = ''",
        "delete from escrow.escrow_case",
        "delete from escrow.deposit",
        "delete from escrow.bank_notice",
        "delete from escrow.timer",
        "alter table escrow.balance disable trigger all",
        "alter table escrow.balance drop constraint balance_not_below_zero",
        "drop table escrow.balance",
        "create table escrow.shadow ()",
        "create function escrow.shadow() returns int language sql as 'select 1'",
        "select * from escrow.append('[]', now())",
        "set session_replication_role = replica",
        "set role gavelhouse_owner",
        "set session authorization gavelhouse_owner",
        "select * from bank.account",
        "create schema pg_temp_shadow",
    ],
)
async def test_the_server_login_cannot_reach_behind_the_functions(
    conn: Connection, book: dict[str, int], statement: str
) -> None:
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError)):
        await conn.execute(statement)


async def test_resetting_the_role_leaves_the_server_login_what_it_was(database: Address) -> None:
    conn = await connect(database, Role.APP)
    try:
        await conn.execute("reset role")
        await conn.execute("set role none")
        assert await conn.fetchval("select current_user || ' ' || session_user") == "gavelhouse_app gavelhouse_app"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("insert into escrow.op values (gen_random_uuid(), 'x', 'x', '\\x00', 'x', now())")
    finally:
        await conn.close()
