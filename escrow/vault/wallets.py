"""Opening, unlocking and discarding a wallet. Each function is one act; a refusal is a value."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from escrow.envelopes import Purpose
from escrow.vault import protections, store, trying, wrapping
from escrow.vault.room import Room, new_id, now_utc
from escrow.vault.store import WalletRow
from escrow.vault_facts import Refused, Unlocked, VaultRefusal, WalletHandle, WalletState
from escrow.vault_wire import base64url


async def state(room: Room, party_id: int) -> WalletState:
    """What is known of a wallet without opening it."""
    salt = base64url(wrapping.prf_salt(party_id))
    async with room.pool.acquire() as conn:
        wallet = await store.wallet(conn, party_id)
        if wallet is None:
            return WalletState(exists=False, prf_salt=salt)
        ways = await store.protections(conn, wallet.id)
        cards = await store.cards(conn, wallet.id)
    blocked = wallet.blocked_until
    return WalletState(
        exists=True,
        prf_salt=salt,
        public_key=wallet.public_key.hex(),
        protections=tuple(store.info_of(way) for way in ways),
        cards=tuple(card.info for card in cards),
        tries_blocked_until=blocked if blocked and blocked > now_utc() else None,
    )


async def open_wallet(room: Room, party_id: int, session_key: str, sealed: str) -> Unlocked | VaultRefusal:
    """A party's wallet, new and unlocked, under the passphrase or the passkey of the envelope."""
    said = room.letters.open(sealed, Purpose.OPEN_WALLET, party_id)
    if isinstance(said, VaultRefusal):
        return said
    async with room.pool.acquire() as conn:
        if await store.wallet(conn, party_id) is not None:
            return VaultRefusal.WALLET_EXISTS
    wallet_id, data_key, signing = new_id(), secrets.token_bytes(32), Ed25519PrivateKey.generate()
    if "prf" in said:
        way = protections.new_passkey(room, said, data_key, wallet_id, ())
    else:
        way = await protections.new_passphrase(room, said.get("passphrase", ""), data_key, wallet_id)
    if isinstance(way, VaultRefusal):
        return way
    wallet = WalletRow(
        id=wallet_id,
        party_id=party_id,
        public_key=signing.public_key().public_bytes_raw(),
        signing_sealed=wrapping.seal_signing_key(data_key, signing.private_bytes_raw(), wallet_id),
        wrong_tries=0,
        blocked_until=None,
    )
    async with room.pool.acquire() as conn, conn.transaction():
        if not await store.insert_wallet(conn, wallet, now_utc()):
            return VaultRefusal.WALLET_EXISTS
        await store.insert_protection(conn, way)
    return _unlocked(room, wallet, session_key, data_key)


async def unlock(room: Room, party_id: int, session_key: str, sealed: str) -> Unlocked | VaultRefusal | Refused:
    """The wallet for ten minutes, by passphrase or passkey. A passphrase's tries are limited, a passkey's need not be:
    nobody guesses 256 bits.
    """
    said = room.letters.open(sealed, Purpose.UNLOCK, party_id)
    if isinstance(said, VaultRefusal):
        return said
    if "prf" in said:
        return await _unlock_by_passkey(room, party_id, session_key, said)
    found = await trying.data_key_by_passphrase(room, party_id, said.get("passphrase", ""))
    if isinstance(found, VaultRefusal | Refused):
        return found
    wallet, _, data_key = found
    return _unlocked(room, wallet, session_key, data_key)


async def _unlock_by_passkey(
    room: Room, party_id: int, session_key: str, said: dict[str, str]
) -> Unlocked | VaultRefusal:
    passkey = protections.read_passkey(said)
    if isinstance(passkey, VaultRefusal):
        return passkey
    async with room.pool.acquire() as conn:
        wallet = await store.wallet(conn, party_id)
        if wallet is None:
            return VaultRefusal.WALLET_ABSENT
        ways = await store.protections(conn, wallet.id)
    way = next((each for each in ways if each.credential_id == passkey.credential_id), None)
    if way is None:
        return VaultRefusal.PROTECTION_ABSENT
    kek = wrapping.of_passkey(passkey.prf, way.salt, way.id)
    data_key = wrapping.unwrap(way.wrapped, kek, trying.outer_key(room, way), wallet.id, way.id)
    return VaultRefusal.UNLOCK_WRONG if data_key is None else _unlocked(room, wallet, session_key, data_key)


async def discard(room: Room, party_id: int, public_key: str) -> None:
    """The wallet of that key is gone for good with its cards: what remains to who has forgotten the passphrase."""
    async with room.pool.acquire() as conn:
        if await store.delete_wallet(conn, party_id, bytes.fromhex(public_key)):
            room.unlocked.lock_party(party_id)


async def until(room: Room, handle: WalletHandle) -> datetime | VaultRefusal:
    """Until when the wallet stays unlocked."""
    wallet = room.find(handle)
    if isinstance(wallet, VaultRefusal):
        return wallet
    return now_utc() + timedelta(seconds=room.unlocked.seconds_left(wallet))


def _unlocked(room: Room, wallet: WalletRow, session_key: str, data_key: bytes) -> Unlocked:
    handle = room.unlocked.add(wallet.party_id, session_key, wallet.id, data_key)
    opened = room.unlocked.find(handle)
    assert opened is not None
    return Unlocked(handle=handle, until=now_utc() + timedelta(seconds=room.unlocked.seconds_left(opened)))
