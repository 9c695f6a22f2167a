"""The real thing: `gavelhouse serve` (or `demo`) and `gavelhouse bank` as processes, on ports and data of their own.

Everything here is what an operator would type. The processes may be killed; they end with the tests in any case.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from escrow.certificates import trusted
from migrations.parent_death import die_with_parent
from tests.ports import free_port

ROOT = Path(__file__).parents[1]
PATIENCE = 120.0


class HouseDidNotOpen(AssertionError):
    """The process ended, or did not answer in time; the message holds the end of its log."""


@dataclass
class RunningHouse:
    """One house on one data folder. `settings` are names of `market.config.Config` with their values."""

    folder: Path
    settings: Mapping[str, object] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    bank_port: int = field(default_factory=free_port)
    switch_port: int = field(default_factory=free_port)
    carrier_port: int = field(default_factory=free_port)
    serving: subprocess.Popen[bytes] | None = None
    banking: subprocess.Popen[bytes] | None = None
    carrying: subprocess.Popen[bytes] | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def bank(self) -> str:
        return f"http://127.0.0.1:{self.bank_port}"

    @property
    def carrier(self) -> str:
        return f"http://127.0.0.1:{self.carrier_port}"

    def start(self) -> None:
        """Open the house; returns when /readyz says that database, migrations and clocks are in order."""
        self.serving = self._spawn("house", "serve")
        self._until(self.serving, "house", lambda: _answers(f"{self.origin}/readyz"))

    def start_bank(self) -> None:
        """Open the sandbox bank, which needs the house's database."""
        self.banking = self._spawn("bank", "bank")
        self._until(self.banking, "bank", lambda: _answers(f"{self.bank}/healthz"))

    def start_carrier(self) -> None:
        """Open the sandbox carrier; the house works with it where its setting `carrier_url` is `carrier`."""
        self.carrying = self._spawn("carrier", "carrier", "--house-url", self.origin)
        self._until(self.carrying, "carrier", lambda: _answers(f"{self.carrier}/healthz"))

    def start_demo(self, *options: str) -> dict[str, Any]:
        """Open a house with demo data and its own bank; gives what the command prints for programs."""
        printed = self.folder.with_suffix(".keys")
        with printed.open("wb") as out:
            self.serving = self._spawn("house", "demo", "--json", *options, out=out.fileno())
        self._until(self.serving, "house", lambda: printed.read_bytes().endswith(b"\n"))
        self._until(self.serving, "house", lambda: _answers(f"{self.origin}/readyz"))
        self._until(self.serving, "house", lambda: _answers(f"{self.bank}/healthz"))
        keys: dict[str, Any] = json.loads(printed.read_text(encoding="utf-8"))
        return keys

    def command(self, *arguments: str) -> str:
        """A command of the operator's on this data folder, beside the running server; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "market.cli", *arguments, "--data-dir", str(self.folder)],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def kill(self) -> None:
        """kill -9 the house."""
        assert self.serving is not None
        self.serving.send_signal(signal.SIGKILL)
        self.serving.wait()

    def stop(self) -> None:
        """End bank, carrier and house in order."""
        for process in (self.banking, self.carrying, self.serving):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(PATIENCE)

    def log(self, name: str = "house") -> str:
        """What the process has said so far."""
        return self.folder.with_suffix(f".{name}.log").read_text(encoding="utf-8", errors="replace")

    def _environment(self) -> dict[str, str]:
        own = {f"GAVELHOUSE_{name.upper()}": str(value) for name, value in self.settings.items()}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GAVELHOUSE_")}
        ports = {
            "GAVELHOUSE_PORT": str(self.port),
            "GAVELHOUSE_BANK_PORT": str(self.bank_port),
            "GAVELHOUSE_BANK_SWITCH_PORT": str(self.switch_port),
            "GAVELHOUSE_CARRIER_PORT": str(self.carrier_port),
        }
        return {**kept, **ports, **own}

    def _spawn(self, name: str, *arguments: str, out: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        with self.folder.with_suffix(f".{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "market.cli", *arguments, "--data-dir", str(self.folder)],
                cwd=ROOT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log.fileno(),
                start_new_session=True,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - it calls the kernel and nothing else
            )

    def _until(self, process: subprocess.Popen[bytes], name: str, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not is_so():
            if process.poll() is not None or time.monotonic() > end:
                raise HouseDidNotOpen(self.log(name)[-4000:])
            time.sleep(0.02)


@contextmanager
def running_house(folder: Path, **settings: object) -> Iterator[RunningHouse]:
    """A house whose processes end when the block does. `folder` must not exist yet; its parent keeps the logs."""
    house = RunningHouse(folder, settings)
    try:
        yield house
    finally:
        house.stop()


def _answers(url: str) -> bool:
    place = urlsplit(url)
    try:
        # An HTTP client is dear to make; whether anybody listens at all is not.
        socket.create_connection((place.hostname or "", place.port or 80), 5).close()
    except OSError:
        return False
    try:
        return httpx2.get(url, verify=trusted(), trust_env=False, timeout=20).status_code == 200
    except httpx2.TransportError:
        return False
