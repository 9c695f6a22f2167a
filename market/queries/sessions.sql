-- name: insert_session
-- A new session, known by the hash of its token.
insert into market.session (token_sha256, party_id, created_at, last_seen_at, expires_at, user_agent, address)
values ($1, $2, $3, $3, $4, $5, $6)
returning id;

-- name: viewer_by_session
-- Who a session's token belongs to, unless it has expired, lain idle since $3, or its party is disabled.
select s.id as session_id, s.last_seen_at, p.id as party_id, p.roles, p.display_name, p.language,
       (select count(*) from market.notice n where n.party_id = p.id and n.read_at is null) as unread_notices
from market.session s join market.party p on p.id = s.party_id
where s.token_sha256 = $1 and s.expires_at > $2 and s.last_seen_at > $3 and p.disabled_at is null;

-- name: touch_session
-- When the session was last used, to the minute.
update market.session set last_seen_at = $2 where id = $1;

-- name: sessions_of
-- The party's own list of where it is signed in.
select id, created_at, last_seen_at, expires_at, user_agent, address
from market.session where party_id = $1 and expires_at > $2 and last_seen_at > $3 order by last_seen_at desc;

-- name: end_session
-- One session of a party ends.
delete from market.session where id = $1 and party_id = $2;

-- name: end_session_by_token
-- The session of this token ends, whoever brings it: a new sign-in replaces it.
delete from market.session where token_sha256 = $1 returning party_id;

-- name: end_sessions_of
-- All sessions of a party end but one ($2; null: all).
delete from market.session where party_id = $1 and ($2::bigint is null or id <> $2);

-- name: sweep_sessions
-- Rows that can't sign anybody in any more.
delete from market.session where expires_at <= $1 or last_seen_at <= $2;

-- name: session_is_good
-- Whether a socket's session still stands (re-checked while the socket is open).
select exists (
    select 1 from market.session s join market.party p on p.id = s.party_id
    where s.id = $1 and s.expires_at > $2 and p.disabled_at is null);

-- name: insert_token
-- A new API token, known by its hash and its last four characters.
insert into market.api_token (token_sha256, party_id, name, last_four, created_at) values ($1, $2, $3, $4, $5)
returning id;

-- name: viewer_by_token
-- Who an API token belongs to.
select t.id as token_id, t.last_used_at, p.id as party_id, p.roles, p.display_name, p.language,
       (select count(*) from market.notice n where n.party_id = p.id and n.read_at is null) as unread_notices
from market.api_token t join market.party p on p.id = t.party_id
where t.token_sha256 = $1 and t.revoked_at is null and p.disabled_at is null;

-- name: touch_token
-- When the token was last used, to the minute.
update market.api_token set last_used_at = $2 where id = $1;

-- name: tokens_of
-- The party's live tokens.
select id, name, last_four, created_at, last_used_at
from market.api_token where party_id = $1 and revoked_at is null order by id;

-- name: revoke_token
-- One token of a party ends.
update market.api_token set revoked_at = $3 where id = $1 and party_id = $2 and revoked_at is null;

-- name: revoke_tokens_of
-- All tokens of a party end.
update market.api_token set revoked_at = $2 where party_id = $1 and revoked_at is null;

-- name: token_is_good
-- Whether a socket's token still stands.
select exists (
    select 1 from market.api_token t join market.party p on p.id = t.party_id
    where t.id = $1 and t.revoked_at is null and p.disabled_at is null);

-- name: insert_link
-- A one-time sign-in link.
insert into market.sign_in_link (token_sha256, party_id, created_at, expires_at) values ($1, $2, $3, $4);

-- name: spend_link
-- The one use of a link: of two at once, one gets the party.
update market.sign_in_link l set used_at = $2
from market.party p
where l.token_sha256 = $1 and l.used_at is null and l.expires_at > $2 and p.id = l.party_id and p.disabled_at is null
returning l.party_id;
