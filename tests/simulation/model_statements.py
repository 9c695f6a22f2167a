"""Each named query of `auction/queries.sql` as the model understands it: what it reads, locks, writes and answers.

This is the one place that follows the statements. Names of columns are taken from the statements themselves, so that a
column more is no change here; a query that is new, or means something else, is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec
from asyncpg.exceptions import CheckViolationError, UniqueViolationError

from auction.store import queries
from tests.simulation.model_tables import (
    HEARTBEAT,
    RowValues,
    Transaction,
    Waiting,
    check_log,
    check_lot_known,
    check_standing_agrees,
    violation,
)

Statement = Callable[..., Waiting]
STANDING_DEFAULTS: RowValues = dict.fromkeys(
    ("price_minor", "leader_id", "leader_maximum_minor", "paused_at", "outcome", "closed_at")
) | {"reserve_met": False, "bid_count": 0, "extension_count": 0, "retraction_count": 0, "price_moves": "up"}


class Row(tuple[Any, ...]):
    """An answer's row, read by place or by name as asyncpg's records are."""

    __slots__ = ()
    names: ClassVar[dict[str, int]] = {}

    def __getitem__(self, key: Any) -> Any:
        return tuple.__getitem__(self, self.names[key] if key.__class__ is str else key)

    def keys(self) -> Iterable[str]:
        return self.names.keys()


def rows_of(*names: str) -> type[Row]:
    """The kind of row that has these columns."""
    return type("Row", (Row,), {"__slots__": (), "names": {name: place for place, name in enumerate(names)}})


def selected(text: str) -> list[str]:
    """The columns that a statement answers with: those between its first select and that one's from."""
    found = re.search(r"\bselect\b(.*?)\bfrom\b", re.sub(r"is (not )?distinct from", "is", text), re.DOTALL)
    assert found is not None
    return [part.split()[-1].rsplit(".", 1)[-1] for part in found[1].split(",")]


def inserted(text: str) -> list[str | None]:
    """The column for each argument of a plain insert; values written into the statement have no argument."""
    found = re.search(r"insert into \S+ \((.*?)\)\s*values \((.*?)\)", text, re.DOTALL)
    assert found is not None
    columns, values = ([part.strip() for part in group.split(",")] for group in found.groups())
    return [column for column, value in zip(columns, values, strict=True) if value.startswith("$")]


def updated(text: str) -> dict[str, int]:
    """Column → place of its argument, of a plain update."""
    return {column: int(place) - 1 for column, place in re.findall(r"(\w+) = \$(\d+)(?=[,\s])", text)}


def unnested(text: str) -> dict[str, list[str]]:
    """The columns of each array of rows that a batch is sent as, by the row's short name."""
    return {name: re.findall(r"\w+", columns) for name, columns in re.findall(r"\) as (\w) \((.*?)\)", text, re.DOTALL)}


BATCH = unnested(queries.commit_batch)
VersionRow = rows_of("lot_id", "version")
PaddleRow, PartyRow, LotIdRow = rows_of("paddle"), rows_of("party_id"), rows_of("lot_id")
BeatRow, TermsRow, NotifyRow = rows_of("beaten_at"), rows_of("terms"), rows_of("pg_notify")
EndRow, EventRow = rows_of("lot_id", "ends_at"), rows_of("seq", "body", "hash")
LogRow = rows_of(*selected(queries.log_until))
PositionRow, BidRow = rows_of(*selected(queries.position)), rows_of(*selected(queries.bids_of))
INSERT_LOT, INSERT_STANDING = inserted(queries.insert_lot), inserted(queries.insert_standing)
APPEND_EVENT, SAVE_STANDING = inserted(queries.append_event), updated(queries.save_standing)


def _row(kind: type[Row], *sources: RowValues) -> Row:
    values = sources[0] if len(sources) == 1 else {name: value for source in sources for name, value in source.items()}
    return kind([values[name] for name in kind.names])


# Opening, admitting, the desk


def insert_lot(tx: Transaction, *args: Any) -> Waiting:
    row = dict(zip(INSERT_LOT, args, strict=True))
    yield from tx.insert(("lot", row["id"]), row, "lot_pk")
    return 1


def insert_standing(tx: Transaction, *args: Any) -> Waiting:
    row = STANDING_DEFAULTS | dict(zip(INSERT_STANDING, args, strict=True))
    yield from tx.insert(("standing", row["lot_id"]), row, "standing_pk")
    check_lot_known(tx, row["lot_id"], "standing_of_a_lot")
    check_standing_agrees(tx, row["lot_id"])
    return 1


def append_event(tx: Transaction, *args: Any) -> Waiting:
    row = dict(zip(APPEND_EVENT, args, strict=True))
    yield from tx.insert(("event", row["lot_id"], row["seq"]), row, "event_pk")
    check_log(tx, [row])
    return 1


def save_standing(tx: Transaction, *args: Any) -> Waiting:
    values = {column: args[place] for column, place in SAVE_STANDING.items()}
    lot_id = values.pop("lot_id")
    standing = tx.get(("standing", lot_id))
    if standing is None or standing["version"] != values["version"] - 1:
        return 0
    yield from tx.lock(("standing", lot_id))
    standing = tx.get(("standing", lot_id))
    if standing is None or standing["version"] != values["version"] - 1:
        return 0
    tx.update_standing(lot_id, values)
    check_standing_agrees(tx, lot_id)
    return 1


def lower_reserve(tx: Transaction, lot_id: int, reserve_minor: int) -> Waiting:
    key = ("lot", lot_id)
    yield from tx.lock(key)
    lot = tx.get(key)
    if lot is None:
        return 0
    if lot["reserve_minor"] is None or reserve_minor >= lot["reserve_minor"]:
        raise violation(CheckViolationError, "lot_fixed_but_a_lower_reserve")
    tx.written[key] = lot | {"reserve_minor": reserve_minor}
    return 1


def insert_admission(tx: Transaction, lot_id: int, party_id: int, paddle: int, admitted_at: datetime) -> Waiting:
    key = ("admission", lot_id, party_id)
    yield from tx.lock(key)
    known = tx.get(key)
    if known is None:
        yield from tx.lock(("paddle", lot_id, paddle))
        check_lot_known(tx, lot_id, "admission_of_a_lot")
        if any(row["paddle"] == paddle for row in tx.of_lot("admission", lot_id)):
            raise violation(UniqueViolationError, "admission_paddle_unique")
        known = {
            "lot_id": lot_id, "party_id": party_id, "paddle": paddle, "admitted_at": admitted_at, "priority_rank": None
        }  # fmt: skip
    tx.written[key] = known | {"removed_at": None}
    return [PaddleRow((known["paddle"],))]


def remove_admission(tx: Transaction, lot_id: int, party_id: int, removed_at: datetime) -> Waiting:
    key = ("admission", lot_id, party_id)
    if tx.get(key) is None:
        return 0  # Nobody waits for a row that another transaction has only begun to insert.
    yield from tx.lock(key)
    row = tx.get(key)
    if row is None or row["removed_at"] is not None:
        return 0
    tx.written[key] = row | {"removed_at": removed_at}
    return 1


def tell_of_admission(tx: Transaction, lot_id: int, party_id: int) -> Waiting:
    tx.told.append(f"admission {lot_id} {party_id}")
    return [NotifyRow(("",))]
    yield


def tell_of_moves(tx: Transaction, lot_ids: list[int], versions: list[int], node: str) -> Waiting:
    tx.told += [f"move {lot_id} {version} {node}" for lot_id, version in zip(lot_ids, versions, strict=True)]
    return [NotifyRow(("",)) for _ in lot_ids]
    yield


def touch_standing(tx: Transaction, lot_id: int) -> Waiting:
    key = ("standing", lot_id)
    if (standing := tx.get(key)) is None or standing["outcome"] is not None:
        return 0
    yield from tx.lock(key)
    standing = tx.get(key)
    if standing is None or standing["outcome"] is not None:
        return 0
    tx.update_standing(lot_id, {"version": standing["version"] + 1})
    return 1


# Reading lots


def lots(tx: Transaction, lot_ids: Sequence[int]) -> Waiting:
    found = []
    for lot_id in lot_ids:
        lot, standing = tx.get(("lot", lot_id)), tx.get(("standing", lot_id))
        if lot is not None and standing is not None:
            found.append(lot | standing)
    return found
    yield


def lock_lots(tx: Transaction, lot_ids: Sequence[int]) -> Waiting:
    """The lot's own row is that of the snapshot, even if the wait for the standing was long."""
    snapshot = {lot_id: tx.get(("lot", lot_id)) for lot_id in sorted(set(lot_ids))}
    found = []
    for lot_id, lot in snapshot.items():
        if lot is not None and tx.get(("standing", lot_id)) is not None:
            yield from tx.lock(("standing", lot_id))
            found.append(lot | (tx.get(("standing", lot_id)) or {}))
    return found


def lock_standings(tx: Transaction, lot_ids: Sequence[int]) -> Waiting:
    found = []
    for lot_id in sorted(set(lot_ids)):
        if tx.get(("standing", lot_id)) is not None:
            yield from tx.lock(("standing", lot_id))
            found.append(_row(VersionRow, tx.get(("standing", lot_id)) or {}))
    return found


def versions(tx: Transaction, lot_ids: Sequence[int]) -> Waiting:
    rows = [tx.get(("standing", lot_id)) for lot_id in lot_ids]
    return [_row(VersionRow, row) for row in rows if row is not None]
    yield


def _admitted(row: RowValues) -> RowValues:
    return {"admitted": row["removed_at"] is None}


def admissions(tx: Transaction, lot_ids: Sequence[int]) -> Waiting:
    rows = [row for lot_id in lot_ids for row in tx.of_lot("admission", lot_id)]
    return [row | {"admitted": row["removed_at"] is None, "sale_id": None} for row in rows]
    yield


def taken_paddles(tx: Transaction, lot_id: int) -> Waiting:
    return [PaddleRow((row["paddle"],)) for row in tx.of_lot("admission", lot_id)]
    yield


def admitted_ids(tx: Transaction, lot_id: int) -> Waiting:
    ids = sorted(row["party_id"] for row in tx.of_lot("admission", lot_id))
    return [PartyRow((party_id,)) for party_id in ids]
    yield


def position(tx: Transaction, lot_id: int, party_id: int) -> Waiting:
    return _position(tx, lot_id, party_id)
    yield


def positions_of(tx: Transaction, party_id: int) -> Waiting:
    lot_ids = sorted(row["lot_id"] for row in tx.all("admission") if row["party_id"] == party_id)
    return [row for lot_id in lot_ids for row in _position(tx, lot_id, party_id)]
    yield


def _position(tx: Transaction, lot_id: int, party_id: int) -> list[Row]:
    row, standing = tx.get(("admission", lot_id, party_id)), tx.get(("standing", lot_id))
    if row is None or standing is None:
        return []
    leading = standing["leader_id"] == party_id
    maximum = standing["leader_maximum_minor"] if leading else None
    return [_row(PositionRow, row, _admitted(row), {"leading": leading, "maximum_minor": maximum})]


def open_ends(tx: Transaction) -> Waiting:
    rows = [row for row in tx.all("standing") if row["outcome"] is None]
    rows = [row for row in rows if row["paused_at"] is None or row["phase"] == "decided"]
    return [_row(EndRow, row) for row in rows if row["phase"] != "opening" or not _holds_bids(tx, row["lot_id"])]
    yield


def _holds_bids(tx: Transaction, lot_id: int) -> bool:
    """Whether anybody's last sealed bid is not a withdrawal."""
    bids = sorted((row for row in tx.of_lot("event", lot_id) if row["kind"] == "bid"), key=lambda row: row["seq"])
    last = {row["party_id"]: msgspec.json.decode(row["body"])["detail"] for row in bids}
    return any("withdraw" not in detail for detail in last.values())


def due_by(tx: Transaction, now: datetime) -> Waiting:
    due = []
    for standing in tx.all("standing"):
        lot = tx.get(("lot", standing["lot_id"]))
        assert lot is not None
        rule = msgspec.json.decode(lot["terms"])["rule"]
        window = rule.get("extension_seconds")
        window = rule.get("soft_close_seconds") if window is None else window
        runs = standing["outcome"] is None and standing["paused_at"] is None
        falls = standing["price_moves"] == "down" and lot["starts_at"] < now
        if runs and (falls or standing["ends_at"] <= now + timedelta(seconds=window or 0)):
            due.append(standing["lot_id"])
    return [LotIdRow((lot_id,)) for lot_id in sorted(due)]
    yield


# The batch


def commit_batch(
    tx: Transaction, lots: Sequence[Sequence[Any]], bids: Sequence[Sequence[Any]], nobodys: Sequence[Sequence[Any]]
) -> Waiting:
    """Snapshot first; then lots that changed wait for their lock and are compared once more; what is held is written."""
    want, sent, phases = _named(lots, "w"), _named(bids, "b"), _named(nobodys, "e")
    fresh = [lot for lot in want if _is_at_version(tx, lot)]
    held = {lot["lot_id"] for lot in fresh if not lot["changed"]}
    moved = []
    for lot in fresh:
        if lot["changed"]:
            yield from tx.lock(("standing", lot["lot_id"]))
            if _is_at_version(tx, lot):
                changes = {name: value for name, value in lot.items() if name != "changed"}
                tx.update_standing(lot["lot_id"], changes | {"version": lot["version"] + 1})
                moved.append(lot["lot_id"])
    held.update(moved)
    events = [event | {"kind": "bid", "at": event["stamped_at"]} for event in sent if event["body"] is not None]
    logged = []
    for event in [*events, *phases]:
        if event["lot_id"] in held:
            row = {name: event[name] for name in APPEND_EVENT if name is not None}
            yield from tx.insert(("event", event["lot_id"], event["seq"]), row, "event_pk")
            logged.append(row)
    for bid in sent:
        if bid["lot_id"] in held:
            row = {name: value for name, value in bid.items() if name not in ("body", "hash")}
            yield from tx.insert(("bid", bid["party_id"], bid["client_bid_id"]), row, "bid_pk")
    check_log(tx, logged)
    for lot_id in moved:
        check_standing_agrees(tx, lot_id)
    return [LotIdRow((lot_id,)) for lot_id in sorted(held)]


def _named(rows: Sequence[Sequence[Any]], name: str) -> list[RowValues]:
    return [dict(zip(BATCH[name], row, strict=True)) for row in rows]


def _is_at_version(tx: Transaction, lot: RowValues) -> bool:
    standing = tx.get(("standing", lot["lot_id"]))
    return standing is not None and standing["version"] == lot["version"]


def first_answers(tx: Transaction, parties: Sequence[int], ids: Sequence[Any]) -> Waiting:
    found = []
    for key in zip(parties, ids, strict=True):
        bid = tx.get(("bid", *key))
        event = None if bid is None else tx.get(("event", bid["lot_id"], bid["seq"]))
        if bid is not None and event is not None:
            answer = {"leading": bid["leads"], "shown_seq": _shown_seq(tx, bid, event)}
            found.append(event | bid | answer)
    return found
    yield


def _shown_seq(tx: Transaction, bid: RowValues, event: RowValues) -> int | None:
    standing = tx.get(("standing", bid["lot_id"])) or {}
    if standing["price_moves"] != "hidden" or event["kind"] in ("closed", "voided"):
        return None
    rows = tx.of_lot("event", bid["lot_id"])
    return sum(row["seq"] <= bid["seq"] and row["kind"] != "bid" for row in rows)


# The log


def terms(tx: Transaction, lot_id: int) -> Waiting:
    lot = tx.get(("lot", lot_id))
    return [] if lot is None else [TermsRow((lot["terms"],))]
    yield


def log_until(tx: Transaction, lot_id: int, seq: int) -> Waiting:
    rows = sorted((row for row in tx.of_lot("event", lot_id) if row["seq"] <= seq), key=lambda row: row["seq"])
    return [_row(LogRow, row) for row in rows]
    yield


def events_after(tx: Transaction, lot_id: int, after: int, limit: int) -> Waiting:
    rows = sorted((row for row in _shown(tx, lot_id) if row["seq"] > after), key=lambda row: row["seq"])
    return [_row(EventRow, row) for row in rows[:limit]]
    yield


def _shown(tx: Transaction, lot_id: int) -> Iterable[RowValues]:
    standing = tx.get(("standing", lot_id))
    if standing is None:
        return []
    is_open = standing["price_moves"] != "hidden" or standing["outcome"] is not None
    return (row for row in tx.of_lot("event", lot_id) if is_open or row["seq"] == 1)


def events_before(tx: Transaction, lot_id: int, before: int, limit: int) -> Waiting:
    rows = sorted((row for row in _shown(tx, lot_id) if row["seq"] < before), key=lambda row: -row["seq"])
    return [_row(EventRow, row) for row in rows[:limit]]
    yield


def bids_of(tx: Transaction, party_id: int, lot_id: int, limit: int) -> Waiting:
    rows = [row for row in tx.all("bid") if row["party_id"] == party_id and row["lot_id"] == lot_id]
    rows.sort(key=lambda row: row["stamped_at"], reverse=True)
    return [_row(BidRow, row, {"leading": row["leads"]}) for row in rows[:limit]]
    yield


# The sign of life


def beat(tx: Transaction, now: datetime, silence: timedelta) -> Waiting:
    row = tx.get(HEARTBEAT) or {}
    if row["beaten_at"] is None or row["beaten_at"] < now - silence:
        return 0
    return (yield from set_heartbeat(tx, now))


def lock_heartbeat(tx: Transaction) -> Waiting:
    yield from tx.lock(HEARTBEAT)
    return [_row(BeatRow, tx.get(HEARTBEAT) or {})]


def set_heartbeat(tx: Transaction, now: datetime) -> Waiting:
    yield from tx.lock(HEARTBEAT)
    beaten_at = (tx.get(HEARTBEAT) or {})["beaten_at"]
    tx.written[HEARTBEAT] = {"beaten_at": now if beaten_at is None else max(beaten_at, now)}
    return 1


READS = (
    lots, versions, admissions, taken_paddles, admitted_ids, position, positions_of, open_ends, due_by, first_answers, terms, log_until, events_after,
    events_before, bids_of,
)  # fmt: skip
WRITES = (
    insert_lot, insert_standing, append_event, save_standing, lower_reserve, insert_admission, remove_admission,
    tell_of_admission, tell_of_moves, touch_standing, lock_lots, lock_standings, commit_batch, beat, lock_heartbeat, set_heartbeat,
)  # fmt: skip
STATEMENTS: dict[str, Statement] = {getattr(queries, statement.__name__): statement for statement in (*READS, *WRITES)}
COMMANDS = {"insert": "INSERT 0", "update": "UPDATE", "select": "SELECT", "with": "SELECT"}
