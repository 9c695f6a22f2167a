-- name: categories
-- Every category: groups first, then their kinds of goods, in the order in which pages show them.
select code, parent, position, name_en, name_zh, unit, attributes, version, retired_at
from market.category order by parent nulls first, position, code;

-- name: lock_category
-- One category, locked till the end of the transaction.
select code, parent, position, name_en, name_zh, unit, attributes, version, retired_at
from market.category where code = $1 for update;

-- name: insert_category
-- A new one. It is there already if nothing comes back.
insert into market.category (code, parent, position, name_en, name_zh, unit, attributes)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (code) do nothing
returning code, parent, position, name_en, name_zh, unit, attributes, version, retired_at;

-- name: update_category
-- Names, place, attributes; its unit only as long as nothing was posted in it, which the service sees to.
update market.category
set position = $2, name_en = $3, name_zh = $4, unit = $5, attributes = $6, retired_at = $7, version = version + 1
where code = $1
returning code, parent, position, name_en, name_zh, unit, attributes, version, retired_at;

-- name: category_is_used
-- Whether anything was ever posted in it.
select exists (select from market.post where category = $1);

-- name: insert_post
-- A new post.
insert into market.post (party_id, side, category, title_zh, title_en, description_zh, description_en, attributes, words,
  quantity, all_or_none, minimum, price_minor, currency, country, place, latitude, longitude, delivery_from, delivery_to,
  term, anonymous, valid_until, posted_at, updated_at, moved_at, shown_at, listed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $24, $24,
  $25, date_trunc('hour', $25::timestamptz))
returning *;

-- name: post_by_id
-- A post as it stands.
select * from market.post where id = $1;

-- name: lock_post
-- A post, locked till the end of the transaction.
select * from market.post where id = $1 for update;

-- name: posts_of_party
-- A party's own posts, the newest first.
select * from market.post where party_id = $1 order by posted_at desc, id limit $2;

-- name: count_open_of_party
-- How many of a party's posts are open.
select count(*) from market.post where party_id = $1 and state = 'open' and valid_until > $2 and taken < quantity;

-- name: last_named_post
-- When the party last put its name to a post, or changed one.
select max(updated_at) from market.post where party_id = $1 and not anonymous and updated_at > $2;

-- name: keep_version
-- What a post said before it is changed.
insert into market.post_version (post_id, version, content, written_at) values ($1, $2, $3, $4);

-- name: versions_of
-- What a post has said, the oldest first.
select version, content, written_at from market.post_version where post_id = $1 order by version;

-- name: update_post
-- The edit: what was said before has been kept. It is asked anew which searches it fits.
update market.post
set title_zh = $2, title_en = $3, description_zh = $4, description_en = $5, attributes = $6, words = $7, quantity = $8,
    all_or_none = $9, minimum = $10, price_minor = $11, currency = $12, country = $13, place = $14, latitude = $15,
    longitude = $16, delivery_from = $17, delivery_to = $18, term = $19, valid_until = $20, updated_at = $21, moved_at = $21,
    told_at = null, version = version + 1
where id = $1
returning *;

-- name: end_post
-- The party takes it back, or its time is up.
update market.post set state = $2, ended_at = $3, moved_at = $3 where id = $1 and state = 'open' returning *;

-- name: take
-- Take of what is open, never more than there is: the row's lock and its constraint see to that on every node.
update market.post set taken = taken + $2, moved_at = greatest(moved_at, $3)
where id = $1 and state = 'open' and valid_until > $3 and $2 > 0 and taken + $2 <= quantity
returning *;

-- name: give_back
-- What was taken is open again, since the contract never came into force.
update market.post set taken = taken - $2, moved_at = greatest(moved_at, $3) where id = $1 and $2 > 0 and taken >= $2 returning *;

-- name: set_on_board
-- An order of it stands on a board, or no longer.
update market.post set on_board = $2 where id = $1 returning *;

-- name: posts_to_lapse
-- Open posts whose time is up, for one node at a time.
select id from market.post where state = 'open' and valid_until <= $1 order by valid_until limit $2 for update skip locked;

-- name: next_lapse
-- When the next post's time is up.
select min(valid_until) from market.post where state = 'open';

-- name: is_barred
-- Whether the party may put nothing new on the market.
select barred_at is not null or disabled_at is not null from market.party where id = $1;

-- name: print_trade
-- One trade for the published data; the same trade once.
insert into market.trade_print (source, ref, category, term, currency, price_minor, quantity, traded_at)
values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (source, ref) do nothing returning id;

-- name: strike_print
-- The trade's contract never came into force: it counts no more.
update market.trade_print set struck_at = $3 where source = $1 and ref = $2 and struck_at is null returning category;

-- name: find_posts
-- A page of the posts that fit, in order, as everybody may see them: an anonymous one without whose it is.
select post.id, side, category, version, title_zh, title_en, description_zh, description_en, attributes, quantity,
       quantity - taken as open_quantity, all_or_none, minimum, price_minor, currency, country, place, delivery_from,
       delivery_to, term, anonymous, valid_until, listed_at, total,
       case when not anonymous then party.display_name end as party_name
from market.find_posts($1, $2, $3, $4, $5, $6) with ordinality as found (id, total, place_in_order)
join market.post using (id)
join market.party on party.id = post.party_id
order by found.place_in_order;

-- name: public_post
-- One post as everybody may see it from the moment that it is shown, also after its end.
select post.id, side, category, version, title_zh, title_en, description_zh, description_en, attributes, quantity,
       quantity - taken as open_quantity, all_or_none, minimum, price_minor, currency, country, place, delivery_from,
       delivery_to, term, anonymous, valid_until, listed_at,
       case when not anonymous then party.display_name end as party_name
from market.post join market.party on party.id = post.party_id
where post.id = $1;
