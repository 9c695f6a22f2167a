"""A wallet's keys as they lie in the database. Pure: no I/O.

passphrase → Argon2id → key-encryption key → wraps the wallet's data key → AES-256-GCM for each card. A passkey's PRF
output takes the place of the passphrase through HKDF. Every wrapped data key is wrapped once more under the vault's own
key, so that a copy of the database alone gives nobody a passphrase to guess at. Each ciphertext is bound to its place.
"""

from __future__ import annotations

import os
import unicodedata
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from escrow.vault.cards import Card

MEMORY_KIB = 19 * 1024
ITERATIONS = 2
"""Argon2id as OWASP's second choice has it: 19 MiB, two passes, one lane."""
KEY_BYTES, SALT_BYTES, IV_BYTES, PRF_BYTES = 32, 16, 12, 32
CARD_BYTES = 256
LONGEST_PASSPHRASE = 256


def stretched(passphrase: str, salt: bytes, memory_kib: int = MEMORY_KIB, iterations: int = ITERATIONS) -> bytes:
    """The key-encryption key of a passphrase. Takes some hundredths of a second on purpose: not for the event loop."""
    kdf = Argon2id(salt=salt, length=KEY_BYTES, iterations=iterations, lanes=1, memory_cost=memory_kib)
    # A browser may send half a surrogate pair; it stretches to something rather than failing.
    normal = unicodedata.normalize("NFC", passphrase)[: LONGEST_PASSPHRASE + 1]
    return kdf.derive(normal.encode("utf-8", "surrogatepass"))


def of_passkey(prf: bytes, salt: bytes, protection_id: int) -> bytes:
    """The key-encryption key of a passkey's PRF output."""
    info = f"gavelhouse.vault.passkey.v1|{protection_id}".encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(prf)


def prf_salt(party_id: int) -> bytes:
    """What a party's passkey evaluates its PRF on: the same for ever, and known before there is a wallet."""
    return sha256(f"gavelhouse.vault.prf.v1|{party_id}".encode()).digest()


def wrap(data_key: bytes | bytearray, kek: bytes, outer: bytes, wallet_id: int, protection_id: int) -> bytes:
    """The data key under the key-encryption key, and that under the vault's."""
    bound = _protection(wallet_id, protection_id)
    return seal(outer, seal(kek, data_key, bound), bound)


def unwrap(wrapped: bytes, kek: bytes, outer: bytes, wallet_id: int, protection_id: int) -> bytes | None:
    """The data key; None if it is not the right key-encryption key. Raises ValueError if it is not the vault's."""
    bound = _protection(wallet_id, protection_id)
    inner = unseal(outer, wrapped, bound)
    if inner is None:
        raise ValueError("not wrapped under this key of the vault")
    return unseal(kek, inner, bound)


def wrap_anew(wrapped: bytes, outer: bytes, newer: bytes, wallet_id: int, protection_id: int) -> bytes:
    """The same under another key of the vault. Needs no passphrase. Raises ValueError if it was not under `outer`."""
    bound = _protection(wallet_id, protection_id)
    inner = unseal(outer, wrapped, bound)
    if inner is None:
        raise ValueError("not wrapped under this key of the vault")
    return seal(newer, inner, bound)


def seal_card(data_key: bytes | bytearray, card: Card, wallet_id: int, card_id: int, version: int) -> bytes:
    """A card as it is kept, padded so that its length says nothing."""
    plain = msgspec.json.encode(card)
    assert len(plain) <= CARD_BYTES, "a holder's name is bounded"
    return seal(data_key, plain.ljust(CARD_BYTES), _card(wallet_id, card_id, version))


def open_card(data_key: bytes | bytearray, sealed: bytes, wallet_id: int, card_id: int, version: int) -> Card | None:
    """The card; None if it was sealed to another wallet or place, or changed."""
    plain = unseal(data_key, sealed, _card(wallet_id, card_id, version))
    return None if plain is None else msgspec.json.decode(plain, type=Card)


def seal_signing_key(data_key: bytes | bytearray, seed: bytes, wallet_id: int) -> bytes:
    """The seed of a wallet's Ed25519 key as it is kept."""
    return seal(data_key, seed, _signing(wallet_id))


def open_signing_key(data_key: bytes | bytearray, sealed: bytes, wallet_id: int) -> bytes | None:
    return unseal(data_key, sealed, _signing(wallet_id))


def seal_identity_key(data_key: bytes | bytearray, seed: bytes, wallet_id: int) -> bytes:
    """The seed of the Ed25519 key that signs contracts, as it is kept."""
    return seal(data_key, seed, _identity(wallet_id))


def open_identity_key(data_key: bytes | bytearray, sealed: bytes, wallet_id: int) -> bytes | None:
    return unseal(data_key, sealed, _identity(wallet_id))


def seal(key: bytes | bytearray, plain: bytes | bytearray, bound: bytes) -> bytes:
    """AES-256-GCM with a random initial vector, which comes first."""
    iv = os.urandom(IV_BYTES)
    return iv + AESGCM(key).encrypt(iv, plain, bound)


def unseal(key: bytes | bytearray, sealed: bytes, bound: bytes) -> bytes | None:
    try:
        return AESGCM(key).decrypt(sealed[:IV_BYTES], sealed[IV_BYTES:], bound)
    except (InvalidTag, ValueError):
        return None


def _protection(wallet_id: int, protection_id: int) -> bytes:
    return f"gavelhouse.vault.protection.v1|{wallet_id}|{protection_id}".encode()


def _card(wallet_id: int, card_id: int, version: int) -> bytes:
    return f"gavelhouse.vault.card.v1|{wallet_id}|{card_id}|{version}".encode()


def _signing(wallet_id: int) -> bytes:
    return f"gavelhouse.vault.signing.v1|{wallet_id}".encode()


def _identity(wallet_id: int) -> bytes:
    return f"gavelhouse.vault.identity.v1|{wallet_id}".encode()
