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
