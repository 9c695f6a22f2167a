"""The rehearsal: a seller or an operator plays imagined bids against a lot's rule and sees what would happen.

Nothing is stored: the plays stand in the address, so a rehearsal can be sent to a colleague or kept as a bookmark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auction.facts import Lot
from auction.formats import format_of
from auction.formats.reverse import ReverseRule
from auction.rehearsal import SELLER, Anchor, Play, Played, rehearse
from market.currencies import EXPONENTS, AmountProblem, decimal_text, money_text, parse_amount
from market.house import house_of
from market.listings import is_whole, listing_by_id, lot_of_content
from market.problems import Problem, ProblemError
from market.rendering import Form, language_of, render

BIDDERS = 4
ROWS = 6
MOST_ROWS = 20
LONGEST_SECONDS = Decimal(366 * 86_400)
_SECONDS = re.compile(r"[+-]?([0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9})")


class When(Struct, frozen=True):
    """An instant that can be chosen: beside what it stands, and how far from it; `window` adds one countdown."""

    anchor: Anchor
    offset_ms: int = 0
    window: bool = False


WHENS = {
    "start": When(Anchor.START),
    "before_first_end": When(Anchor.FIRST_END, -1),
    "first_end": When(Anchor.FIRST_END),
    "first_end_window": When(Anchor.FIRST_END, 0, True),
    "before_end": When(Anchor.END, -1),
    "end": When(Anchor.END),
    "after": When(Anchor.BEFORE),
}
"""The choices by name (`rehearsal.when_<name>`), as the form offers them."""


async def page(request: Request) -> Response:
    """The plays as chosen, or a first set of them, and what comes of each."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with house.pool.acquire() as conn:
        listing = await listing_by_id(conn, lot_id)
    if listing is None:
        raise ProblemError(Problem.NOT_FOUND)
    lot = lot_of_content(listing, lot_id, listing.seller_id) if is_whole(listing) else None
    values = dict(request.query_params)
    errors: dict[str, str] = {}
    plays: list[Play] = []
    if lot is not None:
        values = values if "amount_0" in values else first_plays(lot)
        plays, errors = read_plays(lot, values)
    context = {
        "listing": listing,
        "lot": lot,
        "form": Form(values=values, errors={name: _text(request, key) for name, key in errors.items()}),
        "whens": tuple(WHENS),
        "rows": min(MOST_ROWS, max(ROWS, _filled(values) + 2)),
        "bidders": range(1, BIDDERS + 1),
        "extras": _extras(lot),
        "rehearsed": rehearse(lot, plays, BIDDERS) if lot is not None and not errors else None,
        "refusal_sentence": partial(_refusal, request, listing.currency),
        "own": request.user.party_id == listing.seller_id,
    }
    return render(request, "sell/rehearsal.html", context, status=422 if errors else 200)


def _refusal(request: Request, currency: str, step: Played) -> str:
    """Why a play was refused, with the figure that would have been legal."""
    assert step.refusal is not None
    lowest = "–" if step.lowest_minor is None else money_text(step.lowest_minor, currency)
    return _text(request, f"refusal.{step.refusal.value}", lowest=lowest)


def _text(request: Request, key: str, **params: str) -> str:
    return house_of(request).catalogue.text(key, language_of(request), **params)


def first_plays(lot: Lot) -> dict[str, str]:
    """What the page shows before anybody has chosen: two bidders about the end of the first phase."""
    exponent = lot.currency_exponent
    first = decimal_text(lot.rule.start_price_minor, exponent)
    step = format_of(lot).increment(lot, format_of(lot).opening(lot))
    second = decimal_text(lot.rule.start_price_minor + step, exponent)
    third = decimal_text(lot.rule.start_price_minor + 2 * step, exponent)
    rows = [("1", "start", first), ("2", "before_first_end", second), ("1", "first_end", third), ("2", "end", third)]
    values: dict[str, str] = {}
    for row, (who, when, amount) in enumerate(rows):
        values |= {f"who_{row}": who, f"when_{row}": when, f"amount_{row}": amount, f"seconds_{row}": ""}
        values |= {f"{name}_{row}": usual for name, _, usual in _extras(lot)}
    return values


def read_plays(lot: Lot, values: Mapping[str, str]) -> tuple[list[Play], dict[str, str]]:
    """The rows that have an amount, as plays; what is wrong with a box, by its name."""
    plays, errors = [], {}
    for row in range(MOST_ROWS):
        if not values.get(f"amount_{row}", "").strip():
            continue
        amount = parse_amount(values[f"amount_{row}"], EXPONENTS[lot.currency])
        if isinstance(amount, AmountProblem):
            errors[f"amount_{row}"] = f"amount_problem.{amount.value}"
            continue
        offset_ms = _milliseconds(values.get(f"seconds_{row}", ""))
        if offset_ms is None:
            errors[f"seconds_{row}"] = "rehearsal.bad_seconds"
            continue
        when = WHENS.get(values.get(f"when_{row}", ""), WHENS["start"])
        plays.append(
            Play(
                bidder=_whole(values.get(f"who_{row}", ""), BIDDERS),
                anchor=when.anchor,
                offset_ms=when.offset_ms + offset_ms + (_window_ms(lot) if when.window else 0),
                amount_minor=amount,
                is_maximum=values.get(f"kind_{row}") == "maximum",
                details=_details(lot, values, row),
            )
        )
    return plays, errors


def _extras(lot: Lot | None) -> list[tuple[str, str, str]]:
    """What the format asks beside an amount: (box, label or key of a label, usual value)."""
    rule = None if lot is None else lot.rule
    if isinstance(rule, ReverseRule):
        return [(f"attribute_{one.key}", one.name_zh or one.name_en, one.lowest) for one in rule.attributes]
    return [("quantity", "", "1")] if hasattr(rule, "quantity") else []


def _details(lot: Lot, values: Mapping[str, str], row: int) -> bytes | None:
    extras: dict[str, Any] = {}
    for name, _, usual in _extras(lot):
        typed = values.get(f"{name}_{row}", "").strip() or usual
        if name == "quantity":
            extras["quantity"] = _whole(typed, 10**9)
        else:
            extras.setdefault("attributes", {})[name.removeprefix("attribute_")] = typed
    return msgspec.json.encode(extras) if extras else None


def _window_ms(lot: Lot) -> int:
    seconds = getattr(lot.rule, "extension_seconds", None) or getattr(lot.rule, "soft_close_seconds", None) or 0
    return 1000 * int(seconds)


def _milliseconds(typed: str) -> int | None:
    if not _SECONDS.fullmatch(plain := typed.strip() or "0"):
        return None
    seconds = Decimal(plain)
    if abs(seconds) > LONGEST_SECONDS or seconds * 1000 != int(seconds * 1000):
        return None
    return int(seconds * 1000)


def _whole(typed: str, most: int) -> int:
    """A number from 0 (the seller, where a party is meant) to `most`."""
    return min(int(typed), most) if typed.isascii() and typed.isdigit() and len(typed) < 12 else SELLER


def _filled(values: Mapping[str, str]) -> int:
    return max((row + 1 for row in range(MOST_ROWS) if values.get(f"amount_{row}")), default=0)


routes = [
    Route("/sell/lots/{lot_id:int}/rehearsal", page, name="sell_rehearsal"),
    Route("/operator/lots/{lot_id:int}/rehearsal", page, name="operator_rehearsal"),
]
