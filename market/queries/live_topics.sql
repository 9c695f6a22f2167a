-- name: announce
-- Heard by every node at the commit; said twice alike in one transaction, it is heard once.
select pg_notify($1, $2);

-- name: market_version
-- When the market of a kind of goods moved last, in microseconds; null where there is no such category.
select (extract(epoch from greatest(
         timestamptz '2000-01-01',
         (select max(moved_at) from market.post where post.category = category.code and shown_at <= now()),
         (select max(greatest(traded_at, struck_at)) from market.trade_print where trade_print.category = category.code)
       )) * 1000000)::bigint
from market.category where code = $1 and parent is not null;

-- name: negotiation_version
-- The number of the last step of a negotiation; null where there is no such one.
select version::bigint from market.negotiation where id = $1;

-- name: contract_version
-- How often a contract has changed; null where there is no such one.
select revision::bigint from market.contract where id = $1;

-- name: board_version
-- Every change of a board's book counts.
select version from market.board where id = $1;

-- name: deal_version
-- When the goods of a deal moved last, in microseconds; null where there is no such deal.
select (extract(epoch from greatest(
         timestamptz '2000-01-01',
         (select max(moved_at) from market.consignment where case_id = $1 or shipped_case_id = $1),
         (select updated_at from market.consignee where case_id = $1)
       )) * 1000000)::bigint
from escrow.escrow_case where id = $1;
