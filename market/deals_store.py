"""Contracts and carried-over hammers in and out of the database: one typed function a query, and no decisions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from auction.facts import Hammer
from market.contracting import terms as trade
from market.contracting.records import code_of
from market.contracting.terms import TradeTerms
from market.contracts import ContractTerms, canonical, read_terms, terms_sha256, verification_code
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("market", "deals")


class HammerLot(Struct, frozen=True, kw_only=True):
    """What a contract says of the lot."""

    title_en: str
    title_zh: str
    deposit_minor: int
    seller_name: str


class Deal(Struct, frozen=True, kw_only=True):
    """One contract. It has the number of its escrow case, and its terms never change. It comes of a lot's hammer, or of a
    contract that two traders signed.
    """

    case_id: int
    lot_id: int | None
    contract_id: int | None
    buyer_id: int
    seller_id: int
    currency: str
    hammer_minor: int
    commission_bp: int
    terms: ContractTerms | TradeTerms
    terms_sha256: bytes
    verification_code: str
    created_at: datetime

    def title(self, lang: str) -> str:
        """The title of the lot or the goods in `lang`, else in the other language."""
        zh, en = self.terms.title_zh, self.terms.title_en
        return (zh or en) if lang == "zh" else (en or zh)

    @property
    def is_purchase(self) -> bool:
        """Whether it is of a lot whose owner bought."""
        return isinstance(self.terms, ContractTerms) and self.terms.is_purchase

    @property
    def units(self) -> tuple[int, int] | None:
        """How many, and what one costs, where all that is sold are units of one price."""
        terms = self.terms
        if isinstance(terms, TradeTerms):
            return (terms.goods[0].quantity, terms.goods[0].unit_price_minor) if len(terms.goods) == 1 else None
        if isinstance(terms.quantity, int) and isinstance(terms.unit_price_minor, int):
            return terms.quantity, terms.unit_price_minor
        return None

    @property
    def named(self) -> dict[str, str | int]:
        """What a notice calls it: the number of the lot or the contract, and the title in both languages."""
        number = {"contract": self.contract_id or 0} if self.lot_id is None else {"lot": self.lot_id}
        return {**number, "title_en": self.title("en"), "title_zh": self.title("zh")}


async def mark_hammer(conn: Connection, hammer: Hammer) -> bool:
    """True the first time that this lot's close is carried over; False ever after."""
    row = await conn.fetchrow(_queries.insert_hammer, hammer.lot_id, hammer.outcome.value, hammer.seq, hammer.closed_at)
    return row is not None


async def hammer_lot(conn: Connection, lot_id: int) -> HammerLot:
    """The lot as its contract will name it. A lot of the auction always has its listing."""
    row = await conn.fetchrow(_queries.hammer_lot, lot_id)
    assert row is not None, f"lot {lot_id} has no listing"
    return HammerLot(**dict(row))


async def party_name(conn: Connection, party_id: int) -> str:
    """The name that a party goes by now."""
    name: str = await conn.fetchval(_queries.party_name, party_id)
    return name


async def insert_deal(conn: Connection, case_id: int, terms: ContractTerms) -> None:
    """Write the contract under its case."""
    text = canonical(terms)
    digest = terms_sha256(text)
    await conn.execute(
        _queries.insert_deal,
        case_id,
        terms.lot_id,
        terms.buyer_id,
        terms.seller_id,
        terms.currency,
        terms.hammer_minor,
        terms.commission_bp,
        text,
        digest,
        verification_code(digest),
        terms.closed_at,
    )


async def insert_trade(
    conn: Connection, case_id: int, contract_id: int, version: int, terms: TradeTerms, now: datetime
) -> None:
    """Write the contract that both have signed under its case. Two contracts of the same terms have codes of their own."""
    text = trade.canonical(terms)
    digest = terms_sha256(text)
    assert terms.fees is not None
    await conn.execute(
        _queries.insert_trade,
        case_id,
        contract_id,
        version,
        terms.buyer_id,
        terms.seller_id,
        terms.currency,
        terms.price_minor,
        terms.fees.commission_bp,
        text,
        digest,
        code_of(contract_id, digest),
        now,
    )


async def deal_of_case(conn: Connection, case_id: int) -> Deal | None:
    """The contract under a case; a part that was split off has its parent's, a reinstated sale that of the first."""
    deal = _deal(await conn.fetchrow(_queries.deal_of_case, case_id))
    return None if deal is None else structs.replace(deal, case_id=case_id)


async def deal_of_lot(
    conn: Connection, lot_id: int, party_id: int | None = None, case_id: int | None = None
) -> Deal | None:
    """A contract that a lot's hammer made, if it was sold: the one under `case_id`; else that in which the party buys before
    another's, and the latest of several.
    """
    return _deal(await conn.fetchrow(_queries.deal_of_lot, lot_id, party_id, case_id))


async def case_of_viewer(conn: Connection, lot_id: int, party_id: int) -> int | None:
    """The case to which a lot's page sends this party on, if there is one for it."""
    found: int | None = await conn.fetchval(_queries.case_of_viewer, lot_id, party_id)
    return found


def _deal(row: Record | None) -> Deal | None:
    if row is None:
        return None
    return Deal(
        case_id=row["case_id"],
        lot_id=row["lot_id"],
        contract_id=row["contract_id"],
        buyer_id=row["buyer_id"],
        seller_id=row["seller_id"],
        currency=row["currency"],
        hammer_minor=row["hammer_minor"],
        commission_bp=row["commission_bp"],
        terms=read_terms(row["terms"]) if row["contract_id"] is None else trade.read_terms(row["terms"]),
        terms_sha256=row["terms_sha256"],
        verification_code=row["verification_code"],
        created_at=row["created_at"],
    )


class DealRow(Struct, frozen=True, kw_only=True):
    """A line of a list of deals. `role` is the part that whoever asked has in it; `parent_id` the deal that a part is of,
    and `hammer_minor` what this line is about.
    """

    case_id: int
    parent_id: int | None
    lot_id: int | None
    contract_id: int | None
    currency: str
    hammer_minor: int
    created_at: datetime
    title_en: str
    title_zh: str
    role: str
    state: str
    due_at: datetime | None

    def title(self, lang: str) -> str:
        """The lot's title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


async def deals_of_party(
    conn: Connection, party_id: int, *, role: str | None, state: str | None, limit: int, offset: int
) -> tuple[list[DealRow], int]:
    """A part of the party's deals, newest first, and how many there are in all."""
    return _page(await conn.fetch(_queries.deals_of_party, party_id, role, state, limit, offset))


async def deals_of_house(conn: Connection, *, state: str | None, limit: int, offset: int) -> tuple[list[DealRow], int]:
    """A part of all deals, newest first, and how many there are in all."""
    return _page(await conn.fetch(_queries.deals_of_house, state, limit, offset))


def _page(rows: list[Record]) -> tuple[list[DealRow], int]:
    names = DealRow.__struct_fields__
    return [DealRow(**{name: row[name] for name in names}) for row in rows], rows[0]["total"] if rows else 0


async def root_of_case(conn: Connection, case_id: int) -> int:
    """The first case of the deal that this case belongs to."""
    return int(await conn.fetchval(_queries.root_of_case, case_id))
