"""Chargebacks as people meet them: who is told, what an operator sees of one, and his answer to the bank with its audit line.

What they move is the escrow's. Knows no page and no wire.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from escrow import claims_store
from escrow.card_facts import CardPurpose
from escrow.facts import Case, Chargeback, ChargebackAnswer, ChargebackState, Refusal
from market import audit, deals_store, notices
from market.currencies import money_text
from market.desk_notices import tell_operators
from migrations.queries import load_queries

if TYPE_CHECKING:
    from escrow.desk import EscrowDesk
    from migrations.database import Connection

MOST_CHARGEBACKS = 500

_queries = load_queries("market", "claims")


class ChargebackRow(Struct, frozen=True, kw_only=True):
    """One chargeback with whom it hits; `answered`: whether the house has written its answer, `told`: the bank has it."""

    id: int
    case_id: int | None
    purpose: CardPurpose
    currency: str
    amount_minor: int
    reason: str
    state: ChargebackState
    opened_at: datetime
    party_id: int
    party_name: str
    from_payable_minor: int
    from_reserve_minor: int
    from_receivable_minor: int
    from_deposit_minor: int
    from_buyer_wallet_minor: int
    from_buyer_change_minor: int
    from_buyer_owed_minor: int
    is_answered: bool
    is_told: bool


class ChargebackView(Struct, frozen=True, kw_only=True):
    """Everything of one chargeback that an operator needs for his answer."""

    chargeback: Chargeback
    party_name: str
    answer: ChargebackAnswer | None
    operator_name: str | None

    @property
    def may_answer(self) -> bool:
        return self.answer is None and self.chargeback.state is ChargebackState.OPEN


async def chargebacks(conn: Connection, state: str | None) -> list[ChargebackRow]:
    """The house's chargebacks, latest first."""
    rows = await conn.fetch(_queries.open_chargebacks, state, MOST_CHARGEBACKS)
    return [msgspec.convert(dict(row), ChargebackRow) for row in rows]


async def chargeback(conn: Connection, chargeback_id: int) -> ChargebackView | None:
    """One chargeback with its answer."""
    found = await claims_store.chargeback_by_id(conn, chargeback_id)
    if found is None:
        return None
    answer = await claims_store.answer_of(conn, chargeback_id)
    return ChargebackView(
        chargeback=found,
        party_name=await deals_store.party_name(conn, found.party_id),
        answer=answer,
        operator_name=await deals_store.party_name(conn, answer.operator_id) if answer else None,
    )


async def answer(
    conn: Connection, desk: EscrowDesk, chargeback_id: int, text: str, operator_id: int, now: datetime
) -> ChargebackAnswer | Refusal:
    """The house's answer. The same text again gives the same answer, and no second line in the trail."""
    before = await claims_store.answer_of(conn, chargeback_id)
    written = await desk.chargebacks.answer(conn, chargeback_id, text, operator_id, now)
    if isinstance(written, ChargebackAnswer) and before is None and written.operator_id == operator_id:
        await audit.record(
            conn, operator_id, "chargeback.answered", f"chargeback:{chargeback_id}", written.text, {}, now
        )
    return written


async def on_chargeback(conn: Connection, case: Case | None, one: Chargeback, now: datetime) -> None:
    """Whoever pays for it is told, and the operators, who can answer the bank."""
    if one.is_transfer:
        if one.state is not ChargebackState.OPEN:
            await _tell_of_reversal(conn, case, one, now)
        return
    told: dict[str, str | int] = {"sum": money_text(one.amount_minor, one.currency), "number": one.id}
    concerned, link = (one.party_id, one.payer_id or 0), f"/operator/chargebacks/{one.id}"
    await tell_operators(conn, concerned, f"desk_chargeback_{one.state}", told, link, now)
    falls = one.state is ChargebackState.OPEN and one.from_deposit_minor > 0  # of that the deposit's own notice tells
    if one.payer_id is not None and one.payer_minor and not falls:
        own = {"sum": money_text(one.payer_minor, one.currency)}
        await notices.notify(conn, [one.payer_id], f"own_chargeback_{one.state}", own, "/wallet#chargebacks", now)
    if case is None:
        return
    deal = await deals_store.deal_of_case(conn, case.id)
    assert deal is not None, "a case that was paid by card has its contract"
    params = {**deal.named, "sum": money_text(one.sale_minor, one.currency)}
    await notices.notify(conn, [case.seller_id], f"chargeback_{one.state}", params, f"/deals/{case.id}", now)


async def _tell_of_reversal(conn: Connection, case: Case | None, one: Chargeback, now: datetime) -> None:
    """A transfer that the bank took back: nothing is to be answered. A deposit that fell by it has its own notice."""
    told: dict[str, str | int] = {"sum": money_text(one.amount_minor, one.currency), "number": one.id}
    concerned = (one.party_id, one.payer_id or 0)
    await tell_operators(conn, concerned, "desk_transfer_reversed", told, f"/operator/chargebacks/{one.id}", now)
    if one.payer_id is not None and one.payer_minor and not one.from_deposit_minor:
        own = {"sum": money_text(one.payer_minor, one.currency)}
        await notices.notify(conn, [one.payer_id], "own_transfer_reversed", own, "/wallet#chargebacks", now)
    if case is not None:
        deal = await deals_store.deal_of_case(conn, case.id)
        assert deal is not None, "a case that was paid has its contract"
        params = {**deal.named, "sum": money_text(one.sale_minor, one.currency)}
        await notices.notify(conn, [case.seller_id], "transfer_reversed", params, f"/deals/{case.id}", now)
