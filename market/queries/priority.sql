-- name: holders
-- Who may bid on a lot, with the confirmed rights of priority first.
select admission.party_id, party.display_name as name, admission.paddle, admission.priority_rank as rank
from auction.admission
join market.party on party.id = admission.party_id
where admission.lot_id = $1 and admission.removed_at is null
order by admission.priority_rank nulls last, party.display_name, admission.party_id;
