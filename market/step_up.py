"""Asking for a passphrase: at sign-in, and again for an act that needs it (the step-up, good for that one act).

Wrong ones are counted per account, whether it exists or not, so that guessing ends early everywhere alike. Each leaves a line
in the log; of the account it holds a keyed hash alone, for somebody may have typed his passphrase where the address belongs.
"""

from __future__ import annotations

import hmac
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from market import limits, parties
from market.refusals import MarketRefusal

if TYPE_CHECKING:
    from market.house import House
    from migrations.database import Connection


_log = structlog.get_logger("gavelhouse")


async def prove(house: House, conn: Connection, email: str, passphrase: str) -> int | MarketRefusal:
    """Whose address and passphrase these are, or SIGN_IN_FAILED, or TOO_MANY_TRIES."""
    key = parties.plain_email(email)
    account = "malformed" if isinstance(key, MarketRefusal) else key
    if _tries_are_spent(house, account):
        return _refused(house, account, MarketRefusal.TOO_MANY_TRIES)
    party_id = await parties.prove(conn, house.passphrases, email, passphrase)
    if party_id is None:
        return _refused(house, account, MarketRefusal.SIGN_IN_FAILED)
    house.buckets.give_back(limits.PASSPHRASE, account)
    return party_id


async def step_up(house: House, conn: Connection, party_id: int, passphrase: str) -> MarketRefusal | None:
    """None when it is the party's passphrase, else PASSPHRASE_WRONG or TOO_MANY_TRIES."""
    account = f"party {party_id}"
    if _tries_are_spent(house, account):
        return _refused(house, account, MarketRefusal.TOO_MANY_TRIES)
    if not await parties.passphrase_is(conn, house.passphrases, party_id, passphrase):
        return _refused(house, account, MarketRefusal.PASSPHRASE_WRONG)
    house.buckets.give_back(limits.PASSPHRASE, account)
    return None


def _refused(house: House, account: str, why: MarketRefusal) -> MarketRefusal:
    named = hmac.digest(house.config.secret_key.encode(), account.encode(), "sha256").hex()[:16]
    _log.info("passphrase_refused", why=why.value, account=named)
    return why


def _tries_are_spent(house: House, account: str) -> bool:
    return house.buckets.take(limits.PASSPHRASE, account, monotonic()) > 0
