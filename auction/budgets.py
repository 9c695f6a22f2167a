"""A bidder's own budget over all lots of one sale: at most so many lots, at most such a sum. Pure.

What counts is what the bidder would have to take if every lot ended now, each lot at the most that he has offered there;
`taken_by` of the lot's format says what that is. A bid that would take him past his budget is refused before it can lead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from auction.facts import Accepted, Logged, Lot, Refusal
from auction.formats import format_of

BudgetKey = tuple[int, int]
"""(sale, party)."""


class Budget(Struct, frozen=True, kw_only=True):
    """What a bidder has set himself for a sale. None: no bound."""

    most_lots: int | None = None
    most_minor: int | None = None


class Purse(Struct):
    """A budget while bids are judged: `taken` is what each lot would cost him, 0 while a sealed bid hides it. Only grows: what
    somebody outbids in the same batch is free again at the next one, when it is sure to be written.
    """

    budget: Budget
    taken: dict[int, int]

    def refusal_of(self, lot_id: int, amount_minor: int) -> Refusal | None:
        """Why this lot at this amount is past the budget, or None."""
        others = {other: amount for other, amount in self.taken.items() if other != lot_id}
        most_lots, most_minor = self.budget.most_lots, self.budget.most_minor
        if most_lots is not None and len(others) + 1 > most_lots:
            return Refusal.BUDGET_OF_LOTS
        if most_minor is not None and sum(others.values()) + amount_minor > most_minor:
            return Refusal.BUDGET_OF_SUM
        return None

    @property
    def taken_minor(self) -> int:
        """What is taken altogether."""
        return sum(self.taken.values())

    @property
    def sealed_count(self) -> int:
        """How many of the lots taken are sealed bids, whose sums come in at the opening."""
        return sum(not amount for amount in self.taken.values())

    def take(self, lot_id: int, amount_minor: int) -> None:
        """The lot would now cost him this."""
        self.taken[lot_id] = max(amount_minor, self.taken.get(lot_id, 0))


Purses = Mapping[int, Purse]
"""By party, for the sale of one lot."""


def keep_to_budget(purses: Purses, lot: Lot, party_id: int, verdict: Accepted) -> Refusal | None:
    """Why an accepted bid is past its bidder's budget; None if it is not, and then it counts from now on."""
    purse = purses.get(party_id)
    offered = None if purse is None else format_of(lot).taken_by(lot, verdict.standing, party_id)
    if purse is None or offered is None:
        return None
    refusal = purse.refusal_of(lot.id, offered)
    if refusal is None:
        purse.take(lot.id, offered)
    return refusal


def taken_while_hidden(lot: Lot, party_id: int, own: Iterable[Logged]) -> int | None:
    """What an open lot that hides its bids could cost the party, told by the party's own events alone."""
    rules = format_of(lot)
    return rules.taken_by(lot, rules.fold(lot, rules.opening(lot), own), party_id)
