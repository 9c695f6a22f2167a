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
select 'case:' || deal.case_id, deal.title_en, deal.title_zh
from market.deal
where $1 in (deal.buyer_id, deal.seller_id)

-- name: names_of_records
-- What stands behind the subjects of a party's records: a title, the other side's name, and the deal.
select 'deposit:' || deposit.id as subject, listing.title_en, listing.title_zh, null as counterparty,
       null::bigint as case_id
from escrow.deposit
join market.listing on deposit.subject = 'lot:' || listing.id
where deposit.party_id = $1
union all
select 'case:' || deal.case_id, deal.title_en, deal.title_zh,
       deal.terms::jsonb ->> case when deal.buyer_id = $1 then 'seller_name' else 'buyer_name' end, deal.case_id
from market.deal
where $1 in (deal.buyer_id, deal.seller_id)
union all
select 'cheque:' || cheque.id, cheque.number, cheque.number, other.display_name,
       coalesce(cheque.paid_case_id, cheque.case_id)
from escrow.cheque
left join market.party other on other.id = case when cheque.writer_id = $1 then cheque.payee_id else cheque.writer_id end
where $1 in (cheque.writer_id, cheque.payee_id)
union all
select 'payout:' || payout.id, payout.end_to_end_id, payout.end_to_end_id, payout.holder, payout.case_id
from escrow.payout
where payout.party_id = $1
union all
select 'card:' || card_order.payment_id, card_order.brand || ' ' || card_order.last4,
       card_order.brand || ' ' || card_order.last4, null, card_order.case_id
from market.card_order
where card_order.party_id = $1

-- name: names_of_parties
-- The names that some parties show.
select id, display_name from market.party where id = any ($1::bigint[])
