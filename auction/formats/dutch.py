"""The Dutch auction: the price falls by the clock from the start price to the floor, and the first press takes the lot.

The price is a function of time alone: whole steps counted in integers of microseconds, with the time that the lot stood
still taken out. The browser computes the same (`static/src/dutch/fall.ts`), the server decides at the bid's stamp. The
bidder sends the price that he saw: he pays the price of his stamp if that is no higher.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from auction.facts import (
    LARGEST_AMOUNT_MINOR,
    Accepted,
    Bid,
    DeskRefusal,
    Line,
    Logged,
    Lot,
    Outcome,
    Phase,
    PriceMoves,
    Refusal,
    Refused,
    Rule,
    Standing,
    Verdict,
)
from auction.formats import plain

SECOND = 1_000_000
"""In microseconds, the unit that the fall is counted in."""

result, public_mark = plain.result, plain.public_mark
own_view, owner_view, taken_by = plain.own_view, plain.owner_view, plain.taken_by
advance, is_due, pause, extend, void = plain.advance, plain.is_due, plain.pause, plain.extend, plain.void


class DutchRule(Rule, frozen=True, kw_only=True, tag="dutch"):
    """The public rule set of a falling price. It falls by `step_minor`, the last step only as far as `floor_minor`.

    Exactly one of `interval_seconds` (a step each so often) and `fall_seconds` (all steps spread evenly over so long).
    The floor price then stands for `floor_seconds`, and the lot ends.
    """

    floor_minor: int
    step_minor: int
    floor_seconds: int
    interval_seconds: int | None = None
    fall_seconds: int | None = None
    version: int = 1


class Stills(Struct, frozen=True):
    """The finished spans, in order and apart from each other, in which the price stood still: pauses and outages."""

    spans: tuple[tuple[datetime, datetime], ...] = ()


# The fall


def step_count(rule: DutchRule) -> int:
    """How often the price falls until it is at the floor."""
    return -((rule.floor_minor - rule.start_price_minor) // rule.step_minor)


def fall_us(rule: DutchRule) -> int:
    """How long the fall to the floor takes, in microseconds."""
    if rule.interval_seconds is not None:
        return step_count(rule) * rule.interval_seconds * SECOND
    assert rule.fall_seconds is not None
    return rule.fall_seconds * SECOND


def steps_fallen(rule: DutchRule, elapsed_us: int) -> int:
    """How many steps the price has fallen after so long on the lot's own clock."""
    steps, whole = step_count(rule), fall_us(rule)
    if elapsed_us >= whole:
        return steps
    return max(0, steps * elapsed_us // whole)


def price_after(rule: DutchRule, elapsed_us: int) -> int:
    """The price after so long on the lot's own clock; never under the floor."""
    return max(rule.floor_minor, rule.start_price_minor - steps_fallen(rule, elapsed_us) * rule.step_minor)


def next_fall_us(rule: DutchRule, elapsed_us: int) -> int | None:
    """At how many microseconds on the lot's own clock the price falls next; None once it is at the floor."""
    steps, fallen = step_count(rule), steps_fallen(rule, elapsed_us)
    return None if fallen >= steps else -(-(fallen + 1) * fall_us(rule) // steps)


def elapsed_us(lot: Lot, standing: Standing, at: datetime) -> int:
    """The lot's own clock at `at`, in microseconds: since the start, less the time that it stood still by then."""
    if standing.paused_at is not None and at > standing.paused_at:
        at = standing.paused_at
    ran = at - lot.starts_at
    for since, until in _stills(standing).spans:
        if at > since:
            ran -= min(at, until) - since
    return max(0, ran // timedelta(microseconds=1))


def price_at(lot: Lot, standing: Standing, at: datetime) -> int:
    """The price that stands at `at`: exact, and the same whoever asks and whenever."""
    return price_after(lot.rule, elapsed_us(lot, standing, at))


def _stills(standing: Standing) -> Stills:
    return standing.book if isinstance(standing.book, Stills) else Stills()


# From opening to close


def opening(lot: Lot) -> Standing:
    """The standing before the first event. Pressed or not, the lot ends when the floor price has stood its time."""
    length = timedelta(microseconds=fall_us(lot.rule), seconds=lot.rule.floor_seconds)
    return Standing(version=0, seq=0, head=b"", phase=Phase.TIMED, ends_at=lot.starts_at + length, book=Stills())


def judge(lot: Lot, standing: Standing, bid: Bid, *, admitted: bool, ranks: Mapping[int, int]) -> Verdict:
    """Accept or refuse one press at its stamp; refusals are tested in the order of `Refusal`.

    Promises: accepted only if start <= stamp < end, by the first in order alone, who pays the price of his stamp and never
    more than he saw.
    """
    amount, at = bid.amount_minor, bid.stamped_at
    if bid.lot_id != lot.id:
        return Refused(refusal=Refusal.UNKNOWN_LOT)
    if type(amount) is not int or amount <= 0:
        return _refuse(Refusal.MALFORMED_AMOUNT, lot, standing, bid)
    if bid.details is not None:
        return _refuse(Refusal.MALFORMED_DETAILS, lot, standing, bid)
    if amount > LARGEST_AMOUNT_MINOR:
        return _refuse(Refusal.OVER_CAP, lot, standing, bid)
    if (refusal := plain.shut_to(lot, standing, bid, admitted=admitted)) is not None:
        return Refused(refusal=refusal)
    if bid.is_maximum:
        return _refuse(Refusal.NO_MAXIMUM, lot, standing, bid)
    price = price_at(lot, standing, at)
    if amount < price:
        return Refused(refusal=Refusal.PRICE_NOT_REACHED, lowest_minor=price)
    taken = replace(standing, phase=Phase.DECIDED, ends_at=at, price_minor=price, leader_id=bid.party_id, bid_count=1)
    return Accepted(standing=taken, lines=(Line(party_id=bid.party_id, amount_minor=price),))


def _refuse(refusal: Refusal, lot: Lot, standing: Standing, bid: Bid) -> Refused:
    """A refusal that names the price which would be legal at the stamp, where there is one."""
    price = price_at(lot, standing, bid.stamped_at) if plain.takes_bids(lot, standing, bid) else None
    return Refused(refusal=refusal, lowest_minor=price)


def close(lot: Lot, standing: Standing, now: datetime) -> Standing:
    """The final standing: sold to whoever pressed, or unsold; closed at the press, else at the end that has passed."""
    if not is_due(lot, standing, now):
        raise ValueError(f"lot {lot.id} is not due at {now.isoformat()}")
    outcome = Outcome.UNSOLD if standing.leader_id is None else Outcome.SOLD
    return replace(standing, phase=Phase.CLOSED, outcome=outcome, closed_at=standing.ends_at, paused_at=None)


# Time that stood still


def resume(lot: Lot, standing: Standing, now: datetime) -> Standing | DeskRefusal:
    """Let the price fall on from where it stopped; the end moves later by the time that it stood still."""
    paused_at = standing.paused_at
    resumed = plain.resume(lot, standing, now)
    if isinstance(resumed, DeskRefusal) or paused_at is None:
        return resumed
    return _stood(resumed, max(paused_at, lot.starts_at), now)


def credit_outage(lot: Lot, standing: Standing, stopped_at: datetime, restarted_at: datetime) -> Standing | None:
    """Take an outage out of the fall: nobody could press while the price went by. None if it was not falling then."""
    if standing.phase is not Phase.TIMED or standing.paused_at is not None or standing.ends_at <= stopped_at:
        return None
    spans = _stills(standing).spans
    since = max(stopped_at, lot.starts_at, *(until for _, until in spans[-1:]))
    if since >= restarted_at:
        return None
    return _stood(replace(standing, ends_at=standing.ends_at + (restarted_at - since)), since, restarted_at)


def _stood(standing: Standing, since: datetime, until: datetime) -> Standing:
    spans = _stills(standing).spans
    return replace(standing, book=Stills((*spans, (since, until)))) if since < until else standing


class _Body(Struct, frozen=True):
    ends_at: datetime


_body_decoder = msgspec.json.Decoder(_Body)


def needs_log(lot: Lot) -> bool:
    """Only the log says when the price stood still."""
    return True


def fold(lot: Lot, standing: Standing, log: Iterable[Logged]) -> Standing:
    """The standing with the spans in which it stood still: each ends at the event by which the end moved later."""
    spans: list[tuple[datetime, datetime]] = []
    ends_at: datetime | None = None
    for event in log:
        moved_to = _body_decoder.decode(event.body).ends_at
        if ends_at is not None and event.kind in ("resumed", "credited") and moved_to > ends_at:
            spans.append((event.at - (moved_to - ends_at), event.at))
        ends_at = moved_to
    return replace(standing, book=Stills(tuple(spans)))


# What is shown


def price_moves(lot: Lot) -> PriceMoves:
    """It falls."""
    return "down"


def lowest_legal(lot: Lot, standing: Standing) -> int | None:
    """Only the clock tells, so a state that may be read a moment later names none: `view` gives the fall itself."""
    return None


def increment(lot: Lot, standing: Standing) -> int:
    """By how much the price falls each time."""
    step: int = lot.rule.step_minor
    return step


def view(lot: Lot, standing: Standing, paddles: Mapping[int, int], now: datetime) -> dict[str, Any] | None:
    """The fall, from which anybody computes the price of any coming instant, and the price at `now`.

    The lot's own clock at an instant is that instant less `falls_from` (the start, later by the time that stood still).
    """
    rule: DutchRule = lot.rule
    stood = sum((until - since for since, until in _stills(standing).spans), timedelta())
    shown: dict[str, Any] = {
        "start_price_minor": str(rule.start_price_minor),
        "floor_minor": str(rule.floor_minor),
        "step_minor": str(rule.step_minor),
        "step_count": str(step_count(rule)),
        "fall_us": str(fall_us(rule)),
        "falls_from": _wire(lot.starts_at + stood),
    }
    if standing.phase is Phase.TIMED:
        shown["price_minor"] = str(price_at(lot, standing, now))
    return shown


def _wire(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
