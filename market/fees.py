"""The house's fees: a schedule by market and currency, whose versions are never changed and need two operators each.

All fees are the seller's; a buyer pays none. What a seller sees when he submits a lot is what his contract says later: the
version is the one that was in force at that moment. Formulas: docs/settlement_desk.md. Knows no page and no wire.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from escrow.facts import LARGEST_AMOUNT_MINOR, Fees
from market import audit
from market.currencies import EXPONENTS
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("market", "fees")
MOST_VERSIONS = 200
LEAST_RATE_TOTAL_BP = 5000
"""Commission and transaction fee together stay below half of the price."""


class Market(StrEnum):
    """Where things are sold; `fees.market.<value>` in the catalogue."""

    AUCTION = "auction"
    REVERSE = "reverse"
    TRADING = "trading"


class FeeRefusal(StrEnum):
    """In the order in which a change is judged; sentences are `market_refusal.<value>`."""

    RATES_TOO_HIGH = "fees_too_high"
    SERVICE_NEEDS_A_CURRENCY = "fees_service_needs_a_currency"
    SERVICE_TOO_HIGH = "fees_service_too_high"
    REASON_MISSING = "fees_reason_missing"
    NO_SUCH_VERSION = "no_such_fees"
    DECIDED = "fees_decided"
    SAME_PERSON = "fees_same_person"


class FeeSums(Struct, frozen=True, kw_only=True):
    """What a price comes to: the house's part and the seller's."""

    commission_minor: int
    transaction_minor: int
    service_minor: int
    proceeds_minor: int


class Version(Struct, frozen=True, kw_only=True):
    """One version of the schedule; `in_force_from` is None until a second operator has confirmed it."""

    id: int
    market: Market
    currency: str | None
    commission_bp: int
    transaction_bp: int
    service_minor: int
    valid_from: datetime
    reason: str
    proposed_by: int
    proposed_by_name: str
    proposed_at: datetime
    confirmed_by: int | None
    confirmed_by_name: str | None
    confirmed_at: datetime | None
    withdrawn_at: datetime | None
    in_force_from: datetime | None

    @property
    def is_waiting(self) -> bool:
        return self.confirmed_at is None and self.withdrawn_at is None


class Proposal(Struct, frozen=True, kw_only=True):
    """What an operator wants the fees of a market to be. Without a currency it is for all, and then has no service fee."""

    market: Market
    currency: str | None
    commission_bp: int
    transaction_bp: int
    service_minor: int
    valid_from: datetime
    reason: str


def market_of(format_name: str) -> Market:
    """The market that a lot of this format is sold in."""
    return Market.REVERSE if format_name == "reverse" else Market.AUCTION


def sums_of(fees: Fees, price_minor: int) -> FeeSums:
    """Each fee on a price, rounded half up. Transaction and service fee together never take more than half of the price
    leaves beside the commission: of something very cheap the service fee is cut.
    """
    commission = (price_minor * fees.commission_bp + 5000) // 10000
    room = price_minor // 2 - commission
    transaction = min((price_minor * fees.transaction_bp + 5000) // 10000, room)
    service = min(fees.service_minor, room - transaction)
    return FeeSums(
        commission_minor=commission,
        transaction_minor=transaction,
        service_minor=service,
        proceeds_minor=price_minor - commission - transaction - service,
    )


async def in_force(conn: Connection, market: Market, currency: str, at: datetime, default_bp: int) -> Fees:
    """The fees of a market at a moment; where no version says anything, the commission of the configuration alone."""
    row = await conn.fetchrow(_queries.in_force, market, currency, at)
    if row is None:
        return Fees(commission_bp=default_bp)
    return Fees(
        commission_bp=row["commission_bp"], transaction_bp=row["transaction_bp"], service_minor=row["service_minor"]
    )


async def fees_of_lot(
    conn: Connection, lot_id: int, market: Market, currency: str, at: datetime, default_bp: int
) -> Fees:
    """The fees that the seller saw when he submitted the lot; of a lot that is not submitted, those in force at `at`."""
    submitted_at: datetime | None = await conn.fetchval(_queries.submitted_at, lot_id)
    return await in_force(conn, market, currency, submitted_at or at, default_bp)


async def versions(conn: Connection, market: Market | None = None) -> list[Version]:
    """Newest first, those that wait for a second operator before the rest."""
    return [_version(row) for row in await conn.fetch(_queries.versions, market, None, MOST_VERSIONS)]


async def version_by_id(conn: Connection, version_id: int) -> Version | None:
    row = await conn.fetchrow(_queries.versions, None, version_id, 1)
    return None if row is None else _version(row)


async def propose(conn: Connection, wanted: Proposal, operator_id: int, now: datetime) -> Version | FeeRefusal:
    """Write a version that counts once another operator has confirmed it."""
    if (refusal := judge(wanted)) is not None:
        return refusal
    version_id: int = await conn.fetchval(
        _queries.propose,
        wanted.market,
        wanted.currency,
        wanted.commission_bp,
        wanted.transaction_bp,
        wanted.service_minor,
        wanted.valid_from,
        wanted.reason.strip(),
        operator_id,
        now,
    )
    detail = msgspec.to_builtins(wanted)
    await audit.record(conn, operator_id, "fees.proposed", f"fees:{version_id}", wanted.reason.strip(), detail, now)
    return await _again(conn, version_id)


def judge(wanted: Proposal) -> FeeRefusal | None:
    """Why this can't be a schedule of fees."""
    if wanted.commission_bp + wanted.transaction_bp >= LEAST_RATE_TOTAL_BP:
        return FeeRefusal.RATES_TOO_HIGH
    if wanted.service_minor and wanted.currency not in EXPONENTS:
        return FeeRefusal.SERVICE_NEEDS_A_CURRENCY
    if wanted.service_minor > LARGEST_AMOUNT_MINOR:
        return FeeRefusal.SERVICE_TOO_HIGH
    return None if wanted.reason.strip() else FeeRefusal.REASON_MISSING


async def confirm(conn: Connection, version_id: int, operator_id: int, now: datetime) -> Version | FeeRefusal:
    """Another operator than who proposed it agrees: in force from the later of now and the day that it names."""
    refusal = await _undecided(conn, version_id)
    if refusal is not None:
        return refusal
    version = await _again(conn, version_id)
    if version.proposed_by == operator_id:
        return FeeRefusal.SAME_PERSON
    await conn.execute(_queries.confirm, version_id, operator_id, now)
    await audit.record(conn, operator_id, "fees.confirmed", f"fees:{version_id}", version.reason, {}, now)
    return await _again(conn, version_id)


async def withdraw(
    conn: Connection, version_id: int, operator_id: int, reason: str, now: datetime
) -> Version | FeeRefusal:
    """A version that waits is given up."""
    refusal = await _undecided(conn, version_id)
    if refusal is not None:
        return refusal
    if not reason.strip():
        return FeeRefusal.REASON_MISSING
    await conn.execute(_queries.withdraw, version_id, now)
    await audit.record(conn, operator_id, "fees.withdrawn", f"fees:{version_id}", reason.strip(), {}, now)
    return await _again(conn, version_id)


async def _undecided(conn: Connection, version_id: int) -> FeeRefusal | None:
    row = await conn.fetchrow(_queries.lock_version, version_id)
    if row is None:
        return FeeRefusal.NO_SUCH_VERSION
    return FeeRefusal.DECIDED if row["confirmed_at"] or row["withdrawn_at"] else None


async def _again(conn: Connection, version_id: int) -> Version:
    version = await version_by_id(conn, version_id)
    assert version is not None, "it was written or locked a moment ago"
    return version


def _version(row: Any) -> Version:
    return msgspec.convert(dict(row), Version)
