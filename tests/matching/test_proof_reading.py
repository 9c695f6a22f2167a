"""What a page shows of a clearing's proof is what the proof says, however large it is."""

from __future__ import annotations

import json

from auction.signing import canonical
from market.matching import proof, proof_reading
from market.matching.proof_reading import MOST_CANDIDATES, MOST_OWN, MOST_STEPS, MOST_TRADES
from tests.matching.books import random_book
from tests.matching.test_proof import NOW, SIGNER, board, stored


def test_a_large_proof_is_shown_in_parts_that_say_what_it_says() -> None:
    orders = [stored(order) for order in random_book(3, 1_500, prices=900)]
    _, kept = proof.cleared(board(), orders, NOW, "secret", SIGNER)
    whole, said = json.loads(kept.proof), proof_reading.opened(kept.proof)
    assert canonical(whole) == kept.proof.encode(), "spelt part by part, and the same"
    assert proof_reading.rows(said.orders[700:750]) == whole["orders"][700:750]
    shown = proof_reading.candidates(said, kept.price_minor)
    assert len(shown) == MOST_CANDIDATES < len(whole["candidates"])
    chosen = [row for row in whole["candidates"] if row["removed_by"] is None]
    assert chosen and all(row in shown for row in chosen)
    names = {row["n"]: row["alias"] for row in whole["orders"]}
    pairs = [(names[row["supply"]], names[row["demand"]], row["units"]) for row in whole["trades"]]
    assert len(pairs) > MOST_TRADES and proof_reading.pairs(said) == pairs[:MOST_TRADES]
    curve = proof_reading.curve(said)
    assert len(curve) <= MOST_STEPS + 1 and (curve[0], curve[-1]) == (whole["curve"][0], whole["curve"][-1])
    own = {proof.alias("secret", 7, kept.n, one.id) for one in orders[::10]}
    assert proof_reading.own_rows(said, own) == [row for row in whole["orders"] if row["alias"] in own][:MOST_OWN]
    assert proof_reading.own_rows(said, ()) == []
