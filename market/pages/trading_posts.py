"""A party's own posts: write, change, withdraw, take in as CSV, and the list of them. Everything works without JavaScript."""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from market.csv_cells import csv_lines
from market.house import house_of
from market.pages import once
from market.pages.sell import csv_response
from market.pages.trading import shared, texts
from market.problems import Problem, ProblemError, sentence
from market.rendering import Form, flash, language_of, render
from market.trading import csv_export, csv_posts, importing, posts, store
from market.trading.countries import country_names
from market.trading.csv_posts import ReadFile
from market.trading.facts import CURRENCIES, TERMS, VALID_DAYS, Category, Kind, Post, PostRefusal, Side
from market.trading.reading import COLUMNS, ReadPost, goods_by_name, read_post, values_of
from market.trading.rules import Fault

if TYPE_CHECKING:
    from market.catalogue import Catalogue, Language

AT_ONCE = 500
SHOWN_LINES = 100
KEPT_AT_ONCE = 3 * 64 * 1024
LARGEST_KEPT = csv_posts.LARGEST_FILE_BYTES * 3 // 2
PAGE_SIZE = 25
STANDINGS = ("open", "taken", "lapsed", "withdrawn")


async def mine(request: Request) -> Response:
    """The party's own posts with where each stands."""
    house, now = house_of(request), house_of(request).node_time.now()
    state = request.query_params.get("state", "")
    state = state if state in STANDINGS else ""
    asked = request.query_params.get("page", "1")
    party_id = request.user.id
    async with house.pool.acquire() as conn:
        total = await store.count_posts_of_party(conn, party_id, now, state)
        pages = max(1, -(-total // PAGE_SIZE))
        page = min(max(int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1, 1), pages)
        shown = await store.posts_of_party(conn, party_id, now, state, limit=PAGE_SIZE, skip=(page - 1) * PAGE_SIZE)
        has_posts = bool(shown) or await store.count_posts_of_party(conn, party_id, now) > 0
        categories = await store.categories(conn)
    context = {
        **shared(request, categories),
        "posts": [(post, post.standing(now)) for post in shown],
        "total": total,
        "has_posts": has_posts,
        "state": state,
        "states": STANDINGS,
        "page": page,
        "pages": pages,
        "now": now,
    }
    return render(request, "trading/mine.html", context)


async def mine_csv(request: Request) -> Response:
    """All of the party's own posts with the columns of the import, sent as they are read."""
    house, now = house_of(request), house_of(request).node_time.now()
    party_id = request.user.id
    async with house.pool.acquire() as conn:
        header = csv_export.own_header(await store.kinds_of_party(conn, party_id), await store.categories(conn))

    async def pieces() -> AsyncIterator[str]:
        yield csv_lines([header], first=True)
        skip = 0
        while True:
            async with house.pool.acquire() as conn:
                some = await store.posts_of_party(conn, party_id, now, limit=AT_ONCE, skip=skip)
            if not some:
                return
            yield await asyncio.to_thread(csv_export.own_lines, some, header, now)
            skip += len(some)

    headers = {"Content-Disposition": 'attachment; filename="posts.csv"', "Cache-Control": "private, no-store"}
    return StreamingResponse(pieces(), media_type="text/csv; charset=utf-8", headers=headers)


async def new_post(request: Request) -> Response:
    """First the kind of goods, then the form that asks what it asks for."""
    house, now = house_of(request), house_of(request).node_time.now()
    async with house.pool.acquire() as conn:
        categories = await store.categories(conn)
    if request.method == "GET":
        asked = request.query_params
        side = asked.get("side", "")
        values = {
            "category": asked.get("category", ""),
            "side": side if side in tuple(Side) else "supply",
            "currency": "CNY" if language_of(request) == "zh" else "USD",
            "valid_days": "30",
        }
        return _editor(request, categories, ReadPost(values=values))
    async with request.form(max_files=0, max_fields=120, max_part_size=64 * 1024) as form:
        typed = {name: value for name, value in form.items() if isinstance(value, str)}
    read = read_post(typed, goods_by_name(categories), now, party_name=request.user.display_name)
    if read.content is None:
        return _editor(request, categories, read, status=422)
    number = typed.get("once", "")
    async with house.pool.acquire() as conn, conn.transaction():
        before = await once.claimed(conn, request.user.id, number, now)
        if before is not None:
            return RedirectResponse(before, status_code=303)
        done = await posts.create(
            conn,
            party_id=request.user.id,
            content=read.content,
            valid_days=read.valid_days,
            categories=categories,
            now=now,
        )
        if isinstance(done, Post):
            location = str(request.app.url_path_for("market_post", post_id=done.id))
            await once.led_to(conn, request.user.id, number, location)
    if isinstance(done, PostRefusal):
        return _editor(request, categories, read, refusal=sentence(request, done), status=422)
    said = "trading.posted" if done.shown_at <= now else "trading.posted_later"
    return _see(request, "market_post", said, post_id=done.id)


async def edit_post(request: Request) -> Response:
    """The form of an open post."""
    house, now = house_of(request), house_of(request).node_time.now()
    post_id = int(request.path_params["post_id"])
    async with house.pool.acquire() as conn:
        categories = await store.categories(conn)
        post = await posts.post_by_id(conn, post_id)
    if post is None or post.party_id != request.user.id:
        raise ProblemError(Problem.NOT_FOUND)
    if request.method == "GET":
        values = {**values_of(post), "valid_days": "", "version": str(post.version)}
        return _editor(request, categories, ReadPost(values=values), post=post)
    async with request.form(max_files=0, max_fields=120, max_part_size=64 * 1024) as form:
        typed = {name: value for name, value in form.items() if isinstance(value, str)}
    # What can't be changed is not taken from the form.
    fixed = {"side": post.side.value, "category": post.category, "anonymous": "1" if post.anonymous else ""}
    read = read_post(
        {**typed, **fixed}, goods_by_name(categories), now, party_name=request.user.display_name, is_new=False
    )
    if read.content is None:
        return _editor(request, categories, read, post=post, status=422)
    version = typed.get("version", "")
    async with house.pool.acquire() as conn, conn.transaction():
        done = await posts.edit(
            conn,
            post_id=post_id,
            party_id=request.user.id,
            version=int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0,
            content=read.content,
            valid_days=read.valid_days if typed.get("valid_days") else None,
            categories=categories,
            now=now,
        )
    if isinstance(done, PostRefusal):
        return _editor(request, categories, read, post=post, refusal=sentence(request, done), status=422)
    return _see(request, "market_post", "trading.changed", post_id=post_id)


async def withdraw(request: Request) -> Response:
    """Take the rest of a post off the market."""
    house, post_id = house_of(request), int(request.path_params["post_id"])
    async with house.pool.acquire() as conn, conn.transaction():
        done = await posts.withdraw(conn, post_id=post_id, party_id=request.user.id, now=house.node_time.now())
    if isinstance(done, PostRefusal):
        raise ProblemError(done)
    return _see(request, "market_mine", "trading.withdrawn")


async def import_posts(request: Request) -> Response:
    """A file of posts: first shown line by line with what is wrong, then taken in whole."""
    house, now = house_of(request), house_of(request).node_time.now()
    async with house.pool.acquire() as conn:
        categories = await store.categories(conn)
    if request.method == "GET":
        return _import_page(request, categories, None)
    async with request.form(max_files=1, max_fields=4, max_part_size=LARGEST_KEPT) as form:
        file, kept = form.get("file"), form.get("kept")
        if isinstance(file, UploadFile) and file.filename:
            data = await file.read(csv_posts.LARGEST_FILE_BYTES + 1)
        else:
            data = await importing.off_loop(lambda: _from_kept(kept if isinstance(kept, str) else ""))
        number, take_in = str(form.get("once", "")), form.get("act") == "import"
    headings = headings_of(house.catalogue)
    read = await importing.read_off_loop(data, categories, headings, now, request.user.display_name)
    if not take_in or not read.is_good:
        kept_text = await importing.off_loop(lambda: _kept(data)) if read.is_good else ""
        return _import_page(request, categories, read, kept_text, status=200 if read.is_good else 422)
    location = str(request.app.url_path_for("market_mine"))
    async with house.pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        if await once.claimed(conn, request.user.id, number, now) is not None:
            await transaction.rollback()
            return _see(request, "market_mine", "trading.imported_already")
        done = await importing.take_in(conn, request.user.id, read, categories, now)
        if isinstance(done, PostRefusal):
            await transaction.rollback()
            return _import_page(request, categories, read, refusal=sentence(request, done), status=422)
        await once.led_to(conn, request.user.id, number, location)
        await transaction.commit()
    return _see(request, "market_mine", "trading.imported_one" if done == 1 else "trading.imported_other", count=done)


async def template_csv(request: Request) -> Response:
    """A file to fill in, for one kind of goods."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        categories = await store.categories(conn)
    wanted = request.query_params.get("category", "")
    kinds = [each for each in categories if not each.is_group and each.retired_at is None]
    category = next((each for each in kinds if each.code == wanted), kinds[0])
    text = csv_export.template(category, language_of(request), house.node_time.now())
    return csv_response(text, f"posts-{category.code}.csv")


def fault_texts(request: Request, faults: Mapping[str, Fault]) -> dict[str, str]:
    """Each box's fault as a sentence."""
    text = texts(request)
    return {name: text(f"post_fault.{fault.code.value}", **fault.params) for name, fault in faults.items()}


def _editor(
    request: Request,
    categories: Sequence[Category],
    read: ReadPost,
    *,
    post: Post | None = None,
    refusal: str = "",
    status: int = 200,
) -> Response:
    errors = fault_texts(request, read.of_field)
    if refusal:
        errors[""] = refusal
    category = next((each for each in categories if each.code == read.values.get("category")), None)
    lang: Language = language_of(request)
    context = {
        **shared(request, categories),
        "post": post,
        "form": Form(values=read.values, errors=errors),
        "category": None if category is None or category.is_group else category,
        "kinds": Kind,
        "currencies": [(code, code) for code in CURRENCIES],
        "terms": [(code, f"{code} · {texts(request)('delivery_term.' + code)}") for code in TERMS],
        "countries": [("", ""), *country_names(lang).items()],
        "valid_days": [(str(days), texts(request)("trading.days", count=days)) for days in VALID_DAYS],
        "once": read.values.get("once") or once.new_number(),
        "version": read.values.get("version") or (post.version if post else 0),
        "editable": post is None or (post.is_open(house_of(request).node_time.now()) and not post.on_board),
    }
    return render(request, "trading/editor.html", context, status=status)


def _import_page(
    request: Request,
    categories: Sequence[Category],
    read: ReadFile | None,
    kept: str = "",
    *,
    refusal: str = "",
    status: int = 200,
) -> Response:
    text = texts(request)
    lines, words = [], read.words if read is not None else {}
    for line in (read.faulty or read.lines)[:SHOWN_LINES] if read is not None else ():
        faults = [
            (
                words.get(fault.field) or _column_word(text, fault.field),
                text(f"post_fault.{fault.code.value}", **fault.params),
            )
            for fault in line.faults
        ]
        lines.append((line.number, line.content, faults))
    context = {
        **shared(request, categories),
        "read": read,
        "lines": lines,
        "refusal": refusal,
        "kept": Markup(kept),
        "once": once.new_number(),
        "most_rows": csv_posts.MOST_ROWS,
        "shown_lines": SHOWN_LINES,
    }
    return render(request, "trading/import.html", context, status=status)


def _column_word(text: Any, name: str) -> str:
    """The column's heading; nothing for what is wrong with the whole line."""
    return name if not name or name.startswith("attr_") else text(f"post_field.{name}")


def _kept(data: bytes) -> str:
    """A checked file as it waits in the page to be sent back."""
    packed = zlib.compress(data, 1)
    parts = []
    for start in range(0, len(packed), KEPT_AT_ONCE):
        parts.append(base64.b64encode(packed[start : start + KEPT_AT_ONCE]).decode())
        importing.give_way()
    return "".join(parts)


def _from_kept(kept: str) -> bytes:
    """The file, or nothing where the page sends what it was never given."""
    try:
        packed = base64.b64decode(kept, validate=True)
        return zlib.decompressobj().decompress(packed, csv_posts.LARGEST_FILE_BYTES + 1)
    except (ValueError, zlib.error):
        return b""


def headings_of(catalogue: Catalogue) -> dict[str, str]:
    """The words of every column, in both languages, to its field."""
    words = {name: [catalogue.text(f"post_field.{name}", lang) for lang in ("en", "zh")] for name in COLUMNS}
    return csv_posts.heading_fields(words)


def _see(request: Request, name: str, said: str, *, count: int | None = None, **params: int) -> Response:
    response = RedirectResponse(str(request.app.url_path_for(name, **params)), status_code=303)
    if count is None:
        flash(response, said)
    else:
        flash(response, said, count=count)
    return response


routes = [
    Route("/market/mine", mine, name="market_mine"),
    Route("/market/mine.csv", mine_csv, name="market_mine_csv"),
    Route("/market/posts/new", new_post, methods=["GET", "POST"], name="market_post_new"),
    Route("/market/posts/import", import_posts, methods=["GET", "POST"], name="market_import"),
    Route("/market/posts/template.csv", template_csv, name="market_template_csv"),
    Route("/market/posts/{post_id:int}/edit", edit_post, methods=["GET", "POST"], name="market_post_edit"),
    Route("/market/posts/{post_id:int}/withdraw", withdraw, methods=["POST"], name="market_post_withdraw"),
]
