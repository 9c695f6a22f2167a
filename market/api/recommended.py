"""Recommended partners by program."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from market.api.operations import Call, operation
from market.matching.finding import partners_of
from market.matching.partners import PartKind
from market.problems import Problem, ProblemError
from market.trading import posts

Points = Annotated[int, Meta(ge=0, le=100)]


class PartOut(Struct, kw_only=True):
    """One reason. The score is the weighted mean of the points, rounded down."""

    kind: PartKind
    points: Points
    weight: int
    figures: dict[str, int]


class PartnerOut(Struct, kw_only=True):
    """A post that fits the viewer's own; nobody is named."""

    post_id: int
    score: Points
    parts: list[PartOut]


class PartnerList(Struct, kw_only=True):
    items: list[PartnerOut]


class PartnersQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


@operation("GET", "/posts/{post_id:int}/partners", tag="boards")
async def post_partners(call: Call, post_id: int, query: PartnersQuery) -> PartnerList:
    """Posts of others that fit one of the viewer's own best, with every reason. Open a negotiation on the one picked."""
    post = await posts.post_by_id(call.conn, post_id)
    if post is None or post.party_id != call.viewer.id:
        raise ProblemError(Problem.NOT_FOUND)
    found = await partners_of(call.conn, post, call.now, query.limit) if post.is_open(call.now) else []
    return PartnerList(
        items=[
            PartnerOut(
                post_id=partner.post_id,
                score=partner.score,
                parts=[
                    PartOut(kind=part.kind, points=part.points, weight=part.weight, figures=dict(part.figures))
                    for part in partner.parts
                ],
            )
            for partner, _ in found
        ]
    )
