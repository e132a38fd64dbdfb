import { ok } from "#kernel/result.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { benchDatabase } from "./database.ts";
import { ParcelId, sending } from "./events.ts";
import { perSecond } from "./measure.ts";

/** Events per second, each on a stream of its own, some writers at a time. */
export async function appendRate() {
  const bench = await benchDatabase();
  const { unitOfWork } = postgresUnitOfWork({
    database: bench.database,
    schema: "bench",
    clock,
    newId,
    onAppended: () => {},
    scope: sending,
  });
  const send = () =>
    unitOfWork(
      { actor: "bench", correlationId: "bench", deadlineMs: clock.unixMs() + 10_000 },
      async (parcels) => ok(parcels.send(newId(ParcelId))),
    );
  return {
    connection: bench.connection,
    rate: () => perSecond(send),
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  };
}
