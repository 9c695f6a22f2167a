"""Formalities [履约手续] before performance: who hands in which paper by when, and who accepts it.

Each line of the checklist is the duty of buyer, seller or house. An officer who was appointed to it (an inspector, an
insurer, a customs agent, a tax agent, a carrier) may hand the paper in or judge it, never both. While one is missing that
the contract wants before shipping, the goods can't be shipped.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from escrow import store as escrow_store
from escrow.facts import Action, Refusal, State
from market import audit, notices
from market.contracting import desk, store
from market.contracting.facts import Contract
from market.contracting.terms import BEFORE_SHIP, Formality, TradeTerms
from migrations.queries import load_queries

if TYPE_CHECKING:
    from escrow.desk import EscrowDesk
    from escrow.facts import Case, CaseEvent
    from market.evidence_rendering import Evidence
    from migrations.database import Connection

_queries = load_queries("market", "formalities")
MOST_PAPERS = 20
LONGEST_REASON = 500
OFFICES = ("inspection", "insurance", "customs", "tax", "carrier")
LARGEST_ID = 2**63 - 1
READY_SECONDS = 3 * 86_400
"""So long the seller has at least for shipping, once the last paper that it waited for is accepted."""


class FormalityRefusal(StrEnum):
    """In the order of testing; the sentence is `market_refusal.<value>`."""

    NO_SUCH_FORMALITY = "no_such_formality"
    NOT_FOR_YOU = "formality_not_for_you"
    NOT_NOW = "formality_not_now"
    SAME_HANDS = "formality_same_hands"
    REASON_MISSING = "formality_reason_missing"
    PAPER_KNOWN = "formality_paper_known"
    NO_SUCH_OFFICER = "no_such_officer"
    OFFICE_UNKNOWN = "office_unknown"
    OFFICE_HELD = "office_held"


class Paper(Struct, frozen=True, kw_only=True):
    """One paper without its bytes; `sha256` is of what is handed out."""

    id: int
    n: int
    author_id: int
    author_name: str
    kind: str
    name: str
    size_bytes: int
    sha256: bytes
    created_at: datetime


class Line(Struct, frozen=True, kw_only=True):
    """One line of the checklist."""

    contract_id: int
    n: int
    version: int
    kind: str
    duty_of: str
    due: str
    required: bool
    note: str
    state: str
    officer_id: int | None
    officer_name: str | None
    handed_in_by: int | None
    handed_in_name: str | None
    handed_in_at: datetime | None
    judged_by: int | None
    judged_name: str | None
    judged_at: datetime | None
    reason: str
    judges: tuple[int, ...] = ()
    papers: tuple[Paper, ...] = ()

    def has_handed_in(self, party_id: int) -> bool:
        """Whether any paper of this line came from this party: it judges none of them, for good."""
        return party_id == self.handed_in_by or any(party_id == paper.author_id for paper in self.papers)

    @property
    def is_missing(self) -> bool:
        """Whether it keeps the goods from being shipped."""
        return self.required and self.due == BEFORE_SHIP and self.state != "accepted"

    @property
    def due_on(self) -> date | None:
        return None if self.due == BEFORE_SHIP else date.fromisoformat(self.due)

    def is_late(self, today: date) -> bool:
        return self.due_on is not None and self.due_on < today and self.state != "accepted"


class Office(Struct, frozen=True, kw_only=True):
    id: int
    party_id: int
    party_name: str
    kind: str
    granted_at: datetime


class Duty(Struct, frozen=True, kw_only=True):
    """What an officer was appointed to."""

    contract_id: int
    n: int
    kind: str
    state: str
    due: str
    duty_of: str
    terms: TradeTerms


async def follow(conn: Connection, contract_id: int, version: int, terms: TradeTerms) -> None:
    """The checklist becomes that of this version: a line that stays keeps its papers, one that went is dropped."""
    wanted = list(terms.formalities)
    for line in await checklist(conn, contract_id):
        same = next((each for each in wanted if _is_same(line, each)), None)
        if same is None:
            await conn.execute(_queries.drop_formality, contract_id, line.n)
        else:
            wanted.remove(same)
    for one in wanted:
        await conn.execute(
            _queries.insert_formality,
            contract_id,
            version,
            one.kind.value,
            one.duty_of,
            one.due,
            one.required,
            one.note,
        )


async def checklist(conn: Connection, contract_id: int) -> list[Line]:
    """What is to be handed in under the version in force."""
    papers = [msgspec.convert(dict(row), Paper) for row in await conn.fetch(_queries.papers, contract_id)]
    return [
        msgspec.convert({**dict(row), "papers": tuple(one for one in papers if one.n == row["n"])}, Line)
        for row in await conn.fetch(_queries.checklist, contract_id)
        if row["state"] != "dropped"
    ]


async def ready_to_ship(conn: Connection, case_id: int) -> list[Line]:
    """What is missing before the goods of this case may be shipped; none when nothing is."""
    contract_id = await store.id_of_case(conn, case_id)
    return [] if contract_id is None else [line for line in await checklist(conn, contract_id) if line.is_missing]


async def may_ship(conn: Connection, case_id: int) -> Refusal | None:
    """The escrow's question before anything is shipped."""
    return Refusal.FORMALITIES_MISSING if await ready_to_ship(conn, case_id) else None


async def hand_in(
    conn: Connection, contract_id: int, n: int, party_id: int, paper: Evidence, now: datetime, *, is_operator: bool
) -> int | FormalityRefusal:
    """A paper for one line, by whoever's duty it is or by its officer; its number. What was refused may be handed in anew."""
    contract, line = await _locked(conn, contract_id, n)
    if contract is None or line is None:
        return FormalityRefusal.NO_SUCH_FORMALITY
    if not may_hand_in(contract, line, party_id, is_operator=is_operator):
        return FormalityRefusal.NOT_FOR_YOU
    if line.state == "accepted":
        return FormalityRefusal.NOT_NOW
    if party_id in line.judges:
        return FormalityRefusal.SAME_HANDS
    paper_id: int | None = await conn.fetchval(
        _queries.insert_paper,
        contract_id,
        n,
        party_id,
        paper.kind.value,
        paper.name,
        len(paper.content),
        paper.upload_sha256,
        paper.sha256,
        now,
        MOST_PAPERS,
    )
    if paper_id is None:
        return FormalityRefusal.PAPER_KNOWN
    await conn.execute(_queries.insert_paper_content, paper_id, paper.content)
    await conn.execute(_queries.hand_in, contract_id, n, party_id, now)
    await _note(conn, contract, "formality_handed_in", line, party_id, now)
    others = {contract.seller_id, contract.buyer_id, *((line.officer_id,) if line.officer_id else ())} - {party_id}
    await _tell(conn, contract_id, "formality_handed_in", line, sorted(others), now)
    return paper_id


async def judge(
    conn: Connection,
    house: EscrowDesk,
    contract_id: int,
    n: int,
    party_id: int,
    now: datetime,
    *,
    accept: bool,
    reason: str,
    is_operator: bool,
) -> Line | FormalityRefusal:
    """Accept what was handed in, or refuse it with the reason. With the last one that was missing, "ship" is told."""
    contract, line = await _locked(conn, contract_id, n)
    if contract is None or line is None:
        return FormalityRefusal.NO_SUCH_FORMALITY
    if not may_judge(contract, line, party_id, is_operator=is_operator):
        return FormalityRefusal.NOT_FOR_YOU
    if line.state != "handed_in":
        return FormalityRefusal.NOT_NOW
    if line.has_handed_in(party_id):
        return FormalityRefusal.SAME_HANDS
    reason = reason.strip()[:LONGEST_REASON]
    if not accept and not reason:
        return FormalityRefusal.REASON_MISSING
    state = "accepted" if accept else "refused"
    await conn.execute(_queries.judge, contract_id, n, state, party_id, now, reason)
    await _note(conn, contract, f"formality_{state}", line, party_id, now, reason)
    others = {contract.seller_id, contract.buyer_id, *((line.officer_id,) if line.officer_id else ())} - {party_id}
    await _tell(conn, contract_id, f"formality_{state}", line, sorted(others), now)
    if accept and line.is_missing:
        await _tell_if_ready(conn, house, contract, now)
    return next(each for each in await checklist(conn, contract_id) if each.n == n)


async def appoint(
    conn: Connection,
    contract_id: int,
    n: int,
    party_id: int,
    officer_id: int | None,
    now: datetime,
    *,
    is_operator: bool,
) -> Line | FormalityRefusal:
    """Whoever's duty it is, or an operator, names the officer who sees to it; he may then read the contract."""
    contract, line = await _locked(conn, contract_id, n)
    if contract is None or line is None:
        return FormalityRefusal.NO_SUCH_FORMALITY
    if not may_appoint(contract, line, party_id, is_operator=is_operator):
        return FormalityRefusal.NOT_FOR_YOU
    if line.state == "accepted":
        return FormalityRefusal.NOT_NOW
    if officer_id is not None:
        holders = {one.party_id for one in await offices(conn, line.kind)}
        if officer_id not in holders or contract.role_of(officer_id) is not None:
            return FormalityRefusal.NO_SUCH_OFFICER
    await conn.execute(_queries.appoint, contract_id, n, officer_id)
    await _note(conn, contract, "formality_appointed", line, party_id, now)
    if officer_id is not None:
        await _tell(conn, contract_id, "formality_appointed", line, [officer_id], now)
    return next(each for each in await checklist(conn, contract_id) if each.n == n)


def may_hand_in(contract: Contract, line: Line, party_id: int, *, is_operator: bool) -> bool:
    return line.officer_id == party_id or _is_duty_of(contract, line, party_id, is_operator=is_operator)


def may_appoint(contract: Contract, line: Line, party_id: int, *, is_operator: bool) -> bool:
    return is_operator or contract.role_of(party_id) == line.duty_of


def may_judge(contract: Contract, line: Line, party_id: int, *, is_operator: bool) -> bool:
    """The other side of whoever's duty it is (of the house's, the buyer), the officer, or an operator."""
    if party_id == line.officer_id:
        return True
    role = contract.role_of(party_id)
    if role is not None:
        return role == ("seller" if line.duty_of == "buyer" else "buyer")
    return is_operator


async def paper_content(conn: Connection, contract_id: int, paper_id: int) -> tuple[str, str, bytes] | None:
    """Kind, name and bytes of a paper of this contract."""
    row = await conn.fetchrow(_queries.paper, contract_id, paper_id) if paper_id <= LARGEST_ID else None
    return None if row is None else (row["kind"], row["name"], row["content"])


async def offices(conn: Connection, kind: str | None = None) -> list[Office]:
    return [msgspec.convert(dict(row), Office) for row in await conn.fetch(_queries.offices, kind)]


async def duties_of(conn: Connection, party_id: int) -> list[Duty]:
    """What this party was appointed to, newest first."""
    rows = await conn.fetch(_queries.duties_of_officer, party_id)
    return [
        Duty(**{**{name: row[name] for name in Duty.__struct_fields__}, "terms": read})
        for row in rows
        if isinstance(read := store.read_any_terms(row["terms"]), TradeTerms)
    ]


async def grant_office(
    conn: Connection, email: str, kind: str, operator_id: int, now: datetime
) -> int | FormalityRefusal:
    """The party with this address holds an office from now on; its number."""
    if kind not in OFFICES:
        return FormalityRefusal.OFFICE_UNKNOWN
    party_id: int | None = await conn.fetchval(_queries.party_of_email, email)
    if party_id is None:
        return FormalityRefusal.NO_SUCH_OFFICER
    office_id: int | None = await conn.fetchval(_queries.grant_office, party_id, kind, operator_id, now)
    if office_id is None:
        return FormalityRefusal.OFFICE_HELD
    await audit.record(conn, operator_id, "office.granted", f"party:{party_id}", None, {"kind": kind}, now)
    await notices.notify(conn, [party_id], "office_granted", {"office": kind}, "/duties", now)
    return office_id


async def end_office(conn: Connection, office_id: int, operator_id: int, now: datetime) -> bool:
    """False when there is no such office any more. What its holder was appointed to stays his."""
    found = office_id <= LARGEST_ID
    party_id = await conn.fetchval(_queries.end_office, office_id, operator_id, now) if found else None
    if party_id is not None:
        await audit.record(conn, operator_id, "office.ended", f"party:{party_id}", None, {"office": office_id}, now)
    return party_id is not None


async def move_shipping_day(
    conn: Connection, house: EscrowDesk, contract: Contract, terms: TradeTerms, now: datetime
) -> None:
    """An amendment gave the seller longer."""
    assert contract.case_id is not None
    end = datetime.combine(terms.delivery.to_date, datetime.max.time(), now.tzinfo).replace(microsecond=0)
    await _postpone(conn, house, contract.case_id, end, now)


async def on_case_changed(conn: Connection, house: EscrowDesk, case: Case, event: CaseEvent) -> None:
    """The escrow's call. With the payment the seller's time to ship begins; what was amended before it counts, too."""
    contract_id = await store.id_of_case(conn, case.id) if event.action is Action.PAY else None
    contract = None if contract_id is None else await desk.certain(conn, contract_id)
    if contract is not None and contract.is_trade:
        await move_shipping_day(conn, house, contract, contract.terms, event.at)


async def _tell_if_ready(conn: Connection, house: EscrowDesk, contract: Contract, now: datetime) -> None:
    assert contract.case_id is not None, "a checklist is that of a contract in force"
    case = await escrow_store.lock_case(conn, contract.case_id)
    if case is None or case.state is not State.FUNDED or await ready_to_ship(conn, case.id):
        return
    await _postpone(conn, house, case.id, now + timedelta(seconds=READY_SECONDS), now)
    case = await escrow_store.case_by_id(conn, contract.case_id)
    assert case is not None and case.ship_by_at is not None
    params = desk.params_of(contract)
    params["due"] = case.ship_by_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    await notices.notify(conn, [contract.seller_id], "contract_ship", params, f"/deals/{case.id}", now)


async def _postpone(conn: Connection, house: EscrowDesk, case_id: int, until: datetime, now: datetime) -> None:
    """No earlier than it was: a day that passes leaves the clock as it is."""
    case = await escrow_store.lock_case(conn, case_id)
    if case is not None and case.state is State.FUNDED and case.ship_by_at is not None and until > case.ship_by_at:
        await house.settlement.postpone(conn, case_id, until, now)


async def _locked(conn: Connection, contract_id: int, n: int) -> tuple[Contract | None, Line | None]:
    contract = await store.lock(conn, contract_id)
    lines = [] if contract is None else await checklist(conn, contract_id)
    return contract, next((each for each in lines if each.n == n), None)


async def _note(
    conn: Connection, contract: Contract, kind: str, line: Line, party_id: int, now: datetime, reason: str = ""
) -> None:
    detail: dict[str, object] = {"n": line.n, "kind": line.kind}
    if reason:
        detail["reason"] = reason
    await store.insert_event(conn, contract.id, kind, now, actor_id=party_id, detail=detail)
    await store.touch(conn, contract.id)


async def _tell(conn: Connection, contract_id: int, kind: str, line: Line, parties: list[int], now: datetime) -> None:
    after = await desk.certain(conn, contract_id)
    await desk.tell(conn, after, kind, parties, now, formality=line.kind)


def _is_duty_of(contract: Contract, line: Line, party_id: int, *, is_operator: bool) -> bool:
    return is_operator if line.duty_of == "house" else contract.role_of(party_id) == line.duty_of


def _is_same(line: Line, wanted: Formality) -> bool:
    return (line.kind, line.duty_of, line.due, line.required, line.note) == (
        wanted.kind.value,
        wanted.duty_of,
        wanted.due,
        wanted.required,
        wanted.note,
    )
