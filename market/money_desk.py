"""What an operator sees of the house's money, and the acts on it: quarantine applied or returned, payouts sent.

The figures are the ledger's. Every act names its operator and a reason, and stands in the audit trail in the same
transaction. Knows no page and no wire.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow import books, ledger
from escrow.books import StateRow, StuckRow, TrialRow
from escrow.facts import DepositState, Payout, Quarantined, Refusal, State
from market import audit, deals_store, parties
from market.applications import lot_of
from market.dry_run import Preview
from migrations.queries import load_queries

if TYPE_CHECKING:
    from escrow.desk import EscrowDesk
    from migrations.database import Connection

_queries = load_queries("market", "money")
MOST_BATCHES = 50
MOST_STUCK = 10
MOST_ITEMS = 10_000
TARGETS = ("case", "deposit", "wallet")


class Check(Struct, frozen=True, kw_only=True):
    """One currency's two proofs: the book sums to zero, and the escrow accounts hold exactly what open cases say."""

    currency: str
    debit_minor: int
    credit_minor: int
    escrow_minor: int
    cases_minor: int

    @property
    def balanced(self) -> bool:
        return self.debit_minor == self.credit_minor

    @property
    def covered(self) -> bool:
        return self.escrow_minor == self.cases_minor


class MoneyOverview(Struct, frozen=True, kw_only=True):
    """Where all the money is, read in one snapshot."""

    cases: tuple[StateRow, ...]
    trial: tuple[TrialRow, ...]
    checks: tuple[Check, ...]
    stuck: tuple[StuckRow, ...]
    paused: tuple[PausedDeposits, ...]
    faults: tuple[str, ...]


class Posting(Struct, frozen=True, kw_only=True):
    """One line of the book."""

    at: datetime
    kind: str
    actor: str
    debit: str
    credit: str
    currency: str
    amount_minor: int


class PausedDeposits(Struct, frozen=True, kw_only=True):
    """Bidders' money that is held while a lot is paused."""

    lot_id: int
    currency: str
    amount_minor: int
    count: int
    since: datetime


class Batch(Struct, frozen=True, kw_only=True):
    """One payout file."""

    id: int
    message_id: str
    currency: str
    built_at: datetime
    sent_at: datetime | None
    attempts: int
    last_error: str | None
    payouts: int
    amount_minor: int


async def overview(conn: Connection, now: datetime) -> MoneyOverview:
    """Cases, book and checks as of one instant: the caller's connection must not be in a transaction."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        cases = await books.cases_by_state(conn)
        trial = await books.trial_balance(conn)
        return MoneyOverview(
            cases=tuple(cases),
            trial=tuple(trial),
            checks=_checks(cases, trial),
            stuck=tuple(await books.stuck_money(conn, now, limit=MOST_STUCK)),
            paused=tuple(PausedDeposits(**dict(row)) for row in await conn.fetch(_queries.paused_deposits)),
            faults=tuple(await books.faults(conn)),
        )


def _checks(cases: list[StateRow], trial: list[TrialRow]) -> tuple[Check, ...]:
    held: dict[str, int] = defaultdict(int)
    for state in cases:
        held[state.currency] += state.held_minor
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in trial:
        sums[row.currency][0] += row.debit_minor
        sums[row.currency][1] += row.credit_minor
        if row.kind == "escrow":
            sums[row.currency][2] += row.credit_minor - row.debit_minor
    return tuple(
        Check(
            currency=currency, debit_minor=debit, credit_minor=credit, escrow_minor=escrow, cases_minor=held[currency]
        )
        for currency, (debit, credit, escrow) in sorted(sums.items())
    )


async def item_by_id(conn: Connection, desk: EscrowDesk, item_id: int) -> Quarantined | None:
    """One item of the quarantine, whatever became of it."""
    return next((item for item in await desk.quarantine.items(conn, None, MOST_ITEMS) if item.id == item_id), None)


class NamedBy(Struct, frozen=True, kw_only=True):
    """The deal or deposit that an item's reference named. `due_minor` is None when nothing is awaited there."""

    target: str
    id: int
    lot_id: int | None
    title_en: str
    title_zh: str
    currency: str
    due_minor: int | None

    def title(self, lang: str) -> str:
        """The lot's title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


async def named_by(conn: Connection, desk: EscrowDesk, item: Quarantined) -> NamedBy | None:
    """What the reference of quarantined money named, with the lot and the sum due; None when it named nothing."""
    if item.case_id is not None:
        case = await desk.settlement.case_by_id(conn, item.case_id)
        deal = await deals_store.deal_of_case(conn, item.case_id)
        if case is None or deal is None:
            return None
        return NamedBy(
            target="case",
            id=case.id,
            lot_id=deal.lot_id,
            title_en=deal.terms.title_en,
            title_zh=deal.terms.title_zh,
            currency=case.currency,
            due_minor=case.due_minor if case.state is State.AWAITING_PAYMENT else None,
        )
    deposit = None if item.deposit_id is None else await desk.deposits.deposit_by_id(conn, item.deposit_id)
    lot_id = None if deposit is None else lot_of(deposit.subject)
    if deposit is None or lot_id is None:
        return None
    lot = await deals_store.hammer_lot(conn, lot_id)
    return NamedBy(
        target="deposit",
        id=deposit.id,
        lot_id=lot_id,
        title_en=lot.title_en,
        title_zh=lot.title_zh,
        currency=deposit.currency,
        due_minor=deposit.amount_minor if deposit.state is DepositState.REQUESTED else None,
    )


async def preview(
    conn: Connection, desk: EscrowDesk, item_id: int, target: str, target_id: int, now: datetime
) -> tuple[Preview, ...] | Refusal:
    """What applying the item would post, without posting it: each account before and after, leg by leg."""
    if target == "wallet" and await parties.party_by_id(conn, target_id) is None:
        return Refusal.UNKNOWN_PARTY
    legs = await desk.quarantine.dry_run(conn, item_id, now, **_named(target, target_id))
    if isinstance(legs, Refusal):
        return legs
    standing: dict[tuple[str, str], int] = {}
    shown = []
    for leg in legs:
        for path in (leg.debit, leg.credit):
            if (path, leg.currency) not in standing:
                standing[path, leg.currency] = await ledger.balance(conn, path, leg.currency)
        debit, credit = (leg.debit, leg.currency), (leg.credit, leg.currency)
        shown.append(Preview(leg=leg, debit_before_minor=standing[debit], credit_before_minor=standing[credit]))
        standing[debit] -= leg.amount_minor
        standing[credit] += leg.amount_minor
    return tuple(shown)


async def apply_item(
    conn: Connection,
    desk: EscrowDesk,
    item_id: int,
    target: str,
    target_id: int,
    *,
    operator_id: int,
    reason: str,
    now: datetime,
) -> Quarantined | Refusal:
    """Put quarantined money where the operator says that it belongs. A wallet without a party would hold it for ever."""
    if target == "wallet" and await parties.party_by_id(conn, target_id) is None:
        return Refusal.UNKNOWN_PARTY
    done = await desk.quarantine.apply_quarantined(
        conn, item_id, operator_id=operator_id, note=reason, now=now, **_named(target, target_id)
    )
    if not isinstance(done, Refusal):
        detail = {"target": target, "id": target_id, "currency": done.currency, "amount_minor": done.amount_minor}
        await audit.record(conn, operator_id, "quarantine.applied", f"quarantine:{item_id}", reason, detail, now)
    return done


async def return_item(
    conn: Connection, desk: EscrowDesk, item_id: int, *, operator_id: int, reason: str, now: datetime
) -> Payout | Refusal:
    """Send quarantined money back to where it came from, with the next payout file."""
    done = await desk.quarantine.return_quarantined(conn, item_id, operator_id, reason, now)
    if not isinstance(done, Refusal):
        detail = {"payout": done.id, "currency": done.currency, "amount_minor": done.amount_minor}
        await audit.record(conn, operator_id, "quarantine.returned", f"quarantine:{item_id}", reason, detail, now)
    return done


async def send_payouts(conn: Connection, *, operator_id: int, now: datetime) -> int:
    """Hand over what waits for the bank at once instead of at the clock's next try. How many files waited.

    The clock builds and sends files by itself within a second; what waits is what the bank did not take.
    """
    waiting = len(await conn.fetch(_queries.hurry_batches, now))
    await audit.record(conn, operator_id, "payouts.hurried", "payouts:all", None, {"files": waiting}, now)
    return waiting


async def batches(conn: Connection) -> list[Batch]:
    """The latest payout files."""
    return [Batch(**dict(row)) for row in await conn.fetch(_queries.batches, MOST_BATCHES)]


async def batch_file(conn: Connection, batch_id: int) -> tuple[str, str] | None:
    """Message id and text of a payout file (pain.001)."""
    row = await conn.fetchrow(_queries.batch_file, batch_id)
    return None if row is None else (row["message_id"], row["body"])


async def postings_of_case(conn: Connection, case_id: int) -> list[Posting]:
    """Every posting of a case."""
    return [Posting(**dict(row)) for row in await conn.fetch(_queries.postings_of_case, case_id)]


def _named(target: str, target_id: int) -> dict[str, int]:
    return {{"case": "case_id", "deposit": "deposit_id", "wallet": "wallet_of"}[target]: target_id}
