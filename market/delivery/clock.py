"""The clock of bookings: tells each carrier what was booked, under the booking's own id, until it answers.

It knows only rows: killed at any line or running twice, the carrier is asked again and answers the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from asyncpg import PostgresError

from auction.store import CONNECTION_LOST
from market.delivery import store
from market.delivery.carriers import Booked, Carrier, CarrierError
from market.delivery.facts import Consignment, ConsignmentState, ask_again_at

if TYPE_CHECKING:
    from market.delivery.desk import DeliveryDesk
    from migrations.database import Pool

LONGEST_SLEEP_SECONDS = 2.0
AT_ONCE = 20

_log = structlog.get_logger("gavelhouse")


class DeliveryClock:
    """`run` it once in the house's task group; `now` is the node's time."""

    def __init__(self, pool: Pool, desk: DeliveryDesk, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._desk = desk
        self._now = now

    async def run(self) -> None:
        """Tell the carriers, for ever."""
        while True:
            try:
                while await self.tell_carriers() == AT_ONCE:
                    pass
            except (*CONNECTION_LOST, PostgresError) as error:
                _log.warning("carriers not told", error=repr(error))
            await asyncio.sleep(LONGEST_SLEEP_SECONDS)

    async def tell_carriers(self) -> int:
        """Ask for the bookings that are due; how many there were. No connection is held while a carrier thinks."""
        now = self._now()
        async with self._pool.acquire() as conn:
            due = await store.claim_to_ask(conn, now, ask_again_at(3, now), AT_ONCE)
        await asyncio.gather(*(self._tell(each) for each in due))
        return len(due)

    async def _tell(self, booked: Consignment) -> None:
        carrier = self._desk.carriers.get(booked.carrier)
        try:
            if carrier is None:
                raise CarrierError("the house works with this carrier no longer")
            answer = await carrier.book(booked)
        except CarrierError as error:
            async with self._pool.acquire() as conn:
                again_at = ask_again_at(booked.tries, self._now())
                await store.ask_later(conn, booked.id, again_at, str(error)[:200])
            return
        async with self._pool.acquire() as conn, conn.transaction():
            after = await self._desk.answered(conn, booked.id, answer, self._now())
        if isinstance(answer, Booked) and after is not None and after.state is ConsignmentState.CANCELLED:
            await self._call_off(carrier, after)

    async def _call_off(self, carrier: Carrier, booked: Consignment) -> None:
        """It was called off while the carrier was being asked, which has taken it all the same."""
        try:
            await carrier.cancel(booked.booking_id)
        except CarrierError as error:
            _log.warning("carrier not told of a call-off", consignment=booked.id, error=str(error))
