-- name: lots_bid_on
-- On which lots a party has a bid that stands in the log, and whether the lot hides its bids until the close.
select distinct bid.lot_id, standing.price_moves = 'hidden' as is_hidden
from auction.bid join auction.standing on standing.lot_id = bid.lot_id
where bid.party_id = $1 and bid.refusal is null;

-- name: deals_won
-- The escrow case of each lot that a party has won, or won a part of, to send it on to the deal. A supplier who wins sells.
select lot_id, max(case_id) as case_id
from market.deal where (buyer_id = $1 or seller_id = $1) and lot_id is not null group by lot_id;
