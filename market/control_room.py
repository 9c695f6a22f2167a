"""What an operator sees and does: the queues, the lots that run, the acts on a lot with their reasons, the audit trail.

An act is one transaction: the auction's desk does it, the audit trail says why. What the act means for bidding is the
auction's; what it means for the money comes back through the hammer.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from auction import desk
from auction.facts import DeskRefusal, Standing
from market import audit
from market.application_facts import Application
from market.listing_facts import HIDES_BIDS, LONGEST_REASON
from market.second_person import Awaited, Wish, agreed
from migrations.queries import load_queries

if TYPE_CHECKING:
    from auction.closings import OnHammer
    from migrations.database import Connection

MOST_LIVE_SHOWN = 200

_queries = load_queries("market", "operator")
_applications = load_queries("market", "applications")


class Act(StrEnum):
    """What an operator may do to a lot that is on show."""

    PAUSE = "pause"
    RESUME = "resume"
    EXTEND = "extend"
    VOID = "void"


class OperatorRefusal(StrEnum):
    """Why an act was not tried, in the order tested. The sentence is `market_refusal.<value>`."""

    NO_SUCH_LOT = "no_such_lot"
    REASON_MISSING = "reason_missing"
    TIME_MISSING = "time_missing"
    VOID_UNCONFIRMED = "void_unconfirmed"


class Queues(Struct, frozen=True, kw_only=True):
    """How much waits, and how much runs."""

    lots: int
    applications: int
    money: int
    links: int
    openings: int
    live: int
    paused: int


class RunningLot(Struct, frozen=True, kw_only=True):
    """A row of the control room."""

    lot_id: int
    format: str
    title_zh: str
    title_en: str
    currency: str
    starts_at: datetime
    started: bool
    seller_name: str
    phase: str
    ends_at: datetime
    price_minor: int | None
    bid_count: int
    paused_at: datetime | None

    @property
    def hides_bids(self) -> bool:
        """Whether the house itself counts no bids yet."""
        return self.format in HIDES_BIDS

    def title(self, lang: str) -> str:
        """The title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


class ApplicationRow(Application, frozen=True, kw_only=True):
    """An application as the operator judges it: who, for what, and with which record."""

    party_name: str
    party_is_barred: bool
    admitted_before: int
    title_zh: str
    title_en: str
    currency: str
    deposit_minor: int
    starts_at: datetime
    decided_by_name: str | None

    def title(self, lang: str) -> str:
        """The lot's title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


async def queues(conn: Connection, now: datetime) -> Queues:
    """The counts at the top of the control room."""
    row = await conn.fetchrow(_queries.queue_counts, now)
    assert row is not None, "counts always make one row"
    return msgspec.convert(dict(row), Queues)


async def running_lots(conn: Connection, now: datetime) -> list[RunningLot]:
    """Lots that run, paused ones first, then the next to start; at most 200."""
    found = await conn.fetch(_queries.live_and_next_lots, now, MOST_LIVE_SHOWN)
    return [msgspec.convert(dict(row), RunningLot) for row in found]


async def act_on_lot(
    conn: Connection,
    act: Act,
    *,
    lot_id: int,
    operator_id: int,
    reason: str,
    now: datetime,
    on_hammer: OnHammer,
    ends_at: datetime | None = None,
    confirmed: bool = False,
    second_person_above_minor: int,
) -> Standing | DeskRefusal | OperatorRefusal | Awaited:
    """Pause, resume, extend or void, with the reason in the audit trail. To void is asked twice; from the limit on, every act
    needs a second operator who asks for the same.
    """
    if not (stated := reason.strip()[:LONGEST_REASON]):
        return OperatorRefusal.REASON_MISSING
    if act is Act.EXTEND and ends_at is None:
        return OperatorRefusal.TIME_MISSING
    if act is Act.VOID and not confirmed:
        return OperatorRefusal.VOID_UNCONFIRMED
    wish = Wish(
        lot_id=lot_id,
        act=act.value,
        ends_at=ends_at if act is Act.EXTEND else None,
        reason=stated,
        operator_id=operator_id,
    )
    if (awaited := await agreed(conn, wish, second_person_above_minor, now)) is not None:
        return awaited
    try:
        done = await _do(conn, act, lot_id, now, ends_at, on_hammer)
    except desk.UnknownLotError:
        return OperatorRefusal.NO_SUCH_LOT
    if isinstance(done, Standing):
        detail = {} if ends_at is None else {"ends_at": ends_at}
        await audit.record(conn, operator_id, f"lot.{act.value}", f"lot:{lot_id}", stated, detail, now)
    return done


async def applications_page(
    conn: Connection, *, state: str | None, lot_id: int | None, limit: int, offset: int
) -> tuple[list[ApplicationRow], int]:
    """A page of applications and how many there are: the waiting first, then by the latest decision."""
    found = await conn.fetch(_applications.applications_page, state, lot_id, limit, offset)
    total = await conn.fetchval(_applications.count_applications, state, lot_id)
    return [msgspec.convert(dict(row), ApplicationRow) for row in found], int(total)


async def audit_page(
    conn: Connection, *, act: str | None, subject: str | None, actor_id: int | None, limit: int, offset: int
) -> tuple[list[audit.Entry], int]:
    """A page of the audit trail and how many lines the filters find."""
    found = await conn.fetch(_queries.audit_found, act, subject, actor_id, limit, offset)
    total = await conn.fetchval(_queries.count_audit_found, act, subject, actor_id)
    return [msgspec.convert(dict(row), audit.Entry) for row in found], int(total)


async def _do(
    conn: Connection, act: Act, lot_id: int, now: datetime, ends_at: datetime | None, on_hammer: OnHammer
) -> Standing | DeskRefusal:
    if act is Act.PAUSE:
        return await desk.pause(conn, lot_id, now)
    if act is Act.RESUME:
        return await desk.resume(conn, lot_id, now)
    if act is Act.EXTEND:
        assert ends_at is not None, "checked by the caller"
        return await desk.extend(conn, lot_id, ends_at, now)
    return await desk.void(conn, lot_id, now, on_hammer)
