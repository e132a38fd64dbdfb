// Jobs that are there are worked off, in batches, without a pause while a batch is full.
import { PgBoss } from "pg-boss";
import { connectionString, makeEffects, measure, pool } from "./drain.ts";

await makeEffects();
const boss = new PgBoss({ connectionString, max: 10 });
boss.on("error", console.error);
await boss.start();
await boss.createQueue("keep");
const enqueued = 5_000;
/** Of 1, 2, 4, 6 and 8, what was fastest on two cores, or within a tenth of it. */
const localConcurrency = 4;
const options = {
  ...{ batchSize: 500, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5, localConcurrency },
};
await measure(
  async (ids) => {
    for (let from = 0; from < ids.length; from += enqueued)
      await boss.insert(
        "keep",
        ids.slice(from, from + enqueued).map((id) => ({ data: { id } })),
      );
  },
  async () => {
    await boss.work<{ id: string }>("keep", options, async (some) => {
      const ids = some.map(({ data }) => data.id);
      await pool.query(
        "insert into peers.effects (event_id, parcel_id) select id, id from unnest($1::text[]) id",
        [ids],
      );
    });
    return () => boss.offWork("keep");
  },
);
await boss.stop({ graceful: false });
await pool.end();
