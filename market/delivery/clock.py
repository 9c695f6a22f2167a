"""The clock of bookings: tells each carrier what was booked or called off, under the booking's own id, until it answers.

It knows only rows: killed at any line or running twice, the carrier is asked again and answers the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import structlog
from asyncpg import PostgresError

from auction.store import CONNECTION_LOST
from market.delivery import store
from market.delivery.carriers import Booked, Carrier, CarrierError
from market.delivery.facts import Consignment, ConsignmentState, ask_again_at
from market.delivery.store import NumberTakenError

if TYPE_CHECKING:
    from market.delivery.desk import DeliveryDesk
    from migrations.database import Pool

LONGEST_SLEEP_SECONDS = 2.0
LONGEST_ANSWER_SECONDS = 10.0
AT_ONCE = 20

T = TypeVar("T")

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
            self._desk.nudged.clear()
            try:
                while await self.tell_carriers() == AT_ONCE:
                    pass
            except (*CONNECTION_LOST, PostgresError) as error:
                _log.warning("carriers not told", error=repr(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_SLEEP_SECONDS):
                    await self._desk.nudged.wait()

    async def tell_carriers(self) -> int:
        """Ask for the bookings and call-offs that are due; how many there were. No connection is held while a carrier
        thinks, and none thinks for longer than the rest can wait.
        """
        now = self._now()
        async with self._pool.acquire() as conn:
            async with conn.transaction():
                await self._desk.call_off_ended(conn, now, AT_ONCE)
            due = await store.claim_to_ask(conn, now, ask_again_at(3, now), AT_ONCE)
        await asyncio.gather(*(self._tell(each) for each in due))
        return len(due)

    async def _tell(self, due: Consignment) -> None:
        try:
            await (self._call_off(due) if due.waits_to_be_called_off else self._book(due))
        except (CarrierError, NumberTakenError) as error:
            async with self._pool.acquire() as conn:
                again_at = ask_again_at(due.tries, self._now())
                await store.ask_later(conn, due.id, again_at, (str(error) or type(error).__name__)[:200])
        except (*CONNECTION_LOST, PostgresError) as error:
            _log.warning("carrier's answer not kept, asked again later", consignment=due.id, error=repr(error))

    async def _book(self, booked: Consignment) -> None:
        carrier = self._carrier(booked)
        answer = await _in_time(carrier.book(booked))
        async with self._pool.acquire() as conn, conn.transaction():
            after = await self._desk.answered(conn, booked.id, answer, self._now())
        if isinstance(answer, Booked) and after is not None and after.state is ConsignmentState.CANCELLED:
            # It was called off while the carrier was being asked, which has taken it all the same.
            await _in_time(carrier.cancel(booked.booking_id))

    async def _call_off(self, booked: Consignment) -> None:
        is_done = await _in_time(self._carrier(booked).cancel(booked.booking_id))
        async with self._pool.acquire() as conn, conn.transaction():
            await self._desk.called_off(conn, booked.id, is_done, self._now())

    def _carrier(self, booked: Consignment) -> Carrier:
        carrier = self._desk.carriers.get(booked.carrier)
        if carrier is None:
            raise CarrierError("the house works with this carrier no longer")
        return carrier


async def _in_time(asked: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(LONGEST_ANSWER_SECONDS):
            return await asked
    except TimeoutError as error:
        raise CarrierError("the carrier took too long") from error
