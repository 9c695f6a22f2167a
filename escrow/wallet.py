"""A party's own money: what the wallet holds, how it moved, the bank account it goes to, and withdrawals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_97_10

from escrow import debts, ledger, payments_store, rules
from escrow.facts import LARGEST_AMOUNT_MINOR, BankAccount, Payout, PayoutPurpose, Refusal
from escrow.payouts import Payouts, Source
from escrow.store import read
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow", "ledger")
_NUMBER = re.compile(r"[A-Z0-9]{6,34}")
_WITH_CHECK_DIGITS = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{6,}")


class StatementLine(Struct, frozen=True, kw_only=True):
    """One movement; `amount_minor` is signed, `account` is wallet or payable, `kind` the act that moved it."""

    at: datetime
    kind: str
    subject: str
    amount_minor: int
    balance_minor: int
    account: str


@dataclass(frozen=True, slots=True)
class Wallet:
    payouts: Payouts

    async def balance(self, conn: Connection, party_id: int, currency: str) -> int:
        """What the party can spend or withdraw."""
        return await ledger.balance(conn, rules.wallet(party_id), currency)

    async def balances(self, conn: Connection, party_id: int) -> dict[str, int]:
        """The wallet in each currency it was ever opened in."""
        rows = await conn.fetch(_queries.wallet_balances, party_id, "wallet")
        return {row["currency"]: row["balance_minor"] for row in rows}

    async def payable(self, conn: Connection, party_id: int, currency: str) -> int:
        """What the house owes the party as a seller and has not yet put into a payout."""
        return await ledger.balance(conn, rules.payable(party_id), currency)

    async def statement(self, conn: Connection, party_id: int, currency: str, limit: int = 200) -> list[StatementLine]:
        """The party's movements in one currency, latest first."""
        rows = await conn.fetch(_queries.statement, party_id, currency, limit)
        return [read(row, StatementLine) for row in rows]

    async def withdraw(
        self, conn: Connection, party_id: int, amount_minor: int, currency: str, now: datetime
    ) -> Payout | Refusal:
        """Pay wallet money out to the party's registered bank account. What he owes the house is repaid first."""
        if not 0 < amount_minor <= LARGEST_AMOUNT_MINOR:
            return Refusal.BAD_AMOUNT
        payee = await payments_store.bank_account(conn, party_id)
        if payee is None:
            return Refusal.NO_BANK_ACCOUNT
        if await debts.repay(conn, party_id, currency, now):
            return Refusal.DEBT_FIRST
        if await self.balance(conn, party_id, currency) < amount_minor:
            return Refusal.INSUFFICIENT_BALANCE
        source = Source(path=rules.wallet(party_id), purpose=PayoutPurpose.WITHDRAWAL, party_id=party_id)
        return await self.payouts.queue(conn, source, currency, amount_minor, now, payee=payee)

    async def bank_account(self, conn: Connection, party_id: int) -> BankAccount | None:
        return await payments_store.bank_account(conn, party_id)

    async def register_bank_account(
        self, conn: Connection, party_id: int, holder: str, number: str, now: datetime
    ) -> BankAccount | Refusal:
        """Where the party's payouts go from now on. Payouts that waited for it, or came back, are queued."""
        account = BankAccount(party_id=party_id, holder=" ".join(holder.split()), number=plain_number(number))
        if not account.holder or len(account.holder) > 70 or not account.holder.isprintable():
            return Refusal.BAD_ACCOUNT_HOLDER
        if not number_is_right(account.number):
            return Refusal.BAD_ACCOUNT_NUMBER
        await payments_store.replace_bank_account(conn, account, now)
        await self.payouts.payee_known(conn, account, now)
        return account


def plain_number(number: str) -> str:
    """An account number as banks store it: no spaces or dashes, capital letters."""
    return re.sub(r"[\s\-]", "", number).upper()


def number_is_right(number: str) -> bool:
    """Right in form; and where the number carries check digits (as an IBAN does), they agree (ISO 7064 mod 97-10)."""
    if not _NUMBER.fullmatch(number):
        return False
    if not _WITH_CHECK_DIGITS.fullmatch(number):
        return True
    try:
        mod_97_10.validate(number[4:] + number[:4])
    except ValidationError:
        return False
    return True
