-- The operator's view of the book, and the questions by which it is checked.

-- name: cases_by_state
-- How many cases stand in each state, and what their escrow accounts hold.
select c.state, c.currency, count(*) as count, sum(escrow.balance_of(c.account))::bigint as held_minor
from escrow.escrow_case c group by c.state, c.currency order by c.state, c.currency;

-- name: stuck_money
-- Money that waits for a person: quarantine, payouts without an account, payouts that came back.
select 'quarantine' as what, id, currency, amount_minor, received_at as since, reason as why
from escrow.quarantine where state = 'open'
union all
select 'payout', id, currency, amount_minor, queued_at, state
from escrow.payout where state = 'waiting_account'
union all
select 'payout', id, currency, amount_minor, ended_at, coalesce(return_reason, state)
from escrow.payout where state = 'returned' and replaced_by is null and purpose in ('sale', 'forfeit')
order by since;

-- name: faults
-- Every way in which the book could differ from what it stands for; no row when all agrees.
with balances as (
  select a.id, a.path, a.kind, a.currency, escrow.balance_of(a.id) as balance from escrow.account a
)
select 'does not sum to zero: ' || currency as fault from balances group by currency having sum(balance) <> 0
union all
select 'escrow differs from its case: ' || b.path
from balances b join escrow.escrow_case c on c.account = b.id
where b.balance <> case when c.state in ('funded', 'shipped', 'inspecting') then c.price_minor else 0 end
union all
select 'escrow without a case: ' || b.path
from balances b left join escrow.escrow_case c on c.account = b.id where b.kind = 'escrow' and c.id is null
  and b.balance <> 0
union all
select 'deposit differs from its account: ' || b.path
from balances b join escrow.deposit d on d.account = b.id
left join escrow.escrow_case c on c.deposit_id = d.id and c.state = 'awaiting_payment'
where b.balance <> case when d.state = 'held' then coalesce(c.deposit_minor, d.amount_minor) else 0 end
union all
select 'transit differs from its payout: ' || b.path
from balances b join escrow.payout p on p.account = b.id
where b.balance <> case when p.state in ('waiting_account', 'queued', 'sent') then p.amount_minor else 0 end
union all
select 'suspense differs from its item: ' || b.path
from balances b join escrow.quarantine q on q.account = b.id
where b.balance <> case when q.state = 'open' then q.amount_minor else 0 end
union all
select 'balance rows do not add up: ' || a.path
from escrow.account a
join lateral (select sum(b.delta) as moved, (array_agg(b.balance order by b.version desc))[1] as last
              from escrow.balance b where b.account = a.id) s on true
where a.mode = 'C' and s.moved <> s.last
order by 1;
