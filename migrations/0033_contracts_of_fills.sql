-- The contracts of a board's trades are drawn up after the trades have been written, by clocks of any node: a clearing of
-- a hundred thousand orders would otherwise hold its board and its posts for as long as it takes to draw as many contracts.
-- What is still to be drawn are rows that only the writing of a fill makes, and that leave only when the fill has its
-- contract, or when what it took was given back.

create table market.fill_to_draw (
  fill_id  bigint not null constraint fill_to_draw_pk primary key,
  board_id bigint not null,
  place    integer not null check (place > 0),
  goods    jsonb not null check (jsonb_typeof(goods) = 'object'),
  tries    integer not null default 0 check (tries >= 0),
  try_at   timestamptz,
  constraint fill_to_draw_tried_again check ((tries = 0) = (try_at is null))
);
comment on column market.fill_to_draw.place is 'Among the fills of its match: the first of a small match need not wait for the last of a large one';
comment on column market.fill_to_draw.goods is 'The attributes in the seller''s post when it was matched; the post may say something else before the contract is drawn';
create index fill_to_draw_in_turn on market.fill_to_draw (place, fill_id);
create index fill_to_draw_of_board on market.fill_to_draw (board_id);

-- A trade of which no sound contract could be made: both posts have their quantity back, its print is struck.
create table market.fill_given_back (
  fill_id bigint not null constraint fill_given_back_pk primary key references market.fill (id),
  at      timestamptz not null,
  flaws   jsonb not null check (jsonb_typeof(flaws) = 'array' and flaws <> '[]')
);
create trigger fill_given_back_is_append_only before update or delete on market.fill_given_back
  for each row execute function market.refuse_change();

-- Every fill is to be drawn, and every node hears of it at the commit.
create function market.fill_is_to_be_drawn() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  insert into market.fill_to_draw (fill_id, board_id, place, goods)
  select f.id, f.board_id, row_number() over (order by f.id), p.attributes
  from made f join market.board_order o on o.id = f.supply_id join market.post p on p.id = o.post_id;
  perform pg_notify('market_fills', '');
  return null;
end
$$;
create trigger fill_is_to_be_drawn after insert on market.fill referencing new table as made
  for each statement execute function market.fill_is_to_be_drawn();

create function market.fill_is_drawn_or_given_back() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select from gone
    where not exists (select from market.contract c where c.origin_kind = 'match' and c.origin_ref = gone.fill_id)
      and not exists (select from market.fill_given_back b where b.fill_id = gone.fill_id))
  then
    raise exception 'a fill without a contract' using errcode = 'check_violation', constraint = 'fill_is_drawn_or_given_back';
  end if;
  return null;
end
$$;
create trigger fill_is_drawn_or_given_back after delete on market.fill_to_draw referencing old table as gone
  for each statement execute function market.fill_is_drawn_or_given_back();
create trigger fill_to_draw_is_never_emptied before truncate on market.fill_to_draw
  for each statement execute function market.refuse_change();

insert into market.fill_to_draw (fill_id, board_id, place, goods)
select f.id, f.board_id, row_number() over (order by f.id), p.attributes
from market.fill f join market.board_order o on o.id = f.supply_id join market.post p on p.id = o.post_id
where not exists (select from market.contract c where c.origin_kind = 'match' and c.origin_ref = f.id);

-- A post that enters a board, is taken from and leaves is written in its place, without an entry in any of its ten indexes:
-- in a sixth of the time. That takes room on its page.
alter table market.post set (fillfactor = 60);

-- What is asked of a board before an order enters it, whoever has had however many orders there before.
create index board_order_live_of_party on market.board_order (board_id, party_id, side) where state = 'open';
create index board_order_conditional on market.board_order (board_id) where state = 'open' and minimum > 1;

grant select, delete on market.fill_to_draw to gavelhouse_app;
grant update (tries, try_at) on market.fill_to_draw to gavelhouse_app;
grant select, insert on market.fill_given_back to gavelhouse_app;
revoke execute on function market.fill_is_to_be_drawn(), market.fill_is_drawn_or_given_back() from public;
grant execute on function market.fill_is_drawn_or_given_back() to gavelhouse_app;
