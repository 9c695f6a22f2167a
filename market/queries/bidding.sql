-- name: lots_bid_on
-- On which lots a party has a bid that stands in the log.
select distinct lot_id from auction.bid where party_id = $1 and refusal is null;

-- name: deals_won
-- The escrow case of each lot that a party has won, to send it on to the deal.
select substr(subject, 5)::bigint as lot_id, id as case_id
from escrow.escrow_case where buyer_id = $1 and subject ~ '^lot:[0-9]+$';
