import type { Logger } from "pino";
import type { Permission } from "#kernel/permission.ts";
import type { Grants } from "./module.ts";
import type { Cache } from "../cache/cache.ts";
import type { Settings } from "../config/settings.ts";
import type { AnyConsumer } from "../events/consumer.ts";
import { Subscription } from "../events/subscription.ts";
import { WakeUp } from "../events/wake-up.ts";
import type { Jobs } from "../scheduler/jobs.ts";
import type { Secrets } from "../secrets/secrets.ts";
import type { Runtime } from "../runtime.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { OnPostgres, Persistence, Profile, Reading } from "./persistence.ts";

/** The shared parts that every module is composed of. */
export type Parts<Known extends Settings = Settings, On extends Profile = OnPostgres> = Runtime & {
  readonly settings: Known;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly persistence: Persistence<On>;
  readonly cache: Cache;
  readonly secrets: Secrets;
  /** Takes background jobs, which run in one process at a time. They start after the consumers. */
  readonly jobs: Jobs;
  /** Takes the consumers of all contexts. They start once the routes are compiled, which holds the event loop. */
  readonly consuming: Begin[];
  /** The permissions that the use cases of all modules ask for. */
  readonly permissions: readonly Permission[];
  /** The default permissions of roles in all modules. */
  readonly grants: Grants;
  readonly wakeUps: ReadonlyMap<string, WakeUp>;
  /** Names this process among those that share the work. */
  readonly process: string;
  /** Other processes on the same database; undefined where there can be none. */
  readonly others: Announcing | undefined;
};

/** Begins what runs until `undo`. */
export type Begin = (undo: AsyncDisposableStack) => Promise<void>;

type Announcing = {
  /** Tells that there are new events in the log of a schema. */
  readonly announce: (schema: string) => void;
};

/** Wakes the readers of a log, here and in other processes. */
export function announcer(
  { wakeUps, others }: Pick<Parts, "wakeUps" | "others">,
  schema: string,
): () => void {
  const wakeUp = wakeUps.get(schema);
  return () => {
    wakeUp?.call();
    others?.announce(schema);
  };
}

type Consuming<On extends Profile, Scope> = Omit<Reading<On, Scope>, "name"> & {
  readonly consumers: readonly AnyConsumer<Scope>[];
};

/** Runs the consumers of a context, once the process is ready for them. */
export function consume<On extends Profile, Scope>(
  parts: Parts<Settings, On>,
  { consumers, ...reading }: Consuming<On, Scope>,
): void {
  const { persistence, settings, log, metrics, wakeUps, process, clock, timers, chance } = parts;
  const { schema } = reading;
  for (const { name, contexts } of consumers)
    for (const context of contexts)
      if (context !== schema)
        throw new Error(
          `the consumer ${name} takes events of ${context}, and would read the log of ${schema}: ` +
            `consume it with the schema "${context}", into "${schema}"`,
        );
  parts.consuming.push(async (undo) => {
    await persistence.register(
      schema,
      consumers.map(({ name, declaration, kind }) => ({
        name,
        declaration,
        atEnd: kind === "outside",
      })),
    );
    for (const consumer of consumers) {
      const { name } = consumer;
      const subscription = new Subscription({
        consumer,
        store: persistence.subscription({ ...reading, name }),
        wakeUp: wakeUps.get(schema) ?? new WakeUp(timers),
        process,
        clock,
        timers,
        chance,
        log,
        observer: {
          handled({ outcome, events, durationMs }) {
            metrics.consumed.inc({ consumer: name, outcome }, events);
            metrics.consuming.observe({ consumer: name }, durationMs / 1000);
          },
        },
        times: { maxAttempts: settings.eventMaxAttempts },
      });
      undo.use(subscription.start());
    }
  });
}
