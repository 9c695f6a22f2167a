"""The house: what every handler may need, made once when the server starts and found at `request.app.state.house`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

if TYPE_CHECKING:
    from asyncpg import Pool
    from jinja2 import Environment

    from auction.bidding import Bidding
    from auction.closings import Closings
    from auction.hub import Hub
    from auction.node_time import NodeTime
    from market.catalogue import Catalogue
    from market.config import Config
    from market.metrics import Metrics
    from market.passphrases import Passphrases


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Parts that live as long as the server. Whatever opens or closes is opened and closed by `market.app`."""

    config: Config
    pool: Pool
    node_time: NodeTime
    hub: Hub
    bidding: Bidding
    closings: Closings
    live: Callable[[WebSocket], Awaitable[None]]
    """The socket's endpoint."""
    catalogue: Catalogue
    templates: Environment
    passphrases: Passphrases
    metrics: Metrics

    def close_party(self, party_id: int) -> None:
        """Close the party's sockets: it signed out somewhere, or may now do other things than when they opened."""
        self.hub.close_party(party_id)


def house_of(connection: HTTPConnection) -> House:
    """The house behind a request or a socket."""
    house = connection.app.state.house
    assert isinstance(house, House)
    return house
