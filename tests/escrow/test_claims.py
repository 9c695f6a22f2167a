"""A claim from its first word to each end that it may take; and that no posting gets at what is claimed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from escrow import books, ledger
from escrow.facts import Action, ClaimReason, Fees, Leg, PayoutPurpose, Refusal, State
from escrow.ledger import Operation
from tests.escrow.trade import (
    ARBITER,
    BUYER,
    DAY,
    HOUR,
    NOW,
    OPERATOR,
    SECOND,
    SELLER,
    STRANGER,
    Heard,
    arbitrated,
    balances,
    case_in,
    claimed,
    fresh,
    taken,
)

if TYPE_CHECKING:
    from migrations.database import Connection


@pytest.fixture
def conn(tx: Connection) -> Connection:
    return tx


async def paid_to_seller(conn: Connection, case_id: int) -> int:
    """What of a case is on its way to the seller's bank."""
    found = await conn.fetchval("select sum(amount_minor)::bigint from escrow.payout where case_id = $1", case_id)
    return int(found or 0)


@pytest.mark.parametrize("state", [State.FUNDED, State.SHIPPED, State.INSPECTING])
async def test_a_claim_stops_the_clocks_and_silence_of_the_seller_grants_it(conn: Connection, state: State) -> None:
    desk = Heard().desk()
    case = await claimed(desk, conn, 30_000, state=state)
    assert (case.state, case.clock_action, case.clock_due_at) == (
        State.CLAIMED,
        Action.DEFAULT_JUDGEMENT,
        NOW + timedelta(hours=48),
    )
    assert case == await fresh(desk, conn, case)
    over = taken(await desk.settlement.time_out(conn, case.id, Action.DEFAULT_JUDGEMENT, NOW + 48 * HOUR))
    assert over.state is State.SETTLED and over.refunded_minor == 30_000
    assert over.claim is not None and (over.claim.outcome, over.claim.awarded_minor) == (
        Action.DEFAULT_JUDGEMENT,
        30_000,
    )
    # f = 8,000 of 100,000; f' = 8,000 · 70,000 / 100,000.
    assert await balances(conn, "wallet:11", "commission") == [30_000, 5_600]
    assert await paid_to_seller(conn, case.id) == 64_400
    assert over == await fresh(desk, conn, over)
    assert await books.faults(conn) == []


async def test_accepted_offered_and_withdrawn_claims_settle_for_what_was_agreed(conn: Connection) -> None:
    desk = Heard().desk()
    for number, (back, act) in enumerate({30_000: "accept", 12_345: "accept_offer", 0: "withdraw"}.items()):
        before = await balances(conn, "wallet:11", "commission")
        case = await case_in(desk, conn, State.INSPECTING, subject=f"lot:{number}")
        opened = await desk.claims.open(conn, case.id, BUYER, 30_000, ClaimReason.OTHER, "Not as promised.", NOW)
        case = taken(opened)
        offered = taken(await desk.claims.offer(conn, case.id, SELLER, 12_345, NOW))
        assert offered.clock_action is Action.ESCALATE
        who = SELLER if act == "accept" else BUYER
        over = taken(await getattr(desk.claims, act)(conn, case.id, who, NOW))
        assert over.state is State.SETTLED
        kept = (8_000 * (100_000 - back) + 50_000) // 100_000
        after = await balances(conn, "wallet:11", "commission")
        assert [new - old for new, old in zip(after, before, strict=True)] == [back, kept]
        assert await paid_to_seller(conn, case.id) == 100_000 - back - kept
    assert await books.faults(conn) == []


async def test_what_is_not_disputed_may_be_released_and_the_rest_ends_to_the_same_unit(conn: Connection) -> None:
    desk = Heard().desk()
    fees = Fees(commission_bp=800, transaction_bp=60, service_minor=199)
    case = await claimed(desk, conn, 33_333, price_minor=100_001, fees=fees)
    part = taken(await desk.claims.release_undisputed(conn, case.id, BUYER, NOW + HOUR))
    assert (part.state, part.held_minor, part.clock_due_at) == (State.CLAIMED, 33_333, case.clock_due_at)
    assert await desk.claims.release_undisputed(conn, case.id, BUYER, NOW + HOUR) is Refusal.ALREADY_RELEASED
    over = taken(await desk.claims.accept(conn, case.id, SELLER, NOW + 2 * HOUR))
    assert over == await fresh(desk, conn, over)
    wallet, commission, house, left = await balances(conn, "wallet:11", "commission", "fees", f"escrow:{case.id}")
    assert (wallet, left) == (33_333, 0)
    assert commission == (8_000 * 66_668 + 50_000) // 100_001 and house == (799 * 66_668 + 50_000) // 100_001
    assert await paid_to_seller(conn, case.id) == 100_001 - wallet - commission - house
    rows = await conn.fetch("select purpose from escrow.payout where case_id = $1 order by id", case.id)
    assert [row["purpose"] for row in rows] == [PayoutPurpose.UNDISPUTED]
    assert await books.faults(conn) == []


async def test_goods_that_go_back_bring_the_whole_price_back(conn: Connection) -> None:
    desk = Heard().desk()
    case = await claimed(desk, conn, 30_000)
    asked = taken(await desk.claims.ask_return(conn, case.id, SELLER, NOW))
    assert (asked.state, asked.clock_action, asked.clock_due_at) == (
        State.RETURNING,
        Action.LAPSE_RETURN,
        NOW + 7 * DAY,
    )
    assert await desk.claims.confirm_return(conn, case.id, SELLER, NOW) is Refusal.NOT_SENT_BACK
    sent = taken(await desk.claims.send_back(conn, case.id, BUYER, "SF Express", "SF77", NOW + DAY))
    assert sent.clock_action is Action.CONFIRM_RETURN and sent.claim is not None
    assert (sent.claim.return_carrier, sent.claim.return_tracking_number) == ("SF Express", "SF77")
    over = taken(await desk.settlement.time_out(conn, case.id, Action.CONFIRM_RETURN, NOW + 8 * DAY))
    assert over.state is State.REFUNDED and over.is_over
    assert await balances(conn, "wallet:11", "commission") == [100_000, 0]
    assert await paid_to_seller(conn, case.id) == 0
    assert await books.faults(conn) == []


async def test_a_return_that_is_not_sent_lapses_and_one_that_is_contested_goes_to_an_arbiter(conn: Connection) -> None:
    desk = Heard().desk()
    case = await claimed(desk, conn, 30_000)
    taken(await desk.claims.ask_return(conn, case.id, SELLER, NOW))
    lapsed = taken(await desk.settlement.time_out(conn, case.id, Action.LAPSE_RETURN, NOW + 7 * DAY))
    assert lapsed.state is State.SETTLED and await paid_to_seller(conn, case.id) == 92_000
    other = await case_in(desk, conn, State.INSPECTING, subject="lot:2")
    taken(await desk.claims.open(conn, other.id, BUYER, 1, ClaimReason.DAMAGED, "A dent.", NOW))
    taken(await desk.claims.ask_return(conn, other.id, SELLER, NOW))
    taken(await desk.claims.send_back(conn, other.id, BUYER, "EMS", "1", NOW))
    contested = taken(await desk.claims.contest(conn, other.id, SELLER, "An empty box.", NOW))
    assert contested.state is State.ARBITRATION


async def test_an_offer_that_nobody_answers_goes_to_an_arbiter(conn: Connection) -> None:
    desk = Heard().desk()
    case = await claimed(desk, conn)
    taken(await desk.claims.offer(conn, case.id, SELLER, 1, NOW + 47 * HOUR))
    assert await desk.settlement.time_out(conn, case.id, Action.ESCALATE, NOW + 94 * HOUR) is Refusal.TOO_EARLY
    left = taken(await desk.settlement.time_out(conn, case.id, Action.ESCALATE, NOW + 95 * HOUR))
    assert (left.state, left.clock_action) == (State.ARBITRATION, Action.OVERDUE)


async def test_an_arbiter_divides_and_after_the_appeal_window_it_is_carried_out(conn: Connection) -> None:
    heard = Heard()
    desk = heard.desk()
    case = await arbitrated(desk, conn)
    ruled = taken(await desk.arbitration.rule(conn, case.id, ARBITER, 25_000, "Half of it was old.", NOW))
    assert (ruled.state, ruled.clock_action, ruled.clock_due_at) == (State.RULED, Action.ENFORCE, NOW + 5 * DAY)
    assert await balances(conn, "wallet:11") == [0], "nothing moves before the appeal window is over"
    assert await desk.settlement.time_out(conn, case.id, Action.ENFORCE, NOW + 4 * DAY) is Refusal.TOO_EARLY
    over = taken(await desk.settlement.time_out(conn, case.id, Action.ENFORCE, NOW + 5 * DAY))
    assert over.state is State.SETTLED and over == await fresh(desk, conn, over)
    assert await balances(conn, "wallet:11", "commission") == [25_000, 6_000]
    assert await paid_to_seller(conn, case.id) == 69_000
    assert [event.action for event in heard.events[-4:]] == [Action.CLAIM, Action.CONTEST, Action.RULE, Action.ENFORCE]
    assert await books.faults(conn) == []


async def test_the_arbiter_is_never_the_handler_nor_a_party(conn: Connection) -> None:
    desk = Heard().desk()
    case = await claimed(desk, conn)
    assert await desk.arbitration.take_arbitration(conn, case.id, ARBITER, NOW) is Refusal.NOT_IN_THIS_STATE
    assert await desk.arbitration.take_up(conn, case.id, BUYER, NOW) is Refusal.ARBITER_IS_PARTY
    taken(await desk.arbitration.take_up(conn, case.id, OPERATOR, NOW))
    assert await desk.arbitration.take_up(conn, case.id, ARBITER, NOW) is Refusal.ALREADY_TAKEN
    taken(await desk.claims.contest(conn, case.id, SELLER, "No.", NOW))
    assert await desk.arbitration.take_arbitration(conn, case.id, OPERATOR, NOW) is Refusal.ARBITER_IS_HANDLER
    assert await desk.arbitration.take_arbitration(conn, case.id, SELLER, NOW) is Refusal.ARBITER_IS_PARTY
    assert await desk.arbitration.rule(conn, case.id, OPERATOR, 1, "Mine.", NOW) is Refusal.NOT_THE_ARBITER
    taken(await desk.arbitration.take_arbitration(conn, case.id, ARBITER, NOW))
    assert await desk.arbitration.take_arbitration(conn, case.id, STRANGER, NOW) is Refusal.ALREADY_TAKEN
    for attack in (
        "update escrow.claim set arbiter_id = handler_id",
        "update escrow.claim set handler_id = arbiter_id",
        "insert into escrow.claim_arbiter (claim_id, arbiter_id, handler_id, taken_at) select id, 13, 13, now() from escrow.claim",
        "insert into escrow.ruling (claim_id, case_id, arbiter_id, buyer_minor, seller_minor, house_minor, reason, "
        "proposed_at, second_above_minor) select id, case_id, 13, 1, 1, 1, 'x', now(), 9 from escrow.claim",
        f"update escrow.escrow_case set state = 'ruled' where id = {case.id}",
        f"update escrow.claim set arbiter_id = {SELLER}",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            async with conn.transaction():
                await conn.execute(attack)


async def test_who_has_proposed_a_ruling_does_not_become_the_handler_when_he_is_relieved(conn: Connection) -> None:
    desk = Heard().desk(second_person_above_minor=10)
    case = await claimed(desk, conn)
    taken(await desk.claims.contest(conn, case.id, SELLER, "It was whole.", NOW))
    taken(await desk.arbitration.take_arbitration(conn, case.id, ARBITER, NOW))
    taken(await desk.arbitration.rule(conn, case.id, ARBITER, 0, "It was.", NOW))
    at = NOW + timedelta(days=10)
    taken(await desk.settlement.time_out(conn, case.id, Action.OVERDUE, at))
    assert await desk.arbitration.take_up(conn, case.id, ARBITER, at) is Refusal.ARBITER_IS_HANDLER
    assert taken(await desk.arbitration.confirm(conn, case.id, SECOND, at)).state is State.RULED


async def test_above_the_limit_a_second_person_confirms_and_an_appeal_is_for_another_arbiter(conn: Connection) -> None:
    desk = Heard().desk(second_person_above_minor=99_999)
    case = await arbitrated(desk, conn)
    proposed = taken(await desk.arbitration.rule(conn, case.id, ARBITER, 20_000, "So.", NOW, house_minor=0))
    assert proposed.state is State.ARBITRATION and proposed.claim is not None and proposed.claim.ruling is not None
    assert await desk.arbitration.rule(conn, case.id, ARBITER, 1, "Or so.", NOW) is Refusal.RULING_WAITS
    assert await desk.arbitration.confirm(conn, case.id, ARBITER, NOW) is Refusal.SAME_PERSON
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        async with conn.transaction():
            await conn.execute("update escrow.ruling set confirmed_by = arbiter_id, confirmed_at = now()")
    taken(await desk.arbitration.decline(conn, case.id, STRANGER, "The photo shows more.", NOW))
    taken(await desk.arbitration.rule(conn, case.id, ARBITER, 25_000, "So then.", NOW, house_minor=0))
    ruled = taken(await desk.arbitration.confirm(conn, case.id, STRANGER, NOW))
    assert ruled.state is State.RULED and ruled == await fresh(desk, conn, ruled)

    appealed = taken(await desk.arbitration.appeal(conn, case.id, SELLER, "Look again.", NOW + DAY))
    assert appealed == await fresh(desk, conn, appealed), "the first ruling is history"
    assert await desk.arbitration.take_arbitration(conn, case.id, ARBITER, NOW) is Refusal.ARBITER_IS_HANDLER
    taken(await desk.arbitration.take_arbitration(conn, case.id, STRANGER, NOW + DAY))
    taken(await desk.arbitration.rule(conn, case.id, STRANGER, 24_000, "Once more.", NOW + DAY, house_minor=10))
    taken(await desk.arbitration.confirm(conn, case.id, ARBITER, NOW + DAY))
    again = await desk.arbitration.appeal(conn, case.id, BUYER, "And again.", NOW + DAY)
    assert again is Refusal.ALREADY_APPEALED
    taken(await desk.settlement.time_out(conn, case.id, Action.ENFORCE, NOW + 6 * DAY))
    assert await balances(conn, "wallet:11", "commission") == [24_000, 10]
    assert await paid_to_seller(conn, case.id) == 75_990
    assert await books.faults(conn) == []


async def test_without_a_ruling_the_arbiter_is_relieved_and_at_the_hard_stop_the_buyer_refunded(
    conn: Connection,
) -> None:
    desk = Heard().desk()
    case = await arbitrated(desk, conn)
    assert case.clock_due_at == NOW + 10 * DAY
    late = taken(await desk.settlement.time_out(conn, case.id, Action.OVERDUE, NOW + 10 * DAY))
    assert late.claim is not None and late.claim.arbiter_id is None
    assert (late.state, late.clock_action, late.clock_due_at) == (
        State.ARBITRATION,
        Action.HARD_STOP,
        NOW + 60 * DAY,
    )
    over = taken(await desk.settlement.time_out(conn, case.id, Action.HARD_STOP, NOW + 60 * DAY))
    assert over.state is State.REFUNDED
    assert await balances(conn, "wallet:11", "commission") == [100_000, 0]
    assert await books.faults(conn) == []


async def test_offer_upon_offer_does_not_wait_beyond_the_hard_stop(conn: Connection) -> None:
    desk = Heard().desk()
    case = await claimed(desk, conn)
    for day in (59, 60):
        at = NOW + timedelta(days=day)
        case = taken(await desk.claims.offer(conn, case.id, SELLER, day, at))
        assert (case.clock_action, case.clock_due_at) == (Action.ESCALATE, NOW + timedelta(days=60))


async def test_an_appeal_after_the_hard_stop_still_finds_an_arbiter(conn: Connection) -> None:
    """Or else a buyer would win by appealing against a ruling that came late."""
    desk = Heard().desk()
    case = await arbitrated(desk, conn)
    taken(await desk.arbitration.rule(conn, case.id, ARBITER, 0, "It was whole.", NOW + timedelta(days=57)))
    at = NOW + timedelta(days=61)
    case = taken(await desk.arbitration.appeal(conn, case.id, BUYER, "It was not.", at))
    assert (case.state, case.clock_action) == (State.ARBITRATION, Action.HARD_STOP)
    assert case.clock_due_at == at + timedelta(seconds=case.timers.arbitration_seconds)
    taken(await desk.arbitration.take_arbitration(conn, case.id, SECOND, at))
    assert taken(await desk.arbitration.rule(conn, case.id, SECOND, 0, "It was.", at)).state is State.RULED


async def test_strangers_and_second_claims_are_refused_by_name(conn: Connection) -> None:
    desk = Heard().desk()
    case = await case_in(desk, conn, State.INSPECTING)

    async def claim(who: int, amount_minor: int, statement: str) -> object:
        return await desk.claims.open(conn, case.id, who, amount_minor, ClaimReason.OTHER, statement, NOW)

    assert await claim(STRANGER, 1, "x") is Refusal.NOT_YOURS
    assert await claim(SELLER, 1, "x") is Refusal.NOT_YOUR_MOVE
    assert await claim(BUYER, 100_001, "x") is Refusal.BAD_CLAIM_AMOUNT
    assert await claim(BUYER, 1, " ") is Refusal.STATEMENT_MISSING
    await claim(BUYER, 1, "x")
    assert await claim(BUYER, 1, "x") is Refusal.NOT_IN_THIS_STATE
    assert await desk.settlement.confirm_receipt(conn, case.id, BUYER, NOW) is Refusal.NOT_IN_THIS_STATE
    assert await desk.settlement.time_out(conn, case.id, Action.RELEASE, NOW + 99 * DAY) is Refusal.NOT_IN_THIS_STATE


ATTACKS = {
    "the case is called released": "update escrow.escrow_case set state = 'released', timer_id = null where id = $1",
    "the case is called released and sealed": "with s as (select * from escrow.seal(array(select account from "
    "escrow.escrow_case where id = $1))) update escrow.escrow_case c set state = 'released', timer_id = null, "
    "sealed_version = s.version from s where c.id = $1",
    "a payout of the sale is queued": "insert into escrow.payout (party_id, purpose, source, currency, amount_minor, "
    "case_id, state, end_to_end_id, account, queued_at) select 12, 'sale', 'payable:12', 'CNY', 1, id, "
    "'waiting_account', 'X1', account, now() from escrow.escrow_case where id = $1",
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_by_constraint_nothing_of_a_claimed_case_is_released_or_paid_out(conn: Connection, attack: str) -> None:
    desk = Heard().desk()
    case = await claimed(desk, conn)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        async with conn.transaction():
            await conn.execute(ATTACKS[attack], case.id)
            await conn.execute("set constraints all immediate")


async def test_no_posting_gets_at_what_is_claimed_however_it_comes(conn: Connection) -> None:
    desk = Heard().desk()
    case = await claimed(desk, conn, 30_000)

    def out(kind: str, amount_minor: int) -> Operation:
        leg = Leg(debit=f"escrow:{case.id}", credit="wallet:11", currency="CNY", amount_minor=amount_minor)
        return Operation(kind=kind, subject="attack", actor="x", legs=(leg,))

    refused, posted = await ledger.post_many(conn, [out("one", 70_001), out("two", 70_000)], NOW)
    assert (refused.refused_by, posted.result) == ("claim_holds_the_money", "posted")
    with pytest.raises(ledger.PostingRefusedError, match="claim_holds_the_money"):
        async with conn.transaction():
            await ledger.post(conn, out("three", 1), NOW)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        async with conn.transaction():
            await conn.execute("update escrow.escrow_case set state = 'inspecting' where id = $1", case.id)
            await conn.execute("set constraints all immediate")


async def test_a_claim_of_more_than_the_account_holds_cannot_be_written(conn: Connection) -> None:
    desk = Heard().desk()
    case = await case_in(desk, conn, State.AWAITING_PAYMENT)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="holds less than is claimed"):
        async with conn.transaction():
            await conn.execute(
                "insert into escrow.claim (case_id, account, buyer_id, seller_id, reason, statement, amount_minor, "
                "from_state, opened_at, hard_stop_at) select id, account, 11, 12, 'other', 'x', 1, 'funded', $2, $3 "
                "from escrow.escrow_case where id = $1",
                case.id,
                NOW,
                NOW + DAY,
            )
