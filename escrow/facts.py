"""What is true of money in the house: a case, a deposit, a payout, a notice of the bank, and the words for each.

Frozen values; nothing here does I/O or reads a clock. Money is an int of minor units beside its currency. A party is
an id; this package knows no names, lots or pages. Times are aware datetimes in UTC.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

LARGEST_AMOUNT_MINOR = 1_000_000_000_000_000
"""No amount is above this; the ledger's constraint `transfer_amount` holds the same figure."""

HOURS, DAYS = 3600, 86_400


class State(StrEnum):
    """Where a case stands. NEW is only where its first event comes from."""

    NEW = "new"
    AWAITING_PAYMENT = "awaiting_payment"
    FUNDED = "funded"
    SHIPPED = "shipped"
    INSPECTING = "inspecting"
    RELEASED = "released"
    SETTLED = "settled"
    DEFAULTED = "defaulted"
    CANCELLED = "cancelled"


class Action(StrEnum):
    OPEN = "open"
    PAY = "pay"
    DEFAULT = "default"
    CANCEL = "cancel"
    SHIP = "ship"
    RECEIVE = "receive"
    EXTEND_INSPECTION = "extend_inspection"
    RELEASE = "release"
    SETTLE = "settle"


class Role(StrEnum):
    """Who acts. HOUSE is this program by itself, TIMER its clock, BANK a signed notice."""

    BUYER = "buyer"
    SELLER = "seller"
    OPERATOR = "operator"
    BANK = "bank"
    CARRIER = "carrier"
    TIMER = "timer"
    HOUSE = "house"


class Refusal(StrEnum):
    """Why something was not done. A value; its sentence is `escrow_refusal.<value>` in the catalogue."""

    UNKNOWN_CASE = "unknown_case"
    NOT_YOURS = "not_yours"
    NOT_IN_THIS_STATE = "not_in_this_state"
    NOT_YOUR_MOVE = "not_your_move"
    TOO_EARLY = "too_early"
    ALREADY_EXTENDED = "already_extended"
    REASON_MISSING = "reason_missing"
    TRACKING_MISSING = "tracking_missing"
    UNKNOWN_DEPOSIT = "unknown_deposit"
    UNKNOWN_PARTY = "unknown_party"
    DEPOSIT_NOT_AWAITED = "deposit_not_awaited"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    BAD_AMOUNT = "bad_amount"
    NO_BANK_ACCOUNT = "no_bank_account"
    BAD_ACCOUNT_NUMBER = "bad_account_number"
    BAD_ACCOUNT_HOLDER = "bad_account_holder"
    UNKNOWN_ITEM = "unknown_item"
    ITEM_DECIDED = "item_decided"
    NO_SENDER_ACCOUNT = "no_sender_account"
    OTHER_CURRENCY = "other_currency"
    BELOW_DUE = "below_due"
    UNKNOWN_CURRENCY = "unknown_currency"


class Timers(Struct, frozen=True, kw_only=True):
    """The lengths of a case's clocks, frozen in it when it opens. Seconds, but shipping counts working days unless
    `ship_seconds` is given (a demonstration, or goods handed over at once).
    """

    payment_seconds: int = 48 * HOURS
    ship_working_days: int = 3
    ship_seconds: int | None = None
    unshipped_seconds: int = 2 * DAYS
    arrival_seconds: int = 10 * DAYS
    inspection_seconds: int = 72 * HOURS


class CaseTerms(Struct, frozen=True, kw_only=True):
    """What the contract says, with which a case opens."""

    subject: str
    buyer_id: int
    seller_id: int
    currency: str
    price_minor: int
    deposit_minor: int
    commission_bp: int
    contract_sha256: bytes
    timers: Timers = field(default_factory=Timers)
    deposit_subject: str | None = None
    """Where the buyer's deposit lies, if not under `subject`: several cases can come of one subject that was bid on."""


class Case(Struct, frozen=True, kw_only=True):
    """One escrow case. `deposit_minor` is the part of the deposit that goes towards the price."""

    id: int
    subject: str
    buyer_id: int
    seller_id: int
    currency: str
    price_minor: int
    deposit_minor: int
    deposit_id: int | None
    commission_bp: int
    commission_minor: int
    contract_sha256: bytes
    timers: Timers
    reference: str
    state: State
    version: int
    opened_at: datetime
    state_since: datetime
    clock_action: Action | None = None
    clock_due_at: datetime | None = None
    ship_by_at: datetime | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    inspection_extended: bool = False

    @property
    def due_minor(self) -> int:
        """What the buyer still transfers: the price less the deposit."""
        return self.price_minor - self.deposit_minor

    @property
    def proceeds_minor(self) -> int:
        """What the seller is paid: the price less the commission."""
        return self.price_minor - self.commission_minor

    @property
    def is_over(self) -> bool:
        return self.state in (State.SETTLED, State.DEFAULTED, State.CANCELLED)


class CaseEvent(Struct, frozen=True, kw_only=True):
    case_id: int
    n: int
    at: datetime
    actor: Role
    actor_id: int | None
    action: Action
    from_state: State
    to_state: State
    reason: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


class DepositState(StrEnum):
    REQUESTED = "requested"
    HELD = "held"
    FREED = "freed"
    APPLIED = "applied"
    FORFEITED = "forfeited"
    LAPSED = "lapsed"


class Deposit(Struct, frozen=True, kw_only=True):
    id: int
    subject: str
    party_id: int
    currency: str
    amount_minor: int
    reference: str
    state: DepositState
    requested_at: datetime
    held_at: datetime | None = None
    ended_at: datetime | None = None


class PayoutPurpose(StrEnum):
    SALE = "sale"
    FORFEIT = "forfeit"
    WITHDRAWAL = "withdrawal"
    RETURN = "return"


class PayoutState(StrEnum):
    WAITING_ACCOUNT = "waiting_account"
    QUEUED = "queued"
    SENT = "sent"
    SETTLED = "settled"
    RETURNED = "returned"


class Payout(Struct, frozen=True, kw_only=True):
    """Money on its way out. `source` is the account it left and, if the bank returns it, goes back to."""

    id: int
    party_id: int | None
    purpose: PayoutPurpose
    source: str
    currency: str
    amount_minor: int
    case_id: int | None
    quarantine_id: int | None
    state: PayoutState
    end_to_end_id: str
    holder: str | None
    number: str | None
    queued_at: datetime
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    return_reason: str | None = None


class BankAccount(Struct, frozen=True, kw_only=True):
    party_id: int
    holder: str
    number: str


class NoticeKind(StrEnum):
    TRANSFER_RECEIVED = "transfer.received"
    PAYOUT_SETTLED = "payout.settled"
    PAYOUT_RETURNED = "payout.returned"


class BankNotice(Struct, frozen=True, kw_only=True):
    """What the bank told: `bank_id` is its own, for ever one event. `reference` is free text that a person typed
    (a transfer), or the end-to-end id (a payout).
    """

    bank_id: str
    kind: NoticeKind
    currency: str
    amount_minor: int
    reference: str
    booked_at: datetime
    sender_holder: str = ""
    sender_number: str = ""
    reason: str | None = None


class QuarantineReason(StrEnum):
    """Why money went to suspense, in the order in which it is tested."""

    UNKNOWN_CURRENCY = "unknown_currency"
    UNKNOWN_REFERENCE = "unknown_reference"
    ALREADY_PAID = "already_paid"
    LATE = "late"
    WRONG_CURRENCY = "wrong_currency"
    WRONG_SUM = "wrong_sum"


class QuarantineState(StrEnum):
    OPEN = "open"
    APPLIED = "applied"
    RETURNING = "returning"
    RETURNED = "returned"


class Quarantined(Struct, frozen=True, kw_only=True):
    """Money that came and fits nothing; case or deposit are what its reference named, if anything."""

    id: int
    bank_id: str
    reason: QuarantineReason
    currency: str
    amount_minor: int
    reference: str
    sender_holder: str
    sender_number: str
    booked_at: datetime
    received_at: datetime
    state: QuarantineState
    case_id: int | None = None
    deposit_id: int | None = None
    decided_by: int | None = None
    decided_at: datetime | None = None
    note: str | None = None


class Outcome(StrEnum):
    """What became of a notice of the bank."""

    DEPOSIT_HELD = "deposit_held"
    CASE_FUNDED = "case_funded"
    QUARANTINED = "quarantined"
    PAYOUT_SETTLED = "payout_settled"
    PAYOUT_RETURNED = "payout_returned"
    IGNORED = "ignored"


class Received(Struct, frozen=True, kw_only=True):
    """The answer to a notice. `again`: it had been received before, and nothing was done now."""

    outcome: Outcome
    again: bool = False
    reason: QuarantineReason | None = None
    item_id: int | None = None


class Leg(Struct, frozen=True, kw_only=True):
    """One amount that moves from the debit account to the credit account, named by their paths."""

    debit: str
    credit: str
    currency: str
    amount_minor: int
    reverses_op: str | None = None
    reverses_n: int | None = None
