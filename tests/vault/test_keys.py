"""The vault's key file: made once for its owner's eyes, rotated without a passphrase, missed loudly when it is lost."""

from __future__ import annotations

import asyncio
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from escrow import envelopes
from escrow.vault import keys, wrapping
from escrow.vault_facts import CardInfo, Refused, Unlocked, VaultKeyError, VaultRefusal
from migrations.database import Address, Role, connect
from tests.vault.card_bank import KeyBank
from tests.vault.test_wallets import PHRASE, added, card, opened, order, unlock
from tests.vault.vault_process import running_vault, seal


def test_a_key_file_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "vault_key"
    made = keys.load_or_make(path, needed=set())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert keys.load_or_make(path, needed={made.current.key_id}).current == made.current
    assert list(path.parent.iterdir()) == [path]
    shown = repr(made) + repr(made.current)
    assert made.current.pair.scalar.hex() not in shown and str(made.current.at_rest) not in shown


def test_a_lost_key_is_no_reason_to_make_another(tmp_path: Path) -> None:
    path = tmp_path / "vault_key"
    with pytest.raises(VaultKeyError, match="missing, but wallets are wrapped under it: restore it"):
        keys.load_or_make(path, needed={"0011223344556677"})
    keys.load_or_make(path, needed=set())
    with pytest.raises(VaultKeyError, match=r"0011223344556677, which .* lacks: restore it"):
        keys.load_or_make(path, needed={"0011223344556677"})


@pytest.mark.parametrize(
    "content",
    ["", "{}", '{"keys":[]}', '{"keys":[{"scalar":"AA==","at_rest":"AA==","made_at":"2026-01-01T00:00:00Z"}]}'],
)
def test_a_damaged_key_file_is_said_to_be_damaged(tmp_path: Path, content: str) -> None:
    path = tmp_path / "vault_key"
    path.write_text(content)
    with pytest.raises(VaultKeyError, match="is damaged: restore it"):
        keys.load(path)


def test_older_keys_stay_until_nothing_needs_them(tmp_path: Path) -> None:
    path = tmp_path / "vault_key"
    first = keys.load_or_make(path, needed=set()).current
    second = keys.rotate(path)
    assert list(second.by_id)[1] == first.key_id and second.current.key_id != first.key_id
    with pytest.raises(VaultKeyError, match="still wrapped under an older key"):
        keys.forget_older(path, needed={first.key_id})
    assert list(keys.forget_older(path, needed={second.current.key_id}).by_id) == [second.current.key_id]


async def test_a_running_vault_takes_up_a_new_key_and_wraps_everything_anew(database: Address, tmp_path: Path) -> None:
    """Nobody's passphrase is needed, nobody's wallet is locked, and what was sealed to the old key is still read."""
    async with KeyBank() as bank, running_vault(database, tmp_path, bank.url) as vault:
        client = vault.client()
        handle = await opened(client, 1)
        visa = await added(client, handle, card())
        assert isinstance(visa, CardInfo)
        old = await client.public_key()
        rotated = keys.rotate(vault.key_file)
        conn = await connect(database, Role.VAULT)
        async with asyncio.timeout(20):
            while await conn.fetchval("select outer_key from vault.protection") != rotated.current.key_id:
                await conn.execute("select pg_sleep(0.05)")
        await conn.close()
        assert (await client.public_key()).key_id == rotated.current.key_id
        done = await client.unlock(1, "s", seal(old, "unlock", 1, {"passphrase": PHRASE}))
        assert isinstance(done, Unlocked)
        assert not isinstance(await client.prepare_payment(handle, visa.id, order("after-rotation")), Refused)
        keys.forget_older(vault.key_file, needed={rotated.current.key_id})
        async with asyncio.timeout(20):
            while True:
                late = await client.unlock(1, "s", seal(old, "unlock", 1, {"passphrase": PHRASE}))
                if isinstance(late, Refused):
                    break
        assert late.refusal is VaultRefusal.SEALED_FOR_OTHER_KEY
        assert isinstance(await unlock(client, 1, PHRASE), Unlocked)
        await client.close()


# What lies in the database


def test_a_data_key_opens_by_its_key_in_its_place_alone() -> None:
    data_key, kek, outer, newer = (bytes([number]) * 32 for number in range(4))
    wrapped = wrapping.wrap(data_key, kek, outer, 1, 2)
    assert wrapping.unwrap(wrapped, kek, outer, 1, 2) == data_key
    assert wrapping.unwrap(wrapped, bytes(32), outer, 1, 2) is None
    for wallet_id, protection_id in ((1, 3), (2, 2)):
        with pytest.raises(ValueError, match="not wrapped under this key"):
            wrapping.unwrap(wrapped, kek, outer, wallet_id, protection_id)
    anew = wrapping.wrap_anew(wrapped, outer, newer, 1, 2)
    assert wrapping.unwrap(anew, kek, newer, 1, 2) == data_key
    with pytest.raises(ValueError, match="not wrapped under this key"):
        wrapping.wrap_anew(anew, outer, newer, 1, 2)


def test_a_card_opens_in_its_wallet_its_place_and_its_version_alone() -> None:
    from escrow.vault.cards import Card

    one = Card(number="4111111111111111", holder="Ann Lee", expiry_month=1, expiry_year=2031, brand="visa")
    two = Card(number="30569309025904", holder="李" * 26, expiry_month=12, expiry_year=2031, brand="diners")
    key = bytes(32)
    sealed = wrapping.seal_card(key, one, 1, 2, 3)
    assert len(sealed) == len(wrapping.seal_card(key, two, 1, 2, 3))
    assert wrapping.open_card(key, sealed, 1, 2, 3) == one
    for place in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
        assert wrapping.open_card(key, sealed, *place) is None
    assert wrapping.open_signing_key(key, wrapping.seal_signing_key(key, bytes(32), 1), 2) is None


def test_passkeys_of_two_protections_make_two_keys() -> None:
    assert wrapping.of_passkey(bytes(32), bytes(16), 1) != wrapping.of_passkey(bytes(32), bytes(16), 2)
    assert wrapping.prf_salt(1) != wrapping.prf_salt(2) and len(wrapping.prf_salt(1)) == 32


def test_a_key_is_named_by_its_point() -> None:
    generator = (
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    )  # SEC 2, 2.4.2
    point = b"\4" + bytes.fromhex(generator)
    key = envelopes.key_of_scalar(bytes(31) + b"\1")
    assert key.point == point and key.key_id == sha256(point).hexdigest()[:16]
