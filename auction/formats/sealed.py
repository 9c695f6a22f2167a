"""Sealed bids, first and second price: nobody reads a sum before the opening, and then all are read at once.

A bid comes as ciphertext and commitment; the judge sees neither sum nor order of sums. When time is up the lot waits
(phase OPENING) until enough officers have given their shares of the key; `unseal` then opens all, and the lot closes.
The book holds who has sent what, and, once opened, what it said. Pure but for the cryptography of `auction.sealing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from auction import sealing
from auction.facts import (
    LARGEST_AMOUNT_MINOR,
    Accepted,
    Bid,
    DeskRefusal,
    Logged,
    Lot,
    Outcome,
    Phase,
    Refusal,
    Refused,
    Result,
    Rule,
    Standing,
    Verdict,
)
from auction.formats import hidden, plain

MOST_VERSIONS = 50
"""How many bids one party may send on a lot, replaced and withdrawn ones counted: the log has a bound."""

TIMED, OPENING, DECIDED, CLOSED = Phase.TIMED, Phase.OPENING, Phase.DECIDED, Phase.CLOSED


class Pricing(StrEnum):
    """What the winner pays: his own bid, or the best of the others."""

    FIRST = "first"
    SECOND = "second"


class SealedRule(Rule, frozen=True, kw_only=True, tag="sealed"):
    """The public rule set of a sealed sale. Sums lie on a grid from the start price if there is a step. `threshold` of
    `officers` open the bids, sealed to `public_key` (P-256, base64). A hidden reserve is committed to
    (`auction.sealing.reserve_commitment_of`), and shown at the opening. `opening_seconds`: how long officers may take.
    """

    timed_seconds: int
    pricing: Pricing = Pricing.SECOND
    step_minor: int | None = None
    threshold: int = 2
    officers: int = 3
    public_key: str = ""
    reserve_commitment: str = ""
    opening_seconds: int = 86400
    version: int = 1


class Sent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bidder sends: a sealed bid, or that he withdraws the one he sent."""

    ciphertext: str | None = None
    commitment: str | None = None
    withdraw: bool = False


class Version(Struct, frozen=True):
    """One sealed bid as received."""

    seq: int
    at: datetime
    ciphertext: str
    commitment: str


class Counted(Struct, frozen=True, kw_only=True):
    """An opened bid that counts. The nonce lets anyone check it against the commitment in event `seq`."""

    amount_minor: str
    nonce: str
    paddle: int
    seq: int


class Void(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An opened bid that cannot count, and why; the sum if it could be read."""

    paddle: int
    reason: str
    seq: int
    amount_minor: str | None = None


class Unsealed(Struct, frozen=True, kw_only=True):
    """What the opening found: the best bid first. The body's detail of the event `unsealed`."""

    bids: tuple[Counted, ...]
    reserve_minor: str | None
    reserve_nonce: str | None
    voids: tuple[Void, ...]


class Book(Struct, frozen=True, kw_only=True):
    """Each party's sealed bids that stand, oldest first; how many each has ever sent; how many events of the log are hidden
    until the close; what the opening found.
    """

    versions: Mapping[int, tuple[Version, ...]] = MappingProxyType({})
    sent: Mapping[int, int] = MappingProxyType({})
    hidden: int = 0
    unsealed: Unsealed | None = None


class _BidDetail(Struct, frozen=True):
    ciphertext: str | None = None
    commitment: str | None = None
    withdraw: bool = False


class _BidBody(Struct, frozen=True):
    detail: _BidDetail


class _UnsealedBody(Struct, frozen=True):
    detail: Unsealed


_sent_decoder = msgspec.json.Decoder(Sent)
_bid_decoder = msgspec.json.Decoder(_BidBody)
_unsealed_decoder = msgspec.json.Decoder(_UnsealedBody)


# Opening, phases, close


def opening(lot: Lot) -> Standing:
    """The standing of a lot before its first event."""
    ends_at = lot.starts_at + timedelta(seconds=lot.rule.timed_seconds)
    return Standing(version=0, seq=0, head=b"", phase=TIMED, ends_at=ends_at, book=Book())


def advance(lot: Lot, standing: Standing, now: datetime) -> Standing:
    """When time is up the sealed bids wait for the officers. A paused lot's clock stands still."""
    if standing.phase is not TIMED or standing.paused_at is not None or now < standing.ends_at:
        return standing
    return replace(standing, phase=OPENING)


def is_due(lot: Lot, standing: Standing, now: datetime) -> bool:
    """True once the bids are opened, or time is up and there are none to open."""
    phase = advance(lot, standing, now).phase
    return phase is DECIDED or (phase is OPENING and not _book(standing).versions)


def close(lot: Lot, standing: Standing, now: datetime) -> Standing:
    """Sold to the highest bid, the earlier of equal ones, or unsold with none at the reserve. `closed_at` is the end of
    bidding; the officers come later. Raises ValueError if the lot is not due.
    """
    if not is_due(lot, standing, now):
        raise ValueError(f"lot {lot.id} is not due at {now.isoformat()}")
    bids = ranked(standing)
    closed = replace(
        standing,
        phase=CLOSED,
        closed_at=standing.ends_at,
        outcome=Outcome.UNSOLD,
        bid_count=len(bids),
        reserve_met=bool(bids) and lot.reserve_minor is not None and int(bids[0].amount_minor) >= lot.reserve_minor,
    )
    if not bids or (lot.reserve_minor is not None and not closed.reserve_met):
        return closed
    price, _ = price_of(lot, bids)
    return replace(closed, outcome=Outcome.SOLD, leader_id=_sender_of(standing, bids[0].seq), price_minor=price)


def result(lot: Lot, standing: Standing, paddles: Mapping[int, int]) -> Result:
    """The bids that counted, best first, and what the price follows from: who wants to can work it out again."""
    bids, unsealed = ranked(standing), _book(standing).unsealed
    sold = standing.outcome is Outcome.SOLD
    detail = {
        "bids": [
            {"amount_minor": bid.amount_minor, "nonce": bid.nonce, "paddle": bid.paddle, "seq": bid.seq} for bid in bids
        ],
        "price_from": price_of(lot, bids)[1] if sold else None,
        "pricing": lot.rule.pricing.value,
        "reserve_minor": None if unsealed is None else unsealed.reserve_minor,
        "start_price_minor": str(lot.rule.start_price_minor),
    }
    if not sold or standing.leader_id is None or standing.price_minor is None:
        return Result(detail=detail)
    return Result(detail=detail, awards=((standing.leader_id, 1, standing.price_minor),))


def ranked(standing: Standing) -> tuple[Counted, ...]:
    """The bids that count, the highest first, of equal ones the earlier; none before the opening."""
    unsealed = _book(standing).unsealed
    return () if unsealed is None else unsealed.bids


def price_of(lot: Lot, bids: tuple[Counted, ...]) -> tuple[int, str]:
    """What the winner pays, and which figure that is: own, second, reserve or start. `bids` ranked, not empty."""
    if lot.rule.pricing is Pricing.FIRST:
        return int(bids[0].amount_minor), "own"
    figures = [(lot.rule.start_price_minor, "start")]
    if lot.reserve_minor is not None:
        figures.append((lot.reserve_minor, "reserve"))
    if len(bids) > 1:
        figures.append((int(bids[1].amount_minor), "second"))
    return max(figures, key=lambda figure: figure[0])


# The judge


def judge(lot: Lot, standing: Standing, bid: Bid, *, admitted: bool, ranks: Mapping[int, int]) -> Verdict:
    """Take a sealed bid or a withdrawal at its stamp. Whether its sum is legal nobody can know before the opening."""
    if bid.lot_id != lot.id:
        return Refused(refusal=Refusal.UNKNOWN_LOT)
    if bid.amount_minor:
        return Refused(refusal=Refusal.SUM_IN_CLEAR)
    sent = _read(bid.details)
    if sent is None:
        return Refused(refusal=Refusal.MALFORMED_DETAILS)
    refusal = plain.shut_to(lot, standing, bid, admitted=admitted) or _unfit(_book(standing), bid.party_id, sent)
    if refusal is not None:
        return Refused(refusal=refusal)
    return _take(standing, bid, sent)


def _read(details: bytes | None) -> Sent | None:
    """What was sent, or None if it is neither a sealed bid nor a withdrawal."""
    try:
        sent = _sent_decoder.decode(details or b"")
    except (msgspec.ValidationError, msgspec.DecodeError):
        return None
    if sent.withdraw:
        return sent if sent.ciphertext is None and sent.commitment is None else None
    well_formed = sealing.is_well_formed(sent.ciphertext or "", sent.commitment or "")
    return sent if well_formed else None


def _unfit(book: Book, party_id: int, sent: Sent) -> Refusal | None:
    if sent.withdraw:
        return None if party_id in book.versions else Refusal.NOTHING_TO_WITHDRAW
    return Refusal.TOO_MANY_VERSIONS if book.sent.get(party_id, 0) >= MOST_VERSIONS else None


def _take(standing: Standing, bid: Bid, sent: Sent) -> Accepted:
    detail: dict[str, Any] = {"paddle": None}
    if sent.withdraw:
        detail["withdraw"] = True
    else:
        detail |= {"ciphertext": sent.ciphertext, "commitment": sent.commitment}
    book = _entered(_book(standing), bid.party_id, standing.seq + 1, bid.stamped_at, sent)
    return Accepted(standing=replace(standing, book=book), lines=(), detail=detail)


def _entered(book: Book, party_id: int, seq: int, at: datetime, sent: Sent) -> Book:
    """The book with one more bid or withdrawal in it."""
    versions, count = dict(book.versions), book.hidden + 1
    if sent.withdraw:
        versions.pop(party_id, None)
        return replace(book, versions=versions, hidden=count)
    version = Version(seq, at, sent.ciphertext or "", sent.commitment or "")
    versions[party_id] = (*versions.get(party_id, ()), version)
    sent_before = book.sent.get(party_id, 0)
    return replace(book, versions=versions, sent={**book.sent, party_id: sent_before + 1}, hidden=count)


# The opening


def unseal(
    lot: Lot, standing: Standing, key: sealing.KeyPair, reserve_nonce: str | None, paddles: Mapping[int, int]
) -> tuple[Standing, dict[str, Any]] | DeskRefusal:
    """Open every sealed bid of a lot whose time is up: the standing from which it closes at once, and the event's detail.

    Of each party the last valid version counts; a later one that is not is listed with the reason and stops nothing.
    """
    if standing.phase is CLOSED:
        return DeskRefusal.LOT_CLOSED
    if standing.phase is DECIDED:
        return DeskRefusal.ALREADY_OPENED
    if standing.phase is not OPENING:
        return DeskRefusal.NOT_YET_OPENING
    counted: list[Counted] = []
    voids: list[Void] = []
    for party_id, versions in _book(standing).versions.items():
        best, flawed = _last_valid(lot, key, paddles[party_id], versions)
        counted += [best] if best is not None else []
        voids += flawed
    unsealed = Unsealed(
        bids=tuple(sorted(counted, key=lambda bid: (-int(bid.amount_minor), bid.seq))),
        voids=tuple(sorted(voids, key=lambda void: void.seq)),
        reserve_minor=None if lot.reserve_minor is None else str(lot.reserve_minor),
        reserve_nonce=reserve_nonce if lot.reserve_minor is not None else None,
    )
    book = replace(_book(standing), unsealed=unsealed)
    return replace(standing, phase=DECIDED, book=book), _plain(unsealed)


def _last_valid(
    lot: Lot, key: sealing.KeyPair, paddle: int, versions: tuple[Version, ...]
) -> tuple[Counted | None, list[Void]]:
    flawed: list[Void] = []
    for version in reversed(versions):
        said = sealing.open_bid(
            key, lot=lot.id, paddle=paddle, ciphertext=version.ciphertext, commitment=version.commitment
        )
        if isinstance(said, sealing.Flaw):
            flawed.append(Void(paddle=paddle, reason=said.value, seq=version.seq))
        elif (reason := illegal(lot, said.amount_minor)) is not None:
            flawed.append(Void(paddle=paddle, reason=reason, seq=version.seq, amount_minor=str(said.amount_minor)))
        else:
            amount = str(said.amount_minor)
            return Counted(amount_minor=amount, nonce=said.nonce, paddle=paddle, seq=version.seq), flawed
    return None, flawed


def illegal(lot: Lot, amount_minor: int) -> str | None:
    """Why a sum cannot be bid on this lot; None if it can."""
    start, step = lot.rule.start_price_minor, lot.rule.step_minor
    if amount_minor > LARGEST_AMOUNT_MINOR:
        return Refusal.OVER_CAP.value
    if amount_minor < start:
        return Refusal.BELOW_MINIMUM.value
    return Refusal.OFF_GRID.value if step and (amount_minor - start) % step else None


# Acts of the desk


# Once time is up nothing opens the lot again: somebody might know a share by then. To void it is the way out when too few
# officers come; what was never opened stays sealed.
pause, resume, extend, void, credit_outage = plain.pause, plain.resume, plain.extend, plain.void, plain.credit_outage


# What is shown

owner_view = plain.owner_view
price_moves, lowest_legal, increment = hidden.price_moves, hidden.lowest_legal, hidden.increment


def public_mark(lot: Lot, standing: Standing) -> tuple[int, bytes]:
    """Until the close, as if nobody had bid."""
    return hidden.shown_mark(standing, _book(standing).hidden)


def view(lot: Lot, standing: Standing, paddles: Mapping[int, int], now: datetime) -> dict[str, Any] | None:
    """What a bidder needs to seal; and once the lot is closed, what was opened and how the price follows."""
    rule: SealedRule = lot.rule
    shown: dict[str, Any] = {
        "pricing": rule.pricing.value,
        "public_key": rule.public_key,
        "threshold": rule.threshold,
        "officers": rule.officers,
        "opening_by": advance(lot, standing, now).ends_at + timedelta(seconds=rule.opening_seconds),
        "unsealed": None,
        "price_from": None,
    }
    unsealed = _book(standing).unsealed
    if standing.outcome is None or unsealed is None:
        return shown
    sold = standing.outcome is Outcome.SOLD
    return shown | {
        "unsealed": _plain(unsealed),
        "price_from": price_of(lot, unsealed.bids)[1] if sold else None,
    }


def own_view(lot: Lot, standing: Standing, party_id: int, now: datetime) -> dict[str, Any] | None:
    """The receipt of the party's sealed bid that stands: never its seq, which would count the others'."""
    book = _book(standing)
    versions, left = book.versions.get(party_id, ()), MOST_VERSIONS - book.sent.get(party_id, 0)
    if not versions:
        return {"received_at": None, "commitment": None, "left": left}
    return {"received_at": versions[-1].at, "commitment": versions[-1].commitment, "left": left}


# The book


def taken_by(lot: Lot, standing: Standing, party_id: int) -> int | None:
    """Of a sealed bid that stands nobody knows the sum before the opening; the winner then has the price to pay."""
    if standing.outcome is not None:
        return plain.taken_by(lot, standing, party_id)
    return 0 if party_id in _book(standing).versions else None


def needs_log(lot: Lot) -> bool:
    """The sealed bids lie in the log alone."""
    return True


def fold(lot: Lot, standing: Standing, log: Iterable[Logged]) -> Standing:
    """The book of the whole log: what `_entered` would make of it bid by bid, in one go."""
    versions: dict[int, tuple[Version, ...]] = {}
    sent: dict[int, int] = {}
    count, unsealed = 0, None
    for event in log:
        party_id = event.party_id
        if event.kind == "unsealed":
            unsealed = _unsealed_decoder.decode(event.body).detail
        elif event.kind == "bid" and party_id is not None:
            said, count = _bid_decoder.decode(event.body).detail, count + 1
            if said.withdraw:
                versions.pop(party_id, None)
            else:
                version = Version(event.seq, event.at, said.ciphertext or "", said.commitment or "")
                versions[party_id] = (*versions.get(party_id, ()), version)
                sent[party_id] = sent.get(party_id, 0) + 1
    return replace(standing, book=Book(versions=versions, sent=sent, hidden=count, unsealed=unsealed))


def _plain(unsealed: Unsealed) -> dict[str, Any]:
    """As JSON reads it back: lists, not tuples."""
    plain_detail: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(unsealed))
    return plain_detail


def _book(standing: Standing) -> Book:
    assert isinstance(standing.book, Book), "a sealed lot is judged with its book"
    return standing.book


def _sender_of(standing: Standing, seq: int) -> int:
    versions = _book(standing).versions.items()
    return next(party_id for party_id, sent in versions if any(version.seq == seq for version in sent))
