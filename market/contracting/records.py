"""What a party signs and what the house seals: canonical records and the bytes under their signatures. Pure.

A signature's record names contract, version, role, party, certificate, time and the hash of the terms, so that it can be
moved to none other. The seal says when the house had the signature and which list of revocations it then knew, so that
what happens to the certificate later changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from market.contracts import verification_code

KIND: Literal["gavelhouse.contract_signature.v1"] = "gavelhouse.contract_signature.v1"
SEAL = "contract_seal"
"""The kind of statement that the house's seal is (`auction.signing`)."""
FRESH_SECONDS = 600
"""So long after `signed_at` a signature is taken."""


class SignatureRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Literal["gavelhouse.contract_signature.v1"] = KIND
    contract: int
    version: int
    role: Literal["seller", "buyer"]
    party: int
    terms_sha256: str
    certificate: Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    signed_at: Annotated[datetime, Meta(tz=True)]


def canonical(record: SignatureRecord) -> bytes:
    """JSON with sorted keys and no spaces."""
    return msgspec.json.encode(record, order="sorted")


def read_record(raw: bytes) -> SignatureRecord | None:
    """The record, if these are its canonical bytes."""
    try:
        record = msgspec.json.decode(raw, type=SignatureRecord)
    except (msgspec.MsgspecError, ValueError):
        return None
    return record if canonical(record) == raw else None


def signed_bytes(record: bytes) -> bytes:
    """What the party's key signs: never to be mistaken for a payment or a cheque."""
    return f"{KIND}\n".encode() + record


def code_of(contract_id: int, terms_sha256: bytes) -> str:
    """The code that proves a printed copy; two contracts of the same terms have codes of their own."""
    return verification_code(sha256(f"contract {contract_id}\n".encode() + terms_sha256).digest())


def seal_of_key(
    record: SignatureRecord,
    raw: bytes,
    signature: bytes,
    *,
    authority: bytes,
    certificate: bytes,
    crl: bytes,
    at: str,
) -> dict[str, Any]:
    """What the house says of a signature by a key."""
    return {
        "at": at,
        "authority_sha256": sha256(authority).hexdigest(),
        "certificate_sha256": sha256(certificate).hexdigest(),
        "contract": record.contract,
        "crl_sha256": sha256(crl).hexdigest(),
        "record_sha256": sha256(raw).hexdigest(),
        "role": record.role,
        "signature_sha256": sha256(signature).hexdigest(),
        "terms_sha256": record.terms_sha256,
        "version": record.version,
    }


def seal_of_agreement(
    contract: int, version: int, role: str, terms_sha256: bytes, evidence_sha256: bytes, at: str
) -> dict[str, Any]:
    """What the house says of a message that stands for a signature by the parties' agreement."""
    return {
        "at": at,
        "contract": contract,
        "evidence_sha256": evidence_sha256.hex(),
        "role": role,
        "terms_sha256": terms_sha256.hex(),
        "version": version,
    }
