"""The contract of a trade: its terms as one canonical record, its hash, and the code that proves a printed copy.

Pure. Both languages of the confirmation are printed from this record, so the two can never say different things.
"""

from __future__ import annotations

from base64 import b32encode
from datetime import date, datetime, timedelta
from hashlib import sha256

import msgspec
from msgspec import UNSET, Struct, UnsetType

from escrow.facts import Fees

KIND = "gavelhouse.contract.v1"


class ContractTerms(Struct, frozen=True, kw_only=True):
    """What the parties are bound to. Names are frozen here: a party that renames itself leaves old papers as they were."""

    kind: str = KIND
    lot_id: int
    title_en: str
    title_zh: str
    seller_id: int
    seller_name: str
    buyer_id: int
    buyer_name: str
    buyer_paddle: int
    currency: str
    currency_exponent: int
    hammer_minor: int
    deposit_minor: int
    commission_bp: int
    seq: int
    head: str
    closed_at: datetime
    payment_seconds: int
    ship_working_days: int
    ship_seconds: int | None
    unshipped_seconds: int
    arrival_seconds: int
    inspection_seconds: int
    struck_at: datetime | None = None
    """When the close was written, from which the time to pay counts; after an outage later than `closed_at`."""
    quantity: int | UnsetType = UNSET
    unit_price_minor: int | UnsetType = UNSET
    """Where several buyers take a part each: so many units, and what one costs; `hammer_minor` is the product."""
    seller_paddle: int | UnsetType = UNSET
    """Where suppliers bid down to a buyer: the winner is the seller, and the buyer, who owned the lot, has paddle 0."""
    transaction_bp: int | UnsetType = UNSET
    service_minor: int | UnsetType = UNSET
    """The seller's other fees, where the schedule had them when the lot was submitted."""
    days_off: tuple[date, ...] | UnsetType = UNSET
    """Public holidays of the next months, which are no working days; none: Saturdays and Sundays alone."""

    @property
    def price_minor(self) -> int:
        """What the buyer pays."""
        return self.hammer_minor

    @property
    def is_purchase(self) -> bool:
        """Whether the lot's owner buys."""
        return isinstance(self.seller_paddle, int)

    @property
    def fees(self) -> Fees:
        """What the house takes of the seller's proceeds. The buyer pays no fee."""
        return Fees(
            commission_bp=self.commission_bp,
            transaction_bp=self.transaction_bp if isinstance(self.transaction_bp, int) else 0,
            service_minor=self.service_minor if isinstance(self.service_minor, int) else 0,
        )

    @property
    def pay_by(self) -> datetime:
        """Until when the buyer pays."""
        return (self.struck_at or self.closed_at) + timedelta(seconds=self.payment_seconds)


def canonical(terms: ContractTerms) -> str:
    """The one spelling of these terms: JSON with sorted keys and no spaces."""
    return msgspec.json.encode(terms, order="deterministic").decode()


def read_terms(text: str) -> ContractTerms:
    """The terms of a stored contract."""
    return msgspec.json.decode(text.encode(), type=ContractTerms)


def terms_sha256(text: str) -> bytes:
    """The hash that the escrow case is opened under."""
    return sha256(text.encode()).digest()


def verification_code(digest: bytes) -> str:
    """Eighty bits of the contract's hash in four groups, to read over a telephone: `ABCD-EFGH-IJKL-MNOP`."""
    letters = b32encode(digest[:10]).decode()
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))
