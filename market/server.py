"""How uvicorn is set up to carry the house: bounded heads, our own socket protocol, no compression, no banner."""

from __future__ import annotations

import uvicorn
from starlette.applications import Starlette

from auction.hub import HubProtocol
from market.config import Config
from market.http_protocol import BoundedHttpProtocol

SOCKET_MESSAGE_BYTES = 16 * 1024
GRACE_SECONDS = 10


def server_config(config: Config, app: Starlette) -> uvicorn.Config:
    """The configuration for `uvicorn.Server`."""
    return uvicorn.Config(
        app,
        host=config.host,
        port=config.port,
        http=BoundedHttpProtocol,
        ws=HubProtocol,
        ws_max_size=SOCKET_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(config.trusted_proxies),
        forwarded_allow_ips=list(config.trusted_proxies) or None,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
