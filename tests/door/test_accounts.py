"""Parties, sessions, tokens and links on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from market import audit, notices, parties, sessions, sign_in_links, tokens
from market.passphrases import Passphrases
from market.refusals import MarketRefusal

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from migrations.database import Connection

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PHRASE = "quiet river seven lanterns"


@pytest.fixture(scope="module")
async def passphrases() -> AsyncIterator[Passphrases]:
    made = Passphrases(workers=1)
    yield made
    made.close()


async def member(conn: Connection, email: str = "mira@example.org", phc: str | None = None) -> int:
    party = await parties.register(conn, email=email, display_name="Mira", language="en", passphrase_phc=phc, now=NOW)
    assert isinstance(party, int)
    return party


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Mira@Example.ORG ", "mira@example.org"),
        ("ünal@bücher.example", "ünal@bücher.example"),
        ("U\u0308NAL@example.org", "ünal@example.org"),
        ("STRASSE@example.org", "strasse@example.org"),
        ("straße@example.org", "strasse@example.org"),
        ("o'hara+lots@example.org", "o'hara+lots@example.org"),
    ],
)
def test_one_mailbox_has_one_form(typed: str, kept: str) -> None:
    assert parties.plain_email(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "", "mira", "@example.org", "mira@", "mira@example", "mi ra@example.org", "mira@exa\x00mple.org",
        "mira@example..org", "mira@example.org\r\nBcc: x@y.z", "a@b@c.org", "mira\u202e@example.org",
        "mira\u200b@example.org", "<mira@example.org>", "x" * 250 + "@example.org", "mira@.org",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(typed: str) -> None:
    assert parties.plain_email(typed) is MarketRefusal.EMAIL_MALFORMED


@pytest.mark.parametrize("typed", ["", "   ", "a\x00b", "evil\u202etxt", "zero\u200bwidth", "line\nbreak", "x" * 61])
def test_a_name_has_nothing_invisible_and_no_end(typed: str) -> None:
    assert parties.plain_name(typed) is MarketRefusal.DISPLAY_NAME_MALFORMED


async def test_an_address_is_taken_once_however_it_is_written(conn: Connection) -> None:
    await member(conn, "mira@example.org")
    again = await parties.register(
        conn, email="MIRA@EXAMPLE.ORG", display_name="Other", language="zh", passphrase_phc=None, now=NOW
    )
    assert again is MarketRefusal.EMAIL_TAKEN


async def test_sql_in_an_address_is_an_address(conn: Connection, passphrases: Passphrases) -> None:
    hostile = "x'or''='@example.org"
    assert await parties.prove(conn, passphrases, hostile, PHRASE) is None
    party = await member(conn, hostile, await passphrases.hash(PHRASE))
    assert await parties.prove(conn, passphrases, hostile, PHRASE) == party
    assert await parties.prove(conn, passphrases, "' or 1=1 --@x.yz", PHRASE) is None


async def test_the_passphrase_proves_and_a_disabled_party_proves_nothing(
    conn: Connection, passphrases: Passphrases
) -> None:
    party = await member(conn, phc=await passphrases.hash(PHRASE))
    assert await parties.prove(conn, passphrases, "Mira@example.org", PHRASE) == party
    assert await parties.prove(conn, passphrases, "mira@example.org", PHRASE + "x") is None
    assert await parties.prove(conn, passphrases, "nobody@example.org", PHRASE) is None
    await parties.disable(conn, party, None, "asked for it", NOW)
    assert await parties.prove(conn, passphrases, "mira@example.org", PHRASE) is None
    assert not await parties.passphrase_is(conn, passphrases, party, PHRASE)


async def test_a_party_without_a_passphrase_proves_nothing(conn: Connection, passphrases: Passphrases) -> None:
    await member(conn)
    assert await parties.prove(conn, passphrases, "mira@example.org", "") is None


async def test_a_hash_with_older_parameters_is_renewed_at_sign_in(conn: Connection, passphrases: Passphrases) -> None:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    older = Argon2id(salt=b"sixteen bytes ok", length=32, iterations=1, lanes=1, memory_cost=8192)
    party = await member(conn, phc=older.derive_phc_encoded(PHRASE.encode()))
    assert await parties.prove(conn, passphrases, "mira@example.org", PHRASE) == party
    kept = await conn.fetchval("select passphrase_phc from market.party where id = $1", party)
    assert not passphrases.is_outdated(kept)


async def test_a_session_is_known_by_its_token_only_and_kept_as_a_hash(conn: Connection) -> None:
    token = await sessions.sign_in(conn, await member(conn), NOW)
    viewer = await sessions.viewer_of(conn, token, NOW)
    assert viewer is not None and viewer.display_name == "Mira" and viewer.roles == {"member"}
    assert await sessions.viewer_of(conn, token + "x", NOW) is None
    stored = await conn.fetchval("select token_sha256 from market.session")
    assert token.encode() not in stored and len(stored) == 32


async def test_a_new_sign_in_ends_the_session_that_the_browser_brought(conn: Connection) -> None:
    party = await member(conn)
    planted = await sessions.sign_in(conn, party, NOW)
    fresh = await sessions.sign_in(conn, party, NOW, replaces=planted)
    assert fresh != planted
    assert await sessions.viewer_of(conn, planted, NOW) is None
    assert await sessions.viewer_of(conn, fresh, NOW) is not None


async def test_a_session_ends_by_age_and_by_idleness(conn: Connection) -> None:
    party = await member(conn)
    token = await sessions.sign_in(conn, party, NOW)
    assert await sessions.viewer_of(conn, token, NOW + sessions.IDLE + timedelta(seconds=1)) is None
    used = NOW
    while used < NOW + sessions.LIFETIME - timedelta(days=1):
        used += timedelta(days=1)
        assert await sessions.viewer_of(conn, token, used) is not None
    assert await sessions.viewer_of(conn, token, NOW + sessions.LIFETIME) is None
    await sessions.sweep(conn, NOW + sessions.LIFETIME)
    assert await conn.fetchval("select count(*) from market.session") == 0


async def test_anothers_session_and_token_can_not_be_ended(conn: Connection) -> None:
    owner, other = await member(conn), await member(conn, "other@example.org")
    session = await sessions.sign_in(conn, owner, NOW)
    token = await tokens.create_token(conn, owner, "robot", NOW)
    viewer, bearer = await sessions.viewer_of(conn, session, NOW), await tokens.viewer_of(conn, str(token), NOW)
    assert viewer and bearer and viewer.session_id and bearer.token_id
    await sessions.end(conn, viewer.session_id, other, NOW)
    await tokens.revoke(conn, bearer.token_id, other, NOW)
    assert await sessions.is_good(conn, viewer, NOW) and await sessions.is_good(conn, bearer, NOW)
    await sessions.end(conn, viewer.session_id, owner, NOW)
    await tokens.revoke(conn, bearer.token_id, owner, NOW)
    assert not await sessions.is_good(conn, viewer, NOW) and not await sessions.is_good(conn, bearer, NOW)
    assert await tokens.viewer_of(conn, str(token), NOW) is None


async def test_a_disabled_party_is_out_of_every_session_at_once(conn: Connection) -> None:
    party = await member(conn)
    session = await sessions.sign_in(conn, party, NOW)
    token = await tokens.create_token(conn, party, "robot", NOW)
    await parties.disable(conn, party, None, "fraud", NOW)
    assert await sessions.viewer_of(conn, session, NOW) is None
    assert await tokens.viewer_of(conn, str(token), NOW) is None


async def test_tokens_have_a_name_and_a_limit(conn: Connection) -> None:
    party = await member(conn)
    assert await tokens.create_token(conn, party, "  ", NOW) is MarketRefusal.TOKEN_NAME_MALFORMED
    for n in range(tokens.MOST):
        assert str(await tokens.create_token(conn, party, f"robot {n}", NOW)).startswith("gh_")
    assert await tokens.create_token(conn, party, "one more", NOW) is MarketRefusal.TOO_MANY_TOKENS


async def test_of_many_uses_of_a_link_at_once_one_signs_in(pool: Pool[Record]) -> None:
    async with pool.acquire() as conn:
        party = await member(conn)
        path = await sign_in_links.create_link(conn, party, NOW)
    token = path.rpartition("/")[2]

    async def use() -> int | None:
        async with pool.acquire() as own:
            return await sign_in_links.spend(own, token, NOW)

    got = await asyncio.gather(*(use() for _ in range(8)))
    assert sorted(got, key=str) == [party, *[None] * 7]


async def test_a_link_is_good_for_a_day(conn: Connection) -> None:
    party = await member(conn)
    late = (await sign_in_links.create_link(conn, party, NOW)).rpartition("/")[2]
    timely = (await sign_in_links.create_link(conn, party, NOW)).rpartition("/")[2]
    assert await sign_in_links.spend(conn, late, NOW + sign_in_links.LIFETIME) is None
    just_before = NOW + sign_in_links.LIFETIME - timedelta(seconds=1)
    assert await sign_in_links.spend(conn, timely, just_before) == party


@pytest.mark.parametrize(
    "statement", ["update market.audit set act = 'x'", "delete from market.audit", "truncate market.audit"]
)
async def test_the_audit_trail_can_not_be_changed_even_by_its_owner(owner_pool: Pool[Record], statement: str) -> None:
    async with owner_pool.acquire() as conn:
        await audit.record(conn, None, "test.done", "test:1", "why", {"n": 1}, NOW)
        with pytest.raises(asyncpg.RestrictViolationError):
            await conn.execute(statement)
        assert [entry.act for entry in await audit.entries_of(conn, "test:1")] == ["test.done"]


@pytest.mark.parametrize("statement", ["update market.audit set act = 'x'", "delete from market.audit"])
async def test_the_server_has_no_right_to_touch_the_trail(conn: Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute(statement)


async def test_roles_and_bars_leave_a_line_in_the_trail(conn: Connection) -> None:
    party = await member(conn)
    await parties.make_operator(conn, party, None, NOW)
    found = await parties.party_by_id(conn, party)
    assert found is not None and set(found.roles) == {"member", "operator"}
    await parties.make_member(conn, party, party, NOW)
    await parties.bar(conn, party, None, "did not pay", NOW)
    found = await parties.party_by_email(conn, "MIRA@example.org")
    assert found is not None and found.roles == ("member",) and found.barred_reason == "did not pay"
    acts = [entry.act for entry in await audit.entries_of(conn, f"party:{party}")]
    assert acts == ["party.registered", "party.roles_changed", "party.roles_changed", "party.barred"]


async def test_a_thousand_parties_are_told_in_one_statement_and_read_only_their_own(conn: Connection) -> None:
    ids = [await member(conn, f"m{n}@example.org") for n in range(3)]
    await notices.notify(conn, ids, "lot_lost", {"lot": 7, "title_en": "Vase"}, "/lots/7", NOW)
    mine = await notices.notices_of(conn, ids[0])
    assert [(notice.kind, notice.params, notice.link) for notice in mine] == [
        ("lot_lost", {"lot": 7, "title_en": "Vase"}, "/lots/7")
    ]
    assert await notices.read(conn, mine[0].id, ids[1], NOW) is None
    assert await notices.read(conn, mine[0].id, ids[0], NOW) == "/lots/7"
    assert await conn.fetchval("select count(*) from market.notice where read_at is null") == 2


@pytest.mark.parametrize("link", ["//evil.example", "https://evil.example", "lots/7"])
async def test_a_notice_never_links_out_of_the_house(conn: Connection, link: str) -> None:
    party = await member(conn)
    with pytest.raises(asyncpg.CheckViolationError):
        await notices.notify(conn, [party], "lot_lost", {}, link, NOW)
