-- Calling a booking off is asked of the carrier like the booking itself: written first, then asked until it answers, whoever
-- wants it: the seller, or a deal that no longer waits for the goods. And a claim can be for late delivery alone.

alter table market.consignment
  add column call_off_at timestamptz,
  add column call_off_for text constraint consignment_called_off_for check (call_off_for in ('seller', 'deal')),
  add column call_off_refused_at timestamptz,
  drop constraint consignment_asked_while_booked,
  add constraint consignment_called_off_for_something check ((call_off_at is null) = (call_off_for is null)),
  add constraint consignment_call_off_refused_once_asked check (call_off_refused_at is null or call_off_at is not null),
  add constraint consignment_asked_until_answered check ((ask_again_at is not null) = (
    state = 'booked' or (state = 'confirmed' and call_off_at is not null and call_off_refused_at is null)));
comment on column market.consignment.call_off_refused_at is 'When the carrier said that it has the goods already.';
create index consignment_to_collect on market.consignment (case_id)
  where state in ('booked', 'confirmed') and call_off_at is null and shipped_case_id is null;
grant update (call_off_at, call_off_for, call_off_refused_at) on market.consignment to gavelhouse_app;

alter table escrow.claim drop constraint claim_reason, add constraint claim_reason check (reason in (
  'not_received', 'late_delivery', 'not_as_described', 'damaged', 'incomplete', 'counterfeit', 'other'));
