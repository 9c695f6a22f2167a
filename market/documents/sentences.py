"""What is wrong with a document, in words: the fault, what stood there, what would be right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market.documents.flaws import Flaw, Why

if TYPE_CHECKING:
    from market.catalogue import Catalogue, Language


def flaw_text(flaw: Flaw, catalogue: Catalogue, lang: Language) -> str:
    """One sentence; of a refused act the sentence that the page would show."""
    if flaw.why is Why.REFUSED:
        for key in (flaw.said, f"market_refusal.{flaw.said.partition('.')[2]}"):
            if key in catalogue:
                return catalogue.text(key, lang)
    parts = [catalogue.text(f"documents.flaw.{flaw.why}", lang)]
    if flaw.said:
        parts.append(catalogue.text("documents.flaw_said", lang, said=flaw.said))
    if flaw.right:
        parts.append(catalogue.text("documents.flaw_right", lang, right=flaw.right))
    return " ".join(parts)


def place_text(flaw: Flaw, catalogue: Catalogue, lang: Language) -> str:
    """Where it is: the segment of the message, or the way to the element."""
    if flaw.path:
        return flaw.path
    if not flaw.segment:
        return f"{flaw.tag or 'UNB'}{f' {flaw.element}' if flaw.element else ''}"
    where = f"{flaw.element}" + (f":{flaw.component}" if flaw.component else "") if flaw.element else "–"
    return catalogue.text(
        "documents.flaw_place", lang, message=flaw.message, segment=flaw.segment, tag=flaw.tag, element=where
    )
