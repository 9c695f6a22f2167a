-- name: categories
-- Every category: groups first, then their kinds of goods, in the order in which pages show them.
select code, parent, position, name_en, name_zh, unit, attributes, version, retired_at
from market.category order by parent nulls first, position, code;

-- name: category
-- One category.
select code, parent, position, name_en, name_zh, unit, attributes, version, retired_at
from market.category where code = $1;

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

-- name: insert_posts
-- Many new posts of one party at once.
insert into market.post (party_id, side, category, title_zh, title_en, description_zh, description_en, attributes, words,
  quantity, all_or_none, minimum, price_minor, currency, country, place, latitude, longitude, delivery_from, delivery_to,
  term, anonymous, valid_until, posted_at, updated_at, moved_at, shown_at, listed_at)
select $1, said.side, said.category, said.title_zh, said.title_en, said.description_zh, said.description_en, said.attributes,
  one.words, said.quantity, said.all_or_none, said.minimum, said.price_minor, said.currency, said.country, said.place,
  said.latitude, said.longitude, said.delivery_from, said.delivery_to, said.term, said.anonymous, one.valid_until, $3, $3, $3,
  one.shown_at, date_trunc('hour', one.shown_at)
from jsonb_to_recordset($2) as one (content jsonb, words text, valid_until timestamptz, shown_at timestamptz),
  jsonb_to_record(one.content) as said (side text, category text, title_zh text, title_en text, description_zh text,
    description_en text, attributes jsonb, quantity bigint, all_or_none boolean, minimum bigint, price_minor bigint, currency text,
    country text, place text, latitude integer, longitude integer, delivery_from date, delivery_to date, term text, anonymous boolean);

-- name: post_by_id
-- A post as it stands.
select * from market.post where id = $1;

-- name: lock_post
-- A post, locked till the end of the transaction.
select * from market.post where id = $1 for update;

-- name: lock_posts
-- Posts, locked till the end of the transaction in the order of their numbers.
select * from market.post where id = any($1) order by id for update;

-- name: posts_of_party
-- A party's own posts, the newest first, or those of them that stand so at an instant.
select * from market.post
where party_id = $1
  and ($2::text is null or $2 = case when state <> 'open' then state when taken >= quantity then 'taken' when valid_until <= $3 then 'lapsed'
                                else 'open' end)
order by posted_at desc, id limit $4 offset $5;

-- name: count_posts_of_party
-- How many of a party's posts stand so at an instant, or at all.
select count(*) from market.post
where party_id = $1
  and ($2::text is null or $2 = case when state <> 'open' then state when taken >= quantity then 'taken' when valid_until <= $3 then 'lapsed'
                                else 'open' end);

-- name: kinds_of_party
-- In which kinds of goods a party has ever posted.
select distinct category from market.post where party_id = $1;

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

-- name: take_many
-- What one transaction takes of many posts, at once: the caller has locked them, and counts those that could give it. Those
-- whose order is filled leave their board. The market's version comes of the prints that are written beside it, so that a
-- post is written in its place, without its indexes.
update market.post set taken = taken + wanted.quantity, on_board = on_board and not wanted.leaves
from unnest($1::bigint[], $2::bigint[], $4::boolean[]) as wanted (id, quantity, leaves)
where post.id = wanted.id and state = 'open' and valid_until > $3 and wanted.quantity > 0
  and taken + wanted.quantity <= post.quantity
returning post.id;

-- name: give_back
-- What was taken is open again, since the contract never came into force.
update market.post set taken = taken - $2, moved_at = greatest(moved_at, $3) where id = $1 and $2 > 0 and taken >= $2 returning *;

-- name: set_on_board
-- An order of it stands on a board, or no longer.
update market.post set on_board = $2 where id = $1 returning *;

-- name: put_on_boards
-- Orders of these posts stand on a board, or no longer.
update market.post set on_board = $2 where id = any($1);

-- name: lock_post_ids
-- Posts, locked till the end of the transaction in the order of their numbers, and not read.
select from market.post where id = any($1) order by id for update;

-- name: lapse_posts
-- Open posts whose time is up end, on one node at a time.
update market.post set state = 'lapsed', ended_at = $1, moved_at = $1
where id in (select id from market.post where state = 'open' and valid_until <= $1 order by valid_until limit $2 for update skip locked)
returning category;

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

-- name: print_trades
-- Many trades of one kind of goods at one moment, each once.
insert into market.trade_print (source, ref, category, term, currency, price_minor, quantity, traded_at)
select $1, ref, $2, $3, $4, price_minor, quantity, $5
from unnest($6::bigint[], $7::bigint[], $8::bigint[]) as traded (ref, price_minor, quantity)
on conflict (source, ref) do nothing;

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

-- name: party_names
-- Who has put his name to posts that everybody sees.
select post.id, party.display_name as party_name from market.post join market.party on party.id = post.party_id
where post.id = any($1::bigint[]) and not anonymous;

-- name: insert_search
-- A search to be told of; the same once.
insert into market.saved_search (party_id, name, query, side, category, alerts, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (party_id, query) do update set name = excluded.name, alerts = excluded.alerts
returning id, name, query, alerts, created_at, told_at;

-- name: searches_of
-- A party's own searches.
select id, name, query, alerts, created_at, told_at from market.saved_search where party_id = $1 order by name, id;

-- name: count_searches
-- How many a party has.
select count(*) from market.saved_search where party_id = $1;

-- name: set_search_alerts
-- Whether the party wants to be told.
update market.saved_search set alerts = $3 where id = $1 and party_id = $2
returning id, name, query, alerts, created_at, told_at;

-- name: forget_search
-- A party's search, gone with what it had found.
delete from market.saved_search where id = $1 and party_id = $2 returning id;

-- name: posts_to_tell
-- Posts that are shown by now and that no search has been asked about, for one node at a time.
select id, side, category, shown_at > posted_at as came_later from market.post
where told_at is null and shown_at <= $1 order by shown_at limit $2 for update skip locked;

-- name: mark_told
-- The searches have been asked. One that was held back moves the market only now.
update market.post
set told_at = $2, moved_at = case when shown_at > posted_at then greatest(moved_at, $2) else moved_at end
where id = any($1::bigint[]);

-- name: searches_to_ask
-- Searches that could want a post of these sides and categories (their groups among them).
select id, query from market.saved_search
where alerts and (side is null or side = any($1::text[])) and (category is null or category = any($2::text[]));

-- name: keep_hits
-- What fits, by the one function that the page asks too. Nobody is told of his own posts, nor of one twice.
insert into market.search_hit (search_id, post_id, found_at)
select asked.id, fits, $4
from unnest($1::bigint[], $2::jsonb[]) as asked (id, wanted)
join market.saved_search as mine on mine.id = asked.id
cross join lateral market.fitting_posts(
  asked.wanted || jsonb_build_object('ids', to_jsonb($3::bigint[])), $4, '', cardinality($3::bigint[]), 0, false) as fits
join market.post on post.id = fits and post.party_id <> mine.party_id
on conflict do nothing;

-- name: searches_with_news
-- Searches whose party is due a notice: something was found that it has not been told, and the last notice is a minute old.
select id, party_id, name, query from market.saved_search
where (told_at is null or told_at <= $1)
  and exists (select from market.search_hit where search_id = saved_search.id and search_hit.told_at is null)
order by id limit $2 for update skip locked;

-- name: tell_hits
-- Everything found for the search is told with this notice.
update market.search_hit set told_at = $2 where search_id = $1 and told_at is null;

-- name: mark_search_told
-- When its last notice went out.
update market.saved_search set told_at = $2 where id = $1;

-- name: book_levels
-- What is open in a kind of goods at a price, by side and level, the best first: quantities and how many posts, no more.
select side, price_minor, sum(quantity - taken)::bigint as quantity, count(*)::integer as posts
from market.post
where category = $1 and currency = $2 and state = 'open' and taken < quantity and valid_until > $3 and shown_at <= $3
  and price_minor is not null and ($4::text is null or term = $4)
group by side, price_minor
order by side, case side when 'supply' then price_minor end, price_minor desc;

-- name: book_asks
-- What is open without a price, by side.
select side, sum(quantity - taken)::bigint as quantity, count(*)::integer as posts
from market.post
where category = $1 and currency = $2 and state = 'open' and taken < quantity and valid_until > $3 and shown_at <= $3
  and price_minor is null and ($4::text is null or term = $4)
group by side;

-- name: last_trades
-- The newest trades of a kind of goods, told to the minute.
select date_trunc('minute', traded_at) as traded_at, term, currency, price_minor, quantity
from market.trade_print
where category = $1 and currency = $2 and struck_at is null and traded_at <= $3
order by traded_at desc, id desc limit $4;

-- name: index_days
-- The volume-weighted mean price of each day (UTC), with the day's volume, trades, highest and lowest.
select (traded_at at time zone 'UTC')::date as day, round(sum(price_minor::numeric * quantity) / sum(quantity))::bigint as index_minor,
       sum(quantity)::bigint as volume, count(*)::integer as trades, max(price_minor) as high_minor, min(price_minor) as low_minor
from market.trade_print
where category = $1 and currency = $2 and struck_at is null and traded_at >= $3 and traded_at < $4
group by 1 order by 1;

-- name: traded_currencies
-- In which currencies a kind of goods is traded or posted, the most used first.
select currency from (
  select currency, count(*) * 1000 as weight from market.trade_print where category = $1 and struck_at is null group by currency
  union all
  select currency, count(*) from market.post where category = $1 and state = 'open' and valid_until > $2 and shown_at <= $2 group by currency
) as used group by currency order by sum(weight) desc, currency;

-- name: market_glance
-- Every kind of goods at a glance, in the currency in which it was traded last: what is open, the last price and day's index.
select category.code, counted.supply, counted.demand, counted.supply_posts, counted.demand_posts,
       last.currency, last.price_minor, last.traded_at, before.price_minor as before_minor
from market.category
left join lateral (
  select coalesce(sum(quantity - taken) filter (where side = 'supply'), 0)::bigint as supply,
         coalesce(sum(quantity - taken) filter (where side = 'demand'), 0)::bigint as demand,
         count(*) filter (where side = 'supply')::integer as supply_posts,
         count(*) filter (where side = 'demand')::integer as demand_posts
  from market.post
  where post.category = category.code and state = 'open' and taken < quantity and valid_until > $1 and shown_at <= $1
) as counted on true
left join lateral (
  select currency, price_minor, date_trunc('minute', traded_at) as traded_at from market.trade_print
  where trade_print.category = category.code and struck_at is null and traded_at <= $1
  order by trade_print.traded_at desc, id desc limit 1
) as last on true
left join lateral (
  select round(sum(price_minor::numeric * quantity) / sum(quantity))::bigint as price_minor from market.trade_print
  where trade_print.category = category.code and struck_at is null and trade_print.currency = last.currency
    and (trade_print.traded_at at time zone 'UTC')::date = (
      select max((earlier.traded_at at time zone 'UTC')::date) from market.trade_print as earlier
      where earlier.category = category.code and earlier.currency = last.currency and earlier.struck_at is null
        and (earlier.traded_at at time zone 'UTC')::date < (last.traded_at at time zone 'UTC')::date)
) as before on true
where category.parent is not null and category.retired_at is null
order by category.position, category.code;

-- name: newest_posts
-- The newest posts for the open feed, as everybody may see them.
select post.id, side, category, version, title_zh, title_en, description_zh, description_en, attributes, quantity,
       quantity - taken as open_quantity, all_or_none, minimum, price_minor, currency, country, place, delivery_from,
       delivery_to, term, anonymous, valid_until, listed_at,
       case when not anonymous then party.display_name end as party_name
from market.post join market.party on party.id = post.party_id
where state = 'open' and taken < quantity and valid_until > $1 and shown_at <= $1 and ($2::text is null or category = $2)
order by listed_at desc, post.id limit $3;
