"""The application: every route behind its row of the authorization table, behind the door. Composes, and does nothing else.

From outside in: headers, measuring, the net for bugs, the door, who it is, then the guard of the route.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from market import api, health
from market.api import documents as edi
from market.assets import Assets
from market.authorization import guarded
from market.config import Config
from market.crashes import Crashes
from market.door import Door
from market.house import house_of
from market.metrics import Measured, Metrics
from market.opening import host_names, open_house
from market.pages import (
    account,
    after_sale,
    api_docs,
    boards,
    carrier_webhook,
    case_files,
    checkout,
    cheques,
    claims,
    confirmation,
    contracts,
    deals,
    delivery,
    documents,
    formalities,
    identity,
    lot,
    market_data,
    my_bids,
    negotiations,
    notices,
    openings,
    operator_batches,
    operator_boards,
    operator_chargebacks,
    operator_claims,
    operator_days,
    operator_fees,
    operator_fraud,
    operator_lots,
    operator_money,
    operator_payouts,
    operator_quarantine,
    operator_queues,
    operator_rights,
    operator_sales,
    operator_statements,
    partners,
    phone,
    photos,
    pki,
    proofs,
    receipts,
    recommended,
    recorder,
    rehearsal,
    sales,
    saved_searches,
    sell,
    settings,
    top_up,
    trading,
    trading_categories,
    trading_posts,
    wallet,
    wallet_manager,
)
from market.problems import HANDLERS
from market.security_headers import SecurityHeaders
from market.visiting import Visiting


async def live(websocket: WebSocket) -> None:
    """The one socket of a tab."""
    await house_of(websocket).live.endpoint(websocket)


async def bank_webhook(request: Request) -> Response:
    """The bank's signed notices."""
    return await house_of(request).bank_webhook(request)


def all_routes() -> list[BaseRoute]:
    """Every route of the house, by area."""
    return [
        *health.routes,
        Assets.find().mount(),
        Assets.find().favicon(),
        WebSocketRoute("/live", live, name="live"),
        Route("/webhooks/bank", bank_webhook, name="bank_webhook", methods=["POST"]),
        *account.routes,
        *settings.routes,
        *notices.routes,
        *lot.routes,
        *photos.routes,
        *proofs.routes,
        *receipts.routes,
        *rehearsal.routes,
        *sell.routes,
        *after_sale.routes,
        *my_bids.routes,
        *sales.routes,
        *operator_lots.routes,
        *operator_fraud.routes,
        *operator_rights.routes,
        *operator_sales.routes,
        *openings.routes,
        *deals.routes,
        *case_files.routes,
        *trading.routes,
        *trading_posts.routes,
        *saved_searches.routes,
        *market_data.routes,
        *trading_categories.routes,
        *boards.routes,
        *operator_boards.routes,
        *recommended.routes,
        *negotiations.routes,
        *documents.routes,
        *partners.routes,
        *edi.routes,
        *contracts.routes,
        *formalities.routes,
        *identity.routes,
        *pki.routes,
        *delivery.routes,
        *carrier_webhook.routes,
        *claims.routes,
        *operator_claims.routes,
        *operator_chargebacks.routes,
        *confirmation.routes,
        *wallet.routes,
        *wallet_manager.routes,
        *cheques.routes,
        *recorder.routes,
        *top_up.routes,
        *checkout.routes,
        *phone.routes,
        *operator_money.routes,
        *operator_queues.routes,
        *operator_quarantine.routes,
        *operator_payouts.routes,
        *operator_batches.routes,
        *operator_statements.routes,
        *operator_days.routes,
        *operator_fees.routes,
        *api_docs.routes,
        *api.routes(),
    ]


def build_app(config: Config) -> Starlette:
    """The application; the house opens in its lifespan. Raises RouteWithoutRow for a route that nobody decided about."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_house(config, metrics) as house:
            app.state.house = house
            yield

    app = Starlette(
        routes=guarded(all_routes()),
        middleware=[
            Middleware(SecurityHeaders, https=config.origin.startswith("https:")),
            Middleware(Measured, metrics=metrics),
            Middleware(Crashes, metrics=metrics),
            Middleware(Door, hosts=host_names(config)),
            Middleware(Visiting),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    # A redirect to another spelling of the path would be answered before the guard; no link needs one.
    app.router.redirect_slashes = False
    return app
