-- What trails are named after; null while nothing is to be written.
create table {schema}.rounds (
  number bigint generated always as identity primary key,
  name text
);

create table {schema}.trails (
  id text primary key,
  version integer not null
);

-- What each consumer has seen, in the order in which it did.
create table {schema}.sightings (
  number bigint generated always as identity primary key,
  reader text not null,
  event_id text not null,
  stream text not null,
  version integer not null,
  unique (reader, event_id)
);

-- For the planted defect `no-fencing`.
create function {schema}.advance_anyway(of text, slots smallint[], tokens bigint[], seen bigint[],
                                        positions bigint[], last bigint, last_id text)
returns void language sql as $$
  update {schema}.subscriptions s
     set position = m.position, commits = s.commits + 1, updated_at = now()
    from unnest(slots, positions) m(slot, position) where s.name = of and s.slot = m.slot
$$;
