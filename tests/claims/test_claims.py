"""Claims by the API, from the first word to the last: whose move it is, what moves, and who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from escrow import ledger
from escrow.facts import Action
from tests.claims.dispute import PRICE, Dispute, dispute_in
from tests.door.house_server import PHRASE

if TYPE_CHECKING:
    from tests.door.house_server import Server

STEP_UP = {"passphrase": PHRASE}
WORDS = {"statement": "The photo shows it whole."}


async def balance(dispute: Dispute, path: str) -> int:
    async with dispute.server.house.pool.acquire() as conn:
        return await ledger.balance(conn, path, "CNY")


async def buyer_has(dispute: Dispute) -> int:
    return await balance(dispute, f"wallet:{dispute.on.winner}")


async def when_the_clock_runs_out(dispute: Dispute) -> None:
    """What the case's clock does, at the time at which it does it."""
    case = await dispute.case()
    assert case.clock_action is not None and case.clock_due_at is not None
    action, due_at = case.clock_action, case.clock_due_at
    await dispute.in_house(
        lambda conn: dispute.server.house.escrow.settlement.time_out(conn, dispute.case_id, action, due_at)
    )


async def test_a_claim_stops_the_release_and_tells_the_seller_until_when_to_answer(dispute: Dispute) -> None:
    made = await dispute.claims(PRICE // 2)
    assert (made["state"], made["amount_minor"]) == ("claimed", str(PRICE // 2))
    assert made["clock_action"] == Action.DEFAULT_JUDGEMENT
    assert await dispute.told(dispute.on.seller) == "claim_raised"
    seen = await dispute.server.client.get(f"{dispute.path}/claim", headers=dispute.seller)
    assert seen.json()["statement"] == "The foot is chipped."
    assert set(seen.json()["actions"]) >= {"accept_claim", "offer", "ask_return", "contest"}
    assert await dispute.refused(dispute.buyer, "confirmation", **STEP_UP) == "not_in_this_state"


@pytest.mark.parametrize("amount", [PRICE + 1, 10**15], ids=["one-too-much", "far-too-much"])
async def test_no_more_is_claimed_than_is_held(dispute: Dispute, amount: int) -> None:
    body = {"amount_minor": str(amount), "reason": "damaged", "statement": "All of it."}
    assert await dispute.refused(dispute.buyer, "claim", **body) == "bad_claim_amount"


async def test_the_same_claim_sent_twice_is_one(dispute: Dispute) -> None:
    body = {"amount_minor": "1000", "reason": "other", "statement": "A stain."}
    answers = [await dispute.post(dispute.buyer, f"{dispute.path}/claim", key="once", **body) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201] and answers[0].json() == answers[1].json()
    assert await dispute.refused(dispute.buyer, "claim", **body) == "not_in_this_state"


async def test_silence_gives_the_buyer_what_he_claims_and_the_fee_is_unwound(dispute: Dispute) -> None:
    before = await buyer_has(dispute)
    await dispute.claims(234_500)
    await when_the_clock_runs_out(dispute)
    seen = (await dispute.server.client.get(f"{dispute.path}/claim", headers=dispute.buyer)).json()
    assert (seen["outcome"], seen["awarded_minor"], seen["state"]) == ("default_judgement", "234500", "settled")
    assert await buyer_has(dispute) - before == 234_500
    assert await balance(dispute, f"escrow:{dispute.case_id}") == 0
    assert await dispute.told(dispute.on.winner) == "claim_default_buyer"


async def test_an_offer_is_taken_and_the_rest_is_the_seller_s(dispute: Dispute) -> None:
    before = await buyer_has(dispute)
    await dispute.claims()
    assert await dispute.refused(dispute.seller, "claim/offer", amount_minor=str(PRICE)) == "bad_offer"
    assert await dispute.refused(dispute.buyer, "claim/offer/acceptance", **STEP_UP) == "no_offer"
    offered = await dispute.does(dispute.seller, "claim/offer", amount_minor="200000")
    assert (offered["offer_minor"], offered["clock_action"]) == ("200000", "escalate")
    wrong = await dispute.post(dispute.buyer, f"{dispute.path}/claim/offer/acceptance", passphrase="not my passphrase")
    assert wrong.status_code == 403
    done = await dispute.does(dispute.buyer, "claim/offer/acceptance", **STEP_UP)
    assert (done["outcome"], done["awarded_minor"]) == ("accept_offer", "200000")
    assert await buyer_has(dispute) - before == 200_000
    assert await dispute.told(dispute.on.seller) in ("claim_offer_accepted", "payout_waiting")


async def test_what_is_not_claimed_is_released_while_the_rest_stays_held(dispute: Dispute) -> None:
    await dispute.claims(200_000)
    after = await dispute.does(dispute.buyer, "claim/undisputed", **STEP_UP)
    assert (after["held_minor"], after["undisputed_released_minor"]) == ("200000", str(PRICE - 200_000))
    assert await dispute.refused(dispute.buyer, "claim/undisputed", **STEP_UP) == "already_released"
    await dispute.does(dispute.buyer, "claim/withdrawal", **STEP_UP)
    assert await balance(dispute, f"escrow:{dispute.case_id}") == 0


async def test_goods_go_back_and_the_buyer_has_everything_again(dispute: Dispute) -> None:
    before = await buyer_has(dispute)
    await dispute.claims()
    await dispute.does(dispute.seller, "claim/return")
    assert await dispute.told(dispute.on.winner) == "claim_return_asked"
    assert await dispute.refused(dispute.seller, "claim/return/receipt", **STEP_UP) == "not_sent_back"
    sent = await dispute.does(dispute.buyer, "claim/return/shipment", carrier="SF", tracking_number="SF 2")
    assert (sent["return_tracking_number"], sent["clock_action"]) == ("SF 2", "confirm_return")
    again = {"carrier": "SF", "tracking_number": "SF 3"}
    assert await dispute.refused(dispute.buyer, "claim/return/shipment", **again) == "already_sent_back"
    done = await dispute.does(dispute.seller, "claim/return/receipt", **STEP_UP)
    assert done["state"] == "refunded" and await buyer_has(dispute) - before == PRICE


async def test_goods_that_are_not_sent_back_in_time_pay_the_seller(dispute: Dispute) -> None:
    await dispute.claims()
    await dispute.does(dispute.seller, "claim/return")
    await when_the_clock_runs_out(dispute)
    assert (await dispute.case()).state == "settled"
    assert await dispute.told(dispute.on.winner) == "claim_lapsed_buyer"


async def test_nothing_can_be_sent_back_that_never_came(server: Server) -> None:
    dispute = await dispute_in(server, arrived=False)
    await dispute.claims(reason="not_received")
    assert await dispute.refused(dispute.seller, "claim/return") == "nothing_shipped"
    done = await dispute.does(dispute.seller, "claim/acceptance", **STEP_UP)
    assert done["outcome"] == "accept_claim"


async def test_each_act_is_for_its_side_alone(dispute: Dispute) -> None:
    await dispute.claims()
    for who, act, body in (
        (dispute.buyer, "claim/acceptance", STEP_UP),
        (dispute.buyer, "claim/return", {}),
        (dispute.buyer, "claim/contest", WORDS),
        (dispute.seller, "claim/withdrawal", STEP_UP),
        (dispute.seller, "claim/escalation", WORDS),
    ):
        assert await dispute.refused(who, act, **body) == "not_your_move", act
    for who in (dispute.stranger, dispute.operators[0]):
        assert (await dispute.post(who, f"{dispute.path}/claim/acceptance", **STEP_UP)).status_code == 404
    assert (await dispute.server.client.get(f"{dispute.path}/claim", headers=dispute.stranger)).status_code == 404


async def test_the_handler_never_arbitrates_and_whoever_ruled_does_not_judge_the_appeal(dispute: Dispute) -> None:
    one, two, three = dispute.operators
    await dispute.claims()
    await at_desk(dispute, one, "handler")
    await dispute.does(dispute.seller, "claim/contest", **WORDS)
    assert await refused_at_desk(dispute, one, "arbiter") == "arbiter_is_handler"
    body = {"buyer_minor": "500000", "reason": "Chipped in transit."}
    assert await refused_at_desk(dispute, two, "ruling", **body) == "not_the_arbiter"
    await at_desk(dispute, two, "arbiter")
    assert await refused_at_desk(dispute, three, "arbiter") == "already_taken"
    before = await balances(dispute)
    shown = await preview(dispute, two, "500000")
    assert await balances(dispute) == before
    ruled = await at_desk(dispute, two, "ruling", **body)
    assert ruled["state"] == "ruled" and ruled["ruling"]["in_force"]
    assert ruled["ruling"]["seller_minor"] == shown["seller_minor"]
    await dispute.does(dispute.seller, "claim/appeal", **WORDS)
    assert await refused_at_desk(dispute, two, "arbiter") == "arbiter_is_handler"
    await at_desk(dispute, three, "arbiter")
    await at_desk(dispute, three, "ruling", buyer_minor="400000", reason="Half of the restoration.")
    assert await dispute.refused(dispute.buyer, "claim/appeal", **WORDS) == "already_appealed"
    shown = {row["credit"]: int(row["amount_minor"]) for row in (await preview_of_ruling(dispute))}
    had = {path: await balance(dispute, path) for path in shown}
    await when_the_clock_runs_out(dispute)
    got = {path: await balance(dispute, path) - had[path] for path in shown}
    assert got["commission"] == shown["commission"] and got[f"wallet:{dispute.on.winner}"] == 400_000
    assert await dispute.told(dispute.on.winner) == "claim_enforced"
    acts = (await dispute.server.client.get("/api/v1/audit", headers=one)).json()["items"]
    mine = [line["act"] for line in reversed(acts) if line["subject"] == f"case:{dispute.case_id}"]
    assert mine == [
        "claim.taken_up",
        "claim.arbitration_taken",
        "claim.ruled",
        "claim.arbitration_taken",
        "claim.ruled",
    ]


async def test_above_the_limit_a_ruling_is_one_only_when_a_second_operator_agrees(
    dispute: Dispute, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = dispute.server.house
    monkeypatch.setattr(type(house.escrow.arbitration), "second_person_above_minor", PRICE - 1, raising=False)
    one, two, _ = dispute.operators
    await dispute.claims()
    await dispute.does(dispute.seller, "claim/contest", **WORDS)
    await at_desk(dispute, one, "arbiter")
    proposed = await at_desk(dispute, one, "ruling", buyer_minor="0", reason="Sound as described.")
    assert (proposed["state"], proposed["ruling"]["in_force"]) == ("arbitration", False)
    seen = (await dispute.server.client.get(f"{dispute.path}/claim", headers=dispute.buyer)).json()
    assert seen["ruling"] is None
    page = await dispute.server.client.get(dispute.path, headers=dispute.buyer)
    assert "Sound as described." not in page.text
    assert await refused_at_desk(dispute, one, "ruling/confirmation") == "same_person"
    await at_desk(dispute, two, "ruling/refusal", reason="The photos say otherwise.")
    assert await refused_at_desk(dispute, two, "ruling/confirmation") == "no_ruling"
    await at_desk(dispute, one, "ruling", buyer_minor="100000", reason="A small chip.")
    done = await at_desk(dispute, two, "ruling/confirmation")
    assert (done["state"], done["ruling"]["in_force"]) == ("ruled", True)
    assert await dispute.told(dispute.on.winner) == "claim_ruled"


async def test_the_queue_has_the_most_urgent_first_and_can_be_narrowed(dispute: Dispute) -> None:
    await dispute.claims()
    client, one = dispute.server.client, dispute.operators[0]
    free = (await client.get("/api/v1/claims?whose=free&page_size=100", headers=one)).json()["items"]
    assert dispute.case_id in {row["case_id"] for row in free}
    assert [row["due_at"] for row in free] == sorted(row["due_at"] for row in free)
    await at_desk(dispute, one, "handler")
    mine = (await client.get("/api/v1/claims?whose=mine", headers=one)).json()
    assert [row["case_id"] for row in mine["items"]] == [dispute.case_id]
    file = (await client.get(dispute.desk, headers=one)).json()
    assert file["claim"]["handler_name"] and file["file"]["open"] and file["deal"]["case_id"] == dispute.case_id
    assert (await client.get("/api/v1/claims", headers=dispute.buyer)).status_code == 403


async def balances(dispute: Dispute) -> list[int]:
    return [await balance(dispute, path) for path in (f"escrow:{dispute.case_id}", f"wallet:{dispute.on.winner}")]


async def preview(dispute: Dispute, who: dict[str, str], buyer_minor: str) -> dict[str, Any]:
    answer = await dispute.server.client.get(f"{dispute.desk}/ruling?buyer_minor={buyer_minor}", headers=who)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert sum(int(row["amount_minor"]) for row in found["postings"]) == PRICE
    return found


async def preview_of_ruling(dispute: Dispute) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await preview(dispute, dispute.operators[0], "400000"))["postings"]
    return found


async def at_desk(dispute: Dispute, who: dict[str, str], act: str, **body: Any) -> dict[str, Any]:
    answer = await dispute.post(who, f"{dispute.desk}/{act}", **body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def refused_at_desk(dispute: Dispute, who: dict[str, str], act: str, **body: Any) -> str:
    answer = await dispute.post(who, f"{dispute.desk}/{act}", **body)
    assert answer.status_code >= 400, answer.text
    code: str = answer.json()["code"]
    return code
