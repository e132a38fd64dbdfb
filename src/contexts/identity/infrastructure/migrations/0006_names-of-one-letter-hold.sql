-- In a transaction of its own, which blocks nobody while it looks at all rows.
alter table identity.users validate constraint users_name_check;
