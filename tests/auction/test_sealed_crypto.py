"""A sealed bid opens to what was sealed, and to nothing for anybody else, anywhere else, or changed in one byte."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auction import sealing
from auction.facts import LARGEST_AMOUNT_MINOR
from auction.sealing import Flaw, KeyPair, OpenedBid, open_bid, seal, seal_bid
from tests.auction.sealed_lots import KEY, PUBLIC

OTHER = sealing.new_key()


def opened(made: sealing.SealedBid, **changes: object) -> OpenedBid | Flaw:
    fields = {"lot": 7, "paddle": 211, "ciphertext": made.ciphertext, "commitment": made.commitment} | changes
    key = fields.pop("key", KEY)
    assert isinstance(key, KeyPair)
    return open_bid(key, **fields)  # type: ignore[arg-type]


@given(st.integers(1, LARGEST_AMOUNT_MINOR), st.integers(1, 2**63 - 1), st.integers(100, 10**6))
@settings(max_examples=25, deadline=None)
def test_what_was_sealed_is_opened_and_every_ciphertext_is_as_long(amount: int, lot: int, paddle: int) -> None:
    made = seal_bid(PUBLIC, lot=lot, paddle=paddle, amount_minor=amount)
    assert opened(made, lot=lot, paddle=paddle) == OpenedBid(amount, made.nonce)
    assert len(b64decode(made.ciphertext)) == sealing.CIPHERTEXT_BYTES
    assert sealing.is_well_formed(made.ciphertext, made.commitment)


def test_equal_sums_look_different_each_time() -> None:
    first, second = (seal_bid(PUBLIC, lot=7, paddle=211, amount_minor=500) for _ in range(2))
    assert first.ciphertext != second.ciphertext and first.commitment != second.commitment


@pytest.mark.parametrize(
    "changes",
    [{"paddle": 312}, {"lot": 8}, {"key": OTHER}, {"commitment": "00" * 32}],
    ids=["another bidder", "another lot", "another key", "another commitment"],
)
def test_a_copied_bid_opens_for_nobody(changes: dict[str, object]) -> None:
    assert opened(seal_bid(PUBLIC, lot=7, paddle=211, amount_minor=500), **changes) is Flaw.UNDECRYPTABLE


@pytest.mark.parametrize("place", [5, 65, 77, 200, sealing.CIPHERTEXT_BYTES - 1])
def test_one_changed_byte_opens_for_nobody(place: int) -> None:
    made = seal_bid(PUBLIC, lot=7, paddle=211, amount_minor=500)
    blob = bytearray(b64decode(made.ciphertext))
    blob[place] ^= 1
    assert opened(made, ciphertext=b64encode(blob).decode()) is Flaw.UNDECRYPTABLE


@pytest.mark.parametrize(
    ("said", "flaw"),
    [
        ("not json", Flaw.MALFORMED),
        ("[]", Flaw.MALFORMED),
        ('{"amount_minor":500,"lot":7,"nonce":"' + "ab" * 32 + '"}', Flaw.MALFORMED),
        ('{"amount_minor":"5e2","lot":7,"nonce":"' + "ab" * 32 + '"}', Flaw.MALFORMED),
        ('{"amount_minor":"500","lot":7,"nonce":"ab"}', Flaw.MALFORMED),
        ('{"amount_minor":"500","lot":8,"nonce":"' + "ab" * 32 + '"}', Flaw.OTHER_LOT),
        ('{"amount_minor":"600","lot":7,"nonce":"' + "ab" * 32 + '"}', Flaw.COMMITMENT_DIFFERS),
    ],
    ids=[
        "no json",
        "a list",
        "a number",
        "an exponent",
        "a short nonce",
        "for another lot",
        "another sum than committed",
    ],
)
def test_what_a_strange_program_sealed_is_named(said: str, flaw: Flaw) -> None:
    commitment = sealing.commitment_of(7, 211, 500, "ab" * 32)
    context = sealing.bound_to(7, 211, PUBLIC, commitment)
    blob = seal(KEY.public, said.encode().ljust(sealing.PLAINTEXT_BYTES), context)
    made = sealing.SealedBid(ciphertext=b64encode(blob).decode(), commitment=commitment, amount_minor=0, nonce="")
    assert opened(made) is flaw


@pytest.mark.parametrize(
    ("ciphertext", "commitment"),
    [("", "00" * 32), ("AAAA", "00" * 32), ("*" * 380, "00" * 32), (b64encode(bytes(285)).decode(), "00" * 32)],
    ids=["nothing", "short", "not base64", "no point of the curve"],
)
def test_what_cannot_be_a_sealed_bid_is_seen_at_once(ciphertext: str, commitment: str) -> None:
    assert not sealing.is_well_formed(ciphertext, commitment)
    made = seal_bid(PUBLIC, lot=7, paddle=211, amount_minor=500)
    assert not sealing.is_well_formed(made.ciphertext, "zz" * 32)


def test_a_wrapped_key_opens_with_its_passphrase_in_its_place_alone() -> None:
    wrapped = sealing.wrap(KEY.private, "four winds over the harbour", b"officer 3", memory_kib=64, iterations=1)
    assert sealing.unwrap(wrapped, "four winds over the harbour", b"officer 3") == KEY.private
    assert sealing.unwrap(wrapped, "four winds over the harbor", b"officer 3") is None
    assert sealing.unwrap(wrapped, "four winds over the harbour", b"officer 4") is None
    assert KEY.private not in wrapped.sealed


def test_a_key_is_known_by_its_scalar() -> None:
    assert sealing.key_of_scalar(KEY.private) == KEY
    assert sealing.key_of_scalar(bytes(32)) is None and sealing.key_of_scalar(b"\xff" * 32) is None
