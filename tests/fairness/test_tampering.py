"""Whatever is changed in a log is found: a byte, a signature, and what the house itself would rewrite and sign anew."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from auction.chain import encode_canonical
from auction.merkle import leaf_hash, root_of
from auction.public_log import log_file
from auction.signing import Signer
from auction.verifier import verify
from tests.fairness.lots import FORMATS
from tests.fairness.played import SIGNER, Played

FLIPS = 1_000
STRANGER = Signer("22" * 32)
Rows = list[dict[str, Any]]


def is_found(data: bytes, key: str | None = None, receipts: list[dict[str, Any]] | None = None) -> bool:
    """Whether the verifier says that something is wrong."""
    try:
        verify(data, key, receipts or [])
    except Exception:
        return True
    return False


@pytest.mark.parametrize("form", FORMATS)
async def test_any_single_changed_byte_is_found(played: dict[str, list[Played]], form: str) -> None:
    dice = random.Random(f"flips {form}")
    data = played[form][0].data
    missed = []
    for _ in range(FLIPS):
        place, byte = dice.randrange(len(data)), dice.randrange(255)
        changed = bytearray(data)
        changed[place] = byte + (byte >= data[place])
        if not is_found(bytes(changed)):
            missed.append((place, changed[place]))
    assert missed == []


@pytest.mark.parametrize("form", FORMATS)
async def test_the_chain_finds_a_changed_byte_though_the_house_signs_the_file_anew(
    played: dict[str, list[Played]], form: str
) -> None:
    dice = random.Random(f"signed flips {form}")
    *lines, _ = played[form][0].lines
    body = b"\n".join(lines[1:])
    for _ in range(100):
        place = dice.randrange(len(body))
        changed = body[:place] + bytes([body[place] ^ (1 << dice.randrange(7))]) + body[place + 1 :]
        if changed.replace(b"\n", b"") == body.replace(b"\n", b""):
            continue
        signed = lines[0] + b"\n" + changed + b"\n"
        end = {"key": SIGNER.public_hex, "signature": SIGNER.sign_bytes("log", signed)}
        assert is_found(signed + json.dumps(end, separators=(",", ":")).encode() + b"\n"), place


@pytest.mark.parametrize("form", FORMATS)
async def test_a_log_signed_by_another_key_is_found_by_the_key_or_a_receipt(
    played: dict[str, list[Played]], form: str
) -> None:
    one = played[form][0]
    forged = rewritten(one, lambda rows: None, STRANGER)
    assert not is_found(forged), "all in it agrees: only who knows the house's key can tell"
    assert is_found(forged, SIGNER.public_hex)
    assert all(is_found(forged, None, [receipt]) for receipt in one.receipts)


def rewritten(one: Played, change: Callable[[Rows], object], signer: Signer = SIGNER) -> bytes:
    """The log as the house could rewrite it: changed, chained anew, its heads and the file signed anew."""
    lines = one.lines
    terms, rows = lines[1], [json.loads(line) for line in lines[2:-1]]
    events = [row for row in rows if "kind" in row]
    change(events)
    bodies, head = [], sha256(terms).digest()
    for seq, event in enumerate(events, 1):
        event["seq"] = seq
        bodies.append(encode_canonical({name: event[name] for name in _ORDER if name in event}))
        head = sha256(head + bodies[-1]).digest()
    root = root_of([leaf_hash(body) for body in bodies])
    final = {
        "at": "2026-11-22T00:00:00Z",
        "head": head.hex(),
        "lot": one.lot.id,
        "root": root.hex(),
        "seq": len(bodies),
    }
    heads = [json.dumps(signer.sign("head", final), separators=(",", ":"), sort_keys=True)]
    return log_file(one.lot.id, terms, bodies, heads, signer)


_ORDER = (
    *("at", "bids", "ends_at", "extensions", "kind", "leader", "lines", "lot", "outcome", "paused_at", "phase"),
    *("price_minor", "reserve", "seq", "detail"),
)


def later(text: str, seconds: float = 1) -> str:
    moved = datetime.fromisoformat(text) + timedelta(seconds=seconds)
    return moved.isoformat().replace("+00:00", "Z")


def last_bid(rows: Rows) -> int:
    return max(index for index, row in enumerate(rows) if row["kind"] == "bid")


def first_bid(rows: Rows) -> int:
    return min(index for index, row in enumerate(rows) if row["kind"] == "bid")


def of_all(rows: Rows, **changes: Any) -> None:
    rows[-1].update(changes)


def other_paddle(rows: Rows) -> int:
    """One that is not the winner's."""
    return 999 if rows[-1]["leader"] != 999 else 998


def price(rows: Rows) -> None:
    rows[-1]["price_minor"] = str(int(rows[-1]["price_minor"]) + 10)


def winner(rows: Rows) -> None:
    rows[-1]["leader"] = other_paddle(rows)


def outcome(rows: Rows) -> None:
    rows[-1]["outcome"] = "unsold"


def dropped_last(rows: Rows) -> None:
    del rows[last_bid(rows)]


def dropped_first(rows: Rows) -> None:
    del rows[first_bid(rows)]


def invented(rows: Rows) -> None:
    index = last_bid(rows)
    rows.insert(index, json.loads(json.dumps(rows[index])))


def swapped(rows: Rows) -> None:
    index = first_bid(rows)
    rows[index], rows[index + 1] = rows[index + 1], rows[index]


def amount(rows: Rows) -> None:
    row = rows[last_bid(rows)]
    for line in row["lines"]:
        line["amount_minor"] = str(int(line["amount_minor"]) + 1_000)
    if row["price_minor"] is not None:
        row["price_minor"] = rows[-1]["price_minor"] = str(int(row["price_minor"]) + 1_000)
    if row.get("detail", {}).get("commitment"):
        row["detail"]["commitment"] = "00" * 32


def bidder(rows: Rows) -> None:
    row, paddle = rows[last_bid(rows)], other_paddle(rows)
    for line in row["lines"]:
        line["paddle"] = paddle
    if row["leader"] is not None:
        row["leader"] = rows[-1]["leader"] = paddle
    if "paddle" in row.get("detail", {}):
        row["detail"]["paddle"] = paddle


def late(rows: Rows) -> None:
    row = rows[last_bid(rows)]
    row["at"] = later(rows[-1]["ends_at"])


def end(rows: Rows) -> None:
    for row in rows[last_bid(rows) :]:
        row["ends_at"] = later(row["ends_at"])
    rows[-1]["at"] = later(rows[-1]["at"])


def closed_early(rows: Rows) -> None:
    rows[-1]["at"] = rows[-1]["ends_at"] = later(rows[-1]["ends_at"], -1)


def reserve(rows: Rows) -> None:
    """The house says that the reserve was not met."""
    rows[-1].update(reserve="not_met", outcome="unsold")


def count(rows: Rows) -> None:
    rows[-1]["bids"] += 1


def continued(rows: Rows) -> None:
    rows.append(json.loads(json.dumps(rows[-1])))


def unsealed_other_sum(rows: Rows) -> None:
    found = next(row for row in rows if row["kind"] == "unsealed")["detail"]
    found["bids"][0]["amount_minor"] = str(int(found["bids"][0]["amount_minor"]) + 50)


def unsealed_left_out(rows: Rows) -> None:
    del next(row for row in rows if row["kind"] == "unsealed")["detail"]["bids"][1]


def unsealed_void(rows: Rows) -> None:
    """A legal bid is set aside as too low."""
    found = next(row for row in rows if row["kind"] == "unsealed")["detail"]
    one = found["bids"].pop(0)
    del one["nonce"]
    found["voids"].append({**one, "reason": "below_minimum"})


def unsealed_reserve(rows: Rows) -> None:
    next(row for row in rows if row["kind"] == "unsealed")["detail"]["reserve_minor"] = "600"


def unsealed_withdrawn(rows: Rows) -> None:
    """A withdrawn bid is counted all the same."""
    del rows[next(i for i, row in enumerate(rows) if row.get("detail", {}).get("withdraw"))]


def fall_stopped(rows: Rows) -> None:
    del rows[next(i for i, row in enumerate(rows) if row["kind"] == "resumed")]


def cost(rows: Rows) -> None:
    rows[last_bid(rows)]["detail"]["cost"] = "1/1"


def attribute(rows: Rows) -> None:
    rows[last_bid(rows)]["detail"]["attributes"]["days"] = "59"


def ranking(rows: Rows) -> None:
    rows[-1]["detail"]["ranking"].reverse()


def units(rows: Rows) -> None:
    book = rows[-1]["detail"]["book"]
    book[0]["filled"], book[1]["filled"] = book[0]["filled"] - 1, book[1]["filled"] + 1


def quantity(rows: Rows) -> None:
    rows[last_bid(rows)]["detail"]["quantity"] += 1


def floor(rows: Rows) -> None:
    rows[-1]["detail"]["floor_minor"] = "135"


EVERYWHERE = [
    *(price, outcome, dropped_last, dropped_first, invented, amount, bidder, late, end, closed_early),
    *(count, continued),
]
BY_THE_RULE = {
    "english": [*EVERYWHERE, winner, swapped, reserve],
    "sealed": [
        *(price, outcome, dropped_last, dropped_first, invented, amount, bidder, late, closed_early, count, continued),
        *(winner, unsealed_other_sum, unsealed_left_out, unsealed_void, unsealed_reserve, unsealed_withdrawn),
    ],
    "dutch": [*EVERYWHERE, winner, swapped, fall_stopped],
    "reverse": [*EVERYWHERE, winner, swapped, cost, attribute, ranking],
    "uniform": [*EVERYWHERE, swapped, units, quantity, floor],
}
"""What the house might rewrite in its own log. Each is found by the rule, or by the receipt of a bidder."""
UNSEEN_BY_THE_RULE = {amount, bidder}
"""A log that is whole in itself, of bids that nobody made: only a bidder's receipt tells."""


@pytest.mark.parametrize(
    ("form", "change"),
    [(form, change) for form, changes in BY_THE_RULE.items() for change in changes],
    ids=[f"{form}-{change.__name__}" for form, changes in BY_THE_RULE.items() for change in changes],
)
async def test_what_the_house_rewrites_and_signs_anew_is_found(
    played: dict[str, list[Played]], form: str, change: Callable[[Rows], None]
) -> None:
    one = played[form][0]
    assert not is_found(rewritten(one, lambda rows: None), SIGNER.public_hex), "the signing anew itself hurts nothing"
    forged = rewritten(one, change)
    assert forged != one.data
    by_rule = is_found(forged, SIGNER.public_hex)
    assert by_rule or any(is_found(forged, SIGNER.public_hex, [receipt]) for receipt in one.receipts)
    assert by_rule or change in UNSEEN_BY_THE_RULE, "the rule itself was to find this"


@pytest.mark.parametrize("form", FORMATS)
async def test_a_receipt_whose_event_was_left_out_is_found(played: dict[str, list[Played]], form: str) -> None:
    for one in played[form]:
        accepted = [receipt for receipt in one.receipts if receipt["answer"] == "accepted" and receipt["event"]]
        for receipt in accepted:
            seq = receipt["seq"]

            def without(rows: Rows, seq: int = seq) -> None:
                del rows[seq - 1]

            assert is_found(rewritten(one, without), SIGNER.public_hex, [receipt])


@pytest.mark.parametrize("form", FORMATS)
async def test_a_receipt_that_was_changed_or_is_anothers_is_found(played: dict[str, list[Played]], form: str) -> None:
    one, stranger = played[form][0], played[form][1]
    receipt = next(receipt for receipt in one.receipts if receipt["answer"] == "accepted")
    for name, value in receipt.items():
        changed = {**receipt, name: value + 1 if isinstance(value, int) else "x"}
        assert is_found(one.data, SIGNER.public_hex, [changed]), name
    assert all(is_found(one.data, None, [receipt]) for receipt in stranger.receipts)
