"""The settlement desk's books by program: bank statements and their entries, the close of a day, the journal, and what the
house earns.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from escrow import day_close, statements
from escrow.bank_client import BankError
from escrow.camt053 import StatementError
from escrow.day_close import DayClose
from escrow.matching import MatchKind
from escrow.originals import Original, originals_of
from escrow.statements import EntryRow, StatementRefused, Taken
from market import day_book, reports, statement_desk
from market.api.operations import Call, granted, operation
from market.api.shapes import Currency, Id, Listed, MinorOut, Paging, SignedMinorOut, said
from market.fees import Market
from market.pages.desk_forms import start_of
from market.problems import Problem, ProblemError
from market.statement_desk import MOST_DAYS, FetchRefused

XML = ("application/xml", "text/xml")


class TakenShape(Struct, kw_only=True):
    """`again`: this very statement was taken before, and nothing has changed."""

    id: int
    statement_id: str
    currency: Currency
    entries: int
    fresh: int
    again: bool


class TakenList(Struct, kw_only=True):
    items: list[TakenShape]


class Fetch(Struct, kw_only=True, forbid_unknown_fields=True):
    """One day, or every day until another, at most 31: all are taken or none."""

    day: date
    until: date | None = None
    currency: Currency


class EntryQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    state: Literal["open", "matched", "explained"] | None = None
    currency: Currency | None = None


class SuggestionShape(Struct, kw_only=True):
    """With another sum than the entry's it can't be confirmed."""

    kind: MatchKind
    id: str
    score: Annotated[int, Meta(ge=0, le=100)]
    differs_minor: SignedMinorOut


class OriginalShape(Struct, kw_only=True):
    """A movement that a reversed entry may undo. `surely`: both sides know the same id, and nothing else fits as well."""

    kind: MatchKind
    id: str
    at: datetime
    reference: str
    holder: str
    number: str
    surely: bool


class EntryShape(Struct, kw_only=True):
    id: int
    statement_id: str
    bank_id: str
    direction: Literal["credit", "debit"]
    currency: Currency
    amount_minor: MinorOut
    booked_at: datetime
    reference: str
    end_to_end_id: str
    other_holder: str
    other_number: str
    state: Literal["open", "matched", "explained"]
    matched_kind: MatchKind | None
    matched_id: str | None
    suggestions: list[SuggestionShape]
    is_reversal: bool
    """The bank undoes what it had booked: a debit undoes a credit, a credit a debit."""
    originals: list[OriginalShape]


class EntryDecision(Struct, kw_only=True, forbid_unknown_fields=True):
    """`match` names the row; `explain` and `take_in` say why in the note. `reverse` names what a reversed entry undoes, one
    of its `originals`, and says why.
    """

    act: Literal["match", "explain", "take_in", "reverse"]
    note: Annotated[str, Meta(max_length=1000)] = ""
    kind: MatchKind | None = None
    row: Annotated[str, Meta(min_length=1, max_length=100)] | None = None


class ReconciledShape(Struct, kw_only=True):
    """Book against bank; `unexplained_minor` must be 0."""

    currency: Currency
    book_minor: SignedMinorOut
    statement_id: str | None
    statement_to: datetime | None
    closing_minor: SignedMinorOut | None
    book_only_minor: SignedMinorOut
    bank_only_minor: SignedMinorOut
    unexplained_minor: SignedMinorOut


class Reconciliation(Struct, kw_only=True):
    items: list[ReconciledShape]


class CloseWish(Struct, kw_only=True, forbid_unknown_fields=True):
    """The reason is needed when something does not agree, and is signed with the rest."""

    day: date
    reason: Annotated[str, Meta(max_length=1000)] = ""


class DayShape(Struct, kw_only=True):
    """`body` is the text that was hashed and signed (Ed25519 over `gavelhouse day close v1`, a newline, and the text)."""

    day: date
    sha256: str
    key: str
    signature: str
    body: str


class JournalQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Both days are whole days in UTC; `after` is the `next` of the page before."""

    since: date
    until: date
    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 500


class JournalLine(Struct, kw_only=True):
    """One posting; `id` never changes."""

    id: str
    at: datetime
    kind: str
    subject: str
    actor: str
    debit: str
    credit: str
    currency: Currency
    amount_minor: MinorOut
    reverses: str | None


class Journal(Struct, kw_only=True):
    """`next` is where the next page begins; none on the last. The last minute's postings come a minute later."""

    items: list[JournalLine]
    next: Id | None


class EarnedQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    since: date
    until: date
    market: Market | None = None
    seller_id: Id | None = None


class EarnedShape(Struct, kw_only=True):
    market: Market | None
    month: str
    seller_id: int
    currency: Currency
    deals: int
    commission_minor: SignedMinorOut
    fees_minor: SignedMinorOut
    forfeits_minor: SignedMinorOut


class EarnedList(Struct, kw_only=True):
    items: list[EarnedShape]


@operation("POST", "/money/statements", tag="operator", keyed=False, body_media_types=XML)
async def upload_statement(call: Call, body: bytes) -> TakenList:
    """Take a bank statement (camt.053.001.02). The same file twice changes nothing."""
    return await _take(call, [body], "upload")


@operation("POST", "/money/statements/fetch", tag="operator", keyed=False)
async def fetch_statement(call: Call, body: Fetch) -> TakenList:
    """Take a day's statement straight from the bank, or those of several days. Where days are missing between what is taken
    and what stands, the refusal names them.
    """
    if body.currency not in call.house.centre.accounts:
        raise ProblemError(Problem.NOT_FOUND)
    try:
        until = body.day if body.until is None else body.until
        files = await statement_desk.fetch(call.house.bank, body.day, until, body.currency, call.now)
    except BankError as error:
        raise ProblemError(Problem.BUSY) from error
    except FetchRefused as refused:
        raise ProblemError(refused.refusal, day=refused.day.isoformat(), most=MOST_DAYS) from refused
    return await _take(call, files, "bank")


async def _take(call: Call, bodies: list[bytes], source: str) -> TakenList:
    house = call.house
    try:
        async with call.conn.transaction():
            taken = await statement_desk.take_several(call.conn, bodies, house.centre, source, call.viewer.id, call.now)
    except StatementError as error:
        raise ProblemError(error.fault, where=error.detail) from error
    except StatementRefused as refused:
        missing = refused.missing
        between: dict[str, Any] = (
            {} if missing is None else {"missing_from": str(missing.first), "missing_until": str(missing.last)}
        )
        raise ProblemError(
            refused.refusal, statement=refused.statement_id, where=refused.detail, **between
        ) from refused
    return TakenList(items=[_taken(one) for one in taken])


@operation("GET", "/money/entries", tag="operator")
async def statement_entries(call: Call, query: EntryQuery) -> Listed[EntryShape]:
    """Entries of statements, oldest first; open ones with the rows that they may be."""
    rows = await statements.entries(
        call.conn,
        state=query.state,
        currency=query.currency,
        statement=None,
        limit=query.page_size,
        offset=(query.page - 1) * query.page_size,
    )
    likely = await statements.suggestions_for(call.conn, rows)
    undone = await originals_of(call.conn, rows)
    total = rows[0].total if rows else 0
    items = [
        _entry(
            row,
            [
                SuggestionShape(
                    kind=one.candidate.kind,
                    id=one.candidate.id,
                    score=one.score,
                    differs_minor=str(one.differs_minor),
                )
                for one in likely.get(row.id, ())
            ],
            undone.get(row.id, ()),
        )
        for row in rows
    ]
    return Listed(items=items, page=query.page, pages=max(1, -(-total // query.page_size)), total=total)


@operation("POST", "/money/entries/{entry_id:int}", tag="operator", keyed=False)
async def decide_entry(call: Call, entry_id: int, body: EntryDecision) -> EntryShape:
    """Say what an open entry is."""
    conn, operator, now = call.conn, call.viewer.id, call.now
    if body.act == "match":
        if body.kind is None or body.row is None:
            raise ProblemError(statements.StatementRefusal.NO_SUCH_ROW)
        done = await statement_desk.match(conn, entry_id, body.kind, body.row, operator, said(body.note), now)
    elif body.act == "explain":
        done = await statement_desk.explain(conn, entry_id, operator, said(body.note), now)
    elif body.act == "reverse":
        if body.kind is None or body.row is None:
            raise ProblemError(statements.StatementRefusal.NO_SUCH_ORIGINAL)
        done = await statement_desk.reverse(
            conn, call.house.escrow, entry_id, body.kind, body.row, operator, said(body.note), now
        )
    else:
        done = await statement_desk.take_in(conn, call.house.escrow, entry_id, operator, said(body.note), now)
    return _entry(granted(done), [], ())


@operation("GET", "/money/reconciliation", tag="operator")
async def reconciliation(call: Call) -> Reconciliation:
    """Book against bank, each currency."""
    rows = await statements.reconciliation(call.conn)
    return Reconciliation(
        items=[
            ReconciledShape(
                currency=one.currency,
                book_minor=str(one.book_minor),
                statement_id=one.statement_id,
                statement_to=one.statement_to,
                closing_minor=None if one.closing_minor is None else str(one.closing_minor),
                book_only_minor=str(one.book_only_minor),
                bank_only_minor=str(one.bank_only_minor),
                unexplained_minor=str(one.unexplained_minor),
            )
            for one in rows
        ]
    )


@operation("POST", "/money/days", tag="operator", status=201)
async def close_day(call: Call, body: CloseWish) -> DayShape:
    """Freeze a day's figures, signed with the house's key. Once."""
    signer = call.house.heads.signer
    done = await day_book.close(call.conn, signer, body.day, call.viewer.id, said(body.reason), call.now)
    return _day(granted(done))


@operation("GET", "/money/days/{day:str}", tag="operator")
async def closed_day(call: Call, day: str) -> DayShape:
    """A closed day."""
    try:
        closed = await day_close.close_of(call.conn, date.fromisoformat(day))
    except ValueError:
        closed = None
    if closed is None:
        raise ProblemError(Problem.NOT_FOUND)
    return _day(closed)


@operation("GET", "/money/journal", tag="operator")
async def journal(call: Call, query: JournalQuery) -> Journal:
    """Every posting between two days, in the book's order, page by page."""
    since, until = _span(query.since, query.until)
    rows = await reports.journal(call.conn, since, until, query.after, query.limit, call.now)
    items = [
        JournalLine(
            id=row.id,
            at=row.at,
            kind=row.kind,
            subject=row.subject,
            actor=row.actor,
            debit=row.debit,
            credit=row.credit,
            currency=row.currency,
            amount_minor=str(row.amount_minor),
            reverses=row.reverses,
        )
        for row in rows
    ]
    return Journal(items=items, next=rows[-1].seq if len(rows) == query.limit else None)


@operation("GET", "/money/earned", tag="operator")
async def earned(call: Call, query: EarnedQuery) -> EarnedList:
    """Commission and fees by market, month and seller."""
    since, until = _span(query.since, query.until)
    rows = await reports.earned(call.conn, since, until, market=query.market, seller_id=query.seller_id)
    return EarnedList(items=[_earned(one) for one in rows])


def _span(since: date, until: date) -> tuple[datetime, datetime]:
    """Two whole days in UTC as a span of time. The last days of the calendar have none after them."""
    if until < since or until.year > 9998:
        raise ProblemError(Problem.MALFORMED, fault="until is before since, or too far away")
    return start_of(since), start_of(until) + timedelta(days=1)


def _taken(one: Taken) -> TakenShape:
    return msgspec.convert(msgspec.to_builtins(one), TakenShape)


def _earned(one: reports.Earned) -> EarnedShape:
    return EarnedShape(
        market=one.market,
        month=one.month,
        seller_id=one.seller_id,
        currency=one.currency,
        deals=one.deals,
        commission_minor=str(one.commission_minor),
        fees_minor=str(one.fees_minor),
        forfeits_minor=str(one.forfeits_minor),
    )


def _entry(row: EntryRow, suggested: list[SuggestionShape], undone: Sequence[Original]) -> EntryShape:
    made = ("suggestions", "amount_minor", "originals")
    fields: dict[str, Any] = {name: getattr(row, name) for name in EntryShape.__struct_fields__ if name not in made}
    named = [OriginalShape(**{name: getattr(one, name) for name in OriginalShape.__struct_fields__}) for one in undone]
    return EntryShape(**fields, amount_minor=str(row.amount_minor), suggestions=suggested, originals=named)


def _day(closed: DayClose) -> DayShape:
    return DayShape(
        day=closed.day,
        sha256=closed.sha256.hex(),
        key=closed.key,
        signature=closed.signature,
        body=closed.body,
    )
