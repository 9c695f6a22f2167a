-- The settlement desk: payouts that an operator holds back, bank statements and what their entries were matched to, the
-- close of a day, batches that a second operator confirms, and the schedule of fees.

-- A payout that is held goes into no file until it is released; one that is in a file can't be held any more.
alter table escrow.payout
  add column held_at timestamptz,
  add column held_by bigint,
  add column held_reason text,
  add constraint payout_held_whole check (num_nulls(held_at, held_by, held_reason) in (0, 3)),
  add constraint payout_held_before_its_file check
    (held_at is null or (batch_id is null and state in ('waiting_account', 'queued')));
grant update (held_at, held_by, held_reason) on escrow.payout to gavelhouse_app;

-- A statement as the bank wrote it. The bank may give the same day again with more in it: that is the next part.
create table escrow.bank_statement (
  id bigint generated always as identity,
  account text not null,
  statement_id text not null,
  part integer not null,
  currency text not null,
  from_at timestamptz not null,
  to_at timestamptz not null,
  opening_minor bigint not null,
  closing_minor bigint not null,
  credits_minor bigint not null,
  debits_minor bigint not null,
  entries integer not null,
  sha256 bytea not null,
  body bytea not null,
  source text not null,
  taken_by bigint not null,
  taken_at timestamptz not null,
  constraint bank_statement_pk primary key (id),
  constraint bank_statement_once unique (account, statement_id, part),
  constraint bank_statement_file_once unique (account, statement_id, sha256),
  constraint bank_statement_currency foreign key (currency) references escrow.currency (code),
  constraint bank_statement_adds_up check (closing_minor = opening_minor + credits_minor - debits_minor),
  constraint bank_statement_period check (from_at <= to_at),
  constraint bank_statement_source check (source in ('upload', 'bank')),
  constraint bank_statement_hash check (sha256 = sha256(body))
);
create index bank_statement_by_period on escrow.bank_statement (account, to_at desc, part desc);

-- One movement at the bank, once by the bank's own id. Open until it is matched to a row of ours, or explained.
create table escrow.statement_entry (
  id bigint generated always as identity,
  statement bigint not null,
  account text not null,
  bank_id text not null,
  currency text not null,
  direction text not null,
  amount_minor bigint not null,
  booked_at timestamptz not null,
  end_to_end_id text not null,
  reference text not null,
  other_holder text not null,
  other_number text not null,
  code text not null,
  return_reason text,
  state text not null default 'open',
  matched_kind text,
  matched_id text,
  matched_by bigint,
  matched_at timestamptz,
  note text,
  constraint statement_entry_pk primary key (id),
  constraint statement_entry_once unique (account, bank_id),
  constraint statement_entry_statement foreign key (statement) references escrow.bank_statement (id),
  constraint statement_entry_direction check (direction in ('credit', 'debit')),
  constraint statement_entry_amount check (amount_minor > 0),
  constraint statement_entry_state check (state in ('open', 'matched', 'explained')),
  constraint statement_entry_kind check (matched_kind in ('notice', 'payout', 'payout_return', 'card_settlement')),
  constraint statement_entry_matched check ((state = 'matched') = (matched_kind is not null and matched_id is not null)),
  constraint statement_entry_ended check ((state = 'open') = (matched_at is null)),
  constraint statement_entry_explained check (state <> 'explained' or (matched_by is not null and note <> ''))
);
create unique index statement_entry_matched_once on escrow.statement_entry (matched_kind, matched_id)
  where state = 'matched';
create index statement_entry_open on escrow.statement_entry (booked_at, id) where state = 'open';
create index statement_entry_of_statement on escrow.statement_entry (statement, id);
grant select, insert on escrow.bank_statement, escrow.statement_entry to gavelhouse_app;
grant update (state, matched_kind, matched_id, matched_by, matched_at, note) on escrow.statement_entry to gavelhouse_app;

-- The close of a day: its figures as one text, hashed, signed, and chained to the close before. Never changed.
create table escrow.day_close (
  day date not null,
  previous_day date,
  previous_sha256 bytea,
  body text not null,
  sha256 bytea not null,
  key text not null,
  signature text not null,
  faults integer not null,
  reason text,
  closed_by bigint not null,
  closed_at timestamptz not null,
  constraint day_close_once primary key (day),
  constraint day_close_named unique (day, sha256),
  constraint day_close_one_after unique (previous_day),
  constraint day_close_chain foreign key (previous_day, previous_sha256) references escrow.day_close (day, sha256),
  constraint day_close_chain_whole check (num_nulls(previous_day, previous_sha256) in (0, 2)),
  constraint day_close_in_order check (previous_day < day),
  constraint day_close_hash check (sha256 = sha256(convert_to(body, 'UTF8'))),
  constraint day_close_faults_have_a_reason check (faults = 0 or reason <> '')
);
create unique index day_close_one_first on escrow.day_close ((true)) where previous_day is null;
create trigger bank_statement_is_immutable before update or delete or truncate on escrow.bank_statement
  for each statement execute function escrow.refuse_change();
create trigger day_close_is_immutable before update or delete or truncate on escrow.day_close
  for each statement execute function escrow.refuse_change();
alter table escrow.bank_statement enable always trigger bank_statement_is_immutable;
alter table escrow.day_close enable always trigger day_close_is_immutable;
grant select, insert on escrow.day_close to gavelhouse_app;

-- Reports read the book by time; appended in time order, so an index of block ranges costs next to nothing.
create index op_at on escrow.op using brin (at) with (autosummarize = off, pages_per_range = 32);

-- Several acts on money that are done together or not at all; above the limit only when another operator agrees.
create table market.money_batch (
  id bigint generated always as identity primary key,
  asked_by bigint not null references market.party (id),
  asked_at timestamptz not null,
  reason text not null check (reason <> ''),
  at_stake jsonb not null,
  needs_second boolean not null,
  state text not null,
  confirmed_by bigint references market.party (id),
  ended_by bigint references market.party (id),
  ended_at timestamptz,
  constraint money_batch_state check (state in ('waiting', 'done', 'withdrawn')),
  constraint money_batch_second_is_another check (confirmed_by <> asked_by),
  constraint money_batch_waits_for_a_second check (state <> 'waiting' or needs_second),
  constraint money_batch_done_by_two check (state <> 'done' or not needs_second or confirmed_by is not null),
  constraint money_batch_ended check ((state = 'waiting') = (ended_at is null) and num_nulls(ended_by, ended_at) in (0, 2))
);
create index money_batch_waiting on market.money_batch (id) where state = 'waiting';
create index money_batch_by_asker on market.money_batch (asked_by, asked_at);

create table market.money_batch_item (
  batch_id bigint not null references market.money_batch (id),
  n integer not null,
  act text not null,
  subject_id bigint not null,
  into_kind text,
  into_id bigint,
  currency text not null,
  amount_minor bigint not null check (amount_minor > 0),
  primary key (batch_id, n),
  constraint money_batch_item_once unique (batch_id, act, subject_id),
  constraint money_batch_item_act check (act in ('payout_release', 'payout_again', 'quarantine_apply',
    'quarantine_return', 'case_refund')),
  constraint money_batch_item_into check ((act = 'quarantine_apply') = (into_kind is not null and into_id is not null)),
  constraint money_batch_item_into_kind check (into_kind in ('case', 'deposit', 'wallet'))
);
grant select, insert on market.money_batch, market.money_batch_item to gavelhouse_app;
grant update (state, confirmed_by, ended_by, ended_at) on market.money_batch to gavelhouse_app;

-- What the house asks of sellers, by market and, where a row names one, by currency. A version is never changed; it
-- counts from the later of the day it names and the moment at which a second operator confirmed it.
create table market.fee_schedule (
  id bigint generated always as identity primary key,
  market text not null constraint fee_schedule_market check (market in ('auction', 'reverse')),
  currency text,
  commission_bp integer not null,
  transaction_bp integer not null,
  service_minor bigint not null,
  valid_from timestamptz not null,
  reason text not null check (reason <> ''),
  proposed_by bigint not null references market.party (id),
  proposed_at timestamptz not null,
  confirmed_by bigint references market.party (id),
  confirmed_at timestamptz,
  withdrawn_at timestamptz,
  in_force_from timestamptz generated always as (greatest(valid_from, confirmed_at)) stored,
  constraint fee_schedule_currency_known foreign key (currency) references escrow.currency (code),
  constraint fee_schedule_rates check (commission_bp >= 0 and transaction_bp >= 0 and commission_bp + transaction_bp < 5000),
  constraint fee_schedule_service check (service_minor >= 0 and (service_minor = 0 or currency is not null)),
  constraint fee_schedule_confirmed_by_another check (confirmed_by <> proposed_by),
  constraint fee_schedule_confirmed_together check (num_nulls(confirmed_by, confirmed_at) in (0, 2)),
  constraint fee_schedule_ended_once check (confirmed_at is null or withdrawn_at is null)
);
create index fee_schedule_in_force on market.fee_schedule (market, valid_from desc) where confirmed_at is not null;
grant select, insert on market.fee_schedule to gavelhouse_app;
grant update (confirmed_by, confirmed_at, withdrawn_at) on market.fee_schedule to gavelhouse_app;
