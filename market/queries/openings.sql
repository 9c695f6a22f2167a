-- name: insert_officer_key
-- An officer's new key.
insert into market.officer_key (party_id, public_key, sealed_key, salt, memory_kib, iterations, made_at)
values ($1, $2, $3, $4, $5, $6, $7)
returning id;

-- name: replace_officer_key
-- The key that was in use is for old lots alone.
update market.officer_key set replaced_at = $2 where party_id = $1 and replaced_at is null;

-- name: officer_key
-- The key that an officer uses now.
select party_id, public_key, sealed_key, salt, memory_kib, iterations
from market.officer_key where party_id = $1 and replaced_at is null;

-- name: officers
-- Operators who may hold a share: those who have a key, without the seller of the lot.
select p.id, p.display_name, k.id as key_id, k.public_key
from market.party p join market.officer_key k on k.party_id = p.id and k.replaced_at is null
where 'operator' = any(p.roles) and p.disabled_at is null and p.id <> $1
order by p.display_name, p.id;

-- name: lock_listing_for_key
-- The listing, so that no decision on it comes between.
select id, seller_id, state, format, options from market.listing where id = $1 for update;

-- name: forget_sealing
-- A ceremony that is held again replaces the one before.
delete from market.sealing where lot_id = $1;

-- name: insert_sealing
-- The public half of a lot's key, and how many officers open it.
insert into market.sealing (lot_id, public_key, threshold, officers, reserve_nonce, made_by, made_at)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: insert_share
-- One officer's share, sealed to his key.
insert into market.sealing_share (lot_id, number, officer_id, key_id, sealed_share) values ($1, $2, $3, $4, $5);

-- name: sealing
-- The ceremony of a lot.
select lot_id, public_key, threshold, officers, reserve_nonce, made_at from market.sealing where lot_id = $1;

-- name: holders
-- Who holds a share of the lot's key, and who has given it.
select s.number, s.officer_id, p.display_name, r.released_at
from market.sealing_share s
join market.party p on p.id = s.officer_id
left join market.released_share r on r.lot_id = s.lot_id and r.number = s.number
where s.lot_id = $1 order by s.number;

-- name: own_share
-- One officer's share and the key it is sealed to.
select s.number, s.sealed_share, r.released_at, k.party_id, k.public_key, k.sealed_key, k.salt, k.memory_kib, k.iterations
from market.sealing_share s
join market.officer_key k on k.id = s.key_id
left join market.released_share r on r.lot_id = s.lot_id and r.number = s.number
where s.lot_id = $1 and s.officer_id = $2;

-- name: release_share
-- The officer gives his share; the database refuses it before the bidding has ended.
insert into market.released_share (lot_id, number, value, released_at) values ($1, $2, $3, $4)
on conflict on constraint released_share_pk do nothing;

-- name: released_shares
-- The shares that have been given.
select number, value from market.released_share where lot_id = $1 and value is not null order by number;

-- name: forget_shares
-- The bids are open: nobody needs the key again.
update market.released_share set value = null where lot_id = $1 and value is not null;

-- name: sealed_lots
-- Sealed lots that an operator has something to do with: those to be approved, then the open ones, then the latest closed.
select l.id as lot_id, l.title_zh, l.title_en, l.state, g.lot_id is not null as has_key, s.phase, s.ends_at, s.outcome,
    (select count(*) from market.released_share r where r.lot_id = l.id) as released, g.threshold, g.officers,
    h.number is not null as is_mine, r.number is not null as i_gave
from market.listing l
left join market.sealing g on g.lot_id = l.id
left join auction.standing s on s.lot_id = l.id
left join market.sealing_share h on h.lot_id = l.id and h.officer_id = $1
left join market.released_share r on r.lot_id = l.id and r.number = h.number
where l.format = 'sealed' and l.state in ('submitted', 'approved')
order by s.outcome is not null, s.phase = 'opening' desc nulls first, s.ends_at desc nulls first, l.id
limit $2;

-- name: is_opening
-- Whether the lot waits for its officers.
select exists (select from auction.standing where lot_id = $1 and phase = 'opening' and outcome is null);

-- name: seller_of_sealed
-- Whose sealed lot it is.
select seller_id from market.listing where id = $1 and format = 'sealed';
