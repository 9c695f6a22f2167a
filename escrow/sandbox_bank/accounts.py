"""The bank's own book: accounts, transfers between them, and the notice that a credit to the centre brings about.

BankRefusalError   the bank does not do it; `code` says why
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import asyncpg
import msgspec
from msgspec import Struct

from escrow.sandbox_bank import numbers
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("escrow.sandbox_bank")
_Row = TypeVar("_Row")

CURRENCIES = {"CNY": 2, "USD": 2, "EUR": 2, "GBP": 2, "HKD": 2, "JPY": 0, "KWD": 3}
LARGEST_AMOUNT_MINOR = 1_000_000_000_000_000


class BankRefusalError(Exception):
    """The bank refuses; the code is a key of its catalogue (`refusal.<code>`)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Account(Struct, frozen=True, kw_only=True):
    number: str
    holder: str
    currency: str
    balance_minor: int
    is_centre: bool
    is_closed: bool


class Movement(Struct, frozen=True, kw_only=True):
    """One line of an account; `amount_minor` is negative for money that went out."""

    id: str
    booked_at: datetime
    currency: str
    amount_minor: int
    balance_minor: int
    other_holder: str
    other_number: str
    reference: str


class Order(Struct, frozen=True, kw_only=True):
    """What a customer wants transferred: from an account here, or (`from_name`) from somewhere else in the world."""

    currency: str
    amount_minor: int
    reference: str
    from_number: str = ""
    from_name: str = ""
    to_number: str = ""
    request_key: str | None = None


def _read(row: Record | None, kind: type[_Row]) -> _Row | None:
    return None if row is None else msgspec.convert(dict(row), kind)


async def open_centre(conn: Connection, now: datetime) -> None:
    """The centre's accounts, one for each currency; those that stand stay as they are."""
    for serial, (currency, number) in enumerate(numbers.CENTRE_ACCOUNTS.items(), start=1):
        await conn.execute(_queries.open_account, number, serial, numbers.CENTRE_HOLDER, currency, 0, True, now)


async def open_account(conn: Connection, holder: str, currency: str, balance_minor: int, now: datetime) -> Account:
    """A customer's account with a first balance out of nowhere, as this is a sandbox. Raises BankRefusalError."""
    holder = " ".join(holder.split())
    if not holder or len(holder) > 70:
        raise BankRefusalError("bad_holder")
    if currency not in CURRENCIES:
        raise BankRefusalError("unknown_currency")
    if not 0 <= balance_minor <= LARGEST_AMOUNT_MINOR:
        raise BankRefusalError("bad_amount")
    async with conn.transaction():
        await conn.execute(_queries.lock_serials)
        serial = await conn.fetchval(_queries.next_serial, numbers.FIRST_CUSTOMER_SERIAL)
        number = numbers.account_number(serial)
        await conn.execute(_queries.open_account, number, serial, holder, currency, balance_minor, False, now)
    return Account(
        number=number,
        holder=holder,
        currency=currency,
        balance_minor=balance_minor,
        is_centre=False,
        is_closed=False,
    )


async def close_account(conn: Connection, number: str, now: datetime) -> None:
    """From now on money for this account is returned."""
    await conn.execute(_queries.close_account, number, now)


async def accounts(conn: Connection) -> list[Account]:
    return [msgspec.convert(dict(row), Account) for row in await conn.fetch(_queries.accounts)]


async def account(conn: Connection, number: str) -> Account | None:
    return _read(await conn.fetchrow(_queries.account, number), Account)


async def movements(conn: Connection, number: str, limit: int = 100) -> list[Movement]:
    return [msgspec.convert(dict(row), Movement) for row in await conn.fetch(_queries.movements, number, limit)]


async def transfer(conn: Connection, order: Order, now: datetime) -> str:
    """Execute an order at once; the transfer's id. The same request key gives the same transfer. Raises
    BankRefusalError.
    """
    if not 0 < order.amount_minor <= LARGEST_AMOUNT_MINOR:
        raise BankRefusalError("bad_amount")
    if order.currency not in CURRENCIES:
        raise BankRefusalError("unknown_currency")
    if bool(order.from_number) == bool(order.from_name.strip()):
        raise BankRefusalError("one_sender")
    if len(order.reference) > 140 or len(order.from_name) > 70:
        raise BankRefusalError("too_long")
    try:
        async with conn.transaction():
            return await _transfer(conn, order, now)
    except asyncpg.CheckViolationError as error:
        if error.constraint_name != "account_not_overdrawn":
            raise
        raise BankRefusalError("not_enough") from error


async def _transfer(conn: Connection, order: Order, now: datetime) -> str:
    to_number = order.to_number or await _centre_number(conn, order.currency)
    wanted = [number for number in (order.from_number, to_number) if number]
    found = {
        row["number"]: msgspec.convert(dict(row), Account) for row in await conn.fetch(_queries.lock_accounts, wanted)
    }
    sender, payee = found.get(order.from_number), found.get(to_number)
    if order.from_number and (sender is None or sender.is_closed):
        raise BankRefusalError("unknown_sender")
    if payee is None or payee.is_closed:
        raise BankRefusalError("unknown_payee")
    if sender is payee:
        raise BankRefusalError("same_account")
    if payee.currency != order.currency or (sender and sender.currency != order.currency):
        raise BankRefusalError("other_currency")
    from_holder = sender.holder if sender else " ".join(order.from_name.split())
    # Somebody at another bank: a number that is not ours, made up from the name, so that a return has a place to go.
    from_number = sender.number if sender else f"EX{abs(hash_of(from_holder)) % 10**10:010d}"
    transfer_id = new_transfer_id()
    inserted = await conn.execute(
        _queries.insert_transfer,
        transfer_id,
        from_number,
        from_holder,
        to_number,
        payee.holder,
        order.currency,
        order.amount_minor,
        order.reference,
        order.request_key,
        now,
    )
    if inserted != "INSERT 0 1":
        return await _made_before(conn, order)
    if sender:
        await conn.execute(_queries.move, sender.number, transfer_id, -order.amount_minor)
    await conn.execute(_queries.move, payee.number, transfer_id, order.amount_minor)
    if payee.is_centre:
        sender_data = {"holder": from_holder, "number": from_number}
        await tell(conn, "transfer.received", transfer_id, order, now, sender=sender_data)
    return transfer_id


async def pay_out(conn: Connection, end_to_end_id: str, payee: Account | None, order: Order, now: datetime) -> None:
    """Execute one payment of the centre's file: credited here, or gone to another bank (`payee` None)."""
    transfer_id = new_transfer_id()
    await conn.execute(
        _queries.insert_transfer,
        transfer_id,
        order.from_number,
        numbers.CENTRE_HOLDER,
        order.to_number,
        payee.holder if payee else order.from_name,
        order.currency,
        order.amount_minor,
        end_to_end_id,
        order.request_key,
        now,
    )
    await conn.execute(_queries.move, order.from_number, transfer_id, -order.amount_minor)
    if payee:
        await conn.execute(_queries.move, payee.number, transfer_id, order.amount_minor)


async def tell(
    conn: Connection,
    kind: str,
    notice_id: str,
    order: Order,
    now: datetime,
    *,
    sender: dict[str, str] | None = None,
    reason: str | None = None,
) -> None:
    """Put a notice for the house into the outbox, in the same transaction as what it tells."""
    data = {
        "id": notice_id,
        "currency": order.currency,
        "amount_minor": str(order.amount_minor),
        "reference": order.reference,
        "booked_at": now,
        "sender": sender,
        "reason": reason,
    }
    body = msgspec.json.encode({"type": kind, "timestamp": now, "data": data}).decode()
    await conn.execute(_queries.insert_notice, f"msg_{notice_id}", body, now)


async def lock_accounts(conn: Connection, wanted: list[str]) -> dict[str, Account]:
    """Accounts by number, locked in key order."""
    rows = await conn.fetch(_queries.lock_accounts, wanted)
    return {row["number"]: msgspec.convert(dict(row), Account) for row in rows}


async def _centre_number(conn: Connection, currency: str) -> str:
    row = await conn.fetchrow(_queries.centre_account, currency)
    if row is None:
        raise BankRefusalError("unknown_payee")
    number: str = row["number"]
    return number


async def _made_before(conn: Connection, order: Order) -> str:
    row = await conn.fetchrow(_queries.transfer_of_request, order.request_key)
    if row is None or (row["amount_minor"], row["currency"], row["reference"]) != (
        order.amount_minor,
        order.currency,
        order.reference,
    ):
        raise BankRefusalError("request_key_reused")
    transfer_id: str = row["id"]
    return transfer_id


def new_transfer_id() -> str:
    return f"BT-{secrets.token_hex(8).upper()}"


def hash_of(text: str) -> int:
    """A number that is always the same for a text (Python's own hash is not)."""
    return int.from_bytes(text.encode(), "big") % 9_999_999_967


async def deliver_twice(conn: Connection) -> bool:
    return bool(await conn.fetchval(_queries.setting))


async def set_deliver_twice(conn: Connection, wanted: bool) -> None:
    """Tell everything twice from now on, or no longer."""
    await conn.execute(_queries.set_deliver_twice, wanted)


async def undelivered(conn: Connection) -> int:
    """How many notices the house has not taken yet."""
    return int(await conn.fetchval(_queries.undelivered))
