-- Who the house deals with, how they prove it, and what the house has told them. The audit trail is append-only: what
-- an operator did, and each security event, stays readable whatever happens to the row it was about.

create table market.party (
    id              bigint generated always as identity primary key,
    -- Normalised to NFC and case-folded by market/parties.py, so that one mailbox is one party.
    email           text not null constraint party_email_is_unique unique
                    constraint party_email_is_plain check (
                        length(email) between 3 and 254 and email !~ '[[:cntrl:][:space:]]' and position('@' in email) > 1),
    display_name    text not null
                    constraint party_display_name_is_plain check (
                        length(display_name) between 1 and 60 and display_name !~ '[[:cntrl:]]'),
    language        text not null default 'en' constraint party_language_is_known check (language in ('en', 'zh')),
    roles           text[] not null default array['member']
                    constraint party_roles_are_known check (roles <@ array['member', 'operator']),
    passphrase_phc  text constraint party_passphrase_is_hashed check (passphrase_phc like '$argon2id$%'),
    created_at      timestamptz not null,
    disabled_at     timestamptz,
    barred_at       timestamptz,
    barred_reason   text constraint party_bar_has_a_reason check ((barred_at is null) = (barred_reason is null))
);
comment on column market.party.barred_at is 'May sign in and settle what is open, but is admitted to no further lot';
comment on column market.party.passphrase_phc is 'Argon2id in PHC form; null for a party who signs in by link only';

-- A session is known by the SHA-256 of its token: reading the table gives nobody a session.
create table market.session (
    id              bigint generated always as identity primary key,
    token_sha256    bytea not null unique check (length(token_sha256) = 32),
    party_id        bigint not null references market.party,
    created_at      timestamptz not null,
    last_seen_at    timestamptz not null,
    expires_at      timestamptz not null check (expires_at > created_at),
    user_agent      text not null default '' check (length(user_agent) <= 200),
    address         text not null default '' check (length(address) <= 64)
);
create index session_party on market.session (party_id);

create table market.api_token (
    id              bigint generated always as identity primary key,
    token_sha256    bytea not null unique check (length(token_sha256) = 32),
    party_id        bigint not null references market.party,
    name            text not null check (length(name) between 1 and 60),
    last_four       text not null check (length(last_four) = 4),
    created_at      timestamptz not null,
    last_used_at    timestamptz,
    revoked_at      timestamptz
);
create index api_token_party on market.api_token (party_id);

create table market.sign_in_link (
    token_sha256    bytea primary key check (length(token_sha256) = 32),
    party_id        bigint not null references market.party,
    created_at      timestamptz not null,
    expires_at      timestamptz not null check (expires_at > created_at),
    used_at         timestamptz
);

create table market.audit (
    id              bigint generated always as identity primary key,
    at              timestamptz not null,
    actor_id        bigint references market.party,
    act             text not null check (length(act) between 1 and 100),
    subject         text not null check (length(subject) between 1 and 200),
    reason          text,
    detail          jsonb not null default '{}'
);
create index audit_subject on market.audit (subject, id);
create index audit_actor on market.audit (actor_id, id);

create function market.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '%.% is append-only', tg_table_schema, tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger audit_is_append_only before update or delete on market.audit
    for each row execute function market.refuse_change();
create trigger audit_is_never_emptied before truncate on market.audit
    for each statement execute function market.refuse_change();

-- The answer is stored in the transaction of the effect, so a retry finds both or neither.
create table market.idempotency (
    party_id        bigint not null references market.party,
    key             text not null check (length(key) between 1 and 200),
    fingerprint     bytea not null check (length(fingerprint) = 32),
    status          smallint,
    content_type    text,
    body            bytea,
    location        text,
    created_at      timestamptz not null,
    primary key (party_id, key)
);

create table market.notice (
    id              bigint generated always as identity primary key,
    party_id        bigint not null references market.party,
    kind            text not null check (length(kind) between 1 and 100),
    params          jsonb not null default '{}',
    link            text not null check (link like '/%' and link not like '//%'),
    created_at      timestamptz not null,
    read_at         timestamptz
);
create index notice_party on market.notice (party_id, id desc);
create index notice_unread on market.notice (party_id) where read_at is null;

grant usage on schema market to gavelhouse_app;
grant select, insert, update on market.party to gavelhouse_app;
grant select, insert, update, delete on market.session to gavelhouse_app;
grant select, insert, update on market.api_token to gavelhouse_app;
grant select, insert, update on market.sign_in_link to gavelhouse_app;
grant select, insert on market.audit to gavelhouse_app;
grant select, insert, update on market.idempotency to gavelhouse_app;
grant select, insert, update on market.notice to gavelhouse_app;
