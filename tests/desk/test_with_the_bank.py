"""The sandbox bank writes statements, the desk reads them: two programs that share no line, and one pair of books."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from escrow import books, statements
from escrow.facts import PayoutState
from escrow.payouts import Centre
from escrow.routes import WebhookMessage, _notice
from escrow.sandbox_bank import accounts, numbers, payout_files
from escrow.sandbox_bank.accounts import BankRefusalError, Order
from escrow.sandbox_bank.statements import statement
from market import statement_desk
from tests.deal.traded import house_desk
from tests.sell.stall import DAY, HOUR, NOW, party

if TYPE_CHECKING:
    from datetime import datetime

    from asyncpg import Pool, Record

    from migrations.database import Connection

CENTRE = Centre(holder=numbers.CENTRE_HOLDER, accounts=numbers.CENTRE_ACCOUNTS)
DESK = house_desk()


async def told(bank: Connection, conn: Connection, now: datetime, *, but: int = 0) -> None:
    """What the bank has in its outbox reaches the house, but for the last few."""
    rows = await bank.fetch("select body from bank.outbox order by id")
    for row in rows[: len(rows) - but]:
        async with conn.transaction():
            await DESK.inbox.receive(conn, _notice(msgspec.json.decode(row["body"].encode(), type=WebhookMessage)), now)


async def test_the_banks_statement_and_the_book_agree_to_the_last_unit(
    pool: Pool[Record], bank_pool: Pool[Record]
) -> None:
    async with pool.acquire() as conn, bank_pool.acquire() as bank:
        operator, owner = await party(conn, operator=True), await party(conn)
        await accounts.open_centre(bank, NOW)
        for n, name in enumerate(("李雷 & 韩梅梅", "A  <B>")):
            order = Order(currency="CNY", amount_minor=10_000 + n, reference=f"花瓶  {n} & co", from_name=name)
            await accounts.transfer(bank, order, NOW)
        await told(bank, conn, NOW)
        first, _ = await DESK.quarantine.items(conn)
        async with conn.transaction():
            await DESK.quarantine.apply_quarantined(
                conn, first.id, operator_id=operator, note="his", now=NOW, wallet_of=owner
            )
            await DESK.wallet.register_bank_account(conn, owner, "Li Lei", "622202000011112222", NOW)
            await DESK.wallet.withdraw(conn, owner, 4_000, "CNY", NOW)
            await DESK.payouts.build_batch(conn, CENTRE, NOW)
        (payout,) = await DESK.payouts.payouts(conn, PayoutState.QUEUED)
        body = await conn.fetchval("select body from escrow.payout_batch")
        await payout_files.take(bank, body, NOW + HOUR)
        late = Order(currency="CNY", amount_minor=555, reference="never told", from_name="Somebody")
        await accounts.transfer(bank, late, NOW + 2 * HOUR)
        await told(bank, conn, NOW + 2 * HOUR, but=1)

        written = await statement(bank, NOW.date(), "CNY", NOW + 3 * HOUR)
        for day, currency, why in ((NOW.date(), "XXX", "no_such_account"), (date.max, "CNY", "day_to_come")):
            with pytest.raises(BankRefusalError, match=why):
                await statement(bank, day, currency, NOW)
        async with conn.transaction():
            (taken,) = await statement_desk.take(conn, written, CENTRE, "bank", operator, NOW + 3 * HOUR)
        rows = await statements.entries(conn, state=None, currency=None, statement=taken.id, limit=9, offset=0)
        assert [(row.amount_minor, row.direction, row.matched_kind, row.matched_id) for row in rows[:3]] == [
            (10_000, "credit", "notice", first.bank_id),
            (10_001, "credit", "notice", rows[1].bank_id),
            (4_000, "debit", "payout", str(payout.id)),
        ]
        async with conn.transaction():
            done = await statement_desk.take_in(conn, DESK, rows[3].id, operator, "no notice came", NOW + 3 * HOUR)
        assert isinstance(done, statements.EntryRow) and done.state == "matched"
        await told(bank, conn, NOW + 4 * HOUR)  # The notice that was late says the very same, and changes nothing.
        (one,) = await statements.reconciliation(conn)
        assert one.book_minor == one.closing_minor == 16_556
        assert (one.book_only_minor, one.bank_only_minor, one.unexplained_minor) == (0, 0, 0)
        assert await books.faults(conn) == []

        tomorrow = NOW + DAY
        following = await statement(bank, tomorrow.date(), "CNY", tomorrow + timedelta(minutes=1))
        assert following is not None
        async with conn.transaction():
            (empty,) = await statement_desk.take(conn, following, CENTRE, "bank", operator, tomorrow)
        assert empty.entries == 0
