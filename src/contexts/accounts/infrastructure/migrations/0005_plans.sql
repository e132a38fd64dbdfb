-- These functions look at some hundred rows by indexes, and are called for each batch: compiling their plans, or starting parallel workers for
-- them, takes longer than all the rest.
alter function accounts.lines_alike(text, text, text[], date[], bigint[], int, int) set jit = off;
alter function accounts.lines_alike(text, text, text[], date[], bigint[], int, int) set max_parallel_workers_per_gather = 0;
alter function accounts.settle(text, jsonb) set jit = off;
alter function accounts.unsettle(text, text[]) set jit = off;
alter function accounts.unsettled(text, bigint) set jit = off;
alter function accounts.move_all(text[], bigint[], text[], smallint[], date[], timestamptz) set jit = off;
