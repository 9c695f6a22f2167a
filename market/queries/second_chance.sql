-- name: bidders_in_order
-- Who bid on a lot, the best first, each with his own highest bid as the public log has it: lines of a bid that was taken
-- back do not count, and what a secret maximum would have reached beyond them stays unsaid. Left out are the named parties,
-- who was asked before, and whoever is barred from the house.
with retracted as (
  select (convert_from(body, 'UTF8')::jsonb #>> '{detail,seq}')::bigint as seq
  from auction.event where lot_id = $1 and kind = 'retracted'
), lines as (
  select (line ->> 'paddle')::integer as paddle, max((line ->> 'amount_minor')::bigint) as highest_minor
  from auction.event
  cross join lateral jsonb_array_elements(convert_from(body, 'UTF8')::jsonb -> 'lines') as line
  where lot_id = $1 and kind in ('bid', 'reserve') and (seq in (select seq from retracted)) is not true
  group by 1
), bids as (
  select distinct on (bid.party_id) bid.party_id, bid.amount_minor, bid.seq, bid.stamped_at
  from auction.bid
  where bid.lot_id = $1 and bid.refusal is null
    and not exists (select from auction.retraction
                    where retraction.party_id = bid.party_id and retraction.client_bid_id = bid.client_bid_id)
  order by bid.party_id, bid.amount_minor desc, bid.seq, bid.stamped_at
)
select bids.party_id, admission.paddle, least(lines.highest_minor, bids.amount_minor) as price_minor
from bids
join auction.admission on admission.lot_id = $1 and admission.party_id = bids.party_id
join lines on lines.paddle = admission.paddle
join market.party on party.id = bids.party_id
where bids.party_id <> all ($2::bigint[]) and party.barred_at is null
  and not exists (select from market.second_chance where lot_id = $1 and second_chance.party_id = bids.party_id)
order by bids.amount_minor desc, admission.priority_rank nulls last, bids.seq, bids.stamped_at
limit 1;

-- name: suppliers_in_order
-- Who bid on a purchase, by the ranking in its closing event, each at the price of his last bid. Left out are who was asked
-- before and whoever is barred from the house.
select admission.party_id, admission.paddle, (ranked.row ->> 'price_minor')::bigint as price_minor
from auction.event
cross join lateral jsonb_array_elements(convert_from(body, 'UTF8')::jsonb #> '{detail,ranking}') as ranked(row)
join auction.admission on admission.lot_id = event.lot_id and admission.paddle = (ranked.row ->> 'paddle')::integer
join market.party on party.id = admission.party_id
where event.lot_id = $1 and event.kind = 'closed' and party.barred_at is null
  and not exists (select from market.second_chance where lot_id = $1 and second_chance.party_id = admission.party_id)
order by (ranked.row ->> 'rank')::integer
limit 1;

-- name: has_second_offer
-- Whether the lot's rule passes it on to the runner-up by itself.
select format = 'english' and coalesce((options ->> 'second_offer')::boolean, false) from market.listing where id = $1;

-- name: sale_of_lot
-- Where a lot stands after its close: what came of it, whether a sale runs, who has defaulted, and what is under way.
select listing.seller_id, listing.currency, listing.format, listing.title_zh, listing.title_en, hammer.outcome,
       hammer.closed_at, hammer.seq,
       exists (select from market.deal
               join escrow.escrow_case on deal.case_id in (escrow_case.id, escrow_case.reinstates_id)
               where deal.lot_id = listing.id and escrow_case.state not in ('defaulted', 'cancelled', 'refunded')
              ) as is_sold,
       array(select deal.buyer_id from market.deal join escrow.escrow_case on escrow_case.id = deal.case_id
             where deal.lot_id = listing.id and escrow_case.state = 'defaulted' order by deal.buyer_id) as defaulted_ids,
       exists (select from market.second_chance where lot_id = listing.id and second_chance.state = 'offered') as is_offered,
       (select again.id from market.listing again where again.relist_of = listing.id and again.state <> 'withdrawn'
        order by again.id desc limit 1) as relisted_as
from market.listing
join market.hammer on hammer.lot_id = listing.id
where listing.id = $1;

-- name: insert_offer
-- An offer goes out.
insert into market.second_chance (lot_id, party_id, kind, currency, price_minor, offered_by, offered_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
returning *;

-- name: lock_offer
-- One offer for its answer; the second answer waits here and sees the first.
select * from market.second_chance where id = $1 for update;

-- name: end_offer
-- The one answer that an offer gets.
update market.second_chance set state = $2, ended_at = $3, case_id = $4 where id = $1
returning *;

-- name: offers_of_lot
-- Every offer of a lot, the latest first.
select second_chance.*, admission.paddle
from market.second_chance
join auction.admission on admission.lot_id = second_chance.lot_id and admission.party_id = second_chance.party_id
where second_chance.lot_id = $1 order by second_chance.id desc;

-- name: offers_of_party
-- What was offered to a party, the latest first.
select second_chance.*, admission.paddle
from market.second_chance
join auction.admission on admission.lot_id = second_chance.lot_id and admission.party_id = second_chance.party_id
where second_chance.party_id = $1 order by second_chance.id desc limit 100;

-- name: offer_by_id
-- One offer with the paddle of whom it is made to.
select second_chance.*, admission.paddle
from market.second_chance
join auction.admission on admission.lot_id = second_chance.lot_id and admission.party_id = second_chance.party_id
where second_chance.id = $1;

-- name: lapsed_offer
-- One offer whose time is up and that nobody else is looking at.
select id from market.second_chance where state = 'offered' and expires_at <= $1
order by expires_at limit 1 for update skip locked;

-- name: next_lapse_at
-- When the next offer runs out.
select min(expires_at) from market.second_chance where state = 'offered';
