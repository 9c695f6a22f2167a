"""Numbers in clear where none belongs: in every field of every form and of every call, in addresses and headers, in what is no
JSON at all. The house must neither keep nor repeat nor log them, whoever made the mistake.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from market.access.rows import Who
from market.access.table import TABLE
from market.openapi import openapi_document
from tests.canary import looks
from tests.canary.buyers import ByPage
from tests.sell import stall

if TYPE_CHECKING:
    from tests.canary.numbers import Canary
    from tests.canary.scene import Browser, Program, Scene

Mistake = Callable[[str], Awaitable[object]]
_PART = re.compile(r"{[^}]*}")
_DIGITS = re.compile(r"[0-9]+")
ADDRESSES = (
    "/{number}", "/lots?q={number}", "/deals/{number}", "/wallet/card-payments/{number}", "/api/v1/deals/{number}",
    "/api/v1/lots?q={number}", "/api/v1/wallet/card-payments/{number}",
)  # fmt: skip
WRONG_FORMS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/wallet/manager/cards", {"sealed": "{number}", "number": "{spaced}"}),
    ("/wallet/manager/cards", {"sealed": "gv1.0000000000000000.add_card.1.{number}"}),
    ("/wallet/unlock", {"sealed": "gv1.{number}"}),
    ("/wallet/manager/cards/{number}/remove", {}),
    ("/wallet/top-up", {"amount": "12", "currency": "CNY", "into": "wallet", "means": "card:{number}"}),
)
ABSENT = "4000000001"
"""An id that nothing has: the mistakes shall end no session and revoke no token of those who make them."""
KEEPS = frozenset({"tracking_number"})
"""A parcel's number may look like a card's."""
_ENDS = re.compile(r"/sign-out|/sessions/|/tokens/")
_TYPED = {"text", "search", "textarea", "password", "email", "hidden", "number"}


async def everywhere(
    scene: Scene, cards: Iterator[Canary], *, every: int = 1, only: re.Pattern[str] | None = None
) -> int:
    """Each mistake, or one of so many, with a number of its own; how many were made. With `only`, in no other forms."""
    made = 0
    async for mistake in _mistakes(scene, only):
        made += 1
        if made % every == 0:
            await mistake(next(cards).number)
    return made // every


async def _mistakes(scene: Scene, only: re.Pattern[str] | None) -> AsyncIterator[Mistake]:
    for place in ADDRESSES:
        yield partial(_look_at, scene.seller, place)
    for path, form in WRONG_FORMS:
        yield partial(_post_wrongly, scene.seller, path, form)
    yield lambda number: _raw(scene, "/webhooks/bank", number, {})
    yield lambda number: _raw(scene, "/api/v1/wallet/cards", number, scene.program.headers())
    yield lambda number: _raw(scene, "/api/v1/wallet/cards", f'{{"number":{number}', scene.program.headers())
    operator = scene.operator_program
    for one in _calls():
        program = operator if one.who is Who.OPERATOR else scene.program
        for mistake in one.mistakes(program):
            yield mistake
    async for mistake in _forms(scene, only):
        yield mistake


async def _look_at(browser: Browser, place: str, number: str) -> None:
    await browser.get(place.format(number=number))


async def _post_wrongly(browser: Browser, path: str, form: dict[str, str], number: str) -> None:
    await browser.post(path.format(number=number), {name: _filled(value, number) for name, value in form.items()})


def _filled(value: str, number: str) -> str:
    spaced = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
    return value.format(number=number, spaced=spaced)


async def _raw(scene: Scene, path: str, content: str, headers: dict[str, str]) -> None:
    answer = await scene.http.post(path, content=content, headers={"content-type": "application/json", **headers})
    scene.journal.keep("a program", answer)


# Calls of the API


class _Call:
    """One operation, with a body that is whole but for the field in which the number is."""

    def __init__(self, method: str, template: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
        self.method, self.path = method.upper(), _PART.sub(ABSENT, template).removeprefix("/api/v1")
        self.who = TABLE[f"api.{operation['operationId']}"].who
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        self.body = _sample(content["schema"], schemas) if content else None

    def mistakes(self, program: Program) -> Iterator[Mistake]:
        def ask(number: str, body: Any = None, query: str = "", key: str = "") -> Awaitable[object]:
            return program.ask(self.method, self.path + query, self.body if body is None else body, key=key)

        yield lambda number: ask(number, query=f"?q={number}")
        if self.method != "GET":
            yield lambda number: ask(number, key=number)
        if isinstance(self.body, dict):
            whole = self.body
            yield lambda number: ask(number, {**whole, "card": number})
            for field in whole:
                if field not in KEEPS:
                    yield partial(self._filled_in, program, field)

    async def _filled_in(self, program: Program, field: str, number: str) -> None:
        assert isinstance(self.body, dict)
        await program.ask(self.method, self.path, {**self.body, field: _filled("{spaced}", number)})


def _calls() -> Iterator[_Call]:
    document = openapi_document()
    for template, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in ("get", "post", "put", "patch", "delete"):
                yield _Call(method, template, operation, document["components"]["schemas"])


def _sample(shape: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Something of this shape."""
    while "$ref" in shape:
        shape = schemas[shape["$ref"].rpartition("/")[2]]
    if "anyOf" in shape:
        return _sample(next(each for each in shape["anyOf"] if each.get("type") != "null"), schemas)
    if "enum" in shape:
        return shape["enum"][0]
    match shape.get("type"):
        case "object":
            return {name: _sample(each, schemas) for name, each in shape.get("properties", {}).items()}
        case "array":
            return [_sample(shape.get("items", {}), schemas)]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
        case _:
            return "1"


# Forms of the pages


class _FormsOfPage(HTMLParser):
    """The forms that a page posts: where to, and which fields with which values."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str], list[str]]] = []
        self._in_form = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._in_form = said.get("method", "").lower() == "post"
            if self._in_form:
                self.forms.append((said.get("action", ""), {}, []))
        elif self._in_form and tag in ("input", "textarea", "select") and said.get("name"):
            _, values, typed = self.forms[-1]
            values[said["name"]] = said.get("value", "1")
            if tag == "textarea" or (tag == "input" and said.get("type", "text") in _TYPED):
                typed.append(said["name"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._in_form = False


async def _forms(scene: Scene, only: re.Pattern[str] | None) -> AsyncIterator[Mistake]:
    """Each field of each form that a buyer, the seller or an operator is shown, once."""
    async with scene.pool.acquire() as conn:
        party = await stall.party(conn, now=datetime.now(UTC))
    case, buyer = await scene.deal(party), await ByPage.of(scene, party)
    await buyer.open(f"a phrase for {party} that nobody knows")
    seen: set[tuple[str, str]] = set()
    for name, path in looks.paths(await looks.ids_of(scene, party, case), only):
        who = TABLE[name].who
        if path.startswith("/api/") or who not in (Who.MEMBER, Who.OPERATOR):
            continue
        for browser in (scene.operator,) if who is Who.OPERATOR else (buyer, scene.seller):
            for action, values, typed in _forms_of((await browser.get(path)).text):
                for field in typed:
                    place = (_DIGITS.sub("0", action or path), field)
                    if place not in seen and field not in KEEPS and not _ENDS.search(action):
                        seen.add(place)
                        yield _typed_into(browser, action or path, values, field)


def _forms_of(text: str) -> list[tuple[str, dict[str, str], list[str]]]:
    page = _FormsOfPage()
    page.feed(text)
    return page.forms


def _typed_into(browser: Browser, action: str, values: dict[str, str], field: str) -> Mistake:
    async def post(number: str) -> None:
        await browser.post(action, {**values, field: _filled("{spaced}", number)})

    return post
