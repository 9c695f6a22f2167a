"""The uniform-price auction: many equal units, hidden bids of a unit price and a quantity, and one price for all winners.

Bids stay hidden until the close; then `clearing` fills them in order of price and time and finds the price. What it
answers goes into the log whole, so that anybody can do the sum again. The rules stand in docs/rules.md.
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
    Line,
    Logged,
    Lot,
    Outcome,
    Phase,
    Refusal,
    Refused,
    Result,
    Rule,
    Standing,
    Verdict,
)
from auction.formats import hidden, plain
from auction.formats.clearing import Clearing, Marginal, Offer, Pricing, clear
from auction.formats.hidden import MOST_CHANGES

advance, is_due, void = plain.advance, plain.is_due, plain.void
owner_view = plain.owner_view
price_moves, lowest_legal, increment = hidden.price_moves, hidden.lowest_legal, hidden.increment
pause, resume, extend, credit_outage = plain.pause, plain.resume, plain.extend, plain.credit_outage


class UniformRule(Rule, frozen=True, kw_only=True, tag="uniform"):
    """The public rule set of a sale of `quantity` equal units in one phase; all prices are those of one unit."""

    quantity: int
    step_minor: int
    timed_seconds: int
    marginal: Marginal = Marginal.TIME
    pricing: Pricing = Pricing.LOWEST_ACCEPTED
    bids_per_bidder: int = 5
    allows_all_or_none: bool = False
    version: int = 1


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """What a bid says beside its unit price. `bid` names the bidder's own bid that this one takes the place of."""

    quantity: int
    all_or_none: bool = False
    bid: int | None = None


class Book(Struct, frozen=True):
    """Each party's bids by their numbers, and how many bid events of his the log holds, replaced ones included."""

    by_party: dict[int, dict[int, Offer]]
    changes: dict[int, int]


_asked_decoder = msgspec.json.Decoder(Asked)


def opening(lot: Lot) -> Standing:
    """The standing before the first event."""
    ends_at = lot.starts_at + timedelta(seconds=lot.rule.timed_seconds)
    return Standing(version=0, seq=0, head=b"", phase=Phase.TIMED, ends_at=ends_at, book=Book({}, {}))


def _book(standing: Standing) -> Book:
    return standing.book if isinstance(standing.book, Book) else Book({}, {})


def own_bids(standing: Standing, party_id: int) -> dict[int, Offer]:
    """The party's bids in the book, by their numbers."""
    return _book(standing).by_party.get(party_id, {})


# The judge


def judge(lot: Lot, standing: Standing, bid: Bid, *, admitted: bool, ranks: Mapping[int, int]) -> Verdict:
    """Accept or refuse one bid at its stamp; refusals are tested in the order of `Refusal`.

    Promises: accepted only if start <= stamp < end; a bid in the book is only ever replaced by one that promises more;
    nothing that is answered tells of anybody else's bid.
    """
    amount = bid.amount_minor
    if bid.lot_id != lot.id:
        return Refused(refusal=Refusal.UNKNOWN_LOT)
    if type(amount) is not int or amount <= 0:
        return _refuse(Refusal.MALFORMED_AMOUNT, lot, standing, bid)
    asked = _read(bid.details)
    if asked is None:
        return _refuse(Refusal.MALFORMED_DETAILS, lot, standing, bid)
    if max(amount, amount * asked.quantity) > LARGEST_AMOUNT_MINOR:
        return _refuse(Refusal.OVER_CAP, lot, standing, bid)
    if (refusal := plain.shut_to(lot, standing, bid, admitted=admitted)) is not None:
        return Refused(refusal=refusal)
    own = own_bids(standing, bid.party_id)
    if (refused := _against_rule(lot.rule, bid, asked) or _against_own(lot.rule, own, bid, asked)) is not None:
        return refused
    if _book(standing).changes.get(bid.party_id, 0) >= MOST_CHANGES:
        return Refused(refusal=Refusal.TOO_MANY_CHANGES)
    return _stands(standing, bid, asked)


def _refuse(refusal: Refusal, lot: Lot, standing: Standing, bid: Bid) -> Refused:
    """A refusal that names the start price while it would be legal."""
    lowest = lot.rule.start_price_minor if plain.takes_bids(lot, standing, bid) else None
    return Refused(refusal=refusal, lowest_minor=lowest)


def _read(details: bytes | None) -> Asked | None:
    try:
        return None if details is None else _asked_decoder.decode(details)
    except msgspec.DecodeError:
        return None


def _against_rule(rule: UniformRule, bid: Bid, asked: Asked) -> Refused | None:
    amount, start = bid.amount_minor, rule.start_price_minor
    if amount < start:
        return Refused(refusal=Refusal.BELOW_MINIMUM, lowest_minor=start)
    if over := (amount - start) % rule.step_minor:
        return Refused(refusal=Refusal.OFF_GRID, lowest_minor=amount - over + rule.step_minor)
    if bid.is_maximum:
        return Refused(refusal=Refusal.NO_MAXIMUM)
    if not 0 < asked.quantity <= rule.quantity:
        return Refused(refusal=Refusal.QUANTITY_OUT_OF_RANGE)
    if asked.all_or_none and not rule.allows_all_or_none:
        return Refused(refusal=Refusal.ALL_OR_NONE_NOT_OFFERED)
    return None


def _against_own(rule: UniformRule, own: Mapping[int, Offer], bid: Bid, asked: Asked) -> Refused | None:
    if asked.bid is None:
        return Refused(refusal=Refusal.TOO_MANY_BIDS) if len(own) >= rule.bids_per_bidder else None
    former = own.get(asked.bid)
    if former is None:
        return Refused(refusal=Refusal.NO_SUCH_BID)
    weaker = (
        bid.amount_minor < former.price_minor
        or asked.quantity < former.quantity
        or (asked.all_or_none and not former.all_or_none)
    )
    same = (former.price_minor, former.quantity, former.all_or_none) == (
        bid.amount_minor,
        asked.quantity,
        asked.all_or_none,
    )
    return Refused(refusal=Refusal.BID_NOT_RAISED, lowest_minor=former.price_minor) if weaker or same else None


def _stands(standing: Standing, bid: Bid, asked: Asked) -> Accepted:
    book = _book(standing)
    number = len(own_bids(standing, bid.party_id)) + 1 if asked.bid is None else asked.bid
    offer = Offer(
        seq=standing.seq + 1,
        party_id=bid.party_id,
        price_minor=bid.amount_minor,
        quantity=asked.quantity,
        all_or_none=asked.all_or_none,
    )
    return Accepted(
        standing=replace(standing, book=_with(book, number, offer)),
        lines=(Line(party_id=bid.party_id, amount_minor=bid.amount_minor),),
        detail={"all_or_none": asked.all_or_none, "bid": number, "quantity": asked.quantity},
    )


def _with(book: Book, number: int, offer: Offer) -> Book:
    party_id = offer.party_id
    own, changes = book.by_party.get(party_id, {}), book.changes.get(party_id, 0)
    return Book({**book.by_party, party_id: {**own, number: offer}}, {**book.changes, party_id: changes + 1})


# The close


def clearing(lot: Lot, standing: Standing) -> Clearing:
    """What the book comes to, were the lot closed as it stands."""
    offers = [offer for own in _book(standing).by_party.values() for offer in own.values()]
    rule: UniformRule = lot.rule
    return clear(
        offers,
        quantity=rule.quantity,
        floor_minor=max(rule.start_price_minor, lot.reserve_minor or 0),
        marginal=rule.marginal,
        pricing=rule.pricing,
    )


def taken_by(lot: Lot, standing: Standing, party_id: int) -> int | None:
    """Every unit that the party asks for at its own limit while its bids stand, and after the close what it got of them at
    the price of all.
    """
    if standing.outcome is None:
        return sum(offer.price_minor * offer.quantity for offer in own_bids(standing, party_id).values()) or None
    cleared = clearing(lot, standing) if standing.outcome is Outcome.SOLD else None
    if cleared is None or cleared.price_minor is None:
        return None
    return _units_of(cleared).get(party_id, 0) * cleared.price_minor or None


def close(lot: Lot, standing: Standing, now: datetime) -> Standing:
    """The final standing: sold as far as the bids reach at one price for each unit, or unsold if none reaches the floor."""
    if not is_due(lot, standing, now):
        raise ValueError(f"lot {lot.id} is not due at {now.isoformat()}")
    cleared = clearing(lot, standing)
    return replace(
        standing,
        phase=Phase.CLOSED,
        outcome=Outcome.UNSOLD if cleared.price_minor is None else Outcome.SOLD,
        closed_at=standing.ends_at,
        price_minor=cleared.price_minor,
        reserve_met=lot.reserve_minor is not None and cleared.price_minor is not None,
        bid_count=len(cleared.fills),
    )


def result(lot: Lot, standing: Standing, paddles: Mapping[int, int]) -> Result:
    """The whole clearing for everybody to recompute, and each buyer's units for units times the one price."""
    if standing.outcome is Outcome.VOID:
        return Result()
    cleared = clearing(lot, standing)
    price = cleared.price_minor or 0
    return Result(
        detail=_proof(lot, cleared, paddles),
        awards=tuple((party, units, units * price) for party, units in _units_of(cleared).items()),
    )


def _units_of(cleared: Clearing) -> dict[int, int]:
    """How many units each buyer gets."""
    taken: dict[int, int] = {}
    for fill in cleared.fills:
        if fill.units:
            taken[fill.offer.party_id] = taken.get(fill.offer.party_id, 0) + fill.units
    return taken


def _proof(lot: Lot, cleared: Clearing, paddles: Mapping[int, int]) -> dict[str, Any]:
    price = cleared.price_minor
    return {
        "book": [
            {
                "all_or_none": fill.offer.all_or_none,
                "filled": fill.units,
                "paddle": paddles[fill.offer.party_id],
                "price_minor": str(fill.offer.price_minor),
                "quantity": fill.offer.quantity,
                "seq": fill.offer.seq,
                "why": fill.why.value,
            }
            for fill in cleared.fills
        ],
        "floor_minor": str(cleared.floor_minor),
        "price_minor": None if price is None else str(price),
        "quantity": lot.rule.quantity,
        "set_by": cleared.set_by,
        "sold": sum(fill.units for fill in cleared.fills),
    }


# The book from the log


class _Detail(Struct, frozen=True):
    all_or_none: bool
    bid: int
    quantity: int


class _PublicLine(Struct, frozen=True):
    amount_minor: str


class _Body(Struct, frozen=True):
    lines: tuple[_PublicLine, ...]
    detail: _Detail


_body_decoder = msgspec.json.Decoder(_Body)


def needs_log(lot: Lot) -> bool:
    """The book is nowhere else."""
    return True


def fold(lot: Lot, standing: Standing, log: Iterable[Logged]) -> Standing:
    """The standing with the bids that its log holds, each in the place of the one that it replaced."""
    by_party: dict[int, dict[int, Offer]] = {}
    changes: dict[int, int] = {}
    for event in log:
        if event.kind != "bid" or event.party_id is None:
            continue
        body = _body_decoder.decode(event.body)
        changes[event.party_id] = changes.get(event.party_id, 0) + 1
        by_party.setdefault(event.party_id, {})[body.detail.bid] = Offer(
            seq=event.seq,
            party_id=event.party_id,
            price_minor=int(body.lines[0].amount_minor),
            quantity=body.detail.quantity,
            all_or_none=body.detail.all_or_none,
        )
    return replace(standing, book=Book(by_party, changes))


# What is shown


def public_mark(lot: Lot, standing: Standing) -> tuple[int, bytes]:
    """Until the close, as if nobody had bid."""
    return hidden.shown_mark(standing, sum(_book(standing).changes.values()))


def view(lot: Lot, standing: Standing, paddles: Mapping[int, int], now: datetime) -> dict[str, Any] | None:
    """What is for sale; after the close also the clearing."""
    rule: UniformRule = lot.rule
    shown: dict[str, Any] = {
        "all_or_none": rule.allows_all_or_none,
        "bids_per_bidder": rule.bids_per_bidder,
        "quantity": rule.quantity,
    }
    if standing.outcome in (Outcome.SOLD, Outcome.UNSOLD):
        shown["clearing"] = _proof(lot, clearing(lot, standing), paddles)
    return shown


def own_view(lot: Lot, standing: Standing, party_id: int, now: datetime) -> dict[str, Any] | None:
    """The party's own bids, by their numbers."""
    own = own_bids(standing, party_id)
    return {
        "bids": [
            {
                "all_or_none": offer.all_or_none,
                "bid": number,
                "price_minor": str(offer.price_minor),
                "quantity": offer.quantity,
            }
            for number, offer in sorted(own.items())
        ]
    }
