import type { EventMonitor, SubscriptionHealth } from "../events/health.ts";
import { slotCount } from "../events/subscription-store.ts";
import type { Database } from "../postgres/database.ts";
import type { Metrics } from "./metrics.ts";

/** Gauges that are read from the tables when they are asked for: a silent stall shows in them. */
export function watch({ gauge }: Metrics, database: Database, events: EventMonitor): void {
  gauge("basalt_postgres_up", "1 if Postgres answers and can store more", [], async (up) =>
    up.set(
      await database.assertReady().then(
        () => 1,
        () => 0,
      ),
    ),
  );
  gauge("basalt_postgres_connections", "Connections of the pool", ["state"], (connections) => {
    const { total, idle, waiting } = database.stats();
    connections.set({ state: "busy" }, total - idle);
    connections.set({ state: "idle" }, idle);
    connections.set({ state: "waiting" }, waiting);
  });
  watchLogs(gauge, events);
}

/** The same troubles as `doctor` and `/health/ready`. */
function watchLogs(gauge: Metrics["gauge"], { healths, troubles }: EventMonitor): void {
  const now = () => healths().catch(() => []);
  gauge(
    "basalt_events_horizon_age_seconds",
    "Age of the oldest transaction that appends to a log; events after it wait for its end",
    ["log"],
    async (age) => {
      for (const { log, horizon_age_s: seconds } of await now()) age.set({ log }, seconds);
    },
  );
  gauge(
    "basalt_events_trouble",
    "What is wrong with a log or a subscription",
    ["subject"],
    async (trouble) => {
      trouble.reset();
      for (const { subject, isBad } of await troubles().catch(() => []))
        if (isBad) trouble.inc({ subject });
    },
  );
  const each = (
    name: string,
    help: string,
    set: (to: (value: number, state?: string) => void, health: SubscriptionHealth) => void,
    more: readonly string[] = [],
  ) =>
    gauge(name, help, ["subscription", ...more], async (current) => {
      current.reset();
      for (const { subscriptions } of await now())
        for (const health of subscriptions)
          set((value, state) => {
            const labels = { subscription: health.name, ...(state === undefined ? {} : { state }) };
            current.set(labels, value);
          }, health);
    });

  each(
    "basalt_subscription_lag_events",
    "Events that the consumer has not read yet; parked ones are not among them",
    (set, { lag }) => set(lag),
  );
  each(
    "basalt_subscription_held_ratio",
    "Share of its slots that processes hold",
    (set, { held }) => set(held / slotCount),
  );
  each(
    "basalt_subscription_oldest_undelivered_age_seconds",
    "Age of the oldest event that the consumer has not read yet",
    (set, { waits_s: seconds }) => set(seconds),
  );
  each(
    "basalt_subscription_parked_streams",
    "Streams apart from the others: claimed, retrying or dead",
    (set, { claimed, retrying, dead }) => {
      set(claimed, "claimed");
      set(retrying, "retrying");
      set(dead, "dead");
    },
    ["state"],
  );
}
