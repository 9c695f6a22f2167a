"""The demo's story: who came, what was put up, who bid, what was paid. Scenes in the order of time, played on a stage."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from auction.closings import close_lot
from auction.facts import Bid
from auction.formats import english
from escrow.facts import Case
from escrow.sandbox_bank import accounts as bank
from market import applications, audit, listings, parties, photos
from market.application_facts import Application
from market.demo.lots import DAY, HOUR, LOTS, DemoLot
from market.demo.lots import Stage as LotStage
from market.demo.people import BUYERS, PEOPLE
from market.demo.stage import Stage
from market.listing_facts import Listing, ListingContent
from market.photo_rendering import RenderedPhoto

if TYPE_CHECKING:
    from migrations.database import Connection

Act = Callable[[Stage], Awaitable[None]]
DAYS_BEFORE = 12
WINNERS = {
    "porcelain_bowl": "bidder",
    "zisha_teapot": "second",
    "wall_clock": "bidder",
    "desk_lamp": "second",
    "milling_machine": "robot_2",
}
PERSONAS_BID_ON = {"celadon_vase": "second", "wristwatch": "bidder", "tea_cakes": "bidder", "film_camera": "second"}
"""Where a person of the demo has bid already, among the robots, and been outbid."""
_NAMES = {person.key: person.name for person in PEOPLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    at: datetime
    act: Act


async def play(stage: Stage, scenes: Sequence[Scene]) -> None:
    """Every scene at its time; of two at once, the earlier in the list goes first."""
    for scene in sorted(scenes, key=lambda scene: scene.at):
        stage.clock.at = max(scene.at, stage.clock.at)
        await scene.act(stage)


def opening_scenes(now: datetime, passphrase_phc: str) -> list[Scene]:
    """The parties register, and the bank opens their accounts."""
    begin = now - timedelta(days=DAYS_BEFORE)
    return [
        Scene(at=begin, act=partial(_register_everybody, passphrase_phc=passphrase_phc)),
        Scene(at=begin + timedelta(minutes=1), act=_open_bank_accounts),
    ]


def lot_scenes(lot: DemoLot, now: datetime, photo: RenderedPhoto | None, *, round_number: int = 0) -> list[Scene]:
    """A lot's life from the seller's draft to where it stands now."""
    chance = random.Random(f"{lot.photo}/{round_number}")
    starts_at = now + timedelta(seconds=lot.starts_in)
    put_up = min(starts_at, now) - timedelta(hours=30, minutes=chance.randrange(300))
    scenes = [Scene(at=put_up, act=partial(_put_up, lot=lot, photo=photo, starts_at=starts_at))]
    if lot.stage is LotStage.DRAFT:
        return scenes
    scenes.append(Scene(at=put_up + timedelta(minutes=9), act=partial(_submit, lot=lot)))
    if lot.stage is LotStage.SUBMITTED:
        return scenes
    scenes.append(Scene(at=put_up + timedelta(hours=2), act=partial(_approve, lot=lot)))
    scenes += _admission_scenes(lot, put_up + timedelta(hours=3))
    ends_at = starts_at + timedelta(seconds=lot.timed_seconds or 0)
    scenes += _bid_scenes(lot, chance, starts_at, min(ends_at, now) if lot.timed_seconds else now)
    if lot.stage is not LotStage.ON_SHOW:
        closed_at = ends_at + timedelta(seconds=(lot.extension_seconds or 0) + 1)
        scenes.append(Scene(at=closed_at, act=partial(_close, lot=lot)))
        scenes += _deal_scenes(lot, closed_at)
    return scenes


def closing_scenes(now: datetime) -> list[Scene]:
    """What the operator still has on the desk: an application to confirm, and money that fits nothing."""

    async def an_application(stage: Stage) -> None:
        async with stage.pool.acquire() as conn, conn.transaction():
            for key, lot in (("second", "landscape_scroll"), ("bidder", "copper_cathodes")):
                await applications.apply(conn, lot_id=stage.lots[lot], party_id=stage.parties[key], now=stage.now)

    async def strayed_money(stage: Stage) -> None:
        await stage.pay("second", _NAMES["second"], "EUR", 12_500, "for the clock, thank you")

    async def curtain(stage: Stage) -> None:
        async with stage.pool.acquire() as conn, conn.transaction():
            await audit.record(conn, None, "demo.loaded", "house", None, {"lots": len(stage.lots)}, stage.now)

    return [
        Scene(at=now - timedelta(minutes=20), act=an_application),
        Scene(at=now - timedelta(hours=6), act=strayed_money),
        Scene(at=now, act=curtain),
    ]


def _admission_scenes(lot: DemoLot, at: datetime) -> list[Scene]:
    """Robots are admitted everywhere; the two bidders where they have bid or won, so that the rest is left to do."""
    keys = [key for key in BUYERS if key.startswith("robot") or key in _persons_on(lot)]
    scenes = []
    for minutes, key in enumerate(keys):
        scenes.append(Scene(at=at + timedelta(minutes=minutes), act=partial(_apply_and_pay, lot=lot, key=key)))
    return scenes


def _persons_on(lot: DemoLot) -> set[str]:
    return {WINNERS.get(lot.photo, ""), PERSONAS_BID_ON.get(lot.photo, "")}


def _bid_scenes(lot: DemoLot, chance: random.Random, start: datetime, until: datetime) -> list[Scene]:
    """`lot.bids` bids spread over the time, prices rising towards eight tenths of what the lot is worth."""
    if not lot.bids:
        return []
    room = (until - start) * 0.94
    if lot.timed_seconds is None:
        # Without a timed phase each pause must be shorter than the countdown.
        room = min(room, timedelta(seconds=(lot.extension_seconds or 60) * 0.5 * lot.bids))
        start = until - room - timedelta(seconds=5)
    winner = WINNERS.get(lot.photo)
    others = [key for key in BUYERS if key.startswith("robot") or key == PERSONAS_BID_ON.get(lot.photo)]
    scenes, former = [], ""
    goal = lot.worth_minor * (0.8 if winner else 0.55)
    for k in range(lot.bids):
        share = (k + 1) / lot.bids
        key = chance.choice([key for key in others if key not in (former, winner)])
        if winner and k in (lot.bids - 1, lot.bids // 2):
            key = winner
        elif not winner and k == lot.bids - 2:
            key = PERSONAS_BID_ON.get(lot.photo, key) if former != PERSONAS_BID_ON.get(lot.photo) else key
        at = start + room * (share - chance.uniform(0, 0.5) / lot.bids)
        target = round(lot.start_minor + (goal - lot.start_minor) * share**1.3)
        number = chance.getrandbits(128)
        scenes.append(Scene(at=at, act=partial(_bid, lot=lot, key=key, target=target, number=number)))
        former = key
    return scenes


def _deal_scenes(lot: DemoLot, closed_at: datetime) -> list[Scene]:
    order = [LotStage.AWAITING_PAYMENT, LotStage.FUNDED, LotStage.INSPECTING, LotStage.PAID_OUT]
    if lot.stage not in order:
        return []
    reached = order.index(lot.stage)
    steps: list[tuple[int, float, Act]] = [
        (1, 7 * HOUR, partial(_pay_case, lot=lot)),
        (2, 26 * HOUR, partial(_ship, lot=lot)),
        (2, 3.1 * DAY, partial(_receive, lot=lot)),
        (3, 4.6 * DAY, partial(_confirm_receipt, lot=lot)),
    ]
    return [
        Scene(at=closed_at + timedelta(seconds=after), act=act) for needed, after, act in steps if reached >= needed
    ]


async def _register_everybody(stage: Stage, *, passphrase_phc: str) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        for person in PEOPLE:
            party_id = await parties.register(
                conn,
                email=person.email,
                display_name=person.name,
                language=person.language,
                passphrase_phc=None if person.is_robot else passphrase_phc,
                now=stage.now,
            )
            assert isinstance(party_id, int), party_id
            stage.parties[person.key] = party_id
            if person.is_operator:
                await parties.make_operator(conn, party_id, None, stage.now)


async def _open_bank_accounts(stage: Stage) -> None:
    """Each party has an account in each currency that it may need; a seller's first one takes its payouts."""
    await bank.open_centre(stage.bank, stage.now)
    await open_buyers_accounts(stage)
    for key, currency in (("wenlan", "CNY"), ("lindqvist", "USD"), ("hartmann", "EUR")):
        account = await bank.open_account(stage.bank, _NAMES[key], currency, 0, stage.now)
        stage.accounts[key, currency] = account.number
        async with stage.pool.acquire() as conn, conn.transaction():
            await stage.escrow.wallet.register_bank_account(
                conn, stage.parties[key], _NAMES[key], account.number, stage.now
            )
    for key in ("bidder", "second"):
        async with stage.pool.acquire() as conn, conn.transaction():
            await stage.escrow.wallet.register_bank_account(
                conn,
                stage.parties[key],
                _NAMES[key],
                stage.accounts[key, "CNY" if key == "bidder" else "USD"],
                stage.now,
            )


async def open_buyers_accounts(stage: Stage) -> None:
    """Money from nowhere, enough for three times what everything is worth."""
    worth = {currency: sum(lot.worth_minor for lot in LOTS if lot.currency == currency) for currency in _currencies()}
    for key in BUYERS:
        for currency, sum_minor in worth.items():
            account = await bank.open_account(stage.bank, _NAMES[key], currency, 3 * sum_minor, stage.now)
            stage.accounts[key, currency] = account.number


def _currencies() -> list[str]:
    return list(dict.fromkeys(lot.currency for lot in LOTS))


async def _put_up(stage: Stage, *, lot: DemoLot, photo: RenderedPhoto | None, starts_at: datetime) -> None:
    content = ListingContent(
        currency=lot.currency,
        title_zh=lot.title_zh,
        title_en=lot.title_en,
        description_zh=lot.description_zh,
        description_en=lot.description_en,
        category=lot.category,
        condition=lot.condition,
        start_price_minor=lot.start_minor,
        steps=lot.steps,
        timed_seconds=lot.timed_seconds,
        extension_seconds=lot.extension_seconds,
        cap_extensions=lot.cap_extensions,
        reserve_minor=lot.reserve_minor,
        deposit_minor=lot.deposit_minor,
        starts_at=starts_at.replace(microsecond=0),
        zone="Asia/Shanghai" if lot.currency == "CNY" else "Europe/Stockholm",
    )
    async with stage.pool.acquire() as conn, conn.transaction():
        listing = await listings.create_draft(conn, seller_id=stage.parties[lot.seller], content=content, now=stage.now)
        stage.lots[lot.photo] = listing.id
        if photo is not None:
            await photos.add_photo(
                conn, listing_id=listing.id, image=photo, alt_zh=lot.title_zh, alt_en=lot.title_en, now=stage.now
            )


async def _submit(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        listing = await listings.listing_by_id(conn, stage.lots[lot.photo])
        assert listing is not None
        submitted = await listings.submit(
            conn, listing_id=listing.id, seller_id=listing.seller_id, version=listing.version, now=stage.now
        )
        assert isinstance(submitted, Listing), submitted


async def _approve(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        approved = await listings.approve(
            conn, listing_id=stage.lots[lot.photo], operator_id=stage.parties["operator"], now=stage.now
        )
        assert isinstance(approved, Listing), approved
    await stage.bidding.refresh(stage.lots[lot.photo])


async def _apply_and_pay(stage: Stage, *, lot: DemoLot, key: str) -> None:
    """Apply, be confirmed, pay the deposit by transfer: admitted."""
    lot_id, party_id = stage.lots[lot.photo], stage.parties[key]
    async with stage.pool.acquire() as conn, conn.transaction():
        application = await applications.apply(conn, lot_id=lot_id, party_id=party_id, now=stage.now)
        assert isinstance(application, Application), application
        await applications.confirm(
            conn,
            stage.escrow,
            application_id=application.id,
            operator_id=stage.parties["operator"],
            now=stage.now,
        )
    if lot.deposit_minor:
        reference = await _deposit_reference(stage, lot_id, party_id)
        await stage.pay(key, _NAMES[key], lot.currency, lot.deposit_minor, reference)
    await stage.bidding.refresh(lot_id)


async def _deposit_reference(stage: Stage, lot_id: int, party_id: int) -> str:
    async with stage.pool.acquire() as conn:
        deposit = await stage.escrow.deposits.deposit_of(conn, applications.subject_of(lot_id), party_id)
        assert deposit is not None, "a confirmed application asks for its deposit"
        return deposit.reference


async def _bid(stage: Stage, *, lot: DemoLot, key: str, target: int, number: int) -> None:
    """A bid on the grid near `target`. A refusal (the lot's leader again, say) is part of life and changes nothing."""
    lot_id = stage.lots[lot.photo]
    room = await stage.bidding.room(lot_id)
    assert room is not None
    lowest, step = english.lowest_legal(room.lot, room.standing), english.increment(room.lot, room.standing)
    amount = lowest + max(0, (target - lowest) // step) * step
    await stage.bidding.submit(
        Bid(
            lot_id=lot_id,
            party_id=stage.parties[key],
            client_bid_id=UUID(int=number, version=4),
            amount_minor=amount,
            is_maximum=number % 4 == 0,
            stamped_at=stage.now,
        )
    )


async def _close(stage: Stage, *, lot: DemoLot) -> None:
    lot_id = stage.lots[lot.photo]
    async with stage.pool.acquire() as conn, conn.transaction():
        await close_lot(conn, lot_id, stage.now, stage.on_hammer)
    await stage.bidding.refresh(lot_id)


async def _case(stage: Stage, conn: Connection, lot: DemoLot) -> Case:
    case = await stage.escrow.settlement.case_of_subject(conn, applications.subject_of(stage.lots[lot.photo]))
    assert case is not None, f"{lot.photo} was not sold"
    return case


async def _pay_case(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn:
        case = await _case(stage, conn, lot)
    key = next(key for key, party_id in stage.parties.items() if party_id == case.buyer_id)
    await stage.pay(key, _NAMES[key], case.currency, case.due_minor, case.reference)


async def _ship(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        case = await _case(stage, conn, lot)
        await stage.escrow.settlement.ship(conn, case.id, case.seller_id, "PostNord", "SE847302915", stage.now)


async def _receive(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        case = await _case(stage, conn, lot)
        await stage.escrow.settlement.receive(conn, case.id, case.buyer_id, stage.now)


async def _confirm_receipt(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        case = await _case(stage, conn, lot)
        await stage.escrow.settlement.confirm_receipt(conn, case.id, case.buyer_id, stage.now)
