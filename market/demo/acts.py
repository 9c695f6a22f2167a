"""The acts of the demo's story: each does through the house's own services what somebody did at the time that the stage is
set to.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec import to_builtins

from auction.chain import encode_canonical
from auction.closings import close_lot
from auction.facts import Bid
from auction.formats import english
from auction.public import own_detail
from escrow.facts import Case
from escrow.sandbox_bank import accounts as bank
from market import applications, listings, openings, parties, photos, priority, sales
from market.application_facts import Application
from market.demo.demo_lot import DemoLot
from market.demo.lots import LOTS
from market.demo.people import BUYERS, OFFICERS, PEOPLE, Person
from market.demo.stage import Stage
from market.listing_facts import Listing, ListingContent
from market.passphrases import Passphrases
from market.photo_rendering import RenderedPhoto
from market.robot_offers import offer
from market.sales import Sale, SaleContent, SaleRefusal

if TYPE_CHECKING:
    from migrations.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The passphrases of the demo's people, for signing in and for opening bids, and what stretches them."""

    passphrases: Passphrases
    passphrase: str
    opening: str


NAMES = {person.key: person.name for person in PEOPLE}


async def register(stage: Stage, people: Iterable[Person], secrets: Secrets) -> None:
    """These people join; who is an officer makes his key."""
    phc = await secrets.passphrases.hash(secrets.passphrase)
    async with stage.pool.acquire() as conn, conn.transaction():
        for person in people:
            party_id = await parties.register(
                conn,
                email=person.email,
                display_name=person.name,
                language=person.language,
                passphrase_phc=None if person.is_robot else phc,
                now=stage.now,
            )
            assert isinstance(party_id, int), party_id
            stage.parties[person.key] = party_id
            if person.is_operator:
                await parties.make_operator(conn, party_id, None, stage.now)


async def enrol_officers(stage: Stage, secrets: Secrets) -> None:
    """Each officer who has no key yet makes one."""
    async with stage.pool.acquire() as conn, conn.transaction():
        for key in OFFICERS:
            party = await parties.party_by_id(conn, stage.parties[key])
            assert party is not None
            if await openings.officer_key(conn, party.id) is None:
                made = await openings.make_officer_key(conn, secrets.passphrases, party, secrets.opening, stage.now)
                assert isinstance(made, openings.OfficerKey), made


async def open_bank_accounts(stage: Stage) -> None:
    """Each party has an account in each currency that it may need; a seller's first one takes its payouts."""
    await bank.open_centre(stage.bank, stage.now)
    await open_buyers_accounts(stage)
    for key, currency in (("wenlan", "CNY"), ("lindqvist", "USD"), ("hartmann", "EUR")):
        # Whoever buys by a reverse auction has to pay for it.
        worth = sum(lot.worth_minor for lot in LOTS if lot.seller == key and lot.format == "reverse")
        account = await bank.open_account(stage.bank, NAMES[key], currency, 3 * worth, stage.now)
        stage.accounts[key, currency] = account.number
        async with stage.pool.acquire() as conn, conn.transaction():
            await stage.escrow.wallet.register_bank_account(
                conn, stage.parties[key], NAMES[key], account.number, stage.now
            )
    for key in ("bidder", "second"):
        async with stage.pool.acquire() as conn, conn.transaction():
            await stage.escrow.wallet.register_bank_account(
                conn,
                stage.parties[key],
                NAMES[key],
                stage.accounts[key, "CNY" if key == "bidder" else "USD"],
                stage.now,
            )


async def open_buyers_accounts(stage: Stage) -> None:
    """Money from nowhere, enough for three times what everything is worth."""
    worth = {currency: sum(_worth(lot) for lot in LOTS if lot.currency == currency) for currency in _currencies()}
    for key in BUYERS:
        for currency, sum_minor in worth.items():
            account = await bank.open_account(stage.bank, NAMES[key], currency, 3 * sum_minor, stage.now)
            stage.accounts[key, currency] = account.number


def _worth(lot: DemoLot) -> int:
    units: int = lot.options.get("quantity", 1)
    return lot.worth_minor * units


def _currencies() -> list[str]:
    return list(dict.fromkeys(lot.currency for lot in LOTS))


async def put_up(stage: Stage, *, lot: DemoLot, photo: RenderedPhoto | None, starts_at: datetime) -> None:
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
        soft_close_seconds=lot.soft_close_seconds,
        starts_at=starts_at.replace(microsecond=0),
        format=lot.format,
        options=lot.options,
        zone="Asia/Shanghai" if lot.currency == "CNY" else "Europe/Stockholm",
    )
    async with stage.pool.acquire() as conn, conn.transaction():
        listing = await listings.create_draft(conn, seller_id=stage.parties[lot.seller], content=content, now=stage.now)
        stage.lots[lot.key] = listing.id
        if photo is not None:
            await photos.add_photo(
                conn, listing_id=listing.id, image=photo, alt_zh=lot.title_zh, alt_en=lot.title_en, now=stage.now
            )


async def submit(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        listing = await listings.listing_by_id(conn, stage.lots[lot.key])
        assert listing is not None
        submitted = await listings.submit(
            conn, listing_id=listing.id, seller_id=listing.seller_id, version=listing.version, now=stage.now
        )
        assert isinstance(submitted, Listing), submitted


async def approve(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        approved = await listings.approve(
            conn, listing_id=stage.lots[lot.key], operator_id=stage.parties["operator"], now=stage.now
        )
        assert isinstance(approved, Listing), approved
    await stage.bidding.refresh(stage.lots[lot.key])


async def open_sale(stage: Stage, *, starts_at: datetime) -> None:
    """Some of the lots are put into one sale, a day long, which is opened with all of them."""
    content = SaleContent(
        title_zh="居家雅物专场",
        title_en="For the house and the road",
        description_zh="三件同场，每隔十分钟依次截止。",
        description_en="Three lots, one end every ten minutes.",
        currency="EUR",
        starts_at=starts_at,
        first_end_at=starts_at + timedelta(days=1),
        stagger_seconds=600,
    )
    operator_id = stage.parties["operator"]
    async with stage.pool.acquire() as conn, conn.transaction():
        sale = await sales.create(conn, operator_id=operator_id, content=content, now=stage.now)
        assert isinstance(sale, Sale), sale
        for lot in (one for one in LOTS if one.in_sale):
            number = await sales.put_in(
                conn, sale_id=sale.id, listing_id=stage.lots[lot.key], operator_id=operator_id, now=stage.now
            )
            assert not isinstance(number, SaleRefusal), number
        opened = await sales.open_sale(conn, sale_id=sale.id, operator_id=operator_id, now=stage.now)
        assert isinstance(opened, list), opened
    for listing in opened:
        await stage.bidding.refresh(listing.id)


async def apply_and_pay(stage: Stage, *, lot: DemoLot, key: str) -> None:
    """Apply, be confirmed, pay the deposit by transfer: admitted."""
    lot_id, party_id = stage.lots[lot.key], stage.parties[key]
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
        await stage.pay(key, NAMES[key], lot.currency, lot.deposit_minor, reference)
    await stage.bidding.refresh(lot_id)


async def _deposit_reference(stage: Stage, lot_id: int, party_id: int) -> str:
    async with stage.pool.acquire() as conn:
        deposit = await stage.escrow.deposits.deposit_of(conn, applications.subject_of(lot_id), party_id)
        assert deposit is not None, "a confirmed application asks for its deposit"
        return deposit.reference


async def bid(stage: Stage, *, lot: DemoLot, key: str, target: int, number: int) -> None:
    """A bid on the grid near `target`. A refusal (the lot's leader again, say) is part of life and changes nothing."""
    lot_id = stage.lots[lot.key]
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


async def offer_as_robot(stage: Stage, *, lot: DemoLot, key: str, number: int, chance: random.Random) -> None:
    """What a robot would say now on a lot that is not bid up; the judge may refuse it as it may anybody's."""
    lot_id, party_id = stage.lots[lot.key], stage.parties[key]
    room = await stage.bidding.room(lot_id)
    assert room is not None
    state = to_builtins(stage.bidding.state(room))
    own = own_detail(room.lot, room.standing, room.paddles, room.admitted, party_id, stage.now)
    limit = round(lot.worth_minor * chance.uniform(0.7, 1.0) * (1.5 if lot.format == "reverse" else 1))
    said = offer(state, own, room.paddles[party_id], limit, chance)
    if said is None:
        return
    await stage.bidding.submit(
        Bid(
            lot_id=lot_id,
            party_id=party_id,
            client_bid_id=UUID(int=number, version=4),
            amount_minor=int(said.get("amount", 0)),
            is_maximum=False,
            stamped_at=stage.now,
            details=encode_canonical(said["details"]) if "details" in said else None,
        )
    )


async def hold_ceremony(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        made = await openings.hold_ceremony(
            conn,
            lot_id=stage.lots[lot.key],
            officer_ids=[stage.parties[key] for key in OFFICERS],
            operator_id=stage.parties["operator"],
            now=stage.now,
        )
        assert isinstance(made, openings.Sealing), made


async def confirm_priority(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        refusal = await priority.confirm(
            conn,
            lot_id=stage.lots[lot.key],
            party_id=stage.parties[lot.priority],
            rank=1,
            operator_id=stage.parties["operator"],
            reason="co-owner of the lot, deed seen",
            now=stage.now,
        )
        assert refusal is None, refusal
    await stage.bidding.refresh(stage.lots[lot.key])


async def close(stage: Stage, *, lot: DemoLot) -> None:
    lot_id = stage.lots[lot.key]
    async with stage.pool.acquire() as conn, conn.transaction():
        await close_lot(conn, lot_id, stage.now, stage.on_hammer)
    await stage.bidding.refresh(lot_id)


async def _case(stage: Stage, conn: Connection, lot: DemoLot) -> Case:
    case = await stage.escrow.settlement.case_of_subject(conn, applications.subject_of(stage.lots[lot.key]))
    assert case is not None, f"{lot.key} was not sold"
    return case


async def pay_case(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn:
        case = await _case(stage, conn, lot)
    key = next(key for key, party_id in stage.parties.items() if party_id == case.buyer_id)
    await stage.pay(key, NAMES[key], case.currency, case.due_minor, case.reference)


async def ship(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        case = await _case(stage, conn, lot)
        await stage.escrow.settlement.ship(conn, case.id, case.seller_id, "PostNord", "SE847302915", stage.now)


async def receive(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        case = await _case(stage, conn, lot)
        await stage.escrow.settlement.receive(conn, case.id, case.buyer_id, stage.now)


async def confirm_receipt(stage: Stage, *, lot: DemoLot) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        case = await _case(stage, conn, lot)
        await stage.escrow.settlement.confirm_receipt(conn, case.id, case.buyer_id, stage.now)
