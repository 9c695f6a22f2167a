"""Ports for tests: below 32768, so that no outgoing connection of the same moment can hold one."""

from __future__ import annotations

import itertools
import os
import socket

_LOWEST, _COUNT = 20_000, 12_000
# Processes born one after another, as two test workers are, begin a third of the range apart.
_next = itertools.count(os.getpid() * 4007)


def free_port() -> int:
    """A port in 20000–31999 on which nothing listens now. Another process may still take it first."""
    for step in itertools.islice(_next, _COUNT):
        port = _LOWEST + step % _COUNT
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 20000 and 31999")
