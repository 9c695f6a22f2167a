"""A wallet's life in a real vault process: opened, unlocked, given cards, protected otherwise, refused, killed."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from escrow import envelopes
from escrow.dual_signature import OrderInfo, PaymentInfo, is_cheque_signed, judge_order
from escrow.vault.stretching import Stretcher, TooBusy
from escrow.vault_client import VaultClient
from escrow.vault_facts import MOST_CARDS, CardInfo, Refused, Unlocked, VaultRefusal, WalletHandle
from escrow.vault_wire import base64url
from tests.vault.card_bank import KeyBank
from tests.vault.vault_process import VaultProcess, seal

if TYPE_CHECKING:
    from asyncpg import Pool, Record

PHRASE = "nine silver herons over the marsh"
OTHER = "quiet mountains remember every bell"
VISA, MASTERCARD = "4111111111111111", "5555555555554444"
PASSKEY = {"credential_id": base64url(b"credential one"), "prf": base64url(bytes(range(32))), "label": "phone"}


def card(number: str = VISA, **changed: str) -> dict[str, str]:
    return {"number": number, "expiry_month": "12", "expiry_year": "2031", "holder": "Ann Lee", **changed}


def order(payment_id: str, **changed: str) -> OrderInfo:
    facts = {
        "payment_id": payment_id,
        "subject": "case:7",
        "reference": "GH7K2M",
        "payee": "Old Clocks",
        "currency": "CNY",
        "amount_minor": "125000",
        "contract_sha256": "ab" * 32,
        "at": "2026-11-22T03:00:00Z",
    }
    return OrderInfo(**{**facts, **changed})


async def sealed(client: VaultClient, purpose: str, party: int, content: dict[str, str]) -> str:
    return seal(await client.public_key(), purpose, party, content)


async def opened(client: VaultClient, party: int, passphrase: str = PHRASE) -> WalletHandle:
    content = {"passphrase": passphrase}
    done = await client.open_wallet(party, "session", await sealed(client, "open_wallet", party, content))
    assert isinstance(done, Unlocked), done
    return done.handle


async def unlock(client: VaultClient, party: int, passphrase: str) -> Unlocked | Refused:
    content = {"passphrase": passphrase}
    return await client.unlock(party, "session", await sealed(client, "unlock", party, content))


async def added(client: VaultClient, handle: WalletHandle, content: dict[str, str]) -> CardInfo | Refused:
    return await client.add_card(handle, await sealed(client, "add_card", handle.party_id, content))


def refusal(answer: object) -> VaultRefusal | None:
    return answer.refusal if isinstance(answer, Refused) else None


async def test_a_wallet_is_opened_unlocked_and_locked(client: VaultClient, party: int) -> None:
    assert not (await client.wallet(party)).exists
    handle = await opened(client, party)
    known = await client.wallet(party)
    assert known.exists and [way.kind for way in known.protections] == ["passphrase"] and len(known.public_key) == 64
    assert await client.is_unlocked(handle)
    await client.lock(handle)
    assert await client.is_unlocked(handle) is None
    assert refusal(await added(client, handle, card())) is VaultRefusal.WALLET_LOCKED
    again = await unlock(client, party, PHRASE)
    assert isinstance(again, Unlocked) and await client.is_unlocked(again.handle)
    content = {"passphrase": OTHER}
    twice = await client.open_wallet(party, "session", await sealed(client, "open_wallet", party, content))
    assert refusal(twice) is VaultRefusal.WALLET_EXISTS


async def test_of_two_wallets_opened_at_once_one_stands(client: VaultClient, party: int) -> None:
    lines = [await sealed(client, "open_wallet", party, {"passphrase": phrase}) for phrase in (PHRASE, OTHER)]
    done = await asyncio.gather(*(client.open_wallet(party, "session", line) for line in lines))
    assert sorted(str(refusal(each)) for each in done) == ["None", "wallet_exists"]
    (way,) = (await client.wallet(party)).protections
    assert way.kind == "passphrase"
    unlocked = [await unlock(client, party, phrase) for phrase in (PHRASE, OTHER)]
    assert [isinstance(each, Unlocked) for each in unlocked] == [isinstance(each, Unlocked) for each in done]


async def test_when_too_many_passphrases_wait_the_next_is_told_so() -> None:
    stretcher = Stretcher(workers=1, waiting=1)
    async with stretcher.place(), stretcher.place():
        with pytest.raises(TooBusy):
            async with stretcher.place():
                raise AssertionError("there is no third place")
    async with stretcher.place():
        assert len(await stretcher.stretched(PHRASE, bytes(16), 64, 1)) == 32
    stretcher.close()


async def test_a_handle_is_good_for_its_party_in_its_session_alone(client: VaultClient, party: int) -> None:
    handle = await opened(client, party)
    for other in (
        WalletHandle(party_id=party + 1, session_key="session", token=handle.token),
        WalletHandle(party_id=party, session_key="another", token=handle.token),
        WalletHandle(party_id=party, session_key="session", token=handle.token[:-1] + "!"),
    ):
        assert await client.is_unlocked(other) is None
        assert refusal(await client.sign_cheque(other, bytes(64))) is VaultRefusal.WALLET_LOCKED
    assert await client.is_unlocked(handle)


@pytest.mark.parametrize(
    ("passphrase", "expected"),
    [
        ("too short", VaultRefusal.PASSPHRASE_TOO_SHORT),
        ("x9!" * 100, VaultRefusal.PASSPHRASE_TOO_LONG),
        ("passwordpassword123", VaultRefusal.PASSPHRASE_COMMON),
    ],
    ids=["short", "long", "common"],
)
async def test_a_poor_passphrase_is_refused(
    client: VaultClient, party: int, passphrase: str, expected: VaultRefusal
) -> None:
    content = {"passphrase": passphrase}
    done = await client.open_wallet(party, "session", await sealed(client, "open_wallet", party, content))
    assert refusal(done) is expected
    assert not (await client.wallet(party)).exists


async def test_envelopes_are_for_one_use_one_purpose_and_one_party(client: VaultClient, party: int) -> None:
    envelope = await sealed(client, "open_wallet", party, {"passphrase": PHRASE})
    assert refusal(await client.unlock(party, "session", envelope)) is VaultRefusal.SEALED_MALFORMED
    assert refusal(await client.open_wallet(party + 1, "s", envelope)) is VaultRefusal.SEALED_UNREADABLE
    assert isinstance(await client.open_wallet(party, "session", envelope), Unlocked)
    assert refusal(await client.open_wallet(party, "session", envelope)) is VaultRefusal.SEALED_USED


async def test_tries_are_limited_and_the_limit_outlives_a_kill(
    client: VaultClient, vault: VaultProcess, party: int
) -> None:
    await opened(client, party)
    answers = [await unlock(client, party, OTHER) for _ in range(4)]
    assert {(refusal(each), isinstance(each, Refused) and each.until) for each in answers} == {
        (VaultRefusal.UNLOCK_WRONG, None)
    }
    fifth = await unlock(client, party, OTHER)
    assert isinstance(fifth, Refused) and fifth.until is not None, "the fifth says from when on the next is taken"
    vault.end(signal.SIGKILL)
    await vault.start()
    blocked = await unlock(client, party, PHRASE)
    assert refusal(blocked) is VaultRefusal.UNLOCK_WAIT, "even the right one waits, or tries would be unlimited"
    assert (await client.wallet(party)).tries_blocked_until == fifth.until


async def test_many_wrong_tries_at_once_are_each_counted(client: VaultClient, party: int) -> None:
    await opened(client, party)
    answers = await asyncio.gather(*(unlock(client, party, OTHER) for _ in range(12)))
    told = [refusal(each) for each in answers]
    assert told.count(VaultRefusal.UNLOCK_WRONG) == 5
    assert told.count(VaultRefusal.UNLOCK_WAIT) == 7


async def test_a_right_passphrase_forgives_the_wrong_ones(client: VaultClient, party: int) -> None:
    await opened(client, party)
    for _ in range(3):
        for _ in range(2):
            assert refusal(await unlock(client, party, OTHER)) is VaultRefusal.UNLOCK_WRONG
        assert isinstance(await unlock(client, party, PHRASE), Unlocked)


async def test_another_passphrase_leaves_every_card_as_it_lies(
    client: VaultClient, party: int, owner_of_module: Pool[Record]
) -> None:
    handle = await opened(client, party)
    assert isinstance(await added(client, handle, card()), CardInfo)
    rows = "select c.sealed from vault.card c join vault.wallet w on w.id = wallet_id where party_id = $1"
    before = await owner_of_module.fetchval(rows, party)
    content = {"passphrase": PHRASE, "new_passphrase": OTHER}
    assert await client.change_passphrase(party, await sealed(client, "change_passphrase", party, content)) is None
    assert await client.is_unlocked(handle) is None, "whoever had it unlocked must unlock it anew"
    assert await owner_of_module.fetchval(rows, party) == before
    assert refusal(await unlock(client, party, PHRASE)) is VaultRefusal.UNLOCK_WRONG
    assert isinstance(await unlock(client, party, OTHER), Unlocked)
    wrong = await sealed(client, "change_passphrase", party, content)
    assert refusal(await client.change_passphrase(party, wrong)) is VaultRefusal.UNLOCK_WRONG


async def test_a_passkey_unlocks_what_a_passphrase_unlocks(client: VaultClient, party: int) -> None:
    handle = await opened(client, party)
    envelope = await sealed(client, "add_passkey", party, PASSKEY)
    passkey = await client.add_passkey(handle, envelope)
    assert not isinstance(passkey, Refused) and passkey.kind == "passkey" and passkey.label == "phone"
    again = await client.add_passkey(handle, await sealed(client, "add_passkey", party, PASSKEY))
    assert refusal(again) is VaultRefusal.PASSKEY_KNOWN
    by_passkey = await client.unlock(party, "phone", await sealed(client, "unlock", party, PASSKEY))
    assert isinstance(by_passkey, Unlocked)
    assert isinstance(await added(client, by_passkey.handle, card()), CardInfo)
    guess = {**PASSKEY, "prf": base64url(bytes(32))}
    wrong = await client.unlock(party, "phone", await sealed(client, "unlock", party, guess))
    assert refusal(wrong) is VaultRefusal.UNLOCK_WRONG


async def test_the_last_protection_stays(client: VaultClient, party: int) -> None:
    handle = await opened(client, party)
    (passphrase,) = (await client.wallet(party)).protections
    assert refusal(await client.remove_protection(handle, passphrase.id)) is VaultRefusal.LAST_PROTECTION
    await client.add_passkey(handle, await sealed(client, "add_passkey", party, PASSKEY))
    assert await client.remove_protection(handle, passphrase.id) is None
    assert refusal(await client.remove_protection(handle, passphrase.id)) is VaultRefusal.PROTECTION_ABSENT
    assert refusal(await unlock(client, party, PHRASE)) is VaultRefusal.PASSPHRASE_ABSENT
    (passkey,) = (await client.wallet(party)).protections
    assert refusal(await client.remove_protection(handle, passkey.id)) is VaultRefusal.LAST_PROTECTION
    envelope = await sealed(client, "add_passphrase", party, {"passphrase": OTHER})
    assert await client.add_passphrase(handle, envelope) is None
    twice = await client.add_passphrase(handle, await sealed(client, "add_passphrase", party, {"passphrase": OTHER}))
    assert refusal(twice) is VaultRefusal.PASSPHRASE_PRESENT
    assert isinstance(await unlock(client, party, OTHER), Unlocked)


async def test_of_two_removals_at_once_one_protection_stays(client: VaultClient, party: int) -> None:
    handle = await opened(client, party)
    await client.add_passkey(handle, await sealed(client, "add_passkey", party, PASSKEY))
    ways = (await client.wallet(party)).protections
    done = await asyncio.gather(*(client.remove_protection(handle, way.id) for way in ways))
    assert sorted(str(refusal(each)) for each in done) == ["None", "last_protection"]


async def test_a_wallet_may_have_passkeys_alone_from_the_start(client: VaultClient, party: int) -> None:
    done = await client.open_wallet(party, "phone", await sealed(client, "open_wallet", party, PASSKEY))
    assert isinstance(done, Unlocked)
    assert [way.kind for way in (await client.wallet(party)).protections] == ["passkey"]


async def test_cards_are_kept_named_and_taken_out(client: VaultClient, party: int) -> None:
    handle = await opened(client, party)
    visa = await added(client, handle, card("4111 1111-1111 1111", label="for clocks"))
    assert isinstance(visa, CardInfo)
    assert (visa.brand, visa.last4, visa.expiry_month, visa.expiry_year) == ("visa", "1111", 12, 2031)
    assert refusal(await added(client, handle, card())) is VaultRefusal.CARD_KNOWN
    assert isinstance(await added(client, handle, card(MASTERCARD)), CardInfo)
    renamed = await client.rename_card(handle, visa.id, "  for\n watches ")
    assert isinstance(renamed, CardInfo) and renamed.label == "for watches"
    assert refusal(await client.rename_card(handle, visa.id, "4111 1111 1111 1111")) is not None
    assert await client.remove_card(handle, visa.id) is None
    assert refusal(await client.remove_card(handle, visa.id)) is VaultRefusal.CARD_ABSENT
    assert [each.last4 for each in (await client.wallet(party)).cards] == ["4444"]


async def test_of_the_same_card_twice_at_once_one_is_kept(client: VaultClient, party: int) -> None:
    handle = await opened(client, party)
    done = await asyncio.gather(*(added(client, handle, card()) for _ in range(4)))
    assert sorted(type(each).__name__ for each in done) == ["CardInfo", "Refused", "Refused", "Refused"]


async def test_a_wallet_has_room_for_so_many_cards(client: VaultClient, party: int) -> None:
    handle = await opened(client, party)
    numbers = [with_check_digit(f"411111{number:09}") for number in range(MOST_CARDS + 1)]
    done = [await added(client, handle, card(number)) for number in numbers]
    assert [refusal(each) for each in done] == [None] * MOST_CARDS + [VaultRefusal.TOO_MANY_CARDS]


def with_check_digit(start: str) -> str:
    from escrow.vault.cards import passes_luhn

    return next(start + digit for digit in "0123456789" if passes_luhn(start + digit))


async def test_a_payment_is_signed_once_and_each_side_reads_its_half(
    client: VaultClient, party: int, bank: KeyBank
) -> None:
    handle = await opened(client, party)
    visa = await added(client, handle, card())
    assert isinstance(visa, CardInfo)
    wanted = order(f"payment-{party}")
    prepared = await client.prepare_payment(handle, visa.id, wanted)
    assert not isinstance(prepared, Refused)
    at_the_house = judge_order(
        prepared.order,
        payment_digest=prepared.payment_digest,
        signature=prepared.signature,
        public_key=prepared.public_key,
        wallet_key=bytes.fromhex((await client.wallet(party)).public_key),
    )
    assert at_the_house == wanted
    at_the_bank = bank.open(prepared)
    assert isinstance(at_the_bank, PaymentInfo)
    assert (at_the_bank.pan, at_the_bank.expiry, at_the_bank.amount_minor) == (VISA, "2031-12", "125000")
    assert VISA.encode() not in prepared.order + prepared.envelope
    twice = await client.prepare_payment(handle, visa.id, wanted)
    assert refusal(twice) is VaultRefusal.PAYMENT_ID_USED
    other_sum = await client.prepare_payment(handle, visa.id, order(f"payment-{party}", amount_minor="1"))
    assert refusal(other_sum) is VaultRefusal.PAYMENT_ID_USED


async def test_of_one_payment_prepared_twice_at_once_one_is_signed(client: VaultClient, party: int) -> None:
    handle = await opened(client, party)
    visa = await added(client, handle, card())
    assert isinstance(visa, CardInfo)
    wanted = order(f"at-once-{party}")
    done = await asyncio.gather(*(client.prepare_payment(handle, visa.id, wanted) for _ in range(4)))
    assert sorted(str(refusal(each)) for each in done) == ["None", *["payment_id_used"] * 3]


@pytest.mark.parametrize(
    "changed",
    [
        {"amount_minor": "0"},
        {"amount_minor": "-5"},
        {"amount_minor": "12.50"},
        {"currency": "yuan"},
        {"contract_sha256": "nothing"},
        {"payee": "x" * 201},
        {"kind": "gavelhouse.payment.v1"},
    ],
    ids=lambda changed: "-".join(changed) + "-" + next(iter(changed.values()))[:8],
)
async def test_a_malformed_order_is_not_signed(client: VaultClient, party: int, changed: dict[str, str]) -> None:
    handle = await opened(client, party)
    done = await client.prepare_payment(handle, 1, order(f"malformed-{party}", **changed))
    assert refusal(done) is VaultRefusal.ORDER_MALFORMED


async def test_a_cheque_is_signed_by_the_wallets_key(client: VaultClient, party: int) -> None:
    handle = await opened(client, party)
    record = b'{"cheque":"12","payee":7,"amount_minor":"5000","currency":"CNY"}'
    signed = await client.sign_cheque(handle, record)
    assert not isinstance(signed, Refused)
    assert signed.public_key.hex() == (await client.wallet(party)).public_key
    assert is_cheque_signed(record, signed.signature, signed.public_key)
    assert not is_cheque_signed(record.replace(b"5000", b"9000"), signed.signature, signed.public_key)
    assert refusal(await client.sign_cheque(handle, bytes(31))) is VaultRefusal.CHEQUE_MALFORMED


async def test_a_discarded_wallet_is_gone_and_another_may_be_opened(client: VaultClient, party: int) -> None:
    handle = await opened(client, party)
    before = (await client.wallet(party)).public_key
    await client.discard_wallet(party)
    assert await client.is_unlocked(handle) is None
    assert not (await client.wallet(party)).exists
    await opened(client, party, OTHER)
    assert (await client.wallet(party)).public_key != before


async def test_a_killed_vault_comes_back_with_everything_but_the_open_wallets(
    client: VaultClient, vault: VaultProcess, party: int
) -> None:
    handle = await opened(client, party)
    visa = await added(client, handle, card())
    assert isinstance(visa, CardInfo)
    seen = await sealed(client, "unlock", party, {"passphrase": PHRASE})
    vault.end(signal.SIGKILL)
    vault.spawn()
    assert (await client.wallet(party)).cards == (visa,), "what is asked meanwhile waits"
    assert await client.is_unlocked(handle) is None
    assert refusal(await client.unlock(party, "session", seen)) is VaultRefusal.SEALED_STALE
    again = await unlock(client, party, PHRASE)
    assert isinstance(again, Unlocked)
    prepared = await client.prepare_payment(again.handle, visa.id, order(f"after-{party}"))
    assert not isinstance(prepared, Refused)


async def test_a_bank_that_shows_another_key_is_not_believed(
    client: VaultClient, vault: VaultProcess, bank: KeyBank, party: int
) -> None:
    handle = await opened(client, party)
    visa = await added(client, handle, card())
    assert isinstance(visa, CardInfo)
    assert not isinstance(await client.prepare_payment(handle, visa.id, order(f"first-key-{party}")), Refused)
    pinned, bank.key = bank.key, envelopes.new_key()
    vault.end(signal.SIGKILL)
    vault.spawn()
    again = await unlock(client, party, PHRASE)
    assert isinstance(again, Unlocked)
    done = await client.prepare_payment(again.handle, visa.id, order(f"other-key-{party}"))
    assert refusal(done) is VaultRefusal.BANK_KEY_CHANGED
    bank.key = pinned
    back = await client.prepare_payment(again.handle, visa.id, order(f"other-key-{party}"))
    assert not isinstance(back, Refused), "a refused payment's id was not used up"
