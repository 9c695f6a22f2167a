"""Envelopes that only their addressee opens: what a browser or a program seals to the vault, and the vault to the bank.

Pure, and a reference for whoever seals from a program of his own. Both kinds are ECDH on P-256 with a key made for the
one envelope, HKDF-SHA-256 and AES-256-GCM; the plaintext is padded to one length, so that a ciphertext's length says
nothing. P-256, because every browser has it in WebCrypto.

    sealed = seal_for_vault(key_id, point, Purpose.UNLOCK, party_id, at_ms, {"passphrase": "…"})

An envelope to the vault is one line of text, `gv1.KEY_ID.PURPOSE.AT_MS.BLOB`, bound to its key, purpose, party and time.
"""

from __future__ import annotations

import json
import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

VAULT_LABEL = "gavelhouse.vault.v1"
PAYMENT_LABEL = "gavelhouse.payment.v1"
POINT_BYTES, SCALAR_BYTES, IV_BYTES, TAG_BYTES, KEY_ID_BYTES = 65, 32, 12, 16, 8
VAULT_PLAINTEXT_BYTES = 4096
"""Two passphrases of 256 characters fit, however JSON has to write them."""
PAYMENT_PLAINTEXT_BYTES = 512
PAYMENT_ENVELOPE_BYTES = KEY_ID_BYTES + POINT_BYTES + IV_BYTES + PAYMENT_PLAINTEXT_BYTES + TAG_BYTES
FRESH_SECONDS = 300
"""How far an envelope's time may lie from the vault's."""
_CURVE = ec.SECP256R1()
_TEXT = re.compile(r"gv1\.([0-9a-f]{16})\.([a-z_]{1,32})\.([0-9]{1,15})\.([A-Za-z0-9_-]{1,8192})")


class Purpose(StrEnum):
    """What an envelope to the vault is for; one for one purpose is good for no other."""

    OPEN_WALLET = "open_wallet"
    UNLOCK = "unlock"
    CHANGE_PASSPHRASE = "change_passphrase"
    ADD_PASSPHRASE = "add_passphrase"
    ADD_PASSKEY = "add_passkey"
    ADD_CARD = "add_card"


class Flaw(StrEnum):
    """Why an envelope to the vault is not opened, in the order tested."""

    MALFORMED = "sealed_malformed"
    OTHER_KEY = "sealed_for_other_key"
    STALE = "sealed_stale"
    UNREADABLE = "sealed_unreadable"


class KeyPair(Struct, frozen=True):
    """A P-256 key: the public point, uncompressed, and the private scalar."""

    point: bytes
    scalar: bytes

    def __repr__(self) -> str:
        return f"KeyPair({self.key_id})"

    @property
    def key_id(self) -> str:
        return key_id_of(self.point)


def new_key() -> KeyPair:
    """A fresh key of the operating system's randomness."""
    private = ec.generate_private_key(_CURVE)
    return KeyPair(_point_of(private), private.private_numbers().private_value.to_bytes(SCALAR_BYTES, "big"))


def key_of_scalar(scalar: bytes) -> KeyPair:
    """The key pair of a private scalar. Raises ValueError if it is none."""
    return KeyPair(_point_of(_private_of(scalar)), scalar)


def key_id_of(point: bytes) -> str:
    """A key's short name: the first eight bytes of its point's SHA-256, in hexadecimal."""
    return sha256(point).digest()[:KEY_ID_BYTES].hex()


def is_point(point: bytes) -> bool:
    """Whether this is an uncompressed point of the curve."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    except ValueError:
        return False
    return len(point) == POINT_BYTES


# To the vault


def seal_for_vault(
    key_id: str, point: bytes, purpose: str, party_id: int, at_ms: int, content: Mapping[str, str]
) -> str:
    """`content` for the vault's eyes alone. `at_ms` is now by the house's clock, in milliseconds since 1970."""
    plaintext = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
    blob = _seal(VAULT_LABEL, point, plaintext.ljust(VAULT_PLAINTEXT_BYTES), _bound(key_id, purpose, party_id, at_ms))
    return f"gv1.{key_id}.{purpose}.{at_ms}.{urlsafe_b64encode(blob).rstrip(b'=').decode()}"


def open_for_vault(
    keys: Mapping[str, KeyPair], sealed: str, purpose: str, party_id: int, now_ms: int
) -> dict[str, str] | Flaw:
    """What an envelope of this purpose and party says, if it was sealed to one of `keys` a short while ago."""
    found = _TEXT.fullmatch(sealed)
    if found is None or found[2] != purpose:
        return Flaw.MALFORMED
    key_id, at_ms = found[1], int(found[3])
    key = keys.get(key_id)
    if key is None:
        return Flaw.OTHER_KEY
    if abs(now_ms - at_ms) > FRESH_SECONDS * 1000:
        return Flaw.STALE
    try:
        blob = urlsafe_b64decode(found[4] + "=" * (-len(found[4]) % 4))
        plaintext = _unseal(VAULT_LABEL, key, blob, _bound(key_id, purpose, party_id, at_ms))
        content = json.loads(plaintext)
    except (NotBase64, ValueError):
        return Flaw.UNREADABLE
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        return Flaw.MALFORMED
    return content


def time_of(sealed: str) -> int:
    """The time that a well-formed envelope names, in milliseconds; 0 for what is none."""
    found = _TEXT.fullmatch(sealed)
    return int(found[3]) if found else 0


def _bound(key_id: str, purpose: str, party_id: int, at_ms: int) -> bytes:
    return f"{VAULT_LABEL}|{key_id}|{purpose}|{party_id}|{at_ms}".encode()


# To the bank


def seal_payment(point: bytes, payment: bytes, order_digest: bytes) -> bytes:
    """The payment half of a dual signature for the bank alone, bound to the digest of its order."""
    if len(payment) > PAYMENT_PLAINTEXT_BYTES:
        raise ValueError(f"a payment's half has at most {PAYMENT_PLAINTEXT_BYTES} bytes")
    key_id = bytes.fromhex(key_id_of(point))
    bound = _bound_to_order(key_id, order_digest)
    return key_id + _seal(PAYMENT_LABEL, point, payment.ljust(PAYMENT_PLAINTEXT_BYTES), bound)


def open_payment(keys: Mapping[str, KeyPair], envelope: bytes, order_digest: bytes) -> bytes | None:
    """The payment half, as it was signed; None if it was sealed to another key or order, or changed on the way."""
    key_id, blob = envelope[:KEY_ID_BYTES], envelope[KEY_ID_BYTES:]
    key = keys.get(key_id.hex())
    if key is None or len(envelope) != PAYMENT_ENVELOPE_BYTES:
        return None
    try:
        return _unseal(PAYMENT_LABEL, key, blob, _bound_to_order(key_id, order_digest)).rstrip(b" ")
    except ValueError:
        return None


def _bound_to_order(key_id: bytes, order_digest: bytes) -> bytes:
    return f"{PAYMENT_LABEL}|{key_id.hex()}|{order_digest.hex()}".encode()


# Sealing to a key


def _seal(label: str, point: bytes, plaintext: bytes, bound: bytes) -> bytes:
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    ephemeral = ec.generate_private_key(_CURVE)
    own, iv = _point_of(ephemeral), os.urandom(IV_BYTES)
    key = _content_key(label, ephemeral.exchange(ec.ECDH(), theirs), own, point)
    return own + iv + AESGCM(key).encrypt(iv, plaintext, bound)


def _unseal(label: str, key: KeyPair, blob: bytes, bound: bytes) -> bytes:
    """Raises ValueError if it was sealed to another key, bound to something else, or changed. The text tells nothing."""
    point, iv, sealed = blob[:POINT_BYTES], blob[POINT_BYTES : POINT_BYTES + IV_BYTES], blob[POINT_BYTES + IV_BYTES :]
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    content_key = _content_key(label, _private_of(key.scalar).exchange(ec.ECDH(), theirs), point, key.point)
    try:
        return AESGCM(content_key).decrypt(iv, sealed, bound)
    except InvalidTag:
        raise ValueError("not sealed to this key in this place") from None


def _content_key(label: str, shared: bytes, own: bytes, theirs: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=label.encode() + own + theirs).derive(shared)


def _point_of(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _private_of(scalar: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(scalar, "big"), _CURVE)
