"""What a partner's document does: the act that its party would take on the page, by the same services, in one transaction.

Where the law wants a signature, the document stands for it if both parties have agreed to that (`market.edi_consent`);
without, an order still accepts and the contract waits for signatures by key. Whoever gets an objection rolls back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from market.documents import carrying, negotiating, ordering, performing
from market.documents.acts import From, Outcome, Tools
from market.documents.flaws import Code, Why
from market.documents.objections import Objection
from market.documents.records import (
    DespatchAdvice,
    Invoice,
    Order,
    OrderChange,
    OrderResponse,
    Quotation,
    ReceiptAdvice,
    Record,
    RemittanceAdvice,
    RequestForQuotation,
    TransportInstruction,
)
from market.documents.steps import OWN_NUMBER

if TYPE_CHECKING:
    from migrations.database import Connection


async def apply(conn: Connection, tools: Tools, record: Record, sender: From) -> Outcome:
    """Do what the document says."""
    handlers: dict[type, Callable[[Connection, Tools, Any, From], Awaitable[Outcome]]] = {
        RequestForQuotation: negotiating.ask,
        Quotation: negotiating.offer,
        Order: ordering.order,
        OrderResponse: ordering.respond,
        OrderChange: ordering.amend,
        TransportInstruction: carrying.book,
        DespatchAdvice: performing.ship,
        ReceiptAdvice: performing.confirm,
        Invoice: performing.check_invoice,
        RemittanceAdvice: performing.check_remittance,
    }
    handler = handlers.get(type(record))
    if handler is None:
        return Objection(why=Why.NOT_RECEIVED_HERE, what="document", code=Code.NOT_SUPPORTED_HERE)
    token = OWN_NUMBER.set(record.number)
    try:
        return await handler(conn, tools, record, sender)
    finally:
        OWN_NUMBER.reset(token)
