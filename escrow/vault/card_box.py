"""The cards of an unlocked wallet: put in, taken out, named."""

from __future__ import annotations

from escrow.envelopes import Purpose
from escrow.vault import store, wrapping
from escrow.vault.cards import read_card, read_label
from escrow.vault.room import Room, new_id, now_utc
from escrow.vault.store import CardRow
from escrow.vault_facts import MOST_CARDS, CardInfo, VaultRefusal, WalletHandle


async def add(room: Room, handle: WalletHandle, sealed: str) -> CardInfo | VaultRefusal:
    """One more card, from an envelope that only the vault can open."""
    wallet = room.find(handle)
    if isinstance(wallet, VaultRefusal):
        return wallet
    said = room.letters.open(sealed, Purpose.ADD_CARD, handle.party_id)
    if isinstance(said, VaultRefusal):
        return said
    card, label = read_card(said, now_utc()), read_label(said.get("label", ""))
    if isinstance(card, VaultRefusal):
        return card
    if isinstance(label, VaultRefusal):
        return label
    async with room.pool.acquire() as conn, conn.transaction():
        if await store.wallet_for_update(conn, handle.party_id) is None:
            return VaultRefusal.WALLET_ABSENT
        others = await store.cards(conn, wallet.wallet_id)
        if room.unlocked.find(handle) is None:
            return VaultRefusal.WALLET_LOCKED
        opened = [
            wrapping.open_card(wallet.data_key, each.sealed, each.wallet_id, each.id, each.version) for each in others
        ]
        if any(each is not None and each.number == card.number for each in opened):
            return VaultRefusal.CARD_KNOWN
        if len(others) >= MOST_CARDS:
            return VaultRefusal.TOO_MANY_CARDS
        card_id, version = new_id(), 1
        row = CardRow(
            id=card_id,
            wallet_id=wallet.wallet_id,
            version=version,
            sealed=wrapping.seal_card(wallet.data_key, card, wallet.wallet_id, card_id, version),
            brand=card.brand,
            last4=card.last4,
            expiry_month=card.expiry_month,
            expiry_year=card.expiry_year,
            label=label,
            added_at=now_utc(),
        )
        await store.insert_card(conn, row)
    return row.info


async def remove(room: Room, handle: WalletHandle, card_id: int) -> VaultRefusal | None:
    """The card is gone."""
    wallet = room.find(handle)
    if isinstance(wallet, VaultRefusal):
        return wallet
    async with room.pool.acquire() as conn:
        return None if await store.delete_card(conn, wallet.wallet_id, card_id) else VaultRefusal.CARD_ABSENT


async def rename(room: Room, handle: WalletHandle, card_id: int, text: str) -> CardInfo | VaultRefusal:
    """The name that its owner gives a card."""
    wallet, label = room.find(handle), read_label(text)
    if isinstance(wallet, VaultRefusal):
        return wallet
    if isinstance(label, VaultRefusal):
        return label
    async with room.pool.acquire() as conn, conn.transaction():
        await store.rename_card(conn, wallet.wallet_id, card_id, label)
        card = await store.card(conn, wallet.wallet_id, card_id)
    return VaultRefusal.CARD_ABSENT if card is None else card.info
