"""The calendar: what is on show and where it stands, found exactly in both languages, and never a secret."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from auction import desk
from market.calendar import CalendarFilters, CalendarRow, calendar, calendar_csv, calendar_rows, filters_from_query
from market.catalogue import Catalogue
from market.csv_cells import csv_text, guarded_cell
from tests.sell.stall import HOUR, NOW, WHOLE, changed, on_show, party, submitted

if TYPE_CHECKING:
    from migrations.database import Connection


async def titles(conn: Connection, **asked: object) -> list[str]:
    page = await calendar(conn, CalendarFilters(**asked), NOW)
    return [row.title_en for row in page.rows]


async def shop(conn: Connection, *contents: dict[str, object]) -> list[int]:
    seller, operator = await party(conn), await party(conn, operator=True)
    return [(await on_show(conn, seller, operator, changed(**content))).id for content in contents]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("梅瓶", ["Vase"]),
        ("瓶", ["Vase", "Bottle"]),
        ("花瓶", ["Bottle"]),
        ("瓶花", []),
        ("VASE", ["Vase"]),
        ("ａｎｃｉｅｎｔ vase", ["Vase"]),
        ("cient", ["Vase", "Bottle"]),
        ("vase bottle", []),
        ("o'clock", ["Bottle"]),
        ("100%", ["Bottle"]),
        ("\\", ["Bottle"]),
        ("x' & !'y", []),
        ("  ", ["Vase", "Bottle"]),
    ],
)
async def test_search_finds_every_part_of_a_word_in_both_languages(conn: Connection, q: str, found: list[str]) -> None:
    await shop(
        conn,
        {"title_en": "Vase", "title_zh": "青花梅瓶", "description_en": "Ancient", "description_zh": ""},
        {
            "title_en": "Bottle",
            "title_zh": "大花瓶",
            "description_en": "ancient, five o'clock, 100% \\",
            "description_zh": "",
        },
    )
    assert await titles(conn, q=q) == found


async def test_only_approved_lots_are_on_show(conn: Connection) -> None:
    seller = await party(conn)
    await submitted(conn, seller)
    assert await titles(conn) == []


async def test_the_state_is_derived_from_the_end_not_from_the_closer(conn: Connection) -> None:
    (lot_id,) = await shop(conn, {"timed_seconds": 3600, "extension_seconds": 120})

    async def at(after: timedelta) -> CalendarRow:
        return (await calendar_rows(conn, [lot_id], NOW + HOUR + after))[lot_id]

    assert (await at(timedelta(seconds=-1))).state == "upcoming"
    assert ((await at(timedelta(0))).state, (await at(timedelta(0))).phase) == ("live", "timed")
    delayed = await at(HOUR)
    assert (delayed.state, delayed.phase) == ("live", "delayed")
    assert delayed.ends_at == NOW + 2 * HOUR + timedelta(seconds=120)
    assert (await at(HOUR + timedelta(seconds=120))).state == "closed"


async def test_filters_sorts_and_pages(conn: Connection) -> None:
    await shop(
        conn,
        {"title_en": "A", "start_price_minor": 3_000, "reserve_minor": None, "category": "tea"},
        {"title_en": "B", "start_price_minor": 1_000, "reserve_minor": None, "starts_at": NOW + 3 * HOUR},
        {"title_en": "C", "start_price_minor": 2_000, "reserve_minor": None, "currency": "USD"},
    )
    assert await titles(conn, sort="price") == ["B", "A", "C"]
    assert await titles(conn, sort="price_down") == ["A", "B", "C"]
    assert await titles(conn, sort="starts") == ["A", "C", "B"]
    assert await titles(conn, category="tea") == ["A"]
    assert await titles(conn, currency="USD") == ["C"]
    assert await titles(conn, state="live") == []
    page = await calendar(conn, CalendarFilters(page=2, page_size=2), NOW)
    assert ([row.title_en for row in page.rows], page.total, page.pages) == (["B"], 3, 2)


async def test_a_void_lot_is_closed(conn: Connection) -> None:
    (lot_id,) = await shop(conn, {})

    async def on_hammer(*_: object) -> None:
        return None

    async with conn.transaction():
        await desk.void(conn, lot_id, NOW, on_hammer)
    row = (await calendar_rows(conn, [lot_id], NOW))[lot_id]
    assert (row.state, row.outcome) == ("closed", "void")


def test_an_address_can_only_ask_for_what_there_is() -> None:
    asked = {
        "state": "secret",
        "category": "'; drop",
        "currency": "XXX",
        "sort": "reserve_minor",
        "page": "-3",
        "q": "x" * 999,
    }
    filters = filters_from_query(asked)
    assert filters == CalendarFilters(q="x" * 100)
    assert filters_from_query({"page": "9" * 30}).page == 1
    assert filters_from_query({"q": "a\x00b"}).q == "ab"


async def test_no_field_of_the_calendar_tells_the_reserve(conn: Connection) -> None:
    (lot_id,) = await shop(conn, {"reserve_minor": 7_770_000})
    row = (await calendar_rows(conn, [lot_id], NOW))[lot_id]
    assert row.reserve == "not_met"
    assert "777" not in repr(row) and "777" not in calendar_csv([row], "en", Catalogue.load())


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", " =1", "\u3000=1", "\n=1", "|calc"]
)
def test_a_cell_that_would_run_is_text(cell: str) -> None:
    assert guarded_cell(cell).startswith("'")


def test_numbers_and_plain_words_stay_as_they_are() -> None:
    assert [guarded_cell(one) for one in (12, "-", "Vase = old", None, "青花")] == [
        "12",
        "'-",
        "Vase = old",
        "",
        "青花",
    ]
    assert csv_text(["a", "b"], [[1, 'x, "y"']]) == '\ufeffa,b\r\n1,"x, ""y"""\r\n'


async def test_a_formula_in_a_title_does_not_leave_as_one(conn: Connection) -> None:
    (lot_id,) = await shop(conn, {"title_en": "=HYPERLINK(1)", "title_zh": ""})
    row = (await calendar_rows(conn, [lot_id], NOW))[lot_id]
    assert "'=HYPERLINK(1)" in calendar_csv([row], "en", Catalogue.load())
    assert row.title("zh") == "=HYPERLINK(1)" and WHOLE.title_en not in row.title("en")
