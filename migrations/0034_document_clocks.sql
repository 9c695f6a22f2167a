-- Documents of every deal, and documents that nobody answers. A hammer's deal leaves a row here, and a clock makes its order
-- and order response from the deal's own record, outside of the closing's transaction; deals older than this get what can
-- still be told truthfully, which is sent to nobody's system. A document that was taken but not answered is sent again,
-- and a partner whose system is slow or dead waits alone.

create table market.document_due (
  case_id bigint not null references market.deal (case_id),
  -- Whether what is made goes to the parties' systems; of deals older than this table it does not.
  sends boolean not null default true,
  due_at timestamptz not null default '-infinity',
  tries integer not null default 0 check (tries >= 0),
  constraint document_due_pk primary key (case_id)
);
create index document_due_at on market.document_due (due_at, case_id);
insert into market.document_due (case_id, sends) select case_id, false from market.deal where lot_id is not null;

create function market.have_documents_made() returns trigger language plpgsql as $$
begin
  insert into market.document_due (case_id) values (new.case_id);
  return null;
end
$$;
create trigger deal_has_documents after insert on market.deal
  for each row when (new.lot_id is not null) execute function market.have_documents_made();

-- One document at a time is on its way to a partner, and none before `rest_until`: a second sender passes it over.
alter table market.partner add column rest_until timestamptz;
alter table market.partner add column failures integer not null default 0 constraint partner_failures_count check (failures >= 0);

alter table market.document_delivery add column queued_at timestamptz;
update market.document_delivery d set queued_at = (select made_at from market.document where id = d.document_id);
alter table market.document_delivery alter column queued_at set not null;
alter table market.document_delivery add column resent smallint not null default 0 constraint delivery_resent_count check (resent >= 0);
-- When the answer to it is missed; of what was sent before this was kept, never.
alter table market.document_delivery add column remind_at timestamptz;
create index delivery_to_remind on market.document_delivery (remind_at) where state = 'sent' and remind_at is not null;
create index delivery_waiting on market.document_delivery (party_id, try_at, document_id) where state = 'queued' and channel <> 'queue';

grant select, insert, delete on market.document_due to gavelhouse_app;
grant update (due_at, tries) on market.document_due to gavelhouse_app;
grant update (rest_until, failures) on market.partner to gavelhouse_app;
grant update (queued_at, resent, remind_at) on market.document_delivery to gavelhouse_app;
