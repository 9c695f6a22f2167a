"""The rules written a second time, naively, from `docs/rules.md`: what all formats have, and the English one, where everything
is read off the list of accepted bids. `naive_formats.py` has the others.

Shares no code with `auction.formats`; only the facts of a lot are common. Slow and plain on purpose: it is the witness
against which what the house did is judged.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

LARGEST = 10**15
SILENCE = timedelta(seconds=3)


class Asked(NamedTuple):
    """One request to bid as it was recorded."""

    party: int
    amount: int
    maximum: bool
    at: datetime
    details: bytes | None = None
    seq: int = 0


Verdict = tuple[str, int | None, int | None]
"""(outcome, winner, price) of a close."""


Compared = tuple[object, object]
"""What was found, and what it has to be."""


class NaiveLot:
    """One lot of any format. `do_…` takes what is known to have happened in order; the rest only reads."""

    price: int | None = None
    """What everybody may see of it."""
    phase = "timed"

    def __init__(self, lot: Any, reserve: int | None) -> None:
        self.rule, self.reserve = lot.rule, reserve
        self.id, self.seller, self.starts_at = lot.id, lot.seller_id, lot.starts_at
        self.start = lot.rule.start_price_minor
        self.end: datetime = lot.starts_at + timedelta(seconds=getattr(lot.rule, "timed_seconds", None) or 0)
        self.grace = timedelta()
        self.public_bids = self.extensions = self.seq = 0
        self.paused_at: datetime | None = None
        self.outcome: str | None = None
        self.admitted: set[int] = set()
        self.bids: list[Asked] = []

    def copy(self) -> NaiveLot:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.bids, other.admitted = list(self.bids), set(self.admitted)
        return other

    # What a format says for itself

    def refusal(self, asked: Asked) -> tuple[str | None, int | None]:
        """The first rule that the bid breaks, and the amount that this bidder is told instead, where he is."""
        raise NotImplementedError

    def rule_broken(self, asked: Asked) -> str | None:
        """The first rule that the bid breaks."""
        return self.refusal(asked)[0]

    def do_bid(self, asked: Asked) -> bool:
        """An accepted bid; whether it has an event of its own."""
        raise NotImplementedError

    def do_close(self) -> Verdict:
        """The lot's end has come."""
        raise NotImplementedError

    def standing(self) -> tuple[int | None, int | None, int | None]:
        """Price, the leader's maximum and the leader as the house has to have them stored."""
        return None, None, None

    def bid_event(self, asked: Asked) -> tuple[int | None, object]:
        """The amount of the last line, and the detail, that the event of the bid accepted last has to have."""
        return asked.amount, None

    def awards(self) -> dict[int, tuple[int, int]]:
        """Of a sold lot: what each buyer gets, as (units, total)."""
        return {}

    def proof(self, detail: Any) -> Compared:
        """What the closing event's detail says, and what it has to say by the bids."""
        return detail, None

    def is_passing(self, now: datetime) -> bool:
        """Whether the first phase is over at `now` and another follows."""
        return False

    def do_pass(self) -> datetime:
        """The first phase has passed; when."""
        raise NotImplementedError

    # What all have

    def shut(self, asked: Asked, *, asks_admission: bool = True) -> str | None:
        """Why nothing at all could be bid by this bidder at this instant."""
        is_over = self.outcome is not None or self.phase in ("decided", "opening")
        for is_broken, name in (
            (asked.party == self.seller, "own_lot"),
            (asks_admission and asked.party not in self.admitted, "not_admitted"),
            (asked.at < self.starts_at, "not_started"),
            (is_over or (self.paused_at is None and asked.at >= self.end), "closed"),
            (self.paused_at is not None and asked.at >= self.paused_at, "paused"),
        ):
            if is_broken:
                return name
        return None

    def do_lower_reserve(self, reserve: int) -> None:
        raise AssertionError("only an English lot's reserve is lowered")

    def do_resume(self, now: datetime) -> None:
        assert self.paused_at is not None
        self.end += max(now - max(self.paused_at, self.starts_at), timedelta())
        self.paused_at = None

    def credit(self, stopped_at: datetime, restarted_at: datetime) -> timedelta | None:
        """What an outage gives back to the lot, in the phase in which it was found; None for nothing."""
        if self.phase != "timed" or self.outcome is not None or self.paused_at is not None:
            return None
        if restarted_at <= self.starts_at or not stopped_at < self.end <= restarted_at + self.grace:
            return None
        return restarted_at - max(stopped_at, self.starts_at)

    def do_credit(self, given: timedelta, restarted_at: datetime) -> None:
        self.end += given


class NaiveEnglish(NaiveLot):
    """An English lot: reading works everything out from the bids."""

    def __init__(self, lot: Any, reserve: int | None) -> None:
        super().__init__(lot, reserve)
        rule = lot.rule
        self.bands = [(band.below_minor, band.increment_minor) for band in rule.steps]
        self.grid = str(rule.grid_base)
        self.window = timedelta(seconds=rule.extension_seconds) if rule.extension_seconds is not None else None
        self.soft = timedelta(seconds=rule.soft_close_seconds) if rule.soft_close_seconds is not None else None
        self.most_extensions, self.latest_end = rule.cap_extensions, rule.cap_at
        self.phase = "timed" if rule.timed_seconds is not None else "delayed"
        first = rule.timed_seconds if rule.timed_seconds is not None else rule.extension_seconds
        self.end = lot.starts_at + timedelta(seconds=first)

    # Reading

    def standing(self) -> tuple[int | None, int | None, int | None]:
        maximum, leader = self.ranking()[0] if self.bids else (None, None)
        return self.price, maximum, leader

    def bid_event(self, asked: Asked) -> tuple[int | None, object]:
        return self.price, None

    def step(self, price: int) -> int:
        return next((step for below, step in self.bands if below is None or price < below), self.bands[-1][1])

    def ranking(self) -> list[tuple[int, int]]:
        """(amount, party) of each party's highest bid, the best first; of equal amounts the earlier."""
        best: dict[int, tuple[int, int]] = {}
        for order, bid in enumerate(self.bids):
            if bid.party not in best or bid.amount > -best[bid.party][0]:
                best[bid.party] = (-bid.amount, order)
        return [(-amount, party) for amount, _, party in sorted((*key, party) for party, key in best.items())]

    def lowest_on_grid(self, at_least: int) -> int:
        """The first amount from `at_least` on that a bid may have."""
        price = self.price
        base = {"start": self.start, "current": self.start if price is None else price}.get(self.grid)
        if base is None:
            return at_least
        step = self.step(self.start if price is None else price)
        return at_least + (base - at_least) % step

    def refusal(self, asked: Asked) -> tuple[str | None, int | None]:
        """The first rule that the bid breaks, and the lowest amount that this bidder is told instead."""
        ranks, price = self.ranking(), self.price
        leads = bool(ranks) and ranks[0][1] == asked.party
        is_over = self.outcome is not None or (self.paused_at is None and asked.at >= self.end_at(asked.at))
        for is_broken, name in (
            (asked.amount <= 0, "malformed_amount"),
            (asked.amount > LARGEST, "over_cap"),
            (asked.party == self.seller, "own_lot"),
            (asked.party not in self.admitted, "not_admitted"),
            (asked.at < self.starts_at, "not_started"),
            (is_over, "closed"),
            (self.paused_at is not None and asked.at >= self.paused_at, "paused"),
        ):
            if is_broken:
                return name, None
        if price is None:
            floor, base = self.start, self.start
        else:
            floor, base = price + self.step(price), self.start if self.grid == "start" else price
        step = self.step(self.start if price is None else price)
        off_grid = self.grid != "none" and (asked.amount - base) % step != 0
        if leads:
            lowest: int | None = self.lowest_on_grid(ranks[0][0] + 1)
        else:
            lowest = self.start if price is None else self.lowest_on_grid(floor)
        if lowest is not None and lowest > LARGEST:
            lowest = None
        for is_broken, name in (
            (leads and not asked.maximum, "already_leading"),
            (leads and asked.amount <= ranks[0][0] if ranks else False, "maximum_not_raised"),
            (not leads and asked.amount < floor, "below_minimum"),
            (off_grid, "off_grid"),
        ):
            if is_broken:
                return name, lowest
        return None, None

    def end_at(self, now: datetime) -> datetime:
        """When bidding ends, as it looks at `now`: a delayed phase follows the timed one by itself."""
        return self.end + self.window if self.is_passing(now) and self.window is not None else self.end

    def is_passing(self, now: datetime) -> bool:
        """Whether the timed phase is over at `now` and the delayed one follows."""
        stands = now if self.paused_at is None or now < self.paused_at else self.paused_at
        return self.phase == "timed" and self.window is not None and stands >= self.end

    # What happens

    def do_pass(self) -> datetime:
        """The timed phase has passed into the delayed one; when."""
        passed_at = self.end
        assert self.window is not None and self.phase == "timed"
        self.phase, self.end = "delayed", self.end + self.window
        return passed_at

    def do_bid(self, asked: Asked) -> bool:
        """An accepted bid; whether anybody else sees it."""
        former = self.ranking()
        own_raise = bool(former) and former[0][1] == asked.party
        self.bids.append(asked)
        ranks, old = self.ranking(), self.price
        floors = [self.start if old is None else old]
        if not asked.maximum:
            floors.append(asked.amount)
        if not own_raise and len(ranks) > 1:
            floors.append(min(ranks[0][0], ranks[1][0] + self.step(ranks[1][0])))
        if self.reserve is not None and ranks[0][0] >= self.reserve:
            floors.append(self.reserve)
        self.price = max(floors)
        if own_raise and self.price == old:
            return False
        self.public_bids += 1
        window = self.window if self.phase == "delayed" else self.soft
        if window is not None and (self.most_extensions is None or self.extensions < self.most_extensions):
            wanted = asked.at + window if self.latest_end is None else min(asked.at + window, self.latest_end)
            if wanted > self.end:
                self.end, self.extensions = wanted, self.extensions + 1
        return True

    def do_lower_reserve(self, reserve: int) -> None:
        self.reserve = reserve
        if self.bids and self.price is not None and self.ranking()[0][0] >= reserve:
            self.price = max(self.price, reserve)

    def credit(self, stopped_at: datetime, restarted_at: datetime) -> timedelta | None:
        if self.outcome is not None or self.paused_at is not None or restarted_at <= self.starts_at:
            return None
        if not stopped_at < self.end_at(stopped_at) <= restarted_at + (self.window or self.soft or timedelta()):
            return None
        return restarted_at - max(stopped_at, self.starts_at)

    def do_close(self) -> Verdict:
        met = self.price is not None and (self.reserve is None or self.price >= self.reserve)
        self.outcome = "sold" if met else "unsold"
        return ("sold", self.ranking()[0][1], self.price) if met else ("unsold", None, None)

    def awards(self) -> dict[int, tuple[int, int]]:
        assert self.price is not None
        return {self.ranking()[0][1]: (1, self.price)}
