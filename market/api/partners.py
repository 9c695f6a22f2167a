"""The API of a party's own system: where its documents go, in which format, and with whom its messages stand for signatures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from market.api.account import Passphrase, step_up
from market.api.documents import FlawOut, flaw_out
from market.api.operations import Call, granted, operation
from market.api.shapes import Listed, Paging
from market.documents import partners, store
from market.documents.records import Agency
from market.documents.store import Channel, Format
from market.documents.webhooks import secret_of
from market.problems import Problem, ProblemError


class PartnerIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """`agency`: `gln` for a GLN, `house` for a code of one's own. `url` for a webhook only. The passphrase is the step-up:
    whoever changes the address reads the documents."""

    code: Annotated[str, Meta(min_length=1, max_length=35)]
    agency: Agency
    format: Format
    channel: Channel
    url: Annotated[str, Meta(max_length=500)] = ""
    passphrase: Passphrase


class PartnerOut(Struct, kw_only=True):
    """`secret` signs what goes to the webhook (Standard Webhooks); it is another after each change. `folder` is the name of
    the party's own among the partners' folders, with `in` and `out` in it; empty on another channel."""

    code: str
    agency: Agency
    format: Format
    channel: Channel
    url: str
    secret: str
    house_code: str
    folder: str
    changed_at: datetime


class ConsentIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """The step-up: from then on an order or a confirmation that the party's system sends is signed."""

    passphrase: Passphrase


class ConsentOut(Struct, kw_only=True):
    """`in_force` once both have given it."""

    party_id: int
    name: str
    given: bool
    given_back: bool
    in_force: bool


class ExchangeOut(Struct, kw_only=True):
    """What the party's system sent, and what became of it."""

    id: int
    format: Format
    reference: str
    kinds: list[str]
    accepted: bool
    flaws: list[FlawOut]
    case_id: int | None
    contract_id: int | None
    negotiation_id: int | None
    received_at: datetime


@operation("GET", "/partner", tag="documents")
async def partner(call: Call) -> PartnerOut:
    """How the viewer's system is reached."""
    return _out(call, await store.partner(call.conn, call.viewer.id))


@operation("PUT", "/partner", tag="documents")
async def save_partner(call: Call, body: PartnerIn) -> PartnerOut:
    """Say where the viewer's documents go."""
    await step_up(call, body.passphrase)
    wish = partners.Wish(code=body.code, agency=body.agency, format=body.format, channel=body.channel, url=body.url)
    saved = granted(await partners.save(call.conn, call.house.config, call.viewer.id, wish, call.now))
    return _out(call, saved)


@operation("GET", "/partner/consents", tag="documents")
async def consents(call: Call) -> list[ConsentOut]:
    """With whom the viewer has traded, and whose messages stand for signatures."""
    return [_consent(each) for each in await store.consents_of(call.conn, call.viewer.id)]


@operation("PUT", "/partner/consents/{other_id:int}", tag="documents")
async def give_consent(call: Call, other_id: int, body: ConsentIn) -> list[ConsentOut]:
    """The viewer's messages stand for his signature towards this party."""
    await step_up(call, body.passphrase)
    return await _set(call, other_id, given=True)


@operation("DELETE", "/partner/consents/{other_id:int}", tag="documents")
async def end_consent(call: Call, other_id: int) -> list[ConsentOut]:
    """From now on they don't."""
    return await _set(call, other_id, given=False)


@operation("GET", "/exchanges", tag="documents")
async def exchanges(call: Call, query: Paging) -> Listed[ExchangeOut]:
    """What the viewer's system sent, newest first."""
    rows, total = await store.exchanges_of_party(
        call.conn, call.viewer.id, query.page_size, (query.page - 1) * query.page_size
    )
    items = [
        ExchangeOut(
            id=row.id,
            format=row.format,
            reference=row.reference,
            kinds=list(row.kinds),
            accepted=row.accepted,
            flaws=[flaw_out(each, call.house, call.request) for each in row.flaws],
            case_id=row.case_id,
            contract_id=row.contract_id,
            negotiation_id=row.negotiation_id,
            received_at=row.received_at,
        )
        for row in rows
    ]
    return Listed(items=items, page=query.page, pages=max(1, -(-total // query.page_size)), total=total)


async def _set(call: Call, other_id: int, *, given: bool) -> list[ConsentOut]:
    refusal = await partners.consent(call.conn, call.viewer.id, other_id, given, call.now)
    if refusal is not None:
        raise ProblemError(refusal)
    return [_consent(each) for each in await store.consents_of(call.conn, call.viewer.id)]


def _consent(each: store.Consent) -> ConsentOut:
    return ConsentOut(
        party_id=each.other_id,
        name=each.name,
        given=each.is_given,
        given_back=each.is_given_back,
        in_force=each.is_given and each.is_given_back,
    )


def _out(call: Call, found: store.Partner | None) -> PartnerOut:
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    return PartnerOut(
        code=found.code,
        agency=found.agency,
        format=found.format,
        channel=found.channel,
        url=found.url,
        secret=secret_of(call.house.config.secret_key, found),
        house_code=call.house.config.edi_code,
        folder=str(found.party_id) if found.channel is Channel.FOLDER else "",
        changed_at=found.changed_at,
    )
