"""A house with three officers and sealed lots: the shortest ways to a ceremony, a bid, an opening."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from auction import desk, sealing, store
from auction.facts import Bid, Phase
from auction.public import PublicState
from market import listings, openings, parties
from market.listing_facts import Listing, ListingContent
from tests.auction.house import until
from tests.door.house_server import Server
from tests.sell.stall import WHOLE, changed, submitted

if TYPE_CHECKING:
    from auction.batch import Answer
    from migrations.database import Connection

HOUR = timedelta(hours=1)


def phrase_of(number: int) -> str:
    """The opening passphrase of the officer of this number."""
    return f"lantern {number} over the seventh harbour"


def content(**changes: Any) -> ListingContent:
    """What a seller writes for a sealed lot: second price from 10 000, a reserve of 15 100, 2 of 3 officers."""
    options = changes.pop("options", {})
    fields: dict[str, Any] = {"format": "sealed", "steps": (), "extension_seconds": None, "deposit_minor": 0}
    return changed(WHOLE, **fields, options=options, **changes)


@dataclass
class Stage:
    """People of the house. `officers` have their keys under `phrase_of(0)`, `phrase_of(1)` and so on."""

    server: Server
    seller: int
    operator: int
    bidders: list[int]
    officers: list[int] = field(default_factory=list)
    paddles: dict[tuple[int, int], int] = field(default_factory=dict)

    @classmethod
    async def set(cls, server: Server) -> Stage:
        seller, operator = await server.party(), await server.party(operator=True)
        stage = cls(server, seller, operator, [await server.party() for _ in range(3)])
        for number in range(3):
            officer = await server.party(operator=True)
            async with server.house.pool.acquire() as conn, conn.transaction():
                await stage.enrol(conn, officer, phrase_of(number))
            stage.officers.append(officer)
        return stage

    async def enrol(self, conn: Connection, officer: int, phrase: str) -> object:
        """Give an operator a key; what came of it."""
        party, house = await parties.party_by_id(conn, officer), self.server.house
        assert party is not None
        return await openings.make_officer_key(conn, house.passphrases, party, phrase, house.node_time.now())

    async def to_approve(self, conn: Connection, **changes: Any) -> Listing:
        """A sealed lot that waits for its ceremony; its bidding began an hour ago."""
        began = self.server.house.node_time.now() - HOUR
        made = content(**{"timed_seconds": 7200, "starts_at": began, **changes})
        return await submitted(conn, self.seller, made, began - HOUR)

    async def approve(self, conn: Connection, listing: Listing) -> object:
        """The operator's decision, as of before the bidding."""
        assert listing.starts_at is not None
        return await listings.approve(
            conn, listing_id=listing.id, operator_id=self.operator, now=listing.starts_at - HOUR
        )

    async def ceremony(self, conn: Connection, lot_id: int, officers: list[int] | None = None) -> object:
        """The key is made for these officers, or for all three."""
        chosen = self.officers if officers is None else officers
        now = self.server.house.node_time.now()
        return await openings.hold_ceremony(conn, lot_id=lot_id, officer_ids=chosen, operator_id=self.operator, now=now)

    async def lot(self, *, ends_in: float = 3600, **changes: Any) -> int:
        """An open sealed lot with three bidders, that ends so many seconds from now."""
        house = self.server.house
        seconds = 3600
        began = house.node_time.now() - timedelta(seconds=seconds - ends_in)
        async with house.pool.acquire() as conn, conn.transaction():
            listing = await self.to_approve(conn, timed_seconds=seconds, starts_at=began, **changes)
            await self.ceremony(conn, listing.id)
            assert isinstance(await self.approve(conn, listing), Listing)
            for party in self.bidders:
                paddle = await desk.admit(conn, lot_id=listing.id, party_id=party, now=house.node_time.now())
                self.paddles[listing.id, party] = paddle
        await house.bidding.refresh(listing.id)
        return listing.id

    async def bid(self, lot_id: int, party: int, amount: int | None) -> Answer:
        """A program's sealed bid; None withdraws."""
        house = self.server.house
        details: dict[str, Any] = {"withdraw": True}
        if amount is not None:
            public_key = (await self.state(lot_id)).detail["public_key"]  # type: ignore[index]
            made = sealing.seal_bid(public_key, lot=lot_id, paddle=self.paddles[lot_id, party], amount_minor=amount)
            details = {"ciphertext": made.ciphertext, "commitment": made.commitment}
        return await house.bidding.submit(
            Bid(
                lot_id=lot_id,
                party_id=party,
                client_bid_id=uuid4(),
                amount_minor=0,
                is_maximum=False,
                stamped_at=house.node_time.now(),
                details=json.dumps(details, sort_keys=True).encode(),
            )
        )

    async def state(self, lot_id: int) -> PublicState:
        """What everybody sees."""
        async with self.server.house.pool.acquire() as conn:
            state = await store.lot_view(conn, lot_id)
        assert state is not None
        return state

    async def release(self, conn: Connection, lot_id: int, number: int, phrase: str | None = None) -> object:
        """The officer of this number enters his passphrase."""
        house = self.server.house
        return await openings.release(
            house,
            conn,
            lot_id=lot_id,
            officer_id=self.officers[number],
            passphrase=phrase_of(number) if phrase is None else phrase,
            now=house.node_time.now(),
        )

    async def until_opening(self, lot_id: int) -> None:
        """Time is up and the database knows it."""
        house = self.server.house

        async def waits() -> bool:
            room = await house.bidding.room(lot_id)
            return room is not None and room.standing.phase is Phase.OPENING

        await until(waits)

    async def until_closed(self, lot_id: int) -> PublicState:
        """The hammer has fallen."""

        async def closed() -> bool:
            return (await self.state(lot_id)).outcome is not None

        await until(closed)
        return await self.state(lot_id)
