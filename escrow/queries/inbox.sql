-- What the bank told, and money that fits nothing.

-- name: insert_notice
-- A notice, once by the bank's id; nothing when it stands already.
insert into escrow.bank_notice (bank_id, kind, sha256, body, received_at, outcome) values ($1, $2, $3, $4, $5, $6)
on conflict on constraint bank_notice_pk do nothing;

-- name: notice
-- What was done with a notice, and the hash of what it said.
select n.sha256, n.outcome, q.reason, q.id as item_id
from escrow.bank_notice n left join escrow.quarantine q on q.bank_id = n.bank_id where n.bank_id = $1;

-- name: transfer_to_reverse
-- A transfer that came into the book, and that no other notice has reversed.
select n.bank_id, n.kind, n.body ->> 'currency' as currency, (n.body ->> 'amount_minor')::bigint as amount_minor,
       n.body ->> 'reference' as reference, (n.body ->> 'booked_at')::timestamptz as booked_at
from escrow.bank_notice n
where n.bank_id = $1 and n.kind = 'transfer.received' and n.outcome in ('deposit_held', 'case_funded', 'quarantined')
  and not exists (select from escrow.bank_notice r where r.kind = 'transfer.reversed'
                    and r.outcome = 'transfer_reversed' and r.body ->> 'reference' = n.bank_id);

-- name: reversal_told_early
-- That the bank takes this transfer back, told before the transfer itself, and therefore ignored.
select n.bank_id, n.kind, n.body ->> 'currency' as currency, (n.body ->> 'amount_minor')::bigint as amount_minor,
       n.body ->> 'reference' as reference, (n.body ->> 'booked_at')::timestamptz as booked_at, n.body ->> 'reason' as reason
from escrow.bank_notice n
where n.kind = 'transfer.reversed' and n.outcome = 'ignored' and n.body ->> 'reference' = $1
  and n.body ->> 'currency' = $2 and (n.body ->> 'amount_minor')::bigint = $3
order by n.received_at, n.bank_id limit 1;

-- name: credited_from
-- The accounts that operations credited which took money out of this one.
select distinct target.path
from escrow.account source
join escrow.transfer took on took.debit = source.id
join escrow.transfer gave on gave.op = took.op
join escrow.account target on target.id = gave.credit
where source.path = $1 order by target.path;

-- name: was_returned_before
-- Whether another notice than this has told that the payout with this end-to-end id came back.
select exists (select from escrow.bank_notice
               where kind = 'payout.returned' and body ->> 'reference' = $1 and bank_id <> $2);

-- name: end_told_early
-- The end of a chargeback that was told before its beginning, and therefore ignored.
select bank_id, kind from escrow.bank_notice
where kind in ('card.chargeback_won', 'card.chargeback_lost') and outcome = 'ignored' and body ->> 'reference' = $1
  and body ->> 'currency' = $2 and (body ->> 'amount_minor')::bigint = $3 and (body ->> 'booked_at')::timestamptz > $4
order by received_at, bank_id limit 1;

-- name: set_notice_outcome
-- What was done with a notice.
update escrow.bank_notice set outcome = $2 where bank_id = $1;

-- name: new_item_id
-- The id of a quarantined item before its row stands.
select nextval('escrow.quarantine_id_seq')::bigint;

-- name: insert_item
-- Money in suspense.
insert into escrow.quarantine (id, bank_id, reason, currency, amount_minor, reference, sender_holder, sender_number,
  booked_at, received_at, case_id, deposit_id, account)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: item_by_id
-- One quarantined item.
select * from escrow.quarantine where id = $1;

-- name: lock_item
-- One quarantined item, locked.
select * from escrow.quarantine where id = $1 for no key update;

-- name: items
-- Quarantined money in one state, or all, oldest first.
select * from escrow.quarantine where ($1::text is null or state = $1) order by id limit $2;

-- name: open_items_of_case
-- Money that named this case and waits for an operator, oldest first.
select * from escrow.quarantine where case_id = $1 and state = 'open' order by id;

-- name: save_item
-- What an operator, or the bank, has done with an item.
update escrow.quarantine set state = $2, decided_by = $3, decided_at = $4, note = $5, sealed_version = $6 where id = $1;

-- name: currency_is_known
-- Whether the book keeps this currency.
select exists (select from escrow.currency where code = $1);
