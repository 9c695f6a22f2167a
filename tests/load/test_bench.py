"""`gavelhouse bench` on a house of its own and on one that runs: small crowds, real sockets."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.running_house import ROOT


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "market.cli", "bench", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def left_behind() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("gavelhouse-bench-*"))


def test_a_small_crowd_is_measured_and_nothing_is_left_of_its_house():
    before = left_behind()
    done = bench("--watchers", "20", "--bidders", "5", "--lots", "2", "--seconds", "0.3", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["accepted_per_second"] > 5
    assert told["frames_per_second"] > 20
    assert 0 < told["p50_ms"] <= told["p99_ms"]
    assert told["lost_sockets"] == 0
    assert "accepted bids a second with 25 people watching" in told["sentence"]
    assert left_behind() <= before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--token", "gh_x"], "in the house of --url"),
        (["--url", "house", "--token", "a", "--token", "b", "--lot", "1"], "http://127.0.0.1:8000"),
        (["--url", "http://127.0.0.1:1", "--lot", "1"], "--token at least twice"),
        (["--url", "http://127.0.0.1:1", "--token", "a", "--token", "b", "--lot", "1", "--yes"], "can't be reached"),
    ],
    ids=["token without url", "no url", "no token", "nobody there"],
)
def test_a_wrong_call_is_told_what_would_be_right(arguments: list[str], said: str):
    done = bench(*arguments)
    assert done.returncode != 0
    assert said in done.stderr
