"""The codec alone: what goes in comes out, an independent reader agrees, and every malformed message is refused by name."""

from __future__ import annotations

import re
from typing import Any

import iso8583 as independent
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow import iso8583
from escrow.iso8583 import ELEMENTS, Element, Frames, Kind, MalformedError, Message, decode, encode, frame

KEY = iso8583.key_of("whsec_shared")
ASKED = Message(
    "0100",
    {
        3: "000000",
        4: "000000123456",
        7: "1122030405",
        11: "000017",
        12: "030405",
        13: "1122",
        37: "0123456789AB",
        41: "GAVEL001",
        42: "GAVELHOUSE     ",
        48: "0f" * 16,
        49: "156",
        127: bytes(range(256)) * 2 + b"\x00" * 229,
    },
)
_FIGURES, _LETTERS = "0123456789", "0123456789ABCXYZabcxyz "
_TEXT = "".join(chr(code) for code in range(32, 127))
_ALPHABET = {Kind.FIGURES: _FIGURES, Kind.LETTERS: _LETTERS, Kind.TEXT: _TEXT}


def _values(element: Element) -> st.SearchStrategy[Any]:
    least = 0 if element.prefix else element.length
    if element.kind is Kind.BYTES:
        return st.binary(min_size=least, max_size=element.length)
    return st.text(_ALPHABET[element.kind], min_size=least, max_size=element.length)


MESSAGES = st.builds(
    Message,
    st.sampled_from(sorted({*iso8583.ANSWER_TO, *iso8583.ANSWER_TO.values()})),
    st.fixed_dictionaries(
        {}, optional={number: _values(element) for number, element in ELEMENTS.items() if number != 128}
    ),
)


@given(MESSAGES)
@settings(max_examples=30, deadline=None)
def test_every_message_comes_back_as_it_went(message: Message) -> None:
    assert decode(encode(message, KEY), KEY) == message


@given(MESSAGES)
@settings(max_examples=25, deadline=None)
def test_an_independent_reader_reads_the_same_and_writes_the_same_bytes(message: Message) -> None:
    body = encode(message, KEY)
    read, _ = independent.decode(body, SPECIFICATION)
    ours = {
        str(number): value.hex().upper() if isinstance(value, bytes) else value
        for number, value in message.elements.items()
    }
    assert {name: value for name, value in read.items() if name not in ("t", "p", "1", "128")} == ours
    assert read["t"] == message.mti and read["128"] == body[-8:].hex().upper()
    written, _ = independent.encode(dict(read), SPECIFICATION)
    assert bytes(written) == body


@given(st.lists(MESSAGES, max_size=5), st.lists(st.integers(1, 40), max_size=200))
@settings(max_examples=15, deadline=None)
def test_a_stream_may_be_cut_anywhere(messages: list[Message], cuts: list[int]) -> None:
    bodies = [encode(message, KEY) for message in messages]
    stream, got, frames = b"".join(frame(body) for body in bodies), [], Frames()
    while stream:
        size = cuts.pop() if cuts else 97
        got += frames.feed(stream[:size])
        stream = stream[size:]
    assert got == bodies


@given(st.binary(max_size=200))
@settings(max_examples=30, deadline=None)
def test_no_bytes_make_the_reader_fail_in_another_way(body: bytes) -> None:
    with pytest.raises(MalformedError):
        decode(body, KEY)


@given(st.integers(0, 8 * len(encode(ASKED, KEY)) - 1))
@settings(max_examples=30, deadline=None)
def test_a_message_with_any_bit_turned_is_refused(bit: int) -> None:
    body = bytearray(encode(ASKED, KEY))
    body[bit // 8] ^= 1 << bit % 8
    with pytest.raises(MalformedError):
        decode(bytes(body), KEY)


def _sealed(body: bytes) -> bytes:
    return body + iso8583.mac(body, KEY)


def _with_bits(*numbers: int) -> bytes:
    bits = 1 << 127
    for number in (*numbers, 128):
        bits |= 1 << (128 - number)
    return b"0800" + bits.to_bytes(16, "big")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "'' is no message type of ours"),
        (b"0200" + bytes(40), "'0200' is no message type of ours"),
        (b"\xff800" + bytes(40), "the message type is not ASCII"),
        (b"0800" + bytes(10), "too short for its bitmaps"),
        (b"0800" + bytes(30), "the second bitmap is missing"),
        (_sealed(_with_bits(2) + b"16"), "element 2 is not in our subset"),
        (_with_bits(11) + b"000001" + bytes(8), "element 128 is not the hash"),
        (_sealed(_with_bits(11) + b"00001"), "element 11 ends after the message does"),
        (_sealed(_with_bits(11) + b"0000a1"), "element 11 is not of kind n"),
        (_sealed(_with_bits(37) + b"0123456789A\x00"), "element 37 is not of kind an"),
        (_sealed(_with_bits(41) + b"\xc3\xa41234567"), "element 41 is not ASCII"),
        (_sealed(_with_bits(11) + b"0000017"), "1 bytes too many at 26"),
        (_sealed(_with_bits(48) + b"065" + b"0" * 65), "element 48 says that it is '065' long; at most 64"),
        (_sealed(_with_bits(48) + b"+05" + b"0" * 5), "element 48 says that it is '+05' long"),
        (_sealed(_with_bits(127) + b"005" + b"0" * 4), "element 127 ends after the message does"),
    ],
    ids=lambda value: re.sub(r"\W+", "_", value)[:40] if isinstance(value, str) else "",
)
def test_what_is_malformed_is_named(body: bytes, complaint: str) -> None:
    with pytest.raises(MalformedError, match=re.escape(complaint)):
        decode(body, KEY)


@pytest.mark.parametrize(
    ("elements", "complaint"),
    [
        ({2: "4111111111111111"}, "element 2 is not in our subset"),
        ({11: "17"}, "element 11 has 2 characters instead of 6"),
        ({11: "00001x"}, "element 11 is not of kind n"),
        ({11: "٠٠٠٠١٧"}, "element 11 is not of kind n"),
        ({127: "text"}, "element 127 is of kind b"),
        ({127: bytes(1000)}, "element 127 has 1000 bytes, but at most 999"),
        ({128: bytes(8)}, "element 128 is the codec's own"),
    ],
    ids=["a_card_number", "short", "letters", "arabic_figures", "text_for_bytes", "too_long", "the_hash"],
)
def test_what_can_not_be_said_is_not_written(elements: dict[int, str | bytes], complaint: str) -> None:
    with pytest.raises(MalformedError, match=re.escape(complaint)):
        encode(Message("0800", elements), KEY)


@pytest.mark.parametrize("length", [0, 2049, 65535])
def test_a_frame_of_a_wrong_length_ends_the_stream(length: int) -> None:
    with pytest.raises(MalformedError, match=f"{length} bytes"):
        Frames().feed(length.to_bytes(2, "big"))


def _specification() -> dict[str, dict[str, Any]]:
    """Our table in the independent reader's words."""
    spec: dict[str, dict[str, Any]] = {
        "h": {"data_enc": "ascii", "len_enc": "ascii", "len_type": 0, "max_len": 0},
        "t": {"data_enc": "ascii", "len_enc": "ascii", "len_type": 0, "max_len": 4},
        "p": {"data_enc": "b", "len_enc": "b", "len_type": 0, "max_len": 8},
        "1": {"data_enc": "b", "len_enc": "b", "len_type": 0, "max_len": 8},
    }
    for number in range(2, 129):
        element = ELEMENTS.get(number, Element(Kind.TEXT, 1))
        encoding = "b" if element.kind is Kind.BYTES else "ascii"
        spec[str(number)] = {
            "data_enc": encoding, "len_enc": "ascii", "len_type": element.prefix, "max_len": element.length,
        }  # fmt: skip
    return {name: {**row, "desc": name} for name, row in spec.items()}


SPECIFICATION = _specification()
