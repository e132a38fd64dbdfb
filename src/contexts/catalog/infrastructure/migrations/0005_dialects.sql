-- How the file of an import was written.
alter table catalog.imports add column dialect jsonb;
