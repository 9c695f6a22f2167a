"""The doors of the market over HTTP: the form keeps what was typed, a file is taken in whole or not at all, the API once."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from market.trading.reading import values_of
from tests.trading.market import COIL, posted

if TYPE_CHECKING:
    from tests.door.house_server import Server

TYPED = {**values_of(COIL), "valid_days": "30"}
BODY: dict[str, Any] = {
    "side": "demand",
    "category": "green_tea",
    "title_zh": "求购明前龙井",
    "attributes": {"grade": "special", "organic": True},
    "quantity": 500,
    "price_minor": "98000",
    "currency": "CNY",
    "country": "CN",
    "place": "杭州",
    "delivery_from": "2027-03-20",
    "delivery_to": "2027-04-20",
    "term": "EXW",
}


async def count(server: Server, party: int) -> int:
    async with server.house.pool.acquire() as conn:
        return int(await conn.fetchval("select count(*) from market.post where party_id = $1", party))


async def test_a_wrong_form_comes_back_with_what_was_typed_and_a_right_one_is_on_the_market(server: Server) -> None:
    party = await server.party()
    headers = await server.cookie(party)
    wrong = {**TYPED, "quantity": "many", "title_en": "A <b>bold</b> title", "delivery_to": "2020-01-01"}
    answer = await server.client.post("/market/posts/new?lang=zh", data=wrong, headers=headers)
    assert answer.status_code == 422
    for part in ("many", "A &lt;b&gt;bold&lt;/b&gt; title", "不是整数", 'id="errors"', 'value="3450.00"'):
        assert part in answer.text
    for _ in range(2):  # pressed twice
        answer = await server.client.post(
            "/market/posts/new", data={**TYPED, "once": "a form's own number"}, headers=headers
        )
        assert answer.status_code == 303 and await count(server, party) == 1
    path = answer.headers["location"].removeprefix(server.origin)
    page = await server.client.get(f"{path}?lang=en", headers={"accept": "text/html"})
    assert page.status_code == 200 and "Hot-rolled coil from stock" in page.text and "天津" in page.text
    stranger = await server.cookie(await server.party())
    for act in ("edit", "withdraw"):
        assert (await server.client.post(f"{path}/{act}", data=TYPED, headers=stranger)).status_code == 404
    version = {"version": "1", "quantity": "250"}
    assert (await server.client.post(f"{path}/edit", data={**TYPED, **version}, headers=headers)).status_code == 303
    stale = await server.client.post(f"{path}/edit", data={**TYPED, **version}, headers=headers)
    assert stale.status_code == 422 and "250" in stale.text
    assert (await server.client.post(f"{path}/withdraw", headers=headers)).status_code == 303
    assert "Withdrawn" in (await server.client.get(path, headers={"accept": "text/html"})).text


async def test_a_file_is_shown_first_and_then_taken_in_whole(server: Server) -> None:
    party = await server.party()
    headers = await server.cookie(party)
    template = await server.client.get("/market/posts/template.csv?category=urea", headers=headers)
    head, named = template.text.splitlines()
    place = head.lstrip("\ufeff").split(",").index("anonymous")
    hidden = ",".join("yes" if n == place else cell for n, cell in enumerate(named.split(",")))
    good = "\r\n".join([head, hidden, named, ""])
    bad = good.replace("urea,", "gold,", 1)
    files = {"file": ("posts.csv", bad.encode("gb18030"), "text/csv")}
    answer = await server.client.post("/market/posts/import?lang=zh", files=files, headers=headers)
    assert answer.status_code == 422 and "没有“gold”这一品类" in answer.text and "<b>category</b>" in answer.text
    files = {"file": ("posts.csv", good.encode("gb18030"), "text/csv")}
    answer = await server.client.post("/market/posts/import?lang=en", files=files, headers=headers)
    assert (
        "GB18030" in answer.text
        and answer.status_code == 200
        and "2 lines, all in order." in answer.text
        and await count(server, party) == 0
    )
    kept = re.search(r'name="kept" value="([^"]+)"', answer.text)
    assert kept is not None
    number = re.search(r'name="once" value="([^"]+)"', answer.text)
    assert number is not None
    form = {"kept": (None, kept[1]), "act": (None, "import"), "once": (None, number[1])}
    for _ in range(2):  # pressed twice
        answer = await server.client.post("/market/posts/import", files=form, headers=headers)
        assert answer.status_code == 303 and await count(server, party) == 2
    async with server.house.pool.acquire() as conn:
        apart = await conn.fetch(
            "select anonymous, shown_at > posted_at as later from market.post where party_id = $1", party
        )
    assert sorted(map(tuple, apart)) == [(False, False), (True, True)]
    mine = await server.client.get("/market/mine.csv", headers=headers)
    assert mine.text.startswith("\ufeffpost,state,") and mine.text.count("\r\n") == 3


async def test_the_api_posts_once_for_a_key_and_tells_every_fault(server: Server) -> None:
    party = await server.party()
    headers = await server.bearer(party)
    keyed = {**headers, "idempotency-key": "tea-1"}
    first = await server.client.post("/api/v1/market/posts", json=BODY, headers=keyed)
    again = await server.client.post("/api/v1/market/posts", json=BODY, headers=keyed)
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    post = first.json()
    assert (post["standing"], post["price_minor"], post["taken"], post["version"]) == ("open", "98000", 0, 1)
    faulty = {**BODY, "attributes": {"grade": "best"}, "minimum": 501, "term": "EXW"}
    answer = await server.client.post("/api/v1/market/posts", json=faulty, headers={**headers, "idempotency-key": "x"})
    assert answer.status_code == 422 and answer.json()["code"] == "post_faulty"
    assert [each["field"] for each in answer.json()["faults"]] == ["attr_grade", "minimum"]
    assert "special" in answer.json()["faults"][0]["text"]
    query = (
        "/api/v1/market/posts?category=green_tea&attributes=organic=1,grade=special&q=明前&currency=CNY&price_to=980"
    )
    found = (await server.client.get(query)).json()
    assert [each["id"] for each in found["items"]] == [post["id"]] and "party_id" not in found["items"][0]
    edit = {**BODY, "quantity": 400, "version": 1}
    changed = await server.client.put(f"/api/v1/market/posts/{post['id']}", json=edit, headers=headers)
    assert (changed.json()["version"], changed.json()["quantity"]) == (2, 400)
    turned = {**edit, "side": "supply", "version": 2}
    answer = await server.client.put(f"/api/v1/market/posts/{post['id']}", json=turned, headers=headers)
    assert answer.status_code == 422 and [each["field"] for each in answer.json()["faults"]] == ["side"]
    for standing, many in (("open", 1), ("lapsed", 0)):
        mine = (await server.client.get(f"/api/v1/market/mine?standing={standing}", headers=headers)).json()
        assert (len(mine["items"]), mine["total"], mine["pages"]) == (many, many, 1)
    other = await server.bearer(await server.party())
    for method, path, body in (
        ("PUT", f"/api/v1/market/posts/{post['id']}", edit),
        ("POST", f"/api/v1/market/posts/{post['id']}/withdraw", None),
    ):
        refused = await server.client.request(
            method, path, json=body, headers={**other, "idempotency-key": f"k-{method}"}
        )
        assert refused.status_code == 404, refused.text
    csv = {**headers, "idempotency-key": "file", "content-type": "text/csv"}
    taken = await server.client.post(
        "/api/v1/market/posts/import", content=b"side,category,quantity\nx,y,z", headers=csv
    )
    assert taken.status_code == 422 and taken.json()["lines"][0]["line"] == 2


async def test_a_saved_search_is_told_by_the_clock_and_the_feed_is_open(server: Server) -> None:
    seller, buyer = await server.party(), await server.party()
    headers = {**await server.bearer(buyer), "idempotency-key": "s"}
    body = {"name": "Yarn", "query": "category=cotton_yarn&q=精梳"}
    assert (await server.client.post("/api/v1/market/searches", json=body, headers=headers)).status_code == 201
    async with server.house.pool.acquire() as conn, conn.transaction():
        post = await posted(
            conn, seller, now=server.house.node_time.now(), category="cotton_yarn", anonymous=True,
            attributes={"grade": "c32s", "spinning": "ring_combed"},
        )  # fmt: skip
    async with asyncio.timeout(60):
        while not (told := (await server.client.get("/api/v1/me/notices", headers=headers)).json()["items"]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert told[0]["kind"] == "search_found_one" and "Yarn" in told[0]["text"]
    server.client.cookies.clear()
    feed = (await server.client.get("/api/v1/market/feed?category=cotton_yarn")).json()["items"]
    assert [each["id"] for each in feed] == [post.id] and feed[0]["party"].startswith("Party ")
    atom = await server.client.get("/market/feed.atom?category=cotton_yarn&lang=zh")
    root = ElementTree.fromstring(atom.content)
    names = [each.text for each in root.iter("{http://www.w3.org/2005/Atom}name")]
    assert names == [feed[0]["party"].replace("Party", "会员")]
    itself = root.findtext("{http://www.w3.org/2005/Atom}id")
    assert (
        itself == f"{server.origin}/market/feed.atom?category=cotton_yarn&lang=zh" and "Cookie" in atom.headers["vary"]
    )
    assert (await server.client.get("/market/feed.atom?category=cotton")).status_code == 404
    assert (await server.client.get("/market/data/cotton_yarn.json?currency=XXX")).status_code == 400
    data = json.loads((await server.client.get("/market/data/cotton_yarn.json")).text)
    assert data["supply"] == [{"price_minor": "345000", "quantity": 300, "posts": 1}]
    assert (await server.client.get("/api/v1/market/data/cotton_yarn")).json()["supply"] == data["supply"]
    assert (await server.client.get("/market/data/nothing.json")).status_code == 404
    assert (await server.client.get("/market/data/cotton_yarn.csv")).text.startswith("\ufeff")
    everything = await server.client.get("/market?format=csv")
    assert str(post.id) in everything.text
    # An alias may begin as the name of a party does here: `Party 6`, `Party 6FD575`.
    named = re.compile(re.escape(await _name_of(server, seller)) + r"(?![0-9A-F])")
    for text in (everything.text, json.dumps(feed), atom.text, json.dumps(data)):
        assert f"party{seller}@" not in text and named.search(text) is None


async def _name_of(server: Server, party: int) -> str:
    async with server.house.pool.acquire() as conn:
        return str(await conn.fetchval("select display_name from market.party where id = $1", party))


async def test_an_operator_widens_the_catalogue_and_is_told_the_line_that_can_not_be_read(server: Server) -> None:
    headers = await server.cookie(await server.party(operator=True))
    form = {
        "code": "zinc_ingot", "parent": "metals", "position": "4", "name_en": "Zinc ingot", "name_zh": "锌锭", "unit": "TNE",
        "attributes": "grade | choice | Grade | 牌号 | | required | zn99_99 = Zn 99.99 / 锌 99.99; -old = Old / 旧\nbroken",
    }  # fmt: skip
    answer = await server.client.post("/operator/categories?lang=en", data=form, headers=headers)
    assert answer.status_code == 422 and "Line 2" in answer.text and "zn99_99" in answer.text
    form["attributes"] = form["attributes"].removesuffix("\nbroken")
    answer = await server.client.post("/operator/categories", data=form, headers=headers)
    assert answer.status_code == 303
    page = await server.client.get("/operator/categories/zinc_ingot", headers=headers)
    assert "grade | choice | Grade | 牌号 |  | required | zn99_99 = Zn 99.99 / 锌 99.99; -old = Old / 旧" in page.text
    form |= {"version": "1", "retired": "1"}
    assert (await server.client.post("/operator/categories/zinc_ingot", data=form, headers=headers)).status_code == 303
    new = await server.client.get("/market/posts/new", headers=headers)
    assert "Zinc" not in new.text


async def test_a_program_that_misspells_a_filter_is_told_so_and_not_given_everything(server: Server) -> None:
    headers = await server.bearer(await server.party())
    wrong = ("category=green_teas", "category=green_tea&attributes=grade=best", "price_to=980", "country=ZZ")
    for query in wrong:
        answer = await server.client.get(f"/api/v1/market/posts?{query}", headers=headers)
        assert answer.status_code == 400 and "no such filter" in answer.json()["fault"], query
    body = {"name": "tea", "query": "category=green_teas&side=supply"}
    answer = await server.client.post(
        "/api/v1/market/searches", json=body, headers={**headers, "idempotency-key": "a search for nothing"}
    )
    assert answer.status_code == 400 and "category" in answer.json()["fault"]
    assert "green_tea" in answer.json()["faults"][0]["text"]
    # A page says the same, and shows what the rest finds; a file, which could not say it, is not made.
    looking = await server.cookie(await server.party())
    page = await server.client.get("/market?lang=zh&side=demand&price_to=980&colour=red", headers=looking)
    assert (
        page.status_code == 200
        and "请同时选择币种" in page.text
        and "colour" in page.text
        and 'name="query" value="side=demand"' in page.text
    )
    answer = await server.client.get("/market?price_to=980&format=csv", headers=looking)
    assert answer.status_code == 422 and "Choose a currency" in answer.text
    form = {"name": "tea", "query": "side=demand&price_to=980"}
    answer = await server.client.post("/market/searches", data=form, headers=looking)
    assert (
        answer.status_code == 422 and "Choose a currency" in answer.text and 'href="/market?side=demand"' in answer.text
    )
