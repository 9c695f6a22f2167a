"""The proof of a clearing: one signed statement with every order under an alias of this clearing alone, the curve, each
candidate price and the rule that removed it, every fill and its reason. Whoever stood on the board finds his own orders in
it, and can do the sum again: `market.matching.verifier`. Pure but for the key.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from auction.signing import Signer, time_text
from market.matching.board_facts import Board, StoredClearing, StoredOrder
from market.matching.call_auction import by_priority, clear, trades
from market.matching.facts import Clearing, Order, Side, Trade

KIND = "gavelhouse.clearing.v1"
SIGNED_AS = "clearing"
SPELT_AT_ONCE = 2_000
_ENCODER = msgspec.json.Encoder(order="sorted")


def alias(secret_key: str, board_id: int, n: int, order_id: int) -> str:
    """The name of an order in one clearing: nobody without the key can tell that two of them are one order's."""
    subject = b"gavelhouse clearing alias\0%d\0%d\0%d" % (board_id, n, order_id)
    return hmac.digest(secret_key.encode(), subject, "sha256").hex()[:16].upper()


def cleared(
    board: Board, orders: Sequence[StoredOrder], now: datetime, secret_key: str, signer: Signer
) -> tuple[list[Trade], StoredClearing]:
    """Clear the board's orders: who trades with whom, and the clearing as it is kept. May take a while."""
    n = board.last_clearing + 1
    found = clear((one.order for one in orders), board.rules)
    aliases = {one.seq: alias(secret_key, board.id, n, one.id) for one in orders}
    pairs = trades(found)
    said = {**statement(board, n, now, found, pairs, aliases), "key": signer.public_hex}
    body = spelt({**said, "signature": signer.sign_bytes(SIGNED_AS, spelt(said))})
    return (
        pairs,
        StoredClearing(
            board_id=board.id,
            n=n,
            at=now,
            price_minor=found.price_minor,
            volume=found.volume,
            orders=len(orders),
            proof=body.decode(),
            sha256=hashlib.sha256(body).digest(),
        ),
    )


def spelt(said: Mapping[str, Any]) -> bytes:
    """The canonical bytes, as `auction.signing` spells them. Long lists are spelt part by part, as no other thread of the
    program gets its turn while one is.
    """
    parts = (_ENCODER.encode(name) + b":" + _spelt_member(said[name]) for name in sorted(said))
    return b"{" + b",".join(parts) + b"}"


def _spelt_member(member: Any) -> bytes:
    if not isinstance(member, list):
        return _ENCODER.encode(member)
    parts = (_ENCODER.encode(member[at : at + SPELT_AT_ONCE])[1:-1] for at in range(0, len(member), SPELT_AT_ONCE))
    return b"[" + b",".join(parts) + b"]"


def statement(
    board: Board, n: int, now: datetime, found: Clearing, pairs: Sequence[Trade], aliases: Mapping[int, str]
) -> dict[str, Any]:
    """All that is shown of a clearing. Orders stand in order of time, and are numbered so."""
    fills = sorted(found.fills, key=lambda fill: fill.order.seq)
    places = {fill.order.seq: place for place, fill in enumerate(fills, 1)}
    rules = board.rules
    return {
        "kind": KIND,
        "board": board.id,
        "n": n,
        "at": time_text(now),
        "category": board.category,
        "term": board.term,
        "currency": board.currency,
        "unit": board.unit,
        "rules": {
            "tick_minor": str(rules.tick_minor),
            "rationing": rules.rationing.value,
            "reference_minor": _minor(rules.reference_minor),
            "k_permille": rules.k_permille,
        },
        "orders": [
            {
                "n": places[fill.order.seq],
                "alias": aliases[fill.order.seq],
                "side": fill.order.side.value,
                "price_minor": str(fill.order.price_minor),
                "quantity": fill.order.quantity,
                "minimum": fill.order.minimum,
                "filled": fill.units,
                "why": fill.why.value,
            }
            for fill in fills
        ],
        "curve": _curve([fill.order for fill in fills]),
        "candidates": [
            {
                "low_minor": str(one.low_minor),
                "high_minor": str(one.high_minor),
                "demand": one.demand,
                "supply": one.supply,
                "volume": one.volume,
                "removed_by": one.removed_by.value if one.removed_by else None,
            }
            for one in found.candidates
        ],
        "price_minor": _minor(found.price_minor),
        "volume": found.volume,
        "decided_by": found.decided_by.value if found.decided_by else None,
        "trades": [
            {"supply": places[pair.supply], "demand": places[pair.demand], "units": pair.units} for pair in pairs
        ],
    }


def _minor(amount: int | None) -> str | None:
    return None if amount is None else str(amount)


def _curve(orders: Sequence[Order]) -> list[dict[str, Any]]:
    """Demand and supply at every limit, ascending."""
    prices = sorted({order.price_minor for order in orders})
    demand, supply = by_priority(orders, Side.DEMAND)[::-1], by_priority(orders, Side.SUPPLY)
    asked, offered = sum(order.quantity for order in demand), 0
    rows, d, s = [], 0, 0
    for price in prices:
        while d < len(demand) and demand[d].price_minor < price:
            asked -= demand[d].quantity
            d += 1
        while s < len(supply) and supply[s].price_minor <= price:
            offered += supply[s].quantity
            s += 1
        rows.append({"price_minor": str(price), "demand": asked, "supply": offered})
    return rows
