-- What a hammer leaves behind in the market. One row says that a lot's close has been carried over to the money
-- (so a second run changes nothing), and one row is the contract: terms as canonical JSON that nobody can alter,
-- from which the confirmation is printed in either language for as long as the house stands. A deal carries the
-- number of its escrow case, so one number names it everywhere.

create table market.hammer (
    lot_id      bigint primary key references auction.lot (id),
    outcome     text not null constraint hammer_outcome_is_known check (outcome in ('sold', 'unsold', 'void')),
    seq         bigint not null,
    closed_at   timestamptz not null
);

create table market.deal (
    case_id             bigint primary key,
    lot_id              bigint not null references market.hammer (lot_id),
    buyer_id            bigint not null references market.party (id),
    seller_id           bigint not null references market.party (id),
    currency            text not null check (currency ~ '^[A-Z]{3}$'),
    hammer_minor        bigint not null check (hammer_minor > 0),
    commission_bp       integer not null check (commission_bp between 0 and 10000),
    terms               text not null,
    terms_sha256        bytea not null,
    verification_code   text not null,
    created_at          timestamptz not null,
    constraint deal_one_per_lot unique (lot_id),
    constraint deal_verification_code_is_unique unique (verification_code),
    constraint deal_parties_differ check (buyer_id <> seller_id),
    constraint deal_terms_match_their_hash check (terms_sha256 = sha256(convert_to(terms, 'UTF8')))
);
create index deal_by_buyer on market.deal (buyer_id, case_id desc);
create index deal_by_seller on market.deal (seller_id, case_id desc);

create trigger deal_is_append_only before update or delete on market.deal
    for each row execute function market.refuse_change();
create trigger deal_is_never_emptied before truncate on market.deal
    for each statement execute function market.refuse_change();

-- A contract is written once: the server may add and read, and no more.
grant select, insert on market.hammer, market.deal to gavelhouse_app;
