"""The terms of a trade in words, for people: rows of label and value from the one record, in either language. Pure.

Each row knows the paths of the record that it speaks of, so that whoever shows two versions can mark what has changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Literal

from babel import Locale
from babel.dates import format_date
from msgspec import Struct, structs

from market.contracting.terms import Formality, Goods, TermsFlaw, TradeTerms
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

    @property
    def key(self) -> str:
        """What tells it from all other rows of one record."""
        return f"{self.part} {self.label}"


def rows(terms: TradeTerms, text: Text, lang: Language, *, with_fees: bool = True, in_both: bool = True) -> list[Row]:
    """The whole record as rows. The buyer pays no fee: leave the fees out where only he reads. `in_both`: what people have
    typed in two languages stands there in both, for both will be signed.
    """
    found = [row for line in terms.goods for row in _goods(line, terms, text, lang, in_both)]
    found += [*_sum(terms, text), *_delivery(terms, text, lang), *_payment(terms, text)]
    found += _breach(terms, text, lang, in_both)
    found += _formalities(terms.formalities, text, lang)
    if terms.fees is not None and with_fees:
        found += _fees(terms, text)
    if terms.note:
        found.append(Row(part="note", label=text("terms.note"), value=terms.note, paths=("note",)))
    return found


def compared(old: list[Row], new: list[Row], nothing: str) -> tuple[list[Row], dict[str, str]]:
    """The new rows and, with `nothing` for their value, those that are there no more; and what each that differs said
    before, by its key: "" where there was no such row.
    """
    before, now = {row.key: row for row in old}, {row.key for row in new}
    gone = [structs.replace(row, value=nothing) for row in old if row.key not in now]
    changed = [row for row in new if row.key not in before or before[row.key].value != row.value] + gone
    return new + gone, {row.key: before[row.key].value if row.key in before else "" for row in changed}


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


def _goods(line: Goods, terms: TradeTerms, text: Text, lang: Language, in_both: bool) -> list[Row]:
    at, many = f"goods.{line.n}", len(terms.goods) > 1
    number = text("terms.line", n=line.n) if many else ""

    def label(key: str) -> str:
        return f"{number} · {text(key)}" if many else text(key)

    found = [
        Row(
            part="goods",
            label=label("terms.goods"),
            value=_in_both(line.title_en, line.title_zh, lang, " / " if in_both else ""),
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


def _breach(terms: TradeTerms, text: Text, lang: Language, in_both: bool) -> list[Row]:
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
    words = _in_both(breach.note_en, breach.note_zh, lang, "\n" if in_both else "")
    if words:
        paths = ("breach.note_en", "breach.note_zh")
        found.append(Row(part="breach", label=text("terms.breach_note"), value=words, paths=paths))
    return found


def _formalities(wanted: Sequence[Formality], text: Text, lang: Language) -> Iterator[Row]:
    """Each under a label of its own: a second paper of one kind is called the second."""
    seen: Counter[str] = Counter()
    for n, each in enumerate(wanted, start=1):
        seen[each.kind] += 1
        name, nth = text(f"terms_formality.{each.kind.value}"), seen[each.kind]
        due = text("terms.before_ship") if each.due_on is None else day_text(each.due_on, lang)
        needed = text("terms.formality_required" if each.required else "terms.formality_wished")
        value = text("terms.formality_value", duty=text(f"terms_duty.{each.duty_of}"), due=due, needed=needed)
        yield Row(
            part="formalities",
            label=name if nth == 1 else text("terms.formality_nth", name=name, n=nth),
            value=text("terms.formality_noted", value=value, note=each.note) if each.note else value,
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


def _in_both(english: str, chinese: str, lang: Language, between: str) -> str:
    """The language of the page first; the other too where something is `between` them. One stands in for one that lacks."""
    own, other = (chinese, english) if lang == "zh" else (english, chinese)
    return f"{own}{between}{other}" if between and own and other and own != other else own or other
