"""Negotiations in the browser: the list, the first word about a post, the thread with what changed from round to round,
and the form in which terms are put forward. Each press is one act of the negotiation's desk in one transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market.case_files import Content
from market.contracting.terms import INCOTERMS, TRANSPORTS, TradeTerms
from market.contracting.wording import Row, compared, rows
from market.evidence_rendering import Evidence, EvidenceKind, EvidenceRefusal
from market.house import house_of
from market.negotiation import rules, store
from market.negotiation.desk import Flawed, NegotiationDesk, Outcome, Proposal
from market.negotiation.draft import draft_of
from market.negotiation.facts import (
    LONGEST_WORDS,
    MOST_FILES,
    Negotiation,
    NegotiationRefusal,
    NegotiationState,
    OfferState,
    Step,
    StepKind,
)
from market.negotiation.naming import meant_hash, names_for, shown_hash
from market.pages.case_files import count_files, evidence_response, handed_in
from market.pages.deal_page import texts
from market.pages.terms_form import DUTIES, PAPERS, form_of, note_flaws, paper_rows, read_form
from market.problems import sentence
from market.rendering import Form, flash, language_of, render
from market.trading import posts
from market.trading import store as trading_store

if TYPE_CHECKING:
    from enum import StrEnum

    from starlette.datastructures import FormData

    from market.trading.facts import Category, Post
    from migrations.database import Connection

PAGE_SIZE = 25
MOST_FILES_AT_ONCE = 5
VALID_HOURS = (1, 4, 12, 24, 48, 72, 168, 336)
USUAL_HOURS = "48"
_KINDS = ("inquiry", "offer")

Act = Callable[[NegotiationDesk, "Connection", datetime], Awaitable[Outcome]]


class ShownStep(Struct, kw_only=True):
    """A step as the thread shows it: `rows` of its terms, with what each said before where it has changed."""

    step: Step
    role: str
    rows: list[Row]
    former: dict[str, str]
    state: OfferState | None
    files: list[store.FileRow]


async def negotiations(request: Request) -> Response:
    """The viewer's negotiations, those that moved last first."""
    house, lang = house_of(request), language_of(request)
    state = request.query_params.get("state")
    state = state if state in set(NegotiationState) else None
    page = max(_number(request.query_params.get("page", "")[:4]), 1)
    async with house.pool.acquire() as conn:
        found, total = await store.negotiations_of_party(
            conn, request.user.id, state=state, post_id=None, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE
        )
    text = texts(request)
    context = {
        "rows": [(row, _line(request, row)) for row in found],
        "state": state or "",
        "state_options": [("", text("negotiation.any_state"))]
        + [(one.value, text(f"negotiation_state.{one.value}")) for one in NegotiationState],
        "page": page,
        "pages": max(1, -(-total // PAGE_SIZE)),
        "lang": lang,
    }
    return render(request, "negotiation/list.html", context)


async def negotiation_new(request: Request) -> Response:
    """The first word about somebody's post: an inquiry, or an offer at once."""
    house = house_of(request)
    post_id = _number(request.query_params.get("post", ""))
    if request.method == "GET":
        post, category, base = await _drafted(request, post_id)
        form = form_of(base, language_of(request))
        wish = request.query_params.get("kind")
        form.values["kind"] = wish if wish in _KINDS else "inquiry"
        form.values["valid_hours"] = USUAL_HOURS
        return _new_page(request, post, category, base, form)
    typed, evidence = await _sent(request)
    post, category, base = await _drafted(request, post_id)
    text = texts(request)
    terms, form = read_form(typed, base, language_of(request), text)
    asking = typed.get("kind") != "offer"
    proposal = _proposal(request, terms, form, evidence, asking=asking)
    now = house.node_time.now()
    note_flaws(form, rules.proposal_flaws(terms, now, asking=asking), text)
    if form.errors or proposal is None:
        return _new_page(request, post, category, base, form, 422)

    async def act(desk: NegotiationDesk, conn: Connection, at: datetime) -> Outcome:
        begin = desk.inquire if asking else desk.open_with_offer
        return await begin(conn, post.id, request.user.id, proposal, at)

    outcome = await _in_transaction(request, act)
    if isinstance(outcome, Negotiation):
        response = RedirectResponse(_link(request, outcome.id), 303)
        flash(response, "negotiation.flash.inquiry" if asking else "negotiation.flash.offer")
        return response
    _note_refusal(request, form, outcome)
    return _new_page(request, post, category, base, form, 422)


async def negotiation(request: Request) -> Response:
    """The thread."""
    return await _thread(request, Form())


async def negotiation_propose(request: Request) -> Response:
    """Terms that are put forward: an offer, or a counter-offer. It starts from the last that were on the table."""
    house, negotiation_id = house_of(request), int(request.path_params["negotiation_id"])
    async with house.pool.acquire() as conn:
        found, steps = await _read(conn, negotiation_id)
    now = house.node_time.now()
    last = rules.latest_terms(steps)
    assert last is not None and last.terms is not None, "a negotiation begins with terms"
    kind = rules.kind_of_proposal(steps, request.user.id, now)
    if request.method == "GET":
        form = form_of(last.terms, language_of(request))
        form.values["valid_hours"] = USUAL_HOURS
        standing = rules.standing_offer(steps, now)
        is_own = standing is not None and standing.author_id == request.user.id
        form.values["firm"] = "1" if is_own and standing is not None and standing.firm else ""
        return await _proposal_page(request, found, last.terms, kind, form)
    typed, evidence = await _sent(request)
    terms, form = read_form(typed, last.terms, language_of(request), texts(request))
    proposal = _proposal(request, terms, form, evidence, asking=False)
    note_flaws(form, rules.proposal_flaws(terms, now, asking=False), texts(request))
    if form.errors or proposal is None:
        return await _proposal_page(request, found, last.terms, kind, form, 422)

    async def act(desk: NegotiationDesk, conn: Connection, at: datetime) -> Outcome:
        return await desk.propose(conn, negotiation_id, request.user.id, proposal, at)

    outcome = await _in_transaction(request, act)
    if isinstance(outcome, Negotiation):
        response = RedirectResponse(_link(request, negotiation_id), 303)
        flash(response, f"negotiation.flash.{kind.value}")
        return response
    _note_refusal(request, form, outcome)
    return await _proposal_page(request, found, last.terms, kind, form, 422)


async def negotiation_accept(request: Request) -> Response:
    """Accept the offer that was read; it becomes a contract, to which the page leads on."""
    typed, _ = await _sent(request)
    n = _number(typed.get("offer", ""))
    sha256 = bytes.fromhex(given) if len(given := typed.get("terms_sha256", "")) == 64 and _is_hex(given) else b""
    negotiation_id, me = int(request.path_params["negotiation_id"]), request.user.id

    async def act(desk: NegotiationDesk, conn: Connection, at: datetime) -> Outcome:
        line = await store.negotiation_of_party(conn, negotiation_id, me)
        assert line is not None, "the door lets only its parties in"
        steps = await store.steps_of(conn, negotiation_id)
        meant = meant_hash(line, me, house_of(request).config, steps, n, sha256)
        return await desk.accept(conn, negotiation_id, me, n, meant, at)

    outcome = await _in_transaction(request, act)
    if isinstance(outcome, Negotiation) and outcome.contract_id is not None:
        response = RedirectResponse(str(request.url_for("contract", contract_id=outcome.contract_id).path), 303)
        flash(response, "negotiation.flash.accepted")
        return response
    assert not isinstance(outcome, Negotiation), "an accepted offer is a contract"
    return await _refused(request, Form(values=typed), outcome)


def _answering(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        typed, _ = await _sent(request)
        n, words = _number(typed.get("offer", "")), _words(typed)

        async def act(desk: NegotiationDesk, conn: Connection, at: datetime) -> Outcome:
            negotiation_id, me = int(request.path_params["negotiation_id"]), request.user.id
            if name == "reject":
                return await desk.reject(conn, negotiation_id, me, n, words, at)
            if name == "withdraw":
                return await desk.withdraw(conn, negotiation_id, me, n, words, at)
            return await desk.end(conn, negotiation_id, me, words, at)

        return await _shown_after(request, act, f"negotiation.flash.{name}", Form(values=typed))

    return endpoint


async def negotiation_say(request: Request) -> Response:
    """A message, files, or both."""
    typed, evidence = await _sent(request)
    form = Form(values=typed)
    if not isinstance(evidence, list):
        form.errors["files"] = sentence(request, evidence)
        return await _thread(request, form, 422)

    async def act(desk: NegotiationDesk, conn: Connection, at: datetime) -> Outcome:
        negotiation_id = int(request.path_params["negotiation_id"])
        return await desk.say(conn, negotiation_id, request.user.id, _words(typed), tuple(evidence), at)

    return await _shown_after(request, act, "negotiation.flash.said", form)


async def negotiation_file(request: Request) -> Response:
    """One file, whole: a photo is shown, a document is only handed out."""
    return await _content(request, small=False)


async def negotiation_file_small(request: Request) -> Response:
    """A small picture of a photo."""
    return await _content(request, small=True)


async def _content(request: Request, *, small: bool) -> Response:
    negotiation_id, file_id = (int(request.path_params[name]) for name in ("negotiation_id", "file_id"))
    async with house_of(request).pool.acquire() as conn:
        row = await store.file_content(conn, negotiation_id, file_id, small=small)
    if row is None or row["content"] is None:
        raise HTTPException(404)
    return evidence_response(Content(kind=EvidenceKind(row["kind"]), name=row["name"], content=row["content"]))


async def _thread(request: Request, form: Form, status: int = 200) -> Response:
    house, lang, me = house_of(request), language_of(request), request.user.id
    negotiation_id = int(request.path_params["negotiation_id"])
    async with house.pool.acquire() as conn:
        found, steps = await _read(conn, negotiation_id)
        files = await store.files_of(conn, negotiation_id)
        line = await store.negotiation_of_party(conn, negotiation_id, me)
    assert line is not None, "the door lets only its parties in"
    now = house.node_time.now()
    standing = rules.standing_offer(steps, now) if found.state is NegotiationState.OPEN else None
    context = {
        "one": found,
        "line": line,
        "names": names_for(line, me, house.catalogue, house.config, lang),
        "role": _role(found, me),
        "steps": _shown(request, found, steps, files, now),
        "standing": standing,
        "standing_hash": None
        if standing is None or standing.terms_sha256 is None
        else shown_hash(line, me, house.config, standing.terms_sha256).hex(),
        "is_own": standing is not None and standing.author_id == me,
        "is_open": found.state is NegotiationState.OPEN,
        "proposal_kind": rules.kind_of_proposal(steps, me, now).value,
        "form": form,
        "most_words": LONGEST_WORDS,
    }
    return render(request, "negotiation/thread.html", context, status=status)


def _shown(
    request: Request, found: Negotiation, steps: list[Step], files: list[store.FileRow], now: datetime
) -> list[ShownStep]:
    """The steps with their terms in words, each beside the terms that were on the table before it."""
    text, lang = texts(request), language_of(request)
    states = rules.offer_states(steps, now)
    shown, before = [], None
    for step in steps:
        worded = [] if step.terms is None else rows(step.terms, text, lang)
        told, former = compared(before or worded, worded, text("contract.gone")) if worded else (worded, {})
        shown.append(
            ShownStep(
                step=step,
                role="house" if step.author_id is None else _role(found, step.author_id),
                rows=told,
                former=former,
                state=states.get(step.n),
                files=[file for file in files if file.n == step.n],
            )
        )
        before = worded or before
    return shown


async def _proposal_page(
    request: Request, found: Negotiation, base: TradeTerms, kind: StepKind, form: Form, status: int = 200
) -> Response:
    context = {"one": found, "kind": kind.value, "form": form, **form_context(request, base, form)}
    return render(request, "negotiation/propose.html", context, status=status)


def _new_page(
    request: Request, post: Post, category: Category, base: TradeTerms, form: Form, status: int = 200
) -> Response:
    context = {"post": post, "category": category, "form": form, **form_context(request, base, form)}
    return render(request, "negotiation/new.html", context, status=status)


def form_context(request: Request, base: TradeTerms, form: Form) -> dict[str, Any]:
    """What the boxes of the terms need."""
    text = texts(request)
    return {
        "base": base,
        "term_options": [
            (code, text("terms.term_value", code=code, name=text(f"incoterm.{code}"))) for code in INCOTERMS
        ],
        "transport_options": [(code, text(f"terms_transport.{code}")) for code in TRANSPORTS],
        "papers": paper_rows(form),
        "paper_options": [("", text("terms_form.paper_none"))]
        + [(kind, text(f"terms_formality.{kind}")) for kind in PAPERS],
        "duty_options": [(one, text(f"terms_duty.{one}")) for one in DUTIES],
        "hours_options": [(str(hours), text("negotiation.valid_hours_value", hours=hours)) for hours in VALID_HOURS],
    }


async def _drafted(request: Request, post_id: int) -> tuple[Post, Category, TradeTerms]:
    """The post, its category and the terms that it suggests; 404 for a post that the viewer can't see."""
    house = house_of(request)
    now = house.node_time.now()
    async with house.pool.acquire() as conn:
        sides = await house.negotiations.sides(conn, post_id, request.user.id, now)
        post = await posts.post_by_id(conn, post_id)
        categories = {each.code: each for each in await trading_store.categories(conn)}
    if sides is None or post is None:
        raise HTTPException(404)
    category = categories[post.category]
    return post, category, draft_of(post, category, seller_id=sides[0], buyer_id=sides[1])


def _proposal(
    request: Request, terms: TradeTerms, form: Form, evidence: list[Evidence] | StrEnum, *, asking: bool
) -> Proposal | None:
    """What was put forward; None where the form has errors now."""
    words = _words(form.values)
    if len(words) > LONGEST_WORDS:
        form.errors["words"] = texts(request)(f"market_refusal.{NegotiationRefusal.WORDS_TOO_LONG.value}")
    if not isinstance(evidence, list):
        form.errors["files"] = sentence(request, evidence)
        return None
    hours = form.values.get("valid_hours", "")
    if not asking and hours not in map(str, VALID_HOURS):
        form.errors["valid_hours"] = texts(request)("terms_form.choose")
        return None
    return Proposal(
        terms=terms,
        words=words,
        valid_until=None if asking else house_of(request).node_time.now() + timedelta(hours=int(hours)),
        firm=not asking and form.values.get("firm") == "1",
        evidence=tuple(evidence),
    )


async def _sent(request: Request) -> tuple[dict[str, str], list[Evidence] | StrEnum]:
    """The boxes that were sent and the files beside them."""
    async with request.form(max_files=MOST_FILES, max_fields=300, max_part_size=64 * 1024) as sent:
        too_many = count_files(sent) > MOST_FILES_AT_ONCE
        return _boxes(sent), EvidenceRefusal.TOO_MANY_AT_ONCE if too_many else await handed_in(sent)


def _boxes(sent: FormData) -> dict[str, str]:
    return {name: value for name, value in sent.items() if isinstance(value, str)}


class _Undo(Exception):
    def __init__(self, outcome: NegotiationRefusal | Flawed) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


async def _in_transaction(request: Request, act: Act) -> Outcome:
    """One act, whole or not at all."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        try:
            async with conn.transaction():
                outcome = await act(house.negotiations, conn, house.node_time.now())
                if not isinstance(outcome, Negotiation):
                    raise _Undo(outcome)
                return outcome
        except _Undo as undone:
            return undone.outcome


async def _shown_after(request: Request, act: Act, done: str, form: Form) -> Response:
    outcome = await _in_transaction(request, act)
    if not isinstance(outcome, Negotiation):
        return await _refused(request, form, outcome)
    response = RedirectResponse(_link(request, outcome.id), 303)
    flash(response, done)
    return response


async def _refused(request: Request, form: Form, outcome: NegotiationRefusal | Flawed) -> Response:
    _note_refusal(request, form, outcome)
    return await _thread(request, form, 422)


def _note_refusal(request: Request, form: Form, outcome: Outcome) -> None:
    if isinstance(outcome, Flawed):
        note_flaws(form, outcome.flaws, texts(request))
        return
    assert isinstance(outcome, NegotiationRefusal)
    field = "valid_hours" if outcome is NegotiationRefusal.VALIDITY_WRONG else ""
    form.errors[field] = sentence(request, outcome)


async def _read(conn: Connection, negotiation_id: int) -> tuple[Negotiation, list[Step]]:
    found = await store.negotiation(conn, negotiation_id)
    if found is None:
        raise HTTPException(404)
    return found, await store.steps_of(conn, negotiation_id)


def _line(request: Request, row: store.NegotiationRow) -> dict[str, Any]:
    """What the list says of a negotiation to its viewer: whom with, and whose turn it is."""
    house, me, one = house_of(request), request.user.id, row.negotiation
    role = _role(one, me)
    names = names_for(row, me, house.catalogue, house.config, language_of(request))
    by = "house" if row.last_author_id is None else "you" if row.last_author_id == me else "other"
    stands = row.lapses_at is not None and row.lapses_at > house.node_time.now()
    return {
        "role": role,
        "other": names["buyer" if role == "seller" else "seller"],
        "by": by,
        "yours": one.state is NegotiationState.OPEN and by != "you",
        "lapses_at": row.lapses_at if stands else None,
    }


def _role(found: Negotiation, party_id: int) -> str:
    return "seller" if party_id == found.seller_id else "buyer"


def _words(typed: dict[str, str]) -> str:
    return typed.get("words", "").replace("\r\n", "\n").replace("\x00", "").strip()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _is_hex(text: str) -> bool:
    return all(letter in "0123456789abcdef" for letter in text)


def _link(request: Request, negotiation_id: int) -> str:
    return str(request.url_for("negotiation", negotiation_id=negotiation_id).path)


_AT = "/negotiations/{negotiation_id:int}"

routes = [
    Route("/negotiations", negotiations, name="negotiations"),
    Route("/negotiations/new", negotiation_new, name="negotiation_new", methods=["GET", "POST"]),
    Route(_AT, negotiation, name="negotiation"),
    Route(f"{_AT}/propose", negotiation_propose, name="negotiation_propose", methods=["GET", "POST"]),
    Route(f"{_AT}/accept", negotiation_accept, name="negotiation_accept", methods=["POST"]),
    Route(f"{_AT}/say", negotiation_say, name="negotiation_say", methods=["POST"]),
    *[
        Route(f"{_AT}/{name}", _answering(name), name=f"negotiation_{name}", methods=["POST"])
        for name in ("reject", "withdraw", "end")
    ],
    Route(f"{_AT}/files/{{file_id:int}}", negotiation_file, name="negotiation_file"),
    Route(f"{_AT}/files/{{file_id:int}}/small.webp", negotiation_file_small, name="negotiation_file_small"),
]
