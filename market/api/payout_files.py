"""The API's payout files: which there are, and each as the bank gets it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from starlette.responses import Response

from market import money_desk
from market.api.operations import Call, operation
from market.api.shapes import Currency, MinorOut
from market.problems import Problem, ProblemError

XML = "application/xml"


class PayoutFileShape(Struct, kw_only=True):
    """A file of payouts (pain.001.001.03). Without `sent_at` the bank does not have it yet."""

    id: int
    message_id: str
    currency: Currency
    built_at: datetime
    sent_at: datetime | None
    attempts: int
    last_error: str | None
    payouts: int
    amount_minor: MinorOut


class PayoutFiles(Struct, kw_only=True):
    items: list[PayoutFileShape]


@operation("GET", "/money/payout-files", tag="operator")
async def payout_files(call: Call) -> PayoutFiles:
    """The latest payout files, latest first."""
    return PayoutFiles(
        items=[
            PayoutFileShape(
                id=one.id,
                message_id=one.message_id,
                currency=one.currency,
                built_at=one.built_at,
                sent_at=one.sent_at,
                attempts=one.attempts,
                last_error=one.last_error,
                payouts=one.payouts,
                amount_minor=str(one.amount_minor),
            )
            for one in await money_desk.batches(call.conn)
        ]
    )


@operation("GET", "/money/payout-files/{file_id:int}", tag="operator", returns_media=XML)
async def fetch_payout_file(call: Call, file_id: int) -> Response:
    """A payout file as the bank gets it."""
    found = await money_desk.batch_file(call.conn, file_id)
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    headers = {"Content-Disposition": f'attachment; filename="{found[0]}.xml"', "Cache-Control": "private, no-store"}
    return Response(found[1].encode(), media_type=XML, headers=headers)
