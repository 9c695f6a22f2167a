"""What is true of a card payment: its states and the steps between them, why a bank declines, what a gateway is asked and says.

Frozen values and pure rules; no I/O, no clock. Nothing here can hold a card number: the payment half travels sealed to the
bank (escrow/envelopes.py), and the house sees brand and last four figures at most.
"""

from __future__ import annotations

import secrets
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256

from msgspec import Struct

GATEWAY = "gateway"
"""The ledger account between a captured card payment and the bank's settlement of it."""
LARGEST_CARD_AMOUNT_MINOR = 999_999_999_999
"""What twelve figures can say (ISO 8583, data element 4)."""


class CardState(StrEnum):
    """Where a card payment stands.

    prepared      its row is committed, nothing has left for the bank
    authorising   the request may have left; the answer is awaited or asked for again
    unknown       the bank has it but has not decided; it is asked again
    authorised    the bank holds the money; the house could not yet post it and tries again
    captured      posted to its purpose; the bank is told until it acknowledges
    declined      refused, nothing is held
    reversing     not wanted any more; the bank is told until it acknowledges
    reversed      the bank has let go of whatever it held
    """

    NEW = "new"
    PREPARED = "prepared"
    AUTHORISING = "authorising"
    UNKNOWN = "unknown"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    DECLINED = "declined"
    REVERSING = "reversing"
    REVERSED = "reversed"


EDGES: frozenset[tuple[CardState, CardState]] = frozenset(
    {
        (CardState.NEW, CardState.PREPARED),
        (CardState.PREPARED, CardState.AUTHORISING),
        (CardState.PREPARED, CardState.DECLINED),
        (CardState.AUTHORISING, CardState.UNKNOWN),
        (CardState.AUTHORISING, CardState.AUTHORISED),
        (CardState.AUTHORISING, CardState.DECLINED),
        (CardState.AUTHORISING, CardState.REVERSING),
        (CardState.UNKNOWN, CardState.AUTHORISED),
        (CardState.UNKNOWN, CardState.DECLINED),
        (CardState.UNKNOWN, CardState.REVERSING),
        (CardState.AUTHORISED, CardState.CAPTURED),
        (CardState.AUTHORISED, CardState.REVERSING),
        (CardState.REVERSING, CardState.REVERSED),
    }
)
"""Every step there is; the same rows stand in the database as `escrow.card_edge`, and a test compares them."""

RUNNING = frozenset({CardState.PREPARED, CardState.AUTHORISING, CardState.UNKNOWN, CardState.AUTHORISED})
"""While a payment is in one of these, its case or deposit takes no other card payment."""


class CardReason(StrEnum):
    """Why a card payment did not become money. A value; its sentence is `card_reason.<value>` in the catalogue. The first
    group is the bank's word (from its response code), the second the house's own.
    """

    DO_NOT_HONOUR = "do_not_honour"
    INVALID_TRANSACTION = "invalid_transaction"
    INVALID_AMOUNT = "invalid_amount"
    INVALID_CARD = "invalid_card"
    FORMAT_ERROR = "format_error"
    LOST_CARD = "lost_card"
    STOLEN_CARD = "stolen_card"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    EXPIRED_CARD = "expired_card"
    NOT_PERMITTED = "not_permitted"
    OVER_LIMIT = "over_limit"
    SECURITY_VIOLATION = "security_violation"
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    DUPLICATE = "duplicate"
    SYSTEM_MALFUNCTION = "system_malfunction"
    DECLINED = "declined"

    PARTLY_APPROVED = "partly_approved"
    NO_ANSWER = "no_answer"
    BANK_UNREACHABLE = "bank_unreachable"
    NOT_AWAITED = "not_awaited"


class CardRefusal(StrEnum):
    """Why a card payment was not even begun, in the order in which it is tested; its sentence is `card_refusal.<value>`."""

    CARDS_NOT_TAKEN = "cards_not_taken"
    BAD_ORDER = "bad_order"
    BAD_SIGNATURE = "bad_signature"
    ORDER_DIFFERS = "order_differs"
    AMOUNT_TOO_LARGE = "amount_too_large"
    PAYMENT_ID_USED = "payment_id_used"
    UNKNOWN_SUBJECT = "unknown_subject"
    NOT_YOURS = "not_yours"
    NOT_AWAITED = "not_awaited"
    WRONG_SUM = "wrong_sum"
    PAYMENT_RUNNING = "payment_running"


class CardPurpose(StrEnum):
    """What the money is for; `subject_of` names the thing."""

    CASE = "case"
    DEPOSIT = "deposit"
    WALLET = "wallet"
    CHANGE = "change"


class CardTarget(Struct, frozen=True):
    """A case or deposit by its id, or a wallet or small change by its party's."""

    purpose: CardPurpose
    id: int

    def __str__(self) -> str:
        """As `OrderInfo.subject` has it, and the ledger's operations: `case:17`."""
        return f"{self.purpose}:{self.id}"


class CardOutcome(StrEnum):
    """What a buyer is told. PENDING: wait and look again. NOT_CHARGED: nothing was taken, he may pay again at once with
    another payment id, whether or not the bank has acknowledged the reversal yet.
    """

    PENDING = "pending"
    PAID = "paid"
    DECLINED = "declined"
    NOT_CHARGED = "not_charged"


class CardPayment(Struct, frozen=True, kw_only=True):
    """One card payment of a party. `partial_minor`: what the bank would have approved of the sum (nothing was taken)."""

    id: str
    target: CardTarget
    party_id: int
    currency: str
    amount_minor: int
    reference: str
    gateway: str
    state: CardState
    version: int
    began_at: datetime
    state_since: datetime
    reason: CardReason | None = None
    partial_minor: int | None = None
    authorisation_code: str | None = None
    acknowledged_at: datetime | None = None
    """When the bank acknowledged the capture."""
    settled_file: str | None = None
    settled_minor: int | None = None

    @property
    def outcome(self) -> CardOutcome:
        """What the state means to the buyer."""
        if self.state is CardState.CAPTURED:
            return CardOutcome.PAID
        if self.state in RUNNING or self.state is CardState.NEW:
            return CardOutcome.PENDING
        if self.state is CardState.DECLINED or self.reason is CardReason.PARTLY_APPROVED:
            return CardOutcome.DECLINED
        return CardOutcome.NOT_CHARGED

    @property
    def retrieval_reference(self) -> str:
        """The twelve characters that stand on the bank's papers for this payment."""
        return retrieval_reference(self.id)


def new_payment_id() -> str:
    """A payment id that nobody had before: 32 hexadecimal figures."""
    return secrets.token_hex(16)


def is_payment_id(text: str) -> bool:
    return len(text) == 32 and all(figure in "0123456789abcdef" for figure in text)


def retrieval_reference(payment_id: str) -> str:
    return sha256(payment_id.encode()).hexdigest()[:12].upper()


# What a gateway is asked, and what it says.


class Authorise(Struct, frozen=True, kw_only=True):
    """Hold this sum. `envelope` is for the bank alone; asking again with the same payment id asks the same thing."""

    payment_id: str
    currency: str
    amount_minor: int
    envelope: bytes
    order_digest: bytes
    signature: bytes
    public_key: bytes
    at: datetime

    def __repr__(self) -> str:
        return f"Authorise({self.payment_id})"


class Approved(Struct, frozen=True, kw_only=True):
    """The bank holds `amount_minor`, which may be less than was asked."""

    amount_minor: int
    authorisation_code: str
    provider_reference: str | None = None


class Declined(Struct, frozen=True, kw_only=True):
    """The bank holds nothing."""

    reason: CardReason
    code: str = ""


class Undecided(Struct, frozen=True, kw_only=True):
    """The bank has the request and has not decided; ask again."""

    code: str = ""


Answer = Approved | Declined | Undecided


class Advice(Struct, frozen=True, kw_only=True):
    """To capture what was authorised, or to let it go. Said again until acknowledged; `again` marks a repeat."""

    payment_id: str
    currency: str
    amount_minor: int
    at: datetime
    began_at: datetime
    again: bool = False
    provider_reference: str | None = None


class Acknowledged(Struct, frozen=True, kw_only=True):
    """The bank has taken the advice. Not `accepted`: it says that it can't be done (`code`), and a person must look."""

    accepted: bool
    code: str = ""


class LineKind(StrEnum):
    """What a line of the daily settlement says: a capture, a chargeback (taken back), a chargeback won (given again), or
    nothing that can be read: then it moves nothing, and a person looks at it.
    """

    CAPTURE = "capture"
    CHARGEBACK = "chargeback"
    CHARGEBACK_WON = "chargeback_won"
    UNREADABLE = "unreadable"


class SettlementLine(Struct, frozen=True, kw_only=True):
    """One movement the bank settles; the amount is signed from the house's side. `said`: the words of an unreadable one."""

    n: int
    kind: LineKind
    payment_id: str
    currency: str
    amount_minor: int
    at: datetime
    said: str | None = None


class SettlementFile(Struct, frozen=True, kw_only=True):
    """A day's file. Its id is `CARDS-YYYYMMDD-N`; the same id has the same content for ever."""

    id: str
    day: date
    lines: tuple[SettlementLine, ...]
    sha256: bytes


class DifferenceKind(StrEnum):
    """How a line of the bank and the house's own record differ, in the order tested. Of the first two nothing is posted."""

    UNREADABLE_LINE = "unreadable_line"
    UNKNOWN_CURRENCY = "unknown_currency"
    UNKNOWN_PAYMENT = "unknown_payment"
    NOT_CAPTURED = "not_captured"
    OTHER_CURRENCY = "other_currency"
    OTHER_SUM = "other_sum"
    SETTLED_TWICE = "settled_twice"
    NOT_SETTLED = "not_settled"
    CAPTURE_REFUSED = "capture_refused"


class CardDifference(Struct, frozen=True, kw_only=True):
    """Something for a person to look at. `ours_minor` is 0 where we know nothing, `bank_minor` where the bank said nothing."""

    id: int
    kind: DifferenceKind
    payment_id: str
    currency: str
    ours_minor: int
    bank_minor: int
    found_at: datetime
    file_id: str | None = None
    line: int | None = None
    said: str | None = None
    """The line's own words, where it can't be read."""
    explained_by: int | None = None
    explained_at: datetime | None = None
    note: str | None = None
