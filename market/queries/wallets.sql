-- name: currencies_of_seller
-- The currencies in which a party has sold anything.
select distinct currency from market.deal where seller_id = $1

-- name: titles_of_lots
-- The titles of some lots.
select id, title_en, title_zh from market.listing where id = any ($1::bigint[])
