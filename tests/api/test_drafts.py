"""What a draft on the wire is read as: nothing in it is passed over in silence."""

from __future__ import annotations

import msgspec
import pytest

from market.api.drafts import COMMON_FIELDS, Draft, content_of
from market.problems import ProblemError

FILLED = {
    "steps": [{"increment_minor": 5}],
    "grid_base": "current",
    "timed_seconds": 60,
    "extension_seconds": 60,
    "soft_close_seconds": 60,
    "cap_extensions": 3,
    "cap_at": "2027-01-01T00:00:00Z",
}
READ = {
    "english": set(COMMON_FIELDS),
    "sealed": {"steps", "timed_seconds"},
    "dutch": set(),
    "reverse": {"timed_seconds", "soft_close_seconds", "cap_extensions", "cap_at"},
    "uniform": {"timed_seconds"},
}


@pytest.mark.parametrize("name", READ)
def test_a_common_field_that_the_format_does_not_read_is_refused_by_name(name: str) -> None:
    assert set(FILLED) == set(COMMON_FIELDS)
    for field, value in FILLED.items():
        draft = msgspec.convert({"currency": "CNY", "format": name, field: value}, Draft)
        if field in READ[name]:
            assert content_of(draft).format == name
        else:
            with pytest.raises(ProblemError) as refused:
                content_of(draft)
            assert refused.value.extras["fault"] == f"{field}: not for the format {name}"
    assert content_of(Draft(currency="CNY", format=name)).format == name
