"""What the public may see of a post: everything but whose it is, if that was asked for, and never the point on the map.

An anonymous post goes under an alias that is drawn from its id and the house's key: two posts of one party have nothing
in common, and nobody without the key can tell whose they are.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from market.trading.facts import Post


def alias(secret_key: str, post_id: int) -> str:
    """Six hexadecimal digits that stand for the party behind an anonymous post: so many that among thousands hardly two are
    alike, which would look like one party.
    """
    return hmac.digest(secret_key.encode(), b"gavelhouse post alias\0%d" % post_id, hashlib.sha256).hex()[:6].upper()


def is_shown(post: Post, viewer_id: int | None, now: datetime) -> bool:
    """Whether the viewer may see the post at all: his own always, another's from the moment that the public does."""
    return post.party_id == viewer_id or now >= post.shown_at
