"""The close of a day at the desk: signed with the house's key, with its audit line; and whether an old close still holds."""

from __future__ import annotations

from datetime import date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import Struct

from auction.signing import is_signed_bytes
from escrow import day_close
from escrow.day_close import CloseRefusal, DayClose
from market import audit

if TYPE_CHECKING:
    from auction.signing import Signer
    from migrations.database import Connection


class Checked(Struct, frozen=True, kw_only=True):
    """Whether a close is still what was signed: its text has its hash, the signature is its key's, and it names the close
    before it.
    """

    hash_holds: bool
    signature_holds: bool
    chain_holds: bool
    signed_by_this_house: bool

    @property
    def holds(self) -> bool:
        return self.hash_holds and self.signature_holds and self.chain_holds


async def close(
    conn: Connection, signer: Signer, day: date, operator_id: int, reason: str, now: datetime
) -> DayClose | CloseRefusal:
    """Close the day."""
    done = await day_close.close_day(
        conn,
        day,
        operator_id,
        reason,
        lambda body: signer.sign_bytes(day_close.SIGNED_AS, body),
        signer.public_hex,
        now,
    )
    if isinstance(done, DayClose):
        detail = {"sha256": done.sha256.hex(), "faults": len(done.figures.faults)}
        await audit.record(conn, operator_id, "day.closed", f"day:{day}", reason.strip() or None, detail, now)
    return done


async def checked(conn: Connection, closed: DayClose, signer: Signer) -> Checked:
    """What a reader of the close should know of its proof."""
    figures = closed.figures
    before = None if figures.previous_day is None else await day_close.close_of(conn, figures.previous_day)
    return Checked(
        hash_holds=sha256(closed.body.encode()).digest() == closed.sha256,
        signature_holds=is_signed_bytes(day_close.SIGNED_AS, closed.body.encode(), closed.signature, closed.key),
        chain_holds=figures.previous_sha256 == (None if before is None else before.sha256.hex()),
        signed_by_this_house=closed.key == signer.public_hex,
    )
