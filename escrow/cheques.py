"""E-cheques: written and signed with money set aside, presented once, or revoked or expired back to the writer.

Each function runs in the caller's transaction. The signature is the writer's wallet key over the cheque's record; it
is checked when the cheque is written and again when it is presented. Locks: deal, cheque, accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from escrow import cashier_store, debts, ledger, rules, store
from escrow.cashier_facts import (
    LONGEST_MEMO,
    LONGEST_RUN_DAYS,
    SHORTEST_RUN_DAYS,
    CashierRefusal,
    Cheque,
    ChequeDraft,
    ChequeState,
)
from escrow.dual_signature import is_cheque_signed
from escrow.facts import LARGEST_AMOUNT_MINOR, Case, Leg, Refusal, Role, State
from escrow.ledger import Account, Operation
from escrow.references import Purpose, new_reference
from escrow.settlement import Actor, Settlement

if TYPE_CHECKING:
    from migrations.database import Connection


def cheque_account(cheque_id: int) -> str:
    return f"cheque:{cheque_id}"


@dataclass(frozen=True, slots=True)
class Cheques:
    settlement: Settlement

    async def draft(
        self,
        conn: Connection,
        *,
        writer_id: int,
        payee_id: int | None,
        case_id: int | None,
        currency: str,
        amount_minor: int,
        memo: str,
        days: int,
        now: datetime,
    ) -> ChequeDraft | Refusal | CashierRefusal:
        """The cheque to be signed, with its number; nothing has moved yet."""
        memo = " ".join(memo.split())
        if not 0 < amount_minor <= LARGEST_AMOUNT_MINOR:
            return Refusal.BAD_AMOUNT
        if payee_id == writer_id:
            return CashierRefusal.CHEQUE_TO_ONESELF
        if not SHORTEST_RUN_DAYS <= days <= LONGEST_RUN_DAYS:
            return CashierRefusal.CHEQUE_RUNS_WRONG
        if len(memo) > LONGEST_MEMO or not memo.isprintable():
            return CashierRefusal.MEMO_TOO_LONG
        if await debts.repay(conn, writer_id, currency, now):
            return Refusal.DEBT_FIRST
        if await ledger.balance(conn, rules.wallet(writer_id), currency) < amount_minor:
            return Refusal.INSUFFICIENT_BALANCE
        written_at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        return ChequeDraft(
            id=await cashier_store.new_cheque_id(conn),
            number=new_reference(Purpose.CHEQUE),
            writer_id=writer_id,
            payee_id=payee_id,
            case_id=case_id,
            currency=currency,
            amount_minor=amount_minor,
            memo=memo,
            written_at=written_at,
            expires_at=written_at + timedelta(days=days),
        )

    async def write(
        self, conn: Connection, draft: ChequeDraft, signature: bytes, public_key: bytes, now: datetime
    ) -> Cheque | Refusal | CashierRefusal:
        """Set the money aside under the signed draft. Refuses a wrong signature, and a wallet that holds less."""
        if not is_cheque_signed(draft.record(), signature, public_key):
            return CashierRefusal.CHEQUE_SIGNATURE_WRONG
        if await debts.repay(conn, draft.writer_id, draft.currency, now):
            return Refusal.DEBT_FIRST
        path = cheque_account(draft.id)
        accounts = await ledger.open_accounts(conn, [Account(path=path, currency=draft.currency)])
        account = accounts[path, draft.currency]
        if not await _moved(conn, draft, "cheque_written", rules.wallet(draft.writer_id), path, draft.writer_id, now):
            return Refusal.INSUFFICIENT_BALANCE
        version = await ledger.tip(conn, account)
        await cashier_store.insert_cheque(conn, draft, signature, public_key, account=account, held_version=version)
        written = await cashier_store.cheque_by_id(conn, draft.id)
        assert written is not None, "it was just inserted"
        return written

    async def present(
        self, conn: Connection, cheque_id: int, payee_id: int, now: datetime
    ) -> Cheque | Refusal | CashierRefusal:
        """The payee has the sum in his wallet; the cheque is used up."""
        cheque = await cashier_store.lock_cheque(conn, cheque_id)
        if cheque is None:
            return CashierRefusal.UNKNOWN_CHEQUE
        if cheque.case_id is not None:
            return CashierRefusal.CHEQUE_FOR_A_DEAL
        refusal = _may_use(cheque, payee_id, now)
        if refusal is not None:
            return refusal
        path = rules.wallet(payee_id)
        await ledger.open_accounts(conn, [Account(path=path, currency=cheque.currency, owner_id=payee_id)])
        moved = await _moved(conn, cheque, "cheque_presented", cheque_account(cheque.id), path, payee_id, now)
        assert moved, "a running cheque's money lies in its account"
        return await _end(conn, cheque, ChequeState.PRESENTED, now)

    async def pay_case(
        self, conn: Connection, case_id: int, cheque_id: int, actor_id: int, now: datetime
    ) -> Case | Refusal | CashierRefusal:
        """Pay what is due in a deal with a cheque that is payable to its buyer, or was written for it; what is over goes
        to the buyer's wallet.
        """
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        if case.buyer_id != actor_id:
            return Refusal.NOT_YOURS
        cheque = await cashier_store.lock_cheque(conn, cheque_id)
        refusal = _misfit(cheque, case, actor_id, now)
        if refusal is not None:
            return refusal
        assert cheque is not None, "a cheque that is not there does not fit"
        buyer = Actor(role=Role.BUYER, party_id=actor_id)
        paid = await self.settlement.pay(conn, case, buyer, cheque_account(cheque.id), cheque.amount_minor, now)
        if isinstance(paid, Case):
            await _end(conn, cheque, ChequeState.PRESENTED, now, paid_case_id=case.id)
        return paid

    async def revoke(
        self, conn: Connection, cheque_id: int, writer_id: int, now: datetime
    ) -> Cheque | Refusal | CashierRefusal:
        """The writer takes it back before anybody presented it."""
        cheque = await cashier_store.lock_cheque(conn, cheque_id)
        if cheque is None:
            return CashierRefusal.UNKNOWN_CHEQUE
        if cheque.writer_id != writer_id:
            return CashierRefusal.NOT_THE_WRITER
        if not cheque.is_running:
            return CashierRefusal.CHEQUE_ENDED
        return await _give_back(conn, cheque, ChequeState.REVOKED, now)

    async def expire_one(self, conn: Connection, now: datetime) -> Cheque | None:
        """The clock's work: one cheque whose time has run out goes back to its writer; None when none has."""
        cheque = await cashier_store.claim_expired_cheque(conn, now)
        return None if cheque is None else await _give_back(conn, cheque, ChequeState.EXPIRED, now)


def _may_use(cheque: Cheque, party_id: int, now: datetime) -> CashierRefusal | None:
    is_payee = cheque.payee_id == party_id or (cheque.case_id is not None and cheque.writer_id == party_id)
    if not is_payee:
        return CashierRefusal.NOT_THE_PAYEE
    if not cheque.is_running or now >= cheque.expires_at:  # The clock may be late to give it back.
        return CashierRefusal.CHEQUE_ENDED
    if not is_cheque_signed(cheque.record, cheque.signature, cheque.public_key):
        return CashierRefusal.CHEQUE_SIGNATURE_WRONG
    return None


def _misfit(cheque: Cheque | None, case: Case, actor_id: int, now: datetime) -> Refusal | CashierRefusal | None:
    if cheque is None:
        return CashierRefusal.UNKNOWN_CHEQUE
    refusal = _may_use(cheque, actor_id, now)
    if refusal is not None:
        return refusal
    if cheque.case_id not in (None, case.id):
        return CashierRefusal.CHEQUE_FOR_A_DEAL
    if cheque.currency != case.currency:
        return CashierRefusal.CHEQUE_OF_ANOTHER_CURRENCY
    if case.state is State.AWAITING_PAYMENT and cheque.amount_minor < case.due_minor:
        return CashierRefusal.CHEQUE_BELOW_DUE
    return None


async def _give_back(conn: Connection, cheque: Cheque, state: ChequeState, now: datetime) -> Cheque:
    path = rules.wallet(cheque.writer_id)
    moved = await _moved(conn, cheque, f"cheque_{state}", cheque_account(cheque.id), path, cheque.writer_id, now)
    assert moved, "a running cheque's money lies in its account"
    return await _end(conn, cheque, state, now)


async def _end(
    conn: Connection, cheque: Cheque, state: ChequeState, now: datetime, paid_case_id: int | None = None
) -> Cheque:
    account = await cashier_store.account_of_cheque(conn, cheque.id)
    sealed_version = (await ledger.seal(conn, [account]))[account]
    await cashier_store.end_cheque(conn, cheque.id, state, paid_case_id, now, sealed_version)
    ended = await cashier_store.cheque_by_id(conn, cheque.id)
    assert ended is not None, "cheques are never deleted"
    return ended


async def _moved(
    conn: Connection, cheque: Cheque | ChequeDraft, kind: str, source: str, target: str, actor_id: int, now: datetime
) -> bool:
    leg = Leg(debit=source, credit=target, currency=cheque.currency, amount_minor=cheque.amount_minor)
    operation = Operation(kind=kind, subject=f"cheque:{cheque.id}", actor=f"party:{actor_id}", legs=(leg,))
    (posted,) = await ledger.post_many(conn, [operation], now)
    if posted.refused_by == ledger.OVERDRAWN:
        return False
    if posted.result != "posted":
        raise ledger.PostingRefusedError(posted.refused_by or posted.result, operation)
    return True
