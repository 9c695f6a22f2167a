-- A member who owes the house gets no new right to bid, and the rights that he has rest until he has repaid. A bank's
-- statement may show that it took back what it had booked: such an entry names what it reverses, and the book follows.

-- The right to bid of a debtor is taken back as that of a fallen deposit is, and given again once he owes nothing.
alter table market.application
  add column rests_since timestamptz,
  add constraint application_rests_without_a_paddle
    check (rests_since is null or (admitted_at is null and state = 'approved'));
create index application_rests on market.application (party_id, lot_id) where rests_since is not null;
create index account_receivable on escrow.account (owner_id) where kind = 'receivable';

-- A reversed entry is matched to the notice of the reversal, told by the bank itself or taken in from the statement.
alter table escrow.statement_entry
  add column is_reversal boolean not null default false,
  add column original_id text not null default '',
  add constraint statement_entry_original check (is_reversal or original_id = ''),
  drop constraint statement_entry_kind,
  add constraint statement_entry_kind
    check (matched_kind in ('notice', 'payout', 'payout_return', 'card_settlement', 'reversal'));
alter table escrow.bank_notice
  drop constraint bank_notice_kind,
  drop constraint bank_notice_outcome,
  add constraint bank_notice_kind check (kind in ('transfer.received', 'transfer.reversed', 'payout.settled',
    'payout.returned', 'card.chargeback', 'card.chargeback_won', 'card.chargeback_lost')),
  add constraint bank_notice_outcome check (outcome in ('deposit_held', 'case_funded', 'quarantined', 'payout_settled',
    'payout_returned', 'chargeback_opened', 'chargeback_won', 'chargeback_lost', 'transfer_reversed', 'ignored'));

-- A transfer is reversed once, and never for another sum: the notice of the reversal names the transfer's own id.
create unique index bank_notice_reverses_once on escrow.bank_notice ((body ->> 'reference'))
  where kind = 'transfer.reversed' and outcome = 'transfer_reversed';
create index bank_notice_told_early on escrow.bank_notice ((body ->> 'reference'))
  where kind = 'transfer.reversed' and outcome = 'ignored';

-- Money in suspense that the bank took back before anybody decided what it was for.
alter table escrow.quarantine
  drop constraint quarantine_state,
  drop constraint quarantine_decided,
  drop constraint quarantine_ended_is_sealed,
  add constraint quarantine_state check (state in ('open', 'applied', 'returning', 'returned', 'reversed')),
  add constraint quarantine_decided
    check (state in ('open', 'reversed') or (decided_by is not null and decided_at is not null)),
  add constraint quarantine_ended_is_sealed check
    ((sealed_version is not null) = (state in ('applied', 'returned', 'reversed') and account is not null));
