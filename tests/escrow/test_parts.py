"""Split shipments: each part is a case of its own, and all parts together are the sale to the last unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from escrow import books
from escrow.facts import Action, Case, ClaimReason, Fees, Line, Refusal, State
from tests.escrow.trade import (
    BUYER,
    DAY,
    NOW,
    OPERATOR,
    SELLER,
    STRANGER,
    Heard,
    balances,
    case_in,
    fresh,
    incoming,
    taken,
    terms,
)

if TYPE_CHECKING:
    from migrations.database import Connection

LINES = tuple(
    Line(n=n, title=title, amount_minor=amount)
    for n, title, amount in ((1, "Vase", 33_333), (2, "Bowl", 33_334), (3, "Cup", 33_334))
)
FEES = Fees(commission_bp=733, transaction_bp=61, service_minor=7)


@pytest.fixture
def conn(tx: Connection) -> Connection:
    return tx


async def test_lines_are_shipped_inspected_and_released_each_by_itself(conn: Connection) -> None:
    heard = Heard()
    desk = heard.desk()
    whole = await case_in(desk, conn, State.FUNDED, price_minor=100_001, deposit_minor=10_000, fees=FEES, lines=LINES)
    ship = desk.settlement.ship_lines
    assert await ship(conn, whole.id, STRANGER, [1], "SF", "1", NOW) is Refusal.NOT_YOURS
    assert await ship(conn, whole.id, BUYER, [1], "SF", "1", NOW) is Refusal.NOT_YOUR_MOVE
    assert await ship(conn, whole.id, SELLER, [4], "SF", "1", NOW) is Refusal.UNKNOWN_LINE
    assert await ship(conn, whole.id, SELLER, [], "SF", "1", NOW) is Refusal.NO_LINES
    assert await ship(conn, whole.id, SELLER, [1], "SF", " ", NOW) is Refusal.TRACKING_MISSING

    vase = taken(await ship(conn, whole.id, SELLER, [1], "SF", "1", NOW))
    assert (vase.state, vase.parent_id, vase.price_minor, vase.tracking_number) == (
        State.SHIPPED,
        whole.id,
        33_333,
        "1",
    )
    assert vase == await fresh(desk, conn, vase)
    rest = await fresh(desk, conn, whole)
    assert (rest.state, rest.held_minor, rest.clock_due_at) == (State.FUNDED, 66_668, whole.clock_due_at)
    assert [line.part_id for line in rest.lines] == [vase.id, None, None]
    assert await ship(conn, whole.id, SELLER, [1, 2], "SF", "2", NOW) is Refusal.UNKNOWN_LINE
    bowl = taken(await ship(conn, whole.id, SELLER, [2], "SF", "2", NOW))
    cup = taken(await ship(conn, whole.id, SELLER, [3], "SF", "3", NOW + DAY))
    assert cup.id == whole.id and cup.state is State.SHIPPED, "the last lines are the case itself"
    assert [part.id for part in await desk.settlement.parts_of(conn, whole.id)] == [vase.id, bowl.id]
    assert await balances(conn, *(f"escrow:{case.id}" for case in (vase, bowl, cup))) == [33_333, 33_334, 33_334]
    assert await books.faults(conn) == []

    # One is content, of one half goes back, the third is released by the clock.
    taken(await desk.settlement.receive(conn, vase.id, BUYER, NOW + DAY))
    assert taken(await desk.settlement.confirm_receipt(conn, vase.id, BUYER, NOW + DAY)).state is State.RELEASED
    taken(await desk.claims.open(conn, bowl.id, BUYER, 16_667, ClaimReason.DAMAGED, "Cracked.", NOW + DAY))
    taken(await desk.claims.accept(conn, bowl.id, SELLER, NOW + DAY))
    taken(await desk.settlement.receive(conn, cup.id, BUYER, NOW + DAY))
    taken(await desk.settlement.time_out(conn, cup.id, Action.RELEASE, NOW + 9 * DAY))
    wallet, commission, fees = await balances(conn, "wallet:11", "commission", "fees")
    paid = await conn.fetchval("select sum(amount_minor)::bigint from escrow.payout")
    assert (wallet, wallet + commission + fees + paid) == (16_667, 100_001)
    assert await books.faults(conn) == []


async def shares(conn: Connection, case: Case) -> tuple[int, int]:
    row = await conn.fetchrow(
        "select sum(commission_minor - split_commission_minor)::bigint, sum(fees_minor - split_fees_minor)::bigint "
        "from escrow.escrow_case where $1 in (id, parent_id)",
        case.id,
    )
    return (row[0], row[1])


async def test_the_fees_of_all_parts_are_the_fees_of_the_sale(conn: Connection) -> None:
    desk = Heard().desk()
    whole = await case_in(desk, conn, State.FUNDED, price_minor=100_001, fees=FEES, lines=LINES)
    for number in (3, 1, 2):
        assert await shares(conn, whole) == (whole.commission_minor, whole.fees_minor) == (7_330, 617)
        part = taken(await desk.settlement.ship_lines(conn, whole.id, SELLER, [number], "SF", "1", NOW))
        taken(await desk.settlement.receive(conn, part.id, BUYER, NOW))
        taken(await desk.settlement.confirm_receipt(conn, part.id, BUYER, NOW))
    assert await balances(conn, "commission", "fees") == [7_330, 617]


async def test_what_is_left_of_a_split_sale_may_still_be_cancelled_or_claimed_on(conn: Connection) -> None:
    desk = Heard().desk()
    whole = await case_in(desk, conn, State.FUNDED, price_minor=100_001, fees=FEES, lines=LINES)
    taken(await desk.settlement.ship_lines(conn, whole.id, SELLER, [1], "SF", "1", NOW))
    too_much = await desk.claims.open(conn, whole.id, BUYER, 66_669, ClaimReason.NOT_RECEIVED, "None came.", NOW)
    assert too_much is Refusal.BAD_CLAIM_AMOUNT
    over = taken(await desk.settlement.cancel(conn, whole.id, OPERATOR, "sold out", NOW, as_operator=True))
    assert over.state is State.CANCELLED
    assert await balances(conn, "wallet:11") == [66_668]
    assert await books.faults(conn) == []


@pytest.mark.parametrize(
    "lines",
    [
        (Line(n=1, title="A", amount_minor=99_999),),
        (Line(n=1, title="A", amount_minor=50_000), Line(n=1, title="B", amount_minor=50_000)),
        (Line(n=1, title="A", amount_minor=99_997), Line(n=2, title="B", amount_minor=3)),
    ],
    ids=["less than the price", "one number twice", "too small a line"],
)
async def test_lines_that_are_not_the_price_open_no_case(conn: Connection, lines: tuple[Line, ...]) -> None:
    with pytest.raises(ValueError, match="lot:1: "):
        await Heard().desk().settlement.open_case(conn, terms(lines=lines), NOW)


async def test_money_for_a_part_is_no_money_that_is_awaited(conn: Connection) -> None:
    heard = Heard()
    desk = heard.desk()
    whole = await case_in(desk, conn, State.FUNDED, price_minor=100_001, fees=FEES, lines=LINES)
    part = taken(await desk.settlement.ship_lines(conn, whole.id, SELLER, [2], "SF", "1", NOW))
    await desk.inbox.receive(conn, incoming(part.reference, 33_334), NOW)
    assert [item.case_id for item in heard.items] == [part.id]
