"""Every bug that is planted: a change of a line or two, with the test that must see it."""

from __future__ import annotations

from tests.mutants.in_bidding import IN_BIDDING
from tests.mutants.in_the_market import IN_THE_MARKET
from tests.mutants.in_the_money import IN_THE_MONEY

MUTANTS = (*IN_BIDDING, *IN_THE_MONEY, *IN_THE_MARKET)
