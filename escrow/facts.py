"""What is true of money in the house: a case, a deposit, a payout, a notice of the bank, and the words for each.

Frozen values; nothing here does I/O or reads a clock. Money is an int of minor units beside its currency. A party is
an id; this package knows no names, lots or pages. Times are aware datetimes in UTC.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from escrow.card_facts import CardPurpose

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
    CLAIMED = "claimed"
    RETURNING = "returning"
    ARBITRATION = "arbitration"
    RULED = "ruled"
    RELEASED = "released"
    SETTLED = "settled"
    REFUNDED = "refunded"
    DEFAULTED = "defaulted"
    CANCELLED = "cancelled"


HOLDING = frozenset(
    {
        State.FUNDED,
        State.SHIPPED,
        State.INSPECTING,
        State.CLAIMED,
        State.RETURNING,
        State.ARBITRATION,
        State.RULED,
    }
)
"""The states in which money lies in a case's own account."""
DISPUTED = frozenset({State.CLAIMED, State.RETURNING, State.ARBITRATION, State.RULED})
"""The states in which a claim is open, and nothing is released."""
OVER = frozenset({State.SETTLED, State.REFUNDED, State.DEFAULTED, State.CANCELLED})
"""The states that nothing leads out of."""


class Action(StrEnum):
    OPEN = "open"
    PAY = "pay"
    DEFAULT = "default"
    CANCEL = "cancel"
    POSTPONE = "postpone"
    SHIP = "ship"
    RECEIVE = "receive"
    EXTEND_INSPECTION = "extend_inspection"
    RELEASE = "release"
    SETTLE = "settle"
    SPLIT = "split"
    REINSTATE = "reinstate"
    CLAIM = "claim"
    RELEASE_UNDISPUTED = "release_undisputed"
    ACCEPT_CLAIM = "accept_claim"
    OFFER = "offer"
    ACCEPT_OFFER = "accept_offer"
    WITHDRAW_CLAIM = "withdraw_claim"
    ASK_RETURN = "ask_return"
    CONTEST = "contest"
    ESCALATE = "escalate"
    DEFAULT_JUDGEMENT = "default_judgement"
    RETURN_SHIP = "return_ship"
    CONFIRM_RETURN = "confirm_return"
    LAPSE_RETURN = "lapse_return"
    PROPOSE_RULING = "propose_ruling"
    RULE = "rule"
    OVERDUE = "overdue"
    HARD_STOP = "hard_stop"
    APPEAL = "appeal"
    ENFORCE = "enforce"


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
    FORMALITIES_MISSING = "formalities_missing"
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
    OWN_MONEY = "own_money"
    NO_SENDER_ACCOUNT = "no_sender_account"
    OTHER_CURRENCY = "other_currency"
    BELOW_DUE = "below_due"
    UNKNOWN_CURRENCY = "unknown_currency"
    UNKNOWN_PAYOUT = "unknown_payout"
    PAYOUT_HAS_GONE = "payout_has_gone"
    PAYOUT_NOT_HELD = "payout_not_held"
    PAYOUT_NOT_RETURNED = "payout_not_returned"
    UNKNOWN_LINE = "unknown_line"
    NO_LINES = "no_lines"
    ALL_LINES = "all_lines"
    NOT_REINSTATABLE = "not_reinstatable"
    GOODS_ARE_GONE = "goods_are_gone"
    STATEMENT_MISSING = "statement_missing"
    BAD_CLAIM_AMOUNT = "bad_claim_amount"
    NOTHING_UNDISPUTED = "nothing_undisputed"
    ALREADY_RELEASED = "already_released"
    BAD_OFFER = "bad_offer"
    OFFER_STANDS = "offer_stands"
    NO_OFFER = "no_offer"
    NOTHING_SHIPPED = "nothing_shipped"
    PART_IS_PAID = "part_is_paid"
    ALREADY_SENT_BACK = "already_sent_back"
    NOT_SENT_BACK = "not_sent_back"
    ALREADY_TAKEN = "already_taken"
    ARBITER_IS_PARTY = "arbiter_is_party"
    ARBITER_IS_HANDLER = "arbiter_is_handler"
    NOT_THE_ARBITER = "not_the_arbiter"
    BAD_DIVISION = "bad_division"
    RULING_WAITS = "ruling_waits"
    NO_RULING = "no_ruling"
    SAME_PERSON = "same_person"
    ALREADY_APPEALED = "already_appealed"
    DEBT_FIRST = "debt_first"
    UNKNOWN_CHARGEBACK = "unknown_chargeback"
    CHARGEBACK_IS_DECIDED = "chargeback_is_decided"
    ALREADY_ANSWERED = "already_answered"
    ANSWER_TOO_LONG = "answer_too_long"


class Timers(Struct, frozen=True, kw_only=True):
    """The lengths of a case's clocks, frozen in it when it opens. Seconds, but shipping counts working days unless
    `ship_seconds` is given (a demonstration, or goods handed over at once).
    """

    payment_seconds: int = 48 * HOURS
    ship_working_days: int = 3
    ship_seconds: int | None = None
    days_off: tuple[date, ...] = ()
    """Days that are no working days, beside Saturdays and Sundays."""
    unshipped_seconds: int = 2 * DAYS
    arrival_seconds: int = 10 * DAYS
    inspection_seconds: int = 72 * HOURS
    answer_seconds: int = 48 * HOURS
    """For the seller to answer a claim, and for the buyer to answer an offer."""
    return_ship_seconds: int = 7 * DAYS
    return_confirm_seconds: int = 7 * DAYS
    arbitration_seconds: int = 10 * DAYS
    hard_stop_seconds: int = 60 * DAYS
    """However a dispute goes, this long after the claim nothing of it waits any more: the buyer has his money back."""
    appeal_seconds: int = 5 * DAYS
    reserve_seconds: int = 90 * DAYS


class Fees(Struct, frozen=True, kw_only=True):
    """What the house takes of the seller's proceeds: commission, a transaction fee by rate, a service fee by sum. All
    together are less than half of the price.
    """

    commission_bp: int
    transaction_bp: int = 0
    service_minor: int = 0


class Line(Struct, frozen=True, kw_only=True):
    """One thing of a sale that can be shipped by itself; `part_id` is the case that it was split off into."""

    n: int
    title: str
    amount_minor: int
    part_id: int | None = None


SMALLEST_LINE_MINOR = 4
"""Where a sale has several lines none is of less than this, so that its share of the fees is never more than it."""


class CaseTerms(Struct, frozen=True, kw_only=True):
    """What the contract says, with which a case opens."""

    subject: str
    buyer_id: int
    seller_id: int
    currency: str
    price_minor: int
    deposit_minor: int
    fees: Fees
    contract_sha256: bytes
    timers: Timers = field(default_factory=Timers)
    lines: tuple[Line, ...] = ()
    """What can be shipped by itself, together the price; none: the whole sale is one line."""
    reserve_bp: int = 0
    """How much of the seller's proceeds the house keeps back for `reserve_seconds`, against chargebacks."""
    deposit_subject: str | None = None
    """Where the buyer's deposit lies, if not under `subject`: several cases can come of one subject that was bid on."""


class ClaimReason(StrEnum):
    NOT_RECEIVED = "not_received"
    LATE_DELIVERY = "late_delivery"
    NOT_AS_DESCRIBED = "not_as_described"
    DAMAGED = "damaged"
    INCOMPLETE = "incomplete"
    COUNTERFEIT = "counterfeit"
    OTHER = "other"


class Ruling(Struct, frozen=True, kw_only=True):
    """How an arbiter divides what the case holds. One that needs a second person is in force once he has confirmed."""

    id: int
    claim_id: int
    arbiter_id: int
    buyer_minor: int
    seller_minor: int
    house_minor: int
    reason: str
    proposed_at: datetime
    needs_second: bool
    confirmed_by: int | None = None
    confirmed_at: datetime | None = None

    @property
    def in_force(self) -> bool:
        return not self.needs_second or self.confirmed_by is not None


class Claim(Struct, frozen=True, kw_only=True):
    """What a buyer claims of a case, and how far it has come. `ruling` is the latest that has not fallen."""

    id: int
    case_id: int
    reason: ClaimReason
    statement: str
    amount_minor: int
    from_state: State
    opened_at: datetime
    hard_stop_at: datetime
    offer_minor: int | None = None
    answered_at: datetime | None = None
    handler_id: int | None = None
    arbiter_id: int | None = None
    return_carrier: str | None = None
    return_tracking_number: str | None = None
    returned_at: datetime | None = None
    appealed_by: int | None = None
    appealed_at: datetime | None = None
    appealed_ruling_id: int | None = None
    ended_at: datetime | None = None
    outcome: Action | None = None
    awarded_minor: int | None = None
    ruling: Ruling | None = None


class Case(Struct, frozen=True, kw_only=True):
    """One escrow case. `deposit_minor` is the part of the deposit that goes towards the price.

    A part was split off `parent_id` and lives as a case of its own; `split_minor` has left its parent. What the house
    takes is in two sums, each undone by itself: `commission_minor`, and `fees_minor` (transaction and service fee).
    """

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
    transaction_bp: int = 0
    service_minor: int = 0
    fees_minor: int = 0
    clock_action: Action | None = None
    clock_due_at: datetime | None = None
    ship_by_at: datetime | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    inspection_extended: bool = False
    parent_id: int | None = None
    reinstates_id: int | None = None
    payment_id: str | None = None
    lines: tuple[Line, ...] = ()
    split_minor: int = 0
    split_commission_minor: int = 0
    split_fees_minor: int = 0
    undisputed_minor: int = 0
    undisputed_commission_minor: int = 0
    undisputed_fees_minor: int = 0
    reserve_bp: int = 0
    refunded_minor: int = 0
    charged_back_minor: int = 0
    withheld_minor: int = 0
    claim: Claim | None = None

    @property
    def due_minor(self) -> int:
        """What the buyer still transfers: the price less the deposit."""
        return self.price_minor - self.deposit_minor

    @property
    def own_minor(self) -> int:
        """The price less what was split off: what this case itself is about."""
        return self.price_minor - self.split_minor

    @property
    def own_commission_minor(self) -> int:
        return self.commission_minor - self.split_commission_minor

    @property
    def own_fees_minor(self) -> int:
        return self.fees_minor - self.split_fees_minor

    @property
    def held_minor(self) -> int:
        """What lies in the case's own account now."""
        return self.own_minor - self.undisputed_minor if self.state in HOLDING else 0

    @property
    def proceeds_minor(self) -> int:
        """What the seller is paid if nothing is claimed: the case's own sum less what the house takes."""
        return self.own_minor - self.own_commission_minor - self.own_fees_minor

    @property
    def is_over(self) -> bool:
        return self.state in OVER


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
    TAKEN_BACK = "taken_back"
    """The payer's bank took the card payment back while the lot was open."""


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
    UNDISPUTED = "undisputed"
    RESERVE = "reserve"
    CHARGEBACK = "chargeback"


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
    held_at: datetime | None = None
    """Since when an operator holds it back, out of any file."""
    held_reason: str | None = None
    batch_id: int | None = None
    replaced_by: int | None = None


class BankAccount(Struct, frozen=True, kw_only=True):
    party_id: int
    holder: str
    number: str


class NoticeKind(StrEnum):
    TRANSFER_RECEIVED = "transfer.received"
    TRANSFER_REVERSED = "transfer.reversed"
    PAYOUT_SETTLED = "payout.settled"
    PAYOUT_RETURNED = "payout.returned"
    CHARGEBACK = "card.chargeback"
    CHARGEBACK_WON = "card.chargeback_won"
    CHARGEBACK_LOST = "card.chargeback_lost"


class BankNotice(Struct, frozen=True, kw_only=True):
    """What the bank told: `bank_id` is its own, for ever one event. `reference` is free text that a person typed
    (a transfer), the end-to-end id (a payout), the payment's id (a card's chargeback), or of a transfer that the bank takes
    back that transfer's own `bank_id`.
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
    REVERSED = "reversed"


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
    CHARGEBACK_OPENED = "chargeback_opened"
    CHARGEBACK_WON = "chargeback_won"
    CHARGEBACK_LOST = "chargeback_lost"
    TRANSFER_REVERSED = "transfer_reversed"
    IGNORED = "ignored"


class Received(Struct, frozen=True, kw_only=True):
    """The answer to a notice. `again`: it had been received before, and nothing was done now."""

    outcome: Outcome
    again: bool = False
    reason: QuarantineReason | None = None
    item_id: int | None = None


class ChargebackState(StrEnum):
    OPEN = "open"
    LOST = "lost"
    WON = "won"


class Chargeback(Struct, frozen=True, kw_only=True):
    """A payer's bank takes a card payment back. `from_…` say whence the sum was set aside: the deposit that it had paid; of
    what the payer has had of it (or back of it) already his wallet, his small change and what he owes for it; of the rest
    what the seller had coming, his reserve, and what he owes. `payer_minor` is the part that concerns no deal: it comes from
    the payer alone and goes back to him alone. `party_id` is whom it hits: a deal's seller, else the payer.
    """

    id: int
    bank_id: str
    payment_reference: str
    party_id: int
    currency: str
    amount_minor: int
    reason: str
    state: ChargebackState
    opened_at: datetime
    case_id: int | None = None
    purpose: CardPurpose = CardPurpose.CASE
    payer_id: int | None = None
    deposit_id: int | None = None
    payer_minor: int = 0
    from_payable_minor: int = 0
    from_reserve_minor: int = 0
    from_receivable_minor: int = 0
    from_deposit_minor: int = 0
    from_buyer_wallet_minor: int = 0
    from_buyer_change_minor: int = 0
    from_buyer_owed_minor: int = 0
    ended_at: datetime | None = None

    @property
    def sale_minor(self) -> int:
        """The part that a deal had been paid with."""
        return self.amount_minor - self.payer_minor

    @property
    def is_transfer(self) -> bool:
        """Whether it was no card payment but a bank transfer; of that the bank's word is the last."""
        return self.payment_reference.startswith(TRANSFER_PREFIX)


TRANSFER_PREFIX = "bank:"
"""Before the bank's own id of a transfer, where a card payment has its id."""


class ChargebackAnswer(Struct, frozen=True, kw_only=True):
    """What the house answers the bank. It waits until the bank has it (`told_at`) or says that it takes none."""

    chargeback_id: int
    text: str
    operator_id: int
    written_at: datetime
    told_at: datetime | None = None
    refused_code: str | None = None
    last_error: str | None = None


class Leg(Struct, frozen=True, kw_only=True):
    """One amount that moves from the debit account to the credit account, named by their paths."""

    debit: str
    credit: str
    currency: str
    amount_minor: int
    reverses_op: str | None = None
    reverses_n: int | None = None
