-- What the API key that brought a file may be used for; null where nothing limited the actor.
alter table catalog.imports add column scopes jsonb;
