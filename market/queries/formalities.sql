-- name: insert_formality
-- One line of a contract's checklist.
insert into market.contract_formality (contract_id, n, version, kind, duty_of, due, required, note)
select $1, coalesce(max(n), 0) + 1, $2, $3, $4, $5, $6, $7 from market.contract_formality where contract_id = $1;

-- name: drop_formality
-- An amendment took it away.
update market.contract_formality set state = 'dropped' where contract_id = $1 and n = $2;

-- name: checklist
-- A contract's checklist with the names of who did what; `judges` have judged a paper of this line at any time.
select f.contract_id, f.n, f.version, f.kind, f.duty_of, f.due, f.required, f.note, f.state, f.officer_id, f.handed_in_by,
       f.handed_in_at, f.judged_by, f.judged_at, f.reason, officer.display_name as officer_name,
       hander.display_name as handed_in_name, judge.display_name as judged_name,
       array(select distinct event.actor_id from market.contract_event event
             where event.contract_id = f.contract_id and event.kind in ('formality_accepted', 'formality_refused')
               and (event.detail ->> 'n')::integer = f.n) as judges
from market.contract_formality f
left join market.party officer on officer.id = f.officer_id
left join market.party hander on hander.id = f.handed_in_by
left join market.party judge on judge.id = f.judged_by
where f.contract_id = $1 order by f.n;

-- name: appoint
-- Who is to see to it.
update market.contract_formality set officer_id = $3 where contract_id = $1 and n = $2;

-- name: hand_in
-- A paper is there; it is to be judged anew.
update market.contract_formality
set state = 'handed_in', handed_in_by = $3, handed_in_at = $4, judged_by = null, judged_at = null, reason = ''
where contract_id = $1 and n = $2;

-- name: judge
-- Accepted, or refused with the reason.
update market.contract_formality set state = $3, judged_by = $4, judged_at = $5, reason = $6
where contract_id = $1 and n = $2;

-- name: papers
-- What was handed in, oldest first, without the bytes.
select paper.id, paper.n, author_id, party.display_name as author_name, kind, name, size_bytes, sha256, paper.created_at
from market.formality_paper paper join market.party on party.id = author_id
where contract_id = $1 order by paper.id;

-- name: insert_paper
-- One paper's facts; nothing when the same file was handed in before, or when there are as many as a line takes.
insert into market.formality_paper (contract_id, n, author_id, kind, name, size_bytes, upload_sha256, sha256, created_at)
select $1, $2, $3, $4, $5, $6, $7, $8, $9
where (select count(*) from market.formality_paper where contract_id = $1 and n = $2) < $10::integer
on conflict do nothing
returning id;

-- name: insert_paper_content
-- The bytes of one paper.
insert into market.formality_paper_content (paper_id, content) values ($1, $2);

-- name: paper
-- One paper with its bytes.
select paper.kind, paper.name, content.content
from market.formality_paper paper join market.formality_paper_content content on content.paper_id = paper.id
where paper.contract_id = $1 and paper.id = $2;

-- name: grant_office
-- A party holds an office from now on; nothing when it holds it already.
insert into market.office (party_id, kind, granted_by, granted_at) values ($1, $2, $3, $4)
on conflict do nothing returning id;

-- name: end_office
-- It holds it no longer.
update market.office set ended_by = $2, ended_at = $3 where id = $1 and ended_at is null returning party_id;

-- name: offices
-- Who holds which office now.
select office.id, office.party_id, party.display_name as party_name, office.kind, office.granted_at
from market.office join market.party on party.id = office.party_id
where ended_at is null and ($1::text is null or office.kind = $1)
order by office.kind, party.display_name, office.id;

-- name: duties_of_officer
-- The contracts in which a party was appointed to see to something, newest first.
select f.contract_id, f.n, f.kind, f.state, f.due, f.duty_of, standing.terms
from market.contract_formality f
join market.contract on contract.id = f.contract_id
join market.contract_version standing on standing.contract_id = f.contract_id and standing.n = contract.signed_version
where f.officer_id = $1 and f.state <> 'dropped'
order by f.contract_id desc, f.n limit 200;

-- name: party_of_email
-- The party with this address.
select id from market.party where email = $1 and disabled_at is null;
