"""The API's account area: register, tokens, the viewer's own data, bank account, notices."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct
from starlette.requests import Request

import market.step_up
from escrow.facts import BankAccount
from market import audit, fraud_links, notices, parties, passphrases, tokens
from market.api.operations import Call, granted, operation
from market.api.shapes import Before, Id
from market.fraud_facts import TraitKind, TraitSource
from market.notices import Notice
from market.pages.notices import text_of
from market.problems import Problem, ProblemError

Name = Annotated[str, Meta(min_length=1, max_length=60)]
Email = Annotated[str, Meta(min_length=3, max_length=254)]
Passphrase = Annotated[str, Meta(min_length=1, max_length=1024)]
LanguageCode = Literal["en", "zh"]


class Registration(Struct, kw_only=True, forbid_unknown_fields=True):
    email: Email
    display_name: Name
    passphrase: Passphrase
    language: LanguageCode = "en"


class Registered(Struct, kw_only=True):
    party_id: int
    token: str


class TokenWish(Struct, kw_only=True, forbid_unknown_fields=True):
    email: Email
    passphrase: Passphrase
    name: Name


class NewToken(Struct, kw_only=True):
    """The only time that the token itself is told."""

    token: str


class TokenShape(Struct, kw_only=True):
    id: int
    name: str
    last_four: str
    created_at: datetime
    last_used_at: datetime | None


class Tokens(Struct, kw_only=True):
    items: list[TokenShape]


class Me(Struct, kw_only=True):
    party_id: int
    email: str
    display_name: str
    language: LanguageCode
    roles: list[str]
    created_at: datetime
    unread_notices: int


class Profile(Struct, kw_only=True, forbid_unknown_fields=True):
    display_name: Name
    language: LanguageCode


class BankAccountWish(Struct, kw_only=True, forbid_unknown_fields=True):
    holder: Annotated[str, Meta(min_length=1, max_length=70)]
    number: Annotated[str, Meta(min_length=6, max_length=50)]
    passphrase: Passphrase


class BankAccountShape(Struct, kw_only=True):
    holder: str
    number: str


class NoticeShape(Struct, kw_only=True):
    id: int
    kind: str
    text: str
    link: str
    created_at: datetime
    read_at: datetime | None


class Notices(Struct, kw_only=True):
    """Newest first. `next` is the `before` of the next page."""

    items: list[NoticeShape]
    next: Id | None


@operation("POST", "/parties", tag="account", status=201, keyed=False)
async def register(call: Call, body: Registration) -> Registered:
    """A new member, and a first token to go on with."""
    refused = passphrases.refusal(body.passphrase, email=body.email, display_name=body.display_name)
    if refused is not None:
        raise ProblemError(refused)
    phc = await call.house.passphrases.hash(body.passphrase)
    party_id: int = granted(
        await parties.register(
            call.conn,
            email=body.email,
            display_name=body.display_name,
            language=body.language,
            passphrase_phc=phc,
            now=call.now,
        )
    )
    token: str = granted(await tokens.create_token(call.conn, party_id, "api", call.now))
    return Registered(party_id=party_id, token=token)


@operation("POST", "/tokens", tag="account", status=201, keyed=False)
async def create_token(call: Call, body: TokenWish) -> NewToken:
    """A token for an address and its passphrase. Tries are counted as those of signing in."""
    party_id: int = granted(await market.step_up.prove(call.house, call.conn, body.email, body.passphrase))
    return NewToken(token=granted(await tokens.create_token(call.conn, party_id, body.name, call.now)))


@operation("GET", "/tokens", tag="account")
async def list_tokens(call: Call) -> Tokens:
    """The viewer's live tokens, without the tokens themselves."""
    found = await tokens.tokens_of(call.conn, call.viewer.id)
    return Tokens(
        items=[
            TokenShape(
                id=one.id,
                name=one.name,
                last_four=one.last_four,
                created_at=one.created_at,
                last_used_at=one.last_used_at,
            )
            for one in found
        ]
    )


@operation("DELETE", "/tokens/{token_id:int}", tag="account")
async def revoke_token(call: Call, token_id: int) -> None:
    """The token opens nothing from now on."""
    await tokens.revoke(call.conn, token_id, call.viewer.id, call.now)

    async def close() -> None:
        call.house.close_party(call.viewer.id)

    call.afterwards(close)


@operation("GET", "/me", tag="account")
async def me(call: Call) -> Me:
    """Who the token is."""
    return await _me(call)


@operation("PATCH", "/me", tag="account")
async def change_me(call: Call, body: Profile) -> Me:
    """A new name and language."""
    refused = await parties.change_profile(
        call.conn, call.viewer.id, display_name=body.display_name, language=body.language
    )
    if refused is not None:
        raise ProblemError(refused)
    return await _me(call)


@operation("GET", "/me/bank-account", tag="account")
async def my_bank_account(call: Call) -> BankAccountShape:
    """Where payouts go; 404 until it is named."""
    account = await call.house.escrow.wallet.bank_account(call.conn, call.viewer.id)
    if account is None:
        raise ProblemError(Problem.NOT_FOUND)
    return _bank_account(account)


@operation("PUT", "/me/bank-account", tag="account")
async def set_bank_account(call: Call, body: BankAccountWish) -> BankAccountShape:
    """Where payouts go from now on; needs the passphrase."""
    await step_up(call, body.passphrase)
    account: BankAccount = granted(
        await call.house.escrow.wallet.register_bank_account(
            call.conn, call.viewer.id, body.holder, body.number, call.now
        )
    )
    subject, detail = f"party:{call.viewer.id}", {"last_four": account.number[-4:]}
    await audit.record(call.conn, call.viewer.id, "bank_account.changed", subject, None, detail, call.now)
    await fraud_links.seen(
        call.conn, call.viewer.id, TraitKind.BANK_ACCOUNT, account.number, TraitSource.PAYOUT_ACCOUNT, call.now
    )
    return _bank_account(account)


@operation("GET", "/me/notices", tag="account")
async def my_notices(call: Call, query: Before) -> Notices:
    """What the house has told the viewer."""
    found = await notices.notices_of(call.conn, call.viewer.id, before_id=query.before)
    kept = found[: query.limit]
    more = kept[-1].id if kept and (len(found) > len(kept) or len(found) == notices.PAGE_SIZE) else None
    return Notices(items=[_notice(call.request, one, call.lang) for one in kept], next=more)


@operation("POST", "/me/notices/read", tag="account")
async def read_notices(call: Call) -> None:
    """Everything has been read."""
    await notices.read_all(call.conn, call.viewer.id, call.now)


async def step_up(call: Call, passphrase: str) -> None:
    """The passphrase asked again, good for this one request; the tries are counted."""
    granted(await market.step_up.step_up(call.house, call.conn, call.viewer.id, passphrase))


async def _me(call: Call) -> Me:
    party = await parties.party_by_id(call.conn, call.viewer.id)
    assert party is not None, "a token's party is there"
    return Me(
        party_id=party.id,
        email=party.email,
        display_name=party.display_name,
        language="zh" if party.language == "zh" else "en",
        roles=list(party.roles),
        created_at=party.created_at,
        unread_notices=call.viewer.unread_notices,
    )


def _bank_account(account: BankAccount) -> BankAccountShape:
    return BankAccountShape(holder=account.holder, number=account.number)


def _notice(request: Request, one: Notice, lang: Literal["zh", "en"]) -> NoticeShape:
    return NoticeShape(
        id=one.id,
        kind=one.kind,
        text=str(text_of(request, one, lang)),
        link=one.link,
        created_at=one.created_at,
        read_at=one.read_at,
    )
