"""The proof of a clearing: what the verifier, a program of its own, finds genuine, and every change that it finds out."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from auction.signing import Signer, canonical
from market.commands.verify import command
from market.matching import proof, verifier
from market.matching.board_facts import Board, BoardState, OrderState, StoredOrder
from market.matching.facts import Mode, Order, Rationing
from tests.matching.books import random_book
from tests.matching.test_published_books import PUBLISHED, book

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
SIGNER = Signer.derived("a test's house")


def board(**rules: Any) -> Board:
    values = {"tick_minor": 1, "rationing": Rationing.TIME, "reference_minor": None, "k_permille": None, **rules}
    return Board(
        category="hot_rolled_coil",
        term="FOB",
        currency="CNY",
        country="CN",
        place="Shanghai",
        lead_days=5,
        window_days=20,
        mode=Mode.CALL,
        period_seconds=600,
        id=7,
        next_at=NOW,
        state=BoardState.OPEN,
        reason="",
        version=1,
        last_seq=0,
        last_clearing=2,
        made_by=1,
        made_at=NOW,
        name_en="Coil",
        name_zh="卷",
        unit="TNE",
        **values,
    )


def stored(order: Order) -> StoredOrder:
    return StoredOrder(
        id=1000 + order.seq,
        board_id=7,
        seq=3 * order.seq,
        post_id=order.seq,
        party_id=order.seq,
        side=order.side,
        price_minor=order.price_minor,
        quantity=order.quantity + 5,
        minimum=order.minimum,
        filled=5,
        state=OrderState.OPEN,
        entered_at=NOW,
        good_until=NOW,
        ended_at=None,
    )


def proof_of(orders: list[Order], **rules: Any) -> bytes:
    _, kept = proof.cleared(board(**rules), [stored(order) for order in orders], NOW, "secret", SIGNER)
    return kept.proof.encode()


@pytest.mark.parametrize("seed", range(60))
def test_the_verifier_finds_every_clearing_genuine(seed: int) -> None:
    orders = random_book(seed, 1 + seed % 17, conditional=(seed % 3) * 0.3)
    rules = {
        "rationing": list(Rationing)[seed % 2],
        "reference_minor": 104 if seed % 4 == 1 else None,
        "k_permille": 250 if seed % 5 == 2 else None,
        "tick_minor": 1,
    }
    found = verifier.verify(proof_of(orders, **rules), SIGNER.public_hex)
    assert found["clearing"] == 3 and found["orders"] == len(orders)


def test_the_verifier_finds_the_published_books_genuine() -> None:
    for _, demand, supply, rules, price, volume, _ in PUBLISHED:
        data = proof_of(book(demand, supply), tick_minor=rules.tick_minor, reference_minor=rules.reference_minor)
        found = verifier.verify(data)
        assert (found["price_minor"], found["volume"]) == (f"CNY {price}", f"{volume} TNE")


def test_the_verifier_takes_a_large_book_of_many_prices() -> None:
    """What it does must grow with the book, not with orders times prices: a board takes a hundred thousand orders."""
    data = proof_of(random_book(11, 5_000, prices=100_000, quantity=900), rationing=Rationing.PRO_RATA)
    started = time.process_time()
    assert verifier.verify(data)["orders"] == 5_000
    assert time.process_time() - started < 2


def test_any_figure_changed_and_signed_again_is_found_out() -> None:
    """Even by the house itself: the sum is done again, not believed."""
    genuine = json.loads(proof_of(random_book(5, 9, conditional=0.4), rationing=Rationing.PRO_RATA))
    changed = 0
    for path, value in _figures(genuine):
        if path[0] in ("board", "n", "key", "signature", "rules") or path[-1] in ("n", "alias", "minimum"):
            continue  # nothing else in the file follows from them
        forged = json.loads(json.dumps(genuine))
        target = forged
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = str(int(value) + 1) if isinstance(value, str) else value + 1
        with pytest.raises(ValueError):
            verifier.verify(_signed(forged))
        changed += 1
    assert changed > 50


def _figures(value: Any, path: tuple[Any, ...] = ()) -> Any:
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _figures(inner, (*path, name))
    elif isinstance(value, int) or (isinstance(value, str) and value.isdigit()):
        yield path, value


def _signed(statement: dict[str, Any]) -> bytes:
    body = {name: value for name, value in statement.items() if name not in ("key", "signature")}
    return canonical(SIGNER.sign(proof.SIGNED_AS, body))


def test_a_left_out_order_a_swapped_reason_another_key_or_a_flipped_byte_are_found_out() -> None:
    data = proof_of(random_book(8, 10))
    genuine = json.loads(data)
    without = {**genuine, "orders": genuine["orders"][:-1]}
    swapped = json.loads(data)
    swapped["orders"][0]["why"] = "none_left" if swapped["orders"][0]["why"] != "none_left" else "filled"
    for forged in (without, swapped):
        with pytest.raises(ValueError):
            verifier.verify(_signed(forged))
    with pytest.raises(ValueError, match="another key"):
        verifier.verify(data, "00" * 32)
    for place in range(0, len(data), max(len(data) // 60, 1)):
        with pytest.raises(Exception):  # noqa: B017  # whatever a damaged file makes Python raise
            verifier.verify(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


def test_aliases_of_one_order_in_two_clearings_have_nothing_in_common() -> None:
    names = {proof.alias("secret", 7, n, order_id) for n in range(40) for order_id in range(40)}
    assert len(names) == 1600 and all(len(name) == 16 for name in names)
    assert proof.alias("other", 7, 1, 1) != proof.alias("secret", 7, 1, 1)


def test_the_command_line_checks_a_clearing(tmp_path: Path) -> None:
    data = proof_of(random_book(3, 12))
    file = tmp_path / "clearing-7-3.json"
    file.write_bytes(data)
    told = CliRunner().invoke(command, [str(file), "--json"])
    assert told.exit_code == 0 and json.loads(told.output)["genuine"] is True
    file.write_bytes(data.replace(b'"volume":', b'"volume":1', 1))
    told = CliRunner().invoke(command, [str(file)])
    assert told.exit_code == 1 and "NOT GENUINE" in told.output
