"""The terms of a trade as a form: its boxes filled from a record, and a record read from what was typed.

What was typed is kept; a box that can't be read, and every flaw of the terms, is noted beside its box.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import TYPE_CHECKING, Any

from msgspec import structs

from market.contracting.terms import (
    BEFORE_SHIP,
    INCOTERMS,
    LARGEST_QUANTITY,
    MOST_FORMALITIES,
    TRANSPORTS,
    Breach,
    Delivery,
    Formality,
    FormalityKind,
    Goods,
    Payment,
    TradeTerms,
)
from market.currencies import AmountProblem, decimal_text, parse_amount
from market.rendering import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from market.contracting.terms import TermsFlaw

PAPERS = tuple(kind.value for kind in FormalityKind)
DUTIES = ("seller", "buyer", "house")
_PAPER = ("kind", "duty", "due", "required", "note")
_BLANK = {"kind": "", "duty": "seller", "due": "", "required": "1", "note": ""}
_FEWEST_PAPERS, _BLANK_PAPERS = 4, 2
_FIELD_OF = {
    "delivery.term": "term",
    "delivery.country": "country",
    "delivery.place": "place",
    "delivery.from_date": "from_date",
    "delivery.to_date": "to_date",
    "delivery.transport": "transport",
    "payment.within_hours": "within_hours",
    "payment.inspection_hours": "inspection_hours",
    "breach.late_delivery_bp_per_day": "late_percent",
    "breach.cap_bp": "late_cap",
    "breach.claim_days": "claim_days",
    "breach.note_en": "breach_note",
    "breach.note_zh": "breach_note",
    "note": "note",
}
_LINE_FIELDS = {"quantity": "quantity", "unit_price_minor": "price"}


def form_of(terms: TradeTerms, lang: str) -> Form:
    """The boxes as the record fills them."""
    delivery, payment, breach = terms.delivery, terms.payment, terms.breach
    values = {
        "term": delivery.term,
        "country": delivery.country,
        "place": delivery.place,
        "from_date": delivery.from_date.isoformat(),
        "to_date": delivery.to_date.isoformat(),
        "transport": delivery.transport,
        "partial": "1" if delivery.partial else "",
        "within_hours": str(payment.within_hours),
        "inspection_hours": str(payment.inspection_hours),
        "late_percent": _percent(breach.late_delivery_bp_per_day),
        "late_cap": _percent(breach.cap_bp),
        "claim_days": str(breach.claim_days),
        "breach_note": breach.note_zh if lang == "zh" else breach.note_en,
        "note": terms.note,
    }
    for line in terms.goods:
        values[f"goods_{line.n}_quantity"] = str(line.quantity)
        price = line.unit_price_minor
        values[f"goods_{line.n}_price"] = decimal_text(price, terms.currency_exponent) if price else ""
    for n in range(1, MOST_FORMALITIES + 1):
        row = _paper_row(terms.formalities[n - 1]) if n <= len(terms.formalities) else _BLANK
        values |= {f"paper_{n}_{name}": value for name, value in row.items()}
    return Form(values=values)


def paper_rows(form: Form) -> range:
    """The numbers of the papers' rows to show: all that are filled, and some blank ones."""
    filled = sum(1 for n in range(1, MOST_FORMALITIES + 1) if form.values.get(f"paper_{n}_kind"))
    return range(1, min(max(filled + _BLANK_PAPERS, _FEWEST_PAPERS), MOST_FORMALITIES) + 1)


def read_form(
    typed: Mapping[str, str], base: TradeTerms, lang: str, text: Callable[..., str]
) -> tuple[TradeTerms, Form]:
    """The record that the boxes mean, with what they don't say from `base`; the form holds what could not be read."""
    reader = _Reader(typed, text)
    delivery = Delivery(
        term=reader.choice("term", INCOTERMS, base.delivery.term),
        country=reader.line("country").upper(),
        place=reader.line("place"),
        from_date=reader.day("from_date", base.delivery.from_date),
        to_date=reader.day("to_date", base.delivery.to_date),
        transport=reader.choice("transport", TRANSPORTS, base.delivery.transport),
        partial=typed.get("partial") == "1",
    )
    terms = structs.replace(
        base,
        goods=tuple(reader.goods(line, base.currency_exponent) for line in base.goods),
        delivery=delivery,
        payment=Payment(
            within_hours=reader.whole("within_hours", base.payment.within_hours),
            inspection_hours=reader.whole("inspection_hours", base.payment.inspection_hours),
        ),
        breach=_breach(reader, base, lang),
        formalities=tuple(_formalities(reader)),
        note=reader.words("note"),
    )
    return terms, reader.form


def note_flaws(form: Form, found: Iterable[TermsFlaw], text: Callable[..., str]) -> None:
    """Each flaw beside the box that it is about, else over the whole form."""
    for flaw in found:
        form.errors.setdefault(field_of(flaw.path), text(f"terms_flaw.{flaw.reason.value}"))


def field_of(path: str) -> str:
    """The box that holds what is at this path of the record; "" where none does."""
    line = re.fullmatch(r"goods\.(\d+)\.(\w+)", path)
    if line is not None:
        field = _LINE_FIELDS.get(line[2])
        return f"goods_{line[1]}_{field}" if field else ""
    paper = re.fullmatch(r"formalities\.(\d+)\.(due|note)", path)
    if paper is not None:
        return f"paper_{paper[1]}_{paper[2]}"
    return _FIELD_OF.get(path, "")


def _breach(reader: _Reader, base: TradeTerms, lang: str) -> Breach:
    """The words are read in the language of the page; those in the other stay while these have not changed."""
    former = base.breach
    words = reader.words("breach_note")
    if words == (former.note_zh if lang == "zh" else former.note_en):
        note_en, note_zh = former.note_en, former.note_zh
    else:
        note_en, note_zh = ("", words) if lang == "zh" else (words, "")
    return Breach(
        late_delivery_bp_per_day=reader.percent("late_percent"),
        cap_bp=reader.percent("late_cap"),
        claim_days=reader.whole("claim_days", former.claim_days),
        note_en=note_en,
        note_zh=note_zh,
    )


def _formalities(reader: _Reader) -> list[Formality]:
    """One for each row with a kind. A row without a day is due before the goods are shipped."""
    found = []
    for n in range(1, _close_gaps(reader.form.values) + 1):
        row = f"paper_{n}"
        kind = reader.choice(f"{row}_kind", PAPERS, FormalityKind.OTHER.value)
        duty: Any = reader.choice(f"{row}_duty", DUTIES, "")
        if not duty:
            reader.form.errors.setdefault(f"{row}_duty", reader.text("terms_form.choose"))
            continue
        day = reader.day(f"{row}_due", date.max).isoformat() if reader.line(f"{row}_due") else BEFORE_SHIP
        required = reader.form.values.get(f"{row}_required") == "1"
        found.append(
            Formality(
                kind=FormalityKind(kind), duty_of=duty, due=day, required=required, note=reader.words(f"{row}_note")
            )
        )
    return found


def _close_gaps(values: dict[str, str]) -> int:
    """Number the rows that are filled from 1 without a gap, as the record does, and give their number."""
    rows = [{name: values.pop(f"paper_{n}_{name}", "") for name in _PAPER} for n in range(1, MOST_FORMALITIES + 1)]
    filled = [row for row in rows if row["kind"].strip()]
    for n in range(1, MOST_FORMALITIES + 1):
        row = filled[n - 1] if n <= len(filled) else _BLANK
        values |= {f"paper_{n}_{name}": value for name, value in row.items()}
    return len(filled)


def _paper_row(each: Formality) -> dict[str, str]:
    due = "" if each.due == BEFORE_SHIP else each.due
    required = "1" if each.required else ""
    return {"kind": each.kind.value, "duty": each.duty_of, "due": due, "required": required, "note": each.note}


class _Reader:
    """Reads one box after the other; what can't be read is noted and stands as it stood before."""

    def __init__(self, typed: Mapping[str, str], text: Callable[..., str]) -> None:
        self.form = Form(values={name: value.replace("\x00", "") for name, value in typed.items()})
        self.text = text

    def words(self, name: str) -> str:
        lines = unicodedata.normalize("NFC", self.form.values.get(name, "")).replace("\r\n", "\n")
        return lines.replace("\t", " ").strip()

    def line(self, name: str) -> str:
        return " ".join(self.words(name).split())

    def choice(self, name: str, allowed: tuple[str, ...], otherwise: str) -> str:
        typed = self.line(name)
        if typed in allowed:
            return typed
        if typed:
            self._wrong(name, "terms_form.choose")
        return otherwise

    def day(self, name: str, otherwise: date) -> date:
        try:
            return date.fromisoformat(self.line(name))
        except ValueError:
            self._wrong(name, "terms_form.no_such_day")
            return otherwise

    def whole(self, name: str, otherwise: int) -> int:
        plain = re.sub(r"[\s,，]", "", unicodedata.normalize("NFKC", self.line(name)))
        if not re.fullmatch(r"[0-9]{1,13}", plain) or int(plain) > LARGEST_QUANTITY:
            self._wrong(name, "terms_form.no_such_number")
            return otherwise
        return int(plain)

    def percent(self, name: str) -> int:
        typed = self.line(name).replace("%", "").replace("％", "").strip()
        if not typed:
            return 0
        read = parse_amount(typed, 2, allow_zero=True)
        if isinstance(read, AmountProblem):
            self._wrong(name, "terms_form.no_such_percent")
            return 0
        return read

    def goods(self, line: Goods, exponent: int) -> Goods:
        quantity = self.whole(f"goods_{line.n}_quantity", line.quantity)
        typed = self.line(f"goods_{line.n}_price")
        price: int | AmountProblem = 0 if not typed else parse_amount(typed, exponent)
        if isinstance(price, AmountProblem):
            self.form.errors[f"goods_{line.n}_price"] = self.text(f"amount_problem.{price.value}")
            price = line.unit_price_minor
        return structs.replace(line, quantity=quantity, unit_price_minor=price)

    def _wrong(self, name: str, key: str) -> None:
        self.form.errors[name] = self.text(key)


def _percent(basis_points: int) -> str:
    return decimal_text(basis_points, 2).rstrip("0").rstrip(".") if basis_points else ""
