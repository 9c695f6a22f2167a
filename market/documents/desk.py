"""The trade documents of an open house: the hooks of its deals, what receives, what sends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from market.documents.acts import Tools
from market.documents.collecting import Collector
from market.documents.folders import Folders
from market.documents.papers import PapersClock
from market.documents.receiving import Desk
from market.documents.sending import Outbox
from market.documents.sentences import flaw_text
from market.documents.steps import DocumentSteps
from market.documents.webhooks import Courier
from market.trading.public import alias

if TYPE_CHECKING:
    from escrow.settlement import Settlement
    from market.catalogue import Catalogue
    from market.config import Config
    from market.contracting.signing import Contracting
    from market.delivery.desk import DeliveryDesk
    from market.negotiation.desk import NegotiationDesk
    from migrations.database import Pool


def steps_of(config: Config) -> DocumentSteps:
    """The hooks; they are needed before the services that call them."""
    return DocumentSteps(config.edi_code, partial(alias, config.secret_key))


class Documents:
    """`papers`, `outbox` and `collector` are run once each in the house's task group."""

    def __init__(
        self,
        config: Config,
        pool: Pool,
        now: Callable[[], datetime],
        catalogue: Catalogue,
        steps: DocumentSteps,
        negotiations: NegotiationDesk,
        contracting: Contracting,
        settlement: Settlement,
        delivery: DeliveryDesk,
    ) -> None:
        self.steps = steps
        tools = Tools(
            negotiations=negotiations,
            contracting=contracting,
            settlement=settlement,
            delivery=delivery,
            alias=partial(alias, config.secret_key),
        )
        self.desk = Desk(house=steps.house, tools=tools, sentence=lambda flaw: flaw_text(flaw, catalogue, "en"))
        courier = Courier(may_be_private=config.partner_networks == "any")
        folders = Folders(config.partner_folder)
        self.outbox = Outbox(pool, now, courier, folders, self.desk, config.secret_key)
        self.papers = PapersClock(pool, now, steps.house)
        self.collector = Collector(pool, now, folders, self.desk)
