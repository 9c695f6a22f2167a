"""The API of negotiations: ask, offer, counter, accept. What is said is structured terms, with words and files beside them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs
from starlette.responses import Response

from market import case_files
from market.api.case_files import MEDIA, EvidenceQuery, Sha256
from market.api.operations import Call, granted, operation
from market.api.shapes import Id, Instant, Listed, PageNumber, PageSize, instant_in, said
from market.api.trade_terms import TermsIn, TermsOut, terms_in, terms_out
from market.case_files import Content
from market.contracting.terms import Difference, differences
from market.contracting.wording import flaw_text
from market.evidence_rendering import Evidence, EvidenceKind
from market.negotiation import rules, store
from market.negotiation.desk import Flawed, Outcome, Proposal
from market.negotiation.facts import (
    LONGEST_WORDS,
    Negotiation,
    NegotiationRefusal,
    NegotiationState,
    OfferState,
    Step,
    StepKind,
)
from market.negotiation.naming import is_hidden, meant_hash, names_for, shown_hash
from market.pages.case_files import evidence_response
from market.problems import Problem, ProblemError

Words = Annotated[str, Meta(max_length=LONGEST_WORDS)]


class Inquiry(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is asked for; a price per unit of 0 asks for one."""

    terms: TermsIn
    words: Words = ""


class OfferIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """Terms that bind whoever puts them forward until `valid_until`, exclusive. A firm offer can't be withdrawn."""

    terms: TermsIn
    valid_until: Instant
    firm: bool = False
    words: Words = ""


class Acceptance(Struct, kw_only=True, forbid_unknown_fields=True):
    """The number of the offer and the hash of the terms that were read, as its step shows it: both must be those of the
    offer that stands.
    """

    offer: Id
    terms_sha256: Sha256


class Answer(Struct, kw_only=True, forbid_unknown_fields=True):
    """The number of the offer that is rejected or withdrawn, and why, if one likes to say."""

    offer: Id
    words: Words = ""


class Said(Struct, kw_only=True, forbid_unknown_fields=True):
    words: Annotated[str, Meta(min_length=1, max_length=LONGEST_WORDS, pattern=r"\S")]


class Farewell(Struct, kw_only=True, forbid_unknown_fields=True):
    words: Words = ""


class FileOut(Struct, kw_only=True):
    id: int
    kind: EvidenceKind
    name: str
    size_bytes: int
    sha256: Sha256
    url: str


class ChangeOut(Struct, kw_only=True):
    """A value that differs from the last terms that were on the table."""

    path: str
    old: str | int | bool | None
    new: str | int | bool | None


class StepOut(Struct, kw_only=True):
    """`by` is null for what the house wrote. `offer_state` is where an offer stands now; only a standing one is accepted.
    `terms_sha256` names the terms; it is the contract's kind of hash only once both know each other.
    """

    n: int
    kind: StepKind
    by: Literal["seller", "buyer"] | None
    at: datetime
    words: str
    terms: TermsOut | None
    terms_sha256: Sha256 | None
    changes: list[ChangeOut]
    valid_until: datetime | None
    firm: bool
    answers: int | None
    offer_state: OfferState | None
    files: list[FileOut]


class NegotiationOut(Struct, kw_only=True):
    """Two parties about one post. A party that posted anonymously goes by an alias until an offer is accepted."""

    id: int
    post_id: int
    state: NegotiationState
    version: int
    role: Literal["seller", "buyer"]
    seller_name: str
    buyer_name: str
    opened_at: datetime
    contract_id: int | None
    standing_offer: int | None
    steps: list[StepOut]


class NegotiationLine(Struct, kw_only=True):
    id: int
    post_id: int
    title_en: str
    title_zh: str
    state: NegotiationState
    version: int
    role: Literal["seller", "buyer"]
    other_name: str
    last_step: StepKind
    last_by: Literal["seller", "buyer"] | None
    moved_at: datetime
    lapses_at: datetime | None
    contract_id: int | None


class NegotiationsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    state: NegotiationState | None = None
    post_id: Id | None = None
    page: PageNumber = 1
    page_size: PageSize = 25


@operation("GET", "/negotiations", tag="negotiations")
async def negotiations(call: Call, query: NegotiationsQuery) -> Listed[NegotiationLine]:
    """The viewer's negotiations, those that moved last first."""
    rows, total = await store.negotiations_of_party(
        call.conn,
        call.viewer.id,
        state=query.state.value if query.state else None,
        post_id=query.post_id,
        limit=query.page_size,
        offset=(query.page - 1) * query.page_size,
    )
    lines = []
    for row in rows:
        one = row.negotiation
        names = names_for(row, call.viewer.id, call.house.catalogue, call.house.config, call.lang)
        role = _role(one, call.viewer.id)
        lines.append(
            NegotiationLine(
                id=one.id,
                post_id=one.post_id,
                title_en=row.title("en"),
                title_zh=row.title("zh"),
                state=one.state,
                version=one.version,
                role=role,
                other_name=names["buyer" if role == "seller" else "seller"],
                last_step=row.last_kind,
                last_by=None if row.last_author_id is None else _role(one, row.last_author_id),
                moved_at=one.moved_at,
                lapses_at=row.lapses_at,
                contract_id=one.contract_id,
            )
        )
    return Listed(items=lines, page=query.page, pages=max(1, -(-total // query.page_size)), total=total)


@operation("GET", "/negotiations/{negotiation_id:int}", tag="negotiations")
async def negotiation(call: Call, negotiation_id: int) -> NegotiationOut:
    """One negotiation with every step, and where each offer stands now."""
    found = await store.negotiation(call.conn, negotiation_id)
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    return await _shown(call, found)


@operation("POST", "/posts/{post_id:int}/inquiries", tag="negotiations", status=201)
async def negotiation_inquire(call: Call, post_id: int, body: Inquiry) -> NegotiationOut:
    """Open a negotiation about somebody's post by asking."""
    seller_id, buyer_id = await _sides(call, post_id)
    proposal = Proposal(terms=terms_in(body.terms, seller_id=seller_id, buyer_id=buyer_id), words=_words(body.words))
    return await _done(
        call, await call.house.negotiations.inquire(call.conn, post_id, call.viewer.id, proposal, call.now)
    )


@operation("POST", "/posts/{post_id:int}/offers", tag="negotiations", status=201)
async def negotiation_offer(call: Call, post_id: int, body: OfferIn) -> NegotiationOut:
    """Open a negotiation about somebody's post with an offer."""
    seller_id, buyer_id = await _sides(call, post_id)
    proposal = _proposal(body, seller_id, buyer_id)
    return await _done(
        call, await call.house.negotiations.open_with_offer(call.conn, post_id, call.viewer.id, proposal, call.now)
    )


@operation("POST", "/negotiations/{negotiation_id:int}/offers", tag="negotiations", status=201)
async def negotiation_propose(call: Call, negotiation_id: int, body: OfferIn) -> NegotiationOut:
    """Put terms forward: an offer, or a counter-offer where one of the other side stands."""
    found = await store.negotiation(call.conn, negotiation_id)
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    proposal = _proposal(body, found.seller_id, found.buyer_id)
    return await _done(
        call, await call.house.negotiations.propose(call.conn, negotiation_id, call.viewer.id, proposal, call.now)
    )


@operation("POST", "/negotiations/{negotiation_id:int}/acceptance", tag="negotiations", status=201)
async def negotiation_accept(call: Call, negotiation_id: int, body: Acceptance) -> NegotiationOut:
    """Accept the offer that stands: it becomes a contract, which both then sign."""
    line = await store.negotiation_of_party(call.conn, negotiation_id, call.viewer.id)
    assert line is not None, "the door lets only its parties in"
    steps, given = await store.steps_of(call.conn, negotiation_id), bytes.fromhex(body.terms_sha256)
    meant = meant_hash(line, call.viewer.id, call.house.config, steps, body.offer, given)
    return await _done(
        call,
        await call.house.negotiations.accept(call.conn, negotiation_id, call.viewer.id, body.offer, meant, call.now),
    )


@operation("POST", "/negotiations/{negotiation_id:int}/rejection", tag="negotiations", status=201)
async def negotiation_reject(call: Call, negotiation_id: int, body: Answer) -> NegotiationOut:
    """Reject the other side's offer; the negotiation goes on."""
    desk = call.house.negotiations
    return await _done(
        call, await desk.reject(call.conn, negotiation_id, call.viewer.id, body.offer, _words(body.words), call.now)
    )


@operation("POST", "/negotiations/{negotiation_id:int}/withdrawal", tag="negotiations", status=201)
async def negotiation_withdraw(call: Call, negotiation_id: int, body: Answer) -> NegotiationOut:
    """Withdraw one's own offer, unless it is firm."""
    desk = call.house.negotiations
    return await _done(
        call, await desk.withdraw(call.conn, negotiation_id, call.viewer.id, body.offer, _words(body.words), call.now)
    )


@operation("POST", "/negotiations/{negotiation_id:int}/messages", tag="negotiations", status=201)
async def negotiation_say(call: Call, negotiation_id: int, body: Said) -> NegotiationOut:
    """Write to the other side; no offer is touched by it."""
    desk = call.house.negotiations
    return await _done(
        call, await desk.say(call.conn, negotiation_id, call.viewer.id, _words(body.words), (), call.now)
    )


@operation("POST", "/negotiations/{negotiation_id:int}/files", tag="negotiations", status=201, body_media_types=MEDIA)
async def negotiation_hand_in(call: Call, negotiation_id: int, query: EvidenceQuery, body: bytes) -> NegotiationOut:
    """Show the other side a photo or a PDF of at most 10 MiB. A photo is encoded anew without its metadata."""
    evidence = granted(await case_files.render_off_loop(body, query.name))
    assert isinstance(evidence, Evidence)
    desk = call.house.negotiations
    return await _done(call, await desk.say(call.conn, negotiation_id, call.viewer.id, "", (evidence,), call.now))


@operation("POST", "/negotiations/{negotiation_id:int}/end", tag="negotiations", status=201)
async def negotiation_end(call: Call, negotiation_id: int, body: Farewell) -> NegotiationOut:
    """Break the negotiation off."""
    desk = call.house.negotiations
    return await _done(call, await desk.end(call.conn, negotiation_id, call.viewer.id, _words(body.words), call.now))


@operation(
    "GET",
    "/negotiations/{negotiation_id:int}/files/{file_id:int}",
    tag="negotiations",
    returns_media="application/octet-stream",
)
async def negotiation_file(call: Call, negotiation_id: int, file_id: int) -> Response:
    """The bytes of a file; its `kind` says what they are: a photo is WebP, a document PDF."""
    row = await store.file_content(call.conn, negotiation_id, file_id, small=False)
    if row is None:
        raise ProblemError(Problem.NOT_FOUND)
    response = evidence_response(Content(kind=EvidenceKind(row["kind"]), name=row["name"], content=row["content"]))
    response.headers["Content-Type"] = "application/octet-stream"
    return response


async def _sides(call: Call, post_id: int) -> tuple[int, int]:
    """Who would sell and who would buy."""
    sides = await call.house.negotiations.sides(call.conn, post_id, call.viewer.id, call.now)
    if sides is None:
        raise ProblemError(Problem.NOT_FOUND)
    return sides


def _proposal(body: OfferIn, seller_id: int, buyer_id: int) -> Proposal:
    return Proposal(
        terms=terms_in(body.terms, seller_id=seller_id, buyer_id=buyer_id),
        words=_words(body.words),
        valid_until=instant_in(body.valid_until, "valid_until"),
        firm=body.firm,
    )


def _words(text: str) -> str:
    return said(text).replace("\r\n", "\n").strip()


async def _done(call: Call, outcome: Outcome) -> NegotiationOut:
    if isinstance(outcome, Flawed):
        text = call.house.catalogue
        faults = [
            {"path": flaw.path, "code": flaw.reason.value, "detail": flaw_text(flaw, text, call.lang)}
            for flaw in outcome.flaws
        ]
        raise ProblemError(NegotiationRefusal.TERMS_FLAWED, flaws=faults)
    return await _shown(call, granted(outcome))


async def _shown(call: Call, found: Negotiation) -> NegotiationOut:
    steps = await store.steps_of(call.conn, found.id)
    files = await store.files_of(call.conn, found.id)
    line = await store.negotiation_of_party(call.conn, found.id, call.viewer.id)
    assert line is not None, "the door lets only its parties in"
    names = names_for(line, call.viewer.id, call.house.catalogue, call.house.config, call.lang)
    states = rules.offer_states(steps, call.now)
    standing = rules.standing_offer(steps, call.now) if found.state is NegotiationState.OPEN else None
    shown: list[StepOut] = []
    last: Step | None = None
    for step in steps:
        changes: list[Difference] = (
            [] if last is None or last.terms is None or step.terms is None else differences(last.terms, step.terms)
        )
        one = _step(found, step, changes, states.get(step.n), [file for file in files if file.n == step.n])
        if step.terms_sha256 is not None:
            one.terms_sha256 = shown_hash(line, call.viewer.id, call.house.config, step.terms_sha256).hex()
        if one.terms is not None and is_hidden(line, call.viewer.id):
            poster = "seller_id" if line.poster_id == found.seller_id else "buyer_id"
            one.terms = structs.replace(one.terms, **{poster: None})
        shown.append(one)
        last = step if step.terms is not None else last
    return NegotiationOut(
        id=found.id,
        post_id=found.post_id,
        state=found.state,
        version=found.version,
        role=_role(found, call.viewer.id),
        seller_name=names["seller"],
        buyer_name=names["buyer"],
        opened_at=found.opened_at,
        contract_id=found.contract_id,
        standing_offer=None if standing is None else standing.n,
        steps=shown,
    )


def _step(
    found: Negotiation, step: Step, changes: list[Difference], state: OfferState | None, files: list[store.FileRow]
) -> StepOut:
    return StepOut(
        n=step.n,
        kind=step.kind,
        by=None if step.author_id is None else _role(found, step.author_id),
        at=step.at,
        words=step.words,
        terms=None if step.terms is None else terms_out(step.terms),
        terms_sha256=None,
        changes=[ChangeOut(path=each.path, old=each.old, new=each.new) for each in changes],
        valid_until=step.valid_until,
        firm=step.firm,
        answers=step.answers,
        offer_state=state,
        files=[
            FileOut(
                id=each.id,
                kind=each.kind,
                name=each.name,
                size_bytes=each.size_bytes,
                sha256=each.sha256.hex(),
                url=f"/api/v1/negotiations/{found.id}/files/{each.id}",
            )
            for each in files
        ],
    )


def _role(found: Negotiation, party_id: int) -> Literal["seller", "buyer"]:
    return "seller" if party_id == found.seller_id else "buyer"
