"""What went wrong in the demo: a claim that its seller has to answer, and one that waits for an arbiter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from escrow.facts import Case, ClaimReason, Role
from market import case_files, claims_desk
from market.applications import subject_of
from market.demo.demo_lot import DAY, HOUR, DemoLot, even
from market.demo.demo_lot import Stage as LotStage
from market.demo.stage import Stage
from market.evidence_rendering import THUMBNAIL, WHOLE, Evidence, EvidenceKind

if TYPE_CHECKING:
    from market.photo_rendering import RenderedPhoto

Act = Callable[[Stage], Awaitable[None]]
CLAIMED_SHARE = 4
"""One part in so many of the price is claimed."""

DISPUTED_LOTS: tuple[DemoLot, ...] = (
    DemoLot(
        photo="porcelain_bowl", name="chipped_bowl", seller="wenlan", category="porcelain", condition="excellent", currency="CNY",
        title_en="Famille-rose bowl with peaches, 1920s", title_zh="民国粉彩寿桃纹碗",
        description_en="Nine peaches on a branch, five bats; enamels bright. Diameter 17.8 cm. No chips, no restoration.",
        description_zh="九桃五蝠，彩料明丽。口径17.8厘米。无磕无修。",
        start_minor=260_000, steps=even(10_000), worth_minor=560_000,
        timed_seconds=DAY, extension_seconds=120, starts_in=-5 * DAY, stage=LotStage.CLAIMED, bids=6,
    ),
    DemoLot(
        photo="film_camera", name="stuck_camera", seller="wenlan", category="photography", condition="good", currency="CNY",
        title_en="Folding camera, 6 × 9, about 1953, shutter serviced", title_zh="约1953年折叠式6×9相机，快门已保养",
        description_en="Bellows light-tight, lens clear. Shutter serviced in August and measured at all speeds.",
        description_zh="皮腔不漏光，镜片通透。快门八月保养，各档速度均已实测。",
        start_minor=90_000, steps=even(5_000), worth_minor=210_000,
        timed_seconds=DAY, extension_seconds=120, starts_in=-7 * DAY, stage=LotStage.ARBITRATION, bids=5,
    ),
)  # fmt: skip

WON_BY = {"chipped_bowl": "bidder", "stuck_camera": "second"}
_REASONS = {"chipped_bowl": ClaimReason.DAMAGED, "stuck_camera": ClaimReason.NOT_AS_DESCRIBED}
_SAYS = {
    "chipped_bowl": "碗口内沿有一处约3毫米的新磕，运输前的照片上没有。希望部分退款，碗留下。",
    "stuck_camera": "The shutter sticks at 1/25 and slower; it can't have been measured at all speeds. I want the cost of a service back.",
}
_ANSWER = "快门在八月保养并逐档实测，寄出前再次检查正常；冬季低温下需先空释放几次。"


def dispute_acts(lot: DemoLot, closed_at: datetime, photo: RenderedPhoto | None) -> list[tuple[datetime, Act]]:
    """What happened after the goods had come, each with its time."""
    if lot.stage not in (LotStage.CLAIMED, LotStage.ARBITRATION):
        return []

    def at(seconds: float, act: Act) -> tuple[datetime, Act]:
        return closed_at + timedelta(seconds=seconds), act

    acts = [at(3.6 * DAY, partial(claim, lot=lot, photo=photo))]
    if lot.stage is LotStage.ARBITRATION:
        acts += [at(4.1 * DAY, partial(contest, lot=lot)), at(4.1 * DAY + 3 * HOUR, partial(take_up, lot=lot))]
    return acts


async def claim(stage: Stage, *, lot: DemoLot, photo: RenderedPhoto | None) -> None:
    """The buyer claims a part of the price, with a picture where there is one."""
    case = await _case(stage, lot)
    async with stage.pool.acquire() as conn, conn.transaction():
        made = await stage.escrow.claims.open(
            conn,
            case.id,
            case.buyer_id,
            case.price_minor // CLAIMED_SHARE,
            _REASONS[lot.key],
            _SAYS[lot.key],
            stage.now,
        )
        assert isinstance(made, Case), made
        if photo is not None:
            evidence = Evidence(
                kind=EvidenceKind.PHOTO,
                name="IMG 2207.webp",
                upload_sha256=photo.sha256,
                content=photo.webp[WHOLE],
                thumbnail=photo.webp[THUMBNAIL],
                width=photo.width,
                height=photo.height,
            )
            put = await case_files.add_evidence(
                conn, made, author_id=case.buyer_id, role=Role.BUYER, evidence=evidence, now=stage.now
            )
            assert isinstance(put, int), put


async def contest(stage: Stage, *, lot: DemoLot) -> None:
    """The seller says no: an arbiter has to decide."""
    case = await _case(stage, lot)
    async with stage.pool.acquire() as conn, conn.transaction():
        contested = await stage.escrow.claims.contest(conn, case.id, case.seller_id, _ANSWER, stage.now)
        assert isinstance(contested, Case), contested


async def take_up(stage: Stage, *, lot: DemoLot) -> None:
    """One operator handles the claim and asks a question, so that the other is the one who can arbitrate it."""
    case, handler = await _case(stage, lot), stage.parties["officer"]
    async with stage.pool.acquire() as conn, conn.transaction():
        taken = await claims_desk.take_up(conn, stage.escrow, case.id, operator_id=handler, now=stage.now)
        assert isinstance(taken, Case), taken
        words = "请卖方提交八月的保养单据。 To the buyer: please send a short film of the shutter at 1/25."
        said = await case_files.add_message(
            conn, taken, author_id=handler, role=Role.OPERATOR, words=words, now=stage.now
        )
        assert isinstance(said, int), said


async def _case(stage: Stage, lot: DemoLot) -> Case:
    async with stage.pool.acquire() as conn:
        case = await stage.escrow.settlement.case_of_subject(conn, subject_of(stage.lots[lot.key]))
    assert case is not None, f"{lot.key} was sold"
    return case
