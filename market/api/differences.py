"""The API's differences between the bank's card settlement and the house's book, each for a person to explain."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from escrow.card_facts import CardDifference, DifferenceKind
from escrow.statements import StatementRefusal
from market import audit
from market.api.operations import Call, operation
from market.api.shapes import Reasoned, SignedMinorOut, said
from market.problems import Problem, ProblemError


class DifferenceQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    all: bool = False
    """Those that were explained too."""


class DifferenceShape(Struct, kw_only=True):
    """`line` is the line's number in the bank's file and `said` its own words where it can't be read; a line of which the
    currency is unknown has its sum in whatever the bank's smallest unit is. Of neither anything was posted.
    """

    id: int
    kind: DifferenceKind
    payment_id: str
    currency: str
    ours_minor: SignedMinorOut
    bank_minor: SignedMinorOut
    found_at: datetime
    file_id: str | None
    line: int | None
    said: str | None
    explained_by: int | None
    explained_at: datetime | None
    note: str | None


class Differences(Struct, kw_only=True):
    items: list[DifferenceShape]


@operation("GET", "/money/differences", tag="operator")
async def card_differences(call: Call, query: DifferenceQuery) -> Differences:
    """Where the bank's card settlement and the book differ, the oldest first."""
    found = await call.house.card_payments.differences(call.conn, open_only=not query.all)
    return Differences(items=[_shape(one) for one in found])


@operation("POST", "/money/differences/{difference_id:int}", tag="operator", keyed=False)
async def explain_difference(call: Call, difference_id: int, body: Reasoned) -> Differences:
    """Say in words what it is; the ones that are still open."""
    note, cards = said(body.reason), call.house.card_payments
    if not await cards.explain(call.conn, difference_id, call.viewer.id, note, call.now):
        known = {one.id for one in await cards.differences(call.conn, open_only=False)}
        raise ProblemError(StatementRefusal.ENTRY_DECIDED if difference_id in known else Problem.NOT_FOUND)
    subject = f"difference:{difference_id}"
    await audit.record(call.conn, call.viewer.id, "difference.explained", subject, note, {}, call.now)
    return await card_differences(call, DifferenceQuery())


def _shape(one: CardDifference) -> DifferenceShape:
    return DifferenceShape(
        id=one.id,
        kind=one.kind,
        payment_id=one.payment_id,
        currency=one.currency,
        ours_minor=str(one.ours_minor),
        bank_minor=str(one.bank_minor),
        found_at=one.found_at,
        file_id=one.file_id,
        line=one.line,
        said=one.said,
        explained_by=one.explained_by,
        explained_at=one.explained_at,
        note=one.note,
    )
