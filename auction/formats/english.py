"""The English auction in two phases: its rules from opening to close, as pure functions of facts.

Knows nothing of databases, sockets or clocks: `now` and the bid's stamp are arguments, a refusal is a value. The proxy
formula, the half-open instants and the order of tests follow `docs/rules.md`. `judge` is the hot path of the house
(see its comment), so it builds its structs once and reads each attribute once; an option costs only the lots that have it.
The clock, the steps and the retraction stand in files of their own beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from auction.facts import (
    LARGEST_AMOUNT_MINOR,
    Accepted,
    Bid,
    DeskRefusal,
    EnglishRule,
    Line,
    Lot,
    Refusal,
    Refused,
    Standing,
    Verdict,
)
from auction.formats import plain
from auction.formats.english_book import TimedBidders, fold, needs_log
from auction.formats.english_clock import (
    CLOSED,
    DECIDED,
    DELAYED,
    TIMED,
    advance,
    close,
    credit_outage,
    extend,
    is_due,
    opening,
    pause,
    resume,
    shut,
    void,
)
from auction.formats.english_steps import (
    FROM_CURRENT,
    FROM_START,
    buy_now_price,
    increment,
    legal_amounts,
    lowest_legal,
    lowest_raise,
    on_grid,
    step_at,
)

__all__ = [
    "advance",
    "close",
    "credit_outage",
    "extend",
    "fold",
    "increment",
    "is_due",
    "judge",
    "legal_amounts",
    "lower_reserve",
    "lowest_legal",
    "lowest_raise",
    "needs_log",
    "opening",
    "own_view",
    "owner_view",
    "pause",
    "price_moves",
    "public_mark",
    "result",
    "resume",
    "taken_by",
    "view",
    "void",
]

NO_LINES: tuple[Line, ...] = ()
NO_RANKS: Mapping[int, int] = {}
BUYS_NOW = b'{"buy_now":true}'
"""The only details that an English bid may carry: the lot is bought at once."""

# The log is public as it grows, and one leader takes the lot.
result, own_view, owner_view, taken_by = plain.result, plain.own_view, plain.owner_view, plain.taken_by
public_mark, price_moves = plain.public_mark, plain.price_moves


class Lowered(Struct, frozen=True, kw_only=True):
    """The reserve was lowered. `lines` holds the leader's jump to the new reserve when his maximum reaches it."""

    lot: Lot
    standing: Standing
    lines: tuple[Line, ...]


def view(lot: Lot, standing: Standing, paddles: Mapping[int, int], now: datetime) -> dict[str, Any] | None:
    """What the lot's options add for everybody: for what it can be bought at once, and how many bids were taken back."""
    seen: dict[str, Any] = {}
    if lot.rule.buy_now_minor is not None and not is_due(lot, standing, now) and standing.phase is not CLOSED:
        price = buy_now_price(lot, standing)
        seen["buy_now_minor"] = None if price is None else str(price)
    if standing.retraction_count:
        seen["retractions"] = standing.retraction_count
    return seen or None


# The reserve


def lower_reserve(lot: Lot, standing: Standing, reserve_minor: int, now: datetime) -> Lowered | DeskRefusal:
    """Lower the hidden reserve, never raise it. If the leader's maximum reaches the new one, his price jumps to it.

    The jump is not a bid: it counts none and resets no countdown.
    """
    if (refusal := shut(lot, standing, now)) is not None:
        return refusal
    if lot.reserve_minor is None:
        return DeskRefusal.NO_RESERVE
    if reserve_minor >= lot.reserve_minor:
        return DeskRefusal.RESERVE_NOT_LOWERED
    if reserve_minor < lot.rule.start_price_minor:
        return DeskRefusal.RESERVE_UNDER_START
    lot, standing = replace(lot, reserve_minor=reserve_minor), advance(lot, standing, now)
    old_price, maximum, leader_id = standing.price_minor, standing.leader_maximum_minor, standing.leader_id
    if old_price is None or maximum is None or leader_id is None:
        return Lowered(lot=lot, standing=standing, lines=NO_LINES)
    price = _jump(reserve_minor, maximum, old_price)
    lines = (Line(party_id=leader_id, amount_minor=price, automatic=True),) if price > old_price else NO_LINES
    standing = replace(standing, price_minor=price, reserve_met=price >= reserve_minor)
    return Lowered(lot=lot, standing=standing, lines=lines)


# The judge


def judge(lot: Lot, standing: Standing, bid: Bid, *, admitted: bool, ranks: Mapping[int, int] = NO_RANKS) -> Verdict:
    """Accept or refuse one bid at its stamp; refusals are tested in the order of `Refusal`.

    Promises: accepted only if start <= stamp < end; the price never falls and the end never comes earlier; a refused
    bid changes nothing; of two equal amounts the earlier stands, unless the later has a better right of priority.
    """
    amount, at, party = bid.amount_minor, bid.stamped_at, bid.party_id
    if bid.lot_id != lot.id:
        return Refused(refusal=Refusal.UNKNOWN_LOT)
    # bool is an int to isinstance, and a float that happens to be whole is still not money.
    if type(amount) is not int or amount <= 0:
        return _refuse(Refusal.MALFORMED_AMOUNT, lot, standing, bid)
    rule = lot.rule
    if bid.details is not None and (bid.details != BUYS_NOW or bid.is_maximum or rule.buy_now_minor is None):
        return _refuse(Refusal.MALFORMED_DETAILS, lot, standing, bid)
    if amount > LARGEST_AMOUNT_MINOR:
        return _refuse(Refusal.OVER_CAP, lot, standing, bid)
    if party == lot.seller_id:
        return Refused(refusal=Refusal.OWN_LOT)
    if not admitted:
        return Refused(refusal=Refusal.NOT_ADMITTED)
    if at < lot.starts_at:
        return Refused(refusal=Refusal.NOT_STARTED)
    if at >= standing.ends_at:
        standing = advance(lot, standing, at)
    paused_at, phase = standing.paused_at, standing.phase
    if phase is CLOSED or phase is DECIDED or (paused_at is None and at >= standing.ends_at):
        return Refused(refusal=Refusal.CLOSED)
    # A bid stamped before the pause is in time, even if the pause was written first: the stamp alone decides.
    if paused_at is not None and at >= paused_at:
        return Refused(refusal=Refusal.PAUSED)
    if rule.only_timed_bidders or rule.buy_now_minor is not None:
        return _judge_with_options(lot, standing, bid, ranks)
    if party == standing.leader_id:
        return _judge_leader(lot, standing, bid)
    return _judge_challenger(lot, standing, bid, ranks)


def _judge_with_options(lot: Lot, standing: Standing, bid: Bid, ranks: Mapping[int, int]) -> Verdict:
    """Where the delayed phase is for the timed one's bidders alone: turn others away, note who bids in time."""
    if not lot.rule.only_timed_bidders:
        return _judge_amount(lot, standing, bid, ranks)
    book = standing.book
    assert isinstance(book, TimedBidders), "a lot of this option is read with its book"
    if standing.phase is DELAYED and bid.party_id not in book.party_ids:
        return Refused(refusal=Refusal.NOT_A_TIMED_BIDDER)
    verdict = _judge_amount(lot, standing, bid, ranks)
    if isinstance(verdict, Refused) or standing.phase is not TIMED:
        return verdict
    return replace(verdict, standing=replace(verdict.standing, book=book.with_bidder(bid.party_id)))


def _judge_amount(lot: Lot, standing: Standing, bid: Bid, ranks: Mapping[int, int]) -> Verdict:
    if lot.rule.buy_now_minor is not None and (verdict := _judge_buying(lot, standing, bid)) is not None:
        return verdict
    if bid.party_id == standing.leader_id:
        return _judge_leader(lot, standing, bid)
    return _judge_challenger(lot, standing, bid, ranks)


def _judge_buying(lot: Lot, standing: Standing, bid: Bid) -> Verdict | None:
    """A purchase at once, or a bid as high as one; None where the bid is an ordinary one."""
    price = buy_now_price(lot, standing)
    if bid.details is None:
        too_high = price is not None and bid.amount_minor >= price
        return _refuse(Refusal.BUY_NOW_INSTEAD, lot, standing, bid) if too_high else None
    if price is None:
        return _refuse(Refusal.BUY_NOW_GONE, lot, standing, bid)
    if bid.amount_minor != price:
        return Refused(refusal=Refusal.BUY_NOW_PRICE, lowest_minor=price)
    bought = replace(
        standing,
        phase=DECIDED,
        ends_at=bid.stamped_at,
        price_minor=price,
        leader_id=bid.party_id,
        leader_maximum_minor=price,
        reserve_met=lot.reserve_minor is not None and price >= lot.reserve_minor,
        bid_count=standing.bid_count + 1,
    )
    lines = (Line(party_id=bid.party_id, amount_minor=price),)
    return Accepted(standing=bought, lines=lines, detail={"buy_now": True})


def _judge_challenger(lot: Lot, standing: Standing, bid: Bid, ranks: Mapping[int, int]) -> Verdict:
    rule, amount, old_price = lot.rule, bid.amount_minor, standing.price_minor
    if old_price is None:
        step = step_at(rule, rule.start_price_minor)
        if amount < rule.start_price_minor:
            return _refuse(Refusal.BELOW_MINIMUM, lot, standing, bid)
    else:
        step = step_at(rule, old_price)
        if amount < old_price + step:
            # Only here is an amount under a whole step legal: the price itself, from a holder who goes before the leader.
            if amount == old_price and _goes_before(ranks, bid.party_id, standing.leader_id):
                return _match(lot, standing, bid, ranks)
            return _refuse(Refusal.BELOW_MINIMUM, lot, standing, bid)
    if rule.grid_base is FROM_START or (rule.grid_base is FROM_CURRENT and old_price is None):
        if (amount - rule.start_price_minor) % step:
            return _refuse(Refusal.OFF_GRID, lot, standing, bid)
    elif rule.grid_base is FROM_CURRENT and old_price is not None and (amount - old_price) % step:
        return _refuse(Refusal.OFF_GRID, lot, standing, bid)

    maximum, leader_id = standing.leader_maximum_minor, standing.leader_id
    if old_price is None or maximum is None or leader_id is None:
        price = _jump(lot.reserve_minor, amount, rule.start_price_minor if bid.is_maximum else amount)
        return _stands(lot, standing, bid.stamped_at, amount, (Line(party_id=bid.party_id, amount_minor=price),))
    if amount > maximum:
        return _overtake(lot, standing, bid)
    if amount == maximum and _goes_before(ranks, bid.party_id, leader_id):
        return _match(lot, standing, bid, ranks)
    return _stands(lot, standing, bid.stamped_at, maximum, _answered(rule, bid, leader_id, maximum))


def _answered(rule: EnglishRule, bid: Bid, leader_id: int, maximum: int) -> tuple[Line, ...]:
    """The leader stays: his maximum answers one step above the challenger, as far as it reaches; equal, he was earlier."""
    amount = bid.amount_minor
    return (
        Line(party_id=bid.party_id, amount_minor=amount),
        Line(party_id=leader_id, amount_minor=min(maximum, amount + step_at(rule, amount)), automatic=True),
    )


def _goes_before(ranks: Mapping[int, int], party_id: int, leader_id: int | None) -> bool:
    """Whether the party's confirmed right of priority is better than the leader's, who may have none. 1 is the best."""
    rank = ranks.get(party_id)
    if rank is None or leader_id is None:
        return False
    theirs = ranks.get(leader_id)
    return theirs is None or rank < theirs


def _match(lot: Lot, standing: Standing, bid: Bid, ranks: Mapping[int, int]) -> Accepted:
    """A holder of a right of priority bids as much as the leader (法释〔2016〕18号 art. 21), which the event says with his rank.

    Of two equal amounts the holder's stands although it came later. A maximum above it still answers with one step.
    """
    amount, leader_id = bid.amount_minor, standing.leader_id
    maximum, old_price = standing.leader_maximum_minor, standing.price_minor
    assert leader_id is not None and maximum is not None and old_price is not None
    detail = {"priority": ranks[bid.party_id]}
    if amount < maximum:
        lines = _answered(lot.rule, bid, leader_id, maximum)
        return _stands(lot, standing, bid.stamped_at, maximum, lines, detail)
    lines = (Line(party_id=bid.party_id, amount_minor=amount),)
    if amount > old_price:
        lines = (Line(party_id=leader_id, amount_minor=amount, automatic=True), *lines)
    return _stands(lot, standing, bid.stamped_at, amount, lines, detail)


def _overtake(lot: Lot, standing: Standing, bid: Bid) -> Accepted:
    amount, beaten, old_price, leader_id = (
        bid.amount_minor,
        standing.leader_maximum_minor,
        standing.price_minor,
        standing.leader_id,
    )
    assert beaten is not None and old_price is not None and leader_id is not None
    answer = beaten + step_at(lot.rule, beaten)
    price = _jump(lot.reserve_minor, amount, min(amount, answer) if bid.is_maximum else amount)
    line = Line(party_id=bid.party_id, amount_minor=price)
    # The beaten maximum is written only where the price tells it anyway (one step under it): a jump past it, by a plain
    # bid or to the reserve, gives away neither the loser's last word nor which kind of bid beat it.
    if beaten > old_price and price == answer:
        lines: tuple[Line, ...] = (Line(party_id=leader_id, amount_minor=beaten, automatic=True), line)
    else:
        lines = (line,)
    return _stands(lot, standing, bid.stamped_at, amount, lines)


def _judge_leader(lot: Lot, standing: Standing, bid: Bid) -> Verdict:
    amount, price, maximum = bid.amount_minor, standing.price_minor, standing.leader_maximum_minor
    assert price is not None and maximum is not None
    if not bid.is_maximum:
        return _refuse(Refusal.ALREADY_LEADING, lot, standing, bid)
    if amount <= maximum:
        return _refuse(Refusal.MAXIMUM_NOT_RAISED, lot, standing, bid)
    if on_grid(lot.rule, price, amount) != amount:
        return _refuse(Refusal.OFF_GRID, lot, standing, bid)
    jumped = _jump(lot.reserve_minor, amount, price)
    if jumped > price:
        line = Line(party_id=bid.party_id, amount_minor=jumped)
        return _stands(lot, standing, bid.stamped_at, amount, (line,))
    return Accepted(standing=replace(standing, leader_maximum_minor=amount), lines=NO_LINES)


def _jump(reserve: int | None, maximum: int, price: int) -> int:
    """The price once a maximum that reaches the reserve has lifted it there with no competition."""
    return reserve if reserve is not None and maximum >= reserve > price else price


def _stands(
    lot: Lot,
    standing: Standing,
    at: datetime,
    maximum: int,
    lines: tuple[Line, ...],
    detail: dict[str, Any] | None = None,
) -> Accepted:
    """The public bid stands: the last line is the new leader and price, and the end moves where the rule extends.

    Version, seq and head are the batcher's.
    """
    lead, ends_at, extensions = lines[-1], standing.ends_at, standing.extension_count
    price, reserve = lead.amount_minor, lot.reserve_minor
    reset_to = _reset(lot.rule, standing, at)
    extended = reset_to > ends_at
    if extended:
        ends_at, extensions = reset_to, extensions + 1
    return Accepted(
        standing=Standing(
            version=standing.version,
            seq=standing.seq,
            head=standing.head,
            phase=standing.phase,
            ends_at=ends_at,
            price_minor=price,
            leader_id=lead.party_id,
            leader_maximum_minor=maximum,
            reserve_met=reserve is not None and price >= reserve,
            bid_count=standing.bid_count + 1,
            extension_count=extensions,
            paused_at=standing.paused_at,
            retraction_count=standing.retraction_count,
            book=standing.book,
        ),
        lines=lines,
        extended=extended,
        detail=detail,
    )


def _reset(rule: EnglishRule, standing: Standing, at: datetime) -> datetime:
    """The end a bid at `at` asks for: t + W, never end + W, and not past the cap; only one later than now counts.

    In a timed phase W is that of the soft close, if any.
    """
    seconds = rule.extension_seconds if standing.phase is DELAYED else rule.soft_close_seconds
    if seconds is None:
        return at
    if rule.cap_extensions is not None and standing.extension_count >= rule.cap_extensions:
        return at
    reset_to, cap_at = at + timedelta(seconds=seconds), rule.cap_at
    return reset_to if cap_at is None or reset_to < cap_at else cap_at


def _refuse(refusal: Refusal, lot: Lot, standing: Standing, bid: Bid) -> Refused:
    """A refusal that names the lowest amount this bidder could bid now, where there is one."""
    if refusal in (Refusal.MALFORMED_AMOUNT, Refusal.MALFORMED_DETAILS, Refusal.OVER_CAP) and not _is_open(
        lot, standing, bid
    ):
        return Refused(refusal=refusal)
    leads = bid.party_id == standing.leader_id
    lowest = lowest_raise(lot, standing) if leads else lowest_legal(lot, standing)
    return Refused(refusal=refusal, lowest_minor=lowest if lowest is None or lowest <= LARGEST_AMOUNT_MINOR else None)


def _is_open(lot: Lot, standing: Standing, bid: Bid) -> bool:
    at = bid.stamped_at
    if at < lot.starts_at or standing.phase in (CLOSED, DECIDED) or bid.party_id == lot.seller_id:
        return False
    return standing.paused_at is None and at < advance(lot, standing, at).ends_at
