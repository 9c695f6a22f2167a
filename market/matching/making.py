"""Making a board, halting it and opening it again: an operator's acts, each with its reason on the audit trail."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from market import audit
from market.matching import desk, store
from market.matching.board_facts import LONGEST_REASON, Board, BoardRefusal, BoardRules, BoardState, sound
from market.matching.board_terms import unsound_board
from market.trading import store as trading_store
from market.trading.facts import LARGEST_NUMBER, LONGEST_TEXT, AttributeType, Category, Kind, Value

if TYPE_CHECKING:
    from migrations.database import Connection


async def open_board(
    conn: Connection, rules: BoardRules, operator_id: int, reason: str, now: datetime
) -> Board | BoardRefusal:
    """A new board, open from now; a call auction clears first when one period is over."""
    if not reason.strip():
        return BoardRefusal.REASON_MISSING
    category = await trading_store.category(conn, rules.category)
    if not sound(rules) or category is None or not _is_of(category, rules):
        return BoardRefusal.RULES_MALFORMED
    if (refusal := unsound_board(rules, category, now)) is not None:
        return refusal
    next_at = None if rules.period_seconds is None else now + timedelta(seconds=rules.period_seconds)
    board_id = await store.insert_board(conn, rules, next_at, operator_id, now)
    detail = msgspec.to_builtins(rules)
    await audit.record(conn, operator_id, "board.made", f"board:{board_id}", reason.strip(), detail, now)
    made = await store.board(conn, board_id)
    assert made is not None
    return made


async def set_state(
    conn: Connection, board_id: int, state: BoardState, operator_id: int, reason: str, now: datetime
) -> Board | BoardRefusal:
    """Halt a board: nothing enters, changes or clears, and orders may leave. Or open it again, with a whole period ahead."""
    board = await store.lock_board(conn, board_id)
    if board is None:
        return BoardRefusal.NO_SUCH_BOARD
    if not reason.strip():
        return BoardRefusal.REASON_MISSING
    if board.state is state:
        return BoardRefusal.BOARD_HALTED if state is BoardState.HALTED else BoardRefusal.BOARD_OPEN
    opens = state is BoardState.OPEN and board.period_seconds is not None
    next_at = now + timedelta(seconds=board.period_seconds or 0) if opens else None
    kept = reason.strip()[:LONGEST_REASON]
    version = await store.set_state(conn, board_id, state, kept, next_at)
    await audit.record(conn, operator_id, f"board.{state.value}", f"board:{board_id}", kept, {}, now)
    await desk.tell(conn, board, version)
    found = await store.board(conn, board_id)
    assert found is not None
    return found


def _is_of(category: Category, rules: BoardRules) -> bool:
    """Whether there are goods of this category, and they are described by attributes that it has."""
    if category.is_group or category.retired_at is not None:
        return False
    return all(_is_value_of(category.attribute(code), value) for code, value in rules.attributes.items())


def _is_value_of(kind: AttributeType | None, value: Value) -> bool:
    """Whether posts of the category can say this of the attribute, so that one can ever equal it."""
    if kind is None:
        return False
    if kind.kind is Kind.FLAG:
        return isinstance(value, bool)
    if kind.kind is Kind.INTEGER:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_NUMBER
    if not isinstance(value, str):
        return False
    if kind.kind is Kind.CHOICE:
        return kind.choice(value) is not None
    return 0 < len(value.strip()) <= LONGEST_TEXT and value.isprintable()
