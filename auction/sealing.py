"""The cryptography of sealed bids, and a reference for whoever seals one from a program of his own. Pure: no I/O.

A bid is sealed to the lot's public key: ECDH on P-256 with a key of its own, HKDF-SHA-256, AES-256-GCM. The private key
is never stored; it is cut into shares (`auction.secret_sharing`), each sealed in the same way to an officer's own key,
whose private half lies under Argon2id of the passphrase that only he knows. P-256 rather than X25519, because browsers
have had it in WebCrypto since 2014 and X25519 only since 2023-2025; a bidder must not be shut out by the age of his.

    sealed = seal_bid(public_key, lot=7, paddle=123, amount_minor=125_000)
    details = {"ciphertext": sealed.ciphertext, "commitment": sealed.commitment}
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from enum import StrEnum
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

LABEL = "gavelhouse.sealed.v1"
CURVE = ec.SECP256R1()
POINT_BYTES, SCALAR_BYTES, NONCE_BYTES, IV_BYTES, TAG_BYTES = 65, 32, 32, 12, 16
PLAINTEXT_BYTES = 192
"""Each bid is padded with spaces to this, so that the length of a ciphertext says nothing of the sum."""
CIPHERTEXT_BYTES = POINT_BYTES + IV_BYTES + PLAINTEXT_BYTES + TAG_BYTES

OFFICER_MEMORY_KIB, OFFICER_ITERATIONS = 64 * 1024, 3


class Flaw(StrEnum):
    """Why a sealed bid could not be opened, in the order tested."""

    UNDECRYPTABLE = "undecryptable"
    MALFORMED = "malformed"
    OTHER_LOT = "other_lot"
    COMMITMENT_DIFFERS = "commitment_differs"


class KeyPair(Struct, frozen=True):
    """A P-256 key: the public point, uncompressed, and the private scalar. Both as bytes, ready to be cut or sealed."""

    public: bytes
    private: bytes


class SealedBid(Struct, frozen=True, kw_only=True):
    """What goes to the house (`ciphertext` in base64, `commitment` in hex), and what the bidder keeps to himself."""

    ciphertext: str
    commitment: str
    amount_minor: int
    nonce: str


class OpenedBid(Struct, frozen=True):
    """What a sealed bid said."""

    amount_minor: int
    nonce: str


class Wrapped(Struct, frozen=True, kw_only=True):
    """A private key under a passphrase: AES-256-GCM (initial vector first) with Argon2id of it, and how that was made."""

    sealed: bytes
    salt: bytes
    memory_kib: int
    iterations: int


# Keys


def new_key() -> KeyPair:
    """A fresh key of the operating system's randomness."""
    private = ec.generate_private_key(CURVE)
    return KeyPair(_point_of(private), private.private_numbers().private_value.to_bytes(SCALAR_BYTES, "big"))


def key_of_scalar(scalar: bytes) -> KeyPair | None:
    """The key pair of a private scalar; None if that is none. Whoever put shares together compares the public half."""
    try:
        return KeyPair(_point_of(_private_of(scalar)), scalar)
    except ValueError:
        return None


def encoded(public_key: bytes) -> str:
    """A public key as terms and pages carry it: base64 of the uncompressed point."""
    return b64encode(public_key).decode()


# Bids


def seal_bid(public_key: str, *, lot: int, paddle: int, amount_minor: int, nonce: str | None = None) -> SealedBid:
    """Seal a bid of `paddle` on `lot` to the lot's public key (base64). Keep the nonce: with it the bid can be proven."""
    nonce = nonce or os.urandom(NONCE_BYTES).hex()
    commitment = commitment_of(lot, paddle, amount_minor, nonce)
    said = json.dumps({"amount_minor": str(amount_minor), "lot": lot, "nonce": nonce}, separators=(",", ":"))
    blob = seal(
        b64decode(public_key), said.encode().ljust(PLAINTEXT_BYTES), bound_to(lot, paddle, public_key, commitment)
    )
    return SealedBid(ciphertext=b64encode(blob).decode(), commitment=commitment, amount_minor=amount_minor, nonce=nonce)


def commitment_of(lot: int, paddle: int, amount_minor: int, nonce: str) -> str:
    """What the bidder is held to: SHA-256 of lot, paddle, amount and nonce, in hex."""
    return sha256(f"{LABEL}|{lot}|{paddle}|{amount_minor}|{nonce}".encode()).hexdigest()


def reserve_commitment_of(lot: int, reserve_minor: int, nonce: str) -> str:
    """What the seller is held to: his hidden reserve is fixed before the first bid, and shown when the bids are opened."""
    return sha256(f"{LABEL}|reserve|{lot}|{reserve_minor}|{nonce}".encode()).hexdigest()


def bound_to(lot: int, paddle: int, public_key: str, commitment: str) -> bytes:
    """What the cipher is bound to beside its text, so that nobody can hand in another's bid as his own."""
    return f"{LABEL}|{lot}|{paddle}|{public_key}|{commitment}".encode()


def is_well_formed(ciphertext: str, commitment: str) -> bool:
    """Whether these may be a sealed bid: the length that all have, a point of the curve, a hash."""
    try:
        blob = b64decode(ciphertext, validate=True)
        ec.EllipticCurvePublicKey.from_encoded_point(CURVE, blob[:POINT_BYTES])
    except (NotBase64, ValueError):
        return False
    is_hash = len(commitment) == 64 and set(commitment) <= set("0123456789abcdef")
    return len(blob) == CIPHERTEXT_BYTES and blob[0] == 4 and is_hash


def open_bid(key: KeyPair, *, lot: int, paddle: int, ciphertext: str, commitment: str) -> OpenedBid | Flaw:
    """What a sealed bid says, checked against its commitment; or what is wrong with it. Whether the sum is legal is the
    rule's to say.
    """
    context = bound_to(lot, paddle, encoded(key.public), commitment)
    try:
        said = unseal(key, b64decode(ciphertext, validate=True), context)
    except (NotBase64, ValueError):
        return Flaw.UNDECRYPTABLE
    try:
        content = json.loads(said)
        amount, bound_lot, nonce = content["amount_minor"], content["lot"], content["nonce"]
    except (ValueError, KeyError, TypeError):
        return Flaw.MALFORMED
    if not (isinstance(amount, str) and amount.isascii() and amount.isdigit() and isinstance(nonce, str)):
        return Flaw.MALFORMED
    if len(amount) > 18 or len(nonce) != 2 * NONCE_BYTES or set(nonce) - set("0123456789abcdef"):
        return Flaw.MALFORMED
    if type(bound_lot) is not int or bound_lot != lot:
        return Flaw.OTHER_LOT
    if commitment_of(lot, paddle, int(amount), nonce) != commitment:
        return Flaw.COMMITMENT_DIFFERS
    return OpenedBid(int(amount), nonce)


# Sealing to a key


def seal(public_key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Ephemeral point, initial vector and AES-256-GCM of the plaintext, which only the private key opens."""
    ephemeral = ec.generate_private_key(CURVE)
    point, iv = _point_of(ephemeral), os.urandom(IV_BYTES)
    shared = ephemeral.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, public_key))
    return point + iv + AESGCM(_content_key(shared, point, public_key)).encrypt(iv, plaintext, context)


def unseal(key: KeyPair, blob: bytes, context: bytes) -> bytes:
    """The plaintext. Raises ValueError if it was sealed to another key, bound to something else, or changed."""
    point, iv, sealed = blob[:POINT_BYTES], blob[POINT_BYTES : POINT_BYTES + IV_BYTES], blob[POINT_BYTES + IV_BYTES :]
    shared = _private_of(key.private).exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, point))
    try:
        return AESGCM(_content_key(shared, point, key.public)).decrypt(iv, sealed, context)
    except InvalidTag as error:
        raise ValueError("not sealed to this key in this place") from error


# Under a passphrase


def wrap(
    private: bytes,
    passphrase: str,
    context: bytes,
    *,
    memory_kib: int = OFFICER_MEMORY_KIB,
    iterations: int = OFFICER_ITERATIONS,
) -> Wrapped:
    """A private key under a passphrase. Takes some tenths of a second on purpose: not for the event loop."""
    salt, iv = os.urandom(16), os.urandom(IV_BYTES)
    key = _stretched(passphrase, salt, memory_kib, iterations)
    return Wrapped(
        sealed=iv + AESGCM(key).encrypt(iv, private, context), salt=salt, memory_kib=memory_kib, iterations=iterations
    )


def unwrap(wrapped: Wrapped, passphrase: str, context: bytes) -> bytes | None:
    """The private key; None if it is not the passphrase. Takes as long."""
    key = _stretched(passphrase, wrapped.salt, wrapped.memory_kib, wrapped.iterations)
    try:
        return AESGCM(key).decrypt(wrapped.sealed[:IV_BYTES], wrapped.sealed[IV_BYTES:], context)
    except InvalidTag:
        return None


def _stretched(passphrase: str, salt: bytes, memory_kib: int, iterations: int) -> bytes:
    kdf = Argon2id(salt=salt, length=32, iterations=iterations, lanes=1, memory_cost=memory_kib)
    return kdf.derive(passphrase.encode("utf-8", "surrogatepass"))


def _content_key(shared: bytes, point: bytes, public_key: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=LABEL.encode() + point + public_key).derive(shared)


def _point_of(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _private_of(scalar: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(scalar, "big"), CURVE)
