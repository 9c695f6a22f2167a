"""The terms that a post suggests: where a negotiation about it starts from. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market.contracting.terms import LONGEST_TITLE, Delivery, Goods, TradeTerms
from market.currencies import EXPONENTS
from market.trading.particulars import particulars

if TYPE_CHECKING:
    from market.trading.facts import Category, Post


def draft_of(post: Post, category: Category, *, seller_id: int, buyer_id: int) -> TradeTerms:
    """The whole open quantity at the post's price, 0 where it asks for one; the rest as usual."""
    assert category.unit is not None, "only a category with a unit has posts"
    english, chinese = particulars(post.attributes, category)
    return TradeTerms(
        seller_id=seller_id,
        buyer_id=buyer_id,
        currency=post.currency,
        currency_exponent=EXPONENTS[post.currency],
        goods=(
            Goods(
                n=1,
                category=post.category,
                title_en=post.title_en[:LONGEST_TITLE],
                title_zh=post.title_zh[:LONGEST_TITLE],
                attributes=post.attributes,
                particulars_en=english,
                particulars_zh=chinese,
                quantity=post.open_quantity,
                unit=category.unit,
                unit_price_minor=post.price_minor or 0,
            ),
        ),
        delivery=Delivery(
            term=post.term,
            country=post.country,
            place=post.place,
            from_date=post.delivery_from,
            to_date=post.delivery_to,
        ),
    )
