"""A contract on paper: one document in both languages, from the one record, with the sum in words and the signatures. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from market.amount_words import in_words_en, in_words_zh
from market.catalogue import LANGUAGES, Catalogue, Language
from market.confirmation import Both, Clause, instant_text
from market.contracting import wording
from market.contracting.records import code_of
from market.contracting.terms import TradeTerms

if TYPE_CHECKING:
    from market.contracting.facts import Contract, Signature, Version


class Undersigned(Struct, frozen=True, kw_only=True):
    """Where a side signs: who it is, and how it has signed."""

    who: Both
    how: Both
    is_signed: bool


class ContractPaper(Struct, frozen=True, kw_only=True):
    """The whole document, ready to be laid out."""

    contract_id: int
    number: str
    title: Both
    house: Both
    preamble: Both
    standing: Both
    clauses: tuple[Clause, ...]
    duties_heading: Both
    duties: tuple[Both, ...]
    signatures: tuple[Undersigned, ...]
    code: str
    code_label: Both
    verify: Both


def paper_of(contract: Contract, version: Version, terms: TradeTerms, catalogue: Catalogue) -> ContractPaper:
    """The document of one version."""

    def both(key: str, /, **params: object) -> Both:
        zh, en = (
            catalogue.text(key, lang, **{k: getattr(v, lang) if isinstance(v, Both) else v for k, v in params.items()})
            for lang in LANGUAGES
        )
        return Both(zh, en)

    in_force = contract.in_force_at is not None and version.n == contract.standing.n
    since = "" if contract.in_force_at is None else instant_text(contract.in_force_at)
    return ContractPaper(
        contract_id=contract.id,
        number=f"GH-C-{contract.drawn_at.year}-{contract.id:06d}-{version.n}",
        title=both("contract_paper.title"),
        house=both("confirmation.house"),
        preamble=both("contract_paper.preamble"),
        standing=both("contract_paper.standing", n=version.n, when=since)
        if in_force
        else both("contract_paper.draft", n=version.n),
        clauses=_clauses(terms, version, catalogue, both),
        duties_heading=both("contract_paper.duties"),
        duties=(
            both("contract_paper.duty_pay", hours=terms.payment.within_hours),
            both("contract_paper.duty_ship", day=terms.delivery.to_date.isoformat()),
            both("contract_paper.duty_inspect", hours=terms.payment.inspection_hours),
            both("contract_paper.duty_claim", days=terms.breach.claim_days),
            both("contract_paper.duty_release"),
        ),
        signatures=tuple(
            _undersigned(both(f"contract_paper.{role}"), name, signed, both)
            for role, name, signed in (
                ("seller", terms.seller_name, version.signed_by("seller")),
                ("buyer", terms.buyer_name, version.signed_by("buyer")),
            )
        ),
        code=code_of(contract.id, version.sha256),
        code_label=both("confirmation.code"),
        verify=both("contract_paper.verify"),
    )


def _clauses(terms: TradeTerms, version: Version, catalogue: Catalogue, both: _BothText) -> tuple[Clause, ...]:
    parties = [
        Clause(
            name=role, label=both(f"contract_paper.{role}"), value=both("contract_paper.party", name=name, id=number)
        )
        for role, name, number in (
            ("seller", terms.seller_name, terms.seller_id),
            ("buyer", terms.buyer_name, terms.buyer_id),
        )
    ]
    zh, en = (wording.rows(terms, _texts(catalogue, lang), lang, in_both=False) for lang in LANGUAGES)
    told = [
        Clause(
            name=row.part,
            label=Both(row.label, other.label),
            value=Both(row.value, other.value),
            kind="sum" if "goods.1.quantity" in row.paths and "goods.1.unit_price_minor" in row.paths else "text",
        )
        for row, other in zip(zh, en, strict=True)
    ]
    words = Both(in_words_zh(terms.price_minor, terms.currency), in_words_en(terms.price_minor, terms.currency))
    place = next(n for n, clause in enumerate(told) if clause.kind == "sum") + 1
    told.insert(place, Clause(name="words", label=both("contract_paper.words"), value=words, kind="words"))
    digest = Both(version.sha256.hex(), version.sha256.hex())
    return (*parties, *told, Clause(name="hash", label=both("contract.hash"), value=digest, kind="hash"))


def _undersigned(role: Both, name: str, signed: Signature | None, both: _BothText) -> Undersigned:
    who = both("contract_paper.signature", role=role, name=name)
    if signed is None:
        return Undersigned(who=who, how=both("contract_paper.signature_missing"), is_signed=False)
    when = instant_text(signed.signed_at)
    if signed.signature is None:
        return Undersigned(who=who, how=both("contract_paper.signature_agreement", when=when), is_signed=True)
    short = signed.signature.hex()[:32] + "…"
    how = both("contract_paper.signature_key", signature=short, serial=signed.serial, when=when)
    return Undersigned(who=who, how=how, is_signed=True)


def _texts(catalogue: Catalogue, lang: Language) -> wording.Text:
    def text(key: str, **params: object) -> str:
        return catalogue.text(key, lang, **params)

    return text


if TYPE_CHECKING:
    from typing import Protocol

    class _BothText(Protocol):
        def __call__(self, key: str, /, **params: object) -> Both: ...
