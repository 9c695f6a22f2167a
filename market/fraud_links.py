"""Finding what links a bidder with a seller: traits noted as they are seen, links made when the two meet on a lot, and
admissions taken back where a link bars.

Each function is one step of the caller's transaction; every node hears of changed admissions at the commit. What a barred
party has bid stands, since others have bid on it; an operator may void the lot. The seller is told nothing of any of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from msgspec import convert
from starlette.requests import Request
from starlette.responses import Response

from auction import desk
from escrow.references import find_reference
from market import audit, notices
from market.fraud_facts import Link, LinkState, TraitKind, TraitSource, Verdict, fingerprint, verdict
from migrations.queries import load_queries

if TYPE_CHECKING:
    from escrow.facts import Deposit
    from migrations.database import Connection

_queries = load_queries("market", "fraud")
REMEMBERED = timedelta(days=180)
DEVICE_COOKIE = "__Host-device"
DEVICE_SECONDS = 400 * 86_400
_DEVICE_LENGTH = 43


async def _note(
    conn: Connection, party_id: int, kind: TraitKind, value: str, source: TraitSource, now: datetime
) -> list[tuple[int, int]]:
    """The party was seen with this. Gives the pairs of seller and bidder that meet on an open lot and share it."""
    print_of = fingerprint(kind, value)
    if print_of is None:
        return []
    await conn.execute(_queries.note_trait, party_id, kind, print_of, source, now)
    return [tuple(row) for row in await conn.fetch(_queries.pairs_meeting, party_id, kind, print_of)]


async def seen(
    conn: Connection, party_id: int, kind: TraitKind, value: str, source: TraitSource, now: datetime
) -> None:
    """The party was seen with this account, device or address. Whoever is thereby found linked to a seller on whose lots
    he is admitted loses the admission if the link bars.
    """
    for seller_id, bidder_id in await _note(conn, party_id, kind, value, source, now):
        if await links_found(conn, seller_id, bidder_id, now) is Verdict.BARRED:
            await enforce(conn, seller_id, bidder_id, None, "linked by payment means", now)


async def enforce(
    conn: Connection, seller_id: int, bidder_id: int, actor_id: int | None, reason: str, now: datetime
) -> list[int]:
    """Take the bidder's admissions to the seller's open lots back; which lots these were."""
    lots = await conn.fetch(_queries.admitted_lots, seller_id, bidder_id)
    for lot in lots:
        lot_id = lot["lot_id"]
        await desk.remove_admission(conn, lot_id=lot_id, party_id=bidder_id, now=now)
        await conn.execute(_queries.take_back_admission, lot_id, bidder_id)
        detail = {"party": bidder_id}
        await audit.record(conn, actor_id, "admission.removed", f"lot:{lot_id}", reason, detail, now)
        await tell_bidder(conn, bidder_id, lot_id, lot["title_zh"], lot["title_en"], now)
    return [lot["lot_id"] for lot in lots]


async def tell_bidder(
    conn: Connection, bidder_id: int, lot_id: int, title_zh: str, title_en: str, now: datetime
) -> None:
    """He may not bid on this lot. The notice names no fact and no other party."""
    params: dict[str, str | int] = {"title_zh": title_zh or title_en, "title_en": title_en or title_zh, "lot": lot_id}
    await notices.notify(conn, [bidder_id], "linked_to_seller", params, f"/lots/{lot_id}", now)


async def note_sender(conn: Connection, deposit: Deposit, now: datetime) -> None:
    """The account that a deposit was paid from, told by the bank in this same transaction. None if the wallet paid."""
    for row in await conn.fetch(_queries.sender_of_deposit, now):
        if row["number"] and find_reference(row["reference"] or "") == deposit.reference:
            await seen(conn, deposit.party_id, TraitKind.BANK_ACCOUNT, row["number"], TraitSource.PAID_FROM, now)


async def links_found(conn: Connection, seller_id: int, bidder_id: int, now: datetime) -> Verdict:
    """Look for links between the two now, tell the operators of a new one, and say what all of them come to."""
    rows = await conn.fetch(_queries.link_by_traits, seller_id, bidder_id, now, now - REMEMBERED)
    for row in rows:
        await _tell_operators(conn, convert(dict(row), Link), now)
    return await standing_verdict(conn, seller_id, bidder_id)


async def standing_verdict(conn: Connection, seller_id: int, bidder_id: int) -> Verdict:
    """What the known links of the two come to."""
    rows = await conn.fetch(_queries.link_states, seller_id, bidder_id)
    return verdict([LinkState(row["state"]) for row in rows])


async def forget_old(conn: Connection, now: datetime) -> None:
    """Devices and addresses that nobody was seen with for long."""
    await conn.execute(_queries.forget_traits, now - REMEMBERED)


async def _tell_operators(conn: Connection, link: Link, now: datetime) -> None:
    names = {
        row["id"]: row["display_name"]
        for row in await conn.fetch(_queries.party_names, [link.seller_id, link.bidder_id])
    }
    operators = [row["id"] for row in await conn.fetch(_queries.operators)]
    params = {"seller": names[link.seller_id], "bidder": names[link.bidder_id]}
    kind = "link_bars" if link.state is LinkState.BARRING else "link_flagged"
    await notices.notify(conn, operators, kind, params, f"/operator/fraud#link-{link.id}", now)


def device_of(request: Request) -> str | None:
    """The device that a browser says it is; None before its first sign-in, or for what is no such cookie."""
    device = request.cookies.get(DEVICE_COOKIE, "")
    return device if len(device) == _DEVICE_LENGTH and device.isascii() else None


def remember_device(response: Response, device: str | None) -> str:
    """Keep the browser's device, or give it one: random, first-party, unreadable by scripts."""
    device = device or token_urlsafe(32)
    response.set_cookie(
        DEVICE_COOKIE, device, max_age=DEVICE_SECONDS, path="/", secure=True, httponly=True, samesite="lax"
    )
    return device
