-- Whether an address can take an account back, and nobody else may register with it.
create index users_formers_key on identity.users using gin (formers jsonb_path_ops)
  where formers <> '[]';
