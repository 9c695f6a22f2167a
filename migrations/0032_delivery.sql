-- Delivery by the centre: where a buyer wants his goods, what the seller has booked with a carrier, and what the carrier
-- reports. A booking is a row before the carrier hears of it and is asked for under the same id until it answers; an event
-- of the carrier is a row under the carrier's own id, so that one told twice counts once.

create table market.consignee (
  case_id    bigint primary key references escrow.escrow_case (id),
  name       text not null check (length(name) between 1 and 120),
  lines      text not null check (length(lines) between 1 and 400),
  city       text not null check (length(city) between 1 and 120),
  postcode   text not null default '' check (length(postcode) <= 20),
  country    text not null check (country ~ '^[A-Z]{2}$'),
  phone      text not null default '' check (length(phone) <= 40),
  version    integer not null default 1 check (version > 0),
  updated_at timestamptz not null
);
comment on column market.consignee.case_id is 'The first case of the deal: parts that are split off go to the same place.';

create table market.consignment (
  id              bigint generated always as identity primary key,
  case_id         bigint not null references escrow.escrow_case (id),
  shipped_case_id bigint references escrow.escrow_case (id),
  booking_id      uuid not null constraint consignment_booking_is_unique unique,
  carrier         text not null check (carrier ~ '^[a-z][a-z0-9_]{1,39}$'),
  booked_by       bigint not null references market.party (id),
  lines           integer[] not null default '{}',
  packages        integer not null constraint consignment_packages check (packages between 1 and 9999),
  weight_grams    bigint not null constraint consignment_weight check (weight_grams between 1 and 1000000000000),
  description     text not null check (length(description) between 1 and 200),
  collect_from    jsonb not null,
  deliver_to      jsonb not null,
  state           text not null default 'booked' constraint consignment_state_is_known check (state in (
    'booked', 'confirmed', 'refused', 'cancelled', 'collected', 'in_transit', 'out_for_delivery', 'delivered', 'returned', 'lost')),
  tracking_number text constraint consignment_tracking_number check (length(tracking_number) between 1 and 80),
  reason          text,
  received_by     text,
  proof           bytea,
  proof_sha256    bytea,
  booked_at       timestamptz not null,
  moved_at        timestamptz not null,
  asked_at        timestamptz,
  ask_again_at    timestamptz,
  tries           integer not null default 0,
  constraint consignment_goes_by_a_number check (state in ('booked', 'refused', 'cancelled') or tracking_number is not null),
  constraint consignment_asked_while_booked check ((state = 'booked') = (ask_again_at is not null)),
  constraint consignment_proof_is_known_by_its_hash check (proof_sha256 is not distinct from sha256(proof)),
  constraint consignment_delivered_to_somebody check ((state = 'delivered') = (received_by is not null))
);
create unique index consignment_number on market.consignment (carrier, tracking_number);
create index consignment_by_case on market.consignment (case_id, id);
create index consignment_by_shipped_case on market.consignment (shipped_case_id) where shipped_case_id is not null;
create index consignment_to_ask on market.consignment (ask_again_at) where ask_again_at is not null;
create index consignment_by_state on market.consignment (state, moved_at);

create table market.tracking_event (
  consignment_id bigint not null references market.consignment (id),
  carrier_id     text not null check (length(carrier_id) between 1 and 80),
  kind           text not null constraint tracking_event_is_known check (kind in (
    'confirmed', 'refused', 'cancelled', 'collected', 'in_transit', 'out_for_delivery', 'attempted', 'delivered', 'returned', 'lost')),
  at             timestamptz not null,
  received_at    timestamptz not null,
  place          text not null default '' check (length(place) <= 120),
  note           text not null default '' check (length(note) <= 400),
  constraint tracking_event_once primary key (consignment_id, carrier_id)
);
create index tracking_event_in_order on market.tracking_event (consignment_id, at);
create trigger tracking_event_is_append_only before update or delete on market.tracking_event
  for each row execute function market.refuse_change();
create trigger tracking_event_is_never_emptied before truncate on market.tracking_event
  for each statement execute function market.refuse_change();

grant select, insert, update on market.consignee to gavelhouse_app;
grant select, insert on market.consignment, market.tracking_event to gavelhouse_app;
grant update (shipped_case_id, state, tracking_number, reason, received_by, proof, proof_sha256, moved_at, asked_at, ask_again_at,
  tries) on market.consignment to gavelhouse_app;
