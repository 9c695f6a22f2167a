"""Drawing up a contract, changing its wording, declining it, and its end when nobody signs. How it is signed stands in
`market.contracting.signing`. Every function is part of its caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import structs

from escrow import store as escrow_store
from market import notices
from market.contracting import amending, store
from market.contracting.facts import (
    SIGNING_SECONDS,
    Contract,
    ContractHooks,
    ContractRefusal,
    ContractState,
    Origin,
    Unsound,
)
from market.contracting.terms import TermsFees, TradeTerms, canonical, flaws
from market.contracts import ContractTerms
from market.currencies import money_text
from market.fees import Market, in_force
from market.live_topics import announce

if TYPE_CHECKING:
    from market.config import Config
    from migrations.database import Connection

LONGEST_REASON = 500

_hooks = [ContractHooks()]


def use_hooks(hooks: ContractHooks) -> None:
    """What is called in the transactions of contracts, from when the house opens."""
    _hooks[0] = hooks


def hooks() -> ContractHooks:
    return _hooks[0]


async def draw_up(
    conn: Connection, origin: Origin, terms: TradeTerms, now: datetime, config: Config
) -> Contract | Unsound:
    """The contract that this match, acceptance or document makes, open to be signed by both for 72 hours. Names and fees
    are frozen here. Asked again for the same origin it answers with the contract that there is.
    """
    return (await draw_up_many(conn, [(origin, terms)], now, config))[origin]


async def draw_up_many(
    conn: Connection, asked: Sequence[tuple[Origin, TradeTerms]], now: datetime, config: Config
) -> dict[Origin, Contract | Unsound]:
    """The same for many origins, in a fixed number of statements beside those of the hooks. One that is unsound leaves the
    others be.
    """
    names = await store.party_names(conn, {party for _, terms in asked for party in (terms.seller_id, terms.buyer_id)})
    fees: dict[str, TermsFees] = {}
    drawn: dict[Origin, Contract | Unsound] = {}
    sound: list[tuple[Origin, TradeTerms]] = []
    for origin, terms in asked:
        if terms.currency not in fees:
            fees[terms.currency] = await fees_now(conn, terms.currency, now, config)
        whole = structs.replace(
            terms,
            seller_name=names[terms.seller_id],
            buyer_name=names[terms.buyer_id],
            fees=terms.fees or fees[terms.currency],
        )
        if found := flaws(whole, now):
            drawn[origin] = Unsound(tuple(found))
        else:
            sound.append((origin, whole))
    made = await store.insert_contracts(conn, sound, now, now + timedelta(seconds=SIGNING_SECONDS)) if sound else []
    await notices.notify_each(conn, [told for one in made for told in _drawn_up_notices(one)], now)
    if made:
        await _hooks[0].on_drawn_up(conn, made, now)
    drawn |= {one.origin: one for one in made}
    for origin, _ in asked:
        if origin not in drawn:
            contract_id = await store.id_of_origin(conn, origin)
            assert contract_id is not None, "an origin that conflicts has its contract"
            drawn[origin] = await certain(conn, contract_id)
    return drawn


def _drawn_up_notices(contract: Contract) -> list[notices.Told]:
    params, link = params_of(contract), link_of(contract)
    return [
        notices.Told(party_id=party_id, kind="contract_drawn_up", params=params, link=link)
        for party_id in (contract.seller_id, contract.buyer_id)
    ]


async def party_names(conn: Connection, party_ids: Collection[int]) -> dict[int, str]:
    """What contracts drawn up now would call these parties."""
    return await store.party_names(conn, party_ids)


async def record_hammer(conn: Connection, case_id: int, terms: ContractTerms, now: datetime) -> int:
    """The contract of an auction's sale, which both may sign afterwards; its number."""
    return await store.insert_hammer_contract(conn, case_id, terms, now)


async def fees_now(conn: Connection, currency: str, now: datetime, config: Config) -> TermsFees:
    """What a contract drawn up now would cost its seller."""
    fees = await in_force(conn, Market.TRADING, currency, now, config.commission_bp)
    return TermsFees(
        commission_bp=fees.commission_bp, transaction_bp=fees.transaction_bp, service_minor=fees.service_minor
    )


async def contract(conn: Connection, contract_id: int) -> Contract | None:
    return await store.contract(conn, contract_id)


async def contract_of_case(conn: Connection, case_id: int) -> Contract | None:
    """The contract under a deal, also under a part of one."""
    contract_id = await store.id_of_case(conn, case_id)
    return None if contract_id is None else await store.contract(conn, contract_id)


async def propose(
    conn: Connection, contract_id: int, party_id: int, wanted: TradeTerms, reason: str, now: datetime
) -> Contract | ContractRefusal | Unsound:
    """Another wording, which binds once both have signed it; till then the one that stands goes on standing."""
    found = await store.lock(conn, contract_id)
    if found is None:
        return ContractRefusal.NO_SUCH_CONTRACT
    case = None if found.case_id is None else await escrow_store.lock_case(conn, found.case_id)
    refusal = amending.judge(found, case, party_id, wanted, now)
    if refusal is not None:
        return refusal
    n = len(found.versions) + 1
    reason = reason.strip()[:LONGEST_REASON]
    await store.insert_version(conn, found.id, n, canonical(wanted), party_id, now, reason)
    sign_by = None if found.sign_by is None else now + timedelta(seconds=SIGNING_SECONDS)
    await store.offer_version(conn, found.id, n, sign_by)
    await store.insert_event(conn, found.id, "proposed", now, actor_id=party_id, version=n)
    return await _told(conn, found.id, "contract_amendment", [found.other(party_id)], now)


async def withdraw(conn: Connection, contract_id: int, party_id: int, now: datetime) -> Contract | ContractRefusal:
    """Whoever proposed the open amendment takes it back."""
    found = await store.lock(conn, contract_id)
    if found is None:
        return ContractRefusal.NO_SUCH_CONTRACT
    if found.role_of(party_id) is None:
        return ContractRefusal.NOT_A_PARTY
    if found.amendment is None:
        return ContractRefusal.NO_AMENDMENT
    if found.amendment.proposed_by != party_id:
        return ContractRefusal.NOT_YOUR_AMENDMENT
    await _close_amendment(conn, found, "withdrawn", party_id, now)
    return await _told(conn, found.id, "contract_amendment_withdrawn", [found.other(party_id)], now)


async def decline(
    conn: Connection, contract_id: int, party_id: int, reason: str, now: datetime
) -> Contract | ContractRefusal:
    """No to the open amendment of the other; without one, no to the whole contract while it does not bind."""
    found = await store.lock(conn, contract_id)
    if found is None:
        return ContractRefusal.NO_SUCH_CONTRACT
    if found.role_of(party_id) is None:
        return ContractRefusal.NOT_A_PARTY
    if found.ended_at is not None:
        return ContractRefusal.ENDED
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        return ContractRefusal.SAID_NO_REASON
    if found.amendment is not None and found.amendment.proposed_by != party_id:
        await _close_amendment(conn, found, "amendment_declined", party_id, now, reason)
        return await _told(conn, found.id, "contract_amendment_declined", [found.other(party_id)], now)
    if found.state is ContractState.IN_FORCE:
        return ContractRefusal.ALREADY_IN_FORCE
    await store.end(conn, found.id, ContractState.CANCELLED, now)
    await store.insert_event(conn, found.id, "declined", now, actor_id=party_id, detail={"reason": reason})
    return await _ended(conn, found.id, "contract_declined", [found.other(party_id)], now)


async def lapse_one(conn: Connection, now: datetime) -> int | None:
    """End one contract that was not signed by both in time; its number, or None when none is due."""
    contract_id = await store.overdue(conn, now)
    if contract_id is None:
        return None
    found = await certain(conn, contract_id)
    await store.end(conn, contract_id, ContractState.LAPSED, now)
    await store.insert_event(conn, contract_id, "lapsed", now)
    await _ended(conn, contract_id, "contract_lapsed", [found.seller_id, found.buyer_id], now)
    return contract_id


async def certain(conn: Connection, contract_id: int) -> Contract:
    found = await store.contract(conn, contract_id)
    assert found is not None, "a contract never goes away"
    return found


async def tell(
    conn: Connection, contract: Contract, kind: str, parties: list[int], now: datetime, **more: str | int
) -> None:
    """A notice to parties, and news to whoever watches the contract."""
    await notices.notify(conn, parties, kind, {**params_of(contract), **more}, link_of(contract), now)
    await announce(conn, f"contract:{contract.id}", contract.revision)


def link_of(contract: Contract) -> str:
    return f"/contracts/{contract.id}"


def params_of(contract: Contract) -> dict[str, str | int]:
    """What every notice about a contract can say."""
    terms = contract.standing.terms
    params: dict[str, str | int] = {
        "contract": contract.id,
        "title_en": terms.title_en or terms.title_zh,
        "title_zh": terms.title_zh or terms.title_en,
        "sum": money_text(terms.price_minor, terms.currency),
    }
    if contract.sign_by is not None:
        params["due"] = contract.sign_by.isoformat(timespec="seconds").replace("+00:00", "Z")
    return params


async def _close_amendment(
    conn: Connection, found: Contract, kind: str, party_id: int, now: datetime, reason: str = ""
) -> None:
    """Before anything binds the first wording lies open again; later nothing does."""
    assert found.amendment is not None
    back_to = 1 if found.state is ContractState.AWAITING_SIGNATURES else None
    await store.offer_version(conn, found.id, back_to, found.sign_by)
    detail = {"reason": reason} if reason else {}
    await store.insert_event(conn, found.id, kind, now, actor_id=party_id, version=found.amendment.n, detail=detail)


async def _told(conn: Connection, contract_id: int, kind: str, parties: list[int], now: datetime) -> Contract:
    after = await certain(conn, contract_id)
    await tell(conn, after, kind, parties, now)
    return after


async def _ended(conn: Connection, contract_id: int, kind: str, parties: list[int], now: datetime) -> Contract:
    after = await _told(conn, contract_id, kind, parties, now)
    await _hooks[0].on_ended(conn, after, now)
    return after
