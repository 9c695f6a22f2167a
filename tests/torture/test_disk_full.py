"""A full disk under the database: what was acknowledged stays, nothing false is acknowledged, and with space again it goes on.

The cluster stands on a small tmpfs, which needs the right to mount one.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from migrations.embedded_postgres import EmbeddedPostgres
from tests.ports import free_port
from tests.torture.chaos_proxy import chaos_proxy
from tests.torture.scene import (
    BIDDERS,
    LOTS,
    PATIENCE_SECONDS,
    WATCHERS,
    Scene,
    bid_on,
    check,
    more_answers,
    prepared,
    watch,
)
from tests.torture.servers import kept_running, node_kept_alive
from tests.torture.test_kills import IS_LONG

TIMES = 5
SIZE_BYTES = 220_000_000
MNT_DETACH = 2
libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk of its own of 220 MB; None where mounting is not permitted."""
    folder.mkdir(mode=0o711)
    options = f"size={SIZE_BYTES},mode=0711".encode()
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, options) != 0:
        yield None
        return
    try:
        yield folder
    finally:
        libc.umount2(os.fsencode(folder), MNT_DETACH)


def fill(disk: Path) -> Path:
    """Take all the space that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1_000_000, 4096):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return ballast


if IS_LONG:

    @pytest.mark.timeout(600)
    async def test_a_full_disk_loses_nothing_and_its_end_is_the_end_of_it(
        open_folder: Path, node_log: IO[bytes]
    ) -> None:
        port = free_port()
        with small_disk(open_folder / "small") as disk:
            if disk is None:
                pytest.skip("a small disk could not be mounted: this needs the right to mount a tmpfs")
            settings = {"min_wal_size": "32MB", "max_wal_size": "48MB", "shared_buffers": "16MB"}
            with EmbeddedPostgres(disk / "full", settings) as postgres:
                pool = await prepared(postgres.address)
                async with (
                    chaos_proxy(port, random.Random(1)) as proxy,
                    node_kept_alive(postgres.address, port, node_log),
                    kept_running(postgres),
                ):
                    scene = Scene(proxy.port)
                    watching = [asyncio.create_task(watch(scene, lot)) for lot in LOTS for _ in range(WATCHERS)]
                    bidding = [asyncio.create_task(bid_on(scene, party)) for party in BIDDERS]
                    for _ in range(TIMES):
                        await more_answers(scene, 200)
                        ballast = fill(disk)
                        # The space that Postgres had set aside is used up first; then nothing can be committed.
                        await asyncio.sleep(3)
                        ballast.unlink()
                    await more_answers(scene, 200)
                    scene.is_over = True
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        await asyncio.gather(*bidding)
                        logs = await asyncio.gather(*watching)
                await check(pool, scene, logs)
                await pool.close()
                assert "No space left on device" in postgres.log.read_text(errors="replace")
