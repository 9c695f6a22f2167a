-- Card payments: in the house (schema escrow) what was asked of the bank and what came of it, in the sandbox bank (schema
-- bank) the cards, what is held on them, the days' settlement files, chargebacks and the faults that were switched on.
-- Here as there a payment is its id, and what must not happen twice is a key.

-- Which steps there are at all; escrow/card_facts.py holds the same, and a test compares the two.
create table escrow.card_edge (
  from_state text not null,
  to_state text not null,
  constraint card_edge_pk primary key (from_state, to_state)
);
insert into escrow.card_edge (from_state, to_state) values
  ('new', 'prepared'),
  ('prepared', 'authorising'),
  ('prepared', 'declined'),
  ('authorising', 'unknown'),
  ('authorising', 'authorised'),
  ('authorising', 'declined'),
  ('authorising', 'reversing'),
  ('unknown', 'authorised'),
  ('unknown', 'declined'),
  ('unknown', 'reversing'),
  ('authorised', 'captured'),
  ('authorised', 'reversing'),
  ('reversing', 'reversed');

-- The envelope is the bank's to open, not ours, and goes once the bank has decided. `try_at` is when the bank is told or
-- asked again; a payment of which nothing is owed to the bank has none.
create table escrow.card_payment (
  id text not null,
  purpose text not null,
  target_id bigint not null,
  party_id bigint not null,
  currency text not null,
  amount_minor bigint not null,
  reference text not null,
  gateway text not null,
  order_body bytea not null,
  payment_digest bytea not null,
  signature bytea not null,
  public_key bytea not null,
  envelope bytea,
  state text not null,
  version integer not null,
  began_at timestamptz not null,
  state_since timestamptz not null,
  reason text,
  partial_minor bigint,
  authorisation_code text,
  provider_reference text,
  op uuid,
  acknowledged_at timestamptz,
  refused_code text,
  try_at timestamptz,
  attempts integer not null default 0,
  settled_file text,
  settled_minor bigint,
  constraint card_payment_pk primary key (id),
  constraint card_payment_id check (id ~ '^[0-9a-f]{32}$'),
  constraint card_payment_purpose check (purpose in ('case', 'deposit', 'wallet', 'change')),
  constraint card_payment_state check (state in ('prepared', 'authorising', 'unknown', 'authorised', 'captured',
    'declined', 'reversing', 'reversed')),
  constraint card_payment_currency foreign key (currency) references escrow.currency (code),
  constraint card_payment_amount check (amount_minor between 1 and 999999999999),
  constraint card_payment_signed check (octet_length(payment_digest) = 32 and octet_length(signature) = 64
    and octet_length(public_key) = 32),
  constraint card_payment_envelope_goes check
    ((envelope is not null) = (state in ('prepared', 'authorising', 'unknown'))),
  constraint card_payment_captured_is_posted check ((op is not null) = (state = 'captured')),
  constraint card_payment_op foreign key (op) references escrow.op (id),
  constraint card_payment_posted_once unique (op),
  constraint card_payment_has_reason check ((reason is not null) = (state in ('declined', 'reversing', 'reversed'))),
  constraint card_payment_partly check (partial_minor > 0 and partial_minor < amount_minor),
  constraint card_payment_acknowledged check (acknowledged_at is null or state in ('captured', 'reversed')),
  constraint card_payment_owes_the_bank check ((try_at is not null) = (
    state in ('prepared', 'authorising', 'unknown', 'authorised', 'reversing')
    or (state = 'captured' and acknowledged_at is null))),
  constraint card_payment_settled check ((settled_file is null) = (settled_minor is null)
    and (settled_file is null or state = 'captured'))
) with (fillfactor = 80);
-- A case or deposit has one running card payment at a time, and is captured once.
create unique index card_payment_one_running on escrow.card_payment (purpose, target_id)
  where purpose in ('case', 'deposit') and state in ('prepared', 'authorising', 'unknown', 'authorised');
create unique index card_payment_captured_once on escrow.card_payment (purpose, target_id)
  where purpose in ('case', 'deposit') and state = 'captured';
create index card_payment_by_party on escrow.card_payment (party_id, began_at desc);
create index card_payment_by_target on escrow.card_payment (purpose, target_id, began_at desc);
create index card_payment_due on escrow.card_payment (try_at) where try_at is not null;
create index card_payment_unsettled on escrow.card_payment (state_since)
  where state = 'captured' and settled_file is null;

create table escrow.card_payment_event (
  payment_id text not null,
  n integer not null,
  at timestamptz not null,
  from_state text not null,
  to_state text not null,
  reason text,
  previous_n integer generated always as (nullif(n - 1, 0)) stored,
  constraint card_payment_event_pk primary key (payment_id, n),
  constraint card_payment_event_number check (n > 0),
  constraint card_payment_event_begins check (n > 1 or from_state = 'new'),
  constraint card_payment_event_state unique (payment_id, n, to_state),
  constraint card_payment_event_payment foreign key (payment_id) references escrow.card_payment (id),
  constraint card_payment_event_listed foreign key (from_state, to_state)
    references escrow.card_edge (from_state, to_state),
  constraint card_payment_event_chain foreign key (payment_id, previous_n, from_state)
    references escrow.card_payment_event (payment_id, n, to_state)
);
alter table escrow.card_payment add constraint card_payment_state_is_last_event foreign key (id, version, state)
  references escrow.card_payment_event (payment_id, n, to_state) deferrable initially deferred;

-- The bank's daily files: each once, by its id, with the one operation that posts it.
create table escrow.card_settlement (
  id text not null,
  day date not null,
  sha256 bytea not null,
  lines integer not null,
  received_at timestamptz not null,
  op uuid,
  constraint card_settlement_pk primary key (id),
  constraint card_settlement_sha256 check (octet_length(sha256) = 32),
  constraint card_settlement_op foreign key (op) references escrow.op (id),
  constraint card_settlement_posted_once unique (op)
);
create table escrow.card_settlement_line (
  file_id text not null,
  n integer not null,
  kind text not null,
  payment_id text not null,
  currency text not null,
  amount_minor bigint not null,
  at timestamptz not null,
  constraint card_settlement_line_pk primary key (file_id, n),
  constraint card_settlement_line_file foreign key (file_id) references escrow.card_settlement (id) deferrable initially deferred,
  constraint card_settlement_line_kind check (kind in ('capture', 'chargeback', 'chargeback_won')),
  constraint card_settlement_line_amount check (amount_minor <> 0 and (amount_minor < 0) = (kind = 'chargeback'))
);
create index card_settlement_line_of_payment on escrow.card_settlement_line (payment_id);
create table escrow.card_settlement_sum (
  file_id text not null,
  currency text not null,
  lines integer not null,
  net_minor bigint not null,
  constraint card_settlement_sum_pk primary key (file_id, currency),
  constraint card_settlement_sum_file foreign key (file_id) references escrow.card_settlement (id)
);

-- Where the bank's word and ours differ; a person explains it.
create table escrow.card_difference (
  id bigint generated always as identity,
  kind text not null,
  payment_id text not null,
  currency text not null,
  ours_minor bigint not null,
  bank_minor bigint not null,
  file_id text,
  line integer,
  found_at timestamptz not null,
  explained_by bigint,
  explained_at timestamptz,
  note text,
  constraint card_difference_pk primary key (id),
  constraint card_difference_kind check (kind in ('unknown_payment', 'not_captured', 'other_currency', 'other_sum',
    'settled_twice', 'not_settled', 'capture_refused')),
  constraint card_difference_line foreign key (file_id, line) references escrow.card_settlement_line (file_id, n),
  constraint card_difference_of_a_line check ((file_id is null) = (line is null)
    and (file_id is null) = (kind in ('not_settled', 'capture_refused'))),
  constraint card_difference_explained check (num_nulls(explained_by, explained_at, note) in (0, 3) and note <> '')
);
create unique index card_difference_of_line_once on escrow.card_difference (file_id, line) where file_id is not null;
create unique index card_difference_of_payment_once on escrow.card_difference (payment_id, kind) where file_id is null;
create index card_difference_open on escrow.card_difference (found_at) where explained_at is null;

grant select on escrow.card_edge to gavelhouse_app;
grant select, insert on escrow.card_payment, escrow.card_payment_event, escrow.card_settlement,
  escrow.card_settlement_line, escrow.card_settlement_sum, escrow.card_difference to gavelhouse_app;
grant update (envelope, state, version, state_since, reason, partial_minor, authorisation_code, provider_reference, op,
  acknowledged_at, refused_code, try_at, attempts, settled_file, settled_minor) on escrow.card_payment to gavelhouse_app;
grant update (op) on escrow.card_settlement to gavelhouse_app;
grant update (explained_by, explained_at, note) on escrow.card_difference to gavelhouse_app;

-- The bank's side.

-- What payment halves are sealed to. The newest is told to whoever asks; older ones still open what is on its way.
create table bank.envelope_key (
  key_id text not null,
  scalar bytea not null,
  made_at timestamptz not null,
  constraint envelope_key_pk primary key (key_id),
  constraint envelope_key_scalar check (octet_length(scalar) = 32)
);

-- A card is found by the keyed hash of its number; the number itself stands nowhere.
create table bank.card (
  id bigint generated always as identity,
  number_hmac bytea not null,
  last4 text not null,
  brand text not null,
  holder text not null,
  expiry text not null,
  status text not null default 'active',
  limit_minor bigint,
  always_code text,
  issued_at timestamptz not null,
  constraint card_pk primary key (id),
  constraint card_number_once unique (number_hmac),
  constraint card_last4 check (last4 ~ '^[0-9]{4}$'),
  constraint card_expiry check (expiry ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
  constraint card_status check (status in ('active', 'lost', 'stolen', 'blocked')),
  constraint card_limit check (limit_minor > 0),
  constraint card_always check (always_code ~ '^[0-9A-Z]{2}$')
);
create table bank.card_balance (
  card_id bigint not null,
  currency text not null,
  opened_minor bigint not null,
  available_minor bigint not null,
  constraint card_balance_pk primary key (card_id, currency),
  constraint card_balance_card foreign key (card_id) references bank.card (id),
  constraint card_balance_opened check (opened_minor >= 0)
);

-- One row a payment id for ever, also for one whose reversal overtook it (no card and no sum then).
create table bank.card_payment (
  id text not null,
  card_id bigint,
  currency text,
  amount_minor bigint,
  approved_minor bigint not null default 0,
  request_sha256 bytea,
  nonce text,
  order_digest bytea,
  state text not null,
  response_code text not null,
  authorisation_code text,
  received_at timestamptz not null,
  captured_at timestamptz,
  reversed_at timestamptz,
  settlement_id text,
  constraint card_payment_pk primary key (id),
  constraint card_payment_card foreign key (card_id) references bank.card (id),
  constraint card_payment_nonce_once unique (nonce),
  constraint card_payment_state check (state in ('declined', 'authorised', 'captured', 'reversed')),
  constraint card_payment_code check (response_code ~ '^[0-9A-Z]{2}$'),
  constraint card_payment_approved check (approved_minor between 0 and coalesce(amount_minor, 0)),
  constraint card_payment_approved_if check ((approved_minor > 0) = (authorisation_code is not null)),
  constraint card_payment_captured check ((captured_at is not null) = (state = 'captured')),
  constraint card_payment_reversed check ((reversed_at is not null) = (state = 'reversed')),
  constraint card_payment_settled check (settlement_id is null or state = 'captured')
);
create index card_payment_to_settle on bank.card_payment (captured_at) where state = 'captured' and settlement_id is null;
create index card_payment_latest on bank.card_payment (received_at desc);

-- How a card's balance came about: what a payment holds, it holds once and lets go of once.
create table bank.card_movement (
  id bigint generated always as identity,
  card_id bigint not null,
  currency text not null,
  payment_id text not null,
  kind text not null,
  cause text not null,
  amount_minor bigint not null,
  balance_minor bigint not null,
  at timestamptz not null,
  constraint card_movement_pk primary key (id),
  constraint card_movement_balance foreign key (card_id, currency) references bank.card_balance (card_id, currency),
  constraint card_movement_payment foreign key (payment_id) references bank.card_payment (id),
  constraint card_movement_kind check (kind in ('hold', 'release', 'chargeback', 'chargeback_won')),
  constraint card_movement_once unique (cause, kind),
  constraint card_movement_sign check ((amount_minor < 0) = (kind in ('hold', 'chargeback_won')) and amount_minor <> 0),
  constraint card_movement_within check (kind <> 'hold' or balance_minor >= 0)
);
create index card_movement_of_card on bank.card_movement (card_id, currency, id desc);

create table bank.card_settlement (
  id text not null,
  day date not null,
  n integer not null,
  cut_at timestamptz not null,
  lines integer not null,
  sums jsonb not null,
  body text not null,
  constraint card_settlement_pk primary key (id),
  constraint card_settlement_of_day unique (day, n)
);

create table bank.chargeback (
  id text not null,
  payment_id text not null,
  amount_minor bigint not null,
  reason text not null,
  state text not null default 'open',
  opened_at timestamptz not null,
  represented_at timestamptz,
  represented_text text,
  decided_at timestamptz,
  taken_in text,
  given_in text,
  constraint chargeback_pk primary key (id),
  constraint chargeback_payment foreign key (payment_id) references bank.card_payment (id),
  constraint chargeback_amount check (amount_minor > 0),
  constraint chargeback_reason check (reason in ('fraud', 'not_received', 'not_as_described', 'duplicate')),
  constraint chargeback_state check (state in ('open', 'won', 'lost')),
  constraint chargeback_represented check ((represented_at is null) = (represented_text is null)),
  constraint chargeback_decided check ((decided_at is null) = (state = 'open')),
  constraint chargeback_given check (given_in is null or state = 'won')
);
create unique index chargeback_one_open on bank.chargeback (payment_id) where state = 'open';

-- What the switch does wrong, to the next so many messages.
create table bank.fault (
  id bigint generated always as identity,
  fault text not null,
  applies_to text not null,
  code text,
  delay_ms integer not null,
  remaining integer not null,
  set_at timestamptz not null,
  constraint fault_pk primary key (id),
  constraint fault_kind check (fault in ('no_answer', 'lost', 'late_answer', 'drop_connection', 'decline', 'partial',
    'duplicate_answer', 'garbage', 'slow', 'undecided')),
  constraint fault_applies_to check (applies_to in ('any', 'authorise', 'capture', 'reverse')),
  constraint fault_code check (code ~ '^[0-9A-Z]{2}$'),
  constraint fault_delay check (delay_ms between 0 and 600000),
  constraint fault_remaining check (remaining >= 0)
);
create index fault_pending on bank.fault (id) where remaining > 0;

grant select, insert on bank.envelope_key, bank.card, bank.card_balance, bank.card_payment, bank.card_movement,
  bank.card_settlement, bank.chargeback, bank.fault to gavelhouse_bank;
grant update (status) on bank.card to gavelhouse_bank;
grant update (available_minor) on bank.card_balance to gavelhouse_bank;
grant update (state, captured_at, reversed_at, settlement_id) on bank.card_payment to gavelhouse_bank;
grant update (state, represented_at, represented_text, decided_at, taken_in, given_in) on bank.chargeback to gavelhouse_bank;
grant update (remaining) on bank.fault to gavelhouse_bank;
