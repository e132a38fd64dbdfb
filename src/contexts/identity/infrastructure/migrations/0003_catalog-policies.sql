-- What people may do in the catalog. Who has changed a policy keeps the change.
insert into identity.policies (role, permissions, version) values
  ('merchant', '{products:*,categories:*,prices:*,stock:*,reservations:*}', 0)
  on conflict (role) do nothing;
update identity.policies set permissions = permissions || '{reservations:create}'
  where role = 'member';
update identity.policies set permissions = permissions || '{products:read,products:update,products:publish,products:archive,products:delete,reservations:commit,reservations:release}'
  where role = 'owner';
