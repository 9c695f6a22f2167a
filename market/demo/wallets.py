"""The demo bidder's wallet: two cards of the sandbox bank, of which the first has nothing on it. Made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from escrow.envelopes import Purpose, seal_for_vault
from escrow.vault_client import VaultClient, VaultError
from escrow.vault_facts import Refused
from escrow.vault_wire import from_base64url
from market.demo.people import PEOPLE
from migrations.database import Role, connect
from migrations.queries import load_queries

if TYPE_CHECKING:
    from market.config import Config

CARDS = (("4000000000009995", "旧卡 · old card"), ("4242424242424242", "工资卡 · salary"))
"""Numbers that every test bank knows; the first is always declined for want of money."""
_queries = load_queries("market", "demo")
_log = structlog.get_logger("gavelhouse")


async def give_wallet(config: Config, passphrase: str) -> None:
    """Open the bidder's wallet under the demo's passphrase, unless he has one. Without a vault the demo has none."""
    conn = await connect(config.address, Role.APP)
    try:
        bidder = next(person for person in PEOPLE if person.key == "bidder")
        (row,) = await conn.fetch(_queries.parties_by_email, [bidder.email])
    finally:
        await conn.close()
    vault = VaultClient(config.vault_url, config.vault_secret)
    try:
        await _fill(vault, int(row["id"]), passphrase, bidder.key)
    except VaultError as error:
        _log.warning("the demo's bidder has no wallet", error=str(error))
    finally:
        await vault.close()


async def _fill(vault: VaultClient, party_id: int, passphrase: str, session: str) -> None:
    if (await vault.wallet(party_id)).exists:
        return

    async def sealed(purpose: Purpose, **content: str) -> str:
        key = await vault.public_key()
        return seal_for_vault(key.key_id, from_base64url(key.point), purpose, party_id, key.at_ms, content)

    opened = await vault.open_wallet(party_id, session, await sealed(Purpose.OPEN_WALLET, passphrase=passphrase))
    if isinstance(opened, Refused):
        raise VaultError(opened.refusal)
    for number, label in CARDS:
        card = {"number": number, "expiry_month": "12", "expiry_year": "2031", "holder": "CHEN JING", "label": label}
        await vault.add_card(opened.handle, await sealed(Purpose.ADD_CARD, **card))
    await vault.lock(opened.handle)
