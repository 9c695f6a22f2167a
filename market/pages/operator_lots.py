"""The operator's pages: control room, approval of lots, the desk of a lot, qualifications, the audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auction.facts import Standing
from market import applications, audit, debtors, fraud_bars, listings, listings_store, parties, photos, trades
from market.application_facts import ApplicationRefusal, ApplicationState
from market.calendar import calendar_rows
from market.control_room import Act, act_on_lot, applications_page, audit_page, queues, running_lots
from market.csv_cells import csv_text
from market.currencies import EXPONENTS, decimal_text
from market.house import house_of
from market.listing_facts import Listing, ListingRefusal, ListingState
from market.local_time import to_local, to_utc
from market.pages.sell import csv_response, finding_rows, rule_sentences, shown_state
from market.problems import Problem, ProblemError, sentence
from market.rendering import Form, flash, language_of, render
from market.second_person import Awaited, all_waiting, waiting_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

PAGE_SIZE = 25
AUDIT_PAGE_SIZE = 50
MOST_CSV_ROWS = 10_000
LARGEST_ID = 2**63 - 1


async def control_room(request: Request) -> Response:
    """The queues and the lots that run."""
    house, now = house_of(request), house_of(request).node_time.now()
    async with house.pool.acquire() as conn:
        waiting = await queues(conn, now)
        running = await running_lots(conn, now)
        asked = await all_waiting(conn, now)
    context = {
        "queues": waiting,
        "asked": asked,
        "live": [lot for lot in running if lot.started or lot.paused_at],
        "upcoming": [lot for lot in running if not lot.started and not lot.paused_at][:20],
    }
    return render(request, "operator/control_room.html", context)


async def lots_queue(request: Request) -> Response:
    """Lots that wait for approval, the longest waiting first."""
    page = _page_asked(request)
    async with house_of(request).pool.acquire() as conn:
        waiting = await listings_store.listings_to_approve(conn, PAGE_SIZE, (page - 1) * PAGE_SIZE)
        total = await listings_store.count_to_approve(conn)
    pages = max(1, -(-total // PAGE_SIZE))
    return render(request, "operator/lots.html", {"waiting": waiting, "page": page, "pages": max(pages, page)})


async def lot(request: Request) -> Response:
    """One lot as bidders will see it, with its findings and the decision; once on show, its desk."""
    return await _lot_page(request)


async def approve(request: Request) -> Response:
    """Put a lot on show."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with house.pool.acquire() as conn, conn.transaction():
        done = await listings.approve(conn, listing_id=lot_id, operator_id=request.user.id, now=house.node_time.now())
    if isinstance(done, ListingRefusal):
        return await _lot_page(request, {"": sentence(request, done)})
    await house.bidding.refresh(lot_id)
    return _see(request, "operator_lots", "operator.approved")


async def reject(request: Request) -> Response:
    """Send a lot back with a reason."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with request.form(max_files=0, max_fields=8) as form:
        reason = str(form.get("reason", ""))
    async with house.pool.acquire() as conn, conn.transaction():
        done = await listings.reject(
            conn, listing_id=lot_id, operator_id=request.user.id, reason=reason, now=house.node_time.now()
        )
    if isinstance(done, ListingRefusal):
        name = "reason" if done is ListingRefusal.REASON_MISSING else ""
        return await _lot_page(request, {name: sentence(request, done)})
    return _see(request, "operator_lots", "operator.rejected")


async def act(request: Request) -> Response:
    """Pause, resume, extend or void a lot."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    wanted = str(request.path_params["act"])
    if wanted not in set(Act):
        raise ProblemError(Problem.NOT_FOUND)
    async with request.form(max_files=0, max_fields=8) as form:
        typed = {name: value for name, value in form.items() if isinstance(value, str)}
    on_hammer = trades.hammer_handler(trades.trade_terms(house.config), house.escrow)
    async with house.pool.acquire() as conn, conn.transaction():
        done = await act_on_lot(
            conn,
            Act(wanted),
            lot_id=lot_id,
            operator_id=request.user.id,
            reason=typed.get(f"{wanted}_reason", ""),
            now=house.node_time.now(),
            on_hammer=on_hammer,
            ends_at=to_utc(typed.get("ends_at", ""), "UTC"),
            confirmed=typed.get("confirmed") == "1",
            second_person_above_minor=house.config.second_person_above_minor,
        )
    if isinstance(done, Awaited):
        return _see(request, "operator_lot", "second_person.asked", lot_id=lot_id)
    if not isinstance(done, Standing):
        name = {"reason_missing": f"{wanted}_reason", "time_missing": "ends_at", "void_unconfirmed": "confirmed"}
        return await _lot_page(request, {name.get(done.value, ""): sentence(request, done)}, typed)
    await house.bidding.refresh(lot_id)
    return _see(request, "operator_lot", f"operator.done_{wanted}", lot_id=lot_id)


async def qualifications(request: Request) -> Response:
    """Who may bid on which lot, and why."""
    return await _qualifications(request, {})


async def qualifications_csv(request: Request) -> Response:
    """The same as CSV."""
    house, lang = house_of(request), language_of(request)
    state, lot_id = _application_filters(request)
    async with house.pool.acquire() as conn:
        rows, _ = await applications_page(conn, state=state, lot_id=lot_id, limit=MOST_CSV_ROWS, offset=0)
    text = house.catalogue.text
    names = ("party", "lot", "deposit", "applied", "state", "reason", "decided", "paddle")
    header = [text(f"applications.column_{name}", lang) for name in names]
    lines = [
        [
            row.party_name,
            row.lot_id,
            f"{decimal_text(row.deposit_minor, EXPONENTS[row.currency])} {row.currency}",
            row.applied_at.isoformat(),
            text(f"application_state.{_state_shown(row)}", lang),
            row.reason,
            row.decided_by_name,
            row.paddle,
        ]
        for row in rows
    ]
    return csv_response(csv_text(header, lines), "applications.csv")


async def decide(request: Request) -> Response:
    """Confirm or turn down an application."""
    house, application_id = house_of(request), int(request.path_params["application_id"])
    if application_id > LARGEST_ID:
        raise ProblemError(Problem.NOT_FOUND)
    async with request.form(max_files=0, max_fields=8) as form:
        wanted, reason = str(form.get("act", "")), str(form.get("reason", ""))
    now, operator_id = house.node_time.now(), request.user.id
    async with house.pool.acquire() as conn, conn.transaction():
        if wanted == "confirm":
            done = await applications.confirm(
                conn, house.escrow, application_id=application_id, operator_id=operator_id, now=now
            )
        else:
            done = await applications.reject(
                conn, application_id=application_id, operator_id=operator_id, reason=reason, now=now
            )
    if done is ApplicationRefusal.NO_SUCH_APPLICATION:
        raise ProblemError(done)
    if isinstance(done, ApplicationRefusal):
        async with house.pool.acquire() as conn:
            party_id = await applications.party_of(conn, application_id)
            figures = await debtors.refusal_figures(conn, done, party_id)
        name = f"reason-{application_id}" if done is ApplicationRefusal.REASON_MISSING else ""
        return await _qualifications(request, {name: sentence(request, done, figures)})
    if done.admitted_at is not None:
        await house.bidding.refresh(done.lot_id)
    return _see(request, "operator_applications", f"applications.{'confirmed' if wanted == 'confirm' else 'rejected'}")


async def trail(request: Request) -> Response:
    """The audit trail."""
    page = _page_asked(request)
    rows, total = await _trail(request, AUDIT_PAGE_SIZE, (page - 1) * AUDIT_PAGE_SIZE)
    pages = max(1, -(-total // AUDIT_PAGE_SIZE), page)
    context = {
        "entries": [(entry, _detail_text(entry)) for entry in rows],
        "page": page,
        "pages": pages,
        "filters": {name: request.query_params.get(name, "")[:200] for name in ("act", "subject", "actor")},
        "csv": _with_filters(request, "operator_audit_csv"),
    }
    return render(request, "operator/audit.html", context)


async def trail_csv(request: Request) -> Response:
    """The audit trail as CSV, as filtered."""
    text, lang = house_of(request).catalogue.text, language_of(request)
    rows, _ = await _trail(request, MOST_CSV_ROWS, 0)
    header = [text(f"audit.column_{name}", lang) for name in ("at", "actor", "act", "subject", "reason", "detail")]
    lines = [[row.at.isoformat(), row.actor_name, row.act, row.subject, row.reason, _detail_text(row)] for row in rows]
    return csv_response(csv_text(header, lines), "audit.csv")


async def _lot_page(
    request: Request, errors: Mapping[str, str] | None = None, typed: Mapping[str, str] | None = None
) -> Response:
    house, lot_id, now = house_of(request), int(request.path_params["lot_id"]), house_of(request).node_time.now()
    async with house.pool.acquire() as conn:
        listing = await listings.listing_by_id(conn, lot_id) if lot_id <= LARGEST_ID else None
        if listing is None or listing.state is ListingState.DRAFT:
            raise ProblemError(Problem.NOT_FOUND)
        seller = await parties.party_by_id(conn, listing.seller_id)
        pictures = await photos.photos_of(conn, lot_id)
        rows = await calendar_rows(conn, [lot_id], now)
        history = await audit.entries_of(conn, f"lot:{lot_id}")
        asked = await waiting_on(conn, lot_id, house.node_time.now())
    row = rows.get(lot_id)
    values = {"ends_at": to_local(row.ends_at, "UTC") if row else "", **(typed or {})}
    context = {
        "listing": listing,
        "seller_name": seller.display_name if seller else "",
        "photos": pictures,
        "row": row,
        "state": shown_state(listing, rows),
        "rule": _rule(listing, request),
        "findings": finding_rows(request, listing, now) if listing.state is ListingState.SUBMITTED else [],
        "history": history,
        "asked": asked,
        "form": Form(values=values, errors=dict(errors or {})),
    }
    return render(request, "operator/lot.html", context, status=422 if errors else 200)


def _rule(listing: Listing, request: Request) -> dict[str, list[str]] | None:
    if not listings.is_whole(listing):
        return None
    return rule_sentences(listings.lot_from_listing(listing), house_of(request).catalogue)


async def _qualifications(request: Request, errors: dict[str, str]) -> Response:
    state, lot_id = _application_filters(request)
    page = _page_asked(request)
    async with house_of(request).pool.acquire() as conn:
        rows, total = await applications_page(
            conn, state=state, lot_id=lot_id, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE
        )
        linked = await fraud_bars.flags_of(conn, [row.id for row in rows])
    context = {
        "linked": linked,
        "rows": [(row, _state_shown(row)) for row in rows],
        "states": [one.value for one in ApplicationState],
        "state": state or "all",
        "lot": "" if lot_id is None else str(lot_id),
        "page": page,
        "pages": max(1, -(-total // PAGE_SIZE), page),
        "csv": _with_filters(request, "operator_applications_csv"),
        "form": Form(errors=errors),
    }
    return render(request, "operator/applications.html", context, status=422 if errors else 200)


def _state_shown(row: applications.Application) -> str:
    return "admitted" if row.admitted_at is not None else row.state.value


def _application_filters(request: Request) -> tuple[str | None, int | None]:
    """The state (waiting unless asked otherwise; "all" for none) and the lot of the page's address."""
    state = request.query_params.get("state", ApplicationState.APPLIED.value)
    return state if state in set(ApplicationState) else None, _number(request.query_params.get("lot", ""))


async def _trail(request: Request, limit: int, offset: int) -> tuple[list[audit.Entry], int]:
    asked = {name: request.query_params.get(name, "").replace("\x00", "").strip()[:200] for name in ("act", "subject")}
    async with house_of(request).pool.acquire() as conn:
        return await audit_page(
            conn,
            act=asked["act"] or None,
            subject=asked["subject"] or None,
            actor_id=_number(request.query_params.get("actor", "")),
            limit=limit,
            offset=offset,
        )


def _detail_text(entry: audit.Entry) -> str:
    return ", ".join(f"{name}: {_plain(value)}" for name, value in entry.detail.items())


def _plain(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _with_filters(request: Request, name: str) -> str:
    query = request.url.query
    return str(request.app.url_path_for(name)) + (f"?{query}" if query else "")


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _page_asked(request: Request) -> int:
    return max(1, min(_number(request.query_params.get("page", "")) or 1, 100_000))


def _see(request: Request, name: str, said: str, **params: int) -> Response:
    response = RedirectResponse(str(request.app.url_path_for(name, **params)), status_code=303)
    flash(response, said)
    return response


routes = [
    Route("/operator", control_room, name="operator"),
    Route("/operator/lots", lots_queue, name="operator_lots"),
    Route("/operator/lots/{lot_id:int}", lot, name="operator_lot"),
    Route("/operator/lots/{lot_id:int}/approve", approve, methods=["POST"], name="operator_lot_approve"),
    Route("/operator/lots/{lot_id:int}/reject", reject, methods=["POST"], name="operator_lot_reject"),
    Route("/operator/lots/{lot_id:int}/act/{act}", act, methods=["POST"], name="operator_lot_act"),
    Route("/operator/applications", qualifications, name="operator_applications"),
    Route("/operator/applications.csv", qualifications_csv, name="operator_applications_csv"),
    Route("/operator/applications/{application_id:int}", decide, methods=["POST"], name="operator_application_decide"),
    Route("/operator/audit", trail, name="operator_audit"),
    Route("/operator/audit.csv", trail_csv, name="operator_audit_csv"),
]
