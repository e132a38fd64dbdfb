-- Counts what a reader has committed. One whose last commit arrived without its knowing is behind.
alter table {schema}.subscriptions add column commits bigint not null default 0;
