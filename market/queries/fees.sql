-- What the house asks of sellers.

-- name: in_force
-- The version in force for a market and currency at a time; one for this very currency counts before one for all.
select id, commission_bp, transaction_bp, service_minor from market.fee_schedule
where market = $1 and (currency = $2 or currency is null) and confirmed_at is not null and in_force_from <= $3
order by currency is null, in_force_from desc, id desc limit 1;

-- name: submitted_at
-- When a lot was submitted, which is what its seller saw.
select submitted_at from market.listing where id = $1;

-- name: versions
-- Every version of a market or of all, newest first; those that wait for a second operator first.
select f.id, f.market, f.currency, f.commission_bp, f.transaction_bp, f.service_minor, f.valid_from, f.reason,
       f.proposed_by, p.display_name as proposed_by_name, f.proposed_at, f.confirmed_by,
       c.display_name as confirmed_by_name, f.confirmed_at, f.withdrawn_at,
       case when f.confirmed_at is not null then f.in_force_from end as in_force_from
from market.fee_schedule f join market.party p on p.id = f.proposed_by left join market.party c on c.id = f.confirmed_by
where ($1::text is null or f.market = $1) and ($2::bigint is null or f.id = $2)
order by (f.confirmed_at is null and f.withdrawn_at is null) desc, f.id desc limit $3;

-- name: propose
-- A version that waits for a second operator.
insert into market.fee_schedule (market, currency, commission_bp, transaction_bp, service_minor, valid_from, reason,
  proposed_by, proposed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id;

-- name: lock_version
-- One version, locked.
select proposed_by, confirmed_at, withdrawn_at from market.fee_schedule where id = $1 for no key update;

-- name: confirm
-- A second operator agrees.
update market.fee_schedule set confirmed_by = $2, confirmed_at = $3 where id = $1;

-- name: withdraw
-- A version that nobody has confirmed is taken back.
update market.fee_schedule set withdrawn_at = $2 where id = $1;
