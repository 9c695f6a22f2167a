"""What is true of a party's wish to bid on a lot: the application, and the one next step that the bidder has.

Frozen values and one pure rule; no I/O.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from market.currencies import amounts_text


class ApplicationState(StrEnum):
    APPLIED = "applied"
    APPROVED = "approved"
    REJECTED = "rejected"


class ApplicationRefusal(StrEnum):
    """Why a step was refused, in the order tested. The sentence is `market_refusal.<value>`."""

    NO_SUCH_LOT = "no_such_lot"
    NO_SUCH_APPLICATION = "no_such_application"
    SELLER_MAY_NOT_BID = "seller_may_not_bid"
    BARRED = "barred"
    OWES_THE_HOUSE = "owes_the_house"
    DEFAULTED_BEFORE = "defaulted_before"
    LINKED_TO_SELLER = "linked_to_seller"
    LOT_IS_OVER = "lot_is_over"
    ALREADY_DECIDED = "already_decided"
    REASON_MISSING = "reason_missing"
    NO_DEPOSIT_DUE = "no_deposit_due"
    WALLET_TOO_LOW = "wallet_too_low"
    DEBT_FIRST = "debt_first"


class NextStep(StrEnum):
    """Where a viewer stands before a lot, and so what to do next. The texts are `qualification.<value>…`."""

    SIGN_IN = "sign_in"
    OWN_LOT = "own_lot"
    ADMITTED = "admitted"
    OVER = "over"
    BARRED = "barred"
    OWES_THE_HOUSE = "owes_the_house"
    DEFAULTED_BEFORE = "defaulted_before"
    LINKED = "linked"
    APPLY = "apply"
    WAIT = "wait"
    REJECTED = "rejected"
    PAY_DEPOSIT = "pay_deposit"


class Application(Struct, frozen=True, kw_only=True):
    """One party's application for one lot. Admitted means: holds a paddle and may bid."""

    id: int
    lot_id: int
    party_id: int
    state: ApplicationState
    applied_at: datetime
    reason: str | None = None
    decided_by: int | None = None
    decided_at: datetime | None = None
    deposit_id: int | None = None
    paddle: int | None = None
    admitted_at: datetime | None = None
    rests_since: datetime | None = None
    """Since when the right to bid rests, as the party owes the house."""


class LotDoor(Struct, frozen=True, kw_only=True):
    """What of a lot matters to who wants to bid on it."""

    id: int
    seller_id: int
    currency: str
    deposit_minor: int
    title_zh: str
    title_en: str
    over: bool


class Qualification(Struct, frozen=True, kw_only=True):
    """The viewer's standing before the lot and the one next step, ready for the checklist."""

    step: NextStep
    lot_id: int
    currency: str
    deposit_minor: int
    reference: str | None = None
    deposit_id: int | None = None
    balance_minor: int = 0
    paddle: int | None = None
    reason: str | None = None
    rests: bool = False
    """Whether a right to bid that he had rests, as he owes the house."""
    owed: tuple[tuple[str, int], ...] = ()
    """What the viewer owes the house in each currency, where that is what keeps him from the lot."""

    @property
    def owed_text(self) -> str:
        """What is owed, for people."""
        return amounts_text(self.owed)

    @property
    def may_freeze(self) -> bool:
        """Whether the wallet covers the deposit that is due."""
        return self.step is NextStep.PAY_DEPOSIT and self.balance_minor >= self.deposit_minor


def next_step(
    lot: LotDoor,
    party_id: int | None,
    application: Application | None,
    *,
    bar: ApplicationRefusal | None,
    linked: bool = False,
) -> NextStep:
    """The one step that leads on. Who is admitted stays so when he is barred later, and after the close; who is found to
    be linked with the seller has lost his admission by then.
    """
    if party_id == lot.seller_id:
        return NextStep.OWN_LOT
    if application is not None and application.admitted_at is not None:
        return NextStep.ADMITTED
    if lot.over:
        return NextStep.OVER
    if party_id is None:
        return NextStep.SIGN_IN
    if bar is not None:
        return NextStep(bar.value)
    if linked:
        return NextStep.LINKED
    if application is None:
        return NextStep.APPLY
    return {
        ApplicationState.APPLIED: NextStep.WAIT,
        ApplicationState.REJECTED: NextStep.REJECTED,
        ApplicationState.APPROVED: NextStep.PAY_DEPOSIT,
    }[application.state]
