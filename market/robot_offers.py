"""What a robot offers on a lot of each format: pure, from what the house shows on the wire.

`state` is the lot's public state, `own` what it shows to this bidder alone. The answer goes into the bid's message.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

_random = random.Random()


def offer(
    state: Mapping[str, Any],
    own: Mapping[str, Any] | None,
    paddle: int,
    limit_minor: int,
    chance: random.Random = _random,
) -> dict[str, Any] | None:
    """The members of a bid, or None where there is nothing that the robot wants to say within its limit."""
    return _OFFERS[state.get("format", "english")](state, own or {}, paddle, limit_minor, chance)


def _english(
    state: Mapping[str, Any], own: Mapping[str, Any], paddle: int, limit_minor: int, chance: random.Random
) -> dict[str, Any] | None:
    """Mostly the next legal amount, sometimes a jump, sometimes a maximum some steps up."""
    if state["next_minor"] is None or state["leader"] == paddle:
        return None
    lowest, step = int(state["next_minor"]), int(state["increment_minor"] or 0)
    if lowest > limit_minor:
        return None
    steps = chance.choices((0, 1, 2, 4), (70, 15, 10, 5))[0]
    amount = lowest + steps * step
    if amount > limit_minor:
        amount = lowest
    return {"maximum" if steps >= 2 else "amount": str(amount)}


def _dutch(
    state: Mapping[str, Any], own: Mapping[str, Any], paddle: int, limit_minor: int, chance: random.Random
) -> dict[str, Any] | None:
    """The price that stands, once it is low enough."""
    price = fallen_to(state["detail"], datetime.now(UTC))
    return {"amount": str(price)} if price <= limit_minor else None


def fallen_to(fall: Mapping[str, Any], at: datetime) -> int:
    """The price of a falling lot at an instant, as its page computes it."""
    start, floor, step = (int(fall[name]) for name in ("start_price_minor", "floor_minor", "step_minor"))
    steps, whole_us = int(fall["step_count"]), int(fall["fall_us"])
    elapsed = at - datetime.fromisoformat(fall["falls_from"])
    elapsed_us = (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
    return max(floor, start - min(steps, max(0, steps * elapsed_us // whole_us)) * step)


def _sealed(
    state: Mapping[str, Any], own: Mapping[str, Any], paddle: int, limit_minor: int, chance: random.Random
) -> dict[str, Any] | None:
    """One sealed bid: where the second price is paid, nothing is gained by saying less than the worth."""
    from auction.sealing import seal_bid

    start, step = int(state["next_minor"]), int(state["increment_minor"] or 0) or 1
    if own.get("commitment") is not None or limit_minor < start:
        return None
    amount = limit_minor - (limit_minor - start) % step
    made = seal_bid(state["detail"]["public_key"], lot=state["lot"], paddle=paddle, amount_minor=amount)
    return {"details": {"ciphertext": made.ciphertext, "commitment": made.commitment}}


def _uniform(
    state: Mapping[str, Any], own: Mapping[str, Any], paddle: int, limit_minor: int, chance: random.Random
) -> dict[str, Any] | None:
    """At most two bids of some units, the second for less a unit."""
    bids = own.get("bids", ())
    start, step = int(state["next_minor"]), int(state["increment_minor"])
    price = round(limit_minor * (1 - 0.1 * len(bids)))
    if len(bids) >= min(2, state["detail"]["bids_per_bidder"]) or price < start:
        return None
    units = chance.randint(1, max(1, state["detail"]["quantity"] // 3))
    return {"amount": str(price - (price - start) % step), "details": {"quantity": units}}


def _reverse(
    state: Mapping[str, Any], own: Mapping[str, Any], paddle: int, limit_minor: int, chance: random.Random
) -> dict[str, Any] | None:
    """Some steps under the own last price unless it ranks first, never under the limit; the attributes stay as promised."""
    rule, last = state["detail"]["rule"], own.get("bid")
    ceiling, step = int(rule["start_price_minor"]), int(rule["decrement_minor"])
    if own.get("rank") == 1:
        return None
    if last is None:
        values = {one["key"]: _promised(one, chance) for one in rule["attributes"]}
        price = ceiling - chance.randint(0, ceiling // step // 8) * step
    else:
        values = last["attributes"]
        price = int(last["price_minor"]) - chance.randint(1, max(1, ceiling // step // 25)) * step
    return {"amount": str(price), "details": {"attributes": values}} if price >= limit_minor else None


def _promised(attribute: Mapping[str, Any], chance: random.Random) -> str:
    """A whole figure between the worst that qualifies and the best."""
    worst = attribute["floor"] or attribute["highest" if attribute["better"] == "lower" else "lowest"]
    ends = sorted(
        round(float(text)) for text in (worst, attribute["lowest" if attribute["better"] == "lower" else "highest"])
    )
    return str(chance.randint(*ends))


_OFFERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any], int, int, random.Random], dict[str, Any] | None]] = {
    "english": _english,
    "dutch": _dutch,
    "sealed": _sealed,
    "uniform": _uniform,
    "reverse": _reverse,
}
