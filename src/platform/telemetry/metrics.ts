import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** All metrics of one process, in Prometheus' terms: seconds, bytes, totals. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    requests: new Histogram({
      name: "basalt_http_request_duration_seconds",
      help: "Time from the request's headers to the end of the answer",
      labelNames: ["method", "route", "status"],
      buckets: secondsBuckets,
      registers,
    }),
    shed: new Counter({
      name: "basalt_http_requests_shed_total",
      help: "Requests refused with 503 because too many were in flight",
      registers,
    }),
    handlers: new Histogram({
      name: "basalt_handler_duration_seconds",
      help: "Time of a command or query; outcome is ok, the refusal's type, or error",
      labelNames: ["handler", "outcome"],
      buckets: secondsBuckets,
      registers,
    }),
    conflicts: new Counter({
      name: "basalt_handler_conflicts_total",
      help: "Lost races that were decided anew",
      labelNames: ["handler"],
      registers,
    }),
    consumed: new Counter({
      name: "basalt_events_handled_total",
      help: "Events handled by a consumer",
      labelNames: ["consumer", "outcome"],
      registers,
    }),
    consuming: new Histogram({
      name: "basalt_consumer_batch_duration_seconds",
      help: "Time of a batch of events, commit included",
      labelNames: ["consumer"],
      buckets: secondsBuckets,
      registers,
    }),
    ...upstreamMetrics(registers),
    gauge: (
      name: string,
      help: string,
      labelNames: readonly string[],
      collect: (gauge: Gauge) => void | Promise<void>,
    ) =>
      new Gauge({
        name,
        help,
        labelNames: [...labelNames],
        registers,
        collect() {
          return collect(this);
        },
      }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

/** Metrics of upstreams, and of answers composed from them. */
function upstreamMetrics(registers: Registry[]) {
  const breakers = new Map<string, () => boolean>();
  return {
    upstreamCalls: new Counter({
      name: "basalt_upstream_calls_total",
      help: "Calls of upstreams: ok, failed, late, refused, full or broken",
      labelNames: ["upstream", "outcome"],
      registers,
    }),
    upstreamBroken: new Gauge({
      name: "basalt_upstream_broken",
      help: "1 while nobody is sent to an upstream, since it failed too often in a row",
      labelNames: ["upstream"],
      registers,
      collect() {
        for (const [upstream, isBroken] of breakers) this.set({ upstream }, isBroken() ? 1 : 0);
      },
    }),
    /** Whether the circuit of each upstream is open. */
    breakers,
    parts: new Counter({
      name: "basalt_answer_parts_total",
      help: "Parts of composed answers: live, stale or unavailable",
      labelNames: ["part", "status"],
      registers,
    }),
  };
}
