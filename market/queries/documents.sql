-- name: partner
-- How a party's system is reached.
select party_id, code, agency, format, channel, url, generation, changed_at from market.partner where party_id = $1;

-- name: partners
-- How the systems of these parties are reached.
select party_id, code, agency, format, channel, url, generation, changed_at from market.partner where party_id = any ($1);

-- name: save_partner
-- The address of a party's system; a change makes another secret.
insert into market.partner (party_id, code, agency, format, channel, url, changed_at) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (party_id) do update set code = excluded.code, agency = excluded.agency, format = excluded.format,
  channel = excluded.channel, url = excluded.url, changed_at = excluded.changed_at, generation = market.partner.generation + 1,
  rest_until = null, failures = 0;

-- name: redirect_deliveries
-- What has not gone yet goes the new way.
update market.document_delivery set channel = $2, format = $3, try_at = $4, queued_at = $4, attempts = 0, said = ''
where party_id = $1 and state = 'queued';

-- name: parties_with_folders
-- Whose folders are looked into: not those of parties that the house has shut out.
select party_id from market.partner join market.party on party.id = party_id
where channel = 'folder' and barred_at is null order by party_id;

-- name: named
-- Parties with the codes that documents give them.
select party.id, party.display_name as name, partner.code, partner.agency
from market.party left join market.partner on partner.party_id = party.id where party.id = any ($1::bigint[]);

-- name: party_of_code
-- Whose code it is.
select party_id from market.partner where agency = $1 and code = $2;

-- name: give_consent
-- Messages may stand for this party's signature towards the other.
insert into market.edi_consent (party_id, other_id, given_at) values ($1, $2, $3) on conflict do nothing;

-- name: end_consent
-- From now on they don't.
update market.edi_consent set ended_at = $3 where party_id = $1 and other_id = $2 and ended_at is null;

-- name: agreed
-- Whether both parties let messages stand for signatures between them.
select count(*) = 2 from market.edi_consent
where ended_at is null and ((party_id = $1 and other_id = $2) or (party_id = $2 and other_id = $1));

-- name: consents_of
-- With whom the party has traded or agreed, and which of the two let messages stand for signatures.
select party.id as other_id, party.display_name as name,
  exists (select from market.edi_consent mine
          where mine.party_id = $1 and mine.other_id = party.id and mine.ended_at is null) as is_given,
  exists (select from market.edi_consent theirs
          where theirs.party_id = party.id and theirs.other_id = $1 and theirs.ended_at is null) as is_given_back
from market.party
where party.id in (
  select case when seller_id = $1 then buyer_id else seller_id end from market.contract where $1 in (seller_id, buyer_id)
  union select other_id from market.edi_consent where party_id = $1 and ended_at is null
  union select party_id from market.edi_consent where other_id = $1 and ended_at is null)
order by party.display_name, party.id limit 200;

-- name: party_exists
-- Whether there is such a party.
select exists (select from market.party where id = $1);

-- name: next_document
-- The number of the document that is made next; a number that is not used is no fault.
select nextval(pg_get_serial_sequence('market.document', 'id'));

-- name: any_due
-- Whether there is a deal whose documents are to be made.
select exists (select from market.document_due where due_at <= $1);

-- name: claim_due
-- Deals whose documents are to be made; another clock passes them over.
select case_id, sends, tries from market.document_due where due_at <= $1 order by due_at, case_id limit $2 for update skip locked;

-- name: is_due
-- Whether documents of the deal are still to be made.
select exists (select from market.document_due where case_id = $1);

-- name: wait_for_due_of
-- Whether what is made of this deal is sent, if it is due; after whoever is making it.
select sends from market.document_due where case_id = $1 for update;

-- name: documents_made
-- The deal has said everything up to now.
delete from market.document_due where case_id = $1;

-- name: postpone_due
-- It could not be made this time.
update market.document_due set due_at = $2, tries = tries + 1 where case_id = $1;

-- name: cases_of_deal
-- The first case of a deal, what reinstated it, and the parts of each.
with recursive cases(id) as (
  select $1::bigint
  union
  select one.id from cases, lateral (
    select id from escrow.escrow_case where parent_id = cases.id
    union all select id from escrow.escrow_case where reinstates_id = cases.id) as one
)
select id from cases order by id;

-- name: booked_of_cases
-- What was booked with carriers for these cases.
select id from market.consignment where case_id = any ($1::bigint[]) order by id;

-- name: made_of_deal
-- Which steps of a deal have made which documents.
with recursive cases(id) as (
  select $1::bigint
  union
  select one.id from cases, lateral (
    select id from escrow.escrow_case where parent_id = cases.id
    union all select id from escrow.escrow_case where reinstates_id = cases.id) as one
)
select step, kind from market.document where case_id in (select id from cases);

-- name: insert_document
-- A document of a step; nothing when the step has made it before.
insert into market.document (id, kind, number, step, issuer_id, recipient_id, negotiation_id, round, contract_id, case_id,
  record, record_sha256, reference, edifact, xml, made_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, sha256(convert_to($11, 'UTF8')), $12, $13, $14, $15)
on conflict (step, kind) do nothing returning id;

-- name: next_documents
-- The numbers of the documents that are made next.
select nextval(pg_get_serial_sequence('market.document', 'id')) from generate_series(1, $1);

-- name: insert_documents
-- Documents of steps that are taken together; none of a step that has made it before.
insert into market.document (id, kind, number, step, issuer_id, recipient_id, negotiation_id, round, contract_id, case_id,
  record, record_sha256, reference, edifact, xml, made_at)
select id, kind, number, step, issuer_id, recipient_id, negotiation_id, round, contract_id, case_id, record,
  sha256(convert_to(record, 'UTF8')), reference, edifact, xml, made_at
from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::integer[],
  $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::bytea[], $14::bytea[], $15::timestamptz[])
  as made (id, kind, number, step, issuer_id, recipient_id, negotiation_id, round, contract_id, case_id, record, reference,
    edifact, xml, made_at)
on conflict (step, kind) do nothing returning id;

-- name: queue_delivery
-- The recipient's system is to have it.
insert into market.document_delivery (document_id, party_id, channel, format, try_at, queued_at) values ($1, $2, $3, $4, $5, $6);

-- name: document
-- One document with its bytes.
select document.*, delivery.state as delivery_state, delivery.said, delivery.sent_at, delivery.answered_at, delivery.channel,
  delivery.format, delivery.attempts, delivery.resent, delivery.remind_at
from market.document left join market.document_delivery delivery on delivery.document_id = document.id
where document.id = $1;

-- name: documents_of_deal
-- The documents of a deal: of its case, parts, and what reinstated it, its contract, and the negotiation that made it; in
-- the order of what they say, which for those that were made late is not the order of making.
with recursive origin(id, depth) as (
  select $1::bigint, 0
  union all
  select coalesce(one.parent_id, one.reinstates_id), origin.depth + 1
  from origin join escrow.escrow_case as one on one.id = origin.id
  where coalesce(one.parent_id, one.reinstates_id) is not null
), cases(id) as (
  (select id from origin order by depth desc limit 1)
  union
  select one.id from cases, lateral (
    select id from escrow.escrow_case where parent_id = cases.id
    union all select id from escrow.escrow_case where reinstates_id = cases.id) as one
), contracts as (select id from market.contract where case_id in (select id from cases)),
  talks as (select id from market.negotiation where contract_id in (select id from contracts))
select document.id, kind, number, issuer_id, recipient_id, document.made_at, case_id, reference,
  delivery.state as delivery_state, delivery.said, delivery.answered_at
from market.document left join market.document_delivery delivery on delivery.document_id = document.id
where case_id in (select id from cases) or contract_id in (select id from contracts)
  or negotiation_id in (select id from talks)
order by document.record::jsonb ->> 'issued_at', document.id;

-- name: documents_of_party
-- A party's documents, newest first, and how many there are; of one kind if named.
select document.id, kind, number, issuer_id, recipient_id, document.made_at, case_id, reference,
  delivery.state as delivery_state, delivery.said, delivery.answered_at, count(*) over ()::bigint as total
from market.document left join market.document_delivery delivery on delivery.document_id = document.id
where (issuer_id = $1 or recipient_id = $1) and ($2::text is null or kind = $2)
order by document.id desc limit $3 offset $4;

-- name: waiting_documents
-- What a party's system is to fetch, oldest first.
select document.id, kind, number, issuer_id, recipient_id, document.made_at, case_id, reference,
  delivery.state as delivery_state, delivery.said, delivery.answered_at
from market.document_delivery delivery join market.document on document.id = delivery.document_id
where delivery.party_id = $1 and delivery.state = 'queued' order by document.id limit $2;

-- name: document_by_number
-- The latest document of a kind under this number that went to the party, or, of its own, that it gave; before all one
-- between the two, where others use the same number.
select id, negotiation_id, round, contract_id, case_id, record from market.document
where number = $1 and kind = $2 and (recipient_id = $3 or issuer_id = $3)
order by $4::bigint in (recipient_id, issuer_id) desc nulls last, id desc limit 1;

-- name: last_of_talk
-- The number of the latest request or quotation of a negotiation before a step.
select number from market.document where negotiation_id = $1 and round < $2 and kind in ('reqote', 'quotes')
order by round desc limit 1;

-- name: order_number
-- Under which number the order of a contract went.
select number from market.document where kind = 'orders'
  and (contract_id = $1 or negotiation_id in (select id from market.negotiation where contract_id = $1))
order by id limit 1;

-- name: claim_turn
-- A partner for whom something waits and who is neither resting nor being served: whoever was served longest ago. He is
-- ours until $2, so that a killed sender only delays him.
update market.partner p set rest_until = $2
where p.party_id = (select one.party_id from market.partner one
  where (one.rest_until is null or one.rest_until <= $1) and exists (
    select from market.document_delivery d
    where d.party_id = one.party_id and d.state = 'queued' and d.channel <> 'queue' and d.try_at <= $1)
  order by one.rest_until nulls first, one.party_id limit 1 for no key update skip locked)
returning p.party_id, p.failures;

-- name: claim_delivery
-- The partner's document whose time came first; one that was not taken lines up behind the others.
update market.document_delivery d set attempts = attempts + 1, try_at = $2
where d.document_id = (select u.document_id from market.document_delivery u
  where u.party_id = $3 and u.state = 'queued' and u.channel <> 'queue' and u.try_at <= $1
  order by u.try_at, u.document_id limit 1 for update skip locked)
returning d.document_id, d.party_id, d.format, d.attempts, d.queued_at;

-- name: end_turn
-- The partner rests until $2 after so many failures in a row; unless its address was changed meanwhile.
update market.partner set rest_until = $2, failures = $3 where party_id = $1 and generation = $4;

-- name: postpone_delivery
-- Not taken this time: when to try again, and what was said.
update market.document_delivery set try_at = $2, said = $3 where document_id = $1 and state = 'queued';

-- name: give_up_delivery
-- Tried for days: it stays to be fetched or sent again by hand.
update market.document_delivery set state = 'given_up', said = $2 where document_id = $1 and state = 'queued' returning document_id;

-- name: give_up_older
-- Whoever has not been reached for days gets nothing of what has waited for so long.
update market.document_delivery set state = 'given_up', said = $3
where party_id = $1 and state = 'queued' and channel <> 'queue' and queued_at <= $2 returning document_id;

-- name: delivery_sent
-- The partner's system has taken it; by $4 it should have answered. What it fetches by itself is never sent again.
update market.document_delivery set state = 'sent', sent_at = $2, said = $3, try_at = null,
  remind_at = case when channel = 'queue' then null else $4::timestamptz end
where document_id = $1 and state in ('queued', 'given_up');

-- name: send_unanswered
-- What was taken and not answered in time goes once more, as it was, while that has been done less than $2 times.
update market.document_delivery d set state = 'queued', try_at = $1, queued_at = $1, attempts = 0, resent = d.resent + 1,
  remind_at = null, channel = p.channel, format = p.format
from market.partner p
where p.party_id = d.party_id and p.channel <> 'queue' and d.document_id in (
  select u.document_id from market.document_delivery u
  where u.state = 'sent' and u.remind_at <= $1 and u.resent < $2 order by u.remind_at limit $3 for update skip locked)
returning d.document_id;

-- name: unanswered
-- What was sent again as often as may be and still is not answered; this is told once.
update market.document_delivery d set remind_at = null
where d.document_id in (
  select u.document_id from market.document_delivery u
  where u.state = 'sent' and u.remind_at <= $1 and (u.resent >= $2
    or exists (select from market.partner p where p.party_id = u.party_id and p.channel = 'queue'))
  order by u.remind_at limit $3 for update skip locked)
returning d.document_id, d.party_id, d.resent,
  (select kind from market.document where id = d.document_id) as kind,
  (select number from market.document where id = d.document_id) as number;

-- name: delivery_answered
-- The partner's system has said what it makes of it; the first word counts.
update market.document_delivery set state = $3, answered_at = $4, said = $5, sent_at = coalesce(sent_at, $4), remind_at = null
where document_id = (select id from market.document where reference = $1 and recipient_id = $2)
  and state not in ('acknowledged', 'rejected') returning document_id;

-- name: reference_of_number
-- Under which reference the latest document of this number went to the party.
select document.reference from market.document join market.document_delivery delivery on delivery.document_id = document.id
where document.number = $1 and delivery.party_id = $2 order by document.id desc limit 1;

-- name: own_reference
-- The document that was sent to this party under this reference, and how its delivery stands.
select document.id, delivery.state from market.document
join market.document_delivery delivery on delivery.document_id = document.id
where document.reference = $1 and delivery.party_id = $2;

-- name: send_again
-- The recipient asks for it once more.
update market.document_delivery d set state = 'queued', try_at = $3, queued_at = $3, attempts = 0, resent = 0, remind_at = null,
  said = '', channel = p.channel, format = p.format
from market.partner p
where document_id = $1 and d.party_id = $2 and p.party_id = $2 and state in ('sent', 'given_up') returning document_id;

-- name: exchange_of
-- What the party sent under this reference, and how it was answered.
select id, sha256, accepted, answer from market.exchange where party_id = $1 and format = $2 and reference = $3;

-- name: claim_reference
-- From here to the end of the transaction nobody else works on this reference of the party.
select pg_advisory_xact_lock(hashtextextended($1, 31));

-- name: insert_exchange
-- What came in, with its answer.
insert into market.exchange (party_id, format, reference, content, kinds, accepted, answer, flaws, negotiation_id,
  contract_id, case_id, received_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning id;

-- name: exchanges_of_party
-- What a party's system sent, newest first, and how many there are.
select id, format, reference, kinds, accepted, flaws, negotiation_id, contract_id, case_id, received_at,
  count(*) over ()::bigint as total
from market.exchange where party_id = $1 order by id desc limit $2 offset $3;

-- name: exchange
-- One of them with its bytes.
select id, party_id, format, reference, kinds, accepted, flaws, content, answer, received_at from market.exchange where id = $1;

-- name: held_when_shipped
-- What had come into an account of escrow up to an instant, less what went out before it and what was split off in it.
select coalesce(sum(balance.delta), 0)::bigint
from escrow.balance join escrow.op on op.id = balance.op
where balance.account = (select id from escrow.account where path = $1 and currency = $2)
  and (op.at < $3 or op.at = $3 and (balance.delta > 0 or op.kind like 'case\_split\_%'));

-- name: paid_out_by
-- What one act took out of a case's account, by where it went.
select credit.path, sum(transfer.amount)::bigint as amount_minor
from escrow.op join escrow.transfer on transfer.op = op.id
  join escrow.account debit on debit.id = transfer.debit join escrow.account credit on credit.id = transfer.credit
where op.subject = $1 and op.kind = $2 and op.at = $3 and debit.path = $4 group by credit.path order by credit.path;
