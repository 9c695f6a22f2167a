-- name: calendar_page
-- Lots on show with where each stands at $1: the phase and the state are derived from the end, not from whether the
-- closer has run. Search: every pair of characters by the index, then each word looked up in the text itself. Figures
-- of different currencies are not compared: a sort by price goes currency by currency.
with found as (
  select listing.id, listing.format, listing.title_zh, listing.title_en, listing.category, listing.condition, listing.currency,
         listing.starts_at, listing.start_price_minor, listing.deposit_minor, listing.seller_id,
         listing.reserve_minor is not null as has_reserve,
         standing.price_minor, standing.bid_count, standing.outcome, standing.paused_at, standing.reserve_met,
         standing.phase, standing.ends_at,
         case when standing.phase = 'timed' and listing.extension_seconds is not null
              then least(standing.ends_at + make_interval(secs => listing.extension_seconds), listing.cap_at)
         end as second_end
  from market.listing
  join auction.standing on standing.lot_id = listing.id
  where listing.state = 'approved'
    and (cardinality($2::text[]) = 0
         or listing.search @@ market.bigram_query($2::text[])
            and not exists (select from unnest($2::text[]) as word where position(word in listing.search_text) = 0))
    and ($3::text is null or listing.category = $3)
    and ($4::text is null or listing.currency = $4)
), placed as (
  select found.*,
         case when outcome is null and paused_at is null and second_end is not null and $1 >= ends_at
              then 'delayed' else phase end as phase_now,
         case when outcome is null and paused_at is null and second_end is not null and $1 >= ends_at
              then second_end else ends_at end as end_now,
         case when outcome is not null then 'closed'
              when paused_at is null and $1 >= coalesce(second_end, ends_at) then 'closed'
              when starts_at <= $1 then 'live'
              else 'upcoming' end as state
  from found
)
select placed.id as lot_id, format, title_zh, title_en, category, condition, currency, starts_at, end_now as ends_at, state,
       phase_now as phase, price_minor, start_price_minor, bid_count, outcome, deposit_minor, paused_at,
       case when not has_reserve then 'none' when reserve_met then 'met' else 'not_met' end as reserve,
       first_photo.id as photo_id, coalesce(first_photo.alt_zh, '') as photo_alt_zh,
       coalesce(first_photo.alt_en, '') as photo_alt_en, count(*) over () as total
from placed
left join market.photo as first_photo on first_photo.listing_id = placed.id and first_photo.position = 1
where ($5::text is null or state = $5)
order by
  case state when 'live' then 0 when 'upcoming' then 1 else 2 end,
  case when $6 = 'ends' and state = 'live' then end_now end,
  case when $6 = 'ends' and state = 'upcoming' then starts_at end,
  case when $6 = 'starts' and state <> 'closed' then starts_at end,
  case when $6 in ('ends', 'starts') and state = 'closed' then end_now end desc,
  case when $6 in ('price', 'price_down') then currency end,
  case when $6 = 'price' then coalesce(price_minor, start_price_minor) end,
  case when $6 = 'price_down' then coalesce(price_minor, start_price_minor) end desc,
  placed.id
limit $7 offset $8;

-- name: calendar_rows_of
-- The same figures for a seller's lots and for lots one bids on: where each of $2 stands at $1.
with found as (
  select listing.*, standing.price_minor, standing.bid_count, standing.outcome, standing.paused_at,
         standing.reserve_met, standing.phase, standing.ends_at,
         case when standing.phase = 'timed' and listing.extension_seconds is not null
              then least(standing.ends_at + make_interval(secs => listing.extension_seconds), listing.cap_at)
         end as second_end
  from market.listing
  join auction.standing on standing.lot_id = listing.id
  where listing.id = any($2::bigint[])
)
select found.id as lot_id, format, title_zh, title_en, category, condition, currency, starts_at,
       case when outcome is null and paused_at is null and second_end is not null and $1 >= ends_at
            then second_end else ends_at end as ends_at,
       case when outcome is not null then 'closed'
            when paused_at is null and $1 >= coalesce(second_end, ends_at) then 'closed'
            when starts_at <= $1 then 'live'
            else 'upcoming' end as state,
       case when outcome is null and paused_at is null and second_end is not null and $1 >= ends_at
            then 'delayed' else phase end as phase,
       price_minor, start_price_minor, bid_count, outcome, deposit_minor, paused_at,
       case when reserve_minor is null then 'none' when reserve_met then 'met' else 'not_met' end as reserve,
       first_photo.id as photo_id, coalesce(first_photo.alt_zh, '') as photo_alt_zh,
       coalesce(first_photo.alt_en, '') as photo_alt_en
from found
left join market.photo as first_photo on first_photo.listing_id = found.id and first_photo.position = 1
order by found.id;
