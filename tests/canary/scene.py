"""A real house with its bank, everybody who has to do with it, and a journal of every answer that anybody got."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2

from escrow.facts import Case
from escrow.sandbox_bank import cards as bank_cards
from market import sessions, tokens, wallet_sessions
from migrations.database import Role, create_pool
from migrations.embedded_postgres import EmbeddedPostgres
from tests.canary.numbers import Canary
from tests.deal import traded
from tests.running_house import RunningHouse
from tests.sell import stall

if TYPE_CHECKING:
    from asyncpg import Pool, Record

_OTHER_LANGUAGE = re.compile(rb'href="[^"]*[?;]lang=(?:en|zh)"')
_HANDLE = re.compile(rf"{wallet_sessions.COOKIE}=([^;]*)")


@dataclass
class Journal:
    """Every answer that anybody got, head and body, by whom and from where; and what came of each flow."""

    answers: list[tuple[str, bytes]] = field(default_factory=list)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def keep(self, who: str, answer: httpx2.Response) -> httpx2.Response:
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items()).encode()
        self.answers.append(
            (f"answer to {who}: {answer.url.path} {answer.status_code}", head + b"\n\n" + answer.content)
        )
        return answer

    def count(self, flow: str, outcome: str) -> None:
        self.outcomes[flow, outcome] += 1

    def places(self) -> Iterator[tuple[str, bytes]]:
        """Without the links to the same page in the other language, which lead where their reader already is."""
        for place, data in self.answers:
            yield place, _OTHER_LANGUAGE.sub(b"", data)


class Browser:
    """Somebody signed in, as his browser shows himself to the house."""

    def __init__(self, http: httpx2.AsyncClient, journal: Journal, who: str, party: int, token: str) -> None:
        self.http, self.journal, self.who, self.party = http, journal, who, party
        self._cookies = {sessions.COOKIE: token}

    async def get(self, path: str) -> httpx2.Response:
        return self.journal.keep(self.who, await self.http.get(path, headers=self._headers()))

    async def post(self, path: str, form: dict[str, str]) -> httpx2.Response:
        answer = self.journal.keep(self.who, await self.http.post(path, data=form, headers=self._headers()))
        for given in answer.headers.get_list("set-cookie"):
            if handle := _HANDLE.match(given):
                self._cookies[wallet_sessions.COOKIE] = handle[1]
        return answer

    def _headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        page = {"origin": str(self.http.base_url).rstrip("/"), "sec-fetch-site": "same-origin", "accept": "text/html"}
        return {"cookie": cookies, **page}


class Program:
    """A party's own program, with a token."""

    def __init__(self, http: httpx2.AsyncClient, journal: Journal, who: str, party: int, token: str) -> None:
        self.http, self.journal, self.who, self.party = http, journal, who, party
        self.token = token
        self._calls = 0

    def headers(self, key: str = "") -> dict[str, str]:
        self._calls += 1
        key = key or f"{self.who} {self.party} {self._calls}"
        return {"authorization": f"Bearer {self.token}", "accept": "application/json", "idempotency-key": key}

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> httpx2.Response:
        answer = await self.http.request(method, f"/api/v1{path}", headers=self.headers(key), json=body)
        return self.journal.keep(self.who, answer)


@dataclass
class Scene:
    """The house with its bank, a way into its database, and a seller who sells to everybody."""

    house: RunningHouse
    http: httpx2.AsyncClient
    bank: httpx2.AsyncClient
    pool: Pool[Record]
    journal: Journal
    seller: Browser
    operator: Browser
    program: Program
    """The seller's own."""
    operator_program: Program
    hall: traded.Stage
    """A lot for whose deposits the buyers pay."""
    secret_key: str

    async def issue(self, dealt: list[tuple[Canary, str]]) -> None:
        """The bank knows its cards, that is its part: each card with what the bank knows of it, in one go."""
        pool, now = await create_pool(EmbeddedPostgres(self.house.folder).attach(), Role.BANK, min_size=1), _now()
        async with pool.acquire() as conn, conn.transaction():
            keys = await bank_cards.load_keys(conn, now)
            for card, kind in dealt:
                if kind == "unknown":
                    continue
                new = bank_cards.NewCard(
                    holder=card.holder,
                    expiry=card.expiry,
                    balances=dict.fromkeys(("CNY", "EUR"), 1 if kind == "poor" else 10**10),
                    number=card.number,
                    status="stolen" if kind == "stolen" else "active",
                )
                await bank_cards.issue_card(conn, keys, new, now)
        await pool.close()

    async def deal(self, buyer: int) -> Case:
        """The hammer has fallen for the buyer, and he has to pay."""
        now = _now()
        async with self.pool.acquire() as conn:
            stage = await traded.stage(
                conn, bidders=1, given=[buyer], deposit_minor=0, seller=self.seller.party, now=now, desk=self.hall.desk
            )
            await traded.fall(conn, stage, closed_at=now)
            return await traded.case_of(conn, stage)


@asynccontextmanager
async def scene(house: RunningHouse) -> AsyncIterator[Scene]:
    """House and bank are open."""
    pool = await create_pool(EmbeddedPostgres(house.folder).attach(), Role.APP, min_size=1)
    journal, now = Journal(), _now()
    limits = httpx2.Limits(max_connections=40)
    async with (
        httpx2.AsyncClient(base_url=house.origin, trust_env=False, timeout=120, limits=limits) as http,
        httpx2.AsyncClient(base_url=house.bank, trust_env=False, timeout=60) as bank,
    ):
        async with pool.acquire() as conn:
            seller, operator = await stall.party(conn, now=now), await stall.party(conn, operator=True, now=now)
            faces = {
                who: Browser(http, journal, who, party, await sessions.sign_in(conn, party, now))
                for who, party in (("seller", seller), ("operator", operator))
            }
            programs = {
                who: Program(
                    http, journal, f"{who}'s program", party, await tokens.create_token(conn, party, "books", now)
                )
                for who, party in (("seller", seller), ("operator", operator))
            }
            hall = await traded.stage(conn, bidders=0, deposit_minor=5_000, seller=seller, now=now)
        secret_key = (house.folder / "secrets" / "secret_key").read_text(encoding="utf-8").strip()
        yield Scene(
            house=house,
            http=http,
            bank=bank,
            pool=pool,
            journal=journal,
            seller=faces["seller"],
            operator=faces["operator"],
            program=programs["seller"],
            operator_program=programs["operator"],
            hall=hall,
            secret_key=secret_key,
        )
    await pool.close()


def _now() -> datetime:
    return datetime.now(UTC)
