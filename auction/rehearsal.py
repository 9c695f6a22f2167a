"""Rehearsing a lot: imagined bids at chosen instants against its real rule, by the same functions that judge real ones.

Pure: no database, no clock; a rehearsal takes no time however many days the lot would run. An instant is named by what it
stands beside (the start, the end of the timed phase, the end as it then stands), so `T - 1 ms`, `T` and `T + W` can be
asked for without reckoning.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from auction import sealing
from auction.batch import Room, judge_batch
from auction.chain import EventBody, decode_body
from auction.facts import Bid, DeskRefusal, Lot, Phase, Refusal, Standing
from auction.formats import format_name, format_of
from auction.formats.sealed import unseal

MOST_PLAYS = 40
SELLER = 0
"""The party number of the lot's own seller in a rehearsal; imagined bidders count from 1, and so do their paddles."""


class Anchor(StrEnum):
    """What an instant is named by: the start, the end of the first phase as set up, the end as it stands by then, or the
    instant of the play before.
    """

    START = "start"
    FIRST_END = "first_end"
    END = "end"
    BEFORE = "before"


class Play(Struct, frozen=True, kw_only=True):
    """One imagined bid: whose, when, and what. `details` is what the format asks beside the amount."""

    bidder: int
    anchor: Anchor
    offset_ms: int = 0
    amount_minor: int = 0
    is_maximum: bool = False
    details: bytes | None = None


class Played(Struct, frozen=True, kw_only=True):
    """What came of it: the refusal with the lowest amount that would have been legal, or the events; where the lot then
    stands. `play` None: no bid, but what the clock did by itself.
    """

    play: Play | None
    at: datetime
    refusal: Refusal | None
    lowest_minor: int | None
    events: tuple[EventBody, ...]
    standing: Standing


class Rehearsed(Struct, frozen=True, kw_only=True):
    """Every play in the order of its instant, and the lot once it is over. `awards` as (paddle, quantity, total)."""

    steps: tuple[Played, ...]
    standing: Standing
    awards: tuple[tuple[int, int, int], ...]


def rehearse(lot: Lot, plays: Sequence[Play], bidders: int) -> Rehearsed:
    """Play the bids, each at its instant, and let the lot end. Instants never go back: one that would comes at once."""
    key = sealing.new_key() if format_name(lot) == "sealed" else None
    if key is not None:
        # A rehearsal has no officers; its sealed bids are sealed to a key that lives as long as it.
        lot = replace(lot, rule=replace(lot.rule, public_key=sealing.encoded(key.public)))
    rules, parties = format_of(lot), range(1, bidders + 1)
    first = replace(rules.opening(lot), seq=1, head=bytes(32))
    room = Room(
        lot=replace(lot, seller_id=SELLER), standing=first, paddles={p: p for p in parties}, admitted=set(parties)
    )
    steps: list[Played] = []
    at = lot.starts_at
    for number, play in enumerate(plays[:MOST_PLAYS], 1):
        at = max(at, _instant(room, play, first.ends_at, at))
        _let_pass(room, at, steps)
        steps.append(_play(room, play, at, number))
    return _over(room, key, steps)


def _instant(room: Room, play: Play, first_end: datetime, before: datetime) -> datetime:
    anchors = {
        Anchor.START: room.lot.starts_at,
        Anchor.FIRST_END: first_end,
        Anchor.END: room.standing.ends_at,
        Anchor.BEFORE: before,
    }
    return anchors[play.anchor] + timedelta(milliseconds=play.offset_ms)


def _play(room: Room, play: Play, at: datetime, number: int) -> Played:
    details = play.details
    if format_name(room.lot) == "sealed" and details is None and play.amount_minor > 0 and play.bidder in room.paddles:
        sealed = sealing.seal_bid(
            room.lot.rule.public_key, lot=room.lot.id, paddle=play.bidder, amount_minor=play.amount_minor
        )
        details = msgspec.json.encode({"ciphertext": sealed.ciphertext, "commitment": sealed.commitment})
    bid = Bid(
        lot_id=room.lot.id,
        party_id=play.bidder,
        client_bid_id=UUID(int=number),
        amount_minor=play.amount_minor if details is play.details else 0,
        is_maximum=play.is_maximum,
        stamped_at=at,
        details=details,
    )
    judged = judge_batch(room, [bid])
    room.standing = judged.standing
    answer = judged.answers[0]
    return Played(
        play=play,
        at=at,
        refusal=answer.refusal,
        lowest_minor=answer.lowest_minor,
        events=tuple(decode_body(event.body) for event in judged.events),
        standing=room.standing,
    )


def _let_pass(room: Room, at: datetime, steps: list[Played]) -> None:
    """What the clock does by itself before `at`: a phase that ends, a lot that is over."""
    before = room.standing
    judged = judge_batch(room, [], tick_at=at)
    room.standing = judged.standing
    for event in judged.events:
        body = decode_body(event.body)
        steps.append(
            Played(play=None, at=body.at, refusal=None, lowest_minor=None, events=(body,), standing=room.standing)
        )
    rules = format_of(room.lot)
    if before.phase is not Phase.CLOSED and rules.is_due(room.lot, room.standing, at):
        room.standing = rules.close(room.lot, room.standing, at)
        ended_at = room.standing.closed_at or at
        steps.append(Played(play=None, at=ended_at, refusal=None, lowest_minor=None, events=(), standing=room.standing))


def _over(room: Room, key: sealing.KeyPair | None, steps: list[Played]) -> Rehearsed:
    """Nobody bids any more: the phases end one after the other, sealed bids are opened, and the lot is closed."""
    while room.standing.phase is not Phase.CLOSED:
        before = room.standing
        _let_pass(room, before.ends_at, steps)
        if room.standing.phase is Phase.OPENING and key is not None:
            opened = unseal(room.lot, room.standing, key, None, room.paddles)
            assert not isinstance(opened, DeskRefusal), "its time is up and nobody has opened it"
            room.standing = opened[0]
        elif room.standing is before:
            break
    result = format_of(room.lot).result(room.lot, room.standing, room.paddles)
    return Rehearsed(steps=tuple(steps), standing=room.standing, awards=result.awards)
