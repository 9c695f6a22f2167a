-- What a backup asks of a database, as its owner.

-- name: is_a_house
-- Whether the migrations of a house were ever applied here.
select to_regclass('public.migration') is not null and to_regclass('escrow.op') is not null;

-- name: holds_anything
-- Whether anything lies here that is not Postgres's own.
select exists (
  select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\_toast%'
) or exists (select from pg_catalog.pg_namespace where nspname in ('auction', 'escrow', 'market', 'bank', 'vault'));

-- name: export_snapshot
-- The name under which another connection sees what this transaction sees.
select pg_catalog.pg_export_snapshot();

-- name: migrations_applied
-- Which migrations this database has, as the files are named.
select lpad(number::text, 4, '0') || '_' || name as named from public.migration order by number;

-- name: counts
-- How much there is.
select (select count(*) from market.party) as parties, (select count(*) from market.listing) as lots,
       (select count(*) from auction.event) as events, (select count(*) from escrow.op) as operations,
       (select count(*) from escrow.transfer) as transfers;

-- name: balances
-- What the accounts of each kind hold in each currency, by the transfers themselves.
select account.kind || ' ' || account.currency as account,
       sum(coalesce(came.minor, 0) - coalesce(went.minor, 0))::text as minor
from escrow.account
left join (select credit, sum(amount) as minor from escrow.transfer group by credit) as came on came.credit = account.id
left join (select debit, sum(amount) as minor from escrow.transfer group by debit) as went on went.debit = account.id
group by account.kind, account.currency order by 1;

-- name: make_roles
-- The logins that the dump's grants name; they belong to the server and not to the database.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['gavelhouse_app', 'gavelhouse_bank', 'gavelhouse_vault'] loop
    begin
      if not exists (select from pg_catalog.pg_roles where rolname = wanted) then
        execute format('create role %I login noinherit', wanted);
      end if;
    exception when duplicate_object or unique_violation then
      null;
    end;
    if not pg_catalog.pg_has_role(
      current_user, wanted, case when current_setting('server_version_num')::int < 160000 then 'member' else 'set' end
    ) then
      execute format('grant %I to current_user', wanted);
    end if;
  end loop;
end $$;

-- name: close_the_database
-- Nobody enters but those; a dump does not hold that.
do $$
begin
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to gavelhouse_app, gavelhouse_bank, gavelhouse_vault', current_database());
end $$;
