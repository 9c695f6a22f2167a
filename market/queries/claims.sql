-- name: claims_queue
-- Disputed cases by deadline, with who sees to them; $1 narrows to a state, $2 to a viewer's own ('mine'), to those that
-- nobody has taken ('free') or whose ruling waits for a second person ('second'), $3 is the viewer.
select escrow_case.id as case_id, escrow_case.state, escrow_case.currency, escrow_case.held_minor, claim.amount_minor,
       claim.reason, claim.opened_at, timer.action as clock_action, timer.due_at,
       deal.title_en, deal.title_zh,
       buyer.display_name as buyer_name, seller.display_name as seller_name,
       handler.display_name as handler_name, arbiter.display_name as arbiter_name,
       waiting.id is not null as waits_for_second, count(*) over () as total
from escrow.escrow_case
join escrow.claim on claim.case_id = escrow_case.id and claim.ended_at is null
join market.deal on deal.case_id = escrow_case.id
join escrow.timer on timer.id = escrow_case.timer_id
join market.party as buyer on buyer.id = escrow_case.buyer_id
join market.party as seller on seller.id = escrow_case.seller_id
left join market.party as handler on handler.id = claim.handler_id
left join market.party as arbiter on arbiter.id = claim.arbiter_id
left join escrow.ruling as waiting on waiting.claim_id = claim.id and waiting.needs_second
  and waiting.confirmed_by is null and waiting.declined_by is null and escrow_case.state = 'arbitration'
where escrow_case.state in ('claimed', 'returning', 'arbitration', 'ruled')
  and ($1::text is null or escrow_case.state = $1)
  and case $2::text
        when 'mine' then $3::bigint in (claim.handler_id, claim.arbiter_id)
        when 'free' then (escrow_case.state = 'arbitration' and claim.arbiter_id is null)
                      or (escrow_case.state in ('claimed', 'returning') and claim.handler_id is null)
        when 'second' then waiting.id is not null
        else true end
order by timer.due_at, escrow_case.id
limit $4 offset $5

-- name: open_chargebacks
-- Chargebacks, of one state or all, the latest first, and how far the house's answer to each has come.
select chargeback.id, chargeback.case_id, chargeback.purpose, chargeback.currency, chargeback.amount_minor,
       chargeback.reason, chargeback.state, chargeback.opened_at, chargeback.party_id, chargeback.from_payable_minor,
       chargeback.from_reserve_minor, chargeback.from_receivable_minor, chargeback.from_deposit_minor,
       chargeback.from_buyer_wallet_minor, chargeback.from_buyer_change_minor, chargeback.from_buyer_owed_minor,
       party.display_name as party_name, answer.chargeback_id is not null as is_answered,
       answer.told_at is not null as is_told
from escrow.chargeback
join market.party on party.id = chargeback.party_id
left join escrow.chargeback_answer as answer on answer.chargeback_id = chargeback.id
where $1::text is null or chargeback.state = $1
order by chargeback.id desc
limit $2;

-- name: other_operators
-- Who can see to it: every operator who is not one of these.
select id from market.party where 'operator' = any(roles) and disabled_at is null and id <> all ($1::bigint[]) order by id;
