"""Contracts: drawn up, signed, amended, declined and lapsed, against a real database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from market.config import Config
from market.contracting import desk
from market.contracting.facts import Contract, ContractState, Origin, OriginKind
from market.contracting.terms import Delivery, Goods, TradeTerms

if TYPE_CHECKING:
    from migrations.database import Connection

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
CONFIG = Config()


async def new_party(conn: Connection, name: str) -> int:
    found: int = await conn.fetchval(
        "insert into market.party (email, display_name, language, roles, created_at)"
        " values ($1, $2, 'en', '{member}', $3) returning id",
        f"{name}@example.org",
        name,
        NOW,
    )
    return found


def trade_terms(seller_id: int, buyer_id: int, **changes: object) -> TradeTerms:
    goods = Goods(
        n=1,
        category="steel",
        title_en="Cold rolled coil",
        title_zh="冷轧卷",
        attributes={"grade": "SPCC"},
        quantity=20,
        unit="TNE",
        unit_price_minor=412_500,
    )
    delivery = Delivery(
        term="CIP", country="CN", place="Ningbo", from_date=date(2026, 12, 1), to_date=date(2026, 12, 20)
    )
    values = {
        "seller_id": seller_id,
        "buyer_id": buyer_id,
        "currency": "CNY",
        "currency_exponent": 2,
        "goods": (goods,),
        "delivery": delivery,
        **changes,
    }
    return TradeTerms(**values)  # type: ignore[arg-type]


async def test_a_contract_is_drawn_up_once_for_its_origin_and_lapses_unsigned(conn: Connection) -> None:
    seller, buyer = await new_party(conn, "Orchid"), await new_party(conn, "Heron")
    terms = trade_terms(seller, buyer)
    async with conn.transaction():
        first = await desk.draw_up(conn, Origin(OriginKind.MATCH, 7), terms, NOW, CONFIG)
        again = await desk.draw_up(conn, Origin(OriginKind.MATCH, 7), terms, NOW, CONFIG)
    assert isinstance(first, Contract) and first == again
    assert first.terms.seller_name == "Orchid" and first.terms.fees is not None
    assert await desk.lapse_one(conn, NOW + timedelta(hours=71)) is None
    assert await desk.lapse_one(conn, NOW + timedelta(hours=72)) == first.id
    ended = await desk.contract(conn, first.id)
    assert ended is not None and ended.state is ContractState.LAPSED
