"""Goods on their way as UBL: ForwardingInstructions (IFTMIN), DespatchAdvice, ReceiptAdvice. Pure."""

from __future__ import annotations

from datetime import UTC

from market.documents.flaws import Code, Why
from market.documents.records import (
    DespatchAdvice,
    Item,
    Party,
    ReceiptAdvice,
    Reference,
    ReferenceKind,
    TransportInstruction,
)
from market.documents.texts import decimal_text, minor_of, whole_of
from market.documents.ubl import parts
from market.documents.ubl.xml import Child, Node, branch, document, leaf, need, refuse

OTHER = "AdditionalDocumentReference"
_R = ReferenceKind
_DESPATCH = {_R.ORDER: "OrderReference"}
_RECEIPT = {_R.ORDER: "OrderReference", _R.DESPATCH: "DespatchDocumentReference"}
_HEAD = "UBLVersionID ID IssueDate IssueTime Note"


def write_forwarding(record: TransportInstruction) -> bytes:
    """The seller is the consignor, the buyer the consignee."""
    place = record.delivery
    may_split, mode = (None, None) if place is None else parts.shipment_parts(place)
    weight = None if record.weight_grams is None else decimal_text(record.weight_grams, 3)
    on = record.pick_up_on
    goods = [
        branch(
            "GoodsItem",
            leaf("ID", item.n),
            parts.quantity("Quantity", item.quantity, item.unit),
            parts.item(item.title_en, item.title_zh, item.article),
        )
        for item in record.items
    ]
    shipment = branch(
        "Shipment",
        leaf("ID", record.number),
        leaf("GrossWeightMeasure", weight, unitCode="KGM"),
        leaf("TotalTransportHandlingUnitQuantity", record.packages),
        may_split,
        branch(
            "Consignment",
            leaf("ID", record.number),
            parts.party("ConsigneeParty", record.buyer, wrapped=False, address=record.deliver_to),
            None if place is None else parts.terms(place),
        ),
        goods,
        mode,
        branch(
            "Delivery",
            None if place is None else parts.period(place),
            branch("Despatch", leaf("RequestedDespatchDate", on.isoformat() if on else None)),
        ),
    )
    children: list[Child] = [
        *parts.heading(record.number, record.issued_at, record.note),
        parts.party("ConsignorParty", record.seller, wrapped=False, address=record.collect_from),
        parts.party("CarrierParty", record.carrier, wrapped=False),
        shipment,
        *(parts.reference("DocumentReference", each) for each in record.references),
    ]
    return document(
        "ForwardingInstructions", f"{_HEAD} ConsignorParty CarrierParty Shipment DocumentReference", children
    )


def read_forwarding(node: Node) -> TransportInstruction:
    shipment = need(node, "Shipment")
    consignment = need(shipment, "Consignment")
    issued = parts.issued_at(node)
    when = shipment.first("Delivery/RequestedDeliveryPeriod")
    delivery = parts.place_of(consignment.first("DeliveryTerms"), when, shipment, issued)
    packages = shipment.first("TotalTransportHandlingUnitQuantity")
    pick_up = shipment.first("Delivery/Despatch/RequestedDespatchDate")
    return TransportInstruction(
        number=parts.document_number(node),
        issued_at=issued,
        buyer=parts.party_of(need(consignment, "ConsigneeParty")),
        seller=parts.party_of(need(node, "ConsignorParty")),
        carrier=parts.party_of(need(node, "CarrierParty")),
        references=parts.references_of(node, {}, "DocumentReference"),
        note=node.value("Note"),
        items=_items(shipment, "GoodsItem", "Quantity"),
        delivery=delivery,
        pick_up_on=None if pick_up is None else parts.day_of(pick_up),
        collect_from=parts.address_of(need(node, "ConsignorParty")),
        deliver_to=parts.address_of(need(consignment, "ConsigneeParty")),
        packages=None if packages is None else parts.quantity_of(packages)[0],
        weight_grams=_grams(shipment.first("GrossWeightMeasure")),
    )


def _grams(node: Node | None) -> int | None:
    if node is None:
        return None
    decimals = {"KGM": 3, "GRM": 0, "TNE": 6}.get(node.attributes.get("unitCode", "KGM"))
    if decimals is None:
        refuse(node, Why.VALUE_UNKNOWN, right="KGM, GRM, TNE", path="@unitCode")
    grams = minor_of(node.text, decimals)
    if grams is None or grams < 1:
        refuse(node, Why.QUANTITY_MALFORMED, right="12.345")
    return grams


def write_despatch(record: DespatchAdvice) -> bytes:
    at = record.shipped_at.astimezone(UTC)
    carrier = branch("ShipmentStage", branch("CarrierParty", branch("PartyName", leaf("Name", record.carrier_name))))
    when = branch(
        "Despatch", leaf("ActualDespatchDate", f"{at:%Y-%m-%d}"), leaf("ActualDespatchTime", f"{at:%H:%M:00Z}")
    )
    shipment = branch(
        "Shipment", leaf("ID", "1"), carrier, branch("Delivery", leaf("TrackingID", record.tracking_number), when)
    )

    def line(item: Item) -> Child:
        return branch(
            "DespatchLine",
            leaf("ID", item.n),
            parts.quantity("DeliveredQuantity", item.quantity, item.unit),
            branch("OrderLineReference", leaf("LineID", item.n)),
            parts.item(item.title_en, item.title_zh, item.article),
        )

    order = f"{_HEAD} LineCountNumeric OrderReference {OTHER} DespatchSupplierParty DeliveryCustomerParty Shipment DespatchLine"
    return document("DespatchAdvice", order, [*_head(record, _DESPATCH), shipment, *map(line, record.items)])


def read_despatch(node: Node) -> DespatchAdvice:
    when = node.first("Shipment/Delivery/Despatch/ActualDespatchDate")
    clock = node.first("Shipment/Delivery/Despatch/ActualDespatchTime")
    issued = parts.issued_at(node)
    number, buyer, seller, references = _way(node, _DESPATCH)
    return DespatchAdvice(
        number=number,
        issued_at=issued,
        buyer=buyer,
        seller=seller,
        references=references,
        note=node.value("Note"),
        shipped_at=issued if when is None else parts.instant_of(when, clock),
        carrier_name=node.value("Shipment/ShipmentStage/CarrierParty/PartyName/Name"),
        tracking_number=node.value("Shipment/Delivery/TrackingID")[:35],
        items=_counted(node, "DespatchLine", "DeliveredQuantity"),
    )


def write_receipt(record: ReceiptAdvice) -> bytes:
    at = record.received_at.astimezone(UTC)
    when = (leaf("ActualDeliveryDate", f"{at:%Y-%m-%d}"), leaf("ActualDeliveryTime", f"{at:%H:%M:00Z}"))
    shipment = branch("Shipment", leaf("ID", "1"), branch("Delivery", when))

    def line(item: Item) -> Child:
        return branch(
            "ReceiptLine",
            leaf("ID", item.n),
            parts.quantity("ReceivedQuantity", item.quantity, item.unit),
            parts.quantity("RejectedQuantity", item.rejected, item.unit) if item.rejected else None,
            parts.item(item.title_en, item.title_zh, item.article),
        )

    order = f"{_HEAD} LineCountNumeric OrderReference DespatchDocumentReference {OTHER} DeliveryCustomerParty"
    order += " DespatchSupplierParty Shipment ReceiptLine"
    return document("ReceiptAdvice", order, [*_head(record, _RECEIPT), shipment, *map(line, record.items)])


def read_receipt(node: Node) -> ReceiptAdvice:
    when = node.first("Shipment/Delivery/ActualDeliveryDate")
    clock = node.first("Shipment/Delivery/ActualDeliveryTime")
    issued = parts.issued_at(node)
    number, buyer, seller, references = _way(node, _RECEIPT)
    return ReceiptAdvice(
        number=number,
        issued_at=issued,
        buyer=buyer,
        seller=seller,
        references=references,
        note=node.value("Note"),
        received_at=issued if when is None else parts.instant_of(when, clock),
        items=_counted(node, "ReceiptLine", "ReceivedQuantity", "RejectedQuantity"),
    )


def _head(record: DespatchAdvice | ReceiptAdvice, elements: dict[ReferenceKind, str]) -> list[Child]:
    return [
        *parts.heading(record.number, record.issued_at, record.note),
        leaf("LineCountNumeric", len(record.items)),
        *parts.split(record.references, elements, OTHER),
        parts.party("DespatchSupplierParty", record.seller),
        parts.party("DeliveryCustomerParty", record.buyer),
    ]


def _way(node: Node, elements: dict[ReferenceKind, str]) -> tuple[str, Party, Party, tuple[Reference, ...]]:
    number = parts.document_number(node)
    buyer = parts.party_of(need(node, "DeliveryCustomerParty"))
    seller = parts.party_of(need(node, "DespatchSupplierParty"))
    return number, buyer, seller, parts.references_of(node, elements, OTHER)


def _counted(node: Node, line: str, quantity: str, rejected: str = "") -> tuple[Item, ...]:
    items = _items(node, line, quantity, rejected)
    count = node.first("LineCountNumeric")
    if count is not None and whole_of(count.text) != len(items):
        refuse(count, Why.LINE_COUNT, Code.COUNT_WRONG, str(len(items)))
    return items


def _items(node: Node, line: str, quantity: str, rejected: str = "") -> tuple[Item, ...]:
    seen: set[int] = set()

    items = tuple(_item(each, seen, quantity, rejected) for each in node.all(line))
    if not items:
        refuse(node, Why.ELEMENT_MISSING, Code.MISSING, line)
    return items


def _item(node: Node, seen: set[int], quantity: str, rejected: str) -> Item:
    n = parts.number_of(node, seen)
    count, unit = parts.quantity_of(need(node, quantity))
    refused = node.first(rejected) if rejected else None
    english, chinese = parts.titles_of(node)
    return Item(
        n=n,
        title_en=english,
        title_zh=chinese,
        article=node.value("Item/SellersItemIdentification/ID")[:35],
        quantity=count,
        unit=unit,
        rejected=0 if refused is None else parts.quantity_of(refused)[0],
    )
