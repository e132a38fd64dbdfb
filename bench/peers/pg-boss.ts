// Jobs that are there are worked off, in batches, without a pause while a batch is full.
import { PgBoss } from "pg-boss";
import { analyzed, connectionString, drained, jobs, makeEffects, pool, report } from "./drain.ts";

const batch = 500;
await makeEffects();
const boss = new PgBoss({ connectionString, max: 10 });
boss.on("error", console.error);
await boss.start();
await boss.createQueue("keep");
for (let from = 0; from < jobs.length; from += 5_000)
  await boss.insert(
    "keep",
    jobs.slice(from, from + 5_000).map((id) => ({ data: { id } })),
  );

await analyzed();
const startedAt = performance.now();
const options = { batchSize: batch, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 };
await boss.work<{ id: string }>("keep", options, async (some) => {
  const ids = some.map(({ data }) => data.id);
  await pool.query(
    "insert into peers.effects (event_id, parcel_id) select id, id from unnest($1::text[]) id",
    [ids],
  );
});
await drained();
report(startedAt);
await boss.stop({ graceful: false });
await pool.end();
