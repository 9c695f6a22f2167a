-- A sale: many lots under one roof, one after the other or all at once; what a bidder watches, and the budget that he has
-- set himself over all of its lots.

create table market.sale (
    id bigint generated always as identity primary key,
    title_zh text not null default '' check (length(title_zh) <= 160),
    title_en text not null default '' check (length(title_en) <= 160),
    description_zh text not null default '' check (length(description_zh) <= 8000),
    description_en text not null default '' check (length(description_en) <= 8000),
    currency text not null constraint sale_currency_is_iso check (currency ~ '^[A-Z]{3}$'),
    starts_at timestamptz not null,
    first_end_at timestamptz not null,
    stagger_seconds integer not null default 0 constraint sale_stagger_not_negative check (stagger_seconds between 0 and 86400),
    zone text not null default 'UTC',
    opened_at timestamptz,
    created_by bigint not null references market.party (id),
    created_at timestamptz not null,
    constraint sale_has_a_title check (title_zh <> '' or title_en <> ''),
    constraint sale_ends_after_its_start check (first_end_at > starts_at)
);
comment on column market.sale.stagger_seconds is '0: all lots end at once; else so long after each other, in order of number.';

alter table market.listing
    add column sale_id bigint references market.sale (id),
    add column lot_number integer constraint listing_lot_number_positive check (lot_number > 0),
    add constraint listing_number_in_a_sale check (num_nulls(sale_id, lot_number) in (0, 2)),
    add constraint listing_lot_number_unique unique (sale_id, lot_number) deferrable initially deferred;

create table market.watch (
    party_id bigint not null references market.party (id),
    lot_id bigint not null references market.listing (id),
    watched_at timestamptz not null,
    constraint watch_pk primary key (party_id, lot_id)
);

-- Which sale an open lot belongs to, and what each bidder has set himself for it: read by every node that judges bids.
create table auction.sale_lot (
    lot_id bigint constraint sale_lot_pk primary key constraint sale_lot_of_a_lot references auction.lot (id),
    sale_id bigint not null
);
create index sale_lot_by_sale on auction.sale_lot (sale_id, lot_id);

create table auction.budget (
    sale_id bigint not null,
    party_id bigint not null,
    most_lots integer constraint budget_most_lots_positive check (most_lots > 0),
    most_minor bigint constraint budget_most_in_range check (most_minor between 1 and 1000000000000000),
    set_at timestamptz not null,
    constraint budget_pk primary key (sale_id, party_id)
);

grant select, insert, update on market.sale to gavelhouse_app;
grant select, insert, delete on market.watch to gavelhouse_app;
grant select, insert on auction.sale_lot to gavelhouse_app;
grant select, insert, update on auction.budget to gavelhouse_app;
