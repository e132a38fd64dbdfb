import { horizonAge, type EventAdmin } from "../events/admin.ts";
import { statement, type Database } from "../postgres/database.ts";
import type { Metrics } from "./metrics.ts";

const ping = statement("basalt.ping", "select 1");

export const databaseIsUp = async (database: Database): Promise<boolean> => {
  await database.query(ping, []);
  return true;
};

/** Gauges that are read from the tables when they are asked for: a silent stall shows in them. */
export function watch(
  { gauge }: Metrics,
  database: Database,
  logs: Readonly<Record<string, EventAdmin>>,
): void {
  gauge("basalt_postgres_up", "1 if Postgres answers", [], async (up) =>
    up.set(await databaseIsUp(database).then(Number, () => 0)),
  );
  gauge("basalt_postgres_connections", "Connections of the pool", ["state"], (connections) => {
    const { total, idle, waiting } = database.stats();
    connections.set({ state: "busy" }, total - idle);
    connections.set({ state: "idle" }, idle);
    connections.set({ state: "waiting" }, waiting);
  });
  gauge(
    "basalt_events_horizon_age_seconds",
    "Age of the oldest writing transaction; events newer than it wait",
    [],
    async (age) => age.set(await horizonAge(database).catch(() => NaN)),
  );
  const labels = ["subscription", "partition"] as const;
  const lag = gauge("basalt_subscription_lag_events", "Events not delivered yet", labels, () => {});
  const parked = gauge(
    "basalt_subscription_parked_streams",
    "Streams that wait behind a failed event",
    [...labels, "state"],
    () => {},
  );
  const held = gauge("basalt_subscription_held", "1 if a process holds it", labels, () => {});
  gauge(
    "basalt_subscription_oldest_undelivered_age_seconds",
    "Age of the oldest event not delivered yet",
    labels,
    async (age) => {
      for (const admin of Object.values(logs))
        for (const health of await admin.health().catch(() => [])) {
          const { name: subscription, partition: number, oldest_undelivered_at: oldest } = health;
          const of = { subscription, partition: String(number) };
          age.set(of, oldest === null ? 0 : (Date.now() - Date.parse(oldest)) / 1000);
          lag.set(of, health.lag);
          held.set(of, health.lease_holder === null ? 0 : 1);
          parked.set({ ...of, state: "retrying" }, health.retrying);
          parked.set({ ...of, state: "dead" }, health.dead);
        }
    },
  );
}
