-- The vault: a program of its own in a schema of its own, which the server's role can't even see. What lies here is
-- ciphertext and what may stand on a screen: a wallet's data key wrapped once for each way to unlock it, and its cards
-- under that key. The keys that wrap all of it once more are in a file that only the vault reads, never in the database.

do $$
begin
    begin
        if not exists (select from pg_catalog.pg_roles where rolname = 'gavelhouse_vault') then
            create role gavelhouse_vault login noinherit;
        end if;
    exception when duplicate_object or unique_violation then
        null;
    end;
    if not pg_catalog.pg_has_role(
        current_user, 'gavelhouse_vault',
        case when current_setting('server_version_num')::int < 160000 then 'member' else 'set' end
    ) then
        grant gavelhouse_vault to current_user;
    end if;
    execute format('grant connect on database %I to gavelhouse_vault', current_database());
end
$$;
grant usage on schema public to gavelhouse_vault;
grant select on public.migration to gavelhouse_vault;

create schema vault;
grant usage on schema vault to gavelhouse_vault;

-- A party is known to the vault by its number alone. The vault chooses the ids itself, at random, since what it seals is
-- bound to them.
create table vault.wallet (
  id bigint not null,
  party_id bigint not null,
  opened_at timestamptz not null,
  public_key bytea not null,
  signing_sealed bytea not null,
  -- A try is counted before the passphrase is stretched, so that neither a kill nor many at once give one for nothing.
  wrong_tries integer not null default 0,
  blocked_until timestamptz,
  constraint wallet_pk primary key (id),
  constraint wallet_one_a_party unique (party_id),
  constraint wallet_public_key check (length(public_key) = 32),
  constraint wallet_tries check (wrong_tries >= 0)
);

-- One way to unlock a wallet: its data key under a key made of a passphrase (Argon2id) or of a passkey's secret (HKDF),
-- and that once more under the vault's key `outer_key`.
create table vault.protection (
  id bigint not null,
  wallet_id bigint not null,
  kind text not null,
  wrapped bytea not null,
  outer_key text not null,
  salt bytea not null,
  memory_kib integer,
  iterations integer,
  credential_id bytea,
  label text not null default '',
  added_at timestamptz not null,
  constraint protection_pk primary key (id),
  constraint protection_wallet foreign key (wallet_id) references vault.wallet (id) on delete cascade,
  constraint protection_kind check (kind in ('passphrase', 'passkey')),
  constraint protection_salt check (length(salt) = 16),
  constraint protection_stretched check ((kind = 'passphrase') = (memory_kib is not null and iterations is not null)),
  constraint protection_credential check ((kind = 'passkey') = (credential_id is not null)),
  constraint protection_label check (length(label) <= 40),
  constraint protection_credential_once unique (wallet_id, credential_id)
);
create unique index protection_one_passphrase on vault.protection (wallet_id) where kind = 'passphrase';

create table vault.card (
  id bigint not null,
  wallet_id bigint not null,
  version integer not null default 1,
  sealed bytea not null,
  brand text not null,
  last4 text not null,
  expiry_month integer not null,
  expiry_year integer not null,
  label text not null,
  added_at timestamptz not null,
  constraint card_pk primary key (id),
  constraint card_wallet foreign key (wallet_id) references vault.wallet (id) on delete cascade,
  constraint card_last4 check (last4 ~ '^[0-9]{4}$'),
  constraint card_expiry check (expiry_month between 1 and 12 and expiry_year between 2000 and 2199),
  -- A number of a card must not get here by way of its name.
  constraint card_label check (length(label) <= 40 and label !~ '[0-9]([ .-]?[0-9]){11}')
);
create index card_of_wallet on vault.card (wallet_id, added_at);

-- What a wallet has signed: a payment's id is signed once for ever.
create table vault.signed_payment (
  payment_id text not null,
  party_id bigint not null,
  card_id bigint not null,
  order_sha256 bytea not null,
  payment_sha256 bytea not null,
  signed_at timestamptz not null,
  constraint signed_payment_pk primary key (payment_id)
);

-- One row: the bank's key that payments are sealed to, since when, and whether an operator has to look at another.
create table vault.bank_key (
  single_row boolean not null default true,
  key_id text not null,
  point bytea not null,
  pinned_at timestamptz not null,
  constraint bank_key_pk primary key (single_row),
  constraint bank_key_one_row check (single_row),
  constraint bank_key_point check (length(point) = 65)
);

grant select, insert, delete on vault.wallet, vault.protection, vault.card to gavelhouse_vault;
grant update (wrong_tries, blocked_until) on vault.wallet to gavelhouse_vault;
grant update (wrapped, outer_key, salt, memory_kib, iterations) on vault.protection to gavelhouse_vault;
grant update (label) on vault.card to gavelhouse_vault;
grant select, insert on vault.signed_payment to gavelhouse_vault;
grant select, insert, update on vault.bank_key to gavelhouse_vault;
