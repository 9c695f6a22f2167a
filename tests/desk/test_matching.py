"""Matching: whatever the bank and the book say, nothing is matched across sums, and nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.matching import Candidate, MatchKind, Movement, exact_matches, suggestions

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
_words = st.sampled_from(["", "A", "B", "GH-C-AB7K2M", "GH-C-AB7K2N"])
_common = {
    "bank_id": st.sampled_from(["", "BT-1", "BT-2", "BT-3"]),
    "end_to_end_id": st.sampled_from(["", "E-1", "E-2"]),
    "is_credit": st.booleans(),
    "currency": st.sampled_from(["CNY", "JPY"]),
    "amount_minor": st.integers(1, 3),
    "at": st.integers(-20, 20).map(lambda days: AT + timedelta(days=days)),
    "reference": _words,
    "holder": _words,
    "number": _words,
}
_entries = st.lists(
    st.builds(
        Movement, id=st.integers(1, 40), is_reversal=st.booleans(), original_id=st.sampled_from(["", "A"]), **_common
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)
_rows = st.lists(
    st.builds(Candidate, kind=st.sampled_from(MatchKind), id=st.integers(1, 9).map(str), **_common),
    max_size=8,
    unique_by=lambda one: (one.kind, one.id),
)


def _certain(entry: Movement, row: Candidate) -> bool:
    """What may be matched without a person, said another way than the matcher says it."""
    same_sum = (entry.is_credit, entry.currency, entry.amount_minor) == (row.is_credit, row.currency, row.amount_minor)
    if entry.is_reversal:
        undone = row.kind in ("reversal", "payout_return") or (row.kind == "notice" and row.end_to_end_id != "")
        fits = undone or (entry.bank_id != "" and entry.bank_id == row.bank_id)
    else:
        fits = row.kind != "reversal"
    return (
        same_sum
        and fits
        and (
            (entry.bank_id != "" and entry.bank_id == row.bank_id)
            or (entry.end_to_end_id != "" and entry.end_to_end_id == row.end_to_end_id)
            or (entry.original_id != "" and row.kind == "reversal" and entry.original_id == row.reference)
        )
    )


@settings(max_examples=150, deadline=None)
@given(entries=_entries, rows=_rows, seed=st.randoms(use_true_random=False))
def test_matches_are_certain_once_each_complete_and_of_no_order(
    entries: list[Movement], rows: list[Candidate], seed
) -> None:  # type: ignore[no-untyped-def]
    found = exact_matches(entries, rows)
    by_id = {one.id: one for one in entries}
    assert all(_certain(by_id[entry], row) for entry, row in found.items())
    used = [(row.kind, row.id) for row in found.values()]
    assert len(used) == len(set(used))
    left = [row for row in rows if (row.kind, row.id) not in used]
    assert not any(_certain(one, row) for one in entries if one.id not in found for row in left)
    shuffled, mixed = list(entries), list(rows)
    seed.shuffle(shuffled)
    seed.shuffle(mixed)
    assert exact_matches(shuffled, mixed) == found


@settings(max_examples=100, deadline=None)
@given(entry=st.builds(Movement, id=st.just(1), **_common), rows=_rows)
def test_suggestions_never_cross_direction_or_currency_and_say_what_differs(
    entry: Movement, rows: list[Candidate]
) -> None:
    seen = suggestions(entry, rows)
    assert [one.score for one in seen] == sorted((one.score for one in seen), reverse=True)
    for one in seen:
        row = one.candidate
        assert (row.is_credit, row.currency) == (entry.is_credit, entry.currency) and 0 < one.score <= 100
        assert one.differs_minor == row.amount_minor - entry.amount_minor
        if one.differs_minor:
            assert (row.bank_id, row.end_to_end_id) != ("", "")


def test_the_likeliest_stands_first() -> None:
    entry = Movement(
        id=1, bank_id="X", end_to_end_id="", is_credit=True, currency="CNY", amount_minor=500, at=AT,
        reference="GHCAB7K2M vase", holder="Li Lei", number="62",
    )  # fmt: skip
    right = Candidate(
        kind=MatchKind.NOTICE, id="right", bank_id="Y", end_to_end_id="", is_credit=True, currency="CNY",
        amount_minor=500, at=AT, reference="GH-C-AB7K2M", holder="LI LEI", number="62",
    )  # fmt: skip
    old = Candidate(
        kind=MatchKind.NOTICE, id="old", bank_id="Z", end_to_end_id="", is_credit=True, currency="CNY",
        amount_minor=500, at=AT - timedelta(days=40), reference="GH-C-ZZZZZZ", number="62", holder="Li Lei",
    )  # fmt: skip
    seen = suggestions(entry, [old, right])
    assert seen[0].candidate.id == "right" and seen[0].score > 60
