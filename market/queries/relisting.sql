-- name: mark_relist
-- The draft puts an earlier listing up again.
update market.listing set relist_of = $2 where id = $1 returning *;

-- name: copy_photos
-- The photos of one listing for another, in the same order; their facts.
insert into market.photo (listing_id, position, sha256, width, height, alt_zh, alt_en, created_at)
select $2, position, sha256, width, height, alt_zh, alt_en, $3 from market.photo where listing_id = $1 order by position;

-- name: copy_photo_sizes
-- And their bytes.
insert into market.photo_size (photo_id, width, webp)
select copied.id, photo_size.width, photo_size.webp
from market.photo
join market.photo as copied on copied.listing_id = $2 and copied.sha256 = photo.sha256
join market.photo_size on photo_size.photo_id = photo.id
where photo.listing_id = $1;

-- name: lower_listed_reserve
-- The reserve that the seller now asks for.
update market.listing set reserve_minor = $2, updated_at = $3, version = version + 1 where id = $1;
