"""The end of a card day: 30,000 card movements taken from the bank's file, matched, posted; all at once, and row by row.

`python -m benchmarks.card_day [--json]`. A day of captures (and chargebacks, and lines that differ) lies on both sides, as
the bank's own program has written it; then the bank cuts its file, the house fetches and reads it over HTTP, writes it down,
matches it and posts it. The naive way is what most would write: a look, an update and a posting a line, one transaction each.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from benchmarks.report import arguments, tell
from escrow import card_settlement, ledger
from escrow.card_facts import GATEWAY, SettlementFile
from escrow.card_payments import CardPayments
from escrow.desk import EscrowDesk
from escrow.facts import Leg
from escrow.gateway.iso8583 import Iso8583Gateway
from escrow.gateway.switch_link import SwitchLink
from escrow.hooks import Hooks
from escrow.ledger import Account, Operation
from escrow.rules import BANK
from migrations.database import Role, connect, create_pool
from migrations.embedded_postgres import EmbeddedPostgres, create_database
from migrations.runner import migrate
from tests.gateway.cards import SECRET, running_bank

if TYPE_CHECKING:
    from migrations.database import Address, Connection, Pool

PAYMENTS, CHARGEBACKS, DIFFERENCES, NAIVE = 32_000, 200, 20, 3_000
CURRENCIES = ("CNY", "USD", "EUR")
PARTIES = 500
STEPS = ("new", "prepared", "authorising", "authorised", "captured")


async def main() -> None:
    options = arguments(__doc__ or "")
    with tempfile.TemporaryDirectory(prefix="card-day-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o711)
        with EmbeddedPostgres(Path(folder) / "cluster") as postgres:
            await measured(postgres.address, as_json=options.json)


async def measured(address: Address, *, as_json: bool) -> None:
    await create_database(address)
    owner = await connect(address, Role.OWNER)
    await migrate(owner)
    pool = await create_pool(address, Role.APP)
    async with running_bank(address) as bank:
        await a_day(owner, pool)
        link = SwitchLink("127.0.0.1", bank.switch_port, SECRET)
        gateway = Iso8583Gateway(link, bank.url, SECRET)
        cards = CardPayments(pool, gateway, EscrowDesk(Hooks()), lambda: datetime.now(UTC))
        began = time.perf_counter()
        await bank.post("/api/settlements")
        cut = time.perf_counter()
        (file,) = await gateway.settlements(None)
        read = time.perf_counter()
        assert await cards.settle(datetime.now(UTC)) == 1
        settled = time.perf_counter()
        await checked(pool, cards)
        tell(
            {
                "lines": len(file.lines), "bank cuts s": cut - began, "fetch and read s": read - cut,
                "fetch, match and post s": settled - read, "whole day s": settled - began - (read - cut),
                "lines/s": len(file.lines) / (settled - read),
            },
            as_json=as_json,
        )  # fmt: skip
        await beside_the_naive(owner, pool, file, as_json=as_json)
        await gateway.close()
    await pool.close()
    await owner.close()


async def a_day(owner: Connection, pool: Pool) -> None:
    """A day's captures on both sides, posted by the house's own ledger; some differ."""
    dice = random.Random(1)
    now = datetime.now(UTC)
    ids = [sha256(str(n).encode()).hexdigest()[:32] for n in range(PAYMENTS)]
    sums = [
        (each, dice.choice(CURRENCIES), dice.randrange(1, PARTIES + 1), dice.randrange(100, 100_000)) for each in ids
    ]
    async with pool.acquire() as conn:
        for start in range(0, PAYMENTS, 500):
            await _post(conn, sums[start : start + 500], now)
    captured = [
        (each, "wallet", party, party, currency, minor, "GH-TEST", "iso8583", b"{}", bytes(32), bytes(64), bytes(32),
         "captured", 4, now, now, ledger.operation_id(f"card:{each}", "card_top_up"), now)
        for each, currency, party, minor in sums[DIFFERENCES:]
    ]  # fmt: skip
    async with owner.transaction():
        await owner.copy_records_to_table(
            "card_payment", schema_name="escrow", records=captured,
            columns=["id", "purpose", "target_id", "party_id", "currency", "amount_minor", "reference", "gateway",
                     "order_body", "payment_digest", "signature", "public_key", "state", "version", "began_at",
                     "state_since", "op", "acknowledged_at"],
        )  # fmt: skip
        await owner.copy_records_to_table(
            "card_payment_event",
            schema_name="escrow",
            records=[
                (each, n, now, before, after)
                for each, *_ in sums[DIFFERENCES:]
                for n, (before, after) in enumerate(pairwise(STEPS), start=1)
            ],
            columns=["payment_id", "n", "at", "from_state", "to_state"],
        )
        card = await owner.fetchval("select min(id) from bank.card")
        await owner.copy_records_to_table(
            "card_payment", schema_name="bank",
            records=[(each, card, currency, minor, minor, "captured", "00", "ABC123", now, now)
                     for each, currency, _, minor in sums],
            columns=["id", "card_id", "currency", "amount_minor", "approved_minor", "state", "response_code",
                     "authorisation_code", "received_at", "captured_at"],
        )  # fmt: skip
        await owner.copy_records_to_table(
            "chargeback", schema_name="bank",
            records=[(f"CB-{n}", each, minor // 2, "fraud", now) for n, (each, _, _, minor) in
                     enumerate(sums[-CHARGEBACKS:])],
            columns=["id", "payment_id", "amount_minor", "reason", "opened_at"],
        )  # fmt: skip
    await owner.execute("analyze")


async def _post(conn: Connection, sums: list[tuple[str, str, int, int]], now: datetime) -> None:
    accounts = {
        Account(path=path, currency=currency, owner_id=owner)
        for _, currency, party, _ in sums
        for path, owner in ((f"wallet:{party}", party), (GATEWAY, None))
    }
    await ledger.open_accounts(conn, accounts)
    operations = [
        Operation(
            kind="card_top_up", subject=f"card:{each}", actor="benchmark",
            legs=(Leg(debit=GATEWAY, credit=f"wallet:{party}", currency=currency, amount_minor=minor),),
        )
        for each, currency, party, minor in sums
    ]  # fmt: skip
    posted = await ledger.post_many(conn, operations, now)
    assert all(each.result == "posted" for each in posted)


async def checked(pool: Pool, cards: CardPayments) -> None:
    """The book agrees with the bank: what is left on the gateway is the chargebacks, and each difference is written down."""
    async with pool.acquire() as conn:
        differing = await cards.differences(conn)
        assert len(differing) == DIFFERENCES, len(differing)
        settled = await conn.fetchval("select count(*) from escrow.card_payment where settled_file is not null")
        assert settled == PAYMENTS - DIFFERENCES
        taken = await conn.fetchval(
            "select sum(amount_minor)::bigint from escrow.card_settlement_line where amount_minor < 0"
        )
        left = sum([await ledger.balance(conn, GATEWAY, currency) for currency in CURRENCIES])
        assert left == taken, (left, taken)


async def beside_the_naive(owner: Connection, pool: Pool, file: SettlementFile, *, as_json: bool) -> None:
    """The same lines again, as another day's file: at once, and the first of them row by row."""
    lines = tuple(line for line in file.lines if line.amount_minor > 0)[DIFFERENCES:]
    for name, count in (("at once", len(lines)), ("row by row", NAIVE)):
        await owner.execute("update escrow.card_payment set settled_file = null, settled_minor = null")
        await owner.execute("vacuum analyze escrow.card_payment")
        began = time.perf_counter()
        async with pool.acquire() as conn:
            if name == "at once":
                again = SettlementFile(id="CARDS-20200101-1", day=file.day, lines=lines, sha256=bytes(32))
                async with conn.transaction():
                    await card_settlement.take(conn, again, datetime.now(UTC))
            else:
                for line in lines[:count]:
                    await _naive(conn, line.payment_id, line.currency, line.amount_minor)
        seconds = time.perf_counter() - began
        row = {"way": name, "lines": count, "seconds": seconds, "lines/s": count / seconds}
        tell({**row, "32,000 lines s": 32_000 * seconds / count}, as_json=as_json)


async def _naive(conn: Connection, payment_id: str, currency: str, minor: int) -> None:
    async with conn.transaction():
        row = await conn.fetchrow(
            "select amount_minor, currency from escrow.card_payment where id = $1 for update", payment_id
        )
        assert row is not None and (row["amount_minor"], row["currency"]) == (minor, currency)
        await conn.execute(
            "update escrow.card_payment set settled_file = 'naive', settled_minor = $2 where id = $1", payment_id, minor
        )
        leg = Leg(debit=BANK, credit=GATEWAY, currency=currency, amount_minor=minor)
        operation = Operation(kind="naive", subject=f"settlement:{payment_id}", actor="benchmark", legs=(leg,))
        await ledger.post(conn, operation, datetime.now(UTC))


if __name__ == "__main__":
    uvloop.run(main())
