"""The terms of a trade on the wire, for negotiations, contracts and whoever else speaks of them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from market.api.shapes import MinorIn, MinorOrZeroIn, MinorOut, minor_in, minor_out
from market.contracting.terms import (
    BEFORE_SHIP,
    INCOTERMS,
    LARGEST_QUANTITY,
    LONGEST_NOTE,
    LONGEST_PLACE,
    LONGEST_TITLE,
    MOST_FORMALITIES,
    MOST_GOODS,
    AttributeValue,
    Breach,
    Delivery,
    Formality,
    FormalityKind,
    Goods,
    Payment,
    TradeTerms,
)
from market.currencies import EXPONENTS

Title = Annotated[str, Meta(max_length=LONGEST_TITLE)]
Note = Annotated[str, Meta(max_length=LONGEST_NOTE)]
Quantity = Annotated[int, Meta(ge=1, le=LARGEST_QUANTITY, description="whole units")]
BasisPoints = Annotated[int, Meta(ge=0, le=10_000)]
Transport = Literal["any", "sea", "road", "rail", "air", "post"]
Term = Literal["EXW", "FCA", "FAS", "FOB", "CFR", "CIF", "CPT", "CIP", "DAP", "DPU", "DDP"]
assert set(Term.__args__) == set(INCOTERMS)  # type: ignore[attr-defined]


class GoodsIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """One line of goods; a price per unit of 0 stands in an inquiry only, and asks for one."""

    category: Annotated[str, Meta(max_length=64)]
    title_en: Title = ""
    title_zh: Title = ""
    attributes: dict[str, AttributeValue] = {}
    quantity: Quantity
    unit: Annotated[str, Meta(max_length=3, description="UN/ECE Recommendation 20")]
    unit_price_minor: MinorOrZeroIn


class DeliveryShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    term: Term
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    place: Annotated[str, Meta(min_length=1, max_length=LONGEST_PLACE)]
    from_date: date
    to_date: date
    transport: Transport = "any"
    partial: bool = False


class PaymentShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    within_hours: Annotated[int, Meta(ge=1, le=720)] = 48
    inspection_hours: Annotated[int, Meta(ge=1, le=2160)] = 72


class BreachShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    late_delivery_bp_per_day: BasisPoints = 0
    cap_bp: BasisPoints = 0
    claim_days: Annotated[int, Meta(ge=1, le=365)] = 7
    note_en: Note = ""
    note_zh: Note = ""


class FormalityShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`due` is `before_ship` or a day."""

    kind: FormalityKind
    duty_of: Literal["buyer", "seller", "house"]
    due: Annotated[str, Meta(pattern=r"^(before_ship|\d{4}-\d{2}-\d{2})$")] = BEFORE_SHIP
    required: bool = True
    note: Note = ""


class TermsIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a party puts forward. Who sells and who buys, and the house's fees, are not its to say."""

    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    goods: Annotated[list[GoodsIn], Meta(min_length=1, max_length=MOST_GOODS)]
    delivery: DeliveryShape
    payment: PaymentShape = PaymentShape()
    breach: BreachShape = BreachShape()
    formalities: Annotated[list[FormalityShape], Meta(max_length=MOST_FORMALITIES)] = []
    note: Note = ""


class GoodsOut(Struct, kw_only=True):
    """One line of goods. `particulars` say in words what the attributes' codes mean, frozen when they were put forward."""

    n: int
    category: str
    title_en: str
    title_zh: str
    attributes: dict[str, AttributeValue]
    particulars_en: str
    particulars_zh: str
    quantity: int
    unit: str
    unit_price_minor: MinorOut
    sum_minor: MinorOut


class FeesOut(Struct, kw_only=True):
    """What the house takes of the seller's proceeds."""

    commission_bp: int
    transaction_bp: int
    service_minor: MinorOut


class TermsOut(Struct, kw_only=True):
    """Fees are null until the contract is drawn up, and so is the number of a party that posted anonymously."""

    seller_id: int | None
    buyer_id: int | None
    currency: str
    currency_exponent: int
    price_minor: MinorOut
    goods: list[GoodsOut]
    delivery: DeliveryShape
    payment: PaymentShape
    breach: BreachShape
    formalities: list[FormalityShape]
    fees: FeesOut | None
    note: str


def terms_in(given: TermsIn, *, seller_id: int, buyer_id: int) -> TradeTerms:
    """The record that these words mean, as yet unjudged: `market.contracting.terms.flaws` says what is wrong with it."""
    return TradeTerms(
        seller_id=seller_id,
        buyer_id=buyer_id,
        currency=given.currency,
        currency_exponent=EXPONENTS.get(given.currency, 0),
        goods=tuple(
            Goods(
                n=n,
                category=line.category,
                title_en=line.title_en,
                title_zh=line.title_zh,
                attributes=line.attributes,
                quantity=line.quantity,
                unit=line.unit,
                unit_price_minor=_price(line.unit_price_minor),
            )
            for n, line in enumerate(given.goods, start=1)
        ),
        delivery=Delivery(**structs.asdict(given.delivery)),
        payment=Payment(**structs.asdict(given.payment)),
        breach=Breach(**structs.asdict(given.breach)),
        formalities=tuple(Formality(**structs.asdict(each)) for each in given.formalities),
        note=given.note,
    )


def terms_out(terms: TradeTerms) -> TermsOut:
    """The record on the wire."""
    fees = terms.fees
    return TermsOut(
        seller_id=terms.seller_id,
        buyer_id=terms.buyer_id,
        currency=terms.currency,
        currency_exponent=terms.currency_exponent,
        price_minor=minor_out(terms.price_minor),
        goods=[
            GoodsOut(
                n=line.n,
                category=line.category,
                title_en=line.title_en,
                title_zh=line.title_zh,
                attributes=line.attributes,
                particulars_en=line.particulars_en,
                particulars_zh=line.particulars_zh,
                quantity=line.quantity,
                unit=line.unit,
                unit_price_minor=minor_out(line.unit_price_minor),
                sum_minor=minor_out(line.sum_minor),
            )
            for line in terms.goods
        ],
        delivery=DeliveryShape(**structs.asdict(terms.delivery)),
        payment=PaymentShape(**structs.asdict(terms.payment)),
        breach=BreachShape(**structs.asdict(terms.breach)),
        formalities=[FormalityShape(**structs.asdict(each)) for each in terms.formalities],
        fees=None
        if fees is None
        else FeesOut(
            commission_bp=fees.commission_bp,
            transaction_bp=fees.transaction_bp,
            service_minor=minor_out(fees.service_minor),
        ),
        note=terms.note,
    )


def _price(value: MinorIn | MinorOrZeroIn) -> int:
    return minor_in(value) if int(value) else 0
