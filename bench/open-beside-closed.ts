// One server with `GET /api/v1/users/:userId` twice: as it is, and below /open without asking who it is.
import type pg from "pg";
import { pino } from "pino";
import { ok } from "#kernel/result.ts";
import type { Identity } from "#contexts/identity";
import { memoryCache } from "#platform/cache/memory-cache.ts";
import type { Route } from "#platform/http/route.ts";
import { createHttpServer } from "#platform/http/server.ts";
import type { ModuleSettings } from "#platform/process/module.ts";
import { postgresPersistence } from "#platform/process/persistence.ts";
import { openDatabase, openSecrets } from "#platform/process/postgres.ts";
import { memoryRateLimits } from "#platform/rate-limit/flexible-rate-limits.ts";
import { memoryLeases } from "#platform/scheduler/memory-leases.ts";
import { Jobs } from "#platform/scheduler/jobs.ts";
import { systemRuntime as runtime } from "#platform/system.ts";
import { createHandlers } from "#platform/handlers/handlers.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { identity } from "../src/contexts/identity/module.ts";
import { getUser } from "../src/contexts/identity/application/users/get-user.ts";
import { postgresIdentity } from "../src/contexts/identity/infrastructure/postgres-identity.ts";
import { userRoutes } from "../src/contexts/identity/presentation/user-routes.ts";
import { basalt } from "../src/composition.ts";

const { BENCH_CONNECTION = "{}", ...env } = process.env;
const settings = basalt.load(env) as ModuleSettings<typeof identity.settings>;
const log = pino();
const metrics = createMetrics();
const database = openDatabase(settings, JSON.parse(BENCH_CONNECTION) as pg.ClientConfig, log);
const secrets = openSecrets(settings);
const { clock, newId, timers } = runtime;
const jobs = new Jobs({ ...runtime, leases: memoryLeases(timers), process: "bench", log });
const shared = { ...runtime, wakeUps: new Map(), process: "bench", others: undefined, jobs };
const { grants, permissions } = basalt;
const own = { cache: memoryCache(), grants, permissions };
const persistence = postgresPersistence(database, runtime);
const parts = { consuming: [], settings, log, metrics, persistence, secrets, ...own, ...shared };
const undo = new AsyncDisposableStack();
const { routes, access } = await identity.compose(parts, {}, undo);
if (!access) throw new Error("identity does not say who sends a request");
const { authenticate } = access;

const isGetUser = ({ method, path }: Route) => method === "GET" && path === "/users/:userId";
const units = persistence.units({
  schema: "identity",
  onAppended: () => {},
  scope: postgresIdentity(newId),
});
const handlers = { getUser: getUser({ ...units, mayAct: async () => ok(undefined) }) };
const audit = { enter: async () => {} };
const asking = createHandlers("open", handlers, { metrics, audit, denials: [] });
const open = userRoutes(asking as unknown as Identity)
  .filter(isGetUser)
  .map((route): Route => ({
    ...route,
    path: `/open${route.path}`,
    access: "anyone",
    id: "open",
    summary: "Open",
  }));

const limiter = memoryRateLimits("bench", { points: 1_000_000_000, perS: 60 });
const app = await createHttpServer({
  ...settings,
  authenticate,
  clock,
  log,
  metrics,
  version: "bench",
  production: false,
  docs: false,
  basePath: "",
  probe: async () => {},
  isDraining: () => false,
  routes: [...routes.filter(isGetUser), ...open],
  doors: [],
  limiters: { requests: limiter, byAddress: limiter, byAccount: limiter },
  fingerprints: (request) => [request],
});
console.log(`ready at ${await app.listen({ port: 0, host: "127.0.0.1" })}`);
process.on("SIGTERM", () => process.exit(0));
