"""What a document says of agreed terms and of a case: the records, drawn from the deal's own facts. Pure."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, structs

from escrow.facts import Case
from market.contracting.terms import Delivery, Goods, TradeTerms
from market.contracts import ContractTerms
from market.delivery import facts as delivery
from market.delivery.facts import Consignment
from market.documents.messages.common import minutes
from market.documents.messages.priced import LONGEST_ARTICLE
from market.documents.records import (
    Address,
    Deduction,
    DespatchAdvice,
    Invoice,
    Item,
    Line,
    Order,
    OrderChange,
    OrderResponse,
    Party,
    Place,
    Quotation,
    ReceiptAdvice,
    Reference,
    ReferenceKind,
    RemittanceAdvice,
    RequestForQuotation,
    TransportInstruction,
)

LOT_UNIT = "C62"
HAMMER = "H"
"""What the number of a hammer's order begins with."""


class Between(Struct, frozen=True, kw_only=True):
    """The two parties as the document names them."""

    buyer: Party
    seller: Party


def references(**numbers: str) -> tuple[Reference, ...]:
    """Those that have a number, in the order of their kinds."""
    return tuple(
        Reference(kind=kind, number=numbers[kind.value][:35]) for kind in ReferenceKind if numbers.get(kind.value)
    )


def line_of(goods: Goods) -> Line:
    return Line(
        n=goods.n,
        title_en=goods.title_en,
        title_zh=goods.title_zh,
        article=goods.category if len(goods.category) <= LONGEST_ARTICLE else "",
        quantity=goods.quantity,
        unit=goods.unit,
        unit_price_minor=goods.unit_price_minor or None,
        attributes={name: _value(value) for name, value in goods.attributes.items()},
    )


def place_of(delivery: Delivery) -> Place:
    return Place(
        term=delivery.term,
        country=delivery.country,
        place=delivery.place,
        from_date=delivery.from_date,
        to_date=delivery.to_date,
        transport=delivery.transport,
        partial=delivery.partial,
    )


def _value(value: str | int | bool) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _shared(
    terms: TradeTerms, between: Between, number: str, refer: tuple[Reference, ...], now: datetime
) -> dict[str, object]:
    return {
        "number": number,
        "issued_at": minutes(now),
        "buyer": between.buyer,
        "seller": between.seller,
        "references": refer,
        "note": terms.note,
        "currency": terms.currency,
        "exponent": terms.currency_exponent,
        "lines": tuple(line_of(each) for each in terms.goods),
        "delivery": place_of(terms.delivery),
        "pay_within_hours": terms.payment.within_hours,
    }


def request(
    terms: TradeTerms,
    between: Between,
    number: str,
    refer: tuple[Reference, ...],
    until: datetime | None,
    now: datetime,
) -> RequestForQuotation:
    valid = None if until is None else minutes(until)
    return RequestForQuotation(**_shared(terms, between, number, refer, now), valid_until=valid)  # type: ignore[arg-type]


def quotation(
    terms: TradeTerms,
    between: Between,
    number: str,
    refer: tuple[Reference, ...],
    until: datetime | None,
    now: datetime,
) -> Quotation:
    valid = None if until is None else minutes(until)
    return Quotation(**_shared(terms, between, number, refer, now), valid_until=valid)  # type: ignore[arg-type]


def order(terms: TradeTerms, between: Between, number: str, refer: tuple[Reference, ...], now: datetime) -> Order:
    return Order(**_shared(terms, between, number, refer, now))  # type: ignore[arg-type]


def order_response(
    terms: TradeTerms, between: Between, number: str, refer: tuple[Reference, ...], now: datetime
) -> OrderResponse:
    return OrderResponse(**_shared(terms, between, number, refer, now))  # type: ignore[arg-type]


def order_change(
    terms: TradeTerms, between: Between, number: str, refer: tuple[Reference, ...], now: datetime
) -> OrderChange:
    return OrderChange(**_shared(terms, between, number, refer, now))  # type: ignore[arg-type]


def lines_of_case(case: Case, terms: TradeTerms | ContractTerms) -> tuple[Line, ...]:
    """What this case is about: the whole, or of a sale in several shipments its own lines. They add up to its sum."""
    lines = _all_lines(terms)
    if _sum(lines) == case.own_minor:
        return lines
    first = lines[0]
    if len(lines) == 1 and first.unit_price_minor and not case.own_minor % first.unit_price_minor:
        return (structs.replace(first, quantity=case.own_minor // first.unit_price_minor),)
    own = {line.n for line in case.lines if line.part_id is None}
    chosen = tuple(line for line in lines if line.n in own)
    if _sum(chosen) == case.own_minor:
        return chosen
    return (structs.replace(first, n=1, quantity=1, unit=LOT_UNIT, unit_price_minor=case.own_minor),)


def _sum(lines: tuple[Line, ...]) -> int:
    return sum(line.sum_minor or 0 for line in lines)


def _all_lines(terms: TradeTerms | ContractTerms) -> tuple[Line, ...]:
    if isinstance(terms, TradeTerms):
        return tuple(line_of(each) for each in terms.goods)
    count = terms.quantity if isinstance(terms.quantity, int) else 1
    price = terms.unit_price_minor if isinstance(terms.unit_price_minor, int) else terms.hammer_minor
    return (
        Line(
            n=1,
            title_en=terms.title_en,
            title_zh=terms.title_zh,
            article=f"lot-{terms.lot_id}",
            quantity=count,
            unit=LOT_UNIT,
            unit_price_minor=price,
        ),
    )


def items_of(lines: tuple[Line, ...]) -> tuple[Item, ...]:
    return tuple(
        Item(
            n=each.n,
            title_en=each.title_en,
            title_zh=each.title_zh,
            article=each.article,
            quantity=each.quantity,
            unit=each.unit,
        )
        for each in lines
    )


def despatch(
    case: Case,
    terms: TradeTerms | ContractTerms,
    between: Between,
    number: str,
    refer: tuple[Reference, ...],
    now: datetime,
) -> DespatchAdvice:
    return DespatchAdvice(
        number=number,
        issued_at=minutes(now),
        buyer=between.buyer,
        seller=between.seller,
        references=refer,
        shipped_at=minutes(now),
        carrier_name=case.carrier or "",
        tracking_number=(case.tracking_number or "")[:35],
        items=items_of(lines_of_case(case, terms)),
    )


def receipt(
    case: Case,
    terms: TradeTerms | ContractTerms,
    between: Between,
    number: str,
    refer: tuple[Reference, ...],
    now: datetime,
) -> ReceiptAdvice:
    return ReceiptAdvice(
        number=number,
        issued_at=minutes(now),
        buyer=between.buyer,
        seller=between.seller,
        references=refer,
        received_at=minutes(now),
        items=items_of(lines_of_case(case, terms)),
    )


def invoice(
    case: Case,
    terms: TradeTerms | ContractTerms,
    between: Between,
    number: str,
    refer: tuple[Reference, ...],
    prepaid_minor: int,
    now: datetime,
) -> Invoice:
    """`prepaid_minor` is what the book says lies in escrow for it."""
    trade = terms if isinstance(terms, TradeTerms) else None
    return Invoice(
        number=number,
        issued_at=minutes(now),
        buyer=between.buyer,
        seller=between.seller,
        references=refer,
        currency=terms.currency,
        exponent=terms.currency_exponent,
        lines=lines_of_case(case, terms),
        delivery=None if trade is None else place_of(trade.delivery),
        pay_within_hours=None if trade is None else trade.payment.within_hours,
        prepaid_minor=prepaid_minor,
    )


def remittance(
    case: Case,
    between: Between,
    payer: Party,
    number: str,
    refer: tuple[Reference, ...],
    posted: dict[str, int],
    exponent: int,
    invoice_number: str,
    now: datetime,
) -> RemittanceAdvice | None:
    """From what the book says one act took out of the case's account; None when nothing of it is paid to the seller."""
    remitted = posted.pop(f"payable:{case.seller_id}", 0)
    if not remitted:
        return None
    reasons = {"commission": "commission", "fees": "fees", f"reserve:{case.seller_id}": "reserve"}
    kept: dict[str, int] = {}
    for path, amount in posted.items():
        reason = reasons.get(path, "refund")
        kept[reason] = kept.get(reason, 0) + amount
    return RemittanceAdvice(
        number=number,
        issued_at=minutes(now),
        buyer=between.buyer,
        seller=between.seller,
        payer=payer,
        references=refer,
        currency=case.currency,
        exponent=exponent,
        paid_on=now.date(),
        invoice_number=invoice_number,
        invoiced_minor=remitted + sum(kept.values()),
        deductions=tuple(Deduction(reason=reason, amount_minor=amount) for reason, amount in sorted(kept.items())),
        remitted_minor=remitted,
    )


def hammer_number(case_id: int) -> str:
    """Under which number a hammer orders, and the seller answers: that of the deal's first case."""
    return f"{HAMMER}{case_id}"


def hammer_order(
    terms: ContractTerms, between: Between, number: str, refer: tuple[Reference, ...], at: datetime
) -> Order:
    """The highest bid was the buyer's order."""
    return Order(**_of_hammer(terms, between, number, refer, at))  # type: ignore[arg-type]


def hammer_response(
    terms: ContractTerms, between: Between, number: str, refer: tuple[Reference, ...], at: datetime
) -> OrderResponse:
    """The hammer was the seller's yes."""
    return OrderResponse(**_of_hammer(terms, between, number, refer, at))  # type: ignore[arg-type]


def _of_hammer(
    terms: ContractTerms, between: Between, number: str, refer: tuple[Reference, ...], at: datetime
) -> dict[str, object]:
    hours, rest = divmod(terms.payment_seconds, 3600)
    return {
        "number": number,
        "issued_at": minutes(at),
        "buyer": between.buyer,
        "seller": between.seller,
        "references": refer,
        "currency": terms.currency,
        "exponent": terms.currency_exponent,
        "lines": _all_lines(terms),
        "pay_within_hours": None if rest or not hours else hours,
    }


def instruction(
    terms: TradeTerms | ContractTerms,
    between: Between,
    booked: Consignment,
    number: str,
    refer: tuple[Reference, ...],
    items: tuple[Item, ...],
) -> TransportInstruction:
    """What a carrier was booked for: from whose hands at which address into whose."""
    collect, deliver = booked.collect_from, booked.deliver_to
    return TransportInstruction(
        number=number,
        issued_at=minutes(booked.booked_at),
        buyer=structs.replace(between.buyer, name=deliver.name),
        seller=structs.replace(between.seller, name=collect.name),
        carrier=Party(code=booked.carrier.upper()[:35], name=booked.carrier),
        references=refer,
        items=items,
        delivery=place_of(terms.delivery) if isinstance(terms, TradeTerms) else None,
        collect_from=address_of(collect),
        deliver_to=address_of(deliver),
        packages=booked.packages,
        weight_grams=booked.weight_grams,
        note=booked.description,
    )


def address_of(given: delivery.Address) -> Address:
    """An address as documents say it: the street on one line."""
    return Address(
        street=", ".join(given.lines.splitlines()),
        city=given.city,
        postcode=given.postcode,
        country=given.country,
        phone=given.phone,
    )
