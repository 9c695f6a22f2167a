"""Recommended partners: who is left out, what each reason gives, and that silence is neither help nor harm."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from market.matching.facts import Side
from market.matching.partners import (
    Offered,
    PartKind,
    Partner,
    Reputation,
    distance_km,
    middle_of_cell,
    recommended,
)

OWN = Offered(
    post_id=1,
    party_id=1,
    side=Side.DEMAND,
    price_minor=1_000,
    quantity=100,
    smallest=10,
    country="CN",
    latitude=31_230_000,
    longitude=121_470_000,
    first=date(2026, 12, 1),
    last=date(2026, 12, 20),
    attributes={"grade": "q235b", "width": 1250},
)
FIT = replace(OWN, post_id=2, party_id=2, side=Side.SUPPLY)


def points(kind: PartKind, reputation: Reputation | None = None, **changes: Any) -> int:
    (partner,) = recommended(OWN, [replace(FIT, **changes)], {2: reputation or Reputation()})
    return next(part.points for part in partner.parts if part.kind is kind)


def test_a_perfect_match_has_all_points_but_for_a_name_to_make() -> None:
    (partner,) = recommended(OWN, [FIT], {2: Reputation(completed=98)})
    assert partner.score == 99
    assert [part.points for part in partner.parts] == [100, 100, 100, 100, 100, 99]


@pytest.mark.parametrize(
    "changes",
    [{"side": Side.DEMAND}, {"party_id": 1}, {"quantity": 9}, {"smallest": 101}],
    ids=["same side", "himself", "too little", "minimum too large"],
)
def test_who_can_not_trade_is_not_recommended(changes: dict[str, Any]) -> None:
    assert recommended(OWN, [replace(FIT, **changes)], {}) == []


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        (PartKind.PRICE, {"price_minor": 900}, 100),
        (PartKind.PRICE, {"price_minor": 1_100}, 64),
        (PartKind.PRICE, {"price_minor": 2_000}, 0),
        (PartKind.PRICE, {"price_minor": None}, 50),
        (PartKind.DISTANCE, {"latitude": 39_900_000, "longitude": 116_400_000}, 65),
        (PartKind.DISTANCE, {"latitude": -33_870_000, "longitude": 151_210_000}, 0),
        (PartKind.DISTANCE, {"latitude": None, "longitude": None}, 80),
        (PartKind.DATES, {"first": date(2026, 12, 11), "last": date(2026, 12, 30)}, 50),
        (PartKind.DATES, {"first": date(2027, 1, 1), "last": date(2027, 1, 2)}, 0),
        (PartKind.ATTRIBUTES, {"attributes": {"grade": "q235b", "width": 1500}}, 50),
        (PartKind.ATTRIBUTES, {"attributes": {}}, 50),
        (PartKind.QUANTITY, {"quantity": 40}, 40),
    ],
)
def test_each_reason_gives_its_points(kind: PartKind, changes: dict[str, Any], expected: int) -> None:
    assert points(kind, **changes) == expected


@pytest.mark.parametrize(("completed", "lost", "expected"), [(0, 0, 50), (8, 0, 90), (8, 1, 60), (0, 3, 5)])
def test_deals_lift_a_name_and_lost_claims_weigh(completed: int, lost: int, expected: int) -> None:
    assert points(PartKind.REPUTATION, Reputation(completed=completed, claims_lost=lost)) == expected


def test_the_best_come_first_and_equals_in_order_of_their_posts() -> None:
    others = [replace(FIT, post_id=n, party_id=n, quantity=100 - 10 * (n % 3)) for n in range(2, 9)]
    order: list[Partner] = recommended(OWN, others, {}, most=5)
    assert [one.post_id for one in order] == [3, 6, 4, 7, 2]


def test_distances_are_right_over_the_date_line_and_at_the_ends_of_the_earth() -> None:
    assert distance_km(0, 179_900_000, 0, -179_900_000) == 22
    assert distance_km(90_000_000, 0, -90_000_000, 0) == 20015
    assert distance_km(31_230_000, 121_470_000, 31_230_000, 121_470_000) == 0


@pytest.mark.parametrize(
    ("degrees", "end", "cell", "middle"),
    [
        (31_230_400, 90, 500_000, 31_250_000),
        (-31_230_400, 90, 500_000, -31_250_000),
        (121_473_700, 180, 5_000_000, 122_500_000),
        (90_000_000, 90, 5_000_000, 87_500_000),
        (-180_000_000, 180, 5_000_000, -177_500_000),
        (180_000_000, 180, 500_000, 179_750_000),
        (0, 90, 5_000_000, 2_500_000),
        (None, 90, 5_000_000, None),
    ],
)
def test_a_point_counts_as_the_middle_of_its_cell(degrees: int | None, end: int, cell: int, middle: int | None) -> None:
    assert middle_of_cell(degrees, end, cell) == middle


def test_of_an_anonymous_party_the_distance_is_told_by_the_region() -> None:
    (partner,) = recommended(OWN, [replace(FIT, latitude=37_500_000, longitude=117_500_000, anonymous=True)], {})
    (part,) = [part for part in partner.parts if part.kind is PartKind.DISTANCE]
    assert dict(part.figures) == {"km": 1_000, "step_km": 500}


def test_limits_that_miss_each_other_by_a_cent_do_not_meet() -> None:
    assert points(PartKind.PRICE, price_minor=1_000_000 * 1_000 + 1) == 0
    (partner,) = recommended(replace(OWN, price_minor=345_000), [replace(FIT, price_minor=345_001)], {})
    assert dict(partner.parts[0].figures) == {"apart_bp": 1}
