"""The main job: from a seller's lot to the seller's money, by four people with browsers, on a real house and bank."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.journey.trade import Trade, trading
from tests.running_house import RunningHouse

OTHER = {"zh": "en", "en": "zh"}
PROVOKED = ("ERR_CONNECTION_RESET", "ERR_SOCKS_CONNECTION_FAILED", "ERR_CONNECTION_CLOSED", "status of 422")
"""What a console may say here: that a line was cut, and that a form was refused."""

Trades = dict[str, asyncio.Task[list[str]]]


@pytest.fixture(scope="module")
async def trades(house: RunningHouse, browser: Browser) -> AsyncIterator[Trades]:
    """Two trades at once in the one house, so that their countdowns run side by side."""
    running = {lang: asyncio.create_task(whole_trade(house, browser, lang)) for lang in OTHER}
    yield running
    for task in running.values():
        task.cancel()
    await asyncio.gather(*running.values(), return_exceptions=True)


@pytest.mark.parametrize("language", OTHER)
async def test_a_lot_goes_from_its_draft_to_the_seller_s_money(trades: Trades, language: str) -> None:
    assert await trades[language] == []


async def whole_trade(house: RunningHouse, browser: Browser, lang: str) -> list[str]:
    """Seller and buyer read `lang`, rival and operator the other. What their consoles complained of."""
    async with trading(browser, house, lang, OTHER[lang]) as trade:
        await trade.arrive()
        await trade.write_the_lot()
        await trade.approve_and_hold()
        await trade.qualify(trade.buyer)
        await trade.qualify(trade.rival)
        await trade.resume()
        await trade.bid_against_each_other()
        await trade.see_the_countdown_restart()
        await trade.lose_the_connection_with_a_bid_in_flight()
        await trade.hear_the_hammer()
        await trade.read_the_confirmation()
        await trade.pay_a_wrong_sum_and_get_it_back()
        await trade.pay_the_right_sum()
        await trade.ship_and_receive()
        await trade.confirm_by_passphrase()
        await trade.see_the_money_arrive()
        await trade.see_the_books_balance()
        return complaints(trade)


def complaints(trade: Trade) -> list[str]:
    """Everything that any console said, but for what was provoked."""
    said = [f"{who.name}: {words}" for who in trade.people for words in who.said]
    return [words for words in said if not any(part in words for part in PROVOKED)]
