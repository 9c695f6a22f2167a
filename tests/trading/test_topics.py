"""Live topics over real sockets: who may watch, what is heard and when, on one node and on two."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from auction.live import LiveLimits
from auction.topics import TopicHub
from market import live_topics, topic_news
from market.access.rows import Whose
from migrations.database import Role, create_pool
from tests.auction.house import until
from tests.door.test_socket import opened

if TYPE_CHECKING:
    import pytest
    from websockets.asyncio.client import ClientConnection

    from migrations.database import Address
    from tests.door.house_server import Server


async def said(socket: ClientConnection) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 30))
    return answer


async def news(socket: ClientConnection) -> dict[str, Any]:
    """The next news that says something: version 0 (look again) may come whenever the node has begun to listen anew."""
    while (heard := await said(socket)) == {**heard, "type": "news", "version": 0}:
        pass
    return heard


async def watch(socket: ClientConnection, topic: str) -> dict[str, Any]:
    await socket.send(json.dumps({"type": "watch", "topic": topic}))
    while (answer := await said(socket))["type"] == "news":
        pass
    return answer


async def listeners(server: Server) -> set[int]:
    """The connections that listen for topics by now; there is one sooner or later."""
    found: set[int] = set()

    async def somebody_listens() -> bool:
        async with server.house.pool.acquire() as conn:
            rows = await conn.fetch(
                "select pid from pg_stat_activity where query like 'LISTEN%market_topics%' and state = 'idle' "
                "and datname = current_database() and pid <> pg_backend_pid()"
            )
        found.update(row["pid"] for row in rows)
        return bool(found)

    await until(somebody_listens)
    return found


async def announce(server: Server, topic: str, version: int, state: dict[str, Any] | None = None) -> None:
    await listeners(server)
    async with server.house.pool.acquire() as conn, conn.transaction():
        await live_topics.announce(conn, topic, version, state)


async def nobody_watches(server: Server) -> None:
    """Sockets are closed for their clients a moment before the node has forgotten them."""

    async def is_so() -> bool:
        return not server.house.live.topics.watched()

    await until(is_so)


async def test_a_visitor_hears_of_a_public_topic_after_the_commit_and_no_more_once_he_has_turned_away(
    server: Server,
) -> None:
    async with opened(server, {}) as socket, opened(server, {}) as other:
        first = await watch(socket, "market:green_tea")
        assert first["type"] == "watching" and first["version"] > 0
        await watch(other, "market:soybeans")
        async with server.house.pool.acquire() as conn:
            transaction = conn.transaction()
            await transaction.start()
            await live_topics.announce(conn, "market:green_tea", first["version"] + 1)
            await transaction.rollback()
        await announce(server, "market:green_tea", first["version"] + 2, {"open": 3})
        assert await news(socket) == {
            "type": "news",
            "topic": "market:green_tea",
            "version": first["version"] + 2,
            "state": {"open": 3},
        }
        await socket.send(json.dumps({"type": "unwatch", "topic": "market:green_tea"}))
        await watch(socket, "market:rice")
        await announce(server, "market:green_tea", first["version"] + 3)
        await announce(server, "market:rice", first["version"] + 4)
        assert (await news(socket))["topic"] == "market:rice"


async def test_what_is_not_there_and_what_is_anothers_are_answered_alike(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(topic_news.TOPICS, "notice", topic_news.TopicKind(whose=Whose.OWN_NOTICE))
    owner, stranger = await server.party(), await server.party()
    async with server.house.pool.acquire() as conn:
        notice = await conn.fetchval(
            "insert into market.notice (party_id, kind, params, link, created_at) values ($1, 'x', '{}', '/', now()) returning id",
            owner,
        )
    strange = [
        "market:no_such",
        "market:metals",
        "notice:99",
        "notice:0",
        "notice:x",
        "notice:1e3",
        "",
        ":",
        "deal:1",
        "market:" + "a" * 5000,
    ]
    async with (
        opened(server, await server.cookie(owner)) as own,
        opened(server, await server.cookie(stranger)) as other,
    ):
        assert await watch(own, f"notice:{notice}") == {"type": "watching", "topic": f"notice:{notice}", "version": 0}
        for topic in [f"notice:{notice}", *strange]:
            answer = await watch(other, topic)
            assert answer == {"type": "error", "code": "unknown_topic", "topic": topic[:80]}
        async with opened(server, {}) as visitor:
            assert (await watch(visitor, f"notice:{notice}"))["code"] == "unknown_topic"


async def test_who_loses_access_hears_no_more(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(topic_news.TOPICS, "notice", topic_news.TopicKind(whose=Whose.OWN_NOTICE))
    owner, heir = await server.party(), await server.party()
    async with server.house.pool.acquire() as conn:
        notice = await conn.fetchval(
            "insert into market.notice (party_id, kind, params, link, created_at) values ($1, 'x', '{}', '/', now()) returning id",
            owner,
        )
    async with opened(server, await server.cookie(owner)) as socket:
        await watch(socket, f"notice:{notice}")
        async with server.house.pool.acquire() as conn:
            await conn.execute("update market.notice set party_id = $2 where id = $1", notice, heir)
        await server.house.live.recheck(owner)
        assert await news(socket) == {"type": "error", "code": "unknown_topic", "topic": f"notice:{notice}"}
        await nobody_watches(server)


async def test_a_connection_watches_no_more_topics_than_its_bound(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.house.live, "limits", LiveLimits(topics=2))
    async with opened(server, {}) as socket:
        await watch(socket, "market:rice")
        await watch(socket, "market:urea")
        assert (await watch(socket, "market:soybeans"))["code"] == "too_many_topics"
        assert (await watch(socket, "market:rice"))["type"] == "watching"
    await nobody_watches(server)


async def test_another_node_hears_it_too_and_tells_all_to_look_again_when_its_connection_was_lost(
    server: Server, module_database: Address
) -> None:
    class Recorder:
        """The other node's one watcher."""

        def __init__(self) -> None:
            self.topics: set[str] = set()
            self.own: dict[int | str, bytes] = {}
            self.owed: set[int | str] = set()
            self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        @property
        def protocol(self) -> Any:
            return self

        def reply(self, payload: bytes) -> None:
            self.heard.put_nowait(json.loads(payload))

        def show_own(self, topic: str, payload: bytes) -> None:
            self.reply(payload)

    # The house's own is not cut with the other's: what is told while it is away reaches nobody, in no test.
    own = await listeners(server)
    pool = await create_pool(module_database, Role.APP, min_size=1)
    hub, watcher = TopicHub(topic_news.version_by(pool)), Recorder()
    hub.watch(watcher, "market:rice", 7)
    listening = asyncio.create_task(topic_news.TopicNews(pool, hub).run())
    kinds = [await asyncio.wait_for(watcher.heard.get(), 30) for _ in range(2)]
    assert [(each["type"], each["version"]) for each in kinds] == [("watching", 7), ("news", 0)]
    await announce(server, "market:rice", 8)
    assert (await asyncio.wait_for(watcher.heard.get(), 30))["version"] == 8
    async with pool.acquire() as conn:
        await conn.fetch(
            "select pg_terminate_backend(pid) from unnest($1::integer[]) as pid", await listeners(server) - own
        )
    assert (await asyncio.wait_for(watcher.heard.get(), 30))["version"] == 0
    listening.cancel()
    await pool.close()


async def test_news_too_large_for_one_note_goes_out_without_its_state(server: Server) -> None:
    async with opened(server, {}) as socket:
        await watch(socket, "market:rice")
        await announce(server, "market:rice", 2**53 - 1, {"large": "大" * 5000})
        assert await news(socket) == {"type": "news", "topic": "market:rice", "version": 2**53 - 1, "state": None}
