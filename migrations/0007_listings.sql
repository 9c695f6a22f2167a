-- What sellers offer: the listing before it is a lot, its photos, and who asked to bid on it.
--
-- A listing's id is the lot's id: on approval auction.lot gets the same number, in the same transaction. Until then
-- the figures are the seller's draft and may be missing; submission is what checks them. The photos' bytes are kept
-- here and not in a folder: they are then in every backup, in the same transaction as the lot, and each node can
-- serve them without a shared disk. Three sizes of one photo take some 400 kB together.

create function market.search_text(variadic parts text[]) returns text
  language sql immutable parallel safe strict
  set search_path = pg_catalog
as $$
  select lower(normalize(array_to_string(parts, ' '), NFKC))
$$;

-- Word segmenters miss Chinese names and half of the compounds, so the index holds every pair of neighbouring
-- characters, and the last character alone. A needle of two or more characters is then the conjunction of its pairs;
-- a needle of one is a prefix. array_to_tsvector wants them free of empty strings.
create function market.bigrams(haystack text) returns tsvector
  language sql immutable parallel safe strict
  set search_path = pg_catalog
as $$
  select coalesce(array_to_tsvector(array_agg(distinct substr(word, place, 2))), ''::tsvector)
  from regexp_split_to_table(haystack, '\s+') as word,
       generate_series(1, length(word)) as place
  where word <> ''
$$;

create function market.bigram_query(needles text[]) returns tsquery
  language sql immutable parallel safe strict
  set search_path = pg_catalog
as $$
  select string_agg(
           '''' || replace(replace(pair, '\', '\\'), '''', '''''') || '''' || case when length(pair) = 1 then ':*' else '' end,
           ' & ')::tsquery
  from (
    select distinct substr(needle, place, 2) as pair
    from unnest(needles) as needle,
         generate_series(1, greatest(length(needle) - 1, 1)) as place
    where needle <> ''
  ) as pairs
$$;

create table market.listing (
  id                bigint generated always as identity primary key,
  seller_id         bigint not null references market.party (id),
  state             text not null default 'draft'
                    constraint listing_state_is_known check (state in ('draft', 'submitted', 'approved', 'rejected', 'withdrawn')),
  version           integer not null default 1 check (version > 0),
  title_zh          text not null default '' check (length(title_zh) <= 160),
  title_en          text not null default '' check (length(title_en) <= 160),
  description_zh    text not null default '' check (length(description_zh) <= 8000),
  description_en    text not null default '' check (length(description_en) <= 8000),
  category          text not null default 'other' check (category ~ '^[a-z_]{1,30}$'),
  condition         text not null default 'good' check (condition ~ '^[a-z_]{1,30}$'),
  currency          text not null check (currency in ('CNY', 'USD', 'EUR', 'GBP', 'HKD', 'JPY', 'KWD')),
  start_price_minor bigint check (start_price_minor > 0),
  steps             jsonb not null default '[]' check (jsonb_typeof(steps) = 'array'),
  grid_base         text not null default 'start' check (grid_base in ('start', 'current')),
  timed_seconds     integer check (timed_seconds > 0),
  extension_seconds integer check (extension_seconds > 0),
  soft_close_seconds integer check (soft_close_seconds > 0),
  cap_extensions    integer check (cap_extensions >= 0),
  cap_at            timestamptz,
  reserve_minor     bigint check (reserve_minor > 0),
  deposit_minor     bigint not null default 0 check (deposit_minor >= 0),
  starts_at         timestamptz,
  zone              text not null default 'UTC' check (length(zone) between 1 and 60),
  rejection_reason  text,
  created_at        timestamptz not null,
  updated_at        timestamptz not null,
  submitted_at      timestamptz,
  decided_at        timestamptz,
  decided_by        bigint references market.party (id),
  search_text       text not null generated always as
                    (market.search_text(title_zh, title_en, description_zh, description_en)) stored,
  search            tsvector not null generated always as
                    (market.bigrams(market.search_text(title_zh, title_en, description_zh, description_en))) stored,
  constraint listing_has_one_cap check (cap_extensions is null or cap_at is null),
  constraint listing_past_draft_is_whole check (
    state in ('draft', 'withdrawn')
    or (start_price_minor is not null and starts_at is not null and jsonb_array_length(steps) > 0
        and (title_zh <> '' or title_en <> '') and coalesce(timed_seconds, extension_seconds) is not null)),
  constraint listing_decided_by_someone check ((state in ('approved', 'rejected')) <= (decided_by is not null)),
  constraint listing_rejected_with_a_reason check ((state = 'rejected') <= (rejection_reason is not null))
);

create index listing_search on market.listing using gin (search) where state = 'approved';
create index listing_of_seller on market.listing (seller_id, updated_at desc);
create index listing_to_approve on market.listing (submitted_at) where state = 'submitted';
create index listing_on_show on market.listing (starts_at, id) where state = 'approved';

-- What bidders were shown may not change under them. The service refuses first; this is the lock behind the door.
-- Generated columns are not yet computed in a BEFORE trigger, so they are left out of the comparison.
create function market.approved_listing_stays() returns trigger
  language plpgsql
  set search_path = pg_catalog
as $$
declare
  may_change constant text[] := '{updated_at, version, reserve_minor, search, search_text}';
begin
  if old.state = 'approved' and to_jsonb(new) - may_change is distinct from to_jsonb(old) - may_change then
    raise exception 'an approved listing does not change' using errcode = 'restrict_violation',
      constraint = 'approved_listing_stays';
  end if;
  return new;
end
$$;

create trigger approved_listing_stays before update on market.listing
  for each row execute function market.approved_listing_stays();

create table market.photo (
  id         bigint generated always as identity primary key,
  listing_id bigint not null references market.listing (id),
  position   integer not null check (position between 1 and 12),
  sha256     bytea not null check (length(sha256) = 32),
  width      integer not null check (width > 0),
  height     integer not null check (height > 0),
  alt_zh     text not null default '' check (length(alt_zh) <= 200),
  alt_en     text not null default '' check (length(alt_en) <= 200),
  created_at timestamptz not null,
  constraint photo_is_new_to_the_listing unique (listing_id, sha256),
  constraint photo_has_its_own_place unique (listing_id, position) deferrable initially deferred
);

-- Apart from market.photo, so that a list of photos never reads their bytes.
create table market.photo_size (
  photo_id bigint not null references market.photo (id) on delete cascade,
  width    integer not null check (width in (320, 960, 1920)),
  webp     bytea not null check (length(webp) between 1 and 4000000),
  primary key (photo_id, width)
);
alter table market.photo_size alter column webp set storage external; -- webp does not compress further

create table market.application (
  id          bigint generated always as identity primary key,
  lot_id      bigint not null references market.listing (id),
  party_id    bigint not null references market.party (id),
  state       text not null default 'applied'
              constraint application_state_is_known check (state in ('applied', 'approved', 'rejected')),
  reason      text,
  decided_by  bigint references market.party (id),
  deposit_id  bigint,
  paddle      integer,
  applied_at  timestamptz not null,
  decided_at  timestamptz,
  admitted_at timestamptz,
  constraint one_application_a_lot unique (lot_id, party_id),
  constraint application_decided_by_someone check ((state = 'applied') = (decided_by is null)),
  constraint application_rejected_with_a_reason check ((state = 'rejected') <= (reason is not null)),
  constraint application_admitted_only_if_approved check (admitted_at is null or state = 'approved'),
  constraint application_admitted_with_a_paddle check ((admitted_at is null) = (paddle is null))
);

create index application_to_decide on market.application (applied_at) where state = 'applied';
create index application_of_party on market.application (party_id, lot_id);

grant select, insert, update on market.listing to gavelhouse_app;
grant select, insert, update, delete on market.photo to gavelhouse_app;
grant select, insert, delete on market.photo_size to gavelhouse_app;
grant select, insert, update on market.application to gavelhouse_app;
grant execute on function market.search_text(text[]), market.bigrams(text), market.bigram_query(text[]) to gavelhouse_app;
