-- name: next_photo_position
-- Where the next photo of a listing goes; beyond 12 there is no place.
select coalesce(max(position), 0) + 1 from market.photo where listing_id = $1;

-- name: insert_photo
-- One photo's facts. The same picture twice in a listing is no row: the caller refuses it.
insert into market.photo (listing_id, position, sha256, width, height, alt_zh, alt_en, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict on constraint photo_is_new_to_the_listing do nothing
returning id;

-- name: insert_photo_size
-- The bytes of one size.
insert into market.photo_size (photo_id, width, webp) values ($1, $2, $3);

-- name: photos_of
-- A listing's photos in order, without their bytes.
select id, position, width, height, alt_zh, alt_en from market.photo where listing_id = $1 order by position;

-- name: photo_bytes
-- One size of a photo, and who may see it: everyone once the lot is approved, before that its seller and operators.
select photo_size.webp, listing.seller_id, listing.state = 'approved' as public
from market.photo_size
join market.photo on photo.id = photo_size.photo_id
join market.listing on listing.id = photo.listing_id
where photo_size.photo_id = $1 and photo_size.width = $2;

-- name: delete_photo
-- Remove a photo; its bytes go with it.
delete from market.photo where listing_id = $1 and id = $2 returning position;

-- name: close_photo_gap
-- The photos behind a removed one move up.
update market.photo set position = position - 1 where listing_id = $1 and position > $2;

-- name: place_photos
-- The photos in the order of the array.
update market.photo set position = wanted.position
from unnest($2::bigint[]) with ordinality as wanted (id, position)
where photo.listing_id = $1 and photo.id = wanted.id;

-- name: describe_photo
-- The text for those who don't see it.
update market.photo set alt_zh = $3, alt_en = $4 where listing_id = $1 and id = $2;
