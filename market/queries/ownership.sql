-- name: lot_owners
-- Whose lot it is: the seller's.
select array[seller_id] from market.listing where id = $1;

-- name: deal_owners
-- Whose deal it is: the buyer's and the seller's; of a part as of the whole.
select array[buyer_id, seller_id] from escrow.escrow_case where id = $1;

-- name: session_owners
-- Whose session it is.
select array[party_id] from market.session where id = $1;

-- name: token_owners
-- Whose API token it is.
select array[party_id] from market.api_token where id = $1;

-- name: notice_owners
-- Whose notice it is.
select array[party_id] from market.notice where id = $1;

-- name: offer_owners
-- Whose offer it is: the bidder's to whom it is made, and the seller's.
select array[second_chance.party_id, listing.seller_id]
from market.second_chance join market.listing on listing.id = second_chance.lot_id
where second_chance.id = $1;

-- name: cheque_owners
-- Whose cheque it is: its writer's and its payee's.
select array_remove(array[writer_id, payee_id], null) from escrow.cheque where id = $1;

-- name: deposit_owners
-- Whose deposit it is.
select array[party_id] from escrow.deposit where id = $1;

-- name: phone_request_owners
-- Whose word a payment waits for.
select array[party_id] from market.phone_request where id = $1;

-- name: document_owners
-- Whose document it is: who gave it and who got it, and of one about a deal both its parties.
select array_remove(array[document.issuer_id, document.recipient_id, escrow_case.buyer_id, escrow_case.seller_id], null)
from market.document left join escrow.escrow_case on escrow_case.id = document.case_id where document.id = $1;

-- name: negotiation_owners
-- Whose negotiation it is: the two who talk.
select array[seller_id, buyer_id] from market.negotiation where id = $1;

-- name: contract_owners
-- Whose contract it is: the two parties', and those officers' who were appointed to one of its papers.
select array_remove(array[seller_id, buyer_id] || array(
  select officer_id from market.contract_formality where contract_id = $1 and state <> 'dropped'), null)
from market.contract where id = $1;
