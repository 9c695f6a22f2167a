-- The book under seal: every operation of the ledger becomes, soon after its commit, an entry of one log, chained by hash
-- and hashed into one Merkle tree (RFC 6962) whose head the house signs. Whoever holds a receipt can show that his posting
-- stands in the book; a book that was rewritten can't be made to fit the heads that were signed.

-- What awaits its entry. Rows are seen only once committed, so none is missed, whatever order commits come in.
create table escrow.book_waiting (
  op uuid not null,
  constraint book_waiting_pk primary key (op)
);
insert into escrow.book_waiting select id from escrow.op;

-- Entry n (from 0) of the log. `salt` hides the lines of an operation from whoever sees only their hashes.
create table escrow.book_entry (
  n bigint not null,
  op uuid not null,
  salt bytea not null,
  leaf bytea not null,
  previous_hash bytea not null,
  hash bytea not null,
  previous_n bigint generated always as (nullif(n, 0) - 1) stored,
  constraint book_entry_pk primary key (n),
  constraint book_entry_op_once unique (op),
  constraint book_entry_op foreign key (op) references escrow.op (id),
  constraint book_entry_number check (n >= 0),
  constraint book_entry_sizes check (octet_length(salt) = 16 and octet_length(leaf) = 32),
  constraint book_entry_chained check (hash = sha256(previous_hash || leaf)),
  constraint book_entry_begins check (n > 0 or previous_hash = '\x'::bytea),
  constraint book_entry_hash unique (n, hash),
  constraint book_entry_chain foreign key (previous_n, previous_hash) references escrow.book_entry (n, hash)
);

-- The complete inner nodes of the tree; level 0 are the leaves above. Derived, kept so that a proof needs few rows.
create table escrow.book_node (
  level smallint not null,
  place bigint not null,
  hash bytea not null,
  constraint book_node_pk primary key (level, place),
  constraint book_node_level check (level > 0 and place >= 0),
  constraint book_node_hash check (octet_length(hash) = 32)
);

-- What the house has signed: the root over the first `size` entries, and the hash of the chain's last one.
create table escrow.book_head (
  size bigint not null,
  at timestamptz not null,
  root bytea not null,
  head bytea not null,
  statement text not null,
  last_n bigint generated always as (size - 1) stored,
  constraint book_head_pk primary key (size),
  constraint book_head_size check (size > 0),
  constraint book_head_root check (octet_length(root) = 32),
  constraint book_head_of_entry foreign key (last_n, head) references escrow.book_entry (n, hash)
);

create function escrow.await_entry() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  insert into escrow.book_waiting select id from added;
  return null;
end $$;
create trigger op_awaits_entry after insert on escrow.op
  referencing new table as added for each statement execute function escrow.await_entry();

-- An operation waits until its entry stands; nothing else takes it off the list.
create function escrow.entry_stands() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  delete from escrow.book_waiting w using added where w.op = added.op;
  return null;
end $$;
create trigger book_entry_ends_waiting after insert on escrow.book_entry
  referencing new table as added for each statement execute function escrow.entry_stands();

create trigger book_entry_is_immutable before update or delete or truncate on escrow.book_entry
  for each statement execute function escrow.refuse_change();
create trigger book_node_is_immutable before update or delete or truncate on escrow.book_node
  for each statement execute function escrow.refuse_change();
create trigger book_head_is_immutable before update or delete or truncate on escrow.book_head
  for each statement execute function escrow.refuse_change();
alter table escrow.op enable always trigger op_awaits_entry;
alter table escrow.book_entry enable always trigger book_entry_ends_waiting;
alter table escrow.book_entry enable always trigger book_entry_is_immutable;
alter table escrow.book_node enable always trigger book_node_is_immutable;
alter table escrow.book_head enable always trigger book_head_is_immutable;

revoke all on function escrow.await_entry(), escrow.entry_stands() from public;
grant select on escrow.book_waiting to gavelhouse_app;
grant select, insert on escrow.book_entry, escrow.book_node, escrow.book_head to gavelhouse_app;
