-- name: insert_contracts
-- Contracts with their first wording, open to be signed; none for an origin that has made one.
with asked as (
  select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bytea[])
    as asked (kind, ref, seller_id, buyer_id, terms, digest)
), made as (
  insert into market.contract (origin_kind, origin_ref, seller_id, buyer_id, state, drawn_at, sign_by, offered_version)
  select kind, ref, seller_id, buyer_id, 'awaiting_signatures', $7, $8, 1 from asked
  on conflict (origin_kind, origin_ref) do nothing
  returning id, origin_kind, origin_ref
), worded as (
  insert into market.contract_version (contract_id, n, terms, terms_sha256, proposed_at)
  select made.id, 1, asked.terms, asked.digest, $7
  from made join asked on asked.kind = made.origin_kind and asked.ref = made.origin_ref
), noted as (
  insert into market.contract_event (contract_id, n, at, kind, version) select id, 1, $7, 'drawn_up', 1 from made
)
select id, origin_kind, origin_ref from made;

-- name: party_names
-- What these parties are called now.
select id, display_name from market.party where id = any($1);

-- name: insert_hammer_contract
-- The contract that a hammer made: in force by it, and open to be signed. One statement, for it stands in the closing.
with made as (
  insert into market.contract (
    origin_kind, origin_ref, seller_id, buyer_id, state, drawn_at, offered_version, in_force_at, case_id)
  values ('hammer', $1, $2, $3, 'in_force', $4, 1, $4, $1)
  returning id
), worded as (
  insert into market.contract_version (contract_id, n, terms, terms_sha256, proposed_at)
  select id, 1, $5, $6, $4 from made
), noted as (
  insert into market.contract_event (contract_id, n, at, kind, version) select id, 1, $4, 'drawn_up', 1 from made
)
select id from made;

-- name: contract_of_origin
-- The contract that this made.
select id from market.contract where origin_kind = $1 and origin_ref = $2;

-- name: insert_version
-- A wording, once and for all.
insert into market.contract_version (contract_id, n, terms, terms_sha256, proposed_by, proposed_at, reason)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: insert_signature
-- One party's signature under one wording.
insert into market.contract_signature (
  contract_id, version, role, party_id, terms_sha256, kind, serial, record, signature, authority, crl_number,
  evidence_sha256, seal, signed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- name: insert_event
-- One line of what was done; they are numbered without a gap.
insert into market.contract_event (contract_id, n, at, actor_id, kind, version, detail)
select $1, coalesce(max(n), 0) + 1, $2, $3, $4, $5, $6 from market.contract_event where contract_id = $1;

-- name: lock_contract
-- One writer of a contract at a time.
select id from market.contract where id = $1 for no key update;

-- name: contract
-- A contract without its versions.
select id, origin_kind, origin_ref, seller_id, buyer_id, state, drawn_at, sign_by, offered_version, signed_version,
       in_force_at, ended_at, case_id, revision
from market.contract where id = $1;

-- name: contract_of_case
-- The number of the contract under a case; a part that was split off, and a sale that was reinstated, stand under the
-- contract of the case they came from.
with recursive origin(id) as (
  select $1::bigint
  union
  select coalesce(escrow_case.parent_id, escrow_case.reinstates_id)
  from origin join escrow.escrow_case on escrow_case.id = origin.id
)
select contract.id from market.contract where contract.case_id in (select id from origin);

-- name: versions
-- Every wording, in order.
select n, terms, terms_sha256, proposed_by, proposed_at, reason
from market.contract_version where contract_id = $1 order by n;

-- name: signatures
-- Every signature under any wording.
select version, role, party_id, terms_sha256, kind, serial, record, signature, authority, crl_number, evidence_sha256,
       seal, signed_at
from market.contract_signature where contract_id = $1 order by version, signed_at, role;

-- name: events
-- What was done with a contract, oldest first.
select n, at, actor_id, kind, version, detail from market.contract_event where contract_id = $1 order by n;

-- name: offer_version
-- Another wording lies open, or none.
update market.contract set offered_version = $2, sign_by = $3, revision = revision + 1 where id = $1;

-- name: touch
-- Something about the contract changed.
update market.contract set revision = revision + 1 where id = $1;

-- name: put_in_force
-- Both have signed, and the case is open.
update market.contract
set state = 'in_force', sign_by = null, offered_version = null, signed_version = $2, in_force_at = $3, case_id = $4,
    revision = revision + 1
where id = $1;

-- name: amend
-- Both have signed another wording.
update market.contract set offered_version = null, signed_version = $2, revision = revision + 1 where id = $1;

-- name: end_contract
-- Not signed in time, or declined.
update market.contract
set state = $2, sign_by = null, offered_version = null, ended_at = $3, revision = revision + 1 where id = $1;

-- name: overdue
-- One contract that was not signed in time; a node that is at it already is passed by.
select id from market.contract where state = 'awaiting_signatures' and sign_by <= $1
order by sign_by, id limit 1 for no key update skip locked;

-- name: next_overdue
-- When the next one runs out.
select min(sign_by) from market.contract where state = 'awaiting_signatures';

-- name: contracts_of_party
-- A party's contracts, newest first: what each is about, where it stands, and how many in all.
select contract.id, contract.origin_kind, contract.state, contract.seller_id, contract.buyer_id, contract.drawn_at,
       contract.sign_by, contract.offered_version, contract.signed_version, contract.case_id,
       standing.terms, seller.display_name as seller_name, buyer.display_name as buyer_name,
       array(select role from market.contract_signature signed
             where signed.contract_id = contract.id and signed.version = contract.offered_version) as signed_roles,
       escrow_case.state as case_state, count(*) over () as total
from market.contract
join market.contract_version standing on standing.contract_id = contract.id
  and standing.n = coalesce(contract.signed_version, contract.offered_version,
    (select max(n) from market.contract_version last where last.contract_id = contract.id))
join market.party seller on seller.id = contract.seller_id
join market.party buyer on buyer.id = contract.buyer_id
left join escrow.escrow_case on escrow_case.id = contract.case_id
where ($1::bigint is null or contract.seller_id = $1 or contract.buyer_id = $1)
  and ($2::text is null or contract.state = $2)
order by contract.id desc
limit $3 offset $4;
