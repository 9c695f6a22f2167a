"""The lot editor's form: what was typed comes back as typed, and what can't be kept is named beside its field."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.listing_facts import ListingContent, Step
from market.local_time import to_local, to_utc
from market.lot_form import bands_shown, read_lot, values_of
from tests.sell.stall import NOW, WHOLE, changed


@pytest.mark.parametrize(
    "content",
    [
        WHOLE,
        ListingContent(currency="JPY"),
        changed(zone="Asia/Shanghai", cap_at=NOW, soft_close_seconds=90, extension_seconds=None),
        changed(currency="KWD", steps=(Step(increment_minor=5, below_minor=1_005), Step(increment_minor=1_000))),
        changed(cap_extensions=7, deposit_minor=0, reserve_minor=None, grid_base="current"),
    ],
)
def test_a_stored_lot_survives_its_form(content: ListingContent) -> None:
    read = read_lot(values_of(content))
    assert not read.errors and read.content == content


@pytest.mark.parametrize(
    ("field", "typed", "key"),
    [
        ("start_price", "1.005", "amount_problem.too_many_decimals"),
        ("reserve", "-3", "amount_problem.not_positive"),
        ("deposit", "much", "amount_problem.not_a_number"),
        ("step_0_increment", "NaN", "amount_problem.not_a_number"),
        ("step_2_below", "100", "sell_error.step_missing"),
        ("timed_value", "0", "sell_error.no_such_number"),
        ("timed_value", "1.5", "sell_error.no_such_number"),
        ("extension_value", "9" * 30, "sell_error.no_such_number"),
        ("timed_unit", "years", "sell_error.no_such_choice"),
        ("starts_at", "tomorrow", "sell_error.no_such_time"),
        ("starts_at", "2026-03-02T09:00+08:00", "sell_error.no_such_time"),
        ("zone", "Mars/Olympus", "sell_error.no_such_choice"),
        ("zone", "../../etc/passwd", "sell_error.no_such_choice"),
        ("currency", "XXX", "sell_error.no_such_choice"),
        ("category", "<script>", "sell_error.no_such_choice"),
        ("grid_base", "none", "sell_error.no_such_choice"),
        ("title_en", "x" * 161, "sell_error.too_long"),
    ],
)
def test_what_cannot_be_kept_is_named_beside_its_field(field: str, typed: str, key: str) -> None:
    values = {**values_of(WHOLE), field: typed}
    if field == "step_2_below":
        values["step_2_increment"] = ""
    read = read_lot(values)
    name = "step_2_increment" if field == "step_2_below" else field
    assert read.errors == {name: key} and read.values[field] == typed


def test_the_cap_that_is_not_chosen_does_not_count() -> None:
    typed = {**values_of(WHOLE), "cap": "none", "cap_extensions": "3", "cap_at": "2026-05-01T10:00"}
    content = read_lot(typed).content
    assert content.cap_extensions is None and content.cap_at is None


@pytest.mark.parametrize(
    ("typed", "zone", "utc"),
    [
        ("2026-07-01T20:00", "Asia/Shanghai", datetime(2026, 7, 1, 12, 0, tzinfo=UTC)),
        ("2026-07-01T20:00:30", "UTC", datetime(2026, 7, 1, 20, 0, 30, tzinfo=UTC)),
        ("2026-10-25T02:30", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-03-29T02:30", "Europe/Berlin", None),
        ("1999-01-01T00:00", "UTC", None),
        ("", "UTC", None),
    ],
)
def test_times_are_those_of_the_named_zone_and_a_skipped_hour_is_none(
    typed: str, zone: str, utc: datetime | None
) -> None:
    assert to_utc(typed, zone) == utc
    if utc is not None:
        assert to_utc(to_local(utc, zone), zone) == utc


def test_the_step_table_always_has_room_for_one_more() -> None:
    assert bands_shown({}) == 3
    assert bands_shown({f"step_{place}_increment": "1" for place in range(3)}) == 4
    assert bands_shown({f"step_{place}_increment": "1" for place in range(8)}) == 8


_names = st.sampled_from([*values_of(WHOLE), "step_1_below", "step_7_increment", "act", "version"])


@given(st.dictionaries(_names, st.text(max_size=40)))
def test_no_form_whatever_breaks_the_reader(form: dict[str, str]) -> None:
    read = read_lot(form)
    assert read.content.deposit_minor >= 0 and read.content.currency
