"""Robot bidders: a process of its own that bids through the real socket, with tokens, like anybody's own program.

Each robot has its own idea of what a lot is worth, stops there, and never hurries. Reads what it needs as one JSON line
on stdin: {"url": "ws://…/live", "tokens": […], "lots": [{"lot": 1, "worth_minor": 1}]}.
"""

from __future__ import annotations

import asyncio
import random
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from market.robot_offers import offer

TICK_SECONDS = 1.0
_random = random.Random()


class RobotLot(Struct, frozen=True):
    lot: int
    worth_minor: int


class Task(Struct, frozen=True):
    url: str
    tokens: list[str]
    lots: list[RobotLot]


async def run(task: Task) -> None:
    """All robots, until the process is told to end."""
    async with asyncio.TaskGroup() as group:
        for token in task.tokens:
            group.create_task(Robot(task, token).live())


class Robot:
    """One bidder: a socket, the last state of each lot, and a private limit for each."""

    def __init__(self, task: Task, token: str) -> None:
        self._task = task
        self._token = token
        self._worth = {item.lot: round(item.worth_minor * _random.uniform(0.7, 1.0)) for item in task.lots}
        self._states: dict[int, dict[str, Any]] = {}
        self._paddles: dict[int, int] = {}
        self._own: dict[int, dict[str, Any] | None] = {}

    async def live(self) -> None:
        """Connect, watch and bid; after a lost connection, again."""
        while True:
            try:
                await self._session()
            except* (OSError, WebSocketException, TimeoutError):
                # The house is closed or restarting; robots have time.
                pass
            await asyncio.sleep(_random.uniform(1, 3))

    async def _session(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        protocols = [Subprotocol("gavelhouse.v1")]
        async with connect(
            self._task.url, additional_headers=headers, subprotocols=protocols, compression=None
        ) as socket:
            for lot in self._worth:
                await socket.send(_json({"type": "subscribe", "lot": lot}))
            async with asyncio.TaskGroup() as group:
                bidding = group.create_task(self._bid_now_and_then(socket))
                try:
                    async for message in socket:
                        self.hear(msgspec.json.decode(message))
                finally:
                    bidding.cancel()

    def hear(self, message: dict[str, Any]) -> None:
        """Take in a message of the server's."""
        kind = message.get("type")
        if kind in ("state", "subscribed"):
            self._states[message["lot"]] = message
        you = message if kind == "you" else message["you"] if kind == "subscribed" else None
        if you and you["paddle"] is not None:
            self._paddles[message["lot"]] = you["paddle"]
            self._own[message["lot"]] = you.get("detail")

    async def _bid_now_and_then(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = datetime.now(UTC)
            for lot, state in self._states.items():
                is_eager = self.may_bid(lot, state, now) and _random.random() < eagerness(state, now)
                if is_eager and (bid := self.bid(lot, state)) is not None:
                    await socket.send(_json(bid))

    def may_bid(self, lot: int, state: dict[str, Any], now: datetime) -> bool:
        """Whether the lot takes bids of this robot now, as far as the state says."""
        if lot not in self._paddles or state["phase"] not in ("timed", "delayed") or state["paused_at"] is not None:
            return False
        return _time(state["starts_at"]) <= now < _time(state["ends_at"])

    def bid(self, lot: int, state: dict[str, Any]) -> dict[str, Any] | None:
        """The message of a bid within this robot's limit; None if it has nothing to say."""
        said = offer(state, self._own.get(lot), self._paddles[lot], self._limit(lot, state))
        return None if said is None else {"type": "bid", "id": str(uuid4()), "lot": lot, **said}

    def _limit(self, lot: int, state: dict[str, Any]) -> int:
        """Whoever sells stops as far above what the thing is worth as whoever buys stops below."""
        if state.get("format") == "reverse":
            return 2 * next(item.worth_minor for item in self._task.lots if item.lot == lot) - self._worth[lot]
        return self._worth[lot]


def eagerness(state: dict[str, Any], now: datetime) -> float:
    """The chance of a bid within the next second: rare in a long phase, lively near its end and in the countdown."""
    left = (_time(state["ends_at"]) - now).total_seconds()
    if state["phase"] == "delayed":
        return 1 / max(15.0, left)
    return 1 / min(400.0, max(25.0, left / 6))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.encode(value).decode()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(run(msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)))
