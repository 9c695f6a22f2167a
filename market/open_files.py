"""How many connections this process can hold: each is an open file, and the database needs some as well."""

from __future__ import annotations

import resource

WANTED = 65_536
KEPT_BACK = 200
"""For the database's connections, photos, logs and the sandbox bank: visitors must never take the last ones."""


def raise_limit() -> int:
    """Lift the soft limit of open files to `WANTED`, as far as the hard one allows; what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return soft if soft != resource.RLIM_INFINITY else WANTED
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


def most_connections() -> int:
    """How many visitors' connections may be open at once under the limit that now stands."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return WANTED if soft == resource.RLIM_INFINITY else max(soft - KEPT_BACK, 64)
