"""The desk's pages with everything on them, in both languages; what two operators press; and what a page refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from escrow.facts import PayoutState
from market.money_acts import Act, Wish
from market.pages.operator_batches import read_wish, wish_text
from tests.desk.stocked import Stocked, stock
from tests.door.house_server import Server, run_server

if TYPE_CHECKING:
    from httpx2 import Response

    from migrations.database import Address


@pytest.fixture(scope="module")
async def server(module_database: Address, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A house where two operators are needed from ¥10,000 on."""
    async for running in run_server(module_database, tmp_path_factory.mktemp("house")):
        object.__setattr__(running.house.config, "second_person_above_minor", 1_000_000)
        yield running


@pytest.fixture(scope="module")
async def desk(server: Server) -> Stocked:
    """What lies on the desk."""
    return await stock(server)


async def get(server: Server, party: int, path: str) -> Response:
    return await server.client.get(server.origin + path, headers=await server.cookie(party))


async def post(server: Server, party: int, path: str, **form: object) -> Response:
    return await server.client.post(server.origin + path, data=form, headers=await server.cookie(party))


async def test_every_page_shows_what_lies_on_the_desk(server: Server, desk: Stocked) -> None:
    wishes = f"wish=payout_again:{desk.returned_payout}&wish=case_refund:{desk.funded_case}"
    pages = {
        "/operator/money": "¥24,690.00",
        "/operator/money/queue": f"payout_again:{desk.returned_payout}",
        "/operator/money/queue?queue=release": f"/operator/cases/{desk.inspecting_case}",
        "/operator/money/queue?queue=claims": "",
        "/operator/money/queue?format=csv&sort=sum": "AC04",
        "/operator/quarantine?sort=sum": "¥2,468.00",
        "/operator/quarantine?format=csv": "for the vase 1",
        "/operator/payouts?held=yes": "payout_release",
        "/operator/payouts?format=csv": "622202000011112222",
        f"/operator/payouts/{desk.held_payout}": "the name differs",
        f"/operator/cases/{desk.funded_case}": "",
        "/operator/money/batches": "",
        f"/operator/money/batches/new?{wishes}": f"escrow:{desk.funded_case}",
        "/operator/money/statements": "",
        "/operator/money/entries?state=all": "",
        "/operator/money/days": "",
        "/operator/money/reports": "¥987.60",
        "/operator/money/reports?format=csv": "987.60",
        "/operator/money/fees": "8.00 %",
        "/operator/audit": "",
    }
    for n, (path, shown) in enumerate(pages.items()):
        lang = "zh" if n % 2 else "en"
        answer = await get(server, desk.ann, f"{path}{'&' if '?' in path else '?'}lang={lang}")
        assert (answer.status_code, shown in answer.text) == (200, True), (path, lang)
    assert (await get(server, desk.ann, "/operator/money/batches/999")).status_code == 404
    assert (await get(server, desk.ann, "/operator/money/days/2001-01-01")).status_code == 404
    assert (await get(server, desk.ann, "/operator/money/journal.csv?since=x")).status_code == 400


async def test_a_large_payout_is_released_by_two(server: Server, desk: Stocked) -> None:
    path = f"/operator/payouts/{desk.held_payout}"
    unsaid = await post(server, desk.ann, f"{path}/act", act="payout_release", reason=" ")
    assert unsaid.status_code == 422
    asked = await post(server, desk.ann, f"{path}/act", act="payout_release", reason="the name is right")
    assert asked.status_code == 303
    batch = asked.headers["location"]
    assert "/operator/money/batches/" in batch
    own = await post(server, desk.ann, f"{batch}/confirm")
    assert own.status_code == 422 and "you asked for it" in own.text
    assert (await post(server, desk.bob, f"{batch}/confirm")).status_code == 303
    assert (await post(server, desk.bob, f"{batch}/confirm")).status_code == 422
    async with server.house.pool.acquire() as conn:
        waiting = await server.house.escrow.payouts.payouts(conn, PayoutState.WAITING_ACCOUNT)
    assert [one.held_at for one in waiting if one.id == desk.held_payout] == [None]
    assert "Confirmed and did a batch" in (await get(server, desk.ann, f"{batch}?lang=en")).text


async def test_a_batch_on_the_page_is_previewed_and_done(server: Server, desk: Stocked) -> None:
    wish = "quarantine_return:1"
    nothing = await get(server, desk.bob, "/operator/money/batches/new?wish=nonsense:1&wish=payout_again:x")
    assert nothing.status_code == 422
    done = await post(server, desk.bob, "/operator/money/batches/new", wish=wish, reason="nobody's")
    assert done.status_code == 303, done.text
    again = await post(server, desk.bob, "/operator/money/batches/new", wish=wish, reason="nobody's")
    assert again.status_code == 422 and "Nothing has been done" in again.text


async def test_fees_and_the_day_are_refused_with_a_sentence(server: Server, desk: Stocked) -> None:
    form = {"market": "auction", "currency": "", "transaction": "0", "service": "", "valid_from": "2026-01-01"}
    bad = await post(server, desk.ann, "/operator/money/fees/propose", **form, commission="7.255", reason="x")
    assert bad.status_code == 422 and "at most two decimals" in bad.text
    sum_without = await post(
        server, desk.ann, "/operator/money/fees/propose", **{**form, "service": "3"}, commission="7,5", reason="x"
    )
    assert sum_without.status_code == 422
    good = await post(server, desk.ann, "/operator/money/fees/propose", **form, commission="7.25 %", reason="x")
    assert good.status_code == 303
    assert (await post(server, desk.ann, "/operator/money/fees/1/confirm")).status_code == 422
    assert (await post(server, desk.bob, "/operator/money/fees/1/confirm")).status_code == 303
    assert "7.25 %" in (await get(server, desk.ann, "/operator/money/fees")).text
    early = await post(server, desk.ann, "/operator/money/days/close", day="2999-01-01", reason="")
    assert early.status_code == 422 and "has not begun" in early.text
    faulty = await post(server, desk.ann, "/operator/money/days/close", day="2020-01-01", reason="")
    assert faulty.status_code == 422 and "say why" in faulty.text


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("payout_again:7", Wish(act=Act.PAYOUT_AGAIN, subject_id=7)),
        ("quarantine_apply:3:wallet:12", Wish(act=Act.QUARANTINE_APPLY, subject_id=3, into_kind="wallet", into_id=12)),
        ("quarantine_apply:3", None),
        ("quarantine_apply:3:moon:12", None),
        ("payout_again:0", None),
        ("payout_again:7:wallet:1", None),
        ("payout_again", None),
        ("theft:1", None),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_wish_in_an_address_is_read_exactly(text: str, wish: Wish | None) -> None:
    assert read_wish(text) == wish
    assert wish is None or wish_text(wish) == text
