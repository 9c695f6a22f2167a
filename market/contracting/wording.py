"""The terms of a trade in words, for people: rows of label and value from the one record, in either language. Pure.

Each row knows the paths of the record that it speaks of, so that whoever shows two versions can mark what has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING, Literal

from babel import Locale
from babel.dates import format_date
from msgspec import Struct

from market.contracting.terms import Difference, Formality, Goods, TermsFlaw, TradeTerms
from market.currencies import decimal_text, money_text

if TYPE_CHECKING:
    from market.catalogue import Catalogue, Language

Text = Callable[..., str]
Part = Literal["goods", "delivery", "payment", "breach", "formalities", "fees", "note"]


class Row(Struct, frozen=True, kw_only=True):
    """One line for people. `paths` are the beginnings of the paths in the record that it tells."""

    part: Part
    label: str
    value: str
    paths: tuple[str, ...]

    def is_changed(self, changes: Iterable[Difference]) -> bool:
        """Whether any of what it tells is among these differences."""
        return any(_within(each.path, path) for each in changes for path in self.paths)


def rows(terms: TradeTerms, text: Text, lang: Language, *, with_fees: bool = True) -> list[Row]:
    """The whole record as rows. The buyer pays no fee: leave the fees out where only he reads."""
    found = [row for line in terms.goods for row in _goods(line, terms, text, lang)]
    found += [*_sum(terms, text), *_delivery(terms, text, lang), *_payment(terms, text), *_breach(terms, text, lang)]
    found += [_formality(n, each, text, lang) for n, each in enumerate(terms.formalities, start=1)]
    if terms.fees is not None and with_fees:
        found += _fees(terms, text)
    if terms.note:
        found.append(Row(part="note", label=text("terms.note"), value=terms.note, paths=("note",)))
    return found


def former_values(old: list[Row], new: list[Row]) -> dict[str, str]:
    """What each row said before, by its label and place, for those whose words have changed; "" where there was no row."""
    before = {_key(row): row.value for row in old}
    return {_key(row): before.get(_key(row), "") for row in new if before.get(_key(row)) != row.value}


def flaw_text(flaw: TermsFlaw, catalogue: Catalogue, lang: Language) -> str:
    """What is wrong and where, in one sentence."""
    return catalogue.text(f"terms_flaw.{flaw.reason.value}", lang)


def quantity_text(quantity: int, unit: str, text: Text) -> str:
    """`12,000 kg`."""
    return text("terms.quantity_value", quantity=f"{quantity:,}", unit=text(f"goods_unit.{unit}"))


def price_text(minor: int, currency: str, unit: str, text: Text) -> str:
    """A price per unit, or that it is asked for."""
    if minor == 0:
        return text("terms.price_asked")
    return text("terms.price_value", price=money_text(minor, currency), unit=text(f"goods_unit.{unit}"))


def place_text(country: str, place: str, lang: Language) -> str:
    """The place and the country's name."""
    name = Locale("zh" if lang == "zh" else "en").territories.get(country, country)
    return f"{name} {place}" if lang == "zh" else f"{place}, {name}"


def day_text(day: date, lang: Language) -> str:
    return format_date(day, format="long" if lang == "zh" else "medium", locale=lang)


def _goods(line: Goods, terms: TradeTerms, text: Text, lang: Language) -> list[Row]:
    at, many = f"goods.{line.n}", len(terms.goods) > 1
    number = text("terms.line", n=line.n) if many else ""

    def label(key: str) -> str:
        return f"{number} · {text(key)}" if many else text(key)

    found = [
        Row(
            part="goods",
            label=label("terms.goods"),
            value=line.title(lang),
            paths=(f"{at}.title_en", f"{at}.title_zh", f"{at}.category"),
        )
    ]
    if line.attributes or line.particulars_en or line.particulars_zh:
        said = line.particulars_zh if lang == "zh" else line.particulars_en
        words = said or "; ".join(f"{name}: {_plain(value, text)}" for name, value in line.attributes.items())
        found.append(
            Row(
                part="goods",
                label=label("terms.attributes"),
                value=words,
                paths=(f"{at}.attributes", f"{at}.particulars"),
            )
        )
    found.append(
        Row(
            part="goods",
            label=label("terms.quantity"),
            value=quantity_text(line.quantity, line.unit, text),
            paths=(f"{at}.quantity", f"{at}.unit"),
        )
    )
    found.append(
        Row(
            part="goods",
            label=label("terms.price"),
            value=price_text(line.unit_price_minor, terms.currency, line.unit, text),
            paths=(f"{at}.unit_price_minor", "currency"),
        )
    )
    return found


def _sum(terms: TradeTerms, text: Text) -> list[Row]:
    if any(line.unit_price_minor == 0 for line in terms.goods):
        return []
    paths = tuple(f"goods.{line.n}.{name}" for line in terms.goods for name in ("quantity", "unit_price_minor"))
    sum_text = money_text(terms.price_minor, terms.currency, coded=True)
    return [Row(part="goods", label=text("terms.sum"), value=sum_text, paths=(*paths, "currency"))]


def _delivery(terms: TradeTerms, text: Text, lang: Language) -> list[Row]:
    delivery = terms.delivery
    window = text("terms.window_value", start=day_text(delivery.from_date, lang), end=day_text(delivery.to_date, lang))
    return [
        Row(
            part="delivery",
            label=text("terms.term"),
            value=text("terms.term_value", code=delivery.term, name=text(f"incoterm.{delivery.term}")),
            paths=("delivery.term",),
        ),
        Row(
            part="delivery",
            label=text("terms.place"),
            value=place_text(delivery.country, delivery.place, lang),
            paths=("delivery.country", "delivery.place"),
        ),
        Row(
            part="delivery",
            label=text("terms.window"),
            value=window,
            paths=("delivery.from_date", "delivery.to_date"),
        ),
        Row(
            part="delivery",
            label=text("terms.transport"),
            value=text(f"terms_transport.{delivery.transport}"),
            paths=("delivery.transport",),
        ),
        Row(
            part="delivery",
            label=text("terms.partial"),
            value=text("terms.partial_yes" if delivery.partial else "terms.partial_no"),
            paths=("delivery.partial",),
        ),
    ]


def _payment(terms: TradeTerms, text: Text) -> list[Row]:
    payment = terms.payment
    return [
        Row(
            part="payment",
            label=text("terms.payment"),
            value=text("terms.payment_value", hours=payment.within_hours),
            paths=("payment.within_hours",),
        ),
        Row(
            part="payment",
            label=text("terms.inspection"),
            value=text("terms.inspection_value", hours=payment.inspection_hours),
            paths=("payment.inspection_hours",),
        ),
    ]


def _breach(terms: TradeTerms, text: Text, lang: Language) -> list[Row]:
    breach = terms.breach
    late = text("terms.late_none")
    if breach.late_delivery_bp_per_day:
        late = text(
            "terms.late_value", rate=percent_text(breach.late_delivery_bp_per_day), cap=percent_text(breach.cap_bp)
        )
    found = [
        Row(
            part="breach",
            label=text("terms.late"),
            value=late,
            paths=("breach.late_delivery_bp_per_day", "breach.cap_bp"),
        ),
        Row(
            part="breach",
            label=text("terms.claim_days"),
            value=text("terms.claim_days_value", days=breach.claim_days),
            paths=("breach.claim_days",),
        ),
    ]
    words = (breach.note_zh or breach.note_en) if lang == "zh" else (breach.note_en or breach.note_zh)
    if words:
        paths = ("breach.note_en", "breach.note_zh")
        found.append(Row(part="breach", label=text("terms.breach_note"), value=words, paths=paths))
    return found


def _formality(n: int, each: Formality, text: Text, lang: Language) -> Row:
    due = text("terms.before_ship") if each.due_on is None else day_text(each.due_on, lang)
    needed = text("terms.formality_required" if each.required else "terms.formality_wished")
    value = text("terms.formality_value", duty=text(f"terms_duty.{each.duty_of}"), due=due, needed=needed)
    return Row(
        part="formalities",
        label=text(f"terms_formality.{each.kind.value}"),
        value=f"{value} {each.note}".strip(),
        paths=(f"formalities.{n}",),
    )


def _fees(terms: TradeTerms, text: Text) -> list[Row]:
    fees = terms.fees
    assert fees is not None
    value = text(
        "terms.fees_value",
        commission=percent_text(fees.commission_bp),
        transaction=percent_text(fees.transaction_bp),
        service=money_text(fees.service_minor, terms.currency),
    )
    return [Row(part="fees", label=text("terms.fees"), value=value, paths=("fees",))]


def percent_text(basis_points: int) -> str:
    """`0.5 %` of 50 basis points."""
    whole = decimal_text(basis_points, 2).rstrip("0").rstrip(".")
    return f"{whole} %"


def _plain(value: str | int | bool, text: Text) -> str:
    if isinstance(value, bool):
        return text("terms.yes" if value else "terms.no")
    return f"{value:,}" if isinstance(value, int) else value


def _within(path: str, beginning: str) -> bool:
    return path == beginning or path.startswith(f"{beginning}.")


def _key(row: Row) -> str:
    return f"{row.part} {row.label}"
