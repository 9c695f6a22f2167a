"""The bank's cards: issuing them, finding one by its number, and the key that payment halves are sealed to.

A number is never stored: a card is found by a keyed hash of it. The test cards' numbers stand here, as everybody knows them.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from stdnum import luhn

from escrow.envelopes import KeyPair, key_of_scalar, new_key
from escrow.sandbox_bank.accounts import CURRENCIES, LARGEST_AMOUNT_MINOR, BankRefusalError
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow.sandbox_bank", "cards")

STATUSES = ("active", "lost", "stolen", "blocked")
_PREFIX = "400077"
"""What the numbers that the bank makes up begin with."""


class Card(Struct, frozen=True, kw_only=True):
    id: int
    last4: str
    brand: str
    holder: str
    expiry: str
    status: str
    limit_minor: int | None
    always_code: str | None


class Balance(Struct, frozen=True, kw_only=True):
    card_id: int
    currency: str
    opened_minor: int
    available_minor: int


class NewCard(Struct, frozen=True, kw_only=True):
    """A card to be issued. Without a number the bank makes one up; `limit_minor` is for one payment."""

    holder: str
    expiry: str
    balances: Mapping[str, int]
    number: str = ""
    limit_minor: int | None = None
    always_code: str | None = None
    status: str = "active"


class TestCard(Struct, frozen=True, kw_only=True):
    """A number everybody knows, and what it is for (`card.<purpose>` in the catalogue)."""

    number: str
    purpose: str
    units: int = 10_000_000
    expiry: str = "2031-12"
    status: str = "active"
    always_code: str | None = None
    limit_units: int | None = None


TEST_CARDS = (
    TestCard(number="4111111111111111", purpose="rich"),
    TestCard(number="4242424242424242", purpose="rich"),
    TestCard(number="6200000000000005", purpose="rich"),
    TestCard(number="5555555555554444", purpose="poor", units=100),
    TestCard(number="4000000000000002", purpose="declined", always_code="05"),
    TestCard(number="4000000000000069", purpose="expired", expiry="2024-12"),
    TestCard(number="4000000000009979", purpose="stolen", status="stolen"),
    TestCard(number="4000000000009995", purpose="empty", units=0),
    TestCard(number="4000000000000341", purpose="limited", limit_units=100),
)


@dataclass(frozen=True, slots=True)
class BankKeys:
    """The bank's own: by key id what payment halves are sealed to, newest last."""

    pairs: Mapping[str, KeyPair]

    @property
    def newest(self) -> KeyPair:
        return list(self.pairs.values())[-1]

    def hash_of(self, number: str) -> bytes:
        """What a card is found by. The first key's, as a later one changes no card."""
        first = next(iter(self.pairs.values()))
        secret = hmac.digest(first.scalar, b"gavelhouse card number", sha256)
        return hmac.digest(secret, number.encode(), sha256)


async def load_keys(conn: Connection, now: datetime) -> BankKeys:
    """The bank's keys; the first is made now if there is none."""
    async with conn.transaction():
        await conn.execute(_queries.lock_keys)
        rows = await conn.fetch(_queries.envelope_keys)
        if not rows:
            key = new_key()
            await conn.execute(_queries.insert_envelope_key, key.key_id, key.scalar, now)
            return BankKeys({key.key_id: key})
    return BankKeys({row["key_id"]: key_of_scalar(row["scalar"]) for row in rows})


async def issue_test_cards(conn: Connection, keys: BankKeys, now: datetime) -> None:
    """The well-known numbers; those that are known stay as they are."""
    for test in TEST_CARDS:
        new = NewCard(
            number=test.number,
            holder="Test Card",
            expiry=test.expiry,
            status=test.status,
            always_code=test.always_code,
            limit_minor=None if test.limit_units is None else test.limit_units * 100,
            balances={currency: test.units * 10**exponent for currency, exponent in CURRENCIES.items()},
        )
        await _insert(conn, keys, new, now)


async def issue_card(conn: Connection, keys: BankKeys, new: NewCard, now: datetime) -> tuple[Card, str]:
    """A card and its number, which is told this once. Raises BankRefusalError."""
    number = "".join(new.number.split()).replace("-", "") or _made_up()
    holder = " ".join(new.holder.split())
    if not holder or len(holder) > 70:
        raise BankRefusalError("bad_holder")
    if not (number.isascii() and number.isdecimal() and 12 <= len(number) <= 19 and luhn.is_valid(number)):
        raise BankRefusalError("bad_card_number")
    if any(currency not in CURRENCIES for currency in new.balances):
        raise BankRefusalError("unknown_currency")
    if any(not 0 <= minor <= LARGEST_AMOUNT_MINOR for minor in new.balances.values()):
        raise BankRefusalError("bad_amount")
    if new.limit_minor is not None and new.limit_minor <= 0:
        raise BankRefusalError("bad_amount")
    if not _is_month(new.expiry):
        raise BankRefusalError("bad_expiry")
    wanted = msgspec.structs.replace(new, number=number, holder=holder)
    card_id = await _insert(conn, keys, wanted, now)
    if card_id is None:
        raise BankRefusalError("card_number_used")
    card = Card(
        id=card_id,
        last4=number[-4:],
        brand=brand_of(number),
        holder=holder,
        expiry=new.expiry,
        status=new.status,
        limit_minor=new.limit_minor,
        always_code=new.always_code,
    )
    return card, number


async def card_by_number(conn: Connection, keys: BankKeys, number: str) -> Card | None:
    row = await conn.fetchrow(_queries.card_by_number, keys.hash_of(number))
    return None if row is None else msgspec.convert(dict(row), Card)


async def cards(conn: Connection, limit: int = 200) -> list[tuple[Card, list[Balance]]]:
    """Every card with what it has left."""
    found = [msgspec.convert(dict(row), Card) for row in await conn.fetch(_queries.cards, limit)]
    rows = await conn.fetch(_queries.card_balances, [card.id for card in found])
    balances = [msgspec.convert(dict(row), Balance) for row in rows]
    return [(card, [each for each in balances if each.card_id == card.id]) for card in found]


async def set_status(conn: Connection, card_id: int, status: str) -> None:
    """Lost, stolen, blocked, or active again. Raises BankRefusalError."""
    if status not in STATUSES:
        raise BankRefusalError("bad_status")
    if await conn.execute(_queries.set_card_status, card_id, status) != "UPDATE 1":
        raise BankRefusalError("unknown_card")


def brand_of(number: str) -> str:
    """By the first figures, as the schemes have divided them."""
    if number.startswith("4"):
        return "visa"
    if number.startswith("62"):
        return "unionpay"
    if 51 <= int(number[:2]) <= 55 or 2221 <= int(number[:4]) <= 2720:
        return "mastercard"
    return "other"


async def _insert(conn: Connection, keys: BankKeys, new: NewCard, now: datetime) -> int | None:
    async with conn.transaction():
        card_id: int | None = await conn.fetchval(
            _queries.insert_card,
            keys.hash_of(new.number),
            new.number[-4:],
            brand_of(new.number),
            new.holder,
            new.expiry,
            new.limit_minor,
            new.always_code,
            new.status,
            now,
        )
        if card_id is not None:
            rows = [(card_id, currency, minor) for currency, minor in new.balances.items()]
            await conn.executemany(_queries.insert_balance, rows)
    return card_id


def _made_up() -> str:
    plain = _PREFIX + "".join(str(secrets.randbelow(10)) for _ in range(9))
    return plain + luhn.calc_check_digit(plain)


def _is_month(expiry: str) -> bool:
    year, _, month = expiry.partition("-")
    return (
        len(year) == 4
        and len(month) == 2
        and (year + month).isascii()
        and (year + month).isdecimal()
        and 1 <= int(month) <= 12
    )
