"""Parties who sign in tests: rows in the database, keys of their own, certificates of a house's authority."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import Struct

from auction.signing import Signer
from escrow.desk import EscrowDesk
from escrow.hooks import Hooks
from market import trades
from market.config import Config
from market.contracting import desk, formalities, identity, records, signing
from market.contracting.authority import Authority
from market.contracting.facts import Contract, ContractRefusal, Origin, OriginKind
from market.contracting.pki_store import Certificate
from market.contracting.signing import Contracting
from market.contracting.terms import Delivery, Goods, TradeTerms

if TYPE_CHECKING:
    from escrow.facts import Case, CaseEvent
    from migrations.database import Connection

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
CONFIG = Config(public_url="https://house.example")


async def _on_case_changed(conn: Connection, case: Case, event: CaseEvent) -> None:
    await trades.on_case_changed(conn, case, event)
    await formalities.on_case_changed(conn, ESCROW, case, event)


ESCROW = EscrowDesk(Hooks(on_case_changed=_on_case_changed, may_ship=formalities.may_ship))
HOUSE = Contracting(config=CONFIG, escrow=ESCROW, signer=Signer("11" * 32), authority=Authority("22" * 32))


class Person(Struct, frozen=True, kw_only=True):
    id: int
    name: str
    key: Ed25519PrivateKey
    certificate: Certificate


async def new_party(conn: Connection, name: str) -> int:
    found: int = await conn.fetchval(
        "insert into market.party (email, display_name, language, roles, created_at)"
        " values ($1, $2, 'en', '{member}', $3) returning id",
        f"{name.lower()}@example.org",
        name,
        NOW,
    )
    return found


async def new_person(conn: Connection, name: str, now: datetime = NOW) -> Person:
    """A party with a key and a certificate of its own."""
    return await certified(conn, await new_party(conn, name), name, now)


async def certified(conn: Connection, party_id: int, name: str = "", now: datetime = NOW) -> Person:
    """A party that is there, with a key and a certificate of its own."""
    key = Ed25519PrivateKey.generate()
    certificate = await identity.certify(conn, HOUSE.authority, HOUSE.origin, party_id, request_of(key), "program", now)
    assert isinstance(certificate, Certificate)
    return Person(id=party_id, name=name, key=key, certificate=certificate)


def request_of(key: Ed25519PrivateKey) -> str:
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    return made.public_bytes(Encoding.PEM).decode()


def trade_terms(seller_id: int, buyer_id: int, **changes: object) -> TradeTerms:
    goods = Goods(
        n=1,
        category="cold_rolled_coil",
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


async def drawn_up(conn: Connection, terms: TradeTerms, ref: int = 1) -> Contract:
    made = await desk.draw_up(conn, Origin(OriginKind.MATCH, ref), terms, NOW, CONFIG)
    assert isinstance(made, Contract)
    return made


async def sign(conn: Connection, contract: Contract, who: Person, now: datetime = NOW) -> Contract | ContractRefusal:
    """As a party's own program does: ask for the record, sign it, hand it in."""
    record = signing.record_for(contract, who.id, who.certificate.serial, now)
    if isinstance(record, ContractRefusal):
        return record
    raw = records.canonical(record)
    return await signing.add_signature(
        conn, HOUSE, contract.id, who.id, raw, who.key.sign(records.signed_bytes(raw)), now
    )


async def in_force(conn: Connection, seller: Person, buyer: Person, terms: TradeTerms, ref: int = 1) -> Contract:
    """A contract that both have signed."""
    first = await sign(conn, await drawn_up(conn, terms, ref), seller)
    assert isinstance(first, Contract)
    both = await sign(conn, first, buyer)
    assert isinstance(both, Contract) and both.case_id is not None
    return both
