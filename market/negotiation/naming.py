"""What the two parties of a negotiation are called by whom: who posted anonymously goes by an alias until an offer of his
is accepted, or he accepts one; he himself always reads his own name. His number is told as little as his name.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING

from market.negotiation.facts import NegotiationState
from market.trading.public import alias

if TYPE_CHECKING:
    from market.catalogue import Catalogue, Language
    from market.config import Config
    from market.negotiation.facts import Step
    from market.negotiation.store import NegotiationRow


def names_for(
    row: NegotiationRow, viewer_id: int, catalogue: Catalogue, config: Config, lang: Language
) -> dict[str, str]:
    """The names of `seller` and `buyer` as this viewer may read them."""
    names = {"seller": row.seller_name, "buyer": row.buyer_name}
    if is_hidden(row, viewer_id):
        poster = "seller" if row.poster_id == row.negotiation.seller_id else "buyer"
        names[poster] = catalogue.text("trading.alias", lang, alias=alias(config.secret_key, row.negotiation.post_id))
    return names


def is_hidden(row: NegotiationRow, viewer_id: int) -> bool:
    """Whether this viewer may not know yet who posted."""
    return row.anonymous and viewer_id != row.poster_id and row.negotiation.state is not NegotiationState.ACCEPTED


def shown_hash(row: NegotiationRow, viewer_id: int, config: Config, terms_sha256: bytes) -> bytes:
    """The hash by which this viewer names terms. The plain one of terms that hold a hidden party's number would tell the
    number to whoever tries them all.
    """
    if not is_hidden(row, viewer_id):
        return terms_sha256
    return hmac.digest(config.secret_key.encode(), b"negotiated terms\x00" + terms_sha256, sha256)


def meant_hash(row: NegotiationRow, viewer_id: int, config: Config, steps: list[Step], n: int, given: bytes) -> bytes:
    """The hash of the terms of step `n` if that is what this viewer names by `given`, else one that no terms have."""
    terms_sha256 = steps[n - 1].terms_sha256 if 0 < n <= len(steps) else None
    if terms_sha256 is None or not hmac.compare_digest(shown_hash(row, viewer_id, config, terms_sha256), given):
        return b""
    return terms_sha256
