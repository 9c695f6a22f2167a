"""Where a bidder stands on each lot, what is next, and in which order to show it: the outbid first. Reads only."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from auction import store
from market.application_facts import Application, ApplicationState
from market.calendar import CalendarRow, calendar_rows
from market.second_chance import offers_of_party
from migrations.queries import load_queries

if TYPE_CHECKING:
    from datetime import datetime

    from auction.store import Position
    from migrations.database import Connection

MOST_SHOWN = 500

_applications = load_queries("market", "applications")
_queries = load_queries("market", "bidding")


class Place(StrEnum):
    """A bidder's place on a lot, the most pressing first. Texts: `bid_place.<value>`, next steps: `bid_step.<value>`."""

    OFFERED = "offered"
    OUTBID = "outbid"
    RESTS = "rests"
    PAY_DEPOSIT = "pay_deposit"
    CAN_BID = "can_bid"
    LEADING = "leading"
    PLACED = "placed"
    STARTS_SOON = "starts_soon"
    WON = "won"
    WAIT = "wait"
    REJECTED = "rejected"
    LOST = "lost"
    OVER = "over"


class MyBid(Struct, frozen=True, kw_only=True):
    """One lot of a bidder: where it stands, where he stands, and where the next step is."""

    row: CalendarRow
    place: Place
    paddle: int | None
    maximum_minor: int | None
    case_id: int | None
    offer_id: int | None = None
    """The offer of the closed lot that waits for his answer."""


async def my_bids(conn: Connection, party_id: int, now: datetime) -> list[MyBid]:
    """Every lot that the party applied for or bid on, the most pressing first and then the soonest end."""
    positions = {position.lot_id: position for position in await store.positions_of(conn, party_id)}
    found = await conn.fetch(_applications.applications_of_party, party_id, MOST_SHOWN)
    applied = {row["lot_id"]: msgspec.convert(dict(row), Application) for row in found}
    bid_on = await lots_bid_on(conn, party_id)
    deals = {row["lot_id"]: row["case_id"] for row in await conn.fetch(_queries.deals_won, party_id)}
    offers = {one.lot_id: one.id for one in await offers_of_party(conn, party_id) if one.is_open(now)}
    rows = await calendar_rows(conn, sorted({*positions, *applied}), now)
    mine = [
        _my_bid(
            row,
            positions.get(lot_id),
            applied.get(lot_id),
            hidden_bid=bid_on.get(lot_id),
            case_id=deals.get(lot_id),
            offer_id=offers.get(lot_id),
        )
        for lot_id, row in rows.items()
    ]
    order = list(Place)
    return sorted(mine, key=lambda one: (order.index(one.place), _soonest(one.row), one.row.lot_id))


async def lots_bid_on(conn: Connection, party_id: int) -> dict[int, bool]:
    """On which lots the party has a bid that stands, and whether the lot hides its bids until the close."""
    return {row["lot_id"]: row["is_hidden"] for row in await conn.fetch(_queries.lots_bid_on, party_id)}


def place_of(
    row: CalendarRow,
    position: Position | None,
    application: Application | None,
    *,
    hidden_bid: bool | None,
    has_deal: bool = False,
) -> Place:
    """The bidder's place, from what everyone sees of the lot and what only he knows of himself. `hidden_bid`: whether his
    bid is on a lot that hides bids until its close, so that nobody is outbid; None if he has none.
    """
    if row.state == "closed":
        return Place.WON if has_deal else _after_the_close(row, position, has_bid=hidden_bid is not None)
    if position is None or not position.admitted:
        return _before_admission(application)
    if row.state == "upcoming":
        return Place.STARTS_SOON
    if position.leading:
        return Place.LEADING
    if hidden_bid is None:
        return Place.CAN_BID
    return Place.PLACED if hidden_bid else Place.OUTBID


def _after_the_close(row: CalendarRow, position: Position | None, *, has_bid: bool) -> Place:
    if row.outcome == "sold" and position is not None and position.leading:
        return Place.WON
    return Place.LOST if has_bid and row.outcome in ("sold", "unsold") else Place.OVER


def _before_admission(application: Application | None) -> Place:
    if application is None or application.state is ApplicationState.REJECTED:
        return Place.REJECTED
    if application.rests_since is not None:
        return Place.RESTS
    return Place.WAIT if application.state is ApplicationState.APPLIED else Place.PAY_DEPOSIT


def _my_bid(
    row: CalendarRow,
    position: Position | None,
    application: Application | None,
    *,
    hidden_bid: bool | None,
    case_id: int | None,
    offer_id: int | None,
) -> MyBid:
    place = place_of(row, position, application, hidden_bid=hidden_bid, has_deal=case_id is not None)
    return MyBid(
        row=row,
        place=place if offer_id is None else Place.OFFERED,
        paddle=position.paddle if position else None,
        maximum_minor=position.maximum_minor if position else None,
        case_id=case_id,
        offer_id=offer_id,
    )


def _soonest(row: CalendarRow) -> float:
    """Open lots by the next thing that happens to them; of closed ones the latest first."""
    at = row.starts_at if row.state == "upcoming" else row.ends_at
    return -at.timestamp() if row.state == "closed" else at.timestamp()
