CREATE SCHEMA auction;

ALTER SCHEMA auction OWNER TO gavelhouse_owner;

CREATE SCHEMA bank;

ALTER SCHEMA bank OWNER TO gavelhouse_owner;

CREATE SCHEMA escrow;

ALTER SCHEMA escrow OWNER TO gavelhouse_owner;

CREATE SCHEMA market;

ALTER SCHEMA market OWNER TO gavelhouse_owner;

CREATE SCHEMA vault;

ALTER SCHEMA vault OWNER TO gavelhouse_owner;

CREATE TYPE auction.batch_bid AS (
	party_id bigint,
	client_bid_id uuid,
	lot_id bigint,
	stamped_at timestamp with time zone,
	amount_minor bigint,
	is_maximum boolean,
	refusal text,
	lowest_minor bigint,
	seq bigint,
	leads boolean,
	details bytea,
	body bytea,
	hash bytea
);

ALTER TYPE auction.batch_bid OWNER TO gavelhouse_owner;

COMMENT ON TYPE auction.batch_bid IS 'A judged bid with its event''s body and hash; null where it is in no event of its own.';

CREATE TYPE auction.batch_event AS (
	lot_id bigint,
	seq bigint,
	kind text,
	at timestamp with time zone,
	party_id bigint,
	body bytea,
	hash bytea
);

ALTER TYPE auction.batch_event OWNER TO gavelhouse_owner;

COMMENT ON TYPE auction.batch_event IS 'An event of a batch that is nobody''s bid.';

CREATE TYPE auction.batch_lot AS (
	lot_id bigint,
	version bigint,
	changed boolean,
	seq bigint,
	head bytea,
	phase text,
	ends_at timestamp with time zone,
	price_minor bigint,
	leader_id bigint,
	leader_maximum_minor bigint,
	reserve_met boolean,
	bid_count integer,
	extension_count integer
);

ALTER TYPE auction.batch_lot OWNER TO gavelhouse_owner;

COMMENT ON TYPE auction.batch_lot IS 'A lot as a batch leaves it, with the version it was judged from.';

CREATE FUNCTION auction.event_chain_holds() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    astray record;
begin
    select e.lot_id, e.seq into astray
    from fresh e
    left join auction.event former on former.lot_id = e.lot_id and former.seq = e.seq - 1
    where e.hash is distinct from sha256(
        case when e.seq = 1 then (select l.genesis from auction.lot l where l.id = e.lot_id) else former.hash end || e.body)
    limit 1;
    if found then
        raise exception 'lot %: event % does not continue the log', astray.lot_id, astray.seq
            using errcode = 'check_violation', constraint = 'event_continues_the_log';
    end if;
    return null;
end
$$;

ALTER FUNCTION auction.event_chain_holds() OWNER TO gavelhouse_owner;

CREATE FUNCTION auction.lot_is_fixed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if (old.id, old.seller_id, old.currency, old.starts_at, old.deposit_minor, old.terms, old.opened_at)
        is distinct from (new.id, new.seller_id, new.currency, new.starts_at, new.deposit_minor, new.terms, new.opened_at)
        or new.reserve_minor is null or new.reserve_minor >= old.reserve_minor or old.reserve_minor is null
    then
        raise exception 'of a lot only the reserve may change, downwards'
            using errcode = 'check_violation', constraint = 'lot_fixed_but_a_lower_reserve';
    end if;
    return new;
end
$$;

ALTER FUNCTION auction.lot_is_fixed() OWNER TO gavelhouse_owner;

CREATE FUNCTION auction.refuse_rewrite() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'auction.% is append-only', tg_table_name
        using errcode = 'check_violation', constraint = tg_table_name || '_append_only';
end
$$;

ALTER FUNCTION auction.refuse_rewrite() OWNER TO gavelhouse_owner;

CREATE FUNCTION auction.signed_head_agrees_with_log() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if (select hash from auction.event where lot_id = new.lot_id and seq = new.seq) is distinct from new.head then
        raise exception 'lot %: event % has another hash', new.lot_id, new.seq
            using errcode = 'check_violation', constraint = 'signed_head_agrees_with_log';
    end if;
    return new;
end
$$;

ALTER FUNCTION auction.signed_head_agrees_with_log() OWNER TO gavelhouse_owner;

CREATE FUNCTION auction.standing_agrees_with_log() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    astray bigint;
begin
    select s.lot_id into astray
    from fresh s
    left join auction.event e on e.lot_id = s.lot_id and e.seq = s.seq
    left join auction.admission a on a.lot_id = s.lot_id and a.party_id = s.leader_id
    where e.hash is distinct from s.head or (s.leader_id is not null and a.paddle is null)
    limit 1;
    if found then
        raise exception 'lot %: the standing is not that of its last event', astray
            using errcode = 'check_violation', constraint = 'standing_agrees_with_log';
    end if;
    return null;
end
$$;

ALTER FUNCTION auction.standing_agrees_with_log() OWNER TO gavelhouse_owner;

CREATE FUNCTION auction.standing_moves_forward() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    broken text;
begin
    broken := case
        when old.outcome is not null then 'standing_closed_is_final'
        when new.version <> old.version + 1 then 'standing_version_by_one'
        when new.lot_id <> old.lot_id or new.seq < old.seq or new.price_moves <> old.price_moves
            then 'standing_seq_never_back'
        when new.retraction_count < old.retraction_count then 'standing_retraction_count_never_back'
        when new.ends_at < old.ends_at and (new.phase <> 'decided' or old.phase = 'decided') then 'standing_end_never_back'
        when new.price_moves = 'up' then 'standing_price_never_falls'
        else 'standing_price_never_rises'
    end;
    raise exception 'lot %: %', old.lot_id, broken using errcode = 'check_violation', constraint = broken;
end
$$;

ALTER FUNCTION auction.standing_moves_forward() OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.append(operations jsonb, posted_at timestamp with time zone) RETURNS TABLE(ordinal integer, op uuid, result text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION escrow.append(operations jsonb, posted_at timestamp with time zone) OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.await_entry() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into escrow.book_waiting select id from added;
  return null;
end $$;

ALTER FUNCTION escrow.await_entry() OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.balance_of(asked bigint) RETURNS numeric
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION escrow.balance_of(asked bigint) OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.claim_holds_the_money() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if exists (select from added b join escrow.claim c on c.account = b.account and c.ended_at is null
             where b.balance < c.amount_minor) then
    raise exception 'money that is claimed stays where it is'
      using errcode = 'integrity_constraint_violation', constraint = 'claim_holds_the_money';
  end if;
  return null;
end $$;

ALTER FUNCTION escrow.claim_holds_the_money() OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.claim_of(asked bigint) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select to_jsonb(c) || jsonb_build_object('ruling', (
    select to_jsonb(r) from escrow.ruling r
    where r.claim_id = c.id and r.declined_at is null
      and r.id > coalesce(c.appealed_ruling_id, 0)
    order by r.id desc limit 1))
  from escrow.claim c where c.case_id = asked
$$;

ALTER FUNCTION escrow.claim_of(asked bigint) OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.claim_takes_hold() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform from escrow.account a where a.id = new.account for no key update;
  if escrow.balance_of(new.account) < new.amount_minor then
    raise exception 'the case holds less than is claimed'
      using errcode = 'integrity_constraint_violation', constraint = 'claim_within_what_is_held';
  end if;
  return null;
end $$;

ALTER FUNCTION escrow.claim_takes_hold() OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.entry_stands() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from escrow.book_waiting w using added where w.op = added.op;
  return null;
end $$;

ALTER FUNCTION escrow.entry_stands() OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.lock_accounts(operations jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION escrow.lock_accounts(operations jsonb) OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.lock_balance(asked_path text, asked_currency text) RETURNS numeric
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  found_id bigint;
begin
  select a.id into found_id from escrow.account a
    where a.path = asked_path and a.currency = asked_currency for no key update;
  return case when found_id is null then 0 else escrow.balance_of(found_id) end;
end $$;

ALTER FUNCTION escrow.lock_balance(asked_path text, asked_currency text) OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.open_accounts(accounts jsonb) RETURNS TABLE(path text, currency text, account bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION escrow.open_accounts(accounts jsonb) OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.post(operation jsonb, posted_at timestamp with time zone) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION escrow.post(operation jsonb, posted_at timestamp with time zone) OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.post_many(operations jsonb, posted_at timestamp with time zone) RETURNS TABLE(ordinal integer, op uuid, result text, refused_by text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION escrow.post_many(operations jsonb, posted_at timestamp with time zone) OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  raise exception 'rows of %.% are never changed', tg_table_schema, tg_table_name
    using errcode = 'integrity_constraint_violation', constraint = tg_table_name || '_is_immutable';
end $$;

ALTER FUNCTION escrow.refuse_change() OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.roll_up() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION escrow.roll_up() OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.seal(accounts bigint[]) RETURNS TABLE(account bigint, version bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION escrow.seal(accounts bigint[]) OWNER TO gavelhouse_owner;

CREATE FUNCTION escrow.wake_clock() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_notify('escrow_clock', '');
  return null;
end $$;

ALTER FUNCTION escrow.wake_clock() OWNER TO gavelhouse_owner;

CREATE FUNCTION market.approved_listing_stays() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
declare
  may_change constant text[] := '{updated_at, version, reserve_minor, search, search_text}';
begin
  if old.state = 'approved' and to_jsonb(new) - may_change is distinct from to_jsonb(old) - may_change then
    raise exception 'an approved listing does not change' using errcode = 'restrict_violation',
      constraint = 'approved_listing_stays';
  end if;
  return new;
end
$$;

ALTER FUNCTION market.approved_listing_stays() OWNER TO gavelhouse_owner;

CREATE FUNCTION market.bigram_query(needles text[]) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog'
    AS $$
  select string_agg(
           '''' || replace(replace(pair, '\', '\\'), '''', '''''') || '''' || case when length(pair) = 1 then ':*' else '' end,
           ' & ')::tsquery
  from (
    select distinct substr(needle, place, 2) as pair
    from unnest(needles) as needle,
         generate_series(1, greatest(length(needle) - 1, 1)) as place
    where needle <> ''
  ) as pairs
$$;

ALTER FUNCTION market.bigram_query(needles text[]) OWNER TO gavelhouse_owner;

CREATE FUNCTION market.bigrams(haystack text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog'
    AS $$
  select coalesce(array_to_tsvector(array_agg(distinct substr(word, place, 2))), ''::tsvector)
  from regexp_split_to_table(haystack, '\s+') as word,
       generate_series(1, length(word)) as place
  where word <> ''
$$;

ALTER FUNCTION market.bigrams(haystack text) OWNER TO gavelhouse_owner;

CREATE FUNCTION market.clearing_is_its_fills() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if new.volume <> (select coalesce(sum(units), 0) from market.fill where board_id = new.board_id and clearing = new.n)
     or exists (select from market.fill where board_id = new.board_id and clearing = new.n and price_minor <> new.price_minor)
  then
    raise exception 'a clearing that is not its fills' using errcode = 'check_violation', constraint = 'clearing_is_its_fills';
  end if;
  return null;
end
$$;

ALTER FUNCTION market.clearing_is_its_fills() OWNER TO gavelhouse_owner;

CREATE FUNCTION market.fill_is_drawn_or_given_back() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if exists (
    select from gone
    where not exists (select from market.contract c where c.origin_kind = 'match' and c.origin_ref = gone.fill_id)
      and not exists (select from market.fill_given_back b where b.fill_id = gone.fill_id))
  then
    raise exception 'a fill without a contract' using errcode = 'check_violation', constraint = 'fill_is_drawn_or_given_back';
  end if;
  return null;
end
$$;

ALTER FUNCTION market.fill_is_drawn_or_given_back() OWNER TO gavelhouse_owner;

CREATE FUNCTION market.fill_is_to_be_drawn() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into market.fill_to_draw (fill_id, board_id, place, goods)
  select f.id, f.board_id, row_number() over (order by f.id), p.attributes
  from made f join market.board_order o on o.id = f.supply_id join market.post p on p.id = o.post_id;
  perform pg_notify('market_fills', '');
  return null;
end
$$;

ALTER FUNCTION market.fill_is_to_be_drawn() OWNER TO gavelhouse_owner;

CREATE FUNCTION market.fill_moves_orders() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  moved bigint;
begin
  with moving as (
    select order_id, sum(units) as units, max(at) as at from (
      select supply_id as order_id, units, at from made union all select demand_id, units, at from made) as legs
    group by order_id)
  update market.board_order o
  set filled = o.filled + m.units,
      state = case when o.filled + m.units = o.quantity then 'filled' else 'open' end,
      ended_at = case when o.filled + m.units = o.quantity then m.at end
  from moving m where o.id = m.order_id and o.state = 'open';
  get diagnostics moved = row_count;
  if moved <> (select count(*) from (select supply_id from made union select demand_id from made) as orders) then
    raise exception 'a fill of an order that is not live' using errcode = 'check_violation', constraint = 'fill_of_live_orders';
  end if;
  if exists (
    select from made f join market.board_order s on s.id = f.supply_id join market.board_order d on d.id = f.demand_id
    where s.side <> 'supply' or d.side <> 'demand' or s.board_id <> f.board_id or d.board_id <> f.board_id
       or s.party_id = d.party_id or f.price_minor < s.price_minor or f.price_minor > d.price_minor)
  then
    raise exception 'a fill beyond a limit, or of the wrong orders' using errcode = 'check_violation', constraint = 'fill_within_limits';
  end if;
  return null;
end
$$;

ALTER FUNCTION market.fill_moves_orders() OWNER TO gavelhouse_owner;

CREATE FUNCTION market.find_posts(wanted jsonb, asked_at timestamp with time zone, sort text, most integer, skip integer, counted integer) RETURNS TABLE(id bigint, total integer)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
declare
  first_ids bigint[] := array(select market.fitting_posts(wanted, asked_at, '', counted + 1, 0, false));
  many boolean := cardinality(first_ids) > counted;
begin
  return query
  select fits, cardinality(first_ids)
  from market.fitting_posts(
         case when many then wanted else jsonb_build_object('ids', to_jsonb(first_ids)) end, asked_at, sort, most, skip, many) as fits
  where many or cardinality(first_ids) > 0;
end
$$;

ALTER FUNCTION market.find_posts(wanted jsonb, asked_at timestamp with time zone, sort text, most integer, skip integer, counted integer) OWNER TO gavelhouse_owner;

CREATE FUNCTION market.fitting_posts(wanted jsonb, asked_at timestamp with time zone, sort text, most integer, skip integer, in_order boolean) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog'
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_sort TO 'on'
    SET enable_bitmapscan TO 'on'
    AS $$
declare
  sought     text[] := (select array_agg(word) from jsonb_array_elements_text(wanted -> 'words') as word);
  needles    tsquery := case when in_order then null else market.pieces_query(sought) end;
  looked_up  text[] := case when in_order then sought else array(select word from unnest(sought) as word where length(word) > 2) end;
  a_side     text := wanted ->> 'side';
  kinds      text[] := (select array_agg(kind) from jsonb_array_elements_text(wanted -> 'categories') as kind);
  having_all jsonb := nullif(wanted -> 'attributes', '{}');
  ranges     jsonb := nullif(wanted -> 'ranges', '[]');
  a_currency text := wanted ->> 'currency';
  price_from bigint := wanted ->> 'price_from';
  price_to   bigint := wanted ->> 'price_to';
  amount     bigint := wanted ->> 'quantity_from';
  priced     boolean := coalesce((wanted ->> 'priced')::boolean, false);
  named      boolean := coalesce((wanted ->> 'named')::boolean, false);
  a_country  text := wanted ->> 'country';
  a_term     text := wanted ->> 'term';
  first_day  date := wanted ->> 'delivery_from';
  last_day   date := wanted ->> 'delivery_to';
  only_ids   bigint[] := (select array_agg(id::bigint) from jsonb_array_elements_text(wanted -> 'ids') as id);
begin
  if in_order then
    perform set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true);
  end if;
  return query
  select post.id
  from market.post
  where post.state = 'open' and post.taken < post.quantity and post.valid_until > asked_at and post.shown_at <= asked_at
    and (needles is null or post.search @@ needles)
    and (coalesce(looked_up, '{}') = '{}'
         or not exists (select from unnest(looked_up) as word where position(word in post.search_text) = 0))
    and (a_side is null or post.side = a_side)
    and (kinds is null or post.category = any (kinds))
    and (having_all is null or post.attributes @> having_all)
    and (ranges is null or not exists (
          select from jsonb_to_recordset(ranges) as range (code text, least bigint, most bigint)
          where not case jsonb_typeof(post.attributes -> range.code)
                    when 'number' then (post.attributes ->> range.code)::bigint
                                       between coalesce(range.least, 0) and coalesce(range.most, 9223372036854775807)
                    else false end))
    and (a_currency is null or post.currency = a_currency)
    and (price_from is null or post.price_minor >= price_from)
    and (price_to is null or post.price_minor <= price_to)
    and (not priced or post.price_minor is not null)
    and (not named or not post.anonymous)
    and (amount is null or post.quantity - post.taken >= amount)
    and (a_country is null or post.country = a_country)
    and (a_term is null or post.term = a_term)
    and (first_day is null or post.delivery_to >= first_day)
    and (last_day is null or post.delivery_from <= last_day)
    and (only_ids is null or post.id = any (only_ids))
  order by
    case when sort = 'newest' then post.listed_at end desc,
    case when sort = 'price' then post.currency end,
    case when sort = 'price' then post.price_minor end,
    case when sort = 'price_down' then post.currency end desc,
    case when sort = 'price_down' then post.price_minor end desc,
    case when sort = 'price_down' then post.id end desc,
    case when sort = 'delivery' then post.delivery_from end,
    case when sort = 'lapsing' then post.valid_until end,
    case when sort not in ('', 'price_down') then post.id end
  limit most offset skip;
end
$$;

ALTER FUNCTION market.fitting_posts(wanted jsonb, asked_at timestamp with time zone, sort text, most integer, skip integer, in_order boolean) OWNER TO gavelhouse_owner;

CREATE FUNCTION market.have_documents_made() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  insert into market.document_due (case_id) values (new.case_id);
  return null;
end
$$;

ALTER FUNCTION market.have_documents_made() OWNER TO gavelhouse_owner;

CREATE FUNCTION market.pieces(haystack text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog'
    AS $_$
  select coalesce(array_to_tsvector(array_agg(distinct
           case when substr(word, place, 3) ~ '^[\x21-\x7e]{3}$' then substr(word, place, 3) else substr(word, place, 2) end)),
         ''::tsvector)
  from regexp_split_to_table(haystack, '\s+') as word,
       generate_series(1, length(word)) as place
  where word <> ''
$_$;

ALTER FUNCTION market.pieces(haystack text) OWNER TO gavelhouse_owner;

CREATE FUNCTION market.pieces_query(needles text[]) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog'
    AS $_$
  select string_agg('''' || replace(replace(piece, '\', '\\'), '''', '''''') || '''' || ending, ' & ')::tsquery
  from (
    select distinct
      case when is_three then substr(needle, place, 3) else substr(needle, place, 2) end as piece,
      case when not is_three and substr(needle, place, 2) ~ '^[\x21-\x7e]*$' or length(needle) = 1 then ':*' else '' end as ending
    from unnest(needles) as needle,
         generate_series(1, greatest(length(needle) - 1, 1)) as place,
         lateral (select substr(needle, place, 3) ~ '^[\x21-\x7e]{3}$' as is_three) as cut
    where needle <> ''
      -- The last two of a Western word are within the three before.
      and not (place > 1 and place = length(needle) - 1 and substr(needle, place - 1, 3) ~ '^[\x21-\x7e]{3}$')
  ) as pieces
$_$;

ALTER FUNCTION market.pieces_query(needles text[]) OWNER TO gavelhouse_owner;

CREATE FUNCTION market.random_post_id() RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
declare
  drawn bigint;
begin
  loop
    drawn := 1000000000 + ('x' || translate(left(gen_random_uuid()::text, 13), '-', ''))::bit(48)::bigint % 9000000000;
    exit when not exists (select from market.post where id = drawn);
  end loop;
  return drawn;
end
$$;

ALTER FUNCTION market.random_post_id() OWNER TO gavelhouse_owner;

CREATE FUNCTION market.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception '%.% is append-only', tg_table_schema, tg_table_name using errcode = 'restrict_violation';
end $$;

ALTER FUNCTION market.refuse_change() OWNER TO gavelhouse_owner;

CREATE FUNCTION market.sealing_is_fixed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
  changed bigint := case when tg_op = 'DELETE' then old.lot_id else new.lot_id end;
begin
  if exists (select from auction.lot l where l.id = changed) then
    raise exception 'lot % is open: its key ceremony is over', changed
      using errcode = 'check_violation', constraint = 'sealing_fixed_once_open';
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  return new;
end
$$;

ALTER FUNCTION market.sealing_is_fixed() OWNER TO gavelhouse_owner;

CREATE FUNCTION market.search_text(VARIADIC parts text[]) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog'
    AS $$
  select lower(normalize(array_to_string(parts, ' '), NFKC))
$$;

ALTER FUNCTION market.search_text(VARIADIC parts text[]) OWNER TO gavelhouse_owner;

CREATE FUNCTION market.share_waits_for_the_opening() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  if tg_op = 'UPDATE' then
    if new.value is not null
      or (old.lot_id, old.number, old.released_at) is distinct from (new.lot_id, new.number, new.released_at)
    then
      raise exception 'of a released share only the value may change, to nothing'
        using errcode = 'check_violation', constraint = 'released_share_is_fixed';
    end if;
  elsif not exists (
    select from auction.standing s join auction.lot l on l.id = s.lot_id
    where s.lot_id = new.lot_id and s.phase = 'opening' and s.outcome is null and s.ends_at <= clock_timestamp()
      and l.starts_at + make_interval(secs => (convert_from(l.terms, 'UTF8')::json -> 'rule' ->> 'timed_seconds')::float8)
        <= clock_timestamp()
  ) then
    raise exception 'lot %: no share is released before its bidding has ended', new.lot_id
      using errcode = 'check_violation', constraint = 'share_waits_for_the_opening';
  end if;
  return new;
end
$$;

ALTER FUNCTION market.share_waits_for_the_opening() OWNER TO gavelhouse_owner;

CREATE FUNCTION market.tell_of_access() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  if tg_table_name = 'session' then
    perform pg_notify('market_access', 'ended ' || old.party_id);
  elsif tg_table_name = 'api_token' then
    perform pg_notify('market_access', 'ended ' || new.party_id);
  else
    perform pg_notify('market_access', 'changed ' || new.id);
  end if;
  return null;
end $$;

ALTER FUNCTION market.tell_of_access() OWNER TO gavelhouse_owner;

CREATE TABLE auction.admission (
    lot_id bigint NOT NULL,
    party_id bigint NOT NULL,
    paddle integer NOT NULL,
    admitted_at timestamp with time zone NOT NULL,
    removed_at timestamp with time zone,
    priority_rank integer,
    CONSTRAINT admission_paddle_positive CHECK ((paddle > 0)),
    CONSTRAINT admission_priority_rank_positive CHECK ((priority_rank > 0))
);

ALTER TABLE auction.admission OWNER TO gavelhouse_owner;

CREATE TABLE auction.bid (
    party_id bigint NOT NULL,
    client_bid_id uuid NOT NULL,
    lot_id bigint NOT NULL,
    stamped_at timestamp with time zone NOT NULL,
    amount_minor bigint NOT NULL,
    is_maximum boolean NOT NULL,
    refusal text,
    lowest_minor bigint,
    seq bigint NOT NULL,
    leads boolean NOT NULL,
    details bytea,
    CONSTRAINT bid_refused_never_leads CHECK (((refusal IS NULL) OR (NOT leads))),
    CONSTRAINT bid_seq_from_one CHECK ((seq >= 1))
);

ALTER TABLE auction.bid OWNER TO gavelhouse_owner;

CREATE TABLE auction.budget (
    sale_id bigint NOT NULL,
    party_id bigint NOT NULL,
    most_lots integer,
    most_minor bigint,
    set_at timestamp with time zone NOT NULL,
    CONSTRAINT budget_most_in_range CHECK (((most_minor >= 1) AND (most_minor <= '1000000000000000'::bigint))),
    CONSTRAINT budget_most_lots_positive CHECK ((most_lots > 0))
);

ALTER TABLE auction.budget OWNER TO gavelhouse_owner;

CREATE TABLE auction.event (
    lot_id bigint NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    at timestamp with time zone NOT NULL,
    party_id bigint,
    body bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT event_hash_is_a_hash CHECK ((octet_length(hash) = 32)),
    CONSTRAINT event_kind_known CHECK ((kind = ANY (ARRAY['opened'::text, 'bid'::text, 'phase'::text, 'paused'::text, 'resumed'::text, 'extended'::text, 'reserve'::text, 'credited'::text, 'retracted'::text, 'unsealed'::text, 'voided'::text, 'closed'::text]))),
    CONSTRAINT event_seq_from_one CHECK ((seq >= 1))
);

ALTER TABLE auction.event OWNER TO gavelhouse_owner;

COMMENT ON COLUMN auction.event.party_id IS 'Who acted; not public (bidders are shown to each other as paddles).';

CREATE TABLE auction.heartbeat (
    is_only_row boolean DEFAULT true NOT NULL,
    beaten_at timestamp with time zone,
    CONSTRAINT heartbeat_only_row CHECK (is_only_row)
);

ALTER TABLE auction.heartbeat OWNER TO gavelhouse_owner;

CREATE TABLE auction.lot (
    id bigint NOT NULL,
    seller_id bigint NOT NULL,
    currency text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    deposit_minor bigint NOT NULL,
    reserve_minor bigint,
    terms bytea NOT NULL,
    genesis bytea GENERATED ALWAYS AS (sha256(terms)) STORED NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    CONSTRAINT lot_currency_is_iso CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT lot_deposit_not_negative CHECK (((deposit_minor >= 0) AND (deposit_minor <= '1000000000000000'::bigint))),
    CONSTRAINT lot_reserve_in_range CHECK (((reserve_minor >= 1) AND (reserve_minor <= '1000000000000000'::bigint)))
);

ALTER TABLE auction.lot OWNER TO gavelhouse_owner;

COMMENT ON COLUMN auction.lot.reserve_minor IS 'Secret: never in a payload, a log line or an event.';

CREATE TABLE auction.retraction (
    party_id bigint NOT NULL,
    client_bid_id uuid NOT NULL,
    lot_id bigint NOT NULL,
    reason text NOT NULL,
    retracted_at timestamp with time zone NOT NULL,
    with_bid uuid,
    CONSTRAINT retraction_reason_known CHECK ((reason = ANY (ARRAY['wrong_amount'::text, 'description_changed'::text, 'seller_unreachable'::text])))
);

ALTER TABLE auction.retraction OWNER TO gavelhouse_owner;

CREATE TABLE auction.sale_lot (
    lot_id bigint NOT NULL,
    sale_id bigint NOT NULL
);

ALTER TABLE auction.sale_lot OWNER TO gavelhouse_owner;

CREATE TABLE auction.signed_head (
    lot_id bigint NOT NULL,
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    head bytea NOT NULL,
    root bytea,
    statement text NOT NULL,
    CONSTRAINT signed_head_is_a_hash CHECK ((octet_length(head) = 32)),
    CONSTRAINT signed_head_root_is_a_hash CHECK ((octet_length(root) = 32))
);

ALTER TABLE auction.signed_head OWNER TO gavelhouse_owner;

COMMENT ON COLUMN auction.signed_head.root IS 'Only of the final head.';

CREATE TABLE auction.signing_key (
    public_key text NOT NULL,
    first_used_at timestamp with time zone NOT NULL,
    CONSTRAINT signing_key_is_ed25519 CHECK ((public_key ~ '^[0-9a-f]{64}$'::text))
);

ALTER TABLE auction.signing_key OWNER TO gavelhouse_owner;

CREATE TABLE auction.standing (
    lot_id bigint NOT NULL,
    version bigint NOT NULL,
    seq bigint NOT NULL,
    head bytea NOT NULL,
    phase text NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    price_minor bigint,
    leader_id bigint,
    leader_maximum_minor bigint,
    reserve_met boolean NOT NULL,
    bid_count integer NOT NULL,
    extension_count integer NOT NULL,
    paused_at timestamp with time zone,
    outcome text,
    closed_at timestamp with time zone,
    price_moves text DEFAULT 'up'::text NOT NULL,
    retraction_count integer DEFAULT 0 NOT NULL,
    CONSTRAINT standing_bid_count_not_negative CHECK ((bid_count >= 0)),
    CONSTRAINT standing_closed_is_not_paused CHECK (((outcome IS NULL) OR (paused_at IS NULL))),
    CONSTRAINT standing_extension_count_not_negative CHECK ((extension_count >= 0)),
    CONSTRAINT standing_head_is_a_hash CHECK ((octet_length(head) = 32)),
    CONSTRAINT standing_maximum_covers_price CHECK ((leader_maximum_minor >= price_minor)),
    CONSTRAINT standing_maximum_in_range CHECK (((leader_maximum_minor >= 1) AND (leader_maximum_minor <= '1000000000000000'::bigint))),
    CONSTRAINT standing_outcome_iff_closed CHECK ((((phase = 'closed'::text) = (outcome IS NOT NULL)) AND ((phase = 'closed'::text) = (closed_at IS NOT NULL)))),
    CONSTRAINT standing_outcome_known CHECK ((outcome = ANY (ARRAY['sold'::text, 'unsold'::text, 'void'::text]))),
    CONSTRAINT standing_phase_known CHECK ((phase = ANY (ARRAY['timed'::text, 'delayed'::text, 'decided'::text, 'opening'::text, 'closed'::text]))),
    CONSTRAINT standing_price_and_leader_together CHECK (
CASE price_moves
    WHEN 'up'::text THEN ((num_nulls(price_minor, leader_id, leader_maximum_minor) = ANY (ARRAY[0, 3])) AND ((price_minor IS NULL) = (bid_count = 0)))
    WHEN 'down'::text THEN ((leader_maximum_minor IS NULL) AND ((price_minor IS NOT NULL) OR (leader_id IS NULL)))
    ELSE ((leader_maximum_minor IS NULL) AND ((outcome IS NOT NULL) OR ((num_nulls(price_minor, leader_id) = 2) AND (bid_count = 0))))
END),
    CONSTRAINT standing_price_in_range CHECK (((price_minor >= 1) AND (price_minor <= '1000000000000000'::bigint))),
    CONSTRAINT standing_price_moves_known CHECK ((price_moves = ANY (ARRAY['up'::text, 'down'::text, 'hidden'::text]))),
    CONSTRAINT standing_retraction_count_not_negative CHECK ((retraction_count >= 0)),
    CONSTRAINT standing_seq_from_one CHECK ((seq >= 1)),
    CONSTRAINT standing_sold_to_somebody CHECK (((outcome IS DISTINCT FROM 'sold'::text) OR (leader_id IS NOT NULL) OR ((price_moves = 'hidden'::text) AND (price_minor IS NOT NULL)))),
    CONSTRAINT standing_version_not_negative CHECK ((version >= 0))
)
WITH (fillfactor='50');

ALTER TABLE auction.standing OWNER TO gavelhouse_owner;

COMMENT ON COLUMN auction.standing.leader_maximum_minor IS 'Secret: never in a payload, a log line or an event.';

COMMENT ON COLUMN auction.standing.price_moves IS 'Fixed by the format.';

CREATE TABLE bank.account (
    number text NOT NULL,
    serial bigint NOT NULL,
    holder text NOT NULL,
    currency text NOT NULL,
    balance_minor bigint DEFAULT 0 NOT NULL,
    is_centre boolean DEFAULT false NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT account_currency CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT account_holder CHECK (((holder <> ''::text) AND (length(holder) <= 70))),
    CONSTRAINT account_not_overdrawn CHECK ((balance_minor >= 0))
);

ALTER TABLE bank.account OWNER TO gavelhouse_owner;

CREATE TABLE bank.card (
    id bigint NOT NULL,
    number_hmac bytea NOT NULL,
    last4 text NOT NULL,
    brand text NOT NULL,
    holder text NOT NULL,
    expiry text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    limit_minor bigint,
    always_code text,
    issued_at timestamp with time zone NOT NULL,
    CONSTRAINT card_always CHECK ((always_code ~ '^[0-9A-Z]{2}$'::text)),
    CONSTRAINT card_expiry CHECK ((expiry ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'::text)),
    CONSTRAINT card_last4 CHECK ((last4 ~ '^[0-9]{4}$'::text)),
    CONSTRAINT card_limit CHECK ((limit_minor > 0)),
    CONSTRAINT card_status CHECK ((status = ANY (ARRAY['active'::text, 'lost'::text, 'stolen'::text, 'blocked'::text])))
);

ALTER TABLE bank.card OWNER TO gavelhouse_owner;

CREATE TABLE bank.card_balance (
    card_id bigint NOT NULL,
    currency text NOT NULL,
    opened_minor bigint NOT NULL,
    available_minor bigint NOT NULL,
    CONSTRAINT card_balance_opened CHECK ((opened_minor >= 0))
);

ALTER TABLE bank.card_balance OWNER TO gavelhouse_owner;

ALTER TABLE bank.card ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bank.card_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bank.card_movement (
    id bigint NOT NULL,
    card_id bigint NOT NULL,
    currency text NOT NULL,
    payment_id text NOT NULL,
    kind text NOT NULL,
    cause text NOT NULL,
    amount_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT card_movement_kind CHECK ((kind = ANY (ARRAY['hold'::text, 'release'::text, 'chargeback'::text, 'chargeback_won'::text]))),
    CONSTRAINT card_movement_sign CHECK ((((amount_minor < 0) = (kind = ANY (ARRAY['hold'::text, 'chargeback_won'::text]))) AND (amount_minor <> 0))),
    CONSTRAINT card_movement_within CHECK (((kind <> 'hold'::text) OR (balance_minor >= 0)))
);

ALTER TABLE bank.card_movement OWNER TO gavelhouse_owner;

ALTER TABLE bank.card_movement ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bank.card_movement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bank.card_payment (
    id text NOT NULL,
    card_id bigint,
    currency text,
    amount_minor bigint,
    approved_minor bigint DEFAULT 0 NOT NULL,
    request_sha256 bytea,
    nonce text,
    order_digest bytea,
    state text NOT NULL,
    response_code text NOT NULL,
    authorisation_code text,
    received_at timestamp with time zone NOT NULL,
    captured_at timestamp with time zone,
    reversed_at timestamp with time zone,
    settlement_id text,
    CONSTRAINT card_payment_approved CHECK (((approved_minor >= 0) AND (approved_minor <= COALESCE(amount_minor, (0)::bigint)))),
    CONSTRAINT card_payment_approved_if CHECK (((approved_minor > 0) = (authorisation_code IS NOT NULL))),
    CONSTRAINT card_payment_captured CHECK (((captured_at IS NOT NULL) = (state = 'captured'::text))),
    CONSTRAINT card_payment_code CHECK ((response_code ~ '^[0-9A-Z]{2}$'::text)),
    CONSTRAINT card_payment_reversed CHECK (((reversed_at IS NOT NULL) = (state = 'reversed'::text))),
    CONSTRAINT card_payment_settled CHECK (((settlement_id IS NULL) OR (state = 'captured'::text))),
    CONSTRAINT card_payment_state CHECK ((state = ANY (ARRAY['declined'::text, 'authorised'::text, 'captured'::text, 'reversed'::text])))
);

ALTER TABLE bank.card_payment OWNER TO gavelhouse_owner;

CREATE TABLE bank.card_settlement (
    id text NOT NULL,
    day date NOT NULL,
    n integer NOT NULL,
    cut_at timestamp with time zone NOT NULL,
    lines integer NOT NULL,
    sums jsonb NOT NULL,
    body text NOT NULL
);

ALTER TABLE bank.card_settlement OWNER TO gavelhouse_owner;

CREATE TABLE bank.chargeback (
    id text NOT NULL,
    payment_id text NOT NULL,
    amount_minor bigint NOT NULL,
    reason text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    represented_at timestamp with time zone,
    represented_text text,
    decided_at timestamp with time zone,
    taken_in text,
    given_in text,
    CONSTRAINT chargeback_amount CHECK ((amount_minor > 0)),
    CONSTRAINT chargeback_decided CHECK (((decided_at IS NULL) = (state = 'open'::text))),
    CONSTRAINT chargeback_given CHECK (((given_in IS NULL) OR (state = 'won'::text))),
    CONSTRAINT chargeback_reason CHECK ((reason = ANY (ARRAY['fraud'::text, 'not_received'::text, 'not_as_described'::text, 'duplicate'::text]))),
    CONSTRAINT chargeback_represented CHECK (((represented_at IS NULL) = (represented_text IS NULL))),
    CONSTRAINT chargeback_state CHECK ((state = ANY (ARRAY['open'::text, 'won'::text, 'lost'::text])))
);

ALTER TABLE bank.chargeback OWNER TO gavelhouse_owner;

CREATE TABLE bank.envelope_key (
    key_id text NOT NULL,
    scalar bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT envelope_key_scalar CHECK ((octet_length(scalar) = 32))
);

ALTER TABLE bank.envelope_key OWNER TO gavelhouse_owner;

CREATE TABLE bank.fault (
    id bigint NOT NULL,
    fault text NOT NULL,
    applies_to text NOT NULL,
    code text,
    delay_ms integer NOT NULL,
    remaining integer NOT NULL,
    set_at timestamp with time zone NOT NULL,
    CONSTRAINT fault_applies_to CHECK ((applies_to = ANY (ARRAY['any'::text, 'authorise'::text, 'capture'::text, 'reverse'::text]))),
    CONSTRAINT fault_code CHECK ((code ~ '^[0-9A-Z]{2}$'::text)),
    CONSTRAINT fault_delay CHECK (((delay_ms >= 0) AND (delay_ms <= 600000))),
    CONSTRAINT fault_kind CHECK ((fault = ANY (ARRAY['no_answer'::text, 'lost'::text, 'late_answer'::text, 'drop_connection'::text, 'decline'::text, 'partial'::text, 'duplicate_answer'::text, 'garbage'::text, 'slow'::text, 'undecided'::text]))),
    CONSTRAINT fault_remaining CHECK ((remaining >= 0))
);

ALTER TABLE bank.fault OWNER TO gavelhouse_owner;

ALTER TABLE bank.fault ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bank.fault_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bank.movement (
    id bigint NOT NULL,
    number text NOT NULL,
    transfer_id text NOT NULL,
    amount_minor bigint NOT NULL,
    balance_minor bigint NOT NULL
);

ALTER TABLE bank.movement OWNER TO gavelhouse_owner;

ALTER TABLE bank.movement ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bank.movement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bank.outbox (
    id bigint NOT NULL,
    message_id text NOT NULL,
    body text NOT NULL,
    copies integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    try_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    last_answer text,
    delivered_at timestamp with time zone
);

ALTER TABLE bank.outbox OWNER TO gavelhouse_owner;

ALTER TABLE bank.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bank.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bank.payout_file (
    message_id text NOT NULL,
    sha256 bytea NOT NULL,
    payments integer NOT NULL,
    received_at timestamp with time zone NOT NULL
);

ALTER TABLE bank.payout_file OWNER TO gavelhouse_owner;

CREATE TABLE bank.setting (
    single_row boolean DEFAULT true NOT NULL,
    deliver_twice boolean DEFAULT false NOT NULL,
    CONSTRAINT setting_one_row CHECK (single_row)
);

ALTER TABLE bank.setting OWNER TO gavelhouse_owner;

CREATE TABLE bank.transfer (
    id text NOT NULL,
    from_number text NOT NULL,
    from_holder text NOT NULL,
    to_number text NOT NULL,
    to_holder text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    reference text NOT NULL,
    request_key text,
    booked_at timestamp with time zone NOT NULL,
    CONSTRAINT transfer_amount CHECK (((amount_minor > 0) AND (amount_minor <= '1000000000000000'::bigint)))
);

ALTER TABLE bank.transfer OWNER TO gavelhouse_owner;

CREATE TABLE escrow.account (
    id bigint NOT NULL,
    path text NOT NULL,
    currency text NOT NULL,
    kind text NOT NULL,
    owner_id bigint,
    opened_at timestamp with time zone DEFAULT now() NOT NULL,
    mode text GENERATED ALWAYS AS (
CASE
    WHEN (kind = ANY (ARRAY['bank'::text, 'gateway'::text, 'commission'::text, 'fees'::text, 'forfeits'::text, 'receivable'::text])) THEN 'H'::text
    ELSE 'C'::text
END) STORED NOT NULL,
    CONSTRAINT account_kind CHECK ((kind = ANY (ARRAY['bank'::text, 'gateway'::text, 'commission'::text, 'fees'::text, 'forfeits'::text, 'wallet'::text, 'deposit'::text, 'escrow'::text, 'payable'::text, 'suspense'::text, 'transit'::text, 'receivable'::text, 'reserve'::text, 'chargeback'::text, 'cheque'::text, 'change'::text]))),
    CONSTRAINT account_owner CHECK (((owner_id IS NOT NULL) = (kind = ANY (ARRAY['wallet'::text, 'payable'::text, 'deposit'::text, 'receivable'::text, 'reserve'::text, 'change'::text])))),
    CONSTRAINT account_path CHECK (
CASE
    WHEN (kind = ANY (ARRAY['bank'::text, 'gateway'::text, 'commission'::text, 'fees'::text, 'forfeits'::text])) THEN (path = kind)
    WHEN (kind = ANY (ARRAY['wallet'::text, 'payable'::text, 'receivable'::text, 'reserve'::text, 'change'::text])) THEN (path = ((kind || ':'::text) || owner_id))
    ELSE (path ~ (('^'::text || kind) || ':[1-9][0-9]*$'::text))
END)
);

ALTER TABLE escrow.account OWNER TO gavelhouse_owner;

ALTER TABLE escrow.account ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME escrow.account_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.balance (
    account bigint NOT NULL,
    version bigint NOT NULL,
    op uuid,
    n smallint,
    amount bigint NOT NULL,
    delta bigint NOT NULL,
    previous bigint NOT NULL,
    balance bigint NOT NULL,
    open boolean DEFAULT true NOT NULL,
    previous_version bigint GENERATED ALWAYS AS (NULLIF((version - 1), 0)) STORED,
    previous_open boolean GENERATED ALWAYS AS (
CASE
    WHEN (version > 1) THEN true
    ELSE NULL::boolean
END) STORED,
    debited bigint GENERATED ALWAYS AS (
CASE
    WHEN (delta < 0) THEN account
    ELSE NULL::bigint
END) STORED,
    credited bigint GENERATED ALWAYS AS (
CASE
    WHEN (delta > 0) THEN account
    ELSE NULL::bigint
END) STORED,
    sealed bigint GENERATED ALWAYS AS (
CASE
    WHEN (NOT open) THEN account
    ELSE NULL::bigint
END) STORED,
    sealed_mode text GENERATED ALWAYS AS (
CASE
    WHEN (NOT open) THEN 'C'::text
    ELSE NULL::text
END) STORED,
    CONSTRAINT balance_arithmetic CHECK ((balance = (previous + delta))),
    CONSTRAINT balance_begins_at_zero CHECK (((version > 1) OR (previous = 0))),
    CONSTRAINT balance_delta CHECK (((delta = amount) OR (delta = (- amount)))),
    CONSTRAINT balance_not_below_zero CHECK ((balance >= 0)),
    CONSTRAINT balance_open_row CHECK (((NOT open) OR ((amount > 0) AND (op IS NOT NULL) AND (n IS NOT NULL)))),
    CONSTRAINT balance_seal_is_empty CHECK ((open OR ((amount = 0) AND (balance = 0) AND (op IS NULL) AND (n IS NULL)))),
    CONSTRAINT balance_version CHECK ((version > 0))
);

ALTER TABLE escrow.balance OWNER TO gavelhouse_owner;

CREATE TABLE escrow.bank_account (
    id bigint NOT NULL,
    party_id bigint NOT NULL,
    holder text NOT NULL,
    number text NOT NULL,
    registered_at timestamp with time zone NOT NULL,
    replaced_at timestamp with time zone,
    CONSTRAINT bank_account_holder CHECK (((holder <> ''::text) AND (length(holder) <= 70))),
    CONSTRAINT bank_account_number CHECK ((number ~ '^[A-Z0-9]{6,34}$'::text))
);

ALTER TABLE escrow.bank_account OWNER TO gavelhouse_owner;

ALTER TABLE escrow.bank_account ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME escrow.bank_account_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.bank_notice (
    bank_id text NOT NULL,
    kind text NOT NULL,
    sha256 bytea NOT NULL,
    body jsonb NOT NULL,
    received_at timestamp with time zone NOT NULL,
    outcome text NOT NULL,
    CONSTRAINT bank_notice_kind CHECK ((kind = ANY (ARRAY['transfer.received'::text, 'transfer.reversed'::text, 'payout.settled'::text, 'payout.returned'::text, 'card.chargeback'::text, 'card.chargeback_won'::text, 'card.chargeback_lost'::text]))),
    CONSTRAINT bank_notice_outcome CHECK ((outcome = ANY (ARRAY['deposit_held'::text, 'case_funded'::text, 'quarantined'::text, 'payout_settled'::text, 'payout_returned'::text, 'chargeback_opened'::text, 'chargeback_won'::text, 'chargeback_lost'::text, 'transfer_reversed'::text, 'ignored'::text])))
);

ALTER TABLE escrow.bank_notice OWNER TO gavelhouse_owner;

CREATE TABLE escrow.bank_statement (
    id bigint NOT NULL,
    account text NOT NULL,
    statement_id text NOT NULL,
    part integer NOT NULL,
    currency text NOT NULL,
    from_at timestamp with time zone NOT NULL,
    to_at timestamp with time zone NOT NULL,
    opening_minor bigint NOT NULL,
    closing_minor bigint NOT NULL,
    credits_minor bigint NOT NULL,
    debits_minor bigint NOT NULL,
    entries integer NOT NULL,
    sha256 bytea NOT NULL,
    body bytea NOT NULL,
    source text NOT NULL,
    taken_by bigint NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    CONSTRAINT bank_statement_adds_up CHECK ((closing_minor = ((opening_minor + credits_minor) - debits_minor))),
    CONSTRAINT bank_statement_hash CHECK ((sha256 = sha256(body))),
    CONSTRAINT bank_statement_period CHECK ((from_at <= to_at)),
    CONSTRAINT bank_statement_source CHECK ((source = ANY (ARRAY['upload'::text, 'bank'::text])))
);

ALTER TABLE escrow.bank_statement OWNER TO gavelhouse_owner;

ALTER TABLE escrow.bank_statement ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME escrow.bank_statement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.book_entry (
    n bigint NOT NULL,
    op uuid NOT NULL,
    salt bytea NOT NULL,
    leaf bytea NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    previous_n bigint GENERATED ALWAYS AS ((NULLIF(n, 0) - 1)) STORED,
    CONSTRAINT book_entry_begins CHECK (((n > 0) OR (previous_hash = '\x'::bytea))),
    CONSTRAINT book_entry_chained CHECK ((hash = sha256((previous_hash || leaf)))),
    CONSTRAINT book_entry_number CHECK ((n >= 0)),
    CONSTRAINT book_entry_sizes CHECK (((octet_length(salt) = 16) AND (octet_length(leaf) = 32)))
);

ALTER TABLE escrow.book_entry OWNER TO gavelhouse_owner;

CREATE TABLE escrow.book_head (
    size bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    root bytea NOT NULL,
    head bytea NOT NULL,
    statement text NOT NULL,
    last_n bigint GENERATED ALWAYS AS ((size - 1)) STORED,
    CONSTRAINT book_head_root CHECK ((octet_length(root) = 32)),
    CONSTRAINT book_head_size CHECK ((size > 0))
);

ALTER TABLE escrow.book_head OWNER TO gavelhouse_owner;

CREATE TABLE escrow.book_node (
    level smallint NOT NULL,
    place bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT book_node_hash CHECK ((octet_length(hash) = 32)),
    CONSTRAINT book_node_level CHECK (((level > 0) AND (place >= 0)))
);

ALTER TABLE escrow.book_node OWNER TO gavelhouse_owner;

CREATE TABLE escrow.book_waiting (
    op uuid NOT NULL
);

ALTER TABLE escrow.book_waiting OWNER TO gavelhouse_owner;

CREATE TABLE escrow.card_difference (
    id bigint NOT NULL,
    kind text NOT NULL,
    payment_id text NOT NULL,
    currency text NOT NULL,
    ours_minor bigint NOT NULL,
    bank_minor bigint NOT NULL,
    file_id text,
    line integer,
    found_at timestamp with time zone NOT NULL,
    explained_by bigint,
    explained_at timestamp with time zone,
    note text,
    CONSTRAINT card_difference_explained CHECK (((num_nulls(explained_by, explained_at, note) = ANY (ARRAY[0, 3])) AND (note <> ''::text))),
    CONSTRAINT card_difference_kind CHECK ((kind = ANY (ARRAY['unknown_payment'::text, 'not_captured'::text, 'other_currency'::text, 'other_sum'::text, 'settled_twice'::text, 'not_settled'::text, 'capture_refused'::text, 'unknown_currency'::text, 'unreadable_line'::text]))),
    CONSTRAINT card_difference_of_a_line CHECK ((((file_id IS NULL) = (line IS NULL)) AND ((file_id IS NULL) = (kind = ANY (ARRAY['not_settled'::text, 'capture_refused'::text])))))
);

ALTER TABLE escrow.card_difference OWNER TO gavelhouse_owner;

ALTER TABLE escrow.card_difference ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME escrow.card_difference_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.card_edge (
    from_state text NOT NULL,
    to_state text NOT NULL
);

ALTER TABLE escrow.card_edge OWNER TO gavelhouse_owner;

CREATE TABLE escrow.card_payment (
    id text NOT NULL,
    purpose text NOT NULL,
    target_id bigint NOT NULL,
    party_id bigint NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    reference text NOT NULL,
    gateway text NOT NULL,
    order_body bytea NOT NULL,
    payment_digest bytea NOT NULL,
    signature bytea NOT NULL,
    public_key bytea NOT NULL,
    envelope bytea,
    state text NOT NULL,
    version integer NOT NULL,
    began_at timestamp with time zone NOT NULL,
    state_since timestamp with time zone NOT NULL,
    reason text,
    partial_minor bigint,
    authorisation_code text,
    provider_reference text,
    op uuid,
    acknowledged_at timestamp with time zone,
    refused_code text,
    try_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    settled_file text,
    settled_minor bigint,
    CONSTRAINT card_payment_acknowledged CHECK (((acknowledged_at IS NULL) OR (state = ANY (ARRAY['captured'::text, 'reversed'::text])))),
    CONSTRAINT card_payment_amount CHECK (((amount_minor >= 1) AND (amount_minor <= '999999999999'::bigint))),
    CONSTRAINT card_payment_captured_is_posted CHECK (((op IS NOT NULL) = (state = 'captured'::text))),
    CONSTRAINT card_payment_envelope_goes CHECK (((envelope IS NOT NULL) = (state = ANY (ARRAY['prepared'::text, 'authorising'::text, 'unknown'::text])))),
    CONSTRAINT card_payment_has_reason CHECK (((reason IS NOT NULL) = (state = ANY (ARRAY['declined'::text, 'reversing'::text, 'reversed'::text])))),
    CONSTRAINT card_payment_id CHECK ((id ~ '^[0-9a-f]{32}$'::text)),
    CONSTRAINT card_payment_owes_the_bank CHECK (((try_at IS NOT NULL) = ((state = ANY (ARRAY['prepared'::text, 'authorising'::text, 'unknown'::text, 'authorised'::text, 'reversing'::text])) OR ((state = 'captured'::text) AND (acknowledged_at IS NULL))))),
    CONSTRAINT card_payment_partly CHECK (((partial_minor > 0) AND (partial_minor < amount_minor))),
    CONSTRAINT card_payment_purpose CHECK ((purpose = ANY (ARRAY['case'::text, 'deposit'::text, 'wallet'::text, 'change'::text]))),
    CONSTRAINT card_payment_settled CHECK ((((settled_file IS NULL) = (settled_minor IS NULL)) AND ((settled_file IS NULL) OR (state = 'captured'::text)))),
    CONSTRAINT card_payment_signed CHECK (((octet_length(payment_digest) = 32) AND (octet_length(signature) = 64) AND (octet_length(public_key) = 32))),
    CONSTRAINT card_payment_state CHECK ((state = ANY (ARRAY['prepared'::text, 'authorising'::text, 'unknown'::text, 'authorised'::text, 'captured'::text, 'declined'::text, 'reversing'::text, 'reversed'::text])))
)
WITH (fillfactor='80');

ALTER TABLE escrow.card_payment OWNER TO gavelhouse_owner;

CREATE TABLE escrow.card_payment_event (
    payment_id text NOT NULL,
    n integer NOT NULL,
    at timestamp with time zone NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    reason text,
    previous_n integer GENERATED ALWAYS AS (NULLIF((n - 1), 0)) STORED,
    CONSTRAINT card_payment_event_begins CHECK (((n > 1) OR (from_state = 'new'::text))),
    CONSTRAINT card_payment_event_number CHECK ((n > 0))
);

ALTER TABLE escrow.card_payment_event OWNER TO gavelhouse_owner;

CREATE TABLE escrow.card_settlement (
    id text NOT NULL,
    day date NOT NULL,
    sha256 bytea NOT NULL,
    lines integer NOT NULL,
    received_at timestamp with time zone NOT NULL,
    op uuid,
    CONSTRAINT card_settlement_sha256 CHECK ((octet_length(sha256) = 32))
);

ALTER TABLE escrow.card_settlement OWNER TO gavelhouse_owner;

CREATE TABLE escrow.card_settlement_line (
    file_id text NOT NULL,
    n integer NOT NULL,
    kind text NOT NULL,
    payment_id text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    said text,
    CONSTRAINT card_settlement_line_amount CHECK (
CASE
    WHEN (kind = 'unreadable'::text) THEN (amount_minor = 0)
    ELSE ((amount_minor <> 0) AND ((amount_minor < 0) = (kind = 'chargeback'::text)))
END),
    CONSTRAINT card_settlement_line_kind CHECK ((kind = ANY (ARRAY['capture'::text, 'chargeback'::text, 'chargeback_won'::text, 'unreadable'::text]))),
    CONSTRAINT card_settlement_line_said CHECK (((said IS NOT NULL) = (kind = 'unreadable'::text)))
);

ALTER TABLE escrow.card_settlement_line OWNER TO gavelhouse_owner;

CREATE TABLE escrow.card_settlement_sum (
    file_id text NOT NULL,
    currency text NOT NULL,
    lines integer NOT NULL,
    net_minor bigint NOT NULL
);

ALTER TABLE escrow.card_settlement_sum OWNER TO gavelhouse_owner;

CREATE TABLE escrow.case_event (
    case_id bigint NOT NULL,
    n integer NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    actor_id bigint,
    action text NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    reason text,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    previous_n integer GENERATED ALWAYS AS (NULLIF((n - 1), 0)) STORED,
    CONSTRAINT case_event_begins CHECK (((n > 1) OR (from_state = 'new'::text))),
    CONSTRAINT case_event_named_actor CHECK (((actor = ANY (ARRAY['buyer'::text, 'seller'::text, 'operator'::text])) = (actor_id IS NOT NULL))),
    CONSTRAINT case_event_number CHECK ((n > 0)),
    CONSTRAINT case_event_operator_gives_reason CHECK (((actor <> 'operator'::text) OR (reason <> ''::text)))
);

ALTER TABLE escrow.case_event OWNER TO gavelhouse_owner;

CREATE TABLE escrow.change_move (
    id bigint NOT NULL,
    party_id bigint NOT NULL,
    kind text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT change_move_amount CHECK ((amount_minor > 0)),
    CONSTRAINT change_move_kind CHECK ((kind = ANY (ARRAY['top_up'::text, 'take_out'::text])))
);

ALTER TABLE escrow.change_move OWNER TO gavelhouse_owner;

ALTER TABLE escrow.change_move ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME escrow.change_move_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.chargeback (
    id bigint NOT NULL,
    case_id bigint,
    bank_id text NOT NULL,
    payment_reference text NOT NULL,
    party_id bigint NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    reason text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    from_payable_minor bigint NOT NULL,
    from_reserve_minor bigint NOT NULL,
    from_receivable_minor bigint NOT NULL,
    from_buyer_wallet_minor bigint NOT NULL,
    from_buyer_owed_minor bigint NOT NULL,
    account bigint NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    sealed_version bigint,
    sealed_balance bigint GENERATED ALWAYS AS (
CASE
    WHEN (sealed_version IS NOT NULL) THEN 0
    ELSE NULL::integer
END) STORED,
    sealed_open boolean GENERATED ALWAYS AS (
CASE
    WHEN (sealed_version IS NOT NULL) THEN false
    ELSE NULL::boolean
END) STORED,
    purpose text DEFAULT 'case'::text NOT NULL,
    payer_id bigint,
    deposit_id bigint,
    payer_minor bigint DEFAULT 0 NOT NULL,
    from_deposit_minor bigint DEFAULT 0 NOT NULL,
    from_buyer_change_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT chargeback_amount CHECK ((amount_minor > 0)),
    CONSTRAINT chargeback_ended CHECK (((ended_at IS NOT NULL) = (state <> 'open'::text))),
    CONSTRAINT chargeback_ended_is_sealed CHECK (((sealed_version IS NOT NULL) = (state <> 'open'::text))),
    CONSTRAINT chargeback_of_a_case CHECK (
CASE
    WHEN (purpose = 'case'::text) THEN ((case_id IS NOT NULL) AND (payer_minor = 0))
    ELSE ((payer_id IS NOT NULL) AND ((case_id IS NULL) = (payer_minor = amount_minor)))
END),
    CONSTRAINT chargeback_of_a_deposit CHECK (((deposit_id IS NOT NULL) = (purpose = 'deposit'::text))),
    CONSTRAINT chargeback_payer_within CHECK (((payer_minor >= 0) AND (payer_minor <= amount_minor))),
    CONSTRAINT chargeback_purpose CHECK ((purpose = ANY (ARRAY['case'::text, 'deposit'::text, 'wallet'::text, 'change'::text]))),
    CONSTRAINT chargeback_sources CHECK (((from_payable_minor >= 0) AND (from_reserve_minor >= 0) AND (from_receivable_minor >= 0) AND (from_buyer_wallet_minor >= 0) AND (from_buyer_owed_minor >= 0) AND (from_deposit_minor >= 0) AND (from_buyer_change_minor >= 0) AND (((((((from_payable_minor + from_reserve_minor) + from_receivable_minor) + from_buyer_wallet_minor) + from_buyer_owed_minor) + from_deposit_minor) + from_buyer_change_minor) = amount_minor))),
    CONSTRAINT chargeback_state CHECK ((state = ANY (ARRAY['open'::text, 'lost'::text, 'won'::text])))
);

ALTER TABLE escrow.chargeback OWNER TO gavelhouse_owner;

CREATE TABLE escrow.chargeback_answer (
    chargeback_id bigint NOT NULL,
    text text NOT NULL,
    operator_id bigint NOT NULL,
    written_at timestamp with time zone NOT NULL,
    try_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    told_at timestamp with time zone,
    refused_code text,
    last_error text,
    CONSTRAINT chargeback_answer_ends_once CHECK ((num_nonnulls(told_at, refused_code) <= 1)),
    CONSTRAINT chargeback_answer_text CHECK (((length(text) >= 1) AND (length(text) <= 2000))),
    CONSTRAINT chargeback_answer_waits CHECK (((try_at IS NULL) = ((told_at IS NOT NULL) OR (refused_code IS NOT NULL))))
);

ALTER TABLE escrow.chargeback_answer OWNER TO gavelhouse_owner;

ALTER TABLE escrow.chargeback ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME escrow.chargeback_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.cheque (
    id bigint NOT NULL,
    number text NOT NULL,
    writer_id bigint NOT NULL,
    payee_id bigint,
    case_id bigint,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    memo text NOT NULL,
    record bytea NOT NULL,
    signature bytea NOT NULL,
    public_key bytea NOT NULL,
    state text DEFAULT 'written'::text NOT NULL,
    paid_case_id bigint,
    written_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    account bigint NOT NULL,
    held_version bigint NOT NULL,
    held_open boolean GENERATED ALWAYS AS (true) STORED,
    sealed_version bigint,
    sealed_balance bigint GENERATED ALWAYS AS (
CASE
    WHEN (sealed_version IS NOT NULL) THEN 0
    ELSE NULL::integer
END) STORED,
    sealed_open boolean GENERATED ALWAYS AS (
CASE
    WHEN (sealed_version IS NOT NULL) THEN false
    ELSE NULL::boolean
END) STORED,
    CONSTRAINT cheque_amount CHECK ((amount_minor > 0)),
    CONSTRAINT cheque_ended_is_sealed CHECK ((((sealed_version IS NOT NULL) = (state <> 'written'::text)) AND ((ended_at IS NOT NULL) = (state <> 'written'::text)))),
    CONSTRAINT cheque_not_to_oneself CHECK ((payee_id <> writer_id)),
    CONSTRAINT cheque_paid_by_presenting CHECK (((paid_case_id IS NULL) OR (state = 'presented'::text))),
    CONSTRAINT cheque_payable_to_one CHECK ((num_nonnulls(payee_id, case_id) = 1)),
    CONSTRAINT cheque_pays_its_deal CHECK (((case_id IS NULL) OR (state <> 'presented'::text) OR (paid_case_id = case_id))),
    CONSTRAINT cheque_runs CHECK ((expires_at > written_at)),
    CONSTRAINT cheque_signed CHECK (((octet_length(signature) = 64) AND (octet_length(public_key) = 32))),
    CONSTRAINT cheque_state CHECK ((state = ANY (ARRAY['written'::text, 'presented'::text, 'revoked'::text, 'expired'::text])))
);

ALTER TABLE escrow.cheque OWNER TO gavelhouse_owner;

ALTER TABLE escrow.cheque ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME escrow.cheque_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.claim (
    id bigint NOT NULL,
    case_id bigint NOT NULL,
    account bigint NOT NULL,
    buyer_id bigint NOT NULL,
    seller_id bigint NOT NULL,
    reason text NOT NULL,
    statement text NOT NULL,
    amount_minor bigint NOT NULL,
    from_state text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    hard_stop_at timestamp with time zone NOT NULL,
    offer_minor bigint,
    answered_at timestamp with time zone,
    handler_id bigint,
    arbiter_id bigint,
    return_carrier text,
    return_tracking_number text,
    returned_at timestamp with time zone,
    appealed_by bigint,
    appealed_at timestamp with time zone,
    appealed_ruling_id bigint,
    ended_at timestamp with time zone,
    outcome text,
    awarded_minor bigint,
    is_open boolean GENERATED ALWAYS AS ((ended_at IS NULL)) STORED NOT NULL,
    of_disputed_case boolean GENERATED ALWAYS AS (
CASE
    WHEN (ended_at IS NULL) THEN true
    ELSE NULL::boolean
END) STORED,
    CONSTRAINT claim_amount CHECK ((amount_minor > 0)),
    CONSTRAINT claim_appealed_by_a_party CHECK (((appealed_by = buyer_id) OR (appealed_by = seller_id))),
    CONSTRAINT claim_appealed_together CHECK ((num_nulls(appealed_by, appealed_at, appealed_ruling_id) = ANY (ARRAY[0, 3]))),
    CONSTRAINT claim_arbiter_is_no_party CHECK (((arbiter_id <> buyer_id) AND (arbiter_id <> seller_id))),
    CONSTRAINT claim_arbiter_is_not_the_handler CHECK ((arbiter_id <> handler_id)),
    CONSTRAINT claim_awarded CHECK ((awarded_minor >= 0)),
    CONSTRAINT claim_ended_together CHECK ((num_nulls(ended_at, outcome, awarded_minor) = ANY (ARRAY[0, 3]))),
    CONSTRAINT claim_handler_is_no_party CHECK (((handler_id <> buyer_id) AND (handler_id <> seller_id))),
    CONSTRAINT claim_has_an_end CHECK ((hard_stop_at > opened_at)),
    CONSTRAINT claim_offer_is_less CHECK (((offer_minor >= 0) AND (offer_minor <= (amount_minor - 1)))),
    CONSTRAINT claim_reason CHECK ((reason = ANY (ARRAY['not_received'::text, 'late_delivery'::text, 'not_as_described'::text, 'damaged'::text, 'incomplete'::text, 'counterfeit'::text, 'other'::text]))),
    CONSTRAINT claim_says_why CHECK ((btrim(statement) <> ''::text)),
    CONSTRAINT claim_sent_back_with_tracking CHECK (((returned_at IS NULL) OR ((return_carrier <> ''::text) AND (return_tracking_number <> ''::text))))
);

ALTER TABLE escrow.claim OWNER TO gavelhouse_owner;

CREATE TABLE escrow.claim_arbiter (
    claim_id bigint NOT NULL,
    arbiter_id bigint NOT NULL,
    handler_id bigint,
    taken_at timestamp with time zone NOT NULL,
    CONSTRAINT claim_arbiter_is_another CHECK ((arbiter_id <> handler_id))
);

ALTER TABLE escrow.claim_arbiter OWNER TO gavelhouse_owner;

ALTER TABLE escrow.claim ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME escrow.claim_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.currency (
    code text NOT NULL,
    exponent smallint NOT NULL,
    CONSTRAINT currency_code CHECK ((code ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT currency_exponent CHECK (((exponent >= 0) AND (exponent <= 4)))
);

ALTER TABLE escrow.currency OWNER TO gavelhouse_owner;

CREATE TABLE escrow.day_close (
    day date NOT NULL,
    previous_day date,
    previous_sha256 bytea,
    body text NOT NULL,
    sha256 bytea NOT NULL,
    key text NOT NULL,
    signature text NOT NULL,
    faults integer NOT NULL,
    reason text,
    closed_by bigint NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    CONSTRAINT day_close_chain_whole CHECK ((num_nulls(previous_day, previous_sha256) = ANY (ARRAY[0, 2]))),
    CONSTRAINT day_close_faults_have_a_reason CHECK (((faults = 0) OR (reason <> ''::text))),
    CONSTRAINT day_close_hash CHECK ((sha256 = sha256(convert_to(body, 'UTF8'::name)))),
    CONSTRAINT day_close_in_order CHECK ((previous_day < day))
);

ALTER TABLE escrow.day_close OWNER TO gavelhouse_owner;

CREATE TABLE escrow.deposit (
    id bigint NOT NULL,
    subject text NOT NULL,
    party_id bigint NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    reference text NOT NULL,
    state text DEFAULT 'requested'::text NOT NULL,
    account bigint NOT NULL,
    held_version bigint,
    held_open boolean GENERATED ALWAYS AS (
CASE
    WHEN (held_version IS NOT NULL) THEN true
    ELSE NULL::boolean
END) STORED,
    sealed_version bigint,
    sealed_balance bigint GENERATED ALWAYS AS (
CASE
    WHEN (sealed_version IS NOT NULL) THEN 0
    ELSE NULL::integer
END) STORED,
    sealed_open boolean GENERATED ALWAYS AS (
CASE
    WHEN (sealed_version IS NOT NULL) THEN false
    ELSE NULL::boolean
END) STORED,
    requested_at timestamp with time zone NOT NULL,
    held_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT deposit_amount CHECK ((amount_minor > 0)),
    CONSTRAINT deposit_ended_is_sealed CHECK (((sealed_version IS NOT NULL) = (state = ANY (ARRAY['freed'::text, 'applied'::text, 'forfeited'::text, 'lapsed'::text, 'taken_back'::text])))),
    CONSTRAINT deposit_held_is_proved CHECK (((held_version IS NOT NULL) = (state = ANY (ARRAY['held'::text, 'freed'::text, 'applied'::text, 'forfeited'::text, 'taken_back'::text])))),
    CONSTRAINT deposit_state CHECK ((state = ANY (ARRAY['requested'::text, 'held'::text, 'freed'::text, 'applied'::text, 'forfeited'::text, 'lapsed'::text, 'taken_back'::text])))
);

ALTER TABLE escrow.deposit OWNER TO gavelhouse_owner;

ALTER TABLE escrow.deposit ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME escrow.deposit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.edge (
    from_state text NOT NULL,
    action text NOT NULL,
    actor text NOT NULL,
    to_state text NOT NULL
);

ALTER TABLE escrow.edge OWNER TO gavelhouse_owner;

CREATE TABLE escrow.escrow_case (
    id bigint NOT NULL,
    subject text NOT NULL,
    buyer_id bigint NOT NULL,
    seller_id bigint NOT NULL,
    currency text NOT NULL,
    price_minor bigint NOT NULL,
    deposit_minor bigint NOT NULL,
    deposit_id bigint,
    commission_bp integer NOT NULL,
    commission_minor bigint NOT NULL,
    contract_sha256 bytea NOT NULL,
    timers jsonb NOT NULL,
    reference text NOT NULL,
    state text NOT NULL,
    version integer NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    state_since timestamp with time zone NOT NULL,
    timer_id bigint,
    ship_by_at timestamp with time zone,
    carrier text,
    tracking_number text,
    inspection_extended boolean DEFAULT false NOT NULL,
    account bigint NOT NULL,
    funded_version bigint,
    funded_open boolean GENERATED ALWAYS AS (
CASE
    WHEN (funded_version IS NOT NULL) THEN true
    ELSE NULL::boolean
END) STORED,
    sealed_version bigint,
    sealed_balance bigint GENERATED ALWAYS AS (
CASE
    WHEN (sealed_version IS NOT NULL) THEN 0
    ELSE NULL::integer
END) STORED,
    sealed_open boolean GENERATED ALWAYS AS (
CASE
    WHEN (sealed_version IS NOT NULL) THEN false
    ELSE NULL::boolean
END) STORED,
    transaction_bp integer DEFAULT 0 NOT NULL,
    service_minor bigint DEFAULT 0 NOT NULL,
    fees_minor bigint DEFAULT 0 NOT NULL,
    reserve_bp integer DEFAULT 0 NOT NULL,
    parent_id bigint,
    reinstates_id bigint,
    payment_id text,
    lines jsonb DEFAULT '[]'::jsonb NOT NULL,
    split_minor bigint DEFAULT 0 NOT NULL,
    split_commission_minor bigint DEFAULT 0 NOT NULL,
    split_fees_minor bigint DEFAULT 0 NOT NULL,
    undisputed_minor bigint DEFAULT 0 NOT NULL,
    undisputed_commission_minor bigint DEFAULT 0 NOT NULL,
    undisputed_fees_minor bigint DEFAULT 0 NOT NULL,
    refunded_minor bigint DEFAULT 0 NOT NULL,
    charged_back_minor bigint DEFAULT 0 NOT NULL,
    withheld_minor bigint DEFAULT 0 NOT NULL,
    ruling_id bigint,
    ruling_in_force boolean GENERATED ALWAYS AS (
CASE
    WHEN (ruling_id IS NOT NULL) THEN true
    ELSE NULL::boolean
END) STORED,
    held_minor bigint GENERATED ALWAYS AS (
CASE
    WHEN (state = ANY (ARRAY['funded'::text, 'shipped'::text, 'inspecting'::text, 'claimed'::text, 'returning'::text, 'arbitration'::text, 'ruled'::text])) THEN ((price_minor - split_minor) - undisputed_minor)
    ELSE (0)::bigint
END) STORED,
    is_sealed boolean GENERATED ALWAYS AS ((sealed_version IS NOT NULL)) STORED NOT NULL,
    is_disputed boolean GENERATED ALWAYS AS ((state = ANY (ARRAY['claimed'::text, 'returning'::text, 'arbitration'::text, 'ruled'::text]))) STORED NOT NULL,
    has_open_claim boolean GENERATED ALWAYS AS (
CASE
    WHEN (state = ANY (ARRAY['claimed'::text, 'returning'::text, 'arbitration'::text, 'ruled'::text])) THEN true
    ELSE NULL::boolean
END) STORED,
    CONSTRAINT escrow_case_charged_back CHECK (((withheld_minor >= 0) AND (withheld_minor <= charged_back_minor))),
    CONSTRAINT escrow_case_commission CHECK (((parent_id IS NOT NULL) OR ((commission_minor)::numeric = div((((price_minor)::numeric * (commission_bp)::numeric) + (5000)::numeric), (10000)::numeric)))),
    CONSTRAINT escrow_case_contract CHECK ((octet_length(contract_sha256) = 32)),
    CONSTRAINT escrow_case_deposit_named CHECK (((deposit_minor > 0) <= (deposit_id IS NOT NULL))),
    CONSTRAINT escrow_case_deposit_within CHECK (((deposit_minor >= 0) AND (deposit_minor <= price_minor))),
    CONSTRAINT escrow_case_ended_is_sealed CHECK (((sealed_version IS NOT NULL) = (state = ANY (ARRAY['released'::text, 'settled'::text, 'refunded'::text, 'defaulted'::text, 'cancelled'::text])))),
    CONSTRAINT escrow_case_fee_rates CHECK ((((transaction_bp >= 0) AND (transaction_bp <= 4999)) AND (service_minor >= 0))),
    CONSTRAINT escrow_case_fees CHECK (((parent_id IS NOT NULL) OR ((fees_minor)::numeric = LEAST((div((((price_minor)::numeric * (transaction_bp)::numeric) + (5000)::numeric), (10000)::numeric) + (service_minor)::numeric), (((price_minor / 2) - commission_minor))::numeric)))),
    CONSTRAINT escrow_case_funded_is_proved CHECK (
CASE
    WHEN (state = ANY (ARRAY['awaiting_payment'::text, 'defaulted'::text])) THEN (funded_version IS NULL)
    WHEN (state = 'cancelled'::text) THEN true
    ELSE (funded_version IS NOT NULL)
END),
    CONSTRAINT escrow_case_part_has_no_deposit CHECK (((parent_id IS NULL) OR (deposit_minor = 0))),
    CONSTRAINT escrow_case_part_is_later CHECK ((parent_id < id)),
    CONSTRAINT escrow_case_price CHECK ((price_minor > 0)),
    CONSTRAINT escrow_case_rate CHECK (((commission_bp >= 0) AND (commission_bp <= 4999))),
    CONSTRAINT escrow_case_refunded_within CHECK (((refunded_minor >= 0) AND (refunded_minor <= ((price_minor - split_minor) - undisputed_minor)))),
    CONSTRAINT escrow_case_reserve_rate CHECK (((reserve_bp >= 0) AND (reserve_bp <= 10000))),
    CONSTRAINT escrow_case_ruled_has_ruling CHECK (((state <> 'ruled'::text) OR (ruling_id IS NOT NULL))),
    CONSTRAINT escrow_case_shipped_has_tracking CHECK (((state <> ALL (ARRAY['shipped'::text, 'inspecting'::text, 'released'::text])) OR ((carrier <> ''::text) AND (tracking_number <> ''::text)))),
    CONSTRAINT escrow_case_split_within CHECK (((split_minor >= 0) AND (split_minor < price_minor) AND ((split_commission_minor >= 0) AND (split_commission_minor <= commission_minor)) AND ((split_fees_minor >= 0) AND (split_fees_minor <= fees_minor)))),
    CONSTRAINT escrow_case_state CHECK ((state = ANY (ARRAY['awaiting_payment'::text, 'funded'::text, 'shipped'::text, 'inspecting'::text, 'claimed'::text, 'returning'::text, 'arbitration'::text, 'ruled'::text, 'released'::text, 'settled'::text, 'refunded'::text, 'defaulted'::text, 'cancelled'::text]))),
    CONSTRAINT escrow_case_takes_less_than_it_is CHECK (((fees_minor >= 0) AND (commission_minor >= 0) AND ((commission_minor + fees_minor) <= price_minor))),
    CONSTRAINT escrow_case_two_parties CHECK ((buyer_id <> seller_id)),
    CONSTRAINT escrow_case_undisputed_within CHECK (((undisputed_minor >= 0) AND (undisputed_minor <= (price_minor - split_minor)))),
    CONSTRAINT escrow_case_waits_with_a_clock CHECK (((timer_id IS NOT NULL) = (state = ANY (ARRAY['awaiting_payment'::text, 'funded'::text, 'shipped'::text, 'inspecting'::text, 'claimed'::text, 'returning'::text, 'arbitration'::text, 'ruled'::text]))))
);

ALTER TABLE escrow.escrow_case OWNER TO gavelhouse_owner;

ALTER TABLE escrow.escrow_case ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME escrow.escrow_case_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.op (
    id uuid NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    request_sha256 bytea NOT NULL,
    actor text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT op_sha256 CHECK ((octet_length(request_sha256) = 32)),
    CONSTRAINT op_words CHECK (((kind <> ''::text) AND (subject <> ''::text) AND (actor <> ''::text)))
);

ALTER TABLE escrow.op OWNER TO gavelhouse_owner;

CREATE TABLE escrow.payout (
    id bigint NOT NULL,
    party_id bigint,
    purpose text NOT NULL,
    source text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    case_id bigint,
    quarantine_id bigint,
    state text NOT NULL,
    end_to_end_id text NOT NULL,
    holder text,
    number text,
    account bigint NOT NULL,
    batch_id bigint,
    queued_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    ended_at timestamp with time zone,
    return_reason text,
    replaced_by bigint,
    sealed_version bigint,
    sealed_balance bigint GENERATED ALWAYS AS (
CASE
    WHEN (sealed_version IS NOT NULL) THEN 0
    ELSE NULL::integer
END) STORED,
    sealed_open boolean GENERATED ALWAYS AS (
CASE
    WHEN (sealed_version IS NOT NULL) THEN false
    ELSE NULL::boolean
END) STORED,
    of_sealed_case boolean GENERATED ALWAYS AS (
CASE
    WHEN (purpose = 'sale'::text) THEN true
    ELSE NULL::boolean
END) STORED,
    held_at timestamp with time zone,
    held_by bigint,
    held_reason text,
    CONSTRAINT payout_amount CHECK ((amount_minor > 0)),
    CONSTRAINT payout_case_named CHECK (((case_id IS NOT NULL) = (purpose = ANY (ARRAY['sale'::text, 'forfeit'::text, 'undisputed'::text, 'reserve'::text, 'chargeback'::text])))),
    CONSTRAINT payout_ended_is_sealed CHECK (((sealed_version IS NOT NULL) = (state = ANY (ARRAY['settled'::text, 'returned'::text])))),
    CONSTRAINT payout_has_payee CHECK (((state = 'waiting_account'::text) OR ((holder <> ''::text) AND (number <> ''::text)))),
    CONSTRAINT payout_held_before_its_file CHECK (((held_at IS NULL) OR ((batch_id IS NULL) AND (state = ANY (ARRAY['waiting_account'::text, 'queued'::text]))))),
    CONSTRAINT payout_held_whole CHECK ((num_nulls(held_at, held_by, held_reason) = ANY (ARRAY[0, 3]))),
    CONSTRAINT payout_owner CHECK (((party_id IS NULL) = (purpose = 'return'::text))),
    CONSTRAINT payout_purpose CHECK ((purpose = ANY (ARRAY['sale'::text, 'forfeit'::text, 'withdrawal'::text, 'return'::text, 'undisputed'::text, 'reserve'::text, 'chargeback'::text]))),
    CONSTRAINT payout_quarantine_named CHECK (((quarantine_id IS NOT NULL) = (purpose = 'return'::text))),
    CONSTRAINT payout_state CHECK ((state = ANY (ARRAY['waiting_account'::text, 'queued'::text, 'sent'::text, 'settled'::text, 'returned'::text])))
);

ALTER TABLE escrow.payout OWNER TO gavelhouse_owner;

CREATE TABLE escrow.payout_batch (
    id bigint NOT NULL,
    message_id text NOT NULL,
    currency text NOT NULL,
    body text NOT NULL,
    built_at timestamp with time zone NOT NULL,
    try_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    last_error text,
    sent_at timestamp with time zone
);

ALTER TABLE escrow.payout_batch OWNER TO gavelhouse_owner;

ALTER TABLE escrow.payout_batch ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME escrow.payout_batch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE escrow.payout ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME escrow.payout_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.quarantine (
    id bigint NOT NULL,
    bank_id text NOT NULL,
    reason text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    reference text NOT NULL,
    sender_holder text NOT NULL,
    sender_number text NOT NULL,
    booked_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    case_id bigint,
    deposit_id bigint,
    state text DEFAULT 'open'::text NOT NULL,
    account bigint,
    decided_by bigint,
    decided_at timestamp with time zone,
    note text,
    sealed_version bigint,
    sealed_balance bigint GENERATED ALWAYS AS (
CASE
    WHEN (sealed_version IS NOT NULL) THEN 0
    ELSE NULL::integer
END) STORED,
    sealed_open boolean GENERATED ALWAYS AS (
CASE
    WHEN (sealed_version IS NOT NULL) THEN false
    ELSE NULL::boolean
END) STORED,
    CONSTRAINT quarantine_amount CHECK ((amount_minor > 0)),
    CONSTRAINT quarantine_decided CHECK (((state = ANY (ARRAY['open'::text, 'reversed'::text])) OR ((decided_by IS NOT NULL) AND (decided_at IS NOT NULL)))),
    CONSTRAINT quarantine_ended_is_sealed CHECK (((sealed_version IS NOT NULL) = ((state = ANY (ARRAY['applied'::text, 'returned'::text, 'reversed'::text])) AND (account IS NOT NULL)))),
    CONSTRAINT quarantine_holds_money CHECK (((account IS NULL) = (reason = 'unknown_currency'::text))),
    CONSTRAINT quarantine_reason CHECK ((reason = ANY (ARRAY['unknown_reference'::text, 'wrong_sum'::text, 'wrong_currency'::text, 'already_paid'::text, 'late'::text, 'unknown_currency'::text]))),
    CONSTRAINT quarantine_state CHECK ((state = ANY (ARRAY['open'::text, 'applied'::text, 'returning'::text, 'returned'::text, 'reversed'::text])))
);

ALTER TABLE escrow.quarantine OWNER TO gavelhouse_owner;

ALTER TABLE escrow.quarantine ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME escrow.quarantine_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.reserve_hold (
    case_id bigint NOT NULL,
    party_id bigint NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    held_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    try_at timestamp with time zone NOT NULL,
    taken_minor bigint DEFAULT 0 NOT NULL,
    freed_at timestamp with time zone,
    CONSTRAINT reserve_hold_amount CHECK (((amount_minor > 0) AND ((taken_minor >= 0) AND (taken_minor <= amount_minor))))
);

ALTER TABLE escrow.reserve_hold OWNER TO gavelhouse_owner;

CREATE TABLE escrow.rollup (
    account bigint NOT NULL,
    up_to xid8 NOT NULL,
    balance numeric NOT NULL
);

ALTER TABLE escrow.rollup OWNER TO gavelhouse_owner;

CREATE TABLE escrow.ruling (
    id bigint NOT NULL,
    claim_id bigint NOT NULL,
    case_id bigint NOT NULL,
    arbiter_id bigint NOT NULL,
    buyer_minor bigint NOT NULL,
    seller_minor bigint NOT NULL,
    house_minor bigint NOT NULL,
    reason text NOT NULL,
    proposed_at timestamp with time zone NOT NULL,
    second_above_minor bigint NOT NULL,
    confirmed_by bigint,
    confirmed_at timestamp with time zone,
    declined_by bigint,
    declined_at timestamp with time zone,
    declined_why text,
    needs_second boolean GENERATED ALWAYS AS ((((buyer_minor + seller_minor) + house_minor) > second_above_minor)) STORED NOT NULL,
    in_force boolean GENERATED ALWAYS AS (((declined_at IS NULL) AND ((confirmed_by IS NOT NULL) OR (((buyer_minor + seller_minor) + house_minor) <= second_above_minor)))) STORED NOT NULL,
    CONSTRAINT ruling_confirmed_by_another CHECK ((confirmed_by <> arbiter_id)),
    CONSTRAINT ruling_confirmed_or_declined CHECK (((confirmed_by IS NULL) OR (declined_by IS NULL))),
    CONSTRAINT ruling_confirmed_together CHECK ((num_nulls(confirmed_by, confirmed_at) = ANY (ARRAY[0, 2]))),
    CONSTRAINT ruling_declined_together CHECK ((num_nulls(declined_by, declined_at, declined_why) = ANY (ARRAY[0, 3]))),
    CONSTRAINT ruling_divides CHECK (((buyer_minor >= 0) AND (seller_minor >= 0) AND (house_minor >= 0) AND (((buyer_minor + seller_minor) + house_minor) > 0))),
    CONSTRAINT ruling_says_why CHECK ((btrim(reason) <> ''::text))
);

ALTER TABLE escrow.ruling OWNER TO gavelhouse_owner;

ALTER TABLE escrow.ruling ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME escrow.ruling_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.statement_entry (
    id bigint NOT NULL,
    statement bigint NOT NULL,
    account text NOT NULL,
    bank_id text NOT NULL,
    currency text NOT NULL,
    direction text NOT NULL,
    amount_minor bigint NOT NULL,
    booked_at timestamp with time zone NOT NULL,
    end_to_end_id text NOT NULL,
    reference text NOT NULL,
    other_holder text NOT NULL,
    other_number text NOT NULL,
    code text NOT NULL,
    return_reason text,
    state text DEFAULT 'open'::text NOT NULL,
    matched_kind text,
    matched_id text,
    matched_by bigint,
    matched_at timestamp with time zone,
    note text,
    is_reversal boolean DEFAULT false NOT NULL,
    original_id text DEFAULT ''::text NOT NULL,
    CONSTRAINT statement_entry_amount CHECK ((amount_minor > 0)),
    CONSTRAINT statement_entry_direction CHECK ((direction = ANY (ARRAY['credit'::text, 'debit'::text]))),
    CONSTRAINT statement_entry_ended CHECK (((state = 'open'::text) = (matched_at IS NULL))),
    CONSTRAINT statement_entry_explained CHECK (((state <> 'explained'::text) OR ((matched_by IS NOT NULL) AND (note <> ''::text)))),
    CONSTRAINT statement_entry_kind CHECK ((matched_kind = ANY (ARRAY['notice'::text, 'payout'::text, 'payout_return'::text, 'card_settlement'::text, 'reversal'::text]))),
    CONSTRAINT statement_entry_matched CHECK (((state = 'matched'::text) = ((matched_kind IS NOT NULL) AND (matched_id IS NOT NULL)))),
    CONSTRAINT statement_entry_original CHECK ((is_reversal OR (original_id = ''::text))),
    CONSTRAINT statement_entry_state CHECK ((state = ANY (ARRAY['open'::text, 'matched'::text, 'explained'::text])))
);

ALTER TABLE escrow.statement_entry OWNER TO gavelhouse_owner;

ALTER TABLE escrow.statement_entry ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME escrow.statement_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.timer (
    id bigint NOT NULL,
    case_id bigint NOT NULL,
    action text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    try_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    ended_at timestamp with time zone,
    outcome text,
    CONSTRAINT timer_outcome CHECK ((((ended_at IS NULL) = (outcome IS NULL)) AND (outcome = ANY (ARRAY['fired'::text, 'stopped'::text]))))
);

ALTER TABLE escrow.timer OWNER TO gavelhouse_owner;

ALTER TABLE escrow.timer ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME escrow.timer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE escrow.transfer (
    op uuid NOT NULL,
    n smallint NOT NULL,
    debit bigint NOT NULL,
    credit bigint NOT NULL,
    currency text NOT NULL,
    debit_mode text NOT NULL,
    credit_mode text NOT NULL,
    debit_chained bigint GENERATED ALWAYS AS (
CASE
    WHEN (debit_mode = 'C'::text) THEN debit
    ELSE NULL::bigint
END) STORED,
    credit_chained bigint GENERATED ALWAYS AS (
CASE
    WHEN (credit_mode = 'C'::text) THEN credit
    ELSE NULL::bigint
END) STORED,
    amount bigint NOT NULL,
    reverses_op uuid,
    reverses_n smallint,
    reverses_amount bigint,
    tx xid8 DEFAULT pg_current_xact_id() NOT NULL,
    seq bigint NOT NULL,
    CONSTRAINT transfer_amount CHECK (((amount > 0) AND (amount <= '1000000000000000'::bigint))),
    CONSTRAINT transfer_number CHECK ((n > 0)),
    CONSTRAINT transfer_reversal_whole CHECK ((num_nulls(reverses_op, reverses_n, reverses_amount) = ANY (ARRAY[0, 3]))),
    CONSTRAINT transfer_reversal_within CHECK ((amount <= reverses_amount)),
    CONSTRAINT transfer_two_sides CHECK ((debit <> credit))
);

ALTER TABLE escrow.transfer OWNER TO gavelhouse_owner;

ALTER TABLE escrow.transfer ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME escrow.transfer_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.api_token (
    id bigint NOT NULL,
    token_sha256 bytea NOT NULL,
    party_id bigint NOT NULL,
    name text NOT NULL,
    last_four text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_token_last_four_check CHECK ((length(last_four) = 4)),
    CONSTRAINT api_token_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60))),
    CONSTRAINT api_token_token_sha256_check CHECK ((length(token_sha256) = 32))
);

ALTER TABLE market.api_token OWNER TO gavelhouse_owner;

ALTER TABLE market.api_token ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.api_token_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.application (
    id bigint NOT NULL,
    lot_id bigint NOT NULL,
    party_id bigint NOT NULL,
    state text DEFAULT 'applied'::text NOT NULL,
    reason text,
    decided_by bigint,
    deposit_id bigint,
    paddle integer,
    applied_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone,
    admitted_at timestamp with time zone,
    rests_since timestamp with time zone,
    CONSTRAINT application_admitted_only_if_approved CHECK (((admitted_at IS NULL) OR (state = 'approved'::text))),
    CONSTRAINT application_admitted_with_a_paddle CHECK (((admitted_at IS NULL) = (paddle IS NULL))),
    CONSTRAINT application_decided_by_someone CHECK (((state = 'applied'::text) = (decided_by IS NULL))),
    CONSTRAINT application_rejected_with_a_reason CHECK (((state = 'rejected'::text) <= (reason IS NOT NULL))),
    CONSTRAINT application_rests_without_a_paddle CHECK (((rests_since IS NULL) OR ((admitted_at IS NULL) AND (state = 'approved'::text)))),
    CONSTRAINT application_state_is_known CHECK ((state = ANY (ARRAY['applied'::text, 'approved'::text, 'rejected'::text])))
);

ALTER TABLE market.application OWNER TO gavelhouse_owner;

ALTER TABLE market.application ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.application_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.audit (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    actor_id bigint,
    act text NOT NULL,
    subject text NOT NULL,
    reason text,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT audit_act_check CHECK (((length(act) >= 1) AND (length(act) <= 100))),
    CONSTRAINT audit_subject_check CHECK (((length(subject) >= 1) AND (length(subject) <= 200)))
);

ALTER TABLE market.audit OWNER TO gavelhouse_owner;

ALTER TABLE market.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.authority (
    public_key bytea NOT NULL,
    der bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT authority_public_key CHECK ((length(public_key) = 32))
);

ALTER TABLE market.authority OWNER TO gavelhouse_owner;

CREATE TABLE market.board (
    id bigint NOT NULL,
    category text NOT NULL,
    term text NOT NULL,
    currency text NOT NULL,
    country text NOT NULL,
    place text NOT NULL,
    attributes jsonb DEFAULT '{}'::jsonb NOT NULL,
    lead_days integer NOT NULL,
    window_days integer NOT NULL,
    mode text NOT NULL,
    tick_minor bigint NOT NULL,
    rationing text NOT NULL,
    k_permille integer,
    reference_minor bigint,
    period_seconds integer,
    next_at timestamp with time zone,
    state text DEFAULT 'open'::text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    last_seq bigint DEFAULT 0 NOT NULL,
    last_clearing integer DEFAULT 0 NOT NULL,
    made_by bigint NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT board_attributes_check CHECK ((jsonb_typeof(attributes) = 'object'::text)),
    CONSTRAINT board_call_has_a_clock CHECK (((mode = 'call'::text) = ((period_seconds IS NOT NULL) AND (next_at IS NOT NULL)))),
    CONSTRAINT board_continuous_rations_by_time CHECK (((mode = 'call'::text) OR (rationing = 'time'::text))),
    CONSTRAINT board_country_check CHECK ((country ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT board_k_is_for_calls CHECK (((k_permille IS NULL) OR (mode = 'call'::text))),
    CONSTRAINT board_k_permille_check CHECK (((k_permille >= 0) AND (k_permille <= 1000))),
    CONSTRAINT board_lead_days_check CHECK (((lead_days >= 1) AND (lead_days <= 365))),
    CONSTRAINT board_mode_known CHECK ((mode = ANY (ARRAY['call'::text, 'continuous'::text]))),
    CONSTRAINT board_period_seconds_check CHECK (((period_seconds >= 10) AND (period_seconds <= 2678400))),
    CONSTRAINT board_place_check CHECK (((length(place) >= 1) AND (length(place) <= 120))),
    CONSTRAINT board_rationing_known CHECK ((rationing = ANY (ARRAY['time'::text, 'pro_rata'::text]))),
    CONSTRAINT board_reason_check CHECK ((length(reason) <= 1000)),
    CONSTRAINT board_reference_minor_check CHECK (((reference_minor >= 1) AND (reference_minor <= '1000000000000000'::bigint))),
    CONSTRAINT board_state_known CHECK ((state = ANY (ARRAY['open'::text, 'halted'::text]))),
    CONSTRAINT board_term_known CHECK ((term = ANY (ARRAY['EXW'::text, 'FCA'::text, 'FAS'::text, 'FOB'::text, 'CFR'::text, 'CIF'::text, 'CPT'::text, 'CIP'::text, 'DAP'::text, 'DPU'::text, 'DDP'::text]))),
    CONSTRAINT board_tick_minor_check CHECK (((tick_minor >= 1) AND (tick_minor <= '1000000000000'::bigint))),
    CONSTRAINT board_window_days_check CHECK (((window_days >= 0) AND (window_days <= 365)))
);

ALTER TABLE market.board OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.board.attributes IS 'What the goods of every order must be, by attribute of the category';

COMMENT ON COLUMN market.board.lead_days IS 'Delivery begins so many days after a trade, and is due within window_days from then';

COMMENT ON COLUMN market.board.reference_minor IS 'Where the price rules look when pressure does not decide; after each clearing its price';

COMMENT ON COLUMN market.board.version IS 'Counts every change of the board or of its book';

ALTER TABLE market.board ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.board_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.board_order (
    id bigint NOT NULL,
    board_id bigint NOT NULL,
    seq bigint NOT NULL,
    post_id bigint NOT NULL,
    party_id bigint NOT NULL,
    side text NOT NULL,
    price_minor bigint NOT NULL,
    quantity bigint NOT NULL,
    minimum bigint NOT NULL,
    filled bigint DEFAULT 0 NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    entered_at timestamp with time zone NOT NULL,
    good_until timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT board_order_ended_together CHECK (((state = 'open'::text) = (ended_at IS NULL))),
    CONSTRAINT board_order_filled_is_filled CHECK (((state = 'filled'::text) = (filled = quantity))),
    CONSTRAINT board_order_filled_within_quantity CHECK (((filled >= 0) AND (filled <= quantity))),
    CONSTRAINT board_order_minimum_within_quantity CHECK (((minimum >= 1) AND (minimum <= quantity))),
    CONSTRAINT board_order_price_minor_check CHECK (((price_minor >= 1) AND (price_minor <= '1000000000000000'::bigint))),
    CONSTRAINT board_order_quantity_check CHECK (((quantity >= 1) AND (quantity <= '1000000000000'::bigint))),
    CONSTRAINT board_order_seq_check CHECK ((seq > 0)),
    CONSTRAINT board_order_side_known CHECK ((side = ANY (ARRAY['supply'::text, 'demand'::text]))),
    CONSTRAINT board_order_state_known CHECK ((state = ANY (ARRAY['open'::text, 'filled'::text, 'withdrawn'::text, 'lapsed'::text])))
);

ALTER TABLE market.board_order OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.board_order.seq IS 'The place in time on its board';

COMMENT ON COLUMN market.board_order.good_until IS 'The validity of its post, which can not change while the order stands';

ALTER TABLE market.board_order ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.board_order_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.card_order (
    payment_id text NOT NULL,
    party_id bigint NOT NULL,
    subject text NOT NULL,
    case_id bigint,
    brand text NOT NULL,
    last4 text NOT NULL,
    label text NOT NULL,
    order_info bytea NOT NULL,
    payment_digest bytea NOT NULL,
    signature bytea NOT NULL,
    public_key bytea NOT NULL,
    ordered_at timestamp with time zone NOT NULL,
    CONSTRAINT card_order_id CHECK ((payment_id ~ '^[0-9a-f]{32}$'::text)),
    CONSTRAINT card_order_last4 CHECK ((last4 ~ '^[0-9]{4}$'::text))
);

ALTER TABLE market.card_order OWNER TO gavelhouse_owner;

CREATE TABLE market.case_evidence (
    id bigint NOT NULL,
    case_id bigint NOT NULL,
    author_id bigint NOT NULL,
    author_role text NOT NULL,
    n integer NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    size_bytes integer NOT NULL,
    width integer,
    height integer,
    upload_sha256 bytea NOT NULL,
    sha256 bytea NOT NULL,
    whole integer GENERATED ALWAYS AS (0) STORED NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT case_evidence_height_check CHECK ((height > 0)),
    CONSTRAINT case_evidence_kind_is_known CHECK ((kind = ANY (ARRAY['photo'::text, 'document'::text]))),
    CONSTRAINT case_evidence_most CHECK (((n >= 1) AND (n <= 20))),
    CONSTRAINT case_evidence_name_check CHECK (((length(name) >= 1) AND (length(name) <= 120))),
    CONSTRAINT case_evidence_photo_has_a_size CHECK ((((kind = 'photo'::text) = (width IS NOT NULL)) AND ((width IS NULL) = (height IS NULL)))),
    CONSTRAINT case_evidence_role_is_known CHECK ((author_role = ANY (ARRAY['buyer'::text, 'seller'::text, 'operator'::text]))),
    CONSTRAINT case_evidence_sha256_check CHECK ((length(sha256) = 32)),
    CONSTRAINT case_evidence_size_bytes_check CHECK (((size_bytes >= 1) AND (size_bytes <= 10485760))),
    CONSTRAINT case_evidence_upload_sha256_check CHECK ((length(upload_sha256) = 32)),
    CONSTRAINT case_evidence_width_check CHECK ((width > 0))
);

ALTER TABLE market.case_evidence OWNER TO gavelhouse_owner;

CREATE TABLE market.case_evidence_content (
    evidence_id bigint NOT NULL,
    width integer NOT NULL,
    content bytea NOT NULL,
    sha256 bytea GENERATED ALWAYS AS (sha256(content)) STORED NOT NULL,
    CONSTRAINT case_evidence_content_content_check CHECK (((length(content) >= 1) AND (length(content) <= 10485760))),
    CONSTRAINT case_evidence_content_width_check CHECK ((width = ANY (ARRAY[0, 320])))
);
ALTER TABLE ONLY market.case_evidence_content ALTER COLUMN content SET STORAGE EXTERNAL;

ALTER TABLE market.case_evidence_content OWNER TO gavelhouse_owner;

ALTER TABLE market.case_evidence ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.case_evidence_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.case_message (
    id bigint NOT NULL,
    case_id bigint NOT NULL,
    author_id bigint NOT NULL,
    author_role text NOT NULL,
    n integer NOT NULL,
    words text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT case_message_most CHECK (((n >= 1) AND (n <= 100))),
    CONSTRAINT case_message_role_is_known CHECK ((author_role = ANY (ARRAY['buyer'::text, 'seller'::text, 'operator'::text]))),
    CONSTRAINT case_message_says_something CHECK (((words ~ '\S'::text) AND (length(words) <= 4000)))
);

ALTER TABLE market.case_message OWNER TO gavelhouse_owner;

ALTER TABLE market.case_message ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.case_message_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.category (
    code text NOT NULL,
    parent text,
    "position" integer NOT NULL,
    name_en text NOT NULL,
    name_zh text NOT NULL,
    unit text,
    attributes jsonb DEFAULT '[]'::jsonb NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    retired_at timestamp with time zone,
    CONSTRAINT category_attributes_check CHECK ((jsonb_typeof(attributes) = 'array'::text)),
    CONSTRAINT category_code_plain CHECK ((code ~ '^[a-z][a-z0-9_]{1,39}$'::text)),
    CONSTRAINT category_group_without_attributes CHECK (((parent IS NOT NULL) OR (attributes = '[]'::jsonb))),
    CONSTRAINT category_name_en_check CHECK (((length(name_en) >= 1) AND (length(name_en) <= 80))),
    CONSTRAINT category_name_zh_check CHECK (((length(name_zh) >= 1) AND (length(name_zh) <= 80))),
    CONSTRAINT category_tree_of_two_levels CHECK (((parent IS NULL) = (unit IS NULL))),
    CONSTRAINT category_unit_check CHECK ((unit ~ '^[A-Z0-9]{2,3}$'::text)),
    CONSTRAINT category_version_check CHECK ((version > 0))
);

ALTER TABLE market.category OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.category.unit IS 'UN/ECE Recommendation 20; quantities are whole numbers of it. Groups have none.';

COMMENT ON COLUMN market.category.attributes IS 'Definitions in order: code, kind (choice, integer, text, flag), names, unit, required, choices.';

CREATE TABLE market.certificate (
    serial text NOT NULL,
    party_id bigint NOT NULL,
    authority bytea NOT NULL,
    holder text NOT NULL,
    public_key bytea NOT NULL,
    der bytea NOT NULL,
    not_before timestamp with time zone NOT NULL,
    not_after timestamp with time zone NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    CONSTRAINT certificate_holder CHECK ((holder = ANY (ARRAY['vault'::text, 'program'::text]))),
    CONSTRAINT certificate_public_key CHECK ((length(public_key) = 32)),
    CONSTRAINT certificate_serial CHECK ((serial ~ '^[0-9a-f]{32}$'::text)),
    CONSTRAINT certificate_times CHECK ((not_before < not_after))
);

ALTER TABLE market.certificate OWNER TO gavelhouse_owner;

CREATE TABLE market.clearing (
    board_id bigint NOT NULL,
    n integer NOT NULL,
    at timestamp with time zone NOT NULL,
    price_minor bigint,
    volume bigint NOT NULL,
    orders integer NOT NULL,
    proof text NOT NULL,
    sha256 bytea NOT NULL,
    CONSTRAINT clearing_n_check CHECK ((n > 0)),
    CONSTRAINT clearing_orders_check CHECK ((orders > 0)),
    CONSTRAINT clearing_price_where_traded CHECK (((price_minor IS NULL) = (volume = 0))),
    CONSTRAINT clearing_sha256_check CHECK ((length(sha256) = 32)),
    CONSTRAINT clearing_volume_check CHECK ((volume >= 0))
);

ALTER TABLE market.clearing OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.clearing.proof IS 'The signed statement that everybody on the board can check: orders by alias, curve, price, fills';

CREATE TABLE market.consignee (
    case_id bigint NOT NULL,
    name text NOT NULL,
    lines text NOT NULL,
    city text NOT NULL,
    postcode text DEFAULT ''::text NOT NULL,
    country text NOT NULL,
    phone text DEFAULT ''::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT consignee_city_check CHECK (((length(city) >= 1) AND (length(city) <= 120))),
    CONSTRAINT consignee_country_check CHECK ((country ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT consignee_lines_check CHECK (((length(lines) >= 1) AND (length(lines) <= 400))),
    CONSTRAINT consignee_name_check CHECK (((length(name) >= 1) AND (length(name) <= 120))),
    CONSTRAINT consignee_phone_check CHECK ((length(phone) <= 40)),
    CONSTRAINT consignee_postcode_check CHECK ((length(postcode) <= 20)),
    CONSTRAINT consignee_version_check CHECK ((version > 0))
);

ALTER TABLE market.consignee OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.consignee.case_id IS 'The first case of the deal: parts that are split off go to the same place.';

CREATE TABLE market.consignment (
    id bigint NOT NULL,
    case_id bigint NOT NULL,
    shipped_case_id bigint,
    booking_id uuid NOT NULL,
    carrier text NOT NULL,
    booked_by bigint NOT NULL,
    lines integer[] DEFAULT '{}'::integer[] NOT NULL,
    packages integer NOT NULL,
    weight_grams bigint NOT NULL,
    description text NOT NULL,
    collect_from jsonb NOT NULL,
    deliver_to jsonb NOT NULL,
    state text DEFAULT 'booked'::text NOT NULL,
    tracking_number text,
    reason text,
    received_by text,
    proof bytea,
    proof_sha256 bytea,
    booked_at timestamp with time zone NOT NULL,
    moved_at timestamp with time zone NOT NULL,
    asked_at timestamp with time zone,
    ask_again_at timestamp with time zone,
    tries integer DEFAULT 0 NOT NULL,
    call_off_at timestamp with time zone,
    call_off_for text,
    call_off_refused_at timestamp with time zone,
    CONSTRAINT consignment_asked_until_answered CHECK (((ask_again_at IS NOT NULL) = ((state = 'booked'::text) OR ((state = 'confirmed'::text) AND (call_off_at IS NOT NULL) AND (call_off_refused_at IS NULL))))),
    CONSTRAINT consignment_call_off_refused_once_asked CHECK (((call_off_refused_at IS NULL) OR (call_off_at IS NOT NULL))),
    CONSTRAINT consignment_called_off_for CHECK ((call_off_for = ANY (ARRAY['seller'::text, 'deal'::text]))),
    CONSTRAINT consignment_called_off_for_something CHECK (((call_off_at IS NULL) = (call_off_for IS NULL))),
    CONSTRAINT consignment_carrier_check CHECK ((carrier ~ '^[a-z][a-z0-9_]{1,39}$'::text)),
    CONSTRAINT consignment_delivered_to_somebody CHECK (((state = 'delivered'::text) = (received_by IS NOT NULL))),
    CONSTRAINT consignment_description_check CHECK (((length(description) >= 1) AND (length(description) <= 200))),
    CONSTRAINT consignment_goes_by_a_number CHECK (((state = ANY (ARRAY['booked'::text, 'refused'::text, 'cancelled'::text])) OR (tracking_number IS NOT NULL))),
    CONSTRAINT consignment_packages CHECK (((packages >= 1) AND (packages <= 9999))),
    CONSTRAINT consignment_proof_is_known_by_its_hash CHECK ((NOT (proof_sha256 IS DISTINCT FROM sha256(proof)))),
    CONSTRAINT consignment_state_is_known CHECK ((state = ANY (ARRAY['booked'::text, 'confirmed'::text, 'refused'::text, 'cancelled'::text, 'collected'::text, 'in_transit'::text, 'out_for_delivery'::text, 'delivered'::text, 'returned'::text, 'lost'::text]))),
    CONSTRAINT consignment_tracking_number CHECK (((length(tracking_number) >= 1) AND (length(tracking_number) <= 80))),
    CONSTRAINT consignment_weight CHECK (((weight_grams >= 1) AND (weight_grams <= '1000000000000'::bigint)))
);

ALTER TABLE market.consignment OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.consignment.call_off_refused_at IS 'When the carrier said that it has the goods already.';

ALTER TABLE market.consignment ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.consignment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.contract (
    id bigint NOT NULL,
    origin_kind text NOT NULL,
    origin_ref bigint NOT NULL,
    seller_id bigint NOT NULL,
    buyer_id bigint NOT NULL,
    state text NOT NULL,
    drawn_at timestamp with time zone NOT NULL,
    sign_by timestamp with time zone,
    offered_version integer,
    signed_version integer,
    in_force_at timestamp with time zone,
    ended_at timestamp with time zone,
    case_id bigint,
    revision integer DEFAULT 1 NOT NULL,
    seller_role text GENERATED ALWAYS AS ('seller'::text) STORED NOT NULL,
    buyer_role text GENERATED ALWAYS AS ('buyer'::text) STORED NOT NULL,
    CONSTRAINT contract_ended_offers_nothing CHECK (((ended_at IS NULL) OR (offered_version IS NULL))),
    CONSTRAINT contract_ended_once CHECK (((state = ANY (ARRAY['lapsed'::text, 'cancelled'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT contract_in_force_has_a_case CHECK (((state = 'in_force'::text) = ((in_force_at IS NOT NULL) AND (case_id IS NOT NULL)))),
    CONSTRAINT contract_in_force_is_signed CHECK (((state <> 'in_force'::text) OR (origin_kind = 'hammer'::text) OR (signed_version IS NOT NULL))),
    CONSTRAINT contract_origin CHECK ((origin_kind = ANY (ARRAY['match'::text, 'acceptance'::text, 'hammer'::text, 'documents'::text]))),
    CONSTRAINT contract_parties_differ CHECK ((seller_id <> buyer_id)),
    CONSTRAINT contract_state CHECK ((state = ANY (ARRAY['awaiting_signatures'::text, 'in_force'::text, 'lapsed'::text, 'cancelled'::text]))),
    CONSTRAINT contract_waits_until CHECK (((state = 'awaiting_signatures'::text) = (sign_by IS NOT NULL)))
);

ALTER TABLE market.contract OWNER TO gavelhouse_owner;

CREATE TABLE market.contract_event (
    contract_id bigint NOT NULL,
    n integer NOT NULL,
    at timestamp with time zone NOT NULL,
    actor_id bigint,
    kind text NOT NULL,
    version integer,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT contract_event_kind_check CHECK ((kind ~ '^[a-z_]{1,40}$'::text)),
    CONSTRAINT contract_event_n_check CHECK ((n > 0))
);

ALTER TABLE market.contract_event OWNER TO gavelhouse_owner;

CREATE TABLE market.contract_formality (
    contract_id bigint NOT NULL,
    n integer NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL,
    duty_of text NOT NULL,
    due text NOT NULL,
    required boolean NOT NULL,
    note text NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    officer_id bigint,
    handed_in_by bigint,
    handed_in_at timestamp with time zone,
    judged_by bigint,
    judged_at timestamp with time zone,
    reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT contract_formality_n_check CHECK ((n > 0)),
    CONSTRAINT contract_formality_reason_check CHECK ((length(reason) <= 500)),
    CONSTRAINT formality_duty CHECK ((duty_of = ANY (ARRAY['buyer'::text, 'seller'::text, 'house'::text]))),
    CONSTRAINT formality_four_eyes CHECK (((state <> 'accepted'::text) OR (judged_by <> handed_in_by))),
    CONSTRAINT formality_handed_in CHECK (((state <> ALL (ARRAY['handed_in'::text, 'accepted'::text])) OR (handed_in_at IS NOT NULL))),
    CONSTRAINT formality_judged CHECK (((state <> ALL (ARRAY['accepted'::text, 'refused'::text])) OR (judged_by IS NOT NULL))),
    CONSTRAINT formality_kind CHECK ((kind = ANY (ARRAY['inspection'::text, 'insurance'::text, 'customs'::text, 'tax'::text, 'carrier'::text, 'other'::text]))),
    CONSTRAINT formality_refusal_says_why CHECK (((state <> 'refused'::text) OR (reason ~ '\S'::text))),
    CONSTRAINT formality_state CHECK ((state = ANY (ARRAY['waiting'::text, 'handed_in'::text, 'accepted'::text, 'refused'::text, 'dropped'::text])))
);

ALTER TABLE market.contract_formality OWNER TO gavelhouse_owner;

ALTER TABLE market.contract ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.contract_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.contract_signature (
    contract_id bigint NOT NULL,
    version integer NOT NULL,
    role text NOT NULL,
    party_id bigint NOT NULL,
    terms_sha256 bytea NOT NULL,
    kind text NOT NULL,
    serial text,
    record text,
    signature bytea,
    authority bytea,
    crl_number bigint,
    evidence_sha256 bytea,
    seal text NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    CONSTRAINT contract_signature_is_whole CHECK (
CASE kind
    WHEN 'key'::text THEN ((num_nulls(serial, record, signature, authority, crl_number) = 0) AND (length(signature) = 64))
    ELSE ((num_nonnulls(serial, record, signature, authority, crl_number) = 0) AND (length(evidence_sha256) = 32))
END),
    CONSTRAINT contract_signature_kind CHECK ((kind = ANY (ARRAY['key'::text, 'agreement'::text]))),
    CONSTRAINT contract_signature_role CHECK ((role = ANY (ARRAY['seller'::text, 'buyer'::text])))
);

ALTER TABLE market.contract_signature OWNER TO gavelhouse_owner;

CREATE TABLE market.contract_version (
    contract_id bigint NOT NULL,
    n integer NOT NULL,
    terms text NOT NULL,
    terms_sha256 bytea NOT NULL,
    proposed_by bigint,
    proposed_at timestamp with time zone NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT contract_version_is_its_hash CHECK ((terms_sha256 = sha256(convert_to(terms, 'UTF8'::name)))),
    CONSTRAINT contract_version_n_check CHECK ((n > 0)),
    CONSTRAINT contract_version_reason_check CHECK ((length(reason) <= 500))
);

ALTER TABLE market.contract_version OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.contract_version.proposed_by IS 'Null: the house, from what the parties had agreed on.';

CREATE TABLE market.deal (
    case_id bigint NOT NULL,
    lot_id bigint,
    buyer_id bigint NOT NULL,
    seller_id bigint NOT NULL,
    currency text NOT NULL,
    hammer_minor bigint NOT NULL,
    commission_bp integer NOT NULL,
    terms text NOT NULL,
    terms_sha256 bytea NOT NULL,
    verification_code text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    contract_id bigint,
    contract_version integer,
    title_en text GENERATED ALWAYS AS (COALESCE(((terms)::jsonb ->> 'title_en'::text), ((terms)::jsonb #>> '{goods,0,title_en}'::text[]), ''::text)) STORED NOT NULL,
    title_zh text GENERATED ALWAYS AS (COALESCE(((terms)::jsonb ->> 'title_zh'::text), ((terms)::jsonb #>> '{goods,0,title_zh}'::text[]), ''::text)) STORED NOT NULL,
    CONSTRAINT deal_comes_of_one_thing CHECK ((num_nonnulls(lot_id, contract_id) = 1)),
    CONSTRAINT deal_commission_bp_check CHECK (((commission_bp >= 0) AND (commission_bp <= 10000))),
    CONSTRAINT deal_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT deal_hammer_minor_check CHECK ((hammer_minor > 0)),
    CONSTRAINT deal_has_its_version CHECK (((contract_id IS NULL) = (contract_version IS NULL))),
    CONSTRAINT deal_parties_differ CHECK ((buyer_id <> seller_id)),
    CONSTRAINT deal_terms_match_their_hash CHECK ((terms_sha256 = sha256(convert_to(terms, 'UTF8'::name))))
);

ALTER TABLE market.deal OWNER TO gavelhouse_owner;

CREATE TABLE market.desk_request (
    id bigint NOT NULL,
    lot_id bigint NOT NULL,
    act text NOT NULL,
    ends_at timestamp with time zone,
    reason text NOT NULL,
    requested_by bigint NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    confirmed_by bigint,
    confirmed_at timestamp with time zone,
    CONSTRAINT desk_request_act_known CHECK ((act = ANY (ARRAY['pause'::text, 'resume'::text, 'extend'::text, 'void'::text]))),
    CONSTRAINT desk_request_confirmed_by_another CHECK ((confirmed_by <> requested_by)),
    CONSTRAINT desk_request_confirmed_together CHECK ((num_nulls(confirmed_by, confirmed_at) = ANY (ARRAY[0, 2]))),
    CONSTRAINT desk_request_extends_to CHECK (((act = 'extend'::text) = (ends_at IS NOT NULL))),
    CONSTRAINT desk_request_reason_check CHECK ((reason <> ''::text))
);

ALTER TABLE market.desk_request OWNER TO gavelhouse_owner;

ALTER TABLE market.desk_request ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.desk_request_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.document (
    id bigint NOT NULL,
    kind text NOT NULL,
    number text NOT NULL,
    step text NOT NULL,
    issuer_id bigint,
    recipient_id bigint,
    negotiation_id bigint,
    round integer,
    contract_id bigint,
    case_id bigint,
    record text NOT NULL,
    record_sha256 bytea NOT NULL,
    reference text NOT NULL,
    edifact bytea NOT NULL,
    edifact_sha256 bytea GENERATED ALWAYS AS (sha256(edifact)) STORED NOT NULL,
    xml bytea NOT NULL,
    xml_sha256 bytea GENERATED ALWAYS AS (sha256(xml)) STORED NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT document_belongs_somewhere CHECK ((num_nonnulls(negotiation_id, contract_id, case_id) > 0)),
    CONSTRAINT document_is_a_rounds CHECK (((negotiation_id IS NULL) = (round IS NULL))),
    CONSTRAINT document_is_its_hash CHECK ((record_sha256 = sha256(convert_to(record, 'UTF8'::name)))),
    CONSTRAINT document_kind_is_known CHECK ((kind = ANY (ARRAY['reqote'::text, 'quotes'::text, 'orders'::text, 'ordrsp'::text, 'ordchg'::text, 'iftmin'::text, 'desadv'::text, 'recadv'::text, 'remadv'::text, 'invoic'::text]))),
    CONSTRAINT document_number_check CHECK (((length(number) >= 1) AND (length(number) <= 35))),
    CONSTRAINT document_reference_check CHECK ((reference ~ '^[0-9A-Z]{1,14}$'::text))
);

ALTER TABLE market.document OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.document.issuer_id IS 'Null: the house itself (remittance advices).';

COMMENT ON COLUMN market.document.reference IS 'The interchange control reference; one for all partners, so one for each.';

CREATE TABLE market.document_delivery (
    document_id bigint NOT NULL,
    party_id bigint NOT NULL,
    channel text NOT NULL,
    format text NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    try_at timestamp with time zone,
    said text DEFAULT ''::text NOT NULL,
    sent_at timestamp with time zone,
    answered_at timestamp with time zone,
    queued_at timestamp with time zone NOT NULL,
    resent smallint DEFAULT 0 NOT NULL,
    remind_at timestamp with time zone,
    CONSTRAINT delivery_answered_says_when CHECK (((state = ANY (ARRAY['acknowledged'::text, 'rejected'::text])) = (answered_at IS NOT NULL))),
    CONSTRAINT delivery_channel_is_known CHECK ((channel = ANY (ARRAY['webhook'::text, 'folder'::text, 'queue'::text]))),
    CONSTRAINT delivery_format_is_known CHECK ((format = ANY (ARRAY['edifact'::text, 'ubl'::text]))),
    CONSTRAINT delivery_resent_count CHECK ((resent >= 0)),
    CONSTRAINT delivery_state_is_known CHECK ((state = ANY (ARRAY['queued'::text, 'sent'::text, 'acknowledged'::text, 'rejected'::text, 'given_up'::text]))),
    CONSTRAINT document_delivery_said_check CHECK ((length(said) <= 500))
);

ALTER TABLE market.document_delivery OWNER TO gavelhouse_owner;

CREATE TABLE market.document_due (
    case_id bigint NOT NULL,
    sends boolean DEFAULT true NOT NULL,
    due_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    CONSTRAINT document_due_tries_check CHECK ((tries >= 0))
);

ALTER TABLE market.document_due OWNER TO gavelhouse_owner;

ALTER TABLE market.document ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME market.document_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.edi_consent (
    party_id bigint NOT NULL,
    other_id bigint NOT NULL,
    given_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT edi_consent_ends_later CHECK ((ended_at >= given_at)),
    CONSTRAINT edi_consent_parties_differ CHECK ((party_id <> other_id))
);

ALTER TABLE market.edi_consent OWNER TO gavelhouse_owner;

CREATE TABLE market.exchange (
    id bigint NOT NULL,
    party_id bigint NOT NULL,
    format text NOT NULL,
    reference text NOT NULL,
    sha256 bytea GENERATED ALWAYS AS (sha256(content)) STORED NOT NULL,
    content bytea NOT NULL,
    kinds text[] NOT NULL,
    accepted boolean NOT NULL,
    answer bytea NOT NULL,
    flaws jsonb DEFAULT '[]'::jsonb NOT NULL,
    negotiation_id bigint,
    contract_id bigint,
    case_id bigint,
    received_at timestamp with time zone NOT NULL,
    CONSTRAINT exchange_content_check CHECK (((length(content) >= 1) AND (length(content) <= 4194304))),
    CONSTRAINT exchange_format_is_known CHECK ((format = ANY (ARRAY['edifact'::text, 'ubl'::text]))),
    CONSTRAINT exchange_reference_check CHECK (((length(reference) >= 1) AND (length(reference) <= 45))),
    CONSTRAINT exchange_refused_says_why CHECK ((accepted = (flaws = '[]'::jsonb)))
);

ALTER TABLE market.exchange OWNER TO gavelhouse_owner;

ALTER TABLE market.exchange ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.exchange_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.fee_schedule (
    id bigint NOT NULL,
    market text NOT NULL,
    currency text,
    commission_bp integer NOT NULL,
    transaction_bp integer NOT NULL,
    service_minor bigint NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    reason text NOT NULL,
    proposed_by bigint NOT NULL,
    proposed_at timestamp with time zone NOT NULL,
    confirmed_by bigint,
    confirmed_at timestamp with time zone,
    withdrawn_at timestamp with time zone,
    in_force_from timestamp with time zone GENERATED ALWAYS AS (GREATEST(valid_from, confirmed_at)) STORED,
    CONSTRAINT fee_schedule_confirmed_by_another CHECK ((confirmed_by <> proposed_by)),
    CONSTRAINT fee_schedule_confirmed_together CHECK ((num_nulls(confirmed_by, confirmed_at) = ANY (ARRAY[0, 2]))),
    CONSTRAINT fee_schedule_ended_once CHECK (((confirmed_at IS NULL) OR (withdrawn_at IS NULL))),
    CONSTRAINT fee_schedule_market CHECK ((market = ANY (ARRAY['auction'::text, 'reverse'::text, 'trading'::text]))),
    CONSTRAINT fee_schedule_rates CHECK (((commission_bp >= 0) AND (transaction_bp >= 0) AND ((commission_bp + transaction_bp) < 5000))),
    CONSTRAINT fee_schedule_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT fee_schedule_service CHECK (((service_minor >= 0) AND ((service_minor = 0) OR (currency IS NOT NULL))))
);

ALTER TABLE market.fee_schedule OWNER TO gavelhouse_owner;

ALTER TABLE market.fee_schedule ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.fee_schedule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.fill (
    id bigint NOT NULL,
    board_id bigint NOT NULL,
    clearing integer,
    supply_id bigint NOT NULL,
    demand_id bigint NOT NULL,
    units bigint NOT NULL,
    price_minor bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT fill_price_minor_check CHECK (((price_minor >= 1) AND (price_minor <= '1000000000000000'::bigint))),
    CONSTRAINT fill_units_check CHECK ((units > 0))
);

ALTER TABLE market.fill OWNER TO gavelhouse_owner;

CREATE TABLE market.fill_given_back (
    fill_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    flaws jsonb NOT NULL,
    CONSTRAINT fill_given_back_flaws_check CHECK (((jsonb_typeof(flaws) = 'array'::text) AND (flaws <> '[]'::jsonb)))
);

ALTER TABLE market.fill_given_back OWNER TO gavelhouse_owner;

ALTER TABLE market.fill ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.fill_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.fill_to_draw (
    fill_id bigint NOT NULL,
    board_id bigint NOT NULL,
    place integer NOT NULL,
    goods jsonb NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    try_at timestamp with time zone,
    CONSTRAINT fill_to_draw_goods_check CHECK ((jsonb_typeof(goods) = 'object'::text)),
    CONSTRAINT fill_to_draw_place_check CHECK ((place > 0)),
    CONSTRAINT fill_to_draw_tried_again CHECK (((tries = 0) = (try_at IS NULL))),
    CONSTRAINT fill_to_draw_tries_check CHECK ((tries >= 0))
);

ALTER TABLE market.fill_to_draw OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.fill_to_draw.place IS 'Among the fills of its match: the first of a small match need not wait for the last of a large one';

COMMENT ON COLUMN market.fill_to_draw.goods IS 'The attributes in the seller''s post when it was matched; the post may say something else before the contract is drawn';

CREATE TABLE market.formality_paper (
    id bigint NOT NULL,
    contract_id bigint NOT NULL,
    n integer NOT NULL,
    author_id bigint NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    size_bytes integer NOT NULL,
    upload_sha256 bytea NOT NULL,
    sha256 bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT formality_paper_kind_check CHECK ((kind = ANY (ARRAY['photo'::text, 'document'::text]))),
    CONSTRAINT formality_paper_name_check CHECK (((length(name) >= 1) AND (length(name) <= 120))),
    CONSTRAINT formality_paper_sha256_check CHECK ((length(sha256) = 32)),
    CONSTRAINT formality_paper_size_bytes_check CHECK (((size_bytes >= 1) AND (size_bytes <= 10485760))),
    CONSTRAINT formality_paper_upload_sha256_check CHECK ((length(upload_sha256) = 32))
);

ALTER TABLE market.formality_paper OWNER TO gavelhouse_owner;

CREATE TABLE market.formality_paper_content (
    paper_id bigint NOT NULL,
    content bytea NOT NULL,
    sha256 bytea GENERATED ALWAYS AS (sha256(content)) STORED NOT NULL,
    CONSTRAINT formality_paper_content_content_check CHECK (((length(content) >= 1) AND (length(content) <= 10485760)))
);
ALTER TABLE ONLY market.formality_paper_content ALTER COLUMN content SET STORAGE EXTERNAL;

ALTER TABLE market.formality_paper_content OWNER TO gavelhouse_owner;

ALTER TABLE market.formality_paper ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.formality_paper_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.hammer (
    lot_id bigint NOT NULL,
    outcome text NOT NULL,
    seq bigint NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    CONSTRAINT hammer_outcome_is_known CHECK ((outcome = ANY (ARRAY['sold'::text, 'unsold'::text, 'void'::text])))
);

ALTER TABLE market.hammer OWNER TO gavelhouse_owner;

CREATE TABLE market.idempotency (
    party_id bigint NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint,
    content_type text,
    body bytea,
    location text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_fingerprint_check CHECK ((length(fingerprint) = 32)),
    CONSTRAINT idempotency_key_check CHECK (((length(key) >= 1) AND (length(key) <= 200)))
);

ALTER TABLE market.idempotency OWNER TO gavelhouse_owner;

CREATE TABLE market.listing (
    id bigint NOT NULL,
    seller_id bigint NOT NULL,
    state text DEFAULT 'draft'::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    title_zh text DEFAULT ''::text NOT NULL,
    title_en text DEFAULT ''::text NOT NULL,
    description_zh text DEFAULT ''::text NOT NULL,
    description_en text DEFAULT ''::text NOT NULL,
    category text DEFAULT 'other'::text NOT NULL,
    condition text DEFAULT 'good'::text NOT NULL,
    currency text NOT NULL,
    start_price_minor bigint,
    steps jsonb DEFAULT '[]'::jsonb NOT NULL,
    grid_base text DEFAULT 'start'::text NOT NULL,
    timed_seconds integer,
    extension_seconds integer,
    soft_close_seconds integer,
    cap_extensions integer,
    cap_at timestamp with time zone,
    reserve_minor bigint,
    deposit_minor bigint DEFAULT 0 NOT NULL,
    starts_at timestamp with time zone,
    zone text DEFAULT 'UTC'::text NOT NULL,
    rejection_reason text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    submitted_at timestamp with time zone,
    decided_at timestamp with time zone,
    decided_by bigint,
    search_text text GENERATED ALWAYS AS (market.search_text(VARIADIC ARRAY[title_zh, title_en, description_zh, description_en])) STORED NOT NULL,
    search tsvector GENERATED ALWAYS AS (market.bigrams(market.search_text(VARIADIC ARRAY[title_zh, title_en, description_zh, description_en]))) STORED NOT NULL,
    format text DEFAULT 'english'::text NOT NULL,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    relist_of bigint,
    sale_id bigint,
    lot_number integer,
    CONSTRAINT listing_cap_extensions_check CHECK ((cap_extensions >= 0)),
    CONSTRAINT listing_category_check CHECK ((category ~ '^[a-z_]{1,30}$'::text)),
    CONSTRAINT listing_condition_check CHECK ((condition ~ '^[a-z_]{1,30}$'::text)),
    CONSTRAINT listing_currency_check CHECK ((currency = ANY (ARRAY['CNY'::text, 'USD'::text, 'EUR'::text, 'GBP'::text, 'HKD'::text, 'JPY'::text, 'KWD'::text]))),
    CONSTRAINT listing_decided_by_someone CHECK (((state = ANY (ARRAY['approved'::text, 'rejected'::text])) <= (decided_by IS NOT NULL))),
    CONSTRAINT listing_deposit_minor_check CHECK ((deposit_minor >= 0)),
    CONSTRAINT listing_description_en_check CHECK ((length(description_en) <= 8000)),
    CONSTRAINT listing_description_zh_check CHECK ((length(description_zh) <= 8000)),
    CONSTRAINT listing_extension_seconds_check CHECK ((extension_seconds > 0)),
    CONSTRAINT listing_format_known CHECK ((format = ANY (ARRAY['english'::text, 'sealed'::text, 'dutch'::text, 'reverse'::text, 'uniform'::text]))),
    CONSTRAINT listing_grid_base_check CHECK ((grid_base = ANY (ARRAY['start'::text, 'current'::text]))),
    CONSTRAINT listing_has_one_cap CHECK (((cap_extensions IS NULL) OR (cap_at IS NULL))),
    CONSTRAINT listing_lot_number_positive CHECK ((lot_number > 0)),
    CONSTRAINT listing_number_in_a_sale CHECK ((num_nulls(sale_id, lot_number) = ANY (ARRAY[0, 2]))),
    CONSTRAINT listing_options_is_object CHECK ((jsonb_typeof(options) = 'object'::text)),
    CONSTRAINT listing_past_draft_is_whole CHECK (((state = ANY (ARRAY['draft'::text, 'withdrawn'::text])) OR ((starts_at IS NOT NULL) AND ((title_zh <> ''::text) OR (title_en <> ''::text)) AND ((format <> 'english'::text) OR ((start_price_minor IS NOT NULL) AND (jsonb_array_length(steps) > 0) AND (COALESCE(timed_seconds, extension_seconds) IS NOT NULL)))))),
    CONSTRAINT listing_rejected_with_a_reason CHECK (((state = 'rejected'::text) <= (rejection_reason IS NOT NULL))),
    CONSTRAINT listing_relists_an_earlier_one CHECK ((relist_of < id)),
    CONSTRAINT listing_reserve_minor_check CHECK ((reserve_minor > 0)),
    CONSTRAINT listing_soft_close_seconds_check CHECK ((soft_close_seconds > 0)),
    CONSTRAINT listing_start_price_minor_check CHECK ((start_price_minor > 0)),
    CONSTRAINT listing_state_is_known CHECK ((state = ANY (ARRAY['draft'::text, 'submitted'::text, 'approved'::text, 'rejected'::text, 'withdrawn'::text]))),
    CONSTRAINT listing_steps_check CHECK ((jsonb_typeof(steps) = 'array'::text)),
    CONSTRAINT listing_timed_seconds_check CHECK ((timed_seconds > 0)),
    CONSTRAINT listing_title_en_check CHECK ((length(title_en) <= 160)),
    CONSTRAINT listing_title_zh_check CHECK ((length(title_zh) <= 160)),
    CONSTRAINT listing_version_check CHECK ((version > 0)),
    CONSTRAINT listing_zone_check CHECK (((length(zone) >= 1) AND (length(zone) <= 60)))
);

ALTER TABLE market.listing OWNER TO gavelhouse_owner;

ALTER TABLE market.listing ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.listing_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.money_batch (
    id bigint NOT NULL,
    asked_by bigint NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    at_stake jsonb NOT NULL,
    needs_second boolean NOT NULL,
    state text NOT NULL,
    confirmed_by bigint,
    ended_by bigint,
    ended_at timestamp with time zone,
    CONSTRAINT money_batch_done_by_two CHECK (((state <> 'done'::text) OR (NOT needs_second) OR (confirmed_by IS NOT NULL))),
    CONSTRAINT money_batch_ended CHECK ((((state = 'waiting'::text) = (ended_at IS NULL)) AND (num_nulls(ended_by, ended_at) = ANY (ARRAY[0, 2])))),
    CONSTRAINT money_batch_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT money_batch_second_is_another CHECK ((confirmed_by <> asked_by)),
    CONSTRAINT money_batch_state CHECK ((state = ANY (ARRAY['waiting'::text, 'done'::text, 'withdrawn'::text]))),
    CONSTRAINT money_batch_waits_for_a_second CHECK (((state <> 'waiting'::text) OR needs_second))
);

ALTER TABLE market.money_batch OWNER TO gavelhouse_owner;

ALTER TABLE market.money_batch ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.money_batch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.money_batch_item (
    batch_id bigint NOT NULL,
    n integer NOT NULL,
    act text NOT NULL,
    subject_id bigint NOT NULL,
    into_kind text,
    into_id bigint,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    CONSTRAINT money_batch_item_act CHECK ((act = ANY (ARRAY['payout_release'::text, 'payout_again'::text, 'quarantine_apply'::text, 'quarantine_return'::text, 'case_refund'::text]))),
    CONSTRAINT money_batch_item_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT money_batch_item_into CHECK (((act = 'quarantine_apply'::text) = ((into_kind IS NOT NULL) AND (into_id IS NOT NULL)))),
    CONSTRAINT money_batch_item_into_kind CHECK ((into_kind = ANY (ARRAY['case'::text, 'deposit'::text, 'wallet'::text])))
);

ALTER TABLE market.money_batch_item OWNER TO gavelhouse_owner;

CREATE TABLE market.negotiation (
    id bigint NOT NULL,
    post_id bigint NOT NULL,
    opener_id bigint NOT NULL,
    seller_id bigint NOT NULL,
    buyer_id bigint NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    version integer NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    moved_at timestamp with time zone NOT NULL,
    lapses_at timestamp with time zone,
    contract_id bigint,
    CONSTRAINT negotiation_accepted_is_a_contract CHECK (((state = 'accepted'::text) = (contract_id IS NOT NULL))),
    CONSTRAINT negotiation_opener_is_a_party CHECK (((opener_id = seller_id) OR (opener_id = buyer_id))),
    CONSTRAINT negotiation_over_has_no_clock CHECK (((state = 'open'::text) OR (lapses_at IS NULL))),
    CONSTRAINT negotiation_parties_differ CHECK ((seller_id <> buyer_id)),
    CONSTRAINT negotiation_state_is_known CHECK ((state = ANY (ARRAY['open'::text, 'accepted'::text, 'ended'::text]))),
    CONSTRAINT negotiation_version_counts_steps CHECK (((version >= 1) AND (version <= 200)))
);

ALTER TABLE market.negotiation OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.negotiation.lapses_at IS 'The last instant of the offer that stands; the clock tells both parties.';

CREATE TABLE market.negotiation_file (
    id bigint NOT NULL,
    negotiation_id bigint NOT NULL,
    n integer NOT NULL,
    author_id bigint NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    size_bytes integer NOT NULL,
    upload_sha256 bytea NOT NULL,
    content bytea NOT NULL,
    thumbnail bytea,
    sha256 bytea GENERATED ALWAYS AS (sha256(content)) STORED NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT negotiation_file_content_check CHECK (((length(content) >= 1) AND (length(content) <= 10485760))),
    CONSTRAINT negotiation_file_kind_is_known CHECK ((kind = ANY (ARRAY['photo'::text, 'document'::text]))),
    CONSTRAINT negotiation_file_name_check CHECK (((length(name) >= 1) AND (length(name) <= 120))),
    CONSTRAINT negotiation_file_size_bytes_check CHECK (((size_bytes >= 1) AND (size_bytes <= 10485760))),
    CONSTRAINT negotiation_file_upload_sha256_check CHECK ((length(upload_sha256) = 32))
);
ALTER TABLE ONLY market.negotiation_file ALTER COLUMN content SET STORAGE EXTERNAL;

ALTER TABLE market.negotiation_file OWNER TO gavelhouse_owner;

ALTER TABLE market.negotiation_file ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.negotiation_file_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE market.negotiation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.negotiation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.negotiation_step (
    negotiation_id bigint NOT NULL,
    n integer NOT NULL,
    kind text NOT NULL,
    author_id bigint,
    at timestamp with time zone NOT NULL,
    terms text,
    terms_sha256 bytea,
    words text DEFAULT ''::text NOT NULL,
    valid_until timestamp with time zone,
    firm boolean DEFAULT false NOT NULL,
    answers integer,
    CONSTRAINT negotiation_answer_is_to_something CHECK ((((kind = ANY (ARRAY['acceptance'::text, 'rejection'::text, 'withdrawal'::text, 'lapse'::text])) = (answers IS NOT NULL)) AND (answers < n))),
    CONSTRAINT negotiation_house_only_lapses CHECK (((kind = 'lapse'::text) = (author_id IS NULL))),
    CONSTRAINT negotiation_offer_has_a_clock CHECK ((((kind = ANY (ARRAY['offer'::text, 'counter_offer'::text])) = (valid_until IS NOT NULL)) AND (valid_until > at))),
    CONSTRAINT negotiation_only_offers_are_firm CHECK (((valid_until IS NOT NULL) OR (NOT firm))),
    CONSTRAINT negotiation_step_counts CHECK (((n >= 1) AND (n <= 200))),
    CONSTRAINT negotiation_step_has_terms CHECK (((kind = ANY (ARRAY['inquiry'::text, 'offer'::text, 'counter_offer'::text])) = (terms IS NOT NULL))),
    CONSTRAINT negotiation_step_is_known CHECK ((kind = ANY (ARRAY['inquiry'::text, 'offer'::text, 'counter_offer'::text, 'acceptance'::text, 'rejection'::text, 'withdrawal'::text, 'lapse'::text, 'message'::text, 'end'::text]))),
    CONSTRAINT negotiation_step_terms_match_their_hash CHECK ((NOT (terms_sha256 IS DISTINCT FROM sha256(convert_to(terms, 'UTF8'::name))))),
    CONSTRAINT negotiation_step_words_check CHECK ((length(words) <= 4000))
);

ALTER TABLE market.negotiation_step OWNER TO gavelhouse_owner;

CREATE TABLE market.notice (
    id bigint NOT NULL,
    party_id bigint NOT NULL,
    kind text NOT NULL,
    params jsonb DEFAULT '{}'::jsonb NOT NULL,
    link text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    read_at timestamp with time zone,
    CONSTRAINT notice_kind_check CHECK (((length(kind) >= 1) AND (length(kind) <= 100))),
    CONSTRAINT notice_link_check CHECK (((link ~~ '/%'::text) AND (link !~~ '//%'::text)))
);

ALTER TABLE market.notice OWNER TO gavelhouse_owner;

ALTER TABLE market.notice ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.notice_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.office (
    id bigint NOT NULL,
    party_id bigint NOT NULL,
    kind text NOT NULL,
    granted_by bigint NOT NULL,
    granted_at timestamp with time zone NOT NULL,
    ended_by bigint,
    ended_at timestamp with time zone,
    CONSTRAINT office_ended CHECK (((ended_by IS NULL) = (ended_at IS NULL))),
    CONSTRAINT office_kind CHECK ((kind = ANY (ARRAY['inspection'::text, 'insurance'::text, 'customs'::text, 'tax'::text, 'carrier'::text])))
);

ALTER TABLE market.office OWNER TO gavelhouse_owner;

ALTER TABLE market.office ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.office_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.officer_key (
    id bigint NOT NULL,
    party_id bigint NOT NULL,
    public_key bytea NOT NULL,
    sealed_key bytea NOT NULL,
    salt bytea NOT NULL,
    memory_kib integer NOT NULL,
    iterations integer NOT NULL,
    made_at timestamp with time zone NOT NULL,
    replaced_at timestamp with time zone,
    CONSTRAINT officer_key_is_salted CHECK ((length(salt) = 16)),
    CONSTRAINT officer_key_is_sealed CHECK ((length(sealed_key) = 60)),
    CONSTRAINT officer_key_iterations_positive CHECK ((iterations > 0)),
    CONSTRAINT officer_key_memory_positive CHECK ((memory_kib > 0)),
    CONSTRAINT officer_public_key_is_a_point CHECK ((length(public_key) = 65))
);

ALTER TABLE market.officer_key OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.officer_key.sealed_key IS 'AES-256-GCM under Argon2id of the opening passphrase';

ALTER TABLE market.officer_key ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.officer_key_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.one_time_secret (
    party_id bigint NOT NULL,
    sealed_secret bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    confirmed_at timestamp with time zone,
    last_step bigint DEFAULT 0 NOT NULL
);

ALTER TABLE market.one_time_secret OWNER TO gavelhouse_owner;

CREATE TABLE market.partner (
    party_id bigint NOT NULL,
    code text NOT NULL,
    agency text NOT NULL,
    format text NOT NULL,
    channel text NOT NULL,
    url text DEFAULT ''::text NOT NULL,
    generation integer DEFAULT 1 NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    rest_until timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    CONSTRAINT partner_agency_is_known CHECK ((agency = ANY (ARRAY['gln'::text, 'house'::text]))),
    CONSTRAINT partner_channel_is_known CHECK ((channel = ANY (ARRAY['webhook'::text, 'folder'::text, 'queue'::text]))),
    CONSTRAINT partner_code_is_carried CHECK ((code ~ '^[0-9A-Za-z._-]{1,35}$'::text)),
    CONSTRAINT partner_failures_count CHECK ((failures >= 0)),
    CONSTRAINT partner_format_is_known CHECK ((format = ANY (ARRAY['edifact'::text, 'ubl'::text]))),
    CONSTRAINT partner_generation_check CHECK ((generation > 0)),
    CONSTRAINT partner_gln_is_one CHECK (((agency <> 'gln'::text) OR (code ~ '^[0-9]{13}$'::text))),
    CONSTRAINT partner_url_check CHECK ((length(url) <= 500)),
    CONSTRAINT partner_webhook_has_an_address CHECK (((channel = 'webhook'::text) = (url <> ''::text)))
);

ALTER TABLE market.partner OWNER TO gavelhouse_owner;

CREATE TABLE market.party (
    id bigint NOT NULL,
    email text NOT NULL,
    display_name text NOT NULL,
    language text DEFAULT 'en'::text NOT NULL,
    roles text[] DEFAULT ARRAY['member'::text] NOT NULL,
    passphrase_phc text,
    created_at timestamp with time zone NOT NULL,
    disabled_at timestamp with time zone,
    barred_at timestamp with time zone,
    barred_reason text,
    CONSTRAINT party_bar_has_a_reason CHECK (((barred_at IS NULL) = (barred_reason IS NULL))),
    CONSTRAINT party_display_name_is_plain CHECK ((((length(display_name) >= 1) AND (length(display_name) <= 60)) AND (display_name !~ '[[:cntrl:]]'::text))),
    CONSTRAINT party_email_is_plain CHECK ((((length(email) >= 3) AND (length(email) <= 254)) AND (email !~ '[[:cntrl:][:space:]]'::text) AND (POSITION(('@'::text) IN (email)) > 1))),
    CONSTRAINT party_language_is_known CHECK ((language = ANY (ARRAY['en'::text, 'zh'::text]))),
    CONSTRAINT party_passphrase_is_hashed CHECK ((passphrase_phc ~~ '$argon2id$%'::text)),
    CONSTRAINT party_roles_are_known CHECK ((roles <@ ARRAY['member'::text, 'operator'::text]))
);

ALTER TABLE market.party OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.party.passphrase_phc IS 'Argon2id in PHC form; null for a party who signs in by link only';

COMMENT ON COLUMN market.party.barred_at IS 'May sign in and settle what is open, but is admitted to no further lot';

ALTER TABLE market.party ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.party_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.party_trait (
    party_id bigint NOT NULL,
    kind text NOT NULL,
    fingerprint bytea NOT NULL,
    source text NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    CONSTRAINT trait_is_a_hash CHECK ((length(fingerprint) = 32)),
    CONSTRAINT trait_kind_known CHECK ((kind = ANY (ARRAY['bank_account'::text, 'device'::text, 'address'::text]))),
    CONSTRAINT trait_seen_in_order CHECK ((last_seen_at >= first_seen_at)),
    CONSTRAINT trait_source_known CHECK ((source = ANY (ARRAY['payout_account'::text, 'paid_from'::text, 'sign_in'::text])))
);

ALTER TABLE market.party_trait OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.party_trait.fingerprint IS 'SHA-256 of what is compared; a key for matching, not a secret kept';

CREATE TABLE market.passkey (
    id bigint NOT NULL,
    party_id bigint NOT NULL,
    credential_id bytea NOT NULL,
    credential bytea NOT NULL,
    sign_count bigint NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    removed_at timestamp with time zone,
    CONSTRAINT passkey_named CHECK ((name <> ''::text))
);

ALTER TABLE market.passkey OWNER TO gavelhouse_owner;

ALTER TABLE market.passkey ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.passkey_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.phone_request (
    id bigint NOT NULL,
    party_id bigint NOT NULL,
    case_id bigint NOT NULL,
    means text NOT NULL,
    means_label text NOT NULL,
    payee text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    nonce bytea NOT NULL,
    prepared bytea,
    payment_id text,
    state text DEFAULT 'requested'::text NOT NULL,
    method text,
    outcome text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone,
    confirmed_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT phone_request_amount CHECK ((amount_minor > 0)),
    CONSTRAINT phone_request_captured_was_confirmed CHECK (((state <> ALL (ARRAY['confirmed'::text, 'captured'::text])) OR (confirmed_at IS NOT NULL))),
    CONSTRAINT phone_request_confirmed CHECK (((confirmed_at IS NOT NULL) = (method IS NOT NULL))),
    CONSTRAINT phone_request_ended CHECK (((ended_at IS NOT NULL) = (state = ANY (ARRAY['captured'::text, 'declined'::text, 'refused'::text, 'expired'::text])))),
    CONSTRAINT phone_request_forgets CHECK (((ended_at IS NULL) OR (prepared IS NULL))),
    CONSTRAINT phone_request_means CHECK ((means = ANY (ARRAY['card'::text, 'wallet'::text]))),
    CONSTRAINT phone_request_method CHECK ((method = ANY (ARRAY['passkey'::text, 'code'::text]))),
    CONSTRAINT phone_request_nonce CHECK ((octet_length(nonce) = 32)),
    CONSTRAINT phone_request_state CHECK ((state = ANY (ARRAY['requested'::text, 'confirmed'::text, 'captured'::text, 'declined'::text, 'refused'::text, 'expired'::text])))
);

ALTER TABLE market.phone_request OWNER TO gavelhouse_owner;

ALTER TABLE market.phone_request ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.phone_request_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.photo (
    id bigint NOT NULL,
    listing_id bigint NOT NULL,
    "position" integer NOT NULL,
    sha256 bytea NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    alt_zh text DEFAULT ''::text NOT NULL,
    alt_en text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT photo_alt_en_check CHECK ((length(alt_en) <= 200)),
    CONSTRAINT photo_alt_zh_check CHECK ((length(alt_zh) <= 200)),
    CONSTRAINT photo_height_check CHECK ((height > 0)),
    CONSTRAINT photo_position_check CHECK ((("position" >= 1) AND ("position" <= 12))),
    CONSTRAINT photo_sha256_check CHECK ((length(sha256) = 32)),
    CONSTRAINT photo_width_check CHECK ((width > 0))
);

ALTER TABLE market.photo OWNER TO gavelhouse_owner;

ALTER TABLE market.photo ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.photo_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.photo_size (
    photo_id bigint NOT NULL,
    width integer NOT NULL,
    webp bytea NOT NULL,
    CONSTRAINT photo_size_webp_check CHECK (((length(webp) >= 1) AND (length(webp) <= 4000000))),
    CONSTRAINT photo_size_width_check CHECK ((width = ANY (ARRAY[320, 960, 1920])))
);
ALTER TABLE ONLY market.photo_size ALTER COLUMN webp SET STORAGE EXTERNAL;

ALTER TABLE market.photo_size OWNER TO gavelhouse_owner;

CREATE TABLE market.post (
    id bigint DEFAULT market.random_post_id() NOT NULL,
    party_id bigint NOT NULL,
    side text NOT NULL,
    category text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    title_zh text DEFAULT ''::text NOT NULL,
    title_en text DEFAULT ''::text NOT NULL,
    description_zh text DEFAULT ''::text NOT NULL,
    description_en text DEFAULT ''::text NOT NULL,
    attributes jsonb DEFAULT '{}'::jsonb NOT NULL,
    words text DEFAULT ''::text NOT NULL,
    quantity bigint NOT NULL,
    taken bigint DEFAULT 0 NOT NULL,
    all_or_none boolean DEFAULT false NOT NULL,
    minimum bigint DEFAULT 1 NOT NULL,
    price_minor bigint,
    currency text NOT NULL,
    country text NOT NULL,
    place text NOT NULL,
    latitude integer,
    longitude integer,
    delivery_from date NOT NULL,
    delivery_to date NOT NULL,
    term text NOT NULL,
    anonymous boolean DEFAULT false NOT NULL,
    on_board boolean DEFAULT false NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    posted_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    shown_at timestamp with time zone NOT NULL,
    listed_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    told_at timestamp with time zone,
    moved_at timestamp with time zone NOT NULL,
    search_text text GENERATED ALWAYS AS (market.search_text(VARIADIC ARRAY[title_zh, title_en, description_zh, description_en, words, place])) STORED NOT NULL,
    search tsvector GENERATED ALWAYS AS (market.pieces(market.search_text(VARIADIC ARRAY[title_zh, title_en, description_zh, description_en, words, place]))) STORED NOT NULL,
    CONSTRAINT post_all_or_none_has_no_minimum CHECK (((NOT all_or_none) OR (minimum = 1))),
    CONSTRAINT post_attributes_check CHECK ((jsonb_typeof(attributes) = 'object'::text)),
    CONSTRAINT post_country_check CHECK ((country ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT post_description_en_check CHECK ((length(description_en) <= 4000)),
    CONSTRAINT post_description_zh_check CHECK ((length(description_zh) <= 4000)),
    CONSTRAINT post_ended_together CHECK (((state = 'open'::text) = (ended_at IS NULL))),
    CONSTRAINT post_has_a_title CHECK (((title_zh <> ''::text) OR (title_en <> ''::text))),
    CONSTRAINT post_latitude_check CHECK (((latitude >= '-90000000'::integer) AND (latitude <= 90000000))),
    CONSTRAINT post_listed_by_the_hour CHECK (((((EXTRACT(epoch FROM listed_at))::bigint % (3600)::bigint) = 0) AND (listed_at <= shown_at))),
    CONSTRAINT post_longitude_check CHECK (((longitude >= '-180000000'::integer) AND (longitude <= 180000000))),
    CONSTRAINT post_minimum_within_quantity CHECK (((minimum >= 1) AND (minimum <= quantity))),
    CONSTRAINT post_on_a_board_has_a_price CHECK (((NOT on_board) OR (price_minor IS NOT NULL))),
    CONSTRAINT post_place_check CHECK (((length(place) >= 1) AND (length(place) <= 120))),
    CONSTRAINT post_point_whole CHECK ((num_nulls(latitude, longitude) = ANY (ARRAY[0, 2]))),
    CONSTRAINT post_price_minor_check CHECK (((price_minor >= 1) AND (price_minor <= '1000000000000000'::bigint))),
    CONSTRAINT post_quantity_check CHECK (((quantity >= 1) AND (quantity <= '1000000000000'::bigint))),
    CONSTRAINT post_side_known CHECK ((side = ANY (ARRAY['supply'::text, 'demand'::text]))),
    CONSTRAINT post_state_known CHECK ((state = ANY (ARRAY['open'::text, 'withdrawn'::text, 'lapsed'::text]))),
    CONSTRAINT post_sum_within_the_house CHECK ((((price_minor)::numeric * (quantity)::numeric) <= ('1000000000000000'::bigint)::numeric)),
    CONSTRAINT post_taken_within_quantity CHECK (((taken >= 0) AND (taken <= quantity))),
    CONSTRAINT post_term_known CHECK ((term = ANY (ARRAY['EXW'::text, 'FCA'::text, 'FAS'::text, 'FOB'::text, 'CFR'::text, 'CIF'::text, 'CPT'::text, 'CIP'::text, 'DAP'::text, 'DPU'::text, 'DDP'::text]))),
    CONSTRAINT post_title_en_check CHECK ((length(title_en) <= 160)),
    CONSTRAINT post_title_zh_check CHECK ((length(title_zh) <= 160)),
    CONSTRAINT post_version_check CHECK ((version > 0)),
    CONSTRAINT post_window_in_order CHECK ((delivery_from <= delivery_to))
)
WITH (fillfactor='60');

ALTER TABLE market.post OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.post.words IS 'Names of the category and of chosen attributes in both languages, for the search';

COMMENT ON COLUMN market.post.taken IS 'What matches and accepted offers have taken of the quantity';

COMMENT ON COLUMN market.post.shown_at IS 'From when the public sees it';

COMMENT ON COLUMN market.post.listed_at IS 'The hour of shown_at: what the public is told';

COMMENT ON COLUMN market.post.told_at IS 'When saved searches were asked whether it fits';

COMMENT ON COLUMN market.post.moved_at IS 'Last change of any kind: an edit, a take, its end. Told to nobody; the market''s version comes of it';

CREATE TABLE market.post_version (
    post_id bigint NOT NULL,
    version integer NOT NULL,
    content jsonb NOT NULL,
    written_at timestamp with time zone NOT NULL
);

ALTER TABLE market.post_version OWNER TO gavelhouse_owner;

CREATE TABLE market.released_share (
    lot_id bigint NOT NULL,
    number smallint NOT NULL,
    value bytea,
    released_at timestamp with time zone NOT NULL
);

ALTER TABLE market.released_share OWNER TO gavelhouse_owner;

CREATE TABLE market.revocation (
    serial text NOT NULL,
    revoked_at timestamp with time zone NOT NULL,
    revoked_by bigint NOT NULL,
    reason text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    CONSTRAINT revocation_note_check CHECK ((length(note) <= 500)),
    CONSTRAINT revocation_reason CHECK ((reason = ANY (ARRAY['key_compromise'::text, 'affiliation_changed'::text, 'superseded'::text, 'cessation_of_operation'::text, 'privilege_withdrawn'::text])))
);

ALTER TABLE market.revocation OWNER TO gavelhouse_owner;

CREATE TABLE market.revocation_list (
    authority bytea NOT NULL,
    number bigint NOT NULL,
    der bytea NOT NULL,
    this_update timestamp with time zone NOT NULL,
    next_update timestamp with time zone NOT NULL,
    CONSTRAINT revocation_list_number_check CHECK ((number > 0)),
    CONSTRAINT revocation_list_times CHECK ((this_update < next_update))
);

ALTER TABLE market.revocation_list OWNER TO gavelhouse_owner;

CREATE TABLE market.sale (
    id bigint NOT NULL,
    title_zh text DEFAULT ''::text NOT NULL,
    title_en text DEFAULT ''::text NOT NULL,
    description_zh text DEFAULT ''::text NOT NULL,
    description_en text DEFAULT ''::text NOT NULL,
    currency text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    first_end_at timestamp with time zone NOT NULL,
    stagger_seconds integer DEFAULT 0 NOT NULL,
    zone text DEFAULT 'UTC'::text NOT NULL,
    opened_at timestamp with time zone,
    created_by bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT sale_currency_is_iso CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT sale_description_en_check CHECK ((length(description_en) <= 8000)),
    CONSTRAINT sale_description_zh_check CHECK ((length(description_zh) <= 8000)),
    CONSTRAINT sale_ends_after_its_start CHECK ((first_end_at > starts_at)),
    CONSTRAINT sale_has_a_title CHECK (((title_zh <> ''::text) OR (title_en <> ''::text))),
    CONSTRAINT sale_stagger_not_negative CHECK (((stagger_seconds >= 0) AND (stagger_seconds <= 86400))),
    CONSTRAINT sale_title_en_check CHECK ((length(title_en) <= 160)),
    CONSTRAINT sale_title_zh_check CHECK ((length(title_zh) <= 160))
);

ALTER TABLE market.sale OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.sale.stagger_seconds IS '0: all lots end at once; else so long after each other, in order of number.';

ALTER TABLE market.sale ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.sale_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.saved_search (
    id bigint NOT NULL,
    party_id bigint NOT NULL,
    name text NOT NULL,
    query text NOT NULL,
    side text,
    category text,
    alerts boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone NOT NULL,
    told_at timestamp with time zone,
    CONSTRAINT saved_search_name_check CHECK (((length(name) >= 1) AND (length(name) <= 80))),
    CONSTRAINT saved_search_query_check CHECK ((length(query) <= 2000)),
    CONSTRAINT saved_search_side_check CHECK ((side = ANY (ARRAY['supply'::text, 'demand'::text])))
);

ALTER TABLE market.saved_search OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.saved_search.query IS 'The filters as they stand in the address of the search page';

COMMENT ON COLUMN market.saved_search.told_at IS 'Of the last notice: at most one a minute goes out';

ALTER TABLE market.saved_search ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.saved_search_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.sealing (
    lot_id bigint NOT NULL,
    public_key bytea NOT NULL,
    threshold smallint NOT NULL,
    officers smallint NOT NULL,
    reserve_nonce bytea NOT NULL,
    made_by bigint NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT sealing_k_of_n CHECK ((((threshold >= 2) AND (threshold <= officers)) AND (officers <= 15))),
    CONSTRAINT sealing_public_key_is_a_point CHECK ((length(public_key) = 65)),
    CONSTRAINT sealing_reserve_nonce_long CHECK ((length(reserve_nonce) = 32))
);

ALTER TABLE market.sealing OWNER TO gavelhouse_owner;

CREATE TABLE market.sealing_share (
    lot_id bigint NOT NULL,
    number smallint NOT NULL,
    officer_id bigint NOT NULL,
    key_id bigint NOT NULL,
    sealed_share bytea NOT NULL,
    CONSTRAINT share_number_from_one CHECK (((number >= 1) AND (number <= 15)))
);

ALTER TABLE market.sealing_share OWNER TO gavelhouse_owner;

CREATE TABLE market.search_hit (
    search_id bigint NOT NULL,
    post_id bigint NOT NULL,
    found_at timestamp with time zone NOT NULL,
    told_at timestamp with time zone
);

ALTER TABLE market.search_hit OWNER TO gavelhouse_owner;

CREATE TABLE market.second_chance (
    id bigint NOT NULL,
    lot_id bigint NOT NULL,
    party_id bigint NOT NULL,
    kind text NOT NULL,
    currency text NOT NULL,
    price_minor bigint NOT NULL,
    offered_by bigint,
    offered_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    state text DEFAULT 'offered'::text NOT NULL,
    ended_at timestamp with time zone,
    case_id bigint,
    CONSTRAINT second_chance_accepted_is_a_deal CHECK (((state = 'accepted'::text) = (case_id IS NOT NULL))),
    CONSTRAINT second_chance_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT second_chance_ended_once CHECK (((state = 'offered'::text) = (ended_at IS NULL))),
    CONSTRAINT second_chance_has_a_clock CHECK ((expires_at > offered_at)),
    CONSTRAINT second_chance_kind_known CHECK ((kind = ANY (ARRAY['runner_up'::text, 'highest_bidder'::text, 'best_supplier'::text]))),
    CONSTRAINT second_chance_price_minor_check CHECK ((price_minor > 0)),
    CONSTRAINT second_chance_state_known CHECK ((state = ANY (ARRAY['offered'::text, 'accepted'::text, 'declined'::text, 'lapsed'::text])))
);

ALTER TABLE market.second_chance OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.second_chance.offered_by IS 'Null: the house, by the rule of the lot.';

ALTER TABLE market.second_chance ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.second_chance_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.seller_link (
    id bigint NOT NULL,
    seller_id bigint NOT NULL,
    bidder_id bigint NOT NULL,
    kind text NOT NULL,
    source text NOT NULL,
    state text NOT NULL,
    found_at timestamp with time zone NOT NULL,
    decided_by bigint,
    decided_at timestamp with time zone,
    reason text,
    CONSTRAINT seller_link_cleared_by_someone CHECK (((state <> 'cleared'::text) OR (decided_by IS NOT NULL))),
    CONSTRAINT seller_link_decided_whole CHECK ((num_nulls(decided_by, decided_at, reason) = ANY (ARRAY[0, 3]))),
    CONSTRAINT seller_link_kind_known CHECK ((kind = ANY (ARRAY['bank_account'::text, 'device'::text, 'address'::text, 'operator'::text]))),
    CONSTRAINT seller_link_of_two CHECK ((seller_id <> bidder_id)),
    CONSTRAINT seller_link_operator_decides CHECK (((kind <> 'operator'::text) OR (decided_by IS NOT NULL))),
    CONSTRAINT seller_link_source_told CHECK (((length(source) >= 1) AND (length(source) <= 200))),
    CONSTRAINT seller_link_state_known CHECK ((state = ANY (ARRAY['flagged'::text, 'barring'::text, 'cleared'::text])))
);

ALTER TABLE market.seller_link OWNER TO gavelhouse_owner;

ALTER TABLE market.seller_link ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.seller_link_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.session (
    id bigint NOT NULL,
    token_sha256 bytea NOT NULL,
    party_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    user_agent text DEFAULT ''::text NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    CONSTRAINT session_address_check CHECK ((length(address) <= 64)),
    CONSTRAINT session_check CHECK ((expires_at > created_at)),
    CONSTRAINT session_token_sha256_check CHECK ((length(token_sha256) = 32)),
    CONSTRAINT session_user_agent_check CHECK ((length(user_agent) <= 200))
);

ALTER TABLE market.session OWNER TO gavelhouse_owner;

ALTER TABLE market.session ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.session_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.sign_in_link (
    token_sha256 bytea NOT NULL,
    party_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT sign_in_link_check CHECK ((expires_at > created_at)),
    CONSTRAINT sign_in_link_token_sha256_check CHECK ((length(token_sha256) = 32))
);

ALTER TABLE market.sign_in_link OWNER TO gavelhouse_owner;

CREATE TABLE market.tracking_event (
    consignment_id bigint NOT NULL,
    carrier_id text NOT NULL,
    kind text NOT NULL,
    at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    place text DEFAULT ''::text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    CONSTRAINT tracking_event_carrier_id_check CHECK (((length(carrier_id) >= 1) AND (length(carrier_id) <= 80))),
    CONSTRAINT tracking_event_is_known CHECK ((kind = ANY (ARRAY['confirmed'::text, 'refused'::text, 'cancelled'::text, 'collected'::text, 'in_transit'::text, 'out_for_delivery'::text, 'attempted'::text, 'delivered'::text, 'returned'::text, 'lost'::text]))),
    CONSTRAINT tracking_event_note_check CHECK ((length(note) <= 400)),
    CONSTRAINT tracking_event_place_check CHECK ((length(place) <= 120))
);

ALTER TABLE market.tracking_event OWNER TO gavelhouse_owner;

CREATE TABLE market.trade_print (
    id bigint NOT NULL,
    source text NOT NULL,
    ref bigint NOT NULL,
    category text NOT NULL,
    term text NOT NULL,
    currency text NOT NULL,
    price_minor bigint NOT NULL,
    quantity bigint NOT NULL,
    traded_at timestamp with time zone NOT NULL,
    struck_at timestamp with time zone,
    CONSTRAINT trade_print_price_minor_check CHECK (((price_minor >= 1) AND (price_minor <= '1000000000000000'::bigint))),
    CONSTRAINT trade_print_quantity_check CHECK (((quantity >= 1) AND (quantity <= '1000000000000'::bigint))),
    CONSTRAINT trade_print_source CHECK ((source = ANY (ARRAY['match'::text, 'acceptance'::text, 'documents'::text]))),
    CONSTRAINT trade_print_term_check CHECK ((term ~ '^[A-Z]{3}$'::text))
);

ALTER TABLE market.trade_print OWNER TO gavelhouse_owner;

COMMENT ON COLUMN market.trade_print.ref IS 'The fill or the negotiation that it came from; never published';

ALTER TABLE market.trade_print ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME market.trade_print_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE market.watch (
    party_id bigint NOT NULL,
    lot_id bigint NOT NULL,
    watched_at timestamp with time zone NOT NULL
);

ALTER TABLE market.watch OWNER TO gavelhouse_owner;

CREATE TABLE public.migration (
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE public.migration OWNER TO gavelhouse_owner;

CREATE TABLE vault.bank_key (
    single_row boolean DEFAULT true NOT NULL,
    key_id text NOT NULL,
    point bytea NOT NULL,
    pinned_at timestamp with time zone NOT NULL,
    CONSTRAINT bank_key_one_row CHECK (single_row),
    CONSTRAINT bank_key_point CHECK ((length(point) = 65))
);

ALTER TABLE vault.bank_key OWNER TO gavelhouse_owner;

CREATE TABLE vault.card (
    id bigint NOT NULL,
    wallet_id bigint NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    sealed bytea NOT NULL,
    brand text NOT NULL,
    last4 text NOT NULL,
    expiry_month integer NOT NULL,
    expiry_year integer NOT NULL,
    label text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    CONSTRAINT card_expiry CHECK ((((expiry_month >= 1) AND (expiry_month <= 12)) AND ((expiry_year >= 2000) AND (expiry_year <= 2199)))),
    CONSTRAINT card_label CHECK (((length(label) <= 40) AND (label !~ '[0-9]([ .-]?[0-9]){11}'::text))),
    CONSTRAINT card_last4 CHECK ((last4 ~ '^[0-9]{4}$'::text))
);

ALTER TABLE vault.card OWNER TO gavelhouse_owner;

CREATE TABLE vault.identity (
    wallet_id bigint NOT NULL,
    public_key bytea NOT NULL,
    sealed bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT identity_public_key CHECK ((length(public_key) = 32))
);

ALTER TABLE vault.identity OWNER TO gavelhouse_owner;

CREATE TABLE vault.protection (
    id bigint NOT NULL,
    wallet_id bigint NOT NULL,
    kind text NOT NULL,
    wrapped bytea NOT NULL,
    outer_key text NOT NULL,
    salt bytea NOT NULL,
    memory_kib integer,
    iterations integer,
    credential_id bytea,
    label text DEFAULT ''::text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    CONSTRAINT protection_credential CHECK (((kind = 'passkey'::text) = (credential_id IS NOT NULL))),
    CONSTRAINT protection_kind CHECK ((kind = ANY (ARRAY['passphrase'::text, 'passkey'::text]))),
    CONSTRAINT protection_label CHECK ((length(label) <= 40)),
    CONSTRAINT protection_salt CHECK ((length(salt) = 16)),
    CONSTRAINT protection_stretched CHECK (((kind = 'passphrase'::text) = ((memory_kib IS NOT NULL) AND (iterations IS NOT NULL))))
);

ALTER TABLE vault.protection OWNER TO gavelhouse_owner;

CREATE TABLE vault.signed_payment (
    payment_id text NOT NULL,
    party_id bigint NOT NULL,
    card_id bigint NOT NULL,
    order_sha256 bytea NOT NULL,
    payment_sha256 bytea NOT NULL,
    signed_at timestamp with time zone NOT NULL
);

ALTER TABLE vault.signed_payment OWNER TO gavelhouse_owner;

CREATE TABLE vault.wallet (
    id bigint NOT NULL,
    party_id bigint NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    public_key bytea NOT NULL,
    signing_sealed bytea NOT NULL,
    wrong_tries integer DEFAULT 0 NOT NULL,
    blocked_until timestamp with time zone,
    CONSTRAINT wallet_public_key CHECK ((length(public_key) = 32)),
    CONSTRAINT wallet_tries CHECK ((wrong_tries >= 0))
);

ALTER TABLE vault.wallet OWNER TO gavelhouse_owner;

ALTER TABLE ONLY auction.admission
    ADD CONSTRAINT admission_paddle_unique UNIQUE (lot_id, paddle);

ALTER TABLE ONLY auction.admission
    ADD CONSTRAINT admission_pk PRIMARY KEY (lot_id, party_id);

ALTER TABLE ONLY auction.bid
    ADD CONSTRAINT bid_pk PRIMARY KEY (party_id, client_bid_id);

ALTER TABLE ONLY auction.budget
    ADD CONSTRAINT budget_pk PRIMARY KEY (sale_id, party_id);

ALTER TABLE ONLY auction.event
    ADD CONSTRAINT event_pk PRIMARY KEY (lot_id, seq);

ALTER TABLE ONLY auction.heartbeat
    ADD CONSTRAINT heartbeat_pk PRIMARY KEY (is_only_row);

ALTER TABLE ONLY auction.lot
    ADD CONSTRAINT lot_pk PRIMARY KEY (id);

ALTER TABLE ONLY auction.retraction
    ADD CONSTRAINT retraction_pk PRIMARY KEY (party_id, client_bid_id);

ALTER TABLE ONLY auction.sale_lot
    ADD CONSTRAINT sale_lot_pk PRIMARY KEY (lot_id);

ALTER TABLE ONLY auction.signed_head
    ADD CONSTRAINT signed_head_pk PRIMARY KEY (lot_id, seq, at);

ALTER TABLE ONLY auction.signing_key
    ADD CONSTRAINT signing_key_pk PRIMARY KEY (public_key);

ALTER TABLE ONLY auction.standing
    ADD CONSTRAINT standing_pk PRIMARY KEY (lot_id);

ALTER TABLE ONLY bank.account
    ADD CONSTRAINT account_pk PRIMARY KEY (number);

ALTER TABLE ONLY bank.account
    ADD CONSTRAINT account_serial_once UNIQUE (serial);

ALTER TABLE ONLY bank.card_balance
    ADD CONSTRAINT card_balance_pk PRIMARY KEY (card_id, currency);

ALTER TABLE ONLY bank.card_movement
    ADD CONSTRAINT card_movement_once UNIQUE (cause, kind);

ALTER TABLE ONLY bank.card_movement
    ADD CONSTRAINT card_movement_pk PRIMARY KEY (id);

ALTER TABLE ONLY bank.card
    ADD CONSTRAINT card_number_once UNIQUE (number_hmac);

ALTER TABLE ONLY bank.card_payment
    ADD CONSTRAINT card_payment_nonce_once UNIQUE (nonce);

ALTER TABLE ONLY bank.card_payment
    ADD CONSTRAINT card_payment_pk PRIMARY KEY (id);

ALTER TABLE ONLY bank.card
    ADD CONSTRAINT card_pk PRIMARY KEY (id);

ALTER TABLE ONLY bank.card_settlement
    ADD CONSTRAINT card_settlement_of_day UNIQUE (day, n);

ALTER TABLE ONLY bank.card_settlement
    ADD CONSTRAINT card_settlement_pk PRIMARY KEY (id);

ALTER TABLE ONLY bank.chargeback
    ADD CONSTRAINT chargeback_pk PRIMARY KEY (id);

ALTER TABLE ONLY bank.envelope_key
    ADD CONSTRAINT envelope_key_pk PRIMARY KEY (key_id);

ALTER TABLE ONLY bank.fault
    ADD CONSTRAINT fault_pk PRIMARY KEY (id);

ALTER TABLE ONLY bank.movement
    ADD CONSTRAINT movement_once UNIQUE (transfer_id, number);

ALTER TABLE ONLY bank.movement
    ADD CONSTRAINT movement_pk PRIMARY KEY (id);

ALTER TABLE ONLY bank.outbox
    ADD CONSTRAINT outbox_message_once UNIQUE (message_id);

ALTER TABLE ONLY bank.outbox
    ADD CONSTRAINT outbox_pk PRIMARY KEY (id);

ALTER TABLE ONLY bank.payout_file
    ADD CONSTRAINT payout_file_pk PRIMARY KEY (message_id);

ALTER TABLE ONLY bank.setting
    ADD CONSTRAINT setting_pk PRIMARY KEY (single_row);

ALTER TABLE ONLY bank.transfer
    ADD CONSTRAINT transfer_pk PRIMARY KEY (id);

ALTER TABLE ONLY bank.transfer
    ADD CONSTRAINT transfer_request_once UNIQUE (request_key);

ALTER TABLE ONLY escrow.account
    ADD CONSTRAINT account_identity UNIQUE (id, currency, mode);

ALTER TABLE ONLY escrow.account
    ADD CONSTRAINT account_mode UNIQUE (id, mode);

ALTER TABLE ONLY escrow.account
    ADD CONSTRAINT account_path_once UNIQUE (path, currency);

ALTER TABLE ONLY escrow.account
    ADD CONSTRAINT account_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.balance
    ADD CONSTRAINT balance_of_transfer UNIQUE (op, n, account);

ALTER TABLE ONLY escrow.balance
    ADD CONSTRAINT balance_pk PRIMARY KEY (account, version);

ALTER TABLE ONLY escrow.balance
    ADD CONSTRAINT balance_tip UNIQUE (account, version, balance, open);

ALTER TABLE ONLY escrow.bank_account
    ADD CONSTRAINT bank_account_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.bank_notice
    ADD CONSTRAINT bank_notice_pk PRIMARY KEY (bank_id);

ALTER TABLE ONLY escrow.bank_statement
    ADD CONSTRAINT bank_statement_file_once UNIQUE (account, statement_id, sha256);

ALTER TABLE ONLY escrow.bank_statement
    ADD CONSTRAINT bank_statement_once UNIQUE (account, statement_id, part);

ALTER TABLE ONLY escrow.bank_statement
    ADD CONSTRAINT bank_statement_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.book_entry
    ADD CONSTRAINT book_entry_hash UNIQUE (n, hash);

ALTER TABLE ONLY escrow.book_entry
    ADD CONSTRAINT book_entry_op_once UNIQUE (op);

ALTER TABLE ONLY escrow.book_entry
    ADD CONSTRAINT book_entry_pk PRIMARY KEY (n);

ALTER TABLE ONLY escrow.book_head
    ADD CONSTRAINT book_head_pk PRIMARY KEY (size);

ALTER TABLE ONLY escrow.book_node
    ADD CONSTRAINT book_node_pk PRIMARY KEY (level, place);

ALTER TABLE ONLY escrow.book_waiting
    ADD CONSTRAINT book_waiting_pk PRIMARY KEY (op);

ALTER TABLE ONLY escrow.card_difference
    ADD CONSTRAINT card_difference_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.card_edge
    ADD CONSTRAINT card_edge_pk PRIMARY KEY (from_state, to_state);

ALTER TABLE ONLY escrow.card_payment_event
    ADD CONSTRAINT card_payment_event_pk PRIMARY KEY (payment_id, n);

ALTER TABLE ONLY escrow.card_payment_event
    ADD CONSTRAINT card_payment_event_state UNIQUE (payment_id, n, to_state);

ALTER TABLE ONLY escrow.card_payment
    ADD CONSTRAINT card_payment_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.card_payment
    ADD CONSTRAINT card_payment_posted_once UNIQUE (op);

ALTER TABLE ONLY escrow.card_settlement_line
    ADD CONSTRAINT card_settlement_line_pk PRIMARY KEY (file_id, n);

ALTER TABLE ONLY escrow.card_settlement
    ADD CONSTRAINT card_settlement_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.card_settlement
    ADD CONSTRAINT card_settlement_posted_once UNIQUE (op);

ALTER TABLE ONLY escrow.card_settlement_sum
    ADD CONSTRAINT card_settlement_sum_pk PRIMARY KEY (file_id, currency);

ALTER TABLE ONLY escrow.case_event
    ADD CONSTRAINT case_event_pk PRIMARY KEY (case_id, n);

ALTER TABLE ONLY escrow.case_event
    ADD CONSTRAINT case_event_state UNIQUE (case_id, n, to_state);

ALTER TABLE ONLY escrow.change_move
    ADD CONSTRAINT change_move_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.chargeback_answer
    ADD CONSTRAINT chargeback_answer_pk PRIMARY KEY (chargeback_id);

ALTER TABLE ONLY escrow.chargeback
    ADD CONSTRAINT chargeback_notice_once UNIQUE (bank_id);

ALTER TABLE ONLY escrow.chargeback
    ADD CONSTRAINT chargeback_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.cheque
    ADD CONSTRAINT cheque_number_once UNIQUE (number);

ALTER TABLE ONLY escrow.cheque
    ADD CONSTRAINT cheque_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.claim_arbiter
    ADD CONSTRAINT claim_arbiter_pk PRIMARY KEY (claim_id, arbiter_id);

ALTER TABLE ONLY escrow.claim
    ADD CONSTRAINT claim_one_a_case UNIQUE (case_id);

ALTER TABLE ONLY escrow.claim
    ADD CONSTRAINT claim_open_or_not UNIQUE (case_id, is_open);

ALTER TABLE ONLY escrow.claim
    ADD CONSTRAINT claim_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.currency
    ADD CONSTRAINT currency_pk PRIMARY KEY (code);

ALTER TABLE ONLY escrow.day_close
    ADD CONSTRAINT day_close_named UNIQUE (day, sha256);

ALTER TABLE ONLY escrow.day_close
    ADD CONSTRAINT day_close_once PRIMARY KEY (day);

ALTER TABLE ONLY escrow.day_close
    ADD CONSTRAINT day_close_one_after UNIQUE (previous_day);

ALTER TABLE ONLY escrow.deposit
    ADD CONSTRAINT deposit_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.deposit
    ADD CONSTRAINT deposit_reference_once UNIQUE (reference);

ALTER TABLE ONLY escrow.edge
    ADD CONSTRAINT edge_pk PRIMARY KEY (from_state, action, actor, to_state);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_disputed_or_not UNIQUE (id, is_disputed);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_payment_once UNIQUE (payment_id);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_reference_once UNIQUE (reference);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_reinstated_once UNIQUE (reinstates_id);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_sealed_or_not UNIQUE (id, is_sealed);

ALTER TABLE ONLY escrow.op
    ADD CONSTRAINT op_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.payout_batch
    ADD CONSTRAINT payout_batch_message_once UNIQUE (message_id);

ALTER TABLE ONLY escrow.payout_batch
    ADD CONSTRAINT payout_batch_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.payout
    ADD CONSTRAINT payout_end_to_end_once UNIQUE (end_to_end_id);

ALTER TABLE ONLY escrow.payout
    ADD CONSTRAINT payout_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.quarantine
    ADD CONSTRAINT quarantine_once UNIQUE (bank_id);

ALTER TABLE ONLY escrow.quarantine
    ADD CONSTRAINT quarantine_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.reserve_hold
    ADD CONSTRAINT reserve_hold_pk PRIMARY KEY (case_id);

ALTER TABLE ONLY escrow.rollup
    ADD CONSTRAINT rollup_pk PRIMARY KEY (account, up_to);

ALTER TABLE ONLY escrow.ruling
    ADD CONSTRAINT ruling_in_force_or_not UNIQUE (id, in_force);

ALTER TABLE ONLY escrow.ruling
    ADD CONSTRAINT ruling_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.statement_entry
    ADD CONSTRAINT statement_entry_once UNIQUE (account, bank_id);

ALTER TABLE ONLY escrow.statement_entry
    ADD CONSTRAINT statement_entry_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.timer
    ADD CONSTRAINT timer_of_case UNIQUE (id, case_id);

ALTER TABLE ONLY escrow.timer
    ADD CONSTRAINT timer_pk PRIMARY KEY (id);

ALTER TABLE ONLY escrow.transfer
    ADD CONSTRAINT transfer_credit_key UNIQUE (op, n, credit_chained, amount);

ALTER TABLE ONLY escrow.transfer
    ADD CONSTRAINT transfer_debit_key UNIQUE (op, n, debit_chained, amount);

ALTER TABLE ONLY escrow.transfer
    ADD CONSTRAINT transfer_pk PRIMARY KEY (op, n);

ALTER TABLE ONLY escrow.transfer
    ADD CONSTRAINT transfer_whole_key UNIQUE (op, n, debit, credit, currency, amount);

ALTER TABLE ONLY market.api_token
    ADD CONSTRAINT api_token_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.api_token
    ADD CONSTRAINT api_token_token_sha256_key UNIQUE (token_sha256);

ALTER TABLE ONLY market.application
    ADD CONSTRAINT application_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.authority
    ADD CONSTRAINT authority_pk PRIMARY KEY (public_key);

ALTER TABLE ONLY market.board_order
    ADD CONSTRAINT board_order_pk PRIMARY KEY (id);

ALTER TABLE ONLY market.board_order
    ADD CONSTRAINT board_order_place_in_time UNIQUE (board_id, seq);

ALTER TABLE ONLY market.board
    ADD CONSTRAINT board_pk PRIMARY KEY (id);

ALTER TABLE ONLY market.card_order
    ADD CONSTRAINT card_order_pkey PRIMARY KEY (payment_id);

ALTER TABLE ONLY market.case_evidence_content
    ADD CONSTRAINT case_evidence_content_is_known_by_its_hash UNIQUE (evidence_id, width, sha256);

ALTER TABLE ONLY market.case_evidence_content
    ADD CONSTRAINT case_evidence_content_pkey PRIMARY KEY (evidence_id, width);

ALTER TABLE ONLY market.case_evidence
    ADD CONSTRAINT case_evidence_is_handed_in_once UNIQUE (case_id, author_id, upload_sha256);

ALTER TABLE ONLY market.case_evidence
    ADD CONSTRAINT case_evidence_is_numbered UNIQUE (case_id, author_id, n);

ALTER TABLE ONLY market.case_evidence
    ADD CONSTRAINT case_evidence_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.case_message
    ADD CONSTRAINT case_message_is_numbered UNIQUE (case_id, author_id, n);

ALTER TABLE ONLY market.case_message
    ADD CONSTRAINT case_message_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.category
    ADD CONSTRAINT category_pk PRIMARY KEY (code);

ALTER TABLE ONLY market.certificate
    ADD CONSTRAINT certificate_of_party UNIQUE (serial, party_id);

ALTER TABLE ONLY market.certificate
    ADD CONSTRAINT certificate_pk PRIMARY KEY (serial);

ALTER TABLE ONLY market.clearing
    ADD CONSTRAINT clearing_pk PRIMARY KEY (board_id, n);

ALTER TABLE ONLY market.consignee
    ADD CONSTRAINT consignee_pkey PRIMARY KEY (case_id);

ALTER TABLE ONLY market.consignment
    ADD CONSTRAINT consignment_booking_is_unique UNIQUE (booking_id);

ALTER TABLE ONLY market.consignment
    ADD CONSTRAINT consignment_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.contract_event
    ADD CONSTRAINT contract_event_pk PRIMARY KEY (contract_id, n);

ALTER TABLE ONLY market.contract
    ADD CONSTRAINT contract_of_case UNIQUE (case_id);

ALTER TABLE ONLY market.contract
    ADD CONSTRAINT contract_of_one_origin UNIQUE (origin_kind, origin_ref);

ALTER TABLE ONLY market.contract
    ADD CONSTRAINT contract_pk PRIMARY KEY (id);

ALTER TABLE ONLY market.contract_signature
    ADD CONSTRAINT contract_signature_pk PRIMARY KEY (contract_id, version, role);

ALTER TABLE ONLY market.contract_version
    ADD CONSTRAINT contract_version_bytes UNIQUE (contract_id, n, terms_sha256);

ALTER TABLE ONLY market.contract_version
    ADD CONSTRAINT contract_version_pk PRIMARY KEY (contract_id, n);

ALTER TABLE ONLY market.deal
    ADD CONSTRAINT deal_of_contract UNIQUE (contract_id);

ALTER TABLE ONLY market.deal
    ADD CONSTRAINT deal_pkey PRIMARY KEY (case_id);

ALTER TABLE ONLY market.deal
    ADD CONSTRAINT deal_verification_code_is_unique UNIQUE (verification_code);

ALTER TABLE ONLY market.desk_request
    ADD CONSTRAINT desk_request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.document_delivery
    ADD CONSTRAINT document_delivery_pk PRIMARY KEY (document_id);

ALTER TABLE ONLY market.document_due
    ADD CONSTRAINT document_due_pk PRIMARY KEY (case_id);

ALTER TABLE ONLY market.document
    ADD CONSTRAINT document_once_a_step UNIQUE (step, kind);

ALTER TABLE ONLY market.document
    ADD CONSTRAINT document_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.document
    ADD CONSTRAINT document_reference_is_its_own UNIQUE (reference);

ALTER TABLE ONLY market.exchange
    ADD CONSTRAINT exchange_once UNIQUE (party_id, format, reference);

ALTER TABLE ONLY market.exchange
    ADD CONSTRAINT exchange_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.fee_schedule
    ADD CONSTRAINT fee_schedule_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.fill_given_back
    ADD CONSTRAINT fill_given_back_pk PRIMARY KEY (fill_id);

ALTER TABLE ONLY market.fill
    ADD CONSTRAINT fill_pk PRIMARY KEY (id);

ALTER TABLE ONLY market.fill_to_draw
    ADD CONSTRAINT fill_to_draw_pk PRIMARY KEY (fill_id);

ALTER TABLE ONLY market.formality_paper
    ADD CONSTRAINT formality_paper_bytes UNIQUE (id, sha256);

ALTER TABLE ONLY market.formality_paper_content
    ADD CONSTRAINT formality_paper_content_pk PRIMARY KEY (paper_id);

ALTER TABLE ONLY market.formality_paper
    ADD CONSTRAINT formality_paper_is_handed_in_once UNIQUE (contract_id, n, upload_sha256);

ALTER TABLE ONLY market.formality_paper
    ADD CONSTRAINT formality_paper_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.contract_formality
    ADD CONSTRAINT formality_pk PRIMARY KEY (contract_id, n);

ALTER TABLE ONLY market.hammer
    ADD CONSTRAINT hammer_pkey PRIMARY KEY (lot_id);

ALTER TABLE ONLY market.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (party_id, key);

ALTER TABLE ONLY market.listing
    ADD CONSTRAINT listing_lot_number_unique UNIQUE (sale_id, lot_number) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY market.listing
    ADD CONSTRAINT listing_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.money_batch_item
    ADD CONSTRAINT money_batch_item_once UNIQUE (batch_id, act, subject_id);

ALTER TABLE ONLY market.money_batch_item
    ADD CONSTRAINT money_batch_item_pkey PRIMARY KEY (batch_id, n);

ALTER TABLE ONLY market.money_batch
    ADD CONSTRAINT money_batch_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.negotiation_file
    ADD CONSTRAINT negotiation_file_is_handed_in_once UNIQUE (negotiation_id, author_id, upload_sha256);

ALTER TABLE ONLY market.negotiation_file
    ADD CONSTRAINT negotiation_file_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.negotiation
    ADD CONSTRAINT negotiation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.negotiation_step
    ADD CONSTRAINT negotiation_step_pkey PRIMARY KEY (negotiation_id, n);

ALTER TABLE ONLY market.notice
    ADD CONSTRAINT notice_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.office
    ADD CONSTRAINT office_pk PRIMARY KEY (id);

ALTER TABLE ONLY market.officer_key
    ADD CONSTRAINT officer_key_pk PRIMARY KEY (id);

ALTER TABLE ONLY market.application
    ADD CONSTRAINT one_application_a_lot UNIQUE (lot_id, party_id);

ALTER TABLE ONLY market.one_time_secret
    ADD CONSTRAINT one_time_secret_pkey PRIMARY KEY (party_id);

ALTER TABLE ONLY market.partner
    ADD CONSTRAINT partner_code_is_its_own UNIQUE (agency, code);

ALTER TABLE ONLY market.partner
    ADD CONSTRAINT partner_pk PRIMARY KEY (party_id);

ALTER TABLE ONLY market.party
    ADD CONSTRAINT party_email_is_unique UNIQUE (email);

ALTER TABLE ONLY market.party
    ADD CONSTRAINT party_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.party_trait
    ADD CONSTRAINT party_trait_pk PRIMARY KEY (party_id, kind, fingerprint);

ALTER TABLE ONLY market.passkey
    ADD CONSTRAINT passkey_once UNIQUE (credential_id);

ALTER TABLE ONLY market.passkey
    ADD CONSTRAINT passkey_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.phone_request
    ADD CONSTRAINT phone_request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.photo
    ADD CONSTRAINT photo_has_its_own_place UNIQUE (listing_id, "position") DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY market.photo
    ADD CONSTRAINT photo_is_new_to_the_listing UNIQUE (listing_id, sha256);

ALTER TABLE ONLY market.photo
    ADD CONSTRAINT photo_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.photo_size
    ADD CONSTRAINT photo_size_pkey PRIMARY KEY (photo_id, width);

ALTER TABLE ONLY market.post
    ADD CONSTRAINT post_pk PRIMARY KEY (id);

ALTER TABLE ONLY market.post_version
    ADD CONSTRAINT post_version_pk PRIMARY KEY (post_id, version);

ALTER TABLE ONLY market.released_share
    ADD CONSTRAINT released_share_pk PRIMARY KEY (lot_id, number);

ALTER TABLE ONLY market.revocation_list
    ADD CONSTRAINT revocation_list_pk PRIMARY KEY (authority, number);

ALTER TABLE ONLY market.revocation
    ADD CONSTRAINT revocation_pk PRIMARY KEY (serial);

ALTER TABLE ONLY market.sale
    ADD CONSTRAINT sale_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.saved_search
    ADD CONSTRAINT saved_search_once UNIQUE (party_id, query);

ALTER TABLE ONLY market.saved_search
    ADD CONSTRAINT saved_search_pk PRIMARY KEY (id);

ALTER TABLE ONLY market.sealing
    ADD CONSTRAINT sealing_pk PRIMARY KEY (lot_id);

ALTER TABLE ONLY market.sealing_share
    ADD CONSTRAINT sealing_share_one_for_each_officer UNIQUE (lot_id, officer_id);

ALTER TABLE ONLY market.sealing_share
    ADD CONSTRAINT sealing_share_pk PRIMARY KEY (lot_id, number);

ALTER TABLE ONLY market.search_hit
    ADD CONSTRAINT search_hit_pk PRIMARY KEY (search_id, post_id);

ALTER TABLE ONLY market.second_chance
    ADD CONSTRAINT second_chance_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.seller_link
    ADD CONSTRAINT seller_link_once UNIQUE (seller_id, bidder_id, kind);

ALTER TABLE ONLY market.seller_link
    ADD CONSTRAINT seller_link_pk PRIMARY KEY (id);

ALTER TABLE ONLY market.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (id);

ALTER TABLE ONLY market.session
    ADD CONSTRAINT session_token_sha256_key UNIQUE (token_sha256);

ALTER TABLE ONLY market.sign_in_link
    ADD CONSTRAINT sign_in_link_pkey PRIMARY KEY (token_sha256);

ALTER TABLE ONLY market.tracking_event
    ADD CONSTRAINT tracking_event_once PRIMARY KEY (consignment_id, carrier_id);

ALTER TABLE ONLY market.trade_print
    ADD CONSTRAINT trade_print_once UNIQUE (source, ref);

ALTER TABLE ONLY market.trade_print
    ADD CONSTRAINT trade_print_pk PRIMARY KEY (id);

ALTER TABLE ONLY market.watch
    ADD CONSTRAINT watch_pk PRIMARY KEY (party_id, lot_id);

ALTER TABLE ONLY public.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (number);

ALTER TABLE ONLY vault.bank_key
    ADD CONSTRAINT bank_key_pk PRIMARY KEY (single_row);

ALTER TABLE ONLY vault.card
    ADD CONSTRAINT card_pk PRIMARY KEY (id);

ALTER TABLE ONLY vault.identity
    ADD CONSTRAINT identity_pk PRIMARY KEY (wallet_id);

ALTER TABLE ONLY vault.protection
    ADD CONSTRAINT protection_credential_once UNIQUE (wallet_id, credential_id);

ALTER TABLE ONLY vault.protection
    ADD CONSTRAINT protection_pk PRIMARY KEY (id);

ALTER TABLE ONLY vault.signed_payment
    ADD CONSTRAINT signed_payment_pk PRIMARY KEY (payment_id);

ALTER TABLE ONLY vault.wallet
    ADD CONSTRAINT wallet_one_a_party UNIQUE (party_id);

ALTER TABLE ONLY vault.wallet
    ADD CONSTRAINT wallet_pk PRIMARY KEY (id);

CREATE INDEX admission_by_party ON auction.admission USING btree (party_id, lot_id);

CREATE INDEX retraction_by_lot ON auction.retraction USING btree (lot_id, party_id);

CREATE INDEX sale_lot_by_sale ON auction.sale_lot USING btree (sale_id, lot_id);

CREATE UNIQUE INDEX signed_head_final ON auction.signed_head USING btree (lot_id) WHERE (root IS NOT NULL);

CREATE INDEX standing_open ON auction.standing USING btree (lot_id) WHERE (outcome IS NULL);

CREATE INDEX card_movement_of_card ON bank.card_movement USING btree (card_id, currency, id DESC);

CREATE INDEX card_payment_latest ON bank.card_payment USING btree (received_at DESC);

CREATE INDEX card_payment_to_settle ON bank.card_payment USING btree (captured_at) WHERE ((state = 'captured'::text) AND (settlement_id IS NULL));

CREATE UNIQUE INDEX chargeback_one_open ON bank.chargeback USING btree (payment_id) WHERE (state = 'open'::text);

CREATE INDEX fault_pending ON bank.fault USING btree (id) WHERE (remaining > 0);

CREATE INDEX movement_of_account ON bank.movement USING btree (number, id DESC);

CREATE INDEX outbox_undelivered ON bank.outbox USING btree (try_at) WHERE (delivered_at IS NULL);

CREATE INDEX transfer_latest ON bank.transfer USING btree (booked_at DESC);

CREATE INDEX account_receivable ON escrow.account USING btree (owner_id) WHERE (kind = 'receivable'::text);

CREATE UNIQUE INDEX bank_account_current ON escrow.bank_account USING btree (party_id) WHERE (replaced_at IS NULL);

CREATE INDEX bank_notice_received ON escrow.bank_notice USING btree (received_at);

CREATE UNIQUE INDEX bank_notice_reverses_once ON escrow.bank_notice USING btree (((body ->> 'reference'::text))) WHERE ((kind = 'transfer.reversed'::text) AND (outcome = 'transfer_reversed'::text));

CREATE INDEX bank_notice_told_early ON escrow.bank_notice USING btree (((body ->> 'reference'::text))) WHERE ((kind = 'transfer.reversed'::text) AND (outcome = 'ignored'::text));

CREATE INDEX bank_statement_by_period ON escrow.bank_statement USING btree (account, to_at DESC, part DESC);

CREATE UNIQUE INDEX card_difference_of_line_once ON escrow.card_difference USING btree (file_id, line) WHERE (file_id IS NOT NULL);

CREATE UNIQUE INDEX card_difference_of_payment_once ON escrow.card_difference USING btree (payment_id, kind) WHERE (file_id IS NULL);

CREATE INDEX card_difference_open ON escrow.card_difference USING btree (found_at) WHERE (explained_at IS NULL);

CREATE INDEX card_payment_by_party ON escrow.card_payment USING btree (party_id, began_at DESC);

CREATE INDEX card_payment_by_target ON escrow.card_payment USING btree (purpose, target_id, began_at DESC);

CREATE UNIQUE INDEX card_payment_captured_once ON escrow.card_payment USING btree (purpose, target_id) WHERE ((purpose = ANY (ARRAY['case'::text, 'deposit'::text])) AND (state = 'captured'::text));

CREATE INDEX card_payment_due ON escrow.card_payment USING btree (try_at) WHERE (try_at IS NOT NULL);

CREATE UNIQUE INDEX card_payment_one_running ON escrow.card_payment USING btree (purpose, target_id) WHERE ((purpose = ANY (ARRAY['case'::text, 'deposit'::text])) AND (state = ANY (ARRAY['prepared'::text, 'authorising'::text, 'unknown'::text, 'authorised'::text])));

CREATE INDEX card_payment_unsettled ON escrow.card_payment USING btree (state_since) WHERE ((state = 'captured'::text) AND (settled_file IS NULL));

CREATE INDEX card_settlement_line_of_payment ON escrow.card_settlement_line USING btree (payment_id);

CREATE INDEX change_move_by_party ON escrow.change_move USING btree (party_id, id DESC);

CREATE INDEX chargeback_answer_due ON escrow.chargeback_answer USING btree (try_at) WHERE (try_at IS NOT NULL);

CREATE INDEX chargeback_by_case ON escrow.chargeback USING btree (case_id, id);

CREATE INDEX chargeback_by_payer ON escrow.chargeback USING btree (payer_id, id) WHERE (payer_id IS NOT NULL);

CREATE INDEX chargeback_of_payment ON escrow.chargeback USING btree (payment_reference);

CREATE UNIQUE INDEX chargeback_one_running ON escrow.chargeback USING btree (payment_reference) WHERE (state = 'open'::text);

CREATE INDEX cheque_by_payee ON escrow.cheque USING btree (payee_id, id DESC);

CREATE INDEX cheque_by_writer ON escrow.cheque USING btree (writer_id, id DESC);

CREATE INDEX cheque_running ON escrow.cheque USING btree (expires_at) WHERE (state = 'written'::text);

CREATE INDEX claim_holds ON escrow.claim USING btree (account) INCLUDE (amount_minor) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX day_close_one_first ON escrow.day_close USING btree ((true)) WHERE (previous_day IS NULL);

CREATE INDEX deposit_by_party ON escrow.deposit USING btree (party_id, id DESC);

CREATE INDEX deposit_by_subject ON escrow.deposit USING btree (subject, party_id);

CREATE UNIQUE INDEX deposit_one_running ON escrow.deposit USING btree (subject, party_id) WHERE (state = ANY (ARRAY['requested'::text, 'held'::text]));

CREATE INDEX escrow_case_by_buyer ON escrow.escrow_case USING btree (buyer_id, id DESC);

CREATE INDEX escrow_case_by_parent ON escrow.escrow_case USING btree (parent_id, id) WHERE (parent_id IS NOT NULL);

CREATE INDEX escrow_case_by_seller ON escrow.escrow_case USING btree (seller_id, id DESC);

CREATE INDEX escrow_case_by_subject ON escrow.escrow_case USING btree (subject, id DESC);

CREATE INDEX escrow_case_disputed ON escrow.escrow_case USING btree (state, id) WHERE (state = ANY (ARRAY['claimed'::text, 'returning'::text, 'arbitration'::text, 'ruled'::text]));

CREATE UNIQUE INDEX escrow_case_one_running ON escrow.escrow_case USING btree (subject) WHERE ((state <> ALL (ARRAY['defaulted'::text, 'cancelled'::text, 'refunded'::text])) AND (parent_id IS NULL));

CREATE INDEX op_at ON escrow.op USING brin (at) WITH (autosummarize=off, pages_per_range='32');

CREATE INDEX op_subject ON escrow.op USING btree (subject);

CREATE INDEX payout_batch_unsent ON escrow.payout_batch USING btree (try_at) WHERE (sent_at IS NULL);

CREATE INDEX payout_by_party ON escrow.payout USING btree (party_id, id DESC);

CREATE UNIQUE INDEX payout_once_a_case ON escrow.payout USING btree (case_id, purpose) WHERE ((state <> 'returned'::text) AND (purpose <> 'chargeback'::text));

CREATE UNIQUE INDEX payout_once_a_quarantine ON escrow.payout USING btree (quarantine_id) WHERE (state <> 'returned'::text);

CREATE INDEX payout_running ON escrow.payout USING btree (id) WHERE (state = ANY (ARRAY['waiting_account'::text, 'queued'::text, 'sent'::text]));

CREATE INDEX quarantine_open ON escrow.quarantine USING btree (id) WHERE (state = ANY (ARRAY['open'::text, 'returning'::text]));

CREATE INDEX reserve_hold_due ON escrow.reserve_hold USING btree (try_at) WHERE (freed_at IS NULL);

CREATE INDEX reserve_hold_of_party ON escrow.reserve_hold USING btree (party_id, currency) WHERE (freed_at IS NULL);

CREATE UNIQUE INDEX ruling_once_an_arbiter ON escrow.ruling USING btree (claim_id, arbiter_id) WHERE (declined_at IS NULL);

CREATE UNIQUE INDEX statement_entry_matched_once ON escrow.statement_entry USING btree (matched_kind, matched_id) WHERE (state = 'matched'::text);

CREATE INDEX statement_entry_of_statement ON escrow.statement_entry USING btree (statement, id);

CREATE INDEX statement_entry_open ON escrow.statement_entry USING btree (booked_at, id) WHERE (state = 'open'::text);

CREATE INDEX timer_due ON escrow.timer USING btree (try_at) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX timer_one_running ON escrow.timer USING btree (case_id) WHERE (ended_at IS NULL);

CREATE INDEX transfer_hot_credit ON escrow.transfer USING btree (credit, tx) WHERE (credit_mode = 'H'::text);

CREATE INDEX transfer_hot_debit ON escrow.transfer USING btree (debit, tx) WHERE (debit_mode = 'H'::text);

CREATE UNIQUE INDEX transfer_reversed_once ON escrow.transfer USING btree (reverses_op, reverses_n) WHERE (reverses_op IS NOT NULL);

CREATE INDEX api_token_party ON market.api_token USING btree (party_id);

CREATE INDEX application_of_party ON market.application USING btree (party_id, lot_id);

CREATE INDEX application_rests ON market.application USING btree (party_id, lot_id) WHERE (rests_since IS NOT NULL);

CREATE INDEX application_to_decide ON market.application USING btree (applied_at) WHERE (state = 'applied'::text);

CREATE INDEX audit_actor ON market.audit USING btree (actor_id, id);

CREATE INDEX audit_subject ON market.audit USING btree (subject, id);

CREATE INDEX board_due ON market.board USING btree (next_at) WHERE ((state = 'open'::text) AND (mode = 'call'::text));

CREATE INDEX board_order_conditional ON market.board_order USING btree (board_id) WHERE ((state = 'open'::text) AND (minimum > 1));

CREATE INDEX board_order_live ON market.board_order USING btree (board_id, seq) WHERE (state = 'open'::text);

CREATE INDEX board_order_live_of_party ON market.board_order USING btree (board_id, party_id, side) WHERE (state = 'open'::text);

CREATE INDEX board_order_of_party ON market.board_order USING btree (party_id, id DESC);

CREATE UNIQUE INDEX board_order_one_live_of_a_post ON market.board_order USING btree (post_id) WHERE (state = 'open'::text);

CREATE INDEX board_order_to_lapse ON market.board_order USING btree (board_id, good_until) WHERE (state = 'open'::text);

CREATE INDEX card_order_of_case ON market.card_order USING btree (case_id) WHERE (case_id IS NOT NULL);

CREATE INDEX card_order_of_party ON market.card_order USING btree (party_id, ordered_at DESC);

CREATE INDEX certificate_by_party ON market.certificate USING btree (party_id, issued_at DESC);

CREATE INDEX consignment_by_case ON market.consignment USING btree (case_id, id);

CREATE INDEX consignment_by_shipped_case ON market.consignment USING btree (shipped_case_id) WHERE (shipped_case_id IS NOT NULL);

CREATE INDEX consignment_by_state ON market.consignment USING btree (state, moved_at);

CREATE UNIQUE INDEX consignment_number ON market.consignment USING btree (carrier, tracking_number);

CREATE INDEX consignment_to_ask ON market.consignment USING btree (ask_again_at) WHERE (ask_again_at IS NOT NULL);

CREATE INDEX consignment_to_collect ON market.consignment USING btree (case_id) WHERE ((state = ANY (ARRAY['booked'::text, 'confirmed'::text])) AND (call_off_at IS NULL) AND (shipped_case_id IS NULL));

CREATE INDEX contract_by_buyer ON market.contract USING btree (buyer_id, id DESC);

CREATE INDEX contract_by_seller ON market.contract USING btree (seller_id, id DESC);

CREATE INDEX contract_to_sign ON market.contract USING btree (sign_by) WHERE (state = 'awaiting_signatures'::text);

CREATE INDEX deal_by_buyer ON market.deal USING btree (buyer_id, case_id DESC);

CREATE INDEX deal_by_lot ON market.deal USING btree (lot_id, case_id DESC);

CREATE INDEX deal_by_seller ON market.deal USING btree (seller_id, case_id DESC);

CREATE INDEX delivery_by_party ON market.document_delivery USING btree (party_id, document_id DESC);

CREATE INDEX delivery_due ON market.document_delivery USING btree (try_at) WHERE ((state = 'queued'::text) AND (channel <> 'queue'::text));

CREATE INDEX delivery_to_remind ON market.document_delivery USING btree (remind_at) WHERE ((state = 'sent'::text) AND (remind_at IS NOT NULL));

CREATE INDEX delivery_waiting ON market.document_delivery USING btree (party_id, try_at, document_id) WHERE ((state = 'queued'::text) AND (channel <> 'queue'::text));

CREATE INDEX desk_request_waiting ON market.desk_request USING btree (lot_id) WHERE (confirmed_at IS NULL);

CREATE INDEX document_by_case ON market.document USING btree (case_id) WHERE (case_id IS NOT NULL);

CREATE INDEX document_by_contract ON market.document USING btree (contract_id) WHERE (contract_id IS NOT NULL);

CREATE INDEX document_by_issuer ON market.document USING btree (issuer_id, id DESC);

CREATE INDEX document_by_negotiation ON market.document USING btree (negotiation_id) WHERE (negotiation_id IS NOT NULL);

CREATE INDEX document_by_number ON market.document USING btree (number, kind);

CREATE INDEX document_by_recipient ON market.document USING btree (recipient_id, id DESC);

CREATE INDEX document_due_at ON market.document_due USING btree (due_at, case_id);

CREATE INDEX edi_consent_by_other ON market.edi_consent USING btree (other_id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX edi_consent_once ON market.edi_consent USING btree (party_id, other_id) WHERE (ended_at IS NULL);

CREATE INDEX exchange_by_case ON market.exchange USING btree (case_id) WHERE (case_id IS NOT NULL);

CREATE INDEX exchange_by_contract ON market.exchange USING btree (contract_id) WHERE (contract_id IS NOT NULL);

CREATE INDEX exchange_by_negotiation ON market.exchange USING btree (negotiation_id) WHERE (negotiation_id IS NOT NULL);

CREATE INDEX exchange_by_party ON market.exchange USING btree (party_id, id DESC);

CREATE INDEX fee_schedule_in_force ON market.fee_schedule USING btree (market, valid_from DESC) WHERE (confirmed_at IS NOT NULL);

CREATE INDEX fill_of_board ON market.fill USING btree (board_id, id DESC);

CREATE INDEX fill_of_demand ON market.fill USING btree (demand_id);

CREATE INDEX fill_of_supply ON market.fill USING btree (supply_id);

CREATE INDEX fill_to_draw_in_turn ON market.fill_to_draw USING btree (place, fill_id);

CREATE INDEX fill_to_draw_of_board ON market.fill_to_draw USING btree (board_id);

CREATE INDEX formality_of_officer ON market.contract_formality USING btree (officer_id) WHERE (officer_id IS NOT NULL);

CREATE INDEX listing_of_seller ON market.listing USING btree (seller_id, updated_at DESC);

CREATE INDEX listing_on_show ON market.listing USING btree (starts_at, id) WHERE (state = 'approved'::text);

CREATE INDEX listing_relisted ON market.listing USING btree (relist_of) WHERE (relist_of IS NOT NULL);

CREATE INDEX listing_search ON market.listing USING gin (search) WHERE (state = 'approved'::text);

CREATE INDEX listing_to_approve ON market.listing USING btree (submitted_at) WHERE (state = 'submitted'::text);

CREATE INDEX money_batch_by_asker ON market.money_batch USING btree (asked_by, asked_at);

CREATE INDEX money_batch_waiting ON market.money_batch USING btree (id) WHERE (state = 'waiting'::text);

CREATE UNIQUE INDEX negotiation_accepted_once ON market.negotiation_step USING btree (negotiation_id) WHERE (kind = 'acceptance'::text);

CREATE UNIQUE INDEX negotiation_answered_once ON market.negotiation_step USING btree (negotiation_id, answers) WHERE (answers IS NOT NULL);

CREATE INDEX negotiation_by_buyer ON market.negotiation USING btree (buyer_id, moved_at DESC);

CREATE INDEX negotiation_by_seller ON market.negotiation USING btree (seller_id, moved_at DESC);

CREATE INDEX negotiation_due ON market.negotiation USING btree (lapses_at) WHERE (lapses_at IS NOT NULL);

CREATE INDEX negotiation_file_by_step ON market.negotiation_file USING btree (negotiation_id, n);

CREATE UNIQUE INDEX negotiation_one_of_a_contract ON market.negotiation USING btree (contract_id);

CREATE UNIQUE INDEX negotiation_one_open ON market.negotiation USING btree (post_id, opener_id) WHERE (state = 'open'::text);

CREATE INDEX notice_party ON market.notice USING btree (party_id, id DESC);

CREATE INDEX notice_unread ON market.notice USING btree (party_id) WHERE (read_at IS NULL);

CREATE UNIQUE INDEX office_held_once ON market.office USING btree (party_id, kind) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX officer_key_in_use ON market.officer_key USING btree (party_id) WHERE (replaced_at IS NULL);

CREATE INDEX party_trait_shared ON market.party_trait USING btree (kind, fingerprint);

CREATE INDEX passkey_of_party ON market.passkey USING btree (party_id) WHERE (removed_at IS NULL);

CREATE INDEX phone_request_of_party ON market.phone_request USING btree (party_id, id DESC);

CREATE UNIQUE INDEX phone_request_one_running ON market.phone_request USING btree (case_id) WHERE (ended_at IS NULL);

CREATE INDEX post_attributes ON market.post USING gin (attributes jsonb_path_ops) WHERE (state = 'open'::text);

CREATE INDEX post_by_delivery ON market.post USING btree (delivery_from, id) WHERE (state = 'open'::text);

CREATE INDEX post_by_price ON market.post USING btree (currency, price_minor, id) WHERE (state = 'open'::text);

CREATE INDEX post_listed ON market.post USING btree (listed_at DESC, id) WHERE (state = 'open'::text);

CREATE INDEX post_moved ON market.post USING btree (category, moved_at DESC);

CREATE INDEX post_of_category ON market.post USING btree (category, listed_at DESC, id) WHERE (state = 'open'::text);

CREATE INDEX post_of_party ON market.post USING btree (party_id, posted_at DESC);

CREATE INDEX post_search ON market.post USING gin (search) WHERE (state = 'open'::text);

CREATE INDEX post_to_lapse ON market.post USING btree (valid_until, id) WHERE (state = 'open'::text);

CREATE INDEX post_to_tell ON market.post USING btree (shown_at) WHERE (told_at IS NULL);

CREATE INDEX saved_search_asked ON market.saved_search USING btree (category, side) WHERE alerts;

CREATE INDEX search_hit_to_tell ON market.search_hit USING btree (search_id) WHERE (told_at IS NULL);

CREATE INDEX second_chance_by_party ON market.second_chance USING btree (party_id, id DESC);

CREATE INDEX second_chance_due ON market.second_chance USING btree (expires_at) WHERE (state = 'offered'::text);

CREATE UNIQUE INDEX second_chance_once_each ON market.second_chance USING btree (lot_id, party_id);

CREATE UNIQUE INDEX second_chance_one_running ON market.second_chance USING btree (lot_id) WHERE (state = 'offered'::text);

CREATE INDEX seller_link_of_bidder ON market.seller_link USING btree (bidder_id);

CREATE INDEX seller_link_to_decide ON market.seller_link USING btree (found_at) WHERE (state = 'flagged'::text);

CREATE INDEX session_party ON market.session USING btree (party_id);

CREATE INDEX tracking_event_in_order ON market.tracking_event USING btree (consignment_id, at);

CREATE INDEX trade_print_of_category ON market.trade_print USING btree (category, traded_at DESC) WHERE (struck_at IS NULL);

CREATE INDEX card_of_wallet ON vault.card USING btree (wallet_id, added_at);

CREATE UNIQUE INDEX protection_one_passphrase ON vault.protection USING btree (wallet_id) WHERE (kind = 'passphrase'::text);

CREATE TRIGGER bid_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON auction.bid FOR EACH STATEMENT EXECUTE FUNCTION auction.refuse_rewrite();

CREATE TRIGGER event_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON auction.event FOR EACH STATEMENT EXECUTE FUNCTION auction.refuse_rewrite();

CREATE TRIGGER event_chain AFTER INSERT ON auction.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION auction.event_chain_holds();

CREATE TRIGGER lot_fixed BEFORE UPDATE ON auction.lot FOR EACH ROW EXECUTE FUNCTION auction.lot_is_fixed();

CREATE TRIGGER lot_never_deleted BEFORE DELETE OR TRUNCATE ON auction.lot FOR EACH STATEMENT EXECUTE FUNCTION auction.refuse_rewrite();

CREATE TRIGGER retraction_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON auction.retraction FOR EACH STATEMENT EXECUTE FUNCTION auction.refuse_rewrite();

CREATE TRIGGER signed_head_agrees BEFORE INSERT ON auction.signed_head FOR EACH ROW EXECUTE FUNCTION auction.signed_head_agrees_with_log();

CREATE TRIGGER signed_head_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON auction.signed_head FOR EACH STATEMENT EXECUTE FUNCTION auction.refuse_rewrite();

CREATE TRIGGER signing_key_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON auction.signing_key FOR EACH STATEMENT EXECUTE FUNCTION auction.refuse_rewrite();

CREATE TRIGGER standing_agrees_on_insert AFTER INSERT ON auction.standing REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION auction.standing_agrees_with_log();

CREATE TRIGGER standing_agrees_on_update AFTER UPDATE ON auction.standing REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION auction.standing_agrees_with_log();

CREATE TRIGGER standing_forward BEFORE UPDATE ON auction.standing FOR EACH ROW WHEN (((old.outcome IS NOT NULL) OR (new.version <> (old.version + 1)) OR (new.lot_id <> old.lot_id) OR (new.seq < old.seq) OR (new.price_moves <> old.price_moves) OR (new.retraction_count < old.retraction_count) OR ((new.ends_at < old.ends_at) AND ((new.phase <> 'decided'::text) OR (old.phase = 'decided'::text))) OR ((new.price_moves = 'up'::text) AND (new.retraction_count = old.retraction_count) AND ((new.price_minor < old.price_minor) OR ((new.price_minor IS NULL) AND (old.price_minor IS NOT NULL)))) OR ((new.price_moves = 'down'::text) AND ((new.price_minor > old.price_minor) OR ((new.price_minor IS NULL) AND (old.price_minor IS NOT NULL)))))) EXECUTE FUNCTION auction.standing_moves_forward();

CREATE TRIGGER standing_never_deleted BEFORE DELETE OR TRUNCATE ON auction.standing FOR EACH STATEMENT EXECUTE FUNCTION auction.refuse_rewrite();

CREATE TRIGGER account_is_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON escrow.account FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change();

ALTER TABLE escrow.account ENABLE ALWAYS TRIGGER account_is_immutable;

CREATE TRIGGER balance_is_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON escrow.balance FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change();

ALTER TABLE escrow.balance ENABLE ALWAYS TRIGGER balance_is_immutable;

CREATE TRIGGER bank_statement_is_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON escrow.bank_statement FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change();

ALTER TABLE escrow.bank_statement ENABLE ALWAYS TRIGGER bank_statement_is_immutable;

CREATE TRIGGER book_entry_ends_waiting AFTER INSERT ON escrow.book_entry REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION escrow.entry_stands();

ALTER TABLE escrow.book_entry ENABLE ALWAYS TRIGGER book_entry_ends_waiting;

CREATE TRIGGER book_entry_is_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON escrow.book_entry FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change();

ALTER TABLE escrow.book_entry ENABLE ALWAYS TRIGGER book_entry_is_immutable;

CREATE TRIGGER book_head_is_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON escrow.book_head FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change();

ALTER TABLE escrow.book_head ENABLE ALWAYS TRIGGER book_head_is_immutable;

CREATE TRIGGER book_node_is_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON escrow.book_node FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change();

ALTER TABLE escrow.book_node ENABLE ALWAYS TRIGGER book_node_is_immutable;

CREATE TRIGGER case_event_is_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON escrow.case_event FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change();

ALTER TABLE escrow.case_event ENABLE ALWAYS TRIGGER case_event_is_immutable;

CREATE TRIGGER claim_holds_the_money AFTER INSERT ON escrow.balance REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION escrow.claim_holds_the_money();

ALTER TABLE escrow.balance ENABLE ALWAYS TRIGGER claim_holds_the_money;

CREATE TRIGGER claim_takes_hold AFTER INSERT ON escrow.claim FOR EACH ROW EXECUTE FUNCTION escrow.claim_takes_hold();

CREATE TRIGGER currency_is_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON escrow.currency FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change();

ALTER TABLE escrow.currency ENABLE ALWAYS TRIGGER currency_is_immutable;

CREATE TRIGGER day_close_is_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON escrow.day_close FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change();

ALTER TABLE escrow.day_close ENABLE ALWAYS TRIGGER day_close_is_immutable;

CREATE TRIGGER op_awaits_entry AFTER INSERT ON escrow.op REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION escrow.await_entry();

ALTER TABLE escrow.op ENABLE ALWAYS TRIGGER op_awaits_entry;

CREATE TRIGGER op_is_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON escrow.op FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change();

ALTER TABLE escrow.op ENABLE ALWAYS TRIGGER op_is_immutable;

CREATE TRIGGER payout_wakes_clock AFTER INSERT OR UPDATE ON escrow.payout FOR EACH STATEMENT EXECUTE FUNCTION escrow.wake_clock();

CREATE TRIGGER reserve_hold_wakes_clock AFTER INSERT ON escrow.reserve_hold FOR EACH STATEMENT EXECUTE FUNCTION escrow.wake_clock();

CREATE TRIGGER timer_wakes_clock AFTER INSERT ON escrow.timer FOR EACH STATEMENT EXECUTE FUNCTION escrow.wake_clock();

CREATE TRIGGER transfer_is_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON escrow.transfer FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change();

ALTER TABLE escrow.transfer ENABLE ALWAYS TRIGGER transfer_is_immutable;

CREATE TRIGGER approved_listing_stays BEFORE UPDATE ON market.listing FOR EACH ROW EXECUTE FUNCTION market.approved_listing_stays();

CREATE TRIGGER audit_is_append_only BEFORE DELETE OR UPDATE ON market.audit FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON market.audit FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER authority_is_append_only BEFORE DELETE OR UPDATE ON market.authority FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER authority_is_never_emptied BEFORE TRUNCATE ON market.authority FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER case_evidence_content_is_append_only BEFORE DELETE OR UPDATE ON market.case_evidence_content FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER case_evidence_content_is_never_emptied BEFORE TRUNCATE ON market.case_evidence_content FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER case_evidence_is_append_only BEFORE DELETE OR UPDATE ON market.case_evidence FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER case_evidence_is_never_emptied BEFORE TRUNCATE ON market.case_evidence FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER case_message_is_append_only BEFORE DELETE OR UPDATE ON market.case_message FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER case_message_is_never_emptied BEFORE TRUNCATE ON market.case_message FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER certificate_is_append_only BEFORE DELETE OR UPDATE ON market.certificate FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER certificate_is_never_emptied BEFORE TRUNCATE ON market.certificate FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER clearing_is_append_only BEFORE DELETE OR UPDATE ON market.clearing FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE CONSTRAINT TRIGGER clearing_is_its_fills AFTER INSERT ON market.clearing DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION market.clearing_is_its_fills();

CREATE TRIGGER contract_event_is_append_only BEFORE DELETE OR UPDATE ON market.contract_event FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER contract_event_is_never_emptied BEFORE TRUNCATE ON market.contract_event FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER contract_signature_is_append_only BEFORE DELETE OR UPDATE ON market.contract_signature FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER contract_signature_is_never_emptied BEFORE TRUNCATE ON market.contract_signature FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER contract_version_is_append_only BEFORE DELETE OR UPDATE ON market.contract_version FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER contract_version_is_never_emptied BEFORE TRUNCATE ON market.contract_version FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER deal_has_documents AFTER INSERT ON market.deal FOR EACH ROW WHEN ((new.lot_id IS NOT NULL)) EXECUTE FUNCTION market.have_documents_made();

CREATE TRIGGER deal_is_append_only BEFORE DELETE OR UPDATE ON market.deal FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER deal_is_never_emptied BEFORE TRUNCATE ON market.deal FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER document_is_append_only BEFORE DELETE OR UPDATE ON market.document FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER document_is_never_emptied BEFORE TRUNCATE ON market.document FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER exchange_is_append_only BEFORE DELETE OR UPDATE ON market.exchange FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER exchange_is_never_emptied BEFORE TRUNCATE ON market.exchange FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER fill_given_back_is_append_only BEFORE DELETE OR UPDATE ON market.fill_given_back FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER fill_is_append_only BEFORE DELETE OR UPDATE ON market.fill FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER fill_is_drawn_or_given_back AFTER DELETE ON market.fill_to_draw REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION market.fill_is_drawn_or_given_back();

CREATE TRIGGER fill_is_to_be_drawn AFTER INSERT ON market.fill REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION market.fill_is_to_be_drawn();

CREATE TRIGGER fill_moves_orders AFTER INSERT ON market.fill REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION market.fill_moves_orders();

CREATE TRIGGER fill_to_draw_is_never_emptied BEFORE TRUNCATE ON market.fill_to_draw FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER formality_paper_content_is_append_only BEFORE DELETE OR UPDATE ON market.formality_paper_content FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER formality_paper_content_is_never_emptied BEFORE TRUNCATE ON market.formality_paper_content FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER formality_paper_is_append_only BEFORE DELETE OR UPDATE ON market.formality_paper FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER formality_paper_is_never_emptied BEFORE TRUNCATE ON market.formality_paper FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER negotiation_file_is_append_only BEFORE DELETE OR UPDATE ON market.negotiation_file FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER negotiation_file_is_never_emptied BEFORE TRUNCATE ON market.negotiation_file FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER negotiation_step_is_append_only BEFORE DELETE OR UPDATE ON market.negotiation_step FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER negotiation_step_is_never_emptied BEFORE TRUNCATE ON market.negotiation_step FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER post_version_is_append_only BEFORE DELETE OR UPDATE ON market.post_version FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER revocation_is_append_only BEFORE DELETE OR UPDATE ON market.revocation FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER revocation_is_never_emptied BEFORE TRUNCATE ON market.revocation FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER revocation_list_is_append_only BEFORE DELETE OR UPDATE ON market.revocation_list FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER revocation_list_is_never_emptied BEFORE TRUNCATE ON market.revocation_list FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER role_change_is_told AFTER UPDATE OF roles, disabled_at ON market.party FOR EACH ROW WHEN (((new.roles IS DISTINCT FROM old.roles) OR (new.disabled_at IS DISTINCT FROM old.disabled_at))) EXECUTE FUNCTION market.tell_of_access();

CREATE TRIGGER sealing_fixed BEFORE INSERT OR DELETE OR UPDATE ON market.sealing FOR EACH ROW EXECUTE FUNCTION market.sealing_is_fixed();

CREATE TRIGGER sealing_share_fixed BEFORE INSERT OR DELETE OR UPDATE ON market.sealing_share FOR EACH ROW EXECUTE FUNCTION market.sealing_is_fixed();

CREATE TRIGGER session_end_is_told AFTER DELETE ON market.session FOR EACH ROW EXECUTE FUNCTION market.tell_of_access();

CREATE TRIGGER share_waits BEFORE INSERT OR UPDATE ON market.released_share FOR EACH ROW EXECUTE FUNCTION market.share_waits_for_the_opening();

CREATE TRIGGER token_end_is_told AFTER UPDATE OF revoked_at ON market.api_token FOR EACH ROW WHEN (((new.revoked_at IS NOT NULL) AND (old.revoked_at IS NULL))) EXECUTE FUNCTION market.tell_of_access();

CREATE TRIGGER tracking_event_is_append_only BEFORE DELETE OR UPDATE ON market.tracking_event FOR EACH ROW EXECUTE FUNCTION market.refuse_change();

CREATE TRIGGER tracking_event_is_never_emptied BEFORE TRUNCATE ON market.tracking_event FOR EACH STATEMENT EXECUTE FUNCTION market.refuse_change();

ALTER TABLE ONLY auction.admission
    ADD CONSTRAINT admission_of_a_lot FOREIGN KEY (lot_id) REFERENCES auction.lot(id);

ALTER TABLE ONLY auction.retraction
    ADD CONSTRAINT retraction_of_a_bid FOREIGN KEY (party_id, client_bid_id) REFERENCES auction.bid(party_id, client_bid_id);

ALTER TABLE ONLY auction.retraction
    ADD CONSTRAINT retraction_of_a_lot FOREIGN KEY (lot_id) REFERENCES auction.lot(id);

ALTER TABLE ONLY auction.retraction
    ADD CONSTRAINT retraction_with_a_bid FOREIGN KEY (party_id, with_bid) REFERENCES auction.retraction(party_id, client_bid_id);

ALTER TABLE ONLY auction.sale_lot
    ADD CONSTRAINT sale_lot_of_a_lot FOREIGN KEY (lot_id) REFERENCES auction.lot(id);

ALTER TABLE ONLY auction.standing
    ADD CONSTRAINT standing_of_a_lot FOREIGN KEY (lot_id) REFERENCES auction.lot(id);

ALTER TABLE ONLY bank.card_balance
    ADD CONSTRAINT card_balance_card FOREIGN KEY (card_id) REFERENCES bank.card(id);

ALTER TABLE ONLY bank.card_movement
    ADD CONSTRAINT card_movement_balance FOREIGN KEY (card_id, currency) REFERENCES bank.card_balance(card_id, currency);

ALTER TABLE ONLY bank.card_movement
    ADD CONSTRAINT card_movement_payment FOREIGN KEY (payment_id) REFERENCES bank.card_payment(id);

ALTER TABLE ONLY bank.card_payment
    ADD CONSTRAINT card_payment_card FOREIGN KEY (card_id) REFERENCES bank.card(id);

ALTER TABLE ONLY bank.chargeback
    ADD CONSTRAINT chargeback_payment FOREIGN KEY (payment_id) REFERENCES bank.card_payment(id);

ALTER TABLE ONLY bank.movement
    ADD CONSTRAINT movement_account FOREIGN KEY (number) REFERENCES bank.account(number);

ALTER TABLE ONLY bank.movement
    ADD CONSTRAINT movement_transfer FOREIGN KEY (transfer_id) REFERENCES bank.transfer(id);

ALTER TABLE ONLY escrow.account
    ADD CONSTRAINT account_currency FOREIGN KEY (currency) REFERENCES escrow.currency(code);

ALTER TABLE ONLY escrow.balance
    ADD CONSTRAINT balance_chain FOREIGN KEY (account, previous_version, previous, previous_open) REFERENCES escrow.balance(account, version, balance, open);

ALTER TABLE ONLY escrow.balance
    ADD CONSTRAINT balance_credit_of_transfer FOREIGN KEY (op, n, credited, amount) REFERENCES escrow.transfer(op, n, credit_chained, amount);

ALTER TABLE ONLY escrow.balance
    ADD CONSTRAINT balance_debit_of_transfer FOREIGN KEY (op, n, debited, amount) REFERENCES escrow.transfer(op, n, debit_chained, amount);

ALTER TABLE ONLY escrow.balance
    ADD CONSTRAINT balance_seal_account FOREIGN KEY (sealed, sealed_mode) REFERENCES escrow.account(id, mode);

ALTER TABLE ONLY escrow.bank_statement
    ADD CONSTRAINT bank_statement_currency FOREIGN KEY (currency) REFERENCES escrow.currency(code);

ALTER TABLE ONLY escrow.book_entry
    ADD CONSTRAINT book_entry_chain FOREIGN KEY (previous_n, previous_hash) REFERENCES escrow.book_entry(n, hash);

ALTER TABLE ONLY escrow.book_entry
    ADD CONSTRAINT book_entry_op FOREIGN KEY (op) REFERENCES escrow.op(id);

ALTER TABLE ONLY escrow.book_head
    ADD CONSTRAINT book_head_of_entry FOREIGN KEY (last_n, head) REFERENCES escrow.book_entry(n, hash);

ALTER TABLE ONLY escrow.card_difference
    ADD CONSTRAINT card_difference_line FOREIGN KEY (file_id, line) REFERENCES escrow.card_settlement_line(file_id, n);

ALTER TABLE ONLY escrow.card_payment
    ADD CONSTRAINT card_payment_currency FOREIGN KEY (currency) REFERENCES escrow.currency(code);

ALTER TABLE ONLY escrow.card_payment_event
    ADD CONSTRAINT card_payment_event_chain FOREIGN KEY (payment_id, previous_n, from_state) REFERENCES escrow.card_payment_event(payment_id, n, to_state);

ALTER TABLE ONLY escrow.card_payment_event
    ADD CONSTRAINT card_payment_event_listed FOREIGN KEY (from_state, to_state) REFERENCES escrow.card_edge(from_state, to_state);

ALTER TABLE ONLY escrow.card_payment_event
    ADD CONSTRAINT card_payment_event_payment FOREIGN KEY (payment_id) REFERENCES escrow.card_payment(id);

ALTER TABLE ONLY escrow.card_payment
    ADD CONSTRAINT card_payment_op FOREIGN KEY (op) REFERENCES escrow.op(id);

ALTER TABLE ONLY escrow.card_payment
    ADD CONSTRAINT card_payment_state_is_last_event FOREIGN KEY (id, version, state) REFERENCES escrow.card_payment_event(payment_id, n, to_state) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY escrow.card_settlement_line
    ADD CONSTRAINT card_settlement_line_file FOREIGN KEY (file_id) REFERENCES escrow.card_settlement(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY escrow.card_settlement
    ADD CONSTRAINT card_settlement_op FOREIGN KEY (op) REFERENCES escrow.op(id);

ALTER TABLE ONLY escrow.card_settlement_sum
    ADD CONSTRAINT card_settlement_sum_file FOREIGN KEY (file_id) REFERENCES escrow.card_settlement(id);

ALTER TABLE ONLY escrow.case_event
    ADD CONSTRAINT case_event_case FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY escrow.case_event
    ADD CONSTRAINT case_event_chain FOREIGN KEY (case_id, previous_n, from_state) REFERENCES escrow.case_event(case_id, n, to_state);

ALTER TABLE ONLY escrow.case_event
    ADD CONSTRAINT case_event_listed FOREIGN KEY (from_state, action, actor, to_state) REFERENCES escrow.edge(from_state, action, actor, to_state);

ALTER TABLE ONLY escrow.chargeback
    ADD CONSTRAINT chargeback_account FOREIGN KEY (account) REFERENCES escrow.account(id);

ALTER TABLE ONLY escrow.chargeback_answer
    ADD CONSTRAINT chargeback_answer_of FOREIGN KEY (chargeback_id) REFERENCES escrow.chargeback(id);

ALTER TABLE ONLY escrow.chargeback
    ADD CONSTRAINT chargeback_case FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY escrow.chargeback
    ADD CONSTRAINT chargeback_deposit FOREIGN KEY (deposit_id) REFERENCES escrow.deposit(id);

ALTER TABLE ONLY escrow.chargeback
    ADD CONSTRAINT chargeback_ended_empty FOREIGN KEY (account, sealed_version, sealed_balance, sealed_open) REFERENCES escrow.balance(account, version, balance, open);

ALTER TABLE ONLY escrow.chargeback
    ADD CONSTRAINT chargeback_notice FOREIGN KEY (bank_id) REFERENCES escrow.bank_notice(bank_id);

ALTER TABLE ONLY escrow.cheque
    ADD CONSTRAINT cheque_account FOREIGN KEY (account) REFERENCES escrow.account(id);

ALTER TABLE ONLY escrow.cheque
    ADD CONSTRAINT cheque_case FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY escrow.cheque
    ADD CONSTRAINT cheque_ended_empty FOREIGN KEY (account, sealed_version, sealed_balance, sealed_open) REFERENCES escrow.balance(account, version, balance, open);

ALTER TABLE ONLY escrow.cheque
    ADD CONSTRAINT cheque_held_once FOREIGN KEY (account, held_version, amount_minor, held_open) REFERENCES escrow.balance(account, version, balance, open);

ALTER TABLE ONLY escrow.cheque
    ADD CONSTRAINT cheque_paid_case FOREIGN KEY (paid_case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY escrow.claim
    ADD CONSTRAINT claim_account FOREIGN KEY (account) REFERENCES escrow.account(id);

ALTER TABLE ONLY escrow.claim_arbiter
    ADD CONSTRAINT claim_arbiter_claim FOREIGN KEY (claim_id) REFERENCES escrow.claim(id);

ALTER TABLE ONLY escrow.claim
    ADD CONSTRAINT claim_arbiter_known FOREIGN KEY (id, arbiter_id) REFERENCES escrow.claim_arbiter(claim_id, arbiter_id);

ALTER TABLE ONLY escrow.claim
    ADD CONSTRAINT claim_case FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY escrow.claim
    ADD CONSTRAINT claim_open_of_disputed_case FOREIGN KEY (case_id, of_disputed_case) REFERENCES escrow.escrow_case(id, is_disputed) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY escrow.day_close
    ADD CONSTRAINT day_close_chain FOREIGN KEY (previous_day, previous_sha256) REFERENCES escrow.day_close(day, sha256);

ALTER TABLE ONLY escrow.deposit
    ADD CONSTRAINT deposit_account FOREIGN KEY (account) REFERENCES escrow.account(id);

ALTER TABLE ONLY escrow.deposit
    ADD CONSTRAINT deposit_ended_empty FOREIGN KEY (account, sealed_version, sealed_balance, sealed_open) REFERENCES escrow.balance(account, version, balance, open);

ALTER TABLE ONLY escrow.deposit
    ADD CONSTRAINT deposit_held_once FOREIGN KEY (account, held_version, amount_minor, held_open) REFERENCES escrow.balance(account, version, balance, open);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_account FOREIGN KEY (account) REFERENCES escrow.account(id);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_currency FOREIGN KEY (currency) REFERENCES escrow.currency(code);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_deposit FOREIGN KEY (deposit_id) REFERENCES escrow.deposit(id);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_disputed_has_open_claim FOREIGN KEY (id, has_open_claim) REFERENCES escrow.claim(case_id, is_open) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_ended_empty FOREIGN KEY (account, sealed_version, sealed_balance, sealed_open) REFERENCES escrow.balance(account, version, balance, open);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_held_the_price FOREIGN KEY (account, funded_version, price_minor, funded_open) REFERENCES escrow.balance(account, version, balance, open);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_parent FOREIGN KEY (parent_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_reinstates FOREIGN KEY (reinstates_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_ruling FOREIGN KEY (ruling_id, ruling_in_force) REFERENCES escrow.ruling(id, in_force);

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_state_is_last_event FOREIGN KEY (id, version, state) REFERENCES escrow.case_event(case_id, n, to_state) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY escrow.escrow_case
    ADD CONSTRAINT escrow_case_timer FOREIGN KEY (timer_id, id) REFERENCES escrow.timer(id, case_id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY escrow.payout
    ADD CONSTRAINT payout_account FOREIGN KEY (account) REFERENCES escrow.account(id);

ALTER TABLE ONLY escrow.payout
    ADD CONSTRAINT payout_batch_known FOREIGN KEY (batch_id) REFERENCES escrow.payout_batch(id);

ALTER TABLE ONLY escrow.payout
    ADD CONSTRAINT payout_case FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY escrow.payout
    ADD CONSTRAINT payout_ended_empty FOREIGN KEY (account, sealed_version, sealed_balance, sealed_open) REFERENCES escrow.balance(account, version, balance, open);

ALTER TABLE ONLY escrow.payout
    ADD CONSTRAINT payout_of_a_case_that_is_over FOREIGN KEY (case_id, of_sealed_case) REFERENCES escrow.escrow_case(id, is_sealed);

ALTER TABLE ONLY escrow.payout
    ADD CONSTRAINT payout_quarantine FOREIGN KEY (quarantine_id) REFERENCES escrow.quarantine(id);

ALTER TABLE ONLY escrow.payout
    ADD CONSTRAINT payout_replaced_by FOREIGN KEY (replaced_by) REFERENCES escrow.payout(id);

ALTER TABLE ONLY escrow.quarantine
    ADD CONSTRAINT quarantine_account FOREIGN KEY (account) REFERENCES escrow.account(id);

ALTER TABLE ONLY escrow.quarantine
    ADD CONSTRAINT quarantine_case FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY escrow.quarantine
    ADD CONSTRAINT quarantine_deposit FOREIGN KEY (deposit_id) REFERENCES escrow.deposit(id);

ALTER TABLE ONLY escrow.quarantine
    ADD CONSTRAINT quarantine_ended_empty FOREIGN KEY (account, sealed_version, sealed_balance, sealed_open) REFERENCES escrow.balance(account, version, balance, open);

ALTER TABLE ONLY escrow.quarantine
    ADD CONSTRAINT quarantine_notice FOREIGN KEY (bank_id) REFERENCES escrow.bank_notice(bank_id);

ALTER TABLE ONLY escrow.reserve_hold
    ADD CONSTRAINT reserve_hold_case FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY escrow.rollup
    ADD CONSTRAINT rollup_account FOREIGN KEY (account) REFERENCES escrow.account(id);

ALTER TABLE ONLY escrow.ruling
    ADD CONSTRAINT ruling_by_the_arbiter FOREIGN KEY (claim_id, arbiter_id) REFERENCES escrow.claim_arbiter(claim_id, arbiter_id);

ALTER TABLE ONLY escrow.ruling
    ADD CONSTRAINT ruling_case FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY escrow.ruling
    ADD CONSTRAINT ruling_claim FOREIGN KEY (claim_id) REFERENCES escrow.claim(id);

ALTER TABLE ONLY escrow.statement_entry
    ADD CONSTRAINT statement_entry_statement FOREIGN KEY (statement) REFERENCES escrow.bank_statement(id);

ALTER TABLE ONLY escrow.timer
    ADD CONSTRAINT timer_case FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY escrow.transfer
    ADD CONSTRAINT transfer_credit_account FOREIGN KEY (credit, currency, credit_mode) REFERENCES escrow.account(id, currency, mode);

ALTER TABLE ONLY escrow.transfer
    ADD CONSTRAINT transfer_credit_balance FOREIGN KEY (op, n, credit_chained) REFERENCES escrow.balance(op, n, account) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY escrow.transfer
    ADD CONSTRAINT transfer_debit_account FOREIGN KEY (debit, currency, debit_mode) REFERENCES escrow.account(id, currency, mode);

ALTER TABLE ONLY escrow.transfer
    ADD CONSTRAINT transfer_debit_balance FOREIGN KEY (op, n, debit_chained) REFERENCES escrow.balance(op, n, account) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY escrow.transfer
    ADD CONSTRAINT transfer_op FOREIGN KEY (op) REFERENCES escrow.op(id);

ALTER TABLE ONLY escrow.transfer
    ADD CONSTRAINT transfer_reversal_swaps_sides FOREIGN KEY (reverses_op, reverses_n, credit, debit, currency, reverses_amount) REFERENCES escrow.transfer(op, n, debit, credit, currency, amount);

ALTER TABLE ONLY market.api_token
    ADD CONSTRAINT api_token_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.application
    ADD CONSTRAINT application_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.application
    ADD CONSTRAINT application_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES market.listing(id);

ALTER TABLE ONLY market.application
    ADD CONSTRAINT application_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.audit
    ADD CONSTRAINT audit_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.board
    ADD CONSTRAINT board_category_fkey FOREIGN KEY (category) REFERENCES market.category(code);

ALTER TABLE ONLY market.board
    ADD CONSTRAINT board_currency_fkey FOREIGN KEY (currency) REFERENCES escrow.currency(code);

ALTER TABLE ONLY market.board
    ADD CONSTRAINT board_made_by_fkey FOREIGN KEY (made_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.board_order
    ADD CONSTRAINT board_order_board_id_fkey FOREIGN KEY (board_id) REFERENCES market.board(id);

ALTER TABLE ONLY market.board_order
    ADD CONSTRAINT board_order_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.board_order
    ADD CONSTRAINT board_order_post_id_fkey FOREIGN KEY (post_id) REFERENCES market.post(id);

ALTER TABLE ONLY market.card_order
    ADD CONSTRAINT card_order_case_id_fkey FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY market.card_order
    ADD CONSTRAINT card_order_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.case_evidence
    ADD CONSTRAINT case_evidence_author_id_fkey FOREIGN KEY (author_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.case_evidence
    ADD CONSTRAINT case_evidence_case_id_fkey FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY market.case_evidence_content
    ADD CONSTRAINT case_evidence_content_evidence_id_fkey FOREIGN KEY (evidence_id) REFERENCES market.case_evidence(id);

ALTER TABLE ONLY market.case_evidence
    ADD CONSTRAINT case_evidence_has_its_bytes FOREIGN KEY (id, whole, sha256) REFERENCES market.case_evidence_content(evidence_id, width, sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY market.case_message
    ADD CONSTRAINT case_message_author_id_fkey FOREIGN KEY (author_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.case_message
    ADD CONSTRAINT case_message_case_id_fkey FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY market.category
    ADD CONSTRAINT category_parent_fkey FOREIGN KEY (parent) REFERENCES market.category(code);

ALTER TABLE ONLY market.certificate
    ADD CONSTRAINT certificate_authority_fkey FOREIGN KEY (authority) REFERENCES market.authority(public_key);

ALTER TABLE ONLY market.certificate
    ADD CONSTRAINT certificate_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.clearing
    ADD CONSTRAINT clearing_board_id_fkey FOREIGN KEY (board_id) REFERENCES market.board(id);

ALTER TABLE ONLY market.consignee
    ADD CONSTRAINT consignee_case_id_fkey FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY market.consignment
    ADD CONSTRAINT consignment_booked_by_fkey FOREIGN KEY (booked_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.consignment
    ADD CONSTRAINT consignment_case_id_fkey FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY market.consignment
    ADD CONSTRAINT consignment_shipped_case_id_fkey FOREIGN KEY (shipped_case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY market.contract
    ADD CONSTRAINT contract_buyer_id_fkey FOREIGN KEY (buyer_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.contract
    ADD CONSTRAINT contract_case_id_fkey FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY market.contract_event
    ADD CONSTRAINT contract_event_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.contract_event
    ADD CONSTRAINT contract_event_contract_id_fkey FOREIGN KEY (contract_id) REFERENCES market.contract(id);

ALTER TABLE ONLY market.contract_formality
    ADD CONSTRAINT contract_formality_contract_id_fkey FOREIGN KEY (contract_id) REFERENCES market.contract(id);

ALTER TABLE ONLY market.contract_formality
    ADD CONSTRAINT contract_formality_handed_in_by_fkey FOREIGN KEY (handed_in_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.contract_formality
    ADD CONSTRAINT contract_formality_judged_by_fkey FOREIGN KEY (judged_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.contract_formality
    ADD CONSTRAINT contract_formality_officer_id_fkey FOREIGN KEY (officer_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.contract
    ADD CONSTRAINT contract_offers_a_version FOREIGN KEY (id, offered_version) REFERENCES market.contract_version(contract_id, n) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY market.contract
    ADD CONSTRAINT contract_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.contract_signature
    ADD CONSTRAINT contract_signature_certificate FOREIGN KEY (serial, party_id) REFERENCES market.certificate(serial, party_id);

ALTER TABLE ONLY market.contract_signature
    ADD CONSTRAINT contract_signature_list FOREIGN KEY (authority, crl_number) REFERENCES market.revocation_list(authority, number);

ALTER TABLE ONLY market.contract_signature
    ADD CONSTRAINT contract_signature_of_these_bytes FOREIGN KEY (contract_id, version, terms_sha256) REFERENCES market.contract_version(contract_id, n, terms_sha256);

ALTER TABLE ONLY market.contract_signature
    ADD CONSTRAINT contract_signature_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.contract
    ADD CONSTRAINT contract_signed_by_buyer FOREIGN KEY (id, signed_version, buyer_role) REFERENCES market.contract_signature(contract_id, version, role);

ALTER TABLE ONLY market.contract
    ADD CONSTRAINT contract_signed_by_seller FOREIGN KEY (id, signed_version, seller_role) REFERENCES market.contract_signature(contract_id, version, role);

ALTER TABLE ONLY market.contract_version
    ADD CONSTRAINT contract_version_contract_id_fkey FOREIGN KEY (contract_id) REFERENCES market.contract(id);

ALTER TABLE ONLY market.contract_version
    ADD CONSTRAINT contract_version_proposed_by_fkey FOREIGN KEY (proposed_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.deal
    ADD CONSTRAINT deal_buyer_id_fkey FOREIGN KEY (buyer_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.deal
    ADD CONSTRAINT deal_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES market.hammer(lot_id);

ALTER TABLE ONLY market.deal
    ADD CONSTRAINT deal_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.deal
    ADD CONSTRAINT deal_terms_of_contract FOREIGN KEY (contract_id, contract_version, terms_sha256) REFERENCES market.contract_version(contract_id, n, terms_sha256);

ALTER TABLE ONLY market.desk_request
    ADD CONSTRAINT desk_request_confirmed_by_fkey FOREIGN KEY (confirmed_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.desk_request
    ADD CONSTRAINT desk_request_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES market.listing(id);

ALTER TABLE ONLY market.desk_request
    ADD CONSTRAINT desk_request_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.document
    ADD CONSTRAINT document_case_id_fkey FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY market.document
    ADD CONSTRAINT document_contract_id_fkey FOREIGN KEY (contract_id) REFERENCES market.contract(id);

ALTER TABLE ONLY market.document_delivery
    ADD CONSTRAINT document_delivery_document_id_fkey FOREIGN KEY (document_id) REFERENCES market.document(id);

ALTER TABLE ONLY market.document_delivery
    ADD CONSTRAINT document_delivery_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.document_due
    ADD CONSTRAINT document_due_case_id_fkey FOREIGN KEY (case_id) REFERENCES market.deal(case_id);

ALTER TABLE ONLY market.document
    ADD CONSTRAINT document_issuer_id_fkey FOREIGN KEY (issuer_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.document
    ADD CONSTRAINT document_negotiation_id_fkey FOREIGN KEY (negotiation_id) REFERENCES market.negotiation(id);

ALTER TABLE ONLY market.document
    ADD CONSTRAINT document_recipient_id_fkey FOREIGN KEY (recipient_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.edi_consent
    ADD CONSTRAINT edi_consent_other_id_fkey FOREIGN KEY (other_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.edi_consent
    ADD CONSTRAINT edi_consent_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.exchange
    ADD CONSTRAINT exchange_case_id_fkey FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY market.exchange
    ADD CONSTRAINT exchange_contract_id_fkey FOREIGN KEY (contract_id) REFERENCES market.contract(id);

ALTER TABLE ONLY market.exchange
    ADD CONSTRAINT exchange_negotiation_id_fkey FOREIGN KEY (negotiation_id) REFERENCES market.negotiation(id);

ALTER TABLE ONLY market.exchange
    ADD CONSTRAINT exchange_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.fee_schedule
    ADD CONSTRAINT fee_schedule_confirmed_by_fkey FOREIGN KEY (confirmed_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.fee_schedule
    ADD CONSTRAINT fee_schedule_currency_known FOREIGN KEY (currency) REFERENCES escrow.currency(code);

ALTER TABLE ONLY market.fee_schedule
    ADD CONSTRAINT fee_schedule_proposed_by_fkey FOREIGN KEY (proposed_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.fill
    ADD CONSTRAINT fill_board_id_fkey FOREIGN KEY (board_id) REFERENCES market.board(id);

ALTER TABLE ONLY market.fill
    ADD CONSTRAINT fill_demand_id_fkey FOREIGN KEY (demand_id) REFERENCES market.board_order(id);

ALTER TABLE ONLY market.fill_given_back
    ADD CONSTRAINT fill_given_back_fill_id_fkey FOREIGN KEY (fill_id) REFERENCES market.fill(id);

ALTER TABLE ONLY market.fill
    ADD CONSTRAINT fill_of_clearing FOREIGN KEY (board_id, clearing) REFERENCES market.clearing(board_id, n);

ALTER TABLE ONLY market.fill
    ADD CONSTRAINT fill_supply_id_fkey FOREIGN KEY (supply_id) REFERENCES market.board_order(id);

ALTER TABLE ONLY market.formality_paper
    ADD CONSTRAINT formality_paper_author_id_fkey FOREIGN KEY (author_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.formality_paper_content
    ADD CONSTRAINT formality_paper_content_of FOREIGN KEY (paper_id, sha256) REFERENCES market.formality_paper(id, sha256);

ALTER TABLE ONLY market.formality_paper
    ADD CONSTRAINT formality_paper_of FOREIGN KEY (contract_id, n) REFERENCES market.contract_formality(contract_id, n);

ALTER TABLE ONLY market.hammer
    ADD CONSTRAINT hammer_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES auction.lot(id);

ALTER TABLE ONLY market.idempotency
    ADD CONSTRAINT idempotency_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.listing
    ADD CONSTRAINT listing_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.listing
    ADD CONSTRAINT listing_relist_of FOREIGN KEY (relist_of) REFERENCES market.listing(id);

ALTER TABLE ONLY market.listing
    ADD CONSTRAINT listing_sale_id_fkey FOREIGN KEY (sale_id) REFERENCES market.sale(id);

ALTER TABLE ONLY market.listing
    ADD CONSTRAINT listing_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.money_batch
    ADD CONSTRAINT money_batch_asked_by_fkey FOREIGN KEY (asked_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.money_batch
    ADD CONSTRAINT money_batch_confirmed_by_fkey FOREIGN KEY (confirmed_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.money_batch
    ADD CONSTRAINT money_batch_ended_by_fkey FOREIGN KEY (ended_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.money_batch_item
    ADD CONSTRAINT money_batch_item_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES market.money_batch(id);

ALTER TABLE ONLY market.negotiation
    ADD CONSTRAINT negotiation_buyer_id_fkey FOREIGN KEY (buyer_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.negotiation_file
    ADD CONSTRAINT negotiation_file_author_id_fkey FOREIGN KEY (author_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.negotiation_file
    ADD CONSTRAINT negotiation_file_is_beside_a_step FOREIGN KEY (negotiation_id, n) REFERENCES market.negotiation_step(negotiation_id, n);

ALTER TABLE ONLY market.negotiation
    ADD CONSTRAINT negotiation_made_a_contract FOREIGN KEY (contract_id) REFERENCES market.contract(id);

ALTER TABLE ONLY market.negotiation
    ADD CONSTRAINT negotiation_opener_id_fkey FOREIGN KEY (opener_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.negotiation
    ADD CONSTRAINT negotiation_post_id_fkey FOREIGN KEY (post_id) REFERENCES market.post(id);

ALTER TABLE ONLY market.negotiation
    ADD CONSTRAINT negotiation_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.negotiation_step
    ADD CONSTRAINT negotiation_step_author_id_fkey FOREIGN KEY (author_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.negotiation_step
    ADD CONSTRAINT negotiation_step_negotiation_id_answers_fkey FOREIGN KEY (negotiation_id, answers) REFERENCES market.negotiation_step(negotiation_id, n);

ALTER TABLE ONLY market.negotiation_step
    ADD CONSTRAINT negotiation_step_negotiation_id_fkey FOREIGN KEY (negotiation_id) REFERENCES market.negotiation(id);

ALTER TABLE ONLY market.notice
    ADD CONSTRAINT notice_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.office
    ADD CONSTRAINT office_ended_by_fkey FOREIGN KEY (ended_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.office
    ADD CONSTRAINT office_granted_by_fkey FOREIGN KEY (granted_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.office
    ADD CONSTRAINT office_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.officer_key
    ADD CONSTRAINT officer_key_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.one_time_secret
    ADD CONSTRAINT one_time_secret_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.partner
    ADD CONSTRAINT partner_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.party_trait
    ADD CONSTRAINT party_trait_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.passkey
    ADD CONSTRAINT passkey_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.phone_request
    ADD CONSTRAINT phone_request_case_id_fkey FOREIGN KEY (case_id) REFERENCES escrow.escrow_case(id);

ALTER TABLE ONLY market.phone_request
    ADD CONSTRAINT phone_request_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.photo
    ADD CONSTRAINT photo_listing_id_fkey FOREIGN KEY (listing_id) REFERENCES market.listing(id);

ALTER TABLE ONLY market.photo_size
    ADD CONSTRAINT photo_size_photo_id_fkey FOREIGN KEY (photo_id) REFERENCES market.photo(id) ON DELETE CASCADE;

ALTER TABLE ONLY market.post
    ADD CONSTRAINT post_category_fkey FOREIGN KEY (category) REFERENCES market.category(code);

ALTER TABLE ONLY market.post
    ADD CONSTRAINT post_currency_fkey FOREIGN KEY (currency) REFERENCES escrow.currency(code);

ALTER TABLE ONLY market.post
    ADD CONSTRAINT post_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.post_version
    ADD CONSTRAINT post_version_post_id_fkey FOREIGN KEY (post_id) REFERENCES market.post(id);

ALTER TABLE ONLY market.released_share
    ADD CONSTRAINT released_share_of_the_ceremony FOREIGN KEY (lot_id, number) REFERENCES market.sealing_share(lot_id, number);

ALTER TABLE ONLY market.revocation_list
    ADD CONSTRAINT revocation_list_authority_fkey FOREIGN KEY (authority) REFERENCES market.authority(public_key);

ALTER TABLE ONLY market.revocation
    ADD CONSTRAINT revocation_revoked_by_fkey FOREIGN KEY (revoked_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.revocation
    ADD CONSTRAINT revocation_serial_fkey FOREIGN KEY (serial) REFERENCES market.certificate(serial);

ALTER TABLE ONLY market.sale
    ADD CONSTRAINT sale_created_by_fkey FOREIGN KEY (created_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.saved_search
    ADD CONSTRAINT saved_search_category_fkey FOREIGN KEY (category) REFERENCES market.category(code);

ALTER TABLE ONLY market.saved_search
    ADD CONSTRAINT saved_search_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.sealing
    ADD CONSTRAINT sealing_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES market.listing(id);

ALTER TABLE ONLY market.sealing
    ADD CONSTRAINT sealing_made_by_fkey FOREIGN KEY (made_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.sealing_share
    ADD CONSTRAINT sealing_share_key_id_fkey FOREIGN KEY (key_id) REFERENCES market.officer_key(id);

ALTER TABLE ONLY market.sealing_share
    ADD CONSTRAINT sealing_share_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES market.sealing(lot_id) ON DELETE CASCADE;

ALTER TABLE ONLY market.sealing_share
    ADD CONSTRAINT sealing_share_officer_id_fkey FOREIGN KEY (officer_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.search_hit
    ADD CONSTRAINT search_hit_post_id_fkey FOREIGN KEY (post_id) REFERENCES market.post(id);

ALTER TABLE ONLY market.search_hit
    ADD CONSTRAINT search_hit_search_id_fkey FOREIGN KEY (search_id) REFERENCES market.saved_search(id) ON DELETE CASCADE;

ALTER TABLE ONLY market.second_chance
    ADD CONSTRAINT second_chance_case_id_fkey FOREIGN KEY (case_id) REFERENCES market.deal(case_id);

ALTER TABLE ONLY market.second_chance
    ADD CONSTRAINT second_chance_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES market.hammer(lot_id);

ALTER TABLE ONLY market.second_chance
    ADD CONSTRAINT second_chance_offered_by_fkey FOREIGN KEY (offered_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.second_chance
    ADD CONSTRAINT second_chance_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.seller_link
    ADD CONSTRAINT seller_link_bidder_id_fkey FOREIGN KEY (bidder_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.seller_link
    ADD CONSTRAINT seller_link_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES market.party(id);

ALTER TABLE ONLY market.seller_link
    ADD CONSTRAINT seller_link_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.session
    ADD CONSTRAINT session_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.sign_in_link
    ADD CONSTRAINT sign_in_link_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY market.tracking_event
    ADD CONSTRAINT tracking_event_consignment_id_fkey FOREIGN KEY (consignment_id) REFERENCES market.consignment(id);

ALTER TABLE ONLY market.trade_print
    ADD CONSTRAINT trade_print_category_fkey FOREIGN KEY (category) REFERENCES market.category(code);

ALTER TABLE ONLY market.trade_print
    ADD CONSTRAINT trade_print_currency_fkey FOREIGN KEY (currency) REFERENCES escrow.currency(code);

ALTER TABLE ONLY market.watch
    ADD CONSTRAINT watch_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES market.listing(id);

ALTER TABLE ONLY market.watch
    ADD CONSTRAINT watch_party_id_fkey FOREIGN KEY (party_id) REFERENCES market.party(id);

ALTER TABLE ONLY vault.card
    ADD CONSTRAINT card_wallet FOREIGN KEY (wallet_id) REFERENCES vault.wallet(id) ON DELETE CASCADE;

ALTER TABLE ONLY vault.identity
    ADD CONSTRAINT identity_wallet FOREIGN KEY (wallet_id) REFERENCES vault.wallet(id) ON DELETE CASCADE;

ALTER TABLE ONLY vault.protection
    ADD CONSTRAINT protection_wallet FOREIGN KEY (wallet_id) REFERENCES vault.wallet(id) ON DELETE CASCADE;

GRANT USAGE ON SCHEMA auction TO gavelhouse_app;

GRANT USAGE ON SCHEMA bank TO gavelhouse_bank;

GRANT USAGE ON SCHEMA escrow TO gavelhouse_app;

GRANT USAGE ON SCHEMA market TO gavelhouse_app;

REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO gavelhouse_app;
GRANT USAGE ON SCHEMA public TO gavelhouse_bank;
GRANT USAGE ON SCHEMA public TO gavelhouse_vault;

GRANT USAGE ON SCHEMA vault TO gavelhouse_vault;

REVOKE ALL ON FUNCTION auction.event_chain_holds() FROM PUBLIC;

REVOKE ALL ON FUNCTION auction.lot_is_fixed() FROM PUBLIC;

REVOKE ALL ON FUNCTION auction.refuse_rewrite() FROM PUBLIC;

REVOKE ALL ON FUNCTION auction.signed_head_agrees_with_log() FROM PUBLIC;

REVOKE ALL ON FUNCTION auction.standing_agrees_with_log() FROM PUBLIC;

REVOKE ALL ON FUNCTION auction.standing_moves_forward() FROM PUBLIC;

REVOKE ALL ON FUNCTION escrow.append(operations jsonb, posted_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION escrow.await_entry() FROM PUBLIC;

REVOKE ALL ON FUNCTION escrow.balance_of(asked bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION escrow.balance_of(asked bigint) TO gavelhouse_app;

REVOKE ALL ON FUNCTION escrow.claim_holds_the_money() FROM PUBLIC;

REVOKE ALL ON FUNCTION escrow.claim_of(asked bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION escrow.claim_of(asked bigint) TO gavelhouse_app;

REVOKE ALL ON FUNCTION escrow.claim_takes_hold() FROM PUBLIC;

REVOKE ALL ON FUNCTION escrow.entry_stands() FROM PUBLIC;

REVOKE ALL ON FUNCTION escrow.lock_accounts(operations jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION escrow.lock_balance(asked_path text, asked_currency text) FROM PUBLIC;
GRANT ALL ON FUNCTION escrow.lock_balance(asked_path text, asked_currency text) TO gavelhouse_app;

REVOKE ALL ON FUNCTION escrow.open_accounts(accounts jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION escrow.open_accounts(accounts jsonb) TO gavelhouse_app;

REVOKE ALL ON FUNCTION escrow.post(operation jsonb, posted_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION escrow.post(operation jsonb, posted_at timestamp with time zone) TO gavelhouse_app;

REVOKE ALL ON FUNCTION escrow.post_many(operations jsonb, posted_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION escrow.post_many(operations jsonb, posted_at timestamp with time zone) TO gavelhouse_app;

REVOKE ALL ON FUNCTION escrow.refuse_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION escrow.roll_up() FROM PUBLIC;
GRANT ALL ON FUNCTION escrow.roll_up() TO gavelhouse_app;

REVOKE ALL ON FUNCTION escrow.seal(accounts bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION escrow.seal(accounts bigint[]) TO gavelhouse_app;

REVOKE ALL ON FUNCTION escrow.wake_clock() FROM PUBLIC;

REVOKE ALL ON FUNCTION market.approved_listing_stays() FROM PUBLIC;

REVOKE ALL ON FUNCTION market.bigram_query(needles text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION market.bigram_query(needles text[]) TO gavelhouse_app;

REVOKE ALL ON FUNCTION market.bigrams(haystack text) FROM PUBLIC;
GRANT ALL ON FUNCTION market.bigrams(haystack text) TO gavelhouse_app;

REVOKE ALL ON FUNCTION market.clearing_is_its_fills() FROM PUBLIC;
GRANT ALL ON FUNCTION market.clearing_is_its_fills() TO gavelhouse_app;

REVOKE ALL ON FUNCTION market.fill_is_drawn_or_given_back() FROM PUBLIC;
GRANT ALL ON FUNCTION market.fill_is_drawn_or_given_back() TO gavelhouse_app;

REVOKE ALL ON FUNCTION market.fill_is_to_be_drawn() FROM PUBLIC;

REVOKE ALL ON FUNCTION market.fill_moves_orders() FROM PUBLIC;

REVOKE ALL ON FUNCTION market.find_posts(wanted jsonb, asked_at timestamp with time zone, sort text, most integer, skip integer, counted integer) FROM PUBLIC;
GRANT ALL ON FUNCTION market.find_posts(wanted jsonb, asked_at timestamp with time zone, sort text, most integer, skip integer, counted integer) TO gavelhouse_app;

REVOKE ALL ON FUNCTION market.fitting_posts(wanted jsonb, asked_at timestamp with time zone, sort text, most integer, skip integer, in_order boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION market.fitting_posts(wanted jsonb, asked_at timestamp with time zone, sort text, most integer, skip integer, in_order boolean) TO gavelhouse_app;

REVOKE ALL ON FUNCTION market.have_documents_made() FROM PUBLIC;

REVOKE ALL ON FUNCTION market.pieces(haystack text) FROM PUBLIC;
GRANT ALL ON FUNCTION market.pieces(haystack text) TO gavelhouse_app;

REVOKE ALL ON FUNCTION market.pieces_query(needles text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION market.pieces_query(needles text[]) TO gavelhouse_app;

REVOKE ALL ON FUNCTION market.random_post_id() FROM PUBLIC;
GRANT ALL ON FUNCTION market.random_post_id() TO gavelhouse_app;

REVOKE ALL ON FUNCTION market.refuse_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION market.sealing_is_fixed() FROM PUBLIC;

REVOKE ALL ON FUNCTION market.search_text(VARIADIC parts text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION market.search_text(VARIADIC parts text[]) TO gavelhouse_app;

REVOKE ALL ON FUNCTION market.share_waits_for_the_opening() FROM PUBLIC;

REVOKE ALL ON FUNCTION market.tell_of_access() FROM PUBLIC;

GRANT SELECT,INSERT ON TABLE auction.admission TO gavelhouse_app;

GRANT UPDATE(removed_at) ON TABLE auction.admission TO gavelhouse_app;

GRANT UPDATE(priority_rank) ON TABLE auction.admission TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE auction.bid TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE auction.budget TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE auction.event TO gavelhouse_app;

GRANT SELECT ON TABLE auction.heartbeat TO gavelhouse_app;

GRANT UPDATE(beaten_at) ON TABLE auction.heartbeat TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE auction.lot TO gavelhouse_app;

GRANT UPDATE(reserve_minor) ON TABLE auction.lot TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE auction.retraction TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE auction.sale_lot TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE auction.signed_head TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE auction.signing_key TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE auction.standing TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE bank.account TO gavelhouse_bank;

GRANT UPDATE(balance_minor) ON TABLE bank.account TO gavelhouse_bank;

GRANT UPDATE(closed_at) ON TABLE bank.account TO gavelhouse_bank;

GRANT SELECT,INSERT ON TABLE bank.card TO gavelhouse_bank;

GRANT UPDATE(status) ON TABLE bank.card TO gavelhouse_bank;

GRANT SELECT,INSERT ON TABLE bank.card_balance TO gavelhouse_bank;

GRANT UPDATE(available_minor) ON TABLE bank.card_balance TO gavelhouse_bank;

GRANT SELECT,INSERT ON TABLE bank.card_movement TO gavelhouse_bank;

GRANT SELECT,INSERT ON TABLE bank.card_payment TO gavelhouse_bank;

GRANT UPDATE(state) ON TABLE bank.card_payment TO gavelhouse_bank;

GRANT UPDATE(captured_at) ON TABLE bank.card_payment TO gavelhouse_bank;

GRANT UPDATE(reversed_at) ON TABLE bank.card_payment TO gavelhouse_bank;

GRANT UPDATE(settlement_id) ON TABLE bank.card_payment TO gavelhouse_bank;

GRANT SELECT,INSERT ON TABLE bank.card_settlement TO gavelhouse_bank;

GRANT SELECT,INSERT ON TABLE bank.chargeback TO gavelhouse_bank;

GRANT UPDATE(state) ON TABLE bank.chargeback TO gavelhouse_bank;

GRANT UPDATE(represented_at) ON TABLE bank.chargeback TO gavelhouse_bank;

GRANT UPDATE(represented_text) ON TABLE bank.chargeback TO gavelhouse_bank;

GRANT UPDATE(decided_at) ON TABLE bank.chargeback TO gavelhouse_bank;

GRANT UPDATE(taken_in) ON TABLE bank.chargeback TO gavelhouse_bank;

GRANT UPDATE(given_in) ON TABLE bank.chargeback TO gavelhouse_bank;

GRANT SELECT,INSERT ON TABLE bank.envelope_key TO gavelhouse_bank;

GRANT SELECT,INSERT ON TABLE bank.fault TO gavelhouse_bank;

GRANT UPDATE(remaining) ON TABLE bank.fault TO gavelhouse_bank;

GRANT SELECT,INSERT ON TABLE bank.movement TO gavelhouse_bank;

GRANT SELECT,INSERT ON TABLE bank.outbox TO gavelhouse_bank;

GRANT UPDATE(copies) ON TABLE bank.outbox TO gavelhouse_bank;

GRANT UPDATE(try_at) ON TABLE bank.outbox TO gavelhouse_bank;

GRANT UPDATE(attempts) ON TABLE bank.outbox TO gavelhouse_bank;

GRANT UPDATE(last_answer) ON TABLE bank.outbox TO gavelhouse_bank;

GRANT UPDATE(delivered_at) ON TABLE bank.outbox TO gavelhouse_bank;

GRANT SELECT,INSERT ON TABLE bank.payout_file TO gavelhouse_bank;

GRANT SELECT ON TABLE bank.setting TO gavelhouse_bank;

GRANT UPDATE(deliver_twice) ON TABLE bank.setting TO gavelhouse_bank;

GRANT SELECT,INSERT ON TABLE bank.transfer TO gavelhouse_bank;

GRANT SELECT ON TABLE escrow.account TO gavelhouse_app;

GRANT SELECT ON TABLE escrow.balance TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.bank_account TO gavelhouse_app;

GRANT UPDATE(replaced_at) ON TABLE escrow.bank_account TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.bank_notice TO gavelhouse_app;

GRANT UPDATE(outcome) ON TABLE escrow.bank_notice TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.bank_statement TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.book_entry TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.book_head TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.book_node TO gavelhouse_app;

GRANT SELECT ON TABLE escrow.book_waiting TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.card_difference TO gavelhouse_app;

GRANT UPDATE(explained_by) ON TABLE escrow.card_difference TO gavelhouse_app;

GRANT UPDATE(explained_at) ON TABLE escrow.card_difference TO gavelhouse_app;

GRANT UPDATE(note) ON TABLE escrow.card_difference TO gavelhouse_app;

GRANT SELECT ON TABLE escrow.card_edge TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(envelope) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(version) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(state_since) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(reason) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(partial_minor) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(authorisation_code) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(provider_reference) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(op) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(acknowledged_at) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(refused_code) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(try_at) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(attempts) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(settled_file) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT UPDATE(settled_minor) ON TABLE escrow.card_payment TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.card_payment_event TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.card_settlement TO gavelhouse_app;

GRANT UPDATE(op) ON TABLE escrow.card_settlement TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.card_settlement_line TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.card_settlement_sum TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.case_event TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.change_move TO gavelhouse_app;

GRANT USAGE ON SEQUENCE escrow.change_move_id_seq TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.chargeback TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE escrow.chargeback TO gavelhouse_app;

GRANT UPDATE(ended_at) ON TABLE escrow.chargeback TO gavelhouse_app;

GRANT UPDATE(sealed_version) ON TABLE escrow.chargeback TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.chargeback_answer TO gavelhouse_app;

GRANT UPDATE(try_at) ON TABLE escrow.chargeback_answer TO gavelhouse_app;

GRANT UPDATE(attempts) ON TABLE escrow.chargeback_answer TO gavelhouse_app;

GRANT UPDATE(told_at) ON TABLE escrow.chargeback_answer TO gavelhouse_app;

GRANT UPDATE(refused_code) ON TABLE escrow.chargeback_answer TO gavelhouse_app;

GRANT UPDATE(last_error) ON TABLE escrow.chargeback_answer TO gavelhouse_app;

GRANT USAGE ON SEQUENCE escrow.chargeback_id_seq TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.cheque TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE escrow.cheque TO gavelhouse_app;

GRANT UPDATE(paid_case_id) ON TABLE escrow.cheque TO gavelhouse_app;

GRANT UPDATE(ended_at) ON TABLE escrow.cheque TO gavelhouse_app;

GRANT UPDATE(sealed_version) ON TABLE escrow.cheque TO gavelhouse_app;

GRANT USAGE ON SEQUENCE escrow.cheque_id_seq TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.claim TO gavelhouse_app;

GRANT UPDATE(offer_minor) ON TABLE escrow.claim TO gavelhouse_app;

GRANT UPDATE(answered_at) ON TABLE escrow.claim TO gavelhouse_app;

GRANT UPDATE(handler_id) ON TABLE escrow.claim TO gavelhouse_app;

GRANT UPDATE(arbiter_id) ON TABLE escrow.claim TO gavelhouse_app;

GRANT UPDATE(return_carrier) ON TABLE escrow.claim TO gavelhouse_app;

GRANT UPDATE(return_tracking_number) ON TABLE escrow.claim TO gavelhouse_app;

GRANT UPDATE(returned_at) ON TABLE escrow.claim TO gavelhouse_app;

GRANT UPDATE(appealed_by) ON TABLE escrow.claim TO gavelhouse_app;

GRANT UPDATE(appealed_at) ON TABLE escrow.claim TO gavelhouse_app;

GRANT UPDATE(appealed_ruling_id) ON TABLE escrow.claim TO gavelhouse_app;

GRANT UPDATE(ended_at) ON TABLE escrow.claim TO gavelhouse_app;

GRANT UPDATE(outcome) ON TABLE escrow.claim TO gavelhouse_app;

GRANT UPDATE(awarded_minor) ON TABLE escrow.claim TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.claim_arbiter TO gavelhouse_app;

GRANT SELECT ON TABLE escrow.currency TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.day_close TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.deposit TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE escrow.deposit TO gavelhouse_app;

GRANT UPDATE(held_version) ON TABLE escrow.deposit TO gavelhouse_app;

GRANT UPDATE(sealed_version) ON TABLE escrow.deposit TO gavelhouse_app;

GRANT UPDATE(held_at) ON TABLE escrow.deposit TO gavelhouse_app;

GRANT UPDATE(ended_at) ON TABLE escrow.deposit TO gavelhouse_app;

GRANT USAGE ON SEQUENCE escrow.deposit_id_seq TO gavelhouse_app;

GRANT SELECT ON TABLE escrow.edge TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(version) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(state_since) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(timer_id) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(ship_by_at) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(carrier) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(tracking_number) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(inspection_extended) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(funded_version) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(sealed_version) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(payment_id) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(lines) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(split_minor) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(split_commission_minor) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(split_fees_minor) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(undisputed_minor) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(undisputed_commission_minor) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(undisputed_fees_minor) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(refunded_minor) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(charged_back_minor) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(withheld_minor) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT UPDATE(ruling_id) ON TABLE escrow.escrow_case TO gavelhouse_app;

GRANT USAGE ON SEQUENCE escrow.escrow_case_id_seq TO gavelhouse_app;

GRANT SELECT ON TABLE escrow.op TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.payout TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE escrow.payout TO gavelhouse_app;

GRANT UPDATE(holder) ON TABLE escrow.payout TO gavelhouse_app;

GRANT UPDATE(number) ON TABLE escrow.payout TO gavelhouse_app;

GRANT UPDATE(batch_id) ON TABLE escrow.payout TO gavelhouse_app;

GRANT UPDATE(sent_at) ON TABLE escrow.payout TO gavelhouse_app;

GRANT UPDATE(ended_at) ON TABLE escrow.payout TO gavelhouse_app;

GRANT UPDATE(return_reason) ON TABLE escrow.payout TO gavelhouse_app;

GRANT UPDATE(replaced_by) ON TABLE escrow.payout TO gavelhouse_app;

GRANT UPDATE(sealed_version) ON TABLE escrow.payout TO gavelhouse_app;

GRANT UPDATE(held_at) ON TABLE escrow.payout TO gavelhouse_app;

GRANT UPDATE(held_by) ON TABLE escrow.payout TO gavelhouse_app;

GRANT UPDATE(held_reason) ON TABLE escrow.payout TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.payout_batch TO gavelhouse_app;

GRANT UPDATE(try_at) ON TABLE escrow.payout_batch TO gavelhouse_app;

GRANT UPDATE(attempts) ON TABLE escrow.payout_batch TO gavelhouse_app;

GRANT UPDATE(last_error) ON TABLE escrow.payout_batch TO gavelhouse_app;

GRANT UPDATE(sent_at) ON TABLE escrow.payout_batch TO gavelhouse_app;

GRANT USAGE ON SEQUENCE escrow.payout_id_seq TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.quarantine TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE escrow.quarantine TO gavelhouse_app;

GRANT UPDATE(decided_by) ON TABLE escrow.quarantine TO gavelhouse_app;

GRANT UPDATE(decided_at) ON TABLE escrow.quarantine TO gavelhouse_app;

GRANT UPDATE(note) ON TABLE escrow.quarantine TO gavelhouse_app;

GRANT UPDATE(sealed_version) ON TABLE escrow.quarantine TO gavelhouse_app;

GRANT USAGE ON SEQUENCE escrow.quarantine_id_seq TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.reserve_hold TO gavelhouse_app;

GRANT UPDATE(try_at) ON TABLE escrow.reserve_hold TO gavelhouse_app;

GRANT UPDATE(taken_minor) ON TABLE escrow.reserve_hold TO gavelhouse_app;

GRANT UPDATE(freed_at) ON TABLE escrow.reserve_hold TO gavelhouse_app;

GRANT SELECT ON TABLE escrow.rollup TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.ruling TO gavelhouse_app;

GRANT UPDATE(confirmed_by) ON TABLE escrow.ruling TO gavelhouse_app;

GRANT UPDATE(confirmed_at) ON TABLE escrow.ruling TO gavelhouse_app;

GRANT UPDATE(declined_by) ON TABLE escrow.ruling TO gavelhouse_app;

GRANT UPDATE(declined_at) ON TABLE escrow.ruling TO gavelhouse_app;

GRANT UPDATE(declined_why) ON TABLE escrow.ruling TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.statement_entry TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE escrow.statement_entry TO gavelhouse_app;

GRANT UPDATE(matched_kind) ON TABLE escrow.statement_entry TO gavelhouse_app;

GRANT UPDATE(matched_id) ON TABLE escrow.statement_entry TO gavelhouse_app;

GRANT UPDATE(matched_by) ON TABLE escrow.statement_entry TO gavelhouse_app;

GRANT UPDATE(matched_at) ON TABLE escrow.statement_entry TO gavelhouse_app;

GRANT UPDATE(note) ON TABLE escrow.statement_entry TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE escrow.timer TO gavelhouse_app;

GRANT UPDATE(try_at) ON TABLE escrow.timer TO gavelhouse_app;

GRANT UPDATE(attempts) ON TABLE escrow.timer TO gavelhouse_app;

GRANT UPDATE(ended_at) ON TABLE escrow.timer TO gavelhouse_app;

GRANT UPDATE(outcome) ON TABLE escrow.timer TO gavelhouse_app;

GRANT USAGE ON SEQUENCE escrow.timer_id_seq TO gavelhouse_app;

GRANT SELECT ON TABLE escrow.transfer TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE market.api_token TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE market.application TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.audit TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.authority TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.board TO gavelhouse_app;

GRANT UPDATE(reference_minor) ON TABLE market.board TO gavelhouse_app;

GRANT UPDATE(next_at) ON TABLE market.board TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE market.board TO gavelhouse_app;

GRANT UPDATE(reason) ON TABLE market.board TO gavelhouse_app;

GRANT UPDATE(version) ON TABLE market.board TO gavelhouse_app;

GRANT UPDATE(last_seq) ON TABLE market.board TO gavelhouse_app;

GRANT UPDATE(last_clearing) ON TABLE market.board TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.board_order TO gavelhouse_app;

GRANT UPDATE(seq) ON TABLE market.board_order TO gavelhouse_app;

GRANT UPDATE(price_minor) ON TABLE market.board_order TO gavelhouse_app;

GRANT UPDATE(quantity) ON TABLE market.board_order TO gavelhouse_app;

GRANT UPDATE(minimum) ON TABLE market.board_order TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE market.board_order TO gavelhouse_app;

GRANT UPDATE(ended_at) ON TABLE market.board_order TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.card_order TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.case_evidence TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.case_evidence_content TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.case_message TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE market.category TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.certificate TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.clearing TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE market.consignee TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(shipped_case_id) ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(tracking_number) ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(reason) ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(received_by) ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(proof) ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(proof_sha256) ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(moved_at) ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(asked_at) ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(ask_again_at) ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(tries) ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(call_off_at) ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(call_off_for) ON TABLE market.consignment TO gavelhouse_app;

GRANT UPDATE(call_off_refused_at) ON TABLE market.consignment TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.contract TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE market.contract TO gavelhouse_app;

GRANT UPDATE(sign_by) ON TABLE market.contract TO gavelhouse_app;

GRANT UPDATE(offered_version) ON TABLE market.contract TO gavelhouse_app;

GRANT UPDATE(signed_version) ON TABLE market.contract TO gavelhouse_app;

GRANT UPDATE(in_force_at) ON TABLE market.contract TO gavelhouse_app;

GRANT UPDATE(ended_at) ON TABLE market.contract TO gavelhouse_app;

GRANT UPDATE(case_id) ON TABLE market.contract TO gavelhouse_app;

GRANT UPDATE(revision) ON TABLE market.contract TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.contract_event TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.contract_formality TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE market.contract_formality TO gavelhouse_app;

GRANT UPDATE(officer_id) ON TABLE market.contract_formality TO gavelhouse_app;

GRANT UPDATE(handed_in_by) ON TABLE market.contract_formality TO gavelhouse_app;

GRANT UPDATE(handed_in_at) ON TABLE market.contract_formality TO gavelhouse_app;

GRANT UPDATE(judged_by) ON TABLE market.contract_formality TO gavelhouse_app;

GRANT UPDATE(judged_at) ON TABLE market.contract_formality TO gavelhouse_app;

GRANT UPDATE(reason) ON TABLE market.contract_formality TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.contract_signature TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.contract_version TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.deal TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.desk_request TO gavelhouse_app;

GRANT UPDATE(confirmed_by) ON TABLE market.desk_request TO gavelhouse_app;

GRANT UPDATE(confirmed_at) ON TABLE market.desk_request TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.document TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.document_delivery TO gavelhouse_app;

GRANT UPDATE(channel) ON TABLE market.document_delivery TO gavelhouse_app;

GRANT UPDATE(format) ON TABLE market.document_delivery TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE market.document_delivery TO gavelhouse_app;

GRANT UPDATE(attempts) ON TABLE market.document_delivery TO gavelhouse_app;

GRANT UPDATE(try_at) ON TABLE market.document_delivery TO gavelhouse_app;

GRANT UPDATE(said) ON TABLE market.document_delivery TO gavelhouse_app;

GRANT UPDATE(sent_at) ON TABLE market.document_delivery TO gavelhouse_app;

GRANT UPDATE(answered_at) ON TABLE market.document_delivery TO gavelhouse_app;

GRANT UPDATE(queued_at) ON TABLE market.document_delivery TO gavelhouse_app;

GRANT UPDATE(resent) ON TABLE market.document_delivery TO gavelhouse_app;

GRANT UPDATE(remind_at) ON TABLE market.document_delivery TO gavelhouse_app;

GRANT SELECT,INSERT,DELETE ON TABLE market.document_due TO gavelhouse_app;

GRANT UPDATE(due_at) ON TABLE market.document_due TO gavelhouse_app;

GRANT UPDATE(tries) ON TABLE market.document_due TO gavelhouse_app;

GRANT USAGE ON SEQUENCE market.document_id_seq TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.edi_consent TO gavelhouse_app;

GRANT UPDATE(ended_at) ON TABLE market.edi_consent TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.exchange TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.fee_schedule TO gavelhouse_app;

GRANT UPDATE(confirmed_by) ON TABLE market.fee_schedule TO gavelhouse_app;

GRANT UPDATE(confirmed_at) ON TABLE market.fee_schedule TO gavelhouse_app;

GRANT UPDATE(withdrawn_at) ON TABLE market.fee_schedule TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.fill TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.fill_given_back TO gavelhouse_app;

GRANT SELECT,DELETE ON TABLE market.fill_to_draw TO gavelhouse_app;

GRANT UPDATE(tries) ON TABLE market.fill_to_draw TO gavelhouse_app;

GRANT UPDATE(try_at) ON TABLE market.fill_to_draw TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.formality_paper TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.formality_paper_content TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.hammer TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE market.idempotency TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE market.listing TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.money_batch TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE market.money_batch TO gavelhouse_app;

GRANT UPDATE(confirmed_by) ON TABLE market.money_batch TO gavelhouse_app;

GRANT UPDATE(ended_by) ON TABLE market.money_batch TO gavelhouse_app;

GRANT UPDATE(ended_at) ON TABLE market.money_batch TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.money_batch_item TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.negotiation TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE market.negotiation TO gavelhouse_app;

GRANT UPDATE(version) ON TABLE market.negotiation TO gavelhouse_app;

GRANT UPDATE(moved_at) ON TABLE market.negotiation TO gavelhouse_app;

GRANT UPDATE(lapses_at) ON TABLE market.negotiation TO gavelhouse_app;

GRANT UPDATE(contract_id) ON TABLE market.negotiation TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.negotiation_file TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.negotiation_step TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE market.notice TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.office TO gavelhouse_app;

GRANT UPDATE(ended_by) ON TABLE market.office TO gavelhouse_app;

GRANT UPDATE(ended_at) ON TABLE market.office TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.officer_key TO gavelhouse_app;

GRANT UPDATE(replaced_at) ON TABLE market.officer_key TO gavelhouse_app;

GRANT SELECT,INSERT,DELETE ON TABLE market.one_time_secret TO gavelhouse_app;

GRANT UPDATE(sealed_secret) ON TABLE market.one_time_secret TO gavelhouse_app;

GRANT UPDATE(created_at) ON TABLE market.one_time_secret TO gavelhouse_app;

GRANT UPDATE(confirmed_at) ON TABLE market.one_time_secret TO gavelhouse_app;

GRANT UPDATE(last_step) ON TABLE market.one_time_secret TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.partner TO gavelhouse_app;

GRANT UPDATE(code) ON TABLE market.partner TO gavelhouse_app;

GRANT UPDATE(agency) ON TABLE market.partner TO gavelhouse_app;

GRANT UPDATE(format) ON TABLE market.partner TO gavelhouse_app;

GRANT UPDATE(channel) ON TABLE market.partner TO gavelhouse_app;

GRANT UPDATE(url) ON TABLE market.partner TO gavelhouse_app;

GRANT UPDATE(generation) ON TABLE market.partner TO gavelhouse_app;

GRANT UPDATE(changed_at) ON TABLE market.partner TO gavelhouse_app;

GRANT UPDATE(rest_until) ON TABLE market.partner TO gavelhouse_app;

GRANT UPDATE(failures) ON TABLE market.partner TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE market.party TO gavelhouse_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE market.party_trait TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.passkey TO gavelhouse_app;

GRANT UPDATE(sign_count) ON TABLE market.passkey TO gavelhouse_app;

GRANT UPDATE(last_used_at) ON TABLE market.passkey TO gavelhouse_app;

GRANT UPDATE(removed_at) ON TABLE market.passkey TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.phone_request TO gavelhouse_app;

GRANT UPDATE(prepared) ON TABLE market.phone_request TO gavelhouse_app;

GRANT UPDATE(payment_id) ON TABLE market.phone_request TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE market.phone_request TO gavelhouse_app;

GRANT UPDATE(method) ON TABLE market.phone_request TO gavelhouse_app;

GRANT UPDATE(outcome) ON TABLE market.phone_request TO gavelhouse_app;

GRANT UPDATE(seen_at) ON TABLE market.phone_request TO gavelhouse_app;

GRANT UPDATE(confirmed_at) ON TABLE market.phone_request TO gavelhouse_app;

GRANT UPDATE(ended_at) ON TABLE market.phone_request TO gavelhouse_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE market.photo TO gavelhouse_app;

GRANT SELECT,INSERT,DELETE ON TABLE market.photo_size TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE market.post TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.post_version TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.released_share TO gavelhouse_app;

GRANT UPDATE(value) ON TABLE market.released_share TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.revocation TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.revocation_list TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE market.sale TO gavelhouse_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE market.saved_search TO gavelhouse_app;

GRANT SELECT,INSERT,DELETE ON TABLE market.sealing TO gavelhouse_app;

GRANT SELECT,INSERT,DELETE ON TABLE market.sealing_share TO gavelhouse_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE market.search_hit TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.second_chance TO gavelhouse_app;

GRANT UPDATE(state) ON TABLE market.second_chance TO gavelhouse_app;

GRANT UPDATE(ended_at) ON TABLE market.second_chance TO gavelhouse_app;

GRANT UPDATE(case_id) ON TABLE market.second_chance TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE market.seller_link TO gavelhouse_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE market.session TO gavelhouse_app;

GRANT SELECT,INSERT,UPDATE ON TABLE market.sign_in_link TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.tracking_event TO gavelhouse_app;

GRANT SELECT,INSERT ON TABLE market.trade_print TO gavelhouse_app;

GRANT UPDATE(struck_at) ON TABLE market.trade_print TO gavelhouse_app;

GRANT SELECT,INSERT,DELETE ON TABLE market.watch TO gavelhouse_app;

GRANT SELECT ON TABLE public.migration TO gavelhouse_app;
GRANT SELECT ON TABLE public.migration TO gavelhouse_bank;
GRANT SELECT ON TABLE public.migration TO gavelhouse_vault;

GRANT SELECT,INSERT,UPDATE ON TABLE vault.bank_key TO gavelhouse_vault;

GRANT SELECT,INSERT,DELETE ON TABLE vault.card TO gavelhouse_vault;

GRANT UPDATE(label) ON TABLE vault.card TO gavelhouse_vault;

GRANT SELECT,INSERT ON TABLE vault.identity TO gavelhouse_vault;

GRANT UPDATE(public_key) ON TABLE vault.identity TO gavelhouse_vault;

GRANT UPDATE(sealed) ON TABLE vault.identity TO gavelhouse_vault;

GRANT UPDATE(made_at) ON TABLE vault.identity TO gavelhouse_vault;

GRANT SELECT,INSERT,DELETE ON TABLE vault.protection TO gavelhouse_vault;

GRANT UPDATE(wrapped) ON TABLE vault.protection TO gavelhouse_vault;

GRANT UPDATE(outer_key) ON TABLE vault.protection TO gavelhouse_vault;

GRANT UPDATE(salt) ON TABLE vault.protection TO gavelhouse_vault;

GRANT UPDATE(memory_kib) ON TABLE vault.protection TO gavelhouse_vault;

GRANT UPDATE(iterations) ON TABLE vault.protection TO gavelhouse_vault;

GRANT SELECT,INSERT ON TABLE vault.signed_payment TO gavelhouse_vault;

GRANT SELECT,INSERT,DELETE ON TABLE vault.wallet TO gavelhouse_vault;

GRANT UPDATE(wrong_tries) ON TABLE vault.wallet TO gavelhouse_vault;

GRANT UPDATE(blocked_until) ON TABLE vault.wallet TO gavelhouse_vault;

ALTER DEFAULT PRIVILEGES FOR ROLE gavelhouse_owner REVOKE ALL ON FUNCTIONS FROM PUBLIC;
