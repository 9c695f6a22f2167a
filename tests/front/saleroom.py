"""A running house with lots to bid on, and browsers that are signed in: what the browser tests share."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from playwright.async_api import Browser, Page, ViewportSize, WebSocketRoute, expect

from auction import desk
from auction.batch import Answer
from auction.facts import Bid
from market import sign_in_links
from tests.door.house_server import Server
from tests.sell.stall import WHOLE, changed, on_show

HOUR = timedelta(hours=1)
Who = tuple[int | None, str, str, int]
"""Party, language, theme and width."""


@dataclass
class Look:
    """One opened page, and everything its console said."""

    page: Page
    who: Who
    said: list[str] = field(default_factory=list)
    sockets: list[WebSocketRoute] = field(default_factory=list)
    loses: str = ""
    """Messages with this in them are lost on the way, in either direction."""
    may_rest: bool = True
    """Whether its browser may be used again by whoever is the same: not if a test has done something lasting to it."""

    async def rest(self, origin: str) -> None:
        """Nothing of the test stays in the browser: no socket, no timer, no memory of what was set.

        It rests at the house, for an empty page would end the process that knows the house's scripts already.
        """
        for page in self.page.context.pages:
            if page is not self.page:
                await page.close()
        await self.page.goto(f"{origin}/healthz")
        await self.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        self.said.clear()
        self.sockets.clear()
        self.loses = ""

    def is_lost(self, message: str | bytes) -> bool:
        return bool(self.loses) and self.loses in str(message)

    async def lose_connection(self) -> None:
        """Break the newest socket, as a network does."""
        await self.sockets[-1].close(code=1012, reason="")


@dataclass
class Saleroom:
    """A house, a seller, an operator, two bidders."""

    root: ClassVar[Path] = Path(__file__).parents[2]
    server: Server
    browser: Browser
    seller: int
    operator: int
    bidders: list[int]
    looks: list[Look] = field(default_factory=list)
    resting: dict[Who, list[Look]] = field(default_factory=dict)
    """Browsers of tests that are over, by who sat at them: a new browser costs more than a page."""

    @classmethod
    async def opened(cls, server: Server, browser: Browser) -> Saleroom:
        seller, operator = await server.party(), await server.party(operator=True)
        return cls(server, browser, seller, operator, [await server.party(), await server.party()])

    @property
    def now(self) -> datetime:
        return self.server.house.node_time.now()

    async def lot(self, *, timed_seconds: int | None = 7200, admitted: bool = True, **changes: Any) -> int:
        """A lot whose bidding began an hour ago, with both bidders admitted."""
        began = self.now - HOUR
        content = changed(
            WHOLE, **{"timed_seconds": timed_seconds, "reserve_minor": None, "deposit_minor": 0, "starts_at": began, **changes}
        )  # fmt: skip
        house = self.server.house
        async with house.pool.acquire() as conn, conn.transaction():
            listing = await on_show(conn, self.seller, self.operator, content, began - HOUR)
            for party in self.bidders if admitted else ():
                await desk.admit(conn, lot_id=listing.id, party_id=party, now=self.now)
        await house.bidding.refresh(listing.id)
        return listing.id

    async def bid(self, lot_id: int, party_id: int, amount_minor: int, *, maximum: bool = False) -> Answer:
        """Another bidder's bid, without a browser."""
        bid = Bid(
            lot_id=lot_id,
            party_id=party_id,
            client_bid_id=uuid4(),
            amount_minor=amount_minor,
            is_maximum=maximum,
            stamped_at=self.now,
        )
        return await self.server.house.bidding.submit(bid)

    async def look(
        self, path: str, party: int | None = None, lang: str = "en", theme: str = "light", width: int = 1280
    ) -> Look:
        """`path` in a browser of its own, signed in as the party."""
        who: Who = (party, lang, theme, width)
        scheme: Any = theme
        if resting := self.resting.get(who):
            look = resting.pop()
            await look.page.set_viewport_size({"width": width, "height": 800})
            await look.page.emulate_media(color_scheme=scheme, reduced_motion="null")
        else:
            look = await self._sit_down(who)
        self.looks.append(look)
        await look.page.goto(f"{self.server.origin}{path}{'&' if '?' in path else '?'}lang={lang}")
        return look

    async def _sit_down(self, who: Who) -> Look:
        """A new browser, signed in."""
        party, lang, theme, width = who
        size: ViewportSize = {"width": width, "height": 800}
        scheme: Any = theme
        context = await self.browser.new_context(
            viewport=size, color_scheme=scheme, locale="zh-CN" if lang == "zh" else "en-GB", timezone_id="Asia/Shanghai"
        )
        look = Look(await context.new_page(), who)
        look.page.on("console", lambda message: look.said.append(f"{message.text} ({message.location['url']})"))
        look.page.on("pageerror", lambda error: look.said.append(str(error)))

        async def relay(route: WebSocketRoute) -> None:
            look.sockets.append(route)
            server = route.connect_to_server()
            route.on_message(lambda message: None if look.is_lost(message) else server.send(message))
            server.on_message(lambda message: None if look.is_lost(message) else route.send(message))

        await look.page.route_web_socket("**/live", relay)
        if party is not None:
            async with self.server.house.pool.acquire() as conn:
                link = await sign_in_links.create_link(conn, party, self.now)
            assert (await context.request.get(self.server.origin + link)).ok
        return look

    async def get_up(self) -> list[str]:
        """A test is over: its browsers rest. What their consoles said."""
        looks, self.looks = self.looks, []
        said = [message for look in looks for message in look.said]
        for look in looks:
            if look.may_rest:
                await look.rest(self.server.origin)
                self.resting.setdefault(look.who, []).append(look)
            else:
                await look.page.context.close()
        return said

    async def close(self) -> None:
        for look in [*self.looks, *itertools.chain(*self.resting.values())]:
            await look.page.context.close()

    async def live_lot(self, lot_id: int, party: int | None = None, lang: str = "en", **more: Any) -> Look:
        """The lot's page, once it is live."""
        look = await self.look(f"/lots/{lot_id}", party, lang, **more)
        await expect(look.page.locator("lot-connection .live")).to_be_visible()
        return look
