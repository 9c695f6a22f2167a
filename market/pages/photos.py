"""Photos on the wire: `/photos/{id}/{size}.webp`, kept by browsers for ever, because a photo's bytes never change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from market import photos
from market.house import house_of
from market.problems import Problem, ProblemError

if TYPE_CHECKING:
    from starlette.requests import Request

FOR_EVERYONE = "public, max-age=31536000, immutable"
FOR_ITS_SELLER = "private, max-age=31536000, immutable"


async def photo(request: Request) -> Response:
    """One size of a photo. A draft's photo is for its seller and the operators; to others there is none."""
    size = str(request.path_params["size"])
    if size not in {str(one) for one in photos.SIZES}:
        raise ProblemError(Problem.NOT_FOUND)
    photo_id = int(request.path_params["photo_id"])
    async with house_of(request).pool.acquire() as conn:
        found = await photos.photo_bytes(conn, photo_id, int(size)) if photo_id < 2**63 else None
    viewer = request.user
    if found is None or not (found.public or viewer.is_operator or viewer.party_id == found.seller_id):
        raise ProblemError(Problem.NOT_FOUND)
    headers = {
        "Cache-Control": FOR_EVERYONE if found.public else FOR_ITS_SELLER,
        "Content-Disposition": "inline",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(found.webp, media_type="image/webp", headers=headers)


routes = [Route("/photos/{photo_id:int}/{size}.webp", photo, name="photo")]
