-- Parties that are linked with a seller may not bid on his lots. What links them is kept as facts with their source:
-- traits (a payout account, the account a deposit was paid from, a device, a network address) and, for each seller and
-- bidder who meet on a lot, the links that shared traits make. One payment means bars at once; a device or an address
-- may be a household's, so it is flagged and an operator decides. An operator's own bar is a link like the others.
--
-- And the end of a session, token or role is told at the commit, so that every node closes the party's sockets at once,
-- whoever did it: another node, or the command line.

create table market.party_trait (
  party_id      bigint not null references market.party (id),
  kind          text not null constraint trait_kind_known check (kind in ('bank_account', 'device', 'address')),
  fingerprint   bytea not null constraint trait_is_a_hash check (length(fingerprint) = 32),
  source        text not null constraint trait_source_known check (source in ('payout_account', 'paid_from', 'sign_in')),
  first_seen_at timestamptz not null,
  last_seen_at  timestamptz not null,
  constraint party_trait_pk primary key (party_id, kind, fingerprint),
  constraint trait_seen_in_order check (last_seen_at >= first_seen_at)
);
create index party_trait_shared on market.party_trait (kind, fingerprint);
comment on column market.party_trait.fingerprint is 'SHA-256 of what is compared; a key for matching, not a secret kept';

create table market.seller_link (
  id         bigint generated always as identity constraint seller_link_pk primary key,
  seller_id  bigint not null references market.party (id),
  bidder_id  bigint not null references market.party (id),
  kind       text not null
             constraint seller_link_kind_known check (kind in ('bank_account', 'device', 'address', 'operator')),
  source     text not null constraint seller_link_source_told check (length(source) between 1 and 200),
  state      text not null constraint seller_link_state_known check (state in ('flagged', 'barring', 'cleared')),
  found_at   timestamptz not null,
  decided_by bigint references market.party (id),
  decided_at timestamptz,
  reason     text,
  constraint seller_link_once unique (seller_id, bidder_id, kind),
  constraint seller_link_of_two check (seller_id <> bidder_id),
  constraint seller_link_decided_whole check (num_nulls(decided_by, decided_at, reason) in (0, 3)),
  constraint seller_link_cleared_by_someone check (state <> 'cleared' or decided_by is not null),
  constraint seller_link_operator_decides check (kind <> 'operator' or decided_by is not null)
);
create index seller_link_of_bidder on market.seller_link (bidder_id);
create index seller_link_to_decide on market.seller_link (found_at) where state = 'flagged';

-- Accounts that are on file already.
insert into market.party_trait (party_id, kind, fingerprint, source, first_seen_at, last_seen_at)
select party_id, 'bank_account', sha256(convert_to('bank_account:' || number, 'UTF8')), 'payout_account',
       min(registered_at), max(registered_at)
from escrow.bank_account
group by party_id, number;

-- Which account a deposit was paid from is in the bank's notice of the same instant.
create index bank_notice_received on escrow.bank_notice (received_at);

grant select, insert, update, delete on market.party_trait to gavelhouse_app;
grant select, insert, update on market.seller_link to gavelhouse_app;

create function market.tell_of_access() returns trigger language plpgsql as $$
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
create trigger session_end_is_told after delete on market.session
  for each row execute function market.tell_of_access();
create trigger token_end_is_told after update of revoked_at on market.api_token
  for each row when (new.revoked_at is not null and old.revoked_at is null) execute function market.tell_of_access();
create trigger role_change_is_told after update of roles, disabled_at on market.party
  for each row when (new.roles is distinct from old.roles or new.disabled_at is distinct from old.disabled_at)
  execute function market.tell_of_access();
