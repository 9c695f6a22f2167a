"""Passkeys of the payer's phone (WebAuthn): enrolled once, then each signs exactly one payment request.

The challenge of a confirmation is the digest of what the phone shows (sum, payee, deal), so the signature is over that
payment and no other. The rules of WebAuthn themselves are python-fido2's.
"""

from __future__ import annotations

import hmac
import json
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from msgspec import Struct

from escrow.store import read
from migrations.queries import load_queries

if TYPE_CHECKING:
    from market.phone_store import PhoneRequest
    from migrations.database import Connection

_queries = load_queries("market", "checkout")
CHALLENGE_SECONDS = 300
MOST_PASSKEYS = 8
LONGEST_NAME = 40
LONGEST_RESPONSE = 16_384


class Passkey(Struct, frozen=True, kw_only=True):
    id: int
    credential_id: bytes
    credential: bytes
    sign_count: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


class Place(Struct, frozen=True, kw_only=True):
    """Where the browser stands: the host that the credential is bound to, and the origin that may use it."""

    host: str
    netloc: str
    name: str

    def server(self) -> Fido2Server:
        return Fido2Server(PublicKeyCredentialRpEntity(id=self.host, name=self.name), verify_origin=self._is_ours)

    def _is_ours(self, origin: str) -> bool:
        parts = urlsplit(origin)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1"))
        return secure and parts.netloc.lower() == self.netloc.lower()


async def passkeys_of(conn: Connection, party_id: int) -> list[Passkey]:
    return [read(row, Passkey) for row in await conn.fetch(_queries.passkeys_of, party_id)]


def registration(
    place: Place, party_id: int, email: str, display_name: str, known: list[Passkey], challenge: bytes
) -> str:
    """What `navigator.credentials.create` is asked, as JSON."""
    user = PublicKeyCredentialUserEntity(id=f"party:{party_id}".encode(), name=email, display_name=display_name)
    options, _ = place.server().register_begin(
        user,
        [AttestedCredentialData(each.credential) for each in known],
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=challenge,
    )
    return json.dumps(dict(options.public_key))


async def register(
    conn: Connection, place: Place, party_id: int, name: str, response: str, challenges: list[bytes], now: datetime
) -> bool:
    """Keep the new passkey, if the browser's answer is right for one of the challenges."""
    for challenge in challenges:
        state = {"challenge": websafe_encode(challenge), "user_verification": UserVerificationRequirement.REQUIRED}
        try:
            data = place.server().register_complete(state, _read(response))
        except _WRONG:
            continue
        credential = data.credential_data
        assert credential is not None, "a registration has a credential"
        kept = await conn.fetchval(
            _queries.insert_passkey,
            party_id,
            credential.credential_id,
            bytes(credential),
            data.counter,
            " ".join(name.split())[:LONGEST_NAME] or "Passkey",
            now,
        )
        return kept is not None
    return False


def confirmation(place: Place, request: PhoneRequest, known: list[Passkey]) -> str:
    """What `navigator.credentials.get` is asked for this one payment, as JSON."""
    options, _ = place.server().authenticate_begin(
        [AttestedCredentialData(each.credential) for each in known],
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=payment_challenge(request),
    )
    return json.dumps(dict(options.public_key))


async def confirms(conn: Connection, place: Place, request: PhoneRequest, response: str, now: datetime) -> bool:
    """Whether one of the payer's passkeys has signed exactly this payment. A counter that went back is a copy's."""
    known = await passkeys_of(conn, request.party_id)
    state = {
        "challenge": websafe_encode(payment_challenge(request)),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }
    try:
        said = AuthenticationResponse.from_dict(_read(response))
        used = place.server().authenticate_complete(
            state, [AttestedCredentialData(each.credential) for each in known], said
        )
    except _WRONG:
        return False
    counter = said.response.authenticator_data.counter
    passkey = next(each for each in known if each.credential_id == used.credential_id)
    if counter and counter <= passkey.sign_count:
        return False
    await conn.execute(_queries.use_passkey, passkey.id, counter, now)
    return True


async def remove(conn: Connection, party_id: int, passkey_id: int, now: datetime) -> bool:
    """It confirms nothing any more; False when it is not the party's."""
    return await conn.fetchval(_queries.remove_passkey, passkey_id, party_id, now) is not None


def payment_challenge(request: PhoneRequest) -> bytes:
    """The digest of what the payer is shown, and of the request's own nonce."""
    shown = f"{request.id}|{request.case_id}|{request.payee}|{request.currency}|{request.amount_minor}|{request.means_label}"
    return sha256(b"gavelhouse phone payment\0" + request.nonce + shown.encode()).digest()


def registration_challenges(server_key: str, viewer: str, now: datetime) -> list[bytes]:
    """The challenge of these five minutes and of those before: nothing is stored for a page that is only looked at."""
    span = int(now.timestamp()) // CHALLENGE_SECONDS
    return [
        hmac.digest(server_key.encode(), f"passkey|{viewer}|{each}".encode(), "sha256") for each in (span, span - 1)
    ]


_WRONG = (ValueError, TypeError, KeyError, AttributeError, AssertionError)
"""How python-fido2 says that an answer is malformed or wrong."""


def _read(response: str) -> Any:
    if len(response) > LONGEST_RESPONSE:
        raise ValueError("too long for an authenticator's answer")
    return json.loads(response)
