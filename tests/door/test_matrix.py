"""The authorization matrix, shown over HTTP: every route, asked by everybody.

Data-driven: a route is tested for *who* as soon as it exists, and for *whose* as soon as its row names an owner, with a
thing of somebody else's and with an id that nobody has.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from httpx2 import Response
from starlette.routing import Mount, Route, WebSocketRoute

from market import listings, notices, sessions, tokens
from market.access.rows import Who, Whose
from market.access.table import TABLE
from market.app import all_routes
from market.authorization import RouteWithoutRow, guarded
from market.contracting import formalities
from market.contracting import store as contracts
from market.evidence_rendering import Evidence, EvidenceKind
from market.listing_facts import ListingContent
from market.negotiation import store as negotiation_store
from market.negotiation.desk import Proposal
from market.negotiation.draft import draft_of
from market.negotiation.facts import Negotiation
from market.trading import store as trading_store
from tests.claims.dispute import with_claim_and_evidence
from tests.deal.traded import case_of, fall, stage
from tests.door.house_server import Server
from tests.negotiation.talks import post_of_tea
from tests.wallet.test_cheques import given, written

if TYPE_CHECKING:
    from datetime import datetime

    from migrations.database import Connection

ROUTES = {route.name: route for route in all_routes()}
HTTP = [
    (name, method)
    for name, route in ROUTES.items()
    if isinstance(route, Route)
    for method in sorted((route.methods or set()) - {"HEAD"})
]
ABSENT = 4_000_000_001
ORDINARY = {"lang": "en", "size": "320", "file": "x", "token": "x", "path": "x", "category": "urea"}
OWNED = [(name, method) for name, method in HTTP if TABLE[name].whose not in (Whose.ANY, Whose.OWN)]
REFUSED_AS_MEMBER = {401, 403}


@dataclass
class People:
    """Who asks, as request headers of a program, and what belongs to `owner`."""

    visitor: dict[str, str]
    member: dict[str, str]
    owner: dict[str, str]
    operator: dict[str, str]
    things: dict[Whose, int]


@pytest.fixture(scope="module")
async def people(server: Server) -> People:
    owner = await server.party()
    async with server.house.pool.acquire() as conn:
        things = await make_things(server, conn, owner)
    return People(
        visitor={},
        member=await server.bearer(await server.party()),
        owner=await server.bearer(owner),
        operator=await server.bearer(await server.party(operator=True)),
        things=things,
    )


async def make_things(server: Server, conn: Connection, owner: int) -> dict[Whose, int]:
    """One of each kind of thing that a row may say belongs to somebody."""
    now = server.house.node_time.now()
    await sessions.sign_in(conn, owner, now)
    await tokens.create_token(conn, owner, "thing", now)
    await notices.notify(conn, [owner], "lot_approved", {"lot": 1, "title_en": "Vase", "title_zh": "瓶"}, "/", now)
    listing = await listings.create_draft(conn, seller_id=owner, content=ListingContent(currency="CNY"), now=now)
    sale = await stage(conn, bidders=2, seller=owner, now=now)
    await fall(conn, sale, closed_at=now)
    await with_claim_and_evidence(conn, sale, now)
    offer_id = await conn.fetchval(
        "insert into market.second_chance (lot_id, party_id, kind, currency, price_minor, offered_at, expires_at)"
        " values ($1, $2, 'runner_up', 'CNY', 1, $3, $4) returning id",
        sale.lot_id,
        sale.bidders[1],
        now,
        now + timedelta(days=1),
    )
    case = await case_of(conn, sale)
    cheque_id = await a_cheque(server, conn, owner, sale.bidders[0])
    deposit = await server.house.escrow.deposits.request_deposit(
        conn, subject=f"lot:{sale.lot_id}", party_id=owner, amount_minor=1, currency="CNY", now=now
    )
    request_id = await conn.fetchval(
        "insert into market.phone_request (party_id, case_id, means, means_label, payee, currency, amount_minor, nonce,"
        " created_at, expires_at) values ($1, $2, 'wallet', '', 'Seller', 'CNY', 1, $3, $4, $5) returning id",
        owner,
        case.id,
        bytes(32),
        now,
        now + timedelta(days=1),
    )
    contract_id = await contracts.id_of_case(conn, case.id)
    assert contract_id is not None, "a hammer makes a contract"
    await a_paper(conn, contract_id, owner, now)
    await a_parcel(conn, case.id, owner, now)
    talk_id = await a_talk(server, conn, owner, sale.bidders[0])
    return {
        Whose.OWN_NEGOTIATION: talk_id,
        Whose.OWN_DOCUMENT: await conn.fetchval("select id from market.document where negotiation_id = $1", talk_id),
        Whose.OWN_CONTRACT: contract_id,
        Whose.OWN_OFFER: offer_id,
        Whose.OWN_CHEQUE: cheque_id,
        Whose.OWN_DEPOSIT: deposit.id,
        Whose.OWN_REQUEST: request_id,
        Whose.OWN_SESSION: (await sessions.sessions_of(conn, owner, now))[0].id,
        Whose.OWN_TOKEN: (await tokens.tokens_of(conn, owner))[0].id,
        Whose.OWN_NOTICE: (await notices.notices_of(conn, owner))[-1].id,
        Whose.OWN_LOT: listing.id,
        Whose.OWN_DEAL: case.id,
        Whose.ANY: sale.lot_id,
    }


async def a_paper(conn: Connection, contract_id: int, seller: int, now: datetime) -> None:
    """A paper that the contract asks for, handed in; contract, line and paper have one number."""
    await conn.execute(
        "insert into market.contract_formality (contract_id, n, version, kind, duty_of, due, required, note)"
        " values ($1::bigint, $1::bigint::integer, 1, 'inspection', 'seller', 'before_ship', true, '')",
        contract_id,
    )
    report = b"%PDF-1.4 report %%EOF"
    evidence = Evidence(kind=EvidenceKind.DOCUMENT, name="r.pdf", upload_sha256=sha256(report).digest(), content=report)
    async with conn.transaction():
        done = await formalities.hand_in(conn, contract_id, contract_id, seller, evidence, now, is_operator=False)
    assert done == contract_id


async def a_talk(server: Server, conn: Connection, owner: int, other: int) -> int:
    """A negotiation about the owner's post with a file beside its first step; negotiation and file have one number."""
    post = await post_of_tea(server, owner)
    now, desk = server.house.node_time.now(), server.house.negotiations
    (category,) = [one for one in await trading_store.categories(conn) if one.code == post.category]
    evidence = Evidence(
        kind=EvidenceKind.PHOTO, name="tea.webp", upload_sha256=sha256(b"tea").digest(), content=b"tea", thumbnail=b"t"
    )
    proposal = Proposal(terms=draft_of(post, category, seller_id=owner, buyer_id=other), evidence=(evidence,))
    async with conn.transaction():
        talk = await desk.inquire(conn, post.id, other, proposal, now)
    assert isinstance(talk, Negotiation)
    (file,) = await negotiation_store.files_of(conn, talk.id)
    assert file.id == talk.id
    return talk.id


async def a_parcel(conn: Connection, case_id: int, seller: int, now: datetime) -> None:
    """A consignment that was delivered and signed for; deal and consignment have one number."""
    await conn.execute(
        "insert into market.consignment (id, case_id, booking_id, carrier, booked_by, packages, weight_grams, description,"
        " collect_from, deliver_to, state, tracking_number, received_by, proof, proof_sha256, booked_at, moved_at)"
        " overriding system value values ($1, $1, gen_random_uuid(), 'sandbox', $2, 1, 1, 'vase', $3, $3, 'delivered', 'SX1',"
        " 'A', 'slip', sha256('slip'), $4, $4)",
        case_id,
        seller,
        {"name": "A", "lines": "B", "city": "C", "country": "CN"},
        now,
    )


async def a_cheque(server: Server, conn: Connection, writer: int, payee: int) -> int:
    """A cheque that the writer has signed by a key of his own."""
    await given(conn, writer, 100_000)
    async with conn.transaction():
        return (await written(conn, writer, payee, now=server.house.node_time.now())).id


def path_of(name: str, thing_id: int) -> str:
    """The route's path with every id the same and every other part something ordinary."""

    def part(match: re.Match[str]) -> str:
        ordinary = {"int": str(thing_id), "uuid": "00000000-0000-4000-8000-000000000001"}
        return ordinary.get(match[2]) or ORDINARY.get(match[1], "x")

    return re.sub(r"{(\w+)(?::(\w+))?}", part, ROUTES[name].path)


async def ask(server: Server, name: str, method: str, headers: dict[str, str], thing_id: int = ABSENT) -> Response:
    return await server.client.request(
        method,
        path_of(name, thing_id),
        headers={
            **server.page,
            **headers,
            "accept": "application/json",
            "idempotency-key": f"{name} {method} {next(_numbers)}",
        },
    )


_numbers = itertools.count()


def code_of(answer: Response) -> str:
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    return answer.json()["code"] if is_problem and answer.content else ""


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert sorted(ROUTES) == sorted(TABLE)


def test_a_route_without_a_row_does_not_start() -> None:
    with pytest.raises(RouteWithoutRow):
        guarded([Route("/secret-door", lambda request: None, name="secret_door")])


def test_every_id_in_an_owners_path_is_named_as_its_row_says() -> None:
    for name, _ in OWNED:
        assert f"{{{TABLE[name].whose.value}:int}}" in ROUTES[name].path, name


def test_only_uploads_take_more_than_a_form() -> None:
    large = {name for name, row in TABLE.items() if row.body_bytes > 64 * 1024}
    photos = {"sell_photos", "api.add_photo"}
    evidence = {"deal_file_add", "deal_claim", "api.hand_in_evidence", "formality_hand_in", "api.formality_hand_in"}
    talks = {"negotiation_new", "negotiation_propose", "negotiation_say", "api.negotiation_hand_in"}
    files = {"operator_statement_upload", "api.upload_statement", "market_import", "api.import_posts"}
    programs = {"edi", "api.send_edi", "carrier_webhook"}
    assert large == photos | evidence | talks | files | programs


def test_what_changes_something_is_never_asked_for_by_a_link() -> None:
    """A GET that needs no more than a link must not be a POST in disguise; webhooks only take POST."""
    for name, route in ROUTES.items():
        if TABLE[name].who is Who.WEBHOOK:
            assert isinstance(route, Route) and route.methods == {"POST"}


@pytest.mark.parametrize(("name", "method"), HTTP)
async def test_a_visitor_gets_only_what_is_for_visitors(server: Server, people: People, name: str, method: str) -> None:
    server.house.buckets._full_at.clear()
    answer = await ask(server, name, method, people.visitor)
    if TABLE[name].who in (Who.MEMBER, Who.OPERATOR):
        assert answer.status_code == 401
    elif TABLE[name].who is Who.VISITOR:
        assert answer.status_code not in (401, 403, 500), answer.text


@pytest.mark.parametrize(("name", "method"), [pair for pair in HTTP if TABLE[pair[0]].who is Who.OPERATOR])
async def test_a_member_gets_nothing_of_the_operators(server: Server, people: People, name: str, method: str) -> None:
    answer = await ask(server, name, method, people.member)
    assert (answer.status_code, code_of(answer)) in ((403, "forbidden"), (403, ""))


@pytest.mark.parametrize(("name", "method"), [pair for pair in HTTP if TABLE[pair[0]].who is Who.OPERATOR])
async def test_an_operator_passes_the_guard_and_an_absent_id_is_no_crash(
    server: Server, people: People, name: str, method: str
) -> None:
    answer = await ask(server, name, method, people.operator)
    assert answer.status_code not in (401, 403, 500), answer.text


@pytest.mark.parametrize(
    ("name", "method"), [pair for pair in HTTP if TABLE[pair[0]].who is Who.MEMBER and pair[0] != "sign_out"]
)
async def test_a_member_passes_the_guard_and_an_absent_id_is_no_crash(
    server: Server, people: People, name: str, method: str
) -> None:
    answer = await ask(server, name, method, people.member)
    assert answer.status_code != 500, answer.text
    if (name, method) in OWNED:
        assert answer.status_code == 404
    else:
        assert code_of(answer) not in ("sign_in_required", "forbidden")


@pytest.mark.parametrize(("name", "method"), OWNED)
async def test_anothers_thing_is_not_found(server: Server, people: People, name: str, method: str) -> None:
    thing = people.things[TABLE[name].whose]
    assert (await ask(server, name, method, people.member, thing)).status_code == 404
    operators = await ask(server, name, method, people.operator, thing)
    assert operators.status_code == 404 or TABLE[name].operator_too


@pytest.mark.parametrize(("name", "method"), [pair for pair in OWNED if pair[1] == "GET"])
async def test_the_owner_reads_his_own(server: Server, people: People, name: str, method: str) -> None:
    answer = await ask(server, name, method, people.owner, people.things[TABLE[name].whose])
    assert answer.status_code in (200, 303, 304), answer.text


@pytest.mark.parametrize("name", ["confirmation", "api.lot_confirmation"])
async def test_a_confirmation_is_for_the_two_parties_of_the_sale(server: Server, people: People, name: str) -> None:
    sold = people.things[Whose.ANY]
    assert (await ask(server, name, "GET", people.owner, sold)).status_code == 200
    assert (await ask(server, name, "GET", people.member, sold)).status_code == 404


def test_sockets_and_mounts_have_rows_too() -> None:
    for name, route in ROUTES.items():
        if isinstance(route, WebSocketRoute | Mount):
            assert TABLE[name].who is Who.VISITOR


def test_the_longest_session_is_bounded() -> None:
    assert timedelta(days=1) <= sessions.IDLE < sessions.LIFETIME <= timedelta(days=30)
