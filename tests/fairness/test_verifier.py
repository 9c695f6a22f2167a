"""The verifier comes to what the database says, for every format and option, and is one short file that runs alone."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from auction.formats.uniform import UniformRule
from auction.heads import Heads
from auction.verifier import verify
from market.cli import gavelhouse
from market.pages.proofs import verifier_source
from migrations.database import Address, Role, create_pool
from tests.auction.house import open_node
from tests.fairness.lots import ALL, ANN, BOB, FORMATS
from tests.fairness.played import SIGNER, Played, stage

UNIFORM = UniformRule(start_price_minor=100, quantity=10, step_minor=5, timed_seconds=60)


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


LOG, OTHER_LOG = b'{"file":"gavelhouse-log","version":1}', b'{"file":"another-log","version":1}'
NEITHER, DAMAGED = "A log is the file lot-N.jsonl", "Download it again"


@pytest.mark.parametrize(
    ("junk", "sentence"),
    [
        (b"", NEITHER),
        (b"hello\nworld\n", NEITHER),
        (b"\x89PNG\r\n\x00\xff", NEITHER),
        (b"{" * 100_000, NEITHER),
        (b"[]\n{}\n", NEITHER),
        (b"{}\n{}\n", NEITHER),
        (OTHER_LOG + b"\n{}\n", NEITHER),
        (LOG, DAMAGED),
        (LOG + b"\n\xff\n{}\n", DAMAGED),
        (b'{"kind":"gavelhouse.posting_receipt.v1', DAMAGED),
        (b'["gavelhouse.posting_receipt.v1"]', "this is no receipt for a posting"),
    ],
    ids=range(11),
)
def test_what_is_no_log_at_all_is_told_what_a_right_file_looks_like(junk: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(junk)
    done = CliRunner().invoke(gavelhouse, ["verify", str(tmp_path / "junk")])
    assert done.exit_code == 1 and done.output.startswith("NOT GENUINE\n  fault: ") and sentence in done.output
    assert "Error(" not in done.output and "Traceback" not in done.output


@pytest.mark.parametrize(
    "junk", [b"", b"\xff", b"[1]", b"{}", b"[" * 100_000, b'{"key":1,"signature":2}'], ids=range(6)
)
async def test_a_file_that_is_no_receipt_is_named(played: dict[str, list[Played]], junk: bytes, tmp_path: Path) -> None:
    (tmp_path / "lot.jsonl").write_bytes(played["english"][0].data)
    (tmp_path / "junk.json").write_bytes(junk)
    arguments = ["verify", str(tmp_path / "lot.jsonl"), "--receipt", str(tmp_path / "junk.json")]
    done = CliRunner().invoke(gavelhouse, arguments)
    assert done.exit_code == 1 and 'junk.json is no receipt for a bid: it is one JSON object with "key"' in done.output


async def test_a_receipt_from_before_the_close_holds_where_bids_are_hidden(module_database: Address) -> None:
    pool = await create_pool(module_database, Role.APP, min_size=1)
    async with open_node(pool) as node:
        here = await stage(node, Heads(node.bidding, SIGNER), UNIFORM, ALL, lot_id=90_000)
        await here.stands(ANN, 150, 1, quantity=3)
        await here.stands(BOB, 140, 2, quantity=9)
        async with pool.acquire() as conn:
            early = await here.receipts(conn)
        closed = await here.close()
        assert all("hash" not in receipt for receipt in early)
        found = verify(closed.data, SIGNER.public_hex, early)
        assert found["units"] == [(here.paddles[ANN], 3), (here.paddles[BOB], 7)]
        for name, value in (("amount_minor", "155"), ("paddle", 1), ("at", "2026-01-01T00:00:00Z")):
            unsigned = {key: part for key, part in early[0].items() if key not in ("key", "signature")}
            false = SIGNER.sign("receipt", {**unsigned, name: value})
            with pytest.raises(ValueError, match="receipt"):
                verify(closed.data, SIGNER.public_hex, [false])
    await pool.close()
