-- The sandbox bank: a bank of its own in a schema of its own, which the server's role can't even see. It keeps accounts
-- and movements, takes payout files once by their message id, and has an outbox of notices for the house.

create table bank.account (
  number text not null,
  serial bigint not null,
  holder text not null,
  currency text not null,
  balance_minor bigint not null default 0,
  is_centre boolean not null default false,
  opened_at timestamptz not null,
  closed_at timestamptz,
  constraint account_pk primary key (number),
  constraint account_serial_once unique (serial),
  constraint account_holder check (holder <> '' and length(holder) <= 70),
  constraint account_currency check (currency ~ '^[A-Z]{3}$'),
  constraint account_not_overdrawn check (balance_minor >= 0)
);

create table bank.transfer (
  id text not null,
  from_number text not null,
  from_holder text not null,
  to_number text not null,
  to_holder text not null,
  currency text not null,
  amount_minor bigint not null,
  reference text not null,
  request_key text,
  booked_at timestamptz not null,
  constraint transfer_pk primary key (id),
  constraint transfer_amount check (amount_minor > 0 and amount_minor <= 1000000000000000),
  constraint transfer_request_once unique (request_key)
);
create index transfer_latest on bank.transfer (booked_at desc);

create table bank.movement (
  id bigint generated always as identity,
  number text not null,
  transfer_id text not null,
  amount_minor bigint not null,
  balance_minor bigint not null,
  constraint movement_pk primary key (id),
  constraint movement_account foreign key (number) references bank.account (number),
  constraint movement_transfer foreign key (transfer_id) references bank.transfer (id),
  constraint movement_once unique (transfer_id, number)
);
create index movement_of_account on bank.movement (number, id desc);

create table bank.payout_file (
  message_id text not null,
  sha256 bytea not null,
  payments integer not null,
  received_at timestamptz not null,
  constraint payout_file_pk primary key (message_id)
);

-- Each notice to the house stays here until the house has answered 2xx; copies > 0 means that it is sent again.
create table bank.outbox (
  id bigint generated always as identity,
  message_id text not null,
  body text not null,
  copies integer not null default 1,
  created_at timestamptz not null,
  try_at timestamptz not null,
  attempts integer not null default 0,
  last_answer text,
  delivered_at timestamptz,
  constraint outbox_pk primary key (id),
  constraint outbox_message_once unique (message_id)
);
create index outbox_undelivered on bank.outbox (try_at) where delivered_at is null;

-- One row: whether the bank tells everything twice, as real ones sometimes do.
create table bank.setting (
  single_row boolean not null default true,
  deliver_twice boolean not null default false,
  constraint setting_pk primary key (single_row),
  constraint setting_one_row check (single_row)
);
insert into bank.setting default values;

grant select, insert on bank.account, bank.transfer, bank.movement, bank.payout_file, bank.outbox to gavelhouse_bank;
grant select on bank.setting to gavelhouse_bank;
grant update (balance_minor, closed_at) on bank.account to gavelhouse_bank;
grant update (copies, try_at, attempts, last_answer, delivered_at) on bank.outbox to gavelhouse_bank;
grant update (deliver_twice) on bank.setting to gavelhouse_bank;
