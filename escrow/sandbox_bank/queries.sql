-- The sandbox bank's questions.

-- name: open_account
-- A new account; nothing when the number exists.
insert into bank.account (number, serial, holder, currency, balance_minor, is_centre, opened_at)
values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing;

-- name: lock_serials
-- One opens an account at a time, so that serials have no gap.
select pg_advisory_xact_lock(hashtext('bank.account.serial'));

-- name: next_serial
-- The next customer's serial.
select greatest(coalesce(max(serial), 0) + 1, $1) from bank.account;

-- name: accounts
-- Every account, the centre's first.
select number, holder, currency, balance_minor, is_centre, closed_at is not null as is_closed
from bank.account order by is_centre desc, serial;

-- name: account
-- One account.
select number, holder, currency, balance_minor, is_centre, closed_at is not null as is_closed
from bank.account where number = $1;

-- name: lock_accounts
-- Accounts by number, locked in key order.
select number, holder, currency, balance_minor, is_centre, closed_at is not null as is_closed
from bank.account where number = any ($1::text[]) order by number for update;

-- name: centre_account
-- The centre's account in a currency.
select number, holder, currency, balance_minor, is_centre, closed_at is not null as is_closed
from bank.account where is_centre and currency = $1;

-- name: close_account
-- A closed account takes no money.
update bank.account set closed_at = $2 where number = $1 and not is_centre;

-- name: insert_transfer
-- A transfer; nothing when the request was made before.
insert into bank.transfer (id, from_number, from_holder, to_number, to_holder, currency, amount_minor, reference,
  request_key, booked_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict on constraint transfer_request_once do nothing;

-- name: transfer_of_request
-- What a request made before has become.
select id, from_number, from_holder, to_number, currency, amount_minor, reference
from bank.transfer where request_key = $1;

-- name: move
-- Changes a balance and writes the movement.
with moved as (
  update bank.account set balance_minor = balance_minor + $3 where number = $1 returning balance_minor
)
insert into bank.movement (number, transfer_id, amount_minor, balance_minor)
select $1, $2, $3, balance_minor from moved;

-- name: movements
-- The movements of one account, latest first.
select m.amount_minor, m.balance_minor, t.id, t.booked_at, t.currency, t.reference,
       case when m.amount_minor < 0 then t.to_holder else t.from_holder end as other_holder,
       case when m.amount_minor < 0 then t.to_number else t.from_number end as other_number
from bank.movement m join bank.transfer t on t.id = m.transfer_id
where m.number = $1 order by m.id desc limit $2;

-- name: insert_payout_file
-- A payout file, once by its message id.
insert into bank.payout_file (message_id, sha256, payments, received_at) values ($1, $2, $3, $4)
on conflict on constraint payout_file_pk do nothing;

-- name: payout_file
-- The hash of a file that was handed in before.
select sha256 from bank.payout_file where message_id = $1;

-- name: insert_notice
-- A notice for the house, in as many copies as the setting says.
insert into bank.outbox (message_id, body, copies, created_at, try_at)
select $1, $2, case when s.deliver_twice then 2 else 1 end, $3, $3 from bank.setting s;

-- name: claim_notice
-- A notice to be delivered now; its next try is set first, so that a killed sender only delays it.
update bank.outbox o set attempts = attempts + 1, try_at = $2
where o.id = (select u.id from bank.outbox u where u.delivered_at is null and u.try_at <= $1
              order by u.try_at, u.id limit 1 for update skip locked)
returning o.id, o.message_id, o.body, o.attempts;

-- name: notice_delivered
-- The house has it; one copy fewer is owed.
update bank.outbox set copies = copies - 1, last_answer = $3, try_at = $2::timestamptz,
  delivered_at = case when copies <= 1 then $2::timestamptz end
where id = $1 and delivered_at is null;

-- name: notice_failed
-- The house did not take it: when to try again.
update bank.outbox set try_at = $2, last_answer = $3 where id = $1 and delivered_at is null;

-- name: next_notice_at
-- When the next notice wants to be delivered.
select min(try_at) from bank.outbox where delivered_at is null;

-- name: undelivered
-- How many notices the house has not taken yet.
select count(*) from bank.outbox where delivered_at is null;

-- name: setting
-- Whether everything is told twice.
select deliver_twice from bank.setting;

-- name: set_deliver_twice
-- Tell everything twice, or not.
update bank.setting set deliver_twice = $1;
