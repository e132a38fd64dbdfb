-- Whether a stream goes on behind the event at which it stands, once its slot has reached that.
alter table {schema}.parked_streams add column is_skipped boolean not null default false;
