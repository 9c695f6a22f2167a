"""The settlement desk's work by program: its queues, payouts held back, batches with their preview and second operator."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from escrow import books
from market import batches, money_acts
from market.api.operations import Call, granted, operation
from market.api.shapes import Currency, Id, Listed, MinorOut, Paging, Reason, Reasoned, SignedMinorOut, said
from market.api.wallet import PayoutShape, payout_shape
from market.batches import Batch, BatchRefusal, ItemRefused, Previewed
from market.dry_run import Preview
from market.money_acts import Act, Wish
from market.problems import ProblemError

What = Literal[
    "quarantine", "payout_waiting", "payout_held", "payout_returned", "payout_unanswered", "payout_file", "receivable",
    "chargeback", "statement_entry", "card_difference",
]  # fmt: skip


class QueueQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    queue: Literal["stuck", "release", "claims"] = "stuck"
    what: What | None = None
    currency: Currency | None = None
    older_than_days: Annotated[int, Meta(ge=0, le=36_500)] = 0
    sort: Literal["age", "sum"] = "age"


class Waiting(Struct, kw_only=True):
    """One thing that waits; `due_at` is when its clock acts, if one runs."""

    what: str
    id: int
    currency: str
    amount_minor: MinorOut
    since: datetime
    due_at: datetime | None
    why: str
    case_id: int | None


class PreviewLine(Struct, kw_only=True):
    debit: str
    credit: str
    currency: str
    amount_minor: MinorOut
    debit_before_minor: SignedMinorOut
    debit_after_minor: SignedMinorOut
    credit_before_minor: SignedMinorOut
    credit_after_minor: SignedMinorOut


class WishShape(Struct, kw_only=True, forbid_unknown_fields=True):
    """One act on one thing. Only `quarantine_apply` names where the money goes."""

    act: Act
    id: Id
    into: Literal["case", "deposit", "wallet"] | None = None
    into_id: Id | None = None


class BatchWish(Struct, kw_only=True, forbid_unknown_fields=True):
    acts: Annotated[list[WishShape], Meta(min_length=1, max_length=batches.MOST_ITEMS)]
    reason: Reason


class PreviewWish(Struct, kw_only=True, forbid_unknown_fields=True):
    acts: Annotated[list[WishShape], Meta(min_length=1, max_length=batches.MOST_ITEMS)]


class LineShape(Struct, kw_only=True):
    """What one act would post, or the code of the rule that refuses it."""

    act: Act
    id: int
    currency: str
    amount_minor: MinorOut
    refusal: str | None
    postings: list[PreviewLine]


class PreviewedBatch(Struct, kw_only=True):
    """`at_stake` counts what this operator has decided alone within a day. Nothing has been done."""

    lines: list[LineShape]
    at_stake: dict[str, MinorOut]
    needs_second: bool
    can_be_done: bool


class BatchShape(Struct, kw_only=True):
    id: int
    state: Literal["waiting", "done", "withdrawn"]
    reason: str
    needs_second: bool
    at_stake: dict[str, MinorOut]
    asked_by: int
    asked_at: datetime
    confirmed_by: int | None
    ended_at: datetime | None


class BatchFile(Struct, kw_only=True):
    batch: BatchShape
    acts: list[LineShape]


class BatchQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    state: Literal["waiting", "done", "withdrawn"] | None = None


@operation("GET", "/money/queue", tag="operator")
async def money_queue(call: Call, query: QueueQuery) -> Listed[Waiting]:
    """What waits: stuck money, cases about to be released, claims by deadline."""
    limit, offset = query.page_size, (query.page - 1) * query.page_size
    if query.queue == "release":
        released = await books.to_release(call.conn, query.currency, limit, offset)
        rows = [
            _waiting("release", one.id, one.currency, one.held_minor, one.state_since, "inspecting", one.id, one.due_at)
            for one in released
        ]
        total = released[0].total if released else 0
    elif query.queue == "claims":
        claims = await books.claims_by_deadline(call.conn, query.currency, limit, offset)
        rows = [
            _waiting(
                "claim", one.id, one.currency, one.amount_minor, one.opened_at, one.state.value, one.id, one.due_at
            )
            for one in claims
        ]
        total = claims[0].total if claims else 0
    else:
        stuck = await books.stuck_money(
            call.conn,
            call.now,
            what=query.what,
            currency=query.currency,
            older_than_days=query.older_than_days,
            by_sum=query.sort == "sum",
            limit=limit,
            offset=offset,
        )
        rows = [
            _waiting(one.what, one.id, one.currency, one.amount_minor, one.since, one.why, one.case_id) for one in stuck
        ]
        total = stuck[0].total if stuck else 0
    return Listed(items=rows, page=query.page, pages=max(1, -(-total // query.page_size)), total=total)


def _waiting(
    what: str,
    thing: int,
    currency: str,
    minor: int,
    since: datetime,
    why: str,
    case_id: int | None,
    due_at: datetime | None = None,
) -> Waiting:
    return Waiting(
        what=what,
        id=thing,
        currency=currency,
        amount_minor=str(minor),
        since=since,
        due_at=due_at,
        why=why,
        case_id=case_id,
    )


@operation("POST", "/money/payouts/{payout_id:int}/hold", tag="operator")
async def hold_payout(call: Call, payout_id: int, body: Reasoned) -> PayoutShape:
    """Keep a payout out of the next file, until a batch releases it."""
    done = await money_acts.hold_payout(
        call.conn, call.house.escrow, payout_id, call.viewer.id, said(body.reason), call.now
    )
    return payout_shape(granted(done))


@operation("POST", "/money/batches/preview", tag="operator", keyed=False)
async def preview_batch(call: Call, body: PreviewWish) -> PreviewedBatch:
    """Every posting that the acts would make, with both accounts before and after. Nothing is done."""
    seen = await batches.preview(
        call.conn, call.house.escrow, _wishes(body.acts), call.viewer.id, _limit(call), call.now
    )
    previewed: Previewed = granted(seen)
    return PreviewedBatch(
        lines=[_line(one) for one in previewed.lines],
        at_stake=_sums(previewed.at_stake),
        needs_second=previewed.needs_second,
        can_be_done=previewed.can_be_done,
    )


@operation("POST", "/money/batches", tag="operator", status=201)
async def submit_batch(call: Call, body: BatchWish) -> BatchShape:
    """Do the acts, all or none; from the limit on the batch waits for another operator."""
    return _batch(
        done_or_refused(
            await batches.submit(
                call.conn,
                call.house.escrow,
                _wishes(body.acts),
                said(body.reason),
                call.viewer.id,
                _limit(call),
                call.now,
            )
        )
    )


@operation("GET", "/money/batches", tag="operator")
async def list_batches(call: Call, query: BatchQuery) -> Listed[BatchShape]:
    """Batches, those that wait first."""
    rows = await batches.batches(call.conn, query.state, query.page_size, (query.page - 1) * query.page_size)
    total = rows[0].total if rows else 0
    pages = max(1, -(-total // query.page_size))
    return Listed(items=[_batch(one) for one in rows], page=query.page, pages=pages, total=total)


@operation("GET", "/money/batches/{batch_id:int}", tag="operator")
async def batch_file(call: Call, batch_id: int) -> BatchFile:
    """A batch and what it does."""
    batch = await batches.batch_by_id(call.conn, batch_id)
    if batch is None:
        raise ProblemError(BatchRefusal.NO_SUCH_BATCH)
    return BatchFile(batch=_batch(batch), acts=[_line(one) for one in await batches.lines_of(call.conn, batch_id)])


@operation("POST", "/money/batches/{batch_id:int}/confirm", tag="operator")
async def confirm_batch(call: Call, batch_id: int) -> BatchShape:
    """Another operator than who asked agrees: it is done now."""
    return _batch(
        done_or_refused(await batches.confirm(call.conn, call.house.escrow, batch_id, call.viewer.id, call.now))
    )


@operation("POST", "/money/batches/{batch_id:int}/withdraw", tag="operator")
async def withdraw_batch(call: Call, batch_id: int, body: Reasoned) -> BatchShape:
    """A waiting batch is given up."""
    return _batch(granted(await batches.withdraw(call.conn, batch_id, call.viewer.id, said(body.reason), call.now)))


def done_or_refused(done: Batch | BatchRefusal | ItemRefused) -> Batch:
    """The batch, or the problem that its own refusal or one of its acts' means."""
    if isinstance(done, ItemRefused):
        raise ProblemError(done.refusal, act_number=done.n)
    batch: Batch = granted(done)
    return batch


async def do_single(call: Call, wish: Wish, reason: str) -> None:
    """One act at once. From the limit on it has to be a batch, which another operator confirms."""
    seen = await batches.preview(call.conn, call.house.escrow, [wish], call.viewer.id, _limit(call), call.now)
    if isinstance(seen, Previewed) and seen.can_be_done and seen.needs_second:
        raise ProblemError(BatchRefusal.NEEDS_SECOND)
    done = await batches.submit(call.conn, call.house.escrow, [wish], reason, call.viewer.id, _limit(call), call.now)
    if isinstance(done, ItemRefused):
        raise ProblemError(done.refusal)
    granted(done)


def preview_line(row: Preview) -> PreviewLine:
    return PreviewLine(
        debit=row.leg.debit,
        credit=row.leg.credit,
        currency=row.leg.currency,
        amount_minor=str(row.leg.amount_minor),
        debit_before_minor=str(row.debit_before_minor),
        debit_after_minor=str(row.debit_after_minor),
        credit_before_minor=str(row.credit_before_minor),
        credit_after_minor=str(row.credit_after_minor),
    )


def _wishes(shapes: list[WishShape]) -> list[Wish]:
    for one in shapes:
        named = one.into is not None and one.into_id is not None
        if named != (one.act is Act.QUARANTINE_APPLY) or (one.into is None) != (one.into_id is None):
            raise ProblemError(BatchRefusal.INTO_MISSING)
    return [Wish(act=one.act, subject_id=one.id, into_kind=one.into, into_id=one.into_id) for one in shapes]


def _limit(call: Call) -> int:
    return call.house.config.second_person_above_minor


def _sums(sums: dict[str, int]) -> dict[str, str]:
    return {currency: str(minor) for currency, minor in sums.items()}


def _line(one: batches.Line) -> LineShape:
    return LineShape(
        act=one.wish.act,
        id=one.wish.subject_id,
        currency=one.currency,
        amount_minor=str(one.amount_minor),
        refusal=None if one.refusal is None else one.refusal.value,
        postings=[preview_line(row) for row in one.postings],
    )


def _batch(one: Batch) -> BatchShape:
    return BatchShape(
        id=one.id,
        state=one.state,  # type: ignore[arg-type]  # a constraint names the three
        reason=one.reason,
        needs_second=one.needs_second,
        at_stake=_sums(one.at_stake),
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        confirmed_by=one.confirmed_by,
        ended_at=one.ended_at,
    )
