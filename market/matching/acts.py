"""What a party can do on a board, and what it is answered. Frozen; no I/O."""

from __future__ import annotations

from msgspec import Struct

from market.matching.board_facts import BoardRefusal, StoredOrder
from market.trading.facts import PostRefusal

Refused = BoardRefusal | PostRefusal
Answer = StoredOrder | BoardRefusal | PostRefusal


class Enter(Struct, frozen=True, kw_only=True):
    """A party's post is to stand on the board with its price and what is open of it."""

    post_id: int
    party_id: int


class Withdraw(Struct, frozen=True, kw_only=True):
    """What is left of an order is taken off the board."""

    order_id: int
    party_id: int


class Change(Struct, frozen=True, kw_only=True):
    """Another limit, or another quantity of what is left. Fewer units at the same limit keep the place in time."""

    order_id: int
    party_id: int
    price_minor: int
    quantity: int


Act = Enter | Withdraw | Change
