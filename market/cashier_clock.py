"""The cashier's clock: cheques whose time is up go back, phone requests nobody answered end, confirmed ones are finished,
contracts that were not signed in time lapse, the rights to bid of who owes the house rest until he has repaid.

It knows only rows: killed at any line or running twice, each thing still ends once.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from asyncpg import PostgresError

from auction.store import CONNECTION_LOST
from escrow import cashier_store
from market import debtors, phone_confirmations, phone_store
from market.checkout import cheques_of
from market.contracting import desk as contracting
from market.contracting import store as contracts_store
from market.phone_store import PhoneState

if TYPE_CHECKING:
    from market.house import House

LONGEST_SLEEP_SECONDS = 5.0

_log = structlog.get_logger("gavelhouse")


class CashierClock:
    """`run` it once in the house's task group."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def run(self) -> None:
        """End what has run out, for ever."""
        while True:
            wait = LONGEST_SLEEP_SECONDS
            try:
                next_at = await self.end_due()
                if next_at is not None:
                    wait = min(wait, (next_at - self._house.node_time.now()).total_seconds())
            except (*CONNECTION_LOST, PostgresError) as error:
                _log.warning("the cashier's clock could not look", error=repr(error))
            await asyncio.sleep(max(wait, 0.05))

    async def end_due(self) -> datetime | None:
        """End each thing whose time is up, in a transaction of its own; when the next runs out."""
        house, now = self._house, self._house.node_time.now()
        async with house.pool.acquire() as conn:
            while True:
                async with conn.transaction():
                    if await cheques_of(house).expire_one(conn, now) is None:
                        break
            for request_id in await phone_store.expired(conn, now):
                async with conn.transaction():
                    request = await phone_store.lock_request(conn, request_id)
                    if request is not None and request.state is PhoneState.REQUESTED:
                        await phone_store.end(conn, request_id, PhoneState.EXPIRED, None, now)
            left = now - timedelta(seconds=phone_confirmations.LEFT_BEHIND_SECONDS)
            forgotten = await phone_store.left_confirmed(conn, left)
            while True:
                async with conn.transaction():
                    if await contracting.lapse_one(conn, now) is None:
                        break
            while True:
                async with conn.transaction():
                    if not await debtors.rest_one(conn, now) and not await debtors.resume_one(conn, house.escrow, now):
                        break
            ends = (await cashier_store.next_cheque_expiry(conn), await contracts_store.next_overdue(conn))
            next_at = min((one for one in ends if one is not None), default=None)
        for request_id in forgotten:
            await phone_confirmations.capture(house, request_id, now)
        return next_at
