"""Bank statements: taken by hand or from the bank, book against bank, and the entries that wait for somebody's word."""

from __future__ import annotations

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow import books, statements
from escrow.bank_client import BankError
from escrow.camt053 import LARGEST_FILE_BYTES, StatementError
from escrow.matching import MatchKind
from escrow.originals import originals_of
from escrow.statements import EntryRow, MissingDays, StatementRefused
from market import audit, statement_desk
from market.csv_cells import csv_text
from market.currencies import EXPONENTS, decimal_text
from market.house import house_of
from market.pages.desk_forms import (
    asked,
    bounds,
    csv_download,
    currency_asked,
    currency_options,
    day_of,
    download,
    number,
    page_asked,
    pages_of,
    texts,
    typed,
    wants_csv,
)
from market.rendering import Form, flash, render
from market.statement_desk import MOST_DAYS, FetchRefused

STATES = ("open", "matched", "explained", "all")


async def operator_statements(request: Request) -> Response:
    """What was taken, and book against bank."""
    return await _statements(request, Form())


async def _statements(request: Request, form: Form, status: int = 200, missing: MissingDays | None = None) -> Response:
    house, currency, (limit, offset) = house_of(request), currency_asked(request), bounds(request)
    async with house.pool.acquire() as conn:
        rows = await statements.statements(conn, currency or None, limit, offset)
        reconciled = await statements.reconciliation(conn)
        opened = await statements.entries(conn, state="open", currency=None, statement=None, limit=1, offset=0)
        differences = await house.card_payments.differences(conn)
    today = house.node_time.now().date().isoformat()
    context = {
        "rows": rows,
        "reconciled": reconciled,
        "open_entries": opened[0].total if opened else 0,
        "differences": differences,
        "missing": missing,
        "form": Form(values={"day": today, "currency": currency or "CNY", **form.values}, errors=form.errors),
        "currency": currency,
        "currency_options": currency_options(request),
        "currencies": [(code, code) for code in house.centre.accounts],
        "page": page_asked(request),
        "pages": pages_of(rows[0].total if rows else 0),
    }
    return render(request, "operator_money/statements.html", context, status=status)


async def operator_statement_upload(request: Request) -> Response:
    """A file from the operator's own disk."""
    async with request.form(max_files=1, max_fields=4, max_part_size=4096) as posted:
        file = posted.get("file")
        body = await file.read(LARGEST_FILE_BYTES + 1) if isinstance(file, UploadFile) else b""
    if not body:
        return await _statements(request, Form(errors={"file": texts(request)("desk.file_missing")}), 422)
    return await _take(request, [body], "upload", "file")


async def operator_statement_fetch(request: Request) -> Response:
    """A day's statement straight from the bank, or those of all days until another (`until`)."""
    house, form = house_of(request), await typed(request, "day", "until", "currency")
    day, currency, text = day_of(form.values["day"]), form.values["currency"], texts(request)
    until = day_of(form.values["until"]) if form.values["until"].strip() else day
    if day is None or until is None or currency not in house.centre.accounts:
        form.errors["day"] = text("desk.day_missing")
        return await _statements(request, form, 422)
    try:
        bodies = await statement_desk.fetch(house.bank, day, until, currency, house.node_time.now())
    except BankError:
        form.errors[""] = text("desk.bank_away")
        return await _statements(request, form, 503)
    except FetchRefused as refused:
        form.errors["day"] = text(f"market_refusal.{refused.refusal}", day=refused.day.isoformat(), most=MOST_DAYS)
        return await _statements(request, form, 422)
    return await _take(request, bodies, "bank", "day")


async def _take(request: Request, bodies: list[bytes], source: str, field: str) -> Response:
    house, text, now = house_of(request), texts(request), house_of(request).node_time.now()
    try:
        async with house.pool.acquire() as conn, conn.transaction():
            taken = await statement_desk.take_several(conn, bodies, house.centre, source, request.user.id, now)
    except StatementError as error:
        sentence = text(f"escrow_refusal.{error.fault}", where=error.detail)
        return await _statements(request, Form(errors={field: sentence}), 422)
    except StatementRefused as refused:
        sentence = text("desk.statement_refused", id=refused.statement_id, why=text(f"escrow_refusal.{refused.refusal}"), detail=refused.detail)  # fmt: skip
        return await _statements(request, Form(errors={field: sentence}), 422, refused.missing)
    response = RedirectResponse(str(request.app.url_path_for("operator_statements")), 303)
    fresh = sum(one.fresh for one in taken)
    if all(one.again for one in taken):
        flash(response, "desk.flash_statement_again", kind="note")
    else:
        flash(response, "desk.flash_statement_taken", count=fresh)
    return response


async def operator_difference_explain(request: Request) -> Response:
    """An operator has looked into what the bank's card settlement says otherwise than we do."""
    house, form = house_of(request), await typed(request, "note")
    number, note, now = request.path_params["difference_id"], form.values["note"].strip()[:1000], house.node_time.now()
    async with house.pool.acquire() as conn, conn.transaction():
        done = await house.card_payments.explain(conn, number, request.user.id, note, now)
        if done:
            await audit.record(conn, request.user.id, "difference.explained", f"difference:{number}", note, {}, now)
    if not done:
        form.errors[""] = texts(request)("escrow_refusal.entry_decided" if note else "escrow_refusal.note_missing")
        return await _statements(request, form, 422)
    response = RedirectResponse(str(request.app.url_path_for("operator_statements")), 303)
    flash(response, "desk.flash_entry_explain")
    return response


async def operator_statement_file(request: Request) -> Response:
    """The file as it came."""
    async with house_of(request).pool.acquire() as conn:
        found = await statements.statement_file(conn, request.path_params["statement_id"])
    if found is None:
        raise HTTPException(404)
    if "show" in request.query_params:
        body = found[1].decode("utf-8", "replace").replace("><", ">\n<")
        return render(request, "operator_money/file.html", {"name": found[0], "body": body})
    return download(found[1], "application/xml", f"{found[0]}.xml")


async def operator_entries(request: Request) -> Response:
    """Entries of statements; for each open one the rows that it may be."""
    return await _entries(request, Form())


async def _entries(request: Request, form: Form, status: int = 200) -> Response:
    house, text = house_of(request), texts(request)
    state, currency = asked(request, "state", STATES, "open"), currency_asked(request)
    statement = number(request.query_params.get("statement", ""))
    limit, offset = bounds(request)
    async with house.pool.acquire() as conn:
        rows = await statements.entries(
            conn,
            state=None if state == "all" else state,
            currency=currency or None,
            statement=statement,
            limit=limit,
            offset=offset,
        )
        likely = {} if wants_csv(request) else await statements.suggestions_for(conn, rows)
        undone = {} if wants_csv(request) else await originals_of(conn, rows)
        ages = [row for row in await books.ageing(conn, house.node_time.now()) if row.what == "statement_entry"]
    if wants_csv(request):
        return csv_download(_csv(request, rows), "statement-entries.csv")
    context = {
        "rows": rows,
        "likely": likely,
        "undone": undone,
        "ages": ages,
        "form": form,
        "state": state,
        "state_options": [(one, text(f"entry_state.{one}")) for one in STATES],
        "statement": statement,
        "currency": currency,
        "currency_options": currency_options(request),
        "now": house.node_time.now(),
        "page": page_asked(request),
        "pages": pages_of(rows[0].total if rows else 0),
    }
    return render(request, "operator_money/entries.html", context, status=status)


async def operator_entry_decide(request: Request) -> Response:
    """Match an entry to a row, explain it, or take it in as the notice that never came."""
    house, form = house_of(request), await typed(request, "act", "row", "note")
    entry_id, operator, now = request.path_params["entry_id"], request.user.id, house.node_time.now()
    kind, _, row_id = form.values["row"].partition(":")
    act, note = form.values["act"], form.values["note"][:1000]
    async with house.pool.acquire() as conn, conn.transaction():
        if act == "match" and kind in set(MatchKind):
            done = await statement_desk.match(conn, entry_id, MatchKind(kind), row_id, operator, note, now)
        elif act == "explain":
            done = await statement_desk.explain(conn, entry_id, operator, note, now)
        elif act == "reverse" and kind in set(MatchKind):
            done = await statement_desk.reverse(
                conn, house.escrow, entry_id, MatchKind(kind), row_id, operator, note, now
            )
        elif act == "reverse":
            done = statements.StatementRefusal.NO_SUCH_ORIGINAL
        elif act == "take_in":
            done = await statement_desk.take_in(conn, house.escrow, entry_id, operator, note, now)
        else:
            raise HTTPException(400)
    if not isinstance(done, EntryRow):
        form.errors[""] = texts(request)(f"escrow_refusal.{done.value}")
        return await _entries(request, form, 422)
    response = RedirectResponse(str(request.app.url_path_for("operator_entries")), 303)
    flash(response, f"desk.flash_entry_{act}")
    return response


def _csv(request: Request, rows: list[EntryRow]) -> str:
    text = texts(request)
    names = (
        "statement",
        "bank_id",
        "booked",
        "direction",
        "amount",
        "currency",
        "item_reference",
        "other",
        "state",
        "matched",
    )
    lines = [
        (
            row.statement_id,
            row.bank_id,
            row.booked_at.isoformat(),
            text(f"desk.{row.direction}"),
            decimal_text(row.amount_minor, EXPONENTS[row.currency]),
            row.currency,
            row.reference or row.end_to_end_id,
            row.other_holder,
            text(f"entry_state.{row.state}"),
            f"{row.matched_kind or ''} {row.matched_id or ''}".strip(),
        )
        for row in rows
    ]
    return csv_text([text(f"money.{name}") for name in names], lines)


routes = [
    Route("/operator/money/statements", operator_statements, name="operator_statements"),
    Route(
        "/operator/money/statements/upload",
        operator_statement_upload,
        name="operator_statement_upload",
        methods=["POST"],
    ),
    Route(
        "/operator/money/statements/fetch", operator_statement_fetch, name="operator_statement_fetch", methods=["POST"]
    ),
    Route("/operator/money/statements/{statement_id:int}", operator_statement_file, name="operator_statement_file"),
    Route(
        "/operator/money/differences/{difference_id:int}",
        operator_difference_explain,
        name="operator_difference_explain",
        methods=["POST"],
    ),
    Route("/operator/money/entries", operator_entries, name="operator_entries"),
    Route(
        "/operator/money/entries/{entry_id:int}", operator_entry_decide, name="operator_entry_decide", methods=["POST"]
    ),
]
