-- Orders by card, payments confirmed on a second device, and the devices themselves.

-- name: insert_card_order
-- What was ordered when a card was to pay; the same payment id again changes nothing.
insert into market.card_order (payment_id, party_id, subject, case_id, brand, last4, label, order_info, payment_digest,
  signature, public_key, ordered_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict do nothing;

-- name: card_order
-- The order of one card payment.
select * from market.card_order where payment_id = $1;

-- name: card_orders_of
-- A party's orders by card, latest first.
select * from market.card_order where party_id = $1 order by ordered_at desc limit $2;

-- name: lot_of_deposit
-- The lot that a deposit is for, with its titles.
select listing.id, listing.title_en, listing.title_zh
from escrow.deposit join market.listing on deposit.subject = 'lot:' || listing.id
where deposit.id = $1;

-- name: insert_phone_request
-- A payment that waits for its payer on a second device.
insert into market.phone_request (party_id, case_id, means, means_label, payee, currency, amount_minor, nonce, prepared,
  payment_id, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
returning id;

-- name: phone_request
-- One request.
select * from market.phone_request where id = $1;

-- name: lock_phone_request
-- One request, which nobody else moves on until this transaction ends.
select * from market.phone_request where id = $1 for no key update;

-- name: running_phone_request
-- The request of a deal that is still on its way.
select * from market.phone_request where case_id = $1 and ended_at is null;

-- name: phone_requests_of
-- A party's requests, latest first.
select * from market.phone_request where party_id = $1 order by id desc limit $2;

-- name: phone_request_seen
-- The payer's phone shows it.
update market.phone_request set seen_at = $2 where id = $1 and seen_at is null and ended_at is null;

-- name: confirm_phone_request
-- The payer said yes, proved by a passkey or a code.
update market.phone_request set state = 'confirmed', method = $2, confirmed_at = $3 where id = $1;

-- name: end_phone_request
-- It ended so; the sealed payment is forgotten.
update market.phone_request set state = $2, outcome = $3, ended_at = $4, prepared = null where id = $1;

-- name: expired_phone_requests
-- Requests whose time ran out before anybody answered.
select id from market.phone_request where state = 'requested' and expires_at <= $1 order by id limit 50;

-- name: confirmed_phone_requests
-- Requests that were confirmed a while ago and have no end yet: a process ended on the way.
select id from market.phone_request where state = 'confirmed' and confirmed_at <= $1 order by id limit 50;

-- name: insert_passkey
-- A new passkey of a party.
insert into market.passkey (party_id, credential_id, credential, sign_count, name, created_at)
values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning id;

-- name: passkeys_of
-- A party's passkeys.
select id, credential_id, credential, sign_count, name, created_at, last_used_at
from market.passkey where party_id = $1 and removed_at is null order by id;

-- name: use_passkey
-- It confirmed something: its counter and time.
update market.passkey set sign_count = $2, last_used_at = $3 where id = $1;

-- name: remove_passkey
-- It confirms nothing any more.
update market.passkey set removed_at = $3 where id = $1 and party_id = $2 and removed_at is null returning id;

-- name: begin_one_time_secret
-- A secret that waits for its first code; one that was confirmed stays until it is removed.
insert into market.one_time_secret (party_id, sealed_secret, created_at) values ($1, $2, $3)
on conflict (party_id) do update set sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
where one_time_secret.confirmed_at is null;

-- name: one_time_secret
-- A party's secret, locked: a code counts once.
select sealed_secret, confirmed_at, last_step from market.one_time_secret where party_id = $1 for no key update;

-- name: has_one_time_secret
-- Whether codes confirm payments of this party.
select confirmed_at is not null from market.one_time_secret where party_id = $1;

-- name: use_one_time_code
-- The step whose code was used, and when the first one was.
update market.one_time_secret set last_step = $2, confirmed_at = coalesce(confirmed_at, $3) where party_id = $1;

-- name: remove_one_time_secret
-- Codes confirm nothing any more.
delete from market.one_time_secret where party_id = $1;

-- name: captured_phone_request
-- The request that paid a deal.
select * from market.phone_request where case_id = $1 and state = 'captured';
