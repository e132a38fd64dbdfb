import { event } from "#kernel/event.ts";
import { identifier, type Id } from "#kernel/id.ts";
import { ok } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { postgresUnitOfWork, type Transaction } from "#platform/postgres/unit-of-work.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { benchDatabase } from "./database.ts";
import { perSecond } from "./measure.ts";

type ParcelId = Id<"parcel">;
const ParcelId = identifier<ParcelId>("parcel");
const ParcelSent = event("bench.parcel-sent", 1, { parcelId: ParcelId });

/** Events per second, each on a stream of its own, some writers at a time. */
export async function appendRate() {
  const bench = await benchDatabase();
  const { unitOfWork } = postgresUnitOfWork({
    ...{ database: bench.database, schema: "bench", clock, newId, onAppended: () => {} },
    scope: ({ append }: Transaction) => ({
      send: (id: ParcelId) => append(id, Version.none, [ParcelSent({ parcelId: id })]),
    }),
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
