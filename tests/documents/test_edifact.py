"""EDIFACT syntax and the records in it: what is written is read, and what is wrong is named with its place."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from market.currencies import EXPONENTS
from market.documents.answering import contrl
from market.documents.edifact import Envelope, Interchange, Message, segment, write
from market.documents.edifact_reader import LARGEST_BYTES, read
from market.documents.flaws import Flaw, Why
from market.documents.messages import message_of, record_of
from market.documents.records import (
    Control,
    Invoice,
    Line,
    Order,
    Party,
    Place,
    Record,
    canonical,
    read_record,
)
from market.documents.texts import carried, decimal_text, in_latin, joined, minor_of, pieces
from tests.documents.samples import AT, RECORDS, TOTAL

ENVELOPE = Envelope(sender="GAVELHOUSE", recipient="4012345000009", prepared_at=AT, reference="42", wants_answer=True)
LATIN = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=("Cc", "Zs")) | st.just(" "), max_size=90
).map(lambda text: " ".join(text.split()))


def interchange(*records: Record) -> bytes:
    messages = tuple(message_of(record, str(n)) for n, record in enumerate(records, start=1))
    return write(Interchange(envelope=ENVELOPE, messages=messages))


def again(data: bytes) -> Record | Flaw:
    reading = read(data)
    return reading.flaws[0] if reading.flaws else record_of(reading.messages[0])


@pytest.mark.parametrize("kind", RECORDS)
def test_what_is_written_is_read(kind: str) -> None:
    record = RECORDS[kind]
    got = again(interchange(record))
    if kind == "contrl":  # Its date is the envelope's.
        assert not isinstance(got, Flaw)
        got = structs.replace(got, issued_at=AT, number="1")
    assert got == record
    assert read_record(canonical(record)) == record


@settings(max_examples=60)
@given(
    texts=st.lists(st.lists(LATIN.filter(bool), min_size=1, max_size=4), min_size=1, max_size=6),
    reference=st.from_regex(r"[A-Za-z0-9]{1,14}", fullmatch=True),
)
def test_any_text_comes_back(texts: list[list[str]], reference: str) -> None:
    segments = tuple(segment("FTX", "AAI", *parts) for parts in texts)
    one = Message(reference=reference, type="ORDERS", segments=segments)
    reading = read(write(Interchange(envelope=ENVELOPE, messages=(one,))))
    assert reading.envelope == ENVELOPE and reading.messages == (one,) and reading.flaws == ()


@settings(max_examples=20)
@given(st.data())
def test_any_order_comes_back(data: st.DataObject) -> None:
    currency = data.draw(st.sampled_from(sorted(EXPONENTS)))
    line = st.builds(
        Line,
        n=st.just(1),
        title_en=LATIN.filter(bool),
        article=st.from_regex(r"[a-z]{0,35}", fullmatch=True),
        quantity=st.integers(1, 10**12),
        unit=st.sampled_from(["KGM", "C62", "XCT"]),
        unit_price_minor=st.integers(1, 10**5),
    )
    lines = tuple(
        structs.replace(each, n=n) for n, each in enumerate(data.draw(st.lists(line, min_size=1, max_size=4)), 1)
    )
    first = data.draw(st.dates(date(2000, 1, 1), date(2090, 1, 1)))
    order = Order(
        number=data.draw(LATIN.filter(bool))[:35].strip(),
        issued_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        buyer=Party(code="P1", name=data.draw(LATIN)),
        seller=Party(code="P2", name=data.draw(LATIN)),
        note=data.draw(LATIN),
        currency=currency,
        exponent=EXPONENTS[currency],
        lines=lines,
        delivery=Place(term="FOB", country="CN", place=data.draw(LATIN.filter(bool)), from_date=first, to_date=first),
    )
    assert again(interchange(order)) == order


@settings(max_examples=100)
@given(st.integers(-(10**15), 10**15), st.sampled_from([0, 2, 3]))
def test_decimals_are_exact(minor: int, exponent: int) -> None:
    assert minor_of(decimal_text(minor, exponent), exponent) == minor


@settings(max_examples=60)
@given(LATIN, st.integers(10, 70))
def test_pieces_put_together_are_the_text(text: str, longest: int) -> None:
    parts = pieces(text, longest)
    assert "".join(parts) == text and all(len(part) <= longest and part == part.strip() for part in parts)


def test_a_largest_price_has_room() -> None:
    assert decimal_text(10**15, 2, 15) == "10000000000000.0" and minor_of("10000000000000.0", 2) == 10**15


def test_what_the_character_set_has_no_place_for_is_never_holed() -> None:
    assert carried("“Łódź” – 5 €") == '"Lódz" - 5 EUR'
    assert carried("钢卷") is None
    assert in_latin("", "钢卷", named="goods 1") == "[goods 1: in Chinese, see the XML]"
    assert in_latin("Coil", "钢卷", named="goods 1") == "Coil"
    order = RECORDS["orders"]
    assert isinstance(order, Order)
    chinese = Line(n=1, title_en="", title_zh="钢卷", quantity=1, unit="KGM", unit_price_minor=1)
    data = interchange(structs.replace(order, lines=(chinese,), note="请速发货"))
    assert b"?" not in data.replace(b"??", b"").replace(b"?+", b"").replace(b"?'", b"").replace(b"?:", b"")[9:]
    assert b"goods 1?: in Chinese" in data


SPOILT = {
    # name: (document, from, to, why, segment, element, component, right)
    "count of segments": ("orders", "UNT+30", "UNT+29", Why.SEGMENT_COUNT, 30, 1, 0, "30"),
    "reference of the message": ("orders", "UNT+30+1", "UNT+30+2", Why.REFERENCE_DIFFERS, 30, 2, 0, "1"),
    "count of messages": ("orders", "UNZ+1+42", "UNZ+2+42", Why.MESSAGE_COUNT, 0, 1, 0, "1"),
    "reference of the interchange": ("orders", "UNZ+1+42", "UNZ+1+43", Why.REFERENCE_DIFFERS, 0, 2, 0, "42"),
    "no end": ("orders", "UNZ+1+42'\n", "", Why.TRAILER_MISSING, 0, 0, 0, "UNZ"),
    "another syntax": ("orders", "UNOC:3", "UNOC:4", Why.SYNTAX_VERSION, 0, 1, 2, "3"),
    "another set": ("orders", "UNOC:3", "UNOD:3", Why.CHARACTER_SET, 0, 1, 1, "UNOC"),
    "a group": ("orders", "UNH+1", "UNG+1'\nUNH+1", Why.GROUPS_NOT_USED, 0, 0, 0, "UNH"),
    "another release": ("orders", "D:96A", "D:01B", Why.VERSION_UNKNOWN, 1, 2, 2, "D:96A:UN"),
    "another message": ("orders", "UNH+1+ORDERS", "UNH+1+SLSRPT", Why.TYPE_UNKNOWN, 1, 2, 1, ""),
    "a line's sum": ("orders", "494400.00", "494400.01", Why.LINE_SUM, 19, 1, 2, "494400.00"),
    "a total": ("invoic", "MOA+77:498362.00", "MOA+77:498362.10", Why.TOTAL, 32, 1, 2, "498362.00"),
    "what is due": ("invoic", "MOA+9:0.00", "MOA+9:1.00", Why.TOTAL, 34, 1, 2, "0.00"),
    "count of lines": ("orders", "CNT+2:2", "CNT+2:3", Why.LINE_COUNT, 29, 1, 2, "2"),
    "a line twice": ("orders", "LIN+2", "LIN+1", Why.LINE_NUMBER, 23, 1, 0, "1, 2, 3 …"),
    "a part of a unit": ("orders", "QTY+21:40", "QTY+21:40.5", Why.QUANTITY_MALFORMED, 25, 1, 2, "1, 2, 3 …"),
    "a price too exact": ("orders", "PRI+AAA:4.12", "PRI+AAA:4.125", Why.TOO_PRECISE, 22, 1, 2, "2 decimals"),
    "letters for a number": ("orders", "QTY+21:40", "QTY+21:4O", Why.NOT_A_NUMBER, 25, 1, 2, "n..15"),
    "a code of no use": ("orders", "BGM+220", "BGM+221", Why.VALUE_UNKNOWN, 2, 1, 0, "220"),
    "a day that is none": ("orders", "20261201", "20261301", Why.DATE_MALFORMED, 4, 1, 2, "%Y%m%d"),
    "an unknown currency": ("orders", "CUX+2:EUR", "CUX+2:XXX", Why.VALUE_UNKNOWN, 10, 1, 2, ""),
    "a long reference": ("orders", "RFF+AAG:N7-2", "RFF+AAG:" + "N" * 36, Why.ELEMENT_TOO_LONG, 7, 1, 2, "an..35"),
    "no sections": ("orders", "UNS+S'\n", "", Why.SEGMENT_MISSING, 28, 0, 0, "UNS"),
    "no quantity": ("desadv", "QTY+12:40:C62'\n", "", Why.SEGMENT_MISSING, 18, 0, 0, "QTY"),
    "no buyer": ("orders", "NAD+BY", "NAD+AA", Why.SEGMENT_MISSING, 30, 0, 0, "NAD+BY"),
    "an order turned round": ("orders", "LOC+1+DE:162:5'\n", "LOC+1+DE:162:5'\nCUX+2:EUR:9'\n", Why.SEGMENT_MISPLACED, 15, 0, 0, ""),
    "days of no delivery": ("orders", "TOD+6++CIF:::Hamburg, Eurogate CTH'\nLOC+1+DE:162:5'\n", "", Why.ELEMENT_MISSING, 4, 1, 1, "TOD"),
    "a segment of no use": ("orders", "LIN+2", "ALC+C'\nLIN+2", Why.SEGMENT_UNKNOWN, 23, 0, 0, ""),
    "what is remitted": ("remadv", "MOA+12:497361.17'\nUNT", "MOA+12:497361.18'\nUNT", Why.TOTAL, 22, 1, 2, "497361.17"),
    "what is kept": ("remadv", "MOA+165:0.77", "MOA+165:0.78", Why.TOTAL, 11, 1, 2, "498362.01"),
    "packages": ("iftmin", "CNT+2:2", "CNT+2:1", Why.LINE_COUNT, 9, 1, 2, "2"),
    "a control character": ("orders", "Hamburg, E", "Hamburg\x07, E", Why.CHARACTER, 13, 3, 4, "ISO 8859-1"),
    "no tag": ("orders", "BGM+220", "B?+GM+220", Why.TAG_MALFORMED, 2, 0, 0, "BGM"),
    "cut off": ("orders", "UNZ+1+42'\n", "UNZ+1+42", Why.CUT_OFF, 0, 0, 0, "'"),
    "marks that are one": ("orders", "UNA:+.? '", "UNA++.? '", Why.SERVICE_CHARACTERS, 0, 0, 0, "UNA:+.? '"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_a_fault_is_named_with_its_place(name: str) -> None:
    kind, old, new, why, at, element, component, right = SPOILT[name]
    text = interchange(RECORDS[kind]).decode("iso-8859-1")
    assert old in text
    count = text.count("UNT")
    spoilt = text.replace(old, new, 1)
    # Another count of segments would be the first fault; the one that is meant stands behind it.
    if "UNT" not in old and count and spoilt.count("'\n") != text.count("'\n"):
        delta = spoilt.count("'\n") - text.count("'\n")
        spoilt = _recounted(spoilt, delta) if "UNZ" not in old and "UNG" not in new else spoilt
    flaw = again(spoilt.encode("iso-8859-1"))
    assert isinstance(flaw, Flaw), flaw
    assert (flaw.why, flaw.segment, flaw.element, flaw.component) == (why, at, element, component)
    assert not right or flaw.right == right


def _recounted(text: str, delta: int) -> str:
    before, _, rest = text.partition("UNT+")
    number, _, tail = rest.partition("+")
    return f"{before}UNT+{int(number) + delta}+{tail}"


def test_other_marks_and_a_decimal_comma_are_read() -> None:
    text = interchange(RECORDS["invoic"]).decode("iso-8859-1")
    plain = text.replace("??", "❓").replace("?'", "’").replace("?:", "‐").replace("?+", "＋")
    swapped = plain.translate(str.maketrans({":": "|", "+": "*", "'": "~"}))
    swapped = swapped.replace("UNA|*.? ~", "UNA|*,? ~")
    lines = [line.replace(".", ",") if line[:3] in ("MOA", "PRI") else line for line in swapped.splitlines()]
    back = "\n".join(lines).replace("’", "'").replace("‐", ":").replace("＋", "+").replace("❓", "??")
    assert again(back.encode("iso-8859-1")) == RECORDS["invoic"]


def test_what_is_too_large_or_nothing_is_refused_at_once() -> None:
    for data in (
        b"",
        b"UNB",
        b"'",
        b"?" * 1000,
        b"UNA:+.? ",
        b"\xff" * 100,
        b"x" * (LARGEST_BYTES + 1),
        b"UNB+" * 200_000,
    ):
        reading = read(data)
        assert reading.envelope is None and len(reading.flaws) == 1


@settings(max_examples=80)
@given(st.data())
def test_no_damage_is_read_as_another_sum(data: st.DataObject) -> None:
    """Whatever one byte becomes: a flaw, or the same total. (A text may change: nothing in EDIFACT protects it.)"""
    whole = bytearray(interchange(RECORDS["invoic"]))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    got = again(bytes(whole))
    if isinstance(got, Invoice):
        assert got.total_minor == TOTAL and got.prepaid_minor + got.due_minor == TOTAL


def test_no_release_character_and_answers_without_what_was_refused() -> None:
    good = interchange(RECORDS["iftmin"]).decode("iso-8859-1")
    bare = read(b"UNA:+.  'UNB+UNOC:3+A+B+261122:0800+1'UNH+1+ORDERS:D:96A:UN'FTX+AAI+++what?'UNT+3+1'UNZ+1+1'")
    assert bare.flaws == () and bare.messages[0].segments[0].text(4) == "what?"
    spoilt = read(good.replace("IFTMIN:D", "IFT\x85IN:D").encode("iso-8859-1"))
    assert spoilt.envelope is not None and spoilt.flaws
    answer = read(contrl(spoilt.envelope, spoilt.messages, spoilt.flaws, "7", AT))
    assert answer.flaws == () and not isinstance(record_of(answer.messages[0]), Flaw)


def with_marks(text: str, marks: str) -> str:
    """The same interchange with other service characters: component, element, decimal, release, space, end."""
    component, element, _, release, _, end = marks
    plain = re.sub(r"\?(.)", lambda found: chr(0xE000 + ord(found[1])), text.partition("\n")[2], flags=re.DOTALL)
    plain = re.sub(
        "([" + re.escape(component + element + release + end) + "])", lambda found: chr(0xE000 + ord(found[1])), plain
    )
    plain = plain.translate({ord(":"): component, ord("+"): element, ord("'"): end})
    special = {0xE000 + ord(each): release + each for each in component + element + release + end}
    plain = plain.translate(special)
    return "UNA" + marks + "".join(chr(ord(each) - 0xE000) if "\ue000" <= each <= "\ue0ff" else each for each in plain)


UNUSUAL = {
    # name: what another system makes of the same interchange, which is as legal
    "no UNA": lambda text: text.removeprefix("UNA:+.? '\n"),
    "a byte order mark": lambda text: "\xef\xbb\xbf" + text,
    "one line": lambda text: text.replace("\n", ""),
    "lines of Windows": lambda text: text.replace("\n", "\r\n"),
    "UNOA": lambda text: text.replace("UNOC:3", "UNOA:1"),
    "UNOB": lambda text: text.replace("UNOC:3", "UNOB:2"),
    "a decimal comma": lambda text: text.replace("UNA:+.? '", "UNA:+,? '").replace(":4.12'", ":4,12'"),
    "a comma that UNA does not announce": lambda text: text.replace("494400.00", "494400,00"),
    "no nought before the point": lambda text: text.replace(":0.00", ":.00"),
    "a year of four figures": lambda text: text.replace("+261122:", "+20261122:"),
    "an association's code": lambda text: text.replace(":D:96A:UN'", ":D:96A:UN:EAN008'"),
    "other marks": lambda text: with_marks(text, "|*.\\ ~"),
    "marks that stand in the texts": lambda text: with_marks(text, "/-.x ;".replace("x", "%")),
    "empty components at the ends": lambda text: text.replace("'\n", ":'\n").replace("UNA:+.? :'", "UNA:+.? '"),
    "empty elements at the ends": lambda text: text.replace("'\n", "+++'\n").replace("UNA:+.? +++'", "UNA:+.? '"),
    "parties in another order": lambda text: re.sub(r"(NAD\+BY[^\n]*\n)(NAD\+SU[^\n]*\n)", r"\2\1", text),
    "dates in another order": lambda text: re.sub(r"(DTM\+137[^\n]*\n)(DTM[^\n]*\n)", r"\2\1", text),
}


@pytest.mark.parametrize("name", UNUSUAL)
@pytest.mark.parametrize("kind", ["orders", "invoic"])
def test_what_is_unusual_and_legal_says_the_same(name: str, kind: str) -> None:
    text = interchange(RECORDS[kind]).decode("iso-8859-1")
    assert again(UNUSUAL[name](text).encode("iso-8859-1")) == RECORDS[kind]


BROKEN = {
    # name: (from, to, what CONTRL says of the interchange, and of the message)
    "another set of characters": ("UNOC:3", "UNOY:4", (2, "UNB", 1, 1), []),
    "a day that is none": ("+261122:", "+269922:", (12, "UNB", 4, 1), []),
    "cut off in a message": ("'\nUNT+", "", (0, "", 0, 0), [(13, 29)]),
    "a tag of figures": ("PAT+", "9AT+", (0, "", 0, 0), [(12, 11)]),
    "a group": ("UNH+1", "UNG+ORDERS'\nUNH+1", (15, "UNG", 0, 0), []),
    "a count of messages": ("UNZ+1", "UNZ+2", (29, "UNZ", 1, 0), []),
    "an end that is not there": ("UNZ+1+42'\n", "", (13, "UNZ", 0, 0), []),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_can_be_answered_is_answered_with_the_place(name: str) -> None:
    old, new, said, faults = BROKEN[name]
    text = interchange(RECORDS["orders"]).decode("iso-8859-1")
    assert old in text
    spoilt = text[: text.index(old)] if name.startswith("cut") else text.replace(old, new, 1)
    reading = read(spoilt.encode("iso-8859-1"))
    assert reading.envelope is not None
    answer = record_of(read(contrl(reading.envelope, reading.messages, reading.flaws, "7", AT)).messages[0])
    assert isinstance(answer, Control) and not answer.accepted
    assert (answer.code, answer.tag, answer.element, answer.component) == said
    assert [(each.code, each.segment) for one in answer.messages for each in one.faults] == faults


def test_lines_that_another_system_broke_between_words_get_their_space_back() -> None:
    text = interchange(structs.replace(RECORDS["orders"], note="at the gate", delivery=None)).decode("iso-8859-1")
    broken = text.replace("FTX+AAI+++at the gate", "FTX+AAI+++at the:gate:of the north")
    broken = broken.replace("IMD+F++:::Pallets?: wood??", "IMD+F++:::Pallets:wood")
    got = again(broken.encode("iso-8859-1"))
    assert isinstance(got, Order) and got.note == "at the gate of the north" and got.lines[1].title_en == "Pallets wood"
    assert all(joined(pieces(each, 35), 35) == each for each in ("a b " * 29 + "a", "x" * 99, "0 " * 40 + "0"))


def test_sums_beyond_all_measure_are_refused_and_not_stumbled_over() -> None:
    text = interchange(RECORDS["orders"]).decode("iso-8859-1")
    text = text.replace("QTY+21:120000:", "QTY+21:999999999999999:").replace("PRI+AAA:4.12", "PRI+AAA:999999999999999")
    flaw = record_of(read(text.encode("iso-8859-1")).messages[0])
    assert isinstance(flaw, Flaw) and flaw.why is Why.LINE_SUM


def test_a_tracking_number_that_cannot_be_carried_is_left_to_the_xml() -> None:
    sent = structs.replace(RECORDS["desadv"], tracking_number="顺丰 12", carrier_name="顺丰")
    segments = message_of(sent, "1").segments
    assert "CN" not in [each.text(1) for each in segments if each.tag == "RFF"]
    assert [each.text(5, 4) for each in segments if each.tag == "TDT"] == ["[carrier: in Chinese, see the XML]"]
