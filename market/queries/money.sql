-- name: postings_of_case
-- Every posting that a case made or that touched its account, in the order of the book.
select op.at, op.kind, op.actor, debit.path as debit, credit.path as credit, transfer.currency,
       transfer.amount as amount_minor
from escrow.transfer
join escrow.op on op.id = transfer.op
join escrow.account as debit on debit.id = transfer.debit
join escrow.account as credit on credit.id = transfer.credit
where op.subject = 'case:' || $1::bigint or 'escrow:' || $1::bigint in (debit.path, credit.path)
order by transfer.seq

-- name: paused_deposits
-- Deposits that are held for lots which somebody has paused, oldest pause first.
select standing.lot_id, d.currency, sum(d.amount_minor)::bigint as amount_minor, count(*) as count,
       min(standing.paused_at) as since
from auction.standing
join escrow.deposit as d on d.subject = 'lot:' || standing.lot_id and d.state = 'held'
where standing.outcome is null and standing.paused_at is not null
group by standing.lot_id, d.currency
order by since

-- name: batches
-- The payout files, newest first, with what they carry.
select batch.id, batch.message_id, batch.currency, batch.built_at, batch.sent_at, batch.attempts, batch.last_error,
       count(payout.id) as payouts, coalesce(sum(payout.amount_minor), 0)::bigint as amount_minor
from escrow.payout_batch as batch
left join escrow.payout on payout.batch_id = batch.id
group by batch.id
order by batch.id desc
limit $1

-- name: batch_file
-- The file itself, as the bank gets it.
select message_id, body from escrow.payout_batch where id = $1

-- name: hurry_batches
-- Payout files that the bank has not taken are due now; the escrow's clock is woken at commit.
update escrow.payout_batch set try_at = least(try_at, $1)
where sent_at is null
returning id, pg_notify('escrow_clock', '')
