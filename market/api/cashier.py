"""The API's e-cheques, small change, transaction records and monthly statements."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from escrow import cashier_store
from escrow.cashier_facts import LONGEST_MEMO, Cheque, ChequeDraft, ChequeState
from market import parties
from market.api.operations import Call, granted, operation
from market.api.raw_calls import answered, body_of, handle_in
from market.api.shapes import (
    Currency,
    Listed,
    MinorIn,
    MinorOrZeroIn,
    MinorOut,
    Paging,
    SignedMinorOut,
    currency_in,
    minor_in,
    one_page,
)
from market.api.vault import Handle
from market.checkout import change_of, cheques_of, signed_and_written
from market.house import house_of
from market.problems import Problem, ProblemError
from market.recorder import Direction, Record, RecordKind, Search, month_statement, months_of, records_of
from market.refusals import MarketRefusal


class ChequeWish(Struct, kw_only=True, forbid_unknown_fields=True):
    """`payee` is a member's email address; `handle` that of the unlocked wallet which signs."""

    handle: Handle
    payee: Annotated[str, Meta(min_length=3, max_length=254)]
    amount_minor: MinorIn
    currency: Currency
    memo: Annotated[str, Meta(max_length=LONGEST_MEMO)] = ""
    days: Annotated[int, Meta(ge=1, le=180)] = 30


class ChequeShape(Struct, kw_only=True):
    """`record` is what was signed (docs/wallet.md): whoever has it, the signature and the key can check the cheque."""

    id: int
    number: str
    writer_id: int
    payee_id: int | None
    case_id: int | None
    currency: Currency
    amount_minor: MinorOut
    memo: str
    state: ChequeState
    written_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    paid_case_id: int | None
    record: str
    signature: str
    public_key: str


class ChangeMove(Struct, kw_only=True, forbid_unknown_fields=True):
    amount_minor: MinorIn
    currency: Currency


class PurseShape(Struct, kw_only=True):
    currency: Currency
    held_minor: MinorOut
    cap_minor: MinorOut


class RecordsQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    first_day: date | None = None
    last_day: date | None = None
    kind: RecordKind | None = None
    direction: Direction | None = None
    currency: Currency | None = None
    counterparty: Annotated[str, Meta(max_length=100)] | None = None
    least_minor: MinorOrZeroIn | None = None
    most_minor: MinorOrZeroIn | None = None


class RecordShape(Struct, kw_only=True):
    """One transfer of the ledger; `source` and `target` are kinds of account."""

    number: str
    at: datetime
    kind: RecordKind
    act: str
    subject: str
    direction: Direction
    source: str
    target: str
    currency: Currency
    amount_minor: MinorOut
    counterparty: str | None
    case_id: int | None
    title_en: str
    title_zh: str


class MonthShape(Struct, kw_only=True):
    month: str
    currency: Currency


class MonthQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    currency: Currency


class AccountMonthShape(Struct, kw_only=True):
    account: str
    opening_minor: MinorOut
    in_minor: MinorOut
    out_minor: MinorOut
    closing_minor: MinorOut


class MonthLineShape(Struct, kw_only=True):
    at: datetime
    act: str
    subject: str
    account: str
    amount_minor: SignedMinorOut
    balance_minor: MinorOut


class MonthStatementShape(Struct, kw_only=True):
    month: str
    currency: Currency
    accounts: list[AccountMonthShape]
    lines: list[MonthLineShape]


@operation("GET", "/wallet/cheques", tag="wallet")
async def cheques(call: Call) -> list[ChequeShape]:
    """The cheques that the viewer wrote or may present, latest first."""
    return [_cheque(one) for one in await cashier_store.cheques_of(call.conn, call.viewer.id)]


@operation("GET", "/wallet/cheques/{cheque_id:int}", tag="wallet")
async def cheque(call: Call, cheque_id: int) -> ChequeShape:
    """One cheque of the viewer's."""
    found = await cashier_store.cheque_by_id(call.conn, cheque_id)
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    return _cheque(found)


@operation("POST", "/wallet/cheques", tag="wallet", status=201, keyed=False, raw=(ChequeWish, ChequeShape))
async def write_cheque(request: Request) -> Response:
    """Write a cheque: signed by the unlocked wallet, its sum set aside at once."""
    body, house = await body_of(request, ChequeWish), house_of(request)
    handle, email, now = handle_in(request, body.handle), parties.plain_email(body.payee), house.node_time.now()
    async with house.pool.acquire() as conn, conn.transaction():
        payee = None if isinstance(email, MarketRefusal) else await parties.party_by_email(conn, email)
        if payee is None:
            raise ProblemError(Problem.NOT_FOUND)
        draft = await cheques_of(house).draft(
            conn,
            writer_id=handle.party_id,
            payee_id=payee.id,
            case_id=None,
            currency=currency_in(body.currency),
            amount_minor=minor_in(body.amount_minor),
            memo=body.memo,
            days=body.days,
            now=now,
        )
    if not isinstance(draft, ChequeDraft):
        return answered(draft)
    written = await signed_and_written(house, handle, draft, now)
    return answered(_cheque(written) if isinstance(written, Cheque) else written, 201)


@operation("POST", "/wallet/cheques/{cheque_id:int}/presentation", tag="wallet")
async def present_cheque(call: Call, cheque_id: int) -> ChequeShape:
    """The payee has its sum in his wallet; a cheque is good once."""
    return _cheque(granted(await cheques_of(call.house).present(call.conn, cheque_id, call.viewer.id, call.now)))


@operation("POST", "/wallet/cheques/{cheque_id:int}/revocation", tag="wallet")
async def revoke_cheque(call: Call, cheque_id: int) -> ChequeShape:
    """The writer takes it back, as long as nobody has presented it."""
    return _cheque(granted(await cheques_of(call.house).revoke(call.conn, cheque_id, call.viewer.id, call.now)))


@operation("GET", "/wallet/change", tag="wallet")
async def small_change(call: Call) -> list[PurseShape]:
    """The viewer's small change in each currency, and its cap."""
    held = await change_of(call.house).balances(call.conn, call.viewer.id)
    return [_purse(call, currency, minor) for currency, minor in held.items()]


@operation("POST", "/wallet/change/top-ups", tag="wallet")
async def top_up_change(call: Call, body: ChangeMove) -> PurseShape:
    """From the wallet into the small change."""
    amount, currency = minor_in(body.amount_minor), currency_in(body.currency)
    held = granted(await change_of(call.house).top_up(call.conn, call.viewer.id, amount, currency, call.now))
    return _purse(call, currency, held)


@operation("POST", "/wallet/change/take-outs", tag="wallet")
async def take_out_change(call: Call, body: ChangeMove) -> PurseShape:
    """From the small change back into the wallet."""
    amount, currency = minor_in(body.amount_minor), currency_in(body.currency)
    held = granted(await change_of(call.house).take_out(call.conn, call.viewer.id, amount, currency, call.now))
    return _purse(call, currency, held)


@operation("GET", "/wallet/records", tag="wallet")
async def transaction_records(call: Call, query: RecordsQuery) -> Listed[RecordShape]:
    """The transaction recorder: by date, kind, direction, counterparty and amount, latest first."""
    search = Search(
        first_day=query.first_day,
        last_day=query.last_day,
        kind=query.kind,
        direction=query.direction,
        currency=query.currency,
        counterparty=query.counterparty or "",
        least_minor=None if query.least_minor is None else int(query.least_minor),
        most_minor=None if query.most_minor is None else int(query.most_minor),
    )
    found = await records_of(call.conn, call.viewer.id, search)
    shown, pages = one_page(found, query)
    return Listed(items=[_record(one) for one in shown], page=query.page, pages=pages, total=len(found))


@operation("GET", "/wallet/statements", tag="wallet")
async def statement_months(call: Call) -> list[MonthShape]:
    """The months and currencies that there are statements of."""
    return [MonthShape(month=one.month, currency=one.currency) for one in await months_of(call.conn, call.viewer.id)]


@operation("GET", "/wallet/statements/{month:str}", tag="wallet")
async def monthly_statement(call: Call, month: str, query: MonthQuery) -> MonthStatementShape:
    """One month (`2026-11`) in one currency: opening, movements, closing."""
    try:
        first_day = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise ProblemError(Problem.NOT_FOUND) from None
    if not 2000 <= first_day.year < 2200 or len(month) != 7:
        raise ProblemError(Problem.NOT_FOUND)
    statement = await month_statement(call.conn, call.viewer.id, first_day, query.currency)
    return MonthStatementShape(
        month=statement.month,
        currency=statement.currency,
        accounts=[
            AccountMonthShape(
                account=one.account,
                opening_minor=str(one.opening_minor),
                in_minor=str(one.in_minor),
                out_minor=str(one.out_minor),
                closing_minor=str(one.closing_minor),
            )
            for one in statement.accounts
        ],
        lines=[
            MonthLineShape(
                at=one.at,
                act=one.act,
                subject=one.subject,
                account=one.account,
                amount_minor=str(one.amount_minor),
                balance_minor=str(one.balance_minor),
            )
            for one in statement.lines
        ],
    )


def _purse(call: Call, currency: str, minor: int) -> PurseShape:
    cap = call.house.config.change_cap_minor
    return PurseShape(currency=currency, held_minor=str(minor), cap_minor=str(cap))


def _record(one: Record) -> RecordShape:
    return RecordShape(
        number=one.number,
        at=one.at,
        kind=one.kind,
        act=one.act,
        subject=one.subject,
        direction=one.direction,
        source=one.source,
        target=one.target,
        currency=one.currency,
        amount_minor=str(one.amount_minor),
        counterparty=one.counterparty,
        case_id=one.case_id,
        title_en=one.title_en,
        title_zh=one.title_zh,
    )


def _cheque(one: Cheque) -> ChequeShape:
    return ChequeShape(
        id=one.id,
        number=one.number,
        writer_id=one.writer_id,
        payee_id=one.payee_id,
        case_id=one.case_id,
        currency=one.currency,
        amount_minor=str(one.amount_minor),
        memo=one.memo,
        state=one.state,
        written_at=one.written_at,
        expires_at=one.expires_at,
        ended_at=one.ended_at,
        paid_case_id=one.paid_case_id,
        record=one.record.decode(),
        signature=one.signature.hex(),
        public_key=one.public_key.hex(),
    )
