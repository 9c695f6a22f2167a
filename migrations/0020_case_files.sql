-- The file of a case: what buyer, seller and operators wrote to each other and the evidence they handed in. There is one
-- file a case, and all who may open it read the same rows. Nothing in it is ever changed or taken away: what was shown to
-- the other side, and what an arbiter ruled on, must stand years later as it stood then. The bytes are kept in the
-- database, as the photos of listings are, so that a backup holds the proof together with the money it is about.

create table market.case_message (
  id          bigint generated always as identity primary key,
  case_id     bigint not null references escrow.escrow_case (id),
  author_id   bigint not null references market.party (id),
  author_role text not null constraint case_message_role_is_known check (author_role in ('buyer', 'seller', 'operator')),
  n           integer not null constraint case_message_most check (n between 1 and 100),
  words       text not null constraint case_message_says_something check (words ~ '\S' and length(words) <= 4000),
  created_at  timestamptz not null,
  constraint case_message_is_numbered unique (case_id, author_id, n)
);

-- `n` counts what one person has handed in, so the constraint is the limit. `upload_sha256` is of the file as it left its
-- owner, `sha256` of what is kept and served: a photo is encoded anew, a document is kept as it came.
create table market.case_evidence (
  id            bigint generated always as identity primary key,
  case_id       bigint not null references escrow.escrow_case (id),
  author_id     bigint not null references market.party (id),
  author_role   text not null constraint case_evidence_role_is_known check (author_role in ('buyer', 'seller', 'operator')),
  n             integer not null constraint case_evidence_most check (n between 1 and 20),
  kind          text not null constraint case_evidence_kind_is_known check (kind in ('photo', 'document')),
  name          text not null check (length(name) between 1 and 120),
  size_bytes    integer not null check (size_bytes between 1 and 10485760),
  width         integer check (width > 0),
  height        integer check (height > 0),
  upload_sha256 bytea not null check (length(upload_sha256) = 32),
  sha256        bytea not null check (length(sha256) = 32),
  whole         integer not null generated always as (0) stored,
  created_at    timestamptz not null,
  constraint case_evidence_is_numbered unique (case_id, author_id, n),
  constraint case_evidence_is_handed_in_once unique (case_id, author_id, upload_sha256),
  constraint case_evidence_photo_has_a_size check ((kind = 'photo') = (width is not null) and (width is null) = (height is null))
);

-- Apart, so that a list never reads the bytes. `width` 0 is the evidence itself, others are smaller pictures of it.
create table market.case_evidence_content (
  evidence_id bigint not null references market.case_evidence (id),
  width       integer not null check (width in (0, 320)),
  content     bytea not null check (length(content) between 1 and 10485760),
  sha256      bytea not null generated always as (sha256(content)) stored,
  primary key (evidence_id, width),
  constraint case_evidence_content_is_known_by_its_hash unique (evidence_id, width, sha256)
);
alter table market.case_evidence_content alter column content set storage external; -- webp and PDF compress no further

alter table market.case_evidence add constraint case_evidence_has_its_bytes
  foreign key (id, whole, sha256) references market.case_evidence_content (evidence_id, width, sha256)
  deferrable initially deferred;

create trigger case_message_is_append_only before update or delete on market.case_message
  for each row execute function market.refuse_change();
create trigger case_message_is_never_emptied before truncate on market.case_message
  for each statement execute function market.refuse_change();
create trigger case_evidence_is_append_only before update or delete on market.case_evidence
  for each row execute function market.refuse_change();
create trigger case_evidence_is_never_emptied before truncate on market.case_evidence
  for each statement execute function market.refuse_change();
create trigger case_evidence_content_is_append_only before update or delete on market.case_evidence_content
  for each row execute function market.refuse_change();
create trigger case_evidence_content_is_never_emptied before truncate on market.case_evidence_content
  for each statement execute function market.refuse_change();

grant select, insert on market.case_message, market.case_evidence, market.case_evidence_content to gavelhouse_app;
