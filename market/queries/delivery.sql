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

-- name: dates_of
-- The days (UTC) on which a deal was paid ($2: its first case), handed to a carrier and brought to the buyer. An arrival is the
-- carrier's word where it brought the goods, else what the deal takes for it.
select (select min(at) at time zone 'UTC' from escrow.case_event where case_id = $2 and action = 'pay')::date as paid_on,
  (select min(at) at time zone 'UTC' from escrow.case_event where case_id = $1 and action = 'ship')::date as handed_over_on,
  (coalesce(
    (select max(greatest(event.at, one.booked_at)) from market.tracking_event as event join market.consignment as one on one.id = event.consignment_id
     where one.shipped_case_id = $1 and one.state = 'delivered' and event.kind = 'delivered'),
    (select min(at) from escrow.case_event where case_id = $1 and action = 'receive')) at time zone 'UTC')::date as arrived_on;

-- name: insert_consignment
-- A new booking, to be told to the carrier at once.
insert into market.consignment (
    case_id, booking_id, carrier, booked_by, lines, packages, weight_grams, description, collect_from, deliver_to,
    booked_at, moved_at, ask_again_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $11)
returning *;

-- name: consignments_of_case
-- What was booked for a case, with what became a part of it; for a part what went with it.
select consignment.* from market.consignment where case_id = $1 or shipped_case_id = $1 order by id;

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
    ask_again_at = case
      when $2 = 'booked' or ($2 = 'confirmed' and call_off_at is not null and call_off_refused_at is null) then ask_again_at
    end
where id = $1
returning *;

-- name: number_consignment
-- The number that it goes by, before its deal is shipped under it.
update market.consignment set tracking_number = $2 where id = $1;

-- name: case_that_goes_by
-- The deal, or the part of it, that its seller has shipped under this number by himself.
select id from escrow.escrow_case
where (id = $1 or parent_id = $1) and tracking_number = $2 order by id desc limit 1;

-- name: call_off
-- The carrier is to be asked to call it off.
update market.consignment
set call_off_at = $2, call_off_for = 'seller', ask_again_at = $2, tries = 0, moved_at = $2
where id = $1
returning *;

-- name: call_off_ended
-- The same of what waits for a carrier although its deal no longer waits for the goods: it ended, is disputed, or went by
-- another number.
update market.consignment
set call_off_at = $1, call_off_for = 'deal', ask_again_at = $1, tries = 0, moved_at = $1
where id in (
  select one.id from market.consignment as one join escrow.escrow_case as owner on owner.id = one.case_id
  where one.state in ('booked', 'confirmed') and one.call_off_at is null and one.shipped_case_id is null
    and owner.state <> 'funded'
    and not exists (
      select from escrow.escrow_case as gone
      where (gone.id = one.case_id or gone.parent_id = one.case_id) and gone.tracking_number = one.tracking_number)
  order by one.id limit $2 for update of one skip locked)
returning *;

-- name: refuse_call_off
-- The carrier has the goods already; a booking that it has not answered is asked for again, to learn its number.
update market.consignment
set call_off_refused_at = $2, ask_again_at = case when state = 'booked' then $2::timestamptz end, tries = 0, moved_at = $2
where id = $1
returning *;

-- name: claim_to_ask
-- Bookings that the carrier has to be told of, taken by this node for a while.
update market.consignment set tries = tries + 1, asked_at = $1, ask_again_at = $2
where id in (
  select id from market.consignment where ask_again_at <= $1 order by ask_again_at limit $3 for update skip locked)
returning *;

-- name: ask_later
-- The carrier was not reached; what is to be called off since is asked at once.
update market.consignment
set ask_again_at = case when call_off_at > asked_at then ask_again_at else $2 end, reason = $3
where id = $1 and ask_again_at is not null;

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
-- Every consignment in a state, those that are astray, or all that are under way; what is astray first, then those that have
-- not moved for longest. Astray is what a carrier has, or has delivered, of a deal that never shipped it or was undone.
with seen as (
  select consignment.*,
    (consignment.state in ('collected', 'in_transit', 'out_for_delivery', 'delivered')
      or (consignment.state in ('booked', 'confirmed') and consignment.call_off_refused_at is not null))
    and ((consignment.shipped_case_id is null and owner.state <> 'funded')
      or (consignment.state <> 'delivered' and owner.state in ('cancelled', 'refunded', 'defaulted'))) as is_astray
  from market.consignment
  join escrow.escrow_case as owner on owner.id = coalesce(consignment.shipped_case_id, consignment.case_id)
)
select seen.*, count(*) over () as total
from seen
where case
  when $1::text is null then state not in ('refused', 'cancelled', 'delivered', 'returned')
  when $1 = 'astray' then is_astray
  else state = $1
end
order by is_astray desc, moved_at, id
limit $2 offset $3;
