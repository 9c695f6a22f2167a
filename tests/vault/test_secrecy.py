"""Nothing that holds a secret shows it: not printed, not in an error's text, not in a log line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from escrow import envelopes
from escrow.dual_signature import PaymentInfo
from escrow.vault import keys
from escrow.vault.app import VaultConfig
from escrow.vault.cards import Card
from escrow.vault.protections import Passkey
from escrow.vault.unlocked import MOST_OF_A_PARTY, OpenWallet, UnlockedWallets
from escrow.vault_facts import UNLOCKED_SECONDS, WalletHandle
from market.vault_child import judge_passphrase
from market.vault_start import Task
from migrations.database import Address

SECRET = "4111111111111111"
RAW = SECRET.encode()
NOW = datetime(2026, 11, 22, tzinfo=UTC)
PAIR = envelopes.KeyPair(envelopes.new_key().point, RAW)
KEY = keys.VaultKey(pair=PAIR, at_rest=RAW, made_at=NOW)


@pytest.mark.parametrize(
    "holder",
    [
        Card(number=SECRET, holder="Ann Lee", expiry_month=1, expiry_year=2031, brand="visa"),
        PaymentInfo(
            payment_id="p1", pan=SECRET, expiry="2031-01", holder="A", currency="CNY", amount_minor="1", nonce=SECRET
        ),
        Passkey(credential_id=b"x", prf=RAW, label="phone"),
        PAIR,
        KEY,
        keys.VaultKeys(current=KEY, by_id={KEY.key_id: KEY}),
        WalletHandle(party_id=1, session_key="s", token=SECRET),
        OpenWallet(wallet_id=1, party_id=1, session_key="s", data_key=bytearray(RAW), ends=0.0),
        VaultConfig(
            address=Address(), secret=SECRET, key_file=Path("k"), bank_url="", judge_passphrase=judge_passphrase
        ),
        Task(
            parent=1,
            handle=1,
            database_url=None,
            socket_folder=None,
            database="d",
            secret=SECRET,
            key_file="k",
            bank_url="",
            log_format="json",
            log_level="info",
        ),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_what_holds_a_secret_does_not_show_it(holder: Any) -> None:
    for shown in (repr(holder), str(holder), f"{holder}", repr([holder]), repr({"it": holder})):
        assert SECRET not in shown
        assert SECRET[:12] not in shown


def test_a_failed_opening_says_nothing_of_what_was_to_be_opened() -> None:
    key = envelopes.new_key()
    line = envelopes.seal_for_vault(key.key_id, key.point, "unlock", 7, 0, {"passphrase": SECRET})
    try:
        envelopes._unseal("another label", key, envelopes.urlsafe_b64decode(line.rpartition(".")[2] + "=="), b"")
    except ValueError as error:
        assert str(error) == "not sealed to this key in this place" and error.__cause__ is None


# Unlocked wallets, by a clock that the test turns


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_unlocked_wallet_locks_itself_and_its_key_is_wiped() -> None:
    clock = Clock()
    wallets = UnlockedWallets(clock)
    handle = wallets.add(7, "session", 1, bytes(range(32)))
    wallet = wallets.find(handle)
    assert wallet is not None and wallets.seconds_left(wallet) == UNLOCKED_SECONDS
    clock.now += UNLOCKED_SECONDS - 1
    assert wallets.find(handle) is wallet, "using it does not prolong it"
    clock.now += 1
    wallets.sweep()
    assert wallets.find(handle) is None
    assert wallet.data_key == bytes(32)


def test_too_many_sessions_of_a_party_lock_its_oldest() -> None:
    wallets = UnlockedWallets(Clock())
    handles = [wallets.add(7, f"session {number}", 1, bytes(32)) for number in range(MOST_OF_A_PARTY + 1)]
    other = wallets.add(8, "session", 2, bytes(32))
    assert [wallets.find(handle) is not None for handle in handles] == [False] + [True] * MOST_OF_A_PARTY
    wallets.lock_party(7)
    assert all(wallets.find(handle) is None for handle in handles)
    assert wallets.find(other) is not None
