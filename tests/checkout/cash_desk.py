"""What the cash desk's tests share: deals that wait for payment, browsers that are signed in, wallets with cards."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx2
from playwright.async_api import Browser, Page, expect

from escrow.envelopes import seal_for_vault
from escrow.facts import Case
from escrow.vault_wire import from_base64url
from market import applications, parties, sign_in_links, tokens
from market.application_facts import Application
from market.catalogue import Catalogue
from tests.deal.traded import case_of, fall, house_desk, stage
from tests.running_house import RunningHouse
from tests.sell.stall import party
from tests.wallet.test_cheques import given

if TYPE_CHECKING:
    from typing import Any

    from migrations.database import Pool

PASSPHRASE = "nine grey herons wading"
GOOD, SECOND, POOR = "4111111111111111", "4242424242424242", "4000000000009995"
"""Test cards of the sandbox bank: two that pay, one that has nothing."""
TEXTS = Catalogue.load()
expect.set_options(timeout=15_000)


@dataclass(frozen=True)
class Words:
    """What somebody reads whose language this is."""

    lang: str

    def __call__(self, key: str, **params: object) -> str:
        return TEXTS.text(key, self.lang, **params)


@dataclass
class Program:
    """A party's program with a token of its own."""

    client: httpx2.AsyncClient
    party: int
    headers: dict[str, str]
    handle: str = ""
    count: int = 0

    async def ask(self, method: str, path: str, **body: Any) -> httpx2.Response:
        self.count += 1
        headers = {**self.headers, "idempotency-key": f"{self.party}-{self.count}"}
        json = body or ({} if method != "GET" else None)
        return await self.client.request(method, f"/api/v1{path}", headers=headers, json=json)

    async def ok(self, method: str, path: str, **body: Any) -> Any:
        answer = await self.ask(method, path, **body)
        assert answer.is_success, answer.text
        return answer.json()

    async def seal(self, purpose: str, **content: str) -> str:
        """What the browser does, done by a program."""
        key = await self.ok("GET", "/wallet/vault")
        return seal_for_vault(key["key_id"], from_base64url(key["point"]), purpose, self.party, key["at_ms"], content)

    async def open_wallet(self, *numbers: str) -> list[int]:
        """A wallet with these cards; their ids."""
        sealed = await self.seal("open_wallet", passphrase=PASSPHRASE)
        self.handle = (await self.ok("POST", "/wallet/vault", sealed=sealed))["handle"]
        return [await self.add_card(number) for number in numbers]

    async def add_card(self, number: str, label: str = "") -> int:
        said = {"number": number, "expiry_month": "12", "expiry_year": "2031", "holder": "LI WEI", "label": label}
        sealed = await self.seal("add_card", **{name: value for name, value in said.items() if value})
        card = await self.ok("POST", "/wallet/cards", handle=self.handle, sealed=sealed)
        assert card["last4"] == number[-4:] and number not in str(card)
        return int(card["id"])


@dataclass
class CashDesk:
    """One house; everything made here is of this test alone."""

    house: RunningHouse
    browser: Browser
    pool: Pool
    said: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    clients: list[httpx2.AsyncClient] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """By a host name: passkeys know no addresses."""
        return f"http://localhost:{self.house.port}"

    async def deal(self, **content: Any) -> Case:
        """A deal that waits for its payment."""
        now = datetime.now(UTC)
        desk = house_desk()
        async with self.pool.acquire() as conn:
            on = await stage(conn, desk=desk, bidders=2, now=now, **content)
            await fall(conn, on, closed_at=now)
            return await case_of(conn, on)

    async def deposit(self) -> tuple[int, int]:
        """A deposit that is asked for, and whose it is."""
        now, desk = datetime.now(UTC), house_desk()
        async with self.pool.acquire() as conn:
            on = await stage(conn, desk=desk, bidders=1, now=now)
            bidder = await party(conn, now=now)
            applied = await applications.apply(conn, lot_id=on.lot_id, party_id=bidder, now=now)
            assert isinstance(applied, Application), applied
            confirmed = await applications.confirm(
                conn, desk, application_id=applied.id, operator_id=on.operator, now=now
            )
        assert isinstance(confirmed, Application) and confirmed.deposit_id is not None
        return confirmed.deposit_id, bidder

    async def rich(self, party: int, amount_minor: int) -> None:
        async with self.pool.acquire() as conn:
            await given(conn, party, amount_minor)

    async def email(self, party: int) -> str:
        async with self.pool.acquire() as conn:
            found = await parties.party_by_id(conn, party)
        assert found is not None
        return found.email

    async def program(self, party: int) -> Program:
        async with self.pool.acquire() as conn:
            token = await tokens.create_token(conn, party, "test", datetime.now(UTC))
        client = httpx2.AsyncClient(base_url=self.origin, trust_env=False, timeout=30)
        self.clients.append(client)
        return Program(client, party, {"authorization": f"Bearer {token}"})

    async def page(self, party: int, lang: str, width: int = 1280) -> Page:
        """A browser of the party's, signed in."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": 900},
            locale="zh-CN" if lang == "zh" else "en-GB",
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
        )
        page = await context.new_page()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        self.pages.append(page)
        async with self.pool.acquire() as conn:
            link = await sign_in_links.create_link(conn, party, datetime.now(UTC))
        await page.goto(f"{self.origin}{link}")
        await page.goto(f"{self.origin}/wallet?lang={lang}")
        return page

    async def close(self) -> None:
        for page in self.pages:
            await page.context.close()
        for client in self.clients:
            await client.aclose()
