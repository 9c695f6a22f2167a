"""Operations that are posted in the same moment, so that their lines lie mixed in the order of postings: each has one entry in the
sealed book all the same, and the book goes on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from market.book_seals import BookSeals
from tests.escrow.test_sealed_book import NOW, SIGNER, checked, posted

if TYPE_CHECKING:
    from asyncpg import Pool, Record

LINES = (("bank", "wallet:81", 500), ("wallet:81", "wallet:82", 200), ("wallet:82", "wallet:81", 100))
MIXING = """
create sequence public.mixed;
grant usage on sequence public.mixed to public;
create function public.mix() returns trigger language plpgsql as $$
begin
  new.seq := 1000 + new.n * 100 + nextval('public.mixed');
  return new;
end $$;
create trigger mix before insert on escrow.transfer for each row execute function public.mix();
"""


async def test_lines_that_lie_mixed_are_sealed_once_for_each_operation(
    pool: Pool[Record], owner_pool: Pool[Record]
) -> None:
    async with owner_pool.acquire() as owner:
        await owner.execute(MIXING)
    seals = BookSeals(pool, SIGNER, lambda: NOW)
    async with pool.acquire() as conn:
        operations = [await posted(conn, f"mixed:{number}", *LINES) for number in range(3)]
        rows = await conn.fetch("select op from escrow.transfer order by seq")
        order = [row["op"] for row in rows]
        assert order != sorted(order, key=order.index), "the lines lie mixed"
        assert await seals.seal(conn) == 3
        for operation in operations:
            receipt = await seals.receipt(conn, 81, operation.id)
            assert receipt is not None and [line["n"] for line in receipt["lines"]] == [1, 2, 3]
            assert checked(receipt)["lines"].count("→") == 3


async def test_a_book_under_concurrent_postings_is_sealed_whole(pool: Pool[Record]) -> None:
    seals = BookSeals(pool, SIGNER, lambda: NOW)

    async def trade(party: int) -> None:
        for number in range(12):
            async with pool.acquire() as conn:
                await posted(
                    conn, f"race:{party}:{number}", ("bank", f"wallet:{party}", 5), ("bank", f"payable:{party}", 7)
                )

    await asyncio.gather(*(trade(party) for party in range(91, 97)))
    async with pool.acquire() as conn:
        assert await seals.seal(conn) == 72
        assert await conn.fetchval("select count(*) from escrow.book_waiting") == 0
