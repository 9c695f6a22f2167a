"""Boards as an operator makes, halts and opens them."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market.currencies import EXPONENTS, AmountProblem, parse_amount
from market.house import house_of
from market.matching import making, store
from market.matching.board_facts import BoardRefusal, BoardRules, BoardState
from market.matching.facts import Mode, Rationing
from market.pages.desk_forms import number, texts, typed
from market.problems import sentence_key
from market.rendering import Form, flash, language_of, render
from market.trading import store as trading_store
from market.trading.countries import naming
from market.trading.facts import CURRENCIES, TERMS, Category, Kind, Value

FIELDS = (
    *("category", "term", "currency", "country", "place", "attributes", "lead_days", "window_days", "mode"),
    *("tick", "rationing", "k_percent", "reference", "period_minutes", "reason"),
)
_DEFAULTS = {
    "country": "CN",
    "currency": "CNY",
    "lead_days": "7",
    "window_days": "30",
    "mode": Mode.CALL.value,
    "rationing": Rationing.TIME.value,
    "period_minutes": "60",
}


async def operator_boards(request: Request) -> Response:
    """Every board, and the form of a new one."""
    return await _page(request, Form(values=dict(_DEFAULTS)))


async def _page(request: Request, form: Form, status: int = 200) -> Response:
    text, lang = texts(request), language_of(request)
    async with house_of(request).pool.acquire() as conn:
        rows = await store.boards(conn)
        categories = [one for one in await trading_store.categories(conn) if not one.is_group]
    context: dict[str, Any] = {
        "rows": rows,
        "country": naming(lang),
        "form": form,
        "categories": [(one.code, one.name(lang)) for one in categories],
        "terms": [(one, one) for one in TERMS],
        "currencies": [(one, one) for one in CURRENCIES],
        "modes": [(one.value, text(f"boards.mode_{one.value}")) for one in Mode],
        "rationings": [(one.value, text(f"boards.rationing_{one.value}")) for one in Rationing],
    }
    return render(request, "boards/operator.html", context, status=status)


async def operator_board_make(request: Request) -> Response:
    """A new board."""
    house, form = house_of(request), await typed(request, *FIELDS)
    async with house.pool.acquire() as conn:
        categories = {one.code: one for one in await trading_store.categories(conn)}
    rules = _read(request, form, categories)
    if rules is None:
        return await _page(request, form, 422)
    async with house.pool.acquire() as conn, conn.transaction():
        made = await making.open_board(conn, rules, request.user.id, form.values["reason"], house.node_time.now())
    if isinstance(made, BoardRefusal):
        field = "reason" if made is BoardRefusal.REASON_MISSING else ""
        form.errors[field] = texts(request)(sentence_key(made))
        return await _page(request, form, 422)
    return _see(request, "boards.flash_made", id=made.id)


def _read(request: Request, form: Form, categories: dict[str, Category]) -> BoardRules | None:
    """The rules that were typed, or None with the errors in the form."""
    text, values = texts(request), form.values
    category = categories.get(values["category"])
    currency = values["currency"] if values["currency"] in CURRENCIES else "CNY"
    amounts: dict[str, int | None] = {"reference": None}
    for name in ("tick", "reference"):
        if name == "reference" and not values[name].strip():
            continue
        amount = parse_amount(values[name], EXPONENTS[currency])
        if isinstance(amount, AmountProblem):
            form.errors[name] = text(f"amount_problem.{amount.value}")
        else:
            amounts[name] = amount
    days = {name: number(values[name]) for name in ("lead_days", "window_days")}
    for name, count in days.items():
        if count is None or count > 365:
            form.errors[name] = text("boards.days_malformed")
    is_call = values["mode"] != Mode.CONTINUOUS.value
    minutes = number(values["period_minutes"]) if is_call else None
    if is_call and (minutes is None or minutes > 31 * 1440):
        form.errors["period_minutes"] = text("boards.period_malformed")
    k = values["k_percent"].strip()
    if k and not (k.isascii() and k.isdigit() and len(k) <= 3 and int(k) <= 100 and is_call):
        form.errors["k_percent"] = text("boards.k_malformed")
    attributes = _attributes(category, values["attributes"])
    if attributes is None:
        form.errors["attributes"] = text("boards.attributes_malformed")
    if form.errors or category is None or attributes is None:
        if category is None:
            form.errors["category"] = text(sentence_key(BoardRefusal.RULES_MALFORMED))
        return None
    return BoardRules(
        category=category.code,
        term=values["term"],
        currency=currency,
        country=values["country"].strip().upper(),
        place=values["place"].strip(),
        attributes=attributes,
        lead_days=days["lead_days"] or 1,
        window_days=days["window_days"] or 0,
        mode=Mode.CALL if is_call else Mode.CONTINUOUS,
        tick_minor=amounts.get("tick") or 1,
        rationing=Rationing.PRO_RATA if is_call and values["rationing"] == Rationing.PRO_RATA else Rationing.TIME,
        k_permille=int(k) * 10 if k else None,
        reference_minor=amounts["reference"],
        period_seconds=minutes * 60 if minutes else None,
    )


def _attributes(category: Category | None, typed_text: str) -> dict[str, Value] | None:
    """`grade=q235b; width=1250` by the category's own codes; None where something is not of it."""
    found: dict[str, Value] = {}
    for part in filter(None, (one.strip() for one in typed_text.replace("；", ";").split(";"))):
        code, _, said = (one.strip() for one in part.partition("="))
        kind = category.attribute(code) if category else None
        if kind is None or not said:
            return None
        if kind.kind is Kind.INTEGER:
            if not (said.isascii() and said.isdigit() and len(said) <= 10):
                return None
            found[code] = int(said)
        elif kind.kind is Kind.FLAG:
            found[code] = said in ("yes", "true", "1", "是")
        elif kind.kind is Kind.CHOICE and kind.choice(said) is None:
            return None
        else:
            found[code] = said
    return found


async def operator_board_state(request: Request) -> Response:
    """Halt a board, or open it again."""
    house, form = house_of(request), await typed(request, "state", "reason")
    wanted = BoardState.HALTED if form.values["state"] == BoardState.HALTED else BoardState.OPEN
    async with house.pool.acquire() as conn, conn.transaction():
        done = await making.set_state(
            conn,
            request.path_params["board_id"],
            wanted,
            request.user.id,
            form.values["reason"],
            house.node_time.now(),
        )
    if done is BoardRefusal.NO_SUCH_BOARD:
        raise HTTPException(404)
    if isinstance(done, BoardRefusal):
        return _see(request, sentence_key(done), kind="problem")
    return _see(request, f"boards.flash_{wanted.value}", id=done.id)


def _see(request: Request, key: str, *, kind: Any = "done", **params: object) -> Response:
    response = RedirectResponse(request.url_for("operator_boards").path, 303)
    flash(response, key, kind=kind, **params)
    return response


routes = [
    Route("/operator/boards", operator_boards, name="operator_boards"),
    Route("/operator/boards/new", operator_board_make, name="operator_board_make", methods=["POST"]),
    Route("/operator/boards/{board_id:int}/state", operator_board_state, name="operator_board_state", methods=["POST"]),
]
