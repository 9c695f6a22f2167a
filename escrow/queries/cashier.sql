-- E-cheques, small change, and the records of a party's transactions.

-- name: new_cheque_id
-- The id that the next cheque will have.
select nextval('escrow.cheque_id_seq');

-- name: insert_cheque
-- A cheque whose money has just been set aside.
insert into escrow.cheque (id, number, writer_id, payee_id, case_id, currency, amount_minor, memo, record, signature,
  public_key, written_at, expires_at, account, held_version)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

-- name: cheque_by_id
-- One cheque.
select * from escrow.cheque where id = $1;

-- name: lock_cheque
-- One cheque, and nobody else ends it until this transaction ends.
select * from escrow.cheque where id = $1 for no key update;

-- name: claim_expired_cheque
-- A cheque whose time has run out, that nobody else is ending.
select * from escrow.cheque where state = 'written' and expires_at <= $1
order by expires_at limit 1 for no key update skip locked;

-- name: next_cheque_expiry
-- When the next cheque runs out.
select min(expires_at) from escrow.cheque where state = 'written';

-- name: end_cheque
-- A cheque has ended, with its account sealed.
update escrow.cheque set state = $2, paid_case_id = $3, ended_at = $4, sealed_version = $5 where id = $1;

-- name: account_of_cheque
-- Where a cheque's money lies.
select account from escrow.cheque where id = $1;

-- name: cheques_of
-- The cheques that a party wrote or may present, latest first.
select * from escrow.cheque where writer_id = $1 or payee_id = $1 order by id desc limit $2;

-- name: cheques_for_case
-- The running cheques of one currency with which a party can pay a deal: payable to him, or written for this deal.
select * from escrow.cheque
where state = 'written' and currency = $3 and (payee_id = $1 or (writer_id = $1 and case_id = $2))
order by id;

-- name: insert_change_move
-- A move between wallet and small change; its id names the ledger's operation.
insert into escrow.change_move (party_id, kind, currency, amount_minor, at) values ($1, $2, $3, $4, $5) returning id;

-- name: records
-- Every transfer in which a party had a side (wallet, payable, small change, reserve, deposits, cheques it wrote, what it
-- owes the house), and those that paid for its purchases out of bank or card; latest first.
with mine as (
  select a.id from escrow.account a
  where a.path = any (array['wallet:' || $1::bigint, 'payable:' || $1::bigint, 'change:' || $1::bigint,
    'reserve:' || $1::bigint])
  union all
  select d.account from escrow.deposit d where d.party_id = $1::bigint
  union all
  select c.account from escrow.cheque c where c.writer_id = $1::bigint
), owed as (
  select a.id from escrow.account a where a.path = 'receivable:' || $1::bigint
), moved as (
  select b.op, b.n from mine join escrow.balance b on b.account = mine.id where b.op is not null
  union
  select t.op, t.n from owed join escrow.transfer t on t.debit = owed.id and t.debit_mode = 'H'
  union
  select t.op, t.n from owed join escrow.transfer t on t.credit = owed.id and t.credit_mode = 'H'
  union
  select t.op, t.n
  from escrow.escrow_case e
  join escrow.op o on o.subject = 'case:' || e.id and o.kind = 'case_pay'
  join escrow.transfer t on t.op = o.id
  where e.buyer_id = $1::bigint
)
select o.id as op, t.n, o.at, o.kind, o.subject, t.currency, t.amount as amount_minor,
       debit.path as from_path, credit.path as to_path,
       exists (select from mine where mine.id = t.debit) as is_from_me,
       exists (select from mine where mine.id = t.credit) as is_to_me
from moved
join escrow.op o on o.id = moved.op
join escrow.transfer t on t.op = moved.op and t.n = moved.n
join escrow.account debit on debit.id = t.debit
join escrow.account credit on credit.id = t.credit
where o.at >= $2 and o.at < $3 and ($4::text is null or t.currency = $4)
order by o.at desc, o.id, t.n desc
limit $5;

-- name: account_before
-- What a party's accounts of one currency held when a moment came, by kind.
select a.kind, coalesce(sum(b.delta), 0)::bigint as balance_minor
from escrow.account a
left join (escrow.balance b join escrow.op o on o.id = b.op and o.at < $3) on b.account = a.id
where a.path = any (array['wallet:' || $1::bigint, 'change:' || $1::bigint, 'payable:' || $1::bigint]) and a.currency = $2
group by a.kind;

-- name: movements_between
-- The movements of those accounts in a span of time, in order.
select o.at, o.kind, o.subject, b.delta as amount_minor, a.kind as account
from escrow.account a
join escrow.balance b on b.account = a.id
join escrow.op o on o.id = b.op
where a.path = any (array['wallet:' || $1::bigint, 'change:' || $1::bigint, 'payable:' || $1::bigint]) and a.currency = $2
  and o.at >= $3 and o.at < $4
order by o.at, a.kind, b.version;

-- name: months_of
-- The months in which anything moved in a party's accounts, with their currencies, latest first.
select distinct to_char(o.at at time zone 'UTC', 'YYYY-MM') as month, a.currency
from escrow.account a
join escrow.balance b on b.account = a.id
join escrow.op o on o.id = b.op
where a.path = any (array['wallet:' || $1::bigint, 'change:' || $1::bigint, 'payable:' || $1::bigint])
order by month desc, a.currency
limit 240;
