"""A lot is offered once more after its close: to the runner-up whose winner did not pay, or below the reserve to the
highest bidder.

Each function is one transaction of the caller's. Whoever takes the offer up has a contract and an escrow case like any
winner; the lot's case keeps its one name, since the escrow lets only one case of a name run. Locks go lot, offer, deposit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from auction import store
from auction.facts import Award, Hammer, Outcome
from auction.formats import format_name
from escrow.deposits import Deposits
from escrow.facts import State
from escrow.hooks import Hooks
from market import audit, notices, parties, runner_up, trades
from market.applications import lock_subject, lot_of, subject_of
from market.currencies import money_text
from market.second_chance_facts import (
    OFFER_STANDS,
    Offer,
    OfferKind,
    OfferRefusal,
    OfferState,
    Sale,
    offer_refusal,
)
from market.trades import TradeTerms
from migrations.queries import load_queries

if TYPE_CHECKING:
    from datetime import datetime

    from asyncpg import Record

    from escrow.desk import EscrowDesk
    from escrow.facts import Case, CaseEvent
    from migrations.database import Connection

_queries = load_queries("market", "second_chance")
_deposits = Deposits(Hooks())
"""Freeing tells nobody, so it needs none of the market's hooks."""


async def sale_of(conn: Connection, lot_id: int) -> Sale | None:
    """Where the lot stands after its close; None while it is not closed."""
    row = await conn.fetchrow(_queries.sale_of_lot, lot_id)
    return None if row is None else msgspec.convert(dict(row), Sale)


async def offer(
    conn: Connection, *, lot_id: int, actor_id: int, price_minor: int | None, now: datetime, as_operator: bool = False
) -> Offer | OfferRefusal:
    """The seller, or an operator for him, offers the lot to the best bidder who is left.

    After a default the price is that bidder's own highest bid, whatever was asked; below the reserve it is the seller's.
    """
    await lock_subject(conn, subject_of(lot_id))
    sale = await sale_of(conn, lot_id)
    if (refusal := offer_refusal(sale)) is not None:
        return refusal
    assert sale is not None and sale.kind is not None, "offer_refusal has looked"
    if sale.kind is OfferKind.BEST_SUPPLIER:
        after = await runner_up.best_supplier(conn, lot_id)
    else:
        after = await runner_up.next_bidder(conn, lot_id, sale.defaulted_ids)
    if after is None:
        return OfferRefusal.NOBODY_LEFT
    if sale.kind is OfferKind.HIGHEST_BIDDER:
        if price_minor is None:
            return OfferRefusal.PRICE_MISSING
        if price_minor < after.price_minor:
            return OfferRefusal.PRICE_UNDER_BID
        after = msgspec.structs.replace(after, price_minor=price_minor)
    made = await _make(conn, lot_id, sale, sale.kind, after, actor_id, now)
    if as_operator:
        detail = {"paddle": after.paddle, "price_minor": str(after.price_minor)}
        await audit.record(conn, actor_id, "lot.offered", f"lot:{lot_id}", None, detail, now)
    return made


async def accept(
    conn: Connection, desk: EscrowDesk, terms: TradeTerms, *, offer_id: int, party_id: int, now: datetime
) -> Offer | OfferRefusal:
    """The bidder takes the lot: contract and case, with his deposit counted if it was held for this."""
    found = await _lock(conn, offer_id, party_id, now)
    if isinstance(found, OfferRefusal):
        return found
    party = await parties.party_by_id(conn, party_id)
    if party is None or party.barred_at is not None:
        return OfferRefusal.OFFER_BARRED
    hammer = await _hammer(conn, found, now)
    case = await trades.open_deal(conn, hammer, hammer.awards[0], terms, desk)
    return await _end(conn, found, OfferState.ACCEPTED, now, case.id)


async def decline(conn: Connection, *, offer_id: int, party_id: int, now: datetime) -> Offer | OfferRefusal:
    """The bidder does not want the lot; a deposit that was held for the offer is his again."""
    found = await _lock(conn, offer_id, party_id, now)
    if isinstance(found, OfferRefusal):
        return found
    return await _ended_without_deal(conn, found, OfferState.DECLINED, now)


async def lapse_one(conn: Connection, now: datetime) -> bool:
    """End one offer whose time is up; False if there is none."""
    offer_id = await conn.fetchval(_queries.lapsed_offer, now)
    if offer_id is None:
        return False
    found = await offer_by_id(conn, offer_id)
    assert found is not None, "it was just locked"
    await _ended_without_deal(conn, found, OfferState.LAPSED, now)
    return True


async def next_lapse_at(conn: Connection) -> datetime | None:
    """When the next offer runs out."""
    at: datetime | None = await conn.fetchval(_queries.next_lapse_at)
    return at


async def offer_by_id(conn: Connection, offer_id: int) -> Offer | None:
    """One offer as it stands."""
    return _offer(await conn.fetchrow(_queries.offer_by_id, offer_id))


async def offers_of_lot(conn: Connection, lot_id: int) -> list[Offer]:
    """Every offer of a lot, the latest first."""
    return [msgspec.convert(dict(row), Offer) for row in await conn.fetch(_queries.offers_of_lot, lot_id)]


async def offers_of_party(conn: Connection, party_id: int) -> list[Offer]:
    """What was offered to the party, the latest first."""
    return [msgspec.convert(dict(row), Offer) for row in await conn.fetch(_queries.offers_of_party, party_id)]


async def on_case_changed(conn: Connection, case: Case, event: CaseEvent) -> None:
    """The escrow's call: the parties are told, and the runner-up waits no longer once it is known whether the winner pays."""
    await trades.on_case_changed(conn, case, event)
    lot_id = lot_of(case.subject)
    if lot_id is None or case.subject != subject_of(lot_id):
        return
    if event.to_state is State.DEFAULTED:
        await _after_default(conn, lot_id, event.at)
    elif event.to_state in (State.FUNDED, State.CANCELLED) and await runner_up.has_second_offer(conn, lot_id):
        await _deposits.free_deposits(conn, case.subject, None, event.at, except_parties=[case.buyer_id])


async def goods_are_free(conn: Connection, case: Case) -> bool:
    """The escrow's question before late money brings a defaulted sale back: that nobody else has the lot, or is being
    offered it. Of a lot with several buyers each has his own units, and only a new sale of the lot stands in the way.
    """
    lot_id = lot_of(case.subject)
    sale = None if lot_id is None else await sale_of(conn, lot_id)
    if lot_id is None or sale is None:
        return True
    has_the_whole = case.subject == subject_of(lot_id)
    return not (sale.is_offered or sale.relisted_as or (has_the_whole and sale.is_sold))


async def _after_default(conn: Connection, lot_id: int, now: datetime) -> None:
    """By the lot's rule the offer goes out by itself; else the seller is told what he can do."""
    sale = await sale_of(conn, lot_id)
    if sale is None or sale.kind is not OfferKind.RUNNER_UP or sale.is_offered:
        return
    after = await runner_up.next_bidder(conn, lot_id, sale.defaulted_ids)
    if after is not None and await runner_up.has_second_offer(conn, lot_id):
        await _make(conn, lot_id, sale, OfferKind.RUNNER_UP, after, None, now)
        return
    await _free(conn, lot_id, now)
    kind = "second_chance_none" if after is None else "second_chance_possible"
    await notices.notify(conn, [sale.seller_id], kind, _named(lot_id, sale), _after_sale(lot_id), now)


async def _make(
    conn: Connection,
    lot_id: int,
    sale: Sale,
    kind: OfferKind,
    after: runner_up.Next,
    actor_id: int | None,
    now: datetime,
) -> Offer:
    row = await conn.fetchrow(
        _queries.insert_offer,
        lot_id,
        after.party_id,
        kind,
        sale.currency,
        after.price_minor,
        actor_id,
        now,
        now + OFFER_STANDS,
    )
    made = _offer(row, after.paddle)
    assert made is not None, "the statement returns what it writes"
    params = {
        **_named(lot_id, sale),
        "sum": money_text(made.price_minor, made.currency),
        "due": made.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    await notices.notify(conn, [made.party_id], f"second_chance_{kind.value}", params, f"/offers/{made.id}", now)
    if actor_id != sale.seller_id:
        await notices.notify(conn, [sale.seller_id], "second_chance_made", params, _after_sale(lot_id), now)
    return made


async def _ended_without_deal(conn: Connection, found: Offer, state: OfferState, now: datetime) -> Offer:
    ended = await _end(conn, found, state, now, None)
    await _free(conn, found.lot_id, now)
    sale = await sale_of(conn, found.lot_id)
    assert sale is not None, "an offer is of a closed lot"
    params = _named(found.lot_id, sale)
    kind = f"second_chance_{state.value}"
    await notices.notify(conn, [sale.seller_id], kind, params, _after_sale(found.lot_id), now)
    if state is OfferState.LAPSED:
        await notices.notify(conn, [found.party_id], "second_chance_missed", params, f"/offers/{found.id}", now)
    return ended


async def _free(conn: Connection, lot_id: int, now: datetime) -> None:
    """No deposit of the lot waits for an offer any more."""
    await _deposits.free_deposits(conn, subject_of(lot_id), None, now)


async def _lock(conn: Connection, offer_id: int, party_id: int, now: datetime) -> Offer | OfferRefusal:
    found = await offer_by_id(conn, offer_id)
    if found is None or found.party_id != party_id:
        return OfferRefusal.NO_SUCH_OFFER
    await lock_subject(conn, subject_of(found.lot_id))
    locked = _offer(await conn.fetchrow(_queries.lock_offer, offer_id), found.paddle)
    assert locked is not None, "offers are never deleted"
    return locked if locked.is_open(now) else OfferRefusal.OFFER_ENDED


async def _end(conn: Connection, found: Offer, state: OfferState, now: datetime, case_id: int | None) -> Offer:
    ended = _offer(await conn.fetchrow(_queries.end_offer, found.id, state, now, case_id), found.paddle)
    assert ended is not None, "the statement returns what it writes"
    return ended


async def _hammer(conn: Connection, found: Offer, now: datetime) -> Hammer:
    """The lot's close as if it had fallen to this bidder at this price now: the time to pay counts from the yes."""
    room = (await store.rooms(conn, [found.lot_id]))[found.lot_id]
    standing, lot = room.standing, room.lot
    assert standing.closed_at is not None, "an offer is of a closed lot"
    return Hammer(
        lot_id=lot.id,
        seller_id=lot.seller_id,
        currency=lot.currency,
        outcome=Outcome.SOLD,
        winner_id=found.party_id,
        winner_paddle=found.paddle,
        price_minor=found.price_minor,
        closed_at=standing.closed_at,
        struck_at=now,
        seq=standing.seq,
        head=standing.head,
        admitted_ids=(),
        format=format_name(lot),
        awards=(Award(party_id=found.party_id, paddle=found.paddle, quantity=1, total_minor=found.price_minor),),
    )


def _named(lot_id: int, sale: Sale) -> dict[str, str | int]:
    return {
        "lot": lot_id,
        "title_en": sale.title_en or sale.title_zh,
        "title_zh": sale.title_zh or sale.title_en,
    }


def _after_sale(lot_id: int) -> str:
    return f"/sell/lots/{lot_id}/after"


def _offer(row: Record | None, paddle: int | None = None) -> Offer | None:
    if row is None:
        return None
    return msgspec.convert({**row, **({} if paddle is None else {"paddle": paddle})}, Offer)
