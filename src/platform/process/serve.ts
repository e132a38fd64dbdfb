import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { Settings } from "../config/settings.ts";
import { isProduction } from "../config/settings.ts";
import { basePathOf, serveOperations, type OperationsOptions } from "../http/operations.ts";
import { createHttpServer } from "../http/server.ts";
import { memoryRateLimits } from "../rate-limit/flexible-rate-limits.ts";
import type { RateLimits } from "../rate-limit/rate-limit.ts";
import type { Composition } from "./composition.ts";
import type { Composed, Wiring } from "./module.ts";
import type { Parts } from "./parts.ts";
import type { Profile } from "./persistence.ts";

const attemptsPerS = 15 * 60;

/** Attempts are counted for all processes; requests by each one, since that is once per request. */
const limitersOf = (settings: Settings, limits: RateLimits) => ({
  requests: memoryRateLimits("requests", { points: settings.requestsPerMinute, perS: 60 }),
  byAddress: limits("address", { points: settings.attemptsPerAddress, perS: attemptsPerS }),
  byAccount: limits("account", { points: settings.attemptsPerAccount, perS: attemptsPerS }),
});

/** Composes all modules; each gets the interfaces of those before it. */
async function composeAll<On extends Profile>(
  wirings: readonly Wiring<On>[],
  parts: Parts<Settings, On>,
  undo: AsyncDisposableStack,
) {
  const composed: Composed<unknown>[] = [];
  const provided: Record<string, unknown> = {};
  for (const wiring of wirings) {
    const one = await wiring.compose(parts, provided, undo);
    composed.push(one);
    provided[wiring.name] = one.provides;
  }
  const [access, ...more] = composed.flatMap((one) => one.access ?? []);
  if (!access || more.length > 0)
    throw new Error("exactly one module must say who sends a request");
  return { composed, access };
}

type Serving<On extends Profile> = Pick<Composition, "version" | "asyncApi"> & {
  readonly wirings: readonly Wiring<On>[];
  readonly parts: Parts<Settings, On>;
  readonly limits: RateLimits;
  /** Whether the database answers; its delay shows overload. */
  readonly isUp: () => Promise<boolean>;
  readonly troubles: OperationsOptions["troubles"];
};

/**
 * All modules at work, and the server with their routes, before it listens. `introduce` hears at once
 * what a person must know, such as a password that was made: a later step may fail.
 */
export async function serve<On extends Profile>(
  serving: Serving<On>,
  undo: AsyncDisposableStack,
  introduce: (says: string) => void,
): Promise<FastifyInstance> {
  const { wirings, parts } = serving;
  const { composed, access } = await composeAll(wirings, parts, undo);
  const background = undo.use(new AsyncDisposableStack()); // ends after the server
  const app = await serverOf(serving, { composed, access }, undo);
  await app.ready();
  for (const begin of parts.consuming) await begin(background);
  background.use(parts.jobs.start());
  for (const { prepare } of composed) {
    const says = await prepare?.();
    if (says !== undefined) introduce(says);
  }
  return app;
}

async function serverOf<On extends Profile>(
  { version, asyncApi, parts, limits, isUp, troubles }: Serving<On>,
  { composed, access }: Awaited<ReturnType<typeof composeAll>>,
  undo: AsyncDisposableStack,
): Promise<FastifyInstance> {
  const { settings, metrics } = parts;
  const { productName } = settings;
  const production = isProduction(settings);
  const docs = settings.docs ?? !production;
  let draining = false;
  const app = await createHttpServer({
    ...settings,
    version,
    production,
    docs,
    routes: composed.flatMap(({ routes }) => routes),
    doors: composed.flatMap(({ doors = [] }) => doors),
    basePath: basePathOf(settings.publicUrl),
    authenticate: access.authenticate,
    probe: isUp,
    isDraining: () => draining,
    limiters: limitersOf(settings, limits),
    fingerprints: (request) => parts.secrets.signByAll(request, "idempotency"),
    clock: parts.clock,
    log: parts.log,
    metrics,
  });
  serveOperations(app, {
    productName,
    version,
    jwks: access.jwks,
    publicUrl: settings.publicUrl,
    asyncApi: asyncApi(productName),
    docs,
    production,
    metricsToken: settings.metricsToken,
    metrics,
    checks: [{ name: "postgres", isUp }],
    troubles,
    isDraining: () => draining,
  });
  undo.defer(async () => {
    draining = true;
    await sleep(settings.shutdownDelayMs);
    await drain(app, settings.shutdownTimeoutMs);
  });
  return app;
}

const closeIdleEveryMs = 50;

/** Lets running requests end; after the timeout, their connections are closed. */
async function drain(app: FastifyInstance, timeoutMs: number): Promise<void> {
  const late = setTimeout(() => app.server.closeAllConnections(), timeoutMs);
  // A connection that was busy when the close began idles afterwards, and would be waited for.
  const idle = setInterval(() => app.server.closeIdleConnections(), closeIdleEveryMs);
  await app.close();
  clearInterval(idle);
  clearTimeout(late);
}
