-- What is personal of an entry is linked by a salted hash, so that it can be erased and the chain holds (ADR 0021). Times,
-- hashes and links are made here: who may add entries can neither backdate one nor break the chain.

alter table audit.entries
  add column emails text[],
  add column salt bytea,
  add column personal bytea;
create index on audit.entries using gin (emails) where emails is not null;

create function audit.commitment(e audit.entries) returns bytea language sql stable
  set search_path = pg_catalog as $$
  select sha256(e.salt || convert_to(
    jsonb_build_array(e.address, e.agent, to_jsonb(e.emails))::text, 'UTF8'))
$$;

create function audit.canonical(e audit.entries) returns text language sql stable
  set search_path = pg_catalog as $$
  select case when e.personal is null
    then jsonb_build_array(e.position, extract(epoch from e.at), e.actor, e.credential, e.operation,
           e.outcome, to_jsonb(e.targets), e.address, e.agent, e.correlation_id)
    else jsonb_build_array(e.position, extract(epoch from e.at), e.actor, e.credential, e.operation,
           e.outcome, to_jsonb(e.targets), encode(e.personal, 'hex'), e.correlation_id)
    end::text
$$;

create function audit.complete() returns trigger language plpgsql
  set search_path = pg_catalog as $$
begin
  new.at := clock_timestamp();
  new.emails := null;
  if array_to_string(new.targets, ' ') like '%@%' then -- no id has one
    new.emails := array(select t from unnest(new.targets) t where t like '%@%');
    new.targets := array(select t from unnest(new.targets) t where t not like '%@%');
  end if;
  new.salt := uuid_send(gen_random_uuid());
  new.personal := audit.commitment(new);
  return new;
end $$;
create trigger complete before insert on audit.entries
  for each row execute function audit.complete();

create function audit.only_erase() returns trigger language plpgsql
  set search_path = pg_catalog as $$
begin
  old.address := null;
  old.agent := null;
  old.emails := null;
  old.salt := null;
  if old.personal is null or new is distinct from old then
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
drop trigger append_only on audit.entries;
create trigger append_only before delete or truncate on audit.entries
  for each statement execute function audit.refuse();
create trigger only_erase before update on audit.entries
  for each row execute function audit.only_erase();

-- Erases what is personal in the entries of an actor, and in those that name one of these addresses.
create function audit.erase(subject text, addresses text[]) returns void language sql
  security definer set search_path = pg_catalog as $$
  update audit.entries set address = null, agent = null, emails = null, salt = null
   where salt is not null and (actor = subject or emails && addresses)
$$;

-- Links the entries that are final, at most a thousand; answers how many.
create function audit.close_chain() returns bigint language plpgsql
  security definer set search_path = pg_catalog as $$
declare
  final bigint;
  last audit.chain;
  entry audit.entries;
  linked bigint := 0;
begin
  perform pg_advisory_xact_lock(hashtextextended('audit', 0));
  select h.horizon into final from audit.horizon() h;
  select * into last from audit.chain order by number desc limit 1;
  for entry in
    select * from audit.entries e
     where e.position > coalesce(last.position, 0) and e.position <= final
     order by e.position limit 1000
  loop
    last.number := coalesce(last.number, 0) + 1;
    last.position := entry.position;
    last.hash := sha256(coalesce(last.hash, '') || convert_to(audit.canonical(entry), 'UTF8'));
    insert into audit.chain (number, position, hash) values (last.number, last.position, last.hash);
    linked := linked + 1;
  end loop;
  return linked;
end $$;
revoke execute on function audit.erase(text, text[]), audit.close_chain() from public;
