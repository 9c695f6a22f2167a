"""The terms of what is traded on a board: the board's standard ones, with the goods as the seller's post describes them. Pure.

They are judged when a board is made and when a post enters it, so that whoever can put it right hears of it, and no match
makes a contract that could not be signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from market.contracting.terms import Delivery, Goods, TermsFlaw, TradeTerms, flaws
from market.currencies import EXPONENTS
from market.matching.board_facts import Board, BoardRefusal, BoardRules
from market.trading.facts import Side
from market.trading.particulars import particulars

if TYPE_CHECKING:
    from market.trading.facts import Category, Post, Value

_SOMEBODY, _SOMEBODY_ELSE = 1, 2


def terms_of(
    board: BoardRules,
    category: Category,
    goods: Mapping[str, Value],
    *,
    units: int,
    price_minor: int,
    seller_id: int,
    buyer_id: int,
    at: datetime,
) -> TradeTerms:
    """What `units` that trade at `at` are sold on."""
    first, last = board.window(at)
    english, chinese = particulars(goods, category)
    line = Goods(
        n=1,
        category=board.category,
        title_en=category.name_en,
        title_zh=category.name_zh,
        attributes=dict(goods),
        particulars_en=english,
        particulars_zh=chinese,
        quantity=units,
        unit=category.unit or "",
        unit_price_minor=price_minor,
    )
    return TradeTerms(
        seller_id=seller_id,
        buyer_id=buyer_id,
        currency=board.currency,
        currency_exponent=EXPONENTS[board.currency],
        goods=(line,),
        delivery=Delivery(
            term=board.term, country=board.country, place=board.place, from_date=first, to_date=last, partial=False
        ),
    )


def unsound_board(board: BoardRules, category: Category, at: datetime) -> BoardRefusal | None:
    """Why no contract could say what a board says, whoever trades there."""
    terms = terms_of(
        board,
        category,
        board.attributes,
        units=1,
        price_minor=board.tick_minor,
        seller_id=_SOMEBODY,
        buyer_id=_SOMEBODY_ELSE,
        at=at,
    )
    found = flaws(terms, at)
    if any(flaw.path == "delivery.place" for flaw in found):
        return BoardRefusal.PLACE_UNSOUND
    return BoardRefusal.TERMS_UNSOUND if found else None


def unsound_post(board: Board, category: Category, post: Post, name: str, at: datetime) -> BoardRefusal | None:
    """Why no contract could say what a post says, or name its party, on a board that is sound."""
    is_supply = post.side is Side.SUPPLY
    terms = terms_of(
        board,
        category,
        post.attributes if is_supply else board.attributes,
        units=post.open_quantity,
        price_minor=post.price_minor or 0,
        seller_id=_SOMEBODY,
        buyer_id=_SOMEBODY_ELSE,
        at=at,
    )
    found = flaws(replace(terms, seller_name=name) if is_supply else replace(terms, buyer_name=name), at)
    return next((_refusal(flaw) for flaw in found), None)


def _refusal(flaw: TermsFlaw) -> BoardRefusal:
    if flaw.path in ("seller_name", "buyer_name"):
        return BoardRefusal.NAME_UNSOUND
    if flaw.path.startswith(("goods.1.attributes", "goods.1.particulars")):
        return BoardRefusal.POST_UNSOUND
    return BoardRefusal.TERMS_UNSOUND
