"""What a card pays for: whether it is awaited, and the posting when it is paid. Inside the caller's transaction.

A case, a deposit, a wallet or small change; the caller has locked what is locked here: the subject, then the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec import Struct

from escrow import ledger, rules, store
from escrow.card_facts import GATEWAY, CardPayment, CardPurpose, CardRefusal, CardTarget
from escrow.desk import EscrowDesk
from escrow.facts import Case, Deposit, DepositState, Leg, Role, State
from escrow.ledger import Account, Operation
from escrow.settlement import Actor

if TYPE_CHECKING:
    from migrations.database import Connection


class Awaited(Struct, frozen=True, kw_only=True):
    """What the target takes, locked: this sum of this currency from this party; any sum where `amount_minor` is None, up
    to `most_minor` where that is a number.
    """

    party_id: int
    currency: str | None
    amount_minor: int | None
    most_minor: int | None = None
    case: Case | None = None
    deposit: Deposit | None = None


@dataclass(frozen=True, slots=True)
class CardTargets:
    """`change_cap_minor` is the most that small change may hold in one currency; None: there is no cap."""

    desk: EscrowDesk
    change_cap_minor: int | None = None

    async def lock(self, conn: Connection, target: CardTarget, currency: str) -> Awaited | CardRefusal:
        """Lock what is paid for and say what it takes, or that it takes nothing (any more)."""
        if target.purpose is CardPurpose.CASE:
            return await self._lock_case(conn, target.id)
        if target.purpose is CardPurpose.DEPOSIT:
            return await self._lock_deposit(conn, target.id)
        if target.purpose is CardPurpose.CHANGE and self.change_cap_minor is not None:
            return await self._lock_change(conn, target, currency, self.change_cap_minor)
        return Awaited(party_id=target.id, currency=None, amount_minor=None)

    async def _lock_change(self, conn: Connection, target: CardTarget, currency: str, cap_minor: int) -> Awaited:
        # Opened first, so that there is something to lock: two first top-ups at once can't pass the cap together.
        await ledger.open_accounts(conn, [Account(path=str(target), currency=currency, owner_id=target.id)])
        held = await ledger.lock_balance(conn, str(target), currency)
        return Awaited(party_id=target.id, currency=currency, amount_minor=None, most_minor=max(cap_minor - held, 0))

    async def _lock_case(self, conn: Connection, case_id: int) -> Awaited | CardRefusal:
        case = await store.lock_case(conn, case_id)
        if case is None:
            return CardRefusal.UNKNOWN_SUBJECT
        if case.state is not State.AWAITING_PAYMENT:
            return CardRefusal.NOT_AWAITED
        return Awaited(party_id=case.buyer_id, currency=case.currency, amount_minor=case.due_minor, case=case)

    async def _lock_deposit(self, conn: Connection, deposit_id: int) -> Awaited | CardRefusal:
        named = await store.deposit_by_id(conn, deposit_id)
        if named is None:
            return CardRefusal.UNKNOWN_SUBJECT
        await self.desk.deposits.hooks.lock_subject(conn, named.subject)
        deposit = await store.lock_deposit(conn, deposit_id)
        if deposit is None or deposit.state is not DepositState.REQUESTED:
            return CardRefusal.NOT_AWAITED
        return Awaited(
            party_id=deposit.party_id,
            currency=deposit.currency,
            amount_minor=deposit.amount_minor,
            deposit=deposit,
        )

    async def post(self, conn: Connection, payment: CardPayment, awaited: Awaited, now: datetime) -> UUID:
        """Post the captured sum to what it is for, which `lock` has just found waiting; the operation's id."""
        await ledger.open_accounts(conn, [Account(path=GATEWAY, currency=payment.currency)])
        if awaited.case is not None:
            detail = {"from": GATEWAY, "payment_id": payment.id}
            paid = await self.desk.settlement.pay(
                conn,
                awaited.case,
                Actor(role=Role.BANK),
                GATEWAY,
                payment.amount_minor,
                now,
                payment_id=payment.id,
                detail=detail,
            )
            assert isinstance(paid, Case), "what fits a waiting case pays it"
            return ledger.operation_id(str(payment.target), "case_pay")
        if awaited.deposit is not None:
            await self.desk.deposits.hold_from(conn, awaited.deposit, GATEWAY, f"card:{payment.id}", now)
            return ledger.operation_id(str(payment.target), "deposit_held")
        return await self._top_up(conn, payment, now)

    async def _top_up(self, conn: Connection, payment: CardPayment, now: datetime) -> UUID:
        path = rules.wallet(payment.party_id) if payment.target.purpose is CardPurpose.WALLET else str(payment.target)
        await ledger.open_accounts(conn, [Account(path=path, currency=payment.currency, owner_id=payment.party_id)])
        leg = Leg(debit=GATEWAY, credit=path, currency=payment.currency, amount_minor=payment.amount_minor)
        operation = Operation(
            kind="card_top_up", subject=f"card:{payment.id}", actor=f"party:{payment.party_id}", legs=(leg,)
        )
        await ledger.post(conn, operation, now)
        return operation.id


def misfit(payment: CardPayment, awaited: Awaited) -> CardRefusal | None:
    """Why this payment is not what is awaited, tested in the order of CardRefusal."""
    if awaited.party_id != payment.party_id:
        return CardRefusal.NOT_YOURS
    if awaited.currency not in (None, payment.currency) or awaited.amount_minor not in (None, payment.amount_minor):
        return CardRefusal.WRONG_SUM
    if awaited.most_minor is not None and payment.amount_minor > awaited.most_minor:
        return CardRefusal.WRONG_SUM
    return None
