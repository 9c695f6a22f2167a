-- name: insert_hammer
-- Marks a lot's close as carried over; returns a row the first time only.
insert into market.hammer (lot_id, outcome, seq, closed_at)
values ($1, $2, $3, $4)
on conflict (lot_id) do nothing
returning lot_id

-- name: hammer_lot
-- What the contract says of the lot, and its seller's name.
select listing.title_en, listing.title_zh, listing.deposit_minor, seller.display_name as seller_name
from market.listing
join market.party as seller on seller.id = listing.seller_id
where listing.id = $1

-- name: party_name
-- The name a party goes by now.
select display_name from market.party where id = $1

-- name: insert_deal
-- The contract, once and for all.
insert into market.deal (
    case_id, lot_id, buyer_id, seller_id, currency, hammer_minor, commission_bp,
    terms, terms_sha256, verification_code, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: insert_trade
-- The contract that two traders signed, once and for all.
insert into market.deal (
    case_id, contract_id, contract_version, buyer_id, seller_id, currency, hammer_minor, commission_bp,
    terms, terms_sha256, verification_code, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)

-- name: deal_of_case
-- The contract under a case, with the parties' names of today. A part that was split off, and a sale that was reinstated,
-- stand under the contract of the case they came from.
with recursive origin(id) as (
  select $1::bigint
  union
  select coalesce(escrow_case.parent_id, escrow_case.reinstates_id)
  from origin join escrow.escrow_case on escrow_case.id = origin.id
)
select deal.*, buyer.display_name as buyer_name, seller.display_name as seller_name
from market.deal
join market.party as buyer on buyer.id = deal.buyer_id
join market.party as seller on seller.id = deal.seller_id
where deal.case_id in (select id from origin)

-- name: deal_of_lot
-- A contract that a lot's hammer made, if it made one: the one under a case, if that is asked for; else the party's own
-- before another's, and the latest of several. A part's and a reinstated sale's contract is that of the case they came from.
with recursive origin(id) as (
  select $3::bigint
  union
  select coalesce(escrow_case.parent_id, escrow_case.reinstates_id)
  from origin join escrow.escrow_case on escrow_case.id = origin.id
)
select deal.*, buyer.display_name as buyer_name, seller.display_name as seller_name
from market.deal
join market.party as buyer on buyer.id = deal.buyer_id
join market.party as seller on seller.id = deal.seller_id
where deal.lot_id = $1 and ($3::bigint is null or deal.case_id in (select id from origin))
order by deal.buyer_id is not distinct from $2::bigint desc, deal.case_id desc
limit 1

-- name: deals_of_party
-- A party's deals with where their money stands, newest first, each part that was shipped by itself on a line of its own;
-- role and states may be narrowed, and how many in all.
select one.id as case_id, one.parent_id, deal.lot_id, deal.contract_id, deal.currency,
       one.price_minor - one.split_minor as hammer_minor, deal.created_at,
       deal.title_en, deal.title_zh,
       case when deal.buyer_id = $1 then 'buyer' else 'seller' end as role,
       one.state, timer.due_at, count(*) over () as total
from market.deal
left join escrow.escrow_case as again on again.reinstates_id = deal.case_id
join lateral (
  select * from escrow.escrow_case where id = coalesce(again.id, deal.case_id)
  union all
  select * from escrow.escrow_case where parent_id = coalesce(again.id, deal.case_id)
) as one on true
left join escrow.timer on timer.id = one.timer_id
where (deal.buyer_id = $1 and $2::text is distinct from 'seller' or deal.seller_id = $1 and $2::text is distinct from 'buyer')
  and ($3::text is null or one.state = $3)
order by deal.case_id desc, one.id
limit $4 offset $5

-- name: deals_of_house
-- Every deal of the house with where its money stands, newest first, parts on lines of their own; the operator's list.
select one.id as case_id, one.parent_id, deal.lot_id, deal.contract_id, deal.currency,
       one.price_minor - one.split_minor as hammer_minor, deal.created_at,
       deal.title_en, deal.title_zh,
       'operator' as role, one.state, timer.due_at, count(*) over () as total
from market.deal
left join escrow.escrow_case as again on again.reinstates_id = deal.case_id
join escrow.escrow_case as one on coalesce(one.parent_id, one.id) = coalesce(again.id, deal.case_id)
left join escrow.timer on timer.id = one.timer_id
where $1::text is null or one.state = $1
order by deal.case_id desc, one.id
limit $2 offset $3

-- name: case_of_viewer
-- The case that a lot's page sends a party on to: the buyer's own latest, or the seller's if one buyer took the whole.
select escrow_case.id
from market.deal
left join escrow.escrow_case as again on again.reinstates_id = deal.case_id
join escrow.escrow_case on escrow_case.id = coalesce(again.id, deal.case_id)
where deal.lot_id = $1
  and (deal.buyer_id = $2 or (deal.seller_id = $2 and escrow_case.subject not like '%/%'))
order by deal.case_id desc
limit 1

-- name: root_of_case
-- The first case of a deal: that from which a part was split off, or which was reinstated.
with recursive origin(id, depth) as (
  select $1::bigint, 0
  union all
  select coalesce(one.parent_id, one.reinstates_id), origin.depth + 1
  from origin join escrow.escrow_case as one on one.id = origin.id
  where coalesce(one.parent_id, one.reinstates_id) is not null
)
select id from origin order by depth desc limit 1;
