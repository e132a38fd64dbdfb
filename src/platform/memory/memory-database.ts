import type { AuditEntry } from "#kernel/audit.ts";
import { memoryAudit } from "../audit/memory-audit.ts";
import type { Recorder } from "../events/record.ts";
import type { Persistence } from "../process/persistence.ts";
import type { Timers } from "../runtime.ts";
import { memoryLeases } from "../scheduler/memory-leases.ts";
import type { MemoryTransaction } from "./memory-pending.ts";
import { MemoryStore, type Seams } from "./memory-store.ts";
import { memorySubscription, MemorySubscriptionState } from "./memory-subscription.ts";

/** The profile of tests and simulations. */
export type OnMemory = {
  readonly database: MemoryDatabase;
  readonly transaction: MemoryTransaction;
};

type Options = Recorder & { readonly timers: Timers; readonly seams?: Partial<Seams> };

/** The logs, progress, audit and leases of all contexts in memory. Processes end; it stays. */
export class MemoryDatabase {
  readonly options: Options;
  readonly entries: AuditEntry[] = [];
  readonly leases;
  readonly #stores = new Map<string, MemoryStore>();
  readonly #subscriptions = new Map<string, Map<string, MemorySubscriptionState>>();

  constructor(options: Options) {
    this.options = options;
    this.leases = memoryLeases(options.timers);
  }

  store(schema: string): MemoryStore {
    const { seams, ...recorder } = this.options;
    return kept(this.#stores, schema, () => new MemoryStore(recorder, seams, this.entries));
  }

  /** The progress of all readers of a log, by their names. */
  subscriptions(schema: string): Map<string, MemorySubscriptionState> {
    return kept(this.#subscriptions, schema, () => new Map());
  }
}

function kept<T>(all: Map<string, T>, name: string, make: () => T): T {
  const known = all.get(name) ?? make();
  all.set(name, known);
  return known;
}

/** The persistence of a process that works on a memory database. */
export const memoryPersistence = (database: MemoryDatabase): Persistence<OnMemory> => ({
  database,
  audit: memoryAudit(database.entries, database.options.clock),
  leases: database.leases,
  units: ({ schema, scope, onAppended }) => database.store(schema).units(scope, onAppended),
  async register(schema, beginnings) {
    const known = database.subscriptions(schema);
    const end = known.size > 0 ? (database.store(schema).look(undefined).mark?.position ?? 0) : 0;
    for (const { name, atEnd } of beginnings)
      kept(known, name, () => new MemorySubscriptionState(atEnd ? end : 0));
  },
  subscription: ({ schema, into = schema, name, scope, onAppended }) =>
    memorySubscription({
      store: database.store(schema),
      into: database.store(into),
      state: kept(database.subscriptions(schema), name, () => new MemorySubscriptionState()),
      scope,
      clock: database.options.clock,
      onAppended,
    }),
});
