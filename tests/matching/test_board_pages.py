"""Boards in the browser and by program: from a board that an operator makes to a clearing that a trader checks."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from market import sign_in_links
from market.matching import commits, desk, store, verifier
from market.trading import store as trading_store
from market.trading.facts import Post, PostContent, Side
from tests.door.house_server import Server
from tests.journey import looking

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

BOARD: dict[str, Any] = {
    "category": "hot_rolled_coil",
    "attributes": {"grade": "q235b"},
    "term": "FOB",
    "currency": "CNY",
    "country": "CN",
    "place": "Shanghai",
    "tick_minor": "100",
    "lead_days": 5,
    "window_days": 20,
    "mode": "call",
    "period_minutes": 60,
    "reason": "the trade asked for it",
}


async def new_post(server: Server, party_id: int, side: Side, price_minor: int, quantity: int, **more: Any) -> Post:
    now = server.house.node_time.now()
    content = PostContent(
        side=side,
        category="hot_rolled_coil",
        title_en="Coil",
        title_zh="热轧卷",
        attributes={"grade": "q235b"},
        quantity=quantity,
        price_minor=price_minor,
        currency="CNY",
        country="CN",
        place="Baoshan",
        delivery_from=now.date(),
        delivery_to=now.date() + timedelta(days=30),
        term="FOB",
        **more,
    )
    async with server.house.pool.acquire() as conn:
        return await trading_store.insert_post(conn, party_id, content, "", now + timedelta(days=9), now, now)


async def call(server: Server, party_id: int, method: str, path: str, body: Any = None, key: str = "") -> Any:
    headers = {**await server.bearer(party_id), **({"idempotency-key": key or path} if method == "POST" else {})}
    answer = await server.client.request(method, f"/api/v1{path}", headers=headers, json=body)
    assert answer.status_code < 300, (answer.status_code, answer.text)
    return answer.json()


async def clear_now(server: Server, board_id: int) -> None:
    house = server.house
    async with house.pool.acquire() as conn, conn.transaction():
        board = await store.board(conn, board_id)
        assert board is not None and board.next_at is not None
        await desk.clear_board(conn, board_id, board.next_at, house.config, house.heads.signer)


async def contracts_there(server: Server, party_id: int, path: str) -> list[Any]:
    """The party's trades, once the house's clock has drawn their contracts: it is woken at the commit."""
    async with asyncio.timeout(20):
        while True:
            found = (await call(server, party_id, "GET", f"{path}/fills"))["items"]
            if all(one["contract"] for one in found):
                return list(found)


async def test_a_program_makes_a_board_enters_many_orders_and_checks_the_clearing(server: Server) -> None:
    operator = await server.party(operator=True)
    board = await call(server, operator, "POST", "/boards", BOARD)
    path = f"/boards/{board['id']}"
    seller, buyer = await server.party(), await server.party()
    sells = [await new_post(server, seller, Side.SUPPLY, 400_000 + 100 * n, 10 + n) for n in range(3)]
    buys = [await new_post(server, buyer, Side.DEMAND, 400_200 - 100 * n, 12, minimum=1 + n) for n in range(3)]
    partners = (await call(server, seller, "GET", f"/posts/{sells[0].id}/partners"))["items"]
    assert {one["post_id"] for one in partners} >= {post.id for post in buys}
    assert partners[0]["score"] == sum(p["points"] * p["weight"] for p in partners[0]["parts"]) // 100
    entered = await call(
        server, seller, "POST", f"{path}/acts", {"acts": [{"act": "enter", "post_id": post.id} for post in sells]}
    )
    assert [one["order"]["quantity"] for one in entered["answers"]] == [10, 11, 12]
    for post in buys:
        await call(server, buyer, "POST", f"{path}/orders", {"post_id": post.id}, key=str(post.id))
    order = (await call(server, seller, "GET", f"{path}/orders"))["items"][0]
    acts = [
        {"act": "change", "order_id": order["id"], "price_minor": "400100", "quantity": 9},
        {"act": "withdraw", "order_id": 999_999},
    ]
    answers = (await call(server, seller, "POST", f"{path}/acts", {"acts": acts}, key="changes"))["answers"]
    assert answers[0]["order"]["price_minor"] == "400100" and answers[1]["refusal"] == "no_such_order"
    await clear_now(server, board["id"])
    shown = await call(server, buyer, "GET", path)
    assert shown["last_price_minor"] == shown["reference_minor"] and shown["trades"]
    (line,) = (await call(server, buyer, "GET", f"{path}/clearings"))["items"]
    proof = await call(server, buyer, "GET", f"{path}/clearings/1")
    data = json.dumps(proof["proof"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    found = verifier.verify(data, server.house.heads.signer.public_hex)
    assert found["volume"] == f"{line['volume']} TNE" and len(proof["own"]) == 3
    fills = (await call(server, buyer, "GET", f"{path}/fills?clearing=1"))["items"]
    assert sum(one["quantity"] for one in fills) == line["volume"]
    assert all(one["side"] == "demand" and not one["given_back"] for one in fills)
    drawn = await contracts_there(server, buyer, path)
    assert len({one["contract"] for one in drawn}) == len(fills) == len(drawn)
    stranger = await server.bearer(await server.party())
    answer = await server.client.get(f"/api/v1{path}/clearings/1", headers=stranger)
    assert answer.status_code == 404, "who never stood on the board does not see its proofs"
    halted = await call(server, operator, "POST", f"{path}/halt", {"reason": "end of the season"})
    assert halted["state"] == "halted"
    await call(server, operator, "POST", f"{path}/opening", {"reason": "a new season"})


async def test_what_is_no_board_no_order_and_no_rule_is_answered_as_such(server: Server) -> None:
    operator, trader = await server.party(operator=True), await server.party()
    board = await call(server, operator, "POST", "/boards", BOARD, key="another")
    headers, huge = await server.cookie(trader), 2**63 - 1
    for path in (
        f"/boards/{huge}",
        f"/boards/{board['id']}/clearings/{huge}",
        "/market/posts/1/partners",
        "/operator/boards",
    ):
        answer = await server.client.get(path, headers=headers)
        assert answer.status_code in (403, 404), path
    for path in (f"/boards/{board['id']}/orders/1/withdraw", "/boards/enter", f"/boards/{huge}/orders"):
        answer = await server.client.post(path, headers=headers, data={"post_id": "nothing"})
        assert answer.status_code == 404, path
    refused = await server.client.post(
        f"/boards/{board['id']}/orders", headers=headers, data={"post_id": "17"}, follow_redirects=True
    )
    assert refused.status_code == 200 and "post" in refused.text
    token = await server.bearer(operator)
    for n, changes in enumerate(
        (
            {"attributes": {"grade": "no such grade"}},
            {"attributes": {"width": "wide"}},
            {"category": "metals"},
            {"term": "XXX"},
            {"mode": "continuous"},
            {"mode": "continuous", "period_minutes": None, "rationing": "pro_rata"},
        )
    ):
        answer = await server.client.post(
            "/api/v1/boards", headers={**token, "idempotency-key": f"wrong {n}"}, json={**BOARD, **changes}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "board_rules_malformed"), changes


async def test_a_board_that_is_held_is_busy_to_programs_and_the_same_key_acts_later(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "LONGEST_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(commits, "BUSY_SECONDS", 0)
    operator, trader = await server.party(operator=True), await server.party()
    board = await call(server, operator, "POST", "/boards", BOARD, key="held")
    path = f"/boards/{board['id']}"
    one, other = [await new_post(server, trader, Side.SUPPLY, 400_000, 10) for _ in range(2)]
    asked: list[tuple[str, Any]] = [
        (f"{path}/orders", {"post_id": one.id}),
        (f"{path}/acts", {"acts": [{"act": "enter", "post_id": other.id}]}),
    ]
    token = await server.bearer(trader)
    async with server.house.pool.acquire() as conn, conn.transaction():
        await store.lock_board(conn, board["id"])
        for where, body in asked:
            headers = {**token, "idempotency-key": where}
            answer = await server.client.post(f"/api/v1{where}", headers=headers, json=body)
            assert (answer.status_code, answer.json()["code"]) == (503, "board_busy"), where
    for where, body in asked:
        await call(server, trader, "POST", where, body)
    assert len((await call(server, trader, "GET", f"{path}/orders"))["items"]) == 2


async def signed_in(server: Server, browser: Browser, party_id: int, lang: str, width: int = 1280) -> Page:
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, locale="zh-CN" if lang == "zh" else "en-GB", base_url=server.origin
    )
    async with server.house.pool.acquire() as conn:
        way_in = await sign_in_links.create_link(conn, party_id, server.house.node_time.now())
    assert (await context.request.get(server.origin + way_in)).ok
    page = await context.new_page()
    await page.goto(f"/boards?lang={lang}")
    return page


async def test_traders_see_a_board_trade_and_read_why(server: Server, browser: Browser) -> None:
    operator = await signed_in(server, browser, await server.party(operator=True), "en")
    await operator.goto("/operator/boards")
    await operator.select_option("#f-category", "hot_rolled_coil")
    await operator.fill("#f-attributes", "grade=q235b")
    await operator.select_option("#f-term", "FOB")
    await operator.fill("#f-place", "Shanghai")
    await operator.fill("#f-tick", "1.00")
    await operator.fill("#f-reason", "asked for by both sides")
    await operator.get_by_role("button", name="Make a board").click()
    await operator.get_by_text("is open.").wait_for()
    board_id = max(one.id for one in await boards_of(server))
    seller_id, buyer_id = await server.party(), await server.party()
    posts = [await new_post(server, seller_id, Side.SUPPLY, 390_000 + 1000 * n, 20 + n) for n in range(4)]
    posts += [
        await new_post(server, buyer_id, Side.DEMAND, 396_000 - 1000 * n, 25, all_or_none=n == 1) for n in range(3)
    ]
    seller = await signed_in(server, browser, seller_id, "zh", 360)
    buyer = await signed_in(server, browser, buyer_id, "en")
    await seller.goto(f"/boards?post={posts[0].id}")
    assert await seller.get_by_role("button", name="在此挂单").count() >= 1
    await seller.goto(f"/market/posts/{posts[0].id}/partners")
    assert await seller.get_by_role("link", name="发起洽谈").count() == 2
    assert await looking.faults_of(seller, (360,)) == []
    await seller.goto(f"/boards/{board_id}")
    await buyer.goto(f"/boards/{board_id}")
    for post in posts:
        page = seller if post.party_id == seller_id else buyer
        await page.select_option("#post_id", str(post.id))
        await page.locator("section[aria-labelledby=enter] button").click()
        await page.locator(".flash").wait_for()
    assert await looking.faults_of(seller, (360,)) == []
    await clear_now(server, board_id)
    await buyer.locator("section[aria-labelledby=clearings] a").first.click()
    await buyer.get_by_role("heading", name="Candidate prices").wait_for()
    assert await looking.faults_of(buyer, (1280,)) == []
    assert await buyer.locator("td .badge, th .badge").count() == 3
    async with buyer.expect_download() as coming:
        await buyer.get_by_role("link", name="Proof (JSON)").click()
    file = await (await coming.value).path()
    assert (
        verifier.verify(await asyncio.to_thread(file.read_bytes), server.house.heads.signer.public_hex)["orders"] == 7
    )
    await contracts_there(server, buyer_id, f"/boards/{board_id}")
    await buyer.reload()
    assert await buyer.locator("section[aria-labelledby=own-trades] a[href*='/contracts/']").count() > 0
    await seller.goto(f"/boards/{board_id}/clearings/1")
    assert await seller.get_by_text("全部成交").count() > 0
    await seller.goto("/notices")
    assert "号板块：您售出" in await seller.content()


async def boards_of(server: Server) -> list[Any]:
    async with server.house.pool.acquire() as conn:
        return await store.boards(conn)
