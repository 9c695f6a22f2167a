-- name: insert_party
-- A new party; the unique constraint on email says whether the address is taken.
insert into market.party (email, display_name, language, passphrase_phc, created_at)
values ($1, $2, $3, $4, $5)
returning id;

-- name: party_by_id
-- Everything about a party but the hash.
select id, email, display_name, language, roles, created_at, disabled_at, barred_at, barred_reason
from market.party where id = $1;

-- name: party_by_email
-- The same by address, which is stored normalised.
select id, email, display_name, language, roles, created_at, disabled_at, barred_at, barred_reason
from market.party where email = $1;

-- name: passphrase_of_email
-- What sign-in compares with; a disabled party has nothing to compare with.
select id, passphrase_phc from market.party where email = $1 and disabled_at is null;

-- name: passphrase_of_party
-- What a step-up compares with.
select passphrase_phc from market.party where id = $1 and disabled_at is null;

-- name: set_passphrase
-- A changed passphrase, or the same one hashed with newer parameters.
update market.party set passphrase_phc = $2 where id = $1;

-- name: set_profile
-- What a party may change of its own face.
update market.party set display_name = $2, language = $3 where id = $1;

-- name: set_roles
-- Roles as a whole; the caller closes the party's sockets and sessions.
update market.party set roles = $2 where id = $1;

-- name: disable_party
-- A disabled party can't sign in.
update market.party set disabled_at = $2 where id = $1 and disabled_at is null;

-- name: bar_party
-- A barred party is admitted to no further lot.
update market.party set barred_at = $2, barred_reason = $3 where id = $1 and barred_at is null;

-- name: unbar_party
-- The bar is lifted.
update market.party set barred_at = null, barred_reason = null where id = $1 and barred_at is not null;

-- name: parties
-- All parties, newest first, for the operator and the command line.
select id, email, display_name, language, roles, created_at, disabled_at, barred_at, barred_reason
from market.party order by id desc limit $1;

-- name: has_passphrase
-- Whether the party has one to be asked for.
select passphrase_phc is not null from market.party where id = $1;
