-- Sealed bids are readable by nobody before the opening. The private key of a lot is stored nowhere: it is cut into n
-- shares, any k of which give it back, and each share is sealed to the key of one officer, whose private half lies under
-- a passphrase that only he knows. So the tables hold nothing that opens a bid, until k officers have entered their
-- passphrases; and the database itself refuses a share before the lot waits for its opening, whatever a program asks: the
-- end that the lot was opened with, which nothing can change, must have passed too.

-- An officer's own key. A new passphrase after a forgotten one is a new key; shares sealed to the old one need the old.
create table market.officer_key (
  id          bigint generated always as identity constraint officer_key_pk primary key,
  party_id    bigint not null references market.party (id),
  public_key  bytea not null constraint officer_public_key_is_a_point check (length(public_key) = 65),
  sealed_key  bytea not null constraint officer_key_is_sealed check (length(sealed_key) = 60),
  salt        bytea not null constraint officer_key_is_salted check (length(salt) = 16),
  memory_kib  integer not null constraint officer_key_memory_positive check (memory_kib > 0),
  iterations  integer not null constraint officer_key_iterations_positive check (iterations > 0),
  made_at     timestamptz not null,
  replaced_at timestamptz
);
create unique index officer_key_in_use on market.officer_key (party_id) where replaced_at is null;
comment on column market.officer_key.sealed_key is 'AES-256-GCM under Argon2id of the opening passphrase';

-- The key ceremony of a lot. It may be held again until the lot is open; then bids are sealed to its key.
create table market.sealing (
  lot_id        bigint constraint sealing_pk primary key references market.listing (id),
  public_key    bytea not null constraint sealing_public_key_is_a_point check (length(public_key) = 65),
  threshold     smallint not null,
  officers      smallint not null,
  reserve_nonce bytea not null constraint sealing_reserve_nonce_long check (length(reserve_nonce) = 32),
  made_by       bigint not null references market.party (id),
  made_at       timestamptz not null,
  constraint sealing_k_of_n check (threshold between 2 and officers and officers <= 15)
);

create table market.sealing_share (
  lot_id        bigint not null references market.sealing (lot_id) on delete cascade,
  number        smallint not null constraint share_number_from_one check (number between 1 and 15),
  officer_id    bigint not null references market.party (id),
  key_id        bigint not null references market.officer_key (id),
  sealed_share  bytea not null,
  constraint sealing_share_pk primary key (lot_id, number),
  constraint sealing_share_one_for_each_officer unique (lot_id, officer_id)
);

-- A share that its officer has given for the opening. Its value is forgotten once the bids are opened.
create table market.released_share (
  lot_id      bigint not null,
  number      smallint not null,
  value       bytea,
  released_at timestamptz not null,
  constraint released_share_pk primary key (lot_id, number),
  constraint released_share_of_the_ceremony foreign key (lot_id, number) references market.sealing_share (lot_id, number)
);

create function market.share_waits_for_the_opening() returns trigger language plpgsql as $$
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
create trigger share_waits before insert or update on market.released_share
  for each row execute function market.share_waits_for_the_opening();

-- Once the lot is open, its key and who holds the shares are fixed.
create function market.sealing_is_fixed() returns trigger language plpgsql as $$
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
create trigger sealing_fixed before insert or update or delete on market.sealing
  for each row execute function market.sealing_is_fixed();
create trigger sealing_share_fixed before insert or update or delete on market.sealing_share
  for each row execute function market.sealing_is_fixed();

grant select, insert on market.officer_key to gavelhouse_app;
grant update (replaced_at) on market.officer_key to gavelhouse_app;
grant select, insert, delete on market.sealing, market.sealing_share to gavelhouse_app;
grant select, insert on market.released_share to gavelhouse_app;
grant update (value) on market.released_share to gavelhouse_app;

-- Only an English lot must have steps and a phase of the common fields; of the others their own linter says what is whole.
alter table market.listing
  drop constraint if exists listing_past_draft_is_whole,
  add constraint listing_past_draft_is_whole check (
    state in ('draft', 'withdrawn')
    or (starts_at is not null and (title_zh <> '' or title_en <> '')
        and (format <> 'english' or (start_price_minor is not null and jsonb_array_length(steps) > 0
            and coalesce(timed_seconds, extension_seconds) is not null))));
