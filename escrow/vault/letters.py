"""Envelopes as they arrive: opened with the vault's keys, each once. What they say is never kept here."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from hashlib import sha256

from escrow import envelopes
from escrow.envelopes import Flaw, Purpose
from escrow.vault.keys import VaultKeys
from escrow.vault_facts import VaultRefusal

MOST_REMEMBERED = 200_000


class Letters:
    """Remembers the hash of each envelope for as long as it would be fresh. What was sealed before this vault started
    may have been used with the one before, so it counts as stale.
    """

    def __init__(self, keys: Callable[[], VaultKeys], now_ms: Callable[[], int]) -> None:
        self._keys = keys
        self._now_ms = now_ms
        self._started_ms = now_ms()
        self._used: set[bytes] = set()
        self._ends: deque[tuple[float, bytes]] = deque()

    def open(self, sealed: str, purpose: Purpose, party_id: int) -> dict[str, str] | VaultRefusal:
        """What the party has sealed for this purpose."""
        if envelopes.time_of(sealed) < self._started_ms and envelopes.time_of(sealed):
            return VaultRefusal.SEALED_STALE
        said = envelopes.open_for_vault(self._keys().pairs, sealed, purpose, party_id, self._now_ms())
        if isinstance(said, Flaw):
            return VaultRefusal(said.value)
        mark = sha256(sealed.encode()).digest()
        self._forget_old()
        if mark in self._used:
            return VaultRefusal.SEALED_USED
        if len(self._used) >= MOST_REMEMBERED:
            return VaultRefusal.BUSY
        self._used.add(mark)
        self._ends.append((time.monotonic() + 2 * envelopes.FRESH_SECONDS, mark))
        return said

    def _forget_old(self) -> None:
        now = time.monotonic()
        while self._ends and self._ends[0][0] < now:
            self._used.discard(self._ends.popleft()[1])
