"""What processes cost, as Linux tells it: CPU seconds and resident memory. Elsewhere, or for a process gone, None."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float | None:
    """User and system time of one process so far."""
    fields = _stat(pid)
    return None if fields is None else (int(fields[11]) + int(fields[12])) / _TICKS


def cpu_seconds_of_family(pid: int) -> float | None:
    """The same of a process and its children, those that have ended included: a Postgres with all its backends."""
    fields = _stat(pid)
    if fields is None:
        return None
    total = sum(int(fields[index]) for index in (11, 12, 13, 14))
    for child in _children(pid):
        if (found := _stat(child)) is not None:
            total += int(found[11]) + int(found[12])
    return total / _TICKS


def resident_bytes(pid: int) -> int | None:
    """What the process holds in memory now."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except OSError:
        return None


def _children(pid: int) -> list[int]:
    found = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [child for child in found if (stat := _stat(child)) is not None and int(stat[1]) == pid]


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The name in parentheses may hold spaces; what follows is state, parent, …
    return text.rpartition(")")[2].split()
