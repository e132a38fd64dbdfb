-- How many reservations somebody holds.
create index reservations_holder_key on catalog.reservations (holder) where status = 'open';
