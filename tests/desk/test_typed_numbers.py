"""Numbers from outside that Python takes for digits and nobody else does: refused, and never a fault of the house."""

from __future__ import annotations

import pytest

from market.pages.desk_forms import is_number, number
from market.pages.operator_batches import read_wish
from market.pages.operator_fees import _basis_points
from market.pages.rehearsal import _milliseconds

ODD = ("²", "٣", "1²", "①", "½", "1_0", "-1", "", " ", "NaN", "sNaN", "1e9999999", "9" * 5000)


@pytest.mark.parametrize("typed", ODD, ids=range(len(ODD)))
def test_what_is_no_number_is_refused_by_every_reader_of_the_desk(typed: str) -> None:
    assert number(typed) is None
    assert not is_number(typed)
    assert read_wish(f"quarantine_return:{typed}") is None


@pytest.mark.parametrize("typed", ["²", "sNaN", "NaN", "Infinity", "1e9999999", "-1e9999999", "1e-9999999", "9" * 5000])
def test_a_rate_or_a_time_beyond_all_measure_is_refused(typed: str) -> None:
    assert _basis_points(typed) is None
    assert _milliseconds(typed) is None
    assert (_basis_points("7.25 %"), _milliseconds("1.5")) == (725, 1500)
