-- What the house has signed: while a lot is open, the head of its log at least once in each second in which it changed;
-- at the close, the final head with the Merkle root of the whole log. The keys it signs with, each for ever.

create table auction.signing_key (
    public_key text constraint signing_key_pk primary key constraint signing_key_is_ed25519 check (public_key ~ '^[0-9a-f]{64}$'),
    first_used_at timestamptz not null
);

create table auction.signed_head (
    lot_id bigint not null,
    seq bigint not null,
    at timestamptz not null,
    head bytea not null constraint signed_head_is_a_hash check (octet_length(head) = 32),
    root bytea constraint signed_head_root_is_a_hash check (octet_length(root) = 32),
    statement text not null,
    constraint signed_head_pk primary key (lot_id, seq, at)
);
comment on column auction.signed_head.root is 'Only of the final head.';
create unique index signed_head_final on auction.signed_head (lot_id) where root is not null;

create trigger signed_head_append_only before update or delete or truncate on auction.signed_head
    for each statement execute function auction.refuse_rewrite();
create trigger signing_key_append_only before update or delete or truncate on auction.signing_key
    for each statement execute function auction.refuse_rewrite();

-- The house can't sign two histories: a signed head is that of the event of its seq.
create function auction.signed_head_agrees_with_log() returns trigger language plpgsql as $$
begin
    if (select hash from auction.event where lot_id = new.lot_id and seq = new.seq) is distinct from new.head then
        raise exception 'lot %: event % has another hash', new.lot_id, new.seq
            using errcode = 'check_violation', constraint = 'signed_head_agrees_with_log';
    end if;
    return new;
end
$$;
create trigger signed_head_agrees before insert on auction.signed_head
    for each row execute function auction.signed_head_agrees_with_log();

grant select, insert on auction.signing_key, auction.signed_head to gavelhouse_app;
