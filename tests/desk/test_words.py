"""Every act that the audit trail can hold has words for people, in both languages."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

from market.catalogue import Catalogue
from market.control_room import Act
from market.fraud_facts import LinkState
from market.matching.board_facts import BoardState

ROOT = Path(__file__).parents[2] / "market"
_FILLED = {
    "act.value": [one.value for one in Act],
    "wish.act": [one.value for one in Act],
    "link.state": [one.value for one in LinkState],
    "state.value": [one.value for one in BoardState],
}


def _acts_in(path: Path) -> list[str]:
    """The act of each call of `audit.record`: its third argument, with what a formatted string may be filled with."""
    found: list[str] = []
    source = path.read_text()
    for node in ast.walk(ast.parse(source)) if "audit.record" in source else ():
        if not isinstance(node, ast.Call) or ast.unparse(node.func) != "audit.record":
            continue
        act = node.args[2]
        for value in (act.body, act.orelse) if isinstance(act, ast.IfExp) else (act,):
            if isinstance(value, ast.Constant):
                found.append(str(value.value))
            elif isinstance(value, ast.JoinedStr):
                parts = [
                    [str(part.value)] if isinstance(part, ast.Constant) else _FILLED[ast.unparse(part.value)]  # type: ignore[attr-defined]
                    for part in value.values
                ]
                found += ["".join(one) for one in itertools.product(*parts)]
    return found


def test_every_act_has_words() -> None:
    catalogue = Catalogue.load()
    acts = {act for path in sorted(ROOT.rglob("*.py")) for act in _acts_in(path)}
    assert len(acts) > 40
    assert [act for act in sorted(acts) if f"audit_act.{act}" not in catalogue] == []
