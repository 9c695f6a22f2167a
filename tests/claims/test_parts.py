"""A sale of several units that are shipped in parts: each part lives by itself, and nothing of the price is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from auction.facts import Award
from escrow import ledger
from escrow.facts import Case
from market import trades
from tests.deal.traded import case_of, pays, stage
from tests.door.house_server import PHRASE

if TYPE_CHECKING:
    from tests.door.house_server import Server

UNIT = 40_001


async def test_units_are_shipped_inspected_claimed_and_paid_in_parts(server: Server) -> None:
    house, client = server.house, server.client
    buyer, seller = await server.party(phrase=PHRASE), await server.party(phrase=PHRASE)
    now = house.node_time.now()
    async with house.pool.acquire() as conn:
        on = await stage(conn, desk=house.escrow, bidders=1, given=[buyer], seller=seller, now=now)
        award = Award(party_id=buyer, paddle=on.paddles[buyer], quantity=3, total_minor=3 * UNIT)
        hammer = replace(
            on.hammer(closed_at=now),
            winner_id=None,
            winner_paddle=None,
            price_minor=None,
            awards=(award,),
            format="uniform",
        )
        async with conn.transaction():
            await trades.hammer_handler(trades.TradeTerms(), on.desk)(conn, hammer)
        case = await case_of(conn, on)
        assert isinstance(case, Case) and [line.n for line in case.lines] == [1, 2, 3]
        await pays(conn, house.escrow, case.reference, case.due_minor, now)
    his, hers = await server.cookie(seller), await server.cookie(buyer)
    at = f"/deals/{case.id}"
    page = (await client.get(at, headers=his)).text
    assert page.count('name="line"') == 3
    nothing = await client.post(f"{at}/ship", headers=his, data={"carrier": "SF", "tracking_number": "1"})
    assert nothing.status_code == 422 and "Tick at least one item" in nothing.text
    sent = await client.post(
        f"{at}/ship", headers=his, data={"carrier": "SF", "tracking_number": "1", "line": ["1", "3"]}
    )
    assert sent.status_code == 303
    token = await server.bearer(buyer)
    whole = (await client.get(f"/api/v1/deals/{case.id}", headers=token)).json()
    (part_id,) = whole["part_case_ids"]
    assert (whole["state"], whole["own_minor"], whole["held_minor"]) == ("funded", str(UNIT), str(UNIT))
    part = (await client.get(f"/api/v1/deals/{part_id}", headers=token)).json()
    assert (part["state"], part["held_minor"], part["parent_case_id"]) == ("shipped", str(2 * UNIT), case.id)
    shown = (await client.get(at, headers=hers)).text
    assert f'href="/deals/{part_id}"' in shown and "Items 1, 3" in shown
    lines = (await client.get("/api/v1/deals", headers=token)).json()["items"]
    assert {(row["case_id"], row["parent_case_id"]) for row in lines} == {(case.id, None), (part_id, case.id)}
    assert (await client.post(f"/deals/{part_id}/received", headers=hers)).status_code == 303
    body = {"amount_minor": str(UNIT), "reason": "damaged", "statement": "One of the two is chipped."}
    made = await client.post(f"/api/v1/deals/{part_id}/claim", headers={**token, "idempotency-key": "c"}, json=body)
    assert made.status_code == 201, made.text
    last = await client.post(f"{at}/ship", headers=his, data={"carrier": "SF", "tracking_number": "2"})
    assert last.status_code == 303
    assert (await client.post(f"{at}/received", headers=hers)).status_code == 303
    done = await client.post(f"{at}/confirm", headers=hers, data={"understood": "1", "passphrase": PHRASE})
    assert done.status_code == 303
    async with house.pool.acquire() as conn:
        held = [await ledger.balance(conn, f"escrow:{one}", "CNY") for one in (case.id, part_id)]
    assert held == [0, 2 * UNIT]
    stranger = await server.cookie(await server.party())
    assert (await client.get(f"/deals/{part_id}", headers=stranger)).status_code == 404
