"""The search itself: it finds a planted canary however it is written, and nothing where there is none."""

from __future__ import annotations

import random
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable

import pytest

from tests.canary.numbers import canaries, phrases
from tests.canary.search import Finder

CARDS = list(canaries(400))
PHRASES = phrases(50)
FINDER = Finder(CARDS, PHRASES)
NOISE = random.Random(7).randbytes(200_000)

WRITINGS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode(),
    "four by four": lambda text: " ".join(text[at : at + 4] for at in range(0, len(text), 4)).encode(),
    "four by four, hyphens": lambda text: "-".join(text[at : at + 4] for at in range(0, len(text), 4)).encode(),
    "each apart": lambda text: " ".join(text).encode(),
    "each apart, percent": lambda text: "%20".join(text).encode(),
    "over two lines": lambda text: f"{text[:9]}\r\n{text[9:]}".encode(),
    "six and rest": lambda text: f"{text[:6]}.{text[6:]}".encode(),
    "utf-16": lambda text: text.encode("utf-16-le"),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "hexadecimal, upper": lambda text: text.encode().hex().upper().encode(),
    "hexadecimal, apart": lambda text: text.encode().hex(" ", 16).encode(),
    "base64": lambda text: b64encode(text.encode()),
    "base64 of four by four": lambda text: b64encode(" ".join(text[at : at + 4] for at in range(0, len(text), 4)).encode()),
    "base64 in JSON": lambda text: b64encode(f'{{"number":"{text}","x":1}}'.encode()),
    "base64 after one": lambda text: b64encode(f"x{text}y".encode()),
    "base64 after two": lambda text: urlsafe_b64encode(f"xx{text}??>>".encode()),
    "base64 of utf-16": lambda text: b64encode(text.encode("utf-16-le")),
    "packed": lambda text: bytes.fromhex(text if len(text) % 2 == 0 else text + "f"),
}  # fmt: skip


@pytest.mark.parametrize("card", CARDS[:2], ids=lambda card: f"{len(card.number)}-digits")
@pytest.mark.parametrize("writing", WRITINGS, ids=lambda name: name.replace(" ", "-"))
def test_a_planted_number_is_found_in_every_writing(writing: str, card: object) -> None:
    number = str(card.number)  # type: ignore[attr-defined]
    for before in (b"", b"id=17 ", b"\xff"):
        leak = NOISE[:5000] + before + WRITINGS[writing](number) + NOISE[5000:9000]
        assert number in {hit.canary for hit in FINDER.search("here", leak)}


@pytest.mark.parametrize(
    "writing", ["plain", "utf-16", "hexadecimal", "base64", "base64 after one", "base64 after two"]
)
def test_a_planted_passphrase_is_found(writing: str) -> None:
    leak = NOISE[:5000] + WRITINGS[writing](PHRASES[17]) + NOISE[5000:9000]
    assert PHRASES[17] in {hit.canary for hit in FINDER.search("here", leak)}


def test_what_is_no_canary_is_not_found() -> None:
    other = list(canaries(401))[400].number
    everything = b" ".join(write(other) for write in WRITINGS.values())
    pieces = b" ".join(card.number[:-1].encode() + b"x" + card.number[-4:].encode() for card in CARDS[:40])
    assert list(FINDER.search("here", NOISE + everything + pieces + PHRASES[0][:-1].encode())) == []


def test_canaries_are_cards_that_a_wallet_takes_and_all_differ() -> None:
    from escrow.vault.cards import brand_of, passes_luhn

    assert len({card.number for card in CARDS}) == len(CARDS)
    assert all(passes_luhn(card.number) and brand_of(card.number) for card in CARDS)
