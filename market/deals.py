"""One deal as a viewer sees it: what part he has, what he can do now, which clock runs, what was done by whom.

Buyer, seller and operator read the same timeline; only the actions differ. The rules of money are the escrow's; here
they are only asked. Knows no page and no wire.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from escrow import rules
from escrow.facts import (
    DISPUTED,
    Action,
    Case,
    CaseEvent,
    Chargeback,
    Claim,
    Payout,
    Quarantined,
    Role,
    Ruling,
    State,
)
from market import case_files, deals_store
from market.contracting import formalities
from market.contracting import store as contracting
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
    "claimed": "outbid",
    "returning": "outbid",
    "arbitration": "seal",
    "ruled": "outbid",
    "released": "leading",
    "settled": "leading",
    "defaulted": "seal",
    "cancelled": "plain",
    "refunded": "plain",
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
    amount_minor: int | None = None
    division: tuple[int, int, int] | None = None
    """What a ruling gives to buyer, seller and house."""
    lines: tuple[int, ...] = ()
    """What was shipped by itself."""
    formality: str | None = None
    """Which paper it was about."""


class Part(Struct, frozen=True, kw_only=True):
    """Some lines of a sale that were shipped by themselves."""

    case: Case
    lines: tuple[int, ...]


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
    parts: tuple[Part, ...] = ()
    chargebacks: tuple[Chargeback, ...] = ()
    names: dict[int, str] = {}
    """Who handles and who arbitrates the claim, by id."""
    contract_id: int | None = None
    """The contract that can be read and signed."""
    checklist: tuple[formalities.Line, ...] = ()
    """What is to be handed in by the contract."""
    papers: tuple[TimelineRow, ...] = ()
    """What was done with that, and with the contract since it is in force."""

    @property
    def missing(self) -> tuple[formalities.Line, ...]:
        """What keeps the goods from being shipped."""
        return tuple(line for line in self.checklist if line.is_missing)

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
        claim = self.claim
        people = f"-p{claim.handler_id}.{claim.arbiter_id}" if claim and (claim.handler_id or claim.arbiter_id) else ""
        papers = "".join(f"-{line.n}{line.state[0]}{len(line.papers)}" for line in self.checklist)
        charged = "".join(f"-{one.state[0]}" for one in self.chargebacks)
        parts = "".join(f"-{part.case.version}" for part in self.parts)
        return f"{self.case.version}{payout}{unmatched}{file}{people}{charged}{parts}{papers}"

    @property
    def held_minor(self) -> int:
        """What lies in the case's own account now."""
        return self.case.held_minor

    @property
    def claim(self) -> Claim | None:
        return self.case.claim

    @property
    def is_disputed(self) -> bool:
        return self.case.state in DISPUTED

    @property
    def ruling(self) -> Ruling | None:
        """The ruling, as soon as it is one: what waits for a second person only the operators see."""
        found = self.claim.ruling if self.claim else None
        return found if found is not None and (found.in_force or self.role is Role.OPERATOR) else None

    @property
    def situation(self) -> str:
        """The state, told apart where it asks different things of the parties."""
        claim = self.claim
        if self.case.state is State.FUNDED and self.missing:
            return "papers"
        if claim is None:
            return self.state
        if self.case.state is State.CLAIMED and claim.offer_minor is not None:
            return "offered"
        if self.case.state is State.RETURNING and claim.returned_at is not None:
            return "returned"
        if self.case.state is State.SETTLED and claim.outcome is not Action.WITHDRAW_CLAIM:
            return "settled_claim"
        return self.state

    @property
    def undisputed_minor(self) -> int:
        """What is held and not claimed."""
        return self.held_minor - self.claim.amount_minor if self.claim else 0

    @property
    def open_lines(self) -> list[tuple[int, str, int]]:
        """Number, title and price of what is not shipped yet, where there is a choice to make."""
        left = [line for line in self.case.lines if line.part_id is None]
        return [(line.n, line.title, line.amount_minor) for line in left] if len(left) > 1 else []

    @property
    def deposit_is(self) -> str:
        """What has become of the deposit: held, applied to the price, forfeited, or given back."""
        if not self.case.deposit_minor:
            return "held"
        return _DEPOSIT_IS.get(self.case.state, "applied")

    @property
    def steps(self) -> tuple[Step, ...]:
        """The way with its stations; a deal that ended early has only those that it reached."""
        was = self.claim.from_state if self.claim and self.is_disputed else self.case.state
        reached = _REACHED.get(was)
        if reached is None:
            return ()
        words = ["done"] * reached + ["now"] + ["later"] * len(_STEPS)
        names = _STEPS if self.deal.lot_id is not None else ("contract", *_STEPS[1:])
        return tuple(Step(name=name, state=word) for name, word in zip(names, words, strict=False))


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
    contract_id = await contracting.id_of_case(conn, case_id)
    checklist = [] if contract_id is None or deal.lot_id is not None else await formalities.checklist(conn, contract_id)
    waits = any(line.is_missing for line in checklist)
    return DealView(
        deal=deal,
        case=case,
        role=role,
        actions=tuple(
            each for each in rules.next_actions(case, role, now) if not (waits and each in (Action.SHIP, Action.SPLIT))
        ),
        timeline=await _timeline(conn, desk, deal, case_id, role),
        payout=None if is_buyer else await desk.payouts.payout_of_case(conn, case_id),
        wallet_minor=await desk.wallet.balance(conn, viewer.id, deal.currency) if is_buyer else 0,
        unmatched=() if role is Role.SELLER else tuple(await desk.quarantine.waiting_for_case(conn, case)),
        file_entries=await case_files.file_size(conn, case_id),
        parts=await _parts(conn, desk, case),
        chargebacks=tuple(await desk.chargebacks.of_case(conn, case_id)),
        names=await _people(conn, case),
        contract_id=contract_id,
        checklist=tuple(checklist),
        papers=() if contract_id is None else await _papers(conn, contract_id, deal),
    )


async def _parts(conn: Connection, desk: EscrowDesk, case: Case) -> tuple[Part, ...]:
    """The parts that were split off a case, with the lines that are in each."""
    return tuple(
        Part(case=part, lines=tuple(line.n for line in case.lines if line.part_id == part.id))
        for part in await desk.settlement.parts_of(conn, case.id)
    )


async def _people(conn: Connection, case: Case) -> dict[int, str]:
    claim = case.claim
    if claim is None:
        return {}
    ids = {one for one in (claim.handler_id, claim.arbiter_id, claim.ruling and claim.ruling.arbiter_id) if one}
    return {one: await deals_store.party_name(conn, one) for one in sorted(ids)}


async def _timeline(
    conn: Connection, desk: EscrowDesk, deal: Deal, case_id: int, role: Role
) -> tuple[TimelineRow, ...]:
    names: dict[int, str] = {deal.buyer_id: deal.terms.buyer_name, deal.seller_id: deal.terms.seller_name}
    events = await desk.settlement.case_events(conn, case_id)
    for event in events:
        if event.actor_id is not None and event.actor_id not in names:
            names[event.actor_id] = await deals_store.party_name(conn, event.actor_id)
    return tuple(_row(event, names, role) for event in events)


_OF_CONTRACT = ("amended", "formality_appointed", "formality_handed_in", "formality_accepted", "formality_refused")


async def _papers(conn: Connection, contract_id: int, deal: Deal) -> tuple[TimelineRow, ...]:
    """What the contract adds to the timeline."""
    roles = {deal.buyer_id: Role.BUYER.value, deal.seller_id: Role.SELLER.value}
    rows = []
    for event in await contracting.events(conn, contract_id):
        if event.kind in _OF_CONTRACT:
            name = None if event.actor_id is None else await deals_store.party_name(conn, event.actor_id)
            actor = "house" if event.actor_id is None else roles.get(event.actor_id, "officer")
            rows.append(
                TimelineRow(
                    at=event.at,
                    action=event.kind,
                    actor=actor,
                    name=name,
                    reason=event.detail.get("reason"),
                    carrier=None,
                    tracking_number=None,
                    formality=event.detail.get("kind"),
                )
            )
    return tuple(rows)


def _row(event: CaseEvent, names: dict[int, str], role: Role) -> TimelineRow:
    return TimelineRow(
        at=event.at,
        action=event.action.value,
        actor=event.actor.value,
        name=None if event.actor_id is None else names[event.actor_id],
        # What waits for a second person is no ruling yet: its reasons are for operators alone.
        reason=None if event.action is Action.PROPOSE_RULING and role is not Role.OPERATOR else event.reason,
        carrier=event.detail.get("carrier"),
        tracking_number=event.detail.get("tracking_number"),
        amount_minor=_minor(event.detail.get("amount_minor")),
        division=_division(event.detail) if event.action is Action.RULE else None,
        lines=tuple(event.detail.get("lines", ())),
    )


def _minor(value: object) -> int | None:
    """A sum of an event's detail; JSON holds it as a string."""
    return int(value) if isinstance(value, str) else None


def _division(detail: dict[str, Any]) -> tuple[int, int, int] | None:
    buyer, seller, house = (_minor(detail.get(f"{whose}_minor")) for whose in ("buyer", "seller", "house"))
    return None if buyer is None or seller is None or house is None else (buyer, seller, house)
