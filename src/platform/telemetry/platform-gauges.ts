import { horizonAge, type EventAdmin, type SubscriptionHealth } from "../events/admin.ts";
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
  watchSubscriptions(gauge, logs);
}

const labels = ["subscription", "partition"] as const;

function watchSubscriptions(
  gauge: Metrics["gauge"],
  logs: Readonly<Record<string, EventAdmin>>,
): void {
  const now = shared(async () => {
    const healths = await Promise.all(Object.values(logs).map((admin) => admin.health()));
    return healths.flat();
  });
  const each = (
    name: string,
    help: string,
    set: (
      to: (value: number, more?: { readonly state: string }) => void,
      of: SubscriptionHealth,
    ) => void,
    more: readonly string[] = [],
  ) =>
    gauge(name, help, [...labels, ...more], async (current) => {
      for (const health of await now().catch(() => [])) {
        const { name: subscription, partition } = health;
        const of = { subscription, partition: String(partition) };
        set((value, state) => current.set({ ...of, ...state }, value), health);
      }
    });

  each("basalt_subscription_lag_events", "Events not delivered yet", (set, { lag }) => set(lag));
  each("basalt_subscription_held", "1 if a process holds it", (set, { lease_holder: holder }) =>
    set(holder === null ? 0 : 1),
  );
  each(
    "basalt_subscription_oldest_undelivered_age_seconds",
    "Age of the oldest event not delivered yet",
    (set, { oldest_undelivered_at: at }) =>
      set(at === null ? 0 : (Date.now() - Date.parse(at)) / 1000),
  );
  each(
    "basalt_subscription_parked_streams",
    "Streams that wait behind a failed event",
    (set, { retrying, dead }) => {
      set(retrying, { state: "retrying" });
      set(dead, { state: "dead" });
    },
    ["state"],
  );
}

/** One answer for all who ask while it is being found. */
function shared<T>(find: () => Promise<T>): () => Promise<T> {
  let finding: Promise<T> | undefined;
  return () =>
    (finding ??= find().finally(() => {
      finding = undefined;
    }));
}
