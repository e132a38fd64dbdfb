import { statement, type Database } from "../postgres/database.ts";
import type { Chore } from "../events/housekeeping.ts";
import type { Leases } from "./leases.ts";

const take = statement<{ readonly name: string }>(
  "scheduler.take",
  `insert into basalt.leases as l (name, holder, lasts, until)
   select name, $2, lasts, clock_timestamp() + lasts
     from unnest($1::text[]) as names (name), (select $3 * interval '1 ms' as lasts) as asked
    order by name
   on conflict (name) do update
      set holder = excluded.holder, lasts = excluded.lasts, until = excluded.until
    where l.holder = excluded.holder
       or l.until not between clock_timestamp() and clock_timestamp() + l.lasts
   returning name`,
);
const release = statement("scheduler.release", "delete from basalt.leases where holder = $1");

export const postgresLeases = (database: Database): Leases => ({
  async take(names, holder, ms) {
    return new Set((await database.query(take, [names, holder, ms])).map(({ name }) => name));
  },
  async release(holder) {
    await database.query(release, [holder]);
  },
});

const health = statement<{ readonly name: string; readonly ended_s: number }>(
  "scheduler.health",
  `select name, extract(epoch from clock_timestamp() - until)::float8 as ended_s
     from basalt.leases where name not like '%/%' order by name`,
);
/** Of jobs that no process has any more, as after a killed process of an older release. */
const forget = statement<{ readonly name: string }>(
  "scheduler.forget",
  `delete from basalt.leases where name in (
     select name from basalt.leases where until < clock_timestamp() - interval '1 hour' limit $1)
   returning name`,
);

/** The leases of background jobs, which have no slash in their names as others have, and for how many seconds each has ended; below 0 while it is held. */
export const leaseHealth = (database: Database) => database.query(health, []);

/** Deletes leases that ended long ago; answers their number. */
export const forgetLeases =
  (database: Database): Chore =>
  async (limit) =>
    (await database.query(forget, [limit])).length;
