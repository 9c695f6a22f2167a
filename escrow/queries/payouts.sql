-- Bank accounts of parties, payouts, and the batches that carry them to the bank.

-- name: new_payout_id
-- The id of a payout before its row stands.
select nextval('escrow.payout_id_seq')::bigint;

-- name: insert_payout
-- Money on its way out, already in its transit account.
insert into escrow.payout (id, party_id, purpose, source, currency, amount_minor, case_id, quarantine_id, state,
  end_to_end_id, holder, number, account, queued_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- name: lock_payout_by_end_to_end_id
-- The payout that the bank speaks of, locked.
select * from escrow.payout where end_to_end_id = $1 for no key update;

-- name: payout_by_id
-- One payout.
select * from escrow.payout where id = $1;

-- name: payouts
-- Payouts in one state, or all, latest first.
select * from escrow.payout where ($1::text is null or state = $1) order by id desc limit $2;

-- name: payouts_of_party
-- A party's payouts, latest first.
select * from escrow.payout where party_id = $1 order by id desc limit $2;

-- name: payout_of_case
-- The latest payout of a case.
select * from escrow.payout where case_id = $1 order by id desc limit 1;

-- name: payout_of_item
-- The latest payout that takes a quarantined sum back.
select * from escrow.payout where quarantine_id = $1 order by id desc limit 1;

-- name: lock_returned_payouts
-- What the bank gave back of a party's sales and was not sent again, locked.
select * from escrow.payout
where party_id = $1 and state = 'returned' and replaced_by is null and purpose not in ('withdrawal', 'return')
  and held_at is null
order by id for no key update;

-- name: give_payee
-- A waiting payout has a payee now.
update escrow.payout set state = 'queued', holder = $2, number = $3 where id = $1 and state = 'waiting_account';

-- name: replace_payout
-- A returned payout was sent again as another.
update escrow.payout set replaced_by = $2 where id = $1;

-- name: lock_queued_payouts
-- Queued payouts that are in no batch and not held back, of one currency; others that another clock holds are passed over.
select * from escrow.payout
where state = 'queued' and batch_id is null and held_at is null
  and currency = (select q.currency from escrow.payout q where q.state = 'queued' and q.batch_id is null
                  and q.held_at is null order by q.id limit 1)
order by id limit $1 for no key update skip locked;

-- name: insert_batch
-- A payout file, built and not yet sent.
insert into escrow.payout_batch (message_id, currency, body, built_at, try_at) values ($1, $2, $3, $4, $4) returning id;

-- name: put_into_batch
-- These payouts are in that batch.
update escrow.payout set batch_id = $2 where id = any ($1::bigint[]);

-- name: claim_unsent_batch
-- A batch to be sent now; its next try is set first, so that a killed sender only delays it.
update escrow.payout_batch b set attempts = attempts + 1, try_at = $2
where b.id = (select u.id from escrow.payout_batch u where u.sent_at is null and u.try_at <= $1
              order by u.try_at limit 1 for no key update skip locked)
returning b.id, b.message_id, b.body, b.attempts;

-- name: postpone_batch
-- The bank could not take it: when to try again, and why.
update escrow.payout_batch set try_at = $2, last_error = $3 where id = $1 and sent_at is null;

-- name: batch_sent
-- The bank has taken the file.
update escrow.payout_batch set sent_at = $2, last_error = null where id = $1 and sent_at is null;

-- name: payouts_sent
-- The payouts of a batch are with the bank, unless it has already said more.
update escrow.payout set state = 'sent', sent_at = $2 where batch_id = $1 and state = 'queued' returning *;

-- name: end_payout
-- The bank has said how it ended.
update escrow.payout set state = $2, ended_at = $3, return_reason = $4, sealed_version = $5 where id = $1;

-- name: lock_payout
-- One payout, locked.
select * from escrow.payout where id = $1 for no key update;

-- name: hold_payout
-- An operator holds a payout back; not when it is in a file already.
update escrow.payout set held_at = $2, held_by = $3, held_reason = $4
where id = $1 and held_at is null and batch_id is null and state in ('waiting_account', 'queued') returning *;

-- name: release_payout
-- The payout goes with the next file.
update escrow.payout set held_at = null, held_by = null, held_reason = null where id = $1 and held_at is not null
returning *;

-- name: payouts_page
-- Payouts by state, currency, or held back; sorted by age or sum, with how many there are.
select p.*, count(*) over ()::bigint as total from escrow.payout p
where ($1::text is null or p.state = $1) and ($2::text is null or p.currency = $2)
  and ($3::boolean is null or (p.held_at is not null) = $3)
order by case when $4::text = 'sum' then p.amount_minor end desc, p.id desc limit $5 offset $6;

-- name: next_payout_at
-- When there is something to send: now for a payout in no batch, or the next try of a batch.
select least(
  (select min(queued_at) from escrow.payout where state = 'queued' and batch_id is null and held_at is null),
  (select min(try_at) from escrow.payout_batch where sent_at is null));

-- name: bank_account
-- Where a party's payouts go.
select party_id, holder, number from escrow.bank_account where party_id = $1 and replaced_at is null;

-- name: replace_bank_account
-- The account that was registered before is no longer used.
update escrow.bank_account set replaced_at = $2 where party_id = $1 and replaced_at is null;

-- name: insert_bank_account
-- A party's bank account.
insert into escrow.bank_account (party_id, holder, number, registered_at) values ($1, $2, $3, $4);

-- name: currencies
-- Each currency and how many decimals it has.
select code, exponent from escrow.currency order by code;

-- name: lock_payouts_with_payee_now
-- Payouts that wait although their party has registered an account meanwhile, with that account, locked.
select p.*, b.holder as payee_holder, b.number as payee_number
from escrow.payout p join escrow.bank_account b on b.party_id = p.party_id and b.replaced_at is null
where p.state = 'waiting_account' order by p.id for no key update of p;
