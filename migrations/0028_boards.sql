-- Boards, on which standing supply meets standing demand: orders, the clearings of call auctions, and every fill.
--
-- That no order is ever filled with more than it asked for is the database's to keep: only the writing of a fill moves
-- `filled`, on both orders at once, and nobody else may write it.

create table market.board (
  id              bigint generated always as identity constraint board_pk primary key,
  category        text not null references market.category (code),
  term            text not null constraint board_term_known
                  check (term in ('EXW', 'FCA', 'FAS', 'FOB', 'CFR', 'CIF', 'CPT', 'CIP', 'DAP', 'DPU', 'DDP')),
  currency        text not null references escrow.currency (code),
  country         text not null check (country ~ '^[A-Z]{2}$'),
  place           text not null check (length(place) between 1 and 120),
  attributes      jsonb not null default '{}' check (jsonb_typeof(attributes) = 'object'),
  lead_days       integer not null check (lead_days between 1 and 365),
  window_days     integer not null check (window_days between 0 and 365),
  mode            text not null constraint board_mode_known check (mode in ('call', 'continuous')),
  tick_minor      bigint not null check (tick_minor between 1 and 1000000000000),
  rationing       text not null constraint board_rationing_known check (rationing in ('time', 'pro_rata')),
  k_permille      integer check (k_permille between 0 and 1000),
  reference_minor bigint check (reference_minor between 1 and 1000000000000000),
  period_seconds  integer check (period_seconds between 10 and 2678400),
  next_at         timestamptz,
  state           text not null default 'open' constraint board_state_known check (state in ('open', 'halted')),
  reason          text not null default '' check (length(reason) <= 1000),
  version         bigint not null default 1,
  last_seq        bigint not null default 0,
  last_clearing   integer not null default 0,
  made_by         bigint not null references market.party (id),
  made_at         timestamptz not null,
  constraint board_call_has_a_clock check ((mode = 'call') = (period_seconds is not null and next_at is not null)),
  constraint board_k_is_for_calls check (k_permille is null or mode = 'call'),
  constraint board_continuous_rations_by_time check (mode = 'call' or rationing = 'time')
);
comment on column market.board.attributes is 'What the goods of every order must be, by attribute of the category';
comment on column market.board.lead_days is 'Delivery begins so many days after a trade, and is due within window_days from then';
comment on column market.board.reference_minor is 'Where the price rules look when pressure does not decide; after each clearing its price';
comment on column market.board.version is 'Counts every change of the board or of its book';
create index board_due on market.board (next_at) where state = 'open' and mode = 'call';

create table market.board_order (
  id          bigint generated always as identity constraint board_order_pk primary key,
  board_id    bigint not null references market.board (id),
  seq         bigint not null check (seq > 0),
  post_id     bigint not null references market.post (id),
  party_id    bigint not null references market.party (id),
  side        text not null constraint board_order_side_known check (side in ('supply', 'demand')),
  price_minor bigint not null check (price_minor between 1 and 1000000000000000),
  quantity    bigint not null check (quantity between 1 and 1000000000000),
  minimum     bigint not null,
  filled      bigint not null default 0,
  state       text not null default 'open'
              constraint board_order_state_known check (state in ('open', 'filled', 'withdrawn', 'lapsed')),
  entered_at  timestamptz not null,
  good_until  timestamptz not null,
  ended_at    timestamptz,
  constraint board_order_place_in_time unique (board_id, seq),
  constraint board_order_filled_within_quantity check (filled between 0 and quantity),
  constraint board_order_minimum_within_quantity check (minimum between 1 and quantity),
  constraint board_order_filled_is_filled check ((state = 'filled') = (filled = quantity)),
  constraint board_order_ended_together check ((state = 'open') = (ended_at is null))
);
comment on column market.board_order.seq is 'The place in time on its board';
comment on column market.board_order.good_until is 'The validity of its post, which can not change while the order stands';
create unique index board_order_one_live_of_a_post on market.board_order (post_id) where state = 'open';
create index board_order_live on market.board_order (board_id, seq) where state = 'open';
create index board_order_to_lapse on market.board_order (board_id, good_until) where state = 'open';
create index board_order_of_party on market.board_order (party_id, id desc);

create table market.clearing (
  board_id    bigint not null references market.board (id),
  n           integer not null check (n > 0),
  at          timestamptz not null,
  price_minor bigint,
  volume      bigint not null check (volume >= 0),
  orders      integer not null check (orders > 0),
  proof       text not null,
  sha256      bytea not null check (length(sha256) = 32),
  constraint clearing_pk primary key (board_id, n),
  constraint clearing_price_where_traded check ((price_minor is null) = (volume = 0))
);
comment on column market.clearing.proof is 'The signed statement that everybody on the board can check: orders by alias, curve, price, fills';
create trigger clearing_is_append_only before update or delete on market.clearing
  for each row execute function market.refuse_change();

create table market.fill (
  id          bigint generated always as identity constraint fill_pk primary key,
  board_id    bigint not null references market.board (id),
  clearing    integer,
  supply_id   bigint not null references market.board_order (id),
  demand_id   bigint not null references market.board_order (id),
  units       bigint not null check (units > 0),
  price_minor bigint not null check (price_minor between 1 and 1000000000000000),
  at          timestamptz not null,
  constraint fill_of_clearing foreign key (board_id, clearing) references market.clearing (board_id, n)
);
create index fill_of_board on market.fill (board_id, id desc);
create index fill_of_supply on market.fill (supply_id);
create index fill_of_demand on market.fill (demand_id);
create trigger fill_is_append_only before update or delete on market.fill
  for each row execute function market.refuse_change();

-- A fill moves both its orders, or is not written: each side its own, both on this board, live, and within their limits.
create function market.fill_moves_orders() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  moved bigint;
begin
  with moving as (
    select order_id, sum(units) as units, max(at) as at from (
      select supply_id as order_id, units, at from made union all select demand_id, units, at from made) as legs
    group by order_id)
  update market.board_order o
  set filled = o.filled + m.units,
      state = case when o.filled + m.units = o.quantity then 'filled' else 'open' end,
      ended_at = case when o.filled + m.units = o.quantity then m.at end
  from moving m where o.id = m.order_id and o.state = 'open';
  get diagnostics moved = row_count;
  if moved <> (select count(*) from (select supply_id from made union select demand_id from made) as orders) then
    raise exception 'a fill of an order that is not live' using errcode = 'check_violation', constraint = 'fill_of_live_orders';
  end if;
  if exists (
    select from made f join market.board_order s on s.id = f.supply_id join market.board_order d on d.id = f.demand_id
    where s.side <> 'supply' or d.side <> 'demand' or s.board_id <> f.board_id or d.board_id <> f.board_id
       or s.party_id = d.party_id or f.price_minor < s.price_minor or f.price_minor > d.price_minor)
  then
    raise exception 'a fill beyond a limit, or of the wrong orders' using errcode = 'check_violation', constraint = 'fill_within_limits';
  end if;
  return null;
end
$$;
create trigger fill_moves_orders after insert on market.fill referencing new table as made
  for each statement execute function market.fill_moves_orders();

-- What a clearing says was traded, and at what price, is what its fills come to when the transaction ends.
create function market.clearing_is_its_fills() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if new.volume <> (select coalesce(sum(units), 0) from market.fill where board_id = new.board_id and clearing = new.n)
     or exists (select from market.fill where board_id = new.board_id and clearing = new.n and price_minor <> new.price_minor)
  then
    raise exception 'a clearing that is not its fills' using errcode = 'check_violation', constraint = 'clearing_is_its_fills';
  end if;
  return null;
end
$$;
create constraint trigger clearing_is_its_fills after insert on market.clearing
  deferrable initially deferred for each row execute function market.clearing_is_its_fills();

grant select, insert on market.board, market.board_order, market.clearing, market.fill to gavelhouse_app;
grant update (reference_minor, next_at, state, reason, version, last_seq, last_clearing) on market.board to gavelhouse_app;
grant update (price_minor, quantity, minimum, seq, state, ended_at) on market.board_order to gavelhouse_app;
revoke execute on function market.fill_moves_orders(), market.clearing_is_its_fills() from public;
grant execute on function market.clearing_is_its_fills() to gavelhouse_app;
