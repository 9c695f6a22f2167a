"""What the deal's tests share: a lot with admitted bidders whose deposits are held, and the hammer that falls on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from auction.facts import Award, Hammer, Outcome
from escrow.desk import EscrowDesk
from escrow.facts import Case
from escrow.hooks import Hooks
from market import applications, deals_store, trades
from market.application_facts import Application
from tests.sell.stall import HOUR, NOW, changed, incoming, on_show, party

if TYPE_CHECKING:
    from migrations.database import Connection

PRICE, DEPOSIT = 1_234_500, 100_000
HEAD = bytes(range(32))


def house_desk() -> EscrowDesk:
    """The escrow with every hook of the market, as the house wires it."""
    return EscrowDesk(
        Hooks(
            on_deposit_held=applications.on_deposit_held,
            on_case_changed=trades.on_case_changed,
            on_quarantined=trades.on_quarantined,
            on_payout_changed=trades.on_payout_changed,
            lock_subject=applications.lock_subject,
        )
    )


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A lot before its hammer: the first bidder will win."""

    desk: EscrowDesk
    lot_id: int
    seller: int
    operator: int
    bidders: list[int]
    paddles: dict[int, int]

    @property
    def winner(self) -> int:
        return self.bidders[0]

    def hammer(
        self, outcome: Outcome = Outcome.SOLD, closed_at: datetime = NOW + 2 * HOUR, struck_at: datetime | None = None
    ) -> Hammer:
        """What the auction hands over."""
        sold = outcome is Outcome.SOLD
        return Hammer(
            lot_id=self.lot_id,
            seller_id=self.seller,
            currency="CNY",
            outcome=outcome,
            winner_id=self.winner if sold else None,
            winner_paddle=self.paddles[self.winner] if sold else None,
            price_minor=PRICE if sold else None,
            closed_at=closed_at,
            struck_at=struck_at or closed_at,
            seq=7,
            head=HEAD,
            admitted_ids=tuple(self.bidders),
            awards=(Award(party_id=self.winner, paddle=self.paddles[self.winner], quantity=1, total_minor=PRICE),)
            if sold
            else (),
        )


async def stage(
    conn: Connection,
    *,
    bidders: int = 3,
    deposit_minor: int = DEPOSIT,
    desk: EscrowDesk | None = None,
    given: list[int] | None = None,
    seller: int | None = None,
    now: datetime = NOW,
    **content: Any,
) -> Stage:
    """A lot on show with so many admitted bidders (those `given` first), each deposit paid in through the bank."""
    desk = desk or house_desk()
    operator = await party(conn, operator=True)
    seller = seller or await party(conn)
    listing = await on_show(
        conn, seller, operator, changed(deposit_minor=deposit_minor, starts_at=now + HOUR, **content), now
    )
    people = [*(given or ()), *[await party(conn) for _ in range(bidders - len(given or ()))]]
    paddles = {}
    for each in people:
        paddles[each] = await admitted(conn, desk, listing.id, each, operator, now)
    return Stage(desk=desk, lot_id=listing.id, seller=seller, operator=operator, bidders=people, paddles=paddles)


async def admitted(
    conn: Connection, desk: EscrowDesk, lot_id: int, bidder: int, operator: int, now: datetime = NOW
) -> int:
    """Apply, be confirmed, pay the deposit; the paddle."""
    applied = await applications.apply(conn, lot_id=lot_id, party_id=bidder, now=now)
    assert isinstance(applied, Application), applied
    confirmed = await applications.confirm(conn, desk, application_id=applied.id, operator_id=operator, now=now)
    assert isinstance(confirmed, Application), confirmed
    if confirmed.deposit_id is not None:
        deposit = await desk.deposits.deposit_by_id(conn, confirmed.deposit_id)
        assert deposit is not None
        await pays(conn, desk, deposit.reference, deposit.amount_minor, now)
    stands = await applications.application_state(conn, desk, lot_id, bidder)
    assert stands is not None and stands.paddle is not None, stands
    return stands.paddle


async def pays(conn: Connection, desk: EscrowDesk, reference: str, amount_minor: int, now: datetime) -> None:
    """A bank transfer with this reference arrives."""
    async with conn.transaction():
        await desk.inbox.receive(conn, incoming(reference, amount_minor), now)


async def fall(
    conn: Connection,
    on: Stage,
    outcome: Outcome = Outcome.SOLD,
    closed_at: datetime = NOW + 2 * HOUR,
    struck_at: datetime | None = None,
) -> None:
    """The hammer falls: the handler runs in a transaction of its own."""
    handler = trades.hammer_handler(trades.TradeTerms(), on.desk)
    async with conn.transaction():
        await handler(conn, on.hammer(outcome, closed_at, struck_at))


async def case_of(conn: Connection, on: Stage) -> Case:
    """The case that the hammer opened."""
    deal = await deals_store.deal_of_lot(conn, on.lot_id)
    assert deal is not None
    case = await on.desk.settlement.case_by_id(conn, deal.case_id)
    assert case is not None
    return case


async def notices_of(conn: Connection, party_id: int) -> list[str]:
    """The kinds of what a party was told, oldest first."""
    return [
        row["kind"]
        for row in await conn.fetch("select kind from market.notice where party_id = $1 order by id", party_id)
    ]
