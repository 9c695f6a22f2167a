"""What waits for each side of a trade, from the inquiry to the confirmed delivery: each thing stands once, and only while
it waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from escrow import store as escrow_store
from escrow.facts import Case
from escrow.settlement import BANK
from market.contracting import desk, formalities
from market.contracting.facts import Contract
from market.contracting.terms import Formality, FormalityKind, Goods
from market.evidence_rendering import Evidence, EvidenceKind
from market.negotiation.desk import NegotiationDesk, Proposal
from market.negotiation.facts import Negotiation
from market.to_do import to_do_of
from market.trading import store as posts
from market.trading.facts import PostContent, Side
from migrations.database import Role, connect
from tests.contracting.people import CONFIG, ESCROW, NOW, drawn_up, new_person, sign, trade_terms

if TYPE_CHECKING:
    from migrations.database import Address, Connection

DAY = timedelta(days=1)
TALKS = NegotiationDesk(partial(desk.draw_up, config=CONFIG))
TEA = Goods(
    n=1, category="green_tea", title_en="Green tea", title_zh="绿茶", attributes={}, quantity=100, unit="KGM",
    unit_price_minor=80_00,
)  # fmt: skip
INSPECTION = Formality(kind=FormalityKind.INSPECTION, duty_of="seller")
PAPER = Evidence(kind=EvidenceKind.DOCUMENT, name="a.pdf", upload_sha256=b"x" * 32, content=b"%PDF-1")


@pytest.fixture
async def conn(module_database: Address) -> AsyncIterator[Connection]:
    """A connection in a transaction that is rolled back, as deferred constraints want one."""
    made = await connect(module_database, Role.APP)
    transaction = made.transaction()
    await transaction.start()
    yield made
    await transaction.rollback()
    await made.close()


async def kinds(conn: Connection, party_id: int, side: str | None = None) -> list[str]:
    return [one.kind for one in (await to_do_of(conn, party_id, NOW, side=side)).items]


async def test_a_contract_deal_waits_for_one_side_after_the_other(conn: Connection) -> None:
    seller, buyer = await new_person(conn, "Orchid"), await new_person(conn, "Heron")
    contract = await drawn_up(conn, trade_terms(seller.id, buyer.id, formalities=(INSPECTION,)))
    assert (await kinds(conn, seller.id), await kinds(conn, buyer.id)) == (["sign"], ["sign"])
    first = await sign(conn, contract, seller)
    assert isinstance(first, Contract)
    assert (await kinds(conn, seller.id), await kinds(conn, buyer.id)) == ([], ["sign"])
    both = await sign(conn, first, buyer)
    assert isinstance(both, Contract) and both.case_id is not None
    assert (await kinds(conn, seller.id), await kinds(conn, buyer.id)) == (["hand_in"], ["pay"])
    assert (await kinds(conn, buyer.id, "seller"), await kinds(conn, buyer.id, "buyer")) == ([], ["pay"])
    case = await escrow_store.lock_case(conn, both.case_id)
    assert case is not None
    await ESCROW.settlement.pay(conn, case, BANK, "bank", case.due_minor, NOW)
    assert (await kinds(conn, seller.id), await kinds(conn, buyer.id)) == (["hand_in"], [])
    await formalities.hand_in(conn, both.id, 1, seller.id, PAPER, NOW, is_operator=False)
    assert (await kinds(conn, seller.id), await kinds(conn, buyer.id)) == ([], ["check_paper"])
    await formalities.judge(conn, ESCROW, both.id, 1, buyer.id, NOW, accept=True, reason="", is_operator=False)
    (ship,) = (await to_do_of(conn, seller.id, NOW)).items
    case = await escrow_store.case_by_id(conn, both.case_id)
    assert case is not None
    assert (ship.kind, ship.link, ship.due_at) == ("ship", f"/deals/{case.id}", case.ship_by_at)
    assert (ship.title("zh"), ship.title("en")) == ("冷轧卷", "Cold rolled coil")
    shipped = await ESCROW.settlement.ship(conn, case.id, seller.id, "SF", "1", NOW)
    assert isinstance(shipped, Case)
    assert (await kinds(conn, seller.id), await kinds(conn, buyer.id)) == ([], [])
    await ESCROW.settlement.receive(conn, case.id, buyer.id, NOW)
    assert (await kinds(conn, seller.id), await kinds(conn, buyer.id)) == ([], ["confirm"])


async def test_an_inquiry_and_an_offer_wait_for_the_other_side_until_they_lapse(conn: Connection) -> None:
    seller, buyer = await new_person(conn, "Orchid"), await new_person(conn, "Heron")
    content = PostContent(
        side=Side.SUPPLY,
        category="green_tea",
        title_en="Green tea",
        title_zh="绿茶",
        quantity=1000,
        minimum=10,
        price_minor=80_00,
        currency="CNY",
        country="CN",
        place="Ningbo",
        delivery_from=date(2026, 12, 1),
        delivery_to=date(2026, 12, 20),
        term="FOB",
    )
    post = await posts.insert_post(conn, seller.id, content, "tea", NOW + 30 * DAY, NOW, NOW)
    terms = trade_terms(seller.id, buyer.id, goods=(TEA,))
    talk = await TALKS.inquire(conn, post.id, buyer.id, Proposal(terms=terms), NOW)
    assert isinstance(talk, Negotiation), talk
    assert (await kinds(conn, seller.id), await kinds(conn, buyer.id)) == (["answer_inquiry"], [])
    offer = Proposal(terms=terms, valid_until=NOW + DAY)
    assert isinstance(await TALKS.propose(conn, talk.id, seller.id, offer, NOW), Negotiation)
    assert (await kinds(conn, seller.id), await kinds(conn, buyer.id)) == ([], ["answer_terms"])
    assert isinstance(await TALKS.say(conn, talk.id, buyer.id, "One moment", (), NOW), Negotiation)
    assert await kinds(conn, buyer.id) == ["answer_terms"], "a message is no answer"
    assert (await to_do_of(conn, buyer.id, NOW + DAY)).items == ()
