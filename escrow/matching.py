"""Which row of ours a bank's entry is: exactly, by an id and the sum, or perhaps, with a score for a person to judge.

Pure. An exact match needs the same direction, currency and sum, and an id that both sides know; nothing else is ever
matched without a person. Each entry and each row is matched at most once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from enum import StrEnum

from msgspec import Struct

LEAST_SCORE = 45
MOST_SUGGESTIONS = 5


class MatchKind(StrEnum):
    """What kind of row an entry is matched to. The table `escrow.statement_entry` knows the same words."""

    NOTICE = "notice"
    PAYOUT = "payout"
    PAYOUT_RETURN = "payout_return"
    CARD_SETTLEMENT = "card_settlement"
    REVERSAL = "reversal"


class Movement(Struct, frozen=True, kw_only=True):
    """An entry of a statement, as far as matching looks at it."""

    id: int
    bank_id: str
    end_to_end_id: str
    is_credit: bool
    currency: str
    amount_minor: int
    at: datetime
    reference: str = ""
    holder: str = ""
    number: str = ""
    is_reversal: bool = False
    original_id: str = ""


class Candidate(Struct, frozen=True, kw_only=True):
    """A row of ours that may stand on a statement."""

    kind: MatchKind
    id: str
    bank_id: str
    end_to_end_id: str
    is_credit: bool
    currency: str
    amount_minor: int
    at: datetime
    reference: str = ""
    holder: str = ""
    number: str = ""


class Suggestion(Struct, frozen=True, kw_only=True):
    """A row that may be meant, from 0 to 100. With another sum than the entry's it can't be confirmed: the bank must be asked."""

    candidate: Candidate
    score: int
    differs_minor: int = 0


def exact_matches(entries: Iterable[Movement], candidates: Iterable[Candidate]) -> dict[int, Candidate]:
    """Entry id → the row it certainly is. The bank's own id counts before what a reversal undoes, and that before the
    end-to-end id.
    """
    by_bank_id: dict[tuple[object, ...], list[Candidate]] = defaultdict(list)
    by_original: dict[tuple[object, ...], list[Candidate]] = defaultdict(list)
    by_end_to_end: dict[tuple[object, ...], list[Candidate]] = defaultdict(list)
    for each in sorted(candidates, key=lambda one: (one.at, one.kind, one.id)):
        sum_of = (each.is_credit, each.currency, each.amount_minor)
        if each.bank_id:
            by_bank_id[each.bank_id, *sum_of].append(each)
        if each.kind is MatchKind.REVERSAL:
            by_original[each.reference, *sum_of].append(each)
        if each.end_to_end_id:
            by_end_to_end[each.end_to_end_id, *sum_of].append(each)
    found: dict[int, Candidate] = {}
    taken: set[tuple[MatchKind, str]] = set()
    ordered = sorted(entries, key=lambda one: (one.at, one.id))
    by_name = {"bank_id": by_bank_id, "original_id": by_original, "end_to_end_id": by_end_to_end}
    for name, index in by_name.items():
        for entry in ordered:
            key = (getattr(entry, name), entry.is_credit, entry.currency, entry.amount_minor)
            if entry.id in found or not key[0]:
                continue
            free = next(
                (one for one in index.get(key, ()) if (one.kind, one.id) not in taken and _is_of_kind(entry, one)), None
            )
            if free is not None:
                found[entry.id] = free
                taken.add((free.kind, free.id))
    return found


def suggestions(entry: Movement, candidates: Sequence[Candidate]) -> tuple[Suggestion, ...]:
    """The likeliest rows first. Only rows of the same direction and currency; another sum only under the same id."""
    scored = [one for one in (_scored(entry, each) for each in candidates) if one is not None]
    scored.sort(key=lambda one: (-one.score, abs(one.candidate.at - entry.at), one.candidate.kind, one.candidate.id))
    return tuple(scored[:MOST_SUGGESTIONS])


def _is_of_kind(entry: Movement, row: Candidate) -> bool:
    """A reversed credit is the notice of a reversal and nothing else; a reversed debit is the return of a payout, or the notice
    of one that came late, which names the payout.
    """
    if not entry.is_reversal:
        return row.kind is not MatchKind.REVERSAL
    came_late = row.kind is MatchKind.NOTICE and row.end_to_end_id != ""
    return row.kind in (MatchKind.REVERSAL, MatchKind.PAYOUT_RETURN) or came_late or _same(entry.bank_id, row.bank_id)


def _scored(entry: Movement, row: Candidate) -> Suggestion | None:
    if not _is_of_kind(entry, row):
        return None
    if (row.is_credit, row.currency) != (entry.is_credit, entry.currency):
        return None
    same_id = _same(entry.bank_id, row.bank_id) or _same(entry.end_to_end_id, row.end_to_end_id)
    differs = row.amount_minor - entry.amount_minor
    if differs and not same_id:
        return None
    score = 40 * same_id + (30 if not differs else 0) + _closeness(entry.at, row.at)
    score += round(25 * _alike(entry.reference, row.reference or row.end_to_end_id))
    score += 10 * _same(entry.number, row.number) + round(10 * _alike(entry.holder, row.holder))
    return Suggestion(candidate=row, score=min(score, 100), differs_minor=differs) if score >= LEAST_SCORE else None


def _closeness(one: datetime, other: datetime) -> int:
    apart = abs(one - other)
    return (
        15
        if apart <= timedelta(days=1)
        else 10
        if apart <= timedelta(days=3)
        else 5
        if apart <= timedelta(days=10)
        else 0
    )


def _same(one: str, other: str) -> bool:
    return bool(one) and one == other


def _alike(one: str, other: str) -> float:
    """From 0 to 1; case and everything but letters and figures left aside. Long texts are cut: this is a hint, no proof."""
    left, right = ("".join(sign for sign in text.upper() if sign.isalnum())[:80] for text in (one, other))
    if not left or not right:
        return 0.0
    return SequenceMatcher(None, left, right, autojunk=False).ratio()
