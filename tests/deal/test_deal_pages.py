"""The deal pages over HTTP: both parties read one deal, strangers read none, and the money moves once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING

import pytest
from starlette.routing import Route

from market.access.rows import Who
from market.access.table import TABLE
from market.app import all_routes
from market.wallets import wallet_view
from tests.deal.traded import DEPOSIT, PRICE, Stage, case_of, fall, pays, stage
from tests.door.house_server import PHRASE, Server

if TYPE_CHECKING:
    from escrow.facts import Case

HTML = {"accept": "text/html"}


@dataclass(frozen=True, kw_only=True)
class Trade:
    """A hammer that has fallen in a running house."""

    on: Stage
    case: Case
    buyer: dict[str, str]
    seller: dict[str, str]
    stranger: dict[str, str]
    operator: dict[str, str]

    @property
    def path(self) -> str:
        return f"/deals/{self.case.id}"


@pytest.fixture
async def trade(server: Server) -> Trade:
    house = server.house
    buyer, seller = await server.party(phrase=PHRASE), await server.party(phrase=PHRASE)
    stranger = await server.party()
    now = house.node_time.now()
    async with house.pool.acquire() as conn:
        on = await stage(conn, desk=house.escrow, given=[buyer], seller=seller, now=now)
        await fall(conn, on, closed_at=now)
        case = await case_of(conn, on)
    return Trade(
        on=on,
        case=case,
        buyer=await server.cookie(buyer),
        seller=await server.cookie(seller),
        stranger=await server.cookie(stranger),
        operator=await server.cookie(on.operator),
    )


async def paid(server: Server, trade: Trade) -> None:
    async with server.house.pool.acquire() as conn:
        await pays(conn, server.house.escrow, trade.case.reference, trade.case.due_minor, server.house.node_time.now())


async def post(server: Server, trade: Trade, act: str, who: dict[str, str], **form: str) -> int:
    answer = await server.client.post(f"{trade.path}/{act}", headers=who, data=form)
    return answer.status_code


async def inspecting(server: Server, trade: Trade) -> None:
    await paid(server, trade)
    assert await post(server, trade, "ship", trade.seller, carrier="SF Express", tracking_number="SF 1") == 303
    assert await post(server, trade, "received", trade.buyer) == 303


async def test_both_parties_read_the_same_timeline(server: Server, trade: Trade) -> None:
    for who in (trade.buyer, trade.seller, trade.operator):
        page = await server.client.get(trade.path, headers=who)
        assert page.status_code == 200, page.text
        assert "The hammer fell; the deal was opened" in page.text
        assert f"/lots/{trade.on.lot_id}/confirmation" in page.text


async def test_another_party_finds_no_deal(server: Server, trade: Trade) -> None:
    for path in (trade.path, f"{trade.path}/state", f"/lots/{trade.on.lot_id}/confirmation", "/deals/999999"):
        assert (await server.client.get(path, headers=trade.stranger)).status_code == 404
    assert await post(server, trade, "ship", trade.stranger, carrier="a", tracking_number="b") == 404
    assert await post(server, trade, "ship", trade.operator, carrier="a", tracking_number="b") == 404


async def test_the_buyer_reads_exactly_what_to_pay_and_where(server: Server, trade: Trade) -> None:
    page = (await server.client.get(trade.path, headers=trade.buyer)).text
    assert trade.case.reference in page
    assert "11345.00" in page
    assert "¥11,345.00" in page
    assert f"{server.house.config.bank_origin}/?to_number=" in page
    assert trade.case.reference not in (await server.client.get(trade.path, headers=trade.seller)).text


async def test_the_page_is_whole_in_chinese(server: Server, trade: Trade) -> None:
    page = (await server.client.get(f"{trade.path}?lang=zh", headers=trade.buyer)).text
    assert "银行转账付款" in page
    assert 'lang="zh-CN"' in page


async def test_ship_wants_a_carrier_and_keeps_what_was_typed(server: Server, trade: Trade) -> None:
    await paid(server, trade)
    answer = await server.client.post(
        f"{trade.path}/ship", headers=trade.seller, data={"carrier": "SF Express", "tracking_number": " "}
    )
    assert answer.status_code == 422
    assert "Enter the tracking number" in answer.text
    assert 'value="SF Express"' in answer.text


async def test_nobody_ships_before_the_money_is_held(server: Server, trade: Trade) -> None:
    assert await post(server, trade, "ship", trade.seller, carrier="SF", tracking_number="1") == 422
    assert "tracking_number" not in (await server.client.get(trade.path, headers=trade.seller)).text


async def test_the_confirmation_wants_the_passphrase_and_a_yes(server: Server, trade: Trade) -> None:
    await inspecting(server, trade)
    wrong = {"understood": "1", "passphrase": "not my passphrase at all"}
    assert await post(server, trade, "confirm", trade.buyer, **wrong) == 422
    assert await post(server, trade, "confirm", trade.buyer, passphrase=PHRASE) == 422
    assert await post(server, trade, "confirm", trade.seller, understood="1", passphrase=PHRASE) == 422
    async with server.house.pool.acquire() as conn:
        assert (await case_of(conn, trade.on)).state == "inspecting"


async def test_confirming_twice_pays_once(server: Server, trade: Trade) -> None:
    await inspecting(server, trade)
    yes = {"understood": "1", "passphrase": PHRASE}
    assert await post(server, trade, "confirm", trade.buyer, **yes) == 303
    assert await post(server, trade, "confirm", trade.buyer, **yes) == 422
    async with server.house.pool.acquire() as conn:
        payouts = await server.house.escrow.payouts.payouts_of(conn, trade.on.seller)
    assert [each.amount_minor for each in payouts] == [PRICE - 98_760]


async def test_the_inspection_is_extended_once(server: Server, trade: Trade) -> None:
    await inspecting(server, trade)
    assert await post(server, trade, "extend", trade.buyer) == 303
    assert await post(server, trade, "extend", trade.buyer) == 422


async def test_the_seller_cancels_and_the_buyer_has_the_money_back(server: Server, trade: Trade) -> None:
    await paid(server, trade)
    assert await post(server, trade, "cancel", trade.seller) == 422
    assert await post(server, trade, "cancel", trade.seller, cancel="1") == 303
    async with server.house.pool.acquire() as conn:
        view = await wallet_view(conn, server.house.escrow, trade.on.winner)
    assert [(each.currency, each.free_minor) for each in view.balances] == [("CNY", PRICE)]


async def test_the_list_filters_and_downloads(server: Server, trade: Trade) -> None:
    page = await server.client.get("/deals?role=buyer&state=awaiting_payment", headers=trade.buyer)
    assert f'href="{trade.path}"' in page.text
    assert f'href="{trade.path}"' not in (await server.client.get("/deals?role=seller", headers=trade.buyer)).text
    csv = await server.client.get("/deals?format=csv", headers=trade.seller)
    assert csv.headers["content-type"].startswith("text/csv")
    assert str(trade.case.id) in csv.text
    assert "Blue and white meiping vase" in csv.text
    assert (await server.client.get("/deals", headers=trade.stranger)).status_code == 200


async def test_the_wallet_shows_what_was_frozen_and_freed(server: Server, trade: Trade) -> None:
    loser = await server.cookie(trade.on.bidders[1])
    page = await server.client.get("/wallet", headers=loser)
    assert page.status_code == 200, page.text
    assert "Deposit freed" in page.text
    assert "¥1,000.00" in page.text
    csv = await server.client.get("/wallet?format=csv", headers=loser)
    assert "Deposit frozen" in csv.text


async def test_a_withdrawal_needs_a_bank_account_and_the_money(server: Server, trade: Trade) -> None:
    loser = trade.on.bidders[1]
    who = await server.cookie(loser)
    form = {"amount": "1000.00", "currency": "CNY"}
    assert (await server.client.post("/wallet/withdraw", headers=who, data=form)).status_code == 422
    house = server.house
    async with house.pool.acquire() as conn, conn.transaction():
        await house.escrow.wallet.register_bank_account(conn, loser, "Loser", "XG0001", house.node_time.now())
    assert (await server.client.post("/wallet/withdraw", headers=who, data=form)).status_code == 303
    assert (await server.client.post("/wallet/withdraw", headers=who, data=form)).status_code == 422
    async with house.pool.acquire() as conn:
        payouts = await house.escrow.payouts.payouts_of(conn, loser)
    assert [each.amount_minor for each in payouts] == [DEPOSIT]


async def test_the_operators_pages_show_books_that_agree(server: Server, trade: Trade) -> None:
    for path in (
        "/operator/money",
        "/operator/cases",
        f"/operator/cases/{trade.case.id}",
        "/operator/quarantine",
        "/operator/payouts",
    ):
        page = await server.client.get(path, headers=trade.operator)
        assert page.status_code == 200, page.text
        assert (await server.client.get(path, headers=trade.buyer)).status_code == 403
    page = (await server.client.get("/operator/money", headers=trade.operator)).text
    assert "The books agree" in page
    assert "Does not hold" not in page


async def test_a_wrong_sum_is_shown_before_it_is_applied(server: Server, trade: Trade) -> None:
    house, now = server.house, server.house.node_time.now()
    async with house.pool.acquire() as conn:
        await pays(conn, house.escrow, trade.case.reference, trade.case.due_minor + 500, now)
        *_, item = await house.escrow.quarantine.items(conn)
    listed = await server.client.get("/operator/quarantine", headers=trade.operator)
    assert "Another sum than is due" in listed.text
    path = f"/operator/quarantine/{item.id}"
    shown = await server.client.get(f"{path}?target=case&target_id={trade.case.id}", headers=trade.operator)
    assert f"escrow:{trade.case.id}" in shown.text, shown.text
    form = {"target": "case", "target_id": str(trade.case.id)}
    assert (await server.client.post(f"{path}/apply", headers=trade.operator, data=form)).status_code == 422
    form["reason"] = "the buyer rounded up"
    assert (await server.client.post(f"{path}/apply", headers=trade.operator, data=form)).status_code == 303
    async with house.pool.acquire() as conn:
        assert (await case_of(conn, trade.on)).state == "funded"
        acts = await conn.fetch("select act, reason from market.audit where subject = $1", f"quarantine:{item.id}")
    assert [tuple(row) for row in acts] == [("quarantine.applied", "the buyer rounded up")]


async def test_quarantined_money_goes_back(server: Server, trade: Trade) -> None:
    house, now = server.house, server.house.node_time.now()
    async with house.pool.acquire() as conn:
        await pays(conn, house.escrow, "no such reference", 777, now)
        *_, item = await house.escrow.quarantine.items(conn)
    answer = await server.client.post(
        f"/operator/quarantine/{item.id}/return", headers=trade.operator, data={"reason": "nobody's"}
    )
    # Without the sender's account there is nowhere to send it: refused in words, and nothing moves.
    assert answer.status_code in (303, 422), answer.text


async def test_the_confirmation_is_one_document_in_both_languages(server: Server, trade: Trade) -> None:
    for lang, who in (("en", trade.buyer), ("zh", trade.seller), ("en", trade.operator)):
        page = await server.client.get(f"/lots/{trade.on.lot_id}/confirmation?lang={lang}", headers=who)
        assert page.status_code == 200, page.text
        for said in (
            "成交确认书",
            "Trade Confirmation",
            "CNY 12,345.00",
            "壹万贰仟叁佰肆拾伍元整",
            "welve thousand three hundred",
            "Blue and white meiping vase",
            "清 青花缠枝莲纹梅瓶",
            bytes(range(32)).hex(),
            "UTC+8",
            "8%",
            str(trade.on.paddles[trade.on.winner]),
        ):
            assert said in page.text, said


async def test_the_payer_of_a_wrong_sum_reads_that_it_came(server: Server, trade: Trade) -> None:
    async with server.house.pool.acquire() as conn:
        await pays(conn, server.house.escrow, trade.case.reference, 12_300, server.house.node_time.now())
    page = await server.client.get(trade.path, headers={**trade.buyer, **HTML})
    assert "Received so far, not matching:" in page.text and "¥123.00" in page.text
    assert "&lt;data" not in page.text and "&lt;time" not in page.text
    seller = await server.client.get(trade.path, headers={**trade.seller, **HTML})
    assert "¥123.00" not in seller.text


async def test_the_operator_reads_what_quarantined_money_named(server: Server, trade: Trade) -> None:
    """The form is filled in, and nothing that he has not asked for is shown to him as an error."""
    async with server.house.pool.acquire() as conn:
        now = server.house.node_time.now()
        await pays(conn, server.house.escrow, trade.case.reference, trade.case.due_minor - 100, now)
        deposit = await server.house.escrow.deposits.deposit_of(conn, trade.case.subject, trade.on.bidders[1])
        assert deposit is not None
        await pays(conn, server.house.escrow, deposit.reference, deposit.amount_minor, now)
        *_, of_case, of_deposit = await server.house.escrow.quarantine.items(conn)
    pages = [
        (await server.client.get(f"/operator/quarantine/{item.id}", headers={**trade.operator, **HTML})).text
        for item in (of_case, of_deposit)
    ]
    assert f'href="/operator/cases/{trade.case.id}"' in pages[0] and "¥11,345.00" in pages[0]
    assert f'value="{trade.case.id}"' in pages[0] and "error-summary" not in pages[0]
    assert f'value="{deposit.id}"' in pages[1] and "Nothing is due there now." in pages[1]
    assert f'href="/lots/{trade.on.lot_id}"' in pages[1] and "&lt;data" not in pages[0] + pages[1]
    listed = await server.client.get("/operator/quarantine", headers={**trade.operator, **HTML})
    assert f'href="/operator/cases/{trade.case.id}"' in listed.text and f"Deposit {deposit.id}" in listed.text


async def test_a_deposit_that_went_into_the_price_is_not_called_held(server: Server, trade: Trade) -> None:
    before = await server.client.get(trade.path, headers={**trade.buyer, **HTML})
    assert "Deposit already held" in before.text
    await paid(server, trade)
    after = await server.client.get(trade.path, headers={**trade.buyer, **HTML})
    assert "Deposit, applied to the price" in after.text and "Deposit already held" not in after.text
    case = await server.client.get(f"/operator/cases/{trade.case.id}", headers={**trade.operator, **HTML})
    assert "Deposit, applied to the price" in case.text


async def test_every_operators_page_is_reached_by_links_from_the_control_room(server: Server) -> None:
    wanted = {
        route.path
        for route in all_routes()
        if isinstance(route, Route)
        and "GET" in (route.methods or ())
        and "{" not in route.path
        and not route.path.endswith(".csv")
        and TABLE[route.name].who is Who.OPERATOR
        and route.path.startswith("/operator")
    }
    headers = await server.cookie(await server.party(operator=True))
    met, waiting = {"/operator"}, ["/operator"]
    while waiting:
        page = await server.client.get(waiting.pop(), headers=headers)
        for link in re.findall(r'href="(/operator[^"#?]*)', unescape(page.text)):
            if link not in met:
                met.add(link)
                waiting.append(link)
    assert sorted(wanted - met) == ["/operator/money/batches/new"], (
        "where one comes from a queue that has something to choose"
    )
