"""Settings over real HTTP: what asks for the passphrase again, what ends sessions, and what is nobody else's."""

from __future__ import annotations

import re

import pytest
from httpx2 import Response

from escrow.sandbox_bank.numbers import account_number
from market import audit, sessions, tokens
from tests.door.house_server import PHRASE, Server

pytestmark = pytest.mark.usefixtures("forgiving")
NEW_PHRASE = "seven lanterns on quiet water"


class Someone:
    """A member with a passphrase, in a browser."""

    def __init__(self, server: Server, party_id: int, headers: dict[str, str]) -> None:
        self.server, self.party_id, self.headers = server, party_id, headers

    async def get(self, path: str) -> Response:
        return await self.server.client.get(path, headers=self.headers)

    async def post(self, path: str, **data: str) -> Response:
        return await self.server.client.post(path, data=data, headers=self.headers)


async def someone(server: Server) -> Someone:
    party = await server.party(phrase=PHRASE)
    return Someone(server, party, await server.cookie(party))


async def test_name_and_language_are_changed_and_the_next_page_speaks_it(server: Server) -> None:
    mira = await someone(server)
    answer = await mira.post("/account/profile", display_name="  Mira  L. ", language="zh")
    assert answer.status_code == 303
    page = await mira.get("/account")
    assert 'value="Mira L."' in page.text and page.headers["content-language"] == "zh-CN"
    wrong = await mira.post("/account/profile", display_name="\u200b", language="zh")
    assert wrong.status_code == 422 and "可见字符" in wrong.text


async def test_a_new_passphrase_needs_the_old_one(server: Server) -> None:
    mira = await someone(server)
    answer = await mira.post("/account/passphrase", current_passphrase="not the right one", new_passphrase=NEW_PHRASE)
    assert answer.status_code == 422 and "not your passphrase" in answer.text
    assert NEW_PHRASE not in answer.text
    weak = await mira.post("/account/passphrase", current_passphrase=PHRASE, new_passphrase="passwordpassword")
    assert weak.status_code == 422 and "easy to guess" in weak.text


async def test_a_new_passphrase_ends_every_session_and_gives_this_browser_a_new_one(server: Server) -> None:
    mira = await someone(server)
    elsewhere = Someone(server, mira.party_id, await server.cookie(mira.party_id))
    answer = await mira.post("/account/passphrase", current_passphrase=PHRASE, new_passphrase=NEW_PHRASE)
    assert answer.status_code == 303
    fresh = re.search(rf"{sessions.COOKIE}=([^;]+)", answer.headers["set-cookie"])
    assert fresh is not None and (await mira.get("/account")).status_code == 303
    assert (await elsewhere.get("/account")).status_code == 303
    renewed = Someone(server, mira.party_id, {**server.page, "cookie": f"{sessions.COOKIE}={fresh[1]}"})
    assert (await renewed.get("/account")).status_code == 200


async def test_the_bank_account_asks_for_the_passphrase_and_is_on_record(server: Server) -> None:
    mira = await someone(server)
    fields = {"holder": "Mira Lindqvist", "number": account_number(1042)}
    refused = await mira.post("/account/bank-account", **fields, bank_passphrase="a stolen session's guess")
    assert refused.status_code == 422
    async with server.house.pool.acquire() as conn:
        assert await server.house.escrow.wallet.bank_account(conn, mira.party_id) is None
    kept = await mira.post("/account/bank-account", **fields, bank_passphrase=PHRASE)
    assert kept.status_code == 303
    page = await mira.get("/account")
    assert "1042" in page.text and fields["number"] not in page.text
    async with server.house.pool.acquire() as conn:
        acts = [entry.act for entry in await audit.entries_of(conn, f"party:{mira.party_id}")]
    assert "bank_account.changed" in acts


async def test_guessing_at_a_step_up_is_stopped(server: Server) -> None:
    mira = await someone(server)
    for _ in range(10):
        await mira.post("/account/tokens", token_name="robot", token_passphrase="guess after guess after guess")
    answer = await mira.post("/account/tokens", token_name="robot", token_passphrase=PHRASE)
    assert answer.status_code == 422 and "Too many wrong passphrases" in answer.text


async def test_a_token_is_shown_once_works_and_is_revoked(server: Server) -> None:
    mira = await someone(server)
    created = await mira.post("/account/tokens", token_name="price robot", token_passphrase=PHRASE)
    found = re.search(r"gh_[\w-]{43}", created.text)
    assert created.status_code == 200 and found is not None
    assert found[0] not in (await mira.get("/account")).text
    bearer = {"authorization": f"Bearer {found[0]}", "accept": "text/html"}
    assert (await server.client.get("/account", headers=bearer)).status_code == 200
    async with server.house.pool.acquire() as conn:
        token = (await tokens.tokens_of(conn, mira.party_id))[0]
    assert (await mira.post(f"/account/tokens/{token.id}/revoke")).status_code == 303
    assert (await server.client.get("/account", headers=bearer)).status_code == 401


async def test_anothers_session_and_token_are_not_found(server: Server) -> None:
    mira, thief = await someone(server), await someone(server)
    async with server.house.pool.acquire() as conn:
        now = server.house.node_time.now()
        await tokens.create_token(conn, mira.party_id, "robot", now)
        session = (await sessions.sessions_of(conn, mira.party_id, now))[0]
        token = (await tokens.tokens_of(conn, mira.party_id))[0]
    for path in (f"/account/sessions/{session.id}/end", f"/account/tokens/{token.id}/revoke"):
        assert (await thief.post(path)).status_code == 404
    assert (await mira.get("/account")).status_code == 200
    assert (await mira.post(f"/account/sessions/{session.id}/end")).status_code == 303
    assert (await mira.get("/account")).status_code == 303


async def test_pages_of_a_party_are_kept_by_nobody(server: Server) -> None:
    mira = await someone(server)
    assert "no-store" in (await mira.get("/account")).headers["cache-control"]
