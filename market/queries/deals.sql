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

-- name: deal_of_case
-- The contract under a case, with the parties' names of today.
select deal.*, buyer.display_name as buyer_name, seller.display_name as seller_name
from market.deal
join market.party as buyer on buyer.id = deal.buyer_id
join market.party as seller on seller.id = deal.seller_id
where deal.case_id = $1

-- name: deal_of_lot
-- The contract that a lot's hammer made, if it made one.
select deal.*, buyer.display_name as buyer_name, seller.display_name as seller_name
from market.deal
join market.party as buyer on buyer.id = deal.buyer_id
join market.party as seller on seller.id = deal.seller_id
where deal.lot_id = $1
