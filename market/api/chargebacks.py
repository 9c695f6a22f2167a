"""The API's chargebacks: for operators all of them, and the house's answer to the bank."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from escrow.card_facts import CardPurpose
from escrow.chargebacks import LONGEST_ANSWER
from escrow.facts import Chargeback, ChargebackAnswer, ChargebackState
from market import chargeback_desk
from market.api.operations import Call, granted, operation
from market.api.shapes import Currency, MinorOut
from market.chargeback_desk import ChargebackRow, ChargebackView
from market.problems import Problem, ProblemError


class ChargebackQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    state: ChargebackState | None = None


class ChargebackShape(Struct, kw_only=True):
    """A card payment that a payer's bank takes back, and whence the sum was set aside. `purpose` is what it had paid;
    `case_id` the deal that it hits, if it hits one.
    """

    id: int
    case_id: int | None
    purpose: CardPurpose
    currency: Currency
    amount_minor: MinorOut
    reason: str
    state: ChargebackState
    opened_at: datetime
    from_payable_minor: MinorOut
    from_reserve_minor: MinorOut
    from_receivable_minor: MinorOut
    from_deposit_minor: MinorOut
    from_buyer_wallet_minor: MinorOut
    from_buyer_change_minor: MinorOut
    from_buyer_owed_minor: MinorOut


class ChargebackAnswerShape(Struct, kw_only=True):
    """What the house answers. `told_at`: since when the bank has it; `refused_code`: why it takes none."""

    text: str
    operator_id: int
    written_at: datetime
    told_at: datetime | None
    refused_code: str | None


class ChargebackFile(Struct, kw_only=True):
    chargeback: ChargebackShape
    party_name: str
    answer: ChargebackAnswerShape | None


class Chargebacks(Struct, kw_only=True):
    items: list[ChargebackShape]


class AnswerText(Struct, kw_only=True, forbid_unknown_fields=True):
    """What whoever decides at the bank shall read."""

    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_ANSWER)]


@operation("GET", "/chargebacks", tag="operator")
async def chargebacks_list(call: Call, query: ChargebackQuery) -> Chargebacks:
    """Card payments that payers' banks have taken back, latest first."""
    rows = await chargeback_desk.chargebacks(call.conn, query.state)
    return Chargebacks(items=[chargeback_shape(row) for row in rows])


@operation("GET", "/chargebacks/{chargeback_id:int}", tag="operator")
async def chargeback_file(call: Call, chargeback_id: int) -> ChargebackFile:
    """One chargeback, with the house's answer."""
    return await _file(call, chargeback_id)


@operation("POST", "/chargebacks/{chargeback_id:int}/answer", tag="operator")
async def answer_chargeback(call: Call, chargeback_id: int, body: AnswerText) -> ChargebackFile:
    """Answer the bank, once; it is told until it has the answer."""
    granted(
        await chargeback_desk.answer(
            call.conn, call.house.escrow, chargeback_id, body.text.replace("\x00", ""), call.viewer.id, call.now
        )
    )

    async def tell() -> None:
        call.house.card_payments.wake()

    call.afterwards(tell)
    return await _file(call, chargeback_id)


def chargeback_shape(one: Chargeback | ChargebackRow) -> ChargebackShape:
    """A chargeback on the wire."""
    return ChargebackShape(
        id=one.id,
        case_id=one.case_id,
        purpose=one.purpose,
        currency=one.currency,
        amount_minor=str(one.amount_minor),
        reason=one.reason,
        state=one.state,
        opened_at=one.opened_at,
        from_payable_minor=str(one.from_payable_minor),
        from_reserve_minor=str(one.from_reserve_minor),
        from_receivable_minor=str(one.from_receivable_minor),
        from_deposit_minor=str(one.from_deposit_minor),
        from_buyer_wallet_minor=str(one.from_buyer_wallet_minor),
        from_buyer_change_minor=str(one.from_buyer_change_minor),
        from_buyer_owed_minor=str(one.from_buyer_owed_minor),
    )


async def _file(call: Call, chargeback_id: int) -> ChargebackFile:
    view: ChargebackView | None = await chargeback_desk.chargeback(call.conn, chargeback_id)
    if view is None:
        raise ProblemError(Problem.NOT_FOUND)
    return ChargebackFile(
        chargeback=chargeback_shape(view.chargeback),
        party_name=view.party_name,
        answer=None if view.answer is None else _answer(view.answer),
    )


def _answer(one: ChargebackAnswer) -> ChargebackAnswerShape:
    return ChargebackAnswerShape(
        text=one.text,
        operator_id=one.operator_id,
        written_at=one.written_at,
        told_at=one.told_at,
        refused_code=one.refused_code,
    )
