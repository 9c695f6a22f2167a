"""The schedule of fees by program: what is in force for everybody to read; changes need two operators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from market import fees
from market.api.operations import Call, granted, operation
from market.api.shapes import Currency, MinorOrZeroIn, MinorOut, Reason, Reasoned, said
from market.currencies import EXPONENTS
from market.fees import Market, Proposal, Version
from market.problems import Problem, ProblemError

BasisPoints = Annotated[int, Meta(ge=0, le=4999, description="hundredths of a percent of the price")]


class FeeQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    currency: Currency = "CNY"


class FeesInForce(Struct, kw_only=True):
    """What a seller pays of a deal in this market; a buyer pays nothing."""

    market: Market
    currency: Currency
    commission_bp: int
    transaction_bp: int
    service_minor: MinorOut


class FeesList(Struct, kw_only=True):
    items: list[FeesInForce]


class FeeWish(Struct, kw_only=True, forbid_unknown_fields=True):
    """Without a currency the version is for all, and then has no service fee."""

    market: Market
    commission_bp: BasisPoints
    valid_from: datetime
    reason: Reason
    transaction_bp: BasisPoints = 0
    service_minor: MinorOrZeroIn = 0
    currency: Currency | None = None


class FeeVersion(Struct, kw_only=True):
    """`in_force_from` is null until another operator has confirmed it."""

    id: int
    market: Market
    currency: str | None
    commission_bp: int
    transaction_bp: int
    service_minor: MinorOut
    valid_from: datetime
    reason: str
    proposed_by: int
    confirmed_by: int | None
    withdrawn_at: datetime | None
    in_force_from: datetime | None


class FeeVersions(Struct, kw_only=True):
    items: list[FeeVersion]


@operation("GET", "/fees", tag="lots")
async def fees_in_force(call: Call, query: FeeQuery) -> FeesList:
    """What sellers pay now, by market. Buyers pay no fee."""
    if query.currency not in EXPONENTS:
        raise ProblemError(Problem.NOT_FOUND)
    default_bp = call.house.config.commission_bp
    items = []
    for market in Market:
        found = await fees.in_force(call.conn, market, query.currency, call.now, default_bp)
        items.append(
            FeesInForce(
                market=market,
                currency=query.currency,
                commission_bp=found.commission_bp,
                transaction_bp=found.transaction_bp,
                service_minor=str(found.service_minor),
            )
        )
    return FeesList(items=items)


@operation("GET", "/money/fees", tag="operator")
async def fee_versions(call: Call) -> FeeVersions:
    """Every version of the schedule, those that wait first."""
    return FeeVersions(items=[_version(one) for one in await fees.versions(call.conn)])


@operation("POST", "/money/fees", tag="operator", status=201)
async def propose_fees(call: Call, body: FeeWish) -> FeeVersion:
    """A new version, for another operator to confirm."""
    if body.valid_from.tzinfo is None or not 2000 <= body.valid_from.year <= 9000:
        raise ProblemError(Problem.MALFORMED, fault="valid_from: a time of RFC 3339, with its zone")
    if body.currency is not None and body.currency not in EXPONENTS:
        raise ProblemError(Problem.MALFORMED, fault="currency: none that the house keeps")
    wanted = Proposal(
        market=body.market,
        currency=body.currency,
        commission_bp=body.commission_bp,
        transaction_bp=body.transaction_bp,
        service_minor=int(body.service_minor),
        valid_from=body.valid_from,
        reason=said(body.reason),
    )
    return _version(granted(await fees.propose(call.conn, wanted, call.viewer.id, call.now)))


@operation("POST", "/money/fees/{version_id:int}/confirm", tag="operator")
async def confirm_fees(call: Call, version_id: int) -> FeeVersion:
    """Another operator than who proposed it agrees."""
    return _version(granted(await fees.confirm(call.conn, version_id, call.viewer.id, call.now)))


@operation("POST", "/money/fees/{version_id:int}/withdraw", tag="operator")
async def withdraw_fees(call: Call, version_id: int, body: Reasoned) -> FeeVersion:
    """A version that waits is given up."""
    return _version(granted(await fees.withdraw(call.conn, version_id, call.viewer.id, said(body.reason), call.now)))


def _version(one: Version) -> FeeVersion:
    return FeeVersion(
        id=one.id,
        market=one.market,
        currency=one.currency,
        commission_bp=one.commission_bp,
        transaction_bp=one.transaction_bp,
        service_minor=str(one.service_minor),
        valid_from=one.valid_from,
        reason=one.reason,
        proposed_by=one.proposed_by,
        confirmed_by=one.confirmed_by,
        withdrawn_at=one.withdrawn_at,
        in_force_from=one.in_force_from,
    )
