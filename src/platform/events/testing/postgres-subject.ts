import { postgresAudit } from "#platform/audit/postgres-audit.ts";
import { statement } from "#platform/postgres/database.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import {
  systemClock as clock,
  systemIds as newId,
  systemTimers as timers,
} from "#platform/system.ts";
import type { UnitOfWorkSubject } from "#platform/unit-of-work.contract.ts";
import type { TestDatabase } from "#test/database.ts";
import { postgresNotes, type Sighting } from "#test/notes.ts";
import { eventAdmin } from "../admin.ts";
import { postgresSubscription } from "../postgres-subscription.ts";
import type { ParkedStream } from "../subscription-store.ts";
import { WakeUp } from "../wake-up.ts";
import type { KeptSlot, SubscriptionSubject } from "./subject.ts";

const sightings = statement<Sighting>(
  "test.sightings",
  "select event_id, stream, version from scratch.sightings order by seen_at",
);
const parked = statement<ParkedStream>(
  "test.parked",
  "select stream, version, state, attempts, error from scratch.parked_streams where subscription = $1",
);

const slots = statement<KeptSlot>(
  "test.slots",
  "select lease_holder as holder, position from scratch.subscriptions where name = $1",
);

/** The subject of the contracts, with the tables of a test's database. */
export function subjectOn(
  opened: Pick<TestDatabase, "database"> & AsyncDisposable,
): SubscriptionSubject & UnitOfWorkSubject {
  const { database } = opened;
  const wakeUp = new WakeUp(timers);
  let announcements = 0;
  const common = {
    database,
    schema: "scratch",
    scope: postgresNotes,
    clock,
    newId,
    onAppended() {
      announcements += 1;
      wakeUp.call();
    },
  };
  return {
    wakeUp,
    ...postgresUnitOfWork(common),
    events: () => eventAdmin(database, "scratch").list({ limit: 5_000 }),
    announcements: () => announcements,
    audit: postgresAudit(database),
    store: (name) => postgresSubscription({ ...common, name }),
    sightings: () => database.query(sightings, []),
    parked: (name) => database.query(parked, [name]),
    slots: (name) => database.query(slots, [name]),
    replay: async (stream) =>
      void (await eventAdmin(database, "scratch").replay(undefined, stream)),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}
