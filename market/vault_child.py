"""The vault as the house's child: told on its standard input what it needs, and gone when that is closed.

The task comes neither by arguments nor by the environment, where other users' programs might read a secret of it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

import msgspec

from escrow.vault.app import VaultConfig, serve
from escrow.vault_facts import VaultRefusal
from market import passphrases
from market.config import Config
from market.serving import set_up_logging
from market.vault_start import Task
from migrations.database import Address
from migrations.parent_death import end_with


def run_supervised() -> None:
    """Read the task, serve until told to stop or until the house is gone."""
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)
    end_with(task.parent)
    set_up_logging(Config(log_format=task.log_format, log_level=task.log_level))
    folder = Path(task.socket_folder) if task.socket_folder else None
    address = Address(url=task.database_url, socket_folder=folder, database=task.database)
    config = VaultConfig(
        address=address,
        secret=task.secret,
        key_file=Path(task.key_file),
        bank_url=task.bank_url,
        judge_passphrase=judge_passphrase,
    )
    asyncio.run(serve(config, socket.socket(fileno=task.handle), _end_of_input))


def vault_config(config: Config, address: Address) -> VaultConfig:
    """The same for a vault that is started by hand."""
    return VaultConfig(
        address=address,
        secret=config.vault_secret,
        key_file=config.vault_keys,
        bank_url=config.bank_origin,
        judge_passphrase=judge_passphrase,
    )


def judge_passphrase(passphrase: str) -> VaultRefusal | None:
    """A wallet's passphrase has to be as good as the account's."""
    flaw = passphrases.refusal(passphrase)
    return None if flaw is None else VaultRefusal(flaw.value)


async def _end_of_input() -> None:
    """Returns when the house has closed its end, however it ended."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), lambda: ended.set() if not os.read(sys.stdin.fileno(), 4096) else None)
    await ended.wait()
    loop.remove_reader(sys.stdin.fileno())
