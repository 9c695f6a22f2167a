"""How a benchmark tells its figures: rows of named numbers, as a table or as JSON lines."""

from __future__ import annotations

import argparse
import json
from typing import Any


def arguments(description: str) -> argparse.Namespace:
    """`--json` and `--seconds`, the same for every benchmark."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each case runs")
    return parser.parse_args()


def tell(row: dict[str, Any], *, as_json: bool) -> None:
    """One row, at once."""
    if as_json:
        print(json.dumps(row), flush=True)
    else:
        print("  ".join(f"{name} {_short(value)}" for name, value in row.items()), flush=True)


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)
