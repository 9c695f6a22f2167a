"""Every refusal of the house has its sentence in both languages, and the table of statuses has no dead row."""

from __future__ import annotations

import importlib
import pkgutil
from enum import StrEnum

import auction
import escrow
import market
from market.catalogue import Catalogue
from market.problems import STATUS, Problem, sentence_key, status_of

# Commands have no web answers, and importing them is dear.
LEFT_OUT = (".commands", ".demo", ".cli", ".sandbox_bank")


def refusals() -> set[type[StrEnum]]:
    """Every StrEnum named a refusal, and the door's own problems."""
    found: set[type[StrEnum]] = {Problem}
    for package in (auction, escrow, market):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not any(part in module.name for part in LEFT_OUT):
                found |= {
                    kind
                    for kind in vars(importlib.import_module(module.name)).values()
                    if isinstance(kind, type) and issubclass(kind, StrEnum) and kind.__name__.endswith("Refusal")
                }
    return found


def test_every_refusal_has_a_sentence() -> None:
    catalogue = Catalogue.load()
    missing = [sentence_key(code) for kind in refusals() for code in kind if sentence_key(code) not in catalogue]
    assert missing == []


def test_every_problem_has_a_title_and_a_status_of_its_own() -> None:
    catalogue = Catalogue.load()
    for code in Problem:
        assert f"problem_title.{code.value}" in catalogue
        assert code in STATUS


def test_no_row_of_the_table_is_dead_and_none_is_a_success() -> None:
    values = {code.value for kind in refusals() for code in kind}
    assert [code for code in STATUS if str(code) not in values] == []
    assert all(400 <= status < 600 for status in STATUS.values())


def test_what_is_not_listed_is_understood_and_refused_by_a_rule() -> None:
    assert status_of("below_minimum") == 422
