"""Passphrases: what is refused as too easy, and Argon2id in a bounded pool of threads off the event loop.

No composition rules (NIST SP 800-63B-4, 3.1.1.2): length, and a blocklist of our own that needs no network.
Knows nothing of parties or the database.

TooBusy     the pool's queue is full; the door answers 503 rather than let hashes pile up
"""

from __future__ import annotations

import asyncio
import os
import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from market.refusals import MarketRefusal

T = TypeVar("T")

SHORTEST = 15
LONGEST = 256
MEMORY_KIB = 19 * 1024
ITERATIONS = 2
LANES = 1
CURRENT_PARAMETERS = f"$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p={LANES}$"

SMALLEST_REMAINDER = 6
"""How many characters must be left when everything guessable is taken out."""

COMMON = (
    "gavelhouse", "auction", "bidding", "bidder", "seller", "escrow", "hammer", "paddle", "passphrase", "password",
    "passwort", "passwd", "parola", "wachtwoord", "motdepasse", "contrasena", "mima", "letmein", "welcome", "willkommen",
    "iloveyou", "woaini", "admin", "administrator", "operator", "root", "login", "master", "secret", "default", "changeme",
    "monkey", "dragon", "football", "baseball", "princess", "sunshine", "shadow", "superman", "batman", "pokemon",
    "starwars", "michael", "jennifer", "charlie", "trustno", "whatever", "freedom", "hello", "nihao", "qazwsx", "zaqwsx",
    "test", "guest", "user", "abc", "xyz", "asd", "spring", "summer", "autumn", "winter", "monday", "friday", "january",
    "december", "correcthorsebatterystaple", "tobeornottobe", "thequickbrownfox", "jumpsoverthelazydog",
    "maytheforcebewithyou", "loremipsumdolorsitamet", "openseasame", "opensesame", "mypass", "secure", "security",
    "拍卖", "拍卖行", "密码", "口令", "我爱你", "你好",
)  # fmt: skip
KEYBOARD = (
    "abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm",
    "azertyuiop", "qsdfghjklm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp", "147258369",
    "一二三四五六七八九十",
)  # fmt: skip
SHORTEST_RUN = 4
_LEET = str.maketrans("013457@$!|", "oieastasil")


class TooBusy(Exception):
    """More passphrases are waiting to be hashed than the house lets wait."""


def normalised(passphrase: str) -> str:
    """The form that is counted and hashed: NFC, so that one phrase typed on two keyboards is one phrase."""
    return unicodedata.normalize("NFC", passphrase)


def refusal(passphrase: str, *, email: str = "", display_name: str = "") -> MarketRefusal | None:
    """Why `passphrase` may not be chosen; None when it may. `email` and `display_name` are the party's own."""
    chosen = normalised(passphrase)
    if len(chosen) < SHORTEST:
        return MarketRefusal.PASSPHRASE_TOO_SHORT
    if len(chosen) > LONGEST:
        return MarketRefusal.PASSPHRASE_TOO_LONG
    own = [*re.split(r"[@.+_-]", email), *display_name.split(), email, display_name]
    if is_guessable(chosen, own):
        return MarketRefusal.PASSPHRASE_COMMON
    return None


def is_guessable(passphrase: str, own_words: list[str]) -> bool:
    """True when little is left once common words, keyboard runs, repeats and the party's own words are taken out."""
    words = sorted({*COMMON, *(plain(word) for word in own_words if len(plain(word)) >= 3)}, key=len, reverse=True)
    folded = plain(passphrase)
    return any(len(remainder(spelling, words)) < SMALLEST_REMAINDER for spelling in (folded, folded.translate(_LEET)))


def plain(text: str) -> str:
    """Compatibility form, case-folded, letters and digits only but for the signs that stand for letters."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in folded if sign.isalnum() or sign in "@$!|")


def remainder(text: str, words: list[str]) -> str:
    """What no blocked word, run or repeat accounts for: one character for each thing that is not guessable."""
    for word in words:
        text = text.replace(word, " ")
    for run in _runs():
        text = _without_run(text, run)
    text = re.sub(r"(.{1,8}?)\1{2,}", r"\1", text.replace(" ", ""))
    text = re.sub(r"(.{2,})\1", r"\1", text)
    return "".join(dict.fromkeys(sign for sign in text if sign.isalnum()))


def _runs() -> list[str]:
    return [line for row in KEYBOARD for line in (row, row[::-1])]


def _without_run(text: str, run: str) -> str:
    """Take out every stretch of `run` of at least SHORTEST_RUN signs, the longest first."""
    start = 0
    while start <= len(text) - SHORTEST_RUN:
        length = 0
        while start + length < len(text) and text[start : start + length + 1] in run:
            length += 1
        if length >= SHORTEST_RUN:
            text = text[:start] + " " + text[start + length :]
        start += 1
    return text


class Passphrases:
    """Hashes and verifies off the loop. At most `workers` at once and `waiting` in the queue, then TooBusy."""

    def __init__(self, *, workers: int = 2, waiting: int = 64) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2id")
        self._free = workers + waiting
        # What is verified against when there is no such account, so that the answer takes the same work.
        self._decoy = _decoy()

    async def hash(self, passphrase: str) -> str:
        """The PHC form to store."""
        async with _Place(self):
            return await asyncio.get_running_loop().run_in_executor(self._pool, _hash, passphrase)

    async def verify(self, passphrase: str, phc: str | None) -> bool:
        """Whether `passphrase` is the one hashed in `phc`. With None the work is done all the same, and the answer no."""
        async with _Place(self):
            against = phc or self._decoy
            right = await asyncio.get_running_loop().run_in_executor(self._pool, _verify, passphrase, against)
        return right and phc is not None

    async def stretched(self, work: Callable[..., T], *given: object) -> T:
        """Other work that takes as long on purpose (a key under a passphrase), in the same bounded pool."""
        async with _Place(self):
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *given)

    def is_outdated(self, phc: str) -> bool:
        """True when `phc` was made with other parameters than today's and should be made anew."""
        return not phc.startswith(CURRENT_PARAMETERS)

    def close(self) -> None:
        """Let what runs end; take nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class _Place:
    """One place in the bounded queue."""

    def __init__(self, passphrases: Passphrases) -> None:
        self._passphrases = passphrases

    async def __aenter__(self) -> None:
        if self._passphrases._free == 0:
            raise TooBusy
        self._passphrases._free -= 1

    async def __aexit__(self, *_: object) -> None:
        self._passphrases._free += 1


@cache
def _decoy() -> str:
    """Nobody's hash, made once in a process: nobody knows what it is of."""
    return _hash(os.urandom(16).hex())


def _hash(passphrase: str) -> str:
    kdf = Argon2id(salt=os.urandom(16), length=32, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB)
    return kdf.derive_phc_encoded(_bytes(passphrase))


def _verify(passphrase: str, phc: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(_bytes(passphrase), phc)
    except InvalidKey:
        return False
    return True


def _bytes(passphrase: str) -> bytes:
    # A form may hold half a surrogate pair; it hashes to something rather than failing.
    return normalised(passphrase)[: LONGEST + 1].encode("utf-8", "surrogatepass")
