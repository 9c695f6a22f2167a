"""What the messages with prices share: REQOTE, QUOTES, ORDERS, ORDRSP, ORDCHG and INVOIC. Pure.

Sums are written by exact decimals and checked when they are read: each line's, and the total where one is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from market.currencies import EXPONENTS
from market.documents.edifact import Segment, segment
from market.documents.flaws import Code, Why
from market.documents.messages import common
from market.documents.messages.common import Part, refuse
from market.documents.records import Kind, Line, LineAct, Priced, kind_of
from market.documents.structures import Group, Tree
from market.documents.texts import amount_said, decimal_text, minor_of, whole_of

ORDERED, INVOICED = "21", "47"
DISCRETE = "1"
"""A quantity that says nothing but how many; it stands for any other."""
LONGEST_ARTICLE = 35
ACTS = {LineAct.ADDED: "1", LineAct.DELETED: "2", LineAct.CHANGED: "3", LineAct.SAME: ""}
_ACTS_READ = {"": LineAct.SAME, "1": LineAct.ADDED, "2": LineAct.DELETED, "3": LineAct.CHANGED, "4": LineAct.SAME}


def head(record: Priced, code: str, function: str = "9", answer: str = "", *, currency_use: str = "9") -> list[Part]:
    """Everything above the lines."""
    parts: list[Part] = [
        common.beginning(code, record.number, function, answer),
        common.instant("137", record.issued_at),
        *common.notes("AAI", record.note),
        *common.references(record.references),
        common.party("BY", record.buyer),
        common.party("SU", record.seller),
        [segment("CUX", ("2", record.currency, currency_use))],
    ]
    if record.pay_within_hours is not None:
        parts.append([segment("PAT", "1", "", ("4", "3", "H", str(record.pay_within_hours)))])
    if record.delivery is not None:
        parts += common.place_parts(record.delivery)
    return parts


def lines(record: Priced, quantity: str = ORDERED, act: str | None = None) -> list[Part]:
    """The lines, each in the order of its message; with `act` that code stands on each."""
    kind = kind_of(record)
    return [[_lin(line, act), *common.arranged(kind, _line(record, line, quantity), "LIN")] for line in record.lines]


def _lin(line: Line, act: str | None) -> Segment:
    article = (line.article, "SA") if 0 < len(line.article) <= LONGEST_ARTICLE else ""
    return segment("LIN", str(line.n), ACTS[line.act] if act is None else act, article)


def _line(record: Priced, line: Line, quantity: str) -> Iterator[Part]:
    limit = 10 if kind_of(record) is Kind.INVOIC else 99
    yield from common.described(line.title_en, line.title_zh, line.n, limit)
    yield [segment("QTY", (quantity, str(line.quantity), line.unit))]
    yield from common.attributes(line.attributes)[: 5 if kind_of(record) is Kind.INVOIC else 99]
    if line.unit_price_minor is not None and line.sum_minor is not None:
        yield [segment("MOA", ("203", decimal_text(line.sum_minor, record.exponent)))]
        yield [segment("PRI", ("AAA", decimal_text(line.unit_price_minor, record.exponent, 15)))]


def foot(record: Priced) -> list[Part]:
    return [[segment("UNS", "S")], [segment("CNT", ("2", str(len(record.lines))))]]


def fields(tree: Tree, *codes: str, quantity: str = ORDERED) -> dict[str, Any]:
    """What such a record has in common, read and checked."""
    number, begin = common.number_of(tree)
    common.expect_code(tree, begin, *codes)
    currency = _currency(tree)
    found = tuple(_lines(tree, currency, quantity))
    common.check_line_count(tree, len(found))
    _check_totals(tree, found, EXPONENTS[currency])
    return {
        "number": number,
        "issued_at": common.issued_at(tree),
        "buyer": common.party_of(tree, "BY"),
        "seller": common.party_of(tree, "SU", "SE"),
        "references": common.references_of(tree),
        "note": common.text_of(tree.all("FTX"), "AAI"),
        "currency": currency,
        "exponent": EXPONENTS[currency],
        "lines": found,
        "delivery": common.agreed_place_of(tree),
        "pay_within_hours": _pay_within_hours(tree),
    }


def _currency(tree: Tree) -> str:
    found = common.needed(tree, "CUX", "2")
    currency = found.segment.text(1, 2)
    if currency not in EXPONENTS:
        refuse(tree, found, Why.VALUE_UNKNOWN, Code.INVALID_VALUE, ", ".join(EXPONENTS), 1, 2)
    return currency


def _lines(tree: Tree, currency: str, quantity: str) -> Iterator[Line]:
    seen: set[int] = set()
    for line in tree.all("LIN"):
        n = common.line_number(tree, line, seen)
        count, unit = common.quantity_of(tree, line, quantity, DISCRETE)
        price = _price(tree, line, currency)
        _check_line_sum(tree, line, currency, None if price is None else count * price)
        _check_no_tax(tree, line.all("TAX"))
        yield Line(
            n=n,
            title_en=common.title_of(line),
            article=line.segment.text(3),
            quantity=count,
            unit=unit,
            unit_price_minor=price,
            attributes=_attributes(line),
            act=_ACTS_READ.get(line.segment.text(2), LineAct.SAME),
        )


def _attributes(line: Group) -> dict[str, str]:
    texts = [common.text_of([each], "PRD") for each in line.all("FTX", "PRD")]
    return dict(text.split("=", 1) for text in texts if "=" in text)


def _price(tree: Tree, line: Group, currency: str) -> int | None:
    for qualifier in ("AAA", "CAL", "AAE", "AAB"):
        found = line.first("PRI", qualifier)
        if found is None:
            continue
        if found.segment.text(1, 5) and whole_of(found.segment.text(1, 5)) != 1:
            refuse(tree, found, Why.VALUE_UNKNOWN, Code.INVALID_VALUE, "1", 1, 5)
        price = minor_of(found.segment.text(1, 2), EXPONENTS[currency])
        if price is None or price < 0:
            refuse(tree, found, Why.TOO_PRECISE, Code.INVALID_DECIMAL, f"{EXPONENTS[currency]} decimals", 1, 2)
        return price
    return None


def _check_line_sum(tree: Tree, line: Group, currency: str, sum_minor: int | None) -> None:
    found = line.first("MOA", "203")
    if found is None or sum_minor is None:
        return
    if minor_of(found.segment.text(1, 2), EXPONENTS[currency]) != sum_minor:
        refuse(tree, found, Why.LINE_SUM, Code.INVALID_VALUE, amount_said(sum_minor, EXPONENTS[currency]), 1, 2)


def _check_totals(tree: Tree, found: tuple[Line, ...], exponent: int) -> None:
    total = sum(line.sum_minor or 0 for line in found if line.act is not LineAct.DELETED)
    _check_no_tax(tree, tree.all("TAX"))
    for qualifier in ("79", "86", "77", "139", "39"):
        for sum_group in tree.all("MOA", qualifier):
            if minor_of(sum_group.segment.text(1, 2), exponent) != total:
                refuse(tree, sum_group, Why.TOTAL, Code.INVALID_VALUE, amount_said(total, exponent), 1, 2)


def _check_no_tax(tree: Tree, taxes: list[Group]) -> None:
    """A tax beside the price was not agreed: prices are what the buyer pays."""
    for each in taxes:
        if (each.segment.text(5, 4) or "0").strip("0.") or any(
            (money.segment.text(1, 2) or "0").strip("0.") for money in each.all("MOA")
        ):
            refuse(tree, each, Why.TAX_NOT_AGREED, Code.INVALID_VALUE, "0", 5, 4)


def _pay_within_hours(tree: Tree) -> int | None:
    found = tree.first("PAT", "1")
    if found is None or not found.segment.text(3, 4):
        return None
    hours_in = {"H": 1, "D": 24, "W": 168}
    period = found.segment.text(3, 3)
    count = whole_of(found.segment.text(3, 4))
    return None if count is None or period not in hours_in else count * hours_in[period]
