"""Receipts: whatever is posted stands in the sealed book, a party's receipt shows its own lines, and no byte can be changed."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from auction.signing import Signer
from escrow import book_store, ledger, receipt_verifier
from escrow.facts import Leg
from escrow.ledger import Account, Operation
from market.book_seals import BookSeals

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from migrations.database import Connection

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SIGNER = Signer("5b" * 32)


def legs(*moves: tuple[str, str, int]) -> tuple[Leg, ...]:
    return tuple(Leg(debit=debit, credit=credit, currency="CNY", amount_minor=minor) for debit, credit, minor in moves)


async def posted(conn: Connection, subject: str, *moves: tuple[str, str, int]) -> Operation:
    """One operation between wallets, payables and the house."""
    named = {path for move in moves for path in move[:2]}
    owners = {path: int(path.partition(":")[2] or 0) or None for path in named}
    await ledger.open_accounts(
        conn, [Account(path=path, currency="CNY", owner_id=owner) for path, owner in owners.items()]
    )
    operation = Operation(kind="test", subject=subject, actor="test", legs=legs(*moves))
    await ledger.post(conn, operation, NOW)
    return operation


@pytest.fixture
def seals(pool: Pool[Record]) -> BookSeals:
    return BookSeals(pool, SIGNER, lambda: NOW)


def checked(receipt: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = receipt_verifier.verify(receipt_verifier.canonical(receipt), SIGNER.public_hex)  # type: ignore[no-untyped-call]  # a program of its own
    return found


async def test_a_receipt_shows_ones_own_lines_and_hides_the_others(pool: Pool[Record], seals: BookSeals) -> None:
    async with pool.acquire() as conn:
        moves = (("bank", "wallet:71", 500), ("wallet:71", "wallet:72", 200), ("bank", "wallet:73", 9))
        operation = await posted(conn, "receipt:1", *moves)
        receipt = await seals.receipt(conn, 71, operation.id)
        assert receipt is not None
        assert [line["n"] for line in receipt["lines"]] == [1, 2]
        assert "wallet:73" not in json.dumps(receipt)
        assert checked(receipt)["lines"] == "bank → wallet:71 CNY 500; wallet:71 → wallet:72 CNY 200"
        assert await seals.receipt(conn, 74, operation.id) is None


async def test_what_makes_a_debt_and_what_repays_it_are_among_the_debtors_postings(pool: Pool[Record]) -> None:
    async with pool.acquire() as conn:
        made = await posted(conn, "test:debt", ("receivable:75", "forfeits", 500), ("bank", "wallet:76", 10))
        repaid = await posted(conn, "test:repaid", ("wallet:76", "receivable:75", 10))
        newest = book_store.NEWEST
        his = [one.op for one in await book_store.operations_of(conn, 75, newest, None, 10)]
        about = [one.op for one in await book_store.operations_of(conn, 75, newest, "test:debt", 10)]
    assert (his, about) == ([repaid.id, made.id], [made.id])


async def test_every_operation_has_one_entry_whatever_the_batches_and_old_receipts_stay_good(
    pool: Pool[Record], seals: BookSeals
) -> None:
    async with pool.acquire() as conn:
        dice, receipts = random.Random(4), []
        for batch in range(12):
            operations = [
                await posted(conn, f"batch:{batch}:{n}", ("bank", "wallet:75", 1 + n))
                for n in range(dice.randrange(1, 9))
            ]
            assert await seals.seal(conn) >= len(operations)
            receipt = await seals.receipt(conn, 75, dice.choice(operations).id)
            assert receipt is not None
            receipts.append(receipt)
        assert await book_store.waiting_count(conn) == 0
        assert await conn.fetchval("select count(*) from escrow.op") == (await book_store.last_entry(conn))[0]
        for receipt in receipts:
            checked(receipt)


async def test_two_nodes_that_seal_at_once_give_each_operation_one_entry(pool: Pool[Record], seals: BookSeals) -> None:
    async with pool.acquire() as conn, pool.acquire() as other:
        await posted(conn, "race:1", ("bank", "wallet:76", 1))
        turn = conn.transaction()
        await turn.start()
        assert await book_store.take_turn(conn)
        assert await seals.seal(other) == 0
        await turn.rollback()
        assert await seals.seal(other) >= 1
        assert await seals.seal(conn) == 0


async def test_any_changed_byte_of_a_receipt_is_found(pool: Pool[Record], seals: BookSeals) -> None:
    async with pool.acquire() as conn:
        for n in range(5):
            operation = await posted(conn, f"flip:{n}", ("bank", "wallet:77", 1000 + n))
        receipt = await seals.receipt(conn, 77, operation.id)
    assert receipt is not None
    good, dice = receipt_verifier.canonical(receipt), random.Random(5)  # type: ignore[no-untyped-call]  # a program of its own
    for _ in range(1000):
        place, flip = dice.randrange(len(good)), dice.randrange(1, 256)
        with pytest.raises((ValueError, KeyError, TypeError)):
            receipt_verifier.verify(good[:place] + bytes([good[place] ^ flip]) + good[place + 1 :], SIGNER.public_hex)  # type: ignore[no-untyped-call]  # a program of its own


async def test_the_server_can_neither_rewrite_the_log_nor_sign_another_end(
    pool: Pool[Record], seals: BookSeals
) -> None:
    async with pool.acquire() as conn:
        await posted(conn, "attack:1", ("bank", "wallet:78", 1))
        await seals.seal(conn)
        size, _ = await book_store.last_entry(conn)
        for statement, refused_by in (
            ("update escrow.book_entry set leaf = leaf", asyncpg.InsufficientPrivilegeError),
            ("delete from escrow.book_waiting", asyncpg.InsufficientPrivilegeError),
            (
                "insert into escrow.book_head (size, at, root, head, statement)"
                f" values ({size}, now(), sha256('a'), sha256('b'), '{{}}')",
                asyncpg.IntegrityConstraintViolationError,
            ),
            (
                "insert into escrow.book_entry (n, op, salt, leaf, previous_hash, hash)"
                f" select {size}, gen_random_uuid(), substr(sha256('s'), 1, 16), sha256('l'), sha256('p'), sha256(sha256('p') || sha256('l'))",
                asyncpg.ForeignKeyViolationError,
            ),
        ):
            with pytest.raises(refused_by):
                await conn.execute(statement)


async def test_the_program_beside_the_receipt_and_gavelhouse_verify_check_it(
    pool: Pool[Record], seals: BookSeals, tmp_path: Path
) -> None:
    async with pool.acquire() as conn:
        operation = await posted(conn, "program:1", ("bank", "wallet:79", 321))
        receipt = await seals.receipt(conn, 79, operation.id)
    good, bad = tmp_path / "receipt.json", tmp_path / "forged.json"
    good.write_bytes(receipt_verifier.canonical(receipt))  # type: ignore[no-untyped-call]  # a program of its own
    bad.write_bytes(good.read_bytes().replace(b'"321"', b'"322"'))
    for program in ([receipt_verifier.__file__], ["-m", "market.cli", "verify"]):
        for file, status, word in ((good, 0, "GENUINE"), (bad, 1, "NOT GENUINE")):
            arguments = [sys.executable, *program, str(file)]
            ran = await asyncio.to_thread(subprocess.run, arguments, capture_output=True, text=True, check=False)
            assert (ran.returncode, ran.stdout.splitlines()[0].partition(":")[0]) == (status, word)
