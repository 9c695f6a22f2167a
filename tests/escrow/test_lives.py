"""Random lives of a sale under a fake clock, each attempt and each balance foretold by an auditor with rules of his own.

12 lives in `make test`; `make races` makes it 500 (GAVELHOUSE_LIVES sets another number).
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import os
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from escrow import books, claims_store, store
from escrow.desk import EscrowDesk
from escrow.facts import (
    BankNotice,
    Case,
    ClaimReason,
    Fees,
    Line,
    NoticeKind,
    Outcome,
    PayoutState,
    Quarantined,
    Refusal,
    Timers,
)
from escrow.hooks import Hooks
from escrow.moves import BANK
from escrow.sandbox_bank.numbers import account_number
from migrations.database import Address, Role, connect
from tests.escrow.auditor import Auditor
from tests.escrow.trade import (
    ARBITER,
    BUYER,
    NOW,
    OPERATOR,
    SECOND,
    SELLER,
    bank_says,
    held_deposit,
    terms,
)

if TYPE_CHECKING:
    from migrations.database import Connection

PEOPLE = {"buyer": BUYER, "seller": SELLER, "operator": OPERATOR, "arbiter": ARBITER, "second": SECOND}
STAFF = ("operator", "arbiter", "second")
PARTIES = ("buyer", "seller")
ACTS: dict[str, tuple[str, ...]] = {
    "pay": ("bank",),
    "reinstate": ("operator",),
    "cancel": ("buyer", "seller", "operator"),
    "ship": PARTIES,
    "ship_first_line": PARTIES,
    "receive": PARTIES,
    "extend": PARTIES,
    "release": PARTIES,
    "claim": PARTIES,
    "undisputed": PARTIES,
    "accept": PARTIES,
    "withdraw": PARTIES,
    "offer": PARTIES,
    "accept_offer": PARTIES,
    "ask_return": PARTIES,
    "send_back": PARTIES,
    "confirm_return": PARTIES,
    "contest": PARTIES,
    "escalate": PARTIES,
    "take_up": STAFF,
    "take_arbitration": STAFF,
    "rule": STAFF,
    "confirm": STAFF,
    "appeal": PARTIES,
    "charge_back": ("bank",),
    "charge_back_lost": ("bank",),
    "charge_back_won": ("bank",),
    "payout_settled": ("bank",),
    "payout_returned": ("bank",),
}
ENDS = ("accept", "withdraw", "release", "cancel", "charge_back_lost")
LIVES = int(os.environ.get("GAVELHOUSE_LIVES", "12"))
_ids = itertools.count(1)


class Life:
    """The real house, told the same as the auditor."""

    def __init__(self, conn: Connection, limit: int) -> None:
        self.conn, self.hours = conn, 0
        self.answer: Case | Refusal | None = None
        self.items: list[Quarantined] = []

        async def on_quarantined(conn: Connection, item: Quarantined, now: object) -> None:
            self.items.append(item)

        self.desk = EscrowDesk(Hooks(on_quarantined=on_quarantined), second_person_above_minor=limit)
        self.cases: list[int] = []

    @property
    def now(self) -> Any:
        return NOW + timedelta(hours=self.hours)

    async def open(self, price: int, deposit: int, rates: tuple[int, int, int], reserve_bp: int) -> None:
        desk, conn = self.desk, self.conn
        await desk.wallet.register_bank_account(conn, SELLER, "Li Na", account_number(2001), NOW)
        if deposit:
            await held_deposit(desk, conn, deposit)
        lines = (Line(n=1, title="A", amount_minor=price // 3), Line(n=2, title="B", amount_minor=price - price // 3))
        agreed = terms(
            price,
            deposit,
            fees=Fees(commission_bp=rates[0], transaction_bp=rates[1], service_minor=rates[2]),
            timers=Timers(ship_seconds=72 * 3600),
            lines=lines,
            reserve_bp=reserve_bp,
        )
        self.cases.append((await desk.settlement.open_case(conn, agreed, NOW)).id)

    async def attempt(self, act: str, who: str, number: int, amount: int) -> bool:
        special: dict[str, Callable[[int, int], Awaitable[bool]]] = {
            "pay": self._pay,
            "reinstate": self._reinstate,
            "ship_first_line": self._ship_first_line,
            "charge_back": self._charged_back,
            "charge_back_lost": self._charged_back,
            "charge_back_won": self._charged_back,
            "payout_settled": self._payout,
            "payout_returned": self._payout,
        }
        self._act, self._who = act, PEOPLE.get(who, 0)
        if act in special:
            return await special[act](number, amount)
        self.answer = answer = await self._ordinary(act, self._who, self.cases[number], amount)
        return not isinstance(answer, Refusal)

    async def _ordinary(self, act: str, who: int, case_id: int, amount: int) -> Case | Refusal:
        desk, conn, now = self.desk, self.conn, self.now
        sale, claims, court = desk.settlement, desk.claims, desk.arbitration
        acts: dict[str, Callable[[], Awaitable[Case | Refusal]]] = {
            "cancel": lambda: sale.cancel(conn, case_id, who, "why", now, as_operator=who == OPERATOR),
            "ship": lambda: sale.ship(conn, case_id, who, "SF", "1", now),
            "receive": lambda: sale.receive(conn, case_id, who, now),
            "extend": lambda: sale.extend_inspection(conn, case_id, who, now),
            "release": lambda: sale.confirm_receipt(conn, case_id, who, now),
            "claim": lambda: claims.open(conn, case_id, who, amount, ClaimReason.OTHER, "why", now),
            "undisputed": lambda: claims.release_undisputed(conn, case_id, who, now),
            "accept": lambda: claims.accept(conn, case_id, who, now),
            "withdraw": lambda: claims.withdraw(conn, case_id, who, now),
            "offer": lambda: claims.offer(conn, case_id, who, amount, now),
            "accept_offer": lambda: claims.accept_offer(conn, case_id, who, now),
            "ask_return": lambda: claims.ask_return(conn, case_id, who, now),
            "send_back": lambda: claims.send_back(conn, case_id, who, "SF", "2", now),
            "confirm_return": lambda: claims.confirm_return(conn, case_id, who, now),
            "contest": lambda: claims.contest(conn, case_id, who, "why", now),
            "escalate": lambda: claims.escalate(conn, case_id, who, "why", now),
            "take_up": lambda: court.take_up(conn, case_id, who, now),
            "take_arbitration": lambda: court.take_arbitration(conn, case_id, who, now),
            "rule": lambda: court.rule(conn, case_id, who, amount, "why", now),
            "confirm": lambda: court.confirm(conn, case_id, who, now),
            "appeal": lambda: court.appeal(conn, case_id, who, "why", now),
        }
        return await acts[act]()

    async def _pay(self, number: int, amount: int) -> bool:
        case = await store.lock_case(self.conn, self.cases[number])
        assert case is not None
        payment = f"pay-{next(_ids)}" if case.payment_id is None else case.payment_id
        paid = await self.desk.settlement.pay(
            self.conn, case, BANK, "gateway", case.due_minor, self.now, payment_id=payment
        )
        return isinstance(paid, Case)

    async def _reinstate(self, number: int, amount: int) -> bool:
        case = await store.lock_case(self.conn, self.cases[number])
        assert case is not None
        answer = await self.desk.settlement.reinstate(
            self.conn, case.id, OPERATOR, "bank", case.due_minor, "why", self.now
        )
        if isinstance(answer, Case):
            self.cases.append(answer.id)
        return isinstance(answer, Case)

    async def _ship_first_line(self, number: int, amount: int) -> bool:
        case_id = self.cases[number]
        answer = await self.desk.settlement.ship_lines(self.conn, case_id, self._who, [1], "SF", "1", self.now)
        if isinstance(answer, Case) and answer.id != case_id:
            self.cases.append(answer.id)
        return isinstance(answer, Case)

    async def _charged_back(self, number: int, amount: int) -> bool:
        case = await store.lock_case(self.conn, self.cases[number])
        assert case is not None
        kind = {
            "charge_back": NoticeKind.CHARGEBACK,
            "charge_back_lost": NoticeKind.CHARGEBACK_LOST,
            "charge_back_won": NoticeKind.CHARGEBACK_WON,
        }[self._act]
        running = [each for each in await self.desk.chargebacks.of_case(self.conn, case.id) if each.state == "open"]
        if kind is not NoticeKind.CHARGEBACK and running:
            amount = running[0].amount_minor
        if not amount:
            return False
        notice = BankNotice(
            bank_id=f"CB-{next(_ids)}",
            kind=kind,
            currency="CNY",
            amount_minor=amount,
            reference=case.payment_id or "none",
            booked_at=self.now,
        )
        return (await self.desk.inbox.receive(self.conn, notice, self.now)).outcome is not Outcome.IGNORED

    async def _payout(self, number: int, amount: int) -> bool:
        queued = await self.desk.payouts.payouts(self.conn, PayoutState.QUEUED)
        if not queued:
            return False
        kind = NoticeKind.PAYOUT_SETTLED if self._act == "payout_settled" else NoticeKind.PAYOUT_RETURNED
        first = min(
            queued,
            key=lambda payout: (payout.amount_minor, self.cases.index(payout.case_id or 0), payout.purpose.value),
        )
        await self.desk.inbox.receive(self.conn, bank_says(kind, first, "AC04"), self.now)
        return True

    async def wait(self, hours: int) -> None:
        """What the clock does, without its sleep."""
        self.hours += hours
        while (claimed := await store.claim_due_timer(self.conn, self.now)) is not None:
            _, case_id, action = claimed
            answer = await self.desk.settlement.time_out(self.conn, case_id, action, self.now)
            assert isinstance(answer, Case), (action, answer)
        while (due := await claims_store.claim_due_reserve(self.conn, self.now)) is not None:
            await self.desk.chargebacks.free_reserve(self.conn, due, self.now)

    async def book(self) -> dict[str, int]:
        named = {f"wallet:{BUYER}": "wallet", f"receivable:{BUYER}": "buyer_owes"}
        named |= {f"{kind}:{SELLER}": kind for kind in ("payable", "receivable", "reserve")}
        named |= {f"escrow:{case_id}": f"escrow{number}" for number, case_id in enumerate(self.cases)}
        rows = await self.conn.fetch("select path, kind, escrow.balance_of(id)::bigint as balance from escrow.account")
        held: dict[str, int] = {}
        for row in rows:
            name = named.get(row["path"], row["kind"])
            held[name] = held.get(name, 0) + row["balance"]
        return {name: balance for name, balance in held.items() if balance}

    async def states(self) -> list[str]:
        return [(await self._case(case_id)).state.value for case_id in self.cases]

    async def _case(self, case_id: int) -> Case:
        case = await store.case_by_id(self.conn, case_id)
        assert case is not None
        return case


def chosen(auditor: Auditor, place: int, amount: int, is_wild: bool) -> tuple[str, str, int, int]:
    """An attempt: any at all, or one that the auditor would let pass."""
    everything = [
        (act, who, number, amount)
        for act, people in ACTS.items()
        for who in people
        for number in range(len(auditor.sales))
    ]
    random.Random(place).shuffle(everything)
    if is_wild:
        return everything[0]
    wanted = [each for each in everything if place % 4 == 0 or each[0] not in ENDS]
    permitted = (each for each in (*wanted, *everything) if copy.deepcopy(auditor).attempt(*each))
    return next(permitted, everything[0])


async def live(address: Address, plan: dict[str, Any], moves: list[tuple[int, int, int, int]]) -> None:
    conn = await connect(address, Role.APP)
    transaction = conn.transaction()
    await transaction.start()
    try:
        deposit = plan["price"] * plan["deposit_share"] // 100
        auditor = Auditor(plan["price"], deposit, plan["rates"], plan["reserve_bp"], plan["limit"])
        life = Life(conn, plan["limit"])
        await life.open(plan["price"], deposit, plan["rates"], plan["reserve_bp"])
        for place, share, hours, kind in moves:
            number = place % len(auditor.sales)
            amount = max(auditor.sales[number].held, auditor.sales[number].full[0] // 2) * share // 100
            attempt = chosen(auditor, place, amount, kind == 0)
            expected, answered = auditor.attempt(*attempt), await life.attempt(*attempt)
            assert answered == expected, f"{attempt}: the auditor says {expected}, {life.answer}"
            await life.wait(hours)
            auditor.wait(hours)
            assert await life.states() == [sale.state for sale in auditor.sales], attempt
            assert await life.book() == {name: each for name, each in auditor.book.items() if each}, attempt
        await life.wait(24 * 400)
        auditor.wait(24 * 400)
        assert await life.book() == {name: each for name, each in auditor.book.items() if each}
        assert not any(sale.held for sale in auditor.sales), "left alone every sale comes to its end"
        assert await books.faults(conn) == []
        await conn.execute("set constraints all immediate")
    finally:
        await transaction.rollback()
        await conn.close()


@settings(
    max_examples=LIVES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(
    plan=st.fixed_dictionaries(
        {
            "price": st.integers(30, 10**8),
            "deposit_share": st.sampled_from([0, 7, 60]),
            "rates": st.tuples(st.integers(0, 2500), st.integers(0, 2000), st.integers(0, 500)),
            "reserve_bp": st.sampled_from([0, 0, 1500]),
            "limit": st.sampled_from([0, 10**9]),
        }
    ),
    moves=st.lists(
        st.tuples(
            st.integers(0, 10**6), st.integers(0, 100), st.sampled_from([0, 0, 0, 1, 30, 50, 200]), st.integers(0, 4)
        ),
        min_size=12,
        max_size=30,
    ),
)
def test_the_house_does_in_every_life_what_an_independent_auditor_foretells(
    module_database: Address, plan: dict[str, Any], moves: list[tuple[int, int, int, int]]
) -> None:
    asyncio.run(live(module_database, plan, moves))
