"""Records to UBL 2.1 documents and back; IFTMIN is ForwardingInstructions, CONTRL is ApplicationResponse. Pure."""

from __future__ import annotations

from market.documents.flaws import Code, Flaw, FlawedError, Why, short
from market.documents.records import (
    Control,
    DespatchAdvice,
    Kind,
    ReceiptAdvice,
    Record,
    RemittanceAdvice,
    TransportInstruction,
)
from market.documents.ubl import parts, priced, remittance, response, way
from market.documents.ubl.xml import DOCUMENT, Node, parse

NAMES = {kind: shape.name for kind, shape in priced.SHAPES.items()} | {
    Kind.IFTMIN: "ForwardingInstructions",
    Kind.DESADV: "DespatchAdvice",
    Kind.RECADV: "ReceiptAdvice",
    Kind.REMADV: "RemittanceAdvice",
    Kind.CONTRL: "ApplicationResponse",
}


def write(record: Record) -> bytes:
    """The document of a record."""
    if isinstance(record, TransportInstruction):
        return way.write_forwarding(record)
    if isinstance(record, DespatchAdvice):
        return way.write_despatch(record)
    if isinstance(record, ReceiptAdvice):
        return way.write_receipt(record)
    if isinstance(record, RemittanceAdvice):
        return remittance.write(record)
    if isinstance(record, Control):
        return response.write(record)
    return priced.write(record)


def read(data: bytes) -> Record | Flaw:
    """What a document says, or its first fault."""
    try:
        node = parse(data)
        kinds = {name: kind for kind, name in NAMES.items()}
        kind = kinds.get(node.name)
        if kind is None or node.attributes["xmlns"] != DOCUMENT.format(name=node.name):
            right = ", ".join(NAMES.values())
            return Flaw(
                why=Why.TYPE_UNKNOWN, code=Code.VALUE_NOT_SUPPORTED, path=node.path, said=short(node.name), right=right
            )
        return _read(node, kind)
    except FlawedError as error:
        return error.flaw


def named(data: bytes) -> tuple[Kind, str] | None:
    """What a document calls itself, also where the rest of it is wrong; None where it can't be answered by that."""
    try:
        node = parse(data)
        kind = next((kind for kind, name in NAMES.items() if name == node.name), Kind.CONTRL)
        return None if kind is Kind.CONTRL else (kind, parts.document_number(node))
    except FlawedError:
        return None


def _read(node: Node, kind: Kind) -> Record:
    if kind in priced.SHAPES:
        return priced.read(node, kind)
    match kind:
        case Kind.IFTMIN:
            return way.read_forwarding(node)
        case Kind.DESADV:
            return way.read_despatch(node)
        case Kind.RECADV:
            return way.read_receipt(node)
        case Kind.REMADV:
            return remittance.read(node)
        case _:
            return response.read(node)
