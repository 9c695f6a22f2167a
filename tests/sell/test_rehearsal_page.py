"""The rehearsal's page: a first example at once, one's own plays from the address, mistakes beside their boxes, nothing stored."""

from __future__ import annotations

from tests.door.house_server import Server
from tests.sell.test_pages import get, saved_draft


async def test_a_seller_sees_an_example_and_then_his_own_plays(server: Server) -> None:
    seller = await server.party()
    lot_id = await saved_draft(server, seller)
    example = await get(server, seller, f"/sell/lots/{lot_id}/rehearsal")
    assert example.status_code == 200
    assert "Bidder A gets the lot" in example.text or "not sold" in example.text
    query = "?who_0=1&when_0=start&amount_0=1&who_1=0&when_1=after&amount_1=5000000"
    played = await get(server, seller, f"/sell/lots/{lot_id}/rehearsal{query}", lang="zh")
    assert played.status_code == 200
    assert 'data-refusal="below_minimum"' in played.text
    assert 'data-refusal="own_lot"' in played.text


async def test_a_mistake_is_told_beside_its_box_and_another_s_lot_is_not_there(server: Server) -> None:
    seller, stranger, operator = await server.party(), await server.party(), await server.party(operator=True)
    lot_id = await saved_draft(server, seller)
    wrong = await get(server, seller, f"/sell/lots/{lot_id}/rehearsal?amount_0=ten&seconds_1=soon&amount_1=100")
    assert wrong.status_code == 422
    assert 'id="f-amount_0" name="amount_0"' in wrong.text
    assert wrong.text.count('aria-invalid="true"') == 2
    assert (await get(server, stranger, f"/sell/lots/{lot_id}/rehearsal")).status_code == 404
    assert (await get(server, operator, f"/operator/lots/{lot_id}/rehearsal")).status_code == 200
