"""A copy of the tree into which bugs are planted, one at a time. The working tree itself is never touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
FOLDERS = ("auction", "docs/vectors", "escrow", "market", "migrations", "static", "tests")
PATIENCE_SECONDS = 600


class PlantingError(Exception):
    """The text that a mutant changes is not there exactly once: the mutant must be written anew."""


class Workshop:
    """The copy. A test that fails in it without a bug would prove nothing, so each is run once as it is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sound: dict[str, bool] = {}

    def is_sound(self, test: str) -> bool:
        """Whether the test passes as long as no bug is planted."""
        if test not in self._sound:
            self._sound[test] = self._passes(test)
        return self._sound[test]

    def is_caught(self, mutant: Mutant) -> bool:
        """Plant the bug, run its test, take the bug out again. Raises PlantingError if it cannot be planted."""
        with self._planted(mutant):
            return not self._passes(mutant.test)

    @contextmanager
    def _planted(self, mutant: Mutant) -> Iterator[None]:
        file = self.folder / mutant.file
        text = file.read_text(encoding="utf-8")
        if text.count(mutant.before) != 1:
            raise PlantingError(
                f"{mutant.name!r}: {mutant.file} holds its text {text.count(mutant.before)} times, not once"
            )
        file.write_text(text.replace(mutant.before, mutant.after), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(text, encoding="utf-8")

    def _passes(self, test: str) -> bool:
        if test.startswith("simulate "):
            _, seed, auctions = test.split()
            command = ["-m", "tests.simulation", "--seed", seed, "--auctions", auctions]
        else:
            command = ["-m", "pytest", "-x", "-p", "pytest_asyncio.plugin", "-p", "pytest_timeout", test]
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
        }
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return done.returncode == 0


@contextmanager
def workshop() -> Iterator[Workshop]:
    """A fresh copy of the tree in a temporary folder, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="gavelhouse-mutants-"))
    # An unprivileged Postgres passes through here, as it may through the tree itself.
    folder.chmod(0o711)
    try:
        for name in FOLDERS:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        yield Workshop(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
