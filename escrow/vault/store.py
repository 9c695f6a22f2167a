"""The vault's rows: one typed function a query. It knows SQL and no key."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import Struct

from escrow.dual_signature import PreparedPayment
from escrow.vault_facts import CardInfo, Protection
from escrow.vault_wire import base64url
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

queries = load_queries("escrow.vault")
_Row = TypeVar("_Row")


class WalletRow(Struct, frozen=True, kw_only=True):
    id: int
    party_id: int
    public_key: bytes
    signing_sealed: bytes
    wrong_tries: int
    blocked_until: datetime | None


class ProtectionRow(Struct, frozen=True, kw_only=True):
    """A wrapped data key; `memory_kib` and `iterations` are a passphrase's, `credential_id` a passkey's."""

    id: int
    wallet_id: int
    kind: str
    wrapped: bytes
    outer_key: str
    salt: bytes
    memory_kib: int | None = None
    iterations: int | None = None
    credential_id: bytes | None = None
    label: str = ""
    added_at: datetime


class CardRow(Struct, frozen=True, kw_only=True):
    id: int
    wallet_id: int
    version: int
    sealed: bytes
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    label: str
    added_at: datetime

    @property
    def info(self) -> CardInfo:
        return CardInfo(
            id=self.id,
            brand=self.brand,
            last4=self.last4,
            expiry_month=self.expiry_month,
            expiry_year=self.expiry_year,
            label=self.label,
            added_at=self.added_at,
        )


class IdentityRow(Struct, frozen=True, kw_only=True):
    public_key: bytes
    sealed: bytes


class BankKeyRow(Struct, frozen=True, kw_only=True):
    key_id: str
    point: bytes
    pinned_at: datetime


def _read(row: Record | None, kind: type[_Row]) -> _Row | None:
    return None if row is None else msgspec.convert(dict(row), kind)


def _values(row: Struct) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in row.__struct_fields__)


async def wallet(conn: Connection, party_id: int) -> WalletRow | None:
    return _read(await conn.fetchrow(queries.wallet, party_id), WalletRow)


async def wallet_for_update(conn: Connection, party_id: int) -> WalletRow | None:
    return _read(await conn.fetchrow(queries.wallet_for_update, party_id), WalletRow)


async def insert_wallet(conn: Connection, row: WalletRow, now: datetime) -> bool:
    """False when the party has one."""
    done = await conn.execute(queries.insert_wallet, row.id, row.party_id, now, row.public_key, row.signing_sealed)
    return bool(done == "INSERT 0 1")


async def count_try(conn: Connection, wallet_id: int, wrong_tries: int, blocked_until: datetime | None) -> None:
    await conn.execute(queries.count_try, wallet_id, wrong_tries, blocked_until)


async def forget_tries(conn: Connection, wallet_id: int) -> None:
    await conn.execute(queries.forget_tries, wallet_id)


async def delete_wallet(conn: Connection, party_id: int, public_key: bytes) -> bool:
    return bool(await conn.execute(queries.delete_wallet, party_id, public_key) == "DELETE 1")


async def protections(conn: Connection, wallet_id: int) -> list[ProtectionRow]:
    return [msgspec.convert(dict(row), ProtectionRow) for row in await conn.fetch(queries.protections, wallet_id)]


async def insert_protection(conn: Connection, row: ProtectionRow) -> None:
    await conn.execute(queries.insert_protection, *_values(row))


async def replace_passphrase(conn: Connection, old: ProtectionRow, new: ProtectionRow) -> bool:
    """False when it has been changed since `old` was read."""
    done = await conn.execute(
        queries.replace_passphrase,
        old.id,
        old.wrapped,
        new.wrapped,
        new.outer_key,
        new.salt,
        new.memory_kib,
        new.iterations,
    )
    return bool(done == "UPDATE 1")


async def delete_protection(conn: Connection, protection_id: int) -> None:
    await conn.execute(queries.delete_protection, protection_id)


async def outer_keys(conn: Connection) -> set[str]:
    return {row["outer_key"] for row in await conn.fetch(queries.outer_keys)}


async def cards(conn: Connection, wallet_id: int) -> list[CardRow]:
    return [msgspec.convert(dict(row), CardRow) for row in await conn.fetch(queries.cards, wallet_id)]


async def card(conn: Connection, wallet_id: int, card_id: int) -> CardRow | None:
    return _read(await conn.fetchrow(queries.card, wallet_id, card_id), CardRow)


async def insert_card(conn: Connection, row: CardRow) -> None:
    await conn.execute(queries.insert_card, *_values(row))


async def delete_card(conn: Connection, wallet_id: int, card_id: int) -> bool:
    return bool(await conn.execute(queries.delete_card, wallet_id, card_id) == "DELETE 1")


async def rename_card(conn: Connection, wallet_id: int, card_id: int, label: str) -> bool:
    return bool(await conn.execute(queries.rename_card, wallet_id, card_id, label) == "UPDATE 1")


async def identity(conn: Connection, wallet_id: int) -> IdentityRow | None:
    return _read(await conn.fetchrow(queries.identity, wallet_id), IdentityRow)


async def put_identity(conn: Connection, wallet_id: int, row: IdentityRow, now: datetime, *, afresh: bool) -> None:
    await conn.execute(queries.put_identity, wallet_id, row.public_key, row.sealed, now, afresh)


async def bank_key(conn: Connection) -> BankKeyRow | None:
    return _read(await conn.fetchrow(queries.bank_key), BankKeyRow)


def info_of(row: ProtectionRow) -> Protection:
    """What may be shown of a protection."""
    return Protection(
        id=row.id,
        kind=row.kind,
        label=row.label,
        credential_id=base64url(row.credential_id or b""),
        added_at=row.added_at,
    )


async def note_signed_payment(
    conn: Connection, party_id: int, card_id: int, prepared: PreparedPayment, now: datetime
) -> bool:
    """False when the payment's id has been signed before."""
    done = await conn.execute(
        queries.insert_signed_payment,
        prepared.payment_id,
        party_id,
        card_id,
        prepared.order_digest,
        prepared.payment_digest,
        now,
    )
    return bool(done == "INSERT 0 1")
