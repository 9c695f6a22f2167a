"""The list of security requirements is whole: each of levels 1 and 2 once, with a state, and every test named is there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from starlette.datastructures import MutableHeaders

from market.security_headers import SecurityHeaders

ROOT = Path(__file__).parents[2]
LAST = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4,
    "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 11, "6.3": 3, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5,
    "7.5": 2, "7.6": 2, "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "11.1": 2, "11.2": 3, "11.3": 3,
    "11.4": 4, "11.5": 1, "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
    "14.1": 2, "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3,
    "16.5": 3,
}  # fmt: skip
"""The requirements of levels 1 and 2 of each section: they are its first ones."""


def test_every_requirement_stands_once_and_every_test_named_exists() -> None:
    listed: Counter[str] = Counter()
    for line in (ROOT / "docs/security.md").read_text(encoding="utf-8").splitlines():
        cells = [one.strip() for one in line.split("|")]
        ids = re.findall(r"[0-9]+\.[0-9]+\.[0-9]+", cells[1]) if len(cells) == 6 else []
        listed.update(ids)
        if ids:
            assert cells[2] in ("held", "read", "partly", "open", "proxy", "n.a."), line
            tests = re.findall(r"`([a-z_]+/[a-z0-9_]+\.py)`", cells[4])
            assert (cells[2] == "held") <= bool(tests) and bool(cells[3]), line
            assert [one for one in tests if not (ROOT / "tests" / one).is_file()] == [], line
    assert listed == Counter(f"{section}.{n}" for section, last in LAST.items() for n in range(1, last + 1))


def test_over_https_browsers_keep_to_it_for_a_year_and_so_do_subdomains() -> None:
    for https in (False, True):
        headers = MutableHeaders()
        SecurityHeaders(None, https=https)._add(headers, "n", {})  # type: ignore[arg-type]
        said = "max-age=31536000; includeSubDomains" if https else None
        assert headers.get("Strict-Transport-Security") == said
