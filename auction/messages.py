"""The live protocol's messages, both ways: `gavelhouse.v1`, JSON objects told apart by `type`.

Amounts are strings of decimal digits of minor units (an integer is taken too); a float, a sign or a space is not.
AsyncAPI is made from these structs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType

from auction.batch import Answer
from auction.chain import encode_canonical, log_row
from auction.facts import LARGEST_AMOUNT_MINOR, Refusal
from auction.public import PublicState

SUBPROTOCOL = "gavelhouse.v1"
LARGEST_DIGITS = 18


class Subscribe(Struct, frozen=True, tag_field="type", tag="subscribe"):
    """Watch a lot. `epoch` and `seq` are those last seen; the answer is the whole state whatever they were."""

    lot: int
    epoch: int | None = None
    seq: int | None = None


class Unsubscribe(Struct, frozen=True, tag_field="type", tag="unsubscribe"):
    """Watch the lot no more."""

    lot: int


class Ping(Struct, frozen=True, tag_field="type", tag="ping"):
    """For the clock: `c` comes back as it was."""

    c: int | float | str


class PlaceBid(Struct, frozen=True, tag_field="type", tag="bid"):
    """Place a bid: exactly one of `amount` and `maximum`, or neither where only `details` speak (a sealed bid). `details` is
    an object that the lot's format defines. `id` is the client's, and has one effect for ever. With `expected_seq`, the seq
    of the last state seen, it stands only if nothing public has happened on the lot since; else it is refused (`lot_moved`).
    """

    id: UUID
    lot: int
    amount: str | int | UnsetType = UNSET
    maximum: str | int | UnsetType = UNSET
    expected_seq: int | None = None
    details: dict[str, Any] | UnsetType = UNSET


class Ask(Struct, frozen=True, tag_field="type", tag="ask"):
    """What came of my bid with this id?"""

    id: UUID


class History(Struct, frozen=True, tag_field="type", tag="history"):
    """Rows of a lot's public log: those after a seq, or those before one, or the newest."""

    lot: int
    after: int | None = None
    before: int | None = None
    limit: int = 100


class Watch(Struct, frozen=True, tag_field="type", tag="watch"):
    """Hear of changes of a topic, `kind:id`: `market:CATEGORY` and `board:ID` are for everybody, `negotiation:ID`,
    `contract:ID` and `deal:ID` for their parties. Answered with `watching`, or the error `unknown_topic`.
    """

    topic: str


class Unwatch(Struct, frozen=True, tag_field="type", tag="unwatch"):
    """Hear of the topic no more."""

    topic: str


ClientMessage = Subscribe | Unsubscribe | Ping | PlaceBid | Ask | History | Watch | Unwatch


class You(Struct, frozen=True, omit_defaults=True):
    """The subscriber's own place on the lot."""

    paddle: int | None
    admitted: bool
    maximum_minor: str | None
    leading: bool
    detail: dict[str, Any] | None = None
    """What the lot's format has to say to this party alone."""
    priority_rank: int | None = None
    """The party's confirmed right of priority, 1 the best."""


class OwnPlace(You, frozen=True, kw_only=True, tag_field="type", tag="you"):
    """The subscriber's own place has changed, be it by somebody else's bid: sent to nobody else, and only then."""

    lot: int


class Subscribed(PublicState, frozen=True, kw_only=True, tag_field="type", tag="subscribed"):
    """The answer to a subscription: the whole state, and the subscriber's own place if he is signed in."""

    you: You | None


class Pong(Struct, frozen=True, tag_field="type", tag="pong"):
    """`r` when the ping was received and `s` when this was sent, in ms since 1970 of the node's time."""

    c: int | float | str
    r: float
    s: float


class BidAccepted(Struct, frozen=True, kw_only=True, tag_field="type", tag="accepted"):
    """The bid stands and is on disk: its event's seq, hash and price, and the end it made. On a lot that hides its bids
    until the close, `seq` counts the public events alone and `hash` is empty: either would tell of other bids.
    """

    id: UUID
    lot: int
    seq: int
    at: datetime
    hash: str
    price_minor: str | None
    leading: bool
    maximum_minor: str | None
    ends_at: datetime | None


class BidRefused(Struct, frozen=True, kw_only=True, tag_field="type", tag="refused"):
    """The bid changed nothing: the rule it broke, and the lowest amount that would be legal now."""

    id: UUID
    lot: int
    code: Refusal
    lowest_minor: str | None
    seq: int


class BidUnknown(Struct, frozen=True, tag_field="type", tag="unknown"):
    """Nothing is known of this id: the bid never arrived, and may be sent again under the same id."""

    id: UUID


class HistoryRows(Struct, frozen=True, tag_field="type", tag="history"):
    """Rows of the log in order, each an event's public body with its hash."""

    lot: int
    rows: list[msgspec.Raw]


class Watching(Struct, frozen=True, tag_field="type", tag="watching"):
    """The answer to `watch`: the topic's version now, 0 where it has none to tell."""

    topic: str
    version: int


class News(Struct, frozen=True, tag_field="type", tag="news"):
    """A topic has changed: its new version, and perhaps a small state. Version 0: some news may have been lost, look again."""

    topic: str
    version: int
    state: dict[str, Any] | None = None


class Error(Struct, frozen=True, tag_field="type", tag="error"):
    """A message that could not be followed; the connection stays. `topic` names the one that is not watched."""

    code: str
    topic: str | UnsetType = UNSET


class Offer(Struct, frozen=True):
    """What a bid offers: minor units (None: no amount that the house could hold; 0: none is asked for), and the rest."""

    amount_minor: int | None
    is_maximum: bool
    details: bytes | None


decode_message = msgspec.json.Decoder(ClientMessage).decode
encode_message = msgspec.json.Encoder().encode


def amount_of(text: str | int) -> int | None:
    """The minor units that were written, or None if that is no whole positive number the house could hold."""
    if isinstance(text, str):
        if not (text.isascii() and text.isdigit()) or len(text) > LARGEST_DIGITS:
            return None
        text = int(text)
    return text if 0 < text <= 10**LARGEST_DIGITS else None


def offer_of(
    amount: str | int | UnsetType, maximum: str | int | UnsetType, details: dict[str, Any] | UnsetType
) -> Offer | None:
    """What is offered, or None if it is neither one amount nor details alone."""
    if amount is not UNSET and maximum is not UNSET:
        return None
    written = amount if maximum is UNSET else maximum
    canonical = None if details is UNSET else encode_canonical(details)
    if written is UNSET:
        return None if canonical is None else Offer(0, False, canonical)
    return Offer(amount_of(written), maximum is not UNSET, canonical)


def told(answer: Answer) -> BidAccepted | BidRefused:
    """The answer to a bid as its bidder is told."""
    if answer.refusal is not None:
        return BidRefused(
            id=answer.client_bid_id,
            lot=answer.lot_id,
            code=answer.refusal,
            lowest_minor=_digits(answer.lowest_minor),
            seq=answer.told_seq,
        )
    assert answer.hash is not None
    return BidAccepted(
        id=answer.client_bid_id,
        lot=answer.lot_id,
        seq=answer.told_seq,
        at=answer.at,
        hash=answer.hash.hex() if answer.shown_seq is None else "",
        price_minor=_digits(answer.price_minor),
        leading=answer.leading,
        maximum_minor=_digits(answer.maximum_minor),
        ends_at=answer.ends_at,
    )


def history_rows(lot_id: int, rows: list[tuple[bytes, bytes]]) -> HistoryRows:
    """Rows of (body, hash) for the wire."""
    return HistoryRows(lot_id, [msgspec.Raw(log_row(body, head)) for body, head in rows])


def _digits(amount: int | None) -> str | None:
    return None if amount is None else str(amount)


assert LARGEST_AMOUNT_MINOR < 10**LARGEST_DIGITS
