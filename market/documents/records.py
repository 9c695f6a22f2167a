"""What each document says, once, for both spellings: EDIFACT and UBL are written from these records and read into them. Pure.

Money is an int of minor units beside its currency and exponent. A party is named by a code: its GLN, or the house's own
number for it (`P` and the party's number).
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import msgspec
from msgspec import Struct


class Kind(StrEnum):
    """The ten documents in their order, and the answer to each."""

    REQOTE = "reqote"
    QUOTES = "quotes"
    ORDERS = "orders"
    ORDRSP = "ordrsp"
    ORDCHG = "ordchg"
    IFTMIN = "iftmin"
    DESADV = "desadv"
    RECADV = "recadv"
    REMADV = "remadv"
    INVOIC = "invoic"
    CONTRL = "contrl"


class Agency(StrEnum):
    """Who gave a party its code."""

    GLN = "gln"
    HOUSE = "house"


class ReferenceKind(StrEnum):
    """What a reference points to."""

    POST = "post"
    REQUEST = "request"
    OFFER = "offer"
    ORDER = "order"
    CONTRACT = "contract"
    DESPATCH = "despatch"
    INVOICE = "invoice"
    PAYMENT = "payment"
    DEAL = "deal"
    TRANSPORT = "transport"


class Verdict(StrEnum):
    """What a seller answers to an order."""

    ACCEPTED = "accepted"
    CHANGED = "changed"
    REJECTED = "rejected"


class LineAct(StrEnum):
    """What an amendment does to a line."""

    ADDED = "added"
    DELETED = "deleted"
    CHANGED = "changed"
    SAME = "same"


class Party(Struct, frozen=True, kw_only=True):
    code: str
    agency: Agency = Agency.HOUSE
    name: str = ""


class Reference(Struct, frozen=True, kw_only=True):
    kind: ReferenceKind
    number: str


class Item(Struct, frozen=True, kw_only=True):
    """Goods without a price: as many as are sent, carried or received. `rejected` of those received were refused."""

    n: int
    title_en: str
    title_zh: str = ""
    article: str = ""
    quantity: int
    unit: str
    rejected: int = 0


class Line(Struct, frozen=True, kw_only=True):
    """Goods at a price per unit; an inquiry may name none."""

    n: int
    title_en: str
    title_zh: str = ""
    article: str = ""
    quantity: int
    unit: str
    unit_price_minor: int | None = None
    attributes: dict[str, str] = {}
    act: LineAct = LineAct.SAME

    @property
    def sum_minor(self) -> int | None:
        return None if self.unit_price_minor is None else self.quantity * self.unit_price_minor


class Place(Struct, frozen=True, kw_only=True):
    """Where and when the goods change hands: an Incoterms code, its place, the days from and to, how they travel."""

    term: str
    country: str
    place: str
    from_date: date
    to_date: date
    transport: str = "any"
    partial: bool = False


class Address(Struct, frozen=True, kw_only=True):
    """Where goods are collected or delivered: what stands on the label below the name."""

    street: str
    city: str
    postcode: str = ""
    country: str
    phone: str = ""


class _Heading(Struct, frozen=True, kw_only=True):
    number: str
    issued_at: datetime
    """To the minute, in UTC."""
    buyer: Party
    seller: Party
    references: tuple[Reference, ...] = ()
    note: str = ""

    def reference(self, kind: ReferenceKind) -> str:
        """The number of that kind which the document refers to; empty for none."""
        return next((each.number for each in self.references if each.kind is kind), "")


class _Priced(_Heading, frozen=True, kw_only=True):
    currency: str
    exponent: int
    lines: tuple[Line, ...]
    delivery: Place | None = None
    pay_within_hours: int | None = None

    @property
    def total_minor(self) -> int:
        """The sum of the lines that have a price and are not deleted."""
        return sum(line.sum_minor or 0 for line in self.lines if line.act is not LineAct.DELETED)


class RequestForQuotation(_Priced, frozen=True, kw_only=True, tag_field="document", tag="reqote"):
    valid_until: datetime | None = None


class Quotation(_Priced, frozen=True, kw_only=True, tag_field="document", tag="quotes"):
    valid_until: datetime | None = None


class Order(_Priced, frozen=True, kw_only=True, tag_field="document", tag="orders"):
    pass


class OrderResponse(_Priced, frozen=True, kw_only=True, tag_field="document", tag="ordrsp"):
    verdict: Verdict = Verdict.ACCEPTED


class OrderChange(_Priced, frozen=True, kw_only=True, tag_field="document", tag="ordchg"):
    pass


class TransportInstruction(_Heading, frozen=True, kw_only=True, tag_field="document", tag="iftmin"):
    """To the carrier. The seller sends, the buyer receives; each goes by the name on the label. A hammer's deal has no
    terms of delivery; what was written before a document had addresses has none.
    """

    carrier: Party
    items: tuple[Item, ...]
    delivery: Place | None = None
    pick_up_on: date | None = None
    collect_from: Address | None = None
    deliver_to: Address | None = None
    packages: int | None = None
    weight_grams: int | None = None


class DespatchAdvice(_Heading, frozen=True, kw_only=True, tag_field="document", tag="desadv"):
    shipped_at: datetime
    carrier_name: str = ""
    tracking_number: str = ""
    items: tuple[Item, ...]


class ReceiptAdvice(_Heading, frozen=True, kw_only=True, tag_field="document", tag="recadv"):
    received_at: datetime
    items: tuple[Item, ...]


class Deduction(Struct, frozen=True, kw_only=True):
    """What the seller is not paid of the price: the house's `commission` and `fees`, his own `reserve`; or a `refund`."""

    reason: str
    amount_minor: int


class RemittanceAdvice(_Heading, frozen=True, kw_only=True, tag_field="document", tag="remadv"):
    """The house has freed the seller's money: what was invoiced, what it keeps, what it pays."""

    payer: Party
    currency: str
    exponent: int
    paid_on: date
    invoice_number: str
    invoiced_minor: int
    deductions: tuple[Deduction, ...] = ()
    remitted_minor: int


class Invoice(_Priced, frozen=True, kw_only=True, tag_field="document", tag="invoic"):
    """`prepaid_minor` lies in escrow already; what is left is due."""

    prepaid_minor: int = 0

    @property
    def due_minor(self) -> int:
        return self.total_minor - self.prepaid_minor


class SegmentFault(Struct, frozen=True, kw_only=True):
    """A place in a message and the code of what is wrong there."""

    segment: int
    code: int
    element: int = 0
    component: int = 0


class MessageVerdict(Struct, frozen=True, kw_only=True):
    """What became of one message."""

    reference: str
    type: str
    version: str = "D"
    release: str = "96A"
    accepted: bool
    code: int = 0
    faults: tuple[SegmentFault, ...] = ()


class Control(Struct, frozen=True, kw_only=True, tag_field="document", tag="contrl"):
    """The answer to an interchange: taken whole, or refused whole, and what was wrong where. `why` is UBL's sentence."""

    number: str
    issued_at: datetime
    reference: str
    sender: str
    """Of the interchange that is answered, as it named itself; so too the recipient."""
    recipient: str
    sender_qualifier: str = ""
    recipient_qualifier: str = ""
    accepted: bool
    code: int = 0
    tag: str = ""
    element: int = 0
    component: int = 0
    messages: tuple[MessageVerdict, ...] = ()
    why: tuple[str, ...] = ()


Priced = RequestForQuotation | Quotation | Order | OrderResponse | OrderChange | Invoice
Record = (
    RequestForQuotation
    | Quotation
    | Order
    | OrderResponse
    | OrderChange
    | TransportInstruction
    | DespatchAdvice
    | ReceiptAdvice
    | RemittanceAdvice
    | Invoice
    | Control
)


def kind_of(record: Record) -> Kind:
    """Which of the documents it is."""
    return Kind(str(record.__struct_config__.tag))


def canonical(record: Record) -> str:
    """The one spelling that is stored and hashed."""
    return msgspec.json.encode(record, order="sorted").decode()


def read_record(text: str | bytes) -> Record:
    """A stored record."""
    record: Record = msgspec.json.decode(text, type=Record)
    return record
