"""The API under `/api/v1`: what the browser can do, with tokens. One file an area; each function there is an operation."""

from __future__ import annotations

from functools import cache

from starlette.routing import BaseRoute


@cache
def routes() -> tuple[BaseRoute, ...]:
    """Every route of the API, and the two documents that describe it."""
    from market import openapi
    from market.api import (
        account,
        bids,
        boards,
        case_files,
        cashier,
        chargebacks,
        checkout,
        claims,
        contracts,
        deals,
        delivery,
        desk,
        desk_books,
        differences,
        documents,
        fees,
        fraud,
        identity,
        listings,
        lot_desk,
        lots,
        market_data,
        money,
        negotiations,
        offers,
        openings,
        partners,
        payout_files,
        phone,
        posts,
        proofs,
        receipts,
        recommended,
        sales,
        vault,
        wallet,
    )
    from market.api.operations import routes_of

    areas = (
        account,
        lots,
        listings,
        lot_desk,
        bids,
        posts,
        market_data,
        boards,
        offers,
        sales,
        openings,
        proofs,
        deals,
        delivery,
        documents,
        partners,
        case_files,
        claims,
        chargebacks,
        negotiations,
        contracts,
        identity,
        wallet,
        vault,
        checkout,
        cashier,
        phone,
        receipts,
        recommended,
        money,
        desk,
        desk_books,
        differences,
        payout_files,
        fees,
        fraud,
    )
    return (*(route for area in areas for route in routes_of(area.__name__)), *openapi.routes)
