"""The house: what every handler may need, made once when the server starts and found at `request.app.state.house`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

if TYPE_CHECKING:
    from jinja2 import Environment

    from auction.bidding import Bidding
    from auction.heads import Heads
    from auction.hub import Hub
    from auction.live import Live
    from auction.node_time import NodeTime
    from escrow.bank_client import BankClient
    from escrow.card_payments import CardPayments
    from escrow.clock import EscrowClock
    from escrow.desk import EscrowDesk
    from escrow.payouts import Centre
    from escrow.vault_client import VaultClient
    from market.book_seals import BookSeals
    from market.catalogue import Catalogue
    from market.config import Config
    from market.contracting.signing import Contracting
    from market.delivery.desk import DeliveryDesk
    from market.documents.desk import Documents
    from market.limits import Buckets
    from market.matching.commits import BoardCommits
    from market.metrics import Metrics
    from market.negotiation.desk import NegotiationDesk
    from market.passphrases import Passphrases
    from migrations.database import Connection, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Parts that live as long as the server. Whatever opens or closes is opened and closed by `market.opening`."""

    config: Config
    pool: Pool
    node_time: NodeTime
    hub: Hub
    bidding: Bidding
    escrow: EscrowDesk
    escrow_clock: EscrowClock
    bank: BankClient
    """The way to the house's bank."""
    card_payments: CardPayments
    centre: Centre
    """The house's own accounts at its bank, where buyers pay to."""
    live: Live
    heads: Heads
    """Signs the heads of the logs, and whatever else the house puts its name to."""
    book_seals: BookSeals
    """Seals the ledger, and makes the parties' receipts."""
    vault: VaultClient
    """Keeps the parties' cards and signing keys; the house itself never sees one."""
    delivery: DeliveryDesk
    """What sellers book with carriers, and what these report."""
    negotiations: NegotiationDesk
    """The steps of negotiations between traders."""
    boards: BoardCommits
    """Orders on boards, each board's in one transaction together."""
    documents: Documents
    """Trade documents: made at each step of a deal, sent to partners' systems, received from them."""
    contracting: Contracting
    """What signing contracts needs: the escrow, the house's key, its certification authority."""
    bank_webhook: Callable[[Request], Awaitable[Response]]
    """Where the bank's signed notices arrive."""
    late_clocks: Callable[[Connection], Awaitable[Sequence[str]]]
    """The names of the clocks that are not in order; none when all are."""
    catalogue: Catalogue
    templates: Environment
    passphrases: Passphrases
    buckets: Buckets
    metrics: Metrics

    def close_party(self, party_id: int) -> None:
        """Close the party's sockets: it signed out somewhere, or may now do other things than when they opened."""
        self.hub.close_party(party_id)


def house_of(connection: HTTPConnection) -> House:
    """The house behind a request or a socket."""
    house = connection.app.state.house
    assert isinstance(house, House)
    return house
