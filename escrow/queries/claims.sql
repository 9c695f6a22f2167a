-- Claims, their arbiters and rulings; reserves; chargebacks.

-- name: insert_claim
-- A claim on a case, whose account it takes hold of.
insert into escrow.claim (case_id, account, buyer_id, seller_id, reason, statement, amount_minor, from_state, opened_at,
  hard_stop_at)
select c.id, c.account, c.buyer_id, c.seller_id, $2, $3, $4, $5, $6, $7 from escrow.escrow_case c where c.id = $1
returning id;

-- name: save_claim
-- A claim after an act; its case was locked before.
update escrow.claim set offer_minor = $2, answered_at = $3, handler_id = $4, arbiter_id = $5, return_carrier = $6,
  return_tracking_number = $7, returned_at = $8, appealed_by = $9, appealed_at = $10, ended_at = $11, outcome = $12,
  awarded_minor = $13, appealed_ruling_id = $14
where id = $1;

-- name: insert_arbiter
-- Who arbitrates a claim from now on.
insert into escrow.claim_arbiter (claim_id, arbiter_id, handler_id, taken_at) values ($1, $2, $3, $4)
on conflict on constraint claim_arbiter_pk do nothing;

-- name: has_ruled
-- Whether this person's ruling on the claim stands or stood: an appeal is for somebody else.
select exists (select from escrow.ruling where claim_id = $1 and arbiter_id = $2 and declined_at is null);

-- name: insert_ruling
-- A ruling; above the limit it waits for a second person.
insert into escrow.ruling (claim_id, case_id, arbiter_id, buyer_minor, seller_minor, house_minor, reason, proposed_at,
  second_above_minor)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
returning id, needs_second;

-- name: confirm_ruling
-- The second person has confirmed.
update escrow.ruling set confirmed_by = $2, confirmed_at = $3 where id = $1;

-- name: decline_ruling
-- A proposal has fallen.
update escrow.ruling set declined_by = $2, declined_at = $3, declined_why = $4 where id = $1;

-- name: insert_reserve
-- Kept back of a case's proceeds until a time.
insert into escrow.reserve_hold (case_id, party_id, currency, amount_minor, held_at, due_at, try_at)
values ($1, $2, $3, $4, $5, $6, $6);

-- name: claim_due_reserve
-- One reserve whose time is over, locked; what another clock holds is passed over.
select case_id, party_id, currency, amount_minor - taken_minor as left_minor
from escrow.reserve_hold where freed_at is null and try_at <= $1 order by try_at, case_id limit 1
for no key update skip locked;

-- name: end_reserve
-- The reserve is free.
update escrow.reserve_hold set freed_at = $2 where case_id = $1 and freed_at is null;

-- name: postpone_reserve
-- After a failed attempt it is tried again later.
update escrow.reserve_hold set try_at = $2 where case_id = $1 and freed_at is null;

-- name: next_reserve_at
-- When the next reserve wants to be freed.
select min(try_at) from escrow.reserve_hold where freed_at is null;

-- name: lock_reserves_of_party
-- What is kept back of a party, the oldest first, locked.
select case_id, party_id, currency, amount_minor - taken_minor as left_minor from escrow.reserve_hold
where party_id = $1 and currency = $2 and freed_at is null and taken_minor < amount_minor
order by due_at, case_id for no key update;

-- name: take_from_reserve
-- A chargeback has taken this much of it.
update escrow.reserve_hold set taken_minor = taken_minor + $2 where case_id = $1;

-- name: new_chargeback_id
-- The id of a chargeback before its row stands.
select nextval('escrow.chargeback_id_seq')::bigint;

-- name: case_of_payment
-- The case that a card payment paid.
select id from escrow.escrow_case where payment_id = $1;

-- name: paid_by_card
-- What a captured card payment paid.
select purpose, target_id, party_id, currency, amount_minor from escrow.card_payment where id = $1 and state = 'captured';

-- name: case_of_deposit
-- The deal whose price a deposit went into.
select id from escrow.escrow_case where deposit_id = $1 and funded_version is not null and reinstates_id is null;

-- name: secures_a_deal
-- Whether a held deposit is part of what a deal awaits.
select exists (select from escrow.escrow_case where deposit_id = $1 and state = 'awaiting_payment');

-- name: lock_payment_reference
-- Whatever is told of one card payment is done in turn.
select pg_advisory_xact_lock(hashtextextended('chargeback of ' || $1::text, 26));

-- name: taken_back_before
-- How much of a payment chargebacks have taken that were not won, and how much of that from the payer's own.
select coalesce(sum(amount_minor), 0)::bigint as amount_minor, coalesce(sum(payer_minor), 0)::bigint as payer_minor
from escrow.chargeback where payment_reference = $1 and state <> 'won';

-- name: hit_by
-- Whom what the bank took by this notice hits.
select party_id, payer_id from escrow.chargeback where bank_id = $1;

-- name: insert_chargeback
-- A card payment that the buyer's bank takes back.
insert into escrow.chargeback (id, case_id, bank_id, payment_reference, party_id, currency, amount_minor, reason,
  from_payable_minor, from_reserve_minor, from_receivable_minor, from_buyer_wallet_minor, from_buyer_owed_minor,
  account, opened_at, purpose, payer_id, deposit_id, payer_minor, from_deposit_minor, from_buyer_change_minor)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21);

-- name: refunded_of_sale
-- What the buyer of a sale has been given back, in the case and its parts; what was withheld of it stands with the case.
select coalesce(sum(refunded_minor), 0)::bigint from escrow.escrow_case where id = $1 or parent_id = $1;

-- name: lock_open_chargeback
-- The running chargeback of a payment, locked.
select * from escrow.chargeback where payment_reference = $1 and state = 'open' for no key update;

-- name: end_chargeback
-- It was lost or won.
update escrow.chargeback set state = $2, ended_at = $3, sealed_version = $4 where id = $1;

-- name: chargebacks_of_case
-- A case's chargebacks, in order.
select * from escrow.chargeback where case_id = $1 order by id;

-- name: chargebacks_of_payer
-- The chargebacks that concern a party's own money, latest first.
select * from escrow.chargeback where payer_id = $1 and payer_minor > 0 order by id desc limit $2;

-- name: chargeback_by_id
-- One chargeback.
select * from escrow.chargeback where id = $1;

-- name: lock_chargeback
-- One chargeback, locked.
select * from escrow.chargeback where id = $1 for no key update;

-- name: running_case
-- The deal of the running chargeback of a payment, to be locked before it.
select case_id from escrow.chargeback where payment_reference = $1 and state = 'open';

-- name: insert_answer
-- The house's answer to the bank; nothing when there is one.
insert into escrow.chargeback_answer (chargeback_id, text, operator_id, written_at, try_at) values ($1, $2, $3, $4, $4)
on conflict on constraint chargeback_answer_pk do nothing;

-- name: answer_of
-- What the house has answered.
select * from escrow.chargeback_answer where chargeback_id = $1;

-- name: answers_of
-- What the house has answered to several.
select * from escrow.chargeback_answer where chargeback_id = any ($1::bigint[]);

-- name: claim_due_answer
-- An answer that this process shall tell the bank now; it is another's again at the time given.
update escrow.chargeback_answer a set attempts = attempts + 1, try_at = $2
from escrow.chargeback k
where k.id = a.chargeback_id and a.chargeback_id = (
  select d.chargeback_id from escrow.chargeback_answer d where d.try_at <= $1 order by d.try_at limit 1
  for no key update skip locked)
returning a.chargeback_id, a.text, a.attempts, k.bank_id;

-- name: next_answer_at
-- When the bank is next to be told an answer.
select min(try_at) from escrow.chargeback_answer where try_at is not null;

-- name: answer_told
-- The bank has the answer, or (by a code) takes none.
update escrow.chargeback_answer set try_at = null, told_at = $2, refused_code = $3
where chargeback_id = $1 and try_at is not null;

-- name: postpone_answer
-- The bank could not be told.
update escrow.chargeback_answer set try_at = $2, last_error = $3 where chargeback_id = $1 and try_at is not null;
