"""Recorded auctions run again: every bid through the house's own batcher, rules and database, at its recorded time.

All auctions of a file are open side by side under one clock, which is set to each recorded instant in turn and stands
still between. The end of each lot is the house's own closing transaction, and its hammer is what is compared.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from msgspec import Struct

from auction import desk
from auction.bidding import Bidding
from auction.closings import close_lot
from auction.facts import Bid, EnglishRule, GridBase, Hammer, Lot, StepBand
from auction.hub import Hub
from auction.limits import Limits
from auction.node_time import NodeTime
from market.currencies import EXPONENTS
from market.recorded_auctions import RecordedAuction, RecordedBid, RecordError, read_auctions

if TYPE_CHECKING:
    from migrations.database import Connection, Pool

STEP_TABLES = {
    "ebay2001": (
        (1_00, 5),
        (5_00, 25),
        (25_00, 50),
        (100_00, 1_00),
        (250_00, 2_50),
        (500_00, 5_00),
        (1000_00, 10_00),
        (2500_00, 25_00),
        (5000_00, 50_00),
        (None, 100_00),
    ),
}
"""Name → (price below, step) in minor units. `ebay2001` is that operator's table of the year."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SELLER_ID = 1
_RECORDED_TO = timedelta(seconds=1)
"""Recorded times are cut to the second: a bid of the end's own second was in time, so the end lies behind that second."""
_NO_LIMITS = Limits(bids_per_second=1e9, burst=10**9)
"""A replay sends the bids of days within a second; the door's limits are for people."""

Echo = Callable[[str], None]


class Replayed(Struct, frozen=True, kw_only=True):
    """One auction: what the house made of it, beside what was recorded. `bids` counts the recorded ones."""

    auction: str | int
    winner: str | None
    price: int | None
    expected_winner: str | None
    expected_price: int | None
    bids: int
    ok: bool


class Totals(Struct, frozen=True, kw_only=True):
    auctions: int
    matched: int
    bids: int
    seconds: float


async def run_replay(path: Path, steps: str, as_json: bool, pool: Pool, echo: Echo) -> int:
    """Replay a file on an empty database and say how each auction came out. 0: all as recorded; 1: one differs; 2: the
    file is not of the form.
    """
    try:
        auctions = read_auctions(path)
    except RecordError as error:
        echo(msgspec.json.encode({"error": str(error)}).decode() if as_json else str(error))
        return 2
    started = time.perf_counter()
    matched = 0
    async for replayed in replay(pool, auctions, STEP_TABLES[steps]):
        matched += replayed.ok
        echo(_json(replayed) if as_json else _sentence(replayed))
    totals = Totals(
        auctions=len(auctions),
        matched=matched,
        bids=sum(len(auction.bids) for auction in auctions),
        seconds=round(time.perf_counter() - started, 3),
    )
    plain = f"{totals.matched} of {totals.auctions} auctions as recorded, {totals.bids} bids, {totals.seconds} s"
    echo(_json(totals) if as_json else plain)
    return 0 if matched == len(auctions) else 1


async def replay(
    pool: Pool, auctions: list[RecordedAuction], steps: tuple[tuple[int | None, int], ...]
) -> AsyncIterator[Replayed]:
    """The auctions' outcomes, in their order, once all of them have been run. The database must hold no lots."""
    clock = _RecordedClock()
    node_time = NodeTime(0, clock.microseconds)
    hammers: dict[int, Hammer] = {}

    async def on_hammer(_conn: Connection, hammer: Hammer) -> None:
        hammers[hammer.lot_id] = hammer

    party_ids = _party_ids(auctions)
    for lot_id, auction in enumerate(auctions, 1):
        await _open(pool, _lot(lot_id, auction, steps), {party_ids[bid.bidder] for bid in auction.bids})
    bidding = Bidding(pool, node_time, Hub(), on_hammer, _NO_LIMITS, lives_now=False)
    async with asyncio.TaskGroup() as tasks:
        clock.at = min((at for at, _, _ in _instants(auctions)), default=_EPOCH)
        await bidding.run(tasks)
        for number, (at, lot_id, bid) in enumerate(_instants(auctions), 1):
            clock.at = at
            if bid is not None:
                await bidding.submit(_bid(number, lot_id, party_ids[bid.bidder], bid))
                continue
            async with pool.acquire() as conn, conn.transaction():
                await close_lot(conn, lot_id, node_time.now(), on_hammer)
            await bidding.refresh(lot_id)
        await bidding.stop()
    bidders = {party_id: bidder for bidder, party_id in party_ids.items()}
    for lot_id, auction in enumerate(auctions, 1):
        yield _compared(auction, hammers[lot_id], bidders)


class _RecordedClock:
    """A monotonic clock that stands at `at` until it is set on."""

    def __init__(self) -> None:
        self.at = _EPOCH

    def microseconds(self) -> int:
        return (self.at - _EPOCH) // timedelta(microseconds=1)


def _instants(auctions: list[RecordedAuction]) -> list[tuple[datetime, int, RecordedBid | None]]:
    """Every bid and, as None, every end, in the order of time; a bid of the same instant as its end goes first."""
    instants = [(bid.at, lot_id, bid) for lot_id, auction in enumerate(auctions, 1) for bid in auction.bids]
    ends = [(_end(auction), lot_id, None) for lot_id, auction in enumerate(auctions, 1)]
    return sorted([*instants, *ends], key=lambda instant: instant[0])


def _end(auction: RecordedAuction) -> datetime:
    return auction.ends_at + _RECORDED_TO


def _lot(lot_id: int, auction: RecordedAuction, steps: tuple[tuple[int | None, int], ...]) -> Lot:
    """One timed phase with the grid off: recorded maxima may be any sum."""
    return Lot(
        id=lot_id,
        seller_id=_SELLER_ID,
        currency=auction.currency,
        currency_exponent=EXPONENTS.get(auction.currency, 2),
        rule=EnglishRule(
            start_price_minor=auction.start_price_minor,
            steps=tuple(StepBand(below_minor=below, increment_minor=step) for below, step in steps),
            grid_base=GridBase.NONE,
            timed_seconds=int((_end(auction) - auction.starts_at).total_seconds()),
        ),
        starts_at=auction.starts_at,
    )


async def _open(pool: Pool, lot: Lot, party_ids: Iterable[int]) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await desk.open_lot(conn, lot, lot.starts_at)
        for party_id in sorted(party_ids):
            await desk.admit(conn, lot_id=lot.id, party_id=party_id, now=lot.starts_at)


def _party_ids(auctions: list[RecordedAuction]) -> dict[str, int]:
    names = {bid.bidder: None for auction in auctions for bid in auction.bids}
    return {name: party_id for party_id, name in enumerate(names, _SELLER_ID + 1)}


def _bid(number: int, lot_id: int, party_id: int, bid: RecordedBid) -> Bid:
    return Bid(
        lot_id=lot_id,
        party_id=party_id,
        client_bid_id=UUID(int=number),
        amount_minor=bid.maximum_minor,
        is_maximum=True,
        stamped_at=bid.at,
    )


def _compared(auction: RecordedAuction, hammer: Hammer, bidders: dict[int, str]) -> Replayed:
    winner = None if hammer.winner_id is None else bidders[hammer.winner_id]
    # What an unsold auction's price would be is nobody's business: files say null, zero or the start price.
    same_price = hammer.price_minor == auction.price_minor or winner is None
    return Replayed(
        auction=auction.name,
        winner=winner,
        price=hammer.price_minor,
        expected_winner=auction.winner,
        expected_price=auction.price_minor,
        bids=len(auction.bids),
        ok=winner == auction.winner and same_price,
    )


def _json(value: Struct) -> str:
    return msgspec.json.encode(value).decode()


def _sentence(replayed: Replayed) -> str:
    outcome = _outcome(replayed.winner, replayed.price)
    if replayed.ok:
        return f"auction {replayed.auction}: {outcome}, as recorded"
    recorded = _outcome(replayed.expected_winner, replayed.expected_price)
    return f"auction {replayed.auction}: {outcome}, but recorded is {recorded}"


def _outcome(winner: str | None, price: int | None) -> str:
    return "unsold" if winner is None else f"{winner} at {price}"
