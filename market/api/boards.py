"""Boards by program: what is traded where, the book, own orders, clearings with their proofs; making and halting boards."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from market.api.operations import Call, granted, operation
from market.api.shapes import Currency, Id, MinorIn, MinorOut, Reason, Reasoned, minor_in, said
from market.matching import making, proof, published, store
from market.matching.acts import Act, Change, Enter, Withdraw
from market.matching.board_facts import Board, BoardRefusal, BoardRules, BoardState, ClearingLine, StoredOrder
from market.matching.board_facts import OrderState as StateOfOrder
from market.matching.facts import LARGEST_QUANTITY, Mode, Rationing, Side
from market.matching.store import OwnFill
from market.problems import Problem, ProblemError

Quantity = Annotated[int, Meta(ge=1, le=LARGEST_QUANTITY, description="whole units of the board's goods")]
Minutes = Annotated[int, Meta(ge=1, le=44_640)]
Days = Annotated[int, Meta(ge=1, le=365)]
Text = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"\S")]
LAST_TRADES = 50


class BoardOut(Struct, kw_only=True):
    """A board and its rules. `k_permille` null: pressure, reference and midpoint decide."""

    id: int
    category: str
    name: str
    unit: str
    term: str
    currency: Currency
    country: str
    place: str
    attributes: dict[str, str | int | bool]
    lead_days: int
    window_days: int
    mode: Mode
    tick_minor: MinorOut
    rationing: Rationing
    k_permille: int | None
    reference_minor: MinorOut | None
    period_seconds: int | None
    next_at: datetime | None
    state: BoardState
    live_orders: int
    last_price_minor: MinorOut | None
    version: int


class BoardList(Struct, kw_only=True):
    items: list[BoardOut]


class LevelOut(Struct, kw_only=True):
    side: Side
    price_minor: MinorOut
    quantity: int
    orders: int


class TradeOut(Struct, kw_only=True):
    price_minor: MinorOut
    quantity: int
    at: datetime
    clearing: int | None


class BoardWithBook(BoardOut, kw_only=True):
    """With what stands on it and what was traded last; nobody is named."""

    levels: list[LevelOut]
    trades: list[TradeOut]


class ClearingOut(Struct, kw_only=True):
    n: int
    at: datetime
    price_minor: MinorOut | None
    volume: int
    orders: int


class ClearingList(Struct, kw_only=True):
    items: list[ClearingOut]


class ClearingsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    before: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class ClearingProof(Struct, kw_only=True):
    """`proof` is the signed statement; its canonical bytes (sorted keys, no spaces) have this hash. `own` are the aliases of
    the viewer's orders in it.
    """

    proof: dict[str, Any]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    own: list[str]


class OrderOut(Struct, kw_only=True):
    id: int
    board_id: int
    post_id: int
    side: Side
    price_minor: MinorOut
    quantity: int
    minimum: int
    filled: int
    state: StateOfOrder
    entered_at: datetime
    good_until: datetime
    ended_at: datetime | None


class OrderList(Struct, kw_only=True):
    items: list[OrderOut]


class OrdersQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    before: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class FillOut(Struct, kw_only=True):
    """A trade of the viewer's. `contract` is null while it is being drawn up, within a moment as a rule; null for good where
    `given_back`: no contract could be made, and the quantity is open again in the post.
    """

    id: int
    order_id: int
    side: Side
    price_minor: MinorOut
    quantity: int
    at: datetime
    clearing: int | None
    contract: int | None
    given_back: bool


class FillList(Struct, kw_only=True):
    items: list[FillOut]


class FillsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    before: Id | None = None
    clearing: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class EnterIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """One of the viewer's open posts; it stands with its price and what is open of it."""

    post_id: Id


class ChangeIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """`quantity` is what is still wanted. Fewer units at the same price keep the order's place in time."""

    price_minor: MinorIn
    quantity: Quantity


class EnterAct(EnterIn, kw_only=True, forbid_unknown_fields=True, tag_field="act", tag="enter"):
    """A post is to stand on the board."""


class ChangeAct(ChangeIn, kw_only=True, forbid_unknown_fields=True, tag_field="act", tag="change"):
    """Another limit or quantity of an order."""

    order_id: Id


class WithdrawAct(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="act", tag="withdraw"):
    """An order leaves."""

    order_id: Id


class ActsIn(Struct, kw_only=True, forbid_unknown_fields=True):
    acts: Annotated[list[EnterAct | ChangeAct | WithdrawAct], Meta(min_length=1, max_length=500)]


class ActOut(Struct, kw_only=True):
    """The order as it stands after all acts, or the refusal's code."""

    order: OrderOut | None = None
    refusal: str | None = None


class ActsOut(Struct, kw_only=True):
    answers: list[ActOut]


class BoardIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """The rules of a new board; they never change. `period_minutes` for call auctions only."""

    category: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
    term: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    currency: Currency
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$")]
    place: Text
    tick_minor: MinorIn
    lead_days: Days
    window_days: Days
    reason: Reason
    mode: Mode = Mode.CALL
    attributes: Annotated[dict[str, str | int | bool], Meta(max_length=40)] = {}
    rationing: Rationing = Rationing.TIME
    k_permille: Annotated[int, Meta(ge=0, le=1000)] | None = None
    reference_minor: MinorIn | None = None
    period_minutes: Minutes | None = None


@operation("GET", "/boards", tag="boards")
async def boards(call: Call) -> BoardList:
    """Every board."""
    return BoardList(items=[_board(call, one) for one in await store.boards(call.conn)])


@operation("GET", "/boards/{board_id:int}", tag="boards")
async def board(call: Call, board_id: int) -> BoardWithBook:
    """One board with its book by price and the last trades, to the minute."""
    found = await _found(call, board_id)
    levels, trades = (
        await published.levels(call.conn, board_id),
        await published.last_trades(call.conn, board_id, LAST_TRADES),
    )
    return BoardWithBook(
        **msgspec.structs.asdict(_board(call, found)),
        levels=[
            LevelOut(side=one.side, price_minor=str(one.price_minor), quantity=one.quantity, orders=one.orders)
            for one in levels
        ],
        trades=[
            TradeOut(price_minor=str(one.price_minor), quantity=one.units, at=one.at, clearing=one.clearing)
            for one in trades
        ],
    )


@operation("GET", "/boards/{board_id:int}/clearings", tag="boards")
async def board_clearings(call: Call, board_id: int, query: ClearingsQuery) -> ClearingList:
    """A board's clearings, the newest first."""
    await _found(call, board_id)
    rows = await store.clearings(call.conn, board_id, before_n=query.before, limit=query.limit)
    return ClearingList(items=[_clearing(one) for one in rows])


@operation("GET", "/boards/{board_id:int}/clearings/{n:int}", tag="boards")
async def board_clearing(call: Call, board_id: int, n: int) -> ClearingProof:
    """The proof of a clearing, for who has had an order on the board: `gavelhouse verify` checks its canonical bytes."""
    found = await store.clearing(call.conn, board_id, n) if n < 2**31 else None
    orders = await store.orders_of(call.conn, call.viewer.id, board_id, limit=1000)
    if found is None or not (orders or "operator" in call.viewer.roles):
        raise ProblemError(Problem.NOT_FOUND)
    secret = call.house.config.secret_key
    said_orders = msgspec.json.decode(found.proof)
    names = {row["alias"] for row in said_orders["orders"]}
    own = [proof.alias(secret, board_id, n, one.id) for one in orders]
    return ClearingProof(proof=said_orders, sha256=found.sha256.hex(), own=[name for name in own if name in names])


@operation("GET", "/boards/{board_id:int}/orders", tag="boards")
async def board_orders(call: Call, board_id: int, query: OrdersQuery) -> OrderList:
    """The viewer's own orders on a board, the newest first."""
    await _found(call, board_id)
    rows = await store.orders_of(call.conn, call.viewer.id, board_id, before_id=query.before, limit=query.limit)
    return OrderList(items=[_order(one) for one in rows])


@operation("GET", "/boards/{board_id:int}/fills", tag="boards")
async def board_fills(call: Call, board_id: int, query: FillsQuery) -> FillList:
    """What the viewer has traded on a board, of one clearing or of all, the newest first."""
    await _found(call, board_id)
    rows = await store.fills_of_party(
        call.conn, call.viewer.id, board_id, clearing=query.clearing, before_id=query.before, limit=query.limit
    )
    return FillList(items=[_fill(one) for one in rows])


@operation("POST", "/boards/{board_id:int}/orders", tag="boards", status=201)
async def board_enter(call: Call, board_id: int, body: EnterIn) -> OrderOut:
    """Enter one of the viewer's posts. On a continuous board it may be filled by the time this answers."""
    return await _done(call, board_id, Enter(post_id=body.post_id, party_id=call.viewer.id))


@operation("POST", "/boards/{board_id:int}/orders/{board_order:int}/change", tag="boards")
async def board_order_change(call: Call, board_id: int, board_order: int, body: ChangeIn) -> OrderOut:
    """Another limit or quantity."""
    act = Change(
        order_id=board_order,
        party_id=call.viewer.id,
        price_minor=minor_in(body.price_minor),
        quantity=body.quantity,
    )
    return await _done(call, board_id, act)


@operation("POST", "/boards/{board_id:int}/orders/{board_order:int}/withdrawal", tag="boards")
async def board_order_withdraw(call: Call, board_id: int, board_order: int) -> OrderOut:
    """Take what is left of an order off the board."""
    return await _done(call, board_id, Withdraw(order_id=board_order, party_id=call.viewer.id))


@operation("POST", "/boards/{board_id:int}/acts", tag="boards")
async def board_acts(call: Call, board_id: int, body: ActsIn) -> ActsOut:
    """Many acts in their order and in one transaction: for programs with many orders. A refused act leaves the others be."""
    acts = [_act(call, one) for one in body.acts]
    answers = await call.house.boards.do_within(call.conn, board_id, acts)
    if BoardRefusal.BOARD_BUSY in answers:
        # None of them was judged: a retry under the same key does them.
        raise ProblemError(BoardRefusal.BOARD_BUSY)
    return ActsOut(
        answers=[
            ActOut(order=_order(one)) if isinstance(one, StoredOrder) else ActOut(refusal=one.value) for one in answers
        ]
    )


def _act(call: Call, one: EnterAct | ChangeAct | WithdrawAct) -> Act:
    if isinstance(one, EnterAct):
        return Enter(post_id=one.post_id, party_id=call.viewer.id)
    if isinstance(one, WithdrawAct):
        return Withdraw(order_id=one.order_id, party_id=call.viewer.id)
    return Change(
        order_id=one.order_id,
        party_id=call.viewer.id,
        price_minor=minor_in(one.price_minor),
        quantity=one.quantity,
    )


@operation("POST", "/boards", tag="operator", status=201)
async def board_make(call: Call, body: BoardIn) -> BoardOut:
    """Make a board, open from now."""
    rules = BoardRules(
        category=body.category,
        term=body.term,
        currency=body.currency,
        country=body.country,
        place=said(body.place).strip(),
        attributes=body.attributes,
        lead_days=body.lead_days,
        window_days=body.window_days,
        mode=body.mode,
        tick_minor=minor_in(body.tick_minor),
        rationing=body.rationing,
        k_permille=body.k_permille,
        reference_minor=None if body.reference_minor is None else minor_in(body.reference_minor),
        period_seconds=None if body.period_minutes is None else body.period_minutes * 60,
    )
    made = await making.open_board(call.conn, rules, call.viewer.id, said(body.reason), call.now)
    return _board(call, granted(made))


@operation("POST", "/boards/{board_id:int}/halt", tag="operator")
async def board_halt(call: Call, board_id: int, body: Reasoned) -> BoardOut:
    """Halt a board: orders may leave, none may enter, change or be filled."""
    return await _set(call, board_id, BoardState.HALTED, body)


@operation("POST", "/boards/{board_id:int}/opening", tag="operator")
async def board_reopen(call: Call, board_id: int, body: Reasoned) -> BoardOut:
    """Open a halted board again, with a whole period before its next clearing."""
    return await _set(call, board_id, BoardState.OPEN, body)


async def _set(call: Call, board_id: int, state: BoardState, body: Reasoned) -> BoardOut:
    done = await making.set_state(call.conn, board_id, state, call.viewer.id, said(body.reason), call.now)
    return _board(call, granted(done))


async def _done(call: Call, board_id: int, act: Act) -> OrderOut:
    """One act in the transaction of the call, so that a key sent twice has one effect."""
    (answer,) = await call.house.boards.do_within(call.conn, board_id, [act])
    return _order(granted(answer))


async def _found(call: Call, board_id: int) -> Board:
    found = await store.board(call.conn, board_id)
    if found is None:
        raise ProblemError(BoardRefusal.NO_SUCH_BOARD)
    return found


def _minor(amount: int | None) -> str | None:
    return None if amount is None else str(amount)


def _board(call: Call, one: Board) -> BoardOut:
    return BoardOut(
        id=one.id,
        category=one.category,
        name=one.name(call.lang),
        unit=one.unit,
        term=one.term,
        currency=one.currency,
        country=one.country,
        place=one.place,
        attributes=one.attributes,
        lead_days=one.lead_days,
        window_days=one.window_days,
        mode=one.mode,
        tick_minor=str(one.tick_minor),
        rationing=one.rationing,
        k_permille=one.k_permille,
        reference_minor=_minor(one.reference_minor),
        period_seconds=one.period_seconds,
        next_at=one.next_at,
        state=one.state,
        live_orders=one.live_orders,
        last_price_minor=_minor(one.last_price_minor),
        version=one.version,
    )


def _clearing(one: ClearingLine) -> ClearingOut:
    return ClearingOut(n=one.n, at=one.at, price_minor=_minor(one.price_minor), volume=one.volume, orders=one.orders)


def _fill(one: OwnFill) -> FillOut:
    return FillOut(
        id=one.id,
        order_id=one.order_id,
        side=one.side,
        price_minor=str(one.price_minor),
        quantity=one.units,
        at=one.at,
        clearing=one.clearing,
        contract=one.contract_id,
        given_back=one.is_given_back,
    )


def _order(one: StoredOrder) -> OrderOut:
    return OrderOut(
        id=one.id,
        board_id=one.board_id,
        post_id=one.post_id,
        side=one.side,
        price_minor=str(one.price_minor),
        quantity=one.quantity,
        minimum=one.minimum,
        filled=one.filled,
        state=one.state,
        entered_at=one.entered_at,
        good_until=one.good_until,
        ended_at=one.ended_at,
    )
