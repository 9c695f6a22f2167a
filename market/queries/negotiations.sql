-- name: insert_negotiation
-- A new negotiation; no row where the opener talks about this post already.
insert into market.negotiation (post_id, opener_id, seller_id, buyer_id, version, opened_at, moved_at)
values ($1, $2, $3, $4, 1, $5, $5)
on conflict (post_id, opener_id) where state = 'open' do nothing
returning *;

-- name: negotiation
-- One negotiation.
select * from market.negotiation where id = $1;

-- name: lock_negotiation
-- One negotiation, for whoever takes its next step.
select * from market.negotiation where id = $1 for update;

-- name: move_negotiation
-- After a step: its number, the state, and when the offer that stands runs out.
update market.negotiation
set version = $2, moved_at = $3, state = $4, lapses_at = $5, contract_id = $6
where id = $1
returning *;

-- name: insert_step
-- One step.
insert into market.negotiation_step (
    negotiation_id, n, kind, author_id, at, terms, terms_sha256, words, valid_until, firm, answers)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: steps_of
-- All steps, in order.
select n, kind, author_id, at, terms, terms_sha256, words, valid_until, firm, answers
from market.negotiation_step where negotiation_id = $1 order by n;

-- name: negotiations_of_party
-- A party's negotiations, those that moved last first, each with its last step but messages, and how many in all; or the
-- one with this id.
select negotiation.*, post.title_en, post.title_zh, post.side, post.anonymous, post.party_id as poster_id,
       seller.display_name as seller_name, buyer.display_name as buyer_name,
       last.kind as last_kind, last.author_id as last_author_id, count(*) over () as total
from market.negotiation
join market.post on post.id = negotiation.post_id
join market.party as seller on seller.id = negotiation.seller_id
join market.party as buyer on buyer.id = negotiation.buyer_id
cross join lateral (
  select kind, author_id from market.negotiation_step as step
  where step.negotiation_id = negotiation.id
  order by kind = 'message', n desc limit 1
) as last
where (negotiation.seller_id = $1 or negotiation.buyer_id = $1)
  and ($2::text is null or negotiation.state = $2)
  and ($3::bigint is null or negotiation.post_id = $3)
  and ($6::bigint is null or negotiation.id = $6)
order by negotiation.moved_at desc, negotiation.id desc
limit $4 offset $5;

-- name: due_negotiation
-- The negotiation whose offer has run out longest, locked; one that another node sees to is passed over.
select * from market.negotiation where lapses_at <= $1 order by lapses_at limit 1 for update skip locked;

-- name: next_lapse_at
-- When the next offer runs out.
select min(lapses_at) from market.negotiation where lapses_at is not null;

-- name: insert_file
-- A file beside a step; no row where its author has handed in the same before, or the negotiation holds as many as it may.
insert into market.negotiation_file (
    negotiation_id, n, author_id, kind, name, size_bytes, upload_sha256, content, thumbnail, created_at)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
where (select count(*) from market.negotiation_file where negotiation_id = $1) < $11::integer
returning id;

-- name: file_handed_in
-- Whether this person has handed in the same file before.
select exists (select from market.negotiation_file where negotiation_id = $1 and author_id = $2 and upload_sha256 = $3);

-- name: files_of
-- What lies beside the steps, without the bytes.
select id, n, author_id, kind, name, size_bytes, sha256, created_at
from market.negotiation_file where negotiation_id = $1 order by id;

-- name: file_content
-- The bytes of one file of this negotiation, whole or small.
select kind, name, case when $3 then thumbnail else content end as content
from market.negotiation_file where negotiation_id = $1 and id = $2;

-- name: notice_unread
-- Whether the party was told that this negotiation moved and has not looked yet.
select exists (
  select from market.notice where party_id = $1 and kind = $2 and link = $3 and read_at is null);
