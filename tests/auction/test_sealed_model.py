"""The sealed rules against a naive model that knows the sums all along and works the result out at the end."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import event, given, settings
from hypothesis import strategies as st

from auction.facts import Accepted, Lot, Outcome
from auction.formats.sealed import Pricing
from tests.auction.sealed_lots import ANN, BOB, CAT, PADDLES, Log, a_bid, a_lot, withdrawal

ACTS = st.lists(
    st.tuples(
        st.sampled_from((ANN, BOB, CAT)), st.one_of(st.none(), st.integers(8, 20).map(lambda tens: tens * 10 + 5))
    ),
    max_size=9,
)


class Naive(NamedTuple):
    """What the house should find, by rank and price alone."""

    winner: int | None
    price: int | None
    order: list[int]


def naive(lot: Lot, acts: list[tuple[int, int | None]]) -> Naive:
    """Replay who holds which sums; each one's last legal sum counts from when it was sent."""
    held: dict[int, list[tuple[int, int]]] = {}
    for when, (party, amount) in enumerate(acts):
        if amount is None:
            held.pop(party, None)
        else:
            held.setdefault(party, []).append((amount, when))
    start, step = lot.rule.start_price_minor, lot.rule.step_minor
    count: list[tuple[int, int, int]] = []
    for party, sums in held.items():
        legal = [(a, when) for a, when in sums if a >= start and (step is None or (a - start) % step == 0)]
        if legal:
            count.append((-legal[-1][0], legal[-1][1], party))
    count.sort()
    order = [party for _, _, party in count]
    floor = lot.reserve_minor or start
    if not count or -count[0][0] < floor:
        return Naive(None, None, order)
    best, others = -count[0][0], [-minus for minus, _, _ in count[1:]]
    price = best if lot.rule.pricing is Pricing.FIRST else max([floor, *others])
    return Naive(count[0][2], price, order)


@given(
    acts=ACTS,
    pricing=st.sampled_from(Pricing),
    reserve=st.sampled_from((None, 105, 155, 195)),
    step=st.sampled_from((None, 20)),
)
@settings(max_examples=80, deadline=None)
def test_the_rules_agree_with_the_model(
    acts: list[tuple[int, int | None]], pricing: Pricing, reserve: int | None, step: int | None
) -> None:
    lot = a_lot(reserve=reserve, pricing=pricing, step_minor=step, start_price_minor=105)
    log = Log(lot)
    for second, (party, amount) in enumerate(acts, 1):
        verdict = log.bid(withdrawal(lot, party, second) if amount is None else a_bid(lot, party, amount, second))
        stood = [a for p, a in acts[: second - 1] if p == party][-1:]
        assert isinstance(verdict, Accepted) is (amount is not None or stood not in ([], [None]))
    if log.standing.book.versions:  # type: ignore[union-attr]
        log.open_all()
    final, expected = log.close(), naive(lot, acts)
    event(f"{final.outcome} {len(expected.order)} bids")
    assert (final.leader_id, final.price_minor) == (expected.winner, expected.price)
    assert final.outcome is (Outcome.UNSOLD if expected.winner is None else Outcome.SOLD)
    assert [bid["paddle"] for bid in log.details("closed")[0]["bids"]] == [PADDLES[party] for party in expected.order]
    assert log.refolded() == final
