"""The doctor: looks at the machine, the data folder and the database, and says what is wrong and how to mend it.

A finding is good, a warning (the house runs all the same) or bad. Nothing is changed, except that the embedded database
is started for the moment when no server runs on the folder.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Verdict = Literal["good", "warning", "bad"]


class Finding(Struct, frozen=True, kw_only=True):
    """What one check saw, and for anything but good the one sentence on how to mend it."""

    check: str
    verdict: Verdict
    seen: str
    mend: str = ""
