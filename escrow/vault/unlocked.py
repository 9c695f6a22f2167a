"""Unlocked wallets: their data keys, in this process's memory alone, for ten minutes, for one party in one session."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from escrow.vault_facts import UNLOCKED_SECONDS, WalletHandle

MOST_UNLOCKED = 20_000
MOST_OF_A_PARTY = 8


@dataclass(slots=True, kw_only=True)
class OpenWallet:
    """One wallet under one handle. `data_key` is wiped when it is locked."""

    wallet_id: int
    party_id: int
    session_key: str
    data_key: bytearray
    ends: float

    def __repr__(self) -> str:
        return f"OpenWallet(party_id={self.party_id})"


class UnlockedWallets:
    """By the hash of the handle's token. The time is monotonic: a stepped clock leaves no wallet open for longer."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._open: dict[bytes, OpenWallet] = {}
        self._monotonic = monotonic

    def add(self, party_id: int, session_key: str, wallet_id: int, data_key: bytes) -> WalletHandle:
        """A new handle; the party's oldest is locked when it has too many, the oldest of all when the vault has."""
        self.sweep()
        own = [name for name, each in self._open.items() if each.party_id == party_id]
        if len(own) >= MOST_OF_A_PARTY:
            self._lock(own[0])
        if len(self._open) >= MOST_UNLOCKED:
            self._lock(next(iter(self._open)))
        token = secrets.token_urlsafe(32)
        self._open[_name(token)] = OpenWallet(
            wallet_id=wallet_id,
            party_id=party_id,
            session_key=session_key,
            data_key=bytearray(data_key),
            ends=self._monotonic() + UNLOCKED_SECONDS,
        )
        return WalletHandle(party_id=party_id, session_key=session_key, token=token)

    def find(self, handle: WalletHandle) -> OpenWallet | None:
        """The wallet, if it is still unlocked and the handle is this party's in this session."""
        found = self._open.get(_name(handle.token))
        if found is None or found.party_id != handle.party_id or found.session_key != handle.session_key:
            return None
        if self._monotonic() >= found.ends:
            self._lock(_name(handle.token))
            return None
        return found

    def seconds_left(self, wallet: OpenWallet) -> float:
        return wallet.ends - self._monotonic()

    def lock(self, handle: WalletHandle) -> None:
        if self.find(handle) is not None:
            self._lock(_name(handle.token))

    def lock_party(self, party_id: int) -> None:
        """Every session of the party has to unlock anew."""
        for name in [name for name, each in self._open.items() if each.party_id == party_id]:
            self._lock(name)

    def sweep(self) -> None:
        """Wipe what has come to its end."""
        now = self._monotonic()
        for name in [name for name, each in self._open.items() if now >= each.ends]:
            self._lock(name)

    def close(self) -> None:
        for name in list(self._open):
            self._lock(name)

    def _lock(self, name: bytes) -> None:
        wallet = self._open.pop(name)
        wallet.data_key[:] = bytes(len(wallet.data_key))


def _name(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
