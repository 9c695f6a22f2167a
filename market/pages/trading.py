"""The market of supply and demand for everybody: the search with its filters in the address, and one post."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from market.house import house_of
from market.pages.sell import csv_response
from market.problems import Problem, ProblemError
from market.rendering import language_of, render
from market.trading import posts, saved_searches, search, store
from market.trading.countries import country_name, country_names, naming
from market.trading.csv_export import attribute_lines, public_csv
from market.trading.facts import CURRENCIES, TERMS, Category, Kind, PostContent, Side
from market.trading.filter_reading import WrongFilter, read_filters
from market.trading.filters import LAST_PAGE, SORTS, PostFilters
from market.trading.public import alias, is_shown
from market.trading.search import PublicPost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_CSV_ROWS = 1_000
FILTER_WORDS = {
    "q": "trading.search", "side": "trading.side", "category": "trading.category", "currency": "trading.currency",
    "price_from": "trading.price_range", "price_to": "trading.price_range", "priced": "trading.only_priced",
    "named": "trading.only_named", "quantity_from": "trading.quantity_from", "country": "trading.country",
    "term": "trading.term", "delivery_from": "trading.delivery_after", "delivery_to": "trading.delivery_before",
    "sort": "form.sort", "page": "trading.page_of_list",
}  # fmt: skip
"""The word beside each filter's box."""


async def market(request: Request) -> Response:
    """Everything that is offered and wanted, filtered, sorted, in pages, or as CSV."""
    house, now, lang = house_of(request), house_of(request).node_time.now(), language_of(request)
    async with house.pool.acquire() as conn:
        categories = await store.categories(conn)
        read = read_filters(request.query_params.multi_items(), categories, now)
        filters, as_csv = read.filters, request.query_params.get("format") == "csv"
        # A file does not show what was left out of its question.
        if as_csv and not read.wrong:
            rows = await search.all_found(conn, filters, categories, now, MOST_CSV_ROWS)
            return csv_response(
                await asyncio.to_thread(public_csv, rows, lang, categories, texts(request)), "market.csv"
            )
        found = await search.find(conn, filters, categories, now)
        if found.page > found.pages:
            found = await search.find(conn, replace(filters, page=found.pages), categories, now)
        party_id = request.user.party_id
        saved = await saved_searches.searches_of(conn, party_id) if party_id is not None else []
    query = filters.query(with_order=False)
    context = {
        **shared(request, categories),
        "found": found,
        "filters": filters,
        "wrong": wrong_lines(request, read.wrong, categories),
        "query": query,
        "category": next((each for each in categories if each.code == filters.category), None),
        "saved": next((each for each in saved if each.query == query), None),
        "search_name": search_name(request, filters, categories),
        "typed": request.query_params,
        "countries": country_names(lang),
        "currencies": CURRENCIES,
        "terms": TERMS,
        "sides": tuple(Side),
        "sorts": SORTS,
        "kinds": Kind,
        "last_page": LAST_PAGE,
        "most_csv_rows": MOST_CSV_ROWS,
    }
    return render(request, "trading/market.html", context, status=422 if as_csv else 200)


async def post(request: Request) -> Response:
    """One post: what it says, and what to do next."""
    house, now = house_of(request), house_of(request).node_time.now()
    post_id, viewer = int(request.path_params["post_id"]), request.user
    async with house.pool.acquire() as conn:
        whole = await posts.post_by_id(conn, post_id)
        if whole is None or not is_shown(whole, viewer.party_id, now):
            raise ProblemError(Problem.NOT_FOUND)
        shown = await search.public_post(conn, post_id)
        categories = await store.categories(conn)
        like = PostFilters(side=whole.side.other.value, category=whole.category)
        others = await search.find(conn, like, categories, now, page_size=6)
    assert shown is not None
    own = whole.party_id == viewer.party_id
    context = {
        **shared(request, categories),
        "post": shown,
        "standing": whole.standing(now),
        "own": own,
        "whole": whole if own else None,
        "not_yet_shown": whole.shown_at if now < whole.shown_at else None,
        "others": [each for each in others.rows if each.id != post_id],
        "others_link": f"/market?{like.query()}",
        "sum_minor": None if shown.price_minor is None else shown.price_minor * shown.open_quantity,
    }
    return render(request, "trading/post.html", context)


def shared(request: Request, categories: Sequence[Category]) -> dict[str, Any]:
    """What every page with posts on it needs to show them."""
    lang, text = language_of(request), texts(request)
    by_code = {each.code: each for each in categories}
    secret_key = house_of(request).config.secret_key

    def said_by(shown: PublicPost) -> str:
        return shown.party_name or text("trading.alias", alias=alias(secret_key, shown.id))

    def attributes(shown: PostContent) -> list[tuple[str, str]]:
        return attribute_lines(shown.attributes, by_code[shown.category], lang, text)

    return {
        "categories": categories,
        "groups": grouped(categories),
        "by_code": by_code,
        "unit": lambda code: text(f"unit.{by_code[code].unit}"),
        "amount": lambda number: Markup('<span class="quantity">{}</span>').format(f"{number:,}"),
        "said_by": said_by,
        "attributes_of": attributes,
        "country": naming(lang),
    }


def filter_text(request: Request, wrong: WrongFilter) -> str:
    """What is wrong with a filter and what would be right, as a sentence."""
    return texts(request)(f"filter_fault.{wrong.fault.value}", value=wrong.typed, **wrong.params)


def wrong_lines(
    request: Request, wrong: Sequence[WrongFilter], categories: Sequence[Category]
) -> list[tuple[str, str]]:
    """Each wrong filter by the word that stands beside its box, with the sentence about it."""
    return [(_filter_word(request, each.name, categories), filter_text(request, each)) for each in wrong]


def _filter_word(request: Request, name: str, categories: Sequence[Category]) -> str:
    text, lang = texts(request), language_of(request)
    if name in FILTER_WORDS:
        return text(FILTER_WORDS[name])
    code = name.removeprefix("attr_")
    chosen = request.query_params.get("category")
    # Other goods may have another word for the attribute of the same code.
    in_turn = sorted(categories, key=lambda each: each.code == chosen)
    kinds = {kind.code: kind for each in in_turn for kind in each.attributes}
    for tail in ("", "_from", "_to"):
        if (
            name.startswith("attr_")
            and code.endswith(tail)
            and (kind := kinds.get(code.removesuffix(tail))) is not None
        ):
            return kind.name(lang)
    return name


def grouped(categories: Sequence[Category]) -> list[tuple[Category, list[Category]]]:
    """Groups with their kinds of goods, as long as anything new may be posted in them."""
    return [
        (group, [each for each in categories if each.parent == group.code and each.retired_at is None])
        for group in categories
        if group.is_group
    ]


def texts(request: Request) -> Callable[..., str]:
    """The catalogue in the viewer's language."""
    catalogue, lang = house_of(request).catalogue, language_of(request)

    def text(key: str, **params: object) -> str:
        return catalogue.text(key, lang, **params)

    return text


def search_name(request: Request, filters: PostFilters, categories: Sequence[Category]) -> str:
    """A name for the search out of what it asks for."""
    lang, text = language_of(request), texts(request)
    category = next((each for each in categories if each.code == filters.category), None)
    parts = [
        text(f"post_side.{filters.side}") if filters.side else "",
        category.name(lang) if category is not None else "",
        filters.q,
        country_name(filters.country, lang) if filters.country else "",
        filters.term,
        filters.currency,
    ]
    return " · ".join(part for part in parts if part)[:80] or text("trading.everything")


routes = [
    Route("/market", market, name="market"),
    Route("/market/posts/{post_id:int}", post, name="market_post"),
]
