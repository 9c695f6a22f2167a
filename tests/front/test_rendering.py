"""What pages are made with: the language, the flash message, times, lengths of time, and JSON inside HTML."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from market import rendering
from market.catalogue import Catalogue, CatalogueError, MissingText
from market.kept_templates import KeptTemplates
from market.viewer import Viewer

CATALOGUE = Catalogue.load()


def connection(
    query: str = "",
    cookie: str = "",
    accept: str = "",
    user: Viewer | None = None,
    kind: type[HTTPConnection] = Request,
) -> Any:
    headers = [(b"accept-language", accept.encode())] + ([(b"cookie", cookie.encode())] if cookie else [])
    scope: Mapping[str, Any] = {"type": "http", "query_string": query.encode(), "headers": headers, "user": user}
    return kind(dict(scope))


@pytest.mark.parametrize(
    ("query", "cookie", "party", "accept", "chosen"),
    [
        ("lang=zh", "gavelhouse_lang=en", "en", "en", "zh"),
        ("lang=xx", "gavelhouse_lang=zh", "en", "en", "zh"),
        ("", "", "zh", "en", "zh"),
        ("", "", None, "zh-TW,zh;q=0.9,en;q=0.8", "zh"),
        ("", "", None, "en;q=0.5, zh-Hans;q=0.7", "zh"),
        ("", "", None, "fr, en-GB;q=0.5", "en"),
        ("", "", None, "fr;q=x", "en"),
        ("", "", None, "", "en"),
    ],
)
def test_the_language_is_what_was_asked_for_last(
    query: str, cookie: str, party: str | None, accept: str, chosen: str
) -> None:
    user = None if party is None else Viewer(party_id=1, language=party)
    assert rendering.language_of(connection(query, cookie, accept, user)) == chosen


def flash_cookie(**params: object) -> str:
    response = Response()
    rendering.flash(response, "form.errors_other", kind="note", **params)
    return response.headers["set-cookie"].split(";")[0]


def test_a_flash_message_comes_back_once_it_is_signed() -> None:
    waiting = rendering._read_flash(connection(cookie=flash_cookie(count=2)))
    assert waiting is not None
    assert (waiting.key, waiting.params, waiting.kind) == ("form.errors_other", {"count": "2"}, "note")


@pytest.mark.parametrize("broken", ["gavelhouse_flash=xx", "gavelhouse_flash=%%%", "gavelhouse_flash="])
def test_a_flash_message_that_the_house_did_not_sign_is_nothing(broken: str) -> None:
    assert rendering._read_flash(connection(cookie=broken)) is None
    forged = flash_cookie(count=2)
    assert (
        rendering._read_flash(connection(cookie=forged[:60] + ("A" if forged[60] != "A" else "B") + forged[61:]))
        is None
    )


def test_json_inside_html_can_not_end_its_script() -> None:
    assert "<" not in rendering.script_json({"title": "</script><b>&"})


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [(0, "no time", "0 秒"), (1, "1 second", "1 秒"), (120, "2 minutes", "2 分钟"), (5400, "1 hour 30 minutes", "1 小时 30 分钟"), (259200, "3 days", "3 天")],
)  # fmt: skip
def test_lengths_of_time_are_worded_in_at_most_two_units(seconds: int, en: str, zh: str) -> None:
    assert rendering.duration_text(lambda key, **params: CATALOGUE.text(key, "en", **params), seconds) == en
    assert rendering.duration_text(lambda key, **params: CATALOGUE.text(key, "zh", **params), seconds) == zh


def test_times_name_their_zone_until_the_browser_knows_better() -> None:
    at = datetime(2026, 11, 21, 20, 41, 7, tzinfo=UTC)
    markup = rendering.when_markup(at, "en")
    assert 'datetime="2026-11-21T20:41:07.000Z"' in markup
    assert "20:41 UTC" in markup


def test_plain_text_becomes_paragraphs_with_nothing_left_alive() -> None:
    assert rendering.visible("a <b>\nc\n\n\nd") == "<p>a &lt;b&gt;<br>c</p><p>d</p>"


@pytest.mark.parametrize(
    "entries",
    [
        '[a]\nen = "x"',
        '[a]\nen = "x"\nzh = ""',
        '[a]\nen = "{x}"\nzh = "{y}"',
        '[a]\nen = "x"\nzh = "y"\nfr = "z"',
    ],
)
def test_a_catalogue_that_is_incomplete_does_not_load(entries: str, tmp_path: Any) -> None:
    (tmp_path / "bad.toml").write_text(entries, encoding="utf-8")
    with pytest.raises(CatalogueError):
        Catalogue.load(tmp_path)


def test_a_missing_text_or_parameter_is_an_error_and_markup_stays_markup() -> None:
    with pytest.raises(MissingText):
        CATALOGUE.text("no.such_key", "en")
    with pytest.raises(MissingText):
        CATALOGUE.text("form.errors_other", "en")
    amount = rendering.money_markup(100, "CNY")
    assert "<data" in CATALOGUE.text("lot.say_price", "en", price=amount)


def page_in(folder: Path) -> str:
    """The page `a`, made by a process that begins."""
    loader, kept = jinja2.FileSystemLoader(folder), KeptTemplates(folder, __file__)
    return jinja2.Environment(loader=loader, bytecode_cache=kept).get_template("a").render()


def test_a_template_is_kept_as_bytecode_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for words in ("one", "two"):
        (tmp_path / "a").write_text(words, encoding="utf-8")
        assert page_in(tmp_path) == page_in(tmp_path) == words
    (kept,) = (tmp_path / "__pycache__").iterdir()
    kept.write_bytes(b"half of it")
    assert page_in(tmp_path) == "two"


def test_where_nothing_may_be_written_pages_are_made_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one", encoding="utf-8")
    (tmp_path / "__pycache__").write_text("no folder", encoding="utf-8")
    assert page_in(tmp_path) == "one"
