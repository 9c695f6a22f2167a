"""The dual signature: one signature of the buyer's over two halves, of which seller and bank each see only their own.

Pure, with vectors in docs/vectors/dual_signature.json. After SET (1997), book 1, "Dual signature":

    signature = Ed25519(SHA-256(SHA-256(payment) ‖ SHA-256(order)))

The seller (and the house) has the order, the digest of the payment, signature and public key; the bank has the payment,
the digest of the order, signature and public key. Each computes the missing digest from its half, so neither can be
given another half than the buyer signed. A half is JSON with sorted keys and no spaces and names its kind, so that one
can never stand for the other. A cheque is signed by the same key, as longer bytes with a label of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

ORDER_KIND = "gavelhouse.order.v1"
PAYMENT_KIND = "gavelhouse.payment.v1"
CHEQUE_LABEL = b"gavelhouse.cheque.v1\n"
SHORTEST_CHEQUE_BYTES = 32
"""So that a cheque's signed bytes are longer than the digest that a payment's signature is over."""


class Flaw(StrEnum):
    """What is wrong with a half, in the order tested."""

    MALFORMED = "malformed"
    WRONG_KEY = "wrong_key"
    WRONG_SIGNATURE = "wrong_signature"
    REPLAYED = "replayed"


class OrderInfo(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the buyer orders, for seller and house. `at` is RFC 3339 with Z, `contract_sha256` hexadecimal or empty."""

    kind: str = ORDER_KIND
    payment_id: str
    subject: str
    reference: str
    payee: str
    currency: str
    amount_minor: str
    contract_sha256: str
    at: str


class PaymentInfo(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the bank is told. `expiry` is YYYY-MM; `nonce`, 32 random bytes in hexadecimal, keeps the digest unguessable."""

    kind: str = PAYMENT_KIND
    payment_id: str
    pan: str
    expiry: str
    holder: str
    currency: str
    amount_minor: str
    nonce: str

    def __repr__(self) -> str:
        return f"PaymentInfo({self.payment_id})"


class PreparedPayment(Struct, frozen=True, kw_only=True):
    """Everything for one payment, with nothing in it that the house may not see."""

    payment_id: str
    order: bytes
    order_digest: bytes
    payment_digest: bytes
    signature: bytes
    public_key: bytes
    envelope: bytes
    """The payment half, sealed to the bank (`escrow.envelopes.open_payment`)."""


Half = TypeVar("Half", OrderInfo, PaymentInfo)


def canonical(half: OrderInfo | PaymentInfo) -> bytes:
    """The one spelling of a half, which is hashed."""
    return msgspec.json.encode(half, order="deterministic")


def read_half(body: bytes, kind: type[Half]) -> Half | None:
    """A half of that kind; None if it is none, or is not spelled canonically."""
    try:
        half = msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    named = ORDER_KIND if isinstance(half, OrderInfo) else PAYMENT_KIND
    amount = half.amount_minor
    is_whole = amount.isascii() and amount.isdigit() and amount[0] != "0" and len(amount) <= 18
    return half if half.kind == named and is_whole and canonical(half) == body else None


def link_of(payment_digest: bytes, order_digest: bytes) -> bytes:
    """What is signed: the hash that ties both halves together."""
    return sha256(payment_digest + order_digest).digest()


def sign(key: Ed25519PrivateKey, payment: bytes, order: bytes) -> bytes:
    """The buyer's signature over both halves."""
    return key.sign(link_of(sha256(payment).digest(), sha256(order).digest()))


def judge_order(
    order: bytes,
    *,
    payment_digest: bytes,
    signature: bytes,
    public_key: bytes,
    wallet_key: bytes | None = None,
    accepted: Mapping[str, bytes] | None = None,
) -> OrderInfo | Flaw:
    """The seller's and the house's half. `wallet_key`: the key that the buyer's wallet is known by. `accepted`: payment
    id → link of those taken before; the same again is the same payment, another under the same id is a replay.
    """
    half = read_half(order, OrderInfo)
    link = link_of(payment_digest, sha256(order).digest())
    return _judged(half, link, signature, public_key, wallet_key, accepted)


def judge_payment(
    payment: bytes,
    *,
    order_digest: bytes,
    signature: bytes,
    public_key: bytes,
    wallet_key: bytes | None = None,
    accepted: Mapping[str, bytes] | None = None,
) -> PaymentInfo | Flaw:
    """The bank's half, in the same way."""
    half = read_half(payment, PaymentInfo)
    link = link_of(sha256(payment).digest(), order_digest)
    return _judged(half, link, signature, public_key, wallet_key, accepted)


def _judged(
    half: Half | None,
    link: bytes,
    signature: bytes,
    public_key: bytes,
    wallet_key: bytes | None,
    accepted: Mapping[str, bytes] | None,
) -> Half | Flaw:
    if half is None:
        return Flaw.MALFORMED
    if wallet_key is not None and wallet_key != public_key:
        return Flaw.WRONG_KEY
    if not is_signed(link, signature, public_key):
        return Flaw.WRONG_SIGNATURE
    if (accepted or {}).get(half.payment_id, link) != link:
        return Flaw.REPLAYED
    return half


def cheque_bytes(record: bytes) -> bytes:
    """What a wallet signs for a cheque. Raises ValueError for a record that is too short to be one."""
    if len(record) < SHORTEST_CHEQUE_BYTES:
        raise ValueError(f"a cheque's record has at least {SHORTEST_CHEQUE_BYTES} bytes")
    return CHEQUE_LABEL + record


def is_cheque_signed(record: bytes, signature: bytes, public_key: bytes) -> bool:
    """Whether the cheque bears this key's signature."""
    return len(record) >= SHORTEST_CHEQUE_BYTES and is_signed(cheque_bytes(record), signature, public_key)


def is_signed(message: bytes, signature: bytes, public_key: bytes) -> bool:
    """Whether this is that key's Ed25519 signature (RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
