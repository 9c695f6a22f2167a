"""What the house tells a party, in the party's language, and to nobody else."""

from __future__ import annotations

from datetime import UTC, datetime

from market import notices
from market.pages.notices import worded
from tests.door.house_server import Server

DUE = {"title_en": "Tea bowl", "title_zh": "茶碗", "lot": 7, "sum": "€120.00", "due": "2026-05-01T10:00:00Z"}


async def told(server: Server, party: int, link: str = "/help") -> None:
    async with server.house.pool.acquire() as conn:
        await notices.notify(conn, [party], "lot_won", DUE, link, server.house.node_time.now())


async def test_a_notice_reads_in_the_language_of_the_page(server: Server) -> None:
    party = await server.party()
    await told(server, party)
    bearer = {**await server.bearer(party), "accept": "text/html"}
    english = await server.client.get("/notices?lang=en", headers=bearer)
    chinese = await server.client.get("/notices?lang=zh", headers=bearer)
    assert "Tea bowl" in english.text and "茶碗" not in english.text
    assert "茶碗" in chinese.text and "Tea bowl" not in chinese.text
    assert '<time datetime="2026-05-01T10:00:00.000Z"' in english.text


async def test_opening_one_reads_it_and_goes_on(server: Server) -> None:
    party = await server.party()
    await told(server, party)
    await told(server, party)
    cookie = await server.cookie(party)
    page = await server.client.get("/notices", headers=cookie)
    assert "Notices, 2 unread" in page.text
    async with server.house.pool.acquire() as conn:
        newest = (await notices.notices_of(conn, party))[0]
    opened = await server.client.get(f"/notices/{newest.id}", headers=cookie)
    assert (opened.status_code, opened.headers["location"]) == (303, "/help")
    assert "Notices, 1 unread" in (await server.client.get("/notices", headers=cookie)).text
    assert (await server.client.post("/notices/read", headers=cookie)).status_code == 303
    assert "unread" not in (await server.client.get("/notices", headers=cookie)).text


async def test_a_title_is_text_and_not_markup(server: Server) -> None:
    party = await server.party()
    hostile = {**DUE, "title_en": "<img src=x onerror=alert(1)>"}
    async with server.house.pool.acquire() as conn:
        await notices.notify(conn, [party], "lot_won", hostile, "/help", server.house.node_time.now())
    page = await server.client.get("/notices?lang=en", headers={**await server.cookie(party)})
    assert "<img src=x" not in page.text and "&lt;img src=x" in page.text


async def test_older_notices_are_a_page_further(server: Server) -> None:
    party = await server.party()
    async with server.house.pool.acquire() as conn:
        for n in range(notices.PAGE_SIZE + 1):
            await notices.notify(conn, [party], "lot_won", {**DUE, "lot": 1000 + n}, "/help", datetime.now(UTC))
        oldest = (await notices.notices_of(conn, party))[-1].id
    cookie = await server.cookie(party)
    first = await server.client.get("/notices", headers=cookie)
    assert f"before={oldest}" in first.text and "Older notices" in first.text and "lot 1000," not in first.text.lower()
    rest = await server.client.get(f"/notices?before={oldest}", headers=cookie)
    assert "lot 1000," in rest.text.lower() and "Older notices" not in rest.text
    for nonsense in ("x", "-1", "9" * 40, "1e3"):
        assert (await server.client.get(f"/notices?before={nonsense}", headers=cookie)).status_code == 200


def test_pairs_times_and_money_are_put_into_words() -> None:
    words = worded({**DUE, "price_minor": 12_000, "currency": "EUR"}, "zh")
    assert words["title"] == "茶碗" and "120.00" in str(words["price"])
    assert worded({"due": "soon"}, "en")["due"] == "soon"
