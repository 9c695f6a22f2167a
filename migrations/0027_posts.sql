-- The trading centre's market: categories with typed attributes, posts of supply and demand, saved searches with alerts,
-- and the prints of trades from which prices and indices are published.
--
-- A post's id is drawn at random, for a row of ascending ids would tell which posts came in together, and so who stands
-- behind an anonymous one. For the same reason the public sees the hour in which a post appeared, never the instant.

create table market.category (
  code       text constraint category_pk primary key constraint category_code_plain check (code ~ '^[a-z][a-z0-9_]{1,39}$'),
  parent     text references market.category (code),
  position   integer not null,
  name_en    text not null check (length(name_en) between 1 and 80),
  name_zh    text not null check (length(name_zh) between 1 and 80),
  unit       text check (unit ~ '^[A-Z0-9]{2,3}$'),
  attributes jsonb not null default '[]' check (jsonb_typeof(attributes) = 'array'),
  version    integer not null default 1 check (version > 0),
  retired_at timestamptz,
  constraint category_tree_of_two_levels check ((parent is null) = (unit is null)),
  constraint category_group_without_attributes check (parent is not null or attributes = '[]')
);
comment on column market.category.unit is 'UN/ECE Recommendation 20; quantities are whole numbers of it. Groups have none.';
comment on column market.category.attributes is 'Definitions in order: code, kind (choice, integer, text, flag), names, unit, required, choices.';

create function market.random_post_id() returns bigint
  language plpgsql volatile
  set search_path = pg_catalog
as $$
declare
  drawn bigint;
begin
  loop
    drawn := 1000000000 + ('x' || translate(left(gen_random_uuid()::text, 13), '-', ''))::bit(48)::bigint % 9000000000;
    exit when not exists (select from market.post where id = drawn);
  end loop;
  return drawn;
end
$$;

-- Chinese in pairs of neighbouring characters, as in listings; letters and figures of the West in threes, since there are so
-- few of them that a pair stands in half of all posts. What is shorter at the end of a word is found as a beginning.
create function market.pieces(haystack text) returns tsvector
  language sql immutable parallel safe strict
  set search_path = pg_catalog
as $$
  select coalesce(array_to_tsvector(array_agg(distinct
           case when substr(word, place, 3) ~ '^[\x21-\x7e]{3}$' then substr(word, place, 3) else substr(word, place, 2) end)),
         ''::tsvector)
  from regexp_split_to_table(haystack, '\s+') as word,
       generate_series(1, length(word)) as place
  where word <> ''
$$;

create function market.pieces_query(needles text[]) returns tsquery
  language sql immutable parallel safe strict
  set search_path = pg_catalog
as $$
  select string_agg('''' || replace(replace(piece, '\', '\\'), '''', '''''') || '''' || ending, ' & ')::tsquery
  from (
    select distinct
      case when is_three then substr(needle, place, 3) else substr(needle, place, 2) end as piece,
      case when not is_three and substr(needle, place, 2) ~ '^[\x21-\x7e]*$' or length(needle) = 1 then ':*' else '' end as ending
    from unnest(needles) as needle,
         generate_series(1, greatest(length(needle) - 1, 1)) as place,
         lateral (select substr(needle, place, 3) ~ '^[\x21-\x7e]{3}$' as is_three) as cut
    where needle <> ''
      -- The last two of a Western word are within the three before.
      and not (place > 1 and place = length(needle) - 1 and substr(needle, place - 1, 3) ~ '^[\x21-\x7e]{3}$')
  ) as pieces
$$;

create table market.post (
  id            bigint constraint post_pk primary key,
  party_id      bigint not null references market.party (id),
  side          text not null constraint post_side_known check (side in ('supply', 'demand')),
  category      text not null references market.category (code),
  state         text not null default 'open' constraint post_state_known check (state in ('open', 'withdrawn', 'lapsed')),
  version       integer not null default 1 check (version > 0),
  title_zh      text not null default '' check (length(title_zh) <= 160),
  title_en      text not null default '' check (length(title_en) <= 160),
  description_zh text not null default '' check (length(description_zh) <= 4000),
  description_en text not null default '' check (length(description_en) <= 4000),
  attributes    jsonb not null default '{}' check (jsonb_typeof(attributes) = 'object'),
  words         text not null default '',
  quantity      bigint not null check (quantity between 1 and 1000000000000),
  taken         bigint not null default 0,
  all_or_none   boolean not null default false,
  minimum       bigint not null default 1,
  price_minor   bigint check (price_minor between 1 and 1000000000000000),
  currency      text not null references escrow.currency (code),
  country       text not null check (country ~ '^[A-Z]{2}$'),
  place         text not null check (length(place) between 1 and 120),
  latitude      integer check (latitude between -90000000 and 90000000),
  longitude     integer check (longitude between -180000000 and 180000000),
  delivery_from date not null,
  delivery_to   date not null,
  term          text not null constraint post_term_known
                check (term in ('EXW', 'FCA', 'FAS', 'FOB', 'CFR', 'CIF', 'CPT', 'CIP', 'DAP', 'DPU', 'DDP')),
  anonymous     boolean not null default false,
  on_board      boolean not null default false,
  valid_until   timestamptz not null,
  posted_at     timestamptz not null,
  updated_at    timestamptz not null,
  shown_at      timestamptz not null,
  listed_at     timestamptz not null,
  ended_at      timestamptz,
  told_at       timestamptz,
  moved_at      timestamptz not null,
  search_text   text not null generated always as
                (market.search_text(title_zh, title_en, description_zh, description_en, words, place)) stored,
  search        tsvector not null generated always as
                (market.pieces(market.search_text(title_zh, title_en, description_zh, description_en, words, place))) stored,
  constraint post_has_a_title check (title_zh <> '' or title_en <> ''),
  constraint post_taken_within_quantity check (taken between 0 and quantity),
  constraint post_minimum_within_quantity check (minimum between 1 and quantity),
  constraint post_all_or_none_has_no_minimum check (not all_or_none or minimum = 1),
  constraint post_sum_within_the_house check (price_minor::numeric * quantity <= 1000000000000000),
  constraint post_window_in_order check (delivery_from <= delivery_to),
  constraint post_point_whole check (num_nulls(latitude, longitude) in (0, 2)),
  constraint post_on_a_board_has_a_price check (not on_board or price_minor is not null),
  constraint post_ended_together check ((state = 'open') = (ended_at is null)),
  constraint post_listed_by_the_hour check (extract(epoch from listed_at)::bigint % 3600 = 0 and listed_at <= shown_at)
);
comment on column market.post.taken is 'What matches and accepted offers have taken of the quantity';
comment on column market.post.words is 'Names of the category and of chosen attributes in both languages, for the search';
comment on column market.post.shown_at is 'From when the public sees it';
comment on column market.post.listed_at is 'The hour of shown_at: what the public is told';
comment on column market.post.moved_at is 'Last change of any kind: an edit, a take, its end. Told to nobody; the market''s version comes of it';
comment on column market.post.told_at is 'When saved searches were asked whether it fits';
alter table market.post alter column id set default market.random_post_id();

create index post_search on market.post using gin (search) where state = 'open';
create index post_attributes on market.post using gin (attributes jsonb_path_ops) where state = 'open';
create index post_listed on market.post (listed_at desc, id) where state = 'open';
create index post_of_category on market.post (category, listed_at desc, id) where state = 'open';
create index post_by_price on market.post (currency, price_minor, id) where state = 'open';
create index post_of_party on market.post (party_id, posted_at desc);
create index post_to_lapse on market.post (valid_until, id) where state = 'open';
create index post_by_delivery on market.post (delivery_from, id) where state = 'open';
create index post_moved on market.post (category, moved_at desc);
create index post_to_tell on market.post (shown_at) where told_at is null;

-- The one meaning of "fits the search", for the page, its count and the alerts. The filters come as one object and become
-- variables, and each call is planned for what is really asked: a condition that is not asked for is then none at all. Words
-- are found by the index of pieces; in words of three characters and more the pieces could stand apart, so those are looked
-- up in the text itself. `in_order`: many fit, so the posts are read along the index of the order until enough are found,
-- and the index of pieces would only gather what nobody will see.
create function market.fitting_posts(
    wanted jsonb, asked_at timestamptz, sort text, most integer, skip integer, in_order boolean)
  returns setof bigint
  language plpgsql stable
  set search_path = pg_catalog
  set plan_cache_mode = force_custom_plan
  set enable_sort = on
  set enable_bitmapscan = on
as $$
declare
  sought     text[] := (select array_agg(word) from jsonb_array_elements_text(wanted -> 'words') as word);
  needles    tsquery := case when in_order then null else market.pieces_query(sought) end;
  looked_up  text[] := case when in_order then sought else array(select word from unnest(sought) as word where length(word) > 2) end;
  a_side     text := wanted ->> 'side';
  kinds      text[] := (select array_agg(kind) from jsonb_array_elements_text(wanted -> 'categories') as kind);
  having_all jsonb := nullif(wanted -> 'attributes', '{}');
  ranges     jsonb := nullif(wanted -> 'ranges', '[]');
  a_currency text := wanted ->> 'currency';
  price_from bigint := wanted ->> 'price_from';
  price_to   bigint := wanted ->> 'price_to';
  amount     bigint := wanted ->> 'quantity_from';
  priced     boolean := coalesce((wanted ->> 'priced')::boolean, false);
  named      boolean := coalesce((wanted ->> 'named')::boolean, false);
  a_country  text := wanted ->> 'country';
  a_term     text := wanted ->> 'term';
  first_day  date := wanted ->> 'delivery_from';
  last_day   date := wanted ->> 'delivery_to';
  only_ids   bigint[] := (select array_agg(id::bigint) from jsonb_array_elements_text(wanted -> 'ids') as id);
begin
  if in_order then
    perform set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true);
  end if;
  return query
  select post.id
  from market.post
  where post.state = 'open' and post.taken < post.quantity and post.valid_until > asked_at and post.shown_at <= asked_at
    and (needles is null or post.search @@ needles)
    and (coalesce(looked_up, '{}') = '{}'
         or not exists (select from unnest(looked_up) as word where position(word in post.search_text) = 0))
    and (a_side is null or post.side = a_side)
    and (kinds is null or post.category = any (kinds))
    and (having_all is null or post.attributes @> having_all)
    and (ranges is null or not exists (
          select from jsonb_to_recordset(ranges) as range (code text, least bigint, most bigint)
          where not case jsonb_typeof(post.attributes -> range.code)
                    when 'number' then (post.attributes ->> range.code)::bigint
                                       between coalesce(range.least, 0) and coalesce(range.most, 9223372036854775807)
                    else false end))
    and (a_currency is null or post.currency = a_currency)
    and (price_from is null or post.price_minor >= price_from)
    and (price_to is null or post.price_minor <= price_to)
    and (not priced or post.price_minor is not null)
    and (not named or not post.anonymous)
    and (amount is null or post.quantity - post.taken >= amount)
    and (a_country is null or post.country = a_country)
    and (a_term is null or post.term = a_term)
    and (first_day is null or post.delivery_to >= first_day)
    and (last_day is null or post.delivery_from <= last_day)
    and (only_ids is null or post.id = any (only_ids))
  order by
    case when sort = 'newest' then post.listed_at end desc,
    case when sort = 'price' then post.currency end,
    case when sort = 'price' then post.price_minor end,
    case when sort = 'price_down' then post.currency end desc,
    case when sort = 'price_down' then post.price_minor end desc,
    case when sort = 'price_down' then post.id end desc,
    case when sort = 'delivery' then post.delivery_from end,
    case when sort = 'lapsing' then post.valid_until end,
    case when sort not in ('', 'price_down') then post.id end
  limit most offset skip;
end
$$;

-- A page of what fits, in order, each with how many there are, counted up to `counted` and one more.
create function market.find_posts(
    wanted jsonb, asked_at timestamptz, sort text, most integer, skip integer, counted integer)
  returns table (id bigint, total integer)
  language plpgsql stable
  set search_path = pg_catalog
as $$
declare
  first_ids bigint[] := array(select market.fitting_posts(wanted, asked_at, '', counted + 1, 0, false));
  many boolean := cardinality(first_ids) > counted;
begin
  return query
  select fits, cardinality(first_ids)
  from market.fitting_posts(
         case when many then wanted else jsonb_build_object('ids', to_jsonb(first_ids)) end, asked_at, sort, most, skip, many) as fits
  where many or cardinality(first_ids) > 0;
end
$$;

-- What a post said before each change of it: offers made on an older version can be read as they were.
create table market.post_version (
  post_id bigint not null references market.post (id),
  version integer not null,
  content jsonb not null,
  written_at timestamptz not null,
  constraint post_version_pk primary key (post_id, version)
);
create trigger post_version_is_append_only before update or delete on market.post_version
  for each row execute function market.refuse_change();

create table market.saved_search (
  id         bigint generated always as identity constraint saved_search_pk primary key,
  party_id   bigint not null references market.party (id),
  name       text not null check (length(name) between 1 and 80),
  query      text not null check (length(query) <= 2000),
  side       text check (side in ('supply', 'demand')),
  category   text references market.category (code),
  alerts     boolean not null default true,
  created_at timestamptz not null,
  told_at    timestamptz,
  constraint saved_search_once unique (party_id, query)
);
comment on column market.saved_search.query is 'The filters as they stand in the address of the search page';
comment on column market.saved_search.told_at is 'Of the last notice: at most one a minute goes out';
create index saved_search_asked on market.saved_search (category, side) where alerts;

create table market.search_hit (
  search_id bigint not null references market.saved_search (id) on delete cascade,
  post_id   bigint not null references market.post (id),
  found_at  timestamptz not null,
  told_at   timestamptz,
  constraint search_hit_pk primary key (search_id, post_id)
);
create index search_hit_to_tell on market.search_hit (search_id) where told_at is null;

-- One print a trade: what market data are made from. Names nobody, and is struck if the contract is never signed.
create table market.trade_print (
  id          bigint generated always as identity constraint trade_print_pk primary key,
  source      text not null constraint trade_print_source check (source in ('match', 'acceptance', 'documents')),
  ref         bigint not null,
  category    text not null references market.category (code),
  term        text not null check (term ~ '^[A-Z]{3}$'),
  currency    text not null references escrow.currency (code),
  price_minor bigint not null check (price_minor between 1 and 1000000000000000),
  quantity    bigint not null check (quantity between 1 and 1000000000000),
  traded_at   timestamptz not null,
  struck_at   timestamptz,
  constraint trade_print_once unique (source, ref)
);
comment on column market.trade_print.ref is 'The fill or the negotiation that it came from; never published';
create index trade_print_of_category on market.trade_print (category, traded_at desc) where struck_at is null;

grant select, insert, update on market.category to gavelhouse_app;
grant select, insert, update on market.post to gavelhouse_app;
grant select, insert on market.post_version to gavelhouse_app;
grant select, insert, update, delete on market.saved_search to gavelhouse_app;
grant select, insert, update, delete on market.search_hit to gavelhouse_app;
grant select, insert on market.trade_print to gavelhouse_app;
grant update (struck_at) on market.trade_print to gavelhouse_app;
grant execute on function market.random_post_id(), market.pieces(text), market.pieces_query(text[]),
  market.fitting_posts(jsonb, timestamptz, text, integer, integer, boolean),
  market.find_posts(jsonb, timestamptz, text, integer, integer, integer) to gavelhouse_app;

insert into market.category (code, parent, position, name_en, name_zh, unit, attributes) values
  ('metals', null, 1, 'Metals', '金属', null, '[]'),
  ('energy_chemicals', null, 2, 'Chemicals and plastics', '化工与塑料', null, '[]'),
  ('agriculture', null, 3, 'Farm produce', '农产品', null, '[]'),
  ('textiles_paper', null, 4, 'Textiles and paper', '纺织与纸张', null, '[]'),
  ('building', null, 5, 'Building materials', '建材', null, '[]'),
  ('industry_goods', null, 6, 'Industrial and consumer goods', '工业品与消费品', null, '[]'),
  ('hot_rolled_coil', 'metals', 1, 'Hot-rolled steel coil', '热轧卷板', 'TNE', '[
    {"code": "grade", "kind": "choice", "name_en": "Grade", "name_zh": "牌号", "unit": "", "required": true, "choices": [{"code": "q235b", "name_en": "Q235B", "name_zh": "Q235B"}, {"code": "q345b", "name_en": "Q345B", "name_zh": "Q345B"}, {"code": "sphc", "name_en": "SPHC", "name_zh": "SPHC"}, {"code": "ss400", "name_en": "SS400", "name_zh": "SS400"}]},
    {"code": "thickness", "kind": "choice", "name_en": "Thickness", "name_zh": "厚度", "unit": "", "required": false, "choices": [{"code": "2_0", "name_en": "2.0 mm", "name_zh": "2.0 毫米"}, {"code": "2_75", "name_en": "2.75 mm", "name_zh": "2.75 毫米"}, {"code": "3_0", "name_en": "3.0 mm", "name_zh": "3.0 毫米"}, {"code": "4_0", "name_en": "4.0 mm", "name_zh": "4.0 毫米"}, {"code": "5_75", "name_en": "5.75 mm", "name_zh": "5.75 毫米"}, {"code": "8_0", "name_en": "8.0 mm", "name_zh": "8.0 毫米"}, {"code": "11_75", "name_en": "11.75 mm", "name_zh": "11.75 毫米"}]},
    {"code": "width", "kind": "integer", "name_en": "Width", "name_zh": "宽度", "unit": "mm", "required": false, "choices": []},
    {"code": "brand", "kind": "text", "name_en": "Brand or mill", "name_zh": "品牌或产地厂家", "unit": "", "required": false, "choices": []},
    {"code": "packaging", "kind": "choice", "name_en": "Packaging", "name_zh": "包装", "unit": "", "required": false, "choices": [{"code": "strapped", "name_en": "strapped", "name_zh": "捆带"}, {"code": "wrapped", "name_en": "wrapped for sea", "name_zh": "海运包装"}, {"code": "bare", "name_en": "bare", "name_zh": "裸装"}]}]'),
  ('copper_cathode', 'metals', 2, 'Copper cathode', '电解铜', 'TNE', '[
    {"code": "grade", "kind": "choice", "name_en": "Grade", "name_zh": "牌号", "unit": "", "required": true, "choices": [{"code": "grade_a", "name_en": "Grade A, 99.9935 %", "name_zh": "A 级 99.9935%"}, {"code": "standard", "name_en": "Standard, 99.95 %", "name_zh": "标准铜 99.95%"}]},
    {"code": "brand", "kind": "text", "name_en": "Brand or mill", "name_zh": "品牌或产地厂家", "unit": "", "required": false, "choices": []},
    {"code": "packaging", "kind": "choice", "name_en": "Packaging", "name_zh": "包装", "unit": "", "required": false, "choices": [{"code": "bundles", "name_en": "bundles", "name_zh": "捆"}, {"code": "pallets", "name_en": "pallets", "name_zh": "托盘"}]}]'),
  ('aluminium_ingot', 'metals', 3, 'Aluminium ingot', '铝锭', 'TNE', '[
    {"code": "grade", "kind": "choice", "name_en": "Grade", "name_zh": "牌号", "unit": "", "required": true, "choices": [{"code": "al99_70", "name_en": "Al 99.70", "name_zh": "Al99.70"}, {"code": "al99_85", "name_en": "Al 99.85", "name_zh": "Al99.85"}, {"code": "al99_90", "name_en": "Al 99.90", "name_zh": "Al99.90"}]},
    {"code": "brand", "kind": "text", "name_en": "Brand or mill", "name_zh": "品牌或产地厂家", "unit": "", "required": false, "choices": []}]'),
  ('polypropylene', 'energy_chemicals', 4, 'Polypropylene', '聚丙烯', 'TNE', '[
    {"code": "grade", "kind": "choice", "name_en": "Grade", "name_zh": "用途级别", "unit": "", "required": true, "choices": [{"code": "raffia", "name_en": "raffia", "name_zh": "拉丝"}, {"code": "injection", "name_en": "injection", "name_zh": "注塑"}, {"code": "fibre", "name_en": "fibre", "name_zh": "纤维"}, {"code": "copolymer", "name_en": "copolymer", "name_zh": "共聚"}]},
    {"code": "melt_index", "kind": "integer", "name_en": "Melt flow index", "name_zh": "熔融指数", "unit": "g/10 min", "required": false, "choices": []},
    {"code": "brand", "kind": "text", "name_en": "Brand or mill", "name_zh": "品牌或产地厂家", "unit": "", "required": false, "choices": []},
    {"code": "prime", "kind": "flag", "name_en": "Prime material", "name_zh": "一级新料", "unit": "", "required": false, "choices": []},
    {"code": "packaging", "kind": "choice", "name_en": "Packaging", "name_zh": "包装", "unit": "", "required": false, "choices": [{"code": "bags_25", "name_en": "25 kg bags", "name_zh": "25 千克袋"}, {"code": "jumbo", "name_en": "jumbo bags", "name_zh": "吨袋"}]}]'),
  ('urea', 'energy_chemicals', 5, 'Urea', '尿素', 'TNE', '[
    {"code": "grade", "kind": "choice", "name_en": "Form", "name_zh": "形态", "unit": "", "required": true, "choices": [{"code": "prilled", "name_en": "prilled", "name_zh": "小颗粒"}, {"code": "granular", "name_en": "granular", "name_zh": "大颗粒"}]},
    {"code": "nitrogen", "kind": "integer", "name_en": "Nitrogen", "name_zh": "含氮量", "unit": "%", "required": false, "choices": []},
    {"code": "brand", "kind": "text", "name_en": "Brand or mill", "name_zh": "品牌或产地厂家", "unit": "", "required": false, "choices": []},
    {"code": "packaging", "kind": "choice", "name_en": "Packaging", "name_zh": "包装", "unit": "", "required": false, "choices": [{"code": "bulk", "name_en": "bulk", "name_zh": "散装"}, {"code": "bags_50", "name_en": "50 kg bags", "name_zh": "50 千克袋"}]}]'),
  ('soybeans', 'agriculture', 6, 'Soybeans', '大豆', 'TNE', '[
    {"code": "grade", "kind": "choice", "name_en": "Grade", "name_zh": "等级", "unit": "", "required": true, "choices": [{"code": "grade_1", "name_en": "grade 1", "name_zh": "一等"}, {"code": "grade_2", "name_en": "grade 2", "name_zh": "二等"}, {"code": "grade_3", "name_en": "grade 3", "name_zh": "三等"}]},
    {"code": "protein", "kind": "integer", "name_en": "Protein", "name_zh": "蛋白质", "unit": "%", "required": false, "choices": []},
    {"code": "non_gm", "kind": "flag", "name_en": "Not genetically modified", "name_zh": "非转基因", "unit": "", "required": false, "choices": []},
    {"code": "packaging", "kind": "choice", "name_en": "Packaging", "name_zh": "包装", "unit": "", "required": false, "choices": [{"code": "bulk", "name_en": "bulk", "name_zh": "散装"}, {"code": "bags", "name_en": "bags", "name_zh": "袋装"}]}]'),
  ('green_tea', 'agriculture', 7, 'Green tea', '绿茶', 'KGM', '[
    {"code": "grade", "kind": "choice", "name_en": "Grade", "name_zh": "等级", "unit": "", "required": true, "choices": [{"code": "special", "name_en": "special", "name_zh": "特级"}, {"code": "first", "name_en": "first", "name_zh": "一级"}, {"code": "second", "name_en": "second", "name_zh": "二级"}]},
    {"code": "kind", "kind": "choice", "name_en": "Kind", "name_zh": "品类", "unit": "", "required": false, "choices": [{"code": "longjing", "name_en": "Longjing", "name_zh": "龙井"}, {"code": "biluochun", "name_en": "Biluochun", "name_zh": "碧螺春"}, {"code": "maofeng", "name_en": "Maofeng", "name_zh": "毛峰"}, {"code": "chunmee", "name_en": "Chunmee", "name_zh": "珍眉"}, {"code": "gunpowder", "name_en": "Gunpowder", "name_zh": "珠茶"}]},
    {"code": "organic", "kind": "flag", "name_en": "Organic", "name_zh": "有机", "unit": "", "required": false, "choices": []},
    {"code": "season_year", "kind": "integer", "name_en": "Year of picking", "name_zh": "采摘年份", "unit": "", "required": false, "choices": []},
    {"code": "packaging", "kind": "choice", "name_en": "Packaging", "name_zh": "包装", "unit": "", "required": false, "choices": [{"code": "foil", "name_en": "foil bags", "name_zh": "铝箔袋"}, {"code": "cartons", "name_en": "cartons", "name_zh": "纸箱"}, {"code": "tins", "name_en": "tins", "name_zh": "罐装"}]}]'),
  ('rice', 'agriculture', 8, 'Milled rice', '大米', 'TNE', '[
    {"code": "grade", "kind": "choice", "name_en": "Grade", "name_zh": "等级", "unit": "", "required": true, "choices": [{"code": "grade_1", "name_en": "grade 1", "name_zh": "一等"}, {"code": "grade_2", "name_en": "grade 2", "name_zh": "二等"}]},
    {"code": "kind", "kind": "choice", "name_en": "Kind", "name_zh": "品种", "unit": "", "required": false, "choices": [{"code": "japonica", "name_en": "japonica", "name_zh": "粳米"}, {"code": "indica", "name_en": "indica", "name_zh": "籼米"}, {"code": "glutinous", "name_en": "glutinous", "name_zh": "糯米"}]},
    {"code": "broken", "kind": "integer", "name_en": "Broken grains, at most", "name_zh": "碎米率不超过", "unit": "%", "required": false, "choices": []},
    {"code": "brand", "kind": "text", "name_en": "Brand or mill", "name_zh": "品牌或产地厂家", "unit": "", "required": false, "choices": []}]'),
  ('cotton_yarn', 'textiles_paper', 9, 'Cotton yarn', '棉纱', 'KGM', '[
    {"code": "grade", "kind": "choice", "name_en": "Count", "name_zh": "支数", "unit": "", "required": true, "choices": [{"code": "c21s", "name_en": "21s", "name_zh": "21 支"}, {"code": "c32s", "name_en": "32s", "name_zh": "32 支"}, {"code": "c40s", "name_en": "40s", "name_zh": "40 支"}]},
    {"code": "spinning", "kind": "choice", "name_en": "Spinning", "name_zh": "纺纱工艺", "unit": "", "required": false, "choices": [{"code": "ring_combed", "name_en": "ring, combed", "name_zh": "环锭精梳"}, {"code": "ring_carded", "name_en": "ring, carded", "name_zh": "环锭普梳"}, {"code": "open_end", "name_en": "open end", "name_zh": "气流纺"}]},
    {"code": "brand", "kind": "text", "name_en": "Brand or mill", "name_zh": "品牌或产地厂家", "unit": "", "required": false, "choices": []},
    {"code": "organic", "kind": "flag", "name_en": "Organic cotton", "name_zh": "有机棉", "unit": "", "required": false, "choices": []}]'),
  ('kraft_paper', 'textiles_paper', 10, 'Kraft paper', '牛皮纸', 'TNE', '[
    {"code": "grade", "kind": "choice", "name_en": "Grade", "name_zh": "类别", "unit": "", "required": true, "choices": [{"code": "virgin", "name_en": "virgin fibre", "name_zh": "全木浆"}, {"code": "recycled", "name_en": "recycled fibre", "name_zh": "再生浆"}]},
    {"code": "grammage", "kind": "integer", "name_en": "Grammage", "name_zh": "克重", "unit": "g/m²", "required": false, "choices": []},
    {"code": "width", "kind": "integer", "name_en": "Roll width", "name_zh": "幅宽", "unit": "mm", "required": false, "choices": []},
    {"code": "brand", "kind": "text", "name_en": "Brand or mill", "name_zh": "品牌或产地厂家", "unit": "", "required": false, "choices": []}]'),
  ('float_glass', 'building', 11, 'Float glass', '浮法玻璃', 'MTK', '[
    {"code": "thickness", "kind": "choice", "name_en": "Thickness", "name_zh": "厚度", "unit": "", "required": true, "choices": [{"code": "t4", "name_en": "4 mm", "name_zh": "4 毫米"}, {"code": "t5", "name_en": "5 mm", "name_zh": "5 毫米"}, {"code": "t6", "name_en": "6 mm", "name_zh": "6 毫米"}, {"code": "t8", "name_en": "8 mm", "name_zh": "8 毫米"}, {"code": "t10", "name_en": "10 mm", "name_zh": "10 毫米"}]},
    {"code": "grade", "kind": "choice", "name_en": "Grade", "name_zh": "等级", "unit": "", "required": false, "choices": [{"code": "automotive", "name_en": "automotive", "name_zh": "汽车级"}, {"code": "building", "name_en": "building", "name_zh": "建筑级"}]},
    {"code": "tempered", "kind": "flag", "name_en": "Tempered", "name_zh": "钢化", "unit": "", "required": false, "choices": []},
    {"code": "brand", "kind": "text", "name_en": "Brand or mill", "name_zh": "品牌或产地厂家", "unit": "", "required": false, "choices": []}]'),
  ('ceramic_tiles', 'building', 12, 'Ceramic tiles', '瓷砖', 'MTK', '[
    {"code": "grade", "kind": "choice", "name_en": "Grade", "name_zh": "等级", "unit": "", "required": true, "choices": [{"code": "first", "name_en": "first choice", "name_zh": "优等品"}, {"code": "standard", "name_en": "standard", "name_zh": "合格品"}]},
    {"code": "size", "kind": "choice", "name_en": "Size", "name_zh": "规格", "unit": "", "required": false, "choices": [{"code": "s600", "name_en": "600 × 600 mm", "name_zh": "600×600 毫米"}, {"code": "s800", "name_en": "800 × 800 mm", "name_zh": "800×800 毫米"}, {"code": "s600_1200", "name_en": "600 × 1200 mm", "name_zh": "600×1200 毫米"}]},
    {"code": "finish", "kind": "choice", "name_en": "Finish", "name_zh": "表面", "unit": "", "required": false, "choices": [{"code": "polished", "name_en": "polished", "name_zh": "抛光"}, {"code": "matt", "name_en": "matt", "name_zh": "哑光"}]},
    {"code": "brand", "kind": "text", "name_en": "Brand or mill", "name_zh": "品牌或产地厂家", "unit": "", "required": false, "choices": []}]'),
  ('lithium_cells', 'industry_goods', 13, 'Lithium cells', '锂电芯', 'C62', '[
    {"code": "grade", "kind": "choice", "name_en": "Grade", "name_zh": "等级", "unit": "", "required": true, "choices": [{"code": "a", "name_en": "A", "name_zh": "A 品"}, {"code": "b", "name_en": "B", "name_zh": "B 品"}]},
    {"code": "chemistry", "kind": "choice", "name_en": "Chemistry", "name_zh": "体系", "unit": "", "required": false, "choices": [{"code": "lfp", "name_en": "LFP", "name_zh": "磷酸铁锂"}, {"code": "nmc", "name_en": "NMC", "name_zh": "三元"}]},
    {"code": "capacity", "kind": "integer", "name_en": "Capacity", "name_zh": "容量", "unit": "mAh", "required": false, "choices": []},
    {"code": "brand", "kind": "text", "name_en": "Brand or mill", "name_zh": "品牌或产地厂家", "unit": "", "required": false, "choices": []},
    {"code": "un38_3", "kind": "flag", "name_en": "UN 38.3 tested", "name_zh": "通过 UN38.3 检测", "unit": "", "required": false, "choices": []}]'),
  ('ball_bearings', 'industry_goods', 14, 'Ball bearings', '球轴承', 'C62', '[
    {"code": "grade", "kind": "choice", "name_en": "Precision", "name_zh": "精度等级", "unit": "", "required": true, "choices": [{"code": "p0", "name_en": "P0", "name_zh": "P0"}, {"code": "p6", "name_en": "P6", "name_zh": "P6"}, {"code": "p5", "name_en": "P5", "name_zh": "P5"}]},
    {"code": "model", "kind": "text", "name_en": "Model", "name_zh": "型号", "unit": "", "required": false, "choices": []},
    {"code": "brand", "kind": "text", "name_en": "Brand or mill", "name_zh": "品牌或产地厂家", "unit": "", "required": false, "choices": []},
    {"code": "bore", "kind": "integer", "name_en": "Bore", "name_zh": "内径", "unit": "mm", "required": false, "choices": []},
    {"code": "packaging", "kind": "choice", "name_en": "Packaging", "name_zh": "包装", "unit": "", "required": false, "choices": [{"code": "single_box", "name_en": "single boxes", "name_zh": "单盒"}, {"code": "industrial", "name_en": "industrial", "name_zh": "工业包装"}]}]'),
  ('porcelain_tableware', 'industry_goods', 15, 'Porcelain tableware', '日用瓷器', 'SET', '[
    {"code": "grade", "kind": "choice", "name_en": "Grade", "name_zh": "等级", "unit": "", "required": true, "choices": [{"code": "first", "name_en": "first", "name_zh": "一级"}, {"code": "second", "name_en": "second", "name_zh": "二级"}]},
    {"code": "body", "kind": "choice", "name_en": "Body", "name_zh": "瓷质", "unit": "", "required": false, "choices": [{"code": "bone_china", "name_en": "bone china", "name_zh": "骨质瓷"}, {"code": "white", "name_en": "white porcelain", "name_zh": "白瓷"}, {"code": "celadon", "name_en": "celadon", "name_zh": "青瓷"}]},
    {"code": "pieces", "kind": "integer", "name_en": "Pieces a set", "name_zh": "每套件数", "unit": "", "required": false, "choices": []},
    {"code": "brand", "kind": "text", "name_en": "Brand or mill", "name_zh": "品牌或产地厂家", "unit": "", "required": false, "choices": []},
    {"code": "dishwasher", "kind": "flag", "name_en": "Safe for dishwashers", "name_zh": "可用洗碗机", "unit": "", "required": false, "choices": []}]');
