"""The public log of a lot in bytes: canonical terms and events, and the hash chain that holds them together.

Canonical means: compact JSON in the order of the fields below (keys of a detail sorted), amounts of events as strings of
minor units, times in RFC 3339 UTC.
genesis = sha256(terms); hash(n) = sha256(hash(n - 1) ‖ body(n)). Nothing secret goes in: no maximum, no reserve, no party.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from auction.facts import EnglishRule, Line, Lot, Outcome, Phase, Standing
from auction.formats import AnyRule


class EventKind(StrEnum):
    """What happened to a lot. Only a bid moves the price by somebody's will; the rest is the clock's or the desk's."""

    OPENED = "opened"
    BID = "bid"
    PHASE = "phase"
    PAUSED = "paused"
    RESUMED = "resumed"
    EXTENDED = "extended"
    RESERVE = "reserve"
    CREDITED = "credited"
    RETRACTED = "retracted"
    UNSEALED = "unsealed"
    VOIDED = "voided"
    CLOSED = "closed"


class ReserveState(StrEnum):
    """All that anybody may know of the hidden reserve."""

    NONE = "none"
    NOT_MET = "not_met"
    MET = "met"


# The order of definition is the order of the canonical bytes.


class Terms(Struct, frozen=True, kw_only=True):
    """Everything public that bidding on a lot goes by."""

    currency: str
    currency_exponent: int
    deposit_minor: str
    lot: int
    rule: AnyRule
    starts_at: datetime


class PublicLine(Struct, frozen=True):
    """One line of a bid: this paddle now stands at this amount; `automatic` if an earlier maximum bid for it."""

    amount_minor: str
    automatic: bool
    paddle: int


class EventBody(Struct, frozen=True, omit_defaults=True):
    """One event: what happened, and the whole public standing after it; `detail` is what the lot's format adds."""

    at: datetime
    bids: int
    ends_at: datetime
    extensions: int
    kind: EventKind
    leader: int | None
    lines: tuple[PublicLine, ...]
    lot: int
    outcome: Outcome | None
    paused_at: datetime | None
    phase: Phase
    price_minor: str | None
    reserve: ReserveState
    seq: int
    detail: dict[str, Any] | None = None
    salt: str | None = None
    """Where bids are hidden until the close: what nobody can guess, so that a hash tells nothing of what it covers."""


class Event(Struct, frozen=True):
    """One row of the log, ready to be stored. `party_id` is who acted, for the audit; it is in no public bytes."""

    lot_id: int
    seq: int
    kind: EventKind
    at: datetime
    party_id: int | None
    body: bytes
    hash: bytes


class _UntaggedTerms(Struct, frozen=True, kw_only=True):
    """Terms from before there were several formats: an English rule that does not name its format."""

    currency: str
    currency_exponent: int
    deposit_minor: str
    lot: int
    rule: EnglishRule
    starts_at: datetime


_encoder = msgspec.json.Encoder(order="deterministic")
_terms_decoder = msgspec.json.Decoder(Terms)
_untagged_decoder = msgspec.json.Decoder(_UntaggedTerms)
_body_decoder = msgspec.json.Decoder(EventBody)
encode_canonical = _encoder.encode
decode_body = _body_decoder.decode

_NO_RESERVE, _NOT_MET, _MET = ReserveState.NONE, ReserveState.NOT_MET, ReserveState.MET
_PHASE = EventKind.PHASE


def terms_of(lot: Lot) -> bytes:
    """The canonical bytes of what the lot was opened with; their sha256 is the genesis of its chain."""
    return _encoder.encode(
        Terms(
            currency=lot.currency,
            currency_exponent=lot.currency_exponent,
            deposit_minor=str(lot.deposit_minor),
            lot=lot.id,
            rule=lot.rule,
            starts_at=lot.starts_at,
        )
    )


def lot_of(terms: bytes, seller_id: int, reserve_minor: int | None) -> Lot:
    """The lot whose terms these are, with what its terms keep to themselves."""
    known: Terms | _UntaggedTerms
    try:
        known = _terms_decoder.decode(terms)
    except msgspec.ValidationError:
        known = _untagged_decoder.decode(terms)
    return Lot(
        id=known.lot,
        seller_id=seller_id,
        currency=known.currency,
        currency_exponent=known.currency_exponent,
        rule=known.rule,
        starts_at=known.starts_at,
        reserve_minor=reserve_minor,
        deposit_minor=int(known.deposit_minor),
    )


def reserve_state(lot: Lot, standing: Standing) -> ReserveState:
    """Whether there is a reserve and whether the price has reached it."""
    if lot.reserve_minor is None:
        return _NO_RESERVE
    return _MET if standing.reserve_met else _NOT_MET


def chain_event(
    lot: Lot,
    standing: Standing,
    kind: EventKind,
    at: datetime,
    paddles: Mapping[int, int],
    *,
    lines: tuple[Line, ...] = (),
    party_id: int | None = None,
    detail: dict[str, Any] | None = None,
    salt: str | None = None,
) -> tuple[Event, Standing]:
    """The event that brings the lot to `standing`, and that standing with its seq and head moved on to the event."""
    seq, price, leader_id = standing.seq + 1, standing.price_minor, standing.leader_id
    body = _encoder.encode(
        EventBody(
            at,
            standing.bid_count,
            standing.ends_at,
            standing.extension_count,
            kind,
            None if leader_id is None else paddles[leader_id],
            tuple([PublicLine(str(line.amount_minor), line.automatic, paddles[line.party_id]) for line in lines]),
            lot.id,
            standing.outcome,
            standing.paused_at,
            standing.phase,
            None if price is None else str(price),
            reserve_state(lot, standing),
            seq,
            detail,
            salt,
        )
    )
    head = sha256(standing.head + body).digest()
    moved = Standing(
        version=standing.version,
        seq=seq,
        head=head,
        phase=standing.phase,
        ends_at=standing.ends_at,
        price_minor=price,
        leader_id=leader_id,
        leader_maximum_minor=standing.leader_maximum_minor,
        reserve_met=standing.reserve_met,
        bid_count=standing.bid_count,
        extension_count=standing.extension_count,
        paused_at=standing.paused_at,
        outcome=standing.outcome,
        closed_at=standing.closed_at,
        retraction_count=standing.retraction_count,
        book=standing.book,
    )
    return Event(lot.id, seq, kind, at, party_id, body, head), moved


def chain_phase(lot: Lot, before: Standing, after: Standing, paddles: Mapping[int, int]) -> tuple[Event, Standing]:
    """The event of the timed phase having passed into the delayed one, at the instant at which the timed one ended."""
    return chain_event(lot, after, _PHASE, before.ends_at, paddles)


def log_row(body: bytes, head: bytes) -> bytes:
    """A row of the log for the wire: the body's own fields with its hash beside them, byte for byte as they were hashed."""
    return b'{"hash":"' + head.hex().encode() + b'",' + body[1:]
