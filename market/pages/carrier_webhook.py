"""The door for carriers: POST /webhooks/carriers/CODE, proved by the carrier's own means, answered 2xx once it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from market.delivery.carriers import BadReportError, NotSignedError
from market.delivery.store import NumberTakenError
from market.house import house_of

if TYPE_CHECKING:
    from starlette.requests import Request

LARGEST_REPORT_BYTES = 768 * 1024


async def carrier_webhook(request: Request) -> Response:
    """One report of one carrier; told again it is answered alike and changes nothing."""
    house = house_of(request)
    desk = house.delivery
    carrier = desk.carriers.get(request.path_params["carrier"])
    if carrier is None:
        return _problem(404, "no_such_carrier")
    body = await request.body()
    try:
        report = carrier.read_report(request.headers, body)
    except NotSignedError:
        return _problem(401, "not_signed")
    except BadReportError as error:
        return _problem(422, "bad_report", str(error)[:300])
    try:
        async with house.pool.acquire() as conn, conn.transaction():
            taken = await desk.receive(conn, carrier.code, report, house.node_time.now())
    except NumberTakenError:
        return _problem(409, "number_taken")
    if taken is None:
        return _problem(422, "unknown_booking")
    return Response(msgspec.json.encode({"state": taken.state}), media_type="application/json")


def _problem(status: int, code: str, detail: str = "") -> Response:
    """RFC 9457, for a machine; the carrier's people read the code, and what is wrong with the report."""
    said = {"type": "about:blank", "status": status, "code": code}
    body = msgspec.json.encode({**said, "detail": detail} if detail else said)
    return Response(body, status_code=status, media_type="application/problem+json")


routes = [Route("/webhooks/carriers/{carrier}", carrier_webhook, name="carrier_webhook", methods=["POST"])]
