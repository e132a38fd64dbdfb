import { html } from "./html.ts";
import { below } from "../address.ts";
import { createHash, timingSafeEqual } from "node:crypto";
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { FastifyInstance } from "fastify";
import { sendProblem } from "./answers.ts";
import { serveDocument } from "./openapi.ts";
import { problem } from "./problem.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { within } from "../runtime.ts";
import { systemTimers as timers } from "../system.ts";

/** Something that Basalt cannot serve without, and how to ask it. */
export type Check = { readonly name: string; readonly isUp: () => Promise<boolean> };

/** Something that does not get on by itself, while requests are served all the same. */
export type ToldTrouble = {
  readonly subject: string;
  readonly isBad: boolean;
  readonly says: string;
};

export type OperationsOptions = {
  readonly productName: string;
  readonly version: string;
  readonly docs: boolean;
  readonly production: boolean;
  /** The bearer token for metrics. Without one they are open, and closed in production. */
  readonly metricsToken: string | undefined;
  readonly metrics: Metrics;
  readonly checks: readonly Check[];
  /** Told, and no reason to send requests elsewhere: every process would be out of rotation. */
  readonly troubles: () => Promise<readonly ToldTrouble[]>;
  readonly isDraining: () => boolean;
  /** The document of what contexts publish. */
  readonly asyncApi: object;
  /** The public halves of the keys that sign access tokens. */
  readonly jwks: () => Promise<{ readonly keys: readonly { readonly alg?: string }[] }>;
  /** The issuer of access tokens. */
  readonly publicUrl: string;
};

const checkWithinMs = 1_000;
const hidden = { schema: { hide: true }, config: { access: "public" } } as const;
/** Probes are asked by the machines that watch over Basalt, however often. */
const probe = { schema: { hide: true }, config: { access: "public", isProbe: true } } as const;
/** The page has one inline style and no script. */
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** Serves what operators and newcomers ask for: `/`, `/health`, `/health/ready`, `/metrics`, `/docs`, documents. */
export function serveOperations(app: FastifyInstance, options: OperationsOptions): void {
  const { productName, version, metrics, checks, isDraining } = options;
  const startedAt = performance.now();

  app.get("/favicon.ico", hidden, (_request, reply) =>
    reply.header("cache-control", "public, max-age=86400").code(204).send(),
  );
  app.get("/health", probe, () => ({
    status: "healthy",
    service: "basalt",
    version,
    uptimeS: Math.round((performance.now() - startedAt) / 1000),
  }));

  app.get("/health/ready", probe, async (_request, reply) => {
    const answers = await Promise.all(
      checks.map(async ({ name, isUp }) => [name, (await answersInTime(isUp)) ? "up" : "down"]),
    );
    const isReady = !isDraining() && answers.every(([, state]) => state === "up");
    const troubled = isReady ? await troubledIn(options.troubles) : [];
    const served = troubled.length > 0 ? "degraded" : "ready";
    const status = isDraining() ? "draining" : isReady ? served : "not-ready";
    return reply
      .code(isReady ? 200 : 503)
      .send({ status, checks: Object.fromEntries(answers), troubled });
  });

  app.get("/metrics", hidden, async (request, reply) =>
    maySeeMetrics(options, request.headers.authorization)
      ? reply.type(metrics.registry.contentType).send(await metrics.registry.metrics())
      : sendProblem(reply, needsMetricsToken(request.id)),
  );

  app.get("/.well-known/jwks.json", hidden, async (_request, reply) =>
    reply.header("cache-control", "public, max-age=60").send(await options.jwks()),
  );

  const { publicUrl } = options;
  for (const known of ["openid-configuration", "oauth-authorization-server"])
    app.get(`/.well-known/${known}`, hidden, async (_request, reply) => {
      const { keys } = await options.jwks();
      const algorithms = [...new Set(keys.map(({ alg }) => alg))];
      return reply.header("cache-control", "public, max-age=60").send({
        issuer: publicUrl,
        jwks_uri: below(publicUrl, "/.well-known/jwks.json"),
        response_types_supported: [],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms,
      });
    });

  if (options.docs)
    app.get(
      "/asyncapi.json",
      hidden,
      serveDocument(() => options.asyncApi),
    );

  const links = linksOf(options);
  const base = basePathOf(options.publicUrl);
  const told = Object.fromEntries(Object.entries(links).map(([name, at]) => [name, base + at]));
  app.get("/", hidden, (request, reply) => {
    if (!request.headers.accept?.includes("text/html"))
      return reply.send({ name: productName, version, links: told });
    return reply
      .header("content-security-policy", pagePolicy)
      .type("text/html; charset=utf-8")
      .send(page(options, links));
  });

  if (options.docs) serveReference(app, productName);
}

function maySeeMetrics(
  { metricsToken, production }: OperationsOptions,
  authorization = "",
): boolean {
  if (metricsToken === undefined) return !production;
  const hashed = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hashed(authorization), hashed(`Bearer ${metricsToken}`));
}

const needsMetricsToken = (correlationId: string) =>
  problem("unauthenticated", {
    status: 401,
    correlationId,
    detail: "Metrics need the bearer token of BASALT_METRICS_TOKEN",
  });

/** Names only: what exactly is wrong, `doctor` and `events consumers` tell those who operate. */
async function troubledIn(ask: OperationsOptions["troubles"]): Promise<readonly string[]> {
  const troubles = await within(timers, checkWithinMs, ask()).catch(() => [
    { subject: "events", isBad: true, says: "not known" },
  ]);
  return [...new Set(troubles.filter(({ isBad }) => isBad).map(({ subject }) => subject))];
}

const answersInTime = (isUp: () => Promise<boolean>): Promise<boolean> =>
  within(timers, checkWithinMs, isUp()).catch(() => false);

/** The path of the public address, below which a proxy may serve: empty without one. */
export const basePathOf = (publicUrl: string): string =>
  new URL(publicUrl).pathname.replace(/\/$/, "");

const linksOf = ({ docs }: OperationsOptions): Readonly<Record<string, string>> => ({
  ...(docs && { docs: "/docs", openapi: "/openapi.json", asyncapi: "/asyncapi.json" }),
  jwks: "/.well-known/jwks.json",
  health: "/health",
  ready: "/health/ready",
  metrics: "/metrics",
});

const page = (
  { productName, version }: Pick<OperationsOptions, "productName" | "version">,
  links: Readonly<Record<string, string>>,
) =>
  html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <title>${productName}</title>
      <style>
        body {
          font:
            16px/1.6 system-ui,
            sans-serif;
          max-width: 40rem;
          margin: 4rem auto;
          padding: 0 1rem;
          color-scheme: light dark;
        }
        code {
          opacity: 0.7;
        }
      </style>
      <h1>${productName} <small>${version}</small></h1>
      <p>It runs. From here:</p>
      <ul>
        ${Object.entries(links).map(
          ([name, path]) =>
            html`<li><a href="${path.slice(1)}">${name}</a> <code>${path}</code></li>`,
        )}
      </ul>
    </html> `.text;

/** Swagger UI from its package, streamed from disk: nothing of it stays in memory. */
function serveReference(app: FastifyInstance, productName: string): void {
  const folder = path.dirname(createRequire(import.meta.url).resolve("swagger-ui-dist"));
  const files = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
  };
  for (const [file, type] of Object.entries(files))
    app.get(`/docs/${file}`, hidden, (_request, reply) =>
      reply
        .header("cache-control", "public, max-age=3600")
        .type(type)
        .send(createReadStream(path.join(folder, file))),
    );
  app.get("/docs/start.js", hidden, (_request, reply) =>
    reply.type("text/javascript; charset=utf-8").send(referenceScript),
  );
  app.get("/docs", hidden, (_request, reply) =>
    reply
      .header("content-security-policy", referencePolicy)
      .type("text/html; charset=utf-8")
      .send(referencePage(productName)),
  );
}

const referencePolicy =
  "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data:; frame-ancestors 'none'";

const referencePage = (productName: string) =>
  html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <title>${productName} API</title>
      <link rel="stylesheet" href="docs/swagger-ui.css" />
      <div id="reference"></div>
      <script src="docs/swagger-ui-bundle.js"></script>
      <script src="docs/start.js"></script>
    </html> `.text;

const referenceScript = `SwaggerUIBundle({
  url: "openapi.json", dom_id: "#reference", deepLinking: true, tryItOutEnabled: true,
});
`;
