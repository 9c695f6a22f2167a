"""What must hold of money in every snapshot, as questions to the database that find whatever breaks it.

The numbers are those of the page on trust. Each question is written from the sentence it stands for and uses nothing of
the program: sums are taken from transfers, not from balances that the program reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrations.database import Connection

_MOVED = """
with moved as (
  select account, sum(amount)::bigint as balance from (
    select credit as account, amount from escrow.transfer
    union all select debit, -amount from escrow.transfer) t group by account
), held as (
  select a.id, a.path, a.kind, a.currency, coalesce(m.balance, 0) as balance
  from escrow.account a left join moved m on m.account = a.id
)
"""

INVARIANTS: dict[int, str] = {
    # Postings sum to zero in each currency; and what the book says of each account is what was posted to it.
    11: _MOVED
    + """
select 'the sum of ' || currency as what from held group by currency having sum(balance) <> 0
union all select path from held where balance <> escrow.balance_of(id)""",
    # No balance below its floor.
    12: _MOVED
    + """
select path as what from held
where balance < 0 and kind not in ('bank', 'gateway', 'receivable', 'forfeits', 'commission', 'fees')
union all select path from held where kind = 'receivable' and balance > 0""",
    # What left an escrow is never more than came in, has one last act, and the seller's share one payout.
    13: """
select 'two ends of case ' || e.case_id as what from escrow.case_event e
where e.action in ('release', 'cancel', 'accept_claim', 'accept_offer', 'withdraw_claim', 'default_judgement',
  'confirm_return', 'lapse_return', 'hard_stop', 'enforce') group by e.case_id having count(*) > 1
union all
select 'two payouts of case ' || case_id from escrow.payout
where state <> 'returned' and purpose in ('sale', 'forfeit', 'undisputed') group by case_id, purpose having count(*) > 1
union all
select 'released and refunded: case ' || c.id from escrow.escrow_case c
where c.state in ('cancelled', 'refunded') and exists (
  select from escrow.payout p where p.case_id = c.id and p.purpose = 'sale')""",
    # Escrow cash is what the open cases hold, one by one and together.
    14: _MOVED
    + """
select h.path as what from held h left join escrow.escrow_case c on c.account = h.id
where h.kind = 'escrow' and h.balance <> coalesce(
  case when c.state in ('funded', 'shipped', 'inspecting', 'claimed', 'returning', 'arbitration', 'ruled')
  then c.price_minor - c.split_minor - c.undisputed_minor else 0 end, 0)""",
    # Each event moves along a listed edge from where the last one led, and a case stands where its last event says.
    15: """
select 'case ' || e.case_id as what
from (select *, lag(to_state, 1, 'new') over (partition by case_id order by n) as before from escrow.case_event) e
where e.from_state <> e.before or not exists (select from escrow.edge g where
  (g.from_state, g.action, g.actor, g.to_state) = (e.from_state, e.action, e.actor, e.to_state))
union all
select 'case ' || c.id from escrow.escrow_case c
where c.state is distinct from (select e.to_state from escrow.case_event e where e.case_id = c.id order by e.n desc limit 1)""",
    # Whoever is told to ship, and whoever ships, has the whole price held before.
    16: """
select 'case ' || e.case_id as what
from escrow.case_event e join escrow.escrow_case c on c.id = e.case_id
where e.to_state in ('funded', 'shipped') and not exists (
  select from escrow.balance b where b.account = c.account and b.version = c.funded_version
    and b.balance = c.price_minor)""",
    # A case that is over has given away exactly its own price, and the house no more than its fees.
    17: """
with gone as (
  select c.id, sum(t.amount)::bigint as total,
         coalesce(sum(t.amount) filter (where a.kind in ('commission', 'fees')), 0)::bigint as house
  from escrow.escrow_case c join escrow.transfer t on t.debit = c.account join escrow.account a on a.id = t.credit
  where c.sealed_version is not null and c.funded_version is not null group by c.id
)
select 'case ' || c.id as what from gone g join escrow.escrow_case c using (id)
where g.total <> c.price_minor
   or g.house > c.commission_minor - c.split_commission_minor + c.fees_minor - c.split_fees_minor
   or c.state in ('released', 'settled') and not exists (select from escrow.claim k where k.case_id = c.id)
      and g.house <> c.commission_minor - c.split_commission_minor + c.fees_minor - c.split_fees_minor""",
}


async def broken(conn: Connection) -> list[str]:
    """What is broken in one snapshot: all questions are asked of the same moment."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        return [
            f"{number}: {row['what']}" for number, question in INVARIANTS.items() for row in await conn.fetch(question)
        ]
