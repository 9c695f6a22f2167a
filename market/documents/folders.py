"""The folders that a partner's system and the house share: whole files go out, whole files come in, and neither overwrites.

`ROOT/PARTY/out` holds what the house wrote, `ROOT/PARTY/in` what the partner did; what was read lies in `in/done` or
`in/refused`. A partner may write there, so nothing here follows a link out of a folder, and only plain files are read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EEXIST
from pathlib import Path
from secrets import token_hex

from msgspec import Struct

from market.documents.webhooks import UnreachableError

LARGEST_FILE = 4 * 1024 * 1024
MOST_FILES = 100
"""So many of one partner are read in one look; the others wait for the next."""
UNFINISHED = (".part", ".tmp", ".filepart")
_MOST_SAME_NAMES = 1000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Seen(Struct, frozen=True):
    """A file as one look found it: equal at the next, nobody is writing it any more."""

    name: str
    number: int
    size: int
    changed_ns: int


class Folders:
    """What is done there blocks: call it in a thread. `root` None: this house keeps none."""

    def __init__(self, root: Path | None) -> None:
        self._root = root

    @property
    def is_kept(self) -> bool:
        return self._root is not None

    def put(self, party_id: int, name: str, content: bytes) -> str:
        """Write it to `out`, at once and whole; under which name it lies there. The same again changes nothing. Raises
        UnreachableError.
        """
        try:
            with self._opened(party_id, "out") as folder:
                return _written(folder, name, content)
        except OSError as error:
            raise UnreachableError(f"folder: {error.strerror}") from error

    def look(self, party_id: int) -> list[Seen]:
        """The files of `in` that may be whole, oldest first. Raises OSError."""
        found = []
        with self._opened(party_id, "in") as folder:
            for name in os.listdir(folder):
                if name.startswith(".") or name.lower().endswith(UNFINISHED):
                    continue
                with suppress(FileNotFoundError):
                    state = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    if stat.S_ISREG(state.st_mode) and state.st_size:
                        found.append(Seen(name, state.st_ino, state.st_size, state.st_mtime_ns))
        return sorted(found, key=lambda each: (each.changed_ns, each.name))[:MOST_FILES]

    def take(self, party_id: int, seen: Seen) -> bytes | None:
        """What stands in it, at most a byte more than may; None when it is no longer that file. Raises OSError."""
        with self._opened(party_id, "in") as folder:
            handle = os.open(seen.name, _FILE, dir_fd=folder)
        with open(handle, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
            state = os.fstat(handle)
        same = Seen(seen.name, state.st_ino, state.st_size, state.st_mtime_ns) == seen
        return content if same and len(content) == min(seen.size, LARGEST_FILE + 1) else None

    def put_away(self, party_id: int, name: str, *, accepted: bool, words: str = "") -> None:
        """Move what was read to `done` or `refused`, where `words` lie beside it. Raises OSError."""
        with (
            self._opened(party_id, "in") as source,
            self._opened(party_id, "in", "done" if accepted else "refused") as to,
        ):
            free = _moved(source, name, to)
            os.unlink(name, dir_fd=source)
            if words:
                _written(to, f"{free}.txt", words.encode())

    @contextmanager
    def _opened(self, party_id: int, *ways: str) -> Iterator[int]:
        """A folder of the party, made if it is not there. A link in its place is no folder."""
        if self._root is None:
            raise UnreachableError("folders are off")
        self._root.mkdir(mode=0o770, parents=True, exist_ok=True)
        at = os.open(self._root, _FOLDER & ~os.O_NOFOLLOW)
        try:
            for name in (str(party_id), *ways):
                with suppress(FileExistsError):
                    os.mkdir(name, 0o770, dir_fd=at)
                inner = os.open(name, _FOLDER, dir_fd=at)
                os.close(at)
                at = inner
            yield at
        finally:
            os.close(at)


def _moved(source: int, name: str, to: int) -> str:
    """The file's second name, in the other folder."""
    for free in _names(name):
        try:
            os.link(name, free, src_dir_fd=source, dst_dir_fd=to, follow_symlinks=False)
        except FileExistsError:
            if not _is_same(source, name, to, free):
                continue
        return free
    raise FileExistsError(EEXIST, "no free name")


def _written(folder: int, name: str, content: bytes) -> str:
    """First under a name that nobody reads, then, when the disk has it, under its own."""
    for left in os.listdir(folder):
        if left.startswith(f".{name}.") and left.endswith(".part"):  # of a house that was killed while it wrote
            with suppress(FileNotFoundError):
                os.unlink(left, dir_fd=folder)
    unfinished = f".{name}.{token_hex(4)}.part"
    with open(os.open(unfinished, _NEW, 0o660, dir_fd=folder), "wb") as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            return _named(folder, unfinished, name, content)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(unfinished, dir_fd=folder)
            os.fsync(folder)


def _named(folder: int, unfinished: str, name: str, content: bytes) -> str:
    """Link gives a name only if it is free, where rename would overwrite."""
    for free in _names(name):
        try:
            os.link(unfinished, free, src_dir_fd=folder, dst_dir_fd=folder)
        except FileExistsError:
            if _content(folder, free) != content:
                continue
        return free
    raise FileExistsError(EEXIST, "no free name")


def _names(name: str) -> Iterator[str]:
    """The name, then with a number, until one is free."""
    stem, dot, ending = name.rpartition(".")
    yield name
    for n in range(2, _MOST_SAME_NAMES):
        yield f"{stem}-{n}{dot}{ending}" if stem else f"{name}-{n}"


def _content(folder: int, name: str) -> bytes | None:
    try:
        with open(os.open(name, _FILE, dir_fd=folder), "rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError:
        return None


def _is_same(one: int, name: str, other: int, other_name: str) -> bool:
    """Whether both names are of one file: a house was killed between giving the new and taking the old."""
    first = os.stat(name, dir_fd=one, follow_symlinks=False)
    second = os.stat(other_name, dir_fd=other, follow_symlinks=False)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)
