// Jobs that are there are worked off; configured as worker.graphile.org/docs/performance advises.
import { makeWorkerUtils, run } from "graphile-worker";
import { analyzed, connectionString, drained, jobs, makeEffects, report } from "./drain.ts";

process.env["NO_LOG_SUCCESS"] = "1";
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
await utils.addJobs(jobs.map((id) => ({ identifier: "keep", payload: { id } })));
await utils.release();

await analyzed();
const startedAt = performance.now();
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
await drained();
report(startedAt);
await runner.stop();
