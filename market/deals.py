"""One deal as a viewer sees it: what part he has, what he can do now, which clock runs, what was done by whom.

Buyer, seller and operator read the same timeline; only the actions differ. The rules of money are the escrow's; here
they are only asked. Knows no page and no wire.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow import rules
from escrow.facts import Action, Case, CaseEvent, Payout, Quarantined, Role, State
from market import case_files, deals_store
from market.deals_store import Deal

if TYPE_CHECKING:
    from escrow.desk import EscrowDesk
    from market.viewer import Viewer
    from migrations.database import Connection

STATES = tuple(state.value for state in State if state is not State.NEW)
_STEPS = ("hammer", "paid", "shipped", "received", "released", "settled")
_REACHED = {
    State.AWAITING_PAYMENT: 1,
    State.FUNDED: 2,
    State.SHIPPED: 3,
    State.INSPECTING: 4,
    State.RELEASED: 5,
    State.SETTLED: 6,
}
_DEPOSIT_IS = {State.AWAITING_PAYMENT: "held", State.DEFAULTED: "forfeited", State.CANCELLED: "given_back"}
TONES = {
    "awaiting_payment": "outbid",
    "funded": "leading",
    "shipped": "leading",
    "inspecting": "outbid",
    "released": "leading",
    "settled": "leading",
    "defaulted": "seal",
    "cancelled": "plain",
}
"""How a state looks in a list: something is asked of somebody, all goes well, or it went wrong."""


class Step(Struct, frozen=True, kw_only=True):
    """One station of the ordinary way. `state` is done, now or later."""

    name: str
    state: str


class TimelineRow(Struct, frozen=True, kw_only=True):
    """Who did what when. `name` is a party's or an operator's; the house's own steps have none."""

    at: datetime
    action: str
    actor: str
    name: str | None
    reason: str | None
    carrier: str | None
    tracking_number: str | None


class DealView(Struct, frozen=True, kw_only=True):
    """Everything that a page or the API shows of a deal to one viewer."""

    deal: Deal
    case: Case
    role: Role
    actions: tuple[Action, ...]
    timeline: tuple[TimelineRow, ...]
    payout: Payout | None
    wallet_minor: int
    unmatched: tuple[Quarantined, ...] = ()
    file_entries: int = 0
    """How much was said and shown in the case's file."""

    @property
    def state(self) -> str:
        return self.case.state.value

    @property
    def tone(self) -> str:
        return TONES[self.state]

    @property
    def version(self) -> str:
        """Changes with everything that a viewer could see change."""
        payout = f"-{self.payout.state}" if self.payout else ""
        unmatched = f"-{len(self.unmatched)}" if self.unmatched else ""
        file = f"-f{self.file_entries}" if self.file_entries else ""
        return f"{self.case.version}{payout}{unmatched}{file}"

    @property
    def held_minor(self) -> int:
        """What lies in the case's own account now."""
        return self.case.price_minor if self.case.state in (State.FUNDED, State.SHIPPED, State.INSPECTING) else 0

    @property
    def deposit_is(self) -> str:
        """What has become of the deposit: held, applied to the price, forfeited, or given back."""
        if not self.case.deposit_minor:
            return "held"
        return _DEPOSIT_IS.get(self.case.state, "applied")

    @property
    def steps(self) -> tuple[Step, ...]:
        """The way with its stations; a deal that ended early has only those that it reached."""
        reached = _REACHED.get(self.case.state)
        if reached is None:
            return ()
        words = ["done"] * reached + ["now"] + ["later"] * len(_STEPS)
        return tuple(Step(name=name, state=word) for name, word in zip(_STEPS, words, strict=False))


async def deal_view(conn: Connection, desk: EscrowDesk, case_id: int, viewer: Viewer, now: datetime) -> DealView | None:
    """The deal for this viewer; None when there is none, or when it is not his to see."""
    deal = await deals_store.deal_of_case(conn, case_id)
    case = await desk.settlement.case_by_id(conn, case_id)
    if deal is None or case is None:
        return None
    role = rules.role_of(case, viewer.id) or (Role.OPERATOR if viewer.is_operator else None)
    if role is None:
        return None
    is_buyer = role is Role.BUYER
    return DealView(
        deal=deal,
        case=case,
        role=role,
        actions=tuple(rules.next_actions(case, role, now)),
        timeline=await _timeline(conn, desk, deal),
        payout=None if is_buyer else await desk.payouts.payout_of_case(conn, case_id),
        wallet_minor=await desk.wallet.balance(conn, viewer.id, deal.currency) if is_buyer else 0,
        unmatched=() if role is Role.SELLER else tuple(await desk.quarantine.waiting_for_case(conn, case)),
        file_entries=await case_files.file_size(conn, case_id),
    )


async def _timeline(conn: Connection, desk: EscrowDesk, deal: Deal) -> tuple[TimelineRow, ...]:
    names: dict[int, str] = {deal.buyer_id: deal.terms.buyer_name, deal.seller_id: deal.terms.seller_name}
    events = await desk.settlement.case_events(conn, deal.case_id)
    for event in events:
        if event.actor_id is not None and event.actor_id not in names:
            names[event.actor_id] = await deals_store.party_name(conn, event.actor_id)
    return tuple(_row(event, names) for event in events)


def _row(event: CaseEvent, names: dict[int, str]) -> TimelineRow:
    return TimelineRow(
        at=event.at,
        action=event.action.value,
        actor=event.actor.value,
        name=None if event.actor_id is None else names[event.actor_id],
        reason=event.reason,
        carrier=event.detail.get("carrier"),
        tracking_number=event.detail.get("tracking_number"),
    )
