-- Card payments, their steps, the bank's settlement files and what differs.

-- name: insert_payment
-- A card payment that is about to be made.
insert into escrow.card_payment (id, purpose, target_id, party_id, currency, amount_minor, reference, gateway, order_body,
  payment_digest, signature, public_key, envelope, state, version, began_at, state_since, try_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'prepared', 1, $14, $14, $15);

-- name: insert_event
-- A step of a card payment.
insert into escrow.card_payment_event (payment_id, n, at, from_state, to_state, reason) values ($1, $2, $3, $4, $5, $6);

-- name: payment
-- One card payment.
select id, purpose, target_id, party_id, currency, amount_minor, reference, gateway, state, version, began_at, state_since,
       reason, partial_minor, authorisation_code, acknowledged_at, settled_file, settled_minor
from escrow.card_payment where id = $1;

-- name: lock_payment
-- One card payment, and nobody else changes it.
select id, purpose, target_id, party_id, currency, amount_minor, reference, gateway, state, version, began_at, state_since,
       reason, partial_minor, authorisation_code, acknowledged_at, settled_file, settled_minor
from escrow.card_payment where id = $1 for no key update;

-- name: payments_of_party
-- A party's card payments, latest first.
select id, purpose, target_id, party_id, currency, amount_minor, reference, gateway, state, version, began_at, state_since,
       reason, partial_minor, authorisation_code, acknowledged_at, settled_file, settled_minor
from escrow.card_payment where party_id = $1 order by began_at desc, id limit $2;

-- name: payments_of_target
-- The card payments for one case, deposit, wallet or purse, latest first.
select id, purpose, target_id, party_id, currency, amount_minor, reference, gateway, state, version, began_at, state_since,
       reason, partial_minor, authorisation_code, acknowledged_at, settled_file, settled_minor
from escrow.card_payment where purpose = $1 and target_id = $2 order by began_at desc, id limit $3;

-- name: running_payment
-- The card payment that a case or deposit waits for.
select id, purpose, target_id, party_id, currency, amount_minor, reference, gateway, state, version, began_at, state_since,
       reason, partial_minor, authorisation_code, acknowledged_at, settled_file, settled_minor
from escrow.card_payment
where purpose = $1 and target_id = $2 and state in ('prepared', 'authorising', 'unknown', 'authorised')
order by began_at desc limit 1;

-- name: save_payment
-- A step is saved over the version it was judged at. The envelope goes with the last state that needs it.
update escrow.card_payment set state = $3, version = version + 1, state_since = $4, reason = $5, partial_minor = $6,
  authorisation_code = $7, provider_reference = coalesce($8, provider_reference), op = $9, acknowledged_at = $10,
  try_at = $11, attempts = 0,
  envelope = case when $3 in ('prepared', 'authorising', 'unknown') then envelope end
where id = $1 and version = $2;

-- name: request_of
-- What the bank is asked, as it was first asked.
select id, currency, amount_minor, envelope, sha256(order_body) as order_digest, signature, public_key, began_at
from escrow.card_payment where id = $1 and envelope is not null;

-- name: provider_reference
-- How the provider calls a payment.
select provider_reference from escrow.card_payment where id = $1;

-- name: claim_due
-- Payments of which the bank is to be told or asked now; each is this process's until it is due again.
update escrow.card_payment set attempts = attempts + 1, try_at = $2
where id in (select p.id from escrow.card_payment p where p.try_at <= $1 order by p.try_at limit $3
             for no key update skip locked)
returning id, attempts;

-- name: put_off
-- When to try again, unless something has become of it meanwhile.
update escrow.card_payment set try_at = $3 where id = $1 and version = $2 and try_at is not null;

-- name: next_due_at
-- When the bank is next to be told or asked of something.
select min(try_at) from escrow.card_payment where try_at is not null;

-- name: acknowledge
-- The bank knows of the capture; a code when it says that it can't be.
update escrow.card_payment set acknowledged_at = $2, refused_code = $3, try_at = null
where id = $1 and state = 'captured' and acknowledged_at is null;

-- name: insert_capture_refused
-- The bank refuses to capture what we have posted: a person must look.
insert into escrow.card_difference (kind, payment_id, currency, ours_minor, bank_minor, found_at)
select 'capture_refused', p.id, p.currency, p.amount_minor, 0, $2 from escrow.card_payment p where p.id = $1
on conflict do nothing;

-- name: last_settlement
-- The last settlement file taken in, by its own order.
select id from escrow.card_settlement order by received_at desc, id desc limit 1;

-- name: insert_settlement
-- A settlement file; nothing when its id stands.
insert into escrow.card_settlement (id, day, sha256, lines, received_at) values ($1, $2, $3, $4, $5)
on conflict on constraint card_settlement_pk do nothing;

-- name: settlement_sha256
-- What was in a file that was taken in.
select sha256 from escrow.card_settlement where id = $1;

-- name: match_lines
-- Every line of a file beside our own record, all at once: captures that agree are settled, the rest is a difference.
with judged as (
  select l.n, l.kind, l.payment_id, l.currency, l.amount_minor, coalesce(p.amount_minor, 0) as ours_minor,
         case
           when l.kind = 'unreadable' then 'unreadable_line'
           when not exists (select from escrow.currency c where c.code = l.currency) then 'unknown_currency'
           when p.id is null then 'unknown_payment'
           when p.state <> 'captured' then 'not_captured'
           when p.currency <> l.currency then 'other_currency'
           when l.kind <> 'capture' then null
           when p.settled_file is not null or row_number() over (partition by l.payment_id, l.kind order by l.n) > 1
             then 'settled_twice'
           when p.amount_minor <> l.amount_minor then 'other_sum'
         end as difference
  from escrow.card_settlement_line l left join escrow.card_payment p on p.id = l.payment_id
  where l.file_id = $1
), settled as (
  update escrow.card_payment p set settled_file = $1, settled_minor = j.amount_minor
  from judged j
  where p.id = j.payment_id and j.kind = 'capture' and (j.difference is null or j.difference = 'other_sum')
  returning 1
), differing as (
  insert into escrow.card_difference (kind, payment_id, currency, ours_minor, bank_minor, file_id, line, found_at)
  select difference, payment_id, currency, ours_minor, amount_minor, $1, n, $2 from judged
  where difference is not null order by n
  returning 1
)
select (select count(*) from settled)::bigint as settled, (select count(*) from differing)::bigint as differing;

-- name: sum_lines
-- What a file comes to in each currency that the book keeps.
insert into escrow.card_settlement_sum (file_id, currency, lines, net_minor)
select l.file_id, l.currency, count(*), sum(l.amount_minor)::bigint
from escrow.card_settlement_line l join escrow.currency c on c.code = l.currency
where l.file_id = $1 group by l.file_id, l.currency
returning currency, net_minor;

-- name: settlement_posted
-- The one operation that posts a file.
update escrow.card_settlement set op = $2 where id = $1;

-- name: find_unsettled
-- What was captured before a time and stands in no file of the bank.
insert into escrow.card_difference (kind, payment_id, currency, ours_minor, bank_minor, found_at)
select 'not_settled', p.id, p.currency, p.amount_minor, 0, $2 from escrow.card_payment p
where p.state = 'captured' and p.settled_file is null and p.state_since < $1
on conflict do nothing;

-- name: differences
-- Where the bank and we differ, the oldest first.
select d.id, d.kind, d.payment_id, d.currency, d.ours_minor, d.bank_minor, d.found_at, d.file_id, d.line, l.said,
       d.explained_by, d.explained_at, d.note
from escrow.card_difference d
left join escrow.card_settlement_line l on l.file_id = d.file_id and l.n = d.line
where not $1::boolean or d.explained_at is null order by d.found_at, d.id limit $2;

-- name: explain_difference
-- A person has looked.
update escrow.card_difference set explained_by = $2, note = $3, explained_at = $4 where id = $1 and explained_at is null;
