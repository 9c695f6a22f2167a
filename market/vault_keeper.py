"""The house's vault: started with the house, started again when it dies, ended with it.

The house itself holds the socket that the vault listens on. So its port is known before the vault runs, nobody else can
take it while the vault is started again, and what is asked meanwhile waits instead of failing.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import msgspec
import structlog

from market.config import Config, ConfigError
from market.running import Running
from market.vault_start import Task, listen

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 30.0
STEADY_SECONDS = 30.0
"""A vault that has lived so long starts its row of waits anew."""
LEAVE_SECONDS = 5.0
log = structlog.get_logger("gavelhouse")


@asynccontextmanager
async def looked_after(running: Running) -> AsyncIterator[Running]:
    """The house's configuration with its vault's address in it, while the vault runs; a configured vault is left alone."""
    if running.config.vault_url:
        yield running
        return
    keeper = VaultKeeper(running.config)
    keeping = asyncio.create_task(keeper.run(), name="vault")
    try:
        yield replace(running, config=replace(running.config, vault_url=keeper.url))
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await keeper.end()


class VaultKeeper:
    """One vault as a child of this process. Raises ConfigError when its port is taken."""

    def __init__(self, config: Config) -> None:
        try:
            self._listening = listen(config.vault_port)
        except OSError as error:
            raise ConfigError(
                f"The vault's port {config.vault_port} can't be taken ({error.strerror}): set another vault_port."
            ) from error
        self._config = config
        self._child: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    async def run(self) -> None:
        """Start it whenever it does not run; until cancelled."""
        wait_seconds = FIRST_WAIT_SECONDS
        while True:
            started_at = time.monotonic()
            self._child = self._spawn()
            status = await asyncio.to_thread(self._child.wait)
            lived_seconds = time.monotonic() - started_at
            wait_seconds = FIRST_WAIT_SECONDS if lived_seconds > STEADY_SECONDS else wait_seconds
            log.error("the vault has ended and is started again", status=status, in_seconds=wait_seconds)
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)

    async def end(self) -> None:
        """In order; by force if it does not leave."""
        self._listening.close()
        child = self._child
        if child is None:
            return
        with suppress(OSError):
            assert child.stdin is not None
            child.stdin.close()
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await asyncio.to_thread(child.wait)
        except TimeoutError:
            child.kill()

    def _spawn(self) -> subprocess.Popen[bytes]:
        handle = self._listening.fileno()
        child = subprocess.Popen(
            [sys.executable, "-m", "market.cli", "vault", "--supervised"],
            stdin=subprocess.PIPE,
            stdout=sys.stderr.fileno(),
            pass_fds=(handle,),
            # A group of its own, which Ctrl-C does not reach; but no session of its own: Linux shares processor time out
            # between sessions first (autogroup), and the low rank of Argon2id's threads would count for nothing.
            process_group=0,
        )
        assert child.stdin is not None
        with suppress(BrokenPipeError):
            child.stdin.write(msgspec.json.encode(self._task(handle)) + b"\n")
            child.stdin.flush()
        return child

    def _task(self, handle: int) -> Task:
        config, address = self._config, self._config.address
        return Task(
            parent=os.getpid(),
            handle=handle,
            database_url=address.url,
            socket_folder=None if address.socket_folder is None else str(address.socket_folder),
            database=address.database,
            secret=config.vault_secret,
            key_file=str(config.vault_keys),
            bank_url=config.bank_origin,
            log_format=config.log_format,
            log_level=config.log_level if config.log_level != "info" else "warning",
        )
