"""What each step of a case moves: the names of the accounts, the formulas of the fees, and the legs.

Pure. Money moves from the first account of a leg to the second; a leg of nothing is no leg.
"""

from __future__ import annotations

from escrow.facts import Case, Fees, Leg
from escrow.steps import Division, Request

BANK, GATEWAY = "bank", "gateway"
COMMISSION, FEES, FORFEITS = "commission", "fees", "forfeits"


# The names of accounts.


def wallet(party_id: int) -> str:
    return f"wallet:{party_id}"


def payable(party_id: int) -> str:
    return f"payable:{party_id}"


def receivable(party_id: int) -> str:
    """What a party owes the house: below zero by the debt."""
    return f"receivable:{party_id}"


def reserve(party_id: int) -> str:
    return f"reserve:{party_id}"


def chargeback_account(chargeback_id: int) -> str:
    return f"chargeback:{chargeback_id}"


def deposit_account(deposit_id: int | None) -> str:
    return f"deposit:{deposit_id}"


def escrow_account(case_id: int) -> str:
    return f"escrow:{case_id}"


# The formulas of the fees.


def commission_minor(price_minor: int, rate_bp: int) -> int:
    """f = (P·rate + 5000) // 10000: the rate in basis points, half a unit rounded up."""
    return (price_minor * rate_bp + 5000) // 10_000


def fees_minor(price_minor: int, fees: Fees) -> int:
    """The transaction fee by the same formula and the service fee, together with the commission at most half of the price."""
    asked = (price_minor * fees.transaction_bp + 5000) // 10_000 + fees.service_minor
    return min(asked, price_minor // 2 - commission_minor(price_minor, fees.commission_bp))


def unwound(fee_minor: int, price_minor: int, refund_minor: int) -> int:
    """f' = (f·(P − r) + P // 2) // P: what is left of a fee when `refund_minor` of the price goes back."""
    return (fee_minor * (price_minor - refund_minor) + price_minor // 2) // price_minor


def share(fee_minor: int, price_minor: int, before_minor: int, amount_minor: int) -> int:
    """The share of a part in its parent's fee. The shares of all parts and of the rest add up to the fee."""
    return unwound(fee_minor, price_minor, price_minor - before_minor - amount_minor) - unwound(
        fee_minor, price_minor, price_minor - before_minor
    )


def division(case: Case, buyer_minor: int, house_minor: int | None = None) -> Division:
    """What the case holds, divided: `buyer_minor` goes back, the fees are unwound by it, the seller has the rest.

    What was released before has borne its fees already. The house never takes more than the buyer leaves; `house_minor`
    is an arbiter's own word for its share.
    """
    left = case.held_minor - buyer_minor
    price, back = case.own_minor, buyer_minor
    asked_commission = unwound(case.own_commission_minor, price, back) - case.undisputed_commission_minor
    commission = max(min(asked_commission, left), 0)
    fees = max(min(unwound(case.own_fees_minor, price, back) - case.undisputed_fees_minor, left - commission), 0)
    if house_minor is not None:
        commission = min(commission, house_minor)
        fees = house_minor - commission
    return Division(
        buyer_minor=buyer_minor, seller_minor=left - commission - fees, commission_minor=commission, fees_minor=fees
    )


def undisputed(case: Case) -> Division:
    """What nobody disputes of a claimed case, divided as if all that is claimed were refunded."""
    claimed = case.claim.amount_minor if case.claim else case.own_minor
    free = case.own_minor - claimed
    commission = min(unwound(case.own_commission_minor, case.own_minor, claimed), free)
    fees = min(unwound(case.own_fees_minor, case.own_minor, claimed), free - commission)
    return Division(buyer_minor=0, seller_minor=free - commission - fees, commission_minor=commission, fees_minor=fees)


def kept_back(case: Case, seller_minor: int) -> int:
    """How much of the seller's share is held in his reserve."""
    return seller_minor * case.reserve_bp // 10_000


def withheld(case: Case, buyer_minor: int) -> int:
    """How much of a refund the buyer's bank has taken already: it is the seller's, from whom the bank took it, and not the
    buyer's twice.
    """
    return min(buyer_minor, case.charged_back_minor - case.withheld_minor)


# What each step moves.


def legs(case: Case, *moves: tuple[str, str, int]) -> tuple[Leg, ...]:
    return tuple(
        Leg(debit=debit, credit=credit, currency=case.currency, amount_minor=amount)
        for debit, credit, amount in moves
        if amount > 0
    )


def payment(case: Case, request: Request) -> tuple[Leg, ...]:
    """The due sum from where it came, the deposit from where it lay; what is over goes to the buyer's wallet."""
    escrow = escrow_account(case.id)
    return legs(
        case,
        (request.source, escrow, case.due_minor),
        (deposit_account(case.deposit_id), escrow, case.deposit_minor),
        (request.source, wallet(case.buyer_id), request.received_minor - case.due_minor),
    )


def forfeit(case: Case, request: Request) -> tuple[Leg, ...]:
    """Half of the deposit, rounded down, to the seller; the rest to the house."""
    half = case.deposit_minor // 2
    held = deposit_account(case.deposit_id)
    return legs(case, (held, payable(case.seller_id), half), (held, FORFEITS, case.deposit_minor - half))


def reinstatement(case: Case, request: Request) -> tuple[Leg, ...]:
    """A payment, and the forfeit undone: the house's half comes back from it, the seller's half is his debt, which the
    proceeds of this very case repay first.
    """
    escrow, half = escrow_account(case.id), case.deposit_minor // 2
    return legs(
        case,
        (request.source, escrow, case.due_minor),
        (FORFEITS, escrow, case.deposit_minor - half),
        (receivable(case.seller_id), escrow, half),
        (request.source, wallet(case.buyer_id), request.received_minor - case.due_minor),
    )


def free_deposit(case: Case, request: Request) -> tuple[Leg, ...]:
    return legs(case, (deposit_account(case.deposit_id), wallet(case.buyer_id), case.deposit_minor))


def divided(case: Case, parts: Division, *, is_last: bool) -> tuple[Leg, ...]:
    """Out of the escrow: the buyer's part, the seller's less what his reserve keeps, the house's. The reserve is kept
    when the case is divided for the last time. What is withheld of a refund comes to the seller's payable, where it
    repays his debt first (escrow/moves.py, `pay_out`).
    """
    escrow = escrow_account(case.id)
    back, kept = withheld(case, parts.buyer_minor), kept_back(case, parts.seller_minor) if is_last else 0
    return legs(
        case,
        (escrow, wallet(case.buyer_id), parts.buyer_minor - back),
        (escrow, payable(case.seller_id), parts.seller_minor - kept + back),
        (escrow, reserve(case.seller_id), kept),
        (escrow, COMMISSION, parts.commission_minor),
        (escrow, FEES, parts.fees_minor),
    )
