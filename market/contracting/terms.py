"""What two parties agree on: one record, from which both languages are rendered and whose bytes both sign. Pure.

Text of people (titles, places, notes) is kept as it was typed, in NFC; everything else is a code, a date or an int.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Literal

import msgspec
from msgspec import Struct

from escrow.facts import LARGEST_AMOUNT_MINOR, SMALLEST_LINE_MINOR, Fees
from market.currencies import EXPONENTS

KIND: Literal["gavelhouse.trade_terms.v1"] = "gavelhouse.trade_terms.v1"
INCOTERMS = ("EXW", "FCA", "FAS", "FOB", "CFR", "CIF", "CPT", "CIP", "DAP", "DPU", "DDP")
"""Incoterms 2020, in the order of the seller's growing duties."""
TRANSPORTS = ("any", "sea", "road", "rail", "air", "post")
UNITS = (
    *("KGM", "TNE", "GRM", "LBR", "LTR", "MLT", "HLT", "MTR", "MTK", "MTQ", "C62", "H87", "PR", "SET", "DZN"),
    *("XCT", "XCS", "XBX", "XBG", "XPK", "XPX", "XRO", "XDR", "KWH", "MWH", "HUR", "DAY"),
)
"""UN/ECE Recommendation 20 codes (with X before them those of Recommendation 21); names are `unit.<code>`."""
MOST_GOODS, MOST_FORMALITIES, MOST_ATTRIBUTES = 50, 12, 40
LONGEST_TITLE, LONGEST_PLACE, LONGEST_NOTE, LONGEST_ATTRIBUTE = 120, 120, 2000, 200
LARGEST_QUANTITY = 1_000_000_000_000
MOST_DAYS_AHEAD = 3 * 366
BEFORE_SHIP = "before_ship"

AttributeValue = str | int | bool


class Goods(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of goods. `quantity` is a positive whole number of `unit`; its price is per unit. `particulars` say in words
    what the attributes' codes mean when this is written: the codes are for programs.
    """

    n: int
    category: str
    title_en: str
    title_zh: str
    attributes: dict[str, AttributeValue] = {}
    particulars_en: str = ""
    particulars_zh: str = ""
    quantity: int
    unit: str
    unit_price_minor: int

    @property
    def sum_minor(self) -> int:
        return self.quantity * self.unit_price_minor

    def title(self, lang: str) -> str:
        """The title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


class Delivery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and when, from `from_date` to `to_date` (days in UTC, both included). `partial`: in several shipments."""

    term: str
    country: str
    place: str
    from_date: date
    to_date: date
    transport: str = "any"
    partial: bool = False


class Payment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Always through the house's escrow: so long to pay, and so long to inspect what came."""

    within_hours: int = 48
    inspection_hours: int = 72


class Breach(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the parties agree on for a breach: basis points of the price for each day late, at most `cap_bp`."""

    late_delivery_bp_per_day: int = 0
    cap_bp: int = 0
    claim_days: int = 7
    note_en: str = ""
    note_zh: str = ""


class FormalityKind(StrEnum):
    INSPECTION = "inspection"
    INSURANCE = "insurance"
    CUSTOMS = "customs"
    TAX = "tax"
    CARRIER = "carrier"
    OTHER = "other"


class Formality(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A paper that somebody hands in. `due` is `before_ship` or a day (ISO 8601). Without one that is required before
    the goods are shipped they can't be shipped.
    """

    kind: FormalityKind
    duty_of: Literal["buyer", "seller", "house"]
    due: str = BEFORE_SHIP
    required: bool = True
    note: str = ""

    @property
    def due_on(self) -> date | None:
        """The day; None for "before the goods are shipped"."""
        return None if self.due == BEFORE_SHIP else _day(self.due)

    @property
    def holds_up_shipping(self) -> bool:
        return self.required and self.due == BEFORE_SHIP


class TermsFees(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the house takes of the seller's proceeds, frozen when the contract is drawn up."""

    commission_bp: int
    transaction_bp: int = 0
    service_minor: int = 0

    @property
    def fees(self) -> Fees:
        return Fees(
            commission_bp=self.commission_bp, transaction_bp=self.transaction_bp, service_minor=self.service_minor
        )


class TradeTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole agreement. Names and fees are filled in and frozen when the contract is drawn up; until then they may be
    empty.
    """

    kind: Literal["gavelhouse.trade_terms.v1"] = KIND
    seller_id: int
    buyer_id: int
    seller_name: str = ""
    buyer_name: str = ""
    currency: str
    currency_exponent: int
    goods: tuple[Goods, ...]
    delivery: Delivery
    payment: Payment = Payment()
    breach: Breach = Breach()
    formalities: tuple[Formality, ...] = ()
    fees: TermsFees | None = None
    note: str = ""

    @property
    def price_minor(self) -> int:
        """What the buyer pays: the sum of quantity times price over all lines, exactly."""
        return sum(line.sum_minor for line in self.goods)

    @property
    def title_en(self) -> str:
        return self.title("en")

    @property
    def title_zh(self) -> str:
        return self.title("zh")

    def title(self, lang: str) -> str:
        """The first line's title, with an ellipsis where there are more lines."""
        first = self.goods[0].title(lang)
        return first if len(self.goods) == 1 else f"{first} …"


class Difference(Struct, frozen=True, kw_only=True):
    """One value that two records do not share. `path` is like `goods.1.quantity`; None: there is none on that side."""

    path: str
    old: str | int | bool | None
    new: str | int | bool | None


class FlawReason(StrEnum):
    """What makes terms unfit to be signed, in the order of testing; the sentence is `terms_flaw.<value>`."""

    SAME_PARTY = "same_party"
    CURRENCY_UNKNOWN = "currency_unknown"
    EXPONENT_WRONG = "exponent_wrong"
    GOODS_MISSING = "goods_missing"
    TOO_MANY_GOODS = "too_many_goods"
    LINE_NUMBER_WRONG = "line_number_wrong"
    CATEGORY_MALFORMED = "category_malformed"
    TITLE_MISSING = "title_missing"
    TEXT_TOO_LONG = "text_too_long"
    TEXT_MALFORMED = "text_malformed"
    TOO_MANY_ATTRIBUTES = "too_many_attributes"
    QUANTITY_WRONG = "quantity_wrong"
    UNIT_UNKNOWN = "unit_unknown"
    PRICE_WRONG = "price_wrong"
    SUM_TOO_LARGE = "sum_too_large"
    TERM_UNKNOWN = "term_unknown"
    COUNTRY_MALFORMED = "country_malformed"
    PLACE_MISSING = "place_missing"
    DATES_REVERSED = "dates_reversed"
    DATE_PAST = "date_past"
    DATE_TOO_FAR = "date_too_far"
    TRANSPORT_UNKNOWN = "transport_unknown"
    PAYMENT_HOURS_WRONG = "payment_hours_wrong"
    INSPECTION_HOURS_WRONG = "inspection_hours_wrong"
    BREACH_WRONG = "breach_wrong"
    CLAIM_DAYS_WRONG = "claim_days_wrong"
    TOO_MANY_FORMALITIES = "too_many_formalities"
    FORMALITY_DUE_WRONG = "formality_due_wrong"
    FEES_WRONG = "fees_wrong"


class TermsFlaw(Struct, frozen=True):
    """A flaw and where it is: `delivery.to_date`, `goods.2.quantity`; the whole record is the empty path."""

    reason: FlawReason
    path: str = ""


def canonical(terms: TradeTerms) -> str:
    """The one spelling of these terms: JSON with sorted keys and no spaces."""
    return msgspec.json.encode(terms, order="sorted").decode()


def read_terms(text: str | bytes) -> TradeTerms:
    """Terms from their JSON. Raises msgspec.ValidationError for what is no such record."""
    return msgspec.json.decode(text, type=TradeTerms)


def terms_sha256(terms: TradeTerms) -> bytes:
    """The hash of the canonical spelling: what both signatures and the escrow case bind."""
    return sha256(canonical(terms).encode()).digest()


def differences(old: TradeTerms, new: TradeTerms) -> list[Difference]:
    """Every value that changed, in the order of the record; goods by their number, formalities by their place."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    paths = [*after, *(path for path in before if path not in after)]
    return [
        Difference(path=path, old=before.get(path), new=after.get(path))
        for path in paths
        if before.get(path) != after.get(path)
    ]


def flaws(terms: TradeTerms, now: datetime) -> list[TermsFlaw]:
    """All that keeps these terms from being signed at `now`; none when they are sound."""
    return [
        *_parties_and_money(terms),
        *(flaw for line in terms.goods for flaw in _line(line)),
        *_sum(terms),
        *_delivery(terms.delivery, now.astimezone(UTC).date()),
        *_conditions(terms),
        *_formalities(terms, now.astimezone(UTC).date()),
        *_texts(terms),
    ]


def _parties_and_money(terms: TradeTerms) -> Iterator[TermsFlaw]:
    if terms.seller_id == terms.buyer_id:
        yield TermsFlaw(FlawReason.SAME_PARTY, "buyer_id")
    if terms.currency not in EXPONENTS:
        yield TermsFlaw(FlawReason.CURRENCY_UNKNOWN, "currency")
    elif EXPONENTS[terms.currency] != terms.currency_exponent:
        yield TermsFlaw(FlawReason.EXPONENT_WRONG, "currency_exponent")
    if not terms.goods:
        yield TermsFlaw(FlawReason.GOODS_MISSING, "goods")
    if len(terms.goods) > MOST_GOODS:
        yield TermsFlaw(FlawReason.TOO_MANY_GOODS, "goods")
    if [line.n for line in terms.goods] != list(range(1, len(terms.goods) + 1)):
        yield TermsFlaw(FlawReason.LINE_NUMBER_WRONG, "goods")


def _line(line: Goods) -> Iterator[TermsFlaw]:
    at = f"goods.{line.n}"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,63}", line.category):
        yield TermsFlaw(FlawReason.CATEGORY_MALFORMED, f"{at}.category")
    if not line.title_en.strip() and not line.title_zh.strip():
        yield TermsFlaw(FlawReason.TITLE_MISSING, f"{at}.title_en")
    for name in ("title_en", "title_zh"):
        if len(getattr(line, name)) > LONGEST_TITLE:
            yield TermsFlaw(FlawReason.TEXT_TOO_LONG, f"{at}.{name}")
    if len(line.attributes) > MOST_ATTRIBUTES:
        yield TermsFlaw(FlawReason.TOO_MANY_ATTRIBUTES, f"{at}.attributes")
    for name, value in line.attributes.items():
        if len(name) > LONGEST_ATTRIBUTE or (isinstance(value, str) and len(value) > LONGEST_ATTRIBUTE):
            yield TermsFlaw(FlawReason.TEXT_TOO_LONG, f"{at}.attributes.{name[:LONGEST_ATTRIBUTE]}")
    if not 1 <= line.quantity <= LARGEST_QUANTITY:
        yield TermsFlaw(FlawReason.QUANTITY_WRONG, f"{at}.quantity")
    if line.unit not in UNITS:
        yield TermsFlaw(FlawReason.UNIT_UNKNOWN, f"{at}.unit")
    if not 1 <= line.unit_price_minor <= LARGEST_AMOUNT_MINOR:
        yield TermsFlaw(FlawReason.PRICE_WRONG, f"{at}.unit_price_minor")


def _sum(terms: TradeTerms) -> Iterator[TermsFlaw]:
    """Several lines may be shipped, paid and refunded one by one, so none may be of less than the escrow can divide."""
    if terms.price_minor > LARGEST_AMOUNT_MINOR:
        yield TermsFlaw(FlawReason.SUM_TOO_LARGE, "goods")
    if len(terms.goods) > 1:
        for line in terms.goods:
            if 0 < line.sum_minor < SMALLEST_LINE_MINOR:
                yield TermsFlaw(FlawReason.PRICE_WRONG, f"goods.{line.n}.unit_price_minor")


def _delivery(delivery: Delivery, today: date) -> Iterator[TermsFlaw]:
    if delivery.term not in INCOTERMS:
        yield TermsFlaw(FlawReason.TERM_UNKNOWN, "delivery.term")
    if not re.fullmatch(r"[A-Z]{2}", delivery.country):
        yield TermsFlaw(FlawReason.COUNTRY_MALFORMED, "delivery.country")
    if not delivery.place.strip():
        yield TermsFlaw(FlawReason.PLACE_MISSING, "delivery.place")
    if len(delivery.place) > LONGEST_PLACE:
        yield TermsFlaw(FlawReason.TEXT_TOO_LONG, "delivery.place")
    if delivery.to_date < delivery.from_date:
        yield TermsFlaw(FlawReason.DATES_REVERSED, "delivery.to_date")
    if delivery.to_date < today:
        yield TermsFlaw(FlawReason.DATE_PAST, "delivery.to_date")
    if (delivery.to_date - today).days > MOST_DAYS_AHEAD:
        yield TermsFlaw(FlawReason.DATE_TOO_FAR, "delivery.to_date")
    if delivery.transport not in TRANSPORTS:
        yield TermsFlaw(FlawReason.TRANSPORT_UNKNOWN, "delivery.transport")


def _conditions(terms: TradeTerms) -> Iterator[TermsFlaw]:
    payment, breach = terms.payment, terms.breach
    if not 1 <= payment.within_hours <= 30 * 24:
        yield TermsFlaw(FlawReason.PAYMENT_HOURS_WRONG, "payment.within_hours")
    if not 1 <= payment.inspection_hours <= 90 * 24:
        yield TermsFlaw(FlawReason.INSPECTION_HOURS_WRONG, "payment.inspection_hours")
    if not 0 <= breach.late_delivery_bp_per_day <= breach.cap_bp <= 10_000:
        yield TermsFlaw(FlawReason.BREACH_WRONG, "breach.late_delivery_bp_per_day")
    if not 1 <= breach.claim_days <= 365:
        yield TermsFlaw(FlawReason.CLAIM_DAYS_WRONG, "breach.claim_days")
    fees = terms.fees
    if fees is not None and (
        min(fees.commission_bp, fees.transaction_bp, fees.service_minor) < 0
        or fees.commission_bp + fees.transaction_bp >= 5000
    ):
        yield TermsFlaw(FlawReason.FEES_WRONG, "fees")


def _formalities(terms: TradeTerms, today: date) -> Iterator[TermsFlaw]:
    if len(terms.formalities) > MOST_FORMALITIES:
        yield TermsFlaw(FlawReason.TOO_MANY_FORMALITIES, "formalities")
    for place, each in enumerate(terms.formalities, start=1):
        if each.due == BEFORE_SHIP:
            continue
        due_on = _day(each.due)
        if due_on is None or not 0 <= (due_on - today).days <= MOST_DAYS_AHEAD:
            yield TermsFlaw(FlawReason.FORMALITY_DUE_WRONG, f"formalities.{place}.due")


def _texts(terms: TradeTerms) -> Iterator[TermsFlaw]:
    """Bounds of the free texts; and text that a browser, a printer or a signature would show as something else."""
    free = [("note", terms.note)]
    free += [
        (f"goods.{line.n}.particulars", text)
        for line in terms.goods
        for text in (line.particulars_en, line.particulars_zh)
    ]
    free += [("breach.note_en", terms.breach.note_en), ("breach.note_zh", terms.breach.note_zh)]
    free += [(f"formalities.{place}.note", each.note) for place, each in enumerate(terms.formalities, start=1)]
    for path, text in free:
        if len(text) > LONGEST_NOTE:
            yield TermsFlaw(FlawReason.TEXT_TOO_LONG, path)
    for path, value in _leaves(terms):
        if isinstance(value, str) and not is_plain(value):
            yield TermsFlaw(FlawReason.TEXT_MALFORMED, path)


def is_plain(text: str) -> bool:
    """Whether the text shows what it says: NFC, no control characters but line breaks, nothing that turns its direction."""
    if text.isascii() and text.isprintable():
        return True
    if unicodedata.normalize("NFC", text) != text:
        return False
    return all(letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co") for letter in text)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        return None


def _leaves(terms: TradeTerms) -> Iterator[tuple[str, str | int | bool | None]]:
    record: dict[str, Any] = msgspec.to_builtins(terms)
    return _walk("", record)


def _walk(path: str, value: Any) -> Iterator[tuple[str, str | int | bool | None]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _walk(f"{path}.{name}" if path else name, part)
    elif isinstance(value, list | tuple):
        for place, part in enumerate(value, start=1):
            yield from _walk(f"{path}.{part.get('n', place) if isinstance(part, dict) else place}", part)
    else:
        yield path, value
