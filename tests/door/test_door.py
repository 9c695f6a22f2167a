"""The door itself, on real sockets: hosts, origins, sizes, times, headers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from market import sessions
from tests.door.house_server import Server, hang_up


def request_of(server: Server, *lines: str, body: bytes = b"") -> bytes:
    head = [lines[0], f"Host: 127.0.0.1:{server.port}", "Connection: close", *lines[1:]]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


# Hosts


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "", "[::2]"])
async def test_a_forged_host_is_not_served(server: Server, host: str) -> None:
    answer = await server.raw(f"GET /sign-in HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert status_of(answer) in (400, 421)
    assert b"evil.example" not in answer


async def test_two_hosts_and_none_are_not_served(server: Server) -> None:
    both = f"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert status_of(await server.raw(both.encode())) in (400, 421)
    assert status_of(await server.raw(b"GET /sign-in HTTP/1.0\r\n\r\n")) in (400, 421)


async def test_the_houses_own_names_are_served(server: Server) -> None:
    for host in (f"127.0.0.1:{server.port}", f"LOCALHOST:{server.port}", "localhost"):
        answer = await server.client.get("/healthz", headers={"host": host})
        assert answer.status_code == 200


# Other sites

FORGERIES = [
    {},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:1"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "cross-site", "origin": "OWN"},
    {"referer": "OWN"},
]


@pytest.mark.parametrize("headers", FORGERIES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_another_sites_page_changes_nothing(server: Server, method: str, headers: dict[str, str]) -> None:
    own = await server.cookie(await server.party())
    sent = {"cookie": own["cookie"], **{k: v.replace("OWN", server.origin) for k, v in headers.items()}}
    answer = await server.client.request(method, "/sign-out", headers=sent)
    assert answer.status_code == 403
    assert (await server.client.get("/account", headers=own)).status_code == 200


async def test_an_old_browser_is_known_by_its_origin(server: Server) -> None:
    own = await server.cookie(await server.party())
    sent = {"cookie": own["cookie"], "origin": server.origin}
    assert (await server.client.post("/sign-out", headers=sent)).status_code == 303


async def test_a_bearer_needs_no_origin_and_switches_the_cookie_off(server: Server) -> None:
    cookie = (await server.cookie(await server.party()))["cookie"]
    bearer = await server.bearer(await server.party())
    assert (await server.client.post("/notices/read", headers=bearer)).status_code == 303
    forged = {"authorization": "Bearer gh_nothing", "cookie": cookie, "accept": "application/json"}
    answer = await server.client.post("/notices/read", headers=forged)
    assert answer.status_code == 401 and answer.json()["code"] == "bad_token"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
async def test_unusual_methods_are_refused(server: Server, method: str) -> None:
    answer = await server.raw(request_of(server, f"{method} / HTTP/1.1"))
    assert status_of(answer) in (400, 405, 421)


# Heads


async def test_a_large_field_many_fields_and_a_long_address_are_refused(server: Server) -> None:
    many = [f"X-{n}: {'v' * 50}" for n in range(400)]
    for lines in (
        ["GET / HTTP/1.1", "X-Big: " + "v" * 17_000],
        ["GET / HTTP/1.1", *many],
        [f"GET /{'a' * 17_000} HTTP/1.1"],
    ):
        assert status_of(await server.raw(request_of(server, *lines))) == 431


async def test_a_head_just_below_the_bound_is_read(server: Server) -> None:
    answer = await server.raw(request_of(server, "GET /healthz HTTP/1.1", "X-Big: " + "v" * 15_000))
    assert status_of(answer) == 200


async def test_a_field_without_end_is_cut_off(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    sent = 0
    writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nX-Endless: ".encode())
    try:
        while sent < 4_000_000:
            writer.write(b"v" * 8192)
            await asyncio.wait_for(writer.drain(), 30)
            sent += 8192
            if reader.at_eof() or len(reader._buffer):  # type: ignore[attr-defined]
                break
            await asyncio.sleep(0)
    except ConnectionError:
        pass
    assert sent < 2_000_000
    await hang_up(writer)


async def test_a_head_that_trickles_is_cut_off_in_time(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    answer, sent = b"", 0
    request = request_of(server, "GET /healthz HTTP/1.1", "X-Slow: " + "v" * 500)
    try:
        for byte in request:
            writer.write(bytes([byte]))
            sent += 1
            await writer.drain()
            try:
                answer = await asyncio.wait_for(reader.read(1000), 0.02)
                break
            except TimeoutError:
                continue
    except ConnectionError:
        pass
    assert sent < len(request)
    assert answer == b"" or status_of(answer) == 408
    await hang_up(writer)


async def test_a_silent_connection_is_closed(server: Server) -> None:
    answer = await server.raw(b"")
    assert status_of(answer) == 408


async def test_a_second_head_on_a_kept_connection_has_the_same_bounds(server: Server) -> None:
    first = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(first)
    await reader.readuntil(b"ok\n")
    writer.write(first)
    assert b"200" in await reader.readuntil(b"ok\n")
    writer.write(b"GET / HTTP/1.1\r\nX-Big: " + b"v" * 20_000)
    assert status_of(await asyncio.wait_for(reader.read(-1), 30)) == 431
    await hang_up(writer)


# Bodies


async def sign_in_head(server: Server, *lines: str) -> bytes:
    form = "Content-Type: application/x-www-form-urlencoded"
    return request_of(server, "POST /sign-in HTTP/1.1", f"Origin: {server.origin}", form, *lines)


async def test_a_body_that_says_it_is_too_large_is_not_read(server: Server) -> None:
    answer = await server.raw(await sign_in_head(server, "Content-Length: 65537"))
    assert status_of(answer) == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "9" * 30, "65536, 65537"])
async def test_a_length_that_is_no_number_is_refused(server: Server, length: str) -> None:
    answer = await server.raw(await sign_in_head(server, f"Content-Length: {length}"))
    assert status_of(answer) in (400, 413)


async def test_a_chunked_body_is_cut_off_at_the_bound_though_its_end_has_not_come(server: Server) -> None:
    chunk = b"1000\r\n" + b"a" * 4096 + b"\r\n"
    head = await sign_in_head(server, "Transfer-Encoding: chunked")
    assert status_of(await server.raw(head + 17 * chunk, keep=True)) == 413
    whole = head + 15 * chunk + b"0\r\n\r\n"
    assert status_of(await server.raw(whole, keep=True)) == 422


async def test_a_body_that_trickles_is_cut_off_in_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("market.authorization.BODY_SECONDS", 0.3)
    answer = await server.raw(await sign_in_head(server, "Content-Length: 100") + b"email=")
    assert status_of(answer) == 408


# Answers

PAGES = ["/sign-in", "/nothing-here", "/healthz", "/account", "/metrics"]


@pytest.mark.parametrize("path", PAGES)
async def test_every_answer_binds_the_browser(server: Server, path: str) -> None:
    answer = await server.client.get(path)
    policy = answer.headers["content-security-policy"]
    for rule in (
        "default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "object-src 'none'", "form-action 'self'",
        "require-trusted-types-for 'script'", "trusted-types lit-html",
    ):  # fmt: skip
        assert rule in policy
    assert re.search(r"script-src 'nonce-[\w-]{24}' 'strict-dynamic'(;|$)", policy)
    assert "unsafe" not in policy and "*" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "server" not in answer.headers


async def test_each_answer_has_a_nonce_of_its_own(server: Server) -> None:
    nonces = set()
    for _ in range(3):
        found = re.search(r"'nonce-([\w-]+)'", (await server.client.get("/sign-in")).headers["content-security-policy"])
        assert found is not None
        nonces.add(found[1])
    assert len(nonces) == 3


@pytest.mark.parametrize("host", ["evil.example", None])
async def test_refusals_at_the_door_carry_the_headers_too(server: Server, host: str | None) -> None:
    headers = {"host": host} if host else {}
    method = "GET" if host else "POST"
    answer = await server.client.request(method, "/sign-in", headers=headers)
    assert answer.status_code in (403, 421)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.fixture
async def with_a_bug(server: Server) -> AsyncIterator[None]:
    async def bug(_request: Request) -> Response:
        raise RuntimeError("a secret detail")

    route = Route("/bug", bug)
    server.app.router.routes.append(route)
    yield
    server.app.router.routes.remove(route)


@pytest.mark.usefixtures("with_a_bug")
async def test_a_bug_is_answered_with_a_reference_and_without_its_text(
    server: Server, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    page = await server.client.get("/bug", headers={"accept": "text/html"})
    assert page.status_code == 500
    assert "secret detail" not in page.text and "RuntimeError" not in page.text
    reference = re.search(r'class="mono">([0-9a-f]{16})<', page.text)
    assert reference is not None
    logged = caplog.text + capsys.readouterr().out
    assert reference[1] in logged
    api = await server.client.get("/bug", headers={"accept": "application/json"})
    assert api.status_code == 500 and api.json()["code"] == "internal"


async def test_a_problem_for_programs_is_rfc_9457_in_the_language_asked_for(server: Server) -> None:
    answer = await server.client.get("/api/nothing", headers={"accept-language": "zh"})
    body = answer.json()
    assert answer.status_code == body["status"] == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == "urn:gavelhouse:problem:not_found" and body["title"] == "页面不存在"
    assert set(body) == {"type", "title", "status", "detail", "code", "instance"}


async def test_a_page_that_is_not_there_is_a_page(server: Server) -> None:
    answer = await server.client.get("/nothing-here", headers={"accept": "text/html"})
    assert answer.status_code == 404 and "<h1>" in answer.text


# Health


async def test_ready_only_when_everything_is_in_order(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = await server.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "database": "ok", "migrations": "ok", "clocks": "ok", "vault": "no answer"},
    )
    monkeypatch.setattr(server.house.node_time, "stepped", True)
    answer = await server.client.get("/readyz")
    assert (answer.status_code, answer.json()["clocks"]) == (503, "late: time")


async def test_metrics_are_for_operators_and_name_no_path(server: Server) -> None:
    assert (await server.client.get("/metrics", headers={"accept": "application/json"})).status_code == 401
    member = await server.bearer(await server.party())
    assert (await server.client.get("/metrics", headers=member)).status_code == 403
    operator = await server.bearer(await server.party(operator=True))
    await server.client.get("/sign-in/link/a-secret-token")
    page = await server.client.get("/metrics", headers=operator)
    assert page.status_code == 200
    assert 'gavelhouse_http_requests_total{method="GET",route="sign_in_link",status="422"}' in page.text
    for name in ("closings_lag_seconds", 'bids_total{kind="accepted"}', "commit_seconds_total", "sockets"):
        assert f"gavelhouse_{name}" in page.text
    assert "a-secret-token" not in page.text


async def test_a_cookie_of_nonsense_is_a_visitor(server: Server) -> None:
    for value in ("x", "é", "a" * 4000, "%00"):
        headers = {"cookie": f"{sessions.COOKIE}={value}".encode("latin-1"), "accept": "text/html"}
        assert (await server.client.get("/account", headers=headers)).status_code == 303
