-- The sealed book's questions: what awaits its entry, the tree, and what a party may take a receipt for.

-- name: take_turn
-- One node seals at a time; another that would comes away with false.
select pg_try_advisory_xact_lock(7311048211);

-- name: waiting
-- Operations that are committed and not yet in the log, in the order of their postings.
select w.op from escrow.book_waiting w join escrow.transfer t on t.op = w.op and t.n = 1 order by t.seq limit $1;

-- name: waiting_count
-- How many operations await their entry.
select count(*) from escrow.book_waiting;

-- name: recorded
-- Operations with all their lines together; beside each line whose accounts it moves, and whose case. The lines of two that were
-- posted in the same moment lie mixed in the order of postings, so the order is that of each one's first line.
select o.id as op, o.kind, o.subject, o.at, t.n, d.path as debit, c.path as credit, t.currency, t.amount as amount_minor,
       array_remove(array[d.owner_id, c.owner_id], null) as owners, e.buyer_id, e.seller_id
from escrow.op o
join escrow.transfer t on t.op = o.id
join escrow.transfer first on first.op = o.id and first.n = 1
join escrow.account d on d.id = t.debit
join escrow.account c on c.id = t.credit
left join escrow.escrow_case e on e.account in (t.debit, t.credit)
  and not exists (select from escrow.escrow_case other
    where other.account in (t.debit, t.credit) and other.id > e.id)
where o.id = any ($1)
order by first.seq, t.n;

-- name: last_entry
-- Where the log ends.
select n, hash from escrow.book_entry order by n desc limit 1;

-- name: insert_entries
-- Appends entries; the chain and the numbers are checked by constraints.
insert into escrow.book_entry (n, op, salt, leaf, previous_hash, hash)
select * from unnest($1::bigint[], $2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[]);

-- name: insert_nodes
-- Keeps the inner nodes that new entries have completed.
insert into escrow.book_node (level, place, hash) select * from unnest($1::smallint[], $2::bigint[], $3::bytea[]);

-- name: nodes
-- The asked nodes of the tree, leaves among them.
select asked.level, asked.place, coalesce(b.hash, e.leaf) as hash
from unnest($1::smallint[], $2::bigint[]) as asked (level, place)
left join escrow.book_node b on b.level = asked.level and b.place = asked.place
left join escrow.book_entry e on asked.level = 0 and e.n = asked.place;

-- name: insert_head
-- Keeps a signed head.
insert into escrow.book_head (size, at, root, head, statement) values ($1, $2, $3, $4, $5);

-- name: newest_head
-- The last signed head.
select size, at, root, head, statement from escrow.book_head order by size desc limit 1;

-- name: heads
-- Signed heads before a size, the newest first.
select size, at, root, head, statement from escrow.book_head where size < $1 order by size desc limit $2;

-- name: entry_of
-- The entry of an operation.
select n, salt from escrow.book_entry where op = $1;

-- name: operations_of
-- A party's operations before a point in the order of postings, the newest first: those that move its accounts (what it owes,
-- which may be below zero, has no running balance), and those of its cases.
with own as (
  select a.id from escrow.account a where a.owner_id = $1 and a.mode = 'C'
  union
  select e.account from escrow.escrow_case e where e.buyer_id = $1 or e.seller_id = $1
), owed as (
  select a.id from escrow.account a where a.owner_id = $1 and a.mode = 'H'
), op as (
  select b.op from own join escrow.balance b on b.account = own.id where b.op is not null
  union
  select t.op from owed join escrow.transfer t on t.debit = owed.id and t.debit_mode = 'H'
  union
  select t.op from owed join escrow.transfer t on t.credit = owed.id and t.credit_mode = 'H'
)
select o.id as op, o.kind, o.subject, o.at, t.seq
from op join escrow.op o on o.id = op.op join escrow.transfer t on t.op = o.id and t.n = 1
where t.seq < $2 and ($3::text is null or o.subject = $3)
order by t.seq desc
limit $4;
