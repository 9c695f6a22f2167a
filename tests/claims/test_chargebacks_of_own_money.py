"""What a bidder, an operator and a stranger see when a bank takes back what a card paid in: by program and in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from escrow.card_facts import CardPurpose
from escrow.facts import NoticeKind, Outcome
from escrow.sandbox_bank.numbers import account_number
from market import applications, fraud_bars, parties
from market.application_facts import NextStep
from market.cashier_clock import CashierClock
from market.fraud_facts import Link
from tests.claims.dispute import dispute_in
from tests.deal.traded import Stage, stage
from tests.door.house_server import Server
from tests.escrow.card_money import bank_tells, paid_by_card
from tests.sell.stall import party

if TYPE_CHECKING:
    from httpx2 import Response

DEPOSIT = 100_000


async def get(server: Server, path: str, who: int) -> Response:
    return await server.client.get(f"{server.origin}/api/v1{path}", headers=await server.bearer(who))


async def post(server: Server, path: str, who: int, key: str, **body: Any) -> Response:
    headers = {**await server.bearer(who), "idempotency-key": key}
    return await server.client.post(f"{server.origin}/api/v1{path}", headers=headers, json=body)


async def notices_of(server: Server, who: int) -> list[str]:
    async with server.house.pool.acquire() as conn:
        rows = await conn.fetch("select kind from market.notice where party_id = $1 order by id", who)
    return [row["kind"] for row in rows]


async def card_deposit(server: Server, on: Stage) -> tuple[int, str]:
    """A bidder who has paid his deposit by card; he and the payment."""
    house, now = server.house, server.house.node_time.now()
    async with house.pool.acquire() as conn, conn.transaction():
        bidder = await party(conn)
        applied = await applications.apply(conn, lot_id=on.lot_id, party_id=bidder, now=now)
        assert isinstance(applied, applications.Application)
        asked = await applications.confirm(
            conn, house.escrow, application_id=applied.id, operator_id=on.operator, now=now
        )
        assert isinstance(asked, applications.Application) and asked.deposit_id is not None
        payment = await paid_by_card(
            house.escrow, conn, CardPurpose.DEPOSIT, DEPOSIT, target_id=asked.deposit_id, party_id=bidder
        )
    return bidder, payment


async def may_bid(server: Server, lot_id: int, who: int) -> bool:
    async with server.house.pool.acquire() as conn:
        found = await conn.fetchval(
            "select removed_at is null from auction.admission where lot_id = $1 and party_id = $2", lot_id, who
        )
    return bool(found)


async def test_no_deposit_no_bid_until_it_is_paid_anew(server: Server) -> None:
    house = server.house
    async with house.pool.acquire() as conn:
        on = await stage(conn, bidders=1, desk=house.escrow, now=house.node_time.now())
    bidder, payment = await card_deposit(server, on)
    assert await may_bid(server, on.lot_id, bidder)
    async with house.pool.acquire() as conn, conn.transaction():
        assert (
            await bank_tells(house.escrow, conn, NoticeKind.CHARGEBACK, payment, DEPOSIT) is Outcome.CHARGEBACK_OPENED
        )
    assert not await may_bid(server, on.lot_id, bidder)
    assert (await notices_of(server, bidder))[-1] == "deposit_taken_back"
    assert (await notices_of(server, on.operator))[-1] == "desk_chargeback_open"
    async with house.pool.acquire() as conn, conn.transaction():
        stands = await applications.application_state(conn, house.escrow, on.lot_id, bidder)
        assert stands is not None and stands.step is NextStep.PAY_DEPOSIT and stands.deposit_id is not None
        await paid_by_card(
            house.escrow, conn, CardPurpose.DEPOSIT, DEPOSIT, target_id=stands.deposit_id, party_id=bidder
        )
    assert await may_bid(server, on.lot_id, bidder), "he has paid again"
    seen = (await get(server, "/wallet", bidder)).json()
    assert [(one["purpose"], one["state"], one["amount_minor"]) for one in seen["chargebacks"]] == [
        ("deposit", "open", str(DEPOSIT))
    ]


async def test_who_owes_reads_how_much_and_operators_answer_his_bank_once(server: Server) -> None:
    house = server.house
    ann, bob = await server.party(operator=True), await server.party(operator=True)
    async with house.pool.acquire() as conn, conn.transaction():
        member = await party(conn)
        payment = await paid_by_card(house.escrow, conn, CardPurpose.WALLET, 70_000, party_id=member)
        await paid_by_card(house.escrow, conn, CardPurpose.CHANGE, 5_000, party_id=member)
        await house.escrow.wallet.register_bank_account(
            conn, member, "Wang Xiu", account_number(2001), house.node_time.now()
        )
        gone = await house.escrow.wallet.withdraw(conn, member, 60_000, "CNY", house.node_time.now())
        assert not isinstance(gone, str)
        await bank_tells(house.escrow, conn, NoticeKind.CHARGEBACK, payment, 70_000)
        number = (await house.escrow.chargebacks.of_payer(conn, member))[0].id
    balances = (await get(server, "/wallet", member)).json()["balances"]
    assert [(one["free_minor"], one["owed_minor"]) for one in balances] == [("0", "55000")]
    refused = await post(server, "/wallet/withdrawals", member, "w-1", amount_minor="1", currency="CNY")
    assert (refused.status_code, refused.json()["code"], refused.json()["owed_minor"]) == (409, "debt_first", "55000")
    page = await server.client.get(f"{server.origin}/wallet", headers=await server.cookie(member))
    assert "550.00" in page.text

    assert (await get(server, f"/chargebacks/{number}", member)).status_code == 403
    found = (await get(server, f"/chargebacks/{number}", ann)).json()
    assert (found["chargeback"]["from_buyer_owed_minor"], found["answer"]) == ("55000", None)
    assert (await get(server, "/chargebacks/999999", ann)).status_code == 404
    stuck = (await get(server, "/money/queue?queue=stuck&what=chargeback", ann)).json()
    assert [one["id"] for one in stuck["items"]][-1:] == [number]
    said = await post(server, f"/chargebacks/{number}/answer", ann, "a-1", text="He used what he had topped up.")
    assert said.status_code == 200 and said.json()["answer"]["operator_id"] == ann
    other = await post(server, f"/chargebacks/{number}/answer", bob, "a-2", text="Something else.")
    assert (other.status_code, other.json()["code"]) == (409, "already_answered")
    assert (await post(server, f"/chargebacks/{number}/answer", member, "a-3", text="Mine.")).status_code == 403
    async with house.pool.acquire() as conn:
        trail = await conn.fetch("select actor_id from market.audit where subject = $1", f"chargeback:{number}")
    assert [row["actor_id"] for row in trail] == [ann]


async def test_operators_hear_of_a_claim_and_of_an_arbitration_that_waits_and_parties_do_not(server: Server) -> None:
    dispute = await dispute_in(server)
    operator = dispute.operator_ids[0]
    await dispute.does(dispute.buyer, "claim", amount_minor="30000", reason="damaged", statement="The lid is cracked.")
    assert (await notices_of(server, operator))[-1] == "desk_claim"
    await dispute.does(dispute.seller, "claim/contest", statement="It was whole.")
    assert (await notices_of(server, operator))[-1] == "desk_arbitration"
    for party_id in (dispute.on.winner, dispute.on.seller):
        assert not any(kind.startswith("desk_") for kind in await notices_of(server, party_id))
    page = await server.client.get(f"{server.origin}/notices", headers=await server.cookie(operator))
    assert f"(deal {dispute.case_id}), waits for an arbiter" in page.text


async def test_a_debtor_gets_no_right_to_bid_and_his_own_rest_until_he_has_repaid(server: Server) -> None:
    house, clock = server.house, CashierClock(server.house)
    async with house.pool.acquire() as conn:
        on = await stage(conn, bidders=1, desk=house.escrow, now=house.node_time.now())
        other = await stage(conn, bidders=1, desk=house.escrow, now=house.node_time.now())
    bidder, _ = await card_deposit(server, on)
    before = (await get(server, f"/lots/{on.lot_id}/application", bidder)).json()
    asked, _ = await get_asked(server, other, bidder)
    async with house.pool.acquire() as conn, conn.transaction():
        payment = await paid_by_card(house.escrow, conn, CardPurpose.WALLET, 70_000, party_id=bidder)
        await house.escrow.wallet.register_bank_account(
            conn, bidder, "Wang Xiu", account_number(2002), house.node_time.now()
        )
        await house.escrow.wallet.withdraw(conn, bidder, 70_000, "CNY", house.node_time.now())
        await bank_tells(house.escrow, conn, NoticeKind.CHARGEBACK, payment, 70_000)
    await clock.end_due()
    await clock.end_due()
    assert not await may_bid(server, on.lot_id, bidder)
    assert (await notices_of(server, bidder)).count("bidding_rests") == 1
    stands = (await get(server, f"/lots/{on.lot_id}/application", bidder)).json()
    assert (before["step"], stands["step"]) == ("admitted", "owes_the_house")
    page = await server.client.get(f"{server.origin}/lots/{on.lot_id}?lang=zh", headers=await server.cookie(bidder))
    assert "CNY 700.00" in page.text and "/wallet/top-up" in page.text
    mine = await server.client.get(f"{server.origin}/my/bids?lang=zh", headers=await server.cookie(bidder))
    assert "资格暂停" in mine.text
    key = await server.bearer(bidder)
    for path in (f"/lots/{other.lot_id}/deposit", f"/deposits/{asked}/card-payments"):
        body = {"handle": "x", "card_id": 1} if "card" in path else None
        refused = await server.client.post(
            f"{server.origin}/api/v1{path}", headers={**key, "idempotency-key": f"owes-{path}"}, json=body
        )
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (409, "owes_the_house"), problem
        assert problem["debts"] == [{"currency": "CNY", "owed_minor": "70000"}]
        assert "CNY 700.00" in problem["detail"] and "充值" in problem["detail"]
    paid = await server.client.get(f"{server.origin}/deposits/{asked}/checkout", headers=await server.cookie(bidder))
    assert "CNY 700.00" in paid.text and "means-list" not in paid.text
    async with house.pool.acquire() as conn, conn.transaction():
        await paid_by_card(house.escrow, conn, CardPurpose.WALLET, 70_000, party_id=bidder)
        assert await applications.owed_still(conn, bidder, house.node_time.now()) == {}
    await clock.end_due()
    assert await may_bid(server, on.lot_id, bidder)
    again = (await get(server, f"/lots/{on.lot_id}/application", bidder)).json()
    assert (again["step"], again["paddle"]) == ("admitted", before["paddle"])
    open_again = (await get(server, f"/lots/{other.lot_id}/application", bidder)).json()
    assert open_again["step"] == "pay_deposit"


async def test_a_right_that_something_else_bars_too_comes_back_when_both_have_ended(server: Server) -> None:
    house, clock = server.house, CashierClock(server.house)
    now = house.node_time.now()
    async with house.pool.acquire() as conn, conn.transaction():
        on = await stage(conn, bidders=1, desk=house.escrow, now=now)
    bidder, _ = await card_deposit(server, on)
    async with house.pool.acquire() as conn, conn.transaction():
        said: dict[str, Any] = {"operator_id": on.operator, "now": now}
        link = await fraud_bars.bar_from_seller(conn, seller_id=on.seller, bidder_id=bidder, reason="seen", **said)
        assert isinstance(link, Link)
        payment = await paid_by_card(house.escrow, conn, CardPurpose.WALLET, 70_000, party_id=bidder)
        await house.escrow.wallet.register_bank_account(conn, bidder, "Wang Xiu", account_number(2003), now)
        await house.escrow.wallet.withdraw(conn, bidder, 70_000, "CNY", now)
        await bank_tells(house.escrow, conn, NoticeKind.CHARGEBACK, payment, 70_000)
        await fraud_bars.decide(conn, link_id=link.id, bars=False, reason="no link", **said)
    assert (await notices_of(server, bidder)).count("bidding_rests") == 1, "the link is gone, the debt is not"
    async with house.pool.acquire() as conn, conn.transaction():
        await parties.bar(conn, bidder, on.operator, "asked for papers", now)
        await paid_by_card(house.escrow, conn, CardPurpose.WALLET, 70_000, party_id=bidder)
        assert await applications.owed_still(conn, bidder, now) == {}
    await clock.end_due()
    assert not await may_bid(server, on.lot_id, bidder)
    async with house.pool.acquire() as conn, conn.transaction():
        await parties.unbar(conn, bidder, on.operator, "papers are here", now)
    await clock.end_due()
    assert await may_bid(server, on.lot_id, bidder)


async def get_asked(server: Server, on: Stage, bidder: int) -> tuple[int, int]:
    """A deposit that is asked of this bidder for another lot, and the application."""
    house, now = server.house, server.house.node_time.now()
    async with house.pool.acquire() as conn, conn.transaction():
        applied = await applications.apply(conn, lot_id=on.lot_id, party_id=bidder, now=now)
        assert isinstance(applied, applications.Application)
        asked = await applications.confirm(
            conn, house.escrow, application_id=applied.id, operator_id=on.operator, now=now
        )
        assert isinstance(asked, applications.Application) and asked.deposit_id is not None
    return asked.deposit_id, asked.id
