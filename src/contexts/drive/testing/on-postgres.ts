import type { Clock, Instant } from "#kernel/instant.ts";
import { eventAdmin } from "#platform/events/admin.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { systemClock, systemIds as newId } from "#platform/system.ts";
import { scratch } from "#test/basalt.ts";
import { testDatabase } from "#test/database.ts";
import type { ChunkStore } from "../application/ports/chunks.ts";
import { SegmentId } from "../domain/ids.ts";
import { LocalSegments } from "../infrastructure/local-segments.ts";
import { postgresDrive } from "../infrastructure/postgres-drive.ts";
import type { OpenDrive } from "./fixtures.ts";

/** Small, so that files have chunks in several segments. */
const segmentBytes = 2 ** 20;

/** Chunks in segments of a scratch folder. */
export async function localSubject(clock: Pick<Clock, "unixMs"> = systemClock) {
  await using undo = new AsyncDisposableStack();
  const folder = undo.use(await scratch());
  const options = {
    folder: folder.path,
    segmentBytes,
    newName: () => newId(SegmentId),
    clock,
  };
  const store = undo.use(new LocalSegments(options));
  const opened = undo.move();
  return { store, folder: folder.path, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** The times of files are those of the machine; the clock of a test may be turned. */
function dated(store: ChunkStore, clock: Pick<Clock, "now">): ChunkStore {
  const changed = new Map<string, Instant>();
  return {
    smallBytes: store.smallBytes,
    flush: store.flush,
    read: store.read,
    remove: store.remove,
    async put(chunks) {
      const locations = await store.put(chunks);
      for (const { segment } of locations) changed.set(segment, clock.now());
      return locations;
    },
    segments: async () =>
      (await store.segments()).map((one) => ({
        ...one,
        changedAt: changed.get(one.name) ?? clock.now(),
      })),
  };
}

type Chunks = AsyncDisposable & { readonly store: ChunkStore };

/** The drive on Postgres with a store of chunks, and with its database. */
export async function postgresWith<Opened extends Chunks>(
  open: (clock: Clock) => Promise<Opened>,
  clock: Clock,
) {
  await using undo = new AsyncDisposableStack();
  const chunks = undo.use(await open(clock));
  const store = dated(chunks.store, clock);
  // Deadlines are of the test's clock, which may be turned: the database's own would have passed.
  const turned = { ...systemClock, unixMs: () => clock.unixMs() };
  const opened = undo.use(await testDatabase({ clock: turned }));
  const { database } = opened;
  const admin = eventAdmin(database, "drive");
  const units = postgresUnitOfWork({
    database,
    schema: "drive",
    scope: postgresDrive,
    clock,
    newId,
    onAppended: () => {},
  });
  const running = undo.move();
  return {
    ...units,
    store,
    chunks,
    database,
    sql: opened.sql,
    payloads: async () => JSON.stringify(await opened.sql("select payload from drive.events")),
    events: async () => (await admin.list({ limit: 1_000 })).map(({ type }) => type),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** The drive on Postgres, with its chunks in local segments, and with its database. */
export const postgresSubject = (...[clock]: Parameters<OpenDrive>) =>
  postgresWith(localSubject, clock);
