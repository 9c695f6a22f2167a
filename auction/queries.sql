-- name: insert_lot
-- A lot as the operator approved it.
insert into auction.lot (id, seller_id, currency, starts_at, deposit_minor, reserve_minor, terms, opened_at)
values ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: insert_standing
-- The first standing of a lot, right after its event 'opened'.
insert into auction.standing (lot_id, version, seq, head, phase, ends_at, price_moves, reserve_met, bid_count,
    extension_count)
values ($1, $2, $3, $4, $5, $6, $7, false, 0, 0);

-- name: append_event
-- One event at the end of a lot's log.
insert into auction.event (lot_id, seq, kind, at, party_id, body, hash) values ($1, $2, $3, $4, $5, $6, $7);

-- name: save_standing
-- The whole standing of a locked lot, one version on.
update auction.standing
set version = $2, seq = $3, head = $4, phase = $5, ends_at = $6, price_minor = $7, leader_id = $8,
    leader_maximum_minor = $9, reserve_met = $10, bid_count = $11, extension_count = $12, paused_at = $13,
    outcome = $14, closed_at = $15, retraction_count = $16
where lot_id = $1 and version = $2 - 1;

-- name: lower_reserve
-- The hidden reserve of a lot, lowered.
update auction.lot set reserve_minor = $2 where id = $1;

-- name: lots
-- Lots with their standings, for the cache of a node.
select l.terms, l.seller_id, l.reserve_minor, s.lot_id, s.version, s.seq, s.head, s.phase, s.ends_at, s.price_minor,
    s.leader_id, s.leader_maximum_minor, s.reserve_met, s.bid_count, s.extension_count, s.paused_at, s.outcome, s.closed_at,
    s.retraction_count
from auction.lot l join auction.standing s on s.lot_id = l.id
where l.id = any($1::bigint[]);

-- name: lock_lots
-- The same, each standing locked, in key order so that two nodes never wait for each other in a ring.
select l.terms, l.seller_id, l.reserve_minor, s.lot_id, s.version, s.seq, s.head, s.phase, s.ends_at, s.price_minor,
    s.leader_id, s.leader_maximum_minor, s.reserve_met, s.bid_count, s.extension_count, s.paused_at, s.outcome, s.closed_at,
    s.retraction_count
from auction.standing s join auction.lot l on l.id = s.lot_id
where s.lot_id = any($1::bigint[])
order by s.lot_id
for update of s;

-- name: lock_standings
-- Lock standings in key order and say which version each now has.
select lot_id, version from auction.standing where lot_id = any($1::bigint[]) order by lot_id for update;

-- name: versions
-- Which version standings now have.
select lot_id, version from auction.standing where lot_id = any($1::bigint[]);

-- name: admissions
-- Who holds which paddle on these lots, those who were removed included (their past lines still name them).
select a.lot_id, a.party_id, a.paddle, a.removed_at is null as admitted, a.priority_rank, b.sale_id
from auction.admission a
left join auction.sale_lot l on l.lot_id = a.lot_id
left join auction.budget b on b.sale_id = l.sale_id and b.party_id = a.party_id
where a.lot_id = any($1::bigint[]);

-- name: admission
-- One party's paddle on one lot.
select paddle, removed_at is null as admitted from auction.admission where lot_id = $1 and party_id = $2;

-- name: taken_paddles
-- The paddles that are given out on a lot.
select paddle from auction.admission where lot_id = $1;

-- name: insert_admission
-- Admit a party; one removed before comes back under the old paddle.
insert into auction.admission (lot_id, party_id, paddle, admitted_at) values ($1, $2, $3, $4)
on conflict on constraint admission_pk do update set removed_at = null
returning paddle;

-- name: remove_admission
-- The party may bid no more on this lot.
update auction.admission set removed_at = $3 where lot_id = $1 and party_id = $2 and removed_at is null;

-- name: tell_of_admission
-- Every node hears at the commit that a party's admission to a lot has changed.
select pg_notify('auction_news', 'admission ' || $1::bigint || ' ' || $2::bigint);

-- name: tell_of_moves
-- Every node hears that these lots were brought to these versions, and by which node.
select pg_notify('auction_news', 'move ' || m.lot_id || ' ' || m.version || ' ' || $3::text)
from unnest($1::bigint[], $2::bigint[]) as m (lot_id, version);

-- name: touch_standing
-- One version on with nothing else changed, so that every node's cached admissions fall.
update auction.standing set version = version + 1 where lot_id = $1 and outcome is null;

-- name: commit_batch
-- One batch of this node: for each lot whose version is still the cached one its standing, events and bids are written, a
-- lot that another node has moved on is left alone. Answers with the lots held. A request that was decided before breaks
-- bid_pk, and nothing of the batch is written. "(x in (select …)) is true" keeps the planner at a hashed lookup: a batch
-- has thousands of bids, and the plan must be good for each size.
with want as materialized (
    select * from unnest($1::auction.batch_lot[]) as w (lot_id, version, changed, seq, head, phase, ends_at, price_minor,
        leader_id, leader_maximum_minor, reserve_met, bid_count, extension_count)
), moved as (
    update auction.standing s
    set version = s.version + 1, seq = w.seq, head = w.head, phase = w.phase, ends_at = w.ends_at,
        price_minor = w.price_minor, leader_id = w.leader_id, leader_maximum_minor = w.leader_maximum_minor,
        reserve_met = w.reserve_met, bid_count = w.bid_count, extension_count = w.extension_count
    from want w
    where w.changed and s.lot_id = w.lot_id and s.version = w.version
    returning s.lot_id
), held as materialized (
    select lot_id from moved
    union all
    select w.lot_id from want w join auction.standing s on s.lot_id = w.lot_id and s.version = w.version
    where not w.changed
), sent as materialized (
    select * from unnest($2::auction.batch_bid[]) as b (party_id, client_bid_id, lot_id, stamped_at, amount_minor,
        is_maximum, refusal, lowest_minor, seq, leads, details, body, hash)
    where (b.lot_id in (select lot_id from held)) is true
), logged as (
    insert into auction.event (lot_id, seq, kind, at, party_id, body, hash)
    select s.lot_id, s.seq, 'bid', s.stamped_at, s.party_id, s.body, s.hash from sent s where s.body is not null
    union all
    select * from unnest($3::auction.batch_event[]) as e (lot_id, seq, kind, at, party_id, body, hash)
    where (e.lot_id in (select lot_id from held)) is true
), kept as (
    insert into auction.bid
        (party_id, client_bid_id, lot_id, stamped_at, amount_minor, is_maximum, refusal, lowest_minor, seq, leads,
        details)
    select s.party_id, s.client_bid_id, s.lot_id, s.stamped_at, s.amount_minor, s.is_maximum, s.refusal, s.lowest_minor,
        s.seq, s.leads, s.details
    from sent s
)
select lot_id from held;

-- name: first_answers
-- What was answered the first time to these request ids; price, end and hash are those of the event of that seq. Where a
-- lot hid its bids then, the bidder was told how many events were public, not the seq.
select b.party_id, b.client_bid_id, b.lot_id, b.stamped_at, b.amount_minor, b.is_maximum, b.refusal, b.lowest_minor,
    b.seq, b.leads as leading, b.details, e.body, e.hash,
    case when s.price_moves = 'hidden' and e.kind not in ('closed', 'voided') then (
        select count(*) from auction.event p where p.lot_id = b.lot_id and p.seq <= b.seq and p.kind <> 'bid'
    ) end as shown_seq
from unnest($1::bigint[], $2::uuid[]) as k (party_id, client_bid_id)
join auction.bid b on b.party_id = k.party_id and b.client_bid_id = k.client_bid_id
join auction.event e on e.lot_id = b.lot_id and e.seq = b.seq
join auction.standing s on s.lot_id = b.lot_id;

-- name: open_ends
-- When the running phase of each open lot ends; a paused lot's clock stands still, but not that of one already decided. Of
-- those that wait for their officers, the ones that hold no bid: nobody comes to open them, and only the closer is awaited.
select lot_id, ends_at from auction.standing s
where outcome is null and (paused_at is null or phase = 'decided') and (phase <> 'opening' or not exists (
    select from (
        select distinct on (party_id) convert_from(body, 'UTF8')::json #>> '{detail,withdraw}' as withdrawn
        from auction.event e where e.lot_id = s.lot_id and kind = 'bid' order by party_id, seq desc
    ) last where withdrawn is null));

-- name: due_by
-- Open lots whose running phase ends before one extension after a moment is over, in key order.
select s.lot_id
from auction.standing s
join auction.lot l on l.id = s.lot_id
cross join lateral (select convert_from(l.terms, 'UTF8')::json -> 'rule' as rule) t
where s.outcome is null and s.paused_at is null
    -- A falling price loses what fell in the outage, however far away its end is.
    and (s.price_moves = 'down' and l.starts_at < $1::timestamptz or s.ends_at <= $1::timestamptz + make_interval(
        secs => coalesce((rule ->> 'extension_seconds')::float8, (rule ->> 'soft_close_seconds')::float8, 0)))
order by s.lot_id;

-- name: beat
-- A sign of life, unless the last one is too old: then an outage has to be made good first. Never an earlier time, since
-- the clocks of two nodes differ a little.
update auction.heartbeat set beaten_at = greatest(beaten_at, $1::timestamptz)
where beaten_at >= $1::timestamptz - $2::interval;

-- name: lock_heartbeat
-- The last sign of life; whoever also wants to make an outage good waits here.
select beaten_at from auction.heartbeat for update;

-- name: set_heartbeat
-- A sign of life after a silence, or the first of all.
update auction.heartbeat set beaten_at = greatest(beaten_at, $1::timestamptz);

-- name: whole_log
-- Every event of a lot in order, with who acted.
select seq, kind, at, party_id, body from auction.event where lot_id = $1 order by seq;

-- name: log_until
-- The same as far as a standing of this seq goes, for the formats that keep a book.
select seq, kind, at, party_id, body from auction.event where lot_id = $1 and seq <= $2 order by seq;

-- name: terms
-- The canonical bytes from which the chain of a lot's log begins.
select terms from auction.lot where id = $1;

-- name: events_after
-- The public log of a lot after a seq, in order. Where bids are hidden until the close, nothing but the opening shows
-- before it: even the gaps in seq would tell how many there are.
select e.seq, e.body, e.hash
from auction.event e join auction.standing s on s.lot_id = e.lot_id
where e.lot_id = $1 and e.seq > $2 and (s.price_moves <> 'hidden' or s.outcome is not null or e.seq = 1)
order by e.seq limit $3;

-- name: events_before
-- The public log of a lot before a seq, newest first.
select e.seq, e.body, e.hash
from auction.event e join auction.standing s on s.lot_id = e.lot_id
where e.lot_id = $1 and e.seq < $2 and (s.price_moves <> 'hidden' or s.outcome is not null or e.seq = 1)
order by e.seq desc limit $3;

-- name: admitted_ids
-- Everybody admitted to a lot, in order, so that deposits are always locked in the same order.
select party_id from auction.admission where lot_id = $1 order by party_id;

-- name: positions_of
-- Every lot a party is admitted to, and whether it leads there.
select a.lot_id, a.paddle, a.removed_at is null as admitted, s.leader_id is not distinct from a.party_id as leading,
    case when s.leader_id = a.party_id then s.leader_maximum_minor end as maximum_minor
from auction.admission a join auction.standing s on s.lot_id = a.lot_id
where a.party_id = $1 order by a.lot_id;

-- name: position
-- One party's place on one lot; the maximum is shown to its owner alone.
select a.lot_id, a.paddle, a.removed_at is null as admitted, s.leader_id is not distinct from a.party_id as leading,
    case when s.leader_id = a.party_id then s.leader_maximum_minor end as maximum_minor, a.priority_rank
from auction.admission a join auction.standing s on s.lot_id = a.lot_id
where a.lot_id = $1 and a.party_id = $2;

-- name: bids_of
-- A party's own requests to bid on a lot, newest first.
select client_bid_id, stamped_at, amount_minor, is_maximum, refusal, seq, leads as leading
from auction.bid where party_id = $1 and lot_id = $2 order by stamped_at desc limit $3;

-- name: timeline
-- The timeline of the database (it changes when another server has taken over) and its clock.
select ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int as epoch, clock_timestamp() as now;

-- name: database_time
-- The database's clock, now.
select clock_timestamp();

-- name: bids_that_stand
-- Every accepted bid on a lot that was not taken back, in the order of acceptance: an event's own bid first, then the
-- private raises that the leader made before the next event (two frames that came together have one stamp, but a raise is
-- the higher). `priority_rank` is that of the right which the bid used.
select party_id, client_bid_id, stamped_at, amount_minor, is_maximum, seq, is_public,
    case when is_public then (convert_from(body, 'UTF8')::json #>> '{detail,priority}')::integer end as priority_rank
from (
    select b.*, e.body, e.kind = 'bid' and e.party_id = b.party_id and e.at = b.stamped_at
        and b.amount_minor = min(b.amount_minor) over (partition by b.seq, b.party_id) as is_public
    from auction.bid b join auction.event e on e.lot_id = b.lot_id and e.seq = b.seq
    where b.lot_id = $1 and b.refusal is null
        and not exists (
            select from auction.retraction r where r.party_id = b.party_id and r.client_bid_id = b.client_bid_id)
) placed
order by seq, is_public desc, amount_minor;

-- name: count_retractions
-- How often a party has taken a bid back on a lot; what went with a bid is not counted.
select count(*) from auction.retraction where lot_id = $1 and party_id = $2 and with_bid is null;

-- name: insert_retraction
-- A bid was taken back, with why; and with it what stood on it.
insert into auction.retraction (party_id, client_bid_id, lot_id, reason, retracted_at, with_bid)
values ($1, $2, $3, $4, $5, $6);

-- name: retracted_of
-- Which of a party's bids on a lot were taken back.
select client_bid_id from auction.retraction where lot_id = $1 and party_id = $2;

-- name: set_priority_rank
-- The admitted party's confirmed right of priority on a lot, or null for none.
update auction.admission set priority_rank = $3 where lot_id = $1 and party_id = $2 and removed_at is null;

-- name: priority_rank
-- The party's confirmed right of priority on a lot.
select priority_rank from auction.admission where lot_id = $1 and party_id = $2;

-- name: insert_signing_key
-- The key that this node signs with, if it is new.
insert into auction.signing_key (public_key, first_used_at) values ($1, $2) on conflict do nothing;

-- name: signing_keys
-- Every key the house has ever signed with, the newest first.
select public_key, first_used_at from auction.signing_key order by first_used_at desc;

-- name: insert_signed_heads
-- What has been signed in one second. Each head once: a second signature of the same would tell that something secret has
-- moved in between, such as a leader's own maximum.
insert into auction.signed_head (lot_id, seq, at, head, root, statement)
select * from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::bytea[], $5::bytea[], $6::text[])
    as n (lot_id, seq, at, head, root, statement)
where root is not null or not exists (
    select from auction.signed_head h where h.lot_id = n.lot_id and h.seq = n.seq and h.head = n.head)
on conflict do nothing;

-- name: signed_heads
-- The signed statements of a lot's heads in order.
select statement from auction.signed_head where lot_id = $1 order by seq, at;

-- name: final_head
-- The signed statement of a closed lot's final head.
select statement from auction.signed_head where lot_id = $1 and root is not null;

-- name: unsigned_closed
-- Closed lots whose final head nobody has signed yet.
select s.lot_id
from auction.standing s left join auction.signed_head h on h.lot_id = s.lot_id and h.root is not null
where s.outcome is not null and h.lot_id is null
order by s.lot_id limit $1;

-- name: own_event
-- The bid of this id with the event that is its own, for its bidder's receipt. A silent raise has none, nor has a refusal,
-- even if it came in one frame with the bid that has.
select b.lot_id, b.stamped_at, b.amount_minor, b.is_maximum, b.details, b.refusal, b.seq, e.hash,
    b.refusal is null and e.kind = 'bid' and e.party_id = b.party_id and e.at = b.stamped_at and not exists (
        select from auction.bid lower
        where lower.lot_id = b.lot_id and lower.party_id = b.party_id and lower.seq = b.seq
            and lower.refusal is null and lower.amount_minor < b.amount_minor
    ) as is_own, a.paddle
from auction.bid b
join auction.event e on e.lot_id = b.lot_id and e.seq = b.seq
left join auction.admission a on a.lot_id = b.lot_id and a.party_id = b.party_id
where b.party_id = $1 and b.client_bid_id = $2;

-- name: insert_sale_lot
-- The sale that a lot is opened in.
insert into auction.sale_lot (lot_id, sale_id) values ($1, $2);

-- name: lock_budgets
-- The budgets of these (sale, party) pairs, locked in key order: a party's bids in a sale are judged one batch at a time.
select b.sale_id, b.party_id, b.most_lots, b.most_minor
from auction.budget b
where (b.sale_id, b.party_id) in (select * from unnest($1::bigint[], $2::bigint[]))
order by b.sale_id, b.party_id
for update of b;

-- name: budgets
-- The same to look at, not to bid by.
select b.sale_id, b.party_id, b.most_lots, b.most_minor
from auction.budget b
where (b.sale_id, b.party_id) in (select * from unnest($1::bigint[], $2::bigint[]));

-- name: taken_lots
-- What these parties lead or have won in these sales, and the most that they have offered for it; of many equal units, what
-- the closing event gave them. Whoever wins a reverse auction is paid, so that is not among it.
select l.sale_id, s.leader_id as party_id, s.lot_id, coalesce(s.leader_maximum_minor, s.price_minor) as amount_minor
from unnest($1::bigint[], $2::bigint[]) as k (sale_id, party_id)
join auction.sale_lot l on l.sale_id = k.sale_id
join auction.standing s on s.lot_id = l.lot_id and s.leader_id = k.party_id
join auction.lot t on t.id = s.lot_id
where (s.outcome is null or s.outcome = 'sold')
    and (s.price_moves <> 'hidden' or convert_from(t.terms, 'UTF8')::json #>> '{rule,format}' <> 'reverse')
union all
select k.sale_id, k.party_id, s.lot_id, (sum((f.fill ->> 'filled')::bigint) * min((c.detail ->> 'price_minor')::bigint))::bigint
from unnest($1::bigint[], $2::bigint[]) as k (sale_id, party_id)
join auction.sale_lot l on l.sale_id = k.sale_id
join auction.standing s on s.lot_id = l.lot_id and s.price_moves = 'hidden' and s.outcome = 'sold' and s.leader_id is null
join auction.admission a on a.lot_id = s.lot_id and a.party_id = k.party_id
join auction.event e on e.lot_id = s.lot_id and e.seq = s.seq
cross join lateral (select convert_from(e.body, 'UTF8')::json -> 'detail' as detail) c
cross join lateral json_array_elements(c.detail -> 'book') f (fill)
where (f.fill ->> 'paddle')::integer = a.paddle
group by k.sale_id, k.party_id, s.lot_id
having sum((f.fill ->> 'filled')::bigint) > 0;

-- name: own_hidden_bids
-- The events of these parties' own bids on those open lots of these sales that hide bids, lot after lot in the log's order.
select k.sale_id, k.party_id, t.id as lot_id, t.terms, t.seller_id, t.reserve_minor, e.seq, e.kind, e.at, e.body
from unnest($1::bigint[], $2::bigint[]) as k (sale_id, party_id)
join auction.sale_lot l on l.sale_id = k.sale_id
join auction.standing s on s.lot_id = l.lot_id and s.price_moves = 'hidden' and s.outcome is null
join auction.lot t on t.id = s.lot_id
join auction.bid b on b.party_id = k.party_id and b.lot_id = s.lot_id and b.refusal is null
join auction.event e on e.lot_id = b.lot_id and e.seq = b.seq and e.party_id = b.party_id
order by k.sale_id, k.party_id, t.id, e.seq;

-- name: set_budget
-- What a party sets itself for a sale.
insert into auction.budget (sale_id, party_id, most_lots, most_minor, set_at) values ($1, $2, $3, $4, $5)
on conflict on constraint budget_pk do update
set most_lots = excluded.most_lots, most_minor = excluded.most_minor, set_at = excluded.set_at;

-- name: touch_sale
-- One version on for every open lot of a sale, in key order, so that every node reads who has a budget there.
with locked as (
    select s.lot_id from auction.standing s join auction.sale_lot l on l.lot_id = s.lot_id
    where l.sale_id = $1 and s.outcome is null order by s.lot_id for update of s
)
update auction.standing s set version = s.version + 1 from locked where locked.lot_id = s.lot_id;

