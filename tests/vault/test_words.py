"""Every refusal of the vault has its sentence in both languages, and the passphrase's are judged as the account's are."""

from __future__ import annotations

import pytest

from escrow.vault_facts import MOST_CARDS, MOST_PASSKEYS, VaultRefusal
from market.catalogue import Catalogue
from market.passphrases import LONGEST, SHORTEST
from market.refusals import MarketRefusal
from market.vault_child import judge_passphrase

CATALOGUE = Catalogue.load()


@pytest.mark.parametrize("refusal", VaultRefusal)
def test_every_refusal_has_its_sentence(refusal: VaultRefusal) -> None:
    for language in ("en", "zh"):
        assert CATALOGUE.text(f"vault_refusal.{refusal}", language)


def test_sentences_name_the_figures_that_hold() -> None:
    for refusal, figure in (
        (VaultRefusal.PASSPHRASE_TOO_SHORT, SHORTEST),
        (VaultRefusal.PASSPHRASE_TOO_LONG, LONGEST),
        (VaultRefusal.TOO_MANY_CARDS, MOST_CARDS),
        (VaultRefusal.TOO_MANY_PASSKEYS, MOST_PASSKEYS),
    ):
        for language in ("en", "zh"):
            assert str(figure) in CATALOGUE.text(f"vault_refusal.{refusal}", language)


def test_whatever_is_wrong_with_a_passphrase_the_vault_has_a_refusal_for_it() -> None:
    flaws = (MarketRefusal.PASSPHRASE_TOO_SHORT, MarketRefusal.PASSPHRASE_TOO_LONG, MarketRefusal.PASSPHRASE_COMMON)
    assert {VaultRefusal(flaw.value) for flaw in flaws} == {
        judge_passphrase("short"),
        judge_passphrase("x" * 300),
        judge_passphrase("passwordpassword123"),
    }
    assert judge_passphrase("nine silver herons over the marsh") is None
