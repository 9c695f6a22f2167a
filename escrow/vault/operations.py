"""The vault's operations by name: what each is asked with, and which act answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from msgspec import Struct

from escrow import vault_wire as wire
from escrow.vault import card_box, identity, protections, signing, wallets
from escrow.vault.bank_key import BankKey
from escrow.vault.room import Room, now_ms
from escrow.vault_facts import VaultKey


class Operation(NamedTuple):
    asked: type[Struct]
    act: Callable[[Any], Awaitable[object]]


def operations(room: Room, bank: BankKey) -> dict[str, Operation]:
    """Every operation; there is no other way into the vault."""

    async def public_key(_: wire.Nothing) -> VaultKey:
        pair = room.keys.current.pair
        return VaultKey(key_id=pair.key_id, point=wire.base64url(pair.point), at_ms=now_ms())

    async def lock(asked: wire.WithHandle) -> None:
        room.unlocked.lock(asked.handle)

    return {
        "public_key": Operation(wire.Nothing, public_key),
        "wallet": Operation(wire.OfParty, lambda asked: wallets.state(room, asked.party_id)),
        "open_wallet": Operation(
            wire.SealedInSession,
            lambda asked: wallets.open_wallet(room, asked.party_id, asked.session_key, asked.sealed),
        ),
        "unlock": Operation(
            wire.SealedInSession, lambda asked: wallets.unlock(room, asked.party_id, asked.session_key, asked.sealed)
        ),
        "lock": Operation(wire.WithHandle, lock),
        "until": Operation(wire.WithHandle, lambda asked: wallets.until(room, asked.handle)),
        "discard_wallet": Operation(
            wire.Discarded, lambda asked: wallets.discard(room, asked.party_id, asked.public_key)
        ),
        "change_passphrase": Operation(
            wire.Sealed, lambda asked: protections.change_passphrase(room, asked.party_id, asked.sealed)
        ),
        "add_passphrase": Operation(
            wire.SealedWithHandle, lambda asked: protections.add_passphrase(room, asked.handle, asked.sealed)
        ),
        "add_passkey": Operation(
            wire.SealedWithHandle, lambda asked: protections.add_passkey(room, asked.handle, asked.sealed)
        ),
        "remove_protection": Operation(wire.Numbered, lambda asked: protections.remove(room, asked.handle, asked.id)),
        "add_card": Operation(wire.SealedWithHandle, lambda asked: card_box.add(room, asked.handle, asked.sealed)),
        "remove_card": Operation(wire.Numbered, lambda asked: card_box.remove(room, asked.handle, asked.id)),
        "rename_card": Operation(
            wire.Renamed, lambda asked: card_box.rename(room, asked.handle, asked.id, asked.label)
        ),
        "prepare_payment": Operation(
            wire.Ordered,
            lambda asked: signing.prepare_payment(room, bank, asked.handle, asked.card_id, asked.order),
        ),
        "request_identity": Operation(
            wire.Identified, lambda asked: identity.request(room, asked.handle, afresh=asked.afresh)
        ),
        "sign_contract": Operation(
            wire.Recorded, lambda asked: identity.sign_contract(room, asked.handle, asked.record)
        ),
        "sign_cheque": Operation(wire.Recorded, lambda asked: signing.sign_cheque(room, asked.handle, asked.record)),
    }
