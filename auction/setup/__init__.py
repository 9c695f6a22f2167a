"""How a lot of each format is set up: what its seller may choose, what the linter says of it, and its rule in words.

One file a format beside `auction/formats/`, all of one shape. Pure: a draft goes in, findings, a rule or phrases come out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import msgspec

from auction.facts import Lot, Rule
from auction.formats import format_name
from auction.linter import Draft, Finding
from auction.setup import dutch, english, reverse, sealed, uniform
from auction.words import Phrase


class Setup(Protocol):
    """What the house asks of a format before its lot is open."""

    @property
    def Options(self) -> type[msgspec.Struct]:
        """What the format asks beyond the common fields: every member may be missing, unknown ones are refused."""

    @property
    def COMMON_FIELDS(self) -> frozenset[str]:
        """Which of the fields that some formats share (steps, lengths, caps) this one reads."""

    def lint(self, draft: Draft, now: datetime) -> list[Finding]:
        """Every finding on the draft, errors first."""

    def is_whole(self, draft: Draft) -> bool:
        """Whether the draft says enough to have a rule, be it a good one or not."""

    def rule_of(self, draft: Draft) -> Rule:
        """The rule of a whole draft."""

    def words(self, lot: Lot) -> list[Phrase]:
        """The whole public rule in the order a bidder needs it. Never a secret."""

    def short_words(self, lot: Lot) -> list[Phrase]:
        """The rule in one or two sentences, to stand beside the clock."""


SETUPS: dict[str, Setup] = {
    "english": english,
    "sealed": sealed,
    "dutch": dutch,
    "reverse": reverse,
    "uniform": uniform,
}
"""The formats that a seller can choose, by name, in the order in which they are offered."""


def setup_of(name: str) -> Setup:
    """The setting up of a format by its name."""
    return SETUPS[name]


def options_problem(name: str, options: dict[str, Any]) -> str | None:
    """Why these are no options of the format, as msgspec says it; None if they are."""
    try:
        msgspec.convert(options, SETUPS[name].Options)
    except msgspec.ValidationError as error:
        return str(error)
    return None


def rule_in_words(lot: Lot) -> list[Phrase]:
    """The whole public rule of an open or previewed lot."""
    return SETUPS[format_name(lot)].words(lot)


def short_rule(lot: Lot) -> list[Phrase]:
    """The rule in one or two sentences."""
    return SETUPS[format_name(lot)].short_words(lot)
