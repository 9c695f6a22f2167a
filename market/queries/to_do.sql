-- name: to_do
-- What waits for a party in his deals, contracts and negotiations: on which side he stands, what it is about, the page to
-- do it on, and by when; what is due first stands first. `total` is how many there are in all.
with deal_now as (
  select one.id, one.state, one.buyer_id = $1 as is_buyer, one.ship_by_at, deal.contract_id, deal.title_en, deal.title_zh,
         timer.due_at
  from escrow.escrow_case as one
  left join escrow.escrow_case as whole on whole.id = one.parent_id
  join market.deal on deal.case_id = coalesce(whole.reinstates_id, one.reinstates_id, one.parent_id, one.id)
  left join escrow.timer on timer.id = one.timer_id
  where (one.buyer_id = $1 or one.seller_id = $1)
    and one.state in ('awaiting_payment', 'funded', 'inspecting', 'claimed', 'returning')
), paper as (
  select line.contract_id, line.duty_of, line.due, line.state, line.required, line.officer_id, line.handed_in_by,
         case when contract.seller_id = $1 then 'seller' when contract.buyer_id = $1 then 'buyer' else 'officer' end as side,
         contract.signed_version, escrow_case.ship_by_at
  from market.contract_formality as line
  join market.contract on contract.id = line.contract_id and contract.state = 'in_force'
  join escrow.escrow_case on escrow_case.id = contract.case_id
  where line.contract_id in (select id from market.contract where seller_id = $1 or buyer_id = $1
                             union all select contract_id from market.contract_formality where officer_id = $1)
    and (contract.seller_id = $1 or contract.buyer_id = $1 or line.officer_id = $1)
    and line.state in ('waiting', 'refused', 'handed_in')
    and escrow_case.state in ('awaiting_payment', 'funded', 'shipped', 'inspecting')
), waits (kind, side, title_en, title_zh, link, due_at) as (
  select 'pay', 'buyer', title_en, title_zh, '/deals/' || id, due_at
  from deal_now where is_buyer and state = 'awaiting_payment'
  union all
  select 'ship', 'seller', title_en, title_zh, '/deals/' || id, ship_by_at
  from deal_now
  where not is_buyer and state = 'funded' and not exists (
    select from market.contract_formality as line
    where line.contract_id = deal_now.contract_id and line.required and line.due = 'before_ship'
      and line.state not in ('accepted', 'dropped'))
  union all
  select 'confirm', 'buyer', title_en, title_zh, '/deals/' || id, due_at
  from deal_now where is_buyer and state = 'inspecting'
  union all
  select case when is_buyer then 'answer_offer' else 'answer_claim' end, case when is_buyer then 'buyer' else 'seller' end,
         title_en, title_zh, '/deals/' || deal_now.id, due_at
  from deal_now join escrow.claim on claim.case_id = deal_now.id and claim.ended_at is null
  where state = 'claimed' and is_buyer = (claim.offer_minor is not null)
  union all
  select case when is_buyer then 'send_back' else 'confirm_return' end, case when is_buyer then 'buyer' else 'seller' end,
         title_en, title_zh, '/deals/' || deal_now.id, due_at
  from deal_now join escrow.claim on claim.case_id = deal_now.id and claim.ended_at is null
  where state = 'returning' and is_buyer = (claim.returned_at is null)
  union all
  select case when contract.state = 'in_force' then 'sign_amendment' else 'sign' end,
         case when contract.buyer_id = $1 then 'buyer' else 'seller' end,
         coalesce(worded.terms::jsonb #>> '{goods,0,title_en}', ''),
         coalesce(worded.terms::jsonb #>> '{goods,0,title_zh}', ''), '/contracts/' || contract.id, contract.sign_by
  from market.contract
  join market.contract_version as worded on worded.contract_id = contract.id and worded.n = contract.offered_version
  where (contract.seller_id = $1 or contract.buyer_id = $1)
    and contract.state in ('awaiting_signatures', 'in_force') and contract.origin_kind <> 'hammer'
    and (contract.sign_by is null or contract.sign_by > $2)
    and not exists (
      select from market.contract_signature as signed
      where signed.contract_id = contract.id and signed.version = contract.offered_version and signed.party_id = $1)
  union all
  select case when paper.state = 'handed_in' then 'check_paper' when paper.state = 'refused' then 'mend_paper'
              else 'hand_in' end,
         side, coalesce(worded.terms::jsonb #>> '{goods,0,title_en}', ''),
         coalesce(worded.terms::jsonb #>> '{goods,0,title_zh}', ''), '/contracts/' || paper.contract_id,
         case when paper.due = 'before_ship' then ship_by_at
              else (paper.due::date + 1)::timestamp at time zone 'UTC' end
  from paper
  join market.contract_version as worded
    on worded.contract_id = paper.contract_id and worded.n = paper.signed_version
  where case when paper.state = 'handed_in'
             then handed_in_by <> $1 and (officer_id = $1 or side <> 'officer'
                  and side = case when duty_of = 'buyer' then 'seller' else 'buyer' end)
             else required and (officer_id = $1 or side = duty_of) end
  union all
  select case when last.kind = 'inquiry' then 'answer_inquiry' else 'answer_terms' end,
         case when negotiation.buyer_id = $1 then 'buyer' else 'seller' end,
         post.title_en, post.title_zh, '/negotiations/' || negotiation.id, negotiation.lapses_at
  from market.negotiation
  join market.post on post.id = negotiation.post_id
  cross join lateral (
    select kind, author_id from market.negotiation_step as step
    where step.negotiation_id = negotiation.id and step.kind <> 'message'
    order by n desc limit 1
  ) as last
  where (negotiation.seller_id = $1 or negotiation.buyer_id = $1) and negotiation.state = 'open'
    and last.author_id <> $1 and last.kind in ('inquiry', 'offer', 'counter_offer')
    and (negotiation.lapses_at is null or negotiation.lapses_at > $2)
)
select *, count(*) over () as total from waits
where $3::text is null or side = $3
order by due_at nulls last, kind, link
limit $4;
