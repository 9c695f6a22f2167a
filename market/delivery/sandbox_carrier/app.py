"""The sandbox carrier as a program: signed doors for the house, a page for people, and reports that go out until taken."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jinja2
import msgspec
import structlog
import uvicorn
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from escrow.certificates import trusted
from market.delivery.sandbox_carrier import slip, texts
from market.delivery.sandbox_carrier.book import Book, CannotError, Order, Parcel

HERE = Path(__file__).parent
LARGEST_BODY = 64 * 1024
LONGEST_WAIT_SECONDS = 30.0
LONGEST_SLEEP_SECONDS = 2.0
HEAVIEST_GRAMS = 30_000_000
"""A truckload: the sandbox carrier refuses what is heavier, so that a refusal can be tried."""
_AT_THE_END = ("out_for_delivery", "attempted", "delivered")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_templates = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True)
_log = structlog.get_logger("gavelhouse.carrier")


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierConfig:
    """Where the carrier keeps its book, where it listens, and where the house hears its reports (secret: `whsec_…`)."""

    file: Path
    webhook_url: str
    secret: str
    host: str = "127.0.0.1"
    port: int = 8013


class Doors:
    """All routes of the carrier over one book."""

    def __init__(self, book: Book, secret: str, woken: asyncio.Event) -> None:
        self._book = book
        self._verifier = Webhook(secret)
        self._woken = woken

    def routes(self) -> list[Route | Mount]:
        return [
            Route("/", self.page, name="parcels"),
            Route("/parcels/{booking_id}/{kind}", self.page_move, methods=["POST"], name="move"),
            Route("/api/bookings", self.api_book, methods=["POST"], name="api_book"),
            Route("/api/bookings/{booking_id}/cancellation", self.api_cancel, methods=["POST"], name="api_cancel"),
            Route("/healthz", self.healthz, name="healthz"),
            Mount("/static", StaticFiles(directory=HERE / "static"), name="static"),
        ]

    async def page(self, request: Request) -> Response:
        lang = texts.language(request)

        def t(key: str, **params: object) -> str:
            return texts.text(key, lang, **params)

        html = _templates.get_template("parcels.html").render(
            t=t, lang=lang, parcels=self._book.parcels(), waiting=self._book.waiting()
        )
        return HTMLResponse(html)

    async def page_move(self, request: Request) -> Response:
        kind, booking_id = request.path_params["kind"], request.path_params["booking_id"]
        async with request.form(max_files=0, max_fields=4) as form:
            name = " ".join(str(form.get("received_by", "")).split())[:120]
        now = datetime.now(UTC)
        parcel = self._book.parcel(booking_id)
        told: dict[str, Any] = {"place": "" if parcel is None else _place(parcel, kind)}
        if kind == "delivered":
            who = name or (parcel.order.deliver_to.get("name", "") if parcel else "") or "–"
            told["received_by"] = who
            if parcel is not None:
                told["proof"] = base64.b64encode(slip.signed_slip(parcel, who, now)).decode()
        try:
            self._book.move(booking_id, kind, now, **told)
        except CannotError as error:
            raise HTTPException(409, "the parcel is not where that can be done") from error
        self._woken.set()
        return RedirectResponse("/", 303)

    async def api_book(self, request: Request) -> Response:
        body = await self._signed(request)
        try:
            order = msgspec.json.decode(body, type=Order)
        except msgspec.MsgspecError as error:
            raise HTTPException(400, str(error)) from error
        if order.weight_grams > HEAVIEST_GRAMS:
            return _json({"refused": "more than 30 t"})
        parcel = self._book.take(order, datetime.now(UTC))
        if parcel is None or parcel.state == "cancelled":
            return _json({"refused": "cancelled"})
        return _json({"tracking_number": parcel.tracking_number})

    async def api_cancel(self, request: Request) -> Response:
        await self._signed(request)
        done = self._book.cancel(request.path_params["booking_id"], datetime.now(UTC))
        return _json({} if done else {"refused": "collected"})

    async def healthz(self, request: Request) -> Response:
        return _json({"status": "ok"})

    async def _signed(self, request: Request) -> bytes:
        body = await request.body()
        try:
            self._verifier.verify(body, dict(request.headers), json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            raise HTTPException(401, "not signed by the house") from error
        return body


class Outbox:
    """Reports go to the house until it has taken them, each at least once, those of one parcel in their order."""

    def __init__(self, book: Book, config: CarrierConfig, woken: asyncio.Event) -> None:
        self._book = book
        self._url = config.webhook_url
        self._signer = Webhook(config.secret)
        self._woken = woken

    async def run(self) -> None:
        async with httpx2.AsyncClient(timeout=10.0, verify=trusted(), trust_env=False) as client:
            while True:
                self._woken.clear()
                while await self._deliver_one(client):
                    pass
                with suppress(TimeoutError):
                    async with asyncio.timeout(LONGEST_SLEEP_SECONDS):
                        await self._woken.wait()

    async def _deliver_one(self, client: httpx2.AsyncClient) -> bool:
        now = datetime.now(UTC)
        report = self._book.due_report(now)
        if report is None:
            return False
        headers = {
            "content-type": "application/json",
            "webhook-id": report.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(report.id, now, report.body),
        }
        try:
            answer = await client.post(self._url, content=report.body.encode(), headers=headers)
            taken, said = answer.is_success, str(answer.status_code)
        except httpx2.HTTPError as error:
            taken, said = False, type(error).__name__
        if taken:
            self._book.delivered(report.n, datetime.now(UTC))
        else:
            wait = min(2 ** min(report.attempts, 10) / 4, LONGEST_WAIT_SECONDS)
            self._book.put_off(report.n, datetime.now(UTC).timestamp() + wait)
            _log.warning("the house did not take a report", report=report.id, answer=said)
        return True


@asynccontextmanager
async def running_app(config: CarrierConfig) -> AsyncIterator[Starlette]:
    """The app with its book open and its outbox at work."""
    book, woken = Book(config.file), asyncio.Event()
    working = asyncio.create_task(Outbox(book, config, woken).run(), name="carrier outbox")
    try:
        yield Starlette(
            routes=Doors(book, config.secret, woken).routes(),
            middleware=[Middleware(BaseHTTPMiddleware, dispatch=_guard)],
        )
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        book.close()


async def serve(config: CarrierConfig) -> None:
    """Run the carrier until SIGTERM or SIGINT."""
    async with running_app(config) as app:
        server = uvicorn.Server(
            uvicorn.Config(app, host=config.host, port=config.port, log_level="warning", access_log=False, ws="none")
        )
        await server.serve()


async def _guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Bounded bodies, no requests from other sites' pages, strict headers on every answer."""
    if int(request.headers.get("content-length") or 0) > LARGEST_BODY:
        return Response("too large", 413)
    if request.method == "POST" and not _same_site(request):
        return Response("sent by another site's page", 403)
    response = await call_next(request)
    response.headers.update(_HEADERS)
    chosen = request.query_params.get("lang")
    if chosen in texts.LANGUAGES:
        response.set_cookie(texts.COOKIE, chosen, max_age=31_536_000, httponly=True, samesite="lax")
    return response


def _place(parcel: Parcel, kind: str) -> str:
    """The town where a courier does this, in its own script."""
    start, end = (str(at.get("city", "")) for at in (parcel.order.collect_from, parcel.order.deliver_to))
    return {"collected": start, "in_transit": f"{start} → {end}"}.get(kind, end if kind in _AT_THE_END else "")


def _same_site(request: Request) -> bool:
    """A browser says where a form came from; programs say nothing."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
