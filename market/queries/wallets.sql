-- name: currencies_of_seller
-- The currencies in which a party has sold anything.
select distinct currency from market.deal where seller_id = $1

-- name: titles_of_lots
-- The titles of some lots.
select id, title_en, title_zh from market.listing where id = any ($1::bigint[])

-- name: names_of_subjects
-- The lots behind a party's deposits and deals, by the names that the ledger knows them under.
select 'deposit:' || deposit.id as subject, listing.title_en, listing.title_zh
from escrow.deposit
join market.listing on deposit.subject = 'lot:' || listing.id
where deposit.party_id = $1
union all
select 'case:' || deal.case_id, deal.terms::jsonb ->> 'title_en', deal.terms::jsonb ->> 'title_zh'
from market.deal
where $1 in (deal.buyer_id, deal.seller_id)
