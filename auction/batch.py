"""Judging a batch: what a node knows of a lot, a row of bids in order, and what comes of them. Pure.

What is judged here is a guess until the database confirms that the lot was still at the version judged from.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import replace

from auction.budgets import Purses, keep_to_budget
from auction.chain import Event, EventKind, chain_event, chain_phase
from auction.facts import Accepted, Bid, Lot, Phase, Refusal, Refused, Standing, Verdict
from auction.formats import format_of

RECENT_EVENTS = 256

BidKey = tuple[int, int]
"""(party, client's bid id as a number, which hashes ten times faster than a UUID): one request, for ever."""

_BID, _TIMED = EventKind.BID, Phase.TIMED


class Room(Struct, kw_only=True):
    """What a node knows of one lot: `paddles` of everybody ever admitted, `admitted` who may bid now, `ranks` of those with
    a confirmed priority right (1 is first), and the last events as (seq, body, hash), so that a watcher who missed a few need not ask the database.
    """

    lot: Lot
    standing: Standing
    paddles: dict[int, int]
    admitted: set[int]
    ranks: dict[int, int] = field(default_factory=dict)
    sale_of: dict[int, int] = field(default_factory=dict)
    """The sale of each party that has set itself a budget for this lot's sale."""
    recent: deque[tuple[int, bytes, bytes]] = field(default_factory=lambda: deque(maxlen=RECENT_EVENTS))


class Answer(Struct, frozen=True, kw_only=True):
    """What a request to bid was told, the first time and each time after. `refusal` None: it stands. `price_minor`,
    `ends_at` and `hash` are those of event `seq`; `at` is the bid's stamp. `shown_seq` is all that the bidder may know of
    the seq where the lot hides its bids: the number of the public events. Its hash, too, would then count the others'.
    """

    party_id: int
    client_bid_id: UUID
    lot_id: int
    amount_minor: int
    is_maximum: bool
    at: datetime
    seq: int
    refusal: Refusal | None = None
    lowest_minor: int | None = None
    leading: bool = False
    price_minor: int | None = None
    ends_at: datetime | None = None
    hash: bytes | None = None
    details: bytes | None = None
    shown_seq: int | None = None

    @property
    def told_seq(self) -> int:
        """The seq that the bidder is told."""
        return self.seq if self.shown_seq is None else self.shown_seq

    @property
    def maximum_minor(self) -> int | None:
        """The bidder's own maximum, if this was one and it stands."""
        return self.amount_minor if self.is_maximum and self.refusal is None else None


class Judged(Struct):
    """A lot after its bids: the standing (the same object if nothing changed), the events, an answer for each bid with
    the event that is its own (a refused bid and a silent raise have none), and the events that are nobody's.
    """

    room: Room
    standing: Standing
    events: list[Event]
    answers: list[Answer]
    own_events: list[Event | None]
    phases: list[Event]

    @property
    def is_changed(self) -> bool:
        return self.standing is not self.room.standing


def key_of(request: Bid | Answer) -> BidKey:
    """Which request this is, or answers."""
    return request.party_id, request.client_bid_id.int


def content_of(request: Bid | Answer) -> tuple[int, int, bool, bytes | None]:
    """What was asked for, whoever asked and whenever."""
    return request.lot_id, request.amount_minor, request.is_maximum, request.details


def same_request(bid: Bid, answer: Answer) -> bool:
    """Whether a repeated request id asks for what it asked the first time."""
    return content_of(bid) == content_of(answer)


def turned_away(bid: Bid, refusal: Refusal, seq: int = 0) -> Answer:
    """A refusal at the door: never judged, never recorded, so the same request may come again."""
    return Answer(
        party_id=bid.party_id,
        client_bid_id=bid.client_bid_id,
        lot_id=bid.lot_id,
        amount_minor=bid.amount_minor,
        is_maximum=bid.is_maximum,
        at=bid.stamped_at,
        seq=seq,
        refusal=refusal,
        details=bid.details,
    )


def judge_batch(
    room: Room, bids: Sequence[Bid], tick_at: datetime | None = None, purses: Purses | None = None
) -> Judged:
    """Judge bids in order, each on what the one before left; then, at `tick_at`, let the phase pass if it has ended.

    `purses` are those of the parties with a budget for the lot's sale.
    """
    lot, standing, paddles, admitted, ranks = room.lot, room.standing, room.paddles, room.admitted, room.ranks
    rules = format_of(lot)
    judge, hides = rules.judge, rules.price_moves(lot) == "hidden"
    events: list[Event] = []
    phases: list[Event] = []
    answers: list[Answer] = []
    own_events: list[Event | None] = []
    for bid in bids:
        if standing.phase is _TIMED and bid.stamped_at >= standing.ends_at:
            standing = _pass_phase(room, standing, bid.stamped_at, events, phases)
        party_id = bid.party_id
        verdict = judge(lot, standing, bid, admitted=party_id in admitted, ranks=ranks)
        if bid.expected_seq is not None and isinstance(verdict, Accepted):
            verdict = _if_unmoved(lot, standing, bid.expected_seq, verdict)
        if purses and isinstance(verdict, Accepted):
            past = keep_to_budget(purses, lot, party_id, verdict)
            verdict = verdict if past is None else Refused(refusal=past)
        if isinstance(verdict, Refused):
            shown_seq = rules.public_mark(lot, standing)[0] if hides else None
            answers.append(_refused(bid, verdict, standing.seq, shown_seq))
            own_events.append(None)
            continue
        standing, own = verdict.standing, None
        if verdict.lines or verdict.detail is not None:
            detail = verdict.detail
            if detail is not None and "paddle" in detail:  # Without a line, nothing else says who acted.
                detail = {**detail, "paddle": paddles[party_id]}
            own, standing = chain_event(
                lot,
                standing,
                _BID,
                bid.stamped_at,
                paddles,
                lines=verdict.lines,
                party_id=party_id,
                detail=detail,
                # Else a bidder could try whether his event's hash follows from his last one's: if so, nobody bid between.
                salt=secrets.token_hex(16) if hides else None,
            )
            events.append(own)
        own_events.append(own)
        answers.append(_accepted(bid, standing, rules.public_mark(lot, standing)[0] if hides else None))
    if tick_at is not None:
        standing = _pass_phase(room, standing, tick_at, events, phases)
    return Judged(room, standing, events, answers, own_events, phases)


def _if_unmoved(lot: Lot, standing: Standing, expected_seq: int, verdict: Accepted) -> Verdict:
    """The verdict, unless something public has happened since the seq that the bidder had seen."""
    rules = format_of(lot)
    if rules.public_mark(lot, standing)[0] <= expected_seq:
        return verdict
    return Refused(refusal=Refusal.LOT_MOVED, lowest_minor=rules.lowest_legal(lot, standing))


def settle(judged: Judged) -> None:
    """The database has confirmed it: the room now stands where the batch left it, one version on."""
    room, standing = judged.room, judged.standing
    if judged.is_changed:
        room.standing = replace(standing, version=room.standing.version + 1)
        room.recent.extend((event.seq, event.body, event.hash) for event in judged.events)


def _pass_phase(room: Room, standing: Standing, at: datetime, events: list[Event], phases: list[Event]) -> Standing:
    passed = format_of(room.lot).advance(room.lot, standing, at)
    if passed is standing:
        return standing
    event, passed = chain_phase(room.lot, standing, passed, room.paddles)
    events.append(event)
    phases.append(event)
    return passed


def _refused(bid: Bid, verdict: Refused, seq: int, shown_seq: int | None) -> Answer:
    return Answer(
        party_id=bid.party_id,
        client_bid_id=bid.client_bid_id,
        lot_id=bid.lot_id,
        amount_minor=bid.amount_minor,
        is_maximum=bid.is_maximum,
        at=bid.stamped_at,
        seq=seq,
        refusal=verdict.refusal,
        lowest_minor=verdict.lowest_minor,
        details=bid.details,
        shown_seq=shown_seq,
    )


def _accepted(bid: Bid, standing: Standing, shown_seq: int | None) -> Answer:
    return Answer(
        party_id=bid.party_id,
        client_bid_id=bid.client_bid_id,
        lot_id=bid.lot_id,
        amount_minor=bid.amount_minor,
        is_maximum=bid.is_maximum,
        at=bid.stamped_at,
        seq=standing.seq,
        leading=standing.leader_id == bid.party_id,
        price_minor=standing.price_minor,
        ends_at=standing.ends_at,
        hash=standing.head,
        details=bid.details,
        shown_seq=shown_seq,
    )
