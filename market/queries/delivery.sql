-- name: root_of_case
-- The first case of a deal: that from which a part was split off, or which was reinstated.
with recursive origin(id, depth) as (
  select $1::bigint, 0
  union all
  select coalesce(one.parent_id, one.reinstates_id), origin.depth + 1
  from origin join escrow.escrow_case as one on one.id = origin.id
  where coalesce(one.parent_id, one.reinstates_id) is not null
)
select id from origin order by depth desc limit 1;

-- name: consignee
-- Where the goods of a deal go.
select name, lines, city, postcode, country, phone from market.consignee where case_id = $1;

-- name: save_consignee
-- Where the goods go from now on.
insert into market.consignee (case_id, name, lines, city, postcode, country, phone, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (case_id) do update set name = excluded.name, lines = excluded.lines, city = excluded.city,
  postcode = excluded.postcode, country = excluded.country, phone = excluded.phone, updated_at = excluded.updated_at,
  version = consignee.version + 1;

-- name: insert_consignment
-- A new booking, to be told to the carrier at once.
insert into market.consignment (
    case_id, booking_id, carrier, booked_by, lines, packages, weight_grams, description, collect_from, deliver_to,
    booked_at, moved_at, ask_again_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $11)
returning *;

-- name: consignments_of_deal
-- What was booked for a deal, whichever of its cases it went with.
select consignment.* from market.consignment
where case_id = $1 or shipped_case_id = $1 or case_id = $2
order by id;

-- name: consignment
-- One consignment.
select * from market.consignment where id = $1;

-- name: lock_consignment
-- One consignment, for whoever moves it.
select * from market.consignment where id = $1 for update;

-- name: lock_booking
-- The consignment of a booking, for whoever moves it.
select * from market.consignment where carrier = $1 and booking_id = $2 for update;

-- name: move_consignment
-- Where it has come to.
update market.consignment
set state = $2, tracking_number = $3, reason = $4, received_by = $5, proof = coalesce($6, proof),
    proof_sha256 = sha256(coalesce($6, proof)), shipped_case_id = $7, moved_at = $8,
    ask_again_at = case when $2 = 'booked' then ask_again_at end
where id = $1
returning *;

-- name: claim_to_ask
-- Bookings that the carrier has to be told of, taken by this node for a while.
update market.consignment set tries = tries + 1, asked_at = $1, ask_again_at = $2
where id in (
  select id from market.consignment where ask_again_at <= $1 order by ask_again_at limit $3 for update skip locked)
returning *;

-- name: ask_later
-- The carrier was not reached.
update market.consignment set ask_again_at = $2, reason = $3 where id = $1 and state = 'booked';

-- name: next_ask_at
-- When a carrier is to be asked next.
select min(ask_again_at) from market.consignment where ask_again_at is not null;

-- name: insert_event
-- A carrier's report; no row when it was told before.
insert into market.tracking_event (consignment_id, carrier_id, kind, at, received_at, place, note)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (consignment_id, carrier_id) do nothing
returning carrier_id;

-- name: events_of
-- What the carriers reported of these consignments, by their own time.
select consignment_id, carrier_id, kind, at, received_at, place, note
from market.tracking_event where consignment_id = any($1::bigint[]) order by at, received_at, carrier_id;

-- name: proof
-- The signed slip of a delivery.
select proof from market.consignment where id = $1;

-- name: consignments_of_house
-- Every consignment in a state, or all that are under way, those that have not moved for longest first.
select consignment.*, count(*) over () as total
from market.consignment
where case when $1::text is null then state not in ('refused', 'cancelled', 'delivered', 'returned') else state = $1 end
order by moved_at, id
limit $2 offset $3;
