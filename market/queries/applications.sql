-- name: lot_to_apply_for
-- What the door to a lot needs: whose it is, whether it is on show, what the deposit is, and whether it is over.
select listing.id, listing.seller_id, listing.currency, listing.deposit_minor, listing.title_zh, listing.title_en,
       standing.phase = 'closed' as over
from market.listing
join auction.standing on standing.lot_id = listing.id
where listing.id = $1 and listing.state = 'approved';

-- name: lock_lot_on_show
-- The lot's standing, locked before anything of its applicants or their deposits: as the close does it.
select 1 from auction.standing where lot_id = $1 for update;

-- name: lot_of_application
-- Which lot an application is for; that never changes.
select lot_id from market.application where id = $1;

-- name: party_of_application
-- Whose application it is.
select party_id from market.application where id = $1;

-- name: what_bars
-- What keeps a party from a lot: a bar from the house, what it owes, or a default on a lot of which this is the relist.
with recursive former (id) as (
  select relist_of from market.listing where id = $1
  union
  select listing.relist_of from market.listing join former on listing.id = former.id
)
select exists (select from market.party where id = $2 and barred_at is not null) as barred,
       exists (select from escrow.account where owner_id = $2 and kind = 'receivable' and escrow.balance_of(id) < 0) as owes,
       exists (select from market.deal join former on deal.lot_id = former.id
               join escrow.escrow_case on escrow_case.id = deal.case_id
               where deal.buyer_id = $2 and escrow_case.state = 'defaulted') as defaulted;

-- name: insert_application
-- A party asks to bid. Asking twice leaves the first as it is.
insert into market.application (lot_id, party_id, applied_at) values ($1, $2, $3)
on conflict on constraint one_application_a_lot do nothing;

-- name: application_of
-- The party's application for a lot.
select * from market.application where lot_id = $1 and party_id = $2;

-- name: lock_application
-- One application for a decision: the second of two operators waits here, then sees the first's decision.
select * from market.application where id = $1 for no key update;

-- name: lock_application_of
-- The party's application for a lot, for a change.
select * from market.application where lot_id = $1 and party_id = $2 for no key update;

-- name: mark_application_approved
-- The operator's yes, with the deposit that is now asked for, if there is one.
update market.application set state = 'approved', decided_by = $2, decided_at = $3, deposit_id = $4
where id = $1
returning *;

-- name: mark_application_rejected
-- The operator's no, with the reason that the party reads.
update market.application set state = 'rejected', decided_by = $2, decided_at = $3, reason = $4
where id = $1
returning *;

-- name: mark_application_admitted
-- The party holds a paddle.
update market.application set paddle = $2, admitted_at = $3, rests_since = null
where id = $1
returning *;

-- name: mark_resting
-- The party owes the house: it holds no paddle until it has repaid.
update market.application set paddle = null, admitted_at = null, rests_since = $2 where id = $1;

-- name: mark_not_resting
-- What it would be admitted to again is over, or asks for something else first.
update market.application set rests_since = null where id = $1;

-- name: debtor_to_rest
-- A right to bid on an open lot whose holder owes the house.
select application.lot_id, application.party_id
from escrow.account
join market.application on application.party_id = account.owner_id and application.admitted_at is not null
join auction.standing on standing.lot_id = application.lot_id and standing.phase <> 'closed'
join market.listing on listing.id = application.lot_id and listing.state = 'approved'
where account.kind = 'receivable' and escrow.balance_of(account.id) < 0
order by application.lot_id, application.party_id
limit 1;

-- name: right_to_resume
-- A right to bid that rests while its holder owes nothing any more; whom the house has barred waits until that has ended.
select application.lot_id, application.party_id
from market.application
join market.party on party.id = application.party_id and party.barred_at is null
where application.rests_since is not null
  and not exists (select from escrow.account
                  where owner_id = application.party_id and kind = 'receivable' and escrow.balance_of(id) < 0)
order by application.lot_id, application.party_id
limit 1;

-- name: mark_deposit_asked_anew
-- The deposit fell: the party holds no paddle and another deposit is asked for.
update market.application set paddle = null, admitted_at = null, rests_since = null, deposit_id = $2
where id = $1;

-- name: applications_page
-- Who may bid on which lot: the queue (state 'applied', the longest waiting first) or the register of decisions.
select application.*, party.display_name as party_name, party.barred_at is not null as party_is_barred,
       (select count(*) from market.application as others
        where others.party_id = application.party_id and others.admitted_at is not null) as admitted_before,
       listing.title_zh, listing.title_en, listing.currency, listing.deposit_minor, listing.starts_at,
       decider.display_name as decided_by_name
from market.application
join market.party on party.id = application.party_id
join market.listing on listing.id = application.lot_id
left join market.party as decider on decider.id = application.decided_by
where ($1::text is null or application.state = $1)
  and ($2::bigint is null or application.lot_id = $2)
order by case when application.state = 'applied' then application.applied_at end,
         application.decided_at desc nulls last, application.id
limit $3 offset $4;

-- name: count_applications
-- How many there are of a state, of a lot.
select count(*) from market.application
where ($1::text is null or state = $1) and ($2::bigint is null or lot_id = $2);

-- name: applications_of_party
-- What a party has applied for, with the lot's title: the lots on which nothing is bid yet included.
select application.*, listing.title_zh, listing.title_en
from market.application
join market.listing on listing.id = application.lot_id
where application.party_id = $1
order by application.applied_at desc
limit $2;
