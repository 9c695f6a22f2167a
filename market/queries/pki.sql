-- name: insert_authority
-- The authority's own certificate; the first that is made for its key stays.
insert into market.authority (public_key, der, made_at) values ($1, $2, $3) on conflict do nothing;

-- name: authority
-- The certificate of the authority with this key.
select der from market.authority where public_key = $1;

-- name: insert_certificate
-- A party's certificate.
insert into market.certificate (
  serial, party_id, authority, holder, public_key, der, not_before, not_after, issued_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: certificate
-- One certificate, with its revocation if it was revoked.
select certificate.*, revocation.revoked_at, revocation.reason
from market.certificate left join market.revocation using (serial) where serial = $1;

-- name: certificates_of_party
-- A party's certificates, newest first.
select certificate.*, revocation.revoked_at, revocation.reason
from market.certificate left join market.revocation using (serial)
where party_id = $1 order by issued_at desc, serial;

-- name: certificates
-- Everybody's certificates with their parties, newest first; the operators' list.
select certificate.*, revocation.revoked_at, revocation.reason, party.display_name as party_name, count(*) over () as total
from market.certificate join market.party on party.id = certificate.party_id left join market.revocation using (serial)
where $1::text is null or certificate.serial = $1 or lower(party.display_name) like '%' || lower($1) || '%'
order by issued_at desc, serial limit $2 offset $3;

-- name: key_in_use
-- Whether a key stands in another party's certificate, or in one that was revoked.
select exists (
  select from market.certificate left join market.revocation using (serial)
  where certificate.public_key = $1 and (certificate.party_id <> $2 or revocation.serial is not null));

-- name: insert_revocation
-- A certificate is revoked once.
insert into market.revocation (serial, revoked_at, revoked_by, reason, note) values ($1, $2, $3, $4, $5)
on conflict do nothing returning serial;

-- name: revoked
-- What an authority has revoked.
select certificate.serial, revocation.revoked_at, revocation.reason
from market.revocation join market.certificate using (serial)
where certificate.authority = $1 order by revocation.revoked_at, certificate.serial;

-- name: lock_lists
-- One maker of lists at a time, so that their numbers have no gap.
select pg_advisory_xact_lock(hashtextextended('revocation_list', 0));

-- name: hold_certificate
-- For a signature: the certificate is not revoked until the transaction ends. Signatures don't wait for each other.
select pg_advisory_xact_lock_shared(hashtextextended('certificate ' || $1::text, 0));

-- name: take_certificate
-- For its revocation: what is being signed with it is there first, and nothing is after it.
select pg_advisory_xact_lock(hashtextextended('certificate ' || $1::text, 0));

-- name: latest_list
-- The list in force.
select latest.number, latest.der, latest.this_update, latest.next_update
from market.revocation_list latest where latest.authority = $1 order by latest.number desc limit 1;

-- name: list_by_number
-- A list as it was.
select der from market.revocation_list where authority = $1 and number = $2;

-- name: insert_list
-- The next list.
insert into market.revocation_list (authority, number, der, this_update, next_update) values ($1, $2, $3, $4, $5);
