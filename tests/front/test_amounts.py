"""Typed amounts: one table of cases for the server's parser and for the browser's."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import hatch_build
from market.currencies import decimal_text, money_text, parse_amount

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = json.loads((HERE / "amount_cases.json").read_text(encoding="utf-8"))

PROGRAM = """
import { Money, decimalText, parseAmount } from "./static/src/money.ts";
const { cases, texts } = JSON.parse(process.argv[1]);
const parsed = cases.map(([typed, exponent]) => {
  const answer = parseAmount(typed, exponent);
  return "problem" in answer ? answer.problem : answer.minor.toString();
});
const shown = texts.map(([minor, currency, exponent, lang]) => new Money(lang, currency, exponent).text(BigInt(minor)));
console.log(JSON.stringify({ parsed, shown, plain: decimalText(123n, 2) }));
"""

TEXTS = [
    ("123450", "CNY", 2, "zh-CN", "¥1,234.50"),
    ("123400", "CNY", 2, "en", "¥1,234"),
    ("100000000000000000", "CNY", 2, "en", "¥1,000,000,000,000,000"),
    ("900719925474099301", "USD", 2, "en", "$9,007,199,254,740,993.01"),
    ("1234", "JPY", 0, "en", "JP¥1,234"),
    ("1234", "JPY", 0, "zh-CN", "JP¥1,234"),
    ("123450", "HKD", 2, "en", "HK$1,234.50"),
    ("123450", "HKD", 2, "zh-CN", "HK$1,234.50"),
    ("123450", "USD", 2, "zh-CN", "$1,234.50"),
    ("1234567", "KWD", 3, "en", "KWD\u00a01,234.567"),
]


@pytest.mark.parametrize(("typed", "exponent", "answer"), CASES)
def test_the_server_reads_a_typed_amount_exactly_or_says_why_not(typed: str, exponent: int, answer: str) -> None:
    assert str(parse_amount(typed, exponent)) == answer


@pytest.fixture(scope="module")
def browser_answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the browser's own module answers, bundled by the same esbuild and run by the same Node as the build."""
    npm, environment = hatch_build.npm_command()
    hatch_build.install_packages(ROOT, npm, environment)
    bundled = tmp_path_factory.mktemp("money") / "money.mjs"
    esbuild = [str(ROOT / "node_modules" / "esbuild" / "bin" / "esbuild"), "--bundle", "--format=esm", "--loader=ts"]
    node = hatch_build.node_program(environment)
    subprocess.run(
        [node, *esbuild, f"--outfile={bundled}"], input=PROGRAM.encode(), cwd=ROOT, env=environment, check=True
    )
    question = json.dumps({"cases": [case[:2] for case in CASES], "texts": [text[:4] for text in TEXTS]})
    loader = f"process.argv[1] = {json.dumps(question)}; await import({json.dumps(bundled.as_uri())});"
    run = subprocess.run([node, "--input-type=module", "-e", loader], capture_output=True, env=environment, check=True)
    answers: dict[str, Any] = json.loads(run.stdout)
    return answers


def test_the_browser_reads_typed_amounts_as_the_server_does(browser_answers: dict[str, Any]) -> None:
    assert browser_answers["parsed"] == [case[2] for case in CASES]


def test_the_browser_shows_amounts_digit_for_digit(browser_answers: dict[str, Any]) -> None:
    assert browser_answers["shown"] == [text[4] for text in TEXTS]
    assert browser_answers["plain"] == "1.23"


@pytest.mark.parametrize(("minor", "currency", "_exponent", "_lang", "shown"), TEXTS)
def test_the_server_shows_amounts_as_the_browser_does(
    minor: str, currency: str, _exponent: int, _lang: str, shown: str
) -> None:
    assert money_text(int(minor), currency, trim=True) == shown


def test_full_decimals_are_kept_for_ledgers_and_signs_stand_before_the_symbol() -> None:
    assert money_text(-123400, "CNY") == "-¥1,234.00"
    assert decimal_text(-5, 2) == "-0.05"
    assert decimal_text(7, 0) == "7"
