"""Canaries through every flow of a real house: put into wallets by browsers' forms, paid with at the cash desk, declined
for every reason, failing, sent to the wrong place by mistake; and everything answered to anybody is kept to be searched.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx2

from escrow import envelopes
from escrow.vault_facts import MOST_CARDS
from escrow.vault_wire import from_base64url
from market import sessions, tokens, wallet_sessions
from migrations.database import Role, create_pool
from migrations.embedded_postgres import EmbeddedPostgres
from tests.canary.numbers import Canary
from tests.deal import traded
from tests.running_house import RunningHouse
from tests.sell import stall

if TYPE_CHECKING:
    from asyncpg import Pool, Record

_KEY = re.compile(r'<vault-form [^>]*key-id="([0-9a-f]+)" point="([A-Za-z0-9_-]+)"')
_CARD = re.compile(r"/wallet/manager/cards/([0-9]+)/remove")
_OTHER_LANGUAGE = re.compile(rb'href="[^"]*[?;]lang=(?:en|zh)"')
_HANDLE = re.compile(rf"{wallet_sessions.COOKIE}=([^;]*)")
KINDS = ("unknown", "poor", "stolen", "poor")
"""How the bank knows the cards of a deal, in turn; the last of each deal is rich, and pays."""
FAULTS = {4: "decline", 5: "partial", 6: "duplicate_answer", 7: "garbage"}
"""What the switch does to which payment of a deal."""


@dataclass
class Journal:
    """Every answer that anybody got, head and body, by whom and from where."""

    answers: list[tuple[str, bytes]] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)

    def keep(self, who: str, answer: httpx2.Response) -> httpx2.Response:
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items()).encode()
        self.answers.append(
            (f"answer to {who}: {answer.url.path} {answer.status_code}", head + b"\n\n" + answer.content)
        )
        return answer

    def count(self, outcome: str) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def places(self) -> Iterator[tuple[str, bytes]]:
        """Without the links to the same page in the other language, which lead where their reader already is."""
        for place, data in self.answers:
            yield place, _OTHER_LANGUAGE.sub(b"", data)


class Browser:
    """Somebody signed in, as his browser shows himself to the house."""

    def __init__(self, http: httpx2.AsyncClient, journal: Journal, who: str, party: int, token: str) -> None:
        self.http, self.journal, self.who, self.party = http, journal, who, party
        self._cookies = {sessions.COOKIE: token}
        self._vault_key: tuple[str, str] | None = None

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

    async def sealed(self, purpose: str, path: str, content: dict[str, str]) -> httpx2.Response:
        """Fill a sealed form of the wallet manager, as its script does."""
        if self._vault_key is None:
            found = _KEY.search((await self.get("/wallet/manager")).text)
            assert found is not None
            self._vault_key = found[1], found[2]
        key_id, point = self._vault_key
        at_ms = int(datetime.now(UTC).timestamp() * 1000)
        line = envelopes.seal_for_vault(key_id, from_base64url(point), purpose, self.party, at_ms, content)
        return await self.post(path, {"sealed": line, "next": "/wallet/manager"})


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
    program: dict[str, str]
    """Headers of the seller's own program."""

    async def browser(self, who: str, party: int) -> Browser:
        async with self.pool.acquire() as conn:
            token = await sessions.sign_in(conn, party, datetime.now(UTC))
        return Browser(self.http, self.journal, who, party, token)

    async def ask_as_program(self, path: str) -> httpx2.Response:
        return self.journal.keep("seller's program", await self.http.get(path, headers=self.program))


@asynccontextmanager
async def scene(house: RunningHouse) -> AsyncIterator[Scene]:
    """House and bank are open."""
    pool = await create_pool(EmbeddedPostgres(house.folder).attach(), Role.APP, min_size=1)
    journal, now = Journal(), datetime.now(UTC)
    limits = httpx2.Limits(max_connections=20)
    async with (
        httpx2.AsyncClient(base_url=house.origin, trust_env=False, timeout=60, limits=limits) as http,
        httpx2.AsyncClient(base_url=house.bank, trust_env=False, timeout=60) as bank,
    ):
        async with pool.acquire() as conn:
            seller, operator = await stall.party(conn, now=now), await stall.party(conn, operator=True, now=now)
            token = await tokens.create_token(conn, seller, "books", now)
            shown = [
                Browser(http, journal, who, party, await sessions.sign_in(conn, party, now))
                for who, party in (("seller", seller), ("operator", operator))
            ]
        yield Scene(house, http, bank, pool, journal, *shown, {"authorization": f"Bearer {token}"})
    await pool.close()


async def buy(scene: Scene, cards: list[Canary], phrase: str, *, looks: bool = True) -> None:
    """One deal: a new buyer opens a wallet, puts all these cards in, and tries them until one pays. With `looks` buyer,
    seller, operator and the seller's program then look at everything.
    """
    assert len(cards) <= MOST_CARDS
    now = datetime.now(UTC)
    async with scene.pool.acquire() as conn:
        stage = await traded.stage(conn, bidders=1, deposit_minor=0, seller=scene.seller.party, now=now)
        await traded.fall(conn, stage, closed_at=now)
        case = await traded.case_of(conn, stage)
    buyer = await scene.browser("buyer", stage.winner)
    opened = await buyer.sealed("open_wallet", "/wallet/manager/open", {"passphrase": phrase})
    assert opened.status_code == 303 and wallet_sessions.COOKIE in opened.headers["set-cookie"], opened.text
    for number, card in enumerate(cards):
        await _issue(scene, card, "rich" if number == len(cards) - 1 else KINDS[number % len(KINDS)])
        await _put_in(buyer, card)
    ids = list(dict.fromkeys(_CARD.findall((await buyer.get("/wallet/manager")).text)))
    assert len(ids) == len(cards)
    for number, card_id in enumerate(ids):
        await _pay(scene, buyer, case.id, card_id, FAULTS.get(number, ""))
    if looks:
        await _everybody_looks(scene, buyer, case.id)
    await buyer.sealed(
        "change_passphrase", "/wallet/manager/passphrase", {"passphrase": phrase, "new_passphrase": phrase[::-1]}
    )
    await buyer.post(f"/wallet/manager/cards/{ids[0]}/remove", {})
    await buyer.post("/wallet/lock", {})


async def _issue(scene: Scene, card: Canary, kind: str) -> None:
    """The bank knows its cards: that is its part."""
    if kind == "unknown":
        return
    balance = str(10**10 if kind == "rich" else 1)
    wanted = {"holder": card.holder, "expiry": card.expiry, "currency": "CNY", "balance_minor": balance}
    issued = await scene.bank.post("/api/cards", json={**wanted, "number": card.number})
    assert issued.is_success, issued.text
    if kind == "stolen":
        await scene.bank.post(f"/api/cards/{issued.json()['id']}/status", json={"status": kind})


async def _put_in(buyer: Browser, card: Canary) -> None:
    year, month = card.expiry.split("-")
    spaced = " ".join(card.number[at : at + 4] for at in range(0, len(card.number), 4))
    content = {"number": spaced, "expiry_month": month, "expiry_year": year, "holder": card.holder, "label": "mine"}
    done = await buyer.sealed("add_card", "/wallet/manager/cards", content)
    assert done.status_code == 303, done.text


async def _pay(scene: Scene, buyer: Browser, case_id: int, card_id: str, fault: str) -> None:
    if fault:
        switched = await scene.bank.post("/api/faults", json={"fault": fault, "times": 1, "applies_to": "authorise"})
        assert switched.is_success, switched.text
    pressed = await buyer.post(f"/deals/{case_id}/checkout", {"means": f"card:{card_id}"})
    to = pressed.headers.get("location", "")
    paid = to.endswith("-receipt")
    if paid or fault:
        await buyer.get(to)
    scene.journal.count("paid" if paid else "declined" if to.endswith("/checkout") else to)


async def _everybody_looks(scene: Scene, buyer: Browser, case_id: int) -> None:
    """At all that is to be seen of the deal, from every side."""
    for browser, paths in (
        (
            buyer,
            (
                "/wallet",
                "/wallet/manager",
                f"/deals/{case_id}",
                f"/deals/{case_id}/receipt",
                "/notices",
                "/wallet/recorder",
                "/wallet/recorder.csv",
            ),
        ),
        (
            scene.seller,
            (f"/deals/{case_id}", f"/deals/{case_id}/receipt", f"/deals/{case_id}/checkout", "/notices", "/wallet"),
        ),
        (scene.operator, (f"/deals/{case_id}", "/operator/money", "/operator", "/metrics")),
    ):
        for path in paths:
            await browser.get(path)
    for path in (f"/api/v1/deals/{case_id}", "/api/v1/deals?role=seller", "/api/v1/wallet", "/api/v1/wallet/statement"):
        await scene.ask_as_program(path)


async def misdirect(scene: Scene, card: Canary) -> None:
    """A number typed where it does not belong: the house must neither keep nor repeat it."""
    buyer = scene.seller
    for path in (
        f"/{card.number}",
        f"/lots?q={card.number}",
        f"/deals/{card.number}",
        f"/wallet/card-payments/{card.number}",
    ):
        await buyer.get(path)
    for path, form in (
        ("/wallet/manager/cards", {"sealed": card.number, "number": card.number}),
        ("/wallet/unlock", {"sealed": f"gv1.{card.number}"}),
        ("/wallet/manager/cards", {"sealed": f"gv1.{'0' * 16}.add_card.1.{card.number}"}),
        (f"/wallet/manager/cards/{card.number}/remove", {}),
        ("/wallet/top-up", {"amount": "12", "currency": "CNY", "into": "wallet", "means": f"card:{card.number}"}),
    ):
        await buyer.post(path, form)
    scene.journal.keep(
        "program",
        await scene.http.post(
            "/api/v1/wallet/withdrawals",
            headers=scene.program,
            json={"amount_minor": card.number, "currency": "CNY", "number": card.number},
        ),
    )
    scene.journal.keep("program", await scene.http.post("/webhooks/bank", content=card.number))


async def play(
    scene: Scene, cards: list[Canary], phrases: list[str], tell: Callable[[str], object] = str, at_once: int = 1
) -> None:
    """All cards, a dozen a deal, so many deals at once."""
    deals = [cards[at : at + MOST_CARDS] for at in range(0, len(cards), MOST_CARDS)]
    rows = list(enumerate(zip(deals, phrases, strict=True)))
    waiting, done = iter(rows), itertools.count(1)

    async def one_after_another() -> None:
        for number, (deal, phrase) in waiting:
            await buy(scene, deal, phrase, looks=number % 5 == 0 or number == len(deals) - 1)
            tell(f"{next(done)} of {len(deals)} deals")

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one_after_another())
