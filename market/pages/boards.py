"""The boards in the browser: what is traded where, the book, one's own orders, and each clearing with its proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market.currencies import EXPONENTS, AmountProblem, decimal_text, money_text, parse_amount
from market.house import house_of
from market.matching import drawing, proof, proof_reading, published, store, verifier
from market.matching.acts import Act, Change, Enter, Withdraw
from market.matching.board_facts import Board, BoardRefusal, StoredClearing, StoredOrder, unfit
from market.matching.facts import Side
from market.matching.published import Level
from market.pages.desk_forms import PAGE_SIZE, download, number, page_asked, pages_of, texts, typed
from market.problems import sentence_key
from market.rendering import flash, language_of, render
from market.trading import posts
from market.trading import store as trading_store
from market.trading.countries import naming
from market.trading.facts import Category, Post, PostRefusal

if TYPE_CHECKING:
    from migrations.database import Connection

SHOWN_TRADES = 12
SHOWN_CLEARINGS = 12
SHOWN_ORDERS = 20
SHOWN_FILLS = 20
SHOWN_LEVELS = 40
"""Of each side of the book, the best."""


async def boards(request: Request) -> Response:
    """Every board; with `post` those on which that post of the viewer's can stand come first, with a button each."""
    house = house_of(request)
    post_id = number(request.query_params.get("post", ""))
    async with house.pool.acquire() as conn:
        rows = await store.boards(conn)
        fitting = await _fitting(request, conn, post_id, rows) if post_id and request.user.party_id else set[int]()
        goods = {one.id: await _goods(request, conn, one) for one in rows}
    rows.sort(key=lambda one: one.id not in fitting)
    context = {"rows": rows, "goods": goods, "fitting": fitting, "post_id": post_id}
    return render(request, "boards/list.html", {**context, "country": naming(language_of(request))})


async def _fitting(request: Request, conn: Connection, post_id: int, rows: list[Board]) -> set[int]:
    now = house_of(request).node_time.now()
    post = await posts.post_by_id(conn, post_id)
    if post is None or post.party_id != request.user.id or post.on_board or not post.is_open(now):
        return set()
    return {one.id for one in rows if unfit(one, post, now) is None}


async def board(request: Request) -> Response:
    """One board: its rules, its book, its last trades, and what the viewer has on it."""
    return await _page(request)


async def _page(request: Request) -> Response:
    house, now = house_of(request), house_of(request).node_time.now()
    party_id = request.user.party_id
    async with house.pool.acquire() as conn:
        found = await _board(conn, request)
        levels = await published.levels(conn, found.id)
        mine = await store.orders_of(conn, party_id, found.id, limit=SHOWN_ORDERS) if party_id else []
        could = await store.posts_for_board(conn, found.id, party_id, now) if party_id else []
        own_posts = [post for one in could if (post := await posts.post_by_id(conn, one)) is not None]
        context = {
            "board": found,
            "goods": await _goods(request, conn, found),
            "window": found.window(now),
            "book": _book(levels),
            "fills": await store.fills_of_party(conn, party_id, found.id, limit=SHOWN_FILLS) if party_id else [],
            "shown_levels": SHOWN_LEVELS,
            "levels_left_out": any(sum(one.side is side for one in levels) > SHOWN_LEVELS for side in Side),
            "trades": await published.last_trades(conn, found.id, SHOWN_TRADES),
            "clearings": await published.clearings(conn, found.id, SHOWN_CLEARINGS),
            "mine": [(one, _limit_text(found, one)) for one in mine],
            "own_posts": [(post.id, _post_text(request, found, post)) for post in own_posts],
            "version": found.version,
            "country": naming(language_of(request)),
        }
    return render(request, "boards/board.html", context)


def _limit_text(found: Board, order: StoredOrder) -> str:
    return decimal_text(order.price_minor, EXPONENTS[found.currency])


def _post_text(request: Request, found: Board, post: Post) -> str:
    text = texts(request)
    return text(
        "boards.post_option",
        side=text(f"boards.side_{post.side.value}"),
        title=post.title(language_of(request)),
        quantity=f"{post.open_quantity:,}",
        unit=text(f"goods_unit.{found.unit}"),
        price=decimal_text(post.price_minor or 0, EXPONENTS[found.currency]),
    )


def _book(levels: list[Level]) -> list[tuple[int, int, int]]:
    """Price, demand and supply, the highest price first; of each side the best levels."""
    rows: dict[int, list[int]] = {}
    demand = [one for one in levels if one.side is Side.DEMAND][-SHOWN_LEVELS:]
    supply = [one for one in levels if one.side is Side.SUPPLY][:SHOWN_LEVELS]
    for level in (*demand, *supply):
        rows.setdefault(level.price_minor, [0, 0])[level.side is Side.SUPPLY] = level.quantity
    return [(price, demand, supply) for price, (demand, supply) in sorted(rows.items(), reverse=True)]


async def _board(conn: Connection, request: Request) -> Board:
    found = await store.board(conn, request.path_params["board_id"])
    if found is None:
        raise HTTPException(404)
    return found


async def _goods(request: Request, conn: Connection, found: Board) -> str:
    """The goods in words: the category's name and what the board asks of them."""
    lang = language_of(request)
    category = next(one for one in await trading_store.categories(conn) if one.code == found.category)
    said = [_worded(request, category, name, value) for name, value in found.attributes.items()]
    return texts(request)("boards.goods", name=found.name(lang), said=", ".join(said)) if said else found.name(lang)


def _worded(request: Request, category: Category, name: str, value: Any) -> str:
    lang, kind = language_of(request), category.attribute(name)
    if kind is None:
        return str(value)
    choice = kind.choice(value) if isinstance(value, str) else None
    if isinstance(value, bool):
        return kind.name(lang) if value else texts(request)("boards.without", what=kind.name(lang))
    shown = choice.name(lang) if choice else f"{value} {kind.unit}".strip()
    return f"{kind.name(lang)} {shown}"


# Acts


async def board_enter(request: Request) -> Response:
    """A post is to stand on the board that fits it; where several do, the viewer picks one."""
    house, form = house_of(request), await typed(request, "post_id")
    post_id = number(form.values["post_id"])
    if post_id is None:
        raise HTTPException(404)
    async with house.pool.acquire() as conn:
        fitting = await _fitting(request, conn, post_id, await store.boards(conn))
    if len(fitting) != 1:
        where = request.url_for("boards").include_query_params(post=post_id)
        response = RedirectResponse(str(where.path) + "?" + where.query, 303)
        if not fitting:
            flash(response, "boards.flash_none_fits", kind="note")
        return response
    return await _act(request, fitting.pop(), Enter(post_id=post_id, party_id=request.user.id), "boards.flash_entered")


async def board_enter_on(request: Request) -> Response:
    """A post is to stand on this board."""
    form = await typed(request, "post_id")
    act = Enter(post_id=number(form.values["post_id"]) or 0, party_id=request.user.id)
    return await _act(request, request.path_params["board_id"], act, "boards.flash_entered")


async def board_withdraw(request: Request) -> Response:
    """What is left of an order leaves the board."""
    act = Withdraw(order_id=request.path_params["board_order"], party_id=request.user.id)
    return await _act(request, request.path_params["board_id"], act, "boards.flash_withdrawn")


async def board_change(request: Request) -> Response:
    """Another limit or quantity."""
    form, board_id = await typed(request, "price", "quantity"), request.path_params["board_id"]
    async with house_of(request).pool.acquire() as conn:
        found = await _board(conn, request)
    price, quantity = parse_amount(form.values["price"], EXPONENTS[found.currency]), number(form.values["quantity"])
    if isinstance(price, AmountProblem) or quantity is None:
        key = f"amount_problem.{price.value}" if isinstance(price, AmountProblem) else "boards.quantity_malformed"
        return _back(request, board_id, key, kind="problem")
    act = Change(
        order_id=request.path_params["board_order"], party_id=request.user.id, price_minor=price, quantity=quantity
    )
    return await _act(request, board_id, act, "boards.flash_changed")


async def _act(request: Request, board_id: int, act: Act, key: str) -> Response:
    answer = await house_of(request).boards.do(board_id, act)
    if answer in (BoardRefusal.NO_SUCH_BOARD, BoardRefusal.NO_SUCH_ORDER):
        raise HTTPException(404)
    if isinstance(answer, BoardRefusal | PostRefusal):
        return _back(request, board_id, sentence_key(answer), kind="problem")
    return _back(request, board_id, key)


def _back(request: Request, board_id: int, key: str, *, kind: Any = "done") -> Response:
    response = RedirectResponse(request.url_for("board", board_id=board_id).path, 303)
    flash(response, key, kind=kind)
    return response


# Clearings


async def clearing(request: Request) -> Response:
    """A clearing for who has stood on its board: the curve, the price and why, every fill and its reason."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        found = await _board(conn, request)
        cleared, own = await _seen(conn, request, found)
        goods = await _goods(request, conn, found)
        mine = await store.fills_of_party(conn, request.user.id, found.id, clearing=cleared.n, limit=SHOWN_FILLS)
    price, said = cleared.price_minor, proof_reading.opened(cleared.proof)
    candidates, trades = proof_reading.candidates(said, price), proof_reading.pairs(said)
    page = min(page_asked(request), pages_of(len(said.orders)))
    context = {
        "board": found,
        "goods": goods,
        "cleared": cleared,
        "decided_by": said.decided_by,
        "own": own,
        "own_orders": proof_reading.own_rows(said, own) if len(said.orders) > PAGE_SIZE else [],
        "orders": proof_reading.rows(said.orders[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]),
        "page": page,
        "pages": pages_of(len(said.orders)),
        "candidates": candidates,
        "candidates_left_out": len(said.candidates) - len(candidates),
        "picture": drawing.picture(proof_reading.curve(said), price, cleared.volume),
        "trades": trades,
        "trades_count": len(said.trades),
        "fills": mine,
        "digest": cleared.sha256.hex(),
        "price_text": money_text(price, found.currency) if price else "–",
    }
    return render(request, "boards/clearing.html", context)


async def clearing_file(request: Request) -> Response:
    """The proof as a file, byte for byte as it was signed."""
    async with house_of(request).pool.acquire() as conn:
        found = await _board(conn, request)
        cleared, _ = await _seen(conn, request, found)
    return download(cleared.proof, "application/json", f"clearing-{found.id}-{cleared.n}.json")


async def _seen(conn: Connection, request: Request, found: Board) -> tuple[StoredClearing, set[str]]:
    """The clearing, and the viewer's own aliases in it; 404 for who has never had an order on the board."""
    orders = await store.orders_of(conn, request.user.id, found.id, limit=1000)
    cleared = await store.clearing(conn, found.id, request.path_params["n"])
    if cleared is None or not (orders or "operator" in request.user.roles):
        raise HTTPException(404)
    secret = house_of(request).config.secret_key
    return cleared, {proof.alias(secret, found.id, cleared.n, one.id) for one in orders}


async def clearing_verifier(request: Request) -> Response:
    """The program that does the sum again."""
    return download(_PROGRAM, "text/x-python; charset=utf-8", "verify_clearing.py")


_PROGRAM = Path(verifier.__file__).read_text()

routes = [
    Route("/boards", boards, name="boards"),
    Route("/boards/enter", board_enter, name="board_enter", methods=["POST"]),
    Route("/verify_clearing.py", clearing_verifier, name="clearing_verifier"),
    Route("/boards/{board_id:int}", board, name="board"),
    Route("/boards/{board_id:int}/orders", board_enter_on, name="board_enter_on", methods=["POST"]),
    Route(
        "/boards/{board_id:int}/orders/{board_order:int}/withdraw",
        board_withdraw,
        name="board_withdraw",
        methods=["POST"],
    ),
    Route(
        "/boards/{board_id:int}/orders/{board_order:int}/change", board_change, name="board_change", methods=["POST"]
    ),
    Route("/boards/{board_id:int}/clearings/{n:int}", clearing, name="clearing"),
    Route("/boards/{board_id:int}/clearings/{n:int}/proof.json", clearing_file, name="clearing_file"),
]
