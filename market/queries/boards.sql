-- Boards and what stands on them.

-- name: insert_board
-- A new board; its number.
insert into market.board (category, term, currency, country, place, attributes, lead_days, window_days, mode, tick_minor,
  rationing, k_permille, reference_minor, period_seconds, next_at, made_by, made_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) returning id;

-- name: boards
-- Every board, or one, with the words of its goods, how much stands on each side, and the last trade.
select b.*, c.name_en, c.name_zh, c.unit,
  (select count(*) from market.board_order o where o.board_id = b.id and o.state = 'open') as live_orders,
  l.price_minor as last_price_minor, l.at as last_at
from market.board b join market.category c on c.code = b.category
left join lateral (select f.price_minor, f.at from market.fill f where f.board_id = b.id order by f.id desc limit 1) l on true
where $1::bigint is null or b.id = $1 order by c.position, b.id;

-- name: boards_by_id
-- These, with the words of their goods, as they are now.
select b.*, c.name_en, c.name_zh, c.unit from market.board b join market.category c on c.code = b.category
where b.id = any($1);

-- name: lock_board
-- One, locked: whoever changes the board or its book holds this row.
select b.*, c.name_en, c.name_zh, c.unit from market.board b join market.category c on c.code = b.category
where b.id = $1 for update of b;

-- name: lock_board_now
-- The same, if nobody else holds it.
select b.*, c.name_en, c.name_zh, c.unit from market.board b join market.category c on c.code = b.category
where b.id = $1 for update of b skip locked;

-- name: claim_due
-- The call auction whose time has come longest ago, if no other node is at it.
select id from market.board where mode = 'call' and state = 'open' and next_at <= $1 and id <> all($2)
order by next_at for update skip locked limit 1;

-- name: wait_at_most
-- Till the end of the transaction nothing that others hold is waited for longer than so.
select set_config('lock_timeout', $1, true);

-- name: next_due
-- When the next call auction clears, but for these.
select min(next_at) from market.board where mode = 'call' and state = 'open' and id <> all($1);

-- name: touch_board
-- The book has changed: the board's new version, and how many places in time were given out.
update market.board set version = version + 1, last_seq = last_seq + $2 where id = $1 returning version;

-- name: schedule
-- When the board clears next, and what it refers to then.
update market.board set next_at = $2, reference_minor = coalesce($3, reference_minor), last_clearing = $4,
  version = version + 1 where id = $1 returning version;

-- name: set_state
-- Open or halted, and why.
update market.board set state = $2, reason = $3, next_at = case when mode = 'call' then coalesce($4, next_at) end,
  version = version + 1 where id = $1 returning version;

-- name: insert_orders
-- Orders, each with its place in time; their numbers in order of place.
insert into market.board_order (board_id, seq, post_id, party_id, side, price_minor, quantity, minimum, entered_at, good_until)
select $1, * from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],
  $9::timestamptz[], $10::timestamptz[])
returning id, seq;

-- name: change_orders
-- Other limits and quantities; `seq` is each one's place in time.
update market.board_order set price_minor = w.price_minor, quantity = w.quantity, minimum = w.minimum, seq = w.seq
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
  as w (id, price_minor, quantity, minimum, seq)
where board_order.id = w.id;

-- name: orders_by_id
-- These orders.
select * from market.board_order where id = any($1);

-- name: live_orders
-- A part of what stands on a board, in order of time, behind the place $2.
select * from market.board_order where board_id = $1 and state = 'open' and seq > $2 order by seq limit $3;

-- name: unsound_orders
-- Live orders whose post can't give what is left of them any more.
select o.id from market.board_order o join market.post p on p.id = o.post_id
where o.board_id = $1 and o.state = 'open'
  and (p.state <> 'open' or p.valid_until <= $2 or p.quantity - p.taken < o.quantity - o.filled);

-- name: sides_of_parties
-- On which sides of a board these parties stand.
select distinct party_id, side from market.board_order where board_id = $1 and state = 'open' and party_id = any($2);

-- name: count_live
-- How many live orders a board has.
select count(*) from market.board_order where board_id = $1 and state = 'open';

-- name: count_conditional
-- How many of its live orders take no number below a minimum.
select count(*) from market.board_order where board_id = $1 and state = 'open' and minimum > 1;

-- name: end_orders
-- Orders that are not to be filled further; their posts.
update market.board_order set state = $2, ended_at = $3 where id = any($1) and state = 'open' returning post_id;

-- name: due_orders
-- Live orders of a board whose validity is over.
select id from market.board_order where board_id = $1 and state = 'open' and good_until <= $2;

-- name: boards_with_due_orders
-- Boards on which an order's validity is over.
select distinct board_id from market.board_order where state = 'open' and good_until <= $1 limit 100;

-- name: insert_fills
-- Fills, in order; their numbers and legs.
insert into market.fill (board_id, clearing, supply_id, demand_id, units, price_minor, at)
select $1, $2, f.supply_id, f.demand_id, f.units, f.price_minor, $7
from unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) with ordinality
  as f (supply_id, demand_id, units, price_minor, place) order by f.place
returning id, supply_id, demand_id, units, price_minor;

-- name: posts_of_filled
-- The posts of those orders that are filled.
select post_id from market.board_order where id = any($1) and state = 'filled' order by post_id;

-- name: insert_clearing
-- A clearing and its proof.
insert into market.clearing (board_id, n, at, price_minor, volume, orders, proof, sha256)
values ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: clearing
-- One clearing.
select board_id, n, at, price_minor, volume, orders, proof, sha256 from market.clearing where board_id = $1 and n = $2;

-- name: clearings
-- A board's clearings, the newest first, without their proofs.
select board_id, n, at, price_minor, volume, orders from market.clearing
where board_id = $1 and ($2::integer is null or n < $2) order by n desc limit $3;

-- name: orders_of
-- A party's orders on a board or on all, the newest first.
select * from market.board_order
where party_id = $1 and ($2::bigint is null or board_id = $2) and ($3::bigint is null or id < $3) order by id desc limit $4;

-- name: levels
-- The open quantity at each limit of a board, and of how many orders.
select side, price_minor, sum(quantity - filled)::bigint as quantity, count(*) as orders
from market.board_order where board_id = $1 and state = 'open' group by side, price_minor order by side, price_minor;

-- name: fills_of_board
-- A board's fills, the newest first; the minute is all that is told of the time.
select price_minor, units, date_trunc('minute', at) as at, clearing from market.fill
where board_id = $1 order by id desc limit $2;

-- name: fills_of_party
-- What a party has traded on a board, of one clearing or of all, the newest first, with the contracts that came of it: none
-- while it is being drawn up, none ever where the quantity was given back.
select f.id, o.side, o.id as order_id, f.units, f.price_minor, f.at, f.clearing, c.id as contract_id,
  b.fill_id is not null as is_given_back
from market.board_order o
join market.fill f on f.board_id = o.board_id and (f.supply_id = o.id or f.demand_id = o.id)
left join market.contract c on c.origin_kind = 'match' and c.origin_ref = f.id
left join market.fill_given_back b on b.fill_id = f.id
where o.party_id = $1 and o.board_id = $2 and ($3::integer is null or f.clearing = $3) and ($4::bigint is null or f.id < $4)
order by f.id desc limit $5;

-- name: claim_first_fills
-- A few fills whose contracts are due, held, the first of each match first; those that another node holds are passed by.
select fill_id from market.fill_to_draw where try_at is null or try_at <= $1
order by place, fill_id limit $2 for update skip locked;

-- name: claim_oldest_fills
-- The same, the oldest first: however many small matches come, the end of a large one has its turn.
select fill_id from market.fill_to_draw where try_at is null or try_at <= $1
order by fill_id limit $2 for update skip locked;

-- name: due_fills
-- What these have traded, and between whom.
select due.fill_id, due.tries, due.goods, f.board_id, f.units, f.price_minor, f.at, s.party_id as seller_id,
  d.party_id as buyer_id
from market.fill_to_draw due join market.fill f on f.id = due.fill_id
join market.board_order s on s.id = f.supply_id join market.board_order d on d.id = f.demand_id
where due.fill_id = any($1) order by due.fill_id;

-- name: fills_drawn
-- These have their contracts, or were given back; the boards of which hardly any other is waiting.
with gone as (delete from market.fill_to_draw where fill_id = any($1) returning board_id)
select distinct board_id from gone
where (select count(*) from (
  select from market.fill_to_draw w where w.board_id = gone.board_id and w.fill_id <> all($1) limit $2 + 1) as others) <= $2;

-- name: fill_not_drawn
-- It could not be drawn now, and is tried again.
update market.fill_to_draw set tries = tries + 1, try_at = $2 where fill_id = $1;

-- name: next_try
-- When one that could not be drawn is tried again.
select min(try_at) from market.fill_to_draw;

-- name: insert_given_back
-- No sound contract could be made of it.
insert into market.fill_given_back (fill_id, at, flaws) values ($1, $2, $3);

-- name: posts_of_fill
-- The posts that a fill took from.
select s.post_id as supply_post, d.post_id as demand_post, f.units
from market.fill f join market.board_order s on s.id = f.supply_id join market.board_order d on d.id = f.demand_id
where f.id = $1;

-- name: posts_for_board
-- A party's open posts that might stand on a board.
select p.id from market.post p join market.board b on b.id = $1
where p.party_id = $2 and p.state = 'open' and not p.on_board and p.valid_until > $3 and p.taken < p.quantity
  and p.category = b.category and p.term = b.term and p.currency = b.currency and p.country = b.country
  and p.price_minor is not null and p.attributes @> b.attributes order by p.posted_at desc limit 50;

-- name: partner_posts
-- Open posts of the other side that a post could be traded with: same goods and currency, somebody else's, to be seen by all.
select * from market.post
where category = $1 and currency = $2 and side = $3 and party_id <> $4 and state = 'open' and not on_board
  and valid_until > $5 and shown_at <= $5 and taken < quantity
order by listed_at desc, id limit $6;

-- name: reputations
-- Of each party: deals that came to their end as seller or buyer, and claims that went against it.
select p.id as party_id,
  (select count(*) from market.deal d join escrow.escrow_case c on c.id = d.case_id
   where p.id in (d.buyer_id, d.seller_id) and c.state in ('released', 'settled')) as completed,
  (select count(*) from escrow.claim k where k.seller_id = p.id and k.awarded_minor > 0) as claims_lost
from unnest($1::bigint[]) as p (id);
