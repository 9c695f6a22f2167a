-- What the vault asks its schema. It knows no other.

-- name: wallet
-- A party's wallet.
select id, party_id, public_key, signing_sealed, wrong_tries, blocked_until from vault.wallet where party_id = $1;

-- name: wallet_for_update
-- The same, so that tries and changes of protections come one after another.
select id, party_id, public_key, signing_sealed, wrong_tries, blocked_until
from vault.wallet where party_id = $1 for update;

-- name: insert_wallet
-- A new wallet; nothing when the party has one.
insert into vault.wallet (id, party_id, opened_at, public_key, signing_sealed)
values ($1, $2, $3, $4, $5) on conflict (party_id) do nothing;

-- name: count_try
-- A try is counted before it is made.
update vault.wallet set wrong_tries = $2, blocked_until = $3 where id = $1;

-- name: forget_tries
-- The passphrase was right.
update vault.wallet set wrong_tries = 0, blocked_until = null where id = $1 and wrong_tries > 0;

-- name: delete_wallet
-- A wallet with all its cards and protections.
delete from vault.wallet where party_id = $1 and public_key = $2;

-- name: protections
-- Every way to unlock a wallet.
select id, wallet_id, kind, wrapped, outer_key, salt, memory_kib, iterations, credential_id, label, added_at
from vault.protection where wallet_id = $1 order by kind, added_at, id;

-- name: insert_protection
-- A further way to unlock a wallet.
insert into vault.protection
  (id, wallet_id, kind, wrapped, outer_key, salt, memory_kib, iterations, credential_id, label, added_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: replace_passphrase
-- Another passphrase wraps the same data key; nothing when somebody else changed it meanwhile.
update vault.protection set wrapped = $3, outer_key = $4, salt = $5, memory_kib = $6, iterations = $7
where id = $1 and wrapped = $2;

-- name: delete_protection
-- One way less.
delete from vault.protection where id = $1;

-- name: outer_keys
-- The keys of the vault that something is wrapped under.
select distinct outer_key from vault.protection;

-- name: under_older_keys
-- What is to be wrapped anew, some at a time.
select id, wallet_id, wrapped, outer_key from vault.protection where outer_key <> $1 limit 500;

-- name: replace_outer
-- Wrapped anew, unless it changed meanwhile.
update vault.protection set wrapped = $3, outer_key = $4 where id = $1 and wrapped = $2;

-- name: cards
-- A wallet's cards.
select id, wallet_id, version, sealed, brand, last4, expiry_month, expiry_year, label, added_at
from vault.card where wallet_id = $1 order by added_at, id;

-- name: card
-- One card of a wallet.
select id, wallet_id, version, sealed, brand, last4, expiry_month, expiry_year, label, added_at
from vault.card where wallet_id = $1 and id = $2;

-- name: insert_card
-- A further card.
insert into vault.card
  (id, wallet_id, version, sealed, brand, last4, expiry_month, expiry_year, label, added_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: delete_card
-- One card less.
delete from vault.card where wallet_id = $1 and id = $2;

-- name: rename_card
-- The name that its owner gives it.
update vault.card set label = $3 where wallet_id = $1 and id = $2;

-- name: identity
-- The key that a wallet signs contracts with.
select public_key, sealed from vault.identity where wallet_id = $1;

-- name: put_identity
-- A key to sign contracts with; one that is there stays, unless another is asked for.
insert into vault.identity (wallet_id, public_key, sealed, made_at) values ($1, $2, $3, $4)
on conflict (wallet_id) do update
set public_key = excluded.public_key, sealed = excluded.sealed, made_at = excluded.made_at where $5;

-- name: insert_signed_payment
-- A payment that is about to be signed; nothing when its id has been signed before.
insert into vault.signed_payment (payment_id, party_id, card_id, order_sha256, payment_sha256, signed_at)
values ($1, $2, $3, $4, $5, $6) on conflict (payment_id) do nothing;

-- name: bank_key
-- The bank's key that payments are sealed to.
select key_id, point, pinned_at from vault.bank_key;

-- name: pin_bank_key
-- The first that the bank shows stays.
insert into vault.bank_key (key_id, point, pinned_at) values ($1, $2, $3) on conflict do nothing;

-- name: accept_bank_key
-- Another one, on an operator's word.
insert into vault.bank_key (key_id, point, pinned_at) values ($1, $2, $3)
on conflict (single_row) do update set key_id = excluded.key_id, point = excluded.point, pinned_at = excluded.pinned_at;
