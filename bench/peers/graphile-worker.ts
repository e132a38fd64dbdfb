// Jobs that are there are worked off; configured as worker.graphile.org/docs/performance advises.
import { makeWorkerUtils, run } from "graphile-worker";
import { connectionString, makeEffects, measure, pool } from "./drain.ts";

const preset = {
  worker: {
    connectionString,
    concurrentJobs: 24,
    maxPoolSize: 25,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  },
};
await makeEffects();
const utils = await makeWorkerUtils({ preset });
await utils.migrate();
await measure(
  (ids) => utils.addJobs(ids.map((id) => ({ identifier: "keep", payload: { id } }))),
  async () => {
    const runner = await run({
      preset,
      noHandleSignals: true,
      taskList: {
        keep: async (payload, { query }) => {
          const { id } = payload as { id: string };
          await query("insert into peers.effects (event_id, parcel_id) values ($1, $2)", [id, id]);
        },
      },
    });
    return () => runner.stop();
  },
);
await utils.release();
await pool.end();
