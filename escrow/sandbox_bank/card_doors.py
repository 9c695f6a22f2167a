"""The bank's doors for cards: the public key, cards, payments, faults, chargebacks, settlement files and statements."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from standardwebhooks import Webhook
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow.sandbox_bank import card_settlements, cards, chargebacks, faults, statements, texts
from escrow.sandbox_bank.accounts import CURRENCIES, BankRefusalError
from escrow.sandbox_bank.answers import as_json, minor, page, problem
from escrow.sandbox_bank.cards import BankKeys, Card, NewCard
from escrow.sandbox_bank.faults import APPLIES_TO, FaultKind
from escrow.sandbox_bank.outbox import Outbox
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Pool

_queries = load_queries("escrow.sandbox_bank", "cards")
SHOWN_PAYMENTS = 50


class CardRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /api/cards; without `number` the bank makes one up. `limit_minor` is for one payment."""

    holder: str
    expiry: str
    currency: str
    balance_minor: str | int
    limit_minor: str | int | None = None
    number: str = ""


class StatusRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /api/cards/ID/status: active, lost, stolen or blocked"""

    status: str


class FaultRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /api/faults: the next `times` messages go wrong so."""

    fault: str
    times: int = 1
    applies_to: str = "any"
    code: str | None = None
    delay_ms: int | None = None


class ChargebackRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /api/chargebacks; without `amount_minor` over all that is left of the payment."""

    payment_id: str
    reason: str
    amount_minor: str | int | None = None


class RepresentRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /api/chargebacks/ID/represent"""

    text: str


class DecideRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /api/chargebacks/ID/decide: won by the house, or by the customer"""

    won: bool


class CardDoors:
    """The card side's routes."""

    def __init__(self, pool: Pool, outbox: Outbox, keys: BankKeys, secret: str) -> None:
        self._pool = pool
        self._outbox = outbox
        self._keys = keys
        self._signer = Webhook(secret)

    def routes(self) -> list[Route]:
        post = ["POST"]
        return [
            Route("/cards", self.page_cards, name="cards"),
            Route("/cards/new", self.page_issue, methods=post),
            Route("/cards/faults", self.page_fault, methods=post),
            Route("/cards/faults/off", self.page_faults_off, methods=post),
            Route("/cards/settle", self.page_settle, methods=post),
            Route("/cards/payments/{id}/dispute", self.page_dispute, methods=post),
            Route("/cards/chargebacks/{id}/decide", self.page_decide, methods=post),
            Route("/cards/{id:int}/status", self.page_status, methods=post),
            Route("/api/card-key", self.api_key),
            Route("/api/cards", self.api_cards, methods=["GET", "POST"]),
            Route("/api/cards/{id:int}/status", self.api_status, methods=post),
            Route("/api/card-payments", self.api_payments),
            Route("/api/faults", self.api_faults, methods=["GET", "POST", "DELETE"]),
            Route("/api/chargebacks", self.api_dispute, methods=post),
            Route("/api/chargebacks/{id}/represent", self.api_represent, methods=post),
            Route("/api/chargebacks/{id}/decide", self.api_decide, methods=post),
            Route("/api/settlements", self.api_settlements, methods=["GET", "POST"]),
            Route("/api/settlements/{name}", self.api_settlement),
            Route("/api/statements/{day}", self.api_statement),
        ]

    # For people.

    async def page_cards(self, request: Request) -> Response:
        return await self._cards_page(request)

    async def page_issue(self, request: Request) -> Response:
        typed = {key: str(value) for key, value in (await request.form()).items()}
        currency = typed.get("currency", "")
        try:
            amount = typed.get("amount", "")
            new = NewCard(
                holder=typed.get("holder", ""),
                expiry=typed.get("expiry", ""),
                balances={currency: texts.parse_amount(amount, currency) if amount.strip("0. ") else 0},
                number=typed.get("number", ""),
            )
            async with self._pool.acquire() as conn:
                _, number = await cards.issue_card(conn, self._keys, new, _now())
        except BankRefusalError as refusal:
            return await self._cards_page(request, typed, refusal=refusal.code, status=422)
        return await self._cards_page(request, issued=number)

    async def page_status(self, request: Request) -> Response:
        form = await request.form()
        return await self._acted(request, self._status(request.path_params["id"], str(form.get("status", ""))))

    async def page_fault(self, request: Request) -> Response:
        form = {key: str(value) for key, value in (await request.form()).items()}
        times, code = form.get("times", ""), form.get("code", "").strip().upper()
        wanted = FaultRequest(
            fault=form.get("fault", ""),
            times=int(times) if times.isascii() and times.isdecimal() and len(times) < 7 else 0,
            applies_to=form.get("applies_to", "any"),
            code=code or None,
        )
        return await self._acted(request, self._fault(wanted))

    async def page_faults_off(self, request: Request) -> Response:
        async with self._pool.acquire() as conn:
            await faults.switch_all_off(conn)
        return RedirectResponse("/cards#faults", status_code=303)

    async def page_settle(self, request: Request) -> Response:
        return await self._acted(request, self._settle())

    async def page_dispute(self, request: Request) -> Response:
        form = await request.form()
        wanted = ChargebackRequest(payment_id=request.path_params["id"], reason=str(form.get("reason", "")))
        return await self._acted(request, self._dispute(wanted))

    async def page_decide(self, request: Request) -> Response:
        form = await request.form()
        return await self._acted(request, self._decide(request.path_params["id"], form.get("won") == "1"))

    async def _acted(self, request: Request, act: Any) -> Response:
        """Back to the page, or the page with the refusal."""
        try:
            await act
        except BankRefusalError as refusal:
            return await self._cards_page(request, refusal=refusal.code, status=422)
        return RedirectResponse("/cards", status_code=303)

    async def _cards_page(
        self,
        request: Request,
        typed: dict[str, str] | None = None,
        *,
        refusal: str = "",
        issued: str = "",
        status: int = 200,
    ) -> Response:
        async with self._pool.acquire() as conn:
            every = await cards.cards(conn)
            payments = await conn.fetch(_queries.payments, SHOWN_PAYMENTS)
            pending = await faults.pending(conn)
            files = await card_settlements.latest(conn)
            known = [(await cards.card_by_number(conn, self._keys, test.number), test) for test in cards.TEST_CARDS]
        return page(
            request,
            "cards.html",
            status=status,
            cards=every,
            test_cards={card.id: test for card, test in known if card is not None},
            payments=payments,
            pending=pending,
            files=files,
            fault_kinds=list(FaultKind),
            applies_to=APPLIES_TO,
            reasons=chargebacks.REASONS,
            statuses=cards.STATUSES,
            currencies=list(CURRENCIES),
            form={"currency": "CNY", "expiry": f"{_now().year + 4}-12", **(typed or {})},
            refusal=refusal,
            issued=issued,
        )

    # For programs.

    async def api_key(self, request: Request) -> Response:
        """What payment halves are sealed to."""
        key = self._keys.newest
        return as_json({"key_id": key.key_id, "point": urlsafe_b64encode(key.point).rstrip(b"=").decode()})

    async def api_cards(self, request: Request) -> Response:
        async with self._pool.acquire() as conn:
            if request.method == "GET":
                return as_json({"cards": [_card_wire(card, balances) for card, balances in await cards.cards(conn)]})
            wanted = msgspec.json.decode(await request.body(), type=CardRequest)
            new = NewCard(
                holder=wanted.holder,
                expiry=wanted.expiry,
                balances={wanted.currency: minor(wanted.balance_minor)},
                limit_minor=None if wanted.limit_minor is None else minor(wanted.limit_minor),
                number=wanted.number,
            )
            card, number = await cards.issue_card(conn, self._keys, new, _now())
        return as_json({**_card_wire(card, []), "number": number}, status=201)

    async def api_status(self, request: Request) -> Response:
        wanted = msgspec.json.decode(await request.body(), type=StatusRequest)
        await self._status(request.path_params["id"], wanted.status)
        return as_json({"status": wanted.status})

    async def api_payments(self, request: Request) -> Response:
        """The latest payments, what was captured of each currency, and faults in the cards' book (none)."""
        async with self._pool.acquire() as conn:
            rows = await conn.fetch(_queries.payments, 200)
            sums = await conn.fetch(_queries.captured_sums)
            wrong = await conn.fetch(_queries.card_faults)
        return as_json(
            {
                "payments": [_payment_wire(dict(row)) for row in rows],
                "captured": {row["currency"]: str(row["sum_minor"]) for row in sums},
                "captured_payments": sum(row["payments"] for row in sums),
                "faults": [row["fault"] for row in wrong],
            }
        )

    async def api_faults(self, request: Request) -> Response:
        async with self._pool.acquire() as conn:
            if request.method == "DELETE":
                await faults.switch_all_off(conn)
        if request.method == "POST":
            await self._fault(msgspec.json.decode(await request.body(), type=FaultRequest))
        async with self._pool.acquire() as conn:
            return as_json({"faults": msgspec.to_builtins(await faults.pending(conn))})

    async def api_dispute(self, request: Request) -> Response:
        wanted = msgspec.json.decode(await request.body(), type=ChargebackRequest)
        return as_json({"id": await self._dispute(wanted)}, status=201)

    async def api_represent(self, request: Request) -> Response:
        wanted = msgspec.json.decode(await request.body(), type=RepresentRequest)
        async with self._pool.acquire() as conn:
            await chargebacks.represent(conn, request.path_params["id"], wanted.text, _now())
        return as_json({"represented": request.path_params["id"]})

    async def api_decide(self, request: Request) -> Response:
        wanted = msgspec.json.decode(await request.body(), type=DecideRequest)
        await self._decide(request.path_params["id"], wanted.won)
        return as_json({"won": wanted.won})

    async def api_settlements(self, request: Request) -> Response:
        """The files after one (`after`), oldest first; POST closes the day so far."""
        if request.method == "POST":
            return as_json({"id": await self._settle()}, status=201)
        async with self._pool.acquire() as conn:
            await card_settlements.cut_past_days(conn, _now())
            files = await card_settlements.files_after(conn, request.query_params.get("after") or None)
        return as_json({"files": msgspec.to_builtins(files)})

    async def api_settlement(self, request: Request) -> Response:
        """One file, signed as the bank's notices are."""
        async with self._pool.acquire() as conn:
            found = await card_settlements.file_body(conn, request.path_params["name"])
        if found is None:
            return problem(404, "unknown_file")
        file_id, body = found
        at = _now()
        headers = {
            "webhook-id": file_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._signer.sign(file_id, at, body),
        }
        return Response(body, media_type="text/csv; charset=utf-8", headers=headers)

    async def api_statement(self, request: Request) -> Response:
        try:
            day = date.fromisoformat(request.path_params["day"])
        except ValueError:
            return problem(404, "no_such_day")
        try:
            async with self._pool.acquire() as conn:
                body = await statements.statement(conn, day, request.query_params.get("currency", ""), _now())
        except BankRefusalError as error:
            return problem(404, error.code)
        return Response(body, media_type="application/xml; charset=utf-8")

    async def _status(self, card_id: int, status: str) -> None:
        async with self._pool.acquire() as conn:
            await cards.set_status(conn, card_id, status)

    async def _fault(self, wanted: FaultRequest) -> None:
        async with self._pool.acquire() as conn:
            await faults.switch_on(
                conn,
                wanted.fault,
                wanted.times,
                _now(),
                applies_to=wanted.applies_to,
                code=wanted.code,
                delay_ms=wanted.delay_ms,
            )

    async def _settle(self) -> str | None:
        async with self._pool.acquire() as conn:
            await card_settlements.cut_past_days(conn, _now())
            return await card_settlements.cut(conn, _now().date(), _now())

    async def _dispute(self, wanted: ChargebackRequest) -> str:
        amount = None if wanted.amount_minor is None else minor(wanted.amount_minor)
        async with self._pool.acquire() as conn:
            chargeback_id = await chargebacks.dispute(conn, wanted.payment_id, amount, wanted.reason, _now())
        self._outbox.wake()
        return chargeback_id

    async def _decide(self, chargeback_id: str, won: bool) -> None:
        async with self._pool.acquire() as conn:
            await chargebacks.decide(conn, chargeback_id, won, _now())
        self._outbox.wake()


def _now() -> datetime:
    return datetime.now(UTC)


def _card_wire(card: Card, balances: list[cards.Balance]) -> dict[str, object]:
    return {
        "id": card.id,
        "last4": card.last4,
        "brand": card.brand,
        "holder": card.holder,
        "expiry": card.expiry,
        "status": card.status,
        "limit_minor": None if card.limit_minor is None else str(card.limit_minor),
        "balances": {each.currency: str(each.available_minor) for each in balances},
    }


def _payment_wire(row: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if name.endswith("_minor") and value is not None else value for name, value in row.items()}
