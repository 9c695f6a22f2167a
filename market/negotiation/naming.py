"""What the two parties of a negotiation are called by whom: who posted anonymously goes by an alias until an offer of his
is accepted, or he accepts one; he himself always reads his own name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from market.negotiation.facts import NegotiationState
from market.trading.public import alias

if TYPE_CHECKING:
    from market.catalogue import Catalogue, Language
    from market.config import Config
    from market.negotiation.store import NegotiationRow


def names_for(
    row: NegotiationRow, viewer_id: int, catalogue: Catalogue, config: Config, lang: Language
) -> dict[str, str]:
    """The names of `seller` and `buyer` as this viewer may read them."""
    names = {"seller": row.seller_name, "buyer": row.buyer_name}
    hidden = row.anonymous and viewer_id != row.poster_id and row.negotiation.state is not NegotiationState.ACCEPTED
    if hidden:
        poster = "seller" if row.poster_id == row.negotiation.seller_id else "buyer"
        names[poster] = catalogue.text("trading.alias", lang, alias=alias(config.secret_key, row.negotiation.post_id))
    return names
