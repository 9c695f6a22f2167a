"""Migrations are applied once, in order, whole or not at all; an edited or unknown one is refused by name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from migrations.database import Role, connect
from migrations.runner import (
    DuplicateMigration,
    EditedMigration,
    FailedMigration,
    Migration,
    MissingMigration,
    in_number_order,
    migrate,
    migration_state,
    migrations,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg import Connection, Record

    from migrations.database import Address
    from migrations.embedded_postgres import EmbeddedPostgres


def _one(number: int, sql: str = "create table t{n} ()") -> Migration:
    return Migration(number=number, name=f"step_{number}", sql=sql.format(n=number))


@pytest.fixture
async def empty(cluster: EmbeddedPostgres) -> AsyncIterator[Address]:
    admin = await connect(cluster.address, Role.OWNER)
    await admin.execute("create database empty_one")
    yield cluster.address.with_database("empty_one")
    await admin.execute("drop database empty_one with (force)")
    await admin.close()


@pytest.fixture
async def owner(empty: Address) -> AsyncIterator[Connection[Record]]:
    conn = await connect(empty, Role.OWNER)
    yield conn
    await conn.close()


async def test_each_is_applied_once_in_order_of_number(owner: Connection[Record]) -> None:
    known = in_number_order([_one(7), _one(2)])
    assert [m.number for m in await migrate(owner, known)] == [2, 7]
    assert await migrate(owner, known) == []
    assert [m.number for m in await migrate(owner, [*known, _one(9)])] == [9]


async def test_an_edited_migration_is_refused_and_nothing_is_applied(owner: Connection[Record]) -> None:
    await migrate(owner, [_one(1)])
    edited = _one(1, "create table t{n} (a int)")
    with pytest.raises(EditedMigration, match="0001_step_1"):
        await migrate(owner, [edited, _one(2)])
    assert await owner.fetchval("select to_regclass('public.t2')") is None
    state = await migration_state(owner, [edited, _one(2)])
    assert (state.edited, state.pending, state.in_order) == (("0001_step_1",), ("0002_step_2",), False)


async def test_a_migration_that_the_program_does_not_know_is_refused(owner: Connection[Record]) -> None:
    await migrate(owner, [_one(1), _one(2)])
    with pytest.raises(MissingMigration, match="0002_step_2"):
        await migrate(owner, [_one(1)])
    assert (await migration_state(owner, [_one(1)])).missing == ("0002_step_2",)


async def test_a_failing_migration_leaves_nothing_and_names_its_line(owner: Connection[Record]) -> None:
    broken = _one(2, "create table kept{n} ();\ncreate table ();")
    with pytest.raises(FailedMigration, match=r"0002_step_2, line 2"):
        await migrate(owner, [_one(1), broken])
    assert await owner.fetchval("select to_regclass('public.kept2')") is None
    assert (await migration_state(owner, [_one(1), broken])).applied == ("0001_step_1",)
    assert await migrate(owner, [_one(1), _one(2)]) != []


async def test_two_servers_that_start_at_once_apply_each_migration_once(empty: Address) -> None:
    known = [_one(number) for number in range(1, 6)]

    async def start() -> int:
        conn = await connect(empty, Role.OWNER)
        try:
            return len(await migrate(conn, known))
        finally:
            await conn.close()

    assert sum(await asyncio.gather(start(), start(), start())) == len(known)


def test_a_number_twice_is_refused() -> None:
    with pytest.raises(DuplicateMigration, match="0003"):
        in_number_order([_one(3), _one(3)])


async def test_the_app_role_may_ask_for_the_state(module_database: Address) -> None:
    conn = await connect(module_database, Role.APP)
    state = await migration_state(conn)
    await conn.close()
    assert state.in_order and len(state.applied) == len(migrations())


async def test_neither_role_owns_or_creates_anything(module_database: Address) -> None:
    for role in (Role.APP, Role.BANK):
        conn = await connect(module_database, role)
        assert await conn.fetchval("select current_user") == role.value
        for schema in ("public", "auction", "escrow", "market", "bank"):
            assert not await conn.fetchval("select has_schema_privilege($1, 'create')", schema)
        assert not await conn.fetchval("select has_database_privilege(current_database(), 'create')")
        await conn.close()


async def test_the_server_and_the_bank_do_not_see_each_others_schemas(module_database: Address) -> None:
    app, bank = await connect(module_database, Role.APP), await connect(module_database, Role.BANK)
    ask = "select has_schema_privilege($1, 'usage')"
    assert not await app.fetchval(ask, "bank")
    assert [await bank.fetchval(ask, schema) for schema in ("auction", "escrow", "market")] == [False] * 3
    await app.close()
    await bank.close()


async def test_jsonb_travels_as_plain_python_and_time_is_utc(module_database: Address) -> None:
    conn = await connect(module_database, Role.APP)
    value = {"a": [1, None, "拍卖"], "b": {"c": True}}
    assert await conn.fetchval("select $1::jsonb", value) == value
    assert await conn.fetchval("select $1::json", value) == value
    assert await conn.fetchval("show timezone") == "UTC"
    await conn.close()
