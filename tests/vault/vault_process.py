"""The vault as a process of its own on a real port, started as the house starts it; a test may kill and start it again.

async with running_vault(address, folder) as vault:
    client = vault.client()
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from escrow import envelopes
from escrow.vault_client import VaultClient
from escrow.vault_facts import VaultKey
from escrow.vault_wire import from_base64url
from market.vault_start import Task, listen
from migrations.database import Address

ROOT = Path(__file__).parents[2]


class VaultProcess:
    """One vault on one key file. `url` and `secret` are what a house's configuration needs."""

    def __init__(self, address: Address, key_file: Path, bank_url: str = "http://127.0.0.1:9") -> None:
        self.address = address
        self.key_file = key_file
        self.bank_url = bank_url
        self.secret = secrets.token_urlsafe(32)
        self.log = key_file.with_suffix(".log")
        self._listening: socket.socket = listen(0)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.process: subprocess.Popen[bytes] | None = None

    def client(self) -> VaultClient:
        """A client as the house has it; the caller closes it."""
        return VaultClient(self.url, self.secret)

    async def start(self) -> None:
        """Start the process and wait until it answers."""
        self.spawn()
        client = self.client()
        try:
            async with asyncio.timeout(60):
                while not await client.answers():
                    assert self.process is not None and self.process.poll() is None, self.said()
        finally:
            await client.close()

    def spawn(self) -> None:
        """Start the process; what is asked before it answers waits."""
        handle = self._listening.fileno()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "market.cli", "vault", "--supervised"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(handle,),
            )
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(self._task(handle)) + b"\n")
        self.process.stdin.flush()

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process by a signal and wait for it."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process = None

    def close(self) -> None:
        self.end()
        self._listening.close()

    def said(self) -> str:
        """Everything that the vault has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def _task(self, handle: int) -> Task:
        folder = self.address.socket_folder
        return Task(
            parent=os.getpid(),
            handle=handle,
            database_url=self.address.url,
            socket_folder=None if folder is None else str(folder),
            database=self.address.database,
            secret=self.secret,
            key_file=str(self.key_file),
            bank_url=self.bank_url,
            log_format="json",
            log_level="debug",
        )


@asynccontextmanager
async def running_vault(
    address: Address, folder: Path, bank_url: str = "http://127.0.0.1:9"
) -> AsyncIterator[VaultProcess]:
    """A vault that ends when the block does; key file and log are in `folder`."""
    vault = VaultProcess(address, folder / "vault_key", bank_url)
    try:
        await vault.start()
        yield vault
    finally:
        vault.close()


def seal(key: VaultKey, purpose: str, party_id: int, content: Mapping[str, str]) -> str:
    """As a browser of the party does it."""
    return envelopes.seal_for_vault(key.key_id, from_base64url(key.point), purpose, party_id, key.at_ms, content)
