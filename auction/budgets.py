"""A bidder's own budget over all lots of one sale: at most so many lots, at most such a sum. Pure.

What counts is what the bidder would have to take if every lot ended now: the lots that he leads or has won, each at the
most that he has offered there. A bid that would take him past his budget is refused before it can lead.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from auction.facts import Accepted, Refusal, Standing

BudgetKey = tuple[int, int]
"""(sale, party)."""


class Budget(Struct, frozen=True, kw_only=True):
    """What a bidder has set himself for a sale. None: no bound."""

    most_lots: int | None = None
    most_minor: int | None = None


class Purse(Struct):
    """A budget while bids are judged: `taken` is what each lot would cost him. Only grows: what somebody outbids in the same
    batch is free again at the next one, when it is sure to be written.
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

    def take(self, lot_id: int, amount_minor: int) -> None:
        """The lot would now cost him this."""
        self.taken[lot_id] = max(amount_minor, self.taken.get(lot_id, 0))


Purses = Mapping[int, Purse]
"""By party, for the sale of one lot."""


def keep_to_budget(purses: Purses, lot_id: int, party_id: int, verdict: Accepted) -> Refusal | None:
    """Why an accepted bid is past its bidder's budget; None if it is not, and then it counts from now on."""
    purse = purses.get(party_id)
    offered = None if purse is None else _offered(party_id, verdict.standing)
    if purse is None or offered is None:
        return None
    refusal = purse.refusal_of(lot_id, offered)
    if refusal is None:
        purse.take(lot_id, offered)
    return refusal


def _offered(party_id: int, standing: Standing) -> int | None:
    """The most that the party has offered on a lot that it now leads."""
    if standing.leader_id != party_id:
        return None
    return standing.leader_maximum_minor if standing.leader_maximum_minor is not None else standing.price_minor
