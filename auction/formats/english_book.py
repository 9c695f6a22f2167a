"""Who has bid in the timed phase of an English lot: the book of a lot whose delayed phase is for them alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from auction.facts import Logged, Lot, Phase, Standing


class TimedBidders(Struct, frozen=True):
    """The parties of whom a bid of the timed phase stands."""

    party_ids: frozenset[int] = frozenset()

    def with_bidder(self, party_id: int) -> TimedBidders:
        """The same and this party; the same object if it is in there."""
        return self if party_id in self.party_ids else TimedBidders(self.party_ids | {party_id})


class _Body(Struct):
    phase: str
    detail: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Body).decode


def needs_log(lot: Lot) -> bool:
    """Only where the delayed phase is for the timed one's bidders."""
    return bool(lot.rule.only_timed_bidders)


def fold(lot: Lot, standing: Standing, log: Iterable[Logged]) -> Standing:
    """The standing with its book: whoever placed a public bid in the timed phase that was not taken back.

    A leader's private raise is no event, but he has one from when he took the lead.
    """
    bidder_of: dict[int, int] = {}
    for event in log:
        if event.kind == "bid" and event.party_id is not None and _decode(event.body).phase == Phase.TIMED.value:
            bidder_of[event.seq] = event.party_id
        elif event.kind == "retracted":
            bidder_of.pop((_decode(event.body).detail or {}).get("seq", 0), 0)
    return replace(standing, book=TimedBidders(frozenset(bidder_of.values())))
