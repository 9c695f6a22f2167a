"""The house itself, registering and signing in, one's account."""

from __future__ import annotations

from market import limits
from market.access.rows import KIB, MEMBER, OPERATOR, VISITOR, WEBHOOK, Row, Who, Whose

HOUSE = {
    # The house itself
    "healthz": VISITOR,
    "readyz": VISITOR,
    "metrics": OPERATOR,
    "assets": VISITOR,
    "favicon": VISITOR,
    "live": VISITOR,
    "bank_webhook": WEBHOOK,
    "carrier_webhook": Row(who=Who.WEBHOOK, body_bytes=768 * KIB),
    # Account
    "register": Row(who=Who.VISITOR, rate=limits.REGISTER),
    "sign_in": Row(who=Who.VISITOR, rate=limits.SIGN_IN),
    "sign_in_link": Row(who=Who.VISITOR, rate=limits.SIGN_IN),
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
}
