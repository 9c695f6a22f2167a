"""The ways to unlock a wallet: one passphrase, several passkeys, never none. Each wraps the same data key, so that no
card is touched when one is added, changed or taken away.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from msgspec import Struct

from escrow.envelopes import Purpose
from escrow.vault import store, trying, wrapping
from escrow.vault.cards import read_label
from escrow.vault.room import Room, new_id, now_utc
from escrow.vault.store import ProtectionRow
from escrow.vault_facts import MOST_PASSKEYS, Protection, Refused, VaultRefusal, WalletHandle
from escrow.vault_wire import from_base64url

LONGEST_CREDENTIAL_ID = 1023
"""WebAuthn level 3, 4: a credential ID has at most so many bytes."""


class Passkey(Struct, frozen=True, kw_only=True):
    credential_id: bytes
    prf: bytes
    label: str

    def __repr__(self) -> str:
        return f"Passkey({self.label!r})"


def read_passkey(said: Mapping[str, str]) -> Passkey | VaultRefusal:
    """A passkey as an envelope describes it."""
    label = read_label(said.get("label", ""))
    if isinstance(label, VaultRefusal):
        return VaultRefusal.PASSKEY_MALFORMED
    try:
        passkey = Passkey(
            credential_id=from_base64url(said.get("credential_id", "")),
            prf=from_base64url(said.get("prf", "")),
            label=label,
        )
    except ValueError:
        return VaultRefusal.PASSKEY_MALFORMED
    if len(passkey.prf) != wrapping.PRF_BYTES or not 1 <= len(passkey.credential_id) <= LONGEST_CREDENTIAL_ID:
        return VaultRefusal.PASSKEY_MALFORMED
    return passkey


async def new_passphrase(
    room: Room, passphrase: str, data_key: bytes | bytearray, wallet_id: int
) -> ProtectionRow | VaultRefusal:
    """A passphrase that is good enough, around the data key."""
    flaw = room.judge_passphrase(passphrase)
    if flaw is not None:
        return flaw
    salt, protection_id, key = os.urandom(wrapping.SALT_BYTES), new_id(), room.keys.current
    async with room.stretcher.place():
        kek = await room.stretcher.stretched(passphrase, salt)
    return ProtectionRow(
        id=protection_id,
        wallet_id=wallet_id,
        kind="passphrase",
        wrapped=wrapping.wrap(data_key, kek, key.at_rest, wallet_id, protection_id),
        outer_key=key.key_id,
        salt=salt,
        memory_kib=wrapping.MEMORY_KIB,
        iterations=wrapping.ITERATIONS,
        added_at=now_utc(),
    )


def new_passkey(
    room: Room,
    said: Mapping[str, str],
    data_key: bytes | bytearray,
    wallet_id: int,
    others: Iterable[ProtectionRow],
) -> ProtectionRow | VaultRefusal:
    """A passkey around the data key, beside the others that the wallet has."""
    passkey = read_passkey(said)
    if isinstance(passkey, VaultRefusal):
        return passkey
    known = [each.credential_id for each in others if each.kind == "passkey"]
    if passkey.credential_id in known:
        return VaultRefusal.PASSKEY_KNOWN
    if len(known) >= MOST_PASSKEYS:
        return VaultRefusal.TOO_MANY_PASSKEYS
    salt, protection_id, key = os.urandom(wrapping.SALT_BYTES), new_id(), room.keys.current
    kek = wrapping.of_passkey(passkey.prf, salt, protection_id)
    return ProtectionRow(
        id=protection_id,
        wallet_id=wallet_id,
        kind="passkey",
        wrapped=wrapping.wrap(data_key, kek, key.at_rest, wallet_id, protection_id),
        outer_key=key.key_id,
        salt=salt,
        credential_id=passkey.credential_id,
        label=passkey.label,
        added_at=now_utc(),
    )


async def change_passphrase(room: Room, party_id: int, sealed: str) -> VaultRefusal | Refused | None:
    """Another passphrase around the same data key; whoever has the wallet unlocked must unlock it anew."""
    said = room.letters.open(sealed, Purpose.CHANGE_PASSPHRASE, party_id)
    if isinstance(said, VaultRefusal):
        return said
    chosen = said.get("new_passphrase", "")
    flaw = room.judge_passphrase(chosen)
    if flaw is not None:
        return flaw
    found = await trying.data_key_by_passphrase(room, party_id, said.get("passphrase", ""))
    if isinstance(found, VaultRefusal | Refused):
        return found
    wallet, old, data_key = found
    # The same row, since what is wrapped is bound to its id.
    salt, key = os.urandom(wrapping.SALT_BYTES), room.keys.current
    async with room.stretcher.place():
        kek = await room.stretcher.stretched(chosen, salt)
    new = ProtectionRow(
        id=old.id,
        wallet_id=wallet.id,
        kind="passphrase",
        wrapped=wrapping.wrap(data_key, kek, key.at_rest, wallet.id, old.id),
        outer_key=key.key_id,
        salt=salt,
        memory_kib=wrapping.MEMORY_KIB,
        iterations=wrapping.ITERATIONS,
        added_at=old.added_at,
    )
    async with room.pool.acquire() as conn:
        if not await store.replace_passphrase(conn, old, new):
            return VaultRefusal.UNLOCK_WRONG
    room.unlocked.lock_party(party_id)
    return None


async def add_passphrase(room: Room, handle: WalletHandle, sealed: str) -> VaultRefusal | None:
    """A passphrase for an unlocked wallet that had passkeys alone."""
    wallet = room.find(handle)
    if isinstance(wallet, VaultRefusal):
        return wallet
    said = room.letters.open(sealed, Purpose.ADD_PASSPHRASE, handle.party_id)
    if isinstance(said, VaultRefusal):
        return said
    way = await new_passphrase(room, said.get("passphrase", ""), wallet.data_key, wallet.wallet_id)
    if isinstance(way, VaultRefusal):
        return way
    async with room.pool.acquire() as conn, conn.transaction():
        if await store.wallet_for_update(conn, handle.party_id) is None or room.unlocked.find(handle) is None:
            return VaultRefusal.WALLET_LOCKED
        if any(each.kind == "passphrase" for each in await store.protections(conn, wallet.wallet_id)):
            return VaultRefusal.PASSPHRASE_PRESENT
        await store.insert_protection(conn, way)
    return None


async def add_passkey(room: Room, handle: WalletHandle, sealed: str) -> Protection | VaultRefusal:
    """A passkey for an unlocked wallet."""
    wallet = room.find(handle)
    if isinstance(wallet, VaultRefusal):
        return wallet
    said = room.letters.open(sealed, Purpose.ADD_PASSKEY, handle.party_id)
    if isinstance(said, VaultRefusal):
        return said
    async with room.pool.acquire() as conn, conn.transaction():
        if await store.wallet_for_update(conn, handle.party_id) is None:
            return VaultRefusal.WALLET_ABSENT
        others = await store.protections(conn, wallet.wallet_id)
        if room.unlocked.find(handle) is None:
            return VaultRefusal.WALLET_LOCKED
        way = new_passkey(room, said, wallet.data_key, wallet.wallet_id, others)
        if isinstance(way, VaultRefusal):
            return way
        await store.insert_protection(conn, way)
    return store.info_of(way)


async def remove(room: Room, handle: WalletHandle, protection_id: int) -> VaultRefusal | None:
    """One way less to unlock the wallet, but never the last."""
    wallet = room.find(handle)
    if isinstance(wallet, VaultRefusal):
        return wallet
    async with room.pool.acquire() as conn, conn.transaction():
        if await store.wallet_for_update(conn, handle.party_id) is None:
            return VaultRefusal.WALLET_ABSENT
        ways = await store.protections(conn, wallet.wallet_id)
        if all(way.id != protection_id for way in ways):
            return VaultRefusal.PROTECTION_ABSENT
        if len(ways) == 1:
            return VaultRefusal.LAST_PROTECTION
        await store.delete_protection(conn, protection_id)
    return None
