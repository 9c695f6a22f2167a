"""Contracts in the browser: the list, reading and signing one, other terms, the paper to print, the signed bundle.

A contract is signed in one step, whatever state the wallet is in: the passphrase is sealed to the vault in the browser, and
unlocking, the certificate and the signature follow from it. The papers before performance: `market.pages.formalities`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow.facts import State
from escrow.vault_client import VaultError
from market import deals_store, wallet_sessions
from market.authorization import LARGEST_ID
from market.contracting import amending, desk, formalities, store, wallet_signing
from market.contracting.bundle import bundle_of
from market.contracting.facts import Contract, ContractEvent, ContractRefusal, ContractState, Unsound, Version
from market.contracting.paper import paper_of
from market.contracting.store import ContractRow
from market.contracting.terms import TradeTerms
from market.contracting.wording import Row, compared, day_text, rows
from market.contracts import ContractTerms
from market.csv_cells import csv_text
from market.currencies import money_text
from market.house import house_of
from market.pages import confirmation
from market.pages.deal_page import texts
from market.pages.negotiations import form_context
from market.pages.proofs import download
from market.pages.terms_form import form_of, note_flaws, read_form
from market.pages.vault_forms import refused, sealed_of, vault_context, wallet_of
from market.rendering import Form, flash, language_of, render
from market.wallet_sessions import UnreachableRefusal

if TYPE_CHECKING:
    from migrations.database import Connection

PAGE_SIZE = 25
STATES = tuple(state.value for state in ContractState)
TONES = {"awaiting_signatures": "outbid", "in_force": "leading", "performed": "leading"}
_DONE = (State.RELEASED, State.SETTLED)
_UNDONE = (State.DEFAULTED, State.CANCELLED, State.REFUNDED)

Act = Callable[["Connection", datetime], Awaitable[Contract | ContractRefusal]]


async def contracts(request: Request) -> Response:
    """The viewer's contracts, newest first. `format=csv` gives all of them."""
    house, lang = house_of(request), language_of(request)
    state = request.query_params.get("state", "")
    wanted = state if state in STATES else None
    is_csv, page = request.query_params.get("format") == "csv", _page_number(request)
    limit, offset = (10_000, 0) if is_csv else (PAGE_SIZE, (page - 1) * PAGE_SIZE)
    async with house.pool.acquire() as conn:
        found, total = await store.contracts_of(conn, request.user.id, state=wanted, limit=limit, offset=offset)
    lines = [_line(request, row) for row in found]
    if is_csv:
        return _csv(request, lines)
    text = texts(request)
    context = {
        "rows": lines,
        "state": state,
        "state_options": [("", text("contract.any")), *((one, text(f"contract_state.{one}")) for one in STATES)],
        "filtered": wanted is not None,
        "page": page,
        "pages": max(1, -(-total // PAGE_SIZE)),
        "tones": TONES,
        "lang": lang,
    }
    return render(request, "contracts/list.html", context)


async def contract(request: Request) -> Response:
    """One contract as it stands, and what the viewer can do now."""
    return await show(request, Form())


async def show(request: Request, form: Form, status: int = 200) -> Response:
    """The contract's page, with a form as it was typed and what is wrong with it."""
    house, me = house_of(request), request.user.id
    now = house.node_time.now()
    async with house.pool.acquire() as conn:
        found = await read(conn, request)
        case = None if found.case_id is None else await house.escrow.settlement.case_by_id(conn, found.case_id)
        lines = await formalities.checklist(conn, found.id)
        history = await store.events(conn, found.id)
        people = {one for one in (event.actor_id for event in history) if one is not None}
        names = {
            one: await deals_store.party_name(conn, one) for one in sorted({*people, found.seller_id, found.buyer_id})
        }
        offices = {one.kind: await formalities.offices(conn, one.kind) for one in lines if one.kind != "other"}
        deal = None if found.is_trade or found.case_id is None else await deals_store.deal_of_case(conn, found.case_id)
    role = found.role_of(me)
    shown = found.amendment or found.offered or found.standing
    state = _state(found.state, case.state if case else None)
    context = {
        **await vault_context(request),
        "one": found,
        "role": role,
        "state": state,
        "tones": TONES,
        "situation": state if role and state in ("performed", "terminated") else _situation(found, me),
        "other": names[found.other(me)] if role else "",
        "names": names,
        "version": shown,
        "rows": _rows(request, found, found.standing),
        "changes": _changes(request, found, shown),
        "clauses": [] if deal is None else _clauses(request, deal),
        "may_sign": role is not None and found.offered is not None and found.offered.signed_by(role) is None,
        "may_decline": _may_decline(found, me),
        "may_amend": role is not None and bool(amending.amendable(found, case)),
        "lines": lines,
        "acts": {line.n: _acts(found, line, me, is_operator=request.user.is_operator) for line in lines},
        "officers": {
            kind: [
                ("", texts(request)("papers.appoint_nobody")),
                *((str(each.party_id), each.party_name) for each in held),
            ]
            for kind, held in offices.items()
        },
        "days": {line.n: day_text(line.due_on, language_of(request)) for line in lines if line.due_on is not None},
        "today": now.date(),
        "history": [_happened(request, found, event, names) for event in history],
        "form": form,
        "next": request.url_for("contract", contract_id=found.id).path,
        "lang": language_of(request),
    }
    return render(request, "contracts/contract.html", context, status=status)


async def sign(request: Request) -> Response:
    """Sign the version that was read, with the wallet as it is: unlocked, locked, or not there yet."""
    house, contract_id = house_of(request), int(request.path_params["contract_id"])
    sealed, typed = await sealed_of(request)
    version = typed.get("version", "")
    form = Form(values=typed)
    if typed.get("consent") != "1":
        form.errors["consent"] = texts(request)("contract.sign_consent_missing")
        return await show(request, form, 422)
    here = request.url_for("contract", contract_id=contract_id).path
    try:
        wallet = await wallet_of(request, sealed, typed)
        if not isinstance(wallet, tuple):
            return refused(request, here, wallet)
        handle, unlocked = wallet
        outcome = await wallet_signing.sign(
            house.pool,
            house.vault,
            house.contracting,
            contract_id,
            int(version) if version.isascii() and version.isdigit() and len(version) < 9 else 0,
            handle,
            house.node_time.now,
        )
    except VaultError:
        return refused(request, here, UnreachableRefusal.VAULT_UNREACHABLE)
    if isinstance(outcome, Contract):
        done = outcome.state is ContractState.IN_FORCE and outcome.offered is None
        response = RedirectResponse(here, 303)
        flash(response, "contract.flash.in_force" if done else "contract.flash.signed")
    else:
        response = refused(request, here, outcome)
    if unlocked is not None:
        wallet_sessions.remember(response, unlocked)
    return response


async def decline(request: Request) -> Response:
    """No to the proposal that lies open, or to the contract while it does not bind."""
    sent = await request.form()
    form = Form(values={"reason": str(sent.get("reason", ""))})
    number, me = int(request.path_params["contract_id"]), request.user.id

    async def act(conn: Connection, now: datetime) -> Contract | ContractRefusal:
        return await desk.decline(conn, number, me, form.values["reason"], now)

    return await _perform(request, act, "contract.flash.declined", form, "reason")


async def withdraw(request: Request) -> Response:
    """Take the own proposal back."""
    number, me = int(request.path_params["contract_id"]), request.user.id

    async def act(conn: Connection, now: datetime) -> Contract | ContractRefusal:
        return await desk.withdraw(conn, number, me, now)

    return await _perform(request, act, "contract.flash.withdrawn", Form(), "")


async def amend(request: Request) -> Response:
    """The terms as a form; what is sent becomes a version that binds once both have signed it."""
    house, me = house_of(request), request.user.id
    async with house.pool.acquire() as conn:
        found = await read(conn, request)
        case = None if found.case_id is None else await house.escrow.settlement.case_by_id(conn, found.case_id)
    open_paths = amending.amendable(found, case)
    if found.role_of(me) is None or not open_paths:
        return RedirectResponse(request.url_for("contract", contract_id=found.id).path, 303)
    base, text = found.terms, texts(request)
    if request.method == "GET":
        return _amend_page(request, found, open_paths, form_of(base, language_of(request)))
    sent = await request.form()
    typed = {name: value for name, value in sent.items() if isinstance(value, str)}
    before = form_of(base, language_of(request)).values
    kept = {**before, **{name: value for name, value in typed.items() if not name.startswith("goods_")}}
    kept["partial"] = typed.get("partial", "") if open_paths == amending.UNSIGNED else before["partial"]
    if open_paths != amending.SHIPPED:
        kept |= {name: typed.get(name, "") for name in before if name.endswith("_required")}
    wanted, form = read_form(kept, base, language_of(request), text)
    if not form.errors:
        async with house.pool.acquire() as conn, conn.transaction():
            outcome = await desk.propose(conn, found.id, me, wanted, typed.get("reason", ""), house.node_time.now())
        if isinstance(outcome, Contract):
            response = RedirectResponse(request.url_for("contract", contract_id=found.id).path, 303)
            flash(response, "contract.flash.proposed")
            return response
        if isinstance(outcome, Unsound):
            note_flaws(form, outcome.flaws, text)
        else:
            form.errors[""] = text(f"market_refusal.{outcome.value}")
    return _amend_page(request, found, open_paths, form, 422)


async def paper(request: Request) -> Response:
    """The contract to print, in both languages; `version` asks for another than the one that stands."""
    async with house_of(request).pool.acquire() as conn:
        found = await read(conn, request)
    if not found.is_trade:
        terms = found.standing.terms
        assert isinstance(terms, ContractTerms)
        return RedirectResponse(
            f"{request.url_for('confirmation', lot_id=terms.lot_id).path}?case={found.case_id}", 303
        )
    asked = request.query_params.get("version", "")
    n = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else found.standing.n
    if not 1 <= n <= len(found.versions):
        raise HTTPException(404)
    version = found.versions[n - 1]
    assert isinstance(version.terms, TradeTerms)
    document = paper_of(found, version, version.terms, house_of(request).catalogue)
    return render(request, "contracts/paper.html", {"paper": document})


async def bundle(request: Request) -> Response:
    """Everything that was signed, as one file that can be checked without the house."""
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        found = await read(conn, request)
        content = await bundle_of(conn, house.contracting, found, house.node_time.now())
    return download(content, f"contract-{found.id}.json", "application/json")


async def read(conn: Connection, request: Request) -> Contract:
    """The contract in the path; 404 when there is none."""
    number = int(request.path_params["contract_id"])
    found = await store.contract(conn, number) if number <= LARGEST_ID else None
    if found is None:
        raise HTTPException(404)
    return found


class Change(Struct, frozen=True, kw_only=True):
    """What one row says now, and what it would say; "" where there is no such row."""

    label: str
    old: str
    new: str


def _changes(request: Request, found: Contract, other: Version) -> list[Change]:
    """Against the wording that this one would replace."""
    base = found.replaced_by(other.n)
    if base is None or (other.n == found.standing.n and found.in_force_at is not None):
        return []
    old, new = _rows(request, found, base), _rows(request, found, other)
    told, former = compared(old, new, "")
    return [Change(label=row.label, old=former[row.key], new=row.value) for row in told if row.key in former]


def _rows(request: Request, found: Contract, version: Version) -> list[Row]:
    """The terms in words; the buyer is not shown what the seller pays the house."""
    terms = version.terms
    if not isinstance(terms, TradeTerms):
        return []
    is_buyer = found.role_of(request.user.id) == "buyer"
    return rows(terms, texts(request), language_of(request), with_fees=not is_buyer)


def _clauses(request: Request, deal: deals_store.Deal) -> list[tuple[str, str]]:
    """A hammer's contract in the words of its confirmation."""
    lang = language_of(request)
    paper = confirmation.paper_of(deal, house_of(request))
    return [(getattr(clause.label, lang), getattr(clause.value, lang)) for clause in paper.clauses]


def _situation(found: Contract, me: int) -> str:
    role = found.role_of(me)
    if role is None:
        return "reader"
    if found.ended_at is not None:
        return found.state.value
    if found.amendment is not None:
        mine = "own_amendment" if found.amendment.proposed_by == me else "amendment"
        return mine if found.state is ContractState.IN_FORCE else f"{mine}_unsigned"
    if found.state is ContractState.IN_FORCE:
        return "in_force" if found.is_trade or found.offered is None else "hammer"
    assert found.offered is not None
    return "wait" if found.offered.signed_by(role) else "sign"


def _may_decline(found: Contract, me: int) -> str:
    """What there is to decline: the contract, the other's amendment of one in force, his wording of one that is not, or ""."""
    if found.role_of(me) is None or found.ended_at is not None:
        return ""
    if found.amendment is not None:
        kind = "amendment" if found.state is ContractState.IN_FORCE else "wording"
        return kind if found.amendment.proposed_by != me else ""
    return "contract" if found.state is ContractState.AWAITING_SIGNATURES else ""


def _acts(found: Contract, line: formalities.Line, me: int, *, is_operator: bool) -> set[str]:
    """What the viewer can do about a line of the checklist."""
    acts = set()
    open_one = line.state != "accepted"
    hands_in = formalities.may_hand_in(found, line, me, is_operator=is_operator) and me not in line.judges
    if open_one and hands_in:
        acts.add("hand_in")
    judges = formalities.may_judge(found, line, me, is_operator=is_operator)
    if line.state == "handed_in" and judges and not line.has_handed_in(me):
        acts.add("judge")
    if open_one and line.kind != "other" and formalities.may_appoint(found, line, me, is_operator=is_operator):
        acts.add("appoint")
    return acts


def _happened(request: Request, found: Contract, event: ContractEvent, names: dict[int, str]) -> dict[str, Any]:
    text = texts(request)
    said = []
    if event.actor_id is not None:
        role = found.role_of(event.actor_id) or "other"
        said.append(f"{text(f'contract.actor.{role}')} · {names[event.actor_id]}")
    if reason := event.detail.get("reason"):
        said.append(str(reason))
    kind = event.detail.get("kind")
    words: dict[str, object] = {"n": event.version}
    if kind is not None:
        words["formality"] = text(f"terms_formality.{kind}")
    return {
        "title": text(f"contract_event.{event.kind}", **words),
        "at": event.at,
        "text": " · ".join(said),
        "icon": _ICONS.get(event.kind, "file-text"),
    }


_ICONS = {
    "drawn_up": "file-text",
    "proposed": "file-pen",
    "signed": "pen-line",
    "in_force": "handshake",
    "amended": "file-pen",
    "lapsed": "timer",
    "declined": "circle-x",
    "amendment_declined": "circle-x",
    "formality_appointed": "user-check",
    "formality_handed_in": "file-up",
    "formality_accepted": "file-check",
    "formality_refused": "file-x",
}


async def _perform(request: Request, act: Act, done: str, form: Form, field: str) -> Response:
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        outcome = await act(conn, house.node_time.now())
    if not isinstance(outcome, Contract):
        form.errors[field] = texts(request)(f"market_refusal.{outcome.value}")
        return await show(request, form, 422)
    response = RedirectResponse(request.url_for("contract", contract_id=outcome.id).path, 303)
    flash(response, done)
    return response


def _amend_page(
    request: Request, found: Contract, open_paths: tuple[str, ...], form: Form, status: int = 200
) -> Response:
    how = {amending.UNSIGNED: "unsigned", amending.UNSHIPPED: "unshipped", amending.SHIPPED: "shipped"}[open_paths]
    context = {"one": found, "how": how, "form": form, **form_context(request, found.terms, form)}
    return render(request, "contracts/amend.html", context, status=status)


def _line(request: Request, row: ContractRow) -> dict[str, Any]:
    me, lang, text = request.user.id, language_of(request), texts(request)
    is_seller = row.seller_id == me
    state = _state(ContractState(row.state), None if row.case_state is None else State(row.case_state))
    zh, en = row.terms.title_zh, row.terms.title_en
    return {
        "row": row,
        "title": (zh or en) if lang == "zh" else (en or zh),
        "role": text("deal.role.seller" if is_seller else "deal.role.buyer"),
        "other": row.buyer_name if is_seller else row.seller_name,
        "state": state,
        "signed": ", ".join(text(f"deal.role.{role}") for role in row.signed_roles),
        "sum_minor": row.terms.price_minor,
        "currency": row.terms.currency,
    }


def _state(state: ContractState, case_state: State | None) -> str:
    """A contract whose goods are paid for and accepted is performed; one whose deal came to nothing is at an end."""
    if state is not ContractState.IN_FORCE:
        return state.value
    return "performed" if case_state in _DONE else "terminated" if case_state in _UNDONE else state.value


def _csv(request: Request, lines: list[dict[str, Any]]) -> Response:
    text = texts(request)
    names = ("contract", "goods", "role", "other", "sum", "state", "signed", "due")
    header = [text(f"contract.column_{name}") for name in names]
    body = [
        (
            line["row"].id,
            line["title"],
            line["role"],
            line["other"],
            money_text(line["sum_minor"], line["currency"]),
            text(f"contract_state.{line['state']}"),
            line["signed"],
            line["row"].sign_by.isoformat() if line["row"].sign_by else "",
        )
        for line in lines
    ]
    headers = {"Content-Disposition": 'attachment; filename="contracts.csv"', "Cache-Control": "private, no-store"}
    return Response(csv_text(header, body), media_type="text/csv; charset=utf-8", headers=headers)


def _page_number(request: Request) -> int:
    text = request.query_params.get("page", "1")
    return min(max(int(text), 1), 100_000) if text.isascii() and text.isdigit() and len(text) < 9 else 1


routes = [
    Route("/contracts", contracts, name="contracts"),
    Route("/contracts/{contract_id:int}", contract, name="contract"),
    Route("/contracts/{contract_id:int}/sign", sign, name="contract_sign", methods=["POST"]),
    Route("/contracts/{contract_id:int}/decline", decline, name="contract_decline", methods=["POST"]),
    Route("/contracts/{contract_id:int}/withdraw", withdraw, name="contract_withdraw", methods=["POST"]),
    Route("/contracts/{contract_id:int}/amend", amend, name="contract_amend", methods=["GET", "POST"]),
    Route("/contracts/{contract_id:int}/paper", paper, name="contract_paper"),
    Route("/contracts/{contract_id:int}/bundle", bundle, name="contract_bundle"),
]
