-- A bank takes back what a card paid into a wallet, small change or a deposit, as it does of a deal; the house answers it.
-- Lines of the bank's daily file that can't be posted stand beside those that are.

-- A deposit whose card payment was taken back before the lot ended is no deposit any more.
alter table escrow.deposit drop constraint deposit_state, drop constraint deposit_held_is_proved,
  drop constraint deposit_ended_is_sealed;
alter table escrow.deposit
  add constraint deposit_state check (state in ('requested', 'held', 'freed', 'applied', 'forfeited', 'lapsed',
    'taken_back')),
  add constraint deposit_held_is_proved
    check ((held_version is not null) = (state in ('held', 'freed', 'applied', 'forfeited', 'taken_back'))),
  add constraint deposit_ended_is_sealed
    check ((sealed_version is not null) = (state in ('freed', 'applied', 'forfeited', 'lapsed', 'taken_back')));

-- What was paid: a deal, or (`payer_minor` of it) something of the payer's own, from whom alone that part comes and to whom
-- it goes back. A deal's chargeback hits its seller, any other one the payer: `party_id`.
alter table escrow.chargeback drop constraint chargeback_sources, alter column case_id drop not null;
alter table escrow.chargeback
  add column purpose text not null default 'case',
  add column payer_id bigint,
  add column deposit_id bigint,
  add column payer_minor bigint not null default 0,
  add column from_deposit_minor bigint not null default 0,
  add column from_buyer_change_minor bigint not null default 0,
  add constraint chargeback_purpose check (purpose in ('case', 'deposit', 'wallet', 'change')),
  add constraint chargeback_deposit foreign key (deposit_id) references escrow.deposit (id),
  add constraint chargeback_of_a_deposit check ((deposit_id is not null) = (purpose = 'deposit')),
  add constraint chargeback_of_a_case check (case when purpose = 'case' then case_id is not null and payer_minor = 0
    else payer_id is not null and (case_id is null) = (payer_minor = amount_minor) end),
  add constraint chargeback_payer_within check (payer_minor between 0 and amount_minor),
  add constraint chargeback_sources check (from_payable_minor >= 0 and from_reserve_minor >= 0
    and from_receivable_minor >= 0 and from_buyer_wallet_minor >= 0 and from_buyer_owed_minor >= 0
    and from_deposit_minor >= 0 and from_buyer_change_minor >= 0
    and from_payable_minor + from_reserve_minor + from_receivable_minor + from_buyer_wallet_minor
      + from_buyer_owed_minor + from_deposit_minor + from_buyer_change_minor = amount_minor);
create index chargeback_by_payer on escrow.chargeback (payer_id, id) where payer_id is not null;
create index chargeback_of_payment on escrow.chargeback (payment_reference);

-- The house's answer to the bank: one a chargeback, written with the act and told until the bank has it. `try_at` is when.
create table escrow.chargeback_answer (
  chargeback_id bigint not null,
  text text not null,
  operator_id bigint not null,
  written_at timestamptz not null,
  try_at timestamptz,
  attempts integer not null default 0,
  told_at timestamptz,
  refused_code text,
  last_error text,
  constraint chargeback_answer_pk primary key (chargeback_id),
  constraint chargeback_answer_of foreign key (chargeback_id) references escrow.chargeback (id),
  constraint chargeback_answer_text check (length(text) between 1 and 2000),
  constraint chargeback_answer_waits check ((try_at is null) = (told_at is not null or refused_code is not null)),
  constraint chargeback_answer_ends_once check (num_nonnulls(told_at, refused_code) <= 1)
);
create index chargeback_answer_due on escrow.chargeback_answer (try_at) where try_at is not null;

grant select, insert on escrow.chargeback_answer to gavelhouse_app;
grant update (try_at, attempts, told_at, refused_code, last_error) on escrow.chargeback_answer to gavelhouse_app;

-- A line that can't be read is kept as it came, with nothing in it that could be posted.
alter table escrow.card_settlement_line drop constraint card_settlement_line_kind,
  drop constraint card_settlement_line_amount;
alter table escrow.card_settlement_line
  add column said text,
  add constraint card_settlement_line_kind check (kind in ('capture', 'chargeback', 'chargeback_won', 'unreadable')),
  add constraint card_settlement_line_amount check (case when kind = 'unreadable' then amount_minor = 0
    else amount_minor <> 0 and (amount_minor < 0) = (kind = 'chargeback') end),
  add constraint card_settlement_line_said check ((said is not null) = (kind = 'unreadable'));
alter table escrow.card_difference drop constraint card_difference_kind;
alter table escrow.card_difference
  add constraint card_difference_kind check (kind in ('unknown_payment', 'not_captured', 'other_currency', 'other_sum',
    'settled_twice', 'not_settled', 'capture_refused', 'unknown_currency', 'unreadable_line'));
