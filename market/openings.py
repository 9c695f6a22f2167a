"""The key of a sealed lot and its officers: who holds a share, the key ceremony, the opening.

An officer is an operator with a key of his own under an opening passphrase. At the ceremony a fresh key is made for one
lot, cut into shares, each sealed to one officer's key, and forgotten; at the opening each officer unseals his share in
his own session, and the one who completes the threshold opens all bids in that same transaction. What a share is and
how a bid is opened is the auction's; nothing secret is logged, and no answer that is stored holds a passphrase.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING, Literal

import asyncpg
import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from auction import desk, sealing
from auction.chain import EventKind
from auction.facts import DeskRefusal, Lot, Phase
from auction.formats import sealed
from auction.secret_sharing import Share, combine, split
from auction.setup.sealed import chosen_of
from market import audit, limits, notices, parties
from market.listing_facts import Listing, ListingState
from market.passphrases import normalised, refusal
from market.refusals import MarketRefusal
from migrations.queries import load_queries

if TYPE_CHECKING:
    from auction.batch import Room
    from market.house import House
    from market.parties import Party
    from market.passphrases import Passphrases
    from migrations.database import Connection

MOST_LOTS_SHOWN = 200

Stage = Literal["ceremony", "approval", "bidding", "opening", "closed"]

_queries = load_queries("market", "openings")
_log = structlog.get_logger()


class OpeningRefusal(StrEnum):
    """Why a step of an officer was refused, in the order tested. The sentence is `market_refusal.<value>`."""

    NO_SUCH_SEALED_LOT = "no_such_sealed_lot"
    OPENING_PASSPHRASE_SAME = "opening_passphrase_same"
    CEREMONY_NOT_NOW = "ceremony_not_now"
    OFFICERS_TO_CHOOSE = "officers_to_choose"
    NO_SHARE_HELD = "no_share_held"
    OPENING_NOT_YET = "opening_not_yet"
    SHARE_GIVEN_ALREADY = "share_given_already"
    OPENING_PASSPHRASE_WRONG = "opening_passphrase_wrong"


class OfficerKey(Struct, frozen=True, kw_only=True):
    """An officer's key as it is stored."""

    party_id: int
    public_key: bytes
    sealed_key: bytes
    salt: bytes
    memory_kib: int
    iterations: int

    @property
    def wrapped(self) -> sealing.Wrapped:
        return sealing.Wrapped(
            sealed=self.sealed_key, salt=self.salt, memory_kib=self.memory_kib, iterations=self.iterations
        )


class OwnShare(OfficerKey, frozen=True, kw_only=True):
    """One officer's share of a lot's key, and the key that it is sealed to."""

    number: int
    sealed_share: bytes
    released_at: datetime | None


class Officer(Struct, frozen=True, kw_only=True):
    """An operator who may hold a share."""

    id: int
    display_name: str
    key_id: int
    public_key: bytes


class Holder(Struct, frozen=True, kw_only=True):
    """Who holds which share, and when he gave it."""

    number: int
    officer_id: int
    display_name: str
    released_at: datetime | None


class Sealing(Struct, frozen=True, kw_only=True):
    """The ceremony of a lot."""

    lot_id: int
    public_key: bytes
    threshold: int
    officers: int
    reserve_nonce: bytes
    made_at: datetime


class SealedLot(Struct, frozen=True, kw_only=True):
    """A row of the list of openings. `is_mine`: the viewer holds a share; `i_gave`: he has given it."""

    lot_id: int
    title_zh: str
    title_en: str
    state: ListingState
    has_key: bool
    phase: Phase | None
    ends_at: datetime | None
    outcome: str | None
    released: int
    threshold: int | None
    officers: int | None
    is_mine: bool
    i_gave: bool

    @property
    def stage(self) -> Stage:
        """What the lot waits for."""
        if self.outcome is not None:
            return "closed"
        if self.phase is None:
            return "approval" if self.has_key else "ceremony"
        return "bidding" if self.phase is Phase.TIMED else "opening"

    def title(self, lang: str) -> str:
        """The title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


class Released(Struct, frozen=True, kw_only=True):
    """A share was given: how many there are now of how many that are needed, and whether the bids are open. `disagree`:
    there are enough, but one was changed in the database; a further officer's share makes up for it.
    """

    released: int
    threshold: int
    opened: bool
    disagree: bool = False


# An officer's key


async def officer_key(conn: Connection, party_id: int) -> OfficerKey | None:
    """The key that the officer uses now."""
    row = await conn.fetchrow(_queries.officer_key, party_id)
    return None if row is None else msgspec.convert(dict(row), OfficerKey)


async def make_officer_key(
    conn: Connection, passphrases: Passphrases, party: Party, passphrase: str, now: datetime
) -> OfficerKey | MarketRefusal | OpeningRefusal:
    """A new key under this passphrase. Shares of lots that are open stay with the key they were sealed to.

    Not the passphrase for signing in: that one the server is told day by day, this one only at an opening.
    """
    if (refused := refusal(passphrase, email=party.email, display_name=party.display_name)) is not None:
        return refused
    if await parties.passphrase_is(conn, passphrases, party.id, passphrase):
        return OpeningRefusal.OPENING_PASSPHRASE_SAME
    key, party_id = sealing.new_key(), party.id
    wrapped = await passphrases.stretched(
        sealing.wrap, key.private, normalised(passphrase), _officer_context(party_id, key.public)
    )
    await conn.execute(_queries.replace_officer_key, party_id, now)
    await conn.execute(
        _queries.insert_officer_key,
        party_id,
        key.public,
        wrapped.sealed,
        wrapped.salt,
        wrapped.memory_kib,
        wrapped.iterations,
        now,
    )
    await audit.record(conn, party_id, "officer.key_made", f"party:{party_id}", None, {}, now)
    made = await officer_key(conn, party_id)
    assert made is not None, "it has just been written"
    return made


async def private_of(house: House, key: OfficerKey, passphrase: str) -> bytes | OpeningRefusal | MarketRefusal:
    """The private half of an officer's key. Wrong passphrases are counted, as they are at sign-in."""
    account = f"opening {key.party_id}"
    if house.buckets.take(limits.PASSPHRASE, account, monotonic()) > 0:
        return MarketRefusal.TOO_MANY_TRIES
    context = _officer_context(key.party_id, key.public_key)
    private = await house.passphrases.stretched(sealing.unwrap, key.wrapped, normalised(passphrase), context)
    if private is None:
        return OpeningRefusal.OPENING_PASSPHRASE_WRONG
    house.buckets.give_back(limits.PASSPHRASE, account)
    return private


async def officers(conn: Connection, seller_id: int) -> list[Officer]:
    """Who may hold a share of a lot of this seller."""
    return [msgspec.convert(dict(row), Officer) for row in await conn.fetch(_queries.officers, seller_id)]


async def seller_of(conn: Connection, lot_id: int) -> int | None:
    """Whose sealed lot it is; None if there is none."""
    seller_id: int | None = await conn.fetchval(_queries.seller_of_sealed, lot_id)
    return seller_id


# The ceremony


async def hold_ceremony(
    conn: Connection, *, lot_id: int, officer_ids: Sequence[int], operator_id: int, now: datetime
) -> Sealing | OpeningRefusal:
    """Make the lot's key, seal a share to each of these officers, and forget the private half. May be held again until
    the lot is approved.
    """
    listing = await conn.fetchrow(_queries.lock_listing_for_key, lot_id)
    if listing is None or listing["format"] != "sealed":
        return OpeningRefusal.NO_SUCH_SEALED_LOT
    if listing["state"] != ListingState.SUBMITTED:
        return OpeningRefusal.CEREMONY_NOT_NOW
    chosen = chosen_of(listing["options"])
    able = {one.id: one for one in await officers(conn, listing["seller_id"])}
    seats = [able[officer_id] for officer_id in dict.fromkeys(officer_ids) if officer_id in able]
    if len(seats) != chosen.officers or len(officer_ids) != chosen.officers:
        return OpeningRefusal.OFFICERS_TO_CHOOSE
    made = await _deal(conn, lot_id, chosen.threshold, seats, operator_id, now)
    await audit.record(
        conn,
        operator_id,
        "sealing.key_made",
        f"lot:{lot_id}",
        None,
        {"officers": [seat.id for seat in seats], "threshold": chosen.threshold, "key": made.public_key.hex()},
        now,
    )
    return made


async def _deal(
    conn: Connection, lot_id: int, threshold: int, seats: Sequence[Officer], operator_id: int, now: datetime
) -> Sealing:
    key = sealing.new_key()
    made = Sealing(
        lot_id=lot_id,
        public_key=key.public,
        threshold=threshold,
        officers=len(seats),
        reserve_nonce=os.urandom(sealing.NONCE_BYTES),
        made_at=now,
    )
    await conn.execute(_queries.forget_sealing, lot_id)
    await conn.execute(
        _queries.insert_sealing, lot_id, key.public, threshold, len(seats), made.reserve_nonce, operator_id, now
    )
    for seat, share in zip(seats, split(key.private, threshold, len(seats)), strict=True):
        context = _share_context(lot_id, share.number, key.public)
        sealed_share = sealing.seal(seat.public_key, share.value, context)
        await conn.execute(_queries.insert_share, lot_id, share.number, seat.id, seat.key_id, sealed_share)
    return made


async def sealing_of(conn: Connection, lot_id: int) -> Sealing | None:
    """The ceremony that was held for the lot."""
    row = await conn.fetchrow(_queries.sealing, lot_id)
    return None if row is None else msgspec.convert(dict(row), Sealing)


async def keyed(conn: Connection, lot: Lot) -> Lot | None:
    """The lot with the key of its ceremony in its rule; None if none has been held for what its seller now asks. A lot
    of another format has no key, and is fine as it is.
    """
    if not isinstance(lot.rule, sealed.SealedRule):
        return lot
    made = await sealing_of(conn, lot.id)
    if made is None or (made.threshold, made.officers) != (lot.rule.threshold, lot.rule.officers):
        return None
    commitment = ""
    if lot.reserve_minor is not None:
        commitment = sealing.reserve_commitment_of(lot.id, lot.reserve_minor, made.reserve_nonce.hex())
    public_key = sealing.encoded(made.public_key)
    return replace(lot, rule=replace(lot.rule, public_key=public_key, reserve_commitment=commitment))


async def tell_officers(conn: Connection, listing: Listing, now: datetime) -> None:
    """The lot is open: whoever holds a share of its key, if it has one, learns when he will be needed."""
    ids = [holder.officer_id for holder in await holders(conn, listing.id)]
    if not ids or listing.starts_at is None or listing.timed_seconds is None:
        return
    ends_at = listing.starts_at + timedelta(seconds=listing.timed_seconds)
    params: dict[str, str | int] = {
        "lot": listing.id,
        "title_en": listing.title("en"),
        "title_zh": listing.title("zh"),
        "ends_at": ends_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    await notices.notify(conn, ids, "opening_share", params, f"/operator/openings/{listing.id}", now)


# The opening


async def holders(conn: Connection, lot_id: int) -> list[Holder]:
    """Who holds the shares of the lot's key."""
    return [msgspec.convert(dict(row), Holder) for row in await conn.fetch(_queries.holders, lot_id)]


async def sealed_lots(conn: Connection, viewer_id: int) -> list[SealedLot]:
    """Sealed lots, those that wait for a ceremony or an opening first; at most 200."""
    found = await conn.fetch(_queries.sealed_lots, viewer_id, MOST_LOTS_SHOWN)
    return [msgspec.convert(dict(row), SealedLot) for row in found]


async def release(
    house: House, conn: Connection, *, lot_id: int, officer_id: int, passphrase: str, now: datetime
) -> Released | OpeningRefusal | MarketRefusal:
    """The officer gives his share. The one that completes the threshold opens every bid in the same transaction: then
    the lot closes by itself. After the commit the caller tells the node.
    """
    share = await _unsealed_share(house, conn, lot_id, officer_id, passphrase)
    if not isinstance(share, Share):
        return share
    room = await desk.locked(conn, lot_id)
    if (refusal := await _give(conn, lot_id, share, now)) is not None:
        return refusal
    made = await sealing_of(conn, lot_id)
    assert made is not None, "a share is of a ceremony"
    await audit.record(conn, officer_id, "sealing.share_given", f"lot:{lot_id}", None, {"share": share.number}, now)
    given = [Share(number, value) for number, value in await conn.fetch(_queries.released_shares, lot_id)]
    if len(given) < made.threshold:
        return Released(released=len(given), threshold=made.threshold, opened=False)
    key = _key_of(given, made)
    if key is None:
        _log.error("shares_disagree", lot=lot_id, given=len(given))
        return Released(released=len(given), threshold=made.threshold, opened=False, disagree=True)
    await _open(conn, room, key, made, officer_id, now)
    return Released(released=len(given), threshold=made.threshold, opened=True)


async def _unsealed_share(
    house: House, conn: Connection, lot_id: int, officer_id: int, passphrase: str
) -> Share | OpeningRefusal | MarketRefusal:
    row = await conn.fetchrow(_queries.own_share, lot_id, officer_id)
    if row is None:
        return OpeningRefusal.NO_SHARE_HELD
    own = msgspec.convert(dict(row), OwnShare)
    if own.released_at is not None:
        return OpeningRefusal.SHARE_GIVEN_ALREADY
    if not await conn.fetchval(_queries.is_opening, lot_id):
        return OpeningRefusal.OPENING_NOT_YET
    made = await sealing_of(conn, lot_id)
    private = await private_of(house, own, passphrase)
    if not isinstance(private, bytes):
        return private
    assert made is not None, "a share is of a ceremony"
    context = _share_context(lot_id, own.number, made.public_key)
    return Share(own.number, sealing.unseal(sealing.KeyPair(own.public_key, private), own.sealed_share, context))


async def _give(conn: Connection, lot_id: int, share: Share, now: datetime) -> OpeningRefusal | None:
    try:
        async with conn.transaction():
            done = await conn.execute(_queries.release_share, lot_id, share.number, share.value, now)
    except asyncpg.CheckViolationError as error:
        if error.constraint_name == "share_waits_for_the_opening":
            return OpeningRefusal.OPENING_NOT_YET
        raise
    return OpeningRefusal.SHARE_GIVEN_ALREADY if done == "INSERT 0 0" else None


def _key_of(given: Sequence[Share], made: Sealing) -> sealing.KeyPair | None:
    """The lot's key out of the shares; one that was tampered with spoils only the choices it is in."""
    for chosen in itertools.combinations(given, made.threshold):
        key = sealing.key_of_scalar(combine(chosen))
        if key is not None and key.public == made.public_key:
            return key
    return None


async def _open(
    conn: Connection, room: Room, key: sealing.KeyPair, made: Sealing, officer_id: int, now: datetime
) -> None:
    nonce = made.reserve_nonce.hex()
    opened = await asyncio.to_thread(sealed.unseal, room.lot, room.standing, key, nonce, room.paddles)
    assert not isinstance(opened, DeskRefusal), "the database has seen that the lot waits for its opening"
    standing, detail = opened
    await desk.log(conn, room, EventKind.UNSEALED, standing, now, detail=detail)
    await conn.execute(_queries.forget_shares, room.lot.id)
    counts = {"bids": len(detail["bids"]), "voids": len(detail["voids"])}
    await audit.record(conn, officer_id, "sealing.opened", f"lot:{room.lot.id}", None, counts, now)


def _officer_context(party_id: int, public_key: bytes) -> bytes:
    return f"{sealing.LABEL}|officer|{party_id}|".encode() + public_key


def _share_context(lot_id: int, number: int, public_key: bytes) -> bytes:
    return f"{sealing.LABEL}|share|{lot_id}|{number}|".encode() + public_key
