-- What a checkout asks payment for.
alter table catalog.reservations add column quantity bigint;
