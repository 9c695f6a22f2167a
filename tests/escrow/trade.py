"""What the escrow's tests share: parties, a desk that remembers what it told, a whole trade up to any state."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from escrow import ledger
from escrow.desk import EscrowDesk
from escrow.facts import (
    BankNotice,
    Case,
    CaseEvent,
    CaseTerms,
    ClaimReason,
    Deposit,
    Fees,
    Line,
    NoticeKind,
    Payout,
    Quarantined,
    Refusal,
    State,
    Timers,
)
from escrow.hooks import Hooks
from escrow.payouts import Centre
from escrow.sandbox_bank.numbers import CENTRE_ACCOUNTS, CENTRE_HOLDER

if TYPE_CHECKING:
    from migrations.database import Connection

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BUYER, SELLER, OPERATOR, STRANGER, ARBITER, SECOND = 11, 12, 13, 14, 15, 16
CENTRE = Centre(holder=CENTRE_HOLDER, accounts=CENTRE_ACCOUNTS)

_bank_ids = itertools.count(1)


class Heard:
    """The market's side of the hooks: it only writes down what it is told."""

    def __init__(self) -> None:
        self.deposits: list[Deposit] = []
        self.events: list[CaseEvent] = []
        self.items: list[Quarantined] = []
        self.payouts: list[Payout] = []

    def desk(self, *, second_person_above_minor: int = 100_000_000) -> EscrowDesk:
        async def on_deposit_held(conn: Connection, deposit: Deposit, now: datetime) -> None:
            self.deposits.append(deposit)

        async def on_case_changed(conn: Connection, case: Case, event: CaseEvent) -> None:
            self.events.append(event)

        async def on_quarantined(conn: Connection, item: Quarantined, now: datetime) -> None:
            self.items.append(item)

        async def on_payout_changed(conn: Connection, payout: Payout, now: datetime) -> None:
            self.payouts.append(payout)

        return EscrowDesk(
            Hooks(
                on_deposit_held=on_deposit_held,
                on_case_changed=on_case_changed,
                on_quarantined=on_quarantined,
                on_payout_changed=on_payout_changed,
            ),
            second_person_above_minor=second_person_above_minor,
        )


def incoming(reference: str, amount_minor: int, *, currency: str = "CNY", bank_id: str | None = None) -> BankNotice:
    """A transfer to the centre, as the bank tells of it."""
    return BankNotice(
        bank_id=bank_id or f"BT-{next(_bank_ids)}",
        kind=NoticeKind.TRANSFER_RECEIVED,
        currency=currency,
        amount_minor=amount_minor,
        reference=reference,
        booked_at=NOW,
        sender_holder="Wang Xiu",
        sender_number="XB12000099",
    )


def bank_says(kind: NoticeKind, payout: Payout, reason: str | None = None) -> BankNotice:
    """What the bank tells of a payout."""
    return BankNotice(
        bank_id=f"BP-{next(_bank_ids)}",
        kind=kind,
        currency=payout.currency,
        amount_minor=payout.amount_minor,
        reference=payout.end_to_end_id,
        booked_at=NOW,
        reason=reason,
    )


def terms(
    price_minor: int = 100_000,
    deposit_minor: int = 0,
    *,
    subject: str = "lot:1",
    timers: Timers | None = None,
    fees: Fees | None = None,
    lines: tuple[Line, ...] = (),
    reserve_bp: int = 0,
) -> CaseTerms:
    return CaseTerms(
        subject=subject,
        buyer_id=BUYER,
        seller_id=SELLER,
        currency="CNY",
        price_minor=price_minor,
        deposit_minor=deposit_minor,
        fees=fees or Fees(commission_bp=800),
        contract_sha256=bytes(32),
        timers=timers or Timers(),
        lines=lines,
        reserve_bp=reserve_bp,
    )


async def held_deposit(
    desk: EscrowDesk, conn: Connection, amount_minor: int, *, party_id: int = BUYER, subject: str = "lot:1"
) -> Deposit:
    """A deposit that was asked for and paid in."""
    deposit = await desk.deposits.request_deposit(
        conn, subject=subject, party_id=party_id, amount_minor=amount_minor, currency="CNY", now=NOW
    )
    await desk.inbox.receive(conn, incoming(deposit.reference, amount_minor), NOW)
    held = await desk.deposits.deposit_by_id(conn, deposit.id)
    assert held is not None
    return held


async def case_in(
    desk: EscrowDesk,
    conn: Connection,
    state: State,
    *,
    price_minor: int = 100_000,
    deposit_minor: int = 10_000,
    subject: str = "lot:1",
    timers: Timers | None = None,
    fees: Fees | None = None,
    lines: tuple[Line, ...] = (),
    reserve_bp: int = 0,
) -> Case:
    """A trade that was taken to `state` by its real acts, all at NOW."""
    if deposit_minor:
        await held_deposit(desk, conn, deposit_minor, subject=subject)
    agreed = terms(
        price_minor, deposit_minor, subject=subject, timers=timers, fees=fees, lines=lines, reserve_bp=reserve_bp
    )
    case = await desk.settlement.open_case(conn, agreed, NOW)
    if state is State.AWAITING_PAYMENT:
        return case
    await desk.inbox.receive(conn, incoming(case.reference, case.due_minor), NOW)
    if state is State.FUNDED:
        return await fresh(desk, conn, case)
    case = taken(await desk.settlement.ship(conn, case.id, SELLER, "SF Express", "SF1040", NOW))
    if state is State.SHIPPED:
        return case
    case = taken(await desk.settlement.receive(conn, case.id, BUYER, NOW))
    if state is State.INSPECTING:
        return case
    return taken(await desk.settlement.confirm_receipt(conn, case.id, BUYER, NOW))


async def claimed(
    desk: EscrowDesk,
    conn: Connection,
    amount_minor: int = 30_000,
    *,
    state: State = State.INSPECTING,
    price_minor: int = 100_000,
    fees: Fees | None = None,
) -> Case:
    """A trade on which the buyer has made a claim."""
    case = await case_in(desk, conn, state, price_minor=price_minor, fees=fees)
    opened = await desk.claims.open(conn, case.id, BUYER, amount_minor, ClaimReason.DAMAGED, "The lid is cracked.", NOW)
    return taken(opened)


async def arbitrated(desk: EscrowDesk, conn: Connection, amount_minor: int = 30_000, **facts: Any) -> Case:
    """A claim that the seller contests, with a handler and an arbiter."""
    case = await claimed(desk, conn, amount_minor, **facts)
    taken(await desk.arbitration.take_up(conn, case.id, OPERATOR, NOW))
    taken(await desk.claims.contest(conn, case.id, SELLER, "It was whole.", NOW))
    return taken(await desk.arbitration.take_arbitration(conn, case.id, ARBITER, NOW))


async def balances(conn: Connection, *paths: str) -> list[int]:
    """What these accounts hold, in CNY."""
    return [await ledger.balance(conn, path, "CNY") for path in paths]


def taken(answer: Case | Refusal) -> Case:
    """The case after an act that must not have been refused."""
    assert isinstance(answer, Case), answer
    return answer


async def fresh(desk: EscrowDesk, conn: Connection, case: Case) -> Case:
    stored = await desk.settlement.case_by_id(conn, case.id)
    assert stored is not None
    return stored
