"""A wallet's data key by its passphrase: the one place where a passphrase is tried."""

from __future__ import annotations

from escrow.vault import store, tries, wrapping
from escrow.vault.room import Room, now_utc
from escrow.vault.store import ProtectionRow, WalletRow
from escrow.vault_facts import Refused, VaultRefusal


async def data_key_by_passphrase(
    room: Room, party_id: int, passphrase: str
) -> tuple[WalletRow, ProtectionRow, bytes] | VaultRefusal | Refused:
    """The data key of a party's wallet. The try is counted, and that committed, before the passphrase is stretched."""
    async with room.stretcher.place():
        async with room.pool.acquire() as conn, conn.transaction():
            wallet = await store.wallet_for_update(conn, party_id)
            if wallet is None:
                return VaultRefusal.WALLET_ABSENT
            way = next((each for each in await store.protections(conn, wallet.id) if each.kind == "passphrase"), None)
            if way is None:
                return VaultRefusal.PASSPHRASE_ABSENT
            now = now_utc()
            if wallet.blocked_until and wallet.blocked_until > now:
                return Refused(VaultRefusal.UNLOCK_WAIT, wallet.blocked_until)
            wrong = wallet.wrong_tries + 1
            blocked = tries.blocked_until(wrong, now)
            await store.count_try(conn, wallet.id, wrong, blocked)
        assert way.memory_kib and way.iterations, "the schema says that a passphrase has both"
        kek = await room.stretcher.stretched(passphrase, way.salt, way.memory_kib, way.iterations)
    data_key = wrapping.unwrap(way.wrapped, kek, outer_key(room, way), wallet.id, way.id)
    if data_key is None:
        return Refused(VaultRefusal.UNLOCK_WRONG, blocked)
    async with room.pool.acquire() as conn:
        await store.forget_tries(conn, wallet.id)
    return wallet, way, data_key


def outer_key(room: Room, way: ProtectionRow) -> bytes:
    """The vault's key that this protection lies under."""
    return room.keys.by_id[way.outer_key].at_rest
