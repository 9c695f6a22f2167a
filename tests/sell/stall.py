"""What the seller's tests share: parties, a whole lot, and the escrow's desk wired as the house wires it."""

from __future__ import annotations

import io
import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from PIL import Image

from escrow.desk import EscrowDesk
from escrow.facts import BankNotice, NoticeKind
from escrow.hooks import Hooks
from market import applications, listings, parties
from market.listing_facts import Listing, ListingContent, Step

if TYPE_CHECKING:
    from migrations.database import Connection

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_numbers = itertools.count(1)

WHOLE = ListingContent(
    currency="CNY",
    title_zh="清 青花缠枝莲纹梅瓶",
    title_en="Blue and white meiping vase",
    description_zh="釉色莹润，画工精细。",
    description_en="Glossy glaze, fine brushwork.",
    category="porcelain",
    condition="good",
    start_price_minor=1_000_000,
    steps=(Step(increment_minor=10_000),),
    timed_seconds=86_400,
    extension_seconds=120,
    reserve_minor=1_510_000,
    deposit_minor=100_000,
    starts_at=NOW + HOUR,
)


def desk() -> EscrowDesk:
    """The escrow with the market's hooks."""
    return EscrowDesk(Hooks(on_deposit_held=applications.on_deposit_held, lock_subject=applications.lock_subject))


async def party(conn: Connection, *, operator: bool = False, now: datetime = NOW) -> int:
    """A new member or operator."""
    number = next(_numbers)
    made = await parties.register(
        conn,
        email=f"sell{number}@example.org",
        display_name=f"Seller {number}",
        language="en",
        passphrase_phc=None,
        now=now,
    )
    assert isinstance(made, int)
    if operator:
        await parties.make_operator(conn, made, None, now)
    return made


def changed(content: ListingContent = WHOLE, **changes: Any) -> ListingContent:
    """The content with some fields changed."""
    return msgspec.structs.replace(content, **changes)


async def submitted(conn: Connection, seller_id: int, content: ListingContent = WHOLE, now: datetime = NOW) -> Listing:
    """A lot in the operator's queue."""
    draft = await listings.create_draft(conn, seller_id=seller_id, content=content, now=now)
    done = await listings.submit(conn, listing_id=draft.id, seller_id=seller_id, version=draft.version, now=now)
    assert isinstance(done, Listing), done
    return done


async def on_show(
    conn: Connection, seller_id: int, operator_id: int, content: ListingContent = WHOLE, now: datetime = NOW
) -> Listing:
    """An approved lot."""
    listing = await submitted(conn, seller_id, content, now)
    done = await listings.approve(conn, listing_id=listing.id, operator_id=operator_id, now=now)
    assert isinstance(done, Listing), done
    return done


def incoming(reference: str, amount_minor: int, currency: str = "CNY") -> BankNotice:
    """A transfer to the centre, as the bank tells of it."""
    return BankNotice(
        bank_id=f"SELL-{next(_numbers)}",
        kind=NoticeKind.TRANSFER_RECEIVED,
        currency=currency,
        amount_minor=amount_minor,
        reference=reference,
        booked_at=NOW,
    )


def picture(width: int = 640, height: int = 480, colour: str = "#8a5a00", kind: str = "JPEG", **more: Any) -> bytes:
    """An image file."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, kind, **more)
    return out.getvalue()
