"""What a row of the table says: who may reach a route, whose thing it names, how much and how often it takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from market.limits import Rate

KIB = 1024
FORM_BYTES = 64 * KIB
UPLOAD_BYTES = 12 * KIB * KIB + FORM_BYTES  # a photo of 12 MiB, and the form around it
EVIDENCE_BYTES = 10 * KIB * KIB
EVIDENCE_FORM_BYTES = 4 * EVIDENCE_BYTES + FORM_BYTES  # a claim shows the damage from several sides at once


class Who(StrEnum):
    """The least that a viewer must be. WEBHOOK: no viewer; the handler proves the sender by signature."""

    VISITOR = "visitor"
    MEMBER = "member"
    OPERATOR = "operator"
    WEBHOOK = "webhook"


class Whose(StrEnum):
    """Whose thing the route's id names. ANY: public or house-wide. OWN: no id, only the viewer's own rows.
    The others: the id in the path must belong to the viewer, else 404.
    """

    ANY = "any"
    OWN = "own"
    OWN_LOT = "lot_id"
    OWN_DEAL = "case_id"
    OWN_SESSION = "session_id"
    OWN_TOKEN = "token_id"
    OWN_NOTICE = "notice_id"
    OWN_OFFER = "offer_id"
    OWN_CHEQUE = "cheque_id"
    OWN_DEPOSIT = "deposit_id"
    OWN_REQUEST = "request_id"
    OWN_NEGOTIATION = "negotiation_id"
    OWN_DOCUMENT = "document_id"
    OWN_CONTRACT = "contract_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    who: Who
    whose: Whose = Whose.ANY
    operator_too: bool = False
    """An operator passes the test of ownership as well."""
    body_bytes: int = FORM_BYTES
    """The largest request body: more than a form only on the routes that take photos or evidence."""
    rate: Rate | None = None
    """How often one address may ask it to change something."""


VISITOR = Row(who=Who.VISITOR)
MEMBER = Row(who=Who.MEMBER, whose=Whose.OWN)
OPERATOR = Row(who=Who.OPERATOR)
OPERATOR_UPLOAD = Row(who=Who.OPERATOR, body_bytes=UPLOAD_BYTES)
WEBHOOK = Row(who=Who.WEBHOOK)
OWN_LOT = Row(who=Who.MEMBER, whose=Whose.OWN_LOT)
OWN_LOT_UPLOAD = Row(who=Who.MEMBER, whose=Whose.OWN_LOT, body_bytes=UPLOAD_BYTES)
OWN_OFFER = Row(who=Who.MEMBER, whose=Whose.OWN_OFFER)
OWN_CHEQUE = Row(who=Who.MEMBER, whose=Whose.OWN_CHEQUE)
OWN_DEPOSIT = Row(who=Who.MEMBER, whose=Whose.OWN_DEPOSIT)
OWN_REQUEST = Row(who=Who.MEMBER, whose=Whose.OWN_REQUEST)
OWN_DOCUMENT = Row(who=Who.MEMBER, whose=Whose.OWN_DOCUMENT)
OWN_DOCUMENT_OR_OPERATOR = Row(who=Who.MEMBER, whose=Whose.OWN_DOCUMENT, operator_too=True)
EDI = Row(who=Who.MEMBER, whose=Whose.OWN, body_bytes=4 * KIB * KIB)
OWN_NEGOTIATION = Row(who=Who.MEMBER, whose=Whose.OWN_NEGOTIATION)
OWN_CONTRACT = Row(who=Who.MEMBER, whose=Whose.OWN_CONTRACT)
OWN_CONTRACT_OR_OPERATOR = Row(who=Who.MEMBER, whose=Whose.OWN_CONTRACT, operator_too=True)
OWN_CONTRACT_PAPER = Row(who=Who.MEMBER, whose=Whose.OWN_CONTRACT, operator_too=True, body_bytes=EVIDENCE_FORM_BYTES)
OWN_NEGOTIATION_FILES = Row(who=Who.MEMBER, whose=Whose.OWN_NEGOTIATION, body_bytes=EVIDENCE_FORM_BYTES)
OWN_DEAL = Row(who=Who.MEMBER, whose=Whose.OWN_DEAL)
OWN_DEAL_OR_OPERATOR = Row(who=Who.MEMBER, whose=Whose.OWN_DEAL, operator_too=True)
OWN_DEAL_EVIDENCE = Row(who=Who.MEMBER, whose=Whose.OWN_DEAL, operator_too=True, body_bytes=EVIDENCE_FORM_BYTES)
