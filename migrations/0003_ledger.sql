-- The ledger: double entry that the database itself keeps true. Code only offers postings; these constraints refuse a
-- wrong one. All balances are credit positive ("money moves from the debit to the credit"), so the bank account,
-- which is the house's asset, stands below zero by what lies at the bank, and every currency sums to zero.

create table escrow.currency (
  code text not null,
  exponent smallint not null,
  constraint currency_pk primary key (code),
  constraint currency_code check (code ~ '^[A-Z]{3}$'),
  constraint currency_exponent check (exponent between 0 and 4)
);

insert into escrow.currency (code, exponent) values
  ('CNY', 2), ('USD', 2), ('EUR', 2), ('GBP', 2), ('HKD', 2), ('JPY', 0), ('KWD', 3);

-- mode C: chained balance, never below zero. mode H (hot): append only, summed by roll-ups, no row to contend for.
-- The mode follows from the kind, so that no one can declare a wallet to be without a limit.
create table escrow.account (
  id bigint generated always as identity,
  path text not null,
  currency text not null,
  kind text not null,
  owner_id bigint,
  mode text not null generated always as
    (case when kind in ('bank', 'gateway', 'commission', 'forfeits') then 'H' else 'C' end) stored,
  opened_at timestamptz not null default now(),
  constraint account_pk primary key (id),
  constraint account_path_once unique (path, currency),
  constraint account_identity unique (id, currency, mode),
  constraint account_mode unique (id, mode),
  constraint account_currency foreign key (currency) references escrow.currency (code),
  constraint account_kind check (kind in ('bank', 'gateway', 'commission', 'forfeits', 'wallet', 'deposit', 'escrow',
    'payable', 'suspense', 'transit')),
  constraint account_path check (case
    when kind in ('bank', 'gateway', 'commission', 'forfeits') then path = kind
    when kind in ('wallet', 'payable') then path = kind || ':' || owner_id
    else path ~ ('^' || kind || ':[1-9][0-9]*$') end),
  constraint account_owner check ((owner_id is not null) = (kind in ('wallet', 'payable', 'deposit')))
);

create table escrow.op (
  id uuid not null,
  kind text not null,
  subject text not null,
  request_sha256 bytea not null,
  actor text not null,
  at timestamptz not null,
  constraint op_pk primary key (id),
  constraint op_sha256 check (octet_length(request_sha256) = 32),
  constraint op_words check (kind <> '' and subject <> '' and actor <> '')
);
create index op_subject on escrow.op (subject);

-- A row balances by construction: one amount, two sides, both accounts of the row's currency.
create table escrow.transfer (
  op uuid not null,
  n smallint not null,
  debit bigint not null,
  credit bigint not null,
  currency text not null,
  debit_mode text not null,
  credit_mode text not null,
  debit_chained bigint generated always as (case when debit_mode = 'C' then debit end) stored,
  credit_chained bigint generated always as (case when credit_mode = 'C' then credit end) stored,
  amount bigint not null,
  reverses_op uuid,
  reverses_n smallint,
  reverses_amount bigint,
  tx xid8 not null default pg_current_xact_id(),
  seq bigint generated always as identity,
  constraint transfer_pk primary key (op, n),
  constraint transfer_op foreign key (op) references escrow.op (id),
  constraint transfer_number check (n > 0),
  constraint transfer_amount check (amount > 0 and amount <= 1000000000000000),
  constraint transfer_two_sides check (debit <> credit),
  constraint transfer_debit_account foreign key (debit, currency, debit_mode)
    references escrow.account (id, currency, mode),
  constraint transfer_credit_account foreign key (credit, currency, credit_mode)
    references escrow.account (id, currency, mode),
  constraint transfer_debit_key unique (op, n, debit_chained, amount),
  constraint transfer_credit_key unique (op, n, credit_chained, amount),
  constraint transfer_whole_key unique (op, n, debit, credit, currency, amount),
  -- A reversal names a row, swaps exactly its sides, never exceeds it, and happens once.
  constraint transfer_reversal_swaps_sides foreign key (reverses_op, reverses_n, credit, debit, currency, reverses_amount)
    references escrow.transfer (op, n, debit, credit, currency, amount),
  constraint transfer_reversal_whole check (num_nulls(reverses_op, reverses_n, reverses_amount) in (0, 3)),
  constraint transfer_reversal_within check (amount <= reverses_amount)
);
create unique index transfer_reversed_once on escrow.transfer (reverses_op, reverses_n) where reverses_op is not null;
create index transfer_hot_debit on escrow.transfer (debit, tx) where debit_mode = 'H';
create index transfer_hot_credit on escrow.transfer (credit, tx) where credit_mode = 'H';

-- The chained running balance. Each row leans on the row before it by foreign key, so no version can be skipped and
-- no balance forged; a row that is not open is the seal of an empty account, and nothing can lean on a seal.
create table escrow.balance (
  account bigint not null,
  version bigint not null,
  op uuid,
  n smallint,
  amount bigint not null,
  delta bigint not null,
  previous bigint not null,
  balance bigint not null,
  open boolean not null default true,
  previous_version bigint generated always as (nullif(version - 1, 0)) stored,
  previous_open boolean generated always as (case when version > 1 then true end) stored,
  debited bigint generated always as (case when delta < 0 then account end) stored,
  credited bigint generated always as (case when delta > 0 then account end) stored,
  sealed bigint generated always as (case when not open then account end) stored,
  sealed_mode text generated always as (case when not open then 'C' end) stored,
  constraint balance_pk primary key (account, version),
  constraint balance_tip unique (account, version, balance, open),
  constraint balance_of_transfer unique (op, n, account),
  constraint balance_version check (version > 0),
  constraint balance_delta check (delta in (amount, -amount)),
  constraint balance_arithmetic check (balance = previous + delta),
  constraint balance_begins_at_zero check (version > 1 or previous = 0),
  constraint balance_not_below_zero check (balance >= 0),
  constraint balance_open_row check (not open or (amount > 0 and op is not null and n is not null)),
  constraint balance_seal_is_empty check (open or (amount = 0 and balance = 0 and op is null and n is null)),
  constraint balance_chain foreign key (account, previous_version, previous, previous_open)
    references escrow.balance (account, version, balance, open),
  constraint balance_debit_of_transfer foreign key (op, n, debited, amount)
    references escrow.transfer (op, n, debit_chained, amount),
  constraint balance_credit_of_transfer foreign key (op, n, credited, amount)
    references escrow.transfer (op, n, credit_chained, amount),
  constraint balance_seal_account foreign key (sealed, sealed_mode) references escrow.account (id, mode)
);

-- Deferred: at commit each chained side of each transfer has its balance row.
alter table escrow.transfer add constraint transfer_debit_balance foreign key (op, n, debit_chained)
  references escrow.balance (op, n, account) deferrable initially deferred;
alter table escrow.transfer add constraint transfer_credit_balance foreign key (op, n, credit_chained)
  references escrow.balance (op, n, account) deferrable initially deferred;

-- Sums of the hot accounts, cut where no transaction can appear any more. Derived: may be emptied by the owner.
create table escrow.rollup (
  account bigint not null,
  up_to xid8 not null,
  balance numeric not null,
  constraint rollup_pk primary key (account, up_to),
  constraint rollup_account foreign key (account) references escrow.account (id)
);

create function escrow.refuse_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'rows of %.% are never changed', tg_table_schema, tg_table_name
    using errcode = 'integrity_constraint_violation', constraint = tg_table_name || '_is_immutable';
end $$;

create trigger currency_is_immutable before update or delete or truncate on escrow.currency
  for each statement execute function escrow.refuse_change();
create trigger account_is_immutable before update or delete or truncate on escrow.account
  for each statement execute function escrow.refuse_change();
create trigger op_is_immutable before update or delete or truncate on escrow.op
  for each statement execute function escrow.refuse_change();
create trigger transfer_is_immutable before update or delete or truncate on escrow.transfer
  for each statement execute function escrow.refuse_change();
create trigger balance_is_immutable before update or delete or truncate on escrow.balance
  for each statement execute function escrow.refuse_change();
alter table escrow.currency enable always trigger currency_is_immutable;
alter table escrow.account enable always trigger account_is_immutable;
alter table escrow.op enable always trigger op_is_immutable;
alter table escrow.transfer enable always trigger transfer_is_immutable;
alter table escrow.balance enable always trigger balance_is_immutable;

-- Opens accounts [{path, kind, currency, owner_id}] that do not exist yet; gives every named one's id.
create function escrow.open_accounts(accounts jsonb) returns table (path text, currency text, account bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  insert into escrow.account (path, kind, currency, owner_id)
    select a.path, a.kind, a.currency, a.owner_id
    from jsonb_to_recordset(accounts) as a (path text, kind text, currency text, owner_id bigint)
    order by a.path, a.currency
    on conflict on constraint account_path_once do nothing;
  return query select a.path, a.currency, e.id
    from jsonb_to_recordset(accounts) as a (path text, currency text)
    cross join lateral (select x.id from escrow.account x where x.path = a.path and x.currency = a.currency limit 1) e;
end $$;

-- Appends operations, all or none, with one statement a table. Internal: its callers hold the account locks. Accounts
-- are looked up one by one by their index (lateral, limit 1), so that the cost does not grow with the book.
create function escrow.append(operations jsonb, posted_at timestamptz)
returns table (ordinal integer, op uuid, result text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  fresh uuid[];
  places bigint[];
  wanted bigint;
  written bigint;
begin
  with asked as (
    select distinct on ((o.value ->> 'id')::uuid) (o.value ->> 'id')::uuid as id, o.value as body, o.ordinality as place
    from jsonb_array_elements(operations) with ordinality o
    order by 1, o.ordinality
  ), added as (
    insert into escrow.op (id, kind, subject, actor, request_sha256, at)
      select id, body ->> 'kind', body ->> 'subject', body ->> 'actor', sha256(convert_to(body::text, 'UTF8')), posted_at
      from asked order by id
      on conflict on constraint op_pk do nothing
      returning id
  )
  select array_agg(asked.id order by asked.place), array_agg(asked.place order by asked.place),
         coalesce(sum(jsonb_array_length(asked.body -> 'lines')), 0)
    into fresh, places, wanted
    from added join asked using (id);

  insert into escrow.transfer
    (op, n, debit, credit, currency, debit_mode, credit_mode, amount, reverses_op, reverses_n, reverses_amount)
  select (o.value ->> 'id')::uuid, l.ordinality, d.id, c.id, l.value ->> 'currency', d.mode, c.mode,
         (l.value ->> 'amount')::bigint, (l.value ->> 'reverses_op')::uuid, (l.value ->> 'reverses_n')::smallint,
         (select r.amount from escrow.transfer r
          where r.op = (l.value ->> 'reverses_op')::uuid and r.n = (l.value ->> 'reverses_n')::smallint)
  from jsonb_array_elements(operations) with ordinality o
  cross join lateral jsonb_array_elements(o.value -> 'lines') with ordinality l
  cross join lateral (select a.id, a.mode from escrow.account a
    where a.path = l.value ->> 'debit' and a.currency = l.value ->> 'currency' limit 1) d
  cross join lateral (select a.id, a.mode from escrow.account a
    where a.path = l.value ->> 'credit' and a.currency = l.value ->> 'currency' limit 1) c
  where o.ordinality = any (places)
  order by o.ordinality, l.ordinality;
  get diagnostics written = row_count;
  if written <> wanted then
    raise exception 'no such account in this currency'
      using errcode = 'foreign_key_violation', constraint = 'transfer_account_known';
  end if;

  insert into escrow.balance (account, version, op, n, amount, delta, previous, balance)
  select s.account, coalesce(tip.version, 0) + row_number() over chain, s.op, s.n, s.amount, s.delta,
         (coalesce(tip.balance, 0) + sum(s.delta) over chain - s.delta)::bigint,
         (coalesce(tip.balance, 0) + sum(s.delta) over chain)::bigint
  from (
    select side.account, t.op, t.n, t.amount, side.delta, t.seq
    from escrow.transfer t
    cross join lateral (values (t.debit_chained, -t.amount), (t.credit_chained, t.amount)) side (account, delta)
    where t.op = any (fresh) and side.account is not null
  ) s
  left join lateral (
    select b.version, b.balance from escrow.balance b where b.account = s.account order by b.version desc limit 1
  ) tip on true
  window chain as (partition by s.account order by s.seq rows unbounded preceding);

  return query
    select a.place::integer, a.id,
           case when a.place = any (places) then 'posted'
                when (select p.request_sha256 from escrow.op p where p.id = a.id) = sha256(convert_to(a.body::text, 'UTF8'))
                then 'replayed' else 'conflict' end
    from (select (o.value ->> 'id')::uuid as id, o.value as body, o.ordinality as place
          from jsonb_array_elements(operations) with ordinality o) a
    order by a.place;
end $$;

-- Locks the chained accounts that the operations name, in key order, so that no two postings wait for each other.
create function escrow.lock_accounts(operations jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  named bigint[];
begin
  select array_agg(distinct a.id) into named
    from jsonb_array_elements(operations) o
    cross join jsonb_array_elements(o -> 'lines') l
    cross join lateral (values (l ->> 'debit'), (l ->> 'credit')) side (path)
    cross join lateral (select e.id from escrow.account e
      where e.path = side.path and e.currency = l ->> 'currency' and e.mode = 'C' limit 1) a;
  perform from escrow.account a where a.id = any (named) order by a.id for no key update;
end $$;

-- Posts one operation {id, kind, subject, actor, lines: [{debit, credit, currency, amount, reverses_op, reverses_n}]}.
-- 'posted', or 'replayed' when the same operation stands already; anything else raises the constraint that refuses.
create function escrow.post(operation jsonb, posted_at timestamptz) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  outcome text;
begin
  perform escrow.lock_accounts(jsonb_build_array(operation));
  select a.result into outcome from escrow.append(jsonb_build_array(operation), posted_at) a;
  if outcome = 'conflict' then
    raise exception 'operation % stands with other content', operation ->> 'id'
      using errcode = 'unique_violation', constraint = 'op_same_content';
  end if;
  return outcome;
end $$;

-- Posts many operations, each with its own result: posted, replayed, conflict, or refused (by the constraint named).
-- Tried as one batch first; if a constraint refuses anything, one by one, so that one bad posting harms no other.
create function escrow.post_many(operations jsonb, posted_at timestamptz)
returns table (ordinal integer, op uuid, result text, refused_by text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  each record;
  refusing text;
begin
  perform escrow.lock_accounts(operations);
  begin
    return query select a.ordinal, a.op, a.result, null::text from escrow.append(operations, posted_at) a;
    return;
  exception when integrity_constraint_violation or unique_violation or foreign_key_violation or check_violation then
    null;
  end;
  for each in select o.value, o.ordinality::integer as place from jsonb_array_elements(operations) with ordinality o loop
    begin
      return query select each.place, a.op, a.result, null::text
        from escrow.append(jsonb_build_array(each.value), posted_at) a;
    exception when integrity_constraint_violation or unique_violation or foreign_key_violation or check_violation then
      get stacked diagnostics refusing = constraint_name;
      ordinal := each.place; op := (each.value ->> 'id')::uuid; result := 'refused'; refused_by := refusing;
      return next;
    end;
  end loop;
end $$;

-- Seals empty accounts: no posting can ever follow. Sealing twice is once. Gives the version of each seal.
create function escrow.seal(accounts bigint[]) returns table (account bigint, version bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  perform from escrow.account a where a.id = any (accounts) order by a.id for no key update;
  insert into escrow.balance (account, version, amount, delta, previous, balance, open)
    select a.id, coalesce(tip.version, 0) + 1, 0, 0, coalesce(tip.balance, 0), coalesce(tip.balance, 0), false
    from escrow.account a
    left join lateral (
      select b.version, b.balance, b.open from escrow.balance b where b.account = a.id order by b.version desc limit 1
    ) tip on true
    where a.id = any (accounts) and coalesce(tip.open, true);
  return query select b.account, b.version from escrow.balance b where b.account = any (accounts) and not b.open;
end $$;

-- The balance of one account as of this snapshot, whatever its mode.
create function escrow.balance_of(asked bigint) returns numeric
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case when a.mode = 'C' then
    coalesce((select b.balance from escrow.balance b where b.account = a.id order by b.version desc limit 1), 0)
  else
    coalesce(r.balance, 0)
    + coalesce((select sum(t.amount) from escrow.transfer t
        where t.credit = a.id and t.credit_mode = 'H' and t.tx >= coalesce(r.up_to, '0'::xid8)), 0)
    - coalesce((select sum(t.amount) from escrow.transfer t
        where t.debit = a.id and t.debit_mode = 'H' and t.tx >= coalesce(r.up_to, '0'::xid8)), 0)
  end
  from escrow.account a
  left join lateral (
    select u.up_to, u.balance from escrow.rollup u where u.account = a.id order by u.up_to desc limit 1
  ) r on true
  where a.id = asked
$$;

-- Cuts a roll-up of each hot account at the oldest transaction still running: what commits late stays in the tail.
create function escrow.roll_up() returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
  with cut as (select pg_snapshot_xmin(pg_current_snapshot()) as x),
  sums as (
    select a.id, cut.x,
      coalesce(r.balance, 0)
      + coalesce((select sum(t.amount) from escrow.transfer t where t.credit = a.id and t.credit_mode = 'H'
          and t.tx >= coalesce(r.up_to, '0'::xid8) and t.tx < cut.x), 0)
      - coalesce((select sum(t.amount) from escrow.transfer t where t.debit = a.id and t.debit_mode = 'H'
          and t.tx >= coalesce(r.up_to, '0'::xid8) and t.tx < cut.x), 0) as balance
    from escrow.account a
    cross join cut
    left join lateral (
      select u.up_to, u.balance from escrow.rollup u where u.account = a.id order by u.up_to desc limit 1
    ) r on true
    where a.mode = 'H' and (r.up_to is null or r.up_to < cut.x)
  ), cuts as (
    insert into escrow.rollup (account, up_to, balance) select id, x, balance from sums
    on conflict on constraint rollup_pk do nothing returning 1
  )
  select count(*) from cuts
$$;

-- The application reads, and posts by the functions. It can write no ledger table.
revoke all on function escrow.open_accounts(jsonb), escrow.append(jsonb, timestamptz), escrow.lock_accounts(jsonb),
  escrow.post(jsonb, timestamptz), escrow.post_many(jsonb, timestamptz), escrow.seal(bigint[]), escrow.roll_up(),
  escrow.balance_of(bigint), escrow.refuse_change() from public;
grant usage on schema escrow to gavelhouse_app;
grant select on escrow.currency, escrow.account, escrow.op, escrow.transfer, escrow.balance, escrow.rollup
  to gavelhouse_app;
grant execute on function escrow.open_accounts(jsonb), escrow.post(jsonb, timestamptz),
  escrow.post_many(jsonb, timestamptz), escrow.seal(bigint[]), escrow.roll_up(), escrow.balance_of(bigint)
  to gavelhouse_app;
