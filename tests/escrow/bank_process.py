"""The sandbox bank as a process of its own on a real port, which a test may kill and start again.

Run as a script it is that process: address, port, webhook URL and secret come from its arguments.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2

from migrations.database import Address, Role
from tests.ports import free_port

ROOT = Path(__file__).parents[2]


class BankProcess:
    """Start, talk to, kill -9 and start again one sandbox bank."""

    def __init__(self, address: Address, port: int, house_port: int, secret: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.house_port = house_port
        self.switch_port = free_port()
        webhook_url = f"http://127.0.0.1:{house_port}/webhooks/bank"
        self._arguments = [address.as_url(Role.BANK), str(address.socket_folder), address.database, str(port)]
        self._arguments += [webhook_url, secret, str(self.switch_port)]
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start the process and wait until it answers."""
        self._spawn()
        async with httpx2.AsyncClient(trust_env=False) as client:
            for _ in range(600):
                try:
                    if (await client.get(f"{self.url}/healthz")).is_success:
                        return
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)
        raise RuntimeError("the bank did not start")

    def _spawn(self) -> None:
        command = [sys.executable, "-m", "tests.escrow.bank_process", *self._arguments]
        self._process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process by a signal and wait for it."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None


def _main() -> None:
    from escrow.sandbox_bank.app import BankConfig, serve

    _, folder, database, port, webhook_url, secret, switch_port = sys.argv[1:]
    address = Address(socket_folder=Path(folder), database=database)
    config = BankConfig(
        address=address, port=int(port), webhook_url=webhook_url, secret=secret, switch_port=int(switch_port)
    )
    asyncio.run(serve(config))


if __name__ == "__main__":
    _main()
