"""Receipts for postings: what the book says of the viewer, each with a signed file that anybody can check without the house."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from escrow import book_store
from escrow.book_log import Recorded, canonical, lines_for
from market.house import house_of
from market.pages.proofs import download
from market.problems import Problem, ProblemError
from market.rendering import language_of, render

if TYPE_CHECKING:
    from market.house import House

PAGE_SIZE = 50
LONGEST_SUBJECT = 64


async def receipts(request: Request) -> Response:
    """The viewer's postings, the newest first; `about=case:5` only those of one subject."""
    house, lang, query = house_of(request), language_of(request), request.query_params
    before = query.get("before", "")
    about = query.get("about", "")[:LONGEST_SUBJECT].replace("\x00", "") or None
    start = int(before) if before.isascii() and before.isdecimal() and len(before) < 19 else book_store.NEWEST
    async with house.pool.acquire() as conn:
        own = await book_store.operations_of(conn, request.user.id, start, about, PAGE_SIZE + 1)
        recorded = {each.op: each for each in await book_store.recorded(conn, [each.op for each in own[:PAGE_SIZE]])}
        head = await book_store.newest_head(conn)
    context = {
        "account_words": lambda path: house.catalogue.text(f"account_name.{path.partition(':')[0]}", lang),
        "rows": [
            (each, _words(house, lang, recorded[each.op]), _lines(recorded[each.op], request.user.id))
            for each in own[:PAGE_SIZE]
        ],
        "next": own[PAGE_SIZE - 1].seq if len(own) > PAGE_SIZE else None,
        "about": about,
        "head": head,
        "command": f"python verify_receipt.py receipt.json --key {house.heads.signer.public_hex}",
    }
    return render(request, "wallet/receipts.html", context)


def _words(house: House, lang: str, recorded: Recorded) -> tuple[str, str]:
    """What was done and about what, in words; the book's own word for what has none."""
    kind, (subject, _, number) = f"movement.{recorded.kind}", recorded.subject.partition(":")
    about, text = f"movement_about.{subject}", house.catalogue.text
    return (
        text(kind, lang) if kind in house.catalogue else recorded.kind.replace("_", " "),
        text(about, lang, id=number) if about in house.catalogue else recorded.subject,
    )


def _lines(recorded: Recorded, party_id: int) -> list[tuple[str, str, int, str]]:
    """(from, to, sum, currency) of each line that the party may read."""
    return [(line.debit, line.credit, line.amount_minor, line.currency) for line in lines_for(recorded, party_id)]


async def receipt_file(request: Request) -> Response:
    """One receipt as a file."""
    op: UUID = request.path_params["op"]
    house = house_of(request)
    async with house.pool.acquire() as conn:
        found = await house.book_seals.receipt(conn, request.user.id, op)
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    return download(canonical(found) + b"\n", f"receipt-{op}.json", "application/json")


async def receipt_verifier(request: Request) -> Response:
    """The program that checks a receipt: one file, to be read before it is run."""
    return download(verifier_source(), "verify_receipt.py", "text/x-python; charset=utf-8")


@cache
def verifier_source() -> bytes:
    """The verifier's own text."""
    return files("escrow").joinpath("receipt_verifier.py").read_bytes()


routes = [
    Route("/wallet/receipts", receipts, name="receipts"),
    Route("/wallet/receipts/{op:uuid}.json", receipt_file, name="receipt_file"),
    Route("/verify_receipt.py", receipt_verifier, name="receipt_verifier"),
]
