"""Where the auction and the escrow meet: the hammer falls, and in the same transaction the money is put in order.

A lot that closes frees every loser's deposit, opens the winner's escrow case under the hash of the contract, and tells
everyone concerned. A case that changes tells its parties; "ship" is told only when the money is held. Both run inside
the caller's transaction, so a sale without its case, or a closed lot with a frozen loser, never exists.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import UNSET, structs

from auction.facts import Award, Hammer, Outcome
from escrow import store
from escrow.deposits import Deposits
from escrow.facts import (
    SMALLEST_LINE_MINOR,
    Action,
    Case,
    CaseEvent,
    CaseTerms,
    DepositState,
    Line,
    Payout,
    PayoutPurpose,
    PayoutState,
    Quarantined,
    QuarantineReason,
    Role,
    State,
    Timers,
)
from escrow.hooks import Hooks
from escrow.references import find_reference
from market import deals_store, desk_notices, notices, runner_up
from market.applications import lot_of, subject_of
from market.contracting import desk as contracting
from market.contracting import formalities
from market.contracts import ContractTerms, canonical, terms_sha256
from market.currencies import EXPONENTS, money_text
from market.fees import fees_of_lot, market_of
from market.working_days import days_off, frozen

if TYPE_CHECKING:
    from datetime import datetime

    from escrow.desk import EscrowDesk
    from market.config import Config
    from migrations.database import Connection

MOST_LINES = 50
HammerHandler = Callable[["Connection", Hammer], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeTerms:
    """The house's standing terms, written into each contract at the hammer and frozen there."""

    commission_bp: int = 800
    timers: Timers = field(default_factory=Timers)


def trade_terms(config: Config) -> TradeTerms:
    """The terms that the configuration sets. Shipping counts working days unless its time was set to something else."""
    ordinary = config.ship_seconds == 3 * 86_400
    return TradeTerms(
        commission_bp=config.commission_bp,
        timers=Timers(
            payment_seconds=config.payment_seconds,
            ship_seconds=None if ordinary else config.ship_seconds,
            unshipped_seconds=config.ship_grace_seconds,
            arrival_seconds=config.arrival_seconds,
            inspection_seconds=config.inspection_seconds,
            days_off=days_off(config.working_days_off) if ordinary else (),
        ),
    )


def hammer_handler(terms: TradeTerms, desk: EscrowDesk) -> HammerHandler:
    """What the auction calls with each lot that has ended, in the transaction that ends it. A second call changes nothing."""

    async def on_hammer(conn: Connection, hammer: Hammer) -> None:
        if not await deals_store.mark_hammer(conn, hammer):
            return
        if hammer.outcome is Outcome.SOLD:
            await _sold(conn, hammer, terms, desk)
        else:
            await _not_sold(conn, hammer, desk)

    return on_hammer


async def _sold(conn: Connection, hammer: Hammer, terms: TradeTerms, desk: EscrowDesk) -> None:
    buyers = [award.party_id for award in hammer.awards]
    kept = [*buyers, *await runner_up.held_for(conn, hammer.lot_id, buyers)]
    await desk.deposits.free_deposits(
        conn, subject_of(hammer.lot_id), None, hammer.struck_at, except_parties=sorted(kept)
    )
    for award in sorted(hammer.awards, key=lambda award: award.party_id):
        await open_deal(conn, hammer, award, terms, desk)
    await _tell_losers(conn, hammer, buyers)


async def open_deal(conn: Connection, hammer: Hammer, award: Award, terms: TradeTerms, desk: EscrowDesk) -> Case:
    """One award's contract and case. Whoever takes the whole lot has the lot's case, else each buyer has one by paddle.

    Where the lot's owner buys, the winner's deposit is a bond that he will deliver: it is no part of the price, and stays
    held until the case is over.
    """
    deposit_subject = subject_of(hammer.lot_id)
    deposit = None if _is_purchase(hammer) else await desk.deposits.deposit_of(conn, deposit_subject, award.party_id)
    held_minor = deposit.amount_minor if deposit is not None and deposit.state is DepositState.HELD else 0
    contract = await _contract(conn, hammer, award, terms, held_minor)
    case = await desk.settlement.open_case(
        conn,
        CaseTerms(
            subject=deposit_subject if _takes_all(hammer) else subject_of(hammer.lot_id, award.paddle),
            deposit_subject=deposit_subject,
            buyer_id=contract.buyer_id,
            seller_id=contract.seller_id,
            currency=contract.currency,
            price_minor=contract.hammer_minor,
            deposit_minor=held_minor,
            fees=contract.fees,
            contract_sha256=terms_sha256(canonical(contract)),
            timers=_timers(terms, hammer),
            lines=_lines(award),
        ),
        hammer.struck_at,
    )
    await deals_store.insert_deal(conn, case.id, contract)
    await contracting.record_hammer(conn, case.id, contract, hammer.struck_at)
    await _tell_sold(conn, hammer, contract, case)
    return case


def _timers(terms: TradeTerms, hammer: Hammer) -> Timers:
    """The house's clocks as they are frozen in the deal: of its days off those that can matter."""
    return structs.replace(terms.timers, days_off=frozen(terms.timers.days_off, hammer.struck_at.date()))


def _lines(award: Award) -> tuple[Line, ...]:
    """What can be shipped by itself: each unit, where there are several and not too many to choose among."""
    unit_minor = award.total_minor // award.quantity
    if not 1 < award.quantity <= MOST_LINES or unit_minor < SMALLEST_LINE_MINOR:
        return ()
    return tuple(Line(n=n, title="", amount_minor=unit_minor) for n in range(1, award.quantity + 1))


def _takes_all(hammer: Hammer) -> bool:
    return hammer.winner_id is not None


def _is_purchase(hammer: Hammer) -> bool:
    return hammer.format == "reverse"


async def _contract(
    conn: Connection, hammer: Hammer, award: Award, terms: TradeTerms, held_minor: int
) -> ContractTerms:
    unit_price_minor, rest = divmod(award.total_minor, award.quantity)
    assert not rest, "every unit costs the same"
    lot = await deals_store.hammer_lot(conn, hammer.lot_id)
    owner, winner = hammer.seller_id, award.party_id
    fees = await fees_of_lot(
        conn, hammer.lot_id, market_of(hammer.format), hammer.currency, hammer.struck_at, terms.commission_bp
    )
    names = {owner: lot.seller_name, winner: await deals_store.party_name(conn, winner)}
    seller_id, buyer_id = (winner, owner) if _is_purchase(hammer) else (owner, winner)
    timers = _timers(terms, hammer)
    return ContractTerms(
        lot_id=hammer.lot_id,
        title_en=lot.title_en,
        title_zh=lot.title_zh,
        seller_id=seller_id,
        seller_name=names[seller_id],
        buyer_id=buyer_id,
        buyer_name=names[buyer_id],
        buyer_paddle=0 if _is_purchase(hammer) else award.paddle,
        seller_paddle=award.paddle if _is_purchase(hammer) else UNSET,
        currency=hammer.currency,
        currency_exponent=EXPONENTS[hammer.currency],
        hammer_minor=award.total_minor,
        # No more of a deposit goes towards the price than the price; the rest is freed when the case opens.
        deposit_minor=min(held_minor, award.total_minor),
        commission_bp=fees.commission_bp,
        transaction_bp=fees.transaction_bp or UNSET,
        service_minor=fees.service_minor or UNSET,
        seq=hammer.seq,
        head=hammer.head.hex(),
        closed_at=hammer.closed_at,
        payment_seconds=timers.payment_seconds,
        ship_working_days=timers.ship_working_days,
        ship_seconds=timers.ship_seconds,
        days_off=timers.days_off or UNSET,
        unshipped_seconds=timers.unshipped_seconds,
        arrival_seconds=timers.arrival_seconds,
        inspection_seconds=timers.inspection_seconds,
        struck_at=hammer.struck_at,
        quantity=UNSET if _takes_all(hammer) else award.quantity,
        unit_price_minor=UNSET if _takes_all(hammer) else unit_price_minor,
    )


async def _tell_sold(conn: Connection, hammer: Hammer, contract: ContractTerms, case: Case) -> None:
    at = hammer.struck_at
    params = {
        **_named(contract.lot_id, contract.title_en, contract.title_zh),
        "sum": money_text(contract.hammer_minor, contract.currency),
    }
    due = _instant(contract.pay_by)
    deal = f"/deals/{case.id}"
    to_buyer, to_seller = ("purchase_made", "purchase_won") if contract.is_purchase else ("lot_won", "lot_sold")
    await notices.notify(conn, [contract.buyer_id], to_buyer, {**params, "due": due}, deal, at)
    await notices.notify(conn, [contract.seller_id], to_seller, params, deal, at)
    if case.state is State.FUNDED:  # A deposit as high as the price has paid it already.
        made = await deals_store.deal_of_case(conn, case.id)
        assert made is not None, "it was written a moment ago"
        await _tell_step(conn, case, State.FUNDED, made, actor_id=None, at=at)


async def _tell_losers(conn: Connection, hammer: Hammer, buyers: Sequence[int]) -> None:
    """What it sold for: the whole, or one unit where there were several buyers."""
    lot = await deals_store.hammer_lot(conn, hammer.lot_id)
    first = hammer.awards[0]
    params = {
        **_named(hammer.lot_id, lot.title_en, lot.title_zh),
        "sum": money_text(first.total_minor // first.quantity, hammer.currency),
    }
    losers = [party for party in hammer.admitted_ids if party not in buyers]
    kind = "purchase_lost" if _is_purchase(hammer) else "lot_lost"
    await notices.notify(conn, losers, kind, params, f"/lots/{hammer.lot_id}", hammer.struck_at)


async def _not_sold(conn: Connection, hammer: Hammer, desk: EscrowDesk) -> None:
    await desk.deposits.free_deposits(conn, subject_of(hammer.lot_id), None, hammer.struck_at)
    lot = await deals_store.hammer_lot(conn, hammer.lot_id)
    params = _named(hammer.lot_id, lot.title_en, lot.title_zh)
    unsold = "purchase_unsold" if _is_purchase(hammer) else "lot_unsold"
    kind = "lot_void" if hammer.outcome is Outcome.VOID else unsold
    link = f"/lots/{hammer.lot_id}"
    await notices.notify(conn, hammer.admitted_ids, kind, params, link, hammer.struck_at)
    await notices.notify(conn, [hammer.seller_id], f"{kind}_seller", params, link, hammer.struck_at)


async def on_case_changed(conn: Connection, case: Case, event: CaseEvent) -> None:
    """Tell the parties what a step of their case means for them. Whoever took the step is not told of it again."""
    deal = await deals_store.deal_of_case(conn, case.id)
    if deal is None:
        return  # The case is only being opened: the hammer tells, once the contract is written.
    if deal.is_purchase and event.to_state in _BOND_ENDS and case.parent_id is None:
        await _end_bond(conn, deal, event)
    if event.action is Action.SPLIT:
        return  # What was split off is shipped at once, and of that the buyer is told.
    await desk_notices.on_case_changed(conn, case, event, deal.named)
    step = event.action if event.action in _TOLD else event.to_state
    await _tell_step(conn, case, step, deal, actor_id=event.actor_id, at=event.at)


async def _end_bond(conn: Connection, deal: deals_store.Deal, event: CaseEvent) -> None:
    """A supplier who has not delivered what was paid for loses his bond; from any other end he has it back."""
    assert deal.lot_id is not None, "suppliers bid on a lot"
    bonds, subject = Deposits(Hooks()), subject_of(deal.lot_id)
    has_failed = event.from_state is State.FUNDED and event.to_state is State.CANCELLED
    if has_failed and event.actor is not Role.OPERATOR:
        await bonds.forfeit(conn, subject, deal.seller_id, deal.buyer_id, event.at)
    else:
        await bonds.free_deposits(conn, subject, [deal.seller_id], event.at)


async def on_payout_changed(conn: Connection, payout: Payout, now: datetime) -> None:
    """Tell a party whose money can't reach him: without his own act it would lie there for ever."""
    if payout.party_id is None:
        return
    if payout.state is PayoutState.WAITING_ACCOUNT:
        kind, link = "payout_waiting", "/account"
    elif payout.state is not PayoutState.RETURNED:
        return
    elif payout.purpose is PayoutPurpose.WITHDRAWAL:
        kind, link = "payout_back_in_wallet", "/wallet"
    else:
        kind, link = "payout_returned", "/account"
    params = {"sum": money_text(payout.amount_minor, payout.currency)}
    await notices.notify(conn, [payout.party_id], kind, params, link, now)


async def on_quarantined(conn: Connection, item: Quarantined, now: datetime) -> None:
    """Tell the party whose reference came with money that does not fit what came, what was due, and what happens now.
    Money whose return failed lies open again; that is no news to him.
    """
    reference = find_reference(item.reference)
    if reference is None or item.decided_at is not None:
        return
    if item.case_id is not None:
        case = await store.case_by_id(conn, item.case_id)
        deal = await deals_store.deal_of_case(conn, item.case_id)
        if case is None or deal is None or case.reference != reference:
            return  # A payout of the case came back from the seller's bank: the buyer paid nothing wrong.
        party_id, due_minor, currency, link = case.buyer_id, case.due_minor, case.currency, f"/deals/{case.id}"
        named = deal.named
    elif item.deposit_id is not None:
        deposit = await store.deposit_by_id(conn, item.deposit_id)
        lot_id = None if deposit is None else lot_of(deposit.subject)
        if deposit is None or lot_id is None:
            return
        party_id, due_minor, currency, link = (
            deposit.party_id,
            deposit.amount_minor,
            deposit.currency,
            f"/lots/{lot_id}",
        )
        lot = await deals_store.hammer_lot(conn, lot_id)
        named = _named(lot_id, lot.title_en, lot.title_zh)
    else:
        return
    came = {"came": _sum(item.amount_minor, item.currency), "reference": reference}
    if item.reason in (QuarantineReason.WRONG_SUM, QuarantineReason.WRONG_CURRENCY):
        params = {**named, **came, "asked": _sum(due_minor, currency)}
        await notices.notify(conn, [party_id], "payment_not_matching", params, link, now)
    else:
        await notices.notify(conn, [party_id], "payment_not_awaited", {**named, **came}, link, now)


async def _tell_step(
    conn: Connection, case: Case, step: State | Action, deal: deals_store.Deal, *, actor_id: int | None, at: datetime
) -> None:
    params = deal.named
    due_at = case.ship_by_at if case.state is State.FUNDED else case.clock_due_at
    if due_at is not None:
        params["due"] = _instant(due_at)
    parties = {"buyer": case.buyer_id, "seller": case.seller_id}
    told = _TOLD.get(step, {})
    if deal.contract_id is not None:
        told = {role: _OF_A_CONTRACT.get(kind, kind) for role, kind in told.items()}
        if step is State.FUNDED and await formalities.ready_to_ship(conn, case.id):
            told = {"buyer": "contract_paid", "seller": "contract_wait"}
    for role, kind in told.items():
        if actor_id != parties[role]:
            await notices.notify(conn, [parties[role]], kind, params, f"/deals/{case.id}", at)


_BOND_ENDS = frozenset({State.RELEASED, State.SETTLED, State.REFUNDED, State.DEFAULTED, State.CANCELLED})
"""Where a purchase has come to when nothing more is asked of its supplier."""

_TOLD: dict[State | Action, dict[str, str]] = {
    State.FUNDED: {"buyer": "deal_paid_buyer", "seller": "deal_ship"},
    State.SHIPPED: {"buyer": "deal_shipped"},
    State.INSPECTING: {"buyer": "deal_inspecting", "seller": "deal_inspecting"},
    Action.EXTEND_INSPECTION: {"seller": "deal_extended"},
    Action.POSTPONE: {"buyer": "deal_postponed", "seller": "deal_postponed"},
    State.RELEASED: {"buyer": "deal_released_buyer", "seller": "deal_released_seller"},
    State.SETTLED: {"seller": "deal_settled"},
    State.CANCELLED: {"buyer": "deal_cancelled", "seller": "deal_cancelled"},
    State.DEFAULTED: {"buyer": "deal_defaulted_buyer", "seller": "deal_defaulted_seller"},
    Action.CLAIM: {"seller": "claim_raised"},
    Action.RELEASE_UNDISPUTED: {"seller": "claim_undisputed"},
    Action.OFFER: {"buyer": "claim_offer"},
    Action.ACCEPT_CLAIM: {"buyer": "claim_accepted"},
    Action.ACCEPT_OFFER: {"seller": "claim_offer_accepted"},
    Action.WITHDRAW_CLAIM: {"seller": "claim_withdrawn"},
    Action.DEFAULT_JUDGEMENT: {"buyer": "claim_default_buyer", "seller": "claim_default_seller"},
    Action.ASK_RETURN: {"buyer": "claim_return_asked"},
    Action.CONTEST: {"buyer": "claim_contested"},
    Action.ESCALATE: {"buyer": "claim_escalated", "seller": "claim_escalated"},
    Action.RETURN_SHIP: {"seller": "claim_sent_back"},
    Action.CONFIRM_RETURN: {"buyer": "claim_refunded_buyer", "seller": "claim_refunded_seller"},
    Action.LAPSE_RETURN: {"buyer": "claim_lapsed_buyer", "seller": "claim_lapsed_seller"},
    Action.RULE: {"buyer": "claim_ruled", "seller": "claim_ruled"},
    Action.OVERDUE: {"buyer": "claim_overdue", "seller": "claim_overdue"},
    Action.HARD_STOP: {"buyer": "claim_refunded_buyer", "seller": "claim_refunded_seller"},
    Action.APPEAL: {"buyer": "claim_appealed", "seller": "claim_appealed"},
    Action.ENFORCE: {"buyer": "claim_enforced", "seller": "claim_enforced"},
}
"""Who is told what: an act that means the same wherever it happens, else the state in which a case arrives. "Ship" stands
with FUNDED alone: no other state asks for goods; of a contract only once no paper is missing that it waits for. What a ruling's proposal says only operators hear.
"""


_OF_A_CONTRACT = {"deal_defaulted_buyer": "contract_defaulted", "deal_defaulted_seller": "contract_defaulted"}
"""What is told otherwise where no deposit was given."""


def _named(lot_id: int, title_en: str, title_zh: str) -> dict[str, str | int]:
    return {"lot": lot_id, "title_en": title_en or title_zh, "title_zh": title_zh or title_en}


def _sum(minor: int, currency: str) -> str:
    """With the code: where a payment fits nothing, the sign alone may be another currency's too."""
    return money_text(minor, currency, coded=True)


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
