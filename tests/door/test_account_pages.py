"""Registering, signing in and out over real HTTP, with what an attacker would try."""

from __future__ import annotations

import math
import re
from time import perf_counter
from urllib.parse import quote

import pytest
from httpx2 import Response

from market import sessions, sign_in_links
from market.pages.account import safe_next
from tests.door.house_server import PHRASE, Server

pytestmark = pytest.mark.usefixtures("forgiving")


def cookie_of(response: Response) -> str:
    found = re.search(rf"{sessions.COOKIE}=([^;]*)", response.headers.get("set-cookie", ""))
    return found[1] if found else ""


async def post(server: Server, path: str, data: dict[str, str], **headers: str) -> Response:
    return await server.client.post(path, data=data, headers={**server.page, **headers})


async def register(server: Server, email: str, **changes: str) -> Response:
    fields = {"email": email, "display_name": "Mira", "passphrase": PHRASE, "language": "en", **changes}
    return await post(server, "/register", fields)


def with_cookie(server: Server, token: str) -> dict[str, str]:
    return {**server.page, "cookie": f"{sessions.COOKIE}={token}"}


async def is_signed_in(server: Server, token: str) -> bool:
    return (await server.client.get("/account", headers=with_cookie(server, token))).status_code == 200


@pytest.mark.parametrize("path", ["/register", "/sign-in"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_the_forms_are_complete_without_javascript(server: Server, path: str, language: str) -> None:
    page = await server.client.get(path, headers={"accept-language": language})
    assert page.status_code == 200
    assert page.headers["content-language"] == language
    assert 'method="post"' in page.text and 'type="password"' in page.text


async def test_registering_signs_in_with_a_cookie_that_only_this_host_gets(server: Server) -> None:
    answer = await register(server, "mira@example.org", next="/notices")
    assert (answer.status_code, answer.headers["location"]) == (303, "/notices")
    line = next(line for line in answer.headers.get_list("set-cookie") if sessions.COOKIE in line).lower()
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= {part.strip() for part in line.split(";")}
    assert "domain" not in line
    assert await is_signed_in(server, cookie_of(answer))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"email": "nonsense"}, "complete email address"),
        ({"display_name": "a\u202eb"}, "visible characters"),
        ({"passphrase": "short"}, "at least 15 characters"),
        ({"passphrase": "passwordpassword"}, "easy to guess"),
        ({"passphrase": "x" * 300}, "at most 256"),
        ({"language": "xx"}, "one of the languages"),
    ],
)
async def test_a_refused_form_comes_back_with_its_fields_but_never_the_passphrase(
    server: Server, changes: dict[str, str], says: str
) -> None:
    answer = await register(server, **{"email": "typed@example.org", **changes})
    assert answer.status_code == 422
    assert says in answer.text
    assert "error-summary" in answer.text and cookie_of(answer) == ""
    assert changes.get("passphrase", PHRASE) not in answer.text


async def test_what_was_typed_is_text_and_not_markup(server: Server) -> None:
    answer = await register(server, '"><script>alert(1)</script>')
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text


async def test_a_wrong_passphrase_and_no_such_account_are_answered_alike_after_the_same_work(server: Server) -> None:
    async def attempt(email: str) -> tuple[Response, float]:
        started = perf_counter()
        answer = await post(server, "/sign-in", {"email": email, "passphrase": "wrong but long enough"})
        return answer, perf_counter() - started

    def plain(answer: Response, email: str) -> str:
        return re.sub(r'nonce="[^"]*"|[0-9-]+T[0-9:.]+Z', "", answer.text.replace(email, "EMAIL"))

    # The least of several is the work itself; a busy machine needs more of them to show it. Without the work an unknown
    # address is answered in a small part of the time, however often one looks.
    least = {"known": math.inf, "nobody": math.inf}
    for turn in range(8):
        answers = {}
        await server.party(email=f"known{turn}@example.org", phrase=PHRASE)
        for who in ("known", "nobody"):
            email = f"{who}{turn}@example.org"
            answer, seconds = await attempt(email)
            answers[who] = (answer.status_code, plain(answer, email))
            least[who] = min(least[who], seconds)
        assert answers["known"] == answers["nobody"]
        assert answers["known"][0] == 422
        if turn >= 2 and least["nobody"] > least["known"] / 2:
            return
    pytest.fail(f"no such account is answered with less work: {least}")


async def test_a_planted_cookie_never_becomes_a_session(server: Server) -> None:
    party = await server.party(email="victim@example.org", phrase=PHRASE)
    attacker = await server.party()
    for planted in ("planted-by-another-site", (await server.cookie(attacker))["cookie"].partition("=")[2]):
        answer = await post(
            server,
            "/sign-in",
            {"email": "victim@example.org", "passphrase": PHRASE},
            cookie=f"{sessions.COOKIE}={planted}",
        )
        assert answer.status_code == 303
        assert cookie_of(answer) not in ("", planted)
        assert not await is_signed_in(server, planted)
        page = await server.client.get("/account", headers=with_cookie(server, cookie_of(answer)))
        assert "victim@example.org" in page.text
    assert party


async def test_the_address_is_found_however_it_is_typed(server: Server) -> None:
    await server.party(email="case@example.org", phrase=PHRASE)
    answer = await post(server, "/sign-in", {"email": " CASE@Example.ORG ", "passphrase": PHRASE})
    assert answer.status_code == 303


async def test_signing_out_ends_the_session_and_not_just_the_cookie(server: Server) -> None:
    token = cookie_of(await register(server, "leaver@example.org"))
    answer = await server.client.post("/sign-out", headers=with_cookie(server, token))
    assert answer.status_code == 303 and f'{sessions.COOKIE}=""' in answer.headers["set-cookie"]
    assert not await is_signed_in(server, token)


async def test_a_link_signs_in_once_and_a_preview_does_not_spend_it(server: Server) -> None:
    party = await server.party()
    async with server.house.pool.acquire() as conn:
        link = await sign_in_links.create_link(conn, party, server.house.node_time.now())
    assert (await server.client.head(link)).status_code == 204
    assert (await server.client.get(link, headers={"sec-purpose": "prefetch"})).status_code == 204
    used = await server.client.get(f"{link}?next=/notices")
    assert (used.status_code, used.headers["location"]) == (303, "/notices")
    assert await is_signed_in(server, cookie_of(used))
    again = await server.client.get(link)
    assert again.status_code == 422 and cookie_of(again) == ""


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/lots/7", "/lots/7"),
        ("/lots/7?tab=history#x", "/lots/7?tab=history#x"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/%0d%0aSet-Cookie:x", "/%0d%0aSet-Cookie:x"),
        ("/a\r\nSet-Cookie: x=1", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.example", "/"),
        ("", "/"),
        (None, "/"),
        ("/" + "a" * 3000, "/"),
        ("/sign-out", "/"),
        ("lots/7", "/"),
    ],
)
def test_the_way_on_never_leaves_the_house(wanted: str | None, goes: str) -> None:
    assert safe_next(wanted) == goes


@pytest.mark.parametrize("evil", ["https://evil.example/", "//evil.example", "/\\evil.example"])
async def test_no_door_redirects_outside(server: Server, evil: str) -> None:
    email = f"r{abs(hash(evil))}@example.org"
    registered = await register(server, email, next=evil)
    assert registered.headers["location"] == "/"
    signed_in = await post(server, "/sign-in", {"email": email, "passphrase": PHRASE, "next": evil})
    assert signed_in.headers["location"] == "/"
    token = cookie_of(signed_in)
    passed = await server.client.get(f"/sign-in?next={quote(evil)}", headers=with_cookie(server, token))
    assert passed.headers["location"] == "/"


async def test_a_visitor_is_led_to_sign_in_and_back(server: Server) -> None:
    answer = await server.client.get("/notices?before=7", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/notices%3Fbefore%3D7")


async def test_an_address_that_knocks_too_often_waits(server: Server) -> None:
    answers = [await post(server, "/sign-in", {"email": "guess@example.org", "passphrase": ""})]
    while answers[-1].status_code != 429 and len(answers) < 60:  # a slow machine earns a few more while it knocks
        answers.append(await post(server, "/sign-in", {"email": f"guess{len(answers)}@example.org", "passphrase": ""}))
    assert [answer.status_code for answer in answers[:-1]] == [422] * (len(answers) - 1)
    assert len(answers) > 20 and answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert (await server.client.get("/sign-in")).status_code == 200


@pytest.mark.parametrize("email", ["hunted@example.org", "never-registered@example.org"])
async def test_an_account_stops_listening_to_guesses_whether_it_exists_or_not(server: Server, email: str) -> None:
    if email.startswith("hunted"):
        await server.party(email=email, phrase=PHRASE)
    answers = [
        await post(server, "/sign-in", {"email": email, "passphrase": f"guess number {n} of many"}) for n in range(11)
    ]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    right = await post(server, "/sign-in", {"email": email, "passphrase": PHRASE})
    assert right.status_code == 429 and cookie_of(right) == ""


async def test_right_passphrases_are_not_counted(server: Server) -> None:
    await server.party(email="often@example.org", phrase=PHRASE)
    for _ in range(15):
        answer = await post(server, "/sign-in", {"email": "often@example.org", "passphrase": PHRASE})
        assert answer.status_code == 303


async def test_refused_passphrases_and_doors_leave_a_line_that_holds_nothing_typed(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    member = await server.party(email="mira.log@example.org", phrase=PHRASE)
    await post(server, "/sign-in", {"email": "mira.log@example.org", "passphrase": "not the right one at all"})
    assert (await server.client.get("/operator", headers=await server.cookie(member))).status_code == 403
    said = capsys.readouterr().out
    assert re.search(r"passphrase_refused .*why=.*sign_in_failed", said) and re.search(
        rf"access_refused .*party=\S*{member}", said
    )
    assert "mira.log" not in said and "not the right one" not in said
