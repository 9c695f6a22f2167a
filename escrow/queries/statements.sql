-- Bank statements, their entries, and what stands in the book about the same movements.

-- name: lock_account
-- One statement of an account is taken at a time.
select pg_advisory_xact_lock(hashtextextended('statement:' || $1::text, 0));

-- name: same_file
-- The statement of this name that was taken from this very file; a file may hold several days of an account.
select id from escrow.bank_statement where account = $1 and statement_id = $2 and sha256 = $3;

-- name: last_part
-- What the bank gave under this id before, latest part.
select id, part, opening_minor, closing_minor, entries, from_at
from escrow.bank_statement where account = $1 and statement_id = $2 order by part desc limit 1;

-- name: known_entries
-- Entries of these ids that stand already.
select bank_id, direction, amount_minor, booked_at, end_to_end_id, statement
from escrow.statement_entry where account = $1 and bank_id = any ($2::text[]);

-- name: entries_under
-- The bank's ids of all that stood under this statement so far.
select e.bank_id from escrow.statement_entry e join escrow.bank_statement s on s.id = e.statement
where s.account = $1 and s.statement_id = $2;

-- name: stands_since
-- From when on there are statements of an account.
select min(from_at) from escrow.bank_statement where account = $1;

-- name: neighbour_before
-- The statement right before a period, of another id.
select statement_id, closing_minor, to_at from escrow.bank_statement
where account = $1 and statement_id <> $2 and from_at < $3 order by from_at desc, part desc limit 1;

-- name: neighbour_after
-- The statement right after a period, of another id.
select statement_id, opening_minor, from_at from escrow.bank_statement
where account = $1 and statement_id <> $2 and from_at > $3 order by from_at, part limit 1;

-- name: insert_statement
-- A statement, or the next part of one.
insert into escrow.bank_statement (account, statement_id, part, currency, from_at, to_at, opening_minor, closing_minor,
  credits_minor, debits_minor, entries, sha256, body, source, taken_by, taken_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) returning id;

-- name: insert_entries
-- The entries of a statement, in one statement.
insert into escrow.statement_entry (statement, account, currency, bank_id, direction, amount_minor, booked_at,
  end_to_end_id, reference, other_holder, other_number, code, return_reason, is_reversal, original_id)
select $1, $2, $3, e.* from unnest($4::text[], $5::text[], $6::bigint[], $7::timestamptz[], $8::text[], $9::text[],
  $10::text[], $11::text[], $12::text[], $13::text[], $14::boolean[], $15::text[]) as e
returning id;

-- name: statements
-- Statements taken, latest period first, with how many of their entries are open.
select s.id, s.account, s.statement_id, s.part, s.currency, s.from_at, s.to_at, s.opening_minor, s.closing_minor,
       s.credits_minor, s.debits_minor, s.entries, s.source, s.taken_by, s.taken_at,
       (select count(*) from escrow.statement_entry e where e.statement = s.id and e.state = 'open')::bigint as open_entries,
       count(*) over ()::bigint as total
from escrow.bank_statement s
where ($1::text is null or s.currency = $1)
order by s.to_at desc, s.id desc limit $2 offset $3;

-- name: statement_file
-- The file itself.
select statement_id, part, body from escrow.bank_statement where id = $1;

-- name: entries
-- Entries in a state, of a currency, of a statement, or all; oldest first.
select e.*, s.statement_id, count(*) over ()::bigint as total
from escrow.statement_entry e join escrow.bank_statement s on s.id = e.statement
where ($1::text is null or e.state = $1) and ($2::text is null or e.currency = $2) and ($3::bigint is null or s.id = $3)
order by e.booked_at, e.id limit $4 offset $5;

-- name: entry_by_id
-- One entry.
select e.*, s.statement_id, 1::bigint as total
from escrow.statement_entry e join escrow.bank_statement s on s.id = e.statement where e.id = $1;

-- name: lock_entry
-- One entry, locked.
select e.*, ''::text as statement_id, 1::bigint as total from escrow.statement_entry e where e.id = $1 for no key update;

-- name: lock_open_entries
-- Open entries to be matched, in key order; those that another is matching are passed over.
select e.*, ''::text as statement_id, 1::bigint as total from escrow.statement_entry e
where e.state = 'open' order by e.id limit $1 for no key update skip locked;

-- name: candidates
-- Rows of ours that no entry is matched to, with one of these sums, or under one of these ids.
select c.* from (
  select 'notice' as kind, n.bank_id as id, n.bank_id,
         case n.kind when 'payout.returned' then n.body ->> 'reference' else '' end as end_to_end_id, true as is_credit,
         n.body ->> 'currency' as currency, (n.body ->> 'amount_minor')::bigint as amount_minor,
         (n.body ->> 'booked_at')::timestamptz as at, n.body ->> 'reference' as reference,
         coalesce(n.body ->> 'sender_holder', '') as holder, coalesce(n.body ->> 'sender_number', '') as number
  from escrow.bank_notice n
  where (n.kind = 'transfer.received' or (n.kind = 'payout.returned' and n.outcome = 'quarantined'))
    and ((n.body ->> 'amount_minor')::bigint = any ($1::bigint[]) or n.bank_id = any ($2::text[]))
  union all
  select 'reversal', r.bank_id, r.bank_id, '', false, r.body ->> 'currency', (r.body ->> 'amount_minor')::bigint,
         (r.body ->> 'booked_at')::timestamptz, r.body ->> 'reference', '', ''
  from escrow.bank_notice r
  where r.kind = 'transfer.reversed' and r.outcome = 'transfer_reversed'
    and ((r.body ->> 'amount_minor')::bigint = any ($1::bigint[]) or r.bank_id = any ($2::text[]))
  union all
  select 'payout', p.id::text, '', p.end_to_end_id, false, p.currency, p.amount_minor,
         coalesce(p.ended_at, p.sent_at, p.queued_at), p.end_to_end_id, coalesce(p.holder, ''), coalesce(p.number, '')
  from escrow.payout p
  where p.state in ('sent', 'settled', 'returned')
    and (p.amount_minor = any ($1::bigint[]) or p.end_to_end_id = any ($3::text[]))
  union all
  select 'payout_return', p.id::text, '', p.end_to_end_id, true, p.currency, p.amount_minor, p.ended_at,
         p.end_to_end_id, coalesce(p.holder, ''), coalesce(p.number, '')
  from escrow.payout p
  where p.state = 'returned' and (p.amount_minor = any ($1::bigint[]) or p.end_to_end_id = any ($3::text[]))
  union all
  select 'card_settlement', s.file_id || ':' || s.currency, '', s.file_id, s.net_minor > 0, s.currency, abs(s.net_minor),
         f.received_at, s.file_id, '', ''
  from escrow.card_settlement_sum s join escrow.card_settlement f on f.id = s.file_id
  where s.net_minor <> 0 and (abs(s.net_minor) = any ($1::bigint[]) or s.file_id = any ($3::text[]))
) c
where not exists (select from escrow.statement_entry e
                  where e.state = 'matched' and e.matched_kind = c.kind and e.matched_id = c.id);

-- name: transfers_to_reverse
-- Transfers of this sum that came into the book until then and were not reversed, with the end-to-end id that a statement
-- gives them; what the entry names by an id ($5), an end-to-end id ($6) or a reference ($7) before all, else latest first.
select 'notice' as kind, n.bank_id as id, n.bank_id, coalesce(told.end_to_end_id, '') as end_to_end_id,
       (n.body ->> 'booked_at')::timestamptz as at, n.body ->> 'reference' as reference,
       coalesce(n.body ->> 'sender_holder', '') as holder, coalesce(n.body ->> 'sender_number', '') as number,
       q.case_id
from escrow.bank_notice n
left join escrow.quarantine q on q.bank_id = n.bank_id
left join escrow.statement_entry told on told.matched_kind = 'notice' and told.matched_id = n.bank_id and told.state = 'matched'
where n.kind = 'transfer.received' and n.outcome in ('deposit_held', 'case_funded', 'quarantined')
  and n.body ->> 'currency' = $1 and (n.body ->> 'amount_minor')::bigint = $2
  and (n.body ->> 'booked_at')::timestamptz <= $3
  and not exists (select from escrow.bank_notice r where r.kind = 'transfer.reversed'
                    and r.outcome = 'transfer_reversed' and r.body ->> 'reference' = n.bank_id)
order by n.bank_id = $5 or ($6 <> '' and coalesce(told.end_to_end_id, '') = $6)
  or ($7 <> '' and strpos(regexp_replace(upper(n.body ->> 'reference'), '[^A-Z0-9]', '', 'g'), $7) > 0) desc,
  at desc, n.bank_id limit $4;

-- name: payouts_to_reverse
-- Payouts of this sum that left until then; that of an end-to-end id ($5) before all, else latest first.
select 'payout' as kind, p.id::text as id, '' as bank_id, p.end_to_end_id,
       coalesce(p.ended_at, p.sent_at, p.queued_at) as at, p.end_to_end_id as reference,
       coalesce(p.holder, '') as holder, coalesce(p.number, '') as number, p.case_id, p.party_id
from escrow.payout p
where p.state in ('sent', 'settled') and p.currency = $1 and p.amount_minor = $2
  and coalesce(p.ended_at, p.sent_at, p.queued_at) <= $3
order by p.end_to_end_id = $5 desc, at desc, p.id limit $4;

-- name: match_entries
-- These entries are those rows.
update escrow.statement_entry e
set state = 'matched', matched_kind = m.kind, matched_id = m.row_id, matched_by = $4, matched_at = $5, note = $6
from unnest($1::bigint[], $2::text[], $3::text[]) as m (id, kind, row_id)
where e.id = m.id and e.state = 'open';

-- name: explain_entry
-- A person says what an entry is that is none of ours.
update escrow.statement_entry set state = 'explained', matched_by = $2, matched_at = $3, note = $4
where id = $1 and state = 'open';

-- name: reconciliation
-- Book and bank side by side, each currency: what the book holds at the bank, the latest closing balance, and what stands
-- on one side only. What the book moved before the first statement lies in that statement's opening balance.
with book as (
  select a.currency, -escrow.balance_of(a.id)::bigint as book_minor from escrow.account a where a.path = 'bank'
), first_statement as (
  select distinct on (currency) currency, from_at from escrow.bank_statement order by currency, from_at, part
), latest as (
  select distinct on (currency) currency, id, statement_id, to_at, closing_minor
  from escrow.bank_statement order by currency, to_at desc, part desc
), ours as (
  select 'notice' as kind, n.bank_id as id, n.body ->> 'currency' as currency, (n.body ->> 'amount_minor')::bigint as minor,
         (n.body ->> 'booked_at')::timestamptz as at
  from escrow.bank_notice n left join escrow.quarantine q on q.bank_id = n.bank_id
  where ((n.kind = 'transfer.received' and n.outcome <> 'ignored')
         or (n.kind = 'payout.returned' and n.outcome = 'quarantined'))
    and (q.reason is null or q.reason <> 'unknown_currency')
  union all
  select 'reversal', r.bank_id, r.body ->> 'currency', -(r.body ->> 'amount_minor')::bigint,
         (r.body ->> 'booked_at')::timestamptz
  from escrow.bank_notice r left join escrow.quarantine q on q.bank_id = r.body ->> 'reference'
  where r.kind = 'transfer.reversed' and r.outcome = 'transfer_reversed'
    and (q.reason is null or q.reason <> 'unknown_currency')
  union all
  select 'payout', p.id::text, p.currency, -p.amount_minor, p.ended_at from escrow.payout p where p.state = 'settled'
  union all
  select 'card_settlement', s.file_id || ':' || s.currency, s.currency, s.net_minor, f.received_at
  from escrow.card_settlement_sum s join escrow.card_settlement f on f.id = s.file_id
  where f.op is not null and s.net_minor <> 0
), book_only as (
  select o.currency, sum(o.minor)::bigint as minor, count(*) as rows
  from ours o join first_statement f on f.currency = o.currency and o.at >= f.from_at
  where not exists (select from escrow.statement_entry e
                    where e.state = 'matched' and e.matched_kind = o.kind and e.matched_id = o.id)
  group by o.currency
), bank_only as (
  select e.currency, sum(case e.direction when 'credit' then e.amount_minor else -e.amount_minor end)::bigint as minor,
         count(*) as rows
  from escrow.statement_entry e
  where e.state <> 'matched'
     or not exists (select from ours o where o.kind = e.matched_kind and o.id = e.matched_id)
  group by e.currency
)
select b.currency, b.book_minor, l.id as statement, l.statement_id, l.to_at as statement_to, l.closing_minor,
       coalesce(x.minor, 0)::bigint as book_only_minor, coalesce(x.rows, 0)::bigint as book_only_rows,
       coalesce(y.minor, 0)::bigint as bank_only_minor, coalesce(y.rows, 0)::bigint as bank_only_rows
from book b
left join latest l on l.currency = b.currency
left join book_only x on x.currency = b.currency
left join bank_only y on y.currency = b.currency
order by b.currency;
