-- What the house has earned, and the book for the accountants.

-- name: fees_by
-- Commission, fees and forfeits by market, month (UTC), seller and currency, between two times. What was reversed counts
-- against it.
with moved as (
  select o.at, o.subject, t.currency, a.kind,
         case when t.credit = a.id then t.amount else -t.amount end as minor
  from escrow.account a
  join escrow.transfer t on t.credit = a.id and t.credit_mode = 'H' or t.debit = a.id and t.debit_mode = 'H'
  join escrow.op o on o.id = t.op
  where a.kind in ('commission', 'fees', 'forfeits') and o.at >= $1 and o.at < $2
), named as (
  select m.*, coalesce(c.seller_id, 0) as seller_id, coalesce(c.parent_id, c.id) as case_id
  from moved m left join escrow.escrow_case c on m.subject = 'case:' || c.id
)
select coalesce(listing.format, case when d.contract_id is not null then 'trading' end, 'other') as format, to_char(n.at at time zone 'UTC', 'YYYY-MM') as month, n.seller_id,
       coalesce(p.display_name, '') as seller_name, n.currency,
       sum(n.minor) filter (where n.kind = 'commission')::bigint as commission_minor,
       sum(n.minor) filter (where n.kind = 'fees')::bigint as fees_minor,
       sum(n.minor) filter (where n.kind = 'forfeits')::bigint as forfeits_minor,
       count(distinct n.subject) as deals
from named n
left join market.deal d on d.case_id = n.case_id
left join market.listing on listing.id = d.lot_id
left join market.party p on p.id = n.seller_id
where ($3::bigint is null or n.seller_id = $3)
group by 1, 2, 3, 4, 5 order by 2 desc, 1, 5, 4, 3;

-- name: journal
-- Postings between two times after a place in the book, in the book's order. Each row's name, op and number, is for ever
-- the same. Postings of the last minute are left for the next page, so that none that commits late is passed over.
select t.seq, t.op, t.n, o.at, o.kind, o.subject, o.actor, d.path as debit, c.path as credit, t.currency,
       t.amount as amount_minor, t.reverses_op, t.reverses_n
from escrow.op o
join escrow.transfer t on t.op = o.id
join escrow.account d on d.id = t.debit
join escrow.account c on c.id = t.credit
where o.at >= $1 and o.at < least($2::timestamptz, $3::timestamptz - interval '1 minute') and t.seq > $4
order by t.seq limit $5;
