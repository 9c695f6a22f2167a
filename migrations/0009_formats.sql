-- Other formats than the English: prices that fall or stay hidden until the close, lots that one bid ends at once or
-- that wait for the officers who open sealed bids, bids that say more than an amount, priority rights, retractions.

-- What the price may do until the close. 'hidden': price, leader and bid count are empty until then.
alter table auction.standing
    add column price_moves text not null default 'up'
        constraint standing_price_moves_known check (price_moves in ('up', 'down', 'hidden')),
    add column retraction_count integer not null default 0
        constraint standing_retraction_count_not_negative check (retraction_count >= 0),
    drop constraint standing_phase_known,
    drop constraint standing_price_and_leader_together,
    drop constraint standing_maximum_covers_price,
    drop constraint standing_sold_to_somebody,
    add constraint standing_phase_known check (phase in ('timed', 'delayed', 'decided', 'opening', 'closed')),
    add constraint standing_price_and_leader_together check (
        case price_moves
            when 'up' then num_nulls(price_minor, leader_id, leader_maximum_minor) in (0, 3) and (price_minor is null) = (bid_count = 0)
            when 'down' then leader_maximum_minor is null and (price_minor is not null or leader_id is null)
            else leader_maximum_minor is null
                and (outcome is not null or (num_nulls(price_minor, leader_id) = 2 and bid_count = 0))
        end
    ),
    add constraint standing_maximum_covers_price check (leader_maximum_minor >= price_minor),
    add constraint standing_sold_to_somebody check (
        outcome is distinct from 'sold' or leader_id is not null or (price_moves = 'hidden' and price_minor is not null)
    );
comment on column auction.standing.price_moves is 'Fixed by the format.';

alter table auction.event
    drop constraint event_kind_known,
    add constraint event_kind_known check (
        kind in ('opened', 'bid', 'phase', 'paused', 'resumed', 'extended', 'reserve', 'credited', 'retracted', 'unsealed',
            'voided', 'closed')
    );

-- What the bidder said beside the amount, as he sent it: the same request has the same details.
alter table auction.bid add column details bytea;

-- A confirmed priority right on the lot, 1 the first. Null: none, not confirmed, or waived.
alter table auction.admission
    add column priority_rank integer constraint admission_priority_rank_positive check (priority_rank > 0);
grant update (priority_rank) on auction.admission to gavelhouse_app;

-- A standing moves forward: the version by one, seq and price never down where the format says so, the end never back,
-- and nothing after the close. Only a bid that ends the lot at once brings the end to its own instant; only a retraction,
-- which counts itself, lets a rising price fall.
create or replace function auction.standing_moves_forward() returns trigger language plpgsql as $$
declare
    broken text;
begin
    broken := case
        when old.outcome is not null then 'standing_closed_is_final'
        when new.version <> old.version + 1 then 'standing_version_by_one'
        when new.lot_id <> old.lot_id or new.seq < old.seq or new.price_moves <> old.price_moves
            then 'standing_seq_never_back'
        when new.retraction_count < old.retraction_count then 'standing_retraction_count_never_back'
        when new.ends_at < old.ends_at and (new.phase <> 'decided' or old.phase = 'decided') then 'standing_end_never_back'
        when new.price_moves = 'up' and new.retraction_count = old.retraction_count
            and (new.price_minor < old.price_minor or (new.price_minor is null and old.price_minor is not null))
            then 'standing_price_never_falls'
        when new.price_moves = 'down'
            and (new.price_minor > old.price_minor or (new.price_minor is null and old.price_minor is not null))
            then 'standing_price_never_rises'
    end;
    if broken is not null then
        raise exception 'lot %: %', old.lot_id, broken using errcode = 'check_violation', constraint = broken;
    end if;
    return new;
end
$$;

-- The seller chooses the format; `options` is what only that format asks.
alter table market.listing
    add column format text not null default 'english'
        constraint listing_format_known check (format in ('english', 'sealed', 'dutch', 'reverse', 'uniform')),
    add column options jsonb not null default '{}' constraint listing_options_is_object check (jsonb_typeof(options) = 'object');
