-- name: insert_sale
-- A new sale, not yet open.
insert into market.sale (title_zh, title_en, description_zh, description_en, currency, starts_at, first_end_at, stagger_seconds,
  zone, created_by, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
returning *;

-- name: update_sale
-- Its words and times, while it is not open.
update market.sale
set title_zh = $2, title_en = $3, description_zh = $4, description_en = $5, currency = $6, starts_at = $7, first_end_at = $8,
    stagger_seconds = $9, zone = $10
where id = $1 and opened_at is null
returning *;

-- name: lock_sale
-- The sale for a change.
select * from market.sale where id = $1 for no key update;

-- name: sale_by_id
-- One sale.
select * from market.sale where id = $1;

-- name: sales
-- Sales, the latest start first; those not open only for operators.
select s.*, count(l.id)::int as lot_count
from market.sale s left join market.listing l on l.sale_id = s.id
where $1::boolean or s.opened_at is not null
group by s.id order by s.starts_at desc, s.id desc limit $2;

-- name: mark_sale_open
-- From now on its lots are on show.
update market.sale set opened_at = $2 where id = $1 returning *;

-- name: sale_listings
-- The listings of a sale in the order of their numbers.
select * from market.listing where sale_id = $1 order by lot_number;

-- name: lock_sale_listings
-- The same, locked in key order, for the opening.
select id from market.listing where sale_id = $1 order by id for no key update;

-- name: put_in_sale
-- Into a sale under a number, or out of any with nulls.
update market.listing set sale_id = $2, lot_number = $3 where id = $1;

-- name: number_lots
-- Number these listings of a sale from 1 in this order, in one statement: between two numbers nobody looks.
update market.listing l set lot_number = n.number
from unnest($2::bigint[]) with ordinality as n (listing_id, number)
where l.id = n.listing_id and l.sale_id = $1;

-- name: last_number
-- The highest number given in a sale.
select coalesce(max(lot_number), 0)::int as number from market.listing where sale_id = $1;

-- name: schedule_listing
-- The sale's times for one of its listings.
update market.listing set starts_at = $2, timed_seconds = $3, version = version + 1 where id = $1;

-- name: waiting_for_a_sale
-- Submitted listings of a currency that are in no sale yet.
select * from market.listing where state = 'submitted' and sale_id is null and currency = $1 order by submitted_at, id limit 200;

-- name: watch
-- The party watches the lot.
insert into market.watch (party_id, lot_id, watched_at) values ($1, $2, $3) on conflict do nothing;

-- name: unwatch
-- It no longer does.
delete from market.watch where party_id = $1 and lot_id = $2;

-- name: watched
-- The lots that a party watches, the last added first.
select w.lot_id from market.watch w join auction.lot l on l.id = w.lot_id where w.party_id = $1 order by w.watched_at desc limit 500;

-- name: is_watched
-- Does the party watch the lot?
select exists (select from market.watch where party_id = $1 and lot_id = $2);

-- name: place_in_sale
-- The sale that a listing is in, its number there, and the listings before and after it.
select s.id as sale_id, s.title_zh, s.title_en, s.opened_at, l.lot_number as number, before.id as previous_id, after.id as next_id
from market.listing l
join market.sale s on s.id = l.sale_id
left join market.listing before on before.sale_id = s.id and before.lot_number = l.lot_number - 1
left join market.listing after on after.sale_id = s.id and after.lot_number = l.lot_number + 1
where l.id = $1;
