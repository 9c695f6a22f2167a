"""Judges a history of requests, answers and states seen from outside: is there an order in which all of it is true?

The log's seq is the witness of that order, so nothing has to be searched for: each accepted bid must be the event of its
seq, each state that of its seq, and whoever asked after another had been answered must not come before him. Pure; the
simulation and the torture both hand in what they saw.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter

from msgspec import Struct


class Logged(Struct, frozen=True):
    """One event of a lot's log as it stands in the end."""

    lot: int
    seq: int
    hash: str
    kind: str
    price_minor: str | None


class Answered(Struct, frozen=True):
    """One request to bid and the answer to it. `sent_at` is when it was sent first, `answered_at` when the answer was in
    the bidder's hands, on one clock. `request` names the request. `raises` if it may have been a raise of the bidder's
    own maximum, which has no event of its own and stands at the event that was the last.
    """

    request: str
    lot: int
    sent_at: float
    answered_at: float
    accepted: bool
    seq: int
    hash: str | None = None
    price_minor: str | None = None
    raises: bool = False


class Stated(Struct, frozen=True):
    """One state of a lot as some watcher was shown it."""

    lot: int
    seq: int
    hash: str
    price_minor: str | None


def violations(log: Iterable[Logged], answers: Sequence[Answered], states: Iterable[Stated] = ()) -> list[str]:
    """Everything for which no order of the log can be the reason; empty if the history is linearizable."""
    events = {(event.lot, event.seq): event for event in log}
    found = _gaps(events)
    found += [text for answer in answers if (text := _misplaced(events, answer)) is not None]
    found += _differing(answers)
    found += _shared(events, answers)
    found += _out_of_order(answers)
    found += [text for state in set(states) if (text := _unlike(events, state)) is not None]
    return found


def _gaps(events: dict[tuple[int, int], Logged]) -> list[str]:
    lots: dict[int, list[int]] = defaultdict(list)
    for lot, seq in events:
        lots[lot].append(seq)
    return [
        f"8: lot {lot}: seq has a gap" for lot, seqs in lots.items() if sorted(seqs) != list(range(1, len(seqs) + 1))
    ]


def _misplaced(events: dict[tuple[int, int], Logged], answer: Answered) -> str | None:
    """An answer must speak of an event that is there; an accepted bid, of the very one."""
    event = events.get((answer.lot, answer.seq))
    if event is None:
        return f"1: lot {answer.lot}: {answer.request} was told of event {answer.seq}, which is not in the log"
    if not answer.accepted:
        return None
    if answer.hash is not None and event.hash != answer.hash:
        return f"1: lot {answer.lot}: {answer.request} was told another event {answer.seq} than the log has"
    if answer.price_minor is not None and event.price_minor != answer.price_minor:
        return f"3: lot {answer.lot}: {answer.request} was told another price at {answer.seq} than the log has"
    return None


def _differing(answers: Sequence[Answered]) -> list[str]:
    """One request has one answer for ever."""
    first: dict[str, Answered] = {}
    return [
        f"2: {answer.request} was answered twice, differently"
        for answer in answers
        if _content(first.setdefault(answer.request, answer)) != _content(answer)
    ]


def _content(answer: Answered) -> tuple[object, ...]:
    return answer.lot, answer.accepted, answer.seq, answer.hash


def _shared(events: dict[tuple[int, int], Logged], answers: Sequence[Answered]) -> list[str]:
    """One event is one bid, and only a bid's event is."""
    at_event: dict[tuple[int, int], set[str]] = defaultdict(set)
    found = []
    for answer in answers:
        event = events.get((answer.lot, answer.seq))
        if answer.accepted and not answer.raises and event is not None:
            at_event[answer.lot, answer.seq].add(answer.request)
            if event.kind != "bid":
                found.append(f"1: lot {answer.lot}: {answer.request} was told that event {answer.seq} is its bid")
    return found + [
        f"2: lot {lot}: event {seq} was given to several bids: {sorted(requests)}"
        for (lot, seq), requests in at_event.items()
        if len(requests) > 1
    ]


def _out_of_order(answers: Sequence[Answered]) -> list[str]:
    """Real time: who was sent after another had his answer stands at the same event or a later one."""
    found: list[str] = []
    by_lot: dict[int, list[Answered]] = defaultdict(list)
    for answer in answers:
        by_lot[answer.lot].append(answer)
    for lot, of_lot in by_lot.items():
        returned = sorted(of_lot, key=attrgetter("answered_at"))
        latest: Answered | None = None
        place = 0
        for answer in sorted(of_lot, key=attrgetter("sent_at")):
            while place < len(returned) and returned[place].answered_at < answer.sent_at:
                if latest is None or returned[place].seq > latest.seq:
                    latest = returned[place]
                place += 1
            if latest is not None and answer.seq < latest.seq:
                found.append(
                    f"5: lot {lot}: {answer.request} was sent after {latest.request} had been answered with event "
                    f"{latest.seq}, and stands at {answer.seq}"
                )
    return found


def _unlike(events: dict[tuple[int, int], Logged], state: Stated) -> str | None:
    event = events.get((state.lot, state.seq))
    if event is None or event.hash != state.hash or event.price_minor != state.price_minor:
        return f"9: lot {state.lot}: a watcher was shown a state {state.seq} that the log does not have"
    return None
