"""What links a bidder with a seller, and what follows from it. Frozen values and pure rules; no I/O.

One payment means bars at once: two people don't share the account that one is paid on and the other pays from without
knowing of each other. A device or an address may be a household's or an office's, so it only flags, and an operator
decides. An operator's own bar is a link like the others.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from ipaddress import ip_address

from msgspec import Struct

from auction.limits import address_key


class TraitKind(StrEnum):
    """What of a party may turn up with another."""

    BANK_ACCOUNT = "bank_account"
    DEVICE = "device"
    ADDRESS = "address"


class TraitSource(StrEnum):
    """Where the house saw it."""

    PAYOUT_ACCOUNT = "payout_account"
    PAID_FROM = "paid_from"
    SIGN_IN = "sign_in"


class LinkKind(StrEnum):
    BANK_ACCOUNT = "bank_account"
    DEVICE = "device"
    ADDRESS = "address"
    OPERATOR = "operator"


class LinkState(StrEnum):
    FLAGGED = "flagged"
    BARRING = "barring"
    CLEARED = "cleared"


class FraudRefusal(StrEnum):
    """Why an operator's act was refused, in the order tested. The sentence is `market_refusal.<value>`."""

    NO_SUCH_LINK = "no_such_link"
    UNKNOWN_PARTY = "no_such_party"
    SELLER_IS_BIDDER = "seller_is_bidder"
    REASON_MISSING = "reason_missing"
    ALREADY_SO = "link_already_so"


class Verdict(StrEnum):
    """May the bidder be admitted to the seller's lots?"""

    FREE = "free"
    FLAGGED = "flagged"
    BARRED = "barred"


class Link(Struct, frozen=True, kw_only=True):
    """One fact that links a bidder with a seller, and what has been decided about it."""

    id: int
    seller_id: int
    bidder_id: int
    kind: LinkKind
    source: str
    state: LinkState
    found_at: datetime
    decided_by: int | None = None
    decided_at: datetime | None = None
    reason: str | None = None


class LinkRow(Link, frozen=True, kw_only=True):
    """A link as the operator judges it: with names, and the seller's open lots on which the bidder is."""

    seller_name: str
    bidder_name: str
    decided_by_name: str | None
    lot_ids: tuple[int, ...]


def verdict(states: Collection[LinkState]) -> Verdict:
    """What the links of a pair come to."""
    if LinkState.BARRING in states:
        return Verdict.BARRED
    return Verdict.FLAGGED if LinkState.FLAGGED in states else Verdict.FREE


def fingerprint(kind: TraitKind, value: str) -> bytes | None:
    """What of a trait is kept for comparing; None for a value that says nothing.

    An IPv6 subscriber is his /64. An address of a private network or of the machine itself is nobody's in particular.
    """
    if kind is TraitKind.ADDRESS:
        value = address_key(value)
        try:
            if not ip_address(value).is_global:
                return None
        except ValueError:
            return None
    return sha256(f"{kind}:{value}".encode()).digest() if value else None
