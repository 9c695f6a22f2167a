"""Buyers at a till, as a process to be killed: each takes a deal that waits for its money and pays it by card, again and again.

`python -m tests.torture.buyers SOCKET_FOLDER DATABASE BANK_URL SWITCH_PORT BANK_POINT_HEX SEED`
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import httpx2

from escrow.card_facts import CardPurpose, CardTarget
from escrow.card_payments import Pace
from migrations.database import Address, Role, create_pool
from tests.escrow.trade import BUYER
from tests.gateway.cards import GOOD, OTHER, UNION, Bank, Till, now, open_till

BUYERS = 6
PACE = Pace(first_pause_seconds=0.05, ask_again_seconds=0.1, claim_seconds=3.0, longest_pause_seconds=0.5)
WAITING = """
select c.id, c.price_minor - c.deposit_minor as due_minor from escrow.escrow_case c
where c.state = 'awaiting_payment' order by random() limit 1"""


async def main(arguments: list[str]) -> None:
    folder, database, url, switch_port, point, seed = arguments
    pool = await create_pool(Address(socket_folder=Path(folder), database=database), Role.APP, min_size=0)
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
        bank = Bank(url, int(switch_port), client, bytes.fromhex(point))
        async with open_till(pool, bank, pace=PACE, answer_seconds=0.7) as till, asyncio.TaskGroup() as group:
            for n in range(BUYERS):
                group.create_task(_buy(till, random.Random(f"{seed}/{n}")))


async def _buy(till: Till, chance: random.Random) -> None:
    """Two buyers may well meet at one deal: that is part of the trial."""
    while True:
        try:
            async with till.pool.acquire() as conn:
                row = await conn.fetchrow(WAITING)
            if row is not None:
                target = CardTarget(CardPurpose.CASE, row["id"])
                pan = chance.choice((GOOD, OTHER, UNION, "4000000000000002"))
                await till.cards.pay(target, BUYER, till.prepared(target, row["due_minor"], pan), now())
        except Exception as error:
            print(f"a buyer has to try again: {error!r}", file=sys.stderr, flush=True)  # noqa: T201
        await asyncio.sleep(chance.uniform(0.005, 0.05))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
