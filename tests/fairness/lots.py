"""The lots that are played for the checks of fairness: of each format several, with every option at least once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from auction import retracting, sealing
from auction.facts import EnglishRule, GridBase, RetractionReason, StepBand
from auction.formats.clearing import Marginal, Pricing
from auction.formats.dutch import DutchRule
from auction.formats.reverse import ReverseRule
from auction.formats.sealed import Pricing as SealedPricing
from auction.formats.sealed import SealedRule
from auction.formats.uniform import UniformRule
from auction.heads import Heads
from tests.auction.house import Node
from tests.auction.reverse_lots import DAYS, SCORE
from tests.fairness.played import KEY, Played, Stage, stage

ANN, BOB, CAT, DAN = 900_000_000_011, 900_000_000_012, 900_000_000_013, 900_000_000_014
ALL = (ANN, BOB, CAT, DAN)
Play = Callable[[Node, Heads], Awaitable[Played]]


def _english(**rule: Any) -> EnglishRule:
    steps = rule.pop("steps", (StepBand(increment_minor=10),))
    given = {"start_price_minor": 100, "steps": steps, "timed_seconds": 60, "extension_seconds": 60}
    return EnglishRule(**(given | rule))


async def english_two_phases(node: Node, heads: Heads) -> Played:
    """Bands, a reserve that jumps, proxies, both phases, a cap by number, silent raise, pause, extension, credit."""
    bands = (StepBand(below_minor=200, increment_minor=10), StepBand(increment_minor=50))
    here = await stage(node, heads, _english(steps=bands, cap_extensions=3), ALL, reserve=300)
    await here.stands(ANN, 150, 1, maximum=True)
    await here.stands(BOB, 110, 2)
    assert (await here.bid(CAT, 115, 3)).refusal is not None
    await here.stands(CAT, 200, 4)
    await here.heads.sign_changed()
    await here.pause(10)
    await here.stands(DAN, 250, 9.5)
    await here.resume(15)
    await here.stands(ANN, 700, 20, maximum=True)
    await here.stands(ANN, 800, 21, maximum=True)
    await here.stands(BOB, 400, 22)
    await here.extend(80, 23)
    await here.heads.sign_changed()
    await here.stands(CAT, 500, 90)
    await here.stands(DAN, 800, 100, maximum=True)
    await here.credit(155, 165)
    await here.stands(BOB, 850, 166)
    await here.stands(CAT, 1_000, 167, maximum=True)
    return await here.close()


async def english_options(node: Node, heads: Heads) -> Played:
    """The current price as grid, a right of priority, timed bidders only, a retraction, an absolute cap."""
    rule = _english(
        grid_base=GridBase.CURRENT,
        only_timed_bidders=True,
        priority_right=True,
        retraction_seconds=30,
        cap_at=node.node_time.now().replace(microsecond=0) + timedelta(hours=1, seconds=150),
    )
    here = await stage(node, heads, rule, ALL)
    await here.rank(DAN, 1)
    await here.stands(ANN, 100, 1)
    await here.stands(BOB, 130, 2)
    taken_back = await here.stands(CAT, 190, 3)
    await here.act(
        lambda conn: retracting.retract_bid(
            conn,
            lot_id=here.lot.id,
            party_id=CAT,
            client_bid_id=taken_back.client_bid_id,
            reason=RetractionReason.WRONG_AMOUNT,
            now=here.at(8),
        )
    )
    await here.stands(DAN, 130, 12)
    await here.stands(ANN, 160, 20, maximum=True)
    await here.stands(DAN, 150, 25)
    assert (await here.bid(CAT, 500, 70)).refusal is not None
    await here.stands(BOB, 200, 100)
    await here.stands(DAN, 200, 145)
    return await here.close()


async def english_bought(node: Node, heads: Heads) -> Played:
    """Bought at once while the reserve was not met."""
    rule = _english(buy_now_minor=900, buy_now_until="reserve_met", soft_close_seconds=10, extension_seconds=None)
    here = await stage(node, heads, rule, ALL, reserve=600)
    await here.stands(ANN, 200, 1)
    await here.stands(BOB, 250, 55)
    await here.stands(CAT, 900, 60, buy_now=True)
    return await here.close()


async def english_unsold(node: Node, heads: Heads) -> Played:
    """A delayed phase alone, below the reserve."""
    here = await stage(node, heads, _english(timed_seconds=None), ALL, reserve=5_000)
    await here.stands(ANN, 200, 1)
    await here.stands(BOB, 300, 59, maximum=True)
    return await here.close()


async def english_void(node: Node, heads: Heads) -> Played:
    """Ended by the house."""
    here = await stage(node, heads, _english(), ALL)
    await here.stands(ANN, 200, 1)
    await here.stands(BOB, 300, 20, maximum=True)
    return await here.close(void=True)


def _sealed(**rule: Any) -> SealedRule:
    given = {"start_price_minor": 100, "timed_seconds": 60, "public_key": sealing.encoded(KEY.public)}
    return SealedRule(**(given | rule))


async def _seals(here: Stage) -> None:
    await here.seal(ANN, 400, 1)
    await here.seal(BOB, 700, 2)
    await here.pause(5)
    await here.resume(10)
    await here.seal(BOB, 500, 20)
    await here.seal(CAT, 900, 21)
    await here.stands(CAT, 0, 30, withdraw=True)
    await here.seal(ANN, 333, 40)
    await here.seal(DAN, 500, 50)
    await here.unseal(70)


async def sealed_second(node: Node, heads: Heads) -> Played:
    """Second price with a reserve and a grid: versions, a withdrawal, an illegal last version, a tie."""
    here = await stage(node, heads, _sealed(step_minor=50), ALL, reserve=450)
    await _seals(here)
    return await here.close()


async def sealed_first(node: Node, heads: Heads) -> Played:
    """First price, no reserve, no grid."""
    here = await stage(node, heads, _sealed(pricing=SealedPricing.FIRST), ALL)
    await _seals(here)
    return await here.close()


async def sealed_unsold(node: Node, heads: Heads) -> Played:
    """Nobody reaches the reserve."""
    here = await stage(node, heads, _sealed(), ALL, reserve=5_000)
    await _seals(here)
    return await here.close()


async def sealed_alone(node: Node, heads: Heads) -> Played:
    """One bid pays the start price."""
    here = await stage(node, heads, _sealed(), ALL)
    await here.seal(ANN, 400, 1)
    await here.unseal(70)
    return await here.close()


async def sealed_empty(node: Node, heads: Heads) -> Played:
    """No bid at all."""
    return await (await stage(node, heads, _sealed(), ALL)).close()


async def dutch_paused(node: Node, heads: Heads) -> Played:
    """A fall by intervals with two pauses, an extension and an outage taken out of it."""
    rule = DutchRule(start_price_minor=1_000, floor_minor=330, step_minor=100, floor_seconds=60, interval_seconds=10)
    here = await stage(node, heads, rule, ALL)
    await here.heads.sign_changed()
    for at in range(3):
        await here.pause(11 + 10 * at)
        await here.resume(16 + 10 * at)
    await here.extend(200, 45)
    assert (await here.bid(ANN, 500, 50)).refusal is not None
    await here.credit(52, 57)
    for at in range(4):
        await here.pause(61 + 4 * at)
        await here.resume(63 + 4 * at)
    await here.stands(BOB, 1_000, 80.5)
    return await here.close()


async def dutch_spread(node: Node, heads: Heads) -> Played:
    """A fall spread evenly, pressed in the last step."""
    rule = DutchRule(start_price_minor=1_000, floor_minor=330, step_minor=100, floor_seconds=60, fall_seconds=50)
    here = await stage(node, heads, rule, ALL)
    await here.stands(CAT, 400, 49)
    return await here.close()


async def dutch_unsold(node: Node, heads: Heads) -> Played:
    """Nobody presses."""
    rule = DutchRule(start_price_minor=1_000, floor_minor=330, step_minor=100, floor_seconds=60, fall_seconds=50)
    return await (await stage(node, heads, rule, ALL)).close()


def _reverse(**rule: Any) -> ReverseRule:
    given = {"start_price_minor": 10_000, "decrement_minor": 10, "timed_seconds": 60, "soft_close_seconds": 10}
    return ReverseRule(**(given | rule))


async def reverse_weighed(node: Node, heads: Heads) -> Played:
    """Weighed attributes with a floor, both buffers, overtime by the first two only, ties."""
    rule = _reverse(
        attributes=(DAYS, SCORE),
        front_buffer_minor=50,
        back_buffer_minor=30,
        top_count=2,
        extends_when="rises",
        cap_extensions=5,
    )
    here = await stage(node, heads, rule, ALL, reserve=9_500)

    async def offer(party: int, price: int, seconds: float, days: str, score: str) -> None:
        await here.stands(party, price, seconds, attributes={"days": days, "score": score})

    await offer(ANN, 9_000, 1, "14", "80")
    await offer(BOB, 9_000, 2, "14", "80")
    await offer(CAT, 8_500, 3, "30.5", "70")
    await offer(DAN, 8_990, 4, "7", "99.25")
    refused = await here.bid(BOB, 8_980, 5, attributes={"days": "14", "score": "10"})
    assert refused.refusal is not None
    await offer(BOB, 8_500, 52, "10", "90")
    await offer(CAT, 8_000, 55, "30", "70")
    await offer(ANN, 8_000, 58, "14", "80")
    await offer(DAN, 7_000, 59, "7", "99.25")
    await offer(CAT, 7_900, 59.5, "30", "70")
    await offer(BOB, 6_000, 61, "10", "90")
    return await here.close()


async def reverse_on_price(node: Node, heads: Heads) -> Played:
    """On price alone, a tie that the earlier wins, a pause, an absolute cap."""
    cap_at = node.node_time.now().replace(microsecond=0) + timedelta(hours=1, seconds=75)
    here = await stage(node, heads, _reverse(cap_at=cap_at), ALL)
    await here.stands(ANN, 9_000, 1)
    await here.stands(BOB, 8_990, 2)
    await here.stands(CAT, 8_990, 55)
    await here.stands(ANN, 8_500, 58)
    await here.stands(BOB, 8_400, 67)
    await here.stands(CAT, 8_400, 68)
    return await here.close()


async def reverse_unsold(node: Node, heads: Heads) -> Played:
    """Every supplier asks more than the buyer would pay."""
    here = await stage(node, heads, _reverse(), ALL, reserve=5_000)
    await here.stands(ANN, 9_000, 1)
    await here.stands(BOB, 8_990, 2)
    return await here.close()


def _uniform(**rule: Any) -> UniformRule:
    given = {"start_price_minor": 100, "quantity": 100, "step_minor": 5, "timed_seconds": 60}
    return UniformRule(**(given | rule))


async def _asks(here: Stage, *, whole: bool = True) -> None:
    await here.stands(ANN, 150, 1, quantity=30)
    await here.stands(BOB, 140, 2, quantity=20)
    await here.stands(BOB, 120, 3, quantity=33)
    await here.stands(CAT, 120, 4, quantity=30)
    await here.stands(CAT, 140, 5, quantity=60, all_or_none=whole)
    await here.stands(DAN, 120, 6, quantity=17)
    await here.stands(BOB, 130, 7, quantity=25, bid=1) if not whole else None
    await here.stands(BOB, 145, 8, quantity=25, bid=1)
    await here.stands(DAN, 120, 9, quantity=31, all_or_none=whole)
    await here.stands(ANN, 110, 10, quantity=100)
    await here.stands(ANN, 105, 11, quantity=100)


async def uniform_pro_rata(node: Node, heads: Heads) -> Played:
    """Pro rata by largest remainder, all or none passed over, the highest rejected price, a reserve."""
    rule = _uniform(marginal=Marginal.PRO_RATA, pricing=Pricing.HIGHEST_REJECTED, allows_all_or_none=True)
    here = await stage(node, heads, rule, ALL, reserve=110)
    await _asks(here)
    return await here.close()


async def uniform_in_time(node: Node, heads: Heads) -> Played:
    """In order of time, the lowest accepted price."""
    rule = _uniform(allows_all_or_none=True, quantity=137)
    here = await stage(node, heads, rule, ALL)
    await _asks(here)
    return await here.close()


async def uniform_left_over(node: Node, heads: Heads) -> Played:
    """More units than anybody wants: the floor is the price."""
    rule = _uniform(pricing=Pricing.HIGHEST_REJECTED, quantity=100_000)
    here = await stage(node, heads, rule, ALL)
    await here.stands(ANN, 150, 1, quantity=30)
    await here.stands(BOB, 140, 2, quantity=20)
    return await here.close()


async def uniform_unsold(node: Node, heads: Heads) -> Played:
    """Nobody reaches the reserve."""
    here = await stage(node, heads, _uniform(), ALL, reserve=1_000)
    await here.stands(ANN, 150, 1, quantity=30)
    return await here.close()


FORMATS: dict[str, list[Play]] = {
    "english": [english_two_phases, english_options, english_bought, english_unsold, english_void],
    "sealed": [sealed_second, sealed_first, sealed_unsold, sealed_alone, sealed_empty],
    "dutch": [dutch_paused, dutch_spread, dutch_unsold],
    "reverse": [reverse_weighed, reverse_on_price, reverse_unsold],
    "uniform": [uniform_pro_rata, uniform_in_time, uniform_left_over, uniform_unsold],
}
"""The first of each is the longest, with a bid of everybody: the tests of tampering take it."""
