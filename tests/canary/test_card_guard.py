"""What the house takes for a card's number in clear, and what it does not; both as bodies of requests."""

from __future__ import annotations

import secrets
import uuid

import msgspec
import pytest
from starlette.types import Message

from market.card_guard import body_without_card, holds_card_number, meant_by
from tests.canary.numbers import canaries

VISA, UNION = (card.number for card in canaries(2))
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        UNION,
        " ".join(VISA[at : at + 4] for at in range(0, 16, 4)),
        "-".join(UNION[at : at + 4] for at in range(0, 19, 4)),
        f"{UNION[:6]} {UNION[6:]}",
        f"my card is {VISA}.",
        "DE36 4242 0000 4242 4242 42",
        f"卡号{VISA}，请扣款",
        f"卡号：{VISA.translate(str.maketrans('0123456789', '０１２３４５６７８９'))}",
        "378282246310005",
        "3782 822463 10005",
        "5555555555554444",
    ],
)
def test_a_number_is_known_however_people_write_it(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        VISA[:-1] + str((int(VISA[-1]) + 1) % 10),
        "4" + "0" * 15 + "6",
        f"a{VISA}",
        f"{VISA}-7",
        f"0.{VISA}",
        "1234567890123452",
        "620102199001011230",
        "+49 30 901820 4711",
        "2026-11-22 06:00:00",
        "DE35 4242 0000 4242 4242 42",
        "0000",
    ],
)
def test_another_number_is_not_taken_for_one(text: str) -> None:
    assert not holds_card_number(text)


def test_ids_and_signatures_are_never_taken_for_one() -> None:
    for _ in range(5_000):
        assert not holds_card_number(f"{uuid.uuid4()} {secrets.token_hex(16)} {secrets.token_urlsafe(32)}")


async def is_let_in(body: bytes, media_type: str, route: str = "deal_pay") -> bool:
    """Sent in three pieces; what is let in is read again as it came."""
    pieces = [body[:7], body[7:20], body[20:]]
    sent: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": number < 2} for number, piece in enumerate(pieces)
    ]

    async def receive() -> Message:
        return sent.pop(0) if sent else {"type": "http.disconnect"}

    looked = await body_without_card(receive, media_type, meant_by(route))
    if looked is None:
        return False
    again = [await looked() for _ in range(4)]
    assert b"".join(each.get("body", b"") for each in again) == body and again[3]["type"] == "http.disconnect"
    return True


@pytest.mark.parametrize(
    ("body", "media_type", "route", "let_in"),
    [
        (f"name={VISA}", FORM, "deal_pay", False),
        (f"name={VISA[:4]}+{VISA[4:8]}%20{VISA[8:12]}+{VISA[12:]}", FORM, "deal_pay", False),
        (f"{VISA}=1", FORM, "deal_pay", False),
        (f'{{"a":{{"b":[{VISA}]}}}}', JSON, "deal_pay", False),
        (f'{{"a":"x {VISA} y"}}', JSON, "deal_pay", False),
        (f'{{"{VISA}":1}}', JSON, "deal_pay", False),
        (f'{{"broken":{VISA}', JSON, "deal_pay", False),
        (VISA, JSON, "deal_pay", False),
        (f"tracking_number={VISA}", FORM, "deal_ship", True),
        (f"number={UNION}", FORM, "account_bank_account", True),
        (f"number={UNION}", FORM, "account_profile", False),
        (f'{{"card_id":{VISA}}}', JSON, "api.top_up", True),
        (f"means=card:{VISA}", FORM, "wallet_top_up", True),
        ("sum=1234567890123456", FORM, "deal_pay", True),
        ('{"amount_minor":"4000000000000001"}', JSON, "deal_pay", True),
        ("", JSON, "deal_pay", True),
        ("名=值", FORM, "deal_pay", True),
    ],
)
async def test_a_body_with_a_number_in_clear_is_not_let_in(
    body: str, media_type: str, route: str, let_in: bool
) -> None:
    assert await is_let_in(body.encode(), media_type, route) is let_in


async def test_what_is_deep_or_no_text_ends_in_an_answer() -> None:
    assert await is_let_in(b"[" * 60_000 + b"123456789012345", JSON)
    assert await is_let_in(msgspec.json.encode({"bytes": "\udcff".encode("utf-8", "replace")}) + b"\xff\xfe", JSON)
