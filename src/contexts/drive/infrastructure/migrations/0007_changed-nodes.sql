-- Whether a node is there that is about to be changed. Whoever shared it first and then changed it would wait for others who do the same,
-- and for whoever holds it alone, in a circle.
create function drive.hold_changed(node text) returns boolean language plpgsql set search_path = pg_catalog as $$
begin
  perform from drive.nodes where id = node for no key update;
  if not found then
    raise exception 'node % is gone', node using errcode = 'serialization_failure';
  end if;
  return true;
end $$;

-- Whether a space is there; it stays until the unit of work has ended. Its owner may have been erased meanwhile.
create function drive.hold_space(space text) returns boolean language plpgsql set search_path = pg_catalog as $$
begin
  perform from drive.spaces where id = space for key share;
  if not found then
    raise exception 'space % is gone', space using errcode = 'serialization_failure';
  end if;
  return true;
end $$;
