"""Many at once want a case to end: it ends once, pays once, and every snapshot taken meanwhile is a true book.

20 sales with 50 racers each in `make test`; `make races` makes it 1,000 (GAVELHOUSE_RACES sets another number).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from escrow import books, ledger
from escrow.desk import EscrowDesk
from escrow.facts import Action, Case, CaseEvent, ClaimReason, Line, Refusal, State
from escrow.hooks import Hooks
from escrow.ledger import Account, Operation
from escrow.moves import BANK
from escrow.postings import legs
from migrations.database import Address, Role, create_pool
from tests.escrow.invariants import INVARIANTS, broken
from tests.escrow.trade import ARBITER, DAY, HOUR, NOW, OPERATOR, taken, terms

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from migrations.database import Connection

SALES = int(os.environ.get("GAVELHOUSE_RACES", "20"))
RACERS, AT_ONCE = 50, 5
LATER = NOW + 30 * DAY
Answer = Case | Refusal
Attempt = Callable[["Connection"], Awaitable[Answer]]


async def told_to_ship(conn: Connection, case: Case, event: CaseEvent) -> None:
    """The market would tell the seller to ship now: the money must lie there in this very transaction."""
    if event.to_state is State.FUNDED:
        held = await ledger.balance(conn, f"escrow:{case.id}", case.currency)
        assert held == case.held_minor > 0, f"case {case.id}: ship is told before the money is held"


class Market:
    def __init__(self, pool: Pool[Record]) -> None:
        self.pool = pool
        self.desk = EscrowDesk(Hooks(on_case_changed=told_to_ship))
        self.tries = self.snapshots = 0

    async def act(self, attempt: Attempt) -> Answer:
        async with self.pool.acquire() as conn, conn.transaction():
            return await attempt(conn)

    async def race(self, *attempts: Attempt) -> list[Case]:
        """All racers at once, each with an attempt in turn; what those did that were permitted."""
        racers = (self.act(attempts[number % len(attempts)]) for number in range(RACERS))
        answers = await asyncio.gather(*racers)
        self.tries += len(answers)
        return [answer for answer in answers if isinstance(answer, Case)]

    async def sale(self, number: int) -> None:
        """One sale with its parties, and the race that is its turn."""
        desk, buyer, seller = self.desk, 1_000 + number % 7, 2_000 + number % 3
        agreed = structs.replace(
            terms(
                100_001,
                subject=f"lot:{number}",
                lines=(Line(n=1, title="A", amount_minor=40_000), Line(n=2, title="B", amount_minor=60_001)),
            ),
            buyer_id=buyer,
            seller_id=seller,
        )

        async def opened(conn: Connection) -> Answer:
            case = await desk.settlement.open_case(conn, agreed, NOW)
            await ledger.open_accounts(conn, [Account(path="bank", currency="CNY")])
            return await desk.settlement.pay(conn, case, BANK, "bank", case.due_minor, NOW)

        case = taken(await self.act(opened)).id
        races = (self._release, self._release_or_claim, self._answers, self._return, self._cancel_or_ship, self._parts)
        await races[number % len(races)](case, buyer, seller)

    async def _inspected(self, case: int, buyer: int, seller: int) -> None:
        await self.act(lambda conn: self.desk.settlement.ship(conn, case, seller, "SF", "1", NOW))
        await self.act(lambda conn: self.desk.settlement.receive(conn, case, buyer, NOW))

    def _claim(self, case: int, buyer: int) -> Attempt:
        return lambda conn: self.desk.claims.open(conn, case, buyer, 30_000, ClaimReason.OTHER, "why", NOW)

    def _times_out(self, case: int, action: Action, at: datetime = LATER) -> Attempt:
        return lambda conn: self.desk.settlement.time_out(conn, case, action, at)

    def _confirms(self, case: int, buyer: int) -> Attempt:
        return lambda conn: self.desk.settlement.confirm_receipt(conn, case, buyer, NOW + HOUR)

    async def _release(self, case: int, buyer: int, seller: int) -> None:
        await self._inspected(case, buyer, seller)
        done = await self.race(self._confirms(case, buyer), self._times_out(case, Action.RELEASE))
        assert [each.state for each in done] == [State.RELEASED]

    async def _release_or_claim(self, case: int, buyer: int, seller: int) -> None:
        await self._inspected(case, buyer, seller)
        claim, release = self._claim(case, buyer), self._confirms(case, buyer)
        withdraw: Attempt = lambda conn: self.desk.claims.withdraw(conn, case, buyer, NOW)  # noqa: E731
        done = await self.race(claim, release, withdraw, self._times_out(case, Action.RELEASE))
        ends = [each.state for each in done if each.state in (State.RELEASED, State.SETTLED)]
        assert len(ends) <= 1 and len(done) <= 2

    async def _answers(self, case: int, buyer: int, seller: int) -> None:
        await self._inspected(case, buyer, seller)
        await self.act(self._claim(case, buyer))
        done = await self.race(
            lambda conn: self.desk.claims.accept(conn, case, seller, NOW),
            lambda conn: self.desk.claims.withdraw(conn, case, buyer, NOW),
            self._confirms(case, buyer),
            self._times_out(case, Action.DEFAULT_JUDGEMENT),
        )
        assert [each.state for each in done] == [State.SETTLED]

    async def _return(self, case: int, buyer: int, seller: int) -> None:
        await self._inspected(case, buyer, seller)
        claims = self.desk.claims
        await self.act(self._claim(case, buyer))
        await self.act(lambda conn: claims.ask_return(conn, case, seller, NOW))
        await self.act(lambda conn: claims.send_back(conn, case, buyer, "SF", "2", NOW))
        done = await self.race(
            lambda conn: claims.confirm_return(conn, case, seller, NOW), self._times_out(case, Action.CONFIRM_RETURN)
        )
        assert [each.state for each in done] == [State.REFUNDED]

    async def _cancel_or_ship(self, case: int, buyer: int, seller: int) -> None:
        sale = self.desk.settlement
        done = await self.race(
            lambda conn: sale.cancel(conn, case, OPERATOR, "why", NOW, as_operator=True),
            lambda conn: sale.ship(conn, case, seller, "SF", "1", NOW),
            lambda conn: sale.cancel(conn, case, buyer, "why", LATER),
            self._times_out(case, Action.CANCEL),
        )
        assert [each.state for each in done] in ([State.CANCELLED], [State.SHIPPED])

    async def _parts(self, case: int, buyer: int, seller: int) -> None:
        """Both want to ship a line; then an arbiter and the clock want to end the dispute about the rest."""
        desk = self.desk
        parts = await self.race(lambda conn: desk.settlement.ship_lines(conn, case, seller, [1], "SF", "1", NOW))
        assert len(parts) == 1
        await self.act(self._claim(case, buyer))
        await self.act(lambda conn: desk.claims.contest(conn, case, seller, "no", NOW))
        await self.act(lambda conn: desk.arbitration.take_arbitration(conn, case, ARBITER, NOW))
        ruled = await self.race(lambda conn: desk.arbitration.rule(conn, case, ARBITER, 10_000, "why", NOW))
        assert len(ruled) == 1
        done = await self.race(
            self._times_out(case, Action.ENFORCE), self._times_out(case, Action.HARD_STOP, NOW + timedelta(days=61))
        )
        assert [each.state for each in done] == [State.SETTLED]

    async def watch(self) -> None:
        """Snapshot after snapshot while the others race."""
        async with self.pool.acquire() as conn:
            while True:
                assert await broken(conn) == []
                self.snapshots += 1
                await asyncio.sleep(0)


@asynccontextmanager
async def racing(address: Address) -> AsyncIterator[Market]:
    pool = await create_pool(address, Role.APP, max_size=24)
    try:
        yield Market(pool)
    finally:
        await pool.close()


async def test_racing_ends_pay_once_and_every_snapshot_meanwhile_is_a_true_book(database: Address) -> None:
    async with racing(database) as market:
        numbers = iter(range(SALES))

        async def seller_of_many() -> None:
            for number in numbers:
                await market.sale(number)

        async with asyncio.TaskGroup() as watching:
            watcher = watching.create_task(market.watch())
            async with asyncio.TaskGroup() as selling:
                for _ in range(AT_ONCE):
                    selling.create_task(seller_of_many())
            watcher.cancel()
        assert market.tries >= SALES * RACERS and market.snapshots >= 3
        async with market.pool.acquire() as conn:
            assert await broken(conn) == [] and await books.faults(conn) == []
            paid = await conn.fetchval("select count(*) - count(distinct (case_id, purpose)) from escrow.payout")
            assert paid == 0


async def test_each_question_finds_what_it_asks_for(database: Address) -> None:
    """Broken on purpose, with the constraint that would have refused it taken away first."""
    pool = await create_pool(database, Role.OWNER, max_size=2)
    market = Market(pool)
    wounds = {
        11: "alter table escrow.balance disable trigger user, drop constraint balance_chain, "
        "drop constraint balance_begins_at_zero; "
        "alter table escrow.escrow_case drop constraint escrow_case_held_the_price; "
        "update escrow.balance set balance = balance + 1, previous = previous + 1 where account = $account",
        13: "drop index escrow.payout_once_a_case; insert into escrow.payout (party_id, purpose, source, currency, "
        "amount_minor, case_id, state, end_to_end_id, account, queued_at) select party_id, purpose, source, currency, "
        "amount_minor, case_id, state, end_to_end_id || 'X', account, queued_at from escrow.payout where case_id = $case",
        14: "update escrow.escrow_case set undisputed_minor = 1 where state = 'funded'",
        15: "alter table escrow.case_event disable trigger user, drop constraint case_event_begins, "
        "drop constraint case_event_listed; "
        "update escrow.case_event set from_state = 'funded' where n = 1 and case_id = $case",
        16: "alter table escrow.escrow_case drop constraint escrow_case_held_the_price; "
        "update escrow.escrow_case set price_minor = 100002, undisputed_minor = 1 where state = 'funded'",
        17: "update escrow.escrow_case set commission_minor = 1, parent_id = 1 where id = $case",
    }
    try:
        await market.sale(0)
        await market.sale(6)
        async with pool.acquire() as conn:
            agreed = terms(100_001, subject="lot:99")
            async with conn.transaction():
                funded = await market.desk.settlement.open_case(conn, agreed, NOW)
                await market.desk.settlement.pay(conn, funded, BANK, "bank", 100_001, NOW)
            case = await conn.fetchval("select max(id) from escrow.escrow_case where state = 'released'")
            account = await conn.fetchval("select id from escrow.account where path = $1", f"escrow:{funded.id}")
            assert await broken(conn) == []
            for number, wound in wounds.items():
                with pytest.raises(ZeroDivisionError):
                    async with conn.transaction():
                        await conn.execute(wound.replace("$case", str(case)).replace("$account", str(account)))
                        found = await _inside(conn)
                        assert number in {int(each.split(":")[0]) for each in found}, (number, found)
                        raise ZeroDivisionError
            # An overdrawn account can be written by no posting; the question itself is asked of one that owes.
            owing = legs(structs.replace(funded, id=1), ("receivable:7", "bank", 5), ("bank", "receivable:7", 9))
            paths = [Account(path="receivable:7", currency="CNY", owner_id=7)]
            await ledger.open_accounts(conn, paths)
            await ledger.post(conn, Operation(kind="x", subject="x", actor="x", legs=owing), NOW)
            assert {each[:2] for each in await broken(conn)} == {"12"}
    finally:
        await pool.close()


async def _inside(conn: Connection) -> list[str]:
    """The same questions within the transaction that has done the harm."""
    return [f"{number}: {row['what']}" for number, ask in INVARIANTS.items() for row in await conn.fetch(ask)]
