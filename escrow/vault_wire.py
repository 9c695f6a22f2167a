"""How house and vault speak: JSON over HTTP, each request and each answer under a MAC of their shared secret. Pure.

A request's MAC covers its operation, time, nonce and body, so that it can neither be changed nor asked again; the
answer's covers the nonce of its request, its status and its body, so that nobody else on the port can pass for the vault.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Generic, TypeVar

from msgspec import Struct

from escrow.dual_signature import OrderInfo
from escrow.vault_facts import Refused, WalletHandle

FRESH_SECONDS = 30
LARGEST_BODY = 32 * 1024
Done = TypeVar("Done")
AT, NONCE, MAC = "vault-at", "vault-nonce", "vault-mac"


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No arguments, or an answer that says only that it is done."""


class OfParty(Struct, frozen=True, forbid_unknown_fields=True):
    party_id: int


class Discarded(Struct, frozen=True, forbid_unknown_fields=True):
    """The wallet is named by its key, so that a request that comes late can't hit the one after it."""

    party_id: int
    public_key: str


class Sealed(Struct, frozen=True, forbid_unknown_fields=True):
    party_id: int
    sealed: str


class SealedInSession(Struct, frozen=True, forbid_unknown_fields=True):
    party_id: int
    session_key: str
    sealed: str


class WithHandle(Struct, frozen=True, forbid_unknown_fields=True):
    handle: WalletHandle


class SealedWithHandle(Struct, frozen=True, forbid_unknown_fields=True):
    handle: WalletHandle
    sealed: str


class Numbered(Struct, frozen=True, forbid_unknown_fields=True):
    """One card or protection of an unlocked wallet."""

    handle: WalletHandle
    id: int


class Renamed(Struct, frozen=True, forbid_unknown_fields=True):
    handle: WalletHandle
    id: int
    label: str


class Ordered(Struct, frozen=True, forbid_unknown_fields=True):
    handle: WalletHandle
    card_id: int
    order: OrderInfo


class Recorded(Struct, frozen=True, forbid_unknown_fields=True):
    handle: WalletHandle
    record: bytes


class Identified(Struct, frozen=True, forbid_unknown_fields=True):
    """`afresh`: under a new key, where there is one already."""

    handle: WalletHandle
    afresh: bool


class Failed(Struct, frozen=True):
    """The body of an answer that is neither a result nor a refusal: what went wrong, in a word."""

    error: str


class Answer(Struct, Generic[Done], frozen=True, omit_defaults=True):
    """What was asked for, or why not; an operation that has nothing to say answers neither."""

    done: Done | None = None
    refused: Refused | None = None


def mac_of_request(secret: str, operation: str, at_ms: str, nonce: str, body: bytes) -> str:
    return _mac(secret, f"request\n{operation}\n{at_ms}\n{nonce}\n", body)


def mac_of_answer(secret: str, nonce: str, status: int, body: bytes) -> str:
    return _mac(secret, f"answer\n{nonce}\n{status}\n", body)


def is_same(one: str, other: str) -> bool:
    """Compared in a time that tells nothing."""
    return hmac.compare_digest(one.encode(), other.encode())


def _mac(secret: str, head: str, body: bytes) -> str:
    return hmac.new(secret.encode(), head.encode() + sha256(body).digest(), sha256).hexdigest()


def base64url(raw: bytes) -> str:
    """Without padding, as WebAuthn writes it."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Raises ValueError for what is none."""
    if not text.isascii() or not set(text) <= _ALPHABET:
        raise ValueError("not base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
