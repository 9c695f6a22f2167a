-- name: insert_notices
-- The same notice for many parties in one statement.
insert into market.notice (party_id, kind, params, link, created_at)
select unnest($1::bigint[]), $2, $3, $4, $5;

-- name: insert_each_notice
-- A notice of its own for each party in one statement.
insert into market.notice (party_id, kind, params, link, created_at)
select *, $5 from unnest($1::bigint[], $2::text[], $3::jsonb[], $4::text[]);

-- name: notices_of
-- A party's notices, newest first, a page of $3 below id $2 (null: from the newest).
select id, kind, params, link, created_at, read_at
from market.notice where party_id = $1 and ($2::bigint is null or id < $2) order by id desc limit $3;

-- name: read_notice
-- One notice is read; its link is where the reader goes on.
update market.notice set read_at = coalesce(read_at, $3) where id = $1 and party_id = $2 returning link;

-- name: read_all_notices
-- Everything is read.
update market.notice set read_at = $2 where party_id = $1 and read_at is null;

-- name: insert_audit
-- One line of the audit trail.
insert into market.audit (at, actor_id, act, subject, reason, detail) values ($1, $2, $3, $4, $5, $6);

-- name: audit_of_subject
-- What was done to a subject, oldest first.
select a.id, a.at, a.actor_id, p.display_name as actor_name, a.act, a.subject, a.reason, a.detail
from market.audit a left join market.party p on p.id = a.actor_id where a.subject = $1 order by a.id;

-- name: audit_page
-- The audit trail, newest first, a page of $2 below id $1 (null: from the newest).
select a.id, a.at, a.actor_id, p.display_name as actor_name, a.act, a.subject, a.reason, a.detail
from market.audit a left join market.party p on p.id = a.actor_id
where $1::bigint is null or a.id < $1 order by a.id desc limit $2;

-- name: claim_key
-- The first request with a key takes it; a second waits here for the first one's transaction, then finds its answer.
insert into market.idempotency (party_id, key, fingerprint, created_at) values ($1, $2, $3, $4)
on conflict (party_id, key) do nothing
returning true;

-- name: answer_of_key
-- What was answered to the first request with this key.
select fingerprint, status, content_type, body, location from market.idempotency where party_id = $1 and key = $2;

-- name: store_answer
-- The answer, beside its effect.
update market.idempotency set status = $3, content_type = $4, body = $5, location = $6
where party_id = $1 and key = $2;
