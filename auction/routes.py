"""The auction over plain HTTP: placing a bid when no socket is open, asking what came of one, and the public log.

The bid's stamp is taken when the last byte of the request has entered, as on the socket: whoever could write the amount
after the stamp would have a last look. The door of the
trading centre has decided already who is there (`request.user`); a refusal is a value in a 422, as on the socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auction import store
from auction.batch import Answer, turned_away
from auction.facts import Bid, Refusal
from auction.messages import encode_message, offer_of, told

if TYPE_CHECKING:
    from auction.bidding import Bidding
    from auction.node_time import NodeTime

LARGEST_ID = 2**63 - 1
LOG_PAGE = 500
MOST_LOG_ROWS = 1000


class BidRequest(Struct, frozen=True):
    """The body of a POSTed bid: exactly one of `amount` and `maximum`, or `details` alone. Its id is the Idempotency-Key. With
    `expected_seq` it stands only if nothing public has happened on the lot since the state of that seq.
    """

    amount: str | int | UnsetType = UNSET
    maximum: str | int | UnsetType = UNSET
    expected_seq: int | None = None
    details: dict[str, Any] | UnsetType = UNSET


class LogEntry(Struct, frozen=True):
    """One event: its exact canonical bytes as text, and its hash in hex."""

    body: str
    hash: str


class PublicLog(Struct, frozen=True, kw_only=True):
    """A page of a lot's log with what its chain begins from: genesis = sha256(terms), hash = sha256(former ‖ body)."""

    lot: int
    terms: str
    events: list[LogEntry]
    next_after: int | None


class Malformed(Struct, frozen=True):
    """Why a request could not be followed."""

    code: str


_decode_request = msgspec.json.Decoder(BidRequest).decode


def bid_routes(bidding: Bidding, node_time: NodeTime) -> list[Route]:
    """The routes, for an application that has signed the viewer in."""

    async def post_bid(request: Request) -> Response:
        return await place_bid(request, bidding, node_time)

    async def get_bid(request: Request) -> Response:
        return await bid_answer(request, bidding)

    async def get_log(request: Request) -> Response:
        return await public_log(request, bidding)

    return [
        Route("/api/v1/lots/{lot_id:int}/bids", post_bid, methods=["POST"], name="auction.place_bid"),
        Route("/api/v1/lots/{lot_id:int}/bids/{client_bid_id:uuid}", get_bid, name="auction.bid"),
        Route("/lots/{lot_id:int}/log", get_log, name="auction.log"),
    ]


async def place_bid(request: Request, bidding: Bidding, node_time: NodeTime) -> Response:
    """POST a bid: 200 with the accepted bid, 422 with the refused one (429 too fast, 503 busy). A repeat gets the same."""
    body = await request.body()
    bid = _bid(request, body, request.path_params["lot_id"], node_time.now())
    if isinstance(bid, Malformed):
        return _json(bid, 400)
    if bid.amount_minor <= 0 and bid.details is None:
        return _told(turned_away(bid, Refusal.MALFORMED_AMOUNT))
    return _told(await bidding.submit(bid))


def _bid(request: Request, body: bytes, lot_id: int, stamped_at: object) -> Bid | Malformed:
    try:
        client_bid_id = UUID(request.headers.get("idempotency-key", ""))
    except ValueError:
        return Malformed("idempotency_key_must_be_a_uuid")
    try:
        wanted = _decode_request(body)
    except msgspec.MsgspecError:
        return Malformed("not_understood")
    if (offer := offer_of(wanted.amount, wanted.maximum, wanted.details)) is None:
        return Malformed("amount_or_maximum")
    return msgspec.convert(
        {
            "lot_id": lot_id,
            "party_id": request.user.party_id,
            "client_bid_id": client_bid_id,
            "amount_minor": offer.amount_minor or 0,
            "is_maximum": offer.is_maximum,
            "details": offer.details,
            "stamped_at": stamped_at,
            "expected_seq": wanted.expected_seq,
        },
        Bid,
    )


async def bid_answer(request: Request, bidding: Bidding) -> Response:
    """What came of the viewer's bid with this id: as it was told the first time, or 404 if it never arrived."""
    async with bidding.pool.acquire() as conn:
        answer = await store.bid_by_client_id(conn, request.user.party_id, request.path_params["client_bid_id"])
    found = answer is not None and answer.lot_id == request.path_params["lot_id"]
    return _json(told(answer)) if answer is not None and found else _json(Malformed("unknown_bid"), 404)


async def public_log(request: Request, bidding: Bidding) -> Response:
    """A page of a lot's public log, for anybody, in the exact bytes that are hashed."""
    lot_id: int = request.path_params["lot_id"]
    after, limit = _whole(request, "after", 0, LARGEST_ID), _whole(request, "limit", LOG_PAGE, MOST_LOG_ROWS)
    if after is None or limit is None:
        return _json(Malformed("not_understood"), 400)
    async with bidding.pool.acquire() as conn:
        terms = await store.terms(conn, lot_id) if lot_id <= LARGEST_ID else None
        rows = [] if terms is None else await store.events(conn, lot_id, after, limit)
    if terms is None:
        return _json(Malformed("unknown_lot"), 404)
    events = [LogEntry(row.body.decode(), row.hash.hex()) for row in rows]
    next_after = rows[-1].seq if len(rows) == limit else None
    return _json(PublicLog(lot=lot_id, terms=terms.decode(), events=events, next_after=next_after))


def _whole(request: Request, name: str, default: int, most: int) -> int | None:
    written = request.query_params.get(name)
    if written is None:
        return default
    if not (written.isascii() and written.isdigit()) or len(written) > 19:
        return None
    return min(int(written), most)


def _told(answer: Answer) -> Response:
    status = {None: 200, Refusal.TOO_FAST: 429, Refusal.BUSY: 503, Refusal.UNKNOWN_LOT: 404}.get(answer.refusal, 422)
    return _json(told(answer), status)


def _json(content: Struct, status: int = 200) -> Response:
    return Response(encode_message(content), status, media_type="application/json")
