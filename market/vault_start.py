"""How a vault is started: the socket that it listens on, and what the house tells one that it starts itself.

The house writes the task, the vault reads it; neither imports the other.
"""

from __future__ import annotations

import socket

from msgspec import Struct


class Task(Struct, frozen=True, kw_only=True):
    """`parent` is the house's process; `handle` is the listening socket, which the child inherits."""

    parent: int
    handle: int
    database_url: str | None
    socket_folder: str | None
    database: str
    secret: str
    key_file: str
    bank_url: str
    log_format: str
    log_level: str

    def __repr__(self) -> str:
        return f"Task(handle={self.handle})"


def listen(port: int) -> socket.socket:
    """A listening port of this machine's own; 0 for any. Raises OSError."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening
