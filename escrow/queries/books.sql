-- The operator's view of the book, and the questions by which it is checked.

-- name: cases_by_state
-- How many cases stand in each state, and what their escrow accounts hold.
select c.state, c.currency, count(*) as count, sum(escrow.balance_of(c.account))::bigint as held_minor
from escrow.escrow_case c group by c.state, c.currency order by c.state, c.currency;

-- name: stuck_money
-- Money that waits for a person, oldest first: quarantine, payouts without an account, held back, come back or unanswered by
-- the bank for a day, files that the bank does not take, what sellers owe, and open entries of bank statements.
select w.*, count(*) over ()::bigint as total from (
  select 'quarantine' as what, id, currency, amount_minor, received_at as since, reason as why, null::bigint as case_id
  from escrow.quarantine where state = 'open'
  union all
  select 'payout_waiting', id, currency, amount_minor, queued_at, 'waiting_account', case_id
  from escrow.payout where state = 'waiting_account' and held_at is null
  union all
  select 'payout_held', id, currency, amount_minor, held_at, held_reason, case_id
  from escrow.payout where held_at is not null
  union all
  select 'payout_returned', id, currency, amount_minor, ended_at, coalesce(return_reason, state), case_id
  from escrow.payout where state = 'returned' and replaced_by is null and purpose not in ('withdrawal', 'return')
  union all
  select 'payout_unanswered', id, currency, amount_minor, sent_at, 'sent', case_id
  from escrow.payout where state = 'sent' and sent_at < $1::timestamptz - interval '1 day'
  union all
  select 'payout_file', b.id, b.currency, sum(p.amount_minor)::bigint, b.built_at, coalesce(b.last_error, ''), null
  from escrow.payout_batch b join escrow.payout p on p.batch_id = b.id
  where b.sent_at is null and b.built_at < $1::timestamptz - interval '10 minutes' group by b.id
  union all
  select 'receivable', a.owner_id, a.currency, -escrow.balance_of(a.id)::bigint, a.opened_at, '', null
  from escrow.account a where a.kind = 'receivable' and escrow.balance_of(a.id) < 0
  union all
  select 'chargeback', k.id, k.currency, k.amount_minor, k.opened_at, k.reason, k.case_id
  from escrow.chargeback k
  where k.state = 'open' and not exists (select from escrow.chargeback_answer a where a.chargeback_id = k.id)
  union all
  select 'statement_entry', id, currency, amount_minor, booked_at, direction, null
  from escrow.statement_entry where state = 'open'
  union all
  select 'card_difference', id, currency, abs(coalesce(bank_minor, 0) - coalesce(ours_minor, 0)), found_at, kind, null
  from escrow.card_difference where explained_at is null
) w
where ($2::text is null or w.what = $2) and ($3::text is null or w.currency = $3)
  and ($4::integer = 0 or w.since <= $1::timestamptz - make_interval(days => $4))
order by case when $5::text = 'sum' then w.amount_minor end desc, w.since, w.what, w.id
limit $6 offset $7;

-- name: to_release
-- Cases in inspection, the next release first; each is the buyer's or the clock's to release.
select c.id, c.currency, c.held_minor, c.price_minor, c.state_since, t.due_at, count(*) over ()::bigint as total
from escrow.escrow_case c join escrow.timer t on t.id = c.timer_id
where c.state = 'inspecting' and ($1::text is null or c.currency = $1)
order by t.due_at, c.id limit $2 offset $3;

-- name: claims_by_deadline
-- Disputed cases, the next deadline first.
select c.id, c.currency, c.held_minor, k.amount_minor, c.state, k.reason, k.opened_at, k.handler_id, k.arbiter_id, t.due_at,
       k.hard_stop_at, count(*) over ()::bigint as total
from escrow.escrow_case c join escrow.timer t on t.id = c.timer_id join escrow.claim k on k.case_id = c.id
where c.state in ('claimed', 'returning', 'arbitration', 'ruled') and ($1::text is null or c.currency = $1)
order by t.due_at, c.id limit $2 offset $3;

-- name: ageing
-- Quarantined money, payouts that came back, and open entries of bank statements, by how many days they have waited.
select w.what, w.currency, least(3, (case when w.days < 2 then 0 when w.days < 8 then 1 when w.days < 31 then 2 else 3 end)) as bucket,
       count(*) as count, sum(w.amount_minor)::bigint as amount_minor
from (
  select 'quarantine' as what, currency, amount_minor, extract(epoch from $1::timestamptz - received_at) / 86400 as days
  from escrow.quarantine where state = 'open'
  union all
  select 'payout_returned', currency, amount_minor, extract(epoch from $1::timestamptz - ended_at) / 86400
  from escrow.payout where state = 'returned' and replaced_by is null and purpose not in ('withdrawal', 'return')
  union all
  select 'statement_entry', currency, amount_minor, extract(epoch from $1::timestamptz - booked_at) / 86400
  from escrow.statement_entry where state = 'open'
) w
group by w.what, w.currency, bucket order by w.what, w.currency, bucket;

-- name: escrow_by_day
-- How much moved into and out of escrow accounts on each day (UTC) since a time, and what they hold now.
select a.currency, (o.at at time zone 'UTC')::date as day, sum(b.delta)::bigint as moved_minor
from escrow.op o join escrow.balance b on b.op = o.id join escrow.account a on a.id = b.account
where o.at >= $1 and a.kind = 'escrow'
group by a.currency, day order by a.currency, day;

-- name: escrow_held
-- What the escrow accounts hold, each currency.
select a.currency, sum(b.balance)::bigint as held_minor
from escrow.account a
cross join lateral (select x.balance from escrow.balance x where x.account = a.id order by x.version desc limit 1) b
where a.kind = 'escrow' group by a.currency order by a.currency;

-- name: faults
-- Every way in which the book could differ from what it stands for; no row when all agrees.
with balances as (
  select a.id, a.path, a.kind, a.currency, escrow.balance_of(a.id) as balance from escrow.account a
)
select 'does not sum to zero: ' || currency as fault from balances group by currency having sum(balance) <> 0
union all
select 'escrow differs from its case: ' || b.path
from balances b join escrow.escrow_case c on c.account = b.id
where b.balance <> c.held_minor
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
select 'chargeback differs from its account: ' || b.path
from balances b join escrow.chargeback k on k.account = b.id
where b.balance <> case when k.state = 'open' then k.amount_minor else 0 end
union all
select 'balance rows do not add up: ' || a.path
from escrow.account a
join lateral (select sum(b.delta) as moved, (array_agg(b.balance order by b.version desc))[1] as last
              from escrow.balance b where b.account = a.id) s on true
where a.mode = 'C' and s.moved <> s.last
order by 1;
