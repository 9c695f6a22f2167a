-- name: insert_listing
-- A new draft of a seller.
insert into market.listing (
  seller_id, title_zh, title_en, description_zh, description_en, category, condition, currency, start_price_minor,
  steps, grid_base, timed_seconds, extension_seconds, soft_close_seconds, cap_extensions, cap_at, reserve_minor,
  deposit_minor, starts_at, zone, format, options, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $23)
returning *;

-- name: lock_listing
-- The listing for a change; the row lock makes the second of two operators wait and then see the first's decision.
select * from market.listing where id = $1 for no key update;

-- name: listing_by_id
-- One listing.
select * from market.listing where id = $1;

-- name: listings_of_seller
-- A seller's listings, the last touched first.
select * from market.listing where seller_id = $1 order by updated_at desc, id desc limit $2;

-- name: update_listing_content
-- The seller's edit. A rejected listing that is edited is a draft again.
update market.listing
set title_zh = $2, title_en = $3, description_zh = $4, description_en = $5, category = $6, condition = $7,
    currency = $8, start_price_minor = $9, steps = $10, grid_base = $11, timed_seconds = $12,
    extension_seconds = $13, soft_close_seconds = $14, cap_extensions = $15, cap_at = $16, reserve_minor = $17,
    deposit_minor = $18, starts_at = $19, zone = $20, format = $21, options = $22, state = 'draft',
    version = version + 1, updated_at = $23
where id = $1
returning *;

-- name: mark_listing_submitted
-- Into the operator's queue.
update market.listing
set state = 'submitted', version = version + 1, updated_at = $2, submitted_at = $2, rejection_reason = null
where id = $1
returning *;

-- name: mark_listing_draft
-- Taken back from the queue for another edit.
update market.listing
set state = 'draft', version = version + 1, sale_id = null, lot_number = null, updated_at = $2, submitted_at = null
where id = $1
returning *;

-- name: mark_listing_withdrawn
-- The seller gives it up; it stays for the record.
update market.listing
set state = 'withdrawn', version = version + 1, sale_id = null, lot_number = null, updated_at = $2
where id = $1
returning *;

-- name: mark_listing_approved
-- The operator's yes. From now on the content is fixed.
update market.listing
set state = 'approved', version = version + 1, updated_at = $3, decided_at = $3, decided_by = $2, rejection_reason = null
where id = $1
returning *;

-- name: mark_listing_rejected
-- The operator's no, with the reason that the seller reads.
update market.listing
set state = 'rejected', version = version + 1, sale_id = null, lot_number = null, updated_at = $3, decided_at = $3, decided_by = $2, rejection_reason = $4
where id = $1
returning *;

-- name: listings_to_approve
-- The approval queue, the longest waiting first, with the seller's name and the number of photos.
select listing.*, party.display_name as seller_name,
       (select count(*) from market.photo where photo.listing_id = listing.id) as photo_count
from market.listing
join market.party on party.id = listing.seller_id
where listing.state = 'submitted'
order by listing.submitted_at, listing.id
limit $1 offset $2;

-- name: count_listings_to_approve
-- How many wait.
select count(*) from market.listing where state = 'submitted';
