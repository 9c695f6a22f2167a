"""The steps of a delivery: the buyer says where to, the seller books, the carrier reports. Each is one transaction of the
caller's.

The first report that only a carrier with the goods in his hands can make ships the deal in the seller's name, who ordered
just that; a delivery with the receiver's name is the carrier's proof, which begins the inspection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from msgspec import Struct, structs

from escrow import store as escrow_store
from escrow.facts import Case, Refusal, State
from market import deals_store, desk_notices, live_topics, notices
from market.delivery import store
from market.delivery.facts import (
    MOST_GRAMS,
    MOST_PACKAGES,
    NOT_COLLECTED,
    ON_ITS_WAY,
    Address,
    Consignment,
    ConsignmentState,
    DeliveryRefusal,
    EventKind,
    Report,
    state_after,
    visible,
)

if TYPE_CHECKING:
    from escrow.desk import EscrowDesk
    from market.deals_store import Deal
    from market.delivery.carriers import Booked, Carriers, NotTaken
    from migrations.database import Connection

NUDGE_SECONDS = 0.05
_TOLD = {
    EventKind.CONFIRMED: ("seller",),
    EventKind.REFUSED: ("seller",),
    EventKind.CANCELLED: ("seller",),
    EventKind.OUT_FOR_DELIVERY: ("buyer",),
    EventKind.ATTEMPTED: ("buyer",),
    EventKind.DELIVERED: ("buyer", "seller"),
    EventKind.RETURNED: ("buyer", "seller"),
    EventKind.LOST: ("buyer", "seller"),
}
"""Who is told of what; that the goods are on their way, the deal itself tells."""


OnConsigned = Callable[["Connection", Consignment, datetime], Awaitable[None]]


class Booking(Struct, frozen=True, kw_only=True):
    """What a seller asks a carrier for. No `lines`: all that is left of the sale."""

    carrier: str
    lines: tuple[int, ...] = ()
    packages: int
    weight_grams: int
    description: str
    collect_from: Address


class DeliveryDesk:
    """What every door of a delivery acts through."""

    def __init__(self, escrow: EscrowDesk, carriers: Carriers, on_consigned: OnConsigned | None = None) -> None:
        self._escrow = escrow
        self._on_consigned = on_consigned
        self.carriers = carriers
        self.nudged = asyncio.Event()
        """Set when a carrier is to be asked something. The clock looks by itself as well, so one that is lost costs seconds."""

    async def set_consignee(
        self, conn: Connection, case_id: int, to: Address | None, now: datetime
    ) -> Address | DeliveryRefusal:
        """The buyer says where the goods go; fixed once something has been booked to go there."""
        if to is None:
            return DeliveryRefusal.ADDRESS_INCOMPLETE
        root_id = await deals_store.root_of_case(conn, case_id)
        await escrow_store.lock_case(conn, root_id)
        if is_bound(await store.consignments_of_case(conn, root_id)):
            return DeliveryRefusal.CONSIGNEE_FIXED
        await store.save_consignee(conn, root_id, to, now)
        await live_topics.announce(conn, f"deal:{case_id}", live_topics.instant_version(now))
        return to

    async def consign(
        self, conn: Connection, case_id: int, seller_id: int, booking: Booking, now: datetime
    ) -> Consignment | DeliveryRefusal | Refusal:
        """Book a carrier for a paid deal, or for some lines of it; the clock tells the carrier."""
        case = await escrow_store.lock_case(conn, case_id)
        if case is None or case.seller_id != seller_id or case.state is not State.FUNDED:
            return DeliveryRefusal.NOT_TO_BE_SHIPPED
        if self.carriers.get(booking.carrier) is None:
            return DeliveryRefusal.NO_SUCH_CARRIER
        if (missing := await self._escrow.settlement.hooks.may_ship(conn, case_id)) is not None:
            return missing
        root_id = await deals_store.root_of_case(conn, case_id)
        to = await store.consignee(conn, root_id)
        if to is None:
            return DeliveryRefusal.CONSIGNEE_MISSING
        free = free_lines(case, await store.consignments_of_case(conn, case_id))
        refused = _lines_refusal(case, booking.lines, free) or _size_refusal(booking)
        if refused is not None:
            return refused
        made = await store.insert_consignment(
            conn,
            case_id=case_id,
            booking_id=uuid4(),
            carrier=booking.carrier,
            booked_by=seller_id,
            # All that is left, while some of it is booked already, is the lines that are not.
            lines=booking.lines or (() if free == _open_lines(case) else tuple(sorted(free or ()))),
            packages=booking.packages,
            weight_grams=booking.weight_grams,
            description=" ".join(visible(booking.description).split())[:200] or f"{case.reference}",
            collect_from=booking.collect_from,
            deliver_to=to,
            now=now,
        )
        if self._on_consigned is not None:
            await self._on_consigned(conn, made, now)
        await self._announce(conn, made, now)
        self._nudge()
        return made

    async def call_off(self, conn: Connection, consignment_id: int, now: datetime) -> Consignment | DeliveryRefusal:
        """The seller wants it called off: the clock asks the carrier, which alone knows whether it has the goods."""
        found = await store.lock_consignment(conn, consignment_id)
        if found is None:
            return DeliveryRefusal.NO_SUCH_CONSIGNMENT
        if found.state in (ConsignmentState.CANCELLED, ConsignmentState.REFUSED) or found.waits_to_be_called_off:
            return found
        if not found.can_be_called_off:
            return DeliveryRefusal.ALREADY_COLLECTED
        marked = await store.call_off(conn, consignment_id, now)
        await self._announce(conn, marked, now)
        self._nudge()
        return marked

    async def call_off_ended(self, conn: Connection, now: datetime, limit: int) -> None:
        """What waits for a carrier while its deal no longer waits for the goods is to be called off as well."""
        for marked in await store.call_off_ended(conn, now, limit):
            await self._announce(conn, marked, now)

    async def called_off(self, conn: Connection, consignment_id: int, is_done: bool, now: datetime) -> None:
        """The carrier's answer to a call-off. When it has the goods of a deal that is over, the operators are told."""
        found = await store.lock_consignment(conn, consignment_id)
        assert found is not None, "it was claimed a moment ago"
        if not found.waits_to_be_called_off:
            return
        if is_done:
            report = Report(carrier_id="called-off", booking_id=found.booking_id, kind=EventKind.CANCELLED, at=now)
            await self.receive(conn, found.carrier, report, now)
            return
        refused = await store.refuse_call_off(conn, consignment_id, now)
        await self._announce(conn, refused, now)
        if refused.call_off_for == "deal":
            await self._tell_astray(conn, refused, now)
        else:
            _, params = await self._params(conn, refused)
            link = f"/deals/{refused.case_id}/delivery"
            await notices.notify(conn, [refused.booked_by], "delivery_not_called_off", params, link, now)

    async def answered(
        self, conn: Connection, consignment_id: int, answer: Booked | NotTaken, now: datetime
    ) -> Consignment | None:
        """The carrier's answer to a booking, which is its first report."""
        found = await store.consignment(conn, consignment_id)
        assert found is not None, "it was claimed a moment ago"
        number = getattr(answer, "tracking_number", None)
        report = Report(
            carrier_id="answer",
            booking_id=found.booking_id,
            kind=EventKind.CONFIRMED if number else EventKind.REFUSED,
            at=now,
            tracking_number=number,
            note="" if number else getattr(answer, "reason", "")[:400],
        )
        return await self.receive(conn, found.carrier, report, now)

    async def receive(self, conn: Connection, carrier: str, report: Report, now: datetime) -> Consignment | None:
        """A carrier's report, once. None: it speaks of no booking of this house. Told again it changes nothing."""
        found = await store.lock_booking(conn, carrier, report.booking_id)
        if found is None:
            return None
        if not await store.insert_event(conn, found.id, report, now):
            return found
        if found.is_over:
            # Its end is told already; a parcel that was called off ships nothing, whatever somebody collected, but it is told.
            await self._announce(conn, found, now)
            if found.state is ConsignmentState.CANCELLED and report.kind in ON_ITS_WAY:
                told = await store.events_of(conn, [found.id])
                if sum(event.kind in ON_ITS_WAY for event in told[found.id]) == 1:
                    await self._tell_unshipped(conn, found, now)
            return found
        number = found.tracking_number or report.tracking_number
        state = state_after(found.state, report.kind)
        if state is ConsignmentState.DELIVERED and not report.received_by:
            state = ConsignmentState.COLLECTED if found.state in NOT_COLLECTED else found.state
        arrives = state is ConsignmentState.DELIVERED and found.state is not state
        moved = structs.replace(
            found,
            state=state,
            tracking_number=number,
            reason=(report.note or None) if state is not found.state else found.reason,
            received_by=report.received_by if arrives else found.received_by,
            moved_at=now,
        )
        if report.kind in ON_ITS_WAY and number is not None:
            moved = await self._shipped(conn, moved, number, now)
        if arrives:
            await self._delivered(conn, moved, now)
        saved = await store.move_consignment(conn, moved, report.proof if arrives else None)
        await self._tell(conn, saved, report.kind, now)
        is_new = report.kind in ON_ITS_WAY and saved.shipped_case_id is None and found.state in NOT_COLLECTED
        if is_new and not (found.call_off_refused_at and found.call_off_for == "deal"):
            await self._tell_unshipped(conn, saved, now)
        return saved

    async def _shipped(self, conn: Connection, moved: Consignment, number: str, now: datetime) -> Consignment:
        """With the carrier's first sight of the goods the deal is shipped, unless its seller has typed this number himself.
        What the escrow refuses stands as the reason.
        """
        if moved.shipped_case_id is not None:
            return moved
        if (by_hand := await store.case_that_goes_by(conn, moved.case_id, number)) is not None:
            return structs.replace(moved, shipped_case_id=by_hand)
        await store.number_consignment(conn, moved.id, number)
        settlement, name = self._escrow.settlement, self.carriers.name_of(moved.carrier)
        case_id, seller_id = moved.case_id, moved.booked_by
        async with conn.transaction():
            if moved.lines:
                done = await settlement.ship_lines(conn, case_id, seller_id, moved.lines, name, number, now)
            else:
                done = await settlement.ship(conn, case_id, seller_id, name, number, now)
        if isinstance(done, Case):
            return structs.replace(moved, shipped_case_id=done.id)
        return structs.replace(moved, reason=done.value)

    async def _delivered(self, conn: Connection, moved: Consignment, now: datetime) -> None:
        if moved.shipped_case_id is None:
            return
        proof = f"{self.carriers.name_of(moved.carrier)} {moved.tracking_number}: {moved.received_by}"
        await self._escrow.settlement.delivered(conn, moved.shipped_case_id, proof, now)

    async def _tell(self, conn: Connection, moved: Consignment, kind: EventKind, now: datetime) -> None:
        await self._announce(conn, moved, now)
        deal, params = await self._params(conn, moved)
        parties = {"buyer": deal.buyer_id, "seller": deal.seller_id}
        ended = kind is EventKind.CANCELLED and moved.call_off_for == "deal"
        told = list(parties.values()) if ended else [parties[role] for role in _TOLD.get(kind, ())]
        link = f"/deals/{moved.shipped_case_id or moved.case_id}/delivery"
        await notices.notify(conn, told, f"delivery_{'ended' if ended else kind.value}", params, link, now)

    async def _params(self, conn: Connection, moved: Consignment) -> tuple[Deal, dict[str, str | int]]:
        deal = await deals_store.deal_of_case(conn, moved.case_id)
        assert deal is not None, "what is consigned was sold under a contract"
        return deal, {
            "deal": moved.case_id,
            "title_en": deal.title("en"),
            "title_zh": deal.title("zh"),
            "carrier": self.carriers.name_of(moved.carrier),
            "number": moved.tracking_number or "–",
        }

    async def _tell_unshipped(self, conn: Connection, moved: Consignment, now: datetime) -> None:
        """The carrier has goods that the deal does not let go: it waits for papers, or no longer for the goods."""
        case = await escrow_store.case_by_id(conn, moved.case_id)
        if case is not None and case.state is State.FUNDED:
            _, params = await self._params(conn, moved)
            link = f"/deals/{moved.case_id}/delivery"
            await notices.notify(conn, [moved.booked_by], "delivery_not_shipped", params, link, now)
        else:
            await self._tell_astray(conn, moved, now)

    async def _tell_astray(self, conn: Connection, moved: Consignment, now: datetime) -> None:
        """The carrier has goods of a deal that no longer waits for them: both parties and the operators are told."""
        deal, params = await self._params(conn, moved)
        parties = (deal.buyer_id, deal.seller_id)
        await notices.notify(conn, parties, "delivery_astray", params, f"/deals/{moved.case_id}/delivery", now)
        desk = "/operator/consignments?state=astray"
        await desk_notices.tell_operators(conn, parties, "desk_delivery_astray", params, desk, now)

    def _nudge(self) -> None:
        """A little later: the caller's transaction is to be over by then."""
        asyncio.get_running_loop().call_later(NUDGE_SECONDS, self.nudged.set)

    async def _announce(self, conn: Connection, moved: Consignment, now: datetime) -> None:
        for case_id in {moved.case_id, moved.shipped_case_id or moved.case_id}:
            await live_topics.announce(conn, f"deal:{case_id}", live_topics.instant_version(now))


def is_bound(booked: Sequence[Consignment]) -> bool:
    """Whether something goes, or went, to where the buyer has said."""
    return any(not each.is_over or each.state is ConsignmentState.DELIVERED for each in booked)


def free_lines(case: Case, booked: Sequence[Consignment]) -> frozenset[int] | None:
    """Which lines of the sale no carrier is booked for; None when nothing is left to book, empty for a sale without lines."""
    here = _open_lines(case)
    waits = [one for one in booked if not one.is_over and one.shipped_case_id is None and one.case_id == case.id]
    free = here - {n for one in waits for n in one.lines}
    return None if any(not one.lines for one in waits) or (here and not free) else free


def _open_lines(case: Case) -> frozenset[int]:
    return frozenset(line.n for line in case.lines if line.part_id is None)


def _lines_refusal(case: Case, lines: Sequence[int], free: frozenset[int] | None) -> DeliveryRefusal | None:
    if not set(lines) <= _open_lines(case):
        return DeliveryRefusal.NO_SUCH_LINE
    return DeliveryRefusal.LINES_BOOKED if free is None or not set(lines) <= free else None


def _size_refusal(booking: Booking) -> DeliveryRefusal | None:
    if not 1 <= booking.packages <= MOST_PACKAGES:
        return DeliveryRefusal.PACKAGES_WRONG
    return None if 1 <= booking.weight_grams <= MOST_GRAMS else DeliveryRefusal.WEIGHT_WRONG
