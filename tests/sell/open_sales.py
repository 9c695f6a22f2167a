"""Sales that are open and whose bidding has begun, for the tests of rooms, budgets and watch lists."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from auction import desk
from market import sales
from market.sales import Sale, SaleContent
from tests.door.house_server import Server
from tests.sell.stall import DAY, HOUR, NOW, changed, submitted

SALE = SaleContent(
    title_zh="秋季专场", title_en="Autumn sale", currency="CNY", starts_at=NOW + DAY, first_end_at=NOW + DAY + HOUR
)
TITLES = ("Meiping vase", "Ink stone", "Brush pot", "Seal box")


async def open_now(server: Server, lots: int = 2, bidders: Sequence[int] = ()) -> tuple[int, list[int]]:
    """A sale whose lots began an hour ago and end half a minute after each other, these bidders admitted to all."""
    seller, operator = await server.party(), await server.party(operator=True)
    now = server.house.node_time.now()
    before = now - 2 * HOUR
    async with server.house.pool.acquire() as conn, conn.transaction():
        content = replace(SALE, starts_at=now - HOUR, first_end_at=now + HOUR, stagger_seconds=30)
        sale = await sales.create(conn, operator_id=operator, content=content, now=before)
        assert isinstance(sale, Sale)
        ids = []
        for title in TITLES[:lots]:
            words = changed(title_en=title, starts_at=now - HOUR, deposit_minor=0, reserve_minor=None)
            listing = await submitted(conn, seller, words, before)
            await sales.put_in(conn, sale_id=sale.id, listing_id=listing.id, operator_id=operator, now=now)
            ids.append(listing.id)
        opened = await sales.open_sale(conn, sale_id=sale.id, operator_id=operator, now=before)
        assert isinstance(opened, list), opened
        for lot_id in ids:
            for party in bidders:
                await desk.admit(conn, lot_id=lot_id, party_id=party, now=now)
    for lot_id in ids:
        await server.house.bidding.refresh(lot_id)
    return sale.id, ids
