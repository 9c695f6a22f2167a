"""The falling price, the reverse auction, many units at one price and sealed bids, written a second time from `docs/rules.md`.

Shares no code with `auction.formats`. Slow and plain on purpose: prices are found by walking, ranks and clearings by looking
at every bid; what a sealed bid says is known from whoever sealed it, not from opening it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from tests.simulation.naive import LARGEST, Asked, Compared, NaiveLot, Verdict


class NaiveDutch(NaiveLot):
    """The price falls by the lot's own clock, and the first press ends it."""

    def __init__(self, lot: Any, reserve: int | None) -> None:
        super().__init__(lot, reserve)
        rule = self.rule
        self.levels = [self.start]
        while self.levels[-1] > rule.floor_minor:
            self.levels.append(max(rule.floor_minor, self.levels[-1] - rule.step_minor))
        falls = len(self.levels) - 1
        seconds = rule.fall_seconds if rule.interval_seconds is None else falls * rule.interval_seconds
        self.fall = timedelta(seconds=seconds)
        self.end = self.starts_at + self.fall + timedelta(seconds=rule.floor_seconds)
        self.stills: tuple[tuple[datetime, datetime], ...] = ()
        self.leader: int | None = None

    def price_at(self, at: datetime) -> int:
        """The price of an instant: as many levels down as whole parts of the fall have passed on the lot's own clock."""
        if self.paused_at is not None:
            at = min(at, self.paused_at)
        stood = sum((min(at, until) - since for since, until in self.stills if at > since), timedelta())
        falls, passed = len(self.levels) - 1, 0
        # The n-th fall comes once n parts of the whole have passed.
        while passed < falls and (at - self.starts_at - stood) * falls >= (passed + 1) * self.fall:
            passed += 1
        return self.levels[passed]

    def refusal(self, asked: Asked) -> tuple[str | None, int | None]:
        shut = self.shut(asked)
        price = self.price_at(asked.at) if asked.at >= self.starts_at else None
        told = price if self.shut(asked, asks_admission=False) is None else None
        if asked.amount <= 0:
            return "malformed_amount", told
        if asked.amount > LARGEST:
            return "over_cap", told
        if shut is not None:
            return shut, None
        if asked.maximum:
            return "no_maximum", told
        assert price is not None
        return ("price_not_reached", price) if asked.amount < price else (None, None)

    def do_bid(self, asked: Asked) -> bool:
        self.price, self.leader, self.public_bids = self.price_at(asked.at), asked.party, 1
        self.phase, self.end = "decided", asked.at
        return True

    def bid_event(self, asked: Asked) -> tuple[int | None, object]:
        return self.price, None

    def standing(self) -> tuple[int | None, int | None, int | None]:
        return self.price, None, self.leader

    def do_close(self) -> Verdict:
        self.outcome = "unsold" if self.leader is None else "sold"
        self.paused_at = None
        return self.outcome, self.leader, self.price

    def awards(self) -> dict[int, tuple[int, int]]:
        assert self.leader is not None and self.price is not None
        return {self.leader: (1, self.price)}

    def do_resume(self, now: datetime) -> None:
        assert self.paused_at is not None
        since = max(self.paused_at, self.starts_at)
        super().do_resume(now)
        if now > since:
            self.stills = (*self.stills, (since, now))

    def credit(self, stopped_at: datetime, restarted_at: datetime) -> timedelta | None:
        if self.phase != "timed" or self.outcome is not None or self.paused_at is not None or self.end <= stopped_at:
            return None
        since = max([stopped_at, self.starts_at, *(until for _, until in self.stills)])
        return restarted_at - since if since < restarted_at else None

    def do_credit(self, given: timedelta, restarted_at: datetime) -> None:
        super().do_credit(given, restarted_at)
        self.stills = (*self.stills, (restarted_at - given, restarted_at))


class NaiveHidden(NaiveLot):
    """One phase in which nobody sees anything; the outcome comes with the close."""

    winner: int | None = None

    def do_bid(self, asked: Asked) -> bool:
        self.bids.append(asked._replace(seq=self.seq + 1))
        return True

    def standing(self) -> tuple[int | None, int | None, int | None]:
        return self.price, None, self.winner


TELLING = frozenset({"above_ceiling", "off_decrement", "not_improved", "lead_not_beaten"})
"""Refusals of a reverse auction that name a price."""


class Ranked(NamedTuple):
    cost: Fraction
    seq: int
    party: int
    price: int


class NaiveReverse(NaiveHidden):
    """Suppliers bid down; the lowest total cost wins, of equal ones the earlier."""

    def __init__(self, lot: Any, reserve: int | None) -> None:
        super().__init__(lot, reserve)
        self.grace = timedelta(seconds=self.rule.soft_close_seconds or 0)
        self.ranks: tuple[Ranked, ...] = ()

    def figures(self, details: bytes | None) -> dict[str, Fraction] | None:
        said = json.loads(details or b"{}").get("attributes", {})
        if set(said) != {one.key for one in self.rule.attributes}:
            return None
        return {key: Fraction(value) for key, value in said.items()}

    def weigh(self, figures: Mapping[str, Fraction]) -> tuple[Fraction, Fraction]:
        """(factor, what is added): a price costs price × factor + that."""
        factor, plus = Fraction(1), Fraction(0)
        for one in self.rule.attributes:
            best = Fraction(one.lowest if one.better == "lower" else one.highest)
            part = Fraction(one.weight_numerator, one.weight_denominator) * abs(figures[one.key] - best)
            if one.counts == "money":
                plus += part
            else:
                factor += part
        return factor, plus

    def cost(self, bid: Asked) -> Fraction:
        figures = self.figures(bid.details)
        assert figures is not None
        factor, plus = self.weigh(figures)
        return bid.amount * factor + plus

    def refusal(self, asked: Asked) -> tuple[str | None, int | None]:
        name, figures = self.rule_broken(asked), self.figures(asked.details)
        if name not in TELLING or figures is None:
            return name, None
        # The highest price that would stand, as far as this bidder may know: tried one after the other.
        factor, plus = self.weigh(figures)
        own, lead = self._own_and_lead(asked.party)
        lead = lead if self.rule.visibility != "rank_only" else None
        for price in range(self.start, 0, -self.rule.decrement_minor):
            if self._buffer_broken(price * factor + plus, own, lead) is None:
                return name, price
        return name, None

    def rule_broken(self, asked: Asked) -> str | None:
        if asked.amount <= 0:
            return "malformed_amount"
        if asked.maximum:
            return "no_maximum"
        figures = self.figures(asked.details)
        if figures is None:
            return "malformed_details"
        if asked.amount > LARGEST:
            return "over_cap"
        if (shut := self.shut(asked)) is not None:
            return shut
        if asked.amount > self.start:
            return "above_ceiling"
        if (self.start - asked.amount) % self.rule.decrement_minor:
            return "off_decrement"
        if any(not int(one.lowest) <= figures[one.key] <= int(one.highest) for one in self.rule.attributes):
            return "out_of_range"
        return self._buffer_broken(self.cost(asked), *self._own_and_lead(asked.party))

    def _own_and_lead(self, party: int) -> tuple[Fraction | None, Fraction | None]:
        """The party's own last cost, and that of the leader if it is somebody else."""
        own = next((one.cost for one in self.ranks if one.party == party), None)
        return own, self.ranks[0].cost if self.ranks and self.ranks[0].party != party else None

    def _buffer_broken(self, cost: Fraction, own: Fraction | None, lead: Fraction | None) -> str | None:
        if own is not None and (cost >= own or own - cost < self.rule.back_buffer_minor):
            return "not_improved"
        if lead is not None and cost < lead and lead - cost < self.rule.front_buffer_minor:
            return "lead_not_beaten"
        return None

    def do_bid(self, asked: Asked) -> bool:
        super().do_bid(asked)
        before = [one.party for one in self.ranks]
        own = Ranked(self.cost(asked), self.seq + 1, asked.party, asked.amount)
        self.ranks = tuple(sorted([own, *(one for one in self.ranks if one.party != asked.party)]))
        top, rule = self.rule.top_count, self.rule
        place = self.ranks.index(own)
        former = before.index(asked.party) if asked.party in before else None
        enters = former is None or former >= top
        rises = rule.extends_when == "rises" and former is not None and place < former
        is_capped = rule.cap_extensions is not None and self.extensions >= rule.cap_extensions
        if place < top and (enters or rises) and rule.soft_close_seconds is not None and not is_capped:
            wanted = asked.at + self.grace
            if wanted > self.end:
                self.end, self.extensions = wanted, self.extensions + 1
        return True

    def bid_event(self, asked: Asked) -> tuple[int | None, object]:
        cost = self.cost(asked)
        said = json.loads(asked.details or b"{}").get("attributes", {})
        return asked.amount, {"attributes": said, "cost": f"{cost.numerator}/{cost.denominator}"}

    def do_close(self) -> Verdict:
        ranks, self.public_bids = self.ranks, len(self.bids)
        best = ranks[0] if ranks else None
        self.price, self.winner = (None, None) if best is None else (best.price, best.party)
        is_sold = best is not None and (self.reserve is None or best.price <= self.reserve)
        self.outcome = "sold" if is_sold else "unsold"
        return (self.outcome, self.winner, self.price) if is_sold else (self.outcome, None, None)

    def awards(self) -> dict[int, tuple[int, int]]:
        assert self.winner is not None and self.price is not None
        return {self.winner: (1, self.price)}

    def proof(self, detail: Any) -> Compared:
        shown = [(one["seq"], one["price_minor"], one["cost"]) for one in detail["ranking"]]
        costs = [(one.seq, str(one.price), f"{one.cost.numerator}/{one.cost.denominator}") for one in self.ranks]
        return shown, costs


class NaiveUniform(NaiveHidden):
    """Many equal units at one price."""

    def asked_for(self, bid: Asked) -> tuple[int, bool, int | None]:
        said = json.loads(bid.details or b"{}")
        return said["quantity"], said.get("all_or_none", False), said.get("bid")

    def book(self) -> dict[tuple[int, int], Asked]:
        """(party, number of his bid) → the bid that now stands there."""
        found: dict[tuple[int, int], Asked] = {}
        for bid in self.bids:
            number = self.asked_for(bid)[2]
            if number is None:
                number = 1 + sum(party == bid.party for party, _ in found)
            found[bid.party, number] = bid
        return found

    def refusal(self, asked: Asked) -> tuple[str | None, int | None]:
        shut = self.shut(asked)
        told = self.start if self.shut(asked, asks_admission=False) is None else None
        if asked.amount <= 0:
            return "malformed_amount", told
        if asked.details is None:
            return "malformed_details", told
        units, whole, number = self.asked_for(asked)
        if max(asked.amount, asked.amount * units) > LARGEST:
            return "over_cap", told
        if shut is not None:
            return shut, None
        mine = {known: bid for (party, known), bid in self.book().items() if party == asked.party}
        former = None if number is None else mine.get(number)
        was_units, was_whole, _ = (0, True, None) if former is None else self.asked_for(former)
        over = (asked.amount - self.start) % self.rule.step_minor
        same = former is not None and (former.amount, was_units, was_whole) == (asked.amount, units, whole)
        for is_broken, name, lowest in (
            (asked.amount < self.start, "below_minimum", self.start),
            (over != 0, "off_grid", asked.amount - over + self.rule.step_minor),
            (asked.maximum, "no_maximum", None),
            (not 0 < units <= self.rule.quantity, "quantity_out_of_range", None),
            (whole and not self.rule.allows_all_or_none, "all_or_none_not_offered", None),
            (number is None and len(mine) >= self.rule.bids_per_bidder, "too_many_bids", None),
            (number is not None and former is None, "no_such_bid", None),
            (
                former is not None
                and (same or asked.amount < former.amount or units < was_units or (whole and not was_whole)),
                "bid_not_raised",
                None if former is None else former.amount,
            ),
        ):
            if is_broken:
                return name, lowest
        return None, None

    def bid_event(self, asked: Asked) -> tuple[int | None, object]:
        units, whole, _ = self.asked_for(asked)
        number = next(known for (_, known), bid in self.book().items() if bid.seq == self.seq)
        return asked.amount, {"all_or_none": whole, "bid": number, "quantity": units}

    def clearing(self) -> tuple[dict[int, int], int | None]:
        """(units by the seq of the bid, the price of all): unit after unit goes to whoever comes next by the rule."""
        floor = max(self.start, self.reserve or 0)
        book = sorted(self.book().values(), key=lambda bid: (-bid.amount, bid.seq))
        fills, rest = {bid.seq: 0 for bid in book}, self.rule.quantity
        beaten: list[int] = []
        for price in sorted({bid.amount for bid in book if bid.amount >= floor}, reverse=True):
            level = [bid for bid in book if bid.amount == price]
            if self.rule.marginal == "pro_rata":
                shared = [bid for bid in level if not self.asked_for(bid)[1]]
                wanted = sum(self.asked_for(bid)[0] for bid in shared)
                if wanted > rest > 0:
                    exact = {bid.seq: Fraction(self.asked_for(bid)[0] * rest, wanted) for bid in shared}
                    parts = {seq: int(part) for seq, part in exact.items()}
                    by_remainder = sorted(exact, key=lambda seq: (parts[seq] - exact[seq], seq))
                    for seq in by_remainder[: rest - sum(parts.values())]:
                        parts[seq] += 1
                    fills |= parts
                    beaten += [price for bid in shared if parts[bid.seq] < self.asked_for(bid)[0]]
                    level, rest = [bid for bid in level if bid not in shared], 0
                else:
                    level.sort(key=lambda bid: (self.asked_for(bid)[1], bid.seq))
            for bid in level:
                units, whole, _ = self.asked_for(bid)
                if rest == 0 or (units > rest and not whole):
                    beaten.append(price)
                given = units if units <= rest else 0 if whole else rest
                fills[bid.seq], rest = given, rest - given
        if not any(fills.values()):
            return fills, None
        if self.rule.pricing == "lowest_accepted":
            return fills, min(bid.amount for bid in book if fills[bid.seq])
        return fills, max(beaten, default=floor)

    def do_close(self) -> Verdict:
        _, self.price = self.clearing()
        self.public_bids = len(self.book())
        self.outcome = "unsold" if self.price is None else "sold"
        return self.outcome, None, None

    def awards(self) -> dict[int, tuple[int, int]]:
        fills, price = self.clearing()
        assert price is not None
        found: dict[int, tuple[int, int]] = {}
        for bid in self.bids:
            if units := fills.get(bid.seq, 0):
                found[bid.party] = (found.get(bid.party, (0, 0))[0] + units, 0)
        return {party: (units, units * price) for party, (units, _) in found.items()}

    def proof(self, detail: Any) -> Compared:
        fills, price = self.clearing()
        shown = {one["seq"]: one["filled"] for one in detail["book"]}
        return (shown, detail["price_minor"]), (fills, None if price is None else str(price))


class Said(NamedTuple):
    """What a sealed bid says, and why it does not count (None: it does), as its bidder knows it."""

    amount: int
    why_void: str | None


class NaiveSealed(NaiveHidden):
    """First and second price. `said` is what was sealed, by commitment."""

    said: Mapping[str, Said]

    def is_passing(self, now: datetime) -> bool:
        return self.phase == "timed" and self.paused_at is None and now >= self.end

    def do_pass(self) -> datetime:
        self.phase = "opening"
        return self.end

    def refusal(self, asked: Asked) -> tuple[str | None, int | None]:
        if asked.amount:
            return "sum_in_clear", None
        if asked.details is None:
            return "malformed_details", None
        if (shut := self.shut(asked)) is not None:
            return shut, None
        own = [bid for bid in self.bids if bid.party == asked.party]
        if self._withdraws(asked):
            return (None, None) if own and not self._withdraws(own[-1]) else ("nothing_to_withdraw", None)
        return None, None

    @staticmethod
    def _withdraws(bid: Asked) -> bool:
        return bool(json.loads(bid.details or b"{}").get("withdraw"))

    def standing_bids(self) -> list[list[Asked]]:
        """Of each party what it has sent since it last withdrew, the oldest first; the parties without are left out."""
        found: dict[int, list[Asked]] = {}
        for bid in self.bids:
            if self._withdraws(bid):
                found[bid.party] = []
            else:
                found.setdefault(bid.party, []).append(bid)
        return [bids for bids in found.values() if bids]

    def bid_event(self, asked: Asked) -> tuple[int | None, object]:
        said = json.loads(asked.details or b"{}")
        return None, {name: value for name, value in said.items() if value}

    def do_unseal(self) -> None:
        self.phase = "decided"

    def counted(self) -> list[tuple[int, int, int]]:
        """(amount, seq, party) of each party's last bid that counts, the best first."""
        found = []
        for bids in self.standing_bids():
            for bid in reversed(bids):
                said = self.said[json.loads(bid.details or b"{}")["commitment"]]
                if said.why_void is None:
                    found.append((said.amount, bid.seq, bid.party))
                    break
        return sorted(found, key=lambda one: (-one[0], one[1]))

    def do_close(self) -> Verdict:
        ranks = self.counted() if self.phase == "decided" else []
        self.public_bids = len(ranks)
        is_sold = bool(ranks) and (self.reserve is None or ranks[0][0] >= self.reserve)
        self.outcome = "sold" if is_sold else "unsold"
        if not is_sold:
            return self.outcome, None, None
        second = max(self.start, self.reserve or 0, *(amount for amount, _, _ in ranks[1:2]))
        self.price, self.winner = (ranks[0][0] if self.rule.pricing == "first" else second), ranks[0][2]
        return self.outcome, self.winner, self.price

    def awards(self) -> dict[int, tuple[int, int]]:
        assert self.winner is not None and self.price is not None
        return {self.winner: (1, self.price)}

    def proof(self, detail: Any) -> Compared:
        ranks = self.counted() if self.phase == "decided" else []
        return [(one["amount_minor"], one["seq"]) for one in detail["bids"]], [
            (str(amount), seq) for amount, seq, _ in ranks
        ]

    def opened(self, detail: Any) -> Compared:
        """What the opening says of the bids that count and of the later ones that are void, and what it has to say."""
        voids = []
        for bids in self.standing_bids():
            for bid in reversed(bids):
                said = self.said[json.loads(bid.details or b"{}")["commitment"]]
                if said.why_void is None:
                    break
                voids.append((bid.seq, said.why_void))
        bids, expected = self.proof(detail)
        return (bids, [(one["seq"], one["reason"]) for one in detail["voids"]]), (expected, sorted(voids))
