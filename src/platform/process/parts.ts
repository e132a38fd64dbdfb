import type { Logger } from "pino";
import type { Grants } from "./module.ts";
import type { Cache } from "../cache/cache.ts";
import type { Settings } from "../config/settings.ts";
import type { AnyConsumer } from "../events/consumer.ts";
import type { PostgresNotify } from "../events/postgres-notify.ts";
import { postgresSubscription, registerSubscriptions } from "../events/postgres-subscription.ts";
import { Subscription } from "../events/subscription.ts";
import { WakeUp } from "../events/wake-up.ts";
import type { Database } from "../postgres/database.ts";
import type { ScopeOn } from "../postgres/unit-of-work.ts";
import type { Jobs } from "../scheduler/jobs.ts";
import type { Secrets } from "../secrets/secrets.ts";
import type { Runtime } from "../runtime.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** The shared parts that every module is composed of. */
export type Parts<Known extends Settings = Settings> = Runtime & {
  readonly settings: Known;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly database: Database;
  readonly cache: Cache;
  readonly secrets: Secrets;
  /** Takes background jobs, which run in one process at a time. They start once all modules are composed. */
  readonly jobs: Jobs;
  /** The default permissions of roles in all modules. */
  readonly grants: Grants;
  readonly wakeUps: ReadonlyMap<string, WakeUp>;
  /** Names this process among those that share the work. */
  readonly process: string;
  /** Other processes on the same database; undefined where there can be none. */
  readonly others: PostgresNotify | undefined;
};

/** Wakes the readers of a log, here and in other processes. */
export function announcer({ wakeUps, others }: Parts, schema: string): () => void {
  const wakeUp = wakeUps.get(schema);
  return () => {
    wakeUp?.call();
    others?.announce(schema);
  };
}

type Consuming<Scope> = Parts & {
  /** Whose log is read. */
  readonly schema: string;
  /** Whose events follow from it: of the same context, unless said. */
  readonly into?: string;
  readonly scope: ScopeOn<Scope>;
  readonly onAppended: (types: ReadonlySet<string>) => void;
  readonly consumers: readonly AnyConsumer<Scope>[];
};

/** Runs the consumers of a context until `undo`. */
export async function consume<Scope>(
  parts: Consuming<Scope>,
  undo: AsyncDisposableStack,
): Promise<void> {
  const { database, schema, consumers, settings, log, metrics, wakeUps, process } = parts;
  const { clock, timers, chance } = parts;
  await registerSubscriptions(
    database,
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
      store: postgresSubscription({ ...parts, name }),
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
}
