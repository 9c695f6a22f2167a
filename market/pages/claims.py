"""Claims in the browser: the buyer's claim with its evidence, and what each side does about it on the deal's page.

Each form is one act of the escrow in one transaction. What moves money for good asks for the passphrase, as the release
does; what only moves the dispute on asks for words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow.facts import Action, Case, ClaimReason, Refusal, Role, State
from market import case_files
from market.case_files import LONGEST_MESSAGE, MOST_EVIDENCE
from market.contracting.wording import day_text
from market.currencies import EXPONENTS, AmountProblem, decimal_text, money_text, parse_amount
from market.delivery import damages
from market.evidence_rendering import EvidenceRefusal
from market.house import house_of
from market.pages.case_files import handed_in
from market.pages.deal_page import clocks, perform, step_up_fault, texts, typed, view_of
from market.parties import party_by_id
from market.problems import sentence
from market.rendering import Form, flash, language_of, render

if TYPE_CHECKING:
    from enum import StrEnum

    from escrow.desk import EscrowDesk
    from market.deals import DealView
    from market.evidence_rendering import Evidence
    from market.house import House
    from migrations.database import Connection

LONGEST = 80
Plain = Callable[["EscrowDesk", "Connection", int, int, datetime], Awaitable[Case | Refusal]]
Worded = Callable[["EscrowDesk", "Connection", int, int, str, datetime], Awaitable[Case | Refusal]]
Endpoint = Callable[[Request], Awaitable[Response]]


async def claim_form(request: Request) -> Response:
    """Where a buyer says what is wrong; once sent, the claim with its evidence is made in one transaction."""
    if request.method == "GET":
        return await _claim_page(request, await _begun(request))
    async with request.form(max_files=MOST_EVIDENCE, max_fields=8, max_part_size=64 * 1024) as sent:
        form = Form(values={name: str(sent.get(name, "")) for name in ("amount", "reason", "statement")})
        evidence = await handed_in(sent)
    text = texts(request)
    async with house_of(request).pool.acquire() as conn:
        view = await view_of(request, conn)
    amount = _amount(request, form, "amount", view.case.currency)
    statement = form.values["statement"].replace("\x00", "").strip()
    if form.values["reason"] not in set(ClaimReason):
        form.errors["reason"] = text("claim.reason_missing")
    if not 1 <= len(statement) <= LONGEST_MESSAGE:
        form.errors["statement"] = text("claim.statement_missing")
    if not isinstance(evidence, list):
        form.errors["files" if isinstance(evidence, EvidenceRefusal) else "statement"] = sentence(request, evidence)
    if form.errors or amount is None or not isinstance(evidence, list):
        return await _claim_page(request, form, 422)
    refused = await _make(request, amount, ClaimReason(form.values["reason"]), statement, evidence)
    if refused is not None:
        form.errors["amount" if refused is Refusal.BAD_CLAIM_AMOUNT else ""] = sentence(request, refused)
        return await _claim_page(request, form, 422)
    response = RedirectResponse(_deal(request), 303)
    flash(response, "claim.flash.made")
    return response


async def offer(request: Request) -> Response:
    """The seller offers a part of what is claimed."""
    form = await typed(request, "offer")
    async with house_of(request).pool.acquire() as conn:
        view = await view_of(request, conn)
    amount = _amount(request, form, "offer", view.case.currency)

    async def act(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        assert amount is not None, "a form without a sum has an error and is not acted on"
        return await house.escrow.claims.offer(conn, case_id, request.user.id, amount, house.node_time.now())

    return await perform(request, act, "claim.flash.offered", form)


async def ask_return(request: Request) -> Response:
    """The seller asks for the goods back and will refund everything."""

    async def act(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        return await house.escrow.claims.ask_return(conn, case_id, request.user.id, house.node_time.now())

    return await perform(request, act, "claim.flash.return_asked", Form())


async def send_back(request: Request) -> Response:
    """The buyer names carrier and tracking number of the goods that go back."""
    form = await typed(request, "back_carrier", "back_tracking_number")
    carrier, number = (" ".join(form.values[name].split()) for name in ("back_carrier", "back_tracking_number"))
    text = texts(request)
    if not 1 <= len(carrier) <= LONGEST:
        form.errors["back_carrier"] = text("deal.ship.carrier_missing")
    if not 1 <= len(number) <= LONGEST:
        form.errors["back_tracking_number"] = text("deal.ship.tracking_missing")

    async def act(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        now = house.node_time.now()
        return await house.escrow.claims.send_back(conn, case_id, request.user.id, carrier, number, now)

    return await perform(request, act, "claim.flash.sent_back", form)


def _for_good(name: str, done: str, act: Plain) -> Endpoint:
    """An act that pays money out: a box ticked and the passphrase, as for the release."""

    async def endpoint(request: Request) -> Response:
        box, secret = f"{name}_understood", f"{name}_passphrase"
        form = await typed(request, box, secret)
        passphrase = form.values.pop(secret)
        if form.values[box] != "1":
            form.errors[box] = texts(request)("claim.understood_missing")
        elif (wrong := await step_up_fault(request, passphrase)) is not None:
            form.errors[secret] = texts(request)(wrong)

        async def one(conn: Connection, house: House, case_id: int) -> Case | Refusal:
            return await act(house.escrow, conn, case_id, request.user.id, house.node_time.now())

        return await perform(request, one, done, form)

    return endpoint


def _with_words(name: str, done: str, act: Worded) -> Endpoint:
    """An act that takes the dispute further and says why."""

    async def endpoint(request: Request) -> Response:
        form = await typed(request, name)
        words = form.values[name].replace("\x00", "").strip()
        if not 1 <= len(words) <= LONGEST_MESSAGE:
            form.errors[name] = texts(request)("escrow_refusal.statement_missing")

        async def one(conn: Connection, house: House, case_id: int) -> Case | Refusal:
            return await act(house.escrow, conn, case_id, request.user.id, words, house.node_time.now())

        return await perform(request, one, done, form)

    return endpoint


class _Undo(Exception):
    def __init__(self, refusal: StrEnum) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


async def _make(
    request: Request, amount: int, reason: ClaimReason, statement: str, evidence: list[Evidence]
) -> StrEnum | None:
    """Claim and evidence in one transaction: both, or neither with the reason."""
    house, case_id, buyer = house_of(request), int(request.path_params["case_id"]), request.user.id
    async with house.pool.acquire() as conn:
        try:
            async with conn.transaction():
                now = house.node_time.now()
                case = await house.escrow.claims.open(conn, case_id, buyer, amount, reason, statement, now)
                if isinstance(case, Refusal):
                    raise _Undo(case)
                for each in evidence:
                    put = await case_files.add_evidence(
                        conn, case, author_id=buyer, role=Role.BUYER, evidence=each, now=now
                    )
                    if not isinstance(put, int):
                        raise _Undo(put)
        except _Undo as undone:
            return undone.refusal
    return None


async def _begun(request: Request) -> Form:
    """Empty, but for a late delivery: that begins with the sum that the contract gives for it. Only once the goods are there: a
    claim that is accepted settles the deal, and whoever claims a day's damages is not to pay for goods that never came.
    """
    if request.query_params.get("reason") != ClaimReason.LATE_DELIVERY:
        return Form()
    house = house_of(request)
    async with house.pool.acquire() as conn:
        case = (await view_of(request, conn)).case
        late = await damages.late_delivery(conn, case, house.node_time.now())
    if late is None or case.state is not State.INSPECTING:
        return Form()
    claimed, lang = min(late.damages_minor, case.held_minor), language_of(request)
    words = texts(request)(
        "delivery.late.statement",
        due=day_text(late.counts_from, lang),
        days=late.days,
        sum=money_text(late.damages_minor, case.currency),
    )
    amount = decimal_text(claimed, EXPONENTS[case.currency])
    return Form(values={"reason": ClaimReason.LATE_DELIVERY.value, "amount": amount, "statement": words})


async def _claim_page(request: Request, form: Form, status: int = 200) -> Response:
    house = house_of(request)
    async with house.pool.acquire() as conn:
        view = await view_of(request, conn)
        viewer = await party_by_id(conn, request.user.id)
    assert viewer is not None, "whoever is signed in exists"
    context = {
        "view": view,
        "deal": view.deal,
        "form": form,
        "can_claim": _can_claim(view),
        "reasons": [("", texts(request)("claim.choose"))]
        + [(one.value, texts(request)(f"claim_reason.{one.value}")) for one in ClaimReason],
        "clocks": clocks(view.case.timers),
    }
    return render(request, "claim/new.html", context, status=status)


def _can_claim(view: DealView) -> bool:
    return Action.CLAIM in view.actions


def _amount(request: Request, form: Form, name: str, currency: str) -> int | None:
    """The sum in the field; what is wrong with it goes into the form."""
    read = parse_amount(form.values[name], EXPONENTS[currency])
    if isinstance(read, AmountProblem):
        form.errors[name] = texts(request)(f"amount_problem.{read.value}")
        return None
    return read


def _deal(request: Request) -> str:
    return str(request.url_for("deal", case_id=request.path_params["case_id"]).path)


FOR_GOOD: dict[str, tuple[str, Plain]] = {
    "accept": ("claim.flash.accepted", lambda desk, *given: desk.claims.accept(*given)),
    "take_offer": ("claim.flash.offer_accepted", lambda desk, *given: desk.claims.accept_offer(*given)),
    "withdraw": ("claim.flash.withdrawn", lambda desk, *given: desk.claims.withdraw(*given)),
    "undisputed": ("claim.flash.undisputed", lambda desk, *given: desk.claims.release_undisputed(*given)),
    "returned": ("claim.flash.return_confirmed", lambda desk, *given: desk.claims.confirm_return(*given)),
}
WITH_WORDS: dict[str, tuple[str, Worded]] = {
    "contest": ("claim.flash.contested", lambda desk, *given: desk.claims.contest(*given)),
    "escalate": ("claim.flash.escalated", lambda desk, *given: desk.claims.escalate(*given)),
    "appeal": ("claim.flash.appealed", lambda desk, *given: desk.arbitration.appeal(*given)),
}
_AT = "/deals/{case_id:int}/claim"

routes = [
    Route(_AT, claim_form, name="deal_claim", methods=["GET", "POST"]),
    Route(f"{_AT}/offer", offer, name="deal_claim_offer", methods=["POST"]),
    Route(f"{_AT}/ask-return", ask_return, name="deal_claim_ask_return", methods=["POST"]),
    Route(f"{_AT}/send-back", send_back, name="deal_claim_send_back", methods=["POST"]),
    *[
        Route(
            f"{_AT}/{name.replace('_', '-')}",
            _for_good(name, done, act),
            name=f"deal_claim_{name}",
            methods=["POST"],
        )
        for name, (done, act) in FOR_GOOD.items()
    ],
    *[
        Route(f"{_AT}/{name}", _with_words(name, done, act), name=f"deal_claim_{name}", methods=["POST"])
        for name, (done, act) in WITH_WORDS.items()
    ],
]
