"""The operators' catalogue of goods: every category, and the form that adds or changes one.

Attributes are written as lines, one each, `code | kind | English | 中文 | unit | required | choices`, as they are read: a
page of boxes within boxes would be longer and no clearer.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market.house import house_of
from market.pages.trading import grouped, texts
from market.problems import Problem, ProblemError, sentence
from market.rendering import Form, flash, render
from market.trading import category_desk, store
from market.trading.category_desk import CategoryRefusal
from market.trading.facts import UNITS, AttributeType, Category, Choice, Kind

NAMES = ("code", "parent", "position", "name_en", "name_zh", "unit", "attributes", "retired", "version")


async def categories(request: Request) -> Response:
    """Every category, and a form for a new one."""
    house = house_of(request)
    if request.method == "GET":
        return await _page(request, Form(values={"unit": "TNE", "position": "100"}))
    form = await _typed(request)
    wanted = _category(form.values, None)
    if isinstance(wanted, int):
        form.errors["attributes"] = texts(request)("categories.bad_line", line=wanted)
        return await _page(request, form, 422)
    async with house.pool.acquire() as conn, conn.transaction():
        done = await category_desk.add(conn, wanted, request.user.id, house.node_time.now())
    if isinstance(done, CategoryRefusal):
        form.errors[""] = sentence(request, done)
        return await _page(request, form, 422)
    return _see(request, done, "categories.added")


async def category(request: Request) -> Response:
    """One category, to be changed."""
    house, code = house_of(request), request.path_params["category"]
    async with house.pool.acquire() as conn:
        known = {each.code: each for each in await store.categories(conn)}
    if code not in known:
        raise ProblemError(Problem.NOT_FOUND)
    old = known[code]
    if request.method == "GET":
        return await _page(request, Form(values=_values(old)), category=old)
    form = await _typed(request)
    now = house.node_time.now()
    retired_at = (old.retired_at or now) if form.values["retired"] == "1" else None
    wanted = _category({**form.values, "code": code, "parent": old.parent or ""}, old)
    if isinstance(wanted, int):
        form.errors["attributes"] = texts(request)("categories.bad_line", line=wanted)
        return await _page(request, form, 422, category=old)
    typed_version = form.values["version"]
    version = (
        int(typed_version) if typed_version.isascii() and typed_version.isdigit() and len(typed_version) < 10 else 0
    )
    async with house.pool.acquire() as conn, conn.transaction():
        wanted = Category(
            **{**{name: getattr(wanted, name) for name in wanted.__struct_fields__}, "retired_at": retired_at}
        )
        done = await category_desk.change(conn, wanted, version, request.user.id, now)
    if isinstance(done, CategoryRefusal):
        form.errors[""] = sentence(request, done)
        return await _page(request, form, 422, category=old)
    return _see(request, done, "categories.changed")


async def _page(request: Request, form: Form, status: int = 200, *, category: Category | None = None) -> Response:
    async with house_of(request).pool.acquire() as conn:
        all_of_them = await store.categories(conn)
    text = texts(request)
    context = {
        "form": form,
        "category": category,
        "groups": [
            (group, [each for each in all_of_them if each.parent == group.code]) for group, _ in grouped(all_of_them)
        ],
        "parents": [
            ("", text("categories.is_group")),
            *((each.code, each.code) for each in all_of_them if each.is_group),
        ],
        "units": [("", "–"), *((code, f"{code} · {text('unit.' + code)}") for code in UNITS)],
    }
    return render(request, "trading/categories.html", context, status=status)


async def _typed(request: Request) -> Form:
    async with request.form(max_files=0, max_fields=20, max_part_size=32 * 1024) as form:
        return Form(values={name: str(form.get(name, "")).replace("\x00", "").strip() for name in NAMES})


def _category(values: dict[str, str], old: Category | None) -> Category | int:
    """The category that was typed, or the number of the line of attributes that can't be read."""
    attributes = []
    for number, line in enumerate(values["attributes"].splitlines(), 1):
        if not line.strip():
            continue
        kind = _attribute(line, old)
        if kind is None:
            return number
        attributes.append(kind)
    position = values["position"]
    return Category(
        code=values["code"],
        parent=values["parent"] or None,
        position=int(position) if position.isascii() and position.isdigit() and len(position) < 7 else 0,
        name_en=values["name_en"],
        name_zh=values["name_zh"],
        unit=values["unit"] or None,
        attributes=tuple(attributes),
    )


def _attribute(line: str, old: Category | None) -> AttributeType | None:
    parts = [part.strip() for part in line.split("|")]
    if len(parts) != 7 or parts[1] not in tuple(Kind):
        return None
    choices = [_choice(text) for text in parts[6].split(";") if text.strip()]
    if any(choice is None for choice in choices):
        return None
    words = parts[5].split()
    return AttributeType(
        code=parts[0],
        kind=Kind(parts[1]),
        name_en=parts[2],
        name_zh=parts[3],
        unit=parts[4],
        required="required" in words,
        retired="retired" in words,
        choices=tuple(choice for choice in choices if choice is not None),
    )


def _choice(text: str) -> Choice | None:
    """`code = English / 中文`, with a minus before it where it is retired."""
    code, equals, names = text.strip().partition("=")
    name_en, slash, name_zh = names.partition(" / ")
    if not equals:
        return None
    plain = code.strip()
    english = name_en.strip()
    return Choice(
        code=plain.lstrip("-").strip(),
        name_en=english,
        name_zh=name_zh.strip() if slash else english,
        retired=plain.startswith("-"),
    )


def _values(category: Category) -> dict[str, str]:
    return {
        "code": category.code,
        "parent": category.parent or "",
        "position": str(category.position),
        "name_en": category.name_en,
        "name_zh": category.name_zh,
        "unit": category.unit or "",
        "attributes": "\n".join(_line(kind) for kind in category.attributes),
        "retired": "1" if category.retired_at else "",
        "version": str(category.version),
    }


def _line(kind: AttributeType) -> str:
    choices = "; ".join(
        f"{'-' if each.retired else ''}{each.code} = {each.name_en} / {each.name_zh}" for each in kind.choices
    )
    words = " ".join(word for word, is_so in (("required", kind.required), ("retired", kind.retired)) if is_so)
    return f"{kind.code} | {kind.kind.value} | {kind.name_en} | {kind.name_zh} | {kind.unit} | {words} | {choices}"


def _see(request: Request, category: Category, said: str) -> Response:
    response = RedirectResponse(str(request.app.url_path_for("operator_category", category=category.code)), 303)
    flash(response, said)
    return response


routes = [
    Route("/operator/categories", categories, methods=["GET", "POST"], name="operator_categories"),
    Route("/operator/categories/{category}", category, methods=["GET", "POST"], name="operator_category"),
]
