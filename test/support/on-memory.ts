import { existsSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { pino } from "pino";
import { EventId } from "#kernel/event.ts";
import { memoryCache } from "#platform/cache/memory-cache.ts";
import { memoryEmail } from "#platform/email/memory-email.ts";
import type { SendEmail } from "#platform/email/email.ts";
import { WakeUp } from "#platform/events/wake-up.ts";
import {
  MemoryDatabase,
  memoryPersistence,
  type OnMemory,
} from "#platform/memory/memory-database.ts";
import type { Wiring } from "#platform/process/module.ts";
import { serve } from "#platform/process/serve.ts";
import { memoryRateLimits } from "#platform/rate-limit/flexible-rate-limits.ts";
import { Jobs } from "#platform/scheduler/jobs.ts";
import { createSecrets, masterKeys, newMasterKey } from "#platform/secrets/secrets.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { basalt } from "../../src/composition.ts";
import { settingsFor } from "./basalt.ts";
import { VirtualRuntime } from "./virtual-runtime.ts";

const root = path.resolve(import.meta.dirname, "../..");

type InMemory = {
  readonly onMemory: (outside: { readonly sendEmail: SendEmail }) => Wiring<OnMemory>;
};

/** A context of Basalt, or an example of one. */
const folderOf = (name: string) => {
  const own = path.join(root, "src/contexts", name);
  return existsSync(own) ? own : path.join(root, "examples", name);
};

/** What lasts while processes of a Basalt in memory start and end: data, secrets and time. */
export async function memoryWorld(seed: number, composition = basalt) {
  const runtime = new VirtualRuntime(seed);
  const emails = memoryEmail();
  const wirings = await Promise.all(
    composition.modules.map(async ({ name }) => {
      const file = path.join(folderOf(name), "testing/on-memory.ts");
      const { onMemory } = (await import(pathToFileURL(file).href)) as InMemory;
      return onMemory({ sendEmail: emails.send });
    }),
  );
  const database = new MemoryDatabase(runtime);
  const secrets = createSecrets(masterKeys(newMasterKey()));
  /** The wake-ups of all processes, by schema: each tells the others of new events. */
  const processes = new Set<ReadonlyMap<string, WakeUp>>();
  return { processes, composition, runtime, emails: emails.arrived, wirings, database, secrets };
}

export type MemoryWorld = Awaited<ReturnType<typeof memoryWorld>>;

/** A process of Basalt with its real wiring, on the data and the time of a world. */
export async function startInMemory(
  { processes, composition, runtime, wirings, database, secrets }: MemoryWorld,
  env: Readonly<Record<string, string>> = {},
) {
  await using undo = new AsyncDisposableStack();
  const settings = composition.load({ ...settingsFor({ url: "" }, { path: "" }), ...env });
  const log = pino({ level: "silent" });
  const { timers } = runtime;
  const persistence = memoryPersistence(database);
  const { clock, newId, random, chance } = runtime;
  const process = newId(EventId);
  const machine = { clock, timers, newId, random, chance };
  const jobs = new Jobs({ ...machine, leases: persistence.leases, process, log });
  const wakeUps = new Map(composition.logs.map((schema) => [schema, new WakeUp(timers)]));
  processes.add(wakeUps);
  undo.defer(() => void processes.delete(wakeUps));
  const parts = {
    ...machine,
    settings,
    log,
    metrics: createMetrics(),
    persistence,
    cache: memoryCache(),
    secrets,
    jobs,
    consuming: [],
    permissions: composition.permissions,
    grants: composition.grants,
    wakeUps,
    process,
    others: {
      announce(schema: string) {
        for (const others of processes) if (others !== wakeUps) others.get(schema)?.call();
      },
    },
  };
  const { version, asyncApi } = composition;
  const serving = { version, asyncApi, wirings, parts, limits: memoryRateLimits };
  const app = await serve<OnMemory>(
    { ...serving, isUp: async () => true, troubles: async () => jobs.troubles() },
    undo,
    () => {},
  );
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const running = undo.move();
  return {
    url,
    /** Time passes meanwhile: what is under way may wait for it. */
    async [Symbol.asyncDispose]() {
      const ended = running.disposeAsync().then(() => "ended" as const);
      for (;;) if ((await Promise.race([ended, runtime.pass(10)])) === "ended") return;
    },
  };
}
