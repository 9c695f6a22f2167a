"""No genuine log is called false: random lots of every rule, played by the house's own pure rules, all verify."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from auction.batch import Room, judge_batch, settle
from auction.chain import Event, EventKind, chain_event, terms_of
from auction.facts import Bid, BuyNowUntil, EnglishRule, GridBase, Line, Logged, Lot, Rule, Standing, StepBand
from auction.formats import english, format_of
from auction.formats.clearing import Marginal, Pricing
from auction.formats.dutch import DutchRule
from auction.formats.english_retraction import Placed, Retracted, retract
from auction.formats.reverse import ReverseRule
from auction.formats.uniform import UniformRule
from auction.merkle import leaf_hash, root_of
from auction.public_log import log_file
from auction.verifier import verify
from tests.auction.reverse_lots import DAYS, SCORE
from tests.fairness.played import SIGNER

START = datetime(2026, 5, 1, 15, tzinfo=UTC)
PARTIES = (11, 12, 13, 14)
PADDLES = {11: 417, 12: 203, 13: 866, 14: 555}


def an_english(dice: random.Random) -> EnglishRule:
    shapes: list[dict[str, Any]] = [
        {"timed_seconds": 60, "extension_seconds": 30},
        {"timed_seconds": 60, "soft_close_seconds": 20},
        {"extension_seconds": 40},
        {"timed_seconds": 60},
    ]
    caps: list[dict[str, Any]] = [{}, {"cap_extensions": 2}, {"cap_at": START + timedelta(seconds=120)}]
    steps = dice.choice(
        [
            (StepBand(increment_minor=10),),
            (StepBand(below_minor=200, increment_minor=10), StepBand(increment_minor=35)),
            (StepBand(below_minor=200, increment_minor=50), StepBand(increment_minor=10)),
        ]
    )
    return EnglishRule(
        start_price_minor=100,
        steps=steps,
        grid_base=dice.choice(list(GridBase)),
        only_timed_bidders=dice.random() < 0.3,
        buy_now_minor=dice.choice([None, None, 900]),
        buy_now_until=dice.choice(list(BuyNowUntil)),
        priority_right=True,
        retraction_seconds=dice.choice([None, 30]),
        **dice.choice(shapes),
        **dice.choice(caps),
    )


def a_rule(form: str, dice: random.Random) -> Rule:
    if form == "english":
        return an_english(dice)
    if form == "dutch":
        fall: dict[str, Any] = dice.choice([{"fall_seconds": 45}, {"interval_seconds": 7}])
        return DutchRule(start_price_minor=1_000, floor_minor=330, step_minor=90, floor_seconds=20, **fall)
    if form == "reverse":
        return ReverseRule(
            start_price_minor=1_000,
            decrement_minor=dice.choice([1, 10]),
            attributes=dice.choice([(), (DAYS,), (DAYS, SCORE)]),
            front_buffer_minor=dice.choice([0, 30]),
            back_buffer_minor=dice.choice([0, 20]),
            timed_seconds=60,
            soft_close_seconds=dice.choice([None, 20]),
            top_count=dice.choice([1, 2]),
            extends_when="rises" if dice.random() < 0.5 else "enters",
            cap_extensions=dice.choice([None, 2]),
        )
    return UniformRule(
        start_price_minor=100,
        quantity=dice.choice([7, 30, 1_000]),
        step_minor=5,
        timed_seconds=60,
        marginal=dice.choice(list(Marginal)),
        pricing=dice.choice(list(Pricing)),
        bids_per_bidder=3,
        allows_all_or_none=True,
    )


class Table:
    """One lot that is played at random, by the functions that the house plays it with."""

    def __init__(self, form: str, seed: str) -> None:
        self.dice = random.Random(seed)
        rule = a_rule(form, self.dice)
        reserve = self.dice.choice([None, None, 150, 420, 5_000])
        if form == "dutch":
            reserve = None
        self.lot = Lot(
            id=7, seller_id=1, currency="CNY", currency_exponent=2, rule=rule, starts_at=START, reserve_minor=reserve
        )
        self.form, self.rows, self.placed, self.taken = form, list[Logged](), list[Placed](), 0
        self.terms = terms_of(self.lot)
        opening = replace(format_of(self.lot).opening(self.lot), head=sha256(self.terms).digest())
        self.room = Room(lot=self.lot, standing=opening, paddles=PADDLES, admitted=set(PARTIES), ranks={14: 1})
        self.log(EventKind.OPENED, opening, START)

    def log(self, kind: EventKind, standing: Standing, at: datetime, lines: tuple[Line, ...] = (), **more: Any) -> None:
        event, self.room.standing = chain_event(self.lot, standing, kind, at, PADDLES, lines=lines, **more)
        self.keep(event)

    def keep(self, event: Event) -> None:
        self.rows.append(Logged(event.seq, event.kind, event.at, event.party_id, event.body))

    def play(self) -> bytes:
        now, rules = START + timedelta(seconds=1), format_of(self.lot)
        for _ in range(25):
            now += timedelta(seconds=self.dice.choice([0.5, 1, 3, 9]))
            if rules.is_due(self.lot, self.room.standing, now):
                break
            if self.dice.random() < 0.2:
                self.act(now)
            else:
                self.bid(now)
        now = max(now, self.room.standing.ends_at) + timedelta(days=1)
        if self.room.standing.paused_at is not None:
            self.change(EventKind.RESUMED, rules.resume(self.lot, self.room.standing, now), now)
            now += timedelta(days=3)
        passed = rules.advance(self.lot, self.room.standing, now)
        if passed is not self.room.standing:
            self.log(EventKind.PHASE, passed, self.room.standing.ends_at)
        closed = rules.close(self.lot, self.room.standing, now)
        assert closed.closed_at is not None
        self.log(EventKind.CLOSED, closed, closed.closed_at, detail=rules.result(self.lot, closed, PADDLES).detail)
        return self.file()

    def bid(self, now: datetime) -> None:
        dice, price = self.dice, self.room.standing.price_minor or 100
        amount, details, maximum = price + dice.randrange(-2, 40) * 5, None, False
        if self.form == "english":
            maximum = dice.random() < 0.5
            if getattr(self.lot.rule, "buy_now_minor", None) and dice.random() < 0.03:
                amount, details, maximum = 900, b'{"buy_now":true}', False
            elif dice.random() < 0.3:
                amount = price
        elif self.form == "dutch":
            amount = dice.randrange(300, 700)
        elif self.form == "reverse":
            amount = dice.randrange(20, 100) * 10
            given = {one.key: str(dice.randrange(60, 100)) for one in self.lot.rule.attributes}
            given |= {"days": str(dice.randrange(7, 60))} if given else {}
            details = json.dumps({"attributes": given}).encode() if given else None
        else:
            amount = 100 + 5 * dice.randrange(8)
            asked: dict[str, Any] = {"quantity": dice.randrange(1, 12), "all_or_none": dice.random() < 0.3}
            if dice.random() < 0.3:
                asked["bid"] = 1
            details = json.dumps(asked).encode()
        bid = Bid(
            lot_id=7,
            party_id=dice.choice(PARTIES),
            client_bid_id=UUID(int=dice.getrandbits(100)),
            amount_minor=amount,
            is_maximum=maximum,
            stamped_at=now,
            details=details,
        )
        judged = judge_batch(self.room, [bid])
        for event in judged.events:
            self.keep(event)
        settle(judged)
        if judged.answers[0].refusal is None:
            is_public = judged.own_events[0] is not None
            self.placed.append(Placed(bid=bid, seq=judged.answers[0].seq, is_public=is_public))

    def change(self, kind: EventKind | None, changed: Any, now: datetime, **more: Any) -> None:
        """An act as the desk logs it: a phase that it found over comes first. Without a kind it shows in nothing else."""
        if not isinstance(changed, Standing):
            return
        before = self.room.standing
        if changed.phase is not before.phase:
            passed = format_of(self.lot).advance(self.lot, before, before.ends_at)
            self.log(EventKind.PHASE, passed, before.ends_at)
            changed = replace(changed, seq=self.room.standing.seq, head=self.room.standing.head)
        if kind is None:
            self.room.standing = changed
        else:
            self.log(kind, changed, now, **more)

    def act(self, now: datetime) -> None:
        rules, standing, lot = format_of(self.lot), self.room.standing, self.lot
        act = self.dice.choice(["pause", "resume", "extend", "credit", "retract", "reserve"])
        if act == "pause":
            self.change(EventKind.PAUSED, rules.pause(lot, standing, now), now)
        elif act == "resume":
            self.change(EventKind.RESUMED, rules.resume(lot, standing, now), now)
        elif act == "extend":
            ends_at = standing.ends_at + timedelta(seconds=11)
            self.change(EventKind.EXTENDED, rules.extend(lot, standing, ends_at, now), now)
        elif act == "credit":
            self.change(EventKind.CREDITED, rules.credit_outage(lot, standing, now - timedelta(seconds=0.4), now), now)
        elif self.form == "english" and act == "retract" and self.placed:
            self.take_back(now)
        elif self.form == "english" and act == "reserve" and lot.reserve_minor is not None:
            lowered = english.lower_reserve(lot, standing, max(100, lot.reserve_minor // 2), now)
            if isinstance(lowered, english.Lowered):
                self.lot = self.room.lot = lowered.lot
                if lowered.lines or lowered.standing.reserve_met != standing.reserve_met:
                    self.change(EventKind.RESERVE, lowered.standing, now, lines=lowered.lines)
                else:
                    self.change(None, lowered.standing, now)

    def take_back(self, now: datetime) -> None:
        one = self.dice.choice(self.placed)
        done = retract(
            self.lot,
            self.room.standing,
            self.placed,
            self.room.ranks,
            party_id=one.bid.party_id,
            client_bid_id=one.bid.client_bid_id,
            retractions_so_far=0,
            now=now,
        )
        if not isinstance(done, Retracted):
            return
        self.placed = [other for other in self.placed if other not in done.taken_back]
        named = done.taken_back[0]
        if not done.shows:
            self.room.standing = done.standing
            return
        self.taken += 1
        detail = {
            "paddle": PADDLES[one.bid.party_id],
            "reason": "wrong_amount",
            "seq": named.seq if named.is_public else None,
        }
        self.log(EventKind.RETRACTED, done.standing, now, detail=detail)
        # A node reads the lot anew after an act of the desk.
        self.room.standing = english.fold(self.lot, self.room.standing, self.rows)

    def file(self) -> bytes:
        standing = self.room.standing
        bodies = [row.body for row in self.rows]
        root = root_of([leaf_hash(body) for body in bodies])
        final = {
            "at": "2026-05-02T00:00:00Z",
            "head": standing.head.hex(),
            "lot": 7,
            "root": root.hex(),
            "seq": standing.seq,
        }
        heads = [json.dumps(SIGNER.sign("head", final), separators=(",", ":"), sort_keys=True)]
        return log_file(7, self.terms, bodies, heads, SIGNER)


@pytest.mark.parametrize("form", ["english", "dutch", "reverse", "uniform"])
def test_every_random_lot_comes_to_what_the_house_says(form: str) -> None:
    sold = bids = taken = 0
    for number in range(300 if form == "english" else 100):
        table = Table(form, f"{form} {number}")
        data, standing = table.play(), table.room.standing
        found = verify(data, SIGNER.public_hex)
        assert (found["outcome"], found["price_minor"]) == (standing.outcome, standing.price_minor), number
        sold, bids, taken = sold + (standing.outcome == "sold"), bids + len(table.placed), taken + table.taken
    assert sold > 20 and bids > (20 if form == "dutch" else 300) and (form != "english" or taken > 20)
