"""The terms of a trade as a form and in words: nothing is dropped between record, boxes and record; no change is unmarked."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec import structs

from market.catalogue import Catalogue
from market.contracting.facts import Contract, ContractState, Origin, OriginKind, Version
from market.contracting.terms import Breach, Formality, FormalityKind, TradeTerms, flaws
from market.contracting.wording import Row, compared, rows
from market.pages.terms_form import form_of, note_flaws, paper_rows, read_form
from tests.contracting.people import NOW, trade_terms

PAPERS = (
    Formality(kind=FormalityKind.INSPECTION, duty_of="seller", note="By SGS,\nat the mill"),
    Formality(kind=FormalityKind.INSPECTION, duty_of="buyer", due="2026-12-24", required=False),
    Formality(kind=FormalityKind.OTHER, duty_of="house", due="2026-12-18", note="Weighing"),
)
TERMS = trade_terms(
    1, 2, formalities=PAPERS, breach=Breach(note_en="Force majeure", note_zh="不可抗力"), note="No strikes"
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_record_that_is_shown_as_a_form_and_read_back_is_the_same_record(catalogue: Catalogue, lang: str) -> None:
    shown = form_of(TERMS, lang)
    read, form = read_form(shown.values, TERMS, lang, lambda key, **_: key)
    assert (read, form.errors) == (TERMS, {})
    assert list(paper_rows(shown)) == [1, 2, 3, 4, 5]


def test_a_paper_that_is_taken_out_closes_the_gap_and_errors_stand_beside_the_row_that_is_shown() -> None:
    typed = {**form_of(TERMS, "en").values, "paper_1_kind": "", "paper_3_due": "2026-02-30"}
    read, form = read_form(typed, TERMS, "en", lambda key, **_: key)
    assert [each.kind for each in read.formalities] == [FormalityKind.INSPECTION, FormalityKind.OTHER]
    assert form.errors == {"paper_2_due": "terms_form.no_such_day"} and form.values["paper_2_kind"] == "other"
    past = structs.replace(PAPERS[1], due="2026-01-01")
    typed = form_of(structs.replace(TERMS, formalities=(PAPERS[0], past)), "en").values
    read, form = read_form(typed, TERMS, "en", lambda key, **_: key)
    note_flaws(form, flaws(read, NOW), lambda key, **_: key)
    assert form.errors == {"paper_2_due": "terms_flaw.formality_due_wrong"}


def _told(terms: TradeTerms, catalogue: Catalogue) -> list[Row]:
    return rows(terms, lambda key, **params: catalogue.text(key, "en", **params), "en")


CHANGES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "a paper goes": ({"formalities": PAPERS[:1] + PAPERS[2:]}, {"Inspection certificate (2)"}),
    "the second of two papers of a kind": (
        {"formalities": (PAPERS[0], structs.replace(PAPERS[1], duty_of="seller"), PAPERS[2])},
        {"Inspection certificate (2)"},
    ),
    "the note goes": ({"note": ""}, {"Further terms"}),
    "the words on breach go": ({"breach": Breach()}, {"Further on breach"}),
    "only the Chinese words on breach": (
        {"breach": Breach(note_en="Force majeure", note_zh="违约金百分之五十")},
        {"Further on breach"},
    ),
    "only the Chinese title": ({"goods": (structs.replace(TERMS.goods[0], title_zh="热轧卷"),)}, {"Goods"}),
    "the day": (
        {"delivery": structs.replace(TERMS.delivery, to_date=date(2026, 12, 21))},
        {"Time of delivery"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changes_is_marked_also_what_goes_and_what_is_said_in_the_other_language(
    catalogue: Catalogue, name: str
) -> None:
    values, labels = CHANGES[name]
    old, new = _told(TERMS, catalogue), _told(structs.replace(TERMS, **values), catalogue)
    told, former = compared(old, new, "(none)")
    assert {row.label for row in told if row.key in former} == labels
    assert len({row.key for row in told}) == len(told)


def test_a_version_is_compared_with_what_it_would_replace_not_with_a_proposal_that_came_to_nothing() -> None:
    def version(n: int) -> Version:
        by = None if n == 1 else 2
        return Version(n=n, terms=TERMS, text="", sha256=b"", proposed_by=by, proposed_at=NOW, reason="")

    one = Contract(
        id=1,
        origin=Origin(OriginKind.MATCH, 1),
        seller_id=1,
        buyer_id=2,
        state=ContractState.AWAITING_SIGNATURES,
        drawn_at=NOW,
        sign_by=NOW,
        offered_version=3,
        signed_version=None,
        in_force_at=None,
        ended_at=None,
        case_id=None,
        revision=1,
        versions=(version(1), version(2), version(3)),
    )
    assert one.replaced_by(1) is None
    assert one.replaced_by(3) == one.versions[0]
