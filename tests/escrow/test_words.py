"""Every state, act and reason of the escrow has its words in both languages, and so does everything the bank says."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

from escrow.card_facts import CardReason, CardRefusal
from escrow.facts import (
    Action,
    DepositState,
    PayoutPurpose,
    PayoutState,
    QuarantineReason,
    QuarantineState,
    Refusal,
    State,
)
from escrow.sandbox_bank import texts
from escrow.sandbox_bank.cards import STATUSES, TEST_CARDS
from escrow.sandbox_bank.chargebacks import REASONS
from escrow.sandbox_bank.faults import APPLIES_TO, FaultKind

ROOT = Path(__file__).parents[2]


def test_the_markets_catalogue_has_a_sentence_for_each_word_of_the_escrow() -> None:
    areas: dict[str, dict[str, dict[str, str]]] = {}
    for file in sorted((ROOT / "market" / "catalogue").glob("*.toml")):
        for area, entries in tomllib.loads(file.read_text(encoding="utf-8")).items():
            areas.setdefault(area, {}).update(entries)
    wanted = {
        "escrow_state": set(State) - {State.NEW},
        "escrow_event": set(Action),
        "escrow_refusal": set(Refusal),
        "card_refusal": set(CardRefusal),
        "card_reason": set(CardReason),
        "deposit_state": set(DepositState),
        "payout_state": set(PayoutState),
        "payout_purpose": set(PayoutPurpose),
        "quarantine_reason": set(QuarantineReason),
        "quarantine_state": set(QuarantineState),
    }
    for area, words in wanted.items():
        for word in words:
            assert set(areas[area][word]) == {"en", "zh"}, f"{area}.{word}"


def test_the_bank_has_a_sentence_in_both_languages_for_each_key_it_uses() -> None:
    catalogue = texts.catalogue()
    assert all(set(words) == {"en", "zh"} for words in catalogue.values())
    folder = ROOT / "escrow" / "sandbox_bank"
    used = set(re.findall(r'\bt\("([a-z_.]+)"', "".join(page.read_text() for page in folder.glob("templates/*.html"))))
    asked = {key for key in used if key.endswith(".")}
    used -= asked
    used |= {f"fault.{each}" for each in FaultKind} | {f"applies.{each}" for each in APPLIES_TO}
    used |= {f"reason.{each}" for each in REASONS} | {f"status.{each}" for each in STATUSES}
    used |= {f"card.{each.purpose}" for each in TEST_CARDS}
    assert {key.partition(".")[0] for key in asked} <= {key.partition(".")[0] for key in catalogue}
    for module in folder.glob("*.py"):
        for call in (node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            texts_of_call = [each.value for each in call.args if isinstance(each, ast.Constant)]
            if name in ("BankRefusalError", "problem"):
                used |= {f"refusal.{each}" for each in texts_of_call if isinstance(each, str)}
    assert used <= set(catalogue), used - set(catalogue)


def test_no_visible_word_stands_in_a_template_of_the_bank() -> None:
    for page in (ROOT / "escrow" / "sandbox_bank" / "templates").glob("*.html"):
        visible = re.sub(r"(?s)\{[{%].*?[%}]\}|<[^>]*>|<!doctype html>", " ", page.read_text())
        assert not re.search(r"[A-Za-z\u4e00-\u9fff]", visible), page.name
