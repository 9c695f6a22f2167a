"""What may be chosen as a passphrase, and how it is kept."""

from __future__ import annotations

import asyncio
import unicodedata

import pytest

from market.passphrases import CURRENT_PARAMETERS, LONGEST, Passphrases, TooBusy, refusal
from market.refusals import MarketRefusal


@pytest.mark.parametrize(
    "passphrase",
    [
        "quiet river seven lanterns",
        "the kettle hums at dusk",
        "xK9#vLq2pWz7!mTr",
        "梧桐树下听雨声想起去年冬天的雪",
        "Öresund färgar himlen",
        "            o   tulip  yarn ",
    ],
)
def test_uncommon_phrases_are_taken_without_rules_of_composition(passphrase: str) -> None:
    assert refusal(passphrase, email="mira@example.org", display_name="Mira") is None


@pytest.mark.parametrize(
    "passphrase",
    [
        "passwordpassword",
        "Password123456789",
        "P@ssw0rdP@ssw0rd!!",
        "qwertyuiopasdfghjkl",
        "1234567890123456",
        "aaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "gavelhouse2026!!",
        "Gavelhouse Auction 1234",
        "correct horse battery staple",
        "1qaz2wsx3edc4rfv",
        "zyxwvutsrqponmlk",
        "letmeinletmein123",
        "iloveyouiloveyou",
        "我爱你我爱你我爱你我爱你我爱你我爱你",
        "ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ",
    ],
)
def test_guessable_phrases_are_refused(passphrase: str) -> None:
    assert refusal(passphrase) is MarketRefusal.PASSPHRASE_COMMON


@pytest.mark.parametrize("passphrase", ["mira.lindqvist@example.org", "MiraLindqvist2026", "lindqvist mira 123"])
def test_ones_own_name_and_address_are_refused(passphrase: str) -> None:
    found = refusal(passphrase, email="mira.lindqvist@example.org", display_name="Mira Lindqvist")
    assert found is MarketRefusal.PASSPHRASE_COMMON


def test_fourteen_characters_are_too_few_and_fifteen_enough() -> None:
    assert refusal("tin whale orbi") is MarketRefusal.PASSPHRASE_TOO_SHORT
    assert refusal("tin whale orbit") is None


def test_length_is_counted_in_characters_after_composition() -> None:
    decomposed = unicodedata.normalize("NFD", "éèêëàâäîïôöùû")
    assert len(decomposed) > 15
    assert refusal(decomposed) is MarketRefusal.PASSPHRASE_TOO_SHORT


def test_256_characters_are_taken_and_257_are_not() -> None:
    long = "".join(chr(0x4E00 + 7 * n) for n in range(LONGEST))
    assert refusal(long) is None
    assert refusal(long + "x") is MarketRefusal.PASSPHRASE_TOO_LONG


async def test_a_phrase_is_verified_whichever_way_its_accents_are_typed() -> None:
    passphrases = Passphrases(workers=1)
    phc = await passphrases.hash("crème brûlée at noon")
    assert phc.startswith(CURRENT_PARAMETERS)
    assert await passphrases.verify(unicodedata.normalize("NFD", "crème brûlée at noon"), phc)
    assert not await passphrases.verify("creme brulee at noon", phc)
    passphrases.close()


async def test_no_account_is_never_right_whatever_is_typed() -> None:
    passphrases = Passphrases(workers=1)
    assert not await passphrases.verify("anything at all here", None)
    passphrases.close()


async def test_half_a_surrogate_pair_is_hashed_and_not_an_error() -> None:
    passphrases = Passphrases(workers=1)
    phc = await passphrases.hash("broken \ud83d emoji phrase")
    assert await passphrases.verify("broken \ud83d emoji phrase", phc)
    passphrases.close()


async def test_a_full_queue_refuses_at_once_and_empties_again() -> None:
    passphrases = Passphrases(workers=1, waiting=1)
    hashing = [asyncio.create_task(passphrases.hash(f"phrase number {n}")) for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        await passphrases.hash("one too many for this queue")
    await asyncio.gather(*hashing)
    assert await passphrases.hash("there is a place again")
    passphrases.close()


async def test_the_loop_turns_while_a_phrase_is_hashed() -> None:
    passphrases = Passphrases(workers=1)
    hashing = asyncio.create_task(passphrases.hash("a phrase that takes its time"))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
    passphrases.close()
