"""One uploaded file in, evidence that anybody may open out, or a refusal: a photo encoded anew, or a PDF as it came.

A photo loses all but its pixels (place, camera, what hangs behind the picture). A PDF can't be cleaned that way; it is
kept byte for byte and only ever handed out as a download. Knows no case and no database.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from enum import StrEnum

from msgspec import Struct

from market.photo_rendering import PhotoRefusal, RenderedPhoto, render_photo

LARGEST_EVIDENCE_BYTES = 10 * 1024 * 1024
LONGEST_NAME = 120
THUMBNAIL, WHOLE = 320, 1920
_PDF_HEAD, _PDF_TAIL = b"%PDF-", b"%%EOF"
_HEAD_WITHIN, _TAIL_WITHIN = 8, 2048


class EvidenceKind(StrEnum):
    PHOTO = "photo"
    DOCUMENT = "document"


class EvidenceRefusal(StrEnum):
    """Why a file was not taken, in the order tested. The sentence is `market_refusal.<value>`."""

    MISSING = "evidence_missing"
    TOO_MANY_AT_ONCE = "evidence_too_many_at_once"
    TOO_LARGE = "evidence_too_large"
    NOT_READABLE = "evidence_not_readable"
    TOO_MANY_PIXELS = "evidence_too_many_pixels"
    TOO_SMALL = "evidence_too_small"


class Evidence(Struct, frozen=True, kw_only=True):
    """What is kept: `content` is what the parties open, `thumbnail` a small picture of a photo."""

    kind: EvidenceKind
    name: str
    upload_sha256: bytes
    content: bytes
    thumbnail: bytes | None = None
    width: int | None = None
    height: int | None = None

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.content).digest()


def render_evidence(upload: bytes, name: str) -> Evidence | EvidenceRefusal:
    """The evidence that this file is. Blocking: a phone's photo takes some 0.3 s."""
    if not upload:
        return EvidenceRefusal.MISSING
    if len(upload) > LARGEST_EVIDENCE_BYTES:
        return EvidenceRefusal.TOO_LARGE
    if _PDF_HEAD in upload[: len(_PDF_HEAD) + _HEAD_WITHIN]:
        return _document(upload, name)
    photo = render_photo(upload)
    return _OF_PHOTO[photo] if isinstance(photo, PhotoRefusal) else _photo(photo, name)


def plain_name(name: str) -> str:
    """A file's name as it is shown and given back: no path, no control or direction marks, no longer than needed."""
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(mark for mark in base if unicodedata.category(mark)[0] not in "C" and mark not in '"<>|:*?')
    kept = " ".join(kept.split()).strip(". ")
    if len(kept) > LONGEST_NAME:
        stem, dot, ending = kept.rpartition(".")
        kept = (
            stem[: LONGEST_NAME - len(ending) - 1] + dot + ending if dot and len(ending) < 10 else kept[:LONGEST_NAME]
        )
    return kept


def _document(upload: bytes, name: str) -> Evidence | EvidenceRefusal:
    """A PDF that was cut off on its way has no end mark; it would open for nobody, so it is refused now."""
    if _PDF_TAIL not in upload[-_TAIL_WITHIN:]:
        return EvidenceRefusal.NOT_READABLE
    return Evidence(
        kind=EvidenceKind.DOCUMENT,
        name=_ending(plain_name(name) or "document", ".pdf"),
        upload_sha256=hashlib.sha256(upload).digest(),
        content=upload,
    )


def _photo(photo: RenderedPhoto, name: str) -> Evidence:
    return Evidence(
        kind=EvidenceKind.PHOTO,
        name=_ending(plain_name(name) or "photo", ".webp"),
        upload_sha256=photo.sha256,
        content=photo.webp[WHOLE],
        thumbnail=photo.webp[THUMBNAIL],
        width=photo.width,
        height=photo.height,
    )


def _ending(name: str, wanted: str) -> str:
    """The name with the ending of what the file now is."""
    if name.lower().endswith(wanted):
        return name
    stem, dot, ending = name.rpartition(".")
    return (stem if dot and 0 < len(ending) <= 5 else name)[: LONGEST_NAME - len(wanted)] + wanted


_OF_PHOTO = {
    PhotoRefusal.MISSING: EvidenceRefusal.MISSING,
    PhotoRefusal.TOO_LARGE: EvidenceRefusal.TOO_LARGE,
    PhotoRefusal.NOT_AN_IMAGE: EvidenceRefusal.NOT_READABLE,
    PhotoRefusal.TOO_MANY_PIXELS: EvidenceRefusal.TOO_MANY_PIXELS,
    PhotoRefusal.TOO_SMALL: EvidenceRefusal.TOO_SMALL,
}
