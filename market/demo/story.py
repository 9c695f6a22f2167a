"""The demo's story: who came, what was put up, who bid, what was paid. Scenes in the order of time, played on a stage."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from market import applications, audit
from market.demo import acts
from market.demo.demo_lot import DAY, HOUR, DemoLot
from market.demo.demo_lot import Stage as LotStage
from market.demo.disputes import WON_BY, dispute_acts
from market.demo.people import BUYERS, PEOPLE
from market.demo.stage import Stage
from market.photo_rendering import RenderedPhoto

Act = Callable[[Stage], Awaitable[None]]
DAYS_BEFORE = 12
WINNERS = {
    "porcelain_bowl": "bidder",
    "zisha_teapot": "second",
    "wall_clock": "bidder",
    "desk_lamp": "second",
    "milling_machine": "robot_2",
    **WON_BY,
}
SALE_STARTS_IN = -5 * HOUR
PERSONAS_BID_ON = {"celadon_vase": "second", "wristwatch": "bidder", "tea_cakes": "bidder", "film_camera": "second"}
"""Where a person of the demo has bid already, among the robots, and been outbid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    at: datetime
    act: Act


async def play(stage: Stage, scenes: Sequence[Scene]) -> None:
    """Every scene at its time; of two at once, the earlier in the list goes first."""
    for scene in sorted(scenes, key=lambda scene: scene.at):
        stage.clock.at = max(scene.at, stage.clock.at)
        await scene.act(stage)


def opening_scenes(now: datetime, secrets: acts.Secrets) -> list[Scene]:
    """The parties register, and the bank opens their accounts."""
    begin = now - timedelta(days=DAYS_BEFORE)
    return [
        Scene(at=begin, act=partial(acts.register, people=PEOPLE, secrets=secrets)),
        Scene(at=begin, act=partial(acts.enrol_officers, secrets=secrets)),
        Scene(at=begin + timedelta(minutes=1), act=acts.open_bank_accounts),
    ]


def lot_scenes(lot: DemoLot, now: datetime, photo: RenderedPhoto | None, *, round_number: int = 0) -> list[Scene]:
    """A lot's life from the seller's draft to where it stands now."""
    chance = random.Random(f"{lot.key}/{round_number}")
    starts_at = now + timedelta(seconds=lot.starts_in)
    put_up = min(starts_at, now) - timedelta(hours=30, minutes=chance.randrange(300))
    scenes = [Scene(at=put_up, act=partial(acts.put_up, lot=lot, photo=photo, starts_at=starts_at))]
    if lot.stage is LotStage.DRAFT:
        return scenes
    scenes.append(Scene(at=put_up + timedelta(minutes=9), act=partial(acts.submit, lot=lot)))
    if lot.stage is LotStage.SUBMITTED:
        return scenes
    if lot.format == "sealed":
        scenes.append(Scene(at=put_up + timedelta(hours=1), act=partial(acts.hold_ceremony, lot=lot)))
    if lot.in_sale and not round_number:
        scenes += _admission_scenes(lot, _sale_opens_at(now) + timedelta(hours=1))
    else:
        scenes.append(Scene(at=put_up + timedelta(hours=2), act=partial(acts.approve, lot=lot)))
        scenes += _admission_scenes(lot, put_up + timedelta(hours=3))
    ends_at = starts_at + timedelta(seconds=lot.timed_seconds or 0)
    scenes += _bid_scenes(lot, chance, starts_at, min(ends_at, now) if lot.timed_seconds else now)
    if lot.stage not in (LotStage.ON_SHOW, LotStage.TO_OPEN):
        closed_at = ends_at + timedelta(seconds=(lot.extension_seconds or 0) + 1)
        scenes.append(Scene(at=closed_at, act=partial(acts.close, lot=lot)))
        scenes += _deal_scenes(lot, closed_at)
        scenes += [Scene(at=at, act=act) for at, act in dispute_acts(lot, closed_at, photo)]
    return scenes


def closing_scenes(now: datetime) -> list[Scene]:
    """What the operator still has on the desk: an application to confirm, and money that fits nothing."""

    async def an_application(stage: Stage) -> None:
        async with stage.pool.acquire() as conn, conn.transaction():
            for key, lot in (("second", "landscape_scroll"), ("bidder", "copper_cathodes")):
                await applications.apply(conn, lot_id=stage.lots[lot], party_id=stage.parties[key], now=stage.now)

    async def strayed_money(stage: Stage) -> None:
        await stage.pay("second", acts.NAMES["second"], "EUR", 12_500, "for the clock, thank you")

    async def curtain(stage: Stage) -> None:
        async with stage.pool.acquire() as conn, conn.transaction():
            await audit.record(conn, None, "demo.loaded", "house", None, {"lots": len(stage.lots)}, stage.now)

    return [
        Scene(at=now - timedelta(minutes=20), act=an_application),
        Scene(at=now - timedelta(hours=6), act=strayed_money),
        Scene(at=now, act=curtain),
    ]


def sale_scenes(now: datetime) -> list[Scene]:
    """The lots that are sold together are opened together, once the last has been submitted."""
    starts_at = now + timedelta(seconds=SALE_STARTS_IN)
    return [Scene(at=_sale_opens_at(now), act=partial(acts.open_sale, starts_at=starts_at))]


def _sale_opens_at(now: datetime) -> datetime:
    return now + timedelta(seconds=SALE_STARTS_IN) - timedelta(hours=28)


def _admission_scenes(lot: DemoLot, at: datetime) -> list[Scene]:
    """Robots are admitted everywhere; the two bidders where they have bid or won, so that the rest is left to do."""
    keys = [key for key in BUYERS if key.startswith("robot") or key in _persons_on(lot)]
    scenes = []
    for minutes, key in enumerate(keys):
        scenes.append(Scene(at=at + timedelta(minutes=minutes), act=partial(acts.apply_and_pay, lot=lot, key=key)))
    if lot.priority:
        scenes.append(Scene(at=at + timedelta(minutes=len(keys)), act=partial(acts.confirm_priority, lot=lot)))
    return scenes


def _persons_on(lot: DemoLot) -> set[str]:
    return {WINNERS.get(lot.key, ""), PERSONAS_BID_ON.get(lot.key, ""), *lot.admits}


def _bid_scenes(lot: DemoLot, chance: random.Random, start: datetime, until: datetime) -> list[Scene]:
    """`lot.bids` bids spread over the time, prices rising towards eight tenths of what the lot is worth."""
    if not lot.bids:
        return []
    room = (until - start) * 0.94
    if lot.timed_seconds is None:
        # Without a timed phase each pause must be shorter than the countdown.
        room = min(room, timedelta(seconds=(lot.extension_seconds or 60) * 0.5 * lot.bids))
        start = until - room - timedelta(seconds=5)
    winner = WINNERS.get(lot.key)
    others = [key for key in BUYERS if key.startswith("robot") or key == PERSONAS_BID_ON.get(lot.key)]
    scenes, former = [], ""
    goal = lot.worth_minor * (0.8 if winner else 0.55)
    for k in range(lot.bids):
        share = (k + 1) / lot.bids
        key = chance.choice([key for key in others if key not in (former, winner)])
        if winner and k in (lot.bids - 1, lot.bids // 2):
            key = winner
        elif not winner and k == lot.bids - 2:
            key = PERSONAS_BID_ON.get(lot.key, key) if former != PERSONAS_BID_ON.get(lot.key) else key
        at = start + room * (share - chance.uniform(0, 0.5) / lot.bids)
        target = round(lot.start_minor + (goal - lot.start_minor) * share**1.3)
        number = chance.getrandbits(128)
        bid = (
            partial(acts.bid, target=target) if lot.format == "english" else partial(acts.offer_as_robot, chance=chance)
        )
        scenes.append(Scene(at=at, act=partial(bid, lot=lot, key=key, number=number)))
        former = key
    return scenes


def _deal_scenes(lot: DemoLot, closed_at: datetime) -> list[Scene]:
    order = [LotStage.AWAITING_PAYMENT, LotStage.FUNDED, LotStage.INSPECTING, LotStage.PAID_OUT]
    is_disputed = lot.stage in (LotStage.CLAIMED, LotStage.ARBITRATION)
    stands = LotStage.INSPECTING if is_disputed else lot.stage
    if stands not in order:
        return []
    reached = order.index(stands)
    steps: list[tuple[int, float, Act]] = [
        (1, 7 * HOUR, partial(acts.pay_case, lot=lot)),
        (2, 26 * HOUR, partial(acts.ship, lot=lot)),
        (2, 3.1 * DAY, partial(acts.receive, lot=lot)),
        (3, 4.6 * DAY, partial(acts.confirm_receipt, lot=lot)),
    ]
    return [
        Scene(at=closed_at + timedelta(seconds=after), act=act) for needed, after, act in steps if reached >= needed
    ]
