"""The shapes in which the rules of a case are written: an attempt, a clock, a step, and one row of the table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from escrow.facts import Action, Case, DepositState, Leg, PayoutPurpose, Refusal, Role, State


class Request(Struct, frozen=True, kw_only=True):
    """One attempt to act on a case, with what the actor brings along. `reason` is whatever he says in words."""

    action: Action
    role: Role
    now: datetime
    actor_id: int | None = None
    reason: str = ""
    carrier: str = ""
    tracking_number: str = ""
    source: str = "bank"
    received_minor: int = 0
    amount_minor: int = 0
    """What is claimed, offered, or split off."""
    buyer_minor: int = 0
    house_minor: int | None = None
    """How an arbiter divides; the house has what the formula of the fees says, unless he says otherwise."""
    until: datetime | None = None
    """Until when the seller has time to ship, where that is put off."""
    second_above_minor: int = 0
    """A ruling over more than this needs a second person."""


class Clock(Struct, frozen=True, kw_only=True):
    """At `due_at` the timer takes `action`, unless somebody acted before."""

    action: Action
    due_at: datetime


class Division(Struct, frozen=True, kw_only=True):
    """How what a case holds is divided. The four sums are all of it."""

    buyer_minor: int
    seller_minor: int
    commission_minor: int
    fees_minor: int

    @property
    def house_minor(self) -> int:
        return self.commission_minor + self.fees_minor


class Step(Struct, frozen=True, kw_only=True):
    """What a permitted act does. A step that moves to a state without a clock ends the escrow and seals its account."""

    to: State
    legs: tuple[Leg, ...] = ()
    clock: Clock | None = None
    deposit_becomes: DepositState | None = None
    pays_out: PayoutPurpose | None = None
    division: Division | None = None
    """How what the case held was divided, where the act divides it."""


Legs = Callable[[Case, Request], tuple[Leg, ...]]
Guard = Callable[[Case, Request], Refusal | None]
Divides = Callable[[Case, Request], Division]


def nothing_against(case: Case, request: Request) -> Refusal | None:
    return None


def no_legs(case: Case, request: Request) -> tuple[Leg, ...]:
    return ()


class Edge(Struct, frozen=True, kw_only=True):
    """One row of the table: from `state`, `roles` may take `action` if `guard` has nothing against it."""

    state: State
    action: Action
    roles: frozenset[Role]
    to: State
    guard: Guard = nothing_against
    legs: Legs = no_legs
    divides: Divides | None = None
    """Where the act divides what the case holds: how. The legs follow from it."""
    deposit_becomes: DepositState | None = None
    pays_out: PayoutPurpose | None = None
