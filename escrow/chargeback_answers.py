"""Telling the bank what the house answers to chargebacks: each answer a row, told until the bank has it or takes none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from escrow import claims_store
from escrow.gateway.protocol import GatewayError, PaymentGateway

if TYPE_CHECKING:
    from migrations.database import Pool

CLAIM_SECONDS = 60
_LONGEST_WAIT_SECONDS = 300
_LONGEST_ERROR = 300

_log = structlog.get_logger("escrow.cards")


async def tell_due(pool: Pool, gateway: PaymentGateway, now: Callable[[], datetime]) -> datetime | None:
    """Tell every answer that is due, each outside of any transaction; when the next one is. The bank keeps one answer a
    chargeback, so one that is told twice is told once.
    """
    while True:
        async with pool.acquire() as conn:
            due = await claims_store.claim_due_answer(conn, now(), now() + timedelta(seconds=CLAIM_SECONDS))
            if due is None:
                return await claims_store.next_answer_at(conn)
        await _tell(pool, gateway, due, now)


async def _tell(pool: Pool, gateway: PaymentGateway, due: claims_store.DueAnswer, now: Callable[[], datetime]) -> None:
    try:
        heard = await gateway.represent(due.bank_id, due.text)
    except GatewayError as error:
        try_at = now() + timedelta(seconds=min(2 ** min(due.attempts, 10), _LONGEST_WAIT_SECONDS))
        async with pool.acquire() as conn:
            await claims_store.postpone_answer(conn, due.chargeback_id, try_at, str(error)[:_LONGEST_ERROR])
        _log.info("the bank did not take an answer", chargeback=due.chargeback_id, error=str(error), try_at=try_at)
        return
    if not heard.accepted:
        _log.error("the bank refuses an answer", chargeback=due.chargeback_id, code=heard.code)
    async with pool.acquire() as conn:
        if heard.accepted:
            await claims_store.answer_told(conn, due.chargeback_id, now(), None)
        else:
            await claims_store.answer_told(conn, due.chargeback_id, None, heard.code or "refused")
