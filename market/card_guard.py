"""A card's number has no place in the house but sealed in its owner's wallet: what is sent with one in clear, in a form or in
JSON, is refused before anybody reads it, so that it is neither kept nor repeated.

Only whole numbers of a known scheme with the right check digit are taken for one, written plainly or in the usual groups;
what is part of something longer (an id, a signature, a sum, an account's IBAN) is not. Uploads are not looked into.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Message, Receive
from stdnum import iban, luhn

MEANT: dict[str, frozenset[str]] = {
    "account_bank_account": frozenset({"number"}),
    "api.set_bank_account": frozenset({"number"}),
}
"""Fields of a route that are for a number of another kind, which may look like a card's."""
MEANT_ANYWHERE = frozenset({"tracking_number", "card_id", "means"})
"""Parcels are numbered as carriers like; the vault names a card by up to sixteen random digits."""
MEDIA_TYPES = frozenset({"application/x-www-form-urlencoded", "application/json"})
# A cheap look at the bytes first: most bodies hold no such row of digits at all.
_ROW = re.compile(rb"[0-9](?:(?:[ +-]|%20|%2[dD])?[0-9]){14}|[^\x00-\x7f]|%[c-fC-F]|\\u")
_NUMBER = re.compile(
    r"(?<![0-9A-Za-z_-])(?<![0-9][.,])"
    r"(?:[0-9]{15,16}|[0-9]{19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?|[0-9]{4}([ -])[0-9]{6}\2[0-9]{5}"
    r"|[0-9]{6}[ -][0-9]{13})(?![0-9A-Za-z_-])"
)
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?: [0-9A-Z]{4}){2,7}(?: [0-9A-Z]{1,3})?(?![0-9A-Za-z])")
_SCHEMES = re.compile(
    r"4[0-9]{15}|(?:5[1-5]|2[2-7])[0-9]{14}|(?:62|81)[0-9]{14}(?:[0-9]{3})?|3[47][0-9]{13}|35[0-9]{14}|6(?:011|5[0-9]{2})[0-9]{12}"
)
"""Visa, Mastercard, UnionPay, American Express, JCB, Discover, each with the lengths that are in use."""


def holds_card_number(text: str) -> bool:
    """Whether somebody has written the number of a card into it."""
    plain = _IBAN.sub(_without_iban, unicodedata.normalize("NFKC", text))
    return any(_is_card_number(re.sub("[ -]", "", found[0])) for found in _NUMBER.finditer(plain))


def meant_by(route: str) -> frozenset[str]:
    """The fields of a route in which a number of that look is no card's."""
    return MEANT_ANYWHERE | MEANT.get(route, frozenset())


async def body_without_card(receive: Receive, media_type: str, meant: frozenset[str]) -> Receive | None:
    """The same body to be read by the handler; None when there is a card's number in clear in it. `meant` may have one."""
    body = b""
    messages: list[Message] = []
    while True:
        message = await receive()
        messages.append(message)
        body += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body", False):
            break
    if _ROW.search(body) and any(
        name not in meant and holds_card_number(text) for name, text in _texts(body, media_type)
    ):
        return None
    return _again(messages, receive)


def _again(messages: list[Message], receive: Receive) -> Receive:
    waiting = iter(messages)

    async def from_the_start() -> Message:
        return next(waiting, None) or await receive()

    return from_the_start


def _is_card_number(digits: str) -> bool:
    return _SCHEMES.fullmatch(digits) is not None and luhn.is_valid(digits)


def _without_iban(found: re.Match[str]) -> str:
    """Some groups of an account's number look like a card's; its own check digits tell that it is none."""
    return "" if iban.is_valid(found[0]) else found[0]


def _texts(body: bytes, media_type: str) -> Iterator[tuple[str, str]]:
    """Every text of the body with the name under which it stands; the whole body when it is not what it says it is."""
    text = body.decode("utf-8", errors="replace")
    if media_type == "application/x-www-form-urlencoded":
        pairs = parse_qsl(text, keep_blank_values=True)
        yield from pairs
        yield from (("", name) for name, _ in pairs)
        return
    try:
        yield from _leaves("", msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield "", text


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield "", key
            yield from _leaves(key, each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(name, each)
    elif isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        yield name, str(value)
