-- name: at_stake
-- What is at stake on a lot: its price, or before the first bid its start price; of many units all of them together.
select coalesce(s.price_minor, l.start_price_minor, 0)::numeric
    * case when l.format = 'uniform' then coalesce((l.options ->> 'quantity')::bigint, 1) else 1 end as minor
from market.listing l left join auction.standing s on s.lot_id = l.id where l.id = $1;

-- name: waiting_requests
-- What waits for a second operator on a lot, the latest first; locked, so that of two who confirm at once one does.
select r.id, r.lot_id, r.act, r.ends_at, r.reason, r.requested_by, p.display_name as requested_by_name, r.requested_at, r.expires_at
from market.desk_request r join market.party p on p.id = r.requested_by
where r.lot_id = $1 and r.confirmed_at is null and r.expires_at > $2
order by r.id desc for update of r;

-- name: insert_request
-- An operator asks for an act that needs another's yes.
insert into market.desk_request (lot_id, act, ends_at, reason, requested_by, requested_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: confirm_request
-- The second operator's yes.
update market.desk_request set confirmed_by = $2, confirmed_at = $3 where id = $1 and confirmed_at is null;

-- name: all_waiting
-- What waits for a second operator on any lot that is not over.
select r.id, r.lot_id, r.act, r.ends_at, r.reason, r.requested_by, p.display_name as requested_by_name, r.requested_at, r.expires_at
from market.desk_request r join market.party p on p.id = r.requested_by join auction.standing s on s.lot_id = r.lot_id
where r.confirmed_at is null and r.expires_at > $1 and s.outcome is null
order by r.requested_at limit 100;
