"""One-time codes of the payer's phone (TOTP, RFC 6238): enrolled by a first code, each code good once.

The secret lies sealed with a key derived from the server's own, so that a copy of the database gives no codes.
"""

from __future__ import annotations

import os
from base64 import b32encode
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("market", "checkout")
STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
_IV = 12


def code_at(secret: bytes, at: float) -> str:
    """The code that a phone shows at this moment."""
    return totp(secret).generate(int(at)).decode()


def totp(secret: bytes) -> TOTP:
    """SHA-1, six figures, thirty seconds: what every app takes without being told."""
    return TOTP(secret, DIGITS, SHA1(), STEP_SECONDS)


def provisioning_uri(secret: bytes, account: str, issuer: str) -> str:
    """What the QR code says."""
    return totp(secret).get_provisioning_uri(account, issuer)


def secret_text(secret: bytes) -> str:
    """The secret as a person types it: groups of four."""
    text = b32encode(secret).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


async def begin(conn: Connection, party_id: int, server_key: str, now: datetime) -> bytes | None:
    """The secret to enrol: the one begun before, or a new one; None when codes are already in use."""
    row = await conn.fetchrow(_queries.one_time_secret, party_id)
    if row is not None:
        return None if row["confirmed_at"] else _opened(server_key, party_id, row["sealed_secret"])
    secret = os.urandom(SECRET_BYTES)
    await conn.execute(_queries.begin_one_time_secret, party_id, _sealed(server_key, party_id, secret), now)
    return secret


async def is_enrolled(conn: Connection, party_id: int) -> bool:
    return bool(await conn.fetchval(_queries.has_one_time_secret, party_id))


async def use(
    conn: Connection, party_id: int, server_key: str, code: str, now: datetime, *, enrolling: bool = False
) -> bool:
    """Whether this is a code of now (or of the step before or after, for clocks differ), which was not used before.

    The caller has counted the try, and is in a transaction. Enrolling confirms a secret that was begun.
    """
    row = await conn.fetchrow(_queries.one_time_secret, party_id)
    plain = "".join(code.split())
    if row is None or (row["confirmed_at"] is None) is not enrolling or len(plain) != DIGITS or not plain.isascii():
        return False
    secret = _opened(server_key, party_id, row["sealed_secret"])
    step = int(now.timestamp()) // STEP_SECONDS
    right = [
        each
        for each in (step - 1, step, step + 1)
        if bytes_eq(code_at(secret, each * STEP_SECONDS).encode(), plain.encode()) and each > row["last_step"]
    ]
    if not right:
        return False
    await conn.execute(_queries.use_one_time_code, party_id, right[0], now)
    return True


async def remove(conn: Connection, party_id: int) -> None:
    """Codes confirm nothing of this party's any more."""
    await conn.execute(_queries.remove_one_time_secret, party_id)


def _key(server_key: str) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"gavelhouse one-time codes").derive(
        server_key.encode()
    )
    return AESGCM(derived)


def _sealed(server_key: str, party_id: int, secret: bytes) -> bytes:
    iv = os.urandom(_IV)
    return iv + _key(server_key).encrypt(iv, secret, f"party:{party_id}".encode())


def _opened(server_key: str, party_id: int, sealed: bytes) -> bytes:
    return _key(server_key).decrypt(sealed[:_IV], sealed[_IV:], f"party:{party_id}".encode())
