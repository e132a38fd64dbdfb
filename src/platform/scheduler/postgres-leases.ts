import { statement, type Database } from "../postgres/database.ts";
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

const health = statement<{ readonly name: string; readonly silent_s: number }>(
  "scheduler.health",
  `select name, greatest(0, extract(epoch from clock_timestamp() - until))::float8 as silent_s
     from basalt.leases order by name`,
);

/** The background jobs that processes hold, or held when they were killed, and how long none has renewed each. */
export const leaseHealth = (database: Database) => database.query(health, []);
