"""The API's confirmation by phone: ask, look, confirm with a one-time code, deny. Passkeys confirm in the browser."""

from __future__ import annotations

from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from market import limits, one_time_codes, phone_confirmations, phone_store
from market.api.operations import Call, operation
from market.api.raw_calls import answered, body_of, handle_in
from market.api.shapes import Currency, Id, MinorOut
from market.api.vault import Handle
from market.checkout import desk_of
from market.house import house_of
from market.pages.checkout import has_second_device
from market.phone_confirmations import PhoneRefusal
from market.phone_store import Method, PhoneMeans, PhoneRequest, PhoneState
from market.problems import Problem, ProblemError
from market.refusals import MarketRefusal

if TYPE_CHECKING:
    from migrations.database import Connection


class PhoneAsk(Struct, kw_only=True, forbid_unknown_fields=True):
    """With a card: the handle of the unlocked wallet and the card. Without both: out of the e-cash wallet."""

    handle: Handle | None = None
    card_id: Id | None = None

    def __post_init__(self) -> None:
        if (self.handle is None) != (self.card_id is None):
            raise ValueError("handle and card_id go together; leave out both to pay out of the e-cash wallet")


class PhoneCode(Struct, kw_only=True, forbid_unknown_fields=True):
    code: Annotated[str, Meta(pattern=r"^[0-9]{6}$")]


class PhoneRequestShape(Struct, kw_only=True):
    id: int
    case_id: int
    payee: str
    currency: Currency
    amount_minor: MinorOut
    means: PhoneMeans
    means_label: str
    state: PhoneState
    method: Method | None
    outcome: str | None
    created_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None


@operation(
    "POST",
    "/deals/{case_id:int}/phone-requests",
    tag="deals",
    status=201,
    keyed=False,
    raw=(PhoneAsk, PhoneRequestShape),
)
async def ask_phone(request: Request) -> Response:
    """Put the payment of a deal before the payer's phone."""
    body, house = await body_of(request, PhoneAsk), house_of(request)
    async with house.pool.acquire() as conn:
        desk = await desk_of(conn, house, request.path_params["case_id"], request.user.id)
        ready = await has_second_device(conn, request.user.id)
    if desk is None:
        raise ProblemError(Problem.NOT_FOUND)
    if not ready:
        raise ProblemError(PhoneRefusal.NO_SECOND_DEVICE)
    handle = handle_in(request, body.handle) if body.handle and body.card_id else None
    now = house.node_time.now()
    asked = await phone_confirmations.ask(house, desk, request.user.id, now, handle=handle, card_id=body.card_id)
    return answered(_shape(asked) if isinstance(asked, PhoneRequest) else asked, 201)


@operation("GET", "/phone-requests", tag="wallet")
async def phone_requests(call: Call) -> list[PhoneRequestShape]:
    """The payments that wait, or waited, for the viewer's word, latest first."""
    return [_shape(one) for one in await phone_store.requests_of(call.conn, call.viewer.id)]


@operation("GET", "/phone-requests/{request_id:int}", tag="wallet")
async def phone_request(call: Call, request_id: int) -> PhoneRequestShape:
    """One of them."""
    found = await phone_store.request_by_id(call.conn, request_id)
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    return _shape(found)


@operation(
    "POST",
    "/phone-requests/{request_id:int}/confirmation",
    tag="wallet",
    keyed=False,
    raw=(PhoneCode, PhoneRequestShape),
)
async def confirm_phone_request(request: Request) -> Response:
    """Yes, by a one-time code; the money moves at once."""
    body, house, party_id = await body_of(request, PhoneCode), house_of(request), request.user.id
    account, now = f"party {party_id}", house.node_time.now()
    if house.buckets.take(limits.PHONE_PROOF, account, monotonic()) > 0:
        raise ProblemError(MarketRefusal.TOO_MANY_TRIES)

    async def prove(conn: Connection, asked: PhoneRequest) -> bool:
        return await one_time_codes.use(conn, party_id, house.config.secret_key, body.code, now)

    request_id = request.path_params["request_id"]
    done = await phone_confirmations.answer(house, request_id, party_id, Method.CODE, prove, now)
    if isinstance(done, PhoneRequest):
        house.buckets.give_back(limits.PHONE_PROOF, account)
        return answered(_shape(done))
    return answered(done)


@operation("POST", "/phone-requests/{request_id:int}/refusal", tag="wallet", keyed=False)
async def refuse_phone_request(call: Call, request_id: int) -> PhoneRequestShape:
    """No: nothing is paid."""
    done = await phone_confirmations.deny(call.house, request_id, call.viewer.id, call.now)
    if not isinstance(done, PhoneRequest):
        raise ProblemError(done)
    return _shape(done)


def _shape(one: PhoneRequest) -> PhoneRequestShape:
    return PhoneRequestShape(
        id=one.id,
        case_id=one.case_id,
        payee=one.payee,
        currency=one.currency,
        amount_minor=str(one.amount_minor),
        means=one.means,
        means_label=one.means_label,
        state=one.state,
        method=one.method,
        outcome=one.outcome,
        created_at=one.created_at,
        expires_at=one.expires_at,
        confirmed_at=one.confirmed_at,
        ended_at=one.ended_at,
    )
