-- Claims, returns, arbitration, parts of a sale that are shipped by themselves, fees, reserves and chargebacks; and every
-- kind of account that the wallet, the cashier and the vault will post to. What is disputed can't be released: while a
-- claim is open its case can stand in no state but a disputed one, and its account keeps at least what is claimed.

-- Kinds of accounts. Hot: the house's fees, and what a seller owes the house (below zero by what he owes).
alter table escrow.transfer drop constraint transfer_debit_account, drop constraint transfer_credit_account;
alter table escrow.balance drop constraint balance_seal_account;
alter table escrow.account drop constraint account_identity, drop constraint account_mode, drop column mode,
  drop constraint account_kind, drop constraint account_path, drop constraint account_owner;
alter table escrow.account
  add column mode text not null generated always as
    (case when kind in ('bank', 'gateway', 'commission', 'fees', 'forfeits', 'receivable') then 'H' else 'C' end) stored,
  add constraint account_identity unique (id, currency, mode),
  add constraint account_mode unique (id, mode),
  add constraint account_kind check (kind in ('bank', 'gateway', 'commission', 'fees', 'forfeits', 'wallet', 'deposit',
    'escrow', 'payable', 'suspense', 'transit', 'receivable', 'reserve', 'chargeback', 'cheque', 'change')),
  add constraint account_path check (case
    when kind in ('bank', 'gateway', 'commission', 'fees', 'forfeits') then path = kind
    when kind in ('wallet', 'payable', 'receivable', 'reserve', 'change') then path = kind || ':' || owner_id
    else path ~ ('^' || kind || ':[1-9][0-9]*$') end),
  add constraint account_owner check
    ((owner_id is not null) = (kind in ('wallet', 'payable', 'deposit', 'receivable', 'reserve', 'change')));
alter table escrow.transfer
  add constraint transfer_debit_account foreign key (debit, currency, debit_mode)
    references escrow.account (id, currency, mode),
  add constraint transfer_credit_account foreign key (credit, currency, credit_mode)
    references escrow.account (id, currency, mode);
alter table escrow.balance add constraint balance_seal_account foreign key (sealed, sealed_mode)
  references escrow.account (id, mode);

insert into escrow.edge (from_state, action, actor, to_state) values
  ('new', 'split', 'house', 'funded'),
  ('awaiting_payment', 'reinstate', 'operator', 'funded'),
  ('funded', 'split', 'seller', 'funded'),
  ('released', 'settle', 'house', 'settled'),
  ('funded', 'claim', 'buyer', 'claimed'),
  ('shipped', 'claim', 'buyer', 'claimed'),
  ('inspecting', 'claim', 'buyer', 'claimed'),
  ('claimed', 'release_undisputed', 'buyer', 'claimed'),
  ('claimed', 'offer', 'seller', 'claimed'),
  ('claimed', 'accept_claim', 'seller', 'settled'),
  ('claimed', 'accept_offer', 'buyer', 'settled'),
  ('claimed', 'withdraw_claim', 'buyer', 'settled'),
  ('claimed', 'default_judgement', 'timer', 'settled'),
  ('claimed', 'ask_return', 'seller', 'returning'),
  ('claimed', 'contest', 'seller', 'arbitration'),
  ('claimed', 'escalate', 'buyer', 'arbitration'),
  ('claimed', 'escalate', 'timer', 'arbitration'),
  ('returning', 'return_ship', 'buyer', 'returning'),
  ('returning', 'confirm_return', 'seller', 'refunded'),
  ('returning', 'confirm_return', 'timer', 'refunded'),
  ('returning', 'lapse_return', 'timer', 'settled'),
  ('returning', 'contest', 'seller', 'arbitration'),
  ('arbitration', 'propose_ruling', 'operator', 'arbitration'),
  ('arbitration', 'rule', 'operator', 'ruled'),
  ('arbitration', 'accept_claim', 'seller', 'settled'),
  ('arbitration', 'withdraw_claim', 'buyer', 'settled'),
  ('arbitration', 'overdue', 'timer', 'arbitration'),
  ('arbitration', 'hard_stop', 'timer', 'refunded'),
  ('ruled', 'appeal', 'buyer', 'arbitration'),
  ('ruled', 'appeal', 'seller', 'arbitration'),
  ('ruled', 'enforce', 'timer', 'settled');

-- What a case holds now is a column, so that escrow cash and open cases can be compared in any snapshot.
alter table escrow.escrow_case
  drop constraint escrow_case_commission, drop constraint escrow_case_state,
  drop constraint escrow_case_waits_with_a_clock, drop constraint escrow_case_funded_is_proved,
  drop constraint escrow_case_ended_is_sealed, drop constraint escrow_case_shipped_has_tracking;
alter table escrow.escrow_case
  add column transaction_bp integer not null default 0,
  add column service_minor bigint not null default 0,
  add column fees_minor bigint not null default 0,
  add column reserve_bp integer not null default 0,
  add column parent_id bigint,
  add column reinstates_id bigint,
  add column payment_id text,
  add column lines jsonb not null default '[]',
  add column split_minor bigint not null default 0,
  add column split_commission_minor bigint not null default 0,
  add column split_fees_minor bigint not null default 0,
  add column undisputed_minor bigint not null default 0,
  add column undisputed_commission_minor bigint not null default 0,
  add column undisputed_fees_minor bigint not null default 0,
  add column refunded_minor bigint not null default 0,
  add column charged_back_minor bigint not null default 0,
  add column withheld_minor bigint not null default 0,
  add column ruling_id bigint,
  add column ruling_in_force boolean generated always as (case when ruling_id is not null then true end) stored,
  add column held_minor bigint generated always as (case
    when state in ('funded', 'shipped', 'inspecting', 'claimed', 'returning', 'arbitration', 'ruled')
    then price_minor - split_minor - undisputed_minor else 0 end) stored,
  add column is_sealed boolean not null generated always as (sealed_version is not null) stored,
  add column is_disputed boolean not null generated always as
    (state in ('claimed', 'returning', 'arbitration', 'ruled')) stored,
  add column has_open_claim boolean generated always as
    (case when state in ('claimed', 'returning', 'arbitration', 'ruled') then true end) stored,
  add constraint escrow_case_state check (state in ('awaiting_payment', 'funded', 'shipped', 'inspecting', 'claimed',
    'returning', 'arbitration', 'ruled', 'released', 'settled', 'refunded', 'defaulted', 'cancelled')),
  -- The formulas of the fees; a part has its share of its parent's. Together never more than half of the price.
  add constraint escrow_case_commission check
    (parent_id is not null or commission_minor = div(price_minor::numeric * commission_bp + 5000, 10000)),
  add constraint escrow_case_fee_rates check (transaction_bp between 0 and 4999 and service_minor >= 0),
  add constraint escrow_case_fees check (parent_id is not null or fees_minor = least(
    div(price_minor::numeric * transaction_bp + 5000, 10000) + service_minor, price_minor / 2 - commission_minor)),
  add constraint escrow_case_takes_less_than_it_is check (fees_minor >= 0 and commission_minor >= 0
    and commission_minor + fees_minor <= price_minor),
  add constraint escrow_case_reserve_rate check (reserve_bp between 0 and 10000),
  add constraint escrow_case_parent foreign key (parent_id) references escrow.escrow_case (id),
  add constraint escrow_case_part_is_later check (parent_id < id),
  add constraint escrow_case_part_has_no_deposit check (parent_id is null or deposit_minor = 0),
  add constraint escrow_case_reinstates foreign key (reinstates_id) references escrow.escrow_case (id),
  add constraint escrow_case_reinstated_once unique (reinstates_id),
  add constraint escrow_case_payment_once unique (payment_id),
  add constraint escrow_case_split_within check (split_minor >= 0 and split_minor < price_minor
    and split_commission_minor between 0 and commission_minor and split_fees_minor between 0 and fees_minor),
  add constraint escrow_case_undisputed_within check (undisputed_minor between 0 and price_minor - split_minor),
  add constraint escrow_case_refunded_within check
    (refunded_minor between 0 and price_minor - split_minor - undisputed_minor),
  add constraint escrow_case_charged_back check (withheld_minor between 0 and charged_back_minor),
  add constraint escrow_case_sealed_or_not unique (id, is_sealed),
  add constraint escrow_case_disputed_or_not unique (id, is_disputed),
  add constraint escrow_case_ruled_has_ruling check (state <> 'ruled' or ruling_id is not null),
  add constraint escrow_case_waits_with_a_clock check ((timer_id is not null) = (state in
    ('awaiting_payment', 'funded', 'shipped', 'inspecting', 'claimed', 'returning', 'arbitration', 'ruled'))),
  add constraint escrow_case_funded_is_proved check (case
    when state in ('awaiting_payment', 'defaulted') then funded_version is null
    when state = 'cancelled' then true
    else funded_version is not null end),
  add constraint escrow_case_ended_is_sealed check ((sealed_version is not null) =
    (state in ('released', 'settled', 'refunded', 'defaulted', 'cancelled'))),
  add constraint escrow_case_shipped_has_tracking check
    (state not in ('shipped', 'inspecting', 'released') or (carrier <> '' and tracking_number <> ''));
drop index escrow.escrow_case_one_running;
create unique index escrow_case_one_running on escrow.escrow_case (subject)
  where state not in ('defaulted', 'cancelled', 'refunded') and parent_id is null;
create index escrow_case_by_parent on escrow.escrow_case (parent_id, id) where parent_id is not null;
create index escrow_case_disputed on escrow.escrow_case (state, id)
  where state in ('claimed', 'returning', 'arbitration', 'ruled');

-- A buyer's claim; a case has one. Who handles it does not arbitrate it.
create table escrow.claim (
  id bigint generated always as identity,
  case_id bigint not null,
  account bigint not null,
  buyer_id bigint not null,
  seller_id bigint not null,
  reason text not null,
  statement text not null,
  amount_minor bigint not null,
  from_state text not null,
  opened_at timestamptz not null,
  hard_stop_at timestamptz not null,
  offer_minor bigint,
  answered_at timestamptz,
  handler_id bigint,
  arbiter_id bigint,
  return_carrier text,
  return_tracking_number text,
  returned_at timestamptz,
  appealed_by bigint,
  appealed_at timestamptz,
  appealed_ruling_id bigint,
  ended_at timestamptz,
  outcome text,
  awarded_minor bigint,
  is_open boolean not null generated always as (ended_at is null) stored,
  of_disputed_case boolean generated always as (case when ended_at is null then true end) stored,
  constraint claim_pk primary key (id),
  constraint claim_one_a_case unique (case_id),
  constraint claim_open_or_not unique (case_id, is_open),
  constraint claim_account foreign key (account) references escrow.account (id),
  constraint claim_reason check (reason in ('not_received', 'not_as_described', 'damaged', 'incomplete', 'counterfeit',
    'other')),
  constraint claim_says_why check (btrim(statement) <> ''),
  constraint claim_amount check (amount_minor > 0),
  constraint claim_offer_is_less check (offer_minor between 0 and amount_minor - 1),
  constraint claim_has_an_end check (hard_stop_at > opened_at),
  constraint claim_arbiter_is_not_the_handler check (arbiter_id <> handler_id),
  constraint claim_arbiter_is_no_party check (arbiter_id not in (buyer_id, seller_id)),
  constraint claim_handler_is_no_party check (handler_id not in (buyer_id, seller_id)),
  constraint claim_sent_back_with_tracking check
    (returned_at is null or (return_carrier <> '' and return_tracking_number <> '')),
  constraint claim_appealed_by_a_party check (appealed_by in (buyer_id, seller_id)),
  constraint claim_appealed_together check (num_nulls(appealed_by, appealed_at, appealed_ruling_id) in (0, 3)),
  constraint claim_ended_together check (num_nulls(ended_at, outcome, awarded_minor) in (0, 3)),
  constraint claim_awarded check (awarded_minor >= 0),
  -- Both ways, at commit: an open claim is of a disputed case, and a disputed case has an open claim.
  constraint claim_open_of_disputed_case foreign key (case_id, of_disputed_case)
    references escrow.escrow_case (id, is_disputed) deferrable initially deferred,
  constraint claim_case foreign key (case_id) references escrow.escrow_case (id)
);
alter table escrow.escrow_case add constraint escrow_case_disputed_has_open_claim foreign key (id, has_open_claim)
  references escrow.claim (case_id, is_open) deferrable initially deferred;
create index claim_holds on escrow.claim (account) include (amount_minor) where ended_at is null;

-- While a claim is open its case's account keeps what is claimed, whoever posts: a claim takes hold of the account as a
-- posting does, and each posting looks for a claim.
create function escrow.claim_takes_hold() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  perform from escrow.account a where a.id = new.account for no key update;
  if escrow.balance_of(new.account) < new.amount_minor then
    raise exception 'the case holds less than is claimed'
      using errcode = 'integrity_constraint_violation', constraint = 'claim_within_what_is_held';
  end if;
  return null;
end $$;
create trigger claim_takes_hold after insert on escrow.claim for each row execute function escrow.claim_takes_hold();

create function escrow.claim_holds_the_money() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from added b join escrow.claim c on c.account = b.account and c.ended_at is null
             where b.balance < c.amount_minor) then
    raise exception 'money that is claimed stays where it is'
      using errcode = 'integrity_constraint_violation', constraint = 'claim_holds_the_money';
  end if;
  return null;
end $$;
create trigger claim_holds_the_money after insert on escrow.balance referencing new table as added
  for each statement execute function escrow.claim_holds_the_money();
alter table escrow.balance enable always trigger claim_holds_the_money;

-- Who has arbitrated a claim; never its handler at that time.
create table escrow.claim_arbiter (
  claim_id bigint not null,
  arbiter_id bigint not null,
  handler_id bigint,
  taken_at timestamptz not null,
  constraint claim_arbiter_pk primary key (claim_id, arbiter_id),
  constraint claim_arbiter_claim foreign key (claim_id) references escrow.claim (id),
  constraint claim_arbiter_is_another check (arbiter_id <> handler_id)
);
alter table escrow.claim add constraint claim_arbiter_known foreign key (id, arbiter_id)
  references escrow.claim_arbiter (claim_id, arbiter_id);

-- A ruling divides what the case holds; above the limit it is in force when a second person has confirmed it.
create table escrow.ruling (
  id bigint generated always as identity,
  claim_id bigint not null,
  case_id bigint not null,
  arbiter_id bigint not null,
  buyer_minor bigint not null,
  seller_minor bigint not null,
  house_minor bigint not null,
  reason text not null,
  proposed_at timestamptz not null,
  second_above_minor bigint not null,
  confirmed_by bigint,
  confirmed_at timestamptz,
  declined_by bigint,
  declined_at timestamptz,
  declined_why text,
  needs_second boolean not null generated always as
    (buyer_minor + seller_minor + house_minor > second_above_minor) stored,
  in_force boolean not null generated always as (declined_at is null and
    (confirmed_by is not null or buyer_minor + seller_minor + house_minor <= second_above_minor)) stored,
  constraint ruling_pk primary key (id),
  constraint ruling_in_force_or_not unique (id, in_force),
  constraint ruling_claim foreign key (claim_id) references escrow.claim (id),
  constraint ruling_case foreign key (case_id) references escrow.escrow_case (id),
  constraint ruling_by_the_arbiter foreign key (claim_id, arbiter_id)
    references escrow.claim_arbiter (claim_id, arbiter_id),
  constraint ruling_divides check (buyer_minor >= 0 and seller_minor >= 0 and house_minor >= 0
    and buyer_minor + seller_minor + house_minor > 0),
  constraint ruling_says_why check (btrim(reason) <> ''),
  constraint ruling_confirmed_by_another check (confirmed_by <> arbiter_id),
  constraint ruling_confirmed_together check (num_nulls(confirmed_by, confirmed_at) in (0, 2)),
  constraint ruling_declined_together check (num_nulls(declined_by, declined_at, declined_why) in (0, 3)),
  constraint ruling_confirmed_or_declined check (confirmed_by is null or declined_by is null)
);
create unique index ruling_once_an_arbiter on escrow.ruling (claim_id, arbiter_id) where declined_at is null;
alter table escrow.escrow_case add constraint escrow_case_ruling foreign key (ruling_id, ruling_in_force)
  references escrow.ruling (id, in_force);

-- The claim of a case with its latest standing ruling, as one value beside the case's row.
create function escrow.claim_of(asked bigint) returns jsonb language sql stable set search_path = pg_catalog, pg_temp as $$
  select to_jsonb(c) || jsonb_build_object('ruling', (
    select to_jsonb(r) from escrow.ruling r
    where r.claim_id = c.id and r.declined_at is null
      and r.id > coalesce(c.appealed_ruling_id, 0)
    order by r.id desc limit 1))
  from escrow.claim c where c.case_id = asked
$$;

-- What is kept back of a seller's proceeds; each row is its own timer.
create table escrow.reserve_hold (
  case_id bigint not null,
  party_id bigint not null,
  currency text not null,
  amount_minor bigint not null,
  held_at timestamptz not null,
  due_at timestamptz not null,
  try_at timestamptz not null,
  taken_minor bigint not null default 0,
  freed_at timestamptz,
  constraint reserve_hold_pk primary key (case_id),
  constraint reserve_hold_case foreign key (case_id) references escrow.escrow_case (id),
  constraint reserve_hold_amount check (amount_minor > 0 and taken_minor between 0 and amount_minor)
);
create index reserve_hold_due on escrow.reserve_hold (try_at) where freed_at is null;
create index reserve_hold_of_party on escrow.reserve_hold (party_id, currency) where freed_at is null;
create trigger reserve_hold_wakes_clock after insert on escrow.reserve_hold
  for each statement execute function escrow.wake_clock();

-- A card payment that the buyer's bank takes back.
create table escrow.chargeback (
  id bigint generated by default as identity,
  case_id bigint not null,
  bank_id text not null,
  payment_reference text not null,
  party_id bigint not null,
  currency text not null,
  amount_minor bigint not null,
  reason text not null,
  state text not null default 'open',
  from_payable_minor bigint not null,
  from_reserve_minor bigint not null,
  from_receivable_minor bigint not null,
  from_buyer_wallet_minor bigint not null,
  from_buyer_owed_minor bigint not null,
  account bigint not null,
  opened_at timestamptz not null,
  ended_at timestamptz,
  sealed_version bigint,
  sealed_balance bigint generated always as (case when sealed_version is not null then 0 end) stored,
  sealed_open boolean generated always as (case when sealed_version is not null then false end) stored,
  constraint chargeback_pk primary key (id),
  constraint chargeback_notice foreign key (bank_id) references escrow.bank_notice (bank_id),
  constraint chargeback_notice_once unique (bank_id),
  constraint chargeback_case foreign key (case_id) references escrow.escrow_case (id),
  constraint chargeback_amount check (amount_minor > 0),
  constraint chargeback_sources check (from_payable_minor >= 0 and from_reserve_minor >= 0
    and from_receivable_minor >= 0 and from_buyer_wallet_minor >= 0 and from_buyer_owed_minor >= 0
    and from_payable_minor + from_reserve_minor + from_receivable_minor + from_buyer_wallet_minor
      + from_buyer_owed_minor = amount_minor),
  constraint chargeback_state check (state in ('open', 'lost', 'won')),
  constraint chargeback_account foreign key (account) references escrow.account (id),
  constraint chargeback_ended check ((ended_at is not null) = (state <> 'open')),
  constraint chargeback_ended_is_sealed check ((sealed_version is not null) = (state <> 'open')),
  constraint chargeback_ended_empty foreign key (account, sealed_version, sealed_balance, sealed_open)
    references escrow.balance (account, version, balance, open)
);
create unique index chargeback_one_running on escrow.chargeback (payment_reference) where state = 'open';
create index chargeback_by_case on escrow.chargeback (case_id, id);

alter table escrow.bank_notice drop constraint bank_notice_kind, drop constraint bank_notice_outcome;
alter table escrow.bank_notice
  add constraint bank_notice_kind check (kind in ('transfer.received', 'payout.settled', 'payout.returned',
    'card.chargeback', 'card.chargeback_won', 'card.chargeback_lost')),
  add constraint bank_notice_outcome check (outcome in ('deposit_held', 'case_funded', 'quarantined', 'payout_settled',
    'payout_returned', 'chargeback_opened', 'chargeback_won', 'chargeback_lost', 'ignored'));

-- What a sale brought goes out once its case is over, and only then: an open claim has no payout but the undisputed part.
alter table escrow.payout drop constraint payout_purpose, drop constraint payout_case_named;
alter table escrow.payout
  add column of_sealed_case boolean generated always as (case when purpose = 'sale' then true end) stored,
  add constraint payout_purpose check (purpose in ('sale', 'forfeit', 'withdrawal', 'return', 'undisputed', 'reserve',
    'chargeback')),
  add constraint payout_case_named check ((case_id is not null) =
    (purpose in ('sale', 'forfeit', 'undisputed', 'reserve', 'chargeback'))),
  add constraint payout_of_a_case_that_is_over foreign key (case_id, of_sealed_case)
    references escrow.escrow_case (id, is_sealed);
drop index escrow.payout_once_a_case;
create unique index payout_once_a_case on escrow.payout (case_id, purpose)
  where state <> 'returned' and purpose <> 'chargeback';

-- The balance of an account, and the account locked until the transaction ends: what is taken from it by what it held
-- (a debt that is repaid, proceeds that a chargeback takes) is taken once.
create function escrow.lock_balance(asked_path text, asked_currency text) returns numeric
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  found_id bigint;
begin
  select a.id into found_id from escrow.account a
    where a.path = asked_path and a.currency = asked_currency for no key update;
  return case when found_id is null then 0 else escrow.balance_of(found_id) end;
end $$;

revoke all on function escrow.claim_takes_hold(), escrow.claim_holds_the_money(), escrow.claim_of(bigint),
  escrow.lock_balance(text, text) from public;
grant execute on function escrow.claim_of(bigint), escrow.lock_balance(text, text) to gavelhouse_app;
grant select, insert on escrow.claim, escrow.claim_arbiter, escrow.ruling, escrow.reserve_hold, escrow.chargeback
  to gavelhouse_app;
grant usage on sequence escrow.chargeback_id_seq to gavelhouse_app;
grant update (lines, split_minor, split_commission_minor, split_fees_minor, undisputed_minor,
  undisputed_commission_minor, undisputed_fees_minor, refunded_minor, charged_back_minor, withheld_minor,
  ruling_id, payment_id)
  on escrow.escrow_case to gavelhouse_app;
grant update (offer_minor, answered_at, handler_id, arbiter_id, return_carrier, return_tracking_number, returned_at,
  appealed_by, appealed_at, appealed_ruling_id, ended_at, outcome, awarded_minor) on escrow.claim to gavelhouse_app;
grant update (confirmed_by, confirmed_at, declined_by, declined_at, declined_why) on escrow.ruling to gavelhouse_app;
grant update (try_at, taken_minor, freed_at) on escrow.reserve_hold to gavelhouse_app;
grant update (state, ended_at, sealed_version) on escrow.chargeback to gavelhouse_app;
