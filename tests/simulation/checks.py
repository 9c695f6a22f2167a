"""What must be so after every simulated auction, by the numbers of the trust page; each finding names its invariant.

The journal of commits is replayed on the naive rule: every event must be what the rule says of every recorded bid, and
nothing else may have happened. Then what clients and watchers were told is held against what is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from tests.simulation.lots import HIDDEN, naive_of
from tests.simulation.model_database import EPOCH
from tests.simulation.model_tables import HEARTBEAT, Commit, RowValues
from tests.simulation.naive import SILENCE, Asked, NaiveLot
from tests.simulation.naive_formats import NaiveSealed
from tests.simulation.world import Played, World
from tests.torture.history import Answered, Logged, Stated, violations

_decode = msgspec.json.decode
RECALLED = 4
"""A batch of refusals alone is compared with the lot without locking it, so it may be written a little later."""
MOST_FAILED_CLOSINGS = 15
"""For a lot, at all nodes, in a few seconds of trouble; a retry waits a second and longer."""
_moment = datetime.fromisoformat


class Wrong(Exception):
    """Something that must be so is not; the message begins with the number of the invariant."""


def findings(played: Played) -> list[str]:
    """All that is wrong with a played world; empty is good."""
    world = played.world
    found = list(world.failures)
    if (failed := played.said.count("closing_failed")) > MOST_FAILED_CLOSINGS * len(world.lots):
        found.append(f"closings that failed were tried again without a pause: {failed} times")
    try:
        replay(world)
        check_logs(world)
        check_answers(world)
    except (Wrong, AssertionError) as wrong:
        found.append(f"{type(wrong).__name__}: {wrong}")
    return found


# The replay


def replay(world: World) -> None:
    """Play the journal on the naive rule, commit by commit."""
    lots = {lot.id: naive_of(lot, world.sealed) for lot in world.lots}
    recalled: dict[int, list[NaiveLot]] = {lot_id: [] for lot_id in lots}
    beaten_at: datetime | None = None
    for commit in world.server.tables.journal:
        for lot_id, rows in _by_lot(commit).items():
            naive = lots[lot_id]
            if "standing" in rows or "admission" in rows:
                recalled[lot_id] = [naive.copy(), *recalled[lot_id][: RECALLED - 1]]
                _commit_of_lot(world, naive, commit, rows, beaten_at)
            else:
                for bid in rows["bid"]:
                    _check_refused_alone(bid, [naive, *recalled[lot_id]])
        if HEARTBEAT in commit.rows:
            beaten_at = commit.rows[HEARTBEAT]["beaten_at"]
    for lot_id, naive in lots.items():
        if naive.outcome is None:
            raise Wrong(f"10: lot {lot_id} was never closed")


def _by_lot(commit: Commit) -> dict[int, dict[str, list[RowValues]]]:
    found: dict[int, dict[str, list[RowValues]]] = {}
    for key, row in commit.rows.items():
        if key[0] == "bid":
            found.setdefault(row["lot_id"], {}).setdefault("bid", []).append(row)
        elif key is not HEARTBEAT and key[0] != "heartbeat":
            found.setdefault(key[1], {}).setdefault(key[0], []).append(row)
    return found


def _commit_of_lot(
    world: World, naive: NaiveLot, commit: Commit, rows: dict[str, list[RowValues]], beaten_at: datetime | None
) -> None:
    events = iter(sorted(rows.get("event", ()), key=lambda row: row["seq"]))
    for bid in rows.get("bid", ()):
        _bid(naive, bid, events)
    for row in rows.get("admission", ()):
        (naive.admitted.discard if row["removed_at"] is not None else naive.admitted.add)(row["party_id"])
    reserve = rows["lot"][0]["reserve_minor"] if "lot" in rows and naive.seq else None
    for event in events:
        _act(world, naive, commit, event, reserve, rows, beaten_at)
    if reserve is not None and naive.reserve != reserve:
        naive.do_lower_reserve(reserve)
    if "standing" not in rows:
        return  # Somebody was admitted to a lot that is over.
    standing = rows["standing"][-1]
    stored = standing["price_minor"], standing["leader_maximum_minor"], standing["leader_id"]
    _same("3", naive.id, "price, maximum and leader", stored, naive.standing())
    _same("6", naive.id, "end", standing["ends_at"], naive.end)
    _same("8", naive.id, "seq", standing["seq"], naive.seq)


def _same(invariant: str, lot_id: int, what: str, found: object, expected: object) -> None:
    if found != expected:
        raise Wrong(f"{invariant}: lot {lot_id}: {what} is {found}, and by the rule {expected}")


def _asked(bid: RowValues) -> Asked:
    return Asked(bid["party_id"], bid["amount_minor"], bid["is_maximum"], bid["stamped_at"], bid["details"])


def _bid(naive: NaiveLot, bid: RowValues, events: Iterator[RowValues]) -> None:
    """One recorded bid of a batch, judged anew: the answer, and the event if there was to be one."""
    asked = _asked(bid)
    if naive.is_passing(asked.at) and naive.outcome is None:
        _passed(naive, next(events, None))
    refusal, lowest = naive.refusal(asked)
    lot_id = naive.id
    if bid["refusal"] is not None:
        _same("7", lot_id, f"the refusal of {asked}", bid["refusal"], refusal)
        _same("3", lot_id, f"the lowest amount told to {asked}", bid["lowest_minor"], lowest or bid["lowest_minor"])
        _same("7", lot_id, "seq of a refused bid", bid["seq"], naive.seq)
        return
    if refusal == "closed":
        raise Wrong(f"4: lot {lot_id}: {asked} was accepted after the end {naive.end}")
    _same("3", lot_id, f"the refusal of {asked}", None, refusal)
    if naive.do_bid(asked):
        event = next(events, None)
        if event is None:
            raise Wrong(f"1: lot {lot_id}: {asked} was accepted and has no event")
        body = _event(naive, event, "bid")
        _same("6", lot_id, "the event's instant", event["at"], asked.at)
        line, detail = naive.bid_event(asked)
        said = {name: value for name, value in (body.get("detail") or {}).items() if name != "paddle"} or None
        _same("3", lot_id, "last line", int(body["lines"][-1]["amount_minor"]) if body["lines"] else None, line)
        _same("3", lot_id, "what the event says beside", said, detail)
        _same("7", lot_id, "who acted", event["party_id"], asked.party)
    _same("8", lot_id, "seq of an accepted bid", bid["seq"], naive.seq)
    _same("3", lot_id, "whether he leads", bid["leads"], naive.standing()[2] == asked.party)


def _passed(naive: NaiveLot, event: RowValues | None) -> None:
    if event is None:
        raise Wrong(f"6: lot {naive.id}: the end of the timed phase was not written")
    at = naive.do_pass()
    _event(naive, event, "phase")
    _same("28", naive.id, "when the phase passed", event["at"], at)


def _event(naive: NaiveLot, event: RowValues, kind: str) -> dict[str, Any]:
    """The event that must be next, with the whole public standing in it."""
    naive.seq += 1
    lot_id = naive.id
    body: dict[str, Any] = _decode(event["body"])
    _same("7", lot_id, "what happened", (event["kind"], body["kind"]), (kind, kind))
    _same("8", lot_id, "seq", (event["seq"], body["seq"]), (naive.seq, naive.seq))
    _same("3", lot_id, "price", body["price_minor"], None if naive.price is None else str(naive.price))
    _same("6", lot_id, "end", _moment(body["ends_at"]), naive.end)
    shown = (body["bids"], body["extensions"], body["outcome"])
    _same("7", lot_id, "counts", shown, (naive.public_bids, naive.extensions, naive.outcome))
    return body


def _act(
    world: World,
    naive: NaiveLot,
    commit: Commit,
    event: RowValues,
    reserve: int | None,
    rows: dict[str, list[RowValues]],
    beaten_at: datetime | None,
) -> None:
    """An event that is nobody's bid: the clock's or the desk's."""
    kind, at, before = event["kind"], event["at"], naive.end
    match kind:
        case "opened" | "bid":
            if kind == "bid" or naive.seq:
                raise Wrong(f"7: lot {naive.id}: an event of a bid that was not recorded")
        case "phase":
            return _passed(naive, event)
        case "paused":
            naive.paused_at = at
        case "resumed":
            naive.do_resume(at)
        case "extended":
            naive.end = _moment(_decode(event["body"])["ends_at"])
        case "reserve":
            assert reserve is not None
            naive.do_lower_reserve(reserve)
        case "credited":
            assert beaten_at is not None
            given = naive.credit(beaten_at, at)
            if at - beaten_at <= SILENCE or given is None:
                raise Wrong(f"28: lot {naive.id}: time was given back for no outage")
            naive.do_credit(given, at)
        case "unsealed":
            assert isinstance(naive, NaiveSealed)
            naive.do_unseal()
            _same("19", naive.id, "what was opened", *naive.opened(_decode(event["body"])["detail"]))
        case "voided" | "closed":
            _close(world, naive, commit, event, rows)
    _event(naive, event, kind)
    if naive.end < before:
        raise Wrong(f"6: lot {naive.id}: the end moved back from {before} to {naive.end}")
    return None


def _close(world: World, naive: NaiveLot, commit: Commit, event: RowValues, rows: dict[str, list[RowValues]]) -> None:
    """A lot's last word: at its end, not before it, with one sale or one no-sale in the same transaction."""
    if naive.outcome is not None:
        raise Wrong(f"10: lot {naive.id} was closed twice")
    sale = rows.get("sale")
    if sale is None:
        raise Wrong(f"10: lot {naive.id} was closed and nobody was told")
    hammer = sale[0]["hammer"]
    winner = hammer.winner_id, hammer.price_minor
    if event["kind"] == "voided":
        naive.outcome, naive.paused_at = "void", None
        _same("10", naive.id, "a void lot's winner", winner, (None, None))
        return
    if naive.phase != "decided":
        _same("4", naive.id, "closed while paused", naive.paused_at, None)
    _same("28", naive.id, "when it closed", event["at"], naive.end)
    node = next(node for node in world.lives if node.process.name == commit.node)
    latest = EPOCH + timedelta(microseconds=commit.at + node.measured_at + 200_000)
    if not event["at"] <= hammer.struck_at <= latest:
        raise Wrong(f"28: lot {naive.id} with end {naive.end} was closed at {hammer.struck_at}, committed by {latest}")
    _, *expected = naive.do_close()
    _same("10", naive.id, "who won", winner, tuple(expected))
    awards = {award.party_id: (award.quantity, award.total_minor) for award in hammer.awards}
    _same("10", naive.id, "who gets what", awards, naive.awards() if naive.outcome == "sold" else {})
    detail = _decode(event["body"]).get("detail")
    if detail is not None:
        _same("10", naive.id, "the proof of the result", *naive.proof(detail))


def _check_refused_alone(bid: RowValues, states: list[NaiveLot]) -> None:
    """Refused with nothing else in its batch: right in one of the lot's latest states, the one of its seq."""
    asked = _asked(bid)
    if bid["refusal"] is None:
        # A lot that did not change has accepted nothing.
        raise Wrong(f"7: lot {bid['lot_id']}: {asked} was accepted and changed nothing")
    candidates = [state for state in states if state.seq == bid["seq"]]
    if not any(state.rule_broken(asked) == bid["refusal"] for state in candidates):
        said = [state.rule_broken(asked) for state in candidates]
        raise Wrong(f"5: lot {bid['lot_id']}: {asked} was refused as {bid['refusal']}, and by the rule {said}")


# What was told


def check_logs(world: World) -> None:
    """The chain holds from the terms on, and every watcher has the same log."""
    tables = world.server.tables
    for lot in world.lots:
        rows = sorted(tables.of_lot("event", lot.id), key=lambda row: row["seq"])
        head = sha256(tables.rows["lot", lot.id]["terms"]).digest()
        for number, row in enumerate(rows, 1):
            head = sha256(head + row["body"]).digest()
            _same("8", lot.id, "seq", row["seq"], number)
            _same("20", lot.id, f"hash of {number}", row["hash"], head)
        whole = [{"hash": row["hash"].hex(), **_decode(row["body"])} for row in rows]
        for watcher in world.watchers:
            if lot.id in watcher.logs and watcher.logs[lot.id] != whole:
                raise Wrong(f"9: lot {lot.id}: a watcher ends with another log")


def check_answers(world: World) -> None:
    """Every answer that reached anybody is recorded, the same each time, and in the order of the log."""
    rows, told_seqs = world.server.tables.rows, _told_seqs(world)
    first: dict[tuple[int, str], dict[str, Any]] = {}
    for party_id, message in world.told:
        if message.get("code") in ("too_fast", "busy", "id_reused", "unknown_lot", "malformed_amount", "over_cap"):
            continue
        if first.setdefault((party_id, message["id"]), message) != message:
            raise Wrong(f"2: request {message['id']} was answered twice, differently")
    for (party_id, bid_id), message in first.items():
        bid = rows.get(("bid", party_id, UUID(bid_id)))
        if bid is None:
            raise Wrong(f"1: the answer to {bid_id} was never recorded")
        said = message["lot"], message["seq"], message.get("code")
        place = bid["lot_id"], bid["seq"]
        recorded = bid["lot_id"], told_seqs.get(place, bid["seq"]), bid["refusal"]
        _same("1", bid["lot_id"], f"the record of {bid_id}", recorded, said)
    found = violations(_logged(world), list(_answered(world)), list(_stated(world)))
    if found:
        raise Wrong("; ".join(found[:3]))


def _hiding(world: World) -> set[int]:
    return {lot.id for lot in world.lots if isinstance(lot.rule, HIDDEN)}


def _told_seqs(world: World) -> dict[tuple[int, int], int]:
    """Where bids are hidden, whoever bids is told how many events were public, and nothing of the others': of each event
    of such a lot, what its seq is told as.
    """
    told: dict[tuple[int, int], int] = {}
    for lot_id in _hiding(world):
        public = 0
        for row in sorted(world.server.tables.of_lot("event", lot_id), key=lambda row: row["seq"]):
            public += row["kind"] != "bid"
            told[lot_id, row["seq"]] = row["seq"] if row["kind"] in ("closed", "voided") else public
    return told


def _logged(world: World) -> list[Logged]:
    return [
        Logged(row["lot_id"], row["seq"], row["hash"].hex(), row["kind"], _decode(row["body"])["price_minor"])
        for lot in world.lots
        for row in world.server.tables.of_lot("event", lot.id)
    ]


def _answered(world: World) -> Iterator[Answered]:
    """Answers that name the event they are of; where bids are hidden they name none (`_told_seq`)."""
    hiding = _hiding(world)
    for bidder in world.bidders:
        for request in bidder.requests:
            for answer in request.answers if request.lot_id not in hiding else ():
                kept = answer.get("code") not in ("id_reused", "unknown_lot", "malformed_amount", "over_cap")
                if request.answered_at is not None and kept:
                    yield Answered(
                        f"{request.party_id}/{request.bid_id}",
                        request.lot_id,
                        request.sent_at,
                        request.answered_at,
                        answer["type"] == "accepted",
                        answer["seq"],
                        answer.get("hash"),
                        answer.get("price_minor"),
                        request.is_maximum and answer.get("leading", False),
                    )


def _stated(world: World) -> Iterator[Stated]:
    hiding = _hiding(world)
    for watcher in world.watchers:
        for state in watcher.states:
            if state["lot"] in hiding and state["outcome"] is None:
                shown = state["price_minor"], state["leader"], state["bids"], state["head"]
                _same("19", state["lot"], "what a state of hidden bids tells", shown, (None, None, 0, ""))
                continue
            yield Stated(state["lot"], state["seq"], state["head"], state["price_minor"])
