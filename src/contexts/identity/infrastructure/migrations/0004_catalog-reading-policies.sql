-- Who sells may bring files, and take them home; everybody sees what they have sent and reserved.
-- Who has changed the policy of merchants keeps the change.
update identity.policies set permissions = permissions || '{imports:*,exports:*}'
  where role = 'merchant' and version = 0;
update identity.policies set permissions = permissions || '{imports:read,reservations:read}'
  where role = 'owner';
