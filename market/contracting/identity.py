"""A party's signing identity: its certificates, how it gets one, renews it, and has it revoked; the list of revocations.

The key lies in the vault under the party's wallet, or is kept by the party's own program, which proves that it has it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from market import audit, deals_store, notices
from market.contracting import pki_store
from market.contracting.authority import LIST_DAYS, REASONS, Authority, key_of_request
from market.contracting.pki_store import Certificate, RevocationList

if TYPE_CHECKING:
    from migrations.database import Connection

MOST_CERTIFICATES = 10
"""Good ones of one party at a time."""
LIST_SECONDS = 24 * 3600
"""A list is replaced after a day, though it is good for a week, and at once when something is revoked."""
LONGEST_NOTE = 500


class IdentityRefusal(StrEnum):
    """In the order of testing; the sentence is `identity_refusal.<value>`."""

    REQUEST_MALFORMED = "request_malformed"
    KEY_IN_USE = "key_in_use"
    TOO_MANY = "too_many_certificates"
    NO_SUCH_CERTIFICATE = "no_such_certificate"
    REASON_UNKNOWN = "revocation_reason_unknown"
    ALREADY_REVOKED = "certificate_already_revoked"


async def own_certificate(conn: Connection, authority: Authority, origin: str, now: datetime) -> bytes:
    """The authority's certificate, DER; made the first time that it is asked for."""
    found = await pki_store.authority(conn, authority.public_key)
    if found is None:
        made = authority.self_signed(urlsplit(origin).hostname or "localhost", now)
        await pki_store.insert_authority(conn, authority.public_key, made, now)
        found = await pki_store.authority(conn, authority.public_key)
    assert found is not None
    return found


async def certify(
    conn: Connection, authority: Authority, origin: str, party_id: int, request: str, holder: str, now: datetime
) -> Certificate | IdentityRefusal:
    """A certificate for the key of this request (PKCS#10, PEM), which its own signature shows the party to have."""
    key = key_of_request(request)
    if key is None:
        return IdentityRefusal.REQUEST_MALFORMED
    if await pki_store.key_in_use(conn, key, party_id):
        return IdentityRefusal.KEY_IN_USE
    good = [one for one in await pki_store.certificates_of(conn, party_id) if one.is_good(now)]
    if len(good) >= MOST_CERTIFICATES:
        return IdentityRefusal.TOO_MANY
    own = await own_certificate(conn, authority, origin, now)
    name = await deals_store.party_name(conn, party_id)
    leaf = authority.issue(own, key, party_id, name, f"{origin}/pki/crl.der", now)
    await pki_store.insert_certificate(conn, leaf, party_id, authority.public_key, holder, now)
    await audit.record(
        conn, party_id, "certificate.issued", f"certificate:{leaf.serial}", None, {"holder": holder}, now
    )
    params = {"serial": leaf.serial[:8], "until": leaf.not_after.date().isoformat()}
    await notices.notify(conn, [party_id], "certificate_issued", params, "/identity", now)
    made = await pki_store.certificate(conn, leaf.serial)
    assert made is not None
    return made


async def good_certificate(
    conn: Connection, authority: Authority, party_id: int, public_key: bytes, now: datetime
) -> Certificate | None:
    """The party's certificate of this key that can sign now, the one that is good for longest."""
    good = [
        one
        for one in await pki_store.certificates_of(conn, party_id)
        if one.public_key == public_key and one.authority == authority.public_key and one.is_good(now)
    ]
    return max(good, key=lambda one: one.not_after, default=None)


async def revoke(
    conn: Connection,
    authority: Authority,
    origin: str,
    serial: str,
    by: int,
    reason: str,
    note: str,
    now: datetime,
    *,
    as_operator: bool = False,
) -> Certificate | IdentityRefusal:
    """By its party, or by an operator; what was signed with it before stays good. A new list is made at once."""
    found = await pki_store.certificate(conn, serial)
    if found is None or (found.party_id != by and not as_operator):
        return IdentityRefusal.NO_SUCH_CERTIFICATE
    if reason not in REASONS:
        return IdentityRefusal.REASON_UNKNOWN
    note = note.strip()[:LONGEST_NOTE]
    if not await pki_store.insert_revocation(conn, serial, now, by, reason, note):
        return IdentityRefusal.ALREADY_REVOKED
    detail = {"party": found.party_id, "reason": reason}
    await audit.record(conn, by, "certificate.revoked", f"certificate:{serial}", note or None, detail, now)
    params = {"serial": serial[:8], "reason": reason}
    await notices.notify(conn, [found.party_id], "certificate_revoked", params, "/identity", now)
    if found.authority == authority.public_key:
        await revocation_list(conn, authority, origin, now, anew=True)
    after = await pki_store.certificate(conn, serial)
    assert after is not None
    return after


async def revocation_list(
    conn: Connection, authority: Authority, origin: str, now: datetime, *, anew: bool = False
) -> RevocationList:
    """The list in force; another is made when it is a day old, or `anew`."""
    latest = await pki_store.latest_list(conn, authority.public_key)
    if latest is not None and not anew and _is_fresh(latest, now):
        return latest
    await pki_store.lock_lists(conn)
    latest = await pki_store.latest_list(conn, authority.public_key)
    if latest is not None and not anew and _is_fresh(latest, now):
        return latest
    own = await own_certificate(conn, authority, origin, now)
    number = 1 if latest is None else latest.number + 1
    der = authority.revocation_list(own, await pki_store.revoked(conn, authority.public_key), number, now)
    start = now.replace(microsecond=0)
    made = RevocationList(number=number, der=der, this_update=start, next_update=start + timedelta(days=LIST_DAYS))
    await pki_store.insert_list(conn, authority.public_key, made)
    return made


def _is_fresh(latest: RevocationList, now: datetime) -> bool:
    return now - latest.this_update < timedelta(seconds=LIST_SECONDS)
