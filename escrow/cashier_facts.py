"""What is true of e-cheques and small change, and why the cashier refuses something. Frozen values; no I/O."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class CashierRefusal(StrEnum):
    """In the order in which they are tested; the sentence is `escrow_refusal.<value>`."""

    UNKNOWN_CHEQUE = "unknown_cheque"
    NOT_THE_PAYEE = "not_the_payee"
    NOT_THE_WRITER = "not_the_writer"
    CHEQUE_ENDED = "cheque_ended"
    CHEQUE_TO_ONESELF = "cheque_to_oneself"
    CHEQUE_RUNS_WRONG = "cheque_runs_wrong"
    MEMO_TOO_LONG = "memo_too_long"
    CHEQUE_SIGNATURE_WRONG = "cheque_signature_wrong"
    CHEQUE_FOR_A_DEAL = "cheque_for_a_deal"
    CHEQUE_OF_ANOTHER_CURRENCY = "cheque_of_another_currency"
    CHEQUE_BELOW_DUE = "cheque_below_due"
    OVER_CHANGE_CAP = "over_change_cap"
    NOT_ENOUGH_CHANGE = "not_enough_change"


class ChequeState(StrEnum):
    WRITTEN = "written"
    PRESENTED = "presented"
    REVOKED = "revoked"
    EXPIRED = "expired"


LONGEST_MEMO = 140
SHORTEST_RUN_DAYS, LONGEST_RUN_DAYS = 1, 180


class ChequeDraft(Struct, frozen=True, kw_only=True):
    """A cheque before its signature: payable to a party (`payee_id`) or into one deal (`case_id`)."""

    id: int
    number: str
    writer_id: int
    payee_id: int | None
    case_id: int | None
    currency: str
    amount_minor: int
    memo: str
    written_at: datetime
    expires_at: datetime

    def record(self) -> bytes:
        """What the writer's wallet signs: canonical JSON, keys in order, no spaces, amounts as strings."""
        said = {
            "amount_minor": str(self.amount_minor),
            "currency": self.currency,
            "document": "gavelhouse.cheque.v1",
            "expires_at": _wire(self.expires_at),
            "memo": self.memo,
            "number": self.number,
            "payee": f"case:{self.case_id}" if self.case_id else f"party:{self.payee_id}",
            "writer": f"party:{self.writer_id}",
            "written_at": _wire(self.written_at),
        }
        return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Cheque(Struct, frozen=True, kw_only=True):
    """An e-cheque. `paid_case_id` is the deal that it paid, if it paid one."""

    id: int
    number: str
    writer_id: int
    payee_id: int | None
    case_id: int | None
    currency: str
    amount_minor: int
    memo: str
    record: bytes
    signature: bytes
    public_key: bytes
    state: ChequeState
    written_at: datetime
    expires_at: datetime
    paid_case_id: int | None = None
    ended_at: datetime | None = None

    @property
    def is_running(self) -> bool:
        return self.state is ChequeState.WRITTEN


def _wire(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
