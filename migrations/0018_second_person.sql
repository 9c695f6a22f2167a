-- Acts on valuable lots that wait for a second operator: who asked for what and why, and what became of it.
create table market.desk_request (
    id bigint generated always as identity primary key,
    lot_id bigint not null references market.listing (id),
    act text not null constraint desk_request_act_known check (act in ('pause', 'resume', 'extend', 'void')),
    ends_at timestamptz,
    reason text not null check (reason <> ''),
    requested_by bigint not null references market.party (id),
    requested_at timestamptz not null,
    expires_at timestamptz not null,
    confirmed_by bigint references market.party (id),
    confirmed_at timestamptz,
    constraint desk_request_confirmed_by_another check (confirmed_by <> requested_by),
    constraint desk_request_confirmed_together check (num_nulls(confirmed_by, confirmed_at) in (0, 2)),
    constraint desk_request_extends_to check ((act = 'extend') = (ends_at is not null))
);
create index desk_request_waiting on market.desk_request (lot_id) where confirmed_at is null;
grant select, insert on market.desk_request to gavelhouse_app;
grant update (confirmed_by, confirmed_at) on market.desk_request to gavelhouse_app;
