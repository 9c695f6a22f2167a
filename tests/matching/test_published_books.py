"""Books that exchanges and others have published with their answer, and where our rules say the same, ours."""

from __future__ import annotations

import pytest

from market.matching.call_auction import clear
from market.matching.facts import Rules, Side, Step
from tests.matching.books import Lines, book

Book = tuple[str, Lines, Lines, Rules, int, int, Step]

PUBLISHED: list[Book] = [
    (
        # A worked example of exchange auctions, prices in tenths.
        "103-3700",
        [(1045, 100), (1045, 2500), (1030, 1800), (1025, 500), (1025, 800), (995, 1500)],
        [(1005, 600), (1005, 400), (1020, 1500), (1030, 1200), (1045, 700)],
        Rules(tick_minor=5),
        1030,
        3700,
        Step.VOLUME,
    ),
    (
        # A matching engine's guide: "the maximum executable volume is 290 at a price of 12,400".
        "12400-290",
        [
            *((13000, 45), (12900, 95), (12800, 25), (12700, 35), (12600, 25)),
            *((12500, 55), (12400, 200), (12300, 80), (12200, 60)),
        ],
        [
            *((13100, 35), (13000, 50), (12900, 10), (12800, 15), (12700, 10), (12600, 20)),
            *((12500, 90), (12400, 155), (12300, 125), (12200, 10)),
        ],
        Rules(tick_minor=100),
        12400,
        290,
        Step.VOLUME,
    ),
    (
        "pre-open-session",
        [(103, 13500), (104, 9500), (105, 12000), (106, 6500), (107, 5000), (108, 4000)],
        [(103, 11500), (104, 9800), (105, 15000), (106, 12000), (107, 12500)],
        Rules(),
        105,
        27500,
        Step.VOLUME,
    ),
    (
        # The Australian exchange's example of its four principles, in cents.
        "four-principles",
        [(640, 500), (639, 500), (639, 500), (634, 1000), (633, 500)],
        [(610, 1000), (640, 500), (641, 520), (642, 550), (643, 519)],
        Rules(),
        639,
        1000,
        Step.PRESSURE,
    ),
    (
        "futures-rule-1",
        [(51, 10), (50, 20), (49, 30), (48, 40), (47, 50), (46, 70), (45, 100), (44, 1), (43, 30)],
        [(43, 6), (44, 4), (45, 90), (46, 100), (47, 1), (48, 25), (49, 1), (50, 100), (51, 30)],
        Rules(),
        46,
        200,
        Step.VOLUME,
    ),
    (
        "futures-rule-2",
        [(51, 10), (50, 20), (49, 30), (48, 40), (47, 50), (46, 30), (45, 100), (44, 1), (43, 30)],
        [(43, 6), (44, 4), (45, 90), (46, 50), (48, 25), (49, 1), (50, 100), (51, 30)],
        Rules(),
        47,
        150,
        Step.IMBALANCE,
    ),
    (
        "futures-rule-3",
        [(51, 10), (50, 20), (49, 30), (48, 40), (47, 80), (45, 20), (44, 30), (43, 30)],
        [(43, 6), (44, 4), (45, 90), (46, 50), (48, 25), (49, 1), (50, 100), (51, 30)],
        Rules(),
        47,
        150,
        Step.PRESSURE,
    ),
    (
        "closing-session",
        [(2405, 200), (2400, 1000), (2395, 400)],
        [(2395, 400), (2400, 600), (2405, 400), (2405, 400)],
        Rules(tick_minor=5),
        2400,
        1000,
        Step.VOLUME,
    ),
    ("contest", [(888, 175), (900, 400), (10000, 50)], [(900, 1000), (892, 400)], Rules(), 900, 450, Step.VOLUME),
    ("tutorial", [(101, 50), (100, 30), (99, 20)], [(99, 40), (100, 30), (102, 50)], Rules(), 100, 70, Step.VOLUME),
    # A ledger's exchange, its examples 1 to 6; those that turn on its percentage bands are not among our rules.
    ("periodic-1", [(100, 150), (98, 150)], [(98, 250), (97, 50)], Rules(), 98, 300, Step.VOLUME),
    ("periodic-2", [(100, 150), (99, 50), (97, 300)], [(97, 200), (96, 100)], Rules(), 97, 300, Step.VOLUME),
    (
        "periodic-3",
        [(102, 300), (100, 100), (99, 200), (98, 300)],
        [(98, 250), (97, 250), (96, 1000)],
        Rules(),
        96,
        900,
        Step.IMBALANCE,
    ),
    (
        "periodic-4",
        [(102, 30), (101, 10), (99, 50), (96, 15)],
        [(98, 10), (97, 50), (95, 50)],
        Rules(),
        97,
        90,
        Step.IMBALANCE,
    ),
    ("periodic-5", [(102, 10), (97, 10)], [(95, 50)], Rules(reference_minor=80), 95, 20, Step.PRESSURE),
    (
        "periodic-6-1",
        [(100, 25), (97, 25)],
        [(98, 25), (95, 25)],
        Rules(reference_minor=99),
        99,
        25,
        Step.REFERENCE,
    ),
    (
        "periodic-6-2",
        [(100, 25), (97, 25)],
        [(98, 25), (95, 25)],
        Rules(reference_minor=97),
        97,
        25,
        Step.REFERENCE,
    ),
]


@pytest.mark.parametrize("published", PUBLISHED, ids=[one[0] for one in PUBLISHED])
def test_a_published_book_clears_at_its_published_price_and_volume(published: Book) -> None:
    _, demand, supply, rules, price, volume, step = published
    cleared = clear(book(demand, supply), rules)
    assert (cleared.price_minor, cleared.volume, cleared.decided_by) == (price, volume, step)


def test_the_orders_of_the_published_example_get_what_it_says() -> None:
    _, demand, supply, rules, *_ = PUBLISHED[0]
    cleared = clear(book(demand, supply), rules)
    units = {side: [fill.units for fill in cleared.fills if fill.order.side is side] for side in Side}
    assert units[Side.DEMAND] == [100, 2500, 1100, 0, 0, 0]
    assert units[Side.SUPPLY] == [600, 400, 1500, 1200, 0]
