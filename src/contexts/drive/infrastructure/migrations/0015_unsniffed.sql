-- Contents whose media type is not known yet: a job looks at them.
create index revisions_unsniffed_key on drive.revisions (node_id, number) where media_type is null;
