"""The house as it is run (`gavelhouse serve` with its vault and its Postgres) and the bank, each killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from market import data_folder
from tests.running_house import RunningHouse

PARTS = ("bank", "database", "vault", "house")


class Victims(RunningHouse):
    """Whoever keeps services running on a machine starts house and bank again; vault and Postgres are the house's own matter."""

    def __init__(self, folder: Path, **settings: object) -> None:
        super().__init__(folder, settings)
        self.kills: Counter[str] = Counter()
        self.ended_by_themselves: list[str] = []
        self._killed: set[int] = set()
        self._was_open = 0

    def kill_part(self, part: str) -> bool:
        """kill -9; whether there was such a process at this moment."""
        pid = self.pid_of(part)
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self._killed.add(pid)
        self.kills[part] += 1
        return True

    def pid_of(self, part: str) -> int | None:
        """The process, if there is one that runs."""
        match part:
            case "house" | "bank":
                process = self.serving if part == "house" else self.banking
                return process.pid if process is not None and process.poll() is None else None
            case "vault":
                return self._child(b"--supervised")
            case _:
                return self._child(str(self.folder / "postgres-programs").encode(), b"/postgres")

    def _child(self, *words: bytes) -> int | None:
        house = self.pid_of("house")
        with suppress(OSError):
            for child in Path(f"/proc/{house}/task/{house}/children").read_text().split():
                said = Path(f"/proc/{child}/cmdline").read_bytes()
                if any(word in said for word in words) and Path(f"/proc/{child}/exe").resolve():
                    return int(child)
        return None

    @asynccontextmanager
    async def kept_running(self) -> AsyncIterator[None]:
        """House and bank are open; whenever one of them ends, it is started again at once."""
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    async def _keep(self) -> None:
        # In this thread: the kernel ties a child's life to the thread that spawned it.
        while True:
            if self.serving is not None and self.serving.poll() is not None:
                # Without its database a house can't start, and says so; one that was open stays so.
                is_start = self._was_open != self.serving.pid
                self._note("start of the house" if is_start else "house", self.serving.pid, self.serving.returncode)
                self.serving = self._spawn("house", "serve")
            if self.banking is not None and self.banking.poll() is not None:
                self._note("bank", self.banking.pid, self.banking.returncode)
                self.banking = self._spawn("bank", "bank")
            noted = data_folder.open_house_on(self.folder)
            if noted is not None and self.serving is not None and noted.pid == self.serving.pid:
                self._was_open = noted.pid
            await asyncio.sleep(0.05)

    def _note(self, part: str, pid: int, status: int) -> None:
        if pid not in self._killed:
            self.ended_by_themselves.append(f"{part}: {status}")
