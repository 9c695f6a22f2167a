"""The data folder's lock: at most one server works in a folder, however many commands look into it.

Beside the lock an open house leaves where it listens, so that commands on the same folder know its address.

DataFolderBusy      another process holds the folder
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec


class DataFolderBusy(Exception):
    """Another gavelhouse works in this data folder; the message is a sentence."""


class DataFolderUnusable(Exception):
    """The data folder can't be made or written; the message is a sentence."""


class OpenHouse(msgspec.Struct, frozen=True, kw_only=True):
    """The house that is open on a folder: its process, how browsers reach it, where it listens, and where its vault."""

    pid: int
    origin: str
    host: str
    port: int
    bank_port: int
    vault: str = ""


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
            raise DataFolderBusy(_who_holds(folder)) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        forget_open_house(folder)  # a killed one's
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


def holder(folder: Path) -> str:
    """The number of the process that holds the folder, or "unknown"."""
    try:
        return (folder / "lock").read_text(encoding="ascii", errors="replace").strip() or "unknown"
    except OSError:
        return "unknown"


def note_open_house(folder: Path, house: OpenHouse) -> None:
    """Leave word of the house that this process, which holds the folder, has opened."""
    unfinished = folder / "house.json.new"
    unfinished.touch(mode=0o600)
    unfinished.write_bytes(msgspec.json.encode(house))
    unfinished.replace(folder / "house.json")


def forget_open_house(folder: Path) -> None:
    """Take the word back."""
    (folder / "house.json").unlink(missing_ok=True)


def open_house_on(folder: Path) -> OpenHouse | None:
    """The house that is open on the folder now; None when no process holds it, or when the one that does has no house."""
    if not is_held(folder):
        return None
    try:
        return msgspec.json.decode((folder / "house.json").read_bytes(), type=OpenHouse)
    except (OSError, msgspec.DecodeError):
        return None


def _who_holds(folder: Path) -> str:
    return f"Another gavelhouse (process {holder(folder)}) works in {folder}: stop it first, or choose another folder with --data-dir."
