"""What everybody may see of a lot: its state in one small message, the same for the socket, the pages and the API.

Whole state, never a difference: any frame may be skipped. Nothing secret goes in: no maximum, no reserve, no party.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from auction.chain import ReserveState, reserve_state
from auction.facts import LARGEST_AMOUNT_MINOR, Lot, Outcome, Phase, Standing
from auction.formats import format_name, format_of


class PublicState(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="state"):
    """A lot as it stands. `epoch` is the database's timeline; `leader` a paddle; `next_minor` the lowest legal amount,
    None once the lot is over; `head` the hash of event `seq`; `server_at` when this was said. `format` is left out where it is English, `detail` is
    what the format has to say beside this. Where bids are hidden until the close, `seq` counts what is public and `head`
    is empty until then.
    """

    lot: int
    epoch: int
    seq: int
    phase: Phase
    starts_at: datetime
    ends_at: datetime
    price_minor: str | None
    leader: int | None
    bids: int
    extensions: int
    reserve: ReserveState
    paused_at: datetime | None
    outcome: Outcome | None
    next_minor: str | None
    increment_minor: str
    server_at: datetime
    head: str
    format: str = "english"
    detail: dict[str, Any] | None = None


def own_detail(
    lot: Lot,
    standing: Standing,
    paddles: Mapping[int, int],
    admitted: Collection[int],
    party_id: int,
    now: datetime,
) -> dict[str, Any] | None:
    """What the format has to say to this party alone: the lot's owner, who may bid, and after the close who ever might."""
    rules = format_of(lot)
    if party_id == lot.seller_id:
        return rules.owner_view(lot, standing, paddles, now)
    if party_id in admitted or (standing.outcome is not None and party_id in paddles):
        return rules.own_view(lot, standing, party_id, now)
    return None


def public_state(lot: Lot, standing: Standing, paddles: Mapping[int, int], epoch: int, now: datetime) -> PublicState:
    """The lot as everybody may see it at `now`."""
    # Closed and delayed follow from the end that has passed, not from whether a job has written it yet.
    rules = format_of(lot)
    standing = rules.advance(lot, standing, now)
    price, leader_id = standing.price_minor, standing.leader_id
    is_over = standing.outcome is not None or rules.is_due(lot, standing, now)
    lowest = None if is_over else rules.lowest_legal(lot, standing)
    seq, head = rules.public_mark(lot, standing)
    return PublicState(
        lot=lot.id,
        epoch=epoch,
        seq=seq,
        phase=standing.phase,
        starts_at=lot.starts_at,
        ends_at=standing.ends_at,
        price_minor=None if price is None else str(price),
        leader=None if leader_id is None else paddles[leader_id],
        bids=standing.bid_count,
        extensions=standing.extension_count,
        reserve=reserve_state(lot, standing),
        paused_at=standing.paused_at,
        outcome=standing.outcome,
        next_minor=None if lowest is None or lowest > LARGEST_AMOUNT_MINOR else str(lowest),
        increment_minor=str(rules.increment(lot, standing)),
        server_at=now,
        head=head.hex(),
        format=format_name(lot),
        detail=rules.view(lot, standing, paddles, now),
    )
