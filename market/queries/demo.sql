-- name: demo_is_loaded
-- Has the demo's story been played to its end?
select exists (select from market.audit where subject = 'house' and act = 'demo.loaded');

-- name: any_party
-- Has anybody registered?
select exists (select from market.party);

-- name: parties_by_email
-- The ids of parties of known addresses.
select email, id from market.party where email = any($1::text[]);

-- name: lots_to_come
-- Lots that are open and end later than a given moment.
select listing.id, listing.title_en, listing.format
from market.listing
join auction.standing on standing.lot_id = listing.id
where standing.phase <> 'closed' and standing.ends_at > $1
order by standing.ends_at, listing.id;
