"""The API of sales of many lots: the rooms, a bidder's own budget and watch list, and the operator's desk of sales."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from auction import store
from auction.budgets import Budget, Purse
from market import sales
from market.api.operations import Call, granted, operation
from market.api.shapes import Currency, Id, Listed, MinorIn, MinorOut, Paging, minor_in, one_page
from market.calendar import calendar_rows
from market.currencies import EXPONENTS
from market.listing_facts import Listing
from market.local_time import zone_named
from market.problems import Problem, ProblemError
from market.sales import MOST_LOTS, NotOpened, Sale, SaleContent, SaleRefusal

Title = Annotated[str, Meta(max_length=160)]
Description = Annotated[str, Meta(max_length=8_000)]
Instant = Annotated[datetime, Meta(tz=True)]


class SaleLine(Struct, kw_only=True):
    """A sale. `stagger_seconds` 0: all its lots end at `first_end_at`; else so long after each other, by number."""

    id: int
    title_en: str
    title_zh: str
    currency: Currency
    starts_at: datetime
    first_end_at: datetime
    stagger_seconds: int
    opened_at: datetime | None
    lots: int


class SaleLot(Struct, kw_only=True):
    """A lot of a sale. `state` is null while the sale is not open."""

    lot: int
    number: int
    title_en: str
    title_zh: str
    state: str | None
    starts_at: datetime | None
    ends_at: datetime | None


class SaleShape(SaleLine, kw_only=True):
    description_en: str
    description_zh: str
    zone: str
    items: list[SaleLot]


class SaleWish(Struct, kw_only=True, forbid_unknown_fields=True):
    """A title in at least one language. `zone`: an IANA name, for the pages."""

    title_en: Title = ""
    title_zh: Title = ""
    description_en: Description = ""
    description_zh: Description = ""
    currency: Currency
    starts_at: Instant
    first_end_at: Instant
    stagger_seconds: Annotated[int, Meta(ge=0, le=sales.LONGEST_STAGGER_SECONDS)] = 0
    zone: Annotated[str, Meta(max_length=60)] = "UTC"


class LotWish(Struct, kw_only=True, forbid_unknown_fields=True):
    lot: Id


class BudgetWish(Struct, kw_only=True, forbid_unknown_fields=True):
    """null: no bound."""

    most_lots: Annotated[int, Meta(ge=1, le=MOST_LOTS)] | None = None
    most_minor: MinorIn | None = None


class BudgetShape(Struct, kw_only=True):
    """What the viewer has set himself for the sale, and what is taken of it by lots that he leads or has won and by hidden
    bids that stand. Of `lots`, `sealed` hold a sealed bid of his, whose sum is not in `taken_minor` before the opening.
    """

    most_lots: int | None
    most_minor: MinorOut | None
    lots: int
    taken_minor: MinorOut
    sealed: int


class Watched(Struct, kw_only=True):
    lots: list[int]


@operation("GET", "/sales", tag="lots")
async def sales_list(call: Call, query: Paging) -> Listed[SaleLine]:
    """Sales that are open, the latest start first; for an operator those that are not as well."""
    found = await sales.sales(call.conn, with_drafts=call.viewer.is_operator)
    part, pages = one_page(found, query)
    return Listed(
        items=[SaleLine(**_line(one, one.lot_count)) for one in part], page=query.page, pages=pages, total=len(found)
    )


@operation("GET", "/sales/{sale_id:int}", tag="lots")
async def sale(call: Call, sale_id: int) -> SaleShape:
    """One sale with its lots by number."""
    found = await sales.sale_by_id(call.conn, sale_id)
    if found is None or (found.opened_at is None and not call.viewer.is_operator):
        raise ProblemError(SaleRefusal.NO_SUCH_SALE)
    return await _shape(call, found)


@operation("GET", "/sales/{sale_id:int}/budget", tag="bidding")
async def my_budget(call: Call, sale_id: int) -> BudgetShape:
    """The viewer's own budget over all lots of a sale, and what is taken of it."""
    await _open_one(call, sale_id)
    purse = await store.purse_of(call.conn, sale_id, call.viewer.id) or Purse(Budget(), {})
    most_lots, most_minor = purse.budget.most_lots, purse.budget.most_minor
    return BudgetShape(
        most_lots=most_lots,
        most_minor=None if most_minor is None else str(most_minor),
        lots=len(purse.taken),
        taken_minor=str(purse.taken_minor),
        sealed=purse.sealed_count,
    )


@operation("PUT", "/sales/{sale_id:int}/budget", tag="bidding")
async def set_budget(call: Call, sale_id: int, body: BudgetWish) -> BudgetShape:
    """Set it. From now on the house refuses the viewer's bids that would go past it."""
    await _open_one(call, sale_id)
    most_minor = None if body.most_minor is None else minor_in(body.most_minor)
    wanted = Budget(most_lots=body.most_lots, most_minor=most_minor)
    await store.set_budget(call.conn, sale_id, call.viewer.id, wanted, call.now)
    _refresh(call, [lot.id for lot in await sales.lots_of(call.conn, sale_id)])
    return await my_budget(call, sale_id)


@operation("GET", "/watching", tag="bidding")
async def watched_lots(call: Call) -> Watched:
    """The lots on the viewer's watch list, the last added first."""
    return Watched(lots=await sales.watched(call.conn, call.viewer.id))


@operation("PUT", "/lots/{lot_id:int}/watch", tag="bidding")
async def watch_lot(call: Call, lot_id: int) -> None:
    """Put a lot on the watch list."""
    if lot_id not in await calendar_rows(call.conn, [lot_id], call.now):
        raise ProblemError(Problem.NOT_FOUND)
    await sales.watch(call.conn, party_id=call.viewer.id, lot_id=lot_id, now=call.now)


@operation("DELETE", "/lots/{lot_id:int}/watch", tag="bidding")
async def unwatch_lot(call: Call, lot_id: int) -> None:
    """Take a lot off the watch list."""
    await sales.unwatch(call.conn, party_id=call.viewer.id, lot_id=lot_id)


@operation("POST", "/sales", tag="operator", status=201)
async def create_sale(call: Call, body: SaleWish) -> SaleShape:
    """A new sale without lots; nobody sees it until it is opened."""
    made: Sale = granted(
        await sales.create(call.conn, operator_id=call.viewer.id, content=_content(body), now=call.now)
    )
    return await _shape(call, made)


@operation("PUT", "/sales/{sale_id:int}", tag="operator")
async def edit_sale(call: Call, sale_id: int, body: SaleWish) -> SaleShape:
    """Change the words and times of a sale that is not open."""
    done: Sale = granted(
        await sales.edit(call.conn, sale_id=sale_id, operator_id=call.viewer.id, content=_content(body), now=call.now)
    )
    return await _shape(call, done)


@operation("POST", "/sales/{sale_id:int}/lots", tag="operator")
async def put_in_sale(call: Call, sale_id: int, body: LotWish) -> SaleShape:
    """Put a submitted lot into a sale that is not open, behind the others."""
    granted(
        await sales.put_in(call.conn, sale_id=sale_id, listing_id=body.lot, operator_id=call.viewer.id, now=call.now)
    )
    return await _shape(call, await _any_one(call, sale_id))


@operation("DELETE", "/sales/{sale_id:int}/lots/{lot_id:int}", tag="operator")
async def take_out_of_sale(call: Call, sale_id: int, lot_id: int) -> None:
    """Take a lot out of a sale that is not open; the numbers behind it move up."""
    granted(
        await sales.take_out(call.conn, sale_id=sale_id, listing_id=lot_id, operator_id=call.viewer.id, now=call.now)
    )


@operation("POST", "/sales/{sale_id:int}/opening", tag="operator")
async def open_sale(call: Call, sale_id: int) -> SaleShape:
    """Put every lot of the sale on show, all or none; the problem names the `lot` that keeps it shut."""
    done = granted(await sales.open_sale(call.conn, sale_id=sale_id, operator_id=call.viewer.id, now=call.now))
    if isinstance(done, NotOpened):
        raise ProblemError(done.refusal, lot=done.listing_id)
    opened: list[Listing] = done
    _refresh(call, [lot.id for lot in opened])
    return await _shape(call, await _any_one(call, sale_id))


async def _any_one(call: Call, sale_id: int) -> Sale:
    found = await sales.sale_by_id(call.conn, sale_id)
    if found is None:
        raise ProblemError(SaleRefusal.NO_SUCH_SALE)
    return found


async def _open_one(call: Call, sale_id: int) -> Sale:
    found = await _any_one(call, sale_id)
    if found.opened_at is None:
        raise ProblemError(SaleRefusal.NO_SUCH_SALE)
    return found


def _content(body: SaleWish) -> SaleContent:
    if body.currency not in EXPONENTS:
        raise ProblemError(Problem.MALFORMED, fault="currency")
    if body.zone != "UTC" and zone_named(body.zone) is None:
        raise ProblemError(Problem.MALFORMED, fault="zone")
    for name, at in (("starts_at", body.starts_at), ("first_end_at", body.first_end_at)):
        if not 2000 < at.year < 2200:
            raise ProblemError(Problem.MALFORMED, fault=name)
    return SaleContent(
        title_en=_clean(body.title_en),
        title_zh=_clean(body.title_zh),
        description_en=body.description_en.replace("\x00", ""),
        description_zh=body.description_zh.replace("\x00", ""),
        currency=body.currency,
        starts_at=body.starts_at,
        first_end_at=body.first_end_at,
        stagger_seconds=body.stagger_seconds,
        zone=body.zone,
    )


def _clean(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())


def _refresh(call: Call, lot_ids: list[int]) -> None:
    async def refresh() -> None:
        for lot_id in lot_ids:
            await call.house.bidding.refresh(lot_id)

    call.afterwards(refresh)


async def _shape(call: Call, found: Sale) -> SaleShape:
    lots = await sales.lots_of(call.conn, found.id)
    rows = await calendar_rows(call.conn, [lot.id for lot in lots], call.now) if found.opened_at is not None else {}
    items = []
    for lot in lots:
        row, number = rows.get(lot.id), lot.lot_number
        assert number is not None, "a lot of a sale has a number"
        items.append(
            SaleLot(
                lot=lot.id,
                number=number,
                title_en=lot.title_en,
                title_zh=lot.title_zh,
                state=None if row is None else row.state,
                starts_at=None if row is None else row.starts_at,
                ends_at=None if row is None else row.ends_at,
            )
        )
    return SaleShape(
        **_line(found, len(items)),
        description_en=found.description_en,
        description_zh=found.description_zh,
        zone=found.zone,
        items=items,
    )


def _line(one: Sale, lots: int) -> dict[str, Any]:
    return {
        "id": one.id,
        "title_en": one.title_en,
        "title_zh": one.title_zh,
        "currency": one.currency,
        "starts_at": one.starts_at,
        "first_end_at": one.first_end_at,
        "stagger_seconds": one.stagger_seconds,
        "opened_at": one.opened_at,
        "lots": lots,
    }
