"""What the README tells a newcomer to type exists and does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from market.cli import COMMANDS

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = [README, *(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").glob("*.md")))]


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(DOCS))) - {"it", "sure", "the", "a", "no"}
    assert {"demo", "test"} <= targets
    for target in targets:
        done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"make {target}: {done.stderr}"


def test_every_command_that_is_named_answers() -> None:
    named = set(re.findall(r"`gavelhouse ([a-z]+)", "\n".join(DOCS)))
    assert {"serve", "doctor"} <= named <= set(COMMANDS)


@pytest.mark.parametrize("option", ["--port", "--data-dir", "--no-robots"])
def test_the_demo_takes_what_the_docs_say(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "market.cli", "demo", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert option in done.stdout


def test_every_page_that_is_linked_exists() -> None:
    links = re.findall(r"\]\(((?!https?:)[^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_settings_that_the_docs_name_exist() -> None:
    from dataclasses import fields

    from market.config import Config

    known = {item.name.upper() for item in fields(Config)} | {"CONFIG", "TRACEBACK", "UI", "NODE", "DEMO_PHOTOS"}
    named = {name.removesuffix("_FILE") for name in re.findall(r"GAVELHOUSE_([A-Z_]+[A-Z])", "\n".join(DOCS))}
    assert named <= known
