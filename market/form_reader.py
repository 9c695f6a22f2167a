"""Reading a form's boxes one by one: exact or refused, what was typed kept, what is wrong noted beside its box.

An amount with excess decimals, a length of no time, a time that a clock skips are refused. Empty is allowed: a draft may
have gaps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from market.currencies import EXPONENTS, AmountProblem, parse_amount
from market.listing_facts import Step
from market.local_time import to_utc, zone_named

if TYPE_CHECKING:
    from datetime import datetime

MOST_BANDS = 8
LONGEST_SECONDS = 10 * 366 * 86_400
UNIT_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}


class Reader:
    """Reads one field after the other and keeps what was typed and what is wrong."""

    def __init__(self, typed: dict[str, str]) -> None:
        self.values = {name: value.replace("\x00", "") for name, value in typed.items()}
        self.errors: dict[str, str] = {}

    def _typed(self, name: str) -> str:
        return self.values.get(name, "").strip()

    def line(self, name: str, longest: int) -> str:
        """One line of text, its spaces single."""
        return " ".join(self.text(name, longest).split())

    def text(self, name: str, longest: int) -> str:
        """A text of some length, longer ones cut and refused."""
        typed = self._typed(name).replace("\r\n", "\n")
        if len(typed) > longest:
            self.errors[name] = "sell_error.too_long"
        return typed[:longest]

    def choice(self, name: str, allowed: tuple[str, ...], otherwise: str) -> str:
        """One of the choices; none chosen is `otherwise`."""
        typed = self._typed(name) or otherwise
        if typed not in allowed:
            self.errors[name] = "sell_error.no_such_choice"
            return otherwise
        self.values[name] = typed
        return typed

    def zone(self, name: str) -> str:
        """A time zone by its IANA name."""
        typed = self._typed(name) or "UTC"
        if len(typed) > 60 or (typed != "UTC" and zone_named(typed) is None):
            self.errors[name] = "sell_error.no_such_choice"
            return "UTC"
        self.values[name] = typed
        return typed

    def amount(self, name: str, currency: str, *, allow_zero: bool = False) -> int | None:
        """A sum in minor units; None where nothing is typed."""
        if not self._typed(name):
            return None
        read = parse_amount(self._typed(name), EXPONENTS[currency], allow_zero=allow_zero)
        if isinstance(read, AmountProblem):
            self.errors[name] = f"amount_problem.{read.value}"
            return None
        return read

    def steps(self, currency: str) -> tuple[Step, ...]:
        """The bands of the step table."""
        bands = []
        for place in range(MOST_BANDS):
            below = self.amount(f"step_{place}_below", currency)
            increment = self.amount(f"step_{place}_increment", currency)
            if increment is not None:
                bands.append(Step(below_minor=below, increment_minor=increment))
            elif below is not None and f"step_{place}_increment" not in self.errors:
                self.errors[f"step_{place}_increment"] = "sell_error.step_missing"
        return tuple(bands)

    def count(self, name: str, most: int = 1_000_000) -> int | None:
        """A whole number above zero."""
        return self._whole(name, most)

    def length(self, name: str) -> int | None:
        """A length of time in seconds, from its number and unit."""
        unit = self.choice(f"{name}_unit", tuple(UNIT_SECONDS), "minutes")
        number = self._whole(f"{name}_value", LONGEST_SECONDS // UNIT_SECONDS[unit])
        return None if number is None else number * UNIT_SECONDS[unit]

    def time(self, name: str, zone: str) -> datetime | None:
        """A time on the clocks of the zone, in UTC."""
        if not self._typed(name):
            return None
        at = to_utc(self._typed(name), zone)
        if at is None:
            self.errors[name] = "sell_error.no_such_time"
        return at

    def _whole(self, name: str, most: int) -> int | None:
        typed = self._typed(name)
        if not typed:
            return None
        if not (typed.isascii() and typed.isdigit()) or len(typed) > 12 or not 0 < int(typed) <= most:
            self.errors[name] = "sell_error.no_such_number"
            return None
        return int(typed)


def length_values(name: str, seconds: int | None, usual_unit: str) -> dict[str, str]:
    """A length in the largest unit that holds it in whole numbers."""
    if seconds is None:
        return {f"{name}_value": "", f"{name}_unit": usual_unit}
    unit = next(unit for unit in ("days", "hours", "minutes", "seconds") if seconds % UNIT_SECONDS[unit] == 0)
    return {f"{name}_value": str(seconds // UNIT_SECONDS[unit]), f"{name}_unit": unit}
