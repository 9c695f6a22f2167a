"""The API's market of supply and demand: categories, the search, one's own posts, a file of posts, saved searches."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta, Struct

from market.api.operations import Call, granted, operation
from market.api.shapes import CurrencyTraded, Id, Listed, MinorIn, MinorOut, PageNumber, minor_in
from market.pages.trading import filter_text
from market.pages.trading_posts import fault_texts, headings_of
from market.problems import Problem, ProblemError
from market.trading import importing, posts, saved_searches, search, store
from market.trading.facts import LARGEST_QUANTITY, VALID_DAYS, Category, Post, PostContent, PostRefusal, Side
from market.trading.filter_reading import read_filters
from market.trading.filters import PAGE_SIZE, PostFilters
from market.trading.public import alias, is_shown
from market.trading.rules import Fault, PostFault, faults
from market.trading.saved_searches import SavedSearch

Term = Literal["EXW", "FCA", "FAS", "FOB", "CFR", "CIF", "CPT", "CIP", "DAP", "DPU", "DDP"]
Code = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$", description="ISO 3166, two letters")]
Quantity = Annotated[int, Meta(ge=1, le=LARGEST_QUANTITY, description="whole units of the category")]
Degrees = Annotated[int, Meta(ge=-180_000_000, le=180_000_000, description="millionths of a degree")]
Days = Annotated[int, Meta(ge=1, le=90)]
Attributes = dict[Code, str | int | bool]
OWN_PAGE_SIZE = 100


class CategoryShape(Struct, kw_only=True):
    """A kind of goods with what is asked of it, or a group (no unit)."""

    code: str
    parent: str | None
    name_en: str
    name_zh: str
    unit: str | None
    attributes: list[dict[str, Any]]
    retired: bool


class Categories(Struct, kw_only=True):
    items: list[CategoryShape]


class PostIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a post says. Without `price_minor` it asks for offers; `valid_days` is one of 1, 3, 7, 14, 30, 60, 90."""

    side: Side
    category: Code
    title_zh: Annotated[str, Meta(max_length=160)] = ""
    title_en: Annotated[str, Meta(max_length=160)] = ""
    description_zh: Annotated[str, Meta(max_length=4000)] = ""
    description_en: Annotated[str, Meta(max_length=4000)] = ""
    attributes: Attributes = {}
    quantity: Quantity
    all_or_none: bool = False
    minimum: Quantity = 1
    price_minor: MinorIn | None = None
    currency: CurrencyTraded
    country: Country
    place: Annotated[str, Meta(min_length=1, max_length=120)]
    latitude: Degrees | None = None
    longitude: Degrees | None = None
    delivery_from: date
    delivery_to: date
    term: Term
    anonymous: bool = False
    valid_days: Days | None = None


class PostEdit(PostIn, kw_only=True, forbid_unknown_fields=True):
    """The whole post anew over the version that was read. Side, category and `anonymous` can't change."""

    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]


class PostShape(Struct, kw_only=True):
    """A post as everybody may see it. `party` is its party's name, or the alias of an anonymous one."""

    id: Id
    version: int
    side: Side
    category: str
    title_zh: str
    title_en: str
    description_zh: str
    description_en: str
    attributes: dict[str, str | int | bool]
    quantity: int
    open_quantity: int
    all_or_none: bool
    minimum: int
    price_minor: MinorOut | None
    currency: str
    country: str
    place: str
    delivery_from: date
    delivery_to: date
    term: str
    anonymous: bool
    party: str
    valid_until: datetime
    listed_at: datetime


class OwnPostShape(PostShape, kw_only=True):
    """One's own post, with what others don't see."""

    standing: Literal["open", "taken", "lapsed", "withdrawn"]
    taken: int
    on_board: bool
    shown_at: datetime
    latitude: int | None
    longitude: int | None


class FoundPosts(Struct, kw_only=True):
    """One page of what fits. `total` counts up to 500, `more` says that there are more; page 25 is the last."""

    items: list[PostShape]
    page: int
    pages: int
    total: int
    more: bool


class OwnPostsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """`standing` wants those only that stand so now."""

    standing: Literal["open", "taken", "lapsed", "withdrawn"] | None = None
    page: PageNumber = 1


class PostsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """The filters of the search page. `attributes` as `grade=q235b,width=1000..1500,prime=1`; prices need a currency."""

    q: Annotated[str, Meta(max_length=100)] = ""
    side: Side | None = None
    category: Code | None = None
    attributes: Annotated[str, Meta(max_length=500)] = ""
    currency: CurrencyTraded | None = None
    price_from: Annotated[str, Meta(max_length=30)] = ""
    price_to: Annotated[str, Meta(max_length=30)] = ""
    priced: bool = False
    named: bool = False
    quantity_from: Quantity | None = None
    country: Country | None = None
    term: Term | None = None
    delivery_from: date | None = None
    delivery_to: date | None = None
    sort: Literal["newest", "price", "price_down", "delivery", "lapsing"] = "newest"
    page: PageNumber = 1


class Imported(Struct, kw_only=True):
    posts: int


class SearchIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """A search to be told of: its filters as the address of `/market` has them, such as `category=urea&side=supply`."""

    name: Annotated[str, Meta(min_length=1, max_length=80, pattern=r"\S")]
    query: Annotated[str, Meta(max_length=2000)] = ""
    alerts: bool = True


class Searches(Struct, kw_only=True):
    items: list[SavedSearch]


@operation("GET", "/market/categories", tag="market")
async def market_categories(call: Call) -> Categories:
    """Every kind of goods with its unit and attributes."""
    return Categories(items=[_category(each) for each in await store.categories(call.conn)])


@operation("GET", "/market/posts", tag="market")
async def market_posts(call: Call, query: PostsQuery) -> FoundPosts:
    """Search what is offered and wanted."""
    categories = await store.categories(call.conn)
    filters = _filters(call, _typed(query), categories)
    found = await search.find(call.conn, filters, categories, call.now)
    items = [public_shape(call, each) for each in found.rows]
    return FoundPosts(items=items, page=found.page, pages=found.pages, total=found.total, more=found.more)


@operation("GET", "/market/posts/{post_id:int}", tag="market")
async def market_post(call: Call, post_id: int) -> PostShape:
    """One post, also after its end."""
    whole, shown = await posts.post_by_id(call.conn, post_id), await search.public_post(call.conn, post_id)
    if whole is None or shown is None or not is_shown(whole, call.viewer.party_id, call.now):
        raise ProblemError(PostRefusal.NO_SUCH_POST)
    return public_shape(call, shown)


@operation("GET", "/market/mine", tag="market")
async def my_posts(call: Call, query: OwnPostsQuery) -> Listed[OwnPostShape]:
    """One's own posts, the newest first, a hundred a page."""
    party_id, standing = call.viewer.id, query.standing or ""
    total = await store.count_posts_of_party(call.conn, party_id, call.now, standing)
    skip = (query.page - 1) * OWN_PAGE_SIZE
    mine = await store.posts_of_party(call.conn, party_id, call.now, standing, limit=OWN_PAGE_SIZE, skip=skip)
    pages = max(1, -(-total // OWN_PAGE_SIZE))
    return Listed(items=[own_shape(call, each) for each in mine], page=query.page, pages=pages, total=total)


@operation("POST", "/market/posts", tag="market", status=201)
async def create_post(call: Call, body: PostIn) -> OwnPostShape:
    """A new post."""
    content, categories = _content(body), await store.categories(call.conn)
    _judge(call, content, categories, body.valid_days, is_new=True)
    done: Post = granted(
        await posts.create(
            call.conn,
            party_id=call.viewer.id,
            content=content,
            valid_days=body.valid_days or 30,
            categories=categories,
            now=call.now,
        )
    )
    return own_shape(call, done)


@operation("PUT", "/market/posts/{post_id:int}", tag="market")
async def edit_post(call: Call, post_id: int, body: PostEdit) -> OwnPostShape:
    """Write an open post anew; refused while an order of it stands on a board."""
    old = await posts.own(call.conn, post_id, call.viewer.id)
    if old is None:
        raise ProblemError(PostRefusal.NO_SUCH_POST)
    categories = await store.categories(call.conn)
    content = _content(body)
    fixed = {"side": old.side.value, "category": old.category, "anonymous": old.anonymous}
    changed = [
        Fault(field=name, code=PostFault.FIXED, params={"value": str(was).lower()})
        for name, was in fixed.items()
        if getattr(content, name) != was
    ]
    if changed:
        raise ProblemError(PostRefusal.POST_FAULTY, faults=_told(call, changed))
    _judge(call, content, categories, body.valid_days, is_new=False)
    done: Post = granted(
        await posts.edit(
            call.conn,
            post_id=post_id,
            party_id=call.viewer.id,
            version=body.version,
            content=content,
            valid_days=body.valid_days,
            categories=categories,
            now=call.now,
        )
    )
    return own_shape(call, done)


@operation("POST", "/market/posts/{post_id:int}/withdraw", tag="market")
async def withdraw_post(call: Call, post_id: int) -> OwnPostShape:
    """Take the rest of a post off the market."""
    done = granted(await posts.withdraw(call.conn, post_id=post_id, party_id=call.viewer.id, now=call.now))
    return own_shape(call, done)


@operation("POST", "/market/posts/import", tag="market", status=201, body_media_types=("text/csv",))
async def import_posts(call: Call, body: bytes) -> Imported:
    """Take in a CSV file of posts, whole or not at all. The answer to a faulty one names each line and what would be right."""
    categories, name = await store.categories(call.conn), call.viewer.display_name
    read = await importing.read_off_loop(body, categories, headings_of(call.house.catalogue), call.now, name)
    if read.fault is not None:
        text = call.house.catalogue.text(f"import_fault.{read.fault.value}", call.lang)
        raise ProblemError(PostRefusal.POST_FAULTY, fault=read.fault.value, text=text)
    if read.faulty:
        lines = [{"line": each.number, "faults": _told(call, each.faults)} for each in read.faulty[:100]]
        raise ProblemError(PostRefusal.POST_FAULTY, lines=lines)
    return Imported(posts=granted(await importing.take_in(call.conn, call.viewer.id, read, categories, call.now)))


@operation("GET", "/market/searches", tag="market")
async def saved_searches_list(call: Call) -> Searches:
    """One's own saved searches."""
    return Searches(items=await saved_searches.searches_of(call.conn, call.viewer.id))


@operation("POST", "/market/searches", tag="market", status=201)
async def save_search(call: Call, body: SearchIn) -> SavedSearch:
    """Be told of new posts that fit: a notice within seconds, at most one a minute."""
    filters = _filters(call, parse_qsl(body.query), await store.categories(call.conn))
    done: SavedSearch = granted(
        await saved_searches.save(
            call.conn, party_id=call.viewer.id, name=body.name, filters=filters, alerts=body.alerts, now=call.now
        )
    )
    return done


@operation("DELETE", "/market/searches/{saved_search_id:int}", tag="market")
async def forget_search(call: Call, saved_search_id: int) -> None:
    """Be told no more."""
    granted(await saved_searches.forget(call.conn, search_id=saved_search_id, party_id=call.viewer.id))


def public_shape(call: Call, post: search.PublicPost) -> PostShape:
    """A post for the wire."""
    name = post.party_name or call.house.catalogue.text(
        "trading.alias", call.lang, alias=alias(call.house.config.secret_key, post.id)
    )
    return PostShape(**_said(post), party=name)


def own_shape(call: Call, post: Post) -> OwnPostShape:
    """One's own post for the wire."""
    return OwnPostShape(
        **_said(post),
        party=call.viewer.display_name,
        standing=post.standing(call.now),  # type: ignore[arg-type]
        taken=post.taken,
        on_board=post.on_board,
        shown_at=post.shown_at,
        latitude=post.latitude,
        longitude=post.longitude,
    )


def _said(post: search.PublicPost | Post) -> dict[str, Any]:
    names = [name for name in PostShape.__struct_fields__ if name not in ("party", "price_minor")]
    price_minor = None if post.price_minor is None else str(post.price_minor)
    return {**{name: getattr(post, name) for name in names}, "price_minor": price_minor}


def _content(body: PostIn) -> PostContent:
    values = {name: getattr(body, name) for name in PostContent.__struct_fields__ if name != "price_minor"}
    for name in ("title_zh", "title_en", "place"):
        values[name] = " ".join(_composed(values[name]).split())
    for name in ("description_zh", "description_en"):
        values[name] = _composed(values[name]).replace("\r\n", "\n").replace("\r", "\n").strip()
    values["attributes"] = {
        code: " ".join(_composed(value).split()) if isinstance(value, str) else value
        for code, value in values["attributes"].items()
    }
    return PostContent(**values, price_minor=None if body.price_minor is None else minor_in(body.price_minor))


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text.replace("\x00", ""))


def _judge(
    call: Call, content: PostContent, categories: list[Category], valid_days: int | None, *, is_new: bool
) -> None:
    category = next((each for each in categories if each.code == content.category), None)
    found = faults(content, category, call.now, party_name=call.viewer.display_name, is_new=is_new)
    if found:
        raise ProblemError(PostRefusal.POST_FAULTY, faults=_told(call, found))
    if valid_days not in (None, *VALID_DAYS):
        raise ProblemError(Problem.MALFORMED, fault=f"valid_days is one of {', '.join(map(str, VALID_DAYS))}")


def _told(call: Call, found: Sequence[Fault]) -> list[dict[str, str]]:
    return [
        {"field": each.field, "code": each.code.value, "text": fault_texts(call.request, {"": each})[""]}
        for each in found
    ]


def _typed(query: PostsQuery) -> list[tuple[str, str]]:
    """The query as the search page's address would have it."""
    typed = []
    for name in query.__struct_fields__:
        value = getattr(query, name)
        if value not in (None, "", False) and name != "attributes":
            typed.append((name, "1" if value is True else str(value)))
    for part in filter(str.strip, query.attributes.split(",")):
        code, equals, value = part.strip().partition("=")
        if not equals:
            raise ProblemError(
                Problem.MALFORMED, fault=f"attributes: write code=value or code=least..most, not {part[:40]}"
            )
        least, dots, most = value.partition("..")
        typed += [(f"attr_{code}_from", least), (f"attr_{code}_to", most)] if dots else [(f"attr_{code}", value)]
    return typed


def _filters(call: Call, typed: list[tuple[str, str]], categories: list[Category]) -> PostFilters:
    """The filters, each of them understood: a program that misspells one is not given all posts instead."""
    read = read_filters(typed, categories, call.now)
    if read.wrong:
        names = ", ".join(dict.fromkeys(each.name for each in read.wrong))
        told = [
            {"field": each.name, "code": each.fault.value, "text": filter_text(call.request, each)}
            for each in read.wrong
        ]
        raise ProblemError(Problem.MALFORMED, fault=f"no such filter, or not with this value: {names}", faults=told)
    return read.filters


def _category(category: Category) -> CategoryShape:
    return CategoryShape(
        code=category.code,
        parent=category.parent,
        name_en=category.name_en,
        name_zh=category.name_zh,
        unit=category.unit,
        attributes=msgspec.to_builtins(category.attributes),
        retired=category.retired_at is not None,
    )


assert PAGE_SIZE <= 100, "a page of the search is a page of the API"
