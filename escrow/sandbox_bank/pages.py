"""The bank's doors: a small web page for people, a JSON interface for programs, and the door for payout files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
from msgspec import Struct
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from escrow.sandbox_bank import accounts, payout_files, texts
from escrow.sandbox_bank.accounts import CURRENCIES, BankRefusalError, Order
from escrow.sandbox_bank.answers import HERE, as_json, minor, page, problem
from escrow.sandbox_bank.outbox import Outbox

if TYPE_CHECKING:
    from migrations.database import Pool


class TransferRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /api/transfers; `amount_minor` is a string of decimal digits."""

    currency: str
    amount_minor: str | int
    reference: str = ""
    from_number: str = ""
    from_name: str = ""
    to_number: str = ""


class AccountRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /api/accounts"""

    holder: str
    currency: str
    balance_minor: str | int = 0


class SettingsRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /api/settings"""

    deliver_twice: bool


class Doors:
    """All routes of the bank over one pool and one outbox."""

    def __init__(self, pool: Pool, outbox: Outbox, secret: str) -> None:
        self._pool = pool
        self._outbox = outbox
        self._verifier = Webhook(secret)

    def routes(self) -> list[Route | Mount]:
        return [
            Route("/", self.page_accounts, name="accounts"),
            Route("/accounts/{number}", self.page_account, name="account"),
            Route("/transfers", self.page_transfer, methods=["POST"], name="transfers"),
            Route("/settings", self.page_settings, methods=["POST"], name="settings"),
            Route("/api/accounts", self.api_accounts, methods=["GET", "POST"], name="api_accounts"),
            Route("/api/accounts/{number}/close", self.api_close, methods=["POST"], name="api_close"),
            Route("/api/transfers", self.api_transfers, methods=["POST"], name="api_transfers"),
            Route("/api/settings", self.api_settings, methods=["POST"], name="api_settings"),
            Route("/api/payout-files", self.api_payout_files, methods=["POST"], name="api_payout_files"),
            Route("/healthz", self.healthz, name="healthz"),
            Mount("/static", StaticFiles(directory=HERE / "static"), name="static"),
        ]

    # For people.

    async def page_accounts(self, request: Request) -> Response:
        # A link from the house brings the payment with it, so that nobody has to copy sum and reference.
        names = ("to_number", "currency", "amount", "reference")
        typed = {name: request.query_params[name] for name in names if name in request.query_params}
        return await self._accounts_page(request, typed, done=request.query_params.get("done", ""))

    async def page_account(self, request: Request) -> Response:
        async with self._pool.acquire() as conn:
            account = await accounts.account(conn, request.path_params["number"])
            if account is None:
                raise HTTPException(404)
            movements = await accounts.movements(conn, account.number)
        return page(request, "account.html", account=account, movements=movements)

    async def page_transfer(self, request: Request) -> Response:
        typed = {key: str(value) for key, value in (await request.form()).items()}
        try:
            order = Order(
                currency=typed.get("currency", ""),
                amount_minor=texts.parse_amount(typed.get("amount", ""), typed.get("currency", "")),
                reference=typed.get("reference", "").strip(),
                from_number=typed.get("from_number", ""),
                from_name=typed.get("from_name", "").strip(),
                to_number=typed.get("to_number", "").replace(" ", "").upper(),
                request_key=f"page:{typed['request_key']}" if typed.get("request_key") else None,
            )
            transfer_id = await self._transfer(order)
        except BankRefusalError as refusal:
            return await self._accounts_page(request, typed, refusal=refusal.code, status=422)
        return RedirectResponse(f"/?done={transfer_id}", status_code=303)

    async def page_settings(self, request: Request) -> Response:
        form = await request.form()
        async with self._pool.acquire() as conn:
            await accounts.set_deliver_twice(conn, form.get("deliver_twice") == "1")
        return RedirectResponse("/", status_code=303)

    async def _accounts_page(
        self, request: Request, typed: dict[str, str], *, refusal: str = "", done: str = "", status: int = 200
    ) -> Response:
        async with self._pool.acquire() as conn:
            every = await accounts.accounts(conn)
            undelivered = await accounts.undelivered(conn)
            twice = await accounts.deliver_twice(conn)
        return page(
            request,
            "accounts.html",
            status=status,
            accounts=every,
            undelivered=undelivered,
            deliver_twice=twice,
            form={"currency": "CNY", "from_number": "", **typed},
            refusal=refusal,
            done=done,
            request_key=uuid4().hex,
            currencies=list(CURRENCIES),
        )

    # For programs.

    async def api_accounts(self, request: Request) -> Response:
        now = datetime.now(UTC)
        async with self._pool.acquire() as conn:
            if request.method == "GET":
                return as_json({"accounts": [_account_wire(each) for each in await accounts.accounts(conn)]})
            wanted = msgspec.json.decode(await request.body(), type=AccountRequest)
            balance = minor(wanted.balance_minor)
            opened = await accounts.open_account(conn, wanted.holder, wanted.currency, balance, now)
        return as_json(_account_wire(opened), status=201)

    async def api_close(self, request: Request) -> Response:
        async with self._pool.acquire() as conn:
            await accounts.close_account(conn, request.path_params["number"], datetime.now(UTC))
        return as_json({"closed": request.path_params["number"]})

    async def api_transfers(self, request: Request) -> Response:
        wanted = msgspec.json.decode(await request.body(), type=TransferRequest)
        key = request.headers.get("idempotency-key")
        order = Order(
            currency=wanted.currency,
            amount_minor=minor(wanted.amount_minor),
            reference=wanted.reference,
            from_number=wanted.from_number,
            from_name=wanted.from_name,
            to_number=wanted.to_number,
            request_key=f"api:{key}" if key else None,
        )
        return as_json({"id": await self._transfer(order)}, status=201)

    async def api_settings(self, request: Request) -> Response:
        wanted = msgspec.json.decode(await request.body(), type=SettingsRequest)
        async with self._pool.acquire() as conn:
            await accounts.set_deliver_twice(conn, wanted.deliver_twice)
        return as_json({"deliver_twice": wanted.deliver_twice})

    async def api_payout_files(self, request: Request) -> Response:
        body = await request.body()
        try:
            self._verifier.verify(body, dict(request.headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            return problem(401, "not_signed")
        try:
            async with self._pool.acquire() as conn:
                executed = await payout_files.take(conn, body.decode(), datetime.now(UTC))
        except payout_files.BadFileError as error:
            return problem(422, "malformed", detail=str(error))
        self._outbox.wake()
        return as_json({"executed": executed}, status=202)

    async def healthz(self, request: Request) -> Response:
        async with self._pool.acquire() as conn:
            return as_json({"undelivered": await accounts.undelivered(conn)})

    async def _transfer(self, order: Order) -> str:
        async with self._pool.acquire() as conn:
            transfer_id = await accounts.transfer(conn, order, datetime.now(UTC))
        self._outbox.wake()
        return transfer_id


def _account_wire(account: accounts.Account) -> dict[str, object]:
    return {
        "number": account.number,
        "holder": account.holder,
        "currency": account.currency,
        "balance_minor": str(account.balance_minor),
        "is_centre": account.is_centre,
        "is_closed": account.is_closed,
    }
