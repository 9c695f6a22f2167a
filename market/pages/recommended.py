"""Recommended partners for one's own post: who fits best, each reason with its points, and the way to a negotiation."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from market.house import house_of
from market.matching.finding import partners_of
from market.matching.partners import SHOWN_TO_KM, Part, PartKind
from market.pages.desk_forms import texts
from market.rendering import render
from market.trading import posts, public, search
from market.trading import store as trading_store


async def partners_of_post(request: Request) -> Response:
    """The viewer's own post beside those that it could be traded with."""
    house, now = house_of(request), house_of(request).node_time.now()
    async with house.pool.acquire() as conn:
        post = await posts.post_by_id(conn, request.path_params["post_id"])
        if post is None or post.party_id != request.user.id:
            raise HTTPException(404)
        found = await partners_of(conn, post, now) if post.is_open(now) else []
        names = await search.party_names(conn, [other.id for _, other in found])
        category = next(one for one in await trading_store.categories(conn) if one.code == post.category)
    secret, text = house.config.secret_key, texts(request)
    rows = [
        {
            "partner": partner,
            "post": other,
            "party": names.get(other.id) or text("trading.alias", alias=public.alias(secret, other.id)),
            "reasons": [(part, _reason(request, part)) for part in partner.parts],
        }
        for partner, other in found
    ]
    return render(
        request,
        "boards/partners.html",
        {"post": post, "rows": rows, "is_open": post.is_open(now), "unit": category.unit},
    )


def _reason(request: Request, part: Part) -> str:
    """The sentence of one part, with its figures where it has any."""
    text, figures = texts(request), part.figures
    key = f"partners.why_{part.kind.value}"
    if part.kind is PartKind.PRICE:
        if not figures:
            return text(f"{key}_unknown")
        return (
            text(f"{key}_apart", percent=f"{figures['apart_bp'] / 100:g}")
            if figures["apart_bp"]
            else text(f"{key}_meets")
        )
    if part.kind is PartKind.DISTANCE:
        return _distance(request, part) if figures else text(f"{key}_unknown")
    if part.kind is PartKind.ATTRIBUTES and not figures["named"]:
        return text(f"{key}_unknown")
    if part.kind is PartKind.REPUTATION and not figures["completed"] and not figures["claims_lost"]:
        return text(f"{key}_unknown")
    return text(key, **figures)


def _distance(request: Request, part: Part) -> str:
    km, step = part.figures["km"], part.figures["step_km"]
    if km == 0:
        return texts(request)("partners.why_distance_near", step=step)
    about = "region" if step > SHOWN_TO_KM else "km"
    return texts(request)(f"partners.why_distance_{about}", km=f"{km:,}", step=step)


routes = [Route("/market/posts/{post_id:int}/partners", partners_of_post, name="partners_of_post")]
