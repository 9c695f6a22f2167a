"""Sealed lots and bids for tests: one key for all of them, since making one is not what they test."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from auction import sealing
from auction.chain import EventKind, chain_event, decode_body
from auction.facts import Accepted, Bid, Logged, Lot, Standing
from auction.formats import sealed

START = datetime(2026, 5, 1, 15, 0, tzinfo=UTC)
SELLER, ANN, BOB, CAT = 1, 11, 12, 13
PADDLES = {ANN: 211, BOB: 312, CAT: 413}
KEY = sealing.new_key()
PUBLIC = sealing.encoded(KEY.public)
RESERVE_NONCE = "ab" * 32
_ids = itertools.count(1)


def at(seconds: float) -> datetime:
    """The instant so many seconds after the lot's start."""
    return START + timedelta(seconds=seconds)


def a_lot(lot_id: int = 7, *, reserve: int | None = None, starts_at: datetime = START, **rule: Any) -> Lot:
    """Start price 100, no grid, second price, a minute, 2 of 3 officers, unless told otherwise."""
    defaults: dict[str, Any] = {"start_price_minor": 100, "timed_seconds": 60, "public_key": PUBLIC}
    return Lot(
        id=lot_id,
        seller_id=SELLER,
        currency="CNY",
        currency_exponent=2,
        rule=sealed.SealedRule(**(defaults | rule)),
        starts_at=starts_at,
        reserve_minor=reserve,
    )


def details_of(lot: Lot, paddle: int, amount: int) -> dict[str, Any]:
    """What a browser sends for this sum."""
    made = sealing.seal_bid(lot.rule.public_key, lot=lot.id, paddle=paddle, amount_minor=amount)
    return {"ciphertext": made.ciphertext, "commitment": made.commitment}


def a_bid(lot: Lot, party: int, amount: int, seconds: float = 1, **details: Any) -> Bid:
    """A sealed bid, or whatever else `details` say in its place."""
    said = details or details_of(lot, PADDLES[party], amount)
    return Bid(
        lot_id=lot.id,
        party_id=party,
        client_bid_id=UUID(int=next(_ids)),
        amount_minor=0,
        is_maximum=False,
        stamped_at=at(seconds),
        details=json.dumps(said).encode(),
    )


def withdrawal(lot: Lot, party: int, seconds: float = 1) -> Bid:
    return a_bid(lot, party, 0, seconds, withdraw=True)


class Log:
    """A lot with its log, as the batcher and the desk write it."""

    def __init__(self, lot: Lot) -> None:
        self.lot, self.rows = lot, list[Logged]()
        self.standing = sealed.opening(lot)
        self.write("opened", self.standing, START)

    def write(self, kind: str, standing: Standing, when: datetime, **more: Any) -> None:
        event, self.standing = chain_event(self.lot, standing, EventKind(kind), when, PADDLES, **more)
        self.rows.append(Logged(event.seq, kind, when, event.party_id, event.body))

    def bid(self, bid: Bid) -> Any:
        """The verdict; what is accepted is in the log."""
        verdict = sealed.judge(self.lot, self.standing, bid, admitted=True, ranks={})
        if isinstance(verdict, Accepted):
            assert verdict.detail is not None
            detail = {**verdict.detail, "paddle": PADDLES[bid.party_id]}
            self.write("bid", verdict.standing, bid.stamped_at, party_id=bid.party_id, detail=detail)
        return verdict

    def open_all(self, key: sealing.KeyPair = KEY) -> dict[str, Any]:
        """Time is up and the officers have come: the detail of the opening."""
        when = self.standing.ends_at
        passed = sealed.advance(self.lot, self.standing, when)
        self.write("phase", passed, when)
        done = sealed.unseal(self.lot, self.standing, key, RESERVE_NONCE, PADDLES)
        assert isinstance(done, tuple), done
        self.write("unsealed", done[0], when, detail=done[1])
        return done[1]

    def close(self) -> Standing:
        """The hammer, and its event."""
        closed = sealed.close(self.lot, self.standing, self.standing.ends_at)
        detail = sealed.result(self.lot, closed, PADDLES).detail
        self.write("closed", closed, self.standing.ends_at, detail=detail)
        return self.standing

    def refolded(self) -> Standing:
        """The standing as a node reads it that knew nothing."""
        return sealed.fold(self.lot, replace(self.standing, book=None), self.rows)

    def details(self, kind: str) -> list[dict[str, Any]]:
        """The details of the events of a kind."""
        bodies = [decode_body(row.body) for row in self.rows if row.kind == kind]
        return [body.detail or {} for body in bodies]
