-- Cases, their events, timers and deposits.

-- name: new_case_ids
-- The ids of a case and its first timer, before either row stands.
select nextval('escrow.escrow_case_id_seq')::bigint as case_id, nextval('escrow.timer_id_seq')::bigint as timer_id;

-- name: insert_case
-- Opens a case; its timer and first event follow in the same transaction.
insert into escrow.escrow_case (id, subject, buyer_id, seller_id, currency, price_minor, deposit_minor, deposit_id,
  commission_bp, commission_minor, contract_sha256, timers, reference, state, version, opened_at, state_since, timer_id,
  account, transaction_bp, service_minor, fees_minor, reserve_bp, lines, reinstates_id, parent_id, ship_by_at,
  funded_version)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1, $15, $15, $16, $17, $18, $19, $20, $21, $22, $23,
  $24, $25, $26);

-- name: case_by_id
-- One case with its running clock; of a part also what the bank has taken back of the payment, which was its parent's.
select c.*, t.action as clock_action, t.due_at as clock_due_at, escrow.claim_of(c.id) as claim,
       p.charged_back_minor as parent_charged_back_minor, p.withheld_minor as parent_withheld_minor
from escrow.escrow_case c left join escrow.timer t on t.id = c.timer_id
left join escrow.escrow_case p on p.id = c.parent_id where c.id = $1;

-- name: lock_case
-- Locks one case until the transaction ends, and then the parent of a part, which has what was taken back of the payment;
-- they are read by another statement, whose snapshot is younger than the lock.
select from escrow.escrow_case
where id = any (array[$1::bigint, (select c.parent_id from escrow.escrow_case c where c.id = $1::bigint)])
order by id desc for no key update;

-- name: case_id_by_reference
-- The case that a bank reference names.
select id from escrow.escrow_case where reference = $1;

-- name: case_of_subject
-- The latest case of a subject.
select c.*, t.action as clock_action, t.due_at as clock_due_at, escrow.claim_of(c.id) as claim
from escrow.escrow_case c left join escrow.timer t on t.id = c.timer_id
where c.subject = $1 and c.parent_id is null order by c.id desc limit 1;

-- name: cases_of_party
-- A party's cases on either side, latest first.
select c.*, t.action as clock_action, t.due_at as clock_due_at, escrow.claim_of(c.id) as claim
from escrow.escrow_case c left join escrow.timer t on t.id = c.timer_id
where c.buyer_id = $1 or c.seller_id = $1 order by c.id desc limit $2;

-- name: cases_in_state
-- The cases in one state, oldest first.
select c.*, t.action as clock_action, t.due_at as clock_due_at, escrow.claim_of(c.id) as claim
from escrow.escrow_case c left join escrow.timer t on t.id = c.timer_id
where c.state = $1 order by c.state_since limit $2;

-- name: cases_by_deadline
-- The cases in some states, whose clock runs out first.
select c.*, t.action as clock_action, t.due_at as clock_due_at, escrow.claim_of(c.id) as claim
from escrow.escrow_case c left join escrow.timer t on t.id = c.timer_id
where c.state = any ($1) order by t.due_at, c.id limit $2;

-- name: parts_of
-- What was split off a case, in order.
select c.*, t.action as clock_action, t.due_at as clock_due_at, escrow.claim_of(c.id) as claim
from escrow.escrow_case c left join escrow.timer t on t.id = c.timer_id
where c.parent_id = $1 order by c.id;

-- name: is_sold_again
-- Whether another case of the same subject runs or was carried out, or this one was reinstated before.
select exists (select from escrow.escrow_case c where c.id <> $1 and c.parent_id is null
  and (c.reinstates_id = $1 or (c.subject = $2 and c.state not in ('defaulted', 'cancelled', 'refunded'))));

-- name: count_charged_back
-- How much of a case's payment the bank has taken back, and how much of a refund repaid that.
update escrow.escrow_case set charged_back_minor = $2, withheld_minor = $3 where id = $1;

-- name: save_case
-- A case after a step; the row was locked before, and the version must be the one it was judged at.
update escrow.escrow_case set state = $3, version = $4, state_since = $5, timer_id = $6, ship_by_at = $7, carrier = $8,
  tracking_number = $9, inspection_extended = $10, funded_version = coalesce($11, funded_version),
  sealed_version = coalesce($12, sealed_version), lines = $13, split_minor = $14, split_commission_minor = $15,
  split_fees_minor = $16, undisputed_minor = $17, undisputed_commission_minor = $18, undisputed_fees_minor = $19,
  refunded_minor = $20, withheld_minor = $21, payment_id = $22, ruling_id = $23
where id = $1 and version = $2;

-- name: insert_event
-- One event of a case.
insert into escrow.case_event (case_id, n, at, actor, actor_id, action, from_state, to_state, reason, detail)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: case_events
-- What happened to a case, in order.
select case_id, n, at, actor, actor_id, action, from_state, to_state, reason, detail
from escrow.case_event where case_id = $1 order by n;

-- name: new_timer_id
-- The id of a timer before its row stands.
select nextval('escrow.timer_id_seq')::bigint;

-- name: insert_timer
-- A deadline of a case.
insert into escrow.timer (id, case_id, action, due_at, try_at) values ($1, $2, $3, $4, $4);

-- name: end_timer
-- Ends a case's running timer: it fired or was stopped.
update escrow.timer set ended_at = $2, outcome = $3 where case_id = $1 and ended_at is null;

-- name: claim_due_timer
-- One due timer; its case is locked, and a case that another clock holds is passed over.
select t.id, t.case_id, t.action
from escrow.timer t join escrow.escrow_case c on c.id = t.case_id and c.timer_id = t.id
where t.ended_at is null and t.try_at <= $1
order by t.try_at, t.case_id limit 1
for no key update of c skip locked;

-- name: postpone_timer
-- After a failed attempt the timer is tried again later; its due time stays.
update escrow.timer set attempts = attempts + 1, try_at = $2 where id = $1 and ended_at is null;

-- name: next_timer_at
-- When the next timer wants to be tried.
select min(try_at) from escrow.timer where ended_at is null;

-- name: oldest_overdue_at
-- Since when the most overdue timer has been due, for the health of the clock; not those that were put off on purpose.
select min(due_at) from escrow.timer where ended_at is null and due_at < $1 and (try_at <= $1 or attempts > 0);

-- name: put_off_defaults
-- After a start nobody is in default before the bank has told of what it could not tell while the house was down.
update escrow.timer set try_at = $1 where ended_at is null and action = 'default' and try_at < $1;

-- name: new_deposit_id
-- The id of a deposit before its row stands.
select nextval('escrow.deposit_id_seq')::bigint;

-- name: insert_deposit
-- A deposit that is asked for; nothing when the party has one running on this subject.
insert into escrow.deposit (id, subject, party_id, currency, amount_minor, reference, account, requested_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (subject, party_id) where state in ('requested', 'held') do nothing;

-- name: deposit_by_id
-- One deposit.
select * from escrow.deposit where id = $1;

-- name: lock_deposit
-- One deposit, locked.
select * from escrow.deposit where id = $1 for no key update;

-- name: deposit_by_reference
-- The deposit that a bank reference names.
select * from escrow.deposit where reference = $1;

-- name: deposit_of
-- A party's latest deposit on a subject.
select * from escrow.deposit where subject = $1 and party_id = $2 order by id desc limit 1;

-- name: lock_held_deposit
-- A party's held deposit on a subject, locked.
select * from escrow.deposit where subject = $1 and party_id = $2 and state = 'held' for no key update;

-- name: lock_running_deposits
-- The deposits of a subject that wait or are held, locked in key order; of the named parties, or of all
-- but for some.
select * from escrow.deposit
where subject = $1 and state in ('requested', 'held') and ($2::bigint[] is null or party_id = any ($2))
  and party_id <> all ($3::bigint[])
order by id for no key update;

-- name: deposits_of_party
-- A party's deposits, latest first.
select * from escrow.deposit where party_id = $1 order by id desc limit $2;

-- name: hold_deposit
-- A deposit whose money lies in its account now.
update escrow.deposit set state = 'held', held_version = $2, held_at = $3 where id = $1 and state = 'requested';

-- name: end_deposits
-- Many deposits end at once: their accounts are sealed, and each row keeps the version of its seal.
with sealed as (
  select s.account, s.version
  from escrow.seal(array(select d.account from escrow.deposit d where d.id = any ($1::bigint[]))) s
)
update escrow.deposit d set state = e.state, ended_at = $3, sealed_version = sealed.version
from unnest($1::bigint[], $2::text[]) as e (id, state), sealed
where d.id = e.id and d.account = sealed.account and d.state in ('requested', 'held');
