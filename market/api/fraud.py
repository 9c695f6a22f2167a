"""The API's part against shill bidding, for operators: links, the shill score, co-bidding pairs, the bar."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from market import fraud_bars, shill_records
from market.api.operations import Call, granted, operation
from market.api.shapes import Id, Listed, Paging, Reason
from market.fraud_facts import Link, LinkKind, LinkState
from market.shill_score import THRESHOLD, Trait

Share = Annotated[float, Meta(ge=0, le=1)]
Score = Annotated[float, Meta(ge=0, le=10)]


class LinkShape(Struct, kw_only=True):
    """A fact that links a bidder with a seller. `barring`: not admitted to the seller's lots."""

    id: int
    seller_id: int
    bidder_id: int
    kind: LinkKind
    source: str
    state: LinkState
    found_at: datetime
    decided_by: int | None
    decided_at: datetime | None
    reason: str | None


class LinkQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    state: LinkState | None = None


class LinkDecision(Struct, kw_only=True, forbid_unknown_fields=True):
    """`bars` true: the bidder is kept from the seller's lots; false: the link is cleared."""

    bars: bool
    reason: Reason


class BarWish(Struct, kw_only=True, forbid_unknown_fields=True):
    seller_id: Id
    bidder_id: Id
    reason: Reason


class TraitShape(Struct, kw_only=True):
    trait: Trait
    value: Share


class SuspicionShape(Struct, kw_only=True):
    """One bidder on one seller's lots; `suspect` from the threshold on. The gravest trait comes first."""

    bidder_id: int
    seller_id: int
    score: Score
    suspect: bool
    lots: int
    seller_lots: int
    wins: int
    bids: int
    traits: list[TraitShape]
    lot_ids: list[int]


class PairShape(Struct, kw_only=True):
    """Two bidders on one seller's lots: `together` of `either`, and how often they met on others'."""

    bidder_ids: Annotated[list[int], Meta(min_length=2, max_length=2)]
    seller_id: int
    together: int
    either: int
    elsewhere: int
    wins: int
    lot_ids: list[int]


class SuspicionsShape(Struct, kw_only=True):
    threshold: Score
    suspicions: list[SuspicionShape]
    pairs: list[PairShape]


@operation("GET", "/fraud/links", tag="operator")
async def seller_links(call: Call, query: LinkQuery) -> Listed[LinkShape]:
    """Links between bidders and sellers, the newest first."""
    rows, total = await fraud_bars.links_page(
        call.conn, query.state, query.page_size, (query.page - 1) * query.page_size
    )
    pages = max(1, -(-total // query.page_size))
    return Listed(items=[_link(row) for row in rows], page=query.page, pages=pages, total=total)


@operation("POST", "/fraud/links/{link_id:int}/decision", tag="operator")
async def decide_link(call: Call, link_id: int, body: LinkDecision) -> LinkShape:
    """Bar by a link, or clear it, with the reason."""
    done = await fraud_bars.decide(
        call.conn, link_id=link_id, bars=body.bars, operator_id=call.viewer.id, reason=body.reason, now=call.now
    )
    return _link(granted(done))


@operation("GET", "/fraud/suspicions", tag="operator")
async def suspicions(call: Call) -> SuspicionsShape:
    """The highest shill scores and the closest pairs of bidders, of open and closed lots of the last year."""
    found = await shill_records.suspected(call.conn, call.now)
    return SuspicionsShape(
        threshold=THRESHOLD,
        suspicions=[
            SuspicionShape(
                bidder_id=each.bidder_id,
                seller_id=each.seller_id,
                score=each.score,
                suspect=each.is_suspect,
                lots=each.lots,
                seller_lots=each.seller_lots,
                wins=each.wins,
                bids=each.bids,
                traits=[TraitShape(trait=trait, value=value) for trait, value in each.traits],
                lot_ids=list(each.lot_ids),
            )
            for each in found.suspicions
        ],
        pairs=[
            PairShape(
                bidder_ids=list(pair.bidder_ids),
                seller_id=pair.seller_id,
                together=pair.together,
                either=pair.either,
                elsewhere=pair.elsewhere,
                wins=pair.wins,
                lot_ids=list(pair.lot_ids),
            )
            for pair in found.pairs
        ],
    )


@operation("POST", "/fraud/bars", tag="operator", status=201)
async def bar_from_seller(call: Call, body: BarWish) -> LinkShape:
    """Keep a bidder from one seller's lots, with the reason; his admissions to open ones are taken back."""
    done = await fraud_bars.bar_from_seller(
        call.conn,
        seller_id=body.seller_id,
        bidder_id=body.bidder_id,
        operator_id=call.viewer.id,
        reason=body.reason,
        now=call.now,
    )
    return _link(granted(done))


def _link(link: Link) -> LinkShape:
    return LinkShape(
        id=link.id,
        seller_id=link.seller_id,
        bidder_id=link.bidder_id,
        kind=link.kind,
        source=link.source,
        state=link.state,
        found_at=link.found_at,
        decided_by=link.decided_by,
        decided_at=link.decided_at,
        reason=link.reason,
    )
