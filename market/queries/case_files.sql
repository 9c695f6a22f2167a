-- name: lock_case_file
-- One writer of a case's file at a time, so that its numbers have no gap and its limits no race.
select pg_advisory_xact_lock(hashtextextended('case_file', $1));

-- name: insert_message
-- One message; no row once its author has written as many as a file takes.
insert into market.case_message (case_id, author_id, author_role, n, words, created_at)
select $1, $2, $3, coalesce(max(n), 0) + 1, $4, $5 from market.case_message where case_id = $1 and author_id = $2
having coalesce(max(n), 0) < $6::integer
returning id;

-- name: insert_evidence
-- One file's facts; no row once its author has handed in as many as a file takes.
insert into market.case_evidence (
    case_id, author_id, author_role, n, kind, name, size_bytes, width, height, upload_sha256, sha256, created_at)
select $1, $2, $3, coalesce(max(n), 0) + 1, $4, $5, $6, $7, $8, $9, $10, $11
from market.case_evidence where case_id = $1 and author_id = $2
having coalesce(max(n), 0) < $12::integer
returning id;

-- name: insert_evidence_content
-- The bytes of one file in one size.
insert into market.case_evidence_content (evidence_id, width, content) values ($1, $2, $3);

-- name: evidence_handed_in
-- The file that this person handed in before, if it is the same.
select id from market.case_evidence where case_id = $1 and author_id = $2 and upload_sha256 = $3;

-- name: messages_of_case
-- What was written in a case, oldest first.
select case_message.id, author_id, author_role, party.display_name as author_name, words, case_message.created_at
from market.case_message join market.party on party.id = case_message.author_id
where case_id = $1
order by case_message.id;

-- name: evidence_of_case
-- What was handed in to a case, oldest first, without the bytes.
select case_evidence.id, author_id, author_role, party.display_name as author_name, kind, name, size_bytes, width, height,
       upload_sha256, sha256, case_evidence.created_at
from market.case_evidence join market.party on party.id = case_evidence.author_id
where case_id = $1
order by case_evidence.id;

-- name: evidence_content
-- The bytes of one file of a case in one size, with its kind and name.
select kind, name, content
from market.case_evidence join market.case_evidence_content on evidence_id = id
where case_id = $1 and id = $2 and case_evidence_content.width = $3;

-- name: file_size
-- How much a case's file holds: its version, by which a page learns that there is something new.
select (select count(*) from market.case_message where case_id = $1)
       + (select count(*) from market.case_evidence where case_id = $1) as entries;

-- name: unread_of_file
-- Whether a party has been told of something new in this file, and has not looked yet.
select exists (
  select from market.notice where party_id = $1 and kind = 'case_file_added' and link = $2 and read_at is null)
