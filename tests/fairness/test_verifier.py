"""The verifier comes to what the database says, for every format and option, and is one short file that runs alone."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from auction.verifier import verify
from market.cli import gavelhouse
from market.pages.proofs import verifier_source
from tests.fairness.lots import FORMATS
from tests.fairness.played import SIGNER, Played


@pytest.mark.parametrize("form", FORMATS)
async def test_a_genuine_log_comes_to_the_result_of_the_database(played: dict[str, list[Played]], form: str) -> None:
    for one, play in zip(played[form], FORMATS[form], strict=True):
        found = verify(one.data, SIGNER.public_hex, one.receipts)
        assert (found["format"], found["lot"]) == (form, one.lot.id)
        assert (found["outcome"], found["price_minor"]) == (str(one.closed.outcome), one.price), play.__name__
        sold = one.closed.outcome == "sold"
        assert found["winner"] == (one.winner if sold else None), play.__name__
        units: dict[int, int] = {}
        for paddle, count in found["units"] or []:
            units[paddle] = units.get(paddle, 0) + count
        assert units == (one.fills if form == "uniform" else {}), play.__name__


async def test_the_lots_that_are_tampered_with_are_of_a_fair_length(played: dict[str, list[Played]]) -> None:
    assert all(len(lots[0].lines) >= 14 for lots in played.values())


def test_the_verifier_is_short_and_stands_alone() -> None:
    lines = verifier_source().decode().splitlines()
    assert len(lines) <= 200
    named = [
        line.split(" import ")[0].removeprefix("import ") for line in lines if line.startswith(("import ", "from "))
    ]
    imported = {part.removeprefix("from ").split(".")[0] for line in named for part in line.split(", ")}
    assert imported <= {"argparse", "json", "sys", "datetime", "fractions", "hashlib", "cryptography"}


@pytest.mark.parametrize("form", FORMATS)
async def test_it_runs_as_a_user_runs_it(played: dict[str, list[Played]], form: str, tmp_path: Path) -> None:
    one = played[form][0]
    (tmp_path / "verify.py").write_bytes(verifier_source())
    (tmp_path / "lot.jsonl").write_bytes(one.data)
    (tmp_path / "receipt.json").write_text(json.dumps(one.receipts[0], indent=2))
    command = [sys.executable, "-I", "verify.py", "lot.jsonl", "--receipt", "receipt.json", "--key", SIGNER.public_hex]
    done = await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert (said["genuine"], said["price_minor"], said["keys"]) == (True, one.price, [SIGNER.public_hex])


async def test_the_command_of_the_house_says_the_same(played: dict[str, list[Played]], tmp_path: Path) -> None:
    one, file, receipt = played["english"][0], tmp_path / "lot.jsonl", tmp_path / "receipt.json"
    file.write_bytes(one.data)
    receipt.write_text(json.dumps(one.receipts[0]))
    done = CliRunner().invoke(gavelhouse, ["verify", str(file), "--receipt", str(receipt), "--key", SIGNER.public_hex])
    assert done.exit_code == 0 and "GENUINE" in done.output and f"winner: {one.winner}" in done.output
    file.write_bytes(one.data.replace(b'"bids":1,', b'"bids":7,', 1))
    done = CliRunner().invoke(gavelhouse, ["verify", str(file), "--json"])
    assert done.exit_code == 1 and json.loads(done.output)["genuine"] is False
    assert CliRunner().invoke(gavelhouse, ["verify", str(tmp_path / "none.jsonl")]).exit_code == 2
