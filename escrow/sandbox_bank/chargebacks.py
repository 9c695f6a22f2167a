"""A customer disputes a card payment: the bank gives him the money back at once, tells the house, and decides later.

The house loses the sum in the next settlement file and, if it wins, has it again in a later one.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg

from escrow.sandbox_bank import accounts, card_book
from escrow.sandbox_bank.accounts import BankRefusalError, Order
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow.sandbox_bank", "cards")

REASONS = ("fraud", "not_received", "not_as_described", "duplicate")
LONGEST_TEXT = 2000


async def dispute(conn: Connection, payment_id: str, amount_minor: int | None, reason: str, now: datetime) -> str:
    """Open a chargeback over a captured payment, or over a part of it; its id. Raises BankRefusalError."""
    if reason not in REASONS:
        raise BankRefusalError("bad_reason")
    async with conn.transaction():
        await conn.execute(_queries.lock_payment_id, payment_id)
        payment = await conn.fetchrow(_queries.payment, payment_id)
        if payment is None or payment["state"] != "captured":
            raise BankRefusalError("not_captured")
        left = payment["approved_minor"] - await conn.fetchval(_queries.disputed_minor, payment_id)
        amount = left if amount_minor is None else amount_minor
        if not 0 < amount <= left:
            raise BankRefusalError("bad_amount" if left else "disputed_before")
        chargeback_id = f"CB-{secrets.token_hex(6).upper()}"
        try:
            async with conn.transaction():
                await conn.execute(_queries.insert_chargeback, chargeback_id, payment_id, amount, reason, now)
        except asyncpg.UniqueViolationError as error:
            raise BankRefusalError("disputed_before") from error
        await card_book.move(
            conn,
            payment["card_id"],
            payment["currency"],
            payment_id,
            "chargeback",
            amount,
            now,
            cause=chargeback_id,
        )
        await _tell(conn, "card.chargeback", chargeback_id, payment["currency"], amount, payment_id, now, reason)
    return chargeback_id


async def represent(conn: Connection, chargeback_id: str, text: str, now: datetime) -> None:
    """The house's answer, for whoever decides. Raises BankRefusalError."""
    text = text.strip()
    if not text or len(text) > LONGEST_TEXT:
        raise BankRefusalError("bad_text")
    async with conn.transaction():
        chargeback = await conn.fetchrow(_queries.lock_chargeback, chargeback_id)
        if chargeback is None:
            raise BankRefusalError("unknown_chargeback")
        if chargeback["state"] != "open":
            raise BankRefusalError("chargeback_decided")
        await conn.execute(_queries.represent, chargeback_id, now, text)


async def decide(conn: Connection, chargeback_id: str, won: bool, now: datetime) -> None:
    """For the house (`won`) or for the customer; deciding the same again is once. Raises BankRefusalError."""
    state = "won" if won else "lost"
    async with conn.transaction():
        chargeback = await conn.fetchrow(_queries.lock_chargeback, chargeback_id)
        if chargeback is None:
            raise BankRefusalError("unknown_chargeback")
        if chargeback["state"] == state:
            return
        if chargeback["state"] != "open":
            raise BankRefusalError("chargeback_decided")
        await conn.execute(_queries.decide, chargeback_id, state, now)
        payment_id, currency, amount = chargeback["payment_id"], chargeback["currency"], chargeback["amount_minor"]
        if won:
            # A customer who has spent it meanwhile owes the bank.
            await card_book.move(
                conn,
                chargeback["card_id"],
                currency,
                payment_id,
                "chargeback_won",
                -amount,
                now,
                cause=chargeback_id,
            )
        notice_id = f"{chargeback_id}:{state}"
        await _tell(
            conn, f"card.chargeback_{state}", notice_id, currency, amount, payment_id, now, chargeback["reason"]
        )


async def _tell(
    conn: Connection,
    kind: str,
    notice_id: str,
    currency: str,
    amount_minor: int,
    payment_id: str,
    now: datetime,
    reason: str,
) -> None:
    order = Order(currency=currency, amount_minor=amount_minor, reference=payment_id)
    await accounts.tell(conn, kind, notice_id, order, now, reason=reason)
