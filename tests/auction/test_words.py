"""The rule in plain words: each lot's phrases are complete, in the catalogue, and say nothing secret."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from auction.facts import BuyNowUntil, DeskRefusal, GridBase, Lot, Refusal
from auction.words import rule_in_words
from market.catalogue import Catalogue
from tests.auction.english_lots import START, a_lot, at, bands

LOTS = {
    "both phases": a_lot(timed_seconds=600, extension_seconds=180),
    "timed alone": a_lot(timed_seconds=600, grid_base=GridBase.CURRENT),
    "delayed alone": a_lot(timed_seconds=None, extension_seconds=180, grid_base=GridBase.NONE),
    "soft close": a_lot(timed_seconds=600, soft_close_seconds=180),
    "one extension": a_lot(timed_seconds=600, extension_seconds=180, cap_extensions=1),
    "five extensions": a_lot(timed_seconds=600, extension_seconds=180, cap_extensions=5),
    "capped": a_lot(timed_seconds=600, extension_seconds=180, cap_at=at(9000)),
    "bands": a_lot(steps=bands((200, 10), (500, 20), (None, 50))),
    "reserve": a_lot(reserve=987),
    "every option": a_lot(
        timed_seconds=600,
        extension_seconds=180,
        only_timed_bidders=True,
        buy_now_minor=900,
        priority_right=True,
        retraction_seconds=60,
        retraction_closes_seconds=30,
        second_offer=True,
    ),
    "other options": a_lot(
        timed_seconds=600,
        buy_now_minor=900,
        buy_now_until=BuyNowUntil.RESERVE_MET,
        reserve=500,
        retraction_seconds=60,
    ),
    "deposit": replace(a_lot(), deposit_minor=20),
}


def keys(lot: Lot) -> list[str]:
    return [phrase.key.removeprefix("rule.") for phrase in rule_in_words(lot)]


COMMON_END = ["maximum", "tie", "instant", "no_reserve", "no_deposit"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("both phases", ["start", "step", "grid_start", "timed", "delayed_follows", "reset", "no_cap"]),
        ("timed alone", ["start", "step", "grid_current", "timed", "timed_ends"]),
        ("delayed alone", ["start", "step", "delayed_alone", "reset", "no_cap"]),
        ("soft close", ["start", "step", "grid_start", "timed", "soft_close", "no_cap"]),
        ("one extension", ["start", "step", "grid_start", "timed", "delayed_follows", "reset", "cap_extensions_one"]),
        (
            "five extensions",
            ["start", "step", "grid_start", "timed", "delayed_follows", "reset", "cap_extensions_other"],
        ),
        ("capped", ["start", "step", "grid_start", "timed", "delayed_follows", "reset", "cap_at"]),
    ],
)
def test_a_lots_rule_is_said_in_the_order_a_bidder_needs_it(name: str, said: list[str]) -> None:
    assert keys(LOTS[name]) == said + COMMON_END


def test_a_step_table_is_said_band_by_band() -> None:
    first, band, last = rule_in_words(LOTS["bands"])[1:4]
    assert (first.key, first.params) == ("rule.step_first", {"below": ("money", 200), "step": ("money", 10)})
    assert band.params == {"reached": ("money", 200), "below": ("money", 500), "step": ("money", 20)}
    assert (last.key, last.params) == ("rule.step_last", {"reached": ("money", 500), "step": ("money", 50)})


def test_the_figures_are_those_of_the_rule() -> None:
    phrases = {phrase.key: phrase.params for phrase in rule_in_words(LOTS["both phases"])}
    assert phrases["rule.timed"] == {"starts": START, "ends": at(600), "duration": ("duration", 600)}
    assert phrases["rule.reset"] == {"window": ("duration", 180)}


def test_the_reserve_is_mentioned_but_never_said() -> None:
    phrases = rule_in_words(LOTS["reserve"])
    assert "rule.reserve" in [phrase.key for phrase in phrases]
    assert "987" not in repr(phrases)


def test_every_phrase_has_a_sentence_with_just_its_figures_and_no_sentence_is_idle() -> None:
    catalogue, used = Catalogue.load(), set()
    for lot in LOTS.values():
        for phrase in rule_in_words(lot):
            used.add(phrase.key)
            assert catalogue.placeholders(phrase.key) == set(phrase.params)
    assert used == set(catalogue.area("en", "rule"))


def test_every_refusal_has_its_sentence_and_those_with_a_figure_name_it() -> None:
    catalogue = Catalogue.load()
    with_lowest = {Refusal.ALREADY_LEADING, Refusal.MAXIMUM_NOT_RAISED, Refusal.BELOW_MINIMUM, Refusal.OFF_GRID}
    with_lowest |= {Refusal.ABOVE_CEILING, Refusal.OFF_DECREMENT, Refusal.NOT_IMPROVED}
    with_lowest |= {Refusal.BUY_NOW_GONE, Refusal.BUY_NOW_PRICE, Refusal.BUY_NOW_INSTEAD}
    with_lowest |= {Refusal.PRICE_NOT_REACHED, Refusal.BID_NOT_RAISED}
    for refusal in Refusal:
        assert catalogue.placeholders(f"refusal.{refusal}") == ({"lowest"} if refusal in with_lowest else set())
    for desk_refusal in DeskRefusal:
        assert catalogue.placeholders(f"desk_refusal.{desk_refusal}") == set()
