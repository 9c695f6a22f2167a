"""A bank takes back what a card paid into a wallet, small change or a deposit: whose money it is, and that nobody else pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from escrow import books, debts, ledger
from escrow.card_facts import CardPurpose
from escrow.desk import EscrowDesk
from escrow.facts import Chargeback, Deposit, DepositState, Leg, NoticeKind, Outcome, Payout, Refusal, State
from escrow.hooks import Hooks
from escrow.ledger import Account, Operation
from escrow.sandbox_bank.numbers import account_number
from escrow.small_change import SmallChange
from tests.escrow.card_money import bank_tells, paid_by_card
from tests.escrow.invariants import INVARIANTS
from tests.escrow.trade import BUYER, DAY, NOW, OPERATOR, SELLER, Heard, balances, fresh, incoming, taken, terms

if TYPE_CHECKING:
    from migrations.database import Connection

OPENED, LOST, WON = NoticeKind.CHARGEBACK, NoticeKind.CHARGEBACK_LOST, NoticeKind.CHARGEBACK_WON
HIS = (f"wallet:{BUYER}", f"change:{BUYER}", f"receivable:{BUYER}")


@pytest.fixture
def conn(tx: Connection) -> Connection:
    return tx


async def spend(conn: Connection, path: str, amount_minor: int, name: str) -> None:
    """Something that takes money out of a party's account for good: here it lands with the house's forfeits."""
    await ledger.open_accounts(conn, [Account(path="forfeits", currency="CNY")])
    leg = Leg(debit=path, credit="forfeits", currency="CNY", amount_minor=amount_minor)
    await ledger.post(conn, Operation(kind="spent", subject=name, actor="test", legs=(leg,)), NOW)


async def broken(conn: Connection) -> list[str]:
    """The invariants and the book's own faults, asked inside the test's transaction."""
    found = [f"{n}: {row['what']}" for n, question in INVARIANTS.items() for row in await conn.fetch(question)]
    return found + await books.faults(conn)


async def only_chargeback(desk: EscrowDesk, conn: Connection) -> Chargeback:
    (found,) = await desk.chargebacks.of_payer(conn, BUYER)
    return found


@pytest.mark.parametrize("end", [LOST, WON], ids=["lost", "won"])
@pytest.mark.parametrize(
    ("purpose", "spent", "after"),
    [
        (CardPurpose.WALLET, 0, [0, 3_000, 0]),
        (CardPurpose.WALLET, 7_000, [0, 0, -4_000]),
        (CardPurpose.CHANGE, 0, [0, 3_000, 0]),
    ],
    ids=["wallet", "spent", "change"],
)
async def test_a_top_up_comes_from_wallet_then_change_then_as_a_debt(
    conn: Connection, purpose: CardPurpose, spent: int, after: list[int], end: NoticeKind
) -> None:
    desk = Heard().desk()
    payment = await paid_by_card(desk, conn, purpose, 10_000)
    other = CardPurpose.CHANGE if purpose is CardPurpose.WALLET else CardPurpose.WALLET
    await paid_by_card(desk, conn, other, 3_000)
    if spent:
        await spend(conn, f"wallet:{BUYER}", spent, "spent:1")
    before = await balances(conn, *HIS)
    assert await bank_tells(desk, conn, OPENED, payment, 10_000) is Outcome.CHARGEBACK_OPENED
    assert await bank_tells(desk, conn, OPENED, payment, 1) is Outcome.IGNORED, "one runs, and nothing is left to take"
    assert await balances(conn, *HIS) == after
    one = await only_chargeback(desk, conn)
    assert (one.purpose, one.payer_minor, one.party_id, one.case_id) == (purpose, 10_000, BUYER, None)
    assert await balances(conn, f"chargeback:{one.id}", "gateway") == [10_000, -13_000]
    assert await bank_tells(desk, conn, end, payment, 9_999) is Outcome.IGNORED
    await bank_tells(desk, conn, end, payment, 10_000)
    gateway = -13_000 if end is WON else -3_000
    assert await balances(conn, f"chargeback:{one.id}", "gateway") == [0, gateway]
    if end is WON:
        assert sum(await balances(conn, *HIS)) == sum(before), "all is there again, the small change in the wallet"
        assert (await balances(conn, *HIS))[2] == 0
    assert await broken(conn) == []


async def test_parts_of_a_top_up_are_taken_one_after_another_and_never_more_than_was_paid(conn: Connection) -> None:
    desk = Heard().desk()
    payment = await paid_by_card(desk, conn, CardPurpose.WALLET, 10_000)
    assert await bank_tells(desk, conn, LOST, payment, 9_000) is Outcome.IGNORED, "nothing was opened"
    assert await bank_tells(desk, conn, OPENED, payment, 10_001) is Outcome.IGNORED
    assert await bank_tells(desk, conn, OPENED, payment, 4_000, currency="USD") is Outcome.IGNORED
    for amount, end, left in ((4_000, LOST, 6_000), (6_000, WON, 6_000), (6_000, LOST, 0)):
        assert await bank_tells(desk, conn, OPENED, payment, amount) is Outcome.CHARGEBACK_OPENED
        await bank_tells(desk, conn, end, payment, amount)
        assert await balances(conn, *HIS, "gateway") == [left, 0, 0, -left]
    assert await bank_tells(desk, conn, OPENED, payment, 1) is Outcome.IGNORED, "all of it is gone"
    assert await broken(conn) == []


async def paid_deposit(desk: EscrowDesk, conn: Connection, amount_minor: int = 20_000) -> tuple[Deposit, str]:
    """A deposit that a card has paid, and the payment."""
    asked = await desk.deposits.request_deposit(
        conn, subject="lot:1", party_id=BUYER, amount_minor=amount_minor, currency="CNY", now=NOW
    )
    payment = await paid_by_card(desk, conn, CardPurpose.DEPOSIT, amount_minor, target_id=asked.id)
    return asked, payment


async def state_of(desk: EscrowDesk, conn: Connection, deposit: Deposit) -> DepositState:
    found = await desk.deposits.deposit_by_id(conn, deposit.id)
    assert found is not None
    return found.state


@pytest.mark.parametrize("amount", [20_000, 5_000], ids=["whole", "part"])
async def test_while_the_lot_is_open_the_deposit_falls_and_the_market_hears_of_it(
    conn: Connection, amount: int
) -> None:
    fallen: list[Deposit] = []

    async def on_deposit_taken_back(conn: Connection, deposit: Deposit, now: object) -> None:
        fallen.append(deposit)

    desk = EscrowDesk(Hooks(on_deposit_taken_back=on_deposit_taken_back))
    deposit, payment = await paid_deposit(desk, conn)
    assert await bank_tells(desk, conn, OPENED, payment, amount) is Outcome.CHARGEBACK_OPENED
    assert [(each.id, each.state) for each in fallen] == [(deposit.id, DepositState.TAKEN_BACK)]
    assert await state_of(desk, conn, deposit) is DepositState.TAKEN_BACK
    assert await balances(conn, f"deposit:{deposit.id}", *HIS) == [0, 20_000 - amount, 0, 0]
    again = await desk.deposits.request_deposit(
        conn, subject="lot:1", party_id=BUYER, amount_minor=20_000, currency="CNY", now=NOW
    )
    assert again.id != deposit.id, "he is asked anew"
    await bank_tells(desk, conn, WON, payment, amount)
    assert await balances(conn, *HIS) == [20_000, 0, 0], "in his wallet, out of which he may pay it again"
    assert await broken(conn) == []


@pytest.mark.parametrize("end", [LOST, WON], ids=["lost", "won"])
@pytest.mark.parametrize("then", ["freed", "awaited", "forfeited"])
async def test_a_deposit_that_others_rely_on_stands_and_its_payer_owes(
    conn: Connection, then: str, end: NoticeKind
) -> None:
    desk = Heard().desk()
    deposit, payment = await paid_deposit(desk, conn)
    case = None
    if then == "freed":
        await desk.deposits.free_deposits(conn, "lot:1", None, NOW)
        await spend(conn, f"wallet:{BUYER}", 20_000, "spent:1")
    else:
        case = await desk.settlement.open_case(conn, terms(100_000, 20_000), NOW)
        if then == "forfeited":
            assert case.clock_action is not None and case.clock_due_at is not None
            taken(await desk.settlement.time_out(conn, case.id, case.clock_action, case.clock_due_at))
    book = ("forfeits", f"payable:{SELLER}", f"deposit:{deposit.id}", "transit:1")
    before = await balances(conn, *book)
    assert await bank_tells(desk, conn, OPENED, payment, 20_000) is Outcome.CHARGEBACK_OPENED
    assert await balances(conn, *book) == before, "nobody else pays for it"
    assert await balances(conn, *HIS) == [0, 0, -20_000]
    if case is not None and then == "awaited":
        await desk.inbox.receive(conn, incoming(case.reference, 80_000), NOW)
        assert (await fresh(desk, conn, case)).state is State.FUNDED, "the deal goes on as it was agreed"
    await bank_tells(desk, conn, end, payment, 20_000)
    after = [0, 0, 0, -20_000] if end is WON else [0, 0, -20_000, 0]
    assert await balances(conn, *HIS, "gateway") == after
    assert await broken(conn) == []


async def test_what_went_into_a_price_is_the_deals_and_what_was_over_the_payers(conn: Connection) -> None:
    desk = Heard().desk()
    _, payment = await paid_deposit(desk, conn, 20_000)
    case = await desk.settlement.open_case(conn, terms(15_000, 20_000), NOW)
    assert case.state is State.FUNDED
    await bank_tells(desk, conn, OPENED, payment, 8_000)
    (one,) = await desk.chargebacks.of_case(conn, case.id)
    assert (one.payer_minor, one.sale_minor, one.from_buyer_wallet_minor, one.from_receivable_minor) == (
        5_000, 3_000, 5_000, 3_000)  # fmt: skip
    await bank_tells(desk, conn, LOST, payment, 8_000)
    await bank_tells(desk, conn, OPENED, payment, 12_000)
    assert (await fresh(desk, conn, case)).charged_back_minor == 15_000
    await bank_tells(desk, conn, WON, payment, 12_000)
    assert await balances(conn, *HIS, "gateway", f"receivable:{SELLER}") == [0, 0, 0, -12_000, -3_000]
    assert await broken(conn) == []


async def test_a_deals_payment_is_taken_back_without_the_deposit_that_another_paid(conn: Connection) -> None:
    desk = Heard().desk()
    _, deposit = await paid_deposit(desk, conn, 20_000)
    case = await desk.settlement.open_case(conn, terms(100_000, 20_000), NOW)
    payment = await paid_by_card(desk, conn, CardPurpose.CASE, 80_000, target_id=case.id)
    assert await bank_tells(desk, conn, OPENED, payment, 80_001) is Outcome.IGNORED
    assert await bank_tells(desk, conn, OPENED, payment, 80_000) is Outcome.CHARGEBACK_OPENED
    assert await bank_tells(desk, conn, OPENED, deposit, 20_000) is Outcome.CHARGEBACK_OPENED
    await bank_tells(desk, conn, LOST, payment, 80_000)
    assert await bank_tells(desk, conn, OPENED, payment, 1) is Outcome.IGNORED, "of that nothing is left"
    assert await broken(conn) == []


async def test_who_owes_repays_before_he_spends(conn: Connection) -> None:
    desk = Heard().desk()
    change = SmallChange(settlement=desk.settlement, deposits=desk.deposits, cap_minor=50_000)
    await desk.wallet.register_bank_account(conn, BUYER, "Wang Xiu", account_number(2001), NOW)
    payment = await paid_by_card(desk, conn, CardPurpose.WALLET, 10_000)
    await spend(conn, f"wallet:{BUYER}", 10_000, "spent:1")
    await bank_tells(desk, conn, OPENED, payment, 10_000)
    assert await debts.owed_by(conn, BUYER) == {"CNY": 10_000}
    await paid_by_card(desk, conn, CardPurpose.WALLET, 4_000)
    case = await desk.settlement.open_case(conn, terms(3_000), NOW)
    asked = await desk.deposits.request_deposit(
        conn, subject="lot:2", party_id=BUYER, amount_minor=100, currency="CNY", now=NOW
    )
    refused = [
        await desk.wallet.withdraw(conn, BUYER, 4_000, "CNY", NOW),
        await desk.settlement.pay_from_wallet(conn, case.id, BUYER, NOW),
        await desk.deposits.freeze_from_wallet(conn, asked.id, NOW),
        await change.top_up(conn, BUYER, 100, "CNY", NOW),
        await change.pay_case(conn, case.id, BUYER, NOW),
        await change.pay_deposit(conn, asked.id, BUYER, NOW),
    ]
    assert set(refused) == {Refusal.DEBT_FIRST}
    assert await balances(conn, *HIS) == [0, 0, -6_000], "what he had has repaid a part of it"
    await paid_by_card(desk, conn, CardPurpose.CHANGE, 1_000)
    await paid_by_card(desk, conn, CardPurpose.WALLET, 7_000)
    paid = await desk.wallet.withdraw(conn, BUYER, 1_000, "CNY", NOW)
    assert isinstance(paid, Payout), paid
    assert await balances(conn, *HIS) == [0, 1_000, 0], "the wallet first, then the small change"
    await bank_tells(desk, conn, WON, payment, 10_000)
    assert await balances(conn, *HIS) == [10_000, 1_000, 0]
    assert await broken(conn) == []


async def test_an_answer_is_written_once_by_somebody_whom_it_does_not_concern(conn: Connection) -> None:
    desk = Heard().desk()
    payment = await paid_by_card(desk, conn, CardPurpose.WALLET, 10_000)
    await bank_tells(desk, conn, OPENED, payment, 10_000)
    one = await only_chargeback(desk, conn)
    answer = desk.chargebacks.answer
    assert await answer(conn, one.id, " ", OPERATOR, NOW) is Refusal.STATEMENT_MISSING
    assert await answer(conn, one.id, "x" * 2_001, OPERATOR, NOW) is Refusal.ANSWER_TOO_LONG
    assert await answer(conn, one.id, "mine", BUYER, NOW) is Refusal.OWN_MONEY
    assert await answer(conn, 999, "it was delivered", OPERATOR, NOW) is Refusal.UNKNOWN_CHARGEBACK
    first = await answer(conn, one.id, "it was delivered", OPERATOR, NOW)
    assert (
        not isinstance(first, Refusal) and await answer(conn, one.id, "it was delivered", OPERATOR, NOW + DAY) == first
    )
    assert await answer(conn, one.id, "something else", OPERATOR, NOW) is Refusal.ALREADY_ANSWERED
    await bank_tells(desk, conn, LOST, payment, 10_000)
    assert (await only_chargeback(desk, conn)).state == "lost"
