"""The verifier comes to what the database says, for every format and option; and finds whatever was changed."""

from __future__ import annotations

from tests.fairness.lots import FORMATS
from tests.fairness.played import SIGNER, Played

import pytest

from auction.verifier import verify


@pytest.mark.parametrize("form", FORMATS)
async def test_a_genuine_log_comes_to_the_winner_and_price_of_the_database(
    played: dict[str, list[Played]], form: str
) -> None:
    for one, play in zip(played[form], FORMATS[form], strict=True):
        found = verify(one.data, SIGNER.public_hex, one.receipts)
        print(play.__name__, found)
        assert (found["format"], found["lot"]) == (form, one.lot.id)
        assert (found["outcome"], found["winner"], found["price_minor"]) == (
            str(one.closed.outcome),
            one.winner if one.closed.outcome == "sold" else None,
            one.price,
        ), play.__name__
