-- What comes after a bid and after a sale that did not hold: bids taken back, lots put up again, and the offer of a lot to
-- its runner-up or to whoever bid highest below the reserve.

-- A bid that its bidder took back, with the reason that is public. `with_bid`: it went with that one, on which it stood.
create table auction.retraction (
    party_id bigint not null,
    client_bid_id uuid not null,
    lot_id bigint not null constraint retraction_of_a_lot references auction.lot (id),
    reason text not null constraint retraction_reason_known check (
        reason in ('wrong_amount', 'description_changed', 'seller_unreachable')),
    retracted_at timestamptz not null,
    with_bid uuid,
    constraint retraction_pk primary key (party_id, client_bid_id),
    constraint retraction_of_a_bid foreign key (party_id, client_bid_id) references auction.bid (party_id, client_bid_id),
    constraint retraction_with_a_bid foreign key (party_id, with_bid) references auction.retraction (party_id, client_bid_id)
);
create index retraction_by_lot on auction.retraction (lot_id, party_id);
create trigger retraction_append_only before update or delete or truncate on auction.retraction
    for each statement execute function auction.refuse_rewrite();
grant select, insert on auction.retraction to gavelhouse_app;

-- The listing that this one puts up again: whoever defaulted on a former one is barred from it.
alter table market.listing
    add column relist_of bigint constraint listing_relist_of references market.listing (id),
    add constraint listing_relists_an_earlier_one check (relist_of < id);
create index listing_relisted on market.listing (relist_of) where relist_of is not null;

-- A lot may be sold again once its first sale has failed: one contract for each buyer. That no two run at once is the
-- escrow's (escrow_case_one_running).
alter table market.deal drop constraint if exists deal_one_per_lot;
create index if not exists deal_by_lot on market.deal (lot_id, case_id desc);

-- The offer of a lot after its close: to the runner-up when the winner has defaulted, or to the highest bidder when the
-- reserve was not met. It is taken up, declined, or runs out, once.
create table market.second_chance (
    id bigint generated always as identity primary key,
    lot_id bigint not null references market.hammer (lot_id),
    party_id bigint not null references market.party (id),
    kind text not null constraint second_chance_kind_known check (kind in ('runner_up', 'highest_bidder')),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    price_minor bigint not null check (price_minor > 0),
    offered_by bigint references market.party (id),
    offered_at timestamptz not null,
    expires_at timestamptz not null,
    state text not null default 'offered'
        constraint second_chance_state_known check (state in ('offered', 'accepted', 'declined', 'lapsed')),
    ended_at timestamptz,
    case_id bigint references market.deal (case_id),
    constraint second_chance_has_a_clock check (expires_at > offered_at),
    constraint second_chance_ended_once check ((state = 'offered') = (ended_at is null)),
    constraint second_chance_accepted_is_a_deal check ((state = 'accepted') = (case_id is not null))
);
comment on column market.second_chance.offered_by is 'Null: the house, by the rule of the lot.';
create unique index second_chance_one_running on market.second_chance (lot_id) where state = 'offered';
create unique index second_chance_once_each on market.second_chance (lot_id, party_id);
create index second_chance_due on market.second_chance (expires_at) where state = 'offered';
create index second_chance_by_party on market.second_chance (party_id, id desc);

grant select, insert on market.second_chance to gavelhouse_app;
grant update (state, ended_at, case_id) on market.second_chance to gavelhouse_app;
