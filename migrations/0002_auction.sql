-- The auction's record: lots, where each stands, the public log, every request to bid, and who may bid. Postgres is the
-- one arbiter: a node's memory is a guess, and what is written here is what happened. So the tables refuse a wrong book
-- by themselves: the log is append-only and chained, a standing moves only forward, and a closed lot is final.

-- A lot as it was opened. `terms` are the canonical bytes of everything public that bidding goes by (currency, rule,
-- start, deposit); their hash begins the chain of the lot's log. The reserve is secret, and may only be lowered.
create table auction.lot (
    id bigint constraint lot_pk primary key,
    seller_id bigint not null,
    currency text not null constraint lot_currency_is_iso check (currency ~ '^[A-Z]{3}$'),
    starts_at timestamptz not null,
    deposit_minor bigint not null constraint lot_deposit_not_negative check (deposit_minor between 0 and 1000000000000000),
    reserve_minor bigint constraint lot_reserve_in_range check (reserve_minor between 1 and 1000000000000000),
    terms bytea not null,
    genesis bytea not null generated always as (sha256(terms)) stored,
    opened_at timestamptz not null
);
comment on column auction.lot.reserve_minor is 'Secret: never in a payload, a log line or an event.';

-- Where a lot stands: one narrow row, updated by each batch of bids. No index but the key touches a column that a bid
-- changes, and half of each page is left free, so that an update stays on its page (HOT) and writes no index.
create table auction.standing (
    lot_id bigint constraint standing_pk primary key constraint standing_of_a_lot references auction.lot (id),
    version bigint not null constraint standing_version_not_negative check (version >= 0),
    seq bigint not null constraint standing_seq_from_one check (seq >= 1),
    head bytea not null constraint standing_head_is_a_hash check (octet_length(head) = 32),
    phase text not null constraint standing_phase_known check (phase in ('timed', 'delayed', 'closed')),
    ends_at timestamptz not null,
    price_minor bigint constraint standing_price_in_range check (price_minor between 1 and 1000000000000000),
    leader_id bigint,
    leader_maximum_minor bigint
        constraint standing_maximum_in_range check (leader_maximum_minor between 1 and 1000000000000000),
    reserve_met boolean not null,
    bid_count integer not null constraint standing_bid_count_not_negative check (bid_count >= 0),
    extension_count integer not null constraint standing_extension_count_not_negative check (extension_count >= 0),
    paused_at timestamptz,
    outcome text constraint standing_outcome_known check (outcome in ('sold', 'unsold', 'void')),
    closed_at timestamptz,
    constraint standing_price_and_leader_together check (
        num_nulls(price_minor, leader_id, leader_maximum_minor) in (0, 3) and (price_minor is null) = (bid_count = 0)
    ),
    constraint standing_maximum_covers_price check (leader_maximum_minor >= price_minor),
    constraint standing_outcome_iff_closed check (
        (phase = 'closed') = (outcome is not null) and (phase = 'closed') = (closed_at is not null)
    ),
    constraint standing_sold_to_somebody check (outcome is distinct from 'sold' or leader_id is not null),
    constraint standing_closed_is_not_paused check (outcome is null or paused_at is null)
) with (fillfactor = 50);
comment on column auction.standing.leader_maximum_minor is 'Secret: never in a payload, a log line or an event.';
-- Only the close changes the predicate, so bids stay HOT; a node reads this at its start.
create index standing_open on auction.standing (lot_id) where outcome is null;

-- The public log: gapless seq for each lot, each row chained to the one before. `body` holds the exact canonical bytes
-- that everybody may read and hash; nothing secret is in it. No foreign key to the lot: the check of the chain finds it.
create table auction.event (
    lot_id bigint not null,
    seq bigint not null constraint event_seq_from_one check (seq >= 1),
    kind text not null constraint event_kind_known check (
        kind in ('opened', 'bid', 'phase', 'paused', 'resumed', 'extended', 'reserve', 'credited', 'voided', 'closed')
    ),
    at timestamptz not null,
    party_id bigint,
    body bytea not null,
    hash bytea not null constraint event_hash_is_a_hash check (octet_length(hash) = 32),
    constraint event_pk primary key (lot_id, seq)
);
comment on column auction.event.party_id is 'Who acted; not public (bidders are shown to each other as paddles).';

-- Every request to bid that was judged, for ever: the first answer to a request id, and the audit trail of refusals.
-- What an accepted bid changed stands in the event of its seq.
create table auction.bid (
    party_id bigint not null,
    client_bid_id uuid not null,
    lot_id bigint not null,
    stamped_at timestamptz not null,
    amount_minor bigint not null,
    is_maximum boolean not null,
    refusal text,
    lowest_minor bigint,
    seq bigint not null constraint bid_seq_from_one check (seq >= 1),
    leads boolean not null,
    constraint bid_pk primary key (party_id, client_bid_id),
    constraint bid_refused_never_leads check (refusal is null or not leads)
);

-- Who may bid on a lot, under which paddle. Paddles are random, so that bidders can't be linked from lot to lot.
create table auction.admission (
    lot_id bigint not null constraint admission_of_a_lot references auction.lot (id),
    party_id bigint not null,
    paddle integer not null constraint admission_paddle_positive check (paddle > 0),
    admitted_at timestamptz not null,
    removed_at timestamptz,
    constraint admission_pk primary key (lot_id, party_id),
    constraint admission_paddle_unique unique (lot_id, paddle)
);
create index admission_by_party on auction.admission (party_id, lot_id);

-- The house's sign of life, one row: when a node could last commit. A silence is an outage, and lots that were due in it
-- get the time back. Null until the first node runs.
create table auction.heartbeat (
    is_only_row boolean constraint heartbeat_pk primary key default true constraint heartbeat_only_row check (is_only_row),
    beaten_at timestamptz
);
insert into auction.heartbeat default values;

-- Refuses whatever would rewrite history.
create function auction.refuse_rewrite() returns trigger language plpgsql as $$
begin
    raise exception 'auction.% is append-only', tg_table_name
        using errcode = 'check_violation', constraint = tg_table_name || '_append_only';
end
$$;
create trigger event_append_only before update or delete or truncate on auction.event
    for each statement execute function auction.refuse_rewrite();
create trigger bid_append_only before update or delete or truncate on auction.bid
    for each statement execute function auction.refuse_rewrite();
create trigger standing_never_deleted before delete or truncate on auction.standing
    for each statement execute function auction.refuse_rewrite();
create trigger lot_never_deleted before delete or truncate on auction.lot
    for each statement execute function auction.refuse_rewrite();

-- Of a lot only the reserve may change, and only downwards.
create function auction.lot_is_fixed() returns trigger language plpgsql as $$
begin
    if (old.id, old.seller_id, old.currency, old.starts_at, old.deposit_minor, old.terms, old.opened_at)
        is distinct from (new.id, new.seller_id, new.currency, new.starts_at, new.deposit_minor, new.terms, new.opened_at)
        or new.reserve_minor is null or new.reserve_minor >= old.reserve_minor or old.reserve_minor is null
    then
        raise exception 'of a lot only the reserve may change, downwards'
            using errcode = 'check_violation', constraint = 'lot_fixed_but_a_lower_reserve';
    end if;
    return new;
end
$$;
create trigger lot_fixed before update on auction.lot for each row execute function auction.lot_is_fixed();

-- A standing moves forward: the version by one, seq and price never down, the end never back, and nothing after the close.
create function auction.standing_moves_forward() returns trigger language plpgsql as $$
declare
    broken text;
begin
    broken := case
        when old.outcome is not null then 'standing_closed_is_final'
        when new.version <> old.version + 1 then 'standing_version_by_one'
        when new.lot_id <> old.lot_id or new.seq < old.seq then 'standing_seq_never_back'
        when new.ends_at < old.ends_at then 'standing_end_never_back'
        when new.price_minor < old.price_minor or (new.price_minor is null and old.price_minor is not null)
            then 'standing_price_never_falls'
    end;
    if broken is not null then
        raise exception 'lot %: %', old.lot_id, broken using errcode = 'check_violation', constraint = broken;
    end if;
    return new;
end
$$;
create trigger standing_forward before update on auction.standing
    for each row execute function auction.standing_moves_forward();

-- The standing says what the log says: its head is the hash of its last event, and its leader has been admitted.
create function auction.standing_agrees_with_log() returns trigger language plpgsql as $$
declare
    astray bigint;
begin
    select s.lot_id into astray
    from fresh s
    left join auction.event e on e.lot_id = s.lot_id and e.seq = s.seq
    left join auction.admission a on a.lot_id = s.lot_id and a.party_id = s.leader_id
    where e.hash is distinct from s.head or (s.leader_id is not null and a.paddle is null)
    limit 1;
    if found then
        raise exception 'lot %: the standing is not that of its last event', astray
            using errcode = 'check_violation', constraint = 'standing_agrees_with_log';
    end if;
    return null;
end
$$;
create trigger standing_agrees_on_insert after insert on auction.standing
    referencing new table as fresh for each statement execute function auction.standing_agrees_with_log();
create trigger standing_agrees_on_update after update on auction.standing
    referencing new table as fresh for each statement execute function auction.standing_agrees_with_log();

-- Each event follows the one before it without a gap, and its hash is that of the former hash and its own bytes.
create function auction.event_chain_holds() returns trigger language plpgsql as $$
declare
    astray record;
begin
    select e.lot_id, e.seq into astray
    from fresh e
    left join auction.event former on former.lot_id = e.lot_id and former.seq = e.seq - 1
    left join auction.lot l on e.seq = 1 and l.id = e.lot_id
    where e.hash is distinct from sha256(coalesce(former.hash, l.genesis) || e.body)
    limit 1;
    if found then
        raise exception 'lot %: event % does not continue the log', astray.lot_id, astray.seq
            using errcode = 'check_violation', constraint = 'event_continues_the_log';
    end if;
    return null;
end
$$;
create trigger event_chain after insert on auction.event
    referencing new table as fresh for each statement execute function auction.event_chain_holds();

grant select, insert on auction.lot, auction.standing, auction.event, auction.bid, auction.admission to gavelhouse_app;
grant update (reserve_minor) on auction.lot to gavelhouse_app;
grant update on auction.standing to gavelhouse_app;
grant select, update (beaten_at) on auction.heartbeat to gavelhouse_app;
grant update (removed_at) on auction.admission to gavelhouse_app;
