"""The whole table. A route without a row does not start, and no route has two."""

from __future__ import annotations

from market.access.api import API
from market.access.auctions import AUCTIONS
from market.access.house import HOUSE
from market.access.money import MONEY
from market.access.rows import Row
from market.access.trade import TRADE

PARTS = (HOUSE, AUCTIONS, MONEY, TRADE, API)
TABLE: dict[str, Row] = {name: row for part in PARTS for name, row in part.items()}
assert len(TABLE) == sum(map(len, PARTS)), "a route has one row"
