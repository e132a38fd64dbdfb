-- Which process runs a background job now. A lease with more time left than it was taken for is over as
-- well: the clock of the database has stepped back.

create table basalt.leases (
  name text collate "C" primary key,
  holder text not null,
  lasts interval not null,
  until timestamptz not null
);
