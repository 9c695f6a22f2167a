"""The auction's tables in memory, with what Postgres promises of them: rows that only a commit shows to others, row locks
that are held until the end of a transaction, unique keys, and the checks and triggers of the migrations.

A statement is a generator: it yields the key it must wait for, and goes on when whoever held it has ended. It raises
asyncpg's own errors. `tests/simulation/test_model.py` holds this model against the real database.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from hashlib import sha256
from typing import Any, NamedTuple

import asyncpg
from asyncpg.exceptions import (
    CheckViolationError,
    DeadlockDetectedError,
    ForeignKeyViolationError,
    UniqueViolationError,
)

Key = tuple[Any, ...]
"""(table, the row's key …); the second part is the lot's id in each table that has one."""
RowValues = dict[str, Any]
Waiting = Generator[Key, None, Any]
BY_LOT = frozenset({"event", "admission"})
HEARTBEAT: Key = ("heartbeat",)


class Commit(NamedTuple):
    """One entry of the journal: when, who, and every row that the transaction wrote, in the order of writing."""

    at: int
    node: str
    rows: dict[Key, RowValues]


class Tables:
    """What is committed, who holds which key, and who waits for it."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self.rows: dict[Key, RowValues] = {HEARTBEAT: {"beaten_at": None}}
        self.by_lot: dict[tuple[str, int], dict[Key, RowValues]] = {}
        self.journal: list[Commit] = []
        self.holders: dict[Key, Transaction] = {}
        self.queues: dict[Key, deque[tuple[Transaction, Callable[[], None]]]] = {}
        self.waits: dict[Transaction, Key] = {}

    def of_lot(self, table: str, lot_id: int) -> Iterable[RowValues]:
        return self.by_lot.get((table, lot_id), {}).values()


class Transaction:
    """One transaction in READ COMMITTED: it sees what is committed, and its own rows."""

    def __init__(self, tables: Tables, node: str) -> None:
        self.tables = tables
        self.node = node
        self.written: dict[Key, RowValues] = {}
        self.held: list[Key] = []
        self.told: list[str] = []
        self.is_failed = False

    # Reading

    def get(self, key: Key) -> RowValues | None:
        row = self.written.get(key) if self.written else None
        return row if row is not None else self.tables.rows.get(key)

    def of_lot(self, table: str, lot_id: int) -> list[RowValues]:
        """A lot's rows of this table, in no order that anybody may rely on."""
        rows = self.tables.by_lot.get((table, lot_id), {})
        if self.written:
            own = {key: row for key, row in self.written.items() if key[0] == table and key[1] == lot_id}
            rows = rows | own
        return list(rows.values())

    def all(self, table: str) -> list[RowValues]:
        found = {key: row for key, row in self.tables.rows.items() if key[0] == table}
        found |= {key: row for key, row in self.written.items() if key[0] == table}
        return list(found.values())

    # Writing

    def lock(self, key: Key) -> Waiting:
        """Hold the key until the transaction ends; yields for as long as another one holds it."""
        holders = self.tables.holders
        while (holder := holders.get(key)) is not None and holder is not self:
            yield key
        if key not in holders:
            holders[key] = self
            self.held.append(key)

    def insert(self, key: Key, row: RowValues, constraint: str) -> Waiting:
        """A new row; waits for whoever is inserting the same key, and raises when it is taken."""
        yield from self.lock(key)
        if self.get(key) is not None:
            raise violation(UniqueViolationError, constraint)
        self.written[key] = row

    def update_standing(self, lot_id: int, changes: RowValues) -> None:
        """A locked standing changes; its check and trigger speak at once."""
        key = ("standing", lot_id)
        old = self.get(key)
        assert old is not None
        new = old | changes
        if (broken := broken_by(old, new)) is not None:
            raise violation(CheckViolationError, broken)
        self.written[key] = new

    # Ending

    def commit(self) -> None:
        """All of it at once, and at once to everybody."""
        tables = self.tables
        if self.written:
            for key, row in self.written.items():
                tables.rows[key] = row
                if key[0] in BY_LOT:
                    tables.by_lot.setdefault((key[0], key[1]), {})[key] = row
            tables.journal.append(Commit(tables.now(), self.node, self.written))
        self._release()

    def roll_back(self) -> None:
        """None of it."""
        self._release()

    def _release(self) -> None:
        self.written, held, self.held = {}, self.held, []
        tables = self.tables
        for key in held:
            del tables.holders[key]
        for key in held:
            for waiter, go_on in tables.queues.pop(key, ()):
                tables.waits.pop(waiter, None)
                go_on()

    def wait(self, key: Key, go_on: Callable[[], None]) -> None:
        """Stand in the queue for a key. Raises DeadlockDetectedError if that would close a ring."""
        tables = self.tables
        holder: Transaction | None = tables.holders[key]
        while holder is not None:
            if holder is self:
                raise DeadlockDetectedError("deadlock detected")
            wanted = tables.waits.get(holder)
            holder = tables.holders.get(wanted) if wanted is not None else None
        tables.waits[self] = key
        tables.queues.setdefault(key, deque()).append((self, go_on))

    def stop_waiting(self) -> None:
        """The client is gone: nobody waits any more."""
        key = self.tables.waits.pop(self, None)
        if key is not None and (queue := self.tables.queues.get(key)) is not None:
            self.tables.queues[key] = deque(entry for entry in queue if entry[0] is not self)


# Checks and triggers of the migrations


def violation(kind: type[asyncpg.PostgresError], constraint: str) -> asyncpg.PostgresError:
    error = kind(f"violates {constraint}")
    error.constraint_name = constraint  # type: ignore[attr-defined]
    return error


def broken_by(old: RowValues, new: RowValues) -> str | None:
    """The rule that a standing's change breaks: the trigger's, then the table's."""
    if old["outcome"] is not None:
        return "standing_closed_is_final"
    if new["version"] != old["version"] + 1:
        return "standing_version_by_one"
    if new["seq"] < old["seq"]:
        return "standing_seq_never_back"
    if new["ends_at"] < old["ends_at"] and (new["phase"] != "decided" or old["phase"] == "decided"):
        return "standing_end_never_back"
    price, former, outcome, moves = new["price_minor"], old["price_minor"], new["outcome"], new["price_moves"]
    may_fall = moves != "up" or new["retraction_count"] != old["retraction_count"]
    if not may_fall and former is not None and (price is None or price < former):
        return "standing_price_never_falls"
    if moves == "down" and former is not None and (price is None or price > former):
        return "standing_price_never_rises"
    if outcome == "sold" and new["leader_id"] is None and (moves != "hidden" or price is None):
        return "standing_sold_to_somebody"
    if moves != "up" and new["leader_maximum_minor"] is not None:
        return "standing_price_and_leader_together"
    shows = (price, new["leader_id"]) != (None, None) or new["bid_count"]
    if moves == "hidden" and outcome is None and shows:
        return "standing_price_and_leader_together"
    if outcome is not None and new["paused_at"] is not None:
        return "standing_closed_is_not_paused"
    if (new["phase"] == "closed") != (outcome is not None) or (outcome is None) != (new["closed_at"] is None):
        return "standing_outcome_iff_closed"
    return None


def check_log(transaction: Transaction, events: list[RowValues]) -> None:
    """Each new event continues the log of its lot, by seq and by hash."""
    for event in sorted(events, key=lambda event: (event["lot_id"], event["seq"])):
        lot_id, seq = event["lot_id"], event["seq"]
        if seq == 1:
            lot = transaction.get(("lot", lot_id))
            former = None if lot is None else sha256(lot["terms"]).digest()
        else:
            before = transaction.get(("event", lot_id, seq - 1))
            former = None if before is None else before["hash"]
        if former is None or event["hash"] != sha256(former + event["body"]).digest():
            raise violation(CheckViolationError, "event_continues_the_log")


def check_standing_agrees(transaction: Transaction, lot_id: int) -> None:
    """The standing's head is the hash of its last event, and its leader has been admitted."""
    standing = transaction.get(("standing", lot_id))
    assert standing is not None
    event = transaction.get(("event", lot_id, standing["seq"]))
    leader = standing["leader_id"]
    unknown = leader is not None and transaction.get(("admission", lot_id, leader)) is None
    if event is None or event["hash"] != standing["head"] or unknown:
        raise violation(CheckViolationError, "standing_agrees_with_log")


def check_lot_known(transaction: Transaction, lot_id: int, constraint: str) -> None:
    if transaction.get(("lot", lot_id)) is None:
        raise violation(ForeignKeyViolationError, constraint)
