-- Batches of acts on money, and what a rehearsed act has posted.

-- name: operations_of_transaction
-- The operations that this transaction has written so far.
select t.op from escrow.op o join escrow.transfer t on t.op = o.id
where o.at = $1 and t.tx = pg_current_xact_id();

-- name: postings_of_transaction
-- The postings that this transaction has written so far, in order.
select t.op, d.path as debit, c.path as credit, t.currency, t.amount as amount_minor
from escrow.op o join escrow.transfer t on t.op = o.id
join escrow.account d on d.id = t.debit join escrow.account c on c.id = t.credit
where o.at = $1 and t.tx = pg_current_xact_id() order by t.seq;

-- name: balances_of
-- What these accounts hold.
select a.path, a.currency, escrow.balance_of(a.id)::bigint as balance_minor
from escrow.account a where a.path = any ($1::text[]) and a.currency = any ($2::text[]);

-- name: worth_of
-- The sum that an act is about.
select currency, amount_minor from (
  select 'payout' as kind, id, currency, amount_minor from escrow.payout
  union all
  select 'quarantine', id, currency, amount_minor from escrow.quarantine
  union all
  select 'case', id, currency, held_minor from escrow.escrow_case
) w where w.kind = $1 and w.id = $2;

-- name: done_alone
-- What an operator has decided alone since a time, each currency.
select i.currency, sum(i.amount_minor)::bigint as amount_minor
from market.money_batch b join market.money_batch_item i on i.batch_id = b.id
where b.asked_by = $1 and b.asked_at > $2 and b.state = 'done' and not b.needs_second
group by i.currency;

-- name: lock_operator
-- One batch of an operator at a time, so that what he decides alone adds up.
select id from market.party where id = $1 for no key update;

-- name: insert_batch
-- A batch: done at once, or waiting for a second operator.
insert into market.money_batch (asked_by, asked_at, reason, at_stake, needs_second, state, ended_by, ended_at)
values ($1, $2, $3, $4, $5, $6, $7, $8) returning id;

-- name: insert_items
-- What a batch does, in order.
insert into market.money_batch_item (batch_id, n, act, subject_id, into_kind, into_id, currency, amount_minor)
select $1, i.n, i.act, i.subject_id, i.into_kind, i.into_id, i.currency, i.amount_minor
from unnest($2::integer[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::bigint[])
  as i (n, act, subject_id, into_kind, into_id, currency, amount_minor);

-- name: lock_batch
-- One batch, locked.
select id, asked_by, state from market.money_batch where id = $1 for no key update;

-- name: end_batch
-- A batch was done, or withdrawn.
update market.money_batch set state = $2, confirmed_by = $3, ended_by = $4, ended_at = $5
where id = $1 and state = 'waiting';

-- name: batch_page
-- Batches in a state or all, newest first; those that wait for a second operator first.
select b.*, a.display_name as asked_by_name, c.display_name as confirmed_by_name,
       (select count(*) from market.money_batch_item i where i.batch_id = b.id)::bigint as items,
       count(*) over ()::bigint as total
from market.money_batch b join market.party a on a.id = b.asked_by left join market.party c on c.id = b.confirmed_by
where ($1::text is null or b.state = $1)
order by (b.state = 'waiting') desc, b.id desc limit $2 offset $3;

-- name: batch_by_id
-- One batch.
select b.*, a.display_name as asked_by_name, c.display_name as confirmed_by_name, 0::bigint as items, 1::bigint as total
from market.money_batch b join market.party a on a.id = b.asked_by left join market.party c on c.id = b.confirmed_by
where b.id = $1;

-- name: items_of
-- What a batch does.
select act, subject_id, into_kind, into_id, currency, amount_minor
from market.money_batch_item where batch_id = $1 order by n;
