-- name: note_trait
-- A trait of a party as it was seen now; the first sight stays.
insert into market.party_trait (party_id, kind, fingerprint, source, first_seen_at, last_seen_at)
values ($1, $2, $3, $4, $5, $5)
on conflict on constraint party_trait_pk do update
set last_seen_at = greatest(party_trait.last_seen_at, excluded.last_seen_at);

-- name: link_by_traits
-- The links that shared traits make between a seller and a bidder, those that stand already left as they are. A device
-- or an address counts if both were seen with it after $4. One payment means bars, all else is flagged.
insert into market.seller_link (seller_id, bidder_id, kind, source, state, found_at)
select $1, $2, s.kind, string_agg(distinct s.source || ' = ' || b.source, ', '),
       case when s.kind = 'bank_account' then 'barring' else 'flagged' end, $3
from market.party_trait s
join market.party_trait b on b.kind = s.kind and b.fingerprint = s.fingerprint
where s.party_id = $1 and b.party_id = $2
  and (s.kind = 'bank_account' or (s.last_seen_at > $4 and b.last_seen_at > $4))
group by s.kind
on conflict on constraint seller_link_once do nothing
returning *;

-- name: link_states
-- What is decided about each link of a pair.
select state from market.seller_link where seller_id = $1 and bidder_id = $2;

-- name: pairs_meeting
-- Sellers and bidders who meet on an open lot, of whom one is party $1 and the other has the trait ($2, $3) too.
select distinct l.seller_id, a.party_id as bidder_id
from market.party_trait t
join market.application a on a.party_id in ($1, t.party_id)
join market.listing l on l.id = a.lot_id and l.seller_id in ($1, t.party_id) and l.seller_id <> a.party_id
join auction.standing s on s.lot_id = l.id and s.outcome is null
where t.kind = $2 and t.fingerprint = $3 and t.party_id <> $1;

-- name: sender_of_deposit
-- What the bank told at this instant of transfers: the reference as typed, and the account that it came from.
select body ->> 'reference' as reference, body ->> 'sender_number' as number
from escrow.bank_notice where received_at = $1 and kind = 'transfer.received';

-- name: forget_traits
-- Devices and addresses not seen since $1 are forgotten; accounts stay as long as the books.
delete from market.party_trait where kind <> 'bank_account' and last_seen_at <= $1;

-- name: operators
-- Who decides.
select id from market.party where 'operator' = any(roles) and disabled_at is null order by id;

-- name: party_names
-- Names for a notice and a page.
select id, display_name from market.party where id = any($1::bigint[]);

-- name: admitted_lots
-- The seller's open lots to which the bidder is admitted, in key order.
select a.lot_id, l.title_zh, l.title_en
from auction.admission a
join market.listing l on l.id = a.lot_id
join auction.standing s on s.lot_id = a.lot_id
where l.seller_id = $1 and a.party_id = $2 and a.removed_at is null and s.outcome is null
order by a.lot_id;

-- name: take_back_admission
-- The party holds a paddle no more; the operator's yes to the application stays on record.
update market.application set admitted_at = null, paddle = null where lot_id = $1 and party_id = $2;

-- name: lots_to_admit_again
-- The seller's open lots for which the bidder has the operator's yes and whatever deposit they ask, but no paddle.
select a.lot_id
from market.application a
join market.listing l on l.id = a.lot_id
join auction.standing s on s.lot_id = a.lot_id
left join escrow.deposit d on d.id = a.deposit_id
where l.seller_id = $1 and a.party_id = $2 and a.state = 'approved' and a.admitted_at is null and s.outcome is null
  and (a.deposit_id is null or d.state = 'held')
order by a.lot_id;

-- name: lock_link
-- One link, for a decision.
select * from market.seller_link where id = $1 for no key update;

-- name: decide_link
-- What an operator has decided about a link, and why.
update market.seller_link set state = $2, decided_by = $3, decided_at = $4, reason = $5 where id = $1 returning *;

-- name: bar_pair
-- An operator's own bar; a second one takes the first one's place.
insert into market.seller_link (seller_id, bidder_id, kind, source, state, found_at, decided_by, decided_at, reason)
values ($1, $2, 'operator', 'operator', 'barring', $4, $3, $4, $5)
on conflict on constraint seller_link_once do update
set state = 'barring', decided_by = excluded.decided_by, decided_at = excluded.decided_at, reason = excluded.reason
returning *;

-- name: links_page
-- Links in one state (null: all), the newest first; those to decide are the operator's queue.
select k.*, seller.display_name as seller_name, bidder.display_name as bidder_name,
       decider.display_name as decided_by_name,
       array(select l.id from market.listing l
             join auction.standing s on s.lot_id = l.id and s.outcome is null
             where l.seller_id = k.seller_id
               and (exists (select from market.application a where a.lot_id = l.id and a.party_id = k.bidder_id)
                    or exists (select from auction.admission a where a.lot_id = l.id and a.party_id = k.bidder_id))
             order by l.id limit 20) as lot_ids
from market.seller_link k
join market.party seller on seller.id = k.seller_id
join market.party bidder on bidder.id = k.bidder_id
left join market.party decider on decider.id = k.decided_by
where $1::text is null or k.state = $1
order by k.found_at desc, k.id desc
limit $2 offset $3;

-- name: count_links
-- How many there are in a state.
select count(*) from market.seller_link where $1::text is null or state = $1;

-- name: open_flags_of_lots
-- Which of these applicants have a link to the seller that is to be decided or bars.
select a.id as application_id, bool_or(k.state = 'barring') as barring
from market.application a
join market.listing l on l.id = a.lot_id
join market.seller_link k on k.seller_id = l.seller_id and k.bidder_id = a.party_id and k.state <> 'cleared'
where a.id = any($1::bigint[])
group by a.id;
