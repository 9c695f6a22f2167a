"""A form that is sent twice (an impatient press, a page that is loaded again) acts once: its hidden number is kept, in the
transaction of the effect, with the place to which the first one led.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

LONGEST_NUMBER = 40
_QUERIES = load_queries("market", "notices")


def new_number() -> str:
    """For the hidden box of a fresh form."""
    return secrets.token_urlsafe(12)


async def claimed(conn: Connection, party_id: int, number: str, now: datetime) -> str | None:
    """Take the form's number; where the first one led if it was taken before. Waits for another that has it in hand."""
    key = _key(number)
    fingerprint = hashlib.sha256(number.encode()).digest()
    if key is None or await conn.fetchval(_QUERIES.claim_key, party_id, key, fingerprint, now) is not None:
        return None
    row = await conn.fetchrow(_QUERIES.answer_of_key, party_id, key)
    assert row is not None, "a number that is taken is kept"
    location: str = row["location"]
    return location


async def led_to(conn: Connection, party_id: int, number: str, location: str) -> None:
    """Keep where the form has led, beside its effect."""
    if (key := _key(number)) is not None:
        await conn.execute(_QUERIES.store_answer, party_id, key, 303, "", b"", location)


def _key(number: str) -> str | None:
    """A form without a number, as a script may send, is what it is each time."""
    return f"form {number}" if number.isprintable() and 0 < len(number) <= LONGEST_NUMBER else None
