"""The API's bidding area: place a bid, ask what came of one, apply for a lot, freeze the deposit, decide applications."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from auction import routes as auction_routes
from auction import store
from auction.messages import BidAccepted, BidRefused, told
from market import applications, debtors
from market.api.operations import Call, granted, operation
from market.api.shapes import Currency, Id, Listed, MinorIn, MinorOut, Paging, Reasoned
from market.application_facts import Application, ApplicationState, NextStep
from market.control_room import applications_page
from market.currencies import money_text
from market.house import house_of
from market.listings import listing_by_id
from market.problems import Problem, ProblemError, problem

if TYPE_CHECKING:
    from migrations.database import Connection


class BidWish(Struct, kw_only=True, omit_defaults=True):
    """Exactly one of `amount` and `maximum`, in minor units, or `details` alone (a sealed bid); `details` is an object that
    the lot's format defines. The Idempotency-Key, a UUID, is the bid's id for ever. With `expected_seq`, the seq of the last
    state seen, the bid stands only if nothing public has happened on the lot since; else it is refused (`lot_moved`).
    """

    amount: MinorIn | None = None
    maximum: MinorIn | None = None
    expected_seq: Annotated[int, Meta(ge=0)] | None = None
    details: dict[str, Any] | None = None


class QualificationShape(Struct, kw_only=True):
    """Where the viewer stands before a lot, and so what to do next."""

    step: NextStep
    lot_id: int
    currency: Currency
    deposit_minor: MinorOut
    reference: str | None
    balance_minor: MinorOut
    paddle: int | None
    reason: str | None


class ApplicationShape(Struct, kw_only=True):
    id: int
    lot_id: int
    party_id: int
    state: ApplicationState
    applied_at: datetime
    decided_at: datetime | None
    admitted_at: datetime | None
    paddle: int | None
    reason: str | None


class ApplicationQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    state: ApplicationState | None = None
    lot_id: Id | None = None


@operation("POST", "/lots/{lot_id:int}/bids", tag="bidding", raw=(BidWish, BidAccepted))
async def place_bid(request: Request) -> Response:
    """Place a bid. The stamp that decides is taken when the last byte of the request has entered."""
    house = house_of(request)
    response = await auction_routes.place_bid(request, house.bidding, house.node_time)
    if response.status_code == 200:
        return response
    try:
        refused = msgspec.json.decode(response.body, type=BidRefused)
    except msgspec.DecodeError:
        return problem(
            request, Problem.MALFORMED, fault=msgspec.json.decode(response.body, type=auction_routes.Malformed).code
        )
    async with house.pool.acquire() as conn:
        figures = await _figures(conn, refused)
    return problem(request, refused.code, bid=str(refused.id), lot=refused.lot, seq=refused.seq, **figures)


async def _figures(conn: Connection, refused: BidRefused) -> dict[str, Any]:
    """The lowest legal amount for the program, and for the sentence as people write it."""
    listing = await listing_by_id(conn, refused.lot)
    if refused.lowest_minor is None or listing is None:
        return {"lowest_minor": refused.lowest_minor, "lowest": "–"}
    return {
        "lowest_minor": refused.lowest_minor,
        "lowest": money_text(int(refused.lowest_minor), listing.currency),
    }


@operation("GET", "/bids/{client_bid_id:uuid}", tag="bidding")
async def bid(call: Call, client_bid_id: UUID) -> BidAccepted:
    """What came of the viewer's own bid with this id, as it was told the first time; a refusal comes as its problem."""
    answer = await store.bid_by_client_id(call.conn, call.viewer.id, client_bid_id)
    if answer is None:
        raise ProblemError(Problem.NOT_FOUND)
    message = told(answer)
    if isinstance(message, BidRefused):
        figures = await _figures(call.conn, message)
        raise ProblemError(message.code, bid=str(message.id), lot=message.lot, seq=message.seq, **figures)
    return message


@operation("GET", "/lots/{lot_id:int}/application", tag="bidding")
async def my_application(call: Call, lot_id: int) -> QualificationShape:
    """Where the viewer stands before the lot."""
    return await _qualification(call, lot_id)


@operation("POST", "/lots/{lot_id:int}/application", tag="bidding")
async def apply(call: Call, lot_id: int) -> QualificationShape:
    """Ask to bid on the lot."""
    done = await applications.apply(call.conn, lot_id=lot_id, party_id=call.viewer.id, now=call.now)
    await _granted(call, done, call.viewer.id)
    return await _qualification(call, lot_id)


@operation("POST", "/lots/{lot_id:int}/deposit", tag="bidding")
async def freeze_deposit(call: Call, lot_id: int) -> QualificationShape:
    """Freeze the deposit out of the viewer's wallet, which admits him."""
    done = await applications.freeze_from_wallet(
        call.conn, call.house.escrow, lot_id=lot_id, party_id=call.viewer.id, now=call.now
    )
    await _granted(call, done, call.viewer.id)
    _refresh(call, lot_id)
    return await _qualification(call, lot_id)


@operation("GET", "/applications", tag="operator")
async def list_applications(call: Call, query: ApplicationQuery) -> Listed[ApplicationShape]:
    """Applications, the waiting first."""
    rows, total = await applications_page(
        call.conn,
        state=query.state,
        lot_id=query.lot_id,
        limit=query.page_size,
        offset=(query.page - 1) * query.page_size,
    )
    pages = max(1, -(-total // query.page_size))
    return Listed(items=[_application(row) for row in rows], page=query.page, pages=pages, total=total)


@operation("POST", "/applications/{application_id:int}/approve", tag="operator")
async def approve_application(call: Call, application_id: int) -> ApplicationShape:
    """Confirm the bidder's qualification: without a deposit it admits at once."""
    done = await _granted(
        call,
        await applications.confirm(
            call.conn,
            call.house.escrow,
            application_id=application_id,
            operator_id=call.viewer.id,
            now=call.now,
        ),
        await applications.party_of(call.conn, application_id),
    )
    _refresh(call, done.lot_id)
    return _application(done)


@operation("POST", "/applications/{application_id:int}/reject", tag="operator")
async def reject_application(call: Call, application_id: int, body: Reasoned) -> ApplicationShape:
    """Turn the application down with the reason that the applicant reads."""
    done: Application = granted(
        await applications.reject(
            call.conn, application_id=application_id, operator_id=call.viewer.id, reason=body.reason, now=call.now
        )
    )
    return _application(done)


async def _granted(call: Call, done: Application | StrEnum, party_id: int | None) -> Application:
    """The application, or the problem that the refusal means, with the sums if it is for debts."""
    if isinstance(done, StrEnum):
        raise ProblemError(done, **await debtors.refusal_figures(call.conn, done, party_id))
    return done


def _refresh(call: Call, lot_id: int) -> None:
    async def refresh() -> None:
        await call.house.bidding.refresh(lot_id)

    call.afterwards(refresh)


async def _qualification(call: Call, lot_id: int) -> QualificationShape:
    stands = await applications.application_state(call.conn, call.house.escrow, lot_id, call.viewer.id)
    if stands is None:
        raise ProblemError(Problem.NOT_FOUND)
    return QualificationShape(
        step=stands.step,
        lot_id=stands.lot_id,
        currency=stands.currency,
        deposit_minor=str(stands.deposit_minor),
        reference=stands.reference,
        balance_minor=str(stands.balance_minor),
        paddle=stands.paddle,
        reason=stands.reason,
    )


def _application(one: Application) -> ApplicationShape:
    return ApplicationShape(
        id=one.id,
        lot_id=one.lot_id,
        party_id=one.party_id,
        state=one.state,
        applied_at=one.applied_at,
        decided_at=one.decided_at,
        admitted_at=one.admitted_at,
        paddle=one.paddle,
        reason=one.reason,
    )
