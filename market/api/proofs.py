"""The API's proofs: the house's keys, signed heads, inclusion proofs and receipts."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from auction import proofs_store, store
from auction.formats import format_of
from auction.merkle import audit_path, leaf_hash
from market.api.operations import Call, operation
from market.pages.proofs import receipt_of
from market.problems import Problem, ProblemError


class SigningKey(Struct, kw_only=True):
    """An Ed25519 public key that the house signs or has signed with, in hexadecimal."""

    public_key: str
    first_used_at: datetime


class SigningKeys(Struct, kw_only=True):
    items: list[SigningKey]


class Head(Struct, kw_only=True, omit_defaults=True):
    """The head of a lot's log, signed over `gavelhouse head v1`, a newline, and this object without `signature` (compact,
    keys sorted). `root` is the Merkle root (RFC 6962) of all events, in the final head of a closed lot only.
    """

    at: str
    head: str
    key: str
    lot: int
    seq: int
    signature: str
    root: str | None = None


class Proof(Struct, kw_only=True):
    """That an event is in a closed lot's log: RFC 6962's audit path from its leaf, sha256(0x00 ‖ body), to the root."""

    seq: int
    tree_size: int
    leaf: str
    audit_path: list[str]
    head: Head


class ProofQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    seq: Annotated[int, Meta(ge=1, le=2**63 - 1)]


@operation("GET", "/keys", tag="lots")
async def signing_keys(call: Call) -> SigningKeys:
    """Every key the house has signed with, the newest first."""
    found = await proofs_store.signing_keys(call.conn)
    return SigningKeys(items=[SigningKey(public_key=key, first_used_at=at) for key, at in found])


@operation("GET", "/lots/{lot_id:int}/head", tag="lots")
async def lot_head(call: Call, lot_id: int) -> Head:
    """The signed head of a lot's log: of an open lot at most a second old, of a closed one the final."""
    room = (await store.rooms(call.conn, [lot_id])).get(lot_id)
    if room is None:
        raise ProblemError(Problem.NOT_FOUND)
    if room.standing.outcome is not None:
        return _head(await _final(call, lot_id))
    if format_of(room.lot).price_moves(room.lot) == "hidden":
        raise ProblemError(Problem.WITHHELD)
    return _head(call.house.heads.fresh(room))


@operation("GET", "/lots/{lot_id:int}/proof", tag="lots")
async def lot_proof(call: Call, lot_id: int, query: ProofQuery) -> Proof:
    """That one event is in the log of a closed lot."""
    final = await _final(call, lot_id)
    bodies = await proofs_store.log_bodies(call.conn, lot_id)
    if query.seq > len(bodies):
        raise ProblemError(Problem.NOT_FOUND)
    # A long log takes half a second to hash, and bids must not wait for that.
    leaf, path = await asyncio.to_thread(_inclusion, bodies, query.seq - 1)
    return Proof(seq=query.seq, tree_size=len(bodies), leaf=leaf, audit_path=path, head=_head(final))


@operation("GET", "/bids/{client_bid_id:uuid}/receipt", tag="bidding")
async def bid_receipt(call: Call, client_bid_id: UUID) -> dict[str, Any]:
    """The signed receipt for the viewer's own bid, accepted or refused; signed like a head, as `gavelhouse receipt v1`.

    While bids on the lot are hidden it has neither `seq` nor `hash`, which would tell of the others' bids.
    """
    found = await receipt_of(call.conn, call.house, call.viewer.id, client_bid_id)
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    return found


async def _final(call: Call, lot_id: int) -> dict[str, Any]:
    """The final head, which is signed within a second of the close."""
    statement = await proofs_store.final_head(call.conn, lot_id)
    if statement is None:
        raise ProblemError(Problem.NOT_FOUND if await store.terms(call.conn, lot_id) is None else Problem.WITHHELD)
    found: dict[str, Any] = json.loads(statement)
    return found


def _inclusion(bodies: list[bytes], index: int) -> tuple[str, list[str]]:
    leaves = [leaf_hash(body) for body in bodies]
    return leaves[index].hex(), [neighbour.hex() for neighbour in audit_path(leaves, index)]


def _head(statement: dict[str, Any]) -> Head:
    return Head(**statement)
