"""Proofs for anyone: the public log of a lot as a file, the program that checks it, the house's keys, one's own receipts."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auction import proofs_store, store
from auction.formats import format_of
from auction.public_log import log_file, receipt
from market.house import House, house_of
from market.problems import Problem, ProblemError
from market.rendering import render

if TYPE_CHECKING:
    from migrations.database import Connection


async def log_of(conn: Connection, house: House, lot_id: int) -> bytes:
    """The whole public log of a lot as a file. A lot that hides its bids has none until the close."""
    room = (await store.rooms(conn, [lot_id])).get(lot_id)
    terms = await store.terms(conn, lot_id)
    if room is None or terms is None:
        raise ProblemError(Problem.NOT_FOUND)
    if room.standing.outcome is None and format_of(room.lot).price_moves(room.lot) == "hidden":
        raise ProblemError(Problem.WITHHELD)
    bodies, heads = await proofs_store.log_bodies(conn, lot_id), await proofs_store.signed_heads(conn, lot_id)
    return log_file(lot_id, terms, bodies, heads, house.heads.signer)


async def receipt_of(conn: Connection, house: House, party_id: int, client_bid_id: UUID) -> dict[str, Any] | None:
    """The signed receipt for the party's own bid; None if it never arrived."""
    own = await proofs_store.own_event(conn, party_id, client_bid_id)
    room = None if own is None else (await store.rooms(conn, [own.lot_id])).get(own.lot_id)
    if own is None or room is None:
        return None
    hides = room.standing.outcome is None and format_of(room.lot).price_moves(room.lot) == "hidden"
    return receipt(str(client_bid_id), own, house.heads.signer, hides_bids=hides)


async def lot_log(request: Request) -> Response:
    """The public log of a lot, to keep and to check: `gavelhouse verify FILE`, or the program beside it."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with house.pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        text = await log_of(conn, house, lot_id)
    return download(text, f"lot-{lot_id}.jsonl", "application/jsonl")


async def own_receipt(request: Request) -> Response:
    """The viewer's own receipt, signed by the house."""
    house, client_bid_id = house_of(request), request.path_params["client_bid_id"]
    async with house.pool.acquire() as conn:
        found = await receipt_of(conn, house, request.user.id, client_bid_id)
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    text = json.dumps(found, indent=2, sort_keys=True) + "\n"
    return download(text.encode(), f"receipt-{client_bid_id}.json", "application/json")


async def verifier(request: Request) -> Response:
    """The program that checks a log and a receipt: one file, to be read before it is run."""
    return download(verifier_source(), "verify.py", "text/x-python; charset=utf-8")


@cache
def verifier_source() -> bytes:
    """The verifier's own text."""
    return files("auction").joinpath("verifier.py").read_bytes()


async def verification(request: Request) -> Response:
    """What can be checked and how, and the keys that the house signs with."""
    async with house_of(request).pool.acquire() as conn:
        keys = await proofs_store.signing_keys(conn)
    key = house_of(request).heads.signer.public_hex
    commands = {
        "check": f"pip install cryptography\npython verify.py lot-12.jsonl --key {key}",
        "receipt": "python verify.py lot-12.jsonl --receipt receipt.json",
        "contract": f"python verify_contract.py contract-12.json --authority gavelhouse-ca.pem --key {key}",
    }
    return render(request, "lot/verification.html", {"keys": keys, "commands": commands})


def download(content: bytes, name: str, media_type: str) -> Response:
    """A file that the viewer keeps and nobody on the way."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


routes = [
    Route("/lots/{lot_id:int}/log.jsonl", lot_log, name="lot_log"),
    Route("/my/bids/{client_bid_id:uuid}/receipt.json", own_receipt, name="bid_receipt"),
    Route("/verify.py", verifier, name="verifier"),
    Route("/verification", verification, name="verification"),
]
