-- name: plays
-- The facts of the shill score: each bidder on each of the newest $2 English lots that began after $1 and were not voided,
-- from the public log. `benchmarks/shill.py` says the same in Python, and a test compares the two.
with looked_at as (
  select l.id as lot_id, l.seller_id, l.starts_at, s.outcome is not null as is_over,
         case when s.outcome = 'sold' then s.leader_id end as winner_id,
         extract(epoch from coalesce(s.closed_at, s.ends_at) - l.starts_at)::float8 as seconds
  from auction.lot l
  join auction.standing s on s.lot_id = l.id
  where l.starts_at > $1 and s.outcome is distinct from 'void'
    and coalesce(convert_from(l.terms, 'UTF8')::json -> 'rule' ->> 'format', 'english') = 'english'
  order by l.starts_at desc, l.id desc
  limit $2
), priced as (
  select e.lot_id, e.seq, e.party_id, extract(epoch from e.at - t.starts_at)::float8 as at,
         (convert_from(e.body, 'UTF8')::json ->> 'price_minor')::bigint as amount
  from looked_at t
  join auction.event e on e.lot_id = t.lot_id and e.kind = 'bid' and e.party_id is not null
), placed as (
  select p.*,
         amount - max(amount) over (partition by lot_id order by seq rows between unbounded preceding and 1 preceding)
           as raise,
         case when lag(party_id) over by_seq <> party_id then at - lag(at) over by_seq end as wait
  from priced p
  window by_seq as (partition by lot_id order by seq)
), of_lot as (
  select lot_id, count(*) as lot_bids, min(raise) filter (where raise > 0) as smallest, avg(wait) as lot_wait
  from placed
  group by lot_id
)
select t.lot_id, t.seller_id, b.party_id as bidder_id, t.is_over,
       coalesce(t.is_over and t.winner_id = b.party_id, false) as won,
       count(*) as bids, o.lot_bids,
       least(1, greatest(0, min(b.at) / nullif(t.seconds, 0)))::float8 as first,
       least(1, greatest(0, max(b.at) / nullif(t.seconds, 0)))::float8 as last,
       count(*) filter (where b.raise > 0) as raises,
       count(*) filter (where b.raise > 0 and b.raise <= o.smallest) as small_raises,
       avg(b.wait)::float8 as wait, o.lot_wait::float8 as lot_wait
from placed b
join looked_at t on t.lot_id = b.lot_id
join of_lot o on o.lot_id = b.lot_id
group by t.lot_id, t.seller_id, t.is_over, t.winner_id, t.seconds, o.lot_bids, o.smallest, o.lot_wait, b.party_id
order by t.lot_id, b.party_id;

-- name: names
-- Names of parties.
select id, display_name from market.party where id = any($1::bigint[]);

-- name: links_of_pairs
-- What is known already of these pairs of bidder and seller.
select k.bidder_id, k.seller_id, k.state
from unnest($1::bigint[], $2::bigint[]) as w (bidder_id, seller_id)
join market.seller_link k on k.bidder_id = w.bidder_id and k.seller_id = w.seller_id;
