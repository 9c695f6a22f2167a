"""The one table of who may reach which route, and the guard that enforces it for HTTP and sockets.

A route without a row does not start. A handler still reads and writes only the viewer's own rows; this table is
the first lock, not the only one. Path parameters name what they carry: `{lot_id:int}`, `{case_id:int}`,
`{session_id:int}`, `{token_id:int}`, `{notice_id:int}`: the guard looks up whose it is and answers 404 for another's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

KIB = 1024
FORM_BYTES = 64 * KIB
UPLOAD_BYTES = 12 * KIB * KIB


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    who: Who
    whose: Whose = Whose.ANY
    operator_too: bool = False
    """An operator passes the test of ownership as well."""
    body_bytes: int = FORM_BYTES
    """The largest request body: UPLOAD_BYTES on the routes that take photos, and nowhere else."""


VISITOR = Row(who=Who.VISITOR)
MEMBER = Row(who=Who.MEMBER, whose=Whose.OWN)
OPERATOR = Row(who=Who.OPERATOR)
WEBHOOK = Row(who=Who.WEBHOOK)
OWN_LOT = Row(who=Who.MEMBER, whose=Whose.OWN_LOT)
OWN_LOT_UPLOAD = Row(who=Who.MEMBER, whose=Whose.OWN_LOT, body_bytes=UPLOAD_BYTES)
OWN_DEAL = Row(who=Who.MEMBER, whose=Whose.OWN_DEAL)
OWN_DEAL_OR_OPERATOR = Row(who=Who.MEMBER, whose=Whose.OWN_DEAL, operator_too=True)

TABLE: dict[str, Row] = {
    # The house itself
    "healthz": VISITOR,
    "readyz": VISITOR,
    "metrics": OPERATOR,
    "assets": VISITOR,
    "live": VISITOR,
    # Account
    "register": VISITOR,
    "sign_in": VISITOR,
    "sign_in_link": VISITOR,
    "sign_out": MEMBER,
    "account": MEMBER,
    "account_profile": MEMBER,
    "account_passphrase": MEMBER,
    "account_bank_account": MEMBER,
    "account_token_create": MEMBER,
    "account_token_revoke": Row(who=Who.MEMBER, whose=Whose.OWN_TOKEN),
    "account_session_end": Row(who=Who.MEMBER, whose=Whose.OWN_SESSION),
    "notices": MEMBER,
    "notices_read": MEMBER,
    "notice_open": Row(who=Who.MEMBER, whose=Whose.OWN_NOTICE),
    # Live lot and calendar
    # Selling and bidding
    # Operator: lots and qualifications
    # Deals, wallet, money
    # API
}
