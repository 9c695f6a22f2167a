"""The auction formats: one file each, all of one shape. A rule's type says which file judges its lots.

Every function is pure: facts in, verdict out. A new format is one new file with these functions and one line below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from auction.facts import Bid, DeskRefusal, EnglishRule, Logged, Lot, PriceMoves, Result, Standing, Verdict
from auction.formats import dutch, english, reverse, sealed, uniform
from auction.formats.dutch import DutchRule
from auction.formats.reverse import ReverseRule
from auction.formats.sealed import SealedRule
from auction.formats.uniform import UniformRule


class Format(Protocol):
    """What the bidding asks of a format. Parties are ids; `paddles` maps everybody ever admitted to a paddle."""

    def opening(self, lot: Lot) -> Standing:
        """The standing before the first event."""

    def advance(self, lot: Lot, standing: Standing, now: datetime) -> Standing:
        """The standing with its phase derived at `now`; the same object if nothing moved. Never closes."""

    def is_due(self, lot: Lot, standing: Standing, now: datetime) -> bool:
        """Whether the lot may be closed as soon as its queue is drained."""

    def judge(self, lot: Lot, standing: Standing, bid: Bid, *, admitted: bool, ranks: Mapping[int, int]) -> Verdict:
        """Accept or refuse one bid at its stamp. `ranks`: parties with a confirmed priority right, 1 first."""

    def close(self, lot: Lot, standing: Standing, now: datetime) -> Standing:
        """The final standing of a lot that is due."""

    def result(self, lot: Lot, standing: Standing, paddles: Mapping[int, int]) -> Result:
        """Of a closed lot: what its last event adds (the proof of the result), and who gets what."""

    def pause(self, lot: Lot, standing: Standing, now: datetime) -> Standing | DeskRefusal:
        """Stop the lot's clock."""

    def resume(self, lot: Lot, standing: Standing, now: datetime) -> Standing | DeskRefusal:
        """Let it run again."""

    def extend(self, lot: Lot, standing: Standing, ends_at: datetime, now: datetime) -> Standing | DeskRefusal:
        """Move the end later."""

    def void(self, lot: Lot, standing: Standing, now: datetime) -> Standing | DeskRefusal:
        """End the lot with no sale."""

    def credit_outage(
        self, lot: Lot, standing: Standing, stopped_at: datetime, restarted_at: datetime
    ) -> Standing | None:
        """Give lost time back to a lot that was due in it or soon after; None if it was not."""

    def price_moves(self, lot: Lot) -> PriceMoves:
        """What the database lets the price do until the close. 'hidden': price, leader and bid count stay empty and the
        log is withheld until then.
        """

    def lowest_legal(self, lot: Lot, standing: Standing) -> int | None:
        """The amount that a page offers first; None where nobody may be told one."""

    def increment(self, lot: Lot, standing: Standing) -> int:
        """The step in force; 0 where there is none."""

    def public_mark(self, lot: Lot, standing: Standing) -> tuple[int, bytes]:
        """The seq and the head that everybody may know now. A format that hides bids counts them in neither."""

    def view(self, lot: Lot, standing: Standing, paddles: Mapping[int, int], now: datetime) -> dict[str, Any] | None:
        """What everybody may see beside the common state, ready for JSON."""

    def own_view(self, lot: Lot, standing: Standing, party_id: int, now: datetime) -> dict[str, Any] | None:
        """What this party alone may see of his own place, ready for JSON."""

    def owner_view(
        self, lot: Lot, standing: Standing, paddles: Mapping[int, int], now: datetime
    ) -> dict[str, Any] | None:
        """What the lot's owner alone may see of it, ready for JSON; None if that is what everybody sees."""

    def taken_by(self, lot: Lot, standing: Standing, party_id: int) -> int | None:
        """The most that the lot could cost the party if it ended now, for his budget; 0 where no sum can be known yet, None
        where nothing would be his to pay.
        """

    def needs_log(self, lot: Lot) -> bool:
        """Whether the standing's book has to be made from the log when a node reads the lot."""

    def fold(self, lot: Lot, standing: Standing, log: Iterable[Logged]) -> Standing:
        """The stored standing with its book made from the whole log."""


AnyRule = EnglishRule | SealedRule | DutchRule | UniformRule | ReverseRule
"""Every rule there is, told apart by `format`."""

_FORMATS: dict[type, Format] = {
    EnglishRule: english,
    SealedRule: sealed,
    DutchRule: dutch,
    UniformRule: uniform,
    ReverseRule: reverse,
}
NAMES: dict[type, str] = {
    EnglishRule: "english",
    SealedRule: "sealed",
    DutchRule: "dutch",
    UniformRule: "uniform",
    ReverseRule: "reverse",
}


def format_of(lot: Lot) -> Format:
    """The functions that judge this lot."""
    return _FORMATS[type(lot.rule)]


def format_name(lot: Lot) -> str:
    """The name that the lot's rule is tagged with."""
    return NAMES[type(lot.rule)]
