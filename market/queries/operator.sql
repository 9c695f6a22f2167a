-- name: live_and_next_lots
-- The control room: lots that run at $1 or are paused, soonest end first, and after them the next to start.
select listing.id as lot_id, listing.format, listing.title_zh, listing.title_en, listing.currency, listing.starts_at,
       listing.starts_at <= $1 as started, party.display_name as seller_name,
       standing.phase, standing.ends_at, standing.price_minor, standing.bid_count, standing.paused_at
from auction.standing
join market.listing on listing.id = standing.lot_id
join market.party on party.id = listing.seller_id
where standing.outcome is null
order by listing.starts_at > $1, standing.paused_at is null,
         case when listing.starts_at <= $1 then standing.ends_at else listing.starts_at end, listing.id
limit $2;

-- name: queue_counts
-- How much waits for a decision, and how many lots run at $1 or are paused.
select (select count(*) from market.listing where state = 'submitted') as lots,
       (select count(*) from market.application where state = 'applied') as applications,
       (select count(*) from escrow.quarantine where state = 'open') as money,
       (select count(*) from market.seller_link where state = 'flagged') as links,
       count(*) filter (where standing.phase = 'opening') as openings,
       count(*) filter (where lot.starts_at <= $1 and standing.paused_at is null) as live,
       count(*) filter (where standing.paused_at is not null) as paused
from auction.standing
join auction.lot on lot.id = standing.lot_id
where standing.outcome is null;

-- name: audit_found
-- The audit trail, newest first: acts that begin with $1, of subject $2, by actor $3 (null: any).
select audit.id, audit.at, audit.actor_id, party.display_name as actor_name, audit.act, audit.subject, audit.reason,
       audit.detail
from market.audit
left join market.party on party.id = audit.actor_id
where ($1::text is null or starts_with(audit.act, $1))
  and ($2::text is null or audit.subject = $2)
  and ($3::bigint is null or audit.actor_id = $3)
order by audit.id desc
limit $4 offset $5;

-- name: count_audit_found
-- How many lines of the trail that is.
select count(*) from market.audit
where ($1::text is null or starts_with(act, $1))
  and ($2::text is null or subject = $2)
  and ($3::bigint is null or actor_id = $3);
