"""The English auction in two phases: its rules from opening to close, as pure functions of facts.

Knows nothing of databases, sockets or clocks: `now` and the bid's stamp are arguments, a refusal is a value. The proxy
formula, the half-open instants and the order of tests follow `docs/rules.md`. `judge` is the hot path of the house
(see its comment), so it builds its structs once and reads each attribute once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from auction.facts import (
    LARGEST_AMOUNT_MINOR,
    Accepted,
    Bid,
    DeskRefusal,
    EnglishRule,
    GridBase,
    Line,
    Lot,
    Outcome,
    Phase,
    Refusal,
    Refused,
    Standing,
    Verdict,
)
from auction.formats import plain

# Reading an enum's member through its class costs ten times a global in Python 3.11, and `judge` reads several.
TIMED, DELAYED, CLOSED = Phase.TIMED, Phase.DELAYED, Phase.CLOSED
FROM_START, FROM_CURRENT = GridBase.START, GridBase.CURRENT
NO_LINES: tuple[Line, ...] = ()
NO_RANKS: Mapping[int, int] = {}

# The log is public as it grows, and one leader takes the lot.
result, view, own_view = plain.result, plain.view, plain.own_view
public_mark, price_moves, needs_log, fold = plain.public_mark, plain.price_moves, plain.needs_log, plain.fold


class Lowered(Struct, frozen=True, kw_only=True):
    """The reserve was lowered. `lines` holds the leader's jump to the new reserve when his maximum reaches it."""

    lot: Lot
    standing: Standing
    lines: tuple[Line, ...]


# Opening, phases, close


def opening(lot: Lot) -> Standing:
    """The standing of a lot before its first event. Its first phase ends, bids or no bids, at `ends_at`."""
    rule: EnglishRule = lot.rule
    timed, extension = rule.timed_seconds, rule.extension_seconds
    seconds = timed if timed is not None else extension
    if seconds is None:
        raise ValueError(f"lot {lot.id} has neither a time-limited nor a delayed phase")
    return Standing(
        version=0,
        seq=0,
        head=b"",
        phase=TIMED if timed is not None else DELAYED,
        ends_at=lot.starts_at + timedelta(seconds=seconds),
    )


def advance(lot: Lot, standing: Standing, now: datetime) -> Standing:
    """The standing with its phase derived at `now`: a delayed phase always follows the timed one and runs T + W.

    Never closes. A paused lot's clock stands still, so it does not advance. Returns the same object if nothing moved.
    """
    extension: int | None = lot.rule.extension_seconds
    if standing.phase is not TIMED or extension is None:
        return standing
    paused_at = standing.paused_at
    if (now if paused_at is None or now < paused_at else paused_at) < standing.ends_at:
        return standing
    return replace(standing, phase=DELAYED, ends_at=standing.ends_at + timedelta(seconds=extension))


def is_due(lot: Lot, standing: Standing, now: datetime) -> bool:
    """True once the last phase has ended, so that the lot may be closed as soon as its queue is drained."""
    if standing.phase is CLOSED or standing.paused_at is not None:
        return False
    return now >= advance(lot, standing, now).ends_at


def close(lot: Lot, standing: Standing, now: datetime) -> Standing:
    """The final standing: sold to the leader, or unsold without one or below the reserve.

    `closed_at` is the end that has passed, not `now`: the lot was closed then, whenever the job ran. Closing a lot that
    is not due is a mistake of the caller, hence a ValueError.
    """
    if not is_due(lot, standing, now):
        raise ValueError(f"lot {lot.id} is not due at {now.isoformat()}")
    reached = standing.leader_id is not None and (lot.reserve_minor is None or standing.reserve_met)
    return replace(
        standing,
        phase=CLOSED,
        ends_at=(ended_at := advance(lot, standing, now).ends_at),
        outcome=Outcome.SOLD if reached else Outcome.UNSOLD,
        closed_at=ended_at,
    )


# Acts of the desk


def pause(lot: Lot, standing: Standing, now: datetime) -> Standing | DeskRefusal:
    """Stop the lot's clock at `now`; bids stamped from then on are refused until it is resumed."""
    if (refusal := _shut(lot, standing, now)) is not None:
        return refusal
    if standing.paused_at is not None:
        return DeskRefusal.ALREADY_PAUSED
    return replace(advance(lot, standing, now), paused_at=now)


def resume(lot: Lot, standing: Standing, now: datetime) -> Standing | DeskRefusal:
    """Let the clock run again: the end moves later by the time the lot stood still. A cap stays where it is."""
    if (refusal := _shut(lot, standing, now)) is not None:
        return refusal
    if standing.paused_at is None:
        return DeskRefusal.NOT_PAUSED
    stood_still = max(now - max(standing.paused_at, lot.starts_at), timedelta())
    return replace(standing, paused_at=None, ends_at=standing.ends_at + stood_still)


def extend(lot: Lot, standing: Standing, ends_at: datetime, now: datetime) -> Standing | DeskRefusal:
    """Move the end of the running phase to `ends_at`, later than it stands. May pass the cap; bids then extend no more."""
    if (refusal := _shut(lot, standing, now)) is not None:
        return refusal
    standing = advance(lot, standing, now)
    return replace(standing, ends_at=ends_at) if ends_at > standing.ends_at else DeskRefusal.END_NOT_LATER


def void(lot: Lot, standing: Standing, now: datetime) -> Standing | DeskRefusal:
    """End the lot with no sale, whoever leads; possible until it is closed, even past its end."""
    if standing.phase is CLOSED:
        return DeskRefusal.LOT_CLOSED
    return replace(standing, phase=CLOSED, outcome=Outcome.VOID, closed_at=now, paused_at=None)


def lower_reserve(lot: Lot, standing: Standing, reserve_minor: int, now: datetime) -> Lowered | DeskRefusal:
    """Lower the hidden reserve, never raise it. If the leader's maximum reaches the new one, his price jumps to it.

    The jump is not a bid: it counts none and resets no countdown.
    """
    if (refusal := _shut(lot, standing, now)) is not None:
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


def credit_outage(lot: Lot, standing: Standing, stopped_at: datetime, restarted_at: datetime) -> Standing | None:
    """Give the time lost in an unplanned stop back to a lot due in it or within one extension after it; None if not due.

    The phase is the one in which the stop found the lot, so a timed phase that "ended" in the dark goes on.
    """
    if standing.phase is CLOSED or standing.paused_at is not None or restarted_at <= lot.starts_at:
        return None
    standing = advance(lot, standing, stopped_at)
    grace = timedelta(seconds=lot.rule.extension_seconds or lot.rule.soft_close_seconds or 0)
    if not stopped_at < standing.ends_at <= restarted_at + grace:
        return None
    return replace(standing, ends_at=standing.ends_at + (restarted_at - max(stopped_at, lot.starts_at)))


def _shut(lot: Lot, standing: Standing, now: datetime) -> DeskRefusal | None:
    """Why no act can change the lot any more: it is closed, or its end has passed and it only waits for the closer."""
    if standing.phase is CLOSED:
        return DeskRefusal.LOT_CLOSED
    return DeskRefusal.LOT_ENDED if is_due(lot, standing, now) else None


# Steps and legal amounts


def step_at(rule: EnglishRule, price_minor: int) -> int:
    """The increment d(price): that of the first band whose upper bound lies above the price."""
    for band in rule.steps:
        below = band.below_minor
        if below is None or price_minor < below:
            return band.increment_minor
    return rule.steps[-1].increment_minor


def increment(lot: Lot, standing: Standing) -> int:
    """The increment in force now."""
    price = standing.price_minor
    return step_at(lot.rule, lot.rule.start_price_minor if price is None else price)


def lowest_legal(lot: Lot, standing: Standing) -> int:
    """The lowest amount a bidder other than the leader may bid now: on the grid and a whole step above the price."""
    rule: EnglishRule = lot.rule
    price = standing.price_minor
    if price is None:
        return rule.start_price_minor
    return _on_grid(rule, price, price + step_at(rule, price))


def lowest_raise(lot: Lot, standing: Standing) -> int | None:
    """The lowest maximum the leader may set now, above his own; None without a leader. For his eyes alone."""
    if standing.price_minor is None or standing.leader_maximum_minor is None:
        return None
    return _on_grid(lot.rule, standing.price_minor, standing.leader_maximum_minor + 1)


def legal_amounts(lot: Lot, standing: Standing, steps: tuple[int, ...] = (1, 2, 5)) -> list[int]:
    """The amounts a page offers: the lowest legal one, and those some steps further, none above the house's cap."""
    lowest, step = lowest_legal(lot, standing), increment(lot, standing)
    offers = [lowest + (count - 1) * step for count in steps]
    return [amount for amount in offers if amount <= LARGEST_AMOUNT_MINOR]


def _on_grid(rule: EnglishRule, price: int, at_least: int) -> int:
    """The smallest amount on the grid that is not under `at_least`."""
    if rule.grid_base is FROM_START:
        base = rule.start_price_minor
    elif rule.grid_base is FROM_CURRENT:
        base = price
    else:
        return at_least
    return at_least + (base - at_least) % step_at(rule, price)


# The judge


def judge(lot: Lot, standing: Standing, bid: Bid, *, admitted: bool, ranks: Mapping[int, int] = NO_RANKS) -> Verdict:
    """Accept or refuse one bid at its stamp; refusals are tested in the order of `Refusal`.

    Promises: accepted only if start <= stamp < end; the price never falls and the end never comes earlier; a refused
    bid changes nothing; of two equal amounts the earlier stands.
    """
    amount, at, party = bid.amount_minor, bid.stamped_at, bid.party_id
    if bid.lot_id != lot.id:
        return Refused(refusal=Refusal.UNKNOWN_LOT)
    # bool is an int to isinstance, and a float that happens to be whole is still not money.
    if type(amount) is not int or amount <= 0:
        return _refuse(Refusal.MALFORMED_AMOUNT, lot, standing, bid)
    if bid.details is not None:
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
    paused_at = standing.paused_at
    if standing.phase is CLOSED or (paused_at is None and at >= standing.ends_at):
        return Refused(refusal=Refusal.CLOSED)
    # A bid stamped before the pause is in time, even if the pause was written first: the stamp alone decides.
    if paused_at is not None and at >= paused_at:
        return Refused(refusal=Refusal.PAUSED)
    if party == standing.leader_id:
        return _judge_leader(lot, standing, bid)
    return _judge_challenger(lot, standing, bid)


def _judge_challenger(lot: Lot, standing: Standing, bid: Bid) -> Verdict:
    rule, amount, old_price = lot.rule, bid.amount_minor, standing.price_minor
    if old_price is None:
        step = step_at(rule, rule.start_price_minor)
        if amount < rule.start_price_minor:
            return _refuse(Refusal.BELOW_MINIMUM, lot, standing, bid)
    else:
        step = step_at(rule, old_price)
        if amount < old_price + step:
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
    # The leader stays: his maximum answers one step above the challenger, as far as it reaches; equal, he was earlier.
    lines = (
        Line(party_id=bid.party_id, amount_minor=amount),
        Line(party_id=leader_id, amount_minor=min(maximum, amount + step_at(rule, amount)), automatic=True),
    )
    return _stands(lot, standing, bid.stamped_at, maximum, lines)


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
    if _on_grid(lot.rule, price, amount) != amount:
        return _refuse(Refusal.OFF_GRID, lot, standing, bid)
    jumped = _jump(lot.reserve_minor, amount, price)
    if jumped > price:
        line = Line(party_id=bid.party_id, amount_minor=jumped)
        return _stands(lot, standing, bid.stamped_at, amount, (line,))
    return Accepted(standing=replace(standing, leader_maximum_minor=amount), lines=NO_LINES)


def _jump(reserve: int | None, maximum: int, price: int) -> int:
    """The price once a maximum that reaches the reserve has lifted it there with no competition."""
    return reserve if reserve is not None and maximum >= reserve > price else price


def _stands(lot: Lot, standing: Standing, at: datetime, maximum: int, lines: tuple[Line, ...]) -> Accepted:
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
        ),
        lines=lines,
        extended=extended,
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
    if at < lot.starts_at or standing.phase is CLOSED or bid.party_id == lot.seller_id:
        return False
    return standing.paused_at is None and at < advance(lot, standing, at).ends_at
