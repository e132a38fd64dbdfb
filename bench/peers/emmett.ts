// An event store of its own: what it appends, and how fast a projection works off what is there.
import type { Event } from "@event-driven-io/emmett";
import {
  getPostgreSQLEventStore,
  postgreSQLEventStoreConsumer,
  postgreSQLRawBatchSQLProjection,
} from "@event-driven-io/emmett-postgresql";
import { SQL } from "@event-driven-io/dumbo";
import { connectionString, makeEffects, measure, pool } from "./drain.ts";

type ParcelSent = Event<"ParcelSent", { readonly parcelId: string }>;
const sent = (parcelId: string): ParcelSent => ({ type: "ParcelSent", data: { parcelId } });

const [inFlight, seconds, perStream] = [8, 4, 100];

await makeEffects();
const store = getPostgreSQLEventStore(connectionString);
await store.schema.migrate();

if (process.argv[2] === "append") {
  let appended = 0;
  const writer = async (until: number) => {
    while (performance.now() < until) {
      appended += 1;
      const id = `parcel_${appended}`;
      await store.appendToStream<ParcelSent>(id, [sent(id)], {
        expectedStreamVersion: "STREAM_DOES_NOT_EXIST",
      });
    }
  };
  const run = async (s: number) => {
    const until = performance.now() + s * 1000;
    await Promise.all(Array.from({ length: inFlight }, () => writer(until)));
  };
  await run(1);
  const [before, startedAt] = [appended, performance.now()];
  await run(seconds);
  const perSecond = (appended - before) / ((performance.now() - startedAt) / 1000);
  console.log(JSON.stringify({ perSecond }));
} else {
  const projection = postgreSQLRawBatchSQLProjection<ParcelSent>({
    name: "keep",
    canHandle: ["ParcelSent"],
    evolve: (events) => {
      const ids = JSON.stringify(events.map(({ data }) => data.parcelId));
      return [
        SQL`insert into peers.effects (event_id, parcel_id)
              select id, id from json_array_elements_text(${ids}::json) id`,
      ];
    },
  });
  await measure(
    async (ids) => {
      for (let from = 0; from < ids.length; from += perStream)
        await store.appendToStream<ParcelSent>(
          `parcels_${ids[from]}`,
          ids.slice(from, from + perStream).map(sent),
        );
    },
    async () => {
      const consumer = postgreSQLEventStoreConsumer<ParcelSent>({
        connectionString,
        pulling: { batchSize: 1_000, pullingFrequencyInMs: 1 },
      });
      consumer.projector({ processorId: "keep", projection });
      const running = consumer.start();
      return async () => {
        await consumer.close();
        await running.catch(() => {});
      };
    },
  );
}
await store.close();
await pool.end();
