"""Books to match: written as lines of limit and quantity, or made from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from market.matching.facts import Order, Side

Lines = Sequence[tuple[int, int]]


def book(demand: Lines, supply: Lines) -> list[Order]:
    """Orders that take any number, demand first, each side in the order of its lines."""
    lines = [(Side.DEMAND, *line) for line in demand] + [(Side.SUPPLY, *line) for line in supply]
    return [
        Order(seq=seq, side=side, price_minor=price, quantity=quantity)
        for seq, (side, price, quantity) in enumerate(lines, 1)
        if quantity
    ]


def order(seq: int, side: Side, price: int, quantity: int, minimum: int = 1) -> Order:
    """One order."""
    return Order(seq=seq, side=side, price_minor=price, quantity=quantity, minimum=minimum)


def random_book(
    seed: int, count: int, *, prices: int = 12, quantity: int = 30, conditional: float = 0.0
) -> list[Order]:
    """Orders on both sides around one price; so large a part of them has a minimum, half of those take all or none."""
    chance = random.Random(seed)
    orders = []
    for seq in range(1, count + 1):
        units = chance.randint(1, quantity)
        minimum = 1
        if chance.random() < conditional:
            minimum = units if chance.random() < 0.5 else chance.randint(1, units)
        price = 100 + chance.randint(0, prices)
        orders.append(order(seq, chance.choice(list(Side)), price, units, minimum))
    return orders


def of(orders: Iterable[Order], side: Side) -> list[Order]:
    """One side of the book in order of time."""
    return [order for order in orders if order.side is side]
