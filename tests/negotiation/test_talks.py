"""Negotiations through the API of a running house: from the first question to the contract, and everything that is refused."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from market.contracting.terms import terms_sha256
from market.lapse_clock import LapseClock
from market.negotiation import store
from market.negotiation.desk import Proposal
from tests.door.test_socket import opened
from tests.negotiation.talks import talk_in
from tests.trading.test_topics import said, watch

if TYPE_CHECKING:
    from tests.door.house_server import Server


def acceptance(of: dict[str, Any]) -> dict[str, Any]:
    """What accepts the offer that stands, as it was read."""
    n = of["standing_offer"]
    return {"offer": n, "terms_sha256": of["steps"][n - 1]["terms_sha256"]}


async def test_inquiry_offer_counter_offer_and_acceptance_take_the_goods_and_make_the_contract(server: Server):
    talk = await talk_in(server)
    asked = await talk.inquiry()
    assert asked["role"] == "buyer" and asked["standing_offer"] is None
    at = f"/negotiations/{asked['id']}"
    await talk.does(talk.poster, f"{at}/offers", **talk.offer(82_00))
    countered = await talk.does(talk.trader, f"{at}/offers", **talk.offer(78_00, words="for the whole season"))
    assert [step["kind"] for step in countered["steps"]] == ["inquiry", "offer", "counter_offer"]
    assert countered["steps"][1]["offer_state"] == "countered"
    assert countered["steps"][2]["changes"] == [{"path": "goods.1.unit_price_minor", "old": 82_00, "new": 78_00}]
    accepted = await talk.does(talk.poster, f"{at}/acceptance", **acceptance(countered))
    assert (accepted["state"], await talk.taken()) == ("accepted", 100)
    async with server.house.pool.acquire() as conn:
        contract = await conn.fetchrow(
            "select seller_id, buyer_id, state from market.contract where id = $1", accepted["contract_id"]
        )
    assert tuple(contract) == (talk.poster_id, talk.trader_id, "awaiting_signatures")


async def test_two_who_accept_at_once_and_one_who_repeats_himself_make_one_contract(server: Server):
    talk = await talk_in(server)
    opened_with = await talk.does(talk.trader, f"/posts/{talk.post.id}/offers", **talk.offer())
    at, yes = f"/negotiations/{opened_with['id']}", acceptance(opened_with)
    answers = await asyncio.gather(
        talk.send(talk.poster, f"{at}/acceptance", "same", **yes),
        talk.send(talk.poster, f"{at}/acceptance", "same", **yes),
        talk.send(talk.poster, f"{at}/acceptance", "another", **yes),
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes in ([201, 201, 409], [201, 409, 409]), [answer.text for answer in answers]
    assert await talk.taken() == 100
    async with server.house.pool.acquire() as conn:
        assert await conn.fetchval("select count(*) from market.contract where buyer_id = $1", talk.trader_id) == 1


async def test_an_acceptance_that_meets_a_counter_offer_or_a_withdrawal_at_once_has_one_winner(server: Server):
    for rival in ("withdrawal", "offers"):
        talk = await talk_in(server)
        offered = await talk.does(talk.trader, f"/posts/{talk.post.id}/offers", **talk.offer())
        at = f"/negotiations/{offered['id']}"
        body = {"offer": 1} if rival == "withdrawal" else talk.offer(70_00)
        won, lost = await asyncio.gather(
            talk.send(talk.poster, f"{at}/acceptance", **acceptance(offered)),
            talk.send(talk.trader, f"{at}/{rival}", **body),
        )
        assert sorted([won.status_code, lost.status_code]) == [201, 409], (won.text, lost.text)
        assert await talk.taken() == (100 if won.status_code == 201 else 0)


async def test_offers_that_stand_no_more_are_refused_with_the_reason_and_take_nothing(server: Server):
    talk = await talk_in(server)
    first = await talk.does(talk.trader, f"/posts/{talk.post.id}/offers", **talk.offer())
    at = f"/negotiations/{first['id']}"
    second = await talk.does(talk.trader, f"{at}/offers", **talk.offer(81_00))
    assert await talk.refused(talk.poster, f"{at}/acceptance", **acceptance(first)) == "offer_superseded"
    assert await talk.refused(talk.trader, f"{at}/acceptance", **acceptance(second)) == "own_offer"
    swapped = {**acceptance(second), "terms_sha256": acceptance(first)["terms_sha256"]}
    assert await talk.refused(talk.poster, f"{at}/acceptance", **swapped) == "offer_changed"
    await talk.does(talk.trader, f"{at}/withdrawal", offer=2)
    assert await talk.refused(talk.poster, f"{at}/acceptance", **acceptance(second)) == "offer_withdrawn"
    firm = await talk.does(talk.trader, f"{at}/offers", **talk.offer(firm=True))
    assert await talk.refused(talk.trader, f"{at}/withdrawal", offer=firm["standing_offer"]) == "offer_is_firm"
    assert await talk.refused(talk.trader, f"{at}/end") == "offer_is_firm"
    await talk.does(talk.poster, f"{at}/rejection", offer=firm["standing_offer"], words="too dear")
    assert await talk.refused(talk.poster, f"{at}/acceptance", **acceptance(firm)) == "offer_rejected"
    assert await talk.taken() == 0


async def test_an_offer_lapses_at_its_instant_and_both_are_told_once(server: Server):
    talk = await talk_in(server)
    offered = await talk.does(talk.trader, f"/posts/{talk.post.id}/offers", **talk.offer())
    late = server.house.node_time.now() + timedelta(hours=2, seconds=1)
    clock = LapseClock(
        server.house.pool,
        lambda: late,
        server.house.negotiations.lapse_one,
        store.next_lapse_at,
        longest_sleep_seconds=1,
    )
    await asyncio.gather(clock.lapse_due(), clock.lapse_due())
    found = (await talk.read(talk.poster, offered["id"])).json()
    assert [step["kind"] for step in found["steps"]] == ["offer", "lapse"]
    refused = await talk.refused(talk.poster, f"/negotiations/{offered['id']}/acceptance", **acceptance(offered))
    assert refused == "offer_lapsed"
    async with server.house.pool.acquire() as conn:
        told = await conn.fetch(
            "select party_id from market.notice where kind = 'negotiation_lapse' and link = $1 order by party_id",
            f"/negotiations/{offered['id']}",
        )
    assert [row["party_id"] for row in told] == sorted([talk.poster_id, talk.trader_id])


async def test_what_is_not_there_any_more_can_not_be_bought_and_the_terms_must_be_those_of_the_post(server: Server):
    talk = await talk_in(server, quantity=120)
    offered = await talk.does(talk.trader, f"/posts/{talk.post.id}/offers", **talk.offer(quantity=100))
    rival, rival_id = await server.party(), 0
    rival_headers = await server.bearer(rival)
    theirs = await talk.does(rival_headers, f"/posts/{talk.post.id}/offers", **talk.offer(quantity=60))
    await talk.does(talk.poster, f"/negotiations/{theirs['id']}/acceptance", **acceptance(theirs))
    mine = f"/negotiations/{offered['id']}"
    assert await talk.refused(talk.poster, f"{mine}/acceptance", **acceptance(offered)) == "quantity_gone"
    assert await talk.taken() == 60 and rival_id == 0
    assert await talk.refused(talk.trader, f"{mine}/offers", **talk.offer(quantity=5)) == "quantity_gone"
    other_goods = talk.offer()
    other_goods["terms"]["goods"][0]["category"] = "soybeans"
    assert await talk.refused(talk.trader, f"{mine}/offers", **other_goods) == "terms_not_of_post"
    dollars = talk.offer()
    dollars["terms"]["currency"] = "USD"
    assert await talk.refused(talk.trader, f"{mine}/offers", **dollars) == "terms_not_of_post"
    answer = await talk.send(talk.trader, f"{mine}/offers", **talk.offer(price=0))
    assert answer.json()["flaws"][0]["path"] == "goods.1.unit_price_minor"
    assert await talk.refused(talk.poster, f"/posts/{talk.post.id}/offers", **talk.offer()) == "own_post"
    assert await talk.refused(talk.trader, f"/posts/{talk.post.id}/offers", **talk.offer()) == "already_negotiating"


async def test_a_third_party_sees_nothing_and_an_anonymous_poster_goes_by_his_alias_until_there_is_a_contract(
    server: Server,
):
    talk = await talk_in(server, anonymous=True)
    offered = await talk.does(talk.trader, f"/posts/{talk.post.id}/offers", **talk.offer())
    at = f"/negotiations/{offered['id']}"
    stranger = await server.bearer(await server.party())
    assert (await talk.read(stranger, offered["id"])).status_code == 404
    assert await talk.refused(stranger, f"{at}/acceptance", **acceptance(offered)) == "not_found"
    assert await talk.refused(stranger, f"{at}/messages", words="hello") == "not_found"
    async with server.house.pool.acquire() as conn:
        name = await conn.fetchval("select display_name from market.party where id = $1", talk.poster_id)
    shown = (await talk.read(talk.trader, offered["id"])).text
    listed = (await server.client.get("/api/v1/negotiations", headers=talk.trader)).text
    assert name not in shown + listed
    read = (await talk.read(talk.poster, offered["id"])).json()
    await talk.does(talk.poster, f"{at}/acceptance", **acceptance(read))
    assert (await talk.read(talk.trader, offered["id"])).json()["seller_name"] == name


async def test_words_and_files_go_beside_an_offer_without_touching_it_and_are_read_by_both_live(server: Server):
    talk = await talk_in(server)
    offered = await talk.does(talk.trader, f"/posts/{talk.post.id}/offers", **talk.offer())
    at = f"/negotiations/{offered['id']}"
    async with opened(server, await server.cookie(talk.poster_id)) as socket:
        assert (await watch(socket, f"negotiation:{offered['id']}"))["version"] == 1
        await talk.does(talk.trader, f"{at}/messages", words="Samples are on their way.")
        assert (await said(socket))["version"] == 2
    pdf = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
    headers = {**talk.trader, "idempotency-key": "a-file", "content-type": "application/pdf"}
    path = f"/api/v1{at}/files"
    answer = await server.client.post(f"{path}?name=analysis.pdf", headers=headers, content=pdf)
    assert answer.status_code == 201, answer.text
    (file,) = answer.json()["steps"][2]["files"]
    assert (await server.client.get(file["url"], headers=talk.poster)).content == pdf
    again = {**headers, "idempotency-key": "a-file-again"}
    assert (await server.client.post(path, headers=again, content=pdf)).json()["code"] == "file_already_there"
    assert (await talk.read(talk.poster, offered["id"])).json()["standing_offer"] == 1


async def test_who_posted_anonymously_is_not_found_by_his_number_nor_by_trying_all_numbers_in_the_hash(server: Server):
    talk = await talk_in(server, anonymous=True)
    offered = await talk.does(talk.trader, f"/posts/{talk.post.id}/offers", **talk.offer())
    at = f"/negotiations/{offered['id']}"
    counter = await talk.does(talk.poster, f"{at}/offers", **talk.offer(85_00))
    plain = counter["steps"][1]["terms_sha256"]
    assert counter["steps"][1]["terms"]["seller_id"] == talk.poster_id
    async with server.house.pool.acquire() as conn:
        step = (await store.steps_of(conn, offered["id"]))[1]
    assert step.terms is not None and terms_sha256(step.terms).hex() == plain
    read = (await talk.read(talk.trader, offered["id"])).json()
    assert {one["terms"]["seller_id"] for one in read["steps"]} == {None}
    page = (await server.client.get(f"{at}", headers=await server.cookie(talk.trader_id))).text
    assert plain not in str(read) + page and acceptance(read)["terms_sha256"] in page
    assert await talk.refused(talk.trader, f"{at}/acceptance", offer=2, terms_sha256=plain) == "offer_changed"
    accepted = await talk.does(talk.trader, f"{at}/acceptance", **acceptance(read))
    assert accepted["steps"][1]["terms_sha256"] == plain
    assert accepted["steps"][1]["terms"]["seller_id"] == talk.poster_id


async def test_a_page_accepts_an_anonymous_offer_as_it_was_read(server: Server):
    talk = await talk_in(server, anonymous=True)
    asked = await talk.inquiry()
    await talk.does(talk.poster, f"/negotiations/{asked['id']}/offers", **talk.offer(82_00))
    trader, at = await server.cookie(talk.trader_id), f"/negotiations/{asked['id']}"
    read = acceptance((await talk.read(talk.trader, asked["id"])).json())
    wrong = await server.client.post(f"{at}/accept", headers=trader, data={**read, "terms_sha256": "0" * 64})
    assert (wrong.status_code, await talk.taken()) == (422, 0)
    done = await server.client.post(f"{at}/accept", headers=trader, data=read)
    assert (done.status_code, await talk.taken()) == (303, 100)


async def test_an_offer_in_another_unit_for_a_closed_post_or_of_somebody_barred_is_refused(server: Server):
    talk = await talk_in(server)
    offered = await talk.does(talk.trader, f"/posts/{talk.post.id}/offers", **talk.offer())
    at, tonnes = f"/negotiations/{offered['id']}", talk.offer()
    tonnes["terms"]["goods"][0]["unit"] = "TNE"
    assert await talk.refused(talk.poster, f"{at}/offers", **tonnes) == "terms_not_of_post"
    async with server.house.pool.acquire() as conn:
        await conn.execute(
            "update market.party set barred_at = now(), barred_reason = 'fraud' where id = $1", talk.poster_id
        )
    assert await talk.refused(talk.poster, f"{at}/acceptance", **acceptance(offered)) == "negotiator_barred"
    assert await talk.refused(talk.poster, f"{at}/offers", **talk.offer(90_00)) == "negotiator_barred"
    late = server.house.node_time.now() + timedelta(days=31)
    async with server.house.pool.acquire() as conn, conn.transaction():
        steps = await store.steps_of(conn, offered["id"])
        assert steps[0].terms is not None
        proposal = Proposal(terms=steps[0].terms, valid_until=late + timedelta(hours=1))
        refused = await server.house.negotiations.propose(conn, offered["id"], talk.trader_id, proposal, late)
    assert refused == "post_closed"
    assert await talk.taken() == 0


async def test_the_list_of_negotiations_stands_any_page_number(server: Server):
    member = await server.cookie(await server.party())
    for page in ("²", "9" * 5000, "0", "-1", "x"):
        assert (await server.client.get(f"/negotiations?page={page}", headers=member)).status_code == 200, page


async def test_a_contract_says_in_words_what_its_codes_mean_and_an_amendment_by_program_keeps_them(server: Server):
    talk = await talk_in(server)
    offer = talk.offer()
    offer["terms"]["goods"][0]["attributes"] = {"grade": "first", "organic": True}
    offered = await talk.does(talk.trader, f"/posts/{talk.post.id}/offers", **offer)
    accepted = await talk.does(talk.poster, f"/negotiations/{offered['id']}/acceptance", **acceptance(offered))
    at = f"/contracts/{accepted['contract_id']}"
    later = {**offer["terms"], "delivery": {**offer["terms"]["delivery"], "place": "Shanghai"}}
    amended = await talk.send(talk.trader, f"{at}/amendments", terms=later, reason="The ship calls at Shanghai.")
    assert amended.status_code == 201, amended.text
    async with server.house.pool.acquire() as conn:
        versions = await conn.fetch(
            "select terms::jsonb #>> '{goods,0,particulars_zh}' as said from market.contract_version where contract_id = $1",
            accepted["contract_id"],
        )
    assert [row["said"] for row in versions] == ["等级：一级；有机：是"] * 2


async def test_a_program_that_reads_terms_changes_a_day_and_proposes_them_drops_nothing(server: Server):
    talk = await talk_in(server)
    offer = talk.offer()
    papers = [
        {"kind": "inspection", "duty_of": "seller", "due": "before_ship", "required": True, "note": "SGS"},
        {"kind": "inspection", "duty_of": "buyer", "due": "before_ship", "required": False, "note": ""},
    ]
    breach = {"late_delivery_bp_per_day": 50, "cap_bp": 500, "claim_days": 9, "note_en": "War", "note_zh": "战争"}
    offer["terms"] |= {"formalities": papers, "breach": breach, "note": "No transshipment"}
    offer["terms"]["goods"][0]["attributes"] = {"grade": "first"}
    offered = await talk.does(talk.trader, f"/posts/{talk.post.id}/offers", **offer)
    accepted = await talk.does(talk.poster, f"/negotiations/{offered['id']}/acceptance", **acceptance(offered))
    at = f"/contracts/{accepted['contract_id']}"

    async def read() -> dict[str, Any]:
        found: dict[str, Any] = (await server.client.get(f"/api/v1{at}", headers=talk.poster)).json()
        return found

    was = (await read())["versions"][0]["terms"]
    sent = {name: was[name] for name in ("currency", "payment", "breach", "formalities", "note")}
    own = ("category", "title_en", "title_zh", "attributes", "quantity", "unit", "unit_price_minor")
    sent["goods"] = [{name: line[name] for name in own} for line in was["goods"]]
    sent["delivery"] = {**was["delivery"], "to_date": was["delivery"]["from_date"]}
    # A proposal that is taken back hides nothing: the next is compared with what lies open.
    for reason in ("The ship is early.", "It is early indeed."):
        assert (await talk.send(talk.poster, f"{at}/amendments", terms=sent, reason=reason)).status_code == 201
        changes = (await read())["versions"][-1]["changes"]
        assert [change["path"] for change in changes] == ["delivery.to_date"]
        if reason.startswith("The"):
            assert (await talk.send(talk.poster, f"{at}/withdrawal")).status_code == 200
    asked = {"certificate": "0" * 32, "version": 1}
    other = await talk.send(talk.trader, f"{at}/signature_records", **asked)
    assert other.json()["code"] == "contract_other_version", "what was read is no longer what lies open"
    none = await talk.send(talk.trader, f"{at}/signature_records", **{**asked, "version": 3})
    assert none.json()["code"] == "certificate_missing", "the version is right, and nobody has such a certificate"


async def test_too_many_files_at_once_are_said_on_the_page_and_what_was_typed_stays(server: Server):
    talk = await talk_in(server)
    begun = await talk.inquiry()
    trader = await server.cookie(talk.trader_id)
    files = [("files", (f"{n}.pdf", b"%PDF-1.4", "application/pdf")) for n in range(6)]
    typed = {"words": "Six photos"}
    answer = await server.client.post(f"/negotiations/{begun['id']}/say", headers=trader, data=typed, files=files)
    assert answer.status_code == 422 and "Six photos" in answer.text
    assert server.house.catalogue.text("market_refusal.evidence_too_many_at_once", "en") in answer.text
