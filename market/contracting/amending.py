"""Whether a wording may be proposed: by whom, and what of a contract can still change when. Pure.

Goods, quantity and price are what the match or the acceptance took from the posts and told the market: they never change.
Before both have signed all the rest can change but the parties, the currency and the fees. After that payment stays, for
the escrow holds exactly that sum; delivery, formalities, breach and notes can change until the goods are shipped, and a
note until the goods are accepted.
"""

from __future__ import annotations

from datetime import datetime

from escrow.facts import DISPUTED, Case, State
from market.contracting.facts import Contract, ContractRefusal, ContractState, Unsound
from market.contracting.terms import TradeTerms, differences, flaws

ALWAYS_FIXED = ("kind", "seller_", "buyer_", "currency", "fees")
UNSIGNED = ("delivery.", "payment.", "formalities", "breach.", "note")
UNSHIPPED = ("delivery.", "formalities", "breach.", "note")
SHIPPED = ("note",)
_NOT_SHIPPED = (State.AWAITING_PAYMENT, State.FUNDED)
_UNDER_WAY = (State.SHIPPED, State.INSPECTING)


def judge(
    contract: Contract, case: Case | None, party_id: int, wanted: TradeTerms, now: datetime
) -> ContractRefusal | Unsound | None:
    """Why this wording can't be proposed; None when it can."""
    if contract.role_of(party_id) is None:
        return ContractRefusal.NOT_A_PARTY
    if contract.ended_at is not None:
        return ContractRefusal.ENDED
    if contract.sign_by is not None and now >= contract.sign_by:
        return ContractRefusal.TOO_LATE
    if not contract.is_trade:
        return ContractRefusal.FROM_A_HAMMER
    if contract.amendment is not None:
        return ContractRefusal.AMENDMENT_OPEN
    changed = [each.path for each in differences(contract.terms, wanted)]
    if not changed:
        return ContractRefusal.NOTHING_CHANGED
    if any(path.startswith(ALWAYS_FIXED) for path in changed):
        return ContractRefusal.PARTIES_FIXED
    if any(path.startswith("goods.") for path in changed):
        return ContractRefusal.GOODS_FIXED
    if contract.state is ContractState.IN_FORCE:
        return _in_force(case, changed) or _unsound(wanted, changed, now)
    found = flaws(wanted, now)
    return Unsound(tuple(found)) if found else None


def still(contract: Contract, case: Case | None, now: datetime) -> ContractRefusal | None:
    """Why the amendment that lies open can't be signed any more: the goods went out meanwhile, or its days have passed."""
    wanted = contract.amendment
    if wanted is None or contract.state is not ContractState.IN_FORCE or not isinstance(wanted.terms, TradeTerms):
        return None
    changed = [each.path for each in differences(contract.terms, wanted.terms)]
    refusal = _in_force(case, changed)
    return refusal or (ContractRefusal.TERMS_UNSOUND if _unsound(wanted.terms, changed, now) else None)


def amendable(contract: Contract, case: Case | None) -> tuple[str, ...]:
    """The beginnings of the paths that can be changed now."""
    if contract.ended_at is not None or not contract.is_trade or contract.amendment is not None:
        return ()
    if contract.state is ContractState.AWAITING_SIGNATURES:
        return UNSIGNED
    if case is None or case.state in DISPUTED:
        return ()
    return UNSHIPPED if _is_unshipped(case) else SHIPPED if case.state in _UNDER_WAY else ()


def _in_force(case: Case | None, changed: list[str]) -> ContractRefusal | None:
    assert case is not None, "a contract in force has its case"
    if case.state in DISPUTED:
        return ContractRefusal.DISPUTED
    if case.state not in (*_NOT_SHIPPED, *_UNDER_WAY):
        return ContractRefusal.OVER
    if not all(path.startswith(UNSHIPPED) and path != "delivery.partial" for path in changed):
        return ContractRefusal.PRICE_FIXED
    if not _is_unshipped(case) and not all(path.startswith(SHIPPED) for path in changed):
        return ContractRefusal.SHIPPED
    return None


def _unsound(wanted: TradeTerms, changed: list[str], now: datetime) -> Unsound | None:
    """What is wrong with what would change; days that have passed since both signed are no fault of a new note."""
    found = [flaw for flaw in flaws(wanted, now) if any(f"{path}.".startswith(f"{flaw.path}.") for path in changed)]
    return Unsound(tuple(found)) if found else None


def _is_unshipped(case: Case) -> bool:
    return case.state in _NOT_SHIPPED and not case.split_minor
