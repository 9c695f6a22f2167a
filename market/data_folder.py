"""The data folder's lock: at most one server works in a folder, however many commands look into it.

DataFolderBusy      another process holds the folder
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DataFolderBusy(Exception):
    """Another gavelhouse works in this data folder; the message is a sentence."""


class DataFolderUnusable(Exception):
    """The data folder can't be made or written; the message is a sentence."""


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the folder for this process. The kernel lets go when the process ends, so no stale lock can remain."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DataFolderUnusable(
            f"The data folder {folder} can't be used: {error.strerror}. Choose another with --data-dir."
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataFolderBusy(_who_holds(handle, folder)) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def is_held(folder: Path) -> bool:
    """Does a process hold the folder now? Asks without waiting and changes nothing."""
    try:
        handle = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _who_holds(handle: int, folder: Path) -> str:
    holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
    return f"Another gavelhouse (process {holder}) works in {folder}: stop it first, or choose another folder with --data-dir."
