"""What every operation of the vault works with, made once when it starts."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from escrow.vault.keys import VaultKeys
from escrow.vault.letters import Letters
from escrow.vault.stretching import Stretcher
from escrow.vault.unlocked import OpenWallet, UnlockedWallets
from escrow.vault_facts import VaultRefusal, WalletHandle

if TYPE_CHECKING:
    from migrations.database import Pool

LARGEST_ID = 2**53
"""So that every program can read the number from JSON."""


@dataclass(slots=True, kw_only=True)
class Room:
    """`keys` may be replaced while the vault runs (`escrow.vault.rewrapping`); everything else stays."""

    pool: Pool
    keys: VaultKeys
    letters: Letters
    stretcher: Stretcher
    unlocked: UnlockedWallets
    judge_passphrase: Callable[[str], VaultRefusal | None]

    def find(self, handle: WalletHandle) -> OpenWallet | VaultRefusal:
        return self.unlocked.find(handle) or VaultRefusal.WALLET_LOCKED


def now_utc() -> datetime:
    return datetime.now(UTC)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def new_id() -> int:
    return 1 + secrets.randbelow(LARGEST_ID - 1)
