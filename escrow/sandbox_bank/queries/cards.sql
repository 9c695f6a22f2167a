-- The bank's questions about cards, card payments, settlements, chargebacks and faults.

-- name: envelope_keys
-- Every key that payment halves were ever sealed to, oldest first.
select key_id, scalar from bank.envelope_key order by made_at, key_id;

-- name: insert_envelope_key
-- A key for payment halves.
insert into bank.envelope_key (key_id, scalar, made_at) values ($1, $2, $3) on conflict do nothing;

-- name: lock_keys
-- One makes the first key.
select pg_advisory_xact_lock(hashtext('bank.envelope_key'));

-- name: insert_card
-- A card; nothing when its number is known.
insert into bank.card (number_hmac, last4, brand, holder, expiry, limit_minor, always_code, status, issued_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict on constraint card_number_once do nothing returning id;

-- name: insert_balance
-- What a card has in one currency at first.
insert into bank.card_balance (card_id, currency, opened_minor, available_minor) values ($1, $2, $3, $3);

-- name: card_by_number
-- The card of a number, by its keyed hash.
select id, last4, brand, holder, expiry, status, limit_minor, always_code from bank.card where number_hmac = $1;

-- name: cards
-- Every card, the oldest first.
select id, last4, brand, holder, expiry, status, limit_minor, always_code from bank.card order by id limit $1;

-- name: card_balances
-- What cards have left, and what is held or spent of it.
select card_id, currency, opened_minor, available_minor from bank.card_balance
where card_id = any ($1::bigint[]) order by card_id, currency;

-- name: set_card_status
-- A card is lost, stolen, blocked, or active again.
update bank.card set status = $2 where id = $1;

-- name: lock_payment_id
-- Whatever concerns one payment id happens one after another, also before the id is known here.
select pg_advisory_xact_lock(hashtextextended('bank.card_payment:' || $1::text, 0));

-- name: payment
-- A payment as it stands.
select id, card_id, currency, amount_minor, approved_minor, request_sha256, state, response_code, authorisation_code,
       received_at, captured_at, reversed_at, settlement_id
from bank.card_payment where id = $1;

-- name: nonce_is_used
-- Whether a payment half was used before, under whatever id.
select exists (select from bank.card_payment where nonce = $1);

-- name: lock_balance
-- What a card has left in a currency, locked.
select available_minor from bank.card_balance where card_id = $1 and currency = $2 for no key update;

-- name: insert_payment
-- What was asked and answered.
insert into bank.card_payment (id, card_id, currency, amount_minor, approved_minor, request_sha256, nonce, order_digest,
  state, response_code, authorisation_code, received_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: insert_overtaken
-- A reversal came before its request: when that comes, it finds itself reversed.
insert into bank.card_payment (id, state, response_code, received_at, reversed_at) values ($1, 'reversed', '12', $2, $2);

-- name: move
-- Changes what a card has left, and writes why.
with moved as (
  update bank.card_balance set available_minor = available_minor + $6
  where card_id = $1 and currency = $2 returning available_minor
)
insert into bank.card_movement (card_id, currency, payment_id, kind, cause, amount_minor, balance_minor, at)
select $1, $2, $3, $4, $5, $6, available_minor, $7 from moved;

-- name: set_captured
-- What was held is taken.
update bank.card_payment set state = 'captured', captured_at = $2 where id = $1;

-- name: set_reversed
-- What was held is let go.
update bank.card_payment set state = 'reversed', reversed_at = $2 where id = $1;

-- name: payments
-- The latest payments with the card they came from.
select p.id, c.last4, p.currency, p.amount_minor, p.approved_minor, p.state, p.response_code, p.authorisation_code,
       p.received_at, p.settlement_id, b.id as chargeback_id, b.state as chargeback_state, b.reason as chargeback_reason,
       b.represented_text
from bank.card_payment p
left join bank.card c on c.id = p.card_id
left join lateral (select k.id, k.state, k.reason, k.represented_text from bank.chargeback k where k.payment_id = p.id
                   order by k.opened_at desc limit 1) b on true
order by p.received_at desc limit $1;

-- name: captured_sums
-- For each currency: how many payments were captured, and for how much.
select currency, count(*)::bigint as payments, sum(approved_minor)::bigint as sum_minor
from bank.card_payment where state = 'captured' group by currency order by currency;

-- name: card_faults
-- Ways in which the cards' book could be wrong; there is none.
select 'balance of card ' || b.card_id || ' in ' || b.currency as fault
from bank.card_balance b
where b.available_minor <> b.opened_minor
  + coalesce((select sum(m.amount_minor) from bank.card_movement m
              where m.card_id = b.card_id and m.currency = b.currency), 0)
union all
select 'payment ' || p.id || ' is ' || p.state || ' and holds ' || coalesce(h.held, 0)
from bank.card_payment p
left join lateral (select -sum(m.amount_minor) as held from bank.card_movement m
                   where m.payment_id = p.id and m.kind in ('hold', 'release')) h on true
where coalesce(h.held, 0) <> case when p.state in ('authorised', 'captured') then p.approved_minor else 0 end;

-- name: lock_settlement
-- One cuts a file at a time.
select pg_advisory_xact_lock(hashtext('bank.card_settlement'));

-- name: unsettled_days
-- The days that have something to settle.
select distinct (captured_at at time zone 'UTC')::date as day
from bank.card_payment where state = 'captured' and settlement_id is null and captured_at < $1
union
select (opened_at at time zone 'UTC')::date from bank.chargeback where taken_in is null and opened_at < $1
union
select (decided_at at time zone 'UTC')::date from bank.chargeback
where state = 'won' and given_in is null and decided_at < $1
order by day;

-- name: unsettled
-- All that a day's file has to say: captures, chargebacks taken, chargebacks given again.
select 'capture' as kind, id as payment_id, null as chargeback_id, currency, approved_minor as amount_minor,
       captured_at as at, authorisation_code
from bank.card_payment
where state = 'captured' and settlement_id is null and captured_at < $1 and currency <> all ($2::text[])
union all
select 'chargeback', k.payment_id, k.id, p.currency, -k.amount_minor, k.opened_at, p.authorisation_code
from bank.chargeback k join bank.card_payment p on p.id = k.payment_id
where k.taken_in is null and k.opened_at < $1 and p.currency <> all ($2::text[])
union all
select 'chargeback_won', k.payment_id, k.id, p.currency, k.amount_minor, k.decided_at, p.authorisation_code
from bank.chargeback k join bank.card_payment p on p.id = k.payment_id
where k.state = 'won' and k.given_in is null and k.decided_at < $1 and p.currency <> all ($2::text[])
order by at, payment_id, kind;

-- name: next_settlement_of_day
-- The number that the next file of a day has.
select coalesce(max(n), 0) + 1 from bank.card_settlement where day = $1;

-- name: insert_settlement
-- A day's file.
insert into bank.card_settlement (id, day, n, cut_at, lines, sums, body) values ($1, $2, $3, $4, $5, $6, $7);

-- name: settle_payments
-- These captures stand in a file now.
update bank.card_payment set settlement_id = $1 where id = any ($2::text[]);

-- name: settle_taken
-- These chargebacks were taken in a file.
update bank.chargeback set taken_in = $1 where id = any ($2::text[]);

-- name: settle_given
-- These won chargebacks were given again in a file.
update bank.chargeback set given_in = $1 where id = any ($2::text[]);

-- name: settlements_after
-- The files after one, oldest first.
select id, day, lines, sums from bank.card_settlement
where $1::text is null or (cut_at, id) > (select s.cut_at, s.id from bank.card_settlement s where s.id = $1)
order by cut_at, id limit $2;

-- name: settlement
-- One file by its id, or the last of a day.
select id, day, body from bank.card_settlement where id = $1 or day = $2 order by n desc limit 1;

-- name: latest_settlements
-- The latest files, for the page.
select id, day, lines, sums, cut_at from bank.card_settlement order by cut_at desc, id desc limit 20;

-- name: insert_chargeback
-- A customer disputes a payment.
insert into bank.chargeback (id, payment_id, amount_minor, reason, opened_at) values ($1, $2, $3, $4, $5);

-- name: disputed_minor
-- What of a payment was disputed and not decided for the merchant.
select coalesce(sum(amount_minor), 0)::bigint from bank.chargeback where payment_id = $1 and state <> 'won';

-- name: lock_chargeback
-- A chargeback with its payment, locked.
select k.id, k.payment_id, k.amount_minor, k.reason, k.state, p.card_id, p.currency
from bank.chargeback k join bank.card_payment p on p.id = k.payment_id where k.id = $1 for update of k;

-- name: represent
-- The house's answer to a chargeback.
update bank.chargeback set represented_at = $2, represented_text = $3 where id = $1;

-- name: decide
-- Won by the house, or lost.
update bank.chargeback set state = $2, decided_at = $3 where id = $1;

-- name: insert_fault
-- The next messages go wrong in this way.
insert into bank.fault (fault, applies_to, code, delay_ms, remaining, set_at) values ($1, $2, $3, $4, $5, $6);

-- name: faults
-- What is still to go wrong, in order.
select id, fault, applies_to, code, delay_ms, remaining from bank.fault where remaining > 0 order by id;

-- name: take_fault
-- What goes wrong with this message, if anything.
update bank.fault set remaining = remaining - 1
where id = (select f.id from bank.fault f where f.remaining > 0 and f.applies_to in ('any', $1)
            order by f.id limit 1 for update skip locked)
returning fault, code, delay_ms;

-- name: end_faults
-- Everything goes right again.
update bank.fault set remaining = 0 where remaining > 0;

-- name: centre_movements
-- What moved on the centre's account of a currency in a span of time, in order.
select m.id, m.amount_minor, m.balance_minor, t.id as transfer_id, t.booked_at, t.reference, t.request_key,
       case when m.amount_minor < 0 then t.to_holder else t.from_holder end as other_holder,
       case when m.amount_minor < 0 then t.to_number else t.from_number end as other_number
from bank.movement m join bank.transfer t on t.id = m.transfer_id
where m.number = $1 and t.booked_at >= $2 and t.booked_at < $3 order by t.booked_at, m.id;

-- name: sum_before
-- What the movements before a time come to; the centre's accounts begin empty.
select coalesce(sum(m.amount_minor), 0)::bigint from bank.movement m join bank.transfer t on t.id = m.transfer_id
where m.number = $1 and t.booked_at < $2;
