"""The API's signing identity: certificates by request (PKCS#10) or for the key in the vault, and their revocation."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from escrow.vault_client import VaultError
from market.api.operations import Call, granted, operation
from market.api.raw_calls import answered, body_of, handle_in
from market.api.vault import Handle
from market.contracting import identity as identities
from market.contracting import pki_store, wallet_signing
from market.contracting.authority import LARGEST_REQUEST_BYTES, fingerprint, pem
from market.contracting.pki_store import Certificate
from market.house import house_of
from market.problems import ProblemError
from market.wallet_sessions import UnreachableRefusal

Reason = Literal["key_compromise", "affiliation_changed", "superseded", "cessation_of_operation", "privilege_withdrawn"]


class CertificateOut(Struct, kw_only=True):
    """`holder`: the key lies in the vault under the wallet's passphrase, or with the party's own program."""

    serial: str
    holder: Literal["vault", "program"]
    state: Literal["good", "expired", "revoked"]
    public_key: str
    certificate_pem: str
    not_before: datetime
    not_after: datetime
    revoked_at: datetime | None
    reason: Reason | None


class IdentityOut(Struct, kw_only=True):
    """The viewer's certificates, newest first, and the authority's own with its SHA-256 fingerprint."""

    certificates: list[CertificateOut]
    authority_pem: str
    authority_fingerprint: str


class CertificateRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """PKCS#10 in PEM for an Ed25519 key; its own signature shows that whoever asks has the key."""

    request: Annotated[str, Meta(min_length=1, max_length=LARGEST_REQUEST_BYTES)]


class WalletCertificate(Struct, kw_only=True, forbid_unknown_fields=True):
    handle: Handle
    afresh: bool = False


class RevocationIn(Struct, kw_only=True, forbid_unknown_fields=True):
    reason: Reason
    note: Annotated[str, Meta(max_length=500)] = ""


@operation("GET", "/identity", tag="contracts")
async def identity(call: Call) -> IdentityOut:
    """With which keys the viewer can sign."""
    house = call.house.contracting
    own = await identities.own_certificate(call.conn, house.authority, house.origin, call.now)
    found = await pki_store.certificates_of(call.conn, call.viewer.id)
    return IdentityOut(
        certificates=[_shown(one, call.now) for one in found],
        authority_pem=pem(own, "CERTIFICATE"),
        authority_fingerprint=fingerprint(own).replace(" ", ""),
    )


@operation("POST", "/identity/certificates", tag="contracts", status=201)
async def identity_certificate(call: Call, body: CertificateRequest) -> CertificateOut:
    """A certificate, good for a year, for a key that the viewer's program keeps."""
    house = call.house.contracting
    made = granted(
        await identities.certify(
            call.conn, house.authority, house.origin, call.viewer.id, body.request, "program", call.now
        )
    )
    return _shown(made, call.now)


@operation(
    "POST", "/identity/wallet_certificates", tag="contracts", keyed=False, raw=(WalletCertificate, CertificateOut)
)
async def identity_wallet_certificate(request: Request) -> Response:
    """A certificate for the key in the vault; `afresh` makes another key first."""
    body, house = await body_of(request, WalletCertificate), house_of(request)
    handle = handle_in(request, body.handle)
    try:
        done = await wallet_signing.certified(
            house.pool, house.vault, house.contracting, handle, house.node_time.now, renew=True, afresh=body.afresh
        )
    except VaultError:
        raise ProblemError(UnreachableRefusal.VAULT_UNREACHABLE) from None
    return answered(_shown(done, house.node_time.now()) if isinstance(done, Certificate) else done)


@operation("POST", "/identity/certificates/{serial:str}/revocation", tag="contracts")
async def identity_revoke(call: Call, serial: str, body: RevocationIn) -> CertificateOut:
    """Nothing more is signed with it; what was signed before stays valid."""
    house = call.house.contracting
    done = granted(
        await identities.revoke(
            call.conn, house.authority, house.origin, serial, call.viewer.id, body.reason, body.note, call.now
        )
    )
    return _shown(done, call.now)


def _shown(one: Certificate, now: datetime) -> CertificateOut:
    return CertificateOut(
        serial=one.serial,
        holder=one.holder,  # type: ignore[arg-type]  # the table's constraint lists the same names
        state=one.state(now),  # type: ignore[arg-type]
        public_key=one.public_key.hex(),
        certificate_pem=pem(one.der, "CERTIFICATE"),
        not_before=one.not_before,
        not_after=one.not_after,
        revoked_at=one.revoked_at,
        reason=one.reason,  # type: ignore[arg-type]
    )
