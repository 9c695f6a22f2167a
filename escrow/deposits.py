"""Deposits: asked for, paid in or taken from the wallet, held in an account of their own, and freed at the close.

What becomes of the winner's deposit afterwards (applied to the price, forfeited) is settlement's work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from escrow import debts, ledger, store
from escrow.facts import Deposit, DepositState, Leg, Refusal
from escrow.hooks import Hooks
from escrow.ledger import Account, Operation
from escrow.references import Purpose, new_reference
from escrow.rules import FORFEITS, deposit_account, wallet

if TYPE_CHECKING:
    from migrations.database import Connection


@dataclass(frozen=True, slots=True)
class Deposits:
    """The acts on deposits; each runs inside the caller's transaction."""

    hooks: Hooks

    async def request_deposit(
        self, conn: Connection, *, subject: str, party_id: int, amount_minor: int, currency: str, now: datetime
    ) -> Deposit:
        """Ask a party for a deposit, with a reference to pay it by. Asking again gives the running one."""
        running = await store.deposit_of(conn, subject, party_id)
        if running is not None and running.state in (DepositState.REQUESTED, DepositState.HELD):
            return running
        deposit_id = await store.new_deposit_id(conn)
        deposit = Deposit(
            id=deposit_id,
            subject=subject,
            party_id=party_id,
            currency=currency,
            amount_minor=amount_minor,
            reference=new_reference(Purpose.DEPOSIT),
            state=DepositState.REQUESTED,
            requested_at=now,
        )
        paths = [
            Account(path=deposit_account(deposit_id), currency=currency, owner_id=party_id),
            Account(path=wallet(party_id), currency=currency, owner_id=party_id),
        ]
        accounts = await ledger.open_accounts(conn, paths)
        if await store.insert_deposit(conn, deposit, accounts[deposit_account(deposit_id), currency]):
            return deposit
        other = await store.deposit_of(conn, subject, party_id)
        assert other is not None, "a running deposit stood in the way"
        return other

    async def freeze_from_wallet(self, conn: Connection, deposit_id: int, now: datetime) -> Deposit | Refusal:
        """Take the deposit from the party's wallet and hold it; refuses when the wallet has less."""
        asked = await store.deposit_by_id(conn, deposit_id)
        if asked is None:
            return Refusal.UNKNOWN_DEPOSIT
        await self.hooks.lock_subject(conn, asked.subject)
        deposit = await store.lock_deposit(conn, deposit_id)
        if deposit is None or deposit.state is not DepositState.REQUESTED:
            return Refusal.DEPOSIT_NOT_AWAITED
        if await debts.repay(conn, deposit.party_id, deposit.currency, now):
            return Refusal.DEBT_FIRST
        if await self._hold(conn, deposit, (_from_wallet(deposit),), f"party:{deposit.party_id}", now):
            return await self._held(conn, deposit, now)
        return Refusal.INSUFFICIENT_BALANCE

    async def hold_from(self, conn: Connection, deposit: Deposit, source: str, actor: str, now: datetime) -> Deposit:
        """Money of exactly the deposit's sum came from `source` (bank or suspense): into the wallet and frozen at once.
        The caller has locked the deposit and seen that it waits.
        """
        arrived = Leg(
            debit=source,
            credit=wallet(deposit.party_id),
            currency=deposit.currency,
            amount_minor=deposit.amount_minor,
        )
        held = await self._hold(conn, deposit, (arrived, _from_wallet(deposit)), actor, now)
        assert held, "what has just been put into a wallet can be frozen from it"
        return await self._held(conn, deposit, now)

    async def free_deposits(
        self,
        conn: Connection,
        subject: str,
        party_ids: Sequence[int] | None,
        now: datetime,
        *,
        except_parties: Sequence[int] = (),
    ) -> int:
        """Free the held deposits of these parties (None: of all) on the subject but for `except_parties`, and let unpaid requests
        lapse.

        For the closing's transaction: a fixed number of statements, however many lose. How many were freed.
        """
        deposits = await store.lock_running_deposits(conn, subject, party_ids, except_parties)
        if not deposits:
            return 0
        held = [deposit for deposit in deposits if deposit.state is DepositState.HELD]
        results = await ledger.post_many(conn, [_freeing(deposit) for deposit in held], now)
        assert all(each.result == "posted" for each in results), "a held deposit can always be freed"
        await store.end_deposits(conn, [(each, _end_of(each)) for each in deposits], now)
        return len(held)

    async def forfeit(self, conn: Connection, subject: str, party_id: int, to_party: int, now: datetime) -> None:
        """A held deposit that was a bond is lost: half of it, rounded down, to the other side's wallet, the rest to the
        house, as a buyer's is who does not pay. Without a held deposit nothing happens.
        """
        deposit = await store.lock_held_deposit(conn, subject, party_id)
        if deposit is None:
            return
        half, held = deposit.amount_minor // 2, deposit_account(deposit.id)
        shares = ((wallet(to_party), half), (FORFEITS, deposit.amount_minor - half))
        legs = tuple(
            Leg(debit=held, credit=path, currency=deposit.currency, amount_minor=amount)
            for path, amount in shares
            if amount
        )
        opened = [
            Account(path=wallet(to_party), currency=deposit.currency, owner_id=to_party),
            Account(path=FORFEITS, currency=deposit.currency),
        ]
        await ledger.open_accounts(conn, opened)
        operation = Operation(kind="bond_forfeited", subject=f"deposit:{deposit.id}", actor="house", legs=legs)
        await ledger.post(conn, operation, now)
        await self.end(conn, deposit, DepositState.FORFEITED, now)

    async def _hold(self, conn: Connection, deposit: Deposit, legs: tuple[Leg, ...], actor: str, now: datetime) -> bool:
        operation = Operation(kind="deposit_held", subject=f"deposit:{deposit.id}", actor=actor, legs=legs)
        (posted,) = await ledger.post_many(conn, [operation], now)
        if posted.refused_by == ledger.OVERDRAWN:
            return False
        if posted.result != "posted":
            raise ledger.PostingRefusedError(posted.refused_by or posted.result, operation)
        return True

    async def _held(self, conn: Connection, deposit: Deposit, now: datetime) -> Deposit:
        accounts = await ledger.open_accounts(conn, [_account(deposit)])
        version = await ledger.tip(conn, accounts[deposit_account(deposit.id), deposit.currency])
        await store.hold_deposit(conn, deposit.id, version, now)
        held = msgspec.structs.replace(deposit, state=DepositState.HELD, held_at=now)
        await self.hooks.on_deposit_held(conn, held, now)
        return held

    async def end(self, conn: Connection, deposit: Deposit, state: DepositState, now: datetime) -> None:
        """The deposit's money has been moved on by the caller: seal its account and say what became of it."""
        await store.end_deposits(conn, [(deposit, state)], now)

    async def deposit_by_id(self, conn: Connection, deposit_id: int) -> Deposit | None:
        return await store.deposit_by_id(conn, deposit_id)

    async def deposit_of(self, conn: Connection, subject: str, party_id: int) -> Deposit | None:
        """A party's latest deposit on a subject."""
        return await store.deposit_of(conn, subject, party_id)

    async def deposits_of(self, conn: Connection, party_id: int) -> list[Deposit]:
        """A party's deposits, latest first."""
        return await store.deposits_of_party(conn, party_id)


def _account(deposit: Deposit) -> Account:
    return Account(path=deposit_account(deposit.id), currency=deposit.currency, owner_id=deposit.party_id)


def _from_wallet(deposit: Deposit) -> Leg:
    return Leg(
        debit=wallet(deposit.party_id),
        credit=deposit_account(deposit.id),
        currency=deposit.currency,
        amount_minor=deposit.amount_minor,
    )


def _freeing(deposit: Deposit) -> Operation:
    leg = Leg(
        debit=deposit_account(deposit.id),
        credit=wallet(deposit.party_id),
        currency=deposit.currency,
        amount_minor=deposit.amount_minor,
    )
    return Operation(kind="deposit_freed", subject=f"deposit:{deposit.id}", actor="house", legs=(leg,))


def _end_of(deposit: Deposit) -> DepositState:
    return DepositState.FREED if deposit.state is DepositState.HELD else DepositState.LAPSED
