"""Posts in and out as CSV: encodings, separators, headings, faults by line, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest
from msgspec.structs import replace

from market.catalogue import Catalogue
from market.trading.csv_export import own_csv, template
from market.trading.csv_posts import LARGEST_FILE_BYTES, MOST_ROWS, FileFault, heading_fields, read_file
from market.trading.facts import Post, PostState
from market.trading.reading import COLUMNS
from tests.trading.market import COIL, NOW
from tests.trading.test_rules import GROUP, KIND

CATALOGUE = Catalogue.load()
HEADINGS = heading_fields(
    {name: [CATALOGUE.text(f"post_field.{name}", lang) for lang in ("en", "zh")] for name in COLUMNS}
)
ALL = [GROUP, KIND]
CHINESE = "供求,品类,中文标题,数量,单价,币种,国家或地区,地点,交货起始日,交货截止日,贸易术语,牌号\n" + (
    "供应,热轧卷板,热轧卷板一批,500,3450,CNY,中国,天津,2026-12-01,2026-12-20,FOB,Q235B\n"
)


def lines_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_chinese_file_is_read_in_either_encoding_and_with_any_separator(encoding: str, separator: str) -> None:
    said = f"sep={separator}\n" if separator == ";" else ""
    read = read_file((said + CHINESE.replace(",", separator)).encode(encoding), ALL, HEADINGS, NOW)
    assert read.is_good and read.encoding == encoding.removesuffix("-sig").upper()
    (line,) = read.lines
    assert line.number == (3 if said else 2) and line.content is not None
    assert (line.content.title_zh, line.content.quantity, line.content.attributes) == (
        "热轧卷板一批",
        500,
        {"grade": "q235b"},
    )


def test_the_template_is_itself_a_good_file() -> None:
    read = read_file(template(KIND, "zh", NOW).encode(), ALL, HEADINGS, NOW)
    assert read.is_good, read.faulty
    assert read.unknown == []


def test_each_faulty_line_is_named_with_what_would_be_right_and_none_is_good() -> None:
    rows = (
        CHINESE
        + "供应,热轧卷板,x,一百,3450,CNY,中国,天津,2026-12-01,2026-12-20,FOB,Q235B\n\n"
        + ('求购,热轧卷板,"两行\n标题",5,3450.123,CNY,中国,天津,2026-12-01,2026-12-20,FOB,Q999\n')
    )
    read = read_file(rows.encode(), ALL, HEADINGS, NOW)
    assert not read.is_good
    found = [(line.number, [(each.field, each.code.value) for each in line.faults]) for line in read.faulty]
    assert found == [
        (3, [("quantity", "not_a_number")]),
        (5, [("price", "not_an_amount"), ("attr_grade", "no_such_choice")]),
    ]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", FileFault.EMPTY),
        (b"\n\n", FileFault.EMPTY),
        (CHINESE.partition("\n")[0].encode(), FileFault.EMPTY),
        (b"a,b\n1,2\n", FileFault.NO_HEADINGS),
        (CHINESE.encode("utf-16-le"), FileFault.NOT_TEXT),
        (b"side,category,quantity\n\x00,1,2", FileFault.NOT_TEXT),
        (b'side,category,quantity\n"open,1,2', FileFault.NOT_TEXT),
        (b"side,category,quantity\n" + b"supply,x,1\n" * (MOST_ROWS + 1), FileFault.TOO_MANY_ROWS),
        (b"x" * (LARGEST_FILE_BYTES + 1), FileFault.TOO_LARGE),
        (CHINESE.replace("币种", "price").encode(), FileFault.HEADING_TWICE),
    ],
    ids=["nothing", "blank", "no lines", "headings", "utf-16", "nul", "quotes", "rows", "large", "twice"],
)
def test_a_file_that_is_none_is_told_as_such(data: bytes, fault: FileFault) -> None:
    assert read_file(data, ALL, HEADINGS, NOW).fault is fault
    assert CATALOGUE.text(f"import_fault.{fault.value}", "zh")


def test_a_row_with_a_cell_too_many_is_faulty_lest_an_unquoted_comma_makes_another_price() -> None:
    header, row, _ = CHINESE.replace("单价,", "").split("\n")
    good = row.replace("3450,", "") + ",3450"
    assert read_file(f"{header},单价\n{good},, \n".encode(), ALL, HEADINGS, NOW).is_good
    read = read_file(f"{header},单价\n{good[:-4]}3,450\n".encode(), ALL, HEADINGS, NOW)
    assert [each.code.value for each in read.lines[0].faults] == ["too_many_cells"]
    assert CATALOGUE.text("post_fault.too_many_cells", "en", cells=13, headings=12)


def test_a_comma_in_a_figure_is_refused_where_it_could_part_decimals_as_well_as_thousands() -> None:
    typed = CHINESE.replace(",3450,", ',"3,450",')
    assert read_file(typed.encode(), ALL, HEADINGS, NOW).lines[0].content is not None
    read = read_file(CHINESE.replace(",", ";").replace(";3450;", ";3,450;").encode(), ALL, HEADINGS, NOW)
    assert [(each.field, each.code.value) for each in read.lines[0].faults] == [("price", "ambiguous_comma")]
    assert CATALOGUE.text("post_fault.ambiguous_comma", "zh", value="3,450")


def test_a_card_number_is_refused_in_a_file_as_in_a_form() -> None:
    read = read_file(CHINESE.replace("热轧卷板一批", "打款至 4111 1111 1111 1111").encode(), ALL, HEADINGS, NOW)
    assert [(each.field, each.code.value) for each in read.lines[0].faults] == [("title_zh", "card_number")]


def test_unknown_columns_are_named_and_left_out() -> None:
    read = read_file(CHINESE.replace("牌号", "颜色").encode(), ALL, HEADINGS, NOW)
    assert read.unknown == ["颜色"] and [each.code.value for each in read.lines[0].faults] == ["missing"]


def test_what_is_exported_runs_in_no_spreadsheet_and_is_taken_in_as_it_was() -> None:
    said = replace(COIL, title_en="=HYPERLINK(1)", place="+天津", attributes={"grade": "q235b", "brand": "@SUM(A1)"})
    values = {name: getattr(said, name) for name in said.__struct_fields__}
    post = Post(
        **values, id=1_234_567_890, party_id=1, state=PostState.OPEN, version=1, taken=0, on_board=False,
        valid_until=NOW, posted_at=NOW, updated_at=NOW, shown_at=NOW, listed_at=NOW,
    )  # fmt: skip
    text = own_csv([post], ALL, NOW)
    assert not any(cell.startswith(("=", "+", "@", "-")) for line in lines_of(text) for cell in line)
    read = read_file(text.encode(), ALL, HEADINGS, NOW)
    assert read.is_good and read.lines[0].content == said
