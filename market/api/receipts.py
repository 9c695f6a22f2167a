"""The API's receipts for postings, and the signed heads of the book that they lean on."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from escrow import book_store
from escrow.book_log import canonical
from escrow.book_store import Head
from market.api.operations import Call, operation
from market.problems import Problem, ProblemError

PAGE = 100


class BookHead(Struct, kw_only=True):
    """The head of the book, signed over `gavelhouse book v1`, a newline, and this object without `signature` (compact, keys
    sorted). `root` is the Merkle root (RFC 6962) of the first `size` entries, `head` the last hash of their chain.
    """

    at: str
    head: str
    key: str
    root: str
    signature: str
    size: int


class BookHeads(Struct, kw_only=True):
    items: list[BookHead]


class BookQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """`before`: only heads of fewer entries."""

    before: Annotated[int, Meta(ge=1, le=2**63 - 1)] = book_store.NEWEST


class OwnPosting(Struct, kw_only=True):
    """One act in the book that concerns the viewer; `seq` orders them."""

    op: UUID
    kind: str
    subject: str
    at: datetime
    seq: int


class OwnPostings(Struct, kw_only=True):
    items: list[OwnPosting]


class PostingsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """`before`: only postings before this seq. `subject`: only those about it, as `case:5`."""

    before: Annotated[int, Meta(ge=1, le=2**63 - 1)] = book_store.NEWEST
    subject: Annotated[str, Meta(pattern="^[a-z_]{1,20}:[0-9]{1,19}$")] | None = None


@operation("GET", "/book/heads", tag="wallet")
async def book_heads(call: Call, query: BookQuery) -> BookHeads:
    """Signed heads of the book, the newest first: whoever keeps one can show later that nothing before it was rewritten."""
    return BookHeads(items=[_head(head) for head in await book_store.heads(call.conn, query.before, PAGE)])


@operation("GET", "/postings", tag="wallet")
async def own_postings(call: Call, query: PostingsQuery) -> OwnPostings:
    """The viewer's postings, the newest first."""
    found = await book_store.operations_of(call.conn, call.viewer.id, query.before, query.subject, PAGE)
    return OwnPostings(
        items=[OwnPosting(op=one.op, kind=one.kind, subject=one.subject, at=one.at, seq=one.seq) for one in found]
    )


@operation("GET", "/postings/{op:uuid}/receipt", tag="wallet")
async def posting_receipt(call: Call, op: UUID) -> dict[str, Any]:
    """The viewer's signed receipt for a posting, with the proof that it stands in the book: see `/verify_receipt.py`."""
    found = await call.house.book_seals.receipt(call.conn, call.viewer.id, op)
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    in_order: dict[str, Any] = json.loads(canonical(found))  # the verifier holds the bytes of the answer to it
    return in_order


def _head(head: Head) -> BookHead:
    return BookHead(**json.loads(head.statement))
