"""The falling price: one table of cases for the server's formula and for the browser's."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import hatch_build
from auction.formats import dutch
from auction.formats.dutch import DutchRule

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = json.loads((HERE / "fall_cases.json").read_text(encoding="utf-8"))
RULES = [DutchRule(**rule) for rule in CASES["rules"]]

PROGRAM = """
import { microseconds, nextFallUs, priceAfter, readFall } from "./static/src/dutch/fall.ts";
const { falls, prices, instants } = JSON.parse(process.argv[1]);
const text = (number) => (number === null ? null : number.toString());
const said = prices.map(([fall, us]) => {
  const read = readFall(falls[fall]);
  return [text(priceAfter(read, BigInt(us))), text(nextFallUs(read, BigInt(us)))];
});
console.log(JSON.stringify({ said, instants: instants.map(([at]) => text(microseconds(at))) }));
"""


@pytest.mark.parametrize(("rule", "us", "price", "following"), CASES["prices"])
def test_the_server_computes_the_price_of_the_table(rule: int, us: str, price: str, following: str | None) -> None:
    assert str(dutch.price_after(RULES[rule], int(us))) == price
    next_us = dutch.next_fall_us(RULES[rule], int(us))
    assert (None if next_us is None else str(next_us)) == following


def test_the_browser_computes_the_same(tmp_path: Path) -> None:
    npm, environment = hatch_build.npm_command()
    hatch_build.install_packages(ROOT, npm, environment)
    bundled = tmp_path / "fall.mjs"
    esbuild = [str(ROOT / "node_modules" / "esbuild" / "bin" / "esbuild"), "--bundle", "--format=esm", "--loader=ts"]
    node = hatch_build.node_program(environment)
    subprocess.run(
        [node, *esbuild, f"--outfile={bundled}"], input=PROGRAM.encode(), cwd=ROOT, env=environment, check=True
    )
    falls = [
        {
            "start_price_minor": str(rule.start_price_minor),
            "floor_minor": str(rule.floor_minor),
            "step_minor": str(rule.step_minor),
            "step_count": str(dutch.step_count(rule)),
            "fall_us": str(dutch.fall_us(rule)),
            "falls_from": "1970-01-01T00:00:00Z",
        }
        for rule in RULES
    ]
    question = json.dumps({"falls": falls, "prices": CASES["prices"], "instants": CASES["instants"]})
    loader = f"process.argv[1] = {json.dumps(question)}; await import({json.dumps(bundled.as_uri())});"
    run = subprocess.run([node, "--input-type=module", "-e", loader], capture_output=True, env=environment, check=True)
    answers = json.loads(run.stdout)
    assert answers["said"] == [[price, following] for _, _, price, following in CASES["prices"]]
    assert answers["instants"] == [us for _, us in CASES["instants"]]


def test_the_instants_of_the_table_are_the_servers() -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for at, us in CASES["instants"]:
        assert (datetime.fromisoformat(at) - epoch) // timedelta(microseconds=1) == int(us)
