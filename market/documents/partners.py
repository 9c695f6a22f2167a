"""How a party's system is reached, and with whom its messages may stand for its signature. Each act is audited."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from asyncpg import UniqueViolationError
from msgspec import Struct
from stdnum import ean

from market import audit
from market.documents import store
from market.documents.records import Agency
from market.documents.store import Channel, Format, Partner
from market.documents.webhooks import url_fault

if TYPE_CHECKING:
    from market.config import Config
    from migrations.database import Connection


class PartnerRefusal(StrEnum):
    """In the order of testing; the sentence is `market_refusal.<value>`."""

    CODE_MALFORMED = "partner_code_malformed"
    GLN_WRONG = "partner_gln_wrong"
    CODE_RESERVED = "partner_code_reserved"
    FOLDERS_OFF = "partner_folders_off"
    URL_MALFORMED = "partner_url_malformed"
    URL_NOT_HTTPS = "partner_url_https_only"
    CODE_TAKEN = "partner_code_taken"
    OWN_PARTY = "partner_is_yourself"
    NO_SUCH_PARTY = "no_such_party"


class Wish(Struct, frozen=True, kw_only=True):
    """What a party says of its system."""

    code: str
    agency: Agency
    format: Format
    channel: Channel
    url: str = ""


async def save(conn: Connection, config: Config, party_id: int, wish: Wish, now: datetime) -> Partner | PartnerRefusal:
    """Write it; the webhook has a new secret with each change."""
    code, url = wish.code.strip(), wish.url.strip() if wish.channel is Channel.WEBHOOK else ""
    refusal = _refusal(config, party_id, code, wish, url)
    if refusal is not None:
        return refusal
    one = Partner(
        party_id=party_id,
        code=code,
        agency=wish.agency,
        format=wish.format,
        channel=wish.channel,
        url=url,
        generation=1,
        changed_at=now,
    )
    try:
        async with conn.transaction():
            await store.save_partner(conn, one)
            await store.redirect_deliveries(conn, one, now)
    except UniqueViolationError:
        return PartnerRefusal.CODE_TAKEN
    detail = {"code": code, "agency": wish.agency.value, "channel": wish.channel.value, "url": url}
    await audit.record(conn, party_id, "partner.saved", f"party:{party_id}", None, detail, now)
    saved = await store.partner(conn, party_id)
    assert saved is not None, "it was saved a moment ago"
    return saved


def _refusal(config: Config, party_id: int, code: str, wish: Wish, url: str) -> PartnerRefusal | None:
    if not re.fullmatch(r"[0-9A-Za-z._-]{1,35}", code):
        return PartnerRefusal.CODE_MALFORMED
    if wish.agency is Agency.GLN and not (len(code) == 13 and ean.is_valid(code)):
        return PartnerRefusal.GLN_WRONG
    # Codes of this form are the house's own numbers of parties, and aliases of anonymous posts.
    is_reserved = re.fullmatch(r"P[0-9]+|A[0-9A-F]{4}", code) or code.upper() == config.edi_code.upper()
    if wish.agency is Agency.HOUSE and is_reserved and code != store.house_code(party_id):
        return PartnerRefusal.CODE_RESERVED
    if wish.channel is Channel.FOLDER and config.partner_folder is None:
        return PartnerRefusal.FOLDERS_OFF
    if wish.channel is Channel.WEBHOOK:
        fault = url_fault(url, may_be_private=config.partner_networks == "any")
        if fault is not None:
            return PartnerRefusal.URL_NOT_HTTPS if fault == "https_only" else PartnerRefusal.URL_MALFORMED
    return None


async def consent(conn: Connection, party_id: int, other_id: int, given: bool, now: datetime) -> PartnerRefusal | None:
    """That this party's messages stand for its signature towards the other, from now on or no longer."""
    if party_id == other_id:
        return PartnerRefusal.OWN_PARTY
    if not await store.party_exists(conn, other_id):
        return PartnerRefusal.NO_SUCH_PARTY
    await store.set_consent(conn, party_id, other_id, given, now)
    act = "edi_consent.given" if given else "edi_consent.ended"
    await audit.record(conn, party_id, act, f"party:{other_id}", None, {}, now)
    return None
