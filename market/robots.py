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
        self._limits = {item.lot: round(item.worth_minor * _random.uniform(0.7, 1.0)) for item in task.lots}
        self._states: dict[int, dict[str, Any]] = {}
        self._paddles: dict[int, int] = {}

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
            for lot in self._limits:
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
        if kind == "subscribed" and message["you"] and message["you"]["paddle"] is not None:
            self._paddles[message["lot"]] = message["you"]["paddle"]

    async def _bid_now_and_then(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = datetime.now(UTC)
            for lot, state in self._states.items():
                if self.may_bid(lot, state, now) and _random.random() < eagerness(state, now):
                    await socket.send(_json(self.offer(lot, state)))

    def may_bid(self, lot: int, state: dict[str, Any], now: datetime) -> bool:
        """Whether a bid is legal now, as far as the state says, and within this robot's limit."""
        if lot not in self._paddles or state["leader"] == self._paddles[lot]:
            return False
        if state["phase"] == "closed" or state["paused_at"] is not None or state["next_minor"] is None:
            return False
        return (
            _time(state["starts_at"]) <= now < _time(state["ends_at"]) and int(state["next_minor"]) <= self._limits[lot]
        )

    def offer(self, lot: int, state: dict[str, Any]) -> dict[str, Any]:
        """Mostly the next legal amount, sometimes a jump, sometimes a maximum some steps up."""
        lowest, step = int(state["next_minor"]), int(state["increment_minor"] or 0)
        steps = _random.choices((0, 1, 2, 4), (70, 15, 10, 5))[0]
        amount = lowest + steps * step
        if amount > self._limits[lot]:
            amount = lowest
        how = "maximum" if steps >= 2 else "amount"
        return {"type": "bid", "id": str(uuid4()), "lot": lot, how: str(amount)}


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
