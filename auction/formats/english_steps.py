"""What an English lot asks for next: its step, the amounts that are legal, and whether it can still be bought at once."""

from __future__ import annotations

from auction.facts import LARGEST_AMOUNT_MINOR, BuyNowUntil, EnglishRule, GridBase, Lot, Standing

# Reading an enum's member through its class costs ten times a global in Python 3.11, and the judge comes by here.
FROM_START, FROM_CURRENT = GridBase.START, GridBase.CURRENT


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
    return on_grid(rule, price, price + step_at(rule, price))


def lowest_raise(lot: Lot, standing: Standing) -> int | None:
    """The lowest maximum the leader may set now, above his own; None without a leader. For his eyes alone."""
    if standing.price_minor is None or standing.leader_maximum_minor is None:
        return None
    return on_grid(lot.rule, standing.price_minor, standing.leader_maximum_minor + 1)


def legal_amounts(lot: Lot, standing: Standing, steps: tuple[int, ...] = (1, 2, 5)) -> list[int]:
    """The amounts a page offers: the lowest legal one, and those some steps further, none above the house's cap."""
    lowest, step = lowest_legal(lot, standing), increment(lot, standing)
    offers = [lowest + (count - 1) * step for count in steps]
    return [amount for amount in offers if amount <= LARGEST_AMOUNT_MINOR]


def on_grid(rule: EnglishRule, price: int, at_least: int) -> int:
    """The smallest amount on the grid that is not under `at_least`."""
    if rule.grid_base is FROM_START:
        base = rule.start_price_minor
    elif rule.grid_base is FROM_CURRENT:
        base = price
    else:
        return at_least
    return at_least + (base - at_least) % step_at(rule, price)


def buy_now_price(lot: Lot, standing: Standing) -> int | None:
    """For what the lot can be bought at once as it stands; None once the offer is gone (or there never was one).

    Where it lasts until the reserve is met it is also gone when the next bid would reach it.
    """
    rule: EnglishRule = lot.rule
    price = rule.buy_now_minor
    if price is None or standing.price_minor is None:
        return price
    if rule.buy_now_until is BuyNowUntil.FIRST_BID or standing.reserve_met or lowest_legal(lot, standing) >= price:
        return None
    return price
