"""A few bugs are planted in every run, and each bug's text is looked for; `make mutants` plants all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tests.mutants.mutant import Mutant
from tests.mutants.planted import MUTANTS
from tests.mutants.workshop import ROOT, PlantingError, Workshop, workshop

INVARIANTS = {*range(1, 22), 23, 24, 25, 27, 28}


@pytest.fixture(scope="module")
def copy() -> Iterator[Workshop]:
    with workshop() as made:
        yield made


def test_every_invariant_of_bidding_money_and_market_has_a_mutant() -> None:
    assert {mutant.invariant for mutant in MUTANTS} >= INVARIANTS


def test_the_page_on_trust_names_every_mutant_and_its_test() -> None:
    page = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    assert [mutant.name for mutant in MUTANTS if f"{mutant.name}" not in page] == []
    assert [mutant.test for mutant in MUTANTS if mutant.test.split("::")[0].rsplit("/", 1)[-1] not in page] == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_text_that_a_mutant_changes_is_there_once(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.before) == 1, "write the mutant anew"
    assert mutant.test.startswith("simulate ") or (ROOT / mutant.test.split("::")[0]).is_file()


@pytest.mark.parametrize("mutant", [one for one in MUTANTS if one.is_quick], ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_caught_by_its_test(copy: Workshop, mutant: Mutant) -> None:
    quick = replace(mutant, test=mutant.test.replace("simulate 0 1600", "simulate 0 160"))
    assert copy.is_sound(quick.test) and copy.is_caught(quick)


def test_a_mutant_whose_text_is_gone_fails_loudly(copy: Workshop) -> None:
    lost = replace(MUTANTS[0], before="text that nobody wrote")
    with pytest.raises(PlantingError, match="0 times, not once"):
        copy.is_caught(lost)
    assert (copy.folder / lost.file).read_text(encoding="utf-8") == (ROOT / lost.file).read_text(encoding="utf-8")
