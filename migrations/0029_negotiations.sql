-- Negotiations between two parties about a post: inquiry, offer, counter-offer, acceptance. Every step is a row that nobody
-- can change; where an offer stands follows from the steps after it and the time. The next step takes its number under the
-- negotiation's row lock, so of two answers to one offer only the first counts.

create table market.negotiation (
  id          bigint generated always as identity primary key,
  post_id     bigint not null references market.post (id),
  opener_id   bigint not null references market.party (id),
  seller_id   bigint not null references market.party (id),
  buyer_id    bigint not null references market.party (id),
  state       text not null default 'open' constraint negotiation_state_is_known check (state in ('open', 'accepted', 'ended')),
  version     integer not null constraint negotiation_version_counts_steps check (version between 1 and 200),
  opened_at   timestamptz not null,
  moved_at    timestamptz not null,
  lapses_at   timestamptz,
  contract_id bigint,
  constraint negotiation_parties_differ check (seller_id <> buyer_id),
  constraint negotiation_opener_is_a_party check (opener_id in (seller_id, buyer_id)),
  constraint negotiation_accepted_is_a_contract check ((state = 'accepted') = (contract_id is not null)),
  constraint negotiation_over_has_no_clock check (state = 'open' or lapses_at is null)
);
comment on column market.negotiation.lapses_at is 'The last instant of the offer that stands; the clock tells both parties.';
-- One talk at a time between the same two about the same goods.
create unique index negotiation_one_open on market.negotiation (post_id, opener_id) where state = 'open';
create unique index negotiation_one_of_a_contract on market.negotiation (contract_id);
create index negotiation_by_seller on market.negotiation (seller_id, moved_at desc);
create index negotiation_by_buyer on market.negotiation (buyer_id, moved_at desc);
create index negotiation_due on market.negotiation (lapses_at) where lapses_at is not null;

create table market.negotiation_step (
  negotiation_id bigint not null references market.negotiation (id),
  n              integer not null constraint negotiation_step_counts check (n between 1 and 200),
  kind           text not null constraint negotiation_step_is_known check (kind in (
    'inquiry', 'offer', 'counter_offer', 'acceptance', 'rejection', 'withdrawal', 'lapse', 'message', 'end')),
  author_id      bigint references market.party (id),
  at             timestamptz not null,
  terms          text,
  terms_sha256   bytea,
  words          text not null default '' check (length(words) <= 4000),
  valid_until    timestamptz,
  firm           boolean not null default false,
  answers        integer,
  primary key (negotiation_id, n),
  constraint negotiation_step_terms_match_their_hash
    check (terms_sha256 is not distinct from sha256(convert_to(terms, 'UTF8'))),
  constraint negotiation_step_has_terms check ((kind in ('inquiry', 'offer', 'counter_offer')) = (terms is not null)),
  constraint negotiation_offer_has_a_clock
    check ((kind in ('offer', 'counter_offer')) = (valid_until is not null) and valid_until > at),
  constraint negotiation_only_offers_are_firm check (valid_until is not null or not firm),
  constraint negotiation_answer_is_to_something
    check ((kind in ('acceptance', 'rejection', 'withdrawal', 'lapse')) = (answers is not null) and answers < n),
  constraint negotiation_house_only_lapses check ((kind = 'lapse') = (author_id is null)),
  foreign key (negotiation_id, answers) references market.negotiation_step (negotiation_id, n)
);
-- An offer is accepted, rejected, withdrawn or lapsed, once.
create unique index negotiation_answered_once on market.negotiation_step (negotiation_id, answers) where answers is not null;
create unique index negotiation_accepted_once on market.negotiation_step (negotiation_id) where kind = 'acceptance';

-- What lies beside a step, kept as the evidence of a case is.
create table market.negotiation_file (
  id             bigint generated always as identity primary key,
  negotiation_id bigint not null,
  n              integer not null,
  author_id      bigint not null references market.party (id),
  kind           text not null constraint negotiation_file_kind_is_known check (kind in ('photo', 'document')),
  name           text not null check (length(name) between 1 and 120),
  size_bytes     integer not null check (size_bytes between 1 and 10485760),
  upload_sha256  bytea not null check (length(upload_sha256) = 32),
  content        bytea not null check (length(content) between 1 and 10485760),
  thumbnail      bytea,
  sha256         bytea not null generated always as (sha256(content)) stored,
  created_at     timestamptz not null,
  constraint negotiation_file_is_beside_a_step foreign key (negotiation_id, n) references market.negotiation_step (negotiation_id, n),
  constraint negotiation_file_is_handed_in_once unique (negotiation_id, author_id, upload_sha256)
);
alter table market.negotiation_file alter column content set storage external; -- webp and PDF compress no further
create index negotiation_file_by_step on market.negotiation_file (negotiation_id, n);

create trigger negotiation_step_is_append_only before update or delete on market.negotiation_step
  for each row execute function market.refuse_change();
create trigger negotiation_step_is_never_emptied before truncate on market.negotiation_step
  for each statement execute function market.refuse_change();
create trigger negotiation_file_is_append_only before update or delete on market.negotiation_file
  for each row execute function market.refuse_change();
create trigger negotiation_file_is_never_emptied before truncate on market.negotiation_file
  for each statement execute function market.refuse_change();

grant select, insert on market.negotiation, market.negotiation_step, market.negotiation_file to gavelhouse_app;
grant update (state, version, moved_at, lapses_at, contract_id) on market.negotiation to gavelhouse_app;
