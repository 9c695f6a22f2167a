"""What a late delivery comes to by the contract, and the claim that begins with it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from market.contracting import desk
from market.contracting.facts import Contract, Origin, OriginKind
from market.contracting.terms import Breach, Delivery
from market.delivery.lateness import Dates, Lateness, lateness
from tests.contracting.people import CONFIG, ESCROW, new_person, sign, trade_terms
from tests.deal.traded import pays

if TYPE_CHECKING:
    from datetime import datetime

    from migrations.database import Connection

AGREED = Breach(late_delivery_bp_per_day=30, cap_bp=100)
ARRIVES = Delivery(term="DAP", country="CN", place="Ningbo", from_date=date(2026, 12, 1), to_date=date(2026, 12, 20))
HANDED_OVER = structs.replace(ARRIVES, term="FOB")


def day(n: int) -> date:
    return date(2026, 12, n)


ROWS = {
    # how it is delivered, paid, handed over, arrived, today; days, damages of 1,000.01
    "on the last day": (ARRIVES, 1, 18, 20, 28, None),
    "a day late": (ARRIVES, 1, 18, 21, 28, (1, 300)),
    "the cap": (ARRIVES, 1, 18, 28, 28, (8, 1000)),
    "not there yet": (ARRIVES, 1, 18, None, 22, (2, 600)),
    "handed over in time is delivered in time": (HANDED_OVER, 1, 20, 28, 28, None),
    "handed over late": (HANDED_OVER, 1, 22, 28, 28, (2, 600)),
    "not handed over yet": (HANDED_OVER, 1, None, None, 21, (1, 300)),
    "paid late, the days count from then": (ARRIVES, 25, 26, 26, 28, (1, 300)),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_days_late_times_the_rate_up_to_the_cap_rounded_down(
    row: tuple[Delivery, int, int | None, int | None, int, tuple[int, int] | None],
):
    how, paid, handed, arrived, today, expected = row
    terms = trade_terms(1, 2, delivery=how, breach=AGREED)
    dates = Dates(
        paid_on=day(paid),
        handed_over_on=(handed and day(handed)) or None,
        arrived_on=(arrived and day(arrived)) or None,
    )
    found = lateness(terms, 100_001, dates, day(today))
    assert (found and (found.days, found.damages_minor)) == expected
    assert lateness(structs.replace(terms, breach=Breach()), 100_001, dates, day(today)) is None


def test_no_sum_is_too_large():
    terms = trade_terms(1, 2, delivery=ARRIVES, breach=Breach(late_delivery_bp_per_day=10_000, cap_bp=10_000))
    found = lateness(terms, 10**15 - 1, Dates(paid_on=day(1)), date(2029, 1, 1))
    assert isinstance(found, Lateness) and found.damages_minor == 10**15 - 1


async def late_deal(conn: Connection, now: datetime) -> tuple[int, int, int]:
    """Case, buyer and seller of a contract whose last day was yesterday; it is paid, and nothing is shipped."""
    past = now - timedelta(days=3)
    seller, buyer = [await new_person(conn, name, past) for name in ("Latecomer", "Waiting")]
    agreed = Delivery(
        term="CIP", country="CN", place="宁波", from_date=past.date(), to_date=(now - timedelta(days=1)).date()
    )
    terms = trade_terms(seller.id, buyer.id, delivery=agreed, breach=AGREED)
    contract = await desk.draw_up(conn, Origin(OriginKind.MATCH, 901), terms, past, CONFIG)
    for who in (seller, buyer):
        assert isinstance(contract, Contract), contract
        signed = await sign(conn, contract, who, past)
        assert isinstance(signed, Contract), signed
        contract = signed
    assert isinstance(contract, Contract) and contract.case_id is not None
    case = await ESCROW.settlement.case_by_id(conn, contract.case_id)
    assert case is not None
    await pays(conn, ESCROW, case.reference, case.due_minor, past)
    return case.id, buyer.id, seller.id
