"""Contracts: drawn up, signed, amended, declined and lapsed, against a real database."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest
from msgspec import structs

from escrow import store as escrow_store
from escrow.facts import Case, Refusal, State
from market import deals_store
from market.contracting import desk, formalities, identity, pki_store, records, signing, store, verifier
from market.contracting.bundle import bundle_of
from market.contracting.facts import Contract, ContractRefusal, ContractState, Unsound
from market.contracting.terms import Formality, FormalityKind, TradeTerms
from market.evidence_rendering import Evidence, EvidenceKind
from tests.contracting.people import (
    ESCROW,
    HOUSE,
    NOW,
    certified,
    drawn_up,
    in_force,
    new_party,
    new_person,
    sign,
    trade_terms,
)
from tests.deal.traded import case_of, fall, stage

if TYPE_CHECKING:
    from migrations.database import Connection

DAY = timedelta(days=1)
INSPECTION = Formality(kind=FormalityKind.INSPECTION, duty_of="seller")


@pytest.fixture
async def conn(module_database: object) -> object:
    """One connection for each test, rolled back at its end."""
    from migrations.database import Role, connect

    made = await connect(module_database, Role.APP)  # type: ignore[arg-type]
    transaction = made.transaction()
    await transaction.start()
    yield made
    await transaction.rollback()
    await made.close()


async def test_a_contract_is_drawn_up_once_for_its_origin_and_lapses_unsigned(conn: Connection) -> None:
    terms = trade_terms(await new_party(conn, "Orchid"), await new_party(conn, "Heron"))
    first = await drawn_up(conn, terms, 7)
    assert await drawn_up(conn, terms, 7) == first
    assert first.terms.seller_name == "Orchid" and first.terms.fees is not None
    assert await desk.lapse_one(conn, NOW + timedelta(hours=71)) is None
    assert await desk.lapse_one(conn, NOW + timedelta(hours=72)) == first.id
    ended = await desk.contract(conn, first.id)
    assert ended is not None and ended.state is ContractState.LAPSED


async def test_with_both_signatures_the_case_opens_under_the_hash_that_both_signed(conn: Connection) -> None:
    seller, buyer = await new_person(conn, "Orchid"), await new_person(conn, "Heron")
    both = await in_force(conn, seller, buyer, trade_terms(seller.id, buyer.id))
    assert both.case_id is not None
    case, deal = await escrow_store.case_by_id(conn, both.case_id), await deals_store.deal_of_case(conn, both.case_id)
    assert case is not None and deal is not None
    assert case.subject == f"contract:{both.id}" and case.price_minor == 20 * 412_500
    assert case.contract_sha256 == deal.terms_sha256 == both.standing.sha256
    assert {one.terms_sha256 for one in both.standing.signatures} == {both.standing.sha256}
    assert (deal.lot_id, deal.contract_id, deal.units) == (None, both.id, (20, 412_500))
    told = await conn.fetch("select party_id, kind from market.notice order by id")
    assert [row["kind"] for row in told if row["party_id"] == buyer.id][-1] == "contract_in_force_buyer"


async def test_each_way_to_sign_wrongly_is_refused_by_its_name(conn: Connection) -> None:
    seller, buyer = await new_person(conn, "Orchid"), await new_person(conn, "Heron")
    contract = await drawn_up(conn, trade_terms(seller.id, buyer.id))
    record = signing.record_for(contract, seller.id, seller.certificate.serial, NOW)
    assert isinstance(record, records.SignatureRecord)

    async def hand_in(
        party: int, changed: records.SignatureRecord, key: object = seller.key, now: datetime = NOW
    ) -> object:
        raw = records.canonical(changed)
        signature = key.sign(records.signed_bytes(raw))  # type: ignore[attr-defined]
        return await signing.add_signature(conn, HOUSE, contract.id, party, raw, signature, now)

    wrong = structs.replace
    stranger = await new_person(conn, "Stranger")
    cases = [
        (hand_in(stranger.id, record), ContractRefusal.NOT_A_PARTY),
        (hand_in(buyer.id, record), ContractRefusal.RECORD_MALFORMED),
        (hand_in(seller.id, wrong(record, role="buyer")), ContractRefusal.RECORD_MALFORMED),
        (hand_in(seller.id, wrong(record, contract=contract.id + 1)), ContractRefusal.RECORD_MALFORMED),
        (hand_in(seller.id, wrong(record, signed_at=NOW.replace(tzinfo=None))), ContractRefusal.RECORD_MALFORMED),
        (hand_in(seller.id, wrong(record, certificate="\0" * 32)), ContractRefusal.RECORD_MALFORMED),
        (hand_in(seller.id, wrong(record, version=2)), ContractRefusal.OTHER_VERSION),
        (hand_in(seller.id, wrong(record, terms_sha256="00" * 32)), ContractRefusal.OTHER_VERSION),
        (hand_in(seller.id, wrong(record, certificate="ab" * 16)), ContractRefusal.CERTIFICATE_MISSING),
        (
            hand_in(seller.id, wrong(record, certificate=buyer.certificate.serial), buyer.key),
            ContractRefusal.CERTIFICATE_OTHERS,
        ),
        (hand_in(seller.id, record, buyer.key), ContractRefusal.SIGNATURE_WRONG),
        (hand_in(seller.id, record, now=NOW + timedelta(minutes=11)), ContractRefusal.SIGNED_TOO_LONG_AGO),
        (hand_in(seller.id, record, now=NOW + timedelta(hours=72)), ContractRefusal.TOO_LATE),
    ]
    for attempt, refusal in cases:
        assert await attempt is refusal
    raw = records.canonical(record) + b" "
    spaced = await signing.add_signature(
        conn, HOUSE, contract.id, seller.id, raw, seller.key.sign(records.signed_bytes(raw)), NOW
    )
    assert spaced is ContractRefusal.RECORD_MALFORMED
    assert isinstance(await hand_in(seller.id, record), Contract)
    assert await hand_in(seller.id, record) is ContractRefusal.ALREADY_SIGNED


async def test_a_revoked_or_expired_certificate_signs_nothing_more(conn: Connection) -> None:
    seller, buyer = await new_person(conn, "Orchid"), await new_person(conn, "Heron")
    contract = await drawn_up(conn, trade_terms(seller.id, buyer.id))
    serial = seller.certificate.serial
    stranger = await identity.revoke(conn, HOUSE.authority, HOUSE.origin, serial, buyer.id, "key_compromise", "", NOW)
    assert stranger is identity.IdentityRefusal.NO_SUCH_CERTIFICATE
    await identity.revoke(conn, HOUSE.authority, HOUSE.origin, serial, seller.id, "key_compromise", "", NOW)
    assert await sign(conn, contract, seller) is ContractRefusal.CERTIFICATE_REVOKED
    again = await identity.certify(
        conn, HOUSE.authority, HOUSE.origin, seller.id, (await _request(seller)), "program", NOW
    )
    assert again is identity.IdentityRefusal.KEY_IN_USE
    old = await new_person(conn, "Old", NOW - timedelta(days=366))
    late = await drawn_up(conn, trade_terms(seller.id, old.id), 2)
    assert await sign(conn, late, old) is ContractRefusal.CERTIFICATE_EXPIRED


async def _request(person: object) -> str:
    from tests.contracting.people import request_of

    return request_of(person.key)  # type: ignore[attr-defined]


async def test_an_amendment_binds_with_both_signatures_and_the_old_stands_till_then(conn: Connection) -> None:
    seller, buyer = await new_person(conn, "Orchid"), await new_person(conn, "Heron")
    both = await in_force(conn, seller, buyer, trade_terms(seller.id, buyer.id))
    assert both.case_id is not None
    later = structs.replace(both.terms, delivery=structs.replace(both.terms.delivery, to_date=date(2027, 1, 20)))
    open_one = await desk.propose(conn, both.id, seller.id, later, "The mill is late", NOW)
    assert isinstance(open_one, Contract) and open_one.terms == both.terms and open_one.amendment is not None
    assert await desk.propose(conn, both.id, buyer.id, later, "", NOW) is ContractRefusal.AMENDMENT_OPEN
    assert await desk.withdraw(conn, both.id, buyer.id, NOW) is ContractRefusal.NOT_YOUR_AMENDMENT
    await _paid(conn, both.case_id, buyer.id)
    first = await sign(conn, open_one, seller)
    assert isinstance(first, Contract) and first.terms == both.terms
    second = await sign(conn, first, buyer)
    assert isinstance(second, Contract) and second.terms == later and second.amendment is None
    case = await escrow_store.case_by_id(conn, both.case_id)
    assert case is not None and case.ship_by_at is not None and case.ship_by_at.date() == date(2027, 1, 20)
    assert case.clock_due_at is not None and case.clock_due_at > case.ship_by_at
    declined = await desk.propose(conn, both.id, buyer.id, both.terms, "", NOW)
    assert isinstance(declined, Contract)
    after = await desk.decline(conn, both.id, seller.id, "no", NOW)
    assert isinstance(after, Contract) and after.terms == later and after.state is ContractState.IN_FORCE


async def test_a_later_day_that_was_agreed_on_before_the_payment_is_the_sellers_too(conn: Connection) -> None:
    seller, buyer = await new_person(conn, "Orchid"), await new_person(conn, "Heron")
    both = await in_force(conn, seller, buyer, trade_terms(seller.id, buyer.id))
    assert both.case_id is not None
    later = structs.replace(both.terms, delivery=structs.replace(both.terms.delivery, to_date=date(2027, 1, 20)))
    amended = await desk.propose(conn, both.id, seller.id, later, "The mill is late", NOW)
    for who in (seller, buyer):
        assert isinstance(amended, Contract)
        amended = await sign(conn, amended, who)
    assert isinstance(amended, Contract) and amended.terms == later
    await _paid(conn, both.case_id, buyer.id)
    case = await escrow_store.case_by_id(conn, both.case_id)
    assert case is not None and case.ship_by_at is not None and case.clock_due_at is not None
    assert case.ship_by_at.date() == date(2027, 1, 20) and case.clock_due_at > case.ship_by_at


async def test_what_may_be_amended_when(conn: Connection) -> None:
    seller, buyer = await new_person(conn, "Orchid"), await new_person(conn, "Heron")
    terms = trade_terms(seller.id, buyer.id)
    open_one = await drawn_up(conn, terms)
    new = structs.replace
    cheaper, more = _cheaper(open_one.terms), open_one.terms.goods[0]
    more = new(open_one.terms, goods=(new(more, quantity=more.quantity + 1), *open_one.terms.goods[1:]))
    for goods in (cheaper, more):
        assert await desk.propose(conn, open_one.id, buyer.id, goods, "", NOW) is ContractRefusal.GOODS_FIXED
    sooner = new(open_one.terms, payment=new(open_one.terms.payment, within_hours=9))
    assert isinstance(await desk.propose(conn, open_one.id, buyer.id, sooner, "", NOW), Contract)
    assert isinstance(await desk.withdraw(conn, open_one.id, buyer.id, NOW), Contract)
    assert (await desk.certain(conn, open_one.id)).offered_version == 1
    both = await in_force(conn, seller, buyer, terms, 2)
    assert both.case_id is not None
    rows = [
        (_cheaper(both.terms), ContractRefusal.GOODS_FIXED),
        (new(both.terms, payment=new(both.terms.payment, within_hours=9)), ContractRefusal.PRICE_FIXED),
        (new(both.terms, delivery=new(both.terms.delivery, partial=True)), ContractRefusal.PRICE_FIXED),
        (new(both.terms, buyer_id=both.terms.buyer_id + 9), ContractRefusal.PARTIES_FIXED),
        (new(both.terms, fees=None), ContractRefusal.PARTIES_FIXED),
        (both.terms, ContractRefusal.NOTHING_CHANGED),
    ]
    for wanted, refusal in rows:
        assert await desk.propose(conn, both.id, seller.id, wanted, "", NOW) is refusal
    past = new(both.terms, delivery=new(both.terms.delivery, to_date=date(2026, 1, 1), from_date=date(2026, 1, 1)))
    assert isinstance(await desk.propose(conn, both.id, seller.id, past, "", NOW), Unsound)
    await _paid(conn, both.case_id, buyer.id)
    place = new(both.terms, delivery=new(both.terms.delivery, place="Wuhan"))
    late = await desk.propose(conn, both.id, buyer.id, place, "", NOW)
    assert isinstance(late, Contract)
    assert isinstance(await ESCROW.settlement.ship(conn, both.case_id, seller.id, "SF", "1", NOW), Case)
    assert await sign(conn, late, buyer) is ContractRefusal.SHIPPED, "the goods went out meanwhile"
    assert isinstance(await desk.withdraw(conn, both.id, buyer.id, NOW), Contract)
    moved = new(both.terms, delivery=new(both.terms.delivery, place="Shanghai"))
    assert await desk.propose(conn, both.id, seller.id, moved, "", NOW) is ContractRefusal.SHIPPED
    noted = new(both.terms, note="Gate 4")
    assert isinstance(await desk.propose(conn, both.id, seller.id, noted, "", NOW), Contract)


async def test_goods_wait_for_the_papers_that_the_contract_wants_and_ship_is_told_then(conn: Connection) -> None:
    seller, buyer = await new_person(conn, "Orchid"), await new_person(conn, "Heron")
    later = Formality(kind=FormalityKind.TAX, duty_of="seller", due="2027-01-05")
    terms = trade_terms(seller.id, buyer.id, formalities=(INSPECTION, later))
    both = await in_force(conn, seller, buyer, terms)
    assert both.case_id is not None
    await _paid(conn, both.case_id, buyer.id)
    kinds = [row["kind"] for row in await conn.fetch("select kind from market.notice where party_id = $1", seller.id)]
    assert "contract_wait" in kinds and "deal_ship" not in kinds and "contract_ship" not in kinds
    shipped = await ESCROW.settlement.ship(conn, both.case_id, seller.id, "SF", "1", NOW)
    assert shipped is Refusal.FORMALITIES_MISSING
    assert [line.kind for line in await formalities.ready_to_ship(conn, both.case_id)] == ["inspection"]
    hand_in, paper = formalities.hand_in, _paper(b"%PDF-1 report")
    not_his = await hand_in(conn, both.id, 1, buyer.id, paper, NOW, is_operator=False)
    assert not_his is formalities.FormalityRefusal.NOT_FOR_YOU
    assert isinstance(await hand_in(conn, both.id, 1, seller.id, paper, NOW, is_operator=False), int)
    assert await _judged(conn, both, seller.id, accept=True) is formalities.FormalityRefusal.NOT_FOR_YOU
    assert await _judged(conn, both, buyer.id, accept=False) is formalities.FormalityRefusal.REASON_MISSING
    refused = await _judged(conn, both, buyer.id, accept=False, reason="The stamp is missing")
    assert isinstance(refused, formalities.Line) and refused.state == "refused"
    again = await hand_in(conn, both.id, 1, seller.id, _paper(b"%PDF-1 stamped"), NOW + 29 * DAY, is_operator=False)
    assert isinstance(again, int)
    assert isinstance(await _judged(conn, both, buyer.id, accept=True, now=NOW + 29 * DAY), formalities.Line)
    kinds = [row["kind"] for row in await conn.fetch("select kind from market.notice where party_id = $1", seller.id)]
    assert kinds.count("contract_ship") == 1
    case = await escrow_store.case_by_id(conn, both.case_id)
    assert case is not None and case.ship_by_at == NOW + 32 * DAY
    assert isinstance(await ESCROW.settlement.ship(conn, both.case_id, seller.id, "SF", "1", NOW + 30 * DAY), Case)


async def test_an_officer_hands_in_or_judges_but_never_both(conn: Connection) -> None:
    seller, buyer = await new_person(conn, "Orchid"), await new_person(conn, "Heron")
    operator, surveyor, second = [await new_party(conn, name) for name in ("Operator", "Surveyor", "Second")]
    both = await in_force(conn, seller, buyer, trade_terms(seller.id, buyer.id, formalities=(INSPECTION,)))
    appoint = formalities.appoint
    none = await appoint(conn, both.id, 1, seller.id, surveyor, NOW, is_operator=False)
    assert none is formalities.FormalityRefusal.NO_SUCH_OFFICER
    assert isinstance(await formalities.grant_office(conn, "surveyor@example.org", "inspection", operator, NOW), int)
    assert await appoint(conn, both.id, 1, buyer.id, surveyor, NOW, is_operator=False) in formalities.FormalityRefusal
    assert isinstance(await appoint(conn, both.id, 1, seller.id, surveyor, NOW, is_operator=False), formalities.Line)
    assert [duty.contract_id for duty in await formalities.duties_of(conn, surveyor)] == [both.id]
    await formalities.hand_in(conn, both.id, 1, surveyor, _paper(b"%PDF-1"), NOW, is_operator=False)
    assert await _judged(conn, both, surveyor, accept=True) is formalities.FormalityRefusal.SAME_HANDS
    assert isinstance(await _judged(conn, both, buyer.id, accept=False, reason="Unsigned"), formalities.Line)
    # Nor what the seller hands in after him; and whoever has judged hands nothing in.
    await formalities.hand_in(conn, both.id, 1, seller.id, _paper(b"%PDF-2"), NOW, is_operator=False)
    assert await _judged(conn, both, surveyor, accept=True) is formalities.FormalityRefusal.SAME_HANDS
    assert isinstance(await formalities.grant_office(conn, "second@example.org", "inspection", operator, NOW), int)
    assert isinstance(await appoint(conn, both.id, 1, seller.id, second, NOW, is_operator=False), formalities.Line)
    assert isinstance(await _judged(conn, both, second, accept=False, reason="Unsigned"), formalities.Line)
    handed = await formalities.hand_in(conn, both.id, 1, second, _paper(b"%PDF-3"), NOW, is_operator=False)
    assert handed is formalities.FormalityRefusal.SAME_HANDS


async def test_a_revocation_waits_for_the_signature_that_is_being_taken(
    conn: Connection, module_database: object
) -> None:
    from migrations.database import Role, connect

    person = await new_person(conn, "Orchid")
    assert await pki_store.held_certificate(conn, person.certificate.serial) is not None
    other = await connect(module_database, Role.APP)  # type: ignore[arg-type]
    await other.execute("set lock_timeout = '50ms'")
    revoked = pki_store.insert_revocation(other, person.certificate.serial, NOW, person.id, "superseded", "")
    with pytest.raises(asyncpg.LockNotAvailableError):
        await revoked
    await other.close()


async def test_the_database_holds_both_signatures_to_the_same_bytes(conn: Connection) -> None:
    seller, buyer = await new_person(conn, "Orchid"), await new_person(conn, "Heron")
    contract = await drawn_up(conn, trade_terms(seller.id, buyer.id))
    signed = await sign(conn, contract, seller)
    assert isinstance(signed, Contract)
    own = signed.standing.signed_by("seller")
    assert own is not None
    other = structs.replace(own, role="buyer", terms_sha256=bytes(32))
    for statement in (
        store.insert_signature(conn, contract.id, other),
        store.put_in_force(conn, contract.id, 1, NOW, 1),
        conn.execute("update market.contract_version set terms = '{}'"),
    ):
        with pytest.raises((asyncpg.IntegrityConstraintViolationError, asyncpg.InsufficientPrivilegeError)):
            async with conn.transaction():
                await statement


def _cheaper(terms: TradeTerms) -> TradeTerms:
    return structs.replace(terms, goods=(structs.replace(terms.goods[0], unit_price_minor=1),))


def _paper(content: bytes) -> Evidence:
    return Evidence(
        kind=EvidenceKind.DOCUMENT, name="report.pdf", upload_sha256=content.ljust(32)[-32:], content=content
    )


async def _paid(conn: Connection, case_id: int, buyer_id: int) -> None:
    """The whole price comes from the bank."""
    from escrow.settlement import BANK

    case = await escrow_store.lock_case(conn, case_id)
    assert case is not None
    paid = await ESCROW.settlement.pay(conn, case, BANK, "bank", case.due_minor, NOW)
    assert isinstance(paid, Case) and paid.state is State.FUNDED


async def _judged(
    conn: Connection, contract: Contract, who: int, *, accept: bool, reason: str = "", now: datetime = NOW
) -> formalities.Line | formalities.FormalityRefusal:
    return await formalities.judge(
        conn, ESCROW, contract.id, 1, who, now, accept=accept, reason=reason, is_operator=False
    )


async def test_a_hammers_contract_is_in_force_and_signed_afterwards_by_both(conn: Connection) -> None:
    sale = await stage(conn, bidders=2, now=NOW)
    await fall(conn, sale, closed_at=NOW)
    case = await case_of(conn, sale)
    made = await desk.contract_of_case(conn, case.id)
    assert made is not None and made.state is ContractState.IN_FORCE and made.standing.sha256 == case.contract_sha256
    people = [await certified(conn, party) for party in (made.seller_id, made.buyer_id)]
    for who in people:
        after = await sign(conn, made, who)
        assert isinstance(after, Contract)
        made = after
    assert (made.signed_version, made.offered_version, made.case_id) == (1, None, case.id)
    amended = await desk.propose(conn, made.id, made.seller_id, trade_terms(made.seller_id, made.buyer_id), "", NOW)
    assert amended is ContractRefusal.FROM_A_HAMMER
    bundle = await bundle_of(conn, HOUSE, made, NOW)
    assert verifier.verify(bundle)["version in force"] == 1  # type: ignore[no-untyped-call]


async def test_a_message_signs_by_agreement_and_the_bundle_says_so(conn: Connection) -> None:
    seller, buyer = await new_person(conn, "Orchid"), await new_person(conn, "Heron")
    contract = await drawn_up(conn, trade_terms(seller.id, buyer.id))
    first = await signing.sign_by_agreement(conn, HOUSE, contract.id, seller.id, bytes(32), NOW)
    assert isinstance(first, Contract)
    again = await signing.sign_by_agreement(conn, HOUSE, contract.id, seller.id, bytes(32), NOW)
    assert again is ContractRefusal.ALREADY_SIGNED
    both = await sign(conn, first, buyer)
    assert isinstance(both, Contract) and both.state is ContractState.IN_FORCE
    bundle = await bundle_of(conn, HOUSE, both, NOW)
    found = verifier.verify(bundle)  # type: ignore[no-untyped-call]
    assert str(found["version 1, seller"]).startswith("by message under the parties' agreement")
    other = bundle.replace(b'"evidence_sha256":"00', b'"evidence_sha256":"01')
    with pytest.raises(ValueError, match="not that of its key"):
        verifier.verify(other)  # type: ignore[no-untyped-call]
