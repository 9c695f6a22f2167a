"""The trade confirmation of a sold lot, to read and to print. Only its two parties and operators may open it."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from market import deals_store
from market.confirmation import Confirmation, confirmation
from market.contracts import ContractTerms
from market.deals_store import Deal
from market.house import House, house_of
from market.rendering import render
from market.viewer import Viewer


async def confirmation_page(request: Request) -> Response:
    """The document; 404 for everyone whom it does not concern."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        asked = request.query_params.get("case", "")
        case_id = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else None
        deal = await deals_store.deal_of_lot(conn, request.path_params["lot_id"], request.user.party_id, case_id)
    if deal is None or not may_read(deal, request.user):
        raise HTTPException(404)
    return render(request, "deal/confirmation.html", {"paper": paper_of(deal, house)})


def may_read(deal: Deal, viewer: Viewer) -> bool:
    """The names of buyer and seller are told to each other and to operators, and to nobody else."""
    return viewer.is_operator or viewer.id in (deal.buyer_id, deal.seller_id)


def paper_of(deal: Deal, house: House) -> Confirmation:
    """The document of a deal."""
    assert isinstance(deal.terms, ContractTerms), "a lot's deal is a hammer's"
    return confirmation(
        deal.terms,
        case_id=deal.case_id,
        contract_sha256=deal.terms_sha256,
        code=deal.verification_code,
        catalogue=house.catalogue,
    )


routes = [Route("/lots/{lot_id:int}/confirmation", confirmation_page, name="confirmation")]
