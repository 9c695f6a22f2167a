"""The pages of seller, operator and bidder over real HTTP: the whole way without JavaScript, and what an attacker tries."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from httpx2 import TransportError

from market import applications, listings
from market.listing_facts import Listing, ListingContent
from market.local_time import to_local
from market.lot_form import values_of
from tests.door.house_server import Server
from tests.sell.stall import WHOLE, incoming, picture

if TYPE_CHECKING:
    from httpx2 import Response

SECRET_RESERVE = 7_770_000


def content(server: Server, **changes: object) -> ListingContent:
    """A whole lot that starts in an hour of the house's own clock."""
    starts_at = (server.house.node_time.now() + timedelta(hours=1)).replace(microsecond=0, second=0)
    return msgspec.structs.replace(WHOLE, **{"starts_at": starts_at, "reserve_minor": SECRET_RESERVE, **changes})


async def post(server: Server, who: int, path: str, data: dict[str, str] | None = None, **more: object) -> Response:
    headers = await server.cookie(who)
    return await server.client.post(path, data=data or {}, headers=headers, **more)


async def get(server: Server, who: int | None, path: str, lang: str = "en") -> Response:
    headers = dict(await server.cookie(who) if who else server.page)
    return await server.client.get(path, headers={**headers, "accept-language": lang})


async def saved_draft(server: Server, seller: int, **changes: object) -> int:
    """A draft that was made through the form."""
    answer = await post(server, seller, "/sell/lots/new", values_of(content(server, **changes)))
    assert answer.status_code == 303, answer.text
    found = re.fullmatch(r"/sell/lots/(\d+)", answer.headers["location"])
    assert found
    return int(found[1])


async def submit(server: Server, seller: int, lot_id: int, **changes: object) -> Response:
    async with server.house.pool.acquire() as conn:
        listing = await listings.listing_by_id(conn, lot_id)
    assert listing is not None
    form = {**values_of(content(server, **changes)), "version": str(listing.version), "act": "submit"}
    return await post(server, seller, f"/sell/lots/{lot_id}", form)


async def on_show(server: Server, seller: int, operator: int, **changes: object) -> int:
    lot_id = await saved_draft(server, seller, **changes)
    assert (await submit(server, seller, lot_id, **changes)).status_code == 303
    answer = await post(server, operator, f"/operator/lots/{lot_id}/approve")
    assert answer.status_code == 303, answer.text
    return lot_id


async def test_the_whole_way_from_draft_to_paddle_by_forms_alone(server: Server) -> None:
    seller, bidder, operator = await server.party(), await server.party(), await server.party(operator=True)
    lot_id = await on_show(server, seller, operator)
    assert (await post(server, bidder, f"/lots/{lot_id}/apply")).status_code == 303
    queue = await get(server, operator, f"/operator/applications?lot={lot_id}")
    application = re.search(r'data-application="(\d+)"', queue.text)
    assert application
    assert (
        await post(server, operator, f"/operator/applications/{application[1]}", {"act": "confirm"})
    ).status_code == 303
    async with server.house.pool.acquire() as conn, conn.transaction():
        due = await applications.application_state(conn, server.house.escrow, lot_id, bidder)
        assert due is not None and due.reference
        await server.house.escrow.inbox.receive(
            conn, incoming(due.reference, due.deposit_minor), server.house.node_time.now()
        )
    async with server.house.pool.acquire() as conn:
        stands = await applications.application_state(conn, server.house.escrow, lot_id, bidder)
    assert stands is not None and stands.paddle
    mine = await get(server, bidder, "/my/bids")
    assert f'data-lot="{lot_id}" data-place="starts_soon"' in mine.text and str(stands.paddle) in mine.text


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
async def test_every_page_renders_in_both_languages(server: Server, lang: str) -> None:
    seller, bidder, operator = await server.party(), await server.party(), await server.party(operator=True)
    shown = await on_show(server, seller, operator)
    draft = await saved_draft(server, seller)
    waiting = await saved_draft(server, seller)
    assert (await submit(server, seller, waiting)).status_code == 303
    await post(server, bidder, f"/lots/{shown}/apply")
    pages = [
        (seller, "/sell"),
        (seller, "/sell/lots/new"),
        (seller, f"/sell/lots/{draft}"),
        (seller, f"/sell/lots/{waiting}"),
        (seller, f"/sell/lots/{shown}"),
        (operator, "/operator"),
        (operator, "/operator/lots"),
        (operator, f"/operator/lots/{waiting}"),
        (operator, f"/operator/lots/{shown}"),
        (operator, "/operator/applications"),
        (operator, "/operator/applications?state=all"),
        (operator, "/operator/audit"),
        (bidder, "/my/bids"),
        (seller, "/my/bids"),
        (bidder, "/sell"),
    ]
    for who, path in pages:
        page = await get(server, who, path + ("&" if "?" in path else "?") + f"lang={lang[:2]}")
        assert page.status_code == 200, (path, page.text[:2000])
        assert page.headers["content-language"] == lang
        assert " style=" not in page.text and "onclick" not in page.text
    for who, path in [
        (seller, "/sell/lots.csv"),
        (bidder, "/my/bids.csv"),
        (operator, "/operator/audit.csv"),
        (operator, "/operator/applications.csv?state=all"),
    ]:
        page = await get(server, who, path, lang)
        assert page.status_code == 200 and page.headers["content-type"] == "text/csv; charset=utf-8"


async def test_the_editor_shows_the_rule_in_both_languages_and_what_contradicts_itself(server: Server) -> None:
    seller = await server.party()
    lot_id = await saved_draft(server, seller, reserve_minor=900_000)
    page = await get(server, seller, f"/sell/lots/{lot_id}")
    assert "起拍价" in page.text and "Bidding starts at" in page.text
    assert 'href="#f-reserve"' in page.text
    refused = await submit(server, seller, lot_id, reserve_minor=900_000)
    assert refused.status_code == 422 and "still has errors" in refused.text


async def test_what_was_typed_is_kept_beside_what_is_wrong_with_it(server: Server) -> None:
    seller = await server.party()
    lot_id = await saved_draft(server, seller)
    form = {**values_of(content(server)), "start_price": "12.3456", "title_en": "Kept title", "version": "1"}
    page = await post(server, seller, f"/sell/lots/{lot_id}", form)
    assert page.status_code == 422
    assert 'value="12.3456"' in page.text and 'value="Kept title"' in page.text and 'id="e-start_price"' in page.text
    async with server.house.pool.acquire() as conn:
        listing = await listings.listing_by_id(conn, lot_id)
    assert listing is not None and listing.title_en == WHOLE.title_en


async def test_a_preview_saves_nothing(server: Server) -> None:
    seller = await server.party()
    lot_id = await saved_draft(server, seller)
    form = {**values_of(content(server, start_price_minor=123_000_000)), "version": "1", "act": "preview"}
    page = await post(server, seller, f"/sell/lots/{lot_id}", form)
    assert page.status_code == 200 and "¥1,230,000" in page.text
    async with server.house.pool.acquire() as conn:
        listing = await listings.listing_by_id(conn, lot_id)
    assert listing is not None and listing.start_price_minor == WHOLE.start_price_minor


async def test_times_are_those_of_the_zone_in_the_form(server: Server) -> None:
    seller = await server.party()
    starts_at = content(server).starts_at
    assert starts_at is not None
    form = {**values_of(content(server)), "zone": "Asia/Shanghai", "starts_at": to_local(starts_at, "Asia/Shanghai")}
    answer = await post(server, seller, "/sell/lots/new", form)
    async with server.house.pool.acquire() as conn:
        listing = await listings.listing_by_id(conn, int(answer.headers["location"].rsplit("/", 1)[1]))
    assert listing is not None and (listing.starts_at, listing.zone) == (starts_at, "Asia/Shanghai")


async def test_another_sellers_lot_is_not_found_whatever_is_tried(server: Server) -> None:
    seller, other, operator = await server.party(), await server.party(), await server.party(operator=True)
    lot_id = await saved_draft(server, seller)
    for who in (other, operator):
        assert (await get(server, who, f"/sell/lots/{lot_id}")).status_code == 404
        for path in ("", "/take-back", "/withdraw", "/photos/1"):
            answer = await post(server, who, f"/sell/lots/{lot_id}{path}", values_of(content(server)))
            assert answer.status_code == 404, path
        files = {"photos": ("a.jpg", picture(), "image/jpeg")}
        assert (await post(server, who, f"/sell/lots/{lot_id}/photos", files=files)).status_code == 404


async def test_members_reach_no_operators_page(server: Server) -> None:
    member = await server.party()
    for path in ("/operator", "/operator/lots", "/operator/lots/1", "/operator/applications", "/operator/audit"):
        assert (await get(server, member, path)).status_code in (403, 404)
    for path in ("/operator/lots/1/approve", "/operator/lots/1/act/void", "/operator/applications/1"):
        assert (await post(server, member, path)).status_code in (403, 404)


async def test_what_is_on_show_is_not_edited_by_a_form_kept_open(server: Server) -> None:
    seller, operator = await server.party(), await server.party(operator=True)
    lot_id = await on_show(server, seller, operator)
    form = {**values_of(content(server, title_en="Something else")), "version": "4", "act": "save"}
    answer = await post(server, seller, f"/sell/lots/{lot_id}", form)
    assert answer.status_code == 422 and "no longer be edited" in answer.text
    assert "Something else" not in (await get(server, None, f"/lots/{lot_id}")).text


async def test_a_title_with_html_is_shown_as_text_everywhere(server: Server) -> None:
    seller, bidder, operator = await server.party(), await server.party(), await server.party(operator=True)
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    texts = {"title_en": evil, "title_zh": evil, "description_en": evil, "description_zh": '"><svg onload=alert(1)>'}
    lot_id = await on_show(server, seller, operator, **texts)
    await post(server, bidder, f"/lots/{lot_id}/apply")
    waiting = await saved_draft(server, seller, **texts)
    for who, path in [
        (seller, "/sell"),
        (seller, f"/sell/lots/{lot_id}"),
        (seller, f"/sell/lots/{waiting}"),
        (operator, "/operator"),
        (operator, f"/operator/lots/{lot_id}"),
        (operator, "/operator/applications"),
        (bidder, "/my/bids"),
        (None, f"/lots/{lot_id}"),
        (None, "/"),
    ]:
        page = await get(server, who, path)
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text and "<img src=x" not in page.text and "<svg onload" not in page.text, (
            path
        )


async def test_the_reserve_is_for_its_seller_and_the_operator_alone(server: Server) -> None:
    seller, bidder, operator = await server.party(), await server.party(), await server.party(operator=True)
    lot_id = await on_show(server, seller, operator)
    secret = re.compile(r"77,?700|7770000")
    await post(server, bidder, f"/lots/{lot_id}/apply")
    for who in (None, bidder):
        for path in ("/", f"/lots/{lot_id}", *(("/my/bids", "/my/bids.csv") if who else ())):
            assert not secret.search((await get(server, who, path)).text), path
    for path in (f"/api/v1/lots/{lot_id}", "/api/v1/lots", f"/api/v1/lots/{lot_id}/events"):
        assert not secret.search((await server.client.get(path, headers=await server.bearer(bidder))).text), path
    assert secret.search((await get(server, seller, f"/sell/lots/{lot_id}")).text)
    assert secret.search((await get(server, operator, f"/operator/lots/{lot_id}")).text)


async def upload(server: Server, who: int, lot_id: int, data: bytes, name: str = "a.jpg") -> Response:
    return await post(server, who, f"/sell/lots/{lot_id}/photos", files={"photos": (name, data, "image/jpeg")})


async def test_a_photo_is_taken_in_and_seen_by_others_only_once_on_show(server: Server) -> None:
    seller, other, operator = await server.party(), await server.party(), await server.party(operator=True)
    lot_id = await saved_draft(server, seller)
    assert (await upload(server, seller, lot_id, picture(1200, 900))).status_code == 303
    found = re.search(r"/photos/(\d+)/320\.webp", (await get(server, seller, f"/sell/lots/{lot_id}")).text)
    assert found
    address = f"/photos/{found[1]}/960.webp"
    assert (await get(server, seller, address)).headers["cache-control"].startswith("private")
    assert (await get(server, operator, address)).status_code == 200
    for who in (other, None):
        assert (await get(server, who, address)).status_code == 404
    assert (await submit(server, seller, lot_id)).status_code == 303
    assert (await post(server, operator, f"/operator/lots/{lot_id}/approve")).status_code == 303
    photo = await get(server, None, address)
    assert photo.status_code == 200 and photo.content[8:12] == b"WEBP"
    assert photo.headers["content-type"] == "image/webp"
    assert photo.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert photo.headers["x-content-type-options"] == "nosniff"
    for wrong in (f"/photos/{found[1]}/100.webp", "/photos/99999999/320.webp", f"/photos/{'9' * 30}/320.webp"):
        assert (await get(server, None, wrong)).status_code == 404


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<html>", "not an image"),
        (picture(100, 100), "smaller than 200"),
        (b"PK\x03\x04" + b"0" * 5000, "not an image"),
    ],
)
async def test_a_file_that_is_no_photo_gets_a_clear_sentence(server: Server, data: bytes, says: str) -> None:
    seller = await server.party()
    lot_id = await saved_draft(server, seller)
    answer = await upload(server, seller, lot_id, data)
    assert answer.status_code == 422 and says in answer.text and 'id="e-photos"' in answer.text


async def test_an_upload_beyond_the_limit_is_cut_off_at_the_door(server: Server) -> None:
    seller = await server.party()
    lot_id = await saved_draft(server, seller)
    big_form = {**values_of(content(server)), "description_en": "x" * 200_000}
    for sending in (
        upload(server, seller, lot_id, b"\xff" * (13 * 1024 * 1024)),
        post(server, seller, f"/sell/lots/{lot_id}", big_form),
    ):
        with suppress(TransportError):  # the door may answer and close while the client is still sending
            assert (await sending).status_code == 413
    assert "/photos/" not in re.sub('/photos"', "", (await get(server, seller, f"/sell/lots/{lot_id}")).text)


async def test_photos_are_moved_described_and_removed_by_forms(server: Server) -> None:
    seller = await server.party()
    lot_id = await saved_draft(server, seller)
    for colour in ("#101010", "#202020"):
        assert (await upload(server, seller, lot_id, picture(colour=colour))).status_code == 303
    page = (await get(server, seller, f"/sell/lots/{lot_id}")).text
    first, second = re.findall(r'src="/photos/(\d+)/320', page)
    at = f"/sell/lots/{lot_id}/photos"
    assert (await post(server, seller, f"{at}/{second}", {"act": "earlier"})).status_code == 303
    described = {"act": "describe", "alt_en": 'The "front"', "alt_zh": "正面"}
    assert (await post(server, seller, f"{at}/{first}", described)).status_code == 303
    page = (await get(server, seller, f"/sell/lots/{lot_id}")).text
    assert re.findall(r'src="/photos/(\d+)/320', page) == [second, first] and "The &#34;front&#34;" in page
    assert (await post(server, seller, f"{at}/{second}", {"act": "delete"})).status_code == 303
    assert (await post(server, seller, f"{at}/{second}", {"act": "earlier"})).status_code == 422


async def act(server: Server, operator: int, lot_id: int, name: str, **form: str) -> Response:
    return await post(server, operator, f"/operator/lots/{lot_id}/act/{name}", form)


async def test_the_desk_pauses_resumes_extends_and_voids_each_with_a_reason_in_the_trail(server: Server) -> None:
    seller, operator = await server.party(), await server.party(operator=True)
    now = server.house.node_time.now()
    lot_id = await on_show(server, seller, operator)
    assert (await act(server, operator, lot_id, "void", void_reason="because")).status_code == 422
    assert (await act(server, operator, lot_id, "extend", extend_reason=" ")).status_code == 422
    later = to_local(now + timedelta(days=9), "UTC")
    assert (await act(server, operator, lot_id, "extend", extend_reason="holiday", ends_at=later)).status_code == 303
    earlier = to_local(now + timedelta(days=2), "UTC")
    refused = await act(server, operator, lot_id, "extend", extend_reason="sooner", ends_at=earlier)
    assert refused.status_code == 422
    assert (await act(server, operator, lot_id, "void", void_reason="stolen goods", confirmed="1")).status_code == 303
    again = await act(server, operator, lot_id, "void", void_reason="stolen goods", confirmed="1")
    assert again.status_code == 422
    trail = (await get(server, operator, f"/operator/audit?subject=lot:{lot_id}")).text
    assert trail.index("stolen goods") < trail.index("holiday") < trail.index("Approved a lot")
    assert "sooner" not in trail
    assert (await act(server, operator, lot_id, "explode", explode_reason="x")).status_code == 404
    assert (await act(server, operator, 99_999_999, "pause", pause_reason="x")).status_code in (404, 422)


async def test_a_running_lot_is_paused_and_resumed(server: Server) -> None:
    seller, operator = await server.party(), await server.party(operator=True)
    starts_at = server.house.node_time.now() + timedelta(seconds=1)
    async with server.house.pool.acquire() as conn, conn.transaction():
        now = server.house.node_time.now()
        running = content(server, starts_at=starts_at, deposit_minor=0)
        draft = await listings.create_draft(conn, seller_id=seller, content=running, now=now)
        await listings.submit(conn, listing_id=draft.id, seller_id=seller, version=1, now=now)
        assert isinstance(await listings.approve(conn, listing_id=draft.id, operator_id=operator, now=now), Listing)
    await server.house.bidding.refresh(draft.id)
    paused = await act(server, operator, draft.id, "pause", pause_reason="check the photo")
    assert paused.status_code == 303, paused.text
    room = await get(server, operator, "/operator")
    assert f'data-lot="{draft.id}"' in room.text and "Paused" in room.text
    assert (await act(server, operator, draft.id, "pause", pause_reason="again")).status_code == 422
    assert (await act(server, operator, draft.id, "resume", resume_reason="all is well")).status_code == 303


async def test_the_operator_sends_a_lot_back_with_a_reason_that_the_seller_reads(server: Server) -> None:
    seller, operator = await server.party(), await server.party(operator=True)
    lot_id = await saved_draft(server, seller)
    await submit(server, seller, lot_id)
    assert (await post(server, operator, f"/operator/lots/{lot_id}/reject", {"reason": ""})).status_code == 422
    answer = await post(server, operator, f"/operator/lots/{lot_id}/reject", {"reason": "Blurred <b>photo</b>"})
    assert answer.status_code == 303
    page = (await get(server, seller, f"/sell/lots/{lot_id}")).text
    assert "Blurred &lt;b&gt;photo&lt;/b&gt;" in page
    assert "sent it back" in (await get(server, seller, "/sell")).text


async def test_an_application_is_turned_down_only_with_a_reason(server: Server) -> None:
    seller, bidder, operator = await server.party(), await server.party(), await server.party(operator=True)
    lot_id = await on_show(server, seller, operator)
    await post(server, bidder, f"/lots/{lot_id}/apply")
    queue = (await get(server, operator, f"/operator/applications?lot={lot_id}")).text
    found = re.search(r'data-application="(\d+)"', queue)
    assert found
    path = f"/operator/applications/{found[1]}"
    assert (await post(server, operator, path, {"act": "reject", "reason": " "})).status_code == 422
    assert (await post(server, operator, path, {"act": "reject", "reason": "unknown to us"})).status_code == 303
    assert (await post(server, operator, path, {"act": "confirm"})).status_code == 422
    assert 'data-place="rejected"' in (await get(server, bidder, "/my/bids")).text
    assert (await post(server, operator, f"/operator/applications/{'9' * 25}", {"act": "confirm"})).status_code == 404


async def test_a_seller_who_applies_to_his_own_lot_is_told_no(server: Server) -> None:
    seller, operator = await server.party(), await server.party(operator=True)
    lot_id = await on_show(server, seller, operator)
    answer = await post(server, seller, f"/lots/{lot_id}/apply")
    assert answer.status_code == 303
    async with server.house.pool.acquire() as conn:
        assert await conn.fetchval("select count(*) from market.application where lot_id = $1", lot_id) == 0
    assert (await post(server, seller, "/lots/99999999/apply")).status_code == 404


async def test_a_formula_in_a_title_is_text_in_every_csv(server: Server) -> None:
    seller, bidder, operator = await server.party(), await server.party(), await server.party(operator=True)
    lot_id = await on_show(server, seller, operator, title_en="=cmd|' /C calc'!A0", title_zh="")
    await post(server, bidder, f"/lots/{lot_id}/apply")
    for who, path in [(seller, "/sell/lots.csv"), (bidder, "/my/bids.csv")]:
        assert ",'=cmd" in (await get(server, who, path)).text


async def test_the_draft_is_saved_as_one_types_and_the_rule_comes_back_in_words(server: Server) -> None:
    seller = await server.party()
    lot_id = await saved_draft(server, seller)
    form = {**values_of(content(server, title_en="Typed on")), "version": "1", "act": "autosave"}
    checked = (await post(server, seller, f"/sell/lots/{lot_id}", form)).json()
    assert (checked["version"], checked["saved"]) == (2, True)
    assert "Bidding starts at ¥10,000." in checked["rule"]["en"][0] and "起拍价" in checked["rule"]["zh"][0]
    assert (await post(server, seller, f"/sell/lots/{lot_id}", form)).status_code == 422  # version 1 is old by now
    bad = {**form, "version": "2", "reserve": "1.001"}
    answer = await post(server, seller, f"/sell/lots/{lot_id}", bad)
    assert (answer.status_code, answer.json()["fields"]) == (422, ["reserve"])
    unsaved = (await post(server, seller, "/sell/lots/new", {**form, "starts_at": ""})).json()
    assert (unsaved["saved"], unsaved["rule"]) == (False, None) and unsaved["findings"]
