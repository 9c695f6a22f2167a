"""What the house signs, and with what: Ed25519 over canonical JSON, one statement kind never mistaken for another.

A signed statement is a JSON object with a member `signature`; the signature is over `gavelhouse <kind> v1`, a newline,
and the same object without that member, compact and with sorted keys. Knows no database and no lot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Statement = Mapping[str, Any]


def canonical(statement: Statement) -> bytes:
    """The bytes that are signed, without their kind."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _signed_bytes(kind: str, body: bytes) -> bytes:
    return f"gavelhouse {kind} v1\n".encode() + body


class Signer:
    """The house's signing key. `public_hex` is published; whoever has a statement checks it with that alone."""

    def __init__(self, seed_hex: str) -> None:
        """`seed_hex`: the 32 bytes of the private key. Raises ValueError for anything else."""
        seed = bytes.fromhex(seed_hex)
        if len(seed) != 32:
            raise ValueError("a signing key is 32 bytes, written as 64 hexadecimal digits")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_hex = self._key.public_key().public_bytes_raw().hex()

    @classmethod
    def derived(cls, secret: str) -> Signer:
        """A key that follows from another secret, for a house that has none of its own."""
        return cls(sha256(b"gavelhouse signing key\n" + secret.encode()).hexdigest())

    def sign(self, kind: str, statement: Statement) -> dict[str, Any]:
        """The statement with the key's name and the signature beside it."""
        named = {**statement, "key": self.public_hex}
        return {**named, "signature": self.sign_bytes(kind, canonical(named))}

    def sign_bytes(self, kind: str, body: bytes) -> str:
        """The signature of a document, in hexadecimal."""
        return self._key.sign(_signed_bytes(kind, body)).hex()


def is_signed(kind: str, statement: Statement, public_hex: str) -> bool:
    """Whether the statement bears this key's signature as a statement of this kind."""
    unsigned = {name: value for name, value in statement.items() if name != "signature"}
    signature = str(statement.get("signature"))
    return is_signed_bytes(kind, canonical(unsigned), signature, public_hex) and statement.get("key") == public_hex


def is_signed_bytes(kind: str, body: bytes, signature: str, public_hex: str) -> bool:
    """Whether a document bears this key's signature as a document of this kind."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex))
        key.verify(bytes.fromhex(signature), _signed_bytes(kind, body))
    except (InvalidSignature, ValueError):
        return False
    return True


def time_text(at: datetime) -> str:
    """An instant as signed statements write it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
