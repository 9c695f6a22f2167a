"""All the memory of a process that it has written, piece by piece, as root or its owner may read it (`/proc/PID/mem`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_CHUNK = 16 * 1024 * 1024
_OVERLAP = 1024


def chunks(pid: int) -> Iterator[bytes]:
    """What is mapped and is not merely the read-only copy of a file; pieces overlap, so that none cuts a canary."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps.splitlines():
            start, end, rights, name = _region(line)
            if "r" not in rights or name in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            if name.startswith("/") and "w" not in rights:
                continue
            for at in range(start, end, _CHUNK):
                try:
                    memory.seek(at)
                    yield memory.read(min(_CHUNK + _OVERLAP, end - at))
                except (OSError, OverflowError, ValueError):
                    break  # a region that went away, or that the kernel keeps to itself


def _region(line: str) -> tuple[int, int, str, str]:
    place, rights, _, _, _, *name = line.split(maxsplit=5)
    start, end = (int(part, 16) for part in place.split("-"))
    return start, end, rights, name[0].strip() if name else ""
