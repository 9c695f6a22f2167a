"""Buyers at a till, as a process to be killed: each takes a deal that waits for its money and pays it by card, again and again.

`python -m tests.torture.buyers TASK`, a JSON object: see `Task`. With a vault the cards lie in a wallet there, which is unlocked
again whenever the vault was killed; without one the buyers sign for themselves.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import httpx2
import msgspec
from msgspec import Struct

from escrow.card_facts import CardPurpose, CardTarget, new_payment_id
from escrow.card_payments import Pace
from escrow.dual_signature import OrderInfo, PreparedPayment
from escrow.vault_client import VaultClient
from escrow.vault_facts import Refused, Unlocked, WalletHandle
from migrations.database import Address, Role, create_pool
from tests.escrow.trade import BUYER
from tests.gateway.cards import GOOD, OTHER, UNION, Bank, Till, now, open_till, prepared
from tests.vault.vault_process import seal

BUYERS = 6
DECLINED = "4000000000000002"
PHRASE = "seven lanterns over a wet quay"
PACE = Pace(first_pause_seconds=0.05, ask_again_seconds=0.1, claim_seconds=3.0, longest_pause_seconds=0.5)
WAITING = """
select c.id, c.price_minor - c.deposit_minor as due_minor from escrow.escrow_case c
where c.state = 'awaiting_payment' order by random() limit 1"""


class Task(Struct, frozen=True):
    """Where everything is; `vault_url` empty for no vault."""

    socket_folder: str
    database: str
    bank_url: str
    switch_port: int
    bank_point: str
    seed: int
    vault_url: str = ""
    vault_secret: str = ""


class Purse:
    """One wallet in the vault that all buyers of this process pay from."""

    def __init__(self, client: VaultClient) -> None:
        self._client = client
        self._handle: WalletHandle | None = None
        self._cards: list[int] = []
        self._turn = asyncio.Lock()

    async def prepared(self, target: CardTarget, amount_minor: int, chance: random.Random) -> PreparedPayment:
        async with self._turn:
            handle = self._handle or await self._unlocked()
        order = OrderInfo(
            payment_id=new_payment_id(), subject=str(target), reference="GH-P-TEST", payee="Li Na", currency="CNY",
            amount_minor=str(amount_minor), contract_sha256="00" * 32, at="2026-03-02T09:00:00Z",
        )  # fmt: skip
        signed = await self._client.prepare_payment(handle, chance.choice(self._cards), order)
        if isinstance(signed, Refused):
            self._handle = None
            raise RuntimeError(f"the vault refuses: {signed.refusal}")
        return signed

    async def _unlocked(self) -> WalletHandle:
        wallet = await self._client.wallet(BUYER)
        purpose = "unlock" if wallet.exists else "open_wallet"
        sealed = seal(await self._client.public_key(), purpose, BUYER, {"passphrase": PHRASE})
        act = self._client.unlock if wallet.exists else self._client.open_wallet
        opened = await act(BUYER, "buyers", sealed)
        assert isinstance(opened, Unlocked), opened
        for number in (GOOD, OTHER, UNION, DECLINED)[len(wallet.cards) :]:
            card = {"number": number, "expiry_month": "12", "expiry_year": "2031", "holder": "WANG XIU"}
            await self._client.add_card(opened.handle, seal(await self._client.public_key(), "add_card", BUYER, card))
        self._cards = [each.id for each in (await self._client.wallet(BUYER)).cards]
        self._handle = opened.handle
        return opened.handle


async def main(task: Task) -> None:
    address = Address(socket_folder=Path(task.socket_folder), database=task.database)
    pool = await create_pool(address, Role.APP, min_size=0)
    purse = Purse(VaultClient(task.vault_url, task.vault_secret)) if task.vault_url else None
    async with httpx2.AsyncClient(base_url=task.bank_url, trust_env=False) as client:
        bank = Bank(task.bank_url, task.switch_port, client, bytes.fromhex(task.bank_point))
        async with open_till(pool, bank, pace=PACE, answer_seconds=0.7) as till, asyncio.TaskGroup() as group:
            for n in range(BUYERS):
                group.create_task(_buy(till, purse, random.Random(f"{task.seed}/{n}")))


async def _buy(till: Till, purse: Purse | None, chance: random.Random) -> None:
    """Two buyers may well meet at one deal: that is part of the trial."""
    while True:
        try:
            async with till.pool.acquire() as conn:
                row = await conn.fetchrow(WAITING)
            if row is not None:
                target = CardTarget(CardPurpose.CASE, row["id"])
                if purse is not None:
                    payment = await purse.prepared(target, row["due_minor"], chance)
                else:
                    pan = chance.choice((GOOD, OTHER, UNION, DECLINED))
                    payment = prepared(till.bank_point, target, row["due_minor"], pan)
                await till.cards.pay(target, BUYER, payment, now())
        except Exception as error:
            print(f"a buyer has to try again: {error!r}", file=sys.stderr, flush=True)  # noqa: T201
        await asyncio.sleep(chance.uniform(0.005, 0.05))


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(sys.argv[1], type=Task)))
