-- Contracts that two parties sign. The terms are canonical JSON that nobody can alter, in versions; a signature names the
-- hash of the version that it is under, so that by foreign key both parties' signatures cover the same bytes. A contract
-- between traders becomes a deal in the transaction of its second signature; one that a hammer made is a deal already,
-- and its parties may sign it afterwards.

-- The house's certification authority: its own certificate, one for each key that it ever had.
create table market.authority (
  public_key bytea not null,
  der bytea not null,
  made_at timestamptz not null,
  constraint authority_pk primary key (public_key),
  constraint authority_public_key check (length(public_key) = 32)
);

-- A party's certificates. `holder`: the key lies in the vault under the party's passphrase, or is kept by its program.
create table market.certificate (
  serial text not null,
  party_id bigint not null references market.party (id),
  authority bytea not null references market.authority (public_key),
  holder text not null constraint certificate_holder check (holder in ('vault', 'program')),
  public_key bytea not null,
  der bytea not null,
  not_before timestamptz not null,
  not_after timestamptz not null,
  issued_at timestamptz not null,
  constraint certificate_pk primary key (serial),
  constraint certificate_serial check (serial ~ '^[0-9a-f]{32}$'),
  constraint certificate_public_key check (length(public_key) = 32),
  constraint certificate_times check (not_before < not_after),
  constraint certificate_of_party unique (serial, party_id)
);
create index certificate_by_party on market.certificate (party_id, issued_at desc);

create table market.revocation (
  serial text not null references market.certificate (serial),
  revoked_at timestamptz not null,
  revoked_by bigint not null references market.party (id),
  reason text not null constraint revocation_reason check (reason in (
    'key_compromise', 'affiliation_changed', 'superseded', 'cessation_of_operation', 'privilege_withdrawn')),
  note text not null default '' check (length(note) <= 500),
  constraint revocation_pk primary key (serial)
);

-- Every list of revocations that was ever in force, by number: a signature is kept with the list of its instant.
create table market.revocation_list (
  authority bytea not null references market.authority (public_key),
  number bigint not null check (number > 0),
  der bytea not null,
  this_update timestamptz not null,
  next_update timestamptz not null,
  constraint revocation_list_pk primary key (authority, number),
  constraint revocation_list_times check (this_update < next_update)
);

create table market.contract (
  id bigint generated always as identity,
  origin_kind text not null constraint contract_origin check (origin_kind in ('match', 'acceptance', 'hammer', 'documents')),
  origin_ref bigint not null,
  seller_id bigint not null references market.party (id),
  buyer_id bigint not null references market.party (id),
  state text not null constraint contract_state check (state in ('awaiting_signatures', 'in_force', 'lapsed', 'cancelled')),
  drawn_at timestamptz not null,
  sign_by timestamptz,
  -- The version that lies open to be signed, and the latest that both have signed.
  offered_version integer,
  signed_version integer,
  in_force_at timestamptz,
  ended_at timestamptz,
  case_id bigint references escrow.escrow_case (id),
  revision integer not null default 1,
  seller_role text not null generated always as ('seller') stored,
  buyer_role text not null generated always as ('buyer') stored,
  constraint contract_pk primary key (id),
  constraint contract_of_one_origin unique (origin_kind, origin_ref),
  constraint contract_of_case unique (case_id),
  constraint contract_parties_differ check (seller_id <> buyer_id),
  constraint contract_waits_until check ((state = 'awaiting_signatures') = (sign_by is not null)),
  constraint contract_in_force_is_signed
    check (state <> 'in_force' or origin_kind = 'hammer' or signed_version is not null),
  constraint contract_in_force_has_a_case check ((state = 'in_force') = (in_force_at is not null and case_id is not null)),
  constraint contract_ended_once check ((state in ('lapsed', 'cancelled')) = (ended_at is not null)),
  constraint contract_ended_offers_nothing check (ended_at is null or offered_version is null)
);
create index contract_by_seller on market.contract (seller_id, id desc);
create index contract_by_buyer on market.contract (buyer_id, id desc);
create index contract_to_sign on market.contract (sign_by) where state = 'awaiting_signatures';

create table market.contract_version (
  contract_id bigint not null references market.contract (id),
  n integer not null check (n > 0),
  terms text not null,
  terms_sha256 bytea not null,
  proposed_by bigint references market.party (id),
  proposed_at timestamptz not null,
  reason text not null default '' check (length(reason) <= 500),
  constraint contract_version_pk primary key (contract_id, n),
  constraint contract_version_is_its_hash check (terms_sha256 = sha256(convert_to(terms, 'UTF8'))),
  constraint contract_version_bytes unique (contract_id, n, terms_sha256)
);
comment on column market.contract_version.proposed_by is 'Null: the house, from what the parties had agreed on.';

-- `key`: an Ed25519 signature over `record` under a certificate. `agreement`: a message under the parties' agreement on
-- electronic data interchange stands for it; `evidence_sha256` is of that message. `seal` is the house's signed statement
-- of when it had the signature and which list of revocations it then knew.
create table market.contract_signature (
  contract_id bigint not null,
  version integer not null,
  role text not null constraint contract_signature_role check (role in ('seller', 'buyer')),
  party_id bigint not null references market.party (id),
  terms_sha256 bytea not null,
  kind text not null constraint contract_signature_kind check (kind in ('key', 'agreement')),
  serial text,
  record text,
  signature bytea,
  authority bytea,
  crl_number bigint,
  evidence_sha256 bytea,
  seal text not null,
  signed_at timestamptz not null,
  constraint contract_signature_pk primary key (contract_id, version, role),
  constraint contract_signature_of_these_bytes foreign key (contract_id, version, terms_sha256)
    references market.contract_version (contract_id, n, terms_sha256),
  constraint contract_signature_certificate foreign key (serial, party_id) references market.certificate (serial, party_id),
  constraint contract_signature_list foreign key (authority, crl_number) references market.revocation_list (authority, number),
  constraint contract_signature_is_whole check (case kind
    when 'key' then num_nulls(serial, record, signature, authority, crl_number) = 0 and length(signature) = 64
    else num_nonnulls(serial, record, signature, authority, crl_number) = 0 and length(evidence_sha256) = 32 end)
);
alter table market.contract
  add constraint contract_offers_a_version foreign key (id, offered_version)
    references market.contract_version (contract_id, n) deferrable initially deferred,
  add constraint contract_signed_by_seller foreign key (id, signed_version, seller_role)
    references market.contract_signature (contract_id, version, role),
  add constraint contract_signed_by_buyer foreign key (id, signed_version, buyer_role)
    references market.contract_signature (contract_id, version, role);

-- What was done with a contract, by whom and when.
create table market.contract_event (
  contract_id bigint not null references market.contract (id),
  n integer not null check (n > 0),
  at timestamptz not null,
  actor_id bigint references market.party (id),
  kind text not null check (kind ~ '^[a-z_]{1,40}$'),
  version integer,
  detail jsonb not null default '{}',
  constraint contract_event_pk primary key (contract_id, n)
);

-- Who holds which office beside the parties of a trade. Operators grant it and end it.
create table market.office (
  id bigint generated always as identity,
  party_id bigint not null references market.party (id),
  kind text not null constraint office_kind check (kind in ('inspection', 'insurance', 'customs', 'tax', 'carrier')),
  granted_by bigint not null references market.party (id),
  granted_at timestamptz not null,
  ended_by bigint references market.party (id),
  ended_at timestamptz,
  constraint office_pk primary key (id),
  constraint office_ended check ((ended_by is null) = (ended_at is null))
);
create unique index office_held_once on market.office (party_id, kind) where ended_at is null;

-- The checklist of a contract: one row a formality of the version in force. One that an amendment took away is dropped.
create table market.contract_formality (
  contract_id bigint not null references market.contract (id),
  n integer not null check (n > 0),
  version integer not null,
  kind text not null constraint formality_kind check (kind in ('inspection', 'insurance', 'customs', 'tax', 'carrier', 'other')),
  duty_of text not null constraint formality_duty check (duty_of in ('buyer', 'seller', 'house')),
  due text not null,
  required boolean not null,
  note text not null,
  state text not null default 'waiting' constraint formality_state check (
    state in ('waiting', 'handed_in', 'accepted', 'refused', 'dropped')),
  officer_id bigint references market.party (id),
  handed_in_by bigint references market.party (id),
  handed_in_at timestamptz,
  judged_by bigint references market.party (id),
  judged_at timestamptz,
  reason text not null default '' check (length(reason) <= 500),
  constraint formality_pk primary key (contract_id, n),
  constraint formality_handed_in check (state not in ('handed_in', 'accepted') or handed_in_at is not null),
  constraint formality_judged check (state not in ('accepted', 'refused') or judged_by is not null),
  constraint formality_four_eyes check (state <> 'accepted' or judged_by <> handed_in_by),
  constraint formality_refusal_says_why check (state <> 'refused' or reason ~ '\S')
);
create index formality_of_officer on market.contract_formality (officer_id) where officer_id is not null;

create table market.formality_paper (
  id bigint generated always as identity primary key,
  contract_id bigint not null,
  n integer not null,
  author_id bigint not null references market.party (id),
  kind text not null check (kind in ('photo', 'document')),
  name text not null check (length(name) between 1 and 120),
  size_bytes integer not null check (size_bytes between 1 and 10485760),
  upload_sha256 bytea not null check (length(upload_sha256) = 32),
  sha256 bytea not null check (length(sha256) = 32),
  created_at timestamptz not null,
  constraint formality_paper_of foreign key (contract_id, n) references market.contract_formality (contract_id, n),
  constraint formality_paper_is_handed_in_once unique (contract_id, n, upload_sha256),
  constraint formality_paper_bytes unique (id, sha256)
);
create table market.formality_paper_content (
  paper_id bigint not null,
  content bytea not null check (length(content) between 1 and 10485760),
  sha256 bytea not null generated always as (sha256(content)) stored,
  constraint formality_paper_content_pk primary key (paper_id),
  constraint formality_paper_content_of foreign key (paper_id, sha256) references market.formality_paper (id, sha256)
);
alter table market.formality_paper_content alter column content set storage external;

-- A deal comes of a hammer or of a contract's signatures; then its terms are those of the version that both signed.
alter table market.deal
  alter column lot_id drop not null,
  add column contract_id bigint,
  add column contract_version integer,
  add column title_en text not null generated always as
    (coalesce(terms::jsonb ->> 'title_en', terms::jsonb #>> '{goods,0,title_en}', '')) stored,
  add column title_zh text not null generated always as
    (coalesce(terms::jsonb ->> 'title_zh', terms::jsonb #>> '{goods,0,title_zh}', '')) stored,
  add constraint deal_comes_of_one_thing check (num_nonnulls(lot_id, contract_id) = 1),
  add constraint deal_has_its_version check ((contract_id is null) = (contract_version is null)),
  add constraint deal_of_contract unique (contract_id),
  add constraint deal_terms_of_contract foreign key (contract_id, contract_version, terms_sha256)
    references market.contract_version (contract_id, n, terms_sha256);

-- Contracts of the hammers there have been.
insert into market.contract (origin_kind, origin_ref, seller_id, buyer_id, state, drawn_at, offered_version, in_force_at, case_id)
  select 'hammer', case_id, seller_id, buyer_id, 'in_force', created_at, 1, created_at, case_id from market.deal order by case_id;
insert into market.contract_version (contract_id, n, terms, terms_sha256, proposed_at)
  select contract.id, 1, deal.terms, deal.terms_sha256, deal.created_at
  from market.contract join market.deal on deal.case_id = contract.case_id;
insert into market.contract_event (contract_id, n, at, kind, version)
  select id, 1, drawn_at, 'drawn_up', 1 from market.contract;
set constraints all immediate;
set constraints all deferred;

do $$
declare
  name text;
begin
  foreach name in array array['authority', 'certificate', 'revocation', 'revocation_list', 'contract_version',
    'contract_signature', 'contract_event', 'formality_paper', 'formality_paper_content']
  loop
    execute format('create trigger %I before update or delete on market.%I for each row execute function market.refuse_change()',
      name || '_is_append_only', name);
    execute format('create trigger %I before truncate on market.%I for each statement execute function market.refuse_change()',
      name || '_is_never_emptied', name);
    execute format('grant select, insert on market.%I to gavelhouse_app', name);
  end loop;
end
$$;
grant select, insert on market.contract, market.office, market.contract_formality to gavelhouse_app;
grant update (state, sign_by, offered_version, signed_version, in_force_at, ended_at, case_id, revision)
  on market.contract to gavelhouse_app;
grant update (ended_by, ended_at) on market.office to gavelhouse_app;
grant update (state, officer_id, handed_in_by, handed_in_at, judged_by, judged_at, reason)
  on market.contract_formality to gavelhouse_app;

alter table market.negotiation
  add constraint negotiation_made_a_contract foreign key (contract_id) references market.contract (id);

-- The key that a party signs contracts with lies in the vault beside the one that it pays with, and is none of it.
create table vault.identity (
  wallet_id bigint not null,
  public_key bytea not null,
  sealed bytea not null,
  made_at timestamptz not null,
  constraint identity_pk primary key (wallet_id),
  constraint identity_wallet foreign key (wallet_id) references vault.wallet (id) on delete cascade,
  constraint identity_public_key check (length(public_key) = 32)
);
grant select, insert on vault.identity to gavelhouse_vault;
grant update (public_key, sealed, made_at) on vault.identity to gavelhouse_vault;

-- While the goods wait for a formality or by an amendment, the seller has longer to ship them.
insert into escrow.edge (from_state, action, actor, to_state) values ('funded', 'postpone', 'house', 'funded');

-- Contracts between traders have fees of their own.
alter table market.fee_schedule
  drop constraint fee_schedule_market,
  add constraint fee_schedule_market check (market in ('auction', 'reverse', 'trading'));
