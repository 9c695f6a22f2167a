-- The close of a day.

-- name: lock_closing
-- One close at a time.
select pg_advisory_xact_lock(hashtextextended('day close', 0));

-- name: last_close
-- The latest close.
select * from escrow.day_close order by day desc limit 1;

-- name: close_of
-- The close of one day.
select * from escrow.day_close where day = $1;

-- name: closes
-- Closes, latest first.
select day, sha256, faults, reason, closed_by, closed_at, count(*) over ()::bigint as total
from escrow.day_close order by day desc limit $1 offset $2;

-- name: figures
-- All the figures of a close in one statement, which is one snapshot. Operations are counted as the balances are, by what
-- stands and was in no close before: one that commits late is in the next, whatever its time.
select
  (select coalesce(jsonb_agg(to_jsonb(x) order by x.currency, x.kind), '[]') from (
     select a.kind, a.currency, count(*) as accounts, sum(escrow.balance_of(a.id))::bigint as balance_minor
     from escrow.account a group by a.kind, a.currency) x) as accounts,
  (select coalesce(jsonb_agg(to_jsonb(x) order by x.currency, x.state), '[]') from (
     select c.state, c.currency, count(*) as count, sum(c.held_minor)::bigint as amount_minor
     from escrow.escrow_case c group by c.state, c.currency) x) as cases,
  (select coalesce(jsonb_agg(to_jsonb(x) order by x.currency, x.state), '[]') from (
     select p.state, p.currency, count(*) as count, sum(p.amount_minor)::bigint as amount_minor
     from escrow.payout p group by p.state, p.currency) x) as payouts,
  (select coalesce(jsonb_agg(to_jsonb(x) order by x.currency, x.state), '[]') from (
     select q.state, q.currency, count(*) as count, sum(q.amount_minor)::bigint as amount_minor
     from escrow.quarantine q group by q.state, q.currency) x) as quarantine,
  (select coalesce(jsonb_agg(to_jsonb(x) order by x.currency, x.state), '[]') from (
     select e.state, e.currency, count(*) as count, sum(e.amount_minor)::bigint as amount_minor
     from escrow.statement_entry e group by e.state, e.currency) x) as entries,
  (select count(*) from escrow.op)
    - (select coalesce(sum((d.body::jsonb ->> 'operations')::bigint), 0)::bigint from escrow.day_close d) as operations;

-- name: insert_close
-- A day is closed.
insert into escrow.day_close (day, previous_day, previous_sha256, body, sha256, key, signature, faults, reason, closed_by,
  closed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);
