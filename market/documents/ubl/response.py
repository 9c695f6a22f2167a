"""ApplicationResponse as UBL: a document was taken, or refused; if so, at which element and by which sentence. Pure."""

from __future__ import annotations

from market.documents.flaws import Why
from market.documents.records import Agency, Control, Party
from market.documents.texts import whole_of
from market.documents.ubl import parts
from market.documents.ubl.xml import Child, Node, branch, document, leaf, need, refuse

_ORDER = "UBLVersionID ID IssueDate IssueTime SenderParty ReceiverParty DocumentResponse"
_CODES = {"AP": True, "AB": True, "RE": False}


def write(record: Control) -> bytes:
    """The sender of the answer is the recipient of what is answered."""
    status = branch(
        "Status",
        leaf("StatusReasonCode", record.code or None),
        [leaf("StatusReason", each) for each in record.why],
    )
    response = branch(
        "Response",
        leaf("ReferenceID", record.reference),
        leaf("ResponseCode", "AP" if record.accepted else "RE"),
        status,
    )
    children: list[Child] = [
        *parts.heading(record.number, record.issued_at, ""),
        parts.party("SenderParty", _party(record.recipient, record.recipient_qualifier), wrapped=False),
        parts.party("ReceiverParty", _party(record.sender, record.sender_qualifier), wrapped=False),
        branch("DocumentResponse", response, branch("DocumentReference", leaf("ID", record.reference))),
    ]
    return document("ApplicationResponse", _ORDER, children)


def read(node: Node) -> Control:
    """What it says."""
    answer = need(node, "DocumentResponse")
    code = need(answer, "Response/ResponseCode")
    if code.text not in _CODES:
        refuse(code, Why.VALUE_UNKNOWN, right=", ".join(_CODES))
    sender, receiver = parts.party_of(need(node, "SenderParty")), parts.party_of(need(node, "ReceiverParty"))
    return Control(
        number=need(node, "ID").text,
        issued_at=parts.issued_at(node),
        reference=need(answer, "DocumentReference/ID").text,
        sender=receiver.code,
        sender_qualifier=_qualifier(receiver),
        recipient=sender.code,
        recipient_qualifier=_qualifier(sender),
        accepted=_CODES[code.text],
        code=whole_of(answer.value("Response/Status/StatusReasonCode")) or 0,
        why=tuple(each.text for each in answer.all("Response/Status/StatusReason")),
    )


def _party(code: str, qualifier: str) -> Party:
    return Party(code=code, agency=Agency.GLN if qualifier == "14" else Agency.HOUSE)


def _qualifier(party: Party) -> str:
    return "14" if party.agency is Agency.GLN else "ZZ"
