"""E-cheques and small change on the real ledger: the money is set aside, leaves once, and comes back by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from asyncpg import IntegrityConstraintViolationError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from escrow import cashier_store, ledger, rules
from escrow.cashier_facts import CashierRefusal, Cheque, ChequeDraft, ChequeState
from escrow.cheques import Cheques, cheque_account
from escrow.dual_signature import cheque_bytes
from escrow.facts import Case, Leg, Refusal, State
from escrow.ledger import Account, Operation
from escrow.small_change import SmallChange
from tests.deal.traded import PRICE, case_of, fall, house_desk, stage
from tests.sell.stall import HOUR, NOW, party

if TYPE_CHECKING:
    from migrations.database import Connection, Pool

CAP = 50_000
KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
DESK = house_desk()
CHEQUES = Cheques(DESK.settlement)
CHANGE = SmallChange(settlement=DESK.settlement, deposits=DESK.deposits, cap_minor=CAP)


async def given(conn: Connection, owner: int, amount_minor: int, currency: str = "CNY") -> None:
    """Money of a party's own, out of nowhere but the bank."""
    path = rules.wallet(owner)
    await ledger.open_accounts(
        conn, [Account(path=path, currency=currency, owner_id=owner), Account(path="bank", currency=currency)]
    )
    leg = Leg(debit="bank", credit=path, currency=currency, amount_minor=amount_minor)
    await ledger.post(
        conn, Operation(kind="test_gift", subject=f"gift:{owner}:{currency}", actor="bank", legs=(leg,)), NOW
    )


async def drafted(
    conn: Connection, writer: int, payee: int | None, **changes: Any
) -> ChequeDraft | Refusal | CashierRefusal:
    said = {
        "case_id": None,
        "currency": "CNY",
        "amount_minor": 30_000,
        "memo": "For the vase",
        "days": 30,
        "now": NOW,
        **changes,
    }
    return await CHEQUES.draft(conn, writer_id=writer, payee_id=payee, **said)


async def written(conn: Connection, writer: int, payee: int | None, **changes: Any) -> Cheque:
    draft = await drafted(conn, writer, payee, **changes)
    assert isinstance(draft, ChequeDraft), draft
    cheque = await CHEQUES.write(conn, draft, KEY.sign(cheque_bytes(draft.record())), PUBLIC, draft.written_at)
    assert isinstance(cheque, Cheque), cheque
    return cheque


async def held(conn: Connection, path: str) -> int:
    return await ledger.balance(conn, path, "CNY")


@pytest.fixture
async def people(pool: Pool) -> tuple[int, int]:
    """A writer with 1,000.00 and a payee with nothing."""
    async with pool.acquire() as conn:
        writer, payee = await party(conn), await party(conn)
        await given(conn, writer, 100_000)
    return writer, payee


async def test_a_cheque_sets_money_aside_and_pays_its_payee_once(conn: Connection, people: tuple[int, int]) -> None:
    writer, payee = people
    async with conn.transaction():
        cheque = await written(conn, writer, payee)
    assert await held(conn, rules.wallet(writer)) == 70_000
    assert await held(conn, cheque_account(cheque.id)) == 30_000
    assert cheque.number.startswith("GH-C-")
    async with conn.transaction():
        assert await CHEQUES.present(conn, cheque.id, writer, NOW) is CashierRefusal.NOT_THE_PAYEE
        presented = await CHEQUES.present(conn, cheque.id, payee, NOW + HOUR)
    assert isinstance(presented, Cheque) and presented.state is ChequeState.PRESENTED
    assert await held(conn, rules.wallet(payee)) == 30_000
    async with conn.transaction():
        assert await CHEQUES.present(conn, cheque.id, payee, NOW + HOUR) is CashierRefusal.CHEQUE_ENDED
        assert await CHEQUES.revoke(conn, cheque.id, writer, NOW + HOUR) is CashierRefusal.CHEQUE_ENDED


async def test_a_cheque_comes_back_when_it_is_revoked_and_when_its_time_runs_out(
    conn: Connection, people: tuple[int, int]
) -> None:
    writer, payee = people
    async with conn.transaction():
        revoked, late = await written(conn, writer, payee), await written(conn, writer, payee, days=1)
        assert await CHEQUES.revoke(conn, revoked.id, payee, NOW) is CashierRefusal.NOT_THE_WRITER
        assert await CHEQUES.revoke(conn, revoked.id, writer, NOW) != CashierRefusal.CHEQUE_ENDED
        assert await CHEQUES.expire_one(conn, NOW + HOUR) is None
        assert await cashier_store.next_cheque_expiry(conn) == late.expires_at
        too_late = await CHEQUES.present(conn, late.id, payee, NOW + timedelta(days=1))
        assert too_late is CashierRefusal.CHEQUE_ENDED, "its time is over, though no clock has looked yet"
        expired = await CHEQUES.expire_one(conn, NOW + timedelta(days=1))
        assert expired is not None and (expired.id, expired.state) == (late.id, ChequeState.EXPIRED)
        assert await CHEQUES.expire_one(conn, NOW + timedelta(days=1)) is None
    assert await held(conn, rules.wallet(writer)) == 100_000


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"amount_minor": 0}, Refusal.BAD_AMOUNT),
        ({"amount_minor": 100_001}, Refusal.INSUFFICIENT_BALANCE),
        ({"days": 0}, CashierRefusal.CHEQUE_RUNS_WRONG),
        ({"days": 181}, CashierRefusal.CHEQUE_RUNS_WRONG),
        ({"memo": "x" * 141}, CashierRefusal.MEMO_TOO_LONG),
        ({"currency": "USD"}, Refusal.INSUFFICIENT_BALANCE),
    ],
)
async def test_a_cheque_that_cannot_be_is_not_drafted(
    conn: Connection, people: tuple[int, int], changes: dict[str, Any], refusal: Any
) -> None:
    assert await drafted(conn, *people, **changes) is refusal


async def test_a_wrong_signature_moves_nothing(conn: Connection, people: tuple[int, int]) -> None:
    writer, payee = people
    assert await drafted(conn, writer, writer) is CashierRefusal.CHEQUE_TO_ONESELF
    draft = await drafted(conn, writer, payee)
    other = await drafted(conn, writer, payee, amount_minor=30_001)
    assert isinstance(draft, ChequeDraft) and isinstance(other, ChequeDraft)
    signature = KEY.sign(cheque_bytes(other.record()))
    assert await CHEQUES.write(conn, draft, signature, PUBLIC, NOW) is CashierRefusal.CHEQUE_SIGNATURE_WRONG
    assert await held(conn, rules.wallet(writer)) == 100_000


async def test_the_database_refuses_an_end_that_leaves_money_in_a_cheque(
    conn: Connection, people: tuple[int, int]
) -> None:
    async with conn.transaction():
        cheque = await written(conn, *people)
    with pytest.raises(IntegrityConstraintViolationError):
        await conn.execute("update escrow.cheque set state = 'revoked', ended_at = now() where id = $1", cheque.id)


async def test_a_deal_is_paid_by_cheque_and_by_change(conn: Connection) -> None:
    on = await stage(conn, desk=DESK, bidders=2, deposit_minor=0)
    await fall(conn, on)
    case = await case_of(conn, on)
    stranger = on.bidders[1]
    await given(conn, stranger, 3 * PRICE)
    async with conn.transaction():
        small = await written(conn, stranger, on.winner, amount_minor=PRICE - 1)
        enough = await written(conn, stranger, on.winner, amount_minor=PRICE + 500)
        assert await CHEQUES.pay_case(conn, case.id, small.id, on.winner, NOW) is CashierRefusal.CHEQUE_BELOW_DUE
        assert await CHEQUES.pay_case(conn, case.id, enough.id, stranger, NOW) is Refusal.NOT_YOURS
        assert await CHANGE.pay_case(conn, case.id, on.winner, NOW) is CashierRefusal.NOT_ENOUGH_CHANGE
        paid = await CHEQUES.pay_case(conn, case.id, enough.id, on.winner, NOW + 2 * HOUR)
    assert isinstance(paid, Case) and paid.state is State.FUNDED
    assert await held(conn, rules.escrow_account(case.id)) == PRICE
    assert await held(conn, rules.wallet(on.winner)) == 500, "what is over the due sum is the buyer's"
    ended = await cashier_store.cheque_by_id(conn, enough.id)
    assert ended is not None and ended.paid_case_id == case.id
    async with conn.transaction():
        assert await CHEQUES.pay_case(conn, case.id, small.id, on.winner, NOW) is Refusal.NOT_IN_THIS_STATE


async def test_a_cheque_into_a_deal_is_good_for_that_deal_alone(conn: Connection) -> None:
    on, other = (
        await stage(conn, desk=DESK, bidders=2, deposit_minor=0),
        await stage(conn, desk=DESK, bidders=2, deposit_minor=0),
    )
    await fall(conn, on)
    await fall(conn, other)
    case = await case_of(conn, on)
    await given(conn, on.winner, PRICE)
    async with conn.transaction():
        cheque = await written(conn, on.winner, None, case_id=case.id, amount_minor=PRICE)
        assert await CHEQUES.present(conn, cheque.id, on.winner, NOW) is CashierRefusal.CHEQUE_FOR_A_DEAL
        found = await cashier_store.cheques_for_case(conn, on.winner, case.id, "CNY")
        assert [each.id for each in found] == [cheque.id]
        paid = await CHEQUES.pay_case(conn, case.id, cheque.id, on.winner, NOW + 2 * HOUR)
    assert isinstance(paid, Case) and paid.state is State.FUNDED


async def test_a_purse_holds_no_more_than_its_cap_and_pays_within_it(conn: Connection) -> None:
    on = await stage(conn, desk=DESK, bidders=2, deposit_minor=0)
    hammer = await case_of_small(conn, on)
    await given(conn, on.winner, 100_000)
    async with conn.transaction():
        assert await CHANGE.top_up(conn, on.winner, CAP + 1, "CNY", NOW) is CashierRefusal.OVER_CHANGE_CAP
        assert await CHANGE.top_up(conn, on.winner, CAP, "CNY", NOW) == CAP
        assert await CHANGE.top_up(conn, on.winner, 1, "CNY", NOW) is CashierRefusal.OVER_CHANGE_CAP
        assert await CHANGE.take_out(conn, on.winner, CAP + 1, "CNY", NOW) is CashierRefusal.NOT_ENOUGH_CHANGE
        assert await CHANGE.take_out(conn, on.winner, 10_000, "CNY", NOW) == CAP - 10_000
        paid = await CHANGE.pay_case(conn, hammer.id, on.winner, NOW + 2 * HOUR)
    assert isinstance(paid, Case) and paid.state is State.FUNDED
    assert await held(conn, rules.wallet(on.winner)) == 100_000 - CAP + 10_000
    assert await CHANGE.balance(conn, on.winner, "CNY") == CAP - 10_000 - SMALL


SMALL = 12_300


async def case_of_small(conn: Connection, on: Any) -> Case:
    """A deal whose price a purse can pay."""
    from msgspec.structs import replace

    from auction.facts import Award
    from market import trades

    hammer = on.hammer()
    hammer = replace(
        hammer,
        price_minor=SMALL,
        awards=(Award(party_id=on.winner, paddle=on.paddles[on.winner], quantity=1, total_minor=SMALL),),
    )
    async with conn.transaction():
        await trades.hammer_handler(trades.TradeTerms(), on.desk)(conn, hammer)
    return await case_of(conn, on)
