"""The API of the officers: their own key, the key ceremony of a sealed lot, the opening of its bids.

No operation here takes an Idempotency-Key: what is remembered of a keyed request is a quick hash of its body, and a
passphrase must lie under a slow one alone. Each has one effect all the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from market import openings, parties, step_up
from market.api.operations import Call, granted, operation
from market.api.shapes import Id
from market.problems import Problem, ProblemError

Passphrase = Annotated[str, Meta(min_length=1, max_length=1024)]


class OpeningLine(Struct, kw_only=True):
    """A sealed lot: `stage` says what it waits for. `given` of the `threshold` that are needed, of `officers`."""

    lot: int
    title_en: str
    title_zh: str
    stage: Literal["ceremony", "approval", "bidding", "opening", "closed"]
    ends_at: datetime | None
    given: int
    threshold: int | None
    officers: int | None
    is_mine: bool
    i_gave: bool


class Openings(Struct, kw_only=True):
    items: list[OpeningLine]


class ShareHolder(Struct, kw_only=True):
    number: int
    officer: int
    name: str
    given_at: datetime | None


class Ceremony(Struct, kw_only=True):
    """Who holds the shares of a lot's key. `public_key`: the point of P-256, uncompressed, in hex."""

    lot: int
    public_key: str
    threshold: int
    made_at: datetime
    holders: list[ShareHolder]


class OfficerShape(Struct, kw_only=True):
    id: int
    name: str


class Officers(Struct, kw_only=True):
    items: list[OfficerShape]


class OfficerQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    lot: Id


class KeyWish(Struct, kw_only=True, forbid_unknown_fields=True):
    """The viewer's passphrase for signing in, once more, and the one for openings, which is another."""

    passphrase: Passphrase
    opening_passphrase: Passphrase


class Seats(Struct, kw_only=True, forbid_unknown_fields=True):
    officers: Annotated[list[Id], Meta(min_length=2, max_length=15)]


class Opening(Struct, kw_only=True, forbid_unknown_fields=True):
    opening_passphrase: Passphrase


class Given(Struct, kw_only=True):
    """`disagree`: there are enough shares, but one was changed in the database; a further officer makes up for it."""

    given: int
    threshold: int
    opened: bool
    disagree: bool


@operation("GET", "/openings", tag="operator", keyed=False)
async def openings_list(call: Call) -> Openings:
    """Sealed lots, those that wait for an officer first."""
    return Openings(items=[_line(one) for one in await openings.sealed_lots(call.conn, call.viewer.id)])


@operation("GET", "/openings/{lot_id:int}", tag="operator", keyed=False)
async def opening(call: Call, lot_id: int) -> Ceremony:
    """Who holds the shares of the lot's key, and who has given his."""
    return await _ceremony(call, lot_id)


@operation("GET", "/officers", tag="operator", keyed=False)
async def officers(call: Call, query: OfficerQuery) -> Officers:
    """Operators who may hold a share of this lot's key: those with a key of their own, without its seller."""
    seller_id = await openings.seller_of(call.conn, query.lot)
    if seller_id is None:
        raise ProblemError(Problem.NOT_FOUND)
    found = await openings.officers(call.conn, seller_id)
    return Officers(items=[OfficerShape(id=one.id, name=one.display_name) for one in found])


@operation("PUT", "/officers/me", tag="operator", keyed=False)
async def make_officer_key(call: Call, body: KeyWish) -> None:
    """A key of the viewer's own, under an opening passphrase."""
    party = await parties.party_by_id(call.conn, call.viewer.id)
    assert party is not None, "a token's party is there"
    refused = await step_up.step_up(call.house, call.conn, party.id, body.passphrase)
    if refused is not None:
        raise ProblemError(refused)
    granted(
        await openings.make_officer_key(call.conn, call.house.passphrases, party, body.opening_passphrase, call.now)
    )


@operation("POST", "/openings/{lot_id:int}/key", tag="operator", keyed=False)
async def hold_ceremony(call: Call, lot_id: int, body: Seats) -> Ceremony:
    """Make the key of a lot that waits for approval, and give these officers a share each."""
    granted(
        await openings.hold_ceremony(
            call.conn, lot_id=lot_id, officer_ids=body.officers, operator_id=call.viewer.id, now=call.now
        )
    )
    return await _ceremony(call, lot_id)


@operation("POST", "/openings/{lot_id:int}/release", tag="operator", keyed=False)
async def release_share(call: Call, lot_id: int, body: Opening) -> Given:
    """Give the viewer's share. The one that completes the threshold opens every bid."""
    done: openings.Released = granted(
        await openings.release(
            call.house,
            call.conn,
            lot_id=lot_id,
            officer_id=call.viewer.id,
            passphrase=body.opening_passphrase,
            now=call.now,
        )
    )
    if done.opened:

        async def refresh() -> None:
            await call.house.bidding.refresh(lot_id)

        call.afterwards(refresh)
    return Given(given=done.released, threshold=done.threshold, opened=done.opened, disagree=done.disagree)


async def _ceremony(call: Call, lot_id: int) -> Ceremony:
    made = await openings.sealing_of(call.conn, lot_id)
    if made is None:
        raise ProblemError(openings.OpeningRefusal.NO_SUCH_SEALED_LOT)
    return Ceremony(
        lot=lot_id,
        public_key=made.public_key.hex(),
        threshold=made.threshold,
        made_at=made.made_at,
        holders=[
            ShareHolder(
                number=holder.number,
                officer=holder.officer_id,
                name=holder.display_name,
                given_at=holder.released_at,
            )
            for holder in await openings.holders(call.conn, lot_id)
        ],
    )


def _line(one: openings.SealedLot) -> OpeningLine:
    return OpeningLine(
        lot=one.lot_id,
        title_en=one.title_en,
        title_zh=one.title_zh,
        stage=one.stage,
        ends_at=one.ends_at,
        given=one.released,
        threshold=one.threshold,
        officers=one.officers,
        is_mine=one.is_mine,
        i_gave=one.i_gave,
    )
