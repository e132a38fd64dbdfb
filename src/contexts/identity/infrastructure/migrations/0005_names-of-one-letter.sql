-- In some scripts, one letter is a name.
alter table identity.users drop constraint users_name_check;
alter table identity.users
  add constraint users_name_check check (length(name) between 1 and 100) not valid;
