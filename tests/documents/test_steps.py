"""Documents of a deal that people made on its pages: a match signed by keys, part shipments, a claim's ending; each equals the book."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from auction.signing import Signer
from escrow.desk import EscrowDesk
from escrow.facts import Case, State
from escrow.hooks import Hooks
from market import trades
from market.contracting import desk, signing
from market.contracting.authority import Authority
from market.contracting.facts import Contract, ContractHooks
from market.contracting.signing import Contracting
from market.documents import steps, store
from market.documents.records import Invoice, Kind, OrderChange, OrderResponse, Record, RemittanceAdvice, read_record
from tests.contracting.people import CONFIG, NOW, drawn_up, new_party, trade_terms
from tests.deal.traded import pays
from tests.documents import directory_d96a

if TYPE_CHECKING:
    from asyncpg import Connection

MADE = steps.DocumentSteps("GAVELHOUSE", lambda post_id: "0000")


async def hooked(conn: Connection, case: Case, event: Any) -> None:
    await trades.on_case_changed(conn, case, event)
    await MADE.on_case_changed(conn, case, event)


ESCROW = EscrowDesk(Hooks(on_case_changed=hooked))
HOUSE = Contracting(config=CONFIG, escrow=ESCROW, signer=Signer("11" * 32), authority=Authority("22" * 32))


async def documents(conn: Connection, case_id: int) -> list[tuple[str, Record, bytes]]:
    rows = [await store.document(conn, each.id) for each in await store.documents_of_deal(conn, case_id)]
    return [(row["kind"], read_record(row["record"]), row["edifact"]) for row in rows if row is not None]


@pytest.fixture
def heard() -> Iterator[None]:
    """The documents' hooks, in the place where the house has them."""
    before = desk.hooks()
    desk.use_hooks(
        ContractHooks(on_drawn_up=MADE.on_drawn_up, on_in_force=MADE.on_in_force, on_amended=MADE.on_amended)
    )
    yield
    desk.use_hooks(before)


async def signed(conn: Connection, contract_id: int, *party_ids: int) -> Contract:
    """Signed by these, as by messages under an agreement."""
    for party_id in party_ids:
        done = await signing.sign_by_agreement(conn, HOUSE, contract_id, party_id, bytes(32), NOW)
        assert isinstance(done, Contract), done
    return await desk.certain(conn, contract_id)


async def test_a_match_in_part_shipments_has_papers_that_equal_the_book(conn: Connection, heard: None) -> None:
    async with conn.transaction():
        await _traded(conn)


async def _traded(conn: Connection) -> None:
    seller, buyer = await new_party(conn, "Stahl"), await new_party(conn, "Kaufmann")
    terms = trade_terms(seller, buyer)
    goods = (
        structs.replace(terms.goods[0], quantity=3),
        structs.replace(terms.goods[0], n=2, title_en="", title_zh="镀锌卷", quantity=2, unit_price_minor=99_999),
    )
    terms = structs.replace(terms, goods=goods, delivery=structs.replace(terms.delivery, partial=True))
    contract = await signed(conn, (await drawn_up(conn, terms)).id, seller, buyer)
    case_id = contract.case_id
    assert case_id is not None
    kinds = [kind for kind, _, _ in await documents(conn, case_id)]
    assert kinds == ["orders", "ordrsp"]

    delivery = structs.replace(terms.delivery, place="Shanghai")
    wanted = structs.replace(contract.terms, delivery=delivery)
    proposed = await desk.propose(conn, contract.id, buyer, wanted, "the quay is closed", NOW)
    assert isinstance(proposed, Contract)
    await signed(conn, contract.id, buyer, seller)
    changed = (await documents(conn, case_id))[-1][1]
    assert isinstance(changed, OrderChange) and changed.delivery is not None and changed.delivery.place == "Shanghai"

    case = await ESCROW.settlement.case_by_id(conn, case_id)
    assert case is not None
    await pays(conn, ESCROW, case.reference, terms.price_minor, NOW)
    part = await ESCROW.settlement.ship_lines(conn, case_id, seller, [2], "SF", "A1", NOW + timedelta(hours=1))
    assert isinstance(part, Case) and part.parent_id == case_id
    rest = await ESCROW.settlement.ship(conn, case_id, seller, "SF", "A2", NOW + timedelta(hours=2))
    assert isinstance(rest, Case)
    invoices = [each for _, each, _ in await documents(conn, case_id) if isinstance(each, Invoice)]
    assert [each.total_minor for each in invoices] == [2 * 99_999, 3 * 412_500]
    for each, of, hours in zip(invoices, (part.id, case_id), (1, 2), strict=True):
        held = await store.held_when_shipped(conn, of, "CNY", NOW + timedelta(hours=hours))
        assert each.prepaid_minor == each.total_minor == held
    assert sum(each.total_minor for each in invoices) == terms.price_minor

    remitted: list[int] = []
    kept: list[int] = []
    for of, total, hours in ((part.id, 2 * 99_999, 3), (case_id, 3 * 412_500, 4)):
        at = NOW + timedelta(hours=hours)
        assert isinstance(await ESCROW.settlement.receive(conn, of, buyer, at), Case)
        done = await ESCROW.settlement.confirm_receipt(conn, of, buyer, at)
        assert isinstance(done, Case) and done.state in (State.RELEASED, State.SETTLED)
        paid = (await documents(conn, case_id))[-1][1]
        assert isinstance(paid, RemittanceAdvice)
        assert paid.invoice_number == f"I{of}" and paid.invoiced_minor == total
        remitted.append(paid.remitted_minor)
        kept.append(sum(each.amount_minor for each in paid.deductions))
        assert remitted[-1] + kept[-1] == total
    assert sum(remitted) == await _credited(conn, f"payable:{seller}")
    assert sum(kept) == await _credited(conn, "commission") + await _credited(conn, "fees") > 0

    made = await documents(conn, case_id)
    assert [kind for kind, _, _ in made] == [
        "orders", "ordrsp", "ordchg", "desadv", "invoic", "desadv", "invoic", "recadv", "remadv", "recadv", "remadv",
    ]  # fmt: skip
    for kind, record, edifact in made:
        assert directory_d96a.faults(edifact) == [], kind
        if isinstance(record, OrderResponse):
            assert b"[goods 2?: in Chinese, see the XML]" in edifact and record.lines[1].title_zh == "镀锌卷"
    assert {Kind(kind) for kind, _, _ in made} < set(Kind)


async def _credited(conn: Connection, path: str) -> int:
    """What the book has ever put into an account."""
    return int(
        await conn.fetchval(
            "select coalesce(sum(transfer.amount), 0) from escrow.transfer"
            " join escrow.account on account.id = transfer.credit where account.path = $1",
            path,
        )
    )
