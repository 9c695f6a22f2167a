"""What a payment that a bank takes back had paid, and so from whom how much of it is to come. Locks what it finds.

a deal                          of the deal: its buyer as far as he had it back, else its seller
wallet, small change            of the payer's own
a deposit, the lot still open   the deposit itself: it falls, and its bidder's admission with it
… that secures a closed lot,
  was freed, or was forfeited   of the payer's own: whoever was promised it keeps it
… that went into a price        of the deal, but what was over the price of the payer's own, and first
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from escrow import claims_store, store
from escrow.card_facts import CardPurpose
from escrow.facts import BankNotice, Case, Deposit, DepositState
from escrow.hooks import Hooks

if TYPE_CHECKING:
    from migrations.database import Connection


class Taken(Struct, frozen=True, kw_only=True):
    """The parts of a sum that is taken back. `falls` is the held deposit that it takes away."""

    purpose: CardPurpose
    payer_id: int
    currency: str
    payer_minor: int
    sale_minor: int
    case: Case | None = None
    deposit_id: int | None = None
    falls: Deposit | None = None

    @property
    def amount_minor(self) -> int:
        return self.payer_minor + self.sale_minor


async def share(conn: Connection, hooks: Hooks, notice: BankNotice) -> Taken | None:
    """Whose money the bank takes; None when we know of no such payment, or of none of that much."""
    case_id = await claims_store.case_of_payment(conn, notice.reference)
    if case_id is not None:
        return await _of_case(conn, case_id, notice)
    paid = await claims_store.paid_by_card(conn, notice.reference)
    if paid is None or paid.purpose is CardPurpose.CASE or paid.currency != notice.currency:
        return None
    before, _ = await claims_store.taken_back_before(conn, notice.reference)
    if before + notice.amount_minor > paid.amount_minor:
        return None
    if paid.purpose is CardPurpose.DEPOSIT:
        return await _of_deposit(conn, hooks, paid.target_id, notice)
    return Taken(
        purpose=paid.purpose,
        payer_id=paid.party_id,
        currency=paid.currency,
        payer_minor=notice.amount_minor,
        sale_minor=0,
    )


async def share_of_transfer(
    conn: Connection,
    hooks: Hooks,
    notice: BankNotice,
    *,
    case_id: int | None = None,
    deposit_id: int | None = None,
    party_id: int | None = None,
) -> Taken | None:
    """The same of a bank transfer, of which the book knows what it paid: exactly one of these. What was over the sum that
    was due lay in the payer's wallet, and is of his own.
    """
    if case_id is not None:
        case = await store.lock_case(conn, case_id)
        if case is None or case.currency != notice.currency:
            return None
        over = max(notice.amount_minor - case.due_minor, 0)
        return Taken(
            purpose=CardPurpose.WALLET if over else CardPurpose.CASE,
            payer_id=case.buyer_id,
            currency=case.currency,
            payer_minor=over,
            sale_minor=notice.amount_minor - over,
            case=case,
        )
    if deposit_id is not None:
        deposit = await store.deposit_by_id(conn, deposit_id)
        assert deposit is not None, "the book knows the deposit that it paid, and deposits are never deleted"
        over = max(notice.amount_minor - deposit.amount_minor, 0)
        exact = msgspec.structs.replace(notice, amount_minor=notice.amount_minor - over)
        taken = await _of_deposit(conn, hooks, deposit_id, exact)
        return msgspec.structs.replace(taken, payer_minor=taken.payer_minor + over, falls=None) if over else taken
    assert party_id is not None, "a transfer paid a deal, a deposit, or into a wallet"
    return Taken(
        purpose=CardPurpose.WALLET,
        payer_id=party_id,
        currency=notice.currency,
        payer_minor=notice.amount_minor,
        sale_minor=0,
    )


async def _of_case(conn: Connection, case_id: int, notice: BankNotice) -> Taken | None:
    case = await store.lock_case(conn, case_id)
    if case is None or case.currency != notice.currency:
        return None
    before, _ = await claims_store.taken_back_before(conn, notice.reference)
    if before + notice.amount_minor > case.due_minor:  # what was its deposit is another payment's, or none
        return None
    return Taken(
        purpose=CardPurpose.CASE,
        payer_id=case.buyer_id,
        currency=case.currency,
        payer_minor=0,
        sale_minor=notice.amount_minor,
        case=case,
    )


async def _of_deposit(conn: Connection, hooks: Hooks, deposit_id: int, notice: BankNotice) -> Taken:
    named = await store.deposit_by_id(conn, deposit_id)
    assert named is not None, "a captured payment's deposit exists, and deposits are never deleted"
    await hooks.lock_subject(conn, named.subject)
    deposit = await store.lock_deposit(conn, deposit_id)
    assert deposit is not None
    falls, case, payer_minor = None, None, notice.amount_minor
    if deposit.state is DepositState.HELD:
        pledged = await claims_store.secures_a_deal(conn, deposit_id)
        falls = None if pledged or not await hooks.deposit_can_fall(conn, deposit) else deposit
    elif deposit.state is DepositState.APPLIED:
        case_id = await claims_store.case_of_deposit(conn, deposit_id)
        case = None if case_id is None else await store.lock_case(conn, case_id)
    if case is not None:
        _, before = await claims_store.taken_back_before(conn, notice.reference)
        payer_minor = min(deposit.amount_minor - case.deposit_minor - before, notice.amount_minor)
        if payer_minor == notice.amount_minor:
            case = None
    return Taken(
        purpose=CardPurpose.DEPOSIT,
        payer_id=deposit.party_id,
        currency=deposit.currency,
        payer_minor=payer_minor,
        sale_minor=notice.amount_minor - payer_minor,
        case=case,
        deposit_id=deposit_id,
        falls=falls,
    )
