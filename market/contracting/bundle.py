"""The signed bundle of a contract: one file with all that anybody needs to check it without the house, for decades.

Everything in it is as it was signed; the house signs the whole once more as it hands it out, so that nothing can be left
out either. Who checks it: `market/contracting/verifier.py`.
"""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime
from typing import TYPE_CHECKING, Any

from auction.signing import canonical, time_text
from market.contracting import identity, pki_store
from market.contracting.verifier import KIND, STATEMENT

if TYPE_CHECKING:
    from market.contracting.facts import Contract, Signature, Version
    from market.contracting.signing import Contracting
    from migrations.database import Connection


async def bundle_of(conn: Connection, house: Contracting, contract: Contract, now: datetime) -> bytes:
    """The bundle as a file: canonical JSON and a line's end."""
    signatures = [one for version in contract.versions for one in version.signatures]
    authorities = sorted({house.authority.public_key, *(one.authority for one in signatures if one.authority)})
    keys = sorted({house.signer.public_hex, *(json.loads(one.seal)["key"] for one in signatures)})
    serials = sorted({one.serial for one in signatures if one.serial})
    lists = sorted({(one.authority, one.crl_number) for one in signatures if one.authority and one.crl_number})
    own = await identity.own_certificate(conn, house.authority, house.origin, now)
    statement: dict[str, Any] = {
        "kind": KIND,
        "at": time_text(now),
        "house": house.origin,
        "contract": contract.id,
        "origin": contract.origin.kind.value,
        "state": contract.state.value,
        "stands": contract.standing.n if contract.in_force_at is not None else None,
        "deal": contract.case_id,
        "keys": keys,
        "seals": {key: _text(house.authority.vouch(own, bytes.fromhex(key))) for key in keys},
        "authorities": [_text(await pki_store.authority(conn, key)) for key in authorities],
        "certificates": {serial: _text(await _der(conn, serial)) for serial in serials},
        "lists": {
            f"{key.hex()}.{number}": _text(await pki_store.list_by_number(conn, key, number)) for key, number in lists
        },
        "versions": [_version(each) for each in contract.versions],
    }
    return canonical(house.signer.sign(STATEMENT, statement)) + b"\n"


def _version(version: Version) -> dict[str, Any]:
    return {
        "n": version.n,
        "terms": version.text,
        "proposed_at": time_text(version.proposed_at),
        "proposed_by": version.proposed_by,
        "reason": version.reason,
        "signatures": [_signature(one) for one in version.signatures],
    }


def _signature(one: Signature) -> dict[str, Any]:
    seal = json.loads(one.seal)
    if one.kind == "agreement":
        return {"role": one.role, "by": "agreement", "seal": seal}
    assert one.authority is not None and one.signature is not None
    return {
        "role": one.role,
        "by": "key",
        "record": one.record,
        "signature": one.signature.hex(),
        "list": f"{one.authority.hex()}.{one.crl_number}",
        "seal": seal,
    }


async def _der(conn: Connection, serial: str) -> bytes:
    found = await pki_store.certificate(conn, serial)
    assert found is not None, "a signature names its certificate by foreign key"
    return found.der


def _text(der: bytes | None) -> str:
    assert der is not None
    return b64encode(der).decode()
