"""Supply and demand of the demo: posts of many goods, two boards with orders, and a negotiation that waits for an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from market.contracting import desk as contracting
from market.matching import desk as matching
from market.matching import making
from market.matching.acts import Enter
from market.matching.board_facts import Board, BoardRules
from market.matching.facts import Mode
from market.negotiation.desk import NegotiationDesk, Proposal
from market.negotiation.draft import draft_of
from market.negotiation.facts import Negotiation
from market.trading import posts, store
from market.trading.facts import Post, PostContent, Side

if TYPE_CHECKING:
    from market.config import Config
    from market.demo.stage import Stage

HOUR = timedelta(hours=1)
VALID_DAYS = 30
CLEARS_EVERY_SECONDS = 1800

BOARDS = {
    "tea": BoardRules(
        category="green_tea", term="FOB", currency="CNY", country="CN", place="Ningbo", lead_days=5, window_days=30,
        mode=Mode.CALL, tick_minor=50, reference_minor=81_00, period_seconds=CLEARS_EVERY_SECONDS,
    ),
    "coil": BoardRules(
        category="hot_rolled_coil", term="EXW", currency="CNY", country="CN", place="Tangshan", lead_days=5, window_days=30,
        mode=Mode.CONTINUOUS, tick_minor=1_00,
    ),
}  # fmt: skip


class DemoPost(Struct, frozen=True, kw_only=True):
    """A post, whose it is, and the board that it is put on. Days of delivery count from the demo's first day."""

    party: str
    side: Side
    category: str
    titles: tuple[str, str]
    quantity: int
    price_minor: int | None
    attributes: dict[str, Any]
    place: tuple[str, str]
    term: str
    currency: str = "CNY"
    minimum: int = 1
    all_or_none: bool = False
    anonymous: bool = False
    board: str = ""
    said: tuple[str, str] = ("", "")


def _tea(party: str, side: Side, quantity: int, price_minor: int, *, anonymous: bool = False) -> DemoPost:
    return DemoPost(
        party=party,
        side=side,
        category="green_tea",
        titles=("Green tea, first grade", "一级绿茶"),
        quantity=quantity,
        price_minor=price_minor,
        attributes={"grade": "first"},
        place=("CN", "Ningbo"),
        term="FOB",
        anonymous=anonymous,
        board="tea",
    )


def _steel(
    party: str, side: Side, quantity: int, price_minor: int, *, minimum: int = 1, anonymous: bool = False
) -> DemoPost:
    return DemoPost(
        party=party,
        side=side,
        category="hot_rolled_coil",
        titles=("Hot-rolled coil Q235B", "Q235B 热轧卷板"),
        quantity=quantity,
        price_minor=price_minor,
        attributes={"grade": "q235b"},
        place=("CN", "Tangshan"),
        term="EXW",
        minimum=minimum,
        anonymous=anonymous,
        board="coil",
    )


POSTS: tuple[DemoPost, ...] = (
    _tea("robot_1", Side.SUPPLY, 1200, 79_50),
    _tea("robot_2", Side.SUPPLY, 800, 82_00, anonymous=True),
    _tea("robot_3", Side.DEMAND, 900, 83_00),
    _tea("robot_4", Side.DEMAND, 600, 80_00),
    _tea("second", Side.DEMAND, 400, 78_00),
    _steel("hartmann", Side.SUPPLY, 300, 3_420_00, minimum=25),
    _steel("robot_1", Side.SUPPLY, 500, 3_455_00),
    _steel("robot_3", Side.DEMAND, 120, 3_420_00),
    _steel("robot_4", Side.DEMAND, 250, 3_390_00, anonymous=True),
    DemoPost(
        party="wenlan", side=Side.SUPPLY, category="green_tea", titles=("Longjing of this spring, special grade", "今春特级龙井"),
        quantity=250, price_minor=680_00, minimum=5, place=("CN", "Hangzhou"), term="DAP",
        attributes={"grade": "special", "kind": "longjing"},
        said=("Picked before Qingming, packed in foil bags of 250 g. Samples on request.", "明前采摘，250克铝箔袋装。可寄样。"),
    ),
    DemoPost(
        party="lindqvist", side=Side.DEMAND, category="kraft_paper", titles=("Kraft paper for packing art", "艺术品包装用牛皮纸"),
        quantity=12, price_minor=780_00, currency="EUR", place=("SE", "Göteborg"), term="DAP", attributes={"grade": "virgin"},
        said=("90 g/m², in rolls of 1 m. Acid free, please.", "90克/平方米，幅宽1米，请用无酸纸。"),
    ),
    DemoPost(
        party="hartmann", side=Side.DEMAND, category="copper_cathode", titles=("Copper cathode, grade A", "A级电解铜"),
        quantity=50, price_minor=None, currency="USD", place=("DE", "Hamburg"), term="CIF", attributes={"grade": "grade_a"},
        anonymous=True, said=("Two lots of 25 t, brands registered with an exchange.", "分两批各25吨，须为交易所注册品牌。"),
    ),
    DemoPost(
        party="robot_2", side=Side.SUPPLY, category="soybeans", titles=("Soybeans, grade 1, this year's", "当年一等大豆"),
        quantity=400, price_minor=4_650_00, place=("CN", "Dalian"), term="FCA", attributes={"grade": "grade_1", "protein": 39},
        all_or_none=True,
    ),
)  # fmt: skip
TALKED_ABOUT = "Longjing of this spring, special grade"
_ASKS = "请问现货多少？若一次要60公斤，价格能否优惠？"
_OFFERS = "现货充足。60公斤按每公斤655元，含顺丰冷链到杭州以外地区。本报价48小时内有效。"


def trading_scenes(now: datetime, config: Config) -> list[tuple[datetime, Callable[[Stage], Awaitable[None]]]]:
    """Every post at its time, then the boards' orders, then the words about one post."""
    begin = now - 26 * HOUR
    acts: list[tuple[datetime, Callable[[Stage], Awaitable[None]]]] = [(begin, _open_boards)]
    for place, one in enumerate(POSTS):
        at = begin + (1 + place) * timedelta(minutes=47)
        acts.append((at, partial(_post, one=one, config=config)))
    return [*acts, (now - 3 * HOUR, partial(_talk, config=config))]


async def _open_boards(stage: Stage) -> None:
    async with stage.pool.acquire() as conn, conn.transaction():
        for key, rules in BOARDS.items():
            made = await making.open_board(conn, rules, stage.parties["operator"], "opened for the demo", stage.now)
            assert isinstance(made, Board), made
            stage.lots[f"board:{key}"] = made.id


async def _post(stage: Stage, *, one: DemoPost, config: Config) -> None:
    """Write the post and, if it is for a board, put it there."""
    now = stage.now
    async with stage.pool.acquire() as conn, conn.transaction():
        made = await posts.create(
            conn,
            party_id=stage.parties[one.party],
            content=_content(one, now),
            valid_days=VALID_DAYS,
            categories=await store.categories(conn),
            now=now,
        )
        assert isinstance(made, Post), made
        if one.board:
            enter = Enter(post_id=made.id, party_id=made.party_id)
            (answer,), _ = await matching.act(conn, stage.lots[f"board:{one.board}"], [enter], now)
            assert not isinstance(answer, StrEnum), answer
        if one.titles[0] == TALKED_ABOUT:
            stage.lots["talked_about"] = made.id


async def _talk(stage: Stage, *, config: Config) -> None:
    """The bidder has asked, the seller has offered: now it is the bidder's turn."""
    now, post_id = stage.now, stage.lots["talked_about"]
    desk = NegotiationDesk(partial(contracting.draw_up, config=config))
    async with stage.pool.acquire() as conn, conn.transaction():
        post = await posts.post_by_id(conn, post_id)
        assert post is not None
        category = next(each for each in await store.categories(conn) if each.code == post.category)
        terms = draft_of(post, category, seller_id=post.party_id, buyer_id=stage.parties["bidder"])
        line = structs.replace(terms.goods[0], quantity=60)
        asked = structs.replace(terms, goods=(structs.replace(line, unit_price_minor=0),))
        talk = await desk.inquire(conn, post_id, stage.parties["bidder"], Proposal(terms=asked, words=_ASKS), now)
        assert isinstance(talk, Negotiation), talk
        offered = structs.replace(terms, goods=(structs.replace(line, unit_price_minor=655_00),))
        offer = Proposal(terms=offered, words=_OFFERS, valid_until=now + 48 * HOUR)
        answered = await desk.propose(conn, talk.id, post.party_id, offer, now + HOUR)
        assert isinstance(answered, Negotiation), answered


def _content(one: DemoPost, now: datetime) -> PostContent:
    en, zh = one.titles
    said_en, said_zh = one.said
    country, place = one.place
    return PostContent(
        side=one.side,
        category=one.category,
        title_en=en,
        title_zh=zh,
        description_en=said_en,
        description_zh=said_zh,
        attributes=one.attributes,
        quantity=one.quantity,
        all_or_none=one.all_or_none,
        minimum=one.minimum,
        price_minor=one.price_minor,
        currency=one.currency,
        country=country,
        place=place,
        delivery_from=(now + timedelta(days=8)).date(),
        delivery_to=(now + timedelta(days=25)).date(),
        term=one.term,
        anonymous=one.anonymous,
    )
