"""Batches: what was chosen, every posting of it before and after, the reason; and the second operator's word."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market import audit, batches
from market.batches import Batch, BatchRefusal, ItemRefused, Previewed
from market.house import house_of
from market.money_acts import Act, Wish
from market.pages.desk_forms import asked, bounds, number, page_asked, pages_of, reason_of, texts, typed
from market.problems import sentence_key
from market.rendering import Form, flash, render

STATES = ("waiting", "done", "withdrawn")
MOST_TYPED = 200


def wish_text(wish: Wish) -> str:
    """A wish in an address: `payout_again:7`, `quarantine_apply:3:wallet:12`."""
    into = f":{wish.into_kind}:{wish.into_id}" if wish.into_kind else ""
    return f"{wish.act}:{wish.subject_id}{into}"


def read_wish(text: str) -> Wish | None:
    """The other way round; None for anything else."""
    act, *rest = text.split(":")
    ids = [number(part) for part in rest]
    if act not in set(Act) or not ids or ids[0] is None:
        return None
    if act == Act.QUARANTINE_APPLY:
        if len(rest) != 3 or rest[1] not in ("case", "deposit", "wallet") or ids[2] is None:
            return None
        return Wish(act=Act(act), subject_id=ids[0], into_kind=rest[1], into_id=ids[2])
    return Wish(act=Act(act), subject_id=ids[0]) if len(rest) == 1 else None


async def operator_batches(request: Request) -> Response:
    """All batches; those that wait for a second operator first."""
    house, text = house_of(request), texts(request)
    state, (limit, offset) = asked(request, "state", STATES), bounds(request)
    async with house.pool.acquire() as conn:
        rows = await batches.batches(conn, state or None, limit, offset)
    context = {
        "rows": rows,
        "state": state,
        "state_options": [("", text("deal.any")), *((one, text(f"money_batch_state.{one}")) for one in STATES)],
        "page": page_asked(request),
        "pages": pages_of(rows[0].total if rows else 0),
    }
    return render(request, "operator_money/batches.html", context)


async def operator_batch_new(request: Request) -> Response:
    """What the chosen acts would post (GET), and the acts themselves (POST)."""
    if request.method == "POST":
        async with request.form(max_files=0, max_fields=MOST_TYPED) as posted:
            given = [str(one) for one in posted.getlist("wish")]
            form = Form(values={"reason": str(posted.get("reason", ""))})
    else:
        given, form = request.query_params.getlist("wish")[:MOST_TYPED], Form()
    # A list page's boxes name only things; the button that was pressed names the act.
    act = request.query_params.get("act", "")
    wishes = [wish for wish in (read_wish(f"{act}:{one}" if act and number(one) else one) for one in given) if wish]
    if request.method != "POST" or not wishes:
        return await _new_page(request, wishes, form)
    reason = reason_of(request, form)
    if form.errors:
        return await _new_page(request, wishes, form, 422)
    done = await _submit(request, wishes, reason)
    if isinstance(done, Batch):
        return _see_batch(request, done)
    _note(request, form, done)
    return await _new_page(request, wishes, form, 422)


async def _new_page(request: Request, wishes: Sequence[Wish], form: Form, status: int = 200) -> Response:
    house = house_of(request)
    seen: Previewed | BatchRefusal = BatchRefusal.EMPTY
    if wishes:
        async with house.pool.acquire() as conn, conn.transaction():
            seen = await batches.preview(
                conn,
                house.escrow,
                wishes,
                request.user.id,
                house.config.second_person_above_minor,
                house.node_time.now(),
            )
    if isinstance(seen, BatchRefusal):
        form.errors.setdefault("", texts(request)(sentence_key(seen)))
        status = 422
    context = {
        "form": form,
        "seen": seen if isinstance(seen, Previewed) else None,
        "wishes": [wish_text(wish) for wish in wishes],
        "limit_minor": house.config.second_person_above_minor,
        "sentence_key": sentence_key,
    }
    return render(request, "operator_money/batch_new.html", context, status=status)


async def operator_batch(request: Request) -> Response:
    """One batch: who asked and why, what it does, and what was decided."""
    return await _batch_page(request, Form())


async def _batch_page(request: Request, form: Form, status: int = 200) -> Response:
    house, batch_id = house_of(request), request.path_params["batch_id"]
    seen = None
    async with house.pool.acquire() as conn, conn.transaction():
        batch = await batches.batch_by_id(conn, batch_id)
        if batch is None:
            raise HTTPException(404)
        lines: Sequence[batches.Line] = await batches.lines_of(conn, batch_id)
        if batch.state == "waiting":
            wishes = [line.wish for line in lines]
            seen = await batches.preview(
                conn,
                house.escrow,
                wishes,
                batch.asked_by,
                house.config.second_person_above_minor,
                house.node_time.now(),
            )
            lines = seen.lines if isinstance(seen, Previewed) else lines
        acts = await audit.entries_of(conn, f"money_batch:{batch_id}")
    context = {
        "batch": batch,
        "lines": lines,
        "can_be_done": not isinstance(seen, Previewed) or seen.can_be_done,
        "acts": acts,
        "form": form,
        "sentence_key": sentence_key,
    }
    return render(request, "operator_money/batch.html", context, status=status)


async def operator_batch_confirm(request: Request) -> Response:
    """The second operator agrees; the batch is done now."""
    house, form = house_of(request), Form()
    async with house.pool.acquire() as conn, conn.transaction():
        done = await batches.confirm(
            conn, house.escrow, request.path_params["batch_id"], request.user.id, house.node_time.now()
        )
    return await _ended(request, form, done, "desk.flash_batch_done")


async def operator_batch_withdraw(request: Request) -> Response:
    """Nothing of it is done."""
    house, form = house_of(request), await typed(request, "reason")
    reason = reason_of(request, form)
    if form.errors:
        return await _batch_page(request, form, 422)
    async with house.pool.acquire() as conn, conn.transaction():
        done = await batches.withdraw(
            conn, request.path_params["batch_id"], request.user.id, reason, house.node_time.now()
        )
    return await _ended(request, form, done, "desk.flash_batch_withdrawn")


async def _ended(request: Request, form: Form, done: Batch | BatchRefusal | ItemRefused, key: str) -> Response:
    if done is BatchRefusal.NO_SUCH_BATCH:
        raise HTTPException(404)
    if not isinstance(done, Batch):
        _note(request, form, done)
        return await _batch_page(request, form, 422)
    response = RedirectResponse(str(request.app.url_path_for("operator_batch", batch_id=done.id)), 303)
    flash(response, key)
    return response


async def submit_single(
    request: Request,
    wish: Wish,
    reason: str,
    form: Form,
    again: Callable[[Request, Form, int], Awaitable[Response]],
    where: str,
    key: str,
) -> Response:
    """One act from the page of its thing: done at once and on to the path `where`, or, at the limit and above, left for a
    second operator.
    """
    done = await _submit(request, [wish], reason)
    if not isinstance(done, Batch):
        form.errors[""] = texts(request)(sentence_key(done.refusal if isinstance(done, ItemRefused) else done))
        return await again(request, form, 422)
    if done.state == "waiting":
        return _see_batch(request, done)
    response = RedirectResponse(where, 303)
    flash(response, key)
    return response


async def _submit(request: Request, wishes: Sequence[Wish], reason: str) -> Batch | BatchRefusal | ItemRefused:
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        return await batches.submit(
            conn,
            house.escrow,
            wishes,
            reason,
            request.user.id,
            house.config.second_person_above_minor,
            house.node_time.now(),
        )


def _see_batch(request: Request, done: Batch) -> Response:
    response = RedirectResponse(str(request.app.url_path_for("operator_batch", batch_id=done.id)), 303)
    waiting = done.state == "waiting"
    flash(
        response, "desk.flash_batch_waits" if waiting else "desk.flash_batch_done", kind="note" if waiting else "done"
    )
    return response


def _note(request: Request, form: Form, refused: BatchRefusal | ItemRefused) -> None:
    text = texts(request)
    if isinstance(refused, ItemRefused):
        why = text(sentence_key(refused.refusal))
        form.errors[""] = text("desk.item_refused", n=refused.n, why=why)
    else:
        form.errors[""] = text(sentence_key(refused))


routes = [
    Route("/operator/money/batches", operator_batches, name="operator_batches"),
    Route("/operator/money/batches/new", operator_batch_new, name="operator_batch_new", methods=["GET", "POST"]),
    Route("/operator/money/batches/{batch_id:int}", operator_batch, name="operator_batch"),
    Route(
        "/operator/money/batches/{batch_id:int}/confirm",
        operator_batch_confirm,
        name="operator_batch_confirm",
        methods=["POST"],
    ),
    Route(
        "/operator/money/batches/{batch_id:int}/withdraw",
        operator_batch_withdraw,
        name="operator_batch_withdraw",
        methods=["POST"],
    ),
]
