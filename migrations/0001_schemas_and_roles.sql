-- Who may touch what. Four schemas, all owned by the owner who migrates; the server logs in as gavelhouse_app and the
-- sandbox bank as gavelhouse_bank, and neither owns anything. Each later migration grants what its tables need.

-- Roles belong to the whole server, not to this database, so another database of ours may have made them (perhaps at
-- this very moment). The owner becomes a member, so that one login by URL can take on either role.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['gavelhouse_app', 'gavelhouse_bank'] loop
        begin
            if not exists (select from pg_catalog.pg_roles where rolname = wanted) then
                execute format('create role %I login noinherit', wanted);
            end if;
        exception when duplicate_object or unique_violation then
            null;
        end;
        -- From 16 on, who makes a role may administer it but not take it on, and still counts as a member.
        if not pg_catalog.pg_has_role(
            current_user, wanted, case when current_setting('server_version_num')::int < 160000 then 'member' else 'set' end
        ) then
            execute format('grant %I to current_user', wanted);
        end if;
    end loop;
end
$$;

-- Nothing is for everybody: not the database, not the schema public.
do $$
begin
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to gavelhouse_app, gavelhouse_bank', current_database());
end
$$;
revoke all on schema public from public;
grant usage on schema public to gavelhouse_app, gavelhouse_bank;
grant select on public.migration to gavelhouse_app, gavelhouse_bank;

-- Functions are executable by everybody unless told otherwise; here each is granted by name.
alter default privileges revoke execute on functions from public;

create schema auction;
create schema escrow;
create schema market;
create schema bank;
grant usage on schema auction, escrow, market to gavelhouse_app;
grant usage on schema bank to gavelhouse_bank;
