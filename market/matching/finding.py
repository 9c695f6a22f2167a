"""Finding partners for a post: the open posts of the other side with their parties' names, scored by `partners`.

The name of a party that asked for anonymity counts as unknown: what it has done before could tell who it is. Of anybody's
point on the map no more than a cell of a fixed grid goes into the score, a far larger one of whoever is anonymous.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from market.matching.facts import Side
from market.matching.partners import (
    CELL,
    CELL_OF_ANONYMOUS,
    Offered,
    Partner,
    Reputation,
    middle_of_cell,
    recommended,
)
from market.trading.store import post_of
from migrations.queries import load_queries

if TYPE_CHECKING:
    from market.trading.facts import Post
    from migrations.database import Connection

MOST_LOOKED_AT = 1_000
_queries = load_queries("market", "boards")


async def partners_of(conn: Connection, post: Post, now: datetime, most: int = 20) -> list[tuple[Partner, Post]]:
    """The best partners for a post with their own posts, the best first."""
    rows = await conn.fetch(
        _queries.partner_posts,
        post.category,
        post.currency,
        post.side.other.value,
        post.party_id,
        now,
        MOST_LOOKED_AT,
    )
    others = {one.id: one for one in map(post_of, rows)}
    named = {one.party_id for one in others.values() if not one.anonymous}
    known = {
        row["party_id"]: Reputation(completed=row["completed"], claims_lost=row["claims_lost"])
        for row in await conn.fetch(_queries.reputations, list(named))
    }
    # An anonymous post's party is nobody here, so that no name of his is looked up.
    offers = [_offered(one, 0 if one.anonymous else one.party_id) for one in others.values()]
    own = replace(_offered(post, post.party_id), latitude=post.latitude, longitude=post.longitude)
    return [(one, others[one.post_id]) for one in recommended(own, offers, known, most)]


def _offered(post: Post, party_id: int) -> Offered:
    cell = CELL_OF_ANONYMOUS if post.anonymous else CELL
    return Offered(
        post_id=post.id,
        party_id=party_id,
        side=Side(post.side.value),
        price_minor=post.price_minor,
        quantity=post.open_quantity,
        smallest=post.smallest_take,
        country=post.country,
        latitude=middle_of_cell(post.latitude, 90, cell),
        longitude=middle_of_cell(post.longitude, 180, cell),
        first=post.delivery_from,
        last=post.delivery_to,
        attributes=post.attributes,
        anonymous=post.anonymous,
    )
