"""Contracts in and out of the database: one typed function a query, and no decisions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from market import contracts
from market.contracting import terms as trade
from market.contracting.facts import (
    Contract,
    ContractEvent,
    ContractState,
    Origin,
    OriginKind,
    Signature,
    Terms,
    Version,
)
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("market", "contracts")


class ContractRow(Struct, frozen=True, kw_only=True):
    """A line of a list."""

    id: int
    origin_kind: str
    state: str
    seller_id: int
    buyer_id: int
    seller_name: str
    buyer_name: str
    drawn_at: datetime
    sign_by: datetime | None
    offered_version: int | None
    signed_version: int | None
    case_id: int | None
    case_state: str | None
    terms: Terms
    signed_roles: tuple[str, ...]


def read_any_terms(text: str) -> Terms:
    """A trade's terms or a hammer's, told apart by their kind."""
    kind = msgspec.json.decode(text, type=_Kind).kind
    return trade.read_terms(text) if kind == trade.KIND else contracts.read_terms(text)


class _Kind(Struct):
    kind: str = contracts.KIND


async def party_names(conn: Connection, party_ids: Collection[int]) -> dict[int, str]:
    """What these parties are called now."""
    return {row["id"]: row["display_name"] for row in await conn.fetch(_queries.party_names, list(party_ids))}


async def insert_contracts(
    conn: Connection, asked: Sequence[tuple[Origin, trade.TradeTerms]], now: datetime, sign_by: datetime
) -> list[Contract]:
    """The contracts of these origins with their first wording, but of those that have made one before; in one statement."""
    worded = [(origin, terms, trade.canonical(terms)) for origin, terms in asked]
    rows = await conn.fetch(
        _queries.insert_contracts,
        [origin.kind.value for origin, _, _ in worded],
        [origin.ref for origin, _, _ in worded],
        [terms.seller_id for _, terms, _ in worded],
        [terms.buyer_id for _, terms, _ in worded],
        [text for _, _, text in worded],
        [contracts.terms_sha256(text) for _, _, text in worded],
        now,
        sign_by,
    )
    ids = {Origin(OriginKind(row["origin_kind"]), row["origin_ref"]): row["id"] for row in rows}
    return [
        _new_contract(ids[origin], origin, terms, text, now, sign_by) for origin, terms, text in worded if origin in ids
    ]


def _new_contract(
    contract_id: int, origin: Origin, terms: trade.TradeTerms, text: str, now: datetime, sign_by: datetime
) -> Contract:
    first = Version(
        n=1,
        terms=terms,
        text=text,
        sha256=contracts.terms_sha256(text),
        proposed_by=None,
        proposed_at=now,
        reason="",
    )
    return Contract(
        id=contract_id,
        origin=origin,
        seller_id=terms.seller_id,
        buyer_id=terms.buyer_id,
        state=ContractState.AWAITING_SIGNATURES,
        drawn_at=now,
        sign_by=sign_by,
        offered_version=1,
        signed_version=None,
        in_force_at=None,
        ended_at=None,
        case_id=None,
        revision=1,
        versions=(first,),
    )


async def insert_hammer_contract(conn: Connection, case_id: int, terms: contracts.ContractTerms, now: datetime) -> int:
    """The contract of a case that a hammer opened."""
    text = contracts.canonical(terms)
    found: int = await conn.fetchval(
        _queries.insert_hammer_contract,
        case_id,
        terms.seller_id,
        terms.buyer_id,
        now,
        text,
        contracts.terms_sha256(text),
    )
    return found


async def id_of_origin(conn: Connection, origin: Origin) -> int | None:
    found: int | None = await conn.fetchval(_queries.contract_of_origin, origin.kind.value, origin.ref)
    return found


async def id_of_case(conn: Connection, case_id: int) -> int | None:
    found: int | None = await conn.fetchval(_queries.contract_of_case, case_id)
    return found


async def insert_version(
    conn: Connection, contract_id: int, n: int, text: str, proposed_by: int | None, now: datetime, reason: str = ""
) -> None:
    digest = contracts.terms_sha256(text)
    await conn.execute(_queries.insert_version, contract_id, n, text, digest, proposed_by, now, reason)


async def insert_signature(conn: Connection, contract_id: int, one: Signature) -> None:
    values = [getattr(one, name) for name in one.__struct_fields__]
    await conn.execute(_queries.insert_signature, contract_id, *values)


async def insert_event(
    conn: Connection,
    contract_id: int,
    kind: str,
    now: datetime,
    *,
    actor_id: int | None = None,
    version: int | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    await conn.execute(_queries.insert_event, contract_id, now, actor_id, kind, version, detail or {})


async def lock(conn: Connection, contract_id: int) -> Contract | None:
    """The contract, with no other writer until the transaction ends."""
    await conn.fetchval(_queries.lock_contract, contract_id)
    return await contract(conn, contract_id)


async def contract(conn: Connection, contract_id: int) -> Contract | None:
    """A contract with its versions and signatures."""
    row = await conn.fetchrow(_queries.contract, contract_id)
    if row is None:
        return None
    signatures = [msgspec.convert(dict(one), Signature) for one in await conn.fetch(_queries.signatures, contract_id)]
    versions = tuple(
        _version(one, tuple(each for each in signatures if each.version == one["n"]))
        for one in await conn.fetch(_queries.versions, contract_id)
    )
    values = dict(row)
    origin = Origin(OriginKind(values.pop("origin_kind")), values.pop("origin_ref"))
    state = ContractState(values.pop("state"))
    return Contract(**values, state=state, origin=origin, versions=versions)


async def events(conn: Connection, contract_id: int) -> list[ContractEvent]:
    return [msgspec.convert(dict(row), ContractEvent) for row in await conn.fetch(_queries.events, contract_id)]


async def contracts_of(
    conn: Connection, party_id: int | None, *, state: str | None = None, limit: int = 50, offset: int = 0
) -> tuple[list[ContractRow], int]:
    """A part of a party's contracts (None: of everybody's), newest first, and how many there are in all."""
    rows = await conn.fetch(_queries.contracts_of_party, party_id, state, limit, offset)
    return [_row(row) for row in rows], rows[0]["total"] if rows else 0


async def offer_version(conn: Connection, contract_id: int, n: int | None, sign_by: datetime | None) -> None:
    await conn.execute(_queries.offer_version, contract_id, n, sign_by)


async def touch(conn: Connection, contract_id: int) -> None:
    await conn.execute(_queries.touch, contract_id)


async def put_in_force(conn: Connection, contract_id: int, version: int, now: datetime, case_id: int) -> None:
    await conn.execute(_queries.put_in_force, contract_id, version, now, case_id)


async def amend(conn: Connection, contract_id: int, version: int) -> None:
    await conn.execute(_queries.amend, contract_id, version)


async def end(conn: Connection, contract_id: int, state: ContractState, now: datetime) -> None:
    await conn.execute(_queries.end_contract, contract_id, state.value, now)


async def overdue(conn: Connection, now: datetime) -> int | None:
    found: int | None = await conn.fetchval(_queries.overdue, now)
    return found


async def next_overdue(conn: Connection) -> datetime | None:
    found: datetime | None = await conn.fetchval(_queries.next_overdue)
    return found


def _version(row: Record, signatures: tuple[Signature, ...]) -> Version:
    return Version(
        n=row["n"],
        terms=read_any_terms(row["terms"]),
        text=row["terms"],
        sha256=row["terms_sha256"],
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
        reason=row["reason"],
        signatures=signatures,
    )


def _row(row: Record) -> ContractRow:
    values = {name: row[name] for name in ContractRow.__struct_fields__}
    return ContractRow(**{**values, "terms": read_any_terms(row["terms"]), "signed_roles": tuple(row["signed_roles"])})
