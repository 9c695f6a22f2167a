"""After a new key has been put first in the key file: the running vault takes it up, and wraps everything at rest anew."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from escrow.vault import keys, store, wrapping
from escrow.vault.keys import VaultKeys
from escrow.vault.room import Room
from escrow.vault_facts import VaultKeyError

if TYPE_CHECKING:
    from migrations.database import Pool

LOOK_SECONDS = 0.5
_log = structlog.get_logger("escrow.vault")


async def watch(room: Room, path: Path) -> None:
    """Look at the file twice a second, and wipe what is no longer unlocked; runs until cancelled."""
    seen = _stamp(path)
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        room.unlocked.sweep()
        if (now := _stamp(path)) == seen:
            continue
        seen = now
        try:
            room.keys = keys.load(path)
            await rewrap(room.pool, room.keys)
        except VaultKeyError as error:
            _log.error("the vault keeps the keys it has", reason=str(error))
        except Exception as error:
            # Its text might hold anything. The rest is wrapped anew at the next start.
            _log.error("not everything was wrapped anew", error=type(error).__name__)


async def rewrap(pool: Pool, known: VaultKeys) -> int:
    """Put everything under the key in use, without a passphrase; how much there was."""
    done = 0
    async with pool.acquire() as conn:
        while rows := await conn.fetch(store.queries.under_older_keys, known.current.key_id):
            for row in rows:
                anew = wrapping.wrap_anew(
                    row["wrapped"],
                    known.by_id[row["outer_key"]].at_rest,
                    known.current.at_rest,
                    row["wallet_id"],
                    row["id"],
                )
                await conn.execute(store.queries.replace_outer, row["id"], row["wrapped"], anew, known.current.key_id)
                done += 1
    if done:
        _log.warning("wrapped anew under the vault's new key", protections=done, key=known.current.key_id)
    return done


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_ino
