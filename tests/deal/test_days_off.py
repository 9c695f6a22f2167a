"""Public holidays: set in the configuration, frozen in each deal with its contract, left out of the time to ship."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from escrow.facts import Timers
from market import trades
from market.catalogue import Catalogue
from market.config import Config, ConfigError, load_config
from market.contracts import ContractTerms, canonical, read_terms
from tests.deal.traded import case_of, pays, stage
from tests.sell.stall import HOUR, NOW

if TYPE_CHECKING:
    from migrations.database import Connection

STRUCK = NOW + 2 * HOUR


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("tomorrow", "no day like"),
        ("2026-10-07..2026-10-01", "ends before it begins"),
        ("2026-01-01..2027-12-31", "after more than 400 days"),
        ("2026-02-30", "no day like"),
    ],
    ids=["no day", "backwards", "too long", "no such day"],
)
def test_what_is_no_day_is_refused_with_what_would_be_right(tmp_path: Path, said: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load_config({"data_dir": tmp_path}, {"GAVELHOUSE_WORKING_DAYS_OFF": said})


def test_days_and_spans_are_read_from_file_and_environment(tmp_path: Path) -> None:
    file = tmp_path / "gavelhouse.toml"
    file.write_text('working_days_off = ["2026-10-01..2026-10-03", 2026-05-01]\n', encoding="utf-8")
    for environment in ({}, {"GAVELHOUSE_WORKING_DAYS_OFF": "2026-05-01, 2026-10-01..2026-10-03"}):
        config = load_config({"data_dir": tmp_path}, environment).config
        assert trades.trade_terms(config).timers.days_off == (
            date(2026, 5, 1), *(date(2026, 10, day) for day in (1, 2, 3)))  # fmt: skip
    assert trades.trade_terms(Config(ship_seconds=60, working_days_off=("2026-05-01",))).timers.days_off == ()


async def test_a_holiday_gives_the_seller_a_day_more_and_stands_in_the_contract(conn: Connection) -> None:
    on = await stage(conn, bidders=1)
    friday = next(day for day in (STRUCK.date() + timedelta(days=n) for n in range(1, 8)) if day.weekday() == 4)
    monday, years_away = friday + timedelta(days=3), friday + timedelta(days=700)
    terms = trades.TradeTerms(timers=Timers(days_off=(friday, monday, years_away)))
    async with conn.transaction():
        await trades.hammer_handler(terms, on.desk)(conn, on.hammer(closed_at=STRUCK))
    case = await case_of(conn, on)
    assert case.timers.days_off == (friday, monday), "what is years away is no matter of this deal"
    contract = read_terms(await conn.fetchval("select terms from market.deal where case_id = $1", case.id))
    assert isinstance(contract, ContractTerms) and contract.days_off == (friday, monday)
    assert read_terms(canonical(contract)) == contract
    text = Catalogue.load().text("confirmation.days_off", "en", days=f"{friday}, {monday}")
    assert friday.isoformat() in text
    paid_at = STRUCK + timedelta(days=(friday - STRUCK.date()).days - 1)  # the day before the holiday
    await pays(conn, on.desk, case.reference, case.due_minor, paid_at)
    funded = await case_of(conn, on)
    assert funded.ship_by_at == paid_at + timedelta(days=7), "two days off and a weekend beside three working days"
