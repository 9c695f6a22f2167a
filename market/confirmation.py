"""The trade confirmation [成交确认书] of a sold lot: one document in both languages, from the frozen contract alone.

Pure. Every row carries both languages, so neither can say what the other does not. Sums come from the contract, which
the escrow case was opened under; the document can be printed again in ten years and reads the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from msgspec import Struct

from .amount_words import in_words_en, in_words_zh
from .catalogue import LANGUAGES, Catalogue
from .contracts import ContractTerms
from .currencies import decimal_text
from .fees import FeeSums, sums_of

HOUSE_ZONE = timezone(timedelta(hours=8), "UTC+8")
"""Printed beside UTC: the house's own clock, China Standard Time, which has no summer time."""


class Both(Struct, frozen=True):
    """One statement in Chinese and in English."""

    zh: str
    en: str


class Clause(Struct, frozen=True, kw_only=True):
    """One row of the document. `kind` names what it is for the page's style: sum, words, code, hash, text."""

    name: str
    label: Both
    value: Both
    kind: str = "text"


class Confirmation(Struct, frozen=True, kw_only=True):
    """The whole document, ready to be laid out."""

    lot_id: int
    case_id: int
    number: str
    title: Both
    house: Both
    preamble: Both
    clauses: tuple[Clause, ...]
    steps_heading: Both
    steps: tuple[Both, ...]
    code: str
    code_label: Both
    code_help: Both
    issued: Both
    signatures: tuple[Both, ...]


def confirmation(
    terms: ContractTerms, *, case_id: int, contract_sha256: bytes, code: str, catalogue: Catalogue
) -> Confirmation:
    """The confirmation of this contract."""
    both = _Bilingual(catalogue)
    return Confirmation(
        lot_id=terms.lot_id,
        case_id=case_id,
        number=document_number(terms, case_id),
        title=both("confirmation.title"),
        house=both("confirmation.house"),
        preamble=both("confirmation.preamble"),
        clauses=(
            *_lot_and_parties(both, terms),
            *_sums(both, terms),
            *_proof(both, terms, contract_sha256),
        ),
        steps_heading=both("confirmation.steps"),
        steps=_steps(both, terms),
        code=code,
        code_label=both("confirmation.code"),
        code_help=both("confirmation.code_help"),
        issued=both("confirmation.issued", when=instant_text(terms.closed_at)),
        signatures=tuple(both(f"confirmation.signature_{who}") for who in ("seller", "buyer", "house")),
    )


def document_number(terms: ContractTerms, case_id: int) -> str:
    """Year of the close, lot and case: unique, and readable over a telephone."""
    return f"GH-{terms.closed_at.astimezone(UTC).year}-{terms.lot_id:06d}-{case_id:06d}"


def instant_text(at: datetime) -> str:
    """An instant to the microsecond in UTC, with the house's own clock beside it; the same in both languages."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%d %H:%M:%S.%f} UTC ({at.astimezone(HOUSE_ZONE):%Y-%m-%d %H:%M:%S} UTC+8)"


def money_in_document(minor: int, currency: str, exponent: int) -> str:
    """A sum with its ISO code, never a sign that two currencies share: `CNY 12,345.00`."""
    return f"{currency} {Decimal(decimal_text(minor, exponent)):,}"


def rate_text(commission_bp: int) -> str:
    """Basis points as a percentage without needless zeros: `8%`, `7.25%`."""
    whole, rest = divmod(commission_bp, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"


class _Bilingual:
    """A sentence of the catalogue in both languages at once; a parameter may itself be bilingual."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def __call__(self, key: str, /, **params: object) -> Both:
        zh, en = (
            self._catalogue.text(
                key, lang, **{k: getattr(v, lang) if isinstance(v, Both) else v for k, v in params.items()}
            )
            for lang in LANGUAGES
        )
        return Both(zh, en)


def _same(text: str) -> Both:
    return Both(text, text)


def _lot_and_parties(both: _Bilingual, terms: ContractTerms) -> tuple[Clause, ...]:
    title = Both(terms.title_zh or terms.title_en, terms.title_en or terms.title_zh)
    seller, buyer = _same(terms.seller_name), _same(terms.buyer_name)
    if terms.is_purchase:
        seller = both("confirmation.buyer_value", name=terms.seller_name, paddle=terms.seller_paddle)
    else:
        buyer = both("confirmation.buyer_value", name=terms.buyer_name, paddle=terms.buyer_paddle)
    return (
        Clause(
            name="lot",
            label=both("confirmation.lot"),
            value=both("confirmation.lot_value", id=terms.lot_id, title=title),
        ),
        Clause(name="seller", label=both("confirmation.seller"), value=seller),
        Clause(name="buyer", label=both("confirmation.buyer"), value=buyer),
    )


def _sums(both: _Bilingual, terms: ContractTerms) -> tuple[Clause, ...]:
    def sum_of(minor: int) -> str:
        return money_in_document(minor, terms.currency, terms.currency_exponent)

    words = Both(in_words_zh(terms.hammer_minor, terms.currency), in_words_en(terms.hammer_minor, terms.currency))
    sums = sums_of(terms.fees, terms.hammer_minor)
    due = both(
        "confirmation.due_value", sum=sum_of(terms.hammer_minor - terms.deposit_minor), when=instant_text(terms.pay_by)
    )
    rate = rate_text(terms.commission_bp)
    return (
        *_units(both, terms, sum_of),
        Clause(name="price", label=both("confirmation.price"), value=_same(sum_of(terms.hammer_minor)), kind="sum"),
        Clause(name="words", label=both("confirmation.price_words"), value=words, kind="words"),
        Clause(name="deposit", label=both("confirmation.deposit"), value=_same(sum_of(terms.deposit_minor))),
        Clause(name="due", label=both("confirmation.due"), value=due),
        Clause(
            name="commission",
            label=both("confirmation.commission"),
            value=both("confirmation.commission_value", rate=rate, sum=sum_of(sums.commission_minor)),
        ),
        *_other_fees(both, terms, sums, sum_of),
        Clause(name="proceeds", label=both("confirmation.proceeds"), value=_same(sum_of(sums.proceeds_minor))),
        Clause(name="buyer_fees", label=both("confirmation.buyer_fees"), value=both("confirmation.buyer_fees_value")),
    )


def _other_fees(
    both: _Bilingual, terms: ContractTerms, sums: FeeSums, sum_of: Callable[[int], str]
) -> tuple[Clause, ...]:
    """The fees that the schedule had beside the commission."""
    rows = []
    if sums.transaction_minor:
        rate = rate_text(terms.fees.transaction_bp)
        value = both("confirmation.commission_value", rate=rate, sum=sum_of(sums.transaction_minor))
        rows.append(Clause(name="transaction_fee", label=both("confirmation.transaction_fee"), value=value))
    if sums.service_minor:
        value = _same(sum_of(sums.service_minor))
        rows.append(Clause(name="service_fee", label=both("confirmation.service_fee"), value=value))
    return tuple(rows)


def _units(both: _Bilingual, terms: ContractTerms, sum_of: Callable[[int], str]) -> tuple[Clause, ...]:
    """Where several buyers took a part each: how many units, and what one costs."""
    if not isinstance(terms.quantity, int) or not isinstance(terms.unit_price_minor, int):
        return ()
    units = both("confirmation.quantity_value", quantity=terms.quantity, price=sum_of(terms.unit_price_minor))
    return (Clause(name="quantity", label=both("confirmation.quantity"), value=units),)


def _proof(both: _Bilingual, terms: ContractTerms, contract_sha256: bytes) -> tuple[Clause, ...]:
    log = both("confirmation.log_value", seq=terms.seq, lot=terms.lot_id)
    return (
        Clause(name="closed_at", label=both("confirmation.closed_at"), value=_same(instant_text(terms.closed_at))),
        Clause(name="log", label=both("confirmation.log"), value=log),
        Clause(name="head", label=both("confirmation.head"), value=_same(terms.head), kind="hash"),
        Clause(
            name="contract", label=both("confirmation.contract_hash"), value=_same(contract_sha256.hex()), kind="hash"
        ),
        Clause(
            name="verify", label=both("confirmation.verify"), value=both("confirmation.verify_value", lot=terms.lot_id)
        ),
    )


def _days_off(both: _Bilingual, terms: ContractTerms) -> tuple[Both, ...]:
    if not isinstance(terms.days_off, tuple):
        return ()
    return (both("confirmation.days_off", days=", ".join(day.isoformat() for day in terms.days_off)),)


def _steps(both: _Bilingual, terms: ContractTerms) -> tuple[Both, ...]:
    return (
        both("confirmation.step_pay", hours=terms.payment_seconds // 3600),
        both("confirmation.step_ship", days=terms.ship_working_days),
        *_days_off(both, terms),
        both("confirmation.step_inspect", hours=terms.inspection_seconds // 3600),
        both("confirmation.step_release"),
    )
