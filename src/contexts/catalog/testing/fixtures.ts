import { pino } from "pino";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { createCatalog } from "#contexts/catalog";
import type { Audit } from "#kernel/audit.ts";
import { memoryCache } from "#platform/cache/memory-cache.ts";
import type { RowConsumer } from "#platform/events/consumer.ts";
import type { SubscriptionStore } from "#platform/events/subscription-store.ts";
import { Subscription } from "#platform/events/subscription.ts";
import { WakeUp } from "#platform/events/wake-up.ts";
import { MemoryStore } from "#platform/memory/memory-store.ts";
import {
  memorySubscription,
  MemorySubscriptionState,
} from "#platform/memory/memory-subscription.ts";
import { systemClock, systemIds as newId, systemTimers as timers } from "#platform/system.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import type { CatalogScope } from "../application/ports/scope.ts";
import { degrading, type LevelSource, type PriceSource } from "../infrastructure/degrading.ts";
import { memoryCatalog, memoryCatalogTables, memorySources } from "./memory-catalog.ts";
import { memorySearchModel } from "./memory-search.ts";
import { searchProjection } from "../presentation/consumers.ts";
import { basalt } from "../../../composition.ts";
import { granting, identityOn } from "#contexts/identity/testing";

/** What the catalog works on: the twins differ here only. */
export type CatalogSubject = AsyncDisposable & {
  readonly unitOfWork: UnitOfWork<CatalogScope>;
  readonly read: Read<CatalogScope>;
  readonly audit: Audit;
  readonly sources: { readonly levels: LevelSource; readonly prices: PriceSource };
  /** Rows of files that are kept. */
  readonly stagedRows: () => Promise<number>;
  /** Lets the search learn of all that has happened. */
  readonly project: () => Promise<void>;
  /** Types of all events, in order. */
  readonly events: () => Promise<readonly string[]>;
};
export type OpenCatalog = (clock: Clock) => Promise<CatalogSubject>;

export const memorySubject: OpenCatalog = async (clock) => {
  const store = new MemoryStore({ clock, newId, timers });
  const tables = memoryCatalogTables();
  const scope = memorySearchModel(tables.search);
  const state = new MemorySubscriptionState();
  return {
    stagedRows: async () =>
      [...tables.imports.rows.rows.values()].filter((row) => row !== undefined).length,
    project: () => projected(memorySubscription({ store, state, clock, scope }), searchProjection),
    ...store.units(memoryCatalog(tables)),
    audit: store.audit,
    sources: memorySources(tables),
    events: async () => store.events.map(({ type }) => type),
    async [Symbol.asyncDispose]() {},
  };
};

/** Lets a projection read all that there is by now. */
export const projected = <Model>(
  store: SubscriptionStore<Model>,
  consumer: RowConsumer<Model>,
): Promise<void> =>
  new Subscription({
    consumer,
    store,
    clock: systemClock,
    wakeUp: new WakeUp(timers),
    process: "test",
    timers,
    chance: Math.random,
    log: pino({ level: "silent" }),
    observer: { handled: () => {} },
  }).catchUp();

/** A whole catalog, as `main.ts` composes it, beside an identity that says who may. */
export async function catalogOn(open: OpenCatalog) {
  const house = await identityOn(granting(basalt.grants), { permissions: basalt.permissions });
  const { clock } = house;
  const subject = await open(clock);
  const { unitOfWork, read, audit, sources } = subject;
  const cache = memoryCache();
  const catalog = createCatalog({
    unitOfWork,
    read,
    audit,
    clock,
    newId,
    metrics: createMetrics(),
    exportBatch: 2, // so that every export has borders between its pages
    mayAct: house.deps.mayAct,
    holderLimits: { reservations: 3, units: 10 },
    stockLevels: degrading({
      name: "stock",
      source: sources.levels,
      cache,
      clock,
      onAnswer: () => {},
      keyOf: ({ productId }) => productId,
    }),
    currentPrices: degrading({
      name: "prices",
      source: sources.prices,
      cache,
      clock,
      onAnswer: () => {},
      keyOf: ({ productId }) => productId,
    }),
  });
  const { userId: adminId, asking: asAdmin } = await house.administrator();
  /** Somebody without rights of their own, or with those of a role. */
  async function somebody(email: string, role?: string) {
    const { userId, asking } = await house.signedUp(email);
    if (role !== undefined)
      expect(
        await house.identity.assignRoles(
          { userId, roles: ["member", role] as never },
          await asAdmin(),
        ),
      );
    return { userId, asking };
  }
  /** Makes a role of these permissions alone. */
  const role = async (name: string, permissions: readonly string[]) =>
    expect(
      await house.identity.changePolicy({ role: name, permissions } as never, await asAdmin()),
    );
  const disable = async (userId: string) =>
    expect(
      await house.identity.setUserStatus({ userId, status: "disabled" } as never, await asAdmin()),
    );
  return {
    catalog,
    subject,
    clock,
    house,
    role,
    disable,
    adminId,
    asAdmin,
    somebody,
    stranger: (): Promise<Context> => house.asking(),
    async [Symbol.asyncDispose]() {
      await subject[Symbol.asyncDispose]();
      await house[Symbol.asyncDispose]();
    },
  };
}
