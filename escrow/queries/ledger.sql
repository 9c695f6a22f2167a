-- The ledger's questions and its few commands.

-- name: open_accounts
-- Opens the named accounts where they are missing, and gives all their ids.
select path, currency, account from escrow.open_accounts($1);

-- name: post
-- Posts one operation or says that it stands already.
select escrow.post($1, $2);

-- name: post_many
-- Posts many operations, each with its own result.
select op, result, refused_by from escrow.post_many($1, $2) order by ordinal;

-- name: seal
-- Seals empty accounts so that nothing can follow.
select account, version from escrow.seal($1);

-- name: balance
-- The balance of one account by its path and currency.
select escrow.balance_of(a.id) from escrow.account a where a.path = $1 and a.currency = $2;

-- name: lock_balance
-- The balance of one account, locked until the transaction ends; 0 when it was never opened.
select escrow.lock_balance($1, $2);

-- name: tip
-- The last version of a chained account.
select version from escrow.balance where account = $1 order by version desc limit 1;

-- name: roll_up
-- Cuts roll-ups of the hot accounts.
select escrow.roll_up();

-- name: wallet_balances
-- What a party's accounts of one kind hold, by currency.
select a.currency, escrow.balance_of(a.id)::bigint as balance_minor
from escrow.account a where a.owner_id = $1 and a.kind = $2 order by a.currency;

-- name: statement
-- The movements of a party's wallet and payable in one currency, latest first.
select o.at, o.kind, o.subject, b.delta as amount_minor, b.balance as balance_minor, a.kind as account
from escrow.account a
join escrow.balance b on b.account = a.id
join escrow.op o on o.id = b.op
where a.owner_id = $1 and a.currency = $2 and a.kind in ('wallet', 'payable')
order by o.at desc, a.kind, b.version desc
limit $3;

-- name: trial_balance
-- Every kind of account in every currency, with its sum on the side where it stands.
select a.kind, a.currency, greatest(-sum(escrow.balance_of(a.id)), 0)::bigint as debit_minor,
       greatest(sum(escrow.balance_of(a.id)), 0)::bigint as credit_minor
from escrow.account a
group by a.kind, a.currency
order by a.currency, a.kind;

-- name: debtors_with_money
-- Who owes the house in a currency while something lies in his wallet or small change there.
select r.owner_id as party_id, r.currency
from escrow.account r
where r.kind = 'receivable' and escrow.balance_of(r.id) < 0 and exists (
  select from escrow.account p where p.owner_id = r.owner_id and p.currency = r.currency and p.kind in ('wallet', 'change')
    and escrow.balance_of(p.id) > 0)
order by r.id limit $1;
