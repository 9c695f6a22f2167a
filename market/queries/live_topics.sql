-- name: announce
-- Heard by every node at the commit; said twice alike in one transaction, it is heard once.
select pg_notify($1, $2);
