"""The reverse English auction: suppliers bid down to the buyer who owns the lot, on price and on weighted attributes.

Knows nothing of databases, sockets or clocks. What ranks is the total cost of `auction.formats.weighing`, an exact
fraction; of two equal costs the earlier wins. Bids are hidden until the close: each party is shown what the rule's
visibility gives it and nothing else. The book is each supplier's last bid, best first; the log holds all of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from auction.facts import (
    LARGEST_AMOUNT_MINOR,
    Accepted,
    Bid,
    Line,
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
from auction.formats import hidden, plain, reverse_book
from auction.formats.hidden import MOST_CHANGES
from auction.formats.reverse_book import (
    Book,
    Offer,
    book_of,
    offer_of,
    rank_of,
    ranking,
    rival_lead,
    spoken,
    with_offers,
)
from auction.formats.weighing import (
    Attribute,
    cost_of,
    decimal_text,
    factor_of,
    fraction_text,
    surcharge_of,
    values_of,
)

NO_RANKS: Mapping[int, int] = {}

Visibility = Literal["rank_only", "rank_and_lead", "lead_only"]

advance, is_due, fold, price_moves = plain.advance, plain.is_due, reverse_book.fold, hidden.price_moves
pause, resume, extend, void = plain.pause, plain.resume, plain.extend, plain.void


class ReverseRule(Rule, frozen=True, kw_only=True, tag="reverse"):
    """The public rule set. `start_price_minor` is the ceiling; prices are whole multiples of the decrement under it.

    Buffers are in total cost: `front_buffer_minor` by which a bid that takes the lead must beat the leader's,
    `back_buffer_minor` by which any bid must beat its bidder's own last. A bid in the last `soft_close_seconds` sets the
    end to its own instant plus that, if it moves its bidder into the first `top_count` ranks ('enters'), or up to or
    within them ('rises'). A cap is at most one of `cap_extensions` and `cap_at`.
    """

    decrement_minor: int
    attributes: tuple[Attribute, ...] = ()
    front_buffer_minor: int = 0
    back_buffer_minor: int = 0
    visibility: Visibility = "rank_only"
    buyer_sees: Literal["all", "at_close"] = "all"
    timed_seconds: int
    soft_close_seconds: int | None = None
    top_count: int = 1
    extends_when: Literal["enters", "rises"] = "enters"
    cap_extensions: int | None = None
    cap_at: datetime | None = None
    version: int = 1

    @property
    def shows_rank(self) -> bool:
        return self.visibility != "lead_only"

    @property
    def shows_lead(self) -> bool:
        return self.visibility != "rank_only"


# Opening, close


def opening(lot: Lot) -> Standing:
    """The standing of a lot before its first event."""
    return Standing(
        version=0,
        seq=0,
        head=b"",
        phase=Phase.TIMED,
        ends_at=lot.starts_at + timedelta(seconds=lot.rule.timed_seconds),
        book=Book(),
    )


def close(lot: Lot, standing: Standing, now: datetime) -> Standing:
    """Awarded to the lowest total cost, at its own price; unsold without a bid or if that price is above the reserve, the
    most that the buyer said (to the house alone) he would pay. Closing a lot that is not due is the caller's mistake.
    """
    if not is_due(lot, standing, now):
        raise ValueError(f"lot {lot.id} is not due at {now.isoformat()}")
    book = book_of(standing)
    best = book.offers[0] if book.offers else None
    reached = best is not None and (lot.reserve_minor is None or best.price_minor <= lot.reserve_minor)
    return replace(
        standing,
        phase=Phase.CLOSED,
        outcome=Outcome.SOLD if reached else Outcome.UNSOLD,
        closed_at=standing.ends_at,
        price_minor=None if best is None else best.price_minor,
        leader_id=None if best is None else best.party_id,
        reserve_met=reached and lot.reserve_minor is not None,
        bid_count=book.bids,
    )


def result(lot: Lot, standing: Standing, paddles: Mapping[int, int]) -> Result:
    """The ranking with every cost, which anybody can compute again from the bids' events; the best takes the contract."""
    detail = {"ranking": ranking(standing, paddles)}
    if standing.outcome is not Outcome.SOLD or standing.leader_id is None or standing.price_minor is None:
        return Result(detail=detail)
    return Result(detail=detail, awards=((standing.leader_id, 1, standing.price_minor),))


def credit_outage(lot: Lot, standing: Standing, stopped_at: datetime, restarted_at: datetime) -> Standing | None:
    """Give lost time back to a lot that was due in it or within one extension after it; None if it was not."""
    grace = timedelta(seconds=lot.rule.soft_close_seconds or 0)
    return plain.credit_outage(lot, standing, stopped_at, restarted_at, grace)


# The judge


def judge(lot: Lot, standing: Standing, bid: Bid, *, admitted: bool, ranks: Mapping[int, int] = NO_RANKS) -> Verdict:
    """Accept or refuse one bid at its stamp; refusals are tested in the order of `Refusal`.

    A refusal's figure is the highest price that would be legal now beside the same attributes. It follows from the
    leader's cost only where that is shown.
    """
    rule: ReverseRule = lot.rule
    price = bid.amount_minor
    if bid.lot_id != lot.id:
        return Refused(refusal=Refusal.UNKNOWN_LOT)
    # bool is an int to isinstance, and a float that happens to be whole is still not money.
    if type(price) is not int or price <= 0:
        return Refused(refusal=Refusal.MALFORMED_AMOUNT)
    if bid.is_maximum:
        return Refused(refusal=Refusal.NO_MAXIMUM)
    values = values_of(bid.details, rule.attributes)
    if values is None:
        return Refused(refusal=Refusal.MALFORMED_DETAILS)
    if price > LARGEST_AMOUNT_MINOR:
        return Refused(refusal=Refusal.OVER_CAP)
    if (refusal := plain.shut_to(lot, standing, bid, admitted=admitted)) is not None:
        return Refused(refusal=refusal)
    return _judge_offer(rule, standing, bid, values)


def _judge_offer(rule: ReverseRule, standing: Standing, bid: Bid, values: dict[str, Fraction]) -> Verdict:
    book, price = book_of(standing), bid.amount_minor
    own, lead = offer_of(book, bid.party_id), rival_lead(book, bid.party_id)
    cost = cost_of(price, rule.attributes, values)
    refusal = _broken(rule, price, values, cost, own, lead)
    if refusal is None and book.changes.get(bid.party_id, 0) >= MOST_CHANGES:
        return Refused(refusal=Refusal.TOO_MANY_CHANGES)
    if refusal is None:
        offer = Offer(bid.party_id, price, _spelled(values), cost, standing.seq + 1, bid.stamped_at)
        return _stands(rule, standing, book, offer)
    if refusal in (Refusal.OUT_OF_RANGE, Refusal.UNDER_FLOOR):
        return Refused(refusal=refusal)
    return Refused(refusal=refusal, lowest_minor=highest_legal(rule, values, own, lead if rule.shows_lead else None))


def _broken(
    rule: ReverseRule, price: int, values: dict[str, Fraction], cost: Fraction, own: Offer | None, lead: Offer | None
) -> Refusal | None:
    """The first rule that the offer breaks."""
    if price > rule.start_price_minor:
        return Refusal.ABOVE_CEILING
    if (rule.start_price_minor - price) % rule.decrement_minor:
        return Refusal.OFF_DECREMENT
    if not all(one.allows(values[one.key]) for one in rule.attributes):
        return Refusal.OUT_OF_RANGE
    if not all(one.qualifies(values[one.key]) for one in rule.attributes):
        return Refusal.UNDER_FLOOR
    if own is not None and not _beats(cost, own.cost, rule.back_buffer_minor):
        return Refusal.NOT_IMPROVED
    if lead is not None and cost < lead.cost and not _beats(cost, lead.cost, rule.front_buffer_minor):
        return Refusal.LEAD_NOT_BEATEN
    return None


def highest_legal(
    rule: ReverseRule, values: Mapping[str, Fraction], own: Offer | None, lead: Offer | None
) -> int | None:
    """The highest price that would stand beside these attributes, under one's own last cost and clear of the leader's
    buffer; None where no price would.
    """
    highest = rule.start_price_minor
    if own is not None:
        highest = min(highest, _price_for(rule, values, own.cost - rule.back_buffer_minor, not rule.back_buffer_minor))
    price = _on_grid(rule, highest)
    if lead is not None and price is not None:
        cost = cost_of(price, rule.attributes, values)
        if cost < lead.cost and not _beats(cost, lead.cost, rule.front_buffer_minor):
            price = _on_grid(rule, _price_for(rule, values, lead.cost - rule.front_buffer_minor, False))
    return price


def _beats(cost: Fraction, former: Fraction, by_minor: int) -> bool:
    return cost < former and former - cost >= by_minor


def _price_for(rule: ReverseRule, values: Mapping[str, Fraction], cost: Fraction, is_strict: bool) -> int:
    """The highest price whose total cost is at most (strictly: under) this one."""
    share = (cost - surcharge_of(rule.attributes, values)) / factor_of(rule.attributes, values)
    whole = share.numerator // share.denominator
    return whole - 1 if is_strict and whole == share else whole


def _on_grid(rule: ReverseRule, price: int) -> int | None:
    """The highest price on the grid that is not above this one; None if it would not be positive."""
    price -= (price - rule.start_price_minor) % rule.decrement_minor
    return price if price > 0 else None


def _stands(rule: ReverseRule, standing: Standing, book: Book, offer: Offer) -> Accepted:
    before = rank_of(book, offer.party_id)
    others = [other for other in book.offers if other.party_id != offer.party_id]
    place = bisect_right(others, offer.cost, key=lambda other: other.cost)
    others.insert(place, offer)
    ends_at, extensions = standing.ends_at, standing.extension_count
    extended = _extends(rule, before, place + 1) and (reset_to := _reset(rule, standing, offer.at)) > ends_at
    if extended:
        ends_at, extensions = reset_to, extensions + 1
    return Accepted(
        standing=replace(
            standing, ends_at=ends_at, extension_count=extensions, book=with_offers(book, tuple(others), offer.party_id)
        ),
        lines=(Line(party_id=offer.party_id, amount_minor=offer.price_minor),),
        extended=extended,
        detail={"attributes": offer.attributes, "cost": fraction_text(offer.cost)},
    )


def _spelled(values: Mapping[str, Fraction]) -> dict[str, str]:
    return {key: decimal_text(value) for key, value in sorted(values.items())}


def _extends(rule: ReverseRule, before: int | None, after: int) -> bool:
    if after > rule.top_count:
        return False
    was_in = before is not None and before <= rule.top_count
    return not was_in or (rule.extends_when == "rises" and before is not None and after < before)


def _reset(rule: ReverseRule, standing: Standing, at: datetime) -> datetime:
    """The end that a bid at `at` asks for: t + W, never end + W, and not past the cap; only one later than now counts."""
    if rule.soft_close_seconds is None:
        return at
    if rule.cap_extensions is not None and standing.extension_count >= rule.cap_extensions:
        return at
    reset_to = at + timedelta(seconds=rule.soft_close_seconds)
    return reset_to if rule.cap_at is None or reset_to < rule.cap_at else rule.cap_at


# What is shown, and to whom


def needs_log(lot: Lot) -> bool:
    """The book is made from the log."""
    return True


def taken_by(lot: Lot, standing: Standing, party_id: int) -> int | None:
    """A supplier is paid: to bid here is not to buy, so no budget counts it."""
    return None


def lowest_legal(lot: Lot, standing: Standing) -> int | None:
    """What is legal depends on the bidder: nobody is told one in public."""
    return None


def increment(lot: Lot, standing: Standing) -> int:
    """The decrement."""
    step: int = lot.rule.decrement_minor
    return step


def public_mark(lot: Lot, standing: Standing) -> tuple[int, bytes]:
    """The seq without the bids; all of it once the lot is over."""
    return hidden.shown_mark(standing, book_of(standing).bids)


def view(lot: Lot, standing: Standing, paddles: Mapping[int, int], now: datetime) -> dict[str, Any] | None:
    """The rule by which programs compute a total cost; once it is over, the ranking."""
    told = msgspec.to_builtins(lot.rule)
    shown: dict[str, Any] = {
        "rule": {name: str(value) if name.endswith("_minor") else value for name, value in told.items()}
    }
    if standing.outcome in (Outcome.SOLD, Outcome.UNSOLD):
        shown["ranking"] = ranking(standing, paddles)
    return shown


def own_view(lot: Lot, standing: Standing, party_id: int, now: datetime) -> dict[str, Any] | None:
    """A supplier's own bid, and his rank and the leading cost as far as the rule shows them."""
    if party_id == lot.seller_id:
        return None
    rule, book = lot.rule, book_of(standing)
    own = offer_of(book, party_id)
    shown: dict[str, Any] = {"bid": None if own is None else spoken(own)}
    if rule.shows_rank:
        shown["rank"] = rank_of(book, party_id)
    if rule.shows_lead:
        shown["lead_cost"] = fraction_text(book.offers[0].cost) if book.offers else None
    return shown


def owner_view(lot: Lot, standing: Standing, paddles: Mapping[int, int], now: datetime) -> dict[str, Any] | None:
    """The buyer's: every supplier's bid, live if the rule says so."""
    if lot.rule.buyer_sees == "all" or standing.outcome is not None:
        return {"bids": book_of(standing).bids, "ranking": ranking(standing, paddles)}
    return {}
